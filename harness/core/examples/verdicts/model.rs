//! Simulated runs whose truth is known: what the regression verdicts are measured with. Responses are lognormal, their level
//! wanders from second to second (AR(1)), about once a minute the target stalls for a moment, the first seconds are slow,
//! and runs of the same build differ from each other. Arrivals are a Poisson process, so that counts per cell can be drawn
//! directly: a second costs microseconds, whatever its rate.

use harness_core::name::RunId;
use harness_core::plan::gate::During;
use harness_core::random::Draws;
use harness_core::stats::normal;
use harness_core::verdict::Trust;
use harness_core::verdict::regression::{Sample, Series, Window};
use std::collections::BTreeMap;
use std::f64::consts::PI;

/// What is simulated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Model {
    /// Requests a second.
    pub(crate) rate: f64,
    /// Length, seconds.
    pub(crate) seconds: u32,
    /// Length of a window, seconds.
    pub(crate) window_s: u32,
    /// The median, µs.
    pub(crate) median_us: f64,
    /// Deviation of ln of a response time.
    pub(crate) sigma: f64,
    /// Deviation of a second's level.
    pub(crate) wander: f64,
    /// Its correlation with the second before.
    pub(crate) phi: f64,
    /// Stalls a minute.
    pub(crate) stalls: f64,
    /// Their mean length, seconds.
    pub(crate) stall_s: f64,
    /// Deviation of a run's level: the spread between runs.
    pub(crate) spread: f64,
    /// Width of the steps of ln in which counts are drawn; a sample's cells are 0.03 wide.
    pub(crate) step: f64,
}

impl Model {
    /// The model of docs/benchmarks.md: within a run, p50, p95 and p99 come out with errors of about 1, 1.5 and 4 %.
    pub(crate) const fn usual(seconds: u32, spread: f64) -> Self {
        Self {
            rate: 1000.0,
            seconds,
            window_s: if seconds > 240 { 3 } else { 1 },
            median_us: 20_000.0,
            sigma: 0.5,
            wander: 0.05,
            phi: 0.8,
            stalls: 1.0,
            stall_s: 0.2,
            spread,
            step: 0.015,
        }
    }
}

/// What a build does to response times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Shift {
    /// All of them take that much longer.
    All(f64),
    /// The slowest tenth does.
    #[allow(
        dead_code,
        reason = "the benchmark, which shares this file, asks for it"
    )]
    Tail(f64),
    /// Stalls come that many times as often.
    #[allow(dead_code, reason = "the tests, which share this file, ask for it")]
    Stalls(f64),
}

/// No change.
pub(crate) const SAME: Shift = Shift::All(0.0);

/// Where the slowest tenth begins, deviations above the mean.
const TENTH: f64 = 1.281_551_565_544_6;

/// Values of the normal distribution's function, which is asked for by the million.
pub(crate) struct Table(Vec<f64>);

impl Table {
    const STEP: f64 = 0.005;
    const END: f64 = 8.0;

    /// Made once.
    pub(crate) fn new() -> Self {
        let n = (2.0 * Self::END / Self::STEP) as u32;
        let at = |i| normal::below(f64::from(i) * Self::STEP - Self::END);
        Self((0..=n).map(at).collect())
    }

    fn below(&self, z: f64) -> f64 {
        let place = ((z + Self::END) / Self::STEP).clamp(0.0, (self.0.len() - 2) as f64);
        let (low, share) = (place as usize, place.fract());
        self.0[low] + share * (self.0[low + 1] - self.0[low])
    }
}

/// What counts are drawn in.
struct Steps {
    /// Logarithms of their edges.
    edges: Vec<f64>,
    middles: Vec<u64>,
}

impl Steps {
    fn new(model: &Model) -> Self {
        let low = model.median_us.ln() - 6.0 * model.sigma;
        let n = (12.0 * model.sigma / model.step) as u32;
        let edges: Vec<f64> = (0..=n).map(|i| low + f64::from(i) * model.step).collect();
        let middles = edges.iter().map(|ln| (ln + model.step / 2.0).exp() as u64);
        Self {
            middles: middles.collect(),
            edges,
        }
    }
}

/// A name's windows in one run.
pub(crate) fn series(model: &Model, shift: Shift, table: &Table, draws: &mut Draws) -> Series {
    let windows = windows(model, shift, table, draws);
    let of = |(second, times): (u32, Vec<(u64, u64)>)| Window::of(second, 0, times);
    Series(windows.into_iter().map(of).collect())
}

