//! The checks every run is judged by, gates or not: that it came to its end, that the target came up and stayed up,
//! that the walks passed. Contracts have a file of their own.

use super::{CheckResult, Grade};
use crate::event::{Outcome, RunEnd, ScenarioEnd};
use crate::name::Name;
use crate::plan::fault::told;
use crate::plan::{Plan, ScenarioPlan};
use crate::record::{JourneyRecord, Record};
use std::collections::BTreeSet;

pub(super) fn result(
    grade: Grade,
    total: u64,
    failed: u64,
    reason: impl Into<String>,
) -> CheckResult {
    CheckResult {
        grade,
        total,
        failed,
        reason: reason.into(),
    }
}

/// `1 walk`, `2 walks`.
pub(super) fn count(n: u64, thing: &str) -> String {
    if n == 1 {
        format!("1 {thing}")
    } else {
        format!("{n} {thing}s")
    }
}

/// What planned work that never happened is worth: it was cut off, or it should have happened.
pub(super) fn missing(record: &Record) -> Grade {
    let cut = record.cancelled || record.end != Some(RunEnd::Completed);
    if cut {
        Grade::Inconclusive
    } else {
        Grade::Fail
    }
}

/// Whether the run came to its end with nothing lost.
pub(super) fn run(record: &Record) -> CheckResult {
    let (grade, reason) = match record.end {
        _ if record.lost() > 0 => (
            Grade::Invalid,
            format!(
                "{} of the run's events are missing from its record",
                record.lost()
            ),
        ),
        Some(RunEnd::Broken) => (
            Grade::Invalid,
            "the harness itself failed; see the notices".to_owned(),
        ),
        Some(RunEnd::Cancelled) => (Grade::Inconclusive, "the run was cancelled".to_owned()),
        _ if record.cancelled => (Grade::Inconclusive, "the run was cancelled".to_owned()),
        None => (
            Grade::Inconclusive,
            "the record ends before the run does".to_owned(),
        ),
        Some(RunEnd::TargetFailed) => (Grade::Pass, "the run ended with the target".to_owned()),
        Some(RunEnd::Completed) => undone(record)
            .unwrap_or_else(|| (Grade::Pass, "everything planned was done".to_owned())),
    };
    result(grade, 1, u64::from(grade != Grade::Pass), reason)
}

/// What a run that came to its end left undone: a scenario that was never played, a fault that was not applied, not
/// lifted or touched nothing. Gates can't tell: those of a scenario may not name its faults, and it may have none. What
/// became of a cell of a matrix is for the matrix to say.
fn undone(record: &Record) -> Option<(Grade, String)> {
    let plan = &record.run.as_ref()?.plan;
    let cells = plan.matrix.iter().flat_map(|matrix| &matrix.cells);
    let cells: BTreeSet<&Name> = cells.map(|cell| &cell.scenario).collect();
    let own = |scenario: &&ScenarioPlan| !cells.contains(&scenario.name);
    let unplayed = |name: &Name| {
        record
            .scenario(name.as_str())
            .is_none_or(|s| s.end.is_none())
    };
    let mut scenarios = plan.scenarios.iter().filter(own);
    if let Some(scenario) = scenarios.find(|s| unplayed(&s.name)) {
        let name = &scenario.name;
        return Some((
            Grade::Fail,
            format!("scenario `{name}` was not played; see the notices"),
        ));
    }
    let of_journeys = record.faults.iter().filter(|f| f.scenario.is_none());
    if let Some((name, why)) = of_journeys
        .filter_map(|f| Some((&f.name, f.failed.as_ref()?)))
        .next()
    {
        let reason = format!("fault `{name}` of a journey failed: {why}");
        return Some((Grade::Invalid, reason));
    }
    let mut scenarios = plan.scenarios.iter().filter(own);
    scenarios.find_map(|scenario| undone_in(record, scenario))
}

/// What a scenario that was played left undone.
fn undone_in(record: &Record, scenario: &ScenarioPlan) -> Option<(Grade, String)> {
    let end = record.scenario(scenario.name.as_str())?.end.as_ref()?;
    if end.1 == ScenarioEnd::Unsteady {
        let reason = format!(
            "`{}` was not steady before its first fault, and none was applied",
            scenario.name
        );
        return Some((Grade::Inconclusive, reason));
    }
    if end.1 != ScenarioEnd::Completed {
        return None;
    }
    scenario.faults.iter().find_map(|planned| {
        let fault = record
            .faults_of(&scenario.name)
            .find(|fault| fault.name == planned.name && fault.turn == planned.turn);
        let why = match fault {
            // It waited for something that did not come about, or came too late: its gates say so.
            None if planned.when.is_some() => return None,
            // They were lifted, and none was applied any more: the condition says so.
            None if record.broken.iter().any(|b| b.scenario == scenario.name) => return None,
            None => "was never applied".to_owned(),
            Some(fault) if fault.failed.is_some() => {
                format!("failed: {}", fault.failed.as_deref().unwrap_or_default())
            }
            Some(fault) if fault.effective_us.is_none() => {
                "touched nothing while it lasted".to_owned()
            }
            Some(_) => return None,
        };
        let told = told(&planned.name, planned.turn);
        let reason = format!("{told} of `{}` {why}", scenario.name);
        Some((Grade::Invalid, reason))
    })
}

