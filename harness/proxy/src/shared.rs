//! What a proxy's handle, its accept loop and its links share: the toxics in force, the links that are open, and how the
//! first reach the second. The lock is held for moments only and never across a wait, so nothing here blocks on a link.

mod seat;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use socket2::Socket;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::alarm::Alarms;
use crate::armed::Armed;
use crate::connections::{Connection, Ended, Entry, Observer};
use crate::name::{ProxyName, ToxicName};
use crate::stats::{Counters, Hits, ToxicHits};
use crate::toxic::{Stream, Toxic, ToxicError, ToxicKind};
use crate::upstream::Upstream;

use seat::Control;
pub(crate) use seat::Seat;

/// A change of toxics that can't be.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ProxyError {
    /// Names are unique over both directions.
    #[error(
        "failed to add toxic `{0}`: the proxy has one of that name; update or remove it, or choose another name"
    )]
    ToxicExists(ToxicName),
    /// No toxic of that name, or no longer.
    #[error("failed to find toxic `{0}`: the proxy has none of that name")]
    NoSuchToxic(ToxicName),
    /// An update can't turn a toxic into another kind.
    #[error(
        "failed to update toxic `{name}`: it is a {is}, not a {wanted}; remove it and add another"
    )]
    OtherKind {
        /// The toxic.
        name: ToxicName,
        /// Its type.
        is: &'static str,
        /// The type of the update.
        wanted: &'static str,
    },
    /// The toxic itself is impossible.
    #[error(transparent)]
    Toxic(#[from] ToxicError),
    /// The proxy has been shut down.
    #[error("failed to change proxy `{0}`: it has been shut down")]
    ShutDown(ProxyName),
}

/// How live connections end when their proxy is disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// An orderly end (FIN) to both sides, as when a service stops.
    Fin,
    /// A reset (RST) to both sides, as when a firewall drops its state or a machine is gone.
    Reset,
}

/// An open link.
struct Link {
    control: Arc<Control>,
    entry: Arc<Entry>,
}

/// The toxics of one direction, as links take them over.
pub(crate) type Toxics = Arc<Vec<Armed>>;

/// The open listener.
pub(crate) struct Door {
    pub(crate) listener: Arc<TcpListener>,
    pub(crate) stop: CancellationToken,
}

/// What changes while a proxy lives.
pub(crate) struct State {
    pub(crate) upstream: Option<Upstream>,
    /// Where it listens, or would; the port is 0 until it first did.
    pub(crate) address: SocketAddr,
    /// None while disabled.
    pub(crate) door: Option<Door>,
    /// Counts enables and disables: tells whether a connection or a lease belongs to the present ones.
    pub(crate) switches: u64,
    /// Ends the lease of a disable.
    pub(crate) down_lease: Option<CancellationToken>,
    /// Keeps the port while disabled.
    pub(crate) hold: Option<Socket>,
    pub(crate) shut_down: bool,
    up: Toxics,
    down: Toxics,
    leases: HashMap<u64, CancellationToken>,
    links: HashMap<u64, Link>,
    ended: Ended,
    next_toxic: u64,
    next_connection: u64,
}

impl State {
    fn toxics(&mut self, stream: Stream) -> &mut Vec<Armed> {
        Arc::make_mut(match stream {
            Stream::Upstream => &mut self.up,
            Stream::Downstream => &mut self.down,
        })
    }

    /// Upstream first, each direction in the order of the chain.
    fn all(&self) -> impl Iterator<Item = &Armed> {
        self.up.iter().chain(self.down.iter())
    }

    fn find(&self, name: &ToxicName) -> Option<&Armed> {
        self.all().find(|armed| armed.toxic.name == *name)
    }

    fn found(&self, name: &ToxicName) -> Result<&Armed, ProxyError> {
        self.find(name)
            .ok_or_else(|| ProxyError::NoSuchToxic(name.clone()))
    }
}

