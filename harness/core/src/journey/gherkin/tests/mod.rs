//! The whole translation: order, names and tags of drafts; its parts are in the files beside.

mod any_text;
mod guide;
mod library;
mod losses;

use super::*;
use crate::plan::draft::{DraftAction, DraftBody, DraftRequest};

fn source(text: &str) -> Arc<Source> {
    Arc::new(Source {
        name: "features/x.feature".to_owned(),
        text: text.to_owned(),
    })
}

fn drafts(text: &str) -> Vec<Draft> {
    let (drafts, findings) = translate(&source(text));
    assert_eq!(findings, [], "in {text}");
    drafts
}

/// Line, text at the place, message and hint of every finding.
fn findings(text: &str) -> Vec<(usize, String, String, String)> {
    let told = |finding: Diagnostic| {
        let place = finding.place.expect("every finding has a place");
        let at = place.source.text[place.span.clone()].to_owned();
        (
            place.line_column().0,
            at,
            finding.message,
            finding.hint.unwrap_or_default(),
        )
    };
    translate(&source(text)).1.into_iter().map(told).collect()
}

/// The one finding in a text.
fn finding(text: &str) -> (usize, String, String, String) {
    let mut all = findings(text);
    assert_eq!(all.len(), 1, "{all:#?} in {text}");
    all.remove(0)
}

/// The draft of a scenario with these lines.
fn draft(lines: &str) -> Draft {
    drafts(&format!("Feature: F\n  Scenario: S\n{lines}\n")).remove(0)
}

/// What is wrong with a scenario of these lines; its first step is in line 3.
fn wrong(lines: &str) -> (usize, String, String) {
    let (line, _, message, hint) = finding(&format!("Feature: F\n  Scenario: S\n{lines}\n"));
    (line, message, hint)
}

fn request(draft: &Draft, index: usize) -> &DraftRequest {
    match &draft.steps[index].action {
        DraftAction::Request(request) => request,
        other => panic!("step {index} is {other:?}"),
    }
}

fn expected(draft: &Draft, index: usize) -> Vec<&str> {
    let texts = request(draft, index).expect.iter();
    texts.map(|written| written.text.as_str()).collect()
}

fn headers(draft: &Draft, index: usize) -> Vec<(&str, &str)> {
    let headers = request(draft, index).headers.iter();
    headers
        .map(|(name, value)| (name.text.as_str(), value.text.as_str()))
        .collect()
}

const FULL: &str = r#"@shop
Feature: Checkout
  Prose, as long as wanted.
  When it has steps in it, they are prose.

  Background:
    Given the header "a" is "feature"

  @smoke
  Scenario: Ünder way, 2 times!
    When I GET "/own"

  Rule: Payments
    Background:
      Given the header "b" is "rule"

    @slow @shop
    Scenario Outline: Paying
      When I POST "/<path>" with:
        """
        { "kind": "<kind>" }
        """
      Then the status is <status>

      @cards
      Examples:
        | path | kind | status |
        | a    | x    | 201    |
        | b    | y\|z | 202    |

      Examples:
        | path | status | kind |
        | c    | 203    | w    |

  Rule: Names
    Scenario Outline: Pay by <how>
      When I GET "/last"
      Examples:
        | how  |
        | card |
        | cash |
"#;

#[test]
fn scenarios_become_drafts_in_order() {
    let drafts = drafts(FULL);
    let names: Vec<&str> = drafts.iter().map(|draft| draft.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "nder-way-2-times",
            "paying",
            "paying-2",
            "paying-3",
            "pay-by-card",
            "pay-by-cash"
        ]
    );
    let lines: Vec<usize> = drafts
        .iter()
        .map(|draft| draft.place.line_column().0)
        .collect();
    assert_eq!(lines, [10, 18, 18, 18, 36, 36]);
    let tags: Vec<String> = drafts.iter().map(|draft| draft.tags.join(" ")).collect();
    assert_eq!(
        tags,
        [
            "shop smoke",
            "shop slow cards",
            "shop slow cards",
            "shop slow",
            "shop",
            "shop"
        ]
    );
    assert_eq!(drafts[0].title, "Ünder way, 2 times!");
    assert_eq!(drafts[5].title, "Pay by cash");
    assert_eq!(headers(&drafts[0], 0), [("a", "feature")]);
    assert_eq!(headers(&drafts[2], 0), [("a", "feature"), ("b", "rule")]);
    assert_eq!(headers(&drafts[4], 0), [("a", "feature")]);
    assert_eq!(request(&drafts[2], 0).path.text, "/b");
    assert_eq!(expected(&drafts[3], 0), ["status == 203"]);
    let DraftBody::Json(value, _) = &request(&drafts[2], 0).body else {
        panic!()
    };
    assert_eq!(*value, serde_json::json!({ "kind": "y|z" }));
}

#[test]
fn windows_line_ends_change_nothing() {
    let (unix, windows) = (drafts(FULL), drafts(&FULL.replace('\n', "\r\n")));
    assert_eq!(unix.len(), windows.len());
    for (a, b) in unix.iter().zip(&windows) {
        assert_eq!((&a.name, &a.title, &a.tags), (&b.name, &b.title, &b.tags));
        assert_eq!(a.place.line_column(), b.place.line_column());
        for (a, b) in a.steps.iter().zip(&b.steps) {
            assert_eq!(a.name.text, b.name.text);
            assert_eq!(a.name.place().line_column(), b.name.place().line_column());
        }
    }
}

#[test]
fn a_long_name_leaves_room_for_its_number() {
    let text = format!(
        "Feature: F\nScenario Outline: {}\nWhen I GET \"/<a>\"\nExamples:\n|a|\n|1|\n|2|\n",
        "long ".repeat(30)
    );
    let names: Vec<String> = drafts(&text)
        .iter()
        .map(|draft| draft.name.to_string())
        .collect();
    assert!(
        names[0].len() <= 64 && names[1].len() <= 64 && names[1].ends_with("-2"),
        "{names:?}"
    );
}

#[test]
fn an_unnamable_scenario_and_a_missing_column_are_told() {
    assert_eq!(
        finding("Feature: F\nScenario: 支払い\nWhen I GET \"/\"\n").0,
        2
    );
    let (line, _, message, hint) =
        finding("Feature: F\nScenario Outline: S\nWhen I GET \"/<b>\"\nExamples:\n|a|\n|1|\n|2|\n");
    assert_eq!(
        (line, message.as_str()),
        (3, "the examples have no column `b`")
    );
    assert_eq!(hint, "they have `<a>`");
}
