//! One step's text taken apart: the values it names, each with its place, checked as far as the text alone says.

use super::steps::unknown;
use crate::diagnostic::{Diagnostic, Place, Source};
use crate::http::Method;
use crate::name::Name;
use crate::plan::draft::Written;
use crate::plan::fault::{FaultKind, Site};
use crate::units::parse_duration;
use regex::Captures;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// What a step says.
#[derive(Debug)]
pub(super) enum Meaning {
    /// A header of all later requests, or of the next one only.
    Header {
        name: Written,
        value: Written,
        once: bool,
    },
    /// A variable, set before the first step.
    Variable { name: Written, value: Written },
    /// A request, sent once or so many times at once.
    Request {
        method: Method,
        path: Written,
        copies: Option<(u8, Place)>,
    },
    /// Something that is the same in all answers of copies.
    Same(Written),
    /// Something that holds of exactly so many answers of copies.
    Exactly { expression: Written, times: u8 },
    /// Something the last answer must satisfy, now or within a time.
    Expect {
        expression: Written,
        within: Option<Duration>,
    },
    /// A value of the last answer to keep.
    Keep { from: Written, name: Written },
    /// A pause.
    Pause(Duration),
    /// A link or a service breaks.
    Break {
        on: Site,
        at: Written,
        kind: FaultKind,
    },
    /// It is whole again.
    Heal { on: Site, at: Written },
    /// Another journey runs here.
    Run(Written),
}

/// A step's text, and where it was typed.
#[derive(Debug, Clone)]
pub(super) struct Line<'l> {
    /// The text without its keyword.
    pub(super) text: &'l str,
    pub(super) source: &'l Arc<Source>,
    /// The step's line, keyword included.
    pub(super) span: Range<usize>,
    /// Where the text begins, unless an example's values changed it.
    pub(super) begin: Option<usize>,
}

impl Line<'_> {
    pub(super) fn place(&self) -> Place {
        Place {
            source: Arc::clone(self.source),
            span: self.span.clone(),
        }
    }

    /// A text of our own making, told at the step's line.
    pub(super) fn made(&self, text: impl Into<String>) -> Written {
        Written {
            text: text.into(),
            source: Arc::clone(self.source),
            span: self.span.clone(),
            inward: whole,
        }
    }
}

/// For a text that stands in the source as it is.
pub(super) fn exact(source: &str, span: &Range<usize>, inner: &Range<usize>) -> Range<usize> {
    let at = |offset: usize| (span.start + offset).min(span.end);
    let (start, end) = (at(inner.start), at(inner.end));
    if source.is_char_boundary(start) && source.is_char_boundary(end) {
        start..end
    } else {
        span.clone()
    }
}

/// For a text that does not.
pub(super) fn whole(_: &str, span: &Range<usize>, _: &Range<usize>) -> Range<usize> {
    span.clone()
}

/// A step's text taken apart by its pattern.
pub(super) struct Typed<'t> {
    pub(super) line: &'t Line<'t>,
    pub(super) captures: Captures<'t>,
}

