//! Whether a container engine answers, where, and what it says of its machine.

use crate::target::engine::{self, Labels};
use serde::Serialize;

pub use crate::target::engine::Machine;

/// What came of asking for it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Engine {
    /// It answers.
    Answers(Machine),
    /// It does not, or says too little; the words say what to do.
    Silent {
        /// Why.
        reason: String,
    },
}

pub(super) async fn look() -> Engine {
    // Nothing is made, so nothing carries the label.
    let asked = async {
        let engine = engine::Engine::connect(Labels::of("doctor")).await?;
        engine.machine().await
    };
    match asked.await {
        Ok(machine) => Engine::Answers(machine),
        Err(error) => Engine::Silent {
            reason: error.to_string(),
        },
    }
}
