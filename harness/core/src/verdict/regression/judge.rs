//! The whole comparison: validity, estimates, classes, the correction over key gates, history, the pinned release, and the
//! test of the test.

use super::classes::{self, Sides, inconclusive};
use super::shape::shape;
use super::validity::{self, Sorted};
use super::{
    Calibration, Class, Comparison, Decide, Effect, Estimate, FORMAT, Figure, Held, HistoryFigure,
    Noise, Pinned, Sample, SelfTest, Settings, Side, Why, errors, history,
};
use crate::name::Name;
use crate::plan::gate::During;
use crate::stats::fdr;
use std::collections::BTreeSet;

/// What is compared. All samples are of one scenario and phase; others are left out, and the comparison says so.
#[derive(Debug, Clone, Copy, Default)]
pub struct Inputs<'s> {
    /// The candidate's runs, one or more of one build.
    pub candidate: &'s [Sample],
    /// The baseline's, the same.
    pub baseline: &'s [Sample],
    /// The calibration that fits. Its spread between runs of one build is gone by where the baseline has too few runs to
    /// learn it from; without one it is assumed.
    pub calibration: Option<&'s Calibration>,
    /// Runs of the builds before, oldest first; empty for none.
    pub history: &'s [Sample],
    /// Accepted runs, oldest first, in place of a baseline and a history: all of them are the history, and those since their
    /// level last changed are the baseline. Empty for none.
    pub accepted: &'s [Sample],
    /// Runs of a pinned release; empty for none.
    pub pinned: &'s [Sample],
    /// That release.
    pub release: Option<&'s Name>,
    /// What key gates ask for: the correction for many comparisons is made over these.
    pub keys: &'s [Key],
    /// The figures whose levels the accepted runs are cut by; the keys, where it is empty.
    pub levels: &'s [Key],
}

/// A figure that a key gate asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// The name.
    pub name: String,
    /// The quantile, 0 to 1.
    pub quantile: f64,
}

/// Holds a candidate against a baseline. Nothing is drawn but from the samples' own seeds: the same inputs give the same.
pub fn compare(inputs: &Inputs<'_>, settings: &Settings) -> Comparison {
    let baseline = match inputs.accepted {
        [] => inputs.baseline,
        accepted => accepted,
    };
    let mut sorted = validity::sort(inputs.candidate, baseline, settings);
    let estimates = |samples: &[&Sample]| -> Vec<Estimate> {
        samples.iter().map(|s| Estimate::of(s, settings)).collect()
    };
    let other = |samples: &'_ [Sample]| -> Vec<Estimate> {
        let valid = validity::sort(inputs.candidate, samples, settings).baseline;
        estimates(&valid)
    };
    let seed = inputs.candidate.first().map_or(0, |s| s.seed);
    let mut baseline = estimates(&sorted.baseline);
    let (mut history, mut since) = (other(inputs.history), None);
    if !inputs.accepted.is_empty() {
        history.clone_from(&baseline);
        let by = match inputs.levels {
            [] => inputs.keys,
            levels => levels,
        };
        let cut = history::cut(&all(&history), by, seed, settings);
        baseline.drain(..cut);
        sorted.baseline.drain(..cut);
        since = baseline.first().map(|e| e.run.clone()).filter(|_| cut > 0);
    }
    let judge = Judge {
        candidate: &estimates(&sorted.candidate),
        baseline: &baseline,
        history: &history,
        pinned: &other(inputs.pinned),
        seed,
        keys: inputs.keys,
        settings,
    };
    Comparison {
        since,
        ..judge.comparison(inputs, sorted)
    }
}

struct Judge<'e> {
    candidate: &'e [Estimate],
    baseline: &'e [Estimate],
    history: &'e [Estimate],
    pinned: &'e [Estimate],
    seed: u64,
    keys: &'e [Key],
    settings: &'e Settings,
}

fn all(estimates: &[Estimate]) -> Vec<&Estimate> {
    estimates.iter().collect()
}

