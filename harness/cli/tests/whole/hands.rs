//! What `harness hands` does to containers, seen from inside them by sockets and files, and seen gone once it is undone.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "in a test a panic is the report, helpers included; a skip is seen"
)]

mod bench;

use bench::Bench;
use harness_core::name::Name;
use harness_core::plan::fault::{Direction, FaultKind, Site};
use harness_core::plan::target::TargetPlan;
use harness_drive::target::engine::{Engine, Labels};
use harness_drive::target::hands::order::{Answer, Deed, Order, Shaper};
use harness_drive::target::hands::{Hands, HandsError};
use std::time::{Duration, Instant};

fn silence(bench: &Bench, who: &str, to: &str) -> Deed {
    Deed::Silence {
        pid: bench.pid(who),
        own: bench.address(who),
        to: vec![bench.address(to)],
    }
}

#[test]
fn a_partition_stalls_what_is_in_flight_and_what_begins_until_it_is_lifted() {
    let Some(bench) = Bench::new() else { return };
    let mut talk = bench.talk("one");
    assert_eq!(talk.ask("open two 5"), "ok");
    assert_eq!(talk.ask("say before"), "ok");
    assert_eq!(talk.ask("hear 30"), "before");

    let begun = Instant::now();
    let done = bench.strike(vec![
        silence(&bench, "one", "two"),
        silence(&bench, "two", "one"),
    ]);
    eprintln!(
        "two sides cut in {:?}, with two inspections each",
        Instant::now() - begun
    );
    assert_eq!(done.by[0], "neighbour entries");
    assert_eq!(talk.ask("say under"), "ok");
    assert_eq!(talk.ask("hear 1"), "silence");
    let mut late = bench.talk("two");
    let one = bench.address("one");
    assert_eq!(late.ask(&format!("open {one} 1")), "no");

    bench.lift(done);
    // The kernel sends it again.
    assert_eq!(talk.ask("hear 60"), "under");
    assert_eq!(late.ask(&format!("open {one} 5")), "ok");
}

#[test]
fn one_way_is_one_way() {
    let Some(bench) = Bench::new() else { return };
    let (one, two) = (bench.address("one"), bench.address("two"));
    let done = bench.strike(vec![silence(&bench, "one", "two")]);
    assert_eq!(bench.talk("one").ask(&format!("send {two} lost 1")), "1");
    assert_eq!(bench.talk("two").ask(&format!("send {one} heard 1")), "1");
    bench.until_got("one", "heard");
    bench.lift(done);
    // What is sent later comes later.
    assert_eq!(bench.talk("one").ask(&format!("send {two} found 1")), "1");
    assert_eq!(bench.until_got("two", "found"), ["found"]);
}

#[test]
fn what_is_done_goes_with_the_container_and_lifting_it_then_is_fine() {
    let Some(bench) = Bench::new() else { return };
    let pid = bench.pid("one");
    let mut deeds = vec![silence(&bench, "one", "two"), Deed::Deafen { pid }];
    deeds.push(Deed::Freeze {
        pid,
        folder: "/data".into(),
    });
    let done = bench.strike(deeds);
    bench.restart("one");
    assert_eq!(bench.talk("one").ask("open two 5"), "ok");
    assert!(bench.exec("one", &["touch", "/data/new"]).status.success());
    bench.lift(done);
}

