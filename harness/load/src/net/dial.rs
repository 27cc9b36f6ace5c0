//! Opens connections: looks the name up, connects, shakes hands, and tells how long each took and which of them failed.
//! Knows no request, and keeps nothing open.

use super::lookup::{Names, Resolver, System};
use super::stream::{Socket, Stream};
use super::tls::{Tls, tls_words};
use super::turns::HEAD_START;
use crate::clock::Clock;
use crate::wire;
use harness_core::http::{Failure, FailureKind, Timing};
use harness_core::plan::load::{HttpPlan, HttpVersion};
use harness_core::units::micros;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

/// How a load reaches its target beyond the URLs: certificates, and a socket instead of addresses.
#[derive(Debug, Clone, Default)]
pub struct Route {
    /// Certificates.
    pub tls: Arc<Tls>,
    /// The Unix socket that every connection goes to; `None`: TCP, where the URL says.
    pub socket: Option<PathBuf>,
    /// Who knows addresses, where it is not the system.
    pub(crate) resolver: Option<Arc<dyn Resolver>>,
}

impl Route {
    /// By these certificates and this socket.
    pub const fn new(tls: Arc<Tls>, socket: Option<PathBuf>) -> Self {
        Self {
            tls,
            socket,
            resolver: None,
        }
    }
}

/// What is spoken on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// An open connection and what is spoken on it.
#[derive(Debug)]
pub(crate) struct Dialed {
    pub(crate) stream: Stream,
    pub(crate) protocol: Protocol,
}

/// Opens the connections of a load; shared by its workers.
#[derive(Debug)]
pub(crate) struct Dialer {
    names: Names,
    route: Route,
    version: HttpVersion,
    resumption: bool,
    config: OnceLock<Result<Arc<ClientConfig>, String>>,
    clock: Clock,
}

/// What dialling is at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Idle,
    Lookup,
    Connect,
    Handshake,
}

/// What dialling has come to, seen from outside: it may be given up at any moment.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    stage: Cell<Stage>,
    dns_us: Cell<u64>,
    connect_us: Cell<u64>,
    tls_us: Cell<u64>,
}

impl Progress {
    /// Adds what it took to an exchange's timing.
    pub(crate) fn add_to(&self, timing: &mut Timing) {
        timing.dns_us += self.dns_us.get();
        timing.connect_us += self.connect_us.get();
        timing.tls_us += self.tls_us.get();
    }

    /// What to say when it did not end within a limit; `None` if it is not under way.
    pub(crate) fn timed_out(&self, limit: Duration) -> Option<Failure> {
        let (kind, what) = match self.stage.get() {
            Stage::Idle => return None,
            Stage::Lookup => (FailureKind::ResolveTimeout, "the name was not looked up"),
            Stage::Connect => (FailureKind::ConnectTimeout, "no connection"),
            Stage::Handshake => (FailureKind::TlsTimeout, "TLS was not agreed on"),
        };
        Some(wire::failure(kind, format!("{what} within {limit:?}")))
    }

    /// Times a stage, however it ends. One that took less than a microsecond took one: it happened.
    async fn during<T>(
        &self,
        stage: Stage,
        clock: Clock,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        self.stage.set(stage);
        let begin = clock.now();
        let done = work.await;
        self.stage.set(Stage::Idle);
        let took = micros(clock.now().saturating_sub(begin)).max(1);
        let sum = match stage {
            Stage::Idle => return done,
            Stage::Lookup => &self.dns_us,
            Stage::Connect => &self.connect_us,
            Stage::Handshake => &self.tls_us,
        };
        sum.set(sum.get() + took);
        done
    }
}

/// Where a connection goes: `http://host:port` or `https://host:port`, in its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin<'u> {
    pub(crate) secure: bool,
    pub(crate) host: &'u str,
    pub(crate) port: u16,
}

impl<'u> Origin<'u> {
    /// The parts of a URL up to its path; `None` where it is none.
    pub(crate) fn of(url: &'u str) -> Option<Self> {
        let (secure, authority) = match url.strip_prefix("http://") {
            Some(rest) => (false, rest),
            None => (true, url.strip_prefix("https://")?),
        };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port.parse().ok()?),
            _ => (authority, if secure { 443 } else { 80 }),
        };
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let host = bare.unwrap_or(host);
        (!host.is_empty()).then_some(Self { secure, host, port })
    }
}

impl Dialer {
    /// For a load's connections.
    pub(crate) fn new(plan: &HttpPlan, route: &Route, clock: Clock) -> Self {
        let resolver = route
            .resolver
            .clone()
            .unwrap_or_else(|| Arc::new(System) as _);
        Self {
            names: Names::new(plan.lookup, resolver, clock),
            route: route.clone(),
            version: plan.version,
            resumption: plan.resumption,
            config: OnceLock::new(),
            clock,
        }
    }

