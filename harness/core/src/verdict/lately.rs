//! What is looked at while faults are played: conditions over the last seconds of load, which fire a fault or stop all of
//! them, and whether a scenario is steady before its first. Asked each second; says what is so, never what it means.

use super::Grade;
use super::gates::{Found, find, latest, seen_text, subject_name};
use super::limits::LATELY;
use super::measure::{When, show};
use super::recovery::bounds;
use crate::event::ScenarioEnd;
use crate::expr::gate::{Comparison, GateExpr, GateSubject, Stat};
use crate::name::Name;
use crate::plan::gate::{During, Gate, Role};
use crate::record::{Record, ScenarioRecord};

/// What was seen, if an expression holds over the last [`LATELY`] of a scenario's load, its warm-up left out. `None`
/// while there is less load, or too few samples to say.
pub fn lately(record: &Record, scenario: &Name, expect: &GateExpr) -> Option<String> {
    let running = record.scenario(scenario.as_str())?;
    let figure = figure(record, running, expect)?;
    expect.holds(figure).then(|| seen(expect, figure))
}

/// The first of a scenario's conditions that stop its faults which came about, by its gate's id, and what was seen.
pub fn stopped(record: &Record, scenario: &Name) -> Option<(String, String)> {
    let running = record.scenario(scenario.as_str())?;
    of(record, scenario, Role::Stop).find_map(|gate| {
        let figure = figure(record, running, &gate.expect)?;
        (!gate.expect.holds(figure)).then(|| (gate.id.clone(), seen(&gate.expect, figure)))
    })
}

/// The first of the conditions of a steady scenario that does not hold over its undisturbed load so far, or of which
/// nobody can say whether it does: its gate's id, and why.
pub fn unsteady(record: &Record, scenario: &Name) -> Option<(String, String)> {
    let gates = of(record, scenario, Role::Steady);
    let running = record.scenario(scenario.as_str())?;
    let before = gates.filter(|gate| matches!(gate.during, During::Before(_)));
    let mut broken = before.filter_map(|gate| {
        let so_far = Gate {
            during: During::Undisturbed,
            ..gate.clone()
        };
        let found = find(record, &so_far, &[running], When::Final);
        let why = match found.judged.grade {
            Grade::Pass => hanging(record, running, &so_far)?,
            Grade::Fail => seen_text(&so_far, &found),
            _ => format!("`{}`: {}", gate.expect, found.judged.missing),
        };
        Some((gate.id.clone(), why))
    });
    broken.next()
}

/// What has not ended and is too much for a condition to hold, of what began so long ago that it should have: longer than
/// the condition's limit on latencies, twice as long as anything took that ended, and [`LATELY`] at the least.
fn hanging(record: &Record, running: &ScenarioRecord, gate: &Gate) -> Option<String> {
    let expect = &gate.expect;
    if !matches!(expect.op, Comparison::Less | Comparison::AtMost) {
        return None;
    }
    let (allowed, limit_us) = match &expect.subject {
        GateSubject::Latency { stat, .. } | GateSubject::Service { stat, .. } => match stat {
            Stat::Quantile(q) => (1.0 - q.get(), expect.limit as u64),
            Stat::Mean | Stat::Max => (0.0, expect.limit as u64),
        },
        GateSubject::ErrorRate(_) => (expect.limit, 0),
        GateSubject::Lost(_) => (0.0, 0),
        _ => return None,
    };
    let all = running.names.keys().map(String::as_str);
    let asked = |name: &&str| match subject_name(&expect.subject) {
        Some(asked) => *name == asked,
        None => !name.contains('/'),
    };
    let (mut ended, mut hangs) = (0, 0);
    for name in all.filter(asked) {
        let seen = running.series_in(Some(name), &gate.during);
        let longest = seen.iter().filter_map(|p| p.tally.response.max()).max();
        // Of a journey that never ended nobody knows how long it takes.
        let Some(longest) = longest else { continue };
        let age = limit_us.max(2 * longest).max(LATELY.as_micros() as u64);
        for point in &seen {
            let tally = &point.tally;
            ended += tally.finished();
            if bounds(running, point).1.saturating_add(age) <= record.last_us {
                let out = tally.finished() + tally.cancelled;
                hangs += tally.started.saturating_sub(out);
            }
        }
    }
    (hangs as f64 > allowed * (ended + hangs) as f64).then(|| {
        format!(
            "`{expect}`: {hangs} of {} have not ended, more than it leaves room for",
            ended + hangs
        )
    })
}

