//! What the engine says of itself and its machine.

use super::{ANSWER, Engine, EngineError};
use serde::Serialize;
use std::path::PathBuf;

/// An engine and its machine, in its own words.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Machine {
    /// Where it answers.
    pub at: String,
    /// Its version.
    pub version: String,
    /// The newest API it speaks.
    pub api: String,
    /// Its system: `Debian GNU/Linux 12 (bookworm)`.
    pub system: String,
    /// How it stores images.
    pub storage: String,
    /// Where.
    pub folder: PathBuf,
    /// Its control groups' version: `1`, `2`; empty if it does not say.
    pub cgroups: String,
    /// Whether it can limit processor time.
    pub limits_cpu: bool,
    /// Whether it can limit memory.
    pub limits_memory: bool,
    /// Its processors.
    pub processors: u64,
    /// Its memory, bytes.
    pub memory: u64,
    /// Whether its containers' addresses are reached from here.
    pub beside: bool,
    /// Whether its kernel and its disk are this machine's.
    pub here: bool,
}

impl Engine {
    /// What it says of itself and its machine.
    pub async fn machine(&self) -> Result<Machine, EngineError> {
        let asked = async {
            let info = self.docker.info().await?;
            Ok((info, self.docker.version().await?))
        };
        let doing = "say what it can do";
        let (info, version) = self.ask(doing, ANSWER, asked).await?;
        let count = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
        Ok(Machine {
            at: self.reach().host.clone(),
            version: self.version().to_owned(),
            api: version.api_version.unwrap_or_default(),
            system: info.operating_system.unwrap_or_default(),
            storage: info.driver.unwrap_or_default(),
            folder: info.docker_root_dir.unwrap_or_default().into(),
            cgroups: info
                .cgroup_version
                .map_or_else(String::new, |v| v.to_string()),
            limits_cpu: info.cpu_cfs_quota.unwrap_or(false),
            limits_memory: info.memory_limit.unwrap_or(false),
            processors: count(info.ncpu),
            memory: count(info.mem_total),
            beside: self.is_local(),
            here: self.reach().is_socket() && info.kernel_version == own_kernel(),
        })
    }
}

/// The release of this machine's kernel: an engine in a virtual machine has another.
fn own_kernel() -> Option<String> {
    let names = rustix::system::uname();
    names.release().to_str().ok().map(str::to_owned)
}
