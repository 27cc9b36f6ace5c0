//! The proxy over real sockets: half-close, toxics that come and go on open connections, links that go down and up,
//! resets, a peer that never reads, and an end that leaves nothing behind. Waits for events, never for time to pass.

#![expect(clippy::unwrap_used, reason = "a panic in a test is its report")]

use std::future::Future;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use harness_proxy::{
    Cut, Proxy, ProxyConfig, ProxyError, ProxyName, Stream, Toxic, ToxicKind, ToxicName,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Far longer than anything here takes, even on a machine that is busy with something else.
const LONG: Duration = Duration::from_secs(60);

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(LONG, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what} did not happen within a minute"),
    }
}

/// Polls a condition that no event announces.
async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    soon(what, async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

/// A server that sends everything back and ends its side when the client ends its own.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut reader, mut writer) = stream.split();
                let _ = tokio::io::copy(&mut reader, &mut writer).await;
                let _ = writer.shutdown().await;
            });
        }
    });
    address
}

fn config(upstream: SocketAddr) -> ProxyConfig {
    let listen = "127.0.0.1:0".parse().unwrap();
    ProxyConfig::new(
        ProxyName::new("test").unwrap(),
        listen,
        Some(upstream.into()),
        1,
    )
}

async fn proxied() -> Proxy {
    Proxy::bind(config(echo().await)).unwrap()
}

async fn connect(proxy: &Proxy) -> TcpStream {
    soon("connecting", TcpStream::connect(proxy.local_addr()))
        .await
        .unwrap()
}

/// Sends and expects the same back.
async fn round_trip(stream: &mut TcpStream, text: &[u8]) {
    stream.write_all(text).await.unwrap();
    let mut back = vec![0; text.len()];
    soon("an echo", stream.read_exact(&mut back)).await.unwrap();
    assert_eq!(back, text);
}

fn toxic(kind: ToxicKind, stream: Stream) -> Toxic {
    Toxic::new(kind, stream)
}

fn name(text: &str) -> ToxicName {
    ToxicName::new(text).unwrap()
}

#[tokio::test]
async fn passes_bytes_and_counts_them() {
    let proxy = proxied().await;
    let mut client = connect(&proxy).await;
    round_trip(&mut client, b"hello").await;
    let stats = proxy.stats();
    assert_eq!((stats.opened, stats.open, stats.dial_failures), (1, 1, 0));
    assert_eq!((stats.up.received, stats.down.sent), (5, 5));
    drop(client);
    until("the link's end", || proxy.stats().open == 0).await;
}

#[tokio::test]
async fn a_half_close_keeps_the_reply_with_and_without_toxics() {
    for toxics in [
        vec![],
        vec![toxic(
            ToxicKind::Latency {
                latency: 5,
                jitter: 0,
            },
            Stream::Upstream,
        )],
    ] {
        let proxy = Proxy::bind(ProxyConfig {
            toxics,
            ..config(echo().await)
        })
        .unwrap();
        let mut client = connect(&proxy).await;
        let sent: Vec<u8> = (0..300_000_u32).map(|n| n as u8).collect();
        let (mut reader, mut writer) = client.split();
        let write = async {
            writer.write_all(&sent).await.unwrap();
            writer.shutdown().await.unwrap();
        };
        let mut got = Vec::new();
        let (read, ()) = soon("the reply", async {
            tokio::join!(reader.read_to_end(&mut got), write)
        })
        .await;
        read.unwrap();
        assert!(got == sent, "{} bytes of {}", got.len(), sent.len());
    }
}

