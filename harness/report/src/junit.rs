//! JUnit XML for the CI server's test view: the run, journeys, contract, the target, the load and the gates as suites. The
//! same run gives the same text; no clock is read.

use crate::figures;
use crate::instrument;
use crate::text::{self, one_line, visible};
use harness_core::event::{ContractFinding, Outcome};
use harness_core::name::Name;
use harness_core::plan::accept::Accepted;
use harness_core::plan::gate::Class;
use harness_core::readiness::Readiness;
use harness_core::record::{ContractRecord, JourneyRecord, Record};
use harness_core::verdict::{
    CheckResult, GateResult, GeneratorResult, Grade, InvariantResult, Trust, Verdict,
};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use std::collections::BTreeMap;
use std::time::Duration;

/// Why the XML can't be made.
#[derive(Debug, thiserror::Error)]
#[error("failed to make the JUnit report: {0}")]
pub struct JunitError(String);

/// The whole report as XML. What is invalid or undecided is an error, what failed a failure; a gate that is only
/// told is skipped when it does not pass, and so is what failed under a waiver that counts, with the waiver's words.
pub fn render(
    record: &Record,
    verdict: &Verdict,
    readiness: &Readiness,
) -> Result<String, JunitError> {
    let name = record.run.as_ref().map_or_else(
        || "harness".to_owned(),
        |run| format!("{} {}", run.plan.project, run.run),
    );
    let mut report = Report::new(one_line(&name, 200));
    report.time = Some(Duration::from_micros(record.last_us));
    report.add_test_suite(check(
        "run",
        "came to its end with nothing lost",
        &verdict.run,
    ));
    report.add_test_suite(check("target", "comes up and stays up", &verdict.target));
    let suites = [
        journeys(record, waiver(readiness, "journeys")),
        contract(record, waiver(readiness, "contract")),
        load(verdict),
        gates(record, verdict, readiness),
    ];
    report.add_test_suites(suites.into_iter().filter(|suite| suite.tests > 0));
    report.to_string().map_err(|e| JunitError(e.to_string()))
}

/// How a case ended.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Success,
    Failure,
    Error,
    Skipped,
}

fn status(end: End, word: &str, message: &str, description: &str) -> TestCaseStatus {
    let mut status = match end {
        End::Success => return TestCaseStatus::success(),
        End::Failure => TestCaseStatus::non_success(NonSuccessKind::Failure),
        End::Error => TestCaseStatus::non_success(NonSuccessKind::Error),
        End::Skipped => TestCaseStatus::skipped(),
    };
    status.set_type(word).set_message(one_line(message, 1000));
    if !description.is_empty() {
        status.set_description(visible(description));
    }
    status
}

const fn end_of(grade: Grade) -> End {
    match grade {
        Grade::Pass => End::Success,
        Grade::Fail => End::Failure,
        Grade::Invalid | Grade::Inconclusive => End::Error,
    }
}

/// The words of the waiver under which an item's failure is accepted.
fn waiver(readiness: &Readiness, id: &str) -> Option<String> {
    let item = readiness.items.iter().find(|item| item.id == id)?;
    figures::waiver_words(item)
}

/// A failure that is accepted, as a case that did not count; anything else as it is.
fn unless_waived(status: TestCaseStatus, waiver: Option<&String>, seen: &str) -> TestCaseStatus {
    let failed = matches!(
        status,
        TestCaseStatus::NonSuccess {
            kind: NonSuccessKind::Failure,
            ..
        }
    );
    match waiver.filter(|_| failed) {
        Some(words) => self::status(End::Skipped, "waived", words, seen),
        None => status,
    }
}

fn case(suite: &str, name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(one_line(name, 300), status);
    case.set_classname(suite);
    case
}

/// A suite of one built-in check.
fn check(name: &str, what: &str, check: &CheckResult) -> TestSuite {
    let mut suite = TestSuite::new(name);
    let status = status(
        end_of(check.grade),
        figures::grade_word(check.grade),
        &check.reason,
        "",
    );
    suite.add_test_case(case(name, what, status));
    suite
}

