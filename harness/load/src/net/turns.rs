//! Which of a name's addresses comes first for the next connection: each in turn, and last those that took no connection a
//! short time ago. Values only; opens nothing and reads no clock.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

/// An address that has not taken a connection by then is passed over for the next one. Longer than a second, after which
/// the kernel sends a first packet again that was lost: a full queue of the target's is not a dead address.
pub(crate) const HEAD_START: Duration = Duration::from_millis(1500);

/// So long an address that took no connection is tried only when the others took none either. Then one connection tries it
/// in its turn again; the rest do so once it was taken.
const SHUNNED: Duration = Duration::from_secs(10);

/// Addresses shunned at most; a name has a handful.
const ADDRESSES: usize = 1024;

/// The addresses' turns.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// Connections opened so far.
    opened: usize,
    /// Until when an address comes last.
    shunned: HashMap<SocketAddr, Duration>,
}

impl Turns {
    /// Beginning with that address.
    pub(crate) fn from(opened: usize) -> Self {
        Self {
            opened,
            ..Self::default()
        }
    }

    /// The addresses in the order in which the next connection tries them: another first each time.
    pub(crate) fn order(&mut self, all: &[SocketAddr], now: Duration) -> Vec<SocketAddr> {
        if all.len() < 2 {
            return all.to_vec();
        }
        let turn = self.opened;
        self.opened = self.opened.wrapping_add(1);
        // Whoever comes first after the time is over finds out for all.
        let mut due = all.iter().filter(|address| {
            let until = self.shunned.get(*address);
            until.is_some_and(|until| *until <= now)
        });
        let first = due.next().copied();
        if let Some(first) = first {
            self.shunned.insert(first, now + SHUNNED);
        }
        let others = all.iter().filter(|address| Some(**address) != first);
        let (mut dead, mut alive): (Vec<_>, Vec<_>) =
            others.partition(|address| self.shunned.contains_key(*address));
        for part in [&mut alive, &mut dead] {
            let by = turn % part.len().max(1);
            part.rotate_left(by);
        }
        let order = first.into_iter().chain(alive.into_iter().copied());
        order.chain(dead.into_iter().copied()).collect()
    }

    /// An address took a connection.
    pub(crate) fn took(&mut self, address: SocketAddr) {
        if !self.shunned.is_empty() {
            self.shunned.remove(&address);
        }
    }

    /// An address took none.
    pub(crate) fn failed(&mut self, address: SocketAddr, now: Duration) {
        if self.shunned.len() < ADDRESSES || self.shunned.contains_key(&address) {
            self.shunned.insert(address, now + SHUNNED);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> [SocketAddr; 3] {
        [
            "127.0.0.1:1".parse().unwrap(),
            "127.0.0.2:1".parse().unwrap(),
            "[::1]:1".parse().unwrap(),
        ]
    }

    fn firsts(turns: &mut Turns, now: Duration) -> Vec<usize> {
        let all = three();
        let place = |first: SocketAddr| all.iter().position(|a| *a == first).unwrap();
        (0..6)
            .map(|_| {
                let order = turns.order(&all, now);
                let mut sorted = order.clone();
                sorted.sort_unstable();
                let mut whole = all.to_vec();
                whole.sort_unstable();
                assert_eq!(sorted, whole, "each is tried once");
                place(order[0])
            })
            .collect()
    }

    #[test]
    fn each_comes_first_in_turn_and_a_dead_one_comes_last() {
        let (mut turns, all) = (Turns::default(), three());
        let at = Duration::from_secs;
        assert_eq!(firsts(&mut turns, at(0)), [0, 1, 2, 0, 1, 2]);
        turns.failed(all[1], at(1));
        assert_eq!(firsts(&mut turns, at(2)), [0, 2, 0, 2, 0, 2]);
        assert_eq!(turns.order(&all, at(3))[2], all[1]);
        // When its time is over, one connection tries it, and the others do not wait for that.
        assert_eq!(firsts(&mut turns, at(12)), [1, 0, 2, 0, 2, 0]);
        turns.took(all[1]);
        assert_eq!(firsts(&mut turns, at(12)), [1, 2, 0, 1, 2, 0]);
    }

    #[test]
    fn where_all_are_dead_they_take_turns() {
        let (mut turns, all) = (Turns::from(1), three());
        all.iter().for_each(|a| turns.failed(*a, Duration::ZERO));
        let soon = Duration::from_secs(1);
        assert_eq!(firsts(&mut turns, soon), [1, 2, 0, 1, 2, 0]);
        assert_eq!(turns.order(&all[..1], soon), [all[0]]);
    }
}
