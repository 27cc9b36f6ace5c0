//! The Toxiproxy server that serves the links, where the suite names one. Who answers there is not known here: what it
//! can't do is told when a run asks it.

use super::entry;
use super::findings::Findings;
use super::target::World;
use crate::suite::at::Str;
use crate::suite::document::Document;
use crate::suite::raw::{ConfigFile, Target};
use crate::template::Text;

const HINT: &str = "write where its API answers, such as `http://127.0.0.1:8474`";

/// Where its API answers, without a slash at the end.
pub(super) fn resolve(
    doc: &Document<ConfigFile>,
    raw: &Target,
    world: &World,
    found: &mut Findings,
) -> Option<Text> {
    let url = raw.proxy.as_ref()?.value.external.as_ref()?;
    let text = entry::base_url(doc, url, world, found)?;
    let place = doc.inside(url, &(0..url.value.len()));
    if url.value.starts_with("https://") {
        let message = format!("`{}`: Toxiproxy's API speaks plain HTTP", url.value);
        found.error_with(place, message, HINT);
        return None;
    }
    let after = url.value.split_once("://").map_or("", |(_, after)| after);
    let path = after.find(['/', '?', '#']).map(|at| &after[at..]);
    if let Some(path) = path.filter(|path| *path != "/") {
        let message = format!("the address of Toxiproxy's API has no path, this has `{path}`");
        found.error_with(place, message, HINT);
        return None;
    }
    Some(text)
}

/// Checks the name of a proxy that the user made on that server.
pub(super) fn named(doc: &Document<ConfigFile>, proxy: &Str, world: &World, found: &mut Findings) {
    if !world.served {
        found.error_with(
            doc.at(proxy),
            format!(
                "nothing says on which server the proxy `{}` is",
                proxy.value
            ),
            "name it: `[target.proxy]` with `external = \"http://127.0.0.1:8474\"`",
        );
    }
    if proxy.value.is_empty() || proxy.value.contains('/') || proxy.value.contains(char::is_control)
    {
        found.error_with(
            doc.at(proxy),
            format!(
                "{:?} names no proxy that a Toxiproxy server can be asked for",
                proxy.value
            ),
            "its name is not empty and holds no slash",
        );
    }
}
