//! The attributes of an `http` toxic as JSON has them: flat, and only some of them together.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{HttpAction, HttpAnswer, HttpRequests, HttpToxic};

const ACTIONS: &str = "delay, status, replace, truncate, corrupt, drop, rate, fail_first";

/// The attributes as the JSON has them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, Option<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delay: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replace: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    truncate: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    corrupt: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    drop: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rate: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fail_first: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

impl Raw {
    /// The names of the actions given; `status` is one where it does not belong to another.
    fn actions(&self) -> Vec<&'static str> {
        let own = self.status.is_some() && self.rate.is_none() && self.fail_first.is_none();
        let given = [
            ("delay", self.delay.is_some()),
            ("status", own),
            ("replace", self.replace.is_some()),
            ("truncate", self.truncate.is_some()),
            ("corrupt", self.corrupt.is_some()),
            ("drop", self.drop.is_some()),
            ("rate", self.rate.is_some()),
            ("fail_first", self.fail_first.is_some()),
        ];
        given
            .into_iter()
            .filter_map(|(name, given)| given.then_some(name))
            .collect()
    }

    fn answer(&self, status: u16) -> HttpAnswer {
        HttpAnswer {
            status: self.status.unwrap_or(status),
            body: self.body.clone().unwrap_or_default(),
            retry_after: self.retry_after,
        }
    }
}

impl TryFrom<Raw> for HttpToxic {
    type Error = String;

    fn try_from(raw: Raw) -> Result<Self, String> {
        let action = match raw.actions().as_slice() {
            [one] => *one,
            [] => return Err(format!("nothing says what it does; give one of {ACTIONS}")),
            several => {
                return Err(format!(
                    "{} are several actions; give each a toxic of its own",
                    several.join(", ")
                ));
            }
        };
        if !matches!(action, "status" | "rate" | "fail_first") {
            let stray = [
                ("body", raw.body.is_some()),
                ("retry_after", raw.retry_after.is_some()),
            ];
            if let Some((name, _)) = stray.into_iter().find(|(_, given)| *given) {
                return Err(format!(
                    "`{name}` belongs to an answer of the proxy's own (status, rate, fail_first), not to `{action}`"
                ));
            }
        }
        if raw.corrupt == Some(false) || raw.drop == Some(false) {
            return Err(format!("`{action}` is true or left out"));
        }
        let action = match (action, raw.delay, raw.truncate, raw.rate, raw.fail_first) {
            ("delay", Some(delay), ..) => HttpAction::Delay { delay },
            ("truncate", _, Some(bytes), ..) => HttpAction::Truncate { bytes },
            ("rate", _, _, Some(rate), _) => HttpAction::Rate {
                rate,
                answer: raw.answer(429),
            },
            ("fail_first", _, _, _, Some(requests)) => HttpAction::FailFirst {
                requests,
                answer: raw.answer(503),
            },
            ("corrupt", ..) => HttpAction::Corrupt,
            ("drop", ..) => HttpAction::Drop,
            ("replace", ..) => HttpAction::Replace {
                body: raw.replace.unwrap_or_default(),
            },
            _ => HttpAction::Status(raw.answer(503)),
        };
        let toxic = Self {
            requests: HttpRequests {
                method: raw.method,
                path: raw.path,
                headers: raw.headers,
            },
            action,
        };
        toxic.validate()?;
        Ok(toxic)
    }
}

impl From<HttpToxic> for Raw {
    fn from(toxic: HttpToxic) -> Self {
        let HttpRequests {
            method,
            path,
            headers,
        } = toxic.requests;
        let raw = Self {
            method,
            path,
            headers,
            ..Self::default()
        };
        let own = |raw: Self, answer: HttpAnswer| Self {
            status: Some(answer.status),
            body: Some(answer.body).filter(|body| !body.is_empty()),
            retry_after: answer.retry_after,
            ..raw
        };
        match toxic.action {
            HttpAction::Delay { delay } => Self {
                delay: Some(delay),
                ..raw
            },
            HttpAction::Status(answer) => own(raw, answer),
            HttpAction::Replace { body } => Self {
                replace: Some(body),
                ..raw
            },
            HttpAction::Truncate { bytes } => Self {
                truncate: Some(bytes),
                ..raw
            },
            HttpAction::Corrupt => Self {
                corrupt: Some(true),
                ..raw
            },
            HttpAction::Drop => Self {
                drop: Some(true),
                ..raw
            },
            HttpAction::Rate { rate, answer } => Self {
                rate: Some(rate),
                ..own(raw, answer)
            },
            HttpAction::FailFirst { requests, answer } => Self {
                fail_first: Some(requests),
                ..own(raw, answer)
            },
        }
    }
}
