//! Links whose service is gone, says nothing, or resets: what is said of them, and that the run ends all the same.

use crate::support::events;
use crate::support::{Ran, Suite, server};
use std::io::Read as _;
use std::net::{TcpListener, TcpStream};

/// The test that is an upstream when asked to be one.
const NAME: &str = "links::an_upstream_when_asked_to_be_one";
/// Asks it, and says how it behaves.
const MANNER: &str = "HARNESS_TEST_UPSTREAM";

const VISIT: &str = r#"
title = "A visit"
[[step]]
name = "the page"
get = "/"
timeout = "500ms"
"#;

const LOAD: &str = r#"
title = "Visits"
[load]
rate = "20/s"
for = "4s"
mix = { visit = 1 }
"#;

const GONE: &str = r#"
[[fault]]
name = "gone"
service = "server"
at = "1s"
for = "1500ms"
kill = true
"#;

#[test]
fn an_upstream_when_asked_to_be_one() {
    let Ok(manner) = std::env::var(MANNER) else {
        return;
    };
    let port = std::env::var(server::PORT).unwrap();
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).unwrap();
    for stream in listener.incoming().flatten() {
        let manner = manner.clone();
        std::thread::spawn(move || behave(stream, &manner));
    }
}

fn behave(mut stream: TcpStream, manner: &str) {
    match manner {
        "mute" => while stream.read(&mut [0; 4096]).is_ok_and(|n| n > 0) {},
        // What is closed with something unread is reset.
        _ => drop(stream.peek(&mut [0])),
    }
}

/// A service of that manner behind the link that journeys and load go in by.
fn suite(manner: &str) -> Suite {
    let target = server::target().replace(server::NAME, NAME);
    let target = target.replace("env = {", &format!("env = {{ {MANNER} = \"{manner}\","));
    Suite::new(&[
        (
            "harness.toml",
            &format!("[project]\nname = \"links\"\n{target}"),
        ),
        ("scenarios/journeys/visit.toml", VISIT),
        ("scenarios/load.toml", LOAD),
    ])
}

/// Runs it to its end; the classes of errors under load, and how the walk's step failed.
fn met(suite: &Suite) -> (Ran, Vec<String>, String) {
    let ran = suite.plays(&["run"]);
    let told = suite.events(&suite.run_id());
    assert_eq!(events::of(&told, "run_finished").count(), 1, "{told}");
    let ticks = events::of(&told, "load_tick");
    let classes = ticks.filter_map(|tick| Some(tick["errors"].as_object()?.clone()));
    let mut classes: Vec<String> = classes
        .flat_map(|of| of.into_iter().map(|(c, _)| c))
        .collect();
    classes.sort();
    classes.dedup();
    (ran, classes, told)
}

#[test]
fn a_service_that_is_gone_is_told_where_clients_see_only_a_closed_connection() {
    let head = "[project]\nname = \"links\"\n";
    let suite = Suite::new(&[
        ("harness.toml", &format!("{head}{}", server::target())),
        ("scenarios/journeys/visit.toml", VISIT),
        ("scenarios/load.toml", &format!("{LOAD}{GONE}")),
    ]);
    let (ran, classes, told) = met(&suite);
    assert!(classes.contains(&"closed".to_owned()), "{classes:?}");
    let words = "the service behind link `edge` could not be reached: ";
    assert_eq!(told.matches(words).count(), 1, "{told}");
    assert!(ran.stderr.contains(words), "{}", ran.stderr);
    let failed = events::of(&told, "link_tick").map(|tick| tick["failed"].as_u64().unwrap());
    assert!(failed.sum::<u64>() > 0, "{told}");
}

#[test]
fn a_service_that_says_nothing_is_a_time_out() {
    let (ran, classes, told) = met(&suite("mute"));
    ran.exits(1);
    assert_eq!(classes, ["first-byte-timeout"]);
    let step = events::of(&told, "step_finished").next().unwrap();
    assert!(
        step.to_string()
            .contains("no complete response within 500ms"),
        "{step:#}"
    );
    assert!(!told.contains("could not be reached"), "{told}");
}

#[test]
fn a_service_that_resets_is_told_as_such() {
    let (ran, classes, told) = met(&suite("reset"));
    ran.exits(1);
    assert_eq!(classes, ["reset"], "{told}");
    let step = events::of(&told, "step_finished").next().unwrap();
    assert!(step.to_string().contains("reset"), "{step:#}");
}
