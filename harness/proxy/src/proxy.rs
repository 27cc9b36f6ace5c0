//! The handle of a proxy: binds, enables, disables, changes its toxics, reads its figures, shuts it down. Every call but
//! `shutdown` is synchronous, may come from any thread, and never waits for a link.

use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::SockRef;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::connections::{Connection, Observer};
use crate::lease::Lease;
use crate::link;
use crate::listener::{self, BindError, Bound};
use crate::name::{ProxyName, ToxicName};
use crate::shared::{Cut, Door, ProxyError, Shared, State};
use crate::stats::{Effect, LinkStats, ToxicHits};
use crate::toxic::{Toxic, ToxicKind};
use crate::upstream::Upstream;

/// How long the accept loop pauses when the system has no descriptor left: the next attempt would fail as well.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How often a lapsed disable tries to get its port back.
const ENABLE_PAUSE: Duration = Duration::from_millis(100);

/// What a proxy starts with.
#[derive(Clone, Debug)]
pub struct ProxyConfig {
    /// Its name; part of every seeded roll.
    pub name: ProxyName,
    /// Where it listens; port 0 takes a free port.
    pub listen: SocketAddr,
    /// Where it forwards to. Until it is known, connections are accepted and closed.
    pub upstream: Option<Upstream>,
    /// Makes every roll and draw reproducible, per connection, direction and toxic.
    pub seed: u64,
    /// In force before the first connection is accepted.
    pub toxics: Vec<Toxic>,
    /// Whether it listens from the start.
    pub enabled: bool,
    /// Hears which clients' connections are touched.
    pub observer: Option<Arc<dyn Observer>>,
    /// Whether connections are watched as HTTP/1.1 from the start: see [`Proxy::watch_http`].
    pub watch_http: bool,
}

impl ProxyConfig {
    /// A proxy without toxics that listens.
    #[must_use]
    pub fn new(name: ProxyName, listen: SocketAddr, upstream: Option<Upstream>, seed: u64) -> Self {
        Self {
            name,
            listen,
            upstream,
            seed,
            toxics: Vec::new(),
            enabled: true,
            observer: None,
            watch_http: false,
        }
    }
}

/// A running proxy. Dropping it ends its listener, its links and its leases.
pub struct Proxy {
    shared: Arc<Shared>,
}

impl Proxy {
    /// Binds the listener, unless it is to start disabled, and starts to accept; the upstream need not exist yet. The proxy runs on the Tokio runtime
    /// that is entered by the caller, of either flavour, with I/O and time enabled.
    ///
    /// # Errors
    /// When the address can't be had, a toxic is impossible or its name taken, or no runtime is entered.
    pub fn bind(config: ProxyConfig) -> Result<Self, BindError> {
        let ProxyConfig {
            name,
            listen: address,
            upstream,
            seed,
            toxics,
            enabled,
            observer,
            watch_http,
        } = config;
        let Ok(runtime) = Handle::try_current() else {
            return Err(BindError::NoRuntime(name));
        };
        let shared = Arc::new(Shared::new(
            name.clone(),
            seed,
            upstream,
            address,
            runtime,
            observer,
        ));
        shared.watch_http(watch_http);
        for toxic in toxics {
            let toxic_name = toxic.name.clone();
            shared.add(toxic, None).map_err(|error| match error {
                ProxyError::Toxic(reason) => BindError::Toxic {
                    proxy: name.clone(),
                    reason,
                },
                _ => BindError::SameName {
                    proxy: name.clone(),
                    toxic: toxic_name,
                },
            })?;
        }
        if enabled {
            enable(&shared, None)?;
        }
        Ok(Self { shared })
    }

    /// The proxy's name.
    #[must_use]
    pub fn name(&self) -> &ProxyName {
        &self.shared.name
    }

