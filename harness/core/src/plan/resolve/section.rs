//! A service's sections: what it is as a process, in a container, in a Compose file. All are read, the one of the mode
//! chosen is taken.

use super::fault::whole_bytes;
use super::findings::Findings;
use super::image;
use super::service::{Around, command, texts};
use super::texts::{Own, Where};
use crate::plan::target::{BuildPlan, ComposeService, ContainerPlan, Mode, Vessel, VolumePlan};
use crate::suite::at::{At, Named, Str};
use crate::suite::document::Document;
use crate::suite::raw::{
    Build, ComposeSection, ConfigFile, Container, Process, Service, ServiceChange, Volume,
};
use crate::suite::relative;
use crate::template::{Symbol, Text};
use std::collections::BTreeMap;

/// The least memory that an engine gives a container.
pub(super) const LEAST_MEMORY: u64 = 6 * 1024 * 1024;
/// The least that a volume of a size holds.
const LEAST_VOLUME: u64 = 64 * 1000;

/// What a service is in one mode.
pub(super) struct Body {
    pub(super) prepare: Option<Vec<Text>>,
    pub(super) command: Vec<Text>,
    pub(super) vessel: Option<Vessel>,
    pub(super) env: BTreeMap<String, Text>,
}

/// How a service is run in a mode, for who has written nothing of it.
pub(super) const fn hint(mode: Mode) -> &'static str {
    match mode {
        Mode::Process | Mode::External => {
            "add `process = { command = [\"program\", \"--port\", \"${port}\"] }`"
        }
        Mode::Container => "add `container = { image = \"shop:dev\", port = 8080 }`",
        Mode::Compose => "add `compose = { service = \"orders\", port = 8080 }`",
    }
}

/// The body of the mode chosen; of an external target that of a process.
pub(super) fn of_mode(
    around: &Around<'_>,
    (key, service): (&Str, &Service),
    change: Option<&ServiceChange>,
    found: &mut Findings,
) -> Option<Body> {
    let mode = around.world.mode;
    if let Some(change) = change.filter(|_| around.world.has_service(&key.value)) {
        fits(around, change, found);
    }
    let process = service.process.as_ref();
    let process = process.map(|raw| self::process(around, &raw.value, change, found));
    let container = service.container.as_ref();
    let container = container.and_then(|raw| self::container(around, raw, change, found));
    let compose = service.compose.as_ref();
    let compose = compose.and_then(|raw| self::compose(around, key, raw, change, found));
    match mode {
        Mode::Process | Mode::External => process,
        Mode::Container => container,
        Mode::Compose => compose,
    }
}

/// Notes what a variant changes and this mode does not have.
fn fits(around: &Around<'_>, change: &ServiceChange, found: &mut Findings) {
    let (doc, mode) = (around.doc, around.world.mode);
    let typed = change.command.as_ref().and_then(|command| command.first());
    if let Some(typed) = typed.filter(|_| mode.in_containers()) {
        let message = format!(
            "a variant's `command` is how a process is run, and the target's mode is `{}`",
            mode.as_str()
        );
        let hint = "change its `env` or its `image`, or run this variant with `--target process`";
        found.error_with(doc.at(typed), message, hint);
    }
    if let Some(image) = change.image.as_ref().filter(|_| mode == Mode::Process) {
        let message = "a variant's `image` is what a container is made of, and services run as processes here";
        let hint =
            "change its `env` or its `command`, or run this variant with `--target container`";
        found.error_with(doc.at(image), message, hint);
    }
}

fn process(
    around: &Around<'_>,
    raw: &Process,
    change: Option<&ServiceChange>,
    found: &mut Findings,
) -> Body {
    let own = Own {
        contained: false,
        port: true,
        live: around.world.mode == Mode::Process,
    };
    let typed = change
        .and_then(|change| change.command.as_ref())
        .unwrap_or(&raw.command);
    Body {
        prepare: prepare(around, &raw.prepare, found),
        command: command(around, typed, Where::Service(own), found),
        vessel: None,
        env: texts(around, &raw.env, own, found),
    }
}

fn prepare(around: &Around<'_>, typed: &[Str], found: &mut Findings) -> Option<Vec<Text>> {
    let prepare = command(around, typed, Where::Anywhere, found);
    (!prepare.is_empty()).then_some(prepare)
}

