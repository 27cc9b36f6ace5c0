//! What a release is judged by: limits in order, evidence that can be brought, waivers that name a gate and end, and
//! checklists that something closes. Knows no day but those typed.

use super::findings::Findings;
use crate::date::Date;
use crate::name::Name;
use crate::plan::ScenarioPlan;
use crate::plan::gate::Gate;
use crate::plan::readiness::{
    CONDITIONAL_SCORE, Closes, Due, Entry, FRESH_DAYS, GO_SCORE, Need, Needed, ReadinessPlan,
    Scope, Signed, WAIVER_DAYS, Waiver,
};
use crate::suite::at::{At, Str};
use crate::suite::document::Document;
use crate::suite::raw::{self, ConfigFile};
use crate::suite::{Suite, stem};
use std::collections::BTreeSet;
use std::time::Duration;

const DAY: u64 = 86_400;
/// Checks that close an entry of a checklist beside gates.
const CHECKS: [&str; 3] = ["target", "journeys", "contract"];
/// What an error says of something that nobody wrote.
const SAY: &str = "write it out: whoever reads the report must know";

type Doc = Document<ConfigFile>;

/// Resolves what the suite says of releases; `gates` are the suite's own, of all its scenarios.
pub(super) fn resolve(
    suite: &Suite,
    scenarios: &[ScenarioPlan],
    gates: &[Gate],
    found: &mut Findings,
) -> ReadinessPlan {
    let doc = &suite.config;
    let known = Known::of(suite, scenarios, gates);
    let raw = doc.raw.readiness.clone().unwrap_or_default();
    let (go, conditional) = limits(doc, &raw, found);
    let fresh = raw.fresh.as_ref();
    let fresh_days = fresh.map_or(Some(FRESH_DAYS), |text| days(doc, text, found));
    let fresh_days = fresh_days.unwrap_or(FRESH_DAYS);
    let needs = raw.needs.iter();
    let needs = needs.filter_map(|typed| need(suite, typed, fresh_days, found));
    let needs = needs.collect();
    let waivers = doc.raw.waiver.iter();
    let waivers = waivers.filter_map(|typed| waiver(doc, typed, &known, found));
    let waivers = waivers.collect();
    let checklist = doc.raw.checklist.iter();
    let checklist = checklist.filter_map(|typed| entry(doc, typed, &known, found));
    ReadinessPlan {
        go,
        conditional,
        fresh_days,
        needs,
        waivers,
        checklist: checklist.collect(),
    }
}

/// Gates that can be named.
struct Known {
    ids: BTreeSet<String>,
    /// Scenarios with errors: their gates may be there.
    broken: BTreeSet<String>,
}

impl Known {
    fn of(suite: &Suite, scenarios: &[ScenarioPlan], gates: &[Gate]) -> Self {
        let own = gates.iter().map(|gate| gate.id.clone());
        let theirs = scenarios.iter().flat_map(|scenario| {
            let gates = scenario.gates.iter().map(|gate| gate.id.clone());
            gates.chain(scenario.invariants.iter().map(|gate| gate.id.clone()))
        });
        let sound = |name: &str| scenarios.iter().any(|s| s.name.as_str() == name);
        let docs = suite.scenarios.iter().map(|doc| stem(&doc.source.name));
        let mut broken: BTreeSet<String> = docs
            .filter(|name| !sound(name))
            .map(str::to_owned)
            .collect();
        broken.extend(suite.unread.iter().cloned());
        Self {
            ids: own.chain(theirs).collect(),
            broken,
        }
    }

    /// Whether a text names a gate; what is wrong with it is noted.
    fn names(&self, doc: &Doc, text: &Str, more: &[&str], found: &mut Findings) -> bool {
        let typed = text.value.as_str();
        if more.contains(&typed) {
            return true;
        }
        let scenario = typed.split('#').next().unwrap_or(typed);
        let scenario = scenario.rsplit('@').next().unwrap_or(scenario);
        if !self.ids.contains(typed) {
            if !self.broken.contains(scenario) {
                let ids = self.ids.iter().map(String::as_str);
                found.unknown(doc.at(text), "gate", typed, more.iter().copied().chain(ids));
            }
            return false;
        }
        let label = typed.rsplit('#').next().unwrap_or_default();
        if label.bytes().all(|byte| byte.is_ascii_digit()) {
            let message = format!(
                "`{typed}` names the gate by its place in the file, and would move to another gate with it"
            );
            let hint = "give the gate a `name`, and write that after the `#`";
            found.error_with(doc.at(text), message, hint);
            return false;
        }
        true
    }
}

