//! Invariants: `orders.$.placed == orders.$.confirmed + orders.$.pending`, `distinct(repeat.order) ==
//! distinct(repeat.key)`. What they compare is known when a load has ended; whether they hold is a pure function of
//! those figures. Knows neither queries nor loads.

use super::arithmetic::{Arithmetic, Operator};
use super::step::Path;
use crate::name::Name;

/// One comparison of two amounts.
#[derive(Debug, Clone, PartialEq)]
pub struct Invariant {
    /// The left side.
    pub left: Amount,
    /// How the sides are compared.
    pub op: Relation,
    /// The right side.
    pub right: Amount,
}

/// An amount: numbers and terms, added, subtracted and multiplied.
pub type Amount = Arithmetic<Term>;

/// How two amounts are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

/// A figure of the run.
#[derive(Debug, Clone, PartialEq)]
pub enum Term {
    /// `orders.$.placed`: a number of a query's answer, after the load.
    Asked(Asked),
    /// `delta(orders.$.placed)`: the same less what it was when the scenario began.
    Delta(Asked),
    /// `count(checkout.order)`: how many times the load captured a value.
    Count(Captured),
    /// `distinct(checkout.order)`: how many different values it captured.
    Distinct(Captured),
    /// `sum(checkout.total)`: the values it captured added up; each must be a number.
    Sum(Captured),
}

/// A number in a query's answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The query, by its name in `[query.NAME]`.
    pub query: Name,
    /// Where in the answer; must find one number.
    pub path: Path,
}

/// A capture or a variable of a journey under load.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Captured {
    /// The journey.
    pub journey: Name,
    /// The variable.
    pub variable: String,
}

/// A figure by the text of its term, as an event carries it.
pub type Figures = [(String, f64)];

/// What an invariant comes to with all its figures.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Whether it holds.
    pub holds: bool,
    /// With its figures, and the relation they are in: `placed 812 ≠ confirmed 790 + cancelled 20`.
    pub words: String,
}

/// Figures with a fraction are compared to this share of the larger one: a sum of a million decimals leaves as much dust,
/// and so does the difference of two totals that are ten thousand times as large as it. A cent is told up to 10⁸.
const DUST: f64 = 1e-10;

impl Invariant {
    /// Whether it holds, and what was seen; `None` while a figure is missing, or where a side is beyond what a number can
    /// hold: infinities would differ from themselves.
    pub fn check(&self, figures: &Figures) -> Option<Seen> {
        let side = |amount: &Amount| amount.value(figures).filter(|value| value.is_finite());
        let (left, right) = (side(&self.left)?, side(&self.right)?);
        let holds = self.op.holds(left, right);
        let relation = if holds { self.op } else { self.op.opposite() };
        let names = Names(self.terms());
        let words = format!(
            "{} {} {}",
            names.amount(&self.left, figures, false),
            relation.sign(),
            names.amount(&self.right, figures, false)
        );
        Some(Seen { holds, words })
    }

    /// Its terms, each once, in order.
    pub fn terms(&self) -> Vec<&Term> {
        let mut terms = Vec::new();
        for term in [&self.left, &self.right].map(Amount::operands).concat() {
            if !terms.contains(&term) {
                terms.push(term);
            }
        }
        terms
    }

    /// What it needs of the load.
    pub fn captured(&self) -> impl Iterator<Item = &Captured> {
        self.terms().into_iter().filter_map(Term::captured)
    }
}

impl Term {
    /// The query it asks, if it asks one.
    pub fn asked(&self) -> Option<&Asked> {
        match self {
            Self::Asked(asked) | Self::Delta(asked) => Some(asked),
            Self::Count(_) | Self::Distinct(_) | Self::Sum(_) => None,
        }
    }

    /// What it counts of the load, if it does.
    pub fn captured(&self) -> Option<&Captured> {
        match self {
            Self::Count(captured) | Self::Distinct(captured) | Self::Sum(captured) => {
                Some(captured)
            }
            Self::Asked(_) | Self::Delta(_) => None,
        }
    }
}

