//! A journey: what a user does, written once, as a value. TOML and Gherkin both become this; functional runs,
//! load, probes during faults and contract traffic all walk it through the same interpreter ([`walk`]).

pub mod command;
pub mod evidence;
pub mod gherkin;
mod jar;
pub mod plain;
mod reads;
mod redirect;
pub mod think;
pub mod walk;

pub use jar::Jar;

use crate::data::{Feed, Rows};
use crate::expr::step::{Expectation, Many, StepSubject};
use crate::http::Method;
use crate::name::Name;
use crate::template::{Escape, Symbols, Text, UnboundError};
use crate::units;
use command::Command;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;
use think::Think;

/// One row of data: column name to value.
pub type Row = serde_json::Map<String, serde_json::Value>;

/// Rows that a functional run walks at most: a test has few, and what has more is fodder for load.
pub const WALKED: usize = 1000;

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
    /// Data rows. A functional run walks the journey once for each of the first [`WALKED`] (once, with no row, if there
    /// are none); load takes them as `feed` says.
    #[serde(default)]
    pub rows: Rows,
    /// How load takes the rows.
    #[serde(default, skip_serializing_if = "Feed::is_default")]
    pub feed: Feed,
    /// Variables set before the first step, in order of name.
    #[serde(default)]
    pub variables: BTreeMap<String, Text>,
    /// The steps. Named journeys run inside this one are already inlined here.
    pub steps: Vec<Step>,
}

impl Journey {
    /// How often a functional run walks it, at least once.
    pub fn walks(&self) -> u32 {
        // At most a thousand.
        self.rows.len().clamp(1, WALKED) as u32
    }

    /// What its steps collect.
    pub(crate) fn collections(&self) -> impl Iterator<Item = &Capture> {
        self.steps.iter().flat_map(|step| match &step.action {
            Action::Request(request) => request.collect.as_slice(),
            Action::Pause(_) | Action::Check(_) | Action::Command(_) => &[],
        })
    }

    /// The journey with a think time after each step that sends a request and says nothing of one. `after_last`: after
    /// the last step too, where the same user goes on with another journey.
    pub fn thinking(&self, think: Think, after_last: bool) -> Self {
        let mut journey = self.clone();
        let inner = journey.steps.len() - usize::from(!after_last && !journey.steps.is_empty());
        for step in journey.steps.iter_mut().take(inner) {
            if let Action::Request(request) = &mut step.action {
                request.think.get_or_insert(think);
            }
        }
        journey
    }

    /// The journey with every symbol filled in; holes stay.
    pub fn bind(&self, symbols: &Symbols) -> Result<Self, UnboundError> {
        let mut bound = self.clone();
        for text in bound.variables.values_mut() {
            *text = text.bind(symbols)?;
        }
        for step in &mut bound.steps {
            let request = match &mut step.action {
                Action::Request(request) => request,
                Action::Check(expect) => {
                    bind_values(expect, symbols)?;
                    continue;
                }
                Action::Pause(_) | Action::Command(_) => continue,
            };
            let named = request
                .query
                .iter_mut()
                .chain(&mut request.headers)
                .map(|(_, text)| text);
            for text in named.chain([&mut request.url]).chain(&mut request.link) {
                *text = text.bind(symbols)?;
            }
            let kind = request
                .headers
                .iter()
                .find(|(name, _)| name == "content-type");
            let escape = escape_for(kind.map(|(_, kind)| kind.to_plain()).as_deref());
            request.body = request.body.bind_as(symbols, escape)?;
            let exactly = request.copies.iter_mut().flat_map(|c| &mut c.exactly);
            let expect = request
                .expect
                .iter_mut()
                .chain(request.repeat.iter_mut().map(|r| &mut r.condition))
                .chain(exactly.map(|(expectation, _)| expectation));
            bind_values(expect, symbols)?;
        }
        Ok(bound)
    }
}

fn bind_values<'e>(
    expect: impl IntoIterator<Item = &'e mut Expectation>,
    symbols: &Symbols,
) -> Result<(), UnboundError> {
    for text in expect.into_iter().flat_map(|e| e.test.texts_mut()) {
        *text = text.bind(symbols)?;
    }
    Ok(())
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
    /// Asks nothing: checks what the walk has gathered.
    Check(Vec<Expectation>),
    /// Commands the run itself; fine in a functional run, a plan error under load.
    Command(Command),
}

/// A request and what its answer must be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RequestStep {
    /// The method.
    pub method: Method,
    /// Absolute URL after binding; in the plan it starts with the symbol of a base address. With `link`, what a variable
    /// says: a URL or a path.
    pub url: Text,
    /// The base address a link resolves against and may not leave; only where `url` begins with a hole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Text>,
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
    /// Appended to lists when all expectations hold, before the captures are taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collect: Vec<Capture>,
    /// Where the walk goes back to, and while what holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<Repeat>,
    /// The request is sent several times at once; functional walks only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copies: Option<Copies>,
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
    /// Think time after the step; `None` for that of the load, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub think: Option<Think>,
}

/// A value kept from an answer under a name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Capture {
    /// The variable it sets.
    pub name: String,
    /// Where it is found.
    pub from: StepSubject,
}

impl RequestStep {
    /// What of its answers it looks at, each time it does.
    pub(crate) fn subjects(&self) -> impl Iterator<Item = &StepSubject> {
        let repeat = self.repeat.iter();
        let copies = self.copies.iter();
        let taken = repeat.clone().flat_map(|repeat| &repeat.captures);
        let exactly = copies.clone().flat_map(|copies| &copies.exactly);
        let captures = self.captures.iter().chain(&self.collect).chain(taken);
        let expected = self.expect.iter().chain(exactly.map(|(e, _)| e));
        expected
            .chain(repeat.map(|repeat| &repeat.condition))
            .map(|expectation| &expectation.subject)
            .chain(captures.map(|capture| &capture.from))
            .chain(copies.flat_map(|copies| &copies.same))
    }

    /// Whether anything of the step reads the body of its answers. Else it need not be kept.
    pub fn reads_body(&self) -> bool {
        let reads = |subject: &StepSubject| match subject {
            StepSubject::Status | StepSubject::Duration | StepSubject::Header(_) => false,
            StepSubject::Body | StepSubject::Json(_) => true,
            StepSubject::Count(many) | StepSubject::Distinct(many) => {
                matches!(many, Many::Path(_))
            }
        };
        self.subjects().any(reads)
    }
}

/// Goes back to a step once this one has passed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Repeat {
    /// The step it goes back to, by index; its own at the latest.
    pub from: usize,
    /// It goes back while this holds of its answer.
    #[serde(rename = "while")]
    pub condition: Expectation,
    /// Taken from the answer before it goes back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub captures: Vec<Capture>,
    /// Times it goes back, from 1; needing one more fails the step.
    pub at_most: u32,
}

/// One request sent several times at once. Every answer must satisfy the expectations; captures come from the first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Copies {
    /// How many, from 2 to 64.
    pub count: u8,
    /// What must be equal in all answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub same: Vec<StepSubject>,
    /// What must hold of exactly so many answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exactly: Vec<(Expectation, u8)>,
}
