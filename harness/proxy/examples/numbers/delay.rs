//! How exact a latency toxic is: a hundred clients on one thread that ask as soon as they are answered, so that a delay of
//! 100 ms makes 1000 requests a second. Told is what a round trip takes beyond the delay, and without the toxic.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use harness_proxy::{Stream, Toxic, ToxicKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{echo, on_a_thread, proxy, runtime};

/// What each round trip took, µs, by a hundred clients until the time is over.
fn trips(to: SocketAddr, clients: usize, time: Duration) -> Vec<u128> {
    runtime().block_on(async {
        let end = Instant::now() + time;
        let one = |index: u32| async move {
            let mut stream = TcpStream::connect(to).await.unwrap();
            stream.set_nodelay(true).unwrap();
            // Not all at once.
            tokio::time::sleep(Duration::from_millis(1) * index).await;
            let (mut took, mut back) = (Vec::new(), [0; 12]);
            while Instant::now() < end {
                let start = Instant::now();
                stream.write_all(b"twelve bytes").await.unwrap();
                stream.read_exact(&mut back).await.unwrap();
                took.push((Instant::now() - start).as_micros());
            }
            took
        };
        let all: Vec<_> = (0..clients as u32).map(|i| tokio::spawn(one(i))).collect();
        let mut took = Vec::new();
        for task in all {
            took.extend(task.await.unwrap());
        }
        took
    })
}

fn show(what: &str, mut micros: Vec<u128>, less: u128, time: Duration) {
    micros.sort_unstable();
    let at = |share: f64| micros[((micros.len() - 1) as f64 * share) as usize].saturating_sub(less);
    let rate = micros.len() as f64 / time.as_secs_f64();
    println!(
        "| {what} | {rate:.0} | {} | {} | {} | {} |",
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0)
    );
}

pub(crate) fn run(delay: u64, seconds: u64) {
    let time = Duration::from_secs(seconds);
    let proxy = proxy(on_a_thread(echo));
    println!(
        "| µs beyond the delay | round trips/s | p50 | p99 | p99.9 | max |\n|---|---|---|---|---|---|"
    );
    let to = proxy.local_addr();
    show("no toxic, one client", trips(to, 1, time / 4), 0, time / 4);
    let kind = ToxicKind::Latency {
        latency: delay,
        jitter: 0,
    };
    proxy
        .add_toxic(Toxic::new(kind, Stream::Downstream))
        .unwrap();
    let (took, least) = (trips(to, 100, time), u128::from(delay) * 1_000);
    let early = took.iter().filter(|took| **took < least).count();
    show(&format!("{delay} ms, 100 clients"), took, least, time);
    println!("\nearlier than the delay: {early}");
}
