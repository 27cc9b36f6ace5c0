//! Builds the request of a case: path and references from what exists, the rest from the document. It must not know
//! what comes back.

use super::encode;
use super::pool::{Pool, Values};
use crate::document::{Document, Media, Operation, Parameter, Place};
use crate::generate::{Generator, Variant, refers, uuid};
use crate::schema::SchemaId;
use bytes::Bytes;
use harness_core::http::Request;
use harness_core::random::{Draws, coordinate};
use serde_json::Value;

/// Optional parameters whose value only the server can make; left out.
const OPAQUE: [&str; 14] = [
    "cursor",
    "pagetoken",
    "nexttoken",
    "continuation",
    "continuationtoken",
    "after",
    "before",
    "startingafter",
    "endingbefore",
    "ifmatch",
    "ifnonematch",
    "ifmodifiedsince",
    "ifunmodifiedsince",
    "range",
];

/// What requests are built from.
pub(super) struct Builder<'b> {
    pub(super) document: &'b Document,
    pub(super) pool: &'b Pool,
    pub(super) base_url: &'b str,
    pub(super) headers: &'b [(String, String)],
    pub(super) seed: u64,
}

/// A request with what it rests on.
#[derive(Debug, Clone)]
pub(super) struct Built {
    pub(super) request: Request,
    pub(super) path: Values,
    /// Names of values that should exist but were made up.
    pub(super) made_up: Vec<String>,
    /// How much of what is optional it holds.
    pub(super) variant: Variant,
}

