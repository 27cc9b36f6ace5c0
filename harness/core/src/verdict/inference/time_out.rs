//! Time-outs: how long the link's client waits for an answer before it closes. The mode of the waits that were given up
//! during the fault, with its spread.

use super::amplification::who;
use super::scene::Scene;
use super::{Conclusion, Confidence, Figure, Value};
use crate::expr::gate::LinkFigure;
use crate::hist::Hist;
use crate::units::human_us;

/// Waits within this factor of each other are one time-out.
const WIDTH: f64 = 1.1;
/// Share of the requests that must have been given up: where the rest waits on, few say nothing of it.
const SHARE: f64 = 0.2;
/// Waits needed to say anything, for some confidence and for much.
const LEAST: u64 = 5;
const SOME: u64 = 10;
const MANY: u64 = 30;

pub(super) fn infer(scene: &Scene) -> Result<Conclusion, String> {
    // Who gives up on the last request of a fault does so after its end.
    let after = scene.after.iter().take(1);
    let mut waits = Hist::default();
    scene
        .during
        .iter()
        .chain(after)
        .for_each(|s| waits.add(&s.abandoned));
    let n = waits.count();
    let asked: u64 = scene.during.iter().map(|s| s.calls).sum();
    if n < LEAST || (n as f64) < SHARE * asked as f64 {
        return Err(format!(
            "{n} of {asked} requests on `{}` were given up during `{}`: too few to tell of a time-out",
            scene.link, scene.fault
        ));
    }
    let Some((value, near)) = mode(&waits) else {
        return Err(format!("no wait was measured on `{}`", scene.link));
    };
    let share = near as f64 / n as f64;
    let tenth = |q: f64| human_us(waits.quantile(q).unwrap_or(0));
    let evidence = format!(
        "{n} requests were given up, {near} of them after about {}; nine of ten between {} and {}",
        human_us(value),
        tenth(0.05),
        tenth(0.95)
    );
    let reasons = vec![
        format!("{n} requests given up"),
        format!("{:.0} % of them at the same time", share * 100.0),
    ];
    let confidence = match n {
        MANY.. if share >= 0.8 => Confidence::High,
        SOME.. if share >= 0.5 => Confidence::Medium,
        _ => Confidence::Low,
    };
    Ok(Conclusion {
        says: format!(
            "{} gives up on `{}` after {}",
            who(scene),
            scene.link,
            human_us(value)
        ),
        evidence,
        confidence,
        reasons,
        figures: [(Figure::OfLink(LinkFigure::GivesUp), Value::Is(value as f64))].into(),
        samples: n,
    })
}

/// The median of the densest stretch of waits, microseconds, and how many lie in it.
fn mode(waits: &Hist) -> Option<(u64, u64)> {
    let buckets = waits.buckets();
    let mut best: Option<(u64, &[(u64, u64)])> = None;
    for (from, (value, _)) in buckets.iter().enumerate() {
        let end = (*value as f64 * WIDTH) as u64;
        let rest = buckets.get(from..).unwrap_or_default();
        let inside = rest.partition_point(|(value, _)| *value <= end);
        let stretch = rest.get(..inside).unwrap_or_default();
        let n = stretch.iter().map(|(_, n)| n).sum();
        if best.is_none_or(|(most, _)| n > most) {
            best = Some((n, stretch));
        }
    }
    let (n, stretch) = best?;
    let median = Hist::from_counts(stretch.iter().copied()).quantile(0.5)?;
    Some((median, n))
}
