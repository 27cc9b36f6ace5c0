//! What breaks and how: exactly one place, and exactly one kind that fits it.

use crate::plan::fault::{FaultKind, Site};
use crate::plan::resolve::findings::Findings;
use crate::suite::at::{At, Str};
use crate::suite::document::Document;
use crate::suite::raw::{After, Bandwidth, Break, Fault, Latency};
use std::ops::Range;
use std::time::Duration;

/// What breaks and how, as typed.
pub(in crate::plan::resolve) struct Kinds<'f> {
    link: Option<&'f Str>,
    service: Option<&'f Str>,
    latency: Option<&'f At<Latency>>,
    timeout: Option<&'f At<After>>,
    reset: Option<&'f At<After>>,
    bandwidth: Option<&'f At<Bandwidth>>,
    down: Option<&'f At<bool>>,
    kill: Option<&'f At<bool>>,
    pause: Option<&'f At<bool>>,
}

const HINT: &str = "give a `link` and exactly one of `latency`, `timeout`, `reset`, `bandwidth`, `down`, or a `service` and one of `kill`, `pause`";

impl<'f> Kinds<'f> {
    pub(super) fn of_fault(fault: &'f Fault) -> Self {
        Self {
            link: fault.link.as_ref(),
            service: fault.service.as_ref(),
            latency: fault.latency.as_ref(),
            timeout: fault.timeout.as_ref(),
            reset: fault.reset.as_ref(),
            bandwidth: fault.bandwidth.as_ref(),
            down: fault.down.as_ref(),
            kill: fault.kill.as_ref(),
            pause: fault.pause.as_ref(),
        }
    }

    pub(in crate::plan::resolve) fn of_break(fault: &'f Break) -> Self {
        Self {
            link: fault.link.as_ref(),
            service: fault.service.as_ref(),
            latency: fault.latency.as_ref(),
            timeout: fault.timeout.as_ref(),
            reset: fault.reset.as_ref(),
            bandwidth: fault.bandwidth.as_ref(),
            down: fault.down.as_ref(),
            kill: fault.kill.as_ref(),
            pause: fault.pause.as_ref(),
        }
    }

    /// The one place that breaks, its name not looked up yet; `None` after noting why there is not one. `kind` is `None`
    /// where it was wrong.
    pub(in crate::plan::resolve) fn site<T>(
        &self,
        doc: &Document<T>,
        whole: &Range<usize>,
        kind: Option<&FaultKind>,
        found: &mut Findings,
    ) -> Option<(Site, &'f Str)> {
        let (text, of_service) = match (self.link, self.service) {
            (Some(link), None) => (link, false),
            (None, Some(service)) => (service, true),
            (Some(_), Some(service)) => {
                found.error_with(
                    doc.at(service),
                    "a fault breaks a link or a service, not both",
                    HINT,
                );
                return None;
            }
            (None, None) => {
                if !doc.incomplete {
                    found.error_with(
                        doc.place(whole),
                        "this fault does not say where it strikes",
                        HINT,
                    );
                }
                return None;
            }
        };
        let name = found.name(doc, text)?;
        match kind {
            Some(kind) if kind.of_service() && !of_service => {
                let message = format!(
                    "`{}` breaks a service, and `{name}` is named as a link",
                    kind.word()
                );
                found.error_with(doc.at(text), message, HINT);
                None
            }
            Some(kind) if !kind.of_service() && of_service => {
                let message = format!(
                    "`{}` breaks a link, and `{name}` is named as a service",
                    kind.word()
                );
                found.error_with(
                    doc.at(text),
                    message,
                    "name the link that leads to the service: `link = …`",
                );
                None
            }
            _ if of_service => Some((Site::Service(name), text)),
            _ => Some((Site::Link(name), text)),
        }
    }