/// Whether the target came up and stayed up.
pub(super) fn target(record: &Record) -> CheckResult {
    let target = &record.target;
    let services = record
        .run
        .as_ref()
        .map_or(0, |run| run.plan.target.services.len())
        .max(1) as u64;
    if let Some((service, reason, _)) = &target.failed {
        let who = service
            .as_ref()
            .map_or_else(|| "the target".to_owned(), |s| format!("`{s}`"));
        return result(
            Grade::Fail,
            services,
            1,
            format!("{who} {}: {reason}", target.failing()),
        );
    }
    if let Some((_, service, status, _)) = target.died.first() {
        let died = target.died.len() as u64;
        let more = if died > 1 {
            format!(", and {} more", count(died - 1, "death"))
        } else {
            String::new()
        };
        return result(
            Grade::Fail,
            services,
            died,
            format!("`{service}` died during the run ({status}){more}"),
        );
    }
    match target.ready_us {
        Some(_) => result(Grade::Pass, services, 0, "the target came up and stayed up"),
        None => result(missing(record), 0, 0, "the target never got ready"),
    }
}

/// Walks the plan asks for: one for each row of each journey.
fn planned_walks(plan: &Plan) -> impl Iterator<Item = (&Name, u32)> {
    plan.walks.iter().flat_map(|name| {
        let rows = plan.journey(name.as_str()).map_or(1, |j| j.walks());
        (0..rows).map(move |row| (name, row))
    })
}

