//! Exported runs in Prometheus itself: its tool takes them, every query of the dashboard finds something in them, and the
//! rules fire while the thing happens and at no other time. Debian's package `prometheus` has both programs; without them
//! this is skipped with a line, which `HARNESS_REQUIRE_PROMTOOL=1` makes a failure.

use crate::support::{Suite, repository, until};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

/// Whether the programs are here.
fn there() -> bool {
    let runs = |program: &str| {
        let asked = Command::new(program).arg("--version").output();
        asked.is_ok_and(|answer| answer.status.success())
    };
    let there = runs("promtool") && runs("prometheus");
    if !there {
        assert!(
            std::env::var_os("HARNESS_REQUIRE_PROMTOOL").is_none_or(|v| v != "1"),
            "HARNESS_REQUIRE_PROMTOOL=1, and promtool or prometheus is not on the path"
        );
        // Not by the macro, whose words a passing test swallows.
        let _ = writeln!(
            std::io::stderr(),
            "skipped: no promtool and prometheus on the path to read exported runs with"
        );
    }
    there
}

fn promtool(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new("promtool");
    command.args(arguments).current_dir(folder);
    command.output().unwrap()
}

#[track_caller]
fn well(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    out
}

/// A recorded run in OpenMetrics.
fn exported(run: &str) -> String {
    let fixture = repository().join(format!("fixtures/runs/{run}.ndjson"));
    let fixture = fixture.to_str().unwrap().to_owned();
    let folder = Suite::new(&[]);
    let ran = folder.run(&["export", &fixture, "--format", "openmetrics"]);
    ran.exits(0).stdout
}

/// A recorded run as blocks of a store.
fn stored(run: &str) -> Suite {
    let folder = Suite::new(&[("run.om", &exported(run))]);
    let made = [
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        "run.om",
        "data",
    ];
    well(&promtool(folder.path(), &made));
    folder
}

/// A server over a store, on a port of its own.
struct Server {
    child: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn over(folder: &Suite) -> Self {
        folder.write("prometheus.yml", "global: {}\n");
        for _ in 0..5 {
            // Somebody may take the port before the server does; then it ends, and another one is tried.
            let port = TcpListener::bind("127.0.0.1:0")
                .unwrap()
                .local_addr()
                .unwrap()
                .port();
            let mut command = Command::new("prometheus");
            command
                .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"])
                .args(["--storage.tsdb.retention.time=100y"])
                .arg(format!("--web.listen-address=127.0.0.1:{port}"))
                .current_dir(folder.path())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            let mut server = Self {
                child: command.spawn().unwrap(),
                port,
            };
            let ready = until("the server", || {
                if server.child.try_wait().unwrap().is_some() {
                    return Some(false);
                }
                // Whoever took the port may answer with 200 too.
                server
                    .asked("GET", "/-/ready", "")
                    .filter(|answer| answer.ends_with("Prometheus Server is Ready.\n"))
                    .map(|_| true)
            });
            if ready {
                return server;
            }
        }
        panic!("prometheus does not start");
    }

    fn asked(&self, method: &str, path: &str, body: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// What the API answers, its `data`.
    fn api(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let form: Vec<String> = form
            .iter()
            .map(|(name, value)| {
                let value = percent_encoding::utf8_percent_encode(
                    value,
                    percent_encoding::NON_ALPHANUMERIC,
                );
                format!("{name}={value}")
            })
            .collect();
        let (method, path, body) = match path {
            // Labels' values are asked for with GET alone.
            path if path.contains("/label/") => {
                ("GET", format!("{path}?{}", form.join("&")), String::new())
            }
            path => ("POST", path.to_owned(), form.join("&")),
        };
        let answer = self.asked(method, &path, &body).unwrap();
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        let answer: Value = serde_json::from_str(body).unwrap_or_else(|e| panic!("{e}: {body}"));
        assert_eq!(answer["status"], "success", "{path} {form:?}: {answer}");
        answer["data"].clone()
    }
}

/// A sample: its name, its labels as they stand there, value and second.
type Sample<'t> = (&'t str, &'t str, f64, f64);

fn samples(text: &str) -> impl Iterator<Item = Sample<'_>> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (series, rest) = line.rsplit_once("} ").unwrap();
            let (name, labels) = series.split_once('{').unwrap();
            let (value, second) = rest.split_once(' ').unwrap();
            (
                name,
                labels,
                value.parse().unwrap(),
                second.parse().unwrap(),
            )
        })
}

