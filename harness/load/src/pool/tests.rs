//! The pool's promises: never more connections than allowed, the longest waiting first, and nothing lost when somebody
//! gives up.

use super::*;
use crate::clock::Clock;
use crate::net::dial::Route;
use harness_core::http::{Method, Request};
use std::time::Duration;
use tokio::net::TcpListener;

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let limited = async { tokio::time::timeout(Duration::from_secs(30), test).await };
    tokio::task::LocalSet::new()
        .block_on(&runtime, limited)
        .expect("hung");
}

fn pool(limit: usize, plan: &HttpPlan) -> Rc<Pool> {
    let dialer = Dialer::new(plan, &Route::default(), Clock::start());
    Pool::new(limit, plan, Arc::new(dialer))
}

fn http1(limit: usize) -> Rc<Pool> {
    pool(limit, &HttpPlan::default())
}

fn http2(limit: usize, streams: u32) -> Rc<Pool> {
    let plan = HttpPlan {
        version: harness_core::plan::load::HttpVersion::Http2,
        streams,
        ..HttpPlan::default()
    };
    pool(limit, &plan)
}

fn wait(
    pool: &Rc<Pool>,
    host: impl Into<String>,
) -> tokio::task::JoinHandle<Result<Lease, Failure>> {
    let (pool, host) = (Rc::clone(pool), host.into());
    tokio::task::spawn_local(async move { pool.lease(&host).await })
}

fn counts(pool: &Rc<Pool>) -> (usize, usize, usize) {
    pool.state.borrow().counts()
}

#[test]
fn no_more_leases_than_the_limit_and_the_longest_waiting_comes_first() {
    run(async {
        let pool = http1(2);
        let (a, b) = ("http://a", "http://b");
        let (first, second) = (pool.try_lease(a).unwrap(), pool.try_lease(b).unwrap());
        assert!(pool.try_lease(a).is_none());
        let (early, late) = (wait(&pool, a), wait(&pool, b));
        tokio::task::yield_now().await;
        drop(first);
        let early = early.await.unwrap().unwrap();
        assert!(!late.is_finished() && pool.try_lease(a).is_none());
        drop(second);
        let late = late.await.unwrap().unwrap();
        drop((early, late));
        assert_eq!(counts(&pool), (0, 0, 0));
    });
}

#[test]
fn who_gave_up_waiting_costs_no_lease() {
    run(async {
        let pool = http1(1);
        let only = pool.try_lease("http://a").unwrap();
        let (gone, patient) = (wait(&pool, "http://a"), wait(&pool, "http://a"));
        tokio::task::yield_now().await;
        gone.abort();
        assert!(gone.await.is_err());
        drop(only);
        // Given, and dropped before it is taken.
        tokio::task::yield_now().await;
        patient.abort();
        drop(patient.await);
        assert_eq!(counts(&pool), (0, 0, 0));
        assert!(pool.try_lease("http://a").is_some());
    });
}

#[test]
fn connections_are_reused_and_make_room_for_another_host() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let a = format!("http://127.0.0.1:{port}");
        let b = format!("http://localhost:{port}");
        let pool = http1(1);
        let mut lease = pool.try_lease(&a).unwrap();
        let connection = lease.dial(&Progress::default()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        lease.keep(connection);
        assert_eq!(counts(&pool), (0, 1, 0));

        let mut again = pool.try_lease(&a).unwrap();
        let connection = again.reuse().expect("the same connection");
        again.keep(connection);

        let mut other = pool.try_lease(&b).unwrap();
        assert!(other.reuse().is_none());
        // To make room, the first was closed.
        let mut rest = Vec::new();
        tokio::io::AsyncReadExt::read_to_end(&mut server, &mut rest)
            .await
            .unwrap();
        assert_eq!(counts(&pool), (1, 0, 0));
        assert!(pool.try_lease(&a).is_none());
    });
}

#[test]
fn without_reuse_nothing_is_kept() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let plan = HttpPlan {
            reuse: Reuse::Never,
            ..HttpPlan::default()
        };
        let pool = pool(4, &plan);
        for _ in 0..2 {
            let mut lease = pool.try_lease(&origin).unwrap();
            assert!(lease.reuse().is_none());
            let connection = lease.dial(&Progress::default()).await.unwrap();
            let (mut server, _) = listener.accept().await.unwrap();
            Own::default().keep(lease, connection);
            let mut rest = Vec::new();
            tokio::io::AsyncReadExt::read_to_end(&mut server, &mut rest)
                .await
                .unwrap();
            assert_eq!(counts(&pool), (0, 0, 0));
        }
    });
}

/// An HTTP/2 server that answers 204 to everything, in cleartext; how many connections it took.
fn server(listener: TcpListener) -> Rc<Cell<usize>> {
    let taken = Rc::new(Cell::new(0));
    let count = Rc::clone(&taken);
    tokio::task::spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.set(count.get() + 1);
            tokio::task::spawn_local(async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((_, mut respond))) = connection.accept().await {
                    let answer = http::Response::builder().status(204).body(()).unwrap();
                    respond.send_response(answer, true).unwrap();
                }
            });
        }
    });
    taken
}

