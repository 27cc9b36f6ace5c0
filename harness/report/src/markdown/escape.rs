//! Words that Markdown and HTML read as words: whatever a target or a suite says has no meaning there. Knows no record.

use crate::text::{clip, one_line, visible};
use std::fmt::Write as _;

/// Words in a line or a table's cell: every character with a meaning in Markdown or HTML as its entity.
pub(crate) fn prose(words: &str) -> String {
    prose_within(&one_line(words, 600))
}

/// [`prose`] of a part of a line, with the blanks at its ends.
fn prose_within(part: &str) -> String {
    let mut out = String::new();
    for c in part.chars() {
        match c {
            '|' | '<' | '>' | '&' | '`' | '*' | '_' | '[' | ']' | '#' | '~' | '@' | '\\' | '!'
            | '$' | '"' => {
                let _ = write!(out, "&#{};", c as u32);
            }
            c => out.push(c),
        }
    }
    // A bare address would become a link.
    out.replace("://", "&#58;//").replace("www.", "www&#46;")
}

/// Words of ours, in which what stands between back ticks is code.
pub(super) fn said(words: &str) -> String {
    let words = one_line(words, 600);
    let parts: Vec<&str> = words.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return prose(&words);
    }
    let part = |(i, part): (usize, &&str)| match i % 2 {
        0 => prose_within(part),
        _ => code(part),
    };
    parts.iter().enumerate().map(part).collect()
}

/// A code span that its text cannot close, fit for a table's cell.
pub(crate) fn code(words: &str) -> String {
    let words = one_line(words, 400);
    if words.is_empty() {
        return String::new();
    }
    let ticks = "`".repeat(longest_run(&words) + 1);
    // A table takes a bar apart even inside a code span, unless it is escaped.
    if words.starts_with('`') || words.ends_with('`') {
        format!("{ticks} {} {ticks}", words.replace('|', "\\|"))
    } else {
        format!("{ticks}{}{ticks}", words.replace('|', "\\|"))
    }
}

/// A fenced block that its text cannot close.
pub(super) fn fence(words: &str) -> String {
    let ticks = "`".repeat(longest_run(words).max(2) + 1);
    format!("\n{ticks}sh\n{}\n{ticks}\n", clip(&visible(words), 4000))
}

fn longest_run(words: &str) -> usize {
    words.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_keep_no_meaning() {
        assert_eq!(
            prose("a|b <i> @you www.x http://y"),
            "a&#124;b &#60;i&#62; &#64;you www&#46;x http&#58;//y"
        );
        assert_eq!(code("a`b``c|d\ne"), "```a`b``c\\|d e```");
    }

    proptest! {
        #[test]
        fn a_cell_stays_a_cell_and_a_fence_shut(words in any::<String>()) {
            prop_assert!(!prose(&words).contains(['|', '\n', '<', '`', '@']));
            prop_assert!(!said(&words).replace("\\|", "").contains(['|', '\n']));
            let span = code(&words);
            prop_assert!(!span.contains('\n') && !span.replace("\\|", "").contains('|'), "{span}");
            let fenced = fence(&words);
            let ticks = fenced.trim_start().split("sh\n").next().unwrap_or("").to_owned();
            prop_assert_eq!(fenced.lines().filter(|line| line.trim() == ticks).count(), 1, "{}", fenced);
        }
    }
}
