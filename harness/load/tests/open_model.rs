//! The schedule is played as planned, whatever the target does: counts, choices, epochs, the freeze formula.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "in a test a panic is the report"
)]

mod support;

use harness_core::hist::Hist;
use harness_core::http::Method;
use harness_core::journey::{Action, Capture, Repeat};
use harness_core::plan::load::{Model, OpenPlan, Spacing, Stream};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use support::server::Server;
use support::{GENEROUS, Tally, attack, get, journey, play, rate, request, start};
use tokio::sync::watch;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_match_the_plan() {
    let server = Server::ok().await;
    let step = |n: u32| {
        Action::Request(Box::new(request(
            Method::Get,
            &format!("{}{n}", server.url),
            GENEROUS,
        )))
    };
    let journeys = vec![
        get("one", &server.url),
        journey(
            "two",
            vec![step(1), Action::Pause(Duration::from_millis(3)), step(2)],
        ),
    ];
    let mut attack = attack(
        journeys,
        vec![
            rate(0.0, 400.0, 500),
            rate(0.0, 0.0, 300),
            rate(300.0, 300.0, 1000),
        ],
    );
    attack.plan.mix[0].weight = 3.0;
    attack.plan.sample = 1.0;
    let tally = play(attack).await;

    tally.assert_accounted();
    let (one, two) = (tally.of("one"), tally.of("two"));
    assert_eq!(one.planned + two.planned, 400);
    assert_eq!((one.ok, two.ok), (one.planned, two.planned));
    assert!(
        one.planned > 2 * two.planned,
        "{} {}",
        one.planned,
        two.planned
    );
    let steps = ["one/step 1", "two/step 1", "two/step 3"].map(|name| tally.of(name).ok);
    assert_eq!(steps, [one.ok, two.ok, two.ok]);
    let requests = steps.iter().sum::<u64>();
    assert_eq!(server.requests.load(Ordering::Relaxed), requests);
    assert_eq!(
        (tally.of("one/step 1").bytes_in, two.bytes_in),
        (2 * one.ok, 4 * two.ok)
    );
    assert!(server.connections.load(Ordering::Relaxed) <= 8);
    assert_eq!((tally.samples, tally.drops), (requests, 0));
    assert!(tally.cpu_seconds > 0.0);
    // The pause is the journey's time, not a request's.
    assert!(two.response.min() >= Some(3000), "{:?}", two.response.min());
}

/// Every pass of a step that is gone back to counts under its name, and the journey once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passes_add_up_under_their_step() {
    let server = Server::ok().await;
    let step = || request(Method::Get, &server.url, GENEROUS);
    let mut last = step();
    last.collect = vec![Capture {
        name: "seen".into(),
        from: "status".parse().unwrap(),
    }];
    last.repeat = Some(Repeat {
        from: 0,
        condition: "count(seen) < 3".parse().unwrap(),
        captures: vec![],
        at_most: 5,
    });
    let all = Action::Check(vec!["count(seen) == 3".parse().unwrap()]);
    let [first, last] = [step(), last].map(|step| Action::Request(Box::new(step)));
    let pages = journey("pages", vec![first, last, all]);
    let tally = play(attack(vec![pages], vec![rate(50.0, 50.0, 1000)])).await;

    tally.assert_accounted();
    let pages = tally.of("pages");
    assert_eq!((pages.planned, pages.ok), (50, 50));
    let steps = ["pages/step 1", "pages/step 2"].map(|name| tally.of(name).ok);
    assert_eq!(steps, [150, 150]);
    assert_eq!(server.requests.load(Ordering::Relaxed), 300);
}

/// 100 arrivals a second for six seconds, in which the server stands still for one and a half; for how long it did.
async fn frozen_for_a_while() -> (Tally, f64) {
    let (freeze, frozen) = watch::channel(false);
    let server = Server::freezing(frozen).await;
    let mut attack = attack(
        vec![get("j", &server.url)],
        vec![rate(PER_SECOND, PER_SECOND, 6000)],
    );
    attack.plan.http.connections = 2;
    let (clock, t0) = (attack.clock, attack.t0);
    let stall = async {
        tokio::time::sleep_until(clock.instant(t0 + Duration::from_secs(2)).into()).await;
        freeze.send_replace(true);
        let from = clock.now();
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let to = clock.now();
        freeze.send_replace(false);
        (to - from).as_secs_f64()
    };
    tokio::join!(play(attack), stall)
}

