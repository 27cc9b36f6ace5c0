//! Each step of the library.

use super::*;
use crate::journey::command::Command;
use crate::plan::fault::{FaultKind, Site};
use std::time::Duration;

#[test]
fn each_example_fits_its_own_pattern_only() {
    for step in steps() {
        let fits: Vec<&str> = steps()
            .iter()
            .filter(|other| {
                regex::Regex::new(other.pattern)
                    .unwrap()
                    .is_match(step.example)
            })
            .map(|other| other.pattern)
            .collect();
        assert_eq!(fits, [step.pattern], "{}", step.example);
        assert!(step.does.ends_with('.'));
    }
}

#[test]
fn each_example_translates() {
    for step in steps() {
        let block = if step.block {
            "\n\"\"\"\n{}\n\"\"\""
        } else {
            ""
        };
        // A healed link was broken before, a header of the next request has one, an expectation a request.
        let (before, after) = match step.example {
            text if text.starts_with("the service") && text.contains("healed") => {
                ("Given the service \"payments\" is killed\n", "")
            }
            text if text.contains("healed") => ("Given the link \"payments\" is down\n", ""),
            text if text.starts_with("I send") => ("", "\nWhen I GET \"/\""),
            text if text.contains("answer") => ("When I GET \"/\" 2 times at once\n", ""),
            _ => ("When I GET \"/\"\n", ""),
        };
        draft(&format!("{before}And {}{block}{after}", step.example));
    }
}

#[test]
fn copies_are_sent_at_once_and_their_answers_compared() {
    let draft = draft(
        r#"When I POST "/orders" 8 times at once with:
           """
           { "sku": "S" }
           """
           Then the status is 201
           And all answers have the same "$.id"
           And exactly 1 answer satisfies: header.replayed absent
           And exactly 7 answers satisfy: header.replayed exists"#,
    );
    let copies = request(&draft, 0).copies.as_ref().unwrap();
    let same: Vec<_> = copies.same.iter().map(|text| text.text.as_str()).collect();
    let exactly: Vec<_> = copies
        .exactly
        .iter()
        .map(|(text, times)| (text.text.as_str(), *times))
        .collect();
    assert_eq!((copies.count.0, same), (8, vec!["$.id"]));
    assert_eq!(
        exactly,
        [("header.replayed absent", 1), ("header.replayed exists", 7)]
    );
    let (line, message, _) = wrong("When I GET \"/\"\nThen all answers have the same \"$.id\"");
    assert_eq!(
        (line, message.as_str()),
        (
            4,
            "the request before this step was sent once: there is one answer"
        )
    );
    let (_, message, _) = wrong("When I GET \"/\" 900 times at once");
    assert_eq!(message, "`900` is not a number of answers");
}

#[test]
fn headers_last_or_are_sent_once() {
    let draft = draft(
        r#"Given the header "X-Tenant" is "blue"
           And I send the header "if-match" "\"7\""
           When I GET "/a"
           And I DELETE "/b"
           Given the header "x-tenant" is "red"
           When I HEAD "/c""#,
    );
    assert_eq!(
        headers(&draft, 0),
        [("X-Tenant", "blue"), ("if-match", "\"7\"")]
    );
    assert_eq!(headers(&draft, 1), [("X-Tenant", "blue")]);
    assert_eq!(headers(&draft, 2), [("x-tenant", "red")]);
    let methods = [0, 1, 2].map(|index| request(&draft, index).method.as_str());
    assert_eq!(methods, ["GET", "DELETE", "HEAD"]);
    let (line, message, _) = wrong("Given I send the header \"a\" \"b\"");
    assert_eq!(
        (line, message.as_str()),
        (3, "no request follows that could send this header")
    );
}

#[test]
fn a_variable_is_set_once() {
    let draft = draft("Given the variable \"sku\" is \"{{ alnum(8) }}\"\nWhen I GET \"/\"");
    let [(name, value)] = draft.variables.as_slice() else {
        panic!("{draft:?}")
    };
    assert_eq!(
        (name.text.as_str(), value.text.as_str()),
        ("sku", "{{ alnum(8) }}")
    );
    let (line, message, _) = wrong(
        "Given the variable \"a\" is \"1\"\nAnd the variable \"a\" is \"2\"\nWhen I GET \"/\"",
    );
    assert_eq!((line, message.as_str()), (4, "variable `a` is set already"));
}

