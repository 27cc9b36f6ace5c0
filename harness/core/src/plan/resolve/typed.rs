//! A journey in TOML → a draft: one action a step, every key where it belongs. What texts mean is read later.

use super::fault::Kinds;
use super::findings::Findings;
use super::think;
use crate::data::{AtEnd, Feed, Pick, Rows};
use crate::http::Method;
use crate::journey::command::Command;
use crate::plan::draft::{
    Draft, DraftAction, DraftBody, DraftCopies, DraftRepeat, DraftRequest, DraftStep, Written,
};
use crate::plan::fault::FaultKind;
use crate::suite::at::{At, Named, Node, Scalar, Str};
use crate::suite::document::{Document, within};
use crate::suite::raw::{JourneyFile, Repeat, Step};
use crate::suite::{Suite, data, relative, stem};
use std::ops::Range;
use std::sync::Arc;

type Doc = Document<JourneyFile>;

/// The draft of a journey file; `None` when the file's name is no journey's name. Steps with errors are left out, so
/// that the others are still checked.
pub(super) fn draft(doc: &Doc, suite: &Suite, found: &mut Findings) -> Option<Draft> {
    let raw = &doc.raw;
    let name = stem(&doc.source.name).parse();
    let name = name.map_err(|error: crate::name::NameError| {
        found.error(
            doc.top(),
            format!("the file's name is the journey's: {error}"),
        );
    });
    if raw.step.is_empty() && !doc.incomplete {
        found.error_with(
            doc.top(),
            "this journey has no steps",
            "add `[[step]]` with a `name` and a request, such as `get = \"/\"`",
        );
    }
    let (rows, unread) = rows(doc, suite, found);
    let feed = feed(doc, found);
    let steps = raw
        .step
        .iter()
        .enumerate()
        .filter_map(|(index, raw)| step(doc, raw, index + 1, found))
        .collect();
    Some(Draft {
        name: name.ok()?,
        title: super::texts::title(raw.title.as_ref()),
        tags: super::texts::tags(&raw.tags),
        place: doc.top(),
        rows,
        unread,
        feed,
        variables: raw
            .variables
            .iter()
            .map(|(key, value)| (written(doc, key), scalar(doc, value)))
            .collect(),
        steps,
    })
}

fn written(doc: &Doc, text: &Str) -> Written {
    written_at(doc, &text.value, &text.span)
}

fn written_at(doc: &Doc, text: &str, span: &Range<usize>) -> Written {
    Written {
        text: text.to_owned(),
        source: Arc::clone(&doc.source),
        span: span.clone(),
        inward: within,
    }
}

fn scalar(doc: &Doc, text: &At<Scalar>) -> Written {
    written_at(doc, &text.value.0, &text.span)
}

fn pairs(doc: &Doc, table: &Named<Scalar>) -> Vec<(String, Written)> {
    table
        .iter()
        .map(|(key, value)| (key.value.clone(), scalar(doc, value)))
        .collect()
}

fn rows(doc: &Doc, suite: &Suite, found: &mut Findings) -> (Rows, bool) {
    let inline =
        doc.raw
            .rows
            .iter()
            .filter_map(|row| match Node::Table(row.value.clone()).to_json() {
                serde_json::Value::Object(row) => Some(row),
                _ => None,
            });
    let Some(data) = &doc.raw.data else {
        return (inline.collect(), false);
    };
    if let Some(first) = doc.raw.rows.first() {
        found.error_with(
            doc.at(first),
            "a journey has either `data` or `rows`",
            "move these rows into the data file",
        );
    }
    let rows = match data.file().map(|path| (relative(&path.value), path)) {
        Some((Ok(name), path)) => data::rows(&suite.sources, &name, &doc.at(&path), &mut found.out),
        Some((Err(reason), path)) => {
            found.error(doc.at(&path), reason);
            Rows::default()
        }
        None => Rows::default(),
    };
    let unread = rows.is_empty();
    (rows, unread)
}

