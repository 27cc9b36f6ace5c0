//! Which runs count for which parts, how long, and what is missing.

use super::*;

#[test]
fn journeys_of_one_run_and_load_of_another_make_a_release() {
    let runs = [
        run(loaded(9, vec![of("fast", GOOD, Class::Key)])),
        run(walked(10, Outcome::Passed)),
    ];
    let release = gather(&runs, &asked("2026-01-10"));
    assert_eq!(release.readiness.decision, Decision::Go, "{release:#?}");
    assert_eq!(item(&release, "journeys").evidence.len(), 1);
    assert_eq!(item(&release, "target").evidence.len(), 2);
    let parts: Vec<_> = release
        .evidence
        .iter()
        .map(|e| (e.parts.join(","), e.age_days))
        .collect();
    assert_eq!(
        parts,
        [
            ("journey checkout".to_owned(), 0),
            ("scenario peak".to_owned(), 1)
        ]
    );
    assert!(
        release.notices[0].contains("readiness.needs"),
        "{:?}",
        release.notices
    );
    assert_eq!(release.readiness.exit_code(true), 0);
}

#[test]
fn gates_on_all_load_are_for_runs_with_load_and_missing_where_none_has() {
    let with_gate = |mut record: Record| {
        let gate = Gate {
            id: "suite#fast".into(),
            scenario: None,
            ..gate(GOOD)
        };
        record.run.as_mut().unwrap().plan.gates = vec![gate];
        run(record)
    };
    let walk = || with_gate(walked(10, Outcome::Passed));
    let both = gather(
        &[walk(), with_gate(loaded(9, Vec::new()))],
        &asked("2026-01-10"),
    );
    assert_eq!(
        both.readiness.decision,
        Decision::Go,
        "{:#?}",
        both.readiness.reasons
    );
    let alone = gather(&[walk()], &asked("2026-01-10"));
    assert_eq!(alone.readiness.decision, Decision::NoGo);
    assert_eq!(alone.readiness.decided_by.as_deref(), Some("suite#fast"));
}

#[test]
fn the_newest_run_of_a_part_counts_and_the_one_before_does_not() {
    let fast = || vec![of("fast", GOOD, Class::Key)];
    let slow = || vec![of("fast", BAD, Class::Key)];
    let mended = gather(
        &[run(loaded(9, slow())), run(loaded(10, fast()))],
        &asked("2026-01-10"),
    );
    assert_eq!(mended.readiness.decision, Decision::Go);
    assert_eq!(mended.evidence.len(), 1);
    let broken = gather(
        &[run(loaded(10, slow())), run(loaded(9, fast()))],
        &asked("2026-01-10"),
    );
    assert_eq!(broken.readiness.decision, Decision::NoGo);
    assert_eq!(broken.readiness.decided_by.as_deref(), Some("peak#fast"));
    assert_eq!(broken.readiness.exit_code(false), 1);
    // The walk of the older run failed and was walked again: only what is newest is in the figure.
    let again = gather(
        &[
            run(walked(8, Outcome::Failed)),
            run(walked(9, Outcome::Passed)),
        ],
        &asked("2026-01-10"),
    );
    assert_eq!(again.readiness.decision, Decision::Go);
}

#[test]
fn evidence_is_fresh_to_the_day_and_stale_the_day_after() {
    let runs = [run(loaded(3, vec![of("fast", GOOD, Class::Key)]))];
    assert_eq!(
        gather(&runs, &asked("2026-01-10")).readiness.decision,
        Decision::Go
    );
    let stale = gather(&runs, &asked("2026-01-11"));
    assert_eq!(stale.readiness.decision, Decision::NoGo);
    let gate = item(&stale, "peak#fast");
    assert_eq!(gate.standing, Standing::Stale);
    assert!(
        gate.reason
            .contains("8 days ago, and 7 count; it passed then"),
        "{gate:?}"
    );
    assert_eq!(gate.closes_with, "harness run peak --release 1.0");
    assert!(
        gate.reason
            .ends_with("`harness run peak --release 1.0` brings it"),
        "{gate:?}"
    );
    assert!(stale.evidence[0].stale);
    assert_eq!(stale.readiness.exit_code(false), 1);
    // A day ahead is another side of midnight, two are no evidence.
    assert_eq!(
        gather(&runs, &asked("2026-01-02")).readiness.decision,
        Decision::Go
    );
    assert_eq!(
        gather(&runs, &asked("2026-01-01")).readiness.decision,
        Decision::NoGo
    );
}

