//! One connection of the lane: a socket, what was asked on it, what has come of the answer. Decides nothing.

use super::Ask;
use super::answer::Partial;
use super::{stamped, stamps::Stamp};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Addresses in the order in which they are tried.
pub(super) type Route = Vec<SocketAddr>;

/// A connection's place; it stays when the connection goes.
#[derive(Debug, Default)]
pub(super) struct Connection {
    stream: Option<TcpStream>,
    pub(super) state: State,
    /// While it is being opened: the address that is tried, and those that come after it.
    pub(super) route: Route,
    /// How many answers came on it.
    pub(super) answers: u64,
    /// Whether the other side has closed it; what came before may still be read.
    pub(super) hung_up: bool,
    /// Whether any byte of the last request was written.
    pub(super) wrote: bool,
    /// What is still to be written of the request.
    unsent: Vec<u8>,
    /// The answer so far, where it did not come in one piece.
    pub(super) answer: Option<Box<Partial>>,
}

/// What a connection is doing.
#[derive(Debug, Default, Clone, Copy)]
pub(super) enum State {
    /// There is none.
    #[default]
    Closed,
    /// It is being opened for a request; since when the first address of its route is tried.
    Dialing(Ask, Duration),
    /// It waits for a request.
    Idle,
    /// It waits for an answer.
    Busy(Ask),
}

impl Connection {
    /// A new socket that is being opened.
    pub(super) fn dialed(&mut self, stream: TcpStream, ask: Ask, at: Duration, route: Route) {
        self.close();
        self.stream = Some(stream);
        self.state = State::Dialing(ask, at);
        self.route = route;
    }

    /// The port it comes from.
    pub(super) fn port(&self) -> Option<u16> {
        let local = self.stream.as_ref()?.local_addr();
        local.ok().map(|local| local.port())
    }

    /// Whether it can carry another request: all of the last one was sent, and the other side has not closed it.
    pub(super) const fn is_free(&self) -> bool {
        !self.hung_up && self.unsent.is_empty()
    }

    /// Whether the request of this arrival is under way on it.
    pub(super) const fn carries(&self, number: u64) -> bool {
        matches!(self.state, State::Busy(ask) if ask.turn.number == number)
    }

    /// Ends it at once.
    pub(super) fn close(&mut self) {
        *self = Self::default();
    }

    /// What connecting came to, if it has ended.
    pub(super) fn connected(&self) -> Option<io::Result<()>> {
        let stream = self.stream.as_ref()?;
        match stream.take_error() {
            Ok(None) => {
                let peer = stream.peer_addr().ok()?;
                // On loopback, a port nobody listens on can be drawn as the source port too: TCP then connects to itself.
                let own = stream.local_addr().is_ok_and(|local| local == peer);
                Some(if own {
                    Err(io::ErrorKind::ConnectionRefused.into())
                } else {
                    Ok(())
                })
            }
            Ok(Some(error)) | Err(error) => Some(Err(error)),
        }
    }

    /// Writes what the socket takes, and keeps the rest for later.
    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let written = write(self.stream.as_mut(), bytes)?;
        self.wrote |= written > 0;
        self.unsent.extend_from_slice(&bytes[written..]);
        Ok(())
    }

    /// Writes what was left; called whenever the socket may take more.
    pub(super) fn send_rest(&mut self) -> io::Result<()> {
        if !self.unsent.is_empty() {
            let written = self.write_unsent()?;
            self.unsent.drain(..written);
        }
        Ok(())
    }

    fn write_unsent(&mut self) -> io::Result<usize> {
        write(self.stream.as_mut(), &self.unsent)
    }

    /// Reads what has come, and if `stamped` when the last byte of it did, where the kernel noted that; `None` if nothing
    /// has.
    pub(super) fn read_stamped(
        &mut self,
        buffer: &mut [u8],
        stamped: bool,
    ) -> io::Result<Option<(usize, Option<Stamp>)>> {
        if !stamped {
            return Ok(self.read(buffer)?.map(|count| (count, None)));
        }
        let stream = self.stream.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        stamped::read(stream, buffer)
    }

    /// Reads what has come; `None` if nothing has.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        loop {
            match stream.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other.map(Some),
            }
        }
    }
}

/// Writes what the socket takes.
fn write(stream: Option<&mut TcpStream>, bytes: &[u8]) -> io::Result<usize> {
    let stream = stream.ok_or(io::ErrorKind::NotConnected)?;
    loop {
        match stream.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
