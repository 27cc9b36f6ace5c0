//! The smallest system under test: the test's own program, started again as a server whose environment makes it slow. A test
//! binary that uses it has a test called [`NAME`] that calls [`serve_if_asked`].

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The test that is a server when asked to be one.
pub(crate) const NAME: &str = "a_server_when_asked_to_be_one";
/// Asks it, and says where it listens.
pub(crate) const PORT: &str = "HARNESS_TEST_SERVER_PORT";
/// Milliseconds every answer takes.
pub(crate) const DELAY: &str = "HARNESS_TEST_SERVER_DELAY_MS";

/// Answers a second that it gives at most; what is asked beyond gets a 503.
pub(crate) const LIMIT: &str = "HARNESS_TEST_SERVER_LIMIT";

/// Set, it ends each answer by closing the connection, and says no length.
pub(crate) const CLOSES: &str = "HARNESS_TEST_SERVER_CLOSES";

/// Milliseconds of processor time that every answer takes.
pub(crate) const BURNS: &str = "HARNESS_TEST_SERVER_BURNS_MS";

/// Bytes that every answer takes and keeps, written to; what it holds is said on standard error.
pub(crate) const GROWS: &str = "HARNESS_TEST_SERVER_GROWS";

/// What it answers with, JSON.
pub(crate) const BODY: &str = "HARNESS_TEST_SERVER_BODY";

/// How it behaves.
struct Manner {
    body: String,
    delay: Duration,
    closes: bool,
    burns: Duration,
    grows: usize,
    bucket: Mutex<Bucket>,
    held: Mutex<Vec<Vec<u8>>>,
    answers: AtomicU64,
}

/// What is left to answer with: it fills at a rate, up to a quarter of a second's worth.
struct Bucket {
    rate: f64,
    left: f64,
    at: Instant,
}

impl Bucket {
    fn takes(&mut self) -> bool {
        let now = Instant::now();
        let more = now.duration_since(self.at).as_secs_f64() * self.rate;
        (self.at, self.left) = (now, (self.left + more).min(self.rate / 4.0));
        let takes = self.left >= 1.0;
        self.left -= f64::from(u8::from(takes));
        takes
    }
}

/// The target's part of a harness.toml: a service `server` with metrics, and a link `edge` that leads to it.
pub(crate) fn target() -> String {
    let own = std::env::current_exe().unwrap();
    format!(
        r#"[target]
mode = "process"
[target.service.server]
process = {{ command = ["{}", "--exact", "{NAME}"] }}
env = {{ {PORT} = "${{port}}" }}
ready = {{ within = "60s" }}
metrics = "/metrics"
[target.link.edge]
to = "server"
"#,
        own.display()
    )
}

/// Serves until it is ended, if the environment says so.
pub(crate) fn serve_if_asked() {
    let Ok(port) = std::env::var(PORT) else {
        return;
    };
    let number = |name| std::env::var(name).map_or(0, |value| value.parse().unwrap());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).unwrap();
    let limit = std::env::var(LIMIT).map_or(f64::INFINITY, |rate| rate.parse().unwrap());
    let manner = Arc::new(Manner {
        body: std::env::var(BODY).unwrap_or_else(|_| "\"ok\"".to_owned()),
        delay: Duration::from_millis(number(DELAY)),
        closes: std::env::var_os(CLOSES).is_some(),
        burns: Duration::from_millis(number(BURNS)),
        grows: usize::try_from(number(GROWS)).unwrap(),
        bucket: Mutex::new(Bucket {
            rate: limit.min(1e9),
            left: 0.0,
            at: Instant::now(),
        }),
        held: Mutex::default(),
        answers: AtomicU64::new(0),
    });
    for stream in listener.incoming().map_while(Result::ok) {
        let manner = Arc::clone(&manner);
        std::thread::spawn(move || serve(&stream, &manner));
    }
}

impl Manner {
    /// Does what an answer costs.
    #[expect(
        clippy::disallowed_methods,
        reason = "a server whose answers take their time"
    )]
    fn labour(&self) {
        std::thread::sleep(self.delay);
        let begun = processor_time();
        while processor_time() - begun < self.burns {}
        if self.grows > 0 {
            let mut held = self.held.lock().unwrap();
            held.push(vec![1; self.grows]);
            let told = format!("holds {} bytes\n", held.len() * self.grows);
            // Past what a test's output is caught by: it may be the last word.
            let _ = std::io::stderr().write_all(told.as_bytes());
        }
        self.answers.fetch_add(1, Ordering::Relaxed);
    }
}

/// What this thread has used.
fn processor_time() -> Duration {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(
        used.tv_sec.cast_unsigned(),
        u32::try_from(used.tv_nsec).unwrap(),
    )
}

fn serve(stream: &TcpStream, manner: &Manner) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let body = if head.starts_with("GET /metrics ") {
            format!(
                "# TYPE answer_delay gauge\nanswer_delay {}\n# TYPE answers gauge\nanswers {}\n",
                manner.delay.as_millis(),
                manner.answers.load(Ordering::Relaxed)
            )
        } else {
            manner.labour();
            manner.body.clone()
        };
        let status = if manner.bucket.lock().unwrap().takes() {
            "200 OK"
        } else {
            "503 Service Unavailable"
        };
        let end = match manner.closes {
            true => "connection: close".to_owned(),
            false => format!("content-length: {}", body.len()),
        };
        let answer =
            format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{end}\r\n\r\n{body}");
        if (&mut &*stream).write_all(answer.as_bytes()).is_err() || manner.closes {
            return;
        }
    }
}

/// An address where nobody listens, nor will as long as this is held: the near end of a connection. A port that was
/// taken and let go may be another's at once.
#[derive(Debug)]
pub(crate) struct Nobody {
    near: TcpStream,
    _far: TcpListener,
}

impl Nobody {
    pub(crate) fn new() -> Self {
        let far = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(far.local_addr().unwrap()).unwrap();
        Self { near, _far: far }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.near.local_addr().unwrap())
    }
}
