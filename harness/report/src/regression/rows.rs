//! A comparison as rows of words, made once for page and Markdown: what changed by severity, errors, the self-test, what
//! kind of slower it is, and what would decide the rest. Key figures come first.

use super::{against_history, change, decides, from_to, kind, reasons, word};
use crate::text::{NONE, moment, one_line, percent};
use harness_core::name::Name;
use harness_core::verdict::Grade;
use harness_core::verdict::regression::{
    Class, Comparison, Effect, ErrorFigure, Figure, Held, Pinned, Runs, Side, quantile, spoken,
};

/// Rows of a table at most.
pub(crate) const ROWS: usize = 60;

/// The answer in capitals.
pub(crate) const fn answer(grade: Grade) -> &'static str {
    match grade {
        Grade::Pass => "NO REGRESSION",
        Grade::Inconclusive => "INCONCLUSIVE",
        Grade::Invalid => "INVALID",
        Grade::Fail => "REGRESSED",
    }
}

/// What stands for a class where its word has no room.
pub(crate) const fn sign(class: &Class) -> &'static str {
    match class {
        Class::Regressed => "✗",
        Class::Improved => "▼",
        Class::NoRegression => "✓",
        Class::Inconclusive { .. } => "?",
        Class::Invalid { .. } => "!",
    }
}

/// A figure of a scenario.
#[derive(Clone, Copy)]
pub(crate) struct Place<'r> {
    pub held: &'r Comparison,
    pub figure: &'r Figure,
    /// The pinned release, where the figure is held against that.
    pinned: Option<(&'r Pinned, &'r Held)>,
}

impl<'r> Place<'r> {
    /// Held against the baseline.
    pub(crate) const fn of(held: &'r Comparison, figure: &'r Figure) -> Self {
        Self {
            held,
            figure,
            pinned: None,
        }
    }

    /// The same held against the pinned release, where that is worth a row.
    fn against_pinned(&self) -> Option<Self> {
        let (pinned, held) = (self.held.pinned.as_ref()?, self.figure.pinned.as_ref()?);
        let told = self.figure.key || held.class == Class::Regressed;
        told.then_some(Self {
            pinned: Some((pinned, held)),
            ..*self
        })
    }

    /// `p95 of checkout`.
    pub(crate) fn name(&self) -> String {
        let name = named(&self.figure.name, self.figure.quantile);
        match self.pinned {
            Some((pinned, _)) => format!("{name}, against the pinned release {}", pinned.release),
            None => name,
        }
    }

    /// What it came to, against what it is held.
    fn outcome(&self) -> &'r Held {
        self.pinned.map_or(&self.figure.held, |(_, held)| held)
    }

    /// The scenario.
    pub(crate) fn scenario(&self) -> String {
        scenario(self.held)
    }
}

/// `p95 of checkout`.
pub(crate) fn named(name: &str, q: f64) -> String {
    format!("{} of {}", quantile(q), one_line(spoken(name), 120))
}

/// A comparison's scenario.
pub(crate) fn scenario(held: &Comparison) -> String {
    let name = held.scenario.as_ref();
    name.map_or_else(|| "?".to_owned(), ToString::to_string)
}

/// Every figure, those that decide first, then the worst, then the largest change.
pub(crate) fn by_severity(held: &Comparison) -> Vec<&Figure> {
    let mut all: Vec<&Figure> = held.figures.iter().collect();
    let size = |figure: &Figure| figure.held.effect.as_ref().map_or(0.0, |e| e.d.abs());
    all.sort_by(|a, b| {
        let first = |f: &Figure| (!f.key, f.held.class.severity());
        first(a).cmp(&first(b)).then(size(b).total_cmp(&size(a)))
    });
    all
}

/// The figures of all scenarios in that order.
pub(crate) fn all(runs: &Runs) -> Vec<Place<'_>> {
    let mut all: Vec<Place<'_>> = Vec::new();
    // Of what can't be compared only the reason is worth a line.
    for held in runs.scenarios.iter().filter(|held| held.invalid.is_empty()) {
        let figures = by_severity(held).into_iter();
        all.extend(figures.map(|figure| Place::of(held, figure)));
    }
    sort(&mut all);
    all
}

/// Those, and beside them what figures came to against the pinned release: those that decide, and what regressed.
pub(crate) fn changes(runs: &Runs) -> Vec<Place<'_>> {
    let mut all = all(runs);
    let against_pinned = all.iter().filter_map(Place::against_pinned);
    let against_pinned: Vec<Place<'_>> = against_pinned.collect();
    all.extend(against_pinned);
    sort(&mut all);
    all
}

