//! Whole exchanges over pipes in memory: what a connection does with what the other side does.

use super::run;
use crate::http1::connection::{Answer, Broken, Connection, Wants};
use crate::http1::decode::BODY;
use crate::http1::request::Written;
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use harness_core::http::FailureKind;
use std::io::Write as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";

fn get() -> Written {
    Written {
        head: GET.to_vec(),
        ..Written::default()
    }
}

/// One exchange with a server that reads the request and then says these bytes, and keeps the connection open or not.
async fn ask(
    connection: &mut Connection<DuplexStream>,
    server: &mut DuplexStream,
    says: &[u8],
    wants: Wants,
) -> Result<Answer, Broken> {
    let serve = async {
        let mut request = vec![0; GET.len()];
        server.read_exact(&mut request).await.unwrap();
        assert_eq!(request, GET);
        server.write_all(says).await.unwrap();
    };
    let request = get();
    let (answer, ()) = tokio::join!(connection.exchange(&request, wants, || {}), serve);
    answer
}

fn pipe() -> (Connection<DuplexStream>, DuplexStream) {
    let (client, server) = duplex(1 << 20);
    (Connection::new(client), server)
}

#[test]
fn one_connection_carries_many_exchanges() {
    run(async {
        let (mut connection, mut server) = pipe();
        for size in [0, 1, 5000, 200_000] {
            let mut says =
                format!("HTTP/1.1 200 OK\r\nx: y\r\ncontent-length: {size}\r\n\r\n").into_bytes();
            says.resize(says.len() + size, b'b');
            let whole = ask(&mut connection, &mut server, &says, Wants::WHOLE)
                .await
                .unwrap();
            assert_eq!((whole.received, whole.reusable), (size as u64, true));
            assert_eq!(whole.response.body.len(), size);
            let part = ask(&mut connection, &mut server, &says, Wants::EVIDENCE)
                .await
                .unwrap();
            assert_eq!(part.response.body.len(), size.min(4096));
            assert_eq!(
                (part.response.body_len, part.received),
                (size as u64, size as u64)
            );
            assert_eq!(part.response.header("x"), Some("y"));
            let status = ask(&mut connection, &mut server, &says, Wants::STATUS)
                .await
                .unwrap();
            assert_eq!(
                (status.response.status, status.received),
                (200, size as u64)
            );
            assert!(status.response.headers.is_empty() && status.response.body.is_empty());
            assert!(connection.is_open());
            // Eight thousand that rest must not hold what one needed once.
            assert!(
                connection.held() <= 4096,
                "{} after {size}",
                connection.held()
            );
        }
        let says = b"HTTP/1.1 503 Busy\r\nretry-after: 1\r\ncontent-length: 4\r\n\r\nlate";
        let error = ask(&mut connection, &mut server, says, Wants::STATUS)
            .await
            .unwrap()
            .response;
        assert_eq!(
            (error.header("retry-after"), &error.body[..]),
            (Some("1"), &b"late"[..])
        );
    });
}

#[test]
fn what_nobody_asked_for_ends_a_connection() {
    run(async {
        let one = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        let (mut connection, mut server) = pipe();
        let twice = [&one[..], b"HTTP/1.1 200 OK\r\n"].concat();
        let answer = ask(&mut connection, &mut server, &twice, Wants::WHOLE)
            .await
            .unwrap();
        assert_eq!(
            (&answer.response.body[..], answer.reusable),
            (&b"ok"[..], false)
        );

        let (mut connection, mut server) = pipe();
        assert!(
            ask(&mut connection, &mut server, one, Wants::WHOLE)
                .await
                .unwrap()
                .reusable
        );
        assert!(connection.is_open());
        server
            .write_all(b"HTTP/1.1 408 Too Late\r\n\r\n")
            .await
            .unwrap();
        assert!(!connection.is_open());

        let (mut connection, mut server) = pipe();
        assert!(
            ask(&mut connection, &mut server, one, Wants::WHOLE)
                .await
                .unwrap()
                .reusable
        );
        drop(server);
        assert!(!connection.is_open());
        let broken = connection
            .exchange(&get(), Wants::STATUS, || {})
            .await
            .unwrap_err();
        assert_eq!(
            broken.failure.kind,
            FailureKind::Reset,
            "{:?}",
            broken.failure
        );
        assert!(!broken.written && !broken.answered);
    });
}

#[test]
fn a_connection_that_ends_says_how_far_it_came() {
    run(async {
        for (says, answered) in [
            (&b""[..], false),
            (b"HTTP/1.1 20", true),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx", true),
        ] {
            let (mut connection, mut server) = pipe();
            let serve = async move {
                let mut request = vec![0; GET.len()];
                server.read_exact(&mut request).await.unwrap();
                server.write_all(says).await.unwrap();
            };
            let request = get();
            let (broken, ()) =
                tokio::join!(connection.exchange(&request, Wants::STATUS, || {}), serve);
            let broken = broken.unwrap_err();
            assert_eq!(
                (broken.failure.kind, broken.written, broken.answered),
                (FailureKind::Closed, true, answered)
            );
        }
    });
}

