//! Servers that nobody here wrote: the two suites in fixtures/external, whose servers come from PyPI, and the bad luck
//! one has with such servers, played by small ones. The suites are skipped, with a line that says so, where python3 can't
//! make a virtual environment; `HARNESS_REQUIRE_PYTHON=1` makes that a failure.

use crate::support::canned::canned;
use crate::support::{HARNESS, Suite, part, repository, shop};
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a small server answers: status, content type, body.
pub(crate) type Answer = (u16, &'static str, String);

/// A server of one answer a connection: what comes after on the same one is met with its end, unannounced.
pub(crate) fn server(
    answer: impl Fn(&str, &str) -> Answer + Send + Sync + Clone + 'static,
) -> String {
    canned(move |request| {
        let (method, path) = request.split_once(' ').unwrap();
        let (status, kind, body) = answer(method, path);
        let length = body.len();
        Some(format!(
            "HTTP/1.1 {status} Words\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}"
        ))
    })
}

/// Things below `/api`, and what `elsewhere` says of all other paths.
fn things_below_api(elsewhere: fn(&str) -> Answer) -> String {
    server(move |method, path| match path.strip_prefix("/api/things") {
        Some("") if method == "GET" => (200, "application/json", r#"[{"id": 7}]"#.into()),
        Some("") => (201, "application/json", r#"{"id": 7}"#.into()),
        Some(_) => (200, "application/json", r#"{"id": 7}"#.into()),
        None => elsewhere(method),
    })
}

fn document(more: &Value) -> String {
    let thing = json!({ "type": "object", "required": ["id"], "properties": { "id": { "type": "integer" } } });
    let answers = |status: &str, schema: Value| json!({ status: { "description": "", "content": { "application/json": { "schema": schema } } } });
    let mut document = json!({
        "openapi": "3.1.0", "info": { "title": "things", "version": "1" },
        "paths": {
            "/things": {
                "get": { "responses": answers("200", json!({ "type": "array", "items": thing })) },
                "post": {
                    "requestBody": { "content": { "application/json": { "schema": { "type": "object" } } } },
                    "responses": answers("201", thing.clone())
                }
            },
            "/things/{id}": { "get": {
                "parameters": [{ "name": "id", "in": "path", "required": true, "schema": { "type": "integer" } }],
                "responses": answers("200", thing)
            } }
        }
    });
    for (path, item) in more.as_object().unwrap() {
        document["paths"][path] = item.clone();
    }
    document.to_string()
}

/// A suite of one contract, against what runs at a URL.
fn contract(url: &str, document: &str, more: &str) -> Suite {
    let toml = format!(
        "[project]\nname = \"things\"\n[target]\nmode = \"external\"\nurl = \"{url}\"\n[contract.things]\nopenapi = \"things.json\"\n{more}"
    );
    Suite::new(&[("harness.toml", &toml), ("things.json", document)])
}

/// The findings of a run of such a suite, and its exit code.
fn findings(suite: &Suite) -> (i32, Value) {
    let ran = suite.run(&["run", "--format", "json"]);
    (ran.code, ran.json()["contracts"]["things"].clone())
}

#[track_caller]
fn one_diagnosis(elsewhere: fn(&str) -> Answer) {
    let url = things_below_api(elsewhere);
    let suite = contract(&url, &document(&json!({})), "");
    let (code, said) = findings(&suite);
    let found = said["findings"].as_array().unwrap();
    assert_eq!((code, found.len()), (2, 1), "{said:#}");
    let message = found[0]["message"].as_str().unwrap();
    for words in [
        &format!("nothing answers under {url}"),
        "is the base path missing",
        "[contract.things]",
    ] {
        assert!(message.contains(words), "no `{words}` in {message}");
    }
    let talk = suite.run(&["run"]).exits(2);
    assert!(
        talk.stdout.contains("nothing answers under"),
        "{}",
        talk.stdout
    );
    // What it says helps.
    let (code, said) = findings(&contract(&url, &document(&json!({})), "base = \"/api\"\n"));
    assert_eq!((code, &said["findings"]), (0, &json!([])), "{said:#}");
}

#[test]
fn a_missing_base_path_is_one_diagnosis_and_the_suites_fault() {
    one_diagnosis(|_| (404, "application/json", r#"{"detail": "Not Found"}"#.into()));
}

#[test]
fn a_missing_base_path_is_told_from_a_page_for_people_too() {
    one_diagnosis(|method| match method {
        "GET" => (
            200,
            "text/html",
            "<!doctype html><title>An application</title>".into(),
        ),
        _ => (405, "text/plain", "method not allowed".into()),
    });
}

#[test]
fn a_document_that_can_be_read_in_part_is_checked_in_part() {
    let url = things_below_api(|_| (404, "text/plain", String::new()));
    let broken = json!({
        "no-slash": { "get": { "responses": { "200": { "description": "" } } } },
        "/nothing": { "get": "not an operation" },
        "/none": { "put": 7 }
    });
    let suite = contract(&url, &document(&broken), "base = \"/api\"\n");
    let (code, said) = findings(&suite);
    let found = said["findings"].as_array().unwrap();
    assert_eq!(code, 1, "{said:#}");
    assert!(found.iter().all(|f| f["check"] == "document"), "{said:#}");
    // One for each kind of defect, with its places, and what is whole is exercised.
    let of = |words: &str| {
        let all = found
            .iter()
            .filter(|f| f["message"].as_str().unwrap().contains(words));
        all.count()
    };
    assert_eq!(of("must start with a slash"), 1, "{said:#}");
    assert_eq!(of("an operation must be an object"), 1, "{said:#}");
    assert_eq!(said["exercised"], 3, "{said:#}");
    // Known and accepted, the rest still counts, also without what a reference stands for that leads nowhere.
    let mut broken = broken;
    broken["/parts"] = json!({ "$ref": "#/components/pathItems/missing" });
    broken["/things/all"] =
        json!({ "get": { "responses": { "200": { "$ref": "#/components/responses/missing" } } } });
    let accept = "base = \"/api\"\n[[contract.things.accept]]\nfinding = \"document:things:*\"\nreason = \"ours is not theirs\"\n";
    let (code, said) = findings(&contract(&url, &document(&broken), accept));
    assert_eq!((code, &said["findings"]), (0, &json!([])), "{said:#}");
    assert_eq!(said["accepted"][0]["findings"], found.len() + 2, "{said:#}");
}

#[test]
fn what_is_accepted_is_told_and_what_is_new_still_fails() {
    let url = server(|_, path| match path {
        "/things" => (418, "application/json", "{}".into()),
        _ => (500, "application/json", "{}".into()),
    });
    let accept = |finding: &str| {
        format!(
            "[[contract.things.accept]]\nfinding = \"{finding}\"\nreason = \"theirs, told them\"\n"
        )
    };
    let teapot = accept("undocumented-status:* /things:418");
    let (code, said) = findings(&contract(&url, &document(&json!({})), &teapot));
    let found = said["findings"].as_array().unwrap();
    let keys: Vec<_> = found.iter().map(|f| f["key"].as_str().unwrap()).collect();
    let new = [
        "not-exercised:GET /things/{id}:success",
        "server-error:GET /things/{id}:500",
    ];
    assert_eq!((code, &keys[..]), (1, &new[..]), "{said:#}");

    let all = [
        teapot,
        accept("server-error:GET /things/*:500"),
        accept("not-exercised:GET /things/*"),
        accept("body-schema:GET /things:*"),
    ];
    let all = all.concat();
    let suite = contract(&url, &document(&json!({})), &all);
    let ran = suite.run(&["run"]).exits(0);
    for words in [
        "Accepted contract findings",
        "theirs, told them (2 accepted)",
        "(not seen)",
    ] {
        assert!(
            ran.stdout.contains(words),
            "no `{words}` in\n{}",
            ran.stdout
        );
    }
    let run = suite.only_run();
    for file in ["report.html", "summary.md", "junit.xml"] {
        let text = std::fs::read_to_string(run.join(file)).unwrap();
        assert!(text.contains("theirs, told them"), "not in {file}");
    }
}

#[test]
fn an_acceptance_that_would_hide_too_much_is_refused() {
    for (finding, reason, words) in [
        (
            "server-eror:GET /things:500",
            "why",
            "did you mean `server-error`",
        ),
        ("server-error", "why", "name the operation too"),
        ("preflight:things:404", "why", "can't be accepted"),
        ("server-error:GET /things:500", " ", "needs a reason"),
    ] {
        let accept =
            format!("[[contract.things.accept]]\nfinding = \"{finding}\"\nreason = \"{reason}\"\n");
        let suite = contract("http://127.0.0.1:1", &document(&json!({})), &accept);
        let ran = suite.run(&["check"]).exits(2);
        let said = ran.stdout + &ran.stderr;
        assert!(said.contains(words), "no `{words}` in\n{said}");
    }
}

#[test]
fn a_connection_that_ends_behind_its_answer_is_not_charged_to_the_next_case() {
    let url = things_below_api(|_| (404, "text/plain", String::new()));
    let (code, said) = findings(&contract(&url, &document(&json!({})), "base = \"/api\"\n"));
    assert_eq!((code, &said["findings"]), (0, &json!([])), "{said:#}");
}

/// A service that takes its time, and a journey that asks it.
fn slow(command: &str, within: &str) -> Suite {
    let toml = format!(
        "[project]\nname = \"slow\"\n[target]\n[target.service.theirs]\n\
         process = {{ command = [\"sh\", \"-c\", \"{command}\"] }}\nready = {{ get = \"/health/ready\", within = \"{within}\" }}\n"
    );
    let journey = "title = \"It lives\"\n[[step]]\nname = \"ask\"\nget = \"/health/ready\"\n";
    Suite::new(&[
        ("harness.toml", &toml),
        ("scenarios/journeys/alive.toml", journey),
    ])
}

#[test]
fn a_server_that_is_slow_to_start_is_waited_for_aloud() {
    let command = format!(
        "sleep 6; exec {} payments --port ${{port}}",
        shop().display()
    );
    let ran = slow(&command, "120s").run(&["run"]).exits(0);
    let words = "`theirs` is not ready after 5s of 2m: GET /health/ready on port";
    assert!(ran.stderr.contains(words), "{}", ran.stderr);
}

#[test]
fn a_server_that_is_too_slow_to_start_is_told_with_what_it_said_last() {
    let ran = slow("echo migrating the database; exec sleep 600", "6s");
    let ran = ran.run(&["run"]).exits(3);
    let said = ran.stdout + &ran.stderr;
    for words in [
        "not ready after 5s of 6s",
        "was not ready within 6s",
        "migrating the database",
    ] {
        assert!(said.contains(words), "no `{words}` in\n{said}");
    }
}

#[test]
fn a_prepare_that_takes_long_is_told_with_its_last_line() {
    let suite = slow("exit 7", "60s");
    let toml = std::fs::read_to_string(suite.path().join("harness.toml")).unwrap();
    let prepare =
        r#"process = { prepare = ["sh", "-c", "echo fetching 3 of 9; sleep 6; exit 4"], "#;
    suite.write("harness.toml", toml.replace("process = { ", prepare));
    let ran = suite.run(&["run"]).exits(3);
    let words = "still preparing after 5s: fetching 3 of 9";
    assert!(ran.stderr.contains(words), "{}", ran.stderr);
}

/// Makes a suite's virtual environment; `None`, told, where that can't be had.
fn environment(suite: &Path) -> Option<()> {
    let made = Command::new("python3")
        .arg("../environment.py")
        .current_dir(suite)
        .stdin(Stdio::null())
        .output();
    let why = match made {
        Ok(out) if out.status.success() => return Some(()),
        Ok(out) => {
            let said = String::from_utf8_lossy(&out.stdout) + String::from_utf8_lossy(&out.stderr);
            said.lines().rev().take(3).collect::<Vec<_>>().join(" · ")
        }
        Err(error) => format!("python3: {error}"),
    };
    let name = suite.file_name().unwrap().display();
    assert!(
        std::env::var_os("HARNESS_REQUIRE_PYTHON").is_none_or(|v| v != "1"),
        "HARNESS_REQUIRE_PYTHON=1, and no virtual environment for {name}: {why}"
    );
    // Not by the macro, whose words a passing test swallows.
    let _ = writeln!(
        std::io::stderr(),
        "skipped: no virtual environment for {name}: {why}"
    );
    None
}

/// Runs a suite of fixtures/external as anybody would, up to three times while the instrument could not keep its
/// schedule, and returns what it says. It must be a GO with nothing new found.
fn external(name: &str) -> Option<Value> {
    let suite = repository().join("fixtures/external").join(name);
    environment(&suite)?;
    let _turn = part();
    let reports = tempfile::tempdir().unwrap();
    let mut tries = 0;
    let (code, said, talk) = loop {
        tries += 1;
        let out = Command::new(HARNESS)
            .args(["run", "--format", "json", "--reports"])
            .arg(reports.path())
            .current_dir(&suite)
            .stdin(Stdio::null())
            .env_remove("HARNESS_RUN")
            .output()
            .unwrap();
        let talk = String::from_utf8_lossy(&out.stderr).into_owned();
        let said: Value = serde_json::from_slice(&out.stdout)
            .unwrap_or_else(|e| panic!("no JSON ({e}) on stdout:\n{talk}"));
        let generators = said["verdict"]["generator"].as_array().unwrap();
        if tries == 3 || generators.iter().all(|one| one["trust"] != "invalid") {
            break (out.status.code(), said, talk);
        }
    };
    let contract = &said["contracts"][name];
    assert_eq!(
        contract["findings"],
        json!([]),
        "new findings:\n{contract:#}"
    );
    let why = (&said["readiness"], &said["scenarios"]);
    assert_eq!(code, Some(0), "{why:#?}\n{talk}");
    Some(said)
}

/// How many findings an acceptance of a suite covered.
fn covered(said: &Value, name: &str, finding: &str) -> u64 {
    let accepted = said["contracts"][name]["accepted"].as_array().unwrap();
    let of = accepted.iter().find(|one| one["finding"] == finding);
    of.unwrap()["findings"].as_u64().unwrap()
}

#[test]
fn httpbin_is_tested_from_its_own_swagger_document() {
    let Some(said) = external("httpbin") else {
        return;
    };
    let contract = &said["contracts"]["httpbin"];
    assert_eq!(
        (&contract["operations"], &contract["exercised"]),
        (&json!(78), &json!(78))
    );
    // What is wrong with it is seen: an instrument that sees nothing would pass as well.
    assert_eq!(covered(&said, "httpbin", "valid-refused:GET /image:406"), 1);
    assert_eq!(
        covered(&said, "httpbin", "undocumented-status:GET /cookies/*:302"),
        3
    );
}

#[test]
fn prefect_is_tested_from_its_own_document() {
    let Some(said) = external("prefect") else {
        return;
    };
    let contract = &said["contracts"]["prefect"];
    assert_eq!(contract["operations"], 187);
    assert!(
        contract["exercised"].as_u64().unwrap() > 180,
        "{contract:#}"
    );
    assert!(covered(&said, "prefect", "undocumented-status:*:404") > 10);
    assert_eq!(
        covered(&said, "prefect", "valid-refused:POST /events:422"),
        1
    );
    assert_eq!(
        covered(
            &said,
            "prefect",
            "content-type:GET /flow_runs/{id}/logs/download:200"
        ),
        1
    );
}
