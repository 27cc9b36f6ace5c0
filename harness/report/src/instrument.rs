//! The load generator as reports tell of it: its figures by name, and in words what was late or dropped and by whose
//! doing. Judges nothing; the verdict did.

use crate::text;
use harness_core::verdict::{DROPPED_OWN, GeneratorFigures, GeneratorResult, LATE_OWN};

/// A figure and its name.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Figure {
    /// What it is.
    pub name: &'static str,
    /// Its value, for people.
    pub value: String,
}

/// The figures a generator was judged by; what is not known is left out.
pub fn figures(result: &GeneratorResult) -> Vec<Figure> {
    let f = &result.figures;
    if *f == GeneratorFigures::default() {
        // A record from before they were told.
        return Vec::new();
    }
    let figure = |name, value| Figure { name, value };
    let share = f.cpu_share_max.map_or_else(String::new, |share| {
        format!(" ({} of the workers' cores)", text::percent(share))
    });
    let mut all = vec![
        figure("lag p50, p99, max", lag(f)),
        figure(
            "processor",
            format!("{:.2} cores, at most {:.2}{share}", f.cpu, f.cpu_max),
        ),
        figure("late by the generator", of(f.late_generator, f.planned)),
        figure("late by the target", of(f.late_target, f.planned)),
        figure(
            "dropped",
            format!(
                "{}, {} by the generator",
                of(f.dropped, f.planned),
                text::count(f.dropped_generator)
            ),
        ),
    ];
    if f.descriptors_limit > 0 {
        let descriptors = of_limit(f.descriptors, f.descriptors_limit);
        all.push(figure("file descriptors at most", descriptors));
    }
    if !f.ports.unknown() {
        let waiting = match f.ports.time_wait {
            0 => String::new(),
            n => format!(", {} in TIME_WAIT", text::count(n)),
        };
        let ports = of_limit(f.ports.used, f.ports.available);
        all.push(figure("ephemeral ports at most", ports + &waiting));
    }
    all.push(figure(
        "failed on this machine",
        text::count(f.local_errors.max(f.local.total())),
    ));
    if f.memory > 0 {
        all.push(figure("memory at most", text::bytes(f.memory as f64)));
    }
    all.push(figure(
        "seconds measured",
        format!("{} of {}", f.measured.min(f.seconds), f.seconds),
    ));
    if f.not_kept > 0 {
        let not_kept = text::count(f.not_kept);
        all.push(figure("examples without room", not_kept));
    }
    all
}

/// The figures in one line, the few that matter most.
pub fn in_short(result: &GeneratorResult) -> String {
    let f = &result.figures;
    if *f == GeneratorFigures::default() {
        return String::new();
    }
    let local = f.local_errors.max(f.local.total());
    let mut parts = vec![
        format!("lag p99 {}", text::micros(f.lag_p99_us)),
        format!("{:.2} cores", f.cpu),
        format!("{} late", text::count(f.late_generator)),
        format!("{} dropped", text::count(f.dropped_generator)),
    ];
    if f.descriptors_limit > 0 {
        let used = f.descriptors as f64 / f.descriptors_limit as f64;
        parts.push(format!("descriptors {}", text::percent(used)));
    }
    if !f.ports.unknown() {
        let used = f.ports.used as f64 / f.ports.available as f64;
        parts.push(format!("ports {}", text::percent(used)));
    }
    parts.push(format!("{} failed here", text::count(local)));
    parts.join(" · ")
}

/// What was late or dropped and is not among the reasons of the verdict, one sentence each, with whose doing it was.
pub fn late_and_dropped(result: &GeneratorResult) -> Vec<String> {
    let f = &result.figures;
    let share = |n: u64| {
        format!(
            "{} of {} arrivals ({})",
            text::count(n),
            text::count(f.planned),
            text::percent(n as f64 / f.planned.max(1) as f64)
        )
    };
    // What the verdict's reasons say is not said twice; those of a capacity search say nothing of either.
    let told = |words: &str| result.reasons.iter().any(|reason| reason.ends_with(words));
    let untold = |n: u64, words: &'static str| (if told(words) { 0 } else { n }, words);
    let by_target = f.dropped.saturating_sub(f.dropped_generator);
    let all = [
        (
            f.late_target,
            "began late because the target held every connection; their wait is in the response times",
        ),
        untold(f.late_generator, LATE_OWN),
        untold(f.dropped_generator, DROPPED_OWN),
        (
            by_target,
            "were dropped because too many were under way: the target did not answer fast enough, and no response time tells of them",
        ),
    ];
    all.iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, words)| format!("{} {words}", share(*n)))
        .collect()
}

