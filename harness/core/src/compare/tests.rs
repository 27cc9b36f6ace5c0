//! Comparisons of recorded runs: what differs and what chance may make, gaps, faults and recoveries, probes.

use super::*;
use crate::event::{Event, ProbeSample};
use crate::journey::Origin;
use crate::plan::Plan;
use crate::plan::probe::ProbePlan;
use crate::plan::target::{Ready, ServicePlan};
use crate::record::testing::{FAULT, Stream, gate, name, plan, tick_of};
use crate::template::Text;
use std::collections::BTreeMap;
use std::time::Duration;

fn with_cache(value: &str) -> Plan {
    let mut plan = plan(30, vec![gate("p95 < 30ms")]);
    plan.target.services.push(ServicePlan {
        name: name("gateway"),
        prepare: None,
        vessel: None,
        command: vec![Text::literal("shop")],
        env: BTreeMap::from([
            ("CACHE".to_owned(), Text::literal(value)),
            ("PORT".to_owned(), Text::literal("1")),
        ]),
        dir: None,
        ready: Ready {
            get: None,
            log: None,
            command: None,
            healthy: false,
            within: Duration::from_secs(1),
        },
        metrics: None,
        needs: Vec::new(),
        stop_within: Duration::from_secs(1),
    });
    plan
}

/// Thirty seconds of one latency and one number of errors in a hundred.
fn run(plan: Plan, us: u64, bad: u64) -> Record {
    let stream = (0..30).fold(Stream::new(plan).peak(), |stream, second| {
        stream
            .at(f64::from(second) + 1.0)
            .tick(tick_of(second, 0, 100 - bad, bad, us))
            .health(100, 0.3)
    });
    stream.done(30)
}

fn labelled<'r>(records: &[&'r Record]) -> Vec<(String, &'r Record)> {
    let labels = ["default", "no-cache", "third"];
    let pairs = labels.iter().zip(records);
    pairs
        .map(|(label, record)| ((*label).to_owned(), *record))
        .collect()
}

fn row<'c>(comparison: &'c Comparison, figure: &str) -> &'c Row {
    let rows = &comparison.scenarios[0].rows;
    rows.iter()
        .find(|row| row.figure == figure && row.of.is_none())
        .unwrap()
}

#[test]
fn figures_stand_side_by_side_with_what_differs() {
    let (a, b) = (
        run(with_cache("on"), 20_000, 0),
        run(with_cache("off"), 40_000, 5),
    );
    let compared = compare(&labelled(&[&a, &b]), &[]);
    let p95 = row(&compared, "p95");
    let change = p95.cells[1].change.unwrap();
    assert_eq!(change.meaning, Meaning::Worse);
    assert!((change.relative.unwrap() - 1.0).abs() < 0.01, "{change:?}");
    assert_eq!(p95.cells[0].change, None);
    assert_eq!(
        row(&compared, "error_rate").cells[1]
            .change
            .unwrap()
            .meaning,
        Meaning::Worse
    );
    assert_eq!(
        row(&compared, "error_rate").cells[1]
            .change
            .unwrap()
            .relative,
        None
    );
    let setting = Setting {
        of: "gateway".into(),
        name: "CACHE".into(),
        values: vec![Some("on".into()), Some("off".into())],
    };
    assert_eq!(compared.settings, [setting]);
    assert_eq!(compared.doubts, Vec::<String>::new());
    let gate = compared
        .items
        .iter()
        .find(|item| item.id == "peak#1")
        .unwrap();
    let grades: Vec<_> = gate.cells.iter().flatten().map(|cell| cell.grade).collect();
    assert_eq!(grades, [Grade::Pass, Grade::Fail]);
    assert!(compared.runs.iter().all(|side| side.complete));
}

#[test]
fn another_command_is_what_differs() {
    let mut other = with_cache("on");
    other.target.services[0].command.push(Text::literal("--v2"));
    let (a, b) = (run(with_cache("on"), 20_000, 0), run(other, 20_000, 0));
    let setting = Setting {
        of: "gateway".into(),
        name: "command".into(),
        values: vec![Some("shop".into()), Some("shop --v2".into())],
    };
    assert_eq!(compare(&labelled(&[&a, &b]), &[]).settings, [setting]);
}

#[test]
fn what_chance_may_make_is_not_told_as_a_difference() {
    let (a, b) = (
        run(plan(30, vec![]), 20_000, 1),
        run(plan(30, vec![]), 20_000, 2),
    );
    let compared = compare(&labelled(&[&a, &b, &a]), &[]);
    let errors = row(&compared, "error_rate");
    assert_eq!(errors.cells[1].change.unwrap().meaning, Meaning::Unclear);
    assert_eq!(errors.cells[2].change.unwrap().by, 0.0);
    assert_eq!(
        row(&compared, "p50").cells[1].change.unwrap().meaning,
        Meaning::Unclear
    );
}

