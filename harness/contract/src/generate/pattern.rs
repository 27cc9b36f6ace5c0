//! Texts that match a regular expression: walks the parsed pattern and writes what it asks for. Look-around and back
//! references are beyond it and told.

use super::Trouble;
use harness_core::random::Draws;
use regex_syntax::hir::{Class, Hir, HirKind};

/// Longest text written, in characters.
const LONGEST: usize = 4_096;

/// A text that matches, between `least` and `most` characters where the pattern's repetitions allow it.
pub(super) fn matching(
    pattern: &str,
    least: u64,
    most: u64,
    attempt: usize,
    draws: &mut Draws,
) -> Result<String, Trouble> {
    let hir = regex_syntax::parse(pattern).map_err(|_| {
        Trouble(format!(
            "the pattern {pattern} is not one texts are made for"
        ))
    })?;
    let mut best = String::new();
    // More of each repetition until it is long enough.
    for extra in [attempt as u32 % 3, 4, 16, 64, 256, 1024] {
        let mut out = String::new();
        write(&hir, extra, &mut out, draws)?;
        let length = out.chars().count() as u64;
        if length > most && !best.is_empty() {
            break;
        }
        best = out;
        if length >= least {
            break;
        }
    }
    let length = best.chars().count() as u64;
    // Open ends may be cut to measure; the validator tells if that was wrong.
    if length > most && length > least {
        best = best.chars().take(most as usize).collect();
    }
    Ok(best)
}

fn write(hir: &Hir, extra: u32, out: &mut String, draws: &mut Draws) -> Result<(), Trouble> {
    if out.len() > LONGEST {
        return Err(Trouble(
            "the pattern asks for a text longer than is made".to_owned(),
        ));
    }
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => out.push_str(&String::from_utf8_lossy(&literal.0)),
        HirKind::Class(class) => out.push(one_of(class, draws)?),
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(u32::MAX);
            let wished = repetition
                .min
                .max(u32::from(most > 0))
                .saturating_add(extra)
                .min(most);
            let times = if extra == 0 {
                repetition
                    .min
                    .max(u32::from(most > 0 && repetition.max.is_none()))
            } else {
                wished
            };
            for _ in 0..times {
                write(&repetition.sub, extra, out, draws)?;
            }
        }
        HirKind::Capture(capture) => write(&capture.sub, extra, out, draws)?,
        HirKind::Concat(parts) => parts
            .iter()
            .try_for_each(|part| write(part, extra, out, draws))?,
        HirKind::Alternation(branches) => {
            let index = draws.below(branches.len() as u64) as usize;
            if let Some(branch) = branches.get(index) {
                write(branch, extra, out, draws)?;
            }
        }
    }
    Ok(())
}

/// A character of a class, letters and digits by preference: a text goes into URLs and headers too.
fn one_of(class: &Class, draws: &mut Draws) -> Result<char, Trouble> {
    let ranges: Vec<(u32, u32)> = match class {
        Class::Unicode(class) => class
            .ranges()
            .iter()
            .map(|r| (u32::from(r.start()), u32::from(r.end())))
            .collect(),
        Class::Bytes(class) => class
            .ranges()
            .iter()
            .map(|r| (u32::from(r.start()), u32::from(r.end())))
            .collect(),
    };
    let inside = |c: &char| {
        ranges
            .iter()
            .any(|(from, to)| (*from..=*to).contains(&u32::from(*c)))
    };
    let wanted: [fn(&char) -> bool; 2] = [char::is_ascii_alphanumeric, |c| !c.is_control()];
    for fits in wanted {
        let all: Vec<char> = (0_u8..128)
            .map(char::from)
            .filter(fits)
            .filter(inside)
            .collect();
        if let Some(c) = all.get(draws.below(all.len() as u64) as usize) {
            return Ok(*c);
        }
    }
    let first = ranges.first().and_then(|(from, _)| char::from_u32(*from));
    first.ok_or_else(|| Trouble("the pattern allows no character somewhere".to_owned()))
}
