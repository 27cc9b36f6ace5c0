//! One worker's connections: at most so many, kept alive between requests, and a queue for whoever finds none free.
//! Knows nothing of requests, schedules or figures.

use crate::wire::{self, Address};
use bytes::Bytes;
use harness_core::http::{Failure, FailureKind};
use http_body_util::Full;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::rc::Rc;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

/// Hosts remembered at most: a target that redirects to ever new hosts must not grow the memory.
const HOSTS: usize = 256;

/// An open connection; closed when dropped.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) sender: SendRequest<Full<Bytes>>,
    driver: AbortHandle,
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Without this, hyper would keep a connection open whose response nobody waits for any more.
        self.driver.abort();
    }
}

/// A worker's connections.
#[derive(Debug)]
pub(crate) struct Pool {
    limit: usize,
    state: RefCell<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Leases out. Together with `idle` never above the limit.
    used: usize,
    /// Connections idle, over all hosts.
    idle: usize,
    hosts: HashMap<Rc<str>, Host>,
    /// Not empty only while every connection is leased.
    waiting: VecDeque<Waiting>,
}

#[derive(Debug, Default)]
struct Host {
    addresses: Vec<SocketAddr>,
    idle: Vec<Connection>,
}

#[derive(Debug)]
struct Waiting {
    authority: Rc<str>,
    grant: oneshot::Sender<Lease>,
}

/// The right to use one connection to one host, with the connection if there is one already. Gives the right back
/// when dropped; the connection stays open only through [`Lease::keep`].
#[derive(Debug)]
pub(crate) struct Lease {
    pool: Rc<Pool>,
    authority: Rc<str>,
    connection: Option<Connection>,
    /// Whether the connection outlives the lease.
    kept: bool,
}

impl Pool {
    /// An empty pool of at most `limit` connections.
    pub(crate) fn new(limit: usize) -> Rc<Self> {
        Rc::new(Self {
            limit: limit.max(1),
            state: RefCell::default(),
        })
    }

    /// A lease at once, if a connection is free or another may be opened.
    pub(crate) fn try_lease(self: &Rc<Self>, authority: &str) -> Option<Lease> {
        let mut state = self.state.borrow_mut();
        let authority = state.known(authority);
        let connection = state.reuse(&authority);
        if connection.is_none() && state.used + state.idle >= self.limit && !state.close_one_idle()
        {
            return None;
        }
        state.used += 1;
        drop(state);
        Some(Lease {
            pool: Rc::clone(self),
            authority,
            connection,
            kept: false,
        })
    }

    /// A lease when one is given back, in the order of asking. Only to be called after [`Pool::try_lease`] had none.
    pub(crate) async fn lease(&self, authority: &str) -> Option<Lease> {
        let (grant, granted) = oneshot::channel();
        {
            let mut state = self.state.borrow_mut();
            let authority = state.known(authority);
            state.waiting.push_back(Waiting { authority, grant });
        }
        granted.await.ok()
    }

    /// The addresses of a host, looked up once.
    pub(crate) async fn addresses(&self, authority: &str) -> Result<Vec<SocketAddr>, Failure> {
        let known = self
            .state
            .borrow()
            .hosts
            .get(authority)
            .map(|host| host.addresses.clone())
            .unwrap_or_default();
        if !known.is_empty() {
            return Ok(known);
        }
        let unknown =
            |why: String| wire::failure(FailureKind::Resolve, format!("{authority}: {why}"));
        let target = Address::host_and_port(authority)
            .ok_or_else(|| unknown("not a port number".to_owned()))?;
        let found = tokio::net::lookup_host(target)
            .await
            .map_err(|error| unknown(error.to_string()))?;
        let found: Vec<_> = found.collect();
        if found.is_empty() {
            return Err(unknown("no address".to_owned()));
        }
        let mut state = self.state.borrow_mut();
        let authority = state.known(authority);
        if let Some(host) = state.hosts.get_mut(&authority) {
            host.addresses.clone_from(&found);
        }
        Ok(found)
    }

    /// Takes a lease back: it goes to whoever has waited longest, else the connection rests.
    fn give_back(self: &Rc<Self>, authority: &Rc<str>, connection: Option<Connection>) {
        let mut state = self.state.borrow_mut();
        while let Some(first) = state.waiting.pop_front() {
            // Who waited too long has gone.
            if first.grant.is_closed() {
                continue;
            }
            drop(state);
            let connection = connection.filter(|_| first.authority == *authority);
            let lease = Lease {
                pool: Rc::clone(self),
                authority: first.authority,
                connection,
                kept: false,
            };
            // Can't fail: the receiver was there a line ago, on this same thread.
            drop(first.grant.send(lease));
            return;
        }
        state.used -= 1;
        if let Some(connection) = connection
            && let Some(host) = state.hosts.get_mut(authority)
        {
            host.idle.push(connection);
            state.idle += 1;
        }
    }
}

impl State {
    /// The one shared copy of an authority, entered if it is new.
    fn known(&mut self, authority: &str) -> Rc<str> {
        if let Some((known, _)) = self.hosts.get_key_value(authority) {
            return Rc::clone(known);
        }
        if self.hosts.len() >= HOSTS {
            self.hosts.retain(|_, host| !host.idle.is_empty());
        }
        let known: Rc<str> = authority.into();
        self.hosts.insert(Rc::clone(&known), Host::default());
        known
    }

