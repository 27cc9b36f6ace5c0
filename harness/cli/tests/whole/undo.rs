//! Whatever ends the harness, nothing of its run stays: KILL at drawn moments of a scenario full of faults, again and
//! again, and KILL to the guardian as well, with the sweep by hand behind it. The draws are told; `HARNESS_UNDO_SEED`
//! repeats them.

use crate::support::journeys::VISIT;
use crate::support::toxiproxy::Server;
use crate::support::{Running, Suite, labelled, part, server, until};
use std::collections::BTreeSet;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Runs are killed for this long, on every lane.
const BUDGET: Duration = Duration::from_secs(30);
/// Runs under way at a time.
const LANES: u64 = 3;
/// The kill comes at most this long after its moment.
const DELAY_MS: u64 = 400;

/// Every kind of undoing at some moment: proxies slowed and down, a service gone and coming back, one that stands.
const BROKEN: &str = r#"
title = "Broken in every way"
[load]
rate = "20/s"
for = "10m"
mix = { visit = 1 }
[[fault]]
name = "slow"
link = "edge"
at = "100ms"
for = "9m"
latency = { delay = "5ms" }
[[fault]]
name = "down"
link = "back"
at = "200ms"
for = "1s"
down = true
[[fault]]
name = "killed"
service = "back"
at = "300ms"
for = "500ms"
kill = true
[[fault]]
name = "paused"
service = "front"
at = "400ms"
for = "900ms"
pause = true
[[fault]]
name = "killed again"
service = "front"
at = "1600ms"
for = "400ms"
kill = true
[[fault]]
name = "standing"
service = "back"
at = "1500ms"
for = "9m"
pause = true
[[fault]]
name = "crashing"
service = "side"
at = "200ms"
for = "1s"
crash_loop = { every = "300ms" }
[[fault]]
name = "bounded"
service = "front"
at = "2300ms"
for = "9m"
memory = { bytes = "64GB" }
[[fault]]
name = "starved"
service = "side"
at = "1400ms"
for = "9m"
cpu = { share = "20%" }
"#;

/// Three services of the smallest system; one has a child in a session of its own. Its links may be on a server.
fn broken(server: Option<&Server>) -> Suite {
    let suite = Suite::new(&[
        ("scenarios/journeys/visit.toml", VISIT),
        ("scenarios/broken.toml", BROKEN),
    ]);
    let own = std::env::current_exe().unwrap();
    let (own, name, port) = (own.display(), server::NAME, server::PORT);
    let toml = format!(
        r#"[project]
name = "undo"
[target]
mode = "process"
[target.service.back]
process = {{ command = ["{own}", "--exact", "{name}"] }}
env = {{ {port} = "${{port}}" }}
ready = {{ within = "60s" }}
stop_within = "1s"
[target.service.front]
process = {{ command = ["sh", "-c", "setsid sleep 607 & exec {own} --exact {name}"] }}
env = {{ {port} = "${{port}}", BACK = "${{link.back.url}}" }}
ready = {{ within = "60s" }}
stop_within = "1s"
[target.service.side]
process = {{ command = ["{own}", "--exact", "{name}"] }}
env = {{ {port} = "${{port}}" }}
ready = {{ within = "60s" }}
stop_within = "1s"
[target.link.back]
from = "front"
to = "back"
[target.link.edge]
to = "front"
"#
    );
    suite.write("harness.toml", toml);
    if let Some(server) = server {
        let proxy = format!("[target.proxy]\nexternal = \"{}\"\n", server.url());
        suite.append("harness.toml", &proxy);
    }
    suite
}

/// Numbers by SplitMix64, so that a seed says all of a test's draws.
struct Draws(u64);

