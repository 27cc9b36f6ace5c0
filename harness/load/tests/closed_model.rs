//! Users of a closed model, seen by the server: how many there are, what they walk and when, what they keep, and what a
//! target that answers nothing does to them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "in a test a panic is the report"
)]

mod support;

use harness_core::http::Method;
use harness_core::journey::{Action, Journey, think::Think};
use harness_core::plan::load::{ClosedPlan, Cookies, Engine, Iterations, Model, Reuse, UserStage};
use harness_load::{Attack, Clock};
use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use support::server::{OK, Server, say};
use support::{GENEROUS, Tally, attack, get, journey, play, request, start};
use tokio::sync::{Barrier, watch};

const fn stage(from: u32, to: u32, millis: u64) -> UserStage {
    UserStage {
        from,
        to,
        lasts: Duration::from_millis(millis),
    }
}

/// A closed model with users by stages.
fn closed(journeys: Vec<Arc<Journey>>, users: Vec<UserStage>) -> Attack {
    let mut attack = attack(journeys, Vec::new());
    attack.plan.model = Model::Closed(ClosedPlan {
        users,
        iterations: None,
        pacing: Duration::ZERO,
        // So the fast lane plays what is plain.
        cookies: Cookies::Journey,
        engine: Engine::Native,
    });
    attack.plan.http.connections = 64;
    attack
}

/// So many users for so many iterations; the time is a limit that nothing here reaches.
fn iterating(journeys: Vec<Arc<Journey>>, users: u32, iterations: Iterations) -> Attack {
    let limit = u64::try_from(GENEROUS.as_millis()).unwrap();
    let mut attack = closed(journeys, vec![stage(users, users, limit)]);
    model(&mut attack).iterations = Some(iterations);
    attack
}

fn model(attack: &mut Attack) -> &mut ClosedPlan {
    match &mut attack.plan.model {
        Model::Closed(closed) => closed,
        Model::Open(_) | Model::Search(_) => panic!("not closed"),
    }
}

fn shared(all: u64) -> Iterations {
    Iterations::Shared(NonZeroU64::new(all).unwrap())
}

fn each(all: u64) -> Iterations {
    Iterations::PerUser(NonZeroU64::new(all).unwrap())
}

/// How many users were there in the middle of a second.
fn there(tally: &Tally, second: u32) -> u64 {
    let ticks = tally.ticks.iter().filter(|tick| tick.second == second);
    ticks.map(|tick| tick.users).sum()
}

