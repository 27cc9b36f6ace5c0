//! The newest evidence of several runs of one release, put together. A run's parts are its journeys, its contracts and its
//! scenarios. Of each part the newest run that has it counts, and for each need the newest run that meets it; what a run
//! counts for is judged as if the run had been that alone, so that a part superseded by a newer run is in no figure. Items
//! of the same id then come together, and the worst of them stands.

mod needs;
mod parts;
mod weighed;

use super::{Item, Past, Readiness, Standing, checklist, decide, items};
use crate::date::{self, Date};
use crate::name::{Name, RunId};
use crate::plan::Plan;
use crate::plan::readiness::{Need, ReadinessPlan};
use crate::record::{Record, Tally};
use crate::verdict;
use needs::{changed, meet};
use parts::{Counted, Part, parts, words};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use weighed::Weighed;

/// Version of the release's shape in JSON; a change that breaks a reader raises it.
pub const FORMAT: u32 = 1;

/// Days by which a run may be dated ahead of the day asked about: clocks on either side of midnight.
const AHEAD: i64 = 1;

/// A run, and where its events lie.
#[derive(Debug, Clone)]
pub struct Run {
    /// What its events add up to.
    pub record: Record,
    /// Where they lie.
    pub source: Source,
}

/// A file of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its path, as people are told.
    pub path: String,
    /// SHA-256 of its bytes, hex.
    pub digest: String,
}

/// What is asked of the runs.
#[derive(Debug, Clone)]
pub struct Asked {
    /// What the suite says of releases now.
    pub settings: ReadinessPlan,
    /// The day.
    pub on: Date,
    /// What the suite needs, planned as its command would run it.
    pub wanted: Vec<Wanted>,
    /// What people must be told beside: runs that could not be read, and such.
    pub notices: Vec<String>,
}

/// A need, and the plan of the command that meets it.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// As written.
    pub need: Need,
    /// What it asks for.
    pub plan: Plan,
}

/// A release, judged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Release {
    /// [`FORMAT`].
    pub format: u32,
    /// The project.
    pub project: String,
    /// The release, if the runs have one.
    pub release: Option<Name>,
    /// The variant of all the runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<Name>,
    /// The day it was judged for.
    pub on: Date,
    /// The answer.
    pub readiness: Readiness,
    /// The runs it rests on, newest first.
    pub evidence: Vec<Evidence>,
    /// Figures for the trend.
    pub figures: Figures,
    /// What must be known beside.
    pub notices: Vec<String>,
    /// Releases before this one, the newest first.
    pub trend: Vec<Past>,
}

/// A run, and what it counts for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// The run.
    pub run: RunId,
    /// When it began, RFC 3339.
    pub date: String,
    /// Whole days from then to the day asked about.
    pub age_days: i64,
    /// Days that it counts at most.
    pub fresh_days: u32,
    /// Whether any of it is too old.
    pub stale: bool,
    /// Its file of events.
    pub path: String,
    /// SHA-256 of that file, hex.
    pub digest: String,
    /// The profile it ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<Name>,
    /// How its target was brought up.
    pub mode: &'static str,
    /// What it counts for, in words.
    pub parts: Vec<String>,
    /// Whether it came to its end.
    pub complete: bool,
}

/// Figures of undisturbed load over all the evidence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Figures {
    /// p95 of response times of all journeys together, microseconds.
    pub p95_us: Option<u64>,
    /// Share of journeys that ended badly by the target's doing.
    pub error_rate: Option<f64>,
}

/// Why a run is no evidence for what another run is of, if it is not.
pub fn misfit(run: &Record, first: &Record) -> Option<String> {
    let (Some(run), Some(first)) = (&run.run, &first.run) else {
        return Some("its events do not say what was run".to_owned());
    };
    let named = |name: &Option<Name>| name.as_ref().map_or("none", Name::as_str).to_owned();
    if run.plan.project != first.plan.project {
        let (its, other) = (&run.plan.project, &first.plan.project);
        return Some(format!("it is of project `{its}`, not of `{other}`"));
    }
    let (its, other) = (named(&run.release), named(&first.release));
    if its != other {
        return Some(format!("it is of release {its}, not of {other}"));
    }
    let (its, other) = (named(&run.plan.variant), named(&first.plan.variant));
    (its != other).then(|| format!("it is of variant {its}, not of {other}"))
}