    /// What will be spoken with an origin, if that is known before there is a connection.
    pub(crate) fn speaks(&self, secure: bool) -> Option<Protocol> {
        match self.version {
            HttpVersion::Http2 => Some(Protocol::Http2),
            HttpVersion::Http1 => Some(Protocol::Http1),
            HttpVersion::Auto if secure => None,
            HttpVersion::Auto => Some(Protocol::Http1),
        }
    }

    /// Does beforehand what every connection to an origin would have to wait for: looks its name up, reads the
    /// authorities. What fails here fails again, and is counted, when a request needs it.
    pub(crate) async fn prepare(&self, origin: &str) {
        let Some(origin) = Origin::of(origin) else {
            return;
        };
        if origin.secure {
            let _ = self.config();
        }
        if self.route.socket.is_none() && self.names.remembers() {
            let _ = self.names.addresses(origin.host, origin.port).await;
        }
    }

    /// Opens a connection to an origin, `http://host:port` or `https://host:port`.
    pub(crate) async fn dial(&self, origin: &str, progress: &Progress) -> Result<Dialed, Failure> {
        let parts = Origin::of(origin).ok_or_else(|| {
            wire::failure(
                FailureKind::Resolve,
                format!("{origin}: not a host and port"),
            )
        })?;
        let socket = self.connect(parts, progress).await?;
        if !parts.secure {
            let protocol = self.speaks(false).unwrap_or(Protocol::Http1);
            let stream = Stream::Plain(socket);
            return Ok(Dialed { stream, protocol });
        }
        let shake = self.handshake(parts, socket);
        progress
            .during(Stage::Handshake, self.clock, shake)
            .await
            .map_err(|failure| at(&format!("TLS with {}", parts.host), failure))
    }

    async fn connect(&self, origin: Origin<'_>, progress: &Progress) -> Result<Socket, Failure> {
        let clock = self.clock;
        if let Some(path) = &self.route.socket {
            let open = async { UnixStream::connect(path).await.map_err(|e| opening(&e)) };
            return progress
                .during(Stage::Connect, clock, open)
                .await
                .map(Socket::Unix)
                .map_err(|failure| at(&format!("connecting to {}", path.display()), failure));
        }
        let addresses = self.addresses(origin, progress).await?;
        let mut failed = None;
        for (nth, address) in addresses.iter().enumerate() {
            let attempt = self.attempt(*address, nth + 1 < addresses.len());
            match progress.during(Stage::Connect, clock, attempt).await {
                Ok(stream) => return Ok(Socket::Tcp(stream)),
                Err(failure) => failed = Some(connecting(*address, failure)),
            }
        }
        Err(none_took(origin.host, addresses.len(), failed))
    }

    /// Connects to one address; where there are others, in no more than its share of the time.
    async fn attempt(&self, address: SocketAddr, others: bool) -> Result<TcpStream, Failure> {
        let mut attempt = Attempt {
            names: &self.names,
            address,
            took: Some(false),
        };
        let connected = if others {
            let limited = tokio::time::timeout(HEAD_START, connect(address)).await;
            limited.unwrap_or_else(|_| Err(unconnected(HEAD_START)))
        } else {
            connect(address).await
        };
        attempt.took = match &connected {
            Ok(_) => Some(true),
            // Says nothing of the address.
            Err(failure) if failure.kind == FailureKind::Local => None,
            Err(_) => Some(false),
        };
        connected
    }

    /// The addresses of an origin that connections can be opened to by whoever wants no more than TCP; `None` where
    /// more is to be done, and where there are none.
    pub(crate) async fn tcp(&self, origin: &str) -> Option<Vec<SocketAddr>> {
        let parts = Origin::of(origin)?;
        if parts.secure || self.route.socket.is_some() || !self.names.remembers() {
            return None;
        }
        let addresses = self.names.all(parts.host, parts.port).await.ok()?;
        (!addresses.is_empty()).then_some(addresses)
    }

    async fn addresses(
        &self,
        origin: Origin<'_>,
        progress: &Progress,
    ) -> Result<Vec<SocketAddr>, Failure> {
        let before = progress.dns_us.get();
        let look = async {
            let found = self.names.addresses(origin.host, origin.port).await;
            found.map_err(|error| match wire::io_failure(&error) {
                Some(FailureKind::Local) => wire::of_io(&error),
                _ => wire::failure(FailureKind::Resolve, format!("{}: {error}", origin.host)),
            })
        };
        let (addresses, asked) = progress.during(Stage::Lookup, self.clock, look).await?;
        if !asked {
            progress.dns_us.set(before);
        }
        Ok(addresses)
    }