#[test]
fn packets_are_lost_without_a_word_to_the_sender() {
    let Some(bench) = Bench::new() else { return };
    let (own, two) = (bench.address("one"), bench.address("two"));
    let lose = |loss, with| Deed::Packets {
        pid: bench.pid("one"),
        own,
        loss,
        delay: Duration::ZERO,
        jitter: Duration::ZERO,
        with,
    };
    let order = Order {
        probe: true,
        ..Order::default()
    };
    let Answer::Done { can: Some(can), .. } = bench.order(&order) else {
        panic!("nothing was tried");
    };
    assert_eq!(can.enter, None);
    let able: Vec<Shaper> = [
        (Shaper::Netem, &can.netem),
        (Shaper::Nftables, &can.nftables),
    ]
    .into_iter()
    .filter(|(_, why)| why.is_none())
    .map(|(shaper, _)| shaper)
    .collect();
    assert!(!able.is_empty(), "neither: {can:?}");
    for with in able {
        let (lost, whole) = (format!("lost-{with:?}"), format!("whole-{with:?}"));
        let mut talk = bench.talk("one");
        // The question who has the address can be lost too, and all that waits for its answer with it: asked before.
        let warm = format!("warm-{with:?}");
        assert_eq!(talk.ask(&format!("send {two} {warm} 1")), "1");
        bench.until_got("two", &warm);
        // As many at a time as a receiver's buffer holds.
        let mut send = |text: &str| {
            for batch in 0..4 {
                assert_eq!(talk.ask(&format!("send {two} {text} 100")), "100");
                let end = format!("end-{text}-{batch}");
                assert_eq!(bench.talk("two").ask(&format!("send {two} {end} 1")), "1");
                bench.until_got("two", &end);
            }
            bench.got("two").iter().filter(|line| *line == text).count()
        };
        let done = bench.strike(vec![lose(0.5, with)]);
        let passed = send(&lost);
        // Six standard deviations of 400 tosses.
        assert!((140..=260).contains(&passed), "{passed} of 400 by {with:?}");
        bench.lift(done);
        assert_eq!(send(&whole), 400);
    }
}

#[test]
fn all_packets_lost_stall_a_connection_which_goes_on_afterwards() {
    let Some(bench) = Bench::new() else { return };
    let mut talk = bench.talk("one");
    assert_eq!(talk.ask("open two 5"), "ok");
    let done = bench.strike(vec![Deed::Packets {
        pid: bench.pid("one"),
        own: bench.address("one"),
        loss: 1.0,
        delay: Duration::ZERO,
        jitter: Duration::ZERO,
        with: Shaper::Nftables,
    }]);
    assert_eq!(done.by[0], "nftables");
    assert_eq!(talk.ask("say under"), "ok");
    assert_eq!(talk.ask("hear 1"), "silence");
    bench.lift(done);
    assert_eq!(talk.ask("hear 60"), "under");
}

#[test]
fn names_fail_at_once_and_resolve_again() {
    let Some(bench) = Bench::new() else { return };
    // Whoever waits for a name server waits five seconds.
    let resolve = || {
        let told = bench.exec("one", &["timeout", "4", "getent", "hosts", "two"]);
        told.status.code()
    };
    assert_eq!(resolve(), Some(0));
    let done = bench.strike(vec![Deed::Deafen {
        pid: bench.pid("one"),
    }]);
    assert_eq!(resolve(), Some(2));
    bench.lift(done);
    assert_eq!(resolve(), Some(0));
}

/// What a shell in `one` says when it writes to a file of the volume.
fn write(bench: &Bench, file: &str) -> String {
    let script = format!("head -c 100000 /dev/zero > /data/{file}");
    let told = bench.exec("one", &["bash", "-c", &script]);
    String::from_utf8_lossy(&told.stderr).into_owned()
}

#[test]
fn a_full_volume_takes_no_byte_and_is_emptied_even_when_its_service_is_gone() {
    let Some(bench) = Bench::new() else { return };
    let pid = Some(bench.pid("one"));
    for (pid, folder) in [(pid, "/data"), (None, "/held")] {
        let done = bench.strike(vec![Deed::Fill {
            pid,
            folder: folder.into(),
        }]);
        let full = write(&bench, "new");
        assert!(full.contains("No space left on device"), "{folder}: {full}");
        bench.lift(done);
        assert_eq!(write(&bench, "new"), "");
        let left = bench.exec("one", &["ls", "-A", "/data"]);
        assert_eq!(String::from_utf8_lossy(&left.stdout), "new\n");
        bench.exec("one", &["rm", "/data/new"]);
    }
    let refused = bench.refused(Deed::Fill {
        pid,
        folder: "/var".into(),
    });
    assert!(refused.contains("no file system in memory"), "{refused}");
}

