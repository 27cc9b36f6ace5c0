//! What is counted must not depend on how the streams are cut, and must be what went over them.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::http::HttpStats;
use crate::http::samples::{cuts, exchange, pieces, stream};

/// A connection that is watched, and a clock that only the test moves.
struct Bench {
    watcher: Watcher,
    counters: Arc<HttpCounters>,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        let counters = Arc::new(HttpCounters::default());
        Self {
            watcher: Watcher::new(counters.clone()),
            counters,
            now: Instant::now(),
        }
    }

    fn client(&mut self, bytes: &[u8]) -> &mut Self {
        self.watcher.client(bytes, self.now);
        self
    }

    fn service(&mut self, bytes: &[u8]) -> &mut Self {
        self.watcher.service(bytes, self.now);
        self
    }

    fn wait(&mut self, ms: u64) -> &mut Self {
        self.now += Duration::from_millis(ms);
        self
    }

    fn client_ended(&mut self) -> &mut Self {
        self.watcher.client_ended(self.now);
        self
    }

    fn stats(&self) -> HttpStats {
        self.counters.snapshot()
    }
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";

#[test]
fn a_request_and_its_answer() {
    let mut bench = Bench::new();
    bench.client(GET).wait(1).service(b"HTTP/1.1 2").wait(1);
    assert_eq!((bench.stats().requests, bench.stats().answers), (1, [0; 5]));
    bench.service(b"00 OK\r\ncontent-length: 2\r\n\r\nh");
    assert_eq!(bench.stats().answers, [0, 1, 0, 0, 0]);
    assert_eq!(bench.stats().response, [(2_000, 1)]);
    bench.wait(7).service(b"i").client_ended();
    assert_eq!(bench.stats().abandoned, [], "it had its whole answer");
}

#[test]
fn who_leaves_before_the_answers_end_has_abandoned() {
    for so_far in [
        &b""[..],
        b"HTTP/1.1 100 Continue\r\n\r\n",
        &OK[..OK.len() - 1],
    ] {
        let mut bench = Bench::new();
        bench
            .client(GET)
            .wait(1)
            .service(so_far)
            .wait(1)
            .client_ended();
        assert_eq!(bench.stats().abandoned, [(2_000, 1)]);
    }
    let mut bench = Bench::new();
    bench.client(b"GET / HT").wait(5).client_ended();
    assert_eq!(
        bench.stats(),
        HttpStats::default(),
        "half a head is no request"
    );
    let mut bench = Bench::new();
    bench.client(GET).wait(1).watcher.service_ended();
    bench.client_ended();
    assert_eq!(bench.stats().abandoned, [], "the service left first");
}

