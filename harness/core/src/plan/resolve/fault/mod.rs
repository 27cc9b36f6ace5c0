//! Faults: exactly one kind each, on a link or a service that is there, inside the load, never two of a kind at once.

mod contained;
mod kind;
mod numbers;
mod requests;
mod timing;

pub(super) use kind::Kinds;
pub(super) use numbers::whole_bytes;

use super::findings::Findings;
use super::texts;
use super::world::World;
use crate::diagnostic::Place;
use crate::expr::gate::GateExpr;
use crate::plan::fault::{FaultKind, FaultPlan, Reach, Site};
use crate::plan::gate::During;
use crate::plan::load::LoadPlan;
use crate::plan::target::Mode;
use crate::suite::at::{At, Str};
use crate::suite::document::Document;
use crate::suite::raw::{Fault, ScenarioFile};
use std::time::Duration;
use timing::Turn;

/// What faults are timed against: the load as typed, not scaled yet.
pub(super) struct Timeline {
    length: Duration,
    /// Where stages begin after the first.
    edges: Vec<Duration>,
    ramp_ends: Option<Duration>,
}

impl Timeline {
    pub(super) fn of(load: &LoadPlan) -> Self {
        Self {
            length: load.duration(),
            edges: load.stage_edges(),
            ramp_ends: load.ramp_ends(),
        }
    }
}

/// What the faults of a scenario are resolved against.
pub(super) struct Around<'a> {
    /// The scenario's name, a part of what decides its draws.
    pub(super) scenario: &'a str,
    /// `None` where the load has errors.
    pub(super) load: Option<&'a Timeline>,
    /// Applied to their times in the end.
    pub(super) scale: f64,
    pub(super) seed: u64,
    pub(super) world: &'a World,
}

/// A fault's turns with the place it was typed at, for what is checked between faults.
struct Placed {
    /// Not empty; alike but for their times.
    turns: Vec<(FaultPlan, Turn)>,
    place: Place,
}

/// The faults of a scenario, by start: a repeated one once for each turn.
pub(super) fn resolve(
    doc: &Document<ScenarioFile>,
    around: &Around<'_>,
    found: &mut Findings,
) -> Vec<FaultPlan> {
    let mut placed: Vec<Placed> = Vec::new();
    for raw in &doc.raw.fault {
        if let Some(fault) = one(doc, raw, around, found) {
            check_against(&fault, &placed, found);
            placed.push(fault);
        }
    }
    let turns = placed.into_iter().flat_map(|placed| placed.turns);
    let mut faults: Vec<FaultPlan> = turns.map(|(fault, _)| fault).collect();
    for fault in &mut faults {
        fault.at = fault.at.mul_f64(around.scale);
        fault.lasts = fault.lasts.mul_f64(around.scale);
    }
    faults.sort_by(|a, b| (a.at, &a.name).cmp(&(b.at, &b.name)));
    faults
}

fn one(
    doc: &Document<ScenarioFile>,
    raw: &At<Fault>,
    around: &Around<'_>,
    found: &mut Findings,
) -> Option<Placed> {
    let kinds = Kinds::of_fault(&raw.value);
    let kind = kinds.resolve(doc, &raw.span, found);
    let (kind, to) = kind.map_or((None, None), |(kind, to)| (Some(kind), to));
    let reach = kinds.reach(doc, kind.as_ref(), found);
    let on = kinds
        .site(doc, &raw.span, kind.as_ref(), found)
        .filter(|(site, text)| around.world.has(doc.at(text), site, found));
    // A scenario that is only for Compose files is not held to what containers have.
    let only = doc.raw.only_in.as_ref();
    let contained = only.is_none_or(|only| {
        let mut modes = only.value.iter().map(|mode| Mode::from(mode.value));
        modes.any(|mode| mode == Mode::Container)
    });
    let takes = |(site, text): &(Site, &Str), found: &mut Findings| {
        let place = match kinds.span() {
            Some(span) if kind.as_ref().is_some_and(FaultKind::of_service) => doc.place(span),
            _ => doc.at(text),
        };
        let kind = kind.as_ref();
        let Some(kind) = kind else {
            return true;
        };
        if contained {
            around.world.holds(&place, site, kind, found);
        }
        around.world.takes(place, site, kind, found)
    };
    let on = on.filter(|on| takes(on, found));
    let times = timing::resolve(doc, raw, around, found);
    let name = raw.value.name.as_ref()?;
    fault_name(doc, name, found);
    let times = times?;
    let fault = FaultPlan {
        name: name.value.clone(),
        turn: 1,
        on: on?.0,
        when: times.when,
        at: Duration::ZERO,
        lasts: Duration::ZERO,
        kind: kind?,
        reach: Reach { to, ..reach? },
        tolerates: tolerates(doc, raw, found),
    };
    if let Some(first) = raw.value.tolerates.first()
        && fault.ramp().is_none()
    {
        let message = "how much of a fault is tolerated is asked of one whose number grows, and this one's do not";
        let hint = "let exactly one number go somewhere, such as `delay = \"0ms..500ms\"`";
        found.error_with(doc.at(first), message, hint);
    }
    let turns = times.turns.into_iter().zip(1..).map(|(time, turn)| {
        let fault = FaultPlan {
            turn,
            at: time.at,
            lasts: time.lasts,
            ..fault.clone()
        };
        (fault, time)
    });
    Some(Placed {
        turns: turns.collect(),
        place: doc.at(name),
    })
}

