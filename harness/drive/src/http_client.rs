//! Sends the requests of functional walks and contract cases: one exchange in, one answer out. Adds nothing to a
//! request but the library's `accept: */*` where none is given, and follows nothing; bodies are bounded.

use crate::renamed::Renamed;
use bytes::{Bytes, BytesMut};
use harness_core::http::{Failure, FailureKind, Method, Request, Response, Timing};
use harness_core::units::micros;
use harness_load::{Clock, Route, tls_words};
use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

/// Bytes of a body that are kept.
const KEEP: usize = 8 << 20;
/// Bytes of a body that are read; beyond, the exchange fails.
const READ: u64 = 64 << 20;

/// Why no client could be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The library can't.
    #[error("failed to set up the HTTP client: {0}")]
    Library(#[from] reqwest::Error),
    /// TLS can't.
    #[error("failed to set up TLS: {0}")]
    Tls(String),
}

/// A client for functional runs.
#[derive(Debug, Clone)]
pub struct Client {
    inner: reqwest::Client,
    /// Those that expect another name than the URL's, where the suite says so.
    renamed: Option<Arc<Renamed>>,
    route: Route,
    pooled: bool,
    clock: Clock,
}

/// One exchange, timed on the run's clock.
#[derive(Debug, Clone)]
pub struct Exchanged {
    /// When it was sent.
    pub sent: Duration,
    /// When its last byte was read, or it failed.
    pub ended: Duration,
    /// Where the time went.
    pub timing: Timing,
    /// What came.
    pub result: Result<Response, Failure>,
}

impl Client {
    /// A client that keeps connections, honours no proxy settings and follows no redirects.
    pub fn new(clock: Clock, route: &Route) -> Result<Self, ClientError> {
        Self::build(clock, route, true)
    }

    /// The same, with a connection of its own for every exchange. A server may close a connection behind an answer
    /// without having said so (uvicorn does after an unhandled exception), and the next request on it is reset: that
    /// must not be charged to the next request.
    pub fn unpooled(clock: Clock, route: &Route) -> Result<Self, ClientError> {
        Self::build(clock, route, false)
    }

    /// The same with connections of its own, for another runtime.
    pub fn afresh(&self) -> Result<Self, ClientError> {
        Self::build(self.clock, &self.route, self.pooled)
    }

