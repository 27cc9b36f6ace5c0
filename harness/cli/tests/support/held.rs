//! A target that a suite holds in the background, and requests to it with nothing else.

use super::{Suite, signal, until};
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

/// Asks for a path with a request of its own; the whole answer.
pub(crate) fn asked(base: &str, path: &str) -> std::io::Result<String> {
    let address = base.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// The same; the answer's first line.
pub(crate) fn get(base: &str, path: &str) -> std::io::Result<String> {
    let answer = asked(base, path)?;
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}

/// Asserts that a path answers with 200.
#[track_caller]
pub(crate) fn answers(base: &Value, path: &str) {
    let line = get(base.as_str().unwrap(), path).unwrap();
    assert_eq!(line, "HTTP/1.1 200 OK", "{base}{path}");
}

/// A target held in the background: what was told of it. A test that failed leaves none behind.
pub(crate) struct Detached(Value);

impl std::ops::Deref for Detached {
    type Target = Value;
    fn deref(&self) -> &Value {
        &self.0
    }
}

impl Drop for Detached {
    fn drop(&mut self) {
        let file = Path::new(self["folder"].as_str().unwrap()).join("target.json");
        let process = Path::new("/proc").join(holder(self).to_string());
        if file.exists() && process.exists() {
            signal(holder(self), "TERM");
            until_let_go(self);
        }
    }
}

/// Waits until its holder is gone: its services are by then, and the proxies in front of them, which are the holder's
/// own and answer until its very end.
#[track_caller]
pub(crate) fn until_let_go(held: &Value) {
    let process = Path::new("/proc").join(holder(held).to_string());
    until("its holder's end", || (!process.exists()).then_some(()));
}

/// Has a suite's target held in the background.
pub(crate) fn detached(suite: &Suite) -> Detached {
    let ran = suite.run(&["up", "--detach", "--format", "json"]);
    Detached(ran.exits(0).json())
}

/// Its run.
pub(crate) fn id(held: &Value) -> &str {
    held["run"].as_str().unwrap()
}

/// The process that holds it.
pub(crate) fn holder(held: &Value) -> u32 {
    u32::try_from(held["holder"]["pid"].as_u64().unwrap()).unwrap()
}
