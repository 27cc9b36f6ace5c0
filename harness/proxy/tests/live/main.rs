//! The proxy over real sockets. Waits for events, never for time to pass. Here is what the tests share: an echo server,
//! clients, and limits that only a hang reaches.

#![expect(clippy::unwrap_used, reason = "a panic in a test is its report")]

mod api;
mod beyond;
mod fuzz;
mod http;
mod http_toxics;
mod life;
mod toxics;

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use harness_proxy::{Proxy, ProxyConfig, ProxyName, Stream, Toxic, ToxicKind, ToxicName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Far longer than anything here takes, even on a machine that is busy with something else.
pub(crate) const LONG: Duration = Duration::from_secs(60);

pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(LONG, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what} did not happen within a minute"),
    }
}

/// Polls a condition that no event announces.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    soon(what, async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

/// Tasks that are alive once none ends or begins any more: those that a server keeps.
pub(crate) async fn resting_tasks() -> usize {
    let tasks = tokio::runtime::Handle::current().metrics();
    let (mut alive, mut same) = (tasks.num_alive_tasks(), 0);
    soon("a rest", async {
        while same < 10 {
            tokio::time::sleep(Duration::from_millis(2)).await;
            let before = std::mem::replace(&mut alive, tasks.num_alive_tasks());
            same = if alive == before { same + 1 } else { 0 };
        }
    })
    .await;
    alive
}

/// A server that sends everything back and ends its side when the client ends its own.
pub(crate) async fn echo() -> SocketAddr {
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

pub(crate) fn config(upstream: SocketAddr) -> ProxyConfig {
    let listen = "127.0.0.1:0".parse().unwrap();
    ProxyConfig::new(
        ProxyName::new("test").unwrap(),
        listen,
        Some(upstream.into()),
        1,
    )
}

pub(crate) async fn proxied() -> Proxy {
    Proxy::bind(config(echo().await)).unwrap()
}

pub(crate) async fn connect(proxy: &Proxy) -> TcpStream {
    soon("connecting", TcpStream::connect(proxy.local_addr()))
        .await
        .unwrap()
}

/// Sends and expects the same back.
pub(crate) async fn round_trip(stream: &mut TcpStream, text: &[u8]) {
    stream.write_all(text).await.unwrap();
    let mut back = vec![0; text.len()];
    soon("an echo", stream.read_exact(&mut back)).await.unwrap();
    assert_eq!(back, text);
}

pub(crate) fn toxic(kind: ToxicKind, stream: Stream) -> Toxic {
    Toxic::new(kind, stream)
}

pub(crate) fn name(text: &str) -> ToxicName {
    ToxicName::new(text).unwrap()
}
