//! Values of probes: `rate(gateway.cache_hits_total) / rate(gateway.cache_requests_total)`. Numbers and functions over
//! the target's own metrics, joined by arithmetic. Knows neither scrapes nor gates.

use super::arithmetic::{Arithmetic, Operator};
use crate::name::Name;

/// A probe's value.
pub type Value = Arithmetic<Measured>;

/// A function over a selector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// What is made of the scrapes.
    pub function: Function,
    /// Of which series.
    pub selector: Selector,
}

/// What is made of a selector's scrapes in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// What a counter grew by, per second.
    Rate,
    /// What a counter grew by.
    Increase,
    /// The mean of the scrapes: what a selector without a function is.
    Avg,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// The last.
    Last,
    /// The first.
    First,
}

/// Series of a service's metrics: all of a metric's that carry these labels, added up at each scrape.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Selector {
    /// The service; always there in a plan.
    pub service: Option<Name>,
    /// The metric's name.
    pub metric: String,
    /// Labels that a series must carry, with exactly these values.
    pub labels: Vec<(String, String)>,
}

impl Value {
    /// Its functions and what they are over, in order; one may be there twice.
    pub fn terms(&self) -> Vec<(Function, &Selector)> {
        let operands = self.operands().into_iter();
        operands.map(|of| (of.function, &of.selector)).collect()
    }

    /// Lets each selector be changed.
    pub fn selectors_mut(&mut self, change: &mut impl FnMut(&mut Selector)) {
        match self {
            Self::Number(_) => {}
            Self::Of(measured) => change(&mut measured.selector),
            Self::Pair(left, _, right) => {
                left.selectors_mut(change);
                right.selectors_mut(change);
            }
        }
    }

    /// Its figure, given those of its functions; why there is none where one of them is missing, or a divisor is zero.
    pub fn evaluate(
        &self,
        of: &mut impl FnMut(Function, &Selector) -> Result<f64, String>,
    ) -> Result<f64, String> {
        let figure = match self {
            Self::Number(number) => *number,
            Self::Of(measured) => of(measured.function, &measured.selector)?,
            Self::Pair(left, operator, right) => {
                let (a, b) = (left.evaluate(of)?, right.evaluate(of)?);
                match operator {
                    Operator::Plus => a + b,
                    Operator::Minus => a - b,
                    Operator::Times => a * b,
                    Operator::Over if b == 0.0 => {
                        return Err(format!("it divides by `{right}`, which was 0"));
                    }
                    Operator::Over => a / b,
                }
            }
        };
        if figure.is_finite() {
            Ok(figure)
        } else {
            Err(format!("`{self}` is beyond what a number can hold"))
        }
    }
}

impl Function {
    /// Whether it is about what a counter grew by.
    pub fn counts(self) -> bool {
        matches!(self, Self::Rate | Self::Increase)
    }
}

impl Selector {
    /// Whether a series, `name{label="value"}` as scraped, is one of these.
    pub fn matches(&self, series: &str) -> bool {
        let Some(rest) = series.strip_prefix(self.metric.as_str()) else {
            return false;
        };
        match rest.strip_prefix('{') {
            None => rest.is_empty() && self.labels.is_empty(),
            Some(_) if self.labels.is_empty() => true,
            Some(inner) => labels(inner).is_some_and(|held| {
                let carried = |wanted: &(String, String)| held.contains(wanted);
                self.labels.iter().all(carried)
            }),
        }
    }
}

/// A series as scraped, `name{label="value"}`, taken apart; `None` for what is not in the format.
pub fn series(text: &str) -> Option<(&str, Vec<(String, String)>)> {
    match text.split_once('{') {
        None => Some((text, Vec::new())),
        Some((name, inner)) => Some((name, labels(inner)?)),
    }
}

/// `a="b",c="d"}` taken apart, escapes undone; `None` for what is not in the format.
fn labels(mut text: &str) -> Option<Vec<(String, String)>> {
    let mut labels = Vec::new();
    loop {
        text = text.trim_start_matches([',', ' ']);
        if text.starts_with('}') {
            return Some(labels);
        }
        let (name, rest) = text.split_once('=')?;
        let (value, rest) = quoted(rest.trim_start())?;
        labels.push((name.trim().to_owned(), value));
        text = rest;
    }
}

/// A text in double quotes and what follows it: `\\`, `\"` and `\n` are escapes, any other backslash stands for itself.
pub(super) fn quoted(text: &str) -> Option<(String, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut value = String::new();
    let mut chars = inner.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, inner.get(at + 1..)?)),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                escaped @ ('"' | '\\') => value.push(escaped),
                other => value.extend(['\\', other]),
            },
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_takes_series_by_name_and_exact_labels() {
        let of = |metric: &str, labels: &[(&str, &str)]| Selector {
            service: None,
            metric: metric.into(),
            labels: labels
                .iter()
                .map(|(k, v)| ((*k).into(), (*v).into()))
                .collect(),
        };
        let all = of("x_total", &[]);
        assert!(all.matches("x_total") && all.matches("x_total{a=\"1\"}"));
        assert!(!all.matches("x_total_more") && !all.matches("x"));
        let one = of("x_total", &[("code", "200"), ("path", "/a\"{}\n")]);
        assert!(one.matches(r#"x_total{path="/a\"{}\n", m="GET",code="200"}"#));
        assert!(!one.matches(r#"x_total{path="/a\"{}\n",code="2000"}"#));
        assert!(!one.matches(r#"x_total{code="200"}"#) && !one.matches("x_total"));
        assert!(!one.matches("x_total{code=") && !one.matches("x_total{code=\"200"));
    }

    #[test]
    fn no_divisor_may_be_zero() {
        let value = |text: &str, hits: f64, all: f64| {
            text.parse::<Value>()
                .unwrap()
                .evaluate(&mut |_, s| Ok(if s.metric == "hits" { hits } else { all }))
        };
        assert_eq!(value("rate(hits) / rate(all)", 3.0, 4.0), Ok(0.75));
        assert_eq!(value("1 - hits / all * 2", 1.0, 4.0), Ok(0.5));
        let zero = value("rate(hits) / rate(all)", 3.0, 0.0).unwrap_err();
        assert_eq!(zero, "it divides by `rate(all)`, which was 0");
        assert!(value("hits * hits", 1e300, 0.0).is_err());
    }
}
