//! The rate to try next: doubling until one breaks, then bisection. A single trial decides nothing that ends the
//! search: a rate that broke is tried again, and so is the answer, until two trials agree.

use super::{SearchPlan, Tried};
use crate::units::Rate;

/// Trials that must agree on a rate.
const AGREE: u32 = 2;
/// A first rate that breaks is halved this often before nothing is said to hold.
const HALVINGS: i32 = 10;
/// Digits of the rates tried: more would look surer than a trial is.
const DIGITS: i32 = 3;

/// How often each rate held and broke, in order of rate.
pub(super) struct Standing(Vec<(f64, u32, u32)>);

impl Standing {
    pub(super) fn of(tried: &[Tried]) -> Self {
        let mut rates: Vec<(f64, u32, u32)> = Vec::new();
        for trial in tried {
            let rate = trial.rate.get();
            let at = match rates.iter().position(|(r, ..)| *r == rate) {
                Some(at) => at,
                None => {
                    rates.push((rate, 0, 0));
                    rates.len() - 1
                }
            };
            if let Some((_, held, broke)) = rates.get_mut(at) {
                *held += u32::from(trial.fate.held());
                *broke += u32::from(!trial.fate.held());
            }
        }
        rates.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self(rates)
    }

    /// The lowest rate that broke for sure.
    fn surely_breaks(&self) -> Option<f64> {
        let sure = self.0.iter().find(|(_, _, broke)| *broke >= AGREE);
        sure.map(|(rate, ..)| *rate)
    }

    /// The lowest rate that is taken to break: for sure, else as often as it held.
    pub(super) fn breaks(&self) -> Option<f64> {
        self.surely_breaks().or_else(|| {
            let doubtful = self.0.iter().find(|(_, held, broke)| broke > held);
            doubtful.map(|(rate, ..)| *rate)
        })
    }

    /// The highest rate below the break that is taken to hold, and how often it did.
    fn best(&self) -> Option<(f64, u32)> {
        let below = self.breaks().unwrap_or(f64::INFINITY);
        let held = self
            .0
            .iter()
            .filter(|(rate, held, broke)| *rate < below && held > broke);
        held.map(|(rate, held, _)| (*rate, *held)).next_back()
    }

    /// The highest rate that is taken to hold.
    pub(super) fn holds(&self) -> Option<f64> {
        self.best().map(|(rate, _)| rate)
    }

    /// A rate whose trials don't say enough yet: it broke, but not for sure, and did not hold for sure either. One
    /// above a sure break says nothing any more.
    fn open(&self) -> Option<f64> {
        let below = self.surely_breaks().unwrap_or(f64::INFINITY);
        let open = |(rate, held, broke): &&(f64, u32, u32)| {
            *rate < below && *broke > 0 && *broke < AGREE && *held < AGREE
        };
        self.0.iter().find(open).map(|(rate, ..)| *rate)
    }
}

/// The rate to try after these trials; `None` when there is nothing left to learn within the plan's precision.
pub fn next(plan: &SearchPlan, tried: &[Tried]) -> Option<Rate> {
    rate(plan, &Standing::of(tried)).and_then(Rate::per_second)
}

fn rate(plan: &SearchPlan, standing: &Standing) -> Option<f64> {
    let (from, up_to) = (plan.from.get(), plan.up_to.get());
    if let Some(open) = standing.open() {
        return Some(open);
    }
    let Some((best, held)) = standing.best() else {
        let Some(breaks) = standing.breaks() else {
            return Some(from.min(up_to));
        };
        let lower = rounded(breaks / 2.0);
        return (lower >= from / 2f64.powi(HALVINGS)).then_some(lower);
    };
    // The answer itself is tried again before it is given.
    let confirm = (held < AGREE).then_some(best);
    let Some(breaks) = standing.breaks() else {
        return if best >= up_to {
            confirm
        } else {
            Some((best * 2.0).min(up_to))
        };
    };
    let middle = rounded((best + breaks) / 2.0);
    let close = breaks <= best * (1.0 + plan.precision);
    if close || middle <= best || middle >= breaks {
        confirm
    } else {
        Some(middle)
    }
}

/// A rate with as many digits as a trial deserves; small ones to thousandths.
fn rounded(rate: f64) -> f64 {
    let digits = DIGITS - 1 - rate.max(f64::MIN_POSITIVE).log10().floor() as i32;
    let scale = 10f64.powi(digits.clamp(-6, 3));
    (rate * scale).round() / scale
}
