//! A machine that runs out: of descriptors, of ports, of names, of memory for what a target sends. Each case plays in a
//! process of its own, in which the rest of the machine stays well.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "in a test a panic is the report, and a child tells its parent by printing"
)]

mod support;

use harness_core::http::Method;
use harness_core::journey::Action;
use rustix::process::{Resource, Rlimit, setrlimit};
use std::collections::BTreeMap;
use std::process::{Command, Output};
use std::sync::atomic::Ordering;
use std::time::Duration;
use support::server::{OK, Server, say};
use support::{GENEROUS, Tally, attack, get, journey, play, rate, request};
use tokio::io::AsyncWriteExt;
use tokio::sync::watch;

/// Set in the child.
const CHILD: &str = "HARNESS_TEST_CHILD";

/// Set in a child whose server is its parent's: its address.
const SERVER: &str = "HARNESS_TEST_SERVER";

/// Whether this process is the child that plays a case.
fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// Plays the named test in a child, within namespaces of its own if any are asked for; `None`, said aloud, where this
/// machine allows none.
fn child(test: &str, namespaces: &[&str]) -> Option<String> {
    let binary = std::env::current_exe().unwrap();
    let mut command = match namespaces {
        [] => Command::new(&binary),
        asked => {
            let allowed = Command::new("unshare").args(asked).arg("true").output();
            if !allowed.is_ok_and(|output| output.status.success()) {
                eprintln!("SKIPPED {test}: no namespaces may be made here (unshare {asked:?})");
                return None;
            }
            let mut command = Command::new("unshare");
            command.args(asked).arg(&binary);
            command
        }
    };
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&stdout).into_owned();
    assert!(
        status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&stderr)
    );
    Some(said)
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async { tokio::time::timeout(GENEROUS, test).await.expect("hung") });
}

/// A hundred arrivals at once, each on a connection that is held.
async fn hundred(url: &str) -> Tally {
    let step = Action::Request(Box::new(request(Method::Get, url, Duration::from_secs(3))));
    let mut attack = attack(
        vec![journey("j", vec![step])],
        vec![rate(500.0, 500.0, 200)],
    );
    (attack.workers, attack.plan.http.connections) = (1, 500);
    let tally = play(attack).await;
    tally.assert_accounted();
    tally
}

#[test]
fn descriptors_run_out() {
    // The server stays outside: it is not its descriptors that are to run out.
    let Ok(url) = std::env::var(SERVER) else {
        return run(async {
            let server = Server::start(|stream, _| async move {
                tokio::time::sleep(Duration::from_millis(500)).await;
                say(stream, OK).await
            })
            .await;
            let mut play = Command::new(std::env::current_exe().unwrap());
            play.args(["--exact", "descriptors_run_out", "--nocapture"])
                .env(SERVER, &server.url);
            let played = tokio::task::spawn_blocking(move || play.output());
            let played = played.await.unwrap().unwrap();
            let said = String::from_utf8_lossy(&played.stderr);
            assert!(played.status.success(), "{said}");
        });
    };
    run(async {
        let limit = Rlimit {
            current: Some(70),
            maximum: Some(70),
        };
        setrlimit(Resource::Nofile, limit).unwrap();
        let tally = hundred(&url).await;
        let sum = tally.of("j");
        assert_eq!(sum.errors.keys().collect::<Vec<_>>(), ["local"], "{sum:?}");
        assert!(sum.ok > 20 && sum.errors["local"] > 20, "{sum:?}");
        let detail = &tally.exemplars[0].exchange.failure.as_ref().unwrap().detail;
        assert!(detail.contains("Too many open files"), "{detail}");
    });
}

#[test]
fn ports_run_out() {
    if !is_child() {
        return drop(child("ports_run_out", &["-rn"]));
    }
    let up = Command::new("ip")
        .args(["link", "set", "lo", "up"])
        .status();
    if !up.is_ok_and(|status| status.success()) {
        return eprintln!(
            "SKIPPED ports_run_out: the loopback device of the namespace can't be switched on"
        );
    }
    run(async {
        let (thaw, frozen) = watch::channel(true);
        let server = Server::freezing(frozen).await;
        // Thirty ports for everything in this namespace; the server's own is taken from others.
        std::fs::write("/proc/sys/net/ipv4/ip_local_port_range", "20000 20029").unwrap();
        let url = server.url.clone();
        let load = tokio::spawn(async move { hundred(&url).await });
        while server.connections.load(Ordering::Relaxed) < 30 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // All others have found no port by then, and the first still wait for their answers.
        tokio::time::sleep(Duration::from_millis(1000)).await;
        thaw.send(false).unwrap();
        let tally = load.await.unwrap();
        let sum = tally.of("j");
        assert_eq!(
            (sum.ok, sum.errors.clone()),
            (30, BTreeMap::from([("local".to_owned(), 70)])),
            "{sum:?}"
        );
        let detail = &tally.exemplars[0].exchange.failure.as_ref().unwrap().detail;
        assert!(
            detail.contains("Cannot assign requested address"),
            "{detail}"
        );
    });
}

