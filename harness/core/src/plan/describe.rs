//! A plan told to people: what `harness plan` prints. Reads the plan and nothing else.

mod load;
mod target;

use super::fault::FaultPlan;
use super::probe::ProbePlan;
use super::{Plan, ScenarioPlan, shape};
use crate::data::{AtEnd, Feed, Pick, Rows};
use crate::expr::gate::Unit;
use crate::journey::{Action, Journey, WALKED};
use crate::plan::gate::{Class, During, Gate};
use crate::units::format_duration;
use std::fmt::Write as _;

/// What a run of this plan will do, as text of at most about 100 columns.
pub fn describe(plan: &Plan) -> String {
    let mut out = String::new();
    // Writing into a string can't fail.
    let _ = write(&mut out, plan);
    out
}

fn write(out: &mut String, plan: &Plan) -> std::fmt::Result {
    write!(out, "{}: ", plan.project)?;
    let names = [("profile", &plan.profile), ("variant", &plan.variant)];
    for (what, name) in names
        .iter()
        .filter_map(|(what, name)| name.as_ref().map(|name| (what, name)))
    {
        write!(out, "{what} {name}, ")?;
    }
    writeln!(
        out,
        "seed {}, plan {}",
        plan.seed,
        plan.plan_digest.get(..12).unwrap_or(&plan.plan_digest)
    )?;
    target::target(out, plan)?;
    journeys(out, plan)?;
    if !plan.contracts.is_empty() {
        writeln!(out, "\nContract")?;
        for contract in &plan.contracts {
            writeln!(
                out,
                "  {:<12} {} against {}",
                contract.name.as_str(),
                contract.document,
                contract.base
            )?;
        }
    }
    for scenario in &plan.scenarios {
        self::scenario(out, plan, scenario)?;
    }
    if !plan.left_out.is_empty() {
        writeln!(out)?;
    }
    for left_out in &plan.left_out {
        writeln!(out, "{left_out}; this is {}", plan.target.mode.as_str())?;
    }
    if !plan.probes.is_empty() {
        writeln!(out, "\nProbes of the target's own metrics")?;
        plan.probes.iter().try_for_each(|p| probe(out, p))?;
    }
    if !plan.queries.is_empty() {
        writeln!(out, "\nQueries, asked before and after a scenario")?;
        for query in &plan.queries {
            writeln!(out, "  {:<12} {}", query.name.as_str(), query.request.url)?;
        }
    }
    if !plan.gates.is_empty() {
        writeln!(out, "\nGates of the whole run")?;
        plan.gates.iter().try_for_each(|g| gate(out, g))?;
    }
    Ok(())
}

fn journeys(out: &mut String, plan: &Plan) -> std::fmt::Result {
    writeln!(out, "\nJourneys walked as tests: {}", plan.walks.len())?;
    for journey in plan
        .walks
        .iter()
        .filter_map(|name| plan.journey(name.as_str()))
    {
        let data = match journey.rows.len() {
            0 => String::new(),
            1 => ", 1 row".to_owned(),
            rows if rows > WALKED => format!(", the first {WALKED} of {rows} rows"),
            rows => format!(", {rows} rows"),
        };
        writeln!(
            out,
            "  {:<28} {}{data}{}",
            journey.name.as_str(),
            steps(journey),
            tags(&journey.tags)
        )?;
    }
    Ok(())
}

fn steps(journey: &Journey) -> String {
    let requests = journey
        .steps
        .iter()
        .filter(|s| matches!(s.action, Action::Request(_)))
        .count();
    let plural = if requests == 1 { "" } else { "s" };
    let commands = journey
        .steps
        .iter()
        .any(|s| matches!(s.action, Action::Command(_)));
    format!(
        "{requests} request{plural}{}",
        if commands { ", arms faults" } else { "" }
    )
}

fn tags(tags: &[String]) -> String {
    let words: Vec<String> = tags.iter().map(|tag| format!("@{tag}")).collect();
    if words.is_empty() {
        String::new()
    } else {
        format!("  {}", words.join(" "))
    }
}