    /// An idle connection to a host that the host has not closed.
    fn reuse(&mut self, authority: &str) -> Option<Connection> {
        let host = self.hosts.get_mut(authority)?;
        while let Some(connection) = host.idle.pop() {
            self.idle -= 1;
            if !connection.sender.is_closed() {
                return Some(connection);
            }
        }
        None
    }

    /// Closes an idle connection to any host, to make room for one to another.
    fn close_one_idle(&mut self) -> bool {
        let closed = self
            .hosts
            .values_mut()
            .find_map(|host| host.idle.pop())
            .is_some();
        self.idle -= usize::from(closed);
        closed
    }
}

impl Lease {
    /// The connection that came with the lease, if it can still take a request.
    pub(crate) async fn reuse(&mut self) -> Option<Connection> {
        let mut connection = self.connection.take()?;
        connection.sender.ready().await.ok().map(|()| connection)
    }

    /// Opens a new connection.
    pub(crate) async fn dial(&self) -> Result<Connection, Failure> {
        let mut failed = None;
        for address in self.pool.addresses(&self.authority).await? {
            match connect(address).await {
                Ok(connection) => return Ok(connection),
                Err(failure) => failed = Some(failure),
            }
        }
        Err(failed.unwrap_or_else(|| {
            wire::failure(
                FailureKind::Resolve,
                format!("{}: no address", self.authority),
            )
        }))
    }

    /// Gives the lease back with a connection that can take another request.
    pub(crate) fn keep(mut self, connection: Connection) {
        self.connection = Some(connection);
        self.kept = true;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let connection = self
            .connection
            .take()
            .filter(|connection| self.kept && !connection.sender.is_closed());
        self.pool.give_back(&self.authority, connection);
    }
}

async fn connect(address: SocketAddr) -> Result<Connection, Failure> {
    let connecting = |error: std::io::Error| {
        let mut failure = wire::of_io(&error);
        if failure.kind == FailureKind::Timeout {
            failure.kind = FailureKind::ConnectTimeout;
        }
        failure.detail = format!("connecting to {address}: {}", failure.detail);
        failure
    };
    let stream = TcpStream::connect(address).await.map_err(connecting)?;
    // On loopback, a port nobody listens on can be drawn as the source port too: TCP then connects to itself.
    if stream.local_addr().is_ok_and(|local| local == address) {
        return Err(connecting(std::io::ErrorKind::ConnectionRefused.into()));
    }
    stream.set_nodelay(true).map_err(connecting)?;
    let (sender, driver) = handshake(TokioIo::new(stream))
        .await
        .map_err(|error| wire::of_hyper(&error))?;
    let driver = tokio::task::spawn_local(async move {
        // What goes wrong here is told to whoever waits for the response.
        let _ = driver.await;
    });
    Ok(Connection {
        sender,
        driver: driver.abort_handle(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn run(test: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let limited = async { tokio::time::timeout(Duration::from_secs(30), test).await };
        tokio::task::LocalSet::new()
            .block_on(&runtime, limited)
            .expect("hung");
    }

    fn wait(pool: &Rc<Pool>, host: &'static str) -> tokio::task::JoinHandle<Option<Lease>> {
        let pool = Rc::clone(pool);
        tokio::task::spawn_local(async move { pool.lease(host).await })
    }

    #[test]
    fn no_more_leases_than_the_limit_and_the_longest_waiting_comes_first() {
        run(async {
            let pool = Pool::new(2);
            let (first, second) = (pool.try_lease("a").unwrap(), pool.try_lease("b").unwrap());
            assert!(pool.try_lease("a").is_none());
            let (early, late) = (wait(&pool, "a"), wait(&pool, "b"));
            tokio::task::yield_now().await;
            drop(first);
            let early = early.await.unwrap().unwrap();
            assert!(!late.is_finished() && pool.try_lease("a").is_none());
            drop(second);
            let late = late.await.unwrap().unwrap();
            drop((early, late));
            assert_eq!(pool.state.borrow().used, 0);
        });
    }

    #[test]
    fn who_gave_up_waiting_costs_no_lease() {
        run(async {
            let pool = Pool::new(1);
            let only = pool.try_lease("a").unwrap();
            let (gone, patient) = (wait(&pool, "a"), wait(&pool, "a"));
            tokio::task::yield_now().await;
            gone.abort();
            assert!(gone.await.is_err());
            drop(only);
            // Given, and dropped before it is taken.
            tokio::task::yield_now().await;
            patient.abort();
            drop(patient.await);
            assert_eq!(pool.state.borrow().used, 0);
            assert!(pool.try_lease("a").is_some());
        });
    }

    #[test]
    fn connections_are_reused_and_make_room_for_another_host() {
        run(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let (a, b) = (format!("127.0.0.1:{port}"), format!("localhost:{port}"));
            let pool = Pool::new(1);
            let lease = pool.try_lease(&a).unwrap();
            let connection = lease.dial().await.unwrap();
            let id = connection.driver.id();
            lease.keep(connection);
            assert_eq!((pool.state.borrow().used, pool.state.borrow().idle), (0, 1));

            let mut again = pool.try_lease(&a).unwrap();
            let connection = again.reuse().await.unwrap();
            assert_eq!(connection.driver.id(), id);
            again.keep(connection);

            let mut other = pool.try_lease(&b).unwrap();
            assert!(other.reuse().await.is_none());
            assert_eq!((pool.state.borrow().used, pool.state.borrow().idle), (1, 0));
            assert!(pool.try_lease(&a).is_none());
        });
    }
}