#[test]
fn a_read_only_volume_takes_no_writes_and_what_is_open_still_does() {
    let Some(bench) = Bench::new() else { return };
    let freeze = |folder: &str| {
        bench.strike(vec![Deed::Freeze {
            pid: bench.pid("one"),
            folder: folder.into(),
        }])
    };
    let done = freeze("/data");
    assert_eq!(done.by[0], "a read-only remount");
    assert!(write(&bench, "under").contains("Read-only file system"));
    bench.lift(done);
    assert_eq!(write(&bench, "after"), "");

    // Somebody has a file open, and writes to it when told.
    let hold = "exec 3>/data/open; mkfifo /told; echo > /opened; read < /told; echo still >&3; echo > /wrote";
    bench.exec(
        "one",
        &["bash", "-c", &format!("({hold}) > /dev/null 2>&1 &")],
    );
    let wait = |file: &str| {
        let wait = format!("until [ -e {file} ]; do :; done");
        assert!(
            bench
                .exec("one", &["timeout", "30", "bash", "-c", &wait])
                .status
                .success()
        );
    };
    wait("/opened");
    let done = freeze("/data");
    assert!(
        done.by[0].contains("open files still take writes"),
        "{done:?}"
    );
    assert!(write(&bench, "under").contains("Read-only file system"));
    bench.exec("one", &["bash", "-c", "echo > /told"]);
    wait("/wrote");
    let open = bench.exec("one", &["cat", "/data/open"]);
    assert_eq!(String::from_utf8_lossy(&open.stdout), "still\n");
    bench.lift(done);
    assert_eq!(write(&bench, "under"), "");

    // A folder of the image's own.
    let done = freeze("/var/lib");
    assert!(
        !bench
            .exec("one", &["touch", "/var/lib/new"])
            .status
            .success()
    );
    bench.lift(done);
    assert!(
        bench
            .exec("one", &["touch", "/var/lib/new"])
            .status
            .success()
    );
}

