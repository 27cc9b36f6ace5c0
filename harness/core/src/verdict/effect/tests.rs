//! Effects over made streams: a control of a steady 20 ms, and the load with the fault beside it.

use super::*;
use crate::event::{Envelope, LoadTick};
use crate::record::fold;
use crate::record::testing::{FAULT, Stream, gate, name, plan, tick, tick_of};
use crate::verdict::{Verdict, evaluate};

/// A run of the control and the scenario, 40 s each; the fault is from second 10 to 15.
fn record(
    gates: Vec<Gate>,
    control: impl Fn(u32) -> LoadTick,
    faulted: impl Fn(u32) -> LoadTick,
) -> Record {
    let mut plan = plan(40, gates);
    let mut peak = plan.scenarios[0].clone();
    peak.name = name("peak.control");
    peak.control_of = Some(name("peak"));
    peak.gates = Vec::new();
    peak.faults = Vec::new();
    plan.scenarios.insert(0, peak);
    let play = |stream: Stream, seconds: std::ops::Range<u32>, tick: &dyn Fn(u32) -> LoadTick| {
        seconds.fold(stream, |s, second| {
            s.at(f64::from(second) + 1.0)
                .tick(tick(second))
                .health(100, 0.3)
        })
    };
    let begun = Stream::new(plan.clone()).events();
    let first = play(Stream::new(plan.clone()).peak(), 0..40, &control);
    let first = first
        .ended(40, crate::event::ScenarioEnd::Completed)
        .events();
    let second = play(Stream::new(plan.clone()).peak(), 0..10, &faulted).fault();
    let second = play(second, 10..40, &faulted);
    let second = second
        .ended(40, crate::event::ScenarioEnd::Completed)
        .events();
    let renamed = first[begun.len()..].iter().map(|envelope| {
        let text = serde_json::to_string(envelope).unwrap();
        serde_json::from_str(&text.replace("\"peak\"", "\"peak.control\"")).unwrap()
    });
    let mut events: Vec<Envelope> = begun.iter().cloned().chain(renamed).collect();
    events.extend(second[begun.len()..].iter().cloned());
    for (seq, envelope) in events.iter_mut().enumerate() {
        envelope.seq = seq as u64;
    }
    fold(events).unwrap()
}

fn epoch(second: u32) -> u32 {
    match second {
        0..10 => 0,
        10..15 => 1,
        15..25 => 2,
        _ => 3,
    }
}

fn steady(second: u32) -> LoadTick {
    tick(second, 0, 20_000)
}

/// Ten times slower while the fault lasts, and one in ten fails.
fn struck(second: u32) -> LoadTick {
    match epoch(second) {
        1 => tick_of(second, 1, 90, 10, 200_000),
        epoch => tick(second, epoch, 20_000),
    }
}

fn during_fault(expect: &str) -> Gate {
    Gate {
        during: During::Fault(FAULT.into()),
        ..gate(expect)
    }
}

fn judged(expect: &str, faulted: impl Fn(u32) -> LoadTick) -> (Grade, Option<f64>, String) {
    let record = record(vec![during_fault(expect)], steady, faulted);
    let Verdict { gates, .. } = evaluate(&record);
    (gates[0].grade, gates[0].observed, gates[0].reason.clone())
}

#[test]
fn the_same_seconds_of_both_loads_stand_side_by_side() {
    let record = record(Vec::new(), steady, struck);
    let scenario = record.scenario("peak").unwrap();
    let effect = effect(&record, scenario, None, &During::Fault(FAULT.into())).unwrap();
    assert_eq!(effect.seconds, 5.0);
    assert_eq!((effect.control.planned, effect.faulted.planned), (500, 500));
    assert_eq!((effect.control.failed(), effect.faulted.failed()), (0, 50));
    let p95 = |tally: &Tally| tally.response.quantile(0.95).unwrap();
    assert!(p95(&effect.control) < 21_000 && p95(&effect.faulted) > 190_000);
}

#[test]
fn a_gate_on_an_effect_is_a_factor_of_latencies_and_a_difference_of_shares() {
    let (grade, observed, reason) = judged("effect(p50(checkout)) < 2x", struck);
    assert_eq!(grade, Grade::Fail, "{reason}");
    assert!((9.5..10.5).contains(&observed.unwrap()), "{observed:?}");
    assert!(reason.contains("effect(p50(checkout)) < 2 x"), "{reason}");
    assert_eq!(judged("effect(p50(checkout)) < 12x", struck).0, Grade::Pass);
    let (grade, observed, reason) = judged("effect(error_rate) < 5%", struck);
    assert_eq!(grade, Grade::Fail, "{reason}");
    assert!((observed.unwrap() - 0.1).abs() < 1e-9);
    assert_eq!(judged("effect(error_rate) < 20%", struck).0, Grade::Pass);
    let (grade, observed, _) = judged("effect(rate) >= 0.8x", struck);
    assert_eq!((grade, observed), (Grade::Pass, Some(0.9)));
    assert_eq!(
        judged("effect(p50) < 2x", |s| tick(s, epoch(s), 20_000)).0,
        Grade::Pass
    );
}

#[test]
fn without_a_control_or_with_too_little_of_it_nothing_passes() {
    let gates = || vec![during_fault("effect(p50) < 100x")];
    let grade = |record: &Record| evaluate(record).gates[0].grade;
    // All were sent, and hardly any was answered while the fault would have lasted.
    let few = |second: u32| match epoch(second) {
        1 => LoadTick {
            planned: 100,
            started: 100,
            ..tick_of(second, 0, 3, 0, 20_000)
        },
        _ => steady(second),
    };
    assert_eq!(grade(&record(gates(), few, struck)), Grade::Inconclusive);
    let mut none = record(gates(), steady, struck);
    none.scenarios.remove(0);
    assert_eq!(grade(&none), Grade::Inconclusive);
}

#[test]
fn gates_of_the_whole_run_leave_controls_out() {
    let suite = Gate {
        scenario: None,
        ..gate("error_rate < 1%")
    };
    let broken = |second: u32| tick_of(second, 0, 0, 100, 20_000);
    let mut record = record(Vec::new(), broken, |s| tick(s, epoch(s), 20_000));
    record.run.as_mut().unwrap().plan.gates = vec![suite];
    let verdict = evaluate(&record);
    assert_eq!(
        verdict.gates[0].grade,
        Grade::Pass,
        "{}",
        verdict.gates[0].reason
    );
}
