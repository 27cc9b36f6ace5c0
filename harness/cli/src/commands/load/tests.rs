//! Flags and the suites they make; command lines that people have in their fingers.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use super::*;
use crate::args::{Args, Command};
use crate::commands::load::habits;
use clap::Parser as _;

/// What a command line comes to: the suite's files as one value, or what is said instead.
fn read(line: &str) -> Result<Value, String> {
    let words: Vec<String> = shlex::split(line).unwrap();
    let told = |(message, hint): (String, String)| format!("{message}; {hint}");
    if let Some(misled) = habits::misleading(&words) {
        return Err(told(misled));
    }
    let args = Args::try_parse_from(&words)
        .map_err(|error| habits::unknown(&words, &error).map_or_else(|| error.to_string(), told))?;
    let Command::Load(args) = args.command else {
        panic!("{line}");
    };
    let body = args.request.data.as_deref();
    let made = translate(&args, body, Path::new("/here"));
    made.map(|made| {
        made.files
            .into_iter()
            .map(|(n, v)| (n.to_owned(), v))
            .collect()
    })
    .map_err(|error| format!("{error}; {}", error.hint().unwrap_or_default()))
}

fn load_of(line: &str) -> Value {
    read(line).unwrap_or_else(|told| panic!("{line}: {told}"))["scenarios/load.toml"]["load"]
        .clone()
}

#[test]
fn what_people_type_for_other_tools_works() {
    let closed = |users: u32, lasts: &str| json!({ "model": "closed", "users": users, "for": lasts, "cookies": "journey", "mix": { "url": 1 }, "sample": 0.0, "http": { "connections": users } });
    let lines = [
        // oha and hey
        ("harness load http://x/", closed(50, "10s")),
        ("harness load -c 100 -z 30s http://x/", closed(100, "30s")),
        ("harness load --no-tui -z 1m http://x/", closed(50, "1m")),
        ("harness load -z 5 http://x/", closed(50, "5s")),
        // wrk's, but for the time
        ("harness load -c400 -z30s http://x/", closed(400, "30s")),
        // 0 is "no limit"
        ("harness load -q 0 http://x/", closed(50, "10s")),
    ];
    for (line, wanted) in lines {
        assert_eq!(load_of(line), wanted, "{line}");
    }
    let counted = load_of("harness load -n 1000 -c 10 http://x/");
    assert_eq!(counted["iterations"], 1000);
    assert_eq!(counted["users"], 10);
    assert_eq!(counted["for"], "10m", "a limit");
    assert_eq!(load_of("harness load -n 3 -c 10 http://x/")["users"], 3);
    for (typed, meant) in [
        ("500ms", json!("500ms")),
        ("1s..3s", json!("1s..3s")),
        ("exponential:2s", json!({ "exponential": "2s" })),
    ] {
        let load = load_of(&format!("harness load --think {typed} http://x/"));
        assert_eq!(load["think"], meant);
    }
    let open = load_of("harness load -q 200 -z 10s -c 64 http://x/");
    assert_eq!(open["model"], "open");
    assert_eq!(open["rate"], "200/s");
    assert_eq!(open["http"]["connections"], 64);
    assert_eq!(
        load_of("harness load -q 10..500 http://x/")["rate"],
        "10/s..500/s"
    );
    load_of("harness load -t12 -c400 http://x/");
    let wire = load_of("harness load --http2 --streams 8 http://x/");
    let wanted = json!({ "connections": 50, "version": "2", "streams": 8 });
    assert_eq!(wire["http"], wanted);
    let wire = load_of("harness load -c 5 --http1 --disable-keepalive http://x/");
    let wanted = json!({ "connections": 5, "version": "1.1", "reuse": "never" });
    assert_eq!(wire["http"], wanted);
}

