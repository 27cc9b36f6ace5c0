//! Words broken to the width of the screen. Knows prefixes and colours, and nothing of what is said.

use super::Style;
use crate::text::one_line;
use std::io::{self, Write};

/// Words after a prefix, broken between words at the width, further lines indented to the prefix.
pub(super) fn wrapped(
    out: &mut dyn Write,
    style: Style,
    prefix: &str,
    words: &str,
) -> io::Result<()> {
    let indent = visible_width(prefix);
    let room = style.width.saturating_sub(indent).max(20);
    let mut line = String::new();
    let mut first = true;
    let mut flush = |line: &mut String, out: &mut dyn Write| -> io::Result<()> {
        let start = if first {
            prefix.to_owned()
        } else {
            " ".repeat(indent)
        };
        first = false;
        writeln!(out, "{start}{}", std::mem::take(line))
    };
    for word in one_line(words, 1000).split(' ') {
        let mut word = word.to_owned();
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > room {
            flush(&mut line, out)?;
        }
        while word.chars().count() > room {
            let head: String = word.chars().take(room).collect();
            word = word.chars().skip(room).collect();
            line.push_str(&head);
            flush(&mut line, out)?;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    if line.is_empty() {
        Ok(())
    } else {
        flush(&mut line, out)
    }
}

/// Characters of a prefix of ours, its colours aside.
pub(super) fn visible_width(prefix: &str) -> usize {
    let mut width = 0;
    let mut in_code = false;
    for c in prefix.chars() {
        match c {
            '\x1b' => in_code = true,
            'm' if in_code => in_code = false,
            _ if !in_code => width += 1,
            _ => {}
        }
    }
    width
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_screen(words in "[a-zäß ]{0,300}", width in 40usize..120) {
            let mut out = Vec::new();
            wrapped(&mut out, Style { color: true, width }, "  \x1b[1mx\x1b[0m ", &words).unwrap();
            for line in String::from_utf8(out).unwrap().lines() {
                prop_assert!(visible_width(line) <= width, "{line}");
            }
        }
    }
}