/// How much of each journey was planned, began and passed.
fn counts(tally: &Tally, names: &[&str]) -> Vec<(u64, u64, u64)> {
    let of = |name: &&str| {
        let sum = tally.of(name);
        (sum.planned, sum.started, sum.ok)
    };
    names.iter().map(of).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shared_iterations_are_made_exactly_once_whatever_the_workers() {
    let server = Server::ok().await;
    let walks = |workers: usize| {
        let journeys = vec![get("a", &server.url), get("b", &server.url)];
        let mut attack = iterating(journeys, 7, shared(500));
        attack.plan.mix[0].weight = 3.0;
        attack.workers = workers;
        play(attack)
    };
    let (alone, together) = (walks(1).await, walks(3).await);
    for tally in [&alone, &together] {
        tally.assert_accounted();
        let all: u64 = counts(tally, &["a", "b"]).iter().map(|(_, _, ok)| ok).sum();
        assert_eq!(all, 500);
    }
    // The seed decides of which journey each is, not who makes it.
    assert_eq!(counts(&alone, &["a", "b"]), counts(&together, &["a", "b"]));
    assert_eq!(server.requests.load(Ordering::Relaxed), 1000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_fast_lane_and_the_walker_play_the_same() {
    let server = Server::ok().await;
    let by = |cookies: Cookies, iterations: Option<Iterations>| {
        let journeys = vec![get("a", &server.url), get("b", &server.url)];
        // Alone at first, with three more in the middle of the second.
        let users = vec![
            stage(0, 0, 50),
            stage(1, 1, 100),
            stage(4, 4, 700),
            stage(1, 1, 150),
        ];
        let mut attack = closed(journeys, users);
        model(&mut attack).iterations = iterations;
        model(&mut attack).cookies = cookies;
        play(attack)
    };
    for iterations in [None, Some(shared(300)), Some(each(40))] {
        // Cookies that outlive a walk are the walker's.
        let lane = by(Cookies::Journey, iterations).await;
        let walker = by(Cookies::User, iterations).await;
        for tally in [&lane, &walker] {
            tally.assert_accounted();
        }
        if iterations.is_some() {
            let planned = |tally: &Tally| ["a", "b"].map(|name| tally.of(name).planned);
            assert_eq!(planned(&lane), planned(&walker), "{iterations:?}");
        } else {
            assert_eq!((there(&lane, 0), there(&walker, 0)), (4, 4));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_user_makes_its_iterations_and_the_load_ends() {
    let server = Server::ok().await;
    let mut attack = iterating(vec![get("j", &server.url)], 5, each(20));
    // Who has made the last does not wait for a pace that never comes.
    model(&mut attack).pacing = Duration::from_millis(1);
    let tally = play(attack).await;
    tally.assert_accounted();
    assert_eq!(counts(&tally, &["j"]), [(100, 100, 100)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_at_once_are_those_of_the_plan() {
    // Answers when all five are there: fewer would wait until their time-out, more would break the count.
    let (barrier, there) = (Arc::new(Barrier::new(5)), Arc::new(AtomicU64::new(0)));
    let most = Arc::new(AtomicU64::new(0));
    let (b, t, m) = (Arc::clone(&barrier), Arc::clone(&there), Arc::clone(&most));
    let server = Server::start(move |stream, _| {
        let (barrier, there, most) = (Arc::clone(&b), Arc::clone(&t), Arc::clone(&m));
        async move {
            let now = there.fetch_add(1, Ordering::SeqCst) + 1;
            most.fetch_max(now, Ordering::SeqCst);
            barrier.wait().await;
            there.fetch_sub(1, Ordering::SeqCst);
            say(stream, OK).await
        }
    })
    .await;
    let tally = play(iterating(vec![get("j", &server.url)], 5, each(40))).await;
    tally.assert_accounted();
    assert_eq!(counts(&tally, &["j"]), [(200, 200, 200)]);
    assert_eq!(most.load(Ordering::SeqCst), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_finishes_its_walk_and_starts_no_other() {
    // Nobody is answered before every user's time is over.
    let (open, gate) = watch::channel(true);
    let server = Server::freezing(gate).await;
    let mut attack = closed(
        vec![get("j", &server.url)],
        vec![stage(4, 4, 1000), stage(4, 0, 100)],
    );
    attack.plan.http.connections = 4;
    let end = attack
        .clock
        .instant(attack.t0 + Duration::from_millis(1100));
    let release = async {
        tokio::time::sleep_until(end.into()).await;
        open.send_replace(false);
    };
    let (tally, ()) = tokio::join!(play(attack), release);
    tally.assert_accounted();
    assert_eq!(counts(&tally, &["j"]), [(4, 4, 4)]);
    assert_eq!((tally.of("j").dropped, tally.of("j").cancelled), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pace_is_kept_and_its_own_lateness_is_the_targets() {
    let pace = Duration::from_millis(40);
    let (clock, log) = (Clock::start(), Arc::new(Mutex::new(Vec::new())));
    let (seen, answered) = (Arc::clone(&log), Arc::new(Mutex::new(None)));
    let late = Arc::clone(&answered);
    // The fifth request is answered late by five paces.
    let server = Server::start(move |stream, number| {
        let (seen, late) = (Arc::clone(&seen), Arc::clone(&late));
        async move {
            seen.lock().unwrap().push(clock.now());
            if number == 4 {
                tokio::time::sleep(5 * pace).await;
                *late.lock().unwrap() = Some(clock.now());
            }
            say(stream, OK).await
        }
    })
    .await;
    let mut attack = iterating(vec![get("j", &server.url)], 1, each(10));
    model(&mut attack).pacing = pace;
    attack.clock = clock;
    attack.t0 = clock.now();
    let t0 = attack.t0;
    let tally = play(attack).await;
    tally.assert_accounted();
    let sum = tally.of("j");
    assert_eq!((sum.planned, sum.ok), (10, 10));
    // Each begins no sooner than so many paces after the first was due, and from the late one on after its answer: a slow
    // machine may make all of them later and none sooner.
    let log = log.lock().unwrap();
    let freed = answered.lock().unwrap().unwrap();
    let due = (0..5).map(|n| t0 + n * pace);
    let due = due.chain((0..5).map(|n| freed + n * pace));
    for (n, (at, due)) in log.iter().zip(due).enumerate() {
        assert!(*at >= due, "{n} of {log:?} from {t0:?}, free at {freed:?}");
    }
    // The sixth began when the fifth was answered, four paces after its time: response time knows, service time does not.
    assert!(sum.late_target >= 1);
    let late = sum
        .response
        .buckets()
        .iter()
        .filter(|(us, _)| *us >= 155_000);
    assert!(late.map(|(_, n)| n).sum::<u64>() >= 2, "{:?}", sum.response);
}

/// A server that says `id=N` to whoever comes without a cookie, and logs who came with which.
async fn greeting() -> (Server, Arc<Mutex<Vec<Option<String>>>>) {
    let log = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&log);
    let server = Server::reading(move |stream, head| {
        let cookie = head
            .lines()
            .find_map(|line| line.strip_prefix("cookie: "))
            .map(str::to_owned);
        let number = {
            let mut log = seen.lock().unwrap();
            log.push(cookie.clone());
            log.len()
        };
        let hello = match cookie {
            Some(_) => String::new(),
            None => format!("set-cookie: id={number}; Path=/\r\n"),
        };
        async move {
            let answer = format!("HTTP/1.1 200 OK\r\n{hello}content-length: 2\r\n\r\nok");
            support::server::say_text(stream, answer).await
        }
    })
    .await;
    (server, log)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cookies_stay_with_the_user_or_with_the_walk() {
    let visitors = |cookies| async move {
        let (server, log) = greeting().await;
        let two = || Action::Request(Box::new(request(Method::Get, &server.url, GENEROUS)));
        let mut attack = iterating(vec![journey("j", vec![two(), two()])], 3, each(10));
        model(&mut attack).cookies = cookies;
        play(attack).await.assert_accounted();
        let mut seen = BTreeMap::new();
        for cookie in log.lock().unwrap().drain(..) {
            *seen.entry(cookie).or_insert(0) += 1;
        }
        seen
    };
    let user = visitors(Cookies::User).await;
    assert_eq!(user[&None], 3);
    assert!(user.iter().all(|(cookie, n)| cookie.is_none() || *n == 19));
    assert_eq!(user.len(), 4);

    let walk = visitors(Cookies::Journey).await;
    assert_eq!(walk[&None], 30);
    assert!(walk.iter().all(|(cookie, n)| cookie.is_none() || *n == 1));
    assert_eq!(walk.len(), 31);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_pooled_or_a_users_own_or_a_requests() {
    let connections = |reuse| async move {
        let server = Server::ok().await;
        let mut attack = iterating(vec![get("j", &server.url)], 3, each(10));
        attack.plan.http.reuse = reuse;
        play(attack).await.assert_accounted();
        server.connections.load(Ordering::Relaxed)
    };
    assert!(connections(Reuse::Pool).await <= 3);
    assert_eq!(connections(Reuse::User).await, 3);
    assert_eq!(connections(Reuse::Never).await, 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_think_as_the_seed_says_and_no_less() {
    let server = Server::ok().await;
    let (from, to) = (Duration::from_millis(10), Duration::from_millis(30));
    let think = Think::Uniform { from, to };
    let step = || Action::Request(Box::new(request(Method::Get, &server.url, GENEROUS)));
    let thinking = journey("j", vec![step(), step()]).thinking(think, true);
    let mut attack = iterating(vec![Arc::new(thinking)], 2, each(5));
    attack.workers = 1;
    let (clock, t0) = (attack.clock, attack.t0);
    let tally = play(attack).await;
    tally.assert_accounted();
    assert_eq!(counts(&tally, &["j"]), [(10, 10, 10)]);
    // Each walk thinks once in it and once after it, the last not after.
    assert!(clock.now() >= t0 + 9 * from);
    // Within a walk the time between its steps is the journey's; what is thought after it is nobody's response time.
    assert!(tally.of("j").response.min() >= Some(10_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_stalls_keeps_its_users_and_is_charged_for_it() {
    let (freeze, frozen) = watch::channel(false);
    let server = Server::freezing(frozen).await;
    let pace = Duration::from_millis(20);
    let mut attack = closed(vec![get("j", &server.url)], vec![stage(10, 10, 2300)]);
    model(&mut attack).pacing = pace;
    let (clock, t0) = (attack.clock, attack.t0);
    let stall = async {
        tokio::time::sleep_until(clock.instant(t0 + Duration::from_millis(400)).into()).await;
        freeze.send_replace(true);
        let from = clock.now();
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let to = clock.now();
        freeze.send_replace(false);
        to - from
    };
    let (tally, stall) = tokio::join!(play(attack), stall);
    tally.assert_accounted();
    let sum = tally.of("j");
    // Every user was there all the time and had one walk under way while nothing came: none was dropped, and the walks
    // after those were late by the target's fault.
    assert_eq!((sum.dropped, sum.planned), (0, sum.ok));
    assert_eq!((there(&tally, 0), there(&tally, 1)), (10, 10));
    assert!(
        (10..20 + tally.lag.count()).contains(&sum.late_target),
        "{}",
        sum.late_target
    );
    // Far from what walks take that were not held up, and from the stall itself: a busy machine is slow, too.
    let stalled = u64::try_from((stall / 2).as_micros()).unwrap();
    let long = |hist: &harness_core::hist::Hist| -> u64 {
        let long = hist.buckets().iter().filter(|(us, _)| *us >= stalled);
        long.map(|(_, n)| n).sum()
    };
    // The walk that was under way, and the next, whose time came a pace after that one's begin.
    assert_eq!(long(&sum.service), 10);
    assert_eq!(long(&sum.response), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn iterations_that_nobody_had_time_for_are_told() {
    let (open, gate) = watch::channel(true);
    let server = Server::freezing(gate).await;
    let walks = |iterations| {
        let journeys = vec![get("a", &server.url), get("b", &server.url)];
        let mut attack = iterating(journeys, 4, iterations);
        model(&mut attack).users = vec![stage(4, 4, 1000)];
        attack
    };
    for iterations in [shared(1000), each(250)] {
        let attack = walks(iterations);
        let end = attack
            .clock
            .instant(attack.t0 + Duration::from_millis(1000));
        let release = async {
            tokio::time::sleep_until(end.into()).await;
            open.send_replace(false);
        };
        let (tally, ()) = tokio::join!(play(attack), release);
        open.send_replace(true);
        tally.assert_accounted();
        let (a, b) = (tally.of("a"), tally.of("b"));
        assert_eq!(a.planned + b.planned, 1000);
        assert_eq!((a.started + b.started, a.dropped + b.dropped), (4, 996));
        assert!(a.planned.abs_diff(500) < 80, "{}", a.planned);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_walk_that_failed_the_next_is_intended_when_its_user_is_free() {
    const SORRY: &[u8] = b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n";
    let takes = Duration::from_millis(300);
    let server = Server::start(move |stream, _| async move {
        tokio::time::sleep(takes).await;
        say(stream, SORRY).await
    })
    .await;
    let tally = play(iterating(vec![get("j", &server.url)], 1, each(4))).await;
    tally.assert_accounted();
    let sum = tally.of("j");
    assert_eq!(sum.errors, BTreeMap::from([("status-500".to_owned(), 4)]));
    // Counted from the walk before, each would be twice as long; the lag is what a busy machine may add.
    let (service, response) = (sum.service.max().unwrap(), sum.response.max().unwrap());
    let excuse = tally.lag.max().unwrap() + 100_000;
    assert!(response < service + excuse, "{response} {service} {excuse}");
}

/// Users whose walks wait for nothing must not keep their worker from anything else: its seconds are told, and it hears
/// the word to stop.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn walks_that_never_wait_hold_up_nobody() {
    let journeys = vec![
        get("bad", "http://127.0.0.1:99999/"),
        journey("nothing", vec![]),
    ];
    let mut attack = closed(journeys, vec![stage(2, 2, 3_600_000)]);
    attack.workers = 1;
    let (handle, mut reports) = start(attack);
    let mut tally = Tally::default();
    let first_second = async {
        while tally.of("nothing").ok == 0 || tally.of("bad").errors.is_empty() {
            tally.add(reports.recv().await.unwrap());
        }
    };
    let told = tokio::time::timeout(GENEROUS, first_second).await;
    handle.stop();
    told.expect("nothing was told");
    let rest = Tally::read(&mut reports).await;
    handle.join().await;
    tally.ticks.extend(rest.ticks);
    tally.assert_accounted();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_abandons_what_is_under_way_and_who_waits() {
    let (_freeze, frozen) = watch::channel(true);
    let server = Server::freezing(frozen).await;
    let attack = iterating(vec![get("j", &server.url)], 3, shared(1_000_000_000_000));
    let (handle, mut reports) = start(attack);
    let all_there = async {
        while server.requests.load(Ordering::Relaxed) < 3 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(GENEROUS, all_there).await.unwrap();
    handle.stop();
    let tally = Tally::read(&mut reports).await;
    handle.join().await;
    tally.assert_accounted();
    let sum = tally.of("j");
    assert_eq!((sum.planned, sum.cancelled, sum.dropped), (3, 3, 0));
}
