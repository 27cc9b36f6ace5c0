//! What answers have shown to exist: things with their fields, by the collection they live in. Fills parameters that
//! need something existing. It must not know requests.

use crate::document::Operation;
use crate::matching::{Matcher, path_of, placeholders};
use harness_core::http::{Method, Response};
use serde_json::{Map, Value};

/// Letters from which an id is taken to be one of its kind, such as a UUID.
const WORLDWIDE: usize = 16;
/// Things remembered.
const REMEMBERED: usize = 256;
/// Items taken from one list.
const ITEMS: usize = 5;

/// Something that exists on the server.
#[derive(Debug, Clone)]
struct Thing {
    /// The path template of its collection with placeholders erased: `/users/{}/orders`.
    collection: String,
    /// What those placeholders were.
    owners: Vec<String>,
    /// What names it in a path, where an answer told.
    id: Option<String>,
    /// Its scalar fields.
    fields: Map<String, Value>,
    /// Whether this session made it: preferred, so that changes hit our own.
    created: bool,
}

/// All things known to exist.
#[derive(Debug, Default)]
pub(super) struct Pool {
    things: Vec<Thing>,
}

/// Path parameters by name, as text.
pub(super) type Values = Vec<(String, String)>;

impl Pool {
    /// Learns from a 2xx answer. What was only accepted (202) may never come to be, so it shows nothing.
    pub(super) fn learn(
        &mut self,
        operation: &Operation,
        path: &[(String, String)],
        response: &Response,
        matcher: &Matcher,
        operations: &[Operation],
    ) {
        if response.status == 202 {
            return;
        }
        let created = operation.method == Method::Post || operation.method == Method::Put;
        if operation.method == Method::Delete {
            return self.forget(operation, path);
        }
        let (collection, mut owners, mut id) = place(operation, path);
        let body: Value = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
        let body = unwrapped(&body);
        let thing = created || id.is_some();
        if let Some(items) = items(body).filter(|_| !thing || body.is_array()) {
            for item in items.iter().rev().take(ITEMS) {
                let fields = scalars(item);
                self.add(Thing {
                    collection: collection.clone(),
                    owners: owners.clone(),
                    id: None,
                    fields,
                    created: false,
                });
            }
            return;
        }
        let mut collection = collection;
        let location = response.header("location").filter(|_| created);
        if let Some(found) = location.and_then(|to| matcher.find(Method::Get, path_of(to)))
            && let Some(target) = operations.get(found.operation)
        {
            (collection, owners, id) = place(target, &found.values);
        } else if let Some(to) = location
            && id.is_none()
        {
            id = path_of(to)
                .trim_end_matches('/')
                .rsplit('/')
                .next()
                .filter(|s| !s.is_empty())
                .map(str::to_owned);
        }
        self.add(Thing {
            collection,
            owners,
            id,
            fields: scalars(body),
            created,
        });
    }

    fn add(&mut self, thing: Thing) {
        if thing.id.is_none() && thing.fields.is_empty() {
            return;
        }
        if self.things.len() >= REMEMBERED {
            let oldest = self.things.iter().position(|t| !t.created).unwrap_or(0);
            self.things.remove(oldest);
        }
        self.things.push(thing);
    }

    fn forget(&mut self, operation: &Operation, path: &[(String, String)]) {
        let (collection, owners, id) = place(operation, path);
        let Some(id) = id else { return };
        let name = placeholders(&operation.path).pop().unwrap_or_default();
        self.things.retain(|t| {
            let here = t.collection == collection && t.owners == owners;
            let it = here && t.named(&name).as_deref() == Some(id.as_str());
            !it && !t.is(&id)
        });
    }

    /// Learns from a change that was accepted: what was given another name is not known by its old one any more.
    pub(super) fn renamed(
        &mut self,
        operation: &Operation,
        path: &[(String, String)],
        body: &[u8],
    ) {
        let Some(name) = placeholders(&operation.path).pop() else {
            return;
        };
        let sent: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        let sent = scalars(&sent);
        let now = sent
            .iter()
            .find(|(member, _)| normal(member) == normal(&name));
        let was = path.iter().find(|(known, _)| *known == name);
        if let (Some((_, Value::String(now))), Some((_, was))) = (now, was)
            && now != was
        {
            self.forget(operation, path);
        }
    }

    /// Values for an operation's path parameters, from the deepest thing known; those not found are missing.
    pub(super) fn path_values(
        &self,
        operation: &Operation,
        fits: impl Fn(&str, &str) -> bool,
    ) -> Values {
        let names = placeholders(&operation.path);
        let mut values: Values = Vec::new();
        for (index, name) in names.iter().enumerate().rev() {
            let (collection, owners) = (erased(&prefix(&operation.path, name)), index);
            let here = self
                .newest()
                .filter(|t| t.collection == collection && t.owners.len() == owners);
            let found = here
                .filter_map(|t| Some((t, t.named(name)?)))
                .find(|(_, id)| fits(name, id));
            if let Some((thing, id)) = found {
                values = names
                    .iter()
                    .take(index)
                    .cloned()
                    .zip(thing.owners.iter().cloned())
                    .collect();
                values.push((name.clone(), id));
                break;
            }
        }
        for name in &names {
            if !values.iter().any(|(known, _)| known == name)
                && let Some(value) = self.lookup(name, |text| fits(name, text))
            {
                values.push((name.clone(), value));
            }
        }
        values
    }

