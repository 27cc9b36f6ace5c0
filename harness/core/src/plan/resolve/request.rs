//! A request as typed → a request as planned: base address, defaults, parsed texts and expectations, and that every
//! `{{ … }}` is something an earlier step, a variable or a row gives.

use super::findings::Findings;
use super::passes;
use super::texts::{self, Where};
use super::world::{BaseError, World};
use crate::data::Rows;
use crate::diagnostic::{Place, nearest};
use crate::expr::step::{Expectation, Many, StepSubject, Test, Value};
use crate::journey::RequestStep;
use crate::plan::draft::{DraftBody, DraftRequest, Written};
use crate::template::{Escape, Hole, Part, Text};
use std::collections::BTreeSet;
use std::time::Duration;

const EVERY: Duration = Duration::from_millis(200);

/// What every request has unless its step says otherwise.
pub(super) struct Defaults {
    pub(super) headers: Vec<(String, Text)>,
    pub(super) timeout: Duration,
    pub(super) redirects: u8,
}

/// What a step's texts may refer to.
pub(super) struct Known<'k> {
    pub(super) variables: BTreeSet<String>,
    /// Those of them that collect values.
    pub(super) lists: BTreeSet<String>,
    pub(super) rows: &'k Rows,
    /// There should be rows, and they could not be read: any column may be there.
    pub(super) unread: bool,
}

impl Known<'_> {
    /// Checks a variable's name.
    pub(super) fn variable(&self, name: &str, place: Place, found: &mut Findings) {
        if self.variables.contains(name) {
            return;
        }
        let hint = match nearest(name, self.variables.iter().map(String::as_str)) {
            Some(close) => format!("did you mean `{close}`?"),
            None => "capture it in an earlier step, or set it in `variables`".to_owned(),
        };
        let message = format!("nothing gives `{name}` a value before this step");
        found.error_with(place, message, hint);
    }

    /// Checks the holes of a text.
    pub(super) fn check(&self, written: &Written, text: &Text, found: &mut Findings) {
        for hole in text.holes() {
            let place = || written.inside(&texts::spot_of_hole(&written.text, hole));
            match hole {
                Hole::Variable(name) => self.variable(name, place(), found),
                Hole::Row(column) if !self.unread && !self.rows.has_column(column) => {
                    let hint = match nearest(column, self.rows.columns()) {
                        Some(close) => format!("did you mean `row.{close}`?"),
                        None if self.rows.is_empty() => {
                            "give the journey `data` or `rows`".to_owned()
                        }
                        None => "every row needs the column".to_owned(),
                    };
                    found.error_with(place(), format!("the data has no column `{column}`"), hint);
                }
                _ => {}
            }
        }
    }
}

/// Reads a text that stands in a request.
pub(super) fn text(
    written: &Written,
    known: &Known<'_>,
    world: &World,
    found: &mut Findings,
) -> Option<Text> {
    match Text::parse(&written.text, Escape::None) {
        Ok(text) => {
            known.check(written, &text, found);
            let place = |inner: &std::ops::Range<usize>| written.inside(inner);
            texts::symbols(&written.text, &text, Where::Request, world, &place, found);
            Some(text)
        }
        Err(error) => {
            found.out.push(texts::template_error(&error, &|inner| {
                written.inside(inner)
            }));
            None
        }
    }
}

/// Resolves a request; `None` after noting why not. Its captures are known from then on. `from` is the step it goes back
/// to, by index, if it does.
pub(super) fn resolve(
    draft: &DraftRequest,
    from: usize,
    defaults: &Defaults,
    known: &mut Known<'_>,
    world: &World,
    found: &mut Findings,
) -> Option<RequestStep> {
    let url = url(draft, known, world, found);
    let query = draft.query.iter().filter_map(|(key, value)| {
        text(value, known, world, found).map(|text| (key.clone(), escaped(text, Escape::Percent)))
    });
    let query = query.collect();
    let body = body(&draft.body, known, world, found);
    let headers = headers(draft, defaults, known, world, found);
    let expect: Vec<Expectation> = draft
        .expect
        .iter()
        .filter_map(|written| expectation(written, known, found))
        .collect();
    let captures = passes::captures(&draft.captures, known, found);
    let collect = passes::collections(&draft.collect, known, found);
    let repeat = passes::repeat(draft.repeat.as_ref(), from, known, found);
    let copies = passes::copies(draft, known, found);
    // Answers of copies are compared as they come.
    let redirects = match copies {
        Some(_) => 0,
        None => draft.redirects.unwrap_or(defaults.redirects),
    };
    let (url, link) = url?;
    Some(RequestStep {
        method: draft.method,
        url,
        link,
        query,
        headers,
        body: body?,
        expect,
        captures,
        collect,
        repeat,
        copies,
        eventually: draft.eventually,
        every: draft.every.unwrap_or(EVERY),
        timeout: draft.timeout.unwrap_or(defaults.timeout),
        redirects,
        think: draft.think,
    })
}

