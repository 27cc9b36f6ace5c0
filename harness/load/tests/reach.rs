//! What requests travel over: TLS with all that can be wrong with certificates, HTTP/2 with all that a server may say,
//! Unix sockets and IPv6. Every server is a real one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "in a test a panic is the report"
)]

mod support;
#[path = "support/tls.rs"]
mod tls;

use bytes::Bytes;
use harness_core::http::Method;
use harness_core::journey::Action;
use harness_core::phases::RequestPhase;
use harness_core::plan::load::{HttpPlan, HttpVersion, Reuse};
use harness_core::template::Text;
use harness_core::tls::{Pems, TlsKey, TlsPlan};
use harness_load::{Route, Tls};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use support::{GENEROUS, Tally, attack, journey, play, rate, request};
use tls::{Authority, Https, Setup, Signed};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixListener};

/// Twenty requests by one worker.
async fn twenty(url: &str, http: HttpPlan, route: Route) -> Tally {
    sent(request(Method::Get, url, GENEROUS), http, route).await
}

async fn sent(step: harness_core::journey::RequestStep, http: HttpPlan, route: Route) -> Tally {
    let walk = journey("j", vec![Action::Request(Box::new(step))]);
    let mut attack = attack(vec![walk], vec![rate(200.0, 200.0, 100)]);
    attack.plan.http = http;
    attack.route = route;
    attack.workers = 1;
    let tally = play(attack).await;
    tally.assert_accounted();
    tally
}

fn http() -> HttpPlan {
    HttpPlan {
        connections: 4,
        ..HttpPlan::default()
    }
}

fn trusting(authority: &Authority) -> Route {
    told(&TlsPlan::default(), Some(authority), None)
}

fn told(plan: &TlsPlan, authority: Option<&Authority>, client: Option<&Signed>) -> Route {
    let file = |there: bool, name: &str| there.then(|| name.to_owned());
    let plan = TlsPlan {
        ca: file(authority.is_some(), "ca.pem"),
        cert: file(client.is_some(), "cert.pem"),
        key: file(client.is_some(), "key.pem"),
        ..plan.clone()
    };
    let pems = Pems {
        ca: authority.map(|a| a.pem.as_str().into()),
        cert: client.map(|c| c.cert.as_str().into()),
        key: client.map(|c| c.key.as_str().into()),
    };
    Route::new(Arc::new(Tls::new(&plan, &pems).unwrap()), None)
}

fn assert_all_ok(tally: &Tally) {
    let sum = tally.of("j/step 1");
    assert_eq!(
        (sum.ok, &sum.errors),
        (20, &BTreeMap::new()),
        "{:?}",
        tally.exemplars
    );
}

/// All failed with this class, and say this.
fn assert_all(tally: &Tally, class: &str, says: &str) {
    let sum = tally.of("j/step 1");
    let all = BTreeMap::from([(class.to_owned(), 20)]);
    assert_eq!(sum.errors, all, "{:?}", tally.exemplars);
    let exemplar = &tally.exemplars[0];
    let told = exemplar.exchange.failure.as_ref().unwrap().to_string();
    assert!(told.contains(says), "{told}");
}

