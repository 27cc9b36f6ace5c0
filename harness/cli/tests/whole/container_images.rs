//! Images that are not built by the run: pulled from a registry, refused by one, and a Toxiproxy's that serves the links.

use crate::support::bundled::lay;
use crate::support::containers::{BASE, engine, nothing_left};
use crate::support::engine::ready_for;
use crate::support::{HARNESS, Suite};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

fn docker(arguments: &[&str]) {
    let ran = Command::new("docker").args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "docker {arguments:?}: {said}");
}

/// A program by its name, where the path leads to it.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// A registry on a port of its own; gone when dropped.
struct Registry {
    child: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Registry {
    fn start(program: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("registry.yml");
        let data = folder.path().join("data");
        let config = format!(
            "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:0\n",
            data.display()
        );
        std::fs::write(&file, config).unwrap();
        let mut child = Command::new(program)
            .arg("serve")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = lines.find_map(|line| {
            let line = line.unwrap();
            let (_, after) = line.split_once("listening on ")?;
            Some(after.split('"').next().unwrap().to_owned())
        });
        // What it says later is read, so that it never waits for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            child,
            address: address.unwrap(),
            _folder: folder,
        }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder from which an image of a program of this machine and its libraries is built, a few megabytes.
fn of_this_machine(program: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let linked = Command::new("ldd").arg(program).output().unwrap();
    let linked = String::from_utf8(linked.stdout).unwrap();
    let libraries = linked
        .split_whitespace()
        .filter(|word| word.starts_with('/'));
    for file in libraries.chain([program]) {
        let to = folder.path().join("root").join(&file[1..]);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(file, to).unwrap();
    }
    let dockerfile = "FROM scratch\nCOPY root /\n";
    std::fs::write(folder.path().join("Dockerfile"), dockerfile).unwrap();
    folder
}

/// The notes, and beside them a service of an image.
fn with(image: &str) -> Suite {
    let suite = Suite::notes(&[]);
    suite.append(
        "harness.toml",
        &format!(
            "[target.service.pulled]\nstop_within = \"1s\"\ncontainer = {{ image = \"{image}\", command = [\"/bin/sleep\", \"600\"] }}\n"
        ),
    );
    suite
}

#[test]
fn an_image_is_pulled_where_a_registry_has_it_and_told_where_it_has_not() {
    if !engine() {
        return;
    }
    let found = program("docker-registry").ok_or("there is no `docker-registry`".to_owned());
    if !ready_for("HARNESS_REQUIRE_REGISTRY", found.clone().map(drop)) {
        return;
    }
    let registry = Registry::start(&found.unwrap());
    let image = format!("{}/harness-test/sleeper:1", registry.address);
    let folder = of_this_machine("/bin/sleep");
    docker(&["build", "-q", "-t", &image, folder.path().to_str().unwrap()]);
    docker(&["push", "-q", &image]);
    docker(&["rmi", &image]);

    let suite = with(&image);
    let ran = suite.run(&["run"]).exits(0);
    nothing_left(&suite.run_id());
    assert!(
        ran.stderr.contains(&format!("pulling the image {image}")),
        "{}",
        ran.stderr
    );
    // It is kept, as by `docker pull`: the registry is asked no more.
    let address = registry.address.clone();
    drop(registry);
    suite.run(&["run"]).exits(0);
    docker(&["rmi", &image]);

    let registry = Registry::start(&program("docker-registry").unwrap());
    assert_ne!(registry.address, address);
    let absent = format!("{}/harness-test/nothing:1", registry.address);
    let suite = with(&absent);
    let ran = suite.run(&["run"]).exits(3);
    nothing_left(&suite.run_id());
    for word in ["pulled", &absent, "its registry does not give it"] {
        assert!(ran.stderr.contains(word), "no `{word}` in\n{}", ran.stderr);
    }
}

const SLOW: &str = r#"
title = "What the gateway asks is answered late, and then not at all"
settle = "2s"
[load]
rate = "40/s"
for = "9s"
mix = { look = 1 }
[[fault]]
name = "late"
link = "catalogue"
at = "1s"
for = "2s"
latency = { delay = "400ms" }
[[fault]]
name = "down"
link = "catalogue"
at = "5s"
for = "2s"
down = true
[[gate]]
expect = "p50 > 350ms"
during = "late"
[[gate]]
expect = "error_rate > 50%"
during = "down"
[[gate]]
expect = "error_rate < 20%"
[[gate]]
expect = "p50 < 300ms"
"#;

const UNKNOWN: &str = r#"
title = "A fault that only our own proxy has"
[load]
rate = "20/s"
for = "5s"
mix = { look = 1 }
[[fault]]
name = "refused"
link = "catalogue"
at = "3s"
for = "1s"
http = { status = 503 }
"#;

/// A Toxiproxy's image: of the real server where the path leads to one, else of `harness proxy --strict`, which does what
/// that does and no more. Says which.
pub(super) fn toxiproxy() -> &'static str {
    let image = "harness-test-toxiproxy:dev";
    let folder = tempfile::tempdir().unwrap();
    let real = program("toxiproxy-server");
    let (from, before) = match &real {
        Some(real) => (real.as_path(), ""),
        None => (Path::new(HARNESS), "\"proxy\", \"--strict\", "),
    };
    let line = match &real {
        Some(real) => format!("Toxiproxy is {}\n", real.display()),
        None => "there is no `toxiproxy-server`: `harness proxy --strict` plays Toxiproxy\n".into(),
    };
    let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
    lay(from, &folder.path().join("server"));
    let dockerfile = format!(
        "FROM {BASE}\nCOPY server /server\nENTRYPOINT [\"/server\", {before}\"-host\", \"0.0.0.0\", \"-port\", \"8474\"]\n"
    );
    std::fs::write(folder.path().join("Dockerfile"), dockerfile).unwrap();
    docker(&["build", "-q", "-t", image, folder.path().to_str().unwrap()]);
    image
}

#[test]
fn a_toxiproxys_image_serves_the_links_between_containers() {
    if !engine() {
        return;
    }
    let image = toxiproxy();
    let suite = |scenario| {
        let suite = Suite::small(&[("scenarios/breaks.toml", scenario)]);
        let more = format!("\n[target.proxy]\nimage = \"{image}\"\n");
        suite.append("harness.toml", &more);
        suite
    };
    let slow = suite(SLOW);
    let (_, id) = slow.holds();
    nothing_left(&id);
    assert_eq!(slow.events_of(&id, "fault_lifted").len(), 2);

    let unknown = suite(UNKNOWN);
    let ran = unknown.run(&["run"]).exits(3);
    nothing_left(&unknown.run_id());
    for word in ["`refused` needs `http`", "does not know"] {
        assert!(ran.stderr.contains(word), "no `{word}` in\n{}", ran.stderr);
    }
    let id = unknown.run_id();
    assert_eq!(unknown.events_of(&id, "load_tick").len(), 0);
}
