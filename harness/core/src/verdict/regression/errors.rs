//! Shares of errors held against each other. Errors come in bursts: a test that takes requests for independent calls half
//! of all bursts a change, so the error of a share comes from blocks of time as well, and a few bursts decide nothing.

use super::classes::inconclusive;
use super::estimate::ErrorEstimate;
use super::{Class, ErrorFigure, Estimate, Settings, Why};
use crate::stats::normal;

/// Three times as many samples as the inverse of a share: without one error among them, the share is smaller with 95 %
/// confidence (J. A. Hanley and A. Lippman-Hand, "If nothing goes wrong, is everything all right?", JAMA 249, 1983).
const NONE_IN: f64 = 3.0;

/// Holds a name's errors against the baseline's. `None` where a side lacks the name.
pub(super) fn held(
    candidate: &[&Estimate],
    baseline: &[&Estimate],
    name: &str,
    settings: &Settings,
) -> Option<ErrorFigure> {
    let of = |side: &[&Estimate]| -> Option<Vec<ErrorEstimate>> {
        side.iter()
            .map(|e| Some(e.names.get(name)?.errors))
            .collect()
    };
    let (from, to) = (pooled(&of(baseline)?)?, pooled(&of(candidate)?)?);
    let shortest = candidate
        .iter()
        .chain(baseline)
        .filter_map(|e| e.names.get(name));
    let seconds = shortest.map(|n| n.span.seconds).fold(f64::MAX, f64::min);
    let d = to.share - from.share;
    let se = from.se.hypot(to.se);
    let reach = normal::quantile(1.0 - settings.alpha / 2.0) * se;
    let proof = normal::quantile(1.0 - settings.alpha_proof) * se;
    let floor = settings.errors_floor;
    let interval = (d - reach, d + reach);
    let episodes = from.episodes + to.episodes;
    let class = if seconds < settings.least_s {
        let why = Why::TooShort {
            seconds,
            need: settings.least_s,
        };
        inconclusive(why, None, None)
    } else if to.failed == 0 && (to.ended as f64) * floor >= NONE_IN {
        Class::NoRegression
    } else if episodes < settings.error_episodes {
        let why = Why::TooFewEpisodes {
            have: episodes,
            need: settings.error_episodes,
        };
        inconclusive(why, None, None)
    } else if d > floor && interval.0 > 0.0 {
        Class::Regressed
    } else if d < -floor && interval.1 < 0.0 {
        Class::Improved
    } else if d + proof < floor {
        Class::NoRegression
    } else {
        inconclusive(Why::Undecided, None, None)
    };
    Some(ErrorFigure {
        name: name.to_owned(),
        class,
        baseline: from.share,
        candidate: to.share,
        se,
        interval,
        episodes: (from.episodes, to.episodes),
    })
}

/// Several runs as one: shares averaged, and their errors with them.
fn pooled(runs: &[ErrorEstimate]) -> Option<ErrorEstimate> {
    let n = runs.len() as f64;
    let first = ErrorEstimate::default();
    let sum = runs.iter().fold(first, |sum, run| ErrorEstimate {
        share: sum.share + run.share / n,
        se: sum.se.hypot(run.se / n),
        failed: sum.failed + run.failed,
        ended: sum.ended + run.ended,
        episodes: sum.episodes + run.episodes,
    });
    (sum.ended > 0).then_some(sum)
}
