//! What can go wrong between a load and its target, on the whole engine: each a named error, nothing hangs, nothing is
//! mixed up, memory stays bounded.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "in a test a panic is the report"
)]

mod support;

use harness_core::expr::step::{Expectation, StepSubject, Test, Value};
use harness_core::http::Method;
use harness_core::journey::{Action, Capture, Repeat};
use harness_core::plan::load::{ClosedPlan, Cookies, Engine, Iterations, Model, UserStage};
use harness_core::template::Text;
use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use support::server::{OK, Server, say, say_and_close};
use support::{GENEROUS, Tally, assert_all, attack, journey, play, rate, request, ten, ten_once};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

/// Long enough that nothing healthy meets it, short enough for a test.
const LIMIT: Duration = Duration::from_secs(1);

fn detail(tally: &Tally) -> String {
    let failure = tally.exemplars[0].exchange.failure.clone();
    failure.expect("an exemplar without a failure").detail
}

/// Closes a connection so that the other side sees a reset.
fn reset(stream: TcpStream) -> Option<TcpStream> {
    rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_in_the_middle_of_a_body() {
    let server = Server::start(|stream, _| async move {
        let mut stream = say(
            stream,
            b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf",
        )
        .await?;
        // Until the client has read it, a reset would take it away too; and this client says nothing more.
        let mut rest = [0];
        let _ = tokio::time::timeout(LIMIT, stream.read(&mut rest)).await;
        reset(stream)
    })
    .await;
    assert_all(&ten(Method::Get, &server.url, GENEROUS).await, "reset");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_responses_to_one_request() {
    let both = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\noneHTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\ntwo";
    let server = Server::start(|stream, _| say(stream, both)).await;
    let mut step = request(Method::Get, &server.url, GENEROUS);
    step.expect.push(Expectation {
        subject: StepSubject::Body,
        test: Test::Equal(Value::Text(Text::literal("one"))),
    });
    let journey = journey("j", vec![Action::Request(Box::new(step))]);
    let tally = play(attack(vec![journey], vec![rate(100.0, 100.0, 100)])).await;
    tally.assert_accounted();
    assert_eq!(
        (tally.of("j").ok, server.connections.load(Ordering::Relaxed)),
        (10, 10)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_response_that_comes_late() {
    // It comes when the connection rests, so that the next request would find it: a user asks another server in between,
    // which answers when it has come.
    let came = Arc::new(Semaphore::new(0));
    let told = Arc::clone(&came);
    let server = Server::start(move |stream, _| {
        let told = Arc::clone(&told);
        async move {
            let mut stream =
                say(stream, b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\none").await?;
            tokio::time::sleep(Duration::from_millis(5)).await;
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\ntwo")
                .await
                .ok()?;
            told.add_permits(1);
            Some(stream)
        }
    })
    .await;
    let gate = Server::start(move |stream, _| {
        let came = Arc::clone(&came);
        async move {
            came.acquire().await.ok()?.forget();
            say(stream, OK).await
        }
    })
    .await;
    let mut step = request(Method::Post, &server.url, GENEROUS);
    step.expect.push(Expectation {
        subject: StepSubject::Body,
        test: Test::Equal(Value::Text(Text::literal("one"))),
    });
    let wait = request(Method::Get, &gate.url, GENEROUS);
    let steps = [step, wait].map(|step| Action::Request(Box::new(step)));
    let mut attack = attack(vec![journey("j", steps.into())], vec![]);
    attack.workers = 1;
    attack.plan.model = Model::Closed(ClosedPlan {
        users: vec![UserStage {
            from: 1,
            to: 1,
            lasts: GENEROUS,
        }],
        iterations: NonZeroU64::new(10).map(Iterations::Shared),
        pacing: Duration::ZERO,
        cookies: Cookies::Journey,
        engine: Engine::Native,
    });
    let tally = play(attack).await;
    tally.assert_accounted();
    assert_eq!(
        (tally.of("j").ok, server.connections.load(Ordering::Relaxed)),
        (10, 10)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_without_end() {
    let server = Server::start(|mut stream, _| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\nx: ").await.ok()?;
        loop {
            stream.write_all(&[b'x'; 4096]).await.ok()?;
        }
    })
    .await;
    let tally = ten(Method::Get, &server.url, GENEROUS).await;
    assert_all(&tally, "protocol");
    assert!(
        detail(&tally).contains("head is longer than 65536 bytes"),
        "{}",
        detail(&tally)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_length_that_is_too_short() {
    // The rest is what nobody asked for: the answer counts, the connection goes.
    let server =
        Server::start(|s, _| say(s, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokay")).await;
    let tally = ten_once(Method::Get, &server.url, GENEROUS).await;
    assert_eq!(
        (tally.of("j").ok, server.connections.load(Ordering::Relaxed)),
        (10, 10)
    );
    assert_eq!(tally.of("j").bytes_in, 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_length_that_is_too_long() {
    let server =
        Server::start(|s, _| say(s, b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nokay")).await;
    assert_all(&ten(Method::Get, &server.url, LIMIT).await, "body-timeout");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_trickle() {
    // Ten in the time of the limit, in the head and in the body: it holds for the whole, not for each byte.
    let trickling = |before: &'static [u8], drop: &'static [u8]| async move {
        Server::start(move |mut stream, _| async move {
            stream.write_all(before).await.ok()?;
            loop {
                stream.write_all(drop).await.ok()?;
                tokio::time::sleep(LIMIT / 10).await;
            }
        })
        .await
    };
    let head = trickling(b"HTTP/1.1 200 OK\r\nx: ", b"x").await;
    let tally = ten(Method::Get, &head.url, LIMIT).await;
    assert_all(&tally, "first-byte-timeout");
    assert!(detail(&tally).contains("within 1s"), "{}", detail(&tally));
    let body = trickling(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n", b"x").await;
    assert_all(&ten(Method::Get, &body.url, LIMIT).await, "body-timeout");
    let chunks = trickling(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        b"1\r\nx\r\n",
    )
    .await;
    assert_all(&ten(Method::Get, &chunks.url, LIMIT).await, "body-timeout");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_nobody_takes() {
    // The backlog takes a few; what is beyond gets no answer to its first packet.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let tally = ten_once(Method::Get, &url, LIMIT).await;
    let errors = tally.of("j").errors;
    assert!(
        errors.contains_key("connect-timeout") && errors.contains_key("first-byte-timeout"),
        "{errors:?}"
    );
    assert_eq!(
        (errors.len(), errors.values().sum::<u64>()),
        (2, 10),
        "{errors:?}"
    );
}

/// Many requests, one after another, on one kept-alive connection.
async fn fifty(method: Method, server: &Server) -> Tally {
    let step = Action::Request(Box::new(request(method, &server.url, GENEROUS)));
    let mut attack = attack(
        vec![journey("j", vec![step])],
        vec![rate(100.0, 100.0, 500)],
    );
    (attack.workers, attack.plan.http.connections) = (1, 1);
    let tally = play(attack).await;
    tally.assert_accounted();
    tally
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_are_closed_at_the_worst_moment() {
    // Without a word, right behind the answer or as the next request comes: what does no harm is sent again.
    for reset_it in [false, true] {
        let server = Server::start(move |stream, number| async move {
            match (number, reset_it) {
                (0, _) => say(stream, OK).await,
                (_, true) => reset(stream),
                (_, false) => None,
            }
        })
        .await;
        assert_eq!(fifty(Method::Get, &server).await.of("j").ok, 50);
        let posts = fifty(Method::Post, &server).await.of("j");
        assert_eq!(posts.ok, 25);
        let errors: Vec<_> = posts.errors.keys().map(String::as_str).collect();
        assert!(
            errors
                .iter()
                .all(|error| ["closed", "reset"].contains(error)),
            "{errors:?}"
        );
    }
    let server = Server::start(|stream, _| say_and_close(stream, OK)).await;
    assert_eq!(fifty(Method::Get, &server).await.of("j").ok, 50);
}

/// What servers say before they close a connection that rested too long.
const FAREWELL: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_farewell_that_crosses_a_request_is_not_its_answer() {
    let server = Server::start(|stream, number| async move {
        if number == 0 {
            say(stream, OK).await
        } else {
            say_and_close(stream, FAREWELL).await
        }
    })
    .await;
    assert_eq!(fifty(Method::Get, &server).await.of("j").ok, 50);
    // What may have been acted on is told as it was answered; so is a 408 on a new connection.
    assert_eq!(
        fifty(Method::Post, &server).await.of("j").errors,
        BTreeMap::from([("status-408".to_owned(), 25)])
    );
    let always = Server::start(|stream, _| say_and_close(stream, FAREWELL)).await;
    assert_all(&ten(Method::Get, &always.url, GENEROUS).await, "status-408");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exchange_given_up_does_not_come_back() {
    // Every answer is late by more than the limit: on a connection used again, it would be the next one's.
    let limit = Duration::from_millis(300);
    let server = Server::start(move |stream, _| async move {
        tokio::time::sleep(2 * limit).await;
        say(stream, OK).await
    })
    .await;
    let step = Action::Request(Box::new(request(Method::Get, &server.url, limit)));
    let mut attack = attack(vec![journey("j", vec![step])], vec![rate(2.0, 2.0, 2000)]);
    (attack.workers, attack.plan.http.connections) = (1, 1);
    let tally = play(attack).await;
    tally.assert_accounted();
    assert_eq!(
        tally.of("j").errors,
        BTreeMap::from([("first-byte-timeout".to_owned(), 4)])
    );
    assert_eq!(server.connections.load(Ordering::Relaxed), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn protocols_switched_though_nobody_asked() {
    let server = Server::start(|s, _| {
        say(
            s,
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\n\r\n",
        )
    })
    .await;
    let tally = ten(Method::Get, &server.url, GENEROUS).await;
    assert_all(&tally, "protocol");
    assert!(
        detail(&tally).contains("switched protocols"),
        "{}",
        detail(&tally)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interim_responses_without_end() {
    let server = Server::start(|mut stream, _| async move {
        loop {
            stream
                .write_all(b"HTTP/1.1 103 Early Hints\r\n\r\n")
                .await
                .ok()?;
        }
    })
    .await;
    assert_all(&ten(Method::Get, &server.url, GENEROUS).await, "protocol");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_does_not_resolve() {
    assert_all(
        &ten(Method::Get, "http://nowhere.invalid/", GENEROUS).await,
        "resolve",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_is_kept_whole_for_a_step_that_reads_it() {
    const SIZE: usize = 300_000;
    let server = Server::start(|mut stream, _| async move {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {SIZE}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.ok()?;
        stream.write_all(&[b'x'; SIZE]).await.ok()?;
        Some(stream)
    })
    .await;
    let plain = request(Method::Get, &server.url, GENEROUS);
    assert!(!plain.reads_body());
    let whole = Expectation {
        subject: StepSubject::Body,
        test: Test::Equal(Value::Text(Text::literal("x".repeat(SIZE)))),
    };
    let body = |name: &str| Capture {
        name: name.into(),
        from: StepSubject::Body,
    };
    let mut expecting = plain.clone();
    expecting.expect.push(whole.clone());
    let mut capturing = plain.clone();
    capturing.captures.push(body("a"));
    let mut collecting = plain.clone();
    collecting.collect.push(body("b"));
    let mut repeating = plain.clone();
    repeating.repeat = Some(Repeat {
        from: 0,
        condition: whole.clone(),
        captures: vec![],
        at_most: 1,
    });
    for step in [&capturing, &collecting, &repeating, &expecting] {
        assert!(step.reads_body(), "{step:?}");
    }
    let steps = vec![Action::Request(Box::new(expecting))];
    let tally = play(attack(
        vec![journey("j", steps)],
        vec![rate(50.0, 50.0, 100)],
    ))
    .await;
    tally.assert_accounted();
    let sum = tally.of("j");
    assert_eq!(
        (sum.ok, sum.bytes_in),
        (5, 5 * SIZE as u64),
        "{:?}",
        sum.errors
    );
}
