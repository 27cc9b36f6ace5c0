//! `http` toxics over real sockets: each action with a client that keeps its connection, and what they are beside the
//! other toxics.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use harness_proxy::{Proxy, Stream, Toxic, ToxicKind};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::api::{Served, serve, served};
use crate::http::{ask, http, service, watched};
use crate::{config, connect, name, soon, toxic, until};

/// An `http` toxic with these attributes.
fn on(attributes: Value) -> Toxic {
    serde_json::from_value(json!({"type": "http", "attributes": attributes})).unwrap()
}

async fn proxied() -> Proxy {
    Proxy::bind(config(service().await)).unwrap()
}

/// A client that keeps its one connection.
struct Client(SendRequest<Full<Bytes>>);

impl Client {
    async fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    async fn send(
        &mut self,
        method: &str,
        path: &str,
        body: &str,
    ) -> hyper::Result<Response<Bytes>> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "a");
        let request = request.body(Full::from(body.to_owned())).unwrap();
        soon("an answer", async {
            self.0.ready().await?;
            let (head, body) = self.0.send_request(request).await?.into_parts();
            Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
        })
        .await
    }

    /// A status and a body.
    async fn get(&mut self, path: &str) -> (u16, Bytes) {
        let response = self.send("GET", path, "").await.unwrap();
        (response.status().as_u16(), response.into_body())
    }
}

fn hits(proxy: &Proxy) -> Vec<u64> {
    proxy
        .stats()
        .toxics
        .iter()
        .map(|toxic| toxic.chunks)
        .collect()
}

const HELLO: (u16, Bytes) = (200, Bytes::from_static(b"hello"));

#[tokio::test]
async fn toxics_come_and_go_on_a_connection_that_is_kept() {
    let proxy = proxied().await;
    let mut client = Client::to(proxy.local_addr()).await;
    assert_eq!(client.get("/").await, HELLO);
    let own = on(json!({"status": 503, "body": "{}", "retry_after": 2, "path": "/"}));
    proxy.add_toxic(own.clone()).unwrap();
    let mut effect = proxy.effect(&own.name).unwrap();
    assert_eq!(effect.first_affected(), None);
    let answer = client.send("GET", "/?a=b", "").await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.body()[..]),
        (503, &b"{}"[..])
    );
    assert_eq!(
        (
            &answer.headers()["retry-after"],
            &answer.headers()["content-type"]
        ),
        (&"2".parse().unwrap(), &"application/json".parse().unwrap())
    );
    assert!(soon("the effect", effect.wait()).await.is_some());
    assert_eq!(client.get("/gone").await, (404, Bytes::new()));
    assert_eq!(client.send("HEAD", "/", "").await.unwrap().status(), 503);
    let removed = proxy.remove_toxic(&own.name).unwrap();
    assert_eq!((removed.connections, removed.chunks), (1, 2));
    assert_eq!(client.get("/").await, HELLO);
    let echoed = client.send("POST", "/echo", "abc").await.unwrap();
    assert_eq!(&echoed.body()[..], b"abc");
    let connections = proxy.connections();
    assert_eq!(connections.len(), 1, "all on one connection");
    assert!(connections[0].toxics[0].touched && connections[0].toxics[0].affected);
}

