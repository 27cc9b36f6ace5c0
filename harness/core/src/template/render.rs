//! Fills texts: symbols once, when the target starts; holes at each iteration, from a scope.

use super::parse::merged;
use super::{Escape, Hole, Part, Symbol, Text};
use crate::data::DataError;
use crate::journey::Row;
use crate::random::Draws;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// A symbol that is not known where it is used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", unbound(.0))]
pub struct UnboundError(pub Symbol);

fn unbound(symbol: &Symbol) -> String {
    match symbol {
        Symbol::Env { name, .. } => format!(
            "the environment variable {name} is not set, and a text refers to it: set it, or write `${{env.{name}:-text}}` for what it is then"
        ),
        symbol => format!("`${{{symbol}}}` is not known here"),
    }
}

/// A hole that nothing fills.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// A variable nobody has set.
    #[error("`{{{{ {name} }}}}` has no value here; known are: {known}")]
    Variable {
        /// The variable.
        name: String,
        /// Those that have a value.
        known: String,
    },
    /// A column the row has not, or a journey without rows.
    #[error("the data row has no column `{0}`")]
    Column(String),
    /// The row could not be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A symbol that was never bound.
    #[error(transparent)]
    Unbound(#[from] UnboundError),
}

/// The values of symbols.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Symbols(BTreeMap<Symbol, String>);

impl Symbols {
    /// Sets a symbol's value.
    pub fn insert(&mut self, symbol: Symbol, value: String) {
        self.0.insert(symbol, value);
    }

    /// Sets the value of every variable of an environment.
    pub fn environment(&mut self, variables: impl IntoIterator<Item = (String, String)>) {
        for (name, value) in variables {
            let default = None;
            self.insert(Symbol::Env { name, default }, value);
        }
    }

    /// A symbol's value; of a variable that is not set, or empty, its default.
    pub fn get<'s>(&'s self, symbol: &'s Symbol) -> Option<&'s str> {
        let Symbol::Env { name, default } = symbol else {
            return self.0.get(symbol).map(String::as_str);
        };
        let plain = Symbol::Env {
            name: name.clone(),
            default: None,
        };
        let set = self.0.get(&plain).map(String::as_str);
        let filled = |value: &&str| !value.is_empty() || default.is_none();
        set.filter(filled).or(default.as_deref())
    }
}

/// What holes are filled from during one iteration.
#[derive(Debug, Clone)]
pub struct Scope {
    /// Variables and captures.
    pub variables: BTreeMap<String, Value>,
    /// The iteration's data row.
    pub row: Option<Arc<Row>>,
    /// The iteration's number, from 0.
    pub iteration: u64,
    /// Draws of data, `int()`: equal for equal plan, seed and iteration, whatever the run.
    pub data: Draws,
    /// Draws of identifiers, `uuid()` and `alnum()`: the run takes part, so that no two runs make equal ones.
    pub ids: Draws,
    /// Milliseconds since the Unix epoch, now.
    pub wall_ms: i64,
}

impl Text {
    /// The text with every symbol replaced by its value.
    pub fn bind(&self, symbols: &Symbols) -> Result<Self, UnboundError> {
        self.bind_as(symbols, Escape::None)
    }

    /// The same with the values written for the text around them: a secret in a JSON body must not end its string.
    pub fn bind_as(&self, symbols: &Symbols, escape: Escape) -> Result<Self, UnboundError> {
        let parts = self.parts.iter().map(|part| match part {
            Part::Symbol(symbol) => {
                let value = symbols
                    .get(symbol)
                    .ok_or_else(|| UnboundError(symbol.clone()))?;
                let mut written = String::new();
                write_text(value, escape, &mut written);
                Ok(Part::Literal(written))
            }
            other => Ok(other.clone()),
        });
        Ok(merged(parts.collect::<Result<Vec<_>, UnboundError>>()?))
    }

    /// The text of its literals alone: for texts that can't have holes once their symbols are bound.
    pub fn to_plain(&self) -> String {
        self.parts
            .iter()
            .map(|part| {
                if let Part::Literal(text) = part {
                    text.as_str()
                } else {
                    ""
                }
            })
            .collect()
    }

