//! What a waiver covers, to its last day, and what it never does.

use super::*;

#[test]
fn a_waiver_counts_to_its_last_day_and_never_makes_a_go() {
    let runs = [run(loaded(
        20,
        vec![of("fast", BAD, Class::Key), of("slow", GOOD, Class::Key)],
    ))];
    let on = |on: &str, waiver: Waiver| {
        let mut asked = asked(on);
        asked.settings.waivers.push(waiver);
        gather(&runs, &asked)
    };
    let last = on("2026-01-20", waiver("peak#fast"));
    let readiness = &last.readiness;
    assert_eq!(readiness.decision, Decision::ConditionalGo);
    assert_eq!(readiness.decided_by.as_deref(), Some("peak#fast"));
    assert_eq!(
        readiness.unwaived.as_ref().unwrap().decision,
        Decision::NoGo
    );
    assert_eq!(readiness.waivers[0].state, Waiving::Counts { days_left: 0 });
    assert!(readiness.waivers[0].ends_soon());
    let condition = &readiness.conditions[0];
    assert_eq!(
        (condition.owner.as_deref(), condition.due),
        (Some("payments"), Due::After)
    );
    assert!(
        condition.closes_with.ends_with("by 2026-01-20, T-1"),
        "{condition:?}"
    );
    assert_eq!(
        [false, true].map(|strict| readiness.exit_code(strict)),
        [0, 6]
    );

    let after = on("2026-01-21", waiver("peak#fast"));
    assert_eq!(after.readiness.decision, Decision::NoGo);
    assert_eq!(after.readiness.waivers[0].state, Waiving::Expired);
    assert_eq!(after.readiness.unwaived, None);

    let early = Waiver {
        created: date("2026-01-21"),
        expires: date("2026-02-01"),
        ..waiver("peak#fast")
    };
    let early = on("2026-01-20", early);
    assert_eq!(
        (early.readiness.decision, early.readiness.waivers[0].state),
        (Decision::NoGo, Waiving::NotYet)
    );

    let removable = on("2026-01-20", waiver("peak#slow"));
    assert_eq!(
        (
            removable.readiness.decision,
            removable.readiness.waivers[0].state
        ),
        (Decision::NoGo, Waiving::Unneeded)
    );

    let elsewhere = Scope {
        release: Some(name("0.9")),
        ..Scope::default()
    };
    let elsewhere = on(
        "2026-01-20",
        Waiver {
            scope: elsewhere,
            ..waiver("peak#fast")
        },
    );
    assert_eq!(
        (
            elsewhere.readiness.decision,
            elsewhere.readiness.waivers[0].state
        ),
        (Decision::NoGo, Waiving::Idle)
    );
}

#[test]
fn a_waiver_covers_no_missing_and_no_stale_evidence() {
    let mut asked = asked("2026-01-20");
    asked.settings.waivers.push(waiver("peak#fast"));
    let stale = gather(&[run(loaded(3, vec![of("fast", BAD, Class::Key)]))], &asked);
    assert_eq!(
        (stale.readiness.decision, stale.readiness.waivers[0].state),
        (Decision::NoGo, Waiving::Uncovered)
    );
    let unseen = gather(
        &[run(loaded(
            20,
            vec![of("fast", "p50(browse) < 1s", Class::Key)],
        ))],
        &asked,
    );
    assert_eq!(
        (unseen.readiness.decision, unseen.readiness.waivers[0].state),
        (Decision::NoGo, Waiving::Uncovered)
    );
}

#[test]
fn a_waived_failure_of_one_run_is_not_hidden_by_a_pass_of_another() {
    // The gate judges all load; the run of the walk has none to judge it by, so two loads are needed.
    let mut first = loaded(10, Vec::new());
    let mut second = loaded(9, Vec::new());
    for (record, expect) in [(&mut first, GOOD), (&mut second, BAD)] {
        let gate = Gate {
            id: "suite#fast".into(),
            scenario: None,
            ..gate(expect)
        };
        record.run.as_mut().unwrap().plan.gates = vec![gate];
    }
    second.run.as_mut().unwrap().plan.scenarios[0].name = name("other");
    second.scenarios[0].name = name("other");
    let mut asked = asked("2026-01-10");
    asked.settings.waivers.push(waiver("suite#fast"));
    for runs in [
        [run(first.clone()), run(second.clone())],
        [run(second), run(first)],
    ] {
        let release = gather(&runs, &asked);
        assert_eq!(
            release.readiness.decision,
            Decision::ConditionalGo,
            "{:?}",
            release.readiness.reasons
        );
        assert_eq!(item(&release, "suite#fast").evidence.len(), 2);
    }
}
