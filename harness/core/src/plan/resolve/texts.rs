//! Texts with holes, and whether what they refer to is there.

use super::findings::Findings;
use super::world::World;
use crate::diagnostic::{Diagnostic, Place};
use crate::expr::ExprError;
use crate::plan::target::Mode;
use crate::suite::at::{At, Scalar, Str};
use crate::suite::document::Document;
use crate::template::{Escape, Hole, Symbol, TemplateError, Text};
use std::ops::Range;

/// What people call it; nothing where they don't.
pub(super) fn title(written: Option<&Str>) -> String {
    written.map_or_else(String::new, |title| title.value.clone())
}

/// Words that profiles and `--tags` choose by, as they are compared: without the `@` of feature files.
pub(super) fn tags(written: &[Str]) -> Vec<String> {
    let plain = |tag: &Str| tag.value.trim_start_matches('@').to_owned();
    written.iter().map(plain).collect()
}

/// What a text may refer to, by where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    /// In a service: `${port}` is its own.
    Service(Own),
    /// Elsewhere in what is known when the target starts.
    Anywhere,
    /// In a request: `{{ … }}` too.
    Request,
}

/// Whose text it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Own {
    /// A container's, which has neither this machine's folders nor a port unless it says so.
    pub(super) contained: bool,
    /// Whether there is a port.
    pub(super) port: bool,
    /// Whether it is part of the mode chosen, so that what it refers to must be there.
    pub(super) live: bool,
}

/// A text known when the target starts.
pub(super) fn setup<T>(
    doc: &Document<T>,
    text: &Str,
    at: Where,
    world: &World,
    found: &mut Findings,
) -> Option<Text> {
    let place = |inner: &Range<usize>| doc.inside(text, inner);
    parsed(&text.value, at, world, &place, found)
}

/// The same of a value that may be typed without quotes.
pub(super) fn setup_scalar<T>(
    doc: &Document<T>,
    text: &At<Scalar>,
    at: Where,
    world: &World,
    found: &mut Findings,
) -> Option<Text> {
    let place = |inner: &Range<usize>| doc.within(&text.span, inner);
    parsed(&text.value.0, at, world, &place, found)
}

fn parsed(
    typed: &str,
    at: Where,
    world: &World,
    place: &dyn Fn(&Range<usize>) -> Place,
    found: &mut Findings,
) -> Option<Text> {
    let text = read(typed, place, found)?;
    symbols(typed, &text, at, world, place, found);
    Some(text)
}

/// A text that is read once, what it refers to not looked up yet.
pub(super) fn read(
    typed: &str,
    place: &dyn Fn(&Range<usize>) -> Place,
    found: &mut Findings,
) -> Option<Text> {
    let text = match Text::parse(typed, Escape::None) {
        Ok(text) => text,
        Err(error) => {
            found.out.push(template_error(&error, place));
            return None;
        }
    };
    if let Some(hole) = text.holes().next() {
        let message = format!(
            "`{{{{ {hole} }}}}` is filled at each iteration of a journey, and this is read once"
        );
        found.error_with(
            place(&spot_of_hole(typed, hole)),
            message,
            "what is known at the start is written `${…}`",
        );
    }
    Some(text)
}

/// Checks that what a text refers to with `${…}` is there.
pub(super) fn symbols(
    typed: &str,
    text: &Text,
    at: Where,
    world: &World,
    place: &dyn Fn(&Range<usize>) -> Place,
    found: &mut Findings,
) {
    for symbol in text.symbols() {
        let here = || place(&spot(typed, "${", "}", &symbol.to_string()));
        let (what, name, known) = match symbol {
            Symbol::ServiceUrl(name) | Symbol::ServicePort(name) => {
                ("service", name, &world.services)
            }
            Symbol::LinkUrl(name) | Symbol::LinkAddress(name) => ("link", name, &world.links),
            Symbol::Secret(name) => ("secret", name, &world.secrets),
            Symbol::Port | Symbol::Env { .. } | Symbol::RunId | Symbol::RunDir => {
                if let Some((message, hint)) = misplaced(symbol, at) {
                    found.error_with(here(), message, hint);
                }
                continue;
            }
        };
        if !known.iter().any(|k| k == name.as_str()) {
            found.unknown(
                here(),
                what,
                name.as_str(),
                known.iter().map(String::as_str),
            );
        } else if what != "secret" && world.mode == Mode::External && at == Where::Request {
            let message =
                format!("the target is external: the address of {what} `{name}` is not known");
            found.mode_error(
                here(),
                message,
                "name the service with `service = …` and give it a `url`",
            );
        } else if let Some((message, hint)) = world.unknown_address(symbol) {
            match at {
                Where::Request => found.mode_error(here(), message, hint),
                Where::Service(Own { live: false, .. }) => {}
                Where::Service(_) | Where::Anywhere => found.error_with(here(), message, hint),
            }
        }
    }
}

/// Why what everybody has, or each service of its own, has no meaning in this text; and what to write instead.
pub(super) fn misplaced(symbol: &Symbol, at: Where) -> Option<(&'static str, &'static str)> {
    match (symbol, at) {
        (Symbol::Port, Where::Service(own)) => (own.live && !own.port).then_some((
            "`${port}` is the container's own port, and it has none",
            "say what it listens on: `port = 8080`",
        )),
        (Symbol::Port, _) => Some((
            "`${port}` is known only inside a service",
            "elsewhere it is `${service.NAME.port}`",
        )),
        (Symbol::RunDir, Where::Service(own)) if own.contained => Some((
            "`${run.dir}` is a folder of this machine, and this is told to a container",
            "name a folder of its own, `/data`, which a `container` keeps in a volume: `volumes = { \"/data\" = {} }`; what only a process is told stands in `process.env`",
        )),
        _ => None,
    }
}

/// A text that can't be read, told at its byte.
pub(super) fn template_error(
    error: &TemplateError,
    place: &dyn Fn(&Range<usize>) -> Place,
) -> Diagnostic {
    told(place(&error.span), &error.message, error.hint.as_deref())
}

fn told(place: Place, message: &str, hint: Option<&str>) -> Diagnostic {
    let finding = Diagnostic::error(Some(place), message);
    match hint {
        Some(hint) => finding.hint(hint),
        None => finding,
    }
}

/// An expression that can't be read, told at its byte.
pub(super) fn expression_error(
    error: &ExprError,
    place: &dyn Fn(&Range<usize>) -> Place,
) -> Diagnostic {
    told(place(&error.span), &error.message, error.hint.as_deref())
}

/// Where a hole stands in a text.
pub(super) fn spot_of_hole(typed: &str, hole: &Hole) -> Range<usize> {
    spot(typed, "{{", "}}", &hole.to_string())
}

/// Where `content` stands between an opening and a closing mark; the whole text if it is not found.
fn spot(typed: &str, open: &str, close: &str, content: &str) -> Range<usize> {
    let mut from = 0;
    while let Some(start) = typed
        .get(from..)
        .and_then(|rest| rest.find(open))
        .map(|at| from + at + open.len())
    {
        let inner = typed.get(start..).unwrap_or("");
        let end = inner.find(close).unwrap_or(inner.len());
        let inner = inner.get(..end).unwrap_or("");
        let trimmed = inner.trim_start();
        if trimmed.starts_with(content) {
            let begin = start + inner.len() - trimmed.len();
            return begin..begin + content.len();
        }
        from = start;
    }
    0..typed.len()
}