fn journeys(record: &Record, waiver: Option<String>) -> TestSuite {
    let mut suite = TestSuite::new("journeys");
    for walk in &record.journeys {
        let mut case = case(
            "journeys",
            &figures::walk_name(record, walk),
            unless_waived(walk_status(walk), waiver.as_ref(), &broken(walk)),
        );
        case.set_time(Duration::from_micros(walk.took_us));
        suite.add_test_case(case);
    }
    suite.set_time(Duration::from_micros(
        record.journeys.iter().map(|w| w.took_us).sum(),
    ));
    suite
}

/// What did not hold in a walk.
fn broken(walk: &JourneyRecord) -> String {
    let failures = figures::broken_step(walk).into_iter();
    let failures = failures.flat_map(|step| &step.failures);
    let lines = failures.map(|b| format!("expected {}, was {}", b.expected, b.actual));
    lines.collect::<Vec<_>>().join("\n")
}

fn walk_status(walk: &JourneyRecord) -> TestCaseStatus {
    match walk.outcome {
        Some(Outcome::Passed) => TestCaseStatus::success(),
        Some(Outcome::Cancelled) => status(
            End::Skipped,
            "cancelled",
            "stopped before it was through",
            "",
        ),
        None => status(
            End::Error,
            "cut-short",
            "the record ends before the walk does",
            "",
        ),
        Some(Outcome::Failed) => {
            let Some(step) = figures::broken_step(walk) else {
                return status(End::Failure, "fail", "it failed without a broken step", "");
            };
            let broken: Vec<String> = step
                .failures
                .iter()
                .map(|b| format!("expected {}, was {}", b.expected, b.actual))
                .collect();
            let curl = step
                .exchange
                .as_ref()
                .map_or_else(String::new, |x| format!("\nrepeat it with:\n{}", x.curl));
            status(
                End::Failure,
                "fail",
                &format!("{}: {}", step.step, broken.join("; ")),
                &format!("{}\n{}{curl}", step.step, broken.join("\n")),
            )
        }
    }
}

/// A case for each operation, known from coverage or from a finding.
fn contract(record: &Record, waiver: Option<String>) -> TestSuite {
    let mut suite = TestSuite::new("contract");
    for (name, contract) in &record.contracts {
        for (operation, found) in by_operation(record, contract) {
            let mut case = operation_case(record, name, contract, operation, &found);
            let first = found.first().map_or("", |(finding, _)| &finding.message);
            case.status = unless_waived(case.status, waiver.as_ref(), first);
            suite.add_test_case(case);
        }
    }
    suite
}

fn by_operation<'r>(
    record: &'r Record,
    contract: &'r ContractRecord,
) -> BTreeMap<&'r str, Vec<(&'r ContractFinding, u64)>> {
    let known = contract.coverage.iter().flat_map(|c| c.operations.keys());
    let mut operations: BTreeMap<&str, Vec<_>> = known
        .map(|operation| (operation.as_str(), Vec::new()))
        .collect();
    for (finding, times) in figures::open_findings(record, contract) {
        operations
            .entry(&finding.operation)
            .or_default()
            .push((finding, times));
    }
    operations
}

fn operation_case(
    record: &Record,
    name: &Name,
    contract: &ContractRecord,
    operation: &str,
    found: &[(&ContractFinding, u64)],
) -> TestCase {
    let exercised = contract
        .coverage
        .as_ref()
        .and_then(|c| c.operations.get(operation))
        .is_none_or(|seen| !seen.is_empty());
    let status = match found.first() {
        Some((first, _)) => {
            let lines: Vec<String> = found
                .iter()
                .map(|(f, times)| {
                    format!(
                        "{}: {} ({})",
                        figures::check_word(f.check),
                        f.message,
                        text::plural(*times, "time")
                    )
                })
                .collect();
            let curl = first
                .exchange
                .as_ref()
                .map_or_else(String::new, |x| format!("\nrepeat it with:\n{}", x.curl));
            status(
                End::Failure,
                &figures::check_word(first.check),
                &first.message,
                &format!("{}{curl}", lines.join("\n")),
            )
        }
        None if let Some(accepted) = accepted(record, contract, operation) => status(
            End::Skipped,
            "accepted",
            &format!("{}: {}", accepted.finding, accepted.reason),
            "",
        ),
        None if exercised => TestCaseStatus::success(),
        None => status(
            End::Skipped,
            "not-exercised",
            "no case, walk or load reached this operation",
            "",
        ),
    };
    case("contract", &format!("{name}: {operation}"), status)
}

