//! A browser's recording (HTTP archive 1.2) as one journey. What only the browser needs is left out, and said.

use super::{Body, Draft, ImportError, Imported, Step, captures, literal};
use harness_core::http::Method;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The longest pause taken as think time.
const MOST_THINK: Duration = Duration::from_secs(30);
/// Shorter ones are the browser's own.
const LEAST_THINK: Duration = Duration::from_millis(100);
/// Entries taken at most.
const MOST_ENTRIES: usize = 2000;

/// Headers that a browser sends for itself.
const BROWSERS: [&str; 16] = [
    "accept-encoding",
    "accept-language",
    "cache-control",
    "dnt",
    "if-modified-since",
    "if-none-match",
    "origin",
    "pragma",
    "priority",
    "referer",
    "te",
    "traceparent",
    "tracestate",
    "upgrade-insecure-requests",
    "user-agent",
    "x-client-data",
];

/// Whether a header says how a message is sent, which a client does by itself.
pub(super) fn is_framing(name: &str) -> bool {
    let framing = [
        "content-length",
        "transfer-encoding",
        "connection",
        "upgrade",
        "keep-alive",
        "proxy-connection",
    ];
    framing.contains(&name)
}

/// What of an archive is wanted.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted {
    /// Pictures, styles, scripts and fonts too.
    pub(crate) with_static: bool,
    /// Pauses as think times.
    pub(crate) think: bool,
}

/// Makes a journey of an archive.
pub(crate) fn import(text: &str, name: &str, wanted: Wanted) -> Result<Imported, ImportError> {
    let archive = parse(text)?;
    let entries = entries(&archive)?;
    let mut left = BTreeMap::new();
    let mut imported = Imported::default();
    let mut taken: Vec<(&Value, String, Step)> = Vec::new();
    let mut set = BTreeSet::new();
    for (at, entry) in entries.iter().enumerate() {
        if taken.len() == MOST_ENTRIES {
            *left.entry("beyond the first 2000").or_insert(0) += entries.len() - at;
            break;
        }
        match read(entry, at, wanted, &set)? {
            Ok((base, step)) => taken.push((entry, base, step)),
            Err(why) => *left.entry(why).or_insert(0) += 1,
        }
        set.extend(cookies_set(entry));
    }
    if taken.is_empty() {
        return Err(ImportError {
            place: "log.entries".into(),
            message: format!(
                "nothing is left of {} entries{}",
                entries.len(),
                told(&left)
            ),
            hint: "pictures, styles and scripts are taken with --static".into(),
        });
    }
    if wanted.think {
        think(&mut taken);
    }
    let answers: Vec<Option<Value>> = taken.iter().map(|(entry, ..)| answer(entry)).collect();
    let steps = taken.into_iter().map(|(_, base, step)| (base, step));
    let mut steps = super::spread(&mut imported, steps.collect());
    super::name_steps(&mut steps);
    let captured = captures::find(&mut steps, &answers);
    super::name_steps(&mut steps);
    if !captured.is_empty() {
        imported
            .notes
            .push(format!("captured from answers: {}", captured.join(", ")));
    }
    if !left.is_empty() {
        let all: usize = left.values().sum();
        imported.notes.push(format!(
            "{all} of {} entries are left out{}",
            entries.len(),
            told(&left)
        ));
    }
    imported.journeys.push(Draft {
        name: name.to_owned(),
        title: title(&archive, &steps[0]),
        steps,
        ..Draft::default()
    });
    Ok(imported)
}

fn parse(text: &str) -> Result<Value, ImportError> {
    serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| ImportError {
        place: format!("line {}, column {}", error.line(), error.column()),
        message: "the archive is not JSON".into(),
        hint: "save it anew: in the browser's network panel, `Save all as HAR`".into(),
    })
}

/// What the archive recorded, in its order.
fn entries(archive: &Value) -> Result<&Vec<Value>, ImportError> {
    let entries = archive.pointer("/log/entries").and_then(Value::as_array);
    entries.ok_or_else(|| ImportError {
        place: "the top".into(),
        message: "there is no list `log.entries`: this is no HTTP archive".into(),
        hint: "save it in the browser's network panel, `Save all as HAR`".into(),
    })
}

