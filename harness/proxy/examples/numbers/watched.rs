//! What reading a link's bytes as HTTP/1.1 costs: requests a second through proxies that do not, that watch, that have a toxic on
//! requests which is for none of them, and both; in turn, so that what else the machine does meets all alike.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use harness_proxy::{
    HttpAction, HttpRequests, HttpToxic, Proxy, ProxyConfig, ProxyName, Stream, Toxic, ToxicKind,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;

use crate::on_a_thread;

const CLIENTS: u64 = 32;
const REQUEST: &[u8] =
    b"GET /payments/7 HTTP/1.1\r\nhost: provider\r\naccept: */*\r\nuser-agent: numbers\r\n\r\n";
const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 12\r\n\r\nhello world\n";

/// A server that answers whatever comes: its clients send one request at a time.
async fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            tokio::spawn(async move {
                let mut room = [0; 4 << 10];
                while stream.read(&mut room).await.is_ok_and(|read| read > 0) {
                    if stream.write_all(ANSWER).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// Asks one after another until the time is over; how often.
async fn ask(to: SocketAddr, until: Instant) -> u64 {
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut room, mut many) = (vec![0; ANSWER.len()], 0);
    while Instant::now() < until {
        stream.write_all(REQUEST).await.unwrap();
        stream.read_exact(&mut room).await.unwrap();
        assert_eq!(room, ANSWER);
        many += 1;
    }
    many
}

/// Processor time of the thread that this runs on.
fn thread_cpu() -> Duration {
    #[cfg(target_os = "linux")]
    return rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime)
        .try_into()
        .unwrap();
    #[cfg(not(target_os = "linux"))]
    Duration::ZERO
}

/// The processor time of a runtime's thread.
fn cpu_of(runtime: &Handle) -> Duration {
    let (tell, told) = mpsc::channel();
    runtime.spawn(async move { tell.send(thread_cpu()) });
    told.recv().unwrap()
}

/// Requests a second through a proxy, and its processor seconds for a million of them.
fn through(upstream: SocketAddr, watched: bool, toxic: bool, time: Duration) -> (f64, f64) {
    let (proxy, runtime) = on_a_thread(async move || {
        let (name, listen) = (
            ProxyName::new("numbers").unwrap(),
            ([127, 0, 0, 1], 0).into(),
        );
        let config = ProxyConfig::new(name, listen, Some(upstream.into()), 1);
        let nobodys = HttpToxic {
            requests: HttpRequests {
                method: Some("POST".to_owned()),
                path: Some("/payments/{id}".to_owned()),
                ..HttpRequests::default()
            },
            action: HttpAction::Drop,
        };
        let toxic = toxic.then(|| Toxic::new(ToxicKind::Http(nobodys), Stream::Downstream));
        let proxy = Proxy::bind(ProxyConfig {
            watch_http: watched,
            toxics: toxic.into_iter().collect(),
            ..config
        });
        (proxy.unwrap(), Handle::current())
    });
    let to = proxy.local_addr();
    let before = cpu_of(&runtime);
    let many = on_a_thread(async move || {
        let until = Instant::now() + time;
        let clients: Vec<_> = (0..CLIENTS).map(|_| tokio::spawn(ask(to, until))).collect();
        let mut many = 0;
        for client in clients {
            many += client.await.unwrap();
        }
        many
    });
    let cpu = (cpu_of(&runtime) - before).as_secs_f64();
    let seen = proxy.stats().http.map_or(many, |http| http.requests);
    assert_eq!(seen, many, "what was watched is what was asked");
    (many as f64 / time.as_secs_f64(), cpu * 1e6 / many as f64)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

pub(crate) fn run(rounds: u64, seconds: u64) {
    let upstream = on_a_thread(server);
    let kinds = [
        ("neither", false, false),
        ("watched", true, false),
        ("an `http` toxic for nobody", false, true),
        ("both", true, true),
    ];
    let mut all = [const { Vec::new() }; 4];
    for round in 0..rounds as usize {
        for turn in 0..kinds.len() {
            let index = (round + turn) % kinds.len();
            let (_, watched, toxic) = kinds[index];
            let time = Duration::from_secs(seconds);
            all[index].push(through(upstream, watched, toxic, time));
        }
    }
    println!(
        "| bytes read as HTTP/1.1 | requests/s | against neither | processor seconds of the proxy per million |"
    );
    println!("|---|---|---|---|");
    for ((name, ..), figures) in kinds.iter().zip(&all) {
        let rates = figures.iter().map(|(rate, _)| *rate).collect();
        let shares = figures
            .iter()
            .zip(&all[0])
            .map(|(one, plain)| one.0 / plain.0);
        let cpu = figures.iter().map(|(_, cpu)| *cpu).collect();
        let (rate, share) = (median(rates), median(shares.collect()));
        println!("| {name} | {rate:.0} | {share:.3} | {:.1} |", median(cpu));
    }
}
