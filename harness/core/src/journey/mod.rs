//! A journey: what a user does, written once, as a value. TOML and Gherkin both become this; functional runs,
//! load, probes during faults and contract traffic all walk it through the same interpreter ([`walk`]).

pub mod command;
pub mod evidence;
pub mod gherkin;
mod jar;
mod redirect;
pub mod walk;

use crate::expr::step::{Expectation, StepSubject};
use crate::http::Method;
use crate::name::Name;
use crate::template::{Escape, Symbols, Text, UnboundError};
use crate::units;
use command::Command;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// One row of data: column name to value.
pub type Row = serde_json::Map<String, serde_json::Value>;

/// Where a thing was written, for messages and reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Path from the suite's root.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
}

/// What a user does: steps in order, sharing variables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Journey {
    /// Its name: the file's stem in TOML, a slug of the scenario's name in Gherkin.
    pub name: Name,
    /// One sentence for people.
    pub title: String,
    /// Tags without `@`.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Where it was written.
    pub origin: Origin,
    /// Data rows. A functional run walks the journey once for each row (once, with no row, if there are none);
    /// load takes rows in turn by iteration.
    #[serde(default)]
    pub rows: Vec<Row>,
    /// Variables set before the first step, in order of name.
    #[serde(default)]
    pub variables: BTreeMap<String, Text>,
    /// The steps. Named journeys run inside this one are already inlined here.
    pub steps: Vec<Step>,
}

impl Journey {
    /// The journey with every symbol filled in; holes stay.
    pub fn bind(&self, symbols: &Symbols) -> Result<Self, UnboundError> {
        let mut bound = self.clone();
        for text in bound.variables.values_mut() {
            *text = text.bind(symbols)?;
        }
        for step in &mut bound.steps {
            let Action::Request(request) = &mut step.action else {
                continue;
            };
            let named = request
                .query
                .iter_mut()
                .chain(&mut request.headers)
                .map(|(_, text)| text);
            for text in named.chain([&mut request.url]) {
                *text = text.bind(symbols)?;
            }
            let kind = request
                .headers
                .iter()
                .find(|(name, _)| name == "content-type");
            let escape = escape_for(kind.map(|(_, kind)| kind.to_plain()).as_deref());
            request.body = request.body.bind_as(symbols, escape)?;
            for text in request.expect.iter_mut().flat_map(|e| e.test.texts_mut()) {
                *text = text.bind(symbols)?;
            }
        }
        Ok(bound)
    }
}

/// How a symbol's value is written into a body of this content type.
fn escape_for(kind: Option<&str>) -> Escape {
    let kind = kind.unwrap_or("").split(';').next().unwrap_or("").trim();
    if kind == "application/json" || kind.ends_with("+json") {
        Escape::JsonString
    } else if kind == "application/x-www-form-urlencoded" {
        Escape::Percent
    } else {
        Escape::None
    }
}

/// One step of a journey.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Unique within the journey.
    pub name: String,
    /// Where it was written.
    pub origin: Origin,
    /// What it does.
    pub action: Action,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Sends a request and checks the answer.
    Request(Box<RequestStep>),
    /// Waits.
    Pause(#[serde(with = "units::duration")] Duration),
    /// Commands the run itself; fine in a functional run, a plan error under load.
    Command(Command),
}

/// A request and what its answer must be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RequestStep {
    /// The method.
    pub method: Method,
    /// Absolute URL after binding; in the plan it starts with the symbol of a base address.
    pub url: Text,
    /// Query parameters, appended percent-encoded in this order.
    #[serde(default)]
    pub query: Vec<(String, Text)>,
    /// Lower-case names, in order; includes the suite's defaults.
    #[serde(default)]
    pub headers: Vec<(String, Text)>,
    /// The body; its content type is already among the headers.
    #[serde(default)]
    pub body: Text,
    /// All must hold.
    #[serde(default)]
    pub expect: Vec<Expectation>,
    /// Taken when all expectations hold.
    #[serde(default)]
    pub captures: Vec<Capture>,
    /// Poll until the expectations hold, at most this long.
    #[serde(
        default,
        with = "units::duration::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub eventually: Option<Duration>,
    /// Pause between two polls.
    #[serde(with = "units::duration")]
    pub every: Duration,
    /// Limit for one exchange, connect included.
    #[serde(with = "units::duration")]
    pub timeout: Duration,
    /// Redirects followed at most; 0 for none.
    #[serde(default)]
    pub redirects: u8,
    /// Think time after the step.
    #[serde(
        default,
        with = "units::duration",
        skip_serializing_if = "Duration::is_zero"
    )]
    pub think: Duration,
}

/// A value kept from an answer under a name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Capture {
    /// The variable it sets.
    pub name: String,
    /// Where it is found.
    pub from: StepSubject,
}
