//! One URL under load in figures: the summary of `harness load`, for programs (its JSON Schema is made of these types) and,
//! in `text`, for people. Made of the record; knows no command line.

mod phases;
mod text;

pub use phases::{PhaseTimes, PhasesSummary};
pub use text::render;

use crate::figures;
use crate::screen::view_shape;
use harness_core::hist::Hist;
use harness_core::plan::gate::During;
use harness_core::plan::load::{LoadPlan, Model};
use harness_core::record::{Record, ScenarioRecord, Tally};
use harness_core::verdict::{Verdict, show};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Version of the summary's shape; a change that breaks a reader raises it.
pub const FORMAT: u32 = 1;

/// What a load of one URL came to. Times in seconds, rates per second, shares of one.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(title = "harness load --format json", deny_unknown_fields)]
pub struct LoadSummary {
    /// Version of this shape: 1.
    pub format: u32,
    /// The run's id.
    pub run: String,
    /// When it began, RFC 3339.
    pub date: String,
    /// The version of harness.
    pub version: String,
    /// Method and URL.
    pub title: String,
    /// What was asked for.
    pub load: Asked,
    /// `pass`, `fail`, `inconclusive` or `invalid`: the worst of the target, the instrument and the gates.
    pub result: String,
    /// Why, where it did not pass; one sentence each.
    pub reasons: Vec<String>,
    /// How the load ended: `completed`, `aborted`, `cancelled`, `target-died`, `broken`; absent when there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// Seconds of load, without its warm-up; all figures are of these.
    pub seconds: f64,
    /// Requests that ended, per second.
    pub rate: f64,
    /// Counts of requests.
    pub requests: Requests,
    /// Share of the requests that ended that ended badly.
    pub error_rate: f64,
    /// Those by kind: `refused`, `timeout`, `status-503`, `expectation` …
    pub errors: BTreeMap<String, u64>,
    /// Bytes received.
    pub bytes_in: u64,
    /// Seconds from when a request was meant to be sent to its last byte; absent when none ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<Times>,
    /// Seconds from when it was sent to its last byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<Times>,
    /// Where the time of requests went, in seconds; absent when nothing was timed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phases: Option<PhasesSummary>,
    /// How response times are spread.
    pub histogram: Vec<Bin>,
    /// What the load was judged by.
    pub gates: Vec<GateSummary>,
    /// Whether these figures can be trusted.
    pub generator: GeneratorSummary,
    /// What was worth saying.
    pub notices: Vec<String>,
    /// Where the report's page lies; absent when it could not be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
}

/// The load that was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Asked {
    /// `open`: requests start when the schedule says so; `closed`: each user sends when it has its answer.
    pub model: String,
    /// In words: `50 users for 10s`.
    pub shape: String,
    /// Users at most, of a closed model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub users: Option<u32>,
    /// The highest rate, of an open model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak: Option<f64>,
    /// How many requests end it, if their number does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    /// Seconds it may take.
    pub seconds: f64,
    /// Connections at most.
    pub connections: u32,
    /// Seconds at its begin that are judged by no gate.
    pub warm_up: f64,
}

/// Counts of requests.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Requests {
    /// Intended: by the schedule, or by a user who was free.
    pub planned: u64,
    /// Begun.
    pub started: u64,
    /// Ended well.
    pub ok: u64,
    /// Ended badly.
    pub failed: u64,
    /// Under way when the load ended: counted, not judged.
    pub cancelled: u64,
    /// Intended and never begun.
    pub dropped: u64,
    /// Begun late because the generator was late.
    pub late_generator: u64,
    /// Begun late because the target held every connection.
    pub late_target: u64,
}

/// A distribution, seconds.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field is the figure it is named after")]
pub struct Times {
    pub min: f64,
    pub mean: f64,
    pub p50: f64,
    pub p75: f64,
    pub p90: f64,
    pub p95: f64,
    pub p99: f64,
    #[serde(rename = "p99.9")]
    pub p99_9: f64,
    #[serde(rename = "p99.99")]
    pub p99_99: f64,
    pub max: f64,
}

/// A part of a distribution.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Bin {
    /// Its upper end, seconds; its lower end is the one's before.
    pub up_to: f64,
    /// How many.
    pub count: u64,
}

/// A gate.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct GateSummary {
    /// As written.
    pub expect: String,
    /// `pass`, `fail`, `inconclusive` or `invalid`.
    pub grade: String,
    /// What was seen, in words; absent when nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
}

/// The instrument.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct GeneratorSummary {
    /// `valid`, `degraded` or `invalid`.
    pub trust: String,
    /// Why not valid, one sentence each.
    pub reasons: Vec<String>,
    /// p99 of its lateness against the schedule, seconds; absent when it was not measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag_p99: Option<f64>,
    /// Processor seconds per second of its workers, at most in any second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_max: Option<f64>,
    /// Its threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<u32>,
}

