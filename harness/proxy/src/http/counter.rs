//! The service's side of a connection with a [`Desk`] before it. While no `http` toxic asks for it, it is the socket.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::desk::{Desk, Side};
use crate::alarm::Alarm;
use crate::armed::Armed;
use crate::connections::Entry;
use crate::dice::LinkKey;
use crate::queue::End;

/// The largest read, bytes.
const READ: usize = 64 << 10;

/// What an empty buffer may keep, bytes.
const KEPT: usize = 4 << 10;

thread_local! {
    // As the pump's, and apart from it, for it is in use while this is: an idle connection owns no buffer.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into_boxed_slice());
}

/// What both halves share. They are polled by one task, so nobody ever waits for the lock.
pub(crate) struct Counter {
    /// The desk has something to do: bytes must not go past it.
    busy: AtomicBool,
    /// Whose bytes went past it last: 1 the client's, 2 the service's.
    last: AtomicU8,
    inner: Mutex<Inner>,
}

struct Inner {
    desk: Desk,
    /// Waits to hand in what the client sent.
    writer: Option<Waker>,
}

impl Counter {
    pub(crate) fn new(key: LinkKey, entry: Arc<Entry>) -> Self {
        Self {
            busy: AtomicBool::new(false),
            last: AtomicU8::new(0),
            inner: Mutex::new(Inner {
                desk: Desk::new(key, entry),
                writer: None,
            }),
        }
    }

    /// Takes over the proxy's toxics.
    pub(crate) fn apply(&self, toxics: &[Armed]) {
        let mut inner = self.lock();
        inner.desk.passed(match self.last.swap(0, Relaxed) {
            1 => Some(Side::Client),
            2 => Some(Side::Service),
            _ => None,
        });
        inner.desk.apply(toxics);
        self.settle(&inner.desk);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settle(&self, desk: &Desk) {
        self.busy.store(!desk.is_idle(), Relaxed);
    }
}

/// What the service sends, or what is said in its stead.
pub(crate) struct CounterReader<'a, R> {
    inner: R,
    counter: &'a Counter,
    /// Read from the service and not yet taken by the desk.
    unread: Vec<u8>,
    alarm: Alarm,
}

impl<'a, R> CounterReader<'a, R> {
    pub(crate) fn new(inner: R, counter: &'a Counter, alarm: Alarm) -> Self {
        Self {
            inner,
            counter,
            unread: Vec::new(),
            alarm,
        }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for CounterReader<'_, R> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let counter = this.counter;
        if !counter.busy.load(Relaxed) {
            let before = buffer.filled().len();
            ready!(Pin::new(&mut this.inner).poll_read(cx, buffer))?;
            if buffer.filled().len() > before {
                counter.last.store(2, Relaxed);
            }
            return Poll::Ready(Ok(()));
        }
        let mut inner = counter.lock();
        let unsent = inner.desk.to_service.len();
        let polled = this.poll_desk(cx, buffer, &mut inner.desk);
        // The half that sends it has had its turn. Not for what it could not send: the socket wakes it for that.
        if inner.desk.to_service.len() > unsent {
            cx.waker().wake_by_ref();
        }
        let room = inner.desk.takes_client();
        if let Some(waker) = inner.writer.take_if(|_| room) {
            waker.wake();
        }
        if this.unread.is_empty() {
            counter.settle(&inner.desk);
        }
        polled
    }
}

impl<R: AsyncRead + Unpin> CounterReader<'_, R> {
    fn poll_desk(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
        desk: &mut Desk,
    ) -> Poll<io::Result<()>> {
        loop {
            let now = Instant::now();
            let wake = desk.advance(now);
            if !desk.to_client.is_empty() {
                let length = desk.to_client.len().min(buffer.remaining());
                buffer.put_slice(&desk.to_client[..length]);
                desk.to_client.drain(..length);
                give_back(&mut desk.to_client);
                return Poll::Ready(Ok(()));
            }
            match desk.end() {
                Some(End::Eof) => return Poll::Ready(Ok(())),
                Some(End::Reset) => return Poll::Ready(Err(ErrorKind::ConnectionReset.into())),
                Some(End::Close) => return Poll::Ready(Err(ErrorKind::ConnectionAborted.into())),
                None => {}
            }
            if desk.wants_service() {
                if self.unread.is_empty() {
                    ready!(self.poll_fill(cx, desk, now));
                } else {
                    let unread = std::mem::take(&mut self.unread);
                    let taken = desk.service(&unread, now);
                    self.unread.extend_from_slice(&unread[taken..]);
                }
            } else {
                match wake {
                    Some(wake) if self.alarm.rings(cx, wake) => {}
                    // The timer, or the half that takes the client's bytes, wakes this one.
                    _ => return Poll::Pending,
                }
            }
        }
    }

    /// Reads from the service, for the desk.
    fn poll_fill(&mut self, cx: &mut Context<'_>, desk: &mut Desk, now: Instant) -> Poll<()> {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            let result = ready!(Pin::new(&mut self.inner).poll_read(cx, &mut buffer));
            let bytes = buffer.filled();
            match result {
                Ok(()) if !bytes.is_empty() => {
                    let taken = desk.service(bytes, now);
                    self.unread.extend_from_slice(&bytes[taken..]);
                }
                Ok(()) => desk.service_ended(End::Eof),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                    desk.service_ended(End::Reset);
                }
                Err(_) => desk.service_ended(End::Close),
            }
            Poll::Ready(())
        })
    }
}

