//! The plans of a matrix's two runs: scenarios as texts, which go the way of every suite, and what is laid over the plan that
//! comes of them.

use harness_core::event::LinkTick;
use harness_core::journey::{Action, Journey};
use harness_core::name::Name;
use harness_core::plan::Plan;
use harness_core::plan::load::{Model, OpenPlan, Stage};
use harness_core::plan::matrix::{Cell, LeftOut, MatrixPlan, Unused};
use harness_core::record::Record;
use harness_core::units::Rate;
use std::fmt::Write as _;
use std::time::Duration;

/// How long a journey is loaded alone, to see which links it uses.
pub(super) const ALONE: Duration = Duration::from_secs(3);
/// At this rate at most: seeing needs few.
const ALONE_RATE: f64 = 5.0;
/// Share of a journey's walks that may fail without any fault.
const ALONE_FAILED: f64 = 0.1;

/// Load before the fault: three whole windows for the band of what is usual, and one that the fault's early window cuts.
pub(super) const BEFORE: Duration = Duration::from_secs(4);
/// How long the fault lasts.
pub(super) const FAULT: Duration = Duration::from_secs(3);
/// Load after it: a journey that is itself again within three seconds shows the three windows inside the band that prove it.
pub(super) const AFTER: Duration = Duration::from_secs(6);

/// What a matrix is made of.
pub(super) struct Wanted {
    pub(super) journeys: Vec<Name>,
    pub(super) links: Vec<Name>,
    pub(super) faults: Vec<Fault>,
    pub(super) rate: Rate,
    /// Journeys that are not in it.
    pub(super) left_out: Vec<LeftOut>,
}

/// A fault of the set.
#[derive(Clone)]
pub(super) struct Fault {
    /// Its kind's word.
    pub(super) word: String,
    /// Its key and value in a suite.
    pub(super) toml: String,
}

/// A cell before it is planned.
#[derive(Clone)]
pub(super) struct Draft {
    scenario: String,
    journey: Name,
    link: Name,
    fault: Fault,
}

/// The name of the scenario that loads a journey alone, by its place.
fn alone(number: usize) -> String {
    format!("matrix.alone.{}", number + 1)
}

/// A scenario for each journey, alone and without a fault.
pub(super) fn looks(wanted: &Wanted) -> Vec<(String, String)> {
    let journeys = wanted.journeys.iter().enumerate();
    let text = |journey: &Name| {
        let title = format!("{journey} alone");
        head(&title, false, ALONE, journey)
    };
    journeys
        .map(|(n, journey)| (alone(n), text(journey)))
        .collect()
}

/// A text as TOML writes it.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn seconds(length: Duration) -> String {
    format!("\"{}s\"", length.as_secs())
}

/// A scenario's text without faults; the rate is laid over its plan.
fn head(title: &str, fresh: bool, length: Duration, journey: &Name) -> String {
    format!(
        "title = {}\nfresh = {fresh}\nsettle = {}\n[load]\nrate = \"1/s\"\nfor = {}\nmix = {{ {} = 1 }}\n",
        quoted(title),
        seconds(AFTER),
        seconds(length),
        quoted(journey.as_str())
    )
}

/// The cells, journey by journey and link by link.
pub(super) fn cells(wanted: &Wanted, uses: &[(Name, Vec<Name>)]) -> Vec<Draft> {
    let mut cells = Vec::new();
    for (journey, links) in uses {
        for link in links {
            for fault in &wanted.faults {
                let name = format!("matrix.{journey}.{link}.{}", fault.word);
                let long = name.parse::<Name>().is_err();
                let taken = cells.iter().any(|cell: &Draft| cell.scenario == name);
                let scenario = match long || taken {
                    true => format!("matrix.{}", cells.len() + 1),
                    false => name,
                };
                cells.push(Draft {
                    scenario,
                    journey: journey.clone(),
                    link: link.clone(),
                    fault: fault.clone(),
                });
            }
        }
    }
    cells
}

/// A scenario for each cell.
pub(super) fn scenarios(cells: &[Draft], fresh: bool) -> Vec<(String, String)> {
    let text = |cell: &Draft| {
        let title = format!(
            "{} while {} has {}",
            cell.journey, cell.link, cell.fault.word
        );
        let mut text = head(&title, fresh, BEFORE + FAULT + AFTER, &cell.journey);
        // Writing into a string can't fail.
        let _ = write!(
            text,
            "[[fault]]\nname = {}\nlink = {}\nat = {}\nfor = {}\n{}\n",
            quoted(&cell.fault.word),
            quoted(cell.link.as_str()),
            seconds(BEFORE),
            seconds(FAULT),
            cell.fault.toml
        );
        text
    };
    cells
        .iter()
        .map(|cell| (cell.scenario.clone(), text(cell)))
        .collect()
}