/// What the suite accepts of an operation: it neither failed nor passed.
fn accepted<'r>(
    record: &'r Record,
    contract: &ContractRecord,
    operation: &str,
) -> Option<&'r Accepted> {
    let findings = contract.findings.values().map(|(finding, _)| finding);
    findings
        .filter(|finding| finding.operation == operation)
        .find_map(|finding| record.accepted(finding))
}

fn load(verdict: &Verdict) -> TestSuite {
    let mut suite = TestSuite::new("load");
    for result in &verdict.generator {
        let end = if result.trust == Trust::Invalid {
            End::Error
        } else {
            End::Success
        };
        let mut case = case(
            "load",
            &format!("{} was the load it was meant to be", result.scenario),
            status(
                end,
                figures::trust_word(result.trust),
                &result.reasons.join("; "),
                "",
            ),
        );
        case.set_system_out(visible(&told(result)));
        suite.add_test_case(case);
    }
    suite
}

/// The generator's verdict, its reasons and figures: a degraded load is no failed case, and must not go unseen for that.
fn told(result: &GeneratorResult) -> String {
    let mut lines = vec![format!("generator: {}", figures::trust_word(result.trust))];
    lines.extend(result.reasons.iter().cloned());
    lines.extend(instrument::late_and_dropped(result));
    let figures = instrument::figures(result);
    lines.extend(figures.iter().map(|f| format!("{}: {}", f.name, f.value)));
    lines.join("\n")
}

fn gates(record: &Record, verdict: &Verdict, readiness: &Readiness) -> TestSuite {
    let mut suite = TestSuite::new("gates");
    let waived = |mut case: TestCase, id: &str, reason: &str| {
        case.status = unless_waived(case.status, waiver(readiness, id).as_ref(), reason);
        case
    };
    let gates = verdict.gates.iter();
    suite.add_test_cases(gates.map(|g| waived(gate(g), &g.gate.id, &g.reason)));
    let invariants = verdict.invariants.iter();
    suite.add_test_cases(invariants.map(|i| waived(invariant(record, i), &i.gate.id, &i.reason)));
    suite
}

fn invariant(record: &Record, result: &InvariantResult) -> TestCase {
    let gate = &result.gate;
    let end = match end_of(result.grade) {
        End::Success => End::Success,
        _ if gate.class == Class::Info => End::Skipped,
        end => end,
    };
    let checked = record.invariant(&gate.id);
    let figures = checked.into_iter().flat_map(|checked| &checked.figures);
    let mut lines = vec![result.reason.clone()];
    lines.extend(figures.map(|(term, figure)| format!("{term} = {figure}")));
    let walks = checked.and_then(|checked| checked.walks.as_ref());
    let exchange = walks
        .and_then(|walks| walks.evidence.first())
        .and_then(|walk| walk.exchange.as_ref());
    lines.extend(exchange.map(|x| format!("repeat it with:\n{}", x.curl)));
    lines.push(format!("{}:{}", gate.origin.file, gate.origin.line));
    let name = format!("{} {} ({})", gate.id, gate.check, figures::after(result));
    let word = figures::grade_word(result.grade);
    let status = status(end, word, &result.reason, &lines.join("\n"));
    case("gates", &name, status)
}

fn gate(result: &GateResult) -> TestCase {
    let end = match end_of(result.grade) {
        End::Success => End::Success,
        _ if result.gate.class == Class::Info => End::Skipped,
        end => end,
    };
    let place = format!("{}:{}", result.gate.origin.file, result.gate.origin.line);
    let name = format!(
        "{} {} ({})",
        result.gate.id,
        figures::expectation(result),
        figures::place(result)
    );
    case(
        "gates",
        &name,
        status(
            end,
            figures::grade_word(result.grade),
            &result.reason,
            &format!("{}\n{place}", result.reason),
        ),
    )
}
