//! A Toxiproxy server for tests, on threads of its own: does as it is asked, but for what it is told to refuse or to hold.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};

#[derive(Default)]
struct State {
    proxies: BTreeMap<String, Value>,
    asked: Vec<String>,
    refused: Vec<String>,
    held: Vec<String>,
}

/// An address that refuses connections for as long as its socket is kept: bound, and nobody listens.
pub(super) fn nobody() -> (tokio::net::TcpSocket, String) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/", socket.local_addr().unwrap());
    (socket, url)
}

/// The server.
pub(super) struct Fake {
    pub(super) url: String,
    state: Arc<Mutex<State>>,
}

impl Fake {
    /// One with proxies of these names.
    pub(super) fn start(proxies: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let proxies = proxies.iter().map(|name| {
            let proxy = json!({"name": name, "listen": "127.0.0.1:1", "upstream": "127.0.0.1:2", "enabled": true, "toxics": []});
            ((*name).to_owned(), proxy)
        });
        let state = Arc::new(Mutex::new(State {
            proxies: proxies.collect(),
            ..State::default()
        }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { url, state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Answers requests that begin so with an error. One that adds is done all the same.
    pub(super) fn refuse(&self, asked: &str) {
        self.state().refused.push(asked.to_owned());
    }

    /// Answers requests that begin so never.
    pub(super) fn hold(&self, asked: &str) {
        self.state().held.push(asked.to_owned());
    }

    /// Answers everything again.
    pub(super) fn behave(&self) {
        let mut state = self.state();
        state.refused.clear();
        state.held.clear();
    }

    /// Requests that begin so.
    pub(super) fn asked(&self, begin: &str) -> usize {
        let state = self.state();
        let asked = state.asked.iter();
        asked.filter(|asked| asked.starts_with(begin)).count()
    }

    /// A proxy; null if there is none.
    pub(super) fn proxy(&self, name: &str) -> Value {
        self.state().proxies.get(name).cloned().unwrap_or_default()
    }

    /// Puts a toxic on a proxy.
    pub(super) fn toxic(&self, proxy: &str, name: &str) {
        let mut state = self.state();
        let toxics = state.proxies.get_mut(proxy).unwrap()["toxics"].as_array_mut();
        toxics.unwrap().push(json!({ "name": name }));
    }

    /// Disables a proxy.
    pub(super) fn disable(&self, proxy: &str) {
        self.state().proxies.get_mut(proxy).unwrap()["enabled"] = false.into();
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) {
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
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let asked = first.rsplit_once(' ').unwrap().0;
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let answer = {
        let mut state = state.lock().unwrap();
        state.asked.push(asked.to_owned());
        let among = |all: &[String]| all.iter().any(|begin| asked.starts_with(begin.as_str()));
        let (held, refused) = (among(&state.held), among(&state.refused));
        let does = !held && (!refused || asked.starts_with("POST"));
        let done = does.then(|| answer(&mut state.proxies, asked, body));
        match (held, refused) {
            (true, _) => None,
            (_, true) => Some((500, json!({"error": "out of order"}))),
            _ => done,
        }
    };
    let Some((status, body)) = answer else {
        // Until the other side has had enough.
        let _ = stream.read(&mut [0]);
        return;
    };
    let body = body.to_string();
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status} Words\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    let _ = stream.write_all((head + &body).as_bytes());
}

fn answer(proxies: &mut BTreeMap<String, Value>, asked: &str, body: Value) -> (u16, Value) {
    let (method, path) = asked.split_once(" /").unwrap();
    let parts: Vec<&str> = path.split('/').collect();
    let done = match (method, parts.as_slice()) {
        ("GET", ["version"]) => Some(json!({"version": "2.12.0"})),
        ("GET", ["proxies"]) => Some(json!(proxies)),
        ("GET", ["proxies", proxy]) => proxies.get(*proxy).cloned(),
        ("DELETE", ["proxies", proxy]) => proxies.remove(*proxy),
        ("PATCH", ["proxies", proxy]) => proxies.get_mut(*proxy).map(|proxy| {
            proxy["enabled"] = body["enabled"].clone();
            proxy.clone()
        }),
        ("POST", ["proxies", proxy, "toxics"]) => proxies.get_mut(*proxy).map(|proxy| {
            proxy["toxics"].as_array_mut().unwrap().push(body.clone());
            body
        }),
        ("DELETE", ["proxies", proxy, "toxics", toxic]) => {
            let toxics = proxies.get_mut(*proxy).unwrap()["toxics"].as_array_mut();
            let toxics = toxics.unwrap();
            let at = toxics.iter().position(|one| one["name"] == **toxic);
            at.map(|at| toxics.remove(at))
        }
        _ => None,
    };
    done.map_or_else(|| (404, json!({"error": "not found"})), |done| (200, done))
}
