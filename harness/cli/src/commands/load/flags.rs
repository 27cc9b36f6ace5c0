//! From the flags of `harness load` to the texts of a suite. Pure: files were read before, and what the suite's own
//! reader says better (expressions, gates) is left to it.

use crate::args::LoadArgs;
use crate::commands::adhoc::{self, Headers};
use crate::error::CliError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harness_core::http::Method;
use harness_core::units::{Rate, format_duration, parse_duration};
use serde_json::{Map, Value, json};
use std::path::Path;
use std::time::Duration;

/// Users of a closed model that nobody chose.
const USERS: u32 = 50;
/// How long a load lasts that nobody said.
const LASTS: Duration = Duration::from_secs(10);
/// How long a number of requests may take if nobody said.
const LIMIT: Duration = Duration::from_mins(10);

/// A suite made of flags.
#[derive(Debug)]
pub(super) struct Translated {
    /// Its files, by name.
    pub(super) files: Vec<(&'static str, Value)>,
    /// What is worth saying before it runs.
    pub(super) notes: Vec<String>,
}

/// Makes the suite. `body` is what `--data` or `--data-file` say; `at` the folder that paths count from.
pub(super) fn translate(
    args: &LoadArgs,
    body: Option<&str>,
    at: &Path,
) -> Result<Translated, CliError> {
    adhoc::without_userinfo(&args.url)?;
    let (base, path) = adhoc::split(&args.url)?;
    let path = path.split('#').next().unwrap_or_default();
    let path = if path.is_empty() { "/" } else { path };
    let method = method(args, body)?;
    let headers = headers(args)?;
    let title = format!("{method} {}", args.url);
    let mut step = Map::new();
    step.insert("name".into(), json!("request"));
    step.insert(method.as_str().to_ascii_lowercase(), json!(path));
    step.insert("headers".into(), headers.texts);
    step.insert("expect".into(), json!(args.judged.expect));
    if let Some(body) = body {
        step.insert("text".into(), json!(body));
    }
    let mut scenario = Map::new();
    scenario.insert("title".into(), json!(title));
    scenario.insert("load".into(), load(args)?);
    scenario.insert("gate".into(), gates(args));
    let journey = json!({ "title": title, "tags": ["load-only"], "step": [step] });
    Ok(Translated {
        files: vec![
            ("harness.toml", config(args, base, headers.secrets, at)?),
            ("scenarios/load.toml", Value::Object(scenario)),
            ("scenarios/journeys/url.toml", journey),
        ],
        notes: notes(args, base),
    })
}

/// The method: as said, else POST with a body as curl does, else GET.
fn method(args: &LoadArgs, body: Option<&str>) -> Result<Method, CliError> {
    let Some(text) = &args.request.method else {
        // wrk's and k6's `-d 30s`; nobody sends `30s` as a body without saying how.
        if let Some(lasts) = args.request.data.as_deref().filter(|d| is_time(d)) {
            return Err(CliError::usage(
                format!("`-d {lasts}` is a body here, as in oha, hey and curl"),
                format!(
                    "for how long is `-z {lasts}`; to send `{lasts}`, say the method too: -m POST"
                ),
            ));
        }
        return Ok(match body {
            Some(_) => Method::Post,
            None => Method::Get,
        });
    };
    let known = Method::ALL.into_iter().filter(|m| *m != Method::Trace);
    let names: Vec<_> = known.clone().map(Method::as_str).collect();
    known
        .into_iter()
        .find(|m| m.as_str().eq_ignore_ascii_case(text))
        .ok_or_else(|| {
            CliError::usage(
                format!("`{text}` is not a method a load can send"),
                format!("one of: {}", names.join(", ")),
            )
        })
}

fn is_time(text: &str) -> bool {
    text != "0" && parse_duration(text).is_ok()
}

/// A time as typed; a bare number is seconds, as all those tools have it.
fn time(flag: &str, text: &str) -> Result<Duration, CliError> {
    let text = text.trim();
    let bare = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let with_unit = if bare {
        format!("{text}s")
    } else {
        text.to_owned()
    };
    let time = parse_duration(&with_unit)
        .map_err(|error| CliError::usage(format!("{flag}: {error}"), ""))?;
    if time.is_zero() {
        return Err(CliError::usage(
            format!("{flag}: `{text}` is no time at all"),
            "a load ends by its time or its number of requests, or by Ctrl-C before",
        ));
    }
    Ok(time)
}

/// The headers of all flags, with what must not be shown taken out.
fn headers(args: &LoadArgs) -> Result<Headers, CliError> {
    let request = &args.request;
    let mut given = request.headers.clone();
    let says = |name: &str| {
        request
            .headers
            .iter()
            .filter_map(|header| header.split_once(':'))
            .any(|(n, _)| n.trim().eq_ignore_ascii_case(name))
    };
    let more = [
        ("content-type", "-T", request.content_type.clone()),
        ("host", "--host", request.host.clone()),
        (
            "authorization",
            "-a",
            request.basic_auth.as_deref().map(basic),
        ),
    ];
    for (name, flag, value) in more {
        let Some(value) = value else { continue };
        if says(name) {
            return Err(CliError::usage(
                format!("the header {name} is given twice: by {flag} and by -H"),
                "leave one out",
            ));
        }
        given.push(format!("{name}: {value}"));
    }
    let mut headers = adhoc::headers(&given)?;
    let password = request
        .basic_auth
        .as_deref()
        .and_then(|auth| auth.split_once(':'))
        .map_or("", |(_, password)| password);
    // A target may repeat what it was sent in plain. A shorter one can't be looked for: it occurs by chance.
    if password.chars().count() >= harness_core::secret::SHORTEST {
        headers.add_secret("password", "HARNESS_PASSWORD", password);
    }
    Ok(headers)
}

/// RFC 7617. A user alone has an empty password.
fn basic(auth: &str) -> String {
    let colon = if auth.contains(':') { "" } else { ":" };
    format!("Basic {}", STANDARD.encode(format!("{auth}{colon}")))
}

/// A load that nothing judges would pass with every answer wrong.
fn gates(args: &LoadArgs) -> Value {
    let default = ["error_rate < 1%".to_owned()];
    let judged_by = if args.judged.gate.is_empty() {
        &default[..]
    } else {
        &args.judged.gate[..]
    };
    judged_by
        .iter()
        .map(|gate| json!({ "expect": gate }))
        .collect()
}

/// The table `[load]`.
fn load(args: &LoadArgs) -> Result<Value, CliError> {
    let shape = &args.shape;
    let mut load = match rate(args)? {
        Some(ends) => open(args, ends)?,
        None => closed(args)?,
    };
    let http = http(args, load.contains_key("users"));
    let mut put = |key: &str, value: Value| drop(load.insert(key.to_owned(), value));
    put("mix", json!({ "url": 1 }));
    put("sample", json!(0.0));
    if let Some(warm_up) = &shape.warm_up {
        put(
            "warm_up",
            json!(format_duration(time("--warm-up", warm_up)?)),
        );
    }
    if let Some(think) = &shape.think {
        put("think", self::think(think));
    }
    if !http.is_empty() {
        put("http", Value::Object(http));
    }
    Ok(Value::Object(load))
}

/// A think time as a suite has it; what is wrong with it is told there.
fn think(text: &str) -> Value {
    match text.trim().split_once(':') {
        Some((kind, mean)) if kind.trim() == "exponential" => json!({ "exponential": mean.trim() }),
        _ => json!(text),
    }
}

/// The rate at the load's begin and at its end; none for `0`, which is "no limit" in oha and hey.
fn rate(args: &LoadArgs) -> Result<Option<(Rate, Rate)>, CliError> {
    let Some(text) = args.shape.rate.as_deref().map(str::trim) else {
        return Ok(None);
    };
    let one = |text: &str| -> Result<Rate, CliError> {
        let text = text.trim();
        let bare = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let per = if bare { "/s" } else { "" };
        format!("{text}{per}")
            .parse()
            .map_err(|error| CliError::usage(format!("--rate: {error}"), ""))
    };
    let (from, to) = text.split_once("..").unwrap_or((text, text));
    let (from, to) = (one(from)?, one(to)?);
    Ok((from.get() + to.get() > 0.0).then_some((from, to)))
}

fn open(args: &LoadArgs, (from, to): (Rate, Rate)) -> Result<Map<String, Value>, CliError> {
    let shape = &args.shape;
    let lasts = match (&shape.lasts, shape.requests) {
        (Some(_), Some(_)) => {
            return Err(CliError::usage(
                "with --rate, --requests and --duration say the same thing twice",
                "leave one out: the other follows from the rate",
            ));
        }
        (Some(lasts), None) => time("--duration", lasts)?,
        (None, Some(_)) if shape.arrivals.as_deref() == Some("poisson") => {
            return Err(CliError::usage(
                "--requests is an exact number, and how many Poisson arrivals there are is drawn",
                "say for how long instead: -z 30s",
            ));
        }
        (None, Some(requests)) => long_enough(requests, (from, to))?,
        (None, None) => LASTS,
    };
    let rate = if from == to {
        from.to_string()
    } else {
        format!("{from}..{to}")
    };
    let mut load = Map::new();
    load.insert("model".into(), json!("open"));
    load.insert("rate".into(), json!(rate));
    load.insert("for".into(), json!(format_duration(lasts)));
    if let Some(arrivals) = &shape.arrivals {
        load.insert("arrivals".into(), json!(arrivals));
    }
    Ok(load)
}

/// How long a rate needs for so many arrivals: those of a schedule are the integral of its rate.
fn long_enough(requests: u64, (from, to): (Rate, Rate)) -> Result<Duration, CliError> {
    let seconds = requests as f64 / f64::midpoint(from.get(), to.get());
    if seconds > 86_400.0 * 366.0 {
        return Err(CliError::usage(
            format!("{requests} requests at that rate take more than a year"),
            "raise --rate or lower --requests",
        ));
    }
    Ok(Duration::from_secs_f64(seconds).max(Duration::from_nanos(1)))
}

fn closed(args: &LoadArgs) -> Result<Map<String, Value>, CliError> {
    let shape = &args.shape;
    let given = shape
        .lasts
        .as_deref()
        .map(|lasts| time("--duration", lasts));
    let lasts = given.transpose()?;
    let mut users = shape.connections.unwrap_or(USERS);
    let mut load = Map::new();
    load.insert("model".into(), json!("closed"));
    if let Some(requests) = shape.requests {
        // A user without a request would be one too many.
        users = users.min(u32::try_from(requests).unwrap_or(u32::MAX));
        load.insert("iterations".into(), json!(requests));
    }
    let lasts = lasts.unwrap_or(if shape.requests.is_some() {
        LIMIT
    } else {
        LASTS
    });
    load.insert("users".into(), json!(users));
    load.insert("for".into(), json!(format_duration(lasts)));
    // Each request stands for itself, as in all those tools: a cookie that is set comes back in none.
    load.insert("cookies".into(), json!("journey"));
    Ok(load)
}

/// The table `[load.http]`.
fn http(args: &LoadArgs, closed: bool) -> Map<String, Value> {
    let wire = &args.wire;
    let mut http = Map::new();
    let mut put = |key: &str, value: Value| drop(http.insert(key.to_owned(), value));
    if let Some(connections) = args.shape.connections {
        put("connections", json!(connections));
    } else if closed {
        put("connections", json!(USERS));
    }
    if wire.http2 {
        put("version", json!("2"));
        // With a connection for each request there is one on it anyway.
        if !wire.disable_keepalive {
            put("streams", json!(wire.streams.unwrap_or(1)));
        }
    } else if wire.http1 {
        put("version", json!("1.1"));
    }
    if wire.disable_keepalive {
        put("reuse", json!("never"));
    }
    http
}

fn config(args: &LoadArgs, base: &str, secrets: Value, at: &Path) -> Result<Value, CliError> {
    let mut config = adhoc::suite(base, secrets);
    let timeout = args.request.timeout.as_deref();
    let timeout = timeout.map_or(Ok(LASTS), |text| time("--timeout", text))?;
    config["http"] = json!({
        "traceparent": args.request.traceparent,
        "timeout": format_duration(timeout),
        "redirects": args.request.redirects.unwrap_or(0),
    });
    let target = &mut config["target"];
    let path = |path: &Path| json!(at.join(path).display().to_string());
    let wire = &args.wire;
    if let Some(socket) = &wire.unix_socket {
        target["socket"] = path(socket);
    }
    for (key, name, _) in pems(args) {
        only_https(base, if key == "ca" { "--cacert" } else { "--cert" })?;
        target["tls"][key] = json!(name);
    }
    if wire.insecure && base.starts_with("https://") {
        target["tls"]["insecure"] = json!(true);
    }
    Ok(config)
}

/// The certificates that flags name: the key they stand under, what the suite calls them, and where they lie.
pub(super) fn pems(args: &LoadArgs) -> impl Iterator<Item = (&'static str, &'static str, &Path)> {
    let wire = &args.wire;
    let files = [
        ("ca", "cacert.pem", &wire.cacert),
        ("cert", "cert.pem", &wire.cert),
        ("key", "key.pem", &wire.key),
    ];
    let named = files.into_iter();
    named.filter_map(|(key, name, file)| Some((key, name, file.as_deref()?)))
}

fn only_https(base: &str, flag: &str) -> Result<(), CliError> {
    if base.starts_with("https://") {
        return Ok(());
    }
    Err(CliError::usage(
        format!("{flag} is for https, and the URL says http://"),
        "write https:// or leave it out",
    ))
}

fn notes(args: &LoadArgs, base: &str) -> Vec<String> {
    let mut notes = Vec::new();
    if let (Some(typed), Ok(None)) = (&args.shape.rate, rate(args)) {
        notes.push(format!(
            "--rate {typed} is no limit, as in oha and hey: each user sends as soon as it has its answer (closed model)"
        ));
    }
    if args.wire.insecure && !base.starts_with("https://") {
        notes.push("-k (--insecure) has nothing to do over http://; connections are kept alive as they are, if it is ab's -k that is meant".to_owned());
    }
    notes
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
