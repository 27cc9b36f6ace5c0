//! The fast lane: plain journeys on connections of its own, without a task, a walk or a copy for each. One loop asks,
//! reads and counts; a real walk is only made of answers that don't pass or are worth showing, so what a step means
//! is still told in core alone.
//!
//! It plays loads in which nothing else needs the thread's runtime in less than a [beat](BEAT): every journey is plain, goes
//! to one host over HTTP/1.1 without TLS, and users keep nothing from one walk to the next. All others are the
//! [walker](crate::walker)'s. Both file the same figures.

mod answer;
pub(crate) mod closed;
mod connection;
mod dialing;
mod fit;
pub(crate) mod open;
mod outcome;
mod overdue;
mod patience;
mod script;
mod sockets;
mod stamped;
mod stamps;

use crate::exchange;
use crate::meter::Key;
use crate::net::turns::Turns;
use crate::user::Turn;
use crate::worker::{BEAT, Worker};
use answer::{Heads, Partial, Read};
use connection::{Connection, State};
use outcome::wants;
use patience::{Patience, came};
use script::Script;
use sockets::{Sockets, Wake};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

/// How much later than the worker's heart beats the loop lets the runtime's own tasks have a turn: the beat, who hands
/// out the figures, who hears the word to stop. Their timer has gone off by then.
const AFTER_BEAT: Duration = Duration::from_micros(20);

/// A request that was meant to be made.
#[derive(Debug, Clone, Copy)]
struct Ask {
    turn: Turn,
    /// Whose it is; `None` for somebody who is there for this walk alone.
    user: Option<u32>,
    /// Where its journey and its step are filed.
    journey: Key,
    step: Key,
    asked: Duration,
    /// Whether it was asked behind what the worker sent late.
    catching_up: bool,
    /// When there was a connection to use or to open.
    sent: Duration,
    /// When the connection was open, and when the answer's head had come; zero for not (or not yet).
    connected: Duration,
    head: Duration,
    /// Whether any byte has come.
    answered: bool,
}

impl Ask {
    /// The same once more, of which nothing has come yet.
    const fn anew(self) -> Self {
        Self {
            head: Duration::ZERO,
            answered: false,
            ..self
        }
    }
}

/// One worker's fast lane.
pub(crate) struct Lane {
    worker: Rc<Worker>,
    scripts: Vec<Script>,
    /// The host's name, and its addresses.
    host: String,
    addresses: Vec<SocketAddr>,
    /// Which of them comes first.
    turns: Turns,
    sockets: Sockets,
    connections: Vec<Connection>,
    idle: Vec<usize>,
    vacant: Vec<usize>,
    /// Asked for while every connection was busy.
    waiting: VecDeque<Ask>,
    heads: Heads,
    buffer: Box<[u8]>,
    /// Of who need not be woken by each answer: nobody begins anything because one has come.
    patience: Option<Patience>,
    /// When time limits are looked at again.
    look: Duration,
    /// The shortest time limit of any journey.
    shortest: Duration,
    /// Users who have their answer, and since when they are free.
    freed: Vec<(u32, Duration)>,
}

impl Lane {
    /// Begins a walk: counts it as started and asks for its one request.
    fn begin(&mut self, turn: Turn, user: Option<u32>, journey: Key) {
        let worker = &self.worker;
        let name = worker.names.step(turn.choice.journey, 0);
        let step = Key { name, ..journey };
        {
            let mut meter = worker.meter.borrow_mut();
            meter.started(journey);
            meter.started(step);
        }
        if user.is_none() {
            worker.users.came(turn.choice.journey);
        }
        worker.in_flight.set(worker.in_flight.get() + 1);
        let now = worker.clock.now();
        let ask = Ask {
            turn,
            user,
            journey,
            step,
            asked: now,
            catching_up: worker.catching_up(),
            sent: now,
            connected: Duration::ZERO,
            head: Duration::ZERO,
            answered: false,
        };
        if let Some(at) = self.idle.pop() {
            self.ask_on(at, ask);
        } else if self.waiting.is_empty()
            && let Some(at) = self.vacant.pop()
        {
            self.begun(&ask);
            self.dial(at, ask);
        } else {
            self.waiting.push_back(ask);
        }
    }

