//! Data files as a person meets them: what load takes of them, what happens when they run out, are broken, or change under
//! a run, and that a large one is never held.

use crate::support::{Suite, part, unless_invalid};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Paths asked for, and how often.
type Asked = Arc<Mutex<BTreeMap<String, u32>>>;

/// A server that answers all and remembers what it was asked; `meddle` is told each path before the answer.
fn server(meddle: impl Fn(&str) + Send + Sync + 'static) -> (u16, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Asked::default();
    let (seen, meddle) = (Arc::clone(&asked), Arc::new(meddle));
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (seen, meddle) = (Arc::clone(&seen), Arc::clone(&meddle));
            std::thread::spawn(move || serve(&stream, &seen, &*meddle));
        }
    });
    (port, asked)
}

fn serve(stream: &TcpStream, asked: &Asked, meddle: &dyn Fn(&str)) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let path = head.split(' ').nth(1).unwrap().to_owned();
        meddle(&path);
        *asked.lock().unwrap().entry(path).or_default() += 1;
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        if (&mut &*stream).write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn suite(port: u16, data: &str, load: &str) -> Suite {
    let config = format!(
        r#"[project]
name = "feeds"
[target]
mode = "external"
url = "http://127.0.0.1:{port}"
[profile.default]
tags = "load"
"#
    );
    let journey = format!(
        r#"title = "A user is looked at"
data = {data}
[[step]]
name = "look"
get = "/users/{{{{ row.id }}}}"
expect = ["status == 200"]
"#
    );
    let scenario = format!(
        r#"title = "Users are looked at"
tags = ["load"]
[load]
{load}
mix = {{ user = 1 }}
[[gate]]
expect = "error_rate < 20%"
"#
    );
    Suite::new(&[
        ("harness.toml", &config),
        ("scenarios/journeys/user.toml", &journey),
        ("scenarios/users.toml", &scenario),
    ])
}

/// Ids from 0 in a CSV file, with names that have commas, quotes and lines in them.
fn users(rows: usize) -> String {
    (0..rows).fold("id,name\r\n".to_owned(), |mut text, id| {
        write!(text, "{id},\"the \"\"user\"\"\n{id}, or so\"\r\n").unwrap();
        text
    })
}

fn ids(asked: &Asked) -> BTreeMap<u32, u32> {
    let asked = asked.lock().unwrap();
    let users = asked.iter().filter_map(|(path, times)| {
        let id = path.strip_prefix("/users/")?;
        Some((id.parse().unwrap(), *times))
    });
    users.collect()
}

#[test]
fn unique_rows_run_out_and_the_run_says_so() {
    let (ran, (suite, asked)) = unless_invalid(|| {
        let (port, asked) = server(|_| {});
        let suite = suite(
            port,
            r#"{ file = "data/users.csv", pick = "unique" }"#,
            "rate = \"200/s\"\nfor = \"1s\"",
        );
        suite.write("data/users.csv", users(120));
        (suite.run(&["run", "--format", "json"]), (suite, asked))
    });
    let summary = ran.json();
    // Each row once, over all workers, and no other.
    assert_eq!(ids(&asked), (0..120).map(|id| (id, 1)).collect());
    let load = &summary["scenarios"][0]["names"]["user"];
    assert_eq!(
        (&load["started"], &load["planned"], &load["no_data"]),
        (&120.into(), &120.into(), &80.into()),
        "{summary:#}"
    );
    let told =
        "the data of journey user ran out in users: 80 walks were not begun for want of a row";
    let id = summary["run"]["id"].as_str().unwrap();
    assert!(suite.events(id).contains(told), "{}", ran.stderr);
    ran.exits(0);
}

#[test]
fn rows_run_out_even_where_no_request_shows_them() {
    let loads = [
        "rate = \"200/s\"\nfor = \"1s\"",
        "model = \"closed\"\nusers = 4\nfor = \"20s\"",
    ];
    for load in loads {
        let (ran, asked) = unless_invalid(|| {
            let (port, asked) = server(|_| {});
            let suite = suite(
                port,
                r#"{ file = "data/users.csv", pick = "unique" }"#,
                load,
            );
            suite.write("data/users.csv", users(40));
            let path = "scenarios/journeys/user.toml";
            let journey = suite.read(path).replace("{{ row.id }}", "7");
            suite.write(path, journey);
            (suite.run(&["run", "--format", "json"]), asked)
        });
        ran.exits(0);
        assert_eq!(ids(&asked), BTreeMap::from([(7, 40)]), "{load}");
    }
}

#[test]
fn users_of_a_closed_load_keep_to_their_rows_and_stop_with_them() {
    let (ran, asked) = unless_invalid(|| {
        let (port, asked) = server(|_| {});
        let suite = suite(
            port,
            r#"{ file = "data/users.jsonl", pick = "shared", at_end = "stop" }"#,
            "model = \"closed\"\nusers = 4\nfor = \"20s\"",
        );
        let lines: String = (0..50).map(|id| format!("{{\"id\": {id}}}\n")).collect();
        suite.write("data/users.jsonl", lines);
        (suite.run(&["run", "--format", "json"]), asked)
    });
    let ran = ran.exits(0);
    assert_eq!(ids(&asked), (0..50).map(|id| (id, 1)).collect());
    let load = &ran.json()["scenarios"][0]["names"]["user"];
    // Each of four users found none once.
    assert_eq!(
        (&load["started"], &load["no_data"]),
        (&50.into(), &4.into())
    );
}

