//! Loads of every model and shape, from the suite's text to what a server was asked: planned and checked as a person
//! does it, and played with exact counts.

use crate::support::{Suite, turn};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

type Asked = Arc<Mutex<BTreeMap<String, u64>>>;

/// A server that answers everything at once and counts its requests by path.
fn server() -> (String, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Asked::default();
    let counts = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let counts = Arc::clone(&counts);
            std::thread::spawn(move || serve(&stream, &counts));
        }
    });
    (url, asked)
}

fn serve(stream: &TcpStream, asked: &Asked) {
    let _ = stream.set_nodelay(true);
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    while let Some(first) = lines.next() {
        // The headers; none of the requests here has a body.
        if lines.by_ref().take_while(|line| !line.is_empty()).count() == 0 {
            return;
        }
        let path = first.split(' ').nth(1).unwrap_or("").to_owned();
        *asked.lock().unwrap().entry(path).or_default() += 1;
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        if (&mut &*stream).write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// A suite of journeys of one request each, `a` and `b`, and scenarios given by name and `[load]`.
fn suite(url: &str, scenarios: &[(&str, &str)]) -> Suite {
    let config = format!(
        "[project]\nname = \"models\"\n[target]\nmode = \"external\"\nurl = \"{url}\"\n[[gate]]\nexpect = \"error_rate < 1%\"\nclass = \"info\"\n"
    );
    let suite = Suite::new(&[("harness.toml", &config)]);
    for journey in ["a", "b"] {
        let text =
            format!("title = \"{journey}\"\n[[step]]\nname = \"ask\"\nget = \"/{journey}\"\n");
        suite.write(&format!("scenarios/journeys/{journey}.toml"), text);
    }
    for (name, load) in scenarios {
        let text = format!("title = \"{name}\"\nsettle = \"0s\"\n[load]\n{load}\n");
        suite.write(&format!("scenarios/{name}.toml"), text);
    }
    suite
}

const FORMS: [(&str, &str); 12] = [
    (
        "ramp",
        "rate = \"5/s..50/s\"\nfor = \"20s\"\nmix = { a = 3, b = 1 }",
    ),
    (
        "stages",
        "stages = [{ rate = \"10/s\", for = \"1m\" }, { rate = \"10/s..30/s\", for = \"30s\" }]\nmix = { a = 1 }\nwarm_up = \"30s\"",
    ),
    (
        "poisson",
        "rate = \"100/s\"\nfor = \"1m\"\narrivals = \"poisson\"\nmix = { a = 1 }",
    ),
    (
        "each",
        "stages = [{ rates = { a = \"80/s\", b = \"5/s..20/s\" }, for = \"60s\" }]",
    ),
    (
        "stairs",
        "steps = { from = \"100/s\", to = \"500/s\", by = \"100/s\", every = \"30s\" }\nmix = { a = 1 }",
    ),
    (
        "spike",
        "preset = \"spike\"\nrate = \"100/s\"\nmix = { a = 1 }",
    ),
    (
        "users",
        "model = \"closed\"\nusers = 50\nfor = \"2m\"\nmix = { a = 1 }\nthink = \"1s..3s\"",
    ),
    (
        "more-users",
        "model = \"closed\"\nstages = [{ users = \"1..50\", for = \"30s\" }, { users = 50, for = \"2m\" }]\nmix = { a = 1 }\npacing = \"2s\"\ncookies = \"journey\"",
    ),
    (
        "shared",
        "model = \"closed\"\nusers = 50\niterations = 1000\nmix = { a = 1 }",
    ),
    (
        "per-user",
        "model = \"closed\"\nusers = 5\niterations_per_user = 20\nmix = { a = 1 }\nthink = { exponential = \"2s\", at_most = \"20s\" }",
    ),
    (
        "soaked",
        "model = \"closed\"\npreset = \"soak\"\nusers = 20\nmix = { a = 1 }",
    ),
    (
        "rules",
        "rate = \"10/s\"\nfor = \"10s\"\nmix = { a = 1 }\n[load.http]\nconnections = 8\nreuse = \"never\"\nversion = \"1.1\"\nlookup = \"connection\"\nresumption = false",
    ),
];

#[test]
fn every_form_is_checked_and_planned() {
    let suite = suite("http://127.0.0.1:9", &FORMS);
    suite.run(&["check"]).exits(0);
    let plan = suite.run(&["plan"]).exits(0).stdout;
    for words in [
        "5/s to 50/s over 20s",
        "warm-up of 30s, judged by no gate",
        "Poisson arrivals, drawn from the seed",
        "b: 5/s to 20/s over 1m",
        "100/s for 30s, 200/s for 30s, 300/s for 30s, 400/s for 30s, 500/s for 30s",
        "100/s to 500/s over 6s, 500/s for 48s",
        "50 users for 2m",
        "think time 1s..3s",
        "1 user to 50 users over 30s, 50 users for 2m",
        "at most one journey every 2s, cookies end with the journey",
        "1000 journeys by 50 users, within 10m",
        "20 journeys by each of 5 users, within 10m",
        "think time exponential 2s at most 20s",
        "0 users to 20 users over 6m, 20 users for 1h48m",
        "a new connection for each request, HTTP/1.1",
        "50 users │",
    ] {
        assert!(plan.contains(words), "no `{words}` in\n{plan}");
    }
}

#[test]
fn a_contradiction_is_told_where_it_stands() {
    for (load, line, words, hint) in [
        (
            "users = 5\nfor = \"1m\"\nmix = { a = 1 }",
            4,
            "`users` belongs to a load of the closed model",
            "model = \"closed\"",
        ),
        (
            "rate = \"5/s\"\nfor = \"1m\"\nstages = [{ rate = \"5/s\", for = \"1m\" }]\nmix = { a = 1 }",
            4,
            "a load has either `stages`, or `rate` and `for`",
            "write `rate",
        ),
        (
            "model = \"closed\"\nusers = 0\nfor = \"1m\"\nmix = { a = 1 }",
            5,
            "the load has no users at all",
            "users = 50",
        ),
        (
            "rate = \"5/s\"\nfor = \"1m\"\nwarm_up = \"2m\"\nmix = { a = 1 }",
            6,
            "all of it would be warm-up",
            "a shorter `warm_up`",
        ),
    ] {
        let said = suite("http://127.0.0.1:9", &[("odd", load)])
            .run(&["check"])
            .exits(2);
        let place = format!("scenarios/odd.toml:{line}:");
        for words in [place.as_str(), words, hint] {
            assert!(
                said.stdout.contains(words),
                "no `{words}` in\n{}",
                said.stdout
            );
        }
    }
}

/// A scenario's part of a summary.
fn scenario<'s>(summary: &'s Value, name: &str) -> &'s Value {
    let all = summary["scenarios"].as_array().unwrap();
    all.iter().find(|s| s["scenario"] == name).unwrap()
}

