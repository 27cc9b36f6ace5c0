//! Ports of services, chosen before anything starts, so that links and addresses are known to all.

use super::Failed;
use harness_core::name::Name;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

/// Where services' ports come from: below those that systems give to outgoing connections and to whoever listens on port
/// 0, so that none of these takes one between its choice and its use.
const PORTS: Range<u16> = 10_000..32_768;

/// A free loopback port for each of these services, in their order, found from a random one on, so that runs at the same time find others. All are
/// held at once, so that they differ, and let go together: another process could still take one before its service does,
/// which then fails to start with the system's own message.
pub(super) fn free<'n>(services: impl IntoIterator<Item = &'n Name>) -> Result<Vec<u16>, Failed> {
    let first = RandomState::new().build_hasher().finish() as usize % PORTS.len();
    let mut ports = PORTS.cycle().skip(first).take(PORTS.len());
    let mut held = Vec::new();
    for service in services {
        let mut refusal = None;
        let found = ports.find_map(|port| {
            let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, port));
            bound.map_err(|error| refusal = Some(error)).ok()
        });
        let listener = found.ok_or_else(|| {
            let why = refusal.map_or_else(String::new, |error| format!(": {error}"));
            let range = format!("{} and {}", PORTS.start, PORTS.end - 1);
            let reason = format!("failed to find a free port between {range}{why}");
            Failed::of(service, reason, Vec::new())
        })?;
        held.push(listener);
    }
    let ports = held
        .iter()
        .map(|listener| Ok(listener.local_addr()?.port()));
    ports
        .collect::<std::io::Result<_>>()
        .map_err(|error| Failed::whole(format!("failed to find a free port: {error}")))
}
