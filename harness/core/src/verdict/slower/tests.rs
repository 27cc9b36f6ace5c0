//! Gates on regressions, on loads whose truth is known.

use crate::event::Event;
use crate::plan::gate::{Class as Weight, During};
use crate::record::Record;
use crate::record::testing::{Stream, gate, plan};
use crate::verdict::regression::{Accepted, Against, Calibration, Conditions, Sample, Settings};
use crate::verdict::{GateResult, Grade, evaluate};

/// Two minutes of answers that take `us`, judged by these gates.
fn run(us: u64, gates: &[&str]) -> Record {
    run_of(120, us, gates)
}

fn run_of(seconds: u32, us: u64, gates: &[&str]) -> Record {
    let gates = gates.iter().zip(1..).map(|(text, n)| {
        let mut gate = gate(text);
        gate.id = format!("peak#{n}");
        gate
    });
    Stream::new(plan(seconds.into(), gates.collect()))
        .peak()
        .load(0..seconds, 0, us)
        .done(seconds)
}

fn accepted(id: &str, us: u64) -> Accepted {
    let record = run(us, &[]);
    let mut sample = Sample::of(&record, "peak", &During::Undisturbed).unwrap();
    sample.run = id.parse().unwrap();
    Accepted {
        release: None,
        pinned: None,
        sample,
    }
}

fn results(record: Record, all: &[Accepted]) -> Vec<GateResult> {
    calibrated(record, all, &[])
}

/// The same where this is known of the environment.
fn calibrated(mut record: Record, all: &[Accepted], known: &[Calibration]) -> Vec<GateResult> {
    let started = record.run.as_mut().unwrap();
    let peak = "peak".parse().unwrap();
    let here = Conditions::ahead(&started.plan, &started.environment, &peak);
    let all: Vec<&Accepted> = all.iter().collect();
    let settings = Settings::default();
    let chosen = Against::choose(&here, &[&started.run], &all, &settings);
    started.baselines = vec![chosen.calibrated(&here, known, &settings)];
    evaluate(&record).gates
}

fn one(us: u64, text: &str, all: &[Accepted]) -> GateResult {
    results(run(us, &[text]), all).remove(0)
}

const GATE: &str = "regression(p95(checkout)) < 10%";

#[test]
fn slower_fails_the_same_passes_and_nothing_accepted_waits() {
    let base = [accepted("a", 50_000), accepted("b", 50_000)];
    let slow = one(60_000, GATE, &base);
    assert_eq!(slow.grade, Grade::Fail, "{}", slow.reason);
    assert!((slow.observed.unwrap() - 0.2).abs() < 0.02, "{slow:?}");
    assert!(
        slow.reason.contains("against 2 accepted runs"),
        "{}",
        slow.reason
    );
    let same = one(50_000, GATE, &base);
    assert_eq!(same.grade, Grade::Pass, "{}", same.reason);
    let faster = one(40_000, GATE, &base);
    assert_eq!(faster.grade, Grade::Pass, "{}", faster.reason);
    // The limit is what matters: the same run under a wider one.
    let wide = one(60_000, "regression(p95(checkout)) < 50%", &base);
    assert_eq!(wide.grade, Grade::Pass, "{}", wide.reason);
    let near = one(54_000, GATE, &base);
    assert_eq!(near.grade, Grade::Inconclusive, "{}", near.reason);
    assert!(near.reason.contains("would decide it"), "{}", near.reason);
    let adds = "`harness run peak` with this run's flags, then `harness baseline accept latest --scenario peak`";
    assert!(near.reason.ends_with(adds), "{}", near.reason);

    let none = one(50_000, GATE, &[]);
    assert_eq!(none.grade, Grade::Inconclusive);
    assert!(
        !none.is_missing(),
        "there is a load, and nothing to hold it against"
    );
    assert!(
        none.reason.contains("`harness baseline accept"),
        "{}",
        none.reason
    );
    // A run that would be refused is not advised to be accepted.
    let cut = run_of(24, 50_000, &[GATE]);
    let short = results(cut, &[]).remove(0);
    assert_eq!(short.grade, Grade::Inconclusive);
    let why = "no run of peak was accepted yet, and this one can't be accepted: ";
    assert!(short.reason.contains(why), "{}", short.reason);
    assert!(
        !short.reason.contains("harness baseline"),
        "{}",
        short.reason
    );
    let mut other = accepted("a", 50_000);
    other.sample.workload = "other".into();
    let unfit = one(50_000, GATE, &[other]);
    assert_eq!(unfit.grade, Grade::Inconclusive);
    assert!(
        unfit.reason.contains("its workload is another one"),
        "{}",
        unfit.reason
    );
    assert!(unfit.reason.contains("--new"), "{}", unfit.reason);
}

#[test]
fn the_environments_own_spread_is_what_a_gate_goes_by_where_it_was_measured() {
    let base = [accepted("a", 50_000)];
    let record = || run(60_000, &[GATE]);
    assert_eq!(results(record(), &base)[0].grade, Grade::Fail);
    // Runs of one build that differ by a third.
    let runs = [40_000, 50_000, 60_000, 45_000, 55_000];
    let runs = runs.into_iter().zip(b'b'..);
    let runs: Vec<Sample> = runs
        .map(|(us, id)| Sample {
            date: "2026-11-20T10:00:00+00:00".to_owned(),
            ..accepted(&char::from(id).to_string(), us).sample
        })
        .collect();
    let wide = Calibration::of(&runs, &Settings::default()).unwrap();
    let result = calibrated(record(), &base, std::slice::from_ref(&wide)).remove(0);
    assert_eq!(result.grade, Grade::Inconclusive, "{}", result.reason);
    let mut elsewhere = wide;
    elsewhere.conditions.workload = "other".into();
    let result = calibrated(record(), &base, &[elsewhere]).remove(0);
    assert_eq!(result.grade, Grade::Fail, "{}", result.reason);
}

