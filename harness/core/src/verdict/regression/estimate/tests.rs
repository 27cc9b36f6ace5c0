//! What of a run is left, and what its figures' errors are worth.

use super::*;
use crate::record::testing::{Stream, plan};

fn series(windows: impl IntoIterator<Item = (u32, u64)>) -> Series {
    let of = |(second, us)| Window::of(second, 0, (0..100).map(|i| (us + i * us / 100, 1)));
    Series(windows.into_iter().map(of).collect())
}

fn sample(seconds: u32, series: Series) -> Sample {
    let record = Stream::new(plan(10, Vec::new()))
        .peak()
        .load(0..10, 0, 1_000)
        .done(10);
    Sample {
        schedule_s: f64::from(seconds),
        window_s: 1,
        names: [("browse".to_owned(), series)].into(),
        ..Sample::of(&record, "peak", &During::Undisturbed).unwrap()
    }
}

fn of(sample: &Sample) -> NameEstimate {
    Estimate::of(sample, &Settings::default()).names["browse"].clone()
}

#[test]
fn a_tenth_is_trimmed_or_thirty_seconds() {
    let span = |seconds| of(&sample(seconds, series((0..seconds).map(|s| (s, 5_000))))).span;
    let whole = span(300);
    assert_eq!(
        (whole.from_s, whole.seconds, whole.block, whole.short),
        (30, 270.0, 20, false)
    );
    assert_eq!(span(600).from_s, 60);
    let short = span(60);
    assert_eq!(
        (short.from_s, short.seconds, short.block, short.short),
        (6, 54.0, 5, true)
    );
    assert!(short.blocks >= 10.0);
}

/// Answers are a third slower for a minute and a half: all of that goes, and no second more than a stretch beyond it.
#[test]
fn what_has_not_settled_is_left_out() {
    let warm = |s: u32| (s, if s < 90 { 6_600 } else { 5_000 });
    let span = of(&sample(400, series((0..400).map(warm)))).span;
    assert!((90..115).contains(&span.from_s), "{span:?}");
    // Slower in the second half is no settling.
    let late = |s: u32| (s, if s >= 200 { 6_600 } else { 5_000 });
    let span = of(&sample(400, series((0..400).map(late)))).span;
    assert!(span.from_s > 150, "{span:?}");
}

#[test]
fn a_constant_has_no_error_and_the_same_figures_each_time() {
    let same = sample(300, series((0..300).map(|s| (s, 5_000))));
    let estimate = of(&same);
    assert_eq!(estimate.samples, 27_000);
    for quantile in &estimate.quantiles {
        assert!(
            quantile.se_low < 1e-9 && quantile.se_high < 1e-9,
            "{quantile:?}"
        );
    }
    let median = estimate.quantiles[0].ln.exp();
    assert!((median / 7_500.0 - 1.0).abs() < 0.01, "{median}");
    assert_eq!(of(&same), estimate);
}

/// Seconds in which a name was not seen are seconds all the same.
#[test]
fn a_rare_name_has_the_time_of_the_others() {
    let mut rare = sample(300, series((0..300).map(|s| (s, 5_000))));
    let few = series((0..300).step_by(10).map(|s| (s, 5_000)));
    rare.names.insert("rare".to_owned(), few);
    let estimate = Estimate::of(&rare, &Settings::default());
    assert_eq!(estimate.names["rare"].span.seconds, 270.0);
    assert_eq!(estimate.names["rare"].samples, 2_700);
}

#[test]
fn errors_that_last_are_more_than_one_episode() {
    let windows = |bad: &[u32]| -> Vec<Window> {
        let of = |second| Window {
            failed: u64::from(bad.contains(&second)),
            second,
            ..Window::default()
        };
        (0..100).map(of).collect()
    };
    assert_eq!(episodes(&windows(&[]), 20), 0);
    assert_eq!(episodes(&windows(&[1, 2, 50]), 20), 2);
    assert_eq!(episodes(&windows(&(10..80).collect::<Vec<_>>()), 20), 4);
}
