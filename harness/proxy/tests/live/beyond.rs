//! What Toxiproxy has not, over real sockets and through the API: its own toxics.

use std::io::ErrorKind;

use harness_proxy::{ApiConfig, FailHow, Proxy, ProxyConfig, Stream, ToxicKind};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::api::{serve, served};
use crate::{config, connect, echo, proxied, round_trip, soon, toxic};

#[tokio::test]
async fn the_first_connections_fail_and_the_rest_pass() {
    let proxy = proxied().await;
    let mut before = connect(&proxy).await;
    round_trip(&mut before, b"open").await;
    let how = FailHow::Reset;
    let kind = ToxicKind::FailFirst {
        connections: 2,
        how,
    };
    proxy.add_toxic(toxic(kind, Stream::Downstream)).unwrap();
    for _ in 0..2 {
        let mut client = connect(&proxy).await;
        let error = soon("the reset", client.read(&mut [0; 8])).await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::ConnectionReset);
    }
    for _ in 0..3 {
        round_trip(&mut connect(&proxy).await, b"passes").await;
    }
    round_trip(&mut before, b"untouched").await;
    assert_eq!(proxy.stats().toxics[0].connections, 2);
}

#[tokio::test]
async fn a_corrupted_answer_differs_by_a_byte_and_a_lost_one_comes_late() {
    let kinds = [
        ToxicKind::Corrupt { share: 1.0 },
        ToxicKind::Loss {
            share: 0.5,
            stall: 1,
        },
    ];
    let proxy = Proxy::bind(ProxyConfig {
        toxics: kinds.map(|kind| toxic(kind, Stream::Downstream)).into(),
        ..config(echo().await)
    })
    .unwrap();
    let mut client = connect(&proxy).await;
    let sent = b"twenty bytes of text";
    for round in 1..=20 {
        client.write_all(sent).await.unwrap();
        let mut back = [0; 20];
        soon("the answer", client.read_exact(&mut back))
            .await
            .unwrap();
        let wrong = sent.iter().zip(&back).filter(|(a, b)| a != b).count();
        assert_eq!(wrong, 1, "round {round}");
    }
    let hits = proxy.stats().toxics;
    assert_eq!(hits[0].chunks, 20);
    assert!((1..20).contains(&hits[1].chunks), "{}", hits[1].chunks);
}

#[tokio::test]
async fn the_api_takes_our_own_toxics_unless_it_is_strict() {
    let api = served().await;
    let listen = api.proxy("p").await;
    let strict = serve(ApiConfig {
        strict: true,
        ..ApiConfig::default()
    })
    .await;
    strict.proxy("p").await;
    for (body, shown) in [
        (
            json!({"type": "loss", "attributes": {"share": 0.02}}),
            json!({"share": 0.02, "stall": 200}),
        ),
        (
            json!({"type": "corrupt", "attributes": {"share": 0}}),
            json!({"share": 0.0}),
        ),
        (
            json!({"type": "fail_first", "attributes": {"connections": 1, "how": "close"}}),
            json!({"connections": 1, "how": "close"}),
        ),
    ] {
        let (status, made) = api.json("POST", "/proxies/p/toxics", &body).await;
        assert_eq!((status, &made["attributes"]), (200, &shown));
        let (status, error) = strict.json("POST", "/proxies/p/toxics", &body).await;
        assert_eq!(
            (status, &error["error"]),
            (400, &json!("invalid toxic type"))
        );
    }
    let mut first = TcpStream::connect(listen).await.unwrap();
    assert_eq!(soon("the end", first.read(&mut [0; 8])).await.unwrap(), 0);
    round_trip(&mut TcpStream::connect(listen).await.unwrap(), b"second").await;
    let change = json!({"attributes": {"share": 2}});
    let (status, error) = api
        .json("PATCH", "/proxies/p/toxics/loss_downstream", &change)
        .await;
    let error = error["error"].as_str().unwrap();
    assert!(status == 400 && error.contains("share 2"), "{error}");
}

#[tokio::test]
async fn a_toxic_may_be_for_some_clients_only_and_ramp() {
    let api = served().await;
    let listen = api.proxy("p").await;
    let path = "/proxies/p/toxics";
    let body = json!({
        "type": "latency", "attributes": {"latency": 0}, "clients": ["10.0.0.0/8", "::1"],
        "ramp": {"to": {"latency": 60_000}, "over": 1}
    });
    let (status, made) = api.json("POST", path, &body).await;
    assert_eq!(
        (status, &made["clients"]),
        (200, &json!(["10.0.0.0/8", "::1"])),
        "{made}"
    );
    assert_eq!(
        made["ramp"],
        json!({"to": {"latency": 60_000, "jitter": 0}, "over": 1})
    );
    // It is none of its clients: a minute is not waited for.
    let mut client = TcpStream::connect(listen).await.unwrap();
    round_trip(&mut client, b"not mine").await;
    let one = format!("{path}/latency_downstream");
    soon("the ramp's end", async {
        loop {
            let (_, shown) = api.json("GET", &one, &json!(null)).await;
            if shown["attributes"]["latency"] == json!(60_000) {
                break;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;

    // An update ends the ramp, unless it has one; a list of clients that is not named stays.
    let (_, changed) = api
        .json("PATCH", &one, &json!({"attributes": {"latency": 7}}))
        .await;
    assert_eq!(changed["attributes"], json!({"latency": 7, "jitter": 0}));
    assert_eq!(
        (&changed["ramp"], &changed["clients"]),
        (&json!(null), &made["clients"])
    );
    let change = json!({"clients": [], "ramp": {"to": {"jitter": 7}, "over": 3_600_000}});
    let (_, changed) = api.json("PATCH", &one, &change).await;
    assert_eq!(
        (&changed["clients"], &changed["ramp"]["to"]["jitter"]),
        (&json!(null), &json!(7))
    );
    round_trip(&mut client, b"mine now").await;
    assert!(api.ask("GET", &one, "").await.body.contains("\"ramp\""));

    for (wrong, why) in [
        (
            json!({"type": "noop", "clients": ["nobody"]}),
            "`nobody` is no address of clients",
        ),
        (
            json!({"type": "noop", "clients": 5}),
            "a list of IP addresses",
        ),
        (
            json!({"type": "noop", "ramp": {"to": {}}}),
            "`over` is how long",
        ),
        (
            json!({"type": "bandwidth", "ramp": {"to": {"rate": -1}, "over": 5}}),
            "not negative",
        ),
    ] {
        let (status, error) = api.json("POST", path, &wrong).await;
        let error = error["error"].as_str().unwrap().to_owned();
        assert!(status == 400 && error.contains(why), "{error}");
    }
    let strict = serve(ApiConfig {
        strict: true,
        ..ApiConfig::default()
    })
    .await;
    strict.proxy("p").await;
    let wrong = json!({"type": "noop", "clients": 5, "ramp": "up"});
    let (status, made) = strict.json("POST", path, &wrong).await;
    assert_eq!(
        (status, &made["clients"], &made["ramp"]),
        (200, &json!(null), &json!(null))
    );
}
