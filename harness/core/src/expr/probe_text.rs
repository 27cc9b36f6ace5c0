//! Values of probes as text: parser and printer.

use super::arithmetic::{self, Operand, Operator};
use super::probe::{Function, Measured, Selector, Value, quoted};
use super::scan::{ExprError, Scan, as_text};
use crate::diagnostic::nearest;
use crate::name::{Name, NameError};
use std::fmt;
use std::str::FromStr;

const FUNCTIONS: [(&str, Function); 7] = [
    ("rate", Function::Rate),
    ("increase", Function::Increase),
    ("avg", Function::Avg),
    ("min", Function::Min),
    ("max", Function::Max),
    ("last", Function::Last),
    ("first", Function::First),
];
const OPERANDS: &str = "a number, a metric such as `gateway.queue_depth`, or one of rate, increase, avg, min, max, last, first over it: `rate(gateway.requests_total)`";

as_text!(Value);

impl FromStr for Value {
    type Err = ExprError;

    fn from_str(text: &str) -> Result<Self, ExprError> {
        let mut scan = Scan::new(text);
        let value = arithmetic::read(&mut scan)?;
        if scan.done() {
            return Ok(value);
        }
        let rest = scan.rest().trim_end();
        Err(
            ExprError::new(format!("`{rest}` is left over"), scan.here())
                .hint("a value is numbers and metrics joined by `+`, `-`, `*` and `/`"),
        )
    }
}

impl Operand for Measured {
    const PRODUCTS: &'static [(&'static str, Operator)] =
        &[("*", Operator::Times), ("/", Operator::Over)];
    const MANY: &'static str = "metrics and numbers";

    fn read(scan: &mut Scan<'_>) -> Result<Value, ExprError> {
        let from = scan.at;
        if let Some(number) = number(scan)? {
            return Ok(Value::Number(number));
        }
        let word = scan.run(|c| c.is_ascii_alphanumeric() || c == '_');
        if !scan.rest().starts_with('(') {
            scan.at = from;
            return Ok(Value::Of(Self {
                function: Function::Avg,
                selector: selector(scan)?,
            }));
        }
        let known = FUNCTIONS.iter().find(|(name, _)| *name == word);
        let Some((_, function)) = known else {
            let names = FUNCTIONS.map(|(name, _)| name);
            let hint = nearest(word, names).map_or_else(
                || format!("a value is {OPERANDS}"),
                |near| format!("did you mean `{near}`?"),
            );
            let message = format!("there is no `{word}(…)` over a metric");
            return Err(ExprError::new(message, scan.since(from)).hint(hint));
        };
        let open = scan.at;
        scan.take("(");
        let selector = selector(scan)?;
        Self::close(scan, open)?;
        Ok(Value::Of(Self {
            function: *function,
            selector,
        }))
    }

    fn close(scan: &mut Scan<'_>, open: usize) -> Result<(), ExprError> {
        scan.space();
        if scan.take(")") {
            return Ok(());
        }
        if scan.rest().is_empty() {
            let unclosed = ExprError::new("`(` is never closed", open..scan.text.len());
            return Err(unclosed.hint("close it with `)`"));
        }
        Err(ExprError::new("here `)` is expected", scan.here())
            .hint("a function is over one metric: `rate(gateway.requests_total)`"))
    }
}

/// What names of services and metrics are made of.
fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_.:".contains(c)
}

/// A number if one stands here: `2.5`, `1e6`, `-3`. A digit may also begin a service's name.
fn number(scan: &mut Scan<'_>) -> Result<Option<f64>, ExprError> {
    let rest = scan.rest();
    let sign = usize::from(rest.starts_with('-'));
    let digits = |from: usize| {
        let rest = rest.get(from..).unwrap_or("");
        rest.find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len())
    };
    let whole = digits(sign);
    if whole == 0 {
        if sign == 1 {
            return Err(ExprError::new("here a number is expected", scan.here())
                .hint("`-` stands before a number or between two values"));
        }
        return Ok(None);
    }
    let mut end = sign + whole;
    if rest[end..].starts_with('.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    if rest[end..].starts_with(['e', 'E']) {
        let exponent = end + 1 + usize::from(rest[end + 1..].starts_with(['-', '+']));
        if digits(exponent) > 0 {
            end = exponent + digits(exponent);
        }
    }
    let goes_on = rest[end..].starts_with(|c: char| is_word(c) && c != '-');
    if goes_on && sign == 0 && scan.clone().run(is_word).contains('.') {
        return Ok(None);
    }
    let number = rest[..end].parse::<f64>().ok().filter(|n| n.is_finite());
    match number {
        Some(number) if !goes_on => {
            scan.at += end;
            Ok(Some(number))
        }
        _ => {
            let from = scan.at;
            scan.at += sign;
            let text = scan.run(is_word);
            let message = format!("`{text}` is not a number");
            Err(ExprError::new(message, from..scan.at).hint(format!("a value is {OPERANDS}")))
        }
    }
}

