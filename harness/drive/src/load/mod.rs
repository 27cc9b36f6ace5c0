//! Load: hands a scenario to the engine and turns what it reports into events. Knows no fault and no target.

use crate::dispatcher::Mouth;
use crate::health::Gauges;
use crate::ports::Watch;
use harness_core::event::{Event, SeenIn};
use harness_load::{Attack, Kept, LaunchError, Report, launch};
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

/// Plays a load to its end, or until it is told to stop; how it ended, and what it kept of what is watched.
pub async fn play(
    attack: Attack,
    mouth: &Mouth,
    watch: &Arc<dyn Watch>,
    gauges: &Gauges,
    stop: &CancellationToken,
) -> Result<(Ended, Vec<Kept>), LaunchError> {
    let (sender, mut reports) = mpsc::channel(8192);
    let scenario = attack.scenario.clone();
    let mut kept = vec![Kept::default(); attack.watched.len()];
    let handle = launch(attack, sender)?;
    let mut ended = Ended::Played;
    let mut stopping = false;
    loop {
        let report = tokio::select! {
            report = reports.recv() => report,
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                ended = Ended::Stopped;
                handle.stop();
                continue;
            }
        };
        match report {
            None | Some(Report::Ended) => break,
            Some(Report::Tick(tick)) => mouth.say(Event::LoadTick(Box::new(tick))).await,
            Some(Report::Health {
                lag,
                cpu_seconds,
                drops,
                ..
            }) => gauges.generator(&lag, cpu_seconds, drops),
            Some(Report::Exemplar(exemplar)) => {
                mouth.say(Event::Exemplar(Box::new(exemplar))).await;
            }
            Some(Report::Sample {
                request, response, ..
            }) => watch.saw(SeenIn::Load, &request, &response),
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
                handle.stop();
            }
        }
    }
    handle.join().await;
    Ok((ended, kept))
}