    /// Fills every hole and appends the result.
    pub fn render(&self, scope: &mut Scope, out: &mut String) -> Result<(), RenderError> {
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Symbol(symbol) => return Err(UnboundError(symbol.clone()).into()),
                Part::Hole { expr, escape } => write(scope.value(expr)?.as_ref(), *escape, out),
            }
        }
        Ok(())
    }

    /// Fills every hole and appends the result percent-encoded as a whole, whatever its holes say: a query's value.
    pub(crate) fn render_percent(
        &self,
        scope: &mut Scope,
        out: &mut String,
    ) -> Result<(), RenderError> {
        for part in &self.parts {
            match part {
                Part::Literal(text) => percent(text, out),
                Part::Symbol(symbol) => return Err(UnboundError(symbol.clone()).into()),
                Part::Hole { expr, .. } => write(scope.value(expr)?.as_ref(), Escape::Percent, out),
            }
        }
        Ok(())
    }

    /// The same as a new text.
    pub fn rendered(&self, scope: &mut Scope) -> Result<String, RenderError> {
        let mut out = String::new();
        self.render(scope, &mut out)?;
        Ok(out)
    }

    /// The value of a text that is one hole, with its own type; otherwise the rendered text as a string.
    pub fn value(&self, scope: &mut Scope) -> Result<Value, RenderError> {
        self.read(scope).map(Cow::into_owned)
    }

    /// The same for whoever only looks at it.
    pub(crate) fn read<'s>(&self, scope: &'s mut Scope) -> Result<Cow<'s, Value>, RenderError> {
        match self.parts.as_slice() {
            [
                Part::Hole {
                    expr,
                    escape: Escape::None,
                },
            ] => scope.value(expr),
            _ => Ok(Cow::Owned(Value::String(self.rendered(scope)?))),
        }
    }
}

impl Scope {
    /// What fills a hole.
    pub fn value(&mut self, hole: &Hole) -> Result<Cow<'_, Value>, RenderError> {
        let text = |text: String| Ok(Cow::Owned(Value::String(text)));
        match hole {
            Hole::Variable(name) => {
                self.variables
                    .get(name)
                    .map(Cow::Borrowed)
                    .ok_or_else(|| RenderError::Variable {
                        name: name.clone(),
                        known: if self.variables.is_empty() {
                            "none".into()
                        } else {
                            self.variables
                                .keys()
                                .map(String::as_str)
                                .collect::<Vec<_>>()
                                .join(", ")
                        },
                    })
            }
            Hole::Row(column) => {
                let value = self.row.as_ref().and_then(|row| row.get(column));
                value
                    .map(Cow::Borrowed)
                    .ok_or_else(|| RenderError::Column(column.clone()))
            }
            Hole::Uuid => text(uuid(&mut self.ids)),
            Hole::Iteration => Ok(Cow::Owned(self.iteration.into())),
            Hole::Int(low, high) => {
                let width = high.abs_diff(*low).saturating_add(1);
                let drawn = self.data.below(width);
                Ok(Cow::Owned(low.wrapping_add_unsigned(drawn).into()))
            }
            Hole::Alnum(length) => text(alnum(&mut self.ids, *length)),
            Hole::Now => text(rfc3339(self.wall_ms)),
            Hole::NowMs => Ok(Cow::Owned(self.wall_ms.into())),
        }
    }
}

/// A version 4 UUID from 122 drawn bits.
fn uuid(draws: &mut Draws) -> String {
    let (high, low) = (draws.bits(), draws.bits());
    let high = high & 0xffff_ffff_ffff_0fff | 0x4000;
    let low = low & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

fn alnum(draws: &mut Draws, length: u16) -> String {
    const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    (0..length)
        .map(|_| char::from(ALPHABET[draws.below(36) as usize]))
        .collect()
}

/// UTC with milliseconds; days to dates by the civil-from-days algorithm for the proleptic Gregorian calendar.
fn rfc3339(wall_ms: i64) -> String {
    let (days, ms) = (
        wall_ms.div_euclid(86_400_000),
        wall_ms.rem_euclid(86_400_000),
    );
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    format!(
        "{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{:03}Z",
        ms % 1000
    )
}

/// A value as the text it stands for: a string without its quotes.
pub fn plain(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

fn write(value: &Value, escape: Escape, out: &mut String) {
    match escape {
        // Writing to a String can't fail.
        Escape::JsonValue => _ = write!(out, "{value}"),
        other => write_text(&plain(value), other, out),
    }
}

fn write_text(text: &str, escape: Escape, out: &mut String) {
    match escape {
        Escape::None | Escape::JsonValue => out.push_str(text),
        Escape::JsonString => out.push_str(&json_escaped(text)),
        Escape::Percent => percent(text, out),
    }
}

/// Appends a text percent-encoded: fit for a path segment, a query or a form.
pub(crate) fn percent(text: &str, out: &mut String) {
    const KEPT: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    out.extend(percent_encoding::utf8_percent_encode(text, KEPT));
}

/// A text as it stands between the quotes of a JSON string.
pub(super) fn json_escaped(text: &str) -> String {
    let quoted = Value::String(text.to_owned()).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

#[cfg(test)]
mod tests;
