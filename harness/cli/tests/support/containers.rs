//! What the tests of container mode share: a small image of the demo system, what is left on the engine of a run, and an
//! engine that can be made to vanish.

use super::bundled::lay;
use super::engine::ready;
use super::{Suite, shop, until};
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

const SOCKET: &str = "/var/run/docker.sock";
/// The base of every image here.
pub(crate) const BASE: &str = "debian:bookworm-slim";

/// The engine's answer to a question, or why there is none.
fn ask(path: &str) -> Result<String, String> {
    order("GET", path)
}

/// The engine's answer to a request, or why there is none.
fn order(method: &str, path: &str) -> Result<String, String> {
    let mut stream = UnixStream::connect(SOCKET).map_err(|error| format!("{SOCKET}: {error}"))?;
    let request = format!("{method} {path} HTTP/1.0\r\nHost: engine\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .map_err(|error| error.to_string())?;
    let mut answer = Vec::new();
    stream
        .read_to_end(&mut answer)
        .map_err(|error| error.to_string())?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
    match head.contains(" 200 ") || head.contains(" 204 ") {
        true => Ok(body.to_owned()),
        false => Err(format!("the engine answers {head}: {body}")),
    }
}

/// Removes a container, as somebody does who knows nothing of the run.
pub(crate) fn remove_by_hand(name: &str) {
    // One that is just being started can't be removed.
    until("its removal", || {
        order("DELETE", &format!("/v1.41/containers/{name}?force=1")).ok()
    });
}

/// The names that a container was given in its run's network of services, sorted.
pub(crate) fn names_of(run: &str, container: &str) -> Vec<String> {
    let found: Value =
        serde_json::from_str(&ask(&format!("/v1.41/containers/{container}/json")).unwrap())
            .unwrap();
    let id = found["Id"].as_str().unwrap();
    let network = &found["NetworkSettings"]["Networks"][format!("harness-{run}-services")];
    let names = network["Aliases"].as_array().unwrap().iter();
    let names = names.map(|name| name.as_str().unwrap());
    // The engine adds its own short id.
    let mut names: Vec<_> = names.filter(|name| !id.starts_with(name)).collect();
    names.sort_unstable();
    names.into_iter().map(str::to_owned).collect()
}

/// The address of this machine's on the engine's bridge; `None` where the bridge is another machine's.
pub(crate) fn bridge() -> Option<String> {
    let bridge: Value = serde_json::from_str(&ask("/v1.41/networks/bridge").unwrap()).unwrap();
    let config = &bridge["IPAM"]["Config"][0];
    // An engine that was never told a gateway names none, and takes the first address.
    let subnet = config["Subnet"].as_str().and_then(|subnet| {
        let base: Ipv4Addr = subnet.split('/').next()?.parse().ok()?;
        Some(Ipv4Addr::from_bits(base.to_bits() + 1).to_string())
    });
    let address = config["Gateway"].as_str().map(str::to_owned).or(subnet)?;
    let here = TcpListener::bind((address.as_str(), 0)).is_ok();
    here.then_some(address)
}

/// A way to the engine over TCP, for as long as the test lives: what `DOCKER_HOST` says for it. It listens on an address of this
/// machine.
pub(crate) fn over_tcp(address: &str) -> String {
    let listener = TcpListener::bind((address, 0)).unwrap();
    let host = format!("tcp://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut engine = UnixStream::connect(SOCKET).unwrap();
            let (mut back, mut answers) =
                (client.try_clone().unwrap(), engine.try_clone().unwrap());
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut client, &mut engine);
                let _ = engine.shutdown(Shutdown::Write);
            });
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut answers, &mut back);
                let _ = back.shutdown(Shutdown::Write);
            });
        }
    });
    host
}

/// Whether an engine answers that has the base image; says visibly if not.
pub(crate) fn engine() -> bool {
    ready(ask(&format!("/v1.41/images/{BASE}/json")).map(drop))
}

/// Names of everything on the engine that carries the label of a run.
pub(crate) fn left(run: &str) -> Vec<String> {
    let filter = format!("%7B%22label%22%3A%5B%22harness.run%3D{run}%22%5D%7D");
    let list = |path: &str| -> Value {
        let answer = ask(&format!("/v1.41/{path}filters={filter}")).unwrap();
        serde_json::from_str(&answer).unwrap()
    };
    let named = |list: &Value, key: &str| {
        let list = list.as_array().cloned().unwrap_or_default().into_iter();
        list.map(|one| one[key].to_string()).collect::<Vec<_>>()
    };
    let mut left = [
        named(&list("containers/json?all=1&"), "Names"),
        named(&list("networks?"), "Name"),
        named(&list("volumes?")["Volumes"], "Name"),
    ]
    .concat();
    left.sort();
    left
}

