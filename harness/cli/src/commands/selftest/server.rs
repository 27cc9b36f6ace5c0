//! The server that a self-test loads: answers every request at once with twelve bytes, on loopback, until whoever started
//! it is gone. Small on purpose: what it costs must not be mistaken for the generator's cost.

use crate::commands::session;
use crate::error::CliError;
use crate::printer::Printer;
use std::cell::Cell;
use std::io::Read as _;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::Instant;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\nhello, world";

/// A request after a rest of this length is told: a load has begun.
const REST: Duration = Duration::from_millis(150);

/// The word for it, a line of its own.
pub(super) const LOADED: &str = "loaded";

/// Connections that the kernel takes while this server stands still. It must hold a load's: the packet that asks for
/// one beyond it is dropped and sent again only a second later, which a freeze of a second can't be told from. Usually
/// 128, and never more than `net.core.somaxconn`.
const QUEUE: u32 = 4096;

/// When the last request came, over all connections.
type Last = Rc<Cell<Option<Instant>>>;

/// Serves until its standard input ends. The first line on stdout is the address.
pub(crate) fn serve(printer: Printer) -> Result<u8, CliError> {
    // Also when it is stopped at that moment and sees no end of any input.
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| session::no_runtime(&error))?;
    let tasks = tokio::task::LocalSet::new();
    let served = tasks.block_on(&runtime, async {
        tokio::select! {
            served = listen(printer) => served,
            () = orphaned() => Ok(()),
        }
    });
    runtime.shutdown_background();
    let failed = |error| CliError::Machine(format!("failed to serve the self-test: {error}"));
    served.map(|()| 0).map_err(failed)
}

async fn listen(printer: Printer) -> std::io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let listener = socket.listen(QUEUE)?;
    printer.data(&format!("{}\n", listener.local_addr()?));
    let last = Last::default();
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::task::spawn_local(answer(stream, Rc::clone(&last), printer));
    }
}

/// Returns when nobody holds the other end of the standard input any more.
async fn orphaned() {
    let watch = tokio::task::spawn_blocking(|| {
        let mut word = [0; 16];
        while std::io::stdin().read(&mut word).is_ok_and(|n| n > 0) {}
    });
    let _ = watch.await;
}

/// Answers what comes on a connection until it closes.
async fn answer(mut stream: TcpStream, last: Last, printer: Printer) {
    let _ = stream.set_nodelay(true);
    let mut buffer = [0; 16 * 1024];
    let mut ends = Ends::default();
    while let Ok(n @ 1..) = stream.read(&mut buffer).await {
        let requests = ends.count(&buffer[..n]);
        if requests == 0 {
            continue;
        }
        let now = Instant::now();
        let before = last.replace(Some(now));
        if before.is_none_or(|before| now.duration_since(before) > REST) {
            printer.data(&format!("{LOADED}\n"));
        }
        if stream.write_all(&ANSWER.repeat(requests)).await.is_err() {
            return;
        }
    }
}

/// Counts the empty lines that end heads of requests without a body, however they are cut into pieces.
#[derive(Debug, Default)]
struct Ends(usize);

impl Ends {
    fn count(&mut self, bytes: &[u8]) -> usize {
        const END: &[u8] = b"\r\n\r\n";
        let mut found = 0;
        for byte in bytes {
            self.0 = match *byte {
                byte if byte == END[self.0] => self.0 + 1,
                b'\r' => 1,
                _ => 0,
            };
            if self.0 == END.len() {
                self.0 = 0;
                found += 1;
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_counted_however_they_are_cut() {
        let text = b"GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1\r\nb: \r\r\n\r\n";
        for cut in 0..text.len() {
            let mut ends = Ends::default();
            let found = ends.count(&text[..cut]) + ends.count(&text[cut..]);
            assert_eq!(found, 2, "cut at {cut}");
        }
    }
}
