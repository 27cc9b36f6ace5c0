//! One accepted connection: dials the upstream, runs both directions in one task, and ends both sockets as the outcome
//! asks. Knows the proxy only through what is shared.

use std::future::poll_fn;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::TcpStream;

use crate::alarm::Alarm;
use crate::chain::Chain;
use crate::http::{Counter, CounterReader, CounterWriter, TapReader, TapWriter};
use crate::pump::{Outcome, Pump};
use crate::shared::{Cut, Seat};
use crate::toxic::Stream;

/// How much unread data is thrown away at an orderly end, bytes: what is left unread turns a FIN into a reset.
const DRAIN: usize = 1 << 20;

/// Runs a link to its end.
pub(crate) async fn run(seat: Seat, mut client: TcpStream) {
    // As the real server: small writes leave at once, or a proxy would add the delay of Nagle's algorithm.
    let _ = client.set_nodelay(true);
    let dialled = tokio::select! {
        biased;
        cut = poll_fn(|cx| seat.control.poll_cut(cx)) => Err(cut),
        dialled = dial(&seat) => Ok(dialled),
    };
    match dialled {
        Ok(Some(mut upstream)) => {
            let cut = serve(&seat, &mut client, &mut upstream).await;
            end(&client, cut);
            end(&upstream, cut);
        }
        Ok(None) => {
            seat.shared
                .counters
                .dial_failures
                .fetch_add(1, Ordering::Relaxed);
            end(&client, Cut::Fin);
        }
        Err(cut) => end(&client, cut),
    }
}

async fn dial(seat: &Seat) -> Option<TcpStream> {
    let upstream = seat.shared.state().upstream.clone()?;
    match TcpStream::connect(upstream.as_str()).await {
        Ok(stream) => {
            let _ = stream.set_nodelay(true);
            Some(stream)
        }
        Err(error) => {
            tracing::debug!(proxy = %seat.shared.name, %upstream, %error, "failed to reach the upstream");
            None
        }
    }
}

/// Both directions, until both are done or one ends the whole.
async fn serve(seat: &Seat, client: &mut TcpStream, upstream: &mut TcpStream) -> Cut {
    let shared = &seat.shared;
    let ((client_in, client_out), (upstream_in, upstream_out)) = (client.split(), upstream.split());
    let chain = |stream| Chain::new(seat.key(stream), seat.entry.clone());
    let counter = Counter::new(seat.key(Stream::Downstream), seat.entry.clone());
    let watcher = seat.watcher().map(Mutex::new);
    let mut up = Pump::new(
        TapReader::new(client_in, watcher.as_ref()),
        CounterWriter::new(upstream_out, &counter),
        chain(Stream::Upstream),
        Alarm::of(shared),
        &shared.counters.up,
    );
    let mut down = Pump::new(
        CounterReader::new(upstream_in, &counter, Alarm::of(shared)),
        TapWriter::new(client_out, watcher.as_ref()),
        chain(Stream::Downstream),
        Alarm::of(shared),
        &shared.counters.down,
    );
    let (mut up_done, mut down_done) = (false, false);
    let mut seen = None;
    poll_fn(|cx| {
        // Registers before it looks, so that no change is missed.
        if let Poll::Ready(cut) = seat.control.poll_cut(cx) {
            return Poll::Ready(cut);
        }
        if seen != Some(shared.version()) {
            let (version, up_toxics, down_toxics) = shared.chains();
            up.apply(&up_toxics);
            down.apply(&down_toxics);
            counter.apply(&down_toxics);
            seen = Some(version);
        }
        let polled = [
            (!up_done).then(|| up.poll(cx)),
            (!down_done).then(|| down.poll(cx)),
        ];
        for (done, polled) in [&mut up_done, &mut down_done].into_iter().zip(polled) {
            match polled {
                Some(Poll::Ready(Outcome::Done)) => *done = true,
                Some(Poll::Ready(Outcome::Close)) => return Poll::Ready(Cut::Fin),
                Some(Poll::Ready(Outcome::Reset)) => return Poll::Ready(Cut::Reset),
                Some(Poll::Pending) | None => {}
            }
        }
        if up_done && down_done {
            Poll::Ready(Cut::Fin)
        } else {
            Poll::Pending
        }
    })
    .await
}

/// Prepares a socket so that dropping it ends the connection as `cut` says.
fn end(stream: &TcpStream, cut: Cut) {
    let socket = SockRef::from(stream);
    // Errors mean that the connection has ended already.
    match cut {
        Cut::Reset => {
            let _ = socket.set_linger(Some(Duration::ZERO));
        }
        Cut::Fin => {
            let _ = socket.shutdown(std::net::Shutdown::Write);
            let (mut scratch, mut drained) = ([0; 8 << 10], 0);
            while drained < DRAIN {
                match stream.try_read(&mut scratch) {
                    Ok(read) if read > 0 => drained += read,
                    _ => break,
                }
            }
        }
    }
}