#[tokio::test]
async fn toxics_come_and_go_on_an_open_connection() {
    let proxy = proxied().await;
    let mut client = connect(&proxy).await;
    round_trip(&mut client, b"before").await;
    proxy
        .add_toxic(toxic(
            ToxicKind::Latency {
                latency: 300,
                jitter: 0,
            },
            Stream::Downstream,
        ))
        .unwrap();
    let mut effect = proxy.effect(&name("latency_downstream")).unwrap();
    assert_eq!(effect.first_affected(), None);
    let start = Instant::now();
    round_trip(&mut client, b"during").await;
    assert!(Instant::now() - start >= Duration::from_millis(300));
    let first = soon("the effect", effect.wait()).await.unwrap();
    assert!(first >= start);
    let hits = proxy.remove_toxic(&name("latency_downstream")).unwrap();
    assert_eq!(
        (hits.connections, hits.chunks, hits.first_affected),
        (1, 1, Some(first))
    );
    round_trip(&mut client, b"after").await;
    assert_eq!(proxy.stats().opened, 1);
}

#[tokio::test]
async fn what_a_toxic_held_back_is_released_when_it_goes() {
    let proxy = proxied().await;
    let mut client = connect(&proxy).await;
    proxy
        .add_toxic(toxic(ToxicKind::Bandwidth { rate: 0 }, Stream::Upstream))
        .unwrap();
    client.write_all(b"held").await.unwrap();
    until("the chunk in the chain", || proxy.stats().up.received == 4).await;
    assert_eq!(proxy.stats().up.sent, 0);
    proxy.remove_toxic(&name("bandwidth_upstream")).unwrap();
    let mut back = [0; 4];
    soon("the release", client.read_exact(&mut back))
        .await
        .unwrap();
    assert_eq!(&back, b"held");
}

#[tokio::test]
async fn an_update_reaches_an_open_connection() {
    let proxy = proxied().await;
    let mut client = connect(&proxy).await;
    let toxic = toxic(ToxicKind::Bandwidth { rate: 0 }, Stream::Downstream);
    proxy.add_toxic(toxic.clone()).unwrap();
    client.write_all(b"held").await.unwrap();
    until("the effect", || proxy.stats().toxics[0].chunks == 1).await;
    let kind = ToxicKind::Bandwidth { rate: 1_000 };
    let updated = proxy.update_toxic(&toxic.name, kind, 1.0).unwrap();
    assert_eq!((updated.kind, proxy.toxics()), (kind, vec![updated]));
    let mut back = [0; 4];
    soon("the release", client.read_exact(&mut back))
        .await
        .unwrap();
    assert_eq!(&back, b"held");
}

#[tokio::test]
async fn a_toxic_that_goes_without_an_effect_says_so() {
    let proxy = proxied().await;
    let toxic = toxic(ToxicKind::ResetPeer { timeout: 0 }, Stream::Upstream);
    proxy.add_toxic(toxic.clone()).unwrap();
    let _idle = connect(&proxy).await;
    let mut effect = proxy.effect(&toxic.name).unwrap();
    proxy.remove_toxic(&toxic.name).unwrap();
    assert_eq!(soon("the answer", effect.wait()).await, None);
    assert!(proxy.effect(&toxic.name).is_none());
}

