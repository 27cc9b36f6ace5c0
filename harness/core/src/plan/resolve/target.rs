//! The system under test: services in the order they start, links, and the way in.

use super::findings::Findings;
use super::world::World;
use super::{entry, links, section, service};
use crate::plan::target::{Mode, Scrape, ServicePlan, TargetPlan};
use crate::suite::at::{At, Named, Str};
use crate::suite::document::Document;
use crate::suite::raw::{ConfigFile, Service, Target, TargetMode};
use crate::template::Part;

/// Resolves the target for a mode and a variant. Everything is checked in every mode; an external target then drops
/// its services and links.
pub(super) fn resolve(
    doc: &Document<ConfigFile>,
    mode: Option<Mode>,
    variant: Option<&str>,
    found: &mut Findings,
) -> (TargetPlan, World) {
    let empty = At {
        value: Target::default(),
        span: 0..0,
    };
    let raw = doc.raw.target.as_ref().unwrap_or(&empty);
    let typed = raw.value.mode.as_ref().map(|mode| mode.value.into());
    let mode = mode.or(typed).unwrap_or(Mode::Process);
    let mut world = World::of(doc, &raw.value, mode);
    let proxy = super::proxy::resolve(doc, &raw.value, &world, found);
    let links = links::resolve(doc, &raw.value.link, &world, found);
    entry::resolve(doc, raw, &links, &mut world, found);
    for (key, service) in raw.value.service.iter() {
        if let Some(url) = service
            .value
            .url
            .as_ref()
            .and_then(|url| entry::base_url(doc, url, &world, found))
        {
            world.urls.insert(key.value.clone(), url);
        }
    }
    let services = services(doc, raw, variant, &links, &world, found);
    let metrics = raw
        .value
        .metrics
        .iter()
        .filter_map(|url| entry::base_url(doc, url, &world, found))
        .collect();
    let compose = compose(doc, raw, mode, found);
    let external = mode == Mode::External;
    let scrapes = if external {
        scrapes(&raw.value.service, &world)
    } else {
        Vec::new()
    };
    let plan = TargetPlan {
        mode,
        services: if external { Vec::new() } else { services },
        links: links
            .into_iter()
            .filter(|link| !external || link.proxy.is_some())
            .collect(),
        compose,
        proxy_image: proxy.image,
        proxy: proxy.external,
        entry: world.entry.clone(),
        metrics,
        scrapes,
        socket: super::tls::socket(doc, &raw.value, mode, found),
        tls: None,
    };
    (plan, world)
}

impl From<TargetMode> for Mode {
    fn from(typed: TargetMode) -> Self {
        match typed {
            TargetMode::Process => Self::Process,
            TargetMode::Container => Self::Container,
            TargetMode::Compose => Self::Compose,
            TargetMode::External => Self::External,
        }
    }
}

/// The services of the mode, in the order they start.
fn services(
    doc: &Document<ConfigFile>,
    raw: &At<Target>,
    variant: Option<&str>,
    links: &[crate::plan::target::LinkPlan],
    world: &World,
    found: &mut Findings,
) -> Vec<ServicePlan> {
    let changes = doc
        .raw
        .variant
        .iter()
        .find(|(key, _)| Some(key.value.as_str()) == variant);
    let changes = changes.map(|(_, variant)| &variant.value.service);
    let around = service::Around { doc, links, world };
    let services: Vec<ServicePlan> = raw
        .value
        .service
        .iter()
        .filter_map(|(key, service)| {
            let change = changes
                .and_then(|changes| changes.get(&key.value))
                .map(|change| &change.value);
            service::resolve(&around, (key, service), change, found)
        })
        .collect();
    let all = &raw.value.service;
    let run = all.iter().any(|(_, service)| service.value.is_run());
    let here = all.iter().any(|(_, s)| s.value.is_in(world.mode));
    if run && !here && !doc.incomplete {
        let mode = world.mode.as_str();
        // One of another mode is there, for those without any have been told already.
        found.error_with(
            doc.place(&raw.span),
            format!("mode `{mode}` has nothing to start: no service has a `{mode}` section"),
            "give its services one, or choose another mode with `--target`",
        );
    }
    section::composed_once(doc, all, found);
    let services = super::order::by_need(doc, services, all, found);
    links::unused(doc, &raw.value, links, &services, found);
    services
}

/// The Compose files, each a path below the suite's root; whether one is there is told by who starts them.
fn compose(
    doc: &Document<ConfigFile>,
    raw: &At<Target>,
    mode: Mode,
    found: &mut Findings,
) -> Vec<String> {
    let mut files = Vec::new();
    for path in &raw.value.compose {
        match crate::suite::relative(&path.value) {
            Ok(file) => files.push(file),
            Err(reason) => found.error(doc.at(path), reason),
        }
    }
    if mode != Mode::Compose {
        return Vec::new();
    }
    if raw.value.compose.is_empty() {
        found.error_with(
            doc.place(&raw.span),
            "mode `compose` needs a Compose file",
            "name it in [target]: `compose = [\"docker-compose.yml\"]`",
        );
    }
    files
}

/// The metrics endpoints of services that say where they run.
fn scrapes(services: &Named<Service>, world: &World) -> Vec<Scrape> {
    let endpoint = |(key, service): &(Str, At<Service>)| {
        let path = service.value.metrics.as_ref()?.value.clone();
        let mut url = world.urls.get(&key.value)?.clone();
        url.parts.push(Part::Literal(path));
        // One that is no name is an error already.
        let service = key.value.parse().ok()?;
        Some(Scrape { service, url })
    };
    services.iter().filter_map(endpoint).collect()
}