    /// The one kind that is there; `None` after noting why there is not one.
    pub(in crate::plan::resolve) fn resolve<T>(
        &self,
        doc: &Document<T>,
        whole: &Range<usize>,
        found: &mut Findings,
    ) -> Option<FaultKind> {
        let spans = [
            self.latency.map(|a| &a.span),
            self.timeout.map(|a| &a.span),
            self.reset.map(|a| &a.span),
            self.bandwidth.map(|a| &a.span),
            self.down.map(|a| &a.span),
            self.kill.map(|a| &a.span),
            self.pause.map(|a| &a.span),
        ];
        let given: Vec<_> = spans.into_iter().flatten().collect();
        match given.as_slice() {
            [] => {
                if !doc.incomplete {
                    found.error_with(
                        doc.place(whole),
                        "this fault does not say what breaks",
                        HINT,
                    );
                }
                return None;
            }
            [_] => {}
            [_, second, ..] => {
                found.error_with(doc.place(second), "a fault breaks in one way", HINT);
                return None;
            }
        }
        if let Some(latency) = self.latency {
            return latency_kind(doc, latency, found);
        }
        let after = |after: &At<After>, found: &mut Findings| {
            after
                .value
                .after
                .as_ref()
                .and_then(|text| found.duration(doc, text))
        };
        if let Some(timeout) = self.timeout {
            return Some(FaultKind::Timeout {
                after: after(timeout, found)?,
            });
        }
        if let Some(reset) = self.reset {
            return Some(FaultKind::Reset {
                after: after(reset, found)?,
            });
        }
        if let Some(bandwidth) = self.bandwidth {
            let text = bandwidth.value.rate.as_ref()?;
            return bytes_per_second(doc, text, found)
                .map(|bytes_per_second| FaultKind::Bandwidth { bytes_per_second });
        }
        let switches = [
            (self.down, FaultKind::Down),
            (self.kill, FaultKind::Kill),
            (self.pause, FaultKind::Pause),
        ];
        let (switch, kind) = switches
            .into_iter()
            .find_map(|(switch, kind)| Some((switch?, kind)))?;
        if !switch.value {
            let message = format!("`{} = false` breaks nothing", kind.word());
            found.error_with(doc.at(switch), message, HINT);
            return None;
        }
        Some(kind)
    }
}

fn latency_kind<T>(
    doc: &Document<T>,
    latency: &At<Latency>,
    found: &mut Findings,
) -> Option<FaultKind> {
    let jitter = found.duration_or(doc, latency.value.jitter.as_ref(), Duration::ZERO);
    let text = latency.value.delay.as_ref()?;
    let delay = found.duration(doc, text)?;
    if jitter > delay {
        let place = latency
            .value
            .jitter
            .as_ref()
            .map_or_else(|| doc.at(text), |jitter| doc.at(jitter));
        found.error_with(
            place,
            "`jitter` is larger than `delay`",
            "a draw below zero can't be waited for",
        );
        return None;
    }
    if delay.is_zero() {
        found.error(doc.at(text), "a latency of zero breaks nothing");
        return None;
    }
    Some(FaultKind::Latency { delay, jitter })
}

/// Reads `64kB/s`, `1.5MB/s`, `500000B/s`; at least 1000 bytes per second.
fn bytes_per_second<T>(doc: &Document<T>, text: &Str, found: &mut Findings) -> Option<u64> {
    let place = doc.inside(text, &(0..text.value.len()));
    let typed = text.value.trim();
    let digits = typed
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(typed.len());
    let (number, unit) = typed.split_at(digits);
    let unit = match unit.trim() {
        "B/s" => Some(1.0),
        "kB/s" => Some(1e3),
        "MB/s" => Some(1e6),
        "GB/s" => Some(1e9),
        _ => None,
    };
    let bytes = number
        .parse::<f64>()
        .ok()
        .zip(unit)
        .map(|(number, unit)| number * unit);
    match bytes {
        Some(bytes) if (1000.0..=1e12).contains(&bytes) => Some(bytes.round() as u64),
        Some(_) => {
            found.error(
                place,
                format!("`{typed}` is out of range: from 1kB/s to 1000GB/s"),
            );
            None
        }
        None => {
            let message = format!(
                "`{typed}` is not a bandwidth: write bytes per second, such as `64kB/s` or `1MB/s`"
            );
            found.error(place, message);
            None
        }
    }
}