    /// The address it listens on, with its real port, which it keeps while it is disabled. Port 0 until it first
    /// listened, if it was asked for one that is free.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.shared.state().address
    }

    /// Listens on another address from now on, and no longer on the old one; open connections are cut (FIN). Nothing
    /// happens if it is the same address. A disabled proxy stays disabled and will listen there.
    ///
    /// # Errors
    /// When the address can't be had: the proxy is then disabled, with the new address; or the proxy has been shut down.
    pub fn move_to(&self, address: SocketAddr) -> Result<(), BindError> {
        let mut state = self.shared.state();
        if state.address == address {
            return Ok(());
        }
        let listened = state.door.is_some();
        close(&self.shared, &mut state, Cut::Fin, None);
        state.address = address;
        state.hold = None;
        if listened {
            open(&self.shared, &mut state)?;
        }
        Ok(())
    }

    /// Where new connections are forwarded to.
    #[must_use]
    pub fn upstream(&self) -> Option<Upstream> {
        self.shared.state().upstream.clone()
    }

    /// Forwards new connections to `upstream`; none: they are accepted and closed. Open ones stay with the service they have: if it has restarted elsewhere,
    /// they end by themselves.
    pub fn set_upstream(&self, upstream: Option<Upstream>) {
        self.shared.state().upstream = upstream;
    }

    /// Whether it listens.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.shared.state().door.is_some()
    }

    /// Listens again, on the same port; nothing happens if it does already. Toxics are as they were.
    ///
    /// # Errors
    /// When another process has taken the port meanwhile, or the proxy has been shut down.
    pub fn enable(&self) -> Result<(), BindError> {
        enable(&self.shared, None)
    }

    /// Takes the link down: new connections are refused from now on, open ones are cut. Answers when that was.
    pub fn disable(&self, cut: Cut) -> Instant {
        disable(&self.shared, cut, None).0
    }

    /// Takes the link down until the lease lapses, [`Proxy::enable`] is called, or another disable takes its place.
    pub fn disable_leased(&self, cut: Cut, time: Duration) -> Lease {
        let lifted = self.shared.stop.child_token();
        let lease = Lease::new(time, lifted.clone());
        let (_, switch) = disable(&self.shared, cut, Some(lifted.clone()));
        let (shared, waiting) = (self.shared.clone(), lease.clone());
        self.spawn(async move {
            while waiting.lapses().await && enable(&shared, Some(switch)).is_err() {
                tokio::select! {
                    () = lifted.cancelled() => return,
                    () = tokio::time::sleep(ENABLE_PAUSE) => {}
                }
            }
        });
        lease
    }

    /// Whether connections opened from now on are watched: their bytes are read as HTTP/1.1, and [`LinkStats::http`]
    /// counts requests and answers. No byte is changed or delayed by it. Those open already stay as they are.
    pub fn watch_http(&self, watch: bool) {
        self.shared.watch_http(watch);
    }

    /// The toxics in force, upstream ones first, each direction in the order of its chain; one that ramps with its present
    /// values.
    #[must_use]
    pub fn toxics(&self) -> Vec<Toxic> {
        self.shared.toxics()
    }

    /// Adds a toxic at the end of its direction's chain; open connections are affected at once.
    ///
    /// # Errors
    /// When it is impossible, its name is taken, or the proxy has been shut down.
    pub fn add_toxic(&self, toxic: Toxic) -> Result<(), ProxyError> {
        self.shared.add(toxic, None).map(drop)
    }

    /// The same until the lease lapses or the toxic is removed.
    ///
    /// # Errors
    /// As [`Proxy::add_toxic`].
    pub fn add_toxic_leased(&self, toxic: Toxic, time: Duration) -> Result<Lease, ProxyError> {
        let lifted = self.shared.stop.child_token();
        let lease = Lease::new(time, lifted.clone());
        let id = self.shared.add(toxic, Some(lifted))?;
        let (shared, waiting) = (self.shared.clone(), lease.clone());
        self.spawn(async move {
            if waiting.lapses().await {
                shared.remove_id(id);
            }
        });
        Ok(lease)
    }

    /// Gives a toxic new attributes of the same kind and a new toxicity; its ramp ends. Every connection rolls for it again, and what
    /// it counts goes on. Answers the toxic as it now is.
    ///
    /// # Errors
    /// When there is none of that name, it is of another kind, or the new values are impossible.
    pub fn update_toxic(
        &self,
        name: &ToxicName,
        kind: ToxicKind,
        toxicity: f64,
    ) -> Result<Toxic, ProxyError> {
        self.shared.update(name, kind, toxicity)
    }

    /// The same with all of the toxic's values but name and direction, by which it is the one of that name: its clients and
    /// its ramp, which begins now.
    ///
    /// # Errors
    /// As [`Proxy::update_toxic`].
    pub fn change_toxic(&self, toxic: Toxic) -> Result<Toxic, ProxyError> {
        self.shared.change(toxic)
    }

    /// Removes a toxic; what it held back on open connections goes on its way. A connection whose stream is no longer
    /// whole because of it (timeout, reset_peer) ends. Answers what it has done.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn remove_toxic(&self, name: &ToxicName) -> Result<ToxicHits, ProxyError> {
        self.shared.remove(name)
    }

    /// Removes all toxics; answers what they have done.
    pub fn clear_toxics(&self) -> Vec<ToxicHits> {
        self.shared.clear()
    }

    /// Tells when the toxic of that name first affects a connection; none if there is no such toxic.
    #[must_use]
    pub fn effect(&self, name: &ToxicName) -> Option<Effect> {
        self.shared.hits_handle(name).map(|hits| hits.effect())
    }

    /// The figures up to now.
    #[must_use]
    pub fn stats(&self) -> LinkStats {
        self.shared.counters.snapshot(self.shared.hits())
    }

    /// The connections that are open and the last 1000 that ended, by number.
    #[must_use]
    pub fn connections(&self) -> Vec<Connection> {
        self.shared.connections()
    }

    /// When it was made: what the API counts connections' times from.
    #[must_use]
    pub fn bound_at(&self) -> Instant {
        self.shared.born.into_std()
    }

    /// How many tasks run for it: its accept loop, its links, its leases, and one for its timer once a toxic has needed it.
    #[must_use]
    pub fn tasks(&self) -> usize {
        self.shared.tasks.len()
    }

    /// Ends the listener, every link (FIN) and every lease, and waits until their tasks are gone.
    pub async fn shutdown(&self) {
        shut_down(&self.shared);
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.shared.tasks.spawn_on(task, &self.shared.runtime);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        shut_down(&self.shared);
    }
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy")
            .field("name", self.name())
            .field("address", &self.local_addr())
            .finish_non_exhaustive()
    }
}

