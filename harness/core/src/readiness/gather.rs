//! The newest evidence of several runs of one release, put together. A run's parts are its journeys, its contracts and its
//! scenarios. Of each part the newest run that has it counts, and for each need the newest run that meets it; what a run
//! counts for is judged as if the run had been that alone, so that a part superseded by a newer run is in no figure. Items
//! of the same id then come together, and the worst of them stands.

use super::items;
use super::waivers::{self, Context, WaiverState};
use super::{AbortThreshold, Item, Past, Readiness, Standing, checklist, decide, thresholds};
use crate::date::{self, Date};
use crate::event::RunEnd;
use crate::name::{Name, RunId};
use crate::plan::gate::During;
use crate::plan::readiness::{Need, Needed, ReadinessPlan};
use crate::plan::{Plan, ScenarioPlan};
use crate::record::{Record, Tally};
use crate::verdict::{self, Grade, Verdict};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

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

/// A part of a run that can be evidence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Journey(Name),
    Contract(Name),
    Scenario(Name),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Journey(name) => write!(f, "journey {name}"),
            Self::Contract(name) => write!(f, "contract {name}"),
            Self::Scenario(name) => write!(f, "scenario {name}"),
        }
    }
}

fn planned(plan: &Plan) -> impl Iterator<Item = Part> {
    let journeys = plan.walks.iter().cloned().map(Part::Journey);
    let contracts = plan
        .contracts
        .iter()
        .map(|c| Part::Contract(c.name.clone()));
    let scenarios = plan
        .scenarios
        .iter()
        .map(|s| Part::Scenario(s.name.clone()));
    journeys.chain(contracts).chain(scenarios)
}

/// The parts that a run is evidence of: all that it was to do, done or not; of a run that was stopped, or whose record ends
/// in the middle, what it had begun.
fn parts(record: &Record) -> BTreeSet<Part> {
    let Some(run) = &record.run else {
        return BTreeSet::new();
    };
    let cut = record.cancelled || matches!(record.end, None | Some(RunEnd::Cancelled));
    let begun = |part: &Part| match part {
        Part::Journey(name) => record.journeys.iter().any(|walk| walk.journey == *name),
        Part::Contract(name) => record.contracts.contains_key(name),
        Part::Scenario(name) => record.scenario(name.as_str()).is_some(),
    };
    planned(&run.plan)
        .filter(|part| !cut || begun(part))
        .collect()
}

/// The run as if these parts had been all of it.
fn narrowed(record: &Record, parts: &BTreeSet<Part>) -> Record {
    let mut record = record.clone();
    let journey = |name: &Name| parts.contains(&Part::Journey(name.clone()));
    let contract = |name: &Name| parts.contains(&Part::Contract(name.clone()));
    let scenario = |name: &Name| parts.contains(&Part::Scenario(name.clone()));
    if let Some(run) = &mut record.run {
        run.plan.walks.retain(|name| journey(name));
        run.plan.contracts.retain(|c| contract(&c.name));
        run.plan.scenarios.retain(|s| scenario(&s.name));
    }
    record.journeys.retain(|walk| journey(&walk.journey));
    record.contracts.retain(|name, _| contract(name));
    record.scenarios.retain(|s| scenario(&s.name));
    let walked = !record.journeys.is_empty();
    let kept = |of: &Option<Name>| of.as_ref().map_or(walked, scenario);
    record.faults.retain(|fault| kept(&fault.scenario));
    record.broken.retain(|broken| scenario(&broken.scenario));
    record
}

/// A run in order, and what it counts for, with the days that each part counts.
struct Counted<'r> {
    run: &'r Run,
    all: BTreeSet<Part>,
    parts: BTreeMap<Part, u32>,
    age_days: Option<i64>,
}

impl Counted<'_> {
    fn plan(&self) -> Option<&Plan> {
        self.run.record.run.as_ref().map(|run| &run.plan)
    }

    fn has_load(&self) -> bool {
        let mut parts = self.parts.keys();
        parts.any(|part| matches!(part, Part::Scenario(_)))
    }

    fn fresh_days(&self) -> u32 {
        self.parts.values().copied().max().unwrap_or_default()
    }

    /// The same part is needed by several: the longest counts.
    fn takes(&mut self, part: &Part, fresh_days: u32) {
        let days = self.parts.entry(part.clone()).or_default();
        *days = (*days).max(fresh_days);
    }

    /// Days that an item counts: as its scenario does, or as anything of the run does.
    fn fresh_for(&self, item: &Item) -> u32 {
        let scenario = item.scenario.as_ref();
        let part = scenario.and_then(|name| self.parts.get(&Part::Scenario(name.clone())));
        part.copied().unwrap_or_else(|| self.fresh_days())
    }

    fn id(&self) -> Option<RunId> {
        self.run.record.run.as_ref().map(|run| run.run.clone())
    }
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

