//! The shape of a load: when journeys start, which of them, and over what connections. Values only: how a schedule is
//! played is the load engine's.

use crate::capacity::SearchPlan;
use crate::journey::think::Think;
use crate::name::Name;
use crate::units::{self, Rate};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU64;
use std::time::Duration;

/// A scenario's load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadPlan {
    /// When journeys start.
    pub model: Model,
    /// Journeys and their weights (above zero), in order of name.
    pub mix: Vec<MixEntry>,
    /// What requests travel over.
    #[serde(default)]
    pub http: HttpPlan,
    /// Share of exchanges whose whole response is handed to the contract checks, 0 to 1.
    pub sample: f64,
    /// The first part of the load, shown and judged by no gate. Zero for none.
    #[serde(default, with = "units::duration")]
    pub warm_up: Duration,
    /// Think time after steps that have none of their own; [`Journey::thinking`](crate::journey::Journey::thinking)
    /// puts it there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub think: Option<Think>,
}

/// When journeys start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Model {
    /// When the schedule says so, whatever the target does.
    Open(OpenPlan),
    /// When a user is done with the one before.
    Closed(ClosedPlan),
    /// At one rate after another, until the highest that the target carries is found.
    Search(SearchPlan),
}

/// An open-model load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenPlan {
    /// How arrivals lie between each other.
    #[serde(default)]
    pub spacing: Spacing,
    /// Schedules played side by side. Not empty; each of the same total length, which is above zero.
    pub streams: Vec<Stream>,
}

/// How arrivals lie between each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spacing {
    /// As evenly as the rate allows.
    #[default]
    Even,
    /// As those of many independent people: exponential gaps, drawn from the run's seed.
    Poisson,
}

/// A schedule of arrivals and whose they are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stream {
    /// The one journey that arrives; `None`: each of the mix, by its weight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journey: Option<Name>,
    /// The stages, one after another. Not empty.
    pub stages: Vec<Stage>,
}

/// A stage: the rate goes in a straight line from one value to another.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Rate at the start.
    pub from: Rate,
    /// Rate at the end; equal to `from` for a constant stage.
    pub to: Rate,
    /// How long it lasts.
    #[serde(rename = "for", with = "units::duration")]
    pub lasts: Duration,
}

/// A closed-model load: so many users, each walking one journey after another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClosedPlan {
    /// How many users there are, stage after stage. Not empty; total length above zero. With `iterations`, the length
    /// is a limit.
    pub users: Vec<UserStage>,
    /// How many journeys are walked in all; `None`: as many as the stages have time for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iterations: Option<Iterations>,
    /// A user's journey starts no sooner than this after its last one started; zero for no pacing.
    #[serde(default, with = "units::duration")]
    pub pacing: Duration,
    /// Whether a user's cookies stay from one journey to the next.
    #[serde(default)]
    pub cookies: Cookies,
    /// Who plays it.
    #[serde(default)]
    pub engine: Engine,
}

/// A stage of users: their number goes in a straight line from one value to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserStage {
    /// Users at the start.
    pub from: u32,
    /// Users at the end; equal to `from` for a constant stage.
    pub to: u32,
    /// How long it lasts.
    #[serde(rename = "for", with = "units::duration")]
    pub lasts: Duration,
}

/// A number of journeys to be walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Iterations {
    /// By all users together; who is free takes the next.
    Shared(NonZeroU64),
    /// By each user.
    PerUser(NonZeroU64),
}

/// How long cookies live under a closed model. An arrival of the open model is always a new user.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cookies {
    /// As long as the user.
    #[default]
    User,
    /// As long as one walk of a journey.
    Journey,
}

/// Who plays a closed model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// The harness's own engine.
    #[default]
    Native,
    /// Goose, in a worker process of its own.
    Goose,
}

/// A journey's share of the arrivals.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MixEntry {
    /// The journey.
    pub journey: Name,
    /// Its weight against the others.
    pub weight: f64,
}

/// What requests travel over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HttpPlan {
    /// Connections at most, over all workers; a request that finds none free waits and the wait is charged to the
    /// target. HTTP/2 carries `streams` requests on each.
    pub connections: u32,
    /// When a connection is used again.
    pub reuse: Reuse,
    /// The protocol.
    pub version: HttpVersion,
    /// Requests at once on one HTTP/2 connection.
    pub streams: u32,
    /// When names are looked up.
    pub lookup: Lookup,
    /// Whether a new TLS connection may resume an earlier one's session.
    pub resumption: bool,
}

