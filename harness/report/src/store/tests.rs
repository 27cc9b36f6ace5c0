//! Runs in a folder: found by any of their names, read up to a bound, never overwritten, and the oldest removed to make room.

use super::*;

fn store_with(runs: &[&str]) -> (tempfile::TempDir, RunStore) {
    let dir = tempfile::tempdir().unwrap();
    let store = RunStore::open(dir.path().join("runs"));
    for run in runs {
        let folder = store.create(&run.parse().unwrap()).unwrap();
        fs::write(folder.events(), "").unwrap();
    }
    (dir, store)
}

#[test]
fn a_run_is_found_by_id_prefix_path_and_latest() {
    let (_dir, store) = store_with(&["20260101-000000-aaaa", "20260102-000000-bbbb"]);
    let second = store.folder(&"20260102-000000-bbbb".parse().unwrap());
    for text in [
        "latest",
        "20260102",
        "20260102-000000-bbbb",
        second.path().to_str().unwrap(),
        second.events().to_str().unwrap(),
    ] {
        assert_eq!(store.resolve(text).unwrap(), second.events(), "{text}");
    }
    assert!(matches!(
        store.resolve("2026"),
        Err(StoreError::Ambiguous { .. })
    ));
    assert!(matches!(
        store.resolve("2027"),
        Err(StoreError::Unknown { .. })
    ));
    assert!(matches!(store.resolve(""), Err(StoreError::Unknown { .. })));
}

#[test]
fn an_exact_id_wins_over_a_longer_one_and_folders_without_events_are_no_runs() {
    let (_dir, store) = store_with(&["run", "run-2"]);
    fs::create_dir(store.root.join("run-3")).unwrap();
    assert_eq!(
        store.resolve("run").unwrap(),
        store.root.join("run").join(EVENTS)
    );
    assert_eq!(store.latest().unwrap().unwrap().as_str(), "run-2");
}

#[test]
fn unpacked_events_are_read_where_there_are_no_others_and_what_has_none_says_so() {
    let (dir, store) = store_with(&["run"]);
    let folder = store.folder(&"run".parse().unwrap());
    let plain = folder.path().join(PLAIN);
    fs::write(&plain, "").unwrap();
    let resolve = |text: &str| store.resolve(text).map_err(|error| error.to_string());
    assert_eq!(resolve("run").unwrap(), folder.events());
    fs::remove_file(folder.events()).unwrap();
    for text in ["run", "latest", folder.path().to_str().unwrap()] {
        assert_eq!(resolve(text).unwrap(), plain, "{text}");
    }
    fs::remove_file(&plain).unwrap();
    for (text, why) in [
        ("run", "runs/run: it has no events.ndjson.zst"),
        ("other", "no run in it has an events.ndjson.zst"),
        ("latest", "no run in it has an events.ndjson.zst"),
        (
            folder.path().to_str().unwrap(),
            "it has no events.ndjson.zst",
        ),
    ] {
        let error = resolve(text).unwrap_err();
        assert!(error.ends_with(why), "{error}");
    }
    fs::remove_dir_all(dir.path().join("runs")).unwrap();
    assert!(resolve("other").unwrap_err().ends_with("it is empty"));
}

#[test]
fn a_small_file_is_read_up_to_its_bound_and_only_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("small");
    fs::write(&path, "12345").unwrap();
    assert_eq!(read_small(&path, 5).unwrap(), b"12345");
    let large = read_small(&path, 4).unwrap_err().to_string();
    assert!(large.contains("5 bytes"), "{large}");
    fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    assert!(read_small(&path, 5).is_err());
    let folder = read_small(dir.path(), 5).unwrap_err().to_string();
    assert!(folder.contains("no regular file"), "{folder}");
}

#[test]
fn a_run_is_never_overwritten_and_an_absent_store_is_empty() {
    let (dir, store) = store_with(&["run"]);
    assert!(matches!(
        store.create(&"run".parse().unwrap()),
        Err(StoreError::Exists(_))
    ));
    assert_eq!(RunStore::open(dir.path().join("none")).list().unwrap(), []);
}

#[test]
fn the_oldest_runs_make_room_once_they_rest() {
    let (_dir, store) = store_with(&["a", "b", "c", "d"]);
    for run in ["a", "c", "d"] {
        let events = store.folder(&run.parse().unwrap()).events();
        let file = fs::File::options().write(true).open(events).unwrap();
        let written = file.metadata().unwrap().modified().unwrap();
        file.set_modified(written - RESTS * 2).unwrap();
    }
    fs::write(store.root.join("notes.txt"), "mine").unwrap();
    assert_eq!(store.keep(2).unwrap(), 1, "b was written to just now");
    let left: Vec<_> = store
        .list()
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(left, ["b", "c", "d"]);
    assert_eq!(store.keep(9).unwrap(), 0);
    assert!(store.root.join("notes.txt").is_file());
}

#[test]
fn a_report_with_a_secret_is_not_written() {
    let (_dir, store) = store_with(&["run"]);
    let folder = store.folder(&"run".parse().unwrap());
    let secrets = [Secret {
        name: "key".into(),
        value: "demo-key".into(),
    }];
    assert!(matches!(
        folder.write(ReportFile::Html, "a demo-key b", &secrets),
        Err(StoreError::Leak(_))
    ));
    assert!(!folder.report(ReportFile::Html).exists());
    folder.write(ReportFile::Html, "clean", &secrets).unwrap();
    assert_eq!(
        fs::read_to_string(folder.report(ReportFile::Html)).unwrap(),
        "clean"
    );
}
