//! Contract checks, pure: documents → cases → checks. An OpenAPI text becomes a [`Document`]; a [`Checker`] judges
//! any exchange by it; a [`Session`] yields the requests that exercise every operation with valid data and judges
//! what came back. It must not know sockets, clocks, files or an async runtime: whoever drives it sends the requests.

mod check;
mod coverage;
mod document;
mod finding;
mod generate;
mod matching;
mod schema;
mod session;

pub use check::{Checked, Checker};
pub use coverage::Coverage;
pub use document::{
    Defect, Dialect, Document, Form, Lack, LoadError, Media, Operation, Parameter, Place,
    RequestBody, ResponseSpec, StatusPattern, Style,
};
pub use finding::Finding;
pub use generate::{Generated, Generator, NotGenerated, Variant};
pub use matching::{Match, Matcher};
pub use schema::{Breach, Direction, SchemaId, Schemas};
pub use session::{Case, Evidence, Purpose, Reported, Session};
