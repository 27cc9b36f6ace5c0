//! Every number that gates, checks and the generator's verdict rest on, each with its reason. Those of what is inferred
//! about a target stand with their rules, at the head of each file of [`super::inference`].

use std::time::Duration;

/// One-sided error allowed when a small sample must decide: the usual 95 %.
pub const ALPHA: f64 = 0.05;

/// The same while a load runs. A gate with `abort` is asked every second, so its chance of a false alarm adds up:
/// a thousandth leaves a minute of asking at about the 5 % of one final answer.
pub const ALPHA_LIVE: f64 = 0.001;

/// Samples that must fall on the rarer side of a quantile or a share before the observed figure alone decides:
/// p99 needs 10 000 samples, p50 needs 200. Its relative standard error is then 10 %.
pub const RARE: f64 = 100.0;

/// Samples below which nothing is tripped while a load runs.
pub const LIVE_SAMPLES: u64 = 100;

/// Seconds of a phase before anything is tripped in it: the first ones hold connects and cold caches.
pub const LIVE_SECONDS: f64 = 3.0;

/// How far back, in windows, a gate with `over` and `abort` is asked again each second. Older windows only change
/// by samples that ended more than a minute after they were meant to begin; the final verdict sees those too.
pub const LIVE_WINDOWS: u32 = 60;

/// Samples a mean needs: its standard error is then a tenth of the spread.
pub const MEAN_SAMPLES: u64 = 100;

/// If every one of this many samples violates a limit on a mean, it fails: by chance half of them would (1/2^5 = 3 %).
pub const MEAN_ALL_BAD: u64 = 5;

/// Samples a sliding window needs to be judged, and a maximum to be believed: the tail of fewer is one sample.
pub const WINDOW_SAMPLES: u64 = 20;

/// Windows with arrivals an availability rests on.
pub const AVAILABILITY_WINDOWS: u64 = 10;

/// Seconds a rate rests on.
pub const RATE_SECONDS: f64 = 5.0;

/// Share of the time looked at that scrapes must cover before a probe has a value there: less may miss what matters.
pub const PROBE_COVERAGE: f64 = 0.5;

/// How far from an edge of the load a scrape may lie and still tell what was up to it: the quarter of a second by which
/// a fault's window opens early, and what a busy machine delays a timer by.
pub const PROBE_EDGE_US: u64 = 300_000;

/// Share of the planned arrivals that may be missing before the load was not the one intended: the "achieved rate
/// within 2 % of the intended" that comparisons ask for too.
pub const SHORTFALL: f64 = 0.02;

/// Lag of the generator's wake-ups, p99 of a second in µs, from which figures carry a warning: it adds to
/// response times, and is a tenth of an objective of half a second.
pub const LAG_DEGRADED_US: u64 = 50_000;

/// The same from which the figures are the generator's, not the target's: half of that objective.
pub const LAG_INVALID_US: u64 = 250_000;

/// Share of seconds that may be beyond a limit of lag or processor: a p95 over seconds is not moved by fewer.
pub const BAD_SECONDS: f64 = 0.05;

/// Share of the arrivals that may begin late by the generator's doing before figures carry a warning: more of them
/// reach the p95.
pub const LATE_DEGRADED: f64 = 0.05;

/// The same from which the figures are the generator's: more than half of them make the median.
pub const LATE_INVALID: f64 = 0.5;

/// Share of the file descriptors, and of the ephemeral ports, from which the next burst may find none left.
pub const NEARLY_OUT: f64 = 0.9;

/// Seconds of a load in which the generator may not have measured itself: the first and the last are cut.
pub const UNMEASURED_SECONDS: u64 = 2;

/// Share of a load's seconds without such a measurement from which nothing is known of the generator: a stop that long
/// would stay unseen.
pub const UNMEASURED_INVALID: f64 = 0.25;

/// Share of started arrivals that may fail for want of local ports, descriptors or memory: an objective of 99.9 %
/// must not be spent by the instrument.
pub const LOCAL_FAILURES: f64 = 0.001;

/// How long after the schedule's end the last answer of a capacity trial may come, as a share of the trial: a queue that
/// takes longer to work off grew by more than a tenth of what arrived.
pub const DRAIN: f64 = 0.1;

/// The same for short trials: what a slow answer may take without there being a queue.
pub const DRAIN_FLOOR: Duration = Duration::from_secs(1);

/// Processor use of the workers, as a share of their cores, from which they have no reserve for a burst.
pub const CPU: f64 = 0.95;

/// Seconds before a fault is armed whose windows say what is usual.
pub const BAND_SECONDS: u64 = 30;

/// Windows with arrivals needed to say it.
pub const BAND_WINDOWS: usize = 3;

/// Arrivals in each of those windows from which one without any, with users there, is their being stuck: by chance a window
/// that three are to be expected in has none in one case of twenty (e^-3).
pub const BAND_ARRIVALS: u64 = 3;

/// Factor on the usual p95 that still is inside the band: windows of a steady, autocorrelated load spread by 20 to 40 %.
pub const BAND_FACTOR: f64 = 1.5;

/// Microseconds above the usual p95 that always are inside it: below that, a shared machine's scheduler speaks.
pub const BAND_FLOOR_US: f64 = 5_000.0;

/// Share of errors above the usual one that still is inside the band: one percentage point.
pub const BAND_ERRORS: f64 = 0.01;

/// Share of errors from which a fault broke a journey: it fails more often than not.
pub const MATRIX_BROKEN: f64 = 0.5;

/// Share of errors before a fault above which a journey of a matrix was not itself: its band would take in what the fault
/// does.
pub const MATRIX_BEFORE: f64 = 0.1;

/// Windows in a row inside the band that make a recovery.
pub const STEADY_WINDOWS: usize = 3;

/// How far back a condition looks that fires a fault or stops all of them: long enough that one slow second does not,
/// short enough that a person would still say "now".
pub const LATELY: Duration = Duration::from_secs(5);
