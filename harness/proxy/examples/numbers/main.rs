//! The proxy's own figures, for docs/benchmarks/proxy-numbers.sh: `numbers delay [MS] [SECONDS]`, `numbers rate [SECONDS]`,
//! `numbers churn [CONNECTIONS] [PROXIES] [CHANGES_PER_SECOND] [SECONDS]` and `numbers watched [ROUNDS] [SECONDS]`. Each prints a table. The proxy runs embedded, on a
//! thread of its own, as a suite's run has it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a panic is the end of a measurement"
)]

mod churn;
mod delay;
mod rate;
mod watched;

use std::net::SocketAddr;
use std::sync::mpsc;

use harness_proxy::{Proxy, ProxyConfig, ProxyName};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Starts `make` on a thread of its own, whose runtime then goes on, and answers what it made.
fn on_a_thread<T: Send + 'static>(make: impl AsyncFnOnce() -> T + Send + 'static) -> T {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        runtime().block_on(async {
            tell.send(make().await).unwrap();
            std::future::pending::<()>().await;
        });
    });
    told.recv().unwrap()
}

/// A server that sends everything back.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            tokio::spawn(async move {
                let (mut reader, mut writer) = stream.split();
                let _ = tokio::io::copy(&mut reader, &mut writer).await;
            });
        }
    });
    address
}

fn proxy(upstream: SocketAddr) -> Proxy {
    on_a_thread(async move || {
        let name = ProxyName::new("numbers").unwrap();
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        Proxy::bind(ProxyConfig::new(name, listen, Some(upstream.into()), 1)).unwrap()
    })
}

fn main() {
    let mut words = std::env::args().skip(1);
    let what = words.next().unwrap_or_default();
    let numbers: Vec<u64> = words.map(|word| word.parse().expect("a number")).collect();
    let number = |index: usize, default| numbers.get(index).copied().unwrap_or(default);
    match what.as_str() {
        "delay" => delay::run(number(0, 100), number(1, 10)),
        "rate" => rate::run(number(0, 5)),
        "churn" => churn::run(
            number(0, 4_000) as usize,
            number(1, 100) as usize,
            number(2, 1_000),
            number(3, 20),
        ),
        "watched" => watched::run(number(0, 10), number(1, 2)),
        _ => println!("numbers delay | rate | churn | watched"),
    }
}
