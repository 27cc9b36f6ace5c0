//! Another version of a service of a Compose file, for whoever deploys it: how it stands in the file that is played, and what keeps
//! a service from having two. Pure.

use super::project::{ProjectError, Wants, below, environ, verbatim};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Another version of a service that is played, as it is wanted.
#[derive(Debug, Clone, Default)]
pub struct Another {
    /// What its container is called.
    pub container: String,
    /// The only name under which it is found.
    pub alias: String,
    /// The image it has instead of the service's, if any.
    pub image: Option<String>,
    /// What it is given instead of the service's command; empty: that.
    pub command: Vec<String>,
    /// Environment over the service's.
    pub env: BTreeMap<String, String>,
}

/// What another version of a service is called in the file.
pub fn another_of(service: &str) -> String {
    format!("harness-next-{service}")
}

/// A file that is played with another version of one of its services beside.
pub fn with_another(
    mut played: Value,
    service: &str,
    wanted: &Another,
) -> Result<Value, ProjectError> {
    let odd = || ProjectError::Odd(format!("no service `{service}`"));
    let services = played["services"].as_object_mut().ok_or_else(odd)?;
    let own = services.get(service).and_then(Value::as_object);
    let mut another = own.ok_or_else(odd)?.clone();
    // The image is there: that of the service was built or pulled, another one was asked for when the run began.
    for key in ["build", "pull_policy"] {
        another.remove(key);
    }
    if let Some(image) = &wanted.image {
        another.insert("image".to_owned(), json!(verbatim(image)));
    }
    if !wanted.command.is_empty() {
        let words = wanted.command.iter().map(|word| verbatim(word));
        another.insert("command".to_owned(), words.collect());
    }
    environ(&mut another, &wanted.env);
    let alias = json!({ "aliases": [wanted.alias] });
    for (_, how) in below(&mut another, "networks").iter_mut() {
        how.clone_from(&alias);
    }
    let name = json!(wanted.container);
    another.insert("container_name".to_owned(), name);
    services.insert(another_of(service), Value::Object(another));
    Ok(played)
}

/// Takes the links to services that others stand before: their names are found without. An error for what would lead
/// past whoever stands there, or end with a container.
pub(super) fn deployable(
    services: &mut Map<String, Value>,
    outside: &BTreeMap<String, String>,
    wants: &Wants,
) -> Result<(), ProjectError> {
    let deployed = wants.services.iter();
    let deployed = deployed.filter(|(_, wanted)| wanted.behind.is_some());
    for (name, _) in deployed {
        let refused = |what: String, instead| ProjectError::Undeployable {
            service: name.clone(),
            what,
            instead,
        };
        for (other, service) in services.iter_mut() {
            let shared = ["network_mode", "ipc", "pid"].into_iter();
            let mut shared = shared.filter(|key| {
                let with = service[*key].as_str();
                with.and_then(|with| with.strip_prefix("service:")) == Some(name.as_str())
            });
            if let Some(key) = shared.next() {
                let what = format!("`{other}` lives in its container (`{key}`)");
                let instead = "give that one its own, or leave the deployment out";
                return Err(refused(what, instead));
            }
            let links = service.get_mut("links").and_then(Value::as_array_mut);
            let Some(links) = links else {
                continue;
            };
            let to = |link: &Value| {
                let (to, alias) = split(link.as_str()?);
                (to == name).then(|| alias.to_owned())
            };
            if let Some(alias) = links.iter().filter_map(to).find(|alias| alias != name) {
                let what = format!("`{other}` finds it as `{alias}` by a link");
                let instead = "write that name as one of its `aliases` in a network, or leave the deployment out";
                return Err(refused(what, instead));
            }
            links.retain(|link| to(link).is_none());
        }
        let own = services
            .get(name)
            .and_then(|own| own["networks"].as_object());
        let mut fixed = own.into_iter().flatten().filter(|(network, how)| {
            let keys = ["ipv4_address", "ipv6_address"];
            outside.contains_key(*network) && keys.iter().any(|key| how[key].is_string())
        });
        if let Some((network, _)) = fixed.next() {
            let what = format!("it has a fixed address in the network `{network}`");
            let instead = "have it found by its name, or leave the deployment out";
            return Err(refused(what, instead));
        }
    }
    Ok(())
}

/// `db:alias`: whom a link is to, and as whom it is found.
fn split(link: &str) -> (&str, &str) {
    link.split_once(':').unwrap_or((link, link))
}
