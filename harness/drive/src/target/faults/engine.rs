//! Faults that the container engine does beyond those of any service: a container cut off from the run's network, and what it
//! may use changed while it runs. Each says how it is undone before it is done.

use crate::target::containers::Containers;
use crate::target::engine::{Attachment, EngineError, Limits};
use crate::target::service::Vessel;
use harness_core::plan::fault::FaultKind;

/// How what was done is undone.
#[derive(Debug, Clone)]
pub(super) enum Undo {
    /// It may use what it might before.
    Limits(Limits),
    /// It is put back into a network, under its names.
    Connect(Attachment),
}

/// Who does a fault to a container, as events say it.
pub(super) fn by(kind: &FaultKind) -> Option<String> {
    let by = match kind {
        FaultKind::Kill => "container engine: KILL",
        FaultKind::Stop => "container engine: stop",
        FaultKind::Pause => "container engine: freezer",
        FaultKind::Restart | FaultKind::CrashLoop { .. } => "container engine: KILL and start",
        FaultKind::Disconnect => "container engine: network",
        FaultKind::Cpu { .. } => "container engine: processor quota",
        FaultKind::Memory { .. } => "container engine: memory limit",
        _ => return None,
    };
    Some(by.to_owned())
}

/// What undoes a fault that is about to be done; `None` if this is none of these.
pub(super) async fn undo(
    containers: &Containers,
    vessel: &Vessel,
    kind: &FaultKind,
) -> Result<Option<Undo>, EngineError> {
    Ok(match kind {
        FaultKind::Disconnect => {
            // Its names are the plan's, or those that a Compose file gives it.
            let (engine, net) = (&vessel.engine, containers.net());
            Some(Undo::Connect(engine.attachment(&vessel.id, &net).await?))
        }
        FaultKind::Cpu { .. } | FaultKind::Memory { .. } => {
            Some(Undo::Limits(vessel.engine.limits(&vessel.id).await?))
        }
        _ => None,
    })
}

/// Does it.
pub(super) async fn apply(
    vessel: &Vessel,
    kind: &FaultKind,
    undo: &Undo,
) -> Result<(), EngineError> {
    let (engine, id) = (&vessel.engine, &vessel.id);
    match (undo, kind) {
        (Undo::Connect(at), _) => engine.disconnect_container(id, &at.network).await.map(drop),
        (Undo::Limits(before), FaultKind::Cpu { share }) => {
            // Of one processor, as for processes.
            let cpus = Some(before.cpus.map_or(*share, |before| before.min(*share)));
            engine
                .update(id, Limits { cpus, ..*before })
                .await
                .map(drop)
        }
        (Undo::Limits(before), FaultKind::Memory { bytes }) => {
            let least = before.memory.map_or(*bytes, |before| before.min(*bytes));
            let memory = Some(least);
            engine
                .update(id, Limits { memory, ..*before })
                .await
                .map(drop)
        }
        (Undo::Limits(_), _) => Ok(()),
    }
}

/// Undoes it. A container that is connected again is.
pub(super) async fn revert(vessel: &Vessel, undo: &Undo) -> Result<(), EngineError> {
    let (engine, id) = (&vessel.engine, &vessel.id);
    match undo {
        Undo::Limits(before) => engine.update(id, *before).await.map(drop),
        Undo::Connect(at) => match engine.connect_container(id, at).await {
            Err(error) if already(&error) => Ok(()),
            connected => connected,
        },
    }
}

fn already(error: &EngineError) -> bool {
    matches!(error, EngineError::Refused { message, .. } if message.contains("already exists"))
}
