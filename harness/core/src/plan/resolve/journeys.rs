//! Drafts → journeys: names unique over TOML and Gherkin, journeys run by others written out in their place, circles
//! told.

use super::findings::Findings;
use super::passes;
use super::presets::Presets;
use super::request::{self, Defaults, Known};
use super::world::World;
use crate::diagnostic::{Diagnostic, nearest};
use crate::journey::command::Command;
use crate::journey::{Action, Journey, Origin, Step};
use crate::plan::draft::{Draft, DraftAction, DraftStep, Written};
use crate::template::Text;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A journey, and what stands against running it in this mode.
pub(super) struct Resolved {
    pub(super) journey: Arc<Journey>,
    pub(super) mode_errors: Vec<Diagnostic>,
}

/// Steps of a journey at most, those of the journeys it runs included.
const STEPS: usize = 1000;

/// Resolves every draft; the second value names those that have errors, `broken` ones among them.
pub(super) fn resolve(
    drafts: &[Draft],
    mut broken: Vec<String>,
    presets: &Presets,
    defaults: &Defaults,
    world: &World,
    found: &mut Findings,
) -> (Vec<Resolved>, Vec<String>) {
    let mut by_name: BTreeMap<&str, &Draft> = BTreeMap::new();
    for draft in drafts {
        if let Some(first) = by_name.get(draft.name.as_str()) {
            let file = &first.place.source.name;
            let message = format!("journey `{}` is there already, in {file}", draft.name);
            found.error_with(
                draft.place.clone(),
                message,
                "rename one: gates, mixes and `run` go by the name",
            );
            continue;
        }
        by_name.insert(draft.name.as_str(), draft);
    }
    let circular = circles(&by_name, found);
    let mut resolved = Vec::new();
    for draft in by_name.values() {
        let errors = found.out.len();
        let journey = (!circular.contains(draft.name.as_str()))
            .then(|| journey(draft, &by_name, presets, defaults, world, found));
        let mode_errors = std::mem::take(&mut found.mode);
        match journey.flatten() {
            Some(journey)
                if found.out.len() == errors
                    && !broken.iter().any(|b| b == draft.name.as_str()) =>
            {
                resolved.push(Resolved {
                    journey: Arc::new(journey),
                    mode_errors,
                });
            }
            _ => broken.push(draft.name.to_string()),
        }
    }
    (resolved, broken)
}

/// Notes each circle of journeys that run each other, once; gives all journeys that never end because of one.
fn circles<'d>(by_name: &BTreeMap<&'d str, &'d Draft>, found: &mut Findings) -> BTreeSet<&'d str> {
    let mut endless = BTreeSet::new();
    let mut done = BTreeSet::new();
    for name in by_name.keys() {
        let mut path = Vec::new();
        visit(name, by_name, &mut path, &mut done, &mut endless, found);
    }
    endless
}

fn visit<'d>(
    name: &'d str,
    by_name: &BTreeMap<&'d str, &'d Draft>,
    path: &mut Vec<&'d str>,
    done: &mut BTreeSet<&'d str>,
    endless: &mut BTreeSet<&'d str>,
    found: &mut Findings,
) {
    if done.contains(name) {
        return;
    }
    let Some(draft) = by_name.get(name) else {
        return;
    };
    path.push(name);
    for run in draft.steps.iter().filter_map(run_of) {
        if let Some(begin) = path.iter().position(|p| *p == run.text) {
            let circle: Vec<String> = path
                .iter()
                .skip(begin)
                .chain(path.get(begin))
                .map(|n| format!("`{n}`"))
                .collect();
            found.error(
                run.place(),
                format!(
                    "journeys run each other without end: {}",
                    circle.join(" → ")
                ),
            );
            endless.extend(path.iter().copied());
        } else if let Some((callee, _)) = by_name.get_key_value(run.text.as_str()) {
            visit(callee, by_name, path, done, endless, found);
            if endless.contains(callee) {
                endless.extend(path.iter().copied());
            }
        }
    }
    path.pop();
    done.insert(name);
}