/// How load takes the rows.
fn feed(doc: &Doc, found: &mut Findings) -> Feed {
    let Some(table) = doc.raw.data.as_ref().and_then(At::table) else {
        return Feed::default();
    };
    let pick = table
        .pick
        .as_ref()
        .map_or(Pick::default(), |pick| pick.value);
    let at_end = table.at_end.as_ref().map(|at_end| at_end.value);
    let (message, hint) = match (pick, at_end) {
        (Pick::Random, Some(_)) => (
            "`at_end` with `pick = \"random\"`: rows that are drawn have no end",
            "leave `at_end` out, or take the rows in turn: `pick = \"sequential\"`",
        ),
        (Pick::Unique, Some(AtEnd::Wrap)) => (
            "`pick = \"unique\"` takes each row once, `at_end = \"wrap\"` takes them again",
            "leave `at_end` out to stop at the last row, or take `pick = \"sequential\"`",
        ),
        (Pick::Unique, _) => {
            return Feed {
                pick,
                at_end: AtEnd::Stop,
            };
        }
        (_, at_end) => {
            return Feed {
                pick,
                at_end: at_end.unwrap_or_default(),
            };
        }
    };
    if let Some(at_end) = &table.at_end {
        found.error_with(doc.at(at_end), message, hint);
    }
    Feed::default()
}

fn step(doc: &Doc, raw: &At<Step>, number: usize, found: &mut Findings) -> Option<DraftStep> {
    let step = &raw.value;
    let methods = [
        (Method::Get, &step.get),
        (Method::Post, &step.post),
        (Method::Put, &step.put),
        (Method::Patch, &step.patch),
        (Method::Delete, &step.delete),
        (Method::Head, &step.head),
        (Method::Options, &step.options),
    ];
    let requests: Vec<(Method, &Str)> = methods
        .into_iter()
        .filter_map(|(m, text)| Some((m, text.as_ref()?)))
        .collect();
    let others = [step.run.as_ref(), step.pause.as_ref(), step.lift.as_ref()];
    let mut actions: Vec<&Range<usize>> = requests.iter().map(|(_, text)| &text.span).collect();
    actions.extend(others.into_iter().flatten().map(|text| &text.span));
    actions.extend(step.fault.as_ref().map(|fault| &fault.span));
    const HINT: &str = "give exactly one of a method with its path (`get = \"/path\"`), `run`, `pause`, `fault`, `lift`";
    match actions.as_slice() {
        // Of a file that lost keys, a method may be among them.
        [] if doc.incomplete || !checks_what_was_collected(step) => {
            if !doc.incomplete {
                found.error_with(doc.place(&raw.span), "this step does nothing", HINT);
            }
            return None;
        }
        [] | [_] => {}
        [_, second, ..] => found.error_with(doc.place(second), "a step does one thing", HINT),
    }
    let name = step.name.as_ref();
    if let Some(name) = name.filter(|name| name.value.trim().is_empty()) {
        found.error(doc.at(name), "a step's name must not be empty");
    }
    let action = match requests.first() {
        Some((method, path)) => {
            DraftAction::Request(Box::new(request(doc, step, *method, path, found)?))
        }
        None => {
            belongs_to_request(doc, step, !actions.is_empty(), found);
            if actions.is_empty() {
                DraftAction::Check(step.expect.iter().map(|text| written(doc, text)).collect())
            } else {
                other(doc, raw, found)?
            }
        }
    };
    // The missing name is an error already; what the step captures is there all the same.
    let name = name.map_or_else(
        || written_at(doc, &format!("step {number}"), &raw.span),
        |name| written(doc, name),
    );
    Some(DraftStep { name, action })
}

/// Whether a step without an action is a check, and not one whose method was forgotten.
fn checks_what_was_collected(step: &Step) -> bool {
    let counts = |text: &Str| {
        ["count(", "distinct("].iter().any(|word| {
            let counted = text.value.trim_start().strip_prefix(word);
            counted.is_some_and(|counted| !counted.trim_start().starts_with('$'))
        })
    };
    step.expect.iter().any(counts)
}

