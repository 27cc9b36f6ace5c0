//! Ready when its image's own health check says that it is healthy.

use crate::target::engine::Health;
use crate::target::service::Vessel;

/// One question; the error is what the health check says instead.
pub(super) async fn ask(vessel: &Vessel) -> Result<(), String> {
    let state = vessel.engine.inspect(&vessel.id).await;
    match state.map_err(|error| error.to_string())?.health {
        Health::Healthy => Ok(()),
        Health::Starting => Err("its health check was not well yet".to_owned()),
        Health::Unhealthy(said) if said.is_empty() => Err("its health check fails".to_owned()),
        Health::Unhealthy(said) => Err(format!("its health check fails: {said}")),
        Health::None => Err(
            "its image has no health check: give it one (HEALTHCHECK), or wait for a path, a line or a command".to_owned(),
        ),
    }
}