/// What decides first, then the worst. Stable: otherwise the order stays.
fn sort(places: &mut [Place<'_>]) {
    places.sort_by_key(|place| (!place.figure.key, place.outcome().class.severity()));
}

/// What a figure came to as a whole: regressed against the pinned release is regressed.
pub(crate) fn class(figure: &Figure) -> &Class {
    let pinned = figure.pinned.as_ref().map(|held| &held.class);
    let regressed = pinned.filter(|class| **class == Class::Regressed);
    regressed.unwrap_or(&figure.held.class)
}

/// That a scenario is held against nothing.
fn never_accepted(name: &Name) -> String {
    format!("{name} is held against nothing: no run of it was ever accepted")
}

/// What a comparison does without, a sentence each: scenarios of one side only, and runs that say nothing.
pub(crate) fn without(runs: &Runs) -> Vec<String> {
    let missing = runs.missing.iter();
    let missing = missing.map(|name| format!("{name} was played by the baseline only"));
    let silent = runs.silent.iter().map(|one| {
        let variant = one.variant.as_ref();
        let variant = variant.map_or_else(String::new, |variant| format!(" ({variant})"));
        format!("run {}{variant} says nothing: {}", one.run, one.why)
    });
    let never = runs.never_accepted.iter().map(never_accepted);
    let searches = runs.searches.iter().map(|name| {
        format!("{name} is held against nothing: a search tries rates that are too high on purpose")
    });
    missing.chain(silent).chain(never).chain(searches).collect()
}

/// Since when the baseline has the level it has, where it changed.
pub(crate) fn level(held: &Comparison) -> Option<String> {
    let since = held.since.as_ref()?;
    Some(format!(
        "the level changed: accepted runs before {since} are history only"
    ))
}

/// A row of what changed.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub(crate) struct Change {
    pub sign: &'static str,
    pub class: &'static str,
    pub word: &'static str,
    pub key: bool,
    pub name: String,
    pub scenario: String,
    /// `212 ms → 231 ms`.
    pub times: String,
    /// `+9.0%`.
    pub change: String,
    /// `+2.1% to +16%`.
    pub interval: String,
    /// `±10%`, or what the floor makes of it.
    pub margin: String,
    /// The smallest slow-down it would have found.
    pub detectable: String,
    /// Why, what kind, what would decide it.
    pub why: Vec<String>,
}

/// The row of a figure.
pub(crate) fn row(place: &Place<'_>) -> Change {
    let held = place.outcome();
    let none = || NONE.to_owned();
    let of = |words: &dyn Fn(&Effect) -> String| held.effect.as_ref().map_or_else(none, words);
    let mut why = reasons(held);
    // It has a column.
    why.retain(|words| !words.starts_with(super::FOUND));
    // Of what can't be told the typical second can't be either; that there are more stalls is tested by itself.
    let regressed = held.class == Class::Regressed;
    let figure = Some(place.figure).filter(|_| place.pinned.is_none());
    let shape = figure.and_then(|figure| figure.shape.as_ref());
    let shape = shape.filter(|shape| regressed || shape.more_stalls);
    why.extend(shape.and_then(|shape| kind(shape, &held.class)));
    let history = figure.filter(|figure| figure.key);
    let history = history.and_then(|figure| figure.history.as_ref());
    why.extend(history.map(against_history));
    Change {
        sign: sign(&held.class),
        class: look(&held.class),
        word: word(&held.class),
        key: place.figure.key,
        name: place.name(),
        scenario: place.scenario(),
        times: of(&from_to),
        change: of(&|effect| change(effect.relative())),
        interval: of(&interval),
        margin: of(&|effect| {
            let share = change(effect.margin.exp_m1());
            let floor = if effect.floor { ", floor" } else { "" };
            format!("{}{floor}", share.replace('+', "±"))
        }),
        detectable: detectable(held),
        why: why.iter().map(|words| one_line(words, 300)).collect(),
    }
}

/// The class of a style sheet that a class has.
pub(crate) const fn look(class: &Class) -> &'static str {
    match class {
        Class::Regressed => "fail",
        Class::Improved => "improved",
        Class::NoRegression => "pass",
        Class::Inconclusive { .. } => "inconclusive",
        Class::Invalid { .. } => "invalid",
    }
}

/// `+2.1% to +16%`.
pub(crate) fn interval(effect: &Effect) -> String {
    let (low, high) = effect.relative_interval();
    format!("{} to {}", change(low), change(high))
}

/// The smallest slow-down that four of five such comparisons would find; nothing where none would be called.
fn detectable(held: &Held) -> String {
    let found = match (&held.class, &held.effect) {
        (Class::Inconclusive { detectable, .. }, _) => *detectable,
        (Class::Invalid { .. }, _) => None,
        (_, effect) => effect.as_ref().map(Effect::detectable),
    };
    found.map_or_else(|| NONE.to_owned(), change)
}

/// A share of errors.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub(crate) struct Errors {
    pub sign: &'static str,
    pub class: &'static str,
    pub word: &'static str,
    pub name: String,
    pub baseline: String,
    pub candidate: String,
    /// In percentage points.
    pub change: String,
    pub interval: String,
    pub bursts: String,
    pub why: Vec<String>,
}

