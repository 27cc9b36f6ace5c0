//! Probes: values whose services have metrics, in a unit that is one.

use super::findings::Findings;
use super::texts::expression_error;
use super::world::{Reason, World};
use crate::expr::gate::Unit;
use crate::expr::probe::{Selector, Value};
use crate::name::Name;
use crate::plan::probe::{ProbePlan, TARGET};
use crate::plan::target::Mode;
use crate::suite::at::{At, Str};
use crate::suite::document::Document;
use crate::suite::raw::{ConfigFile, Probe};

/// All probes that can be read, in the order typed.
pub(super) fn resolve(
    doc: &Document<ConfigFile>,
    world: &World,
    found: &mut Findings,
) -> Vec<ProbePlan> {
    let sources = Sources::of(doc, world);
    doc.raw
        .probe
        .iter()
        .filter_map(|(key, raw)| one(doc, key, raw, &sources, found))
        .collect()
}

/// Who has metrics.
struct Sources<'d> {
    /// Services with an endpoint of their own, and `target` for those that belong to none.
    scraped: Vec<&'d str>,
    /// Services without.
    silent: Vec<&'d str>,
    /// Those that can't be asked in the mode chosen, with why, and what to do about it.
    unreachable: Vec<(&'d str, Reason)>,
}

impl<'d> Sources<'d> {
    fn of(doc: &'d Document<ConfigFile>, world: &World) -> Self {
        let mut sources = Self {
            scraped: Vec::new(),
            silent: Vec::new(),
            unreachable: Vec::new(),
        };
        let Some(target) = &doc.raw.target else {
            return sources;
        };
        for (key, service) in target.value.service.iter() {
            let name = key.value.as_str();
            if service.value.metrics.is_none() {
                sources.silent.push(name);
                continue;
            }
            sources.scraped.push(name);
            if world.mode == Mode::External && service.value.url.is_none() {
                let message = format!("the target is external and nobody says where `{name}` is");
                let hint = format!("give [target.service.{name}] its `url`");
                sources.unreachable.push((name, (message, hint)));
            }
            if let Some(reason) = world.missing(name) {
                sources.unreachable.push((name, reason));
            }
        }
        if !target.value.metrics.is_empty() {
            sources.scraped.push(TARGET);
        }
        sources
    }
}

fn one(
    doc: &Document<ConfigFile>,
    key: &Str,
    raw: &At<Probe>,
    sources: &Sources<'_>,
    found: &mut Findings,
) -> Option<ProbePlan> {
    let probe = &raw.value;
    let name = found.name(doc, key);
    let unit = match &probe.unit {
        None => Some(Unit::Plain),
        Some(text) => Unit::declared(&text.value)
            .map_err(|wrong| found.error(doc.at(text), wrong))
            .ok(),
    };
    let default = probe.service.as_ref().map_or_else(
        || only(sources).map(str::to_owned),
        |service| Some(service.value.clone()),
    );
    if let Some(service) = &probe.service {
        scraped(doc.at(service), &service.value, sources, found);
    }
    let typed = probe.value.as_ref()?;
    let mut value: Value = match typed.value.parse() {
        Ok(value) => value,
        Err(error) => {
            let place = expression_error(&error, &|inner| doc.inside(typed, inner));
            found.out.push(place);
            return None;
        }
    };
    let mut complete = true;
    value.selectors_mut(&mut |selector| {
        complete &= settle(doc, typed, selector, default.as_deref(), sources, found);
    });
    if value.terms().is_empty() {
        let hint = "name a metric: `rate(gateway.requests_total)`";
        found.error_with(doc.at(typed), "this probe looks at no metric", hint);
        return None;
    }
    let (name, unit) = (name?, unit?);
    complete.then(|| ProbePlan {
        title: probe
            .title
            .as_ref()
            .map_or_else(|| name.to_string(), |title| title.value.clone()),
        name,
        value,
        unit,
        chart: probe.chart.unwrap_or(true),
        origin: doc.origin(&key.span),
    })
}

/// The one service that has metrics.
fn only<'d>(sources: &Sources<'d>) -> Option<&'d str> {
    match sources.scraped.as_slice() {
        [only] => Some(only),
        _ => None,
    }
}

/// Gives a selector its service, if there is one.
fn settle(
    doc: &Document<ConfigFile>,
    typed: &Str,
    selector: &mut Selector,
    default: Option<&str>,
    sources: &Sources<'_>,
    found: &mut Findings,
) -> bool {
    let text = selector.to_string();
    let start = typed.value.find(&text).unwrap_or(0);
    let whole = doc.inside(typed, &(start..(start + text.len()).min(typed.value.len())));
    if let Some(service) = &selector.service {
        let part = doc.inside(typed, &(start..start + service.as_str().len()));
        return scraped(part, service.as_str(), sources, found);
    }
    let Some(default) = default else {
        let hint = match sources.scraped.as_slice() {
            [] => "give a service its `metrics = \"/metrics\"`".to_owned(),
            some => format!(
                "write `SERVICE.{}` or give the probe its `service`; metrics have: {}",
                selector.metric,
                some.join(", ")
            ),
        };
        let message = format!("it is not said whose `{}` this is", selector.metric);
        found.error_with(whole, message, hint);
        return false;
    };
    // One that is no name is an error already.
    let name: Option<Name> = default.parse().ok();
    selector.service = name;
    selector.service.is_some()
}

/// Whether a service is scraped; notes it where it is not.
fn scraped(
    place: crate::diagnostic::Place,
    service: &str,
    sources: &Sources<'_>,
    found: &mut Findings,
) -> bool {
    if sources.silent.contains(&service) {
        let hint = format!("give [target.service.{service}] its `metrics = \"/metrics\"`");
        found.error_with(place, format!("service `{service}` has no metrics"), hint);
        return false;
    }
    if !sources.scraped.contains(&service) {
        let known = sources.scraped.iter().copied();
        found.unknown(place, "service with metrics called", service, known);
        return false;
    }
    let unreachable = sources.unreachable.iter();
    if let Some((_, (why, hint))) = unreachable.clone().find(|(name, _)| *name == service) {
        let message = format!("{why}: this probe will have no value");
        found.warning(place, message, hint);
    }
    true
}
