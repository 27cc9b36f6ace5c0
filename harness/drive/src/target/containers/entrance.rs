//! The entrance of a service that is deployed: a container that is found under the service's name and leads to whichever
//! version serves. Connections that are open stay with the version they have, so that it can be drained.

use super::Containers;
use crate::target::engine::{Attachment, Wanted};
use crate::target::service::{Service, Vessel};
use crate::target::toxiproxy::{Toxiproxy, Wanted as Lead};
use crate::target::version::Version;
use crate::target::{Failed, Target};
use futures::future::try_join_all;
use harness_core::name::Name;
use harness_core::plan::target::{ServicePlan, Vessel as Planned};
use std::collections::BTreeSet;

/// Where an entrance's API listens.
const API: u16 = 8474;
/// … if the service itself listens there.
const OTHER: u16 = 8475;

impl Target {
    /// Starts the entrances of the services that are deployed and listen, each leading to the plan's own version.
    pub(super) async fn open_entrances(&self, containers: &Containers) -> Result<(), Failed> {
        let listening = containers.entrances.keys().filter_map(|service| {
            let port = self.plan_of(service.as_str())?.inner_port()?;
            Some((service, port))
        });
        let opened = listening.map(|(service, port)| self.open_entrance(containers, service, port));
        try_join_all(opened).await.map(drop)
    }

    async fn open_entrance(
        &self,
        containers: &Containers,
        service: &Name,
        port: u16,
    ) -> Result<(), Failed> {
        let engine = containers.engine();
        let api = if port == API { OTHER } else { API };
        let command = ["proxy", "--host", "0.0.0.0", "--port"].map(str::to_owned);
        let wanted = Wanted {
            name: containers.own(&format!("entrance-{service}")),
            image: engine.own_image().await.map_err(Failed::whole)?,
            command: [&command[..], &[api.to_string()]].concat(),
            networks: self.before(containers, service),
            publish: containers.published([api]),
            ..Wanted::default()
        };
        let starts = engine.clone();
        let id = self.started(async move { starts.start(&wanted).await });
        let vessel = Vessel {
            id: id.await?.map_err(Failed::whole)?,
            engine: engine.clone(),
        };
        let name = format!("harness-entrance-{service}");
        let sink = self.sink(&name, None).await.map_err(Failed::whole)?;
        let life = Service::within(name, vessel.clone(), &Default::default(), sink);
        let met = self.meet_api(containers, &vessel, api, &life).await?;
        let lead = Lead {
            name: service.to_string(),
            listen: format!("0.0.0.0:{port}"),
            upstream: containers.upstream_of(service, Version::Own, port),
        };
        met.create(&lead).await.map_err(Failed::whole)?;
        if let Some(entrance) = containers.entrances.get(service) {
            let _ = entrance.set(met);
        }
        Ok(())
    }
}

impl Target {
    /// How an entrance hangs in networks: under all the names by which its service is found.
    fn before(&self, containers: &Containers, service: &Name) -> Vec<Attachment> {
        let mut networks = containers.networks(&[service.as_str()]);
        let plan = self.plan_of(service.as_str());
        if let Some(Planned::Compose(of)) = plan.and_then(|plan| plan.vessel.as_ref())
            && let Some(project) = containers.project.get()
        {
            let observed = networks.split_off(1);
            networks = project.found(&of.service);
            networks.extend(observed);
        }
        networks
    }
}

impl Containers {
    /// The only name of a service's container, where an entrance has its others.
    pub(super) fn entered_by(&self, plan: &ServicePlan) -> Option<String> {
        plan.inner_port()?;
        let entrance = self.entrances.contains_key(&plan.name);
        entrance.then(|| self.alias_of(&plan.name, Version::Own))
    }

    fn upstream_of(&self, service: &Name, version: Version, port: u16) -> String {
        format!("{}:{port}", self.alias_of(service, version))
    }

    fn entrance(&self, service: &Name) -> Option<&Toxiproxy> {
        self.entrances.get(service)?.get()
    }

    /// From here on a service's entrance leads to this version.
    pub(in crate::target) async fn enter(
        &self,
        service: &Name,
        version: Version,
        port: Option<u16>,
    ) -> Result<(), String> {
        let (Some(entrance), Some(port)) = (self.entrance(service), port) else {
            return Ok(());
        };
        let upstream = self.upstream_of(service, version, port);
        let led = entrance.lead(service.as_str(), &upstream).await;
        led.map_err(|error| error.to_string())
    }

    /// The connections that are open through a service's entrance.
    pub(in crate::target) async fn entered(
        &self,
        service: &Name,
    ) -> Result<BTreeSet<(String, u64)>, String> {
        let Some(entrance) = self.entrance(service) else {
            return Ok(BTreeSet::new());
        };
        let all = entrance.connections(service.as_str()).await;
        let all = all.map_err(|error| error.to_string())?.into_iter();
        let open = all.filter(|connection| connection.closed.is_none());
        let named = open.map(|connection| ("entrance".to_owned(), connection.id));
        Ok(named.collect())
    }
}
