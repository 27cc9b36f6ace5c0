//! Where an OpenTelemetry collector answers: a URL that was checked, and never shown with what may be a credential.

use crate::error::CliError;

/// Where something is posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    url: String,
}

impl Endpoint {
    /// The address that `whence` (a flag or a variable) says. `below`: the path that is added to a base. Errors never
    /// repeat the URL: it may hold a credential.
    pub(crate) fn new(whence: &str, url: &str, below: Option<&str>) -> Result<Self, CliError> {
        let wrong = |what: &str, hint: &str| CliError::Usage {
            message: format!("{whence} {what}"),
            hint: hint.to_owned(),
        };
        let example = "write it with its scheme, such as http://localhost:4318";
        let url = url.trim();
        let uri: opentelemetry_http::Request<()> =
            opentelemetry_http::Request::get(url)
                .body(())
                .map_err(|error| wrong(&format!("is not a URL: {error}"), example))?;
        let uri = uri.uri();
        let scheme = uri.scheme_str().unwrap_or_default();
        let Some(authority) = uri
            .authority()
            .filter(|_| matches!(scheme, "http" | "https"))
        else {
            return Err(wrong("is not an http or https URL", example));
        };
        if authority.as_str().contains('@') {
            return Err(wrong(
                "holds a user or a password, which messages would show",
                "give credentials as a header in OTEL_EXPORTER_OTLP_HEADERS",
            ));
        }
        let (path, query) = url
            .split_once('?')
            .map_or((url, None), |(p, q)| (p, Some(q)));
        let path = path.trim_end_matches('/');
        let mut url = match below {
            Some(below) if !path.ends_with(below) => format!("{path}{below}"),
            _ => path.to_owned(),
        };
        if let Some(query) = query {
            url = format!("{url}?{query}");
        }
        Ok(Self { url })
    }

    /// The whole of it.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// As it may be shown: without the query, which may hold a key.
    pub(crate) fn shown(&self) -> &str {
        self.url.split('?').next().unwrap_or_default()
    }
}