/// The conditions under which a fault is tolerated; what they name is looked at where gates are.
fn tolerates(doc: &Document<ScenarioFile>, raw: &At<Fault>, found: &mut Findings) -> Vec<GateExpr> {
    let one = |text: &Str| match text.value.parse() {
        Ok(expr) => Some(expr),
        Err(error) => {
            let place = |inner: &_| doc.inside(text, inner);
            found.out.push(texts::expression_error(&error, &place));
            None
        }
    };
    raw.value.tolerates.iter().filter_map(one).collect()
}

fn fault_name(doc: &Document<ScenarioFile>, name: &Str, found: &mut Findings) {
    let text = name.value.as_str();
    let wrong = match text {
        _ if text.trim().is_empty() => "a fault's name must not be empty",
        "all" => "`all` is taken: in a gate it means the whole load",
        _ if During::parse(text) != During::Fault(text.to_owned()) => {
            "a fault's name can't begin with `before `, `recovering ` or `after `: in a gate these are its phases"
        }
        _ if text.contains(['(', ')']) => {
            "a fault's name can't hold parentheses: gates put it into some"
        }
        _ => return,
    };
    found.error(doc.at(name), wrong);
}

fn check_against(new: &Placed, before: &[Placed], found: &mut Findings) {
    let Some((fault, _)) = new.turns.first() else {
        return;
    };
    for old in before {
        let Some((older, _)) = old.turns.first() else {
            continue;
        };
        if older.name == fault.name {
            let message = format!("two faults are called {:?}", fault.name);
            found.error_with(
                new.place.clone(),
                message,
                "gates name a fault: each needs a name of its own",
            );
        }
        let same = older.on == fault.on
            && (fault.kind.of_service() || older.kind.word() == fault.kind.word());
        if joined(older, fault)
            && new
                .turns
                .iter()
                .any(|(_, turn)| old.turns.iter().any(|(_, o)| turn.meets(o)))
        {
            let message = format!(
                "this partition overlaps {:?}, one between the same two services",
                older.name
            );
            let hint = "lifting one would lift the other: move them apart, or join them";
            found.error_with(new.place.clone(), message, hint);
            continue;
        }
        let meet = |(_, turn): &(FaultPlan, Turn)| old.turns.iter().any(|(_, o)| turn.meets(o));
        if same && new.turns.iter().any(meet) {
            let message = format!(
                "this {} fault overlaps {:?}, a {} fault on the same {}",
                fault.kind.word(),
                older.name,
                older.kind.word(),
                fault.on
            );
            found.error_with(
                new.place.clone(),
                message,
                "lifting one would lift the other: move them apart, or join them",
            );
        }
    }
}

/// Whether two faults on different services part the same two from each other.
fn joined(a: &FaultPlan, b: &FaultPlan) -> bool {
    let others = |fault: &FaultPlan| match &fault.kind {
        FaultKind::Partition { from, .. } => from.clone(),
        _ => Vec::new(),
    };
    let (Site::Service(one), Site::Service(other)) = (&a.on, &b.on) else {
        return false;
    };
    one != other && others(a).contains(other) && others(b).contains(one)
}
