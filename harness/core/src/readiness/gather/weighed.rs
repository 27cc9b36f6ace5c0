//! What each run gives for the parts it counts for, put together: of one id the worst stands, of one figure the strictest.
//! Knows nothing of needs: what no run has is not here.

use super::Asked;
use super::parts::{Counted, narrowed};
use crate::name::Name;
use crate::plan::gate::During;
use crate::readiness::waivers::{self, Context, WaiverState};
use crate::readiness::{AbortThreshold, Item, Standing, items, thresholds};
use crate::record::Tally;
use crate::verdict::{self, Grade, Verdict};

/// What all runs gave.
#[derive(Default)]
pub(super) struct Weighed {
    pub(super) items: Vec<Item>,
    pub(super) waivers: Vec<WaiverState>,
    pub(super) verdicts: Vec<Verdict>,
    pub(super) abort: Vec<AbortThreshold>,
    pub(super) calm: Tally,
}

impl Weighed {
    pub(super) fn add(&mut self, counted: &Counted<'_>, asked: &Asked, gates_of_all: bool) {
        let parts = counted.parts.keys().cloned().collect();
        let mut record = narrowed(&counted.run.record, &parts);
        if let Some(run) = record.run.as_mut().filter(|_| !gates_of_all) {
            run.plan.gates.clear();
        }
        let verdict = verdict::evaluate(&record);
        let mut items = items::of(&record, &verdict);
        for item in &mut items {
            item.evidence = counted.id().into_iter().collect();
            age(item, counted);
        }
        let context = Context {
            run: record.run.as_deref(),
            on: Some(asked.on),
        };
        let waivers = waivers::lay(&mut items, &asked.settings.waivers, &context);
        self.state(waivers);
        for item in items {
            self.put(item);
        }
        let known = |new: &AbortThreshold, old: &AbortThreshold| {
            let of = |t: &AbortThreshold| (t.metric.clone(), t.name.clone(), t.scenario.clone());
            of(new) == of(old)
        };
        for threshold in thresholds::of(&record, &verdict) {
            match self.abort.iter_mut().find(|old| known(&threshold, old)) {
                // What several runs say of one figure: the strictest holds.
                Some(old) if threshold.above < old.above => *old = threshold,
                Some(_) => {}
                None => self.abort.push(threshold),
            }
        }
        let control = |name: &Name| {
            let plan = record.run.as_ref().map(|run| &run.plan);
            let planned = plan.and_then(|plan| plan.scenario(name.as_str()));
            planned.is_some_and(|planned| planned.control_of.is_some())
        };
        for scenario in record.scenarios.iter().filter(|s| !control(&s.name)) {
            self.calm.add(&scenario.select(None, &During::Undisturbed));
        }
        self.verdicts.push(verdict);
    }

    /// Of two items of one id the worse stands, with the runs of both.
    fn put(&mut self, mut item: Item) {
        let worth = |item: &Item| {
            let bare = item.waived.is_none();
            (
                item.closes(),
                item.is_open(),
                bare,
                item.grade,
                item.standing,
            )
        };
        match self.items.iter_mut().find(|known| known.id == item.id) {
            None => self.items.push(item),
            Some(known) if worth(known) >= worth(&item) => {
                known.evidence.append(&mut item.evidence);
            }
            Some(known) => {
                item.evidence.append(&mut known.evidence);
                *known = item;
            }
        }
    }

    /// Of what a waiver does for several runs, the most is told.
    fn state(&mut self, waivers: Vec<WaiverState>) {
        if self.waivers.is_empty() {
            self.waivers = waivers;
            return;
        }
        for (known, new) in self.waivers.iter_mut().zip(waivers) {
            known.state = known.state.max(new.state);
        }
    }
}

/// Makes an item stale whose run is too old, or of a day that has not come.
fn age(item: &mut Item, counted: &Counted<'_>) {
    let fresh_days = counted.fresh_for(item);
    let why = match counted.age_days {
        None => "its run has no date up to this day".to_owned(),
        Some(age) if age > i64::from(fresh_days) => {
            format!("recorded {age} days ago, and {fresh_days} count")
        }
        Some(_) => return,
    };
    let was = match item.grade {
        Grade::Pass => "; it passed then".to_owned(),
        _ => format!("; then: {}", item.reason),
    };
    item.reason = format!("{why}{was}");
    item.standing = Standing::Stale;
    if item.grade == Grade::Pass {
        item.grade = Grade::Inconclusive;
        let scenario = item.scenario.as_ref();
        item.closes_with = scenario.map_or_else(
            || "harness run".to_owned(),
            |name| format!("harness run {name}"),
        );
    }
}
