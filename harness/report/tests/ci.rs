//! What CI systems show of a run: JUnit by what readers of it ask for, annotations and the comment, with waivers and with
//! targets that say hostile things.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "in a test a panic is the report"
)]

use harness_core::event::{Envelope, Event, RunEnd};
use harness_core::readiness::{Readiness, Waived, readiness};
use harness_core::record::{Record, fold};
use harness_core::verdict::{Grade, Verdict, evaluate};
use harness_report::{github, junit, markdown, store};
use proptest::prelude::*;
use quick_junit::{NonSuccessKind, Report, TestCaseStatus};
use std::path::Path;

const RUNS: [&str; 4] = ["go", "no-go", "cut-short", "hostile"];

fn judged(run: &str) -> (Record, Verdict, Readiness) {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../fixtures/runs/{run}.ndjson"));
    let record = store::record(&path).unwrap().record;
    let verdict = evaluate(&record);
    let readiness = readiness(&record, &verdict);
    (record, verdict, readiness)
}

/// What XML 1.0 allows.
fn allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// The value of an attribute of a tag.
fn attribute<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    let value = tag.split_once(&format!(" {name}=\""))?.1;
    value.split('"').next()
}

/// Holds a report to what the JUnit schema and its readers ask for.
fn sound(xml: &str) -> Report {
    assert!(xml.chars().all(allowed), "a character that XML forbids");
    let report = Report::deserialize_from_str(xml).expect("it is XML of the right shape");
    let mut sums = [0; 3];
    for suite in &report.test_suites {
        let count = |wanted: fn(&TestCaseStatus) -> bool| {
            suite
                .test_cases
                .iter()
                .filter(|case| wanted(&case.status))
                .count()
        };
        let failures = count(|s| {
            matches!(
                s,
                TestCaseStatus::NonSuccess {
                    kind: NonSuccessKind::Failure,
                    ..
                }
            )
        });
        let errors = count(|s| {
            matches!(
                s,
                TestCaseStatus::NonSuccess {
                    kind: NonSuccessKind::Error,
                    ..
                }
            )
        });
        let skipped = count(|s| matches!(s, TestCaseStatus::Skipped { .. }));
        let tag = xml.split("<testsuite ").skip(1);
        let tag = tag.map(|rest| format!(" {}", rest.split('>').next().unwrap()));
        let tag = tag
            .into_iter()
            .find(|tag| attribute(tag, "name") == Some(suite.name.as_str()))
            .unwrap();
        for (name, n) in [
            ("tests", suite.test_cases.len()),
            ("failures", failures),
            ("errors", errors),
            ("skipped", skipped),
        ] {
            assert_eq!(
                attribute(&tag, name),
                Some(n.to_string().as_str()),
                "{name} of {}",
                suite.name.as_str()
            );
        }
        for case in &suite.test_cases {
            assert!(!case.name.as_str().trim().is_empty() && case.classname.is_some());
        }
        for (sum, n) in sums
            .iter_mut()
            .zip([suite.test_cases.len(), failures, errors])
        {
            *sum += n;
        }
    }
    let head = xml
        .split("<testsuites")
        .nth(1)
        .unwrap()
        .split('>')
        .next()
        .unwrap();
    for (name, n) in ["tests", "failures", "errors"].into_iter().zip(sums) {
        assert_eq!(
            attribute(head, name),
            Some(n.to_string().as_str()),
            "{name}"
        );
    }
    for time in xml.split(" time=\"").skip(1) {
        let time = time.split('"').next().unwrap();
        assert!(
            time.bytes().all(|b| b.is_ascii_digit() || b == b'.') && time.parse::<f64>().is_ok(),
            "{time}"
        );
    }
    report
}

#[test]
fn every_run_is_a_junit_report_that_its_readers_understand() {
    for run in RUNS {
        let (record, verdict, readiness) = judged(run);
        let report = sound(&junit::render(&record, &verdict, &readiness).unwrap());
        let failed = report
            .test_suites
            .iter()
            .flat_map(|s| &s.test_cases)
            .any(|case| matches!(case.status, TestCaseStatus::NonSuccess { .. }));
        assert_eq!(failed, run != "go", "{run}");
    }
}

/// The run that failed, with everything that failed in it waived.
fn waived() -> (Record, Verdict, Readiness) {
    let (record, verdict, mut readiness) = judged("no-go");
    for item in readiness
        .items
        .iter_mut()
        .filter(|i| i.grade == Grade::Fail)
    {
        item.waived = Some(Waived {
            expires: "2026-12-31".parse().unwrap(),
            owner: "the shop's team".to_owned(),
            reason: "mended <in> 1.5 & later".to_owned(),
            ticket: Some("SHOP-7".to_owned()),
        });
    }
    (record, verdict, readiness)
}

#[test]
fn what_is_waived_is_skipped_with_the_waivers_words_and_a_warning() {
    let (record, verdict, readiness) = waived();
    let xml = junit::render(&record, &verdict, &readiness).unwrap();
    let report = sound(&xml);
    let cases = report.test_suites.iter().flat_map(|s| &s.test_cases);
    let failures = cases.filter(|c| {
        matches!(
            c.status,
            TestCaseStatus::NonSuccess {
                kind: NonSuccessKind::Failure,
                ..
            }
        )
    });
    assert_eq!(failures.count(), 0, "{xml}");
    assert!(xml.contains("type=\"waived\"") && xml.contains("waived until 2026-12-31 by the shop&apos;s team (SHOP-7): mended &lt;in&gt; 1.5 &amp; later"), "{xml}");
    let notes = github::notes(&record, &verdict, &readiness);
    assert!(
        notes
            .iter()
            .any(|n| n.message.contains("waived until 2026-12-31"))
    );
    assert!(
        notes.iter().all(|n| n.level == github::Level::Warning),
        "{notes:#?}"
    );
}

