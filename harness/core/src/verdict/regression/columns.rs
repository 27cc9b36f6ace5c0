//! The windows of a name as bytes that compress well: what is alike stands together. Window after window a cell's counts
//! differ by chance alone, so all of a cell's counts follow each other, a byte each where they are small (LEB128). A
//! general compressor makes half as much of them as of the same counts in order of time. Reads what anybody may have
//! written: a damaged text is an error, never a large allocation.

use super::damaged::Damaged;
use super::grid::cell_of;
use super::sample::{MAX_WINDOWS, Window};
use crate::hist::MAX_US;

/// Appends windows in order of time; each of them has at least one cell.
pub(super) fn write(windows: &[Window], out: &mut Vec<u8>) {
    let cells = || windows.iter().flat_map(|w| &w.cells).map(|(cell, _)| *cell);
    let (low, high) = (cells().min().unwrap_or(0), cells().max().unwrap_or(0));
    number(windows.len() as u64, out);
    number(u64::from(low), out);
    number(u64::from(high), out);
    let mut before = 0;
    for window in windows {
        number(u64::from(window.second.saturating_sub(before)), out);
        before = window.second;
    }
    windows.iter().for_each(|w| number(w.ended, out));
    windows.iter().for_each(|w| number(w.failed, out));
    for cell in low..=high {
        for window in windows {
            let at = window.cells.binary_search_by_key(&cell, |(cell, _)| *cell);
            let count = at.ok().and_then(|at| window.cells.get(at));
            number(count.map_or(0, |(_, count)| *count), out);
        }
    }
}

/// What [`write`] wrote, taken from the front of some bytes.
pub(super) fn read(bytes: &mut &[u8]) -> Result<Vec<Window>, Damaged> {
    let many = take(bytes)?;
    let (low, high) = (take(bytes)?, take(bytes)?);
    let most = u64::from(cell_of(MAX_US));
    // As many windows as a sample may have; beyond that somebody else wrote it.
    if many > 2 * u64::from(MAX_WINDOWS) || low > high || high > most {
        return Err(Damaged::Large);
    }
    let mut windows = vec![Window::default(); many as usize];
    let mut second = 0u32;
    for window in &mut windows {
        let gap = u32::try_from(take(bytes)?).map_err(|_| Damaged::Large)?;
        second = second.checked_add(gap).ok_or(Damaged::Large)?;
        window.second = second;
    }
    for window in &mut windows {
        window.ended = take(bytes)?;
    }
    for window in &mut windows {
        window.failed = take(bytes)?;
    }
    for cell in low as u16..=high as u16 {
        for window in &mut windows {
            let count = take(bytes)?;
            if count > 0 {
                window.cells.push((cell, count));
            }
        }
    }
    Ok(windows)
}

/// The most that a count may be: sums over a run can't overflow.
const MOST: u64 = 1 << 40;

fn number(mut number: u64, out: &mut Vec<u8>) {
    number = number.min(MOST);
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn take(bytes: &mut &[u8]) -> Result<u64, Damaged> {
    let mut number = 0u64;
    for shift in (0..).step_by(7) {
        let (byte, rest) = bytes.split_first().ok_or(Damaged::Short)?;
        *bytes = rest;
        if shift > 35 {
            return Err(Damaged::Large);
        }
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    match number {
        0..=MOST => Ok(number),
        _ => Err(Damaged::Large),
    }
}

#[cfg(test)]
mod tests {
    use super::super::damaged::windows;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nothing_is_lost(windows in windows(1)) {
            let mut bytes = Vec::new();
            write(&windows, &mut bytes);
            let mut left = bytes.as_slice();
            prop_assert_eq!(read(&mut left), Ok(windows));
            prop_assert!(left.is_empty());
        }

        #[test]
        fn what_is_cut_short_is_refused(windows in windows(1), keep in 0.0f64..1.0) {
            let mut bytes = Vec::new();
            write(&windows, &mut bytes);
            let cut = &bytes[..((bytes.len() - 1) as f64 * keep) as usize];
            prop_assert_eq!(read(&mut &*cut), Err(Damaged::Short));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(windows) = read(&mut bytes.as_slice()) {
                prop_assert!(windows.len() <= bytes.len());
            }
        }
    }

    #[test]
    fn a_number_without_end_is_refused() {
        assert_eq!(read(&mut [0xff; 20].as_slice()), Err(Damaged::Large));
    }
}