impl Default for HttpPlan {
    fn default() -> Self {
        Self {
            connections: 256,
            reuse: Reuse::default(),
            version: HttpVersion::default(),
            streams: 100,
            lookup: Lookup::default(),
            resumption: true,
        }
    }
}

/// When a connection is used again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reuse {
    /// Kept alive, and used by whoever needs one next.
    #[default]
    Pool,
    /// Each user (each walk, in the open model) has its own, kept alive while it lives.
    User,
    /// Never: each request opens one.
    Never,
}

/// The protocol requests are sent by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum HttpVersion {
    /// HTTP/1.1 over `http://`; over `https://` what the server chooses.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// HTTP/1.1.
    #[serde(rename = "1.1")]
    Http1,
    /// HTTP/2; over `http://` with prior knowledge.
    #[serde(rename = "2")]
    Http2,
}

/// When names are looked up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lookup {
    /// Once for a load; several addresses are used in turn.
    #[default]
    Once,
    /// Again for each connection.
    Connection,
}

impl LoadPlan {
    /// Length of the load; with a number of iterations, its limit.
    pub fn duration(&self) -> Duration {
        match &self.model {
            Model::Open(open) => open.streams.first().map_or(Duration::ZERO, Stream::length),
            Model::Closed(closed) => closed.users.iter().map(|s| s.lasts).sum(),
            Model::Search(search) => search.within,
        }
    }

    /// Starts of the stages after the first, from the load's start, in order, each once.
    pub fn stage_edges(&self) -> Vec<Duration> {
        let mut edges: Vec<Duration> = match &self.model {
            Model::Open(open) => open
                .streams
                .iter()
                .flat_map(|stream| edges(stream.stages.iter().map(|s| s.lasts)))
                .collect(),
            Model::Closed(closed) => edges(closed.users.iter().map(|s| s.lasts)),
            Model::Search(_) => Vec::new(),
        };
        edges.sort_unstable();
        edges.dedup();
        edges
    }

    /// When the first ramp ends: what rises or falls without a pause, in any of the schedules played side by side. `None`
    /// for a load without.
    pub fn ramp_ends(&self) -> Option<Duration> {
        let mut ramps = match &self.model {
            Model::Open(open) => open
                .streams
                .iter()
                .flat_map(|s| ramps(s.stages.iter().map(|s| (s.from != s.to, s.lasts))))
                .collect(),
            Model::Closed(closed) => ramps(closed.users.iter().map(|s| (s.from != s.to, s.lasts))),
            Model::Search(_) => Vec::new(),
        };
        ramps.sort_unstable();
        let (_, first) = ramps.first().copied()?;
        let on = |end: Duration, (from, to): &(Duration, Duration)| match *from <= end {
            true => end.max(*to),
            false => end,
        };
        Some(ramps.iter().fold(first, on))
    }

    /// The highest total rate of an open model, journey starts per second; `None` where the target decides it.
    pub fn peak(&self) -> Option<Rate> {
        match &self.model {
            Model::Open(open) => Rate::per_second(open.peak()),
            Model::Closed(_) | Model::Search(_) => None,
        }
    }

    /// Users at most; `None` for an open model.
    pub fn users(&self) -> Option<u32> {
        match &self.model {
            Model::Open(_) | Model::Search(_) => None,
            Model::Closed(closed) => closed.users.iter().map(|s| s.from.max(s.to)).max(),
        }
    }

    /// Journey starts that the plan intends, on average where they are drawn; `None` where the target decides it.
    pub fn planned(&self) -> Option<f64> {
        match &self.model {
            Model::Open(open) => Some(open.streams.iter().map(Stream::planned).sum()),
            Model::Closed(closed) => match closed.iterations? {
                Iterations::Shared(all) => Some(all.get() as f64),
                Iterations::PerUser(each) => {
                    Some(each.get() as f64 * f64::from(self.users().unwrap_or_default()))
                }
            },
            Model::Search(_) => None,
        }
    }