#[test]
fn a_run_that_broke_off_leaves_gaps_and_doubts() {
    let whole = run(plan(30, vec![gate("p95 < 30ms")]), 20_000, 0);
    let mut other = plan(30, vec![gate("p95 < 30ms")]);
    other.seed = 7;
    let cut = Stream::new(other).record();
    let compared = compare(&labelled(&[&whole, &cut]), &["late".to_owned()]);
    let p95 = row(&compared, "p95");
    assert!(p95.cells[0].value.is_some() && p95.cells[1].value.is_none());
    assert_eq!(p95.cells[1].change, None);
    assert_eq!(compared.scenarios[0].trust[1], None);
    assert!(!compared.runs[1].complete);
    assert_eq!(compared.not_run, ["late"]);
    let told = compared.doubts.join("\n");
    assert!(
        told.contains("their seed") && told.contains("no-cache is incomplete"),
        "{told}"
    );
    assert_eq!(compare(&[], &[]).scenarios, []);
}

#[test]
fn faults_and_recoveries_have_figures_of_their_own() {
    let broken = |us| {
        let stream = Stream::new(plan(40, vec![]))
            .peak()
            .load(0..10, 0, 20_000)
            .fault();
        let stream = (10..15).fold(stream, |s, second| s.tick(tick_of(second, 1, 0, 100, us)));
        let after = |second| if second < 25 { 2 } else { 3 };
        (15..40)
            .fold(stream, |s, second| {
                s.tick(tick_of(second, after(second), 100, 0, 20_000))
            })
            .done(40)
    };
    let (a, b) = (broken(500_000), broken(900_000));
    let compared = compare(&labelled(&[&a, &b]), &[]);
    let rows = &compared.scenarios[0].rows;
    let during = During::Fault(FAULT.to_owned());
    let p95 = rows
        .iter()
        .find(|r| r.during == during && r.figure == "p95")
        .unwrap();
    assert_eq!(p95.cells[1].change.unwrap().meaning, Meaning::Worse);
    let recovery = rows.iter().find(|r| r.figure == "recovery").unwrap();
    assert_eq!(recovery.cells[0].value, Some(0.0));
    assert_eq!(recovery.cells[1].change.unwrap().meaning, Meaning::Unclear);
}

#[test]
fn only_means_of_probes_have_a_range() {
    let counted = |value: &str| {
        let mut plan = plan(30, vec![]);
        plan.probes = vec![ProbePlan {
            name: name("x"),
            title: "x".into(),
            value: value.parse().unwrap(),
            unit: Unit::Plain,
            chart: true,
            origin: Origin {
                file: "harness.toml".into(),
                line: 1,
            },
        }];
        let scraped = |stream: Stream, second: u32| {
            let sample = ProbeSample {
                service: "shop".into(),
                values: BTreeMap::from([("n_total".to_owned(), f64::from(second * 5))]),
                error: None,
                unread: BTreeMap::new(),
                taken_us: None,
            };
            let stream = stream
                .at(f64::from(second))
                .event(Event::ProbeSample(sample));
            stream.load(second..(second + 1).min(30), 0, 1000)
        };
        let stream = (0..=30).fold(Stream::new(plan).peak(), scraped);
        let record = stream.done(30);
        let rows = &compare(&labelled(&[&record]), &[]).scenarios[0].rows;
        let row = rows.iter().find(|row| row.figure == "probe.x").unwrap();
        (row.cells[0].value, row.cells[0].range)
    };
    assert_eq!(counted("rate(shop.n_total)"), (Some(5.0), Some((5.0, 5.0))));
    // Thirty windows of five each say nothing of how far another run's 150 would be.
    assert_eq!(counted("increase(shop.n_total)"), (Some(150.0), None));
    assert_eq!(counted("last(shop.n_total)").1, None);
}

#[test]
fn it_is_written_as_json() {
    let (a, b) = (
        run(with_cache("on"), 20_000, 0),
        run(with_cache("off"), 40_000, 5),
    );
    let json = serde_json::to_value(compare(&labelled(&[&a, &b]), &[])).unwrap();
    assert_eq!(json["format"], 1);
    assert_eq!(json["scenarios"][0]["rows"][0]["figure"], "p50");
    assert_eq!(json["items"][0]["cells"][0]["grade"], "pass");
}
