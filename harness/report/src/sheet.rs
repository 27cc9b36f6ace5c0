//! The part of the first page that is of a release rather than of load: what the answer would be without waivers, the runs
//! it rests on, waivers, checklists, from where the deployment is to be stopped, and the releases before. Words made once,
//! for page, Markdown and terminal.

use crate::figures;
use crate::text::{self, clip, one_line};
use harness_core::plan::readiness::{Closes, Due};
use harness_core::readiness::{
    AbortThreshold, Basis, EntryState, Evidence, Past, Readiness, Release, State, WaiverState,
    Waiving,
};
use serde::Serialize;

/// All of it; what there is nothing of is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Sheet {
    /// The answer without waivers; empty where none counts.
    pub unwaived: String,
    /// The runs.
    pub evidence: Vec<EvidenceRow>,
    /// Waivers.
    pub waivers: Vec<WaiverRow>,
    /// The checklist by phase, phases without entries left out.
    pub checklist: Vec<Phase>,
    /// From where the deployment is to be stopped.
    pub abort: Vec<AbortRow>,
    /// Length of a window that abort thresholds are of, seconds.
    pub window_s: u32,
    /// Releases before, the newest first.
    pub trend: Vec<TrendRow>,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "each field is the cell it is named after")]
pub struct EvidenceRow {
    pub run: String,
    pub age: String,
    pub of: String,
    pub how: String,
    pub path: String,
    /// The beginning of the digest.
    pub digest: String,
    /// Why it is not as good as it looks; empty where it is.
    pub doubt: String,
}

/// A waiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "each field is the cell it is named after")]
pub struct WaiverRow {
    pub sign: &'static str,
    pub gate: String,
    /// What it does.
    pub state: String,
    pub reason: String,
    /// Owner, approver and ticket.
    pub people: String,
    pub expires: String,
    pub scope: String,
}

/// The entries of one phase of the checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Phase {
    /// `Before the deployment`.
    pub title: String,
    /// What is to be done.
    pub entries: Vec<EntryRow>,
}

/// An entry of the checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "each field is the cell it is named after")]
pub struct EntryRow {
    pub closed: bool,
    pub title: String,
    pub owner: String,
    /// By what it is closed, or why it is open.
    pub why: String,
}

/// A figure from which the deployment is to be stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "each field is the cell it is named after")]
pub struct AbortRow {
    pub metric: String,
    pub place: String,
    pub above: String,
    pub seen: String,
    pub limit: String,
    pub basis: String,
}

/// A release before this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "each field is the cell it is named after")]
pub struct TrendRow {
    pub release: String,
    pub on: String,
    pub sign: &'static str,
    pub decision: &'static str,
    /// `go`, `conditional`, `no-go`.
    pub class: &'static str,
    pub score: String,
    pub p95: String,
    pub errors: String,
    pub waivers: String,
    pub incident: String,
}

impl Sheet {
    /// Of one run: what its own events say.
    pub fn of_run(readiness: &Readiness) -> Self {
        Self {
            unwaived: unwaived(readiness),
            waivers: readiness.waivers.iter().map(waiver).collect(),
            checklist: checklist(&readiness.checklist),
            ..Self::default()
        }
    }

    /// Of a release.
    pub fn of_release(release: &Release) -> Self {
        let thresholds = &release.readiness.abort;
        Self {
            evidence: release.evidence.iter().map(evidence).collect(),
            abort: thresholds.iter().map(abort).collect(),
            window_s: thresholds.iter().map(|t| t.window_s).max().unwrap_or(0),
            trend: release.trend.iter().map(past).collect(),
            ..Self::of_run(&release.readiness)
        }
    }
}

fn unwaived(readiness: &Readiness) -> String {
    let Some(unwaived) = &readiness.unwaived else {
        return String::new();
    };
    let by = unwaived.decided_by.as_ref();
    let by = by.and_then(|by| readiness.items.iter().find(|item| item.id == *by));
    let by = by.map_or_else(String::new, |by| {
        format!(", decided by {}", one_line(&by.title, 120))
    });
    format!(
        "Without waivers: {} (score {:.0}/100{by})",
        unwaived.decision.as_str(),
        unwaived.score.floor()
    )
}

fn evidence(evidence: &Evidence) -> EvidenceRow {
    let age = match evidence.age_days {
        i64::MAX => "of a day that has not come".to_owned(),
        0 => "today".to_owned(),
        days => format!("{} old", text::plural(days.unsigned_abs(), "day")),
    };
    let profile = evidence.profile.as_ref();
    let profile = profile.map_or_else(String::new, |name| format!(", profile {name}"));
    let doubt = match (evidence.stale, evidence.complete) {
        (true, _) => format!(
            "stale: {} count",
            text::plural(u64::from(evidence.fresh_days), "day")
        ),
        (false, false) => "it did not come to its end".to_owned(),
        (false, true) => String::new(),
    };
    EvidenceRow {
        run: evidence.run.to_string(),
        age,
        of: one_line(&evidence.parts.join(", "), 300),
        how: format!("{}{profile}", evidence.mode),
        path: one_line(&evidence.path, 200),
        digest: clip(&evidence.digest, 13),
        doubt,
    }
}

