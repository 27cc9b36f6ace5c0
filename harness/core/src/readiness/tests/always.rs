//! What holds of the answer whatever items are put together.

use super::*;
use proptest::prelude::*;

fn any_item() -> impl Strategy<Value = Item> {
    let grade = prop_oneof![
        4 => Just(Grade::Pass),
        1 => Just(Grade::Fail),
        1 => Just(Grade::Inconclusive),
        1 => Just(Grade::Invalid)
    ];
    let standing = prop_oneof![
        6 => Just(Standing::Current),
        1 => Just(Standing::Unseen),
        1 => Just(Standing::Stale)
    ];
    (0u8..3, 1u8..10, grade, standing, 0u16..1000).prop_map(
        |(class, weight, grade, standing, id)| Item {
            id: format!("peak#{id}"),
            key: class == 0,
            weight: if class == 2 { 0.0 } else { f64::from(weight) },
            grade,
            standing: if grade == Grade::Pass || grade == Grade::Fail {
                Standing::Current
            } else {
                standing
            },
            ..items::absent()
        },
    )
}

fn decided(items: &[Item]) -> Decision {
    decide(items.to_vec(), &ReadinessPlan::default(), None).decision
}

proptest! {
    #[test]
    fn missing_evidence_never_improves_the_answer(items in prop::collection::vec(any_item(), 0..8), key: bool, at in 0usize..8) {
        let before = decided(&items);
        let more = Item { key, ..items::absent() };
        let mut added = items.clone();
        added.push(more);
        prop_assert!(decided(&added) >= before || key && decided(&added) == Decision::NoGo);
        if let Some(lost) = items.get(at) {
            let mut without = items.clone();
            without[at] = Item { grade: Grade::Inconclusive, standing: Standing::Absent, ..lost.clone() };
            prop_assert!(decided(&without) >= before, "{:?}", without);
        }
    }

    #[test]
    fn a_waiver_never_makes_a_go_and_nothing_worse_than_conditional(items in prop::collection::vec(any_item(), 1..8), at in 0usize..8) {
        let gate = items[at % items.len()].id.clone();
        let on = Some(date("2026-01-10"));
        let mut waived = items.clone();
        waivers::lay(&mut waived, &[waiver(&gate)], &waivers::Context { run: None, on });
        let (before, after) = (decided(&items), decided(&waived));
        prop_assert!(before != Decision::NoGo || after != Decision::Go, "{:?}", waived);
        // One that counts is a condition, also where the failure alone would not have kept the release from GO.
        prop_assert!(after <= before.max(Decision::ConditionalGo), "{before:?} {after:?} {:?}", waived);
        prop_assert!(!waived.iter().any(|item| item.waived.is_some() && item.grade != Grade::Fail));
    }

    #[test]
    fn what_decides_is_always_named(items in prop::collection::vec(any_item(), 1..8)) {
        let readiness = decide(items, &ReadinessPlan::default(), None);
        let scored = readiness.items.iter().any(|item| item.is_open());
        prop_assert_eq!(readiness.decided_by.is_some(), readiness.decision != Decision::Go && scored);
        prop_assert!(readiness.decision == Decision::Go || !readiness.reasons.is_empty() || !scored);
    }
}
