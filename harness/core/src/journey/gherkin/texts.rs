//! Where things stand in a feature's text: lines, steps, text blocks. Bytes in, byte ranges out; knows no step.

use std::ops::Range;

/// Blanks that Gherkin skips at a line's begin.
const BLANKS: [char; 2] = [' ', '\t'];

/// Each line's trimmed content with its bytes, in order.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (Range<usize>, &str)> {
    let mut offset = 0;
    text.split_inclusive('\n').map(move |line| {
        let start = offset;
        offset += line.len();
        let content = line.trim_start_matches(BLANKS);
        let start = start + line.len() - content.len();
        let content = content.trim_end();
        (start..start + content.len(), content)
    })
}

/// The bytes of a line, counted from 1, without the blanks around it; the last line's for a number too large.
pub(super) fn line(text: &str, number: usize) -> Range<usize> {
    let mut spans = lines(text).map(|(span, _)| span);
    let last = text.trim_end().len();
    spans.nth(number.saturating_sub(1)).unwrap_or(last..last)
}

/// The first line from `from` on that is neither blank nor a comment.
pub(super) fn declared(text: &str, from: usize) -> Range<usize> {
    let rest = text.get(from..).unwrap_or_default();
    let found = lines(rest).find(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    found.map_or(from..from, |(span, _)| from + span.start..from + span.end)
}

/// The line a step ends in, given the bytes the parser gave it (comments may stand before).
pub(super) fn step(text: &str, span: Range<usize>) -> Range<usize> {
    let typed = text.get(span.clone()).unwrap_or_default();
    let last = lines(typed).filter(|(_, line)| !line.is_empty()).last();
    last.map_or(span.clone(), |(inner, _)| {
        span.start + inner.start..span.start + inner.end
    })
}

/// The bytes between the fences of the text block that follows a step.
pub(super) fn block(text: &str, after: usize) -> Range<usize> {
    let rest = text.get(after..).unwrap_or_default();
    let fences = ["\"\"\"", "```"];
    let opening = fences
        .into_iter()
        .filter_map(|fence| Some((rest.find(fence)?, fence)))
        .min();
    let Some((at, fence)) = opening else {
        return after..after;
    };
    let start = at + fence.len();
    let inner = rest.get(start..).unwrap_or_default();
    let end = start + inner.find(fence).unwrap_or(inner.len());
    after + start..after + end
}

/// A text block's kind (what stands beside the opening fence) and its text, without the indentation all lines share
/// and without the last line break.
pub(super) fn content(block: &str) -> (&str, String) {
    let Some((kind, rest)) = block.split_once('\n') else {
        return (block.trim(), String::new());
    };
    let body = rest.trim_end_matches(BLANKS);
    let body = body.strip_suffix('\n').unwrap_or(body);
    let body = body.strip_suffix('\r').unwrap_or(body);
    let indent = body
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start_matches(BLANKS).len())
        .min()
        .unwrap_or(0);
    let lines: Vec<&str> = body
        .lines()
        .map(|line| line.get(indent..).unwrap_or(""))
        .collect();
    (kind.trim(), lines.join("\n"))
}

/// The number of cells of a table's row, if the row is closed.
pub(super) fn cells(row: &str) -> Option<usize> {
    let (mut bars, mut escaped, mut closed) = (0usize, false, false);
    for c in row.chars() {
        closed = c == '|' && !escaped;
        bars += usize::from(closed);
        escaped = c == '\\' && !escaped;
    }
    (closed && bars > 1).then(|| bars - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_trimmed_and_keep_their_bytes() {
        let text = "a\r\n  ß b \n\nc";
        let found: Vec<_> = lines(text).collect();
        assert_eq!(
            found,
            [(0..1, "a"), (5..9, "ß b"), (11..11, ""), (12..13, "c")]
        );
        assert_eq!(line(text, 2), 5..9);
        assert_eq!(line(text, 99), 13..13);
    }

    #[test]
    fn a_text_block_loses_its_indentation_and_keeps_its_kind() {
        assert_eq!(
            content("json\n    {\n      1\n    }\n    "),
            ("json", "{\n  1\n}".to_owned())
        );
        assert_eq!(
            content("\r\n  a\r\n\r\n  b\r\n  "),
            ("", "a\n\nb".to_owned())
        );
        assert_eq!(
            content("all on one line"),
            ("all on one line", String::new())
        );
    }

    #[test]
    fn a_block_is_what_stands_between_equal_fences() {
        let text = "x\n  ```\n  \"\"\"\n  ```\n";
        assert_eq!(text.get(block(text, 1)), Some("\n  \"\"\"\n  "));
        assert_eq!(block("x\n\"\"\"never closed", 1), 5..17);
    }

    #[test]
    fn cells_count_bars_that_are_not_escaped() {
        assert_eq!(cells("| a | b |"), Some(2));
        assert_eq!(cells(r"| a \| b |"), Some(1));
        assert_eq!(cells("| a | b"), None);
        assert_eq!(cells("|"), None);
        assert_eq!(cells(r"| a \|"), None);
    }
}
