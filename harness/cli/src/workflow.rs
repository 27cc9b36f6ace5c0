//! What the runner of GitHub Actions would obey in what harness prints: it reads both streams of a step, takes a line that
//! begins with `::` for a command, blanks before it or not, and `##[` for one wherever it stands. What a target says must not
//! become one. Elsewhere nothing is changed.

use std::io::{self, Write};
use std::sync::OnceLock;

/// What is put before a line that would be a command.
const MARK: &str = "· ";

/// Whether this is a step of GitHub Actions.
pub(crate) fn is_step() -> bool {
    static STEP: OnceLock<bool> = OnceLock::new();
    *STEP.get_or_init(|| std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true"))
}

/// A writer of whole lines, none of which the runner obeys. What is JSON by its first character stays JSON that says the same.
pub(crate) struct Harmless<W: Write> {
    out: W,
    /// A line that has no end yet.
    held: Vec<u8>,
    json: Option<bool>,
    step: bool,
}

impl<W: Write> Harmless<W> {
    pub(crate) fn new(out: W) -> Self {
        Self::within(out, is_step())
    }

    fn within(out: W, step: bool) -> Self {
        Self {
            out,
            held: Vec::new(),
            json: None,
            step,
        }
    }

    fn pass(&mut self, lines: usize) -> io::Result<()> {
        let lines: Vec<u8> = self.held.drain(..lines).collect();
        let text = String::from_utf8_lossy(&lines);
        if self.json.is_none() {
            self.json = text.trim_start().chars().next().map(|c| "{[".contains(c));
        }
        let text = harmless(&text, self.json == Some(true));
        self.out.write_all(text.as_bytes())
    }

    /// Writes a line that has no end, too.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        self.pass(self.held.len())?;
        self.out.flush()
    }
}

impl<W: Write> Write for Harmless<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.step {
            return self.out.write(bytes);
        }
        let before = self.held.len();
        self.held.extend_from_slice(bytes);
        if let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') {
            self.pass(before + end + 1)?;
        }
        Ok(bytes.len())
    }

    /// What has no line end yet stays.
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// harness's own commands: what they tell of must not be another.
pub(crate) fn own(commands: &str) -> String {
    broken(commands, false)
}

/// A text of whole lines of which none is a command.
fn harmless(text: &str, json: bool) -> String {
    let lines = text.split_inclusive(['\n', '\r']).map(|line| {
        let line = broken(line, json);
        let mut shown = line.char_indices().filter(|(_, c)| !is_passed_over(*c));
        let first = shown.find(|(_, c)| !c.is_whitespace());
        match (first, shown.next()) {
            (Some((at, ':')), Some((_, ':'))) => [&line[..at], MARK, &line[at..]].concat(),
            _ => line,
        }
    });
    lines.collect()
}

/// The same without `##[`: a blank stands in it, or in JSON, where it can only be in a string, its last character is escaped.
fn broken(text: &str, json: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut hashes = 0;
    for c in text.chars() {
        match c {
            '[' if hashes > 1 && json => out.push_str("\\u005b"),
            '[' if hashes > 1 => out.push_str(" ["),
            c => out.push(c),
        }
        hashes = match c {
            '#' => hashes + 1,
            c if is_passed_over(c) => hashes,
            _ => 0,
        };
    }
    out
}

/// What a search by the rules of a language passes over, as the runner's may: characters that show nothing.
fn is_passed_over(c: char) -> bool {
    let blank = matches!(c, '\n' | '\r' | '\t' | '\u{b}' | '\u{c}' | '\u{85}');
    let unseen = matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e0fff}'
    );
    unseen || (c.is_control() && !blank)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    /// What comes out of it in pieces of this size.
    fn written(text: &str, step: bool, piece: usize) -> String {
        let mut out = Vec::new();
        let mut harmless = Harmless::within(&mut out, step);
        for piece in text.as_bytes().chunks(piece) {
            harmless.write_all(piece).unwrap();
        }
        harmless.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    /// As the runner looks for it.
    fn is_command(line: &str) -> bool {
        let bare: String = line.chars().filter(|c| !is_passed_over(*c)).collect();
        bare.trim_start().starts_with("::") || bare.contains("##[")
    }

    #[test]
    fn commands_are_marked_or_broken_and_all_else_stays() {
        for (text, shown) in [
            ("::error::x\n", "· ::error::x\n"),
            ("a\n \t\u{a0}::error::x", "a\n \t\u{a0}· ::error::x"),
            ("a\r::error::x\n", "a\r· ::error::x\n"),
            (":\u{200b}:error::x\n", "· :\u{200b}:error::x\n"),
            ("  │ ###[error]x\n", "  │ ### [error]x\n"),
            ("#\u{feff}#[x\n", "#\u{feff}# [x\n"),
            ("a::b # [c] #[d] : :\n:e\n", "a::b # [c] #[d] : :\n:e\n"),
        ] {
            for piece in [1, 2, 1000] {
                assert_eq!(written(text, true, piece), shown);
                assert_eq!(written(text, false, piece), text);
            }
        }
    }

    #[test]
    fn own_commands_stay_commands_and_tell_of_no_other() {
        assert_eq!(own("::error::a ##[error]b\n"), "::error::a ## [error]b\n");
    }

    proptest! {
        #[test]
        fn nothing_is_obeyed_and_only_marks_and_blanks_are_added(text in "([ \t\r\n:#\\[a\u{200b}\u{e9}\u{1}]|::|##\\[){0,40}", piece in 1_usize..9) {
            let shown = written(&text, true, piece);
            for line in shown.split(['\n', '\r']) {
                prop_assert!(!is_command(line), "{:?}", line);
            }
            // What begins with a bracket is taken for JSON.
            let bare = |text: &str| text.replace("\\u005b", "[").replace(['·', ' '], "");
            prop_assert_eq!(bare(&shown), bare(&text));
        }

        #[test]
        fn json_stays_json_and_says_the_same(words in prop::collection::vec("(::|##\\[|[\n #\"\\\\]|\u{200b}){0,12}", 0..4), pretty: bool) {
            let value = serde_json::json!({ "words": words, "##[x": "##[" });
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            let shown = written(&text, true, 7);
            prop_assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), value);
            for line in shown.lines() {
                prop_assert!(!is_command(line), "{:?}", line);
            }
        }
    }
}
