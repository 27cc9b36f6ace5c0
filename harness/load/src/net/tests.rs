//! Names with several addresses, names that stop resolving halfway, and connections that nobody takes: a whole load
//! against a name server that the test is.

use super::dial::Route;
use super::lookup::testing::Told;
use super::turns::HEAD_START;
use crate::testing;
use crate::{Attack, Clock, Report, launch};
use harness_core::event::LoadTick;
use harness_core::plan::load::{
    HttpPlan, LoadPlan, Lookup, MixEntry, Model, OpenPlan, Reuse, Stage,
};
use harness_core::units::Rate;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// A server that answers everything, and how many connections it took.
async fn server() -> (SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let taken = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&taken);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut read = Vec::new();
                while stream.read_buf(&mut read).await.unwrap_or(0) > 0 {
                    if read.ends_with(b"\r\n\r\n") {
                        read.clear();
                        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                        stream.write_all(answer).await.unwrap();
                    }
                }
            });
        }
    });
    (address, taken)
}

/// An address that nobody listens on.
async fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

/// Twenty requests to `http://shop/`, each on a connection of its own; what they came to.
async fn twenty(lookup: Lookup, told: Arc<Told>) -> LoadTick {
    twenty_on(lookup, Reuse::Never, told).await
}

/// The same; with a pool they take the fast lane.
async fn twenty_on(lookup: Lookup, reuse: Reuse, told: Arc<Told>) -> LoadTick {
    let journey = Arc::new(testing::journey_to("http://shop/", "j", &["ask"]));
    let clock = Clock::start();
    let rate = Rate::per_second(200.0).unwrap();
    let stage = Stage {
        from: rate,
        to: rate,
        lasts: Duration::from_millis(100),
    };
    let attack = Attack {
        scenario: "test".parse().unwrap(),
        draws: "test".parse().unwrap(),
        plan: LoadPlan {
            model: Model::Open(OpenPlan::of(vec![stage])),
            mix: vec![MixEntry {
                journey: journey.name.clone(),
                weight: 1.0,
            }],
            http: HttpPlan {
                lookup,
                reuse,
                ..HttpPlan::default()
            },
            sample: 0.0,
            warm_up: Duration::ZERO,
            think: None,
        },
        journeys: vec![journey],
        seed: 1,
        run: "20260101-000000-test".parse().unwrap(),
        clock,
        t0: clock.now() + Duration::from_millis(20),
        epoch: Arc::new(AtomicU32::new(0)),
        workers: 1,
        traceparent: false,
        watched: Vec::new(),
        touched: Arc::default(),
        route: Route {
            resolver: Some(told),
            ..Route::default()
        },
    };
    let (sender, mut reports) = tokio::sync::mpsc::channel(10_000);
    let handle = launch(attack, sender).unwrap();
    let mut sum = LoadTick::default();
    while let Some(report) = reports.recv().await {
        match report {
            Report::Tick(tick) if tick.name.contains('/') => {
                sum.ok += tick.ok;
                sum.phases.add(&tick.phases);
                for (class, n) in tick.errors {
                    *sum.errors.entry(class).or_default() += n;
                }
            }
            Report::Ended => break,
            _ => {}
        }
    }
    handle.join().await;
    sum
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_addresses_are_used_in_turn() {
    let (one, first) = server().await;
    let (two, second) = server().await;
    let told = Told::new([Ok(vec![one, two])]);
    let sum = twenty(Lookup::Once, Arc::clone(&told)).await;
    assert_eq!((sum.ok, told.asked()), (20, 1), "{sum:?}");
    let taken = [&first, &second].map(|taken| taken.load(Ordering::SeqCst));
    assert_eq!(taken, [10, 10]);
    assert!(sum.phases.dns.is_empty());
    assert_eq!(sum.phases.connect.count(), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_one_address_refuses_the_next_is_tried() {
    let (there, taken) = server().await;
    let told = Told::new([Ok(vec![nobody().await, there])]);
    let sum = twenty(Lookup::Once, told).await;
    assert_eq!((sum.ok, sum.errors.len()), (20, 0), "{sum:?}");
    assert_eq!(taken.load(Ordering::SeqCst), 20);
    let told = Told::new([Ok(vec![nobody().await, nobody().await])]);
    let sum = twenty(Lookup::Once, told).await;
    assert_eq!(sum.errors.get("refused"), Some(&20), "{sum:?}");
}

/// A machine that is gone: what is sent there is lost. Its queue is full and nobody empties it, so the kernel drops whatever
/// asks for a connection; those who fill it are part of it.
async fn gone() -> (SocketAddr, TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    // A queue of one takes two.
    while queued.len() < 2 {
        queued.push(TcpStream::connect(address).await.unwrap());
    }
    (address, listener, queued)
}

/// Half of the connections come to it in their turn, and none may wait there for all its time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_is_gone_costs_a_head_start_and_no_request() {
    for reuse in [Reuse::Never, Reuse::Pool] {
        let (there, taken) = server().await;
        let (gone, _listener, _queued) = gone().await;
        let told = Told::new([Ok(vec![gone, there])]);
        let sum = twenty_on(Lookup::Once, reuse, told).await;
        assert_eq!((sum.ok, sum.errors.len()), (20, 0), "{reuse:?}: {sum:?}");
        assert!(taken.load(Ordering::SeqCst) > 0);
        // It was tried, and given up in time for the one that is there.
        let longest = Duration::from_micros(sum.phases.connect.max().unwrap());
        assert!(longest >= HEAD_START, "{reuse:?}: {longest:?}");
    }
}

/// The same port, open on one address of this machine and closed on another, in both families.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_refuses_is_tried_last_from_then_on() {
    let (there, taken) = server().await;
    let mut addresses = vec![
        SocketAddr::new("127.0.0.2".parse().unwrap(), there.port()),
        there,
    ];
    addresses.push(SocketAddr::new("::1".parse().unwrap(), there.port()));
    for reuse in [Reuse::Never, Reuse::Pool] {
        let before = taken.load(Ordering::SeqCst);
        let told = Told::new([Ok(addresses.clone())]);
        let sum = twenty_on(Lookup::Once, reuse, told).await;
        assert_eq!((sum.ok, sum.errors.len()), (20, 0), "{reuse:?}: {sum:?}");
        assert_eq!(
            taken.load(Ordering::SeqCst) - before,
            sum.phases.connect.count()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_server_that_fails_halfway_is_counted_as_that() {
    let (there, _) = server().await;
    let mut answers = vec![Ok(vec![there]); 10];
    answers.push(Err(io::ErrorKind::NotFound));
    let told = Told::new(answers);
    let sum = twenty(Lookup::Connection, Arc::clone(&told)).await;
    assert_eq!(sum.ok, 10, "{sum:?}");
    assert_eq!(sum.errors.get("resolve"), Some(&10), "{sum:?}");
    assert_eq!(told.asked(), 20);
    assert_eq!(sum.phases.dns.count(), 20);

    // Looked up once, the load never hears of it.
    let told = Told::new([Ok(vec![there]), Err(io::ErrorKind::NotFound)]);
    let sum = twenty(Lookup::Once, told).await;
    assert_eq!(sum.ok, 20, "{sum:?}");

    let told = Told::new([Ok(vec![])]);
    let sum = twenty(Lookup::Once, told).await;
    assert_eq!(sum.errors.get("resolve"), Some(&20), "{sum:?}");
}