/// The URL's text; and where a variable says all of it, the base address it resolves against.
fn url(
    draft: &DraftRequest,
    known: &Known<'_>,
    world: &World,
    found: &mut Findings,
) -> Option<(Text, Option<Text>)> {
    let path = text(&draft.path, known, world, found);
    let base = match &draft.service {
        None => Some(world.entry.clone()),
        Some(service) => match world.base(&service.text) {
            Ok(base) => Some(base),
            Err(BaseError::Unknown) => {
                found.unknown(
                    service.place(),
                    "service",
                    &service.text,
                    world.services.iter().map(String::as_str),
                );
                None
            }
            Err(BaseError::NoUrl) => {
                let message = format!(
                    "the target is external: nothing says where service `{}` runs",
                    service.text
                );
                let hint = format!(
                    "give it a `url` in [target.service.{}], or leave this journey out",
                    service.text
                );
                found.mode_error(service.place(), message, hint);
                None
            }
            Err(BaseError::Absent((message, hint))) => {
                found.mode_error(service.place(), message, hint);
                None
            }
        },
    };
    let typed = draft.path.text.as_str();
    let whole = ["http://", "https://", "${"]
        .iter()
        .any(|start| typed.starts_with(start));
    let link = typed.starts_with("{{") && !typed.starts_with("{{{{");
    if !whole && !link && !typed.starts_with('/') {
        let hint = format!("write `/{typed}`");
        found.error_with(draft.path.place(), "a path must start with `/`", hint);
        return None;
    }
    if typed.contains(char::is_control)
        || typed
            .split("{{")
            .next()
            .is_some_and(|start| start.contains(' '))
    {
        found.error_with(
            draft.path.place(),
            "a path can't hold spaces or control characters",
            "write a space as `%20`",
        );
        return None;
    }
    if let Some((message, hint)) = super::entry::unreachable(typed) {
        found.error_with(draft.path.place(), message, hint);
        return None;
    }
    let mut path = escaped(path?, Escape::Percent);
    if link {
        // A link is taken as it was sent, not as a part of a path.
        if let Some(Part::Hole { escape, .. }) = path.parts.first_mut() {
            *escape = Escape::None;
        }
        return Some((path, Some(base?)));
    }
    Some((if whole { path } else { joined([base?, path]) }, None))
}

/// Texts one after another.
fn joined(texts: impl IntoIterator<Item = Text>) -> Text {
    let mut parts: Vec<Part> = Vec::new();
    for part in texts.into_iter().flat_map(|text| text.parts) {
        match (parts.last_mut(), part) {
            (Some(Part::Literal(last)), Part::Literal(more)) => last.push_str(&more),
            (_, part) => parts.push(part),
        }
    }
    Text { parts }
}

/// The same text with its holes written in another way, where the suite does not say how.
fn escaped(mut text: Text, how: Escape) -> Text {
    for part in &mut text.parts {
        if let Part::Hole {
            escape: escape @ Escape::None,
            ..
        } = part
        {
            *escape = how;
        }
    }
    text
}

fn body(draft: &DraftBody, known: &Known<'_>, world: &World, found: &mut Findings) -> Option<Text> {
    match draft {
        DraftBody::Empty => Some(Text::default()),
        DraftBody::Text(written) => text(written, known, world, found),
        DraftBody::Json(value, strings) => {
            let good: Vec<Option<Text>> = strings
                .iter()
                .map(|written| text(written, known, world, found))
                .collect();
            if good.iter().any(Option::is_none) {
                return None;
            }
            Text::from_json(value).ok()
        }
        DraftBody::Form(fields) => {
            let mut parts = Vec::new();
            for (index, (key, value)) in fields.iter().enumerate() {
                let separator = if index == 0 { "" } else { "&" };
                let key =
                    percent_encoding::utf8_percent_encode(key, percent_encoding::NON_ALPHANUMERIC);
                parts.push(Text::literal(format!("{separator}{key}=")));
                parts.push(encoded(text(value, known, world, found)?));
            }
            Some(joined(parts))
        }
    }
}

/// A form's value: literals percent-encoded now, holes when they are filled.
fn encoded(text: Text) -> Text {
    let mut text = escaped(text, Escape::Percent);
    for part in &mut text.parts {
        if let Part::Literal(literal) = part {
            *literal =
                percent_encoding::utf8_percent_encode(literal, percent_encoding::NON_ALPHANUMERIC)
                    .to_string();
        }
    }
    text
}

