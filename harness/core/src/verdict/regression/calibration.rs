//! What an environment can show: from runs of one and the same build (A/A), how far runs differ from each other, the smallest
//! slow-down that can be told from that, and how often such runs are called regressed. Kept as a small committed file; a
//! comparison with too few runs of its own goes by its spread. Pure: which runs, which file, which day is said from outside.

use super::noise::{self, Noise, Spread};
use super::{ByCalibration, Class, Conditions, Estimate, Sample, Settings, hold, validity};
use crate::date::{self, Date};
use crate::name::RunId;
use crate::stats::{chi_square, normal, robust, student, wilson};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// Version of a calibration's shape; a reader refuses another.
pub const CALIBRATION_FORMAT: u32 = 1;
/// Runs at least: of two, a deviation says next to nothing.
pub const CALIBRATION_RUNS: usize = 3;
/// Chance with which the smallest detectable effect is called what it is.
pub(super) const POWER: f64 = 0.8;

/// One scenario in one environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// [`CALIBRATION_FORMAT`].
    #[serde(deserialize_with = "format")]
    pub format: u32,
    /// The day of the newest run.
    pub day: Date,
    /// Under what its runs were measured; it is good for no other.
    #[serde(flatten)]
    pub conditions: Conditions,
    /// The commit that was measured, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The runs it was made of, in their order.
    pub runs: Vec<Played>,
    /// Runs that could not be used and why, one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// Journeys, steps and [`ALL`](super::ALL), with a figure for each quantile that all runs had.
    pub names: BTreeMap<String, Vec<Calibrated>>,
    /// The constants it was made with.
    pub settings: Settings,
}

/// A run of a calibration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Played {
    /// Its id.
    pub run: RunId,
    /// When it began, RFC 3339.
    pub date: String,
    /// Its seed.
    pub seed: u64,
}

/// A quantile of a name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibrated {
    /// τ and what is in it. All of it on the scale of logarithms: 0.02 is 2 %.
    #[serde(flatten)]
    pub spread: Spread,
    /// Where τ lies with the confidence of 1 − alpha: 95 %, by the chi-square distribution.
    pub interval: (f64, f64),
    /// The quantile, µs: the geometric mean of the runs.
    pub us: f64,
    /// The smallest detectable effect, for one run against one and for several against as many.
    pub visible: Vec<Visible>,
    /// How often a run is called regressed when it is held against another, by what a comparison does without this
    /// calibration: τ assumed.
    pub assumed: Alarms,
    /// The same with τ learned from the runs that are in neither side, so that no pair is judged by itself; absent where
    /// fewer than [`CALIBRATION_RUNS`] are left for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learned: Option<Alarms>,
}

/// What so many runs a side can show.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Visible {
    /// Runs on either side.
    pub runs: u32,
    /// The smallest slow-down that is told from chance four times in five, a share.
    pub share: f64,
}

/// False alarms: runs of one build, each held against each, that were called regressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Alarms {
    /// Comparisons made: of each pair, either run as the candidate. Those with too little to tell are not counted.
    pub pairs: u32,
    /// Of them, regressed.
    pub alarms: u32,
    /// Wilson's interval of the share, 95 %, as if the pairs were independent. They share runs, so it is too narrow.
    pub interval: (f64, f64),
}

/// Why runs make no calibration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Uncalibrated {
    /// Too few of them can be used.
    #[error("{} can be used of {of}, at least {CALIBRATION_RUNS} are needed{}", .good, told(.left_out))]
    TooFew {
        /// Usable ones.
        good: usize,
        /// All there are.
        of: usize,
        /// Why the others can't be used.
        left_out: Vec<String>,
    },
    /// Nothing is left of them.
    #[error(
        "nothing is left of the runs after their beginning is cut off: they are too short to tell anything"
    )]
    TooShort,
    /// The newest run's date is none.
    #[error("run {run} began at {date:?}, which is no time")]
    Date {
        /// Which.
        run: RunId,
        /// As it was written.
        date: String,
    },
}

fn told(left_out: &[String]) -> String {
    let told = left_out.iter().map(|why| format!("; {why}"));
    told.collect()
}

impl Calibration {
    /// From samples of one scenario, phase and build. The first says what the others must be like; what can't be used is
    /// left out by name.
    pub fn of(samples: &[Sample], settings: &Settings) -> Result<Self, Uncalibrated> {
        let (good, left_out) = validity::alike(samples, settings);
        let Some(first) = good.first().filter(|_| good.len() >= CALIBRATION_RUNS) else {
            return Err(Uncalibrated::TooFew {
                good: good.len(),
                of: samples.len(),
                left_out,
            });
        };
        let estimates: Vec<Estimate> = good.iter().map(|s| Estimate::of(s, settings)).collect();
        let runs = Runs {
            estimates: &estimates.iter().collect::<Vec<_>>(),
            settings,
        };
        let names = runs.names();
        if names.is_empty() {
            return Err(Uncalibrated::TooShort);
        }
        let newest = good.iter().max_by_key(|sample| date::seconds(&sample.date));
        let newest = newest.unwrap_or(first);
        Ok(Self {
            format: CALIBRATION_FORMAT,
            day: Date::of_time(&newest.date).map_err(|_| Uncalibrated::Date {
                run: newest.run.clone(),
                date: newest.date.clone(),
            })?,
            conditions: first.conditions(),
            commit: first.commit.clone(),
            runs: good.iter().map(|sample| played(sample)).collect(),
            left_out,
            names,
            settings: settings.clone(),
        })
    }