/// Gives each part of a need to the newest run that meets it; an item for what no run does.
fn meet(counted: &mut [Counted<'_>], wanted: &Wanted) -> Option<Item> {
    let mut lacking: Vec<String> = Vec::new();
    for part in needed(wanted) {
        let meets = |run: &&mut Counted<'_>| {
            run.all.contains(&part) && why_not(run, wanted, &part).is_none()
        };
        match counted.iter_mut().find(meets) {
            Some(run) => run.takes(&part, wanted.need.fresh_days),
            None => {
                let mut others = counted.iter().filter(|run| run.all.contains(&part));
                let other = others.find_map(|run| Some((run.id()?, why_not(run, wanted, &part)?)));
                lacking.push(match other {
                    Some((run, why)) => format!("{part}: run {run} {why}"),
                    None => format!("{part}: no run has it"),
                });
            }
        }
    }
    if needed(wanted).next().is_none() {
        lacking.push("its command would run nothing here".to_owned());
    }
    let first = lacking.first()?;
    let more = match lacking.len() {
        1 => String::new(),
        n => format!(", and {} more", n - 1),
    };
    let what = &wanted.need.what;
    Some(Item {
        id: what.to_string(),
        title: format!("The release needs {}", what.to_string().replace('`', "")),
        reason: format!("{first}{more}"),
        owner: wanted.need.owner.clone(),
        closes_with: what.command(),
        // As heavy as all that is not known for want of it.
        weight: (lacking.len() as f64).max(1.0),
        ..items::absent()
    })
}

/// The parts that a need asks for: of a scenario that alone, whatever else its command would run.
fn needed(wanted: &Wanted) -> impl Iterator<Item = Part> {
    let of = |part: &Part| match &wanted.need.what {
        Needed::Scenario(name) => *part == Part::Scenario(name.clone()),
        Needed::Profile(_) => true,
    };
    planned(&wanted.plan).filter(of)
}

/// Why a run that has a part does not meet a need, as the end of a sentence.
fn why_not(run: &Counted<'_>, wanted: &Wanted, part: &Part) -> Option<String> {
    let plan = run.plan()?;
    if let Needed::Profile(name) = &wanted.need.what
        && plan.profile.as_ref() != Some(name)
    {
        return Some("ran another profile".to_owned());
    }
    let Part::Scenario(name) = part else {
        return None;
    };
    let load = |plan: &Plan| plan.scenario(name.as_str()).map(|s| s.load.clone());
    let same = load(plan) == load(&wanted.plan);
    (!same).then(|| "played it with another load than the suite has".to_owned())
}

/// Gates of a need that the runs which meet it did not judge, or judged by other words: nobody has seen whether they hold.
fn changed(counted: &[Counted<'_>], wanted: &Wanted) -> Vec<Item> {
    let scenario = |part: Part| match part {
        Part::Scenario(name) => Some(name),
        _ => None,
    };
    let mut found = Vec::new();
    for name in needed(wanted).filter_map(scenario) {
        let part = Part::Scenario(name.clone());
        let meets = |run: &&Counted<'_>| {
            run.parts.contains_key(&part) && why_not(run, wanted, &part).is_none()
        };
        let Some(run) = counted.iter().find(meets) else {
            continue;
        };
        let now = wanted.plan.scenario(name.as_str()).map(judged_by);
        let then = run.plan().and_then(|plan| plan.scenario(name.as_str()));
        let then = then.map(judged_by).unwrap_or_default();
        let id = run.id();
        let id = id.as_ref().map_or("?", RunId::as_str);
        for (item, asked) in now.unwrap_or_default() {
            let reason = match then.iter().find(|(known, _)| known.id == item.id) {
                Some((_, known)) if *known == asked => continue,
                Some((_, known)) => format!("changed since run {id}, which judged `{known}`"),
                None => format!("new since run {id}, which did not judge it"),
            };
            found.push(Item {
                reason,
                closes_with: wanted.need.what.command(),
                ..item
            });
        }
    }
    found
}

