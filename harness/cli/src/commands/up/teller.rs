//! Says what happens to a target that is held: the lines of a run's begin, and with the hour and its last lines the end of
//! a service that nobody wished.

use super::super::session;
use crate::printer::Printer;
use harness_core::event::{Envelope, Event};
use harness_core::record::failing;
use harness_report::terminal::Live;
use harness_report::text;
use std::io::{IsTerminal as _, stderr};

/// Who says it.
pub(super) struct Teller {
    printer: Printer,
    /// Nobody when quiet.
    live: Option<Live>,
    /// Whether the target came up.
    up: bool,
}

impl Teller {
    pub(super) fn new(printer: Printer) -> Self {
        // No bars: a held target may stand for days, and nothing of it moves.
        let lines = || printer.lines(stderr().is_terminal());
        Self {
            live: (!printer.quiet).then(lines),
            up: false,
            printer,
        }
    }

    /// From here on stderr is a file, for somebody who looks later: everything is said, without colours.
    pub(super) fn write_down(&mut self) {
        self.printer.quiet = false;
        self.live = Some(self.printer.lines(false));
    }

    /// Takes in an event.
    pub(super) fn hear(&mut self, envelope: &Envelope) {
        self.up |= matches!(envelope.event, Event::TargetReady { .. });
        match &envelope.event {
            Event::CancelRequested => self.printer.say("stopping the target"),
            Event::RunFinished { .. } => {}
            Event::ServiceDied {
                service,
                status,
                output,
            } => {
                let status = harness_report::text::one_line(status, 100);
                let hour = hour(envelope.wall_ms);
                self.printer
                    .error(&format!("✗ {service} ended by itself{hour}: {status}"));
                if !output.is_empty() {
                    self.printer.error(&session::told(service, output));
                }
            }
            Event::TargetFailed {
                service,
                reason,
                output,
            } if self.live.is_none() => {
                let service = service.as_deref().unwrap_or("the target");
                let failing = failing(self.up);
                self.printer
                    .error(&format!("✗ {service} {failing}: {reason}"));
                if !output.is_empty() {
                    self.printer.error(&session::told(service, output));
                }
            }
            _ => {
                if let Some(live) = &mut self.live {
                    live.hear(envelope);
                }
            }
        }
    }
}

/// A moment as ` at 2026-11-22 04:00:01 UTC`; nothing for one that no calendar has.
fn hour(wall_ms: i64) -> String {
    let moment = jiff::Timestamp::from_millisecond(wall_ms);
    moment.map_or_else(
        |_| String::new(),
        |at| format!(" at {}", text::moment(&at.to_string())),
    )
}

#[cfg(test)]
mod tests {
    use super::hour;

    #[test]
    fn a_moment_is_told_as_everywhere() {
        assert_eq!(hour(1_767_225_600_250), " at 2026-01-01 00:00:00 UTC");
        assert_eq!(hour(i64::MAX), "");
    }
}
