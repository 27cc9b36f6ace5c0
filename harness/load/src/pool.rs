//! One worker's connections: at most so many, kept alive between requests, and a queue for whoever finds none free.
//! HTTP/1.1 has one request on a connection, HTTP/2 as many as the plan and the server allow. Knows nothing of requests,
//! schedules or figures.

mod state;
#[cfg(test)]
mod tests;

use crate::http1;
use crate::http2;
use crate::net::dial::{Dialed, Dialer, Progress, Protocol};
use crate::net::stream::Stream;
use crate::wire;
use harness_core::http::{Failure, FailureKind};
use harness_core::plan::load::{HttpPlan, Reuse};
use state::{Granted, State};
use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::oneshot;

/// An open connection that speaks HTTP/2, and how many requests are on it.
#[derive(Debug)]
pub(crate) struct Http2 {
    pub(crate) connection: http2::Connection,
    taken: Cell<usize>,
}

/// What a request is sent on.
#[derive(Debug)]
pub(crate) enum Connection {
    /// A whole connection.
    Http1(http1::connection::Connection<Stream>),
    /// A stream of one that others may share.
    Http2(Rc<Http2>),
}

impl Connection {
    /// The port it comes from.
    pub(crate) fn port(&self) -> Option<u16> {
        match self {
            Self::Http1(http1) => http1.port(),
            Self::Http2(http2) => http2.connection.port(),
        }
    }

    /// Whether it takes another request, as far as is known without trying.
    pub(crate) fn usable(&mut self) -> bool {
        match self {
            Self::Http1(http1) => http1.is_open(),
            Self::Http2(http2) => http2.connection.usable(),
        }
    }
}

/// A worker's connections.
#[derive(Debug)]
pub(crate) struct Pool {
    dialer: Arc<Dialer>,
    reuse: Reuse,
    state: RefCell<State>,
}

/// The connection that a user keeps to itself, with [`Reuse::User`]; nothing otherwise. Closed when dropped.
#[derive(Debug, Default)]
pub(crate) struct Own(Option<(Lease, Connection)>);

impl Own {
    /// The lease a user holds, if it is one to this host and its connection still stands. Any other is given back.
    pub(crate) fn take(&mut self, origin: &str) -> Option<Lease> {
        let (mut lease, mut connection) = self.0.take()?;
        if *lease.origin != *origin || !connection.usable() {
            return None;
        }
        lease.connection = Some(connection);
        Some(lease)
    }

    /// Puts a connection that can take another request where the next one finds it.
    pub(crate) fn keep(&mut self, lease: Lease, connection: Connection) {
        match lease.pool.reuse {
            Reuse::Pool => lease.keep(connection),
            Reuse::User => self.0 = Some((lease, connection)),
            Reuse::Never => {}
        }
    }
}

/// The right to send one request to one host at a time: on a connection of its own, which may have to be opened first,
/// or on a stream of a shared one. Gives the right back when dropped; a connection stays open only through
/// [`Lease::keep`], a shared one as long as its server likes.
#[derive(Debug)]
pub(crate) struct Lease {
    pool: Rc<Pool>,
    origin: Rc<str>,
    right: Right,
    connection: Option<Connection>,
    /// Whether the connection outlives the lease.
    kept: bool,
}

/// What a lease is counted as.
#[derive(Debug, Clone)]
enum Right {
    /// One of the connections allowed.
    Whole,
    /// The same, and others wait to hear what is spoken on it, for they may share it.
    First,
    /// A stream.
    Stream(Rc<Http2>),
}

impl Pool {
    /// An empty pool of at most `limit` connections.
    pub(crate) fn new(limit: usize, plan: &HttpPlan, dialer: Arc<Dialer>) -> Rc<Self> {
        let shared = plan.reuse == Reuse::Pool;
        Rc::new(Self {
            dialer,
            reuse: plan.reuse,
            state: RefCell::new(State::new(limit, plan.streams as usize, shared)),
        })
    }

    /// Does beforehand what the first connection to an origin would have to wait for.
    pub(crate) async fn prepare(&self, origin: &str) {
        self.dialer.prepare(origin).await;
    }

    /// The addresses of an origin for whoever opens connections of its own, over TCP and nothing more.
    pub(crate) async fn tcp(&self, origin: &str) -> Option<Vec<SocketAddr>> {
        self.dialer.tcp(origin).await
    }

    /// Whether each request has a connection of its own.
    pub(crate) fn closes(&self) -> bool {
        self.reuse == Reuse::Never
    }

    /// A lease at once, if a connection or a stream is free or another connection may be opened. `origin` is a URL up
    /// to its path.
    pub(crate) fn try_lease(self: &Rc<Self>, origin: &str) -> Option<Lease> {
        let (origin, granted) = {
            let mut state = self.state.borrow_mut();
            let origin = state.known(origin, |secure| self.dialer.speaks(secure));
            let granted = state.take(&origin)?;
            (origin, granted)
        };
        Some(self.lend(origin, granted))
    }

