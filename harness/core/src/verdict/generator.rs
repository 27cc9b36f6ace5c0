//! The instrument, judged before the target is: whether the load was the one intended, by the generator's own doing.
//! What a slow target causes (busy connections, late and dropped arrivals behind them) never counts here.

mod played;
mod rules;

pub use rules::{Rule, rules};

use super::limits::{
    BAD_SECONDS, CPU, LAG_DEGRADED_US, LAG_INVALID_US, LATE_DEGRADED, LATE_INVALID, LOCAL_FAILURES,
    NEARLY_OUT, SHORTFALL, UNMEASURED_INVALID, UNMEASURED_SECONDS,
};
use super::{GeneratorFigures, GeneratorResult, Trust, capacity};
use crate::capacity::Limit;
use crate::event::ScenarioEnd;
use crate::hist::Hist;
use crate::http::FailureKind;
use crate::plan::gate::During;
use crate::record::{Record, ScenarioRecord, Tally};
use crate::units::human_us;
use played::played;

/// How the reason ends that tells of arrivals begun late by the generator's own doing.
pub const LATE_OWN: &str =
    "began late by the generator's own doing; their wait is in the response times";

/// How the reason ends that tells of arrivals dropped by the generator.
pub const DROPPED_OWN: &str = "were dropped by the generator: it came to them late, with too many under way, and no response time tells of them";

/// Judges the generator for one scenario.
pub fn generator(record: &Record, scenario: &ScenarioRecord) -> GeneratorResult {
    // What the target needs to warm up is no shortfall, and is not judged; that it was recorded is.
    let (load, judged) = (scenario.whole(None), scenario.select(None, &During::All));
    let figures = figures(scenario, &judged);
    let mut reasons: Vec<(Trust, String)> = Vec::new();
    reasons.extend(played(record, scenario, &load));
    reasons.extend(lag(scenario));
    reasons.extend(late(&figures));
    reasons.extend(dropped(&figures));
    reasons.extend(local(&figures));
    reasons.extend(cpu(record, scenario));
    reasons.extend(nearly_out(&figures));
    reasons.extend(unmeasured(scenario, &figures));
    reasons.extend(shortfall(scenario, &judged, !reasons.is_empty()));
    if let Some(own) = searched(record, scenario) {
        reasons = own;
    }
    reasons.sort_by_key(|(trust, _)| std::cmp::Reverse(*trust));
    let trust = reasons.first().map_or(Trust::Valid, |(trust, _)| *trust);
    GeneratorResult {
        scenario: scenario.name.clone(),
        trust,
        reasons: reasons.into_iter().map(|(_, r)| r).collect(),
        figures,
    }
}

/// What a capacity search says of the generator, unless its load could not be made: every trial was judged by itself,
/// and one that the generator could not make was counted as its limit, not as the target's.
fn searched(record: &Record, scenario: &ScenarioRecord) -> Option<Vec<(Trust, String)>> {
    let (_, end) = scenario.end?;
    let answer = capacity::found(record, scenario).filter(|_| end != ScenarioEnd::Broken)?;
    let limited = answer.limit == Some(Limit::Generator);
    let why = answer.why.filter(|_| limited);
    Some(why.map(|why| (Trust::Degraded, why)).into_iter().collect())
}

