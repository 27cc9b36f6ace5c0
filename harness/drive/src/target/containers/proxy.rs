//! The container that serves the links between services: our own program, or a real Toxiproxy. It also holds the volumes that
//! are in memory, which would else be empty after a service's stop.

use super::Containers;
use crate::target::engine::{Held, HeldIn, Seen, Wanted};
use crate::target::proxies::HOST;
use crate::target::service::{Service, Vessel};
use crate::target::toxiproxy::Toxiproxy;
use crate::target::{Failed, Target};
use futures::future::try_join_all;
use harness_core::units::format_duration;
use harness_proxy::Upstream;
use std::sync::Arc;
use std::time::Duration;

/// Where its API listens.
const API: u16 = 8474;
/// How long it may take to answer.
const WITHIN: Duration = Duration::from_secs(30);
/// Between two questions.
const POLL: Duration = Duration::from_millis(10);

impl Target {
    /// Starts the proxy, if anything needs it, and has every link between containers served.
    pub(super) async fn serve_links(&self, containers: &Containers) -> Result<(), Failed> {
        let sized = self.sized_volumes(containers);
        if self.links.between().next().is_none() && sized.is_empty() {
            return Ok(());
        }
        let engine = containers.engine();
        let made = sized
            .iter()
            .map(|(name, size)| engine.create_volume(name, Some(*size)));
        try_join_all(made).await.map_err(Failed::whole)?;
        let (image, command) = match &self.plan.proxy_image {
            Some(image) => {
                engine
                    .ensure_image(image, |_| {})
                    .await
                    .map_err(Failed::whole)?;
                (image.clone(), Vec::new())
            }
            None => {
                let image = engine.own_image().await.map_err(Failed::whole)?;
                let host =
                    ["proxy", "--proxy-metrics", "--host", "0.0.0.0", "--port"].map(str::to_owned);
                (image, [&host[..], &[API.to_string()]].concat())
            }
        };
        let holds = sized.into_iter().map(|(name, _)| Held {
            path: format!("/held/{name}"),
            source: HeldIn::Volume(name),
            read_only: true,
        });
        let ports = self.links.between().map(|(_, port)| port).chain([API]);
        let wanted = Wanted {
            name: containers.own("proxy"),
            image,
            command,
            networks: containers.networks(&[HOST]),
            holds: holds.collect(),
            publish: containers.published(ports),
            ..Wanted::default()
        };
        let engine = engine.clone();
        let id = {
            let engine = engine.clone();
            self.started(async move { engine.start(&wanted).await })
        };
        let id = id.await?.map_err(Failed::whole)?;
        let vessel = Vessel { engine, id };
        let sink = self.sink("harness-proxy", None).await;
        let sink = sink.map_err(Failed::whole)?;
        let life = Service::within(
            "harness-proxy".into(),
            vessel.clone(),
            &Seen::default(),
            sink,
        );
        self.lead_to_links(containers, &vessel, Arc::new(life))
            .await
    }

    /// Waits until the proxy answers, and leads there.
    async fn lead_to_links(
        &self,
        containers: &Containers,
        vessel: &Vessel,
        life: Arc<Service>,
    ) -> Result<(), Failed> {
        let network = containers.control();
        let api = self.meet_api(containers, vessel, API, &life).await?;
        for (link, port) in self.links.between() {
            let at = vessel.engine.address(&vessel.id, &network, port).await;
            let at = at.map_err(Failed::whole)?;
            let upstream: Upstream = at.parse().map_err(Failed::whole)?;
            self.links.lead_to_link(link, &upstream);
        }
        self.links.meet(api, &self.whole, &self.around).await
    }

    /// Waits until a proxy in a container answers.
    pub(super) async fn meet_api(
        &self,
        containers: &Containers,
        vessel: &Vessel,
        port: u16,
        life: &Service,
    ) -> Result<Toxiproxy, Failed> {
        let network = containers.control();
        let address = || vessel.engine.address(&vessel.id, &network, port);
        let met = async {
            let mut said = "it was never asked".to_owned();
            let met = tokio::time::timeout(WITHIN, async {
                loop {
                    match address().await {
                        Ok(at) => {
                            match Toxiproxy::meet(&format!("http://{at}/"), self.around.clock).await
                            {
                                Ok(api) => return api,
                                Err(error) => said = error.to_string(),
                            }
                        }
                        Err(error) => said = error.to_string(),
                    }
                    tokio::time::sleep(POLL).await;
                }
            });
            met.await.map_err(|_| {
                let within = format_duration(WITHIN);
                format!("the proxy between services did not answer within {within}: {said}")
            })
        };
        let met = tokio::select! {
            biased;
            status = life.wait() => Err(format!("the proxy between services ended with {status}")),
            met = met => met,
        };
        met.map_err(|reason| Failed {
            service: Some(life.name().to_owned()),
            reason,
            output: life.tail(),
        })
    }

    fn sized_volumes(&self, containers: &Containers) -> Vec<(String, u64)> {
        let services = self.in_containers();
        let volumes = services.flat_map(|(service, container)| {
            let sized = container.volumes.iter();
            sized.filter_map(|volume| {
                Some((containers.volume(&service.name, &volume.path), volume.size?))
            })
        });
        volumes.collect()
    }
}
