//! Binds listeners, and keeps hold of a port while its proxy is disabled. Knows nothing of what is accepted.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;

use crate::name::ProxyName;
use crate::toxic::ToxicError;

/// Why a proxy does not listen.
#[derive(Debug, Error)]
pub enum BindError {
    /// The address can't be had.
    #[error("failed to listen on {address} for proxy `{proxy}`: {source}; {hint}", hint = hint(source))]
    Listen {
        /// The proxy.
        proxy: ProxyName,
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// No Tokio runtime to run on.
    #[error("failed to start proxy `{0}`: no tokio runtime with I/O and time is entered here")]
    NoRuntime(ProxyName),
    /// A toxic that came with the proxy is wrong.
    #[error("failed to start proxy `{proxy}`: {reason}")]
    Toxic {
        /// The proxy.
        proxy: ProxyName,
        /// What is wrong with the toxic.
        reason: ToxicError,
    },
    /// Two of the toxics that came with the proxy have one name.
    #[error(
        "failed to start proxy `{proxy}`: it has two toxics named `{toxic}`; give one of them another name"
    )]
    SameName {
        /// The proxy.
        proxy: ProxyName,
        /// The name.
        toxic: crate::name::ToxicName,
    },
    /// The proxy has been shut down.
    #[error("failed to enable proxy `{0}`: it has been shut down")]
    ShutDown(ProxyName),
}

fn hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::AddrInUse => {
            "another listener holds the port: stop it, or use port 0 to get a free one"
        }
        io::ErrorKind::AddrNotAvailable => {
            "this machine has no such address: use 127.0.0.1 or one of its own"
        }
        io::ErrorKind::PermissionDenied => "the system forbids the port: use one above 1023",
        _ => "check the address",
    }
}

/// The length of the queue of connections that are not accepted yet.
const BACKLOG: i32 = 1_024;

/// A listener's socket, not yet Tokio's, and a second socket that is bound to the same port but never listens: while it
/// lives, the system gives the port to nobody who asks for any port, so a disabled proxy gets it back.
pub(crate) struct Bound {
    pub(crate) listener: std::net::TcpListener,
    pub(crate) address: SocketAddr,
    /// None where the system does not allow two sockets on one port; then a disabled proxy's port is free for all.
    pub(crate) hold: Option<Socket>,
}

/// Listens on `address`; port 0 takes a free one.
pub(crate) fn listen(address: SocketAddr, hold: bool) -> io::Result<Bound> {
    let socket = bound_socket(address)?;
    let address = socket.local_addr()?.as_socket().unwrap_or(address);
    // The holder has to come before `listen`: no second socket may bind to a listening one's port.
    let hold = if hold {
        bound_socket(address).ok()
    } else {
        None
    };
    socket.listen(BACKLOG)?;
    Ok(Bound {
        listener: socket.into(),
        address,
        hold,
    })
}

fn bound_socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // Connections of an earlier listener that linger in TIME_WAIT must not keep the port.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}
