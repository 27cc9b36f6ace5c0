//! The page as values: its first screen, the gates, the environment; the other parts from their own files.

use super::contract::{self, ContractView};
use super::evidence::Badge;
use super::matrix;
use super::scenario::{self, ScenarioView};
use super::target::{self, LinkView, MetricView, NamedView, ServiceView};
use super::walks::{self, WalkView};
use crate::figures;
use crate::headline::Headline;
use crate::text::{self, one_line};
use harness_core::event::{RunEnd, RunStarted};
use harness_core::plan::gate::During;
use harness_core::readiness::{CONDITIONAL_SCORE, Decision, GO_SCORE, Item, Readiness};
use harness_core::record::{Record, Tally};
use harness_core::verdict::{GateResult, Grade, InvariantResult, Verdict, error_rate, show};
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(super) struct Page {
    project: String,
    run: String,
    date: String,
    took: String,
    version: String,
    profile: Option<String>,
    variant: Option<String>,
    replays: Option<String>,
    decision: DecisionView,
    decided: String,
    decided_reason: String,
    score: String,
    score_width: f64,
    score_go: u32,
    score_conditional: u32,
    reasons: Vec<String>,
    conditions: Vec<ConditionView>,
    headroom: Option<Headroom>,
    tiles: Vec<Tile>,
    /// Said above everything else; empty for nothing.
    insecure: &'static str,
    warnings: Vec<String>,
    gates: Vec<GateView>,
    matrix: Option<matrix::MatrixView>,
    scenarios: Vec<ScenarioView>,
    walks: Vec<WalkView>,
    walks_cut: String,
    journeys_words: String,
    contracts: Vec<ContractView>,
    services: Vec<ServiceView>,
    links: Vec<LinkView>,
    metrics: Vec<MetricView>,
    metrics_named: Vec<NamedView>,
    probe_failures: Vec<String>,
    facts: Vec<(String, String)>,
    notices: Vec<(String, String)>,
    plan: String,
}

#[derive(Debug, Serialize)]
struct DecisionView {
    word: &'static str,
    class: &'static str,
}

#[derive(Debug, Serialize)]
struct ConditionView {
    statement: String,
    closes_with: String,
}

#[derive(Debug, Serialize)]
struct Headroom {
    spare: String,
    words: String,
}

#[derive(Debug, Serialize)]
struct Tile {
    name: &'static str,
    value: String,
    note: String,
}

#[derive(Debug, Serialize)]
struct GateView {
    grade: Badge,
    id: String,
    title: String,
    class: &'static str,
    place: String,
    seen: String,
    limit: String,
    reason: String,
    origin: String,
    decided: bool,
}

impl Page {
    /// `None` without a run.
    pub(super) fn of(record: &Record, verdict: &Verdict, readiness: &Readiness) -> Option<Self> {
        let run = record.run.as_deref()?;
        let plan = &run.plan;
        let (walks, walks_cut) = walks::of(record);
        let (metrics, metrics_named) = target::metrics(record);
        let headline = Headline::of(readiness);
        Some(Self {
            project: one_line(&plan.project, 80),
            run: run.run.to_string(),
            date: one_line(&run.date, 40).replacen('T', " ", 1),
            took: text::span(record.last_us as f64 / 1e6),
            version: one_line(&run.version, 40),
            profile: plan.profile.as_ref().map(ToString::to_string),
            variant: plan.variant.as_ref().map(ToString::to_string),
            replays: run
                .replays
                .as_ref()
                .map(|of| one_line(&of.to_string(), 120)),
            decision: decision(readiness.decision),
            decided: decided_words(readiness.decision, &headline),
            decided_reason: headline
                .decided
                .map(|(_, reason)| one_line(reason, 400))
                .unwrap_or_default(),
            score: format!("{:.0}", readiness.score.floor()),
            score_go: GO_SCORE as u32,
            score_conditional: CONDITIONAL_SCORE as u32,
            score_width: readiness.score.clamp(0.0, 100.0).floor(),
            reasons: headline.reasons.iter().map(|r| one_line(r, 400)).collect(),
            conditions: headline
                .conditions
                .iter()
                .map(|(statement, closes_with)| ConditionView {
                    statement: one_line(statement, 400),
                    closes_with: one_line(closes_with, 200),
                })
                .collect(),
            headroom: headroom(verdict),
            tiles: tiles(record, verdict),
            insecure: figures::insecure(record).unwrap_or_default(),
            warnings: warnings(record),
            gates: gates(verdict, readiness),
            matrix: matrix::of(record),
            scenarios: record
                .scenarios
                .iter()
                .enumerate()
                .map(|(i, s)| scenario::of(i, record, plan, verdict, s))
                .collect(),
            walks,
            walks_cut,
            journeys_words: one_line(&verdict.journeys.reason, 400),
            contracts: contract::of(record),
            services: target::services(record),
            links: target::links(record),
            metrics,
            metrics_named,
            probe_failures: target::probe_failures(record),
            facts: facts(run),
            notices: notices(record),
            plan: text::visible(
                &serde_json::to_string_pretty(&without_documents(run)).unwrap_or_default(),
            ),
        })
    }
}

