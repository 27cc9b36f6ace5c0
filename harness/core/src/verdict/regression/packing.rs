//! The windows of a name as few bits: every number in Elias' gamma code (P. Elias, IEEE Trans. Inf. Theory 21, 1975), which
//! takes 1 bit for a 1, 3 for 2 and 3, 5 up to 7. Cells go by their distance from the one before and most counts are small,
//! so a cell takes six to eight bits where the record's bytes take sixteen. Reads what anybody may have written: a damaged
//! text is an error, never a large allocation.

use super::damaged::Damaged;
use super::sample::Window;

/// Windows in order of time; packed and unpacked they are the same.
pub(super) fn pack(windows: &[Window]) -> Vec<u8> {
    let mut bits = Writer::default();
    bits.number(windows.len() as u64 + 1);
    let mut second = 0;
    for window in windows {
        bits.number(u64::from(window.second.saturating_sub(second)) + 1);
        bits.number(window.ended + 1);
        bits.number(window.failed + 1);
        bits.number(window.cells.len() as u64 + 1);
        let mut before = 0;
        for (cell, count) in &window.cells {
            bits.number(u64::from(cell.saturating_sub(before)) + 1);
            bits.number(*count);
            before = cell + 1;
        }
        second = window.second;
    }
    bits.bytes
}

/// What [`pack`] wrote.
pub(super) fn unpack(bytes: &[u8]) -> Result<Vec<Window>, Damaged> {
    let mut bits = Reader { bytes, at: 0 };
    let many = bits.number()? - 1;
    let (mut windows, mut second) = (Vec::new(), 0u32);
    for _ in 0..many {
        second = add(second, bits.number()? - 1)?;
        let (ended, failed) = (bits.number()? - 1, bits.number()? - 1);
        let (cells, mut next) = (bits.number()? - 1, 0u16);
        let mut window = Window {
            second,
            ended,
            failed,
            cells: Vec::new(),
        };
        for _ in 0..cells {
            let cell = add(next, bits.number()? - 1)?;
            window.cells.push((cell, bits.number()?));
            next = add(cell, 1)?;
        }
        windows.push(window);
    }
    Ok(windows)
}

fn add<N: Copy + TryFrom<u64>>(to: N, more: u64) -> Result<N, Damaged>
where
    u64: From<N>,
{
    let sum = u64::from(to).checked_add(more).ok_or(Damaged::Large)?;
    N::try_from(sum).map_err(|_| Damaged::Large)
}

/// The longest number, bits: sums of a run's counts can't overflow.
const LONGEST: u32 = 40;

#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    filled: u32,
}

impl Writer {
    fn bit(&mut self, set: bool) {
        if self.filled.is_multiple_of(8) {
            self.bytes.push(0);
        }
        if let Some(last) = self.bytes.last_mut() {
            *last |= u8::from(set) << (7 - self.filled % 8);
        }
        self.filled += 1;
    }

    /// A number from 1: as many zeros as its binary digits but one, then the digits.
    fn number(&mut self, number: u64) {
        let number = number.clamp(1, (1 << LONGEST) - 1);
        let digits = 64 - number.leading_zeros();
        (1..digits).for_each(|_| self.bit(false));
        (0..digits)
            .rev()
            .for_each(|d| self.bit(number >> d & 1 == 1));
    }
}

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl Reader<'_> {
    fn bit(&mut self) -> Result<bool, Damaged> {
        let byte = self.bytes.get(self.at / 8).ok_or(Damaged::Short)?;
        let set = byte >> (7 - self.at % 8) & 1 == 1;
        self.at += 1;
        Ok(set)
    }

    fn number(&mut self) -> Result<u64, Damaged> {
        let mut zeros = 0;
        while !self.bit()? {
            zeros += 1;
            if zeros >= LONGEST {
                return Err(Damaged::Large);
            }
        }
        (0..zeros).try_fold(1, |number, _| Ok(number << 1 | u64::from(self.bit()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::damaged::windows;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nothing_is_lost(windows in windows(0)) {
            prop_assert_eq!(unpack(&pack(&windows)), Ok(windows));
        }

        #[test]
        fn what_is_cut_short_is_refused(windows in windows(0), keep in 0.0f64..1.0) {
            let bytes = pack(&windows);
            let cut = &bytes[..((bytes.len() - 1) as f64 * keep) as usize];
            prop_assert!(unpack(cut).is_err());
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(windows) = unpack(&bytes) {
                prop_assert!(windows.len() <= bytes.len() * 8);
            }
        }
    }

    #[test]
    fn a_number_without_end_is_refused() {
        assert_eq!(unpack(&[0; 20]), Err(Damaged::Large));
    }
}