fn count(figures: &Value, what: &str) -> u64 {
    figures[what]
        .as_u64()
        .unwrap_or_else(|| panic!("no {what} in {figures:#}"))
}

#[test]
fn journeys_of_a_closed_load_are_as_many_as_it_says() {
    let (url, asked) = server();
    let suite = suite(
        &url,
        &[
            (
                "each",
                "model = \"closed\"\nusers = 6\niterations_per_user = 7\nmix = { b = 1 }\nthink = \"1ms..5ms\"",
            ),
            (
                "shared",
                "model = \"closed\"\nusers = 5\niterations = 200\nmix = { a = 1 }\n[load.http]\nreuse = \"user\"",
            ),
        ],
    );
    let _turn = turn();
    let summary = suite.run(&["run", "--format", "json"]).exits(0).json();
    for (name, journey, walks) in [("shared", "a", 200), ("each", "b", 42)] {
        let figures = &scenario(&summary, name)["names"][journey];
        let counts = ["planned", "started", "ok", "dropped"].map(|what| count(figures, what));
        assert_eq!(counts, [walks, walks, walks, 0], "{figures:#}");
        // The functional run walked each journey once.
        let seen = asked.lock().unwrap().get(&format!("/{journey}")).copied();
        assert_eq!(seen, Some(walks + 1));
        let trust = summary["verdict"]["generator"].as_array().unwrap().iter();
        let trust = trust.into_iter().find(|g| g["scenario"] == name).unwrap();
        assert_ne!(trust["trust"], "invalid", "{trust:#}");
    }
    let page = std::fs::read_to_string(suite.only_run().join("report.html")).unwrap();
    for words in [
        "200 journeys by 5 users",
        "7 journeys by each of 6 users",
        ">Users<",
    ] {
        assert!(page.contains(words), "no `{words}` on the page");
    }
    assert!(
        !page.contains(">intended<"),
        "a closed load intends no rate"
    );
}

#[test]
fn arrivals_are_as_many_as_drawn_and_the_warm_up_is_counted_apart() {
    let (url, asked) = server();
    let suite = suite(
        &url,
        &[
            (
                "each",
                "rates = { a = \"20/s\", b = \"10/s..20/s\" }\nfor = \"2s\"",
            ),
            (
                "drawn",
                "rate = \"150/s\"\nfor = \"2s\"\narrivals = \"poisson\"\nmix = { a = 1 }\nwarm_up = \"1s\"",
            ),
        ],
    );
    let _turn = turn();
    let run = |_| {
        asked.lock().unwrap().clear();
        let summary = suite.run(&["run", "--format", "json"]).exits(0).json();
        let each = &scenario(&summary, "each")["names"];
        assert_eq!(
            (count(&each["a"], "planned"), count(&each["b"], "planned")),
            (40, 30)
        );
        let drawn = scenario(&summary, "drawn");
        let (judged, warm) = (&drawn["names"]["a"], &drawn["warm_up"]);
        assert!(scenario(&summary, "each").get("warm_up").is_none());
        assert!(
            count(judged, "planned") > 90 && count(warm, "planned") > 90,
            "{drawn:#}"
        );
        let arrivals = count(judged, "planned") + count(warm, "planned");
        // All of them, and the rates' 40, and the functional walk's one.
        assert_eq!(asked.lock().unwrap().get("/a"), Some(&(arrivals + 41)));
        arrivals
    };
    let [first, second] = [1, 2].map(run);
    assert_eq!(first, second, "the same seed draws the same arrivals");
    assert_ne!(
        first, 300,
        "drawn arrivals are hardly ever exactly what is intended"
    );
}