fn figures(scenario: &ScenarioRecord, load: &Tally) -> GeneratorFigures {
    let instrument = &scenario.instrument;
    let lag = |q| instrument.lag.quantile(q);
    let thousandths = |us: Option<u64>| us.map(|n| n as f64 / 1000.0);
    let length = scenario.load_end_us().saturating_sub(scenario.t0_us);
    let local = load.errors.get(FailureKind::Local.as_str());
    GeneratorFigures {
        seconds: length / 1_000_000,
        measured: instrument.seconds,
        lag_p50_us: lag(0.5),
        lag_p99_us: lag(0.99),
        lag_max_us: instrument.lag.max(),
        cpu: thousandths(instrument.cpu_millis.quantile(0.5)).unwrap_or(0.0),
        cpu_max: thousandths(instrument.cpu_millis.max()).unwrap_or(0.0),
        cpu_share_max: thousandths(instrument.cpu_share.max()),
        memory: instrument.memory,
        planned: load.planned,
        started: load.started,
        late_generator: load.late_generator,
        late_target: load.late_target,
        dropped: load.dropped,
        dropped_generator: load.dropped_generator,
        descriptors: instrument.descriptors.0,
        descriptors_limit: instrument.descriptors.1,
        ports: instrument.ports,
        local: instrument.local,
        local_errors: local.copied().unwrap_or(0),
        not_kept: instrument.drops,
    }
}

fn late(figures: &GeneratorFigures) -> Option<(Trust, String)> {
    let share = share_of(figures.late_generator, figures);
    let trust = if share > LATE_INVALID {
        Trust::Invalid
    } else if share > LATE_DEGRADED {
        Trust::Degraded
    } else {
        return None;
    };
    let words = format!(
        "{} of {} arrivals ({:.1} %) {LATE_OWN}",
        figures.late_generator,
        figures.planned,
        share * 100.0
    );
    Some((trust, words))
}

fn dropped(figures: &GeneratorFigures) -> Option<(Trust, String)> {
    let own = figures.dropped_generator;
    let trust = if share_of(own, figures) > SHORTFALL {
        Trust::Invalid
    } else {
        Trust::Degraded
    };
    (own > 0).then(|| {
        let words = format!("{own} of {} arrivals {DROPPED_OWN}", figures.planned);
        (trust, words)
    })
}

fn share_of(n: u64, figures: &GeneratorFigures) -> f64 {
    n as f64 / figures.planned.max(figures.started).max(1) as f64
}

fn nearly_out(figures: &GeneratorFigures) -> Vec<(Trust, String)> {
    let of = |used: u64, all: u64, what: &str| {
        (all > 0 && used as f64 > all as f64 * NEARLY_OUT).then(|| {
            let words = format!("{used} of {all} {what} were in use");
            (Trust::Degraded, words)
        })
    };
    let descriptors = of(
        figures.descriptors,
        figures.descriptors_limit,
        "file descriptors",
    );
    let ports = of(
        figures.ports.used,
        figures.ports.available,
        "ephemeral ports",
    );
    descriptors.into_iter().chain(ports).collect()
}

/// Seconds of the load in which the generator said nothing of itself. While a scenario runs, the last is on its way.
fn unmeasured(scenario: &ScenarioRecord, figures: &GeneratorFigures) -> Option<(Trust, String)> {
    let nothing_done = figures.planned + figures.started == 0;
    if scenario.end.is_none() || nothing_done {
        return None;
    }
    let missing = figures.seconds.saturating_sub(figures.measured);
    let share = missing as f64 / figures.seconds.max(1) as f64;
    let trust = match missing {
        _ if figures.measured == 0 && figures.seconds < UNMEASURED_SECONDS => Trust::Degraded,
        n if n < UNMEASURED_SECONDS => return None,
        _ if share > UNMEASURED_INVALID => Trust::Invalid,
        _ if share > BAD_SECONDS => Trust::Degraded,
        _ => return None,
    };
    let words = format!(
        "the generator did not measure itself in {missing} of {} seconds",
        figures.seconds
    );
    Some((trust, words))
}

/// Arrivals that never began. The target's doing unless the generator shows a fault of its own, or nothing shows
/// that it had none.
fn shortfall(scenario: &ScenarioRecord, load: &Tally, guilty: bool) -> Option<(Trust, String)> {
    let missing = load.planned.saturating_sub(load.started);
    let share = missing as f64 / load.planned.max(1) as f64;
    let late = load.late_generator as f64 > load.planned as f64 * SHORTFALL;
    // While a scenario runs, the last arrivals are still on their way.
    let blamed = guilty || late || scenario.instrument.seconds == 0;
    (scenario.end.is_some() && share > SHORTFALL && blamed).then(|| {
        let words = format!(
            "{:.1} % of the planned arrivals never began, and the generator was not keeping up",
            share * 100.0
        );
        (Trust::Invalid, words)
    })
}

