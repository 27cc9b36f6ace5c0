//! What Toxiproxy has not, over real sockets and through the API: its own toxics.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use harness_proxy::{ApiConfig, FailHow, Observer, Proxy, ProxyConfig, Stream, ToxicKind};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::api::{serve, served};
use crate::{config, connect, echo, proxied, resting_tasks, round_trip, soon, toxic, until};

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

#[derive(Debug, Default)]
struct Heard(Mutex<Vec<(SocketAddr, bool)>>);

impl Observer for Heard {
    fn touched(&self, client: SocketAddr, touched: bool) {
        self.0.lock().unwrap().push((client, touched));
    }
}

#[tokio::test]
async fn connections_are_told_with_their_rolls() {
    let heard = Arc::new(Heard::default());
    let reset = toxic(ToxicKind::ResetPeer { timeout: 0 }, Stream::Downstream);
    let proxy = Proxy::bind(ProxyConfig {
        toxics: vec![reset.with_toxicity(0.5)],
        observer: Some(heard.clone()),
        ..config(echo().await)
    })
    .unwrap();
    let mut expected = Vec::new();
    for _ in 0..20 {
        let mut client = connect(&proxy).await;
        client.write_all(b"x").await.unwrap();
        let hit = soon("an answer", client.read(&mut [0; 1])).await.is_err();
        expected.push((client.local_addr().unwrap(), hit));
    }
    let kept = connect(&proxy).await;
    until("the ends", || proxy.stats().open == 1).await;
    let all = proxy.connections();
    assert_eq!(all.len(), 21);
    for (index, (connection, (client, hit))) in all.iter().zip(&expected).enumerate() {
        assert_eq!(
            (connection.id, connection.client),
            (index as u64 + 1, *client)
        );
        assert!(connection.closed.unwrap() >= connection.opened && !connection.cut);
        let rolled = &connection.toxics[0];
        assert_eq!((rolled.affected, rolled.touched), (*hit, *hit));
    }
    assert!(all[20].closed.is_none() && all[20].client == kept.local_addr().unwrap());
    assert!(expected.iter().any(|(_, hit)| *hit) && !expected.iter().all(|(_, hit)| *hit));
    let told = heard.0.lock().unwrap().clone();
    let touched: Vec<_> = told
        .iter()
        .filter(|(_, touched)| *touched)
        .map(|(c, _)| *c)
        .collect();
    let hit: Vec<_> = expected
        .iter()
        .filter(|(_, hit)| *hit)
        .map(|(c, _)| *c)
        .collect();
    assert_eq!(touched, hit);
    assert_eq!(told.len(), 21 + hit.len());
    proxy.disable(harness_proxy::Cut::Fin);
    until("the cut", || proxy.stats().open == 0).await;
    assert!(proxy.connections()[20].cut);
    assert_eq!(
        heard.0.lock().unwrap().last(),
        Some(&(all[20].client, true))
    );
}

#[tokio::test]
async fn the_api_lists_connections_unless_it_is_strict() {
    let api = served().await;
    let listen = api.proxy("a/b").await;
    let body = json!({"type": "latency", "attributes": {"latency": 1}});
    api.json("POST", "/proxies/a%2Fb/toxics", &body).await;
    let mut client = TcpStream::connect(listen).await.unwrap();
    round_trip(&mut client, b"x").await;
    let path = "/proxies/a%2Fb/connections";
    let (status, all) = api.json("GET", path, &json!(null)).await;
    assert_eq!((status, all.as_array().unwrap().len()), (200, 1));
    let one = &all[0];
    assert_eq!(
        (&one["id"], &one["closed"], &one["cut"]),
        (&json!(1), &json!(null), &json!(false))
    );
    assert_eq!(
        one["client"],
        json!(client.local_addr().unwrap().to_string())
    );
    assert!(one["opened"].as_u64().unwrap() > 0);
    let rolled = json!({"name": "latency_downstream", "stream": "downstream", "affected": true, "touched": true});
    assert_eq!(one["toxics"], json!([rolled]));
    assert_eq!(api.ask("POST", path, "").await.status, 405);
    assert_eq!(
        api.ask("GET", "/proxies/none/connections", "").await.status,
        404
    );
    let strict = serve(ApiConfig {
        strict: true,
        ..ApiConfig::default()
    })
    .await;
    strict.proxy("p").await;
    let said = strict.ask("GET", "/proxies/p/connections", "").await;
    assert_eq!(
        (said.status, said.body.as_str()),
        (404, "404 page not found\n")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_connections_and_changes_leave_no_task_behind() {
    let api = served().await;
    let tasks = tokio::runtime::Handle::current().metrics();
    assert_eq!(api.ask("GET", "/version", "").await.status, 200);
    let idle = resting_tasks().await;
    let upstream = echo().await.to_string();
    let mut listens = Vec::new();
    for n in 0..10 {
        let body = json!({"name": format!("p{n}"), "listen": "127.0.0.1:0", "upstream": upstream});
        let (status, made) = api.json("POST", "/proxies", &body).await;
        assert_eq!(status, 201, "{made}");
        listens.push(made["listen"].as_str().unwrap().to_owned());
    }
    let stop = tokio_util::sync::CancellationToken::new();
    let talk = |n: usize| {
        let (listen, stop) = (listens[n % listens.len()].clone(), stop.clone());
        tokio::spawn(async move {
            let mut client = TcpStream::connect(listen).await.unwrap();
            let mut trips = 0;
            while trips == 0 || !stop.is_cancelled() {
                round_trip(&mut client, b"twelve bytes").await;
                trips += 1;
            }
            trips
        })
    };
    let clients: Vec<_> = (0..100).map(talk).collect();
    let kinds = [
        json!({"name": "t", "type": "latency", "attributes": {"latency": 2, "jitter": 2}}),
        json!({"name": "t", "type": "slicer", "attributes": {"average_size": 5, "delay": 50}}),
        json!({"name": "t", "type": "bandwidth", "attributes": {"rate": 100},
               "ramp": {"to": {"rate": 9_000}, "over": 50}}),
        json!({"name": "t", "type": "loss", "attributes": {"share": 0.1, "stall": 1}}),
    ];
    for n in 0..200 {
        let all = format!("/proxies/p{}/toxics", n % 10);
        let one = format!("{all}/t");
        assert_eq!(api.json("POST", &all, &kinds[n / 10 % 4]).await.0, 200);
        let half = json!({"toxicity": 0.5});
        assert_eq!(api.json("PATCH", &one, &half).await.0, 200);
        assert_eq!(api.ask("DELETE", &one, "").await.status, 204);
    }
    stop.cancel();
    for client in clients {
        assert!(soon("the last round trip", client).await.unwrap() > 0);
    }
    for n in 0..10 {
        let path = format!("/proxies/p{n}");
        until_none_open(&api, &path).await;
        assert_eq!(api.ask("DELETE", &path, "").await.status, 204);
    }
    // The echo server's one.
    until("the end of every task", || {
        tasks.num_alive_tasks() <= idle + 1
    })
    .await;
}

async fn until_none_open(api: &crate::api::Served, path: &str) {
    soon("the connections' ends", async {
        loop {
            let path = format!("{path}/connections");
            let (_, all) = api.json("GET", &path, &json!(null)).await;
            let all = all.as_array().unwrap().clone();
            assert_eq!(all.len(), 10);
            if all.iter().all(|one| !one["closed"].is_null()) {
                return;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
}
