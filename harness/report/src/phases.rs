//! Where requests spent their time, worked out once for every reporter: the phases that happened with their shares,
//! step by step, and what of it is worth a person's attention. Figures and words; every reporter lays them out itself.

use crate::figures;
use crate::text::{self, one_line};
use harness_core::hist::Hist;
use harness_core::phases::{Phases, RequestPhase};
use harness_core::record::ScenarioRecord;
use std::cmp::Ordering;

/// A phase other than the wait for the answer stands out from this share of the time on.
const STANDS_OUT: f64 = 0.25;
/// A step is worth a word of its own from this share of its scenario's time on.
const STEP: f64 = 0.05;
/// The most steps told beside a scenario's line.
const STEPS: usize = 3;

/// A phase that happened.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// Which.
    pub phase: RequestPhase,
    /// Of the time of all phases together, 0 to 1.
    pub share: f64,
    /// What it adds to the mean of all requests, those included in which it did not happen, µs: these add up.
    pub adds_us: f64,
    /// How long it took where it happened, µs.
    pub hist: &'a Hist,
}

/// The phases that happened, in order.
pub fn parts(phases: &Phases) -> Vec<Part<'_>> {
    let all = spent(phases);
    // Every request has a queue; recordings made by hand may lack it.
    let requests = RequestPhase::ALL
        .iter()
        .map(|p| phases.get(*p).count())
        .max()
        .unwrap_or(0);
    let part = |phase: RequestPhase| {
        let hist = phases.get(phase);
        let spent = spent_in(hist);
        (!hist.is_empty()).then(|| Part {
            phase,
            share: if all > 0.0 { spent / all } else { 0.0 },
            adds_us: spent / requests.max(1) as f64,
            hist,
        })
    };
    RequestPhase::ALL.into_iter().filter_map(part).collect()
}

/// All time in a phase, µs.
fn spent_in(hist: &Hist) -> f64 {
    hist.mean().unwrap_or(0.0) * hist.count() as f64
}

/// All time in all phases, µs.
fn spent(phases: &Phases) -> f64 {
    let hists = RequestPhase::ALL.iter().map(|p| phases.get(*p));
    hists.map(spent_in).sum()
}

/// The steps of a scenario whose requests were timed, `journey/step`, in order of name; the warm-up left out.
pub fn steps(scenario: &ScenarioRecord) -> Vec<(&str, Phases)> {
    let steps = scenario.names.keys().filter_map(|name| {
        let phases = figures::judged(scenario, name).phases;
        (!figures::is_journey(name) && !phases.is_empty()).then_some((name.as_str(), phases))
    });
    steps.collect()
}

/// All steps together.
pub fn sum(steps: &[(&str, Phases)]) -> Phases {
    let mut all = Phases::default();
    steps.iter().for_each(|(_, phases)| all.add(phases));
    all
}

/// Where a scenario's requests spent their time in a line, and the steps of which that gives a wrong idea, a line each;
/// nothing where no phase was recorded. What stands out comes with its tail.
pub fn in_short(scenario: &ScenarioRecord) -> Vec<String> {
    let steps = steps(scenario);
    let all = sum(&steps);
    if all.is_empty() {
        return Vec::new();
    }
    let parts = parts(&all);
    let known: Vec<_> = parts
        .iter()
        .filter(|p| stands_out(p))
        .map(|p| p.phase)
        .collect();
    let total = spent(&all);
    let mut odd: Vec<(f64, String)> = steps
        .iter()
        .filter(|(_, phases)| spent(phases) >= total * STEP)
        .filter_map(|(name, phases)| {
            let parts = self::parts(phases);
            let new = |p: &&Part<'_>| stands_out(p) && !known.contains(&p.phase);
            let told: Vec<_> = largest_first(parts.iter().filter(new)).map(words).collect();
            let line = format!("{}: {}", one_line(name, 60), told.join(", "));
            (!told.is_empty()).then(|| (spent(phases), line))
        })
        .collect();
    odd.sort_by(|a, b| b.0.total_cmp(&a.0));
    let shown = parts.iter().filter(|p| p.share >= 0.01);
    let told: Vec<_> = largest_first(shown).map(words).collect();
    let told = match told.is_empty() {
        true => "too short to tell apart".to_owned(),
        false => told.join(", "),
    };
    std::iter::once(format!("Time of requests: {told}"))
        .chain(odd.into_iter().take(STEPS).map(|(_, line)| line))
        .collect()
}