/// The plan as JSON; the documents of its contracts, which can be large, by their length.
fn without_documents(run: &RunStarted) -> serde_json::Value {
    let mut plan = serde_json::to_value(&run.plan).unwrap_or_default();
    let contracts = plan
        .get_mut("contracts")
        .and_then(serde_json::Value::as_array_mut);
    for contract in contracts.into_iter().flatten() {
        if let Some(text) = contract.get_mut("text") {
            let bytes = text.as_str().map_or(0, str::len);
            *text = format!("({} not shown)", text::bytes(bytes as f64)).into();
        }
    }
    plan
}

fn notices(record: &Record) -> Vec<(String, String)> {
    let said = record
        .notices
        .iter()
        .map(|(at, words)| (text::clock(*at as f64 / 1e6), one_line(words, 600)));
    let omitted = record.omitted.iter().map(|(kind, n)| {
        (
            String::new(),
            format!(
                "{} {} were counted but not kept.",
                text::count(*n),
                one_line(kind, 60)
            ),
        )
    });
    said.chain(omitted).collect()
}

fn decision(decision: Decision) -> DecisionView {
    let class = match decision {
        Decision::Go => "go",
        Decision::ConditionalGo => "conditional",
        Decision::NoGo => "no-go",
    };
    DecisionView {
        word: decision.as_str(),
        class,
    }
}

fn decided_words(decision: Decision, headline: &Headline<'_>) -> String {
    match (decision, headline.decided) {
        (_, Some((title, _))) => format!("Decided by {}", one_line(title, 200)),
        (Decision::Go, None) => "Every key gate passed.".to_owned(),
        (_, None) => "Decided by the score.".to_owned(),
    }
}

/// The least room that a passed gate has left.
fn headroom(verdict: &Verdict) -> Option<Headroom> {
    let passed = verdict
        .gates
        .iter()
        .filter(|g| g.grade == Grade::Pass)
        .filter_map(|g| Some((figures::headroom(g)?, g)));
    let (spare, gate) = passed.min_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(Headroom {
        spare: text::percent(spare),
        words: format!(
            "to spare on the tightest passed gate: `{}` in {}",
            figures::expectation(gate),
            figures::place(gate)
        ),
    })
}

fn tiles(record: &Record, verdict: &Verdict) -> Vec<Tile> {
    let mut tiles = Vec::new();
    if verdict.journeys.total > 0 {
        let passed = verdict.journeys.total - verdict.journeys.failed.min(verdict.journeys.total);
        tiles.push(Tile {
            name: "Journeys walked",
            value: format!("{passed} of {}", verdict.journeys.total),
            note: "passed end to end".to_owned(),
        });
    }
    if !record.contracts.is_empty() {
        let (hit, all) = record
            .contracts
            .values()
            .map(figures::coverage)
            .fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
        tiles.push(Tile {
            name: "Contract findings",
            value: text::count(figures::findings(record).count() as u64),
            note: format!("{hit} of {all} operations exercised"),
        });
    }
    if !record.scenarios.is_empty() {
        tiles.extend(load_tiles(record));
    }
    tiles
}

fn load_tiles(record: &Record) -> Vec<Tile> {
    let requests = record.scenarios.iter().map(figures::requests).sum();
    let mut calm = Tally::default();
    record
        .scenarios
        .iter()
        .for_each(|s| calm.add(&s.select(None, &During::Undisturbed)));
    let peak = record
        .scenarios
        .iter()
        .flat_map(|s| {
            let per_second = f64::from(s.window_s.max(1));
            s.series(None)
                .into_iter()
                .map(move |point| point.tally.started as f64 / per_second)
        })
        .fold(0.0, f64::max);
    let faults = record
        .faults
        .iter()
        .filter(|f| f.scenario.is_some())
        .count() as u64;
    let error_rate = error_rate(&calm).unwrap_or(0.0);
    let mut tiles = vec![
        Tile {
            name: "Requests under load",
            value: text::count(requests),
            note: format!("up to {} journeys", text::rate(peak)),
        },
        Tile {
            name: "Response time p99",
            value: text::micros(calm.response.quantile(0.99)),
            note: format!(
                "median {}, undisturbed",
                text::micros(calm.response.quantile(0.5))
            ),
        },
        Tile {
            name: "Error rate",
            value: text::percent(error_rate),
            note: "undisturbed load".to_owned(),
        },
    ];
    if faults > 0 {
        tiles.push(Tile {
            name: "Faults injected",
            value: text::count(faults),
            note: format!(
                "in {}",
                text::plural(record.scenarios.len() as u64, "scenario")
            ),
        });
    }
    tiles
}

