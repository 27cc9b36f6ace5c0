//! The floor of an open model: a timer with absolute times, a send, a look at what has come. Measures nothing.
//!     paced ADDRESS RATE SECONDS [CONNECTIONS]
use rustix::net::{RecvFlags, SendFlags, recv, send};
use rustix::thread::{ClockId, Timespec, clock_nanosleep_absolute, set_current_timer_slack};
use rustix::time::clock_gettime;
use std::net::TcpStream;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n";

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |at: usize, or: u64| arguments.get(at).map_or(or, |text| text.parse().expect("a number"));
    let (rate, seconds, many) = (number(2, 20_000), number(3, 10), number(4, 64));
    let connect = |_| TcpStream::connect(&arguments[1]).expect("a server");
    let connections: Vec<TcpStream> = (0..many).map(connect).collect();
    connections.iter().for_each(|c| c.set_nodelay(true).expect("a TCP socket"));
    // Else the kernel may wake it 50 µs late, a whole gap at 20 000/s, and it would send two at a time.
    set_current_timer_slack(std::num::NonZeroU64::new(1)).expect("Linux");
    let begun = clock_gettime(ClockId::Monotonic);
    let mut dustbin = [0u8; 4096];
    for number in 0..rate * seconds {
        let at = begun.tv_nsec as u64 + number * 1_000_000_000 / rate;
        let at = Timespec { tv_sec: begun.tv_sec + (at / 1_000_000_000) as i64, tv_nsec: (at % 1_000_000_000) as i64 };
        clock_nanosleep_absolute(ClockId::Monotonic, &at).expect("a clock");
        let connection = &connections[(number % many) as usize];
        let _ = recv(connection, &mut dustbin[..], RecvFlags::DONTWAIT);
        send(connection, REQUEST, SendFlags::empty()).expect("a connection");
    }
}