/// How many of the counted seconds lie above a limit.
fn above(seconds: &Hist, limit: u64) -> u64 {
    seconds
        .buckets()
        .iter()
        .filter(|(value, _)| *value > limit)
        .map(|(_, n)| n)
        .sum()
}

fn lag(scenario: &ScenarioRecord) -> Option<(Trust, String)> {
    let seconds = scenario.instrument.seconds;
    let too_many = |n: u64| n as f64 > seconds as f64 * BAD_SECONDS;
    let (slow, lost) = (
        above(&scenario.instrument.lag_p99, LAG_DEGRADED_US),
        above(&scenario.instrument.lag_p99, LAG_INVALID_US),
    );
    let words = |n: u64, limit: u64| {
        format!(
            "the generator lagged its schedule by more than {} (p99) in {n} of {seconds} seconds",
            human_us(limit)
        )
    };
    match (too_many(lost), too_many(slow), lost > 0) {
        (true, _, _) => Some((Trust::Invalid, words(lost, LAG_INVALID_US))),
        (_, true, _) => Some((Trust::Degraded, words(slow, LAG_DEGRADED_US))),
        (_, _, true) => Some((Trust::Degraded, words(lost, LAG_INVALID_US))),
        _ => None,
    }
}

fn local(figures: &GeneratorFigures) -> Option<(Trust, String)> {
    // The ticks count all of them; the seconds tell them apart.
    let failures = figures.local_errors.max(figures.local.total());
    let trust = if failures as f64 > figures.started as f64 * LOCAL_FAILURES {
        Trust::Invalid
    } else {
        Trust::Degraded
    };
    let of = [
        (figures.local.descriptors, "file descriptors"),
        (figures.local.ports, "ephemeral ports"),
        (figures.local.memory, "memory"),
        (figures.local.other, "something else"),
    ];
    let of: Vec<String> = of
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| format!("{n} for want of {what}"))
        .collect();
    let of = if of.is_empty() {
        "for want of ports, descriptors or memory".to_owned()
    } else {
        of.join(", ")
    };
    (failures > 0).then(|| {
        let words = format!("{failures} requests failed on this machine: {of}");
        (trust, words)
    })
}

/// The workers' cores are told with each second; in records without that they are `workers` of the run's environment,
/// else its `cores`. Without any the rule is silent.
fn cpu(record: &Record, scenario: &ScenarioRecord) -> Option<(Trust, String)> {
    let instrument = &scenario.instrument;
    if !instrument.cpu_share.is_empty() {
        let busy = above(&instrument.cpu_share, (CPU * 1000.0) as u64);
        return saturated(busy, instrument.seconds, "its");
    }
    let environment = &record.run.as_ref()?.environment;
    let number = |key: &str| {
        environment
            .get(key)
            .and_then(|text| text.parse::<f64>().ok())
    };
    let cores = number("workers").or_else(|| number("cores"))?;
    let busy = above(&instrument.cpu_millis, (cores * CPU * 1000.0) as u64);
    saturated(busy, instrument.seconds, &format!("its {cores}"))
}

fn saturated(busy: u64, seconds: u64, whose: &str) -> Option<(Trust, String)> {
    (busy as f64 > seconds as f64 * BAD_SECONDS).then(|| {
        let share = CPU * 100.0;
        let words = format!(
            "the generator used more than {share:.0} % of {whose} cores in {busy} of {seconds} seconds"
        );
        (Trust::Degraded, words)
    })
}

#[cfg(test)]
mod tests;