/// Leaves a run on the engine with nobody to undo it, at least so many things of it: again where the run of a test beside this
/// one came first, which removes what the dead left. Answers what `leave` gives with the run's id.
#[track_caller]
pub(crate) fn abandoned<T>(at_least: usize, mut leave: impl FnMut() -> (String, T)) -> (String, T) {
    for _ in 0..5 {
        let (id, kept) = leave();
        if left(&id).len() >= at_least {
            return (id, kept);
        }
    }
    panic!("less than {at_least} things are left, each time");
}

/// Asserts that nothing of a run is left on the engine.
#[track_caller]
pub(crate) fn nothing_left(run: &str) {
    assert_eq!(left(run), Vec::<String>::new());
}

/// Waits until nothing of a run is left on the engine.
#[track_caller]
pub(crate) fn until_nothing_left(run: &str) {
    until("nothing left", || left(run).is_empty().then_some(()));
}

/// The effects of a run's faults, in order: none failed, and each was lifted.
#[track_caller]
pub(crate) fn all_struck(suite: &Suite, id: &str) -> Vec<Value> {
    let failed = suite.events_of(id, "fault_failed");
    assert!(failed.is_empty(), "{failed:?}");
    let struck = suite.events_of(id, "fault_effective");
    assert_eq!(suite.events_of(id, "fault_lifted").len(), struck.len());
    struck
}

/// Who caused each of these effects.
pub(crate) fn by(struck: &[Value]) -> Vec<&str> {
    let by = struck.iter().map(|event| event["by"].as_str().unwrap());
    by.collect()
}

impl Suite {
    /// A target of one container that runs a shell's words, and how it says that it is ready.
    pub(crate) fn contained(words: &str, more: &str, ready: &str) -> Self {
        let suite = Self::new(&[("scenarios/journeys/look.toml", LOOK)]);
        let toml = format!(
            "[project]\nname = \"one\"\n[target]\nmode = \"container\"\n[target.service.web]\nstop_within = \"1s\"\n\
             container = {{ image = \"{BASE}\", command = [\"sh\", \"-c\", '''{words}'''], port = 8080{more} }}\n\
             ready = {{ {ready} }}\n[target.link.edge]\nto = \"web\"\n"
        );
        suite.write("harness.toml", toml);
        suite
    }

    /// The demo's gateway and inventory in containers, with a link between them, in an image that is built of the binary
    /// beside the tests.
    pub(crate) fn small(files: &[(&str, &str)]) -> Self {
        let suite = Self::new(files);
        suite.write("scenarios/journeys/look.toml", LOOK);
        suite.write(
            "Dockerfile",
            format!("FROM {BASE}\nCOPY shop /usr/local/bin/shop\n"),
        );
        suite.write(".dockerignore", "*\n!shop\n");
        // Sent to the engine, never written to.
        lay(shop(), &suite.path().join("shop"));
        suite.write("harness.toml", SMALL);
        suite
    }
}

/// A visitor's look at the list, which the gateway fetches over a link.
const LOOK: &str = r#"
title = "A visitor looks at products"
[[step]]
name = "the list"
get = "/v1/products"
expect = ["status == 200"]
"#;

const SMALL: &str = r#"
[project]
name = "small"
[target]
mode = "container"
[target.service.inventory]
container = { image = "harness-test-shop:dev", build = { context = ".", dockerfile = "Dockerfile" }, command = ["shop", "inventory", "--host", "0.0.0.0", "--port", "${port}", "--db", "/tmp/inventory.db"], port = 8080 }
ready = { get = "/health/ready", within = "60s" }
stop_within = "5s"
[target.service.gateway]
container = { image = "harness-test-shop:dev", build = { context = ".", dockerfile = "Dockerfile" }, command = ["shop", "gateway", "--host", "0.0.0.0", "--port", "${port}"], port = 8080 }
env = { INVENTORY_URL = "${link.catalogue.url}", ORDERS_URL = "${link.catalogue.url}", NOTIFICATIONS_URL = "${service.inventory.url}", BROKER_URL = "${service.inventory.url}", CACHE = "off", SHOP_API_KEY = "demo-key" }
ready = { get = "/health/live", within = "60s" }
stop_within = "5s"
[target.link.edge]
to = "gateway"
[target.link.catalogue]
from = "gateway"
to = "inventory"
[http]
headers = { x-api-key = "demo-key" }
timeout = "2s"
"#;