#[test]
fn the_same_seed_draws_the_same_rows() {
    let drawn = |seed: &str| {
        let (port, asked) = server(|_| {});
        let suite = suite(
            port,
            r#"{ file = "data/users.json", pick = "random" }"#,
            "rate = \"150/s\"\nfor = \"1s\"",
        );
        let list: Vec<_> = (0..1000)
            .map(|id| serde_json::json!({ "id": id }))
            .collect();
        suite.write(
            "data/users.json",
            serde_json::to_string_pretty(&list).unwrap(),
        );
        let _turn = part();
        suite.run(&["run", "--seed", seed]);
        ids(&asked)
    };
    let first = drawn("7");
    assert_eq!(first, drawn("7"));
    assert_ne!(first, drawn("8"));
    assert!(first.len() > 100, "{first:?}");
}

#[test]
fn a_file_cut_short_under_a_load_fails_walks_by_name_and_ends_nothing_else() {
    let file = Arc::new(Mutex::new(None::<std::path::PathBuf>));
    let path = Arc::clone(&file);
    let (port, asked) = server(move |asked| {
        if asked == "/users/40"
            && let Some(path) = path.lock().unwrap().take()
        {
            let data = std::fs::File::options().write(true).open(path).unwrap();
            data.set_len(1000).unwrap();
        }
    });
    let suite = suite(port, "\"data/users.csv\"", "rate = \"400/s\"\nfor = \"1s\"");
    suite.write("data/users.csv", users(60_000));
    *file.lock().unwrap() = Some(suite.path().join("data/users.csv"));
    let _turn = part();
    let ran = suite.run(&["run", "--format", "json"]);
    let summary = ran.json();
    assert!(!ids(&asked).is_empty());
    let errors = &summary["scenarios"][0]["names"]["user"]["errors"];
    assert!(
        errors["data"].as_u64().is_some_and(|n| n > 10),
        "{summary:#}"
    );
    let id = summary["run"]["id"].as_str().unwrap();
    let why = "of `data/users.csv`: the file was changed while it was in use";
    assert!(suite.events(id).contains(why), "{}", ran.stderr);
    ran.exits(1);
}

#[test]
fn broken_data_is_told_by_line_whatever_its_size() {
    for rows in [100, 60_000] {
        let suite = suite(
            9,
            r#"{ file = "data/users.csv", pick = "unique", at_end = "wrap" }"#,
            "rate = \"1/s\"\nfor = \"1s\"",
        );
        suite.write("data/users.csv", users(rows) + "7,x,y\n");
        let ran = suite.run(&["check"]).exits(2);
        let line = 2 * rows + 2;
        assert!(
            ran.stdout
                .contains("this line has 3 fields, the header has 2"),
            "{}",
            ran.stdout
        );
        assert!(
            ran.stdout.contains(&line.to_string()),
            "{line}: {}",
            ran.stdout
        );
        assert!(ran.stdout.contains("takes each row once"), "{}", ran.stdout);
    }
}

#[test]
fn rows_that_are_too_few_to_share_out_are_told_before_the_run() {
    let suite = suite(
        9,
        r#"{ file = "data/users.csv", pick = "shared" }"#,
        "model = \"closed\"\nusers = 30\nfor = \"1s\"",
    );
    suite.write("data/users.csv", users(29));
    let told = suite.run(&["check"]).exits(2).stdout;
    assert!(
        told.contains("shares 29 rows out over 30 users: some get none"),
        "{told}"
    );
    suite.write("data/users.csv", users(30));
    suite.run(&["check"]).exits(0);
}

#[test]
fn a_large_file_is_not_held() {
    let suite = suite(9, "\"data/users.csv\"", "rate = \"1/s\"\nfor = \"1s\"");
    // 28 MB in half a million rows; as values in memory they would take several hundred.
    suite.write("data/users.csv", users(700_000));
    let peak = |arguments: &[&str]| {
        let mut child = suite
            .command(arguments)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let mut peak = 0;
        let status = crate::support::until("its end", || {
            let status = format!("/proc/{}/status", child.id());
            let status = std::fs::read_to_string(status).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
            peak = peak.max(kib.map_or(0, |kib| kib.parse::<u64>().unwrap()));
            child.try_wait().unwrap()
        });
        assert!(status.success());
        peak
    };
    let large = peak(&["plan"]);
    let told = suite.run(&["plan"]).exits(0).stdout;
    assert!(
        told.contains("data of user: 700000 rows of data/users.csv, in turn, over again"),
        "{told}"
    );
    // The program alone takes some 30 MB when it is built for tests; nothing seen would prove nothing.
    assert!((10_000..100_000).contains(&large), "{large} KiB");
}
