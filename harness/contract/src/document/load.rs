//! Text → JSON value → document. Limits on size and nesting stand here, since a document may come from anywhere.

use super::model::{Dialect, Document, Media};
use super::operations::Reader;
use super::problems::Problems;
use crate::schema::{Schemas, cut};
use serde_json::Value;
use std::collections::BTreeMap;

/// Largest text read, in bytes.
const LARGEST: usize = 32 * 1024 * 1024;
/// Deepest nesting of YAML; JSON has the same limit from its parser.
const DEEPEST: usize = 120;

/// Why a text is no document at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// Nothing in it.
    #[error("failed to load {name}: the document is empty")]
    Empty {
        /// The document.
        name: String,
    },
    /// More text than is read.
    #[error("failed to load {name}: the document has {bytes} bytes, more than {} MiB", LARGEST / 1024 / 1024)]
    TooLarge {
        /// The document.
        name: String,
        /// Its size.
        bytes: usize,
    },
    /// Neither JSON nor YAML.
    #[error("failed to load {name}: not readable as {format}: {reason}")]
    Syntax {
        /// The document.
        name: String,
        /// What it was read as.
        format: &'static str,
        /// What the parser said, with line and column.
        reason: String,
    },
    /// Readable, but no OpenAPI.
    #[error(
        "failed to load {name}: no OpenAPI document: expected `openapi: 3.x` or `swagger: \"2.0\"` at its top"
    )]
    NotOpenApi {
        /// The document.
        name: String,
    },
    /// OpenAPI of a version this does not read.
    #[error("failed to load {name}: OpenAPI {version} is not supported; 2.0, 3.0 and 3.1 are")]
    Version {
        /// The document.
        name: String,
        /// What it says.
        version: String,
    },
}

pub(super) fn load(name: &str, text: &str) -> Result<Document, LoadError> {
    let mut root = parse(name, text)?;
    let dialect = dialect(name, &root)?;
    if dialect == Dialect::Swagger2 {
        super::forms::gather(&mut root);
    }
    let mut reader = Reader::new(&root, dialect);
    let mut operations = reader.operations();
    let (translator, mut problems) = reader.into_parts();
    let schemas = translator.finish(&mut problems);
    for operation in &mut operations {
        for parameter in &mut operation.parameters {
            let place = format!("parameter {} of {}", parameter.name, operation.name);
            keep_valid(
                &schemas,
                parameter.schema,
                &mut parameter.examples,
                &place,
                &mut problems,
            );
        }
        let requests = operation.body.iter_mut().flat_map(|body| &mut body.content);
        let responses = operation
            .responses
            .iter_mut()
            .flat_map(|(_, response)| &mut response.content);
        for Media {
            range,
            schema,
            examples,
        } in requests.chain(responses)
        {
            keep_valid(
                &schemas,
                *schema,
                examples,
                &format!("{} as {range}", operation.name),
                &mut problems,
            );
        }
    }
    let (findings, defects) = problems.into_findings(name);
    Ok(Document {
        name: name.to_owned(),
        dialect,
        base_path: base_path(&root, dialect),
        operations,
        schemas,
        security_schemes: security_schemes(&root),
        findings,
        defects,
    })
}

fn parse(name: &str, text: &str) -> Result<Value, LoadError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.len() > LARGEST {
        return Err(LoadError::TooLarge {
            name: name.to_owned(),
            bytes: text.len(),
        });
    }
    let syntax = |format, reason: String| LoadError::Syntax {
        name: name.to_owned(),
        format,
        reason,
    };
    match text.trim_start().chars().next() {
        None => Err(LoadError::Empty {
            name: name.to_owned(),
        }),
        Some('{') => serde_json::from_str(text).or_else(|json| {
            // YAML's flow style opens with a brace too; when it is not that either, JSON's message fits better.
            yaml(text).map_err(|_| syntax("JSON", json.to_string()))
        }),
        Some(_) => yaml(text).map_err(|reason| syntax("YAML", reason)),
    }
}

fn yaml(text: &str) -> Result<Value, String> {
    let budget =
        serde_saphyr::budget! { max_depth: DEEPEST, max_nodes: 1_000_000, max_events: 3_000_000 };
    let options = serde_saphyr::options! {
        budget: budget,
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::LastWins,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| error.to_string())
}

fn dialect(name: &str, root: &Value) -> Result<Dialect, LoadError> {
    let text = |key| match root.get(key) {
        Some(Value::String(version)) => Some(version.clone()),
        // `swagger: 2.0` without quotes is a number.
        Some(Value::Number(version)) => Some(version.to_string()),
        _ => None,
    };
    let Some(version) = text("openapi").or_else(|| text("swagger")) else {
        return Err(LoadError::NotOpenApi {
            name: name.to_owned(),
        });
    };
    match version.trim() {
        v if v == "2" || v.starts_with("2.") => Ok(Dialect::Swagger2),
        v if v.starts_with("3.0") || v == "3" => Ok(Dialect::OpenApi30),
        v if v.starts_with("3.") => Ok(Dialect::OpenApi31),
        _ => Err(LoadError::Version {
            name: name.to_owned(),
            version: cut(&version),
        }),
    }
}

/// The path part of the first server's URL, variables filled with their defaults.
fn base_path(root: &Value, dialect: Dialect) -> String {
    let mut url = if dialect == Dialect::Swagger2 {
        root.get("basePath")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    } else {
        root.pointer("/servers/0/url")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    if let Some(Value::Object(variables)) = root.pointer("/servers/0/variables") {
        for (name, variable) in variables {
            let default = variable
                .get("default")
                .and_then(Value::as_str)
                .unwrap_or_default();
            url = url.replace(&format!("{{{name}}}"), default);
        }
    }
    let path = crate::matching::path_of(&url).trim_end_matches('/');
    if path.is_empty() || path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    }
}

fn security_schemes(root: &Value) -> BTreeMap<String, String> {
    let schemes = root
        .pointer("/components/securitySchemes")
        .or_else(|| root.get("securityDefinitions"));
    let Some(Value::Object(schemes)) = schemes else {
        return BTreeMap::new();
    };
    let text = |scheme: &Value, key: &str| {
        scheme
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let words = |scheme: &Value| match text(scheme, "type").as_str() {
        "apiKey" => format!("{} {}", text(scheme, "in"), text(scheme, "name")),
        "http" => format!("header authorization, {}", text(scheme, "scheme")),
        "basic" => "header authorization, basic".to_owned(),
        other => other.to_owned(),
    };
    schemes
        .iter()
        .map(|(name, scheme)| (name.clone(), words(scheme)))
        .collect()
}

/// Drops the examples that break their own schema, and says so.
fn keep_valid(
    schemas: &Schemas,
    schema: Option<crate::schema::SchemaId>,
    examples: &mut Vec<Value>,
    place: &str,
    problems: &mut Problems,
) {
    let Some(schema) = schema else { return };
    examples.retain(|example| match schemas.breach(schema, example) {
        Some(breach) => {
            problems.add(
                &format!("an example does not match its schema: {}", breach.message),
                place,
            );
            false
        }
        None => true,
    });
}
