//! Where the container engine is and how it is spoken to: `DOCKER_HOST` and its companions as Docker's own client and
//! testcontainers read them, else the sockets that engines have. What was found goes into the undo journal, so that whoever
//! cleans up later asks the same engine whatever its own environment says.

use super::EngineError;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use testcontainers::bollard::{API_DEFAULT_VERSION, Docker};

/// Seconds that one answer of the engine may take to begin; what needs less says so itself.
const PATIENCE: u64 = 600;
/// Where Docker's daemon listens unless told otherwise.
const USUAL: &str = "/var/run/docker.sock";

/// How the engine is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// `unix:///PATH`, `tcp://HOST:PORT` or `https://HOST:PORT`.
    pub host: String,
    /// The folder of `ca.pem`, `cert.pem` and `key.pem`, where the engine is spoken to with TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificates: Option<PathBuf>,
}

impl Reach {
    /// As this process's environment says.
    pub fn from_environment() -> Self {
        Self::of(|name| std::env::var(name).ok(), Path::exists)
    }

    fn of(variable: impl Fn(&str) -> Option<String>, exists: impl Fn(&Path) -> bool) -> Self {
        let given = |name: &str| variable(name).filter(|value| !value.is_empty());
        let host = given("DOCKER_HOST").unwrap_or_else(|| {
            let within = |base: &str, rest: &str| Some(PathBuf::from(given(base)?).join(rest));
            let sockets = [
                Some(PathBuf::from(USUAL)),
                within("XDG_RUNTIME_DIR", "docker.sock"),
                within("XDG_RUNTIME_DIR", ".docker/run/docker.sock"),
                within("HOME", ".docker/run/docker.sock"),
                within("HOME", ".docker/desktop/docker.sock"),
            ];
            let found = sockets.into_iter().flatten().find(|path| exists(path));
            format!("unix://{}", found.unwrap_or_else(|| USUAL.into()).display())
        });
        let secured = host.starts_with("https://")
            || !host.starts_with("unix://") && given("DOCKER_TLS_VERIFY").is_some();
        let certificates = secured.then(|| {
            given("DOCKER_CERT_PATH").map_or_else(
                || PathBuf::from(given("HOME").unwrap_or_default()).join(".docker"),
                PathBuf::from,
            )
        });
        Self { host, certificates }
    }

    /// Whether it is reached over a socket of this machine.
    pub(super) fn is_socket(&self) -> bool {
        self.host.starts_with("unix://")
    }

    /// The machine of an engine that is reached over TCP.
    pub(super) fn machine(&self) -> Option<&str> {
        let (scheme, rest) = self.host.split_once("://")?;
        if scheme == "unix" {
            return None;
        }
        let place = rest.split('/').next()?;
        let machine = place.rsplit_once(':').map_or(place, |(machine, _)| machine);
        Some(machine.trim_start_matches('[').trim_end_matches(']'))
    }

    /// Makes a client; nothing is asked yet.
    pub(super) fn client(&self) -> Result<Docker, EngineError> {
        let scheme = self.host.split_once("://").map(|(scheme, _)| scheme);
        let made = match (scheme, &self.certificates) {
            (Some("unix"), _) => {
                Docker::connect_with_unix(&self.host, PATIENCE, API_DEFAULT_VERSION)
            }
            (Some("tcp" | "http" | "https"), Some(folder)) => Docker::connect_with_ssl(
                &self.host,
                &folder.join("key.pem"),
                &folder.join("cert.pem"),
                &folder.join("ca.pem"),
                PATIENCE,
                API_DEFAULT_VERSION,
            ),
            (Some("tcp" | "http"), None) => {
                Docker::connect_with_http(&self.host, PATIENCE, API_DEFAULT_VERSION)
            }
            _ => {
                return Err(EngineError::Address {
                    host: self.host.clone(),
                    reason: "neither a Unix socket nor TCP".to_owned(),
                });
            }
        };
        made.map_err(|error| EngineError::on_connecting(&self.host, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(variables: &[(&str, &str)], sockets: &[&str]) -> Reach {
        let variable = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Reach::of(variable, |path| {
            sockets.iter().any(|socket| Path::new(socket) == path)
        })
    }

    #[test]
    fn the_environment_goes_before_the_sockets_that_are_there() {
        let home = ("HOME", "/home/u");
        assert_eq!(reach(&[home], &[]).host, "unix:///var/run/docker.sock");
        let own = "/home/u/.docker/run/docker.sock";
        assert_eq!(reach(&[home], &[own]).host, format!("unix://{own}"));
        let there = [own, "/var/run/docker.sock"];
        assert_eq!(reach(&[home], &there).host, "unix:///var/run/docker.sock");
        let said = ("DOCKER_HOST", "tcp://ci:2375");
        assert_eq!(reach(&[home, said], &there).host, "tcp://ci:2375");
        assert_eq!(
            reach(&[home, ("DOCKER_HOST", "")], &there).host,
            "unix:///var/run/docker.sock"
        );
    }

    #[test]
    fn tls_is_spoken_where_it_is_asked_for() {
        let host = ("DOCKER_HOST", "tcp://ci:2376");
        let verify = ("DOCKER_TLS_VERIFY", "1");
        let home = ("HOME", "/home/u");
        assert_eq!(reach(&[host, home], &[]).certificates, None);
        assert_eq!(
            reach(&[host, home, verify], &[]).certificates,
            Some("/home/u/.docker".into())
        );
        assert_eq!(
            reach(&[host, verify, ("DOCKER_CERT_PATH", "/c")], &[]).certificates,
            Some("/c".into())
        );
        assert_eq!(reach(&[home, verify], &[]).certificates, None);
    }

    #[test]
    fn the_machine_of_an_engine_over_tcp_is_known() {
        let machine = |host: &str| {
            let reach = Reach {
                host: host.to_owned(),
                certificates: None,
            };
            reach.machine().map(str::to_owned)
        };
        assert_eq!(machine("tcp://ci:2375").as_deref(), Some("ci"));
        assert_eq!(machine("tcp://[::1]:2375").as_deref(), Some("::1"));
        assert_eq!(machine("unix:///var/run/docker.sock"), None);
    }
}
