//! The trace of a run for an OpenTelemetry collector: OTLP over HTTP with protobuf bodies. Bounded in memory and in time;
//! a collector that does not answer costs a line at the end and nothing else.

use crate::collector::Endpoint;
use crate::error::CliError;
use async_trait::async_trait;
use harness_core::http::{Method, Request};
use harness_drive::http_client::Client;
use harness_drive::{Clock, Route};
use opentelemetry::trace::{
    Link, SpanContext, SpanId, TraceFlags, TraceId, TraceState, TracerProvider as _,
};
use opentelemetry::{KeyValue, Value};
use opentelemetry_http::{Bytes, HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider, SpanData, SpanExporter,
};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Runtime;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Layer as _;

/// One request to the collector takes at most this long.
const REQUEST_LIMIT: Duration = Duration::from_secs(5);
/// How long the end of a run waits for the collector.
const LAST_WAIT: Duration = Duration::from_secs(2);
/// Spans that wait to be sent; beyond, they are dropped.
const QUEUE: usize = 4096;
/// Spans in one request.
const BATCH: usize = 512;

/// Where spans have their path below a base.
const TRACES: &str = "/v1/traces";

/// The endpoint that the flag or the environment names, if any. `--otlp` and `OTEL_EXPORTER_OTLP_ENDPOINT` are bases, below
/// which traces have their path; `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` is taken as it is.
pub(super) fn endpoint(
    flag: Option<&str>,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Option<Endpoint>, CliError> {
    let variable = |name| environment(name).filter(|value| !value.trim().is_empty());
    let is = |name, wanted: &str| variable(name).is_some_and(|v| v.eq_ignore_ascii_case(wanted));
    if let Some(base) = flag {
        return Endpoint::new("--otlp", base, Some(TRACES)).map(Some);
    }
    if is("OTEL_SDK_DISABLED", "true") || is("OTEL_TRACES_EXPORTER", "none") {
        return Ok(None);
    }
    let named = [
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", None),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", Some(TRACES)),
    ];
    for (name, below) in named {
        if let Some(value) = variable(name) {
            return Endpoint::new(name, &value, below).map(Some);
        }
    }
    Ok(None)
}

/// What could not be sent.
#[derive(Debug, Default)]
struct Losses {
    batches: u32,
    lost: u32,
    /// Why the last one was lost, as the client saw it.
    reason: String,
}

/// An export under way.
pub(super) struct Export {
    provider: SdkTracerProvider,
    endpoint: Endpoint,
    losses: Arc<Mutex<Losses>>,
}

impl Export {
    /// Sets everything up; connects to nothing yet.
    pub(super) fn start(endpoint: Endpoint) -> Result<Self, CliError> {
        let machine = |error: &dyn std::fmt::Display| {
            CliError::Machine(format!("failed to set up the export of spans: {error}"))
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("otlp")
            .enable_all()
            .build()
            .map_err(|error| machine(&error))?;
        let client =
            Client::new(Clock::start(), &Route::default()).map_err(|error| machine(&error))?;
        let losses = Arc::new(Mutex::new(Losses::default()));
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(Post {
                runtime,
                client,
                losses: Arc::clone(&losses),
            })
            .with_endpoint(endpoint.url().to_owned())
            .with_protocol(Protocol::HttpBinary)
            .build()
            .map_err(|error| machine(&error))?;
        let exporter = Careful {
            inner: exporter,
            losses: Arc::clone(&losses),
        };
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUE)
            .with_max_export_batch_size(BATCH)
            .build();
        let processor = BatchSpanProcessor::builder(exporter).with_batch_config(config);
        let named = std::env::var("OTEL_SERVICE_NAME").is_ok_and(|name| !name.is_empty());
        let mut resource = Resource::builder()
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
        if !named {
            resource = resource.with_service_name("harness");
        }
        let provider = SdkTracerProvider::builder()
            .with_span_processor(processor.build())
            .with_resource(resource.build())
            .build();
        Ok(Self {
            provider,
            endpoint,
            losses,
        })
    }

