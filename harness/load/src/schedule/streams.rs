//! Several streams of arrivals played side by side, in one order of time. Pure; knows neither a clock nor a journey.

use super::{Schedule, Times};
use harness_core::plan::load::OpenPlan;
use std::time::Duration;

/// The schedules of an open model.
#[derive(Debug, Clone, PartialEq)]
pub struct Streams(Vec<Schedule>);

/// An arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Its number, which no other arrival of the load has: the same for any number of workers. With one stream it counts
    /// the arrivals from 0; with more, the numbers of each stream rise but some are left out.
    pub number: u64,
    /// Its stream, by index.
    pub stream: usize,
    /// Its number in its stream, from 0.
    pub index: u64,
    /// When it is intended, from the load's start.
    pub at: Duration,
}

impl Streams {
    /// The streams of a plan; Poisson arrivals are drawn from the seed.
    pub fn new(plan: &OpenPlan, seed: u64) -> Self {
        let streams = plan.streams.iter().zip(0..);
        let schedules = streams
            .map(|(stream, number)| Schedule::new(&stream.stages, plan.spacing, seed, number));
        Self(schedules.collect())
    }

    /// The arrivals of one worker of several. All workers together play each exactly once. Streams begin at different
    /// workers, so that many slow ones don't all fall to the first.
    pub fn shard(&self, worker: usize, workers: usize) -> Arrivals<'_> {
        let workers = workers.max(1);
        let times = self.0.iter().enumerate().map(|(stream, schedule)| {
            let first = (worker + workers - stream % workers) % workers;
            let mut times = schedule.shard(first, workers);
            (times.next(), times)
        });
        Arrivals {
            streams: times.collect(),
        }
    }
}

/// Arrivals in order of time; of one time, in the order of their streams.
#[derive(Debug, Clone)]
pub struct Arrivals<'s> {
    /// Each stream's next time, and what follows it. Few, so the first is found by looking at each.
    streams: Vec<(Option<(u64, Duration)>, Times<'s>)>,
}

impl Iterator for Arrivals<'_> {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        let heads = self.streams.iter().enumerate();
        let due = heads.filter_map(|(stream, (head, _))| head.map(|(_, at)| (at, stream)));
        let (at, stream) = due.min()?;
        let of = self.streams.len() as u64;
        let (head, rest) = self.streams.get_mut(stream)?;
        let (index, _) = std::mem::replace(head, rest.next())?;
        Some(Arrival {
            number: index.saturating_mul(of).saturating_add(stream as u64),
            stream,
            index,
            at,
        })
    }
}
