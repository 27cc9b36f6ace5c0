//! The system under test: services in the order they start, links, and the way in; and what texts may refer to.

use super::findings::Findings;
use super::{entry, links, texts};
use crate::diagnostic::Place;
use crate::name::Name;
use crate::plan::fault::{FaultKind, Site};
use crate::plan::target::{LinkPlan, Mode, Ready, Scrape, ServicePlan, TargetPlan};
use crate::suite::at::{At, Named, Str};
use crate::suite::document::Document;
use crate::suite::raw::{
    ConfigFile, Link, Process, Scheme, Service, ServiceChange, Target, TargetMode,
};
use crate::template::{Part, Symbol, Text};
use std::collections::BTreeMap;
use std::time::Duration;

const READY_WITHIN: Duration = Duration::from_secs(30);
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// What there is to refer to, whatever the mode.
pub(super) struct World {
    pub(super) mode: Mode,
    /// Declared services.
    pub(super) services: Vec<String>,
    /// Declared links.
    pub(super) links: Vec<String>,
    /// Of those, the ones that carry plain HTTP.
    plain: Vec<String>,
    /// Declared secrets.
    pub(super) secrets: Vec<String>,
    /// In mode `external`: the URLs of single services.
    urls: BTreeMap<String, Text>,
    /// Base address of journeys and load.
    pub(super) entry: Text,
    /// The service behind the way in, if it is known.
    pub(super) entry_service: Option<String>,
    /// Whether a Toxiproxy server is named that serves the links.
    pub(super) served: bool,
    /// Links that say which proxy of that server the user routed them through.
    routed: Vec<String>,
}

/// The links that carry plain HTTP.
fn plain(links: &Named<Link>) -> Vec<String> {
    let plain = |link: &Link| {
        let scheme = link.scheme.as_ref().map(|scheme| scheme.value);
        scheme.is_none_or(|scheme| scheme == Scheme::Http)
    };
    let plain = links.iter().filter(|(_, link)| plain(&link.value));
    plain.map(|(name, _)| name.value.clone()).collect()
}

impl World {
    /// Whether there is such a link or service; notes it where there is none.
    pub(super) fn has(&self, place: Place, site: &Site, found: &mut Findings) -> bool {
        let (what, name, known) = match site {
            Site::Link(name) => ("link", name, &self.links),
            Site::Service(name) => ("service", name, &self.services),
        };
        let there = known.iter().any(|known| known == name.as_str());
        if !there {
            found.unknown(place, what, name.as_str(), known.iter().map(String::as_str));
        }
        there
    }

    /// Whether a fault of this kind works there: one on requests only where they can be read. Notes it where it does not.
    pub(super) fn takes(
        &self,
        place: Place,
        site: &Site,
        kind: &FaultKind,
        found: &mut Findings,
    ) -> bool {
        let (FaultKind::Http(_), Site::Link(link)) = (kind, site) else {
            return true;
        };
        let plain = self.plain.iter().any(|plain| plain == link.as_str());
        if !plain {
            let message =
                format!("the requests on link `{link}` can't be read: its scheme is not `http`");
            let hint = "break its bytes instead, with `latency`, `reset`, `loss` …";
            found.error_with(place, message, hint);
        }
        plain
    }

    /// Why a fault can't strike there in this mode; `None` where it can.
    pub(super) fn out_of_reach(&self, site: &Site) -> Option<String> {
        let routed = |link: &Name| self.routed.iter().any(|routed| routed == link.as_str());
        let here = match site {
            Site::Link(link) => self.mode == Mode::Process || routed(link),
            Site::Service(_) => self.mode == Mode::Process,
        };
        (!here).then(|| match site {
            Site::Link(link) => {
                format!(
                    "the target is external: link `{link}` does not run through the fault proxy"
                )
            }
            Site::Service(service) => {
                format!("the target is external: service `{service}` was not started here")
            }
        })
    }

    /// The base address of a service, or of the way in.
    pub(super) fn base(&self, service: &str) -> Result<Text, BaseError> {
        if !self.services.iter().any(|s| s == service) {
            return Err(BaseError::Unknown);
        }
        match self.mode {
            Mode::Process if self.entry_service.as_deref() == Some(service) => {
                Ok(self.entry.clone())
            }
            Mode::Process => service
                .parse()
                .map(|name| symbol(Symbol::ServiceUrl(name)))
                .map_err(|_| BaseError::Unknown),
            Mode::External => match self.urls.get(service) {
                Some(url) => Ok(url.clone()),
                None if self.entry_service.as_deref() == Some(service) => Ok(self.entry.clone()),
                None => Err(BaseError::NoUrl),
            },
        }
    }
}

/// Why a service has no base address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BaseError {
    /// No such service.
    Unknown,
    /// It runs somewhere, and nobody said where.
    NoUrl,
}

