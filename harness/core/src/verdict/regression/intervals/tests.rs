//! What intervals of a phase hold, and when none is told.

use super::*;
use crate::hist::Hist;
use crate::record::testing::{Stream, plan, tick_of};
use proptest::prelude::*;

fn tally(us: u64, ok: u64, bad: u64) -> Tally {
    let spread = (0..ok + bad).map(|i| (us + i * us / 100, 1));
    Tally {
        ok,
        errors: [("status-503".to_owned(), bad)].into(),
        response: Hist::from_counts(spread),
        ..Tally::default()
    }
}

fn of(windows: &[Tally]) -> Intervals {
    within(windows, windows.len() as f64)
}

/// Windows of a second, of a stretch that is so long.
fn within(windows: &[Tally], seconds: f64) -> Intervals {
    let tallies: Vec<&Tally> = windows.iter().collect();
    let stretch = Windows {
        tallies: &tallies,
        window_s: 1,
        seconds,
    };
    of_windows(stretch, &whole(windows), &mut Draws::at(1, &[]))
}

fn whole(windows: &[Tally]) -> Tally {
    let mut all = Tally::default();
    windows.iter().for_each(|tally| all.add(tally));
    all
}

/// Every answer of a second takes as long.
fn fixed(us: u64) -> Tally {
    Tally {
        ok: 100,
        response: Hist::from_counts([(us, 100)]),
        ..Tally::default()
    }
}

#[test]
fn what_never_varies_lies_at_itself() {
    let windows = vec![fixed(5_000); 20];
    let found = of(&windows);
    let only = whole(&windows).response.max().unwrap() as f64;
    for found in [found.p50, found.p95, found.p99].map(Option::unwrap) {
        assert_eq!((found.low, found.high), (only, only));
    }
}

/// Some seconds at 10 ms and the others at 2 s, as with time-outs: no block tells how far the median could lie.
#[test]
fn an_interval_reaches_no_further_than_what_was_seen() {
    let second = |s| {
        if s < 12 {
            fixed(10_000)
        } else {
            fixed(2_000_000)
        }
    };
    let windows: Vec<Tally> = (0..20).map(second).collect();
    let found = of(&windows);
    let seen = whole(&windows).response;
    let (least, most) = (seen.min().unwrap() as f64, seen.max().unwrap() as f64);
    for found in [found.p50, found.p95, found.p99].map(Option::unwrap) {
        assert!(found.low >= least && found.high <= most, "{found:?}");
    }
    assert!(found.p50.unwrap().high >= 1_900_000.0, "{found:?}");
}

/// Windows that the edges cut are no whole seconds.
#[test]
fn a_stretch_is_as_long_as_it_is() {
    let windows = vec![tally(5_000, 100, 0); 7];
    assert!(within(&windows, 5.2).none());
    assert!(!within(&windows, 5.9).none());
}

/// A recording may claim any count.
#[test]
fn counts_beyond_all_counting_overflow_nothing() {
    let mut windows = vec![tally(5_000, 100, 0); 20];
    for tally in &mut windows[3..9] {
        tally.ok = u64::MAX;
        tally.response = Hist::from_counts([(7_000, u64::MAX / 2)]);
    }
    assert!(of(&windows).p50.is_some());
}

fn width(interval: Option<Interval>) -> f64 {
    interval.map_or(f64::NAN, |i| i.high / i.low)
}

#[test]
fn seconds_alike_leave_little_room_and_seconds_apart_much() {
    let alike = of(&vec![tally(5_000, 100, 0); 20]);
    assert!(
        width(alike.p50) < 1.01 && width(alike.p95) < 1.01,
        "{alike:?}"
    );
    let level = |s: u64| 5_000 + 250 * (s / 2 % 5);
    let apart: Vec<Tally> = (0..20).map(|s| tally(level(s), 100, 0)).collect();
    let apart = of(&apart);
    assert!(width(apart.p50) > 1.05, "{apart:?}");
}

#[test]
fn of_too_little_nothing_is_told() {
    // Not three blocks of two seconds.
    assert!(of(&vec![tally(5_000, 100, 0); 5]).none());
    assert_eq!(of(&[]), Intervals::default());
    // Three blocks; five responses must lie beyond p99.
    let few = of(&vec![tally(5_000, 83, 0); 6]);
    assert!(few.p50.is_some() && few.p95.is_some() && few.p99.is_none());
    assert!(of(&vec![tally(5_000, 84, 0); 6]).p99.is_some());
    assert_eq!(of(&vec![Tally::default(); 20]), Intervals::default());
}