/// The plan of the looks: nothing but they, at a light rate, whatever a profile scales.
pub(super) fn look(plan: &mut Plan, wanted: &Wanted) {
    let rate = Rate::per_second(wanted.rate.get().min(ALONE_RATE)).unwrap_or(wanted.rate);
    alone_on_it(plan, Vec::new());
    for scenario in &mut plan.scenarios {
        scenario.load.model = steady(rate, ALONE);
    }
}

/// The plan of the cells: they, and each of their journeys walked once.
pub(super) fn lay_out(
    plan: &mut Plan,
    wanted: &Wanted,
    cells: &[Draft],
    uses: &[(Name, Vec<Name>)],
) {
    alone_on_it(plan, wanted.journeys.clone());
    for scenario in &mut plan.scenarios {
        scenario.load.model = steady(wanted.rate, BEFORE + FAULT + AFTER);
        scenario.settle = AFTER;
        for fault in &mut scenario.faults {
            (fault.at, fault.lasts) = (BEFORE, FAULT);
        }
    }
    let cell = |draft: &Draft| {
        let scenario = plan.scenario(&draft.scenario)?;
        Some(Cell {
            scenario: scenario.name.clone(),
            journey: draft.journey.clone(),
            link: draft.link.clone(),
            fault: scenario.faults.first()?.kind.clone(),
        })
    };
    plan.matrix = Some(MatrixPlan {
        cells: cells.iter().filter_map(cell).collect(),
        unused: unused(wanted, uses),
        left_out: wanted.left_out.clone(),
    });
}

fn unused(wanted: &Wanted, uses: &[(Name, Vec<Name>)]) -> Vec<Unused> {
    let pairs = uses.iter().flat_map(|(journey, links)| {
        let unused = wanted.links.iter().filter(|link| !links.contains(link));
        unused.map(|link| Unused {
            journey: journey.clone(),
            link: link.clone(),
        })
    });
    pairs.collect()
}

/// What else the suite has is judged by its own runs.
fn alone_on_it(plan: &mut Plan, walks: Vec<Name>) {
    plan.walks = walks;
    plan.contracts.clear();
    plan.gates.clear();
    plan.queries.clear();
    for scenario in &mut plan.scenarios {
        scenario.invariants.clear();
    }
}

fn steady(rate: Rate, lasts: Duration) -> Model {
    Model::Open(OpenPlan::of(vec![Stage {
        from: rate,
        to: rate,
        lasts,
    }]))
}

/// Whether a step of a journey commands the run.
pub(super) fn commands(journey: &Journey) -> bool {
    let mut steps = journey.steps.iter();
    steps.any(|step| matches!(step.action, Action::Command(_)))
}

/// The links that carried anything while the journey of this place was alone, and those of which nobody counts what they
/// carry; the error says why it can't be in a matrix.
pub(super) fn used(record: &Record, number: usize, links: &[Name]) -> Result<Vec<Name>, String> {
    let scenario = record.scenario(&alone(number));
    let ended = scenario.and_then(|scenario| Some((scenario, scenario.end?.0)));
    let (scenario, end) = ended.ok_or("it was not walked to its end")?;
    let seen = scenario.whole(None);
    let failed = seen.failed() as f64 / seen.finished().max(1) as f64;
    if seen.finished() == 0 || failed > ALONE_FAILED {
        return Err(format!(
            "{:.0} % of its walks fail without any fault",
            failed * 100.0
        ));
    }
    let ticks = |link: &Name| record.links.get(link).map_or(&[][..], Vec::as_slice);
    let carried = |link: &&Name| carried(ticks(link), scenario.t0_us, end);
    Ok(links.iter().filter(carried).cloned().collect())
}

/// Whether a link may have carried anything between two moments.
fn carried(ticks: &[(u64, LinkTick)], begun_us: u64, end_us: u64) -> bool {
    // A tick tells of the second before it: the first one may tell of the journey before this.
    let during = begun_us + 1_000_000..=end_us;
    let mut ticks = ticks
        .iter()
        .filter(|(at, _)| during.contains(at))
        .peekable();
    // A server that counts no bytes tells nothing.
    ticks.peek().is_none()
        || ticks.any(|(_, tick)| tick.bytes_up + tick.bytes_down + tick.opened > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_unused_only_where_it_was_counted_and_carried_nothing() {
        let tick = |at: u64, bytes_up: u64| {
            let quiet = LinkTick::quiet("edge".parse().unwrap());
            (at * 100_000, LinkTick { bytes_up, ..quiet })
        };
        let carried = |ticks: &[(u64, LinkTick)]| carried(ticks, 10_000_000, 13_100_000);
        assert!(carried(&[tick(105, 0), tick(115, 7), tick(125, 0)]));
        // Its neighbours' seconds are theirs.
        assert!(!carried(&[
            tick(105, 7),
            tick(115, 0),
            tick(125, 0),
            tick(135, 7)
        ]));
        assert!(carried(&[]), "nobody counted");
    }
}
