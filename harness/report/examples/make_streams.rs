//! Makes `fixtures/runs/`: the made-up stream of a target that says hostile things, and, where a folder of recordings
//! (`go.zst`, `no-go.zst`, `cut-short.zst`, `incident.zst`) is given, whichever of them are there, these as plain lines with the machine made neutral.
//! `fixtures/runs/record.sh` calls it.

#[path = "../tests/streams/mod.rs"]
mod streams;

use harness_core::event::{Envelope, Event};
use harness_report::store;
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/runs");
    std::fs::write(
        folder.join("hostile.ndjson"),
        streams::lines(&streams::broken()),
    )?;
    let Some(from) = std::env::args().nth(1) else {
        return Ok(());
    };
    for name in ["go", "no-go", "cut-short", "incident"] {
        let recording = Path::new(&from).join(format!("{name}.zst"));
        if !recording.is_file() {
            continue;
        }
        let mut events = store::read(&recording)?.collect::<Result<Vec<_>, _>>()?;
        events.iter_mut().for_each(neutral);
        let mut text = streams::lines(&events);
        if name == "cut-short" {
            // A crash ends a recording in the middle of a line.
            text.truncate(text.trim_end().len() - 10);
        }
        std::fs::write(folder.join(format!("{name}.ndjson")), text)?;
    }
    Ok(())
}

/// What tells of the machine a run was recorded on.
fn neutral(envelope: &mut Envelope) {
    if let Event::RunStarted(run) = &mut envelope.event {
        let facts = [
            ("cores", "4"),
            ("cpu", "x86-64"),
            ("kernel", "Linux 6.12"),
            ("memory", "16 GB"),
            ("system", "Linux"),
        ];
        run.environment = facts
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
    }
}