/// Puts the newest evidence together and judges it. All runs must be of one project, release and variant: see [`misfit`].
pub fn gather(runs: &[Run], asked: &Asked) -> Release {
    let mut counted = in_order(runs, asked.on);
    newest(&mut counted, asked.settings.fresh_days);
    let mut unmet: Vec<Item> = Vec::new();
    for wanted in &asked.wanted {
        unmet.extend(meet(&mut counted, wanted));
    }
    counted.retain(|run| !run.parts.is_empty());

    let mut weighed = Weighed::default();
    // Gates on all load are for the runs that have load; where none has, each says that it saw nothing.
    let loaded = counted.iter().any(Counted::has_load);
    for run in &counted {
        weighed.add(run, asked, run.has_load() || !loaded);
    }
    let release = runs.first().and_then(|run| run.record.run.as_deref());
    let mut items = weighed.items;
    items.extend(unmet);
    for item in asked.wanted.iter().flat_map(|w| changed(&counted, w)) {
        items.retain(|known| known.id != item.id);
        items.push(item);
    }
    let named = release.and_then(|run| run.release.clone());
    for item in &mut items {
        release_command(item, named.as_ref());
        // A condition says what closes it; of what forbids shipping the reason must.
        if item.standing >= Standing::Stale {
            let command = item.closes_with.split(',').next().unwrap_or_default();
            item.reason = format!("{}; `{command}` brings it", item.reason);
        }
    }
    let states = checklist::states(&asked.settings, &items, named.as_ref(), Some(asked.on));
    items.extend(checklist::items(&states));
    let nearest = items::nearest(&weighed.verdicts);
    let readiness = Readiness {
        waivers: weighed.waivers,
        checklist: states,
        abort: weighed.abort,
        ..decide(items, &asked.settings, nearest.as_deref())
    };
    let mut notices = asked.notices.clone();
    if asked.wanted.is_empty() {
        let words = "nothing says what a release needs ([[readiness.needs]] in harness.toml): only what was run is weighed";
        notices.push(words.to_owned());
    }
    Release {
        format: FORMAT,
        project: release.map_or_else(String::new, |run| run.plan.project.clone()),
        release: named,
        variant: release.and_then(|run| run.plan.variant.clone()),
        on: asked.on,
        readiness,
        evidence: counted.iter().filter_map(evidence).collect(),
        figures: figures(&weighed.calm),
        notices,
        trend: Vec::new(),
    }
}

/// The runs, newest first.
fn in_order(runs: &[Run], on: Date) -> Vec<Counted<'_>> {
    let moment = |run: &Run| {
        let started = run.record.run.as_ref()?;
        Some((date::seconds(&started.date), started.run.clone()))
    };
    let mut sorted: Vec<&Run> = runs.iter().collect();
    sorted.sort_by_key(|run| std::cmp::Reverse(moment(run)));
    let age = |run: &Run| {
        let began = Date::of_time(&run.record.run.as_ref()?.date).ok()?;
        Some(on.since(began)).filter(|age| *age >= -AHEAD)
    };
    let counted = sorted.into_iter().map(|run| Counted {
        run,
        all: parts(&run.record),
        parts: BTreeMap::new(),
        age_days: age(run).map(|age| age.max(0)),
    });
    counted.collect()
}

/// Gives each part to the newest run that has it.
fn newest(counted: &mut [Counted<'_>], fresh_days: u32) {
    let mut given: BTreeSet<Part> = BTreeSet::new();
    for run in counted {
        for part in run.all.clone() {
            if given.insert(part.clone()) {
                run.takes(&part, fresh_days);
            }
        }
    }
}

/// A run that is to be evidence must say of which release.
fn release_command(item: &mut Item, release: Option<&Name>) {
    if let Some(release) = release
        && let Some(rest) = item.closes_with.strip_prefix("harness run")
    {
        let (command, after) = rest.split_once(',').unwrap_or((rest, ""));
        let joint = if after.is_empty() { "" } else { "," };
        item.closes_with = format!("harness run{command} --release {release}{joint}{after}");
    }
}

fn evidence(counted: &Counted<'_>) -> Option<Evidence> {
    let record = &counted.run.record;
    let run = record.run.as_deref()?;
    let too_old = |days: &u32| counted.age_days.is_none_or(|age| age > i64::from(*days));
    Some(Evidence {
        run: run.run.clone(),
        date: run.date.clone(),
        age_days: counted.age_days.unwrap_or(i64::MAX),
        fresh_days: counted.fresh_days(),
        stale: counted.parts.values().any(too_old),
        path: counted.run.source.path.clone(),
        digest: counted.run.source.digest.clone(),
        profile: run.plan.profile.clone(),
        mode: run.plan.target.mode.as_str(),
        parts: words(counted.parts.keys()),
        complete: record.end.is_some() && !record.cancelled,
    })
}

fn figures(calm: &Tally) -> Figures {
    Figures {
        p95_us: calm.response.quantile(0.95),
        error_rate: verdict::error_rate(calm),
    }
}