fn warnings(record: &Record) -> Vec<String> {
    let mut warnings = Vec::new();
    match record.end {
        None => warnings.push(
            "The record was cut short: what happened after its last event is not known.".to_owned(),
        ),
        Some(RunEnd::Cancelled) => {
            warnings.push("The run was stopped before it was through.".to_owned());
        }
        Some(RunEnd::TargetFailed) => warnings.push("The target did not come up.".to_owned()),
        Some(RunEnd::Broken) => {
            warnings.push("The harness itself failed during the run.".to_owned());
        }
        Some(RunEnd::Completed) => {}
    }
    if record.lost() > 0 {
        warnings.push(format!(
            "{} missing from the record: its figures are too low.",
            text::plural(record.lost(), "event")
        ));
    }
    warnings.extend(record.target.died.iter().map(|(at, service, status, _)| {
        format!(
            "{} died at {}: {}",
            one_line(service, 80),
            text::clock(*at as f64 / 1e6),
            one_line(status, 100)
        )
    }));
    warnings.extend(record.broken.iter().map(|broken| {
        format!(
            "{} at {}: {}",
            one_line(&broken.gate, 80),
            text::clock(broken.at_us as f64 / 1e6),
            one_line(&broken.seen, 200)
        )
    }));
    warnings.extend(record.tripped.iter().map(|(at, gate, seen)| {
        format!(
            "Gate {} stopped its scenario at {}: {}",
            one_line(gate, 80),
            text::clock(*at as f64 / 1e6),
            one_line(seen, 200)
        )
    }));
    warnings
}

fn gates(verdict: &Verdict, readiness: &Readiness) -> Vec<GateView> {
    readiness
        .items
        .iter()
        .map(|item| match figures::invariant(verdict, item) {
            Some(result) => invariant(item, result, readiness),
            None => gate(
                item,
                verdict.gates.iter().find(|g| g.gate.id == item.id),
                readiness,
            ),
        })
        .collect()
}

/// An invariant has no limit, and what was seen of it is a sentence.
fn invariant(item: &Item, result: &InvariantResult, readiness: &Readiness) -> GateView {
    let gate = &result.gate;
    let file = one_line(&gate.origin.file, 120);
    GateView {
        title: one_line(&gate.check.to_string(), 300),
        place: figures::after(result),
        origin: format!("{file}:{}", gate.origin.line),
        ..self::gate(item, None, readiness)
    }
}

fn gate(item: &Item, result: Option<&GateResult>, readiness: &Readiness) -> GateView {
    let none = || text::NONE.to_owned();
    GateView {
        grade: Badge::of(item.grade),
        id: item.id.clone(),
        title: one_line(
            &result.map_or_else(|| item.title.clone(), figures::expectation),
            200,
        ),
        class: figures::class_word(item),
        place: result.map(figures::place).unwrap_or_default(),
        seen: result
            .and_then(|g| g.observed.map(|v| show(v, &g.unit)))
            .unwrap_or_else(none),
        limit: result.map_or_else(none, |g| show(g.gate.expect.limit, &g.unit)),
        reason: one_line(figures::bare_reason(&item.reason), 600),
        origin: result
            .map(|g| {
                format!(
                    "{}:{}",
                    one_line(&g.gate.origin.file, 120),
                    g.gate.origin.line
                )
            })
            .unwrap_or_default(),
        decided: readiness.decision == Decision::NoGo
            && readiness.decided_by.as_ref() == Some(&item.id),
    }
}

fn facts(run: &RunStarted) -> Vec<(String, String)> {
    let plan = &run.plan;
    let mut facts = vec![
        ("harness".to_owned(), one_line(&run.version, 60)),
        ("seed".to_owned(), plan.seed.to_string()),
        ("target".to_owned(), plan.target.mode.as_str().to_owned()),
        ("plan".to_owned(), text::clip(&plan.plan_digest, 17)),
        ("workload".to_owned(), text::clip(&plan.workload_digest, 17)),
    ];
    facts.extend(
        run.environment
            .iter()
            .map(|(name, value)| (one_line(name, 60), one_line(value, 300))),
    );
    facts
}
