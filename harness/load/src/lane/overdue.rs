//! What has taken too long, asked, dialing or waiting, is given up; an address that is slow to connect is passed over for the
//! next. Knows no answer.

use super::connection::State;
use super::script::Script;
use super::{Ask, Lane};
use crate::exchange::{self, Phase};
use crate::net::dial;
use crate::net::turns::HEAD_START;
use std::io;
use std::time::Duration;

impl Lane {
    /// Gives up what has taken too long, and says when to look again. Limits are looked at no sooner than the earliest
    /// can be over, so an exchange costs nothing for having one.
    pub(super) fn give_up_late(&mut self, now: Duration) {
        if now < self.look {
            return;
        }
        let limit = |scripts: &[Script], ask: &Ask| {
            let script = scripts.get(ask.turn.choice.journey);
            script.map_or(Duration::ZERO, |script| script.plain.timeout())
        };
        let mut next = now + self.shortest;
        for at in 0..self.connections.len() {
            let connection = &self.connections[at];
            let (ask, connecting) = match connection.state {
                State::Dialing(ask, since) => (ask, Some(since)),
                State::Busy(ask) => (ask, None),
                State::Idle | State::Closed => continue,
            };
            let limit = limit(&self.scripts, &ask);
            if ask.sent + limit <= now {
                if let (Some(_), Some(address)) = (connecting, connection.route.first()) {
                    self.turns.failed(*address, now);
                }
                let failure = match (connecting, ask.head.is_zero()) {
                    (Some(_), _) => dial::unconnected(limit),
                    (None, true) => exchange::over(limit, Phase::Head),
                    (None, false) => exchange::over(limit, Phase::Body),
                };
                self.ended(at, &ask, now, Err(failure), 0, false);
                continue;
            }
            next = next.min(ask.sent + limit);
            if let Some(since) = connecting.filter(|_| connection.route.len() > 1) {
                let over = since + HEAD_START <= now;
                next = next.min(if over { now } else { since } + HEAD_START);
                if over {
                    self.undialed_there(at, ask, &io::ErrorKind::TimedOut.into());
                }
            }
        }
        for _ in 0..self.waiting.len() {
            let Some(mut ask) = self.waiting.pop_front() else {
                break;
            };
            let limit = limit(&self.scripts, &ask);
            if ask.asked + limit <= now {
                ask.sent = now;
                self.begun(&ask);
                self.walked(&ask, now, Err(exchange::none_free(limit)), 0, false);
                self.free(&ask, now);
            } else {
                next = next.min(ask.asked + limit);
                self.waiting.push_back(ask);
            }
        }
        self.look = next;
        self.hand_over();
    }
}
