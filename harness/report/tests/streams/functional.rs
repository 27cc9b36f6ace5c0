//! Walks and contract of a made-up run.

use super::*;

pub(super) fn walks(s: &mut Stream, shape: &Shape) {
    s.say(Event::PhaseStarted {
        phase: Phase::Journeys,
    });
    for (journey, steps) in &shape.journeys {
        let mut failed = false;
        for (i, step) in steps.iter().enumerate() {
            let breaks = shape.broken && *journey == "checkout" && i == 1;
            let passed = (!failed).then_some(!breaks);
            s.after(41_500)
                .say(Event::StepFinished(Box::new(StepFinished {
                    journey: name(journey),
                    row: 0,
                    step: (*step).to_owned(),
                    pass: 1,
                    passed,
                    failures: if breaks {
                        vec![Broken {
                            expected: "$.status == 'CONFIRMED'".to_owned(),
                            actual: format!("\"PENDING\" {HOSTILE}"),
                        }]
                    } else {
                        Vec::new()
                    },
                    attempts: if *journey == "checkout" && i == 1 {
                        7
                    } else {
                        1
                    },
                    took_us: 41_500,
                    exchange: breaks.then(|| {
                        exchange(
                            Method::Get,
                            "http://127.0.0.1:40001/orders/7f3a?<b>",
                            Some(200),
                            HOSTILE,
                        )
                    }),
                })));
            failed |= breaks;
        }
        let outcome = if failed {
            Outcome::Failed
        } else {
            Outcome::Passed
        };
        s.say(Event::JourneyFinished(JourneyFinished {
            journey: name(journey),
            row: 0,
            outcome,
            took_us: 41_500 * steps.len() as u64,
        }));
    }
    s.say(Event::PhaseFinished {
        phase: Phase::Journeys,
    });
}

pub(super) fn contract(s: &mut Stream, shape: &Shape) {
    s.say(Event::PhaseStarted {
        phase: Phase::Contract,
    });
    if shape.broken {
        let finding = |check, operation: &str, message: &str, key: &str, exchange| {
            Event::ContractFinding(Box::new(ContractFinding {
                contract: name("orders"),
                check,
                operation: operation.to_owned(),
                message: message.to_owned(),
                key: key.to_owned(),
                seen_in: SeenIn::Case,
                exchange,
            }))
        };
        let evidence = exchange(
            Method::Post,
            "http://127.0.0.1:40001/orders",
            Some(418),
            HOSTILE,
        );
        s.after(9_000).say(finding(
            ContractCheck::UndocumentedStatus,
            "POST /orders",
            "status 418 is not in the document (201, 400, 401, 409)",
            "a",
            Some(evidence.clone()),
        ));
        s.after(9_000).say(finding(
            ContractCheck::BodySchema,
            "GET /orders/{id}",
            &format!("/total is a string, not a number: {HOSTILE}"),
            "b",
            Some(evidence),
        ));
        s.after(9_000).say(finding(
            ContractCheck::UndocumentedStatus,
            "POST /orders",
            "status 418 is not in the document (201, 400, 401, 409)",
            "a",
            None,
        ));
    }
    let by = |n: u64| BTreeMap::from([(SeenIn::Case, n), (SeenIn::Load, n * 3)]);
    let mut operations = BTreeMap::from([
        (
            "GET /orders/{id}".to_owned(),
            BTreeMap::from([(200, by(4)), (404, by(1))]),
        ),
        (
            "POST /orders".to_owned(),
            BTreeMap::from([(201, by(6)), (400, by(2)), (401, by(1))]),
        ),
        ("GET /products".to_owned(), BTreeMap::from([(200, by(12))])),
    ]);
    operations.insert(
        "DELETE /orders/{id}".to_owned(),
        if shape.broken {
            BTreeMap::new()
        } else {
            BTreeMap::from([(204, by(1))])
        },
    );
    s.after(9_000)
        .say(Event::ContractCoverage(ContractCoverage {
            contract: name("orders"),
            operations,
        }));
    s.say(Event::PhaseFinished {
        phase: Phase::Contract,
    });
}
