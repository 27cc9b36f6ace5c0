//! The containers of a Compose project: made by its tool, found here by its labels.

use super::container::ContainerId;
use super::{ANSWER, Engine, EngineError, RUN};
use std::collections::{BTreeMap, HashMap};
use testcontainers::bollard::query_parameters::ListContainersOptionsBuilder;

/// What the tool says of a container: its project, its service there.
const PROJECT: &str = "com.docker.compose.project";
const SERVICE: &str = "com.docker.compose.service";

impl Engine {
    /// The containers of a project that are this run's, started or not, by their services' names there.
    pub async fn of_project(
        &self,
        project: &str,
    ) -> Result<BTreeMap<String, ContainerId>, EngineError> {
        let labels = vec![
            format!("{PROJECT}={project}"),
            format!("{RUN}={}", self.labels().run()),
        ];
        let filters = HashMap::from([("label".to_owned(), labels)]);
        let options = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&filters)
            .build();
        let asked = self.docker.list_containers(Some(options));
        let doing = format!("find the containers of {project}");
        let found = self.ask(&doing, ANSWER, asked).await?;
        let named = found.into_iter().filter_map(|found| {
            let service = found.labels?.remove(SERVICE)?;
            let name = found.names.unwrap_or_default().into_iter().next();
            let name = name.unwrap_or_default();
            let id = ContainerId::of(found.id?, name.trim_start_matches('/'));
            Some((service, id))
        });
        Ok(named.collect())
    }
}