/// A text that is one symbol.
pub(super) fn symbol(symbol: Symbol) -> Text {
    Text {
        parts: vec![Part::Symbol(symbol)],
    }
}

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
    let mode = mode.unwrap_or(match raw.value.mode.as_ref().map(|mode| mode.value) {
        Some(TargetMode::External) => Mode::External,
        Some(TargetMode::Process) | None => Mode::Process,
    });
    let mut world = World {
        mode,
        services: raw.value.service.keys().map(str::to_owned).collect(),
        links: raw.value.link.keys().map(str::to_owned).collect(),
        plain: plain(&raw.value.link),
        secrets: doc.raw.secret.keys().map(str::to_owned).collect(),
        urls: BTreeMap::new(),
        entry: Text::default(),
        entry_service: None,
        served: raw.value.proxy.is_some(),
        routed: Vec::new(),
    };
    world.routed = routed(&raw.value);
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
    let changes = doc
        .raw
        .variant
        .iter()
        .find(|(key, _)| Some(key.value.as_str()) == variant);
    let changes = changes.map(|(_, variant)| &variant.value.service);
    let services: Vec<ServicePlan> = raw
        .value
        .service
        .iter()
        .filter_map(|(key, service)| {
            let change = changes
                .and_then(|changes| changes.get(&key.value))
                .map(|change| &change.value);
            self::service(doc, (key, service), change, &links, &world, found)
        })
        .collect();
    let services = super::order::by_need(doc, services, &raw.value.service, found);
    links::unused(doc, &raw.value, &links, &services, found);
    let metrics = raw
        .value
        .metrics
        .iter()
        .filter_map(|url| entry::base_url(doc, url, &world, found))
        .collect();
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
        proxy,
        entry: world.entry.clone(),
        metrics,
        scrapes,
        socket: super::tls::socket(doc, &raw.value, mode, found),
        tls: None,
    };
    (plan, world)
}

/// Links that say which proxy they run through.
fn routed(raw: &Target) -> Vec<String> {
    let links = raw
        .link
        .iter()
        .filter(|(_, link)| link.value.proxy.is_some());
    let names = links.map(|(key, _)| key.value.clone());
    names.filter(|_| raw.proxy.is_some()).collect()
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

fn service(
    doc: &Document<ConfigFile>,
    (key, raw): (&Str, &At<Service>),
    change: Option<&ServiceChange>,
    links: &[LinkPlan],
    world: &World,
    found: &mut Findings,
) -> Option<ServicePlan> {
    let name = found.name(doc, key);
    let Some(process) = &raw.value.process else {
        if world.mode == Mode::Process {
            let hint = "add `process = { command = [\"program\", \"--port\", \"${port}\"] }`";
            found.error_with(
                doc.at(key),
                format!("service `{}` does not say how to run it", key.value),
                hint,
            );
        }
        return None;
    };
    let own = texts::Where::Service;
    let typed = change
        .and_then(|change| change.command.as_ref())
        .unwrap_or(&process.value.command);
    let prepare = prepare(doc, &process.value, world, found);
    let command: Vec<Text> = typed
        .iter()
        .filter_map(|part| texts::setup(doc, part, own, world, found))
        .collect();
    let mut env = BTreeMap::new();
    for (key, value) in raw
        .value
        .env
        .iter()
        .chain(change.into_iter().flat_map(|change| change.env.iter()))
    {
        if let Some(text) = texts::setup_scalar(doc, value, own, world, found) {
            env.insert(key.value.clone(), text);
        }
    }
    let ready = raw.value.ready.clone().unwrap_or_default();
    for path in [ready.get.as_ref(), raw.value.metrics.as_ref()]
        .into_iter()
        .flatten()
    {
        if !path.value.starts_with('/') {
            found.error(
                doc.at(path),
                format!("the path `{}` must start with `/`", path.value),
            );
        }
    }
    if let Some(dir) = &raw.value.dir
        && let Err(reason) = crate::suite::relative(&dir.value)
        && dir.value != "."
    {
        found.error(doc.at(dir), reason);
    }
    let needs = needs(doc, key, &raw.value, &command, &env, links, world, found);
    let within = found.duration_or(doc, ready.within.as_ref(), READY_WITHIN);
    let stop_within = found.duration_or(doc, raw.value.stop_within.as_ref(), STOP_WITHIN);
    Some(ServicePlan {
        name: name?,
        prepare,
        command,
        env,
        dir: raw.value.dir.as_ref().map(|dir| dir.value.clone()),
        ready: Ready {
            get: ready.get.map(|get| get.value),
            within,
        },
        metrics: raw.value.metrics.as_ref().map(|path| path.value.clone()),
        needs,
        stop_within,
    })
}

fn prepare(
    doc: &Document<ConfigFile>,
    process: &Process,
    world: &World,
    found: &mut Findings,
) -> Option<Vec<Text>> {
    let texts = process
        .prepare
        .iter()
        .filter_map(|part| texts::setup(doc, part, texts::Where::Anywhere, world, found));
    let prepare: Vec<Text> = texts.collect();
    (!prepare.is_empty()).then_some(prepare)
}

/// What a service says it needs, and what its texts refer to; a link counts as the service it leads to.
#[expect(
    clippy::too_many_arguments,
    reason = "the parts of one service, needed nowhere else together"
)]
fn needs(
    doc: &Document<ConfigFile>,
    key: &Str,
    raw: &Service,
    command: &[Text],
    env: &BTreeMap<String, Text>,
    links: &[LinkPlan],
    world: &World,
    found: &mut Findings,
) -> Vec<Name> {
    let mut needs: Vec<Name> = Vec::new();
    for text in &raw.needs {
        match text.value.parse() {
            Ok(name) if world.services.contains(&text.value) => needs.push(name),
            _ => found.unknown(
                doc.at(text),
                "service",
                &text.value,
                world.services.iter().map(String::as_str),
            ),
        }
    }
    let symbols = command.iter().chain(env.values()).flat_map(Text::symbols);
    needs.extend(
        symbols
            .filter_map(|symbol| match symbol {
                Symbol::ServiceUrl(name) | Symbol::ServicePort(name) => Some(name.clone()),
                Symbol::LinkUrl(name) | Symbol::LinkAddress(name) => links
                    .iter()
                    .find(|link| link.name == *name)
                    .map(|link| link.to.clone()),
                _ => None,
            })
            .filter(|name| name.as_str() != key.value),
    );
    needs.sort();
    needs.dedup();
    needs
}
