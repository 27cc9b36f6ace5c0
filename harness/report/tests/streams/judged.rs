//! What a made-up run is worth.

use super::*;

/// What this run is worth, made by hand: reporters are tested on what they show, not on how it was judged.
pub fn judged(
    record: &harness_core::record::Record,
) -> (
    harness_core::verdict::Verdict,
    harness_core::readiness::Readiness,
) {
    use harness_core::readiness::{Condition, Decision, Item, Readiness};
    use harness_core::verdict::{CheckResult, GateResult, GeneratorResult, Grade, Trust, Verdict};
    let plan = &record.run.as_ref().expect("a run").plan;
    let bad = record
        .journeys
        .iter()
        .any(|w| w.outcome == Some(Outcome::Failed));
    let grade = |fails: bool| if fails { Grade::Fail } else { Grade::Pass };
    let check = |fails: bool, total: u64, good: &str, failed: &str| CheckResult {
        grade: grade(fails),
        total,
        failed: u64::from(fails),
        reason: if fails { failed } else { good }.to_owned(),
    };
    let seen = |id: &str| -> (Option<f64>, harness_core::expr::gate::Unit, Grade, &str) {
        use harness_core::expr::gate::Unit::{Micros, Share};
        match (id, bad) {
            ("payments-slow#1", _) => (
                Some(89_900.0),
                Micros,
                Grade::Pass,
                "p99 of checkout was 89.9 ms, below 2 s, over 92 samples of undisturbed load",
            ),
            ("payments-slow#2", _) => (
                Some(14_900.0),
                Micros,
                Grade::Pass,
                "p95 of browse was 14.9 ms, below 100 ms, over 368 samples of undisturbed load",
            ),
            ("payments-slow#3", true) => (
                Some(0.079),
                Share,
                Grade::Fail,
                "7.9% of 240 journeys failed during provider is slow, above 2%",
            ),
            ("payments-slow#3", false) => (
                Some(0.0),
                Share,
                Grade::Pass,
                "none of 240 journeys failed during provider is slow",
            ),
            ("payments-slow#4", true) => (
                None,
                Micros,
                Grade::Inconclusive,
                "the load ended before the tail was back in its band",
            ),
            ("payments-slow#4", false) => (
                Some(3_000_000.0),
                Micros,
                Grade::Pass,
                "back in the band 3.00 s after the fault was lifted, below 5 s",
            ),
            ("payments-slow#5", true) => (
                Some(7_710_000.0),
                Micros,
                Grade::Fail,
                "p99.9 was 7.71 s, above 4 s, over all load",
            ),
            ("payments-slow#5", false) => (
                Some(1_570_000.0),
                Micros,
                Grade::Pass,
                "p99.9 was 1.57 s, below 4 s, over all load",
            ),
            (_, true) => (
                Some(0.0087),
                Share,
                Grade::Fail,
                "0.87% of 460 journeys failed in undisturbed load, above 0.1%",
            ),
            (_, false) => (
                Some(0.0),
                Share,
                Grade::Pass,
                "none of 720 journeys failed in undisturbed load",
            ),
        }
    };
    let gate = |gate: &harness_core::plan::gate::Gate| {
        let (observed, unit, grade, reason) = seen(&gate.id);
        GateResult {
            gate: gate.clone(),
            grade,
            observed,
            unit,
            reason: reason.to_owned(),
            samples: 240,
            worst_second: None,
        }
    };
    let gates: Vec<GateResult> = plan
        .scenarios
        .iter()
        .flat_map(|s| &s.gates)
        .chain(&plan.gates)
        .map(gate)
        .collect();
    let trust = |s: &harness_core::record::ScenarioRecord| GeneratorResult {
        scenario: s.name.clone(),
        trust: if bad { Trust::Degraded } else { Trust::Valid },
        reasons: if bad {
            vec!["3.1% of 900 starts waited for a connection: the target kept them busy".to_owned()]
        } else {
            Vec::new()
        },
    };
    let verdict = Verdict {
        grade: grade(bad),
        run: check(
            record.end.is_none(),
            1,
            "the run came to its end",
            "the record ends before the run does",
        ),
        journeys: check(
            bad,
            2,
            "both walks passed",
            "1 of 2 walks failed: checkout at the payment is confirmed",
        ),
        contract: check(
            bad,
            4,
            "every answer matched its document",
            "2 findings in 4 operations",
        ),
        target: check(false, 3, "all 3 services came up and stayed up", ""),
        generator: record.scenarios.iter().map(trust).collect(),
        gates,
    };
    let built_in = [
        ("run", "Run", &verdict.run),
        ("journeys", "Journeys", &verdict.journeys),
        ("contract", "Contract", &verdict.contract),
        ("target", "Target", &verdict.target),
    ];
    let mut items: Vec<Item> = built_in
        .into_iter()
        .map(|(id, title, c)| Item {
            id: id.to_owned(),
            title: title.to_owned(),
            key: true,
            weight: 3.0,
            grade: c.grade,
            reason: c.reason.clone(),
        })
        .collect();
    items.extend(verdict.gates.iter().map(|g| Item {
        id: g.gate.id.clone(),
        title: g.gate.expect.to_string(),
        key: g.is_key(),
        weight: if g.gate.class == harness_core::plan::gate::Class::Info {
            0.0
        } else {
            g.gate.weight
        },
        grade: g.grade,
        reason: g.reason.clone(),
    }));
    let told: Vec<String> = items
        .iter()
        .filter(|i| i.key && (i.grade == Grade::Fail) == bad)
        .map(|i| i.reason.clone())
        .take(3)
        .collect();
    let readiness = if bad {
        Readiness {
            decision: Decision::NoGo,
            score: 37.5,
            decided_by: Some("journeys".to_owned()),
            reasons: told,
            conditions: vec![Condition {
                statement: "Recovery was not seen to its end".to_owned(),
                closes_with: "harness run payments-slow".to_owned(),
            }],
            items,
        }
    } else {
        Readiness {
            decision: Decision::Go,
            score: 100.0,
            decided_by: None,
            reasons: told,
            conditions: Vec::new(),
            items,
        }
    };
    (verdict, readiness)
}
