//! One exchange on a Goose user's client, timed from the send to the body's last byte. Knows no journey and no figure.

use harness_core::http::{Failure, FailureKind, Request, Response, Timing};
use harness_core::journey::walk::{Answer, Outgoing};
use harness_core::units::micros;
use harness_load::{Clock, Sends, io_failure};
use std::error::Error as _;
use std::time::Duration;

/// Bytes of a body that are kept; all are read and counted.
const KEPT: usize = 8 << 20;
/// Bytes of a body that are read at most, as in the native engine.
const READ: u64 = 64 << 20;

/// Sends a user's requests.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    inner: reqwest::Client,
    clock: Clock,
}

impl Client {
    /// A client; `None` if none can be built here.
    pub(crate) fn new(clock: Clock) -> Option<Self> {
        let inner = Self::rules().build().ok()?;
        Some(Self { inner, clock })
    }

    /// What clients are built by: nothing that the journey's interpreter does itself.
    pub(crate) fn rules() -> reqwest::ClientBuilder {
        reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .http1_only()
            .tcp_nodelay(true)
    }

    /// Takes the one that Goose holds for the user.
    pub(crate) fn use_client(&mut self, client: reqwest::Client) {
        self.inner = client;
    }

    async fn exchange(
        &self,
        request: &Request,
        head: &mut Option<Duration>,
        received: &mut u64,
    ) -> Result<Response, Failure> {
        let method = reqwest::Method::from_bytes(request.method.as_str().as_bytes())
            .map_err(|error| failure(FailureKind::Protocol, &error))?;
        let mut building = self.inner.request(method, &request.url);
        for (name, value) in &request.headers {
            building = building.header(name, value);
        }
        if !request.body.is_empty() {
            building = building.body(request.body.clone());
        }
        let mut answer = building.send().await.map_err(|error| of(&error))?;
        *head = Some(self.clock.now());
        let status = answer.status().as_u16();
        let headers = answer.headers().iter();
        let headers = headers.map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        });
        let headers = headers.collect();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| of(&error))? {
            *received += chunk.len() as u64;
            if *received > READ {
                return Err(Failure {
                    kind: FailureKind::Protocol,
                    detail: format!("body too large: more than {READ} bytes"),
                });
            }
            let room = KEPT.saturating_sub(body.len()).min(chunk.len());
            body.extend_from_slice(chunk.get(..room).unwrap_or_default());
        }
        Ok(Response {
            status,
            headers,
            body: body.into(),
            body_len: *received,
        })
    }
}

impl Sends for Client {
    async fn send(&mut self, outgoing: Outgoing) -> (Answer, u64) {
        let Outgoing {
            request,
            timeout,
            intended,
            ..
        } = outgoing;
        let sent = self.clock.now();
        let (mut head, mut received) = (None, 0);
        let exchange = self.exchange(&request, &mut head, &mut received);
        let result = tokio::time::timeout(timeout, exchange).await;
        let ended = self.clock.now();
        let result = result.unwrap_or_else(|_| {
            let (kind, what) = match head {
                None => (FailureKind::FirstByteTimeout, "no response"),
                Some(_) => (FailureKind::BodyTimeout, "no end of the body"),
            };
            Err(Failure {
                kind,
                detail: format!("{what} within {timeout:?}"),
            })
        });
        let span = |from: Duration, to: Duration| micros(to.saturating_sub(from));
        let first = head.unwrap_or(ended);
        let timing = Timing {
            queue_us: span(intended, sent),
            first_byte_us: span(sent, first),
            body_us: span(first, ended),
            total_us: span(sent, ended),
            ..Timing::default()
        };
        let answer = Answer {
            sent,
            ended,
            timing,
            result,
        };
        (answer, received)
    }
}

/// The class of what went wrong, from the innermost error that says something of the connection.
fn of(error: &reqwest::Error) -> Failure {
    let mut cause = error.source();
    let mut kind = None;
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            kind = io_failure(io).or(kind);
        }
        let words = inner.to_string();
        // How hyper says that the peer closed in the middle.
        if words.contains("connection closed before message completed")
            || words.contains("end of file before")
        {
            kind = Some(FailureKind::Closed);
        }
        cause = inner.source();
    }
    let other = if error.is_connect() {
        FailureKind::Refused
    } else {
        FailureKind::Protocol
    };
    failure(kind.unwrap_or(other), error)
}

fn failure(kind: FailureKind, error: &dyn std::error::Error) -> Failure {
    let mut detail = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        detail = inner.to_string();
        cause = inner.source();
    }
    Failure { kind, detail }
}