impl Judge<'_> {
    fn comparison(&self, inputs: &Inputs<'_>, sorted: Sorted<'_>) -> Comparison {
        let (candidate, baseline) = (all(self.candidate), all(self.baseline));
        let learned = Noise::of(&baseline, self.settings);
        let calibrated = inputs.calibration.map(Calibration::noise);
        let sides = Sides {
            candidate: &candidate,
            baseline: &baseline,
            noise: &learned,
            calibrated: calibrated.as_ref(),
        };
        let names = self.names();
        let places = 0..self.settings.quantiles.len();
        let asked = names
            .iter()
            .flat_map(|name| places.clone().map(move |at| (*name, at)));
        let mut figures: Vec<Figure> = asked
            .map(|(name, at)| self.figure(&sides, name, at, &sorted))
            .collect();
        correct(&mut figures, self.settings);
        let mut errors: Vec<_> = names
            .iter()
            .filter_map(|name| errors::held(&candidate, &baseline, name, self.settings))
            .collect();
        for figure in &mut errors {
            figure.class = checked(figure.class.clone(), &sorted);
        }
        let mut notes = sorted.notes.clone();
        notes.extend(sorted.censored.iter().cloned());
        let effects = || figures.iter().filter_map(|f| f.held.effect.as_ref());
        let used = effects().any(|effect| effect.tau.calibrated);
        let calibration = inputs.calibration.filter(|_| used);
        notes.extend(calibration.map(|one| {
            let spoken = one.spoken();
            format!("the spread between runs is from {spoken}")
        }));
        notes.extend(self.told(&figures));
        let first = inputs.candidate.first();
        Comparison {
            format: FORMAT,
            scenario: first.map(|s| s.scenario.clone()),
            during: first.map_or(During::Undisturbed, |s| s.during.clone()),
            candidate: sorted.candidate.iter().map(|s| side(s)).collect(),
            baseline: sorted.baseline.iter().map(|s| side(s)).collect(),
            since: None,
            pinned: inputs.release.map(|release| Pinned {
                release: release.clone(),
                runs: inputs.pinned.iter().map(side).collect(),
            }),
            invalid: sorted.invalid,
            notes,
            calibration: calibration.map(Calibration::used),
            figures,
            errors,
            settings: self.settings.clone(),
        }
    }

    /// Every name of either side, and what key gates ask for.
    fn names(&self) -> Vec<&str> {
        let seen = self.candidate.iter().chain(self.baseline);
        let seen = seen.flat_map(|e| e.names.keys().map(String::as_str));
        let asked = self.keys.iter().map(|key| key.name.as_str());
        seen.chain(asked)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    }

    fn figure(&self, sides: &Sides<'_>, name: &str, at: usize, sorted: &Sorted<'_>) -> Figure {
        let settings = self.settings;
        let quantile = settings.quantiles.get(at).copied().unwrap_or(0.5);
        let mut held = classes::held(sides, name, at, 0.0, settings);
        held.class = checked(held.class, sorted);
        let comparable = sorted.invalid.is_empty();
        let effect = held.effect.as_ref();
        let shape = effect.and_then(|effect| shape(sides, name, at, effect.d));
        let asks = |key: &Key| key.name == name && (key.quantile - quantile).abs() < 1e-9;
        Figure {
            name: name.to_owned(),
            quantile,
            key: self.keys.iter().any(asks),
            kept: None,
            shape,
            history: self.history_of(sides, name, at).filter(|_| comparable),
            pinned: self.pinned_of(sides, name, at).filter(|_| comparable),
            self_test: self.self_test(sides, name, at, &held),
            held,
        }
    }

    fn history_of(&self, sides: &Sides<'_>, name: &str, at: usize) -> Option<HistoryFigure> {
        let history = all(self.history);
        if history.is_empty() {
            return None;
        }
        history::held(
            sides.candidate,
            &history,
            name,
            at,
            self.seed,
            self.settings,
        )
    }

    fn pinned_of(&self, sides: &Sides<'_>, name: &str, at: usize) -> Option<Held> {
        let pinned = all(self.pinned);
        let sides = Sides {
            baseline: &pinned,
            ..*sides
        };
        (!pinned.is_empty()).then(|| classes::held(&sides, name, at, 0.0, self.settings))
    }

    /// The same question of the slowed candidate, where the candidate itself has an answer that it could have changed.
    fn self_test(&self, sides: &Sides<'_>, name: &str, at: usize, held: &Held) -> Option<SelfTest> {
        if matches!(held.class, Class::Invalid { .. }) || held.effect.is_none() {
            return None;
        }
        let slower = self.settings.self_test;
        let held = classes::held(sides, name, at, slower, self.settings);
        Some(SelfTest {
            slower,
            caught: held.class == Class::Regressed,
            held,
        })
    }

    /// What holds for all figures, once.
    fn told(&self, figures: &[Figure]) -> Vec<String> {
        let effects = || figures.iter().filter_map(|f| f.held.effect.as_ref());
        let mut notes = Vec::new();
        if effects().any(|e| e.tau.learned_from.is_none()) {
            notes.push(format!(
                "the spread between runs is assumed to be {:.1} %: fewer than {} runs of the baseline's build are there to learn it from; `harness calibrate` measures it",
                self.settings.tau * 100.0,
                self.settings.tau_runs
            ));
        }
        if effects().any(|e| e.short) {
            notes.push(format!(
                "less than {:.0} s are left of a run after trimming: blocks are shorter, and errors are multiplied by {} to allow for it",
                self.settings.short_s, self.settings.short_inflation
            ));
        }
        notes
    }
}