fn lag(f: &GeneratorFigures) -> String {
    let all = [f.lag_p50_us, f.lag_p99_us, f.lag_max_us];
    all.map(text::micros).join(", ")
}

fn of(n: u64, all: u64) -> String {
    match n {
        0 => "0".to_owned(),
        n => format!(
            "{} ({})",
            text::count(n),
            text::percent(n as f64 / all.max(1) as f64)
        ),
    }
}

fn of_limit(n: u64, limit: u64) -> String {
    let share = text::percent(n as f64 / limit.max(1) as f64);
    format!("{} of {} ({share})", text::count(n), text::count(limit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_core::event::{LocalFailures, Ports};
    use harness_core::verdict::Trust;

    fn result(figures: GeneratorFigures) -> GeneratorResult {
        GeneratorResult {
            scenario: "peak".parse().unwrap(),
            trust: Trust::Valid,
            reasons: Vec::new(),
            figures,
        }
    }

    #[test]
    fn an_old_record_tells_no_figures_and_nothing_late_is_said_of_none() {
        let old = result(GeneratorFigures::default());
        assert!(figures(&old).is_empty() && in_short(&old).is_empty());
        assert!(late_and_dropped(&old).is_empty());
    }

    #[test]
    fn what_the_reasons_hold_is_not_told_twice_and_what_they_lack_is_told() {
        let figures = GeneratorFigures {
            planned: 2_000,
            started: 1_990,
            late_generator: 800,
            dropped: 10,
            dropped_generator: 10,
            ..GeneratorFigures::default()
        };
        // A search's reasons are its own: they tell of its limit, not of these.
        let mut result = result(figures);
        let late = "800 of 2,000 arrivals (40%) began late by the generator's own doing; their wait is in the response times";
        let dropped = "10 of 2,000 arrivals (0.50%) were dropped by the generator: it came to them late, with too many under way, and no response time tells of them";
        for reasons in [vec![], vec!["the generator was its limit".to_owned()]] {
            result.reasons = reasons;
            assert_eq!(late_and_dropped(&result), [late, dropped]);
        }
        result.reasons = vec![format!("800 of 2000 arrivals (40.0 %) {LATE_OWN}")];
        assert_eq!(late_and_dropped(&result), [dropped]);
        let told = format!("10 of 2000 arrivals {DROPPED_OWN}");
        result.reasons.push(told);
        assert!(late_and_dropped(&result).is_empty());
    }

    #[test]
    fn figures_and_words_say_who_was_late() {
        let mut result = result(GeneratorFigures {
            seconds: 20,
            measured: 20,
            lag_p50_us: Some(30),
            lag_p99_us: Some(1_200),
            lag_max_us: Some(9_000),
            cpu: 0.3,
            cpu_max: 0.5,
            cpu_share_max: Some(0.25),
            planned: 2_000,
            late_generator: 2,
            late_target: 40,
            dropped: 12,
            dropped_generator: 2,
            descriptors: 100,
            descriptors_limit: 1_000,
            ports: Ports {
                used: 64,
                available: 28_232,
                time_wait: 3,
            },
            local: LocalFailures {
                ports: 1,
                ..LocalFailures::default()
            },
            ..GeneratorFigures::default()
        });
        result.reasons = vec![format!("2 of 2000 arrivals {DROPPED_OWN}")];
        let told: Vec<String> = figures(&result)
            .into_iter()
            .map(|f| format!("{}: {}", f.name, f.value))
            .collect();
        insta::assert_snapshot!(
            told.join("\n")
                + "\n\n"
                + &in_short(&result)
                + "\n\n"
                + &late_and_dropped(&result).join("\n")
        );
    }
}
