//! How long a target takes to be itself again after a fault.
//!
//! *The band* is what was usual: the windows wholly within the 30 s before the fault was armed in which no fault was
//! active or settling, at least 3 with arrivals. A window is inside the band when its p95 response time is at most
//! 1.5 times the median of their p95s (or 5 ms above it, if that is more) and its share of errors at most one
//! percentage point above theirs together. A window with planned arrivals of which none ended is outside. One with
//! none planned says nothing, unless as many users were there as before, when some came in every window: then they are
//! stuck, and it is outside.
//!
//! *Recovered* is the begin of the first 3 windows in a row inside the band, counted from the lifting; 0 when the
//! band was never left. Windows are a second long on runs up to ten minutes, and that is the resolution. Samples
//! belong to the window of their intended start. The watch ends with the load, or when another fault is armed.

use super::limits::{
    BAND_ARRIVALS, BAND_ERRORS, BAND_FACTOR, BAND_FLOOR_US, BAND_SECONDS, BAND_WINDOWS,
    STEADY_WINDOWS,
};
use super::measure::{arrivals, failed, finished, show};
use crate::expr::gate::Unit;
use crate::plan::gate::During;
use crate::record::{FaultRecord, Record, ScenarioRecord, Tally, WindowPoint};
use crate::units::human_us;

/// Whether and when the target recovered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovered {
    /// Microseconds from the lifting.
    After(u64),
    /// Not while it was watched. The time it takes is at least this many microseconds.
    NotWithin(u64),
    /// It can't be said, and why.
    Unknown(String),
}

/// What was usual before a fault.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// The highest p95 response time inside it, µs.
    pub p95_us: f64,
    /// The highest share of errors inside it, 0 to 1.
    pub errors: f64,
    /// The fewest user-seconds of its windows, where several journeys arrived in each.
    pub users: Option<u64>,
}

impl Band {
    /// Whether a window is inside; `None` if it says nothing. `whole` where all of it was looked at: that nobody came in
    /// a part of it is chance.
    pub(super) fn holds(&self, tally: &Tally, whole: bool) -> Option<bool> {
        let ended = finished(tally);
        match (ended, tally.response.quantile(0.95)) {
            (0, _) if arrivals(tally) == 0 => {
                let as_many = |users| tally.users > 0 && tally.users >= users;
                (whole && self.users.is_some_and(as_many)).then_some(false)
            }
            (0, _) | (_, None) => Some(false),
            (_, Some(p95)) => Some(
                p95 as f64 <= self.p95_us && failed(tally) as f64 <= self.errors * ended as f64,
            ),
        }
    }

    /// How a window that is outside left it, for people.
    pub(super) fn broken_by(&self, tally: &Tally) -> String {
        let ended = finished(tally).max(1) as f64;
        let errors = failed(tally) as f64 / ended;
        match tally.response.quantile(0.95) {
            None if arrivals(tally) == 0 => "users were there, and none came by".to_owned(),
            None => "nothing that was sent ended".to_owned(),
            Some(_) if errors > self.errors => format!(
                "{} ended badly, usual is up to {}",
                show(errors, &Unit::Share),
                show(self.errors, &Unit::Share)
            ),
            Some(p95) => format!(
                "p95 {}, usual is up to {}",
                human_us(p95),
                human_us(self.p95_us as u64)
            ),
        }
    }
}

/// What was usual before a fault: before this turn of it, or before the first where turns follow too closely.
pub(super) fn band_of(
    record: &Record,
    scenario: &ScenarioRecord,
    fault: &FaultRecord,
) -> Option<Band> {
    let first = || {
        record
            .faults_of(&scenario.name)
            .find(|f| f.name == fault.name)
    };
    band(scenario, fault).or_else(|| band(scenario, first()?))
}

/// What was usual before a fault of a scenario; `None` with too little to say.
pub fn band(scenario: &ScenarioRecord, fault: &FaultRecord) -> Option<Band> {
    let from = fault.armed_us.saturating_sub(BAND_SECONDS * 1_000_000);
    let inside = |p: &&WindowPoint| {
        let (begin, end) = bounds(scenario, p);
        begin >= from && end <= fault.armed_us
    };
    // Reading latencies takes time: of windows that lie elsewhere it is spared.
    let near = |epoch: u32| {
        scenario.in_phase(epoch, &During::Undisturbed)
            && scenario.touches(epoch, from, fault.armed_us)
    };
    let all = scenario.series_where(None, near);
    let (before, silent): (Vec<&WindowPoint>, Vec<_>) = all
        .iter()
        .filter(inside)
        .partition(|p| finished(&p.tally) > 0);
    let windows = || before.iter().chain(&silent).map(|p| &p.tally);
    let busy = windows().all(|tally| arrivals(tally) >= BAND_ARRIVALS);
    let users = windows().map(|tally| tally.users).min();
    let mut p95s: Vec<u64> = before
        .iter()
        .filter_map(|p| p.tally.response.quantile(0.95))
        .collect();
    if p95s.len() < BAND_WINDOWS {
        return None;
    }
    p95s.sort_unstable();
    let middle = p95s.len() / 2;
    // The upper of the two middle ones for an even number: the band errs on the wide side by one window.
    let median = p95s.get(middle).copied()? as f64;
    let ended: u64 = before.iter().map(|p| finished(&p.tally)).sum();
    let bad: u64 = before.iter().map(|p| failed(&p.tally)).sum();
    Some(Band {
        p95_us: (median * BAND_FACTOR).max(median + BAND_FLOOR_US),
        errors: bad as f64 / ended.max(1) as f64 + BAND_ERRORS,
        users: users.filter(|_| busy),
    })
}