fn waiver(state: &WaiverState) -> WaiverRow {
    let waiver = &state.waiver;
    let (sign, words) = match state.state {
        Waiving::Counts { days_left: 0 } => ("!", "counts, today for the last time".to_owned()),
        Waiving::Counts { days_left } if state.ends_soon() => (
            "!",
            format!(
                "counts, and expires in {}",
                text::plural(days_left.unsigned_abs(), "day")
            ),
        ),
        Waiving::Counts { .. } => ("~", "counts".to_owned()),
        Waiving::Expired => ("✗", "expired, counts no more".to_owned()),
        Waiving::NotYet => ("·", format!("counts from {} on", waiver.created)),
        Waiving::Unneeded => ("✓", "its gate passes: it can be taken out".to_owned()),
        Waiving::Uncovered => (
            "?",
            "does not help: its gate did not fail, it has no sound evidence".to_owned(),
        ),
        Waiving::Idle => ("·", "its gate was not judged where it counts".to_owned()),
    };
    let ticket = waiver.ticket.as_ref();
    let ticket = ticket.map_or_else(String::new, |ticket| format!(", {}", one_line(ticket, 60)));
    WaiverRow {
        sign,
        gate: one_line(&waiver.gate, 120),
        state: words,
        reason: one_line(&waiver.reason, 300),
        people: format!(
            "{}, approved by {}{ticket}",
            one_line(&waiver.owner, 60),
            one_line(&waiver.approver, 60)
        ),
        expires: waiver.expires.to_string(),
        scope: waiver.scope.to_string(),
    }
}

fn checklist(states: &[EntryState]) -> Vec<Phase> {
    let phase = |(due, title): (Due, &str)| {
        let entries = states.iter().filter(|state| state.entry.due == due);
        Phase {
            title: title.to_owned(),
            entries: entries.map(entry).collect(),
        }
    };
    let phases = [
        (Due::Before, "Before the deployment"),
        (Due::During, "During the deployment"),
        (Due::After, "After the deployment"),
    ];
    let phases = phases.into_iter().map(phase);
    phases.filter(|phase| !phase.entries.is_empty()).collect()
}

fn entry(state: &EntryState) -> EntryRow {
    let (closed, why) = match (&state.state, &state.entry.closes) {
        (State::Closed(by), _) => (true, by.clone()),
        (State::Open(why), Closes::With(id)) => (false, format!("{why}; closed by {id}")),
        (State::Open(why), Closes::Signature(_)) => (false, why.clone()),
    };
    EntryRow {
        closed,
        title: one_line(&state.entry.title, 200),
        owner: state
            .entry
            .owner
            .as_ref()
            .map_or_else(String::new, |owner| one_line(owner, 60)),
        why: one_line(&why, 300),
    }
}

fn abort(threshold: &AbortThreshold) -> AbortRow {
    let show = |value: f64| match threshold.unit.as_str() {
        "s" => text::micros(Some((value * 1e6).round() as u64)),
        _ => text::percent(value),
    };
    let none = || text::NONE.to_owned();
    let name = threshold.name.as_ref();
    let metric = name.map_or_else(
        || threshold.metric.clone(),
        |name| format!("{}({})", threshold.metric, one_line(name, 80)),
    );
    let scenario = threshold.scenario.as_ref();
    AbortRow {
        metric,
        place: scenario.map_or_else(|| "all scenarios".to_owned(), ToString::to_string),
        above: show(threshold.above),
        seen: threshold.seen.map_or_else(none, show),
        limit: threshold.limit.map_or_else(none, show),
        basis: match threshold.basis {
            Basis::Interval => format!("interval over {} windows", threshold.windows),
            Basis::Limit => "the gate's limit".to_owned(),
        },
    }
}

fn past(past: &Past) -> TrendRow {
    let none = || text::NONE.to_owned();
    let note = past.note.as_ref().map(|note| one_line(note, 120));
    let incident = match (past.incident, note) {
        (None, None) => "not said".to_owned(),
        (None, Some(note)) => note,
        (Some(true), note) => note.map_or_else(|| "yes".to_owned(), |note| format!("yes: {note}")),
        (Some(false), note) => {
            note.map_or_else(|| "none".to_owned(), |note| format!("none: {note}"))
        }
    };
    TrendRow {
        release: past.release.to_string(),
        on: past.on.to_string(),
        sign: figures::decision_sign(past.decision),
        decision: past.decision.as_str(),
        class: figures::decision_class(past.decision),
        score: format!("{:.0}", past.score.floor()),
        p95: past
            .p95_ms
            .map_or_else(none, |ms| text::micros(Some((ms * 1e3).round() as u64))),
        errors: past.error_rate.map_or_else(none, text::percent),
        waivers: past.waivers.to_string(),
        incident,
    }
}
