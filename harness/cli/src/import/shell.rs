//! Command lines split into words as bash does: quotes, backslashes, `$'…'`, comments, and what ends a command. Knows no
//! command. Variables stay to be filled in; what would run a program is refused.

use super::ImportError;

/// A word and where it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Its text as a template: variables are `${env.NAME}`, all else stands for itself.
    pub(super) text: String,
    /// Bytes into the input.
    pub(super) at: usize,
}

/// Line and column of a place, from 1.
pub(super) fn place(input: &str, at: usize) -> String {
    let before = &input[..at.min(input.len())];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
    format!("line {line}, column {column}")
}

/// The commands of an input.
pub(super) fn commands(input: &str) -> Result<Vec<Vec<Word>>, ImportError> {
    Splitter {
        input,
        chars: input.char_indices().collect(),
        at: 0,
    }
    .commands()
}

struct Splitter<'i> {
    input: &'i str,
    chars: Vec<(usize, char)>,
    at: usize,
}

impl Splitter<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).map(|(_, c)| *c)
    }

    fn byte(&self) -> usize {
        self.chars
            .get(self.at)
            .map_or(self.input.len(), |(at, _)| *at)
    }

    fn fail(&self, at: usize, message: &str, hint: &str) -> ImportError {
        ImportError {
            place: place(self.input, at),
            message: message.to_owned(),
            hint: hint.to_owned(),
        }
    }

    fn commands(mut self) -> Result<Vec<Vec<Word>>, ImportError> {
        let mut commands = vec![Vec::new()];
        while let Some(c) = self.peek(0) {
            match c {
                '\n' | ';' | '&' | '|' => {
                    self.at += 1;
                    commands.push(Vec::new());
                }
                '#' => {
                    while self.peek(0).is_some_and(|c| c != '\n') {
                        self.at += 1;
                    }
                }
                '\\' if self.peek(1) == Some('\n') => self.at += 2,
                '\\' if self.peek(1) == Some('\r') && self.peek(2) == Some('\n') => self.at += 3,
                c if c.is_whitespace() => self.at += 1,
                _ => {
                    let word = self.word()?;
                    if let Some(command) = commands.last_mut() {
                        command.push(word);
                    }
                }
            }
        }
        commands.retain(|command| !command.is_empty());
        Ok(commands)
    }

    fn word(&mut self) -> Result<Word, ImportError> {
        let (at, mut text) = (self.byte(), String::new());
        while let Some(c) = self.peek(0) {
            match c {
                c if c.is_whitespace() || ";&|".contains(c) => break,
                '\'' => self.single(&mut text)?,
                '"' => self.double(&mut text)?,
                '$' if self.peek(1) == Some('\'') => self.ansi(&mut text)?,
                '$' => self.variable(&mut text)?,
                '`' => return Err(self.runs(self.byte())),
                '\\' => {
                    self.at += 1;
                    match self.peek(0) {
                        Some('\n') => {}
                        Some(c) => push(&mut text, c),
                        None => return Err(self.fail(at, "a backslash ends the input", "")),
                    }
                    self.at += 1;
                }
                c => {
                    push(&mut text, c);
                    self.at += 1;
                }
            }
        }
        Ok(Word { text, at })
    }

    fn runs(&self, at: usize) -> ImportError {
        let hint = "write its answer instead, or a variable: `$TOKEN` is read from the environment";
        self.fail(at, "what a program would answer can't be imported", hint)
    }

    fn open(&self, at: usize) -> ImportError {
        let hint = "every quote needs its partner; in bash `'\\''` stands for one inside '…'";
        self.fail(at, "a quote is opened and not closed", hint)
    }

    fn single(&mut self, text: &mut String) -> Result<(), ImportError> {
        let begin = self.byte();
        self.at += 1;
        loop {
            let c = self.peek(0).ok_or_else(|| self.open(begin))?;
            self.at += 1;
            match c {
                '\'' => return Ok(()),
                c => push(text, c),
            }
        }
    }

    fn double(&mut self, text: &mut String) -> Result<(), ImportError> {
        let begin = self.byte();
        self.at += 1;
        loop {
            match self.peek(0).ok_or_else(|| self.open(begin))? {
                '"' => {
                    self.at += 1;
                    return Ok(());
                }
                '$' => self.variable(text)?,
                '`' => return Err(self.runs(self.byte())),
                '\\' => {
                    match self.peek(1).ok_or_else(|| self.open(begin))? {
                        '\n' => {}
                        c if "\"\\$`".contains(c) => push(text, c),
                        c => {
                            push(text, '\\');
                            push(text, c);
                        }
                    }
                    self.at += 2;
                }
                c => {
                    push(text, c);
                    self.at += 1;
                }
            }
        }
    }

    /// `$NAME` and `${NAME}`; a `$` before anything else is one.
    fn variable(&mut self, text: &mut String) -> Result<(), ImportError> {
        let at = self.byte();
        self.at += 1;
        if self.peek(0) == Some('(') {
            return Err(self.runs(at));
        }
        let braced = self.peek(0) == Some('{');
        let mut ahead = usize::from(braced);
        let mut name = String::new();
        let part = |c: char, first: bool| {
            c == '_' || c.is_ascii_alphabetic() || !first && c.is_ascii_digit()
        };
        while let Some(c) = self.peek(ahead).filter(|c| part(*c, name.is_empty())) {
            name.push(c);
            ahead += 1;
        }
        if name.is_empty() && !braced {
            push(text, '$');
            return Ok(());
        }
        if name.is_empty() || braced && self.peek(ahead) != Some('}') {
            return Err(self.fail(
                at,
                "only `$NAME` and `${NAME}` are filled in",
                "write the value",
            ));
        }
        self.at += ahead + usize::from(braced);
        text.push_str(&format!("${{env.{name}}}"));
        Ok(())
    }

    /// `$'…'` with the escapes of ANSI C.
    fn ansi(&mut self, text: &mut String) -> Result<(), ImportError> {
        let begin = self.byte();
        self.at += 2;
        loop {
            let c = self.peek(0).ok_or_else(|| self.open(begin))?;
            self.at += 1;
            if c == '\'' {
                return Ok(());
            }
            if c != '\\' {
                push(text, c);
                continue;
            }
            let escape = self.peek(0).ok_or_else(|| self.open(begin))?;
            self.at += 1;
            let digits = match escape {
                'x' => 2,
                'u' => 4,
                'U' => 8,
                _ => 0,
            };
            let plain = match escape {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                'a' => '\x07',
                'b' => '\x08',
                'e' | 'E' => '\x1b',
                'f' => '\x0c',
                'v' => '\x0b',
                'x' | 'u' | 'U' => self.coded(digits, begin)?,
                c => c,
            };
            push(text, plain);
        }
    }

    fn coded(&mut self, digits: usize, begin: usize) -> Result<char, ImportError> {
        let hex: String = (0..digits)
            .map_while(|ahead| self.peek(ahead).filter(char::is_ascii_hexdigit))
            .collect();
        self.at += hex.len();
        let code = u32::from_str_radix(&hex, 16).ok();
        code.and_then(char::from_u32)
            .ok_or_else(|| self.fail(begin, "an escape in `$'…'` is no character", ""))
    }
}

