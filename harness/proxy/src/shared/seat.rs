//! A link's place among the open ones of its proxy, and how it is reached there from outside. Knows nothing of its bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use futures::task::AtomicWaker;
use tokio::time::Instant;

use super::{Cut, Shared};
use crate::connections::Entry;
use crate::dice::LinkKey;
use crate::http::Watcher;
use crate::toxic::Stream;

/// How a link is reached from outside: it is told to end, or woken to look at the toxics again.
#[derive(Debug, Default)]
pub(crate) struct Control {
    waker: AtomicWaker,
    cut: AtomicU8,
}

impl Control {
    pub(super) fn wake(&self) {
        self.waker.wake();
    }

    pub(super) fn cut(&self, cut: Cut) {
        let code = match cut {
            Cut::Fin => 1,
            Cut::Reset => 2,
        };
        self.cut.store(code, Ordering::Release);
        self.waker.wake();
    }

    /// Ready when the link is to end; wakes the task for that and for a change of toxics.
    pub(crate) fn poll_cut(&self, cx: &mut Context<'_>) -> Poll<Cut> {
        self.waker.register(cx.waker());
        match self.cut.load(Ordering::Acquire) {
            0 => Poll::Pending,
            1 => Poll::Ready(Cut::Fin),
            _ => Poll::Ready(Cut::Reset),
        }
    }
}

/// A link's place among the open ones; given up when it is dropped, however the link ends.
pub(crate) struct Seat {
    pub(crate) shared: Arc<Shared>,
    pub(crate) control: Arc<Control>,
    pub(super) connection: u64,
    pub(crate) entry: Arc<Entry>,
}

impl Seat {
    pub(crate) fn key(&self, stream: Stream) -> LinkKey {
        LinkKey {
            seed: self.shared.seed,
            proxy: self.shared.name.clone(),
            connection: self.connection,
            stream,
        }
    }

    /// A watcher of the connection, if new ones are watched.
    pub(crate) fn watcher(&self) -> Option<Watcher> {
        let watch = self.shared.watch.load(Ordering::Acquire);
        let counters = self.shared.counters.http.get().filter(|_| watch)?;
        Some(Watcher::new(counters.clone()))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // Under the lock: between the two it could be cut, which its record would not have.
        let mut state = self.shared.state();
        let ended = self.entry.shown(Some(Instant::now()));
        state.links.remove(&self.connection);
        state.ended.push(ended);
        drop(state);
        self.shared.counters.closed.fetch_add(1, Ordering::Relaxed);
    }
}
