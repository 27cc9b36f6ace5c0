//! A load drawn as text: its rate or its users over time, with warm-up and faults beneath. Knows no terminal; plain characters only.

use super::ScenarioPlan;
use super::fault::FaultPlan;
use super::load::{LoadPlan, Model};
use crate::units;
use std::time::Duration;

/// Columns of the drawing itself, beside its axis.
const COLUMNS: usize = 60;
/// Lines of the rate's area.
const ROWS: usize = 6;
const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// What the load is drawn by at a time from its start: its rate per second, or its users; zero outside.
fn height_at(load: &LoadPlan, at: Duration) -> f64 {
    match &load.model {
        Model::Open(open) => open.rate_at(at),
        Model::Closed(closed) => closed.users_at(at),
        Model::Search(_) => 0.0,
    }
}

/// The load's rate, or its users, over time as lines of text with its peak and length on the axes, and a line for the
/// warm-up and for each fault:
///
/// ```text
/// 500/s │       ▂▄▆███████
///       │  ▁▃▅▇██████████
///     0 └────────────────
///       0s             80s
///               ▔▔▔▔       provider is slow
/// ```
pub fn draw(scenario: &ScenarioPlan) -> String {
    let load = &scenario.load;
    // What a search will try, nobody knows yet.
    if matches!(load.model, Model::Search(_)) {
        return String::new();
    }
    let total = load.duration();
    let (peak, label) = match (load.peak(), load.users()) {
        (Some(rate), _) => (rate.get(), units_rate(rate.get())),
        (None, users) => {
            let users = users.unwrap_or_default();
            (f64::from(users), format!("{users} users"))
        }
    };
    let margin = label.chars().count().max(3);
    let heights: Vec<usize> = (0..COLUMNS)
        .map(|column| {
            let middle = total.mul_f64((column as f64 + 0.5) / COLUMNS as f64);
            (height_at(load, middle) / peak.max(f64::MIN_POSITIVE) * (ROWS * 8) as f64).round()
                as usize
        })
        .collect();
    let mut out = String::new();
    for row in (0..ROWS).rev() {
        let axis = if row + 1 == ROWS { label.as_str() } else { "" };
        let cells: String = heights
            .iter()
            .map(|height| EIGHTHS[height.saturating_sub(row * 8).min(8)])
            .collect();
        push_line(&mut out, &format!("{axis:>margin$} │{cells}"));
    }
    push_line(
        &mut out,
        &format!("{:>margin$} └{}", "0", "─".repeat(COLUMNS)),
    );
    let end = units::format_duration(total);
    push_line(
        &mut out,
        &format!("{:margin$}  0s{end:>width$}", "", width = COLUMNS - 2),
    );
    let warm_up = (!load.warm_up.is_zero()).then(|| {
        let whole = (Duration::ZERO, load.warm_up);
        ("warm-up", vec![whole])
    });
    // When one strikes that something fires, nobody knows.
    let timed = |fault: &&FaultPlan| fault.turn == 1 && fault.when.is_none();
    let faults = scenario.faults.iter().filter(timed);
    let faults = faults.map(|first| {
        let turns = scenario.faults.iter().filter(|f| f.name == first.name);
        let times = turns.map(|fault| (fault.at, fault.at + fault.lasts));
        (first.name.as_str(), times.collect())
    });
    for (name, times) in warm_up.into_iter().chain(faults) {
        let marks = marks(&times, total);
        push_line(&mut out, &format!("{:margin$}  {marks} {name}", ""));
    }
    out
}

/// A line that is marked from each time to the next.
fn marks(times: &[(Duration, Duration)], total: Duration) -> String {
    let column =
        |at: Duration| (at.as_secs_f64() / total.as_secs_f64() * COLUMNS as f64).round() as usize;
    let columns = times.iter().map(|(from, to)| {
        let start = column(*from).min(COLUMNS - 1);
        start..column(*to).clamp(start + 1, COLUMNS)
    });
    let columns: Vec<_> = columns.collect();
    let marked = |at: usize| columns.iter().any(|range| range.contains(&at));
    (0..COLUMNS)
        .map(|at| if marked(at) { '▔' } else { ' ' })
        .collect()
}

fn push_line(out: &mut String, line: &str) {
    out.push_str(line.trim_end());
    out.push('\n');
}

/// A rate with at most three decimals.
pub(super) fn units_rate(rate: f64) -> String {
    format!("{}/s", (rate * 1000.0).round() / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::super::fault::{FaultKind, Site};
    use super::super::load::{HttpPlan, OpenPlan, Stage};
    use super::*;
    use crate::journey::Origin;
    use crate::units::Rate;

    fn scenario(stages: &[(f64, f64, u64)], faults: Vec<FaultPlan>) -> ScenarioPlan {
        let rate = |r: f64| Rate::per_second(r).unwrap();
        let stages = stages.iter().map(|(from, to, seconds)| Stage {
            from: rate(*from),
            to: rate(*to),
            lasts: Duration::from_secs(*seconds),
        });
        ScenarioPlan {
            name: "s".parse().unwrap(),
            title: "s".into(),
            tags: vec![],
            origin: Origin {
                file: "s.toml".into(),
                line: 1,
            },
            fresh: false,
            control_of: None,
            load: LoadPlan {
                model: Model::Open(OpenPlan::of(stages.collect())),
                mix: vec![],
                http: HttpPlan::default(),
                sample: 0.0,
                warm_up: Duration::ZERO,
                think: None,
            },
            faults,
            detected: Default::default(),
            gates: vec![],
            invariants: vec![],
            settle: Duration::ZERO,
        }
    }

    #[test]
    fn a_ramp_a_plateau_and_a_fault() {
        let fault = FaultPlan {
            name: "provider is slow".into(),
            turn: 1,
            when: None,
            on: Site::Link("payments".parse().unwrap()),
            at: Duration::from_secs(40),
            lasts: Duration::from_secs(15),
            kind: FaultKind::Down,
            reach: Default::default(),
            tolerates: Vec::new(),
        };
        insta::assert_snapshot!(draw(&scenario(
            &[(50.0, 500.0, 20), (500.0, 500.0, 60)],
            vec![fault]
        )));
    }

    #[test]
    fn a_repeated_fault_is_one_line() {
        let turn = |turn: u32| FaultPlan {
            name: "provider is slow".into(),
            turn,
            when: None,
            on: Site::Link("payments".parse().unwrap()),
            at: Duration::from_secs(20 * u64::from(turn)),
            lasts: Duration::from_secs(10),
            kind: FaultKind::Down,
            reach: Default::default(),
            tolerates: Vec::new(),
        };
        let drawn = draw(&scenario(
            &[(500.0, 500.0, 80)],
            vec![turn(1), turn(2), turn(3)],
        ));
        let line = drawn
            .lines()
            .find(|line| line.ends_with("provider is slow"));
        let marks: Vec<usize> = line.unwrap().split('▔').map(str::len).collect();
        assert_eq!(marks.iter().filter(|gap| **gap > 0).count(), 4, "{drawn}");
    }

    #[test]
    fn odd_loads_draw_too() {
        for stages in [
            &[(0.0, 0.0, 1)][..],
            &[(0.5, 0.5, 1), (200_000.0, 0.0, 86_400)],
            &[],
        ] {
            assert!(draw(&scenario(stages, vec![])).lines().count() >= ROWS + 2);
        }
    }
}
