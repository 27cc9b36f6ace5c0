//! What the run came to, told once at its end: gates, score, decision; and what was run.

use super::{About, Builder, Kind, Unit, label};
use harness_core::readiness::{Decision, Readiness};
use harness_core::record::Record;
use harness_core::verdict::{Grade, Trust, Verdict};
use std::borrow::Cow;

const fn gauge(name: &'static str, unit: Unit, help: &'static str) -> About {
    About {
        name: Cow::Borrowed(name),
        unit,
        kind: Kind::Gauge,
        help: Cow::Borrowed(help),
    }
}

static GATE: About = gauge(
    "harness.gate.passed",
    Unit::None,
    "Whether a gate or check passed, told at the run's end; the grade is a label.",
);
static SCORE: About = gauge(
    "harness.readiness.score",
    Unit::Ratio,
    "Weight of what passed over the weight of all that scores.",
);
static DECISION: About = gauge(
    "harness.readiness.decision",
    Unit::None,
    "1 for the decision that was made, 0 for the others.",
);
static TRUSTED: About = gauge(
    "harness.generator.trusted",
    Unit::None,
    "Whether a scenario's load was what it was meant to be; 0 makes its figures invalid.",
);
static INFO: About = About {
    name: Cow::Borrowed("harness.run.info"),
    unit: Unit::None,
    kind: Kind::Info,
    help: Cow::Borrowed("What was run."),
};

/// Adds what the run came to.
pub(super) fn add(all: &mut Builder, record: &Record, verdict: &Verdict, readiness: &Readiness) {
    let end = record.last_us;
    let flag = |yes: bool| [(end, f64::from(u8::from(yes)))];
    for item in &readiness.items {
        let scenario = item.scenario.as_ref().map_or("", |name| name.as_str());
        let labels = vec![
            label("scenario", scenario),
            label("gate", &item.id),
            label("title", &item.title),
            label("key", item.key),
            label("grade", word(item.grade)),
        ];
        all.numbers(&GATE, labels, None, flag(item.grade == Grade::Pass));
    }
    if readiness.decision != Decision::Unmade {
        all.numbers(&SCORE, Vec::new(), None, [(end, readiness.score / 100.0)]);
    }
    let decisions = [Decision::Go, Decision::ConditionalGo, Decision::NoGo];
    for decision in decisions {
        let labels = vec![label("decision", decision.as_str())];
        all.numbers(
            &DECISION,
            labels,
            None,
            flag(readiness.decision == decision),
        );
    }
    for generator in &verdict.generator {
        let labels = vec![label("scenario", &generator.scenario)];
        all.numbers(
            &TRUSTED,
            labels,
            None,
            flag(generator.trust != Trust::Invalid),
        );
    }
    let labels = about(record).into_iter();
    let labels = labels.map(|(name, value)| (Cow::Borrowed(name), value));
    // From its begin, so that a list of runs finds it at any time it went on.
    let step = end.div_ceil(super::MOMENTS).max(1_000_000);
    let moments = (0..)
        .map(|n| n * step)
        .take_while(|at| *at < end)
        .chain([end]);
    all.numbers(&INFO, labels.collect(), None, moments.map(|at| (at, 1.0)));
}

const fn word(grade: Grade) -> &'static str {
    match grade {
        Grade::Pass => "pass",
        Grade::Inconclusive => "inconclusive",
        Grade::Invalid => "invalid",
        Grade::Fail => "fail",
    }
}

/// What was run, in labels; what nobody said is empty.
fn about(record: &Record) -> Vec<(&'static str, String)> {
    let Some(run) = &record.run else {
        return Vec::new();
    };
    let said = |name: &Option<harness_core::name::Name>| {
        name.as_ref().map_or_else(String::new, ToString::to_string)
    };
    vec![
        ("project", run.plan.project.clone()),
        ("release", said(&run.release)),
        ("profile", said(&run.plan.profile)),
        ("variant", said(&run.plan.variant)),
        ("version", run.version.clone()),
        (
            "workload",
            run.plan.workload_digest.chars().take(12).collect(),
        ),
    ]
}

/// Who measured what, as attributes of OpenTelemetry's resource.
pub(super) fn resource(record: &Record) -> Vec<(&'static str, String)> {
    let Some(run) = &record.run else {
        return Vec::new();
    };
    let mut all = vec![
        ("service.version", run.version.clone()),
        ("service.instance.id", run.run.to_string()),
        ("harness.run.id", run.run.to_string()),
        ("harness.project", run.plan.project.clone()),
    ];
    let said = [
        ("harness.release", &run.release),
        ("harness.profile", &run.plan.profile),
        ("harness.variant", &run.plan.variant),
    ];
    let said = said
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.as_ref()?.to_string())));
    all.extend(said);
    all
}
