//! Feature files in a run: cucumber sequences scenarios and steps, and every step is done by the interpreter, whose
//! journey the plan already holds. Runs on a thread with a runtime of its own; says the same events as any walk.

use super::{Passage, Walker};
use cucumber::step::{Collection, Context};
use cucumber::{World, Writer, cli, event, feature::Ext as _, parser, runner, writer};
use futures::future::{FutureExt as _, LocalBoxFuture};
use futures::stream;
use gherkin::{Feature, GherkinEnv, Scenario};
use harness_core::diagnostic::Source;
use harness_core::event::Outcome;
use harness_core::journey::{Journey, gherkin::translate};
use std::collections::HashMap;
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Walks the journeys that feature files describe, in the order of the files. `texts` are the files' names and texts;
/// the error says why they could not be walked at all.
pub async fn sequence(
    walker: &Walker,
    journeys: Vec<Arc<Journey>>,
    texts: &[(String, String)],
    stop: &CancellationToken,
) -> Result<(), String> {
    // Connections belong to the runtime they were opened on, so this thread has a client of its own.
    let client = walker.client.afresh().map_err(|error| error.to_string())?;
    let walker = Walker {
        client,
        ..walker.clone()
    };
    let (texts, stop) = (texts.to_vec(), stop.clone());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| e.to_string())?;
    let work = move || runtime.block_on(run(walker, journeys, &texts, stop));
    let thread = std::thread::Builder::new()
        .name("features".into())
        .spawn(work)
        .map_err(|e| e.to_string())?;
    let joined = tokio::task::spawn_blocking(move || thread.join()).await;
    joined
        .map_err(|e| e.to_string())?
        .map_err(|_| "the thread that walks feature files panicked".to_owned())?
}

/// What every scenario needs.
struct Setting {
    walker: Walker,
    journeys: Vec<Arc<Journey>>,
    stop: CancellationToken,
}

async fn run(
    walker: Walker,
    journeys: Vec<Arc<Journey>>,
    texts: &[(String, String)],
    stop: CancellationToken,
) -> Result<(), String> {
    let features = chosen(&journeys, texts)?;
    let anything = regex::Regex::new("(?s)^.*$").map_err(|error| error.to_string())?;
    // What a step says was read with the suite; here every wording is the same: the next lines of the journey.
    let steps = Collection::new()
        .given(None, anything.clone(), take)
        .when(None, anything.clone(), take)
        .then(None, anything, take);
    let setting = Rc::new(Setting {
        walker,
        journeys,
        stop,
    });
    let runner = runner::Basic::default()
        .steps(steps)
        .max_concurrent_scenarios(1)
        .before(move |feature, rule, scenario, stage: &mut Stage| {
            stage.enter(&setting, lines(feature, rule, scenario), &scenario.name);
            async {}.boxed_local()
        })
        .after(|_, _, _, _, stage: Option<&mut Stage>| leave(stage));
    let runner_options = runner::basic::Cli {
        concurrency: Some(1),
        fail_fast: false,
        retry: None,
        retry_after: None,
        retry_tag_filter: None,
    };
    // Given in code, so that neither the arguments of this process nor the environment steer it.
    let options = cli::Opts {
        re_filter: None,
        tags_filter: None,
        parser: cli::Empty,
        runner: runner_options,
        writer: cli::Empty,
        custom: cli::Empty,
    };
    cucumber::Cucumber::<Stage, Parsed, Vec<Feature>, _, Silent>::custom(Parsed, runner, Silent)
        .with_cli(options)
        .run(features)
        .await;
    Ok(())
}

/// The features with only the chosen scenarios, each named after its journey.
fn chosen(journeys: &[Arc<Journey>], texts: &[(String, String)]) -> Result<Vec<Feature>, String> {
    let mut features = Vec::new();
    for (name, text) in texts {
        let source = Arc::new(Source {
            name: name.clone(),
            text: text.clone(),
        });
        let (drafts, _) = translate(&source);
        let parsed =
            Feature::parse(text, GherkinEnv::default()).map_err(|e| format!("{name}: {e}"))?;
        let mut feature = parsed
            .expand_examples()
            .map_err(|e| format!("{name}: {e}"))?;
        if drafts.len() != feature.count_scenarios() {
            return Err(format!(
                "{name}: {} scenarios were planned, {} found",
                drafts.len(),
                feature.count_scenarios()
            ));
        }
        let mut drafts = drafts.into_iter();
        let mut keep = |scenario: &mut Scenario| {
            let planned = drafts
                .next()
                .filter(|draft| journeys.iter().any(|journey| journey.name == draft.name));
            planned.is_some_and(|draft| {
                scenario.name = draft.name.to_string();
                true
            })
        };
        feature.scenarios.retain_mut(&mut keep);
        feature
            .rules
            .iter_mut()
            .for_each(|rule| rule.scenarios.retain_mut(&mut keep));
        feature.rules.retain(|rule| !rule.scenarios.is_empty());
        if feature.count_scenarios() > 0 {
            features.push(feature);
        }
    }
    Ok(features)
}

