//! Calls of the Compose tool: what it makes of the user's files, and the containers made, not started. Each has a time limit,
//! what it says goes into a file of the run, and its last lines are told where it fails.

use super::project::{self, Piece, ProjectError, Wants};
use super::tool::{self, NoTool, Tool};
use crate::procfs;
use crate::target::engine::{EngineError, Reach};
use crate::target::journal::LABEL;
use crate::target::output::Sink;
use harness_core::units::format_duration;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

/// Lines of the tool that are told.
const TOLD: usize = 30;
/// What reading files may take: nothing is asked of an engine.
const READ: Duration = Duration::from_secs(30);
/// What building images may take, and what pulling them and making containers may, each.
const WORK: Duration = Duration::from_secs(30 * 60);
/// What making one container more may take while a load runs: its image is there.
const ONE: Duration = Duration::from_secs(60);
/// Bytes that a Compose file may have.
const SIZE: u64 = 16 << 20;
/// How long the output of a tool that ended is still read.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// The file that is played.
const PLAYED: &str = "compose.json";
/// What the processes of a call carry in their environment: the tool's, and those it starts elsewhere.
const CALL: &str = "HARNESS_COMPOSE";

/// Why the containers of a Compose file are not there.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// No tool.
    #[error(
        "{0}, and one of the two reads Compose files: install Docker's plugin (package docker-compose-plugin or \
         docker-compose-v2), or docker-compose"
    )]
    NoTool(#[from] NoTool),
    /// A file that is not there.
    #[error("the Compose file {} is not there: `[target] compose` counts paths from the suite's root", path.display())]
    NoFile {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The tool failed.
    #[error("`{tool}` failed to {doing}")]
    Failed {
        /// How it is called.
        tool: String,
        /// What it was to do.
        doing: &'static str,
        /// Its last lines.
        output: Vec<String>,
    },
    /// It took longer than allowed, and was ended.
    #[error("`{tool}` did not {doing} within {}, and was ended", format_duration(*limit))]
    Late {
        /// How it is called.
        tool: String,
        /// What it was to do.
        doing: &'static str,
        /// How long was waited.
        limit: Duration,
        /// Its last lines.
        output: Vec<String>,
    },
    /// It can't be run.
    #[error("failed to run `{tool}`: {source}")]
    Run {
        /// How it is called.
        tool: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file that is played can't be written.
    #[error("failed to write {}: {source}", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The tool made none for a service.
    #[error("the Compose tool made no container for the service `{service}`")]
    NoContainer {
        /// Its name there.
        service: String,
    },
    /// The engine was asked for what the tool made.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The file can't be played.
    #[error(transparent)]
    Project(#[from] ProjectError),
}

impl ComposeError {
    /// The tool's last lines.
    pub fn output(&self) -> &[String] {
        match self {
            Self::Failed { output, .. } | Self::Late { output, .. } => output,
            _ => &[],
        }
    }
}

/// The user's files, and a tool that reads them.
#[derive(Debug)]
pub struct Files {
    tool: Tool,
    /// Absolute, in the order in which one overrides another.
    files: Vec<PathBuf>,
    /// The run, the label of every process.
    run: String,
    /// Where the tool's words go.
    said: Arc<Sink>,
    /// The engine, which the tool might else look for elsewhere.
    engine: Reach,
}

impl Files {
    /// Files of a suite, and the tool that is here. The tool works for a run at its engine, and what it says goes to `said`.
    pub async fn find(
        (root, files): (&Path, &[String]),
        run: &str,
        engine: &Reach,
        said: Arc<Sink>,
    ) -> Result<Self, ComposeError> {
        let files: Vec<_> = files.iter().map(|file| root.join(file)).collect();
        if let Some(path) = files.iter().find(|path| !path.is_file()) {
            return Err(ComposeError::NoFile { path: path.clone() });
        }
        let (tool, _) = tool::find().await?;
        let (run, engine) = (run.to_owned(), engine.clone());
        Ok(Self {
            tool,
            files,
            run,
            said,
            engine,
        })
    }

    /// Writes the file that is played into a folder that goes with the target, builds what is to be built, and makes the containers of the
    /// services that are wanted and of those they depend on. None is started. Says what is played, and what is to be known of each.
    pub async fn make(
        &self,
        wants: &Wants,
        folder: &Path,
    ) -> Result<(Value, BTreeMap<String, Piece>), ComposeError> {
        let mut config = self.command(&self.files, wants, &["config"]);
        // What is wanted of it is chosen by name.
        config.env("COMPOSE_PROFILES", "*");
        let resolved = self
            .call(config, "read the Compose file", READ, true)
            .await?;
        let resolved: Value = serde_saphyr::from_str(&resolved)
            .map_err(|error| ProjectError::Odd(error.to_string()))?;
        let (played, pieces) = project::played(resolved, wants)?;
        let files = [lay(folder, PLAYED, &played).await?];
        let built = needs_building(&played);
        let built: Vec<_> = built.iter().map(String::as_str).collect();
        if !built.is_empty() {
            let build = self.command(&files, wants, &[&["build"][..], &built].concat());
            self.call(build, "build the images", WORK, false).await?;
        }
        let up = self.command(&files, wants, &["up", "--no-start", "--no-build"]);
        self.call(up, "make the containers", WORK, false).await?;
        Ok((played, pieces))
    }

    /// Makes the container of one more service, of a file that is played with it, and starts it not.
    pub(super) async fn make_one(
        &self,
        wants: &Wants,
        folder: &Path,
        (played, service): (&Value, &str),
    ) -> Result<(), ComposeError> {
        let files = [lay(folder, &format!("{service}.{PLAYED}"), played).await?];
        let words = ["up", "--no-start", "--no-build", "--no-deps", service];
        let up = self.command(&files, wants, &words);
        let made = self.call(up, "make another container", ONE, false).await;
        made.map(drop)
    }

    fn command(&self, files: &[PathBuf], wants: &Wants, words: &[&str]) -> Command {
        let mut command = self.tool.command();
        // Relative paths count from the first file, in what was made of it too.
        if let Some(folder) = self.files.first().and_then(|file| file.parent()) {
            command.arg("--project-directory").arg(folder);
            command.current_dir(folder);
        }
        command.args(["-p", &wants.project]);
        for file in files {
            command.arg("-f").arg(file);
        }
        command.args(words);
        command.envs([(LABEL, &self.run), (CALL, &self.run)]);
        // A context would go before the engine that everything else here is asked of.
        command.env_remove("DOCKER_CONTEXT");
        let host = self.engine.host.split_once("://");
        let host = host.filter(|(scheme, _)| matches!(*scheme, "http" | "https"));
        let host = host.map_or_else(
            || self.engine.host.clone(),
            |(_, place)| format!("tcp://{place}"),
        );
        command.env("DOCKER_HOST", host);
        match &self.engine.certificates {
            Some(folder) => {
                command.env("DOCKER_TLS_VERIFY", "1");
                command.env("DOCKER_CERT_PATH", folder);
            }
            None => drop(command.env_remove("DOCKER_TLS_VERIFY")),
        }
        command
    }

    /// Calls it; what it prints is the answer if it is `asked`, and else only told.
    async fn call(
        &self,
        mut command: Command,
        doing: &'static str,
        limit: Duration,
        asked: bool,
    ) -> Result<String, ComposeError> {
        let tool = self.tool.name();
        let run = |source| ComposeError::Run {
            tool: tool.clone(),
            source,
        };
        let mut child = command.spawn().map_err(run)?;
        let mut ends = Ends {
            group: child.id().and_then(|pid| i32::try_from(pid).ok()),
            run: &self.run,
        };
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let answer = async {
            match (out, asked) {
                (Some(out), true) => read(out).await,
                (Some(out), false) => self.said.drain(out).await.map(|()| String::new()),
                (None, _) => Ok(String::new()),
            }
        };
        let words = async {
            match err {
                Some(err) => self.said.drain(err).await,
                None => Ok(()),
            }
        };
        let mut speaking = std::pin::pin!(async {
            let (answer, words) = tokio::join!(answer, words);
            words.and(answer)
        });
        let worked = tokio::time::timeout(limit, async {
            tokio::select! {
                biased;
                // All was said.
                answer = &mut speaking => Ok((child.wait().await?, answer?)),
                status = child.wait() => {
                    // Whoever it left behind may hold its streams open, and has nothing to say.
                    let said = tokio::time::timeout(LAST_WORDS, &mut speaking).await;
                    Ok((status?, said.unwrap_or_else(|_| Ok(String::new()))?))
                }
            }
        });
        let Ok(worked) = worked.await else {
            let output = self.last_lines();
            return Err(ComposeError::Late {
                tool,
                doing,
                limit,
                output,
            });
        };
        let (status, answer) = worked.map_err(run)?;
        ends.group = None;
        if status.success() {
            return Ok(answer);
        }
        let output = self.last_lines();
        Err(ComposeError::Failed {
            tool,
            doing,
            output,
        })
    }

    fn last_lines(&self) -> Vec<String> {
        let mut lines = self.said.tail().lines();
        lines.retain(|line| !line.trim().is_empty());
        lines.split_off(lines.len().saturating_sub(TOLD))
    }
}

/// Reads an answer of a sane size.
async fn read(stream: impl AsyncRead + Unpin) -> std::io::Result<String> {
    let mut answer = Vec::new();
    let read = stream.take(SIZE + 1).read_to_end(&mut answer).await?;
    match u64::try_from(read).unwrap_or(u64::MAX) > SIZE {
        true => Err(std::io::Error::other(format!(
            "it says more than {SIZE} bytes"
        ))),
        false => Ok(String::from_utf8_lossy(&answer).into_owned()),
    }
}

/// The end of a call's processes, if they are not done when the call is given up: Docker's client may start its plugin in a
/// group of its own, and it is that which works.
struct Ends<'a> {
    /// `None` once the tool is done.
    group: Option<i32>,
    run: &'a str,
}

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        let Some(group) = self.group.and_then(Pid::from_raw) else {
            return;
        };
        let _ = kill_process_group(group, Signal::KILL);
        for pid in procfs::labelled(CALL, self.run) {
            if let Some(pid) = Pid::from_raw(pid) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}

/// Writes a file that is played; says where.
async fn lay(folder: &Path, name: &str, played: &Value) -> Result<PathBuf, ComposeError> {
    let path = folder.join(name);
    match write(&path, &format!("{played:#}\n")).await {
        Ok(()) => Ok(path),
        Err(source) => Err(ComposeError::Write { path, source }),
    }
}

/// Writes what nobody else may read: services' environment has secrets.
async fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = tokio::fs::OpenOptions::new();
    let options = options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(path).await?;
    file.write_all(text.as_bytes()).await?;
    file.flush().await
}

/// The services whose images are built.
fn needs_building(played: &Value) -> Vec<String> {
    let services = played["services"].as_object().into_iter().flatten();
    let built = services.filter(|(_, service)| service.get("build").is_some());
    built.map(|(name, _)| name.clone()).collect()
}
