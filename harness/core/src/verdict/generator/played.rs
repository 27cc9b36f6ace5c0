//! Whether the load was played to its end, and all of it recorded. What began and how late is judged elsewhere.

use crate::event::ScenarioEnd;
use crate::plan::load::{ClosedPlan, Engine, LoadPlan, Model};
use crate::record::{Record, ScenarioRecord, Tally};
use crate::verdict::Trust;
use crate::verdict::limits::SHORTFALL;
use std::time::Duration;

/// What was recorded of something that the plan lets one expect.
struct Expected {
    recorded: u64,
    planned: f64,
    /// How far below that the recorded may lie without anything being missing.
    slack: f64,
    what: &'static str,
}

/// Why the load was not the one planned, if nothing but the engine or the record can be why.
pub(super) fn played(
    record: &Record,
    scenario: &ScenarioRecord,
    load: &Tally,
) -> Option<(Trust, String)> {
    let end = scenario.end.map(|(_, end)| end)?;
    if end == ScenarioEnd::Broken {
        return Some((Trust::Invalid, "the load could not be made".to_owned()));
    }
    let plan = &record
        .run
        .as_ref()?
        .plan
        .scenario(scenario.name.as_str())?
        .load;
    let Expected {
        recorded,
        planned,
        slack,
        what,
    } = match (plan.planned(), &plan.model) {
        // The engine counts each walk as it comes due, and those of a number of iterations that nobody had time for too.
        (Some(planned), _) => Expected {
            // What was not begun for want of data was recorded all the same.
            recorded: load.planned + load.no_data,
            planned,
            slack: plan.slack(),
            what: "journeys",
        },
        (None, Model::Closed(closed)) => users(plan, closed, load)?,
        (None, Model::Open(_) | Model::Search(_)) => return None,
    };
    let missing = recorded as f64 + slack < planned * (1.0 - SHORTFALL);
    (end == ScenarioEnd::Completed && missing).then(|| {
        let words =
            format!("{recorded} of {planned:.0} planned {what} were recorded; figures are missing");
        (Trust::Invalid, words)
    })
}

/// How many walks there are depends on the target; how many users, on the plan alone. They are counted in the middle
/// of each second, when they may differ from the line by a half. Goose counts its users itself and tells nobody.
fn users(plan: &LoadPlan, closed: &ClosedPlan, load: &Tally) -> Option<Expected> {
    // Whoever finds no row left leaves before the time.
    if closed.engine == Engine::Goose || load.no_data > 0 {
        return None;
    }
    let lasts = plan.duration();
    let middles = (0..).map(|second| Duration::from_millis(500 + 1000 * second));
    let there = middles
        .take_while(|at| *at < lasts)
        .map(|at| closed.users_at(at));
    let planned: f64 = there.sum();
    // A count that came late may be that of another stage.
    let jump = f64::from(plan.users().unwrap_or(0));
    Some(Expected {
        recorded: load.users,
        planned,
        slack: lasts.as_secs_f64() / 2.0 + jump,
        what: "user-seconds",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::LoadTick;
    use crate::plan::load::{Cookies, Iterations, OpenPlan, Spacing, Stage, UserStage};
    use crate::record::testing::{Stream, plan, tick};
    use crate::units::Rate;
    use std::num::NonZeroU64;

    /// The verdict on 20 s of a model in which each second's tick is changed, or left out.
    fn verdict(model: Model, change: impl Fn(LoadTick) -> Option<LoadTick>) -> Option<String> {
        let mut plan = plan(20, Vec::new());
        plan.scenarios[0].load.model = model;
        let ticks = (0..20).filter_map(|second| change(tick(second, 0, 1000)));
        let stream = ticks.fold(Stream::new(plan).peak(), Stream::tick);
        let record = stream.ended(20, ScenarioEnd::Completed).record();
        let scenario = &record.scenarios[0];
        let load = scenario.select(None, &crate::plan::gate::During::All);
        played(&record, scenario, &load).map(|(trust, why)| {
            assert_eq!(trust, Trust::Invalid);
            why
        })
    }

    fn open(spacing: Spacing, per_second: f64) -> Model {
        let rate = Rate::per_second(per_second).unwrap();
        let stage = Stage {
            from: rate,
            to: rate,
            lasts: Duration::from_secs(20),
        };
        Model::Open(OpenPlan {
            spacing,
            ..OpenPlan::of(vec![stage])
        })
    }

    fn closed(from: u32, to: u32, iterations: Option<Iterations>) -> Model {
        let lasts = Duration::from_secs(20);
        Model::Closed(ClosedPlan {
            users: vec![UserStage { from, to, lasts }],
            iterations,
            pacing: Duration::ZERO,
            cookies: Cookies::User,
            engine: Engine::Native,
        })
    }

    #[test]
    fn poisson_arrivals_may_be_fewer_by_chance_but_not_by_much() {
        // 20 ticks of 100 each: 2000.
        let (even, poisson) = (Spacing::Even, Spacing::Poisson);
        assert_eq!(verdict(open(even, 101.0), Some), None);
        assert!(verdict(open(even, 110.0), Some).is_some());
        assert_eq!(verdict(open(poisson, 110.0), Some), None);
        assert!(verdict(open(poisson, 120.0), Some).is_some());
    }

    #[test]
    fn iterations_are_counted_whether_begun_or_not() {
        let shared = |n| Some(Iterations::Shared(NonZeroU64::new(n).unwrap()));
        let each = |n| Some(Iterations::PerUser(NonZeroU64::new(n).unwrap()));
        assert_eq!(verdict(closed(5, 5, shared(2000)), Some), None);
        assert_eq!(verdict(closed(5, 5, each(400)), Some), None);
        assert!(verdict(closed(5, 5, each(500)), Some).is_some());
        let why = verdict(closed(5, 5, shared(3000)), Some).unwrap();
        insta::assert_snapshot!(why, @"2000 of 3000 planned journeys were recorded; figures are missing");
    }

    #[test]
    fn users_ramp_as_planned_or_figures_are_missing() {
        let ramped = |tick: LoadTick| {
            let users = u64::from(tick.second) * 5 + 2;
            Some(LoadTick { users, ..tick })
        };
        assert_eq!(verdict(closed(0, 100, None), ramped), None);
        let half = |tick: LoadTick| ramped(tick).filter(|tick| tick.second % 2 == 0);
        assert!(verdict(closed(0, 100, None), half).is_some());
        assert!(verdict(closed(0, 100, None), Some).is_some());
    }
}