#[tokio::test]
async fn reset_peer_is_a_real_reset() {
    let proxy = proxied().await;
    proxy
        .add_toxic(toxic(
            ToxicKind::ResetPeer { timeout: 0 },
            Stream::Downstream,
        ))
        .unwrap();
    let mut client = connect(&proxy).await;
    client.write_all(b"x").await.unwrap();
    let error = soon("the reset", client.read(&mut [0; 8]))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn timeout_closes_and_so_does_its_removal() {
    let proxy = proxied().await;
    proxy
        .add_toxic(toxic(
            ToxicKind::Timeout { timeout: 20 },
            Stream::Downstream,
        ))
        .unwrap();
    let mut client = connect(&proxy).await;
    assert_eq!(
        soon("the close", client.read(&mut [0; 8])).await.unwrap(),
        0
    );
    proxy
        .update_toxic(
            &name("timeout_downstream"),
            ToxicKind::Timeout { timeout: 0 },
            1.0,
        )
        .unwrap();
    let mut client = connect(&proxy).await;
    client.write_all(b"x").await.unwrap();
    until("the drop", || proxy.stats().toxics[0].chunks == 1).await;
    proxy.remove_toxic(&name("timeout_downstream")).unwrap();
    assert_eq!(
        soon("the close", client.read(&mut [0; 8])).await.unwrap(),
        0
    );
}

#[tokio::test]
async fn limit_data_delivers_exactly_the_limit() {
    let proxy = proxied().await;
    proxy
        .add_toxic(toxic(
            ToxicKind::LimitData { bytes: 10 },
            Stream::Downstream,
        ))
        .unwrap();
    let mut client = connect(&proxy).await;
    client.write_all(&[7; 100]).await.unwrap();
    let mut got = Vec::new();
    // The end may be a FIN or, if more was on its way, a reset; the ten bytes come first either way.
    let _ = soon("the close", client.read_to_end(&mut got)).await;
    assert_eq!(got, [7; 10]);
}

#[tokio::test]
async fn down_refuses_and_cuts_and_up_has_the_same_port() {
    let proxy = proxied().await;
    for cut in [Cut::Fin, Cut::Reset] {
        let mut client = connect(&proxy).await;
        round_trip(&mut client, b"up").await;
        proxy.disable(cut);
        let refused = soon("the refusal", TcpStream::connect(proxy.local_addr()))
            .await
            .unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        let end = soon("the cut", client.read(&mut [0; 8])).await;
        match cut {
            Cut::Fin => assert_eq!(end.unwrap(), 0),
            Cut::Reset => assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset),
        }
        assert!(!proxy.is_enabled());
        proxy.enable().unwrap();
        round_trip(&mut connect(&proxy).await, b"again").await;
    }
}

#[tokio::test]
async fn a_disabled_proxys_port_is_given_to_nobody_who_asks_for_any() {
    let proxy = proxied().await;
    proxy.disable(Cut::Fin);
    // Without SO_REUSEADDR a bind is judged as the system judges the ports that it may give away.
    let other = TcpSocket::new_v4().unwrap();
    let error = other.bind(proxy.local_addr()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    proxy.enable().unwrap();
}

#[tokio::test]
async fn a_taken_port_is_named_with_a_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listen = taken.local_addr().unwrap();
    let error = Proxy::bind(ProxyConfig {
        listen,
        ..config(listen)
    })
    .unwrap_err()
    .to_string();
    assert!(
        error.contains(&format!("failed to listen on {listen} for proxy `test`")),
        "{error}"
    );
    assert!(error.contains("another listener holds the port"), "{error}");
}

#[tokio::test]
async fn an_upstream_may_come_later_and_move() {
    let proxy = Proxy::bind(ProxyConfig {
        upstream: None,
        ..config("127.0.0.1:1".parse().unwrap())
    })
    .unwrap();
    let mut early = connect(&proxy).await;
    assert_eq!(soon("the close", early.read(&mut [0; 8])).await.unwrap(), 0);
    proxy.set_upstream(echo().await.into());
    round_trip(&mut connect(&proxy).await, b"first").await;
    proxy.set_upstream(echo().await.into());
    round_trip(&mut connect(&proxy).await, b"second").await;
    assert_eq!(proxy.stats().dial_failures, 1);
}