fn failed(name: &ProxyName, address: SocketAddr, source: std::io::Error) -> BindError {
    BindError::Listen {
        proxy: name.clone(),
        address,
        source,
    }
}

/// `only` names the disable to undo: a lapsed lease must not undo a later one.
fn enable(shared: &Arc<Shared>, only: Option<u64>) -> Result<(), BindError> {
    // Locked to the end, so that of two callers one opens and the other finds it open.
    let mut state = shared.state();
    if only.is_some_and(|only| only != state.switches) {
        return Ok(());
    }
    if let Some(lease) = state.down_lease.take_if(|_| only.is_none()) {
        lease.cancel();
    }
    if state.door.is_some() {
        return Ok(());
    }
    open(shared, &mut state)
}

/// Opens the door and starts the accept loop.
fn open(shared: &Arc<Shared>, state: &mut State) -> Result<(), BindError> {
    if state.shut_down {
        return Err(BindError::ShutDown((*shared.name).clone()));
    }
    let bound = listener::listen(state.address, state.hold.is_none());
    let Bound {
        listener,
        address,
        hold,
    } = bound.map_err(|source| failed(&shared.name, state.address, source))?;
    // Known from here on, and kept while disabled: port 0 is asked for once.
    state.address = address;
    state.hold = state.hold.take().or(hold);
    let _entered = shared.runtime.enter();
    let listener =
        TcpListener::from_std(listener).map_err(|source| failed(&shared.name, address, source))?;
    let (listener, stop) = (Arc::new(listener), CancellationToken::new());
    state.switches += 1;
    state.door = Some(Door {
        listener: listener.clone(),
        stop: stop.clone(),
    });
    shared.tasks.spawn_on(
        accept(shared.clone(), listener, stop, state.switches),
        &shared.runtime,
    );
    Ok(())
}

/// Closes the door, if it is open, and cuts the links; answers when, and the count of this switch.
fn disable(shared: &Shared, cut: Cut, lease: Option<CancellationToken>) -> (Instant, u64) {
    let mut state = shared.state();
    close(shared, &mut state, cut, lease);
    (tokio::time::Instant::now().into_std(), state.switches)
}

fn close(shared: &Shared, state: &mut State, cut: Cut, lease: Option<CancellationToken>) {
    if let Some(lease) = std::mem::replace(&mut state.down_lease, lease) {
        lease.cancel();
    }
    state.switches += 1;
    if let Some(door) = state.door.take() {
        door.stop.cancel();
        // The accept loop drops the socket at its next turn; this refuses connections from now on.
        let _ = SockRef::from(&*door.listener).shutdown(Shutdown::Both);
    }
    shared.cut_links(state, cut);
}

fn shut_down(shared: &Shared) {
    shared.state().shut_down = true;
    disable(shared, Cut::Fin, None);
    shared.stop.cancel();
    shared.state().hold = None;
}

/// Takes connections in; each dials its upstream in a task of its own.
async fn accept(
    shared: Arc<Shared>,
    listener: Arc<TcpListener>,
    stop: CancellationToken,
    switch: u64,
) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((client, address)) => {
                if let Some(seat) = shared.seat(switch, address) {
                    shared.tasks.spawn(link::run(seat, client));
                }
            }
            Err(error) => {
                tracing::debug!(proxy = %shared.name, %error, "failed to accept a connection");
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(ACCEPT_PAUSE) => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lapse_undoes_its_own_disable_only() {
        let listen = "127.0.0.1:0".parse().unwrap();
        let name = ProxyName::new("test").unwrap();
        let proxy = Proxy::bind(ProxyConfig::new(name, listen, None, 0)).unwrap();
        let (_, first) = disable(&proxy.shared, Cut::Fin, None);
        let (_, second) = disable(&proxy.shared, Cut::Fin, None);
        enable(&proxy.shared, Some(first)).unwrap();
        assert!(!proxy.is_enabled());
        enable(&proxy.shared, Some(second)).unwrap();
        assert!(proxy.is_enabled());
    }

    #[test]
    fn without_a_runtime_it_says_so() {
        let listen = "127.0.0.1:0".parse().unwrap();
        let config = ProxyConfig::new(ProxyName::new("test").unwrap(), listen, None, 0);
        assert!(matches!(Proxy::bind(config), Err(BindError::NoRuntime(_))));
    }
}