#[test]
fn what_is_needed_and_not_there_is_no_go_with_the_command_that_brings_it() {
    let load = loaded(10, vec![of("fast", GOOD, Class::Key)]);
    let suite = load.run.as_ref().unwrap().plan.clone();
    let met = |runs: &[Run], wanted: Wanted| {
        gather(
            runs,
            &Asked {
                wanted: vec![wanted],
                ..asked("2026-01-10")
            },
        )
    };
    let soak = || Needed::Scenario(name("peak"));
    let there = met(&[run(load.clone())], needs(soak(), suite.clone()));
    assert_eq!(
        there.readiness.decision,
        Decision::Go,
        "{:#?}",
        there.readiness.reasons
    );
    assert!(there.notices.is_empty());

    let missing = met(
        &[run(walked(10, Outcome::Passed))],
        needs(soak(), suite.clone()),
    );
    assert_eq!(missing.readiness.decision, Decision::NoGo);
    assert_eq!(
        missing.readiness.decided_by.as_deref(),
        Some("scenario `peak`")
    );
    let lacking = item(&missing, "scenario `peak`");
    assert_eq!(lacking.closes_with, "harness run peak --release 1.0");
    assert_eq!(lacking.owner.as_deref(), Some("the load team"));
    assert_eq!(missing.readiness.exit_code(false), 1);

    // Shortened load does not meet it, and says so.
    let mut shorter = load.clone();
    let mut longer = suite.clone();
    longer.scenarios[0].load = plan(40, Vec::new()).scenarios[0].load.clone();
    let short = met(&[run(load.clone())], needs(soak(), longer));
    assert_eq!(short.readiness.decision, Decision::NoGo);
    assert!(
        item(&short, "scenario `peak`")
            .reason
            .contains("another load")
    );
    shorter.run.as_mut().unwrap().plan.profile = Some(name("quick"));
    let full = met(
        &[run(shorter)],
        needs(Needed::Profile(name("full")), suite.clone()),
    );
    assert!(
        item(&full, "profile `full`")
            .reason
            .contains("another profile")
    );

    // A gate that was changed since is one that nobody has seen hold.
    let mut stricter = suite.clone();
    stricter.scenarios[0].gates = vec![of("fast", "p50 < 200ms", Class::Key)];
    let changed = met(&[run(load)], needs(soak(), stricter));
    assert_eq!(changed.readiness.decision, Decision::NoGo);
    assert!(
        item(&changed, "peak#fast")
            .reason
            .starts_with("changed since run")
    );

    // A command that would run nothing brings nothing.
    let mut empty = suite;
    empty.scenarios.clear();
    let vacuous = met(
        &[run(walked(10, Outcome::Passed))],
        needs(Needed::Profile(name("full")), empty),
    );
    assert_eq!(vacuous.readiness.decision, Decision::NoGo, "{vacuous:#?}");
}

#[test]
fn an_older_run_that_meets_a_need_counts_beside_a_newer_one_that_does_not() {
    let old = loaded(2, vec![of("fast", GOOD, Class::Key)]);
    let suite = old.run.as_ref().unwrap().plan.clone();
    let mut quick = loaded(10, vec![of("fast", GOOD, Class::Key)]);
    quick.run.as_mut().unwrap().plan.scenarios[0].load =
        plan(10, Vec::new()).scenarios[0].load.clone();
    let wanted = vec![needs(Needed::Scenario(name("peak")), suite)];
    let both = gather(
        &[run(old.clone()), run(quick)],
        &Asked {
            wanted: wanted.clone(),
            ..asked("2026-01-10")
        },
    );
    assert_eq!(item(&both, "peak#fast").evidence.len(), 2);
    // Eight days are too old for any evidence, and not for this need's fourteen.
    assert_ne!(item(&both, "peak#fast").standing, Standing::Stale);
    let alone = gather(
        &[run(old)],
        &Asked {
            wanted,
            ..asked("2026-01-17")
        },
    );
    assert_eq!(alone.readiness.decision, Decision::NoGo);
}

#[test]
fn a_run_that_did_not_end_counts_for_what_it_had_begun() {
    let fast = || vec![of("fast", GOOD, Class::Key)];
    let mut torn = loaded(10, fast());
    torn.end = None;
    torn.scenarios[0].end = None;
    let whole = loaded(9, fast());
    let release = gather(
        &[run(whole.clone()), run(torn.clone())],
        &asked("2026-01-10"),
    );
    assert_ne!(release.readiness.decision, Decision::Go, "{release:#?}");
    assert!(!release.evidence[0].complete);
    torn.scenarios.clear();
    let release = gather(&[run(whole), run(torn)], &asked("2026-01-10"));
    assert_eq!(release.readiness.decision, Decision::Go, "{release:#?}");
}

#[test]
fn runs_of_something_else_do_not_fit() {
    let first = loaded(10, Vec::new());
    assert_eq!(misfit(&first, &first), None);
    let other = |change: &dyn Fn(&mut crate::event::RunStarted)| {
        let mut other = first.clone();
        change(other.run.as_mut().unwrap());
        misfit(&other, &first).unwrap()
    };
    assert!(other(&|run| run.plan.project = "bank".into()).contains("project `bank`"));
    assert!(other(&|run| run.release = None).contains("of release none, not of 1.0"));
    assert!(other(&|run| run.plan.variant = Some(name("no-cache"))).contains("variant no-cache"));
}