fn scenario(out: &mut String, plan: &Plan, scenario: &ScenarioPlan) -> std::fmt::Result {
    let load = &scenario.load;
    writeln!(
        out,
        "\nScenario {}: {}{}",
        scenario.name,
        scenario.title,
        tags(&scenario.tags)
    )?;
    let fresh = if scenario.fresh {
        "; on a fresh target"
    } else {
        ""
    };
    load::load(out, load, fresh)?;
    for entry in &load.mix {
        let journey = plan.journey(entry.journey.as_str());
        journey.map_or(Ok(()), |journey| data(out, journey))?;
    }
    for line in shape::draw(scenario).lines() {
        writeln!(out, "  {line}")?;
    }
    for fault in scenario.faults.iter().filter(|fault| fault.turn == 1) {
        let time = |fault: &FaultPlan| {
            let (at, lasts) = (format_duration(fault.at), format_duration(fault.lasts));
            match &fault.when {
                Some(_) => format!("{at} later for {lasts}"),
                None => format!("at {at} for {lasts}"),
            }
        };
        let when = fault.when.as_ref();
        let when = when.map_or_else(String::new, |when| format!("once {when}, "));
        let turns = scenario.faults.iter();
        let again = turns.filter(|turn| turn.turn > 1 && turn.name == fault.name);
        let again: String = again.map(|turn| format!(", {}", time(turn))).collect();
        let (name, what) = (&fault.name, fault.what());
        writeln!(
            out,
            "  fault {name:?}: {what}, {when}{}{again}{}",
            time(fault),
            noticed(scenario, name)
        )?;
    }
    scenario.gates.iter().try_for_each(|g| gate(out, g))?;
    scenario.invariants.iter().try_for_each(|i| {
        let (class, within) = (class(i.class), format_duration(i.within));
        writeln!(
            out,
            "  gate {class:<6} {} within {within} of the end",
            i.check
        )
    })
}

/// What tells that the target noticed a fault.
fn noticed(scenario: &ScenarioPlan, fault: &str) -> String {
    let condition = scenario.detected.get(fault);
    condition.map_or_else(String::new, |condition| {
        format!(", noticed once {condition}")
    })
}

/// What load feeds a journey with.
fn data(out: &mut String, journey: &Journey) -> std::fmt::Result {
    if journey.rows.is_empty() {
        return Ok(());
    }
    let Feed { pick, at_end } = journey.feed;
    let how = match pick {
        Pick::Sequential => "in turn",
        Pick::Random => "drawn",
        Pick::Unique => "each once",
        Pick::Shared => "each user its own",
    };
    let end = match (pick, at_end) {
        (Pick::Random, _) => "",
        (_, AtEnd::Wrap) => ", over again",
        (_, AtEnd::Stop) => ", then nothing",
    };
    let from = match &journey.rows {
        Rows::Held(_) => String::new(),
        Rows::Streamed(file) => format!(" of {}", file.file),
    };
    let (name, rows) = (&journey.name, journey.rows.len());
    writeln!(out, "  data of {name}: {rows} rows{from}, {how}{end}")
}

fn probe(out: &mut String, probe: &ProbePlan) -> std::fmt::Result {
    let unit = match &probe.unit {
        Unit::Plain => String::new(),
        unit => format!(" in {unit}"),
    };
    let drawn = if probe.chart { "" } else { ", not drawn" };
    writeln!(
        out,
        "  {:<16} {}{unit}{drawn}",
        probe.name.as_str(),
        probe.value
    )
}

const fn class(class: Class) -> &'static str {
    match class {
        Class::Key => "key",
        Class::Scored => "scored",
        Class::Info => "info",
    }
}

fn gate(out: &mut String, gate: &Gate) -> std::fmt::Result {
    write!(out, "  gate {:<6} {}", class(gate.class), gate.expect)?;
    match &gate.during {
        During::Undisturbed => {}
        During::All => write!(out, " over everything")?,
        During::Before(fault) => write!(out, " before {fault:?}")?,
        During::Fault(fault) => write!(out, " during {fault:?}")?,
        During::Recovery(fault) => write!(out, " recovering from {fault:?}")?,
        During::After(fault) => write!(out, " after {fault:?}")?,
        During::Trial(trial) => write!(out, " in trial {trial}")?,
    }
    if let Some(over) = gate.over {
        write!(out, " in every {}", format_duration(over))?;
    }
    writeln!(
        out,
        "{}",
        if gate.abort {
            ", else the scenario stops"
        } else {
            ""
        }
    )
}
