//! The HTTP API over real sockets, against what the real server answers: statuses, texts, and what they do to links.

use std::net::SocketAddr;

use harness_proxy::{Api, ApiConfig};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::{echo, round_trip, soon};

/// A served API.
pub(crate) struct Served(pub(crate) SocketAddr);

/// A status, headers in lower case, and a body.
pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Said {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }
}

pub(crate) async fn serve(config: ApiConfig) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let api = Api::new(config, Handle::current());
    tokio::spawn(async move { api.serve(listener, CancellationToken::new()).await });
    Served(address)
}

pub(crate) async fn served() -> Served {
    serve(ApiConfig::default()).await
}

impl Served {
    pub(crate) async fn raw(&self, head: &str, body: &[u8]) -> Said {
        let mut stream = TcpStream::connect(self.0).await.unwrap();
        let length = body.len();
        let head =
            format!("{head}\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        // One that is refused early may be closed on.
        let _ = stream.write_all(body).await;
        let mut all = String::new();
        let read = stream.read_to_string(&mut all);
        soon("an answer", read).await.unwrap();
        let (head, body) = all.split_once("\r\n\r\n").unwrap();
        Said {
            status: head[9..12].parse().unwrap(),
            head: head.to_lowercase(),
            body: body.to_owned(),
        }
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, body: &str) -> Said {
        let head = format!("{method} {path} HTTP/1.1");
        self.raw(&head, body.as_bytes()).await
    }

    pub(crate) async fn json(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let said = self.ask(method, path, &body.to_string()).await;
        let value = match said.body.as_str() {
            "" => Value::Null,
            _ => said.json(),
        };
        (said.status, value)
    }

    /// A proxy in front of an echo server; where it listens.
    pub(crate) async fn proxy(&self, name: &str) -> SocketAddr {
        let body =
            json!({"name": name, "listen": "127.0.0.1:0", "upstream": echo().await.to_string()});
        let (status, made) = self.json("POST", "/proxies", &body).await;
        assert_eq!(status, 201, "{made}");
        made["listen"].as_str().unwrap().parse().unwrap()
    }
}

#[tokio::test]
async fn a_proxys_life_through_the_api() {
    let api = served().await;
    let upstream = echo().await.to_string();
    let body = json!({"name": "redis", "listen": "127.0.0.1:0", "upstream": upstream});
    let (status, made) = api.json("POST", "/proxies", &body).await;
    assert_eq!(status, 201);
    let listen = made["listen"].as_str().unwrap().to_owned();
    let shown = json!({"name": "redis", "listen": listen, "upstream": upstream, "enabled": true, "toxics": []});
    assert_eq!(made, shown);
    assert_eq!(
        api.json("GET", "/proxies/redis", &json!(null)).await,
        (200, shown.clone())
    );
    assert_eq!(
        api.json("GET", "/proxies", &json!(null)).await,
        (200, json!({"redis": shown}))
    );

    let mut client = TcpStream::connect(&listen).await.unwrap();
    round_trip(&mut client, b"hello").await;
    for method in ["POST", "PATCH"] {
        let (status, off) = api
            .json(method, "/proxies/redis", &json!({"enabled": false}))
            .await;
        assert_eq!((status, &off["enabled"]), (200, &json!(false)));
        assert_eq!(off["listen"], made["listen"]);
        assert!(
            TcpStream::connect(&listen).await.is_err(),
            "refused while it is off"
        );
        let (_, on) = api
            .json(method, "/proxies/redis", &json!({"enabled": true}))
            .await;
        assert_eq!(on["enabled"], json!(true));
    }
    assert_eq!(soon("the end", client.read(&mut [0; 8])).await.unwrap(), 0);

    // Another upstream: what is open ends, what is new goes there; the name is not for changing.
    let mut client = TcpStream::connect(&listen).await.unwrap();
    round_trip(&mut client, b"before").await;
    let other = echo().await.to_string();
    let change = json!({"name": "other", "upstream": other});
    let (status, changed) = api.json("PATCH", "/proxies/redis", &change).await;
    assert_eq!(
        (status, &changed["name"], &changed["upstream"]),
        (200, &json!("redis"), &json!(other))
    );
    assert_eq!(soon("the end", client.read(&mut [0; 8])).await.unwrap(), 0);
    let mut client = TcpStream::connect(&listen).await.unwrap();
    round_trip(&mut client, b"after").await;

    let gone = api.ask("DELETE", "/proxies/redis", "").await;
    assert_eq!((gone.status, gone.body.as_str()), (204, ""));
    assert!(TcpStream::connect(&listen).await.is_err());
    assert_eq!(api.ask("GET", "/proxies/redis", "").await.status, 404);
}

#[tokio::test]
async fn another_upstream_keeps_open_connections_where_they_are_if_it_is_told_to() {
    for strict in [false, true] {
        let config = ApiConfig {
            strict,
            ..ApiConfig::default()
        };
        let api = serve(config).await;
        let listen = api.proxy("p").await;
        let mut client = TcpStream::connect(listen).await.unwrap();
        round_trip(&mut client, b"before").await;
        let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let change = json!({"upstream": nobody.local_addr().unwrap().to_string(), "keep": true});
        drop(nobody);
        let (status, changed) = api.json("POST", "/proxies/p", &change).await;
        assert_eq!((status, &changed["upstream"]), (200, &change["upstream"]));
        if strict {
            let end = soon("the end", client.read(&mut [0; 8])).await;
            assert_eq!(end.unwrap(), 0, "the real server knows no such word");
            continue;
        }
        round_trip(&mut client, b"after").await;
        let mut new = TcpStream::connect(listen).await.unwrap();
        let end = soon("the end", new.read(&mut [0; 8])).await;
        assert_eq!(end.unwrap(), 0, "a new one goes where nobody is");
    }
}

#[tokio::test]
async fn a_move_to_an_address_that_is_taken_leaves_the_proxy_disabled_there() {
    let api = served().await;
    let old = api.proxy("p").await;
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let new = taken.local_addr().unwrap().to_string();
    let (status, error) = api
        .json("PATCH", "/proxies/p", &json!({"listen": new}))
        .await;
    let message = format!("listen tcp {new}: bind: address already in use");
    assert_eq!(
        (status, error),
        (500, json!({"error": message, "status": 500}))
    );
    let (_, shown) = api.json("GET", "/proxies/p", &json!(null)).await;
    assert_eq!(
        (&shown["listen"], &shown["enabled"]),
        (&json!(new), &json!(false))
    );
    assert!(TcpStream::connect(old).await.is_err());
    drop(taken);
    let (status, _) = api
        .json("PATCH", "/proxies/p", &json!({"enabled": true}))
        .await;
    assert_eq!(status, 200);
    round_trip(&mut TcpStream::connect(&new).await.unwrap(), b"there").await;
}

#[tokio::test]
async fn toxics_are_added_changed_listed_and_removed() {
    let api = served().await;
    api.proxy("p").await;
    let body = json!({"type": "latency", "stream": "UPSTREAM", "attributes": {"latency": 5}});
    let (status, made) = api.json("POST", "/proxies/p/toxics", &body).await;
    let expected = json!({
        "name": "latency_upstream", "type": "latency", "stream": "upstream", "toxicity": 1.0,
        "attributes": {"latency": 5, "jitter": 0}
    });
    assert_eq!((status, made), (200, expected));
    let body =
        json!({"name": "slow", "type": "bandwidth", "attributes": {"rate": 9, "unknown": 1}});
    assert_eq!(api.json("POST", "/proxies/p/toxics", &body).await.0, 200);

    // Only what the body names is changed; type, stream and name are not for changing.
    let path = "/proxies/p/toxics/latency_upstream";
    let change = json!({"attributes": {"jitter": 2}, "toxicity": 0.5, "type": "noop", "stream": "downstream"});
    for method in ["POST", "PATCH"] {
        let (status, changed) = api.json(method, path, &change).await;
        let attributes = json!({"latency": 5, "jitter": 2});
        assert_eq!((status, &changed["attributes"]), (200, &attributes));
        assert_eq!(
            (&changed["type"], &changed["stream"]),
            (&json!("latency"), &json!("upstream"))
        );
        assert_eq!(changed["toxicity"], json!(0.5));
    }
    let (_, list) = api.json("GET", "/proxies/p/toxics", &json!(null)).await;
    let names: Vec<&Value> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|t| &t["name"])
        .collect();
    assert_eq!(names, ["latency_upstream", "slow"]);
    assert_eq!(
        api.json("GET", path, &json!(null)).await.1["toxicity"],
        json!(0.5)
    );
    assert_eq!(api.ask("DELETE", path, "").await.status, 204);
    assert_eq!(api.ask("GET", path, "").await.status, 404);
    let (_, shown) = api.json("GET", "/proxies/p", &json!(null)).await;
    assert_eq!(shown["toxics"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn errors_are_told_to_the_letter() {
    let api = served().await;
    let listen = api.proxy("p").await.to_string();
    let toxic = r#"{"type":"noop"}"#;
    assert_eq!(
        api.ask("POST", "/proxies/p/toxics", toxic).await.status,
        200
    );
    let cases = [
        ("POST", "/proxies", "", 400, "bad request body: EOF"),
        (
            "POST",
            "/proxies",
            "{}",
            400,
            "missing required field: name",
        ),
        (
            "POST",
            "/proxies",
            r#"{"name":"a"}"#,
            400,
            "missing required field: upstream",
        ),
        (
            "POST",
            "/proxies",
            r#"{"name":"p","upstream":"x:1","listen":"nonsense"}"#,
            409,
            "proxy already exists",
        ),
        (
            "POST",
            "/proxies",
            r#"{"name":"a","upstream":"x:1","listen":"nonsense"}"#,
            500,
            "listen tcp: address nonsense: missing port in address",
        ),
        ("GET", "/proxies/none", "", 404, "proxy not found"),
        ("PATCH", "/proxies/none", "{", 404, "proxy not found"),
        ("DELETE", "/proxies/none", "", 404, "proxy not found"),
        (
            "PATCH",
            "/proxies/p",
            "{",
            400,
            "bad request body: unexpected EOF",
        ),
        ("GET", "/proxies/none/toxics", "", 404, "proxy not found"),
        (
            "POST",
            "/proxies/none/toxics",
            toxic,
            404,
            "proxy not found",
        ),
        (
            "POST",
            "/proxies/p/toxics",
            toxic,
            409,
            "toxic already exists",
        ),
        (
            "POST",
            "/proxies/p/toxics",
            r#"{"type":"lag"}"#,
            400,
            "invalid toxic type",
        ),
        (
            "POST",
            "/proxies/p/toxics",
            r#"{"type":"noop","stream":"up"}"#,
            400,
            "stream was invalid, can be either upstream or downstream",
        ),
        ("GET", "/proxies/p/toxics/none", "", 404, "toxic not found"),
        (
            "PATCH",
            "/proxies/p/toxics/none",
            "{}",
            404,
            "toxic not found",
        ),
        (
            "DELETE",
            "/proxies/p/toxics/none",
            "",
            404,
            "toxic not found",
        ),
        (
            "DELETE",
            "/proxies/none/toxics/none",
            "",
            404,
            "proxy not found",
        ),
    ];
    for (method, path, body, status, message) in cases {
        let said = api.ask(method, path, body).await;
        let text = format!("{}\n", json!({"error": message, "status": status}));
        assert_eq!(
            (said.status, said.body),
            (status, text),
            "{method} {path} {body}"
        );
    }
    // What crashes the real server, or hangs its links.
    for attributes in [
        json!({"type": "bandwidth", "attributes": {"rate": -1}}),
        json!({"type": "slicer"}),
        json!({"type": "slicer", "attributes": {"average_size": 2, "size_variation": 3}}),
        json!({"type": "latency", "attributes": {"latency": 1.5}}),
        json!({"type": "latency", "attributes": {"latency": "9"}}),
        json!({"type": "timeout", "toxicity": 1.5}),
        json!({"type": "timeout", "name": "a\u{7}"}),
    ] {
        let (status, error) = api.json("POST", "/proxies/p/toxics", &attributes).await;
        let message = error["error"].as_str().unwrap();
        assert_eq!(status, 400, "{attributes}");
        assert!(message.starts_with("bad request body: "), "{message}");
    }
    let upstream = json!({"name": "a", "upstream": "nonsense"});
    assert_eq!(api.json("POST", "/proxies", &upstream).await.0, 400);
    assert_eq!(
        api.json("GET", "/proxies/p", &json!(null)).await.1["listen"],
        json!(listen)
    );
}

#[tokio::test]
async fn what_is_no_call_is_answered_as_the_real_server_does() {
    let api = served().await;
    for path in ["/", "/proxies/", "/nothing", "/metrics"] {
        let said = api.ask("GET", path, "").await;
        assert_eq!(
            (said.status, said.body.as_str()),
            (404, "404 page not found\n"),
            "{path}"
        );
        assert!(
            said.head.contains("content-type: text/plain"),
            "{}",
            said.head
        );
    }
    for (method, path) in [
        ("PUT", "/proxies"),
        ("GET", "/reset"),
        ("DELETE", "/version"),
    ] {
        let said = api.ask(method, path, "").await;
        assert_eq!(
            (said.status, said.body.as_str()),
            (405, ""),
            "{method} {path}"
        );
    }
    let version = api.ask("GET", "/version", "").await;
    let ours = "{\"version\": \"2.12.0\", \"server\": \"harness\"}\n";
    assert_eq!(version.body, ours);
    assert!(
        version.head.contains("x-toxiproxy-request-id: "),
        "{}",
        version.head
    );
    let browser = api
        .raw("POST /reset HTTP/1.1\r\nuser-agent: Mozilla/5.0 (X11)", b"")
        .await;
    assert_eq!(
        (browser.status, browser.body.as_str()),
        (403, "User agent not allowed\n")
    );
}

#[tokio::test]
async fn names_may_hold_anything_that_prints() {
    let api = served().await;
    let upstream = echo().await.to_string();
    for (name, path) in [
        ("a/b", "a%2Fb"),
        ("\"q\" \\", "%22q%22%20%5C"),
        ("größe", "gr%C3%B6%C3%9Fe"),
    ] {
        let body = json!({"name": name, "upstream": upstream, "listen": "127.0.0.1:0"});
        assert_eq!(api.json("POST", "/proxies", &body).await.0, 201);
        let toxic = json!({"name": name, "type": "noop"});
        let toxics = format!("/proxies/{path}/toxics");
        assert_eq!(api.json("POST", &toxics, &toxic).await.0, 200);
        let (status, shown) = api
            .json("GET", &format!("{toxics}/{path}"), &json!(null))
            .await;
        assert_eq!((status, &shown["name"]), (200, &json!(name)));
        assert_eq!(
            api.ask("DELETE", &format!("/proxies/{path}"), "")
                .await
                .status,
            204
        );
    }
    let long = json!({"name": "n".repeat(300), "upstream": upstream});
    assert_eq!(api.json("POST", "/proxies", &long).await.0, 400);
}

#[tokio::test]
async fn populate_leaves_what_is_the_same_and_replaces_what_differs() {
    let api = served().await;
    let kept = api.proxy("kept").await.to_string();
    api.ask("POST", "/proxies/kept/toxics", r#"{"type":"noop"}"#)
        .await;
    api.ask("PATCH", "/proxies/kept", r#"{"enabled":false}"#)
        .await;
    let (_, before) = api.json("GET", "/proxies/kept", &json!(null)).await;
    let changed = api.proxy("changed").await.to_string();
    api.ask("POST", "/proxies/changed/toxics", r#"{"type":"noop"}"#)
        .await;
    let other = echo().await.to_string();
    let list = json!([
        {"name": "kept", "listen": kept, "upstream": before["upstream"], "enabled": true, "toxics": []},
        {"name": "changed", "listen": changed, "upstream": other},
        {"name": "new", "listen": "127.0.0.1:0", "upstream": other, "enabled": false,
         "toxics": [{"type": "timeout", "attributes": {"timeout": 3}}]},
    ]);
    let (status, answer) = api.json("POST", "/populate", &list).await;
    assert_eq!(status, 201, "{answer}");
    let proxies = answer["proxies"].as_array().unwrap();
    assert_eq!(
        proxies[0], before,
        "left untouched, even that it is disabled"
    );
    assert_eq!(
        (&proxies[1]["upstream"], &proxies[1]["toxics"]),
        (&json!(other), &json!([]))
    );
    assert_eq!(proxies[1]["listen"], json!(changed));
    assert_eq!(
        (&proxies[2]["enabled"], &proxies[2]["listen"]),
        (&json!(false), &json!("127.0.0.1:0"))
    );
    assert_eq!(proxies[2]["toxics"][0]["name"], json!("timeout_downstream"));

    let list = json!([{"name": "a", "upstream": other}, {"name": "b"}]);
    let error = json!({"error": "missing required field: upstream at proxy 2", "status": 400, "proxies": null});
    assert_eq!(api.json("POST", "/populate", &list).await, (400, error));
    assert_eq!(api.ask("GET", "/proxies/a", "").await.status, 404);

    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let list = json!([{"name": "a", "upstream": other, "listen": "127.0.0.1:0"},
                      {"name": "b", "upstream": other, "listen": taken.replace("127.0.0.1", "nonsense")}]);
    let (status, answer) = api.json("POST", "/populate", &list).await;
    assert_eq!(
        (status, answer["proxies"].as_array().unwrap().len()),
        (500, 1),
        "{answer}"
    );
    assert!(
        answer["error"].as_str().unwrap().ends_with(" at proxy 2"),
        "{answer}"
    );
    let wrong = api.json("POST", "/populate", &json!({"name": "x"})).await;
    assert_eq!((wrong.0, &wrong.1["proxies"]), (400, &Value::Null));
}

#[tokio::test]
async fn reset_enables_all_and_removes_every_toxic() {
    let api = served().await;
    let listen = api.proxy("p").await;
    api.ask("POST", "/proxies/p/toxics", r#"{"type":"timeout"}"#)
        .await;
    let mut stuck = TcpStream::connect(listen).await.unwrap();
    stuck.write_all(b"never seen").await.unwrap();
    api.ask("PATCH", "/proxies/p", r#"{"enabled":false}"#).await;
    let reset = api.ask("POST", "/reset", "").await;
    assert_eq!((reset.status, reset.body.as_str()), (204, ""));
    let (_, shown) = api.json("GET", "/proxies/p", &json!(null)).await;
    assert_eq!(
        (&shown["enabled"], &shown["toxics"]),
        (&json!(true), &json!([]))
    );
    round_trip(&mut TcpStream::connect(listen).await.unwrap(), b"again").await;
}

#[tokio::test]
async fn a_stuck_link_keeps_no_call_waiting() {
    let api = served().await;
    let listen = api.proxy("p").await;
    api.ask(
        "POST",
        "/proxies/p/toxics",
        r#"{"type":"bandwidth","attributes":{"rate":0}}"#,
    )
    .await;
    let mut stuck = TcpStream::connect(listen).await.unwrap();
    stuck.write_all(&[7; 1 << 16]).await.unwrap();
    let removed = api
        .ask("DELETE", "/proxies/p/toxics/bandwidth_downstream", "")
        .await;
    assert_eq!(removed.status, 204);
    let mut back = vec![0; 1 << 16];
    soon("the echo", stuck.read_exact(&mut back)).await.unwrap();
    assert!(back.iter().all(|byte| *byte == 7), "nothing of it is lost");
}

#[tokio::test]
async fn metrics_count_bytes_under_the_real_servers_names() {
    let config = ApiConfig {
        metrics: true,
        ..ApiConfig::default()
    };
    let api = serve(config).await;
    let listen = api.proxy("a \"b\"").await;
    round_trip(&mut TcpStream::connect(listen).await.unwrap(), b"12345").await;
    let (_, shown) = api.json("GET", "/proxies", &json!(null)).await;
    let upstream = shown["a \"b\""]["upstream"].as_str().unwrap().to_owned();
    let series = |what: &str, direction: &str| {
        format!(
            "toxiproxy_proxy_{what}_bytes_total{{direction=\"{direction}\",listener=\"{listen}\",proxy=\"a \\\"b\\\"\",upstream=\"{upstream}\"}} 5\n"
        )
    };
    let said = api.ask("GET", "/metrics", "").await.body;
    for what in ["received", "sent"] {
        for direction in ["upstream", "downstream"] {
            assert!(said.contains(&series(what, direction)), "{said}");
        }
    }
    // What a proxy that is gone has counted stays counted.
    api.ask("DELETE", "/proxies/a%20%22b%22", "").await;
    assert!(
        api.ask("GET", "/metrics", "")
            .await
            .body
            .contains(&series("sent", "upstream"))
    );
}

#[tokio::test]
async fn strict_is_the_real_servers_way() {
    let config = ApiConfig {
        strict: true,
        ..ApiConfig::default()
    };
    let api = serve(config).await;
    let version = api.ask("GET", "/version", "").await;
    assert_eq!(version.body, "{\"version\": \"2.12.0\"}\n");
    let body = json!({"name": "p", "listen": "127.0.0.1:0", "upstream": "nonsense", "toxics": [{"type": "lag"}]});
    let (status, made) = api.json("POST", "/proxies", &body).await;
    assert_eq!((status, &made["toxics"]), (201, &json!([])), "{made}");
    let listen = made["listen"].as_str().unwrap();
    let mut client = TcpStream::connect(listen).await.unwrap();
    assert_eq!(
        soon("the end", client.read(&mut [0; 8])).await.unwrap(),
        0,
        "accepted, then closed"
    );
    let (status, toxic) = api
        .json(
            "POST",
            "/proxies/p/toxics",
            &json!({"type": "noop", "toxicity": 7}),
        )
        .await;
    assert_eq!((status, &toxic["toxicity"]), (200, &json!(1.0)));
}

#[tokio::test]
async fn a_large_body_is_read_and_a_huge_one_refused() {
    let api = served().await;
    let padding = " ".repeat(10 << 20);
    let body = format!(
        "{padding}{}",
        json!({"name": "p", "listen": "127.0.0.1:0", "upstream": "localhost:1"})
    );
    assert_eq!(api.ask("POST", "/proxies", &body).await.status, 201);
    let list: Vec<Value> = (0..1000)
        .map(|n| json!({"name": format!("p{n}"), "upstream": "localhost:1", "listen": "127.0.0.1:0", "enabled": false}))
        .collect();
    let (status, answer) = api.json("POST", "/populate", &json!(list)).await;
    assert_eq!(
        (status, answer["proxies"].as_array().unwrap().len()),
        (201, 1000)
    );
    let nested = "[".repeat(100_000);
    assert_eq!(api.ask("POST", "/populate", &nested).await.status, 400);
}
