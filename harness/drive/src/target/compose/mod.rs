//! A target that a Compose file describes: its tool makes the containers from a file of the run's own, and from then on
//! they are containers like others. Knows nothing of plans.

pub mod call;
pub mod needs;
pub mod project;
pub mod tool;

use super::engine::{ContainerId, Engine};
use call::{ComposeError, Files};
use futures::future::try_join_all;
use needs::Until;
use project::{Piece, Wants};
use std::collections::BTreeMap;
use std::path::Path;

/// A container that was made and not started.
#[derive(Debug, Clone)]
pub struct Composed {
    /// The container.
    pub id: ContainerId,
    /// Whom it needs, by their names in the file, and how far they must have come.
    pub needs: BTreeMap<String, Until>,
}

/// Makes the containers of the services that are wanted and of those they can't be without, by their names in the file.
/// `folder` goes with the target: the file that is played has the secrets of the services' environment.
pub async fn compose(
    files: &Files,
    wants: &Wants,
    engine: &Engine,
    folder: &Path,
) -> Result<BTreeMap<String, Composed>, ComposeError> {
    let pieces = files.make(wants, folder).await?;
    let mut found = engine.of_project(&wants.project).await?;
    let all = pieces.into_iter().map(|(service, piece)| {
        let id = found.remove(&service);
        let id = id.ok_or_else(|| ComposeError::NoContainer {
            service: service.clone(),
        });
        async move {
            let id = id?;
            hang(engine, &id, &piece).await?;
            let needs = piece.needs;
            Ok::<_, ComposeError>((service, Composed { id, needs }))
        }
    });
    Ok(try_join_all(all).await?.into_iter().collect())
}

/// Has a container hang in all its networks: some tools connect one that they start to more than the first.
async fn hang(engine: &Engine, id: &ContainerId, piece: &Piece) -> Result<(), ComposeError> {
    let there = engine.networks_of(id).await?;
    for network in &piece.networks {
        if !there.contains(&network.network) {
            engine.connect_container(id, network).await?;
        }
    }
    Ok(())
}
