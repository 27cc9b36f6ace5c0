//! Netlink: messages put together byte by byte, sent to this thread's network namespace, and its answers read. Two hundred
//! lines instead of a family of crates, for five kinds of message. Knows what messages look like, not what they mean.

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{self, AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType};
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

/// A request that is to be acknowledged.
pub(super) const ACK: u16 = 0x1 | 0x4;
/// One for all there are.
pub(super) const DUMP: u16 = 0x1 | 0x300;
/// Makes what is not there, and replaces what is.
pub(super) const PUT: u16 = ACK | 0x400 | 0x100;
/// Makes what must not be there.
pub(super) const CREATE: u16 = ACK | 0x400 | 0x200;

/// Kinds of message that are about messages.
const ERROR: u16 = 2;
const DONE: u16 = 3;

/// The length of a message's header, and of an attribute's.
const HEADER: usize = 16;
const ATTRIBUTE: usize = 4;
/// Says of an attribute that there are attributes in it.
const NESTED: u16 = 0x8000;

/// The kernel answers from its memory: one that has not answered by then never does.
const PATIENCE: Duration = Duration::from_secs(5);

/// A message under construction. Its number is given when it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    bytes: Vec<u8>,
}

impl Message {
    /// A message of a kind: its flags and its family's own header.
    pub(super) fn new(kind: u16, flags: u16, family: &[u8]) -> Self {
        let mut bytes = vec![0; HEADER];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
        bytes.extend_from_slice(family);
        let mut message = Self { bytes };
        message.pad();
        message
    }

    /// With an attribute.
    pub(super) fn with(mut self, kind: u16, value: &[u8]) -> Self {
        let length = (ATTRIBUTE + value.len()) as u16;
        self.bytes.extend_from_slice(&length.to_ne_bytes());
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(value);
        self.pad();
        self
    }

    /// With a text, ended as C ends one.
    pub(super) fn text(self, kind: u16, value: &str) -> Self {
        self.with(kind, &[value.as_bytes(), &[0]].concat())
    }

    /// With a number as networks write it.
    pub(super) fn number(self, kind: u16, value: u32) -> Self {
        self.with(kind, &value.to_be_bytes())
    }

    /// With an attribute made of attributes.
    pub(super) fn nest(mut self, kind: u16, inner: impl FnOnce(Self) -> Self) -> Self {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; ATTRIBUTE]);
        let mut whole = inner(self);
        let length = (whole.bytes.len() - at) as u16;
        whole.bytes[at..at + 2].copy_from_slice(&length.to_ne_bytes());
        whole.bytes[at + 2..at + 4].copy_from_slice(&(kind | NESTED).to_ne_bytes());
        whole
    }

    fn pad(&mut self) {
        self.bytes.resize(aligned(self.bytes.len()), 0);
    }

    fn asks_for_an_answer(&self) -> bool {
        self.bytes[6] & 0x4 != 0
    }

    /// The message as it is sent under a number.
    fn numbered(mut self, number: u32) -> Vec<u8> {
        let length = self.bytes.len() as u32;
        self.bytes[..4].copy_from_slice(&length.to_ne_bytes());
        self.bytes[8..12].copy_from_slice(&number.to_ne_bytes());
        self.bytes
    }
}

const fn aligned(length: usize) -> usize {
    length.next_multiple_of(4)
}

/// A socket to the kernel, in the network namespace this thread was in when it was opened.
#[derive(Debug)]
pub(super) struct Netlink {
    socket: OwnedFd,
    sent: u32,
}