fn container(
    around: &Around<'_>,
    whole: &At<Container>,
    change: Option<&ServiceChange>,
    found: &mut Findings,
) -> Option<Body> {
    let raw = &whole.value;
    let own = Own {
        contained: true,
        port: raw.port.is_some() || around.doc.incomplete,
        live: around.world.mode == Mode::Container,
    };
    let body = Body {
        prepare: prepare(around, &raw.prepare, found),
        command: command(around, &raw.command, Where::Service(own), found),
        vessel: None,
        env: texts(around, &raw.env, own, found),
    };
    let image = raw.image.as_ref();
    let image = image.and_then(|image| image::resolve(around.doc, image, found));
    let other = change.and_then(|change| change.image.as_ref());
    let other = other.and_then(|image| image::resolve(around.doc, image, found));
    let build = raw.build.as_ref();
    let build = build.and_then(|build| self::build(around, &build.value, found));
    let plan = ContainerPlan {
        files: files(around, &raw.files, found),
        volumes: volumes(around, &raw.volumes, found),
        memory: bytes(
            around,
            raw.memory.as_ref(),
            LEAST_MEMORY,
            "container",
            found,
        ),
        cpus: cpus(around, raw.cpus.as_ref(), found),
        port: raw.port.as_ref().map(|port| port.value),
        build: build.filter(|_| other.is_none()),
        image: other.or(image)?,
    };
    Some(Body {
        vessel: Some(Vessel::Container(Box::new(plan))),
        ..body
    })
}

fn build(around: &Around<'_>, raw: &Build, found: &mut Findings) -> Option<BuildPlan> {
    let doc = around.doc;
    let mut path = |text: &Str| match (text.value.as_str(), relative(&text.value)) {
        (".", _) => Some(".".to_owned()),
        (_, Ok(path)) => Some(path),
        (_, Err(reason)) => {
            found.error(doc.at(text), reason);
            None
        }
    };
    let context = raw.context.as_ref().map(&mut path);
    let dockerfile = raw.dockerfile.as_ref().map(&mut path);
    let own = Own {
        contained: true,
        port: false,
        live: around.world.mode == Mode::Container,
    };
    let args = texts(around, &raw.args, own, found);
    let secret = |key: &Str| {
        let mut symbols = args.get(&key.value)?.symbols();
        symbols.find(|symbol| matches!(symbol, Symbol::Secret(_)))
    };
    for (key, _) in raw.args.iter().filter(|(key, _)| secret(key).is_some()) {
        let message = format!(
            "the build argument `{}` is a secret, and everybody who has the image could read it in its history",
            key.value
        );
        let hint = "give it to the container that runs: `env = { … }`";
        found.error_with(doc.at(key), message, hint);
    }
    let context = context.unwrap_or_else(|| Some(".".to_owned()))?;
    let beside = || match context.as_str() {
        "." => "Dockerfile".to_owned(),
        folder => format!("{folder}/Dockerfile"),
    };
    Some(BuildPlan {
        dockerfile: dockerfile.unwrap_or_else(|| Some(beside()))?,
        context,
        args,
    })
}

fn compose(
    around: &Around<'_>,
    key: &Str,
    whole: &At<ComposeSection>,
    change: Option<&ServiceChange>,
    found: &mut Findings,
) -> Option<Body> {
    let raw = &whole.value;
    let own = Own {
        contained: true,
        port: raw.port.is_some() || around.doc.incomplete,
        live: around.world.mode == Mode::Compose,
    };
    let env = texts(around, &raw.env, own, found);
    let named = raw.service.as_ref().unwrap_or(key);
    let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if named.value.is_empty() || !named.value.chars().all(sound) {
        let message = format!("{:?} names no service of a Compose file", named.value);
        let hint = "its name there has letters, digits, `.`, `_` and `-`";
        found.error_with(around.doc.at(named), message, hint);
        return None;
    }
    let image = change.and_then(|change| change.image.as_ref());
    Some(Body {
        prepare: None,
        command: Vec::new(),
        vessel: Some(Vessel::Compose(ComposeService {
            service: named.value.clone(),
            port: raw.port.as_ref().map(|port| port.value),
            image: image.and_then(|image| image::resolve(around.doc, image, found)),
        })),
        env,
    })
}