    async fn handshake(&self, origin: Origin<'_>, socket: Socket) -> Result<Dialed, Failure> {
        let tls = |words: String| wire::failure(FailureKind::Tls, words);
        let config = self.config().map_err(tls)?;
        let name = match self.route.tls.server_name() {
            Some(name) => name.clone(),
            None => ServerName::try_from(origin.host.to_owned())
                .map_err(|_| tls("the host is no name that a certificate can have".into()))?,
        };
        let stream = TlsConnector::from(config)
            .connect(name, socket)
            .await
            .map_err(|error| handshake_failure(&error))?;
        let agreed = stream.get_ref().1.alpn_protocol();
        let protocol = if agreed == Some(b"h2") {
            Protocol::Http2
        } else {
            Protocol::Http1
        };
        if self.version == HttpVersion::Http2 && protocol != Protocol::Http2 {
            return Err(tls(
                "the server does not offer HTTP/2 (by ALPN), which `version = \"2\"` demands"
                    .into(),
            ));
        }
        let stream = Stream::Tls(Box::new(stream));
        Ok(Dialed { stream, protocol })
    }

    fn config(&self) -> Result<Arc<ClientConfig>, String> {
        let made = self.config.get_or_init(|| {
            let offered: &[&[u8]] = match self.version {
                HttpVersion::Auto => &[b"h2", b"http/1.1"],
                HttpVersion::Http1 => &[b"http/1.1"],
                HttpVersion::Http2 => &[b"h2"],
            };
            self.route.tls.config(offered, self.resumption)
        });
        made.clone()
    }
}

/// A connection being opened. Given up halfway, its address has taken none.
struct Attempt<'d> {
    names: &'d Names,
    address: SocketAddr,
    took: Option<bool>,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if let Some(took) = self.took {
            self.names.tried(self.address, took);
        }
    }
}

async fn connect(address: SocketAddr) -> Result<TcpStream, Failure> {
    let stream = TcpStream::connect(address).await.map_err(|e| opening(&e))?;
    // On loopback, a port nobody listens on can be drawn as the source port too: TCP then connects to itself.
    if stream.local_addr().is_ok_and(|local| local == address) {
        return Err(opening(&io::ErrorKind::ConnectionRefused.into()));
    }
    stream.set_nodelay(true).map_err(|e| opening(&e))?;
    Ok(stream)
}

/// Why a connection that took longer than its limit is given up.
pub(crate) fn unconnected(limit: Duration) -> Failure {
    wire::failure(
        FailureKind::ConnectTimeout,
        format!("no connection within {limit:?}"),
    )
}

/// Why a connection to one address failed.
pub(crate) fn connecting(address: SocketAddr, failure: Failure) -> Failure {
    at(&format!("connecting to {address}"), failure)
}

/// Why there is no connection to a host, after so many addresses and the last one's failure.
pub(crate) fn none_took(host: &str, addresses: usize, failed: Option<Failure>) -> Failure {
    let mut failure = failed
        .unwrap_or_else(|| wire::failure(FailureKind::Resolve, format!("{host}: no address")));
    if addresses > 1 {
        failure.detail = format!(
            "none of {host}'s {addresses} addresses took a connection, the last: {}",
            failure.detail
        );
    }
    failure
}

/// What an error means while there is no connection yet.
pub(crate) fn opening(error: &io::Error) -> Failure {
    let mut failure = wire::of_io(error);
    match (failure.kind, error.kind()) {
        (FailureKind::Timeout, _) => failure.kind = FailureKind::ConnectTimeout,
        // A Unix socket that is not there, or that may not be used.
        (_, io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {
            failure.kind = FailureKind::Refused;
        }
        _ => {}
    }
    failure
}

fn handshake_failure(error: &io::Error) -> Failure {
    let inner = error.get_ref().and_then(|e| e.downcast_ref());
    let words = match inner {
        Some(error) => tls_words(error),
        None => match wire::io_failure(error) {
            Some(FailureKind::Local) => return wire::of_io(error),
            Some(FailureKind::Closed) => {
                "the server closed the connection during the handshake: does it speak TLS here?"
                    .into()
            }
            _ => format!("the handshake broke off: {error}"),
        },
    };
    wire::failure(FailureKind::Tls, words)
}

fn at(what: &str, mut failure: Failure) -> Failure {
    failure.detail = format!("{what}: {}", failure.detail);
    failure
}