/// How a scenario's target recovered from a fault.
pub fn recovery(record: &Record, scenario: &ScenarioRecord, fault: &FaultRecord) -> Recovered {
    let Some(lifted) = fault.lifted_us else {
        return Recovered::Unknown(format!(
            "`{}` was not lifted while the load ran",
            fault.name
        ));
    };
    let Some(band) = band_of(record, scenario, fault) else {
        let words = format!(
            "fewer than {BAND_WINDOWS} undisturbed windows with load lie before `{}`",
            fault.name
        );
        return Recovered::Unknown(words);
    };
    let until = watched_until(record, scenario, fault, lifted);
    let last = epochs_of(scenario, fault).map(|(_, last)| last);
    let after = |epoch: u32| {
        last.is_some_and(|last| epoch > last) && scenario.touches(epoch, lifted, until)
    };
    let (mut run, mut since) = (0, None);
    for point in scenario.series_where(None, after) {
        let (begin, end) = bounds(scenario, &point);
        if end <= lifted || end > until {
            continue;
        }
        match band.holds(&point.tally, begin >= lifted) {
            None => continue,
            Some(false) => (run, since) = (0, None),
            Some(true) => {
                run += 1;
                since = since.or(Some(begin));
            }
        }
        if run >= STEADY_WINDOWS {
            return Recovered::After(since.unwrap_or(begin).saturating_sub(lifted));
        }
    }
    // A run inside the band that the end cut off may yet be the recovery: it can't have come sooner than that.
    Recovered::NotWithin(since.unwrap_or(until).saturating_sub(lifted))
}

/// The first and the last epoch in which a turn of a fault was active: of the turns that began before it was lifted the
/// last.
fn epochs_of(scenario: &ScenarioRecord, fault: &FaultRecord) -> Option<(u32, u32)> {
    let lifted = fault.lifted_us.unwrap_or(u64::MAX);
    let turns = scenario
        .epochs
        .chunk_by(|a, b| a.faults.contains(&fault.name) == b.faults.contains(&fault.name));
    let turns = turns.filter_map(|turn| Some((turn.first()?, turn.last()?)));
    let mut turns = turns.filter(|(first, _)| first.faults.contains(&fault.name));
    let turn = turns.rfind(|(first, _)| first.from_us < lifted)?;
    Some((turn.0.epoch, turn.1.epoch))
}

/// The epoch in which a turn of a fault opens.
pub(super) fn first_epoch(scenario: &ScenarioRecord, fault: &FaultRecord) -> Option<u32> {
    epochs_of(scenario, fault).map(|(first, _)| first)
}

/// When the watch ends that begins at a time: with the load, or when the next fault is armed.
pub(super) fn watched_until(
    record: &Record,
    scenario: &ScenarioRecord,
    fault: &FaultRecord,
    lifted: u64,
) -> u64 {
    let next = armed_next(record, scenario, fault, lifted).map_or(u64::MAX, |f| f.armed_us);
    // While the load runs, the newest window still lacks its slow answers.
    let open = if scenario.end.is_none() {
        u64::from(scenario.window_s) * 1_000_000
    } else {
        0
    };
    next.min(scenario.load_end_us().saturating_sub(open))
}

/// The fault or turn that is armed first from a time on.
pub(super) fn armed_next<'r>(
    record: &'r Record,
    scenario: &'r ScenarioRecord,
    fault: &FaultRecord,
    since: u64,
) -> Option<&'r FaultRecord> {
    let others = record.faults_of(&scenario.name);
    let others = others.filter(|f| (&f.name, f.turn) != (&fault.name, fault.turn));
    others
        .filter(|f| f.armed_us >= since)
        .min_by_key(|f| f.armed_us)
}

