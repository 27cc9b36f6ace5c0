//! What an `http` toxic does and to which requests: its attributes, and which of them go together.

mod attributes;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use attributes::Raw;

/// The longest text an answer of the proxy's own may have, bytes.
const LONGEST: usize = 1 << 20;
/// The longest delay, ms: beyond it a sum of times could overflow, and no run is that long.
const LONGEST_DELAY: u64 = 365 * 24 * 3_600_000;

/// A toxic on HTTP/1.1 exchanges: the requests it is for, and what becomes of them. It stands in the service's place: what
/// it answers and what it changes passes the toxics of the connection like anything that the service sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct HttpToxic {
    /// Which requests.
    pub requests: HttpRequests,
    /// What becomes of them.
    pub action: HttpAction,
}

/// Which requests an `http` toxic is for; all, if nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpRequests {
    /// Those of this method, in any case.
    pub method: Option<String>,
    /// Those whose path, without the query, has these segments; `{name}` stands for any one.
    pub path: Option<String>,
    /// Those with all of these headers: names in any case, and the values if they are given.
    pub headers: BTreeMap<String, Option<String>>,
}

/// What becomes of a request that an `http` toxic is for, or of its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpAction {
    /// The answer is held back.
    Delay {
        /// ms.
        delay: u64,
    },
    /// The proxy answers; the request does not reach the service.
    Status(HttpAnswer),
    /// The answer has another body; its head is the service's.
    Replace {
        /// The body.
        body: Arc<str>,
    },
    /// The answer's body breaks off, and the connection is closed.
    Truncate {
        /// After so many bytes; a body that is not longer stays whole.
        bytes: u64,
    },
    /// One byte of the answer's body is another.
    Corrupt,
    /// The connection is reset before an answer.
    Drop,
    /// Requests above a rate, counted over all connections, are answered by the proxy.
    Rate {
        /// Requests per second, at least 1; as many may come at once.
        rate: u64,
        /// The answer to those above it; without a `retry_after` it says when the next will pass.
        answer: HttpAnswer,
    },
    /// The first requests since the toxic was added, counted over all connections, are answered by the proxy.
    FailFirst {
        /// How many, at least 1.
        requests: u64,
        /// The answer.
        answer: HttpAnswer,
    },
}

/// An answer of the proxy's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAnswer {
    /// 200 to 599.
    pub status: u16,
    /// The body; JSON is told as such.
    pub body: Arc<str>,
    /// What `Retry-After` says, s.
    pub retry_after: Option<u64>,
}

impl HttpAnswer {
    /// An answer without a body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self {
            status,
            body: Arc::default(),
            retry_after: None,
        }
    }

    fn validate(&self) -> Result<(), String> {
        if !(200..600).contains(&self.status) {
            return Err(format!(
                "status {} can't end an exchange; give one from 200 to 599",
                self.status
            ));
        }
        if matches!(self.status, 204 | 304) && !self.body.is_empty() {
            return Err(format!("an answer of status {} has no body", self.status));
        }
        short("body", &self.body)
    }
}

impl HttpToxic {
    /// What is wrong with it, for people.
    pub(super) fn validate(&self) -> Result<(), String> {
        self.requests.validate()?;
        match &self.action {
            HttpAction::Delay { delay } if *delay > LONGEST_DELAY => {
                Err("`delay` is in ms, at most a year".to_owned())
            }
            HttpAction::Rate { rate: 0, .. } => Err(
                "`rate` is in requests per second, at least 1; to let none through give `status`"
                    .to_owned(),
            ),
            HttpAction::Rate { rate, .. } if *rate > 1_000_000_000 => {
                Err("`rate` is in requests per second, at most a thousand million".to_owned())
            }
            HttpAction::FailFirst { requests: 0, .. } => {
                Err("`fail_first` is a count of requests, at least 1".to_owned())
            }
            HttpAction::Status(answer)
            | HttpAction::Rate { answer, .. }
            | HttpAction::FailFirst { answer, .. } => answer.validate(),
            HttpAction::Replace { body } => short("replace", body),
            HttpAction::Delay { .. }
            | HttpAction::Truncate { .. }
            | HttpAction::Corrupt
            | HttpAction::Drop => Ok(()),
        }
    }
}

fn short(what: &str, text: &str) -> Result<(), String> {
    match text.len() > LONGEST {
        true => Err(format!("`{what}` has more than {LONGEST} bytes")),
        false => Ok(()),
    }
}

impl HttpRequests {
    fn validate(&self) -> Result<(), String> {
        if let Some(method) = &self.method
            && !is_token(method)
        {
            return Err(format!("`{method}` is no method; write it as in `POST`"));
        }
        if let Some(path) = &self.path {
            path_is_sound(path)?;
        }
        for (name, value) in &self.headers {
            if !is_token(name) {
                return Err(format!("`{name}` is no name of a header"));
            }
            let sound = |value: &String| {
                let visible = |byte: u8| byte == b'\t' || (byte >= b' ' && byte != 127);
                value.trim() == value && value.bytes().all(visible)
            };
            if !value.as_ref().is_none_or(sound) {
                return Err(format!(
                    "the value of header `{name}` can't be one: it has white space around it, or control characters"
                ));
            }
        }
        Ok(())
    }

    /// Whether it is for a request of this method, target and headers.
    pub(crate) fn takes<'h>(
        &self,
        method: &str,
        target: &str,
        headers: impl Iterator<Item = (&'h str, &'h [u8])> + Clone,
    ) -> bool {
        let method = self
            .method
            .as_ref()
            .is_none_or(|wanted| wanted.eq_ignore_ascii_case(method));
        method
            && self
                .path
                .as_ref()
                .is_none_or(|path| path_takes(path, target))
            && self.headers.iter().all(|(name, wanted)| {
                headers.clone().any(|(is, value)| {
                    is.eq_ignore_ascii_case(name)
                        && wanted
                            .as_ref()
                            .is_none_or(|wanted| wanted.as_bytes() == value)
                })
            })
    }
}

fn is_token(text: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(token)
}

fn path_is_sound(path: &str) -> Result<(), String> {
    if !path.starts_with('/') {
        return Err(format!("path `{path}` must begin with `/`"));
    }
    if path.contains(['?', '#']) || path.bytes().any(|byte| byte <= b' ' || byte == 127) {
        return Err(format!(
            "path `{path}` is compared without a query; leave `?`, `#` and white space out"
        ));
    }
    for segment in path.split('/') {
        let named = segment
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        if named.unwrap_or(segment).contains(['{', '}']) || named == Some("") {
            return Err(format!(
                "`{segment}` in path `{path}` is no segment; `{{name}}` stands for a whole one"
            ));
        }
    }
    Ok(())
}

/// Whether a target's path has a template's segments.
fn path_takes(template: &str, target: &str) -> bool {
    // A proxy's client may send the whole URL.
    let path = match target.split_once("://") {
        Some((_, rest)) if !target.starts_with('/') => {
            rest.find('/').map_or("/", |slash| &rest[slash..])
        }
        _ => target,
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut segments = path.split('/');
    let alike = template.split('/').all(|wanted| {
        segments
            .next()
            .is_some_and(|is| match wanted.starts_with('{') {
                true => !is.is_empty(),
                false => wanted == is,
            })
    });
    alike && segments.next().is_none()
}
