//! Where the target answers, and what the suite's texts mean there: read outside of services or inside one. Starts nothing
//! and changes nothing.

use super::Target;
use super::ready::Place;
use super::version::Version;
use crate::probe::Endpoint;
use harness_core::name::Name;
use harness_core::plan::probe::TARGET;
use harness_core::plan::target::ServicePlan;
use harness_core::template::{Symbol, Text, UnboundError};

impl Target {
    /// Every address a service answers at: its own and those of the links that lead to it.
    pub fn addresses(&self) -> Vec<Vec<String>> {
        let through = |service: &Name| {
            let links = self.plan.links.iter().filter(|link| link.to == *service);
            links
                .filter_map(|link| {
                    let address = self.links.address(&link.name)?;
                    Some(format!("{}://{address}", self.plan.scheme_of(service)))
                })
                .collect::<Vec<_>>()
        };
        let services = self.plan.services.iter().map(|service| &service.name);
        services
            .map(|name| {
                let own = self.ports.contains_key(name).then(|| self.place(name));
                let own = own.map(|place| place.to_string());
                own.into_iter().chain(through(name)).collect()
            })
            .collect()
    }

    /// Where a service is reached; port 0 if there is no such service.
    pub(super) fn place(&self, service: &Name) -> Place {
        Place {
            scheme: self.plan.scheme_of(service),
            port: self.ports.get(service).copied().unwrap_or(0),
        }
    }

    /// Where one of its versions is reached, whichever serves.
    pub(super) fn place_of(&self, service: &Name, version: Version) -> Place {
        let place = self.place(service);
        let port = self.versions.port(service, version);
        Place {
            port: port.unwrap_or(place.port),
            ..place
        }
    }

    /// The endpoints of the target's own metrics.
    pub fn probes(&self) -> Vec<Endpoint> {
        let own = self.plan.services.iter().filter_map(|service| {
            let path = service.metrics.as_ref()?;
            let place = self
                .ports
                .get(&service.name)
                .map(|_| self.place(&service.name))?;
            Some(Endpoint {
                service: service.name.to_string(),
                url: format!("{place}{path}"),
            })
        });
        let given = self.plan.metrics.iter().filter_map(|url| {
            let url = self.outside(url).ok()?;
            Some(Endpoint {
                service: TARGET.into(),
                url,
            })
        });
        let elsewhere = self.plan.scrapes.iter().filter_map(|scrape| {
            Some(Endpoint {
                service: scrape.service.to_string(),
                url: self.outside(&scrape.url).ok()?,
            })
        });
        own.chain(elsewhere).chain(given).collect()
    }

    /// Where services say whether they are ready: those that are asked with a request.
    pub fn pulses(&self) -> Vec<Endpoint> {
        let asked = self.plan.services.iter().filter_map(|service| {
            let path = service.ready.get.as_ref()?;
            self.ports.get(&service.name)?;
            Some(Endpoint {
                service: service.name.to_string(),
                url: format!("{}{path}", self.place(&service.name)),
            })
        });
        asked.collect()
    }

    /// Texts as they are read outside of services.
    pub(super) fn outsides(&self, texts: &[Text]) -> Result<Vec<String>, UnboundError> {
        texts.iter().map(|text| self.outside(text)).collect()
    }

    pub(super) fn outside(&self, text: &Text) -> Result<String, UnboundError> {
        text.bind(&self.symbols.outside).map(|text| text.to_plain())
    }

    /// Texts of a service; `${port}` is its own.
    pub(super) fn insides(
        &self,
        texts: &[Text],
        (service, version): (&Name, Version),
    ) -> Result<Vec<String>, UnboundError> {
        let texts = texts.iter();
        texts
            .map(|text| self.inside(text, (service, version)))
            .collect()
    }

    pub(super) fn inside(
        &self,
        text: &Text,
        (service, version): (&Name, Version),
    ) -> Result<String, UnboundError> {
        let mut symbols = self.symbols.inside.clone();
        let plan = self.plan_of(service.as_str());
        let inner = plan.and_then(ServicePlan::inner_port);
        let own = || {
            self.ports
                .contains_key(service)
                .then(|| self.place_of(service, version).port)
        };
        if let Some(port) = inner.or_else(own) {
            symbols.insert(Symbol::Port, port.to_string());
        }
        text.bind(&symbols).map(|text| text.to_plain())
    }
}
