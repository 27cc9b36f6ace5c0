//! An API as its document describes it, whatever the dialect: operations, parameters, bodies, responses. Loading is
//! lenient: a part that can't be used is a finding, and the rest works. It must not know requests or servers.

mod forms;
mod load;
mod media;
mod model;
mod operations;
mod problems;

pub use load::LoadError;
pub(crate) use media::essence;
pub use model::{
    Defect, Dialect, Document, Form, Lack, Media, Operation, Parameter, Place, RequestBody,
    ResponseSpec, StatusPattern, Style,
};
pub(crate) use problems::Problems;

use percent_encoding::percent_decode_str;
use serde_json::Value;

/// A local `$ref` as a pointer, percent-decoded; `None` for one that leaves the document or names an anchor.
pub(crate) fn pointer_of(reference: &str) -> Option<String> {
    let local = reference == "#" || reference.starts_with("#/");
    local.then(|| {
        percent_decode_str(reference)
            .decode_utf8_lossy()
            .into_owned()
    })
}

/// What stands at a pointer (`#/…`).
pub(crate) fn follow<'v>(root: &'v Value, pointer: &str) -> Option<&'v Value> {
    root.pointer(pointer.strip_prefix('#')?)
}

/// The pointer one level deeper.
pub(crate) fn step(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}
