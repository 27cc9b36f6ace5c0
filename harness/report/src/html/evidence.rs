//! One exchange as a page shows it.

use crate::text::{self, one_line, visible};
use harness_core::event::{Broken, Excerpt, Exchange};
use harness_core::units::human_us;
use serde::Serialize;

/// A grade, by word, sign and class.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Badge {
    pub(super) class: &'static str,
    pub(super) sign: &'static str,
    pub(super) word: &'static str,
}

impl Badge {
    pub(super) fn of(grade: harness_core::verdict::Grade) -> Self {
        let word = crate::figures::grade_word(grade);
        Self {
            class: word,
            sign: crate::figures::grade_sign(grade),
            word,
        }
    }

    /// An item's grade, or why it does not count.
    pub(super) fn of_item(item: &harness_core::readiness::Item) -> Self {
        Self {
            word: crate::figures::item_word(item),
            ..Self::of(item.grade)
        }
    }

    pub(super) const SKIPPED: Self = Self {
        class: "skipped",
        sign: "–",
        word: "skipped",
    };
}

/// What did not hold.
#[derive(Debug, Clone, Serialize)]
pub(super) struct BrokenView {
    expected: String,
    actual: String,
}

impl BrokenView {
    pub(super) fn of(broken: &Broken) -> Self {
        Self {
            expected: one_line(&broken.expected, 400),
            actual: one_line(&broken.actual, 400),
        }
    }
}

/// An exchange.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ExchangeView {
    method: &'static str,
    url: String,
    result: String,
    timing: String,
    curl: String,
    request_headers: Vec<String>,
    request_body: String,
    request_note: String,
    response_headers: Vec<String>,
    response_body: String,
    response_note: String,
}

impl ExchangeView {
    pub(super) fn of(x: &Exchange) -> Self {
        let result = match (x.status, &x.failure) {
            (Some(status), _) => status.to_string(),
            (None, Some(failure)) => one_line(&failure.to_string(), 300),
            (None, None) => "no response".to_owned(),
        };
        let headers = |all: &[(String, String)]| {
            all.iter()
                .map(|(name, value)| one_line(&format!("{name}: {value}"), 1000))
                .collect()
        };
        Self {
            method: x.method.as_str(),
            url: one_line(&x.url, 2000),
            result,
            timing: timing(x),
            curl: visible(&x.curl),
            request_headers: headers(&x.request_headers),
            request_body: visible(&x.request_body.text),
            request_note: note(&x.request_body),
            response_headers: headers(&x.response_headers),
            response_body: visible(&x.response_body.text),
            response_note: note(&x.response_body),
        }
    }
}

fn note(body: &Excerpt) -> String {
    let size = text::bytes(body.bytes as f64);
    match body.bytes {
        0 => String::new(),
        _ if body.cut() => format!("first {} of {size}", text::bytes(Excerpt::LIMIT as f64)),
        _ => size,
    }
}

fn timing(x: &Exchange) -> String {
    let t = &x.timing;
    let parts = [
        ("waited", t.queue_us),
        ("connect", t.connect_us),
        ("first byte", t.first_byte_us),
        ("body", t.body_us),
        ("service time", t.total_us),
    ];
    parts
        .into_iter()
        .filter(|(_, us)| *us > 0)
        .map(|(name, us)| format!("{name} {}", human_us(us)))
        .collect::<Vec<_>>()
        .join(" · ")
}
