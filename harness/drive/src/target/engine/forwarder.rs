//! A TCP address that leads to the engine's socket and can be cut: an engine that is reached over TCP, and one that dies.

use std::net::{Ipv4Addr, SocketAddr};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, UnixStream};
use tokio::task::{JoinHandle, JoinSet};

/// It forwards until it is dropped; then every connection ends, and the port is closed.
pub(super) struct Forwarder {
    pub(super) address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Forwarder {
    pub(super) async fn start(socket: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let socket = socket.trim_start_matches("unix://").to_owned();
        let serving = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut from, _)) = listener.accept().await {
                let socket = socket.clone();
                connections.spawn(async move {
                    let mut to = UnixStream::connect(socket).await.unwrap();
                    let _ = copy_bidirectional(&mut from, &mut to).await;
                });
            }
        });
        Self { address, serving }
    }

    /// Cuts every connection and takes no more.
    pub(super) async fn cut(mut self) {
        self.serving.abort();
        let _ = (&mut self.serving).await;
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