/// Every gate and invariant of a scenario, each with what it asks: one that keeps its name may ask something else.
fn judged_by(scenario: &ScenarioPlan) -> Vec<(Item, String)> {
    let gates = scenario.gates.iter();
    let gates = gates.map(|gate| (items::gate(gate), items::asked(gate)));
    let invariants = scenario.invariants.iter();
    let invariants = invariants.map(|i| (items::invariant(i), i.check.to_string()));
    gates.chain(invariants).collect()
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

/// What all runs gave.
#[derive(Default)]
struct Weighed {
    items: Vec<Item>,
    waivers: Vec<WaiverState>,
    verdicts: Vec<Verdict>,
    abort: Vec<AbortThreshold>,
    calm: Tally,
}

impl Weighed {
    fn add(&mut self, counted: &Counted<'_>, asked: &Asked, gates_of_all: bool) {
        let parts = counted.parts.keys().cloned().collect();
        let mut record = narrowed(&counted.run.record, &parts);
        if let Some(run) = record.run.as_mut().filter(|_| !gates_of_all) {
            run.plan.gates.clear();
        }
        let verdict = verdict::evaluate(&record);
        let mut items = items::of(&record, &verdict);
        for item in &mut items {
            item.evidence = counted.id().into_iter().collect();
            age(item, counted);
        }
        let context = Context {
            run: record.run.as_deref(),
            on: Some(asked.on),
        };
        let waivers = waivers::lay(&mut items, &asked.settings.waivers, &context);
        self.state(waivers);
        for item in items {
            self.put(item);
        }
        let known = |new: &AbortThreshold, old: &AbortThreshold| {
            let of = |t: &AbortThreshold| (t.metric.clone(), t.name.clone(), t.scenario.clone());
            of(new) == of(old)
        };
        for threshold in thresholds::of(&record, &verdict) {
            match self.abort.iter_mut().find(|old| known(&threshold, old)) {
                // What several runs say of one figure: the strictest holds.
                Some(old) if threshold.above < old.above => *old = threshold,
                Some(_) => {}
                None => self.abort.push(threshold),
            }
        }
        let control = |name: &Name| {
            let plan = record.run.as_ref().map(|run| &run.plan);
            let planned = plan.and_then(|plan| plan.scenario(name.as_str()));
            planned.is_some_and(|planned| planned.control_of.is_some())
        };
        for scenario in record.scenarios.iter().filter(|s| !control(&s.name)) {
            self.calm.add(&scenario.select(None, &During::Undisturbed));
        }
        self.verdicts.push(verdict);
    }

    /// Of two items of one id the worse stands, with the runs of both.
    fn put(&mut self, mut item: Item) {
        let worth = |item: &Item| {
            let bare = item.waived.is_none();
            (
                item.closes(),
                item.is_open(),
                bare,
                item.grade,
                item.standing,
            )
        };
        match self.items.iter_mut().find(|known| known.id == item.id) {
            None => self.items.push(item),
            Some(known) if worth(known) >= worth(&item) => {
                known.evidence.append(&mut item.evidence);
            }
            Some(known) => {
                item.evidence.append(&mut known.evidence);
                *known = item;
            }
        }
    }

    /// Of what a waiver does for several runs, the most is told.
    fn state(&mut self, waivers: Vec<WaiverState>) {
        if self.waivers.is_empty() {
            self.waivers = waivers;
            return;
        }
        for (known, new) in self.waivers.iter_mut().zip(waivers) {
            known.state = known.state.max(new.state);
        }
    }
}

/// Makes an item stale whose run is too old, or of a day that has not come.
fn age(item: &mut Item, counted: &Counted<'_>) {
    let fresh_days = counted.fresh_for(item);
    let why = match counted.age_days {
        None => "its run has no date up to this day".to_owned(),
        Some(age) if age > i64::from(fresh_days) => {
            format!("recorded {age} days ago, and {fresh_days} count")
        }
        Some(_) => return,
    };
    let was = match item.grade {
        Grade::Pass => "; it passed then".to_owned(),
        _ => format!("; then: {}", item.reason),
    };
    item.reason = format!("{why}{was}");
    item.standing = Standing::Stale;
    if item.grade == Grade::Pass {
        item.grade = Grade::Inconclusive;
        let scenario = item.scenario.as_ref();
        item.closes_with = scenario.map_or_else(
            || "harness run".to_owned(),
            |name| format!("harness run {name}"),
        );
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

/// `3 journeys`, `contract orders`, `scenario steady`: scenarios by name, of the rest how many where there are several.
fn words<'p>(parts: impl Iterator<Item = &'p Part>) -> Vec<String> {
    let (mut journeys, mut contracts, mut scenarios) = (Vec::new(), Vec::new(), Vec::new());
    for part in parts {
        match part {
            Part::Journey(_) => journeys.push(part),
            Part::Contract(_) => contracts.push(part),
            Part::Scenario(_) => scenarios.push(part),
        }
    }
    let several = |parts: &[&Part], word: &str| match parts {
        [] => None,
        [one] => Some(one.to_string()),
        all => Some(format!("{} {word}", all.len())),
    };
    let few = [
        several(&journeys, "journeys"),
        several(&contracts, "contracts"),
    ];
    let named = scenarios.into_iter().map(ToString::to_string);
    few.into_iter().flatten().chain(named).collect()
}

fn figures(calm: &Tally) -> Figures {
    Figures {
        p95_us: calm.response.quantile(0.95),
        error_rate: verdict::error_rate(calm),
    }
}
