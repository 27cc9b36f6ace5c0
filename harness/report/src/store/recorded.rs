//! A recording folded as fast as it can be: the asking thread reads lines and folds events, others read the events from the lines
//! and add up the ticks of load among them, which are nine tenths of all. Who gets which lines goes round, so the events come in
//! order. What is a line, and what an event, is said elsewhere.

use super::read::{End, Lines, ReadError, parse};
use harness_core::event::{Envelope, Event, RunStarted};
use harness_core::record::{FoldError, HeardTick, Record, Sums, Ticks};
use std::collections::VecDeque;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, Scope};

/// Threads that read events and add up: together about as much work as unpacking lines and what is done with the sums.
const ADDERS: usize = 2;
/// Bytes of lines handed on at a time, but for the last line's; a plan's may be long. The more they are, the fewer sums there are
/// to be added to those before.
const BATCH: usize = 2 << 20;
/// Bytes of lines that may be under way, unless it is one batch.
const UNDER_WAY: usize = 2 * ADDERS * BATCH;

/// A recording, folded.
#[derive(Debug)]
pub struct Recorded {
    /// What its events add up to.
    pub record: Record,
    /// Whether it ends before the run did.
    pub cut_short: bool,
    /// The first line behind the run's last event, if something stands there that is no event: it is left out.
    pub behind: Option<u64>,
}

/// Some lines, one after another.
struct Batch {
    /// The first one's number.
    line: u64,
    text: Vec<u8>,
}

/// What a line says.
enum Said {
    Event(Box<Envelope>),
    /// A tick that is added up.
    Tick(HeardTick),
    /// Nothing that can be read. It may stand behind the run's end: whoever folds knows.
    Wrong(ReadError),
}

/// What a batch says, with its text, to be used again.
struct Heard {
    said: Vec<Said>,
    sums: Sums,
    text: Vec<u8>,
}

/// Reads a recording and folds it at the same time, without holding more than some megabytes of its lines, or one that is longer.
pub fn record(path: &Path) -> Result<Recorded, ReadError> {
    let mut lines = Lines::open(path)?;
    let mut folded = Folded {
        path,
        record: Record::default(),
        end: End::default(),
    };
    let mut text = Vec::new();
    if !lines.next(&mut text)? {
        return Ok(folded.done());
    }
    let first = parse(path, lines.line, &text)?;
    folded.take(Ok(first.clone()))?;
    // The first is the run's begin, or would have been refused.
    let Event::RunStarted(run) = &first.event else {
        return Ok(folded.done());
    };
    thread::scope(|scope| {
        let adders: Vec<Adder> = (0..ADDERS)
            .map(|_| Adder::start(scope, path, run))
            .collect();
        folded.share(lines, &adders, text)
    })?;
    folded.record.put_together();
    Ok(folded.done())
}

/// The way to a thread that adds up, and back.
struct Adder {
    hand: Sender<Batch>,
    heard: Receiver<Heard>,
}

impl Adder {
    fn start<'s>(scope: &'s Scope<'s, '_>, path: &'s Path, run: &'s RunStarted) -> Self {
        let (hand, batches) = channel::<Batch>();
        let (send, heard) = channel();
        scope.spawn(move || {
            let mut ticks = Ticks::of(&run.plan);
            for batch in batches {
                if send.send(listen(path, batch, &mut ticks)).is_err() {
                    break;
                }
            }
        });
        Self { hand, heard }
    }
}

/// What the lines of a batch say, and what its ticks add up to.
fn listen(path: &Path, batch: Batch, ticks: &mut Ticks<'_>) -> Heard {
    let Batch { line, text } = batch;
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    // Of several wrong lines on end the first is the one that is told: megabytes of noise are one error, not millions.
    let mut wrong = false;
    let said = (line..).zip(lines).filter_map(|(line, text)| {
        let event = parse(path, line, text);
        let again = std::mem::replace(&mut wrong, event.is_err());
        match event {
            Ok(envelope) => Some(take(envelope, ticks)),
            Err(error) => (!again).then(|| Said::Wrong(error)),
        }
    });
    Heard {
        said: said.collect(),
        sums: ticks.sums(),
        text,
    }
}

