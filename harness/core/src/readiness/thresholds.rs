//! From which figures a deployment is to be stopped, by what this run saw: a window of the deployment that lies above what
//! all but one in a hundred windows of the run would show is unlike the run, whatever the gate still allows.
//!
//! Of a key latency gate: the undisturbed load is cut into windows of at least [`WINDOW_S`] seconds, and the logarithms of
//! their quantiles have mean m and standard deviation s over n windows. The threshold is the upper end of the interval for
//! one further window, `exp(m + 2.576 · s · sqrt(1 + 1/n))` (a prediction interval of a log-normal figure, 99 %).
//! Of an error rate p: the larger of the upper end of Wilson's interval for p over as many requests as a window has, and of
//! the same prediction interval over the windows' own shares, since errors come in bursts. Neither is ever above the gate's
//! limit; without enough windows, and of a gate that did not pass, the limit is all there is.

use crate::compare::wilson;
use crate::expr::gate::{Comparison, GateSubject, Stat};
use crate::name::Name;
use crate::plan::gate::{During, Gate, Role};
use crate::record::{Record, ScenarioRecord, Tally};
use crate::verdict::{GateResult, Grade, Verdict, ended_badly, ended_by_target};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Length of a window at least, seconds: what a rollout tool usually asks its metrics for.
pub const WINDOW_S: u32 = 10;
/// Windows that an interval rests on; fewer would need t quantiles so wide that the limit is the better guide.
pub const WINDOWS: usize = 10;
/// Standard deviations: 99 of 100 windows.
const Z: f64 = 2.576;
/// Samples that must lie above a quantile in a window for its figure to count.
const BEYOND: f64 = 5.0;
/// What a rollout tool knows the share of errors as.
const SHARE: &str = "error_rate";

/// A figure from which the deployment is to be stopped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AbortThreshold {
    /// `p95`, `error_rate`: of response times, and of requests that end by the target's doing.
    pub metric: String,
    /// The journey or step it is of; absent for all journeys together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The scenario it was seen in; absent for all of them together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<Name>,
    /// Stop above this: seconds, or a share of one.
    pub above: f64,
    /// `s` or `share`.
    pub unit: String,
    /// What this run saw over all windows together, in the same unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<f64>,
    /// The gate's limit in the same unit; absent for the error rate where no key gate has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<f64>,
    /// The gate; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<String>,
    /// Where `above` comes from.
    pub basis: Basis,
    /// Length of a window, seconds.
    pub window_s: u32,
    /// How many windows it rests on.
    pub windows: u64,
}

/// Where a threshold comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// The interval over windows.
    Interval,
    /// The gate's limit: the interval ends above it, or there are too few windows for one.
    Limit,
}

/// The thresholds of a run: one a key gate on a latency's quantile or on an error rate of undisturbed load; where no gate
/// judges an error rate, one for all journeys together.
pub(super) fn of(record: &Record, verdict: &Verdict) -> Vec<AbortThreshold> {
    let undisturbed = |gate: &Gate| {
        gate.role == Role::Verdict && matches!(gate.during, During::Undisturbed | During::All)
    };
    let keys = verdict.gates.iter();
    let keys = keys.filter(|result| result.is_key() && undisturbed(&result.gate));
    let mut thresholds: Vec<_> = keys.filter_map(|result| of_gate(record, result)).collect();
    if thresholds.iter().all(|threshold| threshold.metric != SHARE) {
        thresholds.extend(errors(record, None, None, None));
    }
    thresholds
}

fn of_gate(record: &Record, result: &GateResult) -> Option<AbortThreshold> {
    let expect = &result.gate.expect;
    if !matches!(expect.op, Comparison::Less | Comparison::AtMost) {
        return None;
    }
    let scenario = result.gate.scenario.as_ref();
    match &expect.subject {
        GateSubject::Latency {
            stat: Stat::Quantile(quantile),
            name,
        } => {
            let name = name.as_ref().map(|name| name.as_str());
            latency(
                record,
                result,
                (&quantile.to_string(), quantile.get()),
                name,
            )
        }
        GateSubject::ErrorRate(name) => {
            let name = name.as_ref().map(|name| name.as_str());
            errors(record, scenario, name, Some(result))
        }
        _ => None,
    }
}

fn latency(
    record: &Record,
    result: &GateResult,
    (metric, q): (&str, f64),
    name: Option<&str>,
) -> Option<AbortThreshold> {
    let scenario = result.gate.scenario.as_ref();
    let (window_s, windows) = windows(record, scenario, name)?;
    let enough = |tally: &&Tally| tally.response.count() as f64 * (1.0 - q) >= BEYOND;
    let figures = windows.iter().filter(enough);
    let figures = figures.filter_map(|tally| tally.response.quantile(q));
    let logs: Vec<f64> = figures.map(|us| (us.max(1) as f64 / 1e6).ln()).collect();
    let upper = predicted(&logs).map(f64::exp);
    // Windows have fewer digits, and the gate beside it has all.
    let whole = whole(record, scenario, name);
    let seen = whole.response.quantile(q).map(|us| us as f64 / 1e6);
    let limit = result.gate.expect.limit / 1e6;
    let (above, basis) = within(upper, Some(limit), result.grade)?;
    Some(AbortThreshold {
        metric: metric.to_owned(),
        name: name.map(str::to_owned),
        scenario: scenario.cloned(),
        above,
        unit: "s".to_owned(),
        seen,
        limit: Some(limit),
        gate: Some(result.gate.id.clone()),
        basis,
        window_s,
        windows: logs.len() as u64,
    })
}