/// A way to the engine that can be cut: connections through it end, and new ones are refused. Or it can be held up: they
/// stay and new ones are taken, and nothing is answered any more. Or some requests are answered with an error, not by the engine.
pub(crate) struct Way {
    socket: PathBuf,
    cut: Arc<AtomicBool>,
    held_up: Arc<AtomicBool>,
    refused: Arc<Mutex<Vec<String>>>,
    open: Arc<Mutex<Vec<UnixStream>>>,
}

impl Way {
    /// A way at a path.
    pub(crate) fn at(socket: &Path) -> Self {
        let way = Self {
            socket: socket.to_owned(),
            cut: Arc::default(),
            held_up: Arc::default(),
            refused: Arc::default(),
            open: Arc::default(),
        };
        way.serve();
        way
    }

    fn serve(&self) {
        let listener = UnixListener::bind(&self.socket).unwrap();
        let (cut, open) = (Arc::clone(&self.cut), Arc::clone(&self.open));
        let (held_up, refused) = (Arc::clone(&self.held_up), Arc::clone(&self.refused));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if cut.load(Ordering::Acquire) {
                    return;
                }
                let engine = UnixStream::connect(SOCKET).unwrap();
                for (mut from, mut to, asks) in [
                    (
                        client.try_clone().unwrap(),
                        engine.try_clone().unwrap(),
                        true,
                    ),
                    (
                        engine.try_clone().unwrap(),
                        client.try_clone().unwrap(),
                        false,
                    ),
                ] {
                    let (held_up, refused) = (Arc::clone(&held_up), Arc::clone(&refused));
                    let is_refused = move |piece: &[u8]| asks && begins(piece, &refused);
                    std::thread::spawn(move || pass(&mut from, &mut to, &held_up, is_refused));
                }
                let mut open = open.lock().unwrap();
                open.extend([client, engine]);
                // Cut meanwhile, by whom these two were not there yet.
                if cut.load(Ordering::Acquire) {
                    break_off(&mut open);
                }
            }
        });
    }

    /// What `DOCKER_HOST` says for it.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// Whether it is not cut.
    pub(crate) fn stands(&self) -> bool {
        !self.cut.load(Ordering::Acquire)
    }

    /// Holds it up: whoever asks waits. It is cut before it is mended.
    pub(crate) fn hold_up(&self) {
        self.held_up.store(true, Ordering::Release);
    }

    /// From here on requests for a path that ends so are answered with an error; none, with no path.
    pub(crate) fn refuse(&self, paths: &[&str]) {
        *self.refused.lock().unwrap() = paths.iter().map(|path| (*path).to_owned()).collect();
    }

    /// Ends every connection through it; new ones are taken.
    pub(crate) fn break_off(&self) {
        break_off(&mut self.open.lock().unwrap());
    }

    /// Cuts it.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::Release);
        // The listener lets go of its socket at the next connection.
        let _ = UnixStream::connect(&self.socket);
        std::fs::remove_file(&self.socket).unwrap();
        self.break_off();
    }

    /// Opens it again.
    pub(crate) fn mend(&self) {
        self.cut.store(false, Ordering::Release);
        self.held_up.store(false, Ordering::Release);
        self.serve();
    }
}

fn break_off(open: &mut Vec<UnixStream>) {
    for stream in open.drain(..) {
        let _ = stream.shutdown(Shutdown::Both);
    }
}

/// What is said instead of the engine.
const REFUSAL: &str = "HTTP/1.1 500 Internal Server Error\r\ncontent-type: application/json\r\ncontent-length: 34\r\nconnection: close\r\n\r\n{\"message\":\"the engine is unwell\"}";

/// Whether this is the begin of a request for a path that ends in one of these ways.
fn begins(piece: &[u8], paths: &Mutex<Vec<String>>) -> bool {
    let line = piece
        .split(|byte| *byte == b'\r')
        .next()
        .unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let asked = line.strip_prefix("POST ");
    let path = asked.and_then(|asked| asked.split([' ', '?']).next());
    let paths = paths.lock().unwrap();
    path.is_some_and(|path| paths.iter().any(|refused| path.ends_with(refused)))
}

/// Passes on what comes until it ends, or is refused; what comes while it is held up is lost.
fn pass(
    from: &mut UnixStream,
    to: &mut UnixStream,
    held_up: &AtomicBool,
    is_refused: impl Fn(&[u8]) -> bool,
) {
    let mut piece = [0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        if is_refused(&piece[..count]) {
            let _ = from.write_all(REFUSAL.as_bytes());
            break;
        }
        let passes = !held_up.load(Ordering::Acquire);
        if passes && to.write_all(&piece[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
