//! Rolling deployments under load, of processes, of containers and of what a Compose file describes: one that is done well loses no request, one that is not is
//! caught, a version that never gets ready changes nothing, other edges wait for none of it, and whatever ends a run in the
//! middle of one leaves nothing.

use crate::support::compose::plugin;
use crate::support::containers::{engine, nothing_left, until_nothing_left};
use crate::support::{Suite, shop, until, until_nothing_lives};
use serde_json::Value;

/// A gateway and what it asks, in every mode. The inventory's image has the name under which the gateway is deployed.
const TARGET: &str = r#"
[project]
name = "deployed"
[target]
mode = "process"
compose = ["compose.yml"]
[target.service.inventory]
compose = { port = 8080 }
process = { command = ["SHOP", "inventory", "--port", "${port}", "--db", "${run.dir}/inventory.db"] }
container = { image = "harness-test-shop:next", build = { context = ".", dockerfile = "Dockerfile" }, command = ["shop", "inventory", "--host", "0.0.0.0", "--port", "${port}", "--db", "/tmp/inventory.db"], port = 8080 }
ready = { get = "/health/ready", within = "60s" }
[target.service.gateway]
compose = { service = "shop", port = 8080 }
process = { command = OWN_PROCESS }
container = { image = "harness-test-shop:dev", build = { context = ".", dockerfile = "Dockerfile" }, command = OWN_CONTAINER, port = 8080 }
env = { INVENTORY_URL = "${link.catalogue.url}", ORDERS_URL = "${link.catalogue.url}", NOTIFICATIONS_URL = "${service.inventory.url}", BROKER_URL = "${service.inventory.url}", CACHE = "off", SHOP_API_KEY = "demo-key" }
ready = { get = "/health/live", within = "60s" }
[target.link.edge]
to = "gateway"
[target.link.catalogue]
from = "gateway"
to = "inventory"
[http]
headers = { x-api-key = "demo-key" }
timeout = "2s"
"#;

/// The same as a Compose file has it: the gateway under another name than the suite's, the inventory under two.
const FILE: &str = r#"
x-shop: &shop
  image: harness-test-shop:dev
  build: { context: ., dockerfile: Dockerfile }
services:
  shop:
    <<: *shop
    command: OWN_COMPOSE
    networks: [inside]
  inventory:
    <<: *shop
    image: harness-test-shop:next
    command: [shop, inventory, --host, 0.0.0.0, --port, "8080", --db, /tmp/inventory.db]
    networks: { inside: { aliases: [stock] } }
networks: { inside: {} }
"#;

/// The gateway's own command, as a process and in a container.
pub(super) const GATEWAY: [&str; 2] = [
    r#"["SHOP", "gateway", "--port", "${port}"]"#,
    r#"["shop", "gateway", "--host", "0.0.0.0", "--port", "${port}"]"#,
];

/// Load over one deployment.
pub(super) const SCENARIO: &str = r#"
title = "A new version"
settle = "2s"
[load]
rate = "40/s"
for = "12s"
mix = { look = 1 }
[load.http]
reuse = "pool"
[[fault]]
name = "new"
service = "gateway"
at = "2s"
for = "5s"
deploy = { env = { SHOP_VERSION = "next" }, drain = "1s" }
[[gate]]
expect = "lost < 1"
during = "new"
[[gate]]
expect = "lost < 1"
during = "recovering new"
"#;

/// Modes of the target, as far as this machine has them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Mode {
    Process,
    Container,
    Compose,
}

impl Mode {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Container => "container",
            Self::Compose => "compose",
        }
    }

    /// Whether it can be tried here; says visibly if not.
    pub(super) fn there(self) -> bool {
        match self {
            Self::Process => true,
            Self::Container => engine(),
            Self::Compose => plugin(),
        }
    }

    pub(super) fn nothing_left(self, id: &str) {
        match self {
            Self::Process => until_nothing_lives(id),
            Self::Container | Self::Compose => nothing_left(id),
        }
    }
}