#[test]
fn what_does_not_is_told_with_our_flag() {
    let lines = [
        ("harness load -t12 -c400 -d30s http://x/", "-z 30s"),
        ("harness load -t2 -c10 -R2000 http://x/", "`-q RATE`"),
        (
            "harness load --latency http://x/",
            "percentiles are always shown",
        ),
        ("harness load -s post.lua http://x/", "journeys"),
        ("harness load -n 100 -t 5s http://x/", "--timeout 5s"),
        ("harness load -h2 http://x/", "--http2"),
        ("harness load -host example.org http://x/", "--host"),
        (
            "harness load -disable-keepalive http://x/",
            "--disable-keepalive",
        ),
        ("harness load -cpus 4 http://x/", "-t"),
        ("harness load -A application/json http://x/", "accept"),
        ("harness load -x proxy:8080 http://x/", "no proxy"),
        ("harness load -o csv http://x/", "--format json"),
        (
            "harness load --output-format json http://x/",
            "--format json",
        ),
        ("harness load -n 100 -p post.json http://x/", "-D FILE"),
        ("harness load -C session=1 http://x/", "cookie"),
        ("harness load -i http://x/", "-m HEAD"),
        ("harness load -r 5 http://x/", "--redirects N"),
        ("harness load -g out.tsv http://x/", "--format json"),
        ("harness load --vus 10 --duration 30s http://x/", "`-c`"),
        (
            "harness load --latency-correction http://x/",
            "leave it out",
        ),
        ("harness load --ipv4 http://x/", "--host"),
        ("harness load --rand-regex-url 'http://x/[a-z]'", "alnum(8)"),
        ("harness load --connect-to a:1:b:2 http://x/", "--host"),
    ];
    for (line, wanted) in lines {
        let told = read(line).expect_err(line);
        assert!(told.contains(wanted), "{line}: {told}");
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_a_reason() {
    let lines = [
        ("harness load -c 0 http://x/", "0 is not in 1..=60000"),
        ("harness load -n 0 http://x/", "0 is not in 1.."),
        ("harness load -n many http://x/", "invalid digit"),
        (
            "harness load -z soon http://x/",
            "--duration: `soon` is not a duration",
        ),
        ("harness load -z 0 http://x/", "no time at all"),
        (
            "harness load -q fast http://x/",
            "--rate: `fast` is not a rate",
        ),
        (
            "harness load -q 1/s..x http://x/",
            "--rate: `x` is not a rate",
        ),
        (
            "harness load -q 5 -n 10 -z 3s http://x/",
            "the same thing twice",
        ),
        (
            "harness load -q 5 -n 10 --arrivals poisson http://x/",
            "is drawn",
        ),
        (
            "harness load -q 0.001/h -n 1000000 http://x/",
            "more than a year",
        ),
        ("harness load --arrivals poisson http://x/", "--rate"),
        ("harness load --arrivals random -q 5 http://x/", "poisson"),
        ("harness load -q 5 --think 1s http://x/", "cannot be used"),
        ("harness load -m FETCH http://x/", "`FETCH` is not a method"),
        ("harness load -m TRACE http://x/", "`TRACE` is not a method"),
        ("harness load localhost:80", "is not a URL"),
        ("harness load http://", "is not a URL"),
        ("harness load http://ada:hunter2@x/", "-a USER:PASSWORD"),
        ("harness load -H nonsense http://x/", "has no `:`"),
        ("harness load -H 'a: 1' -H 'A: 2' http://x/", "given twice"),
        (
            "harness load -a u:pass -H 'Authorization: x y' http://x/",
            "by -a and by -H",
        ),
        ("harness load --cacert ca.pem http://x/", "is for https"),
        ("harness load --cert c.pem https://x/", "--key"),
        ("harness load --http2 --http1.1 http://x/", "cannot be used"),
        ("harness load --streams 5 http://x/", "--http2"),
        (
            "harness load --redirects 30 http://x/",
            "30 is not in 0..=20",
        ),
        ("harness load --timeout 0 http://x/", "no time at all"),
        ("harness load -d a -D b http://x/", "cannot be used"),
        (
            "harness load --json --format text http://x/",
            "cannot be used",
        ),
        ("harness load", "URL"),
        ("harness load http://x/ http://y/", "unexpected argument"),
    ];
    for (line, wanted) in lines {
        let told = read(line).expect_err(line);
        assert!(told.contains(wanted), "{line}: {told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[test]
fn every_habit_is_told_for_every_one_of_its_flags() {
    for flag in habits::flags() {
        let told = read(&format!("harness load {flag} http://x/"));
        let told = told.expect_err(flag);
        assert!(
            told.contains("not a flag of harness load"),
            "{flag}: {told}"
        );
    }
    // Elsewhere they mean what they mean there.
    let run: Vec<_> = ["harness", "run", "-p", "load"].map(String::from).to_vec();
    assert!(habits::misleading(&run).is_none());
}

#[test]
fn the_whole_suite_of_a_rich_command_line() {
    let line = "harness load -m put -H 'X-Api-Key: key-1234' -a ada:hunter22 -T application/json -d '{\"id\":\"{{ uuid() }}\"}' \
        --host shop.test -k --cacert ca.pem --cert c.pem --key k.pem --unix-socket s.sock --redirects 2 --timeout 3 \
        -q 10/s..500/s --for 1m30s --arrivals poisson --warm-up 5s -t 2 --gate 'p99 < 200ms' --expect 'status == 200' \
        'https://shop.test:8443/orders?a=b#top'";
    let made = read(line).unwrap();
    let text: String = made
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| format!("# {name}\n{}\n", toml::to_string(value).unwrap()))
        .collect();
    insta::assert_snapshot!("a-rich-command-line", text);
}

#[test]
fn a_number_of_requests_at_a_rate_is_met_exactly() {
    for (rate, requests) in [
        ("300", 1000u64),
        ("7/min", 3),
        ("10/s..500/s", 12345),
        ("19999", 1),
        ("0.3", 7),
    ] {
        let load = load_of(&format!("harness load -q {rate} -n {requests} http://x/"));
        let lasts = parse_duration(load["for"].as_str().unwrap()).unwrap();
        let ends = load["rate"].as_str().unwrap();
        let (from, to) = ends.split_once("..").unwrap_or((ends, ends));
        let rate = |text: &str| text.parse::<Rate>().unwrap().get();
        let total = f64::midpoint(rate(from), rate(to)) * lasts.as_secs_f64();
        // As `harness_load::schedule` counts.
        assert_eq!((total - 0.5).ceil() as u64, requests, "{load}");
    }
}
