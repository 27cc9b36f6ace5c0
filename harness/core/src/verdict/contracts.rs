//! Whether the contracts hold: breaches, what was not exercised, and what the suite knows and accepts.

use super::checks::{count, missing, result};
use super::{CheckResult, Grade};
use crate::event::{ContractCheck, ContractFinding};
use crate::name::Name;
use crate::plan::accept::Accepted;
use crate::record::Record;
use std::collections::BTreeSet;

/// Whether every contract was exercised and holds. Findings are counted by their key; those the suite accepts are told
/// and nothing more. Where nothing of a contract could be asked, the suite is wrong, not the target: invalid.
pub(super) fn contract(record: &Record) -> CheckResult {
    let planned = record
        .run
        .as_ref()
        .map_or(0, |run| run.plan.contracts.len());
    let all = record.contracts.values().flat_map(|c| c.findings.values());
    let (accepted, open): (Vec<_>, Vec<_>) = all
        .map(|(finding, _)| finding)
        .partition(|finding| record.accepted(finding).is_some());
    let operations: u64 = record
        .contracts
        .values()
        .filter_map(|c| c.coverage.as_ref())
        .map(|c| c.operations.len() as u64)
        .sum();
    let mut broken: Vec<_> = open
        .iter()
        .filter(|f| f.check != ContractCheck::NotExercised)
        .collect();
    broken.sort_by_key(|f| (f.check == ContractCheck::Preflight, f.check));
    if let Some(first) = broken.first() {
        let n = broken.len() as u64;
        if first.check == ContractCheck::Preflight {
            let reason = format!("contract `{}`: {}", first.contract, first.message);
            return result(Grade::Invalid, operations.max(n), n, reason);
        }
        let reason = broken_reason(&broken, first);
        return result(Grade::Fail, operations.max(n), n, reason);
    }
    if planned == 0 && operations == 0 {
        return result(Grade::Pass, 0, 0, "no contract was planned");
    }
    if let Some((name, _)) = record.contracts.iter().find(|(_, c)| c.coverage.is_none()) {
        return result(
            missing(record),
            operations,
            0,
            format!("contract `{name}` was not exercised"),
        );
    }
    let left_out: BTreeSet<_> = left_out(record, &accepted);
    let not_exercised: BTreeSet<_> = open
        .iter()
        .map(|f| (&f.contract, f.operation.as_str()))
        .chain(unseen(record))
        .filter(|operation| !left_out.contains(operation))
        .collect();
    let known = acceptances(record, accepted.len());
    if let Some((_, first)) = not_exercised.first() {
        let reason = format!(
            "{} of {} could not be exercised; `{first}` first{known}",
            not_exercised.len(),
            count(operations, "operation")
        );
        return result(Grade::Inconclusive, operations, 0, reason);
    }
    let exercised = match left_out.len() as u64 {
        0 => format!("{} exercised", count(operations, "operation")),
        n => format!(
            "{} of {} exercised",
            operations.saturating_sub(n),
            count(operations, "operation")
        ),
    };
    let breach = if known.is_empty() {
        "no breach"
    } else {
        "no new breach"
    };
    result(
        Grade::Pass,
        operations,
        0,
        format!("{exercised}, {breach}{known}"),
    )
}

/// What is broken, in words: what the target's answers break, and what is wrong with a document and no fault of theirs.
fn broken_reason(broken: &[&&ContractFinding], first: &ContractFinding) -> String {
    let of_the_document = |f: &&&&ContractFinding| f.check == ContractCheck::Document;
    let own: Vec<_> = broken.iter().filter(of_the_document).collect();
    let aside = [ContractCheck::Document, ContractCheck::Preflight];
    let theirs = broken.iter().filter(|f| !aside.contains(&f.check));
    let theirs: Vec<_> = theirs.collect();
    let breaches = count(theirs.len() as u64, "breach").replace("breachs", "breaches");
    let Some(document) = own.first() else {
        return format!(
            "{breaches} of the contract; {}: {}",
            first.operation, first.message
        );
    };
    let faults = count(own.len() as u64, "fault");
    let (contract, message) = (&document.contract, &document.message);
    match theirs.first() {
        None => format!(
            "{faults} of the document itself, none of the target's answers; contract `{contract}`: {message}"
        ),
        Some(theirs) => format!(
            "{breaches} of the contract; {}: {}; and {faults} of the document itself, contract `{contract}`: {message}",
            theirs.operation, theirs.message
        ),
    }
}

