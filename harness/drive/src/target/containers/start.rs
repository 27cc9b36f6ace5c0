//! How a service's container comes up: its image and volumes once, the container at its first start, and each time its
//! address, to which the doors and links on this machine are led.

use super::{Containers, Made};
use crate::target::engine::{Build, EngineError, Held, HeldIn, PutFile, Seen, Wanted};
use crate::target::hands::{Hands, Outfit};
use crate::target::service::{Service, Vessel};
use crate::target::version::{self, Version};
use crate::target::{Failed, Target};
use futures::future::try_join_all;
use harness_core::plan::target::{BuildPlan, ContainerPlan, ServicePlan, Vessel as Planned};
use harness_core::template::UnboundError;
use harness_proxy::Upstream;
use std::sync::Arc;
use tracing::Instrument as _;

impl Target {
    /// Has everything there that containers are made of: images, sized volumes, the proxy between them.
    pub(in crate::target) async fn furnish(&self, containers: &Containers) -> Result<(), Failed> {
        let mut wanted: Vec<(&ServicePlan, &ContainerPlan)> = Vec::new();
        for (service, container) in self.in_containers() {
            let same = |other: &&(&ServicePlan, &ContainerPlan)| {
                other.1.image == container.image && other.1.build == container.build
            };
            if wanted.iter().find(same).is_none() {
                wanted.push((service, container));
            }
        }
        let images = wanted
            .into_iter()
            .map(|(service, container)| self.image(containers, service, container));
        let images = try_join_all(images);
        let proxy = self.serve_links(containers);
        let entrances = async {
            // A Compose file says under which names they are found.
            self.make_composed(containers).await?;
            self.open_entrances(containers).await
        };
        tokio::try_join!(images, proxy, entrances)?;
        // After those that are built: one may be deployed as well.
        self.next_images(containers).await?;
        let me = self.me().map_err(Failed::whole)?;
        let started = async move {
            match &me.containers {
                Some(containers) => me.start_hands(containers).await,
                None => Ok(()),
            }
        };
        self.started(started).await?
    }

    /// Has something started in a task that goes to its end whatever becomes of who asks, and which stopping the target waits
    /// for: nothing is started half-way and then forgotten.
    pub(in crate::target) async fn started<T: Send + 'static>(
        &self,
        start: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Failed> {
        let started = self.starting.track_future(start.in_current_span());
        self.runtime.spawn(started).await.map_err(Failed::whole)
    }

    /// Starts who does what the engine can't, if a fault of the plan needs that; what nobody here can do ends the run.
    async fn start_hands(&self, containers: &Containers) -> Result<(), Failed> {
        if !Hands::needed(&self.whole) {
            return Ok(());
        }
        let engine = containers.engine();
        let outfit = Outfit {
            name: containers.own("hands"),
            image: engine.own_image().await.map_err(Failed::whole)?,
            network: containers.net(),
            volumes: Hands::volumes(&self.plan, |service, path| containers.volume(service, path)),
            sees: Vec::new(),
        };
        let planned = self.whole.faults();
        let planned: Vec<_> = planned
            .map(|(_, strike)| (strike.on, strike.kind))
            .collect();
        let hands = Hands::start(engine, &self.plan, &planned, outfit).await;
        let _ = containers.hands.set(hands.map_err(Failed::whole)?);
        Ok(())
    }

    /// Services with containers of the harness's own making.
    pub(super) fn in_containers(&self) -> impl Iterator<Item = (&ServicePlan, &ContainerPlan)> {
        let services = self.plan.services.iter();
        services.filter_map(|service| match service.vessel.as_ref()? {
            Planned::Container(container) => Some((service, container.as_ref())),
            Planned::Compose(_) => None,
        })
    }

    /// Sees to it that a container's image is there.
    async fn image(
        &self,
        containers: &Containers,
        service: &ServicePlan,
        container: &ContainerPlan,
    ) -> Result<(), Failed> {
        let (engine, image) = (containers.engine(), &container.image);
        let there = match &container.build {
            Some(build) => {
                self.notice(format!("building the image {image}")).await;
                engine.build(&self.build_of(image, build)?, |_| {}).await
            }
            None => return self.present(containers, service, image).await,
        };
        there.map_err(|error| Failed::of(&service.name, error, Vec::new()))
    }

    /// Sees to it that an image is there, pulled where it is not.
    async fn present(
        &self,
        containers: &Containers,
        service: &ServicePlan,
        image: &str,
    ) -> Result<(), Failed> {
        let engine = containers.engine();
        let there = engine.has_image(image).await;
        if there.as_ref().is_ok_and(|there| !there) {
            self.notice(format!("pulling the image {image}")).await;
        }
        let there = engine.ensure_image(image, |_| {}).await;
        there.map_err(|error| Failed::of(&service.name, error, Vec::new()))
    }

