//! A service's body as a container: what is done to it is asked of the engine, and its end is what the engine says of it.
//! Knows nothing of how it was made.

use crate::target::engine::{ContainerId, Ended, Engine, EngineError, KILLED, Seen};
use crate::target::output::Sink;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// How long the output of a container that ended is still read.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Between two looks at an engine that gave no answer and lives.
const AGAIN: Duration = Duration::from_millis(100);

/// A container that runs, on its engine.
#[derive(Debug, Clone)]
pub(in crate::target) struct Vessel {
    pub(in crate::target) engine: Engine,
    pub(in crate::target) id: ContainerId,
}

/// One life of a container: from a start to the end that follows.
#[derive(Debug)]
pub(super) struct Container {
    vessel: Vessel,
    /// Set as soon as the engine said that it ended, or can't say any more.
    ended: Arc<AtomicBool>,
    /// Set when it is the engine that is gone.
    lost: Arc<AtomicBool>,
}

impl Container {
    /// Watches a container that was just started, reads what it prints from where `seen` is, and says how its end is heard
    /// of.
    pub(super) fn watch(
        vessel: Vessel,
        seen: &Seen,
        sink: Arc<Sink>,
    ) -> (Self, watch::Receiver<Option<String>>) {
        let (said, status) = watch::channel(None);
        let ended = Arc::new(AtomicBool::new(false));
        let lost = Arc::new(AtomicBool::new(false));
        let (gone, lost_too, of) = (Arc::clone(&ended), Arc::clone(&lost), vessel.clone());
        let drained = read(vessel.clone(), seen.clone(), sink, Arc::clone(&ended));
        let drained = tokio::spawn(drained);
        tokio::spawn(async move {
            let end = end(&of).await;
            if let Err(error) = &end {
                lost_too.store(true, Ordering::Release);
                of.engine.lose(error);
            }
            gone.store(true, Ordering::Release);
            let _ = tokio::time::timeout(LAST_WORDS, drained).await;
            let words = end.unwrap_or_else(|error| format!("an unknown end: {error}"));
            let _ = said.send(Some(words));
        });
        let watched = Self {
            vessel,
            ended,
            lost,
        };
        (watched, status)
    }

    /// The container.
    pub(super) fn vessel(&self) -> &Vessel {
        &self.vessel
    }

    /// Whether it is known to have ended.
    pub(super) fn ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Whether the engine is gone, so that nobody knows what became of it.
    pub(super) fn lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// Asks it to end, and has it ended after `grace`.
    pub(super) async fn stop(&self, grace: Duration) -> Result<(), String> {
        done(self.vessel.engine.stop(&self.vessel.id, grace).await)
    }

    /// Ends it at once.
    pub(super) async fn kill(&self) -> Result<(), String> {
        done(self.vessel.engine.kill(&self.vessel.id).await)
    }

    /// Freezes it.
    pub(super) async fn pause(&self) -> Result<(), String> {
        let paused = self.vessel.engine.pause(&self.vessel.id).await;
        paused.map_err(|error| error.to_string())
    }

    /// Lets it go on. One that was never paused, or ended meanwhile, has nothing to go on from.
    pub(super) async fn go_on(&self) -> Result<(), String> {
        let Vessel { engine, id } = &self.vessel;
        match engine.unpause(id).await {
            Err(_) if self.ended() => Ok(()),
            Err(error) => match engine.inspect(id).await {
                Ok(state) if !state.paused => Ok(()),
                _ => Err(error.to_string()),
            },
            Ok(()) => Ok(()),
        }
    }
}

/// Reads what it prints, on a new stream whenever one broke, until it has ended.
async fn read(vessel: Vessel, seen: Seen, sink: Arc<Sink>, ended: Arc<AtomicBool>) {
    loop {
        let output = vessel.engine.logs(&vessel.id, &seen);
        let broke = sink.drain(output).await.err();
        // An engine that keeps nothing of what it prints refuses.
        let again = broke.is_some_and(|error| {
            let told = error.get_ref().and_then(|told| told.downcast_ref());
            !told.is_some_and(EngineError::is_refused)
        });
        if !again || ended.load(Ordering::Acquire) {
            return;
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// One that is gone or does not run is what was wanted.
fn done(asked: Result<(), EngineError>) -> Result<(), String> {
    match asked {
        Err(error) if error.is_absent() || error.is_conflict() => Ok(()),
        asked => asked.map_err(|error| error.to_string()),
    }
}

/// Waits for its end, in words. An engine that is gone can't tell.
async fn end(vessel: &Vessel) -> Result<String, EngineError> {
    loop {
        match vessel.engine.wait(&vessel.id).await {
            Ok(ended) => return Ok(describe(&ended)),
            Err(error) if error.is_absent() => return Ok("an unknown end: it was removed".into()),
            Err(error) if error.is_silent() => return Err(error),
            Err(_) => tokio::time::sleep(AGAIN).await,
        }
    }
}

/// An end in words, those of a process where they are the same.
fn describe(ended: &Ended) -> String {
    let how = match ended.code {
        signal @ 129..=192 => format!("exit code {} (signal {})", ended.code, signal - 128),
        code => format!("exit code {code}"),
    };
    let why = ended.error.as_ref();
    let why = why.map_or_else(String::new, |error| format!(": {error}"));
    match ended.oom_killed {
        true => format!("{how}, killed because it was out of memory{why}"),
        false if ended.limited && ended.code == KILLED => {
            format!("{how}, killed perhaps because it was out of memory, which is limited{why}")
        }
        false => format!("{how}{why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_told_with_its_signal_and_what_it_lacked() {
        let ended = |code, oom_killed, limited| {
            describe(&Ended {
                code,
                oom_killed,
                limited,
                error: None,
            })
        };
        assert_eq!(ended(7, false, false), "exit code 7");
        assert_eq!(ended(143, false, false), "exit code 143 (signal 15)");
        assert_eq!(
            ended(137, true, true),
            "exit code 137 (signal 9), killed because it was out of memory"
        );
        assert_eq!(
            ended(137, false, true),
            "exit code 137 (signal 9), killed perhaps because it was out of memory, which is limited"
        );
        assert_eq!(ended(143, false, true), "exit code 143 (signal 15)");
    }
}
