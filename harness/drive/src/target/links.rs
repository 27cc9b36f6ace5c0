//! The target's links: one embedded fault proxy each, on a thread of their own so that what they cost is told apart
//! from what the load generator costs. Listeners are bound before any service starts.

mod tick;
mod toxics;

pub(super) use toxics::toxics;

use super::version::Version;
use crate::dispatcher::Mouth;
use crate::health::{Gauges, thread_cpu};
use crate::ports::FirstEffect;
use harness_core::event::Event;
use harness_core::name::Name;
use harness_core::plan::fault::{FaultKind, Strike};
use harness_load::{Clock, Touched};
use harness_proxy::{
    BindError, Cut, Effect, LinkStats, Observer, Proxy, ProxyConfig, ProxyName, Toxic, ToxicName,
    Upstream,
};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Why the links could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The proxy's thread or runtime could not be made.
    #[error("failed to start the fault proxy's thread: {0}")]
    Thread(std::io::Error),
    /// The proxy refuses its name.
    #[error("failed to name the proxy of link `{link}`: {source}")]
    Name {
        /// The link.
        link: Name,
        /// Why.
        source: harness_proxy::NameError,
    },
    /// A listener could not be bound.
    #[error("failed to set up link `{link}`: {source}")]
    Bind {
        /// The link.
        link: Name,
        /// Why.
        source: BindError,
    },
}

/// A link to be set up: its name and the service behind it.
#[derive(Debug, Clone)]
pub struct LinkTo {
    /// Its name.
    pub name: Name,
    /// The service it leads to.
    pub to: Name,
    /// Where the service will listen, as whoever serves the link sees it; `None` if that is known only once it runs.
    pub upstream: Option<Upstream>,
    /// The port that it is to be served at; `None` for any that is free.
    pub port: Option<u16>,
    /// Whether its bytes are read as HTTP/1.1.
    pub watch: bool,
    /// Whether it is the way in: its clients are the load.
    pub entry: bool,
}

/// A listener of the harness that leads into the target's networks, and stays where it is whatever becomes of what is
/// behind it. No fault works on it, and nobody counts it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Door {
    /// To a service.
    Service(Name),
    /// To one version of a service, whichever serves.
    Version(Name, Version),
    /// To the listener of a link that is served elsewhere.
    Link(Name),
}

/// What is applied under a fault's id.
struct Applied {
    proxy: Arc<Proxy>,
    toxics: Vec<ToxicName>,
    effects: Vec<Effect>,
    /// Set for a link taken down: when that was.
    down: Option<Instant>,
}

/// The running links.
pub struct Links {
    proxies: BTreeMap<Name, Arc<Proxy>>,
    /// The services that the links lead to.
    to: BTreeMap<Name, Name>,
    doors: BTreeMap<Door, Proxy>,
    applied: Mutex<BTreeMap<String, Applied>>,
    clock: Clock,
    runtime: tokio::runtime::Handle,
    stop: CancellationToken,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
}