impl Netlink {
    /// Opens one for a protocol; `None`: that of links, addresses, routes, neighbours and queues.
    pub(super) fn open(protocol: Option<Protocol>) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC;
        let socket = net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, protocol)?;
        net::sockopt::set_socket_timeout(&socket, net::sockopt::Timeout::Recv, Some(PATIENCE))?;
        Ok(Self { socket, sent: 0 })
    }

    /// Sends messages as one; an error if the kernel refuses one of them.
    pub(super) fn send(&mut self, messages: Vec<Message>) -> io::Result<()> {
        let mut awaited = messages.iter().filter(|m| m.asks_for_an_answer()).count();
        self.put(messages)?;
        while awaited > 0 {
            for (kind, body) in self.receive()? {
                if kind == ERROR {
                    refusal(&body)?;
                    awaited = awaited.saturating_sub(1);
                }
            }
        }
        Ok(())
    }

    /// Sends a request for all there are; their bodies, each with its kind.
    pub(super) fn dump(&mut self, message: Message) -> io::Result<Vec<Vec<u8>>> {
        self.put(vec![message])?;
        let mut all = Vec::new();
        loop {
            for (kind, body) in self.receive()? {
                match kind {
                    DONE => return Ok(all),
                    ERROR => refusal(&body)?,
                    _ => all.push(body),
                }
            }
        }
    }

    fn put(&mut self, messages: Vec<Message>) -> io::Result<()> {
        let mut bytes = Vec::new();
        for message in messages {
            self.sent += 1;
            bytes.extend(message.numbered(self.sent));
        }
        let kernel = SocketAddrNetlink::new(0, 0);
        net::sendto(&self.socket, &bytes, SendFlags::empty(), &kernel)?;
        Ok(())
    }

    /// The next messages that are there, each with its kind and without its header.
    fn receive(&self) -> io::Result<Vec<(u16, Vec<u8>)>> {
        let mut buffer = vec![0; 64 * 1024];
        let (length, _) = net::recv(&self.socket, buffer.as_mut_slice(), RecvFlags::empty())?;
        let mut rest = buffer.get(..length).unwrap_or_default();
        let mut messages = Vec::new();
        while let (Some(length), Some(kind)) = (u32_at(rest, 0), u16_at(rest, 4)) {
            let length = length as usize;
            let Some(body) = rest.get(HEADER..length) else {
                break;
            };
            messages.push((kind, body.to_vec()));
            rest = rest.get(aligned(length)..).unwrap_or_default();
        }
        Ok(messages)
    }
}

/// What an acknowledgement says: a negative number is an error's.
fn refusal(body: &[u8]) -> io::Result<()> {
    match u32_at(body, 0).map(|code| code as i32) {
        Some(0) => Ok(()),
        Some(code) => Err(io::Error::from_raw_os_error(-code)),
        None => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// The attributes that follow a family's header of some length.
pub(super) fn attributes(body: &[u8], header: usize) -> Vec<(u16, &[u8])> {
    let mut rest = body.get(aligned(header)..).unwrap_or_default();
    let mut found = Vec::new();
    while let (Some(length), Some(kind)) = (u16_at(rest, 0), u16_at(rest, 2)) {
        let length = usize::from(length);
        let Some(value) = rest.get(ATTRIBUTE..length) else {
            break;
        };
        found.push((kind & !NESTED, value));
        rest = rest.get(aligned(length)..).unwrap_or_default();
    }
    found
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at + 2)?.try_into().ok()?;
    Some(u16::from_ne_bytes(bytes))
}

/// A number of four bytes somewhere in a body.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(u32::from_ne_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_padded_and_nest() {
        let message = Message::new(28, ACK, &[2, 0, 0])
            .text(1, "abc")
            .nest(2, |m| m.number(3, 7));
        let bytes = message.numbered(9);
        assert_eq!(bytes.len(), 16 + 4 + 8 + 4 + 8);
        assert_eq!(u32_at(&bytes, 0), Some(bytes.len() as u32));
        assert_eq!(u32_at(&bytes, 8), Some(9));
        let read = attributes(&bytes[HEADER..], 3);
        assert_eq!(read[0], (1, b"abc\0".as_slice()));
        let (kind, inner) = read[1];
        assert_eq!(kind, 2);
        assert_eq!(attributes(inner, 0), [(3, [0, 0, 0, 7].as_slice())]);
    }

    #[test]
    fn what_breaks_off_is_left_out() {
        assert!(attributes(&[9, 0, 1, 0, 5], 0).is_empty());
        assert!(attributes(&[3, 0, 1, 0], 0).is_empty());
        assert!(refusal(&[0; 2]).is_err());
        let refused = refusal(&(-17_i32).to_ne_bytes()).map_err(|e| e.raw_os_error());
        assert_eq!(refused, Err(Some(17)));
    }
}
