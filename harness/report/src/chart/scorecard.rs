//! The readiness scorecard: how the score comes about at a glance. A bar a class, as long as all of its weight, divided
//! into what passed and what did not; below it what has no sound evidence.

use super::phases::{Bar, Bars, Stretch};
use super::{Table, tidy};
use crate::figures;
use crate::text::{self, one_line};
use harness_core::readiness::{Item, Readiness, Standing};
use harness_core::verdict::Grade;

/// Height of a bar with its words, of the words alone, and what the template keeps free for an axis, which this has none
/// of; pixels. It must fit on a first page that is full already.
const ROW: f64 = 40.0;
const NAMED: f64 = 18.0;
const AXIS: f64 = 24.0;
/// Items without sound evidence that are named.
const NAMED_ITEMS: usize = 4;
/// What can become of a weight: (look, words), the best first.
const LOOKS: [(&str, &str); 6] = [
    ("ok", "passed"),
    ("waived", "waived"),
    ("open", "inconclusive"),
    ("void", "invalid"),
    ("lost", "failed"),
    ("none", "no sound evidence"),
];

/// The bars of key and scored items; `None` where nothing weighs anything.
pub fn chart(id: String, readiness: &Readiness) -> Option<Bars> {
    let of = |key: bool| -> Vec<&Item> {
        let weighs = readiness.items.iter().filter(|item| item.weight > 0.0);
        weighs.filter(|item| item.key == key).collect()
    };
    let classes = [("Key, decides", of(true)), ("Scored, weighs", of(false))];
    let classes: Vec<_> = classes
        .into_iter()
        .filter(|(_, items)| !items.is_empty())
        .collect();
    if classes.is_empty() {
        return None;
    }
    let bars: Vec<Bar> = classes
        .iter()
        .enumerate()
        .map(|(row, (name, items))| bar(row, name, items))
        .collect();
    let seen = |look: &str| {
        bars.iter()
            .any(|bar| bar.stretches.iter().any(|s| s.look == look))
    };
    Some(Bars {
        id,
        title: "How the score comes about",
        desc: format!(
            "All that weighs, by class: what passed and what did not, each by its weight. Of all weight that is not waived {:.0} of 100 passed, which is the score.",
            readiness.score.floor()
        ),
        height: ROW * bars.len() as f64 - AXIS,
        keys: LOOKS.into_iter().filter(|(look, _)| seen(look)).collect(),
        x_ticks: Vec::new(),
        note: missing(readiness),
        table: table(&classes),
        bars,
    })
}

/// What became of an item.
fn look(item: &Item) -> usize {
    match (item.grade, item.standing) {
        _ if item.waived.is_some() => 1,
        (_, Standing::Absent | Standing::Stale | Standing::Unseen) => 5,
        (Grade::Pass, _) => 0,
        (Grade::Inconclusive, _) => 2,
        (Grade::Invalid, _) => 3,
        (Grade::Fail, _) => 4,
    }
}

fn weight(items: &[&Item]) -> f64 {
    // Not `sum`: that of nothing is -0.0.
    items.iter().fold(0.0, |sum, item| sum + item.weight)
}

fn bar(row: usize, name: &str, items: &[&Item]) -> Bar {
    let all = weight(items);
    let top = row as f64 * ROW;
    let mut from = 0.0;
    let mut stretches = Vec::new();
    for (i, (look, words)) in LOOKS.into_iter().enumerate() {
        let these: Vec<&Item> = items
            .iter()
            .copied()
            .filter(|item| self::look(item) == i)
            .collect();
        let share = weight(&these) / all * 100.0;
        if share <= 0.0 {
            continue;
        }
        let titles: Vec<String> = these
            .iter()
            .take(6)
            .map(|item| one_line(&item.title, 80))
            .collect();
        let more = if these.len() > 6 { " …" } else { "" };
        stretches.push(Stretch {
            look,
            x: tidy(from),
            width: tidy(share),
            name: "",
            tip: format!(
                "{words}: {} of {} of the weight: {}{more}",
                text::number(weight(&these)),
                text::number(all),
                titles.join("; ")
            ),
        });
        from += share;
    }
    let passed: Vec<&Item> = items
        .iter()
        .copied()
        .filter(|item| self::look(item) == 0)
        .collect();
    Bar {
        name: name.to_owned(),
        mean: format!(
            "{} of {} passed, weight {} of {}",
            passed.len(),
            items.len(),
            text::number(weight(&passed)),
            text::number(all)
        ),
        label_y: top + NAMED - 5.0,
        y: top + NAMED,
        stretches,
    }
}

