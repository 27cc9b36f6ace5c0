//! The pool's book: which connections there are, who has one, who waits, and who is next. Opens and closes nothing but
//! by dropping; wakes nobody.

use super::{Connection, Http2, Lease};
use crate::net::dial::Protocol;
use harness_core::http::Failure;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use tokio::sync::oneshot;

/// Hosts remembered at most: a target that redirects to ever new hosts must not grow the memory.
const HOSTS: usize = 256;

/// Who waits for a lease.
type Grant = oneshot::Sender<Result<Lease, Failure>>;

/// What a lease is given.
#[derive(Debug)]
pub(super) enum Granted {
    /// A connection's place, with the connection if there is one already.
    Whole(Option<Connection>),
    /// A place for the connection that says what is spoken; others wait for it.
    First,
    /// A stream.
    Stream(Rc<Http2>),
}

#[derive(Debug)]
pub(super) struct State {
    limit: usize,
    /// Streams wanted on an HTTP/2 connection.
    streams: usize,
    /// Whether connections may be shared at all.
    shares: bool,
    /// Whole connections lent. Together with `idle` and `open` never above the limit.
    used: usize,
    /// Whole connections idle, over all hosts.
    idle: usize,
    /// Shared connections, over all hosts.
    open: usize,
    hosts: HashMap<Rc<str>, Host>,
    /// Those who wait for a whole connection, to whichever host. Not empty only while there is none to be had.
    waiting: VecDeque<(Rc<str>, Grant)>,
    /// How many wait at their hosts.
    queued: usize,
}

#[derive(Debug, Default)]
struct Host {
    /// What is spoken there, once it is known.
    speaks: Option<Protocol>,
    idle: Vec<Connection>,
    shared: Vec<Rc<Http2>>,
    /// A connection that may be shared is being opened.
    opening: bool,
    /// Those who wait for it, or for a stream.
    waiting: VecDeque<Grant>,
}

impl Host {
    fn forgettable(&self) -> bool {
        self.idle.is_empty() && self.shared.is_empty() && self.waiting.is_empty() && !self.opening
    }
}

impl State {
    pub(super) fn new(limit: usize, streams: usize, shares: bool) -> Self {
        Self {
            limit: limit.max(1),
            streams: streams.max(1),
            shares,
            used: 0,
            idle: 0,
            open: 0,
            hosts: HashMap::new(),
            waiting: VecDeque::new(),
            queued: 0,
        }
    }

    /// Whether connections may be shared.
    pub(super) const fn shares(&self) -> bool {
        self.shares
    }

    /// The one shared copy of an origin, entered if it is new with what is said to be spoken there.
    pub(super) fn known(
        &mut self,
        origin: &str,
        speaks: impl Fn(bool) -> Option<Protocol>,
    ) -> Rc<str> {
        if let Some((known, _)) = self.hosts.get_key_value(origin) {
            return Rc::clone(known);
        }
        if self.hosts.len() >= HOSTS {
            self.hosts.retain(|_, host| !host.forgettable());
        }
        let known: Rc<str> = origin.into();
        let host = Host {
            speaks: speaks(origin.starts_with("https:")),
            ..Host::default()
        };
        self.hosts.insert(Rc::clone(&known), host);
        known
    }

    /// What there is for one more request to a host, taken; `None` if it has to wait.
    pub(super) fn take(&mut self, origin: &str) -> Option<Granted> {
        let sharing = self.shares
            && self
                .hosts
                .get(origin)
                .is_none_or(|host| host.speaks != Some(Protocol::Http1));
        if sharing {
            if let Some(stream) = self.stream(origin) {
                return Some(Granted::Stream(stream));
            }
            if self.hosts.get(origin).is_some_and(|host| host.opening) {
                return None;
            }
        } else if let Some(connection) = self.reuse(origin) {
            self.used += 1;
            return Some(Granted::Whole(Some(connection)));
        }
        if self.used + self.idle + self.open >= self.limit && !self.close_one_idle() {
            return None;
        }
        self.used += 1;
        match self.hosts.get_mut(origin).filter(|_| sharing) {
            Some(host) => {
                host.opening = true;
                Some(Granted::First)
            }
            None => Some(Granted::Whole(None)),
        }
    }

    /// Joins the queue.
    pub(super) fn wait(&mut self, origin: Rc<str>) -> oneshot::Receiver<Result<Lease, Failure>> {
        let (grant, granted) = oneshot::channel();
        match self.hosts.get_mut(&origin) {
            Some(host) if self.shares && host.speaks != Some(Protocol::Http1) => {
                host.waiting.push_back(grant);
                self.queued += 1;
            }
            _ => self.waiting.push_back((origin, grant)),
        }
        granted
    }

    /// The next of those who wait for whom there is something now, with it.
    pub(super) fn next(&mut self) -> Option<(Rc<str>, Granted, Grant)> {
        while let Some((origin, grant)) = self.waiting.pop_front() {
            // Who waited too long has gone.
            if grant.is_closed() {
                continue;
            }
            match self.take(&origin) {
                Some(granted) => return Some((origin, granted, grant)),
                None => {
                    self.waiting.push_front((origin, grant));
                    break;
                }
            }
        }
        if self.queued == 0 {
            return None;
        }
        let origins: Vec<Rc<str>> = self
            .hosts
            .iter()
            .filter(|(_, host)| !host.waiting.is_empty())
            .map(|(origin, _)| Rc::clone(origin))
            .collect();
        origins.into_iter().find_map(|origin| self.next_at(origin))
    }

