//! What a request costs the load engine: plays so many GETs on 64 connections of one worker against a server in a process
//! of its own, and prints the processor time per million. For comparing two builds: `cost [requests] [rate]`; under
//! callgrind, the instructions are what to compare, with a rate that it keeps up with.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a tool for whoever works on the engine: a panic is the report"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nserver: cost\r\ncontent-type: text/plain\r\ncontent-length: 12\r\n\r\nhello, world";

fn main() {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next();
    if first.as_deref() == Some("serve") {
        return serve();
    }
    let requests: f64 = first.map_or(200_000.0, |n| n.parse().expect("a number of requests"));
    let rate: f64 = arguments
        .next()
        .map_or(20_000.0, |n| n.parse().expect("a rate"));
    let mut server = Command::new(std::env::current_exe().unwrap())
        .arg("serve")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    BufReader::new(server.stdout.take().unwrap())
        .read_line(&mut url)
        .unwrap();
    let mut attack = support::attack(
        vec![support::get("j", url.trim())],
        vec![support::rate(rate, rate, (requests / rate * 1000.0) as u64)],
    );
    attack.workers = 1;
    attack.plan.http.connections = 64;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let tally = runtime.block_on(support::play(attack));
    tally.assert_accounted();
    let (sum, cpu) = (tally.of("j"), tally.cpu_seconds);
    println!(
        "{} ok, {:?}; {:.2} CPU-seconds per million",
        sum.ok,
        sum.errors,
        cpu * 1e6 / sum.ok as f64
    );
    // Its end is what the server waits for.
    drop(server.stdin.take());
    server.wait().unwrap();
}

/// Answers every request on every connection, a thread each, until standard input ends.
fn serve() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    println!("http://{}/hello", listener.local_addr().unwrap());
    std::io::stdout().flush().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                stream.set_nodelay(true).unwrap();
                let (mut read, mut end) = ([0; 4096], 0);
                loop {
                    match stream.read(&mut read[end..]) {
                        Ok(count @ 1..) => end += count,
                        _ => return,
                    }
                    if read[..end].ends_with(b"\r\n\r\n") {
                        end = 0;
                        if stream.write_all(ANSWER).is_err() {
                            return;
                        }
                    }
                }
            });
        }
    });
    let _ = std::io::stdin().read(&mut [0]);
}