/// What has no sound evidence, in a sentence; empty where all has.
fn missing(readiness: &Readiness) -> String {
    let weighs = readiness.items.iter().filter(|item| item.weight > 0.0);
    let without: Vec<&Item> = weighs
        .filter(|item| item.waived.is_none() && self::look(item) == 5)
        .collect();
    let named = without.iter().take(NAMED_ITEMS);
    let named: Vec<String> = named
        .map(|item| {
            format!(
                "{} ({})",
                one_line(&item.title, 100),
                figures::item_word(item)
            )
        })
        .collect();
    match without.len() {
        0 => String::new(),
        n if n > NAMED_ITEMS => format!(
            "Without sound evidence: {}, and {} more.",
            named.join(", "),
            n - NAMED_ITEMS
        ),
        _ => format!("Without sound evidence: {}.", named.join(", ")),
    }
}

fn table(classes: &[(&str, Vec<&Item>)]) -> Table {
    let head = ["item", "class", "weight", "result"];
    let rows = classes.iter().flat_map(|(_, items)| items).map(|item| {
        let words = if item.waived.is_some() {
            "waived"
        } else {
            figures::item_word(item)
        };
        vec![
            one_line(&item.title, 160),
            figures::class_word(item).to_owned(),
            text::number(item.weight),
            words.to_owned(),
        ]
    });
    Table::thinned(head.map(str::to_owned).to_vec(), rows.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_core::plan::readiness::ReadinessPlan;
    use harness_core::readiness::decide;

    fn item(id: &str, key: bool, weight: f64, grade: Grade, standing: Standing) -> Item {
        Item {
            id: id.to_owned(),
            title: format!("<{id}>"),
            key,
            weight,
            grade,
            reason: String::new(),
            standing,
            owner: None,
            waived: None,
            closes_with: String::new(),
            figure: None,
            scenario: None,
            evidence: Vec::new(),
        }
    }

    #[test]
    fn a_bar_is_divided_by_weight_and_what_is_missing_is_named() {
        let items = vec![
            item("a", true, 3.0, Grade::Pass, Standing::Current),
            item("b", true, 1.0, Grade::Fail, Standing::Current),
            item("c", false, 1.0, Grade::Inconclusive, Standing::Absent),
            item("d", false, 0.0, Grade::Pass, Standing::Current),
        ];
        let card = chart(
            "x".to_owned(),
            &decide(items, &ReadinessPlan::default(), None),
        )
        .unwrap();
        let drawn: Vec<_> = card
            .bars
            .iter()
            .map(|bar| {
                bar.stretches
                    .iter()
                    .map(|s| (s.look, s.x, s.width))
                    .collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(
            drawn,
            [
                vec![("ok", 0.0, 75.0), ("lost", 75.0, 25.0)],
                vec![("none", 0.0, 100.0)]
            ]
        );
        assert_eq!(card.bars[0].mean, "1 of 2 passed, weight 3 of 4");
        assert_eq!(card.note, "Without sound evidence: <c> (missing).");
        assert_eq!(card.keys.len(), 3);
        assert_eq!(card.table.rows.len(), 3);
        let nothing = decide(Vec::new(), &ReadinessPlan::default(), None);
        assert_eq!(chart(String::new(), &nothing), None);
    }
}
