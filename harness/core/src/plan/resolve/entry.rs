//! The way in: where journeys and load enter the target, and addresses as people write them.

use super::findings::Findings;
use super::texts;
use super::world::{World, symbol};
use crate::name::Name;
use crate::plan::target::{LinkPlan, Mode};
use crate::suite::at::{At, Str};
use crate::suite::document::Document;
use crate::suite::raw::{ConfigFile, Target};
use crate::template::{Part, Symbol, Text};

/// The way in: the URL of an external target, else the entry named, the link without `from`, the only service.
pub(super) fn resolve(
    doc: &Document<ConfigFile>,
    raw: &At<Target>,
    links: &[LinkPlan],
    world: &mut World,
    found: &mut Findings,
) {
    let inward: Vec<&LinkPlan> = links.iter().filter(|link| link.from.is_none()).collect();
    let by_link = |link: &LinkPlan| {
        (
            symbol(Symbol::LinkUrl(link.name.clone())),
            Some(link.to.to_string()),
        )
    };
    let by_service = |service: &str| {
        let name: Option<Name> = service.parse().ok();
        name.map(|name| (symbol(Symbol::ServiceUrl(name)), Some(service.to_owned())))
    };
    let open: Vec<&str> = world
        .services
        .iter()
        .map(String::as_str)
        .filter(|service| world.unconnected(service).is_none())
        .collect();
    let chosen = match &raw.value.entry {
        Some(text) => match links.iter().find(|link| link.name.as_str() == text.value) {
            Some(link) => Some(by_link(link)),
            None if world.services.contains(&text.value) => {
                if let Some((message, hint)) = world.unconnected(&text.value) {
                    found.error_with(doc.at(text), message, hint);
                }
                by_service(&text.value)
            }
            None if world.cut(&text.value).is_some() => {
                if let Some((message, hint)) = world.cut(&text.value) {
                    found.error_with(doc.at(text), message, hint);
                }
                None
            }
            None => {
                let known = world
                    .links
                    .iter()
                    .chain(&world.services)
                    .map(String::as_str);
                found.unknown(doc.at(text), "link or service", &text.value, known);
                None
            }
        },
        None => match (inward.as_slice(), open.as_slice()) {
            ([link], _) => Some(by_link(link)),
            ([], [service]) => by_service(service),
            _ if world.mode == Mode::External && raw.value.service.0.is_empty() => None,
            (several, _) => {
                let message = match several.len() {
                    0 => "nothing says where journeys and load go in",
                    _ => {
                        "several links have no `from`, so nothing says where journeys and load go in"
                    }
                };
                let hint = "set `entry` in [target] to a link or a service";
                let wanted = world.mode != Mode::External && doc.raw.target.is_some();
                if wanted && raw.value.service.0.is_empty() {
                    let hint = "declare it under [target.service.NAME], or set `mode = \"external\"` and `url`";
                    found.error_with(doc.place(&raw.span), "the target has no service", hint);
                } else if wanted {
                    found.error_with(doc.place(&raw.span), message, hint);
                }
                None
            }
        },
    };
    let (text, service) = chosen.unwrap_or_default();
    world.entry = text;
    world.entry_service = service;
    let url = raw
        .value
        .url
        .as_ref()
        .map(|url| (url, base_url(doc, url, world, found)));
    if world.mode == Mode::External {
        match url {
            Some((_, url)) => world.entry = url.unwrap_or_default(),
            None => {
                let hint = "set `url` in [target] to where it runs";
                found.error_with(
                    doc.place(&raw.span),
                    "an external target needs a `url`",
                    hint,
                );
            }
        }
    }
}

/// An address without a path's end: `http://host:port`, or one made of symbols known in every mode.
pub(super) fn base_url(
    doc: &Document<ConfigFile>,
    url: &Str,
    world: &World,
    found: &mut Findings,
) -> Option<Text> {
    let text = texts::setup(doc, url, texts::Where::Anywhere, world, found)?;
    let scheme = ["http://", "https://", "${"]
        .iter()
        .any(|scheme| url.value.starts_with(scheme));
    if !scheme
        || url.value.contains(char::is_whitespace)
        || matches!(url.value.as_str(), "http://" | "https://")
    {
        let hint = "write it whole, such as `http://localhost:8080`";
        found.error_with(
            doc.inside(url, &(0..url.value.len())),
            format!("`{}` is not a URL", url.value),
            hint,
        );
        return None;
    }
    if let Some((message, hint)) = unreachable(&url.value) {
        found.error_with(doc.inside(url, &(0..url.value.len())), message, hint);
        return None;
    }
    Some(match url.value.strip_suffix('/') {
        Some(_) => trim_slash(text),
        None => text,
    })
}

/// Why nobody can be connected to by a URL, and what to write instead; `None` for one that is sound, or not known yet.
pub(super) fn unreachable(url: &str) -> Option<(String, &'static str)> {
    let rest = ["http://", "https://"]
        .iter()
        .find_map(|scheme| url.strip_prefix(scheme))?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    if authority.contains('@') {
        let hint = "send an `authorization` header instead; its value can be a secret";
        return Some((format!("`{url}` has a user before its host"), hint));
    }
    // What is filled in later may be anything.
    if authority.contains(['$', '{']) {
        return None;
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    if host.is_empty() || host.starts_with('[') != host.ends_with(']') {
        let hint = "write it whole, such as `http://localhost:8080` or `http://[::1]:8080`";
        return Some((format!("`{url}` has no host"), hint));
    }
    if host.contains(':') && !host.starts_with('[') {
        let hint = "an IPv6 address stands in brackets: `http://[::1]:8080`";
        return Some((format!("`{url}` has more than one port"), hint));
    }
    let sound = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    if port.is_some_and(|port| !sound(port)) {
        let hint = "a port is a number from 1 to 65535";
        return Some((format!("`{url}` has no port after its `:`"), hint));
    }
    None
}

fn trim_slash(mut text: Text) -> Text {
    if let Some(Part::Literal(last)) = text.parts.last_mut() {
        last.truncate(last.trim_end_matches('/').len());
        if last.is_empty() {
            text.parts.pop();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_that_nobody_can_be_reached_by() {
        let said = |url| unreachable(url).map(|(message, _)| message);
        for (url, words) in [
            ("http://user:word@shop/", "a user before its host"),
            ("https://:8443", "no host"),
            ("https:///orders", "no host"),
            ("http://[::1/", "no host"),
            ("http://::1:80/", "more than one port"),
            ("http://shop:99999", "no port after"),
            ("http://shop:0/", "no port after"),
            ("http://shop:/", "no port after"),
        ] {
            let message = said(url).unwrap_or_default();
            assert!(message.contains(words), "{url}: {message}");
        }
        for url in [
            "http://shop",
            "https://shop:8443/a@b:c",
            "http://[::1]:80?x",
            "http://[::1]",
            "${link.edge.url}",
            "http://${env.HOST}:${env.PORT}/",
            "http://{{ host }}:1/",
        ] {
            assert_eq!(said(url), None, "{url}");
        }
    }
}