impl Typed<'_> {
    fn text(&self, group: usize) -> &str {
        self.captures.get(group).map_or("", |found| found.as_str())
    }

    fn place(&self, group: usize) -> Place {
        self.written(group).place()
    }

    pub(super) fn written(&self, group: usize) -> Written {
        let text = self.text(group);
        let span = self
            .captures
            .get(group)
            .zip(self.line.begin)
            .map(|(found, begin)| begin + found.start()..begin + found.end());
        let Some(span) = span else {
            return self.line.made(unquoted(text));
        };
        let source = Arc::clone(self.line.source);
        let inward = if text.contains('\\') { whole } else { exact };
        Written {
            text: unquoted(text),
            source,
            span,
            inward,
        }
    }

    pub(super) fn header(&self, once: bool) -> Result<Meaning, Diagnostic> {
        Ok(Meaning::Header {
            name: self.written(1),
            value: self.written(2),
            once,
        })
    }

    pub(super) fn request(&self) -> Result<Meaning, Diagnostic> {
        // The patterns name methods only.
        let method = Method::parse(self.text(1)).ok_or_else(|| unknown(self.line))?;
        Ok(Meaning::Request {
            method,
            path: self.written(2),
            copies: None,
        })
    }

    /// A request and how often it is sent at once.
    pub(super) fn copies(&self) -> Result<Meaning, Diagnostic> {
        let copies = Some((self.number(3)?, self.place(3)));
        Ok(match self.request()? {
            Meaning::Request { method, path, .. } => Meaning::Request {
                method,
                path,
                copies,
            },
            other => other,
        })
    }

    /// A number of copies or of their answers.
    pub(super) fn number(&self, group: usize) -> Result<u8, Diagnostic> {
        let typed = self.text(group);
        typed.parse().map_err(|_| {
            let message = format!("`{typed}` is not a number of answers");
            Diagnostic::error(Some(self.place(group)), message)
                .hint("a request is sent 2 to 64 times at once")
        })
    }

    pub(super) fn status(&self) -> Result<Meaning, Diagnostic> {
        let typed = self.text(1);
        match typed.parse::<u16>() {
            Ok(status) if (100..=599).contains(&status) => {
                Ok(Meaning::Expect { expression: self.line.made(format!("status == {status}")), within: None })
            }
            _ => Err(Diagnostic::error(Some(self.place(1)), format!("`{typed}` is not a status"))
                .hint("write a number from 100 to 599; for more write `it holds that: status in [200, 201]`")),
        }
    }

    pub(super) fn within(&self) -> Result<Option<Duration>, Diagnostic> {
        self.positive(1).map(Some)
    }

    /// `PATH == 'TEXT'`.
    pub(super) fn text_value(
        &self,
        group: usize,
        within: Option<Duration>,
    ) -> Result<Meaning, Diagnostic> {
        let value = self
            .written(group + 1)
            .text
            .replace('\\', r"\\")
            .replace('\'', r"\'");
        self.equal(group, &format!("'{value}'"), within)
    }

    /// `PATH == VALUE`.
    pub(super) fn bare_value(
        &self,
        group: usize,
        within: Option<Duration>,
    ) -> Result<Meaning, Diagnostic> {
        let typed = self.text(group + 1);
        let parsed = serde_json::from_str::<serde_json::Value>(typed);
        match parsed {
            Ok(value) if value.is_number() || value.is_boolean() || value.is_null() => {
                self.equal(group, typed, within)
            }
            _ => Err(Diagnostic::error(
                Some(self.place(group + 1)),
                format!("`{typed}` is no number, `true`, `false` or `null`"),
            )
            .hint(format!("a text stands in quotes: `\"{typed}\"`"))),
        }
    }

    fn equal(
        &self,
        group: usize,
        value: &str,
        within: Option<Duration>,
    ) -> Result<Meaning, Diagnostic> {
        let path = self.written(group);
        if !path.text.starts_with('$') {
            return Err(Diagnostic::error(
                Some(path.place()),
                format!("`{}` is not a JSONPath", path.text),
            )
            .hint(format!(
                "begin with `$`; other parts of an answer: `it holds that: {} == {value}`",
                path.text
            )));
        }
        Ok(Meaning::Expect {
            expression: self.line.made(format!("{} == {value}", path.text)),
            within,
        })
    }

    pub(super) fn duration(&self, group: usize) -> Result<Duration, Diagnostic> {
        parse_duration(self.text(group))
            .map_err(|error| Diagnostic::error(Some(self.place(group)), error.to_string()))
    }

    pub(super) fn positive(&self, group: usize) -> Result<Duration, Diagnostic> {
        let duration = self.duration(group)?;
        if duration.is_zero() {
            return Err(Diagnostic::error(
                Some(self.place(group)),
                "this must be longer than zero",
            ));
        }
        Ok(duration)
    }

    /// The link or the service that the first group names.
    pub(super) fn site(&self, service: bool) -> Result<Site, Diagnostic> {
        let (site, what): (fn(Name) -> Site, _) = match service {
            true => (Site::Service, "service"),
            false => (Site::Link, "link"),
        };
        let name = self.written(1).text.parse();
        name.map(site).map_err(|error: crate::name::NameError| {
            let message = format!("this is not a {what}'s name: {error}");
            Diagnostic::error(Some(self.place(1)), message)
        })
    }

    pub(super) fn breaks(&self, kind: FaultKind) -> Result<Meaning, Diagnostic> {
        Ok(Meaning::Break {
            on: self.site(kind.of_service())?,
            at: self.written(1),
            kind,
        })
    }

    pub(super) fn latency(&self, jitter: Duration) -> Result<Meaning, Diagnostic> {
        let delay = self.positive(2)?;
        if jitter > delay {
            return Err(Diagnostic::error(
                Some(self.place(3)),
                "the jitter is larger than the latency",
            )
            .hint("a draw below zero can't be waited for"));
        }
        self.breaks(FaultKind::Latency { delay, jitter })
    }

    /// Bytes per second, from 1000 to 10¹².
    pub(super) fn bandwidth(&self, group: usize) -> Result<u64, Diagnostic> {
        let typed = self.text(group).trim();
        let digits = typed
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(typed.len());
        let (number, unit) = typed.split_at(digits);
        let units = [("B/s", 1.0), ("kB/s", 1e3), ("MB/s", 1e6), ("GB/s", 1e9)];
        let unit = units.into_iter().find(|(name, _)| *name == unit.trim());
        let bytes = number
            .parse::<f64>()
            .ok()
            .zip(unit)
            .map(|(number, (_, unit))| number * unit);
        let wrong = |message: String| {
            Err(Diagnostic::error(Some(self.place(group)), message)
                .hint("write bytes per second, such as `64 kB/s` or `1 MB/s`"))
        };
        match bytes {
            Some(bytes) if (1000.0..=1e12).contains(&bytes) => Ok(bytes.round() as u64),
            Some(_) => wrong(format!(
                "`{typed}` is out of range: from 1 kB/s to 1000 GB/s"
            )),
            None => wrong(format!("`{typed}` is not a bandwidth")),
        }
    }
}

/// `\"` and `\\` as the characters they stand for; any other `\` stays.
fn unquoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let escaped = if c == '\\' {
            chars.next_if(|next| matches!(next, '"' | '\\'))
        } else {
            None
        };
        out.push(escaped.unwrap_or(c));
    }
    out
}
