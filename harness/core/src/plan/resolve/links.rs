//! The links of the target: where they lead, which of them are read as HTTP, and which carry nothing.

use super::findings::Findings;
use super::world::World;
use crate::journey::command::Command;
use crate::journey::{Action, Journey};
use crate::plan::ScenarioPlan;
use crate::plan::fault::Site;
use crate::plan::target::{LinkPlan, Mode, ServicePlan};
use crate::suite::at::{Named, Str};
use crate::suite::document::Document;
use crate::suite::raw::{ConfigFile, Link, Scheme, Target};
use crate::template::{Symbol, Text};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Has those links watched that a fault of the run strikes, or whose service one does, unless the suite forbids it.
pub(super) fn watch(
    doc: &Document<ConfigFile>,
    links: &mut [LinkPlan],
    scenarios: &[ScenarioPlan],
    journeys: &[Arc<Journey>],
) {
    let planned = scenarios
        .iter()
        .flat_map(|scenario| scenario.faults.iter().map(|fault| &fault.on));
    let armed = journeys
        .iter()
        .flat_map(|journey| &journey.steps)
        .filter_map(|step| match &step.action {
            Action::Command(Command::Arm { on, .. }) => Some(on),
            _ => None,
        });
    let struck: Vec<&Site> = planned.chain(armed).collect();
    let raw = doc.raw.target.as_ref().map(|target| &target.value.link);
    for link in links.iter_mut().filter(|link| link.scheme == "http") {
        let typed = raw
            .and_then(|raw| raw.get(link.name.as_str()))
            .and_then(|raw| raw.value.watch.as_ref());
        link.watch = match typed {
            Some(typed) => typed.value,
            None => struck.iter().any(|site| match site {
                Site::Link(name) => *name == link.name,
                Site::Service(name) => *name == link.to,
            }),
        };
    }
}

/// The links as typed.
pub(super) fn resolve(
    doc: &Document<ConfigFile>,
    raw: &Named<Link>,
    world: &World,
    found: &mut Findings,
) -> Vec<LinkPlan> {
    let mut links = Vec::new();
    let mut proxies: BTreeMap<&str, &str> = BTreeMap::new();
    for (key, link) in raw.iter() {
        let mut service = |text: &Str| {
            if !world.services.contains(&text.value) {
                found.unknown(
                    doc.at(text),
                    "service",
                    &text.value,
                    world.services.iter().map(String::as_str),
                );
                return None;
            }
            found.name(doc, text)
        };
        let from = link.value.from.as_ref().map(&mut service);
        let to = link.value.to.as_ref().and_then(&mut service);
        let scheme = match link.value.scheme.as_ref().map(|scheme| scheme.value) {
            Some(Scheme::Tcp) => "tcp",
            Some(Scheme::Https) => "https",
            Some(Scheme::Http) | None => "http",
        };
        if let Some(proxy) = &link.value.proxy {
            super::proxy::named(doc, proxy, world, found);
            if let Some(other) = proxies.insert(&proxy.value, &key.value) {
                found.error_with(
                    doc.at(proxy),
                    format!("link `{other}` runs through the proxy `{}` already", proxy.value),
                    "what strikes the one would strike the other unseen: route each through a proxy of its own, or leave one out",
                );
            }
        }
        let watch = link.value.watch.as_ref().filter(|watch| watch.value);
        if let Some(watch) = watch.filter(|_| scheme != "http") {
            found.error_with(
                doc.place(&watch.span),
                format!("the bytes of a link of scheme `{scheme}` can't be read as HTTP/1.1"),
                "leave `watch` out, or `scheme` if it is plain HTTP",
            );
        }
        let name = found.name(doc, key);
        if world.cut(&key.value).is_some() {
            // Who refers to it is told why it is not there.
            continue;
        }
        if let (Some(name), Some(to), Some(from)) =
            (name, to, from.map_or(Some(None), |from| from.map(Some)))
        {
            links.push(LinkPlan {
                name,
                from,
                to,
                scheme: scheme.to_owned(),
                watch: watch.is_some(),
                proxy: link
                    .value
                    .proxy
                    .as_ref()
                    .filter(|_| world.mode == Mode::External)
                    .map(|proxy| proxy.value.clone()),
            });
        }
    }
    links
}

/// A link that its `from` never uses carries nothing: faults on it would prove nothing.
pub(super) fn unused(
    doc: &Document<ConfigFile>,
    raw: &Target,
    links: &[LinkPlan],
    services: &[ServicePlan],
    found: &mut Findings,
) {
    for link in links {
        let Some(user) = services
            .iter()
            .find(|service| Some(&service.name) == link.from.as_ref())
        else {
            continue;
        };
        let mut symbols = user
            .command
            .iter()
            .chain(user.env.values())
            .flat_map(Text::symbols);
        let used = symbols.any(|symbol| {
            matches!(symbol, Symbol::LinkUrl(name) | Symbol::LinkAddress(name) if *name == link.name)
        });
        let key = raw
            .link
            .iter()
            .find(|(key, _)| key.value == link.name.as_str())
            .map(|(key, _)| key);
        if let Some(key) = key.filter(|_| !used) {
            let message = format!(
                "nothing of `{}` refers to link `{}`: no traffic will run through it",
                user.name, link.name
            );
            found.warning(
                doc.at(key),
                message,
                format!(
                    "give `{}` the address `${{link.{}.url}}`",
                    user.name, link.name
                ),
            );
        }
    }
}
