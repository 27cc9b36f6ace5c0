//! Ready when a path answers 2xx.

use super::{ASK, get};
use crate::http_client::Client;

/// One question; the error is what was answered instead. `place` is the service's base address, of port `port`.
pub(super) async fn ask(client: &Client, place: &str, port: u16, path: &str) -> Result<(), String> {
    match client
        .send(&get(format!("{place}{path}")), ASK)
        .await
        .result
    {
        Ok(response) if (200..300).contains(&response.status) => Ok(()),
        Ok(response) => Err(format!("GET {path} answers {}", response.status)),
        Err(failure) => Err(format!("GET {path} on port {port} fails: {failure}")),
    }
}