impl LoadSummary {
    /// Of a run with one scenario; `None` of a record that does not say what was run. `report` is where the page lies.
    pub fn of(record: &Record, verdict: &Verdict, report: Option<&Path>) -> Option<Self> {
        let run = record.run.as_deref()?;
        let plan = run.plan.scenarios.first()?;
        let scenario = record.scenario(plan.name.as_str());
        let total = scenario.map_or_else(Tally::default, |s| s.select(None, &During::All));
        let seconds = scenario.map_or(0.0, seconds);
        let word = |grade| figures::grade_word(grade).to_owned();
        Some(Self {
            format: FORMAT,
            run: run.run.to_string(),
            date: run.date.clone(),
            version: run.version.clone(),
            title: plan.title.clone(),
            load: asked(&plan.load),
            result: word(verdict.grade),
            reasons: reasons(verdict),
            end: scenario
                .and_then(|s| s.end)
                .map(|(_, end)| figures::word(&end)),
            seconds,
            rate: total.finished() as f64 / seconds.max(0.001),
            requests: Requests {
                planned: total.planned,
                started: total.started,
                ok: total.ok,
                failed: total.failed(),
                cancelled: total.cancelled,
                dropped: total.dropped,
                late_generator: total.late_generator,
                late_target: total.late_target,
            },
            error_rate: total.failed() as f64 / total.finished().max(1) as f64,
            errors: total.errors.clone(),
            bytes_in: total.bytes_in,
            response: times(&total.response),
            service: times(&total.service),
            phases: scenario.and_then(PhasesSummary::of),
            histogram: crate::screen::bins(&total.response, BINS)
                .into_iter()
                .map(|(us, count)| Bin {
                    up_to: us as f64 / 1e6,
                    count,
                })
                .collect(),
            gates: verdict
                .gates
                .iter()
                .map(|gate| GateSummary {
                    expect: figures::expectation(gate),
                    grade: word(gate.grade),
                    seen: gate.observed.map(|seen| show(seen, &gate.unit)),
                })
                .collect(),
            generator: instrument(record, verdict, scenario),
            notices: notices(record),
            report: report.map(|path| path.display().to_string()),
        })
    }

    /// As JSON, ending in a line break.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }
}

/// Bars of the histogram.
const BINS: usize = 11;

/// The JSON Schema of [`LoadSummary`], everything inline.
pub fn schema() -> serde_json::Value {
    let settings = SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true);
    settings
        .into_generator()
        .into_root_schema_for::<LoadSummary>()
        .to_value()
}

/// How long the load lasted, its warm-up aside: one that its number of requests ended is as long as they took.
fn seconds(scenario: &ScenarioRecord) -> f64 {
    let all = scenario.load_end_us().saturating_sub(scenario.t0_us);
    let warm_up = scenario
        .warm_up_us()
        .map_or(0, |(from, to)| to.saturating_sub(from));
    all.saturating_sub(warm_up) as f64 / 1e6
}

fn asked(load: &LoadPlan) -> Asked {
    Asked {
        model: match &load.model {
            Model::Open(_) => "open".to_owned(),
            Model::Closed(_) => "closed".to_owned(),
            Model::Search(_) => "search".to_owned(),
        },
        shape: view_shape::shape(load),
        users: load.users(),
        peak: load.peak().map(|rate| rate.get()),
        requests: view_shape::iterations(load),
        seconds: load.duration().as_secs_f64(),
        connections: load.http.connections,
        warm_up: load.warm_up.as_secs_f64(),
    }
}

/// Why the result is not a pass.
fn reasons(verdict: &Verdict) -> Vec<String> {
    use harness_core::verdict::Grade;
    let checks = [&verdict.run, &verdict.target];
    let checks = checks
        .into_iter()
        .filter(|check| check.grade != Grade::Pass);
    let gates = verdict
        .gates
        .iter()
        .filter(|gate| gate.grade != Grade::Pass);
    checks
        .map(|check| check.reason.clone())
        .chain(gates.map(|gate| gate.reason.clone()))
        .collect()
}

fn notices(record: &Record) -> Vec<String> {
    let said = record.notices.iter().map(|(_, text)| text.clone());
    let insecure = figures::insecure(record).map(str::to_owned);
    let warm_up = record.scenarios.first().and_then(figures::warm_up);
    insecure.into_iter().chain(warm_up).chain(said).collect()
}

fn times(hist: &Hist) -> Option<Times> {
    let at = |quantile| hist.quantile(quantile).map(|us| us as f64 / 1e6);
    Some(Times {
        min: hist.min()? as f64 / 1e6,
        mean: hist.mean()? / 1e6,
        p50: at(0.5)?,
        p75: at(0.75)?,
        p90: at(0.9)?,
        p95: at(0.95)?,
        p99: at(0.99)?,
        p99_9: at(0.999)?,
        p99_99: at(0.9999)?,
        max: at(1.0)?,
    })
}

fn instrument(
    record: &Record,
    verdict: &Verdict,
    scenario: Option<&ScenarioRecord>,
) -> GeneratorSummary {
    let judged = verdict.generator.first();
    let seen = scenario.map(|s| &s.instrument).filter(|i| i.seconds > 0);
    let environment = record.run.as_ref().map(|run| &run.environment);
    GeneratorSummary {
        trust: judged
            .map_or("invalid", |j| figures::trust_word(j.trust))
            .to_owned(),
        reasons: judged.map_or_else(
            || vec!["there was no load".to_owned()],
            |j| j.reasons.clone(),
        ),
        lag_p99: seen
            .and_then(|i| i.lag.quantile(0.99))
            .map(|us| us as f64 / 1e6),
        cpu_max: seen
            .and_then(|i| i.cpu_millis.max())
            .map(|n| n as f64 / 1e3),
        threads: environment.and_then(|e| e.get("workers")?.parse().ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schema_is_current() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../docs/schema/load-summary.schema.json"
        );
        let current = format!("{:#}\n", schema());
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            std::fs::write(path, &current).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == current,
            "{path} is stale: run this test with UPDATE_SCHEMAS=1"
        );
    }
}
