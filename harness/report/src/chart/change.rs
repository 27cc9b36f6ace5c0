//! The axis of changes: logarithmic, so that a third slower and a quarter faster lie equally far from none. Shared by all
//! charts that show how much slower something got.

use super::Tick;
use super::tidy;
use super::timeline::anchor;

/// Changes that are marked where they are on the axis, as shares.
const MARKS: [f64; 19] = [
    -0.9, -0.75, -0.5, -0.3, -0.2, -0.1, -0.05, -0.02, 0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0,
    5.0, 10.0, 50.0,
];
/// Intervals that reach beyond these, as logarithms, are cut: one that is not sure of anything would press all others flat.
const FURTHEST: f64 = 1.1;

/// From a least to a greatest difference of logarithms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Changes {
    low: f64,
    high: f64,
}

impl Changes {
    /// Room for every point (difference, low end, high end, what matters), for zero, and for what matters both ways.
    pub(super) fn of(points: impl Iterator<Item = (f64, (f64, f64), f64)>) -> Self {
        let (mut low, mut high) = (-0.02f64, 0.02f64);
        for (d, (from, to), margin) in points {
            let margin = margin.min(FURTHEST);
            low = low.min(d).min(from.max(-FURTHEST)).min(-margin);
            high = high.max(d).max(to.min(FURTHEST)).max(margin);
        }
        let room = (high - low) * 0.06;
        Self {
            low: low - room,
            high: high + room,
        }
    }

    /// The place of a difference, held within 0 and 1.
    pub(super) fn at(&self, d: f64) -> f64 {
        ((d - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// Whether a difference has room.
    pub(super) fn holds(&self, d: f64) -> bool {
        d >= self.low && d <= self.high
    }

    /// Marks not closer than `apart` to each other, as places between 0 and 1, with their words: zero, then outwards.
    pub(super) fn marks(&self, apart: f64) -> Vec<(f64, String)> {
        let zero = MARKS.iter().position(|mark| *mark == 0.0).unwrap_or(0);
        let (less, more) = MARKS.split_at(zero);
        let mut marks: Vec<(f64, f64)> = Vec::new();
        // Round ones first, so that ±10 % stays where ±5 % has no room.
        let round = |mark: &f64| [0.1, 0.5, 1.0, 5.0].contains(&mark.abs()) || *mark == 0.0;
        let all = more.iter().chain(less.iter().rev());
        let (first, rest): (Vec<&f64>, Vec<&f64>) = all.partition(|mark| round(mark));
        for mark in first.into_iter().chain(rest) {
            let d = mark.ln_1p();
            let place = self.at(d);
            if self.holds(d) && marks.iter().all(|(at, _)| (at - place).abs() >= apart) {
                marks.push((place, *mark));
            }
        }
        marks.sort_by(|a, b| a.0.total_cmp(&b.0));
        let words = |share: f64| match share {
            0.0 => "0".to_owned(),
            share => format!("{:+.0}%", share * 100.0),
        };
        marks
            .into_iter()
            .map(|(at, share)| (at, words(share)))
            .collect()
    }

    /// The same along the bottom.
    pub(super) fn x_ticks(&self) -> Vec<Tick> {
        let tick = |(at, label): (f64, String)| Tick {
            at: tidy(at * 100.0),
            label,
            anchor: anchor(at),
        };
        self.marks(0.16).into_iter().map(tick).collect()
    }

    /// The same along the left.
    pub(super) fn y_ticks(&self, height: f64) -> Vec<Tick> {
        let tick = |(at, label): (f64, String)| Tick {
            at: tidy(height * (1.0 - at)),
            label,
            anchor: "end",
        };
        self.marks(0.1).into_iter().map(tick).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_and_what_matters_always_have_room_and_marks_keep_apart() {
        let changes = Changes::of([(0.01, (-0.03, 5.0), 0.0953)].into_iter());
        assert!(changes.holds(0.0) && changes.holds(-0.0953) && changes.holds(FURTHEST));
        assert!(!changes.holds(5.0) && changes.at(5.0) == 1.0);
        let marks = changes.marks(0.11);
        assert!(marks.iter().any(|(_, words)| words == "0"), "{marks:?}");
        assert!(
            marks.windows(2).all(|two| two[1].0 - two[0].0 >= 0.11),
            "{marks:?}"
        );
        let wide = Changes::of([(2.0, (1.9, 2.1), 0.0953)].into_iter());
        assert!(wide.holds(2.0), "a point is never cut");
    }
}
