//! The circular block bootstrap for what comes as counts over time: whole stretches of time are drawn with replacement, so
//! that what hangs together in time stays together. D. N. Politis and J. P. Romano, "A circular block-resampling procedure
//! for stationary data", in LePage and Billard (eds), Exploring the Limits of Bootstrap (1992). Samples that lie in a
//! distribution need not be drawn one by one: the counts of a resample are the sum of its blocks' counts.

use crate::random::Draws;

/// A count of a window at most: more than any holds, and so few that no sum of them is beyond counting.
const MOST: u64 = 1 << 40;

/// Counts over time, made ready for drawing blocks: for each window the sum of the block that begins with it.
#[derive(Debug, Clone)]
pub struct Blocks {
    windows: usize,
    columns: usize,
    block: usize,
    sums: Vec<u64>,
}

impl Blocks {
    /// Windows in order of time, each with its counts as (column, count), a column at most once; columns lie below
    /// `columns`, others are left out. `block` is how many windows a block holds, at least one and at most all. The end is
    /// joined to the beginning.
    pub fn new<W>(windows: &[W], columns: usize, block: usize) -> Self
    where
        W: AsRef<[(usize, u64)]>,
    {
        let n = windows.len();
        let block = block.clamp(1, n.max(1));
        let mut rows = vec![0; n * columns];
        for (row, window) in rows.chunks_exact_mut(columns.max(1)).zip(windows) {
            for (column, count) in window.as_ref() {
                if let Some(cell) = row.get_mut(*column) {
                    *cell = u64::saturating_add(*cell, *count).min(MOST);
                }
            }
        }
        Self {
            windows: n,
            columns,
            block,
            sums: rolling(&rows, n, columns, block),
        }
    }

    /// How many blocks a resample holds: enough for the length of the whole.
    pub fn drawn(&self) -> usize {
        self.windows.div_ceil(self.block)
    }

    /// What a standard deviation over resamples is to be multiplied with. The last block of a resample is not cut, so it
    /// is up to a block longer than the whole; and blocks vary about their own mean, which takes one degree of freedom
    /// (as n / (n − 1) does for a sample's variance).
    pub fn correction(&self) -> f64 {
        let blocks = self.windows as f64 / self.block as f64;
        let longer = (self.drawn() as f64 / blocks).sqrt();
        if blocks > 1.0 {
            longer * (blocks / (blocks - 1.0)).sqrt()
        } else {
            longer
        }
    }

    /// Draws resamples and shows the counts of each, by column.
    pub fn resample(&self, times: u32, draws: &mut Draws, mut see: impl FnMut(&[u64])) {
        if self.windows == 0 || self.columns == 0 {
            return;
        }
        let mut sum = vec![0; self.columns];
        for _ in 0..times {
            sum.fill(0);
            for _ in 0..self.drawn() {
                let begin = draws.below(self.windows as u64) as usize * self.columns;
                let block = self.sums.iter().skip(begin);
                sum.iter_mut().zip(block).for_each(|(s, b)| *s += b);
            }
            see(&sum);
        }
    }
}

/// For each window the sum of `block` windows from it on, around the end.
fn rolling(rows: &[u64], windows: usize, columns: usize, block: usize) -> Vec<u64> {
    let row = |at: usize| {
        let begin = at % windows * columns;
        rows.iter().skip(begin).take(columns)
    };
    let mut sums = Vec::with_capacity(rows.len());
    let mut sum = vec![0; columns];
    for at in 0..block.min(windows) {
        sum.iter_mut().zip(row(at)).for_each(|(s, r)| *s += r);
    }
    for at in 0..windows {
        sums.extend_from_slice(&sum);
        let ends = row(at).zip(row(at + block));
        sum.iter_mut()
            .zip(ends)
            .for_each(|(s, (leaves, enters))| *s = *s + enters - leaves);
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{normal, robust};
    use proptest::prelude::*;

    type Window = Vec<(usize, u64)>;

    fn windows(columns: usize) -> impl Strategy<Value = Vec<Window>> {
        let counts = prop::collection::vec(0u64..50, columns);
        let window = counts.prop_map(|counts| counts.into_iter().enumerate().collect::<Window>());
        prop::collection::vec(window, 1..12)
    }

    proptest! {
        /// The same draws, each block's windows added one by one.
        #[test]
        fn brute_force(windows in windows(4), block in 1usize..15, seed in any::<u64>()) {
            let blocks = Blocks::new(&windows, 4, block);
            let (n, block) = (windows.len(), block.min(windows.len()));
            let mut again = Draws::at(seed, &[]);
            let mut seen = 0;
            let mut wrong = None;
            blocks.resample(20, &mut Draws::at(seed, &[]), |counts| {
                let mut sum = vec![0; 4];
                for _ in 0..n.div_ceil(block) {
                    let begin = again.below(n as u64) as usize;
                    for at in begin..begin + block {
                        for (column, count) in &windows[at % n] {
                            sum[*column] += count;
                        }
                    }
                }
                seen += 1;
                if sum != counts {
                    wrong = Some((sum, counts.to_vec()));
                }
            });
            prop_assert_eq!(wrong, None);
            prop_assert_eq!(seen, 20);
        }
    }

    #[test]
    fn nothing_to_draw_from_shows_nothing() {
        let none: [Window; 0] = [];
        let mut seen = 0;
        Blocks::new(&none, 3, 5).resample(10, &mut Draws::at(1, &[]), |_| seen += 1);
        Blocks::new(&[vec![(0, 1)]], 0, 5).resample(10, &mut Draws::at(1, &[]), |_| seen += 1);
        assert_eq!(seen, 0);
    }

    /// Of an autocorrelated series, the standard error of its mean: blocks tell it, single windows don't.
    #[test]
    fn blocks_know_what_hangs_together() {
        let mut draws = Draws::at(3, &[]);
        let mut level: f64 = 0.0;
        // AR(1) with φ = 0.8: the mean's error is √((1 + φ) / (1 − φ)) = 3 times that of independent values.
        let windows: Vec<Window> = (0..4000)
            .map(|_| {
                level = 0.8 * level + normal::quantile(draws.unit()) * 60.0;
                vec![(0, (1000.0 + level).max(0.0) as u64)]
            })
            .collect();
        let error = |block| {
            let blocks = Blocks::new(&windows, 1, block);
            let mut means = Vec::new();
            let drawn = (blocks.drawn() * blocks.block) as f64;
            blocks.resample(1000, &mut Draws::at(4, &[]), |c| {
                means.push(c[0] as f64 / drawn);
            });
            robust::deviation(&means).unwrap() * blocks.correction()
        };
        let expected = 60.0 / (1.0 - 0.8) / 4000f64.sqrt();
        let (single, blocks) = (error(1), error(40));
        assert!(
            (0.27..0.40).contains(&(single / expected)),
            "{single} {expected}"
        );
        assert!(
            (0.85..1.1).contains(&(blocks / expected)),
            "{blocks} {expected}"
        );
    }

    #[test]
    fn few_blocks_are_corrected_for_their_own_mean() {
        // Six windows in blocks of three are two blocks: variance about their mean is half of what it should be.
        let windows = vec![vec![(0, 1)]; 6];
        assert!((Blocks::new(&windows, 1, 3).correction() - 2f64.sqrt()).abs() < 1e-12);
        // Seven in blocks of three: a resample is nine long.
        let windows = vec![vec![(0, 1)]; 7];
        let expected = (9.0f64 / 7.0).sqrt() * (7.0f64 / 4.0).sqrt();
        assert!((Blocks::new(&windows, 1, 3).correction() - expected).abs() < 1e-12);
    }
}
