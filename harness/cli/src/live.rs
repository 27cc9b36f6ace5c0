//! What shows a run while it goes on: the screen of a load on a terminal that can have one, else bars or lines. Owns the
//! terminal's state and gives it back whatever happens; what is on it is `harness_report`'s.

use crate::printer::Printer;
use harness_core::event::Envelope;
use harness_drive::Clock;
use harness_report::screen::{self, Screen};
use harness_report::terminal::Live;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{self, Event as Input, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::crossterm::{cursor, execute};
use std::io::{self, IsTerminal as _, Stderr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, Once, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Between two drawings, at least.
const DRAW_EVERY: Duration = Duration::from_millis(240);

/// Who shows it.
pub(crate) enum Display {
    /// A whole terminal.
    Screen(OnScreen),
    /// Bars or lines.
    Lines(Box<Live>),
    /// Nobody.
    Nothing,
}

impl Display {
    /// The screen if it is wished for and there is a terminal for it; `stop` is what its keys ask for.
    pub(crate) fn begin(
        wished: bool,
        printer: Printer,
        clock: Clock,
        stop: impl Fn() + Send + 'static,
    ) -> Self {
        if wished && !printer.quiet && !printer.logs && may_have_it_all() {
            // A terminal that refuses still takes lines.
            if let Ok(screen) = OnScreen::begin(clock, printer.colour(), stop) {
                return Self::Screen(screen);
            }
        }
        printer
            .live()
            .map_or(Self::Nothing, |live| Self::Lines(Box::new(live)))
    }

    /// Takes in an event.
    pub(crate) fn hear(&mut self, envelope: &Envelope) {
        match self {
            Self::Screen(on) => on.shared.screen().hear(envelope),
            Self::Lines(live) => live.hear(envelope),
            Self::Nothing => {}
        }
    }

    /// Gives the terminal back.
    pub(crate) fn finish(self) {
        if let Self::Lines(mut live) = self {
            live.finish();
        }
    }
}

/// Whether stderr is a terminal that can be drawn on, and this process is the one it listens to: who writes to it from the
/// background is stopped by it.
fn may_have_it_all() -> bool {
    let err = io::stderr();
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb" || term.is_empty());
    let front =
        rustix::termios::tcgetpgrp(&err).is_ok_and(|group| group == rustix::process::getpgrp());
    err.is_terminal() && !dumb && front
}

/// Whether the terminal is in our state; whoever takes this back gives it back.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Gives the terminal back, once.
fn restore() {
    if TAKEN.swap(false, Ordering::AcqRel) {
        // A terminal that is gone needs nothing.
        let _ = execute!(io::stderr(), LeaveAlternateScreen, cursor::Show);
        let _ = disable_raw_mode();
    }
}

/// A panic's words must be readable, whichever thread they come from.
fn restore_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            before(panic);
        }));
    });
}

/// The screen and the thread that draws it.
pub(crate) struct OnScreen {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What the run tells and the thread draws.
struct Shared {
    screen: Mutex<Screen>,
    over: Mutex<bool>,
    wake: Condvar,
}

impl Shared {
    fn screen(&self) -> std::sync::MutexGuard<'_, Screen> {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_over(&self) -> bool {
        *self.over.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OnScreen {
    fn begin(clock: Clock, colour: bool, stop: impl Fn() + Send + 'static) -> io::Result<Self> {
        restore_on_panic();
        enable_raw_mode()?;
        TAKEN.store(true, Ordering::Release);
        let shared = Arc::new(Shared {
            screen: Mutex::default(),
            over: Mutex::default(),
            wake: Condvar::new(),
        });
        let begun = execute!(io::stderr(), EnterAlternateScreen, cursor::Hide)
            .and_then(|()| Terminal::new(CrosstermBackend::new(io::stderr())))
            .and_then(|terminal| {
                let drawer = Drawer {
                    terminal,
                    shared: Arc::clone(&shared),
                    clock,
                    colour,
                    stop,
                };
                let thread = std::thread::Builder::new().name("screen".to_owned());
                thread.spawn(move || drawer.run())
            });
        match begun {
            Ok(thread) => Ok(Self {
                shared,
                thread: Some(thread),
            }),
            Err(error) => {
                restore();
                Err(error)
            }
        }
    }
}

impl Drop for OnScreen {
    fn drop(&mut self) {
        *self
            .shared
            .over
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = true;
        self.shared.wake.notify_all();
        if let Some(thread) = self.thread.take() {
            // Its panic was told by the hook.
            let _ = thread.join();
        }
        restore();
    }
}

/// The thread's own.
struct Drawer<F> {
    terminal: Terminal<CrosstermBackend<Stderr>>,
    shared: Arc<Shared>,
    clock: Clock,
    colour: bool,
    stop: F,
}

impl<F: Fn()> Drawer<F> {
    fn run(mut self) {
        let mut next = self.clock.now();
        // Where keys can't be read (no terminal to read from), the load still ends by itself or by a signal.
        let mut keys = true;
        while !self.shared.is_over() {
            let now = self.clock.now();
            if now >= next {
                next = now + DRAW_EVERY;
                self.draw(now);
            }
            let rest = next.saturating_sub(self.clock.now());
            match keys {
                true => keys = self.listen(rest).is_ok(),
                false => self.wait(rest),
            }
        }
    }

    fn draw(&mut self, now: Duration) {
        // Given back by a panic elsewhere: its words stay.
        if !TAKEN.load(Ordering::Acquire) {
            return;
        }
        let now_us = u64::try_from(now.as_micros()).unwrap_or(u64::MAX);
        let view = self.shared.screen().look(now_us);
        let colour = self.colour;
        // A terminal that is gone is no reason to stop.
        let _ = self
            .terminal
            .draw(|frame| screen::draw(frame, &view, colour));
    }

    /// Waits for a key, at most so long.
    fn listen(&mut self, at_most: Duration) -> io::Result<()> {
        if !event::poll(at_most)? {
            return Ok(());
        }
        let Input::Key(key) = event::read()? else {
            // Of another size: the next drawing asks for it.
            return Ok(());
        };
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let stops = matches!(key.code, KeyCode::Char('q' | 'Q') | KeyCode::Esc)
            || control && matches!(key.code, KeyCode::Char('c' | 'd'));
        if key.kind == KeyEventKind::Press && stops {
            self.shared.screen().stops();
            (self.stop)();
        }
        Ok(())
    }

    fn wait(&self, at_most: Duration) {
        let over = self
            .shared
            .over
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Woken or not, the caller looks.
        drop(self.shared.wake.wait_timeout(over, at_most));
    }
}