fn run_of(step: &DraftStep) -> Option<&Written> {
    match &step.action {
        DraftAction::Run(written) => Some(written),
        _ => None,
    }
}

struct Build<'b> {
    by_name: &'b BTreeMap<&'b str, &'b Draft>,
    presets: &'b Presets,
    defaults: &'b Defaults,
    world: &'b World,
    variables: BTreeMap<String, Text>,
    steps: Vec<Step>,
    /// Where each step written so far begins: one that runs a journey is several.
    begins: BTreeMap<String, usize>,
    armed: BTreeSet<String>,
}

fn journey(
    draft: &Draft,
    by_name: &BTreeMap<&str, &Draft>,
    presets: &Presets,
    defaults: &Defaults,
    world: &World,
    found: &mut Findings,
) -> Option<Journey> {
    let mut names = BTreeSet::new();
    for step in &draft.steps {
        if !names.insert(step.name.text.as_str()) {
            let message = format!("two steps of this journey are called {:?}", step.name.text);
            found.error_with(
                step.name.place(),
                message,
                "gates and reports name a step: each needs a name of its own",
            );
        }
    }
    // A journey without rows of its own walks those of the first journey it runs that has some.
    let run = draft
        .steps
        .iter()
        .filter_map(run_of)
        .filter_map(|run| by_name.get(run.text.as_str()));
    let with_rows = std::iter::once(&draft)
        .chain(run)
        .find(|draft| !draft.rows.is_empty() || draft.unread);
    let Draft {
        rows, feed, unread, ..
    } = with_rows.unwrap_or(&draft);
    let mut known = Known {
        variables: presets.of(draft.name.as_str()).cloned().collect(),
        lists: BTreeSet::new(),
        rows,
        unread: *unread,
    };
    let mut build = Build {
        by_name,
        presets,
        defaults,
        world,
        variables: BTreeMap::new(),
        steps: Vec::new(),
        begins: BTreeMap::new(),
        armed: BTreeSet::new(),
    };
    build.add(draft, "", &mut known, found)?;
    Some(Journey {
        name: draft.name.clone(),
        title: draft.title.clone(),
        tags: draft.tags.clone(),
        origin: origin(&draft.place),
        rows: rows.clone(),
        feed: *feed,
        variables: build.variables,
        steps: build.steps,
    })
}

fn origin(place: &crate::diagnostic::Place) -> Origin {
    let line = u32::try_from(place.line_column().0).unwrap_or(u32::MAX);
    Origin {
        file: place.source.name.clone(),
        line,
    }
}