/// A condition that stops faults, judged: it fails by having stopped them, and by nothing else.
pub(super) fn stop(record: &Record, gate: &Gate, scenarios: &[&ScenarioRecord]) -> (Found, String) {
    let mut found = find(record, gate, scenarios, When::Final);
    let broken = record.broken.iter().find(|broken| broken.gate == gate.id);
    let played = |s: &&ScenarioRecord| matches!(s.end, Some((_, ScenarioEnd::Completed)));
    let (grade, reason) = match broken {
        Some(broken) => (
            Grade::Fail,
            format!("{}; every fault was lifted", broken.seen),
        ),
        // What could not be asked was not seen to hold.
        None if scenarios.iter().all(played) && found.judged.observed.is_none() => (
            Grade::Inconclusive,
            format!(
                "`{}` could not be told at any time: {}",
                gate.expect, found.judged.missing
            ),
        ),
        None if scenarios.iter().all(played) => (
            Grade::Pass,
            format!("`{}` was not broken while the load ran", gate.expect),
        ),
        None => (
            Grade::Inconclusive,
            "the load was not played to its end".to_owned(),
        ),
    };
    found.judged.grade = grade;
    (found, reason)
}

fn of<'r>(
    record: &'r Record,
    scenario: &'r Name,
    role: Role,
) -> impl Iterator<Item = &'r Gate> + use<'r> {
    let plan = record.run.as_ref().map(|run| &run.plan);
    let plan = plan.and_then(|plan| plan.scenario(scenario.as_str()));
    plan.into_iter()
        .flat_map(|plan| &plan.gates)
        .filter(move |gate| gate.role == role)
}

fn figure(record: &Record, running: &ScenarioRecord, expect: &GateExpr) -> Option<f64> {
    latest(record, expect, LATELY, running)
}

