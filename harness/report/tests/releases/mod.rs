//! A release with something of everything: two recorded runs, one of them with failures, waivers in every state, a checklist,
//! a need that nobody met, and ten releases before.
#![allow(
    unreachable_pub,
    dead_code,
    clippy::unwrap_used,
    reason = "in a test a panic is the report, and each test uses its part"
)]

use harness_core::plan::gate::Class;
use harness_core::plan::readiness::{
    Closes, Due, Entry, Need, Needed, ReadinessPlan, Scope, Signed, Waiver,
};
use harness_core::readiness::{
    Asked, Decision, Past, Release, Run, Source, TREND, Wanted, gather, recent,
};
use harness_core::record::{Record, fold};
use harness_report::store;
use std::path::Path;

/// A recorded run, of release 1.4.0, dated.
pub fn run(name: &str, date: &str) -> Run {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../fixtures/runs/{name}.ndjson"));
    let events = store::read(&path)
        .unwrap()
        .collect::<Result<Vec<_>, _>>()
        .unwrap();
    let mut record: Record = fold(events).unwrap();
    let run = record.run.as_mut().unwrap();
    run.date = date.to_owned();
    run.release = Some("1.4.0".parse().unwrap());
    run.plan.gates[0].owner = Some("the shop's team".to_owned());
    Run {
        record,
        source: Source {
            path: format!("reports/runs/{name}/events.ndjson.zst"),
            digest: "5f1d3c0c7f6b2a9948c1f2f54f0d4a52".to_owned(),
        },
    }
}

fn waiver(gate: &str, expires: &str) -> Waiver {
    Waiver {
        gate: gate.to_owned(),
        scope: Scope::default(),
        reason: "the provider mends `p99` with its next release".to_owned(),
        owner: "the payments team".to_owned(),
        approver: "the release manager".to_owned(),
        created: "2026-10-01".parse().unwrap(),
        expires: expires.parse().unwrap(),
        ticket: Some("SHOP-17".to_owned()),
        line: 7,
    }
}

fn entry(due: Due, title: &str, closes: Closes) -> Entry {
    Entry {
        due,
        title: title.to_owned(),
        owner: Some("operations".to_owned()),
        closes,
    }
}

fn settings() -> ReadinessPlan {
    let signed = Signed {
        by: "the release manager".to_owned(),
        on: "2026-11-20".parse().unwrap(),
        release: None,
        note: Some("rolled back in 40 s".to_owned()),
    };
    ReadinessPlan {
        waivers: vec![
            waiver("suite#2", "2026-12-20"),
            waiver("payments-slow#3", "2026-11-15"),
        ],
        checklist: vec![
            entry(
                Due::Before,
                "The roll-back was tried",
                Closes::Signature(Some(signed)),
            ),
            entry(
                Due::Before,
                "The stock is counted",
                Closes::With("contract".to_owned()),
            ),
            entry(
                Due::During,
                "Somebody watches the orders",
                Closes::Signature(None),
            ),
            entry(
                Due::After,
                "The old version is taken down",
                Closes::Signature(None),
            ),
        ],
        ..ReadinessPlan::default()
    }
}

fn past(n: u32) -> Past {
    Past {
        release: format!("1.3.{n}").parse().unwrap(),
        on: format!("2026-0{}-01", n % 9 + 1).parse().unwrap(),
        variant: None,
        decision: [Decision::Go, Decision::ConditionalGo, Decision::NoGo][n as usize % 3],
        score: 100.0 - f64::from(n),
        decided_by: None,
        p95_ms: Some(40.0 + f64::from(n)),
        error_rate: Some(f64::from(n) / 1e4),
        waivers: u64::from(n % 2),
        incident: [None, Some(false), Some(true)][n as usize % 3],
        note: (n % 3 == 2).then(|| "orders were <late>".to_owned()),
    }
}

/// What is asked, on a day.
pub fn asked(on: &str) -> Asked {
    Asked {
        settings: settings(),
        on: on.parse().unwrap(),
        wanted: Vec::new(),
        notices: Vec::new(),
    }
}

fn with_trend(mut release: Release) -> Release {
    let before: Vec<Past> = (0..12).map(past).collect();
    release.trend = recent(&before, release.release.as_ref());
    assert_eq!(release.trend.len(), TREND);
    release
}

/// All that can be against a release.
pub fn no_go() -> Release {
    let runs = [
        run("go", "2026-11-10T06:00:00+00:00"),
        run("no-go", "2026-11-21T06:00:00+00:00"),
    ];
    let mut plan = runs[0].record.run.as_ref().unwrap().plan.clone();
    plan.scenarios[0].name = "soak".parse().unwrap();
    let need = Need {
        what: Needed::Scenario("soak".parse().unwrap()),
        fresh_days: 14,
        owner: Some("the load team".to_owned()),
    };
    let asked = Asked {
        wanted: vec![Wanted { need, plan }],
        notices: vec!["run 20261119-000000-beef can't be read: its line 3 is <broken>".to_owned()],
        ..asked("2026-11-22")
    };
    with_trend(gather(&runs, &asked))
}

/// A release whose only failure is waived.
pub fn conditional() -> Release {
    let mut run = run("go", "2026-11-21T06:00:00+00:00");
    let plan = &mut run.record.run.as_mut().unwrap().plan;
    // A limit that the recording does not keep.
    plan.scenarios[0].gates[0].expect = "p99(browse) < 1us".parse().unwrap();
    assert_eq!(plan.scenarios[0].gates[0].class, Class::Key);
    let mut asked = asked("2026-11-22");
    let waivers = &mut asked.settings.waivers;
    waivers.push(waiver("payments-slow#1", "2026-11-30"));
    with_trend(gather(&[run], &asked))
}