#[test]
fn answers_without_a_body_leave_the_next_one_readable() {
    let mut bench = Bench::new();
    bench.client(b"HEAD / HTTP/1.1\r\n\r\nPOST /a HTTP/1.1\r\ncontent-length: 3\r\n\r\nabcGET /b HTTP/1.1\r\n\r\n");
    bench.client(b"\r\nGET /c HTTP/1.1\r\n\r\nPUT /d HTTP/1.1\r\nexpect: 100-continue\r\ntransfer-encoding: chunked\r\n\r\n");
    bench.service(b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
    bench.service(b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n");
    bench.service(b"HTTP/1.1 500 Oh\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n");
    bench
        .service(b"HTTP/1.1 100 Continue\r\n\r\n")
        .client(b"3\r\nabc\r\n0\r\n\r\n");
    bench.service(b"HTTP/1.1 404 Not Found\r\n\r\nuntil the end");
    let stats = bench.stats();
    assert_eq!(
        (stats.requests, stats.answers, stats.unread),
        (5, [0, 2, 1, 1, 1], 0)
    );
    bench.client_ended();
    assert_eq!(
        bench.stats().abandoned.len(),
        1,
        "a body without a length ends with the connection"
    );
}

#[test]
fn what_is_no_http_is_let_be() {
    let hello = [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3];
    let long = [
        b"GET / HTTP/1.1\r\nx: ".as_slice(),
        &vec![b'x'; head::LONGEST],
    ]
    .concat();
    let many = GET.repeat(WAITING + 1);
    let cases: [(&[u8], &[u8]); 9] = [
        (&hello, b""),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b""),
        (b"PING\r\n", b""),
        (b"GET key\r\n", b""),
        (&long, b""),
        (&many, b""),
        (b"POST / HTTP/1.1\r\ncontent-length: 1, 2\r\n\r\n", b""),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\n", b""),
        (GET, b"220 mail ESMTP\r\n"),
    ];
    for (client, service) in cases {
        let mut bench = Bench::new();
        bench.client(client).service(service);
        assert_eq!(
            bench.stats().unread,
            1,
            "{:?}",
            String::from_utf8_lossy(client)
        );
        let requests = bench.stats().requests;
        bench.client(GET).service(OK).client_ended();
        assert_eq!(bench.stats().requests, requests, "no more is read");
        assert_eq!(bench.stats().abandoned, []);
    }
}

#[test]
fn a_switch_of_protocols_ends_the_watch_and_a_refused_one_does_not() {
    let offer = b"GET /ws HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
    for (ask, yes) in [
        (
            offer.as_slice(),
            b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81".as_slice(),
        ),
        (
            b"CONNECT a:1 HTTP/1.1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n\r\n\x16\x03",
        ),
    ] {
        let mut bench = Bench::new();
        bench
            .client(ask)
            .service(yes)
            .client(b"\x16\x03\x01")
            .client_ended();
        let stats = bench.stats();
        assert_eq!(
            (stats.requests, stats.unread, stats.abandoned.len()),
            (1, 0, 0)
        );
        assert_eq!(stats.answers.iter().sum::<u64>(), 1);
        let mut bench = Bench::new();
        bench
            .client(ask)
            .service(b"HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n")
            .client(GET)
            .service(OK);
        assert_eq!(
            (bench.stats().requests, bench.stats().answers),
            (2, [0, 1, 0, 1, 0])
        );
        let mut bench = Bench::new();
        bench.client(ask).client(b"anything");
        assert_eq!(bench.stats().unread, 1, "who does not wait can't be read");
    }
}

#[test]
fn a_word_nobody_asked_for_is_no_answer() {
    let mut bench = Bench::new();
    bench
        .client(GET)
        .service(OK)
        .service(b"HTTP/1.1 408 Request Timeout\r\n\r\n");
    assert_eq!(
        (bench.stats().answers, bench.stats().unread),
        ([0, 1, 0, 0, 0], 0)
    );
}

proptest! {
    #[test]
    fn counts_are_those_of_the_exchanges_however_they_are_cut(
        exchanges in prop::collection::vec(exchange(), 0..6), up in cuts(), down in cuts(), unanswered in 0..3_usize,
    ) {
        let asked: Vec<u8> = exchanges.iter().flat_map(|exchange| exchange.request.clone()).collect();
        let answered = exchanges.len().saturating_sub(unanswered);
        let told: Vec<u8> = exchanges[..answered].iter().flat_map(|exchange| exchange.answer.clone()).collect();
        let mut bench = Bench::new();
        for piece in pieces(&asked, &up) {
            bench.client(piece);
        }
        bench.wait(3);
        for piece in pieces(&told, &down) {
            bench.service(piece);
        }
        bench.wait(4).client_ended();
        let mut classes = [0; 5];
        for exchange in &exchanges[..answered] {
            classes[usize::from(exchange.status / 100) - 1] += 1;
        }
        let expected = HttpStats {
            requests: exchanges.len() as u64,
            answers: classes,
            response: (answered > 0).then_some((3_000 / 2 * 2, answered as u64)).into_iter().collect(),
            abandoned: (answered < exchanges.len())
                .then_some((7_000 / 4 * 4, (exchanges.len() - answered) as u64)).into_iter().collect(),
            unread: 0,
        };
        prop_assert_eq!(bench.stats(), expected);
    }

    #[test]
    fn any_bytes_count_the_same_however_they_are_cut_and_never_panic(
        asked in stream(), told in stream(), up in cuts(), down in cuts(),
    ) {
        let mut whole = Bench::new();
        whole.client(&asked).service(&told);
        let mut cut = Bench::new();
        for piece in pieces(&asked, &up) {
            cut.client(piece);
        }
        for piece in pieces(&told, &down) {
            cut.service(piece);
        }
        prop_assert_eq!(whole.stats(), cut.stats());
    }
}
