//! Numbers and operands joined by `+`, `-`, `*` and `/`: what values of probes and amounts of invariants share. One
//! reader, and one printer whose text reads back. Knows neither metrics nor queries: an [`Operand`] reads itself.

use super::scan::{ExprError, Scan};
use std::fmt;

/// Parentheses within parentheses at most.
const DEPTH: usize = 16;
/// Numbers and operands at most.
const PARTS: usize = 64;

/// Numbers and operands put together.
#[derive(Debug, Clone, PartialEq)]
pub enum Arithmetic<T> {
    /// A number; finite.
    Number(f64),
    /// Something with a figure.
    Of(T),
    /// Two of them joined; `*` and `/` before `+` and `-`, from left to right.
    Pair(Box<Self>, Operator, Box<Self>),
}

/// What joins two of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// `*`
    Times,
    /// `/`; values of probes alone have it.
    Over,
}

/// What stands between operators beside parentheses.
pub(super) trait Operand: Sized {
    /// Operators of the higher rank.
    const PRODUCTS: &'static [(&'static str, Operator)];
    /// What it and numbers are called together, for people.
    const MANY: &'static str;

    /// Reads one, or a number.
    fn read(scan: &mut Scan<'_>) -> Result<Arithmetic<Self>, ExprError>;

    /// Takes `)`, whose `(` stands at `open`.
    fn close(scan: &mut Scan<'_>, open: usize) -> Result<(), ExprError>;
}

/// Reads as far as operands and operators go.
pub(super) fn read<T: Operand>(scan: &mut Scan<'_>) -> Result<Arithmetic<T>, ExprError> {
    let mut reader = Reader {
        scan,
        depth: 0,
        parts: 0,
    };
    reader.sum()
}

struct Reader<'s, 't> {
    scan: &'s mut Scan<'t>,
    depth: usize,
    parts: usize,
}

impl Reader<'_, '_> {
    fn sum<T: Operand>(&mut self) -> Result<Arithmetic<T>, ExprError> {
        let signs = [("+", Operator::Plus), ("-", Operator::Minus)];
        self.chain(&signs, |reader| reader.chain(T::PRODUCTS, Self::operand))
    }

    /// Parts joined by operators of one rank, from left to right.
    fn chain<T>(
        &mut self,
        signs: &[(&str, Operator)],
        part: impl Fn(&mut Self) -> Result<Arithmetic<T>, ExprError>,
    ) -> Result<Arithmetic<T>, ExprError> {
        let mut left = part(self)?;
        loop {
            self.scan.space();
            let sign = signs.iter().find(|(sign, _)| self.scan.take(sign));
            let Some((_, operator)) = sign else {
                return Ok(left);
            };
            let right = part(self)?;
            left = Arithmetic::Pair(Box::new(left), *operator, Box::new(right));
        }
    }

    fn operand<T: Operand>(&mut self) -> Result<Arithmetic<T>, ExprError> {
        self.scan.space();
        self.parts += 1;
        if self.parts > PARTS {
            let message = format!("at most {PARTS} {} can be joined", T::MANY);
            return Err(ExprError::new(message, self.scan.here()));
        }
        let open = self.scan.at;
        if !self.scan.take("(") {
            return T::read(self.scan);
        }
        if self.depth == DEPTH {
            let message = format!("parentheses are more than {DEPTH} deep");
            return Err(ExprError::new(message, open..open + 1));
        }
        self.depth += 1;
        let inner = self.sum()?;
        self.depth -= 1;
        T::close(self.scan, open)?;
        Ok(inner)
    }
}

impl<T> Arithmetic<T> {
    /// Whether it must stand in parentheses beside an operator.
    pub(super) fn bracketed(&self, operator: Operator, on_the_right: bool) -> bool {
        let Self::Pair(_, own, _) = self else {
            return false;
        };
        if on_the_right {
            own.rank() <= operator.rank()
        } else {
            own.rank() < operator.rank()
        }
    }

    /// Its operands in order; one may be there twice.
    pub(super) fn operands(&self) -> Vec<&T> {
        match self {
            Self::Number(_) => Vec::new(),
            Self::Of(operand) => vec![operand],
            Self::Pair(left, _, right) => {
                let mut operands = left.operands();
                operands.extend(right.operands());
                operands
            }
        }
    }
}

impl Operator {
    const fn rank(self) -> u8 {
        match self {
            Self::Plus | Self::Minus => 0,
            Self::Times | Self::Over => 1,
        }
    }
}

impl<T: fmt::Display> fmt::Display for Arithmetic<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (left, operator, right) = match self {
            Self::Number(number) => return write!(f, "{number}"),
            Self::Of(operand) => return write!(f, "{operand}"),
            Self::Pair(left, operator, right) => (left, operator, right),
        };
        if left.bracketed(*operator, false) {
            write!(f, "({left})")?;
        } else {
            write!(f, "{left}")?;
        }
        write!(f, " {operator} ")?;
        if right.bracketed(*operator, true) {
            write!(f, "({right})")
        } else {
            write!(f, "{right}")
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plus => "+",
            Self::Minus => "-",
            Self::Times => "*",
            Self::Over => "/",
        })
    }
}
