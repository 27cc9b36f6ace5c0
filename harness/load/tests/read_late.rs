//! Response times are true however late answers are read: they are held against the times of the server itself.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "in a test a panic is the report"
)]
#![cfg(target_os = "linux")]

mod support;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use support::{attack, get, play, rate};

/// One request as the server saw it.
#[derive(Debug, Clone, Copy)]
struct Seen {
    read: Instant,
    /// Just before it was answered, and just after.
    before: Instant,
    after: Instant,
}

/// Answers each request after a while, in a thread of its own for each connection.
fn server(delay: Duration) -> (String, Arc<Mutex<Vec<Seen>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
    let all = Arc::clone(&seen);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let all = Arc::clone(&all);
            std::thread::spawn(move || serve(stream, delay, &all));
        }
    });
    (url, seen)
}

fn serve(mut stream: TcpStream, delay: Duration, all: &Mutex<Vec<Seen>>) {
    stream.set_nodelay(true).unwrap();
    let mut head = [0; 4096];
    // A small request comes in one piece.
    while let Ok(1..) = stream.read(&mut head) {
        let read = Instant::now();
        while Instant::now() < read + delay {
            std::hint::spin_loop();
        }
        let before = Instant::now();
        stream.write_all(support::server::OK).unwrap();
        let after = Instant::now();
        all.lock().unwrap().push(Seen {
            read,
            before,
            after,
        });
    }
}

/// Plays a load, and again so much of it a second later, when stamps are surely made. Of that half, how long each response
/// took on average, µs: at least and at most by the server's times, and as it was measured.
async fn played(per_second: f64, delay: Duration) -> (f64, f64, f64) {
    let (url, seen) = server(delay);
    let half = rate(per_second, per_second, 500);
    let pause = rate(0.0, 0.0, 500);
    let mut attack = attack(vec![get("j", &url)], vec![half, pause, half]);
    attack.workers = 1;
    let (clock, second) = (attack.clock, attack.t0 + Duration::from_secs(1));
    let mut tally = play(attack).await;
    tally.assert_accounted();
    let all = tally.of("j").ok;
    tally.ticks.retain(|tick| tick.second >= 1);
    let later = tally.of("j");
    assert_eq!((later.ok, later.planned), (all / 2, all / 2));

    // The last answer may be here before the server has noted that it is gone.
    let mut seen = loop {
        let seen = seen.lock().unwrap().clone();
        if seen.len() as u64 == all {
            break seen;
        }
        tokio::task::yield_now().await;
    };
    seen.sort_by_key(|one| one.read);
    let seen = &seen[seen.len() - later.ok as usize..];
    let count = later.ok as f64;
    // Arrivals stand in the middle of their gaps.
    let intended = (0..later.ok).map(|n| second.as_secs_f64() + (n as f64 + 0.5) / per_second);
    let intended = intended.sum::<f64>() / count;
    let mean = |of: fn(&Seen) -> Instant| {
        let times = seen.iter().map(|one| clock.at(of(one)).as_secs_f64());
        (times.sum::<f64>() / count - intended) * 1e6
    };
    (
        mean(|one| one.before),
        mean(|one| one.after),
        later.response.mean().unwrap(),
    )
}

/// The kernel stamps an answer while the server writes it, so it must lie between the server's two looks at the clock,
/// whatever the machine does; but for what the figures are rounded by.
fn assert_between((least, most, measured): (f64, f64, f64)) {
    let rounding = 1.0 + measured * 0.002;
    assert!(
        least - rounding <= measured && measured <= most + rounding,
        "{least} {measured} {most}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_lies_until_the_next_request_came_when_it_came() {
    assert_between(played(4000.0, Duration::from_micros(60)).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_it_did_with_several_under_way() {
    assert_between(played(4000.0, Duration::from_micros(600)).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_waited_for_came_when_it_came() {
    assert_between(played(400.0, Duration::from_micros(60)).await);
}