impl Relation {
    /// Whether it holds between two figures. Whole ones are compared exactly.
    pub fn holds(self, left: f64, right: f64) -> bool {
        let whole = left.fract() == 0.0 && right.fract() == 0.0;
        let dust = if whole {
            0.0
        } else {
            DUST * left.abs().max(right.abs())
        };
        let equal = (left - right).abs() <= dust;
        match self {
            Self::Equal => equal,
            Self::NotEqual => !equal,
            Self::Less => left < right && !equal,
            Self::AtMost => left < right || equal,
            Self::Greater => left > right && !equal,
            Self::AtLeast => left > right || equal,
        }
    }

    /// What holds exactly when this does not.
    const fn opposite(self) -> Self {
        match self {
            Self::Equal => Self::NotEqual,
            Self::NotEqual => Self::Equal,
            Self::Less => Self::AtLeast,
            Self::AtMost => Self::Greater,
            Self::Greater => Self::AtMost,
            Self::AtLeast => Self::Less,
        }
    }

    /// For people.
    const fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "≠",
            Self::Less => "<",
            Self::AtMost => "≤",
            Self::Greater => ">",
            Self::AtLeast => "≥",
        }
    }
}

impl Amount {
    fn value(&self, figures: &Figures) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Of(term) => figure(term, figures),
            Self::Pair(left, operator, right) => {
                let (left, right) = (left.value(figures)?, right.value(figures)?);
                Some(match operator {
                    Operator::Plus => left + right,
                    Operator::Minus => left - right,
                    Operator::Times => left * right,
                    Operator::Over => left / right,
                })
            }
        }
    }
}

fn figure(term: &Term, figures: &Figures) -> Option<f64> {
    let text = term.to_string();
    figures
        .iter()
        .find(|(name, _)| *name == text)
        .map(|(_, figure)| *figure)
}

/// The terms of an invariant, which say how short each may be told.
struct Names<'i>(Vec<&'i Term>);

impl Names<'_> {
    fn amount(&self, amount: &Amount, figures: &Figures, bracketed: bool) -> String {
        let text = match amount {
            Amount::Number(number) => number.to_string(),
            Amount::Of(term) => {
                let figure = figure(term, figures).unwrap_or(f64::NAN);
                format!("{} {figure}", self.of(term))
            }
            Amount::Pair(left, operator, right) => format!(
                "{} {operator} {}",
                self.amount(left, figures, left.bracketed(*operator, false)),
                self.amount(right, figures, right.bracketed(*operator, true))
            ),
        };
        if bracketed { format!("({text})") } else { text }
    }

    /// The last name in the term's path, where no other term of the invariant ends in it.
    fn of(&self, term: &Term) -> String {
        let short = |term: &Term| Some(last_name(term.asked()?.path.source()));
        let mine = short(term);
        let alone = |name: &str| {
            let same = |other: &&&Term| short(other).as_deref() == Some(name);
            let mut others = self.0.iter().filter(same).map(|t| t.asked());
            let first = others.next();
            others.all(|other| Some(other) == first)
        };
        match mine.filter(|name| !name.is_empty() && alone(name)) {
            Some(name) if matches!(term, Term::Delta(_)) => format!("delta({name})"),
            Some(name) => name,
            None => term.to_string(),
        }
    }
}

/// `placed` of `$.orders.placed` and of `$['orders']['placed']`; empty where the path ends in no name.
fn last_name(path: &str) -> String {
    let bare = path.trim_end_matches([']', '"', '\'']);
    let start = bare
        .rfind(|c: char| !(c.is_alphanumeric() || c == '_'))
        .map_or(0, |at| at + bare.get(at..).map_or(1, first_len));
    let name = bare.get(start..).unwrap_or("");
    let index = name.starts_with(|c: char| c.is_ascii_digit());
    if index {
        String::new()
    } else {
        name.to_owned()
    }
}

fn first_len(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}