    fn next_at(&mut self, origin: Rc<str>) -> Option<(Rc<str>, Granted, Grant)> {
        let host = self.hosts.get_mut(&origin)?;
        while host.waiting.front().is_some_and(Grant::is_closed) {
            host.waiting.pop_front();
            self.queued -= 1;
        }
        if host.waiting.is_empty() {
            return None;
        }
        let granted = self.take(&origin)?;
        let grant = self.hosts.get_mut(&origin)?.waiting.pop_front()?;
        self.queued -= 1;
        Some((origin, granted, grant))
    }

    /// A whole connection's place comes back, with the connection if it can take another request.
    pub(super) fn give_back(&mut self, origin: &str, connection: Option<Connection>) {
        self.used -= 1;
        let Some(connection) = connection else { return };
        if let Some(host) = self.hosts.get_mut(origin) {
            host.idle.push(connection);
            self.idle += 1;
        }
    }

    /// A connection was opened that is shared from now on; who opened it has its first stream.
    pub(super) fn share(&mut self, origin: &str, http2: Rc<Http2>) {
        self.used -= 1;
        self.open += 1;
        if let Some(host) = self.hosts.get_mut(origin) {
            host.speaks = Some(Protocol::Http2);
            host.opening = false;
            host.shared.push(http2);
        }
    }

    /// A connection was opened that can't be shared, nor can any other to this host: who waited for it now waits for
    /// one of their own.
    pub(super) fn speaks_http1(&mut self, origin: &Rc<str>) {
        if let Some(host) = self.hosts.get_mut(origin) {
            host.speaks = Some(Protocol::Http1);
            host.opening = false;
            self.queued -= host.waiting.len();
            let waited = host.waiting.drain(..);
            self.waiting
                .extend(waited.map(|grant| (Rc::clone(origin), grant)));
        }
    }

    /// A connection could not be opened; those who would have shared it.
    pub(super) fn unopened(&mut self, origin: &str) -> Vec<Grant> {
        let streams = self.streams;
        let Some(host) = self.hosts.get_mut(origin) else {
            return Vec::new();
        };
        host.opening = false;
        let sharing = host.waiting.len().min(streams - 1);
        self.queued -= sharing;
        host.waiting.drain(..sharing).collect()
    }

    /// Who was opening a connection has given up.
    pub(super) fn given_up(&mut self, origin: &str) {
        if let Some(host) = self.hosts.get_mut(origin) {
            host.opening = false;
        }
    }

    /// A request has left its stream. The last to leave a connection that takes no more closes it.
    pub(super) fn leave(&mut self, origin: &str, http2: &Rc<Http2>) {
        http2.taken.set(http2.taken.get() - 1);
        if http2.taken.get() == 0 && !http2.connection.usable() {
            self.forget(origin, http2);
        }
    }

    fn forget(&mut self, origin: &str, http2: &Rc<Http2>) {
        if let Some(host) = self.hosts.get_mut(origin)
            && let Some(at) = host.shared.iter().position(|one| Rc::ptr_eq(one, http2))
        {
            host.shared.swap_remove(at);
            self.open -= 1;
        }
    }

    /// A free stream of a shared connection, taken.
    fn stream(&mut self, origin: &str) -> Option<Rc<Http2>> {
        let streams = self.streams;
        let host = self.hosts.get_mut(origin)?;
        let before = host.shared.len();
        host.shared
            .retain(|http2| http2.taken.get() > 0 || http2.connection.usable());
        self.open -= before - host.shared.len();
        let free = host.shared.iter().find(|http2| {
            http2.connection.usable() && http2.taken.get() < http2.connection.streams(streams)
        })?;
        free.taken.set(free.taken.get() + 1);
        Some(Rc::clone(free))
    }

    /// An idle connection to a host that the host has not closed.
    fn reuse(&mut self, origin: &str) -> Option<Connection> {
        let host = self.hosts.get_mut(origin)?;
        while let Some(mut connection) = host.idle.pop() {
            self.idle -= 1;
            if connection.usable() {
                return Some(connection);
            }
        }
        None
    }

    /// Closes idle connections that are of no more use.
    pub(super) fn sweep(&mut self) {
        let mut idle = 0;
        for host in self.hosts.values_mut() {
            host.idle.retain_mut(Connection::usable);
            idle += host.idle.len();
        }
        self.idle = idle;
    }

    /// Closes an idle connection to any host, to make room for one to another.
    fn close_one_idle(&mut self) -> bool {
        for host in self.hosts.values_mut() {
            if host.idle.pop().is_some() {
                self.idle -= 1;
                return true;
            }
            if let Some(at) = host.shared.iter().position(|http2| http2.taken.get() == 0) {
                host.shared.swap_remove(at);
                self.open -= 1;
                return true;
            }
        }
        false
    }

    #[cfg(test)]
    pub(super) const fn counts(&self) -> (usize, usize, usize) {
        (self.used, self.idle, self.open)
    }
}