const PER_SECOND: f64 = 100.0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn response_time_follows_a_freeze_and_service_time_does_not() {
    let seconds = 6.0;
    let (mut tally, mut stall) = frozen_for_a_while().await;
    // What the generator does late itself is told by its wake-ups. Where a busy machine makes many of those late, whose doing
    // the rest was can't be told: again, a few times.
    for _ in 0..4 {
        if above(&tally.lag, LATE_US) as f64 <= stall * PER_SECOND / 6.0 {
            break;
        }
        (tally, stall) = frozen_for_a_while().await;
    }

    tally.assert_accounted();
    let request = tally.of("j/step 1");
    assert_eq!(
        (request.ok, tally.of("j").planned, request.dropped),
        (600, 600, 0)
    );
    // Nobody who came while it stood still was answered before it went on, whatever the machine does meanwhile: what reads
    // lower was measured from later than the intended start. Two arrivals are a hundredth of a second apart.
    let expected = |q: f64| stall - (1.0 - q) * seconds;
    let read = |hist: &Hist, q| hist.quantile(q).unwrap() as f64 / 1e6;
    // A machine that is busy with other things delays both the schedule and the answers; the lag says by how much. No more of
    // it is excused than leaves the two times apart.
    let excuse = (tally.lag.max().unwrap() as f64 / 1e6).min(stall / 3.0);
    for q in [0.95, 0.99, 0.999] {
        let (expected, got) = (expected(q), read(&request.response, q));
        let at_most = expected * 1.05 + excuse;
        assert!(
            (expected * 0.99 - 0.03..=at_most).contains(&got),
            "at {q}: {got} s for {expected} s, lag {excuse} s"
        );
    }
    // Two requests were under way when it froze; for all others the send itself waited.
    let service = read(&request.service, 0.95);
    assert!(service < stall / 5.0 + excuse, "service time {service} s");
    // Who came while it stood still was late, and nobody whose answer came within 5 ms.
    let waited = (stall * PER_SECOND) as u64;
    let late = request.late_target + request.late_generator;
    let slow = above(&request.response, LATE_US);
    assert!(
        (waited - 5..=slow).contains(&late),
        "{late} late, {waited} waited, {slow} slow"
    );
    // Late by its own doing is only who was asked for late, and who came in as long a time after that.
    let own = above(&tally.lag, LATE_US);
    assert!(
        request.late_generator <= 2 * own,
        "{} late by the generator, {own} wake-ups late",
        request.late_generator
    );
}

/// What counts as late, less what a histogram rounds by, in µs.
const LATE_US: u64 = 4_800;

/// Values above one.
fn above(hist: &Hist, limit: u64) -> u64 {
    let above = hist.buckets().iter().filter(|(value, _)| *value > limit);
    above.map(|(_, n)| n).sum()
}

