//! When arrivals are intended: the stages of an arrival rate turned into times, in closed form. Pure; knows neither a
//! clock nor what arrives.
//!
//! An arrival is intended when the integral of the rate reaches what is due. Evenly spaced, arrival `k` is due at
//! `k + ½`: so at any moment the number of arrivals so far differs from the integral by at most a half, in total as in
//! every part, and a constant rate starts half a gap after its stage does. (Starting at the whole numbers would put an
//! arrival at zero, before any rate has acted, and would leave the last arrival of a whole-numbered total to the rounding
//! of the last bit.) As a Poisson process, arrivals are due at the running sums of unit exponentials: by the
//! time-rescaling theorem (Çinlar, Introduction to Stochastic Processes, 1975, 4.7; Daley and Vere-Jones, An Introduction
//! to the Theory of Point Processes, 2003, 7.4.I) the times at which the integral reaches those are a Poisson process of
//! exactly that rate.

mod streams;

pub use streams::{Arrival, Arrivals, Streams};

use harness_core::plan::load::{Spacing, Stage};
use harness_core::random::Draws;
use std::time::Duration;

/// Keeps the gaps of a Poisson process apart from other draws under the same seed.
const PURPOSE: u64 = 0x0070_6f69_7373_6f6e;

/// One stream of arrivals, ready to be played by any number of workers.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    segments: Vec<Segment>,
    spacing: Spacing,
    seed: u64,
    /// Which of the streams that are played side by side it is.
    stream: u64,
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
    /// The schedule of these stages, one after another, as a stream of several under a seed; only Poisson arrivals are
    /// drawn from it.
    pub fn new(stages: &[Stage], spacing: Spacing, seed: u64, stream: u64) -> Self {
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
            spacing,
            seed,
            stream,
        }
    }

    /// The times of one worker of several: those of the arrivals whose number is `worker` modulo `workers`. All workers
    /// together play each arrival exactly once. Allocates nothing.
    ///
    /// A Poisson arrival lies after all before it, so each worker draws the gaps of the others' too, and turns only those
    /// of its own into times: see decision 0013 for what that costs.
    pub fn shard(&self, worker: usize, workers: usize) -> Times<'_> {
        Times {
            schedule: self,
            segment: 0,
            dues: match self.spacing {
                Spacing::Even => Dues::Even,
                Spacing::Poisson => Dues::Poisson {
                    draws: Box::new(Draws::at(self.seed, &[PURPOSE, self.stream])),
                    drawn: 0,
                    due: 0.0,
                },
            },
            next: worker as u64,
            step: workers.max(1) as u64,
        }
    }
}

/// What the integral must have reached for each arrival, in order.
#[derive(Debug, Clone)]
enum Dues {
    Even,
    Poisson {
        draws: Box<Draws>,
        /// How many arrivals were drawn.
        drawn: u64,
        /// When the last of them is due.
        due: f64,
    },
}

impl Dues {
    /// That of an arrival; numbers must rise from call to call.
    fn of(&mut self, number: u64) -> f64 {
        match self {
            Self::Even => number as f64 + 0.5,
            Self::Poisson { draws, drawn, due } => {
                while *drawn <= number {
                    // A unit exponential by inversion; `unit` is below 1, so it is finite.
                    *due -= (1.0 - draws.unit()).ln();
                    *drawn += 1;
                }
                *due
            }
        }
    }
}

/// Times of a stream's arrivals in order, each with its number in the stream, from 0.
#[derive(Debug, Clone)]
pub struct Times<'s> {
    schedule: &'s Schedule,
    segment: usize,
    dues: Dues,
    next: u64,
    step: u64,
}

impl Iterator for Times<'_> {
    type Item = (u64, Duration);

    fn next(&mut self) -> Option<(u64, Duration)> {
        let segments = &self.schedule.segments;
        let (number, due) = (self.next, self.dues.of(self.next));
        while segments.get(self.segment)?.after <= due {
            self.segment += 1;
        }
        self.next += self.step;
        Some((number, segments.get(self.segment)?.when(due)))
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
mod tests;
