//! What is measured all the time, as series: links, probes, and the generator itself. Bounded in length, all by one step.
//! Knows no fault, and of load only which scenario is under way.

use crate::event::{LinkTick, ProbeSample, SelfHealth};
use crate::record::Record;
use crate::record::thin::{self, MAX_POINTS};

/// Series kept of a service's metrics.
const MAX_SERIES: usize = 200;

impl Record {
    pub(super) fn link(&mut self, at: u64, tick: &LinkTick) {
        let points = self.links.entry(tick.link.clone()).or_default();
        thin::insert(points, at, tick, self.step_us);
        let full = points.len() > MAX_POINTS;
        self.thin_if(full);
    }

    pub(super) fn probe(&mut self, at: u64, sample: &ProbeSample) {
        self.read(at, sample);
        if let Some(reason) = &sample.error {
            let failures = self
                .probe_failures
                .entry(sample.service.clone())
                .or_default();
            *failures = (failures.0 + 1, reason.clone());
        }
        let all = self.probes.entry(sample.service.clone()).or_default();
        let (mut full, mut omitted) = (false, 0);
        for (series, value) in &sample.values {
            if !all.contains_key(series) && all.len() >= MAX_SERIES {
                omitted += 1;
                continue;
            }
            let points = all.entry(series.clone()).or_default();
            thin::insert(points, at, value, self.step_us);
            full |= points.len() > MAX_POINTS;
        }
        (0..omitted).for_each(|_| _ = self.room(false, "values of metrics series"));
        self.thin_if(full);
    }

    pub(super) fn health(&mut self, at: u64, health: &SelfHealth) {
        if let Some(scenario) = self
            .scenarios
            .last_mut()
            .filter(|s| s.end.is_none() && at >= s.t0_us)
        {
            scenario.take_health(health);
        }
        thin::insert(&mut self.health, at, health, self.step_us);
        let full = self.health.len() > MAX_POINTS;
        self.thin_if(full);
    }

    /// Doubles the step of every series until all fit: they share one, so that charts line up.
    fn thin_if(&mut self, full: bool) {
        let mut full = full;
        while full {
            self.step_us = (self.step_us * 2).max(2_000_000);
            let step = self.step_us;
            self.links
                .values_mut()
                .for_each(|points| thin::thin(points, step));
            self.probes
                .values_mut()
                .flat_map(|s| s.values_mut())
                .for_each(|points| thin::thin(points, step));
            thin::thin(&mut self.health, step);
            full = self.links.values().any(|p| p.len() > MAX_POINTS)
                || self
                    .probes
                    .values()
                    .flat_map(|s| s.values())
                    .any(|p| p.len() > MAX_POINTS)
                || self.health.len() > MAX_POINTS;
        }
    }
}
