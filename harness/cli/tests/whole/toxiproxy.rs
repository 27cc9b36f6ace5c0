//! Links on a Toxiproxy server: the same verdict as with the proxy in the harness, a clear word about every server that is
//! not what it should be, and nothing left on it whatever ends the run. `harness proxy --strict` plays the real one.

use crate::support::canned::canned;
use crate::support::events;
use crate::support::journeys::VISIT;
use crate::support::toxiproxy::Server;
use crate::support::{Suite, labelled, server, signal, unless_invalid, until, until_nothing_lives};
use serde_json::Value;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Each kind of fault that both sides know, one after another, and what the load says of each.
const BROKEN: &str = r#"
title = "Broken in every way"
settle = "500ms"
[load]
rate = "80/s"
for = "10s"
mix = { visit = 1 }
[[fault]]
name = "slow"
link = "edge"
at = "1s"
for = "1500ms"
latency = { delay = "400ms" }
[[fault]]
name = "down"
link = "edge"
at = "3s"
for = "1s"
down = true
[[fault]]
name = "reset"
link = "edge"
at = "5s"
for = "1s"
reset = { after = "0s" }
[[fault]]
name = "swallowed"
link = "edge"
at = "7s"
for = "1s"
timeout = { after = "0s" }
[[gate]]
expect = "p50 < 250ms"
[[gate]]
expect = "p50 > 290ms"
during = "slow"
[[gate]]
expect = "error_rate > 60%"
during = "down"
[[gate]]
expect = "error_rate > 60%"
during = "reset"
[[gate]]
expect = "error_rate > 60%"
during = "swallowed"
"#;

/// A load of any length with one fault on a link that nothing needs, and a gate about it.
fn one_fault(lasts: &str, fault: &str) -> String {
    format!(
        "title = \"One\"\n[load]\nrate = \"20/s\"\nfor = \"{lasts}\"\nmix = {{ visit = 1 }}\n\
         [[fault]]\nname = \"broken\"\nlink = \"edge\"\nat = \"500ms\"\nfor = \"2s\"\n{fault}\n\
         [[gate]]\nexpect = \"p50 < 10s\"\nduring = \"broken\"\n"
    )
}

/// The smallest system, its links on the server at an address.
fn suite(external: &str, scenario: &str) -> Suite {
    let suite = Suite::new(&[
        ("scenarios/journeys/visit.toml", VISIT),
        ("scenarios/broken.toml", scenario),
    ]);
    let head = "[project]\nname = \"links elsewhere\"\n";
    suite.write("harness.toml", format!("{head}{}", server::target()));
    if !external.is_empty() {
        let proxy = format!("[target.proxy]\nexternal = \"{external}\"\n");
        suite.append("harness.toml", &proxy);
    }
    suite
}

/// Plays every kind of fault; the gates' grades, the events and the run's id.
fn played(suite: &Suite) -> (Vec<Value>, String, String) {
    let (ran, summary, id) = suite.should_hold();
    let gates = summary["verdict"]["gates"].as_array().unwrap().clone();
    assert_eq!(ran.code, 0, "{gates:#?}\n{}", ran.stderr);
    let told = suite.events(&id);
    assert_eq!(events::of(&told, "fault_failed").count(), 0, "{told}");
    for event in ["fault_armed", "fault_effective", "fault_lifted"] {
        assert_eq!(events::of(&told, event).count(), 4, "{event}: {told}");
    }
    let grades = gates.iter().map(|gate| gate["grade"].clone()).collect();
    (grades, told, id)
}

/// How many first effects nobody saw.
fn assumed(told: &str) -> usize {
    events::of(told, "fault_effective")
        .filter(|one| one["assumed"] == true)
        .count()
}

