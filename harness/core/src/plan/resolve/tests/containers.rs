//! Suites whose services run in containers: what is planned, what is left out, and every error of a mode and a section.

use super::super::Choice;
use super::{JOURNEY, SCENARIO, findings, sources, told};
use crate::plan::Plan;
use crate::plan::describe::describe;
use crate::plan::fault::FaultKind;
use crate::plan::target::Mode;
use std::fmt::Write as _;

const CONFIG: &str = r#"
[project]
name = "demo"
[target]
compose = ["compose.yml", "compose.test.yml"]
[target.proxy]
image = "toxiproxy:2.12.0"
[target.service.front]
process = { command = ["front", "--port", "${port}"], env = { STATE = "${run.dir}/front" } }
container = { image = "demo:dev", build = { context = ".", dockerfile = "docker/Dockerfile", args = { MODE = "release" } }, command = ["front", "--port", "${port}"], port = 8080, env = { DATABASE = "postgres://${link.db.address}/demo" }, files = { "/etc/front.conf" = "docker/front.conf" }, memory = "256MB", cpus = 1.5 }
compose = { service = "web", port = 8080, env = { DATABASE = "postgres://${link.db.address}/demo" } }
env = { BACK = "${link.back.url}", LEVEL = "warn" }
ready = { get = "/ready", within = "20s" }
[target.service.back]
process = { command = ["back", "--port", "${port}"] }
container = { image = "demo:dev", command = ["back", "--port", "${port}"], port = 8081, volumes = { "/data/" = { size = "64MB" }, "/log" = {} } }
compose = { port = 8081 }
ready = { log = "listening" }
needs = ["db"]
[target.service.db]
container = { image = "postgres", port = 5432 }
compose = { port = 5432 }
ready = { command = ["pg_isready", "-p", "${port}"] }
[target.service.job]
container = { image = "demo:dev", command = ["job"] }
[target.link.back]
from = "front"
to = "back"
[target.link.db]
from = "front"
to = "db"
scheme = "tcp"
[target.link.edge]
to = "front"
[variant.next]
service.front = { image = "demo:next", env = { LEVEL = "info" } }
"#;

/// One of each fault on a service in a container, one after another.
const BROKEN: &str = r#"
title = "broken"
only_in = ["container", "compose"]
[load]
rate = "10/s"
for = "100s"
mix = { visit = 1 }
[[fault]]
name = "asked to stop"
service = "back"
at = "5s"
for = "2s"
stop = true
[[fault]]
name = "cut off"
service = "back"
at = "10s"
for = "2s"
disconnect = true
[[fault]]
name = "parted"
service = "back"
at = "15s"
for = "2s"
partition = { from = ["front", "db"], direction = "in" }
[[fault]]
name = "lossy"
service = "back"
at = "20s"
for = "2s"
packets = { loss = "5%", delay = "50ms", jitter = "10ms" }
[[fault]]
name = "full"
service = "back"
at = "25s"
for = "2s"
disk_full = { path = "/data" }
[[fault]]
name = "sealed"
service = "back"
at = "30s"
for = "2s"
read_only = { path = "/log" }
[[fault]]
name = "nameless"
service = "back"
at = "35s"
for = "2s"
dns = true
[[fault]]
name = "the new version"
service = "front"
at = "40s"
for = "10s"
deploy = { image = "demo:next", env = { PEER = "${link.back.url}" }, drain = "3s" }
[[gate]]
expect = "error_rate < 0.01%"
during = "the new version"
[[gate]]
expect = "error_rate < 0.01%"
during = "recovering the new version"
"#;

fn choice(mode: Mode) -> Choice {
    Choice {
        target: Some(mode),
        ..Choice::default()
    }
}

/// The suite above with its scenario; `from` replaced by `to` in whichever file has it.
fn suite(from: &str, to: &str, choice: &Choice) -> (Option<Plan>, String) {
    let files = [
        ("harness.toml", CONFIG),
        ("scenarios/broken.toml", BROKEN),
        ("scenarios/journeys/visit.toml", JOURNEY),
        ("scenarios/steady.toml", SCENARIO),
    ];
    assert!(
        files.iter().any(|(_, text)| text.contains(from)),
        "{from:?}"
    );
    let texts = files.map(|(name, text)| (name, text.replacen(from, to, 1)));
    let files = texts.each_ref().map(|(name, text)| (*name, text.as_str()));
    let (plan, found) = findings(&sources(&files), choice);
    (plan, told(&found))
}

