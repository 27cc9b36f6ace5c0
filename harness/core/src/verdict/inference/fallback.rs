//! A cache or a fallback: the share of journeys that ended well while what they depend on gave no answer.
//!
//! Said only where the link gave at most a fifth of its usual answers for each journey: of a service that still answers
//! nothing can be told. What ended after the lifting was not served without it, however well it ended: it waited. All journeys together, also those that never use the link: a scenario that asks should load what
//! does.

use super::scene::{Scene, Sum};
use super::{Conclusion, Confidence, Figure, Value};
use crate::expr::gate::FaultFigure;

/// Share of its usual answers up to which a service counts as not answering.
const SILENT: f64 = 0.2;
/// Shares of success from which it is served without, and up to which it is not.
const SERVED: f64 = 0.9;
const FAILING: f64 = 0.5;
/// Share of the journeys of which it may be open whether they ended in time.
const UNSURE: f64 = 0.05;
/// Journeys needed during it, and for high confidence.
const LEAST: u64 = 20;
const MANY: u64 = 100;
/// Answers before it, from which the link is known to be used.
const USED: u64 = 10;

pub(super) fn infer(scene: &Scene) -> Result<Conclusion, String> {
    let (before, during) = (Sum::of(&scene.before), Sum::of(&scene.during));
    let (link, fault) = (&scene.link, &scene.fault);
    let per_journey = |sum: &Sum| sum.answers as f64 / sum.offered.max(1.0);
    if before.answers == 0 {
        return Err(format!(
            "nothing was answered on `{link}` before `{fault}`: it may not be used"
        ));
    }
    let left = per_journey(&during) / per_journey(&before);
    if left > SILENT {
        return Err(format!(
            "`{link}` still gave {} of its usual answers: nothing had to be done without it",
            percent(left.min(1.0))
        ));
    }
    let [usual, then] = scene.clients;
    if then.ended < LEAST {
        return Err(format!(
            "of {} journeys it is known whether they ended during `{fault}`: too few",
            then.ended
        ));
    }
    if then.unsure as f64 > UNSURE * then.ended as f64 {
        return Err(format!(
            "of {} of {} journeys it is not known whether they ended well before `{fault}` was lifted, or after",
            then.unsure, then.ended
        ));
    }
    let value = then.share();
    let contrast = value / usual.share().max(1e-9);
    let says = match contrast {
        c if c >= SERVED => {
            format!("served without `{link}`: a cache, a fallback, or work done later")
        }
        c if c <= FAILING => format!("no cache or fallback for `{link}`"),
        _ => format!("served in part without `{link}`"),
    };
    let evidence = format!(
        "{} of {} journeys ended well during it, {} before, while `{link}` gave {} answers ({} before)",
        percent(value),
        then.ended,
        percent(usual.share()),
        during.answers,
        before.answers
    );
    let mut reasons = vec![format!("{} journeys during it", then.ended)];
    if before.answers < USED {
        reasons.push(format!(
            "only {} answers crossed `{link}` before",
            before.answers
        ));
    }
    let between = contrast < SERVED && contrast > FAILING;
    if between {
        reasons.push("some journeys fare well, others do not".to_owned());
    }
    let confidence = match () {
        () if then.ended >= MANY && before.answers >= USED && !between => Confidence::High,
        () if usual.ended >= LEAST => Confidence::Medium,
        () => Confidence::Low,
    };
    Ok(Conclusion {
        says,
        evidence,
        confidence,
        reasons,
        figures: [(Figure::OfFault(FaultFigure::Fallback), Value::Is(value))].into(),
        samples: then.ended,
    })
}

fn percent(share: f64) -> String {
    format!("{} %", (share * 1000.0).round() / 10.0)
}