/// Notes that two services are the same one of the Compose file: of each there is one container.
pub(super) fn composed_once(
    doc: &Document<ConfigFile>,
    all: &Named<Service>,
    found: &mut Findings,
) {
    let mut known: BTreeMap<&str, &str> = BTreeMap::new();
    for (key, service) in all.iter() {
        let Some(section) = &service.value.compose else {
            continue;
        };
        let named = section.value.service.as_ref().unwrap_or(key);
        if let Some(first) = known.insert(&named.value, &key.value) {
            let message = format!(
                "`{}` of the Compose file is service `{first}` and service `{}` here",
                named.value, key.value
            );
            let hint = "one of the file's services is one here: take one of the two sections out";
            found.error_with(doc.at(named), message, hint);
        }
    }
}

/// An absolute path in a container, tidied; notes why it is none.
pub(super) fn absolute<T>(doc: &Document<T>, path: &Str, found: &mut Findings) -> Option<String> {
    let parts: Vec<&str> = path
        .value
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    let wrong = match parts.as_slice() {
        _ if !path.value.starts_with('/') => Some("must start with `/`"),
        [] => Some("is the container's whole file system"),
        parts if parts.iter().any(|part| matches!(*part, "." | "..")) => {
            Some("must go down only, without `.` and `..`")
        }
        _ if path.value.contains(|c: char| c.is_control() || c == ':') => {
            Some("can't hold `:` or control characters")
        }
        _ => None,
    };
    if let Some(wrong) = wrong {
        let message = format!("the path `{}` in a container {wrong}", path.value);
        found.error(doc.at(path), message);
        return None;
    }
    Some(format!("/{}", parts.join("/")))
}

/// Files by where they stand in the container. Whether one is there is told by who reads it.
fn files(
    around: &Around<'_>,
    typed: &Named<String>,
    found: &mut Findings,
) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for (key, from) in typed.iter() {
        let path = absolute(around.doc, key, found);
        let from = relative(&from.value)
            .map_err(|reason| found.error(around.doc.at(from), reason))
            .ok();
        if let (Some(path), Some(from)) = (path, from)
            && let Some(before) = files.insert(path.clone(), from)
        {
            let message = format!("`{path}` is `{before}` already");
            found.error(around.doc.at(key), message);
        }
    }
    files
}

fn volumes(around: &Around<'_>, typed: &Named<Volume>, found: &mut Findings) -> Vec<VolumePlan> {
    let mut volumes: Vec<VolumePlan> = Vec::new();
    for (key, raw) in typed.iter() {
        let size = bytes(
            around,
            raw.value.size.as_ref(),
            LEAST_VOLUME,
            "volume",
            found,
        );
        let Some(path) = absolute(around.doc, key, found) else {
            continue;
        };
        if volumes.iter().any(|volume| volume.path == path) {
            let message = format!("`{path}` is a volume already");
            found.error(around.doc.at(key), message);
            continue;
        }
        volumes.push(VolumePlan { path, size });
    }
    volumes
}

/// A number of bytes, at least so many.
fn bytes(
    around: &Around<'_>,
    text: Option<&Str>,
    least: u64,
    what: &str,
    found: &mut Findings,
) -> Option<u64> {
    let text = text?;
    let place = around.doc.inside(text, &(0..text.value.len()));
    match whole_bytes(&text.value) {
        Ok(bytes) if bytes >= least => Some(bytes),
        Ok(_) => {
            let message = format!("`{}` is too little for a {what}", text.value);
            found.error_with(place, message, format!("at least {least} bytes"));
            None
        }
        Err(wrong) => {
            found.error(place, wrong);
            None
        }
    }
}

fn cpus(around: &Around<'_>, typed: Option<&At<f64>>, found: &mut Findings) -> Option<f64> {
    let typed = typed?;
    if (0.01..=1024.0).contains(&typed.value) {
        return Some(typed.value);
    }
    let message = format!("{} is no number of processors for a container", typed.value);
    found.error_with(around.doc.at(typed), message, "from 0.01 to 1024");
    None
}
