//! Packets that an interface sends are lost or late: by netem, where the kernel has it, else (loss alone) by a rule of
//! nftables on the interface's way out. Works on the network namespace this thread is in, and goes with it.

use super::net::{self, NOBODY, absent};
use super::netlink::{ACK, CREATE, Message, Netlink, PUT};
use super::order::Shaper;
use rustix::net::netlink::NETFILTER;
use rustix::net::{AddressFamily, SocketType, netdevice, socket};
use std::io;
use std::net::IpAddr;
use std::time::Duration;

/// What becomes of packets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shape {
    /// Share that is lost, 0 to 1.
    pub(super) loss: f64,
    /// How much later they are sent.
    pub(super) delay: Duration,
    /// Half the width of the uniform draw around it.
    pub(super) jitter: Duration,
}

/// Shapes what the interface with an address sends.
pub(super) fn shape(own: IpAddr, shape: Shape, with: Shaper) -> io::Result<()> {
    let on = net::interface(own)?;
    match with {
        Shaper::Netem => Netlink::open(None)?.send(vec![netem(on, shape)]),
        Shaper::Nftables => Netlink::open(Some(NETFILTER))?.send(rule(&name(on)?, shape.loss)),
    }
}

/// Lets it send as before.
pub(super) fn pass(own: IpAddr, with: Shaper) -> io::Result<()> {
    let undone = match with {
        Shaper::Netem => {
            let on = net::interface(own)?;
            Netlink::open(None)?.send(vec![Message::new(DELETE_QUEUE, ACK, &queue(on))])
        }
        Shaper::Nftables => Netlink::open(Some(NETFILTER))?.send(no_rule()),
    };
    undone.or_else(|error| if absent(&error) { Ok(()) } else { Err(error) })
}

/// Tries each on the loopback of this namespace; why one can't be used.
pub(super) fn can(with: Shaper) -> Option<String> {
    const TRIED: Shape = Shape {
        loss: 0.000_001,
        delay: Duration::ZERO,
        jitter: Duration::ZERO,
    };
    let own = IpAddr::from([127, 0, 0, 1]);
    let tried = shape(own, TRIED, with).and_then(|()| pass(own, with));
    let error = tried.err()?;
    let what = match with {
        Shaper::Netem => "netem (the kernel's module sch_netem)",
        Shaper::Nftables => {
            "nftables on an interface's way out (NF_TABLES_NETDEV, NETFILTER_EGRESS and NFT_NUMGEN)"
        }
    };
    Some(format!("{what}: {error}"))
}

const NEW_QUEUE: u16 = 36;
const DELETE_QUEUE: u16 = 37;

/// The header of a message about an interface's root queue.
fn queue(on: u32) -> Vec<u8> {
    const ROOT: u32 = 0xffff_ffff;
    let mut header = vec![0; 4];
    header.extend(on.to_ne_bytes());
    header.extend(0_u32.to_ne_bytes());
    header.extend(ROOT.to_ne_bytes());
    header.extend(0_u32.to_ne_bytes());
    header
}

/// `tc qdisc replace dev X root netem loss L delay D J limit N`; without a table the draw is uniform.
fn netem(on: u32, shape: Shape) -> Message {
    const KIND: u16 = 1;
    const OPTIONS: u16 = 2;
    const DELAY_NS: u16 = 10;
    const JITTER_NS: u16 = 11;
    /// Packets under way: a delay of a second at 100 000 a second.
    const LIMIT: u32 = 100_000;
    let loss = (shape.loss.clamp(0.0, 1.0) * f64::from(u32::MAX)).round() as u32;
    // Delay in ticks, limit, loss, gap, duplicates, jitter in ticks: the times follow in nanoseconds.
    let numbers = [0, LIMIT, loss, 0, 0, 0];
    let mut options: Vec<u8> = numbers.into_iter().flat_map(u32::to_ne_bytes).collect();
    for (kind, time) in [(DELAY_NS, shape.delay), (JITTER_NS, shape.jitter)] {
        let time = i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
        options.extend(12_u16.to_ne_bytes());
        options.extend(kind.to_ne_bytes());
        options.extend(time.to_ne_bytes());
    }
    Message::new(NEW_QUEUE, PUT, &queue(on))
        .text(KIND, "netem")
        .with(OPTIONS, &options)
}

