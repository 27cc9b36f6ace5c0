//! The answer in words, each said once: what decided, why, and what is left to do. The same sentence often stands in an
//! item, in the reasons and in the conditions; readers get it where it comes first.

use harness_core::readiness::{Condition, Item, Readiness, Standing};
use harness_core::verdict::Grade;

/// The first lines of every report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headline<'r> {
    /// The item that decided.
    pub decided: Option<Decided<'r>>,
    /// Other reasons.
    pub reasons: Vec<&'r str>,
    /// What is left to do.
    pub conditions: Vec<Left<'r>>,
    /// The items whose reason is told here.
    told: Vec<&'r str>,
}

/// The item that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decided<'r> {
    /// What became of it, to stand before its title: `Failed`. A title says what should hold, and below a NO-GO would read
    /// as if it did.
    pub word: &'static str,
    /// Its title.
    pub title: &'r str,
    /// Why, in one sentence.
    pub reason: &'r str,
}

impl<'r> Decided<'r> {
    fn of(item: &'r Item) -> Self {
        let word = match (item.standing, item.grade) {
            (Standing::Stale, _) => "Stale",
            (Standing::Absent, _) => "Missing",
            (_, Grade::Pass) => "Decided by",
            (_, Grade::Fail) if item.waived.is_some() => "Failed and waived",
            (_, Grade::Fail) => "Failed",
            (_, Grade::Invalid) => "Not to be trusted",
            (_, Grade::Inconclusive) => "Undecided",
        };
        Self {
            word,
            title: item.title.as_str(),
            reason: item.bare_reason(),
        }
    }
}

/// Something that is left to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left<'r> {
    /// What; without the reason where that was told before.
    pub statement: &'r str,
    /// What closes it.
    pub closes_with: &'r str,
    /// By when and by whom: `before the deployment, checkout team`.
    pub due: String,
}

fn due(condition: &Condition) -> String {
    let due = condition.due.as_str();
    match &condition.owner {
        Some(owner) => format!("{due}, {owner}"),
        None => format!("{due}, nobody is named"),
    }
}

impl<'r> Headline<'r> {
    /// Of a readiness.
    pub fn of(readiness: &'r Readiness) -> Self {
        let decided = readiness
            .decided_by
            .as_ref()
            .and_then(|id| readiness.items.iter().find(|item| item.id == *id));
        let repeats = |said: &str| decided.is_some_and(|item| said == item.sentence());
        let reasons: Vec<&str> = readiness
            .reasons
            .iter()
            .map(String::as_str)
            .filter(|said| !repeats(said))
            .collect();
        let mut told: Vec<&Item> = decided.into_iter().collect();
        told.extend(
            readiness
                .items
                .iter()
                .filter(|item| reasons.contains(&item.sentence().as_str())),
        );
        let conditions = readiness.conditions.iter().map(|condition| {
            let statement = condition.statement.as_str();
            let said_before = told.iter().find_map(|item| {
                let begin = statement.strip_suffix(item.reason.as_str())?;
                begin.starts_with(item.title.as_str()).then_some(begin)
            });
            let statement = said_before.map_or(statement, |begin| begin.trim_end_matches(": "));
            Left {
                statement,
                closes_with: condition.closes_with.as_str(),
                due: due(condition),
            }
        });
        Self {
            decided: decided.map(Decided::of),
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
    use harness_core::readiness::{Decision, Due, Limits, Standing};
    use harness_core::verdict::Grade;

    fn item(id: &str, grade: Grade) -> Item {
        Item {
            id: id.to_owned(),
            title: format!("s: {id} < 1s"),
            key: true,
            weight: 1.0,
            grade,
            reason: format!("`{id} < 1s`: saw too little"),
            standing: Standing::Current,
            owner: None,
            waived: None,
            closes_with: String::new(),
            figure: None,
            scenario: None,
            evidence: Vec::new(),
        }
    }

    #[test]
    fn one_reason_is_told_once() {
        let items = vec![
            item("s#1", Grade::Inconclusive),
            item("s#11", Grade::Inconclusive),
            item("s#3", Grade::Pass),
        ];
        let condition = |i: &Item| Condition {
            statement: format!("{} is undecided: {}", i.title, i.reason),
            owner: Some("the shop's team".to_owned()),
            due: Due::Before,
            closes_with: "harness run".to_owned(),
        };
        let readiness = Readiness {
            decision: Decision::ConditionalGo,
            score: 90.0,
            limits: Limits::default(),
            unwaived: None,
            waivers: Vec::new(),
            checklist: Vec::new(),
            abort: Vec::new(),
            decided_by: Some("s#1".to_owned()),
            reasons: items[..1].iter().map(Item::sentence).collect(),
            conditions: items[..2].iter().map(condition).collect(),
            items,
        };
        let headline = Headline::of(&readiness);
        let decided = Decided {
            word: "Undecided",
            title: "s: s#1 < 1s",
            reason: "saw too little",
        };
        assert_eq!(headline.decided, Some(decided));
        assert!(headline.reasons.is_empty());
        let statements: Vec<_> = headline.conditions.iter().map(|c| c.statement).collect();
        assert_eq!(
            headline.conditions[0].due,
            "before the deployment, the shop's team"
        );
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
