//! What the kernel can do to packets, tried where nobody lives: in a network namespace made for the trial, which goes with
//! the thread that made it.

use super::netlink::{ACK, Message, Netlink};
use super::order::Shaper;
use super::packets;
use rustix::thread::UnshareFlags;
use std::io;

/// Tries each; why one can't be used. Fails where this user may make no namespace.
pub(crate) fn tried(with: &[Shaper]) -> io::Result<Vec<Option<String>>> {
    let with = with.to_vec();
    let trial = std::thread::Builder::new().spawn(move || {
        leave()?;
        Ok(with.into_iter().map(packets::can).collect())
    })?;
    let tried = trial.join();
    tried.unwrap_or_else(|_| Err(io::Error::other("the trial broke off")))
}

/// Moves this thread into a network of its own, with a loopback that has its address.
#[expect(
    deprecated,
    reason = "unsafe for shared descriptors alone, and these are not unshared"
)]
fn leave() -> io::Result<()> {
    rustix::thread::unshare(UnshareFlags::NEWNET)?;
    Netlink::open(None)?.send(vec![loopback_up()])
}

/// `ip link set lo up`: in a new namespace its number is 1.
fn loopback_up() -> Message {
    const NEW_LINK: u16 = 16;
    const UP: u32 = 1;
    let mut header = vec![0; 4];
    header.extend(1_i32.to_ne_bytes());
    header.extend(UP.to_ne_bytes());
    header.extend(UP.to_ne_bytes());
    Message::new(NEW_LINK, ACK, &header)
}
