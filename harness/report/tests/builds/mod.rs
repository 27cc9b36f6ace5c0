//! Builds held against builds: made-up runs whose truth is known, for what people see of a comparison.
#![allow(
    unreachable_pub,
    dead_code,
    clippy::unwrap_used,
    reason = "in a test a panic is the report, and each test uses its part"
)]

use crate::streams::{Shape, make};
use harness_core::capacity::SearchPlan;
use harness_core::plan::load::{Model, Spacing};
use harness_core::record::{Record, fold};
use harness_core::units::Rate;
use harness_core::verdict::regression::{Beside, Curves, Runs, Settings, across, drawn};
use std::sync::OnceLock;
use std::time::Duration;

/// A comparison with all that is drawn of it.
#[derive(Clone)]
pub struct Compared {
    pub runs: Runs,
    pub curves: Vec<Vec<Curves>>,
}

/// A name that is markup, a table's bar, a mention, an end of an attribute and a change of direction.
pub const HOSTILE: &str =
    "<script>alert(1)</script> | `x` @everyone \u{202e}\"' onload=x ]]> [a](http://evil.example)";

fn record(run: &'static str, seed: u64, slower: f64, day: u32, steps: Vec<&'static str>) -> Record {
    let shape = Shape {
        seed,
        slower,
        journeys: vec![("browse", vec!["look around"]), ("checkout", steps)],
        ..Shape::of(run, 420, 60.0)
    };
    let mut record = fold(make(&shape)).unwrap();
    record.run.as_mut().unwrap().date = format!("2026-01-{day:02}T09:00:00+01:00");
    record
}

/// A run that searched for a capacity.
pub fn search(run: &'static str) -> Record {
    let mut record = record(run, 1, 1.0, 1, vec![STEP]);
    let per_second = |rate| Rate::per_second(rate).unwrap();
    let plan = &mut record.run.as_mut().unwrap().plan;
    plan.scenarios[0].load.model = Model::Search(SearchPlan {
        goal: "max rate where p99 < 250ms".parse().unwrap(),
        spacing: Spacing::Even,
        from: per_second(50.0),
        up_to: per_second(10_000.0),
        within: Duration::from_secs(300),
        trial: Duration::from_secs(10),
        settle: Duration::from_secs(2),
        precision: 0.05,
    });
    record
}

fn quick() -> Settings {
    // A tenth of the resamples: the words are wanted, and a hundred give them.
    Settings {
        resamples: 100,
        ..Settings::default()
    }
}

fn compare(candidate: Vec<Record>, baseline: Vec<Record>) -> Compared {
    let runs = across(&candidate, &baseline, &Beside::default(), &quick());
    let curves = drawn(&candidate, &baseline, &Beside::default(), &runs);
    Compared { runs, curves }
}

const STEP: &str = "place the order";

/// Slower by a third than one run before it.
pub fn regressed() -> &'static Compared {
    static MADE: OnceLock<Compared> = OnceLock::new();
    MADE.get_or_init(|| {
        // Long and busy enough for the p99 of its checkout, which its key gate asks for.
        let of = |run, seed, slower| {
            let shape = Shape::of(run, 600, 160.0);
            fold(make(&Shape {
                seed,
                slower,
                ..shape
            }))
            .unwrap()
        };
        let slow = of("20260108-090000-slow", 11, 1.35);
        compare(vec![slow], vec![of("20260107-090000-base", 12, 1.0)])
    })
}

/// As it was for the last four of eight runs, which were slower than those before.
pub fn with_history() -> &'static Compared {
    static MADE: OnceLock<Compared> = OnceLock::new();
    MADE.get_or_init(|| {
        const RUNS: [&str; 8] = [
            "20260101-090000-a001",
            "20260102-090000-a002",
            "20260103-090000-a003",
            "20260104-090000-a004",
            "20260105-090000-b001",
            "20260106-090000-b002",
            "20260107-090000-b003",
            "20260108-090000-b004",
        ];
        let before = RUNS.iter().zip(1u32..).map(|(run, day)| {
            let slower = if day <= 4 { 1.0 } else { 1.25 };
            record(run, u64::from(20 + day), slower, day, vec![STEP])
        });
        let now = record("20260109-090000-same", 40, 1.25, 9, vec![STEP]);
        // Named in any order: they are drawn by date.
        let mut before: Vec<Record> = before.collect();
        before.reverse();
        compare(vec![now], before)
    })
}

/// With a step whose name is [`HOSTILE`], which decides.
pub fn hostile() -> &'static Compared {
    static MADE: OnceLock<Compared> = OnceLock::new();
    MADE.get_or_init(|| {
        let steps = || vec![HOSTILE, STEP];
        let slow = vec![record("20260108-090000-evil", 11, 1.35, 8, steps())];
        let base = vec![record("20260107-090000-base", 12, 1.0, 7, steps())];
        let mut compared = compare(slow.clone(), base.clone());
        for figure in &mut compared.runs.scenarios[0].figures {
            figure.key |= figure.name.contains("alert");
        }
        compared.curves = drawn(&slow, &base, &Beside::default(), &compared.runs);
        compared
    })
}

/// Runs that can't be compared: another machine.
pub fn invalid() -> &'static Compared {
    static MADE: OnceLock<Compared> = OnceLock::new();
    MADE.get_or_init(|| {
        let here = record("20260108-090000-here", 11, 1.0, 8, vec![STEP]);
        let mut there = record("20260107-090000-else", 12, 1.0, 7, vec![STEP]);
        let run = there.run.as_mut().unwrap();
        run.environment
            .insert("cpu".to_owned(), "64 × <b>arm</b>".to_owned());
        compare(vec![here], vec![there])
    })
}

/// A minute of load: nothing can be told.
pub fn brief() -> &'static Compared {
    static MADE: OnceLock<Compared> = OnceLock::new();
    MADE.get_or_init(|| {
        let of = |run, seed| {
            fold(make(&Shape {
                seed,
                ..Shape::of(run, 60, 40.0)
            }))
            .unwrap()
        };
        compare(
            vec![of("20260108-090000-cand", 1)],
            vec![of("20260107-090000-base", 2)],
        )
    })
}