    fn build(clock: Clock, route: &Route, pooled: bool) -> Result<Self, ClientError> {
        // Another part of the process may have installed it already; either is the same provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let tls = match &route.tls {
            plain if plain.is_plain() => None,
            tls => Some(tls.config(&[b"http/1.1"], true).map_err(ClientError::Tls)?),
        };
        let socket = route.socket.clone();
        let builder = move || {
            let mut builder = reqwest::Client::builder()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .tcp_nodelay(true)
                .connect_timeout(Duration::from_secs(10));
            if !pooled {
                builder = builder.pool_max_idle_per_host(0);
            }
            if let Some(tls) = &tls {
                builder = builder.tls_backend_preconfigured(tls.as_ref().clone());
            }
            match &socket {
                Some(path) => builder.unix_socket(path.clone()),
                None => builder,
            }
        };
        let inner = builder().build()?;
        let renamed = route.tls.server_name().map(|name| {
            let make = move |lookup| Ok(builder().dns_resolver(lookup).build()?);
            Arc::new(Renamed::new(name.to_str().into_owned(), make))
        });
        Ok(Self {
            inner,
            renamed,
            route: route.clone(),
            pooled,
            clock,
        })
    }

    /// Sends a request and reads its answer to the end, within the time limit.
    pub async fn send(&self, request: &Request, timeout: Duration) -> Exchanged {
        let sent = self.clock.now();
        let mut timing = Timing::default();
        let result =
            match tokio::time::timeout(timeout, self.exchange(request, sent, &mut timing)).await {
                Ok(result) => result,
                Err(_) => Err(timed_out(timeout, timing)),
            };
        let ended = self.clock.now();
        timing.total_us = micros(ended.saturating_sub(sent));
        timing.body_us = timing.total_us.saturating_sub(timing.first_byte_us);
        Exchanged {
            sent,
            ended,
            timing,
            result,
        }
    }

    fn begin(&self, request: &Request) -> Result<reqwest::RequestBuilder, Failure> {
        let method = method(request.method);
        let renamed = self.renamed.as_ref().and_then(|all| all.of(&request.url));
        let Some(renamed) = renamed else {
            return Ok(self.inner.request(method, &request.url));
        };
        let (client, url, host) = renamed.map_err(|error| Failure {
            kind: FailureKind::Local,
            detail: error.to_string(),
        })?;
        let builder = client.request(method, url);
        Ok(match request.header("host") {
            Some(_) => builder,
            None => builder.header("host", host),
        })
    }

    async fn exchange(
        &self,
        request: &Request,
        sent: Duration,
        timing: &mut Timing,
    ) -> Result<Response, Failure> {
        let mut builder = self.begin(request)?;
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        if !request.body.is_empty() {
            builder = builder.body(request.body.clone());
        }
        let mut response = builder.send().await.map_err(|e| failure(&e))?;
        timing.first_byte_us = micros(self.clock.now().saturating_sub(sent)).max(1);
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| {
                (
                    name.as_str().to_owned(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect();
        let (mut body, mut body_len) = (BytesMut::new(), 0u64);
        while let Some(chunk) = response.chunk().await.map_err(|e| failure(&e))? {
            body_len += chunk.len() as u64;
            body.extend_from_slice(&chunk[..chunk.len().min(KEEP - body.len())]);
            if body_len > READ {
                let detail = format!("the body is larger than {} MiB", READ >> 20);
                return Err(Failure {
                    kind: FailureKind::Protocol,
                    detail,
                });
            }
        }
        Ok(Response {
            status: response.status().as_u16(),
            headers,
            body: Bytes::from(body),
            body_len,
        })
    }
}

/// What was under way when the time limit passed, as far as the library lets see: without a head, it may have been
/// connecting or waiting.
fn timed_out(timeout: Duration, timing: Timing) -> Failure {
    let limit = harness_core::units::format_duration(timeout);
    let kind = if timing.first_byte_us > 0 {
        FailureKind::BodyTimeout
    } else {
        FailureKind::Timeout
    };
    Failure {
        kind,
        detail: format!("no complete response within {limit}"),
    }
}

fn method(method: Method) -> reqwest::Method {
    match method {
        Method::Get => reqwest::Method::GET,
        Method::Head => reqwest::Method::HEAD,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        Method::Patch => reqwest::Method::PATCH,
        Method::Delete => reqwest::Method::DELETE,
        Method::Options => reqwest::Method::OPTIONS,
        Method::Trace => reqwest::Method::TRACE,
    }
}

/// Files a client's error under its class, by what lies at its root.
fn failure(error: &reqwest::Error) -> Failure {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = error.source();
    let (mut kind, mut detail) = (None, error.to_string());
    while let Some(inner) = cause {
        detail = tls_error(inner).map_or_else(|| inner.to_string(), tls_words);
        kind = classify(inner).or(kind);
        if kind == Some(FailureKind::Tls) {
            // What lies below is a part of it, and says less.
            break;
        }
        cause = inner.source();
    }
    let kind = match kind {
        Some(kind) => kind,
        None if error.is_timeout() && error.is_connect() => FailureKind::ConnectTimeout,
        None if error.is_timeout() => FailureKind::Timeout,
        None if error.is_connect() && detail.contains("resolve") => FailureKind::Resolve,
        None if error.is_connect() => FailureKind::Refused,
        None => FailureKind::Protocol,
    };
    Failure { kind, detail }
}

/// The failure of TLS that an error is, or carries: within an error of a socket, or one within another.
fn tls_error<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e rustls::Error> {
    let mut inner = error;
    loop {
        if let Some(found) = inner.downcast_ref() {
            return Some(found);
        }
        inner = inner.downcast_ref::<std::io::Error>()?.get_ref()?;
    }
}

fn classify(error: &(dyn std::error::Error + 'static)) -> Option<FailureKind> {
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        return match () {
            () if error.is_incomplete_message() || error.is_closed() => Some(FailureKind::Closed),
            () if error.is_parse() => Some(FailureKind::Protocol),
            () => None,
        };
    }
    if tls_error(error).is_some() {
        return Some(FailureKind::Tls);
    }
    match harness_load::io_failure(error.downcast_ref()?) {
        // A request's own limit is kept around it; here only connecting has one.
        Some(FailureKind::Timeout) => Some(FailureKind::ConnectTimeout),
        kind => kind,
    }
}

/// Gets a document over HTTP, on a runtime of its own: for commands that have none yet. The error is in words.
pub fn fetch(url: &str, timeout: Duration) -> Result<Vec<u8>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| e.to_string())?;
    let client = Client::new(Clock::start(), &Route::default()).map_err(|e| e.to_string())?;
    let request = Request {
        method: Method::Get,
        url: url.to_owned(),
        headers: Vec::new(),
        body: Bytes::new(),
    };
    let response = runtime
        .block_on(client.send(&request, timeout))
        .result
        .map_err(|failure| failure.to_string())?;
    match response {
        Response {
            status: 200, body, ..
        } if !body.is_empty() => Ok(body.to_vec()),
        Response { status, .. } => Err(format!("it answers status {status}")),
    }
}
