//! Links served by a Toxiproxy server: proxies of this run's own, or some that the user routed the target through. What
//! is done there is in the undo journal before it is done, for nothing of it goes with this process.

mod error;
mod watch;

pub use error::ServerError;

use super::journal::{Entry, Journal, JournalError};
use super::links::{LinkTo, toxics};
use super::toxiproxy::{Shown, Toxiproxy, ToxiproxyError, Wanted};
use crate::ports::FirstEffect;
use harness_core::name::{Name, RunId};
use harness_core::plan::fault::{FaultKind, Strike};
use harness_load::Clock;
use harness_proxy::{Toxic, ToxicName};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What everything made on a server begins with, before the run's id.
const LABEL: &str = "harness-";

/// A link to be served.
#[derive(Debug, Clone)]
pub(super) enum Route {
    /// By a proxy that is made for this run.
    Own(LinkTo),
    /// By one that is there.
    There {
        /// The link.
        link: Name,
        /// The proxy.
        proxy: String,
    },
}

/// A link as it is served.
#[derive(Debug, Clone)]
struct Served {
    proxy: String,
    /// Whether this run made the proxy.
    own: bool,
    /// Where it is reached.
    address: String,
}

/// What is applied under a fault's id, known until all of it is undone.
#[derive(Debug, Clone)]
struct Applied {
    link: Name,
    /// Each is here for as long as it may be there.
    toxics: Vec<String>,
    down: bool,
    /// When all of it was read back; `None` while it is being done.
    confirmed: Option<Duration>,
    /// When it was first seen that it had touched a connection.
    touched: Option<Duration>,
    /// What was seen that ended it before its time.
    undone: Option<String>,
    /// Whether its undoing began: what is missing from then on is this run's doing.
    lifting: bool,
}

/// The links of a run on a Toxiproxy server.
pub struct Server {
    api: Toxiproxy,
    clock: Clock,
    /// Names what must be undone there; `None` for a server that goes with the run.
    journal: Option<Journal>,
    /// What everything made here begins with, so that it is known for this run's.
    label: String,
    links: BTreeMap<Name, Served>,
    applied: Mutex<BTreeMap<String, Applied>>,
    made: AtomicU32,
}

