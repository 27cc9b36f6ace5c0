//! Counts and latencies of some samples, and how they add up: exactly, and in any order. Knows neither seconds nor names.

use crate::event::LoadTick;
use crate::hist::{FineSum, Hist};
use crate::phases::{Phases, RequestPhase};
use std::collections::BTreeMap;

/// Counts and latencies of some samples.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tally {
    /// User-seconds: users there in the middle of each second, added up.
    pub users: u64,
    /// Walks intended: by the schedule, or by a user who was free.
    pub planned: u64,
    /// Begun.
    pub started: u64,
    /// Begun late by the generator's fault.
    pub late_generator: u64,
    /// Begun late for want of a free connection.
    pub late_target: u64,
    /// Intended, never begun.
    pub dropped: u64,
    /// Of those, by the generator's fault.
    pub dropped_generator: u64,
    /// Journeys whose first request went out then, whenever they were intended.
    pub begun: u64,
    /// Not begun because the journey's data had run out; no part of `planned`.
    pub no_data: u64,
    /// Ended well.
    pub ok: u64,
    /// Ended badly, by class.
    pub errors: BTreeMap<String, u64>,
    /// Under way at the stop.
    pub cancelled: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Response time.
    pub response: Hist,
    /// Of these, what used a connection that a fault on the way in had touched; of whole phases only, windows have none.
    pub affected: Hist,
    /// How many of those ended badly.
    pub affected_errors: u64,
    /// Service time.
    pub service: Hist,
    /// Where the time of requests went; of whole phases only, windows have none.
    pub phases: Phases,
}

impl From<LoadTick> for Tally {
    fn from(tick: LoadTick) -> Self {
        Self {
            users: tick.users,
            planned: tick.planned,
            started: tick.started,
            late_generator: tick.late_generator,
            late_target: tick.late_target,
            dropped: tick.dropped,
            dropped_generator: tick.dropped_generator,
            begun: tick.begun,
            no_data: tick.no_data,
            ok: tick.ok,
            errors: tick.errors,
            cancelled: tick.cancelled,
            bytes_in: tick.bytes_in,
            response: tick.response,
            affected: tick.affected,
            affected_errors: tick.affected_errors,
            service: tick.service,
            phases: tick.phases,
        }
    }
}

impl Tally {
    /// Adds another, exactly.
    pub fn add(&mut self, other: &Self) {
        self.add_counts(other);
        self.response.add(&other.response);
        self.affected.add(&other.affected);
        self.service.add(&other.service);
        self.phases.add(&other.phases);
    }

    /// Adds many, exactly; see [`Hist::add_all`].
    pub fn add_all(&mut self, others: &[Self]) {
        others.iter().for_each(|other| self.add_counts(other));
        self.response.add_all(others.iter().map(|o| &o.response));
        self.affected.add_all(others.iter().map(|o| &o.affected));
        self.service.add_all(others.iter().map(|o| &o.service));
        self.phases.add_all(others.iter().map(|o| &o.phases));
    }

    /// Adds many, exactly, by way of a sum that is empty: for those that are many, or large.
    pub(super) fn add_through<'t>(
        &mut self,
        others: impl Iterator<Item = &'t Self> + Clone,
        sum: &mut FineSum,
    ) {
        let mut add = |held: &mut Hist, of: &dyn Fn(&'t Self) -> &'t Hist| {
            others.clone().for_each(|other| sum.add(of(other)));
            held.add(&sum.take());
        };
        add(&mut self.response, &|tally| &tally.response);
        add(&mut self.affected, &|tally| &tally.affected);
        add(&mut self.service, &|tally| &tally.service);
        for phase in RequestPhase::ALL {
            add(self.phases.get_mut(phase), &|tally| tally.phases.get(phase));
        }
        others.for_each(|other| self.add_counts(other));
    }

    /// Adds all but the latencies.
    pub(super) fn add_counts(&mut self, other: &Self) {
        // A recording may claim anything: what is beyond counting stays at the most there is.
        let add = |held: &mut u64, more: u64| *held = held.saturating_add(more);
        add(&mut self.users, other.users);
        add(&mut self.planned, other.planned);
        add(&mut self.started, other.started);
        add(&mut self.late_generator, other.late_generator);
        add(&mut self.late_target, other.late_target);
        add(&mut self.dropped, other.dropped);
        add(&mut self.dropped_generator, other.dropped_generator);
        add(&mut self.begun, other.begun);
        add(&mut self.no_data, other.no_data);
        add(&mut self.ok, other.ok);
        add(&mut self.cancelled, other.cancelled);
        add(&mut self.bytes_in, other.bytes_in);
        add(&mut self.affected_errors, other.affected_errors);
        for (class, n) in &other.errors {
            match self.errors.get_mut(class) {
                Some(held) => add(held, *n),
                None => {
                    self.errors.insert(class.clone(), *n);
                }
            }
        }
    }

    /// Whether there was no load at all.
    pub fn is_empty(&self) -> bool {
        let begun = [self.started, self.finished(), self.cancelled];
        let intended = [self.planned, self.dropped, self.no_data];
        begun.into_iter().chain(intended).all(|count| count == 0)
    }

    /// Response times of what used no connection that a fault had touched.
    pub fn spared(&self) -> Hist {
        let touched: BTreeMap<u64, u64> = self.affected.buckets().iter().copied().collect();
        let left = |(us, n): &(u64, u64)| {
            let touched = touched.get(us).copied().unwrap_or(0);
            (*us, n.saturating_sub(touched))
        };
        let left = self.response.buckets().iter().map(left);
        Hist::from_counts(left.filter(|(_, n)| *n > 0))
    }

    /// Everything that ended badly.
    pub fn failed(&self) -> u64 {
        self.errors.values().copied().fold(0, u64::saturating_add)
    }

    /// Everything that ended, cancelled ones aside.
    pub fn finished(&self) -> u64 {
        self.ok.saturating_add(self.failed())
    }
}
