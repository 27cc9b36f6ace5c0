//! Searches against targets of known capacity.

use super::*;
use proptest::prelude::*;

fn plan(from: f64, up_to: f64, precision: f64) -> SearchPlan {
    let rate = |r| Rate::per_second(r).unwrap();
    SearchPlan {
        goal: "max rate where p99 < 200ms".parse().unwrap(),
        spacing: Spacing::Even,
        from: rate(from),
        up_to: rate(up_to),
        within: Duration::from_secs(300),
        trial: Duration::from_secs(10),
        settle: Duration::from_secs(2),
        precision,
    }
}

fn tried(rate: Rate, held: bool) -> Tried {
    let fate = if held {
        Fate::Held
    } else {
        Fate::Broke {
            why: "p99 was 900 ms".into(),
            limit: Limit::Target,
        }
    };
    Tried { rate, fate }
}

/// Searches to the end, with the fate of the n-th trial at a rate given; what was tried.
fn search(plan: &SearchPlan, mut holds: impl FnMut(f64, usize) -> bool) -> Vec<Tried> {
    let mut all = Vec::new();
    while let Some(rate) = next(plan, &all) {
        let held = holds(rate.get(), all.len());
        all.push(tried(rate, held));
        assert!(all.len() < 200, "no end: {all:?}");
    }
    all
}

fn rates(tried: &[Tried]) -> Vec<f64> {
    tried.iter().map(|t| t.rate.get()).collect()
}

#[test]
fn it_doubles_then_bisects_and_confirms_both_ends() {
    let plan = plan(50.0, 10_000.0, 0.05);
    let all = search(&plan, |rate, _| rate <= 700.0);
    assert_eq!(
        rates(&all),
        [
            50.0, 100.0, 200.0, 400.0, 800.0, 800.0, 600.0, 700.0, 750.0, 750.0, 725.0, 725.0,
            700.0
        ]
    );
    let answer = answer(&plan, &all);
    assert_eq!(
        (answer.holds.unwrap().get(), answer.breaks.unwrap().get()),
        (700.0, 725.0)
    );
    assert!(answer.complete);
    assert_eq!(answer.limit, Some(Limit::Target));
}

#[test]
fn one_bad_trial_moves_no_end() {
    let plan = plan(50.0, 10_000.0, 0.05);
    // The third trial meets a hiccup at a rate the target carries.
    let all = search(&plan, |rate, n| rate <= 700.0 && n != 2);
    let answer = answer(&plan, &all);
    assert_eq!(answer.holds.unwrap().get(), 700.0);
    assert_eq!(rates(&all)[2..6], [200.0, 200.0, 200.0, 400.0]);
}

#[test]
fn a_target_that_carries_all_is_limited_by_nothing() {
    let plan = plan(50.0, 300.0, 0.05);
    let all = search(&plan, |_, _| true);
    assert_eq!(rates(&all), [50.0, 100.0, 200.0, 300.0, 300.0]);
    let answer = answer(&plan, &all);
    assert_eq!((answer.holds.unwrap().get(), answer.breaks), (300.0, None));
    assert_eq!((answer.limit, answer.complete), (None, true));
}

#[test]
fn a_target_that_carries_nothing_ends_the_search() {
    let plan = plan(50.0, 300.0, 0.05);
    let all = search(&plan, |_, _| false);
    let answer = answer(&plan, &all);
    assert_eq!((answer.holds, answer.complete), (None, true));
    assert!(answer.breaks.unwrap().get() < 0.1);
}

#[test]
fn a_search_cut_short_says_what_it_has() {
    let plan = plan(50.0, 10_000.0, 0.05);
    let all = search(&plan, |rate, _| rate <= 700.0);
    let answer = answer(&plan, &all[..7]);
    assert_eq!(
        (answer.holds.unwrap().get(), answer.breaks.unwrap().get()),
        (600.0, 800.0)
    );
    assert!(!answer.complete);
    assert_eq!(super::answer(&plan, &[]).holds, None);
}

proptest! {
    #[test]
    fn the_capacity_lies_in_the_interval(
        capacity in 0.5f64..50_000.0,
        from in 1f64..2000.0,
        precision in 0.01f64..0.5,
    ) {
        let plan = plan(from, 100_000.0, precision);
        let all = search(&plan, |rate, _| rate <= capacity);
        let answer = answer(&plan, &all);
        let holds = answer.holds.map_or(0.0, Rate::get);
        prop_assert!(holds <= capacity);
        if let Some(breaks) = answer.breaks {
            prop_assert!(breaks.get() > capacity);
            // As close as asked, or as close as three digits can tell.
            prop_assert!(holds == 0.0 || breaks.get() <= holds * (1.0 + precision.max(0.011)) + 0.002, "{} {}", holds, breaks.get());
        }
        prop_assert!(all.len() <= 60, "{} trials", all.len());
    }

    #[test]
    fn noise_never_keeps_it_from_ending(seed in any::<u64>(), capacity in 10f64..5000.0) {
        let plan = plan(10.0, 100_000.0, 0.05);
        let mut state = seed | 1;
        search(&plan, |rate, _| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let hiccup = (state >> 33) % 5 == 0;
            (rate <= capacity) != hiccup
        });
    }
}
