//! What shows a run while it goes on: the screen of a load on a terminal that can have one, else bars or lines. Whose the
//! terminal is, `tty` knows; what is on it is `harness_report`'s.

use crate::printer::Printer;
use crate::tty;
use harness_core::event::Envelope;
use harness_drive::Clock;
use harness_report::screen::{self, Screen};
use harness_report::terminal::Live;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{self, Event as Input, KeyCode, KeyEventKind, KeyModifiers};
use std::io::{self, Stderr};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
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
        if wished && !printer.quiet && !printer.logs && tty::may_have_it_all() {
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
        tty::take()?;
        let shared = Arc::new(Shared {
            screen: Mutex::default(),
            over: Mutex::default(),
            wake: Condvar::new(),
        });
        let begun = Terminal::new(CrosstermBackend::new(io::stderr())).and_then(|terminal| {
            let drawer = Drawer {
                terminal,
                drawn: None,
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
                tty::give_back();
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
        tty::give_back();
    }
}

/// The thread's own.
struct Drawer<F> {
    terminal: Terminal<CrosstermBackend<Stderr>>,
    /// Which taking of the terminal was drawn on last.
    drawn: Option<u64>,
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
        let now_us = u64::try_from(now.as_micros()).unwrap_or(u64::MAX);
        let view = self.shared.screen().look(now_us);
        let Self {
            terminal,
            drawn,
            colour,
            ..
        } = self;
        // Not while it is given back: by a panic elsewhere, whose words stay, or to a shell.
        tty::while_taken(|taking| {
            // A terminal that is gone is no reason to stop.
            if *drawn != Some(taking) {
                *drawn = Some(taking);
                // A new one knows that nothing is there; `clear` would ask the terminal where its cursor is, and wait.
                if let Ok(blank) = Terminal::new(CrosstermBackend::new(io::stderr())) {
                    *terminal = blank;
                }
            }
            let _ = terminal.draw(|frame| screen::draw(frame, &view, *colour));
        });
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
            // Ctrl-\ is told as Ctrl-4: both are one byte.
            || control && matches!(key.code, KeyCode::Char('c' | 'd' | '4' | '\\'));
        if key.kind == KeyEventKind::Press && control && key.code == KeyCode::Char('z') {
            tty::suspend();
        }
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
