//! A deployment where somebody else serves the links, of what others find by its names in a Compose file, and as a step of a journey;
//! and what can't go together is refused before anything starts.

use super::container_images::toxiproxy;
use super::deploy::{GATEWAY, Mode, SCENARIO, played, suite};
use crate::support::Suite;
use crate::support::containers::{left, names_of};
use crate::support::toxiproxy::Server;

/// The scenario with a fault of a link's beside the deployment.
fn with_a_slow_link() -> String {
    let slow = "[[fault]]\nname = \"slow\"\nlink = \"catalogue\"\nat = \"1s\"\nfor = \"9s\"\nlatency = { delay = \"50ms\" }\n[[gate]]\nexpect = \"p50 >= 50ms\"\nduring = \"slow\"\n[[gate]]";
    SCENARIO.replacen("[[gate]]", slow, 1)
}

fn proxied(suite: &Suite, by: &str) {
    suite.append("harness.toml", &format!("\n[target.proxy]\n{by}\n"));
}

/// It loses nothing, and the link is slow.
#[track_caller]
fn loses_nothing(suite: &Suite, mode: Mode) {
    let (code, grades, events, said) = played(suite, mode);
    assert_eq!((code, grades), (0, vec!["pass".to_owned(); 3]), "{said}");
    let lifted = events
        .iter()
        .filter(|event| event["event"] == "fault_lifted");
    assert_eq!(lifted.count(), 2, "{said}");
}

#[test]
fn a_process_is_deployed_while_a_server_elsewhere_serves_its_links() {
    let server = Server::start(&["--strict"]);
    let suite = suite(&with_a_slow_link(), GATEWAY);
    proxied(&suite, &format!("external = \"{}\"", server.url()));
    loses_nothing(&suite, Mode::Process);
    assert_eq!(server.proxies(), serde_json::json!({}));
}

#[test]
fn a_container_is_deployed_while_a_toxiproxy_serves_the_links() {
    for mode in [Mode::Container, Mode::Compose] {
        if !mode.there() {
            return;
        }
        let suite = suite(&with_a_slow_link(), GATEWAY);
        // One that is for other modes changes nothing in this one.
        let image = toxiproxy();
        let both = format!("image = \"{image}\"\nexternal = \"http://127.0.0.1:1\"");
        proxied(&suite, &both);
        loses_nothing(&suite, mode);
    }
}

#[test]
fn a_server_elsewhere_between_containers_is_refused_with_what_to_do() {
    for mode in [Mode::Container, Mode::Compose] {
        let suite = suite(SCENARIO, GATEWAY);
        proxied(&suite, "external = \"http://127.0.0.1:8474\"");
        for command in ["plan", "run"] {
            let ran = suite.run(&[command, "--target", mode.word()]).exits(2);
            for words in [
                "a server outside can't serve links between containers",
                "name an `image` for this mode",
            ] {
                assert!(
                    ran.stderr.contains(words),
                    "no `{words}` in\n{}",
                    ran.stderr
                );
            }
        }
        assert!(suite.runs().is_empty());
    }
}

#[test]
fn a_deployment_of_what_runs_elsewhere_is_refused_with_what_to_do() {
    let server = Server::start(&["--strict"]);
    let suite = suite(SCENARIO, GATEWAY);
    proxied(&suite, &format!("external = \"{}\"", server.url()));
    let toml = suite.read("harness.toml");
    let url = "mode = \"process\"\nurl = \"http://127.0.0.1:1\"";
    suite.write("harness.toml", toml.replacen("mode = \"process\"", url, 1));
    let ran = suite.run(&["plan", "--target", "external"]).exits(2);
    for words in [
        "service `gateway` was not started here",
        "leave it out of this run",
    ] {
        assert!(
            ran.stderr.contains(words),
            "no `{words}` in\n{}",
            ran.stderr
        );
    }
}

#[test]
fn nobody_but_its_entrance_has_the_names_of_a_compose_service() {
    if !Mode::Compose.there() {
        return;
    }
    let scenario = SCENARIO
        .replace("service = \"gateway\"", "service = \"inventory\"")
        .replace("drain = \"1s\"", "drain = \"10m\"")
        .replace("for = \"12s\"", "for = \"10m\"")
        .replace("for = \"5s\"", "for = \"9m\"");
    let suite = suite(&scenario, GATEWAY);
    let running = suite.start(&["run", "--target", Mode::Compose.word()]);
    let id = suite.run_id();
    suite.until_event(&id, "fault_effective");
    let project = format!("harness-{id}").to_lowercase();
    let names = |container: &str| names_of(&id, container);
    let entrance = names(&format!("harness-{id}.entrance-inventory"));
    assert_eq!(entrance, ["inventory", "stock"]);
    // One tool puts another sign between the parts of a name than the other.
    let own = ["-", "_"].map(|sign| format!("{project}{sign}inventory{sign}1"));
    let all = left(&id).concat();
    let own = own.iter().find(|own| all.contains(*own)).unwrap();
    assert_eq!(names(own), ["harness-own-inventory"]);
    let next = names(&format!("harness-{id}.next-inventory"));
    assert_eq!(next, ["harness-next-inventory"]);
    running.signal("INT");
    running.ends().exits(130);
    Mode::Compose.nothing_left(&id);
}