/// Whether every planned walk passed.
pub(super) fn journeys(record: &Record) -> CheckResult {
    let Some(run) = &record.run else {
        return result(Grade::Inconclusive, 0, 0, "the run has not begun");
    };
    let planned: Vec<_> = planned_walks(&run.plan).collect();
    let total = planned.len().max(record.journeys.len()) as u64;
    let is = |wanted: Outcome| move |walk: &&JourneyRecord| walk.outcome == Some(wanted);
    let failed: Vec<_> = record.journeys.iter().filter(is(Outcome::Failed)).collect();
    if let Some(first) = failed.first() {
        let n = failed.len() as u64;
        let step = first.steps.iter().find(|s| s.passed == Some(false));
        let at = step.map_or_else(String::new, |s| format!(" at `{}`", s.step));
        let broken = step.and_then(|s| s.failures.first());
        let why = broken.map_or_else(String::new, |b| {
            format!(": expected {}, was {}", b.expected, b.actual)
        });
        let reason = format!(
            "{n} of {} failed; `{}` first{at}{why}",
            count(total, "walk"),
            first.journey
        );
        return result(Grade::Fail, total, n, reason);
    }
    let settled = |(name, row): &(&Name, u32)| {
        let ended =
            |w: &JourneyRecord| matches!(w.outcome, Some(Outcome::Passed | Outcome::Failed));
        record
            .journeys
            .iter()
            .any(|w| w.journey == **name && w.row == *row && ended(w))
    };
    let open: Vec<_> = planned.iter().filter(|walk| !settled(walk)).collect();
    match open.first() {
        Some((name, _)) => {
            let reason = format!(
                "{} of {} did not come to an end; `{name}` first",
                open.len(),
                count(total, "walk")
            );
            result(missing(record), record.journeys.len() as u64, 0, reason)
        }
        None if total == 0 => result(Grade::Pass, 0, 0, "no journey was planned"),
        None => result(
            Grade::Pass,
            total,
            0,
            format!("{} passed", count(total, "walk")),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::plan::ContractPlan;
    use crate::record::testing::{Stream, name, plan};

    fn with(events: impl IntoIterator<Item = Event>, end: RunEnd) -> Record {
        let mut plan = plan(10, Vec::new());
        plan.scenarios.clear();
        plan.contracts.push(ContractPlan {
            name: name("orders"),
            document: "orders.yaml".into(),
            text: "".into(),
            base: crate::template::Text::default(),
            headers: Vec::new(),
            repeat: false,
            accept: Vec::new(),
        });
        let stream = events.into_iter().fold(Stream::bare(plan), Stream::event);
        stream.event(Event::RunFinished { end }).record()
    }

    fn ready() -> Event {
        Event::TargetReady {
            entry: "http://127.0.0.1".into(),
        }
    }

    #[test]
    fn the_run_must_come_to_its_end() {
        assert_eq!(run(&with([], RunEnd::Completed)).grade, Grade::Pass);
        assert_eq!(run(&with([], RunEnd::Cancelled)).grade, Grade::Inconclusive);
        assert_eq!(
            run(&with([Event::CancelRequested], RunEnd::Completed)).grade,
            Grade::Inconclusive
        );
        assert_eq!(run(&with([], RunEnd::Broken)).grade, Grade::Invalid);
        assert_eq!(
            run(&Stream::new(plan(10, Vec::new())).record()).grade,
            Grade::Inconclusive
        );
        let mut events = Stream::new(plan(10, Vec::new()))
            .event(Event::RunFinished {
                end: RunEnd::Completed,
            })
            .events();
        events.remove(1);
        assert_eq!(
            run(&crate::record::fold(events).unwrap()).grade,
            Grade::Invalid
        );
    }

    #[test]
    fn everything_planned_must_be_done() {
        let finished = Event::RunFinished {
            end: RunEnd::Completed,
        };
        let unplayed = Stream::new(plan(10, Vec::new()))
            .event(finished.clone())
            .record();
        assert_eq!(run(&unplayed).grade, Grade::Fail);
        assert!(run(&unplayed).reason.contains("`peak` was not played"));

        let loaded = || {
            Stream::new(plan(30, Vec::new()))
                .peak()
                .load(0..30, 0, 5000)
        };
        let unapplied = loaded()
            .ended(30, ScenarioEnd::Completed)
            .event(finished)
            .record();
        assert_eq!(run(&unapplied).grade, Grade::Invalid);
        assert!(run(&unapplied).reason.contains("was never applied"));

        let fault = unapplied.run.as_ref().unwrap().plan.scenarios[0].faults[0]
            .name
            .clone();
        let armed = Event::FaultArmed {
            fault,
            scenario: Some(name("peak")),
            what: String::new(),
            turn: 1,
        };
        let idle = run(&loaded().event(armed).done(30));
        assert!(
            idle.grade == Grade::Invalid && idle.reason.contains("touched nothing"),
            "{idle:?}"
        );
        assert_eq!(run(&loaded().fault().done(30)).grade, Grade::Pass);

        let left = run(&loaded()
            .fault()
            .event(Event::FaultFailed {
                fault: "it dies".into(),
                scenario: None,
                reason: "orders: it was not ready within 5 s".into(),
                turn: 1,
            })
            .done(30));
        assert_eq!(left.grade, Grade::Invalid);
        assert!(
            left.reason
                .contains("`it dies` of a journey failed: orders"),
            "{left:?}"
        );
    }

    #[test]
    fn the_target_must_come_up_and_stay_up() {
        let died = Event::ServiceDied {
            service: "orders".into(),
            status: "signal 9".into(),
            output: Vec::new(),
        };
        let failed = Event::TargetFailed {
            service: Some("orders".into()),
            reason: "not ready within 20 s".into(),
            output: Vec::new(),
        };
        assert_eq!(
            target(&with([ready()], RunEnd::Completed)).grade,
            Grade::Pass
        );
        assert_eq!(
            target(&with([ready(), died], RunEnd::Completed)).grade,
            Grade::Fail
        );
        let lost = target(&with([ready(), failed.clone()], RunEnd::Completed));
        assert_eq!(
            (lost.grade, lost.reason.as_str()),
            (Grade::Fail, "`orders` was lost: not ready within 20 s")
        );
        let failed = target(&with([failed], RunEnd::TargetFailed));
        assert_eq!(
            (failed.grade, failed.reason.as_str()),
            (
                Grade::Fail,
                "`orders` did not come up: not ready within 20 s"
            )
        );
        assert_eq!(target(&with([], RunEnd::Completed)).grade, Grade::Fail);
        assert_eq!(
            target(&with([], RunEnd::Cancelled)).grade,
            Grade::Inconclusive
        );
    }

    #[test]
    fn every_planned_walk_must_pass() {
        let grade = |outcome: Option<Outcome>, end: RunEnd| {
            let stream = Stream::bare(plan(10, Vec::new()));
            let stream = outcome
                .into_iter()
                .fold(stream, |s, outcome| s.walk("checkout", outcome));
            journeys(&stream.event(Event::RunFinished { end }).record()).grade
        };
        assert_eq!(grade(Some(Outcome::Passed), RunEnd::Completed), Grade::Pass);
        assert_eq!(grade(Some(Outcome::Failed), RunEnd::Cancelled), Grade::Fail);
        assert_eq!(grade(None, RunEnd::Completed), Grade::Fail);
        assert_eq!(grade(None, RunEnd::Cancelled), Grade::Inconclusive);
        assert_eq!(
            grade(Some(Outcome::Cancelled), RunEnd::Cancelled),
            Grade::Inconclusive
        );
        assert_eq!(grade(None, RunEnd::TargetFailed), Grade::Inconclusive);
    }
}
