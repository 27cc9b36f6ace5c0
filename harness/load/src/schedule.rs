//! When arrivals are intended: the stages of an arrival rate turned into times, in closed form. Pure; knows neither a
//! clock nor what arrives.
//!
//! Arrival `k` is intended when the integral of the rate reaches `k + ½`. So at any moment the number of arrivals so
//! far differs from the integral by at most a half, in total as in every part, and a constant rate starts half a gap
//! after its stage does. (Starting at the whole numbers would put an arrival at zero, before any rate has acted, and
//! would leave the last arrival of a whole-numbered total to the rounding of the last bit.)

use harness_core::plan::load::Stage;
use std::time::Duration;

/// A whole schedule, ready to be played by any number of workers.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    segments: Vec<Segment>,
    total: f64,
}

/// A stage with what went before it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Segment {
    start: Duration,
    lasts: Duration,
    from: f64,
    to: f64,
    /// The integral at its start.
    before: f64,
    /// The integral at its end.
    after: f64,
}

impl Schedule {
    /// The schedule of these stages, one after another.
    pub fn new(stages: &[Stage]) -> Self {
        let (mut start, mut before) = (Duration::ZERO, 0.0);
        let mut segments = Vec::with_capacity(stages.len());
        for stage in stages {
            let (from, to, lasts) = (stage.from.get(), stage.to.get(), stage.lasts);
            let after = before + f64::midpoint(from, to) * lasts.as_secs_f64();
            segments.push(Segment {
                start,
                lasts,
                from,
                to,
                before,
                after,
            });
            (start, before) = (start.saturating_add(lasts), after);
        }
        Self {
            segments,
            total: before,
        }
    }

    /// How many arrivals there are in all: the integral of the rate, rounded (a half goes down).
    pub fn count(&self) -> u64 {
        (self.total - 0.5).ceil().max(0.0) as u64
    }

    /// The arrivals of one worker of several: those whose number is `worker` modulo `workers`. All workers together
    /// play each arrival exactly once. Allocates nothing.
    pub fn shard(&self, worker: usize, workers: usize) -> Arrivals<'_> {
        Arrivals {
            schedule: self,
            segment: 0,
            next: worker as u64,
            step: workers.max(1) as u64,
            count: self.count(),
        }
    }
}

/// An arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Its number in the whole schedule, from 0.
    pub number: u64,
    /// When it is intended, from the schedule's start.
    pub at: Duration,
}

/// Arrivals in order of time.
#[derive(Debug, Clone)]
pub struct Arrivals<'s> {
    schedule: &'s Schedule,
    segment: usize,
    next: u64,
    step: u64,
    count: u64,
}

impl Iterator for Arrivals<'_> {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        if self.next >= self.count {
            return None;
        }
        let due = self.next as f64 + 0.5;
        while self
            .schedule
            .segments
            .get(self.segment)
            .is_some_and(|segment| segment.after <= due)
        {
            self.segment += 1;
        }
        let arrival = Arrival {
            number: self.next,
            at: self.schedule.segments.get(self.segment)?.when(due),
        };
        self.next += self.step;
        Some(arrival)
    }
}

