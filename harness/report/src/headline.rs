//! The answer in words, each said once: what decided, why, and what is left to do. The same sentence often stands in an
//! item, in the reasons and in the conditions; readers get it where it comes first.

use crate::figures;
use harness_core::readiness::{Item, Readiness};

/// The first lines of every report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headline<'r> {
    /// The item that decided: its title, and why in one sentence.
    pub decided: Option<(&'r str, &'r str)>,
    /// Other reasons.
    pub reasons: Vec<&'r str>,
    /// What is left to do: a statement, and what closes it.
    pub conditions: Vec<(&'r str, &'r str)>,
    /// The items whose reason is told here.
    told: Vec<&'r str>,
}

impl<'r> Headline<'r> {
    /// Of a readiness.
    pub fn of(readiness: &'r Readiness) -> Self {
        let decided = readiness
            .decided_by
            .as_ref()
            .and_then(|id| readiness.items.iter().find(|item| item.id == *id));
        let repeats = |said: &str| {
            decided.is_some_and(|item| {
                said.starts_with(item.id.as_str()) && said.ends_with(item.reason.as_str())
            })
        };
        let reasons: Vec<&str> = readiness
            .reasons
            .iter()
            .map(String::as_str)
            .filter(|said| !repeats(said))
            .collect();
        let mut told: Vec<&Item> = decided.into_iter().collect();
        told.extend(readiness.items.iter().filter(|item| {
            let begin = format!("{} ", item.id);
            reasons
                .iter()
                .any(|said| said.starts_with(&begin) && said.ends_with(item.reason.as_str()))
        }));
        let conditions = readiness.conditions.iter().map(|condition| {
            let statement = condition.statement.as_str();
            let said_before = told.iter().find_map(|item| {
                let begin = statement.strip_suffix(item.reason.as_str())?;
                begin.starts_with(item.title.as_str()).then_some(begin)
            });
            let statement = said_before.map_or(statement, |begin| begin.trim_end_matches(": "));
            (statement, condition.closes_with.as_str())
        });
        Self {
            decided: decided.map(|item| (item.title.as_str(), figures::bare_reason(&item.reason))),
            conditions: conditions.collect(),
            told: told.iter().map(|item| item.id.as_str()).collect(),
            reasons,
        }
    }

    /// Whether an item's reason is among what is told.
    pub fn tells(&self, item: &Item) -> bool {
        self.told.contains(&item.id.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_core::readiness::{Condition, Decision};
    use harness_core::verdict::Grade;

    fn item(id: &str, grade: Grade) -> Item {
        Item {
            id: id.to_owned(),
            title: format!("s: {id} < 1s"),
            key: true,
            weight: 1.0,
            grade,
            reason: format!("`{id} < 1s`: saw too little"),
        }
    }

    #[test]
    fn one_reason_is_told_once() {
        let items = vec![
            item("s#1", Grade::Inconclusive),
            item("s#11", Grade::Inconclusive),
            item("s#3", Grade::Pass),
        ];
        let said = |i: &Item| format!("{} is undecided: {}", i.id, i.reason);
        let condition = |i: &Item| Condition {
            statement: format!("{} is undecided: {}", i.title, i.reason),
            closes_with: "harness run".to_owned(),
        };
        let readiness = Readiness {
            decision: Decision::ConditionalGo,
            score: 90.0,
            decided_by: Some("s#1".to_owned()),
            reasons: items[..1].iter().map(said).collect(),
            conditions: items[..2].iter().map(condition).collect(),
            items,
        };
        let headline = Headline::of(&readiness);
        assert_eq!(headline.decided, Some(("s: s#1 < 1s", "saw too little")));
        assert!(headline.reasons.is_empty());
        let statements: Vec<_> = headline.conditions.iter().map(|c| c.0).collect();
        assert_eq!(
            statements,
            [
                "s: s#1 < 1s is undecided",
                "s: s#11 < 1s is undecided: `s#11 < 1s`: saw too little"
            ]
        );
        let told: Vec<_> = readiness.items.iter().map(|i| headline.tells(i)).collect();
        assert_eq!(told, [true, false, false]);
    }
}
