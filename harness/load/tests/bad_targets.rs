//! Targets that misbehave: each fault has its class, nothing hangs, nothing is lost.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "in a test a panic is the report"
)]

mod support;

use harness_core::http::Method;
use harness_core::journey::{Action, Journey};
use harness_core::template::Text;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use support::server::{OK, Server, say, say_and_close};
use support::{GENEROUS, Tally, assert_all, attack, get, journey, play, rate, request, start, ten};
use tokio::io::AsyncWriteExt;
use tokio::sync::watch;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_not_http() {
    let server = Server::start(|stream, _| say(stream, b"hello, who is there?\r\n\r\n")).await;
    assert_all(&ten(Method::Get, &server.url, GENEROUS).await, "protocol");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_cut_short() {
    let server = Server::start(|s, _| {
        say_and_close(s, b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
    })
    .await;
    assert_all(&ten(Method::Get, &server.url, GENEROUS).await, "closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chunk_of_no_size() {
    let bytes = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n";
    let server = Server::start(|stream, _| say(stream, bytes)).await;
    assert_all(&ten(Method::Get, &server.url, GENEROUS).await, "protocol");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_within_the_limit() {
    let (_freeze, frozen) = watch::channel(true);
    let server = Server::freezing(frozen).await;
    let limit = Duration::from_millis(300);
    let tally = ten(Method::Get, &server.url, limit).await;
    assert_all(&tally, "first-byte-timeout");
    assert!(tally.of("j").response.min().unwrap() >= 299_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_for_a_connection_has_the_limit_too() {
    let (_freeze, frozen) = watch::channel(true);
    let server = Server::freezing(frozen).await;
    let step = Action::Request(Box::new(request(
        Method::Get,
        &server.url,
        Duration::from_millis(300),
    )));
    let mut attack = attack(
        vec![journey("j", vec![step])],
        vec![rate(100.0, 100.0, 1000)],
    );
    attack.plan.http.connections = 1;
    let tally = play(attack).await;
    tally.assert_accounted();
    let errors = tally.of("j").errors;
    assert_eq!(errors.values().sum::<u64>(), 100);
    assert_eq!(
        errors.keys().collect::<Vec<_>>(),
        ["first-byte-timeout", "pool-timeout"]
    );
    let details: Vec<_> = tally
        .exemplars
        .iter()
        .filter_map(|e| Some(&e.exchange.failure.as_ref()?.detail))
        .collect();
    assert!(
        details.iter().any(|d| d.contains("no connection was free")),
        "{details:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_never_ends() {
    let server =
        Server::start(|stream, _| say(stream, b"HTTP/1.1 200 OK\r\n\r\nmore to come")).await;
    assert_all(
        &ten(Method::Get, &server.url, Duration::from_secs(1)).await,
        "body-timeout",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_of_a_hundred_megabytes() {
    let server = Server::start(|mut stream, _| async move {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 104857600\r\n\r\n")
            .await
            .ok()?;
        for _ in 0..1600 {
            stream.write_all(&[b'x'; 65_536]).await.ok()?;
        }
        Some(stream)
    })
    .await;
    let mut attack = attack(vec![get("j", &server.url)], vec![rate(2.0, 2.0, 1000)]);
    attack.workers = 1;
    let tally = play(attack).await;
    tally.assert_accounted();
    assert_eq!(
        tally.of("j").errors,
        BTreeMap::from([("protocol".to_owned(), 2)])
    );
    let failure = tally.exemplars[0].exchange.failure.clone().unwrap();
    assert!(failure.detail.contains("body too large"), "{failure}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_listens() {
    // Bound but not listening: nobody else can get the port, and connecting is refused.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/", socket.local_addr().unwrap());
    assert_all(&ten(Method::Get, &url, GENEROUS).await, "refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_reset() {
    let server = Server::start(|stream, _| async move {
        rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
        drop(stream);
        None
    })
    .await;
    assert_all(&ten(Method::Post, &server.url, GENEROUS).await, "reset");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_that_was_not_expected() {
    let server =
        Server::start(|s, _| say(s, b"HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nlate")).await;
    let tally = ten(Method::Get, &server.url, GENEROUS).await;
    assert_all(&tally, "status-503");
    assert_eq!(tally.exemplars[0].exchange.status, Some(503));
}

/// A kept-alive connection that ends on its second request.
async fn fickle() -> Server {
    Server::start(|stream, number| async move {
        if number == 0 {
            say(stream, OK).await
        } else {
            None
        }
    })
    .await
}

async fn hundred_on_one_connection(method: Method, server: &Server) -> Tally {
    let step = Action::Request(Box::new(request(method, &server.url, GENEROUS)));
    let mut attack = attack(
        vec![journey("j", vec![step])],
        vec![rate(200.0, 200.0, 500)],
    );
    (attack.workers, attack.plan.http.connections) = (1, 1);
    let tally = play(attack).await;
    tally.assert_accounted();
    tally
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_connection_is_replaced_when_that_does_no_harm() {
    let server = fickle().await;
    let sum = hundred_on_one_connection(Method::Get, &server)
        .await
        .of("j/step 1");
    assert_eq!((sum.started, sum.ok), (100, 100));
    // The first of each connection, and for all but one of them a second that was not answered.
    assert_eq!(server.requests.load(Ordering::Relaxed), 199);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_may_have_been_acted_on_is_not_repeated() {
    let server = fickle().await;
    let sum = hundred_on_one_connection(Method::Post, &server)
        .await
        .of("j/step 1");
    assert_eq!((sum.started, sum.ok), (100, 50));
    assert_eq!(sum.errors.values().sum::<u64>(), 50, "{:?}", sum.errors);
    assert_eq!(server.requests.load(Ordering::Relaxed), 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_closes_after_every_answer() {
    let server = Server::start(|s, _| {
        say_and_close(
            s,
            b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
        )
    })
    .await;
    let sum = hundred_on_one_connection(Method::Post, &server)
        .await
        .of("j/step 1");
    assert_eq!(
        (sum.ok, server.connections.load(Ordering::Relaxed)),
        (100, 100)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_ends_at_once_and_accounts_for_everything() {
    let (_freeze, frozen) = watch::channel(true);
    let server = Server::freezing(frozen).await;
    let journeys = vec![
        get("j", &server.url),
        journey("k", vec![Action::Pause(GENEROUS)]),
    ];
    let (handle, mut reports) = start(attack(journeys, vec![rate(100.0, 100.0, 600_000)]));
    let mut tally = Tally::default();
    let started = async {
        while tally.of("j").started < 20 {
            tally.add(reports.recv().await.unwrap());
        }
    };
    tokio::time::timeout(GENEROUS, started)
        .await
        .expect("nothing started");
    let told = Instant::now();
    handle.stop();
    let rest = Tally::read(&mut reports).await;
    handle.join().await;
    // The requests' own limit is a minute, the schedule's ten.
    assert!(Instant::now() - told < GENEROUS / 4);
    tally.ticks.extend(rest.ticks);
    tally.assert_accounted();
    for name in ["j", "k", "j/step 1"] {
        let sum = tally.of(name);
        assert!(sum.cancelled > 0 && sum.cancelled == sum.started, "{sum:?}");
        assert!(sum.response.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_the_handle_stops_the_load() {
    let server = Server::ok().await;
    let (handle, mut reports) = start(attack(
        vec![get("j", &server.url)],
        vec![rate(10.0, 10.0, 600_000)],
    ));
    drop(handle);
    Tally::read(&mut reports).await.assert_accounted();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_sleeps_delays_figures_and_loses_none() {
    let server = Server::ok().await;
    let mut attack = attack(vec![get("j", &server.url)], vec![rate(300.0, 300.0, 1500)]);
    attack.plan.sample = 1.0;
    let (sender, mut reports) = tokio::sync::mpsc::channel(1);
    let handle = harness_load::launch(attack, sender).unwrap();
    // Nothing is read until the target has seen it all.
    let all = async {
        while server.requests.load(Ordering::Relaxed) < 450 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(GENEROUS, all)
        .await
        .expect("the load waited for its reader");
    let tally = Tally::read(&mut reports).await;
    handle.join().await;
    tally.assert_accounted();
    assert_eq!(tally.of("j").ok, 450);
    // Every sample was handed on or counted; so were the slow exemplars, three of each worker at most.
    let slow = (tally.samples + tally.drops).checked_sub(450);
    assert!(
        slow.is_some_and(|slow| slow <= 6),
        "{} and {}",
        tally.samples,
        tally.drops
    );
    assert!(tally.drops > 400);
}

fn refused(journeys: Vec<Arc<Journey>>) -> String {
    let attack = attack(journeys, vec![rate(1.0, 1.0, 1000)]);
    harness_load::launch(attack, tokio::sync::mpsc::channel(1).0)
        .unwrap_err()
        .to_string()
}

#[test]
fn what_can_not_be_played_is_refused_at_the_start() {
    let ftp = refused(vec![get("shop", "ftp://127.0.0.1/")]);
    assert!(
        ftp.contains("`step 1` of journey shop") && ftp.contains("http:// or https://"),
        "{ftp}"
    );
    assert!(refused(vec![get("shop", "/orders")]).contains("not an absolute"));
    let mut unbound = request(Method::Get, "", GENEROUS);
    unbound.url = Text {
        parts: vec![harness_core::template::Part::Symbol(
            harness_core::template::Symbol::RunId,
        )],
    };
    assert!(
        refused(vec![journey("j", vec![Action::Request(Box::new(unbound))])]).contains("not bound")
    );
    let lift = harness_core::journey::command::Command::Lift { fault: "f".into() };
    assert!(
        refused(vec![journey("j", vec![Action::Command(lift)])]).contains("only a functional run")
    );
    let mut copied = request(Method::Get, "http://127.0.0.1:1/", GENEROUS);
    copied.copies = Some(harness_core::journey::Copies {
        count: 2,
        same: vec![],
        exactly: vec![],
    });
    let copied = journey("j", vec![Action::Request(Box::new(copied))]);
    assert!(refused(vec![copied]).contains("copies at once, which only a functional run"));
    assert!(refused(vec![]).contains("mix names 0"));
}
