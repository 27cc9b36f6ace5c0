//! When each user of a closed model is there: the stages of a number of users turned into visits, in closed form. Pure.
//!
//! The number goes in a straight line from stage end to stage end, and people come whole: user `k`, from 0, is there
//! while the line is above `k + ½`. So at any moment the users there differ from the line by at most a half, and never
//! are more than its highest whole number; who came last leaves first.

use harness_core::plan::load::UserStage;
use std::time::Duration;

/// A stretch of time a user is there, from the load's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Visit {
    pub(crate) from: Duration,
    pub(crate) until: Duration,
}

/// A user's visits, in order; none is empty and none touches the next.
pub(crate) fn visits(stages: &[UserStage], user: u32) -> Vec<Visit> {
    let level = f64::from(user) + 0.5;
    let mut visits: Vec<Visit> = Vec::new();
    let mut begin = Duration::ZERO;
    for stage in stages {
        let end = begin.saturating_add(stage.lasts);
        let (from, to) = (f64::from(stage.from), f64::from(stage.to));
        // Whole numbers never lie at a level, so the line is either above it or below at both ends.
        let crossing = || begin + stage.lasts.mul_f64((level - from) / (to - from));
        let visit = match (from > level, to > level) {
            (true, true) => Some((begin, end)),
            (false, true) => Some((crossing(), end)),
            (true, false) => Some((begin, crossing())),
            (false, false) => None,
        };
        begin = end;
        let Some((from, until)) = visit.filter(|(from, until)| from < until) else {
            continue;
        };
        match visits.last_mut() {
            Some(last) if last.until == from => last.until = until,
            _ => visits.push(Visit { from, until }),
        }
    }
    visits
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn stage(from: u32, to: u32, millis: u64) -> UserStage {
        UserStage {
            from,
            to,
            lasts: Duration::from_millis(millis),
        }
    }

    fn spans(stages: &[UserStage], user: u32) -> Vec<(u128, u128)> {
        let visits = visits(stages, user).into_iter();
        visits
            .map(|v| (v.from.as_millis(), v.until.as_millis()))
            .collect()
    }

    #[test]
    fn constant_users_are_there_all_the_time() {
        let stages = [stage(2, 2, 1000), stage(2, 2, 500)];
        assert_eq!(spans(&stages, 0), [(0, 1500)]);
        assert_eq!(spans(&stages, 1), [(0, 1500)]);
        assert_eq!(spans(&stages, 2), []);
    }

    #[test]
    fn who_came_last_leaves_first_and_may_come_again() {
        let stages = [
            stage(0, 4, 4000),
            stage(4, 0, 4000),
            stage(0, 0, 1000),
            stage(1, 1, 1000),
        ];
        assert_eq!(spans(&stages, 0), [(500, 7500), (9000, 10_000)]);
        assert_eq!(spans(&stages, 3), [(3500, 4500)]);
        assert_eq!(spans(&stages, 4), []);
    }

    #[test]
    fn a_stage_without_length_is_a_jump() {
        let stages = [stage(1, 1, 1000), stage(1, 3, 0), stage(3, 3, 1000)];
        assert_eq!(spans(&stages, 0), [(0, 2000)]);
        assert_eq!(spans(&stages, 2), [(1000, 2000)]);
    }

    fn stages() -> impl Strategy<Value = Vec<UserStage>> {
        let one = (0u32..40, 0u32..40, 0u64..5000, any::<bool>())
            .prop_map(|(from, to, millis, flat)| stage(from, if flat { from } else { to }, millis));
        prop::collection::vec(one, 1..6)
    }

    proptest! {
        #[test]
        fn users_follow_the_line(stages in stages(), at in 0.0f64..1.0) {
            let whole: Duration = stages.iter().map(|s| s.lasts).sum();
            let most = stages.iter().map(|s| s.from.max(s.to)).max().unwrap();
            let all: Vec<_> = (0..most).map(|user| visits(&stages, user)).collect();
            prop_assert!(visits(&stages, most).is_empty());
            for visits in &all {
                prop_assert!(visits.iter().all(|v| v.from < v.until && v.until <= whole));
                prop_assert!(visits.windows(2).all(|w| w[0].until < w[1].from));
            }
            // At a moment …
            let at = whole.mul_f64(at);
            let there = all.iter().flatten().filter(|v| v.from <= at && at < v.until).count();
            let (mut begin, mut line) = (Duration::ZERO, 0.0);
            for s in &stages {
                if (begin..begin + s.lasts).contains(&at) {
                    let part = (at - begin).as_secs_f64() / s.lasts.as_secs_f64();
                    line = f64::from(s.from) + (f64::from(s.to) - f64::from(s.from)) * part;
                }
                begin += s.lasts;
            }
            prop_assert!((there as f64 - line).abs() <= 0.5 + 1e-3, "{there} for {line}");
            // … and in all: the time users spend there is the area under the line.
            let spent: Duration = all.iter().flatten().map(|v| v.until - v.from).sum();
            let area: f64 = stages.iter().map(|s| f64::from(s.from + s.to) / 2.0 * s.lasts.as_secs_f64()).sum();
            prop_assert!((spent.as_secs_f64() - area).abs() < 1e-4, "{spent:?} for {area}");
        }
    }
}
