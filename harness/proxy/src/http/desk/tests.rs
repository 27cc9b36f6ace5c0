//! The desk between a client and a service that the test plays: delays, ends and waits here; whose answer comes, which
//! requests a toxic is for, and whole streams beside.

mod answers;
mod chosen;
mod streams;

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::dice::test_key;
use crate::toxic::{Stream, Toxic, ToxicKind};
use crate::toxics::rig::{armed, ms, test_entry};

struct Bench {
    desk: Desk,
    toxics: Vec<Armed>,
    now: Instant,
    /// What has reached the service, and the client.
    up: Vec<u8>,
    down: Vec<u8>,
    /// What the desk did not take yet.
    from_client: Vec<u8>,
    from_service: Vec<u8>,
    wake: Option<Instant>,
}

fn http(attributes: Value) -> ToxicKind {
    ToxicKind::from_parts("http", attributes.as_object().unwrap().clone()).unwrap()
}

impl Bench {
    fn new(toxics: &[Value]) -> Self {
        let toxics = toxics.iter().zip(1..);
        Self::armed(
            0,
            toxics
                .map(|(toxic, id)| armed(id, http(toxic.clone()), 1.0))
                .collect(),
        )
    }

    fn armed(connection: u64, toxics: Vec<Armed>) -> Self {
        let mut bench = Self {
            desk: Desk::new(test_key(connection), test_entry()),
            toxics,
            now: Instant::now(),
            up: Vec::new(),
            down: Vec::new(),
            from_client: Vec::new(),
            from_service: Vec::new(),
            wake: None,
        };
        bench.desk.apply(&bench.toxics);
        bench
    }

    fn client(&mut self, bytes: &[u8]) -> &mut Self {
        self.from_client.extend_from_slice(bytes);
        self.pump()
    }

    fn service(&mut self, bytes: &[u8]) -> &mut Self {
        self.from_service.extend_from_slice(bytes);
        self.pump()
    }

    fn pump(&mut self) -> &mut Self {
        loop {
            self.wake = self.desk.advance(self.now);
            self.up.append(&mut self.desk.to_service);
            self.down.append(&mut self.desk.to_client);
            let mut taken = 0;
            if !self.from_client.is_empty() {
                taken = self.desk.client(&self.from_client, self.now);
                self.from_client.drain(..taken);
            }
            if self.desk.wants_service() && !self.from_service.is_empty() {
                let more = self.desk.service(&self.from_service, self.now);
                self.from_service.drain(..more);
                taken += more;
            }
            let fresh = self.desk.to_client.is_empty() && self.desk.to_service.is_empty();
            if taken == 0
                && fresh
                && self.wake == self.desk.advance(self.now)
                && self.desk.to_client.is_empty()
            {
                return self;
            }
        }
    }

    fn wait(&mut self, time: u64) -> &mut Self {
        let until = self.now + ms(time);
        while let Some(wake) = self.wake.filter(|wake| *wake <= until) {
            self.now = wake;
            self.pump();
        }
        self.now = until;
        self.pump()
    }

    fn remove(&mut self, index: usize) -> &mut Self {
        self.toxics.remove(index);
        self.desk.apply(&self.toxics);
        self.pump()
    }

    fn down(&self) -> String {
        String::from_utf8_lossy(&self.down).into_owned()
    }