fn stands_out(part: &Part<'_>) -> bool {
    part.phase != RequestPhase::FirstByte && part.share >= STANDS_OUT
}

fn largest_first<'a>(
    parts: impl Iterator<Item = &'a Part<'a>>,
) -> impl Iterator<Item = &'a Part<'a>> {
    let mut parts: Vec<_> = parts.collect();
    parts.sort_by(|a, b| b.share.partial_cmp(&a.share).unwrap_or(Ordering::Equal));
    parts.into_iter()
}

/// `94% first byte`; what stands out with its tail: `61% queue (p99 1.30 s)`.
fn words(part: &Part<'_>) -> String {
    let words = format!("{:.0}% {}", part.share * 100.0, part.phase.as_str());
    match stands_out(part) {
        true => format!("{words} (p99 {})", text::micros(part.hist.quantile(0.99))),
        false => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_core::record::{NameRecord, Tally};
    use std::collections::BTreeMap;

    fn hist(us: u64, n: u64) -> Hist {
        Hist::from_counts([(us, n)])
    }

    fn phases(queue: u64, connect: u64, wait: u64, body: u64) -> Phases {
        Phases {
            queue: hist(queue, 100),
            connect: hist(connect, 10),
            first_byte: hist(wait, 100),
            body: hist(body, 100),
            ..Phases::default()
        }
    }

    fn scenario(steps: &[(&str, Phases)]) -> ScenarioRecord {
        let name = |(name, phases): &(&str, Phases)| {
            let tally = Tally {
                phases: phases.clone(),
                ..Tally::default()
            };
            let record = NameRecord {
                epochs: BTreeMap::from([(0, tally.into())]),
                windows: BTreeMap::new(),
            };
            ((*name).to_owned(), record)
        };
        ScenarioRecord {
            name: "s".parse().unwrap(),
            t0_us: 0,
            end: None,
            epochs: Vec::new(),
            names: steps.iter().map(name).collect(),
            readings: BTreeMap::new(),
            trials: Vec::new(),
            exemplars: Vec::new(),
            window_s: 1,
            planned_us: 1_000_000,
            instrument: Default::default(),
            together: Default::default(),
        }
    }

    #[test]
    fn parts_add_up_to_the_mean_of_a_request_however_few_connected() {
        let phases = phases(0, 1_000, 800, 100);
        let parts = parts(&phases);
        let names: Vec<_> = parts.iter().map(|p| p.phase.as_str()).collect();
        assert_eq!(names, ["queue", "connect", "first byte", "body"]);
        assert!((parts.iter().map(|p| p.share).sum::<f64>() - 1.0).abs() < 1e-9);
        let mean: f64 = parts.iter().map(|p| p.adds_us).sum();
        // Two digits: within a hundredth.
        assert!((mean - 1_000.0).abs() < 15.0, "{mean}");
    }

    #[test]
    fn a_target_that_thinks_is_one_line() {
        let one = scenario(&[("a/b", phases(0, 10, 9_000, 900))]);
        assert_eq!(
            in_short(&one),
            ["Time of requests: 91% first byte, 9% body"]
        );
        assert_eq!(in_short(&scenario(&[])), Vec::<String>::new());
        let none = scenario(&[("a/b", phases(0, 0, 0, 0))]);
        assert_eq!(
            in_short(&none),
            ["Time of requests: too short to tell apart"]
        );
    }

    #[test]
    fn what_stands_out_comes_with_its_tail_and_once() {
        let busy = phases(60_000, 10, 30_000, 0);
        let one = scenario(&[("a/b", busy.clone()), ("a/c", busy)]);
        assert_eq!(
            in_short(&one),
            ["Time of requests: 67% queue (p99 60.0 ms), 33% first byte"]
        );
    }

    #[test]
    fn a_step_unlike_the_others_is_told_unless_it_hardly_counts() {
        let usual = phases(0, 10, 90_000, 0);
        let large = phases(0, 10, 5_000, 8_000);
        let tiny = phases(0, 10, 10, 90);
        let one = scenario(&[("a/b", usual), ("a/large", large), ("a/tiny", tiny)]);
        let told = in_short(&one);
        assert_eq!(told.len(), 2, "{told:?}");
        assert_eq!(told[1], "a/large: 62% body (p99 8.00 ms)", "{told:?}");
    }
}