/// An interface's name by its number.
fn name(on: u32) -> io::Result<String> {
    let any = socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    Ok(netdevice::index_to_name(&any, on)?)
}

const NFTABLES: u16 = 10 << 8;
const NEW_TABLE: u16 = NFTABLES;
const DELETE_TABLE: u16 = NFTABLES | 2;
const NEW_CHAIN: u16 = NFTABLES | 3;
const NEW_RULE: u16 = NFTABLES | 6;
const BATCH_BEGIN: u16 = 16;
const BATCH_END: u16 = 17;

/// The family of rules that belong to one interface.
const NETDEV: [u8; 4] = [5, 0, 0, 0];
const TABLE: &str = "harness";

/// Messages that take effect together or not at all.
fn batch(messages: impl IntoIterator<Item = Message>) -> Vec<Message> {
    const REQUEST: u16 = 1;
    let edge = |kind| Message::new(kind, REQUEST, &[0, 0, 0, 10]);
    let mut all = vec![edge(BATCH_BEGIN)];
    all.extend(messages);
    all.push(edge(BATCH_END));
    all
}

/// A frame that is lost is addressed to nobody. Dropping it here would be told to the sender: a datagram fails with an
/// error then, and TCP takes its own queue for full; on a wire neither hears of it.
fn rule(interface: &str, share: f64) -> Vec<Message> {
    let table = Message::new(NEW_TABLE, CREATE, &NETDEV).text(1, TABLE);
    let chain = Message::new(NEW_CHAIN, CREATE, &NETDEV)
        .text(1, TABLE)
        .text(3, "out")
        .nest(4, |hook| {
            const EGRESS: u32 = 1;
            hook.number(1, EGRESS).number(2, 0).text(3, interface)
        })
        .text(7, "filter");
    const APPEND: u16 = ACK | 0x400 | 0x800;
    let rule = Message::new(NEW_RULE, APPEND, &NETDEV)
        .text(1, TABLE)
        .text(2, "out")
        .nest(4, |list| {
            // The register of sixteen bytes that all of it goes through.
            const REGISTER: u32 = 1;
            /// Of how many packets the share is a whole number.
            const OF: u32 = 1_000_000;
            let lost = (share.clamp(0.0, 1.0) * f64::from(OF)).round() as u32;
            let list = expression(list, "numgen", |draw| {
                const RANDOM: u32 = 1;
                draw.number(1, REGISTER)
                    .number(2, OF)
                    .number(3, RANDOM)
                    .number(4, 0)
            });
            // Comparisons are of bytes, so the number is turned round first.
            let list = expression(list, "byteorder", |turn| {
                const TO_NETWORK: u32 = 1;
                turn.number(1, REGISTER)
                    .number(2, REGISTER)
                    .number(3, TO_NETWORK)
                    .number(4, 4)
                    .number(5, 4)
            });
            let list = expression(list, "cmp", |compare| {
                const LESS: u32 = 2;
                compare
                    .number(1, REGISTER)
                    .number(2, LESS)
                    .nest(3, |data| data.number(1, lost))
            });
            let list = expression(list, "immediate", |load| {
                load.number(1, REGISTER)
                    .nest(2, |data| data.with(1, &NOBODY))
            });
            expression(list, "payload", |write| {
                const LINK: u32 = 0;
                // To where the frame's receiver stands: its first six bytes; they are in no checksum.
                write
                    .number(5, REGISTER)
                    .number(2, LINK)
                    .number(3, 0)
                    .number(4, 6)
                    .number(6, 0)
                    .number(7, 0)
                    .number(8, 0)
            })
        });
    batch([table, chain, rule])
}

fn expression(list: Message, name: &str, data: impl FnOnce(Message) -> Message) -> Message {
    list.nest(1, |one| one.text(1, name).nest(2, data))
}

fn no_rule() -> Vec<Message> {
    batch([Message::new(DELETE_TABLE, ACK, &NETDEV).text(1, TABLE)])
}