impl Server {
    /// Asks the server whether it can do all that is planned, and has every link served.
    pub(super) async fn bind(
        api: Toxiproxy,
        routes: &[Route],
        planned: &[(&str, Strike<'_>)],
        run: &RunId,
        clock: Clock,
        journal: Option<&Journal>,
    ) -> Result<Self, ServerError> {
        if !api.ours {
            known_there(&api, planned)?;
        }
        let mut server = Self {
            api,
            clock,
            journal: journal.cloned(),
            label: format!("{LABEL}{run}"),
            links: BTreeMap::new(),
            applied: Mutex::default(),
            made: AtomicU32::new(0),
        };
        match server.serve(routes).await {
            Ok(()) => Ok(server),
            Err(error) => {
                // Nobody else will before this process ends; what fails is in the journal.
                let _ = server.shut_down().await;
                Err(error)
            }
        }
    }

    async fn serve(&mut self, routes: &[Route]) -> Result<(), ServerError> {
        let name = |link: &Name| format!("{}-{link}", self.label);
        let own: Vec<String> = routes
            .iter()
            .filter_map(|route| match route {
                Route::Own(to) => Some(name(&to.name)),
                Route::There { .. } => None,
            })
            .collect();
        if !own.is_empty() {
            self.note(&Entry::Proxies {
                api: self.api.url().to_string(),
                proxies: own,
            })?;
        }
        let there = self.api.proxies().await?;
        for route in routes {
            let (link, served) = match route {
                Route::Own(to) => (&to.name, self.create(name(&to.name), to).await?),
                Route::There { link, proxy } => (link, self.find(link, proxy, &there)?),
            };
            self.links.insert(link.clone(), served);
        }
        Ok(())
    }

    fn note(&self, entry: &Entry) -> Result<(), JournalError> {
        let journal = self.journal.as_ref();
        journal.map_or(Ok(()), |journal| journal.write(entry))
    }

    async fn create(&self, name: String, to: &LinkTo) -> Result<Served, ServerError> {
        let upstream = to.upstream.as_ref().map(ToString::to_string);
        let wanted = Wanted {
            name,
            listen: match to.port {
                Some(port) => format!("0.0.0.0:{port}"),
                None => format!("{}:0", self.api.host()),
            },
            upstream: upstream.unwrap_or_default(),
        };
        let shown = self.api.create(&wanted).await?;
        Ok(Served {
            address: self.reached(&shown),
            proxy: wanted.name,
            own: true,
        })
    }

    fn find(
        &self,
        link: &Name,
        proxy: &str,
        there: &BTreeMap<String, Shown>,
    ) -> Result<Served, ServerError> {
        let shown = there.get(proxy).ok_or_else(|| ServerError::NoProxy {
            url: self.api.url().to_string(),
            proxy: proxy.to_owned(),
            link: link.clone(),
            known: match there.is_empty() {
                true => "none".to_owned(),
                false => there.keys().cloned().collect::<Vec<_>>().join(", "),
            },
        })?;
        // Toxics that the user keeps there are part of the target.
        let names = shown
            .toxics
            .iter()
            .filter_map(|toxic| toxic["name"].as_str());
        let left = names.into_iter().find(|name| name.starts_with(LABEL));
        let is = match left {
            None if shown.enabled => {
                return Ok(Served {
                    proxy: proxy.to_owned(),
                    own: false,
                    address: self.reached(shown),
                });
            }
            None => "is disabled: enable it first".to_owned(),
            Some(toxic) => format!(
                "carries the toxic {toxic} of another run: let that end, or `harness heal` if it was killed"
            ),
        };
        Err(ServerError::Broken {
            url: self.api.url().to_string(),
            proxy: proxy.to_owned(),
            link: link.clone(),
            is,
        })
    }

    /// The API's host, and the port that the proxy listens on.
    fn reached(&self, shown: &Shown) -> String {
        let port = shown.listen.rsplit_once(':').map_or("0", |(_, port)| port);
        format!("{}:{port}", self.api.host())
    }

    /// Where a link is reached.
    pub(super) fn address(&self, link: &Name) -> Option<String> {
        self.links.get(link).map(|served| served.address.clone())
    }

    fn applied(&self) -> MutexGuard<'_, BTreeMap<String, Applied>> {
        self.applied.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Applies a fault to a link under a name unique in the run.
    pub(super) async fn apply(
        &self,
        id: &str,
        link: &Name,
        strike: Strike<'_>,
    ) -> Result<(), String> {
        let down = *strike.kind == FaultKind::Down;
        self.put(id, link, toxics(strike)?, down).await
    }

    /// Puts toxics on a link, not named yet, and takes it down if it shall be, under a name unique in the run.
    pub(super) async fn put(
        &self,
        id: &str,
        link: &Name,
        toxics: Vec<Toxic>,
        down: bool,
    ) -> Result<(), String> {
        let served = self.links.get(link);
        let served = served.ok_or_else(|| format!("there is no link `{link}` here"))?;
        let toxics = self.named(toxics)?;
        let applied = Applied {
            link: link.clone(),
            toxics: toxics.iter().map(|toxic| toxic.name.to_string()).collect(),
            down,
            confirmed: None,
            touched: None,
            undone: None,
            lifting: false,
        };
        // A proxy of the run's own is deleted whatever works on it.
        if !served.own {
            let planned = self.journal_of(served, &applied);
            planned.map_err(|error| error.to_string())?;
        }
        self.applied().insert(id.to_owned(), applied.clone());
        match self.act(served, &toxics, applied.down).await {
            Ok(()) => {
                let now = self.clock.now();
                if let Some(applied) = self.applied().get_mut(id) {
                    applied.confirmed = Some(now);
                }
                Ok(())
            }
            Err(error) => {
                // What was done of it before is no fault that anybody planned. What can't be undone now stays known, and
                // lifting it tries again.
                let _ = self.undo(id).await;
                Err(error.to_string())
            }
        }
    }

    fn journal_of(&self, served: &Served, applied: &Applied) -> Result<(), JournalError> {
        let (api, proxy) = (self.api.url().to_string(), served.proxy.clone());
        if applied.down {
            return self.note(&Entry::Down { api, proxy });
        }
        let toxics = applied.toxics.clone();
        self.note(&Entry::Toxics { api, proxy, toxics })
    }

    async fn act(
        &self,
        served: &Served,
        toxics: &[Toxic],
        down: bool,
    ) -> Result<(), ToxiproxyError> {
        if down {
            self.api.enable(&served.proxy, false).await?;
        }
        for toxic in toxics {
            self.api.add(&served.proxy, toxic).await?;
        }
        Ok(())
    }

    fn named(&self, toxics: Vec<Toxic>) -> Result<Vec<Toxic>, String> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let named = toxics.into_iter().map(|toxic| {
            let name = ToxicName::new(format!("{}-{number}-{}", self.label, toxic.stream));
            let name = name.map_err(|error| error.to_string())?;
            Ok(toxic.named(name))
        });
        named.collect()
    }

    /// Lifts a fault; lifting what is not there is fine. An error also when it had been lifted before, by whomever: then
    /// nobody can say what the load met.
    pub(super) async fn remove(&self, id: &str) -> Result<(), String> {
        match self.undo(id).await {
            Ok(before) => before.map_or(Ok(()), Err),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Undoes what is applied under an id, and only then forgets it: after what fails, or is given up half-way, whoever
    /// heals tries again. What of it somebody else had undone before, in words.
    async fn undo(&self, id: &str) -> Result<Option<String>, ToxiproxyError> {
        let begun = self.applied().get_mut(id).map(|applied| {
            let before = applied.clone();
            applied.lifting = true;
            before
        });
        let Some(applied) = begun else {
            return Ok(None);
        };
        let missing = match self.links.get(&applied.link) {
            Some(served) if applied.down => self.raise(served).await?,
            Some(served) => self.clear(id, served, &applied.toxics).await?,
            None => None,
        };
        self.applied().remove(id);
        // One that was never whole, or that was begun to be undone before, may well lack something.
        let missing = missing.filter(|_| applied.confirmed.is_some() && !applied.lifting);
        Ok(applied.undone.or(missing))
    }

    /// Removes toxics, as many as can be; what was not there any more, in words.
    async fn clear(
        &self,
        id: &str,
        served: &Served,
        toxics: &[String],
    ) -> Result<Option<String>, ToxiproxyError> {
        let (mut missing, mut failed) = (None, None);
        for toxic in toxics {
            match self.api.remove(&served.proxy, toxic).await {
                Ok(there) => {
                    if let Some(applied) = self.applied().get_mut(id) {
                        applied.toxics.retain(|left| left != toxic);
                    }
                    if !there {
                        missing = Some(self.lost(served, &format!("lost the toxic {toxic}")));
                    }
                }
                Err(error) if error.is_silent() => return Err(error),
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(missing), Err)
    }

    /// Enables a proxy that was disabled; what became of it meanwhile, in words.
    async fn raise(&self, served: &Served) -> Result<Option<String>, ToxiproxyError> {
        let missing = match self.api.proxies().await?.get(&served.proxy) {
            None => Some(self.lost(served, "was deleted")),
            Some(shown) if shown.enabled => Some(self.lost(served, "was enabled")),
            Some(_) => {
                self.api.enable(&served.proxy, true).await?;
                None
            }
        };
        if !served.own {
            // A journal that can't be written any more is told when the next thing is done.
            let _ = self.note(&Entry::Up {
                api: self.api.url().to_string(),
                proxy: served.proxy.clone(),
            });
        }
        Ok(missing)
    }

    fn lost(&self, served: &Served, what: &str) -> String {
        let (proxy, url) = (&served.proxy, self.api.url());
        format!("the proxy {proxy} at {url} {what} while the fault lasted, and not by this run")
    }

    /// When the fault was seen to have touched a connection; where the server does not tell, when it had confirmed the
    /// change. A proxy that is down refuses from then on.
    pub(super) fn effective(&self, id: &str) -> Option<FirstEffect> {
        let applied = self.applied();
        let applied = applied.get(id)?;
        let seen = match self.api.ours && !applied.down {
            true => applied.touched,
            false => applied.confirmed,
        };
        seen.map(|at| FirstEffect {
            at,
            assumed: !self.api.ours && !applied.down,
            by: None,
        })
    }

    /// Lifts every fault; what could not be, a sentence each. What somebody else undid before is no longer there either.
    pub(super) async fn heal(&self) -> Vec<String> {
        let ids: Vec<String> = self.applied().keys().cloned().collect();
        let mut left = Vec::new();
        for id in ids {
            let Err(error) = self.undo(&id).await else {
                continue;
            };
            left.push(error.to_string());
            // One that does not answer is not asked for each fault in turn.
            if error.is_silent() {
                break;
            }
        }
        left
    }

    /// Deletes the run's own proxies; what could not be, a sentence.
    pub(super) async fn shut_down(&self) -> Option<String> {
        let mut left = Vec::new();
        for served in self.links.values().filter(|served| served.own) {
            match self.api.delete(&served.proxy).await {
                Ok(_) => {}
                // Its proxies went with it.
                Err(error) if error.is_absent() => return None,
                Err(error) => {
                    left.push(error.to_string());
                    if error.is_silent() {
                        break;
                    }
                }
            }
        }
        (!left.is_empty()).then(|| left.join("; "))
    }
}

/// Whether any Toxiproxy knows all that the planned faults need.
fn known_there(api: &Toxiproxy, planned: &[(&str, Strike<'_>)]) -> Result<(), ServerError> {
    for (fault, strike) in planned {
        let made = toxics(*strike).unwrap_or_default();
        if let Some(needs) = made.iter().find_map(Toxic::beyond) {
            return Err(ServerError::Beyond {
                fault: (*fault).to_owned(),
                needs,
                version: api.version.clone(),
                url: api.url().to_string(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
