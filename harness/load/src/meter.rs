//! Counts one worker's load: per name, second and epoch of the intended start. What it holds of a second is handed
//! out once the second is over; what completes later comes as an amendment, because ticks of equal key add up.

use crate::local;
use crate::names::Names;
use crate::recorder::{Digits, Recorder, Spares};
use harness_core::event::{LoadTick, LocalFailures};
use harness_core::hist::Hist;
use harness_core::http::{Failure, Timing};
use harness_core::phases::{Phases, RequestPhase};
use harness_core::units::micros;
use std::cell::Cell as Count;
use std::collections::BTreeMap;
use std::rc::Rc;
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

/// Begun later than this after its intended time counts as late: well above what a timer and a scheduler need, well
/// below what would change a verdict. The lag histogram has the whole picture.
pub(crate) const LATE: Duration = Duration::from_millis(5);

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
    /// A fault has touched a connection that it used.
    pub(crate) affected: bool,
}

/// Users who are there now, by the journey they walk or walked last.
#[derive(Debug, Clone)]
pub(crate) struct Users(Rc<[Count<u64>]>);

impl Users {
    /// Nobody, in so many journeys.
    pub(crate) fn new(journeys: usize) -> Self {
        Self((0..journeys).map(|_| Count::new(0)).collect())
    }

    /// Counts one who came to a journey.
    pub(crate) fn came(&self, journey: usize) {
        if let Some(there) = self.0.get(journey) {
            there.set(there.get() + 1);
        }
    }

    /// Counts one who left a journey.
    pub(crate) fn left(&self, journey: usize) {
        if let Some(there) = self.0.get(journey) {
            there.set(there.get().saturating_sub(1));
        }
    }

    /// How many there are in each journey that has any.
    pub(crate) fn there(&self) -> impl Iterator<Item = (usize, u64)> {
        let all = self.0.iter().map(Count::get).enumerate();
        all.filter(|(_, there)| *there > 0)
    }
}

#[derive(Debug, Default)]
struct Cell {
    users: u64,
    planned: u64,
    started: u64,
    late_generator: u64,
    late_target: u64,
    dropped: u64,
    dropped_generator: u64,
    begun: u64,
    no_data: u64,
    ok: u64,
    errors: BTreeMap<String, u64>,
    cancelled: u64,
    bytes_in: u64,
    affected: Recorder,
    affected_errors: u64,
    response: Recorder,
    service: Recorder,
    phases: [Recorder; RequestPhase::ALL.len()],
}

/// Cells by name; of each name those of the last seconds, mostly one. Found without hashing: it is done several times
/// for each request.
#[derive(Debug)]
struct Cells(Vec<Vec<(Key, Cell)>>);

impl Cells {
    /// None yet, of so many names.
    fn of(names: usize) -> Self {
        // One more, for what has no name.
        Self((0..=names).map(|_| Vec::new()).collect())
    }

    fn at(&mut self, key: Key) -> &mut Cell {
        let last = self.0.len() - 1;
        let of_name = &mut self.0[(key.name as usize).min(last)];
        let at = match of_name.iter().rposition(|(known, _)| *known == key) {
            Some(at) => at,
            None => {
                of_name.push((key, Cell::default()));
                of_name.len() - 1
            }
        };
        &mut of_name[at].1
    }

    /// Takes out those whose key is wanted, in order of key.
    fn take(&mut self, wanted: impl Fn(&Key) -> bool) -> Vec<(Key, Cell)> {
        let all = self.0.iter_mut();
        let mut taken: Vec<_> = all
            .flat_map(|of_name| of_name.extract_if(.., |(key, _)| wanted(key)))
            .collect();
        taken.sort_unstable_by_key(|(key, _)| *key);
        taken
    }
}

/// The counts of one worker, and its lag.
#[derive(Debug)]
pub(crate) struct Meter {
    scenario: String,
    names: Names,
    cells: Cells,
    lag: Recorder,
    local: LocalFailures,
    spares: Spares,
    /// Histograms of phases, at two digits: a ninth of the size, and there are three or more for each name.
    coarse: Spares,
}

impl Meter {
    /// An empty meter; a key's name is an index of `names`.
    pub(crate) fn new(scenario: String, names: Names) -> Self {
        Self {
            scenario,
            cells: Cells::of(names.count()),
            names,
            lag: Recorder::default(),
            local: LocalFailures::default(),
            spares: Spares::new(Digits::Three),
            coarse: Spares::new(Digits::Two),
        }
    }

    /// Counts walks that came due.
    pub(crate) fn planned(&mut self, key: Key, walks: u64) {
        self.cell(key).planned += walks;
    }

