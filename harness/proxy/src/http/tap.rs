//! The client's side of a connection with a [`Watcher`] beside it: bytes pass as they are, and the watcher sees them when
//! they do. Without one it is the socket.

use std::io;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::watch::Watcher;

/// Both halves see the same watcher; they are polled by one task, so nobody ever waits for the lock.
type Shared<'a> = Option<&'a Mutex<Watcher>>;

fn lock(watcher: &Mutex<Watcher>) -> MutexGuard<'_, Watcher> {
    watcher.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the client sends.
pub(crate) struct TapReader<'a, R> {
    inner: R,
    watcher: Shared<'a>,
}

impl<'a, R> TapReader<'a, R> {
    pub(crate) fn new(inner: R, watcher: Shared<'a>) -> Self {
        Self { inner, watcher }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for TapReader<'_, R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = ready!(Pin::new(&mut self.inner).poll_read(cx, buffer));
        if let Some(watcher) = self.watcher {
            match buffer.filled().get(before..) {
                Some(bytes) if result.is_ok() && !bytes.is_empty() => {
                    lock(watcher).client(bytes, Instant::now());
                }
                _ => lock(watcher).client_ended(Instant::now()),
            }
        }
        Poll::Ready(result)
    }
}

/// What goes to the client.
pub(crate) struct TapWriter<'a, W> {
    inner: W,
    watcher: Shared<'a>,
}

impl<'a, W> TapWriter<'a, W> {
    pub(crate) fn new(inner: W, watcher: Shared<'a>) -> Self {
        Self { inner, watcher }
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for TapWriter<'_, W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write(cx, bytes))?;
        if let Some(watcher) = self.watcher {
            lock(watcher).service(bytes.get(..written).unwrap_or_default(), Instant::now());
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(watcher) = self.watcher {
            lock(watcher).service_ended();
        }
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
