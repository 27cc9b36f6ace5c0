//! Judges one exchange by the document: status, content type, body. A pure function, fast enough to run on a sample
//! of load. It must not know who made the exchange.

use crate::document::{Document, Media, Operation};
use crate::finding::Finding;
use crate::matching::Matcher;
use crate::schema::cut;
use harness_core::event::ContractCheck;
use harness_core::http::{Method, Request, Response};
use serde_json::Value;
use std::sync::Arc;

/// A document made ready to judge exchanges.
#[derive(Debug)]
pub struct Checker {
    document: Arc<Document>,
    matcher: Matcher,
}

/// What a check came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The operation, an index into the document's; `None` when no operation describes the request, which is no
    /// finding: count it as unmatched.
    pub operation: Option<usize>,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Whether the body was longer than its reader's limit, so that its schema was not checked.
    pub truncated: bool,
}

impl Checker {
    /// A checker of exchanges with one service. `base_url` is where the service is, if it lies below a path; whoever
    /// calls decides which exchanges were with this service, since paths alone don't tell.
    pub fn new(document: Arc<Document>, base_url: Option<&str>) -> Self {
        let matcher = Matcher::new(&document, base_url);
        Self { document, matcher }
    }

    /// The document.
    pub fn document(&self) -> &Arc<Document> {
        &self.document
    }

    /// The matcher.
    pub fn matcher(&self) -> &Matcher {
        &self.matcher
    }

    /// Finds the operation of a request and judges its response.
    pub fn check(&self, request: &Request, response: &Response) -> Checked {
        let operation = self
            .matcher
            .find(request.method, &request.url)
            .map(|found| found.operation);
        let findings = operation
            .and_then(|index| self.document.operations.get(index))
            .map_or_else(Vec::new, |operation| {
                self.check_operation(operation, response)
            });
        Checked {
            operation,
            findings,
            truncated: response.truncated(),
        }
    }

    /// Judges a response of a known operation.
    pub fn check_operation(&self, operation: &Operation, response: &Response) -> Vec<Finding> {
        if operation.responses.is_empty() {
            return Vec::new();
        }
        let status = response.status;
        let Some(spec) = operation.response(status) else {
            let finding =
                |check, message| Finding::new(check, &operation.name, &status.to_string(), message);
            return vec![if status >= 500 {
                finding(
                    ContractCheck::ServerError,
                    format!("answered {status}, which the document does not announce"),
                )
            } else {
                let listed = operation
                    .responses
                    .iter()
                    .map(|(pattern, _)| word(*pattern))
                    .collect::<Vec<_>>();
                let listed = listed.join(", ");
                finding(
                    ContractCheck::UndocumentedStatus,
                    format!("answered {status}; the document lists {listed}"),
                )
            }];
        };
        let bodiless =
            operation.method == Method::Head || status == 204 || status == 304 || status < 200;
        if bodiless || spec.content.is_empty() {
            return Vec::new();
        }
        self.content(operation, &spec.content, response)
            .into_iter()
            .collect()
    }

    fn content(
        &self,
        operation: &Operation,
        content: &[Media],
        response: &Response,
    ) -> Option<Finding> {
        let status = response.status;
        let found = |check, detail: &str, message: String| {
            Some(Finding::new(
                check,
                &operation.name,
                &format!("{status}{detail}"),
                format!("{status}: {message}"),
            ))
        };
        if response.body.is_empty() && response.body_len == 0 {
            let text = |media: &Media| !json(&media.range) && media.range != "*/*";
            let empty = || {
                found(
                    ContractCheck::BodySchema,
                    ":empty",
                    "an empty body where one is documented".to_owned(),
                )
            };
            return if content.iter().any(text) {
                None
            } else {
                empty()
            };
        }
        let listed = || {
            content
                .iter()
                .map(|m| m.range.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        let Some(actual) = response
            .header("content-type")
            .map(crate::document::essence)
        else {
            return found(
                ContractCheck::ContentType,
                "",
                format!("no content type; the document lists {}", listed()),
            );
        };
        let Some(media) = best(content, &actual) else {
            let message = format!(
                "content type {}; the document lists {}",
                cut(&actual),
                listed()
            );
            return found(ContractCheck::ContentType, "", message);
        };
        let schema = media
            .schema
            .filter(|_| json(&actual) && !response.truncated())?;
        if let Err(reason) = self.document.schemas.validator(schema) {
            let pointer = self.document.schemas.pointer(schema);
            let message = format!("the schema at {pointer} can't be used: {reason}");
            return Some(Finding::new(
                ContractCheck::Document,
                &self.document.name,
                pointer,
                message,
            ));
        }
        let body: Value = match serde_json::from_slice(&response.body) {
            Ok(body) => body,
            Err(error) => {
                return found(
                    ContractCheck::BodySchema,
                    ":json",
                    format!("the body is no JSON: {error}"),
                );
            }
        };
        let breach = self.document.schemas.breach(schema, &body)?;
        found(
            ContractCheck::BodySchema,
            &format!(":{}:{}", breach.pointer, breach.keyword),
            breach.message,
        )
    }
}

/// The entry for a content type, the most specific first.
fn best<'m>(content: &'m [Media], actual: &str) -> Option<&'m Media> {
    let of = |range: &str| content.iter().find(|media| media.range == range);
    let kind = actual.split('/').next().unwrap_or_default();
    of(actual)
        .or_else(|| of(&format!("{kind}/*")))
        .or_else(|| of("*/*"))
}

/// Whether a content type is JSON.
pub(crate) fn json(essence: &str) -> bool {
    essence == "application/json" || essence == "text/json" || essence.ends_with("+json")
}

fn word(pattern: crate::document::StatusPattern) -> String {
    use crate::document::StatusPattern::{Default, Exact, Range};
    match pattern {
        Exact(status) => status.to_string(),
        Range(hundred) => format!("{hundred}XX"),
        Default => "default".to_owned(),
    }
}
