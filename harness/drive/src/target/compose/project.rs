//! A Compose file as a run plays it: what the tool made of the user's files, with labels on everything, the environment
//! that the suite gives, all of it in the run's network, and without what two runs would fight for. Pure.

use super::another;
use super::needs::{self, Until};
use crate::target::engine::Attachment;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What the run's network is called in the file.
const OURS: &str = "harness";

/// What a run wants of the services it names.
#[derive(Debug, Clone, Default)]
pub struct Wants {
    /// The project: names of containers, networks and volumes begin with it.
    pub project: String,
    /// Labels of everything.
    pub labels: Vec<(String, String)>,
    /// What images that are built are called, before their service's name.
    pub images: String,
    /// The services of the suite, by their names in the file.
    pub services: BTreeMap<String, Wanted>,
    /// The network in which all of them find each other.
    pub network: String,
    /// The network through which the harness reaches the suite's.
    pub control: String,
    /// The engine's address at which ports are published for the harness, empty for all it has; `None` where the
    /// addresses of containers are reached from here.
    pub publish: Option<String>,
}

/// What is wanted of one service.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The name it has in the suite: others find it under this one too.
    pub alias: String,
    /// The image it has instead of the file's, if any.
    pub image: Option<String>,
    /// Environment over the file's own.
    pub env: BTreeMap<String, String>,
    /// The port it listens on.
    pub port: Option<u16>,
    /// The only name that its container has, where somebody else stands under its names and leads to it.
    pub behind: Option<String>,
}

/// Why a file can't be played.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProjectError {
    /// The suite names a service that is not there.
    #[error("the Compose file has no service `{service}`: {}", listed(.there))]
    NoService {
        /// As the suite has it.
        service: String,
        /// What there is.
        there: Vec<String>,
    },
    /// It is no part of a network that could be observed or broken.
    #[error(
        "the Compose service `{service}` has `network_mode: {mode}`: the harness can't reach it beside its network; take the \
         line out, or leave the service out of the suite"
    )]
    NetworkMode {
        /// Its name there.
        service: String,
        /// What it says.
        mode: String,
    },
    /// What the tool does only when it starts a container itself.
    #[error(
        "the Compose service `{service}` has {what}, which the Compose tool does when it starts a container, and here the \
         harness starts it: {instead}"
    )]
    AtStart {
        /// Its name there.
        service: String,
        /// What it has.
        what: String,
        /// What to write.
        instead: &'static str,
    },
    /// Nobody can stand under the names of a service and lead to one container or the other.
    #[error("the Compose service `{service}` is deployed by a fault, and {what}: {instead}")]
    Undeployable {
        /// Its name there.
        service: String,
        /// What is in the way.
        what: String,
        /// What to write.
        instead: &'static str,
    },
    /// The tool said something that is no Compose file.
    #[error("what the Compose tool made of the file is not understood: {0}")]
    Odd(String),
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "it has none".to_owned(),
        names => format!("it has {}", names.join(", ")),
    }
}

/// The file that is played, and what is to be known of its services, by their names there.
pub fn played(
    mut file: Value,
    wants: &Wants,
) -> Result<(Value, BTreeMap<String, Piece>), ProjectError> {
    let odd = |what: &str| ProjectError::Odd(format!("no map at `{what}`"));
    let whole = file.as_object_mut().ok_or_else(|| odd("/"))?;
    // The run's own name goes for it, told on the command line.
    whole.remove("name");
    let shared = Shared {
        networks: outside(below(whole, "networks")),
        texts: ["secrets", "configs"].map(|kind| whole.get(kind).cloned().unwrap_or_default()),
    };
    let services = whole.get_mut("services").and_then(Value::as_object_mut);
    let services = services.ok_or_else(|| odd("services"))?;
    if let Some(service) = wants
        .services
        .keys()
        .find(|name| !services.contains_key(*name))
    {
        return Err(ProjectError::NoService {
            service: service.clone(),
            there: services.keys().cloned().collect(),
        });
    }
    let needed = needs::all(services, wants);
    services.retain(|name, _| needed.contains(name));
    let mut needs: BTreeMap<String, _> = services
        .iter()
        .map(|(name, service)| (name.clone(), needs::of(service)))
        .collect();
    another::deployable(services, &shared.networks, wants)?;
    let mut pieces = BTreeMap::new();
    for (name, service) in services.iter_mut() {
        let service = service.as_object_mut().ok_or_else(|| odd(name))?;
        shared.at_start(name, service)?;
        of_service(name, service, wants)?;
        let found = shared.attach(name, service, wants);
        let needs = needs.remove(name).unwrap_or_default();
        let wanted = wants.services.get(name);
        pieces.insert(name.clone(), Piece::of(wanted, found, needs, wants));
    }
    let networks = below(whole, "networks");
    networks.retain(|name, _| shared.networks.contains_key(name));
    let own = json!({ "external": true, "name": wants.network });
    networks.insert(OURS.to_owned(), own);
    for (_, own) in below(whole, "volumes").iter_mut() {
        of_own(own, wants);
    }
    Ok((file, pieces))
}