fn told(left: &BTreeMap<&str, usize>) -> String {
    let parts: Vec<_> = left.iter().map(|(why, n)| format!("{n} {why}")).collect();
    if parts.is_empty() {
        String::new()
    } else {
        format!(": {}", parts.join(", "))
    }
}

fn title(archive: &Value, first: &Step) -> String {
    let page = archive
        .pointer("/log/pages/0/title")
        .and_then(Value::as_str);
    match page
        .map(str::trim)
        .filter(|title| !title.is_empty() && !title.contains("://"))
    {
        Some(title) => title
            .chars()
            .filter(|c| !c.is_control())
            .take(120)
            .collect(),
        None => format!("Recorded: {}", first.name),
    }
}

/// What came of an entry: a step with its address, or why it is left out.
type Taken = Result<(String, Step), &'static str>;

fn read(
    entry: &Value,
    at: usize,
    wanted: Wanted,
    set: &BTreeSet<String>,
) -> Result<Taken, ImportError> {
    let fail = |message: &str| ImportError {
        place: format!("log.entries[{at}]"),
        message: message.to_owned(),
        hint: "the archive may be cut short: save it anew".into(),
    };
    let of = |pointer: &str| entry.pointer(pointer).and_then(Value::as_str);
    let method = of("/request/method").ok_or_else(|| fail("the entry has no request.method"))?;
    let url = of("/request/url").ok_or_else(|| fail("the entry has no request.url"))?;
    let status = entry
        .pointer("/response/status")
        .and_then(Value::as_i64)
        .unwrap_or(0);
    let Some((base, path)) = super::split(url) else {
        return Ok(Err("not http"));
    };
    let Some(method) = Method::parse(method).filter(|m| *m != Method::Trace) else {
        return Ok(Err("with another method"));
    };
    if method == Method::Options {
        return Ok(Err("CORS preflights"));
    }
    if status == 101 || of("/_resourceType") == Some("websocket") {
        return Ok(Err("WebSockets"));
    }
    if !(100..600).contains(&status) {
        return Ok(Err("without an answer"));
    }
    if !wanted.with_static && is_static(entry, &path) {
        return Ok(Err("pictures, styles, scripts and fonts"));
    }
    let (_, authority) = base.split_once("://").unwrap_or_default();
    if authority.contains('@') {
        return Err(fail("the URL holds a user or a password"));
    }
    let mut step = Step::new(method, literal(&path.replace(' ', "%20")));
    step.headers = headers(entry, set);
    step.body = match body(entry) {
        Ok(body) => body,
        Err(why) => return Ok(Err(why)),
    };
    step.expect = match status {
        // What would let the server say so is left out.
        304 => vec!["status in [200, 304]".to_owned()],
        status => vec![format!("status == {status}")],
    };
    Ok(Ok((base.to_owned(), step)))
}

fn is_static(entry: &Value, path: &str) -> bool {
    let kind = entry
        .pointer("/response/content/mimeType")
        .and_then(Value::as_str);
    let kind = kind.unwrap_or_default().to_ascii_lowercase();
    let kinds = [
        "image/",
        "font/",
        "video/",
        "audio/",
        "text/css",
        "javascript",
        "ecmascript",
        "application/wasm",
        "font-woff",
    ];
    let file = path
        .split('?')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let ends = [
        ".png", ".jpg", ".jpeg", ".gif", ".svg", ".ico", ".webp", ".avif", ".css", ".js", ".mjs",
        ".map", ".woff", ".woff2", ".ttf", ".otf", ".wasm",
    ];
    kinds.iter().any(|part| kind.contains(part)) || ends.iter().any(|end| file.ends_with(end))
}

/// (name, value) pairs of a list of an entry, names in lower case.
fn pairs<'e>(entry: &'e Value, pointer: &str) -> impl Iterator<Item = (String, &'e str)> {
    let list = entry.pointer(pointer).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(|pair| {
        let name = pair.get("name")?.as_str()?.to_ascii_lowercase();
        Some((name, pair.get("value")?.as_str()?))
    })
}

