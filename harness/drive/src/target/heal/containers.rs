//! Removes what a journal says a run made on a container engine: everything that carries the run's label, at the engine that the
//! journal names. An engine that does not answer has not forgotten it, so the journal stays open.

use super::Healed;
use crate::target::engine::{Engine, EngineError, Labels, Reach, Removed};
use crate::target::journal::Entry;

/// Removes it all; what can't be is noted.
pub(super) fn undo(entries: &[Entry], healed: &mut Healed) {
    let mut made: Vec<(&str, &Reach)> = Vec::new();
    for entry in entries {
        if let Entry::Containers { run, engine } = entry {
            made.push((run, engine));
        }
    }
    made.dedup();
    if made.is_empty() {
        return;
    }
    let Some(runtime) = super::runtime("the container engine", healed) else {
        return;
    };
    for (run, engine) in made {
        match runtime.block_on(remove(run, engine)) {
            Ok(removed) => {
                healed.containers.extend(removed.words());
                healed.failed.extend(removed.failed);
            }
            Err(error) => healed.failed.push(format!(
                "the containers, networks and volumes of the run may be left: {error}"
            )),
        }
    }
}

async fn remove(run: &str, engine: &Reach) -> Result<Removed, EngineError> {
    let engine = Engine::connect_to(engine.clone(), Labels::of(run)).await?;
    engine.remove_run().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::heal::{Outcome, heal_dead};
    use crate::target::journal::{self, Journal};
    use std::time::Duration;

    #[test]
    fn an_engine_that_does_not_answer_keeps_the_journal_open_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("undo");
        let journal = Journal::create(&path, "r").unwrap();
        let engine = Reach {
            host: format!("unix://{}", folder.path().join("none.sock").display()),
            certificates: None,
        };
        let run = "r".to_owned();
        journal.write(&Entry::Containers { run, engine }).unwrap();
        drop(journal);
        for _ in 0..2 {
            let healed = heal_dead(&path, Duration::ZERO, Duration::ZERO).unwrap();
            let Outcome::Healed(healed) = healed else {
                panic!("taken for live");
            };
            assert_eq!(healed.failed.len(), 1, "{healed:?}");
            assert!(healed.failed[0].contains("may be left"), "{healed:?}");
            assert!(healed.failed[0].contains("none.sock"), "{healed:?}");
            let last = journal::read(&journal::open(&path).unwrap()).unwrap().pop();
            assert_ne!(last, Some(Entry::Clean));
        }
    }
}