    /// Counts users who are there in the middle of a second.
    pub(crate) fn users(&mut self, key: Key, there: u64) {
        self.cell(key).users += there;
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

    /// Counts walks that came due and were not begun; `own`: because the generator came to them late.
    pub(crate) fn dropped(&mut self, key: Key, walks: u64, own: bool) {
        let cell = self.cell(key);
        cell.dropped += walks;
        cell.dropped_generator += if own { walks } else { 0 };
    }

    /// Counts a journey whose first request goes out; the key's second is the one in which it does.
    pub(crate) fn begun(&mut self, key: Key) {
        self.cell(key).begun += 1;
    }

    /// Counts a failure, if it is one of this machine.
    pub(crate) fn failed(&mut self, failure: &Failure) {
        local::count(&mut self.local, failure);
    }

    /// The failures of this machine since they were last taken.
    pub(crate) fn take_local(&mut self) -> LocalFailures {
        std::mem::take(&mut self.local)
    }

    /// Counts an arrival that was not begun because its journey's data had run out.
    pub(crate) fn no_data(&mut self, key: Key, count: u64) {
        self.cell(key).no_data += count;
    }

    /// Counts one that was under way when the load was stopped.
    pub(crate) fn cancelled(&mut self, key: Key) {
        self.cell(key).cancelled += 1;
    }

    /// Counts one that ended.
    pub(crate) fn ended(&mut self, key: Key, sample: Sample<'_>) {
        let Self { cells, spares, .. } = self;
        let cell = cells.at(key);
        match sample.class {
            None => cell.ok += 1,
            Some(class) => match cell.errors.get_mut(class) {
                Some(count) => *count += 1,
                None => _ = cell.errors.insert(class.to_owned(), 1),
            },
        }
        cell.bytes_in += sample.bytes_in;
        if sample.affected {
            cell.affected.record(micros(sample.response), spares);
            cell.affected_errors += u64::from(sample.class.is_some());
        }
        cell.response.record(micros(sample.response), spares);
        cell.service.record(micros(sample.service), spares);
    }

    /// Counts where the time of one exchange of a step went; only what happened of it.
    pub(crate) fn exchanged(&mut self, key: Key, timing: &Timing) {
        let Self { cells, coarse, .. } = self;
        let cell = cells.at(key);
        for (phase, recorder) in RequestPhase::ALL.iter().zip(&mut cell.phases) {
            if let Some(us) = phase.of(timing) {
                recorder.record(us, coarse);
            }
        }
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
        let taken = self.cells.take(|key| key.second < second);
        self.ticks(taken)
    }

    /// Everything that is left.
    pub(crate) fn take_all(&mut self) -> Vec<LoadTick> {
        let taken = self.cells.take(|_| true);
        self.ticks(taken)
    }

    fn ticks(&mut self, cells: Vec<(Key, Cell)>) -> Vec<LoadTick> {
        let ticks = cells.into_iter().map(|(key, cell)| self.tick(key, cell));
        ticks.collect()
    }

    fn cell(&mut self, key: Key) -> &mut Cell {
        self.cells.at(key)
    }

    fn tick(&mut self, key: Key, cell: Cell) -> LoadTick {
        let mut phases = Phases::default();
        for (phase, recorder) in RequestPhase::ALL.into_iter().zip(cell.phases) {
            // A short list holds exact values, a histogram's are coarse already.
            *phases.get_mut(phase) = recorder.finish(&mut self.coarse).coarsen();
        }
        LoadTick {
            scenario: self.scenario.clone(),
            second: key.second,
            epoch: key.epoch,
            name: self
                .names
                .name(key.name)
                .map_or_else(String::new, |name| name.as_str().to_owned()),
            users: cell.users,
            planned: cell.planned,
            started: cell.started,
            late_generator: cell.late_generator,
            late_target: cell.late_target,
            dropped: cell.dropped,
            dropped_generator: cell.dropped_generator,
            begun: cell.begun,
            no_data: cell.no_data,
            ok: cell.ok,
            errors: cell.errors,
            cancelled: cell.cancelled,
            bytes_in: cell.bytes_in,
            affected: cell.affected.finish(&mut self.spares),
            affected_errors: cell.affected_errors,
            response: cell.response.finish(&mut self.spares),
            service: cell.service.finish(&mut self.spares),
            phases,
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
            affected: false,
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
    fn what_a_fault_touched_is_counted_apart_and_with_the_rest() {
        let mut meter = meter();
        let key = Key {
            second: 0,
            epoch: 0,
            name: 0,
        };
        for (class, affected) in [(None, false), (None, true), (Some("timeout"), true)] {
            let sample = Sample {
                affected,
                ..sample(class)
            };
            meter.ended(key, sample);
        }
        let tick = meter.take_all().pop().unwrap();
        assert_eq!((tick.response.count(), tick.affected.count()), (3, 2));
        assert_eq!((tick.affected_errors, tick.errors["timeout"]), (1, 1));
    }

    #[test]
    fn epochs_of_one_second_stay_apart() {
        let mut meter = meter();
        for epoch in [0, 1, 1] {
            let key = Key {
                second: 0,
                epoch,
                name: 0,
            };
            meter.planned(key, 1);
        }
        let planned: Vec<_> = meter
            .take_all()
            .iter()
            .map(|t| (t.epoch, t.planned))
            .collect();
        assert_eq!(planned, [(0, 1), (1, 2)]);
    }

    #[test]
    fn only_phases_that_happened_are_told() {
        let mut meter = meter();
        let key = Key {
            second: 0,
            epoch: 0,
            name: 1,
        };
        let kept = Timing {
            queue_us: 3,
            first_byte_us: 5_000,
            body_us: 40,
            total_us: 5_040,
            ..Timing::default()
        };
        for n in 0..1000 {
            let connect_us = if n == 0 { 700 } else { 0 };
            meter.exchanged(key, &Timing { connect_us, ..kept });
        }
        let phases = meter.take_all().pop().unwrap().phases;
        let counts = RequestPhase::ALL.map(|phase| phases.get(phase).count());
        assert_eq!(counts, [1000, 0, 1, 0, 1000, 1000]);
        assert_eq!(phases.queue.max(), Some(3));
        let wait = phases.first_byte.quantile(0.5).unwrap();
        assert!((5_000..=5_040).contains(&wait), "{wait}");
        assert_eq!(phases.first_byte.coarsen(), phases.first_byte);
    }

    #[test]
    fn lag_is_taken_once() {
        let mut meter = meter();
        meter.lag(Duration::from_micros(40));
        assert_eq!(meter.take_lag().count(), 1);
        assert!(meter.take_lag().is_empty());
    }
}