/// Each arrival's lateness is in the lag, on either path; a worker's own hundred looks a second are far fewer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_late_each_arrival_was_is_known() {
    let server = Server::ok().await;
    let step = Action::Request(Box::new(request(Method::Get, &server.url, GENEROUS)));
    let walked = vec![step, Action::Pause(Duration::ZERO)];
    for j in [get("j", &server.url), journey("j", walked)] {
        let tally = play(attack(vec![j], vec![rate(10_000.0, 10_000.0, 200)])).await;
        assert_eq!(tally.of("j").planned, 2000);
        // Two workers' looks make so many in ten seconds.
        let lags = tally.lag.count();
        assert!(lags >= 2000, "{lags}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seed_and_schedule_decide_what_arrives_when() {
    let server = Server::ok().await;
    let plan_of = |seed, workers| {
        let url = server.url.clone();
        async move {
            let mut attack = attack(
                vec![get("a", &url), get("b", &url)],
                vec![rate(100.0, 300.0, 1500)],
            );
            (attack.seed, attack.workers) = (seed, workers);
            let mut planned = BTreeMap::new();
            for tick in play(attack).await.ticks {
                *planned.entry((tick.second, tick.name)).or_insert(0) += tick.planned;
            }
            planned
        }
    };
    let first = plan_of(1, 1).await;
    assert_eq!(first.values().sum::<u64>(), 300);
    assert_eq!(first, plan_of(1, 3).await);
    assert_ne!(first, plan_of(2, 1).await);
}

/// Streams side by side, each with a journey of its own or all of the mix, drawn or even: the engine plays what the
/// schedules say, for any number of workers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_are_played_side_by_side_whatever_the_workers() {
    let server = Server::ok().await;
    let of = |journey: Option<&str>, stage| Stream {
        journey: journey.map(|name| name.parse().unwrap()),
        stages: vec![stage],
    };
    let streams = vec![
        of(Some("a"), rate(0.0, 200.0, 1200)),
        of(None, rate(50.0, 50.0, 1200)),
        of(Some("b"), rate(100.0, 100.0, 1200)),
    ];
    let planned = |spacing, workers| {
        let (url, streams) = (server.url.clone(), streams.clone());
        async move {
            let plan = OpenPlan { spacing, streams };
            let mut attack = attack(vec![get("a", &url), get("b", &url)], vec![]);
            (attack.plan.model, attack.workers) = (Model::Open(plan), workers);
            let tally = play(attack).await;
            tally.assert_accounted();
            let mut planned = BTreeMap::new();
            for tick in &tally.ticks {
                *planned.entry((tick.second, tick.name.clone())).or_insert(0) += tick.planned;
            }
            (planned, tally.of("a").ok, tally.of("b").ok)
        }
    };
    for spacing in [Spacing::Even, Spacing::Poisson] {
        let (one, a, b) = planned(spacing, 1).await;
        assert_eq!((one.clone(), a, b), planned(spacing, 3).await);
        if spacing == Spacing::Even {
            assert_eq!(a + b, 120 + 60 + 120);
        } else {
            // Five standard deviations of a Poisson count with mean 300.
            assert!((a + b).abs_diff(300) < 87 && a + b != 300, "{a} {b}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn samples_carry_the_epoch_of_their_intended_start() {
    let server = Server::ok().await;
    let attack = attack(vec![get("j", &server.url)], vec![rate(200.0, 200.0, 3000)]);
    let (clock, t0, epoch) = (attack.clock, attack.t0, Arc::clone(&attack.epoch));
    let edge = async {
        tokio::time::sleep_until(clock.instant(t0 + Duration::from_millis(1500)).into()).await;
        let before = clock.now() - t0;
        epoch.store(1, Ordering::Release);
        (before.as_secs_f64(), (clock.now() - t0).as_secs_f64())
    };
    let (tally, (before, after)) = tokio::join!(play(attack), edge);

    tally.assert_accounted();
    let lag = tally.lag.max().unwrap() as f64 / 1e6;
    for tick in &tally.ticks {
        let second = f64::from(tick.second);
        let expected = if second >= after {
            1..=1
        } else if second + 1.0 + lag <= before {
            0..=0
        } else {
            0..=1
        };
        assert!(
            expected.contains(&tick.epoch),
            "second {second}, epoch {}, edge at {before}",
            tick.epoch
        );
    }
    let in_epoch = |e| {
        tally
            .ticks
            .iter()
            .filter(|t| t.epoch == e)
            .map(|t| t.planned)
            .sum::<u64>()
    };
    assert_eq!(in_epoch(0) + in_epoch(1), 600);
    assert!(
        (in_epoch(0) as f64 - before * 200.0).abs() <= 2.0 + (lag + after - before) * 200.0,
        "{}",
        in_epoch(0)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arrivals_beyond_the_bound_are_dropped_and_counted() {
    let (_freeze, frozen) = watch::channel(true);
    let server = Server::freezing(frozen).await;
    let attack = attack(
        vec![get("j", &server.url)],
        vec![rate(80_000.0, 80_000.0, 1000)],
    );
    let (handle, mut reports) = start(attack);
    let mut tally = support::Tally::default();
    let all_played = async {
        while tally.of("j").planned < 80_000 {
            tally.add(reports.recv().await.unwrap());
        }
    };
    tokio::time::timeout(GENEROUS, all_played)
        .await
        .expect("the schedule was not played");
    handle.stop();
    let rest = support::Tally::read(&mut reports).await;
    handle.join().await;
    tally.ticks.extend(rest.ticks);

    tally.assert_accounted();
    let sum = tally.of("j");
    assert_eq!(
        (sum.planned, sum.started, sum.dropped, sum.cancelled),
        (80_000, 50_000, 30_000, 50_000)
    );
}