/// Lines of the steps of a scenario, in the order they are taken.
fn lines(feature: &Feature, rule: Option<&gherkin::Rule>, scenario: &Scenario) -> Vec<u32> {
    let background = feature
        .background
        .iter()
        .chain(rule.and_then(|rule| rule.background.as_ref()));
    let steps = background
        .flat_map(|background| &background.steps)
        .chain(&scenario.steps);
    steps
        .map(|step| u32::try_from(step.position.line).unwrap_or(u32::MAX))
        .collect()
}

/// How far the journey goes when each line is taken: its step's index, if a step is complete by then.
fn schedule(journey: &Journey, lines: &[u32]) -> HashMap<u32, usize> {
    // A step that comes from a journey run inside this one begins where that one is run.
    let mut begun = 0;
    let starts = journey.steps.iter().map(|step| {
        begun = if step.origin.file == journey.origin.file {
            step.origin.line
        } else {
            begun
        };
        begun
    });
    let starts: Vec<u32> = starts.collect();
    let mut goes = HashMap::new();
    for (index, line) in lines.iter().enumerate() {
        let complete = match lines.get(index + 1) {
            None => starts.len(),
            // Whatever has a successor that begins by the next line is complete now.
            Some(next) => starts
                .iter()
                .filter(|start| *start <= next)
                .count()
                .saturating_sub(1),
        };
        if complete > 0 {
            goes.insert(*line, complete - 1);
        }
    }
    goes
}

/// One scenario under way.
#[derive(Default)]
struct Stage {
    passage: Option<Passage>,
    goes: HashMap<u32, usize>,
    stop: CancellationToken,
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stage")
            .field("goes", &self.goes)
            .finish_non_exhaustive()
    }
}

impl World for Stage {
    type Error = Infallible;

    async fn new() -> Result<Self, Infallible> {
        Ok(Self::default())
    }
}

impl Stage {
    fn enter(&mut self, setting: &Setting, lines: Vec<u32>, name: &str) {
        let Some(journey) = setting
            .journeys
            .iter()
            .find(|journey| journey.name.as_str() == name)
        else {
            return;
        };
        self.goes = schedule(journey, &lines);
        self.stop = setting.stop.clone();
        self.passage = Some(Passage::begin(
            setting.walker.clone(),
            Arc::clone(journey),
            0,
        ));
    }
}

/// Takes a step: the interpreter goes on to where this line leads.
fn take(stage: &mut Stage, context: Context) -> LocalBoxFuture<'_, ()> {
    async move {
        let line = u32::try_from(context.step.position.line).unwrap_or(u32::MAX);
        let (Some(passage), Some(through)) = (&mut stage.passage, stage.goes.get(&line)) else {
            return;
        };
        tokio::select! {
            biased;
            () = stage.stop.cancelled() => {}
            () = passage.advance(Some(*through)) => {}
        }
        let over = stage.stop.is_cancelled()
            || passage
                .outcome()
                .is_some_and(|outcome| outcome != Outcome::Passed);
        if over {
            // The way to tell cucumber that the rest is skipped. Resumed, not raised, so no hook prints it.
            std::panic::resume_unwind(Box::new("this scenario ends here"));
        }
    }
    .boxed_local()
}

/// Ends the walk, whether it came to its end or not. A scenario whose journey has data rows (those of a journey it runs) is
/// sequenced with the first one; the others are walked here.
fn leave(stage: Option<&mut Stage>) -> LocalBoxFuture<'_, ()> {
    async move {
        let Some(stage) = stage else { return };
        let Some(mut passage) = stage.passage.take() else {
            return;
        };
        for row in 1..=passage.journey().walks() {
            // Nothing is left of a walk that was sequenced to its end; this asks how it went.
            let cancelled = tokio::select! {
                biased;
                () = stage.stop.cancelled() => true,
                () = passage.advance(None) => false,
            };
            let (walker, journey) = (passage.walker().clone(), Arc::clone(passage.journey()));
            passage.finish(cancelled).await;
            if cancelled || row == journey.walks() {
                return;
            }
            passage = Passage::begin(walker, journey, row);
        }
    }
    .boxed_local()
}

/// Hands over features that were parsed before.
struct Parsed;

impl parser::Parser<Vec<Feature>> for Parsed {
    type Cli = cli::Empty;
    type Output = stream::Iter<std::vec::IntoIter<parser::Result<Feature>>>;

    fn parse(self, features: Vec<Feature>, _: cli::Empty) -> Self::Output {
        stream::iter(features.into_iter().map(Ok).collect::<Vec<_>>())
    }
}

/// Hears cucumber and says nothing: the walks have said it all.
struct Silent;

impl<W> Writer<W> for Silent {
    type Cli = cli::Empty;

    async fn handle_event(
        &mut self,
        _: parser::Result<cucumber::Event<event::Cucumber<W>>>,
        _: &cli::Empty,
    ) {
    }
}

impl writer::Normalized for Silent {}
