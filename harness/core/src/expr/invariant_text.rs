//! Invariants as text: parser and printer.

use super::arithmetic::{self, Operand, Operator};
use super::invariant::{Amount, Asked, Captured, Invariant, Relation, Term};
use super::scan::{ExprError, Scan, as_text};
use super::step_text::path;
use crate::diagnostic::nearest;
use crate::name::Name;
use std::fmt;
use std::str::FromStr;

const FUNCTIONS: [&str; 4] = ["delta", "count", "distinct", "sum"];
const OPERANDS: &str = "a number, `QUERY.$.path`, `delta(QUERY.$.path)`, `count(JOURNEY.CAPTURE)`, `distinct(…)`, `sum(…)`";

as_text!(Invariant, Captured);

impl FromStr for Invariant {
    type Err = ExprError;

    fn from_str(text: &str) -> Result<Self, ExprError> {
        let mut scan = Scan::new(text);
        let left = arithmetic::read(&mut scan)?;
        let op = relation(&mut scan)?;
        let right = arithmetic::read(&mut scan)?;
        if scan.done() {
            return Ok(Self { left, op, right });
        }
        let rest = scan.rest().trim_end();
        Err(
            ExprError::new(format!("`{rest}` is left over"), scan.here())
                .hint("an invariant is one comparison of two amounts, joined by `+`, `-` and `*`"),
        )
    }
}

impl FromStr for Captured {
    type Err = ExprError;

    fn from_str(text: &str) -> Result<Self, ExprError> {
        let mut scan = Scan::new(text);
        let captured = captured(&mut scan)?;
        if scan.done() {
            return Ok(captured);
        }
        let message = format!("`{}` is left over", scan.rest().trim_end());
        Err(ExprError::new(message, scan.here()).hint("name one capture: `JOURNEY.CAPTURE`"))
    }
}

impl Operand for Term {
    const PRODUCTS: &'static [(&'static str, Operator)] = &[("*", Operator::Times)];
    const MANY: &'static str = "terms and numbers";

    fn read(scan: &mut Scan<'_>) -> Result<Amount, ExprError> {
        let from = scan.at;
        let word = scan.run(is_word);
        let rest = scan.rest();
        match word.strip_suffix('.') {
            Some(name) if rest.starts_with('$') => {
                asked(scan, name, from).map(|asked| Amount::Of(Self::Asked(asked)))
            }
            _ if rest.starts_with('(') => function(scan, word, from).map(Amount::Of),
            _ => number(scan, word, from).map(Amount::Number),
        }
    }

    fn close(scan: &mut Scan<'_>, open: usize) -> Result<(), ExprError> {
        scan.space();
        if scan.take(")") {
            return Ok(());
        }
        let unclosed = ExprError::new("`(` is never closed", open..scan.text.len());
        Err(unclosed.hint("close it with `)`"))
    }
}

fn function(scan: &mut Scan<'_>, word: &str, from: usize) -> Result<Term, ExprError> {
    if !FUNCTIONS.contains(&word) {
        let hint = nearest(word, FUNCTIONS).map_or_else(
            || format!("an amount is {OPERANDS}"),
            |near| format!("did you mean `{near}`?"),
        );
        let message = format!("an invariant has no `{word}(…)`");
        return Err(ExprError::new(message, from..scan.at.max(from + 1)).hint(hint));
    }
    scan.take("(");
    scan.space();
    let term = match word {
        "delta" => {
            let begin = scan.at;
            let inner = scan.run(is_word);
            match inner.strip_suffix('.') {
                Some(name) if scan.rest().starts_with('$') => {
                    Term::Delta(asked(scan, name, begin)?)
                }
                _ => {
                    let span = scan.since(begin);
                    return Err(ExprError::new("here a number of a query is expected", span)
                        .hint("write `delta(QUERY.$.path)`"));
                }
            }
        }
        "count" => Term::Count(captured(scan)?),
        "distinct" => Term::Distinct(captured(scan)?),
        _ => Term::Sum(captured(scan)?),
    };
    Term::close(scan, from)?;
    Ok(term)
}

fn relation(scan: &mut Scan<'_>) -> Result<Relation, ExprError> {
    scan.space();
    let forms = [
        ("==", Relation::Equal),
        ("!=", Relation::NotEqual),
        ("<=", Relation::AtMost),
        (">=", Relation::AtLeast),
        ("<", Relation::Less),
        (">", Relation::Greater),
    ];
    let found = forms.into_iter().find(|(sign, _)| scan.take(sign));
    found.map(|(_, op)| op).ok_or_else(|| {
        ExprError::new("here a comparison is expected", scan.here())
            .hint("one of `==`, `!=`, `<`, `<=`, `>`, `>=`")
    })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || "-_.".contains(c)
}

fn asked(scan: &mut Scan<'_>, query: &str, from: usize) -> Result<Asked, ExprError> {
    let query = name(query, from)?;
    let at = scan.at;
    let path = path(scan, at, "+-*")?;
    Ok(Asked { query, path })
}