fn headers(entry: &Value, set: &BTreeSet<String>) -> BTreeMap<String, String> {
    let mut headers = BTreeMap::new();
    for (name, value) in pairs(entry, "/request/headers") {
        let browsers =
            BROWSERS.contains(&&*name) || name.starts_with("sec-") || name.starts_with(':');
        if browsers || is_framing(&name) || name == "host" || name == "cookie" {
            continue;
        }
        headers.insert(name, literal(value));
    }
    let given = pairs(entry, "/request/headers").find(|(name, _)| name == "cookie");
    let given = given.map_or("", |(_, value)| value);
    // Those that an answer has set come by themselves: a journey keeps its cookies.
    let own: Vec<_> = given
        .split(';')
        .map(str::trim)
        .filter(|cookie| !cookie.is_empty())
        .filter(|cookie| !set.contains(cookie.split('=').next().unwrap_or_default()))
        .collect();
    if !own.is_empty() {
        headers.insert("cookie".to_owned(), literal(&own.join("; ")));
    }
    headers
}

/// Names of the cookies an answer sets.
fn cookies_set(entry: &Value) -> Vec<String> {
    let headers = pairs(entry, "/response/headers").filter(|(name, _)| name == "set-cookie");
    // A browser writes several into one header, line by line.
    let lines = headers.flat_map(|(_, value)| value.lines());
    let names = lines.filter_map(|line| Some(line.split_once('=')?.0.trim().to_owned()));
    names.collect()
}

fn body(entry: &Value) -> Result<Body, &'static str> {
    let Some(data) = entry.pointer("/request/postData") else {
        return Ok(Body::None);
    };
    let kind = data
        .get("mimeType")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if kind.contains("multipart/") {
        return Err("forms with files");
    }
    if let Some(text) = data.get("text").and_then(Value::as_str) {
        return Ok(Body::of(text, Some(kind)));
    }
    let encode = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let fields = data.get("params").and_then(Value::as_array);
    let fields: Vec<_> = fields
        .into_iter()
        .flatten()
        .filter_map(|field| {
            let value = field
                .get("value")
                .and_then(Value::as_str)
                .unwrap_or_default();
            Some(format!(
                "{}={}",
                encode(field.get("name")?.as_str()?),
                encode(value)
            ))
        })
        .collect();
    Ok(if fields.is_empty() {
        Body::None
    } else {
        Body::Text(literal(&fields.join("&")))
    })
}

/// An answer's JSON.
fn answer(entry: &Value) -> Option<Value> {
    let content = entry.pointer("/response/content")?;
    if content
        .get("encoding")
        .is_some_and(|encoding| encoding == "base64")
    {
        use base64::Engine as _;
        let text = content.get("text")?.as_str()?;
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(text)
            .ok()?;
        return serde_json::from_slice(&bytes).ok();
    }
    serde_json::from_str(content.get("text")?.as_str()?).ok()
}

/// Pauses from the end of an entry to the begin of the next.
fn think(taken: &mut [(&Value, String, Step)]) {
    let begin = |entry: &Value| -> Option<jiff::Timestamp> {
        entry.get("startedDateTime")?.as_str()?.parse().ok()
    };
    for at in 1..taken.len() {
        let (before, after) = (taken[at - 1].0, taken[at].0);
        let took = before
            .get("time")
            .and_then(Value::as_f64)
            .unwrap_or(0.0)
            .max(0.0);
        let (Some(from), Some(to)) = (begin(before), begin(after)) else {
            continue;
        };
        let between = (to.as_millisecond() - from.as_millisecond()) as f64 - took;
        let rounded = (between / 100.0).round() * 100.0;
        if rounded >= LEAST_THINK.as_millis() as f64 {
            let pause = Duration::from_millis(rounded as u64).min(MOST_THINK);
            taken[at - 1].2.think = Some(pause);
        }
    }
}

#[cfg(test)]
#[path = "har_tests.rs"]
mod tests;
