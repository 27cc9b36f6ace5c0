//! What all charts over time share: the axis, fault and recovery bands with their names, stage edges. Made once a
//! scenario.

use super::scale::{Scale, time_ticks};
use super::{Band, Chart, Edge, Tick, tidy};
use crate::{figures, text};
use harness_core::plan::Plan;
use harness_core::record::{Record, ScenarioRecord, SpanKind};

/// Height of one line of band names, pixels.
const LANE: f64 = 18.0;
/// The longest name of a band, characters: what a phone's width holds.
const LABEL: usize = 34;

/// A scenario's time axis.
pub struct Timeline {
    /// The horizontal scale, seconds.
    pub scale: Scale,
    /// Seconds.
    pub seconds: f64,
    bands: Vec<Band>,
    edges: Vec<Edge>,
    lanes: f64,
}

impl Timeline {
    /// Of a scenario.
    pub fn of(record: &Record, scenario: &ScenarioRecord) -> Self {
        let planned = record
            .run
            .as_ref()
            .and_then(|run| run.plan.scenario(scenario.name.as_str()));
        let seconds = figures::seconds(scenario).max(1.0);
        let scale = Scale::linear(0.0, seconds);
        let place = |us: u64| scale.at(us.saturating_sub(scenario.t0_us) as f64 / 1e6) * 100.0;
        let (bands, lanes) = bands(&stretches(record, scenario), place);
        let edges = planned.map_or_else(Vec::new, |p| stage_edges(&scale, seconds, p));
        Self {
            scale,
            seconds,
            bands,
            edges,
            lanes: lanes as f64 * LANE,
        }
    }

    /// Of the whole run, in seconds since it began; without bands.
    pub fn whole_run(record: &Record) -> Self {
        let seconds = (record.last_us as f64 / 1e6).max(1.0);
        Self {
            scale: Scale::linear(0.0, seconds),
            seconds,
            bands: whole_run_bands(record, seconds),
            edges: Vec::new(),
            lanes: 0.0,
        }
    }

    /// A chart of this axis, without data yet.
    pub fn chart(&self, id: String, title: &str, height: f64) -> Chart {
        Chart {
            id,
            title: title.to_owned(),
            height,
            lane: self.lanes,
            x_label: "time".to_owned(),
            x_ticks: self.ticks(),
            bands: self.bands.clone(),
            edges: self.edges.clone(),
            ..Chart::default()
        }
    }

    /// How many windows of a length it holds; a last one of less than half its length is left out, since its figures
    /// would look like a fall.
    pub fn windows(&self, window_s: u32) -> u32 {
        (self.seconds / f64::from(window_s)).round().max(1.0) as u32
    }

    /// The middle of each window, seconds.
    pub fn middles(&self, window_s: u32) -> Vec<f64> {
        (0..self.windows(window_s))
            .map(|w| (f64::from(w) + 0.5) * f64::from(window_s))
            .collect()
    }

    fn ticks(&self) -> Vec<Tick> {
        let place = |at: f64| Tick {
            at: tidy(self.scale.at(at) * 100.0),
            label: text::clock(at),
            anchor: anchor(self.scale.at(at)),
        };
        time_ticks(self.seconds).into_iter().map(place).collect()
    }
}

/// Where words lie so that they stay inside.
pub(crate) fn anchor(share: f64) -> &'static str {
    match share {
        s if s < 0.03 => "start",
        s if s > 0.97 => "end",
        _ => "middle",
    }
}

/// (kind, name, from, to): faults from their first effect, and what settled after them.
fn stretches(record: &Record, scenario: &ScenarioRecord) -> Vec<(&'static str, String, u64, u64)> {
    let spans = scenario
        .spans()
        .into_iter()
        .filter(|span| span.kind == SpanKind::Settling);
    let settling: Vec<_> = spans
        .map(|span| ("recovery", span.fault, span.from_us, span.to_us))
        .collect();
    let end = scenario.load_end_us();
    let active = record.faults_of(&scenario.name).filter_map(|fault| {
        let from = fault
            .effective_us
            .or(fault.lifted_us.map(|_| fault.armed_us))?;
        Some((
            "fault",
            fault.name.clone(),
            from,
            fault.lifted_us.unwrap_or(end),
        ))
    });
    active.chain(settling).collect()
}

/// A line of names for each fault, and one for recoveries; and how many lines there are.
fn bands(
    stretches: &[(&'static str, String, u64, u64)],
    place: impl Fn(u64) -> f64,
) -> (Vec<Band>, usize) {
    let faults = stretches.iter().filter(|s| s.0 == "fault").count();
    let lanes = faults + usize::from(stretches.len() > faults);
    let mut lane = 0;
    let mut band = |(kind, name, from, to): &(&'static str, String, u64, u64)| {
        let row = if *kind == "fault" { lane } else { lanes - 1 };
        lane += usize::from(*kind == "fault");
        let label = if *kind == "fault" {
            text::one_line(name, LABEL)
        } else if faults > 1 {
            text::one_line(&format!("after {name}"), LABEL)
        } else {
            "recovery".to_owned()
        };
        let (x, end) = (place(*from), place(*to));
        let (label_x, anchor) = if x <= 50.0 {
            (x, "start")
        } else {
            (end, "end")
        };
        Band {
            x: tidy(x),
            width: tidy((end - x).max(0.2)),
            kind,
            label,
            label_x: tidy(label_x),
            label_y: row as f64 * LANE + 13.0,
            anchor,
        }
    };
    (stretches.iter().map(&mut band).collect(), lanes)
}

fn stage_edges(
    scale: &Scale,
    seconds: f64,
    planned: &harness_core::plan::ScenarioPlan,
) -> Vec<Edge> {
    let mut at = 0.0;
    let mut edges = Vec::new();
    for (i, stage) in planned.load.stages.iter().enumerate() {
        if at > 0.0 && at < seconds {
            edges.push(Edge {
                x: tidy(scale.at(at) * 100.0),
                label: format!(
                    "stage {}: {} to {}",
                    i + 1,
                    text::rate(stage.from.get()),
                    text::rate(stage.to.get())
                ),
            });
        }
        at += stage.lasts.as_secs_f64();
    }
    edges
}

fn whole_run_bands(record: &Record, seconds: f64) -> Vec<Band> {
    let scale = Scale::linear(0.0, seconds);
    let band = |f: &harness_core::record::FaultRecord| {
        let from = f.effective_us.or(f.lifted_us.map(|_| f.armed_us))? as f64 / 1e6;
        let x = scale.at(from) * 100.0;
        let end = scale.at(f.lifted_us.map_or(seconds, |us| us as f64 / 1e6)) * 100.0;
        Some(Band {
            x: tidy(x),
            width: tidy((end - x).max(0.2)),
            kind: "fault",
            label: String::new(),
            label_x: 0.0,
            label_y: 0.0,
            anchor: "start",
        })
    };
    record.faults.iter().filter_map(band).collect()
}

/// The plan's stages in words: `50/s to 500/s over 20 s, then 500/s for 1 min`.
pub fn stages(plan: &Plan, scenario: &str) -> String {
    let stages = plan.scenario(scenario).map_or(&[][..], |s| &s.load.stages);
    let words = stages.iter().map(|s| {
        let lasts = text::span(s.lasts.as_secs_f64());
        if s.from == s.to {
            format!("{} for {lasts}", text::rate(s.from.get()))
        } else {
            format!(
                "{} to {} over {lasts}",
                text::rate(s.from.get()),
                text::rate(s.to.get())
            )
        }
    });
    words.collect::<Vec<_>>().join(", then ")
}
