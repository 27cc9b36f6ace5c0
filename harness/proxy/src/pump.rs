//! One direction of a link: reads from one side, passes the chain, writes to the other. Polled by its link's task, so it
//! may be interrupted and given another chain at any time. Knows neither the other direction nor the proxy.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::alarm::Alarm;
use crate::armed::Armed;
use crate::chain::Chain;
use crate::queue::{Chunk, End};
use crate::stats::TrafficCounter;

/// The largest read, bytes.
const READ: usize = 64 << 10;

thread_local! {
    // Shared by all links of a thread: what a read yields is written or copied before the poll ends, so that an idle
    // connection owns no buffer.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into_boxed_slice());
}

/// How a direction has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The end of the stream has been passed on, or the receiver takes no more; the other direction goes on.
    Done,
    /// The connection is to be closed.
    Close,
    /// The connection is to be reset.
    Reset,
}

/// One direction of a link.
pub(crate) struct Pump<'a, R, W> {
    reader: R,
    writer: W,
    chain: Chain,
    traffic: &'a TrafficCounter,
    alarm: Alarm,
    /// The receiver takes no more.
    broken: bool,
}

impl<'a, R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Pump<'a, R, W> {
    pub(crate) fn new(
        reader: R,
        writer: W,
        chain: Chain,
        alarm: Alarm,
        traffic: &'a TrafficCounter,
    ) -> Self {
        Self {
            reader,
            writer,
            chain,
            traffic,
            alarm,
            broken: false,
        }
    }

    /// Takes over the proxy's toxics.
    pub(crate) fn apply(&mut self, toxics: &[Armed]) {
        self.chain.apply(toxics, Instant::now());
    }

    /// Works until something has to be waited for. Sockets spend the task's budget, so it yields under any load.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        loop {
            // A writer may hold what it took; a socket does not.
            if let Poll::Ready(Err(_)) = Pin::new(&mut self.writer).poll_flush(cx) {
                self.broken = true;
            }
            if self.broken {
                return Poll::Ready(Outcome::Done);
            }
            if self.chain.is_bypassed() {
                std::task::ready!(self.poll_copy(cx));
                continue;
            }
            let wake = self.chain.pump(Instant::now());
            if self.chain.is_reset() {
                return Poll::Ready(Outcome::Reset);
            }
            let wrote = self.write(cx);
            if let Some(end) = self.chain.out().at_end() {
                return self.poll_end(cx, end);
            }
            let read = self.read(cx);
            if !wrote && !read && !wake.is_some_and(|wake| self.alarm.rings(cx, wake)) {
                return Poll::Pending;
            }
        }
    }

    /// From socket to socket, past the chain. Ready when the chain has something to do again.
    fn poll_copy(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        SCRATCH.with_borrow_mut(|scratch| {
            loop {
                let mut buffer = ReadBuf::new(scratch);
                let result =
                    std::task::ready!(Pin::new(&mut self.reader).poll_read(cx, &mut buffer));
                let bytes = buffer.filled();
                if let Some(end) = end_of(&result, bytes) {
                    self.chain.inlet().finish(end);
                    return Poll::Ready(());
                }
                self.traffic.received(bytes.len());
                let written = match Pin::new(&mut self.writer).poll_write(cx, bytes) {
                    Poll::Ready(Ok(written)) => written,
                    Poll::Ready(Err(_)) => {
                        self.broken = true;
                        return Poll::Ready(());
                    }
                    Poll::Pending => 0,
                };
                self.traffic.sent(written);
                if written < bytes.len() {
                    let bytes = Bytes::copy_from_slice(&bytes[written..]);
                    self.chain.out().push(Chunk {
                        bytes,
                        arrived: Instant::now(),
                    });
                    return Poll::Ready(());
                }
            }
        })
    }

    /// One read into the chain, if it has room; whether it brought anything.
    fn read(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.chain.wants_input() {
            return false;
        }
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            let Poll::Ready(result) = Pin::new(&mut self.reader).poll_read(cx, &mut buffer) else {
                return false;
            };
            let bytes = buffer.filled();
            match end_of(&result, bytes) {
                Some(end) => self.chain.inlet().finish(end),
                None => {
                    self.traffic.received(bytes.len());
                    let bytes = Bytes::copy_from_slice(bytes);
                    self.chain.inlet().push(Chunk {
                        bytes,
                        arrived: Instant::now(),
                    });
                }
            }
            true
        })
    }

    /// Writes what has come out of the chain, chunk by chunk, so that slices stay slices; whether any byte went.
    fn write(&mut self, cx: &mut Context<'_>) -> bool {
        let mut wrote = false;
        while let Some(chunk) = self.chain.out().front() {
            match Pin::new(&mut self.writer).poll_write(cx, &chunk.bytes) {
                Poll::Ready(Ok(written)) if written > 0 => {
                    self.traffic.sent(written);
                    self.chain.out().take(written);
                    wrote = true;
                }
                Poll::Ready(_) => {
                    self.broken = true;
                    return true;
                }
                Poll::Pending => break,
            }
        }
        wrote
    }

    fn poll_end(&mut self, cx: &mut Context<'_>, end: End) -> Poll<Outcome> {
        match end {
            End::Eof => {
                // A receiver that is gone already needs no end.
                let _ = std::task::ready!(Pin::new(&mut self.writer).poll_shutdown(cx));
                Poll::Ready(Outcome::Done)
            }
            End::Close => Poll::Ready(Outcome::Close),
            End::Reset => Poll::Ready(Outcome::Reset),
        }
    }
}

