//! Retries: how many calls crossed the link for each journey that began, during the fault against what is usual; and
//! whether that outlived the fault.
//!
//! `amplification = (calls ÷ journeys during) ÷ (calls ÷ journeys before)`. It counts as retries when it lies above 1 by
//! more than 5 % and by more than three standard errors: of the difference between so many seconds before and so many
//! during, if those during sway as those before do. A storm is a ratio above 1.2 in three
//! seconds in a row after the lifting, with the load back at four fifths of what is usual.

use super::scene::{Scene, Second, Sum};
use super::{Conclusion, Confidence, Figure, Value};
use crate::expr::gate::LinkFigure;

/// Calls needed before to know what is usual, and journeys during.
const LEAST: f64 = 10.0;
/// By how much more than usual counts as more at all.
const MORE: f64 = 0.05;
/// Standard errors that the ratio must lie away from the usual.
const ERRORS: f64 = 3.0;
/// Up to which limit it is well known that there are no retries, and up to which it is known at all: below, as many as
/// that may hide in what sways by itself.
const NARROW: f64 = 0.2;
const WIDE: f64 = 0.5;
/// Ratio that is a storm after the lifting, for how many seconds in a row, at which share of the usual load.
const STORM: f64 = 1.2;
const STORM_TICKS: usize = 3;
const STORM_LOAD: f64 = 0.8;

pub(super) fn infer(scene: &Scene) -> Result<Conclusion, String> {
    let (before, during) = (Sum::of(&scene.before), Sum::of(&scene.during));
    let link = &scene.link;
    let usual = before.ratio().filter(|r| *r > 0.0);
    let (Some(usual), Some(then)) = (usual, during.ratio()) else {
        return Err(format!(
            "`{link}` was not used before `{}`, or nothing was offered during it",
            scene.fault
        ));
    };
    if (before.calls as f64) < LEAST || during.offered < LEAST {
        return Err(format!(
            "{} requests on `{link}` before and {:.0} journeys during `{}` are too few",
            before.calls, during.offered, scene.fault
        ));
    }
    if during.calls == 0 {
        return Err(format!(
            "nothing was seen on `{link}` during `{}`: a link that is down shows no requests",
            scene.fault
        ));
    }
    let value = then / usual;
    let spread = spread(&scene.before, during.ticks, usual);
    let limit = MORE.max(ERRORS * spread);
    let storm = storm(&scene.after, usual, before.load());
    let retries = value > 1.0 + limit;
    let mut says = match (retries, value < 1.0 - limit) {
        (true, _) => format!("retries: {value:.2} times the usual requests on `{link}`"),
        (false, true) => format!("fewer requests than usual on `{link}`: {value:.2} times"),
        (false, false) => {
            format!("no retries seen on `{link}`: {value:.2} times the usual requests")
        }
    };
    if let Some(seconds) = storm {
        says += &format!("; a storm went on for {seconds:.0} s after the lifting");
    }
    let evidence = format!(
        "for each journey that began, {} sent {then:.2} requests during it and {usual:.2} before ({:.1}/s and {:.1}/s at {:.1} and {:.1} journeys/s)",
        who(scene),
        during.rate(),
        before.rate(),
        during.load(),
        before.load()
    );
    let contrast = (value - 1.0).abs() / spread.max(1e-3);
    let (confidence, reasons) = confidence(&before, &during, contrast, (!retries).then_some(limit));
    Ok(Conclusion {
        says,
        evidence,
        confidence,
        reasons,
        figures: [(Figure::OfLink(LinkFigure::Amplification), Value::Is(value))].into(),
        samples: before.calls + during.calls,
    })
}

/// Who uses the link.
pub(super) fn who(scene: &Scene) -> String {
    match scene.client.as_str() {
        "" => "its client".to_owned(),
        client => format!("`{client}`"),
    }
}

/// Standard error, as a share of the usual ratio, by which the ratio of some seconds differs from that of those before, from
/// how these differ among themselves.
fn spread(before: &[Second], during: usize, usual: f64) -> f64 {
    let ratios = before.iter().filter(|s| s.offered > 0.0);
    let ratios: Vec<f64> = ratios.map(|s| s.calls as f64 / s.offered / usual).collect();
    let n = ratios.len() as f64;
    if n < 2.0 {
        return f64::INFINITY;
    }
    let squares: f64 = ratios.iter().map(|r| (r - 1.0).powi(2)).sum();
    let shares = 1.0 / n + 1.0 / during.max(1) as f64;
    (squares / (n - 1.0) * shares).sqrt()
}

/// How long a storm went on after the lifting, seconds: its longest run.
fn storm(after: &[Second], usual: f64, load: f64) -> Option<f64> {
    let stormy = |s: &Second| {
        let sum = Sum::of(std::slice::from_ref(s));
        sum.load() >= STORM_LOAD * load && sum.ratio().is_some_and(|r| r > STORM * usual)
    };
    let runs = after.chunk_by(|a, b| stormy(a) == stormy(b));
    let runs = runs.filter(|run| run.len() >= STORM_TICKS && run.first().is_some_and(stormy));
    runs.map(|run| Sum::of(run).seconds).reduce(f64::max)
}

/// How sure it is; `limit` where there are no retries, above which they would have been seen.
fn confidence(
    before: &Sum,
    during: &Sum,
    contrast: f64,
    limit: Option<f64>,
) -> (Confidence, Vec<String>) {
    let samples = before.calls.min(during.offered as u64);
    let ticks = before.ticks.min(during.ticks);
    let mut reasons = vec![
        format!(
            "{} requests before and {} during",
            before.calls, during.calls
        ),
        format!("{} and {} seconds", before.ticks, during.ticks),
        format!("{:.0} standard errors from the usual", contrast.min(999.0)),
    ];
    if let Some(limit) = limit.filter(|limit| *limit > NARROW) {
        let percent = (limit * 100.0).min(999.0);
        reasons.push(format!(
            "seconds differ so much that less than {percent:.0} % more would not be seen"
        ));
    }
    let (clear, told) = match limit {
        None => (contrast >= 2.0 * ERRORS, true),
        Some(limit) => (limit <= NARROW, limit <= WIDE),
    };
    let confidence = match (samples, ticks) {
        (100.., 5..) if clear => Confidence::High,
        (30.., 3..) if told => Confidence::Medium,
        _ => Confidence::Low,
    };
    (confidence, reasons)
}