/// What is to be known of a service that is played.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Piece {
    /// Whom it needs in the file, and how far they must have come.
    pub needs: BTreeMap<String, Until>,
    /// How it hangs in the engine's networks.
    pub networks: Vec<Attachment>,
    /// How whoever has its names hangs in those in which others find it.
    pub found: Vec<Attachment>,
}

impl Piece {
    fn of(
        wanted: Option<&Wanted>,
        found: Vec<Attachment>,
        needs: BTreeMap<String, Until>,
        wants: &Wants,
    ) -> Self {
        let behind = wanted.and_then(|wanted| wanted.behind.as_deref());
        let mut networks = behind.map_or_else(|| found.clone(), |own| under(&found, own));
        // Only who is looked at from outside: what is seen there must survive what is done to the other network.
        networks.extend(wanted.map(|_| wants.observed()));
        Self {
            needs,
            networks,
            found,
        }
    }

    /// How another version of it hangs there, under a name of its own.
    pub fn another(&self, alias: &str, wants: &Wants) -> Vec<Attachment> {
        let mut networks = under(&self.found, alias);
        networks.push(wants.observed());
        networks
    }
}

impl Wants {
    fn observed(&self) -> Attachment {
        Attachment::new(&self.control, &[])
    }
}

/// The same networks, under one name.
fn under(found: &[Attachment], alias: &str) -> Vec<Attachment> {
    let networks = found.iter();
    networks
        .map(|at| Attachment::new(&at.network, &[alias]))
        .collect()
}

/// What services of a file share.
struct Shared {
    /// Networks that are not the file's own: by their names there, the engine's.
    networks: BTreeMap<String, String>,
    /// Secrets and configs.
    texts: [Value; 2],
}

/// Networks that somebody else made.
fn outside(networks: &Map<String, Value>) -> BTreeMap<String, String> {
    let outside = networks.iter().filter(|(_, network)| is_outside(network));
    let named = outside.map(|(name, network)| {
        let known_as = network["name"]
            .as_str()
            .or_else(|| network["external"]["name"].as_str());
        (name.clone(), known_as.unwrap_or(name).to_owned())
    });
    named.collect()
}

/// Whether somebody else made it.
fn is_outside(own: &Value) -> bool {
    matches!(own.get("external"), Some(external) if *external != Value::Bool(false))
}

impl Shared {
    /// An error for what the tool would do when it starts the container.
    fn at_start(&self, name: &str, service: &Map<String, Value>) -> Result<(), ProjectError> {
        let refused = |what: String, instead| ProjectError::AtStart {
            service: name.to_owned(),
            what,
            instead,
        };
        if service.contains_key("post_start") {
            let instead = "do it in its command, or take the hook out";
            return Err(refused("a hook `post_start`".to_owned(), instead));
        }
        for (kind, texts) in ["secrets", "configs"].iter().zip(&self.texts) {
            let used = service.get(*kind).and_then(Value::as_array);
            let used = used.into_iter().flatten();
            let named = used.filter_map(|used| used.as_str().or_else(|| used["source"].as_str()));
            let mut written = named.filter(|source| {
                let text = texts.get(*source);
                text.is_some_and(|text| {
                    text.get("environment").is_some() || text.get("content").is_some()
                })
            });
            if let Some(source) = written.next() {
                let what = format!("`{source}` of the {kind}, which is no `file`");
                return Err(refused(what, "name a `file` with its text"));
            }
        }
        Ok(())
    }

    /// Has a service hang in the run's network instead of those of the file's own: what is done to that one shall be done to all
    /// that its containers say to each other. Says how it hangs in the end.
    fn attach(
        &self,
        name: &str,
        service: &mut Map<String, Value>,
        wants: &Wants,
    ) -> Vec<Attachment> {
        if service.contains_key("network_mode") {
            return Vec::new();
        }
        let written = match service.remove("networks") {
            Some(Value::Object(networks)) => networks,
            Some(Value::Array(names)) => {
                let names = names.iter().filter_map(Value::as_str);
                names.map(|name| (name.to_owned(), Value::Null)).collect()
            }
            // Without a word it is in the one that is called so.
            _ => [("default".to_owned(), Value::Null)].into_iter().collect(),
        };
        let mut kept = Map::new();
        let wanted = wants.services.get(name);
        let mut known = vec![name.to_owned()];
        known.extend(wanted.map(|wanted| wanted.alias.clone()));
        let mut networks = Vec::new();
        for (network, how) in written {
            let aliases = how["aliases"].as_array().into_iter().flatten();
            let aliases = aliases.filter_map(Value::as_str).map(str::to_owned);
            match self.networks.get(&network) {
                Some(known_as) => {
                    let mut aliases: Vec<String> = aliases.collect();
                    aliases.push(name.to_owned());
                    let known_as = known_as.clone();
                    networks.push(Attachment {
                        network: known_as,
                        aliases,
                    });
                    kept.insert(network, how);
                }
                None => known.extend(aliases),
            }
        }
        known.sort();
        known.dedup();
        kept.insert(OURS.to_owned(), json!({ "aliases": known }));
        service.insert("networks".to_owned(), Value::Object(kept));
        networks.push(Attachment {
            network: wants.network.clone(),
            aliases: known,
        });
        networks
    }
}

