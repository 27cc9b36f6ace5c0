//! The lane's sockets and what the kernel says of them: one epoll set, edge-triggered, each socket entered once.

use rustix::event::{Timespec, epoll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, ipproto, socket_with, sockopt};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Events taken from the kernel at once. What it has more of comes first the next time.
const BATCH: usize = 256;

/// A set of sockets that are waited for together.
pub(super) struct Sockets {
    epoll: OwnedFd,
    ready: Vec<epoll::Event>,
}

impl Sockets {
    /// An empty set. Fails where the kernel can't wait for less than a millisecond (before Linux 5.11).
    pub(super) fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut sockets = Self {
            epoll,
            ready: Vec::with_capacity(BATCH),
        };
        sockets.wait(Duration::ZERO)?;
        Ok(sockets)
    }

    /// Begins to connect; the socket is ready for writing once that has ended.
    pub(super) fn dial(&self, address: SocketAddr, token: usize) -> io::Result<TcpStream> {
        let family = match address {
            SocketAddr::V4(_) => AddressFamily::INET,
            SocketAddr::V6(_) => AddressFamily::INET6,
        };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(family, SocketType::STREAM, flags, Some(ipproto::TCP))?;
        sockopt::set_tcp_nodelay(&socket, true)?;
        let interest = epoll::EventFlags::IN
            | epoll::EventFlags::OUT
            | epoll::EventFlags::RDHUP
            | epoll::EventFlags::ET;
        match connect(&socket, &address) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(error.into()),
        }
        epoll::add(
            &self.epoll,
            socket.as_fd(),
            epoll::EventData::new_u64(token as u64),
            interest,
        )?;
        Ok(TcpStream::from(socket))
    }

    /// Waits for at most so long until a socket is ready, or no longer than it takes to look.
    pub(super) fn wait(&mut self, longest: Duration) -> io::Result<()> {
        let timeout = Timespec {
            tv_sec: i64::try_from(longest.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(longest.subsec_nanos()),
        };
        self.ready.clear();
        let room = rustix::buffer::spare_capacity(&mut self.ready);
        match epoll::wait(&self.epoll, room, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// How many were ready.
    pub(super) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// The token of one that was, and whether its other side will send no more than has come.
    pub(super) fn event(&self, nth: usize) -> Option<(usize, bool)> {
        let event = self.ready.get(nth)?;
        let (flags, data) = (event.flags, event.data);
        let token = usize::try_from(data.u64()).ok()?;
        Some((token, flags.contains(epoll::EventFlags::RDHUP)))
    }
}