fn planned(mode: Mode, variant: Option<&str>) -> Plan {
    let choice = Choice {
        variant: variant.map(str::to_owned),
        ..choice(mode)
    };
    let (plan, told) = suite("[project]", "[project]", &choice);
    plan.unwrap_or_else(|| panic!("{told}"))
}

#[test]
fn one_suite_in_three_modes() {
    let mut all = String::new();
    for mode in [Mode::Process, Mode::Container, Mode::Compose] {
        let (plan, told) = suite("[project]", "[project]", &choice(mode));
        let plan = plan.unwrap_or_else(|| panic!("{told}"));
        let digests = [&plan.plan_digest[..12]];
        let text = describe(&plan).replace(digests[0], "DIGEST");
        _ = writeln!(all, "# {}\n{told}{text}", mode.as_str());
    }
    insta::assert_snapshot!("one suite in three modes", all);
}

#[test]
fn the_target_in_containers() {
    let mut target = planned(Mode::Container, Some("next")).target;
    target.links.clear();
    insta::assert_json_snapshot!("the target in containers", target);
    let mut target = planned(Mode::Compose, Some("next")).target;
    target.links.clear();
    insta::assert_json_snapshot!("the target of a Compose file", target);
}

#[test]
fn faults_of_containers() {
    let plan = planned(Mode::Container, None);
    let broken = plan.scenario("broken").unwrap();
    let said: Vec<String> = broken.faults.iter().map(|fault| fault.what()).collect();
    insta::assert_json_snapshot!("faults of containers", (said, &broken.faults));
    let of_container = broken.faults.iter().filter(|f| f.kind.of_container());
    assert_eq!(of_container.count(), 6);
    let FaultKind::Deploy(deployment) = &broken.faults[7].kind else {
        panic!("{:?}", broken.faults[7]);
    };
    assert_eq!(deployment.image.as_deref(), Some("demo:next"));
}

/// A mode is a part of what makes two runs comparable; what is left out is a part of the plan.
#[test]
fn modes_differ() {
    let [process, container] = [Mode::Process, Mode::Container].map(|mode| planned(mode, None));
    assert_ne!(process.workload_digest, container.workload_digest);
    assert_ne!(process.plan_digest, container.plan_digest);
    let left_out: Vec<String> = process.left_out.iter().map(ToString::to_string).collect();
    assert_eq!(
        left_out,
        ["scenario broken is left out: it is only for modes container and compose"]
    );
    assert!(process.scenario("broken").is_none() && process.scenario("steady").is_some());
    assert_eq!(container.left_out, []);
    assert!(container.scenario("broken").is_some());
}

fn snapshot(name: &str, mode: Mode, cases: &[(&str, &str)]) {
    let mut all = String::new();
    for (from, to) in cases {
        let (_, told) = suite(from, to, &choice(mode));
        assert!(
            told != "nothing is wrong\n",
            "{from:?} → {to:?} was accepted"
        );
        _ = writeln!(all, "# {from:?} → {to:?}\n{told}");
    }
    insta::assert_snapshot!(name, all);
}

const FRONT: &str = "command = [\"front\", \"--port\", \"${port}\"], port = 8080";
const FAULT: &str = "disconnect = true";

/// Told whatever the mode is.
#[test]
fn errors_of_sections() {
    let cases = [
        ("image = \"postgres\"", "image = \"Post gres\""),
        ("image = \"postgres\", ", ""),
        // Nothing else is told of it.
        (FRONT, "command = [\"front\", \"${port}\"], port = 0"),
        ("[target.service.job]", "[target.service.harness-proxy]"),
        (
            "compose = { port = 5432 }",
            "compose = { port = 5432, env = { A = \"${run.dir}\" } }",
        ),
        ("port = 5432", "port = 70000"),
        (FRONT, "command = [\"${run.dir}\"], port = 8080"),
        ("\"/etc/front.conf\"", "\"etc/front.conf\""),
        ("\"/etc/front.conf\"", "\"/etc/../front.conf\""),
        ("\"docker/front.conf\"", "\"../front.conf\""),
        (
            "dockerfile = \"docker/Dockerfile\"",
            "dockerfile = \"/Dockerfile\"",
        ),
        ("context = \".\"", "context = \"..\""),
        ("\"/log\" = {}", "\"/data\" = {}"),
        ("\"/log\" = {}", "\"/\" = {}"),
        ("\"64MB\"", "\"64 megs\""),
        ("\"64MB\"", "\"1kB\""),
        ("\"256MB\"", "\"1MB\""),
        ("cpus = 1.5", "cpus = 0"),
        ("service = \"web\"", "service = \"w e b\""),
        ("\"compose.yml\"", "\"/compose.yml\""),
        ("{ log = \"listening\" }", "{ log = \"\" }"),
        (
            "{ log = \"listening\" }",
            "{ log = \"listening\", get = \"/\" }",
        ),
        ("{ log = \"listening\" }", "{ lgo = \"listening\" }"),
        ("image = \"toxiproxy:2.12.0\"", "image = \"toxiproxy:\""),
        ("only_in = [\"container\", \"compose\"]", "only_in = []"),
        (
            "only_in = [\"container\", \"compose\"]",
            "only_in = [\"docker\"]",
        ),
    ];
    snapshot("errors of sections", Mode::Container, &cases);
    let (_, told) = suite("\"64MB\"", "\"1kB\"", &choice(Mode::Process));
    assert!(told.contains("too little for a volume"), "{told}");
}

