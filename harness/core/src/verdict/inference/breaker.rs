//! A circuit breaker: calls fall to near nothing while the load goes on, single ones come through to try, and they are
//! back some time after the lifting.
//!
//! Only ticks tell in which at least half of the usual load was offered: users who are stuck call nobody either. Such a
//! tick is *quiet* when it holds at most a tenth of the usual calls for each journey. The breaker *opened* in the first
//! quiet tick of the fault after which at least four of five are quiet, two at least; its time counts from the first
//! effect to that tick's begin. Calls within it are its trials. It *closed* in the first tick after the lifting with at
//! least half of the usual calls, counted from the lifting to the tick's begin. All of it as exact as ticks are long: a
//! second. That there is none is said where at least half of the usual calls went on in the second half of the fault. A
//! pool of connections that lets through less than a tenth looks the same from here.

use super::amplification::who;
use super::scene::{Scene, Second, Sum};
use super::{Conclusion, Confidence, Figure, Value};
use crate::expr::gate::FaultFigure;
use crate::units::human_us;

/// Share of the usual calls up to which a tick is quiet.
const QUIET: f64 = 0.1;
/// Share of the usual calls from which they are back.
const BACK: f64 = 0.5;
/// Share of the usual load that must be offered in a tick for it to tell anything.
const LOADED: f64 = 0.5;
/// Share of ticks that must be quiet once it is open, and how many at least.
const MOSTLY: f64 = 0.8;
const TICKS: usize = 2;
/// Calls before the fault, per second, from which a tenth of them is told from nothing with ease.
const CLEAR_RATE: f64 = 20.0;
/// Calls needed before to know what is usual.
const LEAST: u64 = 10;

pub(super) fn infer(scene: &Scene) -> Result<Conclusion, String> {
    let before = Sum::of(&scene.before);
    let usual = before.ratio().filter(|_| before.calls >= LEAST);
    let Some(usual) = usual else {
        return Err(format!(
            "{} requests on `{}` before `{}` are too few",
            before.calls, scene.link, scene.fault
        ));
    };
    let level = |s: &Second| {
        let ratio = Sum::of(std::slice::from_ref(s)).ratio();
        ratio.map(|ratio| ratio / usual)
    };
    let during = Sum::of(&scene.during);
    if during.offered < 1.0 {
        return Err(format!("nothing was offered during `{}`", scene.fault));
    }
    if during.calls == 0 {
        return Err(format!(
            "nothing was seen on `{}` during `{}`, not even at its begin: a link that is down shows no requests, nor does a breaker that is open",
            scene.link, scene.fault
        ));
    }
    let telling = loaded(&scene.during, &before);
    if telling.len() < TICKS {
        return Err(format!(
            "at least half of the usual load was offered in {} of {} seconds of `{}`: too few",
            telling.len(),
            during.ticks,
            scene.fault
        ));
    }
    let quiet = |s: &Second| level(s).is_some_and(|level| level <= QUIET);
    let opened = (0..telling.len()).find(|at| {
        let rest = telling.get(*at..).unwrap_or_default();
        let still = rest.iter().filter(|s| quiet(s)).count();
        rest.first().is_some_and(&quiet)
            && rest.len() >= TICKS
            && still as f64 >= MOSTLY * rest.len() as f64
    });
    if let Some(open) = opened.and_then(|at| telling.get(at..)) {
        return Ok(told(scene, &before, open, &level));
    }
    // Its second half: what a breaker does takes failures first.
    let late = telling.get(telling.len() / 2..).unwrap_or_default();
    let left = Sum::of(late).ratio().map_or(0.0, |ratio| ratio / usual);
    if left < BACK {
        return Err(format!(
            "requests on `{}` fell to {:.0} % of the usual in the second half of `{}`: too many for a breaker that is open, or not for long enough",
            scene.link,
            left * 100.0,
            scene.fault
        ));
    }
    Ok(none(scene, &before, &telling))
}

/// The ticks in which enough was offered to tell what became of it.
fn loaded(ticks: &[Second], before: &Sum) -> Vec<Second> {
    let enough = |s: &&Second| {
        Sum::of(std::slice::from_ref(*s)).load() >= LOADED * before.load() && s.offered > 0.0
    };
    ticks.iter().filter(enough).cloned().collect()
}

