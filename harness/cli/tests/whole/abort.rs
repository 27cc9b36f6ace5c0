//! Loads that give up because their schedule isn't kept, and those that have no reason to.

use crate::support::{Suite, unless_invalid};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};

/// A server that answers so many requests and then keeps every connection open without a word.
fn answers(many: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let left = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(many));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let left = std::sync::Arc::clone(&left);
            std::thread::spawn(move || serve(&stream, &left));
        }
    });
    url
}

fn serve(stream: &TcpStream, left: &std::sync::atomic::AtomicUsize) {
    use std::sync::atomic::Ordering::Relaxed;
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    while let Some(_request) = lines.next() {
        lines.by_ref().take_while(|line| !line.is_empty()).count();
        let one = left.fetch_update(Relaxed, Relaxed, |n| n.checked_sub(1));
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        if one.is_ok() && (&mut &*stream).write_all(answer).is_err() {
            return;
        }
    }
}

/// A suite whose load would last ten minutes, on few connections.
fn suite(url: &str, lasts: &str) -> Suite {
    let load = format!(
        "rate = \"40/s\"\nfor = \"{lasts}\"\nconnections = 8\nabort = \"rate missed by 5% for 5s\"\nmix = {{ visit = 1 }}"
    );
    Suite::new(&[
        (
            "harness.toml",
            &format!(
                "[project]\nname = \"giving-up\"\n[target]\nmode = \"external\"\nurl = \"{url}\"\n"
            ),
        ),
        (
            "scenarios/journeys/visit.toml",
            "title = \"v\"\ntags = [\"load-only\"]\n[[step]]\nname = \"s\"\nget = \"/\"\nexpect = [\"status == 200\"]\n",
        ),
        (
            "scenarios/long.toml",
            &format!("title = \"Long\"\nsettle = \"0s\"\n[load]\n{load}\n"),
        ),
    ])
}

#[test]
fn a_load_whose_requests_are_never_answered_gives_up_and_says_so() {
    let (ran, suite) = unless_invalid(|| {
        // Enough answers for a moment of load that looks well.
        let suite = suite(&answers(40), "10m");
        (suite.run(&["run", "--format", "json"]), suite)
    });
    let ran = ran.exits(1);
    let (summary, id) = (ran.json(), suite.run_id());
    let events = suite.events(&id);
    assert_eq!(events.matches("\"event\":\"gate_tripped\"").count(), 1);
    assert!(events.contains("\"end\":\"aborted\""), "{events}");
    let gate = &summary["verdict"]["gates"][0];
    assert_eq!(gate["gate"]["id"], "long#rate missed", "{gate:#}");
    assert_eq!(gate["grade"], "fail", "{gate:#}");
    assert_eq!(summary["readiness"]["decision"], "no-go");
    assert!(ran.stdout.contains("rate_missed < 5%"), "{}", ran.stdout);
    let page = std::fs::read_to_string(suite.only_run().join("report.html")).unwrap();
    assert!(page.contains("rate_missed &lt; 5%"));
}

#[test]
fn a_load_whose_schedule_is_kept_goes_on_to_its_end() {
    let suite = suite(&answers(usize::MAX), "8s");
    let (ran, summary, id) = suite.judged("", &["run"]);
    ran.exits(0);
    let events = suite.events(&id);
    assert!(events.contains("\"end\":\"completed\""), "{events}");
    assert_eq!(summary["verdict"]["gates"][0]["grade"], "pass");
}