#[test]
fn a_body_is_json_unless_its_media_type_says_otherwise() {
    let post = |kind: &str, body: &str| {
        draft(&format!(
            "When I PUT \"/\" with:\n  \"\"\"{kind}\n  {body}\n  \"\"\""
        ))
    };
    for kind in ["", "json", "application/json"] {
        let draft = post(kind, "{ \"sku\": \"{{ sku }}\", \"quantity\": 1 }");
        let DraftBody::Json(value, strings) = &request(&draft, 0).body else {
            panic!("{draft:?}")
        };
        assert_eq!(
            *value,
            serde_json::json!({ "sku": "{{ sku }}", "quantity": 1 })
        );
        let place = strings
            .iter()
            .find(|s| s.text == "{{ sku }}")
            .unwrap()
            .inside(&(3..6));
        assert_eq!(&place.source.text[place.span.clone()], "sku");
        assert_eq!(headers(&draft, 0), []);
    }
    let draft = post("text/csv", "a,b\n  1,2");
    assert!(matches!(&request(&draft, 0).body, DraftBody::Text(text) if text.text == "a,b\n1,2"));
    assert_eq!(headers(&draft, 0), [("content-type", "text/csv")]);
    let draft = post("application/merge-patch+json", "{}");
    assert!(matches!(&request(&draft, 0).body, DraftBody::Json(..)));
    assert_eq!(
        headers(&draft, 0),
        [("content-type", "application/merge-patch+json")]
    );
    assert!(matches!(
        request(&draft_of_post(), 0).body,
        DraftBody::Empty
    ));
}

fn draft_of_post() -> Draft {
    draft("When I POST \"/orders/1/cancel\"\nThen the status is 202")
}

#[test]
fn what_is_wrong_with_a_body_is_told() {
    let (line, message, hint) =
        wrong("When I POST \"/\" with:\n  \"\"\"\n  {\n    \"a\": {{ a }}\n  }\n  \"\"\"");
    assert_eq!(line, 6);
    assert!(message.starts_with("the body is not JSON: "), "{message}");
    assert!(hint.contains("in quotes"));
    assert_eq!(wrong("When I POST \"/\" with:").1, "the body is missing");
    assert_eq!(
        wrong("When I POST \"/\"\n\"\"\"\n{}\n\"\"\"").1,
        "this step takes no text block"
    );
    assert_eq!(
        wrong("When I POST \"/\"\n| a |\n| b |").1,
        "this step takes no table"
    );
    assert_eq!(
        wrong("When I POST \"/\" with:\n\"\"\"xml\n<a/>\n\"\"\"").1,
        "`xml` is not a media type"
    );
}

#[test]
fn expectations_belong_to_the_request_before_them() {
    let draft = draft(
        r#"When I POST "/orders"
           Then the status is 201
           And "$.status" is "it's {{ a }}\\b"
           And "$.quantity" is 12.5
           And "$.paid" is false
           And "$.reason" is null
           And it holds that: header.etag exists
           And I keep "$.id" as "order"
           When I GET "/orders/{{ order }}"
           Then within 5s "$.status" is "CONFIRMED"
           And within 1m it holds that: duration < 300ms
           And within 2s "$.n" is 3"#,
    );
    let first = [
        "status == 201",
        r"$.status == 'it\'s {{ a }}\\b'",
        "$.quantity == 12.5",
        "$.paid == false",
        "$.reason == null",
        "header.etag exists",
    ];
    assert_eq!(expected(&draft, 0), first);
    assert_eq!(request(&draft, 0).eventually, None);
    let [(name, from)] = request(&draft, 0).captures.as_slice() else {
        panic!("{draft:?}")
    };
    assert_eq!((name.text.as_str(), from.text.as_str()), ("order", "$.id"));
    assert_eq!(
        expected(&draft, 1),
        ["$.status == 'CONFIRMED'", "duration < 300ms", "$.n == 3"]
    );
    assert_eq!(request(&draft, 1).eventually, Some(Duration::from_secs(60)));
}

#[test]
fn an_expectation_without_its_request_is_told() {
    assert_eq!(
        wrong("Then the status is 200").1,
        "no request was sent before this step"
    );
    assert_eq!(
        wrong("Given I wait 1s\nThen I keep \"$.id\" as \"x\"").1,
        "no request was sent before this step"
    );
    let (line, message, _) = wrong("When I GET \"/\"\nAnd I wait 1s\nThen the status is 200");
    assert_eq!(line, 5);
    assert!(message.contains("was judged before"), "{message}");
}

