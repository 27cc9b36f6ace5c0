//! Series of bounded length: one point an event at first; past the limit, points fall into ever longer steps, counts
//! added up and gauges merged. Knows no kind of event.

use crate::event::{LinkTick, SelfHealth};

/// Points a series keeps at most.
pub(super) const MAX_POINTS: usize = 600;

/// Half the pace of the ticks. Steps are laid so that a second's tick falls in the middle of its second: the jitter
/// of a timer never moves it into a neighbour's step.
const HALF_TICK_US: u64 = 500_000;

/// What two points of one step become.
pub(super) trait Merge {
    /// Takes in the point that came after.
    fn merge(&mut self, later: &Self);
}

impl Merge for f64 {
    fn merge(&mut self, later: &Self) {
        *self = *later;
    }
}

impl Merge for LinkTick {
    fn merge(&mut self, later: &Self) {
        self.opened = self.opened.saturating_add(later.opened);
        self.open = later.open;
        self.failed = self.failed.saturating_add(later.failed);
        self.bytes_up = self.bytes_up.saturating_add(later.bytes_up);
        self.bytes_down = self.bytes_down.saturating_add(later.bytes_down);
        for (toxic, n) in &later.hits {
            let held = self.hits.entry(toxic.clone()).or_default();
            *held = held.saturating_add(*n);
        }
        self.watched |= later.watched;
        self.requests = self.requests.saturating_add(later.requests);
        for (class, n) in &later.answers {
            let held = self.answers.entry(class.clone()).or_default();
            *held = held.saturating_add(*n);
        }
        self.response.add(&later.response);
        self.abandoned.add(&later.abandoned);
        self.unread = self.unread.saturating_add(later.unread);
    }
}

impl Merge for SelfHealth {
    /// Lag and counts add up; of the gauges the larger stays, so that a saturated second remains visible.
    fn merge(&mut self, later: &Self) {
        self.lag.add(&later.lag);
        self.cpu_generator = self.cpu_generator.max(later.cpu_generator);
        self.cpu_proxy = self.cpu_proxy.max(later.cpu_proxy);
        self.cpu_total = self.cpu_total.max(later.cpu_total);
        self.memory = self.memory.max(later.memory);
        self.descriptors = self.descriptors.max(later.descriptors);
        self.descriptors_limit = self.descriptors_limit.max(later.descriptors_limit);
        self.workers = self.workers.max(later.workers);
        self.local.add(&later.local);
        if later.ports.used >= self.ports.used {
            self.ports = later.ports;
        }
        self.drops = self.drops.saturating_add(later.drops);
    }
}

/// Puts a point in its place by time; `step_us` of 0 keeps every distinct time.
pub(super) fn insert<T: Merge + Clone>(
    points: &mut Vec<(u64, T)>,
    at_us: u64,
    value: &T,
    step_us: u64,
) {
    let anchor = points.first().map_or(at_us, |(first, _)| *first);
    let step = |t: u64| {
        let since = (t + HALF_TICK_US).saturating_sub(anchor);
        since.checked_div(step_us).unwrap_or(t)
    };
    let at = points.partition_point(|(t, _)| step(*t) < step(at_us));
    match points.get_mut(at) {
        Some((t, held)) if step(*t) == step(at_us) && at_us < *t => {
            let mut merged = value.clone();
            merged.merge(held);
            *held = merged;
        }
        Some((t, held)) if step(*t) == step(at_us) => held.merge(value),
        _ => points.insert(at, (at_us, value.clone())),
    }
}

/// Lays all points anew into longer steps.
pub(super) fn thin<T: Merge + Clone>(points: &mut Vec<(u64, T)>, step_us: u64) {
    let all = std::mem::take(points);
    points.reserve(all.len());
    all.iter()
        .for_each(|(at, value)| insert(points, *at, value, step_us));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_jittering_tick_never_doubles_up_with_its_neighbour() {
        let mut points = Vec::new();
        // The first comes late: counted from it, those after it come early.
        let jitter = [12_000, 9_000, 0, 12_000, 3_000, 0, 11_000, 1_000];
        for (second, late) in jitter.into_iter().enumerate() {
            insert(
                &mut points,
                4_999_999 + second as u64 * 1_000_000 + late,
                &(second as f64),
                0,
            );
        }
        thin(&mut points, 2_000_000);
        let last: Vec<f64> = points.iter().map(|(_, value)| *value).collect();
        assert_eq!(last, [1.0, 3.0, 5.0, 7.0]);
    }

    proptest! {
        #[test]
        fn thinning_keeps_totals(opened in prop::collection::vec(0u64..1000, 1..300), doublings in 1u32..6) {
            let link: crate::name::Name = "edge".parse().unwrap();
            let times = |n: u64| crate::hist::Hist::from_counts([(1_000 * (n % 7), n)]);
            let tick = |opened: u64| LinkTick {
                opened,
                open: opened,
                bytes_up: 1,
                watched: opened > 0,
                requests: opened + 1,
                answers: [("2xx".to_owned(), opened), ("5xx".to_owned(), 1)].into(),
                response: times(opened),
                abandoned: times(opened / 2),
                unread: 2,
                ..LinkTick::quiet(link.clone())
            };
            let mut points = Vec::new();
            for (second, opened) in opened.iter().enumerate() {
                insert(&mut points, second as u64 * 1_000_000, &tick(*opened), 0);
            }
            for doubling in 1..=doublings {
                thin(&mut points, 1_000_000 << doubling);
            }
            prop_assert_eq!(points.iter().map(|(_, t)| t.opened).sum::<u64>(), opened.iter().sum::<u64>());
            prop_assert_eq!(points.iter().map(|(_, t)| t.bytes_up).sum::<u64>(), opened.len() as u64);
            let sum = |figure: fn(&LinkTick) -> u64| points.iter().map(|(_, t)| figure(t)).sum::<u64>();
            let (all, seconds) = (opened.iter().sum::<u64>(), opened.len() as u64);
            prop_assert_eq!((sum(|t| t.requests), sum(|t| t.unread)), (all + seconds, 2 * seconds));
            prop_assert_eq!((sum(|t| t.answers["2xx"]), sum(|t| t.answers["5xx"])), (all, seconds));
            prop_assert_eq!(sum(|t| t.response.count()), all);
            prop_assert_eq!(sum(|t| t.abandoned.count()), opened.iter().map(|n| n / 2).sum::<u64>());
            prop_assert_eq!(points.iter().any(|(_, t)| t.watched), all > 0);
            prop_assert_eq!(points.len(), opened.len().div_ceil(1 << doublings));
            prop_assert_eq!(points.last().map(|(_, t)| t.open), opened.last().copied());
        }
    }
}