impl Links {
    /// Binds every listener on a free loopback port.
    pub fn bind(
        links: &[LinkTo],
        doors: &[Door],
        seed: u64,
        clock: Clock,
        gauges: &Gauges,
    ) -> Result<Arc<Self>, LinkError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(LinkError::Thread)?;
        let handle = runtime.handle().clone();
        let stop = CancellationToken::new();
        let (until, counted) = (stop.clone(), gauges.clone());
        let thread = std::thread::Builder::new()
            .name("fault-proxy".into())
            .spawn(move || runtime.block_on(account(until, counted)))
            .map_err(LinkError::Thread)?;
        let entered = handle.enter();
        let mut proxies = BTreeMap::new();
        for link in links {
            let proxy = bind_one(link, seed, gauges.touched()).inspect_err(|_| stop.cancel())?;
            proxies.insert(link.name.clone(), Arc::new(proxy));
        }
        let mut open = BTreeMap::new();
        for door in doors {
            let proxy = open_one(door, seed).inspect_err(|_| stop.cancel())?;
            open.insert(door.clone(), proxy);
        }
        drop(entered);
        let to = links
            .iter()
            .map(|link| (link.name.clone(), link.to.clone()));
        let applied = Mutex::default();
        let thread = Mutex::new(Some(thread));
        Ok(Arc::new(Self {
            proxies,
            to: to.collect(),
            doors: open,
            applied,
            clock,
            runtime: handle,
            stop,
            thread,
        }))
    }

    /// The listener of a link.
    pub fn address(&self, link: &Name) -> Option<SocketAddr> {
        self.proxies.get(link).map(|proxy| proxy.local_addr())
    }

    /// Whether it is served here.
    pub fn serves(&self, link: &Name) -> bool {
        self.proxies.contains_key(link)
    }

    /// The listener of a door.
    pub fn door(&self, door: &Door) -> Option<SocketAddr> {
        self.doors.get(door).map(Proxy::local_addr)
    }

    /// From here on a service is behind this address: its door and every link here that leads to it connect there. `None`:
    /// it is nowhere. Connections that are open stay as they are.
    pub fn lead(&self, service: &Name, upstream: Option<&Upstream>) {
        let links = self.proxies.iter();
        for (_, proxy) in links.filter(|(link, _)| self.to.get(*link) == Some(service)) {
            proxy.set_upstream(upstream.cloned());
        }
        self.lead_door(&Door::Service(service.clone()), upstream);
    }

    /// The connections that are open through a service's door and the links here that lead to it.
    pub fn open_to(&self, service: &Name) -> BTreeSet<(String, u64)> {
        let links = self.proxies.iter();
        let links = links.filter(|(link, _)| self.to.get(*link) == Some(service));
        let links = links.map(|(_, proxy)| proxy.as_ref());
        let door = self.doors.get(&Door::Service(service.clone()));
        let open = links.chain(door).flat_map(|proxy| {
            let all = proxy.connections().into_iter();
            let open = all.filter(|connection| connection.closed.is_none());
            open.map(|connection| (proxy.name().to_string(), connection.id))
        });
        open.collect()
    }

    /// From here on a door leads there.
    pub fn lead_door(&self, door: &Door, upstream: Option<&Upstream>) {
        if let Some(proxy) = self.doors.get(door) {
            proxy.set_upstream(upstream.cloned());
        }
    }

    /// Lifts every fault; links that can't be brought up again, a sentence each.
    pub fn heal(&self) -> Vec<String> {
        let mut left = Vec::new();
        for (link, proxy) in &self.proxies {
            proxy.clear_toxics();
            let _entered = self.runtime.enter();
            if let Err(error) = proxy.enable() {
                left.push(format!("link `{link}` does not come up again: {error}"));
            }
        }
        self.applied().clear();
        left
    }

    /// Ends every listener, connection and the thread.
    pub async fn shut_down(&self) {
        let links = self.proxies.values().map(Arc::as_ref);
        for proxy in links.chain(self.doors.values()) {
            proxy.shutdown().await;
        }
        self.stop.cancel();
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }

    /// Says each link's figures once a second until it is told to stop, and then those since the last time.
    pub async fn watch(self: Arc<Self>, mouth: Mouth, stop: CancellationToken) {
        let mut last: BTreeMap<Name, LinkStats> = BTreeMap::new();
        let mut cut = BTreeSet::new();
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        ticks.tick().await;
        loop {
            let stopped = tokio::select! {
                () = stop.cancelled() => true,
                _ = ticks.tick() => false,
            };
            for (name, proxy) in &self.proxies {
                let now = proxy.stats();
                let before = last.insert(name.clone(), now.clone()).unwrap_or_default();
                let tick = tick::tick(name, &before, &now);
                let failed = tick.failed;
                mouth.say(Event::LinkTick(tick)).await;
                if failed > 0 && cut.insert(name) {
                    let text = unreached(name, failed);
                    mouth.say(Event::Notice { text }).await;
                }
            }
            if stopped {
                return;
            }
        }
    }

    /// Applies a fault to a link under a name unique in the run.
    pub(super) fn apply(
        &self,
        id: &str,
        link: &Name,
        strike: Strike<'_>,
        lease: Duration,
    ) -> Result<(), String> {
        let down = *strike.kind == FaultKind::Down;
        self.put(id, link, toxics(strike)?, down, lease)
    }

    /// Puts toxics on a link, not named yet, and takes it down if it shall be, under a name unique in the run.
    pub(super) fn put(
        &self,
        id: &str,
        link: &Name,
        toxics: Vec<Toxic>,
        down: bool,
        lease: Duration,
    ) -> Result<(), String> {
        let proxy = self
            .proxies
            .get(link)
            .ok_or_else(|| format!("there is no link `{link}` here"))?;
        let named = toxics.into_iter().map(|toxic| {
            let name: ToxicName = format!("{id} {}", toxic.stream)
                .parse()
                .map_err(|error| format!("{error}"))?;
            Ok(toxic.named(name))
        });
        let named: Vec<Toxic> = named.collect::<Result<_, String>>()?;
        // Known before it is done, so that what is done of it can be undone when the rest fails.
        let applied = Applied {
            proxy: Arc::clone(proxy),
            toxics: named.iter().map(|toxic| toxic.name.clone()).collect(),
            effects: Vec::new(),
            down: down.then(Instant::now),
        };
        self.applied().insert(id.to_owned(), applied);
        let _entered = self.runtime.enter();
        if down {
            proxy.disable_leased(Cut::Reset, lease);
        }
        for toxic in named {
            let name = toxic.name.clone();
            if let Err(error) = proxy.add_toxic_leased(toxic, lease) {
                let _ = self.remove(id);
                return Err(error.to_string());
            }
            if let Some(applied) = self.applied().get_mut(id) {
                applied.effects.extend(proxy.effect(&name));
            }
        }
        Ok(())
    }

    fn applied(&self) -> MutexGuard<'_, BTreeMap<String, Applied>> {
        self.applied.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lifts it; lifting what is not there is fine.
    pub(super) fn remove(&self, id: &str) -> Result<(), String> {
        let Some(applied) = self.applied().remove(id) else {
            return Ok(());
        };
        let _entered = self.runtime.enter();
        for toxic in &applied.toxics {
            // Its lease may have lapsed: then it is lifted already.
            let _ = applied.proxy.remove_toxic(toxic);
        }
        if applied.down.is_some() {
            applied.proxy.enable().map_err(|e| e.to_string())
        } else {
            Ok(())
        }
    }

    /// The first connection or byte the fault touched since it was armed.
    pub(super) fn effective(&self, id: &str) -> Option<FirstEffect> {
        let applied = self.applied();
        let applied = applied.get(id)?;
        let first = applied
            .effects
            .iter()
            .filter_map(Effect::first_affected)
            .chain(applied.down)
            .min()?;
        Some(FirstEffect {
            at: self.clock.at(first),
            assumed: false,
            by: None,
        })
    }
}