/// What is told of the suite in mode `process` with several things in it changed.
fn changed(changes: &[(&str, &str)]) -> String {
    let texts =
        [("harness.toml", CONFIG), ("scenarios/broken.toml", BROKEN)].map(|(name, text)| {
            let text = changes.iter().fold(text.to_owned(), |text, (from, to)| {
                text.replacen(from, to, 1)
            });
            (name, text)
        });
    let mut files = texts
        .each_ref()
        .map(|(name, text)| (*name, text.as_str()))
        .to_vec();
    files.push(("scenarios/journeys/visit.toml", JOURNEY));
    told(&findings(&sources(&files), &choice(Mode::Process)).1)
}

#[test]
fn a_secret_is_no_build_argument() {
    let told = changed(&[
        (
            "[project]",
            "[secret]\ntoken = { env = \"TOKEN\" }\n[project]",
        ),
        ("MODE = \"release\"", "MODE = \"x${secret.token}\""),
    ]);
    assert!(
        told.contains("the build argument `MODE` is a secret"),
        "{told}"
    );
}

#[test]
fn what_is_only_for_compose_files_is_not_held_to_the_volumes_of_containers() {
    let path = (
        "disk_full = { path = \"/data\" }",
        "disk_full = { path = \"/mounted\" }",
    );
    let told = changed(&[path]);
    assert!(told.contains("no volume `/mounted`"), "{told}");
    let only = (
        "only_in = [\"container\", \"compose\"]",
        "only_in = [\"compose\"]",
    );
    let told = changed(&[path, only]);
    assert!(!told.contains("volume"), "{told}");
}

#[test]
fn errors_of_faults_on_containers() {
    let cases = [
        (FAULT, "disconnect = false"),
        (FAULT, "partition = { from = \"back\" }"),
        (FAULT, "partition = { from = [\"frnt\", \"nobody\"] }"),
        (FAULT, "partition = { from = [] }"),
        (FAULT, "partition = { from = [\"front\", \"front\"] }"),
        (FAULT, "partition = { from = 5 }"),
        (FAULT, "partition = { from = [5] }"),
        (FAULT, "partition = { }"),
        (
            FAULT,
            "partition = { from = \"front\", direction = \"up\" }",
        ),
        (FAULT, "packets = { }"),
        (FAULT, "packets = { loss = \"0%\" }"),
        (FAULT, "packets = { loss = \"200%\" }"),
        (FAULT, "packets = { loss = \"1%..5%\" }"),
        (FAULT, "packets = { jitter = \"5ms\" }"),
        (FAULT, "packets = { delay = \"5ms\", jitter = \"50ms\" }"),
        (FAULT, "disk_full = { path = \"/log\" }"),
        (FAULT, "disk_full = { path = \"/dta\" }"),
        (FAULT, "disk_full = { path = \"data\" }"),
        (FAULT, "disk_full = { }"),
        (FAULT, "deploy = { }"),
        (FAULT, "deploy = { drain = \"5s\" }"),
        (FAULT, "deploy = { image = \"a b\" }"),
        (FAULT, "deploy = { env = { A = \"${link.bakc.url}\" } }"),
        (FAULT, "deploy = { env = { A = \"{{ uuid() }}\" } }"),
        (FAULT, "deploy = { command = [\"${run.dir}/x\"] }"),
        (FAULT, "deploy = { image = \"a\", drain = \"soon\" }"),
        (FAULT, "memory = { bytes = \"2MB\" }"),
        (
            "read_only = { path = \"/log\" }\n",
            "read_only = { path = \"/log\" }\ndns = true\n",
        ),
        ("service = \"back\"", "link = \"back\""),
        (
            "[[fault]]\nname = \"lossy\"",
            "[[fault]]\nname = \"other\"\nservice = \"front\"\nat = \"15s\"\nfor = \"2s\"\npartition = { from = \"back\" }\n[[fault]]\nname = \"lossy\"",
        ),
    ];
    snapshot("errors of faults on containers", Mode::Container, &cases);
}

