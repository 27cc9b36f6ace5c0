//! What a comparison comes to: plain values for reports, gates and JSON. Effects and errors are differences of natural
//! logarithms: 0.0953 is 10 % slower.

use super::Settings;
use crate::date::Date;
use crate::name::{Name, RunId};
use crate::plan::gate::During;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Version of the comparison's shape in JSON; a change that breaks a reader raises it.
pub const FORMAT: u32 = 1;

/// A candidate held against a baseline, in one scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// [`FORMAT`].
    pub format: u32,
    /// The scenario; absent without a candidate.
    pub scenario: Option<Name>,
    /// The part of its load.
    pub during: During,
    /// The candidate's runs that took part.
    pub candidate: Vec<Side>,
    /// The baseline's.
    pub baseline: Vec<Side>,
    /// Of accepted runs: the first at the level that the baseline has now, where the level has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<RunId>,
    /// The pinned release; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<Pinned>,
    /// Why nothing can be compared, one sentence each; empty where it can.
    pub invalid: Vec<String>,
    /// What a reader should know besides: runs left out and why, another machine, a short run, an assumed τ.
    pub notes: Vec<String>,
    /// The calibration whose τ went into figures; absent where none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<ByCalibration>,
    /// Response times: every name and quantile, in order of name and quantile.
    pub figures: Vec<Figure>,
    /// Shares of errors: every name.
    pub errors: Vec<ErrorFigure>,
    /// The constants used.
    pub settings: Settings,
}

/// A calibration that a comparison went by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByCalibration {
    /// The day of its newest run.
    pub day: Date,
    /// The runs it was made of.
    pub runs: Vec<RunId>,
    /// What its file is called.
    pub file: String,
}

/// A pinned release that took part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pinned {
    /// The release.
    pub release: Name,
    /// Its runs.
    pub runs: Vec<Side>,
}

/// A run that took part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// The run.
    pub run: RunId,
    /// When it began, RFC 3339.
    pub date: String,
    /// The commit it was built from.
    pub commit: Option<String>,
}

/// A name's quantile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// A journey, a step (`journey/step`), or [`ALL`](super::ALL).
    pub name: String,
    /// The quantile, 0 to 1.
    pub quantile: f64,
    /// Whether a key gate asks for it.
    pub key: bool,
    /// Held against the baseline.
    #[serde(flatten)]
    pub held: Held,
    /// Whether Benjamini and Hochberg's procedure keeps it among the key gates that look regressed; absent for others.
    pub kept: Option<bool>,
    /// Whether seconds got slower or stalls more frequent; absent without an effect.
    pub shape: Option<Shape>,
    /// Held against the runs before; absent without a history.
    pub history: Option<HistoryFigure>,
    /// Held against the pinned release; absent without one.
    pub pinned: Option<Held>,
    /// Whether a known slow-down would have been caught; absent where nothing could be.
    pub self_test: Option<SelfTest>,
}

/// A class and the numbers behind it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// The answer.
    #[serde(flatten)]
    pub class: Class,
    /// The numbers; absent where there is nothing to take them from.
    pub effect: Option<Effect>,
}

/// The answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "class", rename_all = "kebab-case")]
pub enum Class {
    /// Slower by more than δ, and by more than chance explains.
    Regressed,
    /// Faster by more than δ, and by more than chance explains.
    Improved,
    /// Proven: not slower by δ.
    NoRegression,
    /// What was seen can't tell.
    Inconclusive {
        /// Why.
        why: Why,
        /// The smallest slow-down that four of five such comparisons would call regressed, a share; absent where no run of
        /// this kind would.
        detectable: Option<f64>,
        /// What would decide it; absent where nothing within reason would.
        decide: Option<Decide>,
    },
    /// What was seen can't be compared.
    Invalid {
        /// Why, one sentence each.
        why: Vec<String>,
    },
}

impl Class {
    /// How bad it is, the worst first.
    pub const fn severity(&self) -> u8 {
        match self {
            Self::Regressed => 0,
            Self::Invalid { .. } => 1,
            Self::Inconclusive { .. } => 2,
            Self::Improved => 3,
            Self::NoRegression => 4,
        }
    }
}

/// Why a comparison can't tell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "because", rename_all = "kebab-case")]
pub enum Why {
    /// The interval holds both no change and a change that matters.
    Undecided,
    /// It looks regressed, but among this many key gates such a one is to be expected by chance.
    OneOfMany {
        /// Key gates compared.
        gates: u32,
    },
    /// Too few samples on a side.
    TooFewSamples {
        /// On the side that has fewer.
        have: u64,
        /// Needed.
        need: u64,
    },
    /// Too little time is left of a run.
    TooShort {
        /// Left after trimming, seconds.
        seconds: f64,
        /// Needed.
        need: f64,
    },
    /// A side never saw the name.
    Absent {
        /// `candidate` or `baseline`.
        side: String,
    },
    /// Too few episodes of errors.
    TooFewEpisodes {
        /// Both sides together.
        have: u32,
        /// Needed.
        need: u32,
    },
    /// Too few runs in the history, since the last change in it.
    TooFewRuns {
        /// There are.
        have: u32,
        /// Needed.
        need: u32,
    },
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Undecided => f.write_str("no change and one that matters are both possible"),
            Self::OneOfMany { gates } => write!(
                f,
                "it looks slower, but of {gates} key figures one is expected to, by chance"
            ),
            Self::TooFewSamples { have, need } => {
                write!(f, "{have} samples, {need} are needed")
            }
            Self::TooShort { seconds, need } => write!(
                f,
                "{seconds:.0} s of load are left after the beginning is cut off, {need:.0} s are needed"
            ),
            Self::Absent { side } => write!(f, "the {side} never saw it"),
            Self::TooFewEpisodes { have, need } => {
                write!(f, "{have} bursts of errors, {need} are needed")
            }
            Self::TooFewRuns { have, need } => {
                write!(f, "{have} runs since the last change, {need} are needed")
            }
        }
    }
}