/// ``p95(checkout) > 300ms`: saw 412 ms over the last 5s``.
fn seen(expect: &GateExpr, figure: f64) -> String {
    let last = crate::units::format_duration(LATELY);
    let saw = show(figure, &expect.unit());
    format!("`{expect}`: saw {saw} over the last {last}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::LoadTick;
    use crate::plan::gate::Class;
    use crate::record::testing::{Stream, gate, name, plan, tick, tick_of};
    use crate::verdict::{GateResult, evaluate};

    fn so(stream: &Record, expect: &str) -> Option<String> {
        lately(stream, &name("peak"), &expect.parse().unwrap())
    }

    #[test]
    fn the_last_seconds_are_looked_at_and_no_earlier_ones() {
        let calm = || {
            Stream::new(plan(60, Vec::new()))
                .peak()
                .load(0..10, 0, 20_000)
        };
        assert_eq!(so(&calm().record(), "p95 > 300ms"), None);
        assert!(so(&calm().record(), "p95 < 300ms").is_some());
        let slow = |until: u32| {
            let stream = (10..until).fold(calm(), |s, second| s.tick(tick(second, 0, 400_000)));
            stream.record()
        };
        assert_eq!(so(&slow(11), "p50 > 300ms"), None);
        let seen = so(&slow(13), "p50 > 300ms").unwrap();
        assert!(seen.starts_with("`p50 > 300ms`: saw 4"), "{seen}");
        assert!(seen.ends_with("over the last 5s"), "{seen}");
        let again = (13..18).fold(calm(), |s, second| s.tick(tick(second, 0, 20_000)));
        assert_eq!(so(&again.record(), "p50 > 300ms"), None);
    }

    #[test]
    fn less_than_five_seconds_or_few_samples_say_nothing() {
        let short = Stream::new(plan(60, Vec::new()))
            .peak()
            .load(0..4, 0, 400_000);
        assert_eq!(so(&short.record(), "p50 > 300ms"), None);
        let few = Stream::new(plan(60, Vec::new())).peak();
        let few = (0..10).fold(few, |s, second| s.tick(tick_of(second, 0, 1, 0, 400_000)));
        assert_eq!(so(&few.record(), "p50 > 300ms"), None);
    }

    fn condition(expect: &str, role: Role, during: During) -> Gate {
        Gate {
            role,
            during,
            over: (role == Role::Stop).then_some(LATELY),
            class: Class::Key,
            ..gate(expect)
        }
    }

    fn judged(stream: Stream) -> GateResult {
        evaluate(&stream.done(30)).gates.remove(0)
    }

    #[test]
    fn a_stop_fails_by_what_it_stopped_and_by_nothing_else() {
        let stop = || condition("error_rate <= 50%", Role::Stop, During::All);
        let bad = || {
            let stream = Stream::new(plan(30, vec![stop()])).peak();
            let stream = stream.load(0..10, 0, 20_000);
            (10..20).fold(stream, |s, second| {
                s.tick(tick_of(second, 0, 10, 90, 20_000))
            })
        };
        let (id, seen) = stopped(&bad().record(), &name("peak")).unwrap();
        assert_eq!(id, stop().id);
        assert!(seen.contains("saw 90 %"), "{seen}");
        assert_eq!(judged(bad()).grade, Grade::Pass);
        let broken = bad().event(crate::event::Event::ConditionBroken {
            scenario: name("peak"),
            gate: id,
            seen: seen.clone(),
        });
        let result = judged(broken);
        assert_eq!(result.grade, Grade::Fail);
        assert!(result.reason.starts_with(&seen), "{}", result.reason);
        let cut = bad().ended(20, ScenarioEnd::Cancelled).record();
        assert_eq!(evaluate(&cut).gates[0].grade, Grade::Inconclusive);
        let calm = Stream::new(plan(30, vec![stop()])).peak();
        let calm = calm.load(0..10, 0, 20_000).record();
        assert_eq!(stopped(&calm, &name("peak")), None);
    }

    #[test]
    fn a_stop_that_nobody_could_ask_is_not_passed() {
        let stop = condition("error_rate(browse) <= 50%", Role::Stop, During::All);
        let stream = Stream::new(plan(30, vec![stop])).peak();
        let result = judged(stream.load(0..30, 0, 20_000));
        assert_eq!(result.grade, Grade::Inconclusive, "{}", result.reason);
        assert_eq!(
            result.reason,
            "`error_rate(browse) <= 50%` could not be told at any time: there was no load to judge"
        );
    }

    #[test]
    fn what_hangs_is_not_steady() {
        let before = || During::Before(crate::record::testing::FAULT.into());
        // From second 5 on nothing that was sent ends.
        let of = |expect: &str, now: f64| {
            let steady = condition(expect, Role::Steady, before());
            let stream = Stream::new(plan(30, vec![steady])).peak();
            let stream = (5..10).fold(stream.load(0..5, 0, 20_000), |s, second| {
                s.tick(LoadTick {
                    planned: 100,
                    started: 100,
                    ..tick_of(second, 0, 0, 0, 20_000)
                })
            });
            let record = stream.at(now).health(100, 0.3).record();
            unsteady(&record, &name("peak"))
        };
        // What began within the last five seconds may still be on its way.
        assert_eq!(of("error_rate < 1%", 10.5), None);
        let (_, why) = of("error_rate < 1%", 12.0).unwrap();
        assert_eq!(
            why,
            "`error_rate < 1%`: 200 of 700 have not ended, more than it leaves room for"
        );
        assert!(of("p95 < 100ms", 12.0).is_some());
        assert_eq!(of("p95 < 8s", 12.0), None);
        assert_eq!(of("error_rate < 50%", 12.0), None);
    }

    #[test]
    fn what_is_not_shown_to_be_steady_is_not() {
        let before = During::Before(crate::record::testing::FAULT.into());
        let steady = condition("p95 < 100ms", Role::Steady, before);
        let of = |us: u64, seconds: u32| {
            let stream = Stream::new(plan(30, vec![steady.clone()])).peak();
            unsteady(&stream.load(0..seconds, 0, us).record(), &name("peak"))
        };
        assert_eq!(of(20_000, 5), None);
        let (_, why) = of(200_000, 5).unwrap();
        assert!(why.contains("saw 20"), "{why}");
        let (_, why) = of(200_000, 0).unwrap();
        assert!(why.contains("there was no load"), "{why}");
    }
}
