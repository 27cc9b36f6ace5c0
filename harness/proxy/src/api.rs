//! Toxiproxy's HTTP API: which request is which call on the [`registry`], and how answers look. A client or a script that
//! drives the real server drives this one; where it is meant to differ is told in `docs/proxy.md`.

mod address;
mod body;
mod connections;
mod error;
mod metrics;
mod registry;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use body::{ProxyBody, ToxicBody, ToxicChange};
use connections::ShownConnection;
use error::ApiError;
use registry::{Populated, Registry, Shown};

use crate::name::ProxyName;
use crate::toxic::Toxic;

/// The version that clients ask for to learn what they may do: that of the real server whose behaviour this is.
const VERSION: &str = "2.12.0";

/// The largest body that is read, bytes: what is larger is no list of proxies.
const LARGEST: usize = 64 << 20;

/// How an API behaves.
#[derive(Clone, Copy, Debug, Default)]
pub struct ApiConfig {
    /// Makes every roll and draw of every proxy reproducible.
    pub seed: u64,
    /// As the real server does, where this one would do better: see `docs/proxy.md`.
    pub strict: bool,
    /// Whether `GET /metrics` is answered.
    pub metrics: bool,
}

/// Proxies by name, and the API that steers them.
#[derive(Clone, Debug)]
pub struct Api {
    registry: Arc<Registry>,
    config: ApiConfig,
}

type Answer<T> = Result<T, ApiError>;
type Kept = State<Arc<Registry>>;

impl Api {
    /// An API without proxies. Their links run on `links`, which may be another runtime than that which serves the API, so
    /// that it answers however much passes through them.
    #[must_use]
    pub fn new(config: ApiConfig, links: Handle) -> Self {
        let registry = Registry::new(config.seed, config.strict, links);
        Self {
            registry: Arc::new(registry),
            config,
        }
    }

    /// Takes in a list of proxies, as `POST /populate` does; answers their names.
    ///
    /// # Errors
    /// What is wrong, and with which of them, counted from 1; those before it are there.
    pub async fn populate(&self, json: &[u8]) -> Result<Vec<ProxyName>, String> {
        let bodies = body::read_all(json).map_err(|error| error.message)?;
        let Populated { done, error } = self.registry.populate(bodies).await;
        match error {
            Some(error) => Err(error.message),
            None => Ok(done.into_iter().flatten().map(|shown| shown.name).collect()),
        }
    }

    /// Answers requests until told to stop; what was asked before that is answered.
    ///
    /// # Errors
    /// When the listener breaks.
    pub async fn serve(
        &self,
        listener: TcpListener,
        stop: CancellationToken,
    ) -> std::io::Result<()> {
        let server = axum::serve(listener, self.router());
        server.with_graceful_shutdown(stop.cancelled_owned()).await
    }

    fn router(&self) -> Router {
        let strict = self.config.strict;
        let router = Router::new()
            .route("/proxies", get(proxies).post(create))
            .route(
                "/proxies/{proxy}",
                get(proxy).post(update).patch(update).delete(remove),
            )
            .route("/proxies/{proxy}/toxics", get(toxics).post(add_toxic))
            .route(
                "/proxies/{proxy}/toxics/{toxic}",
                get(toxic)
                    .post(update_toxic)
                    .patch(update_toxic)
                    .delete(remove_toxic),
            )
            .route("/populate", post(populate))
            .route("/reset", post(reset))
            .route("/version", get(move || version(strict)));
        // What the real server has not is no path there.
        let router = match strict {
            true => router,
            false => router.route("/proxies/{proxy}/connections", get(connections)),
        };
        let router = match self.config.metrics {
            true => router.route("/metrics", get(metrics)),
            false => router,
        };
        let requests = Arc::new(AtomicU64::new(0));
        let router = router.layer(middleware::from_fn_with_state(requests, routed));
        router.fallback(unknown).with_state(self.registry.clone())
    }
}

/// Numbers each request, and keeps web pages out: they can reach a loopback address, and could steer the proxies.
async fn routed(State(requests): State<Arc<AtomicU64>>, request: Request, next: Next) -> Response {
    let agent = request.headers().get(header::USER_AGENT);
    let browser = agent.is_some_and(|agent| agent.as_bytes().starts_with(b"Mozilla/"));
    let mut response = match browser {
        true => (StatusCode::FORBIDDEN, "User agent not allowed\n").into_response(),
        false => next.run(request).await,
    };
    let number = requests.fetch_add(1, Ordering::Relaxed);
    let id = HeaderValue::from(number);
    response.headers_mut().insert("x-toxiproxy-request-id", id);
    response
}

