//! What happened when: faults with their clocks, services that said they were unwell or died, gates that stopped the
//! load, failed and slow requests: a line each on the time axis of the scenario's charts.

use super::timeline::Timeline;
use super::{Table, Tick, tidy};
use crate::text::one_line;
use crate::{clocks, errors};
use harness_core::expr::gate::FaultFigure;
use harness_core::record::{FaultRecord, Record, ScenarioRecord};
use harness_core::units::human_us;
use serde::Serialize;
use std::collections::BTreeMap;

/// Height of a line with its name, and of what is on it, pixels.
const ROW: f64 = 42.0;
/// The most lines, and the most marks on one.
const ROWS: usize = 24;
const MARKS: usize = 60;

/// The timeline, ready for its template.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Incident {
    /// Unique on the page.
    pub id: String,
    /// For people.
    pub title: &'static str,
    /// What it shows.
    pub desc: &'static str,
    /// Pixels.
    pub height: f64,
    /// The lines.
    pub rows: Vec<Row>,
    /// The marks there are: (look, words).
    pub keys: Vec<(&'static str, &'static str)>,
    /// Marks along the bottom.
    pub x_ticks: Vec<Tick>,
    /// As in [`super::Chart`].
    pub time: Option<(f64, f64)>,
    /// Everything in order of time.
    pub table: Table,
    /// For pointing at it, as in [`super::Chart`]: what happened in each second.
    pub points: String,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// What it tells of.
    pub name: String,
    /// Pixels from the top: of the name's base line, and of the middle of what is on it.
    pub label_y: f64,
    /// See `label_y`.
    pub y: f64,
    /// (look, percent from the left, percent, words).
    pub spans: Vec<(&'static str, f64, f64, String)>,
    /// (look, percent from the left, words).
    pub marks: Vec<(&'static str, f64, String)>,
}

/// A line before it is drawn, microseconds since the run began.
#[derive(Default)]
struct Line {
    name: String,
    spans: Vec<(&'static str, u64, u64, String)>,
    marks: Vec<(&'static str, u64, String)>,
}

const KEYS: [(&str, &str); 9] = [
    ("armed", "armed"),
    ("effective", "first effect"),
    ("impact", "clients saw it"),
    ("noticed", "target noticed"),
    ("recovered", "recovered"),
    ("unwell", "unwell or dead"),
    ("well", "well again"),
    ("gate", "gate or trigger"),
    ("trace", "failed or slow request"),
];

/// Of a scenario; `None` where nothing but load happened.
pub fn chart(
    id: String,
    timeline: &Timeline,
    record: &Record,
    scenario: &ScenarioRecord,
) -> Option<Incident> {
    let mut lines = faults(record, scenario);
    lines.extend(services(record, scenario));
    lines.extend(gates(record, scenario));
    if lines.is_empty() {
        return None;
    }
    lines.truncate(ROWS - 1);
    lines.extend(traces(scenario));
    let place = |us: u64| {
        let second = us.saturating_sub(scenario.t0_us) as f64 / 1e6;
        tidy(timeline.scale.at(second) * 100.0)
    };
    let rows = lines.iter().enumerate().map(|(i, line)| Row {
        name: line.name.clone(),
        label_y: i as f64 * ROW + 14.0,
        y: i as f64 * ROW + 29.0,
        spans: line
            .spans
            .iter()
            .map(|(look, from, to, tip)| {
                let (x, end) = (place(*from), place(*to));
                (*look, x, tidy((end - x).max(0.2)), tip.clone())
            })
            .collect(),
        marks: line
            .marks
            .iter()
            .take(MARKS)
            .map(|(look, at, tip)| (*look, place(*at), tip.clone()))
            .collect(),
    });
    let there = |look: &str| lines.iter().flat_map(|l| &l.marks).any(|m| m.0 == look);
    let base = timeline.chart(String::new(), "", 0.0);
    Some(Incident {
        id,
        title: "What happened when",
        desc: "Faults with their clocks, services, gates, and failed and slow requests on the time axis of the charts below. Each mark is in the table.",
        height: ROW * lines.len() as f64,
        rows: rows.collect(),
        keys: KEYS.into_iter().filter(|(look, _)| there(look)).collect(),
        x_ticks: base.x_ticks,
        time: base.time,
        table: table(scenario, &lines),
        points: points(timeline, scenario, &lines),
    })
}

/// A line for each fault, its turns on one.
fn faults(record: &Record, scenario: &ScenarioRecord) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for fault in record.faults_of(&scenario.name) {
        let name = one_line(&fault.name, 60);
        let at = lines.iter().position(|line| line.name == name);
        let at = at.unwrap_or_else(|| {
            lines.push(Line {
                name,
                ..Line::default()
            });
            lines.len() - 1
        });
        add_fault(&mut lines[at], record, scenario, fault);
    }
    lines
}

fn add_fault(line: &mut Line, record: &Record, scenario: &ScenarioRecord, fault: &FaultRecord) {
    let lifted = fault.lifted_us.unwrap_or_else(|| scenario.load_end_us());
    let what = one_line(&fault.what, 120);
    line.marks
        .push(("armed", fault.armed_us, format!("armed: {what}")));
    if let Some(from) = fault.effective_us {
        line.spans.push(("fault", from, lifted, what));
    }
    for clock in clocks::of(record, scenario, fault) {
        let Some(us) = clock.us else { continue };
        let (look, from) = match clock.figure {
            FaultFigure::Effective => ("effective", fault.armed_us),
            FaultFigure::Impact => ("impact", fault.armed_us),
            FaultFigure::Detection => ("noticed", fault.armed_us),
            _ => ("recovered", lifted),
        };
        if look == "recovered" {
            let tip = format!("recovering for {}", human_us(us));
            line.spans.push(("recovery", lifted, lifted + us, tip));
        }
        let words = KEYS.iter().find(|(key, _)| *key == look);
        let words = words.map_or("", |(_, words)| *words);
        let since = match look {
            "recovered" => "the lifting",
            _ => "the arming",
        };
        let tip = format!("{words} {} after {since}", human_us(us));
        line.marks.push((look, from + us, tip));
    }
    if let Some(why) = &fault.failed {
        line.marks
            .push(("unwell", fault.armed_us, one_line(why, 200)));
    }
}

/// Services that were unwell or died while the scenario ran.
fn services(record: &Record, scenario: &ScenarioRecord) -> Vec<Line> {
    let end = scenario.load_end_us();
    let during = |us: u64| (scenario.t0_us..=end).contains(&us);
    let mut lines: BTreeMap<&str, Line> = BTreeMap::new();
    let mut since: BTreeMap<&str, u64> = BTreeMap::new();
    for change in record.health_changes.iter().filter(|c| during(c.at_us)) {
        let service = change.service.as_str();
        let down = since.remove(service);
        let line = match (change.healthy, down) {
            (true, None) => continue,
            (true, Some(from)) => {
                let line = lines.entry(service).or_default();
                let tip = format!("unwell for {}", human_us(change.at_us - from));
                line.spans.push(("unwell", from, change.at_us, tip));
                line.marks
                    .push(("well", change.at_us, "well again".to_owned()));
                continue;
            }
            (false, _) => lines.entry(service).or_default(),
        };
        since.insert(service, down.unwrap_or(change.at_us));
        let tip = "said it was unwell, or nothing".to_owned();
        line.marks.push(("unwell", change.at_us, tip));
    }
    for (service, from) in since {
        let tip = "unwell to the end".to_owned();
        let line = lines.entry(service).or_default();
        line.spans.push(("unwell", from, end, tip));
    }
    for (at, service, status, _) in record.target.died.iter().filter(|d| during(d.0)) {
        let tip = format!("died: {}", one_line(status, 100));
        let line = lines.entry(service).or_default();
        line.marks.push(("unwell", *at, tip));
    }
    let named = |(name, line): (&str, Line)| Line {
        name: one_line(name, 60),
        ..line
    };
    lines.into_iter().map(named).collect()
}

/// Gates that stopped the load, conditions that did not hold, and what fired faults.
fn gates(record: &Record, scenario: &ScenarioRecord) -> Option<Line> {
    let end = scenario.load_end_us();
    let tripped = record
        .tripped
        .iter()
        .filter(|(at, ..)| (scenario.t0_us..=end + 1_000_000).contains(at))
        .map(|(at, gate, seen)| (*at, format!("{gate} stopped the load: {seen}")));
    let broken = record.broken.iter().filter(|b| b.scenario == scenario.name);
    let broken = broken.map(|b| (b.at_us, format!("{} did not hold: {}", b.gate, b.seen)));
    let fired = record.triggered.iter();
    let fired = fired.filter(|t| t.scenario == scenario.name);
    let fired = fired.map(|t| (t.at_us, format!("fired {}: {}", t.fault, t.seen)));
    let all = tripped.chain(broken).chain(fired);
    let marks: Vec<_> = all
        .map(|(at, words)| ("gate", at, one_line(&words, 200)))
        .collect();
    (!marks.is_empty()).then(|| Line {
        name: "Gates and triggers".to_owned(),
        marks,
        ..Line::default()
    })
}

/// The slowest of the examples first, as far as they find room.
fn traces(scenario: &ScenarioRecord) -> Option<Line> {
    let mut all: Vec<_> = scenario.exemplars.iter().collect();
    all.sort_by_key(|e| std::cmp::Reverse(e.response_us));
    let mark = |e: &&harness_core::event::Exemplar| {
        let at = scenario.t0_us + u64::from(e.second) * 1_000_000 + 500_000;
        let took = human_us(e.response_us);
        let words = format!(
            "{}: {}, {took}",
            e.name.as_str(),
            errors::in_words(&e.class)
        );
        ("trace", at, one_line(&words, 160))
    };
    let marks: Vec<_> = all.iter().take(MARKS / 2).map(mark).collect();
    (!marks.is_empty()).then(|| Line {
        name: "Failed and slow requests".to_owned(),
        marks,
        ..Line::default()
    })
}

fn table(scenario: &ScenarioRecord, lines: &[Line]) -> Table {
    let mut all: Vec<_> = lines
        .iter()
        .flat_map(|line| {
            line.marks
                .iter()
                .map(move |(_, at, tip)| (*at, &line.name, tip))
        })
        .collect();
    all.sort();
    let rows = all.into_iter().map(|(at, name, tip)| {
        let second = at.saturating_sub(scenario.t0_us) as f64 / 1e6;
        vec![super::timeline::second(second), name.clone(), tip.clone()]
    });
    let head = ["time", "of", "what"].map(str::to_owned);
    Table::thinned(head.to_vec(), rows.collect())
}

/// What is on under each of at most 600 places.
fn points(timeline: &Timeline, scenario: &ScenarioRecord, lines: &[Line]) -> String {
    let window_s = (timeline.seconds / super::POINTS as f64).ceil().max(1.0) as u32;
    let xs = timeline.middles(window_s);
    let at = |x: &f64| {
        let from = scenario.t0_us + ((x - f64::from(window_s) / 2.0).max(0.0) * 1e6) as u64;
        let to = from + u64::from(window_s) * 1_000_000;
        let on = lines
            .iter()
            .filter(|line| line.name != "Failed and slow requests");
        let on = on.filter_map(|line| {
            let marks = line.marks.iter().filter(|m| (from..to).contains(&m.1));
            let spans = line.spans.iter().filter(|s| s.1 < to && s.2 > from);
            let last = marks.map(|m| m.2.as_str()).next_back();
            let says = last.or_else(|| spans.map(|s| s.3.as_str()).next_back())?;
            Some(one_line(&format!("{}: {says}", line.name), 90))
        });
        on.collect::<Vec<_>>().join("; ")
    };
    let words: Vec<String> = xs.iter().map(at).collect();
    let places = xs.iter().map(|x| timeline.scale.at(*x));
    let labels = xs.iter().map(|x| super::timeline::second(*x));
    super::pointed(places, labels, std::iter::once(words))
}
