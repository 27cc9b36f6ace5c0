//! The bench on which chains are tested: a chain, a clock that only the test moves, and what came out when.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use proptest::sample::Index;
use tokio::time::Instant;

use crate::armed::Armed;
use crate::chain::Chain;
use crate::connections::Entry;
use crate::dice::test_key;
use crate::name::ToxicName;
use crate::queue::{Chunk, End};
use crate::stats::Hits;
use crate::toxic::{Stream, Toxic, ToxicKind};

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) fn armed(id: u64, kind: ToxicKind, toxicity: f64) -> Armed {
    let name = ToxicName::new(format!("t{id}")).unwrap();
    let toxic = Toxic::new(kind, Stream::Downstream)
        .named(name)
        .with_toxicity(toxicity);
    Armed::new(id, toxic, 0, Instant::now())
}

pub(crate) fn test_entry() -> Arc<Entry> {
    let client = (Ipv4Addr::LOCALHOST, 5).into();
    Arc::new(Entry::new(1, client, None))
}

type Output = Vec<(Instant, Vec<u8>)>;

pub(crate) struct Rig {
    chain: Chain,
    toxics: Vec<Armed>,
    now: Instant,
    output: Output,
    ids: u64,
    hits: Option<Arc<Hits>>,
}

impl Rig {
    pub(crate) fn new(kind: ToxicKind) -> Self {
        Self::chain(&[kind])
    }

    pub(crate) fn chain(kinds: &[ToxicKind]) -> Self {
        Self::armed(
            kinds
                .iter()
                .zip(1..)
                .map(|(kind, id)| armed(id, kind.clone(), 1.0))
                .collect(),
        )
    }

    /// With a toxic that begins when the rig's clock does: between two looks at a real one a busy machine may do something
    /// else, and a ramp would be under way already.
    pub(crate) fn with(toxic: Toxic) -> Self {
        let mut rig = Self::armed(Vec::new());
        rig.add(toxic);
        rig
    }

    pub(crate) fn armed(toxics: Vec<Armed>) -> Self {
        Self::for_connection(0, toxics)
    }

    pub(crate) fn for_connection(connection: u64, toxics: Vec<Armed>) -> Self {
        let (mut chain, now) = (
            Chain::new(test_key(connection), test_entry()),
            Instant::now(),
        );
        chain.apply(&toxics, now);
        let hits = toxics.first().map(|first| first.hits.clone());
        Self {
            chain,
            toxics,
            now,
            output: Vec::new(),
            ids: 100,
            hits,
        }
    }

    pub(crate) fn now(&self) -> Instant {
        self.now
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.chain.inlet().push(Chunk {
            bytes: Bytes::copy_from_slice(bytes),
            arrived: self.now,
        });
    }

    /// Feeds until `bytes` more would not be taken, as a sender does that is faster than any toxic.
    pub(crate) fn keep_full(&mut self, bytes: usize) {
        let mut fed = 0;
        while self.wants_input() && fed < bytes {
            self.feed(&[0; 16_384]);
            fed += 16_384;
        }
    }

    pub(crate) fn end(&mut self) {
        self.chain.inlet().finish(End::Eof);
    }

    /// Lets time pass without calling the chain, as a machine does that is busy with something else.
    pub(crate) fn sleep(&mut self, by: Duration) {
        self.now += by;
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        self.until(self.now + by);
    }

    /// Lets time pass and takes what has come out by then, that of earlier `advance`s included.
    pub(crate) fn run(&mut self, by: Duration) -> Output {
        self.advance(by);
        std::mem::take(&mut self.output)
    }

    fn until(&mut self, end: Instant) {
        loop {
            let wake = self.pump();
            match wake.filter(|wake| *wake <= end && !self.chain.is_reset()) {
                // As a timer does: never before its time, and never twice for nothing.
                Some(wake) => self.now = wake.max(self.now),
                None => break,
            }
        }
        self.now = end;
        self.pump();
    }

    fn pump(&mut self) -> Option<Instant> {
        loop {
            let wake = self.chain.pump(self.now);
            let mut wrote = false;
            // Nothing is written to a connection that is reset.
            while !self.chain.is_reset()
                && let Some(chunk) = self.chain.out().pop()
            {
                self.output.push((self.now, chunk.bytes.to_vec()));
                wrote = true;
            }
            if !wrote {
                return wake;
            }
        }
    }

    /// Updates the first toxic.
    pub(crate) fn update(&mut self, kind: ToxicKind) {
        self.toxics[0].toxic.kind = kind;
        self.toxics[0].revision += 1;
        self.toxics[0].roll += 1;
        self.chain.apply(&self.toxics, self.now);
    }

    /// Makes the first toxic roll again, as one does whose neighbour comes or goes.
    pub(crate) fn reroll(&mut self) {
        self.toxics[0].roll += 1;
        self.chain.apply(&self.toxics, self.now);
    }

    /// Removes the first toxic.
    pub(crate) fn remove(&mut self) {
        self.toxics.remove(0);
        self.chain.apply(&self.toxics, self.now);
    }

    /// Removes all toxics and adds others in the same step.
    pub(crate) fn replace(&mut self, kinds: &[ToxicKind]) {
        self.toxics.clear();
        for kind in kinds {
            self.ids += 1;
            self.toxics.push(armed(self.ids, kind.clone(), 1.0));
        }
        self.chain.apply(&self.toxics, self.now);
    }

    /// Adds a toxic at the end, under a name of its own.
    pub(crate) fn add(&mut self, toxic: Toxic) {
        self.ids += 1;
        let name = ToxicName::new(format!("t{}", self.ids)).unwrap();
        let armed = Armed::new(self.ids, toxic.named(name), 0, self.now);
        self.toxics.push(armed);
        self.chain.apply(&self.toxics, self.now);
    }

    pub(crate) fn toxic(&self, at: Index) -> Option<Toxic> {
        let armed = (!self.toxics.is_empty()).then(|| at.get(&self.toxics))?;
        Some(armed.toxic.clone())
    }

    /// Updates a toxic.
    pub(crate) fn set(&mut self, at: Index, toxic: Toxic) {
        let index = at.index(self.toxics.len());
        let armed = &mut self.toxics[index];
        armed.set(toxic, self.now);
        armed.revision += 1;
        armed.roll += 1;
        self.chain.apply(&self.toxics, self.now);
    }

    pub(crate) fn remove_at(&mut self, at: Index) {
        if !self.toxics.is_empty() {
            self.toxics.remove(at.index(self.toxics.len()));
            self.chain.apply(&self.toxics, self.now);
        }
    }

    pub(crate) fn remove_all(&mut self) {
        self.toxics.clear();
        self.chain.apply(&self.toxics, self.now);
    }

    pub(crate) fn ended(&mut self) -> Option<End> {
        self.pump();
        self.chain.out().at_end()
    }

    pub(crate) fn is_reset(&self) -> bool {
        self.chain.is_reset()
    }

    pub(crate) fn bypassed(&self) -> bool {
        self.chain.is_bypassed()
    }

    pub(crate) fn wants_input(&self) -> bool {
        self.chain.wants_input()
    }

    /// Connections and chunks that the first toxic of the beginning has affected.
    pub(crate) fn hits(&self) -> (u64, u64) {
        let hits = self.hits.as_ref().unwrap();
        let hits = hits.snapshot(&ToxicName::new("x").unwrap(), Stream::Downstream);
        assert_eq!(hits.first_affected.is_some(), hits.connections > 0);
        (hits.connections, hits.chunks)
    }
}