#[test]
fn names_stop_resolving_halfway() {
    if !is_child() {
        return drop(child("names_stop_resolving_halfway", &["-rm"]));
    }
    let hosts = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(hosts.path(), "127.0.0.1 first.test\n").unwrap();
    let mount = Command::new("mount")
        .arg("--bind")
        .arg(hosts.path())
        .arg("/etc/hosts")
        .status();
    if !mount.is_ok_and(|status| status.success()) {
        return eprintln!("SKIPPED names_stop_resolving_halfway: /etc/hosts can't be covered");
    }
    run(async {
        let server = Server::ok().await;
        let named = |name: &str| server.url.replace("127.0.0.1", name);
        // The first host is known before the first request, and stays known when the names have gone.
        let journeys = vec![
            get("known", &named("first.test")),
            get("unknown", &named("second.test")),
        ];
        let attack = attack(journeys, vec![rate(100.0, 100.0, 200)]);
        let tally = play(attack).await;
        tally.assert_accounted();
        let (known, unknown) = (tally.of("known"), tally.of("unknown"));
        assert!(known.ok > 0 && known.ok == known.started, "{known:?}");
        assert!(unknown.started > 0, "{unknown:?}");
        assert_eq!(
            unknown.errors,
            BTreeMap::from([("resolve".to_owned(), unknown.started)])
        );
    });
}

/// The most memory this process has had, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        * 1024
}

#[test]
fn bodies_of_a_gigabyte_cost_no_memory() {
    if !is_child() {
        return drop(child("bodies_of_a_gigabyte_cost_no_memory", &[]));
    }
    run(async {
        let before = peak();
        for head in [
            &b"HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n40000000\r\n",
            b"HTTP/1.1 200 OK\r\n\r\n",
        ] {
            let server = Server::start(move |mut stream, _| async move {
                stream.write_all(head).await.ok()?;
                loop {
                    stream.write_all(&[b'x'; 65_536]).await.ok()?;
                }
            })
            .await;
            let tally = play(attack(
                vec![get("j", &server.url)],
                vec![rate(20.0, 20.0, 100)],
            ))
            .await;
            tally.assert_accounted();
            assert_eq!(
                tally.of("j").errors,
                BTreeMap::from([("protocol".to_owned(), 2)])
            );
            let failure = tally.exemplars[0].exchange.failure.clone().unwrap();
            assert!(failure.detail.contains("body too large"), "{failure}");
        }
        let grown = peak() - before;
        assert!(grown < 40 << 20, "{} MB more", grown >> 20);
    });
}

#[test]
fn connections_at_rest_are_cheap() {
    if !is_child() {
        return drop(child("connections_at_rest_are_cheap", &[]));
    }
    run(async {
        // Each answer waits until all requests have come, so that each has a connection of its own.
        const CONNECTIONS: u64 = 1000;
        let (thaw, frozen) = watch::channel(true);
        let server = Server::start(move |stream, _| {
            let mut frozen = frozen.clone();
            async move {
                frozen.wait_for(|frozen| !frozen).await.ok()?;
                say(stream, OK).await
            }
        })
        .await;
        let limit = rustix::process::getrlimit(Resource::Nofile);
        setrlimit(
            Resource::Nofile,
            Rlimit {
                current: limit.maximum,
                ..limit
            },
        )
        .unwrap();
        if limit.maximum.is_some_and(|most| most < 3 * CONNECTIONS) {
            return eprintln!("SKIPPED connections_at_rest_are_cheap: too few descriptors");
        }
        let before = peak();
        let mut attack = attack(vec![get("j", &server.url)], vec![rate(2000.0, 2000.0, 500)]);
        (attack.workers, attack.plan.http.connections) = (1, CONNECTIONS as u32);
        let requests = std::sync::Arc::clone(&server.requests);
        let load = tokio::spawn(play(attack));
        while requests.load(Ordering::Relaxed) < CONNECTIONS {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        thaw.send(false).unwrap();
        let tally = load.await.unwrap();
        assert_eq!(tally.of("j").ok, CONNECTIONS);
        // Both sides of each connection, the journeys and their figures: 150 MB for 8 000 leaves 19 kB for each.
        let each = (peak() - before) / CONNECTIONS;
        println!("{each} bytes for each connection");
        assert!(each < 19_000, "{each} bytes for each");
    });
}
