//! Lines as long as they may be take no more memory than a few of them, however many there are. In a process of its own, for it
//! asks the system how much that process took.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "in a test a panic is the report"
)]

mod streams;

use harness_report::store::record;
use std::io::Write as _;

/// Bytes that this process had resident at most.
#[cfg(target_os = "linux")]
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.unwrap().trim().strip_suffix(" kB").unwrap();
    kilobytes.parse::<usize>().unwrap() << 10
}

#[cfg(target_os = "linux")]
#[test]
fn many_long_lines_are_not_all_held_at_once() {
    const LINE: usize = 24 << 20;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("events.ndjson.zst");
    let mut file = zstd::Encoder::new(std::fs::File::create(&path).unwrap(), 1).unwrap();
    let begin = &streams::healthy()[..1];
    file.write_all(streams::lines(begin).as_bytes()).unwrap();
    let blanks = vec![b' '; LINE];
    for seq in 1..=12 {
        let event = r#""at_us":1,"wall_ms":1,"event":"target_starting""#;
        write!(file, "{{\"seq\":{seq},{event}").unwrap();
        file.write_all(&blanks).unwrap();
        file.write_all(b"}\n").unwrap();
    }
    file.finish().unwrap();
    drop(blanks);
    let before = peak();
    assert_eq!(record(&path).unwrap().record.events, 13);
    let took = peak().saturating_sub(before);
    assert!(took < 4 * LINE, "{} MiB", took >> 20);
}
