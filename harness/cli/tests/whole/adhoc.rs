//! Without a suite of one's own, against a system that runs already: `load`, `contract`, `init`, and a suite in external
//! mode.

use crate::support::server::Nobody;
use crate::support::{DEAD_LETTER, Suite, repository, shop, until};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};

/// The shop on ports of its own, ended with the test.
struct Shop {
    services: Vec<(Child, BufReader<ChildStdout>)>,
    gateway: String,
    folder: tempfile::TempDir,
}

impl Shop {
    fn start() -> Self {
        let mut shop = Self {
            services: Vec::new(),
            gateway: String::new(),
            folder: tempfile::tempdir().unwrap(),
        };
        let payments = shop.service(&["payments"], &[]);
        let channels = shop.service(&["channels"], &[]);
        let inventory = shop.stored("inventory", &[]);
        let broker = shop.stored("broker", &[]);
        let messages = [
            ("BROKER_URL", &*broker),
            ("EMAIL_URL", &channels),
            ("SMS_URL", &channels),
            ("PUSH_URL", &channels),
        ];
        let notifications = shop.stored("notifications", &messages);
        let both = [("BROKER_URL", &*broker), ("INVENTORY_URL", &inventory)];
        let orders = shop.stored(
            "orders",
            &[&both[..], &[("PAYMENTS_URL", &payments)]].concat(),
        );
        let others = [
            ("ORDERS_URL", &*orders),
            ("NOTIFICATIONS_URL", &notifications),
            ("SHOP_API_KEY", "test-key-1234"),
            ("SHOP_ADMIN_KEY", "test-admin-1234"),
        ];
        shop.gateway = shop.service(&["gateway"], &[&both[..], &others].concat());
        shop
    }

    /// Walks a suite's journeys through it.
    fn walked(&self, suite: &Suite) {
        let toml = std::fs::read_to_string(suite.path().join("harness.toml")).unwrap();
        let target = format!("[target]\nurl = \"{}\"\n", self.gateway);
        suite.write("harness.toml", toml.replace("[target]\n", &target));
        suite.run(&["run", "--target", "external"]).exits(0);
    }

    /// Leaves in it what a contract asks for.
    fn lived_in(&self) {
        self.walked(&Suite::shop(&[(
            "scenarios/journeys/dead.toml",
            DEAD_LETTER,
        )]));
    }

    /// Starts a service with a database and answers with its address.
    fn stored(&mut self, name: &str, env: &[(&str, &str)]) -> String {
        let db = self.folder.path().join(format!("{name}.db"));
        let db = db.display().to_string();
        self.service(&[name, "--db", &db], env)
    }

    /// Starts a service and answers with its address.
    fn service(&mut self, arguments: &[&str], env: &[(&str, &str)]) -> String {
        let mut command = Command::new(shop());
        command
            .args(arguments)
            .args(["--port", "0"])
            .envs(env.iter().copied())
            .env_remove("DEFECT")
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        self.services.push((child, out));
        format!("http://{}", line.trim().rsplit(' ').next().unwrap())
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        for (child, out) in &mut self.services {
            let _ = child.kill();
            let _ = child.wait();
            let _ = out.read_to_end(&mut Vec::new());
        }
    }
}

/// A folder without a suite.
fn nowhere() -> Suite {
    Suite::new(&[])
}

#[test]
fn a_url_is_loaded_without_a_suite() {
    let shop = Shop::start();
    let folder = nowhere();
    let url = format!("{}/v1/products?limit=3", shop.gateway);
    let key = ["--header", "X-API-Key: test-key-1234"];
    let rest = [
        "--rate",
        "40/s",
        "--for",
        "2s",
        "--expect",
        "status == 200",
        "--expect",
        "count($.items) == 3",
    ];
    let gates = ["--gate", "error_rate < 5%", "--format", "json"];
    let arguments = [&["load", &url][..], &key, &rest, &gates].concat();
    let ran = folder.plays(&arguments).exits(0);
    let summary = ran.json();
    assert_eq!(summary["result"], "pass", "{summary:#}");
    assert_eq!(summary["gates"][0]["grade"], "pass", "{summary:#}");

    let wrong = [
        "load",
        &url,
        "--rate",
        "40/s",
        "--for",
        "2s",
        "--gate",
        "error_rate < 5%",
        "--reports",
        "reports/runs",
    ];
    let expect = ["--expect", "status == 200"];
    folder.plays(&[&wrong[..], &expect].concat()).exits(1);
    let run = folder.runs().pop().unwrap();
    let events = folder.events(run.file_name().unwrap().to_str().unwrap());
    assert!(events.contains("status-401"), "without the key: {events}");
}