fn errors(
    record: &Record,
    scenario: Option<&Name>,
    name: Option<&str>,
    result: Option<&GateResult>,
) -> Option<AbortThreshold> {
    let (window_s, windows) = windows(record, scenario, name)?;
    let ended: Vec<(f64, f64)> = windows
        .iter()
        .map(|tally| (ended_badly(tally) as f64, ended_by_target(tally) as f64))
        .filter(|(_, ended)| *ended > 0.0)
        .collect();
    let all: f64 = ended.iter().map(|(_, ended)| ended).sum();
    let bad: f64 = ended.iter().map(|(bad, _)| bad).sum();
    let share = (all > 0.0).then(|| bad / all);
    let shares: Vec<f64> = ended.iter().map(|(bad, ended)| bad / ended).collect();
    let upper = predicted(&shares).zip(share).map(|(burst, share)| {
        let (_, high) = wilson(share, all / ended.len() as f64);
        high.max(burst).min(1.0)
    });
    let limit = result.map(|result| result.gate.expect.limit);
    let grade = result.map_or(Grade::Pass, |result| result.grade);
    let (above, basis) = within(upper, limit, grade)?;
    Some(AbortThreshold {
        metric: SHARE.to_owned(),
        name: name.map(str::to_owned),
        scenario: scenario.cloned(),
        above,
        unit: "share".to_owned(),
        seen: share,
        limit,
        gate: result.map(|result| result.gate.id.clone()),
        basis,
        window_s,
        windows: shares.len() as u64,
    })
}

/// The upper end, never above the limit, which is all there is where the gate did not pass or nothing else is known.
fn within(upper: Option<f64>, limit: Option<f64>, grade: Grade) -> Option<(f64, Basis)> {
    match (upper.filter(|_| grade == Grade::Pass), limit) {
        (Some(upper), Some(limit)) if upper >= limit => Some((limit, Basis::Limit)),
        (Some(upper), _) => Some((upper, Basis::Interval)),
        (None, limit) => limit.map(|limit| (limit, Basis::Limit)),
    }
}

/// The upper end of the interval for one further figure like these.
fn predicted(figures: &[f64]) -> Option<f64> {
    let n = figures.len() as f64;
    let mean = figures.iter().sum::<f64>() / n;
    let squares: f64 = figures.iter().map(|figure| (figure - mean).powi(2)).sum();
    let deviation = (squares / (n - 1.0)).sqrt();
    (figures.len() >= WINDOWS).then(|| mean + Z * deviation * (1.0 + 1.0 / n).sqrt())
}

fn whole(record: &Record, scenario: Option<&Name>, name: Option<&str>) -> Tally {
    let mut all = Tally::default();
    for scenario in looked_at(record, scenario) {
        all.add(&scenario.select(name, &During::Undisturbed));
    }
    all
}

/// The scenario that is asked about, or all but controls.
fn looked_at<'r>(record: &'r Record, scenario: Option<&Name>) -> Vec<&'r ScenarioRecord> {
    let plan = record.run.as_ref().map(|run| &run.plan);
    let control = |s: &ScenarioRecord| {
        let planned = plan.and_then(|plan| plan.scenario(s.name.as_str()));
        planned.is_some_and(|planned| planned.control_of.is_some())
    };
    let wanted = |s: &&ScenarioRecord| match scenario {
        Some(name) => s.name == *name,
        None => !control(s),
    };
    record.scenarios.iter().filter(wanted).collect()
}

/// The undisturbed load in windows of at least [`WINDOW_S`], of one scenario or of all but controls; `None` without any.
fn windows(
    record: &Record,
    scenario: Option<&Name>,
    name: Option<&str>,
) -> Option<(u32, Vec<Tally>)> {
    let scenarios = looked_at(record, scenario);
    // One length for all: the longest that any scenario's own windows ask for.
    let longest = scenarios.iter().map(|s| s.window_s.max(1)).max()?;
    let length = WINDOW_S.div_ceil(longest) * longest;
    let mut all = Vec::new();
    for scenario in scenarios {
        let mut windows: BTreeMap<u32, Tally> = BTreeMap::new();
        for point in scenario.series_in(name, &During::Undisturbed) {
            let window = windows.entry(point.second / length).or_default();
            window.add(&point.tally);
        }
        all.extend(windows.into_values());
    }
    (!all.is_empty()).then_some((length, all))
}