/// Errors of a scenario, the worst first; and how many names had none on either side, which have no row.
pub(crate) fn errors(held: &Comparison) -> (Vec<Errors>, usize) {
    let without = |errors: &ErrorFigure| {
        errors.baseline == 0.0 && errors.candidate == 0.0 && errors.class == Class::NoRegression
    };
    let (none, mut all): (Vec<_>, Vec<_>) = held.errors.iter().partition(|one| without(one));
    all.sort_by_key(|errors| errors.class.severity());
    let points = |share: f64| format!("{:+.2}", share * 100.0);
    let row = |errors: &&ErrorFigure| Errors {
        sign: sign(&errors.class),
        class: look(&errors.class),
        word: word(&errors.class),
        name: one_line(spoken(&errors.name), 120),
        baseline: percent(errors.baseline),
        candidate: percent(errors.candidate),
        change: points(errors.candidate - errors.baseline),
        interval: format!(
            "{} to {}",
            points(errors.interval.0),
            points(errors.interval.1)
        ),
        bursts: format!("{} → {}", errors.episodes.0, errors.episodes.1),
        why: match held.invalid.is_empty() {
            true => reasons(&Held {
                class: errors.class.clone(),
                effect: None,
            }),
            false => Vec::new(),
        },
    };
    (all.iter().map(row).collect(), none.len())
}

/// That some names had no errors at all; empty where none had none.
pub(crate) fn spotless(names: usize) -> String {
    match names {
        0 => String::new(),
        1 => "1 name had no errors on either side: no regression.".to_owned(),
        n => format!("{n} names had no errors on either side: no regression."),
    }
}

/// What the self-test came to for a figure that decides.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub(crate) struct Tested {
    pub name: String,
    /// How much slower it was made.
    pub slower: String,
    pub caught: bool,
    pub word: &'static str,
    pub interval: String,
}

/// The self-test of the figures that decide.
pub(crate) fn tests(held: &Comparison) -> Vec<Tested> {
    let keys = by_severity(held).into_iter().filter(|figure| figure.key);
    let row = |figure: &Figure| {
        let test = figure.self_test.as_ref()?;
        let effect = test.held.effect.as_ref();
        Some(Tested {
            name: named(&figure.name, figure.quantile),
            slower: change(test.slower),
            caught: test.caught,
            word: word(&test.held.class),
            interval: effect.map_or_else(|| NONE.to_owned(), interval),
        })
    };
    keys.filter_map(row).collect()
}

/// Whether seconds got slower or stalls more frequent.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub(crate) struct Rhythm {
    pub name: String,
    pub typical: String,
    pub stalls: String,
    pub words: String,
}

/// The same of the figures that decide.
pub(crate) fn rhythms(held: &Comparison) -> Vec<Rhythm> {
    let row = |figure: &Figure| {
        let shape = figure.shape.as_ref()?;
        Some(Rhythm {
            name: named(&figure.name, figure.quantile),
            typical: change(shape.typical.exp_m1()),
            stalls: format!("{:.1} → {:.1}", shape.stalls.0, shape.stalls.1),
            words: kind(shape, &figure.held.class)
                .unwrap_or_else(|| "neither is slower than chance explains".to_owned()),
        })
    };
    let all = by_severity(held).into_iter().filter(|figure| figure.key);
    all.filter_map(row).take(ROWS).collect()
}

/// What would decide the figures that decide and are open: name, ways.
pub(crate) fn costs(runs: &Runs) -> Vec<(String, String)> {
    let keys = all(runs).into_iter().filter(|place| place.figure.key);
    let open = keys.filter_map(|place| match &place.figure.held.class {
        Class::Inconclusive { decide, .. } => {
            let ways = decide.as_ref().and_then(decides);
            let ways = ways.unwrap_or_else(|| {
                "nothing within reason would decide it: 50 runs a side, or ten hours".to_owned()
            });
            Some((format!("{} in {}", place.name(), place.scenario()), ways))
        }
        _ => None,
    });
    let mut open: Vec<(String, String)> = open.collect();
    // The figure that needs most decides what all of them need.
    let all = runs.decide.as_ref().and_then(decides);
    if let Some(ways) = all.filter(|_| open.len() > 1) {
        open.insert(0, ("All of these".to_owned(), ways));
    }
    open
}

/// Why a scenario can't be held against anything: the reasons that do not stand beside the answer, which shows so many of
/// what decided, and whether others do.
pub(crate) fn invalid<'r>(
    runs: &'r Runs,
    held: &'r Comparison,
    shown: usize,
) -> (Vec<&'r String>, bool) {
    let name = held.scenario.as_ref().map_or("?", |name| name.as_str());
    let beside = |why: &&String| {
        let told = format!("{name}: {why}");
        runs.decided_by.iter().take(shown).any(|one| *one == told)
    };
    let (told, rest): (Vec<_>, Vec<_>) = held.invalid.iter().partition(beside);
    (rest, !told.is_empty())
}

/// A run of a side: its id, and what else is known of it.
pub(crate) fn run(side: &Side) -> (String, String) {
    let commit = side.commit.as_deref();
    let commit = commit.map_or_else(String::new, |commit| {
        format!(
            ", commit {}",
            one_line(commit, 200).chars().take(9).collect::<String>()
        )
    });
    let date = moment(&side.date);
    (side.run.to_string(), format!("{date}{commit}"))
}
