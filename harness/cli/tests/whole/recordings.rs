//! Recordings as they are found: with something behind their end, empty, not there, or no recordings at all. What is whole
//! is told whole.

use crate::streams;
use crate::support::Suite;

const ID: &str = "20260101-000000-aaaa";
const EVENTS: &str = "reports/runs/20260101-000000-aaaa/events.ndjson";

fn packed(text: &str) -> Vec<u8> {
    zstd::encode_all(text.as_bytes(), 3).unwrap()
}

fn with(file: &str, bytes: &[u8]) -> Suite {
    let suite = Suite::new(&[(
        "harness.toml",
        "[project]\nname = \"shop\"\n[target]\nmode = \"external\"\nurl = \"http://127.0.0.1:9\"\n",
    )]);
    suite.write(file, bytes);
    suite
}

fn report(suite: &Suite) -> (i32, String, String) {
    let ran = suite.run(&["report", ID, "--kind", "markdown", "-o", "-"]);
    (ran.code, ran.stdout, ran.stderr)
}

#[test]
fn what_stands_behind_a_whole_recording_is_left_out_and_said() {
    let text = streams::lines(&streams::healthy());
    let lines = text.lines().count() as u64;
    let zst = format!("{EVENTS}.zst");
    let (code, whole, said) = report(&with(EVENTS, text.as_bytes()));
    assert_eq!((code, said.as_str()), (0, ""));
    for tail in [
        &b"\n"[..],
        b"x",
        b"7",
        b"\0",
        b"{}\n",
        b"garbage\nmore of it\n",
        b"{\"seq\":",
        &[0xff; 300],
    ] {
        let plain = [text.as_bytes(), tail].concat();
        let mut packed_alone = packed(&text);
        packed_alone.extend_from_slice(tail);
        let packed_with = packed(&text)
            .into_iter()
            .chain(packed("garbage\n"))
            .collect::<Vec<u8>>();
        for (file, bytes) in [
            (EVENTS, &plain),
            (&zst, &packed_alone),
            (&zst, &packed_with),
        ] {
            let (code, told, said) = report(&with(file, bytes));
            assert_eq!(code, 0, "{tail:?} in {file}: {said}");
            let wanted = format!(
                "from line {} on, stands what is no event; it is left out",
                lines + 1
            );
            assert!(said.contains(&wanted), "{tail:?} in {file}: {said}");
            // The digest of the evidence is that of the file, which is another one.
            let figures = |text: &str| {
                text.lines()
                    .filter(|l| !l.contains("sha256"))
                    .collect::<Vec<_>>()
                    .join("\n")
            };
            assert_eq!(figures(&told), figures(&whole), "{tail:?} in {file}");
        }
    }
}

#[test]
fn a_release_is_judged_by_what_is_whole_and_told_of_the_rest() {
    let text = streams::lines(&streams::healthy());
    let lines = text.lines().count() + 1;
    let suite = with(EVENTS, format!("{text}x").as_bytes());
    let ran = suite.run(&["readiness", ID]);
    let said = ran.stdout + &ran.stderr;
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let wanted =
        format!("from line {lines} of its events on, stands what is no event; it is left out");
    assert!(said.contains(&wanted), "{said}");
}

#[test]
fn events_behind_the_end_of_a_run_are_not_left_out_without_a_word() {
    let text = streams::lines(&streams::healthy());
    let twice = format!("{text}{text}");
    let behind_garbage = format!("{text}garbage\n{text}");
    let strange =
        format!("{text}{{\"seq\":1,\"at_us\":1,\"wall_ms\":1,\"event\":\"what_is_to_come\"}}\n");
    for (bytes, words) in [
        (twice, "begins a second run"),
        (behind_garbage, "not an event"),
        (strange, "what_is_to_come"),
    ] {
        let (code, _, said) = report(&with(EVENTS, bytes.as_bytes()));
        assert_eq!(code, 2, "{said}");
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn half_a_recording_is_told_as_such() {
    let text = streams::lines(&streams::healthy());
    let (code, _, said) = report(&with(EVENTS, &text.as_bytes()[..text.len() / 2]));
    assert!(said.contains("end in the middle"), "{code}: {said}");
    assert!(!said.contains("behind the end"), "{said}");
}

#[test]
fn nothing_and_nonsense_are_told_apart() {
    let (code, _, said) = report(&with(EVENTS, b""));
    assert_eq!(code, 2, "{said}");
    assert!(
        said.contains("is empty: no event of a run is in it") && said.contains("hint: "),
        "{said}"
    );
    let noise: Vec<u8> = (0..4096_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let (code, _, said) = report(&with(EVENTS, &noise));
    assert_eq!(code, 2, "{said}");
    assert!(
        said.contains("is not a recorded run") && said.contains("hint: "),
        "{said}"
    );
}

#[test]
fn a_run_without_events_is_told_by_its_id_as_by_its_path() {
    let suite = with("reports/runs/20260101-000000-aaaa/run.log", b"");
    for name in [ID, "reports/runs/20260101-000000-aaaa"] {
        let ran = suite.run(&["report", name]).exits(2);
        let told = format!("reports/runs/{ID}: it has no events.ndjson.zst");
        assert!(ran.stderr.contains(&told), "{name}: {}", ran.stderr);
    }
    let ran = suite.run(&["report", "20270101"]).exits(2);
    assert!(ran.stderr.contains("no run `20270101`"), "{}", ran.stderr);
}

/// Its constants decide how long a comparison takes: nobody may be kept for ever by a file.
#[test]
fn a_recording_whose_constants_no_suite_may_have_is_refused() {
    let text = streams::lines(&streams::healthy());
    let (first, rest) = text.split_once('\n').unwrap();
    let mut first: serde_json::Value = serde_json::from_str(first).unwrap();
    first["plan"]["regression"] = serde_json::json!({"resamples": 4_000_000_000_u32});
    let suite = with(EVENTS, format!("{first}\n{rest}").as_bytes());
    for command in [&["report", ID][..], &["compare", ID, ID]] {
        let ran = suite.run(command).exits(2);
        let told = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        let wanted = "what no suite may have: `resamples = 4000000000` can't be: it must lie at 100000 or below";
        assert!(told.contains(wanted), "{command:?}: {told}");
        assert!(told.contains("events.ndjson"), "{command:?}: {told}");
    }
}
