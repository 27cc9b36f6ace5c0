//! `harness hands`: what the helper container of a run does. Without an order it waits and holds volumes; told `-` it reads
//! orders from stdin, a line each, and answers with a line each. Hidden: the harness talks to itself.

use crate::error::CliError;
use crate::printer::Printer;
use harness_drive::target::hands::order::{Answer, Order};
use harness_drive::target::hands::perform;

/// Carries out an order, or all that come, or waits until the container is stopped.
pub(crate) fn hands(order: Option<&str>, printer: Printer) -> Result<u8, CliError> {
    match order {
        None => loop {
            std::thread::park();
        },
        Some("-") => {
            for line in std::io::stdin().lines() {
                let line = line.map_err(|error| CliError::Machine(error.to_string()))?;
                carry_out(&line, printer)?;
            }
            Ok(0)
        }
        Some(order) => carry_out(order, printer),
    }
}

fn carry_out(order: &str, printer: Printer) -> Result<u8, CliError> {
    let order: Order = serde_json::from_str(order)
        .map_err(|error| CliError::usage(format!("the order can't be read: {error}"), ""))?;
    let answer = perform(&order);
    let code = match answer {
        Answer::Done { .. } => 0,
        Answer::Failed { .. } => 3,
    };
    let words = serde_json::to_string(&answer);
    let words = words.map_err(|error| CliError::Machine(error.to_string()))?;
    printer.data(&format!("{words}\n"));
    Ok(code)
}