#[test]
fn annotations_of_every_run() {
    for run in RUNS {
        let (record, verdict, readiness) = judged(run);
        let notes = github::notes(&record, &verdict, &readiness);
        let text = github::commands(&notes, &|file| Some(file.to_owned()), "report.html");
        assert!(!text.contains(['\u{1b}', '\u{202e}']));
        insta::assert_snapshot!(format!("annotations-{run}"), text);
    }
}

#[test]
fn a_target_that_does_not_come_up_is_one_error_and_a_count() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/runs/go.ndjson");
    let mut stream = store::read(&path).unwrap().map(Result::unwrap);
    let begun = stream.next().unwrap();
    let after = |n: u64, event: Event| Envelope {
        seq: begun.seq + n,
        event,
        ..begun.clone()
    };
    let failed = Event::TargetFailed {
        service: Some("orders".to_owned()),
        reason: "not ready within 20 s".to_owned(),
        output: Vec::new(),
    };
    let end = RunEnd::TargetFailed;
    let events = [after(1, failed), after(2, Event::RunFinished { end })];
    let record = fold(std::iter::once(begun.clone()).chain(events)).unwrap();
    let verdict = evaluate(&record);
    let readiness = readiness(&record, &verdict);
    let open = readiness.items.iter().filter(|item| item.is_open()).count();
    assert!(open > 4, "{open} items are open");
    let notes = github::notes(&record, &verdict, &readiness);
    let text = github::commands(&notes, &|_| None, "report.html");
    let rest = format!(
        "{} other checks without an answer for this reason",
        open - 1
    );
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(
        text.starts_with("::error title=fail The target came up and stayed up::")
            && text.contains("not ready within 20 s%0A")
            && text.trim_end().ends_with(&rest),
        "{text}"
    );
}

#[test]
fn what_is_open_for_another_reason_than_a_lost_target_is_told_by_itself() {
    let (mut record, verdict, mut readiness) = judged("go");
    record.end = Some(RunEnd::TargetFailed);
    let mut gates: Vec<_> = readiness
        .items
        .iter_mut()
        .filter(|item| item.id == "target" || item.scenario.is_some())
        .collect();
    assert!(gates.len() > 2, "{gates:#?}");
    for item in &mut gates {
        item.grade = match item.id.as_str() {
            "target" => Grade::Fail,
            _ => Grade::Inconclusive,
        };
        item.reason = format!("why {}", item.id);
    }
    let of_scenario = readiness.items.iter().filter(|i| i.is_open()).count() - 1;
    assert!(of_scenario > 2, "{of_scenario}");
    let told = |record: &Record| {
        let notes = github::notes(record, &verdict, &readiness);
        github::commands(&notes, &|_| None, "report.html")
    };
    // Its scenario was played to the end before the target went.
    let text = told(&record);
    assert_eq!(text.lines().count(), of_scenario + 1, "{text}");
    assert!(!text.contains("for this reason"), "{text}");
    // One that the target took with it.
    for scenario in &mut record.scenarios {
        scenario.end = None;
    }
    let text = told(&record);
    assert_eq!(text.lines().count(), 1, "{text}");
    let said = format!("{of_scenario} other checks without an answer for this reason");
    assert!(text.contains(&said), "{text}");
}

#[test]
fn comment_of_every_run() {
    for run in RUNS {
        let (record, verdict, readiness) = judged(run);
        let text = markdown::comment(&record, &verdict, &readiness);
        assert!(!text.contains(['\u{1b}', '\u{202e}']));
        insta::assert_snapshot!(format!("comment-{run}"), text);
    }
}

#[test]
fn a_comment_and_a_summary_stay_within_their_room_and_name_what_is_left_out() {
    let (record, verdict, mut readiness) = judged("no-go");
    let item = readiness
        .items
        .iter()
        .find(|i| i.is_open())
        .unwrap()
        .clone();
    readiness.items = vec![item; 2_000];
    for (n, item) in readiness.items.iter_mut().enumerate() {
        item.reason = format!("{n}{}", "ö".repeat(400));
    }
    let text = markdown::comment(&record, &verdict, &readiness);
    assert!(text.len() <= markdown::COMMENT, "{}", text.len());
    assert!(
        text.ends_with("All of it is in the full report.*\n")
            && text.contains("the rest of the part above, payments-slow"),
        "{}",
        &text[text.len() - 400..]
    );
    for room in [4_000, 20_000, 100_000] {
        let text = markdown::within(room, &record, &verdict, &readiness);
        assert!(
            text.len() <= room && text.contains("Left out: "),
            "{room}: {}",
            text.len()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn whatever_a_target_says_the_report_is_xml_and_the_comment_is_marked(words in any::<String>()) {
        let (mut record, mut verdict, readiness) = judged("hostile");
        for gate in &mut verdict.gates {
            gate.reason.clone_from(&words);
        }
        for walk in &mut record.journeys {
            for broken in walk.steps.iter_mut().flat_map(|step| &mut step.failures) {
                broken.actual.clone_from(&words);
            }
        }
        if let Some(run) = &mut record.run {
            run.plan.project.clone_from(&words);
        }
        sound(&junit::render(&record, &verdict, &readiness).unwrap());
        let comment = markdown::comment(&record, &verdict, &readiness);
        let mark = comment.lines().next().unwrap();
        prop_assert!(mark.starts_with("<!-- harness project=") && mark.ends_with(" -->"));
        prop_assert_eq!(mark.matches("--").count(), 2);
        prop_assert!(mark.matches('>').count() == 1);
    }
}
