//! A run from its begin to its end: the target laid out, up, watched, tried or held, down, and what outlived it ended. Knows
//! no reporter and no exit code: it says events.

use super::Run;
use super::hold::Work;
use crate::health;
use crate::probe::Scraper;
use crate::target::heal::heal;
use crate::target::{Failed, Surroundings, Target};
use harness_core::event::{Event, RunEnd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, info_span};

/// How long processes that outlived their services may take to end by themselves.
const SWEEP_GRACE: Duration = Duration::from_millis(500);

impl Run {
    pub(super) async fn perform(self) {
        self.mouth
            .say(Event::RunStarted(Box::new(self.job.started.clone())))
            .await;
        self.mouth.say(Event::TargetStarting).await;
        let end = match Target::lay_out(self.plan(), self.surroundings()).await {
            Ok(target) => {
                let end = self.with_target(&target).await;
                let stop = async {
                    target.down().await;
                    self.sweep().await;
                };
                stop.instrument(info_span!("target stop")).await;
                self.mouth.say(Event::TargetStopped).await;
                end
            }
            Err(failed) => {
                let end = self.say_failed(failed).await;
                self.sweep().await;
                end
            }
        };
        self.mouth.say(Event::RunFinished { end }).await;
    }

    /// Ends what services left behind: processes that left their group still carry the run's label.
    async fn sweep(&self) {
        let path = self.journal.path().to_owned();
        let swept = tokio::task::spawn_blocking(move || heal(&path, SWEEP_GRACE)).await;
        let text = match swept {
            Ok(Ok(healed)) if !healed.failed.is_empty() => {
                self.control.left_behind.store(true, Ordering::Release);
                format!(
                    "not everything could be undone: {}; `harness heal` tries again",
                    healed.failed.join("; ")
                )
            }
            Ok(Ok(healed)) if !healed.proxies.is_empty() => {
                format!(
                    "what was left on a Toxiproxy server was undone: {}",
                    healed.proxies.join("; ")
                )
            }
            Ok(Ok(healed)) if !healed.containers.is_empty() => {
                format!(
                    "left on the container engine: {}",
                    healed.containers.join("; ")
                )
            }
            Ok(Ok(healed)) if !healed.processes.is_empty() => format!(
                "{} processes that outlived their services were ended",
                healed.processes.len()
            ),
            Ok(Ok(_)) => return,
            Ok(Err(error)) => format!("failed to look for what the services left behind: {error}"),
            Err(error) => format!("failed to look for what the services left behind: {error}"),
        };
        self.mouth.say(Event::Notice { text }).await;
    }

    fn surroundings(&self) -> Surroundings {
        Surroundings {
            root: self.job.root.clone(),
            folder: self.job.folder.clone(),
            run: self.job.started.run.clone(),
            seed: self.plan().seed,
            clock: self.job.clock,
            mouth: self.mouth.clone(),
            secrets: self.job.secrets.clone(),
            redactor: self.redactor.clone(),
            journal: self.journal.clone(),
            client: self.client.clone(),
            gauges: self.gauges.clone(),
            cancel: self.control.cancel.clone(),
        }
    }

    pub(super) async fn say_failed(&self, failed: Failed) -> RunEnd {
        let Failed {
            service,
            reason,
            output,
        } = failed;
        self.mouth
            .say(Event::TargetFailed {
                service,
                reason,
                output,
            })
            .await;
        RunEnd::TargetFailed
    }

    /// Everything between the target's begin and its end.
    async fn with_target(&self, target: &Arc<Target>) -> RunEnd {
        let start = target.up().instrument(info_span!("target start"));
        let up = tokio::select! {
            biased;
            () = self.control.cancel.cancelled() => return RunEnd::Cancelled,
            up = start => up,
        };
        if let Err(failed) = up {
            return self.say_failed(failed).await;
        }
        if let Work::Hold(ready) = &self.work {
            return self.held(target, ready).await;
        }
        let background = CancellationToken::new();
        let mut watchers = tokio::task::JoinSet::new();
        watchers.spawn(health::watch(
            self.gauges.clone(),
            self.mouth.clone(),
            background.clone(),
        ));
        watchers.spawn(Arc::clone(target.links()).watch(self.mouth.clone(), background.clone()));
        let scraper = Scraper::new(
            target.probes(),
            self.plan(),
            self.client.clone(),
            self.job.clock,
            self.mouth.clone(),
        );
        watchers.spawn(scraper.clone().watch(background.clone()));
        let end = match Box::pin(self.phases(target, &scraper)).await {
            Ok(()) if self.control.cancel.is_cancelled() => RunEnd::Cancelled,
            Ok(()) => RunEnd::Completed,
            Err(reason) => {
                self.mouth
                    .say(Event::Notice {
                        text: format!("the run broke off: {reason}"),
                    })
                    .await;
                RunEnd::Broken
            }
        };
        background.cancel();
        while watchers.join_next().await.is_some() {}
        end
    }
}