#[tokio::test]
async fn each_action_does_what_it_says() {
    let proxy = proxied().await;
    let put = async |attributes: Value| {
        proxy.clear_toxics();
        proxy.add_toxic(on(attributes)).unwrap();
        Client::to(proxy.local_addr()).await
    };

    let mut client = put(json!({"delay": 200, "method": "GET"})).await;
    let start = Instant::now();
    assert_eq!(client.get("/").await, HELLO);
    assert!(Instant::now() - start >= Duration::from_millis(200));

    let mut client = put(json!({"replace": "another", "method": "POST"})).await;
    for body in ["x", "y"] {
        let answer = client.send("POST", "/echo", body).await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.body()[..]),
            (200, &b"another"[..])
        );
    }
    assert_eq!(client.get("/").await, HELLO);

    let mut client = put(json!({"corrupt": true})).await;
    let (status, body) = client.get("/").await;
    let differs = body
        .iter()
        .zip(b"hello")
        .filter(|(is, was)| is != was)
        .count();
    assert_eq!((status, body.len(), differs), (200, 5, 1));

    let mut client = put(json!({"truncate": 3})).await;
    let error = client.send("GET", "/", "").await.unwrap_err();
    assert!(format!("{error:?}").contains("IncompleteBody"), "{error:?}");
    let mut raw = connect(&proxy).await;
    raw.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    let mut all = String::new();
    soon("the end", raw.read_to_string(&mut all)).await.unwrap();
    assert!(
        all.contains("content-length: 5\r\n") && all.ends_with("\r\n\r\nhel"),
        "{all}"
    );

    let mut client = put(json!({"drop": true, "path": "/gone"})).await;
    assert_eq!(client.get("/").await, HELLO);
    assert!(client.send("GET", "/gone", "").await.is_err());
    let mut raw = connect(&proxy).await;
    raw.write_all(b"GET /gone HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    let error = soon("the reset", raw.read_to_end(&mut Vec::new()))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);

    let mut client = put(json!({"fail_first": 2})).await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(client.get("/").await.0);
    }
    assert_eq!(statuses, [503, 503, 200, 200]);

    // How many pass depends on how fast they come, but the first does, and each other gets one of two answers.
    let mut client = put(json!({"rate": 1, "status": 420, "body": "slow"})).await;
    let (mut other, mut refused) = (Client::to(proxy.local_addr()).await, 0);
    assert_eq!(client.get("/").await, HELLO);
    for _ in 0..5 {
        for client in [&mut client, &mut other] {
            let answer = client.get("/").await;
            let slow = answer == (420, Bytes::from_static(b"slow"));
            assert!(slow || answer == HELLO, "{answer:?}");
            refused += u64::from(slow);
        }
    }
    assert_eq!(hits(&proxy), [refused]);
}

#[tokio::test]
async fn pipelined_requests_keep_their_order() {
    let proxy = proxied().await;
    proxy
        .add_toxic(on(json!({"status": 503, "path": "/gone"})))
        .unwrap();
    proxy
        .add_toxic(on(json!({"delay": 50, "method": "POST"})).named(name("slow")))
        .unwrap();
    let mut client = connect(&proxy).await;
    let pipeline = "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n\
                    GET /gone HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n";
    let all = ask(&mut client, pipeline, "hello").await;
    let places = ["one", "503 Service Unavailable", "hello"].map(|text| all.find(text).unwrap());
    assert!(places.is_sorted(), "{all}");
}

/// A service that answers once the client has ended its side.
async fn patient() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_to_end(&mut Vec::new()).await.unwrap();
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
        stream.write_all(answer).await.unwrap();
    });
    address
}

#[tokio::test]
async fn a_client_that_ends_its_side_first_gets_all_its_answers() {
    let proxy = Proxy::bind(config(patient().await)).unwrap();
    proxy
        .add_toxic(on(json!({"status": 503, "path": "/own"})))
        .unwrap();
    let mut client = connect(&proxy).await;
    let pipeline = b"GET /own HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\nGET /own HTTP/1.1\r\n\r\n";
    client.write_all(pipeline).await.unwrap();
    client.shutdown().await.unwrap();
    let mut all = String::new();
    soon("the end", client.read_to_string(&mut all))
        .await
        .unwrap();
    let own = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
    let told = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
    assert_eq!(all, format!("{own}{told}{own}"));
}

#[tokio::test]
async fn an_expected_100_comes_from_whoever_reads_the_body() {
    let proxy = proxied().await;
    proxy
        .add_toxic(on(
            json!({"status": 500, "body": "no", "headers": {"x-own": null}}),
        ))
        .unwrap();
    let mut client = connect(&proxy).await;
    for (header, last) in [("x-own: 1\r\n", "no"), ("", "abc")] {
        let head = format!(
            "POST /echo HTTP/1.1\r\nhost: a\r\n{header}expect: 100-continue\r\ncontent-length: 3\r\n\r\n"
        );
        let told = ask(&mut client, &head, "\r\n\r\n").await;
        assert!(told.starts_with("HTTP/1.1 100 Continue"), "{told}");
        let told = ask(&mut client, "abc", last).await;
        assert!(told.contains("HTTP/1.1 500 ") == (last == "no"), "{told}");
    }
}

#[tokio::test]
async fn an_answer_of_its_own_passes_the_toxics_of_the_connection() {
    let proxy = proxied().await;
    let latency = ToxicKind::Latency {
        latency: 150,
        jitter: 0,
    };
    proxy.add_toxic(on(json!({"status": 503}))).unwrap();
    for stream in [Stream::Upstream, Stream::Downstream] {
        proxy.add_toxic(toxic(latency.clone(), stream)).unwrap();
    }
    let mut client = Client::to(proxy.local_addr()).await;
    let start = Instant::now();
    assert_eq!(client.get("/").await.0, 503);
    assert!(
        Instant::now() - start >= Duration::from_millis(300),
        "there and back"
    );
}

