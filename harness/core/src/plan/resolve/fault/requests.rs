//! Faults on requests: which they meet, and the one thing that becomes of those.

use super::numbers::{Numbers, whole_bytes};
use crate::plan::fault::{HttpAction, HttpAnswer, HttpFault};
use crate::plan::resolve::findings::Findings;
use crate::suite::at::Str;
use crate::suite::raw::HttpBreak;
use crate::units::{Rate, parse_duration};
use std::ops::Range;
use std::time::Duration;

const HINT: &str = "give exactly one of `delay`, `status`, `replace`, `truncate`, `corrupt`, `drop`, `rate`, `fail_first`";

/// The fault; `None` after noting what is wrong with it.
pub(super) fn resolve<T>(
    numbers: &mut Numbers<'_, T>,
    http: &HttpBreak,
    whole: &Range<usize>,
    found: &mut Findings,
) -> Option<HttpFault> {
    let action = action(numbers, http, whole, found)?;
    let method = match &http.method {
        Some(text) if !is_token(&text.value) => {
            let message = format!("`{}` is no method", text.value);
            found.error_with(numbers.doc.at(text), message, "write it as in `POST`");
            return None;
        }
        method => method.as_ref().map(|text| text.value.clone()),
    };
    let path = match &http.path {
        Some(text) if !text.value.starts_with('/') || text.value.contains(['?', ' ']) => {
            let message = format!("`{}` is no path", text.value);
            let hint = "write it from its `/` on, without a query: `/payments/{id}`";
            found.error_with(numbers.doc.at(text), message, hint);
            return None;
        }
        path => path.as_ref().map(|text| text.value.clone()),
    };
    let mut headers = std::collections::BTreeMap::new();
    for (name, value) in http.headers.iter() {
        if !is_token(&name.value) {
            let message = format!("`{}` is no name of a header", name.value);
            found.error(numbers.doc.at(name), message);
            return None;
        }
        headers.insert(name.value.clone(), value.value.clone());
    }
    Some(HttpFault {
        method,
        path,
        headers,
        action,
    })
}

fn action<T>(
    numbers: &mut Numbers<'_, T>,
    http: &HttpBreak,
    whole: &Range<usize>,
    found: &mut Findings,
) -> Option<HttpAction> {
    let counts = http.rate.is_some() || http.fail_first.is_some();
    let given = [
        http.delay.is_some(),
        http.status.is_some() && !counts,
        http.replace.is_some(),
        http.truncate.is_some(),
        http.corrupt.is_some(),
        http.drop.is_some(),
        http.rate.is_some(),
        http.fail_first.is_some(),
    ];
    let place = numbers.doc.place(whole);
    match given.into_iter().filter(|given| *given).count() {
        0 => {
            if !numbers.doc.incomplete {
                let message = "this does not say what becomes of the requests";
                found.error_with(place, message, HINT);
            }
            return None;
        }
        1 => {}
        _ => {
            found.error_with(place, "one thing becomes of a request", HINT);
            return None;
        }
    }
    for switch in [&http.corrupt, &http.drop].into_iter().flatten() {
        if !switch.value {
            found.error_with(numbers.doc.at(switch), "`false` breaks nothing", HINT);
            return None;
        }
    }
    if let Some(text) = http.body.as_ref().or(http.retry_after.as_ref())
        && http.status.is_none()
        && !counts
    {
        let message = "there is no answer of the proxy's own that this could belong to";
        found.error_with(numbers.doc.at(text), message, "give it a `status`");
        return None;
    }
    if let Some(delay) = &http.delay {
        let delay = numbers.duration(Some(delay), found)?;
        return Some(HttpAction::Delay { delay });
    }
    if let Some(body) = &http.replace {
        let body = body.value.clone();
        return Some(HttpAction::Replace { body });
    }
    if let Some(text) = &http.truncate {
        let bytes = numbers.number(text, found, whole_bytes)?;
        return Some(HttpAction::Truncate { bytes });
    }
    if let Some(rate) = &http.rate {
        let rate = numbers.number(rate, found, per_second)?;
        let answer = answer(numbers, http, 429, found)?;
        return Some(HttpAction::Rate { rate, answer });
    }
    if let Some(first) = &http.fail_first {
        return Some(HttpAction::FailFirst {
            requests: u64::from(first.value),
            answer: answer(numbers, http, 503, found)?,
        });
    }
    if http.corrupt.is_some() {
        return Some(HttpAction::Corrupt);
    }
    if http.drop.is_some() {
        return Some(HttpAction::Drop);
    }
    answer(numbers, http, 503, found).map(HttpAction::Status)
}

fn answer<T>(
    numbers: &Numbers<'_, T>,
    http: &HttpBreak,
    status: u16,
    found: &mut Findings,
) -> Option<HttpAnswer> {
    let seconds = |text: &Str, found: &mut Findings| match parse_duration(&text.value) {
        Ok(after) if after.subsec_nanos() == 0 => Some(after),
        Ok(_) => {
            found.error(numbers.doc.at(text), "`Retry-After` is in whole seconds");
            None
        }
        Err(error) => {
            found.error(numbers.doc.at(text), error.to_string());
            None
        }
    };
    let retry_after: Option<Duration> = match &http.retry_after {
        Some(text) => Some(seconds(text, found)?),
        None => None,
    };
    let status = http.status.as_ref().map_or(status, |status| status.value);
    if let Some(body) = http.body.as_ref().filter(|_| matches!(status, 204 | 304)) {
        let message = format!("an answer of status {status} has no body");
        found.error(numbers.doc.at(body), message);
        return None;
    }
    Some(HttpAnswer {
        status,
        body: http
            .body
            .as_ref()
            .map_or_else(String::new, |b| b.value.clone()),
        retry_after,
    })
}

/// Whole requests per second, at least one.
fn per_second(typed: &str) -> Result<u64, String> {
    let rate = typed.parse::<Rate>().map_err(|error| error.to_string())?;
    match rate.get() {
        rate if rate.fract() == 0.0 && (1.0..=1e9).contains(&rate) => Ok(rate as u64),
        _ => Err(format!(
            "`{typed}` is out of range: whole requests per second, at least 1/s"
        )),
    }
}

fn is_token(text: &str) -> bool {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(token)
}
