//! What reads Compose files: the plugin of Docker's client, else the program of its own.

use crate::target::compose::tool;
use serde::Serialize;

pub use crate::target::compose::tool::Tool;

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compose {
    /// The one that is used, with its version.
    pub tool: Option<(Tool, String)>,
    /// What is wrong, where none can be used.
    pub wrong: Option<String>,
}

pub(super) async fn look() -> Compose {
    match tool::find().await {
        Ok(tool) => Compose {
            tool: Some(tool),
            wrong: None,
        },
        Err(wrong) => Compose {
            tool: None,
            wrong: Some(wrong.to_string()),
        },
    }
}
