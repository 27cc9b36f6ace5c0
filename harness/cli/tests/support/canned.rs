//! A server of canned answers: one a connection, whatever it is asked. Small enough to have any bad manners.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

/// Answers each connection's first request (`GET /path`) with these bytes, as they are; `None` says nothing, ever. What comes
/// after on the same connection is met with its end, unannounced.
pub(crate) fn canned(answer: impl Fn(&str) -> Option<String> + Send + Clone + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            std::thread::spawn(move || serve(stream, answer));
        }
    });
    url
}

fn serve(mut stream: TcpStream, answer: impl Fn(&str) -> Option<String>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut first, mut length) = (String::new(), 0);
    if reader.read_line(&mut first).unwrap_or(0) == 0 {
        return;
    }
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let _ = reader.read_exact(&mut vec![0; length]);
    if let Some(answer) = answer(first.rsplit_once(' ').unwrap().0) {
        let _ = stream.write_all(answer.as_bytes());
    }
    // Held open until the other side has had enough, or dares to ask again.
    let _ = reader.read(&mut [0]);
}