/// Others find it by a name of its own in the Compose file, over no link: they are led to the new version, and back.
/// While it starts the old one still answers: the new one is there for long enough that half of the window is its own.
#[test]
fn whoever_finds_a_compose_service_by_its_names_is_led_to_the_new_version_too() {
    if !Mode::Compose.there() {
        return;
    }
    for name in ["inventory", "stock"] {
        let scenario = SCENARIO
            .replace("service = \"gateway\"", "service = \"inventory\"")
            .replace("SHOP_VERSION = \"next\"", "DEFECT = \"slow-query\"")
            .replace("for = \"12s\"", "for = \"18s\"")
            .replace("for = \"5s\"", "for = \"11s\"")
            .replacen("expect = \"lost < 1\"", "expect = \"p50 >= 150ms\"", 1)
            .replace("expect = \"lost < 1\"", "expect = \"p50 < 150ms\"");
        let suite = suite(&scenario, GATEWAY);
        let toml = suite.read("harness.toml");
        let toml = toml.replace("${link.catalogue.url}", &format!("http://{name}:8080"));
        suite.write("harness.toml", toml);
        let (code, grades, _, said) = played(&suite, Mode::Compose);
        assert_eq!((code, grades), (0, vec!["pass".to_owned(); 2]), "{said}");
    }
}

/// A version that finds nothing behind it is deployed by a step, seen, and rolled back.
const JOURNEY: &str = r#"
title = "A new version comes and goes"
[[step]]
name = "before"
get = "/v1/products"
expect = ["status == 200"]
[[step]]
name = "the new version"
fault = { service = "gateway", deploy = { env = { INVENTORY_URL = "http://127.0.0.1:1" }, drain = "0s" } }
[[step]]
name = "it answers"
get = "/v1/products"
expect = ["status == 502"]
eventually = "20s"
[[step]]
name = "it goes"
lift = "the new version"
[[step]]
name = "after"
get = "/v1/products"
expect = ["status == 200"]
eventually = "20s"
"#;

/// Walks it, to its lifting, or with nobody but the walk's end to lift it.
fn is_walked(mode: Mode, lifts: bool) {
    if !mode.there() {
        return;
    }
    let suite = suite(SCENARIO, GATEWAY);
    std::fs::remove_file(suite.path().join("scenarios/new.toml")).unwrap();
    let journey = match lifts {
        true => JOURNEY,
        false => JOURNEY
            .split("[[step]]\nname = \"it goes\"")
            .next()
            .unwrap(),
    };
    suite.write("scenarios/journeys/deployed.toml", journey);
    // It walks after the other one, which sees the plan's own version again.
    suite.write(
        "scenarios/journeys/late.toml",
        "title = \"Later\"\n[[step]]\nname = \"it\"\nget = \"/v1/products\"\nexpect = [\"status == 200\"]\n",
    );
    let ran = suite.run(&["run", "--target", mode.word()]);
    let id = suite.run_id();
    mode.nothing_left(&id);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.code, 0, "{said}");
    for (event, count) in [
        ("fault_effective", 1),
        ("fault_lifted", 1),
        ("fault_failed", 0),
    ] {
        let seen = suite.events_of(&id, event);
        assert_eq!(seen.len(), count, "{mode:?} {event}: {said}");
    }
    let ready = suite.events_of(&id, "service_ready").into_iter();
    let ready = ready.filter(|event| event["service"] == "gateway");
    assert_eq!(ready.count(), 3, "{mode:?}: {said}");
}

#[test]
fn a_journeys_step_deploys_a_process_and_rolls_it_back() {
    is_walked(Mode::Process, true);
    is_walked(Mode::Process, false);
}

#[test]
fn a_journeys_step_deploys_a_container_and_rolls_it_back() {
    is_walked(Mode::Container, true);
    is_walked(Mode::Container, false);
}

#[test]
fn a_journeys_step_deploys_a_compose_service_and_rolls_it_back() {
    is_walked(Mode::Compose, true);
}
