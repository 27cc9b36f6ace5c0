//! Who is connected to a proxy, and what its toxics did to each: those open and the last that ended. Told by the links; it
//! knows nothing of how they work.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time;

use serde::Serialize;
use tokio::time::Instant;

use crate::armed::Armed;
use crate::name::ToxicName;
use crate::toxic::Stream;

/// How many connections are remembered after their end.
const ENDED: usize = 1_000;

/// How many toxics are remembered of a connection that are in force no more.
const GONE: usize = 64;

/// A connection that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Its number on the proxy, from 1.
    pub id: u64,
    /// Where it came from.
    pub client: SocketAddr,
    /// When it was accepted.
    pub opened: time::Instant,
    /// When it ended; none while it is open.
    pub closed: Option<time::Instant>,
    /// A disable or the proxy's shutdown cut it.
    pub cut: bool,
    /// The toxics in force, or that were at its end, and those that did something to it before they were removed (the last
    /// 64 of them); in the order in which it met them.
    pub toxics: Vec<Rolled>,
}

/// What a connection has with a toxic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rolled {
    /// The toxic.
    pub name: ToxicName,
    /// Its direction.
    pub stream: Stream,
    /// The last roll, and the address of the client: whether the toxic works on the connection.
    pub affected: bool,
    /// Whether it did something to the connection.
    pub touched: bool,
}

/// Is told which clients' connections are touched. It is called while bytes wait, so it must be quick and never block.
pub trait Observer: fmt::Debug + Send + Sync {
    /// `touched`: a toxic first does something to the connection from `client`, or a disable cuts it. Not `touched`: one from
    /// there begins, or a toxic comes into force while none of those in force has touched it. Nothing is said at its end: who
    /// has just been reset must still be able to learn why.
    fn touched(&self, client: SocketAddr, touched: bool);
}

/// What is known of one connection while it is open.
#[derive(Debug)]
pub(crate) struct Entry {
    id: u64,
    pub(crate) client: SocketAddr,
    opened: Instant,
    observer: Option<Arc<dyn Observer>>,
    rolls: Mutex<Rolls>,
}

#[derive(Debug, Default)]
struct Rolls {
    all: Vec<Roll>,
    cut: bool,
    /// The observer takes the connection for touched.
    told: bool,
}

#[derive(Debug)]
struct Roll {
    toxic: u64,
    in_force: bool,
    rolled: Rolled,
}

impl Entry {
    pub(crate) fn new(id: u64, client: SocketAddr, observer: Option<Arc<dyn Observer>>) -> Self {
        let entry = Self {
            id,
            client,
            opened: Instant::now(),
            observer,
            rolls: Mutex::default(),
        };
        entry.tell(false);
        entry
    }

    fn rolls(&self) -> MutexGuard<'_, Rolls> {
        self.rolls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, touched: bool) {
        if let Some(observer) = &self.observer {
            observer.touched(self.client, touched);
        }
    }

    /// The connection meets a toxic, or rolls for it again.
    pub(crate) fn roll(&self, armed: &Armed, affected: bool) {
        let mut rolls = self.rolls();
        if let Some(roll) = rolls.all.iter_mut().find(|roll| roll.toxic == armed.id) {
            roll.rolled.affected = affected;
            return;
        }
        let touching = rolls
            .all
            .iter()
            .any(|roll| roll.in_force && roll.rolled.touched);
        if !touching && std::mem::take(&mut rolls.told) {
            self.tell(false);
        }
        rolls.all.push(Roll {
            toxic: armed.id,
            in_force: true,
            rolled: Rolled {
                name: armed.toxic.name.clone(),
                stream: armed.toxic.stream,
                affected,
                touched: false,
            },
        });
    }

    /// A toxic does something to the connection for the first time.
    pub(crate) fn touch(&self, toxic: u64) {
        let mut rolls = self.rolls();
        if let Some(roll) = rolls.all.iter_mut().find(|roll| roll.toxic == toxic) {
            roll.rolled.touched = true;
        }
        if !std::mem::replace(&mut rolls.told, true) {
            self.tell(true);
        }
    }

    /// A toxic is in force no more.
    pub(crate) fn leave(&self, toxic: u64) {
        let mut rolls = self.rolls();
        rolls.all.retain_mut(|roll| {
            roll.in_force &= roll.toxic != toxic;
            roll.in_force || roll.rolled.touched
        });
        if rolls.all.iter().filter(|roll| !roll.in_force).count() > GONE
            && let Some(oldest) = rolls.all.iter().position(|roll| !roll.in_force)
        {
            rolls.all.remove(oldest);
        }
    }

    /// The connection is cut; whether it had not been before.
    pub(crate) fn cut(&self) -> bool {
        let mut rolls = self.rolls();
        if !std::mem::replace(&mut rolls.told, true) {
            self.tell(true);
        }
        !std::mem::replace(&mut rolls.cut, true)
    }

    /// As it is now.
    pub(crate) fn shown(&self, closed: Option<Instant>) -> Connection {
        let rolls = self.rolls();
        Connection {
            id: self.id,
            client: self.client,
            opened: self.opened.into_std(),
            closed: closed.map(Instant::into_std),
            cut: rolls.cut,
            toxics: rolls.all.iter().map(|roll| roll.rolled.clone()).collect(),
        }
    }
}

