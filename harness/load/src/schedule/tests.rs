//! Schedules hold what their rates say, whatever the workers: property tests, and Poisson arrivals held against their
//! distribution at fixed seeds.

use super::*;
use harness_core::plan::load::{OpenPlan, Stream};
use harness_core::units::Rate;
use proptest::prelude::*;

fn stage(from: f64, to: f64, millis: u64) -> Stage {
    let rate = |r| Rate::per_second(r).unwrap();
    Stage {
        from: rate(from),
        to: rate(to),
        lasts: Duration::from_millis(millis),
    }
}

fn even(stages: &[Stage]) -> Vec<Duration> {
    let schedule = Schedule::new(stages, Spacing::Even, 0, 0);
    schedule.shard(0, 1).map(|(_, at)| at).collect()
}

fn poisson(stages: &[Stage], seed: u64) -> Vec<Duration> {
    let schedule = Schedule::new(stages, Spacing::Poisson, seed, 0);
    schedule.shard(0, 1).map(|(_, at)| at).collect()
}

fn integral(stages: &[Stage], until: Duration) -> f64 {
    let (mut sum, mut start) = (0.0, Duration::ZERO);
    for s in stages {
        let part = until.saturating_sub(start).min(s.lasts).as_secs_f64();
        let slope = if s.lasts.is_zero() {
            0.0
        } else {
            (s.to.get() - s.from.get()) / s.lasts.as_secs_f64()
        };
        sum += s.from.get() * part + slope * part * part / 2.0;
        start += s.lasts;
    }
    sum
}

#[test]
fn a_constant_rate_is_evenly_spaced() {
    let times = even(&[stage(500.0, 500.0, 60_000)]);
    assert_eq!(times.len(), 30_000);
    assert_eq!(times[0], Duration::from_millis(1));
    let gap = Duration::from_millis(2);
    let off = |w: &[Duration]| (w[1] - w[0]).abs_diff(gap);
    assert!(times.windows(2).all(|w| off(w) <= Duration::from_nanos(2)));
}

#[test]
fn a_ramp_from_zero_follows_the_square_root() {
    // 5 t² = k + ½.
    let times = even(&[stage(0.0, 100.0, 10_000)]);
    for (k, at) in times.iter().enumerate() {
        let expected = ((k as f64 + 0.5) / 5.0).sqrt();
        assert!((at.as_secs_f64() - expected).abs() < 1e-8, "{k}: {at:?}");
    }
    assert_eq!(times.len(), 500);
}

#[test]
fn nothing_arrives_at_rate_zero() {
    let stages = [
        stage(0.0, 0.0, 1000),
        stage(10.0, 10.0, 1000),
        stage(0.0, 0.0, 1000),
    ];
    let second = Duration::from_secs(1);
    for times in [even(&stages), poisson(&stages, 4)] {
        assert!(!times.is_empty());
        assert!(times.iter().all(|at| (second..2 * second).contains(at)));
    }
    assert_eq!(even(&stages).len(), 10);
    for nothing in [&[stage(0.0, 0.0, 1000)][..], &[]] {
        assert_eq!((even(nothing).len(), poisson(nothing, 4).len()), (0, 0));
    }
}

/// Arrivals of a Poisson process with the rate `200/s..1000/s` in its four quarters, over many seeds: mean and variance
/// of each count are the integral of the rate there, and counts of different quarters don't move together.
#[test]
fn poisson_counts_have_the_mean_and_the_variance_of_the_integral() {
    let stages = [stage(200.0, 1000.0, 400), stage(1000.0, 1000.0, 400)];
    let quarter = |k: u32| Duration::from_millis(200) * k;
    let seeds = 600;
    let counts: Vec<[f64; 4]> = (0..seeds)
        .map(|seed| {
            let mut counts = [0.0; 4];
            for at in poisson(&stages, seed) {
                counts[(at.as_millis() / 200) as usize] += 1.0;
            }
            counts
        })
        .collect();
    let n = seeds as f64;
    let mean = |of: &dyn Fn(&[f64; 4]) -> f64| counts.iter().map(of).sum::<f64>() / n;
    for k in 0..4 {
        let expected =
            integral(&stages, quarter(k as u32 + 1)) - integral(&stages, quarter(k as u32));
        let m = mean(&|c| c[k]);
        let v = mean(&|c| (c[k] - m).powi(2));
        // Five standard errors: of the mean √(λ/n), of the variance about λ√(2/n).
        assert!(
            (m - expected).abs() < 5.0 * (expected / n).sqrt(),
            "{k}: {m} for {expected}"
        );
        assert!(
            (v - expected).abs() < 5.0 * expected * (2.0 / n).sqrt(),
            "{k}: {v} for {expected}"
        );
        let next = (k + 1) % 4;
        let m_next = mean(&|c| c[next]);
        let together = mean(&|c| (c[k] - m) * (c[next] - m_next)) / expected;
        assert!(
            together.abs() < 5.0 * 2.0 / n.sqrt(),
            "{k}: correlated by {together}"
        );
    }
}

