//! Small mistakes at the command line: what is said of each, and the exit code that goes with it.

use crate::streams::{self, Shape};
use crate::support::Suite;
use std::fs::File;

#[test]
fn small_mistakes_are_told_in_words_that_help() {
    let suite = Suite::new(&[
        ("harness.toml", "[project]\nname = \"x\"\n"),
        ("large.har", ""),
    ]);
    let large = File::options()
        .write(true)
        .open(suite.path().join("large.har"))
        .unwrap();
    large.set_len(300 << 20).unwrap();
    for (line, words) in [
        (
            "run --release .1",
            "a name may not begin with '.'; let it start with a letter or digit",
        ),
        ("run --release a/b", "a name may not contain '/'"),
        (
            "-C harness.toml check",
            "-C names a folder, and FOLDER/harness.toml is a file\n  hint: name the folder it lies in: -C FOLDER",
        ),
        (
            "-C large.har check",
            "-C names a folder, and FOLDER/large.har is a file",
        ),
        (
            "import openapi /dev/null --url http://x",
            "/dev/null is a device or a pipe, and only a file can be imported",
        ),
        (
            "import openapi . --url http://x",
            ". is a folder, and only a file can be imported",
        ),
        (
            "import har large.har",
            "large.har is too large: 314572800 bytes\n  hint: at most 256 MiB are read",
        ),
        (
            "import har nope.har",
            "failed to read nope.har: No such file",
        ),
        (
            "import openapi nope.json --url http://x",
            "failed to read nope.json: No such file",
        ),
        (
            "contract http://127.0.0.1:9 nope.json",
            "failed to read nope.json: No such file",
        ),
        (
            "load http://127.0.0.1:9 -D nope",
            "failed to read nope: No such file",
        ),
    ] {
        let ran = suite.run(&line.split(' ').collect::<Vec<_>>()).exits(2);
        let folder = suite.path().canonicalize().unwrap();
        let said = ran.stderr.replace(&folder.display().to_string(), "FOLDER");
        assert!(said.contains(words), "{line}:\n{said}");
    }
}

#[test]
fn help_that_can_not_be_written_is_no_answer() {
    let suite = Suite::new(&[]);
    for line in ["--help", "check --help", "--version", "help"] {
        let mut command = suite.command(&line.split(' ').collect::<Vec<_>>());
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = command
            .stdout(full)
            .stderr(std::process::Stdio::piped())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{line}: {said}");
        assert!(
            said.contains("error: failed to write to stdout: No space left"),
            "{line}: {said}"
        );
        suite.run(&line.split(' ').collect::<Vec<_>>()).exits(0);
    }
}

/// Runs are not looked for elsewhere, in silence, where what was named is no suite.
#[test]
fn what_c_names_must_be_a_suite_for_commands_that_read_runs_too() {
    // Runs that lie here, and are no suite's that was named.
    let run = "20260101-000000-base";
    let lines = streams::lines(&streams::make(&Shape::of(run, 24, 40.0)));
    let suite = Suite::new(&[
        ("harness.toml", "[project]\nname = \"shop\"\n"),
        (&format!("reports/runs/{run}/events.ndjson"), &lines),
    ]);
    std::fs::create_dir(suite.path().join("empty")).unwrap();
    for command in [
        &["report"][..],
        &["compare", run],
        &["export", run, "--format", "prometheus"],
        &["readiness", run],
    ] {
        let ran = suite
            .run(&[&["-C", "harness.toml"], command].concat())
            .exits(2);
        assert!(
            ran.stderr.contains("-C names a folder, and "),
            "{command:?}: {}",
            ran.stderr
        );
        let ran = suite.run(&[&["-C", "empty"], command].concat()).exits(2);
        assert!(
            ran.stderr.contains("failed to find harness.toml in "),
            "{command:?}: {}",
            ran.stderr
        );
        // The folder above has one, and was not looked into.
        assert!(!ran.stderr.contains("above it"), "{}", ran.stderr);
    }
}