    /// The spreads, as a comparison takes them.
    pub fn noise(&self) -> Noise {
        let spreads = |figures: &Vec<Calibrated>| figures.iter().map(|f| f.spread).collect();
        let names = self.names.iter();
        Noise {
            names: names
                .map(|(name, figures)| (name.clone(), spreads(figures)))
                .collect(),
        }
    }

    /// What its file is called: another one for each scenario, workload and machine, and the same when it is made again.
    pub fn file_name(&self) -> String {
        let Conditions { scenario, .. } = &self.conditions;
        format!("{scenario}-{}.json", self.conditions.mark())
    }

    /// What a comparison says of it.
    pub(super) fn used(&self) -> ByCalibration {
        ByCalibration {
            day: self.day,
            runs: self.runs.iter().map(|one| one.run.clone()).collect(),
            file: self.file_name(),
        }
    }

    /// `the calibration of 2026-11-20, 5 runs`.
    pub fn spoken(&self) -> String {
        format!("the calibration of {}, {} runs", self.day, self.runs.len())
    }

    /// The false alarms of some figures together, of those with τ learned and of those with τ assumed.
    pub fn alarms<'f>(
        figures: impl Iterator<Item = &'f Calibrated> + Clone,
    ) -> (Option<Alarms>, Alarms) {
        let sum = |of: &mut dyn Iterator<Item = Alarms>| {
            of.fold(Alarms::default(), |a, b| {
                Alarms::counted(a.alarms + b.alarms, a.pairs + b.pairs)
            })
        };
        let assumed = sum(&mut figures.clone().map(|f| f.assumed));
        let learned = figures.clone().any(|f| f.learned.is_some());
        let learned = learned.then(|| sum(&mut figures.filter_map(|f| f.learned)));
        (learned, assumed)
    }
}

/// The newest calibration that was made under these conditions and of enough runs. Without one, why each of the scenario
/// does not fit.
pub fn fitting<'c>(
    all: &'c [Calibration],
    conditions: &Conditions,
    settings: &Settings,
) -> (Option<&'c Calibration>, Vec<String>) {
    let here = |one: &&Calibration| {
        let Conditions {
            scenario, during, ..
        } = &one.conditions;
        *scenario == conditions.scenario && *during == conditions.during
    };
    let unfit = |one: &Calibration| -> Vec<String> {
        let differences = conditions.differences(&one.conditions);
        let mut why: Vec<String> = differences.iter().map(|d| d.told("here")).collect();
        if one.runs.len() < settings.tau_runs as usize {
            why.push(format!(
                "{} runs are too few to go by, {} are needed",
                one.runs.len(),
                settings.tau_runs
            ));
        }
        why
    };
    let fits = all.iter().filter(here).filter(|one| unfit(one).is_empty());
    let fits = fits.max_by_key(|one| (one.day, one.runs.len()));
    if fits.is_some() {
        return (fits, Vec::new());
    }
    let told = all.iter().filter(here).map(|one| {
        let (spoken, file) = (one.spoken(), one.file_name());
        format!("{spoken} ({file}), does not fit: {}", unfit(one).join("; "))
    });
    (None, told.collect())
}

fn played(sample: &Sample) -> Played {
    Played {
        run: sample.run.clone(),
        date: sample.date.clone(),
        seed: sample.seed,
    }
}

fn format<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let found = u32::deserialize(deserializer)?;
    if found == CALIBRATION_FORMAT {
        return Ok(found);
    }
    let (newer, what) = (found > CALIBRATION_FORMAT, "a calibration of format");
    let hint = match newer {
        true => "a newer harness wrote it",
        false => "calibrate again",
    };
    Err(serde::de::Error::custom(format!(
        "{what} {found} can't be read, only {CALIBRATION_FORMAT}: {hint}"
    )))
}

/// The usable runs.
struct Runs<'e> {
    estimates: &'e [&'e Estimate],
    settings: &'e Settings,
}