impl Decide {
    /// What would decide it, in words.
    pub fn told(&self) -> Option<String> {
        let runs = self.repeats.map(|runs| format!("{runs} runs a side"));
        let minutes = self
            .minutes
            .map(|minutes| format!("runs of {:.0} s", (minutes * 60.0).ceil()));
        let ways: Vec<String> = [runs, minutes].into_iter().flatten().collect();
        (!ways.is_empty()).then(|| format!("{} would decide it", ways.join(" or ")))
    }
}

/// What would decide a comparison, if what was seen stays: either is enough.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Decide {
    /// Runs on either side.
    pub repeats: Option<u32>,
    /// Or minutes that a run on either side lasts; absent where the runs differ too much from each other.
    pub minutes: Option<f64>,
}

/// A difference and how sure it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// The baseline's quantile, µs; the geometric mean of its runs.
    pub baseline_us: f64,
    /// The candidate's.
    pub candidate_us: f64,
    /// ln candidate − ln baseline.
    pub d: f64,
    /// How far it may be too high and too low, as standard errors.
    pub se: (f64, f64),
    /// Where it lies with the confidence of 1 − alpha: 95 %.
    pub interval: (f64, f64),
    /// The change of the interval and of `d` that matters, as a difference of logarithms: δ, or what the floor makes of it.
    pub margin: f64,
    /// Whether that is the floor, more than δ.
    pub floor: bool,
    /// The smallest difference that such a comparison tells from chance four times in five, whatever δ is: a margin below it
    /// is below the noise floor.
    pub noise_floor: f64,
    /// The spread between runs that went into the error.
    pub tau: Tau,
    /// The chance of so large a difference, either way, if nothing changed.
    pub p: f64,
    /// Candidate and baseline runs.
    pub runs: (u32, u32),
    /// Samples of the side that has fewer.
    pub samples: u64,
    /// Whether the run was short, and its error inflated.
    pub short: bool,
}

impl Effect {
    /// The difference as a share: 0.1 is 10 % slower.
    pub fn relative(&self) -> f64 {
        self.d.exp_m1()
    }

    /// The smallest slow-down that four of five such comparisons would call regressed, a share.
    pub fn detectable(&self) -> f64 {
        let reach = self.d - self.interval.0;
        let certain = if self.se.0 > 0.0 {
            reach / self.se.0
        } else {
            0.0
        };
        super::classes::detectable(self, certain)
    }

    /// The interval as shares.
    pub fn relative_interval(&self) -> (f64, f64) {
        (self.interval.0.exp_m1(), self.interval.1.exp_m1())
    }
}

/// τ: how far ln Q differs between runs of one build.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tau {
    /// The standard deviation between runs. A learned one holds what differs within runs as well, as it was seen.
    pub value: f64,
    /// The runs it was learned from; absent where it is assumed.
    pub learned_from: Option<u32>,
    /// Whether those are the runs of a calibration, and not of the baseline.
    #[serde(default)]
    pub calibrated: bool,
}

/// What kind of slower.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Shape {
    /// The typical stretch of time (the median one) got that much slower in this quantile, as a difference of logarithms.
    pub typical: f64,
    /// Stalls a minute: stretches in which p99 is over twice the typical. Baseline's and candidate's.
    pub stalls: (f64, f64),
    /// Whether the typical stretch accounts for at least half of a slow-down.
    pub typical_slower: bool,
    /// Whether stalls are more frequent than chance explains.
    pub more_stalls: bool,
}

/// A candidate held against the runs before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryFigure {
    /// Held against the median of those since the last change.
    #[serde(flatten)]
    pub held: Held,
    /// Runs since the last change.
    pub runs: u32,
    /// The first run after the last change; absent where there was none.
    pub since: Option<RunId>,
}

/// What a known slow-down of the stored candidate would have come to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SelfTest {
    /// How much slower it was made, a share.
    pub slower: f64,
    /// The answer then.
    #[serde(flatten)]
    pub held: Held,
    /// Whether that is regressed.
    pub caught: bool,
}

/// A name's share of errors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErrorFigure {
    /// The name.
    pub name: String,
    /// The answer.
    #[serde(flatten)]
    pub class: Class,
    /// The baseline's share, 0 to 1.
    pub baseline: f64,
    /// The candidate's.
    pub candidate: f64,
    /// The standard error of their difference.
    pub se: f64,
    /// Where the difference lies with the confidence of 1 − alpha.
    pub interval: (f64, f64),
    /// Episodes of errors, baseline's and candidate's.
    pub episodes: (u32, u32),
}