/// The suite's headers, replaced by the step's, with the body's content type if nobody says it.
fn headers(
    draft: &DraftRequest,
    defaults: &Defaults,
    known: &Known<'_>,
    world: &World,
    found: &mut Findings,
) -> Vec<(String, Text)> {
    let mut own: Vec<(String, Text)> = Vec::new();
    for (name, value) in &draft.headers {
        if let Err(reason) = header_name(&name.text) {
            found.error(name.place(), reason);
            continue;
        }
        if value.text.contains(['\r', '\n', '\0']) {
            found.error(value.place(), "a header's value can't hold line breaks");
            continue;
        }
        if let Some(text) = text(value, known, world, found) {
            own.push((name.text.to_ascii_lowercase(), text));
        }
    }
    let kept = defaults
        .headers
        .iter()
        .filter(|(name, _)| !own.iter().any(|(n, _)| n == name))
        .cloned();
    let mut headers: Vec<(String, Text)> = kept.collect();
    headers.extend(own);
    let kind = match &draft.body {
        DraftBody::Empty => None,
        DraftBody::Json(..) => Some("application/json"),
        DraftBody::Text(_) => Some("text/plain; charset=utf-8"),
        DraftBody::Form(_) => Some("application/x-www-form-urlencoded"),
    };
    if let Some(kind) = kind.filter(|_| !headers.iter().any(|(name, _)| name == "content-type")) {
        headers.push(("content-type".to_owned(), Text::literal(kind)));
    }
    headers
}

/// Whether a text is a header's name that a journey may set: a token of RFC 9110, and none that frames the message.
pub(super) fn header_name(name: &str) -> Result<(), String> {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(token) {
        return Err(format!("{name:?} is not a header's name"));
    }
    let framing = [
        "content-length",
        "transfer-encoding",
        "connection",
        "upgrade",
    ];
    match framing.contains(&name.to_ascii_lowercase().as_str()) {
        true => Err(format!(
            "`{name}` is set by the client: it says how the message is sent"
        )),
        false => Ok(()),
    }
}

pub(super) fn expectation(
    written: &Written,
    known: &Known<'_>,
    found: &mut Findings,
) -> Option<Expectation> {
    match written.text.parse::<Expectation>() {
        Ok(expectation) => {
            known_subject(&expectation.subject, written, known, found);
            for text in values(&expectation.test)
                .into_iter()
                .filter_map(|value| match value {
                    Value::Text(text) => Some(text),
                    _ => None,
                })
            {
                known.check(written, text, found);
            }
            Some(expectation)
        }
        Err(error) => {
            found.out.push(texts::expression_error(&error, &|inner| {
                written.inside(inner)
            }));
            None
        }
    }
}

/// Checks the variable that a subject looks at.
fn known_subject(
    subject: &StepSubject,
    written: &Written,
    known: &Known<'_>,
    found: &mut Findings,
) {
    let names: Vec<&str> = match subject {
        StepSubject::Count(Many::Variable(name)) | StepSubject::Distinct(Many::Variable(name)) => {
            vec![name]
        }
        StepSubject::Json(path)
        | StepSubject::Count(Many::Path(path))
        | StepSubject::Distinct(Many::Path(path)) => path.variables().collect(),
        _ => Vec::new(),
    };
    for name in names {
        let at = written.text.find(name).unwrap_or(0);
        known.variable(name, written.inside(&(at..at + name.len())), found);
    }
}

fn values(test: &Test) -> Vec<&Value> {
    match test {
        Test::Equal(v) | Test::NotEqual(v) | Test::Less(v) | Test::AtMost(v) => vec![v],
        Test::Greater(v) | Test::AtLeast(v) | Test::Contains(v) => vec![v],
        Test::In(values) => values.iter().collect(),
        Test::Matches(_) | Test::Exists | Test::Absent => Vec::new(),
    }
}

/// What a capture, a collection or a comparison of copies looks at.
pub(super) fn subject(
    from: &Written,
    known: &Known<'_>,
    found: &mut Findings,
) -> Option<StepSubject> {
    match from.text.parse::<StepSubject>() {
        Ok(subject) => {
            known_subject(&subject, from, known, found);
            Some(subject)
        }
        Err(error) => {
            found
                .out
                .push(texts::expression_error(&error, &|inner| from.inside(inner)));
            None
        }
    }
}

/// Notes a name that `{{ … }}` could not read back.
pub(super) fn variable_name(name: &Written, found: &mut Findings) {
    let hole = Text::parse(&format!("{{{{ {} }}}}", name.text), Escape::None).ok();
    let holes: Vec<Hole> = hole.iter().flat_map(Text::holes).cloned().collect();
    if holes != [Hole::Variable(name.text.clone())] {
        let message = format!("{:?} can't name a variable", name.text);
        found.error_with(
            name.place(),
            message,
            "use letters, digits and `_`, starting with a letter",
        );
    }
}