#[test]
fn a_drift_that_the_newest_runs_hide_shows_against_the_pinned_release() {
    let mut pinned = accepted("a", 50_000);
    pinned.pinned = Some("1.4.0".parse().unwrap());
    // Two levels: the newer one is the baseline.
    let levels = [
        50_000, 50_000, 50_000, 50_000, 60_000, 60_000, 60_000, 60_000, 60_000,
    ];
    let mut all = vec![pinned];
    let later = levels.into_iter().zip(b'b'..);
    all.extend(later.map(|(us, id)| accepted(&char::from(id).to_string(), us)));
    let held = one(60_000, GATE, &all);
    assert_eq!(held.grade, Grade::Fail, "{}", held.reason);
    assert!(
        held.reason.contains("since the pinned release 1.4.0"),
        "{}",
        held.reason
    );
    assert!(held.reason.contains("5 accepted runs"), "{}", held.reason);
    all[0].pinned = None;
    let held = one(60_000, GATE, &all);
    assert_eq!(held.grade, Grade::Pass, "{}", held.reason);
}

#[test]
fn each_gate_has_its_own_limit_and_what_it_names_must_be_there() {
    let base = [accepted("a", 50_000)];
    let gates = [
        "regression(p50) < 10%",
        "regression(p50(checkout)) < 50%",
        "regression(p95(checkout/place)) < 10%",
        "p95 < 1s",
    ];
    let results = results(run(60_000, &gates), &base);
    let grades = results.iter().map(|result| result.grade);
    assert_eq!(
        grades.collect::<Vec<_>>(),
        [Grade::Fail, Grade::Pass, Grade::Inconclusive, Grade::Pass],
        "{results:#?}"
    );
}

#[test]
fn what_only_informs_is_not_counted_among_the_many() {
    let base = [accepted("a", 50_000)];
    let mut record = run(60_000, &[GATE]);
    let plan = &mut record.run.as_mut().unwrap().plan;
    plan.scenarios[0].gates[0].class = Weight::Info;
    let result = results(record, &base).remove(0);
    assert_eq!(result.grade, Grade::Fail, "{}", result.reason);
}

#[test]
fn a_gate_of_every_class_is_held_against_the_runs_of_todays_level() {
    let levels = [
        50_000, 50_000, 50_000, 50_000, 50_000, 60_000, 60_000, 60_000, 60_000, 60_000, 60_000,
    ];
    let levels = levels.into_iter().zip(b'a'..);
    let base: Vec<Accepted> = levels
        .map(|(us, id)| accepted(&char::from(id).to_string(), us))
        .collect();
    for class in [Weight::Key, Weight::Scored, Weight::Info] {
        let mut record = run(60_000, &[GATE]);
        let plan = &mut record.run.as_mut().unwrap().plan;
        plan.scenarios[0].gates[0].class = class;
        let result = results(record, &base).remove(0);
        assert_eq!(result.grade, Grade::Pass, "{}", result.reason);
        assert!(
            result.reason.contains("6 accepted runs"),
            "{}",
            result.reason
        );
    }
}

#[test]
fn a_pinned_run_of_another_time_is_no_part_of_the_baseline_once_enough_others_are() {
    let mut pinned = accepted("a", 50_000);
    pinned.pinned = Some("1.4.0".parse().unwrap());
    let mut base = vec![pinned];
    let later = b"bcdefg".iter();
    base.extend(later.map(|id| accepted(&char::from(*id).to_string(), 60_000)));
    let slow = one(69_000, GATE, &base);
    assert_eq!(slow.grade, Grade::Fail, "{}", slow.reason);
    assert!(
        slow.reason.contains("against 6 accepted runs"),
        "{}",
        slow.reason
    );
    // With few others it still says more than nothing.
    base.truncate(3);
    let slow = one(69_000, GATE, &base);
    assert!(slow.reason.contains("3 accepted runs"), "{}", slow.reason);
}

#[test]
fn a_load_that_can_not_be_trusted_is_invalid_and_a_cut_one_too() {
    let base = [accepted("a", 50_000)];
    let gates = vec![gate(GATE)];
    let lags = Stream::new(plan(120, gates)).peak();
    let lags = (0..120).fold(lags, |stream, second| {
        stream
            .at(f64::from(second) + 1.0)
            .tick(crate::record::testing::tick(second, 0, 50_000))
            .health(500_000, 0.3)
    });
    let result = results(lags.done(120), &base).remove(0);
    assert_eq!(result.grade, Grade::Invalid, "{}", result.reason);
    assert!(
        result.reason.contains("can't be trusted"),
        "{}",
        result.reason
    );
}

#[test]
fn what_it_is_held_against_comes_with_the_events() {
    let base = [accepted("a", 50_000)];
    let mut record = run(60_000, &[GATE]);
    let expected = results(record.clone(), &base);
    let started = record.run.as_mut().unwrap();
    let peak = "peak".parse().unwrap();
    let here = Conditions::ahead(&started.plan, &started.environment, &peak);
    let against = Against::choose(&here, &[], &[&base[0]], &Settings::default());
    let names = super::names_asked(started).remove(&peak).unwrap();
    assert_eq!(names.iter().collect::<Vec<_>>(), ["checkout"]);
    started.baselines = vec![against.only(&names)];
    let event = Event::RunStarted(started.clone());
    let text = serde_json::to_string(&event).unwrap();
    let Ok(Event::RunStarted(back)) = serde_json::from_str(&text) else {
        panic!("it was written as the run's begin");
    };
    record.run = Some(back);
    assert_eq!(evaluate(&record).gates, expected);
}