/// `[service.]metric{label="value",…}`: a service's name goes up to the last dot.
fn selector(scan: &mut Scan<'_>) -> Result<Selector, ExprError> {
    scan.space();
    let from = scan.at;
    let word = scan.clone().run(is_word);
    let (service, metric) = match word.rsplit_once('.') {
        Some((service, metric)) => (Some(service), metric),
        None => (None, word),
    };
    // No metric's name has a `-`: what follows it is another value.
    let metric = metric.split('-').next().unwrap_or("");
    let begin = from + service.map_or(0, |s| s.len() + 1);
    if !metric.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == ':') {
        let message = match word {
            "" => "here a value is expected".to_owned(),
            word => format!("`{word}` does not name a metric"),
        };
        scan.run(is_word);
        return Err(
            ExprError::new(message, scan.since(from)).hint(format!("a value is {OPERANDS}"))
        );
    }
    let service = service.map(str::parse::<Name>).transpose();
    let service = service.map_err(|error: NameError| {
        ExprError::new(error.to_string(), from..begin)
            .hint("a service's name stands before the metric: `gateway.requests_total`")
    })?;
    scan.at = begin + metric.len();
    let metric = metric.to_owned();
    let labels = if scan.take("{") {
        labels(scan)?
    } else {
        Vec::new()
    };
    Ok(Selector {
        service,
        metric,
        labels,
    })
}