fn counts(tally: &Tally) -> [u64; 6] {
    let mut phases = harness_core::phases::Phases::default();
    let steps = tally.ticks.iter().filter(|tick| tick.name == "j/step 1");
    steps.for_each(|tick| phases.add(&tick.phases));
    RequestPhase::ALL.map(|phase| phases.get(phase).count())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn https_with_a_private_authority_and_its_phases() {
    let authority = Authority::new("ours");
    let signed = authority.server(&["127.0.0.1", "localhost"]);
    let alpn: &[&str] = &["h2", "http/1.1"];
    let setup = || Setup {
        signed: &signed,
        clients_of: None,
        alpn,
    };

    let server = Https::start(setup()).await;
    let version = |version| HttpPlan { version, ..http() };
    let tally = twenty(
        &server.url("127.0.0.1"),
        version(HttpVersion::Http1),
        trusting(&authority),
    )
    .await;
    assert_all_ok(&tally);
    let opened = server.seen.handshakes.load(Ordering::SeqCst);
    assert!((1..=4).contains(&opened));
    assert_eq!(counts(&tally), [20, 0, opened, opened, 20, 20]);
    assert_eq!(server.seen.http1.load(Ordering::SeqCst), 20);

    // By itself it takes the best that the server offers; one connection is enough then.
    let server = Https::start(setup()).await;
    let tally = twenty(&server.url("localhost"), http(), trusting(&authority)).await;
    assert_all_ok(&tally);
    assert_eq!(server.seen.http2.load(Ordering::SeqCst), 20);
    assert_eq!(server.seen.handshakes.load(Ordering::SeqCst), 1);
    assert_eq!(counts(&tally)[3], 1);
    assert!(counts(&tally)[1] <= 1);
    assert_eq!(
        server.seen.hosts.lock().unwrap()[0],
        format!("localhost:{}", server.port)
    );

    // A server that speaks only HTTP/1.1: found out on the first connection, then as many as are needed.
    let setup = Setup {
        alpn: &["http/1.1"],
        ..setup()
    };
    let server = Https::start(setup).await;
    assert_all_ok(&twenty(&server.url("localhost"), http(), trusting(&authority)).await);
    assert_eq!(server.seen.http1.load(Ordering::SeqCst), 20);
    let tally = twenty(
        &server.url("localhost"),
        version(HttpVersion::Http2),
        trusting(&authority),
    )
    .await;
    assert_all(&tally, "tls", "none of the protocols offered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_of_a_certificate_has_its_words() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let plain = Setup {
        signed: &ours.server(&["localhost"]),
        clients_of: None,
        alpn: &[],
    };
    let server = Https::start(plain).await;
    let url = server.url("localhost");
    assert_all_ok(&twenty(&url, http(), trusting(&ours)).await);
    let stranger = twenty(&url, http(), trusting(&theirs)).await;
    assert_all(
        &stranger,
        "tls",
        "give its certificate as `ca` in [target.tls]",
    );
    let misnamed = twenty(&server.url("127.0.0.1"), http(), trusting(&ours)).await;
    assert_all(&misnamed, "tls", "is for localhost, not for 127.0.0.1");
    // The handshake is never done, so it took part in no phase but its own.
    assert_eq!(counts(&misnamed)[4], 0);

    let insecure = TlsPlan {
        insecure: true,
        ..TlsPlan::default()
    };
    assert_all_ok(&twenty(&url, http(), told(&insecure, None, None)).await);

    let named = TlsPlan {
        server_name: Some("localhost".into()),
        ..TlsPlan::default()
    };
    let url = server.url("127.0.0.1");
    assert_all_ok(&twenty(&url, http(), told(&named, Some(&ours), None)).await);
    assert_eq!(
        server.seen.names.lock().unwrap().last().unwrap(),
        "localhost"
    );
    assert_eq!(
        server.seen.hosts.lock().unwrap().last().unwrap(),
        &format!("127.0.0.1:{}", server.port)
    );

    let old = Setup {
        signed: &ours.expired(&["localhost"]),
        clients_of: None,
        alpn: &[],
    };
    let server = Https::start(old).await;
    let tally = twenty(&server.url("localhost"), http(), trusting(&ours)).await;
    assert_all(&tally, "tls", "has expired");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_show_who_they_are() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let signed = ours.server(&["localhost"]);
    let server = Https::start(Setup {
        signed: &signed,
        clients_of: Some(&ours),
        alpn: &[],
    })
    .await;
    let url = server.url("localhost");
    let none = TlsPlan::default();
    let known = ours.client("tester");
    assert_all_ok(&twenty(&url, http(), told(&none, Some(&ours), Some(&known))).await);
    let tally = twenty(&url, http(), trusting(&ours)).await;
    assert_all(&tally, "tls", "demands a client certificate");
    let unknown = theirs.client("tester");
    let tally = twenty(&url, http(), told(&none, Some(&ours), Some(&unknown))).await;
    assert_all(&tally, "tls", "does not accept the client certificate");
}

#[test]
fn files_that_are_not_what_they_should_be() {
    let ours = Authority::new("ours");
    let (one, other) = (ours.client("one"), ours.client("other"));
    let plan = TlsPlan {
        ca: Some("ca.pem".into()),
        cert: Some("c.pem".into()),
        key: Some("k.pem".into()),
        ..TlsPlan::default()
    };
    let fails = |ca: &str, cert: &str, key: &str| {
        let pems = Pems {
            ca: Some(ca.into()),
            cert: Some(cert.into()),
            key: Some(key.into()),
        };
        let error = Tls::new(&plan, &pems).unwrap_err();
        assert!(!error.hint.is_empty());
        (error.key, error.problem)
    };
    let (key, problem) = fails(&ours.pem, &one.cert, &other.key);
    assert_eq!(key, TlsKey::Key);
    assert!(problem.contains("not that of the certificate"), "{problem}");
    let cut = &ours.pem[..ours.pem.len() / 2];
    let (key, problem) = fails(cut, &one.cert, &one.key);
    assert_eq!(
        (key, problem.as_str()),
        (
            TlsKey::Ca,
            "`ca.pem` can't be read: a part of it has no end"
        )
    );
    let garbled = one.cert.replace("MII", "M!!");
    assert_eq!(fails(&ours.pem, &garbled, &one.key).0, TlsKey::Cert);
    assert_eq!(fails(&ours.pem, &one.cert, &one.cert).0, TlsKey::Key);
    assert_eq!(fails(&one.key, &one.cert, &one.key).0, TlsKey::Ca);
    let wrong = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
    assert_eq!(fails(wrong, &one.cert, &one.key).0, TlsKey::Ca);
    let named = TlsPlan {
        server_name: Some("127.0.0.1".into()),
        ..TlsPlan::default()
    };
    assert_eq!(
        Tls::new(&named, &Pems::default()).unwrap_err().key,
        TlsKey::ServerName
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_are_resumed_or_not() {
    let ours = Authority::new("ours");
    let signed = ours.server(&["localhost"]);
    for resumption in [true, false] {
        let server = Https::start(Setup {
            signed: &signed,
            clients_of: None,
            alpn: &["http/1.1"],
        })
        .await;
        let plan = HttpPlan {
            connections: 1,
            reuse: Reuse::Never,
            resumption,
            ..http()
        };
        assert_all_ok(&twenty(&server.url("localhost"), plan, trusting(&ours)).await);
        assert_eq!(server.seen.handshakes.load(Ordering::SeqCst), 20);
        let resumed = server.seen.resumed.load(Ordering::SeqCst);
        assert_eq!(resumed > 0, resumption, "{resumed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_speak_tls_and_one_that_never_answers() {
    let ours = Authority::new("ours");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mute = format!("https://{}/", listener.local_addr().unwrap());
    let step = request(Method::Get, &mute, Duration::from_secs(1));
    let plan = HttpPlan {
        version: HttpVersion::Http1,
        connections: 20,
        ..http()
    };
    let silent = sent(step, plan, trusting(&ours)).await;
    assert_all(&silent, "tls-timeout", "TLS was not agreed on within 1s");
    let address = speaker().await;
    let tally = twenty(&format!("https://{address}/"), http(), trusting(&ours)).await;
    assert_all(&tally, "tls", "does not speak TLS");
}

/// Serves HTTP/2 in cleartext: each connection by `serve`; how many there were.
async fn cleartext<S, F>(serve: S) -> (String, Arc<AtomicU64>)
where
    S: Fn(TcpStream) -> F + Send + 'static,
    F: Future<Output = Option<()>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(serve(stream));
        }
    });
    (url, connections)
}

fn http2() -> HttpPlan {
    HttpPlan {
        version: HttpVersion::Http2,
        ..http()
    }
}

type Respond = h2::server::SendResponse<Bytes>;

fn ok(mut respond: Respond) -> Option<()> {
    let answer = http::Response::new(());
    let mut body = respond.send_response(answer, false).ok()?;
    body.send_data(Bytes::from_static(b"ok"), true).ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_goes_away_costs_no_request() {
    let asked = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&asked);
    // Every connection says farewell after its fifth request: POSTs, which must never be sent twice.
    let (url, connections) = cleartext(move |stream| {
        let count = Arc::clone(&count);
        async move {
            let mut connection = h2::server::handshake(stream).await.ok()?;
            let mut n = 0;
            while let Some(Ok((_, respond))) = connection.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                ok(respond)?;
                n += 1;
                if n == 5 {
                    connection.graceful_shutdown();
                }
            }
            Some(())
        }
    })
    .await;
    // A farewell takes a moment to come: on a busy machine all twenty may be on their way before the first one does.
    for played in 1..=5 {
        let mut step = request(Method::Post, &url, GENEROUS);
        step.body = Text::literal("once");
        assert_all_ok(&sent(step, http2(), Route::default()).await);
        assert_eq!(asked.load(Ordering::SeqCst), 20 * played);
        if connections.load(Ordering::SeqCst) >= played + 2 {
            return;
        }
    }
    panic!("nobody took leave in time, or nobody heard");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_stream_at_once_is_kept_to_and_refusals_are_tried_again() {
    // A server that counts requests at once, allows one, and takes its time.
    let most = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&most);
    let (url, connections) = cleartext(move |stream| {
        let seen = Arc::clone(&seen);
        async move {
            let mut builder = h2::server::Builder::new();
            let mut connection = builder
                .max_concurrent_streams(1)
                .handshake::<_, Bytes>(stream)
                .await
                .ok()?;
            let at_once = Arc::new(AtomicU64::new(0));
            while let Some(Ok((_, respond))) = connection.accept().await {
                let (at_once, seen) = (Arc::clone(&at_once), Arc::clone(&seen));
                tokio::spawn(async move {
                    seen.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    at_once.fetch_sub(1, Ordering::SeqCst);
                    ok(respond)
                });
            }
            Some(())
        }
    })
    .await;
    assert_all_ok(&twenty(&url, http2(), Route::default()).await);
    assert_eq!(most.load(Ordering::SeqCst), 1);
    assert!(connections.load(Ordering::SeqCst) <= 4);

    // The first two are refused: the server has not begun with them, so they go out again, a POST too.
    let (url, _) = cleartext(|stream| async move {
        let mut connection = h2::server::handshake(stream).await.ok()?;
        let mut n = 0;
        while let Some(Ok((_, mut respond))) = connection.accept().await {
            n += 1;
            if n <= 2 {
                respond.send_reset(h2::Reason::REFUSED_STREAM);
            } else {
                ok(respond)?;
            }
        }
        Some(())
    })
    .await;
    let plan = HttpPlan {
        streams: 1,
        connections: 1,
        ..http2()
    };
    let step = request(Method::Post, &url, GENEROUS);
    assert_all_ok(&sent(step, plan.clone(), Route::default()).await);

    // One that refuses everything is not asked for ever.
    let asked = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&asked);
    let (url, _) = cleartext(move |stream| {
        let count = Arc::clone(&count);
        async move {
            let mut connection = h2::server::handshake(stream).await.ok()?;
            while let Some(Ok((_, mut respond))) = connection.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                respond.send_reset(h2::Reason::REFUSED_STREAM);
            }
            Some::<()>(())
        }
    })
    .await;
    let tally = twenty(&url, plan, Route::default()).await;
    assert_all(&tally, "refused", "refused the HTTP/2 stream");
    assert_eq!(asked.load(Ordering::SeqCst), 60);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_break_on_http2_has_its_class() {
    let (url, _) = cleartext(|stream| async move {
        let mut connection = h2::server::handshake(stream).await.ok()?;
        while let Some(Ok((_, mut respond))) = connection.accept().await {
            respond.send_reset(h2::Reason::INTERNAL_ERROR);
        }
        Some::<()>(())
    })
    .await;
    assert_all(
        &twenty(&url, http2(), Route::default()).await,
        "reset",
        "reset the HTTP/2 stream",
    );

    // A head and a part of the body, then the connection is gone.
    let (url, _) = cleartext(|stream| async move {
        let mut connection = h2::server::handshake(stream).await.ok()?;
        let (_, mut respond) = connection.accept().await?.ok()?;
        let mut body = respond.send_response(http::Response::new(()), false).ok()?;
        body.send_data(Bytes::from_static(b"half"), false).ok()?;
        std::future::poll_fn(|context| {
            let _ = connection.poll_closed(context);
            std::task::Poll::Ready(())
        })
        .await;
        Some(())
    })
    .await;
    let plan = HttpPlan {
        streams: 1,
        ..http2()
    };
    let tally = twenty(&url, plan, Route::default()).await;
    let errors = tally.of("j/step 1").errors;
    let (closed, reset) = (errors.get("closed"), errors.get("reset"));
    assert_eq!(closed.unwrap_or(&0) + reset.unwrap_or(&0), 20, "{errors:?}");

    // What speaks HTTP/1.1 only is told as what it is.
    let address = speaker().await;
    let tally = twenty(&format!("http://{address}/"), http2(), Route::default()).await;
    let errors = tally.of("j/step 1").errors;
    assert_eq!(errors.get("protocol"), Some(&20), "{:?}", tally.exemplars);
}

