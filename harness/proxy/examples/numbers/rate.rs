//! How well a bandwidth toxic holds its rate: a sender that is always faster, and what the receiver has got in each second that
//! begins with one of its reads, against what the rate gives.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use harness_proxy::{Stream, Toxic, ToxicKind};

use crate::proxy;

/// A server that takes a connection and sends all it can.
fn flood() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            std::thread::spawn(move || while stream.write_all(&[7; 64 << 10]).is_ok() {});
        }
    });
    address
}

/// Reads for so long; when, and how much there was by then.
fn read(to: SocketAddr, time: Duration) -> Vec<(Instant, usize)> {
    let mut stream = TcpStream::connect(to).unwrap();
    let (mut room, mut all, mut sum) = (vec![0; 1 << 20], Vec::new(), 0);
    // Until the line has filled the sockets behind it, what comes first says nothing.
    let begin = Instant::now() + Duration::from_millis(500);
    loop {
        sum += stream.read(&mut room).unwrap();
        let now = Instant::now();
        if now >= begin {
            all.push((now, sum));
        }
        if now >= begin + time {
            return all;
        }
    }
}

/// The worst seconds, as shares of the rate.
fn worst(reads: &[(Instant, usize)], rate: f64) -> (f64, f64) {
    let (mut least, mut most, mut end) = (f64::MAX, 0.0_f64, 0);
    for (index, (start, before)) in reads.iter().enumerate() {
        while end < reads.len() && reads[end].0 < *start + Duration::from_secs(1) {
            end += 1;
        }
        if end == reads.len() {
            break;
        }
        // What this read brought came before its second; what the last one within it brought is in it.
        let got = (reads[end - 1].1 - before) as f64 / rate;
        let with_next = (reads[end].1 - before) as f64 / rate;
        least = least.min(with_next);
        most = most.max(got);
        assert!(end > index);
    }
    (least, most)
}

pub(crate) fn run(seconds: u64) {
    println!("| KB/s | least of any second | most of any second |\n|---|---|---|");
    let proxy = proxy(flood());
    for rate in [10_u64, 100, 1_000, 10_000, 100_000] {
        let kind = ToxicKind::Bandwidth { rate };
        proxy
            .add_toxic(Toxic::new(kind, Stream::Downstream))
            .unwrap();
        let reads = read(proxy.local_addr(), Duration::from_secs(seconds));
        let (least, most) = worst(&reads, rate as f64 * 1_000.0);
        println!(
            "| {rate} | {:+.2} % | {:+.2} % |",
            (least - 1.0) * 100.0,
            (most - 1.0) * 100.0
        );
        proxy.clear_toxics();
    }
}
