//! Counts one worker's load: per name, second and epoch of the intended start. What it holds of a second is handed
//! out once the second is over; what completes later comes as an amendment, because ticks of equal key add up.

use crate::names::Names;
use crate::recorder::{Recorder, Spares};
use harness_core::event::LoadTick;
use harness_core::hist::Hist;
use harness_core::units::micros;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// What a sample is filed under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    /// Seconds from the scenario's zero to the intended start.
    pub(crate) second: u32,
    /// The epoch that was current then.
    pub(crate) epoch: u32,
    /// Index of the name.
    pub(crate) name: u32,
}

/// Why something began late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Late {
    Generator,
    Target,
}

/// How something ended, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample<'a> {
    /// `None` if it ended well, else the class of the error.
    pub(crate) class: Option<&'a str>,
    /// From intended to finished.
    pub(crate) response: Duration,
    /// From sent to finished.
    pub(crate) service: Duration,
    /// Bytes of bodies received.
    pub(crate) bytes_in: u64,
}

#[derive(Debug, Default)]
struct Cell {
    planned: u64,
    started: u64,
    late_generator: u64,
    late_target: u64,
    dropped: u64,
    ok: u64,
    errors: BTreeMap<String, u64>,
    cancelled: u64,
    bytes_in: u64,
    response: Recorder,
    service: Recorder,
}

/// The counts of one worker, and its lag.
#[derive(Debug)]
pub(crate) struct Meter {
    scenario: String,
    names: Names,
    cells: HashMap<Key, Cell>,
    lag: Recorder,
    spares: Spares,
}

impl Meter {
    /// An empty meter; a key's name is an index of `names`.
    pub(crate) fn new(scenario: String, names: Names) -> Self {
        Self {
            scenario,
            names,
            cells: HashMap::new(),
            lag: Recorder::default(),
            spares: Spares::default(),
        }
    }

    /// Counts an arrival that came due.
    pub(crate) fn planned(&mut self, key: Key) {
        self.cell(key).planned += 1;
    }

    /// Counts a journey or a request that began.
    pub(crate) fn started(&mut self, key: Key) {
        self.cell(key).started += 1;
    }

    /// Counts one that began late.
    pub(crate) fn late(&mut self, key: Key, late: Late) {
        match late {
            Late::Generator => self.cell(key).late_generator += 1,
            Late::Target => self.cell(key).late_target += 1,
        }
    }

    /// Counts an arrival that came due and was not begun.
    pub(crate) fn dropped(&mut self, key: Key) {
        self.cell(key).dropped += 1;
    }

    /// Counts one that was under way when the load was stopped.
    pub(crate) fn cancelled(&mut self, key: Key) {
        self.cell(key).cancelled += 1;
    }

    /// Counts one that ended.
    pub(crate) fn ended(&mut self, key: Key, sample: Sample<'_>) {
        let Self { cells, spares, .. } = self;
        let cell = cells.entry(key).or_default();
        match sample.class {
            None => cell.ok += 1,
            Some(class) => match cell.errors.get_mut(class) {
                Some(count) => *count += 1,
                None => _ = cell.errors.insert(class.to_owned(), 1),
            },
        }
        cell.bytes_in += sample.bytes_in;
        cell.response.record(micros(sample.response), spares);
        cell.service.record(micros(sample.service), spares);
    }

    /// Counts how late a wake-up was.
    pub(crate) fn lag(&mut self, late: Duration) {
        self.lag.record(micros(late), &mut self.spares);
    }

    /// The lag since it was last taken.
    pub(crate) fn take_lag(&mut self) -> Hist {
        std::mem::take(&mut self.lag).finish(&mut self.spares)
    }

    /// Everything counted for seconds before `second` since the last call, in order of key.
    pub(crate) fn take_before(&mut self, second: u32) -> Vec<LoadTick> {
        let mut keys: Vec<_> = self
            .cells
            .keys()
            .filter(|key| key.second < second)
            .copied()
            .collect();
        keys.sort_unstable();
        let taken = keys.into_iter().filter_map(|key| {
            let cell = self.cells.remove(&key)?;
            Some(self.tick(key, cell))
        });
        taken.collect()
    }

    /// Everything that is left.
    pub(crate) fn take_all(&mut self) -> Vec<LoadTick> {
        let keys: BTreeMap<_, _> = std::mem::take(&mut self.cells).into_iter().collect();
        keys.into_iter()
            .map(|(key, cell)| self.tick(key, cell))
            .collect()
    }

    fn cell(&mut self, key: Key) -> &mut Cell {
        self.cells.entry(key).or_default()
    }

    fn tick(&mut self, key: Key, cell: Cell) -> LoadTick {
        LoadTick {
            scenario: self.scenario.clone(),
            second: key.second,
            epoch: key.epoch,
            name: self
                .names
                .name(key.name)
                .map_or_else(String::new, |name| name.as_str().to_owned()),
            planned: cell.planned,
            started: cell.started,
            late_generator: cell.late_generator,
            late_target: cell.late_target,
            dropped: cell.dropped,
            ok: cell.ok,
            errors: cell.errors,
            cancelled: cell.cancelled,
            bytes_in: cell.bytes_in,
            response: cell.response.finish(&mut self.spares),
            service: cell.service.finish(&mut self.spares),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use std::sync::Arc;

    fn meter() -> Meter {
        Meter::new(
            "s".into(),
            Names::of(&[Arc::new(testing::journey("a", &["b"]))]),
        )
    }

    const fn sample(class: Option<&str>) -> Sample<'_> {
        let (response, service) = (Duration::from_millis(7), Duration::from_millis(5));
        Sample {
            class,
            response,
            service,
            bytes_in: 3,
        }
    }

    #[test]
    fn a_second_is_handed_out_once_over_and_amended_later() {
        let mut meter = meter();
        let key = Key {
            second: 4,
            epoch: 1,
            name: 1,
        };
        meter.started(key);
        meter.started(key);
        meter.ended(key, sample(None));
        assert_eq!(meter.take_before(4), []);
        let first = meter.take_before(5).pop().unwrap();
        assert_eq!(
            (first.second, first.epoch, first.name.as_str()),
            (4, 1, "a/b")
        );
        assert_eq!((first.started, first.ok, first.bytes_in), (2, 1, 3));
        assert_eq!(
            (first.response.count(), first.service.min()),
            (1, Some(harness_core::hist::bucket_of(5000)))
        );

        meter.ended(key, sample(Some("timeout")));
        let amendment = meter.take_before(6).pop().unwrap();
        assert_eq!(
            (amendment.second, amendment.started, amendment.ok),
            (4, 0, 0)
        );
        assert_eq!(
            amendment.errors,
            BTreeMap::from([("timeout".to_owned(), 1)])
        );
        assert_eq!(meter.take_all(), []);
    }

    #[test]
    fn epochs_of_one_second_stay_apart() {
        let mut meter = meter();
        for epoch in [0, 1, 1] {
            meter.planned(Key {
                second: 0,
                epoch,
                name: 0,
            });
        }
        let planned: Vec<_> = meter
            .take_all()
            .iter()
            .map(|t| (t.epoch, t.planned))
            .collect();
        assert_eq!(planned, [(0, 1), (1, 2)]);
    }

    #[test]
    fn lag_is_taken_once() {
        let mut meter = meter();
        meter.lag(Duration::from_micros(40));
        assert_eq!(meter.take_lag().count(), 1);
        assert!(meter.take_lag().is_empty());
    }
}
