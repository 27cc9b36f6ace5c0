//! Ready when a command ends with exit code 0: in the service's container, or on this machine with its folder and
//! environment.

use super::ASK;
use crate::target::service::{Start, Vessel, command, describe};
use std::process::Stdio;

/// One question; the error is how the command ended, with its last line.
pub(super) async fn ask(words: &[String], start: &Start) -> Result<(), String> {
    let told = words.join(" ");
    let mut command = command(words, start);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let output = match tokio::time::timeout(ASK, command.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Err(format!("`{told}` can't be run: {error}")),
        Err(_) => return Err(format!("`{told}` does not end")),
    };
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(ended(&told, &describe(Ok(output.status)), &said))
}

/// How a command ended that should have ended with 0.
pub(super) fn ended(told: &str, how: &str, said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let last = said.lines().rfind(|line| !line.trim().is_empty());
    let last: String = last.unwrap_or_default().trim().chars().take(200).collect();
    match last.is_empty() {
        true => format!("`{told}` ends with {how}"),
        false => format!("`{told}` ends with {how}: {last}"),
    }
}

/// The same within a container.
pub(super) async fn ask_within(words: &[String], vessel: &Vessel) -> Result<(), String> {
    let told = words.join(" ");
    let done = vessel.engine.exec(&vessel.id, words, ASK).await;
    let done = done.map_err(|error| error.to_string())?;
    match done.code {
        0 => Ok(()),
        code => Err(ended(
            &told,
            &format!("exit code {code}"),
            done.output.as_bytes(),
        )),
    }
}