#[tokio::test]
async fn nothing_waits_for_a_link_that_is_stuck() {
    let proxy = proxied().await;
    let client = connect(&proxy).await;
    // A client that sends and never reads: the echo fills every buffer on the way until nothing moves.
    let (_unread, mut writer) = client.into_split();
    let filler = tokio::spawn(async move {
        let block = vec![0; 64 << 10];
        while writer.write_all(&block).await.is_ok() {}
    });
    let mut last = 0;
    soon("the jam", async {
        loop {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let moved = proxy.stats().up.received;
            if moved > 0 && moved == last {
                break;
            }
            last = moved;
        }
    })
    .await;
    // All of these are plain calls; with a link that blocked them, the test would not end.
    for kind in [
        ToxicKind::Latency {
            latency: 1,
            jitter: 0,
        },
        ToxicKind::Slicer {
            average_size: 9,
            size_variation: 1,
            delay: 0,
        },
    ] {
        for stream in [Stream::Upstream, Stream::Downstream] {
            let toxic = toxic(kind, stream);
            proxy.add_toxic(toxic.clone()).unwrap();
            proxy.update_toxic(&toxic.name, kind, 0.5).unwrap();
            proxy.remove_toxic(&toxic.name).unwrap();
        }
    }
    proxy
        .add_toxic(toxic(ToxicKind::ResetPeer { timeout: 0 }, Stream::Upstream))
        .unwrap();
    proxy.clear_toxics();
    proxy.disable(Cut::Reset);
    until("the stuck link's end", || proxy.stats().open == 0).await;
    soon("the filler's error", filler).await.unwrap();
}

#[tokio::test]
async fn a_leased_toxic_lapses_and_a_renewed_one_does_not() {
    let proxy = proxied().await;
    let noop = toxic(ToxicKind::Noop {}, Stream::Upstream);
    let kept = proxy
        .add_toxic_leased(noop.clone().named(name("kept")), Duration::from_millis(50))
        .unwrap();
    kept.renew(LONG * 60).unwrap();
    let lapsed = proxy
        .add_toxic_leased(
            noop.clone().named(name("lapsing")),
            Duration::from_millis(50),
        )
        .unwrap();
    until("the lapse", || proxy.toxics().len() == 1).await;
    assert_eq!(proxy.toxics()[0].name, name("kept"));
    assert!(lapsed.renew(LONG).is_err() && kept.is_live());
    proxy.remove_toxic(&name("kept")).unwrap();
    assert!(!kept.is_live());
    until("the leases' tasks' end", || proxy.tasks() == 1).await;
}

#[tokio::test]
async fn a_leased_disable_comes_back_by_itself() {
    let proxy = proxied().await;
    let lease = proxy.disable_leased(Cut::Fin, LONG * 60);
    assert!(!proxy.is_enabled());
    lease.renew(Duration::from_millis(20)).unwrap();
    until("the return", || proxy.is_enabled()).await;
    round_trip(&mut connect(&proxy).await, b"back").await;
    // A later disable is not undone by an earlier one's lease.
    let first = proxy.disable_leased(Cut::Fin, LONG * 60);
    proxy.disable(Cut::Fin);
    assert!(first.renew(Duration::ZERO).is_err());
    until("the lease's task's end", || proxy.tasks() == 0).await;
    assert!(!proxy.is_enabled());
}

#[tokio::test]
async fn shutdown_and_drop_leave_no_task() {
    let proxy = proxied().await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        let mut client = connect(&proxy).await;
        round_trip(&mut client, b"x").await;
        clients.push(client);
    }
    let noop = toxic(ToxicKind::Noop {}, Stream::Upstream);
    let _lease = proxy.add_toxic_leased(noop.clone(), LONG * 60).unwrap();
    assert_eq!(proxy.tasks(), 22);
    soon("the shutdown", proxy.shutdown()).await;
    assert_eq!((proxy.tasks(), proxy.stats().open), (0, 0));
    for mut client in clients {
        assert_eq!(soon("the end", client.read(&mut [0; 8])).await.unwrap(), 0);
    }
    assert!(proxy.enable().is_err());
    assert!(matches!(
        proxy.add_toxic(noop.named(name("late"))),
        Err(ProxyError::ShutDown(_))
    ));

    let proxy = proxied().await;
    let mut client = connect(&proxy).await;
    round_trip(&mut client, b"x").await;
    drop(proxy);
    assert_eq!(soon("the end", client.read(&mut [0; 8])).await.unwrap(), 0);
}