fn name(text: &str, from: usize) -> Result<Name, ExprError> {
    text.parse().map_err(|error: crate::name::NameError| {
        ExprError::new(error.to_string(), from..(from + text.len()).max(from + 1))
    })
}

fn captured(scan: &mut Scan<'_>) -> Result<Captured, ExprError> {
    scan.space();
    let from = scan.at;
    let word = scan.run(is_word);
    let wrong = |scan: &Scan<'_>| {
        ExprError::new("here a capture of a journey is expected", scan.since(from))
            .hint("name both: `JOURNEY.CAPTURE`")
    };
    let Some((journey, variable)) = word.rsplit_once('.') else {
        return Err(wrong(scan));
    };
    if variable.is_empty() {
        return Err(wrong(scan));
    }
    Ok(Captured {
        journey: name(journey, from)?,
        variable: variable.to_owned(),
    })
}

fn number(scan: &Scan<'_>, word: &str, from: usize) -> Result<f64, ExprError> {
    let numeric = word.trim_start_matches('-');
    let numeric = numeric.starts_with(|c: char| c.is_ascii_digit());
    let number = word
        .parse::<f64>()
        .ok()
        .filter(|n| numeric && n.is_finite());
    number.ok_or_else(|| {
        let message = match word {
            "" => "here an amount is expected".to_owned(),
            word => format!("`{word}` is not an amount"),
        };
        ExprError::new(message, scan.since(from)).hint(format!("an amount is {OPERANDS}"))
    })
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.left, self.op, self.right)
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
        })
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked(asked) => write!(f, "{asked}"),
            Self::Delta(asked) => write!(f, "delta({asked})"),
            Self::Count(captured) => write!(f, "count({captured})"),
            Self::Distinct(captured) => write!(f, "distinct({captured})"),
            Self::Sum(captured) => write!(f, "sum({captured})"),
        }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.query, self.path)
    }
}

