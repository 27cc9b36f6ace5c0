//! Load: hands a scenario to the engine and turns what it reports into events. Knows no fault and no target.

mod descriptors;
mod process;

pub use process::{ProcessError, Program};

use crate::dispatcher::Mouth;
use crate::health::{Gauges, Second};
use crate::ports::Watch;
use harness_core::event::{Event, SeenIn};
use harness_core::plan::load::{Engine, Model};
use harness_load::{Attack, Handle, Kept, LaunchError, Report, launch};
use process::Worker;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// How a load ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The whole schedule was played and every answer awaited.
    Played,
    /// It was told to stop.
    Stopped,
    /// A worker could not go on.
    Broken(String),
}

/// Why a load can't begin.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// The native engine can't play it.
    #[error(transparent)]
    Native(#[from] LaunchError),
    /// A worker process can't.
    #[error(transparent)]
    Process(#[from] ProcessError),
}

/// Who plays: the native engine's threads, or a worker process.
enum Player {
    Native(Handle),
    Process(Worker),
}

impl Player {
    fn start(
        attack: Attack,
        program: &Program,
        reports: mpsc::Sender<Report>,
    ) -> Result<Self, PlayError> {
        match &attack.plan.model {
            Model::Closed(closed) if closed.engine == Engine::Goose => {
                Ok(Self::Process(Worker::start(&attack, program, reports)?))
            }
            _ => Ok(Self::Native(launch(attack, reports)?)),
        }
    }

    fn stop(&self) {
        match self {
            Self::Native(handle) => handle.stop(),
            Self::Process(worker) => worker.stop(),
        }
    }

    async fn join(self) {
        match self {
            Self::Native(handle) => handle.join().await,
            Self::Process(worker) => worker.join().await,
        }
    }
}

/// Plays a load to its end, or until it is told to stop; how it ended, and what it kept of what is watched. Its seconds
/// are counted from `from_second` of the scenario.
pub async fn play(
    attack: Attack,
    from_second: u32,
    mouth: &Mouth,
    watch: &Arc<dyn Watch>,
    gauges: &Gauges,
    program: &Program,
    stop: &CancellationToken,
) -> Result<(Ended, Vec<Kept>), PlayError> {
    let (sender, mut reports) = mpsc::channel(8192);
    let scenario = attack.scenario.clone();
    let mut kept = vec![Kept::default(); attack.watched.len()];
    let (_, open) = crate::procfs::own_figures();
    if let Some(text) = descriptors::make_room(attack.plan.http.connections, open) {
        mouth.say(Event::Notice { text }).await;
    }
    let player = Player::start(attack, program, sender)?;
    let mut unfed: BTreeMap<String, u64> = BTreeMap::new();
    let mut unsent = BTreeSet::new();
    let mut ended = Ended::Played;
    let mut stopping = false;
    loop {
        let report = tokio::select! {
            report = reports.recv() => report,
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                ended = Ended::Stopped;
                player.stop();
                continue;
            }
        };
        match report {
            None | Some(Report::Ended) => break,
            Some(Report::Tick(mut tick)) => {
                tick.second = tick.second.saturating_add(from_second);
                if tick.no_data > 0 {
                    *unfed.entry(tick.name.clone()).or_default() += tick.no_data;
                }
                mouth.say(Event::LoadTick(Box::new(tick))).await;
            }
            Some(Report::Health {
                lag,
                cpu_seconds,
                drops,
                worker,
                local,
                ..
            }) => gauges.generator(&Second {
                worker,
                lag: &lag,
                cpu_seconds,
                drops,
                local,
            }),
            Some(Report::Exemplar(mut exemplar)) => {
                exemplar.second = exemplar.second.saturating_add(from_second);
                mouth.say(Event::Exemplar(Box::new(exemplar))).await;
            }
            Some(Report::Sample {
                request, response, ..
            }) => watch.saw(SeenIn::Load, &request, &response),
            Some(Report::Unsent { name, reason }) => {
                // The first says it for all workers.
                if unsent.insert(name.clone()) {
                    let text = format!("{name} sends nothing in {scenario}: {reason}");
                    mouth.say(Event::Notice { text }).await;
                }
            }
            Some(Report::Kept(more)) => {
                let slots = kept.iter_mut().zip(more);
                slots.for_each(|(sum, more)| sum.add(more));
            }
            Some(Report::WorkerFailed(reason)) => {
                mouth
                    .say(Event::Notice {
                        text: format!("the load of {scenario} broke: {reason}"),
                    })
                    .await;
                ended = Ended::Broken(reason);
                stopping = true;
                player.stop();
            }
        }
    }
    player.join().await;
    gauges.say(mouth).await;
    gauges.load_ended();
    for (journey, walks) in unfed {
        let text = format!(
            "the data of journey {journey} ran out in {scenario}: {walks} walk{} not begun for want of a row",
            if walks == 1 { " was" } else { "s were" }
        );
        mouth.say(Event::Notice { text }).await;
    }
    Ok((ended, kept))
}
