//! Images: present, or pulled.

use super::{ANSWER, Engine, EngineError};
use futures::StreamExt as _;
use std::time::Duration;
use testcontainers::bollard::auth::DockerCredentials;
use testcontainers::bollard::errors::Error as ClientError;
use testcontainers::bollard::query_parameters::CreateImageOptionsBuilder;

/// How long a pull may say nothing.
const SILENCE: Duration = Duration::from_secs(120);

impl Engine {
    /// Whether an image is present.
    pub async fn has_image(&self, image: &str) -> Result<bool, EngineError> {
        let doing = format!("look for the image {image}");
        match self
            .ask(&doing, ANSWER, self.docker.inspect_image(image))
            .await
        {
            Ok(_) => Ok(true),
            Err(error) if error.is_absent() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Sees to it that an image is present: it is, or it is pulled. What the pull says goes to `on_line`.
    pub async fn ensure_image(
        &self,
        image: &str,
        mut on_line: impl FnMut(&str) + Send,
    ) -> Result<(), EngineError> {
        if self.has_image(image).await? {
            return Ok(());
        }
        let (name, tag) = split(image);
        let options = CreateImageOptionsBuilder::new().from_image(name).tag(tag);
        let shown = credentials(registry(image).to_owned()).await;
        let pull = self.docker.create_image(Some(options.build()), None, shown);
        let mut pull = std::pin::pin!(pull);
        let doing = format!("pull the image {image}");
        loop {
            let next = tokio::time::timeout(SILENCE, pull.next()).await;
            let Ok(next) = next else {
                return Err(EngineError::NoRegistry {
                    image: image.to_owned(),
                    reason: format!("the pull said nothing for {SILENCE:?}"),
                });
            };
            match next {
                None => break,
                Some(Ok(told)) => {
                    if let Some(reason) = told.error_detail.and_then(|error| error.message) {
                        return Err(unpulled(image, 0, &reason));
                    }
                    let status = told.status.unwrap_or_default();
                    let layer = told.id.map(|id| format!("{id}: ")).unwrap_or_default();
                    // A layer's progress comes many times a second, and only as a bar; what begins and ends is enough.
                    if told.progress_detail.is_none_or(|p| p.total.is_none()) {
                        on_line(&format!("{layer}{status}"));
                    }
                }
                Some(Err(ClientError::DockerResponseServerError {
                    status_code,
                    message,
                })) => return Err(unpulled(image, status_code, &message)),
                Some(Err(ClientError::DockerStreamError { error })) => {
                    return Err(unpulled(image, 0, &error));
                }
                Some(Err(error)) => {
                    let at = &self.about.reach.host;
                    return Err(EngineError::told(at, &doing, &error, SILENCE));
                }
            }
        }
        if self.has_image(image).await? {
            return Ok(());
        }
        Err(EngineError::Other {
            doing,
            reason: "the engine ended its answer before the image was there".to_owned(),
        })
    }
}

/// What a pull's refusal means: the registry was asked and has no such image for us, or it was not reached.
fn unpulled(image: &str, status: u16, message: &str) -> EngineError {
    let image = image.to_owned();
    let reason = message.trim().to_owned();
    let asked = [
        "manifest",
        "pull access denied",
        "not found",
        "unauthorized",
        "denied",
    ];
    let said = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    let unreached = [
        "dial tcp",
        "lookup",
        "timeout",
        "Timeout",
        "no such host",
        "refused",
    ];
    if !said(&unreached) && (status == 404 || said(&asked)) {
        return EngineError::NoImage { image, reason };
    }
    EngineError::NoRegistry { image, reason }
}

/// The registry of an image, under the name by which `docker login` keeps it.
fn registry(image: &str) -> &str {
    match image.split_once('/') {
        Some((host, _)) if host == "localhost" || host.contains(['.', ':']) => host,
        _ => "https://index.docker.io/v1/",
    }
}

/// What `docker login` left for a registry, if anything. Its helpers are programs of their own.
async fn credentials(registry: String) -> Option<DockerCredentials> {
    use docker_credential::DockerCredential::{IdentityToken, UsernamePassword};
    let asked = registry.clone();
    let asked = tokio::task::spawn_blocking(move || docker_credential::get_credential(&asked));
    let found = asked.await.ok()?.ok()?;
    let nobody = DockerCredentials {
        serveraddress: Some(registry),
        ..DockerCredentials::default()
    };
    Some(match found {
        IdentityToken(token) => DockerCredentials {
            identitytoken: Some(token),
            ..nobody
        },
        UsernamePassword(name, password) => DockerCredentials {
            username: Some(name),
            password: Some(password),
            ..nobody
        },
    })
}

/// A name and its tag, or its digest; without one a pull would fetch every tag there is.
fn split(image: &str) -> (&str, &str) {
    if let Some(split) = image.split_once('@') {
        return split;
    }
    match image.rsplit_once(':') {
        // A colon before a slash is that of a registry's port.
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (image, "latest"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_no_port_and_a_digest_no_tag() {
        assert_eq!(split("shop"), ("shop", "latest"));
        assert_eq!(split("shop:dev"), ("shop", "dev"));
        assert_eq!(split("r:5000/shop"), ("r:5000/shop", "latest"));
        assert_eq!(split("r:5000/shop:dev"), ("r:5000/shop", "dev"));
        assert_eq!(split("shop@sha256:ab"), ("shop", "sha256:ab"));
    }

    #[test]
    fn a_registry_is_a_host_and_not_an_owner() {
        let usual = "https://index.docker.io/v1/";
        assert_eq!(registry("postgres:16"), usual);
        assert_eq!(registry("owner/shop:dev"), usual);
        assert_eq!(registry("ghcr.io/owner/shop:dev"), "ghcr.io");
        assert_eq!(registry("localhost/shop"), "localhost");
        assert_eq!(registry("r:5000/shop"), "r:5000");
    }

    #[test]
    fn a_registry_that_was_not_reached_is_told_from_one_that_has_no_such_image() {
        let reached =
            |status, message| matches!(unpulled("x", status, message), EngineError::NoImage { .. });
        assert!(reached(
            404,
            "pull access denied for x, repository does not exist"
        ));
        assert!(reached(0, "manifest for x:y not found: manifest unknown"));
        let lookup = "Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io: no such host";
        assert!(!reached(500, lookup));
        assert!(!reached(
            404,
            "dial tcp 10.0.0.1:5000: connect: connection refused"
        ));
        let deadline = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)";
        assert!(!reached(500, deadline));
    }
}
