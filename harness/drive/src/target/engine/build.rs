//! Images built from a Dockerfile, by the builder that every engine has. Images carry no label of the run: they stay as caches,
//! as those of `docker build` do.

use super::context::{self, Item};
use super::{Engine, EngineError};
use futures::StreamExt as _;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::time::Duration;
use testcontainers::bollard::body_try_stream;
use testcontainers::bollard::errors::Error as ClientError;
use testcontainers::bollard::query_parameters::{BuildImageOptionsBuilder, BuilderVersion};

/// How long a build may take.
const BUILD: Duration = Duration::from_secs(30 * 60);
/// How often an engine whose build says nothing is asked whether it is there.
const LOOK: Duration = Duration::from_secs(10);
/// Lines kept for the error.
const KEPT: usize = 20;

/// An image as it is to be built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// The folder that is sent, but for what its `.dockerignore` leaves out.
    pub context: PathBuf,
    /// The Dockerfile, in that folder or elsewhere.
    pub dockerfile: PathBuf,
    /// Build arguments.
    pub args: BTreeMap<String, String>,
    /// The image's name and tag.
    pub image: String,
}

impl Engine {
    /// Builds an image. What the builder prints goes to `on_line`, and its last lines into the error.
    pub async fn build(
        &self,
        build: &Build,
        on_line: impl FnMut(&str) + Send,
    ) -> Result<(), EngineError> {
        let (folder, dockerfile) = (build.context.clone(), build.dockerfile.clone());
        let listed = tokio::task::spawn_blocking(move || list(&folder, &dockerfile)).await;
        let (items, dockerfile) = listed.unwrap_or_else(|error| {
            Err(EngineError::Other {
                doing: format!("list {}", build.context.display()),
                reason: error.to_string(),
            })
        })?;
        self.build_of(items, &dockerfile, &build.args, &build.image, on_line)
            .await
    }

    /// Builds an image of what is listed.
    pub(super) async fn build_of(
        &self,
        items: Vec<Item>,
        dockerfile: &str,
        args: &BTreeMap<String, String>,
        image: &str,
        mut on_line: impl FnMut(&str) + Send,
    ) -> Result<(), EngineError> {
        let args = args
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()));
        let options = BuildImageOptionsBuilder::new()
            .dockerfile(dockerfile)
            .t(image)
            .rm(true)
            .forcerm(true)
            .buildargs(&args.collect::<HashMap<String, String>>())
            .version(BuilderVersion::BuilderV1);
        let (archive, sending) = context::stream(items);
        let mut last = VecDeque::new();
        let line = |line: &str| {
            on_line(line);
            if last.len() == KEPT {
                last.pop_front();
            }
            last.push_back(line.to_owned());
        };
        let body = body_try_stream(archive);
        let answer = self.docker.build_image(options.build(), None, Some(body));
        let built = tokio::time::timeout(BUILD, self.follow(image, answer, line)).await;
        let sent = sending.await;
        match built {
            Ok(Ok(())) => Ok(()),
            // What could not be read is why the builder got half an archive.
            _ if matches!(&sent, Ok(Err(EngineError::File { reason, .. })) if reason != BROKEN) => {
                sent.unwrap_or(Ok(()))
            }
            Ok(Err(Stopped::Said(reason))) => Err(EngineError::Build {
                image: image.to_owned(),
                reason,
                output: last.into(),
            }),
            Ok(Err(Stopped::Engine(error))) => Err(error),
            Err(_) => Err(EngineError::Build {
                image: image.to_owned(),
                reason: format!("it is not done after {BUILD:?}"),
                output: last.into(),
            }),
        }
    }

    /// Follows the builder's answer to its end.
    async fn follow(
        &self,
        image: &str,
        answer: impl futures::Stream<
            Item = Result<testcontainers::bollard::models::BuildInfo, ClientError>,
        >,
        mut line: impl FnMut(&str),
    ) -> Result<(), Stopped> {
        let doing = format!("build the image {image}");
        let mut answer = std::pin::pin!(answer);
        let mut pending = String::new();
        loop {
            let Ok(next) = tokio::time::timeout(LOOK, answer.next()).await else {
                self.alive(&doing).await.map_err(Stopped::Engine)?;
                continue;
            };
            let told = match next {
                None => break,
                Some(Ok(told)) => told,
                Some(Err(
                    ClientError::DockerStreamError { error: message }
                    | ClientError::DockerResponseServerError { message, .. },
                )) => return Err(Stopped::Said(message.trim().to_owned())),
                Some(Err(error)) => {
                    let at = &self.about.reach.host;
                    return Err(Stopped::Engine(EngineError::told(
                        at, &doing, &error, BUILD,
                    )));
                }
            };
            pending.push_str(told.stream.as_deref().unwrap_or_default());
            while let Some((whole, rest)) = pending.split_once('\n') {
                line(whole.trim_end());
                pending = rest.to_owned();
            }
            if let Some(reason) = told.error_detail.and_then(|error| error.message) {
                return Err(Stopped::Said(reason.trim().to_owned()));
            }
        }
        if self.has_image(image).await.map_err(Stopped::Engine)? {
            return Ok(());
        }
        let ended = "the engine ended its answer before the image was there".to_owned();
        Err(Stopped::Said(ended))
    }
}

/// Why a build ended without an image.
enum Stopped {
    /// The builder said why.
    Said(String),
    /// The engine did not answer.
    Engine(EngineError),
}

/// What the archive's maker hears when nobody takes it any more.
const BROKEN: &str = "broken pipe";

fn list(folder: &Path, dockerfile: &Path) -> Result<(Vec<Item>, String), EngineError> {
    context::list(folder, dockerfile)
}
