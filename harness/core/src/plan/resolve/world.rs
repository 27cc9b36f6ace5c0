//! What there is to refer to: services and links with what the mode chosen makes of them, secrets, and the way in.

use crate::plan::target::Mode;
use crate::suite::at::{At, Named, Str};
use crate::suite::document::Document;
use crate::suite::raw::{ConfigFile, Link, Scheme, Service, Target};
use crate::template::{Part, Symbol, Text};
use std::collections::BTreeMap;

/// What there is to refer to, whatever the mode; and what of it the mode chosen leaves out.
pub(super) struct World {
    pub(super) mode: Mode,
    /// Declared services.
    pub(super) services: Vec<String>,
    /// Declared links.
    pub(super) links: Vec<String>,
    /// Declared secrets.
    pub(super) secrets: Vec<String>,
    /// In mode `external`: the URLs of single services.
    pub(super) urls: BTreeMap<String, Text>,
    /// Base address of journeys and load.
    pub(super) entry: Text,
    /// The service behind the way in, if it is known.
    pub(super) entry_service: Option<String>,
    /// Whether a Toxiproxy server is named that runs already.
    pub(super) served: bool,
    /// Of the links, the ones that carry plain HTTP.
    pub(super) plain: Vec<String>,
    /// Links that say which proxy of that server the user routed them through.
    pub(super) routed: Vec<String>,
    /// Services that are not part of the mode chosen.
    absent: Vec<String>,
    /// Services of the mode chosen that nobody can connect to: containers without a port.
    deaf: Vec<String>,
    /// The volumes of services that say how they are run in a container: path, and whether it has a size.
    pub(super) volumes: BTreeMap<String, Vec<(String, bool)>>,
    /// The ends of each link as typed: who uses it, and where it leads.
    ends: BTreeMap<String, (Option<String>, String)>,
}

/// What is said of something out of reach, and what to do about it.
pub(super) type Reason = (String, String);

impl World {
    /// What the target's texts declare, seen from a mode; addresses and the way in are not known yet.
    pub(super) fn of(doc: &Document<ConfigFile>, raw: &Target, mode: Mode) -> Self {
        let names = |wanted: &dyn Fn(&Service) -> bool| -> Vec<String> {
            let services = raw.service.iter();
            let services = services.filter(|(_, service)| wanted(&service.value));
            services.map(|(key, _)| key.value.clone()).collect()
        };
        let services = names(&|_| true);
        // One that nobody has said how to run is told of in itself.
        let mut absent = names(&|service| service.is_run() && !service.is_in(mode));
        if absent.len() == services.len() {
            // That nothing starts in this mode is one error and not one for each that refers to something.
            absent.clear();
        }
        Self {
            mode,
            links: raw.link.keys().map(str::to_owned).collect(),
            secrets: doc.raw.secret.keys().map(str::to_owned).collect(),
            urls: BTreeMap::new(),
            entry: Text::default(),
            entry_service: None,
            served: raw
                .proxy
                .as_ref()
                .is_some_and(|proxy| proxy.value.external.is_some()),
            plain: plain(&raw.link),
            routed: routed(raw),
            // A port of the wrong type is told of in itself.
            deaf: names(&|s| !doc.incomplete && s.is_in(mode) && !s.listens(mode)),
            absent,
            services,
            volumes: volumes(&raw.service),
            ends: ends(&raw.link),
        }
    }

    /// Whether a service is part of the mode chosen.
    pub(super) fn has_service(&self, service: &str) -> bool {
        !self.absent.iter().any(|absent| absent == service)
    }

    /// Why a service is not part of the mode chosen; `None` where it is.
    pub(super) fn missing(&self, service: &str) -> Option<Reason> {
        if self.has_service(service) {
            return None;
        }
        let mode = self.mode.as_str();
        let message =
            format!("service `{service}` is not part of mode `{mode}`: it has no `{mode}` section");
        let hint = format!(
            "give it a `{mode}` section, or leave out what needs it: a scenario says `only_in`, a service's text stands in the section of the mode it is for"
        );
        Some((message, hint))
    }

    /// Why nobody can connect to a service in the mode chosen; `None` where one can.
    pub(super) fn unconnected(&self, service: &str) -> Option<Reason> {
        let deaf = || {
            let message = format!("nobody can connect to service `{service}`: it has no `port`");
            let hint = format!(
                "say what it listens on: `{} = {{ port = 8080, … }}`",
                self.mode.as_str()
            );
            (message, hint)
        };
        let is_deaf = self.deaf.iter().any(|deaf| deaf == service);
        self.missing(service).or_else(|| is_deaf.then(deaf))
    }