/// A server that answers whatever comes with an error of HTTP/1.1, and waits for the client to leave.
async fn speaker() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
                let mut rest = Vec::new();
                let _ = stream.read_to_end(&mut rest).await;
            });
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_bodies_flow_both_ways() {
    const LENGTH: usize = 3 << 20;
    let (url, _) = cleartext(|stream| async move {
        let mut connection = h2::server::handshake(stream).await.ok()?;
        while let Some(Ok((request, mut respond))) = connection.accept().await {
            tokio::spawn(async move {
                let mut incoming = request.into_body();
                let mut length = 0;
                while let Some(data) = incoming.data().await {
                    let data = data.ok()?;
                    length += data.len();
                    incoming.flow_control().release_capacity(data.len()).ok()?;
                }
                assert_eq!(length, LENGTH);
                let mut body = respond.send_response(http::Response::new(()), false).ok()?;
                body.send_data(Bytes::from(vec![b'x'; LENGTH]), true).ok()
            });
        }
        Some(())
    })
    .await;
    let mut step = request(Method::Put, &url, GENEROUS);
    step.body = Text::literal("x".repeat(LENGTH));
    let tally = sent(step, http2(), Route::default()).await;
    assert_all_ok(&tally);
    assert_eq!(tally.of("j/step 1").bytes_in, 20 * LENGTH as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unix_sockets_and_ipv6() {
    let folder = std::env::temp_dir().join(format!("harness-reach-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("app.sock");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut read = Vec::new();
                while stream.read_buf(&mut read).await.unwrap_or(0) > 0 {
                    if read.ends_with(b"\r\n\r\n") {
                        assert!(String::from_utf8_lossy(&read).contains("host: app.internal\r\n"));
                        read.clear();
                        stream.write_all(support::server::OK).await.ok()?;
                    }
                }
                Some(())
            });
        }
    });
    let route = |path: &std::path::Path| Route::new(Arc::default(), Some(path.to_owned()));
    let tally = twenty("http://app.internal/", http(), route(&path)).await;
    assert_all_ok(&tally);
    assert_eq!(counts(&tally)[1], 0);
    let nowhere = twenty("http://app.internal/", http(), route(&folder.join("none"))).await;
    std::fs::remove_dir_all(&folder).unwrap();
    assert_all(&nowhere, "refused", "none: ");

    let listener = match TcpListener::bind("[::1]:0").await {
        Ok(listener) => listener,
        Err(error) => return eprintln!("skipped: this machine has no IPv6 ({error})"),
    };
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut read = Vec::new();
                while stream.read_buf(&mut read).await.unwrap_or(0) > 0 {
                    if read.ends_with(b"\r\n\r\n") {
                        read.clear();
                        stream.write_all(support::server::OK).await.ok()?;
                    }
                }
                Some(())
            });
        }
    });
    assert!(url.starts_with("http://[::1]:"));
    assert_all_ok(&twenty(&url, http(), Route::default()).await);
}