#[tokio::test]
async fn wrong_changes_are_refused() {
    let proxy = proxied().await;
    let latency = toxic(
        ToxicKind::Latency {
            latency: 1,
            jitter: 0,
        },
        Stream::Upstream,
    );
    proxy.add_toxic(latency.clone()).unwrap();
    let same_name = toxic(ToxicKind::Noop {}, Stream::Downstream).named(latency.name.clone());
    assert_eq!(
        proxy.add_toxic(same_name),
        Err(ProxyError::ToxicExists(latency.name.clone()))
    );
    assert!(matches!(
        proxy.update_toxic(&latency.name, ToxicKind::Noop {}, 1.0),
        Err(ProxyError::OtherKind { .. })
    ));
    assert!(matches!(
        proxy.update_toxic(&latency.name, latency.kind, 2.0),
        Err(ProxyError::Toxic(_))
    ));
    assert!(matches!(
        proxy.remove_toxic(&name("none")),
        Err(ProxyError::NoSuchToxic(_))
    ));
    assert_eq!(proxy.toxics(), std::slice::from_ref(&latency));
    let twice = Proxy::bind(ProxyConfig {
        toxics: vec![latency.clone(), latency],
        ..config(proxy.local_addr())
    });
    assert!(
        twice
            .unwrap_err()
            .to_string()
            .contains("two toxics named `latency_upstream`")
    );
}

/// Which of twenty connections, one after another, a toxic with toxicity 0.5 works on.
async fn rolled(seed: u64) -> Vec<bool> {
    let limit = toxic(ToxicKind::LimitData { bytes: 0 }, Stream::Downstream).with_toxicity(0.5);
    let proxy = Proxy::bind(ProxyConfig {
        seed,
        toxics: vec![limit],
        ..config(echo().await)
    })
    .unwrap();
    let mut affected = Vec::new();
    for _ in 0..20 {
        let mut client = connect(&proxy).await;
        client.write_all(b"x").await.unwrap();
        affected.push(!matches!(
            soon("an answer", client.read(&mut [0; 1])).await,
            Ok(1)
        ));
    }
    affected
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seed_repeats_every_roll() {
    let first = rolled(11).await;
    assert_eq!(first, rolled(11).await);
    assert_ne!(first, rolled(12).await);
    assert!(first.contains(&true) && first.contains(&false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn toxics_change_all_the_time_and_no_byte_is_lost() {
    let proxy = proxied().await;
    let client = connect(&proxy).await;
    let sent: Vec<u8> = (0..4_000_000_u32).map(|n| (n >> 4) as u8).collect();
    let expected = sent.clone();
    let (mut reader, mut writer) = client.into_split();
    let write = tokio::spawn(async move {
        writer.write_all(&sent).await.unwrap();
        writer.shutdown().await.unwrap();
    });
    let read = tokio::spawn(async move {
        let mut got = Vec::new();
        reader.read_to_end(&mut got).await.unwrap();
        got
    });
    let kinds = [
        ToxicKind::Latency {
            latency: 3,
            jitter: 2,
        },
        ToxicKind::Bandwidth { rate: 50_000 },
        ToxicKind::Slicer {
            average_size: 500,
            size_variation: 100,
            delay: 0,
        },
        ToxicKind::SlowClose { delay: 5 },
    ];
    let mut round = 0;
    while !read.is_finished() {
        let stream = if round % 2 == 0 {
            Stream::Upstream
        } else {
            Stream::Downstream
        };
        let toxic = toxic(kinds[round % kinds.len()], stream);
        proxy.add_toxic(toxic.clone()).unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
        proxy.update_toxic(&toxic.name, toxic.kind, 0.5).unwrap();
        proxy.remove_toxic(&toxic.name).unwrap();
        round += 1;
        assert!(round < 60_000, "the stream does not end");
    }
    write.await.unwrap();
    assert!(read.await.unwrap() == expected);
}
