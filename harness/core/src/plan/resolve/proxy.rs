//! The Toxiproxy server that serves the links, where the suite names one. Who answers there is not known here: what it
//! can't do is told when a run asks it.

use super::entry;
use super::findings::Findings;
use super::world::World;
use crate::suite::at::Str;
use crate::suite::document::Document;
use crate::suite::raw::{ConfigFile, Target};
use crate::template::Text;

const HINT: &str = "write where its API answers, such as `http://127.0.0.1:8474`";

/// Who serves the links instead of the harness's own proxy.
#[derive(Default)]
pub(super) struct Served {
    /// Where the API of a server that runs already answers, without a slash at the end.
    pub(super) external: Option<Text>,
    /// The image of one that is started between containers.
    pub(super) image: Option<String>,
}

/// Both are checked in every mode; each mode takes its own.
pub(super) fn resolve(
    doc: &Document<ConfigFile>,
    raw: &Target,
    world: &World,
    found: &mut Findings,
) -> Served {
    let Some(proxy) = &raw.proxy else {
        return Served::default();
    };
    let contained = world.mode.in_containers();
    let (external, image) = (proxy.value.external.as_ref(), proxy.value.image.as_ref());
    match (external, image) {
        (None, None) if !doc.incomplete => {
            let message = "[target.proxy] does not say who serves the links";
            let hint = "name a server that runs, `external = \"http://127.0.0.1:8474\"`, or the `image` of one to run between containers";
            found.error_with(doc.place(&proxy.span), message, hint);
        }
        (Some(external), None) if contained => {
            let message = "a server outside can't serve links between containers";
            let hint = "name an `image` for this mode, or leave [target.proxy] out: the harness runs its own";
            found.error_with(doc.at(external), message, hint);
        }
        _ => {}
    }
    let external = external.and_then(|url| api(doc, url, world, found));
    let image = image.and_then(|image| super::image::resolve(doc, image, found));
    Served {
        external: external.filter(|_| !contained),
        image: image.filter(|_| contained),
    }
}

/// Where a server's API answers.
fn api(doc: &Document<ConfigFile>, url: &Str, world: &World, found: &mut Findings) -> Option<Text> {
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
