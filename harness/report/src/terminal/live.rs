//! The run while it goes on. Hears every event and a tick of the display's clock; keeps only what its lines say. On a
//! terminal two bars, elsewhere a line a phase and a line of load every five seconds.

use super::{Paint, Style};
use crate::capacity;
use crate::text::{self, one_line};
use harness_core::event::{Envelope, Event, InvariantChecked, LoadTick, Outcome, Phase, RunEnd};
use harness_core::hist::Hist;
use harness_core::plan::Plan;
use harness_core::plan::target::Mode;
use harness_core::record::failing;
use harness_core::verdict::{Grade, checked_one};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::Write;
use std::time::Duration;

/// Lines of a service's output shown when it did not come up.
const LAST_LINES: usize = 10;
/// Between two lines of load, microseconds.
const LOAD_EVERY_US: u64 = 5_000_000;

/// The live display.
pub struct Live {
    out: Output,
    style: Style,
    plan: Option<Box<Plan>>,
    /// Whether the target came up.
    up: bool,
    load: Option<Load>,
    walks: u64,
    failed: u64,
    findings: u64,
}

enum Output {
    Bars {
        bars: MultiProgress,
        main: ProgressBar,
    },
    Lines(Box<dyn Write + Send>),
}

/// A scenario under way.
struct Load {
    scenario: String,
    t0_us: u64,
    seconds: u64,
    faults: Vec<String>,
    warms_up: bool,
    told_us: u64,
    /// The first second of load that no line was about yet.
    untold: u32,
    recent: Recent,
}

/// What came in since the last line.
#[derive(Default)]
struct Recent {
    /// The second after the last one that was heard of.
    to: u32,
    started: u64,
    failed: u64,
    response: Hist,
}

impl Live {
    /// Progress bars, for a terminal: `ProgressDrawTarget::stderr()`.
    pub fn bars(target: ProgressDrawTarget, style: Style) -> Self {
        let bars = MultiProgress::with_draw_target(target);
        let main = bars.add(ProgressBar::new(0).with_style(spinner()));
        Self::with(Output::Bars { bars, main }, style)
    }

    /// Plain lines, for a log.
    pub fn lines(out: impl Write + Send + 'static, style: Style) -> Self {
        Self::with(Output::Lines(Box::new(out)), style)
    }

    fn with(out: Output, style: Style) -> Self {
        Self {
            out,
            style,
            plan: None,
            up: false,
            load: None,
            walks: 0,
            failed: 0,
            findings: 0,
        }
    }

    /// Takes in an event and shows what is new.
    pub fn hear(&mut self, envelope: &Envelope) {
        match &envelope.event {
            Event::RunStarted(run) => {
                self.say(&format!(
                    "run {} · {} · harness {}",
                    run.run,
                    one_line(&run.plan.project, 60),
                    one_line(&run.version, 30)
                ));
                self.plan = Some(Box::new(run.plan.clone()));
            }
            Event::ScenarioStarted { scenario, t0_us } => {
                self.begin_load(scenario.as_str(), *t0_us);
            }
            Event::TargetReady { .. } => {
                self.up = true;
                self.plain(&envelope.event);
            }
            Event::LoadTick(tick) => self.count(tick),
            Event::ScenarioFinished { scenario, end } => {
                self.tell_load(envelope.at_us);
                self.load = None;
                self.say(&format!("  {scenario}: {}", crate::figures::word(end)));
            }
            Event::FaultArmed { fault, what, .. } => self.fault_begins(fault, what),
            Event::FaultLifted { fault, .. } => self.fault_ends(fault),
            Event::EpochStarted(epoch) => {
                if let Some(load) = &mut self.load {
                    load.warms_up = epoch.warm_up;
                }
            }
            event => self.plain(event),
        }
        self.tick(envelope.at_us);
    }

    /// The display's clock: microseconds since the run began.
    pub fn tick(&mut self, now_us: u64) {
        let Some(load) = &self.load else {
            if let Output::Bars { main, .. } = &self.out {
                main.tick();
            }
            return;
        };
        let position = (now_us.saturating_sub(load.t0_us) / 1_000_000).min(load.seconds);
        if let Output::Bars { main, .. } = &self.out {
            main.set_position(position);
        }
        let every = if matches!(self.out, Output::Bars { .. }) {
            LOAD_EVERY_US / 5
        } else {
            LOAD_EVERY_US
        };
        if now_us.saturating_sub(load.told_us) >= every {
            self.tell_load(now_us);
        }
    }

    /// Takes the bars away, so that the summary can follow.
    pub fn finish(&mut self) {
        match &mut self.out {
            Output::Bars { bars, main } => {
                main.finish_and_clear();
                // A terminal that is gone needs no clearing.
                let _ = bars.clear();
            }
            Output::Lines(out) => {
                let _ = out.flush();
            }
        }
    }

