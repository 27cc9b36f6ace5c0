//! The first page, which answers whether it can ship: of a run, and of a release.

use crate::chart::phases::Bars;
use crate::chart::scorecard;
use crate::figures;
use crate::headline::{Headline, Left};
use crate::sheet::Sheet;
use crate::text::one_line;
use harness_core::readiness::{Decision, Readiness};
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(super) struct First {
    pub(super) ask: &'static str,
    pub(super) decision: DecisionView,
    pub(super) decided: String,
    pub(super) decided_reason: String,
    pub(super) score: String,
    pub(super) score_width: f64,
    pub(super) score_go: String,
    pub(super) score_conditional: String,
    pub(super) reasons: Vec<String>,
    pub(super) conditions: Vec<ConditionView>,
    pub(super) scorecard: Option<Bars>,
    pub(super) headroom: Option<Headroom>,
    pub(super) needs: String,
    pub(super) tiles: Vec<Tile>,
    pub(super) warnings: Vec<String>,
    pub(super) sheet: Sheet,
}

#[derive(Debug, Serialize)]
pub(super) struct DecisionView {
    word: &'static str,
    class: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct ConditionView {
    statement: String,
    closes_with: String,
    due: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Headroom {
    pub(super) spare: String,
    pub(super) words: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Tile {
    pub(super) name: &'static str,
    pub(super) value: String,
    pub(super) note: String,
}

impl First {
    /// What readiness says; figures of load are for the caller to add.
    pub(super) fn of(ask: &'static str, readiness: &Readiness, sheet: Sheet) -> Self {
        let headline = Headline::of(readiness);
        let condition = |left: &Left<'_>| ConditionView {
            statement: one_line(left.statement, 400),
            closes_with: one_line(left.closes_with, 200),
            due: one_line(&left.due, 120),
        };
        Self {
            ask,
            decision: DecisionView {
                word: readiness.decision.as_str(),
                class: figures::decision_class(readiness.decision),
            },
            decided: decided_words(readiness.decision, &headline),
            decided_reason: match (readiness.decision, headline.decided) {
                (Decision::Unmade, _) => "What is below was seen until then.".to_owned(),
                (_, decided) => decided.map_or_else(String::new, |by| one_line(by.reason, 400)),
            },
            score: format!("{:.0}", readiness.score.floor()),
            score_go: readiness.limits.go.to_string(),
            score_conditional: readiness.limits.conditional.to_string(),
            score_width: readiness.score.clamp(0.0, 100.0).floor(),
            reasons: match readiness.decision {
                // Its one reason is what stands beside the answer.
                Decision::Unmade => Vec::new(),
                _ => headline.reasons.iter().map(|r| one_line(r, 400)).collect(),
            },
            conditions: headline.conditions.iter().map(condition).collect(),
            scorecard: figures::score_words(readiness)
                .and_then(|_| scorecard::chart("scorecard".to_owned(), readiness)),
            headroom: None,
            needs: String::new(),
            tiles: Vec::new(),
            warnings: Vec::new(),
            sheet,
        }
    }
}

fn decided_words(decision: Decision, headline: &Headline<'_>) -> String {
    match (decision, headline.decided) {
        (_, Some(by)) => format!("{}: {}", by.word, one_line(by.title, 200)),
        (Decision::Go, None) => "Every key gate passed.".to_owned(),
        (Decision::Unmade, None) => {
            let why = headline.reasons.first().copied().unwrap_or_default();
            let mut letters = why.chars();
            let first = letters.next().map(|letter| letter.to_uppercase());
            first.into_iter().flatten().chain(letters).collect()
        }
        (_, None) => "Decided by the score.".to_owned(),
    }
}
