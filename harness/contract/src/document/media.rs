//! Reads content types, their schemas and examples, and parameters, out of every dialect.

use super::model::{Dialect, Lack, Media, Parameter, Place, Style};
use super::operations::Reader;
use super::{follow, step};
use crate::schema::{Direction, cut};
use serde_json::{Map, Value};

impl Reader<'_> {
    /// A `content` map of 3.x.
    pub(super) fn content(
        &mut self,
        content: Option<&Value>,
        at: &str,
        way: Direction,
    ) -> Vec<Media> {
        let named = match content {
            None => return Vec::new(),
            Some(Value::Object(named)) => named,
            Some(_) => {
                self.problems
                    .add("`content` must be a map of content types; left out", at);
                return Vec::new();
            }
        };
        let mut all = Vec::new();
        for (range, media) in named {
            let here = step(&step(at, "content"), range);
            let Some((media, here)) = self.resolve(media, &here) else {
                continue;
            };
            let schema = media
                .get("schema")
                .map(|_| self.intern(&step(&here, "schema"), way));
            let examples = self.examples(&media, &here);
            all.push(Media {
                range: essence(range),
                schema,
                examples,
            });
        }
        all
    }

    /// Values of `example` and `examples`, whichever shape they have.
    pub(super) fn examples(&mut self, holder: &Map<String, Value>, at: &str) -> Vec<Value> {
        let mut values: Vec<Value> = holder
            .get("example")
            .or_else(|| holder.get("x-example"))
            .cloned()
            .into_iter()
            .collect();
        match holder.get("examples") {
            Some(Value::Object(named)) => {
                for (name, example) in named {
                    let here = step(&step(at, "examples"), name);
                    match self.resolve(example, &here) {
                        Some((example, _)) if example.contains_key("value") => {
                            values.extend(example.get("value").cloned());
                        }
                        Some((example, _)) if example.contains_key("externalValue") => {}
                        _ => self
                            .problems
                            .add("an example has no `value`; left out", &here),
                    }
                }
            }
            Some(Value::Array(plain)) => {
                self.problems.add(
                    "`examples` must be a map of names; its items are used as they are",
                    at,
                );
                values.extend(plain.iter().cloned());
            }
            Some(_) => self
                .problems
                .add("`examples` must be a map of names; left out", at),
            None => {}
        }
        values
    }

    /// One parameter, unless it is a body or malformed.
    pub(super) fn parameter(&mut self, raw: &Map<String, Value>, at: &str) -> Option<Parameter> {
        let Some(name) = raw
            .get("name")
            .and_then(Value::as_str)
            .filter(|name| !name.is_empty())
        else {
            self.problems.add("a parameter has no name; left out", at);
            return None;
        };
        let place = match raw.get("in").and_then(Value::as_str) {
            Some("path") => Place::Path,
            Some("query") => Place::Query,
            Some("header") => Place::Header,
            Some("cookie") => Place::Cookie,
            other => {
                let other = cut(other.unwrap_or("nothing"));
                self.problems.add(
                    &format!("a parameter is in `{other}`, which is no place; left out"),
                    at,
                );
                return None;
            }
        };
        // The standard says that these three are not parameters: they follow from bodies and security.
        let ignored = ["accept", "content-type", "authorization"];
        if place == Place::Header && ignored.contains(&name.to_ascii_lowercase().as_str()) {
            return None;
        }
        let (mut schema, mut style, mut examples) =
            (None, style(raw, place), self.examples(raw, at));
        if self.dialect == Dialect::Swagger2 {
            schema = Some(self.intern(at, Direction::Request));
        } else if raw.contains_key("schema") {
            schema = Some(self.intern(&step(at, "schema"), Direction::Request));
        } else if let Some(media) = self
            .content(raw.get("content"), at, Direction::Request)
            .into_iter()
            .next()
        {
            style = Style::Json;
            schema = media.schema;
            examples.extend(media.examples);
        }
        let required = place == Place::Path || raw.get("required") == Some(&Value::Bool(true));
        Some(Parameter {
            name: name.to_owned(),
            place,
            required,
            schema,
            examples,
            style,
        })
    }

    /// Follows the references of anything that is not a schema, at most a few.
    pub(super) fn resolve(
        &mut self,
        value: &Value,
        at: &str,
    ) -> Option<(Map<String, Value>, String)> {
        let (mut value, mut at) = (value, at.to_owned());
        for _ in 0..8 {
            let Value::Object(members) = value else {
                self.problems.add("expected an object; left out", &at);
                return None;
            };
            let Some(reference) = members.get("$ref").and_then(Value::as_str) else {
                return Some((members.clone(), at));
            };
            let target =
                super::pointer_of(reference).and_then(|p| Some((follow(self.root, &p)?, p)));
            let Some((next, pointer)) = target else {
                self.problems.unresolved(self.root, reference, &at);
                return None;
            };
            (value, at) = (next, pointer);
        }
        let reference = value.get("$ref").and_then(Value::as_str);
        let lack = Lack::Reference(reference.unwrap_or_default().to_owned());
        self.problems.lack("a `$ref` leads in a circle", &at, lack);
        None
    }
}

fn style(raw: &Map<String, Value>, place: Place) -> Style {
    let text = |key| raw.get(key).and_then(Value::as_str);
    match text("collectionFormat") {
        Some("multi") => return Style::Explode,
        Some("ssv") => return Style::Joined(' '),
        Some("tsv") => return Style::Joined('\t'),
        Some("pipes") => return Style::Joined('|'),
        Some(_) => return Style::Joined(','),
        None => {}
    }
    // In 2.0 lists are joined by commas unless told otherwise; only there is the type beside the name.
    let joined = raw.get("explode") == Some(&Value::Bool(false)) || raw.contains_key("type");
    match (text("style"), place) {
        (Some("deepObject"), _) => Style::Deep,
        (Some("spaceDelimited"), _) if joined => Style::Joined(' '),
        (Some("pipeDelimited"), _) if joined => Style::Joined('|'),
        (_, Place::Query | Place::Cookie) if !joined => Style::Explode,
        _ => Style::Joined(','),
    }
}

/// A content type without its parameters, lower case.
pub(crate) fn essence(range: &str) -> String {
    range
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}