    /// Whether somebody else started the target, and ends it.
    fn elsewhere(&self) -> bool {
        let plan = self.plan.as_ref();
        plan.is_some_and(|plan| plan.target.mode == Mode::External)
    }

    fn plain(&mut self, event: &Event) {
        let words = match event {
            Event::TargetStarting if self.elsewhere() => {
                "asking whether the target is there".to_owned()
            }
            Event::TargetStarting => "starting the target".to_owned(),
            Event::ServiceReady { service, took_us } => format!(
                "  {} is ready after {}",
                one_line(service, 60),
                text::micros(Some(*took_us))
            ),
            Event::TargetReady { entry } => format!("target ready at {}", one_line(entry, 200)),
            Event::TargetFailed {
                service,
                reason,
                output,
            } => self.target_failed(service.as_deref(), reason, output),
            Event::ServiceDied {
                service, status, ..
            } => self.bad(&format!(
                "✗ {} died: {}",
                one_line(service, 60),
                one_line(status, 100)
            )),
            Event::CapacityTrial(trial) => capacity::line(trial),
            Event::PhaseStarted { phase } => self.phase_begins(*phase),
            Event::PhaseFinished { phase } => self.phase_ends(*phase),
            Event::JourneyFinished(walk) => {
                self.walks += 1;
                if walk.outcome == Outcome::Passed {
                    return;
                }
                self.failed += 1;
                self.bad(&format!(
                    "  ✗ {} {}",
                    walk.journey,
                    crate::figures::word(&walk.outcome)
                ))
            }
            Event::ContractFinding(_) => {
                self.findings += 1;
                return;
            }
            Event::FaultFailed { fault, reason, .. } => self.bad(&format!(
                "  ✗ fault {}: {}",
                one_line(fault, 60),
                one_line(reason, 300)
            )),
            Event::GateTripped { gate, observed } => self.bad(&format!(
                "  ✗ gate {} stops the scenario: {}",
                one_line(gate, 60),
                one_line(observed, 200)
            )),
            Event::FaultTriggered { fault, seen, .. } => format!(
                "  fault {} is fired: {}",
                one_line(fault, 60),
                one_line(seen, 200)
            ),
            Event::ConditionBroken { gate, seen, .. } => self.bad(&format!(
                "  ✗ {}: {}",
                one_line(gate, 60),
                one_line(seen, 200)
            )),
            Event::InvariantChecked(checked) => match self.invariant(checked) {
                Some(words) => words,
                None => return,
            },
            Event::CancelRequested => "stopping; the report is written next".to_owned(),
            Event::Notice { text } => format!("  note: {}", one_line(text, 300)),
            Event::TargetStopped if self.elsewhere() => return,
            Event::TargetStopped => "target stopped".to_owned(),
            Event::RunFinished {
                end: RunEnd::Completed,
            } => return,
            Event::RunFinished { end } => {
                self.bad(&format!("run ended: {}", crate::figures::word(end)))
            }
            _ => return,
        };
        self.say(&words);
    }

    /// What an invariant came to, unless it held.
    fn invariant(&self, checked: &InvariantChecked) -> Option<String> {
        let scenario = self.plan.as_ref()?.scenario(checked.scenario.as_str())?;
        let planned = scenario.invariants.iter().find(|i| i.id == checked.gate)?;
        let result = checked_one(planned, checked);
        let sign = crate::figures::grade_sign(result.grade);
        let reason = one_line(crate::figures::bare_reason(&result.reason), 300);
        let words = format!("  {sign} {}: {reason}", one_line(&checked.gate, 80));
        (result.grade != Grade::Pass).then(|| self.bad(&words))
    }

    /// Why, and what the service said last: mostly that names the mistake.
    fn target_failed(&self, service: Option<&str>, reason: &str, output: &[String]) -> String {
        let who = service.map_or("the target".to_owned(), |name| one_line(name, 60));
        let failing = failing(self.up);
        let why = format!("✗ {who} {failing}: {}", one_line(reason, 600));
        let mut words = self.bad(&why);
        let last = output.len().saturating_sub(LAST_LINES);
        for line in output.iter().skip(last) {
            words.push_str(&format!("\n    │ {}", one_line(line, 200)));
        }
        words
    }

    fn bad(&self, words: &str) -> String {
        self.style.paint(Paint::Bad, words)
    }

    fn phase_begins(&mut self, phase: Phase) -> String {
        let walks = self.plan.as_ref().map_or(0, |plan| plan.walks.len() as u64);
        let words = match phase {
            Phase::Journeys => format!("walking {}", text::plural(walks, "journey")),
            Phase::Contract => "checking the contract".to_owned(),
            Phase::Scenarios => format!(
                "playing {}",
                text::plural(
                    self.plan.as_ref().map_or(0, |p| p.scenarios.len() as u64),
                    "scenario"
                )
            ),
        };
        if let Output::Bars { main, .. } = &self.out {
            main.set_message(words.clone());
        }
        words
    }