/// A window's begin and end, microseconds since the run began.
pub(super) fn bounds(scenario: &ScenarioRecord, point: &WindowPoint) -> (u64, u64) {
    let begin = scenario.t0_us + u64::from(point.second) * 1_000_000;
    (begin, begin + u64::from(scenario.window_s) * 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::LoadTick;
    use crate::record::testing::{Stream, plan, tick, tick_of};

    /// 10 s of 20 ms, the fault, then whatever each second from 15 on brings.
    fn after_fault(after: impl Fn(u32) -> LoadTick, until: u32) -> Recovered {
        let stream = Stream::new(plan(u64::from(until), Vec::new()))
            .peak()
            .load(0..10, 0, 20_000)
            .fault();
        let stream = (10..15).fold(stream, |s, second| {
            s.tick(tick_of(second, 1, 0, 100, 500_000))
        });
        let record = (15..until)
            .fold(stream, |s, second| s.tick(after(second)))
            .done(until);
        recovery(&record, &record.scenarios[0], &record.faults[0])
    }

    fn epoch(second: u32) -> u32 {
        if second < 25 { 2 } else { 3 }
    }

    #[test]
    fn a_target_that_never_left_the_band_recovers_in_no_time() {
        assert_eq!(
            after_fault(|s| tick(s, epoch(s), 21_000), 40),
            Recovered::After(0)
        );
    }

    #[test]
    fn the_first_of_three_steady_windows_counts() {
        let slow_until =
            |n: u32| move |s: u32| tick(s, epoch(s), if s < n { 90_000 } else { 25_000 });
        assert_eq!(after_fault(slow_until(19), 40), Recovered::After(4_000_000));
        assert_eq!(
            after_fault(slow_until(30), 40),
            Recovered::After(15_000_000)
        );
        let relapse = |s: u32| tick(s, epoch(s), if s < 17 || s == 19 { 90_000 } else { 25_000 });
        assert_eq!(after_fault(relapse, 40), Recovered::After(5_000_000));
    }

    #[test]
    fn errors_keep_it_outside_the_band() {
        let erring = |bad: u64| {
            move |s: u32| tick_of(s, epoch(s), 100 - bad, if s < 18 { bad } else { 0 }, 20_000)
        };
        assert_eq!(after_fault(erring(1), 40), Recovered::After(0));
        assert_eq!(after_fault(erring(2), 40), Recovered::After(3_000_000));
    }

    #[test]
    fn windows_without_an_answer_are_no_recovery() {
        let silent = |s: u32| {
            if s < 20 {
                LoadTick {
                    planned: 100,
                    started: 100,
                    ..tick_of(s, epoch(s), 0, 0, 1)
                }
            } else {
                tick(s, epoch(s), 20_000)
            }
        };
        assert_eq!(after_fault(silent, 40), Recovered::After(5_000_000));
        let gap = |s: u32| {
            let answers = if s == 17 { 0 } else { 100 };
            LoadTick {
                planned: 100,
                started: 100,
                ..tick_of(s, epoch(s), answers, 0, 20_000)
            }
        };
        assert_eq!(after_fault(gap, 40), Recovered::After(3_000_000));
        // A second in which nothing was planned neither proves nor breaks anything.
        let pause = |s: u32| tick_of(s, epoch(s), if s == 17 { 0 } else { 100 }, 0, 20_000);
        assert_eq!(after_fault(pause, 40), Recovered::After(0));
        // Unless users were there: they are stuck in what they asked for before.
        let stuck = |s: u32| LoadTick {
            users: 10,
            ..pause(s)
        };
        assert_eq!(after_fault(stuck, 40), Recovered::After(3_000_000));
    }

    #[test]
    fn users_who_come_now_and_then_are_not_stuck_when_they_do_not() {
        // Four users of whom one or two come in a second, and in some seconds nobody does.
        let now_and_then = |s: u32| LoadTick {
            users: 4,
            ..tick_of(
                s,
                if s < 10 { 0 } else { epoch(s) },
                u64::from(s % 3),
                0,
                20_000,
            )
        };
        let stream = Stream::new(plan(40, Vec::new())).peak();
        let stream = (0..10).fold(stream, |s, second| s.tick(now_and_then(second)));
        let stream = (15..40).fold(stream.fault(), |s, second| s.tick(now_and_then(second)));
        let record = stream.done(40);
        assert_eq!(
            recovery(&record, &record.scenarios[0], &record.faults[0]),
            Recovered::After(1_000_000)
        );
    }

    #[test]
    fn a_load_that_ends_first_bounds_it_from_below() {
        assert_eq!(
            after_fault(|s| tick(s, epoch(s), 90_000), 30),
            Recovered::NotWithin(15_000_000)
        );
        let at_last = |s: u32| tick(s, epoch(s), if s < 28 { 90_000 } else { 20_000 });
        assert_eq!(after_fault(at_last, 30), Recovered::NotWithin(13_000_000));
    }

    #[test]
    fn without_a_usual_there_is_no_band() {
        let stream = Stream::new(plan(40, Vec::new()))
            .peak()
            .load(0..2, 0, 20_000)
            .fault();
        let record = (15..40)
            .fold(stream, |s, second| {
                s.tick(tick(second, epoch(second), 1000))
            })
            .done(40);
        assert!(matches!(
            recovery(&record, &record.scenarios[0], &record.faults[0]),
            Recovered::Unknown(_)
        ));
    }
}
