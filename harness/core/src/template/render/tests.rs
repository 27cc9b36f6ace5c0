//! Holes filled in, each escaped for where it stands; what nothing fills is named with its place.

use super::*;
use proptest::prelude::*;
use serde_json::json;

fn scope() -> Scope {
    Scope {
        variables: BTreeMap::from([("order".into(), json!("a/b \"c\"")), ("n".into(), json!(7))]),
        row: json!({ "sku": "S-1", "quantity": 2 })
            .as_object()
            .cloned()
            .map(Arc::new),
        iteration: 3,
        data: Draws::at(1, &[2]),
        ids: Draws::at(1, &[3]),
        wall_ms: 1_763_691_696_789,
    }
}

#[test]
fn a_variable_that_is_not_set_or_empty_has_its_default_and_without_one_is_told() {
    let mut symbols = Symbols::default();
    let set = [("A", "here"), ("E", "")];
    symbols.environment(set.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let bound = |text| {
        let text = Text::parse(text, Escape::None).unwrap();
        let bound = text.bind(&symbols).map(|text| text.to_plain());
        bound.map_err(|error| error.to_string())
    };
    for (text, value) in [
        ("${env.A}", "here"),
        ("<${env.A:-there}>", "<here>"),
        ("${env.E}", ""),
        ("${env.E:-a b:-c}", "a b:-c"),
        ("[${env.NONE:-}]", "[]"),
    ] {
        assert_eq!(bound(text).as_deref(), Ok(value), "{text}");
    }
    let told = bound("${env.NONE}").unwrap_err();
    assert!(told.contains("NONE is not set"), "{told}");
}

fn rendered(text: &str, escape: Escape) -> String {
    Text::parse(text, escape)
        .unwrap()
        .rendered(&mut scope())
        .unwrap()
}

#[test]
fn holes_are_filled_and_escaped_for_where_they_stand() {
    assert_eq!(
        rendered("/orders/{{ order }}?n={{n}}", Escape::Percent),
        "/orders/a%2Fb%20%22c%22?n=7"
    );
    assert_eq!(
        rendered("{{ row.sku }}-{{ iteration() }}", Escape::None),
        "S-1-3"
    );
    assert_eq!(
        rendered("{{ now() }}", Escape::None),
        "2025-11-21T02:21:36.789Z"
    );
    let number: i64 = rendered("{{ int(-2, 2) }}", Escape::None).parse().unwrap();
    assert!((-2..=2).contains(&number));
    assert_eq!(rendered("{{ alnum(8) }}", Escape::None).len(), 8);
}

#[test]
fn a_lone_hole_in_json_keeps_its_type() {
    let body = json!({ "q": "{{ row.quantity }}", "t": "x {{ order }}", "list": [1, null, "{{ order }}"] });
    let text = Text::from_json(&body)
        .unwrap()
        .rendered(&mut scope())
        .unwrap();
    let back: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        back,
        json!({ "q": 2, "t": "x a/b \"c\"", "list": [1, null, "a/b \"c\""] })
    );
}

#[test]
fn identifiers_are_version_4_and_follow_the_draws() {
    let (first, again) = (uuid(&mut Draws::at(1, &[5])), uuid(&mut Draws::at(1, &[5])));
    assert_eq!(first, again);
    assert_ne!(first, uuid(&mut Draws::at(1, &[6])));
    assert_eq!((first.len(), &first[14..15]), (36, "4"));
    assert!("89ab".contains(&first[19..20]), "{first}");
}

#[test]
fn what_nothing_fills_is_named() {
    let missing = |text: &str| {
        Text::parse(text, Escape::None)
            .unwrap()
            .rendered(&mut scope())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        missing("{{ ordr }}"),
        "`{{ ordr }}` has no value here; known are: n, order"
    );
    assert_eq!(
        missing("{{ row.colour }}"),
        "the data row has no column `colour`"
    );
    assert_eq!(missing("${port}"), "`${port}` is not known here");
}

#[test]
fn symbols_bind_to_literals() {
    let mut symbols = Symbols::default();
    symbols.insert(
        Symbol::LinkUrl("edge".parse().unwrap()),
        "http://127.0.0.1:1".into(),
    );
    let text = Text::parse("${link.edge.url}/x/{{ n }}", Escape::Percent).unwrap();
    let bound = text.bind(&symbols).unwrap();
    assert_eq!(
        (
            bound.parts.len(),
            bound.rendered(&mut scope()).unwrap().as_str()
        ),
        (2, "http://127.0.0.1:1/x/7")
    );
    assert!(text.bind(&Symbols::default()).is_err());
}

#[test]
fn mistakes_are_told_with_their_place() {
    let mistake = |text: &str| {
        let error = Text::parse(text, Escape::None).unwrap_err();
        (
            text[error.span].to_owned(),
            error.message,
            error.hint.unwrap_or_default(),
        )
    };
    assert_eq!(mistake("a {{ uid() }}").0, "uid()");
    assert!(mistake("a {{ uid() }}").2.contains("uuid()"));
    assert!(mistake("x ${lnk.edge.url}").1.contains("not known"));
    assert!(mistake("x {{ order").1.contains("never closed"));
    assert!(mistake("{{ int(5, 1) }}").1.contains("other arguments"));
    assert_eq!(mistake("{{ a b | c }}").0, " c ");
}

proptest! {
    #[test]
    fn no_text_panics_and_what_is_read_prints_back(text in "[ -~{}$é|]{0,40}") {
        for escape in [Escape::None, Escape::Percent, Escape::JsonString] {
            if let Ok(read) = Text::parse(&text, escape) {
                prop_assert_eq!(Text::from_plan(&read.to_string()).unwrap(), read);
            }
        }
    }

    #[test]
    fn literals_survive(text in "[a-z{}$ ]{0,30}") {
        let literal = Text::literal(text.clone());
        prop_assert_eq!(Text::from_plan(&literal.to_string()).unwrap().to_plain(), text);
    }
}