impl Build<'_> {
    /// Adds a draft's variables and steps; `prefix` goes before the names of steps that another journey runs.
    fn add(
        &mut self,
        draft: &Draft,
        prefix: &str,
        known: &mut Known<'_>,
        found: &mut Findings,
    ) -> Option<()> {
        let mut variables: Vec<_> = draft.variables.iter().collect();
        variables.sort_by(|(a, _), (b, _)| a.text.cmp(&b.text));
        for (name, value) in variables {
            request::variable_name(name, found);
            let text = request::text(value, known, self.world, found);
            known.variables.insert(name.text.clone());
            if known.lists.contains(&name.text) {
                let message = format!("`{}` collects values in a step before", name.text);
                found.error_with(name.place(), message, "a variable needs a name of its own");
            }
            if let Some(text) = text {
                self.variables.entry(name.text.clone()).or_insert(text);
            }
        }
        for (index, step) in draft.steps.iter().enumerate() {
            let later = draft.steps.get(index + 1..).unwrap_or_default();
            self.step(step, later, prefix, known, found)?;
        }
        Some(())
    }

    fn step(
        &mut self,
        draft: &DraftStep,
        later: &[DraftStep],
        prefix: &str,
        known: &mut Known<'_>,
        found: &mut Findings,
    ) -> Option<()> {
        let name = format!("{prefix}{}", draft.name.text);
        let begin = self.steps.len();
        let action = match &draft.action {
            DraftAction::Run(run) => {
                self.begins.insert(name.clone(), begin);
                return self.run(run, &name, known, found);
            }
            DraftAction::Check(expect) => Some(passes::check(expect, known, found)),
            DraftAction::Pause(pause) => Some(Action::Pause(*pause)),
            DraftAction::Command(command, at) => {
                self.command(command, at, found);
                Some(Action::Command(command.clone()))
            }
            DraftAction::Request(request) => {
                let own = (draft.name.text.as_str(), begin);
                let from = request.repeat.as_ref().map_or(begin, |repeat| {
                    passes::from(repeat, prefix, own, &self.begins, later, found)
                });
                let request =
                    request::resolve(request, from, self.defaults, known, self.world, found);
                request.map(|request| Action::Request(Box::new(request)))
            }
        };
        if self.steps.len() == STEPS {
            found.error(
                draft.name.place(),
                format!("a journey has at most {STEPS} steps, those it runs included"),
            );
            return None;
        }
        self.begins.insert(name.clone(), begin);
        // A request with an error leaves its captures known, so that one mistake is one error.
        self.steps.extend(action.map(|action| Step {
            name,
            origin: origin(&draft.name.place()),
            action,
        }));
        Some(())
    }

    fn run(
        &mut self,
        run: &Written,
        name: &str,
        known: &mut Known<'_>,
        found: &mut Findings,
    ) -> Option<()> {
        let Some(callee) = self.by_name.get(run.text.as_str()) else {
            found.unknown(
                run.place(),
                "journey",
                &run.text,
                self.by_name.keys().copied(),
            );
            return None;
        };
        let mut inner = Findings::default();
        let added = self.add(callee, &format!("{name}: "), known, &mut inner);
        found.mode.append(&mut inner.mode);
        // What is wrong in itself is told in the journey's own file; here only what is wrong with running it from here.
        let own = *known.rows == callee.rows;
        let preset = self.presets.of(&run.text).next().is_some();
        if let Some(finding) = inner.out.into_iter().find(|_| !own || preset) {
            let message = format!(
                "journey `{}` can't run {}: {}",
                run.text,
                if own {
                    "here"
                } else {
                    "with this journey's rows"
                },
                finding.message
            );
            let hint = if own {
                "the gate that walks it gives it a value; here an earlier step must"
            } else {
                "give the rows the columns it uses, or leave them out to use its own"
            };
            found.error_with(run.place(), message, hint);
        }
        added
    }

    fn command(&mut self, command: &Command, at: &Written, found: &mut Findings) {
        match command {
            Command::Arm {
                fault, on, kind, ..
            } => {
                if self.world.has(at.place(), on, found) {
                    self.world.holds(&at.place(), on, kind, found);
                    self.world.takes(at.place(), on, kind, found);
                }
                if !self.armed.insert(fault.clone()) {
                    let message = format!("fault {fault:?} is armed already");
                    found.error_with(
                        at.place(),
                        message,
                        "lift it first, or give this one another name",
                    );
                }
                if let Some((message, hint)) = self.world.out_of_reach(on, Some(kind)) {
                    let tags = "a journey is left out by its tags: `--tags 'not chaos'`";
                    found.mode_error(at.place(), message, format!("{hint}; {tags}"));
                }
            }
            Command::Lift { fault } => {
                if !self.armed.remove(fault) {
                    let armed: Vec<&str> = self.armed.iter().map(String::as_str).collect();
                    let hint = match nearest(fault, armed.iter().copied()) {
                        Some(close) => format!("did you mean {close:?}?"),
                        None => "a step before this one must arm it".to_owned(),
                    };
                    found.error_with(
                        at.place(),
                        format!("no fault {fault:?} is armed here"),
                        hint,
                    );
                }
            }
        }
    }
}
