//! One service: what holds in every mode, over it the section of the mode chosen, over both what a variant changes. The
//! sections of other modes are checked all the same.

use super::findings::Findings;
use super::section::{self, Body};
use super::texts::{self, Own, Where};
use super::world::World;
use crate::name::Name;
use crate::plan::target::{LinkPlan, Mode, PROXY_HOST, Ready, ServicePlan};
use crate::suite::at::{At, Named, Scalar, Str};
use crate::suite::document::Document;
use crate::suite::raw::{self, ConfigFile, Service, ServiceChange};
use crate::template::{Symbol, Text};
use std::collections::BTreeMap;
use std::time::Duration;

const READY_WITHIN: Duration = Duration::from_secs(30);
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// What a service is resolved against.
pub(super) struct Around<'a> {
    pub(super) doc: &'a Document<ConfigFile>,
    pub(super) links: &'a [LinkPlan],
    pub(super) world: &'a World,
}

/// A service as it is run in the mode chosen; in mode `external` as it would be as a process. `None` where it is not part
/// of the mode.
pub(super) fn resolve(
    around: &Around<'_>,
    (key, raw): (&Str, &At<Service>),
    change: Option<&ServiceChange>,
    found: &mut Findings,
) -> Option<ServicePlan> {
    let Around { doc, world, .. } = around;
    let name = found.name(doc, key);
    if key.value == PROXY_HOST {
        let message =
            format!("`{PROXY_HOST}` is what the proxy between containers is called there");
        found.error_with(doc.at(key), message, "give the service another name");
    }
    let service = &raw.value;
    if !service.is_run() {
        if world.mode != Mode::External {
            let message = format!("service `{}` does not say how to run it", key.value);
            found.error_with(doc.at(key), message, section::hint(world.mode));
        }
        return None;
    }
    let own = Own {
        contained: world.mode.in_containers(),
        // A port of the wrong type is told of in itself.
        port: service.listens(world.mode) || doc.incomplete,
        live: world.mode != Mode::External && service.is_in(world.mode),
    };
    let mut env = texts(around, &service.env, own, found);
    let body = section::of_mode(around, (key, service), change, found);
    let ready = ready(around, service, own, found);
    paths(around, service, own, found);
    let Body {
        prepare,
        command,
        vessel,
        env: over,
    } = body?;
    env.extend(over);
    if let Some(change) = change {
        env.extend(texts(around, &change.env, own, found));
    }
    let needs = needs(around, (key, service), &command, &env, found);
    let stop_within = found.duration_or(doc, service.stop_within.as_ref(), STOP_WITHIN);
    Some(ServicePlan {
        name: name?,
        prepare,
        command,
        dir: match vessel {
            None => service.dir.as_ref().map(|dir| dir.value.clone()),
            Some(_) => None,
        },
        vessel,
        env,
        ready,
        metrics: service.metrics.as_ref().map(|path| path.value.clone()),
        needs,
        stop_within,
    })
}

/// Environment: values by name.
pub(super) fn texts(
    around: &Around<'_>,
    env: &Named<Scalar>,
    own: Own,
    found: &mut Findings,
) -> BTreeMap<String, Text> {
    let mut texts = BTreeMap::new();
    for (key, value) in env.iter() {
        let text = texts::setup_scalar(around.doc, value, Where::Service(own), around.world, found);
        if let Some(text) = text {
            texts.insert(key.value.clone(), text);
        }
    }
    texts
}

/// A command's parts.
pub(super) fn command(
    around: &Around<'_>,
    typed: &[Str],
    at: Where,
    found: &mut Findings,
) -> Vec<Text> {
    let parts = typed.iter();
    let read = |part: &Str| texts::setup(around.doc, part, at, around.world, found);
    parts.filter_map(read).collect()
}

/// How a service says that it is ready: at most in one way.
fn ready(around: &Around<'_>, service: &Service, own: Own, found: &mut Findings) -> Ready {
    let doc = around.doc;
    let empty = At {
        value: raw::Ready::default(),
        span: 0..0,
    };
    let whole = service.ready.as_ref().unwrap_or(&empty);
    let typed = &whole.value;
    let healthy = typed.healthy.as_ref().filter(|healthy| healthy.value);
    let ways = [
        typed.get.is_some(),
        typed.log.is_some(),
        typed.command.is_some(),
        healthy.is_some(),
    ];
    if ways.iter().filter(|way| **way).count() > 1 {
        found.error_with(
            doc.place(&whole.span),
            "a service says in one way that it is ready",
            "keep one of `get`, `log`, `command`, `healthy`",
        );
    }
    if let Some(log) = typed.log.as_ref().filter(|log| log.value.is_empty()) {
        found.error_with(
            doc.at(log),
            "every line of output contains nothing",
            "write what only the line holds that says it is ready",
        );
    }
    if let Some(healthy) = healthy.filter(|_| own.live && !own.contained) {
        found.error_with(
            doc.at(healthy),
            "`healthy` asks an image's health check, and this service runs as a process",
            "ask in a way that both have: `get`, `log` or `command`",
        );
    }
    if let Some(get) = typed.get.as_ref().filter(|_| own.live && !own.port) {
        found.error_with(
            doc.at(get),
            "nobody can connect to this service: it has no `port` in this mode",
            "give it one, or say with `log` or `command` when it is ready",
        );
    }
    let run = typed.command.as_ref();
    Ready {
        get: typed.get.as_ref().map(|get| get.value.clone()),
        log: typed.log.as_ref().map(|log| log.value.clone()),
        command: run.map(|parts| command(around, parts, Where::Service(own), found)),
        healthy: healthy.is_some(),
        within: found.duration_or(doc, typed.within.as_ref(), READY_WITHIN),
    }
}

/// Checks the paths that a service is asked by, and the folder it works in.
fn paths(around: &Around<'_>, service: &Service, own: Own, found: &mut Findings) {
    let doc = around.doc;
    let get = service
        .ready
        .as_ref()
        .and_then(|ready| ready.value.get.as_ref());
    for path in [get, service.metrics.as_ref()].into_iter().flatten() {
        if !path.value.starts_with('/') {
            found.error(
                doc.at(path),
                format!("the path `{}` must start with `/`", path.value),
            );
        }
    }
    if let Some(metrics) = service.metrics.as_ref().filter(|_| own.live && !own.port) {
        found.error_with(
            doc.at(metrics),
            "nobody can connect to this service: it has no `port` in this mode",
            "give it one, or leave `metrics` out",
        );
    }
    if let Some(dir) = &service.dir
        && let Err(reason) = crate::suite::relative(&dir.value)
        && dir.value != "."
    {
        found.error(doc.at(dir), reason);
    }
}

/// What a service says it needs, and what its texts refer to; a link counts as the service it leads to. What is not part
/// of the mode is not waited for.
fn needs(
    around: &Around<'_>,
    (key, service): (&Str, &Service),
    command: &[Text],
    env: &BTreeMap<String, Text>,
    found: &mut Findings,
) -> Vec<Name> {
    let Around { doc, links, world } = around;
    let mut needs: Vec<Name> = Vec::new();
    for text in &service.needs {
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
    needs.retain(|name| world.has_service(name.as_str()));
    needs.sort();
    needs.dedup();
    needs
}
