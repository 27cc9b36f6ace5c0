//! Load's ticks added up beside the record: ticks of equal key add up in any order, so several threads may each take some of
//! them and the record their sums. What a tick means for the stream it stands in, the record is told in order, without its
//! figures.

use super::{EpochRecord, FoldError, NameRecord, Record, ScenarioRecord, Tally};
use crate::event::LoadTick;
use crate::hist::{CoarseSum, FineSum};
use crate::plan::Plan;
use std::collections::BTreeMap;

/// Takes ticks of a plan's names, and adds them up.
#[derive(Debug)]
pub struct Ticks<'p> {
    plan: &'p Plan,
    /// What is still to be added, by name; for each scenario in the plan's order.
    held: Vec<BTreeMap<String, Vec<Fresh>>>,
    coarse: CoarseSum,
    fine: FineSum,
}

/// What ticks add up to.
#[derive(Debug, Default)]
pub struct Sums {
    /// Those that have any.
    scenarios: Vec<ScenarioRecord>,
}

/// A second's figures.
#[derive(Debug)]
struct Fresh {
    epoch: u32,
    second: u32,
    tally: Tally,
}

/// A tick whose figures were taken: what the record asks of it still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeardTick {
    seq: u64,
    at_us: u64,
    /// Its place in the plan.
    scenario: usize,
    epoch: u32,
}

impl<'p> Ticks<'p> {
    /// None yet.
    pub fn of(plan: &'p Plan) -> Self {
        Self {
            plan,
            held: plan.scenarios.iter().map(|_| BTreeMap::new()).collect(),
            coarse: CoarseSum::default(),
            fine: FineSum::default(),
        }
    }

    /// Takes a tick's figures. One that the plan does not name is given back: it is for the record to say what becomes of it.
    pub fn take(
        &mut self,
        seq: u64,
        at_us: u64,
        tick: Box<LoadTick>,
    ) -> Result<HeardTick, Box<LoadTick>> {
        let mut planned = self.plan.scenarios.iter().zip(&mut self.held).enumerate();
        let of = planned.find(|(_, (plan, _))| plan.name.as_str() == tick.scenario);
        let Some((scenario, (plan, held))) = of else {
            return Err(tick);
        };
        let (epoch, second) = (tick.epoch, tick.second);
        let fresh = |tick: LoadTick| Fresh {
            epoch,
            second,
            tally: tick.into(),
        };
        if let Some(held) = held.get_mut(&tick.name) {
            held.push(fresh(*tick));
        } else if ScenarioRecord::is_planned(self.plan, &plan.name, &tick.name) {
            held.insert(tick.name.clone(), vec![fresh(*tick)]);
        } else {
            return Err(tick);
        }
        Ok(HeardTick {
            seq,
            at_us,
            scenario,
            epoch,
        })
    }

    /// Adds up what was taken since the last time: the more it is, the less each costs.
    pub fn sums(&mut self) -> Sums {
        let (coarse, fine) = (&mut self.coarse, &mut self.fine);
        let mut scenarios = Vec::new();
        for (plan, held) in self.plan.scenarios.iter().zip(&mut self.held) {
            let mut sums = ScenarioRecord::new(plan, 0);
            for (name, fresh) in held.iter_mut().filter(|(_, fresh)| !fresh.is_empty()) {
                sums.take_all(name, fresh, coarse, fine);
                fresh.clear();
            }
            if !sums.names.is_empty() {
                scenarios.push(sums);
            }
        }
        Sums { scenarios }
    }
}

impl ScenarioRecord {
    fn take_all(
        &mut self,
        name: &str,
        fresh: &mut [Fresh],
        coarse: &mut CoarseSum,
        fine: &mut FineSum,
    ) {
        fresh.sort_by_key(|fresh| (fresh.epoch, fresh.second));
        let last = fresh.iter().map(|fresh| fresh.second).max();
        self.widen_for(last.unwrap_or(0));
        let window_s = self.window_s;
        if !self.names.contains_key(name) {
            self.names.insert(name.to_owned(), NameRecord::default());
        }
        let Some(record) = self.names.get_mut(name) else {
            return;
        };
        let window = |fresh: &Fresh| (fresh.second / window_s, fresh.epoch);
        for alike in fresh.chunk_by(|a, b| window(a) == window(b)) {
            let Some(place) = alike.first().map(window) else {
                continue;
            };
            let held = record.windows.entry(place).or_default();
            held.add_all(alike.iter().map(|fresh| &fresh.tally), coarse);
        }
        for alike in fresh.chunk_by(|a, b| a.epoch == b.epoch) {
            let Some(epoch) = alike.first().map(|fresh| fresh.epoch) else {
                continue;
            };
            let held = record.epochs.entry(epoch).or_default();
            let tallies = alike.iter().map(|fresh| &fresh.tally);
            held.sum.add_through(tallies, fine);
        }
    }

    fn absorb(&mut self, mut sums: Self) {
        while self.window_s < sums.window_s {
            self.double_windows();
        }
        while sums.window_s < self.window_s {
            sums.double_windows();
        }
        for (name, sum) in sums.names {
            self.names.entry(name).or_default().absorb(sum);
        }
        self.together.forget();
    }
}

impl NameRecord {
    fn absorb(&mut self, sum: Self) {
        for (epoch, more) in sum.epochs {
            self.epochs.entry(epoch).or_default().absorb(&more);
        }
        for (place, more) in sum.windows {
            self.windows
                .entry(place)
                .and_modify(|held| held.merge(&more))
                .or_insert(more);
        }
    }
}

impl EpochRecord {
    fn absorb(&mut self, more: &Self) {
        self.settle();
        for part in more.parts() {
            self.sum.add(part);
        }
    }
}

impl Record {
    /// Takes in a tick that somebody else adds up; as [`Self::apply`] does in all but its figures.
    pub fn hear(&mut self, tick: &HeardTick) -> Result<(), FoldError> {
        let &HeardTick {
            seq,
            at_us,
            scenario,
            epoch,
        } = tick;
        let Some(run) = &self.run else {
            return Err(FoldError::BeforeBegin { seq });
        };
        let scenario = run.plan.scenarios.get(scenario);
        self.admit_tick(seq, scenario.map_or("", |s| s.name.as_str()), epoch)?;
        self.count(seq, at_us);
        Ok(())
    }

    /// Adds the figures of ticks that were heard.
    pub fn absorb(&mut self, sums: Sums) {
        for sums in sums.scenarios {
            let is = |scenario: &&mut ScenarioRecord| scenario.name == sums.name;
            if let Some(scenario) = self.scenarios.iter_mut().find(is) {
                scenario.absorb(sums);
            }
        }
    }
}

#[cfg(test)]
mod tests;