/// Adds a character that stands for itself: `{{` and `${` are doubled once the word is whole.
fn push(text: &mut String, c: char) {
    // What would begin a hole together with the character before it.
    if c == '{' && text.ends_with('$') && !text.ends_with("$$") {
        text.push('$');
    }
    if c == '{' && text.ends_with('{') && !text.ends_with("{{") {
        text.push_str("{{{");
        return;
    }
    text.push(c);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(input: &str) -> Vec<Vec<String>> {
        let commands = commands(input).unwrap_or_else(|error| panic!("{input}: {error}"));
        let texts = |words: Vec<Word>| words.into_iter().map(|word| word.text).collect();
        commands.into_iter().map(texts).collect()
    }

    #[test]
    fn words_are_those_of_bash() {
        let lines: [(&str, &[&[&str]]); 11] = [
            ("curl 'a b'\"c\"d", &[&["curl", "a bcd"]]),
            ("a \\\n  b", &[&["a", "b"]]),
            (
                "a\nb; c && d | e",
                &[&["a"], &["b"], &["c"], &["d"], &["e"]],
            ),
            ("a # not this\nb", &[&["a"], &["b"]]),
            (r#"a "x\"y\\z\n""#, &[&["a", "x\"y\\z\\n"]]),
            (r"a 'it'\''s'", &[&["a", "it's"]]),
            (r"a $'line\n\u00e9\x21\''", &[&["a", "line\né!'"]]),
            (
                "a \"$TOKEN-${B}\" $",
                &[&["a", "${env.TOKEN}-${env.B}", "$"]],
            ),
            ("a '$TOKEN'", &[&["a", "$TOKEN"]]),
            ("a '${x} {{ y }}'", &[&["a", "$${x} {{{{ y }}"]]),
            ("a ''", &[&["a", ""]]),
        ];
        for (input, wanted) in lines {
            assert_eq!(words(input), wanted, "{input}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (input, wanted) in [
            (
                "curl 'abc",
                "line 1, column 6: a quote is opened and not closed",
            ),
            ("a\nb \"c", "line 2, column 3: a quote"),
            (
                "a $(whoami)",
                "line 1, column 3: what a program would answer",
            ),
            ("a `id`", "line 1, column 3: what a program"),
            ("a ${x:-1}", "line 1, column 3: only `$NAME`"),
            ("a $'\\uZZ'", "line 1, column 3: an escape"),
            ("a \\", "line 1, column 3: a backslash ends"),
        ] {
            let told = commands(input).unwrap_err().to_string();
            assert!(told.starts_with(wanted), "{input}: {told}");
        }
    }

    proptest! {
        #[test]
        fn a_quoted_text_comes_back(text in "[^{$]{0,40}") {
            let quoted = format!("x '{}'", text.replace('\'', "'\\''"));
            prop_assert_eq!(words(&quoted), vec![vec!["x".to_owned(), text]]);
        }

        #[test]
        fn no_text_breaks_it(text in "\\PC{0,80}") {
            let _ = commands(&text);
        }
    }
}
