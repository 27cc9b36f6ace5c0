//! What is done to containers that run, and what is learned of them: how they ended, whether they are healthy.

use super::container::ContainerId;
use super::{Engine, EngineError, WORK};
use futures::StreamExt as _;
use std::collections::HashMap;
use std::time::Duration;
use testcontainers::bollard::errors::Error as ClientError;
use testcontainers::bollard::models::{ContainerState, ContainerStateStatusEnum, HealthStatusEnum};
use testcontainers::bollard::query_parameters::{
    EventsOptionsBuilder, KillContainerOptionsBuilder, RemoveContainerOptionsBuilder,
    StartContainerOptions, StopContainerOptionsBuilder, WaitContainerOptionsBuilder,
};

/// How often an engine that has nothing to tell is asked whether it is there.
const LOOK: Duration = Duration::from_secs(3);

/// How long after an end the engine may hear what it ended of.
const HEARS: Duration = Duration::from_millis(500);

/// The exit code of a process that was killed.
pub(crate) const KILLED: i64 = 137;

/// How a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its process's exit code; 128 and more: the signal that ended it, added to 128.
    pub code: i64,
    /// Whether the kernel is known to have killed it for the memory it used.
    pub oom_killed: bool,
    /// Whether its memory was limited: what was killed then may have been killed for it, and no engine heard of it.
    pub limited: bool,
    /// What the engine has to say about it, if anything.
    pub error: Option<String>,
}

/// What a container's own health check says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// Its image has no health check.
    None,
    /// It was not well yet, and may still be starting.
    Starting,
    /// It is well.
    Healthy,
    /// It is not; what the check printed last.
    Unhealthy(String),
}

/// What a container does at the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Whether it runs; so does one that is paused.
    pub running: bool,
    /// Whether it is paused.
    pub paused: bool,
    /// Whether it is being removed: nothing can be done to it any more.
    pub leaving: bool,
    /// Its first process, as the engine's machine numbers it; `None` while it does not run.
    pub pid: Option<i32>,
    /// How its last life ended, if it does not run.
    pub ended: Option<Ended>,
    /// What its own health check says.
    pub health: Health,
}

impl Engine {
    /// What it does at the moment.
    pub async fn inspect(&self, id: &ContainerId) -> Result<State, EngineError> {
        let doing = format!("inspect {id}");
        let found = self.found(id, &doing).await?;
        Ok(state(found.state.unwrap_or_default()))
    }

    /// Whether it is gone, or about to be: nothing can be done to it any more. What nobody can tell is not.
    pub async fn vanished(&self, id: &ContainerId) -> bool {
        match self.inspect(id).await {
            Ok(state) => state.leaving,
            Err(error) => error.is_absent(),
        }
    }

    /// Its first process, as the engine's machine numbers it; an error if it does not run.
    pub async fn pid(&self, id: &ContainerId) -> Result<i32, EngineError> {
        let pid = self.inspect(id).await?.pid;
        pid.ok_or_else(|| EngineError::Other {
            doing: format!("find the process of {id}"),
            reason: "it does not run".to_owned(),
        })
    }

    /// Waits until it does not run. An engine that dies meanwhile is an error.
    pub async fn wait(&self, id: &ContainerId) -> Result<Ended, EngineError> {
        let doing = format!("wait for the end of {id}");
        let options = WaitContainerOptionsBuilder::new().condition("not-running");
        let stream = self
            .docker
            .wait_container(id.as_str(), Some(options.build()));
        let mut stream = std::pin::pin!(stream);
        loop {
            match tokio::time::timeout(LOOK, stream.next()).await {
                // A code other than 0 is an error to the client and none to us.
                Ok(Some(Ok(_) | Err(ClientError::DockerContainerWaitError { .. }))) => break,
                Ok(Some(Err(error))) => {
                    let at = &self.about.reach.host;
                    let error = EngineError::told(at, &doing, &error, LOOK);
                    if !error.is_silent() {
                        return Err(error);
                    }
                    // Its connection broke; it may live.
                    self.alive(&doing).await?;
                    let reason = error.to_string();
                    return Err(EngineError::Other { doing, reason });
                }
                // The answer ended without one: the engine went, or its connection did.
                Ok(None) => {
                    self.alive(&doing).await?;
                    if !self.inspect(id).await?.running {
                        break;
                    }
                    return Err(EngineError::Other {
                        doing,
                        reason: "the engine ended its answer".to_owned(),
                    });
                }
                Err(_) => self.alive(&doing).await?,
            }
        }
        let found = self.found(id, &doing).await?;
        let held = found.host_config.and_then(|config| config.memory);
        let ended = state(found.state.unwrap_or_default()).ended;
        let mut ended = ended.unwrap_or(Ended {
            code: 0,
            oom_killed: false,
            limited: false,
            error: Some("it was started again meanwhile".to_owned()),
        });
        ended.limited = held.is_some_and(|bytes| bytes > 0);
        if ended.code == KILLED && !ended.oom_killed && ended.limited {
            ended.oom_killed = self.saw_out_of_memory(id).await;
        }
        Ok(ended)
    }