fn side(sample: &Sample) -> Side {
    Side {
        run: sample.run.clone(),
        date: sample.date.clone(),
        commit: sample.commit.clone(),
    }
}

/// A class with the runs' validity laid over it.
fn checked(class: Class, sorted: &Sorted<'_>) -> Class {
    if !sorted.invalid.is_empty() {
        return Class::Invalid {
            why: sorted.invalid.clone(),
        };
    }
    if !sorted.censored.is_empty() && class != Class::Regressed {
        return Class::Invalid {
            why: sorted.censored.clone(),
        };
    }
    class
}

/// Benjamini and Hochberg's procedure over the key gates that have an answer, those held against a pinned release among
/// them. A figure that got faster has no chance of being a false regression, and counts as a comparison all the same.
fn correct(figures: &mut [Figure], settings: &Settings) {
    let mut keys: Vec<(&mut Held, Option<&mut Option<bool>>, f64)> = Vec::new();
    let chance = |held: &Held| {
        let effect = held.effect.as_ref()?;
        let answers = !matches!(held.class, Class::Invalid { .. });
        answers.then_some(if effect.d > 0.0 { effect.p } else { 1.0 })
    };
    for figure in figures.iter_mut().filter(|figure| figure.key) {
        if let Some(p) = chance(&figure.held) {
            keys.push((&mut figure.held, Some(&mut figure.kept), p));
        }
        if let Some(pinned) = &mut figure.pinned
            && let Some(p) = chance(pinned)
        {
            keys.push((pinned, None, p));
        }
    }
    let p: Vec<f64> = keys.iter().map(|(_, _, p)| *p).collect();
    let all_kept = fdr::kept(&p, settings.false_discoveries);
    for ((held, told, _), kept) in keys.into_iter().zip(all_kept) {
        if held.class != Class::Regressed {
            continue;
        }
        if let Some(told) = told {
            *told = Some(kept);
        }
        if !kept {
            held.class = one_of_many(held, p.len() as u32);
        }
    }
}

fn one_of_many(held: &Held, gates: u32) -> Class {
    let detectable = held.effect.as_ref().map(Effect::detectable);
    let decide = held.effect.as_ref().map(|effect| Decide {
        repeats: Some(effect.runs.0.max(effect.runs.1) + 1),
        minutes: None,
    });
    inconclusive(Why::OneOfMany { gates }, detectable, decide)
}

/// The class of one quantile of one name, from estimates made before: what [`compare`] says of it before validity and key
/// gates are looked at. For whoever asks the same of many pairs of runs, as calibration and the benchmark do.
pub fn hold(
    candidate: &[&Estimate],
    baseline: &[&Estimate],
    noise: Option<&Noise>,
    (name, quantile): (&str, usize),
    settings: &Settings,
) -> Held {
    let learned = noise.cloned();
    let noise = &learned.unwrap_or_else(|| Noise::of(baseline, settings));
    let sides = Sides {
        candidate,
        baseline,
        noise,
        calibrated: None,
    };
    classes::held(&sides, name, quantile, 0.0, settings)
}
