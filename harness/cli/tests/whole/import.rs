//! `harness import` as people use it: what it writes passes `check`, nothing is overwritten, no secret is written.

use crate::support::{Suite, repository};
use std::io::Write as _;
use std::process::Stdio;

/// Everything written under a folder, as one text.
fn all(folder: &Suite) -> String {
    let mut all = String::new();
    let mut folders = vec![folder.path().to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "toml") {
                all += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    all
}

const CURL: &str = r#"curl -X POST 'http://shop.test/orders' -H 'Authorization: Bearer hunter2!' -H 'content-type: application/json' -d '{"sku":"S-1","note":"{{ x }} ${y}"}'"#;

#[test]
fn curl_commands_become_a_journey_that_checks() {
    let folder = Suite::new(&[]);
    let ran = folder.run(&["import", "curl", CURL]).exits(0);
    assert!(
        ran.stderr.contains("set AUTHORIZATION in the environment"),
        "{}",
        ran.stderr
    );
    let written = all(&folder);
    assert!(!written.contains("hunter2"), "{written}");
    assert!(
        written.contains("Bearer ${secret.authorization}"),
        "{written}"
    );
    let checked = folder.run(&["check"]).exits(0);
    assert!(checked.stdout.contains("no errors"), "{}", checked.stdout);
    // Several, from stdin, beside the first.
    let mut command = folder.command(&["import", "curl", "--name", "more"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines =
        "curl http://shop.test/a \\\n  -u ada:hunter2!\ncurl https://other.test/b -F x=@y\n";
    child
        .stdin
        .take()
        .unwrap()
        .write_all(lines.as_bytes())
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(2), "a form with files");
    assert!(!all(&folder).contains("/a\""), "all or nothing");
}

#[test]
fn nothing_is_overwritten_without_force() {
    let folder = Suite::new(&[]);
    folder.run(&["import", "curl", "curl http://a/1"]).exits(0);
    let config = folder.read("harness.toml");
    let again = folder.run(&["import", "curl", "curl http://a/2"]).exits(2);
    assert!(
        again.stderr.contains("nothing was written"),
        "{}",
        again.stderr
    );
    assert!(folder.read("scenarios/journeys/curl.toml").contains("/1"));
    folder
        .run(&["import", "curl", "--force", "curl http://b/2"])
        .exits(0);
    assert!(folder.read("scenarios/journeys/curl.toml").contains("/2"));
    assert_eq!(folder.read("harness.toml"), config, "never replaced");
    let printed = folder
        .run(&["import", "curl", "--print", "curl http://a/3"])
        .exits(0);
    assert!(printed.stdout.contains("/3"), "{}", printed.stdout);
    assert!(!all(&folder).contains("/3"));
}

#[test]
fn a_recording_becomes_a_journey_that_checks() {
    let har = r#"{"log":{"entries":[
      {"request":{"method":"POST","url":"http://shop.test/login","headers":[],"postData":{"mimeType":"application/json","text":"{\"password\":\"hunter2!\",\"none\":null}"}},"response":{"status":200,"headers":[],"content":{"mimeType":"application/json","text":"{\"access_token\":\"tok-123456789\",\"odd key\":[{\"id\":4711}]}"}}},
      {"request":{"method":"GET","url":"http://shop.test/orders/4711?x=%7B%7B","headers":[{"name":"Authorization","value":"Bearer tok-123456789"}]},"response":{"status":200,"headers":[],"content":{"mimeType":"text/html","text":""}}},
      {"request":{"method":"GET","url":"https://cdn.test:8443/prices","headers":[{"name":"x-api-key","value":"hunter2!"}]},"response":{"status":200,"headers":[],"content":{"mimeType":"application/json","text":"{}"}}}
    ]}}"#;
    let folder = Suite::new(&[("Shop Visit.har", har)]);
    let ran = folder.run(&["import", "har", "Shop Visit.har"]).exits(0);
    assert!(
        ran.stderr.contains("captured from answers: "),
        "{}",
        ran.stderr
    );
    let written = folder.read("scenarios/journeys/shop-visit.toml");
    assert!(written.contains("/orders/{{ id }}"), "{written}");
    assert!(written.contains("Bearer {{ access_token }}"), "{written}");
    for secret in ["hunter2", "tok-123456789"] {
        assert!(!all(&folder).contains(secret), "{secret}");
    }
    let checked = folder.run(&["check"]);
    assert_eq!(
        checked.code,
        0,
        "{}{}\n{}",
        checked.stdout,
        checked.stderr,
        all(&folder)
    );
}

#[test]
fn a_document_becomes_journeys_that_check() {
    for document in Suite::files("fixtures/openapi") {
        let folder = Suite::new(&[]);
        let path = repository().join(&document).display().to_string();
        folder
            .run(&["import", "openapi", &path, "--url", "http://127.0.0.1:1"])
            .exits(0);
        let checked = folder.run(&["check"]);
        assert_eq!(
            checked.code,
            0,
            "{document}: {}{}\n{}",
            checked.stdout,
            checked.stderr,
            all(&folder)
        );
    }
}

#[test]
fn what_can_not_be_read_is_told_with_its_place() {
    let folder = Suite::new(&[
        ("bad.har", "{\"log\": {\n  \"entries\": [}"),
        ("bad.json", "{}"),
        ("bad.bin", "\u{0}"),
    ]);
    for (arguments, code, wanted) in [
        (
            &["curl", "curl 'http://a"][..],
            2,
            "line 1, column 6: a quote",
        ),
        (
            &["curl", "curl -F a=@b http://a"],
            2,
            "`-F` can't be imported",
        ),
        (
            &["curl", "--name", "../x", "curl http://a"],
            2,
            "can't name a journey",
        ),
        (&["har", "bad.har"], 2, "line 2, column 15"),
        (&["har", "none.har"], 2, "none.har"),
        (&["har", "."], 2, "is a folder"),
        (&["openapi", "bad.json"], 2, "bad.json"),
        (&["openapi", "bad.bin"], 2, "bad.bin"),
    ] {
        let ran = folder
            .run(&[&["import"][..], arguments].concat())
            .exits(code);
        assert!(ran.stderr.contains(wanted), "{arguments:?}: {}", ran.stderr);
    }
    assert!(!folder.path().join("harness.toml").exists());
}
