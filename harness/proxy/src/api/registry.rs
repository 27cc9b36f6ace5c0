//! The proxies that the API keeps, by name. Everything but looking up a host's address is synchronous and waits for no
//! link, so that no request can hang on one.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::Value;
use tokio::runtime::Handle;

use super::address;
use super::body::{self, ProxyBody, ToxicBody, ToxicChange};
use super::connections::{self, ShownConnection};
use super::error::ApiError;
use super::metrics::{Labels, Series, Sums};
use crate::name::{ProxyName, ToxicName};
use crate::proxy::{Proxy, ProxyConfig};
use crate::shared::Cut;
use crate::toxic::Toxic;

/// The proxies in force.
#[derive(Debug)]
pub(super) struct Registry {
    seed: u64,
    strict: bool,
    /// Where links run.
    links: Handle,
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    by_name: BTreeMap<ProxyName, Entry>,
    /// What was counted under labels that no proxy has any more.
    ended: Series,
}

#[derive(Debug)]
struct Entry {
    proxy: Proxy,
    /// The address as it was typed, or the real one once it has listened.
    listen: String,
    upstream: String,
    /// What it had counted when its labels last changed.
    told: Sums,
}

/// A proxy as answers show it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Shown {
    pub(super) name: ProxyName,
    listen: String,
    upstream: String,
    enabled: bool,
    toxics: Vec<Toxic>,
}

/// A list that was taken in up to the first that can't be.
#[derive(Debug)]
pub(super) struct Populated {
    /// Those that are there now; none if the list as a whole is wrong.
    pub(super) done: Option<Vec<Shown>>,
    pub(super) error: Option<ApiError>,
}

/// A proxy to be, all that can be checked of it without the others checked.
struct Wanted {
    name: ProxyName,
    listen: String,
    address: SocketAddr,
    upstream: String,
    enabled: bool,
    /// `None` where the body names none.
    toxics: Option<Vec<Toxic>>,
}

impl Entry {
    fn shown(&self) -> Shown {
        Shown {
            name: self.proxy.name().clone(),
            listen: self.listen.clone(),
            upstream: self.upstream.clone(),
            enabled: self.proxy.is_enabled(),
            toxics: self.proxy.toxics(),
        }
    }

    /// Listens; from then on it shows its real address.
    fn enable(&mut self) -> Result<(), ApiError> {
        self.proxy.enable()?;
        self.listen = self.proxy.local_addr().to_string();
        Ok(())
    }

    fn set_toxics(&self, toxics: Vec<Toxic>) -> Result<(), ApiError> {
        self.proxy.clear_toxics();
        for toxic in toxics {
            self.proxy.add_toxic(toxic)?;
        }
        Ok(())
    }

    /// What it has counted under its labels.
    fn counted(&self) -> Sums {
        self.told.then(&self.proxy.stats())
    }

    fn labels(&self) -> Labels {
        Labels {
            proxy: self.proxy.name().to_string(),
            listener: self.listen.clone(),
            upstream: self.upstream.clone(),
        }
    }
}

impl Entries {
    fn get(&mut self, name: &str) -> Result<&mut Entry, ApiError> {
        self.by_name.get_mut(name).ok_or_else(ApiError::no_proxy)
    }

    /// Takes a proxy out: its listener and its links end.
    fn remove(&mut self, name: &str) -> Result<(), ApiError> {
        let entry = self.by_name.remove(name).ok_or_else(ApiError::no_proxy)?;
        self.ended.add(entry.labels(), entry.counted());
        Ok(())
    }
}

