//! A recording folded as fast as it can be: one thread reads lines, some read events from them, and the asking one folds. Who
//! reads which lines goes round, so the events come in order. What is a line, and what an event, is said elsewhere.

use super::read::{Lines, ReadError, ends, parse};
use harness_core::event::Envelope;
use harness_core::record::Record;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// Threads that read events: as much work as folding them, twice.
const PARSERS: usize = 2;
/// Lines handed on at a time, at most.
const BATCH: usize = 256;
/// Their bytes, but for the last one's; a plan's line may be long.
const BYTES: usize = 1 << 20;
/// Batches that wait for each thread.
const AHEAD: usize = 4;

/// A recording, folded.
#[derive(Debug)]
pub struct Recorded {
    /// What its events add up to.
    pub record: Record,
    /// Whether it ends before the run did.
    pub cut_short: bool,
}

/// Some lines, one after another.
struct Batch {
    /// The first one's number.
    line: u64,
    text: Vec<u8>,
}

type Events = Result<Vec<Envelope>, ReadError>;

/// Reads a recording and folds it at the same time, without holding more than a few thousand of its events.
pub fn record(path: &Path) -> Result<Recorded, ReadError> {
    let lines = Lines::open(path)?;
    thread::scope(|scope| {
        let (mut to, mut from) = (Vec::new(), Vec::new());
        for _ in 0..PARSERS {
            let (hand, batches) = sync_channel::<Batch>(AHEAD);
            let (send, events) = sync_channel::<Events>(AHEAD);
            scope.spawn(move || events_of(path, batches, &send));
            to.push(hand);
            from.push(events);
        }
        let reading = scope.spawn(move || hand_round(lines, &to));
        let folded = fold(path, from);
        let read = reading.join().unwrap_or_else(|panic| resume_unwind(panic));
        // What could not be folded came before what could not be read.
        let folded = folded?;
        read?;
        Ok(folded)
    })
}

/// Hands the lines to one thread after another, until nobody wants more.
fn hand_round(mut lines: Lines, to: &[SyncSender<Batch>]) -> Result<(), ReadError> {
    for hand in to.iter().cycle() {
        let (line, mut text) = (lines.line + 1, Vec::new());
        let mut more = Ok(true);
        while text.len() < BYTES && lines.line + 1 < line + BATCH as u64 {
            more = lines.next(&mut text);
            if !matches!(more, Ok(true)) {
                break;
            }
        }
        // What came before an error counts.
        if hand.send(Batch { line, text }).is_err() || !more? {
            return Ok(());
        }
    }
    Ok(())
}

fn events_of(path: &Path, batches: Receiver<Batch>, send: &SyncSender<Events>) {
    for Batch { line, text } in batches {
        let lines = text.split_inclusive(|byte| *byte == b'\n');
        let events = (line..).zip(lines).map(|(n, text)| parse(path, n, text));
        let events: Events = events.collect();
        let failed = events.is_err();
        if send.send(events).is_err() || failed {
            return;
        }
    }
}

fn fold(path: &Path, from: Vec<Receiver<Events>>) -> Result<Recorded, ReadError> {
    let mut folded = Recorded {
        record: Record::default(),
        cut_short: true,
    };
    for events in from.iter().cycle() {
        // The first one who has no more had the last lines, or the next would have got more.
        let Ok(events) = events.recv() else {
            break;
        };
        for event in events? {
            folded.cut_short = !ends(&event);
            let taken = folded.record.take_in(event);
            taken.map_err(|source| ReadError::Fold {
                path: path.to_owned(),
                source,
            })?;
        }
    }
    Ok(folded)
}
