//! Many connections, many proxies, and toxics that change all the time through the API: how soon the API answers, whether the
//! connections still work, and what is left when all is over. Everything is in this process, so it needs four descriptors for a
//! connection.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use harness_proxy::{Api, ApiConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::{echo, on_a_thread, runtime};

/// A connection to the API that stays.
struct Client(TcpStream);

impl Client {
    async fn ask(&mut self, method: &str, path: &str, body: &str) -> (u16, String) {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        self.0.write_all(request.as_bytes()).await.unwrap();
        let (mut all, mut room) = (Vec::new(), vec![0; 16 << 10]);
        loop {
            let read = self.0.read(&mut room).await.unwrap();
            assert!(read > 0, "the API hung up");
            all.extend_from_slice(&room[..read]);
            let text = String::from_utf8_lossy(&all);
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let lower = head.to_lowercase();
                let length = lower.split_once("content-length: ").map_or(0, |(_, rest)| {
                    rest.split("\r\n").next().unwrap().parse().unwrap()
                });
                if body.len() >= length {
                    return (head[9..12].parse().unwrap(), body.to_owned());
                }
            }
        }
    }
}

/// How many descriptors this process has open.
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// The `n`th change: each toxic is added, updated and removed in turn.
fn change(n: u64, proxies: usize) -> (&'static str, String, String) {
    let (proxy, kind) = ((n / 3) as usize % proxies, (n / 3 / proxies as u64) % 3);
    let (name, attributes) = [
        ("latency", r#"{"latency":2,"jitter":1}"#),
        ("bandwidth", r#"{"rate":10000}"#),
        ("slicer", r#"{"average_size":6,"delay":10}"#),
    ][kind as usize];
    let all = format!("/proxies/p{proxy}/toxics");
    match n % 3 {
        0 => (
            "POST",
            all,
            format!(r#"{{"name":"t","type":"{name}","attributes":{attributes}}}"#),
        ),
        1 => (
            "PATCH",
            format!("{all}/t"),
            r#"{"toxicity":0.5}"#.to_owned(),
        ),
        _ => ("DELETE", format!("{all}/t"), String::new()),
    }
}

/// Round trips until told to stop; how many.
async fn talk(to: SocketAddr, stop: CancellationToken) -> u64 {
    let mut stream = TcpStream::connect(to).await.unwrap();
    let (mut trips, mut back) = (0, [0; 12]);
    while !stop.is_cancelled() {
        stream.write_all(b"twelve bytes").await.unwrap();
        stream.read_exact(&mut back).await.unwrap();
        assert_eq!(&back, b"twelve bytes");
        trips += 1;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    trips
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < end, "{what} did not happen");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) fn run(connections: usize, proxies: usize, rate: u64, seconds: u64) {
    let upstream = on_a_thread(echo);
    let links = on_a_thread(async || Handle::current());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let to = listener.local_addr().unwrap();
    let link_tasks = links.metrics();
    on_a_thread(async move || {
        let api = Api::new(ApiConfig::default(), links);
        let listener = TcpListener::from_std(listener).unwrap();
        tokio::spawn(async move { api.serve(listener, CancellationToken::new()).await });
    });
    runtime().block_on(async {
        let (tasks, files) = (link_tasks.num_alive_tasks(), descriptors());
        let mut client = Client(TcpStream::connect(to).await.unwrap());
        let mut listens: Vec<SocketAddr> = Vec::new();
        for proxy in 0..proxies {
            let body = format!(r#"{{"name":"p{proxy}","listen":"127.0.0.1:0","upstream":"{upstream}"}}"#);
            let (status, made) = client.ask("POST", "/proxies", &body).await;
            assert_eq!(status, 201, "{made}");
            let listen = made.split_once(r#""listen":""#).unwrap().1;
            listens.push(listen.split('"').next().unwrap().parse().unwrap());
        }
        let stop = CancellationToken::new();
        let talking: Vec<_> = (0..connections)
            .map(|n| tokio::spawn(talk(listens[n % proxies], stop.clone())))
            .collect();
        until("the connections", || link_tasks.num_alive_tasks() >= tasks + connections + proxies).await;

        let (mut took, start) = (Vec::new(), Instant::now());
        for n in 0..rate * seconds {
            let due = start + Duration::from_secs_f64(n as f64 / rate as f64);
            tokio::time::sleep_until(due.into()).await;
            let (method, path, body) = change(n, proxies);
            let asked = Instant::now();
            let (status, said) = client.ask(method, &path, &body).await;
            took.push((Instant::now() - asked).as_micros());
            assert!(status < 300, "{method} {path}: {said}");
        }
        let lasted = (Instant::now() - start).as_secs_f64();
        stop.cancel();
        let mut trips = 0;
        for talk in talking {
            trips += tokio::time::timeout(Duration::from_secs(30), talk).await.expect("no hang").unwrap();
        }
        for proxy in 0..proxies {
            let (status, _) = client.ask("DELETE", &format!("/proxies/p{proxy}"), "").await;
            assert_eq!(status, 204);
        }
        drop(client);
        until("the links' end", || link_tasks.num_alive_tasks() <= tasks).await;
        until("the sockets' end", || descriptors() <= files).await;
        took.sort_unstable();
        let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize] as f64 / 1e3;
        println!("| connections | proxies | changes/s | API p50 ms | p99 | max | round trips | left: tasks, descriptors |");
        println!("|---|---|---|---|---|---|---|---|");
        println!(
            "| {connections} | {proxies} | {:.0} | {:.2} | {:.2} | {:.2} | {trips} | {}, {} |",
            took.len() as f64 / lasted, at(0.5), at(0.99), at(1.0),
            link_tasks.num_alive_tasks().saturating_sub(tasks), descriptors().saturating_sub(files)
        );
    });
}
