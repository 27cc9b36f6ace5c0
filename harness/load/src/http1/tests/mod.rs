//! The codec against independent readers: hyper's client and server, over pipes in memory.

mod exchanges;
mod requests;
mod responses;

use std::future::Future;
use std::time::Duration;

/// Runs a test on a thread of its own kind, with an end.
fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let limited = async { tokio::time::timeout(Duration::from_secs(30), test).await };
    tokio::task::LocalSet::new()
        .block_on(&runtime, limited)
        .expect("hung")
}
