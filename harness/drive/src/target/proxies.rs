//! Who serves the links: the proxy within the harness, a Toxiproxy server that the suite names, or, between containers, one
//! in a container of its own. To all others they are the same.

use super::links::{Door, LinkTo, Links};
use super::server::{Route, Server};
use super::toxiproxy::Toxiproxy;
use super::version::{self, Version};
use super::{Failed, Surroundings};
use crate::dispatcher::Mouth;
use crate::ports::FirstEffect;
use harness_core::name::Name;
use harness_core::plan::Plan;
use harness_core::plan::fault::{Site, Strike};
use harness_core::plan::target::LinkPlan;
use harness_proxy::{Toxic, Upstream};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The name under which services find the proxy between them.
pub(super) const HOST: &str = harness_core::plan::target::PROXY_HOST;
/// The port of the first link that it serves; each of the others has the next.
const FIRST_PORT: u16 = 20_000;

/// The links of a run, served.
pub struct Proxies {
    /// Within this process.
    here: Arc<Links>,
    /// On a server, once it was met.
    there: OnceLock<Server>,
    /// Links between containers, for a server that is met once it runs.
    between: BTreeMap<Name, LinkTo>,
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
        let routes = |ports: &BTreeMap<Name, u16>| {
            let links = plan.target.links.iter();
            let routes = links.map(|link| route(link, ports));
            routes.collect::<Result<Vec<Route>, Failed>>()
        };
        let there = server.filter(|_| !plan.target.links.is_empty());
        let own = match there {
            Some(_) => Vec::new(),
            None => routes(ports)?,
        };
        let own = own.into_iter().filter_map(|route| match route {
            Route::Own(to) => Some(to),
            Route::There { .. } => None,
        });
        let own: Vec<LinkTo> = own.collect();
        // What is deployed listens behind a door: nobody who knows the way to it needs another.
        let deployed = version::deployed(plan);
        let here = deployed.iter().filter(|name| ports.contains_key(*name));
        let doors: Vec<Door> = here.cloned().map(Door::Service).collect();
        let proxies = Self::here(&own, &doors, around)?;
        let mut public = ports.clone();
        for (service, port) in &mut public {
            if let Some(door) = proxies.door_to(service) {
                proxies.lead(service, Some(&loopback(*port)));
                *port = door;
            }
        }
        if let Some(url) = there {
            let routes = routes(&public)?;
            let api = Toxiproxy::meet(url, around.clock).await;
            let api = api.map_err(Failed::whole)?;
            let server = proxies.serve(api, &routes, plan, around, true).await?;
            let _ = proxies.there.set(server);
        }
        Ok(Arc::new(proxies))
    }

    /// The same for services in containers: the way in and a door to each service and each link listen here, and the links
    /// between services where [`Proxies::meet`] is told to.
    pub(super) fn in_containers(plan: &Plan, around: &Surroundings) -> Result<Arc<Self>, Failed> {
        let (mut own, mut between) = (Vec::new(), BTreeMap::new());
        let services = &plan.target.services;
        for link in &plan.target.links {
            let service = services.iter().find(|service| service.name == link.to);
            let port = service.and_then(|service| service.inner_port());
            let port = port.ok_or_else(|| nowhere(link))?;
            let to = LinkTo {
                name: link.name.clone(),
                to: link.to.clone(),
                upstream: None,
                port: None,
                watch: link.watch,
                entry: link.from.is_none(),
            };
            if to.entry {
                own.push(to);
                continue;
            }
            let upstream = format!("{}:{port}", link.to).parse::<Upstream>();
            let number = u16::try_from(between.len()).map_err(Failed::whole)?;
            let to = LinkTo {
                upstream: Some(upstream.map_err(Failed::whole)?),
                port: Some(FIRST_PORT + number),
                ..to
            };
            between.insert(link.name.clone(), to);
        }
        let served = services
            .iter()
            .filter(|service| service.inner_port().is_some());
        let deployed = version::deployed(plan);
        let doors = served.flat_map(|service| {
            let name = &service.name;
            let versions = [Version::Own, Version::Next].map(|v| Door::Version(name.clone(), v));
            let versions = versions.into_iter().filter(|_| deployed.contains(name));
            [Door::Service(name.clone())].into_iter().chain(versions)
        });
        let doors = doors.chain(between.keys().cloned().map(Door::Link));
        let proxies = Self::here(&own, &doors.collect::<Vec<_>>(), around)?;
        Ok(Arc::new(Self { between, ..proxies }))
    }

    fn here(own: &[LinkTo], doors: &[Door], around: &Surroundings) -> Result<Self, Failed> {
        Ok(Self {
            here: Links::bind(own, doors, around.seed, around.clock, &around.gauges)?,
            there: OnceLock::new(),
            between: BTreeMap::new(),
        })
    }

    /// The ports on which the links between containers are to be served.
    pub(super) fn between(&self) -> impl Iterator<Item = (&Name, u16)> {
        let links = self.between.iter();
        links.filter_map(|(link, to)| Some((link, to.port?)))
    }

    /// Has the links between containers served by a server that runs among them, and goes with them.
    pub(super) async fn meet(
        &self,
        api: Toxiproxy,
        plan: &Plan,
        around: &Surroundings,
    ) -> Result<(), Failed> {
        let routes = self.between.values().cloned().map(Route::Own);
        let routes: Vec<Route> = routes.collect();
        let server = self.serve(api, &routes, plan, around, false).await?;
        let _ = self.there.set(server);
        Ok(())
    }

    async fn serve(
        &self,
        api: Toxiproxy,
        routes: &[Route],
        plan: &Plan,
        around: &Surroundings,
        outlives: bool,
    ) -> Result<Server, Failed> {
        let (run, clock) = (&around.run, around.clock);
        let journal = outlives.then_some(&around.journal);
        let planned = self.planned_there(plan);
        let bound = Server::bind(api, routes, &planned, run, clock, journal).await;
        bound.map_err(Failed::whole)
    }

    /// The faults on links that are not served here, by name.
    fn planned_there<'a>(&self, plan: &'a Plan) -> Vec<(&'a str, Strike<'a>)> {
        let faults = plan.faults();
        let there = faults
            .filter(|(_, strike)| matches!(strike.on, Site::Link(link) if !self.here.serves(link)));
        there.collect()
    }

    /// Where a link is reached from this machine: host and port.
    pub fn address(&self, link: &Name) -> Option<String> {
        let door = Door::Link(link.clone());
        let here = self.here.address(link).or_else(|| self.here.door(&door));
        here.map(|address| address.to_string())
            .or_else(|| self.there.get()?.address(link))
    }

    /// Where a link is reached from within a container.
    pub(super) fn address_within(&self, link: &Name) -> Option<String> {
        let port = self.between.get(link)?.port?;
        Some(format!("{HOST}:{port}"))
    }

    /// Where a service in a container is reached from this machine.
    pub(super) fn door_to(&self, service: &Name) -> Option<u16> {
        let door = self.here.door(&Door::Service(service.clone()));
        door.map(|address| address.port())
    }

    /// Where one version of a service in a container is reached from this machine, whichever serves.
    pub(super) fn door_to_version(&self, service: &Name, version: Version) -> Option<u16> {
        let door = self.here.door(&Door::Version(service.clone(), version));
        door.map(|address| address.port())
    }

    /// From here on one version of a service is behind this address, whichever serves.
    pub(super) fn lead_to_version(
        &self,
        service: &Name,
        version: Version,
        upstream: Option<&Upstream>,
    ) {
        let door = Door::Version(service.clone(), version);
        self.here.lead_door(&door, upstream);
    }

    /// The connections that are open through a service's door and the links here that lead to it.
    pub(super) fn open_to(&self, service: &Name) -> BTreeSet<(String, u64)> {
        self.here.open_to(service)
    }

    /// From here on a service is behind this address.
    pub(super) fn lead(&self, service: &Name, upstream: Option<&Upstream>) {
        self.here.lead(service, upstream);
    }

    /// From here on the listener of a link between containers is behind this address.
    pub(super) fn lead_to_link(&self, link: &Name, upstream: &Upstream) {
        self.here
            .lead_door(&Door::Link(link.clone()), Some(upstream));
    }

    /// Applies a fault to a link under a name unique in the run.
    pub(super) async fn apply(
        &self,
        id: &str,
        link: &Name,
        strike: Strike<'_>,
        lease: Duration,
    ) -> Result<(), String> {
        match self.there.get() {
            // It knows no leases: the guardian is what undoes there.
            Some(server) if !self.here.serves(link) => server.apply(id, link, strike).await,
            _ => self.here.apply(id, link, strike, lease),
        }
    }

    /// Puts toxics on a link, not named yet, under a name unique in the run.
    pub(super) async fn put(
        &self,
        id: &str,
        link: &Name,
        toxics: Vec<Toxic>,
        lease: Duration,
    ) -> Result<(), String> {
        match self.there.get() {
            Some(server) if !self.here.serves(link) => server.put(id, link, toxics, false).await,
            _ => self.here.put(id, link, toxics, false, lease),
        }
    }

    /// Lifts it; lifting what is not there is fine.
    pub(super) async fn remove(&self, id: &str) -> Result<(), String> {
        self.here.remove(id)?;
        match self.there.get() {
            Some(server) => server.remove(id).await,
            None => Ok(()),
        }
    }

    /// The first connection or byte the fault touched since it was armed.
    pub(super) fn effective(&self, id: &str) -> Option<FirstEffect> {
        let here = self.here.effective(id);
        here.or_else(|| self.there.get()?.effective(id))
    }

    /// Lifts every fault; what could not be, a sentence each.
    pub(super) async fn heal(&self) -> Vec<String> {
        let mut left = self.here.heal();
        if let Some(server) = self.there.get() {
            left.extend(server.heal().await);
        }
        left
    }

    /// Ends every listener of this run and its connections; what could not be ended, a sentence.
    pub(super) async fn shut_down(&self) -> Option<String> {
        self.here.shut_down().await;
        match self.there.get() {
            // One that is in a container goes with it.
            Some(server) if self.between.is_empty() => server.shut_down().await,
            _ => None,
        }
    }

    /// Says each link's figures once a second until it is told to stop.
    pub async fn watch(self: Arc<Self>, mouth: Mouth, stop: CancellationToken) {
        let here = Arc::clone(&self.here).watch(mouth.clone(), stop.clone());
        let there = async {
            if let Some(server) = self.there.get() {
                server.watch(mouth, stop).await;
            }
        };
        tokio::join!(here, there);
    }
}

/// A port of this machine.
pub(super) fn loopback(port: u16) -> Upstream {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into()
}

fn nowhere(link: &LinkPlan) -> Failed {
    Failed::whole(format!("link `{}` leads to no service", link.name))
}

fn route(link: &LinkPlan, ports: &BTreeMap<Name, u16>) -> Result<Route, Failed> {
    if let Some(proxy) = &link.proxy {
        return Ok(Route::There {
            link: link.name.clone(),
            proxy: proxy.clone(),
        });
    }
    let port = ports.get(&link.to).ok_or_else(|| nowhere(link))?;
    Ok(Route::Own(LinkTo {
        name: link.name.clone(),
        to: link.to.clone(),
        upstream: Some(loopback(*port)),
        port: None,
        watch: link.watch,
        entry: link.from.is_none(),
    }))
}
