//! What the two ways of writing windows, `columns` and `packing`, share: why written ones can't be read, and in tests windows
//! as they come. Knows neither way.

/// Why written windows can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damaged {
    /// They end too soon.
    #[error("they end in the middle of a number")]
    Short,
    /// A number larger than any that is written.
    #[error("a number in them is too large")]
    Large,
}

/// Windows in order of time, each with so many cells at least.
#[cfg(test)]
pub(super) fn windows(
    fewest: usize,
) -> impl proptest::strategy::Strategy<Value = Vec<super::Window>> {
    use proptest::prelude::*;
    let cells = prop::collection::btree_map(0u16..800, 1u64..1_000_000, fewest..30);
    let window = (1u32..9, 0u64..1 << 39, 0u64..100, cells);
    prop::collection::vec(window, 0..20).prop_map(|all| {
        let mut second = 0;
        let window = |(gap, ended, failed, cells): (u32, u64, u64, _)| {
            second += gap;
            super::Window {
                second: second - 1,
                ended,
                failed,
                cells: std::collections::BTreeMap::into_iter(cells).collect(),
            }
        };
        all.into_iter().map(window).collect()
    })
}
