//! Valid data from a schema: the document's own examples, defaults and enumerations first, then values made by type,
//! format, pattern and bounds. Deterministic by its draws; whatever comes out was validated. It must not know
//! operations or servers.

mod make;
mod merge;
mod number;
mod pattern;
mod text;

pub(crate) use text::uuid;

use crate::schema::{SchemaId, Schemas};
use harness_core::random::Draws;
use make::Maker;
use serde_json::Value;

/// Instances tried before a schema counts as one no value can be made for.
const ATTEMPTS: usize = 16;

/// How much of a schema an instance fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Variant {
    /// Required parts only.
    Required,
    /// Optional parts too.
    Full,
}

/// A valid instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Generated {
    /// The instance.
    pub value: Value,
    /// JSON pointers of texts and numbers that look like references to something existing (`customerId`, `sku`) but
    /// were made up, not taken from the document.
    pub invented: Vec<String>,
}

/// No valid instance could be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no valid value could be made for the schema at {pointer}: {reason}")]
pub struct NotGenerated {
    /// Where the schema stands in the document.
    pub pointer: String,
    /// What kept it from being made.
    pub reason: String,
}

/// Makes instances of the request schemas of one document; `readOnly` properties are left out.
#[derive(Debug, Clone, Copy)]
pub struct Generator<'s> {
    schemas: &'s Schemas,
}

impl<'s> Generator<'s> {
    /// A generator over a document's schemas.
    pub const fn new(schemas: &'s Schemas) -> Self {
        Self { schemas }
    }

    /// A valid instance. The same schema, variant and draws give the same instance.
    ///
    /// # Errors
    /// When none of several tries is valid, with the first reason met.
    pub fn instance(
        &self,
        id: SchemaId,
        variant: Variant,
        draws: &mut Draws,
    ) -> Result<Generated, NotGenerated> {
        let failed = |reason: String| NotGenerated {
            pointer: self.schemas.pointer(id).to_owned(),
            reason,
        };
        self.schemas
            .validator(id)
            .map_err(|reason| failed(reason.to_owned()))?;
        let mut first = None;
        for attempt in 0..ATTEMPTS {
            // Where leaving out, or filling in, is what makes it invalid, the other variant is better than none.
            let variant = match variant {
                _ if attempt < ATTEMPTS / 2 => variant,
                Variant::Required => Variant::Full,
                Variant::Full => Variant::Required,
            };
            let mut maker =
                Maker::new(self.schemas, Draws::at(draws.bits(), &[]), variant, attempt);
            let reason = match maker.make(self.schemas.value(id)) {
                Ok(value) => match self.schemas.breach(id, &value) {
                    None => {
                        return Ok(Generated {
                            value,
                            invented: maker.invented(),
                        });
                    }
                    Some(breach) => breach.message,
                },
                Err(trouble) => trouble.0,
            };
            first.get_or_insert(reason);
        }
        Err(failed(first.unwrap_or_default()))
    }
}

/// Why a part could not be made; told in [`NotGenerated`] when no try succeeds.
#[derive(Debug)]
struct Trouble(String);

/// Whether a name says that its value refers to something that must exist: `customerId`, `order_id`, `sku`. A bare
/// `id` is the thing's own.
pub(crate) fn refers(name: &str) -> bool {
    let camel = name
        .strip_suffix("Id")
        .or_else(|| name.strip_suffix("ID"))
        .is_some_and(|rest| !rest.is_empty());
    let lower = name.to_ascii_lowercase();
    let snake = ["_id", "-id", "_uuid", "_sku"]
        .iter()
        .any(|end| lower.len() > end.len() && lower.ends_with(end));
    camel || snake || ["sku", "isbn", "ean"].contains(&lower.as_str())
}