#[test]
fn the_verdict_is_the_same_within_the_harness_and_on_a_server() {
    let (within, told, _) = played(&suite("", BROKEN));
    assert_eq!((within.len(), assumed(&told)), (5, 0));

    let real = Server::start(&["--strict"]);
    let (there, told, _) = played(&suite(&real.url(), BROKEN));
    assert_eq!(there, within);
    assert_eq!(assumed(&told), 3, "all but the link that is down: {told}");
    assert!(told.contains("counts no bytes"), "{told}");
    assert_eq!(events::of(&told, "link_tick").count(), 0);
    assert_eq!(real.proxies(), serde_json::json!({}));

    let ours = Server::start(&["--proxy-metrics"]);
    let (there, told, _) = played(&suite(&ours.url(), BROKEN));
    assert_eq!(there, within);
    assert_eq!(assumed(&told), 0, "{told}");
    let passed = events::of(&told, "link_tick").map(|tick| tick["bytes_down"].as_u64().unwrap());
    assert!(passed.sum::<u64>() > 1000, "{told}");
    assert_eq!(ours.proxies(), serde_json::json!({}));
}

/// Runs it: exit 3 with these words, nothing started, and in time.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "a test has no run's clock")]
fn not_begun(external: &str, words: &[&str]) {
    let suite = suite(external, &one_fault("3s", "down = true"));
    let begun = Instant::now();
    let ran = suite.run(&["run"]).exits(3);
    assert!(begun.elapsed() < Duration::from_secs(60), "it hung");
    let said = format!("{}{}", ran.stdout, ran.stderr);
    for word in words {
        assert!(said.contains(word), "no `{word}` in\n{said}");
    }
    let id = suite.run_id();
    assert!(!suite.events(&id).contains("service_ready"));
    assert_eq!(labelled(&id), Vec::<u32>::new());
    let heal = suite.run(&["heal"]).exits(0);
    assert!(heal.stderr.contains("nothing was left"), "{}", heal.stderr);
}

#[test]
fn a_server_that_is_not_there_is_told_with_what_to_do() {
    let nobody = server::Nobody::new();
    not_begun(
        &nobody.url(),
        &[
            "nobody answers at",
            "start toxiproxy-server or `harness proxy`",
        ],
    );
}

/// What only the proxy of a harness can do is asked for before anything begins, and done where it is one.
#[test]
fn a_fault_that_toxiproxy_does_not_know_needs_a_proxy_of_ours() {
    let real = Server::start(&["--strict"]);
    let faults = [
        ("loss = { share = \"30%\", stall = \"300ms\" }", "`loss`"),
        (
            "latency = { delay = \"5ms\" }\nclients = [\"10.0.0.0/8\"]",
            "`clients`",
        ),
        ("latency = { delay = \"0ms..500ms\" }", "`ramp`"),
    ];
    for (fault, needs) in faults {
        let suite = suite(&real.url(), &one_fault("3s", fault));
        let ran = suite.run(&["run"]).exits(3);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        let told = format!("fault `broken` needs {needs}, which the Toxiproxy 2.12.0 at");
        assert!(said.contains(&told), "{said}");
        assert!(!suite.events(&suite.run_id()).contains("service_ready"));
        assert_eq!(real.proxies(), serde_json::json!({}));
    }
    let ours = Server::start(&[]);
    for (fault, effects) in faults.map(|(fault, _)| fault).into_iter().zip([1, 0, 1]) {
        let suite = suite(&ours.url(), &one_fault("3s", fault));
        let (_, _, id) = suite.judged("", &["run"]);
        let told = suite.events(&id);
        assert_eq!(events::of(&told, "fault_failed").count(), 0, "{told}");
        assert_eq!(events::of(&told, "fault_lifted").count(), 1, "{told}");
        // No client comes from 10.0.0.0/8.
        assert_eq!(
            events::of(&told, "fault_effective").count(),
            effects,
            "{told}"
        );
    }
}

/// A share of connections comes back from the server as it was asked for.
#[test]
fn a_share_of_connections_is_known_everywhere() {
    let real = Server::start(&["--strict"]);
    let fault = "reset = { after = \"0s\" }\nshare = \"33.3%\"";
    let suite = suite(&real.url(), &one_fault("3s", fault));
    let (_, _, id) = suite.judged("", &["run"]);
    let told = suite.events(&id);
    assert_eq!(events::of(&told, "fault_failed").count(), 0, "{told}");
    assert_eq!(events::of(&told, "fault_lifted").count(), 1, "{told}");
}