/// See the module.
pub(crate) struct Shared {
    pub(crate) name: Arc<ProxyName>,
    seed: u64,
    pub(crate) runtime: Handle,
    pub(crate) tasks: TaskTracker,
    /// Ends the leases when the proxy ends.
    pub(crate) stop: CancellationToken,
    pub(crate) counters: Counters,
    /// When its links want to be woken.
    pub(crate) alarms: Alarms,
    /// When it was made.
    pub(crate) born: Instant,
    observer: Option<Arc<dyn Observer>>,
    /// Whether new connections are watched.
    watch: AtomicBool,
    /// Counts the changes of toxics.
    version: AtomicU64,
    state: Mutex<State>,
}

impl Shared {
    pub(crate) fn new(
        name: ProxyName,
        seed: u64,
        upstream: Option<Upstream>,
        address: SocketAddr,
        runtime: Handle,
        observer: Option<Arc<dyn Observer>>,
    ) -> Self {
        Self {
            name: Arc::new(name),
            seed,
            runtime,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            counters: Counters::default(),
            alarms: Alarms::default(),
            born: Instant::now(),
            observer,
            watch: AtomicBool::new(false),
            version: AtomicU64::new(0),
            state: Mutex::new(State {
                upstream,
                address,
                door: None,
                switches: 0,
                down_lease: None,
                hold: None,
                shut_down: false,
                up: Arc::default(),
                down: Arc::default(),
                leases: HashMap::new(),
                links: HashMap::new(),
                ended: Ended::default(),
                next_toxic: 0,
                next_connection: 0,
            }),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn watch_http(&self, watch: bool) {
        if watch {
            self.counters.http.get_or_init(Arc::default);
        }
        self.watch.store(watch, Ordering::Release);
    }

    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The toxics of both directions, and the version that they are.
    pub(crate) fn chains(&self) -> (u64, Toxics, Toxics) {
        let state = self.state();
        (self.version(), state.up.clone(), state.down.clone())
    }

    fn tell_links(&self, state: &State) {
        self.version.fetch_add(1, Ordering::Release);
        for link in state.links.values() {
            link.control.wake();
        }
    }

    /// Cuts every open link.
    pub(crate) fn cut_links(&self, state: &State, cut: Cut) {
        for link in state.links.values() {
            // One that is still about to end was counted when it was cut.
            if link.entry.cut() {
                self.counters.cut.fetch_add(1, Ordering::Relaxed);
            }
            link.control.cut(cut);
        }
    }

    /// Adds a toxic at the end of its chain; it is lifted with `lease`, if there is one. Answers its id.
    pub(crate) fn add(
        &self,
        toxic: Toxic,
        lease: Option<CancellationToken>,
    ) -> Result<u64, ProxyError> {
        toxic.validate()?;
        let mut state = self.state();
        if state.shut_down {
            return Err(ProxyError::ShutDown((*self.name).clone()));
        }
        if state.find(&toxic.name).is_some() {
            return Err(ProxyError::ToxicExists(toxic.name));
        }
        let id = state.next_toxic;
        state.next_toxic += 1;
        if let Some(lease) = lease {
            state.leases.insert(id, lease);
        }
        let since = state.next_connection;
        let chain = state.toxics(toxic.stream);
        // As the real server does: a new successor makes the last one roll again.
        if let Some(last) = chain.last_mut() {
            last.roll += 1;
        }
        chain.push(Armed::new(id, toxic, since, Instant::now()));
        self.tell_links(&state);
        Ok(id)
    }

    pub(crate) fn update(
        &self,
        name: &ToxicName,
        kind: ToxicKind,
        toxicity: f64,
    ) -> Result<Toxic, ProxyError> {
        let mut state = self.state();
        let now = state.found(name)?.toxic.clone();
        let toxic = Toxic {
            kind,
            toxicity,
            ramp: None,
            ..now
        };
        self.change_in(&mut state, toxic)
    }

    /// Gives the toxic of that name all of these values but its direction.
    pub(crate) fn change(&self, toxic: Toxic) -> Result<Toxic, ProxyError> {
        self.change_in(&mut self.state(), toxic)
    }

    fn change_in(&self, state: &mut State, toxic: Toxic) -> Result<Toxic, ProxyError> {
        let found = state.found(&toxic.name)?;
        let (is, wanted) = (found.toxic.kind.type_name(), toxic.kind.type_name());
        if is != wanted {
            return Err(ProxyError::OtherKind {
                name: toxic.name,
                is,
                wanted,
            });
        }
        let stream = found.toxic.stream;
        let toxic = Toxic { stream, ..toxic };
        toxic.validate()?;
        for armed in state
            .toxics(stream)
            .iter_mut()
            .filter(|armed| armed.toxic.name == toxic.name)
        {
            armed.set(toxic.clone(), Instant::now());
            armed.revision += 1;
            armed.roll += 1;
        }
        self.tell_links(state);
        Ok(toxic)
    }

    pub(crate) fn remove(&self, name: &ToxicName) -> Result<ToxicHits, ProxyError> {
        let id = self.state().find(name).map(|armed| armed.id);
        id.and_then(|id| self.remove_id(id))
            .ok_or_else(|| ProxyError::NoSuchToxic(name.clone()))
    }

    /// None if it is gone already.
    pub(crate) fn remove_id(&self, id: u64) -> Option<ToxicHits> {
        let mut state = self.state();
        let stream = state.all().find(|armed| armed.id == id)?.toxic.stream;
        if let Some(lease) = state.leases.remove(&id) {
            lease.cancel();
        }
        let chain = state.toxics(stream);
        let index = chain.iter().position(|armed| armed.id == id)?;
        let armed = chain.remove(index);
        if let Some(before) = index
            .checked_sub(1)
            .and_then(|before| chain.get_mut(before))
        {
            before.roll += 1;
        }
        self.tell_links(&state);
        Some(armed.hits.snapshot(&armed.toxic.name, stream))
    }

    pub(crate) fn clear(&self) -> Vec<ToxicHits> {
        let mut state = self.state();
        for (_, lease) in state.leases.drain() {
            lease.cancel();
        }
        let hits = state.all().map(hits_of).collect();
        state.up = Arc::default();
        state.down = Arc::default();
        self.tell_links(&state);
        hits
    }

    pub(crate) fn toxics(&self) -> Vec<Toxic> {
        let now = Instant::now();
        let state = self.state();
        state.all().map(|armed| armed.shown(now)).collect()
    }

    /// The last that ended and those that are open, by number.
    pub(crate) fn connections(&self) -> Vec<Connection> {
        let state = self.state();
        let open = state.links.values().map(|link| link.entry.shown(None));
        let mut all: Vec<_> = state.ended.iter().cloned().chain(open).collect();
        all.sort_by_key(|connection| connection.id);
        all
    }

    pub(crate) fn hits(&self) -> Vec<ToxicHits> {
        self.state().all().map(hits_of).collect()
    }

    pub(crate) fn hits_handle(&self, name: &ToxicName) -> Option<Arc<Hits>> {
        self.state().find(name).map(|armed| armed.hits.clone())
    }

    /// Takes a connection in that came through the door of `switch`; none if that has been closed since.
    pub(crate) fn seat(self: &Arc<Self>, switch: u64, client: SocketAddr) -> Option<Seat> {
        let mut state = self.state();
        if state.switches != switch {
            return None;
        }
        let connection = state.next_connection;
        state.next_connection += 1;
        let control = Arc::new(Control::default());
        let entry = Arc::new(Entry::new(connection + 1, client, self.observer.clone()));
        let link = Link {
            control: control.clone(),
            entry: entry.clone(),
        };
        state.links.insert(connection, link);
        self.counters.opened.fetch_add(1, Ordering::Relaxed);
        Some(Seat {
            shared: self.clone(),
            control,
            connection,
            entry,
        })
    }
}

fn hits_of(armed: &Armed) -> ToxicHits {
    armed.hits.snapshot(&armed.toxic.name, armed.toxic.stream)
}
