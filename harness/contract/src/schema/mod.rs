//! The schemas of a document, each translated once to JSON Schema 2020-12 and compiled once, on first use. It must
//! not know operations or exchanges.

mod cycles;
mod keywords;
mod translate;

pub(crate) use translate::Translator;

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Map, Value, json};
use std::collections::{BTreeSet, VecDeque};
use std::sync::OnceLock;

/// Characters of a value shown in a message.
const SHOWN: usize = 60;
/// Steps a backtracking pattern may take on one value before it counts as not matching.
const BACKTRACK: usize = 100_000;

/// Names a schema of one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchemaId(pub(crate) usize);

/// Which way the data goes: `readOnly` properties are not sent, `writeOnly` ones don't come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From client to server.
    Request,
    /// From server to client.
    Response,
}

/// All schemas of a document that an operation uses, directly or through others.
#[derive(Debug, Default)]
pub struct Schemas {
    defs: Vec<Def>,
}

#[derive(Debug)]
struct Def {
    /// Where in the document it stands, as a JSON pointer behind `#`.
    pointer: String,
    /// In 2020-12; references are `#/$defs/<index>`.
    value: Value,
    validator: OnceLock<Result<Box<Validator>, String>>,
}

/// How a value breaks its schema, condensed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// Where in the value the first error is, indexes as `*`: the same for every item of a list.
    pub pointer: String,
    /// The keyword of the first error.
    pub keyword: String,
    /// The first two errors in words, and how many more there are.
    pub message: String,
}

impl Schemas {
    pub(crate) fn new(defs: Vec<(String, Value)>) -> Self {
        let defs = defs.into_iter().map(|(pointer, value)| Def {
            pointer,
            value,
            validator: OnceLock::new(),
        });
        Self {
            defs: defs.collect(),
        }
    }

    /// Where in the document a schema stands: `#/components/schemas/Order`.
    pub fn pointer(&self, id: SchemaId) -> &str {
        self.defs.get(id.0).map_or("#", |def| &def.pointer)
    }

    /// A schema in 2020-12; its references lead to [`Schemas::target`].
    pub fn value(&self, id: SchemaId) -> &Value {
        self.defs
            .get(id.0)
            .map_or(&Value::Bool(true), |def| &def.value)
    }

    /// What a translated reference (`#/$defs/7`) stands for.
    pub fn target(&self, reference: &str) -> Option<&Value> {
        reference_index(reference)
            .and_then(|index| self.defs.get(index))
            .map(|def| &def.value)
    }

    /// The compiled schema.
    ///
    /// # Errors
    /// In words, when it can't be compiled; the translation leaves out what is known to be refused, so this is rare.
    pub fn validator(&self, id: SchemaId) -> Result<&Validator, &str> {
        let Some(def) = self.defs.get(id.0) else {
            return Err("no such schema");
        };
        let compiled = def.validator.get_or_init(|| self.compile(id).map(Box::new));
        compiled.as_deref().map_err(String::as_str)
    }

    /// Whether a value is valid; anything is, under a schema that can't be compiled.
    pub fn accepts(&self, id: SchemaId, value: &Value) -> bool {
        self.validator(id)
            .map_or(true, |validator| validator.is_valid(value))
    }

    /// How a value breaks a schema, if it does.
    pub fn breach(&self, id: SchemaId, value: &Value) -> Option<Breach> {
        let validator = self.validator(id).ok()?;
        if validator.is_valid(value) {
            return None;
        }
        let mut errors = validator.iter_errors(value);
        let first = errors.next()?;
        let mut message = describe(&first);
        let mut more = 0_usize;
        for (index, error) in errors.enumerate() {
            if index == 0 {
                message = format!("{message}; {}", describe(&error));
            } else {
                more += 1;
            }
        }
        if more > 0 {
            message = format!("{message}; and {more} more");
        }
        Some(Breach {
            pointer: general(first.instance_path().as_str()),
            keyword: first.kind().keyword().to_owned(),
            message,
        })
    }

    fn compile(&self, id: SchemaId) -> Result<Validator, String> {
        let mut needed = BTreeSet::from([id.0]);
        let mut queue = VecDeque::from([id.0]);
        while let Some(index) = queue.pop_front() {
            let Some(def) = self.defs.get(index) else {
                continue;
            };
            let mut found = Vec::new();
            references(&def.value, &mut found);
            queue.extend(found.into_iter().filter(|target| needed.insert(*target)));
        }
        let defs: Map<String, Value> = needed
            .into_iter()
            .filter_map(|index| Some((index.to_string(), self.defs.get(index)?.value.clone())))
            .collect();
        let root = json!({ "$ref": format!("#/$defs/{}", id.0), "$defs": defs });
        jsonschema::options()
            .with_draft(Draft::Draft202012)
            .should_validate_formats(true)
            .with_pattern_options(PatternOptions::fancy_regex().backtrack_limit(BACKTRACK))
            .offline()
            .build(&root)
            .map_err(|error| cut(&error.to_string()))
    }
}

/// The index in a translated reference.
pub(crate) fn reference_index(reference: &str) -> Option<usize> {
    reference.strip_prefix("#/$defs/")?.parse().ok()
}

fn references(value: &Value, found: &mut Vec<usize>) {
    match value {
        Value::Object(members) => {
            found.extend(
                members
                    .get("$ref")
                    .and_then(Value::as_str)
                    .and_then(reference_index),
            );
            members
                .values()
                .for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

fn describe(error: &jsonschema::ValidationError<'_>) -> String {
    let at = match error.instance_path().as_str() {
        "" => "the whole",
        pointer => pointer,
    };
    let masked = cut(&error.masked().to_string());
    format!(
        "{at}: {masked} ({}), was {}",
        error.kind().keyword(),
        cut(&error.instance().to_string())
    )
}

/// A pointer with its indexes as `*`.
fn general(pointer: &str) -> String {
    let index = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    pointer
        .split('/')
        .map(|part| if index(part) { "*" } else { part })
        .collect::<Vec<_>>()
        .join("/")
}

/// A text cut to what fits in a message.
pub(crate) fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