/// The largest distance between the distribution of some values and the unit exponential (Kolmogorov and Smirnov).
fn distance_from_exponential(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len() as f64;
    let distances = values.iter().enumerate().map(|(k, x)| {
        let expected = 1.0 - (-x).exp();
        (expected - k as f64 / n)
            .abs()
            .max(((k + 1) as f64 / n - expected).abs())
    });
    distances.fold(0.0, f64::max)
}

#[test]
fn poisson_gaps_in_the_integral_are_unit_exponentials() {
    let stages = [
        stage(0.0, 3000.0, 2000),
        stage(50.0, 50.0, 10_000),
        stage(3000.0, 100.0, 3000),
    ];
    let gaps = |times: &[Duration]| -> Vec<f64> {
        let reached = |at: &Duration| integral(&stages, *at);
        times
            .windows(2)
            .map(|w| reached(&w[1]) - reached(&w[0]))
            .collect()
    };
    for seed in 0..5 {
        let gaps = gaps(&poisson(&stages, seed));
        let n = gaps.len() as f64;
        assert!(n > 7500.0);
        // 1.95/√n is passed by one in a thousand; the seeds are fixed.
        let distance = distance_from_exponential(gaps.clone());
        assert!(distance < 1.95 / n.sqrt(), "seed {seed}: {distance}");
        // No gap tells anything of the next.
        let product = gaps.windows(2).map(|w| (w[0] - 1.0) * (w[1] - 1.0));
        let together = product.sum::<f64>() / n;
        assert!(together.abs() < 5.0 / n.sqrt(), "seed {seed}: {together}");
    }
    // The test can fail: even arrivals are no Poisson process.
    let even = gaps(&even(&stages));
    assert!(distance_from_exponential(even) > 0.5);
}

fn stages() -> impl Strategy<Value = Vec<Stage>> {
    let rate = prop_oneof![Just(0.0), 0.0f64..5.0, 0.0f64..3000.0];
    let one = (rate.clone(), rate, 0u64..4000, any::<bool>())
        .prop_map(|(from, to, millis, flat)| stage(from, if flat { from } else { to }, millis));
    prop::collection::vec(one, 0..6)
}

fn streams() -> impl Strategy<Value = OpenPlan> {
    let spacing = prop_oneof![Just(Spacing::Even), Just(Spacing::Poisson)];
    (spacing, prop::collection::vec(stages(), 1..4)).prop_map(|(spacing, streams)| OpenPlan {
        spacing,
        streams: streams
            .into_iter()
            .map(|stages| Stream {
                journey: None,
                stages,
            })
            .collect(),
    })
}

proptest! {
    #[test]
    fn the_count_is_the_integral(stages in stages()) {
        let times = even(&stages);
        let end: Duration = stages.iter().map(|s| s.lasts).sum();
        let whole = integral(&stages, end);
        prop_assert!((times.len() as f64 - whole).abs() <= 0.5 + 1e-6, "{} arrivals for {}", times.len(), whole);
        prop_assert!(times.windows(2).all(|w| w[0] <= w[1]));
        prop_assert!(times.iter().all(|at| *at < end));
        // At each arrival the integral stands where it should, so no part of the schedule has more or fewer either.
        for (k, at) in times.iter().enumerate().step_by(37) {
            let here = integral(&stages, *at);
            prop_assert!((here - (k as f64 + 0.5)).abs() < 1e-3, "{at:?} at {here}");
        }
    }

    #[test]
    fn shards_together_are_the_whole(plan in streams(), seed: u64, workers in 1usize..9) {
        let streams = Streams::new(&plan, seed);
        let whole: Vec<_> = streams.shard(0, 1).collect();
        prop_assert!(whole.windows(2).all(|w| (w[0].at, w[0].stream) <= (w[1].at, w[1].stream)));
        let shards: Vec<Vec<_>> = (0..workers).map(|w| streams.shard(w, workers).collect()).collect();
        for shard in &shards {
            prop_assert!(shard.windows(2).all(|w| w[0].at <= w[1].at));
        }
        let mut together: Vec<_> = shards.into_iter().flatten().collect();
        together.sort_by_key(|a| (a.at, a.stream, a.index));
        prop_assert_eq!(&together, &whole);
        let numbers: std::collections::BTreeSet<_> = whole.iter().map(|a| a.number).collect();
        prop_assert_eq!(numbers.len(), whole.len());
        // Each stream is played whole and in order, as it would be alone.
        for (number, stream) in plan.streams.iter().enumerate() {
            let alone = Schedule::new(&stream.stages, plan.spacing, seed, number as u64);
            let alone: Vec<_> = alone.shard(0, 1).collect();
            let played = whole.iter().filter(|a| a.stream == number).map(|a| (a.index, a.at));
            prop_assert_eq!(played.collect::<Vec<_>>(), alone);
        }
    }

    #[test]
    fn the_seed_decides_poisson_arrivals(seed: u64) {
        let stages = [stage(100.0, 300.0, 1000)];
        prop_assert_eq!(poisson(&stages, seed), poisson(&stages, seed));
        prop_assert_ne!(poisson(&stages, seed), poisson(&stages, seed.wrapping_add(1)));
        let other = Schedule::new(&stages, Spacing::Poisson, seed, 1);
        let other: Vec<_> = other.shard(0, 1).map(|(_, at)| at).collect();
        prop_assert_ne!(other, poisson(&stages, seed));
    }
}
