//! Recordings written, read back, cut, spoilt.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "in a test a panic is the report"
)]

mod streams;

use harness_core::event::Envelope;
use harness_core::record::fold;
use harness_report::store::{EventWriter, ReadError, read, record};
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn written(dir: &Path, events: &[Envelope]) -> PathBuf {
    let path = dir.join("events.ndjson.zst");
    let mut writer = EventWriter::create(&path).unwrap();
    events
        .iter()
        .for_each(|event| writer.write(Arc::new(event.clone())));
    writer.finish().unwrap();
    path
}

fn plain(dir: &Path, text: &str) -> PathBuf {
    let path = dir.join("events.ndjson");
    std::fs::write(&path, text).unwrap();
    path
}

fn error(path: &Path) -> String {
    read(path)
        .unwrap()
        .find_map(Result::err)
        .expect("an error")
        .to_string()
}

#[test]
fn what_was_written_reads_back_compressed_and_plain() {
    let dir = tempfile::tempdir().unwrap();
    let events = streams::broken();
    for path in [
        written(dir.path(), &events),
        plain(dir.path(), &streams::lines(&events)),
    ] {
        let mut reader = read(&path).unwrap();
        let back: Vec<_> = reader.by_ref().collect::<Result<_, _>>().unwrap();
        assert_eq!(back, events);
        assert!(!reader.cut_short());
    }
}

#[test]
fn folding_while_reading_gives_the_same_record_and_the_same_errors() {
    let dir = tempfile::tempdir().unwrap();
    let events = streams::broken();
    let recorded = record(&written(dir.path(), &events)).unwrap();
    assert_eq!(recorded.record, fold(events.clone()).unwrap());
    assert!(!recorded.cut_short);
    // So much that several add up at once.
    let much = streams::long(200, 8);
    let recorded = record(&plain(dir.path(), &streams::lines(&much))).unwrap();
    assert_eq!(recorded.record, fold(much).unwrap());
    let text = streams::lines(&events);
    let half = plain(dir.path(), &text[..text.len() / 2]);
    assert!(record(&half).unwrap().cut_short);
    let spoilt = plain(
        dir.path(),
        &text.replacen("\"second\":7", "\"second\":-7", 1),
    );
    assert!(matches!(record(&spoilt), Err(ReadError::Line { .. })));
    let nothing = plain(dir.path(), "");
    assert!(matches!(record(&nothing), Err(ReadError::Empty { .. })));
}

#[test]
fn of_two_mistakes_the_first_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let text = streams::lines(&streams::broken());
    let begin = text.lines().next().unwrap();
    for (first, second) in [(begin, "nothing"), ("nothing", begin)] {
        let told = record(&plain(dir.path(), &format!("{begin}\n{first}\n{second}\n")));
        let is_fold = matches!(told, Err(ReadError::Fold { .. }));
        assert_eq!(is_fold, first == begin);
    }
}

#[test]
fn what_can_not_be_read_any_further_is_told_in_the_same_words_either_way() {
    let dir = tempfile::tempdir().unwrap();
    let told = |path: &Path| {
        let told = error(path);
        assert_eq!(record(path).unwrap_err().to_string(), told);
        told
    };
    let text = streams::lines(&streams::healthy());
    let line = text.lines().next().unwrap();
    let long = format!("{line}\n\"{}\"\n", "x".repeat(65 << 20));
    let told_of_long = told(&plain(dir.path(), &long));
    assert!(
        told_of_long.ends_with("line 2: longer than 64 MiB"),
        "{told_of_long}"
    );
    let whole = std::fs::read(written(dir.path(), &streams::long(60, 5))).unwrap();
    let damaged = (1..8).filter_map(|eighth| {
        let mut damaged = whole.clone();
        let at = damaged.len() * eighth / 8;
        damaged[at..at + 40].fill(0xff);
        let path = dir.path().join("damaged");
        std::fs::write(&path, damaged).unwrap();
        let failed = read(&path).unwrap().any(|event| event.is_err());
        failed.then(|| told(&path))
    });
    let damaged: Vec<String> = damaged.collect();
    let by_the_file = |told: &&String| !told.contains("not a") && !told.contains("event");
    assert!(damaged.iter().any(|told| by_the_file(&told)), "{damaged:?}");
}

