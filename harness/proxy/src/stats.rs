//! Figures of a proxy: counted with atomics while bytes pass, read as one snapshot whenever somebody asks.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::connections::Entry;
use crate::http::{HttpCounters, HttpStats};
use crate::name::ToxicName;
use crate::toxic::Stream;

/// What has happened on a proxy since it was bound; counts only grow, except `open`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkStats {
    /// Connections accepted.
    pub opened: u64,
    /// Connections open now.
    pub open: u64,
    /// Connections closed at once, because the upstream could not be reached or is not known yet.
    pub dial_failures: u64,
    /// Connections cut by a disable or by the shutdown.
    pub cut: u64,
    /// Client to service.
    pub up: Traffic,
    /// Service to client.
    pub down: Traffic,
    /// Requests and answers of watched connections; none while no connection has been watched.
    pub http: Option<HttpStats>,
    /// Per toxic in force, upstream ones first, each direction in the order of the chain.
    pub toxics: Vec<ToxicHits>,
}

/// Bytes of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes read from the sender.
    pub received: u64,
    /// Bytes handed to the receiver's socket: less what toxics hold, dropped or cut off.
    pub sent: u64,
}

/// What a toxic has done since it was added; an update does not start it anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToxicHits {
    /// The toxic.
    pub name: ToxicName,
    /// Its direction.
    pub stream: Stream,
    /// Connections it has done something to (delayed, paced, dropped, cut: not merely rolled for).
    pub connections: u64,
    /// Chunks it has done something to; an end of stream that is held back counts as one.
    pub chunks: u64,
    /// When it first did.
    pub first_affected: Option<time::Instant>,
}

/// Tells when a toxic first did something to a connection, counted from when it was added.
#[derive(Clone, Debug)]
pub struct Effect(watch::Receiver<Option<Instant>>);

impl Effect {
    /// When that was, if it has happened.
    #[must_use]
    pub fn first_affected(&self) -> Option<time::Instant> {
        self.0.borrow().map(Instant::into_std)
    }

    /// Waits for it; none if the toxic was removed without ever having done anything.
    pub async fn wait(&mut self) -> Option<time::Instant> {
        let first = self.0.wait_for(Option::is_some).await.ok()?;
        first.map(Instant::into_std)
    }
}

/// The counters behind [`ToxicHits`].
#[derive(Debug)]
pub(crate) struct Hits {
    connections: AtomicU64,
    chunks: AtomicU64,
    first: watch::Sender<Option<Instant>>,
}

impl Hits {
    pub(crate) fn new() -> Self {
        Self {
            connections: AtomicU64::new(0),
            chunks: AtomicU64::new(0),
            first: watch::Sender::new(None),
        }
    }

    pub(crate) fn effect(&self) -> Effect {
        Effect(self.first.subscribe())
    }

    pub(crate) fn snapshot(&self, name: &ToxicName, stream: Stream) -> ToxicHits {
        ToxicHits {
            name: name.clone(),
            stream,
            connections: self.connections.load(Relaxed),
            chunks: self.chunks.load(Relaxed),
            first_affected: self.first.borrow().map(Instant::into_std),
        }
    }
}

/// One connection's way to count on its toxic's [`Hits`].
#[derive(Debug)]
pub(crate) struct Meter {
    hits: Arc<Hits>,
    toxic: u64,
    entry: Arc<Entry>,
    counted: bool,
}

impl Meter {
    pub(crate) fn new(toxic: u64, hits: Arc<Hits>, entry: Arc<Entry>) -> Self {
        Self {
            hits,
            toxic,
            entry,
            counted: false,
        }
    }

    /// A chunk is affected, and with it the connection.
    pub(crate) fn chunk(&mut self, now: Instant) {
        self.hits.chunks.fetch_add(1, Relaxed);
        self.connection(now);
    }

    /// The connection is affected; it counts once.
    pub(crate) fn connection(&mut self, now: Instant) {
        if !self.counted {
            self.counted = true;
            self.hits.connections.fetch_add(1, Relaxed);
            self.entry.touch(self.toxic);
            self.hits
                .first
                .send_if_modified(|first| first.is_none() && first.replace(now).is_none());
        }
    }
}

/// The counters behind [`Traffic`].
#[derive(Debug, Default)]
pub(crate) struct TrafficCounter {
    received: AtomicU64,
    sent: AtomicU64,
}

impl TrafficCounter {
    pub(crate) fn received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Relaxed);
    }

    pub(crate) fn sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Relaxed);
    }

    fn snapshot(&self) -> Traffic {
        Traffic {
            received: self.received.load(Relaxed),
            sent: self.sent.load(Relaxed),
        }
    }
}

/// The counters behind [`LinkStats`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) opened: AtomicU64,
    pub(crate) closed: AtomicU64,
    pub(crate) dial_failures: AtomicU64,
    pub(crate) cut: AtomicU64,
    pub(crate) up: TrafficCounter,
    pub(crate) down: TrafficCounter,
    /// Made when connections are first to be watched.
    pub(crate) http: OnceLock<Arc<HttpCounters>>,
}

impl Counters {
    pub(crate) fn snapshot(&self, toxics: Vec<ToxicHits>) -> LinkStats {
        // Closed before opened: read the other way round, a connection that opens and closes between would make -1.
        let closed = self.closed.load(Relaxed);
        let opened = self.opened.load(Relaxed);
        LinkStats {
            opened,
            open: opened.saturating_sub(closed),
            dial_failures: self.dial_failures.load(Relaxed),
            cut: self.cut.load(Relaxed),
            up: self.up.snapshot(),
            down: self.down.snapshot(),
            http: self.http.get().map(|http| http.snapshot()),
            toxics,
        }
    }
}
