//! What all charts over time share: the axis, bands of faults, recoveries and warm-up with their names, stage edges. Made once a
//! scenario.

use super::scale::{Scale, time_ticks};
use super::{Band, Chart, Edge, Tick, tidy};
use crate::{figures, text};
use harness_core::plan::Plan;
use harness_core::plan::load::{ClosedPlan, Engine, Iterations, Model, Spacing, Stream};
use harness_core::record::{FaultRecord, Record, ScenarioRecord, Span, SpanKind};
use harness_core::units::{Rate, format_duration};
use harness_core::verdict::headroom::{self, Headroom, Tolerates};
use std::time::Duration;

/// Height of one line of band names, pixels.
const LANE: f64 = 18.0;
/// The longest name of a band, characters: what a phone's width holds.
const LABEL: usize = 34;
/// How wide a character of it is at most on a phone, percent of the chart.
const CHARACTER: f64 = 2.75;

/// The kind of band, and its name.
pub(crate) const WARM_UP: &str = "warm-up";

/// A scenario's time axis.
pub struct Timeline {
    /// The horizontal scale, seconds.
    pub scale: Scale,
    /// Seconds.
    pub seconds: f64,
    /// Seconds from the run's begin to its left end.
    begins: f64,
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
        let mut settling = scenario.spans();
        settling.retain(|span| span.kind == SpanKind::Settling);
        let (bands, lanes) = bands(&stretches(record, scenario, &settling), place);
        let edges = planned.map_or_else(Vec::new, |p| stage_edges(&scale, seconds, p));
        Self {
            scale,
            seconds,
            begins: scenario.t0_us as f64 / 1e6,
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
            begins: 0.0,
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
            time: Some((tidy(self.begins), tidy(self.seconds))),
            x_ticks: self.ticks(),
            bands: self.bands.clone(),
            kinds: kinds(&self.bands),
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

/// The kinds of bands, each once, in a fixed order.
fn kinds(bands: &[Band]) -> Vec<&'static str> {
    let there = |kind: &&str| bands.iter().any(|band| band.kind == *kind);
    let all = ["fault", "recovery", WARM_UP];
    all.into_iter().filter(there).collect()
}

/// The whole second that a place lies in, as events file it.
pub(crate) fn second(at: f64) -> String {
    text::clock(at.floor())
}

/// Where words lie so that they stay inside.
pub(crate) fn anchor(share: f64) -> &'static str {
    match share {
        s if s < 0.03 => "start",
        s if s > 0.97 => "end",
        _ => "middle",
    }
}

/// What follows the name of a fault that grew: where it was not tolerated any more.
fn knee(headrooms: &[Headroom], fault: &FaultRecord) -> String {
    let of = |one: &&Headroom| (&one.fault, one.turn) == (&fault.name, fault.turn);
    match headrooms.iter().find(of).map(|one| (&one.found, one)) {
        Some((
            Tolerates::UpTo {
                magnitude, second, ..
            },
            one,
        )) => {
            format!(
                ", {} at {}",
                one.ramp.show(*magnitude),
                text::clock(*second)
            )
        }
        _ => String::new(),
    }
}

/// A stretch of time with a band of its own, µs since the run began.
struct Stretch<'r> {
    kind: &'static str,
    /// The fault's name, which its turns share; of the warm-up its own.
    of: &'r str,
    /// What follows the name.
    aside: String,
    from: u64,
    to: u64,
}

/// Faults from their first effect, what settled after them, and the warm-up.
fn stretches<'r>(
    record: &'r Record,
    scenario: &'r ScenarioRecord,
    settling: &'r [Span],
) -> Vec<Stretch<'r>> {
    let spans = settling.iter().map(|span| Stretch {
        kind: "recovery",
        of: &span.fault,
        aside: String::new(),
        from: span.from_us,
        to: span.to_us,
    });
    let end = scenario.load_end_us();
    let headrooms = headroom::headrooms(record, scenario);
    let active = record.faults_of(&scenario.name).filter_map(|fault| {
        let from = fault
            .effective_us
            .or(fault.lifted_us.map(|_| fault.armed_us))?;
        Some(Stretch {
            kind: "fault",
            of: &fault.name,
            aside: knee(&headrooms, fault),
            from,
            to: fault.lifted_us.unwrap_or(end),
        })
    });
    let warm_up = scenario.warm_up_us().map(|(from, to)| Stretch {
        kind: WARM_UP,
        of: WARM_UP,
        aside: String::new(),
        from,
        to,
    });
    active.chain(spans).chain(warm_up).collect()
}

