//! What the API answers when something is wrong, in Toxiproxy's words and with its statuses. Clients compare these
//! texts, so they are contracts, not prose.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::listener::BindError;
use crate::shared::ProxyError;
use crate::toxic::ToxicError;

/// An answer that is none: `{"error":"…","status":N}` and a line feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ApiError {
    pub(super) status: StatusCode,
    pub(super) message: String,
}

impl ApiError {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    /// The body is no JSON, or not what was expected in it.
    pub(super) fn body(why: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, format!("bad request body: {why}"))
    }

    pub(super) fn missing(field: &str) -> Self {
        let message = format!("missing required field: {field}");
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn no_proxy() -> Self {
        Self::new(StatusCode::NOT_FOUND, "proxy not found")
    }

    pub(super) fn proxy_exists() -> Self {
        Self::new(StatusCode::CONFLICT, "proxy already exists")
    }

    pub(super) fn no_toxic() -> Self {
        Self::new(StatusCode::NOT_FOUND, "toxic not found")
    }

    pub(super) fn toxic_exists() -> Self {
        Self::new(StatusCode::CONFLICT, "toxic already exists")
    }

    /// A listener could not be had, in the words of the real server's runtime.
    pub(super) fn listen(why: impl std::fmt::Display) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("listen tcp{why}"),
        )
    }

    /// The same error as that of the `number`th proxy of a list, counted from 1.
    pub(super) fn at(self, number: usize) -> Self {
        let message = format!("{} at proxy {number}", self.message);
        Self { message, ..self }
    }

    /// The fields of the answer.
    pub(super) fn fields(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        fields.insert("error".to_owned(), json!(self.message));
        fields.insert("status".to_owned(), json!(self.status.as_u16()));
        fields
    }
}

impl From<ToxicError> for ApiError {
    fn from(error: ToxicError) -> Self {
        let message = match &error {
            ToxicError::UnknownType(_) => "invalid toxic type",
            ToxicError::UnknownStream(_) => {
                "stream was invalid, can be either upstream or downstream"
            }
            _ => return Self::body(error),
        };
        Self::new(StatusCode::BAD_REQUEST, message)
    }
}

impl From<BindError> for ApiError {
    fn from(error: BindError) -> Self {
        match error {
            BindError::Listen {
                address, source, ..
            } => Self::listen(format_args!(" {address}: bind: {}", system(&source))),
            BindError::Toxic { reason, .. } => reason.into(),
            BindError::SameName { .. } => Self::toxic_exists(),
            BindError::NoRuntime(_) | BindError::ShutDown(_) => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
            }
        }
    }
}

impl From<ProxyError> for ApiError {
    fn from(error: ProxyError) -> Self {
        match error {
            ProxyError::ToxicExists(_) => Self::toxic_exists(),
            ProxyError::NoSuchToxic(_) => Self::no_toxic(),
            ProxyError::Toxic(reason) => reason.into(),
            // Removed by somebody else while it was looked at.
            ProxyError::ShutDown(_) => Self::no_proxy(),
            ProxyError::OtherKind { .. } => Self::body(error),
        }
    }
}

/// What the system said, without the number that Rust adds to it.
fn system(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    text.to_lowercase()
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let text = format!("{}\n", Value::Object(self.fields()));
        let kind = [("content-type", "application/json")];
        (self.status, kind, text).into_response()
    }
}