/// The target with this scenario, and with other commands of the gateway where they are given.
pub(super) fn suite(scenario: &str, own: [&str; 2]) -> Suite {
    let suite = Suite::small(&[("scenarios/new.toml", scenario)]);
    let shop = shop().display().to_string();
    let toml = TARGET
        .replace("OWN_PROCESS", own[0])
        .replace("OWN_CONTAINER", own[1]);
    suite.write("harness.toml", toml.replace("SHOP\"", &format!("{shop}\"")));
    // The tool takes dollar signs for its own.
    let own = own[1].replace("${port}", "8080").replace('$', "$$");
    suite.write("compose.yml", FILE.replace("OWN_COMPOSE", &own));
    suite
}

/// Where the first event is that has these members.
#[track_caller]
fn place(events: &[Value], members: &[(&str, &str)]) -> usize {
    let found = events
        .iter()
        .position(|event| members.iter().all(|(key, value)| event[*key] == *value));
    found.unwrap_or_else(|| panic!("no {members:?} in {events:#?}"))
}

fn grades(summary: &Value) -> Vec<String> {
    let gates = summary["verdict"]["gates"].as_array().unwrap();
    let grades = gates.iter().map(|gate| gate["grade"].as_str().unwrap());
    grades.map(str::to_owned).collect()
}

/// Runs it in a mode; the exit code, the grades of its gates, the events and all that was said.
pub(super) fn played(suite: &Suite, mode: Mode) -> (i32, Vec<String>, Vec<Value>, String) {
    let (ran, summary, id) = suite.judged("", &["run", "--target", mode.word()]);
    mode.nothing_left(&id);
    let said = format!("{:#}\n{}", summary["verdict"]["gates"], ran.stderr);
    (ran.code, grades(&summary), suite.parsed_events(&id), said)
}

fn loses_nothing(mode: Mode) {
    if !mode.there() {
        return;
    }
    let scenario = match mode {
        Mode::Process => SCENARIO.to_owned(),
        Mode::Container | Mode::Compose => SCENARIO.replace(
            "deploy = {",
            "deploy = { image = \"harness-test-shop:next\",",
        ),
    };
    let suite = suite(&scenario, GATEWAY);
    let (code, grades, events, said) = played(&suite, mode);
    assert_eq!((code, grades), (0, vec!["pass".to_owned(); 2]), "{said}");
    // Started, replaced and rolled back.
    let up = [("event", "service_ready"), ("service", "gateway")];
    let ups = events
        .iter()
        .filter(|event| up.iter().all(|(key, value)| event[*key] == *value));
    assert_eq!(ups.count(), 3);
    let effective = &events[place(&events, &[("event", "fault_effective")])];
    let by = effective["by"].as_str().unwrap();
    let body = match mode {
        Mode::Process => "a process beside",
        Mode::Container | Mode::Compose => "a container beside",
    };
    assert!(by.contains(body), "{by}");
    let lifted = place(&events, &[("event", "fault_lifted")]);
    assert!(place(&events, &[("event", "fault_effective")]) < lifted);
}

#[test]
fn a_deployment_of_a_process_loses_nothing() {
    loses_nothing(Mode::Process);
}

#[test]
fn a_deployment_of_a_container_loses_nothing() {
    loses_nothing(Mode::Container);
}

#[test]
fn a_deployment_of_what_a_compose_file_describes_loses_nothing() {
    loses_nothing(Mode::Compose);
}

/// A version that says that it is ready, and then finds nothing behind it: whoever asks it for more hears 502.
fn lying_is_caught(mode: Mode) {
    if !mode.there() {
        return;
    }
    let lies = "env = { INVENTORY_URL = \"http://127.0.0.1:1\" }";
    let scenario = SCENARIO.replace("env = { SHOP_VERSION = \"next\" }", lies);
    let suite = suite(&scenario, GATEWAY);
    let (code, grades, events, said) = played(&suite, mode);
    // It was deployed, and rolled back: from then on all is well.
    assert_eq!(
        (code, grades),
        (1, vec!["fail".to_owned(), "pass".to_owned()]),
        "{said}"
    );
    place(&events, &[("event", "fault_lifted")]);
}

#[test]
fn a_process_that_lies_about_being_ready_is_caught() {
    lying_is_caught(Mode::Process);
}

