//! Baselines in a folder: written whole or not at all, listed, told what is wrong with, and what a kill leaves of them.

use super::*;
use harness_core::plan::gate::During;
use harness_core::verdict::Trust;
use harness_core::verdict::regression::{Sample, Series, Window};
use std::collections::BTreeMap;

fn accepted(run: &str) -> Accepted {
    let window = |second| Window::of(second, 0, [(2_000, 40), (3_000, 10)]);
    Accepted {
        release: None,
        pinned: None,
        sample: Sample {
            format: 1,
            run: run.parse().unwrap(),
            date: "2026-01-01T00:00:00+00:00".into(),
            commit: None,
            seed: 1,
            scenario: "peak".parse().unwrap(),
            during: During::Undisturbed,
            workload: "w".into(),
            machine: BTreeMap::new(),
            trust: Trust::Valid,
            reasons: Vec::new(),
            completed: true,
            planned: 50,
            started: 50,
            seconds: 60.0,
            schedule_s: 60.0,
            window_s: 1,
            names: BTreeMap::from([("*".into(), Series((0..60).map(window).collect()))]),
        },
    }
}

fn folder() -> (tempfile::TempDir, Baselines) {
    let dir = tempfile::tempdir().unwrap();
    let baselines = Baselines::open(dir.path().join("baselines"));
    (dir, baselines)
}

