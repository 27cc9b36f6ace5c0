//! Writes the made-up streams to `fixtures/runs/`: `cargo run -p harness-report --example make_streams`.

#[path = "../tests/streams/mod.rs"]
mod streams;

fn main() -> std::io::Result<()> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/runs");
    std::fs::create_dir_all(&folder)?;
    let broken = streams::lines(&streams::broken());
    std::fs::write(
        folder.join("go.ndjson"),
        streams::lines(&streams::healthy()),
    )?;
    // Cut in the middle of a line, as a crash does.
    std::fs::write(
        folder.join("cut-short.ndjson"),
        &broken.as_bytes()[..broken.len() * 3 / 5],
    )?;
    std::fs::write(folder.join("no-go.ndjson"), broken)
}