#[tokio::test]
async fn a_removal_reaches_what_is_held_back() {
    let proxy = proxied().await;
    let slow = on(json!({"delay": 3_600_000}));
    proxy.add_toxic(slow.clone()).unwrap();
    let mut client = Client::to(proxy.local_addr()).await;
    let get = tokio::spawn(async move { client.get("/").await });
    until("the held answer", || hits(&proxy) == [1]).await;
    proxy.remove_toxic(&slow.name).unwrap();
    assert_eq!(soon("the release", get).await.unwrap(), HELLO);
}

#[tokio::test]
async fn bodies_larger_than_any_buffer_pass_whole() {
    let proxy = proxied().await;
    proxy
        .add_toxic(on(json!({"status": 503, "path": "/own/{id}"})))
        .unwrap();
    let mut client = Client::to(proxy.local_addr()).await;
    let body: String = (0..1_900_000)
        .map(|n: u32| char::from(b'a' + (n % 23) as u8))
        .collect();
    for _ in 0..2 {
        let answer = client.send("POST", "/echo", &body).await.unwrap();
        assert!(answer.status() == 200 && answer.body() == body.as_bytes());
        assert_eq!(
            client.send("PUT", "/own/7", &body).await.unwrap().status(),
            503
        );
    }
    assert_eq!(hits(&proxy), [2]);
}

#[tokio::test]
async fn a_seed_repeats_which_requests_are_hit() {
    let statuses = async || {
        let proxy = proxied().await;
        proxy
            .add_toxic(on(json!({"status": 503})).with_toxicity(0.5))
            .unwrap();
        let mut client = Client::to(proxy.local_addr()).await;
        let mut statuses = Vec::new();
        for _ in 0..40 {
            statuses.push(client.get("/").await.0);
        }
        statuses
    };
    let first = statuses().await;
    assert!(first.contains(&503) && first.contains(&200));
    assert_eq!(first, statuses().await);
}

#[tokio::test]
async fn a_watched_client_sees_the_answers_that_the_proxy_gave() {
    let proxy = watched().await;
    proxy
        .add_toxic(on(json!({"status": 503, "path": "/own"})))
        .unwrap();
    let mut client = Client::to(proxy.local_addr()).await;
    assert_eq!(
        (client.get("/own").await.0, client.get("/").await),
        (503, HELLO)
    );
    let stats = http(&proxy);
    assert_eq!((stats.requests, stats.answers), (2, [0, 1, 0, 0, 1]));
}

#[tokio::test]
async fn a_long_pipeline_goes_on_when_there_is_room_again() {
    let proxy = proxied().await;
    proxy
        .add_toxic(on(json!({"status": 503, "body": "."})))
        .unwrap();
    let mut client = connect(&proxy).await;
    let pipeline = "GET / HTTP/1.1\r\n\r\n".repeat(100);
    client.write_all(pipeline.as_bytes()).await.unwrap();
    let (mut all, one) = (
        Vec::new(),
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 1\r\n\r\n.",
    );
    while all.len() < one.len() * 100 {
        assert!(
            soon("the answers", client.read_buf(&mut all))
                .await
                .unwrap()
                > 0
        );
    }
    assert_eq!(String::from_utf8(all).unwrap(), one.repeat(100));
}

#[tokio::test]
async fn a_head_that_never_ends_reaches_the_service_with_the_end() {
    let proxy = Proxy::bind(config(crate::echo().await)).unwrap();
    proxy.add_toxic(on(json!({"status": 503}))).unwrap();
    let mut client = connect(&proxy).await;
    client.write_all(b"GET / HT").await.unwrap();
    client.shutdown().await.unwrap();
    let mut all = Vec::new();
    soon("the end", client.read_to_end(&mut all)).await.unwrap();
    assert_eq!(all, b"GET / HT");
}

