//! The tool that reads Compose files: `docker compose`, else `docker-compose`. Which one is there, and how it is called.

use serde::{Deserialize, Serialize};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// What asking for a version may take.
const ANSWER: Duration = Duration::from_secs(10);
/// The oldest that reads files without `version` and knows conditions in `depends_on`.
const OLDEST: (u32, u32) = (1, 27);

/// A tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tool {
    /// `docker compose`, the plugin of Docker's client.
    Plugin,
    /// `docker-compose`, a program of its own.
    Program,
}

/// Why there is no tool.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoTool {
    /// None at all.
    #[error("neither `docker compose` nor `docker-compose` is here")]
    Absent,
    /// One that hangs.
    #[error("`{tool} version` does not end within {ANSWER:?}")]
    Silent {
        /// How it is called.
        tool: String,
    },
    /// One that is older than what is used of it.
    #[error("`{tool}` is version {found}, and at least {}.{} is needed", OLDEST.0, OLDEST.1)]
    TooOld {
        /// How it is called.
        tool: String,
        /// Its version.
        found: String,
    },
}

impl Tool {
    /// Its command line's begin.
    pub const fn words(self) -> &'static [&'static str] {
        match self {
            Self::Plugin => &["docker", "compose"],
            Self::Program => &["docker-compose"],
        }
    }

    /// Its command line's begin, as it is typed.
    pub fn name(self) -> String {
        self.words().join(" ")
    }

    /// A command of it in a process group of its own, with both streams to be read.
    pub fn command(self) -> Command {
        let (program, rest) = match self.words() {
            [program, rest @ ..] => (*program, rest),
            [] => ("", &[][..]),
        };
        let mut command = Command::new(program);
        command
            .args(rest)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        command
    }
}

/// The first that can be used, with its version; else what is wrong with the first that is there.
pub async fn find() -> Result<(Tool, String), NoTool> {
    let mut wrong = NoTool::Absent;
    for tool in [Tool::Plugin, Tool::Program] {
        let found = match version(tool).await {
            Ok(Some(version)) if is_known(&version) => return Ok((tool, version)),
            Ok(Some(found)) => {
                let tool = tool.name();
                NoTool::TooOld { tool, found }
            }
            Ok(None) => continue,
            Err(silent) => silent,
        };
        if wrong == NoTool::Absent {
            wrong = found;
        }
    }
    Err(wrong)
}

async fn version(tool: Tool) -> Result<Option<String>, NoTool> {
    let asked = tool.command().args(["version", "--short"]).output();
    let Ok(said) = tokio::time::timeout(ANSWER, asked).await else {
        let tool = tool.name();
        return Err(NoTool::Silent { tool });
    };
    let Ok(said) = said else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(&said.stdout).trim().to_owned();
    // A client without the plugin prints its help and fails.
    Ok((said.status.success() && numbers(&text).is_some()).then_some(text))
}

/// The first two numbers of `2.40.3`, `v2.3.3`, `1.29.2`.
fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.trim_start_matches('v').split(['.', '-', '+']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn is_known(version: &str) -> bool {
    numbers(version).is_some_and(|numbers| numbers >= OLDEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_in_whatever_way_a_tool_says_it() {
        for new in ["2.40.3", "v2.3.3", "1.27.0", "1.29.2", "2.21.0-desktop.1"] {
            assert!(is_known(new), "{new}");
        }
        for old in ["1.26.2", "1.8.0", "0.7.1", "", "Docker"] {
            assert!(!is_known(old), "{old}");
        }
    }
}