/// A line for each fault, its turns in one, and below them one for the recoveries from each, of which the first is the
/// warm-up's too: in one line their words would lie upon each other on a phone. And how many lines there are.
fn bands(stretches: &[Stretch<'_>], place: impl Fn(u64) -> f64) -> (Vec<Band>, usize) {
    let names = |kind: &str| {
        let mut names: Vec<&str> = Vec::new();
        for stretch in stretches.iter().filter(|s| s.kind == kind) {
            if !names.contains(&stretch.of) {
                names.push(stretch.of);
            }
        }
        names
    };
    let (struck, healed) = (names("fault"), names("recovery"));
    let faults = struck.len();
    let below = healed.len().max(names(WARM_UP).len());
    let lanes = faults + below;
    let band = |stretch: &Stretch<'_>| {
        let Stretch {
            kind, of, aside, ..
        } = stretch;
        let at = |names: &[&str]| names.iter().position(|known| known == of).unwrap_or(0);
        let row = match *kind {
            "fault" => at(&struck),
            _ => faults + at(&healed),
        };
        let label = if *kind == "fault" || *kind == WARM_UP {
            text::one_line(&format!("{of}{aside}"), LABEL)
        } else if faults > 1 {
            text::one_line(&format!("recovering from {of}"), LABEL)
        } else {
            "recovery".to_owned()
        };
        let (x, end) = (place(stretch.from), place(stretch.to));
        let (label_x, anchor) = beside(x, end, label.chars().count());
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
    (stretches.iter().map(band).collect(), lanes)
}

/// Where the words of a band from `x` to `end`, percent, are put: at its begin, else at its end, else about its middle; so
/// that they stay within the chart on a phone.
fn beside(x: f64, end: f64, characters: usize) -> (f64, &'static str) {
    let wide = (characters as f64 * CHARACTER).min(100.0);
    let (starts, ends) = (x + wide <= 100.0, end >= wide);
    match (starts, ends) {
        (true, _) if x <= 50.0 || !ends => (x, "start"),
        (_, true) => (end, "end"),
        _ => {
            let middle = f64::midpoint(x, end);
            (middle.clamp(wide / 2.0, 100.0 - wide / 2.0), "middle")
        }
    }
}

fn stage_edges(
    scale: &Scale,
    seconds: f64,
    planned: &harness_core::plan::ScenarioPlan,
) -> Vec<Edge> {
    let load = &planned.load;
    let starts = load.stage_edges();
    let ends = starts.iter().skip(1).copied().chain([load.duration()]);
    let stages = starts.iter().zip(ends).zip(2..);
    let drawn = stages.filter(|((from, _), _)| from.as_secs_f64() < seconds);
    let edge = |((from, to), number): ((&Duration, Duration), u32)| {
        let before_end = to.saturating_sub(Duration::from_nanos(1));
        let level = |at: Duration| match &load.model {
            Model::Open(open) => text::rate(open.rate_at(at)),
            Model::Closed(closed) => text::plural(closed.users_at(at).round() as u64, "user"),
            // It has no stages.
            Model::Search(_) => String::new(),
        };
        let (from_level, to_level) = (level(*from), level(before_end));
        Edge {
            x: tidy(scale.at(from.as_secs_f64()) * 100.0),
            label: match from_level == to_level {
                true => format!("stage {number}: {from_level}"),
                false => format!("stage {number}: {from_level} to {to_level}"),
            },
        }
    };
    drawn.map(edge).collect()
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
    let Some(planned) = plan.scenario(scenario) else {
        return String::new();
    };
    let line = |from: String, to: String, lasts: Duration| {
        let lasts = text::span(lasts.as_secs_f64());
        if from == to {
            format!("{from} for {lasts}")
        } else {
            format!("{from} to {to} over {lasts}")
        }
    };
    let rate = |rate: Rate| text::rate(rate.get());
    let stream = |stream: &Stream| {
        let stages = stream.stages.iter();
        let words: Vec<_> = stages
            .map(|s| line(rate(s.from), rate(s.to), s.lasts))
            .collect();
        match &stream.journey {
            Some(journey) => format!("{journey}: {}", words.join(", then ")),
            None => words.join(", then "),
        }
    };
    match &planned.load.model {
        Model::Search(search) => format!(
            "a search of at most {}",
            text::span(search.within.as_secs_f64())
        ),
        Model::Open(open) => {
            let words: Vec<_> = open.streams.iter().map(stream).collect();
            let spacing = match open.spacing {
                Spacing::Even => "",
                Spacing::Poisson => ", arriving as a Poisson process",
            };
            format!("{}{spacing}", words.join("; "))
        }
        Model::Closed(closed) => users(closed, line),
    }
}

/// The users of a closed model in words: `1 user to 50 users over 30 s`, `1 000 journeys by 50 users, within 10 min`.
fn users(closed: &ClosedPlan, line: impl Fn(String, String, Duration) -> String) -> String {
    let users = |n: u32| text::plural(n.into(), "user");
    let first = closed.users.first().map_or(0, |stage| stage.from);
    let within = text::span(closed.users.iter().map(|s| s.lasts.as_secs_f64()).sum());
    let mut words = match closed.iterations {
        None => {
            let stages = closed.users.iter();
            let stages = stages.map(|s| line(users(s.from), users(s.to), s.lasts));
            stages.collect::<Vec<_>>().join(", then ")
        }
        Some(Iterations::Shared(all)) => format!(
            "{} by {}, within {within}",
            text::plural(all.get(), "journey"),
            users(first)
        ),
        Some(Iterations::PerUser(each)) => format!(
            "{} by each of {}, within {within}",
            text::plural(each.get(), "journey"),
            users(first)
        ),
    };
    if !closed.pacing.is_zero() {
        let pacing = format_duration(closed.pacing);
        words.push_str(&format!(", at most one journey every {pacing} each"));
    }
    if closed.engine == Engine::Goose {
        words.push_str(", played by Goose");
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_of_a_fault_share_a_line_whatever_follows_its_name() {
        let turn = |aside: &str, from| Stretch {
            kind: "fault",
            of: "slow",
            aside: aside.to_owned(),
            from,
            to: from + 1,
        };
        let (bands, lanes) = bands(&[turn("", 10), turn(", 180ms at 0:30", 30)], |us| us as f64);
        let drawn = bands.iter().map(|band| (band.label.as_str(), band.label_y));
        assert_eq!(
            drawn.collect::<Vec<_>>(),
            [("slow", 13.0), ("slow, 180ms at 0:30", 13.0)]
        );
        assert_eq!(lanes, 1);
    }

    #[test]
    fn the_words_of_a_band_stay_within_the_chart() {
        assert_eq!(beside(10.0, 20.0, 8), (10.0, "start"));
        assert_eq!(beside(90.0, 95.0, 8), (95.0, "end"));
        // Too long to begin where it does; to end where it does as well.
        assert_eq!(beside(45.0, 97.0, 30), (97.0, "end"));
        assert_eq!(beside(45.0, 50.0, 30), (47.5, "middle"));
        assert_eq!(beside(0.0, 1.0, LABEL).1, "start");
        for (x, end) in [(48.0, 52.0), (20.0, 100.0), (70.0, 71.0)] {
            let (at, anchor) = beside(x, end, LABEL);
            let wide = LABEL as f64 * CHARACTER;
            let from = match anchor {
                "start" => at,
                "end" => at - wide,
                _ => at - wide / 2.0,
            };
            assert!(from >= -0.01 && from + wide <= 100.01, "{x} {end}: {from}");
        }
    }

    #[test]
    fn no_two_recoveries_of_different_faults_share_a_line() {
        let stretch = |kind, of, from| Stretch {
            kind,
            of,
            aside: String::new(),
            from,
            to: from + 4,
        };
        let all = [
            stretch("fault", "slow", 10),
            stretch("fault", "lost", 20),
            stretch("recovery", "slow", 14),
            stretch("recovery", "lost", 24),
            stretch("recovery", "slow", 34),
            stretch(WARM_UP, WARM_UP, 0),
        ];
        let (bands, lanes) = bands(&all, |us| us as f64);
        let lines: Vec<f64> = bands.iter().map(|band| band.label_y).collect();
        assert_eq!(lines, [13.0, 31.0, 49.0, 67.0, 49.0, 49.0]);
        assert_eq!(lanes, 4);
    }
}
