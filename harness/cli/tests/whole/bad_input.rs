//! `harness check` on suites with mistakes: every mistake at once, each at its place, with what to do; exit 2, no
//! panic, quickly. One snapshot a group, told as a person sees it.

use crate::support::{Suite, repository};
use std::fmt::Write as _;

const CONFIG: &str = r#"[project]
name = "demo"
[target.service.front]
process = { command = ["front", "--port", "${port}"] }
env = { BACK = "${link.back.url}" }
[target.service.back]
process = { command = ["back", "--port", "${port}"] }
[target.link.back]
from = "front"
to = "back"
[target.link.edge]
to = "front"
[secret]
key = { env = "KEY", default = "k" }
"#;

const JOURNEY: &str = r#"title = "visits"
[[step]]
name = "open"
get = "/"
expect = ["status == 200"]
capture = { id = "$.id" }
[[step]]
name = "again"
get = "/things/{{ id }}"
"#;

const SCENARIO: &str = r#"title = "steady"
[load]
rate = "10/s"
for = "10s"
mix = { visit = 1 }
[[fault]]
name = "slow"
link = "back"
at = "2s"
for = "2s"
latency = { delay = "1s" }
[[gate]]
expect = "p99(visit/open) < 1s"
during = "slow"
"#;

const CONF: &str = "harness.toml";
const VISIT: &str = "scenarios/journeys/visit.toml";
const STEADY: &str = "scenarios/steady.toml";

fn good() -> Suite {
    Suite::new(&[(CONF, CONFIG), (VISIT, JOURNEY), (STEADY, SCENARIO)])
}

/// What `check` says; always exit 2 and no panic.
fn told(name: &str, suite: &Suite) -> String {
    let ran = suite.run(&["check"]);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.code, 2, "{name}: {said}");
    assert!(!said.contains("panicked"), "{name}: {said}");
    let folder = suite.path().display().to_string();
    format!(
        "# {name}\n{}\n",
        said.replace(&folder, "FOLDER").replace('\0', "␀")
    )
}

/// Cases of one replacement each.
fn group(snapshot: &str, cases: &[(&str, &str, &str, &str)]) {
    let mut all = String::new();
    for (name, file, from, to) in cases {
        let text = [(CONF, CONFIG), (VISIT, JOURNEY), (STEADY, SCENARIO)]
            .into_iter()
            .find_map(|(known, text)| (known == *file).then_some(text))
            .unwrap();
        assert!(text.contains(from), "{from:?} is not in {file}");
        let suite = good();
        suite.write(file, text.replacen(from, to, 1));
        all += &told(name, &suite);
    }
    insta::assert_snapshot!(snapshot, all);
}

/// Cases of whole files.
fn files(snapshot: &str, cases: &[(&str, &str, &[u8])]) {
    let mut all = String::new();
    for (name, file, bytes) in cases {
        let suite = good();
        suite.write(file, bytes);
        all += &told(name, &suite);
    }
    insta::assert_snapshot!(snapshot, all);
}

#[test]
fn the_suite_that_is_broken_here_is_whole() {
    good().run(&["check"]).exits(0);
}

