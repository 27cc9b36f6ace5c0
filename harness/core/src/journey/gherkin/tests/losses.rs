//! Each loss that the linter refuses, and what it lets pass.

use super::*;

/// Text, line, text under the caret, part of message, part of hint.
type Loss = (
    &'static str,
    usize,
    &'static str,
    &'static str,
    &'static str,
);

const LOSSES: &[Loss] = &[
    ("", 1, "", "has no feature", "Feature: NAME"),
    ("# only a note\n\n", 1, "", "has no feature", ""),
    (
        "Featur: F\nScenario: S\nWhen I GET \"/\"\n",
        1,
        "Featur: F",
        "begins with",
        "did you mean `Feature:`",
    ),
    (
        "Scenario: S\nWhen I GET \"/\"\n",
        1,
        "Scenario: S",
        "begins with",
        "Feature: NAME",
    ),
    (
        "# language: de\nFunktionalität: F\n",
        1,
        "# language: de",
        "English",
        "",
    ),
    ("Feature: F\n", 1, "Feature: F", "no scenarios", ""),
    (
        "Feature: F\nScenari: S\nWhen it rains\n",
        2,
        "Scenari: S",
        "read as a description",
        "did you mean `Scenario:`",
    ),
    (
        "Feature: F\nScenario: S\nGven I GET \"/\"\nWhen I GET \"/\"\n",
        3,
        "Gven I GET \"/\"",
        "would not be run",
        "did you mean `Given`",
    ),
    (
        "Feature: F\nScenario: S\nWhen I GET \"/\"\nThn the status is 200\n",
        4,
        "Thn the status is 200",
        "would not be run",
        "did you mean `Then`",
    ),
    (
        "Feature: F\nScenario: S\nWhen I GET \"/\"\nScenari: T\n",
        4,
        "Scenari: T",
        "would not be run",
        "did you mean `Scenario:`",
    ),
    (
        "Feature: F\nScenario: S\nsome prose\nWhen I GET \"/\"\n",
        3,
        "some prose",
        "would not be run",
        "put `#`",
    ),
    (
        "Feature: F\nBackground:\nGiven\nGiven the header \"a\" is \"b\"\nScenario: S\nWhen I GET \"/\"\n",
        3,
        "Given",
        "would not be run",
        "",
    ),
    (
        "Feature: F\nScenario: S\n",
        2,
        "Scenario: S",
        "has no steps",
        "",
    ),
    (
        "Feature: F\nBackground:\nScenario: S\nWhen I GET \"/\"\n",
        2,
        "Background:",
        "has no steps",
        "",
    ),
    (
        "Feature: F\nScenario: S\nWhen I GET \"/\"\nBackground:\nGiven the header \"a\" is \"b\"\n",
        4,
        "Background:",
        "stands once",
        "",
    ),
    (
        "Feature: F\nScenario Outline: S\nWhen I GET \"/<a>\"\nExamples:\n",
        4,
        "Examples:",
        "no rows",
        "",
    ),
    (
        "Feature: F\nScenario Outline: S\nWhen I GET \"/<a>\"\nExamples:\n| a |\n",
        4,
        "Examples:",
        "no rows",
        "",
    ),
    (
        "Feature: F\nScenario Outline: S\nWhen I GET \"/<a>\"\n",
        2,
        "Scenario Outline: S",
        "no examples",
        "write `Scenario:`",
    ),
    (
        "Feature: F\nFeature: G\nScenario: S\nWhen I GET \"/\"\n",
        2,
        "Feature: G",
        "second feature",
        "file of its own",
    ),
    (
        "Feature: F\nScenario: S\nWhen I GET \"/\"\nFeature: G\n",
        4,
        "Feature: G",
        "second feature",
        "",
    ),
    (
        "Feature: F\nRule: R\nScenario: S\nWhen I GET \"/\"\nRule: Q\n",
        5,
        "Rule: Q",
        "no scenarios",
        "",
    ),
    (
        "Feature: F\nBackground:\nGiven the header \"a\" is \"<b>\"\nScenario: S\nWhen I GET \"/\"\n",
        3,
        "Given the header \"a\" is \"<b>\"",
        "`<b>` is not filled",
        "",
    ),
    (
        "Feature: F\nBackground:\nWhen I POST \"/\" with:\n\"\"\"\n{\"a\": \"<a>\"}\n\"\"\"\nScenario Outline: S\nWhen I GET \"/<a>\"\nExamples:\n|a|\n|1|\n",
        5,
        "{\"a\": \"<a>\"}",
        "`<a>` is not filled",
        "",
    ),
    (
        "Feature: F\nScenario Outline: S\nWhen I GET \"/<a>\"\nExamples:\n| a |\n| 1 | 2 |\n",
        6,
        "| 1 | 2 |",
        "this row has 2 cells",
        "",
    ),
    (
        "Feature: F\nScenario Outline: S\nWhen I GET \"/<a>\"\nExamples:\n| a |\n| 1\n",
        6,
        "| 1",
        "not closed",
        "",
    ),
    (
        "Feature: F\nScenario: S\nWhen I POST \"/\" with:\n\"\"\"\n{}\n",
        4,
        "\"\"\"",
        "never closed",
        "",
    ),
    (
        "Feature: F\nWhen I GET \"/\"\nScenario: S\nWhen I GET \"/\"\n",
        2,
        "When I GET \"/\"",
        "belongs to no scenario",
        "",
    ),
    (
        "Feature: F\nExamples:\n|a|\n|1|\nScenario: S\nWhen I GET \"/\"\n",
        2,
        "Examples:",
        "belong to no scenario",
        "",
    ),
    (
        "Feature: F\nScenario Outline: S\nWhen I GET \"/<a>\"\nExamples:\n|a|\n|1|\nWhen I GET \"/\"\n",
        7,
        "When I GET \"/\"",
        "can't follow the examples",
        "",
    ),
    (
        "Feature: F\nScenario: S\n\"\"\"\n\"\"\"\nWhen I GET \"/\"\n",
        3,
        "\"\"\"",
        "follows no step",
        "",
    ),
];

