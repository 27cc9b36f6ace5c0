//! The page as values: its first screen, the gates, the environment; the other parts from their own files.

use super::contract::{self, ContractView};
use super::evidence::Badge;
use super::first::{First, Headroom, Tile};
use super::matrix;
use super::scenario::{self, ScenarioView};
use super::target::{self, LinkView, MetricView, NamedView, ServiceView};
use super::walks::{self, WalkView};
use crate::figures;
use crate::sheet::Sheet;
use crate::text::{self, one_line};
use harness_core::event::{RunEnd, RunStarted};
use harness_core::plan::gate::{During, named};
use harness_core::readiness::{Decision, Item, Readiness};
use harness_core::record::{Record, Tally};
use harness_core::verdict::{GateResult, InvariantResult, Verdict, error_rate, nearest, show};
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
    release: Option<String>,
    replays: Option<String>,
    #[serde(flatten)]
    first: First,
    /// Said above everything else; empty for nothing.
    insecure: &'static str,
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
pub(super) struct GateView {
    pub(super) grade: Badge,
    pub(super) id: String,
    /// The part of a link that leads to it.
    pub(super) anchor: String,
    pub(super) title: String,
    pub(super) class: &'static str,
    pub(super) place: String,
    pub(super) seen: String,
    pub(super) limit: String,
    pub(super) reason: String,
    pub(super) origin: String,
    pub(super) decided: bool,
}

impl Page {
    /// `None` without a run.
    pub(super) fn of(record: &Record, verdict: &Verdict, readiness: &Readiness) -> Option<Self> {
        let run = record.run.as_deref()?;
        let plan = &run.plan;
        let (walks, walks_cut) = walks::of(record);
        let (metrics, metrics_named) = target::metrics(record);
        Some(Self {
            project: one_line(&plan.project, 80),
            run: run.run.to_string(),
            date: text::moment(&run.date),
            took: text::span(record.last_us as f64 / 1e6),
            version: one_line(&run.version, 40),
            profile: plan.profile.as_ref().map(ToString::to_string),
            variant: plan.variant.as_ref().map(ToString::to_string),
            release: run.release.as_ref().map(ToString::to_string),
            replays: run
                .replays
                .as_ref()
                .map(|of| one_line(&of.to_string(), 120)),
            first: First {
                headroom: headroom(verdict, readiness.decision),
                needs: figures::needs(record).unwrap_or_default(),
                tiles: tiles(record, verdict),
                warnings: warnings(record),
                ..First::of("Can this build ship?", readiness, Sheet::of_run(readiness))
            },
            insecure: figures::insecure(record).unwrap_or_default(),
            gates: gates(verdict, readiness),
            matrix: matrix::of(record),
            scenarios: record
                .scenarios
                .iter()
                .map(|s| scenario::of(record, plan, verdict, s))
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
            plan: text::visible(&plan_words(run)),
        })
    }
}

/// The plan as JSON, a blank a level, without what it does not say.
fn plan_words(run: &RunStarted) -> String {
    let mut plan = without_documents(run);
    spare(&mut plan);
    let mut out = Vec::new();
    let shape = serde_json::ser::PrettyFormatter::with_indent(b" ");
    let mut writer = serde_json::Serializer::with_formatter(&mut out, shape);
    // A value of texts and numbers can be written to memory.
    let _ = plan.serialize(&mut writer);
    String::from_utf8_lossy(&out).into_owned()
}

/// Takes out members that are null or empty.
fn spare(value: &mut serde_json::Value) {
    use serde_json::Value;
    match value {
        Value::Object(members) => {
            members.values_mut().for_each(spare);
            members.retain(|_, member| match member {
                Value::Null => false,
                Value::Array(all) => !all.is_empty(),
                Value::Object(all) => !all.is_empty(),
                _ => true,
            });
        }
        Value::Array(all) => all.iter_mut().for_each(spare),
        _ => {}
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

/// The gate nearest to its limit: the same one that the reasons name. What room a build has that can't ship helps nobody.
fn headroom(verdict: &Verdict, decision: Decision) -> Option<Headroom> {
    let (gate, spare) =
        nearest([verdict]).filter(|_| !matches!(decision, Decision::NoGo | Decision::Unmade))?;
    let key = if gate.is_key() { "key gate" } else { "gate" };
    Some(Headroom {
        spare: text::percent(spare),
        words: format!(
            "to spare on the {key} nearest to its limit: `{}` in {}",
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
            name: "Walks passed",
            value: format!("{passed} of {}", verdict.journeys.total),
            note: "journeys walked end to end".to_owned(),
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
            name: "Response time p95",
            value: text::micros(calm.response.quantile(0.95)),
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
        // Said on top, as why there is no decision.
        None => {}
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
    let left_out = figures::left_out(record);
    warnings.extend(
        left_out
            .iter()
            .map(|words| format!("{}.", one_line(words, 200))),
    );
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
            None => GateView::of(
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
    let (title, place) = told(
        named(&item.id),
        &gate.check.to_string(),
        figures::after(result),
    );
    GateView {
        title,
        place,
        origin: format!("{file}:{}", gate.origin.line),
        ..GateView::of(item, None, readiness)
    }
}

/// Title and place of a gate: by its name, where it has one, with what it asks beside the place.
fn told(name: Option<&str>, asked: &str, place: String) -> (String, String) {
    let asked = one_line(asked, 300);
    match name {
        Some(name) => (one_line(name, 200), format!("{asked} · {place}")),
        None => (asked, place),
    }
}

impl GateView {
    /// Of an item, with the gate's own result where there is one.
    pub(super) fn of(item: &Item, result: Option<&GateResult>, readiness: &Readiness) -> Self {
        let none = || text::NONE.to_owned();
        let figure = item.figure.as_ref();
        let (title, place) = result.map_or_else(
            || (one_line(&item.title, 200), String::new()),
            |gate| {
                told(
                    gate.gate.name(),
                    &figures::expectation(gate),
                    figures::place(gate),
                )
            },
        );
        Self {
            grade: Badge::of_item(item),
            id: item.id.clone(),
            anchor: format!("gate-{}", slug(&item.id)),
            title,
            class: figures::class_word(item),
            place,
            seen: figure
                .and_then(|f| f.observed.map(|value| show(value, &f.unit)))
                .unwrap_or_else(none),
            limit: figure.map_or_else(none, |f| show(f.limit, &f.unit)),
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
}

/// Letters, digits and dashes of an id: what a link may end with.
fn slug(id: &str) -> String {
    id.chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect()
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