#[test]
fn a_server_may_answer_before_it_has_read_all() {
    run(async {
        let large = Written {
            head: GET.to_vec(),
            body: Bytes::from(vec![b'x'; 4 << 20]),
            ..Written::default()
        };
        // It reads no more, and keeps the connection: without reading while writing, both would wait for ever.
        let (client, mut server) = duplex(64 << 10);
        let mut connection = Connection::new(client);
        let serve = async {
            let mut some = vec![0; 100];
            server.read_exact(&mut some).await.unwrap();
            server
                .write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n")
                .await
                .unwrap();
        };
        let (answer, ()) = tokio::join!(connection.exchange(&large, Wants::STATUS, || {}), serve);
        let answer = answer.unwrap();
        assert_eq!((answer.response.status, answer.reusable), (413, false));

        // It closes too: writing fails, but the answer has come.
        let (client, mut server) = duplex(64 << 10);
        let mut connection = Connection::new(client);
        let serve = async move {
            let mut some = vec![0; 100];
            server.read_exact(&mut some).await.unwrap();
            server
                .write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n")
                .await
                .unwrap();
        };
        let (answer, ()) = tokio::join!(connection.exchange(&large, Wants::STATUS, || {}), serve);
        assert_eq!(answer.unwrap().response.status, 413);
    });
}

#[test]
fn a_large_body_arrives_whole() {
    run(async {
        let body: Vec<u8> = (0..1_000_000u32).map(|n| n as u8).collect();
        let sent = Written {
            head: GET.to_vec(),
            body: Bytes::from(body.clone()),
            tail: b"tail",
            ..Written::default()
        };
        let (client, mut server) = duplex(1000);
        let mut connection = Connection::new(client);
        let serve = async {
            let mut read = vec![0; GET.len() + body.len() + 4];
            server.read_exact(&mut read).await.unwrap();
            server.write_all(b"HTTP/1.1 204 No\r\n\r\n").await.unwrap();
            read
        };
        let (answer, read) = tokio::join!(connection.exchange(&sent, Wants::STATUS, || {}), serve);
        assert!(answer.unwrap().reusable);
        assert!(read == [GET, &body, b"tail"].concat());
    });
}

#[test]
fn content_is_unpacked_only_for_who_reads_it() {
    run(async {
        let packed = |plain: &[u8]| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        };
        let response = |body: &[u8]| {
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            [head.as_bytes(), body].concat()
        };
        let plain = b"{\"a\": 1}".repeat(40);
        let body = packed(&plain);
        let (mut connection, mut server) = pipe();
        let read = ask(&mut connection, &mut server, &response(&body), Wants::WHOLE)
            .await
            .unwrap();
        assert_eq!(&read.response.body[..], &plain[..]);
        assert!(!read.response.truncated() && read.reusable);
        assert_eq!(read.received, body.len() as u64);
        let shown = ask(
            &mut connection,
            &mut server,
            &response(&body),
            Wants::EVIDENCE,
        )
        .await
        .unwrap();
        assert_eq!(&shown.response.body[..], &body[..]);

        for (bad, says) in [
            (
                packed(&vec![b' '; 5 << 20]),
                "unpacks to more than 1048576 bytes",
            ),
            (b"plain".to_vec(), "not valid gzip"),
        ] {
            let (mut connection, mut server) = pipe();
            let broken = ask(&mut connection, &mut server, &response(&bad), Wants::WHOLE)
                .await
                .unwrap_err();
            assert_eq!(broken.failure.kind, FailureKind::Protocol);
            assert!(broken.failure.detail.contains(says), "{}", broken.failure);
        }
    });
}

#[test]
fn a_body_without_end_is_given_up_and_not_kept() {
    run(async {
        let (client, mut server) = duplex(1 << 20);
        let mut connection = Connection::new(client);
        let serve = async move {
            server.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            let mut said = 0u64;
            while server.write_all(&[b'x'; 65_536]).await.is_ok() {
                said += 65_536;
            }
            said
        };
        let ask = async move {
            let broken = connection
                .exchange(&get(), Wants::WHOLE, || {})
                .await
                .unwrap_err();
            assert!(connection.held() < 200_000, "{}", connection.held());
            broken.failure.to_string()
        };
        let (failure, said) = tokio::join!(ask, serve);
        assert_eq!(
            failure,
            format!("protocol: body too large: more than {BODY} bytes")
        );
        assert!(said < BODY + (4 << 20));
    });
}
