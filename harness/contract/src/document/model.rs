//! The internal model all dialects are read into.

use super::load::LoadError;
use crate::finding::Finding;
use crate::schema::{SchemaId, Schemas};
use harness_core::http::Method;
use serde_json::Value;
use std::collections::BTreeMap;

/// The dialect a document is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAPI 2.0, also called Swagger.
    Swagger2,
    /// OpenAPI 3.0.
    OpenApi30,
    /// OpenAPI 3.1 and later.
    OpenApi31,
}

/// A loaded document.
#[derive(Debug)]
pub struct Document {
    /// What it is called in findings.
    pub name: String,
    /// Its dialect.
    pub dialect: Dialect,
    /// The path of `servers[0].url` (2.0: `basePath`), without a trailing slash; empty for none.
    pub base_path: String,
    /// In the order of the document.
    pub operations: Vec<Operation>,
    /// Its schemas, translated.
    pub schemas: Schemas,
    /// Security schemes by name, in words: `header x-api-key`.
    pub security_schemes: BTreeMap<String, String>,
    /// What could not be loaded, and what is malformed.
    pub findings: Vec<Finding>,
    /// Those of the findings that leave out what is needed: the document can't be used as it says, or not all of it.
    pub defects: Vec<Defect>,
}

/// What keeps a document from being used as it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defect {
    /// What is told of it, with the pointers where it shows.
    pub finding: Finding,
    /// What is not to be had.
    pub lack: Lack,
}

/// What a document does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lack {
    /// Any operation: there is nothing to check.
    Operations,
    /// What this `$ref`, which an operation needs, stands for.
    Reference(String),
    /// The same, of a reference that may be right: its form is one that is not read. The document can be used without it.
    Unread(Form, String),
}

/// How a reference goes that is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// By the `$anchor` of a schema of this document.
    Anchor,
    /// By a URL or URN.
    Address,
}

impl Document {
    /// Reads an OpenAPI 2.0, 3.0 or 3.1 document from JSON or YAML text. `name` is what findings call it.
    ///
    /// # Errors
    /// When the text is no JSON or YAML, too large, or no OpenAPI document; anything less is in
    /// [`Document::findings`].
    pub fn load(name: &str, text: &str) -> Result<Self, LoadError> {
        super::load::load(name, text)
    }
}

/// One method on one path.
#[derive(Debug, Clone)]
pub struct Operation {
    /// `GET /orders/{id}`: what it is called in findings and coverage.
    pub name: String,
    /// The method.
    pub method: Method,
    /// The path template, starting with a slash, without the base path.
    pub path: String,
    /// The document's own id for it.
    pub operation_id: Option<String>,
    /// Where it takes its input besides the body; a parameter of each name and place at most once.
    pub parameters: Vec<Parameter>,
    /// The body it takes.
    pub body: Option<RequestBody>,
    /// What it may answer, exact statuses first, `default` last; empty when the document does not say.
    pub responses: Vec<(StatusPattern, ResponseSpec)>,
    /// Names of the security schemes it may ask for.
    pub security: Vec<String>,
}

impl Operation {
    /// What the document says of a status: the exact one, else its range, else `default`.
    pub fn response(&self, status: u16) -> Option<&ResponseSpec> {
        self.responses
            .iter()
            .find(|(pattern, _)| pattern.covers(status))
            .map(|(_, spec)| spec)
    }

    /// Whether the document announces success in so many words.
    pub fn announces_success(&self) -> bool {
        self.responses.iter().any(|(pattern, _)| match pattern {
            StatusPattern::Exact(status) => (200..300).contains(status),
            StatusPattern::Range(hundred) => *hundred == 2,
            StatusPattern::Default => false,
        })
    }
}

/// Which statuses a response is described for; sorts by how specific it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StatusPattern {
    /// One status.
    Exact(u16),
    /// `2XX`, by its first digit.
    Range(u16),
    /// All not described otherwise.
    Default,
}

impl StatusPattern {
    /// Whether a status falls under it.
    pub fn covers(self, status: u16) -> bool {
        match self {
            Self::Exact(exact) => exact == status,
            Self::Range(hundred) => status / 100 == hundred,
            Self::Default => true,
        }
    }
}

/// Where a parameter goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// In the path.
    Path,
    /// In the query string.
    Query,
    /// In a header.
    Header,
    /// In a cookie.
    Cookie,
}

/// How lists and objects are written into a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// `name=a&name=b`; an object's members become parameters.
    Explode,
    /// Joined by this character.
    Joined(char),
    /// `name[member]=value`.
    Deep,
    /// As JSON text.
    Json,
}

/// An input besides the body.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Its name, as sent.
    pub name: String,
    /// Where it goes.
    pub place: Place,
    /// Whether a request must have it; always for the path.
    pub required: bool,
    /// What is valid, `None` for anything.
    pub schema: Option<SchemaId>,
    /// Valid examples the document gives.
    pub examples: Vec<Value>,
    /// How lists and objects are written.
    pub style: Style,
}

/// A body an operation takes.
#[derive(Debug, Clone)]
pub struct RequestBody {
    /// Whether a request must have one.
    pub required: bool,
    /// By content type, in the order of the document.
    pub content: Vec<Media>,
}

/// A content type with what is valid under it.
#[derive(Debug, Clone)]
pub struct Media {
    /// `application/json`, `text/*`; lower case, without parameters.
    pub range: String,
    /// What is valid, `None` for anything.
    pub schema: Option<SchemaId>,
    /// Valid examples the document gives.
    pub examples: Vec<Value>,
}

/// What the document says of a status.
#[derive(Debug, Clone)]
pub struct ResponseSpec {
    /// By content type; empty when no body is described.
    pub content: Vec<Media>,
}