/// The run's id, and from when to when it went, in seconds.
fn extent(text: &str) -> (String, f64, f64) {
    let label = text.split("run=\"").nth(1).unwrap();
    let id = label.split('"').next().unwrap().to_owned();
    let info = || {
        samples(text)
            .filter(|(name, ..)| *name == "harness_run_info")
            .map(|(.., at)| at)
    };
    (
        id,
        info().fold(f64::INFINITY, f64::min),
        info().fold(0.0, f64::max),
    )
}

#[test]
fn promtool_takes_every_recorded_run() {
    if !there() {
        return;
    }
    for run in ["go", "no-go", "cut-short", "hostile", "incident"] {
        let folder = stored(run);
        let blocks = std::fs::read_dir(folder.path().join("data"))
            .unwrap()
            .count();
        assert!(blocks > 0, "{run}");
        let listed = well(&promtool(folder.path(), &["tsdb", "list", "data"]));
        assert!(listed.lines().count() > 1, "{run}: {listed}");
        let fixture = repository().join(format!("fixtures/runs/{run}.ndjson"));
        let fixture = fixture.to_str().unwrap();
        for more in [&["--last"][..], &[]] {
            let arguments = [&["export", fixture, "--format", "prometheus"], more].concat();
            let text = folder.run(&arguments).exits(0).stdout;
            let mut child = Command::new("promtool")
                .args(["check", "metrics"])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            child
                .stdin
                .take()
                .unwrap()
                .write_all(text.as_bytes())
                .unwrap();
            let checked = child.wait_with_output().unwrap();
            let words = String::from_utf8_lossy(&checked.stderr).into_owned();
            assert!(
                checked.status.success() && words.is_empty(),
                "{run}: {words}"
            );
        }
    }
}

/// Everything a dashboard asks: (where, query), with its variables filled in.
fn queries(dashboard: &Value, run: &str) -> Vec<(String, String)> {
    let panels = dashboard["panels"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|panel| {
            let title = panel["title"].as_str().unwrap();
            let targets = panel["targets"].as_array().unwrap().iter();
            targets.map(move |target| (title, target["expr"].as_str().unwrap()))
        });
    let annotations = dashboard["annotations"]["list"].as_array().unwrap().iter();
    let annotations =
        annotations.filter_map(|one| Some((one["name"].as_str()?, one["expr"].as_str()?)));
    let filled = |text: &str| {
        text.replace("$run", run)
            .replace("$scenario", ".*")
            .replace("$window", "10s")
            .replace("$__range", "1h")
    };
    panels
        .chain(annotations)
        .map(|(title, text)| (title.to_owned(), filled(text)))
        .collect()
}

