//! What this machine can do: a probe a file, each a look that changes nothing and answers with facts. What they mean and
//! cost is said by whoever shows them.

mod cgroups;
mod compose;
mod disk;
mod engine;
mod files;
mod packets;
mod ports;
mod time;
mod worker;

pub use cgroups::{Cgroups, Controller};
pub use compose::{Compose, Tool};
pub use disk::Space;
pub use engine::{Engine, Machine};
pub use files::Files;
pub use packets::{Packets, Tried};
pub use ports::Ports;
pub use time::Time;
pub use worker::Worker;

use serde::Serialize;
use std::path::{Path, PathBuf};

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Facts {
    /// The container engine.
    pub engine: Engine,
    /// What reads Compose files.
    pub compose: Compose,
    /// What the kernel does to packets.
    pub packets: Packets,
    /// Control groups.
    pub cgroups: Cgroups,
    /// Open files.
    pub files: Files,
    /// Where run folders are kept.
    pub runs: Option<Space>,
    /// Where the engine keeps images and containers; `None` where that can't be seen from here.
    pub images: Option<Space>,
    /// The program of loads that walk with goose.
    pub worker: Worker,
    /// Processors and timers.
    pub time: Time,
    /// Ephemeral ports; `None` where nothing is known.
    pub ports: Option<Ports>,
}

/// Looks at everything. `runs`: where run folders are kept, whether there yet or not; `program`: the harness itself.
pub async fn look(runs: &Path, program: &Path) -> Facts {
    let (engine, compose, time) = tokio::join!(engine::look(), compose::look(), time::look());
    let images = match &engine {
        Engine::Answers(machine) if machine.here => disk::look(&machine.folder),
        _ => None,
    };
    let packets = tokio::task::spawn_blocking(packets::look).await;
    Facts {
        packets: packets.unwrap_or_else(|error| Packets::unknown(&error.to_string())),
        cgroups: cgroups::look(Path::new("/sys/fs/cgroup")),
        files: files::look(),
        runs: disk::look(runs),
        worker: worker::look(&PathBuf::from(program).with_file_name("harness-goose")),
        ports: ports::look(),
        engine,
        compose,
        images,
        time,
    }
}