    /// A lease when one is given back, in the order of asking. Only to be called after [`Pool::try_lease`] had none.
    /// Fails if the connection that it would have shared can't be opened.
    pub(crate) async fn lease(&self, origin: &str) -> Result<Lease, Failure> {
        let granted = {
            let mut state = self.state.borrow_mut();
            let origin = state.known(origin, |secure| self.dialer.speaks(secure));
            state.wait(origin)
        };
        // The other end is dropped with the pool only, and then nobody waits.
        let gone = |_| wire::failure(FailureKind::Cancelled, "the load is over");
        granted.await.map_err(gone)?
    }

    /// Closes resting connections that the other side has closed, or on which something came that nobody asked for. They
    /// would hold their descriptors until somebody tried to use them.
    pub(crate) fn sweep(&self) {
        self.state.borrow_mut().sweep();
    }

    fn lend(self: &Rc<Self>, origin: Rc<str>, granted: Granted) -> Lease {
        let (right, connection) = match granted {
            Granted::Whole(connection) => (Right::Whole, connection),
            Granted::First => (Right::First, None),
            Granted::Stream(http2) => {
                let connection = Connection::Http2(Rc::clone(&http2));
                (Right::Stream(http2), Some(connection))
            }
        };
        Lease {
            pool: Rc::clone(self),
            origin,
            right,
            connection,
            kept: false,
        }
    }

    /// Hands what has become free to those who wait, the longest waiting first.
    fn hand_on(self: &Rc<Self>) {
        loop {
            // The state must not be borrowed while a lease is sent: one that nobody takes is given back at once.
            let next = self.state.borrow_mut().next();
            let Some((origin, granted, grant)) = next else {
                return;
            };
            let _ = grant.send(Ok(self.lend(origin, granted)));
        }
    }

    /// Tells those who wait for a connection that would have been shared that there is none.
    fn tell(&self, waiting: Vec<oneshot::Sender<Result<Lease, Failure>>>, failure: &Failure) {
        for grant in waiting {
            let _ = grant.send(Err(failure.clone()));
        }
    }
}

impl Lease {
    /// The connection that came with the lease, if there was one.
    pub(crate) const fn reuse(&mut self) -> Option<Connection> {
        self.connection.take()
    }

    /// Whether the lease is for a stream of a shared connection, and of no other.
    pub(crate) const fn shared(&self) -> bool {
        matches!(self.right, Right::Stream(_))
    }

    /// The pool it is from.
    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// A lease for the same host instead of this one, which is given back first: whose shared connection is of no more
    /// use has to have another.
    pub(crate) async fn another(self) -> Result<Self, Failure> {
        let (pool, origin) = (Rc::clone(&self.pool), Rc::clone(&self.origin));
        drop(self);
        match pool.try_lease(&origin) {
            Some(lease) => Ok(lease),
            None => pool.lease(&origin).await,
        }
    }

    /// Opens a new connection.
    pub(crate) async fn dial(&mut self, progress: &Progress) -> Result<Connection, Failure> {
        let dialed = self.pool.dialer.dial(&self.origin, progress).await;
        let opened = match dialed {
            Ok(Dialed { stream, protocol }) => self.open(stream, protocol).await,
            Err(failure) => Err(failure),
        };
        let connection = match opened {
            Ok(connection) => connection,
            Err(failure) => {
                if matches!(self.right, Right::First) {
                    self.right = Right::Whole;
                    let sharing = self.pool.state.borrow_mut().unopened(&self.origin);
                    self.pool.tell(sharing, &failure);
                }
                return Err(failure);
            }
        };
        let first = matches!(self.right, Right::First);
        let mut state = self.pool.state.borrow_mut();
        match &connection {
            Connection::Http2(http2) if state.shares() => {
                state.share(&self.origin, Rc::clone(http2));
                self.right = Right::Stream(Rc::clone(http2));
            }
            Connection::Http1(_) if state.shares() => {
                state.speaks_http1(&self.origin);
                self.right = Right::Whole;
            }
            _ => self.right = Right::Whole,
        }
        drop(state);
        if first || self.shared() {
            self.pool.hand_on();
        }
        Ok(connection)
    }

    async fn open(&self, stream: Stream, protocol: Protocol) -> Result<Connection, Failure> {
        match protocol {
            Protocol::Http1 => {
                let port = stream.port();
                let connection = http1::connection::Connection::new(stream);
                Ok(Connection::Http1(connection.on_port(port)))
            }
            Protocol::Http2 => {
                let secure = self.origin.starts_with("https:");
                let connection = http2::Connection::open(stream, secure).await?;
                Ok(Connection::Http2(Rc::new(Http2 {
                    connection,
                    taken: Cell::new(1),
                })))
            }
        }
    }

    /// Gives the lease back with a connection that can take another request.
    fn keep(mut self, connection: Connection) {
        self.connection = Some(connection);
        self.kept = true;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let kept = self.kept;
        let connection = self.connection.take();
        {
            let mut state = self.pool.state.borrow_mut();
            match &self.right {
                Right::Stream(http2) => state.leave(&self.origin, http2),
                Right::First => {
                    state.given_up(&self.origin);
                    state.give_back(&self.origin, None);
                }
                Right::Whole => {
                    state.give_back(&self.origin, connection.filter(|_| kept));
                }
            }
        }
        self.pool.hand_on();
    }
}
