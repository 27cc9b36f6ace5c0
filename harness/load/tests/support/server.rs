//! Servers that behave as a test needs: each answers a connection by a function of the request's number on it.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A small answer.
pub(crate) const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A server on a port of its own; gone when dropped.
pub(crate) struct Server {
    pub(crate) url: String,
    /// Requests read so far.
    pub(crate) requests: Arc<AtomicU64>,
    /// Connections accepted so far.
    pub(crate) connections: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Answers each request with what `answer` makes of the connection and the request's number on it, from 0;
    /// `None` from it ends the connection.
    pub(crate) async fn start<A, F>(answer: A) -> Self
    where
        A: Fn(TcpStream, u64) -> F + Clone + Send + 'static,
        F: Future<Output = Option<TcpStream>> + Send + 'static,
    {
        Self::serve(move |stream, number, _| answer(stream, number)).await
    }

    async fn serve<A, F>(answer: A) -> Self
    where
        A: Fn(TcpStream, u64, String) -> F + Clone + Send + 'static,
        F: Future<Output = Option<TcpStream>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let (requests, connections) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let counts = (Arc::clone(&requests), Arc::clone(&connections));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counts.1.fetch_add(1, Ordering::Relaxed);
                stream.set_nodelay(true).unwrap();
                tokio::spawn(converse(stream, answer.clone(), Arc::clone(&counts.0)));
            }
        });
        Self {
            url: format!("http://{address}/"),
            requests,
            connections,
            task,
        }
    }

    /// Answers each request with what `answer` makes of its head.
    pub(crate) async fn reading<A, F>(answer: A) -> Self
    where
        A: Fn(TcpStream, String) -> F + Clone + Send + 'static,
        F: Future<Output = Option<TcpStream>> + Send + 'static,
    {
        Self::serve(move |stream, _, head| answer(stream, head)).await
    }

    /// Answers everything with [`OK`].
    pub(crate) async fn ok() -> Self {
        Self::start(|stream, _| say(stream, OK)).await
    }

    /// Answers with [`OK`], but nothing while the value is true.
    pub(crate) async fn freezing(frozen: watch::Receiver<bool>) -> Self {
        Self::start(move |stream, _| {
            let mut frozen = frozen.clone();
            async move {
                frozen.wait_for(|frozen| !frozen).await.ok()?;
                say(stream, OK).await
            }
        })
        .await
    }
}

async fn converse<A, F>(mut stream: TcpStream, answer: A, requests: Arc<AtomicU64>)
where
    A: Fn(TcpStream, u64, String) -> F,
    F: Future<Output = Option<TcpStream>>,
{
    for number in 0.. {
        // Requests here have no body, so the blank line is their end.
        let mut read = Vec::new();
        while !read.ends_with(b"\r\n\r\n") {
            match stream.read_buf(&mut read).await {
                Ok(1..) => {}
                _ => return,
            }
        }
        requests.fetch_add(1, Ordering::Relaxed);
        let head = String::from_utf8_lossy(&read).to_ascii_lowercase();
        match answer(stream, number, head).await {
            Some(again) => stream = again,
            None => return,
        }
    }
}

/// Writes these bytes and keeps the connection.
pub(crate) async fn say(mut stream: TcpStream, bytes: &'static [u8]) -> Option<TcpStream> {
    stream.write_all(bytes).await.ok()?;
    Some(stream)
}

/// Writes these bytes and closes the connection.
pub(crate) async fn say_and_close(stream: TcpStream, bytes: &'static [u8]) -> Option<TcpStream> {
    say(stream, bytes).await?.shutdown().await.ok()?;
    None
}

/// The same with a text made for the occasion.
pub(crate) async fn say_text(mut stream: TcpStream, text: String) -> Option<TcpStream> {
    stream.write_all(text.as_bytes()).await.ok()?;
    Some(stream)
}