impl Draws {
    /// The seed of the environment, or one nobody chose.
    fn seed() -> u64 {
        let given = std::env::var("HARNESS_UNDO_SEED").ok();
        given.map_or_else(
            || RandomState::new().build_hasher().finish() >> 32,
            |seed| seed.parse().unwrap(),
        )
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// Something that is written while a run goes on.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// The so-many-th event of a kind is on the disk.
    Event(&'static str, usize),
    /// The so-many-th entry of a kind is in the undo journal.
    Entry(&'static str, usize),
}

use Moment::{Entry, Event};

/// From the first thing started to the last fault: services come up, are struck, go and come again.
const MOMENTS: [Moment; 15] = [
    Event("run_started", 1),
    Entry("folder", 1),
    Entry("process", 1),
    Entry("process", 2),
    Event("target_ready", 1),
    Event("scenario_started", 1),
    Event("fault_armed", 1),
    Event("fault_armed", 5),
    Entry("gone", 1),
    Entry("process", 3),
    Event("fault_lifted", 2),
    Entry("gone", 2),
    Entry("process", 4),
    Event("fault_armed", 8),
    Event("fault_armed", 9),
];

impl Moment {
    #[track_caller]
    fn await_in(self, suite: &Suite, id: &str) {
        let came = || match self {
            Event(word, nth) => {
                let wanted = format!("\"event\":\"{word}\"");
                suite.events(id).matches(&wanted).count() >= nth
            }
            Entry(word, nth) => {
                let wanted = format!("\"entry\":\"{word}\"");
                journal(suite, id).matches(&wanted).count() >= nth
            }
        };
        until(&format!("{self:?}"), || came().then_some(()));
    }
}

fn journal(suite: &Suite, id: &str) -> String {
    let path = suite.path().join(format!("reports/runs/{id}/undo.ndjson"));
    std::fs::read_to_string(path).unwrap_or_default()
}

/// The control groups that a run named before it made them.
fn groups(suite: &Suite, id: &str) -> Vec<PathBuf> {
    let journal = journal(suite, id);
    let entries = journal
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let groups = entries.filter(|entry| entry["entry"] == "cgroup");
    groups
        .map(|group| PathBuf::from(group["path"].as_str().unwrap()))
        .collect()
}

fn is_done(suite: &Suite, id: &str) -> bool {
    journal(suite, id)
        .trim_end()
        .ends_with("{\"entry\":\"clean\"}")
}

/// Processes that a suite's run started, whatever they carry: they work in its folder, or are told of it.
fn of_folder(folder: &Path) -> Vec<u32> {
    let named = folder.to_str().unwrap().as_bytes();
    let ours = |pid: &u32| {
        let works = std::fs::read_link(format!("/proc/{pid}/cwd"));
        let told = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        works.is_ok_and(|dir| dir.starts_with(folder))
            || told.windows(named.len()).any(|some| some == named)
    };
    crate::support::pids().into_iter().filter(ours).collect()
}

/// The listening sockets that some processes hold, by inode.
fn listeners(of: &[u32]) -> BTreeSet<String> {
    let held = of.iter().flat_map(|pid| {
        let open = std::fs::read_dir(format!("/proc/{pid}/fd"));
        let open = open.into_iter().flatten().flatten();
        open.filter_map(|one| {
            let target = std::fs::read_link(one.path()).ok()?;
            let target = target.to_str()?.strip_prefix("socket:[")?;
            Some(target.trim_end_matches(']').to_owned())
        })
    });
    let all = listening();
    held.filter(|inode| all.contains(inode)).collect()
}

/// Every listening TCP socket of this machine, by inode.
fn listening() -> BTreeSet<String> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(std::fs::read_to_string);
    let text = tables.map(Result::unwrap_or_default).concat();
    let row = |row: &str| {
        let fields: Vec<_> = row.split_whitespace().collect();
        (*fields.get(3)? == "0A").then(|| fields.get(9).map(|inode| (*inode).to_owned()))?
    };
    text.lines().filter_map(row).collect()
}

/// Starts a run and waits for a moment of it, and a while more.
#[expect(
    clippy::disallowed_methods,
    reason = "the while is drawn: what it ends in the middle of is the test"
)]
fn until_moment(suite: &Suite, moment: Moment, delay: Duration) -> (Running, String) {
    let running = suite.start(&["run"]);
    let id = suite.run_id();
    moment.await_in(suite, &id);
    std::thread::sleep(delay);
    (running, id)
}

/// What holds once a killed run was healed, by whomever. Whether it left events to be told of.
#[track_caller]
fn nothing_stays(suite: &Suite, id: &str, listened: &BTreeSet<String>) -> bool {
    until("no process of the run lives", || {
        let left = [labelled(id), of_folder(suite.path())].concat();
        left.is_empty().then_some(())
    });
    // A process that ends has no environment any more while its threads still close what it had open.
    until("nobody listens where it did", || {
        listening().is_disjoint(listened).then_some(())
    });
    assert!(is_done(suite, id), "{}", journal(suite, id));
    let run = suite.path().join("reports/runs").join(id);
    assert!(!run.join("scratch").exists());
    let groups = groups(suite, id);
    let left: Vec<_> = groups.iter().filter(|group| group.exists()).collect();
    assert!(left.is_empty(), "{left:?}");
    let ran = suite.run(&["report", id]);
    // What is to be undone is written down at once; the first event may still have been on its way to the disk.
    if suite.events_of(id, "run_started").is_empty() {
        let ran = ran.exits(2);
        assert!(ran.stderr.contains("no event of a run"), "{}", ran.stderr);
        return false;
    }
    let ran = ran.exits(0);
    assert!(ran.stderr.contains("report:"), "{}", ran.stderr);
    let page = std::fs::read_to_string(run.join("report.html")).unwrap();
    assert!(page.contains("undo"), "{page}");
    true
}

