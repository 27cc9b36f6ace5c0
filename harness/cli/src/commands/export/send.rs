//! Sends a run to a collector: OTLP over HTTP, one request after the other, each again a few times where the protocol says
//! that it may help. What was not taken is an error; nothing is left out in silence.

use crate::args::ExportArgs;
use crate::collector::Endpoint;
use crate::environment;
use crate::error::CliError;
use harness_core::http::{Failure, Method, Request, Response};
use harness_drive::http_client::Client;
use harness_drive::{Clock, Route};
use harness_report::export::Requests;
use serde_json::Value;
use std::time::Duration;

/// Where metrics have their path below a base.
const METRICS: &str = "/v1/metrics";
/// Before the first repetition; each further one waits twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// Nobody waits longer between two tries, whatever a collector asks for.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Characters of a collector's words that are repeated.
const WORDS: usize = 300;

/// A collector.
pub(super) struct Sink {
    endpoint: Endpoint,
    headers: Vec<(String, String)>,
    timeout: Duration,
    retries: u8,
}

/// What became of all requests.
#[derive(Default)]
struct Tally {
    requests: usize,
    points: usize,
    rejected: u64,
    /// What the collector said of what it took, the first.
    said: Option<String>,
}

/// Why a request was not taken.
enum Trouble {
    /// Nothing came back.
    Failed(Failure),
    /// An answer that says no.
    Refused(Response),
}

impl Sink {
    /// A collector that answers there.
    pub(super) fn new(to: &str, args: &ExportArgs) -> Result<Self, CliError> {
        let endpoint = Endpoint::new("--to", to, Some(METRICS))?;
        let own = |name: &String| name == "content-type" || name == "content-length";
        let mut headers = said()?;
        for header in &args.headers {
            // Not repeated: it may be a credential whose name was forgotten.
            let split = header.split_once(':');
            let (name, value) = split.ok_or_else(|| {
                CliError::usage("a header has no `:`", "write it as `name: value`")
            })?;
            let name = name.trim().to_ascii_lowercase();
            headers.retain(|(known, _)| *known != name);
            headers.push((name, value.trim().to_owned()));
        }
        for (name, value) in &headers {
            let made = opentelemetry_http::Request::get("/").header(name, value);
            if made.body(()).is_err() {
                return Err(CliError::usage(
                    "a header's name or value holds what no header may hold",
                    "write it as `name: value`, in one line",
                ));
            }
            if own(name) {
                return Err(CliError::usage(
                    format!("the header {name} can't be chosen: it follows from what is sent"),
                    "leave it out",
                ));
            }
        }
        headers.push(("content-type".into(), "application/json".into()));
        Ok(Self {
            endpoint,
            headers,
            timeout: args.timeout,
            retries: args.retries,
        })
    }

    /// Sends everything; what there is to say of it. An error if not all was taken.
    pub(super) fn send(&self, requests: Requests<'_>) -> Result<String, CliError> {
        let machine = |error: &dyn std::fmt::Display| {
            CliError::Machine(format!("failed to set up the HTTP client: {error}"))
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| machine(&error))?;
        let client =
            Client::new(Clock::start(), &Route::default()).map_err(|error| machine(&error))?;
        let all = requests.points();
        let mut tally = Tally::default();
        for (body, points) in requests {
            let sent = runtime.block_on(self.one(&client, &body));
            let answer = sent.map_err(|reason| {
                let (to, taken) = (self.endpoint.shown(), tally.points);
                CliError::Report(format!(
                    "failed to send the run to {to}: {reason}; {taken} of its {all} points were taken before"
                ))
            })?;
            tally.requests += 1;
            tally.points += points;
            tally.read(&answer);
        }
        let (to, said) = (self.endpoint.shown(), tally.said.unwrap_or_default());
        let colon = if said.is_empty() { "" } else { ": " };
        if tally.rejected > 0 {
            return Err(CliError::Report(format!(
                "{to} did not take {} of {all} points{colon}{said}",
                tally.rejected
            )));
        }
        let requests = tally.requests;
        let word = if requests == 1 { "request" } else { "requests" };
        let warned = if said.is_empty() {
            String::new()
        } else {
            format!("\nwarning: it took all of them and says: {said}")
        };
        Ok(format!(
            "{all} points sent to {to} in {requests} {word}{warned}"
        ))
    }

