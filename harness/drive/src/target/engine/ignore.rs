//! `.dockerignore`: which files of a folder are not sent to the builder. The rules are the engine's own: the last pattern that
//! matches a path or one of its folders decides, `!` takes back, `**` stands for any folders. Pure.

use regex::Regex;

/// The patterns of a `.dockerignore`.
#[derive(Debug, Default)]
pub(super) struct Ignored {
    patterns: Vec<Pattern>,
}

#[derive(Debug)]
struct Pattern {
    regex: Regex,
    /// Whether what it matches is sent all the same.
    back: bool,
    /// Of one that takes back: what stands before its first wildcard.
    start: String,
}

impl Ignored {
    /// Reads the file's text; the error is the line that is no pattern.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let patterns = lines.filter_map(|line| {
            let line = line.trim();
            let (back, rest) = match line.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, line),
            };
            let clean = clean(rest);
            if clean.is_empty() {
                return None;
            }
            let pattern = Regex::new(&regex_of(&clean)).map(|regex| Pattern {
                regex,
                back,
                start: clean
                    .split(['*', '?', '[', '\\'])
                    .next()
                    .unwrap_or("")
                    .to_owned(),
            });
            Some(pattern.map_err(|_| line.to_owned()))
        });
        Ok(Self {
            patterns: patterns.collect::<Result<_, _>>()?,
        })
    }

    /// Whether a path, from the folder, with `/` between its parts, is not sent.
    pub(super) fn excludes(&self, path: &str) -> bool {
        let folders = path.match_indices('/').map(|(at, _)| &path[..at]);
        let names: Vec<&str> = folders.chain([path]).collect();
        let last = self
            .patterns
            .iter()
            .rev()
            .find(|pattern| names.iter().any(|name| pattern.regex.is_match(name)));
        last.is_some_and(|pattern| !pattern.back)
    }

    /// Whether something within a folder that is not sent may be sent all the same.
    pub(super) fn takes_back_within(&self, folder: &str) -> bool {
        let within = format!("{folder}/");
        let mut back = self.patterns.iter().filter(|pattern| pattern.back);
        back.any(|pattern| pattern.start.starts_with(&within) || within.starts_with(&pattern.start))
    }
}

/// A pattern without what says nothing: `/a`, `./a`, `a/` and `a//b/../c`.
fn clean(pattern: &str) -> String {
    let mut parts = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// A pattern as a regular expression of whole paths.
fn regex_of(pattern: &str) -> String {
    let mut regex = String::from("^");
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '*' if rest.peek() == Some(&'*') => {
                rest.next();
                if rest.peek() == Some(&'/') {
                    rest.next();
                }
                regex.push_str(if rest.peek().is_none() {
                    ".*"
                } else {
                    "(.*/)?"
                });
            }
            '*' => regex.push_str("[^/]*"),
            '?' => regex.push_str("[^/]"),
            '[' | ']' | '-' => regex.push(c),
            '^' => regex.push('^'),
            '\\' => {
                let next = rest.next().unwrap_or('\\');
                regex.push_str(&regex::escape(&next.to_string()));
            }
            c => regex.push_str(&regex::escape(&c.to_string())),
        }
    }
    regex.push('$');
    regex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_pattern_that_matches_decides() {
        let excluded =
            |patterns: &str, path: &str| Ignored::parse(patterns).unwrap().excludes(path);
        for (patterns, path, expected) in [
            ("", "a", false),
            ("# a", "a", false),
            ("a", "a", true),
            ("a", "b/a", false),
            ("/a/", "a", true),
            ("./a", "a", true),
            ("a", "a/b/c", true),
            ("*.o", "x.o", true),
            ("*.o", "d/x.o", false),
            ("*/x.o", "d/x.o", true),
            ("**/x.o", "x.o", true),
            ("**/x.o", "d/e/x.o", true),
            ("**/x.o", "d/e/ax.o", false),
            ("d/**", "d/e/x", true),
            ("d/**/x", "d/x", true),
            ("?.o", "xy.o", false),
            ("[ab].o", "b.o", true),
            ("[^ab].o", "b.o", false),
            ("a.b", "axb", false),
            ("*\n!keep", "keep", false),
            ("*\n!keep", "other", true),
            ("*\n!keep", "keep/x", false),
            ("!keep\n*", "keep", true),
            ("d\n!d/keep", "d/keep", false),
            ("d\n!d/keep", "d/x", true),
            ("\\*", "x", false),
            ("\\*", "*", true),
        ] {
            assert_eq!(excluded(patterns, path), expected, "{patterns:?} on {path}");
        }
        assert_eq!(Ignored::parse("a\n[z").unwrap_err(), "[z");
    }

    #[test]
    fn a_folder_is_left_out_whole_unless_something_in_it_is_taken_back() {
        let within = |patterns: &str| {
            Ignored::parse(patterns)
                .unwrap()
                .takes_back_within("target")
        };
        assert!(!within("target"));
        assert!(!within("target\n!src"));
        assert!(within("target\n!target/release/x"));
        assert!(within("*\n!**/x"));
        assert!(within("*\n!t*/x"));
    }
}