    /// The value of a name that refers to something (`customerId`, `sku`), from anything that has it.
    pub(super) fn lookup(&self, name: &str, fits: impl Fn(&str) -> bool) -> Option<String> {
        let wanted = normal(name);
        let generic = ["id", "name", "key", "uuid"].contains(&wanted.as_str());
        let by_field = self
            .newest()
            .filter(|_| !generic)
            .filter_map(|t| t.field(&wanted));
        let owner = wanted.strip_suffix("id").filter(|rest| !rest.is_empty());
        let by_owner = self
            .newest()
            .filter(|t| owner.is_some_and(|o| t.kind() == o))
            .filter_map(|t| t.named("id"));
        by_owner.chain(by_field).find(|text| fits(text))
    }

    /// Own things first, then the latest seen.
    fn newest(&self) -> impl Iterator<Item = &Thing> {
        let made = self.things.iter().rev().filter(|t| t.created);
        made.chain(self.things.iter().rev().filter(|t| !t.created))
    }
}

impl Thing {
    /// What it is one of: `order` for `/orders`.
    fn kind(&self) -> String {
        let last = self
            .collection
            .rsplit('/')
            .find(|part| !part.is_empty() && *part != "{}")
            .unwrap_or_default();
        singular(&normal(last))
    }

    /// What names it in a path whose placeholder is `parameter`.
    fn named(&self, parameter: &str) -> Option<String> {
        let (wanted, kind) = (normal(parameter), self.kind());
        let bare = wanted
            .strip_prefix(kind.as_str())
            .filter(|rest| !rest.is_empty())
            .map(str::to_owned);
        let names = [
            Some(wanted),
            bare,
            Some("id".to_owned()),
            Some(format!("{kind}id")),
            Some("uuid".to_owned()),
        ];
        self.id.clone().or_else(|| {
            names
                .into_iter()
                .flatten()
                .find_map(|name| self.field(&name))
        })
    }

    /// Whether it is what an id names that is long enough to name one thing on the whole server, wherever it was seen.
    fn is(&self, id: &str) -> bool {
        id.len() >= WORLDWIDE && self.field("id").as_deref() == Some(id)
    }

    fn field(&self, normal_name: &str) -> Option<String> {
        let (_, value) = self
            .fields
            .iter()
            .find(|(name, _)| normal(name) == normal_name)?;
        match value {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }
}

/// Where what an operation answers with lives: its collection, the owners on the way, and its id if the path has it.
fn place(
    operation: &Operation,
    path: &[(String, String)],
) -> (String, Vec<String>, Option<String>) {
    let value = |name: &String| {
        path.iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.clone())
    };
    let mut owners: Vec<String> = placeholders(&operation.path)
        .iter()
        .filter_map(value)
        .collect();
    let erased = erased(operation.path.trim_end_matches('/'));
    match erased.strip_suffix("/{}") {
        Some(collection) => {
            let id = owners.pop();
            (collection.to_owned(), owners, id)
        }
        None => (erased, owners, None),
    }
}

/// The part of a template before a placeholder, without the slash.
fn prefix(path: &str, name: &str) -> String {
    path.split(&format!("{{{name}}}"))
        .next()
        .unwrap_or_default()
        .trim_end_matches('/')
        .to_owned()
}

/// A template with the names of its placeholders erased.
fn erased(path: &str) -> String {
    placeholders(path)
        .iter()
        .fold(path.to_owned(), |path, name| {
            path.replace(&format!("{{{name}}}"), "{}")
        })
}

/// Lower case, letters and digits only: `order_id`, `orderId` and `order-id` are one.
fn normal(name: &str) -> String {
    name.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

fn singular(word: &str) -> String {
    match word.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => word.strip_suffix('s').unwrap_or(word).to_owned(),
    }
}

/// The thing inside an envelope such as `{"data": {…}}`.
fn unwrapped(body: &Value) -> &Value {
    match body {
        Value::Object(members) if members.values().all(|v| v.is_object() || v.is_null()) => {
            members.values().find(|v| v.is_object()).unwrap_or(body)
        }
        _ => body,
    }
}

/// The items of a list, bare or in the first member that holds objects; a thing with an id of its own is no list.
fn items(body: &Value) -> Option<&Vec<Value>> {
    let objects = |list: &&Vec<Value>| list.iter().all(Value::is_object) && !list.is_empty();
    match body {
        Value::Array(list) => Some(list),
        Value::Object(members) if !members.contains_key("id") => {
            members.values().filter_map(Value::as_array).find(objects)
        }
        _ => None,
    }
}

fn scalars(value: &Value) -> Map<String, Value> {
    let members = value.as_object().into_iter().flatten();
    members
        .filter(|(_, v)| v.is_string() || v.is_number())
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is a test's report")]

    use super::*;
    use crate::document::Document;

    #[test]
    fn what_was_only_accepted_is_not_taken_for_existing() {
        let responses = serde_json::json!({ "200": { "description": "d" } });
        let id = serde_json::json!({ "name": "id", "in": "path", "required": true, "schema": { "type": "string" } });
        let text = serde_json::json!({
            "openapi": "3.1.0",
            "info": { "title": "t", "version": "1" },
            "paths": {
                "/wishes": { "post": { "responses": responses } },
                "/wishes/{id}": { "get": { "parameters": [id], "responses": responses } },
            },
        });
        let document = Document::load("demo", &text.to_string()).unwrap();
        let operations = &document.operations;
        let matcher = Matcher::new(&document, None);
        let post = operations
            .iter()
            .find(|o| o.method == Method::Post)
            .unwrap();
        let get = operations.iter().find(|o| o.method == Method::Get).unwrap();
        for (status, known) in [(202, 0), (201, 1)] {
            let mut pool = Pool::default();
            let response = Response {
                status,
                headers: vec![],
                body: bytes::Bytes::from_static(br#"{"id":"w-1"}"#),
                body_len: 12,
            };
            pool.learn(post, &[], &response, &matcher, operations);
            assert_eq!(pool.path_values(get, |_, _| true).len(), known, "{status}");
        }
    }
}
