//! Toxics on open connections: they come, change and go while bytes flow; seeds repeat their rolls.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use harness_proxy::{Proxy, ProxyConfig, ProxyError, Stream, ToxicKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{config, connect, echo, name, proxied, round_trip, soon, toxic, until};

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
    let updated = proxy.update_toxic(&toxic.name, kind.clone(), 1.0).unwrap();
    assert_eq!(updated.kind, kind);
    assert_eq!(proxy.toxics(), [updated]);
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
        proxy.update_toxic(&latency.name, latency.kind.clone(), 2.0),
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
        let toxic = toxic(kinds[round % kinds.len()].clone(), stream);
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
