//! What a run takes of the suite: profile, variant, tags, scenarios in order. A choice made on the command line has
//! no place to point at; its errors name the flag.

use super::findings::Findings;
use super::{Choice, Scale};
use crate::diagnostic::{Diagnostic, Place, Source, nearest};
use crate::name::Name;
use crate::plan::tags::TagExpr;
use crate::suite::Suite;
use crate::suite::at::{At, Named};
use crate::suite::document::Document;
use crate::suite::raw::{ConfigFile, Profile};
use crate::suite::stem;
use std::sync::Arc;

/// The profile used when none is named, and the name of the suite without a variant.
const DEFAULT: &str = "default";
/// The seed when nobody chooses one: the same run twice.
const SEED: u64 = 1;

/// What is taken.
pub(super) struct Selection {
    pub(super) profile: Option<Name>,
    pub(super) variant: Option<Name>,
    pub(super) tags: Option<TagExpr>,
    /// Scenarios in order, if someone named them; they are taken whatever their tags.
    pub(super) scenarios: Option<Vec<String>>,
    pub(super) scale: Scale,
    pub(super) seed: u64,
}

/// Resolves the choice; every profile and variant of the suite is checked on the way.
pub(super) fn resolve(suite: &Suite, choice: &Choice, found: &mut Findings) -> Selection {
    let doc = &suite.config;
    for (key, profile) in doc.raw.profile.iter() {
        found.name(doc, key);
        check_profile(suite, &profile.value, found);
    }
    variants(doc, found);
    let wanted = choice.profile.as_deref();
    let profile = named("profile", wanted, &doc.raw.profile, found);
    let chosen = profile.or_else(|| {
        let entry = || doc.raw.profile.iter().find(|(key, _)| key.value == DEFAULT);
        wanted.is_none().then(entry).flatten()
    });
    // `default` is the suite as it stands, so that it can be named beside a variant.
    let wanted = choice.variant.as_deref().filter(|name| *name != DEFAULT);
    let variant = named("variant", wanted, &doc.raw.variant, found);
    let raw = chosen.map(|(_, profile)| &profile.value);
    let flag_tags = choice.tags.as_ref().map(|text| flag_tags(text, found));
    let tags = match flag_tags {
        Some(tags) => tags,
        // An error in it was noted when all profiles were checked.
        None => raw
            .and_then(|raw| raw.tags.as_ref())
            .and_then(|text| text.value.parse().ok()),
    };
    let scale = raw.and_then(|raw| raw.scale.as_ref());
    let factor = |number: Option<&At<f64>>| number.map_or(1.0, |n| n.value).clamp(1e-6, 1e6);
    Selection {
        profile: chosen.and_then(|(key, _)| key.value.parse().ok()),
        variant: variant.and_then(|(key, _)| key.value.parse().ok()),
        tags,
        scenarios: scenarios(suite, choice, raw, found),
        scale: Scale {
            duration: factor(scale.and_then(|scale| scale.duration.as_ref())),
            rate: factor(scale.and_then(|scale| scale.rate.as_ref())),
        },
        seed: choice
            .seed
            .or(raw.and_then(|raw| raw.seed?.try_into().ok()))
            .unwrap_or(SEED),
    }
}

fn named<'n, T>(
    what: &str,
    wanted: Option<&str>,
    table: &'n Named<T>,
    found: &mut Findings,
) -> Option<&'n (crate::suite::at::Str, At<T>)> {
    let wanted = wanted?;
    let entry = table.iter().find(|(key, _)| key.value == wanted);
    if entry.is_none() {
        found.out.push(unknown(what, wanted, table.keys()));
    }
    entry
}

fn unknown<'k>(what: &str, typed: &str, known: impl Iterator<Item = &'k str>) -> Diagnostic {
    let known: Vec<&str> = known.collect();
    let hint = match nearest(typed, known.iter().copied()) {
        Some(close) => format!("did you mean `{close}`?"),
        None if known.is_empty() => format!("there is no {what} at all yet"),
        None => format!("there is: {}", known.join(", ")),
    };
    Diagnostic::error(None, format!("there is no {what} `{typed}`")).hint(hint)
}

fn flag_tags(text: &str, found: &mut Findings) -> Option<TagExpr> {
    text.parse::<TagExpr>()
        .map_err(|error| {
            let source = Arc::new(Source {
                name: "--tags".to_owned(),
                text: text.to_owned(),
            });
            found.error(
                Place {
                    source,
                    span: error.span.clone(),
                },
                error.to_string(),
            );
        })
        .ok()
}

fn scenario_names(suite: &Suite) -> impl Iterator<Item = &str> {
    suite.scenarios.iter().map(|doc| stem(&doc.source.name))
}

fn scenarios(
    suite: &Suite,
    choice: &Choice,
    profile: Option<&Profile>,
    found: &mut Findings,
) -> Option<Vec<String>> {
    if choice.scenarios.is_empty() {
        return profile?
            .scenarios
            .as_ref()
            .map(|names| names.iter().map(|name| name.value.clone()).collect());
    }
    for wanted in &choice.scenarios {
        if !scenario_names(suite).any(|name| name == wanted) && !suite.unread.contains(wanted) {
            found
                .out
                .push(unknown("scenario", wanted, scenario_names(suite)));
        }
    }
    Some(choice.scenarios.clone())
}

fn check_profile(suite: &Suite, profile: &Profile, found: &mut Findings) {
    let doc = &suite.config;
    if let Some(text) = &profile.tags
        && let Err(error) = text.value.parse::<TagExpr>()
    {
        found.error(doc.inside(text, &error.span), error.to_string());
    }
    for name in profile.scenarios.iter().flatten() {
        if !scenario_names(suite).any(|n| n == name.value) && !suite.unread.contains(&name.value) {
            found.unknown(doc.at(name), "scenario", &name.value, scenario_names(suite));
        }
    }
    if let Some(scale) = &profile.scale {
        found.factor(doc, scale.duration.as_ref());
        found.factor(doc, scale.rate.as_ref());
    }
}

fn variants(doc: &Document<ConfigFile>, found: &mut Findings) {
    let target = doc.raw.target.as_ref().map(|target| &target.value);
    let services: Vec<&str> = target
        .into_iter()
        .flat_map(|target| target.service.keys())
        .collect();
    for (key, variant) in doc.raw.variant.iter() {
        found.name(doc, key);
        if key.value == DEFAULT {
            let text = "a variant can't be called `default`: that is the suite without a variant";
            found.error(doc.at(key), text.to_owned());
        }
        for (service, _) in variant.value.service.iter() {
            if !services.contains(&service.value.as_str()) {
                found.unknown(
                    doc.at(service),
                    "service",
                    &service.value,
                    services.iter().copied(),
                );
            }
        }
    }
}