impl Runs<'_> {
    /// The constants, by which so few runs are learned from as there are.
    fn lenient(&self) -> Settings {
        Settings {
            tau_runs: CALIBRATION_RUNS as u32,
            ..self.settings.clone()
        }
    }

    fn names(&self) -> BTreeMap<String, Vec<Calibrated>> {
        let settings = self.lenient();
        let noise = Noise::of(self.estimates, &settings);
        let (assumed, learned) = self.alarms();
        let quantiles = &self.settings.quantiles;
        let named = noise.names.iter().map(|(name, spreads)| {
            let figures = spreads.iter().filter_map(|spread| {
                let at = quantiles.iter().position(|q| (q - spread.q).abs() < 1e-9)?;
                let key = (name.clone(), at);
                let none = || Alarms::counted(0, 0);
                let count = |of: &Counts| of.get(&key).copied().unwrap_or_else(none);
                Some(Calibrated {
                    interval: self.interval(spread)?,
                    us: self.level(name, at)?,
                    visible: self.visible(spread, &settings),
                    assumed: count(&assumed),
                    learned: learned.as_ref().map(count),
                    spread: rounded(*spread),
                })
            });
            (name.clone(), figures.collect::<Vec<_>>())
        });
        // Of a name that was seen only in what is cut off there is none.
        named.filter(|(_, figures)| !figures.is_empty()).collect()
    }

    fn interval(&self, spread: &Spread) -> Option<(f64, f64)> {
        let (low, high) =
            chi_square::deviation(spread.deviation, spread.runs, self.settings.alpha)?;
        Some((digits(low), digits(high)))
    }

    fn level(&self, name: &str, at: usize) -> Option<f64> {
        let lns = self
            .estimates
            .iter()
            .map(|e| Some(e.quantile(name, at)?.ln));
        let lns: Vec<f64> = lns.collect::<Option<_>>()?;
        Some(robust::mean(&lns)?.exp().round())
    }

    /// For one run against one, and for as many as make δ smaller.
    fn visible(&self, spread: &Spread, settings: &Settings) -> Vec<Visible> {
        let visible = |runs: u32| Visible {
            runs,
            share: digits(visible(spread, runs, settings)),
        };
        [1, self.settings.repeats].map(visible).to_vec()
    }

    /// Each run held against each: with τ assumed, and with that of the runs which are in neither side.
    fn alarms(&self) -> (Counts, Option<Counts>) {
        let (mut assumed, mut learned) = (Counts::new(), Counts::new());
        let lenient = self.lenient();
        let all = self.estimates;
        let enough = all.len() >= CALIBRATION_RUNS + 2;
        for (i, one) in all.iter().enumerate() {
            for (j, other) in all.iter().enumerate().skip(i + 1) {
                let rest: Vec<&Estimate> = all
                    .iter()
                    .enumerate()
                    .filter(|(k, _)| *k != i && *k != j)
                    .map(|(_, estimate)| *estimate)
                    .collect();
                let noise = Noise::of(&rest, &lenient);
                for pair in [(one, other), (other, one)] {
                    self.count(pair, (None, self.settings), &mut assumed);
                    if enough {
                        self.count(pair, (Some(&noise), &lenient), &mut learned);
                    }
                }
            }
        }
        (assumed, enough.then_some(learned))
    }

    fn count(
        &self,
        (candidate, baseline): (&&Estimate, &&Estimate),
        (noise, settings): (Option<&Noise>, &Settings),
        counts: &mut Counts,
    ) {
        for name in candidate.names.keys() {
            for at in 0..self.settings.quantiles.len() {
                let held = hold(&[candidate], &[baseline], noise, (name, at), settings);
                let tells = match held.class {
                    Class::Inconclusive { detectable, .. } => detectable.is_some(),
                    _ => true,
                };
                if tells {
                    let count = counts.entry((name.clone(), at)).or_default();
                    let alarm = u32::from(held.class == Class::Regressed);
                    *count = Alarms::counted(count.alarms + alarm, count.pairs + 1);
                }
            }
        }
    }
}

type Counts = BTreeMap<(String, usize), Alarms>;

impl Alarms {
    /// So many of so many.
    fn counted(alarms: u32, pairs: u32) -> Self {
        let (alarms_of, n) = (f64::from(alarms), f64::from(pairs));
        let (low, high) = wilson::interval(alarms_of / n.max(1.0), n, normal::quantile(0.975));
        Self {
            pairs,
            alarms,
            interval: (digits(low), digits(high)),
        }
    }
}

/// The smallest slow-down that so many runs a side tell from chance with [`POWER`], a share: (t + z)·SE, whatever δ is. The
/// error is what a comparison makes of this spread.
fn visible(spread: &Spread, runs: u32, settings: &Settings) -> f64 {
    let within = spread.within * spread.within;
    let variance = noise::variance((within, within), (within, within), Some(spread), settings);
    let (high, _) = variance.of_difference((runs as usize, runs as usize));
    noise_floor(high, variance.freedom, settings.alpha).exp_m1()
}

/// The smallest difference of logarithms that a comparison of this standard error tells from no difference at all with
/// [`POWER`].
pub(super) fn noise_floor(se: f64, freedom: f64, alpha: f64) -> f64 {
    (student::quantile(1.0 - alpha / 2.0, freedom) + normal::quantile(POWER)) * se
}

/// A file holds no more digits than anybody could mean, and no two machines' last ones.
fn digits(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

fn rounded(spread: Spread) -> Spread {
    Spread {
        deviation: digits(spread.deviation),
        within: digits(spread.within),
        ..spread
    }
}