    /// How often the toxics did something.
    fn hits(&self) -> Vec<u64> {
        let hits = self.toxics.iter();
        hits.map(|armed| {
            armed
                .hits
                .snapshot(&armed.toxic.name, armed.toxic.stream)
                .chunks
        })
        .collect()
    }
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nx-a: 1\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";

#[test]
fn a_delay_holds_the_answer_and_what_is_behind_it() {
    let mut bench = Bench::new(&[json!({"delay": 30, "method": "POST"}), json!({"delay": 12})]);
    bench
        .client(b"POST / HTTP/1.1\r\ncontent-length: 1\r\n\r\nx")
        .client(GET);
    assert!(bench.up.ends_with(GET), "requests are not held");
    bench.wait(5).service(OK).service(OK).wait(41);
    assert_eq!(bench.down, b"");
    bench.wait(1);
    assert_eq!(bench.down, OK, "both delays, from when the answer came");
    bench.wait(12);
    assert_eq!(
        bench.down,
        [OK, OK].concat(),
        "the next is held from when it is its turn"
    );
    assert_eq!(bench.hits(), [1, 2]);
}

#[test]
fn a_delay_that_goes_or_shrinks_lets_the_answer_go() {
    let mut bench = Bench::new(&[json!({"delay": 1_000}), json!({"delay": 20})]);
    bench.client(GET).service(OK).wait(10);
    bench.remove(0).wait(9);
    assert_eq!(bench.down, b"");
    bench.wait(1);
    assert_eq!(bench.down, OK);
    bench.client(GET).service(OK);
    bench.remove(0);
    assert_eq!(bench.down, [OK, OK].concat());
    assert!(bench.desk.is_idle(), "nothing is read any more");
}

#[test]
fn a_delay_that_ramps_is_for_each_answer_what_it_was_when_that_came() {
    for (from, to) in [(0, 1_000_u64), (1_000_u64, 0)] {
        let mut bench = Bench::new(&[]);
        let delay = |delay: u64| http(json!({"delay": delay}));
        let toxic = Toxic::new(delay(from), Stream::Downstream).ramping(delay(to), ms(2_000));
        bench.toxics = vec![Armed::new(1, toxic, 0, bench.now)];
        bench.desk.apply(&bench.toxics);
        bench.wait(500).client(GET).service(OK);
        let expected = (3 * from + to) / 4;
        bench.wait(expected - 1);
        assert_eq!(bench.down(), "", "from {from} to {to}");
        bench.wait(1);
        assert_eq!(bench.down, OK, "from {from} to {to}");
        assert_eq!(bench.hits(), [1]);
    }
}

#[test]
fn what_is_held_of_a_request_goes_on_once_nobody_reads_it() {
    let cut = b"GET / HT".as_slice();
    let own = || Bench::new(&[json!({"status": 503, "path": "/own"})]);
    let mut bench = own();
    bench.client(cut);
    assert_eq!(bench.up, b"");
    bench.remove(0);
    assert!(bench.up == cut && bench.desk.is_idle());
    // One that comes now does not take the rest of a request for one.
    bench.toxics = vec![armed(2, http(json!({"status": 503})), 1.0)];
    bench.desk.apply(&bench.toxics);
    bench.client(b"TP/1.1\r\n\r\n");
    assert_eq!((bench.up.len(), bench.down().as_str()), (18, ""));
    // Behind a request whose answer is still to come, it goes with that.
    let mut bench = own();
    bench.client(GET).client(cut).remove(0).service(OK);
    assert_eq!(bench.up, [GET, cut].concat());
    assert!(bench.down == OK && bench.desk.is_idle());
}

#[test]
fn ends_come_behind_what_the_desk_still_says() {
    let mut bench = Bench::new(&[json!({"status": 503}), json!({"delay": 9})]);
    bench.client(GET);
    bench.desk.service_ended(End::Eof);
    bench.desk.client_ended();
    bench.pump();
    assert_eq!((bench.down().as_str(), bench.desk.end()), ("", None));
    bench.wait(9);
    assert!(bench.down().starts_with("HTTP/1.1 503"));
    assert_eq!(bench.desk.end(), Some(End::Eof));
    let mut bench = Bench::new(&[json!({"status": 503})]);
    bench.client(b"PUT / HTTP/1.1\r\ncontent-length: 3\r\n\r\na");
    bench.desk.client_ended();
    assert_eq!(
        bench.pump().desk.end(),
        Some(End::Close),
        "it will never be whole"
    );
}

#[test]
fn a_switch_of_protocols_passes_and_who_does_not_wait_for_it_waits_here() {
    let mut bench = Bench::new(&[json!({"status": 503, "path": "/own"})]);
    let offer = b"GET /ws HTTP/1.1\r\nupgrade: websocket\r\n\r\n";
    bench.client(offer).client(b"\x81\x01x");
    assert_eq!(bench.up, offer);
    bench.service(b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x82");
    bench.client(b"GET /own HTTP/1.1\r\n\r\n");
    assert_eq!(
        bench.up,
        [offer.as_slice(), b"\x81\x01xGET /own HTTP/1.1\r\n\r\n"].concat()
    );
    assert!(bench.down.ends_with(b"\x82"));
}

#[test]
fn what_breaks_off_in_a_promise_reaches_nobody() {
    let mut bench = Bench::new(&[json!({"status": 503})]);
    bench.client(
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabcGET / HTTP/1.1\r\n\r\n",
    );
    bench.client(GET);
    assert_eq!(
        (bench.up.as_slice(), bench.desk.end()),
        (b"".as_slice(), Some(End::Close))
    );
    // Where nothing was promised, it is the service's to judge.
    let mut bench = Bench::new(&[json!({"delay": 1})]);
    let broken = b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nx";
    bench
        .client(broken)
        .service(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    assert_eq!(
        (bench.up.as_slice(), bench.desk.end()),
        (broken.as_slice(), None)
    );
    assert!(bench.down.starts_with(b"HTTP/1.1 400"));
}

#[test]
fn requests_that_wait_are_bounded() {
    let mut bench = Bench::new(&[json!({"delay": 1})]);
    bench.client(&GET.repeat(WAITING + 5));
    assert_eq!(
        (bench.up.len(), bench.from_client.len()),
        (GET.len() * WAITING, GET.len() * 5)
    );
    bench.service(OK).wait(1);
    assert_eq!(bench.up.len(), GET.len() * (WAITING + 1));
}

#[test]
fn an_idle_wait_asks_for_no_timer() {
    let mut bench = Bench::new(&[json!({"delay": 5})]);
    bench.client(GET).wait(1_000);
    assert_eq!(bench.wake, None);
    bench.service(OK);
    assert_eq!(
        bench.wake.map(|wake| wake - bench.now),
        Some(Duration::from_millis(5))
    );
}