fn http(status: u16, body: &str) -> Option<String> {
    let length = body.len();
    Some(format!(
        "HTTP/1.1 {status} Words\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    ))
}

#[test]
fn a_server_that_answers_with_errors_or_garbage_or_never_is_told() {
    let server = canned(|_| http(500, "{\"error\": \"out of order\", \"status\": 500}"));
    not_begun(&server, &["refused to tell its version: 500, out of order"]);
    let server = canned(|_| http(200, "<html><title>nginx</title></html>"));
    not_begun(&server, &["is no Toxiproxy", "<html><title>nginx"]);
    let server = canned(|_| Some("SSH-2.0-OpenSSH_9.6\r\n".to_owned()));
    not_begun(&server, &["is no Toxiproxy", "not HTTP"]);
    let server = canned(|_| None);
    not_begun(
        &server,
        &["failed to tell its version", "no answer within 5s"],
    );
    let server = canned(|asked| match asked {
        "GET /version" => http(200, "{\"version\": \"2.1.0\"}"),
        "GET /proxies" => http(200, "{}"),
        "POST /proxies" => http(
            500,
            "{\"error\": \"listen tcp: address already in use\", \"status\": 500}",
        ),
        _ => http(404, "{\"error\": \"proxy not found\", \"status\": 404}"),
    });
    not_begun(
        &server,
        &["refused to create the proxy", "address already in use"],
    );
}

#[test]
fn a_server_that_agrees_and_does_something_else_is_told() {
    let server = canned(|asked| match asked {
        "GET /version" => http(200, "{\"version\": \"2.12.0\"}"),
        "GET /proxies" => http(200, "{}"),
        "POST /proxies" => http(201, "{}"),
        _ => http(
            200,
            "{\"name\": \"x\", \"listen\": \"127.0.0.1:1\", \"upstream\": \"127.0.0.1:2\", \"enabled\": false}",
        ),
    });
    not_begun(
        &server,
        &["agreed to create the proxy", "and did not", "disabled"],
    );
}

/// Whether the proxy of [`old_server`] is disabled.
static DISABLED: AtomicBool = AtomicBool::new(false);

/// A server of a version that knows no PATCH, with one proxy.
fn old_server(asked: &str) -> Option<String> {
    let proxy = || {
        let enabled = !DISABLED.load(Ordering::SeqCst);
        format!(
            "{{\"name\": \"db\", \"listen\": \"127.0.0.1:1\", \"upstream\": \"x:1\", \"enabled\": {enabled}, \"toxics\": []}}"
        )
    };
    match asked {
        "GET /version" => http(200, "{\"version\": \"2.5.0\"}"),
        "GET /proxies" => http(200, &format!("{{\"db\": {}}}", proxy())),
        "POST /proxies/db" => {
            DISABLED.fetch_xor(true, Ordering::SeqCst);
            http(200, &proxy())
        }
        "GET /proxies/db" => http(200, &proxy()),
        asked if asked.starts_with("PATCH") => http(405, ""),
        _ => http(404, "404 page not found"),
    }
}

#[test]
fn a_server_that_knows_no_patch_is_sent_none() {
    let suite = Suite::new(&[
        ("scenarios/journeys/visit.toml", VISIT),
        ("scenarios/broken.toml", &one_fault("3s", "down = true")),
    ]);
    let (target, server) = (canned(|_| http(200, "\"ok\"")), canned(old_server));
    let toml = format!(
        "[project]\nname = \"runs already\"\n[target]\nmode = \"external\"\nurl = \"{target}\"\n\
         [target.proxy]\nexternal = \"{server}\"\n[target.service.web]\n\
         [target.link.edge]\nto = \"web\"\nproxy = \"db\"\n"
    );
    suite.write("harness.toml", toml);
    let (_, _, id) = suite.judged("", &["run"]);
    let told = suite.events(&id);
    assert_eq!(events::of(&told, "fault_effective").count(), 1, "{told}");
    assert_eq!(events::of(&told, "fault_lifted").count(), 1, "{told}");
    assert_eq!(events::of(&told, "fault_failed").count(), 0, "{told}");
    assert!(!DISABLED.load(Ordering::SeqCst));
}

/// Starts a run and waits until its fault is in force.
fn broken(suite: &Suite, server: &Server) -> (crate::support::Running, String) {
    let running = suite.start(&["run", "--format", "json"]);
    let id = suite.run_id();
    until("the fault", || {
        let proxies = server.proxies();
        // Its own, or the one that its target is routed through.
        let mine = proxies
            .as_object()
            .unwrap()
            .iter()
            .filter(|(name, _)| name.contains(&id) || *name == "the db");
        mine.into_iter()
            .any(|(_, proxy)| proxy["enabled"] == false || proxy["toxics"] != serde_json::json!([]))
            .then_some(())
    });
    (running, id)
}

/// The run ends by itself; the fault failed, and nothing passes that is said of it.
#[track_caller]
fn invalid(suite: &Suite, running: crate::support::Running, id: &str, reason: &str) {
    let ran = running.ends();
    let summary = ran.json();
    let gate = &summary["verdict"]["gates"][0];
    assert_eq!(gate["grade"], "invalid", "{gate:#}\n{}", ran.stderr);
    let told = suite.events(id);
    let failed: Vec<_> = events::of(&told, "fault_failed").collect();
    assert_eq!(failed.len(), 1, "{told}");
    assert!(
        failed[0]["reason"].as_str().unwrap().contains(reason),
        "{failed:?}"
    );
    until_nothing_lives(id);
}

#[test]
fn a_server_that_dies_makes_its_faults_fail_and_the_run_ends() {
    let mut server = Server::start(&["--strict"]);
    let suite = suite(
        &server.url(),
        &one_fault("4s", "latency = { delay = \"5ms\" }"),
    );
    let (running, id) = broken(&suite, &server);
    server.kill();
    // It may have been in the middle of an answer.
    invalid(&suite, running, &id, &server.url());
    let heal = suite.run(&["heal"]).exits(0);
    assert!(heal.stderr.contains("nothing was left"), "{}", heal.stderr);
}

/// What did not strike can't be undone by a server that is gone either: one failure of the fault, told once.
#[test]
fn a_server_that_is_gone_before_the_fault_makes_it_fail_once() {
    let mut server = Server::start(&["--strict"]);
    let scenario = one_fault("6s", "latency = { delay = \"5ms\" }").replace("500ms", "3s");
    let suite = suite(&server.url(), &scenario);
    let running = suite.start(&["run", "--format", "json"]);
    let id = suite.run_id();
    until("the load", || {
        let events = suite.events(&id);
        events
            .contains("\"event\":\"scenario_started\"")
            .then_some(())
    });
    server.kill();
    invalid(&suite, running, &id, &server.url());
    let events = suite.events(&id);
    assert!(
        events.contains("did not strike, and could not be undone"),
        "{events}"
    );
}

/// It comes to itself when the run is over: what could not be undone is healed by hand then.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test has no run's clock")]
fn a_server_that_hangs_makes_its_faults_fail_and_is_healed_when_it_answers() {
    let server = Server::start(&["--strict"]);
    let suite = suite(
        &server.url(),
        &one_fault("4s", "latency = { delay = \"5ms\" }"),
    );
    let next = "title = \"Next\"\n[load]\nrate = \"20/s\"\nfor = \"2s\"\nmix = { visit = 1 }\n";
    suite.write("scenarios/next.toml", next);
    let (running, id) = broken(&suite, &server);
    signal(server.pid(), "STOP");
    let begun = Instant::now();
    invalid(&suite, running, &id, "no answer within 5s");
    assert!(begun.elapsed() < Duration::from_secs(100), "it hung");
    let events = suite.events(&id);
    assert!(events.contains("`harness heal` tries again"), "{events}");
    let unmeasured = "scenario next was not started: the target is not steady before it: a link could not be healed";
    assert!(events.contains(unmeasured), "{events}");
    assert_eq!(events.matches("\"event\":\"scenario_started\"").count(), 1);
    let healed = suite.run(&["heal"]).exits(3);
    assert!(
        healed.stderr.contains("no answer within 5s"),
        "{}",
        healed.stderr
    );
    signal(server.pid(), "CONT");
    // It may find what it was asked to delete meanwhile, and do it.
    suite.run(&["heal"]).exits(0);
    assert_eq!(server.proxies(), serde_json::json!({}));
    let journal = std::fs::read_to_string(suite.only_run().join("undo.ndjson")).unwrap();
    assert!(
        journal.trim_end().ends_with("{\"entry\":\"clean\"}"),
        "{journal}"
    );
}

#[test]
fn a_proxy_that_somebody_deletes_makes_its_faults_fail() {
    let server = Server::start(&["--strict"]);
    let scenario = one_fault("9s", "latency = { delay = \"5ms\" }").replace("\"2s\"", "\"7s\"");
    let suite = suite(&server.url(), &scenario);
    let (running, id) = broken(&suite, &server);
    let name = format!("harness-{id}-edge");
    // A toxic that is there is still to be read back; then the fault is told to have its effect.
    until("the fault has its effect", || {
        let events = suite.events(&id);
        events
            .contains("\"event\":\"fault_effective\"")
            .then_some(())
    });
    assert_eq!(server.ask("DELETE", &format!("/proxies/{name}"), "").0, 204);
    invalid(&suite, running, &id, "not by this run");
    assert!(suite.events(&id).contains("link `edge` is cut"));
}

#[test]
fn two_runs_share_a_server() {
    let server = Server::start(&["--strict"]);
    let fault = "latency = { delay = \"5ms\" }";
    // It is there for as long as the other one is, however long that takes to come up.
    let long = one_fault("10m", fault).replace("\"2s\"", "\"9m\"");
    let first = suite(&server.url(), &long);
    let (running, id) = broken(&first, &server);
    let (ran, ()) = unless_invalid(|| {
        let second = suite(&server.url(), &one_fault("4s", fault));
        let (running, _) = broken(&second, &server);
        assert_eq!(server.proxies().as_object().unwrap().len(), 2);
        (running.ends(), ())
    });
    assert_eq!(ran.json()["verdict"]["gates"][0]["grade"], "pass");
    let left = server.proxies();
    let toxics = &left[format!("harness-{id}-edge")]["toxics"];
    assert_eq!(toxics.as_array().unwrap().len(), 1, "{left:#}");
    assert_eq!(left.as_object().unwrap().len(), 1, "{left:#}");
    running.signal("INT");
    running.ends().exits(130);
    let events = first.events(&id);
    assert_eq!(events::of(&events, "fault_failed").count(), 0, "{events}");
    assert_eq!(server.proxies(), serde_json::json!({}));
}

#[test]
fn a_killed_run_leaves_no_proxy_on_the_server() {
    let server = Server::start(&["--strict"]);
    let long = one_fault("10m", "down = true").replace("\"2s\"", "\"9m\"");
    let suite = suite(&server.url(), &long);
    let (running, id) = broken(&suite, &server);
    running.signal("KILL");
    running.ends().exits(-1);
    until("the proxy is gone", || {
        (server.proxies() == serde_json::json!({})).then_some(())
    });
    until_nothing_lives(&id);
}

#[test]
fn heal_deletes_the_proxies_of_a_run_whose_guardian_was_killed_too() {
    let server = Server::start(&["--strict"]);
    let long = one_fault("10m", "down = true").replace("\"2s\"", "\"9m\"");
    let suite = suite(&server.url(), &long);
    let (running, id) = broken(&suite, &server);
    running.orphan();
    assert_eq!(server.proxies().as_object().unwrap().len(), 1);
    let healed = suite.run(&["heal"]).exits(0);
    let said = format!("deleted the proxy harness-{id}-edge at {}/", server.url());
    assert!(healed.stderr.contains(&said), "{}", healed.stderr);
    assert_eq!(server.proxies(), serde_json::json!({}));
    let again = suite.run(&["heal"]).exits(0);
    assert!(
        again.stderr.contains("nothing was left"),
        "{}",
        again.stderr
    );
}

/// A target that runs already, behind a proxy that its owner made on the server; and a suite that names both.
fn routed(server: &Server, scenario: &str) -> Suite {
    let upstream = canned(|_| http(200, "\"ok\""));
    let upstream = upstream.strip_prefix("http://").unwrap();
    let body = format!(
        "{{\"name\": \"the db\", \"listen\": \"127.0.0.1:0\", \"upstream\": \"{upstream}\"}}"
    );
    assert_eq!(server.ask("POST", "/proxies", &body).0, 201);
    let listen = &server.proxies()["the db"]["listen"];
    let suite = Suite::new(&[
        ("scenarios/journeys/visit.toml", VISIT),
        ("scenarios/broken.toml", scenario),
    ]);
    let toml = format!(
        "[project]\nname = \"runs already\"\n[target]\nmode = \"external\"\nurl = \"http://{}\"\n\
         [target.proxy]\nexternal = \"{}\"\n[target.service.web]\n\
         [target.link.edge]\nto = \"web\"\nproxy = \"the db\"\n",
        listen.as_str().unwrap(),
        server.url()
    );
    suite.write("harness.toml", toml);
    suite
}

/// The owner's proxy is there, enabled, and nothing works on it.
#[track_caller]
fn is_whole(server: &Server) {
    let proxy = &server.proxies()["the db"];
    assert_eq!(proxy["enabled"], true, "{proxy:#}");
    assert_eq!(proxy["toxics"], serde_json::json!([]), "{proxy:#}");
}

#[test]
fn an_external_target_is_broken_through_the_proxies_it_is_routed_through() {
    let server = Server::start(&["--strict"]);
    let suite = routed(&server, BROKEN);
    let (grades, _, id) = played(&suite);
    assert_eq!(grades.len(), 5);
    is_whole(&server);
    let journal = std::fs::read_to_string(suite.folder(&id).join("undo.ndjson")).unwrap();
    let at = |entry: &str| journal.find(&format!("\"entry\":\"{entry}\"")).unwrap();
    assert!(
        at("toxics") < at("down") && at("down") < at("up"),
        "{journal}"
    );
}

#[test]
fn a_killed_run_leaves_the_proxies_of_an_external_target_as_they_were() {
    for fault in ["down = true", "latency = { delay = \"5ms\" }"] {
        let server = Server::start(&["--strict"]);
        let long = one_fault("10m", fault).replace("\"2s\"", "\"9m\"");
        let suite = routed(&server, &long);
        let (running, _) = broken(&suite, &server);
        running.orphan();
        let healed = suite.run(&["heal"]).exits(0);
        assert!(healed.stderr.contains("the db at"), "{}", healed.stderr);
        is_whole(&server);

        let (running, _) = broken(&suite, &server);
        running.signal("KILL");
        running.ends().exits(-1);
        until("it is healed", || {
            let proxy = &server.proxies()["the db"];
            (proxy["enabled"] == true && proxy["toxics"] == serde_json::json!([])).then_some(())
        });
    }
}

#[test]
fn a_proxy_that_is_not_there_or_not_whole_is_told_before_anything_begins() {
    let server = Server::start(&["--strict"]);
    let suite = routed(&server, &one_fault("3s", "down = true"));
    server.ask("PATCH", "/proxies/the%20db", "{\"enabled\": false}");
    let ran = suite.run(&["run"]).exits(3);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(said.contains("is disabled: enable it first"), "{said}");
    let toml = suite.read("harness.toml");
    suite.write(
        "harness.toml",
        toml.replace("proxy = \"the db\"", "proxy = \"a db\""),
    );
    let ran = suite.run(&["run"]).exits(3);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    let told = "has no proxy `a db`, which link `edge` names; it has the db";
    assert!(said.contains(told), "{said}");
}