#[test]
fn a_container_that_lies_about_being_ready_is_caught() {
    lying_is_caught(Mode::Container);
}

#[test]
fn a_compose_service_that_lies_about_being_ready_is_caught() {
    lying_is_caught(Mode::Compose);
}

/// Requests that take their time, each on a connection of its own: some are always under way.
const UNDER_WAY: [(&str, &str); 3] = [
    ("reuse = \"pool\"", "reuse = \"never\""),
    ("drain = \"1s\"", "drain = \"0s\""),
    (
        "[[gate]]",
        "[[fault]]\nname = \"slow\"\nlink = \"catalogue\"\nat = \"1s\"\nfor = \"10s\"\nlatency = { delay = \"300ms\" }\n[[gate]]",
    ),
];

/// An old version that is not drained and ends at once when it is asked to, whatever it is about; `defect` or one that
/// finishes what it is about.
fn stopped_undrained(mode: Mode, defect: bool) {
    if !mode.there() {
        return;
    }
    let shell = |gateway: &str| {
        format!(r#"["sh", "-c", "{gateway} --port ${{port}} & trap 'kill -9 $!' TERM; wait"]"#)
    };
    let own = match defect {
        true => [
            shell("SHOP\" gateway").replace("SHOP\"", &shop().display().to_string()),
            shell("shop gateway --host 0.0.0.0"),
        ],
        false => GATEWAY.map(str::to_owned),
    };
    let scenario = UNDER_WAY
        .iter()
        .fold(SCENARIO.to_owned(), |text, (from, to)| {
            text.replacen(from, to, 1)
        });
    let suite = suite(&scenario, [&own[0], &own[1]]);
    let (code, grades, _, said) = played(&suite, mode);
    let during = grades[0].as_str();
    match defect {
        true => assert_eq!((code, during), (1, "fail"), "{said}"),
        false => assert_eq!((code, during), (0, "pass"), "{said}"),
    }
}

#[test]
fn an_old_process_that_drops_what_it_is_about_is_caught() {
    stopped_undrained(Mode::Process, true);
    stopped_undrained(Mode::Process, false);
}

#[test]
fn an_old_container_that_drops_what_it_is_about_is_caught() {
    stopped_undrained(Mode::Container, true);
    stopped_undrained(Mode::Container, false);
}

#[test]
fn an_old_compose_service_that_drops_what_it_is_about_is_caught() {
    stopped_undrained(Mode::Compose, true);
    stopped_undrained(Mode::Compose, false);
}

/// What is deployed ends before it is ready.
fn never_ready(mode: Mode) {
    if !mode.there() {
        return;
    }
    let broken = r#"command = ["sh", "-c", "echo no licence found; exit 7"]"#;
    let all = "[[gate]]\nexpect = \"lost < 1\"\nduring = \"all\"\n";
    let scenario = SCENARIO.replace("env = { SHOP_VERSION = \"next\" }", broken) + all;
    let suite = suite(&scenario, GATEWAY);
    let (code, grades, events, said) = played(&suite, mode);
    assert_eq!(code, 4, "{said}");
    assert_eq!(
        grades,
        ["invalid", "invalid", "pass"],
        "the old one serves: {said}"
    );
    let failed = &events[place(&events, &[("event", "fault_failed")])];
    let reason = failed["reason"].as_str().unwrap();
    for words in ["exit code 7", "before it was ready", "no licence found"] {
        assert!(reason.contains(words), "{reason}");
    }
    let died = events.iter().any(|event| event["event"] == "service_died");
    assert!(!died, "its end is told by the fault: {events:#?}");
}

#[test]
fn a_process_that_never_gets_ready_changes_nothing() {
    never_ready(Mode::Process);
}

#[test]
fn a_container_that_never_gets_ready_changes_nothing() {
    never_ready(Mode::Container);
}

#[test]
fn a_compose_service_that_never_gets_ready_changes_nothing() {
    never_ready(Mode::Compose);
}

#[test]
fn other_edges_wait_for_no_deployment() {
    // Ready once the test has seen the other fault lifted: held up by the deployment, that would never be.
    let waits = r#"command = ["sh", "-c", "while ! [ -e go ]; do sleep 0.05; done; exec SHOP gateway --port ${port}"]"#;
    let waits = waits.replace("SHOP", &shop().display().to_string());
    let other = "[[fault]]\nname = \"other\"\nlink = \"catalogue\"\nat = \"3s\"\nfor = \"1s\"\nlatency = { delay = \"5ms\" }\n[[gate]]";
    let scenario = SCENARIO
        .replace("env = { SHOP_VERSION = \"next\" }", &waits)
        .replace("for = \"12s\"", "for = \"20s\"")
        .replace("for = \"5s\"", "for = \"15s\"")
        .replace("rate = \"40/s\"\nfor = \"20s\"", "stages = [{ rate = \"40/s\", for = \"3500ms\" }, { rate = \"30/s\", for = \"16500ms\" }]")
        .replacen("[[gate]]", other, 1);
    let suite = suite(&scenario, GATEWAY);
    let running = suite.start(&["run"]);
    let id = suite.run_id();
    let lifted = r#""event":"fault_lifted","fault":"other""#;
    // A run that ended without is held against it below.
    until("the other fault lifted", || {
        let events = suite.events(&id);
        [lifted, r#""event":"run_finished""#]
            .iter()
            .any(|event| events.contains(event))
            .then_some(())
    });
    suite.write("go", "");
    running.ends();
    until_nothing_lives(&id);
    let events = suite.parsed_events(&id);
    let of = |event: &str, fault: &str| place(&events, &[("event", event), ("fault", fault)]);
    let stage = events
        .iter()
        .position(|event| event["event"] == "epoch_started" && event["stage"] == 1)
        .unwrap();
    let order = [
        of("fault_armed", "new"),
        of("fault_armed", "other"),
        stage,
        of("fault_lifted", "other"),
        of("fault_effective", "new"),
    ];
    assert!(order.is_sorted(), "{order:?}: {events:#?}");
}

#[test]
fn a_deployment_lifted_before_it_is_ready_is_broken_off() {
    let waits = r#"command = ["sleep", "600"]"#;
    let scenario = SCENARIO
        .replace("env = { SHOP_VERSION = \"next\" }", waits)
        .replace("for = \"5s\"", "for = \"2s\"");
    let suite = suite(&scenario, GATEWAY);
    let (code, grades, events, said) = played(&suite, Mode::Process);
    assert_eq!(
        (code, &grades[..]),
        (4, &["invalid".to_owned(), "invalid".to_owned()][..]),
        "{said}"
    );
    let failed = &events[place(&events, &[("event", "fault_failed")])];
    let reason = failed["reason"].as_str().unwrap();
    assert!(
        reason.contains("lifted before the new version was ready"),
        "{reason}"
    );
}

#[test]
fn an_old_version_that_still_serves_takes_everything_again() {
    // The new one is drained as long, to the load's end: nothing follows.
    let (scenario, _) = SCENARIO.rsplit_once("[[gate]]").unwrap();
    let scenario = scenario.replace("drain = \"1s\"", "drain = \"10m\"");
    let suite = suite(&scenario, GATEWAY);
    let (code, grades, events, said) = played(&suite, Mode::Process);
    assert_eq!((code, grades), (0, vec!["pass".to_owned()]), "{said}");
    let ready = events
        .iter()
        .filter(|event| event["event"] == "service_ready" && event["service"] == "gateway");
    assert_eq!(ready.count(), 2, "it was never stopped: {events:#?}");
    place(&events, &[("event", "fault_lifted")]);
}

#[test]
fn a_stop_condition_rolls_a_deployment_back() {
    let lies = "env = { INVENTORY_URL = \"http://127.0.0.1:1\" }";
    let scenario = SCENARIO
        .replace("env = { SHOP_VERSION = \"next\" }", lies)
        .replace("for = \"12s\"", "for = \"20s\"")
        .replace("for = \"5s\"", "for = \"15s\"")
        .replace("settle =", "stop = [\"error_rate > 30%\"]\nsettle =");
    let suite = suite(&scenario, GATEWAY);
    let (code, grades, events, said) = played(&suite, Mode::Process);
    // The deployment lost requests, what follows the roll-back did not; and the stop is a gate of its own.
    assert_eq!(code, 1, "{said}");
    assert_eq!(
        grades,
        ["fail", "pass", "fail"].map(str::to_owned),
        "{said}"
    );
    let lifted = place(&events, &[("event", "fault_lifted"), ("fault", "new")]);
    let ready = events
        .iter()
        .take(lifted)
        .filter(|event| event["event"] == "service_ready" && event["service"] == "gateway");
    assert_eq!(ready.count(), 3, "it was rolled back: {events:#?}");
}

#[test]
fn a_version_that_does_not_come_back_is_told_and_the_new_one_serves_on() {
    // The plan's own starts, does not when it is to come back, nor each time that is tried again until the next scenario, and does
    // for that one's fresh target.
    let once = r#"["sh", "-c", "if [ -z $SHOP_VERSION ]; then echo >> ${run.dir}/starts; case $(wc -l < ${run.dir}/starts) in 2|3|4|5) echo no way back; exit 3;; esac; fi; exec PROGRAM gateway --port ${port}"]"#;
    let once = once.replace("PROGRAM", &shop().display().to_string());
    let all = "[[gate]]\nexpect = \"lost < 1\"\nduring = \"all\"\n";
    let suite = suite(&format!("{SCENARIO}{all}"), [&once, GATEWAY[1]]);
    let after = "title = \"Afterwards\"\nfresh = true\nsettle = \"1s\"\n[load]\nrate = \"40/s\"\nfor = \"4s\"\nmix = { look = 1 }\n[[gate]]\nexpect = \"lost < 1\"\n";
    suite.write("scenarios/rear.toml", after);
    let (code, grades, events, said) = played(&suite, Mode::Process);
    assert_eq!(code, 4, "{said}");
    assert_eq!(grades, ["invalid", "invalid", "pass", "pass"], "{said}");
    let failed = &events[place(&events, &[("event", "fault_failed")])];
    let reason = failed["reason"].as_str().unwrap();
    for words in ["failed to roll gateway back", "exit code 3", "no way back"] {
        assert!(reason.contains(words), "{reason}");
    }
    let ready = events
        .iter()
        .filter(|event| event["event"] == "service_ready" && event["service"] == "gateway");
    assert_eq!(
        ready.count(),
        3,
        "its own, the new one, its own again: {said}"
    );
}

/// A run that is ended while its deployment is under way: while the new version starts, and while the old one is drained.
fn ended_in_the_middle(mode: Mode) {
    if !mode.there() {
        return;
    }
    let starting = (r#"command = ["sleep", "600"]"#, "fault_armed");
    let draining = ("env = { SHOP_VERSION = \"next\" }", "fault_effective");
    for (deployed, event) in [starting, draining] {
        for (signal, code) in [("INT", 130), ("KILL", -1)] {
            let scenario = SCENARIO
                .replace("env = { SHOP_VERSION = \"next\" }", deployed)
                .replace("drain = \"1s\"", "drain = \"10m\"")
                .replace("for = \"12s\"", "for = \"20m\"")
                .replace("for = \"5s\"", "for = \"15m\"");
            let suite = suite(&scenario, GATEWAY);
            let running = suite.start(&["run", "--target", mode.word()]);
            let id = suite.run_id();
            suite.until_event(&id, event);
            running.signal(signal);
            running.ends().exits(code);
            match mode {
                Mode::Process => until_nothing_lives(&id),
                Mode::Container | Mode::Compose => until_nothing_left(&id),
            }
        }
    }
}

#[test]
fn a_run_ended_in_the_middle_of_a_deployment_leaves_no_process() {
    ended_in_the_middle(Mode::Process);
}

#[test]
fn a_run_ended_in_the_middle_of_a_deployment_leaves_no_container() {
    ended_in_the_middle(Mode::Container);
}

#[test]
fn a_run_ended_in_the_middle_of_a_deployment_leaves_nothing_of_a_compose_file() {
    ended_in_the_middle(Mode::Compose);
}
