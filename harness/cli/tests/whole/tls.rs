//! A person's suites over https, HTTP/2 and Unix sockets: green with the right authority, red with words that help
//! without it, and loud where every certificate was accepted. The servers are this test's own, and nginx's where it is
//! installed; `HARNESS_REQUIRE_NGINX=1` makes its absence a failure.

use crate::certificates::{Authority, Https, Setup, Signed};
use crate::support::{Suite, unless_invalid, until};
use serde_json::Value;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;

/// A runtime with a server on it, for as long as the test lasts.
struct Serving {
    server: Https,
    _runtime: tokio::runtime::Runtime,
}

fn serve(signed: &Signed, clients_of: Option<&Authority>) -> Serving {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let alpn = &["h2", "http/1.1"];
    let setup = Setup {
        signed,
        clients_of,
        alpn,
    };
    let server = runtime.block_on(Https::start(setup));
    Serving {
        server,
        _runtime: runtime,
    }
}

/// A journey, a contract and a load against a URL, with what `[target.tls]` says.
fn suite(url: &str, target: &str, load: &str) -> Suite {
    let config = format!(
        "[project]\nname = \"secure\"\n[target]\nmode = \"external\"\nurl = \"{url}\"\n{target}\n"
    );
    let journey = "title = \"Look\"\n[[step]]\nname = \"look\"\nget = \"/\"\nexpect = [\"status == 200\", \"$.ok == true\"]\n";
    let scenario = format!(
        "title = \"A little\"\n[load]\nrate = \"50/s\"\nfor = \"1s\"\nmix = {{ look = 1 }}\n{load}\n[[gate]]\nexpect = \"error_rate < 20%\"\n"
    );
    Suite::new(&[
        ("harness.toml", &config),
        ("scenarios/journeys/look.toml", journey),
        ("scenarios/little.toml", &scenario),
    ])
}

fn with_files(suite: Suite, files: &[(&str, &str)]) -> Suite {
    files
        .iter()
        .for_each(|(name, text)| suite.write(name, text));
    suite
}

/// The figures of the load's only step.
fn step(json: &Value) -> Value {
    json["scenarios"][0]["names"]["look/look"].clone()
}

/// Every file below a folder that is text, or was packed.
fn everything_below(folder: &Path, seen: &mut Vec<u8>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            everything_below(&path, seen);
        } else {
            let bytes = std::fs::read(&path).unwrap();
            let packed = path.extension().is_some_and(|ending| ending == "zst");
            seen.extend(if packed {
                zstd::decode_all(&bytes[..]).unwrap()
            } else {
                bytes
            });
        }
    }
}

