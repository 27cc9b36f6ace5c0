//! How answers show a proxy's connections. Knows nothing of who asks.

use std::net::SocketAddr;
use std::time::Instant;

use serde::Serialize;

use crate::connections::{Connection, Rolled};
use crate::proxy::Proxy;

/// A connection with its times in µs since its proxy was made.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ShownConnection {
    id: u64,
    client: SocketAddr,
    opened: u64,
    closed: Option<u64>,
    cut: bool,
    toxics: Vec<Rolled>,
}

/// Those that are open and the last that ended, by number.
pub(super) fn of(proxy: &Proxy) -> Vec<ShownConnection> {
    let zero = proxy.bound_at();
    let micros = |at: Instant| {
        let since = at.saturating_duration_since(zero);
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    };
    let shown = |connection: Connection| ShownConnection {
        id: connection.id,
        client: connection.client,
        opened: micros(connection.opened),
        closed: connection.closed.map(micros),
        cut: connection.cut,
        toxics: connection.toxics,
    };
    proxy.connections().into_iter().map(shown).collect()
}