impl fmt::Display for Captured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.journey, self.variable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FORMS: [&str; 8] = [
        "orders.$.placed == orders.$.confirmed + orders.$.cancelled + orders.$.pending",
        "delta(orders.$.placed) >= distinct(checkout.order)",
        "distinct(repeat.order) == distinct(repeat.key)",
        "2 * (count(a.b) - 3) != -1.5 * sum(a-b.c_d)",
        "stock.$['odd name'][0].a*b.$.* <= 10",
        "a.$.x - (b.$.x - c.$.x) > 0",
        "a.b.$.items[?@.n > 1].id-1 < 7",
        "delta( stock.$.left ) + count( checkout.order )==0",
    ];

    fn read(text: &str) -> Invariant {
        text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn invariants_read_as_written() {
        for text in &FORMS[..4] {
            assert_eq!(read(text).to_string(), *text);
        }
        assert_eq!(
            read(FORMS[4]).to_string(),
            "stock.$['odd name'][0].a * b.$.* <= 10"
        );
        assert_eq!(read(FORMS[5]).to_string(), FORMS[5]);
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        let mistake = |text: &str| {
            let error = text.parse::<Invariant>().unwrap_err();
            (text[error.span].to_owned(), error.hint.unwrap_or_default())
        };
        assert_eq!(
            mistake("distnct(a.b) == 1"),
            ("distnct".into(), "did you mean `distinct`?".into())
        );
        assert_eq!(mistake("a.$.x = b.$.x").0, "= b.$.x");
        assert_eq!(mistake("a.$.x == 1 == 2").0, "== 2");
        assert_eq!(mistake("placed == 1").0, "placed");
        assert_eq!(mistake("count(order) == 1").0, "order");
        assert_eq!(mistake("delta(a.b) == 1").0, "a.b");
        assert_eq!(mistake("(a.$.x == 1").0, "(a.$.x == 1");
        assert!(mistake("a.$[ == 1").1.contains("RFC 9535"));
        assert!("".parse::<Invariant>().is_err() && "1 ==".parse::<Invariant>().is_err());
        let deep = format!("{}1{} == 1", "(".repeat(400), ")".repeat(400));
        assert!(
            deep.parse::<Invariant>()
                .unwrap_err()
                .message
                .contains("deep")
        );
        let long = format!("{}1 == 1", "1 + ".repeat(100_000));
        assert!(
            long.parse::<Invariant>()
                .unwrap_err()
                .message
                .contains("at most")
        );
    }

    fn figures(of: &[(&str, f64)]) -> Vec<(String, f64)> {
        of.iter().map(|(k, v)| ((*k).to_owned(), *v)).collect()
    }

    #[test]
    fn what_was_seen_is_told_with_its_figures() {
        let seen = |text: &str, of: &[(&str, f64)]| {
            let seen = read(text).check(&figures(of)).unwrap();
            (seen.holds, seen.words)
        };
        let orders = |pending: f64| {
            [
                ("orders.$.placed", 812.0),
                ("orders.$.confirmed", 790.0),
                ("orders.$.cancelled", 20.0),
                ("orders.$.pending", pending),
            ]
        };
        assert_eq!(
            seen(FORMS[0], &orders(0.0)),
            (
                false,
                "placed 812 ≠ confirmed 790 + cancelled 20 + pending 0".to_owned()
            )
        );
        assert!(seen(FORMS[0], &orders(2.0)).0);
        let lost = [
            ("delta(orders.$.placed)", 9.0),
            ("distinct(checkout.order)", 10.0),
        ];
        assert_eq!(
            seen(FORMS[1], &lost),
            (
                false,
                "delta(placed) 9 < distinct(checkout.order) 10".to_owned()
            )
        );
        let nested = [("a.$.x", 5.0), ("b.$.x", 3.0), ("c.$.x", 1.0)];
        assert_eq!(
            seen(FORMS[5], &nested),
            (true, "a.$.x 5 - (b.$.x 3 - c.$.x 1) > 0".to_owned())
        );
        assert_eq!(read(FORMS[1]).check(&figures(&lost[..1])), None);
        let vast = figures(&[("a.$.x", 1e200)]);
        assert_eq!(read("a.$.x * a.$.x != a.$.x * a.$.x").check(&vast), None);
    }

    #[test]
    fn whole_figures_are_exact_and_decimals_forgive_dust() {
        assert!(Relation::Equal.holds(0.1 + 0.2, 0.3));
        assert!(!Relation::Less.holds(0.3, 0.1 + 0.2));
        // What a day's total grew by, and a cent of ten million.
        assert!(Relation::Equal.holds((1_000_000.1 + 100.3) - 1_000_000.1, 100.3));
        assert!(!Relation::Equal.holds(9_999_999.98, 9_999_999.99));
        assert!(Relation::NotEqual.holds(1e15, 1e15 + 1.0));
        assert!(!Relation::Equal.holds(0.3, 0.3001));
    }

    fn amounts() -> impl Strategy<Value = Amount> {
        let name = || "[a-z][a-z0-9]{0,5}";
        let asked = (name(), name()).prop_map(|(query, member)| {
            let text = format!("{query}.$.{member} == 0");
            match read(&text).left {
                Amount::Of(Term::Asked(asked)) => asked,
                other => panic!("{other:?}"),
            }
        });
        let captured = (name(), name()).prop_map(|(journey, variable)| Captured {
            journey: journey.parse().unwrap(),
            variable,
        });
        let term = prop_oneof![
            asked.clone().prop_map(Term::Asked),
            asked.prop_map(Term::Delta),
            captured.clone().prop_map(Term::Count),
            captured.clone().prop_map(Term::Distinct),
            captured.prop_map(Term::Sum),
        ];
        let leaf = prop_oneof![
            (-1000i32..1000).prop_map(|n| Amount::Number(f64::from(n) / 8.0)),
            term.prop_map(Amount::Of),
        ];
        let operator =
            || prop::sample::select(vec![Operator::Plus, Operator::Minus, Operator::Times]);
        leaf.prop_recursive(4, 24, 2, move |inner| {
            (inner.clone(), operator(), inner)
                .prop_map(|(l, o, r)| Amount::Pair(Box::new(l), o, Box::new(r)))
        })
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(left in amounts(), right in amounts(), op in prop::sample::select(vec![Relation::Equal, Relation::NotEqual, Relation::Less, Relation::AtMost, Relation::Greater, Relation::AtLeast])) {
            let invariant = Invariant { left, op, right };
            let text = invariant.to_string();
            prop_assert_eq!(text.parse::<Invariant>().unwrap(), invariant, "{}", text);
        }

        #[test]
        fn a_relation_or_its_opposite_holds(left in -1e3f64..1e3, right in -1e3f64..1e3) {
            for op in [Relation::Equal, Relation::NotEqual, Relation::Less, Relation::AtMost, Relation::Greater, Relation::AtLeast] {
                let text = format!("{left} {op} {right}");
                prop_assert_eq!(read(&text).check(&[]).unwrap().holds, op.holds(left, right));
                let words = read(&text).check(&[]).unwrap().words;
                prop_assert!(!words.is_empty());
            }
        }

        #[test]
        fn no_text_panics(form in prop::sample::select(FORMS.to_vec()), cut in 0usize..30, junk in "[ -~é]{0,8}") {
            let at = form.char_indices().map(|(i, _)| i).nth(cut).unwrap_or(form.len());
            let text = format!("{}{junk}{}", &form[..at], &form[at..]);
            match text.parse::<Invariant>() {
                Ok(read) => prop_assert_eq!(read.to_string().parse::<Invariant>().unwrap(), read),
                Err(error) => prop_assert!(text.get(error.span.clone()).is_some(), "{:?} in {text:?}", error.span),
            }
        }

        #[test]
        fn arbitrary_text_does_not_panic(text in ".{0,40}") {
            let _ = text.parse::<Invariant>();
            let _ = text.parse::<Captured>();
        }
    }
}
