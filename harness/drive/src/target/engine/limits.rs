//! What a container may use, changed while it runs, and changed back.

use super::container::ContainerId;
use super::{Engine, EngineError, WORK};
use testcontainers::bollard::models::{ContainerUpdateBody, HostConfig};

/// The scheduler's period, microseconds: the engine's own default.
pub(super) const PERIOD: i64 = 100_000;
/// What the kernel has where no memory is too much: the last whole page of 63 bits. Engine 20.10 takes no -1
/// for memory, and does not pass it on for swap.
const UNLIMITED: i64 = i64::MAX / 4096 * 4096;

/// What a container may use.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Limits {
    /// Processors' time, in processors; `None`: all there is.
    pub cpus: Option<f64>,
    /// Bytes of memory, swap included; `None`: all there is.
    pub memory: Option<u64>,
}

/// The microseconds of each period that so many processors are.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a number of processors, rounded; the engine refuses what is too small"
)]
pub(super) fn quota(cpus: f64) -> i64 {
    (cpus * 1e5).round() as i64
}

impl Engine {
    /// What a container may use now.
    pub async fn limits(&self, id: &ContainerId) -> Result<Limits, EngineError> {
        Ok(limits(&self.host_config(id).await?))
    }

    /// Changes what a container may use, and says what it might before: what gives it back. The whole of both is set.
    pub async fn update(&self, id: &ContainerId, to: Limits) -> Result<Limits, EngineError> {
        let now = self.host_config(id).await?;
        let before = limits(&now);
        let body = change(&now, before, to);
        let doing = format!("change what {id} may use");
        let work = self.docker.update_container(id.as_str(), body);
        self.ask(&doing, WORK, work).await?;
        Ok(before)
    }

    async fn host_config(&self, id: &ContainerId) -> Result<HostConfig, EngineError> {
        let doing = format!("inspect {id}");
        let found = self.found(id, &doing).await?;
        Ok(found.host_config.unwrap_or_default())
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "quotas and billionths of processors are far below 2^53"
)]
fn limits(config: &HostConfig) -> Limits {
    let positive = |value: Option<i64>| value.filter(|value| *value > 0);
    let period = positive(config.cpu_period).unwrap_or(PERIOD);
    let nano = positive(config.nano_cpus).map(|nano| nano as f64 / 1e9);
    let quota = positive(config.cpu_quota).map(|quota| quota as f64 / period as f64);
    let memory = positive(config.memory).filter(|memory| *memory < UNLIMITED);
    let memory = memory.and_then(|memory| u64::try_from(memory).ok());
    Limits {
        cpus: nano.or(quota),
        memory,
    }
}

/// The request that changes limits. 0 means "as it was" to the engine, so having no limit is said otherwise; what was said in
/// billionths of processors must be changed in them.
fn change(now: &HostConfig, before: Limits, to: Limits) -> ContainerUpdateBody {
    let mut body = ContainerUpdateBody::default();
    if before.cpus != to.cpus {
        if now.nano_cpus.is_some_and(|nano| nano > 0) {
            #[expect(clippy::cast_possible_truncation, reason = "as for the quota")]
            let nano = to.cpus.map(|cpus| (cpus * 1e9).round() as i64);
            body.nano_cpus = nano;
        } else {
            body.cpu_period = Some(PERIOD);
            body.cpu_quota = Some(to.cpus.map_or(-1, quota));
        }
    }
    if before.memory != to.memory {
        let bytes = to
            .memory
            .map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
        // Both at once: the engine refuses a memory above the swap that was, and puts them in the order the kernel takes.
        body.memory = Some(bytes.unwrap_or(UNLIMITED));
        body.memory_swap = Some(bytes.unwrap_or(UNLIMITED));
    }
    body
}