/// What clients can't see: behind a proxy, a service that refuses looks like one that hangs up.
fn unreached(link: &Name, failed: u64) -> String {
    let (times, them) = match failed {
        1 => ("one connection".to_owned(), "it"),
        several => (format!("{several} connections"), "them"),
    };
    format!(
        "the service behind link `{link}` could not be reached: {times} in a second failed, and their clients saw {them} closed"
    )
}

/// Tells the load which of its connections are touched: on the way in, a client's connection is one of its own.
#[derive(Debug)]
struct Entry(Arc<Touched>);

impl Observer for Entry {
    fn touched(&self, client: SocketAddr, touched: bool) {
        self.0.set(client.port(), touched);
    }
}

fn bind_one(link: &LinkTo, seed: u64, touched: Arc<Touched>) -> Result<Proxy, LinkError> {
    let config = config(&link.name, link.name.as_str(), link.upstream.clone(), seed)?;
    let watch_http = link.watch;
    let observer = link
        .entry
        .then(|| Arc::new(Entry(touched)) as Arc<dyn Observer>);
    let bound = Proxy::bind(ProxyConfig {
        watch_http,
        observer,
        ..config
    });
    bound.map_err(|source| LinkError::Bind {
        link: link.name.clone(),
        source,
    })
}

fn open_one(door: &Door, seed: u64) -> Result<Proxy, LinkError> {
    let (to, name) = match door {
        Door::Service(service) => (service, format!("door to {service}")),
        Door::Version(service, version) => {
            (service, format!("door to {} {service}", version.word()))
        }
        Door::Link(link) => (link, format!("door to link {link}")),
    };
    let bound = Proxy::bind(config(to, &name, None, seed)?);
    bound.map_err(|source| LinkError::Bind {
        link: to.clone(),
        source,
    })
}

/// A proxy that listens on a free loopback port.
fn config(
    link: &Name,
    name: &str,
    upstream: Option<Upstream>,
    seed: u64,
) -> Result<ProxyConfig, LinkError> {
    let name: ProxyName = name.parse().map_err(|source| LinkError::Name {
        link: link.clone(),
        source,
    })?;
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Ok(ProxyConfig::new(name, listen, upstream, seed))
}

/// The thread's life: keeps the proxies' runtime going and accounts for its processor time each second.
async fn account(stop: CancellationToken, gauges: Gauges) {
    let mut last = thread_cpu();
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let now = thread_cpu();
        gauges.proxy(now - last);
        last = now;
    }
}