    /// Asks on an open connection.
    fn ask_on(&mut self, at: usize, ask: Ask) {
        self.begun(&ask);
        self.write(at, ask);
    }

    /// Counts a walk whose request goes out now.
    fn begun(&self, ask: &Ask) {
        let Turn {
            intended,
            free,
            choice,
            ..
        } = ask.turn;
        let worker = &self.worker;
        let key = worker.key(ask.sent, worker.names.journey(choice.journey));
        let mut meter = worker.meter.borrow_mut();
        meter.begun(key);
        let late = exchange::late(intended, free, ask.asked, ask.sent, ask.catching_up);
        if let Some(late) = late {
            meter.late(ask.step, late);
            meter.late(ask.journey, late);
        }
    }

    fn write(&mut self, at: usize, ask: Ask) {
        let (Some(connection), Some(script)) = (
            self.connections.get_mut(at),
            self.scripts.get_mut(ask.turn.choice.journey),
        ) else {
            return;
        };
        connection.state = State::Busy(ask);
        connection.wrote = false;
        if let Some(patience) = &mut self.patience {
            patience.asked(at, ask.turn.number);
        }
        if let Err(error) = connection.send(script.bytes(ask.turn.choice.iteration)) {
            self.broken(at, &error);
        }
    }

    /// When the runtime has its next turn: so long the loop holds the thread.
    fn until(&self, now: Duration) -> Duration {
        (self.worker.next_beat.get() + AFTER_BEAT).min(now + BEAT)
    }

    /// The runtime's turn: until the heart has beaten that is due, which takes the timer going off and those who wait for
    /// it being woken.
    async fn give_way(&self) {
        loop {
            tokio::task::yield_now().await;
            if self.worker.next_beat.get() > self.worker.clock.now() {
                return;
            }
        }
    }

    /// Waits until something happens, at most so long, and sees to it.
    fn turn(&mut self, longest: Duration, wake: Wake) -> io::Result<()> {
        self.sockets.wait(longest, wake)?;
        for nth in 0..self.sockets.ready() {
            if let Some((at, hung_up)) = self.sockets.event(nth) {
                self.happened(at, hung_up);
            }
        }
        self.hand_over();
        Ok(())
    }

    fn happened(&mut self, at: usize, hung_up: bool) {
        let Some(connection) = self.connections.get_mut(at) else {
            return;
        };
        connection.hung_up |= hung_up;
        match connection.state {
            State::Closed => {}
            State::Dialing(mut ask, _) => match connection.connected() {
                None => {}
                Some(Ok(())) => {
                    if let Some(address) = connection.route.first() {
                        self.turns.took(*address);
                    }
                    ask.connected = self.worker.clock.now();
                    self.write(at, ask);
                }
                Some(Err(error)) => self.undialed_there(at, ask, &error),
            },
            // Whatever comes now belongs to no request: the end of the connection, or an answer too many.
            State::Idle => {
                if !matches!(connection.read(&mut self.buffer), Ok(None)) {
                    self.forget_idle(at);
                }
            }
            State::Busy(_) => {
                // A server that takes no more may have said why.
                let unsent = connection.send_rest().err();
                self.read(at);
                if let Some(error) = unsent {
                    self.broken(at, &error);
                }
            }
        }
    }