    /// The layer that turns harness's own spans into those of OpenTelemetry.
    pub(super) fn layer(&self) -> super::Layer {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("harness"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(Targets::new().with_target("harness", LevelFilter::INFO))
            .boxed()
    }

    /// Sends what is left; says what was lost, in one line.
    pub(super) fn finish(self) -> Option<String> {
        let ended = self.provider.shutdown_with_timeout(LAST_WAIT);
        let losses = self.losses.lock().unwrap_or_else(PoisonError::into_inner);
        let reason = match &ended {
            _ if losses.lost > 0 => losses.reason.clone(),
            Ok(()) => return None,
            // The last batch is still under way: nothing else ends a shutdown without a lost one.
            Err(_) => format!("no answer within {} s", LAST_WAIT.as_secs()),
        };
        let share = if losses.lost < losses.batches {
            "some spans"
        } else {
            "the spans of this run"
        };
        let text = format!(
            "failed to send {share} to {}: {reason}; the run itself is not affected",
            self.endpoint.shown()
        );
        Some(super::redacted(&text).into_owned())
    }
}

/// Takes secrets out of spans, names them so that a list of them can be read, ties them to the target's own traces, and
/// counts what is lost.
#[derive(Debug)]
struct Careful {
    inner: opentelemetry_otlp::SpanExporter,
    losses: Arc<Mutex<Losses>>,
}

impl SpanExporter for Careful {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let sent = self.inner.export(batch.into_iter().map(careful).collect());
        let sent = sent.await;
        let mut losses = self.losses.lock().unwrap_or_else(PoisonError::into_inner);
        losses.batches += 1;
        if let Err(error) = &sent {
            losses.lost += 1;
            if losses.reason.is_empty() {
                losses.reason = error.to_string();
            }
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

fn careful(mut span: SpanData) -> SpanData {
    clean(&mut span.attributes);
    for event in &mut span.events.events {
        event.name = super::redacted(&event.name).into_owned().into();
        clean(&mut event.attributes);
    }
    // `step` with a step's name is told as `step the list`.
    let own = span
        .attributes
        .iter()
        .find(|own| own.key.as_str() == span.name);
    if let Some(own) = own {
        span.name = format!("{} {}", span.name, own.value).into();
    }
    // A step that polls has sent several; each is a way into the target's traces.
    let sent = span
        .attributes
        .iter()
        .filter(|sent| sent.key.as_str() == "traceparent");
    let links: Vec<_> = sent
        .filter_map(|sent| remote(&sent.value.as_str()))
        .map(Link::with_context)
        .collect();
    span.links.links.extend(links);
    span
}

fn clean(attributes: &mut [KeyValue]) {
    for attribute in attributes {
        if let Value::String(text) = &attribute.value
            && let std::borrow::Cow::Owned(clean) = super::redacted(text.as_str())
        {
            attribute.value = clean.into();
        }
    }
}

/// The context that a `traceparent` names.
fn remote(traceparent: &str) -> Option<SpanContext> {
    let mut parts = traceparent.split('-').skip(1);
    let trace = TraceId::from_hex(parts.next()?).ok()?;
    let span = SpanId::from_hex(parts.next()?).ok()?;
    let context = SpanContext::new(trace, span, TraceFlags::SAMPLED, true, TraceState::NONE);
    context.is_valid().then_some(context)
}

/// The client of functional runs, for the exporter's own thread, which has no runtime.
#[derive(Debug)]
struct Post {
    runtime: Runtime,
    client: Client,
    losses: Arc<Mutex<Losses>>,
}

impl Post {
    fn lost_because(&self, reason: &str) {
        let mut losses = self.losses.lock().unwrap_or_else(PoisonError::into_inner);
        losses.reason = reason.to_owned();
    }
}

#[async_trait]
impl HttpClient for Post {
    async fn send_bytes(
        &self,
        request: opentelemetry_http::Request<Bytes>,
    ) -> Result<opentelemetry_http::Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let headers = head.headers.iter();
        let headers = headers
            .map(|(name, value)| Ok((name.to_string(), value.to_str()?.to_owned())))
            .collect::<Result<_, HttpError>>()?;
        let request = Request {
            method: Method::Post,
            url: head.uri.to_string(),
            headers,
            body,
        };
        let exchanged = self
            .runtime
            .block_on(self.client.send(&request, REQUEST_LIMIT));
        let answer = exchanged.result.map_err(|failure| {
            self.lost_because(&failure.to_string());
            failure.to_string()
        })?;
        if !(200..300).contains(&answer.status) {
            self.lost_because(&format!("it answers status {}", answer.status));
        }
        Ok(opentelemetry_http::Response::builder()
            .status(answer.status)
            .body(answer.body)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_drive::redact::{Redactor, Secrets};
    use opentelemetry::InstrumentationScope;
    use opentelemetry::trace::{SpanKind, Status};
    use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};
    use std::time::SystemTime;

    fn named(flag: Option<&str>, variables: &[(&str, &str)]) -> Result<String, String> {
        let found = endpoint(flag, |name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        });
        found
            .map(|found| found.map_or_else(String::new, |endpoint| endpoint.url().to_owned()))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_flag_wins_then_the_variable_for_traces_then_the_base() {
        let traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t/own/path");
        let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://b:4318/");
        let ok = |url: &str| Ok(url.to_owned());
        assert_eq!(named(None, &[]), ok(""));
        assert_eq!(named(None, &[base]), ok("https://b:4318/v1/traces"));
        assert_eq!(named(None, &[base, traces]), ok("http://t/own/path"));
        let flag = Some("http://f:4318");
        assert_eq!(named(flag, &[base, traces]), ok("http://f:4318/v1/traces"));
        let whole = Some("http://f/v1/traces?key=1");
        assert_eq!(named(whole, &[]), ok("http://f/v1/traces?key=1"));
        assert_eq!(named(None, &[base, ("OTEL_SDK_DISABLED", "true")]), ok(""));
        assert_eq!(
            named(None, &[base, ("OTEL_TRACES_EXPORTER", "none")]),
            ok("")
        );
        assert_eq!(named(None, &[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]), ok(""));
    }

    #[test]
    fn what_is_no_url_is_refused_without_its_credentials() {
        for url in [
            "",
            "collector",
            "localhost:4318",
            "ftp://x",
            "http://a b",
            "/v1",
        ] {
            let told = named(Some(url), &[]).unwrap_err();
            assert!(told.starts_with("--otlp is not"), "{url}: {told}");
        }
        let told = named(Some("http://me:hunter2@x"), &[]).unwrap_err();
        assert!(!told.contains("hunter2"), "{told}");
    }

    #[test]
    fn a_span_leaves_without_secrets_with_its_name_and_its_links() {
        let mut secrets = Secrets::default();
        let hidden = "a-span-must-not-hold-this";
        secrets
            .insert("key".parse().unwrap(), hidden.into())
            .unwrap();
        super::super::hide(Redactor::new(&secrets));
        let sent = "00-0f927d90534b95fd40674afc5666208f-61a617d30662f831-01";
        let span = SpanData {
            span_context: SpanContext::empty_context(),
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: "step".into(),
            start_time: SystemTime::UNIX_EPOCH,
            end_time: SystemTime::UNIX_EPOCH,
            attributes: vec![
                KeyValue::new("step", format!("buys with {hidden}")),
                KeyValue::new("traceparent", sent),
                KeyValue::new("traceparent", "nonsense"),
            ],
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: InstrumentationScope::default(),
        };
        let span = careful(span);
        assert_eq!(span.name, "step buys with [secret key]");
        assert!(!format!("{span:?}").contains(hidden), "{span:?}");
        let linked: Vec<_> = span.links.iter().map(|link| &link.span_context).collect();
        assert_eq!(linked.len(), 1);
        assert_eq!(linked[0].span_id().to_string(), "61a617d30662f831");
    }
}
