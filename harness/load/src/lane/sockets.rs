//! The lane's sockets and what the kernel says of them: an epoll set, edge-triggered, each socket entered once. Who does not
//! want to be woken by answers waits in a second set, whose sockets tell everything but that.

use super::stamped;
use rustix::event::{Timespec, epoll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, ipproto, socket_with, sockopt};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Events taken from the kernel at once. What it has more of comes first the next time.
const BATCH: usize = 256;

/// What a wait ends for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wake {
    /// Anything that happens.
    Answers,
    /// Anything but bytes to read: connections that open, take more or end.
    NoAnswers,
}

/// A set of sockets that are waited for together.
pub(super) struct Sockets {
    epoll: OwnedFd,
    /// The same sockets, but what comes to be read wakes nobody. Only there if the kernel shall note when it came.
    quiet: Option<OwnedFd>,
    ready: Vec<epoll::Event>,
}

impl Sockets {
    /// An empty set; with `stamped`, of sockets whose bytes the kernel stamps with the time they came. Fails where the
    /// kernel can't wait for less than a millisecond (before Linux 5.11).
    pub(super) fn new(stamped: bool) -> io::Result<Self> {
        let create = || epoll::create(epoll::CreateFlags::CLOEXEC);
        let quiet = if stamped { Some(create()?) } else { None };
        let mut sockets = Self {
            epoll: create()?,
            quiet,
            ready: Vec::with_capacity(BATCH),
        };
        sockets.wait(Duration::ZERO, Wake::Answers)?;
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
        let silent = epoll::EventFlags::OUT | epoll::EventFlags::RDHUP | epoll::EventFlags::ET;
        if self.quiet.is_some() {
            // Without stamps answers are waited for, as they are missed when they are read.
            let _ = stamped::ask_for(socket.as_fd());
        }
        match connect(&socket, &address) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(error.into()),
        }
        let token = epoll::EventData::new_u64(token as u64);
        let loud = silent | epoll::EventFlags::IN;
        epoll::add(&self.epoll, socket.as_fd(), token, loud)?;
        if let Some(quiet) = &self.quiet {
            epoll::add(quiet, socket.as_fd(), token, silent)?;
        }
        Ok(TcpStream::from(socket))
    }

    /// Waits for at most so long until a socket is ready, or no longer than it takes to look.
    pub(super) fn wait(&mut self, longest: Duration, wake: Wake) -> io::Result<()> {
        let timeout = Timespec {
            tv_sec: i64::try_from(longest.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(longest.subsec_nanos()),
        };
        self.ready.clear();
        let room = rustix::buffer::spare_capacity(&mut self.ready);
        let set = match wake {
            Wake::Answers => &self.epoll,
            Wake::NoAnswers => self.quiet.as_ref().unwrap_or(&self.epoll),
        };
        match epoll::wait(set, room, Some(&timeout)) {
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
