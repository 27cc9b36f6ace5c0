//! Answers that are not the service's own: the proxy's, changed ones, and none at all.

use super::*;

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