/// What follows `{`, to its end.
fn labels(scan: &mut Scan<'_>) -> Result<Vec<(String, String)>, ExprError> {
    let open = scan.at - 1;
    let mut labels: Vec<(String, String)> = Vec::new();
    loop {
        scan.space();
        if scan.take("}") {
            return Ok(labels);
        }
        let from = scan.at;
        let name = scan.run(|c| c.is_ascii_alphanumeric() || c == '_');
        let place = scan.since(from);
        if name.is_empty() {
            let (message, span) = if scan.rest().is_empty() {
                ("`{` is never closed", open..scan.text.len())
            } else {
                ("here a label is expected", place)
            };
            return Err(ExprError::new(message, span).hint("write `{label=\"value\"}`"));
        }
        if labels.iter().any(|(held, _)| held == name) {
            return Err(ExprError::new(
                format!("label `{name}` is there twice"),
                place,
            ));
        }
        scan.space();
        let rest = scan.rest();
        if ["!=", "=~", "!~"].iter().any(|sign| rest.starts_with(sign)) {
            return Err(
                ExprError::new("labels are matched exactly", scan.at..scan.at + 2)
                    .hint("write `label=\"value\"`; series of several values can be added up"),
            );
        }
        let equals = scan.take("=");
        scan.space();
        let value = quoted(scan.rest()).filter(|_| equals);
        let Some((value, after)) = value else {
            return Err(
                ExprError::new("here the label's value is expected", scan.here())
                    .hint("write `label=\"value\"`"),
            );
        };
        scan.at = scan.text.len() - after.len();
        labels.push((name.to_owned(), value));
        scan.space();
        if !scan.take(",") && !scan.rest().starts_with('}') {
            let (message, span) = if scan.rest().is_empty() {
                ("`{` is never closed", open..scan.text.len())
            } else {
                ("here `,` or `}` is expected", scan.here())
            };
            return Err(ExprError::new(message, span).hint("write `{label=\"value\"}`"));
        }
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.function, self.selector)
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = FUNCTIONS.iter().find(|(_, function)| function == self);
        f.write_str(name.map_or("", |(name, _)| name))
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(service) = &self.service {
            write!(f, "{service}.")?;
        }
        f.write_str(&self.metric)?;
        for (i, (name, value)) in self.labels.iter().enumerate() {
            let escaped = value
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            write!(f, "{}{name}=\"{escaped}\"", if i == 0 { "{" } else { "," })?;
        }
        if self.labels.is_empty() {
            Ok(())
        } else {
            f.write_str("}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_read_as_written() {
        for text in [
            "rate(gateway.cache_hits_total) / rate(gateway.cache_requests_total)",
            "1 - rate(a) / (rate(b) + rate(c))",
            "last(order-store.queue{kind=\"a \\\"b\\\"\",code=\"2\"}) * 0.5",
            "a.first_total",
        ] {
            let value: Value = text.parse().unwrap();
            let printed = value.to_string();
            assert_eq!(printed.parse::<Value>().unwrap(), value, "{printed}");
        }
        let printed = |text: &str| text.parse::<Value>().unwrap().to_string();
        assert_eq!(printed("queue"), "avg(queue)");
        assert_eq!(printed("a-b"), "avg(a) - avg(b)");
        assert_eq!(printed("x.a-b*2"), "avg(x.a) - avg(b) * 2");
        assert_eq!(printed("a-b.c"), "avg(a-b.c)");
        assert_eq!(printed("2nd.x - 1e3-2"), "avg(2nd.x) - 1000 - 2");
        assert_eq!(printed("a-(b-c)"), "avg(a) - (avg(b) - avg(c))");
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        let mistake = |text: &str| {
            let error = text.parse::<Value>().unwrap_err();
            let place = text[error.span].to_owned();
            (place, error.message, error.hint.unwrap_or_default())
        };
        assert_eq!(mistake("rat(x)").2, "did you mean `rate`?");
        assert_eq!(mistake("rat(x)").0, "rat");
        assert_eq!(mistake("rate(x").1, "`(` is never closed");
        assert_eq!(mistake("rate(x + y)").0, "+ y)");
        assert_eq!(mistake("rate(x) > 5").1, "`> 5` is left over");
        assert_eq!(mistake("x{code=~\"2..\"}").0, "=~");
        assert_eq!(mistake("x{code=200}").0, "200}");
        assert_eq!(mistake("x{a=\"1\",a=\"2\"}").0, "a");
        assert_eq!(mistake("x{a=\"1\"").0, "{a=\"1\"");
        assert_eq!(mistake("a / ").1, "here a value is expected");
        assert_eq!(mistake("5x").0, "5x");
        assert_eq!(mistake("").1, "here a value is expected");
        assert!("(".repeat(10_000).parse::<Value>().is_err());
        assert!("a+".repeat(1000).parse::<Value>().is_err());
    }

    fn selectors() -> impl Strategy<Value = Selector> {
        let service = prop::option::of("[a-z0-9][a-z0-9.-]{0,6}");
        let labels = prop::collection::btree_map("[a-z_][a-z0-9_]{0,5}", any::<String>(), 0..3);
        (service, "[a-zA-Z_:][a-zA-Z0-9_:]{0,8}", labels).prop_map(|(service, metric, labels)| {
            Selector {
                service: service.map(|s| s.parse().unwrap()),
                metric,
                labels: labels.into_iter().collect(),
            }
        })
    }

    fn values() -> impl Strategy<Value = super::Value> {
        let functions = FUNCTIONS.map(|(_, function)| function).to_vec();
        let leaf = prop_oneof![
            (-1e12f64..1e12).prop_map(super::Value::Number),
            (prop::sample::select(functions), selectors())
                .prop_map(|(function, selector)| super::Value::Of(Measured { function, selector })),
        ];
        leaf.prop_recursive(4, 24, 2, |inner| {
            let operators = vec![
                Operator::Plus,
                Operator::Minus,
                Operator::Times,
                Operator::Over,
            ];
            (inner.clone(), prop::sample::select(operators), inner).prop_map(|(left, op, right)| {
                super::Value::Pair(Box::new(left), op, Box::new(right))
            })
        })
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(value in values()) {
            let text = value.to_string();
            prop_assert_eq!(text.parse::<super::Value>().unwrap(), value, "{}", text);
        }

        #[test]
        fn no_text_panics(text in "(rate\\(|max\\()?[ -~é]{0,30}") {
            if let Err(error) = text.parse::<super::Value>() {
                prop_assert!(text.get(error.span.clone()).is_some(), "{:?} lies outside {text:?}", error.span);
            }
        }

        #[test]
        fn a_selector_takes_the_series_it_prints(selector in selectors()) {
            let bare = Selector { service: None, ..selector };
            prop_assert!(bare.matches(&bare.to_string()));
        }
    }
}
