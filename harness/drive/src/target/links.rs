//! The target's links: one embedded fault proxy each, on a thread of their own so that what they cost is told apart
//! from what the load generator costs. Listeners are bound before any service starts.

mod tick;

use crate::dispatcher::Mouth;
use crate::health::{Gauges, thread_cpu};
use crate::ports::FirstEffect;
use harness_core::event::Event;
use harness_core::name::Name;
use harness_core::plan::fault::{self, FaultKind, HttpFault, Reach, Strike};
use harness_load::{Clock, Touched};
use harness_proxy::{
    BindError, Cut, Effect, FailHow, HttpAction, HttpAnswer, HttpRequests, HttpToxic, LinkStats,
    Network, Observer, Proxy, ProxyConfig, ProxyName, Stream, Toxic, ToxicKind, ToxicName,
    Upstream,
};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
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

/// A link to be set up: its name and the address of the service behind it.
#[derive(Debug, Clone)]
pub struct LinkTo {
    /// Its name.
    pub name: Name,
    /// Where the service will listen.
    pub upstream: SocketAddr,
    /// Whether its bytes are read as HTTP/1.1.
    pub watch: bool,
    /// Whether it is the way in: its clients are the load.
    pub entry: bool,
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
        drop(entered);
        let applied = Mutex::default();
        let thread = Mutex::new(Some(thread));
        Ok(Arc::new(Self {
            proxies,
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

    /// Lifts every fault.
    pub fn heal(&self) {
        for proxy in self.proxies.values() {
            proxy.clear_toxics();
            let _entered = self.runtime.enter();
            if let Err(error) = proxy.enable() {
                tracing::warn!(%error, "failed to bring a link up again");
            }
        }
        self.applied
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// Ends every listener, connection and the thread.
    pub async fn shut_down(&self) {
        for proxy in self.proxies.values() {
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
        let proxy = self
            .proxies
            .get(link)
            .ok_or_else(|| format!("there is no link `{link}` here"))?;
        let _entered = self.runtime.enter();
        let mut applied = Applied {
            proxy: Arc::clone(proxy),
            toxics: Vec::new(),
            effects: Vec::new(),
            down: None,
        };
        if *strike.kind == FaultKind::Down {
            proxy.disable_leased(Cut::Reset, lease);
            applied.down = Some(Instant::now());
        }
        for toxic in toxics(strike)? {
            let name: ToxicName = format!("{id} {}", toxic.stream)
                .parse()
                .map_err(|e| format!("{e}"))?;
            let toxic = toxic.named(name.clone());
            proxy
                .add_toxic_leased(toxic, lease)
                .map_err(|e| e.to_string())?;
            applied.effects.extend(proxy.effect(&name));
            applied.toxics.push(name);
        }
        self.applied
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id.to_owned(), applied);
        Ok(())
    }

    /// Lifts it; lifting what is not there is fine.
    pub(super) fn remove(&self, id: &str) -> Result<(), String> {
        let Some(applied) = self
            .applied
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(id)
        else {
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
        let applied = self.applied.lock().unwrap_or_else(PoisonError::into_inner);
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
    let fail = |source| LinkError::Bind {
        link: link.name.clone(),
        source,
    };
    let name: ProxyName = link
        .name
        .as_str()
        .parse()
        .map_err(|source| LinkError::Name {
            link: link.name.clone(),
            source,
        })?;
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let config = ProxyConfig::new(name, listen, Some(Upstream::from(link.upstream)), seed);
    let watch_http = link.watch;
    let observer = link
        .entry
        .then(|| Arc::new(Entry(touched)) as Arc<dyn Observer>);
    Proxy::bind(ProxyConfig {
        watch_http,
        observer,
        ..config
    })
    .map_err(fail)
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

/// A fault on requests in the proxy's vocabulary.
fn requests(http: &HttpFault) -> HttpToxic {
    let answer = |answer: &fault::HttpAnswer| HttpAnswer {
        status: answer.status,
        body: answer.body.as_str().into(),
        retry_after: answer.retry_after.map(|after| after.as_secs()),
    };
    let headers = http.headers.iter();
    HttpToxic {
        requests: HttpRequests {
            method: http.method.clone(),
            path: http.path.clone(),
            headers: headers
                .map(|(name, value)| (name.clone(), Some(value.clone())))
                .collect(),
        },
        action: match &http.action {
            fault::HttpAction::Delay { delay } => HttpAction::Delay {
                delay: u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
            },
            fault::HttpAction::Status(own) => HttpAction::Status(answer(own)),
            fault::HttpAction::Replace { body } => HttpAction::Replace {
                body: body.as_str().into(),
            },
            fault::HttpAction::Truncate { bytes } => HttpAction::Truncate { bytes: *bytes },
            fault::HttpAction::Corrupt => HttpAction::Corrupt,
            fault::HttpAction::Drop => HttpAction::Drop,
            fault::HttpAction::Rate { rate, answer: own } => HttpAction::Rate {
                rate: *rate,
                answer: answer(own),
            },
            fault::HttpAction::FailFirst {
                requests,
                answer: own,
            } => HttpAction::FailFirst {
                requests: *requests,
                answer: answer(own),
            },
        },
    }
}

/// A fault on a link as toxics, not named yet. Each toxic draws its own connections: of a fault that meets a share of them
/// the first direction alone works, so that none is met in one direction only.
pub(super) fn toxics(strike: Strike<'_>) -> Result<Vec<Toxic>, String> {
    let Reach { to, share, clients } = strike.reach;
    let clients = clients.iter().map(|client| client.parse::<Network>());
    let clients: Vec<Network> = clients
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    let directions = if *share < 1.0 { 1 } else { usize::MAX };
    let ends = to.as_ref().map_or_else(Vec::new, kinds);
    let mut ends = ends.into_iter().map(|(_, kind)| kind);
    let of = kinds(strike.kind).into_iter().take(directions);
    let toxics = of.map(|(stream, kind)| {
        let toxic = Toxic::new(kind, stream)
            .with_toxicity(*share)
            .only_for(clients.clone());
        match ends.next() {
            Some(to) => toxic.ramping(to, strike.over),
            None => toxic,
        }
    });
    Ok(toxics.collect())
}

/// A fault in the proxy's vocabulary. Reset meets the answer: the service may have done its work, which is the case
/// that retries and idempotency keys exist for. A time-out swallows both directions: nothing arrives anywhere.
fn kinds(kind: &FaultKind) -> Vec<(Stream, ToxicKind)> {
    let ms = |d: &Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
    match kind {
        FaultKind::Latency { delay, jitter } => {
            vec![(
                Stream::Downstream,
                ToxicKind::Latency {
                    latency: ms(delay),
                    jitter: ms(jitter),
                },
            )]
        }
        FaultKind::Timeout { after } => {
            let timeout = ToxicKind::Timeout { timeout: ms(after) };
            [Stream::Upstream, Stream::Downstream]
                .map(|stream| (stream, timeout.clone()))
                .to_vec()
        }
        FaultKind::Reset { after } => vec![(
            Stream::Downstream,
            ToxicKind::ResetPeer { timeout: ms(after) },
        )],
        FaultKind::Bandwidth { bytes_per_second } => {
            vec![(
                Stream::Downstream,
                ToxicKind::Bandwidth {
                    rate: (bytes_per_second / 1000).max(1),
                },
            )]
        }
        FaultKind::SlowClose { delay } => {
            vec![(
                Stream::Downstream,
                ToxicKind::SlowClose { delay: ms(delay) },
            )]
        }
        FaultKind::Limit { bytes } => {
            vec![(Stream::Downstream, ToxicKind::LimitData { bytes: *bytes })]
        }
        FaultKind::Slice {
            size,
            variation,
            delay,
        } => vec![(
            Stream::Downstream,
            ToxicKind::Slicer {
                average_size: *size,
                size_variation: *variation,
                delay: u64::try_from(delay.as_micros()).unwrap_or(u64::MAX),
            },
        )],
        FaultKind::Loss { share, stall } => vec![(
            Stream::Downstream,
            ToxicKind::Loss {
                share: *share,
                stall: ms(stall),
            },
        )],
        FaultKind::Corrupt { share } => {
            vec![(Stream::Downstream, ToxicKind::Corrupt { share: *share })]
        }
        FaultKind::Http(http) => vec![(Stream::Downstream, ToxicKind::Http(requests(http)))],
        FaultKind::FailFirst { connections } => vec![(
            Stream::Upstream,
            ToxicKind::FailFirst {
                connections: *connections,
                how: FailHow::Reset,
            },
        )],
        // A service's faults never come here.
        FaultKind::Down
        | FaultKind::Kill
        | FaultKind::Pause
        | FaultKind::Restart
        | FaultKind::CrashLoop { .. }
        | FaultKind::Cpu { .. }
        | FaultKind::Memory { .. } => Vec::new(),
    }
}