    fn phase_ends(&self, phase: Phase) -> String {
        match phase {
            Phase::Journeys => format!("  {} walked, {} failed", self.walks, self.failed),
            Phase::Contract => format!("  {}", text::plural(self.findings, "finding")),
            Phase::Scenarios => "  load done".to_owned(),
        }
    }

    fn begin_load(&mut self, scenario: &str, t0_us: u64) {
        let planned = self.plan.as_ref().and_then(|plan| plan.scenario(scenario));
        let seconds = planned.map_or(0, |s| s.load.duration().as_secs());
        let title = planned.map_or_else(String::new, |s| format!(": {}", one_line(&s.title, 100)));
        self.say(&format!(
            "{scenario}{title} ({})",
            text::span(seconds as f64)
        ));
        if let Output::Bars { main, .. } = &self.out {
            main.set_style(bar());
            main.set_length(seconds);
            main.set_position(0);
            main.set_message(String::new());
        }
        self.load = Some(Load {
            scenario: scenario.to_owned(),
            t0_us,
            seconds,
            faults: Vec::new(),
            warms_up: false,
            told_us: t0_us,
            untold: 0,
            recent: Recent::default(),
        });
    }

    fn count(&mut self, tick: &LoadTick) {
        let Some(load) = self.load.as_mut().filter(|l| l.scenario == tick.scenario) else {
            return;
        };
        if crate::figures::is_journey(&tick.name) {
            load.recent.started += tick.started;
            load.recent.to = load.recent.to.max(tick.second + 1);
            load.recent.failed += tick.errors.values().sum::<u64>();
            load.recent.response.add(&tick.response);
        }
    }

    fn fault_begins(&mut self, fault: &str, what: &str) {
        if let Some(load) = &mut self.load {
            load.faults.push(one_line(fault, 40));
        }
        let words = format!("  fault {}: {}", one_line(fault, 60), one_line(what, 120));
        self.say(&self.style.paint(Paint::Doubt, &words));
    }

    fn fault_ends(&mut self, fault: &str) {
        let name = one_line(fault, 40);
        if let Some(load) = &mut self.load {
            load.faults.retain(|f| *f != name);
        }
        self.say(&format!("  fault {} lifted", one_line(fault, 60)));
    }

    fn tell_load(&mut self, now_us: u64) {
        let Some(load) = &mut self.load else { return };
        let recent = std::mem::take(&mut load.recent);
        load.told_us = now_us;
        if recent.started + recent.response.count() == 0 {
            return;
        }
        // The seconds that were heard of, not those that went by: a second's figures come when it is over, and those of the
        // last ones all at once.
        let rate = match recent.to.saturating_sub(load.untold) {
            0 => format!("{} more", recent.started),
            seconds => text::rate(recent.started as f64 / f64::from(seconds)),
        };
        load.untold = load.untold.max(recent.to);
        let errors = if recent.failed > 0 {
            format!(", {}", text::plural(recent.failed, "error"))
        } else {
            String::new()
        };
        let warm_up = load.warms_up.then_some("warm-up");
        let under = load.faults.iter().map(String::as_str).chain(warm_up);
        let under: Vec<&str> = under.collect();
        let faults = if under.is_empty() {
            String::new()
        } else {
            format!(" [{}]", under.join(", "))
        };
        let figures = format!(
            "{rate}, p50 {}, p99 {}{errors}{faults}",
            text::micros(recent.response.quantile(0.5)),
            text::micros(recent.response.quantile(0.99))
        );
        let at = now_us.saturating_sub(load.t0_us) as f64 / 1e6;
        let progress = text::progress(at, load.seconds as f64);
        match &mut self.out {
            Output::Bars { main, .. } => main.set_message(figures),
            // Who reads a log may be gone (`| head`); the run goes on.
            Output::Lines(out) => drop(writeln!(out, "  {progress} {figures}")),
        }
    }

    fn say(&mut self, words: &str) {
        match &mut self.out {
            // The same: a terminal that is gone is no reason to stop.
            Output::Bars { bars, .. } => drop(bars.println(words)),
            Output::Lines(out) => drop(writeln!(out, "{words}")),
        }
    }
}

fn spinner() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn bar() -> ProgressStyle {
    ProgressStyle::with_template("{pos:>4}/{len}s {bar:24} {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

impl Drop for Live {
    fn drop(&mut self) {
        self.finish();
    }
}

/// How often a display's clock should tick.
pub const TICK: Duration = Duration::from_millis(200);
