//! `harness selftest`: whether this instrument tells the truth on this machine. A server is loaded by `harness load` as
//! anybody starts it; it is frozen, and what is read is compared with what must be read; then the generator is frozen, and
//! must say so.

mod child;
mod judge;
pub(crate) mod server;
mod show;

use crate::args::{Format, SelftestArgs};
use crate::commands::session;
use crate::error::CliError;
use crate::printer::Printer;
use child::{Freeze, Left, Load, Server};
use harness_core::plan::gate::During;
use harness_core::record::{Record, ScenarioRecord, Tally};
use harness_core::verdict;
use judge::{GeneratorFrozen, TargetFrozen};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is played, and how exact the answer must be.
#[derive(Debug, Clone, Copy)]
struct Mode {
    /// A second of this is more than target and generator manage, or all that is of interest.
    overload: u32,
    /// The load during which the target is frozen.
    target: Load,
    /// When, and for how long.
    frozen: (Duration, Duration),
    /// The error allowed, as a share.
    limit: f64,
}

/// An hour's figures in a minute: at the rate of 200/s the thousandth part of the requests still are twelve.
const FULL: Mode = Mode {
    overload: 40_000,
    target: Load {
        rate: 200,
        seconds: 60,
    },
    frozen: (Duration::from_secs(20), Duration::from_secs(6)),
    limit: 0.015,
};

/// Some seconds, for CI. A tenth of a second by which a busy machine is late is a tenth of the whole freeze.
const QUICK: Mode = Mode {
    overload: 6_000,
    target: Load {
        rate: 400,
        seconds: 5,
    },
    frozen: (Duration::from_millis(1500), Duration::from_secs(1)),
    limit: 0.05,
};

/// The load during which the generator is frozen, when, and for how long.
const GENERATOR: (Load, Duration, Duration) = (
    Load {
        rate: 200,
        seconds: 3,
    },
    Duration::from_secs(1),
    Duration::from_secs(1),
);

/// The self-test's answer.
struct Answer {
    quick: bool,
    limit: f64,
    target: TargetFrozen,
    generator: GeneratorFrozen,
    /// What `harness load` answered of the load for which it stood still.
    code: Option<i32>,
}

impl Answer {
    fn passed(&self) -> bool {
        self.target.faults(self.limit).is_empty() && self.generator.faults().is_empty()
    }
}

/// Runs the self-test; 0 if the instrument can be trusted here, 4 if not.
pub(crate) fn selftest(args: &SelftestArgs, printer: Printer) -> Result<u8, CliError> {
    let folder = Folder::new()?;
    let answer = session::block_on(perform(args.quick, &folder.0, printer))?;
    match args.format {
        Format::Text => printer.data(&show::text(&answer)),
        Format::Json => printer.data(&show::json(&answer)),
    }
    Ok(if answer.passed() { 0 } else { 4 })
}

async fn perform(quick: bool, folder: &Path, printer: Printer) -> Result<Answer, CliError> {
    let mode = if quick { QUICK } else { FULL };
    let mut server = Server::start().await?;
    printer.say("measuring what target and generator manage together …");
    let overload = Load {
        rate: mode.overload,
        seconds: 1,
    };
    let left = child::play(
        &mut server,
        overload,
        Freeze::None,
        &folder.join("capacity"),
    )
    .await?;
    let capacity = capacity(of(&left)?.1);
    let (after, lasts) = mode.frozen;
    printer.say(&format!(
        "loading a target for {} s and stopping it for {} s of them …",
        mode.target.seconds,
        lasts.as_secs_f64()
    ));
    let freeze = Freeze::Target(after, lasts);
    let left = child::play(&mut server, mode.target, freeze, &folder.join("target")).await?;
    let target = target_frozen(mode, &left, capacity)?;
    let (load, after, lasts) = GENERATOR;
    printer.say(&format!(
        "loading it again and stopping the generator for {} s …",
        lasts.as_secs_f64()
    ));
    let freeze = Freeze::Generator(after, lasts);
    let left = child::play(&mut server, load, freeze, &folder.join("generator")).await?;
    Ok(Answer {
        quick,
        limit: mode.limit,
        target,
        code: left.status.code(),
        generator: generator_frozen(load, &left)?,
    })
}

/// The one scenario of a load, and all its journeys together.
fn of(left: &Left) -> Result<(&Record, &ScenarioRecord, Tally), CliError> {
    let scenario = left.record.scenarios.first().ok_or_else(|| {
        CliError::Machine(format!(
            "`harness load` made no load: it ended with {}",
            left.status
        ))
    })?;
    Ok((&left.record, scenario, scenario.select(None, &During::All)))
}

/// Requests per second that were answered while more were asked for.
fn capacity(scenario: &ScenarioRecord) -> f64 {
    let finished = scenario.select(None, &During::All).finished();
    let ended = scenario.end.map_or(0, |(at, _)| at);
    let seconds = ended.saturating_sub(scenario.t0_us) as f64 / 1e6;
    finished as f64 / seconds.max(0.001)
}

fn target_frozen(mode: Mode, left: &Left, capacity: f64) -> Result<TargetFrozen, CliError> {
    let (record, scenario, all) = of(left)?;
    Ok(TargetFrozen {
        rate: f64::from(mode.target.rate),
        length: f64::from(mode.target.seconds),
        stopped: left.stopped,
        capacity,
        failed: all.failed(),
        response: all.response,
        generator: verdict::generator(record, scenario),
    })
}

fn generator_frozen(load: Load, left: &Left) -> Result<GeneratorFrozen, CliError> {
    let (record, scenario, all) = of(left)?;
    Ok(GeneratorFrozen {
        rate: f64::from(load.rate),
        length: f64::from(load.seconds),
        stopped: left.stopped,
        longest_us: all.response.max().unwrap_or(0),
        generator: verdict::generator(record, scenario),
    })
}

/// A folder of the self-test's own, gone when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, CliError> {
        let name = format!("harness-selftest-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).map_err(|source| CliError::File {
            doing: "create",
            path: path.clone(),
            source,
        })?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays lies where the system clears up by itself.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
