//! What texts' symbols stand for once addresses are known, read in two places: by a service, and by whoever uses it from
//! this machine. Of processes both are the same.

use super::proxies::Proxies;
use super::ready::Place;
use harness_core::name::Name;
use harness_core::plan::target::TargetPlan;
use harness_core::template::{Symbol, Symbols};
use std::collections::BTreeMap;

/// The two readings.
pub(super) struct Readings {
    /// In texts of services.
    pub(super) inside: Symbols,
    /// In journeys, load, contracts, probes and the way in.
    pub(super) outside: Symbols,
}

impl Readings {
    /// Reads a plan: `ports` are where services are reached on this machine, and `common` is what is the same everywhere.
    pub(super) fn of(
        plan: &TargetPlan,
        ports: &BTreeMap<Name, u16>,
        links: &Proxies,
        common: Symbols,
    ) -> Self {
        let outside = outside(plan, ports, links, common.clone());
        let inside = match plan.mode.in_containers() {
            true => within(plan, links, common),
            false => outside.clone(),
        };
        Self { inside, outside }
    }
}

fn outside(
    plan: &TargetPlan,
    ports: &BTreeMap<Name, u16>,
    links: &Proxies,
    mut symbols: Symbols,
) -> Symbols {
    for (service, port) in ports {
        let scheme = plan.scheme_of(service);
        let place = Place {
            scheme,
            port: *port,
        };
        symbols.insert(Symbol::ServicePort(service.clone()), port.to_string());
        symbols.insert(Symbol::ServiceUrl(service.clone()), place.to_string());
    }
    for link in &plan.links {
        if let Some(address) = links.address(&link.name) {
            let url = format!("{}://{address}", link.scheme);
            symbols.insert(Symbol::LinkAddress(link.name.clone()), address);
            symbols.insert(Symbol::LinkUrl(link.name.clone()), url);
        }
    }
    symbols
}

/// In a container a service has its own port, under its own name, and links lead over the proxy between them.
fn within(plan: &TargetPlan, links: &Proxies, mut symbols: Symbols) -> Symbols {
    for service in &plan.services {
        let Some(port) = service.inner_port() else {
            continue;
        };
        let (name, scheme) = (&service.name, plan.scheme_of(&service.name));
        symbols.insert(Symbol::ServicePort(name.clone()), port.to_string());
        symbols.insert(
            Symbol::ServiceUrl(name.clone()),
            format!("{scheme}://{name}:{port}"),
        );
    }
    for link in &plan.links {
        if let Some(address) = links.address_within(&link.name) {
            let url = format!("{}://{address}", link.scheme);
            symbols.insert(Symbol::LinkAddress(link.name.clone()), address);
            symbols.insert(Symbol::LinkUrl(link.name.clone()), url);
        }
    }
    symbols
}