impl Builder<'_> {
    /// The request of an operation; `round` sets repetitions apart.
    ///
    /// # Errors
    /// In words, when some required part can't be had.
    pub(super) fn build(
        &self,
        operation: &Operation,
        variant: Variant,
        round: u64,
    ) -> Result<Built, String> {
        let at = [coordinate(&operation.name), variant as u64, round];
        let mut draws = Draws::at(self.seed, &at);
        let mut made_up = Vec::new();
        let path = self.path(operation, &mut made_up, &mut draws)?;
        let mut url = operation
            .path
            .split('#')
            .next()
            .unwrap_or_default()
            .to_owned();
        for (name, value) in &path {
            url = url.replace(&format!("{{{name}}}"), &encode::escape(value));
        }
        let mut url = format!("{}{url}", self.base_url);
        let (mut query, mut headers, mut cookies) = (Vec::new(), Vec::new(), Vec::new());
        for parameter in operation
            .parameters
            .iter()
            .filter(|p| p.place != Place::Path)
        {
            let Some(value) = self.optional(parameter, variant, &mut made_up, &mut draws)? else {
                continue;
            };
            match parameter.place {
                Place::Query => {
                    query.extend(encode::query(&parameter.name, &value, parameter.style));
                }
                Place::Header => headers.push((
                    parameter.name.to_ascii_lowercase(),
                    encode::joined(&value, parameter.style),
                )),
                Place::Cookie | Place::Path => {
                    cookies.push(format!(
                        "{}={}",
                        parameter.name,
                        encode::escape(&encode::joined(&value, parameter.style))
                    ));
                }
            }
        }
        if !query.is_empty() {
            let pairs = query
                .iter()
                .map(|(k, v)| format!("{}={}", encode::escape(k), encode::escape(v)));
            url = format!("{url}?{}", pairs.collect::<Vec<_>>().join("&"));
        }
        if !cookies.is_empty() {
            headers.push(("cookie".to_owned(), cookies.join("; ")));
        }
        headers.push(("accept".to_owned(), accept(operation)));
        let mut body = Vec::new();
        if let Some((kind, bytes)) = self.body(operation, variant, &mut made_up, &mut draws)? {
            headers.push(("content-type".to_owned(), kind));
            body = bytes;
        }
        headers.retain(|(name, _)| {
            !self
                .headers
                .iter()
                .any(|(given, _)| given.eq_ignore_ascii_case(name))
        });
        headers.extend(
            self.headers
                .iter()
                .map(|(name, value)| (name.to_ascii_lowercase(), value.clone())),
        );
        if let Some((name, _)) = headers
            .iter()
            .find(|(_, value)| value.bytes().any(|b| !(0x20..0x7f).contains(&b)))
        {
            return Err(format!(
                "no value that a header can carry could be made for `{name}`"
            ));
        }
        let request = Request {
            method: operation.method,
            url,
            headers,
            body: Bytes::from(body),
        };
        Ok(Built {
            request,
            path,
            made_up,
            variant,
        })
    }

    fn path(
        &self,
        operation: &Operation,
        made_up: &mut Vec<String>,
        draws: &mut Draws,
    ) -> Result<Values, String> {
        let parameters: Vec<&Parameter> = operation
            .parameters
            .iter()
            .filter(|p| p.place == Place::Path)
            .collect();
        let fits = |name: &str, text: &str| {
            let schema = parameters
                .iter()
                .find(|p| p.name == name)
                .and_then(|p| p.schema);
            self.read(schema, text).is_some()
        };
        let mut values = self.pool.path_values(operation, fits);
        for parameter in parameters {
            if values.iter().any(|(name, _)| *name == parameter.name) {
                continue;
            }
            let (value, fixed) = self.value(parameter, Variant::Required, draws)?;
            let text = encode::joined(&value, parameter.style);
            // These would make another path.
            if ["", ".", ".."].contains(&text.as_str()) {
                return Err(format!(
                    "no value could be made for `{}` that keeps its place in the path",
                    parameter.name
                ));
            }
            if !fixed {
                made_up.push(parameter.name.clone());
            }
            values.push((parameter.name.clone(), text));
        }
        Ok(values)
    }

    /// The value of a parameter that may be left out; `None` when it is.
    fn optional(
        &self,
        parameter: &Parameter,
        variant: Variant,
        made_up: &mut Vec<String>,
        draws: &mut Draws,
    ) -> Result<Option<Value>, String> {
        let normal: String = parameter
            .name
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .collect();
        let normal = normal.to_ascii_lowercase();
        let opaque = OPAQUE.contains(&normal.as_str())
            || (normal == "token" && parameter.place == Place::Query);
        if !parameter.required
            && (variant == Variant::Required || (opaque && parameter.examples.is_empty()))
        {
            return Ok(None);
        }
        if refers(&parameter.name) {
            let known = self.pool.lookup(&parameter.name, |text| {
                self.read(parameter.schema, text).is_some()
            });
            if let Some(value) = known.and_then(|text| self.read(parameter.schema, &text)) {
                return Ok(Some(value));
            }
        }
        // An example would make two requests one: such a key has to be fresh.
        let fresh = Value::String(uuid(draws));
        let fresh_fits = parameter
            .schema
            .is_none_or(|schema| self.document.schemas.accepts(schema, &fresh));
        if ["idempotencykey", "xidempotencykey", "xrequestid"].contains(&normal.as_str())
            && fresh_fits
        {
            return Ok(Some(fresh));
        }
        match self.value(parameter, variant, draws) {
            Ok((value, fixed)) => {
                if !fixed && (refers(&parameter.name) || opaque) {
                    made_up.push(parameter.name.clone());
                }
                Ok(Some(value))
            }
            Err(_) if !parameter.required => Ok(None),
            Err(reason) => Err(reason),
        }
    }

    /// A value from the document's examples or generated, and whether it was one of few the document fixes.
    fn value(
        &self,
        parameter: &Parameter,
        variant: Variant,
        draws: &mut Draws,
    ) -> Result<(Value, bool), String> {
        if let Some(example) = parameter.examples.first() {
            // An example names what existed for its author, which is no proof for this server's path.
            return Ok((example.clone(), parameter.place != Place::Path));
        }
        let Some(schema) = parameter.schema else {
            return Ok((Value::String("harness".to_owned()), false));
        };
        let made = Generator::new(&self.document.schemas).instance(schema, variant, draws);
        let value = made
            .map_err(|error| format!("parameter `{}`: {error}", parameter.name))?
            .value;
        let source = self.document.schemas.value(schema);
        let fixed = source.get("enum").or_else(|| source.get("const")).is_some();
        let given = ["examples", "default"]
            .iter()
            .any(|k| source.get(*k).is_some());
        Ok((value, fixed || (given && parameter.place != Place::Path)))
    }

    /// A text as the value a schema takes: itself, or the scalar it spells.
    fn read(&self, schema: Option<SchemaId>, text: &str) -> Option<Value> {
        let plain = Value::String(text.to_owned());
        let Some(schema) = schema else {
            return Some(plain);
        };
        let scalar = || {
            serde_json::from_str::<Value>(text)
                .ok()
                .filter(|v| v.is_number() || v.is_boolean())
        };
        let fits = |value: &Value| self.document.schemas.accepts(schema, value);
        Some(plain).filter(fits).or_else(|| scalar().filter(fits))
    }

    fn body(
        &self,
        operation: &Operation,
        variant: Variant,
        made_up: &mut Vec<String>,
        draws: &mut Draws,
    ) -> Result<Option<(String, Vec<u8>)>, String> {
        let Some(body) = &operation.body else {
            return Ok(None);
        };
        let json = |media: &&Media| crate::check::json(&media.range);
        let preferred = body
            .content
            .iter()
            .filter(json)
            .chain(body.content.iter().filter(|m| !json(m)));
        let mut first = None;
        for media in preferred {
            match self.media(media, variant, made_up, draws) {
                Ok(made) => return Ok(Some(made)),
                Err(reason) => _ = first.get_or_insert(reason),
            }
        }
        if body.required {
            Err(first.unwrap_or_default())
        } else {
            Ok(None)
        }
    }

    fn media(
        &self,
        media: &Media,
        variant: Variant,
        made_up: &mut Vec<String>,
        draws: &mut Draws,
    ) -> Result<(String, Vec<u8>), String> {
        let unknown = || format!("no body is known to write as {}", media.range);
        // The author's example first; the other variant is made, so that both are exercised.
        if let Some(example) = media
            .examples
            .first()
            .filter(|_| variant == Variant::Required)
        {
            return encode::body(&media.range, example).ok_or_else(unknown);
        }
        let Some(schema) = media.schema else {
            let any = Value::Object(serde_json::Map::new());
            let text = Value::String("harness".to_owned());
            return encode::body(&media.range, &any)
                .or_else(|| encode::body(&media.range, &text))
                .ok_or_else(unknown);
        };
        let made = Generator::new(&self.document.schemas)
            .instance(schema, variant, draws)
            .map_err(|e| e.to_string())?;
        let mut value = made.value;
        for pointer in made.invented {
            let name = pointer.rsplit('/').next().unwrap_or_default().to_owned();
            if !self.refer(schema, &mut value, &pointer, &name) {
                made_up.push(name);
            }
        }
        encode::body(&media.range, &value).ok_or_else(unknown)
    }

    /// Puts something that exists where a reference was made up, if the whole stays valid.
    fn refer(&self, schema: SchemaId, body: &mut Value, pointer: &str, name: &str) -> bool {
        let Some(text) = self.pool.lookup(name, |_| true) else {
            return false;
        };
        let number = serde_json::from_str::<Value>(&text)
            .ok()
            .filter(Value::is_number);
        for candidate in [Some(Value::String(text)), number].into_iter().flatten() {
            let mut tried = body.clone();
            if let Some(slot) = tried.pointer_mut(pointer) {
                *slot = candidate;
            }
            if self.document.schemas.accepts(schema, &tried) {
                *body = tried;
                return true;
            }
        }
        false
    }
}

/// What the operation may answer with, so that the server need not guess.
fn accept(operation: &Operation) -> String {
    let mut ranges: Vec<&str> = Vec::new();
    for media in operation
        .responses
        .iter()
        .flat_map(|(_, response)| &response.content)
    {
        if !ranges.contains(&media.range.as_str()) {
            ranges.push(&media.range);
        }
    }
    if ranges.is_empty() {
        "*/*".to_owned()
    } else {
        ranges.join(", ")
    }
}
