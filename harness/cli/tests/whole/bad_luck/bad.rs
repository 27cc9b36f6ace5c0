//! Small servers that misbehave, each in one way, and a run watched for its memory while it lasts.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a panic is the test's report; a pause paces what a server does, or how often memory is read"
)]

use crate::support::{PATIENCE, Ran};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Instant;

/// How a server misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Bytes that are no HTTP.
    Garbage,
    /// 100 MB of JSON that never gets anywhere.
    Large,
    /// Chunks without end.
    Endless,
    /// A body whose end is the connection's, and no end.
    NeverCloses,
    /// No byte at all.
    Silent,
    /// Three bytes of a hundred.
    ClosesMidBody,
    /// Headers without end.
    FloodsHeaders,
    /// To itself, for ever.
    Redirects,
    /// A byte of a large body now and then.
    Drips,
}

/// Starts a server that lives as long as the test and misbehaves everywhere but at `/`; its URL.
pub(crate) fn serve(manner: Manner) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that gives up ends the connection: that is no fault of the server's.
            std::thread::spawn(move || _ = misbehave(manner, stream));
        }
    });
    url
}

fn misbehave(manner: Manner, mut stream: TcpStream) -> std::io::Result<()> {
    let mut request = [0; 65_536];
    let length = stream.read(&mut request)?;
    if request[..length].starts_with(b"GET / ") {
        return stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
    }
    match manner {
        Manner::Garbage => stream.write_all(&b"\x16\x03\x01\xff\0nothing\r\n\r\n".repeat(50)),
        Manner::Large => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 104857600\r\n\r\n\"")?;
            let piece = [b'x'; 65_536];
            for _ in 0..1600 {
                stream.write_all(&piece)?;
            }
            Ok(())
        }
        Manner::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")?;
            let mut chunk = b"10000\r\n".to_vec();
            chunk.extend([b'x'; 65_536]);
            chunk.extend(b"\r\n");
            loop {
                stream.write_all(&chunk)?;
            }
        }
        Manner::NeverCloses => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\nhello")?;
            until_closed(&mut stream)
        }
        Manner::Silent => until_closed(&mut stream),
        Manner::ClosesMidBody => stream.write_all(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{\"i",
        ),
        Manner::FloodsHeaders => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
            let header = format!("x-header: {}\r\n", "y".repeat(1000)).repeat(60);
            loop {
                stream.write_all(header.as_bytes())?;
            }
        }
        Manner::Redirects => loop {
            stream.write_all(
                b"HTTP/1.1 302 Found\r\nlocation: /again\r\ncontent-length: 0\r\n\r\n",
            )?;
            if stream.read(&mut request)? == 0 {
                return Ok(());
            }
        },
        Manner::Drips => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n")?;
            loop {
                stream.write_all(b"x")?;
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
        }
    }
}

fn until_closed(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut rest = [0; 1024];
    while stream.read(&mut rest)? > 0 {}
    Ok(())
}

/// Runs a command to its end: what it left, and the most memory it held, kB.
pub(crate) fn watched(mut command: Command) -> (Ran, u64) {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = collect(child.stdout.take().unwrap());
    let stderr = collect(child.stderr.take().unwrap());
    let (begun, mut peak) = (Instant::now(), 0);
    let status = loop {
        peak = peak.max(high_water(child.id()));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > PATIENCE {
            child.kill().unwrap();
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    let ran = Ran {
        code: status.code().unwrap_or(-1),
        stdout: stdout.join().unwrap(),
        stderr: stderr.join().unwrap(),
    };
    (ran, peak)
}

/// Everything that comes through a pipe, as text.
fn collect(mut pipe: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = Vec::new();
        _ = pipe.read_to_end(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    })
}

/// The peak resident memory of a living process, kB; 0 where the system does not say.
fn high_water(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok())
        .unwrap_or(0)
}
