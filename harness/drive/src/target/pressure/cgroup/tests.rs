//! Control groups: where one is made, and what it is told.

use super::*;
use crate::target::journal;

const OLDER: &str = "\
24 30 0:22 / /proc rw,nosuid - proc proc rw
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 /docker/abc /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";
const NEWER: &str =
    "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

fn place(version: Version, home: &str, root: &str) -> Option<Place> {
    Some(Place {
        version,
        home: home.into(),
        root: root.into(),
    })
}

#[test]
fn the_place_of_a_process_is_found_in_what_the_kernel_says_of_it() {
    let own = "5:memory:/docker/abc/x\n4:cpu,cpuacct:/user\n1:cpuset:/y\n0::/\n";
    let cpu = "/sys/fs/cgroup/cpu,cpuacct";
    let memory = "/sys/fs/cgroup/memory";
    assert_eq!(
        Place::of(Controller::Cpu, OLDER, own),
        place(Version::V1, &format!("{cpu}/user"), cpu)
    );
    // What is mounted is a part of the hierarchy.
    assert_eq!(
        Place::of(Controller::Memory, OLDER, own),
        place(Version::V1, &format!("{memory}/x"), memory)
    );
    let elsewhere = "5:memory:/docker/def\n";
    assert_eq!(Place::of(Controller::Memory, OLDER, elsewhere), None);
    assert_eq!(
        Place::of(Controller::Cpu, NEWER, "0::/user.slice/a.scope\n"),
        place(
            Version::V2,
            "/sys/fs/cgroup/user.slice/a.scope",
            "/sys/fs/cgroup"
        )
    );
    // Seen from within a namespace of its own, somebody is outside.
    assert_eq!(Place::of(Controller::Cpu, NEWER, "0::/../b.scope\n"), None);
    assert_eq!(Place::of(Controller::Cpu, "", own), None);
}

/// A folder that looks like a control group of the newer interface, with a group in it that hands on what is named.
fn tree(hands_on: &str) -> (tempfile::TempDir, Place) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_owned();
    let home = root.join("user.slice/a.scope");
    std::fs::create_dir_all(&home).unwrap();
    for (at, controllers) in [("", "cpu memory pids"), ("user.slice", hands_on)] {
        let file = root.join(at).join("cgroup.subtree_control");
        std::fs::write(file, format!("{controllers}\n")).unwrap();
    }
    std::fs::write(home.join("cgroup.subtree_control"), "\n").unwrap();
    let version = Version::V2;
    let place = Place {
        version,
        home,
        root,
    };
    (folder, place)
}

#[test]
fn a_group_of_the_newer_interface_is_made_where_its_controller_is_handed_on() {
    let (folder, place) = tree("pids memory");
    let slice = folder.path().join("user.slice");
    assert_eq!(place.parent(Controller::Memory), Some(slice));
    assert_eq!(
        place.parent(Controller::Cpu).as_deref(),
        Some(folder.path())
    );
    std::fs::write(folder.path().join("cgroup.subtree_control"), "pids\n").unwrap();
    assert_eq!(place.parent(Controller::Cpu), None);
}

/// A group with these files, made in a tree of a version.
fn group(version: Version, controller: Controller, files: &[&str]) -> (tempfile::TempDir, Folder) {
    let (folder, mut place) = tree("cpu memory");
    place.version = version;
    let journal = Journal::create(&folder.path().join("undo"), "r").unwrap();
    let parent = place.parent(controller).unwrap();
    let group = Folder::make_in(&place, &parent, controller, "harness-r-s", &journal).unwrap();
    let named = Entry::Cgroup {
        path: group.path.clone(),
        home: place.home,
    };
    let told = journal::read(&journal::open(journal.path()).unwrap()).unwrap();
    assert_eq!(told.last(), Some(&named));
    for file in files {
        std::fs::write(group.path.join(file), "").unwrap();
    }
    (folder, group)
}

fn told(group: &Folder, file: &str) -> String {
    std::fs::read_to_string(group.path.join(file)).unwrap()
}

#[test]
fn a_group_of_the_newer_interface_is_told_its_share_and_its_limit() {
    let period = Duration::from_millis(50);
    let (_tree, cpu) = group(Version::V2, Controller::Cpu, &["cpu.max"]);
    assert_eq!(cpu.hold(0.2, period).unwrap(), "cgroup v2 (cpu.max)");
    assert_eq!(told(&cpu, "cpu.max"), "10000 50000");
    cpu.let_go().unwrap();
    assert_eq!(told(&cpu, "cpu.max"), "max");

    let files = ["memory.max", "memory.swap.max"];
    let (_tree, memory) = group(Version::V2, Controller::Memory, &files);
    let by = memory.limit(200_000_000).unwrap();
    assert_eq!(by, "cgroup v2 (memory.max)");
    assert_eq!(
        files.map(|file| told(&memory, file)),
        ["200000000".to_owned(), "0".to_owned()]
    );
    memory.let_go().unwrap();
    assert_eq!(files.map(|file| told(&memory, file)), ["max", "max"]);
}

#[test]
fn a_group_of_the_older_interface_is_told_its_share() {
    let files = ["cpu.cfs_period_us", "cpu.cfs_quota_us"];
    let (_tree, cpu) = group(Version::V1, Controller::Cpu, &files);
    let by = cpu.hold(0.05, Duration::from_millis(50)).unwrap();
    assert_eq!(by, "cgroup v1 (cpu.cfs_quota_us)");
    assert_eq!(files.map(|file| told(&cpu, file)), ["50000", "2500"]);
    cpu.let_go().unwrap();
    assert_eq!(told(&cpu, "cpu.cfs_quota_us"), "-1");
}

#[test]
fn a_folder_that_is_no_group_takes_nothing() {
    for version in [Version::V1, Version::V2] {
        let (_tree, cpu) = group(version, Controller::Cpu, &[]);
        let error = cpu.hold(0.2, Duration::from_millis(50)).unwrap_err();
        assert!(error.contains("did not take its share"), "{error}");
        let (_tree, memory) = group(version, Controller::Memory, &[]);
        assert!(memory.limit(1).is_err() && memory.let_go().is_err());
        assert!(memory.join(procfs_group()).is_err());
    }
}

/// The process group of this test.
fn procfs_group() -> i32 {
    rustix::process::getpgrp().as_raw_pid()
}
