//! The forms a secret's value takes on its way through requests, answers, output and reports. One list for whoever
//! takes secrets out and whoever looks whether one was left. Knows nothing of names, events or files.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Characters that a value, or a line of it, must have to be looked for: anything shorter occurs by chance.
pub const SHORTEST: usize = 4;
/// Characters that a piece of base64 must have, for the same reason.
const SHORTEST_PIECE: usize = 5;

/// What the parts of a URL keep: RFC 3986's unreserved characters, as templates write them.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// How HTML and XML writers put `"`, `'` and `/`, which differs; `&`, `<` and `>` they all put alike.
const MARKUP: [[&str; 3]; 5] = [
    ["&quot;", "&#39;", "/"],
    ["&quot;", "&apos;", "/"],
    ["&quot;", "&#x27;", "&#x2F;"],
    ["&quot;", "'", "/"],
    ["\"", "'", "/"],
];

/// Every form of a value: plain, JSON-escaped, HTML-escaped, percent-encoded, base64 at any alignment; and the same of
/// each line of a value that has several. Without repetitions; empty for a value shorter than [`SHORTEST`].
pub fn forms(value: &str) -> Vec<String> {
    named(value).into_iter().map(|(_, form)| form).collect()
}

/// The same with what each form is, for messages.
pub fn named(value: &str) -> Vec<(&'static str, String)> {
    let mut forms = Vec::new();
    add(value, "plain", &mut forms);
    // What prints line by line is searched line by line, and a line may be indented or stripped on its way.
    for line in value.split(['\n', '\r']).map(str::trim) {
        if line.len() < value.len() {
            add(line, "a line of it", &mut forms);
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    forms.retain(|(_, form)| seen.insert(form.clone()));
    forms
}

fn add(value: &str, plain: &'static str, forms: &mut Vec<(&'static str, String)>) {
    if value.chars().count() < SHORTEST {
        return;
    }
    forms.push((plain, value.to_owned()));
    let json = json(value);
    for markup in &MARKUP {
        forms.push(("HTML-escaped", escaped(value, markup)));
        forms.push(("HTML-escaped", escaped(&json, markup)));
    }
    forms.push(("JSON-escaped", json));
    for kept in [NON_ALPHANUMERIC, COMPONENT] {
        let upper = utf8_percent_encode(value, kept).to_string();
        for encoded in [lower_hex(&upper), upper] {
            forms.push(("percent-encoded", encoded.replace("%20", "+")));
            forms.push(("percent-encoded", encoded));
        }
    }
    for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
        let pieces = (0..3).filter_map(|offset| base64_piece(engine, value, offset));
        forms.extend(pieces.map(|piece| ("base64", piece)));
    }
}

/// The value as it stands between the quotes of a JSON string.
fn json(value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn escaped(value: &str, [double, single, slash]: &[&str; 3]) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str(double),
            '\'' => out.push_str(single),
            '/' => out.push_str(slash),
            c => out.push(c),
        }
    }
    out
}

/// A percent-encoded text with the digits of its escapes, and nothing else, in lower case.
fn lower_hex(encoded: &str) -> String {
    let mut digits = 0;
    let lower = |c: char| {
        let digit = digits > 0;
        digits = if c == '%' {
            2
        } else {
            digits - i32::from(digit)
        };
        if digit { c.to_ascii_lowercase() } else { c }
    };
    encoded.chars().map(lower).collect()
}

/// The characters that depend on nothing but the value, when `offset` bytes stand before it in the encoded data: those
/// that mix with its neighbours are cut off.
fn base64_piece(engine: &impl Engine, value: &str, offset: usize) -> Option<String> {
    let encoded = engine.encode([&[0; 2][..offset], value.as_bytes()].concat());
    let (from, to) = ((offset * 8).div_ceil(6), (offset + value.len()) * 8 / 6);
    let piece = encoded.get(from..to)?;
    (piece.len() >= SHORTEST_PIECE).then(|| piece.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Draws;
    use crate::template::{Escape, Scope, Symbol, Symbols, Text};
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn found(text: &str, value: &str) -> bool {
        forms(value).iter().any(|form| text.contains(form.as_str()))
    }

    #[test]
    fn every_form_is_known() {
        let value = "p&S's/w\"r <d-1";
        for text in [
            "p&S's/w\"r <d-1",
            r#"p&S's/w\"r <d-1"#,
            "p&amp;S&#39;s/w&quot;r &lt;d-1",
            "p&amp;S&apos;s/w&quot;r &lt;d-1",
            "p&amp;S&#x27;s&#x2F;w&quot;r &lt;d-1",
            "p%26S%27s%2Fw%22r%20%3Cd-1",
            "p%26S%27s%2fw%22r%20%3cd-1",
            "p%26S%27s%2Fw%22r+%3Cd-1",
            "p%26S%27s%2Fw%22r%20%3Cd%2D1",
        ] {
            assert!(found(text, value), "{text}");
        }
    }

    #[test]
    fn each_line_of_a_value_with_several_is_a_form_and_short_ones_are_not() {
        let pem = "-----BEGIN KEY-----\n  MIIBVgIBADAN\r\n}\nQ+/x==\n";
        let forms = forms(pem);
        for line in [
            "-----BEGIN KEY-----",
            "MIIBVgIBADAN",
            "Q+/x==",
            "Q%2B%2Fx%3D%3D",
        ] {
            assert!(forms.iter().any(|form| form == line), "{line}");
        }
        assert!(forms.iter().all(|form| form.len() >= SHORTEST));
        assert_eq!(super::forms("abc"), Vec::<String>::new());
    }

    fn scope(value: &str) -> Scope {
        Scope {
            variables: BTreeMap::from([("v".into(), value.into())]),
            row: None,
            iteration: 0,
            data: Draws::at(1, &[2]),
            ids: Draws::at(1, &[3]),
            wall_ms: 0,
        }
    }

    proptest! {
        #[test]
        fn whatever_a_template_writes_holds_a_form(value in "[ -~\n\té☃\u{1}]{4,24}") {
            let name = "key".parse().unwrap();
            let mut symbols = Symbols::default();
            symbols.insert(Symbol::Secret(name), value.clone());
            for escape in [Escape::None, Escape::JsonString, Escape::JsonValue, Escape::Percent] {
                let bound = Text::parse("a=${secret.key}&b", escape).unwrap().bind_as(&symbols, escape).unwrap();
                let text = bound.to_plain();
                prop_assert!(found(&text, &value), "{text}");
                let text = Text::parse("a={{ v }}&b", escape).unwrap().rendered(&mut scope(&value)).unwrap();
                prop_assert!(found(&text, &value), "{text}");
            }
            let mut whole = String::new();
            Text::literal(value.clone()).render_percent(&mut scope(&value), &mut whole).unwrap();
            prop_assert!(found(&whole, &value), "{whole}");
        }

        #[test]
        fn base64_is_known_at_any_alignment(before in prop::collection::vec(any::<u8>(), 0..9), value in "[!-~]{8,24}", after in prop::collection::vec(any::<u8>(), 0..9)) {
            let data = [before.as_slice(), value.as_bytes(), after.as_slice()].concat();
            prop_assert!(found(&STANDARD.encode(&data), &value));
            prop_assert!(found(&URL_SAFE.encode(&data), &value));
        }
    }
}