fn other(doc: &Doc, raw: &At<Step>, found: &mut Findings) -> Option<DraftAction> {
    let step = &raw.value;
    if let Some(journey) = &step.run {
        return Some(DraftAction::Run(written(doc, journey)));
    }
    if let Some(pause) = &step.pause {
        return found.duration(doc, pause).map(DraftAction::Pause);
    }
    if let Some(fault) = &step.lift {
        let command = Command::Lift {
            fault: fault.value.clone(),
        };
        return Some(DraftAction::Command(command, written(doc, fault)));
    }
    let fault = step.fault.as_ref()?;
    let kinds = Kinds::of_break(&fault.value);
    let kind = kinds.resolve(doc, &fault.span, found);
    let (kind, to) = kind.map_or((None, None), |(kind, to)| (Some(kind), to));
    if to.is_some() {
        let hint = "a step's fault stays as it is until it is lifted; ramps are for scenarios";
        let message = "nothing says how long this ramp takes";
        found.error_with(doc.place(&fault.span), message, hint);
    }
    let reach = kinds.reach(doc, kind.as_ref(), found);
    let (on, text) = kinds.site(doc, &fault.span, kind.as_ref(), found)?;
    // A fault without a kind is an error already; the steps that lift it are none.
    let name = fault
        .value
        .name
        .as_ref()
        .or(step.name.as_ref())?
        .value
        .clone();
    Some(DraftAction::Command(
        Command::Arm {
            fault: name,
            on,
            kind: kind.unwrap_or(FaultKind::Down),
            reach: reach.unwrap_or_default(),
        },
        written(doc, text),
    ))
}

/// Keys that say something of a request, on a step that sends none; a check has expectations all the same.
fn belongs_to_request(doc: &Doc, step: &Step, expect_too: bool, found: &mut Findings) {
    let texts = [
        ("service", &step.service),
        ("text", &step.text),
        ("eventually", &step.eventually),
        ("every", &step.every),
        ("timeout", &step.timeout),
    ];
    let mut stray: Vec<(&str, &Range<usize>)> = texts
        .into_iter()
        .filter_map(|(key, text)| Some((key, &text.as_ref()?.span)))
        .collect();
    let tables = [("query", &step.query), ("headers", &step.headers)];
    stray.extend(
        tables
            .into_iter()
            .filter_map(|(key, table)| Some((key, &table.0.first()?.0.span))),
    );
    let captures = [("capture", &step.capture), ("collect", &step.collect)];
    stray.extend(
        captures
            .into_iter()
            .filter_map(|(key, table)| Some((key, &table.0.first()?.0.span))),
    );
    stray.extend(step.think.as_ref().map(|think| ("think", &think.span)));
    stray.extend(step.repeat.as_ref().map(|repeat| ("repeat", &repeat.span)));
    stray.extend(step.copies.as_ref().map(|copies| ("copies", &copies.span)));
    stray.extend(step.same.first().map(|text| ("same", &text.span)));
    stray.extend(
        step.exactly
            .0
            .first()
            .map(|(key, _)| ("exactly", &key.span)),
    );
    let expect = step.expect.first().filter(|_| expect_too);
    stray.extend(expect.map(|text| ("expect", &text.span)));
    stray.extend(step.json.as_ref().map(|json| ("json", &json.span)));
    stray.extend(step.form.as_ref().map(|form| ("form", &form.span)));
    for (key, span) in stray {
        found.error_with(
            doc.place(span),
            format!("`{key}` says something of a request, and this step sends none"),
            "move it to a step with a method",
        );
    }
}

