//! Whose the terminal is: ours while a screen is drawn (raw, the alternate screen, no cursor), else the shell's. It is given
//! back whatever happens: at the end, by a panic of any thread, and while the process is stopped by Ctrl-Z; and taken again
//! when it goes on. Knows nothing of what is drawn.

use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::crossterm::{cursor, execute};
use rustix::process::{Signal, getpgrp, getpid, kill_current_process_group, kill_process};
use std::io::{self, IsTerminal as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use tokio::signal::unix::{SignalKind, signal};

/// Whether the terminal is in our state; whoever takes this back gives it back.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// Whether somebody wants it, now or when the process goes on.
static WANTED: AtomicBool = AtomicBool::new(false);
/// How often it was taken; held by who draws or changes hands.
static HANDS: Mutex<u64> = Mutex::new(0);

fn hands() -> MutexGuard<'static, u64> {
    HANDS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether stderr is a terminal that can be drawn on, and this process is the one it listens to: who writes to it from the
/// background is stopped by it.
pub(crate) fn may_have_it_all() -> bool {
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb" || term.is_empty());
    io::stderr().is_terminal() && !dumb && in_front()
}

fn in_front() -> bool {
    rustix::termios::tcgetpgrp(io::stderr()).is_ok_and(|group| group == getpgrp())
}

/// Takes it, until [`give_back`]. Within a runtime it also hears Ctrl-Z and its end.
pub(crate) fn take() -> io::Result<()> {
    give_back_on_panic();
    hear_stops();
    let taken = enter(&mut hands());
    WANTED.store(taken.is_ok(), Ordering::Release);
    taken
}

/// Gives it back; nothing if it is not ours.
pub(crate) fn give_back() {
    let _hands = hands();
    WANTED.store(false, Ordering::Release);
    leave();
}

/// Draws if the terminal is ours, told which taking it is: of a new one nothing is left on it.
pub(crate) fn while_taken(draw: impl FnOnce(u64)) {
    let hands = hands();
    if TAKEN.load(Ordering::Acquire) {
        draw(*hands);
    }
}

/// As Ctrl-Z does where a terminal is not raw: all who share it are stopped, we by our own handler.
pub(crate) fn suspend() {
    // Who may not even signal itself goes on.
    let _ = kill_current_process_group(Signal::TSTP);
}

fn enter(hands: &mut u64) -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::Release);
    *hands += 1;
    let entered = execute!(io::stderr(), EnterAlternateScreen, cursor::Hide);
    entered.inspect_err(|_| leave())
}

fn leave() {
    if TAKEN.swap(false, Ordering::AcqRel) {
        // A terminal that is gone needs nothing.
        let _ = execute!(io::stderr(), LeaveAlternateScreen, cursor::Show);
        let _ = disable_raw_mode();
    }
}

/// A panic's words must be readable, whichever thread they come from. It may come from who holds the terminal.
fn give_back_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            WANTED.store(false, Ordering::Release);
            leave();
            before(panic);
        }));
    });
}

/// From here on a stop gives the terminal to the shell first, and going on takes it again. Without a runtime, or where
/// signals can't be heard, stops do as they always do.
fn hear_stops() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let _within = runtime.enter();
        let kind = |signal: Signal| SignalKind::from_raw(signal.as_raw());
        let (stops, goes_on) = (signal(kind(Signal::TSTP)), signal(kind(Signal::CONT)));
        let (Ok(mut stops), Ok(mut goes_on)) = (stops, goes_on) else {
            return;
        };
        runtime.spawn(async move {
            while stops.recv().await.is_some() {
                let _hands = hands();
                leave();
                // Whoever was to be stopped and can't be goes on, without a screen.
                let _ = kill_process(getpid(), Signal::STOP);
            }
        });
        runtime.spawn(async move {
            while goes_on.recv().await.is_some() {
                let mut hands = hands();
                if WANTED.load(Ordering::Acquire) && in_front() {
                    // After a stop that could not be heard a shell may have changed it under our hands.
                    leave();
                    let _ = enter(&mut hands);
                }
            }
        });
    });
}

#[cfg(test)]
#[expect(clippy::panic, reason = "in a test a panic is the report")]
mod tests {
    use super::*;
    use std::process::Command;

    const PANICS: &str = "HARNESS_TEST_TTY_PANICS";

    /// In a pseudo-terminal this test runs itself again, takes the terminal there and panics in another thread.
    #[test]
    fn a_panic_gives_the_terminal_back_before_its_words() {
        if std::env::var_os(PANICS).is_some() {
            take().unwrap();
            let panicked = std::thread::spawn(|| panic!("as asked")).join();
            assert!(panicked.is_err() && !TAKEN.load(Ordering::Acquire));
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("typescript");
        let own = std::env::current_exe().unwrap();
        let name = "tty::tests::a_panic_gives_the_terminal_back_before_its_words";
        let command = format!(
            "{} --exact {name} --nocapture; stty -a | grep -q -- '-icanon' && echo raw || echo cooked",
            own.display()
        );
        let done = Command::new("script")
            .args(["-q", "-f", "-c", &command])
            .arg(&log)
            .env(PANICS, "1")
            .env("TERM", "xterm")
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .status();
        assert!(done.unwrap().success());
        let shown = String::from_utf8_lossy(&std::fs::read(&log).unwrap()).into_owned();
        let (_, after) = shown.split_once("\u{1b}[?1049h").unwrap();
        let (_, after) = after.split_once("\u{1b}[?1049l").unwrap();
        assert!(
            after.contains("as asked") && after.contains("cooked"),
            "{shown}"
        );
        assert!(after.contains("1 passed"), "{shown}");
    }
}
