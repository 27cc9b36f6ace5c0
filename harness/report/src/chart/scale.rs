//! From data to a place between 0 and 1, and round marks along the way.

/// A scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    low: f64,
    high: f64,
    log: bool,
}

/// Above this ratio of largest to typical value a linear scale would press what is typical onto the axis.
const LOG_FROM: f64 = 25.0;

impl Scale {
    /// A linear scale; an empty range is widened.
    pub fn linear(low: f64, high: f64) -> Self {
        Self {
            low,
            high: if high > low { high } else { low + 1.0 },
            log: false,
        }
    }

    /// From zero to a round number at or above the largest value.
    pub fn from_zero(largest: f64) -> Self {
        let high = if largest > 0.0 { largest } else { 1.0 };
        let step = step(high, 4.0);
        Self::linear(0.0, (high / step).ceil() * step)
    }

    /// For latencies: linear from zero where values are of one size, logarithmic by decades where they are not.
    pub fn latency(typical: f64, largest: f64) -> Self {
        if typical > 0.0 && largest / typical > LOG_FROM {
            Self::log(typical / 3.0, largest)
        } else {
            Self::from_zero(largest)
        }
    }

    /// Logarithmic, up to a mark (1 or 3 times a power of ten) at or above the largest value; both ends above zero.
    pub fn log(low: f64, largest: f64) -> Self {
        let low = low.max(1.0);
        let power = 10f64.powf(largest.max(low * 10.0).log10().floor());
        let mark = [1.0, 3.0, 10.0]
            .into_iter()
            .map(|lead| lead * power)
            .find(|mark| *mark >= largest * 0.999);
        Self {
            low,
            high: mark.unwrap_or(largest).max(low * 10.0),
            log: true,
        }
    }

    /// Whether it is logarithmic.
    pub fn is_log(&self) -> bool {
        self.log
    }

    /// The place of a value, held within 0 and 1.
    pub fn at(&self, value: f64) -> f64 {
        let share = if self.log {
            (value.max(self.low) / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        share.clamp(0.0, 1.0)
    }

    /// The value at a place between 0 and 1: the other way round.
    pub fn value(&self, share: f64) -> f64 {
        if self.log {
            self.low * (self.high / self.low).powf(share)
        } else {
            self.low + share * (self.high - self.low)
        }
    }

    /// Round values within the range, for marks: three to seven of them.
    pub fn ticks(&self) -> Vec<f64> {
        if !self.log {
            let step = step(self.high - self.low, 4.0);
            let first = (self.low / step).ceil() as i64;
            let last = (self.high / step + 1e-9).floor() as i64;
            return (first..=last).map(|i| i as f64 * step).collect();
        }
        let (first, last) = (
            self.low.log10().floor() as i32,
            self.high.log10().ceil() as i32,
        );
        let parts: &[f64] = if last - first <= 4 {
            &[1.0, 3.0]
        } else {
            &[1.0]
        };
        let all = (first..=last).flat_map(|e| parts.iter().map(move |m| m * 10f64.powi(e)));
        all.filter(|v| *v >= self.low * 0.999 && *v <= self.high * 1.001)
            .collect()
    }
}

/// A round step (1, 2 or 5 times a power of ten) that divides a length into about `parts`.
fn step(length: f64, parts: f64) -> f64 {
    let rough = length / parts;
    let power = 10f64.powf(rough.log10().floor());
    let lead = rough / power;
    power
        * if lead <= 1.0 + 1e-9 {
            1.0
        } else if lead <= 2.0 + 1e-9 {
            2.0
        } else if lead <= 5.0 + 1e-9 {
            5.0
        } else {
            10.0
        }
}

/// Marks for a time axis in seconds: at most seven, at whole seconds, minutes or hours.
pub fn time_ticks(seconds: f64) -> Vec<f64> {
    const STEPS: [f64; 16] = [
        1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0,
        14_400.0, 43_200.0,
    ];
    let step = STEPS
        .into_iter()
        .find(|s| seconds / s <= 6.0)
        .unwrap_or(86_400.0 * (seconds / 86_400.0 / 6.0).ceil());
    (0..=(seconds / step).floor() as u64)
        .map(|i| i as f64 * step)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn marks_are_round() {
        assert_eq!(Scale::from_zero(870.0).ticks(), [0.0, 500.0, 1000.0]);
        assert_eq!(Scale::from_zero(100.0).ticks(), [0.0, 50.0, 100.0]);
        assert_eq!(
            Scale::log(1000.0, 1e6).ticks(),
            [1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6]
        );
        assert_eq!(Scale::log(1000.0, 788e3).ticks().last(), Some(&1e6));
        assert_eq!(time_ticks(20.0), [0.0, 5.0, 10.0, 15.0, 20.0]);
        assert_eq!(time_ticks(600.0).len(), 6);
    }

    #[test]
    fn latencies_of_very_different_size_get_a_log_scale() {
        assert!(Scale::latency(5_000.0, 2_000_000.0).is_log());
        assert!(!Scale::latency(5_000.0, 60_000.0).is_log());
        assert!(!Scale::latency(0.0, 0.0).is_log());
    }

    proptest! {
        #[test]
        fn every_value_has_a_place_and_more_is_never_less(low in 0.0f64..1e6, width in 0.0f64..1e9, a in 0.0f64..1e9, b in 0.0f64..1e9, log: bool) {
            let scale = if log { Scale::log(low, low + width) } else { Scale::linear(low, low + width) };
            let (a, b) = (a.min(b), a.max(b));
            prop_assert!((0.0..=1.0).contains(&scale.at(a)) && scale.at(a) <= scale.at(b));
            prop_assert!(scale.ticks().len() <= 16, "{:?}", scale.ticks());
        }

        #[test]
        fn a_time_axis_has_few_marks(seconds in 0.5f64..1e7) {
            let ticks = time_ticks(seconds);
            prop_assert!(!ticks.is_empty() && ticks.len() <= 7 && ticks.iter().all(|t| *t <= seconds));
        }
    }
}
