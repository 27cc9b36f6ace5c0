//! Who serves the links: the proxy within the harness, or a Toxiproxy server that the suite names. To all others they are
//! the same.

use super::links::{LinkTo, Links};
use super::server::{Route, Server};
use super::toxiproxy::Toxiproxy;
use super::{Failed, Surroundings};
use crate::dispatcher::Mouth;
use crate::ports::FirstEffect;
use harness_core::name::Name;
use harness_core::plan::Plan;
use harness_core::plan::fault::{Site, Strike};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The links of a run, served.
pub enum Proxies {
    /// Within this process.
    Embedded(Arc<Links>),
    /// On a server.
    Server(Box<Server>),
}

impl Proxies {
    /// Has every link listen before any service starts; `server` is the address of the API of who serves them, if the
    /// suite names one.
    pub(super) async fn bind(
        plan: &Plan,
        server: Option<&str>,
        ports: &BTreeMap<Name, u16>,
        around: &Surroundings,
    ) -> Result<Arc<Self>, Failed> {
        let mut routes = Vec::new();
        for link in &plan.target.links {
            let proxy = link.proxy.as_ref().map(|proxy| Route::There {
                link: link.name.clone(),
                proxy: proxy.clone(),
            });
            let own = || {
                let port = ports.get(&link.to).ok_or_else(|| {
                    Failed::whole(format!("link `{}` leads to no service", link.name))
                })?;
                Ok(Route::Own(LinkTo {
                    name: link.name.clone(),
                    upstream: SocketAddr::from((Ipv4Addr::LOCALHOST, *port)),
                    watch: link.watch,
                    entry: link.from.is_none(),
                }))
            };
            routes.push(proxy.map_or_else(own, Ok::<_, Failed>)?);
        }
        let proxies = match server {
            Some(url) if !routes.is_empty() => {
                let api = Toxiproxy::meet(url, around.clock).await;
                let api = api.map_err(Failed::whole)?;
                let (run, clock, journal) = (&around.run, around.clock, &around.journal);
                let bound = Server::bind(api, &routes, &on_links(plan), run, clock, journal).await;
                Self::Server(Box::new(bound.map_err(Failed::whole)?))
            }
            _ => {
                let own = routes.into_iter().filter_map(|route| match route {
                    Route::Own(to) => Some(to),
                    Route::There { .. } => None,
                });
                let own: Vec<LinkTo> = own.collect();
                Self::Embedded(Links::bind(
                    &own,
                    around.seed,
                    around.clock,
                    &around.gauges,
                )?)
            }
        };
        Ok(Arc::new(proxies))
    }

    /// Where a link is reached: host and port.
    pub fn address(&self, link: &Name) -> Option<String> {
        match self {
            Self::Embedded(links) => links.address(link).map(|address| address.to_string()),
            Self::Server(server) => server.address(link),
        }
    }

    /// Applies a fault to a link under a name unique in the run.
    pub(super) async fn apply(
        &self,
        id: &str,
        link: &Name,
        strike: Strike<'_>,
        lease: Duration,
    ) -> Result<(), String> {
        match self {
            Self::Embedded(links) => links.apply(id, link, strike, lease),
            // It knows no leases: the guardian is what undoes there.
            Self::Server(server) => server.apply(id, link, strike).await,
        }
    }

    /// Lifts it; lifting what is not there is fine.
    pub(super) async fn remove(&self, id: &str) -> Result<(), String> {
        match self {
            Self::Embedded(links) => links.remove(id),
            Self::Server(server) => server.remove(id).await,
        }
    }

    /// The first connection or byte the fault touched since it was armed.
    pub(super) fn effective(&self, id: &str) -> Option<FirstEffect> {
        match self {
            Self::Embedded(links) => links.effective(id),
            Self::Server(server) => server.effective(id),
        }
    }

    /// Lifts every fault; what could not be, a sentence each.
    pub(super) async fn heal(&self) -> Vec<String> {
        match self {
            Self::Embedded(links) => links.heal(),
            Self::Server(server) => server.heal().await,
        }
    }

    /// Ends every listener of this run and its connections; what could not be ended, a sentence.
    pub(super) async fn shut_down(&self) -> Option<String> {
        match self {
            Self::Embedded(links) => {
                links.shut_down().await;
                None
            }
            Self::Server(server) => server.shut_down().await,
        }
    }

    /// Says each link's figures once a second until it is told to stop.
    pub async fn watch(self: Arc<Self>, mouth: Mouth, stop: CancellationToken) {
        match self.as_ref() {
            Self::Embedded(links) => Arc::clone(links).watch(mouth, stop).await,
            Self::Server(server) => server.watch(mouth, stop).await,
        }
    }
}

/// The faults on links that a run of the plan may arm, by name.
fn on_links(plan: &Plan) -> Vec<(&str, Strike<'_>)> {
    let faults = plan.faults();
    let on_links = faults.filter(|(_, strike)| matches!(strike.on, Site::Link(_)));
    on_links.collect()
}
