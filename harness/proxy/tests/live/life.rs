//! A proxy's life: bytes and half-closes, down and up, upstreams that come late, leases, stuck links, the end.

use std::io::ErrorKind;
use std::pin::pin;
use std::time::Duration;

use futures::poll;
use harness_proxy::{Cut, Proxy, ProxyConfig, ProxyError, Stream, ToxicKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::{LONG, config, connect, echo, name, proxied, round_trip, soon, toxic, until};

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
    proxy.set_upstream(Some(echo().await.into()));
    round_trip(&mut connect(&proxy).await, b"first").await;
    proxy.set_upstream(Some(echo().await.into()));
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
            let toxic = toxic(kind.clone(), stream);
            proxy.add_toxic(toxic.clone()).unwrap();
            proxy.update_toxic(&toxic.name, kind.clone(), 0.5).unwrap();
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
async fn an_upstream_that_is_not_there_or_resets_is_passed_on_as_what_it_is() {
    // Bound but not listening: nobody else can get the port, and connecting is refused.
    let nobody = TcpSocket::new_v4().unwrap();
    nobody.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let proxy = Proxy::bind(config(nobody.local_addr().unwrap())).unwrap();
    let mut client = connect(&proxy).await;
    assert_eq!(
        soon("the close", client.read(&mut [0; 8])).await.unwrap(),
        0
    );
    assert_eq!(proxy.stats().dial_failures, 1);

    let resetting = TcpListener::bind("127.0.0.1:0").await.unwrap();
    proxy.set_upstream(Some(resetting.local_addr().unwrap().into()));
    let mut client = connect(&proxy).await;
    let (mut upstream, _) = soon("the dial", resetting.accept()).await.unwrap();
    upstream.write_all(b"x").await.unwrap();
    soon("a byte", client.read_exact(&mut [0])).await.unwrap();
    upstream.set_zero_linger().unwrap();
    drop(upstream);
    let error = soon("the reset", client.read(&mut [0; 8]))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    until("the link's end", || proxy.stats().open == 0).await;
}

#[tokio::test]
async fn an_upstream_that_never_answers_a_dial_keeps_nothing_waiting() {
    // A listener whose queue is full: the system answers no more dials.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let slow = socket.listen(1).unwrap();
    let mut filling = Vec::new();
    while let Ok(Ok(stream)) = tokio::time::timeout(
        Duration::from_millis(200),
        TcpStream::connect(slow.local_addr().unwrap()),
    )
    .await
    {
        filling.push(stream);
    }
    let mut another = pin!(TcpStream::connect(slow.local_addr().unwrap()));
    assert!(poll!(another.as_mut()).is_pending(), "the queue has room");
    let proxy = Proxy::bind(config(slow.local_addr().unwrap())).unwrap();
    let mut client = connect(&proxy).await;
    until("the link", || proxy.stats().open == 1).await;
    proxy
        .add_toxic(toxic(ToxicKind::Noop {}, Stream::Upstream))
        .unwrap();
    proxy.clear_toxics();
    soon("the shutdown", proxy.shutdown()).await;
    assert_eq!(soon("the end", client.read(&mut [0; 8])).await.unwrap(), 0);
    assert_eq!(proxy.tasks(), 0);
    assert!(
        poll!(another.as_mut()).is_pending(),
        "the queue had room: the proxy's dial may have been answered"
    );
}
