//! The desk between a client and a service that the test plays: streams stay whole and in order whatever happens to them.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::dice::test_key;
use crate::http::samples::{cuts, exchange, pieces, stream};
use crate::toxic::{HttpAnswer, Stream, Toxic, ToxicKind};
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
fn toxicity_zero_has_no_effect_at_all() {
    let zero = armed(1, http(json!({"status": 503})), 0.0);
    let mut bench = Bench::armed(0, vec![zero]);
    assert!(bench.desk.is_idle(), "bytes go past it");
    bench.client(b"GET / HT");
    assert_eq!(bench.up, b"GET / HT");
    // Nor has one that is taken down to it.
    let mut bench = Bench::new(&[json!({"delay": 1_000})]);
    bench.client(GET).service(OK);
    assert_eq!(bench.down(), "");
    bench.toxics[0].toxic.toxicity = 0.0;
    bench.desk.apply(&bench.toxics);
    bench.pump();
    assert!(bench.down == OK && bench.desk.is_idle());
}

#[test]
fn the_proxy_answers_in_turn_and_the_connection_goes_on() {
    let mut bench = Bench::new(&[
        json!({"status": 503, "body": "{\"no\": 1}", "retry_after": 7, "path": "/own"}),
    ]);
    bench
        .client(GET)
        .client(b"POST /own HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nab");
    bench.client(b"c\r\n0\r\n\r\n").client(GET);
    assert_eq!(
        bench.up,
        [GET, GET].concat(),
        "the service hears nothing of it"
    );
    assert_eq!(bench.down, b"", "the first answer comes first");
    bench.service(OK).service(OK);
    let own = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 7\r\ncontent-type: application/json\r\n\
               content-length: 9\r\n\r\n{\"no\": 1}";
    let ok = String::from_utf8_lossy(OK);
    assert_eq!(bench.down(), format!("{ok}{own}{ok}"));
    assert_eq!(bench.hits(), [1]);
    assert_eq!(bench.desk.end(), None);
}

#[test]
fn an_answer_of_its_own_waits_for_the_whole_request_and_for_its_delay() {
    let mut bench = Bench::new(&[json!({"status": 500}), json!({"delay": 10})]);
    bench.client(b"PUT / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n");
    assert_eq!(
        bench.down(),
        "HTTP/1.1 100 Continue\r\n\r\n",
        "the client would wait for it"
    );
    bench.client(b"ab").wait(50);
    assert_eq!(bench.down(), "HTTP/1.1 100 Continue\r\n\r\n");
    bench.client(b"c").wait(9);
    assert!(bench.down().ends_with("Continue\r\n\r\n"));
    bench.wait(1);
    assert!(
        bench
            .down()
            .ends_with("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n")
    );
    assert_eq!(
        (bench.up.as_slice(), bench.hits()),
        (b"".as_slice(), vec![1, 1])
    );
}

#[test]
fn its_own_answers_fit_their_requests() {
    for (ask, expected, end) in [
        (
            "HEAD / HTTP/1.1\r\n\r\n",
            "content-type: text/plain; charset=utf-8\r\ncontent-length: 2\r\n\r\n",
            None,
        ),
        ("GET / HTTP/1.1\r\n\r\n", "\r\n\r\nno", None),
        (
            "GET / HTTP/1.1\r\nconnection: close\r\n\r\n",
            "connection: close\r\ncontent-length: 2\r\n\r\nno",
            Some(End::Close),
        ),
        (
            "GET / HTTP/1.0\r\n\r\n",
            "connection: close\r\ncontent-length: 2\r\n\r\nno",
            Some(End::Close),
        ),
        (
            "GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n",
            "\r\n\r\nno",
            None,
        ),
        ("GET / HTTP/1.1\r\nupgrade: x\r\n\r\n", "\r\n\r\nno", None),
    ] {
        let mut bench = Bench::new(&[json!({"status": 503, "body": "no"})]);
        bench.client(ask.as_bytes());
        assert!(bench.down().ends_with(expected), "{ask}: {}", bench.down());
        assert_eq!(bench.desk.end(), end, "{ask}");
    }
    let mut bench = Bench::new(&[json!({"status": 204})]);
    bench.client(GET);
    assert_eq!(bench.down(), "HTTP/1.1 204 No Content\r\n\r\n");
}

#[test]
fn a_body_is_replaced_and_its_head_told_so() {
    for answer in [CHUNKED, b"HTTP/1.1 200 OK\r\nx-a: 1\r\ncontent-encoding: gzip\r\nEtag: q\r\ncontent-length: 3\r\n\r\nold"] {
        let mut bench = Bench::new(&[json!({"replace": "new body", "path": "/"})]);
        bench.client(GET).client(b"GET /other HTTP/1.1\r\n\r\n").service(answer).service(OK);
        let ok = String::from_utf8_lossy(OK);
        let expected = format!("HTTP/1.1 200 OK\r\nx-a: 1\r\ncontent-length: 8\r\n\r\nnew body{ok}");
        assert_eq!((bench.down(), bench.hits()), (expected, vec![1]));
    }
    let mut bench = Bench::new(&[json!({"replace": "new"})]);
    bench
        .client(b"HEAD / HTTP/1.1\r\n\r\n")
        .service(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n");
    assert!(
        bench.down().ends_with("content-length: 9\r\n\r\n"),
        "an answer without a body stays as it is"
    );
    assert_eq!(bench.hits(), [0]);
}

#[test]
fn a_truncated_body_ends_the_connection_and_a_short_one_does_not() {
    for (answer, after, expected) in [
        (OK, 2, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe"),
        (OK, 0, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"),
        (
            CHUNKED,
            4,
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nx-a: 1\r\n\r\n3\r\nabc\r\n4\r\nd",
        ),
    ] {
        let mut bench = Bench::new(&[json!({"truncate": after})]);
        bench.client(GET).client(GET).service(answer).service(OK);
        assert_eq!(
            (bench.down().as_str(), bench.desk.end()),
            (expected, Some(End::Close))
        );
        assert_eq!(bench.hits(), [1]);
    }
    let mut bench = Bench::new(&[json!({"truncate": 5})]);
    bench.client(GET).service(OK);
    assert_eq!(
        (bench.down.as_slice(), bench.desk.end(), bench.hits()),
        (OK, None, vec![0])
    );
}

#[test]
fn one_byte_of_a_body_is_another() {
    for answer in [OK, CHUNKED, b"HTTP/1.1 200 OK\r\n\r\nuntil the end"] {
        let mut bench = Bench::new(&[json!({"corrupt": true})]);
        bench.client(GET).service(answer);
        let differs: Vec<usize> = (0..answer.len())
            .filter(|at| bench.down[*at] != answer[*at])
            .collect();
        assert_eq!(
            (bench.down.len(), differs.len(), bench.hits()),
            (answer.len(), 1, vec![1])
        );
        let head = answer
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .unwrap()
            + 4;
        assert!(differs[0] >= head, "{differs:?}");
        let mut again = Bench::new(&[json!({"corrupt": true})]);
        again.client(GET);
        for byte in answer {
            again.service(&[*byte]);
        }
        assert_eq!(again.down, bench.down, "the same byte, however it comes");
    }
}

#[test]
fn a_dropped_request_resets_after_the_answers_before_it() {
    let mut bench = Bench::new(&[json!({"drop": true, "method": "DELETE"})]);
    bench.client(GET).client(b"DELETE / HTTP/1.1\r\n\r\n");
    assert_eq!((bench.desk.end(), bench.up.as_slice()), (None, GET));
    bench.service(OK);
    assert_eq!(
        (bench.down.as_slice(), bench.desk.end()),
        (OK, Some(End::Reset))
    );
}

#[test]
fn first_requests_fail_over_all_connections_and_a_rate_is_kept() {
    let toxics = vec![armed(1, http(json!({"fail_first": 3, "status": 500})), 1.0)];
    let failed = (0..3).map(|connection| {
        let mut bench = Bench::armed(connection, toxics.clone());
        bench.client(GET).client(GET);
        bench.down().matches("500 Internal").count()
    });
    assert_eq!(failed.collect::<Vec<_>>(), [2, 1, 0]);
    let mut bench = Bench::new(&[json!({"rate": 2})]);
    bench.client(&GET.repeat(4));
    assert_eq!(bench.up, [GET, GET].concat());
    bench.service(OK).service(OK);
    let refused = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n";
    assert!(
        bench.down().ends_with(&refused.repeat(2)),
        "{}",
        bench.down()
    );
    bench.wait(500).client(&GET.repeat(2));
    assert_eq!(bench.up, GET.repeat(3));
    assert_eq!(bench.hits(), [3]);
}

#[test]
fn a_rate_counts_over_all_connections() {
    let toxics = vec![armed(1, http(json!({"rate": 10})), 1.0)];
    let mut benches = [0, 1].map(|connection| Bench::armed(connection, toxics.clone()));
    let (start, mut passed) = (Instant::now(), 0);
    for round in 0..300 {
        for bench in &mut benches {
            let before = bench.up.len();
            bench.now = start + ms(10 * round);
            bench.client(GET);
            if bench.up.len() > before {
                passed += 1;
                bench.service(OK);
            }
        }
    }
    assert_eq!(passed, 10 + 29, "a second's worth, and that of 2.99 s");
    assert_eq!(benches[0].hits(), [600 - 39]);
}

#[test]
fn a_share_of_requests_repeats_with_the_seed_and_no_other_connection_changes_it() {
    let answered = |connection, toxicity| {
        let mut bench = Bench::armed(
            connection,
            vec![armed(1, http(json!({"status": 503})), toxicity)],
        );
        let mut hits = Vec::new();
        for _ in 0..200 {
            let before = bench.up.len();
            bench.client(GET);
            let passed = bench.up.len() > before;
            if passed {
                bench.service(OK);
            }
            hits.push(!passed);
        }
        hits
    };
    let first = answered(0, 0.3);
    assert_eq!(first, answered(0, 0.3));
    assert_ne!(first, answered(1, 0.3));
    let share = first.iter().filter(|hit| **hit).count();
    assert!((35..=85).contains(&share), "{share} of 200 at 0.3");
    assert!(answered(0, 1.0).iter().all(|hit| *hit) && !answered(0, 0.0).iter().any(|hit| *hit));
}

#[test]
fn of_several_the_first_decides_and_delays_add_up() {
    let mut bench = Bench::new(&[
        json!({"replace": "a", "method": "POST"}),
        json!({"status": 500}),
        json!({"fail_first": 1}),
        json!({"delay": 5}),
    ]);
    bench
        .client(b"POST / HTTP/1.1\r\n\r\n")
        .client(GET)
        .service(OK)
        .wait(10);
    assert!(
        bench.down().contains("\r\n\r\naHTTP/1.1 500 "),
        "{}",
        bench.down()
    );
    assert_eq!(bench.hits(), [1, 1, 0, 2]);
}

#[test]
fn a_toxic_that_comes_later_joins_at_the_next_request() {
    let own = json!({"status": 503});
    let join = |last, bytes: &[u8]| {
        let mut bench = Bench::new(&[]);
        assert!(bench.desk.is_idle());
        bench.desk.passed(last);
        bench.toxics = vec![armed(1, http(own.clone()), 1.0)];
        bench.desk.apply(&bench.toxics);
        bench.client(bytes);
        bench
    };
    for last in [None, Some(Side::Service)] {
        assert!(
            join(last, GET).down().starts_with("HTTP/1.1 503"),
            "{last:?}"
        );
    }
    // A request is under way, or what comes is the rest of one.
    let mut bench = join(Some(Side::Client), GET);
    assert_eq!((bench.up.as_slice(), bench.down().as_str()), (GET, ""));
    bench.service(OK).client(GET);
    assert!(bench.down().contains("HTTP/1.1 503"));
    let mut bench = join(Some(Side::Service), b"the body after a 100");
    assert_eq!(bench.up, b"the body after a 100");
    bench.service(OK).client(GET);
    assert!(bench.down().contains("HTTP/1.1 503"));
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

proptest! {
    #[test]
    fn clients_get_the_answers_of_their_requests_in_order_however_all_is_cut(
        exchanges in prop::collection::vec(exchange(), 0..8), up in cuts(), down in cuts(), delay in 0..3_u64,
    ) {
        let mut bench = Bench::new(&[json!({"status": 418, "path": "/y", "body": "tea"}), json!({"delay": delay, "method": "POST"})]);
        let (mut asked, mut told, mut heard, mut expected) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for exchange in &exchanges {
            asked.extend_from_slice(&exchange.request);
            if exchange.path == "/y" {
                let answer = HttpAnswer { body: "tea".into(), ..HttpAnswer::status(418) };
                let asked = Asked { head: exchange.head, ..Asked::default() };
                expected.extend(edit::own(&answer, asked, false));
            } else {
                heard.extend_from_slice(&exchange.request);
                told.extend_from_slice(&exchange.answer);
                expected.extend_from_slice(&exchange.answer);
            }
        }
        for piece in pieces(&asked, &up) {
            bench.client(piece);
        }
        prop_assert_eq!(&bench.up, &heard);
        for piece in pieces(&told, &down) {
            bench.service(piece).wait(1);
        }
        bench.wait(100);
        prop_assert_eq!(&bench.down, &expected);
        prop_assert_eq!(bench.desk.end(), None);
    }

    #[test]
    fn any_bytes_pass_unchanged_where_no_toxic_is_for_them(
        asked in stream(), told in stream(), up in cuts(), down in cuts(),
    ) {
        let mut bench = Bench::new(&[json!({"drop": true, "method": "NONE"})]);
        let (asking, telling) = (pieces(&asked, &up), pieces(&told, &down));
        for index in 0..asking.len().max(telling.len()) {
            bench.client(asking.get(index).copied().unwrap_or_default());
            bench.service(telling.get(index).copied().unwrap_or_default());
        }
        bench.desk.client_ended();
        bench.desk.service_ended(End::Eof);
        bench.pump();
        // Only what follows an offer to switch is kept back, until it is answered.
        let (up, left) = (bench.up.clone(), bench.from_client.clone());
        prop_assert!(left.is_empty() || String::from_utf8_lossy(&asked).contains("upgrade"));
        prop_assert_eq!([up, left].concat(), asked);
        prop_assert_eq!(bench.down, told);
        prop_assert_eq!(bench.desk.end(), Some(End::Eof));
    }

    #[test]
    fn no_bytes_make_it_panic_or_hang_whatever_the_toxics(
        asked in stream(), told in stream(), up in cuts(), down in cuts(),
        toxics in prop::collection::vec(prop::sample::select(vec![
            json!({"status": 503}), json!({"drop": true, "path": "/"}), json!({"truncate": 1}), json!({"corrupt": true}),
            json!({"replace": "x"}), json!({"delay": 1}), json!({"rate": 1}), json!({"fail_first": 1}),
        ]), 0..4), gone in any::<bool>(),
    ) {
        let mut bench = Bench::new(&toxics);
        let (asking, telling) = (pieces(&asked, &up), pieces(&told, &down));
        for index in 0..asking.len().max(telling.len()) {
            bench.client(asking.get(index).copied().unwrap_or_default());
            bench.service(telling.get(index).copied().unwrap_or_default());
            if gone && index == 3 && !bench.toxics.is_empty() {
                bench.remove(0);
            }
        }
        bench.desk.client_ended();
        bench.desk.service_ended(End::Eof);
        bench.wait(1_000);
        prop_assert!(bench.desk.end().is_some(), "the end does not come");
    }
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
