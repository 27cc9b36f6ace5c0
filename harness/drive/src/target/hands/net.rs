//! What is done to a network namespace over its routes and neighbours: packets to some addresses vanish, name servers
//! can't be reached. All of it goes with the namespace. Works on the one this thread is in.

use super::netlink::{ACK, DUMP, Message, Netlink, PUT, attributes, u32_at};
use std::io;
use std::net::IpAddr;

/// A unicast address nobody has: locally administered, `02:68:61:72:6e:00`. A bridge knows no port for it and offers
/// the frame to all, and none of them takes it.
pub(super) const NOBODY: [u8; 6] = [0x02, 0x68, 0x61, 0x72, 0x6e, 0x00];

const GET_ADDRESSES: u16 = 22;
const NEW_ROUTE: u16 = 24;
const DELETE_ROUTE: u16 = 25;
const NEW_NEIGHBOUR: u16 = 28;
const DELETE_NEIGHBOUR: u16 = 29;

const FAMILY_4: u8 = 2;
const FAMILY_6: u8 = 10;

/// The table that is asked before all others.
const TABLE_LOCAL: u8 = 255;
const UNREACHABLE: u8 = 7;
const STATIC: u8 = 4;
const PERMANENT: u16 = 0x80;

const fn family(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => FAMILY_4,
        IpAddr::V6(_) => FAMILY_6,
    }
}

fn bytes(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// The number of the interface that has an address; an error that is [`absent`] if none has.
pub(super) fn interface(own: IpAddr) -> io::Result<u32> {
    const HEADER: usize = 8;
    const ADDRESS: u16 = 1;
    let all = Message::new(GET_ADDRESSES, DUMP, &[family(own), 0, 0, 0, 0, 0, 0, 0]);
    let own_bytes = bytes(own);
    let found = Netlink::open(None)?.dump(all)?.into_iter().find(|body| {
        let mut fields = attributes(body, HEADER).into_iter();
        body.first() == Some(&family(own))
            && fields.any(|(kind, value)| kind == ADDRESS && value == own_bytes)
    });
    found.and_then(|body| u32_at(&body, 4)).ok_or_else(|| {
        let words = format!("no interface there has the address {own}");
        io::Error::new(io::ErrorKind::NotFound, words)
    })
}

/// Frames to these addresses go to nobody, or again to whoever has them.
pub(super) fn neighbours(own: IpAddr, to: &[IpAddr], dead: bool) -> io::Result<()> {
    const DESTINATION: u16 = 1;
    const ADDRESS: u16 = 2;
    let on = interface(own)?;
    let message = |other: IpAddr| {
        let (kind, flags) = match dead {
            true => (NEW_NEIGHBOUR, PUT),
            false => (DELETE_NEIGHBOUR, ACK),
        };
        let state = if dead { PERMANENT } else { 0 };
        let mut header = vec![family(other), 0, 0, 0];
        header.extend(on.to_ne_bytes());
        header.extend(state.to_ne_bytes());
        header.extend([0, 0]);
        let message = Message::new(kind, flags, &header).with(DESTINATION, &bytes(other));
        match dead {
            true => message.with(ADDRESS, &NOBODY),
            false => message,
        }
    };
    let mut netlink = Netlink::open(None)?;
    let told = to.iter().try_for_each(|other| {
        let told = netlink.send(vec![message(*other)]);
        match told {
            Err(error) if !dead && absent(&error) => Ok(()),
            told => told,
        }
    });
    if told.is_err() && dead {
        let _ = neighbours(own, to, false);
    }
    told
}

/// These addresses can't be reached, or again can.
pub(super) fn unreachable(addresses: &[IpAddr], so: bool) -> io::Result<()> {
    const DESTINATION: u16 = 1;
    let mut netlink = Netlink::open(None)?;
    let mut told = Ok(());
    for address in addresses {
        let (kind, flags) = match so {
            true => (NEW_ROUTE, PUT),
            false => (DELETE_ROUTE, ACK),
        };
        let destination = bytes(*address);
        let header = [
            family(*address),
            destination.len() as u8 * 8,
            0,
            0,
            TABLE_LOCAL,
            STATIC,
            0,
            UNREACHABLE,
            0,
            0,
            0,
            0,
        ];
        let message = Message::new(kind, flags, &header).with(DESTINATION, &destination);
        told = match netlink.send(vec![message]) {
            Err(error) if !so && absent(&error) => Ok(()),
            told => told,
        };
        if told.is_err() {
            break;
        }
    }
    if told.is_err() && so {
        let _ = unreachable(addresses, false);
    }
    told
}

/// Whether something is not there (any more): no such entry, process or device, no interface with that address.
pub(super) fn absent(error: &io::Error) -> bool {
    const NO_PROCESS: i32 = 3;
    const NO_DEVICE: i32 = 19;
    error.kind() == io::ErrorKind::NotFound
        || matches!(error.raw_os_error(), Some(NO_PROCESS | NO_DEVICE))
}