fn limits(doc: &Doc, raw: &raw::Readiness, found: &mut Findings) -> (f64, f64) {
    let go = raw.go.as_ref().map_or(GO_SCORE, |limit| limit.value);
    let conditional = raw.conditional.as_ref();
    let conditional = conditional.map_or(CONDITIONAL_SCORE.min(go), |limit| limit.value);
    if conditional > go
        && let Some(typed) = raw.conditional.as_ref().or(raw.go.as_ref())
    {
        let message = format!("`conditional` ({conditional}) is above `go` ({go})");
        let hint = "a score from `go` on is GO, from `conditional` on CONDITIONAL GO";
        found.error_with(doc.at(typed), message, hint);
    }
    (go, conditional)
}

/// Whole days above zero.
fn days(doc: &Doc, text: &Str, found: &mut Findings) -> Option<u32> {
    let length = found.positive(doc, text)?;
    if length.subsec_nanos() != 0 || !length.as_secs().is_multiple_of(DAY) {
        let message = "age is counted in whole days";
        found.error_with(doc.at(text), message, "write days, such as `7d`");
        return None;
    }
    u32::try_from(Duration::as_secs(&length) / DAY).ok()
}

fn need(
    suite: &Suite,
    typed: &At<raw::Need>,
    fresh_days: u32,
    found: &mut Findings,
) -> Option<Need> {
    let (doc, raw) = (&suite.config, &typed.value);
    let fresh = raw.fresh.as_ref();
    let fresh_days = fresh.map_or(Some(fresh_days), |text| days(doc, text, found));
    let owner = raw.owner.as_ref();
    let owner = owner.and_then(|text| said(doc, text, "owner", found));
    let what = match (&raw.scenario, &raw.profile) {
        (Some(scenario), None) => {
            let scenarios = || suite.scenarios.iter().map(|doc| stem(&doc.source.name));
            let typed = scenario.value.as_str();
            if !scenarios().any(|name| name == typed) {
                if !suite.unread.contains(typed) {
                    found.unknown(doc.at(scenario), "scenario", typed, scenarios());
                }
                return None;
            }
            Needed::Scenario(found.name(doc, scenario)?)
        }
        (None, Some(profile)) => {
            if doc.raw.profile.get(&profile.value).is_none() {
                let known = doc.raw.profile.keys();
                found.unknown(doc.at(profile), "profile", &profile.value, known);
                return None;
            }
            Needed::Profile(found.name(doc, profile)?)
        }
        _ => {
            let message = "a need is either of a `scenario` or of a `profile`";
            let hint = "write one of them; for several, write several `[[readiness.needs]]`";
            found.error_with(doc.at(typed), message, hint);
            return None;
        }
    };
    Some(Need {
        what,
        fresh_days: fresh_days?,
        owner,
    })
}