    /// Why a link leads nowhere, or is used by nobody, in the mode chosen; `None` where it does and is.
    pub(super) fn cut(&self, link: &str) -> Option<Reason> {
        let (from, to) = self.ends.get(link)?;
        let end = |why: Reason| {
            let message = format!("link `{link}` is not there: {}", why.0);
            (message, why.1)
        };
        let from = from.as_deref().and_then(|from| self.missing(from));
        from.or_else(|| self.unconnected(to)).map(end)
    }

    /// Why what a symbol stands for is not there in the mode chosen.
    pub(super) fn unknown_address(&self, symbol: &Symbol) -> Option<Reason> {
        match symbol {
            Symbol::ServiceUrl(name) | Symbol::ServicePort(name) => self.unconnected(name.as_str()),
            Symbol::LinkUrl(name) | Symbol::LinkAddress(name) => self.cut(name.as_str()),
            _ => None,
        }
    }

    /// The base address of a service, or of the way in.
    pub(super) fn base(&self, service: &str) -> Result<Text, BaseError> {
        if !self.services.iter().any(|s| s == service) {
            return Err(BaseError::Unknown);
        }
        if let Some(reason) = self.unconnected(service) {
            return Err(BaseError::Absent(reason));
        }
        let is_entry = self.entry_service.as_deref() == Some(service);
        match self.mode {
            Mode::Process | Mode::Container | Mode::Compose if is_entry => Ok(self.entry.clone()),
            Mode::Process | Mode::Container | Mode::Compose => service
                .parse()
                .map(|name| symbol(Symbol::ServiceUrl(name)))
                .map_err(|_| BaseError::Unknown),
            Mode::External => match self.urls.get(service) {
                Some(url) => Ok(url.clone()),
                None if is_entry => Ok(self.entry.clone()),
                None => Err(BaseError::NoUrl),
            },
        }
    }
}

/// Why a service has no base address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BaseError {
    /// No such service.
    Unknown,
    /// It runs somewhere, and nobody said where.
    NoUrl,
    /// It is not part of the mode chosen, or listens on nothing there.
    Absent(Reason),
}

/// A text that is one symbol.
pub(super) fn symbol(symbol: Symbol) -> Text {
    Text {
        parts: vec![Part::Symbol(symbol)],
    }
}

impl Service {
    /// Whether it has the section of a mode; an external target has all services.
    pub(super) fn is_in(&self, mode: Mode) -> bool {
        match mode {
            Mode::Process => self.process.is_some(),
            Mode::Container => self.container.is_some(),
            Mode::Compose => self.compose.is_some(),
            Mode::External => true,
        }
    }

    /// Whether it can be connected to in a mode.
    pub(super) fn listens(&self, mode: Mode) -> bool {
        match mode {
            Mode::Container => self
                .container
                .as_ref()
                .is_some_and(|c| c.value.port.is_some()),
            Mode::Compose => self
                .compose
                .as_ref()
                .is_some_and(|c| c.value.port.is_some()),
            Mode::Process | Mode::External => true,
        }
    }

    /// Whether it has a section of any mode in which it is started.
    pub(super) fn is_run(&self) -> bool {
        [Mode::Process, Mode::Container, Mode::Compose]
            .into_iter()
            .any(|mode| self.is_in(mode))
    }
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

/// Links that say which proxy they run through.
fn routed(raw: &Target) -> Vec<String> {
    let links = raw
        .link
        .iter()
        .filter(|(_, link)| link.value.proxy.is_some());
    let names = links.map(|(key, _)| key.value.clone());
    names.filter(|_| raw.proxy.is_some()).collect()
}

fn ends(links: &Named<Link>) -> BTreeMap<String, (Option<String>, String)> {
    let end = |(key, link): &(Str, At<Link>)| {
        let to = link.value.to.as_ref()?.value.clone();
        let from = link.value.from.as_ref().map(|from| from.value.clone());
        Some((key.value.clone(), (from, to)))
    };
    links.iter().filter_map(end).collect()
}

fn volumes(services: &Named<Service>) -> BTreeMap<String, Vec<(String, bool)>> {
    let of = |(key, service): &(Str, At<Service>)| {
        let volumes = service.value.container.as_ref()?.value.volumes.iter();
        let volumes = volumes.map(|(path, volume)| {
            let parts = path.value.split('/').filter(|part| !part.is_empty());
            let path: String = parts.map(|part| format!("/{part}")).collect();
            (path, volume.value.size.is_some())
        });
        Some((key.value.clone(), volumes.collect()))
    };
    services.iter().filter_map(of).collect()
}
