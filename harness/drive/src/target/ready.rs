//! Waits until a service says that it is ready, or has ended, or takes too long. What it is asked: a file each.

mod command;
mod get;
mod healthy;
mod log;
mod port;

use super::service::{Service, Start, Vessel};
use crate::dispatcher::Mouth;
use crate::http_client::Client;
use harness_core::event::Event;
use harness_core::http::{Method, Request};
use harness_core::units::format_duration;
use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Between two questions.
const POLL: Duration = Duration::from_millis(20);
/// One question takes at most this long.
const ASK: Duration = Duration::from_secs(2);
/// How long nothing is said of a wait.
const TELL: Duration = Duration::from_secs(5);

/// Where a service listens on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// `http` or `https`.
    pub(super) scheme: &'static str,
    /// Its port.
    pub(super) port: u16,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://127.0.0.1:{}", self.scheme, self.port)
    }
}

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

/// What a service is asked for whether it is ready.
#[derive(Debug, Clone)]
pub(super) enum Question {
    /// Whether a path answers 2xx.
    Get {
        /// Where it listens.
        place: Place,
        /// The path.
        path: String,
    },
    /// Whether its port accepts a connection.
    Port {
        /// Where it is itself, with no door before it: that accepts everything.
        address: Option<String>,
        /// The port that people know.
        port: u16,
    },
    /// Whether a line of its output has these words in it.
    Log(String),
    /// Whether a command of this machine ends well.
    Command {
        /// Program and arguments.
        words: Vec<String>,
        /// How the service was started.
        start: Box<Start>,
    },
    /// Whether a command in its container ends well.
    Within(Vec<String>, Vessel),
    /// Whether its image's own health check says so.
    Healthy(Vessel),
    /// Nothing: it runs.
    Nothing,
}

impl Question {
    /// Asks once; the error is what was answered instead.
    async fn ask(&self, client: &Client, service: &Service) -> Result<(), String> {
        match self {
            Self::Get { place, path } => {
                get::ask(client, &place.to_string(), place.port, path).await
            }
            Self::Port { address, port } => port::ask(address.as_deref(), *port).await,
            Self::Log(words) => log::ask(words, &service.heard()),
            Self::Command { words, start } => command::ask(words, start).await,
            Self::Within(words, vessel) => command::ask_within(words, vessel).await,
            Self::Healthy(vessel) => healthy::ask(vessel).await,
            Self::Nothing => Ok(()),
        }
    }
}

/// Asks until the service is ready, and says now and then that it is not.
pub(super) async fn wait(
    client: &Client,
    mouth: &Mouth,
    question: &Question,
    within: Duration,
    service: &Service,
) -> Result<(), NotReady> {
    let last = Mutex::new("it was never asked".to_owned());
    let said = || last.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let asking = async {
        loop {
            match question.ask(client, service).await {
                Ok(()) => return,
                Err(said) => *last.lock().unwrap_or_else(PoisonError::into_inner) = said,
            }
            tokio::time::sleep(POLL).await;
        }
    };
    let telling = still(mouth, |waited| {
        let (name, within) = (service.name(), format_duration(within));
        let waited = format_duration(waited);
        format!(
            "`{name}` is not ready after {waited} of {within}: {}",
            said()
        )
    });
    let outcome = tokio::select! {
        biased;
        status = service.wait() => Some(NotReady::Ended(status)),
        done = tokio::time::timeout(within, asking) => match done {
            Ok(()) => return Ok(()),
            Err(_) => None,
        },
        never = telling => match never {},
    };
    let last = said();
    Err(outcome.unwrap_or(NotReady::Slow { within, last }))
}

/// Says that something still takes its time: after 5 s, 10 s, 20 s and so on, so that a long wait is neither silent nor
/// a flood. Never ends.
pub(super) async fn still(mouth: &Mouth, words: impl Fn(Duration) -> String) -> Infallible {
    let mut waited = Duration::ZERO;
    let mut next = TELL;
    loop {
        tokio::time::sleep(next.saturating_sub(waited)).await;
        waited = next;
        next *= 2;
        mouth
            .say(Event::Notice {
                text: words(waited),
            })
            .await;
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