fn none(scene: &Scene, before: &Sum, telling: &[Second]) -> Conclusion {
    let until = telling.last().map_or(scene.effective_us, |s| s.to_us);
    let lasted = until
        .min(scene.lifted_us)
        .saturating_sub(scene.effective_us);
    let during = Sum::of(telling);
    let evidence = format!(
        "{} went on with {:.1} requests/s on `{}` during it, {:.1}/s before, at {:.1} and {:.1} journeys/s",
        who(scene),
        during.rate(),
        scene.link,
        before.rate(),
        during.load(),
        before.load()
    );
    let (confidence, reasons) = confidence(before, during.ticks, None);
    Conclusion {
        says: format!("no circuit breaker seen on `{}`", scene.link),
        evidence,
        confidence,
        reasons,
        figures: [(
            Figure::OfFault(FaultFigure::BreakerOpens),
            Value::AtLeast(lasted as f64),
        )]
        .into(),
        samples: before.calls + during.calls,
    }
}

fn told(
    scene: &Scene,
    before: &Sum,
    open: &[Second],
    level: &dyn Fn(&Second) -> Option<f64>,
) -> Conclusion {
    let began = open.first().map_or(scene.effective_us, |s| s.from_us);
    let opens = began.saturating_sub(scene.effective_us);
    let sum = Sum::of(open);
    let (closes, closing) = closing(scene, before, level);
    let trials = match period(open) {
        _ if sum.calls == 0 => "nothing tried it".to_owned(),
        Some(period) => format!("tried again about every {period:.0} s"),
        None => "single requests tried it".to_owned(),
    };
    let evidence = format!(
        "requests on `{}` fell from {:.1}/s to {:.1}/s in second {} of the fault while {:.1} journeys/s began; {} came through in {:.0} s",
        scene.link,
        before.rate(),
        sum.rate(),
        opens / 1_000_000 + 1,
        sum.load(),
        sum.calls,
        sum.seconds
    );
    let (confidence, reasons) = confidence(before, open.len(), Some(&sum));
    Conclusion {
        says: format!(
            "a circuit breaker on `{}`: opened {} after the first effect, {trials}, {closing}",
            scene.link,
            human_us(opens)
        ),
        evidence,
        confidence,
        reasons,
        figures: [
            (FaultFigure::BreakerOpens, Some(Value::Is(opens as f64))),
            (FaultFigure::BreakerCloses, closes),
        ]
        .into_iter()
        .filter_map(|(figure, value)| Some((Figure::OfFault(figure), value?)))
        .collect(),
        samples: before.calls + sum.calls,
    }
}

/// When it closed, and the words for it; `None` where too little was offered after the lifting to tell.
fn closing(
    scene: &Scene,
    before: &Sum,
    level: &dyn Fn(&Second) -> Option<f64>,
) -> (Option<Value>, String) {
    let after = loaded(&scene.after, before);
    let since = |us: u64| us.saturating_sub(scene.lifted_us);
    let closed = after.iter().find(|s| level(s).is_some_and(|l| l >= BACK));
    match (closed, after.last()) {
        (Some(s), _) => {
            let us = since(s.from_us);
            let words = format!("closed {} after the lifting", human_us(us));
            (Some(Value::Is(us as f64)), words)
        }
        (None, Some(last)) => {
            let us = since(last.to_us);
            let words = format!("not closed within {} after the lifting", human_us(us));
            (Some(Value::AtLeast(us as f64)), words)
        }
        (None, None) => {
            let words = "after the lifting too little was offered to tell when it closed";
            (None, words.to_owned())
        }
    }
}

/// Seconds between ticks in which something was tried; `None` for fewer than two of them.
fn period(open: &[Second]) -> Option<f64> {
    let tried: Vec<u64> = open
        .iter()
        .filter(|s| s.calls > 0)
        .map(|s| s.to_us)
        .collect();
    let (first, last) = (tried.first()?, tried.last()?);
    let gaps = tried.len().checked_sub(1).filter(|gaps| *gaps > 0)?;
    Some(last.saturating_sub(*first) as f64 / 1e6 / gaps as f64)
}

fn confidence(before: &Sum, ticks: usize, open: Option<&Sum>) -> (Confidence, Vec<String>) {
    let mut reasons = vec![
        format!("{:.1} requests/s before", before.rate()),
        match open {
            Some(_) => format!("{ticks} seconds open"),
            None => format!("{ticks} seconds of the fault"),
        },
    ];
    let clear = before.rate() >= CLEAR_RATE;
    if !clear {
        reasons.push("at so low a rate single calls are hardly told from many".to_owned());
    }
    // That something does not happen takes longer to see.
    let least = if open.is_some() { TICKS } else { TICKS + 1 };
    let confidence = match (clear, ticks, before.ticks) {
        (true, 4.., 5..) => Confidence::High,
        (_, ticks, _) if ticks >= least && before.rate() >= CLEAR_RATE / 4.0 => Confidence::Medium,
        _ => Confidence::Low,
    };
    (confidence, reasons)
}