    /// By how many starts a load that was played may fall short of [`Self::planned`]: each stage of a schedule may
    /// round one down, and Poisson arrivals are as many as were drawn, fewer by five standard deviations once in
    /// three million runs.
    pub fn slack(&self) -> f64 {
        match &self.model {
            Model::Open(open) => {
                let stages: usize = open.streams.iter().map(|stream| stream.stages.len()).sum();
                let drawn = match open.spacing {
                    Spacing::Even => 0.0,
                    Spacing::Poisson => 5.0 * self.planned().unwrap_or_default().sqrt(),
                };
                stages as f64 + drawn
            }
            Model::Closed(_) | Model::Search(_) => 0.0,
        }
    }
}

fn edges(lengths: impl Iterator<Item = Duration>) -> Vec<Duration> {
    let mut at = Duration::ZERO;
    let mut ends: Vec<Duration> = lengths
        .map(|length| {
            at += length;
            at
        })
        .collect();
    ends.pop();
    ends
}

/// Begin and end of each stage that ramps.
fn ramps(stages: impl Iterator<Item = (bool, Duration)>) -> Vec<(Duration, Duration)> {
    let mut at = Duration::ZERO;
    let mut ramps = Vec::new();
    for (ramps_here, lasts) in stages {
        if ramps_here && !lasts.is_zero() {
            ramps.push((at, at + lasts));
        }
        at += lasts;
    }
    ramps
}

impl OpenPlan {
    /// All of the mix by one schedule.
    pub fn of(stages: Vec<Stage>) -> Self {
        Self {
            spacing: Spacing::Even,
            streams: vec![Stream {
                journey: None,
                stages,
            }],
        }
    }

    /// The highest total rate, per second.
    pub fn peak(&self) -> f64 {
        // Straight lines are highest at an end: coming up to an edge, or going on from it.
        let ends = self.streams.iter().flat_map(|stream| {
            let edges = edges(stream.stages.iter().map(|s| s.lasts)).into_iter();
            edges.chain([Duration::ZERO, stream.length()])
        });
        let up_to = |at| self.streams.iter().map(|s| s.rate_up_to(at)).sum();
        ends.flat_map(|at| [up_to(at), self.rate_at(at)])
            .fold(0.0, f64::max)
    }

    /// The total rate at a time from the load's start, per second; zero outside.
    pub fn rate_at(&self, at: Duration) -> f64 {
        self.streams.iter().map(|stream| stream.rate_at(at)).sum()
    }
}

impl ClosedPlan {
    /// The number of users at a time from the load's start, as a fraction on the line; zero outside.
    pub fn users_at(&self, at: Duration) -> f64 {
        let mut begin = Duration::ZERO;
        for stage in &self.users {
            let end = begin + stage.lasts;
            if at < end {
                let part = (at - begin).as_secs_f64() / stage.lasts.as_secs_f64();
                let (from, to) = (f64::from(stage.from), f64::from(stage.to));
                return from + (to - from) * part;
            }
            begin = end;
        }
        0.0
    }
}

impl Stream {
    /// Length of its stages.
    pub fn length(&self) -> Duration {
        self.stages.iter().map(|s| s.lasts).sum()
    }

    /// Its rate at a time from the load's start, per second; zero outside.
    pub fn rate_at(&self, at: Duration) -> f64 {
        let mut begin = Duration::ZERO;
        for stage in &self.stages {
            let end = begin + stage.lasts;
            if at < end {
                let part = (at - begin).as_secs_f64() / stage.lasts.as_secs_f64();
                return stage.from.get() + (stage.to.get() - stage.from.get()) * part;
            }
            begin = end;
        }
        0.0
    }

    /// The rate that a time is come up to with, per second; zero at the start and after the end.
    fn rate_up_to(&self, at: Duration) -> f64 {
        let mut begin = Duration::ZERO;
        for stage in &self.stages {
            let end = begin + stage.lasts;
            if begin < at && at <= end {
                let part = (at - begin).as_secs_f64() / stage.lasts.as_secs_f64();
                return stage.from.get() + (stage.to.get() - stage.from.get()) * part;
            }
            begin = end;
        }
        0.0
    }

    /// Arrivals it intends: the integral of its rate.
    pub fn planned(&self) -> f64 {
        let areas = self
            .stages
            .iter()
            .map(|s| (s.from.get() + s.to.get()) / 2.0 * s.lasts.as_secs_f64());
        areas.sum()
    }
}
