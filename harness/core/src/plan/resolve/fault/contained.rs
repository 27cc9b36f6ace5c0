//! What breaks around a service in a container, and what one is replaced by. Which services and volumes there are is
//! looked at where the service is known.

use crate::name::Name;
use crate::plan::fault::{Deployment, Direction, FaultKind};
use crate::plan::resolve::findings::Findings;
use crate::plan::resolve::{image, section, texts};
use crate::suite::at::Str;
use crate::suite::document::Document;
use crate::suite::raw::{Deploy, OnVolume, Partition, Way};
use crate::template::Text;
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

/// How long the old one of a deployment still serves the connections it has.
const DRAIN: Duration = Duration::from_secs(5);

pub(super) fn partition<T>(
    doc: &Document<T>,
    raw: &Partition,
    found: &mut Findings,
) -> Option<FaultKind> {
    let typed = raw.from.as_ref()?;
    let mut from: Vec<Name> = Vec::new();
    let mut sound = true;
    for text in typed.all() {
        let Some(name) = found.name(doc, &text) else {
            sound = false;
            continue;
        };
        if from.contains(&name) {
            found.error(doc.at(&text), format!("`{name}` is named twice"));
            sound = false;
        }
        from.push(name);
    }
    if from.is_empty() && sound {
        let message = "a partition from nobody drops nothing";
        found.error_with(
            doc.at(typed),
            message,
            "name the services on its other side",
        );
        return None;
    }
    let direction = match raw.direction.as_ref().map(|way| way.value) {
        None | Some(Way::Both) => Direction::Both,
        Some(Way::In) => Direction::In,
        Some(Way::Out) => Direction::Out,
    };
    sound.then_some(FaultKind::Partition { from, direction })
}

pub(super) fn volume<T>(doc: &Document<T>, raw: &OnVolume, found: &mut Findings) -> Option<String> {
    section::absolute(doc, raw.path.as_ref()?, found)
}

pub(super) fn deployment<T>(
    doc: &Document<T>,
    raw: &Deploy,
    found: &mut Findings,
) -> Option<Deployment> {
    let errors = found.out.len();
    let image = raw.image.as_ref();
    let image = image.and_then(|typed| image::resolve(doc, typed, found));
    let part = |text: &Str, found: &mut Findings| {
        let place = |inner: &Range<usize>| doc.inside(text, inner);
        texts::read(&text.value, &place, found)
    };
    let command = raw.command.iter().filter_map(|text| part(text, found));
    let command: Vec<Text> = command.collect();
    let mut env = BTreeMap::new();
    for (key, value) in raw.env.iter() {
        let place = |inner: &Range<usize>| doc.within(&value.span, inner);
        if let Some(text) = texts::read(&value.value.0, &place, found) {
            env.insert(key.value.clone(), text);
        }
    }
    let drain = found.duration_or(doc, raw.drain.as_ref(), DRAIN);
    (found.out.len() == errors).then_some(Deployment {
        image,
        command,
        env,
        drain,
    })
}

impl Deployment {
    /// Whether the new one differs from the old in nothing.
    pub(super) fn changes_nothing(&self) -> bool {
        self.image.is_none() && self.command.is_empty() && self.env.is_empty()
    }
}