#[test]
fn what_fails_half_way_leaves_nothing_and_the_hosts_own_network_is_never_touched() {
    let Some(bench) = Bench::new() else { return };
    bench.run(
        "host",
        &["--network=host", "debian:bookworm-slim", "sleep", "600"],
    );
    let order = Order {
        deeds: vec![
            silence(&bench, "one", "two"),
            Deed::Deafen {
                pid: bench.pid("host"),
            },
        ],
        ..Order::default()
    };
    let Answer::Failed { reason, .. } = bench.order(&order) else {
        panic!("the host was changed");
    };
    assert!(reason.contains("the host's own network"), "{reason}");
    assert_eq!(bench.talk("one").ask("open two 5"), "ok");
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// The hands as a run has them, on the bench, for a fault on `one`.
async fn hands(bench: &Bench, kind: &FaultKind) -> Result<Hands, HandsError> {
    let engine = Engine::connect(Labels::of(bench.label())).await.unwrap();
    let target = serde_json::json!({ "mode": "container", "entry": "http://one" });
    let target: TargetPlan = serde_json::from_value(target).unwrap();
    let site = Site::Service(name("one"));
    Hands::start(&engine, &target, &[(&site, kind)], bench.outfit()).await
}

#[tokio::test]
async fn a_partition_is_applied_and_seen_and_again_after_a_restart() {
    let Some(bench) = Bench::new() else { return };
    let partition = FaultKind::Partition {
        from: vec![name("two")],
        direction: Direction::Both,
    };
    let hands = hands(&bench, &partition).await.unwrap();
    let lookup = |of: &Name| Some(bench.container(of));
    let mut talk = bench.talk("one");
    assert_eq!(talk.ask("open two 5"), "ok");
    let mut took = Vec::new();
    for turn in 0..10 {
        let begun = Instant::now();
        let by = hands.strike("cut", &name("one"), &partition, &lookup).await;
        took.push(Instant::now() - begun);
        assert_eq!(by.unwrap(), "neighbour entries");
        assert_eq!(talk.ask(&format!("say {turn}")), "ok");
        assert_eq!(talk.ask("hear 0.3"), "silence");
        hands.lift("cut").await.unwrap();
        assert_eq!(talk.ask("hear 60"), turn.to_string());
    }
    took.sort();
    eprintln!("partition applied in {took:?}");

    let by = hands.strike("cut", &name("one"), &partition, &lookup).await;
    by.unwrap();
    bench.restart("one");
    hands.risen(&name("one"), &lookup).await.unwrap();
    let mut anew = bench.talk("one");
    let two = bench.address("two");
    // One side alone, which `two` still has, would let this pass.
    assert_eq!(anew.ask(&format!("send {two} lost 1")), "1");
    assert_eq!(anew.ask(&format!("open {two} 1")), "no");
    hands.lift("cut").await.unwrap();
    assert_eq!(anew.ask(&format!("send {two} found 1")), "1");
    assert_eq!(bench.until_got("two", "found"), ["found"]);
}

#[tokio::test]
async fn a_partition_outlasts_a_disconnect_of_either_side_and_is_lifted_during_one() {
    let Some(bench) = Bench::new() else { return };
    let partition = FaultKind::Partition {
        from: vec![name("two")],
        direction: Direction::Out,
    };
    let hands = hands(&bench, &partition).await.unwrap();
    let lookup = |of: &Name| Some(bench.container(of));
    let by = hands.strike("cut", &name("one"), &partition, &lookup).await;
    by.unwrap();
    for side in ["one", "two"] {
        bench.disconnect(side);
        // Nobody is there to be cut off.
        hands.risen(&name(side), &lookup).await.unwrap();
        bench.connect(side);
        hands.risen(&name(side), &lookup).await.unwrap();
        let two = bench.address("two");
        let mut talk = bench.talk("one");
        assert_eq!(talk.ask(&format!("open {two} 1")), "no", "{side}");
    }
    bench.disconnect("one");
    hands.lift("cut").await.unwrap();
    bench.connect("one");
    assert_eq!(bench.talk("one").ask("open two 5"), "ok");
}

#[tokio::test]
async fn a_volume_is_emptied_though_no_service_that_has_it_runs() {
    let Some(bench) = Bench::new() else { return };
    let full = FaultKind::DiskFull {
        path: "/data".into(),
    };
    let hands = hands(&bench, &full).await.unwrap();
    let lookup = |of: &Name| Some(bench.container(of));
    let by = hands.strike("full", &name("one"), &full, &lookup).await;
    assert_eq!(by.unwrap(), "a file that fills it");
    assert!(write(&bench, "new").contains("No space left on device"));
    bench.kill("one");
    bench.kill("two");
    hands.lift("full").await.unwrap();
    bench.restart("one");
    assert_eq!(write(&bench, "new"), "");
}

#[tokio::test]
async fn delay_without_netem_and_without_links_can_not_be_done() {
    let Some(bench) = Bench::new() else { return };
    let late = FaultKind::Packets {
        loss: 0.0,
        delay: Duration::from_millis(50),
        jitter: Duration::ZERO,
    };
    match hands(&bench, &late).await {
        // Where the kernel has it, it does it.
        Ok(hands) => {
            let lookup = |of: &Name| Some(bench.container(of));
            let by = hands.strike("late", &name("one"), &late, &lookup).await;
            assert_eq!(by.unwrap(), "netem");
        }
        Err(error) => {
            let told = error.to_string();
            let lacks = told.contains("sch_netem") && told.contains("a link from or to it");
            assert!(lacks, "{told}");
        }
    }
}