    /// Reads an answer as far as it has come.
    fn read(&mut self, at: usize) {
        loop {
            let Some(connection) = self.connections.get_mut(at) else {
                return;
            };
            let State::Busy(mut ask) = connection.state else {
                return;
            };
            let read = connection.read_stamped(&mut self.buffer, self.patience.is_some());
            let (count, stamp) = match read {
                Ok(Some(read)) => read,
                Ok(None) => return,
                Err(error) => return self.broken(at, &error),
            };
            let Some(now) = came(&mut self.patience, stamp, &ask, self.worker.clock) else {
                return self.unasked(at, &ask);
            };
            ask.answered |= count > 0;
            let Some(script) = self.scripts.get(ask.turn.choice.journey) else {
                return;
            };
            let bytes = &self.buffer[..count];
            let (asked, partial) = (script.asked, &mut connection.answer);
            let worker = &self.worker;
            let wanted = || wants(worker, &ask);
            let hung_up = connection.hung_up;
            let read = self.heads.read(bytes, asked, partial, wanted);
            let only_begun = matches!(read, Read::More) && !has_head(partial.as_deref());
            if ask.head.is_zero() && ask.answered && !only_begun {
                ask.head = now;
            }
            connection.state = State::Busy(ask);
            if matches!(read, Read::More)
                && let Some(patience) = &mut self.patience
            {
                patience.in_pieces();
            }
            match read {
                Read::Simple { status, body } => {
                    let took = now.saturating_sub(ask.sent);
                    if script.plain.passes(status, took) && !self.shown(&ask, now) {
                        return self.passed(at, &ask, now, body);
                    }
                    let whole = Heads::whole(bytes, asked, wants(&self.worker, &ask));
                    return self.answered(at, &ask, now, whole);
                }
                read @ (Read::Whole(_) | Read::Broken(_)) => {
                    return self.answered(at, &ask, now, read);
                }
                // A read that did not fill the buffer has emptied the socket; only its end may still be there.
                Read::More if count < self.buffer.len() && !hung_up => return,
                Read::More => {}
            }
        }
    }

    /// A connection that can take another request.
    fn rest(&mut self, at: usize) {
        let Some(connection) = self.connections.get_mut(at) else {
            return;
        };
        if !connection.is_free() {
            return self.close(at);
        }
        connection.answers += 1;
        connection.answer = None;
        connection.state = State::Idle;
        match self.waiting.pop_front() {
            Some(mut ask) => {
                ask.sent = self.worker.clock.now();
                self.ask_on(at, ask);
            }
            None => self.idle.push(at),
        }
    }

    /// Closes a connection; [`Lane::hand_over`] gives its place to whoever has waited longest.
    fn close(&mut self, at: usize) {
        if let Some(connection) = self.connections.get_mut(at) {
            connection.close();
        }
        self.vacant.push(at);
    }

    /// Opens connections for those who wait, where places have become vacant.
    fn hand_over(&mut self) {
        while !self.waiting.is_empty()
            && let Some(at) = self.vacant.pop()
            && let Some(mut ask) = self.waiting.pop_front()
        {
            ask.sent = self.worker.clock.now();
            self.begun(&ask);
            self.dial(at, ask);
        }
    }

    fn forget_idle(&mut self, at: usize) {
        self.idle.retain(|idle| *idle != at);
        self.close(at);
    }
}

/// Whether the head of an answer that is under way has come.
fn has_head(partial: Option<&Partial>) -> bool {
    partial.is_some_and(Partial::has_head)
}

impl Drop for Lane {
    /// What is still under way was cancelled.
    fn drop(&mut self) {
        let asks = self.connections.iter().filter_map(|c| match c.state {
            State::Dialing(ask, _) | State::Busy(ask) => Some(ask),
            State::Idle | State::Closed => None,
        });
        // Borrowed only while a panic unwinds out of the meter itself.
        let Ok(mut meter) = self.worker.meter.try_borrow_mut() else {
            return;
        };
        for ask in asks.chain(self.waiting.iter().copied()) {
            meter.cancelled(ask.step);
            meter.cancelled(ask.journey);
            if ask.user.is_none() {
                self.worker.users.left(ask.turn.choice.journey);
            }
            self.worker.left();
        }
    }
}
