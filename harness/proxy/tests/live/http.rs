//! HTTP/1.1 over real sockets: what is counted of a watched connection.

use std::net::SocketAddr;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use harness_proxy::{HttpStats, Proxy, ProxyConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::{config, connect, echo, round_trip, soon, until};

/// A service: `/` answers, `/echo` sends a body back, `/never` never answers.
pub(crate) async fn service() -> SocketAddr {
    let router = Router::new()
        .route("/", get(async || "hello"))
        .route("/echo", post(async |body: String| body))
        .route("/gone", get(async || StatusCode::NOT_FOUND))
        .route("/never", get(std::future::pending::<()>));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

pub(crate) async fn watched() -> Proxy {
    let config = config(service().await);
    Proxy::bind(ProxyConfig {
        watch_http: true,
        ..config
    })
    .unwrap()
}

pub(crate) fn http(proxy: &Proxy) -> HttpStats {
    proxy.stats().http.unwrap()
}

/// Sends and reads until the answer ends with `end`.
pub(crate) async fn ask(client: &mut TcpStream, request: &str, end: &str) -> String {
    client.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(end.as_bytes()) {
        let read = soon("an answer", client.read_buf(&mut answer))
            .await
            .unwrap();
        assert!(
            read > 0,
            "ended after {:?}",
            String::from_utf8_lossy(&answer)
        );
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn requests_answers_and_who_gave_up_are_counted() {
    let proxy = watched().await;
    let mut client = connect(&proxy).await;
    ask(&mut client, "GET / HTTP/1.1\r\nhost: a\r\n\r\n", "hello").await;
    let chunked =
        "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    ask(&mut client, chunked, "abc").await;
    ask(
        &mut client,
        "GET /gone HTTP/1.1\r\nhost: a\r\n\r\n",
        "\r\n\r\n",
    )
    .await;
    let stats = http(&proxy);
    assert_eq!(
        (stats.requests, stats.answers, stats.unread),
        (3, [0, 2, 0, 1, 0], 0)
    );
    assert_eq!(stats.response.iter().map(|(_, n)| n).sum::<u64>(), 3);
    client
        .write_all(b"GET /never HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    until("the request", || http(&proxy).requests == 4).await;
    assert_eq!(http(&proxy).abandoned, []);
    drop(client);
    until("the abandonment", || http(&proxy).abandoned.len() == 1).await;
    assert_eq!(http(&proxy).answers, [0, 2, 0, 1, 0]);
}

#[tokio::test]
async fn what_is_no_http_passes_a_watched_proxy_unchanged() {
    let config = config(echo().await);
    let proxy = Proxy::bind(ProxyConfig {
        watch_http: true,
        ..config
    })
    .unwrap();
    let mut client = connect(&proxy).await;
    for text in [b"\x16\x03\x01hello".as_slice(), b"GET ", b"\r\n\r\n\0"] {
        round_trip(&mut client, text).await;
    }
    let expected = HttpStats {
        unread: 1,
        ..HttpStats::default()
    };
    assert_eq!(http(&proxy), expected);
}

#[tokio::test]
async fn watching_is_switched_for_connections_to_come() {
    let proxy = Proxy::bind(config(service().await)).unwrap();
    let request = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut before = connect(&proxy).await;
    ask(&mut before, request, "hello").await;
    assert_eq!(proxy.stats().http, None);
    proxy.watch_http(true);
    let mut during = connect(&proxy).await;
    ask(&mut before, request, "hello").await;
    ask(&mut during, request, "hello").await;
    assert_eq!(http(&proxy).requests, 1);
    proxy.watch_http(false);
    let mut after = connect(&proxy).await;
    ask(&mut after, request, "hello").await;
    ask(&mut during, request, "hello").await;
    assert_eq!(http(&proxy).requests, 2);
}
