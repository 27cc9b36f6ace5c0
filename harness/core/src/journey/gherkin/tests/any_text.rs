//! No text makes the translation panic, and every place it gives lies in the text.

use super::*;
use proptest::prelude::*;

/// Pieces that features are made of, and some that break them.
fn pieces() -> impl Strategy<Value = String> {
    let fixed = prop::sample::select(vec![
        "Feature: F",
        "Feature:",
        "Rule: R",
        "Background:",
        "Scenario: S",
        "Scenario Outline: <a>",
        "Examples:",
        "| a | b |",
        "| <a> | \\| |",
        "|",
        "\"\"\"",
        "```json",
        "\"\"\"text/x",
        "{ \"a\": \"<a>\" }",
        "@t",
        "@t @u\u{a0}",
        "# note",
        "# language: xx",
        "Given ",
        "When I GET \"/<a>\"",
        "When I POST \"/\" with:",
        "Then the status is <a>",
        "And I wait 1s",
        "* the link \"x\" is healed",
        "Given the link \"x\" is down",
        "Gven x",
        "\u{a0}When ß",
        "",
        "  ",
        "\r",
    ]);
    let example = prop::sample::select(
        steps()
            .iter()
            .map(|step| format!("And {}", step.example))
            .collect::<Vec<_>>(),
    );
    prop_oneof![4 => fixed.prop_map(str::to_owned), 3 => example, 1 => ".{0,20}"]
}

fn check(text: &str) {
    let source = source(text);
    let (drafts, findings) = translate(&source);
    let mut places: Vec<Place> = findings
        .into_iter()
        .filter_map(|finding| finding.place)
        .collect();
    for draft in drafts {
        places.push(draft.place);
        for step in draft.steps {
            places.push(step.name.place());
            if let DraftAction::Request(request) = step.action {
                places.push(request.path.inside(&(0..1)));
                places.extend(
                    request
                        .expect
                        .iter()
                        .map(|written| written.inside(&(0..written.text.len()))),
                );
                if let DraftBody::Json(_, strings) = &request.body {
                    places.extend(
                        strings
                            .iter()
                            .map(|written| written.inside(&(0..written.text.len()))),
                    );
                }
            }
        }
    }
    for place in places {
        assert!(
            source.text.get(place.span.clone()).is_some(),
            "{:?} in {text:?}",
            place.span
        );
    }
}

/// Whoever sequences the scenarios goes by the parser's lines and its number of scenarios.
fn agrees_with_the_parser(text: &str) {
    let source = source(text);
    let Ok(feature) = parse(&source) else { return };
    let rules = || feature.rules.iter();
    let scenarios: Vec<_> = feature
        .scenarios
        .iter()
        .chain(rules().flat_map(|rule| &rule.scenarios))
        .collect();
    let backgrounds = feature
        .background
        .iter()
        .chain(rules().filter_map(|rule| rule.background.as_ref()));
    let steps = backgrounds
        .flat_map(|background| &background.steps)
        .chain(scenarios.iter().flat_map(|scenario| &scenario.steps));
    for step in steps {
        let span = texts::step(&source.text, step.span.start..step.span.end);
        let place = Place {
            source: Arc::clone(&source),
            span,
        };
        assert_eq!(
            place.line_column().0,
            step.position.line,
            "{step:?} in {text:?}"
        );
    }
    let (drafts, findings) = translate(&source);
    if findings.is_empty() {
        let rows = |scenario: &&gherkin::Scenario| match scenario.examples.as_slice() {
            [] => 1,
            examples => {
                let tables = examples.iter().filter_map(|e| e.table.as_ref());
                tables.map(|table| table.rows.len() - 1).sum::<usize>()
            }
        };
        assert_eq!(
            drafts.len(),
            scenarios.iter().map(rows).sum::<usize>(),
            "{text:?}"
        );
    }
}

#[test]
fn a_full_feature_agrees_with_the_parser() {
    agrees_with_the_parser(FULL);
    agrees_with_the_parser(&FULL.replace('\n', "\n# note\n\n"));
    agrees_with_the_parser(&FULL.replace('\n', "\r\n"));
}

proptest! {
    #[test]
    fn any_text_is_read_or_told(text in any::<String>()) {
        check(&text);
        check(&format!("Feature: F\nScenario: S\nWhen {text}"));
    }

    #[test]
    fn any_mixture_of_pieces_is_read_or_told(
        pieces in prop::collection::vec((prop::sample::select(vec!["", "  ", "\t"]), pieces()), 0..25),
        begin in prop::sample::select(vec!["", "Feature: F\n", "Feature: F\nScenario: S\nWhen I GET \"/\"\n"]),
        end in prop::sample::select(vec!["", "\n", "\r\n"]),
    ) {
        let text: String = pieces.iter().map(|(indent, piece)| format!("{indent}{piece}\n")).collect();
        let text = format!("{begin}{}{end}", text.trim_end_matches('\n'));
        check(&text);
        agrees_with_the_parser(&text);
    }
}