    /// Whether the engine heard that the kernel killed something in it for its memory. It hears of that and of the end from
    /// elsewhere, in any order, and notes the one with the other only if it came first.
    async fn saw_out_of_memory(&self, id: &ContainerId) -> bool {
        let filters = HashMap::from([
            ("container".to_owned(), vec![id.as_str().to_owned()]),
            ("event".to_owned(), vec!["oom".to_owned()]),
        ]);
        // Everything that it still knows, and what comes in a moment.
        let options = EventsOptionsBuilder::new().since("1").filters(&filters);
        let events = self.docker.events(Some(options.build()));
        let mut events = std::pin::pin!(events);
        let heard = tokio::time::timeout(HEARS, events.next()).await;
        matches!(heard, Ok(Some(Ok(_))))
    }

    /// Ends it at once.
    pub async fn kill(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.signal(id, "KILL").await
    }

    /// Sends its first process a signal: `TERM`, `HUP`.
    pub async fn signal(&self, id: &ContainerId, signal: &str) -> Result<(), EngineError> {
        let options = KillContainerOptionsBuilder::new().signal(signal).build();
        let work = self.docker.kill_container(id.as_str(), Some(options));
        let doing = format!("send {signal} to {id}");
        self.ask(&doing, WORK, work).await
    }

    /// Asks it to end with its image's own signal, and ends it after a grace, rounded up to seconds.
    pub async fn stop(&self, id: &ContainerId, grace: Duration) -> Result<(), EngineError> {
        let seconds = grace.as_millis().div_ceil(1000);
        let seconds = i32::try_from(seconds).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::new().t(seconds).build();
        let work = self.docker.stop_container(id.as_str(), Some(options));
        let doing = format!("stop {id}");
        self.ask(&doing, WORK + grace, work).await
    }

    /// Starts it, with what its last life left in it. Its address may be another.
    pub async fn start_again(&self, id: &ContainerId) -> Result<(), EngineError> {
        let work = self
            .docker
            .start_container(id.as_str(), None::<StartContainerOptions>);
        self.ask(&format!("start {id}"), WORK, work).await
    }

    /// Freezes it.
    pub async fn pause(&self, id: &ContainerId) -> Result<(), EngineError> {
        let work = self.docker.pause_container(id.as_str());
        self.ask(&format!("pause {id}"), WORK, work).await
    }

    /// Lets it go on.
    pub async fn unpause(&self, id: &ContainerId) -> Result<(), EngineError> {
        let work = self.docker.unpause_container(id.as_str());
        self.ask(&format!("let {id} go on"), WORK, work).await
    }

    /// Removes it, running or not, with the unnamed volumes it made. One that is gone is removed.
    pub async fn remove(&self, id: &ContainerId) -> Result<(), EngineError> {
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true);
        let work = self
            .docker
            .remove_container(id.as_str(), Some(options.build()));
        match self.ask(&format!("remove {id}"), WORK, work).await {
            Err(error) if error.is_absent() => Ok(()),
            done => done,
        }
    }
}

fn state(state: ContainerState) -> State {
    let running = state.running.unwrap_or(false);
    let pid = state.pid.and_then(|pid| i32::try_from(pid).ok());
    let ended = Ended {
        code: state.exit_code.unwrap_or(0),
        oom_killed: state.oom_killed.unwrap_or(false),
        limited: false,
        error: state.error.filter(|error| !error.is_empty()),
    };
    let health = state.health.unwrap_or_default();
    let said = health
        .log
        .as_ref()
        .and_then(|log| log.last()?.output.clone());
    State {
        running,
        paused: state.paused.unwrap_or(false),
        leaving: matches!(
            state.status,
            Some(ContainerStateStatusEnum::REMOVING | ContainerStateStatusEnum::DEAD)
        ),
        pid: pid.filter(|pid| *pid > 0),
        ended: (!running).then_some(ended),
        health: match health.status {
            Some(HealthStatusEnum::STARTING) => Health::Starting,
            Some(HealthStatusEnum::HEALTHY) => Health::Healthy,
            Some(HealthStatusEnum::UNHEALTHY) => {
                Health::Unhealthy(said.unwrap_or_default().trim().to_owned())
            }
            _ => Health::None,
        },
    }
}
