//! Waits until a service says that it is ready, or has ended, or takes too long.

use super::service::Service;
use crate::http_client::Client;
use harness_core::http::{Method, Request};
use harness_core::plan::target::Ready;
use harness_core::units::format_duration;
use std::net::Ipv4Addr;
use std::time::Duration;

/// Between two questions.
const POLL: Duration = Duration::from_millis(20);
/// One question takes at most this long.
const ASK: Duration = Duration::from_secs(2);

/// Why a service is not ready.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotReady {
    /// It ended first.
    #[error("it ended with {0} before it was ready")]
    Ended(String),
    /// It took too long.
    #[error("it was not ready within {}: {last}", format_duration(*within))]
    Slow {
        /// Its limit.
        within: Duration,
        /// What it said last.
        last: String,
    },
}

/// Asks until the service is ready.
pub(super) async fn wait(
    client: &Client,
    ready: &Ready,
    port: u16,
    service: &Service,
) -> Result<(), NotReady> {
    let mut last = "it was never asked".to_owned();
    let asking = async {
        loop {
            match ask(client, ready, port).await {
                Ok(()) => return,
                Err(said) => last = said,
            }
            tokio::time::sleep(POLL).await;
        }
    };
    let outcome = tokio::select! {
        biased;
        status = service.wait() => Some(NotReady::Ended(status)),
        done = tokio::time::timeout(ready.within, asking) => match done {
            Ok(()) => return Ok(()),
            Err(_) => None,
        },
    };
    Err(outcome.unwrap_or(NotReady::Slow {
        within: ready.within,
        last,
    }))
}

/// One question; the error is what was answered instead.
async fn ask(client: &Client, ready: &Ready, port: u16) -> Result<(), String> {
    let Some(path) = &ready.get else {
        let connect = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port));
        return match tokio::time::timeout(ASK, connect).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(format!("port {port} does not accept a connection: {error}")),
            Err(_) => Err(format!("port {port} does not accept a connection")),
        };
    };
    match client
        .send(&get(format!("http://127.0.0.1:{port}{path}")), ASK)
        .await
        .result
    {
        Ok(response) if (200..300).contains(&response.status) => Ok(()),
        Ok(response) => Err(format!("GET {path} answers {}", response.status)),
        Err(failure) => Err(format!("GET {path} on port {port} fails: {failure}")),
    }
}

/// Whether anything at all answers at a URL: any response will do.
pub(super) async fn answers(client: &Client, url: &str) -> Result<(), String> {
    let answer = client
        .send(&get(url.to_owned()), Duration::from_secs(10))
        .await
        .result;
    answer
        .map(drop)
        .map_err(|failure| format!("nothing answers at {url}: {failure}"))
}

fn get(url: String) -> Request {
    Request {
        method: Method::Get,
        url,
        headers: Vec::new(),
        body: bytes::Bytes::new(),
    }
}
