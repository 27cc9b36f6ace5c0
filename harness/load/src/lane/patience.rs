//! When the open lane lets answers lie until the next request is due, instead of being woken by each: a wake-up less is a
//! third of what a request costs. They are no later for it, as the kernel noted when they came. Knows what is under way;
//! decides nothing of what an answer means.

use super::sockets::Wake;
use super::stamps::{Came, Offset, Stamp};
use super::{Ask, Lane};
use crate::clock::Clock;
use std::collections::VecDeque;
use std::io;
use std::time::Duration;

/// Answers lie no longer than this. What only who is awake sees, as a head that comes before its body, is off by no more.
const LONGEST: Duration = Duration::from_micros(500);

/// So many answers are waited for in a row, at the beginning and ever again, to see whether they come in one piece and with a
/// stamp.
const WATCHED: u32 = 64;

/// So many may lie before the next are waited for.
const UNWATCHED: u32 = 2048;

/// So few connections are read without asking the kernel which of them have something to read.
const FEW: usize = 2;

/// What a worker that may let answers lie knows of them.
#[derive(Debug)]
pub(super) struct Patience {
    offset: Offset,
    watch: Watch,
    /// Whether answers may lie there that no wait has told of.
    lying: bool,
    /// Where the last requests went out, with their arrivals' numbers; the last one at the end.
    last: VecDeque<(usize, u64)>,
    /// How many of all went out since answers were last taken.
    fresh: usize,
}

impl Patience {
    /// Nobody has been asked yet.
    pub(super) fn new(clock: Clock) -> Self {
        let mut offset = Offset::default();
        look(&mut offset, clock);
        Self {
            offset,
            watch: Watch::default(),
            lying: false,
            last: VecDeque::with_capacity(2 * FEW),
            fresh: 0,
        }
    }

    /// Notes that a request went out.
    pub(super) fn asked(&mut self, at: usize, number: u64) {
        if self.last.len() == 2 * FEW {
            self.last.pop_front();
        }
        self.last.push_back((at, number));
        self.fresh += 1;
    }

    /// Notes an answer of which only a part has come.
    pub(super) fn in_pieces(&mut self) {
        self.watch.read(false);
    }
}

/// Looks at both clocks; the run's is told.
fn look(offset: &mut Offset, clock: Clock) -> Duration {
    let (before, wall, now) = (clock.now(), Stamp::now(), clock.now());
    offset.look(before, wall, now);
    now
}

/// When bytes came that were just read: as the kernel says, or now if it does not. `None` for what had come before it was
/// asked for.
pub(super) fn came(
    patience: &mut Option<Patience>,
    stamp: Option<Stamp>,
    ask: &Ask,
    clock: Clock,
) -> Option<Duration> {
    let Some(patience) = patience else {
        return Some(clock.now());
    };
    // Whatever the kernel stamped was stamped before this.
    let now = look(&mut patience.offset, clock);
    let came = stamp.map_or(Came::Unknown, |stamp| {
        patience.offset.came(stamp, ask.sent, now)
    });
    patience.watch.read(came != Came::Unknown);
    match came {
        Came::At(at) => Some(at.max(ask.head)),
        Came::Unknown => Some(now),
        Came::Unasked => None,
    }
}

/// Whether answers are such that they may lie.
#[derive(Debug, PartialEq, Eq)]
enum Watch {
    /// So many more are to be waited for.
    Waits(u32),
    /// So many more may lie.
    Lets(u32),
}

impl Default for Watch {
    fn default() -> Self {
        Self::Waits(WATCHED)
    }
}

impl Watch {
    /// Learns from something that was read, whether nothing of it is lost when it lies.
    fn read(&mut self, may_lie: bool) {
        *self = match self {
            _ if !may_lie => Self::default(),
            Self::Waits(0) => Self::Lets(UNWATCHED),
            Self::Lets(0) => Self::default(),
            Self::Waits(more) => Self::Waits(*more - 1),
            Self::Lets(more) => Self::Lets(*more - 1),
        }
    }
}

impl Lane {
    /// What to wait for until the next request is due, which is so far away. Whoever waits for a connection has the next
    /// that is free, so then every answer counts.
    pub(super) fn wake(&mut self, due: Duration) -> Wake {
        let Some(patience) = &mut self.patience else {
            return Wake::Answers;
        };
        patience.lying =
            matches!(patience.watch, Watch::Lets(_)) && due <= LONGEST && self.waiting.is_empty();
        if patience.lying {
            Wake::NoAnswers
        } else {
            Wake::Answers
        }
    }

    /// Whether the next request could not go out although an answer that nobody has taken may have left its connection
    /// free.
    pub(super) fn is_short(&self) -> bool {
        self.patience.is_some() && self.idle.is_empty() && self.vacant.is_empty()
    }

    /// Takes the answers that lie there, without waiting for any.
    pub(super) fn take(&mut self) -> io::Result<()> {
        let Some(patience) = &mut self.patience else {
            return Ok(());
        };
        let fresh = std::mem::take(&mut patience.fresh);
        if !patience.lying {
            return Ok(());
        }
        let under_way = self.worker.in_flight.get() - self.waiting.len();
        let older = under_way.saturating_sub(fresh);
        if older == 0 {
            return Ok(());
        }
        let known = patience.last.len().saturating_sub(fresh);
        let mut few = [None; FEW];
        let mut found = 0;
        for &(at, number) in patience.last.iter().take(known) {
            if self.connections.get(at).is_some_and(|c| c.carries(number)) {
                if let Some(place) = few.get_mut(found) {
                    *place = Some(at);
                }
                found += 1;
            }
        }
        if found != older || found > FEW {
            return self.turn(Duration::ZERO, Wake::Answers);
        }
        for at in few.into_iter().flatten() {
            self.read(at);
        }
        self.hand_over();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_lie_after_many_that_were_whole_and_are_watched_again_and_again() {
        let mut watch = Watch::default();
        let mut waited = 0;
        for _ in 0..10 * (WATCHED + UNWATCHED) {
            waited += u32::from(matches!(watch, Watch::Waits(_)));
            watch.read(true);
        }
        assert!(
            (10 * WATCHED..=11 * (WATCHED + 1)).contains(&waited),
            "{waited}"
        );
    }

    #[test]
    fn one_in_pieces_or_without_a_stamp_makes_many_be_waited_for() {
        for before in [0, WATCHED, WATCHED + 2, WATCHED + UNWATCHED] {
            let mut watch = Watch::default();
            (0..before).for_each(|_| watch.read(true));
            watch.read(false);
            for _ in 0..WATCHED {
                assert!(matches!(watch, Watch::Waits(_)));
                watch.read(true);
            }
        }
    }
}
