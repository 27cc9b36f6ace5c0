//! What happened to a walked journey: its steps, their exchanges, what did not hold.

use super::{first, is_first};
use crate::http::{Method, Timing};
use crate::name::Name;
use serde::{Deserialize, Serialize};

/// A step of a functional walk ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepFinished {
    /// The journey.
    pub journey: Name,
    /// The data row, from 0.
    pub row: u32,
    /// The step's name.
    pub step: String,
    /// Which time the walk passed it, from 1; above 1 where it went back.
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pub pass: u32,
    /// Whether all held; `None` when it was skipped because one before it failed.
    pub passed: Option<bool>,
    /// What did not hold.
    #[serde(default)]
    pub failures: Vec<Broken>,
    /// Polls made, 1 without `eventually`.
    pub attempts: u32,
    /// Microseconds from intended to finished.
    pub took_us: u64,
    /// The last exchange; always kept for a failed step.
    #[serde(default)]
    pub exchange: Option<Exchange>,
}

/// An expectation that did not hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Broken {
    /// The expectation as written, or `a response`.
    pub expected: String,
    /// What was there instead.
    pub actual: String,
}

/// A functional walk ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JourneyFinished {
    /// The journey.
    pub journey: Name,
    /// The data row, from 0.
    pub row: u32,
    /// How it went.
    pub outcome: Outcome,
    /// Microseconds.
    pub took_us: u64,
}

/// How a functional walk went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Every step held.
    Passed,
    /// A step did not hold.
    Failed,
    /// It was stopped, or never reached.
    Cancelled,
}

/// Evidence: one exchange, redacted and cut to size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// The method.
    pub method: Method,
    /// The URL.
    pub url: String,
    /// As sent.
    pub request_headers: Vec<(String, String)>,
    /// As sent, cut.
    pub request_body: Excerpt,
    /// The status, or `None` where no response came.
    pub status: Option<u16>,
    /// Why no response came.
    #[serde(default)]
    pub failure: Option<crate::http::Failure>,
    /// As received.
    #[serde(default)]
    pub response_headers: Vec<(String, String)>,
    /// As received, cut.
    #[serde(default)]
    pub response_body: Excerpt,
    /// Where the time went.
    pub timing: Timing,
    /// The shell line that repeats it.
    pub curl: String,
}

/// The beginning of a body.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Excerpt {
    /// At most [`Excerpt::LIMIT`] bytes, lossily decoded.
    pub text: String,
    /// Bytes of the whole.
    pub bytes: u64,
}

impl Excerpt {
    /// Bytes kept of a body.
    pub const LIMIT: usize = 4096;

    /// Cuts a body of `whole` bytes.
    pub fn of(body: &[u8], whole: u64) -> Self {
        let kept = &body[..body.len().min(Self::LIMIT)];
        Self {
            text: String::from_utf8_lossy(kept).into_owned(),
            bytes: whole,
        }
    }

    /// Whether something was cut.
    pub fn cut(&self) -> bool {
        self.bytes > Self::LIMIT as u64
    }
}