fn request(
    doc: &Doc,
    step: &Step,
    method: Method,
    path: &Str,
    found: &mut Findings,
) -> Option<DraftRequest> {
    let bodies = [
        step.json.as_ref().map(|json| &json.span),
        step.text.as_ref().map(|text| &text.span),
        step.form.as_ref().map(|form| &form.span),
    ];
    if let [_, second, ..] = bodies.into_iter().flatten().collect::<Vec<_>>().as_slice() {
        found.error_with(
            doc.place(second),
            "a request has one body",
            "give one of `json`, `text`, `form`",
        );
    }
    if let (Some(every), None) = (&step.every, &step.eventually) {
        found.error_with(
            doc.at(every),
            "`every` without `eventually`: nothing is asked again",
            "add `eventually = \"5s\"`",
        );
    }
    if let (Some(text), []) = (&step.eventually, step.expect.as_slice()) {
        found.error_with(
            doc.at(text),
            "`eventually` without `expect`: there is nothing to wait for",
            "add `expect = [\"status == 200\"]`",
        );
    }
    let copies = copies(doc, step, found);
    let body = match (&step.json, &step.text, &step.form) {
        (Some(json), _, _) => {
            let mut strings = Vec::new();
            json.value.strings(&json.span, &mut strings);
            let strings = strings
                .into_iter()
                .map(|(text, span)| written_at(doc, text, &span))
                .collect();
            DraftBody::Json(json.value.to_json(), strings)
        }
        (None, Some(text), _) => DraftBody::Text(written(doc, text)),
        (None, None, Some(form)) => DraftBody::Form(pairs(doc, &form.value)),
        (None, None, None) => DraftBody::Empty,
    };
    let mut duration =
        |text: &Option<Str>| text.as_ref().and_then(|text| found.duration(doc, text));
    let (eventually, every) = (duration(&step.eventually), duration(&step.every));
    let timeout = duration(&step.timeout);
    let think = step.think.as_ref();
    let think = think.and_then(|think| think::resolve(doc, think, found));
    Some(DraftRequest {
        method,
        path: written(doc, path),
        service: step.service.as_ref().map(|service| written(doc, service)),
        query: pairs(doc, &step.query),
        headers: step
            .headers
            .iter()
            .map(|(key, value)| (written(doc, key), scalar(doc, value)))
            .collect(),
        body,
        expect: step.expect.iter().map(|text| written(doc, text)).collect(),
        captures: kept(doc, &step.capture),
        collect: kept(doc, &step.collect),
        repeat: step
            .repeat
            .as_ref()
            .and_then(|repeat| repeats(doc, &repeat.value)),
        copies,
        eventually,
        every,
        timeout,
        redirects: step.redirects,
        think,
    })
}

fn kept(doc: &Doc, table: &Named<String>) -> Vec<(Written, Written)> {
    table
        .iter()
        .map(|(key, from)| (written(doc, key), written_at(doc, &from.value, &from.span)))
        .collect()
}

/// A way back; what is missing is an error of form already.
fn repeats(doc: &Doc, raw: &Repeat) -> Option<DraftRepeat> {
    Some(DraftRepeat {
        from: raw.from.as_ref().map(|from| written(doc, from)),
        condition: written(doc, raw.condition.as_ref()?),
        captures: kept(doc, &raw.capture),
        at_most: raw.at_most.as_ref()?.value,
    })
}

fn copies(doc: &Doc, step: &Step, found: &mut Findings) -> Option<DraftCopies> {
    let Some(count) = &step.copies else {
        let same = step.same.first().map(|text| ("same", &text.span));
        let exactly = step.exactly.0.first();
        let exactly = exactly.map(|(key, _)| ("exactly", &key.span));
        for (key, span) in same.into_iter().chain(exactly) {
            found.error_with(
                doc.place(span),
                format!("`{key}` without `copies`: there is one answer"),
                "add `copies = 8`",
            );
        }
        return None;
    };
    Some(DraftCopies {
        count: (count.value, doc.at(count)),
        same: step.same.iter().map(|text| written(doc, text)).collect(),
        exactly: step
            .exactly
            .iter()
            .map(|(key, times)| (written(doc, key), times.value))
            .collect(),
    })
}
