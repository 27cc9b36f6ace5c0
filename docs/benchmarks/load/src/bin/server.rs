//! The server that every tool is held against: HTTP/1.1 with keep-alive on one thread, answers made beforehand, nothing
//! parsed but where a request ends. It counts requests, and with a rate given it notes when each arrived.
//!     server PORT
//! `/` answers 12 bytes, `/order…` a JSON document. `/count` answers the requests since the last `/reset`;
//! `/arrivals?RATE` what their times say about a generator that should keep that rate.
use rustix::event::epoll;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use rustix::thread::ClockId;
use rustix::time::clock_gettime;
use std::collections::HashMap;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;

const SMALL: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 12\r\n\r\nhello world\n";
const ORDER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 67\r\n\r\n{\"id\":\"o-4711\",\"state\":\"open\",\"total\":12.5,\"items\":[{\"sku\":\"S-1\"}]}";
const LISTENER: u64 = u64::MAX;

struct Connection {
    stream: TcpStream,
    /// What has come of a request that is not whole yet.
    partial: Vec<u8>,
}

#[derive(Default)]
struct Seen {
    /// Arrival times in nanoseconds, as many as fit into what was reserved.
    at: Vec<u64>,
    count: u64,
}

fn main() {
    let port: u16 = std::env::args().nth(1).map_or(0, |port| port.parse().expect("a port"));
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("a free port");
    listener.set_nonblocking(true).expect("a socket");
    println!("{}", listener.local_addr().expect("an address").port());
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC).expect("epoll");
    epoll::add(&poll, &listener, epoll::EventData::new_u64(LISTENER), epoll::EventFlags::IN).expect("epoll");
    let mut connections: HashMap<u64, Connection> = HashMap::new();
    let mut events: Vec<epoll::Event> = Vec::with_capacity(1024);
    let mut seen = Seen { at: Vec::with_capacity(4_000_000), count: 0 };
    let mut next = 0;
    loop {
        events.clear();
        match epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), None) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(error) => panic!("{error}"),
        }
        for event in &events {
            let token = event.data.u64();
            if token == LISTENER {
                while let Ok((stream, _)) = listener.accept() {
                    stream.set_nonblocking(true).and_then(|()| stream.set_nodelay(true)).expect("a socket");
                    epoll::add(&poll, stream.as_fd(), epoll::EventData::new_u64(next), epoll::EventFlags::IN).expect("epoll");
                    connections.insert(next, Connection { stream, partial: Vec::new() });
                    next += 1;
                }
            } else if let Some(connection) = connections.get_mut(&token)
                && !serve(connection, &mut seen)
            {
                connections.remove(&token);
            }
        }
    }
}

/// Answers what has come; false when the connection has ended.
fn serve(connection: &mut Connection, seen: &mut Seen) -> bool {
    let mut buffer = [0u8; 16 << 10];
    let read = match recv(&connection.stream, &mut buffer[..], RecvFlags::empty()) {
        Ok((0, _)) => return false,
        Ok((read, _)) => read,
        Err(Errno::AGAIN) => return true,
        Err(_) => return false,
    };
    let fresh = &buffer[..read];
    if connection.partial.is_empty() && fresh.ends_with(b"\r\n\r\n") && !fresh[..read - 4].windows(4).any(|w| w == b"\r\n\r\n") {
        return answer(&connection.stream, fresh, seen);
    }
    connection.partial.extend_from_slice(fresh);
    while let Some(at) = connection.partial.windows(4).position(|w| w == b"\r\n\r\n") {
        let request: Vec<u8> = connection.partial.drain(..at + 4).collect();
        if !answer(&connection.stream, &request, seen) {
            return false;
        }
    }
    true
}

fn answer(stream: &TcpStream, request: &[u8], seen: &mut Seen) -> bool {
    let path = request.split(|byte| *byte == b' ').nth(1).unwrap_or(b"/");
    if path.starts_with(b"/order") || path == b"/" {
        seen.count += 1;
        if seen.at.len() < seen.at.capacity() {
            let now = clock_gettime(ClockId::Monotonic);
            seen.at.push(now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64);
        }
        let text = if path.len() > 1 { ORDER } else { SMALL };
        return send(stream, text, SendFlags::NOSIGNAL) == Ok(text.len());
    }
    let said = match path {
        b"/count" => seen.count.to_string(),
        b"/reset" => {
            (seen.count, _) = (0, seen.at.clear());
            "0".to_owned()
        }
        _ => {
            let rate = path.strip_prefix(b"/arrivals?").and_then(|rate| std::str::from_utf8(rate).ok()?.parse().ok());
            rate.map_or_else(String::new, |rate| arrivals(&seen.at, rate))
        }
    };
    let whole = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{said}", said.len());
    send(stream, whole.as_bytes(), SendFlags::NOSIGNAL).is_ok()
}

/// Error of the gap at p50 and p99 in µs, share of the 10 ms buckets that are more than 5 % off, mean rate. The first and
/// the last second are left out: connections open in the one and close in the other.
fn arrivals(at: &[u64], rate: f64) -> String {
    let (Some(first), Some(last)) = (at.first(), at.last()) else { return "nothing".to_owned() };
    let (from, to) = (first + 1_000_000_000, last.saturating_sub(1_000_000_000));
    let at: Vec<u64> = at.iter().copied().filter(|at| (from..to).contains(at)).collect();
    if at.len() < 1000 {
        return "too few".to_owned();
    }
    let mut errors: Vec<f64> = at.windows(2).map(|pair| ((pair[1] - pair[0]) as f64 - 1e9 / rate).abs() / 1e3).collect();
    errors.sort_unstable_by(f64::total_cmp);
    let quantile = |q: f64| errors[((errors.len() - 1) as f64 * q) as usize];
    const BUCKET: u64 = 10_000_000;
    let mut buckets = vec![0u32; ((to - from) / BUCKET) as usize];
    for at in &at {
        if let Some(bucket) = buckets.get_mut(((at - from) / BUCKET) as usize) {
            *bucket += 1;
        }
    }
    let expected = rate * BUCKET as f64 / 1e9;
    let bad = buckets.iter().filter(|n| (f64::from(**n) - expected).abs() > expected * 0.05).count();
    let mean = (at.len() - 1) as f64 / ((at[at.len() - 1] - at[0]) as f64 / 1e9);
    format!("{{\"p50_us\":{:.1},\"p99_us\":{:.1},\"bad\":{:.4},\"mean\":{mean:.3}}}", quantile(0.5), quantile(0.99), bad as f64 / buckets.len() as f64)
}