#[test]
fn a_load_with_a_body_sends_a_new_one_each_time() {
    let shop = Shop::start();
    let folder = nowhere();
    let url = format!("{}/v1/orders", shop.gateway);
    let arguments = [
        "load",
        &url,
        "-X",
        "POST",
        "-H",
        "x-api-key: test-key-1234",
        "-H",
        "content-type: application/json",
        "-H",
        "idempotency-key: {{ uuid() }}",
        "--body",
        r#"{"sku":"SKU-001","quantity":{{ int(1, 5) }}}"#,
        "--rate",
        "40/s",
        "--for",
        "2s",
        "--expect",
        "status == 201",
        "--gate",
        "error_rate < 5%",
    ];
    folder.plays(&arguments).exits(0);
}

#[test]
fn an_address_where_nothing_answers_is_exit_3_and_a_wrong_one_exit_2() {
    let folder = nowhere();
    let nobody = Nobody::new();
    let url = format!("{}/", nobody.url());
    let ran = folder.run(&["load", &url, "--for", "1s"]).exits(3);
    assert!(
        ran.stdout.contains("nothing answers"),
        "{}{}",
        ran.stdout,
        ran.stderr
    );
    let ran = folder.run(&["load", "localhost:80"]).exits(2);
    assert!(ran.stderr.contains("is not a URL"), "{}", ran.stderr);
    let ran = folder.run(&["load", &url, "--rate", "many"]).exits(2);
    assert!(ran.stderr.contains("many"), "{}", ran.stderr);
}

#[test]
fn an_api_is_checked_against_its_document() {
    let shop = Shop::start();
    shop.walked(&Suite::shop(&[(
        "scenarios/journeys/dead.toml",
        DEAD_LETTER,
    )]));
    let folder = nowhere();
    let file = repository()
        .join("fixtures/openapi/gateway.json")
        .display()
        .to_string();
    let key = ["-H", "x-api-key: test-admin-1234"];
    folder
        .run(&[&["contract", &shop.gateway, &file][..], &key].concat())
        .exits(0);
    let served = format!("{}/openapi.json", shop.gateway);
    // The dead letter was brought back to life.
    shop.lived_in();
    let ran = folder
        .run(
            &[
                &["contract", &shop.gateway, &served, "--format", "json"][..],
                &key,
            ]
            .concat(),
        )
        .exits(0);
    assert_eq!(ran.json()["readiness"]["decision"], "go");
    // The document of another service: its operations are not there.
    let other = repository()
        .join("fixtures/openapi/payments.json")
        .display()
        .to_string();
    folder
        .run(&[&["contract", &shop.gateway, &other][..], &key].concat())
        .exits(1);
    let ran = folder
        .run(&["contract", &shop.gateway, "no-such-file.json"])
        .exits(2);
    assert!(ran.stderr.contains("no-such-file.json"), "{}", ran.stderr);
    // A device without an end is not read to it.
    let ran = folder
        .run(&["contract", &shop.gateway, "/dev/zero"])
        .exits(2);
    assert!(
        ran.stderr
            .contains("failed to read /dev/zero: it has more than 32000000 bytes"),
        "{}",
        ran.stderr
    );
}

/// Answers every request with a small page, as long as the test lives.
fn small_server() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut line = String::new();
                while reader.read_line(&mut line).is_ok_and(|n| n > 0) {
                    if line == "\r\n" {
                        let page = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
                        if stream.write_all(page.as_bytes()).is_err() {
                            return;
                        }
                    }
                    line.clear();
                }
            });
        }
    });
    url
}

#[test]
fn what_init_writes_passes_check_and_run_at_once() {
    let folder = nowhere();
    let url = small_server();
    folder.run(&["init", &url, "mine"]).exits(0);
    let checked = folder.run(&["-C", "mine", "check"]).exits(0);
    assert!(checked.stdout.contains("no errors"), "{}", checked.stdout);
    let ran = folder
        .plays(&["-C", "mine", "run", "--format", "json"])
        .exits(0)
        .json();
    assert_eq!(ran["readiness"]["decision"], "go", "{ran:#}");
    assert_eq!(
        ran["journeys"].as_array().unwrap().len(),
        2,
        "one in TOML, one in words"
    );
    let again = folder.run(&["init", &url, "mine"]).exits(2);
    assert!(
        again.stderr.contains("nothing was written"),
        "{}",
        again.stderr
    );
}

#[test]
fn a_suite_in_process_mode_runs_against_an_address_instead() {
    let shop = Shop::start();
    let suite = Suite::shop(&[(
        "scenarios/journeys/browse.toml",
        "title = \"Browse\"\n[[step]]\nname = \"the list\"\nget = \"/v1/products\"\nexpect = [\"status == 200\"]\n",
    )]);
    shop.walked(&suite);
    let journal = std::fs::read_to_string(suite.only_run().join("undo.ndjson")).unwrap();
    assert!(
        !journal.contains("\"entry\":\"process\""),
        "it started something: {journal}"
    );
    let alive = until("the shop", || {
        Some(std::net::TcpStream::connect(
            &shop.gateway["http://".len()..],
        ))
    });
    assert!(alive.is_ok(), "the run ended what it had not started");
}
