//! API documents that can't be used: told before anything is started, with what is wrong, where, and what to do; never as a
//! breach by the target.

use crate::external::server;
use crate::support::Suite;
use serde_json::{Value, json};

const RESPONSES: &str = r#""responses": { "200": { "description": "" } }"#;

/// A suite of one contract with this document, against a port that nothing listens at.
fn suite(document: &str, more: &str) -> Suite {
    let toml = format!(
        "[project]\nname = \"things\"\n[target]\nmode = \"external\"\nurl = \"http://127.0.0.1:9\"\n\
         [contract.things]\nopenapi = \"things.json\"\n{more}"
    );
    Suite::new(&[("harness.toml", &toml), ("things.json", document)])
}

fn paths(paths: &str) -> String {
    format!("{{\n\"openapi\": \"3.0.3\",\n\"paths\": {paths}\n}}\n")
}

/// Documents that can't be used.
fn unusable() -> Vec<(&'static str, String)> {
    let content = |reference: &str| {
        format!(
            r#"{{ "/a": {{ "get": {{ "responses": {{ "200": {{ "description": "", "content": {{
"application/json": {{ "schema": {{ "$ref": "{reference}" }} }} }} }} }} }} }} }}"#
        )
    };
    let parameter = format!(
        "{{ \"/a\": {{ \"get\": {{ \"parameters\": [\n{{ \"$ref\": \"#/components/parameters/Gone\" }} ], {RESPONSES} }} }} }}"
    );
    vec![
        ("a list", paths("[]")),
        (
            "no paths",
            "{ \"openapi\": \"3.1.0\", \"components\": {} }".into(),
        ),
        ("no operation", paths("{}")),
        ("YAML", "openapi: 3.1.0\npaths:\n  - /a\n".into()),
        ("a schema", paths(&content("#/components/schemas/Gone"))),
        ("another file", paths(&content("other.yaml#/Thing"))),
        ("a parameter", paths(&parameter)),
        (
            "a path",
            paths(r##"{ "/a": { "$ref": "#/components/pathItems/Gone" } }"##),
        ),
        (
            "a circle",
            paths(r##"{ "/a": { "$ref": "#/paths/~1a" } }"##),
        ),
    ]
}

#[test]
fn a_document_that_can_not_be_used_is_an_error_of_the_suite() {
    let mut all = String::new();
    for (name, document) in unusable() {
        let suite = suite(&document, "");
        let ran = suite.run(&["check"]);
        let said = ran.stdout + &ran.stderr;
        assert_eq!(ran.code, 2, "{name}: {said}");
        all += &format!("# {name}\n{said}\n");
        let ran = suite.run(&["run"]).exits(2);
        assert!(ran.stderr.contains("nothing was started"), "{}", ran.stderr);
        assert!(suite.runs().is_empty(), "{name}: a run was begun");
    }
    insta::assert_snapshot!("unusable", all);
}

/// References that OpenAPI 3.1 allows and that are not read, with one that is nothing.
fn referring(anchor: &str, address: &str) -> String {
    let content = |reference: &str| json!({ "200": { "description": "", "content": { "application/json": { "schema": { "$ref": reference } } } } });
    let document = json!({
        "openapi": "3.1.0",
        "paths": {
            "/a": { "get": { "responses": content(anchor) } },
            "/b": { "get": { "responses": content(address) } },
            "/c": { "get": { "responses": content("#/components/schemas/A") } }
        },
        "components": { "schemas": { "A": { "$anchor": "anch", "type": "object" } } }
    });
    format!("{document:#}")
}

#[test]
fn a_reference_of_a_form_that_is_not_read_is_warned_of_and_the_rest_is_checked() {
    let url = server(|_, _| (200, "application/json", "{}".into()));
    let document = referring("#anch", "https://json-schema.org/draft/2020-12/schema");
    let play = |more: &str| {
        let suite = suite(&document, more);
        let toml = suite.read("harness.toml");
        suite.write("harness.toml", toml.replace("http://127.0.0.1:9", &url));
        suite
    };
    let own = play("");
    insta::assert_snapshot!("unread", own.run(&["check"]).exits(0).stdout);
    let ran = own.run(&["run"]).exits(1);
    let said: String = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let words = "2 faults of the document itself, none of the target's answers; contract `things`: `$ref` #anch goes by an \
                 anchor, which is not read";
    assert!(said.contains(words), "{}", ran.stdout);
    let accept = "[[contract.things.accept]]\nfinding = \"document:things:`$ref` *, which is not *\"\nreason = \"known\"\n";
    let accepted = play(accept);
    let ran = accepted.run(&["check"]).exits(0);
    assert!(!ran.stdout.contains("warning"), "{}", ran.stdout);
    accepted.run(&["run"]).exits(0);
    // An anchor that nothing has leads nowhere.
    let gone = suite(&referring("#gone", "urn:a:b"), "");
    let ran = gone.run(&["check"]).exits(2);
    let said = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        said.contains("`$ref` #gone leads nowhere"),
        "{}",
        ran.stdout
    );
}

