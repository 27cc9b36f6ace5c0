//! Terms into figures: from what the target answers, from what it answered before the load, and from what load workers
//! kept. What can't be had is told in words, and leaves its figure out.

use super::ask::Answers;
use harness_core::expr::invariant::{Asked, Captured, Invariant, Term};
use harness_load::{BYTES, Kept, VALUES};
use std::collections::{BTreeMap, BTreeSet};

/// What was kept, by what it is of.
pub(super) type Captures<'k> = BTreeMap<&'k Captured, &'k Kept>;

/// What the terms of `delta(…)` were when the scenario began, by their text; or why that is not known.
#[derive(Debug, Default)]
pub struct Baseline(BTreeMap<String, Result<f64, String>>);

impl Baseline {
    pub(super) fn of(deltas: &[&Asked], answers: &Answers) -> Self {
        let before = |asked: &Asked| {
            let number = number(asked, answers);
            number.map_err(|why| format!("before the load, {why}"))
        };
        let numbers = deltas.iter().map(|a| (a.to_string(), before(a)));
        Self(numbers.collect())
    }
}

/// The figures of an invariant's terms, and why others are missing.
pub(super) fn of(
    expr: &Invariant,
    baseline: &Baseline,
    answers: &Answers,
    kept: &Captures<'_>,
) -> (Vec<(String, f64)>, Vec<String>) {
    let (mut figures, mut missing) = (Vec::new(), BTreeSet::new());
    for term in expr.terms() {
        match figure(term, baseline, answers, kept) {
            Ok(figure) => figures.push((term.to_string(), figure)),
            Err(why) => _ = missing.insert(why),
        }
    }
    (figures, missing.into_iter().collect())
}

fn figure(
    term: &Term,
    baseline: &Baseline,
    answers: &Answers,
    kept: &Captures<'_>,
) -> Result<f64, String> {
    let kept = |of: &Captured| kept.get(of).copied().ok_or_else(|| not_kept(of));
    match term {
        Term::Asked(asked) => number(asked, answers),
        Term::Delta(asked) => {
            let before = baseline.0.get(&asked.to_string());
            let unasked = || Err(format!("`{asked}` was not asked before the load"));
            Ok(number(asked, answers)? - before.cloned().unwrap_or_else(unasked)?)
        }
        Term::Count(of) => kept(of).map(|kept| kept.count as f64),
        Term::Distinct(of) => match kept(of)? {
            kept if kept.full => Err(too_many(of)),
            kept => Ok(kept.values.len() as f64),
        },
        Term::Sum(of) => match kept(of)? {
            kept if kept.not_numbers > 0 => Err(format!(
                "{} of {} values of `{of}` are no numbers",
                kept.not_numbers, kept.count
            )),
            kept => Ok(kept.sum),
        },
    }
}

fn number(asked: &Asked, answers: &Answers) -> Result<f64, String> {
    let Some(answer) = answers.get(&asked.query) else {
        return Err(format!("query `{}` was not asked", asked.query));
    };
    let number = asked.path.number(answer.as_ref().map_err(String::clone)?);
    number.map_err(|why| format!("`{asked}` is not one number: {why}"))
}

/// Why values were not counted to the end.
pub(super) fn too_many(of: &Captured) -> String {
    format!(
        "the load captured more different values of `{of}` than are kept: {VALUES} or {} MiB in a scenario",
        BYTES >> 20
    )
}

/// Why there is nothing of a capture.
pub(super) fn not_kept(of: &Captured) -> String {
    format!("the load kept nothing of `{of}`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_can_not_be_had_leaves_its_figure_out() {
        let expr: Invariant =
            "delta(o.$.n) + o.$.text + gone.$.n == distinct(a.x) + sum(a.y) + count(a.y)"
                .parse()
                .unwrap();
        let name = |text: &str| text.parse().unwrap();
        let answers = |n: f64| {
            Answers::from([
                (name("o"), Ok(json!({ "n": n, "text": "seven" }))),
                (name("gone"), Err("query `gone` gave no answer: 500".into())),
            ])
        };
        let deltas: Vec<&Asked> = expr.terms().iter().filter_map(|t| t.asked()).collect();
        let baseline = Baseline::of(&deltas[..1], &answers(3.0));
        let (x, y): (Captured, Captured) = ("a.x".parse().unwrap(), "a.y".parse().unwrap());
        let full = Kept {
            count: 9,
            full: true,
            ..Kept::default()
        };
        let words = Kept {
            count: 2,
            not_numbers: 1,
            ..Kept::default()
        };
        let kept = Captures::from([(&x, &full), (&y, &words)]);
        let (figures, missing) = of(&expr, &baseline, &answers(10.0), &kept);
        assert_eq!(
            figures,
            [
                ("delta(o.$.n)".to_owned(), 7.0),
                ("count(a.y)".to_owned(), 2.0)
            ]
        );
        let missing = missing.join("\n");
        for part in [
            "`o.$.text` is not one number: `\"seven\"` is there",
            "query `gone` gave no answer: 500",
            "more different values of `a.x` than are kept",
            "1 of 2 values of `a.y` are no numbers",
        ] {
            assert!(missing.contains(part), "{part} is not in {missing}");
        }
        let before = of(&expr, &Baseline::default(), &answers(10.0), &kept).1;
        assert!(before.join("\n").contains("was not asked before the load"));
    }
}
