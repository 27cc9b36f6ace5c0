//! The screen of `harness load` in a pseudo-terminal: it is there, its keys work, and whatever ends or stops it, the
//! terminal is as it was.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "in a test a panic is the report, helpers included"
)]

use crate::support::{HARNESS, Suite, until};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

const TAKEN: &str = "\u{1b}[?1049h";
const GIVEN_BACK: &str = "\u{1b}[?1049l";
const CURSOR: &str = "\u{1b}[?25h";

/// Where a server says `hi` to everything, for as long as the test lasts.
fn server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/load", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || greet(&stream));
        }
    });
    url
}

fn greet(mut stream: &TcpStream) {
    let mut lines = BufReader::new(stream);
    let mut line = String::new();
    while lines.read_line(&mut line).unwrap_or(0) > 0 {
        if line == "\r\n" {
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
            if stream.write_all(answer).is_err() {
                return;
            }
        }
        line.clear();
    }
}

/// A load in a pseudo-terminal of 80 columns and 24 rows.
struct Terminal {
    _folder: Suite,
    child: Child,
    /// Everything drawn and printed.
    log: PathBuf,
}

impl Terminal {
    /// Begins it and waits until this was shown.
    fn load(arguments: &str, once: &str) -> Self {
        let folder = Suite::new(&[]);
        let log = folder.path().join("typescript");
        let command = format!(
            "stty cols 80 rows 24; sh -c 'echo \"pid=$$\"; exec {HARNESS} load {arguments}'; echo \"code=$?\"; stty -a | grep -q -- '-icanon' && echo raw || echo cooked"
        );
        let child = Command::new("script")
            .args(["-q", "-f", "-c", &command])
            .arg(&log)
            .current_dir(folder.path())
            .env("XDG_STATE_HOME", folder.path().join(".state"))
            .env("TERM", "xterm")
            .env("NO_COLOR", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let terminal = Self {
            _folder: folder,
            child,
            log,
        };
        until("the screen", || {
            terminal.shown().contains(once).then_some(())
        });
        terminal
    }

    fn shown(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    fn after(&self, word: &str) -> String {
        let shown = self.shown();
        let (_, rest) = shown.rsplit_once(word).unwrap();
        rest.split_whitespace().next().unwrap().to_owned()
    }

    fn types(&mut self, keys: &str) {
        let stdin = self.child.stdin.as_mut().unwrap();
        stdin.write_all(keys.as_bytes()).unwrap();
        stdin.flush().unwrap();
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.after("pid=")])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Waits until the load's process is stopped, or is not.
    fn is_stopped(&self, wanted: bool) {
        let stat = format!("/proc/{}/stat", self.after("pid="));
        until("the process's state", || {
            let stat = std::fs::read_to_string(&stat).unwrap();
            let state = stat.rsplit_once(") ").unwrap().1.chars().next();
            ((state == Some('T')) == wanted).then_some(())
        });
    }

    /// Whether the terminal hands over each key as it is typed.
    fn is_raw(&self) -> bool {
        let fd = format!("/proc/{}/fd/2", self.after("pid="));
        let out = Command::new("stty")
            .arg("-a")
            .arg("-F")
            .arg(std::fs::read_link(fd).unwrap())
            .output()
            .unwrap();
        assert!(out.status.success(), "{out:?}");
        String::from_utf8_lossy(&out.stdout).contains("-icanon")
    }

    /// Waits for the end: what was shown, and the load's exit code.
    fn ended(mut self) -> (String, i32) {
        until("the end", || {
            let shown = self.shown();
            (shown.contains("cooked\r\n") || shown.contains("raw\r\n")).then_some(())
        });
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
        let code = self.after("code=").parse().unwrap();
        (self.shown(), code)
    }
}

impl Drop for Terminal {
    /// A test that fails leaves no load behind, least of all a stopped one.
    fn drop(&mut self) {
        let lives = self.child.try_wait().is_ok_and(|ended| ended.is_none());
        if lives && self.shown().contains("pid=") {
            let _ = Command::new("kill")
                .args(["-s", "KILL", &self.after("pid=")])
                .status();
            drop(self.child.stdin.take());
            let _ = self.child.wait();
        }
    }
}

/// What is shown once the terminal was given back for good.
fn at_last(shown: &str) -> &str {
    let (_, after) = shown
        .rsplit_once(GIVEN_BACK)
        .expect("the screen is given back");
    assert!(!after.contains(TAKEN), "and not taken again: {after:?}");
    assert!(after.contains(CURSOR), "the cursor is back: {after:?}");
    assert!(
        after.contains("cooked"),
        "the terminal is as it was: {after}"
    );
    after
}

#[test]
fn on_a_terminal_there_is_a_screen_and_q_stops_the_load_with_its_report() {
    let url = server();
    let mut terminal = Terminal::load(&format!("-c 2 -z 5m {url}"), "Generator");
    terminal.types("q");
    let (shown, code) = terminal.ended();
    assert_eq!(code, 130, "{shown}");
    assert!(shown.contains(TAKEN), "the screen was not taken: {shown}");
    let after = at_last(&shown);
    assert!(
        after.contains("Requests") && after.contains("report "),
        "{after}"
    );
    // And without it there is none.
    let terminal = Terminal::load(&format!("--no-tui -n 5 {url}"), "Requests");
    let (shown, _) = terminal.ended();
    assert!(!shown.contains(TAKEN), "{shown}");
}

#[test]
fn keys_and_signals_that_end_programs_give_the_terminal_back() {
    let url = server();
    for (name, keys, signal) in [
        ("Ctrl-C", "\u{3}", ""),
        ("Ctrl-\\", "\u{1c}", ""),
        ("QUIT", "", "QUIT"),
        ("TERM", "", "TERM"),
    ] {
        let mut terminal = Terminal::load(&format!("-c 1 -z 5m {url}"), "Generator");
        terminal.types(keys);
        if !signal.is_empty() {
            terminal.signal(signal);
        }
        let (shown, code) = terminal.ended();
        assert_eq!(code, 130, "{name}: {shown}");
        let after = at_last(&shown);
        assert!(after.contains("report "), "{name}: {after}");
    }
}

#[test]
fn while_it_is_stopped_the_terminal_is_the_shells() {
    let url = server();
    let mut terminal = Terminal::load(&format!("-c 1 -z 5m {url}"), "Generator");
    for times in 1..=2 {
        assert!(terminal.is_raw());
        terminal.signal("TSTP");
        terminal.is_stopped(true);
        // What it wrote before it stopped may still be on its way to the file.
        until("the screen is given back", || {
            let shown = terminal.shown();
            let given = shown.matches(GIVEN_BACK).count() == times;
            (given && shown.ends_with(CURSOR)).then_some(())
        });
        assert!(!terminal.is_raw());
        terminal.signal("CONT");
        terminal.is_stopped(false);
        // Drawn anew from the first cell, for nothing is left of what was there.
        until("the screen again", || {
            let shown = terminal.shown();
            let drawn = shown.rsplit_once(TAKEN).unwrap().1.contains("Generator");
            (shown.matches(TAKEN).count() == times + 1 && drawn).then_some(())
        });
    }
    terminal.types("q");
    let (shown, code) = terminal.ended();
    assert_eq!(code, 130, "{shown}");
    at_last(&shown);
}