    /// Sends one request until it is taken, or nothing more is to be hoped for: then why.
    async fn one(&self, client: &Client, body: &Value) -> Result<Response, String> {
        let request = Request {
            method: Method::Post,
            url: self.endpoint.url().to_owned(),
            headers: self.headers.clone(),
            body: body.to_string().into(),
        };
        let (mut wait, mut tries) = (FIRST_WAIT, 1u32);
        loop {
            let trouble = match client.send(&request, self.timeout).await.result {
                Ok(answer) if (200..300).contains(&answer.status) => {
                    return if is_otlp(&answer.body) {
                        Ok(answer)
                    } else {
                        Err(format!(
                            "it answers status {} and no answer of OTLP's (is it a collector?){}",
                            answer.status,
                            answer_words(&answer.body)
                        ))
                    };
                }
                Ok(answer) => Trouble::Refused(answer),
                Err(failure) => Trouble::Failed(failure),
            };
            let asked = trouble.asks_for();
            if asked.is_some_and(|asked| asked > LONGEST_WAIT) {
                return Err(format!(
                    "{}, and it wants {} s until the next try",
                    trouble.words(),
                    asked.unwrap_or_default().as_secs()
                ));
            }
            if !trouble.may_pass() || tries > u32::from(self.retries) {
                let tried = if tries > 1 {
                    format!(", {tries} times")
                } else {
                    String::new()
                };
                return Err(format!("{}{tried}", trouble.words()));
            }
            tokio::time::sleep(asked.unwrap_or(wait)).await;
            wait = (wait * 2).min(LONGEST_WAIT);
            tries += 1;
        }
    }
}

impl Trouble {
    /// Whether the protocol lets the same be sent again: cumulative points at the same times are the same points.
    fn may_pass(&self) -> bool {
        match self {
            Self::Failed(_) => true,
            Self::Refused(answer) => matches!(answer.status, 429 | 502 | 503 | 504),
        }
    }

    /// How long the collector wants to be left alone.
    fn asks_for(&self) -> Option<Duration> {
        let Self::Refused(answer) = self else {
            return None;
        };
        let text = answer.header("retry-after").filter(|_| self.may_pass())?;
        if let Ok(seconds) = text.trim().parse() {
            return Some(Duration::from_secs(seconds));
        }
        let until = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text.trim());
        let left = until.ok()?.duration_since(environment::now().timestamp());
        Some(Duration::try_from(left).unwrap_or_default())
    }

    fn words(&self) -> String {
        match self {
            Self::Failed(failure) => format!("{failure}"),
            Self::Refused(answer) => {
                let said = answer_words(&answer.body);
                let hint = match answer.status {
                    401 | 403 => " (credentials are a header: -H, or OTEL_EXPORTER_OTLP_HEADERS)",
                    404 | 405 => {
                        " (is this a base to which /v1/metrics is added? Prometheus' is /api/v1/otlp)"
                    }
                    415 => " (it does not take OTLP in JSON)",
                    _ => "",
                };
                format!("it answers status {}{hint}{said}", answer.status)
            }
        }
    }
}

/// Whether an answer may be a collector's: an object of JSON, or nothing, as some leave out what would be empty. A page that
/// greets whoever posts to it has taken no points.
fn is_otlp(body: &[u8]) -> bool {
    let empty = body.trim_ascii().is_empty();
    empty || serde_json::from_slice::<serde_json::Map<String, Value>>(body).is_ok()
}

/// What a refusal says: the message of OTLP's `Status` if it is one, else the text's beginning.
fn answer_words(body: &[u8]) -> String {
    let status: Option<Value> = serde_json::from_slice(body).ok();
    let message = status
        .as_ref()
        .and_then(|status| status.get("message")?.as_str());
    let text = message.map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned);
    match printable(&text) {
        text if text.is_empty() => text,
        text => format!(": {text}"),
    }
}

/// A stranger's words, in one line and not too many.
fn printable(text: &str) -> String {
    let line: String = text
        .trim()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(WORDS)
        .collect();
    line.trim().to_owned()
}

impl Tally {
    /// What an answer says of a part that was not taken. Protocol Buffers' JSON has 64-bit integers as texts.
    fn read(&mut self, answer: &Response) {
        let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
        let Some(part) = body.as_ref().and_then(|body| body.get("partialSuccess")) else {
            return;
        };
        let rejected = part.get("rejectedDataPoints");
        let rejected = rejected.and_then(|n| n.as_u64().or_else(|| n.as_str()?.parse().ok()));
        self.rejected += rejected.unwrap_or(0);
        let said = part
            .get("errorMessage")
            .and_then(Value::as_str)
            .map(printable);
        self.said = self
            .said
            .take()
            .or_else(|| said.filter(|said| !said.is_empty()));
    }
}

/// Headers that the environment says, as OpenTelemetry defines it: `name=value,…`, percent-encoded.
fn said() -> Result<Vec<(String, String)>, CliError> {
    let names = [
        "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
        "OTEL_EXPORTER_OTLP_HEADERS",
    ];
    let mut found = names.into_iter().filter_map(|name| {
        let text = std::env::var(name).ok()?;
        (!text.trim().is_empty()).then_some((name, text))
    });
    let Some((variable, text)) = found.next() else {
        return Ok(Vec::new());
    };
    let pairs = text.split(',').filter(|pair| !pair.trim().is_empty());
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').ok_or_else(|| {
            CliError::usage(
                format!("{variable} has a header without `=`"),
                "write it as name=value, several with commas between them",
            )
        })?;
        let value = percent_encoding::percent_decode_str(value.trim()).decode_utf8_lossy();
        Ok((name.trim().to_ascii_lowercase(), value.into_owned()))
    };
    pairs.map(pair).collect()
}
