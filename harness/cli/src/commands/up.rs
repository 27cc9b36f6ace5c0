//! `harness up`: the suite's target, started and held until somebody wishes its end. Nothing is tried on it.

mod detach;
pub(super) mod held;
mod teller;

use super::run;
use super::session::{self, Begun, Interrupts, Prepared};
use crate::args::{Format, UpArgs};
use crate::error::CliError;
use crate::printer::Printer;
use crate::sources;
use harness_core::event::{Envelope, RunEnd};
use harness_core::plan::Plan;
use harness_core::plan::resolve::Choice;
use harness_core::record::Record;
use harness_drive::executor::{self, Addresses, Finished};
use harness_drive::redact::Redactor;
use harness_report::store::RunFolder;
use held::Held;
use std::cell::RefCell;
use std::convert::Infallible;
use std::path::Path;
use std::time::Duration;
use teller::Teller;
use tokio::sync::mpsc;

/// Starts it, here or in the background.
pub(crate) fn up(suite: Option<&Path>, args: &UpArgs, printer: Printer) -> Result<u8, CliError> {
    if args.detach && !args.holder {
        return detach::start(printer);
    }
    if args.holder {
        detach::leave_terminal();
    }
    let found = sources::read(suite)?;
    let choice = Choice {
        profile: args.profile.clone(),
        target: args.target.map(Into::into),
        variant: args.variant.clone(),
        ..Choice::default()
    };
    let mut prepared = run::prepare(&found, &choice, printer)?;
    prepared.plan = only_target(prepared.plan);
    session::block_on(async {
        let interrupts = Interrupts::listen()?;
        hold(prepared, args, &interrupts, printer).await
    })
}

/// The plan without what a run does with its target.
fn only_target(plan: Plan) -> Plan {
    let plan = Plan {
        journeys: Vec::new(),
        walks: Vec::new(),
        contracts: Vec::new(),
        scenarios: Vec::new(),
        probes: Vec::new(),
        queries: Vec::new(),
        gates: Vec::new(),
        matrix: None,
        ..plan
    };
    plan.digested()
}

async fn hold(
    prepared: Prepared,
    args: &UpArgs,
    interrupts: &Interrupts,
    printer: Printer,
) -> Result<u8, CliError> {
    let heard = interrupts.for_run();
    let Begun {
        job,
        folder,
        secrets,
        ..
    } = session::begin(prepared, args.reports.as_deref(), printer)?;
    let redactor = Redactor::new(&secrets);
    let mut held = Held::begun(&job.started, &folder, args.holder);
    held.write()?;
    let teller = RefCell::new(Teller::new(printer));
    let (sender, mut ready) = mpsc::channel(1);
    let listener = |envelope: &Envelope, _: &Record| teller.borrow_mut().hear(envelope);
    let announce = async {
        let Some(addresses) = ready.recv().await else {
            return Ok(false);
        };
        let announced = announce(&mut held, addresses, &redactor, &folder, args, printer);
        match &announced {
            Ok(()) if args.holder => teller.borrow_mut().write_down(),
            Ok(()) => {}
            // A target that nobody can be told of is of no use to anybody.
            Err(_) => interrupts.wish()(),
        }
        announced.map(|()| true)
    };
    let held = async { tokio::join!(executor::hold(job, sender, heard, listener), announce) };
    let (finished, announced) = tokio::select! {
        ended = held => ended,
        never = watch(folder.path(), interrupts, printer) => match never {},
    };
    let Finished { record, abandoned } =
        finished.map_err(|error| CliError::Machine(error.to_string()))?;
    if abandoned {
        printer.error("stopped at once; the guardian is ending what is left of the target");
        return Ok(130);
    }
    Held::forget(folder.path());
    Ok(match (announced?, record.end) {
        (true, Some(RunEnd::Cancelled)) => 0,
        (false, Some(RunEnd::Cancelled)) => 130,
        _ => 3,
    })
}

/// How often the folder is looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Wishes for the end once the target's folder is gone: `down` finds by it what is held, so nobody could end it any more.
async fn watch(folder: &Path, interrupts: &Interrupts, printer: Printer) -> Infallible {
    let mut looks = tokio::time::interval(LOOK);
    loop {
        looks.tick().await;
        // A folder that can't be looked at for a moment is not gone.
        if matches!(folder.try_exists(), Ok(false)) {
            break;
        }
    }
    printer.say(&format!(
        "{} is gone, by which `harness down` knows the target: it is ended",
        folder.display()
    ));
    // One that is on its way already would be hurried by another wish, and the guardian has lost its journal with the folder.
    if !interrupts.heard() {
        interrupts.wish()();
    }
    std::future::pending().await
}

/// Tells where it answers: to the folder, so that `down` knows it, and to whoever waits.
fn announce(
    held: &mut Held,
    addresses: Addresses,
    redactor: &Redactor,
    folder: &RunFolder,
    args: &UpArgs,
    printer: Printer,
) -> Result<(), CliError> {
    held.ready(addresses, redactor);
    held.write()?;
    let data = match args.format {
        Format::Text => held.to_text(),
        Format::Json => held.to_json()?,
    };
    if args.holder {
        printer.say(&held.how_to_end());
        return detach::hand_over(&data, folder);
    }
    printer.data(&data);
    printer.say(&held.how_to_end());
    Ok(())
}
