//! What Goose can't do is an error of the plan, each with the place it was typed at; and the rest is none.

use super::super::Choice;
use super::{CONFIG, JOURNEY, findings, sources, told};
use crate::data::{Format, Indexer, RowSource, Streamed};
use crate::journey::Row;
use crate::plan::target::Mode;
use std::fmt::Write as _;
use std::sync::Arc;

/// A scenario with users on Goose, these lines within its `[load]`.
fn scenario(load: &str) -> String {
    format!(
        "title = \"steady\"\n[load]\nmodel = \"closed\"\nengine = \"goose\"\nmix = {{ visit = 1 }}\n{load}\n\
         [[gate]]\nexpect = \"error_rate < 1%\"\n"
    )
}

const FIVE: &str = "users = 5\nfor = \"10s\"";

#[derive(Debug)]
struct Numbers;

impl RowSource for Numbers {
    fn row(&self, number: u64) -> Result<Arc<Row>, String> {
        Err(format!("no row {number}: plans are made without rows"))
    }
}

/// The small suite with that way in, and what is said of it.
fn towards(target: &str, scenario: &str) -> String {
    let config = CONFIG.replacen(
        "[target.service.front]",
        &format!("[target]\n{target}\n[target.service.front]"),
        1,
    );
    let external = Choice {
        target: Some(Mode::External),
        ..Choice::default()
    };
    let suite = sources(&[
        ("harness.toml", &config),
        ("scenarios/steady.toml", scenario),
    ]);
    told(&findings(&suite, &external).1)
}

#[test]
fn what_goose_can_not_do_is_refused_where_it_was_typed() {
    let five = |more: &str| format!("{FIVE}\n{more}");
    let loads = [
        "users = \"1..5\"\nfor = \"10s\"".to_owned(),
        "stages = [{ users = 7, for = \"10s\" }, { users = 5, for = \"10s\" }]".to_owned(),
        "steps = { from = 5, to = 9, by = 2, every = \"1s\" }".to_owned(),
        "preset = \"spike\"\nusers = 5".to_owned(),
        five("connections = 256"),
        five(
            "[load.http]\nconnections = 6\nreuse = \"pool\"\nversion = \"1.1\"\nlookup = \"connection\"\nresumption = false",
        ),
        five("[load.http]\nversion = \"2\"\nstreams = 9"),
        "find = \"max rate where p99 < 1s\"".to_owned(),
    ];
    let mut all = String::new();
    for load in loads {
        let suite = sources(&[("scenarios/steady.toml", &scenario(&load))]);
        let (plan, found) = findings(&suite, &Choice::default());
        assert!(plan.is_none(), "{load} was accepted");
        _ = writeln!(all, "# {}\n{}", load.replace('\n', "; "), told(&found));
    }
    let (socket, tls) = (
        "url = \"http://shop\"\nsocket = \"shop.sock\"",
        "url = \"https://shop\"",
    );
    for target in [socket, tls] {
        let said = towards(target, &scenario(FIVE));
        _ = writeln!(all, "# {}\n{said}", target.replace('\n', "; "));
    }
    let mut indexer = Indexer::new(Format::Csv);
    indexer.feed(b"n\n1\n2\n");
    let streamed = Streamed::new(
        "n.csv".into(),
        &indexer.finish().unwrap(),
        Arc::new(Numbers),
    );
    let journey = JOURNEY.replace("title = \"visits\"", "title = \"visits\"\ndata = \"n.csv\"");
    let mut suite = sources(&[
        ("scenarios/journeys/visit.toml", &journey),
        ("scenarios/steady.toml", &scenario(FIVE)),
    ]);
    suite.add_streamed("n.csv", Ok(streamed));
    let (_, found) = findings(&suite, &Choice::default());
    _ = writeln!(all, "# data that is not held\n{}", told(&found));
    insta::assert_snapshot!("errors of loads on goose", all);
}

#[test]
fn what_it_can_do_is_taken_and_the_native_engine_can_do_the_rest() {
    let load = "stages = [{ users = 5, for = \"10s\" }, { users = 5, for = \"10s\" }]\nthink = \"1s\"\npacing = \"2s\"";
    let suite = sources(&[("scenarios/steady.toml", &scenario(load))]);
    let (_, found) = findings(&suite, &Choice::default());
    assert_eq!(told(&found), "nothing is wrong\n");

    let plain = towards("url = \"http://shop\"", &scenario(FIVE));
    assert_eq!(plain, "nothing is wrong\n");
    let native = scenario(&format!("{FIVE}\nconnections = 6")).replace("goose", "native");
    let secure = towards("url = \"https://shop\"", &native);
    assert_eq!(secure, "nothing is wrong\n");
}