async fn unknown() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "404 page not found\n")
}

/// The whole body; one that is too large or breaks off is an error of its own.
async fn whole(body: Body) -> Answer<Bytes> {
    to_bytes(body, LARGEST).await.map_err(ApiError::body)
}

async fn proxies(State(kept): Kept) -> Json<BTreeMap<ProxyName, Shown>> {
    Json(kept.all())
}

async fn create(State(kept): Kept, body: Body) -> Answer<(StatusCode, Json<Shown>)> {
    let body: ProxyBody = body::read(&whole(body).await?)?;
    Ok((StatusCode::CREATED, Json(kept.create(body).await?)))
}

async fn proxy(State(kept): Kept, Path(name): Path<String>) -> Answer<Json<Shown>> {
    kept.get(&name).map(Json)
}

async fn update(State(kept): Kept, Path(name): Path<String>, body: Body) -> Answer<Json<Shown>> {
    kept.get(&name)?;
    let body: ProxyBody = body::read(&whole(body).await?)?;
    kept.update(&name, body).await.map(Json)
}

async fn remove(State(kept): Kept, Path(name): Path<String>) -> Answer<StatusCode> {
    kept.remove(&name).map(|()| StatusCode::NO_CONTENT)
}

async fn toxics(State(kept): Kept, Path(name): Path<String>) -> Answer<Json<Vec<Toxic>>> {
    kept.toxics(&name).map(Json)
}

async fn connections(
    State(kept): Kept,
    Path(name): Path<String>,
) -> Answer<Json<Vec<ShownConnection>>> {
    kept.connections(&name).map(Json)
}

async fn add_toxic(State(kept): Kept, Path(name): Path<String>, body: Body) -> Answer<Json<Toxic>> {
    kept.get(&name)?;
    let body: ToxicBody = body::read(&whole(body).await?)?;
    kept.add_toxic(&name, body).map(Json)
}

async fn toxic(
    State(kept): Kept,
    Path((proxy, toxic)): Path<(String, String)>,
) -> Answer<Json<Toxic>> {
    kept.toxic(&proxy, &toxic).map(Json)
}

async fn update_toxic(
    State(kept): Kept,
    Path((proxy, toxic)): Path<(String, String)>,
    body: Body,
) -> Answer<Json<Toxic>> {
    kept.toxic(&proxy, &toxic)?;
    let change: ToxicChange = body::read(&whole(body).await?)?;
    kept.update_toxic(&proxy, &toxic, change).map(Json)
}

async fn remove_toxic(
    State(kept): Kept,
    Path((proxy, toxic)): Path<(String, String)>,
) -> Answer<StatusCode> {
    kept.remove_toxic(&proxy, &toxic)
        .map(|()| StatusCode::NO_CONTENT)
}

/// The list as far as it was taken in, and beside it what stopped it.
async fn populate(State(kept): Kept, body: Body) -> (StatusCode, Json<Map<String, Value>>) {
    let bodies = whole(body).await.and_then(|body| body::read_all(&body));
    let Populated { done, error } = match bodies {
        Ok(bodies) => kept.populate(bodies).await,
        Err(error) => Populated {
            done: None,
            error: Some(error),
        },
    };
    let (status, mut fields) = match error {
        Some(error) => (error.status, error.fields()),
        None => (StatusCode::CREATED, Map::new()),
    };
    fields.insert("proxies".to_owned(), json!(done));
    (status, Json(fields))
}

async fn reset(State(kept): Kept) -> Answer<StatusCode> {
    kept.reset().map(|()| StatusCode::NO_CONTENT)
}

/// A server that does more says so, in a field that clients read over.
async fn version(strict: bool) -> impl IntoResponse {
    let kind = [(header::CONTENT_TYPE, "application/json;charset=utf-8")];
    let more = if strict {
        ""
    } else {
        ", \"server\": \"harness\""
    };
    (kind, format!("{{\"version\": \"{VERSION}\"{more}}}\n"))
}

async fn metrics(State(kept): Kept) -> impl IntoResponse {
    let kind = [(
        header::CONTENT_TYPE,
        "text/plain; version=0.0.4; charset=utf-8",
    )];
    (kind, kept.metrics())
}