#[test]
fn a_private_authority_and_a_client_certificate() {
    let ours = Authority::new("ours");
    let signed = ours.server(&["localhost"]);
    let serving = serve(&signed, Some(&ours));
    let client = ours.client("tester");
    let url = serving.server.url("localhost");
    let target =
        "[target.tls]\nca = \"tls/ca.pem\"\ncert = \"tls/cert.pem\"\nkey = \"tls/key.pem\"";
    let files: &[(&str, &str)] = &[
        ("tls/ca.pem", &ours.pem),
        ("tls/cert.pem", &client.cert),
        ("tls/key.pem", &client.key),
    ];
    let suite = with_files(suite(&url, target, ""), files);
    let seen = &serving.server.seen;
    let (ran, ()) = unless_invalid(|| {
        seen.http2.store(0, Ordering::SeqCst);
        (suite.run(&["run", "--format", "json"]), ())
    });
    let json = ran.json();
    assert_eq!(ran.code, 0, "{json:#}");
    let look = step(&json);
    assert_eq!(look["ok"], 50, "{json:#}");
    assert_eq!(look["phases"]["tls"]["count"], 1, "{look:#}");
    assert!(json["run"].get("insecure").is_none());
    // The journey by HTTP/1.1, the load by what the server likes best.
    assert_eq!(seen.http2.load(Ordering::SeqCst), 50);
    assert!(seen.http1.load(Ordering::SeqCst) >= 1);

    // A replay reads them again, and no more of a file than a certificate may have.
    std::fs::remove_file(suite.path().join("tls/ca.pem")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", suite.path().join("tls/ca.pem")).unwrap();
    let refused = suite.run(&["replay", "latest"]).exits(2);
    assert!(
        refused.stderr.contains("tls/ca.pem: it is no regular file")
            && refused.stderr.contains("at most 32000000 bytes are read"),
        "{}",
        refused.stderr
    );
    std::fs::remove_file(suite.path().join("tls/ca.pem")).unwrap();
    suite.write("tls/ca.pem", &ours.pem);

    // Nothing of the key is anywhere: not in the events, the plan, a report or what was printed.
    let mut written = Vec::new();
    everything_below(&suite.path().join("reports"), &mut written);
    let plan = suite.run(&["plan"]).exits(0);
    let all = format!(
        "{}{}{}{}{}",
        String::from_utf8_lossy(&written),
        ran.stdout,
        ran.stderr,
        plan.stdout,
        plan.stderr
    );
    assert!(all.contains("tls/key.pem"));
    let secret: Vec<_> = client.key.lines().filter(|l| !l.starts_with('-')).collect();
    assert!(secret.len() >= 2);
    for line in secret {
        assert!(
            !all.contains(line),
            "a line of the key is in what was written"
        );
    }

    // Without the client's certificate, and without the authority.
    let config = suite.read("harness.toml");
    let without = |key: &str| -> String {
        let lines = config.lines().filter(|line| !line.starts_with(key));
        lines.map(|line| format!("{line}\n")).collect()
    };
    suite.write(
        "harness.toml",
        without("cert").replace("key = \"tls/key.pem\"\n", ""),
    );
    let ran = suite.run(&["run"]);
    assert_ne!(ran.code, 0);
    let told = format!("{}{}", ran.stdout, ran.stderr);
    assert!(told.contains("client certificate"), "{told}");

    let other = Authority::new("other");
    suite.write("harness.toml", config.clone());
    suite.write("tls/ca.pem", &other.pem);
    let ran = suite.run(&["run"]);
    assert_ne!(ran.code, 0);
    let told = format!("{}{}", ran.stdout, ran.stderr);
    assert!(told.contains("`ca` in [target.tls]"), "{told}");
}

#[test]
fn insecure_is_shouted_in_every_report() {
    let ours = Authority::new("ours");
    let signed = ours.expired(&["elsewhere"]);
    let serving = serve(&signed, None);
    let suite = suite(
        &serving.server.url("localhost"),
        "[target.tls]\ninsecure = true",
        "",
    );
    let ran = suite.plays(&["run"]).exits(0);
    assert!(
        ran.stdout
            .contains("INSECURE: every certificate was accepted"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stderr.contains("any certificate is accepted"),
        "{}",
        ran.stderr
    );
    let mut written = Vec::new();
    everything_below(&suite.only_run(), &mut written);
    let run = suite.only_run();
    for report in ["report.html", "summary.md"] {
        let text = std::fs::read_to_string(run.join(report)).unwrap();
        assert!(text.contains("INSECURE"), "{report}");
    }
    let written = String::from_utf8_lossy(&written);
    assert!(written.contains("\"insecure\": true"));
}

#[test]
fn another_name_than_the_urls() {
    let ours = Authority::new("ours");
    let signed = ours.server(&["shop.internal"]);
    let serving = serve(&signed, None);
    let target = "[target.tls]\nca = \"ca.pem\"\nserver_name = \"shop.internal\"";
    let load = "[load.http]\nversion = \"1.1\"\nreuse = \"never\"";
    let url = serving.server.url("127.0.0.1");
    let suite = with_files(suite(&url, target, load), &[("ca.pem", &ours.pem)]);
    let ran = suite.plays(&["run", "--format", "json"]).exits(0);
    assert_eq!(step(&ran.json())["phases"]["tls"]["count"], 50);
    let seen = &serving.server.seen;
    assert!(
        seen.names
            .lock()
            .unwrap()
            .iter()
            .all(|name| name == "shop.internal")
    );
    let host = format!("127.0.0.1:{}", serving.server.port);
    assert!(seen.hosts.lock().unwrap().iter().all(|seen| *seen == host));
}

#[test]
fn what_is_wrong_with_the_files_is_told_at_its_line() {
    let ours = Authority::new("ours");
    let (one, other) = (ours.client("one"), ours.client("other"));
    let told = |target: &str, files: &[(&str, &str)], words: &str| {
        let suite = with_files(suite("https://localhost:1", target, ""), files);
        for arguments in [&["check"][..], &["run"]] {
            let ran = suite.run(arguments).exits(2);
            let told = format!("{}{}", ran.stdout, ran.stderr);
            assert!(
                told.contains(words) && told.contains("harness.toml:"),
                "{told}"
            );
        }
    };
    let pair = "[target.tls]\ncert = \"c.pem\"\nkey = \"k.pem\"";
    told(
        pair,
        &[("c.pem", &one.cert), ("k.pem", &other.key)],
        "not that of the certificate",
    );
    told(pair, &[("c.pem", &one.cert)], "there is no file `k.pem`");
    told(
        pair,
        &[("c.pem", &one.key), ("k.pem", &one.key)],
        "there is no certificate in `c.pem`",
    );
    told(
        pair,
        &[("c.pem", &one.cert), ("k.pem", &one.cert)],
        "there is no private key in `k.pem`",
    );
    let locked = one.key.replace("BEGIN PRIVATE", "BEGIN ENCRYPTED PRIVATE");
    told(
        pair,
        &[("c.pem", &one.cert), ("k.pem", &locked)],
        "locked with a passphrase",
    );
    told(
        "[target.tls]\ncert = \"c.pem\"",
        &[("c.pem", &one.cert)],
        "`cert` needs `key` beside it",
    );
    let cut = &ours.pem[..ours.pem.len() / 2];
    told(
        "[target.tls]\nca = \"ca.pem\"",
        &[("ca.pem", cut)],
        "a part of it has no end",
    );
    told(
        "[target.tls]\nserver_name = \"a:1\"",
        &[],
        "not the name of a server",
    );
    told("[target.tls]\nca = \"../ca.pem\"", &[], "must stay below");
    told("[target.tls]\ncertificate = \"c.pem\"", &[], "certificate");
}

#[test]
fn a_unix_socket() {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::os::unix::net::UnixListener;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut stream = stream;
                let mut line = String::new();
                while reader.read_line(&mut line).unwrap_or(0) > 0 {
                    if line == "\r\n" {
                        let answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n{\"ok\":true}";
                        let _ = stream.write_all(answer);
                    }
                    line.clear();
                }
            });
        }
    });
    let suite = suite("http://app.internal", "", "");
    let config = suite.read("harness.toml");
    let socket = format!("socket = \"{}\"\n", path.display());
    suite.write("harness.toml", format!("{config}{socket}"));
    let ran = suite.plays(&["run", "--format", "json"]).exits(0);
    assert_eq!(step(&ran.json())["ok"], 50);
    let refused = config.replace("mode = \"external\"\n", "");
    suite.write("harness.toml", format!("{refused}{socket}"));
    let ran = suite.run(&["check"]).exits(2);
    assert!(
        ran.stdout.contains("only an external target is reached"),
        "{}",
        ran.stdout
    );
}