/// Told only of what runs in the mode chosen.
#[test]
fn errors_of_a_mode() {
    let container = [
        // Absent, without a port, and what only a process has.
        ("container = { image = \"postgres\", port = 5432 }", ""),
        (
            "container = { image = \"postgres\", port = 5432 }",
            "container = { image = \"postgres\" }",
        ),
        (FRONT, "command = [\"front\", \"${port}\"]"),
        ("LEVEL = \"warn\"", "STATE = \"${run.dir}\""),
        ("LEVEL = \"warn\"", "JOB = \"${service.job.url}\""),
        ("[target]\n", "[target]\nentry = \"job\"\n"),
        (
            "image = \"toxiproxy:2.12.0\"",
            "external = \"http://127.0.0.1:8474\"",
        ),
        ("get = \"/\"", "service = \"job\"\nget = \"/\""),
        (
            "[variant.next]",
            "[contract.job]\nopenapi = \"a.json\"\n[variant.next]",
        ),
    ];
    snapshot("errors of mode container", Mode::Container, &container);
    let process = [
        ("only_in = [\"container\", \"compose\"]\n", ""),
        ("{ log = \"listening\" }", "{ healthy = true }"),
        ("LEVEL = \"warn\"", "DATABASE = \"${link.db.address}\""),
        (
            "latency = { delay = \"1s\" }",
            "latency = { delay = \"1s\" }\n[[fault]]\nname = \"gone\"\nservice = \"db\"\nat = \"5s\"\nfor = \"1s\"\nkill = true",
        ),
        ("[target]\n", "[target]\nentry = \"db\"\n"),
    ];
    snapshot("errors of mode process", Mode::Process, &process);
    let compose = [
        ("compose = [\"compose.yml\", \"compose.test.yml\"]\n", ""),
        ("service = \"web\", port = 8080", "service = \"web\""),
        (
            "service = \"web\", port = 8080",
            "service = \"back\", port = 8080",
        ),
    ];
    snapshot("errors of mode compose", Mode::Compose, &compose);
}

#[test]
fn errors_of_a_choice() {
    let mut all = String::new();
    let mut tell = |what: &str, (plan, told): (Option<Plan>, String)| {
        assert!(plan.is_none(), "{what}: {told}");
        _ = writeln!(all, "# {what}\n{told}");
    };
    let named = Choice {
        scenarios: vec!["broken".to_owned()],
        ..choice(Mode::Process)
    };
    tell(
        "a scenario of containers, named",
        suite("[project]", "[project]", &named),
    );
    let variant = Choice {
        variant: Some("next".to_owned()),
        ..choice(Mode::Process)
    };
    tell(
        "an image of processes",
        suite("[project]", "[project]", &variant),
    );
    let command = "service.front = { command = [\"front\"], env";
    let variant = Choice {
        variant: Some("next".to_owned()),
        ..choice(Mode::Container)
    };
    let from = "service.front = { image = \"demo:next\", env";
    tell("a command of containers", suite(from, command, &variant));
    let (plan, found) = findings(&sources(&[]), &choice(Mode::Container));
    tell("processes alone", (plan, told(&found)));
    insta::assert_snapshot!("errors of a choice of mode", all);
}

/// What docs/containers.md tells people to write is planned as it says: the database is part of containers only.
#[test]
fn the_guide_is_a_suite() {
    let guide = include_str!("../../../../../../docs/containers.md");
    let (_, rest) = guide.split_once("```toml\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    let config = format!("[project]\nname = \"guide\"\n{example}");
    let scenario = SCENARIO.replace("link = \"back\"", "link = \"payments\"");
    let files = [
        ("harness.toml", config.as_str()),
        ("scenarios/steady.toml", scenario.as_str()),
    ];
    for (mode, services) in [(Mode::Process, 2), (Mode::Container, 3), (Mode::Compose, 3)] {
        let (plan, found) = findings(&sources(&files), &choice(mode));
        let told = told(&found);
        assert_eq!(told, "nothing is wrong\n", "{}", mode.as_str());
        let target = plan.unwrap().target;
        assert_eq!(target.services.len(), services);
        assert_eq!(target.links.len(), services, "one for each");
    }
}