#[test]
fn expressions_are_pointed_at_inside_their_strings() {
    let gate = "p99(visit/open) < 1s";
    let status = "\"status == 200\"";
    group(
        "expressions",
        &[
            ("a subject", VISIT, status, r#""statsu == 200""#),
            (
                "after an escape",
                VISIT,
                status,
                r#""\"x\" == 1", "\u0073tatus = 200""#,
            ),
            ("after unicode", VISIT, status, r#""$.id == 'ü€😀' 5""#),
            ("a path", VISIT, status, r#"'$.größe[?@.b == 1'"#),
            ("a duration", VISIT, status, r#""duration < 5 parsecs""#),
            ("a pattern", VISIT, status, r#""body matches /é(/""#),
            ("no quotes", VISIT, status, r#""$.a == PENDING""#),
            ("a variable", VISIT, "{{ id }}", r#"ü\"{{ di }}"#),
            ("a link", VISIT, "{{ id }}", "${link.bcak.url}"),
            ("a function", VISIT, "{{ id }}", "{{ uid() }}"),
            ("a percentile", STEADY, gate, "p199(visit) < 1s"),
            ("a share", STEADY, gate, "error_rate < 5"),
            ("a rate", STEADY, gate, "rate >= 100"),
            ("no comparison", STEADY, gate, "error_rate == 0%"),
            ("no subject", STEADY, gate, "eror_rate < 1%"),
            (
                "a fault",
                STEADY,
                "during = \"slow\"",
                "during = \"after slwo\"",
            ),
        ],
    );
}

#[test]
fn names_that_lead_nowhere_are_told_with_the_nearest() {
    group(
        "names",
        &[
            ("a key", VISIT, "title =", "titel ="),
            ("a link", STEADY, "link = \"back\"", "link = \"bakc\""),
            ("a journey", STEADY, "{ visit = 1 }", "{ vist = 1 }"),
            ("a service", CONF, "from = \"front\"", "from = \"frnt\""),
            (
                "a secret",
                CONF,
                "${link.back.url}",
                "${link.back.url}${secret.kye}",
            ),
            (
                "a document",
                CONF,
                "[secret]",
                "[contract.front]\nopenapi = \"api.json\"\n[secret]",
            ),
            (
                "a circle of journeys",
                VISIT,
                "[[step]]",
                "[[step]]\nname = \"x\"\nrun = \"visit\"\n[[step]]",
            ),
            (
                "a circle of services",
                CONF,
                "\"back\", \"--port\"",
                "\"back\", \"${service.front.url}\", \"--port\"",
            ),
        ],
    );
}

#[test]
fn loads_and_faults_that_make_no_sense_are_told() {
    let twice = "[[fault]]\nname = \"slower\"\nlink = \"back\"\nat = \"3s\"\nfor = \"1s\"\nlatency = { delay = \"2s\" }\n[[gate]]";
    group(
        "loads",
        &[
            ("weight zero", STEADY, "visit = 1", "visit = 0"),
            ("weight too large", STEADY, "visit = 1", "visit = 1e308"),
            (
                "weight out of range",
                STEADY,
                "visit = 1",
                "visit = 99999999999999999999999",
            ),
            ("empty mix", STEADY, "{ visit = 1 }", "{ }"),
            (
                "fault outside the load",
                STEADY,
                "at = \"2s\"",
                "at = \"9s\"",
            ),
            ("equal faults overlap", STEADY, "[[gate]]", twice),
            ("too long", STEADY, "for = \"10s\"", "for = \"1000000h\""),
            ("too fast", STEADY, "10/s", "99999999999999/s"),
            ("no rate", STEADY, "10/s", "10 per second"),
            ("a wrong type", STEADY, "\"10/s\"", "10"),
        ],
    );
}

#[test]
fn an_error_hides_no_other_beside_it() {
    let rate = "rate = \"10/s\"\nfor = \"10s\"";
    let closed = "model = \"closed\"\nusers = \"many\"\nfor = \"0s\"";
    let abort = |text: &str| format!("{rate}\nabort = \"{text}\"");
    group(
        "beside",
        &[
            (
                "constants",
                CONF,
                "[secret]",
                "[regression]\ndelta = 7\nquantiles = [0.5, 2]\nblocks = 1\n[secret]",
            ),
            ("no time", STEADY, rate, "rate = \"fast\"\nfor = \"0s\""),
            ("no time in a closed model", STEADY, rate, closed),
            (
                "no time in a stage",
                STEADY,
                rate,
                "stages = [{ rate = \"fast\", for = \"0s\" }]",
            ),
            ("no rate and no time", STEADY, rate, "rate = \"fast\""),
            (
                "a share and a time",
                STEADY,
                rate,
                &abort("rate missed by 200% for 1s"),
            ),
            (
                "a share and no time",
                STEADY,
                rate,
                &abort("rate missed by 5 for ever"),
            ),
        ],
    );
}

#[test]
fn of_data_that_can_not_be_read_nothing_else_is_said() {
    let mut all = String::new();
    let cases: &[(&str, &str, &[u8])] = &[
        ("a short line", "d.csv", b"id,y\n1\n"),
        ("a name twice", "d.csv", b"id,id\n1,2\n"),
        ("no rows", "d.csv", b"id,y\n"),
        ("not UTF-8", "d.csv", b"id,y\xff\n1,a\n"),
        ("NUL", "d.csv", b"id,y\n1,a\n2,b\0c\n"),
        ("NUL in the header", "d.csv", b"id\0,y\n1,a\n"),
        ("no list", "d.json", b"{}"),
        ("half a list", "d.json", b"[{\"id\": 1}"),
        ("no lines", "d.jsonl", b"id\n"),
        ("no data file", "d.txt", b"id\n1\n"),
        ("no file", "", b""),
        ("a column", "d.csv", b"di,y\n1,a\n"),
    ];
    for (name, file, bytes) in cases {
        let suite = good();
        let named = if file.is_empty() { "none.csv" } else { file };
        let journey = JOURNEY.replace("{{ id }}", "{{ row.id }}");
        suite.write(VISIT, format!("data = \"{named}\"\n{journey}"));
        if !file.is_empty() {
            suite.write(file, bytes);
        }
        all += &told(name, &suite);
    }
    insta::assert_snapshot!("data", all);
}

#[test]
fn small_mistakes_are_told_for_what_they_are() {
    group(
        "small",
        &[
            ("nan", CONF, "[secret]", "[readiness]\ngo = nan\n[secret]"),
            ("inf", CONF, "[secret]", "[readiness]\ngo = -inf\n[secret]"),
            (
                "too large",
                CONF,
                "[secret]",
                "[readiness]\ngo = 99999999999999999999\n[secret]",
            ),
            ("a name's begin", CONF, "key = {", "-key = {"),
        ],
    );
    files(
        "small files",
        &[
            ("no load", STEADY, b"title = \"s\"\n"),
            ("an open header", CONF, b"[project\nname = \"demo\"\n"),
            (
                "an open header behind a whole one",
                STEADY,
                b"title = \"s\"\ntgas = []\n[load\nnames = \"a\"\nfor = \"1s\"\n",
            ),
            (
                "steps",
                "features/visit.feature",
                b"Feature: shop\n  Scenario: visit\n    When I fly to the moon\n    Then the status should be 200\n",
            ),
        ],
    );
}

#[test]
fn what_is_there_twice_is_told_once() {
    group(
        "twice",
        &[
            (
                "a key",
                CONF,
                "name = \"demo\"",
                "name = \"demo\"\nname = \"again\"",
            ),
            ("a table", CONF, "[target.link.edge]", "[target.link.back]"),
            ("a step", VISIT, "\"again\"", "\"open\""),
        ],
    );
    files(
        "twice over files",
        &[(
            "TOML and Gherkin",
            "features/visit.feature",
            b"Feature: shop\n  Scenario: visit\n    When I GET \"/\"\n",
        )],
    );
}

#[test]
fn files_that_are_no_texts_are_told() {
    let mut crlf = JOURNEY
        .replace("status ==", "statsu ==")
        .replace('\n', "\r\n");
    crlf = crlf.replace("get = \"/\"", "\tget\t=\t\"x\"");
    files(
        "files",
        &[
            ("empty", CONF, b""),
            ("empty scenario", STEADY, b" \n"),
            ("not UTF-8", STEADY, b"title = \"\xff\xfe\"\n"),
            ("NUL", VISIT, b"title = \"a\0b\"\n"),
            ("ten megabytes", STEADY, &[b'#'; 10_000_000]),
            ("syntax", VISIT, b"title = x\n[[step]\nname = \"a\nget = \n"),
            ("CRLF and tabs", VISIT, crlf.as_bytes()),
            ("no steps", VISIT, b"title = \"x\"\n"),
            ("a folder", "scenarios/journeys/folder.toml/file", b""),
        ],
    );
}

#[test]
fn a_document_that_is_none_is_told() {
    let mut all = String::new();
    for (file, text) in [("api.json", "{\"nope\": ["), ("api.yaml", "hello: world\n")] {
        let suite = good();
        suite.append(CONF, &format!("[contract.front]\nopenapi = \"{file}\"\n"));
        suite.write(file, text);
        all += &told(file, &suite);
    }
    insta::assert_snapshot!("documents", all);
}

#[test]
fn every_error_of_every_file_comes_at_once() {
    let suite = good();
    suite.write(
        CONF,
        CONFIG.replace("to = \"back\"", "too = 1\nto = \"bakc\""),
    );
    suite.write(
        VISIT,
        JOURNEY
            .replace("{{ id }}", "{{ di }}")
            .replace("== 200", "== "),
    );
    suite.write(
        STEADY,
        SCENARIO.replace("10/s", "10").replace("p99", "p199"),
    );
    let said = told("all", &suite);
    for file in [CONF, VISIT, STEADY] {
        assert!(said.matches(file).count() >= 2, "{file}:\n{said}");
    }
    insta::assert_snapshot!("all at once", said);
}

#[test]
fn no_suite_is_told() {
    let suite = Suite::new(&[]);
    let ran = suite.run(&["check"]).exits(2);
    assert!(ran.stderr.contains("harness init"), "{}", ran.stderr);
}

/// The schema that editors are given says yes to the repository's own suite, and no to a mistake.
#[test]
fn the_schema_takes_this_repositorys_suite() {
    let suite = Suite::new(&[]);
    let schemas = suite.run(&["schema"]).exits(0).json();
    let mut wrong = String::new();
    for (file, kind) in own_files() {
        let text = std::fs::read_to_string(repository().join(&file)).unwrap();
        let value: toml::Value = toml::from_str(&text).unwrap();
        let value = serde_json::to_value(value).unwrap();
        let schema = &schemas[format!("{kind}.schema.json")];
        let validator = jsonschema::validator_for(schema).unwrap();
        for error in validator.iter_errors(&value) {
            _ = writeln!(wrong, "{file}: {error}");
        }
        let mut worse = value.clone();
        worse["nonsense"] = true.into();
        assert!(
            !validator.is_valid(&worse),
            "{file}: an unknown key was taken"
        );
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// The repository's own suite: each file, and what `schema` calls its kind.
fn own_files() -> Vec<(String, &'static str)> {
    let mut files = vec![("harness.toml".to_owned(), "harness")];
    for (folder, kind) in [("scenarios", "scenario"), ("scenarios/journeys", "journey")] {
        for entry in std::fs::read_dir(repository().join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".toml") {
                files.push((format!("{folder}/{name}"), kind));
            }
        }
    }
    assert!(files.len() > 4, "{files:?}");
    files
}

#[test]
fn what_a_suite_calls_itself_moves_no_cursor() {
    let suite = Suite::new(&[
        (
            "harness.toml",
            &CONFIG.replace("demo", "de\\u001b[31m\\u202emo"),
        ),
        ("scenarios/journeys/visit.toml", JOURNEY),
    ]);
    for command in ["check", "plan"] {
        let told = suite.run(&[command]).exits(0).stdout;
        assert!(told.contains("de\\x1b[31m\\u{202e}mo"), "{command}: {told}");
        assert!(!told.contains(['\u{1b}', '\u{202e}']), "{command}: {told}");
    }
}