impl Segment {
    /// When the integral reaches `due`, which lies inside this segment.
    fn when(&self, due: f64) -> Duration {
        let wanted = due - self.before;
        let length = self.lasts.as_secs_f64();
        let slope = (self.to - self.from) / length;
        // The root of from·t + slope·t²/2 = wanted, in the form that loses no digits when the slope is small or zero.
        let root = (self.from * self.from + 2.0 * slope * wanted)
            .max(0.0)
            .sqrt();
        let seconds = (2.0 * wanted / (self.from + root)).clamp(0.0, length);
        let inside = self.lasts.saturating_sub(Duration::from_nanos(1));
        self.start + Duration::from_secs_f64(seconds).min(inside)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_core::units::Rate;
    use proptest::prelude::*;

    fn stage(from: f64, to: f64, millis: u64) -> Stage {
        let rate = |r| Rate::per_second(r).unwrap();
        Stage {
            from: rate(from),
            to: rate(to),
            lasts: Duration::from_millis(millis),
        }
    }

    fn integral(stages: &[Stage], until: Duration) -> f64 {
        let (mut sum, mut start) = (0.0, Duration::ZERO);
        for s in stages {
            let part = until.saturating_sub(start).min(s.lasts).as_secs_f64();
            let slope = if s.lasts.is_zero() {
                0.0
            } else {
                (s.to.get() - s.from.get()) / s.lasts.as_secs_f64()
            };
            sum += s.from.get() * part + slope * part * part / 2.0;
            start += s.lasts;
        }
        sum
    }

    #[test]
    fn a_constant_rate_is_evenly_spaced() {
        let schedule = Schedule::new(&[stage(500.0, 500.0, 60_000)]);
        let times: Vec<_> = schedule.shard(0, 1).map(|a| a.at).collect();
        assert_eq!(times.len(), 30_000);
        assert_eq!(times[0], Duration::from_millis(1));
        assert!(
            times.windows(2).all(
                |w| (w[1] - w[0]).abs_diff(Duration::from_millis(2)) <= Duration::from_nanos(2)
            )
        );
    }

    #[test]
    fn a_ramp_from_zero_follows_the_square_root() {
        let schedule = Schedule::new(&[stage(0.0, 100.0, 10_000)]);
        // 5 t² = k + ½.
        for arrival in schedule.shard(0, 1) {
            let expected = ((arrival.number as f64 + 0.5) / 5.0).sqrt();
            assert!(
                (arrival.at.as_secs_f64() - expected).abs() < 1e-8,
                "{arrival:?}"
            );
        }
        assert_eq!(schedule.count(), 500);
    }

    #[test]
    fn nothing_arrives_at_rate_zero() {
        let schedule = Schedule::new(&[
            stage(0.0, 0.0, 1000),
            stage(10.0, 10.0, 1000),
            stage(0.0, 0.0, 1000),
        ]);
        let second = Duration::from_secs(1);
        assert_eq!(schedule.count(), 10);
        assert!(
            schedule
                .shard(0, 1)
                .all(|a| a.at >= second && a.at < 2 * second)
        );
        assert_eq!(
            Schedule::new(&[stage(0.0, 0.0, 1000)]).shard(0, 1).count(),
            0
        );
        assert_eq!(Schedule::new(&[]).count(), 0);
    }

    fn stages() -> impl Strategy<Value = Vec<Stage>> {
        let rate = prop_oneof![Just(0.0), 0.0f64..5.0, 0.0f64..3000.0];
        let one = (rate.clone(), rate, 0u64..4000, any::<bool>())
            .prop_map(|(from, to, millis, flat)| stage(from, if flat { from } else { to }, millis));
        prop::collection::vec(one, 0..6)
    }

    proptest! {
        #[test]
        fn the_count_is_the_integral(stages in stages()) {
            let schedule = Schedule::new(&stages);
            let arrivals: Vec<_> = schedule.shard(0, 1).collect();
            let end: Duration = stages.iter().map(|s| s.lasts).sum();
            let whole = integral(&stages, end);
            prop_assert_eq!(arrivals.len() as u64, schedule.count());
            prop_assert!((arrivals.len() as f64 - whole).abs() <= 0.5 + 1e-6, "{} arrivals for {}", arrivals.len(), whole);
            prop_assert!(arrivals.windows(2).all(|w| w[0].at <= w[1].at && w[0].number + 1 == w[1].number));
            prop_assert!(arrivals.iter().all(|a| a.at < end));
            // At each arrival the integral stands where it should, so no part of the schedule has more or fewer either.
            for arrival in arrivals.iter().step_by(37) {
                let here = integral(&stages, arrival.at);
                prop_assert!((here - (arrival.number as f64 + 0.5)).abs() < 1e-3, "{:?} at {}", arrival, here);
            }
        }

        #[test]
        fn shards_together_are_the_whole(stages in stages(), workers in 1usize..9) {
            let schedule = Schedule::new(&stages);
            let mut together: Vec<_> = (0..workers).flat_map(|w| schedule.shard(w, workers)).collect();
            together.sort_by_key(|a| a.number);
            prop_assert_eq!(together, schedule.shard(0, 1).collect::<Vec<_>>());
        }
    }
}
