//! A target that a Compose file describes: its tool makes the containers from a file of the run's own, and from then on
//! they are containers like others. Knows nothing of plans.

pub mod another;
pub mod call;
pub mod needs;
pub mod project;
pub mod tool;

use super::engine::{Attachment, ContainerId, Engine};
use another::{Another, another_of};
use call::{ComposeError, Files};
use futures::future::try_join_all;
use needs::Until;
use project::{Piece, Wants};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A container that was made and not started.
#[derive(Debug, Clone)]
pub struct Composed {
    /// The container.
    pub id: ContainerId,
    /// Whom it needs, by their names in the file, and how far they must have come.
    pub needs: BTreeMap<String, Until>,
}

/// A Compose file that is played: what further containers of it are made of.
#[derive(Debug)]
pub struct Project {
    files: Files,
    wants: Wants,
    folder: PathBuf,
    played: Value,
    pieces: BTreeMap<String, Piece>,
}

/// Makes the containers of the services that are wanted and of those they can't be without, by their names in the file.
/// `folder` goes with the target: the file that is played has the secrets of the services' environment.
pub async fn compose(
    files: Files,
    wants: Wants,
    engine: &Engine,
    folder: &Path,
) -> Result<(Project, BTreeMap<String, Composed>), ComposeError> {
    let (played, pieces) = files.make(&wants, folder).await?;
    let mut found = engine.of_project(&wants.project).await?;
    let all = pieces.iter().map(|(service, piece)| {
        let id = found.remove(service);
        let id = id.ok_or_else(|| ComposeError::NoContainer {
            service: service.clone(),
        });
        let behind = wants.services.get(service);
        let hidden = behind.is_some_and(|wanted| wanted.behind.is_some());
        async move {
            let id = id?;
            hang(engine, &id, &piece.networks, hidden).await?;
            let needs = piece.needs.clone();
            Ok::<_, ComposeError>((service.clone(), Composed { id, needs }))
        }
    });
    let all = try_join_all(all).await?.into_iter().collect();
    let project = Project {
        files,
        wants,
        folder: folder.to_owned(),
        played,
        pieces,
    };
    Ok((project, all))
}

impl Project {
    /// How whoever has a service's names hangs in the networks in which others find it.
    pub fn found(&self, service: &str) -> Vec<Attachment> {
        let piece = self.pieces.get(service);
        piece.map_or_else(Vec::new, |piece| piece.found.clone())
    }

    /// Makes the container of another version of a service, and starts it not. There is one at a time.
    pub async fn another(
        &self,
        engine: &Engine,
        service: &str,
        wanted: &Another,
    ) -> Result<ContainerId, ComposeError> {
        let none = || ComposeError::NoContainer {
            service: service.to_owned(),
        };
        let piece = self.pieces.get(service).ok_or_else(none)?;
        let played = another::with_another(self.played.clone(), service, wanted)?;
        let name = another_of(service);
        self.files
            .make_one(&self.wants, &self.folder, (&played, &name))
            .await?;
        let mut found = engine.of_project(&self.wants.project).await?;
        let id = found.remove(&name).ok_or_else(none)?;
        let networks = piece.another(&wanted.alias, &self.wants);
        hang(engine, &id, &networks, true).await?;
        Ok(id)
    }
}

/// Has a container hang in all its networks: some tools connect one that they start to more than the first. One that is
/// hidden is found under no other names: its service's is one that the tool always gives.
async fn hang(
    engine: &Engine,
    id: &ContainerId,
    networks: &[Attachment],
    hidden: bool,
) -> Result<(), ComposeError> {
    let there = engine.networks_of(id).await?;
    for network in networks {
        let hangs = there.contains(&network.network);
        if hangs && hidden {
            engine.disconnect_container(id, &network.network).await?;
        }
        if !hangs || hidden {
            engine.connect_container(id, network).await?;
        }
    }
    Ok(())
}