fn waiver(
    doc: &Doc,
    typed: &At<raw::Waiver>,
    known: &Known,
    found: &mut Findings,
) -> Option<Waiver> {
    let raw = &typed.value;
    let gate = raw.gate.as_ref()?;
    let there = known.names(doc, gate, &[], found);
    let scope = raw.scope.as_ref();
    let scope = scope.map_or(Some(Scope::default()), |raw| scoped(doc, raw, found));
    let mut text = |text: &Option<Str>, what: &str| said(doc, text.as_ref()?, what, found);
    let reason = text(&raw.reason, "reason");
    let owner = text(&raw.owner, "owner");
    let approver = text(&raw.approver, "approver");
    let ticket = text(&raw.ticket, "ticket");
    let mut date = |day: &Option<At<raw::Day>>| day_of(doc, day.as_ref()?, found);
    let (created, expires) = (date(&raw.created)?, date(&raw.expires)?);
    let lasts = expires.since(created);
    if !(0..=WAIVER_DAYS).contains(&lasts)
        && let Some(typed) = &raw.expires
    {
        let message = match lasts {
            ..0 => "the waiver expires before it was written".to_owned(),
            _ => format!("the waiver lasts {lasts} days, at most {WAIVER_DAYS} count"),
        };
        let hint =
            "a failure that stays is no exception: mend it, or change the gate for all to see";
        found.error_with(doc.at(typed), message, hint);
    }
    there.then_some(Waiver {
        gate: gate.value.clone(),
        scope: scope?,
        reason: reason?,
        owner: owner?,
        approver: approver?,
        created,
        expires,
        ticket,
        line: doc.origin(&typed.span).line,
    })
}

fn scoped(doc: &Doc, raw: &raw::Scope, found: &mut Findings) -> Option<Scope> {
    let mut one = |text: &Option<Str>, what: &str, known: Vec<&str>| {
        let Some(text) = text else { return Some(None) };
        if !known.contains(&text.value.as_str()) {
            found.unknown(doc.at(text), what, &text.value, known);
            return None;
        }
        found.name(doc, text).map(Some)
    };
    let variants = doc.raw.variant.keys().chain(["default"]).collect();
    let variant = one(&raw.variant, "variant", variants);
    let profile = one(&raw.profile, "profile", doc.raw.profile.keys().collect());
    let release = raw.release.as_ref();
    let release = release.map_or(Some(None), |text| found.name(doc, text).map(Some));
    Some(Scope {
        variant: variant?,
        profile: profile?,
        release: release?,
    })
}

fn entry(doc: &Doc, typed: &At<raw::Entry>, known: &Known, found: &mut Findings) -> Option<Entry> {
    let raw = &typed.value;
    let title = said(doc, raw.title.as_ref()?, "title", found);
    let owner = raw.owner.as_ref();
    let owner = owner.and_then(|text| said(doc, text, "owner", found));
    let closes = match (&raw.closes_with, &raw.signed) {
        (Some(_), Some(signed)) => {
            let message = "what evidence closes can't be signed off";
            let hint = "leave `signed` out, or `closes_with`";
            found.error_with(doc.at(signed), message, hint);
            return None;
        }
        (Some(gate), None) => {
            let there = known.names(doc, gate, &CHECKS, found);
            there.then(|| Closes::With(gate.value.clone()))?
        }
        (None, None) => Closes::Signature(None),
        (None, Some(signed)) => Closes::Signature(Some(signature(doc, &signed.value, found)?)),
    };
    Some(Entry {
        due: match raw.phase? {
            raw::Phase::Before => Due::Before,
            raw::Phase::During => Due::During,
            raw::Phase::After => Due::After,
        },
        title: title?,
        owner,
        closes,
    })
}

fn signature(doc: &Doc, raw: &raw::Signed, found: &mut Findings) -> Option<Signed> {
    let by = said(doc, raw.by.as_ref()?, "by", found);
    let on = day_of(doc, raw.on.as_ref()?, found);
    let release = raw.release.as_ref();
    let release: Option<Option<Name>> =
        release.map_or(Some(None), |text| found.name(doc, text).map(Some));
    let note = raw.note.as_ref();
    let note = note.and_then(|text| said(doc, text, "note", found));
    Some(Signed {
        by: by?,
        on: on?,
        release: release?,
        note,
    })
}

fn day_of(doc: &Doc, typed: &At<raw::Day>, found: &mut Findings) -> Option<Date> {
    let date = typed.value.0.parse::<Date>();
    date.map_err(|error| found.error(doc.at(typed), error.to_string()))
        .ok()
}

/// A text that says something.
fn said(doc: &Doc, text: &Str, what: &str, found: &mut Findings) -> Option<String> {
    let words = text.value.trim();
    if words.is_empty() {
        found.error_with(doc.at(text), format!("`{what}` is empty"), SAY);
        return None;
    }
    Some(words.to_owned())
}