    /// Sees to it that the images are there that services are deployed as.
    async fn next_images(&self, containers: &Containers) -> Result<(), Failed> {
        for (service, deployment) in version::deployments(&self.whole) {
            let Some(plan) = self.plan_of(service.as_str()) else {
                continue;
            };
            let next = version::next(plan, deployment);
            let Some(image) = &deployment.image else {
                continue;
            };
            if next.vessel.is_some() {
                self.present(containers, &next, image).await?;
            }
        }
        Ok(())
    }

    fn build_of(&self, image: &str, build: &BuildPlan) -> Result<Build, UnboundError> {
        let root = &self.around.root;
        let args = build.args.iter();
        let args = args.map(|(name, text)| Ok((name.clone(), self.outside(text)?)));
        Ok(Build {
            image: image.to_owned(),
            context: root.join(&build.context),
            dockerfile: root.join(&build.dockerfile),
            args: args.collect::<Result<_, UnboundError>>()?,
        })
    }

    /// Starts a service's container, for the first time or again, and has the ways to it lead there.
    pub(in crate::target) async fn spawn_container(
        &self,
        containers: &Containers,
        (plan, vessel, version): (&ServicePlan, &Planned, Version),
    ) -> Result<Arc<Service>, Failed> {
        let failed = |error: EngineError| Failed::of(&plan.name, error, Vec::new());
        let sink = self.sink_of(plan).await?;
        let engine = containers.engine();
        let (vessel, seen) = match (containers.made(&plan.name, version), vessel) {
            (Some(made), _) => {
                engine.start_again(&made.vessel.id).await.map_err(failed)?;
                (made.vessel, made.seen)
            }
            (None, Planned::Compose(service)) if version == Version::Next => {
                let vessel = self.make_next(containers, (plan, service)).await?;
                if let Err(error) = engine.start_again(&vessel.id).await {
                    // What is left is removed by its label in the end; the first error is the one to tell.
                    let _ = engine.remove(&vessel.id).await;
                    return Err(failed(error));
                }
                (vessel, Seen::default())
            }
            // The tool made all of them before the first was started.
            (None, Planned::Compose(_)) => {
                let reason = "no container was made of it";
                return Err(Failed::of(&plan.name, reason, Vec::new()));
            }
            (None, Planned::Container(container)) => {
                let wanted = self.wanted(containers, (plan, container, version))?;
                let sizeless = container
                    .volumes
                    .iter()
                    .filter(|volume| volume.size.is_none());
                let volumes = sizeless.map(|volume| containers.volume(&plan.name, &volume.path));
                let volumes =
                    volumes.map(|name| async move { engine.create_volume(&name, None).await });
                try_join_all(volumes).await.map_err(failed)?;
                let id = engine.start(&wanted).await.map_err(failed)?;
                let engine = engine.clone();
                (Vessel { engine, id }, Seen::default())
            }
        };
        let address = match plan.inner_port() {
            Some(port) => {
                let control = containers.control();
                match engine.address(&vessel.id, &control, port).await {
                    Ok(address) => Some(address),
                    Err(error) => match engine.inspect(&vessel.id).await {
                        // One that ended at once has none any more: that it did is told by who waits for it.
                        Ok(state) if !state.running => None,
                        _ => return Err(failed(error)),
                    },
                }
            }
            None => None,
        };
        let upstream = address
            .as_ref()
            .and_then(|address| address.parse::<Upstream>().ok());
        self.links
            .lead_to_version(&plan.name, version, upstream.as_ref());
        if self.versions.serving(&plan.name) == version {
            self.links.lead(&plan.name, upstream.as_ref());
        }
        let made = Made {
            vessel: vessel.clone(),
            seen: seen.clone(),
            address,
        };
        let key = (plan.name.clone(), version);
        containers.lock().insert(key, made);
        let name = plan.name.to_string();
        Ok(Arc::new(Service::within(name, vessel, &seen, sink)))
    }

    fn wanted(
        &self,
        containers: &Containers,
        (plan, container, version): (&ServicePlan, &ContainerPlan, Version),
    ) -> Result<Wanted, UnboundError> {
        let alias = containers.alias_of(&plan.name, version);
        let held = container.volumes.iter().map(|volume| Held {
            source: HeldIn::Volume(containers.volume(&plan.name, &volume.path)),
            path: volume.path.clone(),
            read_only: false,
        });
        let files = container.files.iter().map(|(path, from)| PutFile {
            path: path.clone(),
            from: self.around.root.join(from),
        });
        Ok(Wanted {
            name: containers.name_of(&plan.name, version),
            image: container.image.clone(),
            command: self.insides(&plan.command, (&plan.name, version))?,
            env: self.env_of(plan, version)?,
            networks: containers.networks(&[&alias]),
            files: files.collect(),
            holds: held.collect(),
            memory: container.memory,
            cpus: container.cpus,
            publish: containers.published(container.port),
            ..Wanted::default()
        })
    }
}
