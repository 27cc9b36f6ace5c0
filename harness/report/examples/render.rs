//! Renders a recording and says how long each part took: `render EVENTS OUT.html`, `render long OUT.html` for a made-up run of
//! ten minutes and twenty names at 1000 journeys a second, or `render hour OUT.html` for one of an hour and fifty names.

#[path = "../tests/streams/mod.rs"]
mod streams;

use harness_core::event::Envelope;
use harness_core::{readiness, verdict};
use harness_report::{html, store};
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, from, to] = args.as_slice() else {
        return Err("usage: render EVENTS|long|hour OUT.html".into());
    };
    let made = match from.as_str() {
        "long" => Some(write(&streams::long(600, 10))?),
        "hour" => Some(write(&streams::long(3600, 25))?),
        _ => None,
    };
    let path = made.clone().unwrap_or_else(|| PathBuf::from(from));
    let begun = Instant::now();
    let record = store::record(&path)?.record;
    let folded = Instant::now();
    let verdict = verdict::evaluate(&record);
    let readiness = readiness::readiness(&record, &verdict);
    let judged = Instant::now();
    let page = html::render(&record, &verdict, &readiness)?;
    let rendered = Instant::now();
    std::fs::write(to, &page)?;
    if let Some(made) = made {
        std::fs::remove_file(made)?;
    }
    let ms = |a: Instant, b: Instant| (b - a).as_millis();
    let words = format!(
        "read and fold {} ms, judge {} ms, render {} ms, in all {} ms; {} bytes\n",
        ms(begun, folded),
        ms(folded, judged),
        ms(judged, rendered),
        ms(begun, rendered),
        page.len()
    );
    std::io::stdout().write_all(words.as_bytes())?;
    Ok(())
}

/// Compressed as a run's own are, but not by its writer, which leaves out what comes faster than it can write.
fn write(events: &[Envelope]) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let path = std::env::temp_dir().join(format!("made-{}.ndjson.zst", std::process::id()));
    let mut file = zstd::Encoder::new(File::create(&path)?, 3)?;
    for event in events {
        serde_json::to_writer(&mut file, event)?;
        file.write_all(b"\n")?;
    }
    file.finish()?;
    Ok(path)
}
