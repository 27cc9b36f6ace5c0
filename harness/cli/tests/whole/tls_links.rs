//! A target that speaks TLS behind the fault proxy: links change no byte, so certificates are judged, protocols agreed on
//! and faults felt as without them; what harness asks the service itself goes over TLS too.

use crate::certificates::{Authority, Https, Setup, Signed};
use crate::support::{Suite, turn};
use serde_json::Value;

/// The test that is the service, in a process of its own.
const NAME: &str = "tls_links::a_tls_server_when_asked_to_be_one";
const PORT: &str = "HARNESS_TEST_TLS_PORT";
/// The folder of its certificate and key.
const PEMS: &str = "HARNESS_TEST_TLS_PEMS";

#[test]
fn a_tls_server_when_asked_to_be_one() {
    let Ok(port) = std::env::var(PORT) else {
        return;
    };
    let pems = std::path::PathBuf::from(std::env::var_os(PEMS).unwrap());
    let read = |name: &str| std::fs::read_to_string(pems.join(name)).unwrap();
    let signed = Signed {
        cert: read("cert.pem"),
        key: read("key.pem"),
    };
    let setup = Setup {
        signed: &signed,
        clients_of: None,
        alpn: &["h2", "http/1.1"],
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let _server = Https::start_at(setup, port.parse().unwrap()).await;
        std::future::pending::<()>().await;
    });
}

/// A suite whose only service has a certificate for `name`, behind a link that says so.
fn suite(name: &str, target: &str, ready: &str, scenario: &str) -> Suite {
    let own = std::env::current_exe().unwrap();
    let ours = Authority::new("ours");
    let signed = ours.server(&[name]);
    let suite = Suite::new(&[
        (
            "scenarios/journeys/look.toml",
            "title = \"Look\"\n[[step]]\nname = \"look\"\nget = \"/\"\nexpect = [\"status == 200\", \"$.ok == true\"]\n",
        ),
        (
            "scenarios/little.toml",
            &format!("title = \"A little\"\n{scenario}"),
        ),
    ]);
    for (file, text) in [
        ("ca.pem", &ours.pem),
        ("pems/cert.pem", &signed.cert),
        ("pems/key.pem", &signed.key),
    ] {
        suite.write(file, text);
    }
    let config = format!(
        r#"[project]
name = "secure"
[target]
mode = "process"
{target}
[target.service.server]
process = {{ command = ["{}", "--exact", "{NAME}"] }}
env = {{ {PORT} = "${{port}}", {PEMS} = "{}" }}
ready = {{ {ready} within = "60s" }}
[target.link.edge]
to = "server"
scheme = "https"
"#,
        own.display(),
        suite.path().join("pems").display(),
    );
    suite.write("harness.toml", &config);
    suite
}

const TRUSTED: &str = "[target.tls]\nca = \"ca.pem\"";

fn load(more: &str) -> String {
    format!(
        "[load]\nrate = \"50/s\"\nfor = \"1s\"\nmix = {{ look = 1 }}\n{more}\n[[gate]]\nexpect = \"error_rate < 20%\"\n"
    )
}

/// The figures of the load's only step.
fn step(json: &Value) -> Value {
    json["scenarios"][0]["names"]["look/look"].clone()
}

#[test]
fn a_load_goes_over_tls_through_a_link() {
    let _turn = turn();
    for (version, entry) in [("2", ""), ("1.1", ""), ("auto", "entry = \"server\"")] {
        let http = format!("[load.http]\nversion = \"{version}\"\nconnections = 4");
        let target = format!("{entry}\n{TRUSTED}");
        let suite = suite("127.0.0.1", &target, "get = \"/health\",", &load(&http));
        let ran = suite.run(&["run", "--format", "json"]).exits(0);
        let look = step(&ran.json());
        assert_eq!(look["ok"], 50, "HTTP/{version}: {look:#}");
        let shaken = look["phases"]["tls"]["count"].as_u64().unwrap();
        assert!((1..=4).contains(&shaken), "{look:#}");
    }
}

#[test]
fn a_fault_on_the_link_is_felt_inside_tls() {
    let _turn = turn();
    let fault = "[[fault]]\nname = \"slow edge\"\nlink = \"edge\"\nlatency = { delay = \"300ms\" }\nat = \"1s\"\nfor = \"4s\"\n";
    let load = load("[load.http]\nreuse = \"never\"").replace("\"1s\"", "\"6s\"");
    let suite = suite("127.0.0.1", TRUSTED, "", &format!("{load}{fault}"));
    let ran = suite.run(&["run", "--format", "json"]);
    let json = ran.json();
    let look = step(&json);
    // Each flight of the handshake waits, and so does the answer.
    let p50 = |phase: &str| look["phases"][phase]["p50"].as_u64().unwrap();
    assert!(p50("tls") >= 300_000, "{look:#}");
    assert!(p50("first-byte") >= 300_000, "{look:#}");
    assert!(p50("connect") < p50("tls"), "{look:#}");
}

#[test]
fn the_name_expected_is_the_links_unless_another_is_set() {
    let _turn = turn();
    let suite = suite("shop.internal", TRUSTED, "", &load(""));
    let ran = suite.run(&["run"]);
    assert_ne!(ran.code, 0);
    let told = format!("{}{}", ran.stdout, ran.stderr);
    assert!(told.contains("server_name"), "{told}");
    let config = suite.read("harness.toml");
    let named = format!("{TRUSTED}\nserver_name = \"shop.internal\"");
    suite.write("harness.toml", config.replace(TRUSTED, &named));
    let ran = suite.run(&["run", "--format", "json"]).exits(0);
    assert_eq!(step(&ran.json())["ok"], 50);
}