fn of_service(
    name: &str,
    service: &mut Map<String, Value>,
    wants: &Wants,
) -> Result<(), ProjectError> {
    label(service, wants);
    // Two runs would fight for a name and for a port of this machine. A profile was turned on by naming the service. Who
    // waits for whom is known: the older program would wait before it makes a container, for one that nobody has started.
    for key in [
        "depends_on",
        "container_name",
        "ports",
        "profiles",
        "scale",
        "mac_address",
    ] {
        service.remove(key);
    }
    // One of each: a fault strikes a container.
    if let Some(deploy) = service.get_mut("deploy").and_then(Value::as_object_mut) {
        deploy.retain(|key, _| !matches!(key.as_str(), "replicas" | "mode" | "restart_policy"));
    }
    // What a fault ends stays ended until it is lifted.
    service.insert("restart".to_owned(), json!("no"));
    let wanted = wants.services.get(name);
    if let Some(image) = wanted.and_then(|wanted| wanted.image.as_ref()) {
        service.remove("build");
        service.insert("image".to_owned(), json!(verbatim(image)));
    }
    if service.contains_key("build") {
        // It is built before, and told so.
        service.remove("pull_policy");
        // What is built has the same name in every run, so that it is built once and not left behind by each.
        let known_as = || json!(format!("{}-{name}", wants.images));
        service.entry("image".to_owned()).or_insert_with(known_as);
    }
    let Some(wanted) = wanted else {
        return Ok(());
    };
    if let Some(mode) = service.get("network_mode").and_then(Value::as_str) {
        return Err(ProjectError::NetworkMode {
            service: name.to_owned(),
            mode: mode.to_owned(),
        });
    }
    environ(service, &wanted.env);
    if let (Some(port), Some(at)) = (wanted.port, &wants.publish) {
        let published = match at.as_str() {
            "" => port.to_string(),
            at => format!("{at}::{port}"),
        };
        service.insert("ports".to_owned(), json!([published]));
    }
    Ok(())
}

/// Puts environment over a service's own.
pub(super) fn environ(service: &mut Map<String, Value>, given: &BTreeMap<String, String>) {
    let mut env = pairs(service.remove("environment"));
    let given = given.iter();
    env.extend(given.map(|(key, value)| (key.clone(), json!(verbatim(value)))));
    if !env.is_empty() {
        service.insert("environment".to_owned(), Value::Object(env));
    }
}

/// A volume of the file's own: labelled, and with a name of this run's.
fn of_own(own: &mut Value, wants: &Wants) {
    // Somebody else's: neither made nor removed here.
    if is_outside(own) {
        return;
    }
    if own.is_null() {
        *own = json!({});
    }
    let Some(own) = own.as_object_mut() else {
        return;
    };
    own.remove("name");
    label(own, wants);
}

fn label(of: &mut Map<String, Value>, wants: &Wants) {
    let mut labels = pairs(of.remove("labels"));
    let ours = wants.labels.iter();
    labels.extend(ours.map(|(name, value)| (name.clone(), json!(verbatim(value)))));
    of.insert("labels".to_owned(), Value::Object(labels));
}

/// What a file writes as a map or as a list of `KEY=VALUE`.
fn pairs(written: Option<Value>) -> Map<String, Value> {
    match written {
        Some(Value::Object(map)) => map,
        Some(Value::Array(list)) => {
            let lines = list.iter().filter_map(Value::as_str);
            lines
                .map(|line| match line.split_once('=') {
                    Some((key, value)) => (key.to_owned(), json!(value)),
                    // Taken over from the environment.
                    None => (line.to_owned(), Value::Null),
                })
                .collect()
        }
        _ => Map::new(),
    }
}

/// A text in which the tool replaces nothing.
pub(super) fn verbatim(text: &str) -> String {
    text.replace('$', "$$")
}

/// The map at a key, made if there is none.
pub(super) fn below<'v>(
    whole: &'v mut Map<String, Value>,
    key: &str,
) -> &'v mut Map<String, Value> {
    let at = whole.entry(key).or_insert(Value::Null);
    if !at.is_object() {
        *at = Value::Object(Map::new());
    }
    match at {
        Value::Object(map) => map,
        _ => unreachable!("it was just made a map"),
    }
}

#[cfg(test)]
mod tests;
