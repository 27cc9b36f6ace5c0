//! The bounded queues between a link's reader, the stages of its chain, and its writer. Plain data: no clock, no I/O.

use std::collections::VecDeque;

use bytes::Bytes;
use tokio::time::Instant;

/// What a chunk costs beside its bytes: its own entry and its buffer's header, so that a flood of tiny chunks fills a
/// queue as well.
const CHUNK_COST: usize = 64;

/// Bytes that travel together.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    pub(crate) bytes: Bytes,
    /// When they were read from the socket, plus the latency that stages have added since.
    pub(crate) arrived: Instant,
}

/// How a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The sender is done; the other direction goes on.
    Eof,
    /// The whole connection is to be closed, once what lies before is delivered.
    Close,
    /// The sender reset its connection; so is the other side's, once what lies before is delivered.
    Reset,
}

/// Chunks in order, then perhaps an end. `limit` bounds the cost at which it takes no more; one chunk may exceed it.
#[derive(Debug)]
pub(crate) struct Queue {
    chunks: VecDeque<Chunk>,
    end: Option<End>,
    cost: usize,
    limit: usize,
    /// Counts every change, so that a chain sees whether a round moved anything.
    changes: u64,
}

impl Queue {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            chunks: VecDeque::new(),
            end: None,
            cost: 0,
            limit,
            changes: 0,
        }
    }

    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    /// Nothing in it and no end known.
    pub(crate) fn is_idle(&self) -> bool {
        self.chunks.is_empty() && self.end.is_none()
    }

    pub(crate) fn has_room(&self) -> bool {
        self.cost < self.limit && self.end.is_none()
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.end.is_some()
    }

    pub(crate) fn front(&self) -> Option<&Chunk> {
        self.chunks.front()
    }

    /// The end, once everything before it has been taken.
    pub(crate) fn at_end(&self) -> Option<End> {
        if self.chunks.is_empty() {
            self.end
        } else {
            None
        }
    }

    pub(crate) fn push(&mut self, chunk: Chunk) {
        if self.end.is_some() || chunk.bytes.is_empty() {
            return;
        }
        self.cost += chunk.bytes.len() + CHUNK_COST;
        self.chunks.push_back(chunk);
        self.changes += 1;
    }

    pub(crate) fn pop(&mut self) -> Option<Chunk> {
        let chunk = self.chunks.pop_front()?;
        self.cost -= chunk.bytes.len() + CHUNK_COST;
        self.changes += 1;
        Some(chunk)
    }

    /// Takes at most `most` bytes of the first chunk; the rest of it stays first.
    pub(crate) fn take(&mut self, most: usize) -> Option<Chunk> {
        let first = self.chunks.front_mut()?;
        if first.bytes.len() <= most {
            return self.pop();
        }
        let bytes = first.bytes.split_to(most);
        self.cost -= most;
        self.changes += 1;
        Some(Chunk {
            bytes,
            arrived: first.arrived,
        })
    }

    /// The first end that is set stays.
    pub(crate) fn finish(&mut self, end: End) {
        if self.end.is_none() {
            self.end = Some(end);
            self.changes += 1;
        }
    }

    /// Throws away what is held, end and all.
    pub(crate) fn discard(&mut self) {
        self.chunks.clear();
        self.cost = 0;
    }

    /// Moves what fits, and the end behind it.
    pub(crate) fn pass(&mut self, outlet: &mut Queue) {
        while outlet.has_room() {
            match self.pop() {
                Some(chunk) => outlet.push(chunk),
                None => break,
            }
        }
        self.pass_end(outlet);
    }

    /// Moves the end, if nothing lies before it.
    pub(crate) fn pass_end(&mut self, outlet: &mut Queue) {
        if let Some(end) = self.at_end() {
            outlet.finish(end);
        }
    }

    /// Moves everything, whatever the limit: for a stage that leaves the chain.
    pub(crate) fn pour(mut self, outlet: &mut Queue) {
        while let Some(chunk) = self.pop() {
            outlet.push(chunk);
        }
        self.pass_end(outlet);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(text: &'static str) -> Chunk {
        Chunk {
            bytes: Bytes::from_static(text.as_bytes()),
            arrived: Instant::now(),
        }
    }

    #[test]
    fn takes_parts_in_order_and_then_the_end() {
        let mut queue = Queue::new(1_000);
        queue.push(chunk("hello"));
        queue.push(chunk(""));
        queue.finish(End::Eof);
        queue.finish(End::Close);
        queue.push(chunk("late"));
        assert_eq!(queue.at_end(), None);
        assert_eq!(queue.take(2).unwrap().bytes, "he");
        assert_eq!(queue.take(9).unwrap().bytes, "llo");
        assert_eq!(queue.at_end(), Some(End::Eof));
        assert_eq!(queue.cost, 0);
    }

    #[test]
    fn tiny_chunks_fill_it_too() {
        let mut queue = Queue::new(640);
        let mut pushed = 0;
        while queue.has_room() {
            queue.push(chunk("x"));
            pushed += 1;
            assert!(pushed <= 10, "tiny chunks are not counted");
        }
        assert_eq!(pushed, 10);
    }

    #[test]
    fn passing_stops_at_the_limit_and_pouring_does_not() {
        let (mut from, mut narrow, mut all) = (Queue::new(9_999), Queue::new(1), Queue::new(1));
        for text in ["a", "b", "c"] {
            from.push(chunk(text));
        }
        from.finish(End::Close);
        from.pass(&mut narrow);
        assert!(narrow.chunks.len() == 1 && !narrow.is_finished());
        from.pour(&mut all);
        assert!(all.chunks.len() == 2 && all.is_finished());
    }
}
