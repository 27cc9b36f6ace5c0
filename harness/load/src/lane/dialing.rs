//! How the lane comes by a connection: one address after another, until one takes it. Knows no answer.

use super::connection::{Connection, Route};
use super::{Ask, Lane};
use crate::net::dial;
use crate::net::turns::HEAD_START;
use harness_core::http::FailureKind;
use std::io;
use std::net::SocketAddr;

impl Lane {
    /// Opens a connection in a place of its own.
    pub(super) fn dial(&mut self, at: usize, ask: Ask) {
        let now = self.worker.clock.now();
        let route = self.turns.order(&self.addresses, now);
        self.dial_along(at, ask, route);
    }

    /// Opens a connection to the first of these addresses that can be had.
    fn dial_along(&mut self, at: usize, ask: Ask, mut route: Route) {
        if self.connections.len() <= at {
            self.connections.resize_with(at + 1, Connection::default);
        }
        while let Some(address) = route.first().copied() {
            let now = self.worker.clock.now();
            match self.sockets.dial(address, at) {
                Ok(stream) => {
                    if route.len() > 1 {
                        self.look = self.look.min(now + HEAD_START);
                    }
                    return self.connections[at].dialed(stream, ask, now, route);
                }
                Err(error) => {
                    self.shun(address, &error);
                    if route.len() == 1 {
                        return self.undialed(at, &ask, address, &error);
                    }
                    route.remove(0);
                }
            }
        }
    }

    /// An address took no connection: on to the next one, if there is any.
    pub(super) fn undialed_there(&mut self, at: usize, ask: Ask, error: &io::Error) {
        let connection = self.connections.get_mut(at);
        let mut route = connection.map_or_else(Vec::new, |c| std::mem::take(&mut c.route));
        let Some(address) = route.first().copied() else {
            return;
        };
        self.shun(address, error);
        if route.len() == 1 {
            return self.undialed(at, &ask, address, error);
        }
        route.remove(0);
        self.dial_along(at, ask, route);
    }

    /// Passes over an address for a while, unless it was this machine that could not.
    fn shun(&mut self, address: SocketAddr, error: &io::Error) {
        if dial::opening(error).kind != FailureKind::Local {
            self.turns.failed(address, self.worker.clock.now());
        }
    }

    /// A connection could not be had, not from the last address either.
    fn undialed(&mut self, at: usize, ask: &Ask, last: SocketAddr, error: &io::Error) {
        let failed = dial::connecting(last, dial::opening(error));
        let failure = dial::none_took(&self.host, self.addresses.len(), Some(failed));
        let now = self.worker.clock.now();
        self.ended(at, ask, now, Err(failure), 0, false);
    }
}