/// nginx in a folder, ended when dropped.
struct Nginx(Child);

impl Nginx {
    /// Starts it on a port that is free now, with `cert.pem` and `key.pem` of its folder; `None` if it did not live to
    /// listen there.
    fn start(folder: &Path) -> Option<(Self, u16)> {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let root = folder.display();
        let config = format!(
            "daemon off;\nmaster_process off;\nerror_log {root}/error.log;\npid {root}/pid;\nevents {{}}\nhttp {{\n access_log off;\n client_body_temp_path {root}/a;\n proxy_temp_path {root}/b;\n fastcgi_temp_path {root}/c;\n uwsgi_temp_path {root}/d;\n scgi_temp_path {root}/e;\n keepalive_requests 20;\n server {{\n  listen 127.0.0.1:{port} ssl http2;\n  server_name localhost;\n  ssl_certificate {root}/cert.pem;\n  ssl_certificate_key {root}/key.pem;\n  location / {{ default_type application/json; return 200 '{{\"ok\":true}}'; }}\n }}\n}}\n"
        );
        std::fs::write(folder.join("nginx.conf"), config).unwrap();
        let child = Command::new("nginx")
            .args(["-e", "stderr", "-p"])
            .arg(folder)
            .arg("-c")
            .arg(folder.join("nginx.conf"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut nginx = Self(child);
        // It writes its pid when it has its sockets: an answer before that is another's.
        until("nginx listens, or ends", || {
            if nginx.0.try_wait().unwrap().is_some() {
                return Some(None);
            }
            let listens = folder.join("pid").exists()
                && std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
            listens.then_some(Some(()))
        })?;
        Some((nginx, port))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_server_that_others_wrote() {
    let there = Command::new("nginx")
        .arg("-v")
        .stderr(Stdio::null())
        .status();
    if !there.is_ok_and(|status| status.success()) {
        assert!(
            std::env::var_os("HARNESS_REQUIRE_NGINX").is_none(),
            "nginx is not installed"
        );
        eprintln!("skipped: nginx is not installed");
        return;
    }
    let ours = Authority::new("ours");
    let signed = ours.server(&["localhost"]);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cert.pem"), &signed.cert).unwrap();
    std::fs::write(folder.path().join("key.pem"), &signed.key).unwrap();
    // It can't be given a socket: whoever takes the port first makes it end, and then another is tried.
    let (_nginx, port) = until("nginx listens", || Nginx::start(folder.path()));
    let url = format!("https://localhost:{port}");
    let target = "[target.tls]\nca = \"ca.pem\"";
    // It closes a connection behind its twentieth request: by farewell in HTTP/2, by header in HTTP/1.1.
    for version in ["2", "1.1", "auto"] {
        let load = format!("[load.http]\nversion = \"{version}\"\nconnections = 4");
        let suite = with_files(suite(&url, target, &load), &[("ca.pem", &ours.pem)]);
        let ran = suite.plays(&["run", "--format", "json"]).exits(0);
        let look = step(&ran.json());
        assert_eq!(look["ok"], 50, "HTTP/{version}: {look:#}");
        assert!(
            look["phases"]["tls"]["count"].as_u64().unwrap() >= 3,
            "{look:#}"
        );
    }
}

#[test]
fn a_url_is_loaded_over_tls_with_flags_alone() {
    let ours = Authority::new("ours");
    let signed = ours.server(&["localhost"]);
    let serving = serve(&signed, Some(&ours));
    let client = ours.client("tester");
    let url = serving.server.url("localhost");
    let files = [
        ("of/ca.pem", ours.pem.as_str()),
        ("of/cert.pem", &client.cert),
        ("of/key.pem", &client.key),
    ];
    let folder = with_files(Suite::new(&[]), &files);
    let absolute = folder.path().join("of/ca.pem").display().to_string();
    let certified = [
        "--cert",
        "of/cert.pem",
        "--key",
        "of/key.pem",
        "-n",
        "30",
        "--json",
        &url,
    ];
    let seen = &serving.server.seen;
    for (flags, by) in [
        (&["load", "--cacert", &absolute, "--http2"][..], &seen.http2),
        (&["load", "--cacert", "of/ca.pem", "--http1.1"], &seen.http1),
        (&["load", "-k", "--http2"], &seen.http2),
    ] {
        let before = by.load(Ordering::SeqCst);
        let ran = folder.run(&[flags, &certified].concat());
        let summary = ran.json();
        assert_eq!(
            summary["requests"]["ok"], 30,
            "{flags:?}: {summary:#}{}",
            ran.stderr
        );
        // A few more asked beforehand whether anything answers.
        let sent = by.load(Ordering::SeqCst) - before;
        assert!((30..=33).contains(&sent), "{flags:?}: {sent}");
        let insecure = summary["notices"].to_string().contains("INSECURE");
        assert_eq!(insecure, flags.contains(&"-k"), "{summary:#}");
    }
    // Without the authority nothing is sent, and a file that is none is told.
    let ran = folder.run(&[&["load"][..], &certified].concat()).exits(3);
    assert!(ran.stdout.contains("certificate"), "{}", ran.stdout);
    folder.write("of/none.pem", "nothing");
    let ran = folder.run(&[&["load", "--cacert", "of/none.pem"][..], &certified].concat());
    assert_eq!(ran.code, 2, "{}{}", ran.stdout, ran.stderr);
    let ran = folder
        .run(&[&["load", "--cacert", "of/gone.pem"][..], &certified].concat())
        .exits(2);
    assert!(ran.stderr.contains("gone.pem"), "{}", ran.stderr);
}