/// The last connections that ended.
#[derive(Debug, Default)]
pub(crate) struct Ended(VecDeque<Connection>);

impl Ended {
    pub(crate) fn push(&mut self, connection: Connection) {
        if self.0.len() == ENDED {
            self.0.pop_front();
        }
        self.0.push_back(connection);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toxic::ToxicKind;
    use crate::toxics::rig::armed;

    #[derive(Debug, Default)]
    struct Told(Mutex<Vec<bool>>);

    impl Observer for Told {
        fn touched(&self, _client: SocketAddr, touched: bool) {
            self.0.lock().unwrap().push(touched);
        }
    }

    fn entry() -> (Entry, Arc<Told>) {
        let told = Arc::new(Told::default());
        let client = "127.0.0.1:5".parse().unwrap();
        (Entry::new(1, client, Some(told.clone())), told)
    }

    fn noop(id: u64) -> Armed {
        armed(id, ToxicKind::Noop {}, 1.0)
    }

    #[test]
    fn the_observer_hears_of_a_first_touch_and_of_what_makes_it_history() {
        let (entry, told) = entry();
        let heard = || std::mem::take(&mut *told.0.lock().unwrap());
        entry.roll(&noop(1), true);
        assert_eq!(heard(), [false], "it began");
        entry.touch(1);
        entry.roll(&noop(2), true);
        entry.touch(2);
        assert_eq!(heard(), [true], "one in force has touched it all along");
        entry.leave(1);
        entry.leave(2);
        assert!(heard().is_empty(), "what is under way is still late for it");
        entry.roll(&noop(3), true);
        assert_eq!(heard(), [false]);
        assert!(entry.cut() && !entry.cut(), "the first of several counts");
        entry.touch(3);
        assert_eq!(heard(), [true]);
    }

    #[test]
    fn toxics_that_did_nothing_are_forgotten_and_those_that_did_not_without_bound() {
        let (entry, _) = entry();
        for id in 0..1_000 {
            entry.roll(&noop(id), true);
            if id % 2 == 0 {
                entry.touch(id);
            }
            entry.leave(id);
        }
        entry.roll(&noop(1_000), false);
        let shown = entry.shown(None);
        assert_eq!(shown.toxics.len(), GONE + 1);
        let (last, gone) = shown.toxics.split_last().unwrap();
        assert!(gone.iter().all(|rolled| rolled.touched));
        assert!(!last.touched && !last.affected && last.name.as_str() == "t1000");
        assert_eq!(gone[GONE - 1].name.as_str(), "t998");
    }

    #[test]
    fn of_those_that_ended_the_last_are_kept() {
        let (entry, _) = entry();
        let mut ended = Ended::default();
        for id in 0..2_500 {
            ended.push(Connection {
                id,
                ..entry.shown(None)
            });
        }
        let ids: Vec<u64> = ended.iter().map(|connection| connection.id).collect();
        assert_eq!(ids, (1_500..2_500).collect::<Vec<_>>());
    }
}