#[test]
fn wrong_values_are_told_at_the_value() {
    let at = |step: &str| {
        let (line, at, message, _) = finding(&format!(
            "Feature: F\nScenario: S\nWhen I GET \"/\"\nThen {step}\n"
        ));
        assert_eq!(line, 4);
        (at, message)
    };
    assert_eq!(
        at("the status is OK"),
        ("OK".into(), "`OK` is not a status".into())
    );
    assert_eq!(at("the status is 99").0, "99");
    assert_eq!(at("\"$.a\" is CONFIRMED").0, "CONFIRMED");
    assert_eq!(
        at("\"status\" is \"x\""),
        ("status".into(), "`status` is not a JSONPath".into())
    );
    assert_eq!(at("within 0s it holds that: status == 200").0, "0s");
    assert_eq!(at("within soon \"$.a\" is 1").0, "soon");
    assert_eq!(at("I wait long").0, "long");
    assert_eq!(at("the link \"../x\" is down").0, "../x");
    assert_eq!(at("the link \"p\" has 0s latency").0, "0s");
    assert_eq!(at("the link \"p\" has 1s latency with 2s jitter").0, "2s");
    assert_eq!(at("the link \"p\" times out after 0s").0, "0s");
    assert_eq!(at("the link \"p\" is limited to 64 kbit").0, "64 kbit");
    assert_eq!(at("the link \"p\" is limited to 1 B/s").0, "1 B/s");
}

#[test]
fn links_break_and_heal() {
    let ms = Duration::from_millis;
    let cases = [
        (
            "has 800ms latency",
            FaultKind::Latency {
                delay: ms(800),
                jitter: ms(0),
            },
        ),
        (
            "has 800ms latency with 200ms jitter",
            FaultKind::Latency {
                delay: ms(800),
                jitter: ms(200),
            },
        ),
        ("is down", FaultKind::Down),
        ("times out after 1s", FaultKind::Timeout { after: ms(1000) }),
        ("swallows everything", FaultKind::Timeout { after: ms(0) }),
        ("resets", FaultKind::Reset { after: ms(0) }),
        (
            "is limited to 64 kB/s",
            FaultKind::Bandwidth {
                bytes_per_second: 64_000,
            },
        ),
        (
            "is limited to 1.5MB/s",
            FaultKind::Bandwidth {
                bytes_per_second: 1_500_000,
            },
        ),
        ("is killed", FaultKind::Kill),
        ("is paused", FaultKind::Pause),
    ];
    for (text, kind) in cases {
        let name = "payments".parse().unwrap();
        let (what, on) = match kind.of_service() {
            true => ("service", Site::Service(name)),
            false => ("link", Site::Link(name)),
        };
        let draft = draft(&format!("Given the {what} \"payments\" {text}"));
        let DraftAction::Command(command, at) = &draft.steps[0].action else {
            panic!("{draft:?}")
        };
        let fault = format!("payments-{}", kind.word());
        let reach = Default::default();
        let arm = Command::Arm {
            fault,
            on,
            kind,
            reach,
        };
        assert_eq!(*command, arm);
        assert_eq!(at.text, "payments");
    }
    let draft = draft(
        "Given the link \"a\" is down\nAnd the link \"a\" resets\nAnd the link \"b\" is down\nWhen the link \"a\" is healed",
    );
    let lifted: Vec<_> = draft
        .steps
        .iter()
        .filter_map(|step| match &step.action {
            DraftAction::Command(Command::Lift { fault }, _) => {
                Some((step.name.text.as_str(), fault.as_str()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(
        lifted,
        [
            ("the link \"a\" is healed", "a-down"),
            ("the link \"a\" is healed (2)", "a-reset")
        ]
    );
    assert_eq!(
        wrong("Given the link \"b\" is down\nWhen the link \"a\" is healed").0,
        4
    );
}

#[test]
fn a_scenario_waits_and_runs_other_journeys() {
    let draft = draft("Given I wait 200ms\nWhen I run the journey \"login\"\nAnd I wait 200ms");
    assert!(
        matches!(draft.steps[0].action, DraftAction::Pause(pause) if pause == Duration::from_millis(200))
    );
    assert!(matches!(&draft.steps[1].action, DraftAction::Run(name) if name.text == "login"));
    assert_eq!(draft.steps[2].name.text, "I wait 200ms (2)");
    assert_eq!(draft.steps[2].name.place().line_column(), (5, 1));
}

#[test]
fn an_unknown_step_names_the_nearest() {
    let (line, at, message, hint) = finding("Feature: F\n  Scenario: S\n    When I GETS \"/x\"\n");
    assert_eq!(
        (line, at.as_str(), message.as_str()),
        (3, "When I GETS \"/x\"", "no step is written like this")
    );
    assert_eq!(
        hint,
        "the nearest known step is `I GET \"/orders/{{ order }}\"`"
    );
    // The step may have been a request: what speaks of its answer is no second error.
    assert_eq!(wrong("When I GETS \"/x\"\nThen the status is 200").0, 3);
    let (_, _, hint) = wrong("When I GET \"/x\" # a note");
    assert!(hint.contains("a line of its own"), "{hint}");
}
