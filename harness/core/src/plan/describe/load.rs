//! A load told to people: who arrives, by which stages, over what. Presets and staircases are told as the stages they
//! became.

use crate::plan::load::{
    ClosedPlan, Cookies, Engine, HttpPlan, HttpVersion, Iterations, LoadPlan, Lookup, Model,
    OpenPlan, Reuse, Spacing,
};
use crate::plan::shape::units_rate;
use crate::units::format_duration;
use std::fmt::Write as _;
use std::time::Duration;

/// Stages told of one schedule; of more, the rest is counted.
const TOLD: usize = 12;

/// The load as lines; `fresh` as said of its target.
pub(super) fn load(out: &mut String, load: &LoadPlan, fresh: &str) -> std::fmt::Result {
    let weights: f64 = load.mix.iter().map(|entry| entry.weight).sum();
    let mix: Vec<String> = load
        .mix
        .iter()
        .map(|e| format!("{} {:.0} %", e.journey, e.weight / weights * 100.0))
        .collect();
    let (mix, lasts) = (mix.join(", "), format_duration(load.duration()));
    match &load.model {
        Model::Open(open) => {
            let planned = load.planned().unwrap_or_default();
            let about = match open.spacing {
                Spacing::Even => "",
                Spacing::Poisson => "about ",
            };
            writeln!(
                out,
                "  {mix} for {lasts}, {about}{planned:.0} journeys{fresh}"
            )?;
            self::open(out, open)?;
        }
        Model::Closed(closed) => {
            let (users, steady) = (load.users().unwrap_or_default(), is_steady(closed));
            let much = match closed.iterations {
                None if steady => format!("{} for {lasts}", users_of(users)),
                None => format!("up to {} for {lasts}", users_of(users)),
                Some(Iterations::PerUser(each)) if users > 1 => {
                    format!("{each} journeys by each of {users} users, within {lasts}")
                }
                Some(Iterations::Shared(all) | Iterations::PerUser(all)) => {
                    format!("{all} journeys by {}, within {lasts}", users_of(users))
                }
            };
            writeln!(out, "  {mix}, {much}{fresh}")?;
            self::closed(out, closed)?;
        }
        Model::Search(search) => {
            let trial = format_duration(search.trial);
            writeln!(out, "  {mix}, a search of at most {lasts}{fresh}")?;
            writeln!(out, "  {}", search.goal)?;
            writeln!(
                out,
                "  from {} to at most {}, each rate judged for {trial}, ends within {:.0} %",
                units_rate(search.from.get()),
                units_rate(search.up_to.get()),
                search.precision * 100.0
            )?;
        }
    }
    if let Some(think) = load.think {
        writeln!(out, "  think time {think} after steps without one")?;
    }
    if !load.warm_up.is_zero() {
        let warm_up = format_duration(load.warm_up);
        writeln!(out, "  warm-up of {warm_up}, judged by no gate")?;
    }
    let rules = http(&load.http);
    if !rules.is_empty() {
        writeln!(out, "  {}", rules.join(", "))?;
    }
    Ok(())
}

fn open(out: &mut String, open: &OpenPlan) -> std::fmt::Result {
    if open.spacing == Spacing::Poisson {
        writeln!(out, "  Poisson arrivals, drawn from the seed")?;
    }
    for stream in &open.streams {
        let lines = stream.stages.iter().map(|stage| {
            let rates = (units_rate(stage.from.get()), units_rate(stage.to.get()));
            line(rates, stage.lasts)
        });
        match &stream.journey {
            None if stream.stages.iter().all(|s| s.from == s.to) && stream.stages.len() < 2 => {}
            None => stages(out, "", lines)?,
            Some(journey) => stages(out, &format!("{journey}: "), lines)?,
        }
    }
    Ok(())
}

fn closed(out: &mut String, closed: &ClosedPlan) -> std::fmt::Result {
    if !is_steady(closed) {
        let lines = closed.users.iter().map(|stage| {
            let users = (users_of(stage.from), users_of(stage.to));
            line(users, stage.lasts)
        });
        stages(out, "", lines)?;
    }
    let mut rules = Vec::new();
    if !closed.pacing.is_zero() {
        let pacing = format_duration(closed.pacing);
        rules.push(format!("a user starts at most one journey every {pacing}"));
    }
    if closed.cookies == Cookies::Journey {
        rules.push("cookies end with the journey".to_owned());
    }
    if closed.engine == Engine::Goose {
        rules.push("played by Goose".to_owned());
    }
    if !rules.is_empty() {
        writeln!(out, "  {}", rules.join(", "))?;
    }
    Ok(())
}

/// Whether the number of users is the same throughout.
fn is_steady(closed: &ClosedPlan) -> bool {
    closed.users.len() < 2 && closed.users.iter().all(|s| s.from == s.to)
}

/// Stages as a list that breaks between them.
fn stages(
    out: &mut String,
    name: &str,
    lines: impl ExactSizeIterator<Item = String>,
) -> std::fmt::Result {
    let more = lines.len().saturating_sub(TOLD);
    let mut told: Vec<String> = lines.take(TOLD).collect();
    if more > 0 {
        told.push(format!("and {more} more"));
    }
    let (mut row, mut rows) = (format!("  {name}"), Vec::new());
    let last = told.len() - 1;
    for (index, mut words) in told.into_iter().enumerate() {
        if index < last {
            words.push_str(", ");
        }
        if row.chars().count() + words.trim_end().chars().count() > 98 {
            rows.push(std::mem::replace(&mut row, "    ".to_owned()));
        }
        row.push_str(&words);
    }
    rows.push(row);
    rows.iter()
        .try_for_each(|row| writeln!(out, "{}", row.trim_end()))
}

/// `50/s to 500/s over 20s`, `500/s for 1m`.
fn line((from, to): (String, String), lasts: Duration) -> String {
    let lasts = format_duration(lasts);
    if from == to {
        format!("{from} for {lasts}")
    } else {
        format!("{from} to {to} over {lasts}")
    }
}

fn users_of(users: u32) -> String {
    match users {
        1 => "1 user".to_owned(),
        users => format!("{users} users"),
    }
}

/// What differs from the usual rules for connections.
fn http(http: &HttpPlan) -> Vec<String> {
    let usual = HttpPlan::default();
    let mut rules = Vec::new();
    if http.connections != usual.connections {
        rules.push(format!("{} connections at most", http.connections));
    }
    match http.reuse {
        Reuse::Pool => {}
        Reuse::User => rules.push("each user its own connection".to_owned()),
        Reuse::Never => rules.push("a new connection for each request".to_owned()),
    }
    match http.version {
        HttpVersion::Auto => {}
        HttpVersion::Http1 => rules.push("HTTP/1.1".to_owned()),
        HttpVersion::Http2 => rules.push("HTTP/2".to_owned()),
    }
    if http.streams != usual.streams {
        rules.push(format!("{} streams on an HTTP/2 connection", http.streams));
    }
    if http.lookup == Lookup::Connection {
        rules.push("names looked up for each connection".to_owned());
    }
    if !http.resumption {
        rules.push("no TLS session resumed".to_owned());
    }
    rules
}