#[test]
fn what_is_written_is_read_and_removed_with_its_folders() {
    let (_dir, baselines) = folder();
    assert_eq!(baselines.read().unwrap(), Found::default());
    let kept = baselines.write(&[&accepted("b")]).unwrap().remove(0);
    let before = fs::read(&kept.path).unwrap();
    assert_eq!(before.len() as u64, kept.bytes);
    baselines.write(&[&accepted("a")]).unwrap();
    baselines.write(&[&accepted("b")]).unwrap().remove(0);
    assert_eq!(fs::read(&kept.path).unwrap(), before, "the same bytes");
    let found = baselines.read().unwrap();
    let runs = found.kept.iter().map(|k| k.accepted.sample.run.as_str());
    assert_eq!(runs.collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(found.problems, []);
    for kept in &found.kept {
        baselines.remove(kept).unwrap();
    }
    assert!(!baselines.root().join("peak").exists());
    assert_eq!(baselines.read().unwrap(), Found::default());
}

#[test]
fn of_several_all_are_written_or_none() {
    let (_dir, baselines) = folder();
    let (a, b, c) = (accepted("a"), accepted("b"), accepted("c"));
    let before = fs::read(&baselines.write(&[&a]).unwrap()[0].path).unwrap();
    let released = Accepted {
        release: Some("1.4.0".parse().unwrap()),
        ..a.clone()
    };
    // What can't be replaced by a file, and what no part can be written into.
    let blocks = baselines.path(&c);
    for blocked in [blocks.clone(), part(&blocks)] {
        fs::create_dir_all(blocked.join("x")).unwrap();
        let error = baselines.write(&[&released, &b, &c]).unwrap_err();
        assert!(error.to_string().contains("c.baseline"), "{error}");
        fs::remove_dir_all(&blocked).unwrap();
        let left = fs::read_dir(blocks.parent().unwrap()).unwrap();
        let left: Vec<PathBuf> = left.map(|entry| entry.unwrap().path()).collect();
        assert_eq!(left, [baselines.path(&a)], "{}", blocked.display());
        assert_eq!(fs::read(baselines.path(&a)).unwrap(), before);
    }
    assert_eq!(baselines.write(&[&released, &b, &c]).unwrap().len(), 3);
}

#[test]
fn a_part_that_nobody_writes_any_more_goes_with_the_next_write_or_removal() {
    let (_dir, baselines) = folder();
    let kept = baselines.write(&[&accepted("a")]).unwrap().remove(0);
    let beside = |name| kept.path.with_file_name(name);
    let (left, written) = (beside(".b.baseline.1.part"), beside(".c.baseline.2.part"));
    let others = beside(".gitignore");
    fs::write(&others, "x").unwrap();
    let held = fs::File::create(&written).unwrap();
    held.lock().unwrap();
    fs::write(&left, "half").unwrap();
    baselines.write(&[&accepted("d")]).unwrap();
    assert!(!left.exists() && written.exists() && others.exists());
    fs::write(&left, "half").unwrap();
    baselines.remove(&kept).unwrap();
    assert!(!left.exists() && written.exists() && others.exists());
    // Who wrote it is gone.
    drop(held);
    baselines.write(&[&accepted("d")]).unwrap();
    assert!(!written.exists());
}

#[test]
fn a_scenario_may_be_called_as_the_folder_of_calibrations_is() {
    let (_dir, baselines) = folder();
    let mut accepted = accepted("b");
    accepted.sample.scenario = "calibration".parse().unwrap();
    baselines.write(&[&accepted]).unwrap();
    fs::write(baselines.root().join("calibration/x.json"), "").unwrap();
    let found = baselines.read().unwrap();
    assert_eq!(found.kept.len(), 1);
    assert_eq!(found.problems, []);
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_not_opened() {
    let (_dir, baselines) = folder();
    let kept = baselines.write(&[&accepted("b")]).unwrap().remove(0);
    let device = kept.path.with_file_name("device.baseline");
    std::os::unix::fs::symlink("/dev/null", &device).unwrap();
    let found = baselines.read().unwrap();
    assert_eq!(found.kept.len(), 1);
    let [problem] = found.problems.as_slice() else {
        panic!("{:?}", found.problems)
    };
    assert_eq!((&problem.path, problem.broken), (&device, true));
    let wrong = &problem.wrong;
    assert!(wrong.contains("it is no regular file"), "{wrong}");
}

#[test]
fn what_can_not_be_used_is_told_with_what_to_do() {
    let (_dir, baselines) = folder();
    let kept = baselines.write(&[&accepted("b")]).unwrap().remove(0);
    let key = kept.path.parent().unwrap();
    let bytes = fs::read(&kept.path).unwrap();
    fs::write(key.join("cut.baseline"), &bytes[..bytes.len() / 2]).unwrap();
    fs::write(key.join("moved.baseline"), &bytes).unwrap();
    fs::write(key.join("text.baseline"), "hello").unwrap();
    let head = b"{\"format\":2}\n";
    fs::write(key.join("newer.baseline"), pack(head).unwrap()).unwrap();
    fs::write(key.join("notes.txt"), "mine").unwrap();
    fs::write(baselines.root().join(".gitattributes"), "").unwrap();
    fs::create_dir(baselines.root().join("calibration")).unwrap();
    fs::write(baselines.root().join("calibration/x.json"), "").unwrap();
    fs::write(baselines.root().join("README.md"), "mine").unwrap();
    // At the top and beside the keys too, where nothing is looked for.
    for above in [
        baselines.root(),
        key.parent().unwrap(),
        &baselines.root().join("calibration"),
    ] {
        fs::write(above.join("above.baseline"), &bytes).unwrap();
    }
    let found = baselines.read().unwrap();
    assert_eq!(found.kept.len(), 1);
    let told = found.problems.iter().map(|p| {
        let (name, wrong) = (file_name(&p.path), &p.wrong);
        format!("{name} {}: {wrong}", p.broken)
    });
    let told: Vec<String> = told.collect();
    let above = "above.baseline true: it does not lie where it would be looked for";
    assert_eq!(told.iter().filter(|one| *one == above).count(), 3);
    let told: Vec<String> = told.into_iter().filter(|one| one != above).collect();
    assert_eq!(told.len(), 6, "{told:#?}");
    assert_eq!(told[0], "README.md false: it is no baseline");
    assert!(told[1].starts_with("cut.baseline true: it can't be read"));
    assert_eq!(
        told[2],
        "moved.baseline true: it does not lie where it would be looked for"
    );
    let moved = |p: &&Problem| file_name(&p.path) == "moved.baseline";
    let moved = found.problems.iter().find(moved).unwrap();
    assert!(moved.hint.ends_with("b.baseline"));
    assert_eq!(
        told[3],
        "newer.baseline true: it has baseline format 2, this harness reads 1"
    );
    let newer = |p: &Problem| p.hint.contains("newer one");
    assert!(found.problems.iter().any(newer));
    assert_eq!(told[4], "notes.txt false: it is no baseline");
    assert!(told[5].starts_with("text.baseline true: it can't be read"));
}