#[test]
fn a_recording_cut_anywhere_gives_its_first_part() {
    let dir = tempfile::tempdir().unwrap();
    let events = streams::healthy();
    let compressed = std::fs::read(written(dir.path(), &events)).unwrap();
    let text = streams::lines(&events).into_bytes();
    for whole in [compressed, text] {
        for part in [whole.len() / 3, whole.len() / 2, whole.len() - 5] {
            let path = dir.path().join("cut");
            std::fs::write(&path, &whole[..part]).unwrap();
            let mut reader = read(&path).unwrap();
            match reader.by_ref().collect::<Result<Vec<_>, _>>() {
                Ok(back) => assert!(
                    !back.is_empty()
                        && back.len() < events.len()
                        && back[..] == events[..back.len()]
                ),
                // Less than one compressed block is left: nothing of it can be read, and that is said.
                Err(error) => assert!(matches!(error, ReadError::NotARun { .. }), "{error}"),
            }
            assert!(reader.cut_short());
        }
    }
}

#[test]
fn what_stands_behind_the_end_is_left_out_by_both_readers() {
    let dir = tempfile::tempdir().unwrap();
    let events = streams::healthy();
    let text = streams::lines(&events);
    let lines = events.len() as u64;
    let whole = std::fs::read(written(dir.path(), &events)).unwrap();
    // Long enough for batches of their own.
    let much = "nothing\n".repeat(2_000);
    for tail in ["x", "\n", "{}\n", "[1", much.as_str()] {
        let packed = [&whole, tail.as_bytes()].concat();
        for bytes in [[text.as_bytes(), tail.as_bytes()].concat(), packed] {
            let path = dir.path().join("behind");
            std::fs::write(&path, bytes).unwrap();
            let mut reader = read(&path).unwrap();
            let back: Vec<_> = reader.by_ref().collect::<Result<_, _>>().unwrap();
            assert_eq!(back, events);
            assert_eq!(
                (reader.cut_short(), reader.behind()),
                (false, Some(lines + 1))
            );
            let recorded = record(&path).unwrap();
            assert_eq!(recorded.record, fold(events.clone()).unwrap());
            assert_eq!(
                (recorded.cut_short, recorded.behind),
                (false, Some(lines + 1))
            );
        }
    }
    for lost in [
        format!("{text}nothing\n{text}"),
        format!("{text}{much}{text}"),
    ] {
        let path = plain(dir.path(), &lost);
        let told = error(&path);
        assert!(
            told.contains(&format!("line {}: not an event", lines + 1)),
            "{told}"
        );
        assert_eq!(record(&path).unwrap_err().to_string(), told);
    }
    // In the middle nothing is left out.
    let spoilt = text.replacen('\n', "\nnothing\n", 1);
    assert!(error(&plain(dir.path(), &spoilt)).contains("line 2: not an event"));
}

#[test]
fn a_last_line_without_its_end_counts_if_it_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let events = streams::healthy();
    let text = streams::lines(&events);
    let mut reader = read(&plain(dir.path(), text.trim_end())).unwrap();
    assert_eq!(reader.by_ref().count(), events.len());
    assert!(!reader.cut_short());
}

#[test]
fn what_is_newer_or_no_recording_is_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let text = streams::lines(&streams::healthy());
    let newer = text.replacen("\"format\":1", "\"format\":2", 1);
    assert!(
        error(&plain(dir.path(), &newer))
            .contains("has event format 2, this harness reads up to 1")
    );
    let newer_and_stranger =
        "{\"seq\":0,\"at_us\":0,\"wall_ms\":0,\"event\":\"run_began\",\"format\":9}\n";
    assert!(error(&plain(dir.path(), newer_and_stranger)).contains("format 9"));
    for garbage in [
        "\n",
        "hello\n",
        "{}\n",
        "{\"seq\":0,\"at_us\":0,\"wall_ms\":0,\"event\":\"target_starting\"}\n",
        "\u{0}\u{1}\u{2}",
    ] {
        assert!(
            error(&plain(dir.path(), garbage)).contains("is not a recorded run"),
            "{garbage:?}"
        );
    }
    let spoilt: String = text
        .lines()
        .enumerate()
        .map(|(i, line)| {
            if i == 6 {
                "{\"seq\":6,\"at_us\":0,\"wall_ms\":0,\"event\":\"load_tick\",\"second\":-1}\n"
                    .to_owned()
            } else {
                format!("{line}\n")
            }
        })
        .collect();
    let said = error(&plain(dir.path(), &spoilt));
    assert!(
        said.contains("line 7") && said.contains("`load_tick`"),
        "{said}"
    );
    assert!(read(&dir.path().join("none")).is_err());
}