#[test]
fn what_never_failed_may_fail_and_bursts_widen() {
    let never = of(&vec![tally(5_000, 100, 0); 20]).error_rate.unwrap();
    let (_, high) = wilson::interval(0.0, 2000.0, Z);
    assert_eq!((never.low, never.high), (0.0, high));
    let steady = of(&vec![tally(5_000, 98, 2); 20]).error_rate.unwrap();
    assert!(steady.low > 0.01 && steady.high < 0.03, "{steady:?}");
    let second = |s| match s {
        7 | 8 => tally(5_000, 80, 20),
        _ => tally(5_000, 100, 0),
    };
    let bursts: Vec<Tally> = (0..20).map(second).collect();
    let bursts = of(&bursts).error_rate.unwrap();
    assert!(bursts.low <= 0.0 && bursts.high > 0.05, "{bursts:?}");
    // What failed on this machine is no error of the target's.
    let mut local = vec![tally(5_000, 100, 0); 20];
    for tally in &mut local {
        tally.errors = [("local".to_owned(), 50)].into();
    }
    assert!(of(&local).error_rate.unwrap().high < 0.002);
}

/// Levels wander from second to second, so that a phase lies off as a whole, which its own seconds don't show.
#[test]
fn of_ten_short_phases_nine_or_more_hold_the_truth() {
    let mut draws = Draws::at(7, &[]);
    let mut normal = || (0..12).map(|_| draws.unit()).sum::<f64>() - 6.0;
    let holds = (0..300).filter(|_| {
        let mut level = 0.05 * normal();
        let windows: Vec<Tally> = (0..20)
            .map(|_| {
                level = 0.8 * level + 0.03 * normal();
                tally((10_000.0 * level.exp()) as u64, 60, 0)
            })
            .collect();
        let found = of(&windows).p50.unwrap();
        // The middle of `tally` at the middle of the levels.
        found.low <= 12_950.0 && 12_950.0 <= found.high
    });
    let held = holds.count();
    assert!(held >= 270, "{held} of 300");
}

#[test]
fn phases_of_a_run_are_told_apart_and_the_same_each_time() {
    let mut stream = Stream::new(plan(40, Vec::new())).peak();
    for second in 0..40 {
        if second == 20 {
            stream = stream.fault();
        }
        let (epoch, us) = if second < 20 { (0, 1_000) } else { (1, 50_000) };
        stream = stream.at(f64::from(second) + 1.0);
        stream = stream.tick(tick_of(second, epoch, 100, 0, us));
    }
    let record = stream.done(40);
    let scenario = record.scenario("peak").unwrap();
    let fault = &scenario
        .epochs
        .iter()
        .flat_map(|e| &e.faults)
        .next()
        .unwrap()
        .clone();
    let told = |during: &During| {
        let whole = scenario.select(None, during);
        intervals(&record, scenario, &Stretch::Phase(during), &whole)
    };
    let [before, during, ..] = During::of_fault(fault).map(|during| told(&during));
    let before = before.p50.unwrap();
    assert!(before.low > 900.0 && before.high < 1_100.0, "{before:?}");
    // It lasts five seconds, whatever its samples are counted in.
    assert!(during.none(), "{during:?}");
    assert_eq!(told(&During::Before(fault.clone())).p50, Some(before));
    let control = During::Fault(fault.clone());
    let whole = scenario.select(None, &control);
    let control = intervals(&record, scenario, &Stretch::Control(&control), &whole);
    assert_eq!(control, Intervals::default());
}

proptest! {
    /// An interval holds the figure that it is of.
    #[test]
    fn the_figure_lies_within(
        windows in prop::collection::vec((1u64..5_000_000, 0u64..60, 0u64..5), 1..60),
        window_s in 1u32..7,
        cut in 0.5f64..1.0,
    ) {
        let windows: Vec<Tally> = windows
            .into_iter()
            .map(|(us, ok, bad)| tally(us, ok, bad))
            .collect();
        let tallies: Vec<&Tally> = windows.iter().collect();
        let (all, seconds) = (whole(&windows), f64::from(window_s) * cut * windows.len() as f64);
        let stretch = Windows { tallies: &tallies, window_s, seconds };
        let found = of_windows(stretch, &all, &mut Draws::at(3, &[]));
        for (q, found) in TOLD.iter().zip([found.p50, found.p95, found.p99]) {
            let Some(found) = found else { continue };
            let figure = all.response.quantile(*q).unwrap() as f64;
            prop_assert!(found.low <= figure && figure <= found.high, "{found:?} of {figure}");
            let seen = (all.response.min().unwrap() as f64, all.response.max().unwrap() as f64);
            prop_assert!(seen.0 <= found.low && found.high <= seen.1, "{found:?} of {seen:?}");
        }
        if let Some(found) = found.error_rate {
            let share = crate::verdict::error_rate(&all).unwrap();
            prop_assert!(0.0 <= found.low && found.low <= share);
            prop_assert!(share <= found.high && found.high <= 1.0);
        }
    }
}