/// Response times by window: (µs, how many).
pub(crate) fn windows(
    model: &Model,
    shift: Shift,
    table: &Table,
    draws: &mut Draws,
) -> BTreeMap<u32, Vec<(u64, u64)>> {
    let steps = Steps::new(model);
    let (all, tail, often) = match shift {
        Shift::All(by) => (by, 0.0, 1.0),
        Shift::Tail(by) => (0.0, by.ln_1p(), 1.0),
        Shift::Stalls(times) => (0.0, 0.0, times),
    };
    let run = all.ln_1p() + model.spread * gauss(draws);
    let mut level = model.wander * gauss(draws);
    let fresh = model.wander * (1.0 - model.phi * model.phi).sqrt();
    let mut windows: BTreeMap<u32, Vec<(u64, u64)>> = BTreeMap::new();
    for second in 0..model.seconds {
        level = model.phi * level + fresh * gauss(draws);
        let warm = (0.3 * (-f64::from(second) / 8.0).exp()).ln_1p();
        let middle = model.median_us.ln() + run + level + warm;
        let stall = if draws.unit() < model.stalls * often / 60.0 {
            (-draws.unit().max(1e-12).ln() * model.stall_s).min(1.0)
        } else {
            0.0
        };
        let window = windows
            .entry(second / model.window_s * model.window_s)
            .or_default();
        let rate = model.rate * (1.0 - stall);
        let mut before = 0.0;
        for (edge, middle_us) in steps.edges.iter().skip(1).zip(&steps.middles) {
            let share = table.below(z(*edge, middle, model.sigma, tail));
            let n = poisson(rate * (share - before), draws);
            before = share;
            if n > 0 {
                window.push((*middle_us, n));
            }
        }
        for _ in 0..poisson(model.rate * stall, draws) {
            let own = (middle + model.sigma * gauss(draws)).exp();
            window.push(((own + draws.unit() * stall * 1e6) as u64, 1));
        }
    }
    windows
}

/// Deviations above the mean at which the logarithm of a response time lies, where the slowest tenth takes longer.
fn z(ln: f64, middle: f64, sigma: f64, tail: f64) -> f64 {
    let plain = (ln - middle) / sigma;
    if plain <= TENTH {
        return plain;
    }
    (plain - tail / sigma).max(TENTH)
}

/// A run of some names, each with a shift of its own and independent of the others.
pub(crate) fn sample(
    model: &Model,
    shifts: &[Shift],
    table: &Table,
    seed: u64,
    run: u64,
) -> Sample {
    let of = |(at, shift): (usize, &Shift)| {
        let mut draws = Draws::at(seed, &[run, at as u64]);
        (
            format!("name-{at}"),
            series(model, *shift, table, &mut draws),
        )
    };
    let arrivals = (model.rate * f64::from(model.seconds)) as u64;
    Sample {
        format: 1,
        run: run_id(run),
        date: "2026-01-01T00:00:00+00:00".to_owned(),
        commit: None,
        seed,
        scenario: "steady".parse().unwrap(),
        during: During::Undisturbed,
        workload: "simulated".to_owned(),
        machine: BTreeMap::new(),
        trust: Trust::Valid,
        reasons: Vec::new(),
        completed: true,
        planned: arrivals,
        started: arrivals,
        seconds: f64::from(model.seconds),
        schedule_s: f64::from(model.seconds),
        window_s: model.window_s,
        names: shifts.iter().enumerate().map(of).collect(),
    }
}

fn run_id(run: u64) -> RunId {
    format!("run-{run}").parse().unwrap()
}

/// A standard normal draw (Box and Muller).
fn gauss(draws: &mut Draws) -> f64 {
    let (a, b) = (draws.unit().max(1e-300), draws.unit());
    (-2.0 * a.ln()).sqrt() * (2.0 * PI * b).cos()
}

/// A Poisson draw: by waiting times, and above 16 by its normal approximation.
fn poisson(mean: f64, draws: &mut Draws) -> u64 {
    if mean <= 0.0 {
        return 0;
    }
    if mean > 16.0 {
        return (mean + mean.sqrt() * gauss(draws)).round().max(0.0) as u64;
    }
    let (bound, mut product, mut n) = ((-mean).exp(), draws.unit(), 0);
    while product > bound {
        product *= draws.unit();
        n += 1;
    }
    n
}
