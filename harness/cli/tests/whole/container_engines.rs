//! Engines that can't be used: one that this user may not speak to, one that is too old, one that says nothing of sense. Each
//! is told with what to do, before anything is started.

use crate::support::bundled::lay;
use crate::support::{HARNESS, Suite};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Somebody who is not root.
const NOBODY: u32 = 65534;

fn suite() -> Suite {
    Suite::contained("true", "", "within = \"60s\"")
}

/// A socket that answers every request with this, for as long as the test lives.
fn answering(suite: &Suite, status: &str, body: &'static str) -> PathBuf {
    let socket = suite.path().join("engine.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            std::thread::spawn(move || {
                let mut to = stream.try_clone().unwrap();
                // A request's head ends with an empty line; none here has a body.
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    if line.is_empty() && to.write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    socket
}

#[track_caller]
fn is_told(mut command: Command, socket: &Path, suite: &Suite, words: &[&str]) {
    let host = format!("unix://{}", socket.display());
    let ran = command.env("DOCKER_HOST", &host).output().unwrap();
    let said = String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned();
    assert_eq!(ran.status.code(), Some(3), "{said}");
    for word in words.iter().copied().chain([host.as_str()]) {
        assert!(said.contains(word), "no `{word}` in\n{said}");
    }
    let page = suite.read(&format!("reports/runs/{}/report.html", suite.run_id()));
    assert!(page.contains(words[0]), "no `{}` in the page", words[0]);
}

#[test]
fn an_engine_that_is_too_old_is_told() {
    let suite = suite();
    let old = r#"{"Version":"19.03.15","ApiVersion":"1.40","MinAPIVersion":"1.12","Os":"linux","Arch":"amd64"}"#;
    let socket = answering(&suite, "200 OK", old);
    let words = ["speaks API 1.40", "at least 1.41 is needed", "20.10"];
    is_told(suite.command(&["run"]), &socket, &suite, &words);
}

#[test]
fn what_answers_and_is_no_engine_is_told() {
    let suite = suite();
    let socket = answering(&suite, "404 Not Found", "{\"message\":\"page not found\"}");
    let words = ["no container engine answers", "page not found"];
    is_told(suite.command(&["run"]), &socket, &suite, &words);
}

#[test]
fn an_engine_that_this_user_may_not_speak_to_is_told() {
    let suite = suite();
    let socket = answering(&suite, "200 OK", "{}");
    std::fs::set_permissions(&socket, PermissionsExt::from_mode(0o000)).unwrap();
    let mut command = suite.command(&["run"]);
    // Root may do everything: somebody else has to ask.
    if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
        let own = suite.path().join("harness");
        lay(Path::new(HARNESS), &own);
        std::fs::set_permissions(suite.path(), PermissionsExt::from_mode(0o777)).unwrap();
        command = Command::new(own);
        command
            .arg("run")
            .current_dir(suite.path())
            .env("NO_COLOR", "1")
            .env("XDG_STATE_HOME", suite.path().join(".state"))
            .uid(NOBODY)
            .gid(NOBODY);
    }
    let words = ["this user may not use the container engine", "`docker`"];
    is_told(command, &socket, &suite, &words);
}