/// Kills a run at a moment; its guardian does the rest. Whether it left events to be told of.
fn killed_once(server: Option<&Server>, moment: Moment, delay: Duration) -> bool {
    let suite = broken(server);
    let (running, id) = until_moment(&suite, moment, delay);
    let all = [labelled(&id), vec![running.pid()]].concat();
    let listened = listeners(&all);
    running.signal("KILL");
    running.ends().exits(-1);
    let told = nothing_stays(&suite, &id, &listened);
    let again = suite.run(&["heal"]).exits(0);
    assert!(
        again.stderr.contains("nothing was left behind"),
        "{}",
        again.stderr
    );
    told
}

/// Kills a run and its guardian; what it leaves is healed by hand. Whether something was left.
fn orphaned_once(server: Option<&Server>, moment: Moment, delay: Duration) -> bool {
    let suite = broken(server);
    let (running, id) = until_moment(&suite, moment, delay);
    let all = [labelled(&id), vec![running.pid()]].concat();
    let listened = listeners(&all);
    let guardian = running.orphan();
    until("the guardian's end", || {
        (!of_folder(suite.path()).contains(&guardian)).then_some(())
    });
    let left = labelled(&id);
    assert!(!is_done(&suite, &id), "{}", journal(&suite, &id));
    let healed = suite.run(&["heal"]).exits(0);
    assert!(healed.stderr.contains(&id), "{}", healed.stderr);
    if !left.is_empty() {
        let said = healed.stderr.contains("ended ") && healed.stderr.contains(" process");
        assert!(said, "{} were left: {}", left.len(), healed.stderr);
    }
    nothing_stays(&suite, &id, &listened);
    let again = suite.run(&["heal"]).exits(0);
    assert!(
        again.stderr.contains("nothing was left behind"),
        "{}",
        again.stderr
    );
    !left.is_empty()
}

/// Draws moments and plays them on several lanes until the budget is spent; every moment comes up in its turn.
#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test has no run's clock; the draws are what repeats a failure"
)]
fn again_and_again(what: &str, once: impl Fn(Option<&Server>, Moment, Duration) + Sync) {
    let seed = Draws::seed();
    let begun = Instant::now();
    let lane = |lane: u64| {
        let mut draws = Draws(seed.wrapping_add(lane));
        // The links of every other lane are on a server that stays: what is left there is left for good.
        let server = (lane % 2 == 1).then(|| Server::start(&["--strict"]));
        let mut rounds = 0;
        let mut moment = (draws.below(MOMENTS.len() as u64)) as usize;
        while rounds < 3 || begun.elapsed() < BUDGET {
            // A stride that meets every moment before it meets one again.
            moment = (moment + 5) % MOMENTS.len();
            let delay = Duration::from_millis(draws.below(DELAY_MS));
            println!(
                "{what}: seed {seed}, lane {lane}, round {rounds}: {delay:?} after {:?}",
                MOMENTS[moment]
            );
            let _part = part();
            once(server.as_ref(), MOMENTS[moment], delay);
            if let Some(server) = &server {
                assert_eq!(server.proxies(), serde_json::json!({}));
            }
            rounds += 1;
        }
        rounds
    };
    let rounds: u64 = std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES).map(|n| scope.spawn(move || lane(n))).collect();
        let ended = lanes.into_iter().map(|lane| lane.join());
        ended.map(|rounds| rounds.unwrap()).sum()
    });
    println!("{what}: {rounds} runs");
}

#[test]
fn killed_at_any_moment_a_run_leaves_nothing() {
    let told = std::sync::atomic::AtomicU32::new(0);
    again_and_again("killed", |server, moment, delay| {
        let some = killed_once(server, moment, delay);
        told.fetch_add(u32::from(some), std::sync::atomic::Ordering::Relaxed);
    });
    assert!(told.into_inner() > 0, "no run left events to be told of");
}

#[test]
fn with_its_guardian_killed_too_a_run_is_healed_by_hand() {
    let left = std::sync::atomic::AtomicU32::new(0);
    again_and_again("orphaned", |server, moment, delay| {
        let some = orphaned_once(server, moment, delay);
        left.fetch_add(u32::from(some), std::sync::atomic::Ordering::Relaxed);
    });
    assert!(left.into_inner() > 0, "nothing was ever left to heal");
}