/// What a read that brought no bytes says about the stream.
fn end_of(result: &io::Result<()>, bytes: &[u8]) -> Option<End> {
    match result {
        Ok(()) if bytes.is_empty() => Some(End::Eof),
        Ok(()) => None,
        // A peer's reset is passed on as what it is: the other side sees the error it would see without a proxy.
        Err(error) if error.kind() == ErrorKind::ConnectionReset => Some(End::Reset),
        Err(_) => Some(End::Close),
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex, split};
    use tokio::time::Duration;

    use super::*;
    use crate::dice::test_key;
    use crate::toxic::ToxicKind;
    use crate::toxics::rig::{armed, ms, test_entry};

    /// Runs a pump with these toxics between two in-memory pipes.
    fn start(
        kinds: &[ToxicKind],
    ) -> (DuplexStream, DuplexStream, tokio::task::JoinHandle<Outcome>) {
        let (sender, source) = duplex(1 << 16);
        let (sink, receiver) = duplex(1 << 16);
        let toxics: Vec<Armed> = kinds
            .iter()
            .zip(1..)
            .map(|(kind, id)| armed(id, kind.clone(), 1.0))
            .collect();
        let task = tokio::spawn(async move {
            let traffic = TrafficCounter::default();
            let (reader, _keep) = split(source);
            let (_keep_too, writer) = split(sink);
            let chain = Chain::new(test_key(0), test_entry());
            let mut pump = Pump::new(reader, writer, chain, Alarm::coarse(), &traffic);
            pump.apply(&toxics);
            poll_fn(|cx| pump.poll(cx)).await
        });
        (sender, receiver, task)
    }

    #[tokio::test(start_paused = true)]
    async fn copies_all_and_passes_the_end() {
        let (mut sender, mut receiver, task) = start(&[]);
        let sent: Vec<u8> = (0..1_000_000_u32).map(|n| n as u8).collect();
        let expected = sent.clone();
        tokio::spawn(async move {
            sender.write_all(&sent).await.unwrap();
            sender.shutdown().await.unwrap();
        });
        let mut got = Vec::new();
        receiver.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, expected);
        assert_eq!(task.await.unwrap(), Outcome::Done);
    }

    #[tokio::test(start_paused = true)]
    async fn latency_takes_its_time_and_overlaps() {
        let (mut sender, mut receiver, _task) = start(&[ToxicKind::Latency {
            latency: 200,
            jitter: 0,
        }]);
        let start = Instant::now();
        for _ in 0..10 {
            sender.write_all(b"x").await.unwrap();
            tokio::time::sleep(ms(10)).await;
        }
        let mut got = [0; 10];
        receiver.read_exact(&mut got).await.unwrap();
        let took = Instant::now() - start;
        assert!((ms(290)..=ms(292)).contains(&took), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn bandwidth_holds_over_a_stream() {
        let (mut sender, mut receiver, _task) = start(&[ToxicKind::Bandwidth { rate: 1_000 }]);
        tokio::spawn(async move { sender.write_all(&vec![1; 3_000_000]).await });
        let start = Instant::now();
        receiver.read_exact(&mut vec![0; 2_000_000]).await.unwrap();
        let took = (Instant::now() - start).as_secs_f64();
        // The last byte may wait for the end of its chunk: 65 ms of the line.
        assert!(
            (1.96..=2.08).contains(&took),
            "2 MB at 1 MB/s took {took} s"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_receiver_that_does_not_read_stops_the_sender() {
        let (mut sender, _receiver, task) = start(&[ToxicKind::Latency {
            latency: 1,
            jitter: 0,
        }]);
        let taken = tokio::time::timeout(Duration::from_secs(60), async {
            let mut taken = 0;
            while sender.write_all(&[0; 1_024]).await.is_ok() {
                taken += 1_024;
                assert!(taken < 64 << 20, "memory is not bounded");
            }
        });
        assert!(taken.await.is_err() && !task.is_finished());
    }

    #[tokio::test(start_paused = true)]
    async fn timeout_and_reset_end_the_connection() {
        let (_sender, _receiver, task) = start(&[ToxicKind::Timeout { timeout: 500 }]);
        assert_eq!(task.await.unwrap(), Outcome::Close);
        let (mut sender, _receiver, task) = start(&[ToxicKind::ResetPeer { timeout: 500 }]);
        sender.write_all(b"x").await.unwrap();
        assert_eq!(task.await.unwrap(), Outcome::Reset);
    }
}