fn dashboard() -> Value {
    let text =
        std::fs::read_to_string(repository().join("docs/dashboards/harness-run.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn every_query_of_the_dashboard_finds_a_recorded_incident() {
    if !there() {
        return;
    }
    let folder = stored("incident");
    let (run, from, to) = extent(&folder.read("run.om"));
    let dashboard = dashboard();
    let queries = queries(&dashboard, &run);
    assert!(queries.len() > 20, "{queries:?}");
    let mut rules = "groups:\n- name: queries\n  rules:\n".to_owned();
    for (nth, (_, query)) in queries.iter().enumerate() {
        let _ = write!(
            rules,
            "  - record: query:{nth}\n    expr: {}\n",
            Value::from(query.as_str())
        );
    }
    folder.write("queries.yml", rules);
    well(&promtool(folder.path(), &["check", "rules", "queries.yml"]));
    let server = Server::over(&folder);
    // As somebody would choose it: from before to after. What the run came to is told at its very end.
    let (from, to) = ((from - 5.0).to_string(), (to + 5.0).to_string());
    for (title, query) in &queries {
        let form = [
            ("query", query.as_str()),
            ("start", &from),
            ("end", &to),
            ("step", "1"),
        ];
        let found = server.api("/api/v1/query_range", &form);
        let series = found["result"].as_array().unwrap();
        let numbers = series
            .iter()
            .flat_map(|one| one["values"].as_array().unwrap());
        let numbers = numbers.filter(|value| value[1] != "NaN").count();
        assert!(!series.is_empty() && numbers > 0, "{title}: {query}");
    }
    // What can be chosen above the panels.
    let scenarios = format!("harness_scenario_active{{run=\"{run}\"}}");
    for (variable, label, of) in [
        ("run", "run", "harness_run_info"),
        ("scenario", "scenario", &scenarios),
    ] {
        let list = dashboard["templating"]["list"].as_array().unwrap();
        let asked = list.iter().find(|one| one["name"] == variable).unwrap();
        let asked = asked["query"]["query"]
            .as_str()
            .unwrap()
            .replace("$run", &run);
        assert_eq!(asked, format!("label_values({of}, {label})"));
        let values = server.api(
            &format!("/api/v1/label/{label}/values"),
            &[("match[]", of), ("start", &from), ("end", &to)],
        );
        assert_eq!(values.as_array().unwrap().len(), 1, "{variable}: {values}");
    }
}

/// What Grafana asks of a file that is imported: without it, panels ask nobody.
#[test]
fn the_dashboard_can_be_imported() {
    let dashboard = dashboard();
    assert!(dashboard["schemaVersion"].as_u64().unwrap() >= 36 && dashboard["id"].is_null());
    let input = &dashboard["__inputs"][0];
    assert_eq!(
        (&input["name"], &input["type"], &input["pluginId"]),
        (
            &"DS_PROMETHEUS".into(),
            &"datasource".into(),
            &"prometheus".into()
        )
    );
    let panels = dashboard["panels"].as_array().unwrap();
    let mut ids: Vec<u64> = panels
        .iter()
        .map(|panel| panel["id"].as_u64().unwrap())
        .collect();
    ids.dedup();
    assert_eq!(ids.len(), panels.len());
    let required: Vec<&Value> = dashboard["__requires"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["id"])
        .collect();
    let mut places = Vec::new();
    for panel in panels {
        assert!(required.contains(&&panel["type"]), "{}", panel["type"]);
        let targets = panel["targets"]
            .as_array()
            .unwrap()
            .iter()
            .map(|target| &target["datasource"]);
        for source in targets.chain([&panel["datasource"]]) {
            assert_eq!(source["uid"], "${DS_PROMETHEUS}", "{}", panel["title"]);
        }
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().unwrap());
        assert!(x + w <= 24 && w > 0 && h > 0);
        for row in y..y + h {
            for column in x..x + w {
                places.push((row, column));
            }
        }
    }
    let all = places.len();
    places.sort_unstable();
    places.dedup();
    assert_eq!(places.len(), all, "no panel lies over another");
}

/// What the rules look at.
const LOOKED_AT: [&str; 5] = [
    "harness_service_up",
    "harness_journeys_total",
    "harness_journey_failures_total",
    "harness_journey_duration_seconds_bucket",
    "process_resident_memory_bytes",
];

/// A recorded run as the input of a test of rules, a value a second; seconds begin with the run. A series says nothing
/// before its first sample and after its last.
fn input(text: &str) -> String {
    let (_, from, to) = extent(text);
    let mut series: BTreeMap<(&str, &str), Vec<(f64, f64)>> = BTreeMap::new();
    for (name, labels, value, at) in samples(text).filter(|(name, ..)| LOOKED_AT.contains(name)) {
        series.entry((name, labels)).or_default().push((at, value));
    }
    // Only what failed has failures.
    let wanted = LOOKED_AT
        .iter()
        .filter(|name| text.contains("kind=") || !name.contains("failures"));
    for wanted in wanted {
        assert!(series.keys().any(|(name, _)| name == wanted), "{wanted}");
    }
    let mut out = String::new();
    for ((name, labels), points) in series {
        let values = (0..=(to - from).ceil() as u32).map(|second| {
            let now = from + f64::from(second);
            let last = points.iter().rfind(|(at, _)| *at <= now);
            let over = points.last().is_none_or(|(at, _)| *at + 1.0 < now);
            last.filter(|_| !over)
                .map_or_else(|| "_".to_owned(), |(_, value)| value.to_string())
        });
        let values: Vec<String> = values.collect();
        let series = Value::from(format!("{name}{{{labels}}}"));
        let _ = writeln!(
            out,
            "  - series: {series}\n    values: {}",
            Value::from(values.join(" "))
        );
    }
    out
}

/// Asks the rules about a run: at each second, which of these alerts fire there, as (labels but `run` and `severity`).
fn fires(run: &str, asked: &[(u32, &str, bool)]) -> Output {
    let text = exported(run);
    let (id, ..) = extent(&text);
    let mut test = format!(
        "rule_files: [harness.yml]\nevaluation_interval: 1s\ntests:\n- interval: 1s\n  input_series:\n{}  promql_expr_test:\n",
        input(&text)
    );
    for (second, alert, wanted) in asked {
        let expr = format!(
            "count by (alertname) (ALERTS{{alertstate=\"firing\",run=\"{id}\",{alert}}}) > bool 0"
        );
        let name = alert.split('"').nth(1).unwrap();
        let samples = match wanted {
            true => format!("[{{labels: '{{alertname=\"{name}\"}}', value: 1}}]"),
            false => "[]".to_owned(),
        };
        let _ = writeln!(
            test,
            "  - expr: {}\n    eval_time: {second}s\n    exp_samples: {samples}",
            Value::from(expr)
        );
    }
    let rules = std::fs::read_to_string(repository().join("docs/alerts/harness.yml")).unwrap();
    let folder = Suite::new(&[("harness.yml", &rules), ("test.yml", &test)]);
    well(&promtool(folder.path(), &["check", "rules", "harness.yml"]));
    promtool(folder.path(), &["test", "rules", "test.yml"])
}

const DOWN: &str = "alertname=\"HarnessServiceDown\",service=\"orders\"";
const ERRORS: &str = "alertname=\"HarnessErrorRateHigh\",journey=\"checkout\"";
const SLOW: &str = "alertname=\"HarnessLatencyHigh\",journey=\"checkout\"";
const GROWS: &str = "alertname=\"HarnessTargetMemoryGrows\",service=\"gateway\"";

/// Second, from the run's begin, of a time within a fault of the recorded incident: how far it is into it.
fn second(run: &str, fault: &str, event: &str) -> u32 {
    let fixture = repository().join(format!("fixtures/runs/{run}.ndjson"));
    let text = std::fs::read_to_string(fixture).unwrap();
    let mut events = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let found = events
        .find(|one| one["event"] == event && one["fault"] == fault)
        .unwrap();
    (found["at_us"].as_u64().unwrap() / 1_000_000) as u32
}

#[test]
fn rules_fire_while_it_happens_and_not_before() {
    if !there() {
        return;
    }
    let of = |fault, event| second("incident", fault, event);
    let (dies, back) = (
        of("orders dies", "fault_armed"),
        of("orders dies", "fault_lifted"),
    );
    let slow = of("orders is slow", "fault_armed");
    let mut asked: Vec<(u32, &str, bool)> = Vec::new();
    // Nothing before the first fault.
    for second in 1..=dies {
        asked.extend([DOWN, ERRORS, SLOW].map(|alert| (second, alert, false)));
    }
    // Down is seen within a second, and so is that it is over.
    asked.extend((dies + 2..=back).map(|second| (second, DOWN, true)));
    asked.extend((back + 3..back + 8).map(|second| (second, DOWN, false)));
    // A rate knows of a second when that is over.
    asked.extend((dies + 3..=back + 5).map(|second| (second, ERRORS, true)));
    asked.extend((dies + 1..=slow).map(|second| (second, SLOW, false)));
    asked.extend((slow + 4..slow + 6).map(|second| (second, SLOW, true)));
    // It grows from the begin; twice as much is reached on the way.
    asked.extend([(5, GROWS, false), (slow + 6, GROWS, true)]);
    // Nothing else is down, and nothing else grows.
    let others = ["payments", "inventory", "broker"];
    let others =
        others.map(|service| format!("alertname=\"HarnessServiceDown\",service=\"{service}\""));
    for second in 1..slow + 6 {
        asked.extend(others.iter().map(|other| (second, other.as_str(), false)));
    }
    well(&fires("incident", &asked));
    // The test itself can fail: what fires is not taken for silence.
    let wrong = fires("incident", &[(dies + 2, DOWN, false)]);
    assert!(
        !wrong.status.success()
            && String::from_utf8_lossy(&wrong.stderr).contains("HarnessServiceDown")
    );
}

#[test]
fn rules_are_silent_where_all_is_well() {
    if !there() {
        return;
    }
    let slow = second("go", "provider is slow", "fault_armed");
    let never = [
        "alertname=\"HarnessServiceDown\"",
        "alertname=\"HarnessErrorRateHigh\"",
        "alertname=\"HarnessTargetMemoryGrows\"",
    ];
    let mut asked: Vec<(u32, &str, bool)> = Vec::new();
    for second in 1..=10 {
        asked.extend(never.map(|alert| (second, alert, false)));
    }
    // A slow provider is felt, but not before it is slow.
    let slower = "alertname=\"HarnessLatencyHigh\"";
    asked.extend((1..=slow).map(|second| (second, slower, false)));
    asked.push((slow + 4, slower, true));
    well(&fires("go", &asked));
}