/// An idle connection owns no buffer of a size that is worth mentioning.
fn give_back(buffer: &mut Vec<u8>) {
    if buffer.is_empty() && buffer.capacity() > KEPT {
        *buffer = Vec::new();
    }
}

/// What goes to the service, as far as it is to hear of it.
pub(crate) struct CounterWriter<'a, W> {
    inner: W,
    counter: &'a Counter,
}

impl<'a, W: AsyncWrite + Unpin> CounterWriter<'a, W> {
    pub(crate) fn new(inner: W, counter: &'a Counter) -> Self {
        Self { inner, counter }
    }

    /// Sends what the desk has passed on.
    fn poll_send(&mut self, cx: &mut Context<'_>, desk: &mut Desk) -> Poll<io::Result<()>> {
        while !desk.to_service.is_empty() {
            let sent = ready!(Pin::new(&mut self.inner).poll_write(cx, &desk.to_service))?;
            if sent == 0 {
                return Poll::Ready(Err(ErrorKind::WriteZero.into()));
            }
            desk.to_service.drain(..sent);
        }
        give_back(&mut desk.to_service);
        Poll::Ready(Ok(()))
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for CounterWriter<'_, W> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let counter = this.counter;
        if !counter.busy.load(Relaxed) {
            let written = ready!(Pin::new(&mut this.inner).poll_write(cx, bytes))?;
            counter.last.store(1, Relaxed);
            return Poll::Ready(Ok(written));
        }
        let mut inner = counter.lock();
        ready!(this.poll_send(cx, &mut inner.desk))?;
        let taken = inner.desk.client(bytes, Instant::now());
        if taken == 0 {
            inner.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        match this.poll_send(cx, &mut inner.desk) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            // The rest is sent by a flush or before the next write.
            _ => Poll::Ready(Ok(taken)),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let counter = this.counter;
        if counter.busy.load(Relaxed) {
            ready!(this.poll_send(cx, &mut counter.lock().desk))?;
        }
        Pin::new(&mut this.inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let counter = this.counter;
        if counter.busy.load(Relaxed) {
            let mut inner = counter.lock();
            inner.desk.client_ended();
            ready!(this.poll_send(cx, &mut inner.desk))?;
        }
        Pin::new(&mut this.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use serde_json::json;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex, split};
    use tokio::time::Duration;

    use super::*;
    use crate::chain::Chain;
    use crate::dice::test_key;
    use crate::pump::Pump;
    use crate::stats::TrafficCounter;
    use crate::toxic::ToxicKind;
    use crate::toxics::rig::{armed, test_entry};

    #[tokio::test]
    async fn an_idle_connection_keeps_no_large_buffer() {
        let attributes = json!({"drop": true, "method": "NONE"});
        let kind = ToxicKind::from_parts("http", attributes.as_object().cloned().unwrap()).unwrap();
        let counter = Counter::new(test_key(0), test_entry());
        counter.apply(&[armed(1, kind, 1.0)]);
        let body = "x".repeat(300_000);
        let message = |line| format!("{line}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let (asked, told) = (message("POST / HTTP/1.1"), message("HTTP/1.1 200 OK"));
        let (mut heard, mut got) = (Vec::new(), vec![0; told.len()]);
        let mut writer = CounterWriter::new(&mut heard, &counter);
        writer.write_all(asked.as_bytes()).await.unwrap();
        writer.flush().await.unwrap();
        let mut reader = CounterReader::new(told.as_bytes(), &counter, Alarm::coarse());
        reader.read_exact(&mut got).await.unwrap();
        assert!(heard == asked.as_bytes() && got == told.as_bytes());
        let inner = counter.lock();
        let kept = [&inner.desk.to_service, &inner.desk.to_client].map(Vec::capacity);
        assert!(kept.iter().all(|kept| *kept <= KEPT), "{kept:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_slow_service_did_not_take_at_once_follows() {
        let (mut client, source) = duplex(1 << 10);
        let (sink, mut service) = duplex(7);
        tokio::spawn(async move {
            let attributes = json!({"delay": 1}).as_object().cloned().unwrap();
            let kind = ToxicKind::from_parts("http", attributes).unwrap();
            let counter = Counter::new(test_key(0), test_entry());
            counter.apply(&[armed(1, kind, 1.0)]);
            let (traffic, chain) = (
                TrafficCounter::default(),
                Chain::new(test_key(0), test_entry()),
            );
            let (reader, _keep) = split(source);
            let (_keep_too, writer) = split(sink);
            let writer = CounterWriter::new(writer, &counter);
            let mut pump = Pump::new(reader, writer, chain, Alarm::coarse(), &traffic);
            poll_fn(|cx| pump.poll(cx)).await
        });
        let request = b"GET /a/path/longer/than/the/pipe HTTP/1.1\r\n\r\n";
        client.write_all(request).await.unwrap();
        let mut got = vec![0; request.len()];
        let whole = tokio::time::timeout(Duration::from_secs(60), service.read_exact(&mut got));
        whole.await.expect("the rest never comes").unwrap();
        assert_eq!(got, request);
    }
}