#[tokio::test]
async fn what_was_held_of_a_request_follows_when_the_service_breaks_off() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::bind(config(listener.local_addr().unwrap())).unwrap();
    let own = on(json!({"status": 503, "path": "/own"}));
    proxy.add_toxic(own).unwrap();
    let mut client = connect(&proxy).await;
    let (mut service, _) = soon("the dial", listener.accept()).await.unwrap();
    let (whole, cut) = (b"GET / HTTP/1.1\r\n\r\n", b"GET / HT");
    client.write_all(&[&whole[..], cut].concat()).await.unwrap();
    let mut got = [0; 18];
    soon("a request", service.read_exact(&mut got))
        .await
        .unwrap();
    assert_eq!(&got, whole);
    // Behind the answer, a word that nobody asked for: from there on nothing is read.
    let told = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 408 Request Timeout\r\n\r\n";
    service.write_all(told).await.unwrap();
    let mut got = [0; 8];
    soon("the rest", service.read_exact(&mut got))
        .await
        .unwrap();
    assert_eq!(&got, cut);
}

#[tokio::test]
async fn what_is_held_of_a_request_goes_with_the_last_toxic() {
    let proxy = Proxy::bind(config(crate::echo().await)).unwrap();
    let own = on(json!({"status": 503}));
    proxy.add_toxic(own.clone()).unwrap();
    let mut client = connect(&proxy).await;
    client.write_all(b"GET / HT").await.unwrap();
    until("the first bytes", || proxy.stats().up.received == 8).await;
    proxy.remove_toxic(&own.name).unwrap();
    let mut got = [0; 8];
    soon("an echo", client.read_exact(&mut got)).await.unwrap();
    assert_eq!(&got, b"GET / HT");
    crate::round_trip(&mut client, b"TP/1.1").await;
}

#[tokio::test]
async fn other_clients_are_left_alone() {
    let proxy = proxied().await;
    let own = on(json!({"status": 503}));
    let only = |network: &str| own.clone().only_for(vec![network.parse().unwrap()]);
    proxy.add_toxic(only("10.0.0.0/8")).unwrap();
    let mut client = Client::to(proxy.local_addr()).await;
    assert_eq!(client.get("/").await, HELLO);
    proxy.remove_toxic(&own.name).unwrap();
    proxy.add_toxic(only("127.0.0.0/8")).unwrap();
    assert_eq!(client.get("/").await.0, 503);
}

