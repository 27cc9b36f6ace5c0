//! What this machine can do, asked for real: facts that the kernel knows, an engine that is not there, and what is
//! demanded.

use crate::support::Suite;
use serde_json::Value;

fn suite() -> Suite {
    Suite::new(&[])
}

#[track_caller]
fn line<'v>(said: &'v Value, topic: &str) -> &'v Value {
    let lines = said["lines"].as_array().unwrap();
    let found = lines.iter().find(|line| line["topic"] == topic);
    found.unwrap_or_else(|| panic!("no line of {topic} in {said:#}"))
}

#[test]
fn the_machine_is_told_as_it_is() {
    let suite = suite();
    let said = suite.run(&["doctor", "--format", "json"]).exits(0).json();
    let facts = &said["facts"];
    let processors = std::thread::available_parallelism().unwrap().get();
    assert_eq!(facts["time"]["processors"], processors);
    assert!(facts["runs"]["free"].as_u64().unwrap() > 0);
    // What lies beside the tests' own binary.
    let goose = std::path::Path::new(crate::support::HARNESS).with_file_name("harness-goose");
    assert_eq!(facts["worker"]["there"], goose.is_file());
    let state = line(&said, "goose worker")["state"].as_str().unwrap();
    assert_eq!(state == "ok", goose.is_file(), "{said:#}");
    let text = suite.run(&["doctor"]).exits(0).stdout;
    for line in said["lines"].as_array().unwrap() {
        assert!(text.contains(line["topic"].as_str().unwrap()), "{text}");
    }
}

#[test]
fn an_engine_that_is_not_there_is_told_and_missed_only_where_it_is_demanded() {
    let suite = suite();
    let nowhere = format!("unix://{}/nobody.sock", suite.path().display());
    let ask = |arguments: &[&str]| {
        let mut command = suite.command(arguments);
        let output = command.env("DOCKER_HOST", &nowhere).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (
            output.status.code().unwrap(),
            text(output.stdout),
            text(output.stderr),
        )
    };
    let (code, said, _) = ask(&["doctor", "--format", "json"]);
    assert_eq!(code, 0);
    let said: Value = serde_json::from_str(&said).unwrap();
    let engine = line(&said, "container engine");
    assert_eq!(engine["state"], "missing");
    assert!(
        engine["finding"].as_str().unwrap().contains(&nowhere)
            && engine["cost"].as_str().unwrap().contains("modes container"),
        "{engine:#}"
    );
    let (code, _, told) = ask(&["doctor", "--require", "goose,container"]);
    assert_eq!(code, 3);
    assert!(told.contains("a container engine is required"), "{told}");
}