/// Operations that the suite accepts not to be exercised, and were not.
fn left_out<'r>(
    record: &'r Record,
    accepted: &[&'r ContractFinding],
) -> BTreeSet<(&'r Name, &'r str)> {
    let word = ContractCheck::NotExercised;
    let said = accepted
        .iter()
        .filter(|f| f.check == word)
        .map(|f| (&f.contract, f.operation.as_str()));
    // Said of none that could not even be asked: the key is what it would have been.
    let unsaid = unseen(record).filter(|(contract, operation)| {
        let key = format!("{}:{operation}:success", word.as_str());
        record
            .acceptances(contract)
            .iter()
            .any(|one| one.covers(&key))
    });
    said.chain(unsaid).collect()
}

/// Operations that nothing reached.
fn unseen(record: &Record) -> impl Iterator<Item = (&Name, &str)> {
    record.contracts.iter().flat_map(|(name, contract)| {
        let operations = contract.coverage.iter().flat_map(|c| &c.operations);
        operations
            .filter(|(_, seen)| seen.is_empty())
            .map(move |(operation, _)| (name, operation.as_str()))
    })
}

/// `; 3 known ones accepted, 1 acceptance without a finding, `KEY` first`, or nothing.
fn acceptances(record: &Record, accepted: usize) -> String {
    let mut words = Vec::new();
    if accepted > 0 {
        words.push(format!("{accepted} known accepted"));
    }
    let stale: Vec<_> = record
        .contracts
        .iter()
        .flat_map(|(name, contract)| {
            let unused = |one: &&Accepted| {
                let mut findings = contract.findings.values();
                !findings.any(|(f, _)| record.accepted(f) == Some(*one))
            };
            record.acceptances(name).iter().filter(unused)
        })
        .collect();
    if let Some(first) = stale.first() {
        words.push(format!(
            "{} without a finding, `{}` first",
            count(stale.len() as u64, "acceptance"),
            first.finding
        ));
    }
    if words.is_empty() {
        return String::new();
    }
    format!("; {}", words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{ContractCoverage, Event, RunEnd, SeenIn};
    use crate::plan::ContractPlan;
    use crate::record::testing::{Stream, name, plan};

    fn accepting(accept: &[&str], events: impl IntoIterator<Item = Event>, end: RunEnd) -> Record {
        let mut plan = plan(10, Vec::new());
        plan.scenarios.clear();
        let accepted = |finding: &&str| Accepted {
            finding: (*finding).to_owned(),
            reason: "known".into(),
        };
        plan.contracts.push(ContractPlan {
            name: name("orders"),
            document: "orders.yaml".into(),
            text: "".into(),
            base: crate::template::Text::default(),
            headers: Vec::new(),
            repeat: false,
            accept: accept.iter().map(accepted).collect(),
        });
        let stream = Stream::bare(plan);
        let stream = events.into_iter().fold(stream, Stream::event);
        stream.event(Event::RunFinished { end }).record()
    }

    fn with(events: impl IntoIterator<Item = Event>, end: RunEnd) -> Record {
        accepting(&[], events, end)
    }

    fn covered(statuses: &[u16]) -> Event {
        let seen = statuses
            .iter()
            .map(|s| (*s, [(SeenIn::Case, 1)].into()))
            .collect();
        Event::ContractCoverage(ContractCoverage {
            contract: name("orders"),
            operations: [("GET /orders".to_owned(), seen)].into(),
        })
    }

    fn finding(check: ContractCheck, key: &str) -> Event {
        Event::ContractFinding(Box::new(ContractFinding {
            contract: name("orders"),
            check,
            operation: "GET /orders".into(),
            message: "the body has no `id`".into(),
            key: key.into(),
            seen_in: SeenIn::Case,
            exchange: None,
        }))
    }

    #[test]
    fn a_contract_must_be_exercised_and_hold() {
        let check = |events: Vec<Event>, end| contract(&with(events, end));
        assert_eq!(
            check(vec![covered(&[200])], RunEnd::Completed).grade,
            Grade::Pass
        );
        assert_eq!(check(vec![], RunEnd::Completed).grade, Grade::Fail);
        assert_eq!(check(vec![], RunEnd::Cancelled).grade, Grade::Inconclusive);
        assert_eq!(
            check(vec![covered(&[])], RunEnd::Completed).grade,
            Grade::Inconclusive
        );
        let skipped = vec![covered(&[200]), finding(ContractCheck::NotExercised, "n")];
        assert_eq!(check(skipped, RunEnd::Completed).grade, Grade::Inconclusive);
        let twice = vec![
            covered(&[200]),
            finding(ContractCheck::BodySchema, "a"),
            finding(ContractCheck::BodySchema, "a"),
            finding(ContractCheck::ServerError, "b"),
        ];
        let twice = check(twice, RunEnd::Completed);
        assert_eq!((twice.grade, twice.failed), (Grade::Fail, 2));
        assert_eq!(
            contract(&Stream::new(plan(10, Vec::new())).record()).grade,
            Grade::Pass
        );
    }

    #[test]
    fn what_is_accepted_is_told_and_no_breach() {
        let said = |accept: &[&str], events: Vec<Event>| {
            let result = contract(&accepting(accept, events, RunEnd::Completed));
            (result.grade, result.reason)
        };
        let breach = || finding(ContractCheck::BodySchema, "body-schema:GET /orders:200");
        let (grade, reason) = said(
            &["body-schema:GET /orders:*"],
            vec![covered(&[200]), breach()],
        );
        assert_eq!(grade, Grade::Pass);
        assert_eq!(
            reason,
            "1 operation exercised, no new breach; 1 known accepted"
        );
        let other = "server-error:GET /orders:*";
        let (grade, _) = said(&[other], vec![covered(&[200]), breach()]);
        assert_eq!(grade, Grade::Fail, "another finding is not accepted");
        let (grade, reason) = said(&[other], vec![covered(&[200])]);
        assert_eq!(grade, Grade::Pass);
        assert!(
            reason.contains("1 acceptance without a finding, `server-error"),
            "{reason}"
        );
    }

    #[test]
    fn what_may_be_left_out_is_not_counted_as_exercised() {
        let key = "not-exercised:GET /orders:success";
        let left_out = || finding(ContractCheck::NotExercised, key);
        for events in [vec![covered(&[404]), left_out()], vec![covered(&[])]] {
            let accepted = contract(&accepting(&["not-exercised:*"], events, RunEnd::Completed));
            assert_eq!(accepted.grade, Grade::Pass);
            assert!(
                accepted.reason.starts_with("0 of 1 operation exercised"),
                "{}",
                accepted.reason
            );
        }
    }

    #[test]
    fn a_contract_that_asked_the_wrong_place_judges_nothing() {
        let preflight = || finding(ContractCheck::Preflight, "preflight:orders:404");
        let wrong = contract(&with([covered(&[404]), preflight()], RunEnd::Completed));
        assert_eq!(wrong.grade, Grade::Invalid);
        let breach = finding(ContractCheck::BodySchema, "a");
        let both = contract(&with(
            [covered(&[404]), preflight(), breach],
            RunEnd::Completed,
        ));
        assert_eq!(both.grade, Grade::Fail, "another contract's breach stands");
    }
}