async fn ask(lease: &mut Lease, connection: &Connection) -> u16 {
    let Connection::Http2(http2) = connection else {
        panic!("not HTTP/2: {lease:?}");
    };
    let request = Request {
        method: Method::Get,
        url: "http://a/".into(),
        headers: Vec::new(),
        body: bytes::Bytes::new(),
    };
    let wants = crate::http1::connection::Wants::EVIDENCE;
    let answer = http2
        .connection
        .exchange(&request, "a", "/", wants, || {})
        .await;
    answer.unwrap().response.status
}

#[test]
fn http2_is_shared_up_to_its_streams_and_then_another_connection_is_opened() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let opened = server(listener);
        let pool = http2(2, 2);
        let mut first = pool.try_lease(&origin).unwrap();
        // Others wait for the connection that is being opened instead of opening their own.
        assert!(pool.try_lease(&origin).is_none());
        let second = wait(&pool, &origin);
        tokio::task::yield_now().await;
        let connection = first.dial(&Progress::default()).await.unwrap();
        let mut second = second.await.unwrap().unwrap();
        let shared = second.reuse().unwrap();
        assert_eq!(counts(&pool), (0, 0, 1));
        assert_eq!(ask(&mut first, &connection).await, 204);
        assert_eq!(ask(&mut second, &shared).await, 204);
        assert_eq!(opened.get(), 1);

        // Both streams are taken: a third has a connection opened, a fourth shares that, a fifth waits.
        let mut third = pool.try_lease(&origin).unwrap();
        assert!(third.reuse().is_none() && !third.shared());
        let other = third.dial(&Progress::default()).await.unwrap();
        let mut fourth = pool.try_lease(&origin).unwrap();
        assert!(fourth.shared() && fourth.reuse().is_some());
        assert_eq!(ask(&mut third, &other).await, 204);
        assert_eq!(opened.get(), 2);
        assert!(pool.try_lease(&origin).is_none());
        let fifth = wait(&pool, &origin);
        tokio::task::yield_now().await;
        drop(first);
        let fifth = fifth.await.unwrap().unwrap();
        assert!(fifth.shared());
        drop((second, third, fourth, fifth));
        // Shared connections stay open for the next request, and make room when another host needs it.
        assert_eq!(counts(&pool), (0, 0, 2));
        let elsewhere = pool.try_lease("http://elsewhere").unwrap();
        assert_eq!(counts(&pool), (1, 0, 1));
        drop(elsewhere);
    });
}

#[test]
fn who_would_have_shared_a_connection_hears_why_there_is_none() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        // The near end of a connection: nobody listens there, and nobody else can as long as it is held.
        let far = listener.local_addr().unwrap();
        let near = tokio::net::TcpStream::connect(far).await.unwrap();
        let origin = format!("http://{}", near.local_addr().unwrap());
        let pool = http2(2, 3);
        let mut first = pool.try_lease(&origin).unwrap();
        let waiting: Vec<_> = (0..3).map(|_| wait(&pool, &origin)).collect();
        tokio::task::yield_now().await;
        let failure = first.dial(&Progress::default()).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Refused);
        drop(first);
        let mut waiting = waiting.into_iter();
        for _ in 0..2 {
            let heard = waiting.next().unwrap().await.unwrap().unwrap_err();
            assert_eq!(heard, failure);
        }
        // One more than the connection had streams: that one opens its own.
        let mut last = waiting.next().unwrap().await.unwrap().unwrap();
        assert!(last.reuse().is_none() && !last.shared());
        drop(last);
        assert_eq!(counts(&pool), (0, 0, 0));
    });
}

#[test]
fn who_gives_up_opening_leaves_it_to_the_next() {
    run(async {
        let pool = http2(1, 10);
        let first = pool.try_lease("http://a").unwrap();
        let (second, third) = (wait(&pool, "http://a"), wait(&pool, "http://a"));
        tokio::task::yield_now().await;
        drop(first);
        let second = second.await.unwrap().unwrap();
        assert!(!second.shared() && !third.is_finished());
        drop(second);
        drop(third.await.unwrap().unwrap());
        assert_eq!(counts(&pool), (0, 0, 0));
    });
}

#[test]
fn connections_that_were_closed_at_rest_are_swept_away() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let pool = http1(2);
        let mut servers = Vec::new();
        let leases = [
            pool.try_lease(&origin).unwrap(),
            pool.try_lease(&origin).unwrap(),
        ];
        for mut lease in leases {
            let connection = lease.dial(&Progress::default()).await.unwrap();
            servers.push(listener.accept().await.unwrap().0);
            lease.keep(connection);
        }
        pool.sweep();
        assert_eq!(counts(&pool), (0, 2, 0));
        drop(servers.pop());
        while counts(&pool).1 == 2 {
            tokio::task::yield_now().await;
            pool.sweep();
        }
        assert_eq!(counts(&pool), (0, 1, 0));
    });
}
