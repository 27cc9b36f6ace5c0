//! Renders a recording and says how long each part took: `render EVENTS OUT.html`, or `render long OUT.html` for a
//! made-up run of ten minutes and twenty names at 1000 journeys a second.

#[path = "../tests/streams/mod.rs"]
mod streams;

use harness_core::{readiness, verdict};
use harness_report::{html, store};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, from, to] = args.as_slice() else {
        return Err("usage: render EVENTS|long OUT.html".into());
    };
    let path = if from == "long" {
        write_long()?
    } else {
        PathBuf::from(from)
    };
    let begun = Instant::now();
    let record = store::record(&path)?.record;
    let folded = Instant::now();
    let verdict = verdict::evaluate(&record);
    let readiness = readiness::readiness(&record, &verdict);
    let judged = Instant::now();
    let page = html::render(&record, &verdict, &readiness)?;
    let rendered = Instant::now();
    std::fs::write(to, &page)?;
    if from == "long" {
        std::fs::remove_file(&path)?;
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
    std::io::Write::write_all(&mut std::io::stdout(), words.as_bytes())?;
    Ok(())
}

fn write_long() -> Result<PathBuf, Box<dyn std::error::Error>> {
    let path = std::env::temp_dir().join(format!("long-{}.ndjson.zst", std::process::id()));
    let mut writer = store::EventWriter::create(&path)?;
    streams::long(600, 10)
        .into_iter()
        .for_each(|event| writer.write(Arc::new(event)));
    writer.finish()?;
    Ok(path)
}