impl Registry {
    pub(super) fn new(seed: u64, strict: bool, links: Handle) -> Self {
        Self {
            seed,
            strict,
            links,
            entries: Mutex::default(),
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn all(&self) -> BTreeMap<ProxyName, Shown> {
        let entries = self.entries();
        let all = entries.by_name.iter();
        all.map(|(name, entry)| (name.clone(), entry.shown()))
            .collect()
    }

    pub(super) fn get(&self, name: &str) -> Result<Shown, ApiError> {
        Ok(self.entries().get(name)?.shown())
    }

    pub(super) async fn create(&self, body: ProxyBody) -> Result<Shown, ApiError> {
        required(&body)?;
        if self.entries().by_name.contains_key(body.name.as_str()) {
            return Err(ApiError::proxy_exists());
        }
        let wanted = self.wanted(body).await?;
        let mut entries = self.entries();
        // Somebody else may have been quicker while the host was looked up.
        if entries.by_name.contains_key(&wanted.name) {
            return Err(ApiError::proxy_exists());
        }
        self.add(&mut entries, wanted)
    }

    pub(super) async fn update(&self, name: &str, body: ProxyBody) -> Result<Shown, ApiError> {
        let now = self.get(name)?;
        let listen = body.listen.unwrap_or_else(|| now.listen.clone());
        let upstream = body.upstream.unwrap_or_else(|| now.upstream.clone());
        let address = match listen == now.listen {
            true => None,
            false => Some(address::resolve(&listen).await?),
        };
        if upstream != now.upstream {
            self.upstream(&upstream)?;
        }
        let mut entries = self.entries();
        let Entries { by_name, ended } = &mut *entries;
        let entry = by_name.get_mut(name).ok_or_else(ApiError::no_proxy)?;
        let moves = address.filter(|address| *address != entry.proxy.local_addr());
        if moves.is_some() || upstream != entry.upstream {
            if moves.is_some() || !body.keep || self.strict {
                entry.proxy.disable(Cut::Fin);
            }
            ended.add(entry.labels(), entry.counted());
            entry.told = Sums::from(&entry.proxy.stats());
            if let Some(address) = moves {
                entry.listen = listen;
                entry.proxy.move_to(address)?;
            }
            entry.proxy.set_upstream(upstream.parse().ok());
            entry.upstream = upstream;
        }
        match (
            body.enabled.unwrap_or(now.enabled),
            entry.proxy.is_enabled(),
        ) {
            (true, false) => entry.enable()?,
            (false, true) => drop(entry.proxy.disable(Cut::Fin)),
            _ => {}
        }
        Ok(entry.shown())
    }

    pub(super) fn remove(&self, name: &str) -> Result<(), ApiError> {
        self.entries().remove(name)
    }

    /// Takes in a list: one that is there with the same addresses is left as it is, another of its name is replaced.
    pub(super) async fn populate(&self, bodies: Vec<ProxyBody>) -> Populated {
        for (index, body) in bodies.iter().enumerate() {
            if let Err(error) = required(body) {
                return Populated {
                    done: None,
                    error: Some(error.at(index + 1)),
                };
            }
        }
        let mut done = Vec::new();
        for (index, body) in bodies.into_iter().enumerate() {
            match self.put(body).await {
                Ok(shown) => done.push(shown),
                Err(error) => {
                    return Populated {
                        done: Some(done),
                        error: Some(error.at(index + 1)),
                    };
                }
            }
        }
        Populated {
            done: Some(done),
            error: None,
        }
    }

    async fn put(&self, body: ProxyBody) -> Result<Shown, ApiError> {
        let wanted = self.wanted(body).await?;
        let mut entries = self.entries();
        if let Ok(entry) = entries.get(wanted.name.as_str()) {
            let same = entry.listen == wanted.listen || entry.proxy.local_addr() == wanted.address;
            if same && entry.upstream == wanted.upstream {
                if let Some(toxics) = wanted.toxics {
                    entry.set_toxics(toxics)?;
                }
                return Ok(entry.shown());
            }
            entries.remove(wanted.name.as_str())?;
        }
        self.add(&mut entries, wanted)
    }

    /// Enables every proxy and removes every toxic, up to the first proxy that can't listen.
    pub(super) fn reset(&self) -> Result<(), ApiError> {
        for entry in self.entries().by_name.values_mut() {
            entry.enable()?;
            entry.proxy.clear_toxics();
        }
        Ok(())
    }

    pub(super) fn toxic(&self, proxy: &str, name: &str) -> Result<Toxic, ApiError> {
        let toxics = self.get(proxy)?.toxics;
        let found = toxics.into_iter().find(|toxic| toxic.name.as_str() == name);
        found.ok_or_else(ApiError::no_toxic)
    }

    pub(super) fn toxics(&self, proxy: &str) -> Result<Vec<Toxic>, ApiError> {
        Ok(self.get(proxy)?.toxics)
    }

    pub(super) fn connections(&self, proxy: &str) -> Result<Vec<ShownConnection>, ApiError> {
        Ok(connections::of(&self.entries().get(proxy)?.proxy))
    }

    pub(super) fn add_toxic(&self, proxy: &str, body: ToxicBody) -> Result<Toxic, ApiError> {
        let mut entries = self.entries();
        let entry = entries.get(proxy)?;
        let name = body.name(self.strict)?;
        let toxics = entry.proxy.toxics();
        if toxics.iter().any(|toxic| toxic.name.as_str() == name) {
            return Err(ApiError::toxic_exists());
        }
        let toxic = body.toxic(self.strict)?;
        entry.proxy.add_toxic(toxic.clone())?;
        Ok(toxic)
    }

    /// Changes those attributes that the body names, and the toxicity if it does.
    pub(super) fn update_toxic(
        &self,
        proxy: &str,
        name: &str,
        change: ToxicChange,
    ) -> Result<Toxic, ApiError> {
        let mut entries = self.entries();
        let entry = entries.get(proxy)?;
        let toxics = entry.proxy.toxics();
        let toxic = toxics.into_iter().find(|toxic| toxic.name.as_str() == name);
        let toxic = toxic.ok_or_else(ApiError::no_toxic)?;
        let kind = toxic.kind.merged(change.attributes)?;
        let toxicity = change.toxicity.unwrap_or(toxic.toxicity);
        // What it was on the way to is over, unless the body says so again.
        let changed = Toxic {
            kind,
            ramp: None,
            ..toxic
        };
        let changed = changed.with_toxicity(body::toxicity(toxicity, self.strict));
        let changed = changed.with_more(body::more(change.more, self.strict))?;
        Ok(entry.proxy.change_toxic(changed)?)
    }

    pub(super) fn remove_toxic(&self, proxy: &str, name: &str) -> Result<(), ApiError> {
        let mut entries = self.entries();
        let entry = entries.get(proxy)?;
        let name: ToxicName = name.parse().map_err(|_| ApiError::no_toxic())?;
        entry.proxy.remove_toxic(&name)?;
        Ok(())
    }

    /// Bytes by proxy and direction, those of links that have ended with a proxy included.
    pub(super) fn metrics(&self) -> String {
        let entries = self.entries();
        let mut all = entries.ended.clone();
        for entry in entries.by_name.values() {
            all.add(entry.labels(), entry.counted());
        }
        all.to_string()
    }

    async fn wanted(&self, body: ProxyBody) -> Result<Wanted, ApiError> {
        let toxics = match body.toxics {
            // The real server reads over them.
            Some(_) if self.strict => None,
            // Clients send an empty list of what they know nothing of.
            Some(none) if none.is_empty() => None,
            None => None,
            Some(toxics) => Some(self.read_toxics(toxics)?),
        };
        let upstream = body.upstream.unwrap_or_default();
        self.upstream(&upstream)?;
        let listen = body.listen.unwrap_or_default();
        Ok(Wanted {
            name: body.name.parse().map_err(ApiError::body)?,
            address: address::resolve(&listen).await?,
            listen,
            upstream,
            enabled: body.enabled.unwrap_or(true),
            toxics,
        })
    }

    fn read_toxics(&self, toxics: Vec<Value>) -> Result<Vec<Toxic>, ApiError> {
        let mut all: Vec<Toxic> = Vec::new();
        for toxic in toxics {
            let toxic = body::from::<ToxicBody>(toxic)?.toxic(self.strict)?;
            if all.iter().any(|other| other.name == toxic.name) {
                return Err(ApiError::toxic_exists());
            }
            all.push(toxic);
        }
        Ok(all)
    }

    /// An address that can't be one is refused; the real server finds out at the first connection, and closes it.
    fn upstream(&self, text: &str) -> Result<(), ApiError> {
        match text.parse::<crate::upstream::Upstream>() {
            Err(error) if !self.strict => Err(ApiError::body(error)),
            _ => Ok(()),
        }
    }

    fn add(&self, entries: &mut Entries, wanted: Wanted) -> Result<Shown, ApiError> {
        let upstream = wanted.upstream.parse().ok();
        let config = ProxyConfig::new(wanted.name.clone(), wanted.address, upstream, self.seed);
        let _entered = self.links.enter();
        let proxy = Proxy::bind(ProxyConfig {
            toxics: wanted.toxics.unwrap_or_default(),
            enabled: wanted.enabled,
            ..config
        })?;
        let listen = match wanted.enabled {
            true => proxy.local_addr().to_string(),
            false => wanted.listen,
        };
        let entry = Entry {
            proxy,
            listen,
            upstream: wanted.upstream,
            told: Sums::default(),
        };
        let shown = entry.shown();
        entries.by_name.insert(wanted.name, entry);
        Ok(shown)
    }
}

fn required(body: &ProxyBody) -> Result<(), ApiError> {
    if body.name.is_empty() {
        return Err(ApiError::missing("name"));
    }
    match body.upstream.as_deref() {
        None | Some("") => Err(ApiError::missing("upstream")),
        Some(_) => Ok(()),
    }
}
