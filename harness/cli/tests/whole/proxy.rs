//! `harness proxy` as users of toxiproxy-server start it: its flags, its file, and how it ends.

use crate::support::HARNESS;
use crate::support::toxiproxy::Server;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;

/// Answers every connection with two bytes and closes it.
fn service() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(b"ok");
        }
    });
    address
}

/// All that comes from an address until its end.
fn heard(address: &str) -> String {
    let mut said = String::new();
    let mut stream = TcpStream::connect(address).unwrap();
    let _ = stream.read_to_string(&mut said);
    said
}

fn refused(arguments: &[&str]) -> (Option<i32>, String) {
    let ended = Command::new(HARNESS)
        .arg("proxy")
        .args(arguments)
        .output()
        .unwrap();
    assert!(ended.stdout.is_empty());
    (
        ended.status.code(),
        String::from_utf8(ended.stderr).unwrap(),
    )
}

#[test]
fn proxies_of_the_file_stand_with_their_toxics_until_it_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("proxies.json");
    let list = format!(
        r#"[{{"name": "web", "listen": "127.0.0.1:0", "upstream": "{0}"}},
            {{"name": "cut", "listen": "127.0.0.1:0", "upstream": "{0}",
              "toxics": [{{"type": "limit_data", "attributes": {{"bytes": 1}}}}]}}]"#,
        service()
    );
    std::fs::write(&file, list).unwrap();
    for word in ["TERM", "INT"] {
        let server = Server::start(&["-config", file.to_str().unwrap(), "-seed", "5"]);
        let (status, shown) = server.ask("GET", "/proxies", "");
        let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(status, 200);
        let at = |name: &str| shown[name]["listen"].as_str().unwrap().to_owned();
        assert_eq!(heard(&at("web")), "ok");
        assert_eq!(
            heard(&at("cut")),
            "o",
            "its toxic was there before the first connection"
        );
        assert_eq!(server.ask("POST", "/reset", "").0, 204);
        assert_eq!(heard(&at("cut")), "ok");
        assert_eq!(server.ask("GET", "/metrics", "").0, 404);
        // Neither a client that says nothing nor one in the middle of a request keeps it.
        let _mute = TcpStream::connect(at("web")).unwrap();
        let mut half = TcpStream::connect(&server.address).unwrap();
        half.write_all(b"POST /populate HTTP/1.1\r\ncontent-length: 9\r\n\r\n")
            .unwrap();
        let (code, said) = server.ends(word);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("2 proxies from"), "{said}");
        assert!(said.contains("seed 5"), "{said}");
        assert!(TcpStream::connect(at("web")).is_err());
    }
}

#[test]
fn metrics_are_there_when_they_are_asked_for() {
    let server = Server::start(&["--proxy-metrics"]);
    let (status, said) = server.ask("GET", "/metrics", "");
    assert_eq!(status, 200);
    assert!(
        said.contains("# TYPE toxiproxy_proxy_sent_bytes_total counter"),
        "{said}"
    );
}

#[test]
fn what_it_can_not_start_with_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("proxies.json");
    let path = file.to_str().unwrap();
    let (code, said) = refused(&["--config", path]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("failed to read"), "{said}");
    // A device without an end is not read to it.
    let (code, said) = refused(&["--config", "/dev/zero"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("failed to read /dev/zero: it has more than 16777216 bytes"),
        "{said}"
    );
    for (text, why) in [
        ("{", "unexpected EOF"),
        (r#"{"name": "a"}"#, "a list of proxies"),
        (
            r#"[{"name": "a", "upstream": "b:1"}, {"name": "c"}]"#,
            "upstream at proxy 2",
        ),
        (
            r#"[{"name": "a", "upstream": "b:1", "listen": "127.0.0.1:0", "toxics": [{"type": "lag"}]}]"#,
            "invalid toxic type at proxy 1",
        ),
    ] {
        std::fs::write(&file, text).unwrap();
        let (code, said) = refused(&["--port", "0", "--config", path]);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(why) && said.contains("hint: "), "{said}");
    }
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (code, said) = refused(&["--port", &port]);
    assert_eq!(code, Some(3), "{said}");
    assert!(
        said.contains("in use") && said.contains("--port 0"),
        "{said}"
    );
}