#[test]
fn what_the_parser_would_lose_is_refused() {
    for (text, line, caret, message, hint) in LOSSES {
        let (at_line, at, told, help) = finding(text);
        assert_eq!((at_line, at.as_str()), (*line, *caret), "{told} in {text}");
        assert!(told.contains(message), "{told} in {text}");
        assert!(help.contains(hint) && !help.is_empty(), "{help} in {text}");
    }
}

#[test]
fn what_the_parser_refuses_is_told_with_its_line() {
    // A tag without a scenario is nothing the linter looks at.
    let text = "Feature: F\nScenario: S\nWhen I GET \"/\"\n\n@lost\n";
    let (line, _, message, hint) = finding(text);
    assert!(line >= 4, "{line}");
    assert_eq!(message, "here the text stops being Gherkin");
    assert!(!hint.is_empty());
}

#[test]
fn prose_and_comments_below_a_feature_are_fine() {
    let text = "# language: en\n@a\nFeature: F\n  Note: what customers rely on.\n  Roles: admin\n\n  # a note\n  Scenario: S\n    # another\n    * I GET \"/\"\n    # and\n    Then the status is 200\n";
    assert_eq!(drafts(text).len(), 1);
}

#[test]
fn a_step_that_is_dropped_would_be_counted() {
    let read = source("Feature: F\nScenario: S\nWhen I GET \"/\"\n");
    let feature = parse(&read).unwrap();
    assert_eq!(count(&feature), (1, 1));
    assert_eq!(
        unread(&read, &feature, (1, 2)).message,
        "of 1 scenarios with 2 steps only 1 with 1 can be read"
    );
}