#[tokio::test]
async fn what_is_no_http_passes_it() {
    let proxy = Proxy::bind(config(crate::echo().await)).unwrap();
    proxy.add_toxic(on(json!({"drop": true}))).unwrap();
    let mut client = connect(&proxy).await;
    for text in [b"\x16\x03\x01hello".as_slice(), b"GET / HTTP/1.1\r\n\r\n"] {
        crate::round_trip(&mut client, text).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn toxics_that_change_all_the_time_break_no_exchange_and_leave_nothing() {
    let proxy = std::sync::Arc::new(watched().await);
    let clients: Vec<_> = (0..8)
        .map(|number| {
            let address = proxy.local_addr();
            tokio::spawn(async move {
                let (mut client, mut own) = (Client::to(address).await, 0);
                for round in 0..150 {
                    let text = format!("{number}-{round}");
                    let answer = client.send("POST", "/echo", &text).await.unwrap();
                    match answer.status().as_u16() {
                        200 => assert!([text.as_bytes(), b"new"].contains(&&answer.body()[..])),
                        503 => own += 1,
                        other => panic!("{other}"),
                    }
                }
                own
            })
        })
        .collect();
    let (stop, changing) = (tokio_util::sync::CancellationToken::new(), proxy.clone());
    let stopped = stop.clone();
    let changes = tokio::spawn(async move {
        let kinds = [
            json!({"status": 503}),
            json!({"replace": "new"}),
            json!({"delay": 3}),
        ];
        let mut answered = 0;
        for round in 0.. {
            if stopped.is_cancelled() {
                break;
            }
            let toxic = on(kinds[round % kinds.len()].clone()).with_toxicity(0.7);
            changing.add_toxic(toxic.clone()).unwrap();
            tokio::task::yield_now().await;
            changing
                .update_toxic(&toxic.name, toxic.kind.clone(), 1.0)
                .unwrap();
            tokio::time::sleep(Duration::from_millis(1)).await;
            let hits = changing.remove_toxic(&toxic.name).unwrap();
            answered += if round % kinds.len() == 0 {
                hits.chunks
            } else {
                0
            };
        }
        answered
    });
    let mut own = 0;
    for client in clients {
        own += soon("a client", client).await.unwrap();
    }
    stop.cancel();
    // A link may meet a toxic once more while that is being removed.
    let counted = soon("the changes", changes).await.unwrap();
    assert!((1..=own).contains(&counted), "{counted} of {own}");
    // A client may have its answer before the link has counted it.
    until("the end of the links", || proxy.stats().open == 0).await;
    let stats = http(&proxy);
    assert_eq!(
        (stats.requests, stats.answers, stats.unread),
        (1_200, [0, 1_200 - own, 0, 0, own], 0)
    );
    soon("the shutdown", proxy.shutdown()).await;
    assert_eq!(proxy.tasks(), 0);
}

async fn add(api: &Served, body: Value) -> (u16, Value) {
    api.json("POST", "/proxies/p/toxics", &body).await
}

#[tokio::test]
async fn the_api_takes_shows_and_changes_them() {
    let api = served().await;
    api.proxy("p").await;
    let attributes = json!({"path": "/a/{id}", "headers": {"x-a": null}, "delay": 5});
    let expected = json!({"name": "http_downstream", "type": "http", "stream": "downstream", "toxicity": 0.5, "attributes": attributes});
    let made = add(
        &api,
        json!({"type": "http", "toxicity": 0.5, "attributes": attributes}),
    )
    .await;
    assert_eq!(made, (200, expected.clone()));
    let path = "/proxies/p/toxics/http_downstream";
    assert_eq!(api.json("GET", path, &json!(null)).await, (200, expected));
    let (status, changed) = api
        .json("PATCH", path, &json!({"attributes": {"delay": 9}}))
        .await;
    assert_eq!(
        (
            status,
            &changed["attributes"]["delay"],
            &changed["attributes"]["path"]
        ),
        (200, &json!(9), &json!("/a/{id}"))
    );
    let (status, refused) = api
        .json("PATCH", path, &json!({"attributes": {"drop": true}}))
        .await;
    assert_eq!(status, 400);
    assert!(
        refused["error"]
            .as_str()
            .unwrap()
            .contains("delay, drop are several actions"),
        "{refused}"
    );
    let ramp = json!({"type": "http", "name": "r", "attributes": {"delay": 0}, "ramp": {"to": {"delay": 500}, "over": 1_000}});
    assert_eq!(add(&api, ramp).await.0, 200);
}

#[tokio::test]
async fn the_api_says_what_is_wrong_with_one() {
    let api = served().await;
    api.proxy("p").await;
    for (attributes, expected) in [
        (
            json!({}),
            "nothing says what it does; give one of delay, status, replace, truncate, corrupt, drop, rate, fail_first",
        ),
        (
            json!({"delay": "5s"}),
            "invalid type: string \"5s\", expected u64",
        ),
        (json!({"delay": 1, "colour": 2}), "unknown field `colour`"),
        (
            json!({"status": 99}),
            "status 99 can't end an exchange; give one from 200 to 599",
        ),
        (json!({"status": 70_000}), "expected u16"),
        (
            json!({"delay": 1, "path": "a/{id}"}),
            "path `a/{id}` must begin with `/`",
        ),
        (
            json!({"rate": 0}),
            "`rate` is in requests per second, at least 1; to let none through give `status`",
        ),
        (
            json!({"replace": "x", "truncate": 1}),
            "replace, truncate are several actions; give each a toxic of its own",
        ),
    ] {
        let (status, said) = add(&api, json!({"type": "http", "attributes": attributes})).await;
        let error = said["error"].as_str().unwrap();
        let begin = "bad request body: failed to read the attributes of an http toxic: ";
        assert!(
            status == 400 && error.starts_with(begin) && error.contains(expected),
            "{attributes}: {said}"
        );
    }
    let (status, said) = add(
        &api,
        json!({"type": "http", "stream": "upstream", "attributes": {"delay": 1}}),
    )
    .await;
    assert_eq!(
        (status, said["error"].as_str().unwrap()),
        (
            400,
            "bad request body: an http toxic works on requests and their answers at once; leave `stream` out, or say downstream"
        )
    );
    let (status, said) = add(
        &api,
        json!({"type": "http", "toxicity": 2, "attributes": {"delay": 1}}),
    )
    .await;
    assert!(
        status == 400 && said["error"].as_str().unwrap().contains("toxicity 2"),
        "{said}"
    );
    let strict = serve(harness_proxy::ApiConfig {
        strict: true,
        ..Default::default()
    })
    .await;
    strict.proxy("p").await;
    let refused = add(&strict, json!({"type": "http", "attributes": {"delay": 1}})).await;
    assert_eq!(
        refused,
        (400, json!({"error": "invalid toxic type", "status": 400}))
    );
}