/// A tick that can be added up is taken.
fn take(envelope: Envelope, ticks: &mut Ticks<'_>) -> Said {
    let (seq, at_us) = (envelope.seq, envelope.at_us);
    let event = match envelope.event {
        Event::LoadTick(tick) => match ticks.take(seq, at_us, tick) {
            Ok(tick) => return Said::Tick(tick),
            Err(tick) => Event::LoadTick(tick),
        },
        event => event,
    };
    Said::Event(Box::new(Envelope { event, ..envelope }))
}

/// A recording under way.
struct Folded<'p> {
    path: &'p Path,
    record: Record,
    end: End,
}

impl Folded<'_> {
    /// Hands all lines round and folds what comes back, in order. What could not be folded came before what could not be read.
    fn share(
        &mut self,
        mut lines: Lines,
        adders: &[Adder],
        mut text: Vec<u8>,
    ) -> Result<(), ReadError> {
        // Who has how many bytes, the earliest first.
        let mut out: VecDeque<(usize, usize)> = VecDeque::new();
        let (mut bytes, mut turn) = (0, 0);
        loop {
            text.clear();
            let line = lines.line + 1;
            let more = fill(&mut lines, &mut text);
            let mut spare = Vec::new();
            while bytes > 0 && bytes + text.len() > UNDER_WAY {
                spare = self.next(adders, &mut out, &mut bytes)?;
            }
            let batch = Batch { line, text };
            let long = batch.text.len();
            if let Some(adder) = adders.get(turn % ADDERS)
                && adder.hand.send(batch).is_ok()
            {
                out.push_back((turn % ADDERS, long));
                bytes += long;
            }
            turn += 1;
            if !matches!(more, Ok(true)) {
                while !out.is_empty() {
                    self.next(adders, &mut out, &mut bytes)?;
                }
                self.end.rest(lines.rest);
                // Behind the end of a run nothing is lost by what can't be read.
                return more.map_or_else(|error| self.take(Err(error)), |_| Ok(()));
            }
            text = spare;
        }
    }

    /// Folds what the earliest batch says. Gives back its text.
    fn next(
        &mut self,
        adders: &[Adder],
        out: &mut VecDeque<(usize, usize)>,
        bytes: &mut usize,
    ) -> Result<Vec<u8>, ReadError> {
        let Some((adder, long)) = out.pop_front() else {
            return Ok(Vec::new());
        };
        *bytes -= long;
        // One that panicked is told by the scope.
        let heard = adders.get(adder).and_then(|adder| adder.heard.recv().ok());
        let Some(heard) = heard else {
            return Ok(Vec::new());
        };
        for said in heard.said {
            match said {
                Said::Event(event) => self.take(Ok(*event))?,
                Said::Wrong(error) => self.take(Err(error))?,
                Said::Tick(tick) => {
                    self.end.goes_on()?;
                    let heard = self.record.hear(&tick);
                    heard.map_err(|source| self.fail(source))?;
                }
            }
        }
        self.record.absorb(heard.sums);
        // Room for a line that is longer than most is not kept.
        Ok(match heard.text.capacity() <= 2 * BATCH {
            true => heard.text,
            false => Vec::new(),
        })
    }

    fn take(&mut self, read: Result<Envelope, ReadError>) -> Result<(), ReadError> {
        let Some(event) = self.end.take(read) else {
            return Ok(());
        };
        let taken = self.record.take_in(event?);
        taken.map_err(|source| self.fail(source))
    }

    fn done(self) -> Recorded {
        Recorded {
            record: self.record,
            cut_short: self.end.cut_short(),
            behind: self.end.behind(),
        }
    }

    fn fail(&self, source: FoldError) -> ReadError {
        ReadError::Fold {
            path: self.path.to_owned(),
            source,
        }
    }
}

/// Whole lines, as many as a batch has; whether there may be more. What came before an error is there.
fn fill(lines: &mut Lines, text: &mut Vec<u8>) -> Result<bool, ReadError> {
    text.reserve(BATCH + BATCH / 8);
    while text.len() < BATCH {
        if !lines.next(text)? {
            return Ok(false);
        }
    }
    Ok(true)
}
