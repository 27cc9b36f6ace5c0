//! A journey as typed, in TOML or in Gherkin: its texts not read yet, each with its place. Both front ends end
//! here; the plan turns it into a [`crate::journey::Journey`]. Knows neither syntax.

use crate::data::{Feed, Rows};
use crate::diagnostic::{Place, Source};
use crate::http::Method;
use crate::journey::command::Command;
use crate::journey::think::Think;
use crate::name::Name;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// Leads from bytes of a string's value to bytes of the source: arguments are the source's text, the string's bytes
/// there, and the bytes of its value.
pub type Inward = fn(&str, &Range<usize>, &Range<usize>) -> Range<usize>;

/// A text and where it was typed.
#[derive(Debug, Clone)]
pub struct Written {
    /// The text, unquoted.
    pub text: String,
    /// The file.
    pub source: Arc<Source>,
    /// The text's bytes there, quotes included.
    pub span: Range<usize>,
    /// How quoting moves the bytes inside.
    pub inward: Inward,
}

impl Written {
    /// Where the text stands.
    pub fn place(&self) -> Place {
        Place {
            source: Arc::clone(&self.source),
            span: self.span.clone(),
        }
    }

    /// Where some bytes of the text stand.
    pub fn inside(&self, inner: &Range<usize>) -> Place {
        let span = (self.inward)(&self.source.text, &self.span, inner);
        Place {
            source: Arc::clone(&self.source),
            span,
        }
    }
}

/// A journey as typed.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Its name.
    pub name: Name,
    /// One sentence for people.
    pub title: String,
    /// Tags without `@`.
    pub tags: Vec<String>,
    /// Where it begins.
    pub place: Place,
    /// Data rows.
    pub rows: Rows,
    /// Its data could not be read, and that was told: which columns it has is not known.
    pub unread: bool,
    /// How load takes them.
    pub feed: Feed,
    /// Variables set before the first step: name and value.
    pub variables: Vec<(Written, Written)>,
    /// The steps.
    pub steps: Vec<DraftStep>,
}

/// A step as typed.
#[derive(Debug, Clone)]
pub struct DraftStep {
    /// Its name.
    pub name: Written,
    /// What it does.
    pub action: DraftAction,
}

/// What a step does, as typed.
#[derive(Debug, Clone)]
pub enum DraftAction {
    /// Sends a request.
    Request(Box<DraftRequest>),
    /// Runs another journey here.
    Run(Written),
    /// Waits.
    Pause(Duration),
    /// Checks what was gathered.
    Check(Vec<Written>),
    /// Commands the run; the text that names the link or the fault.
    Command(Command, Written),
}

/// A request as typed. What is left out gets the suite's default.
#[derive(Debug, Clone)]
pub struct DraftRequest {
    /// The method.
    pub method: Method,
    /// A path, or a whole URL.
    pub path: Written,
    /// The service asked, instead of the way in.
    pub service: Option<Written>,
    /// Query parameters.
    pub query: Vec<(String, Written)>,
    /// Headers.
    pub headers: Vec<(Written, Written)>,
    /// The body.
    pub body: DraftBody,
    /// Expectations.
    pub expect: Vec<Written>,
    /// Captures: name and where from.
    pub captures: Vec<(Written, Written)>,
    /// Collections: name and where from.
    pub collect: Vec<(Written, Written)>,
    /// Where it goes back to.
    pub repeat: Option<DraftRepeat>,
    /// Sent several times at once.
    pub copies: Option<DraftCopies>,
    /// Poll at most this long.
    pub eventually: Option<Duration>,
    /// Pause between two polls.
    pub every: Option<Duration>,
    /// Limit for one exchange.
    pub timeout: Option<Duration>,
    /// Redirects followed at most.
    pub redirects: Option<u8>,
    /// Think time after the step.
    pub think: Option<Think>,
}

/// A way back, as typed.
#[derive(Debug, Clone)]
pub struct DraftRepeat {
    /// The step it goes back to, instead of its own.
    pub from: Option<Written>,
    /// It goes back while this holds.
    pub condition: Written,
    /// Captures before it goes back: name and where from.
    pub captures: Vec<(Written, Written)>,
    /// Times it goes back at most.
    pub at_most: u32,
}

/// Copies as typed.
#[derive(Debug, Clone)]
pub struct DraftCopies {
    /// How many, and where that was typed.
    pub count: (u8, Place),
    /// What must be equal in all answers.
    pub same: Vec<Written>,
    /// What must hold of exactly so many.
    pub exactly: Vec<(Written, u8)>,
}

impl DraftRequest {
    /// A GET without anything else.
    pub fn get(path: Written) -> Self {
        Self {
            method: Method::Get,
            path,
            service: None,
            query: Vec::new(),
            headers: Vec::new(),
            body: DraftBody::Empty,
            expect: Vec::new(),
            captures: Vec::new(),
            collect: Vec::new(),
            repeat: None,
            copies: None,
            eventually: None,
            every: None,
            timeout: None,
            redirects: None,
            think: None,
        }
    }
}

/// A body as typed.
#[derive(Debug, Clone, Default)]
pub enum DraftBody {
    /// None.
    #[default]
    Empty,
    /// JSON, with the strings in it and their places.
    Json(serde_json::Value, Vec<Written>),
    /// Text.
    Text(Written),
    /// A form.
    Form(Vec<(String, Written)>),
}