#[test]
fn every_document_is_told_of_beside_other_errors() {
    let suite = suite(&paths("[]"), "[target.nonsense]\n");
    suite.write(
        "scenarios/journeys/visit.toml",
        "title = \"v\"\n[[step]]\nname = \"a\"\nget = \"/{{ nothing }}\"\n",
    );
    let ran = suite.run(&["check"]).exits(2);
    for words in ["`paths` must be an object", "nonsense", "`nothing`"] {
        assert!(ran.stdout.contains(words), "no {words}:\n{}", ran.stdout);
    }
}

#[test]
fn what_is_accepted_of_a_document_leaves_the_rest_to_be_checked() {
    let parts = format!(
        "{{ \"/a\": {{ \"get\": {{ {RESPONSES} }} }}, \"/b\": {{ \"$ref\": \"#/components/pathItems/Gone\" }} }}"
    );
    suite(&paths(&parts), "").run(&["check"]).exits(2);
    let accept =
        "[[contract.things.accept]]\nfinding = \"document:things:`$ref` *\"\nreason = \"known\"\n";
    suite(&paths(&parts), accept).run(&["check"]).exits(0);
    // Nothing to be checked can't be accepted.
    let accept = accept.replace("`$ref` *", "*");
    suite(&paths("{}"), &accept).run(&["check"]).exits(2);
}

#[test]
fn swagger_two_is_a_document_as_good_as_any() {
    let document = format!(
        "{{ \"swagger\": \"2.0\", \"paths\": {{ \"/a\": {{ \"get\": {{ {RESPONSES} }} }} }} }}"
    );
    suite(&document, "").run(&["check"]).exits(0);
}

#[test]
fn a_document_that_is_fetched_is_told_of_and_not_the_target() {
    let url = server(|_, path| match path {
        "/openapi.json" => (200, "application/json", paths("[]")),
        _ => (200, "application/json", "{}".into()),
    });
    let empty = Suite::new(&[]);
    let document = format!("{url}/openapi.json");
    let ran = empty.run(&["contract", &url, &document]).exits(2);
    assert!(
        ran.stderr
            .contains("the document can't be used: `paths` must be an object, this is a list"),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains("breach"), "{}", ran.stderr);
    assert!(empty.runs().is_empty());
    // It is called as the person calls it, but for a query, which may hold what lets somebody in.
    assert!(
        ran.stderr.contains(&format!("─[{document}:")),
        "{}",
        ran.stderr
    );
    empty.write("docs/api.yml", paths("[]"));
    let ran = empty.run(&["contract", &url, "docs/api.yml"]).exits(2);
    assert!(ran.stderr.contains("─[docs/api.yml:"), "{}", ran.stderr);
    let queried = format!("{document}?token=hunter2");
    let ran = empty.run(&["contract", &url, &queried]);
    assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
    // Neither where it can't be fetched, which is where it would stand in a job's log.
    for address in ["http://127.0.0.1:9/api.json", "http://no host/api.json"] {
        let asked = format!("{address}?token=hunter2");
        let ran = empty.run(&["contract", &url, &asked]).exits(3);
        assert!(ran.stderr.contains(address), "{}", ran.stderr);
        assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
    }
    // A file may be called so.
    empty.write("docs/api#2.yml", paths("[]"));
    let ran = empty.run(&["contract", &url, "docs/api#2.yml"]).exits(2);
    assert!(ran.stderr.contains("─[docs/api#2.yml:"), "{}", ran.stderr);
    empty.write(
        "docs/whole.json",
        paths(&format!("{{ \"/a\": {{ \"get\": {{ {RESPONSES} }} }} }}")),
    );
    let ran = empty.run(&["contract", &url, "docs/whole.json", "--reports", "kept"]);
    let run = std::fs::read_dir(empty.path().join("kept"))
        .unwrap()
        .find_map(|run| {
            let run = run.unwrap().path();
            run.join("report.html").is_file().then_some(run)
        });
    let page = std::fs::read_to_string(run.unwrap().join("report.html")).unwrap();
    assert!(page.contains("docs/whole.json"), "{}", ran.stderr);
    // What ran before the harness came runs on.
    assert!(ran.stderr.contains("asking whether the target is there"));
    assert!(!ran.stderr.contains("target stopped"), "{}", ran.stderr);
}

/// What is wrong with a part of a document is said of the document, not of the target's answers.
#[test]
fn a_fault_of_the_document_is_no_breach_of_the_targets() {
    let url = server(|_, _| (200, "application/json", "{}".into()));
    let answers = json!({ "200": { "description": "", "content": { "application/json": { "schema": { "type": "objekt" } } } } });
    let document: Value =
        json!({ "openapi": "3.0.3", "paths": { "/a": { "get": { "responses": answers } } } });
    let suite = suite(&document.to_string(), "");
    let toml = suite
        .read("harness.toml")
        .replace("http://127.0.0.1:9", &url);
    suite.write("harness.toml", toml);
    let ran = suite.run(&["run"]).exits(1);
    let said: String = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        said.contains(
            "1 fault of the document itself, none of the target's answers; contract `things`:"
        ),
        "{}",
        ran.stdout
    );
}
