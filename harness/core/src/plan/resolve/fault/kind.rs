//! What breaks and how: exactly one place, and exactly one kind that fits it.

use crate::plan::fault::{FaultKind, Reach, Site};
use crate::plan::resolve::findings::Findings;
use crate::suite::at::Str;
use crate::suite::document::Document;
use crate::suite::raw::{
    After, Bandwidth, Break, Corrupt, FailFirst, Fault, Latency, Limit, Loss, Slice, SlowClose,
};
use crate::units::{Share, parse_duration};
use std::net::IpAddr;
use std::ops::Range;
use std::time::Duration;

/// What breaks and how, as typed.
pub(in crate::plan::resolve) struct Kinds<'f> {
    link: Option<&'f Str>,
    service: Option<&'f Str>,
    share: Option<&'f Str>,
    clients: &'f [Str],
    /// Each kind that is given, and where.
    given: Vec<(Typed<'f>, &'f Range<usize>)>,
}

/// A kind as typed.
#[derive(Clone, Copy)]
enum Typed<'f> {
    Latency(&'f Latency),
    Timeout(&'f After),
    Reset(&'f After),
    Bandwidth(&'f Bandwidth),
    SlowClose(&'f SlowClose),
    Limit(&'f Limit),
    Slice(&'f Slice),
    Loss(&'f Loss),
    Corrupt(&'f Corrupt),
    FailFirst(&'f FailFirst),
    /// One that is only switched on, and whether it is.
    Switch(bool, fn() -> FaultKind),
}

const HINT: &str = "give a `link` and exactly one of `latency`, `timeout`, `reset`, `bandwidth`, `down`, `slow_close`, `limit`, `slice`, `loss`, `corrupt`, `fail_first`, or a `service` and one of `kill`, `pause`";

/// The same keys of a fault and of a step.
macro_rules! kinds {
    ($fault:expr) => {{
        let fault = $fault;
        let given = [
            fault
                .latency
                .as_ref()
                .map(|a| (Typed::Latency(&a.value), &a.span)),
            fault
                .timeout
                .as_ref()
                .map(|a| (Typed::Timeout(&a.value), &a.span)),
            fault
                .reset
                .as_ref()
                .map(|a| (Typed::Reset(&a.value), &a.span)),
            fault
                .bandwidth
                .as_ref()
                .map(|a| (Typed::Bandwidth(&a.value), &a.span)),
            fault
                .slow_close
                .as_ref()
                .map(|a| (Typed::SlowClose(&a.value), &a.span)),
            fault
                .limit
                .as_ref()
                .map(|a| (Typed::Limit(&a.value), &a.span)),
            fault
                .slice
                .as_ref()
                .map(|a| (Typed::Slice(&a.value), &a.span)),
            fault
                .loss
                .as_ref()
                .map(|a| (Typed::Loss(&a.value), &a.span)),
            fault
                .corrupt
                .as_ref()
                .map(|a| (Typed::Corrupt(&a.value), &a.span)),
            fault
                .fail_first
                .as_ref()
                .map(|a| (Typed::FailFirst(&a.value), &a.span)),
            fault
                .down
                .as_ref()
                .map(|a| (Typed::Switch(a.value, || FaultKind::Down), &a.span)),
            fault
                .kill
                .as_ref()
                .map(|a| (Typed::Switch(a.value, || FaultKind::Kill), &a.span)),
            fault
                .pause
                .as_ref()
                .map(|a| (Typed::Switch(a.value, || FaultKind::Pause), &a.span)),
        ];
        Kinds {
            link: fault.link.as_ref(),
            service: fault.service.as_ref(),
            share: fault.share.as_ref(),
            clients: &fault.clients,
            given: given.into_iter().flatten().collect(),
        }
    }};
}

impl<'f> Kinds<'f> {
    pub(super) fn of_fault(fault: &'f Fault) -> Self {
        kinds!(fault)
    }

    pub(in crate::plan::resolve) fn of_break(fault: &'f Break) -> Self {
        kinds!(fault)
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

    /// The one kind that is there, and what it becomes where its numbers ramp; `None` after noting why there is not one.
    pub(in crate::plan::resolve) fn resolve<T>(
        &self,
        doc: &Document<T>,
        whole: &Range<usize>,
        found: &mut Findings,
    ) -> Option<(FaultKind, Option<FaultKind>)> {
        let (typed, span) = match self.given.as_slice() {
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
            [one] => *one,
            [_, (_, second), ..] => {
                found.error_with(doc.place(second), "a fault breaks in one way", HINT);
                return None;
            }
        };
        if let Typed::Switch(false, kind) = typed {
            let message = format!("`{} = false` breaks nothing", kind().word());
            found.error_with(doc.place(span), message, HINT);
            return None;
        }
        let mut numbers = Numbers::at(doc, End::First);
        let first = numbers.kind(typed, found);
        let to = if numbers.ramps {
            Some(Numbers::at(doc, End::Last).kind(typed, found)?)
        } else {
            None
        };
        let first = first?;
        let breaks = |kind: &FaultKind| match kind {
            FaultKind::Latency { delay, .. } => !delay.is_zero(),
            FaultKind::Loss { share, .. } | FaultKind::Corrupt { share } => *share > 0.0,
            _ => true,
        };
        if !breaks(&first) && !to.as_ref().is_some_and(breaks) {
            let message = format!("a {} of zero breaks nothing", first.word());
            found.error(doc.place(span), message);
            return None;
        }
        Some((first.clone(), to.filter(|to| *to != first)))
    }

    /// Which connections it meets; `None` after noting what is wrong.
    pub(in crate::plan::resolve) fn reach<T>(
        &self,
        doc: &Document<T>,
        kind: Option<&FaultKind>,
        found: &mut Findings,
    ) -> Option<Reach> {
        let first = self.share.or(self.clients.first());
        let whole = match kind {
            Some(FaultKind::Down) => Some("a link that is down is down for all"),
            Some(kind) if kind.of_service() => Some("a fault on a service meets no connections"),
            _ => None,
        };
        if let (Some(text), Some(message)) = (first, whole) {
            found.error_with(doc.at(text), message, "leave `share` and `clients` out");
            return None;
        }
        let share = self.share.map_or(Some(1.0), |text| {
            let part = 0..text.value.len();
            let some = |share: f64| match share > 0.0 {
                true => Ok(share),
                false => Err("0% of them is none".to_owned()),
            };
            share(&text.value)
                .and_then(some)
                .map_err(|message| found.error(doc.inside(text, &part), message))
                .ok()
        });
        let network = |text: &Str, found: &mut Findings| {
            let sound = is_network(&text.value);
            if !sound {
                let message = format!("`{}` is no address of clients", text.value);
                let hint = "write an IP address, `127.0.0.2`, or a network, `10.0.0.0/8`";
                found.error_with(doc.at(text), message, hint);
            }
            sound.then(|| text.value.clone())
        };
        let clients: Vec<_> = self.clients.iter().map(|c| network(c, found)).collect();
        Some(Reach {
            to: None,
            share: share?,
            clients: clients.into_iter().collect::<Option<_>>()?,
        })
    }
}

/// Which end of a ramp is read; a number that does not ramp is the same at both.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    First,
    Last,
}

/// Reads a kind's numbers at one end of its ramp.
struct Numbers<'d, T> {
    doc: &'d Document<T>,
    end: End,
    /// Whether one of them ramps.
    ramps: bool,
}

impl<'d, T> Numbers<'d, T> {
    const fn at(doc: &'d Document<T>, end: End) -> Self {
        Self {
            doc,
            end,
            ramps: false,
        }
    }

    /// A number, or the end of `A..B` that is read.
    fn number<N>(
        &mut self,
        text: &Str,
        found: &mut Findings,
        read: impl Fn(&str) -> Result<N, String>,
    ) -> Option<N> {
        let whole = text.value.as_str();
        let (part, told) = match (whole.split_once(".."), self.end) {
            // What is wrong with one that does not ramp was told with the first end.
            (None, end) => (0..whole.len(), end == End::First),
            (Some((first, _)), End::First) => (0..first.len(), true),
            (Some((first, _)), End::Last) => (first.len() + 2..whole.len(), true),
        };
        self.ramps |= whole.contains("..");
        let typed = whole.get(part.clone())?.trim();
        match read(typed) {
            Ok(number) => Some(number),
            Err(message) => {
                if told {
                    found.error(self.doc.inside(text, &part), message);
                }
                None
            }
        }
    }

    fn duration(&mut self, text: Option<&Str>, found: &mut Findings) -> Option<Duration> {
        let read = |text: &str| parse_duration(text).map_err(|error| error.to_string());
        self.number(text?, found, read)
    }

    fn duration_or(
        &mut self,
        text: Option<&Str>,
        or: Duration,
        found: &mut Findings,
    ) -> Option<Duration> {
        match text {
            Some(_) => self.duration(text, found),
            None => Some(or),
        }
    }

    fn kind(&mut self, typed: Typed<'_>, found: &mut Findings) -> Option<FaultKind> {
        Some(match typed {
            Typed::Latency(latency) => return self.latency(latency, found),
            Typed::Timeout(timeout) => FaultKind::Timeout {
                after: self.duration(timeout.after.as_ref(), found)?,
            },
            Typed::Reset(reset) => FaultKind::Reset {
                after: self.duration(reset.after.as_ref(), found)?,
            },
            Typed::Bandwidth(bandwidth) => FaultKind::Bandwidth {
                bytes_per_second: self.number(bandwidth.rate.as_ref()?, found, bytes_per_second)?,
            },
            Typed::SlowClose(close) => FaultKind::SlowClose {
                delay: self.duration(close.delay.as_ref(), found)?,
            },
            Typed::Limit(limit) => FaultKind::Limit {
                bytes: self.number(limit.bytes.as_ref()?, found, bytes)?,
            },
            Typed::Slice(slice) => return self.slice(slice, found),
            Typed::Loss(loss) => {
                let chunks = self.number(loss.share.as_ref()?, found, share);
                let stall = self.duration_or(loss.stall.as_ref(), STALL, found);
                FaultKind::Loss {
                    share: chunks?,
                    stall: stall?,
                }
            }
            Typed::Corrupt(corrupt) => FaultKind::Corrupt {
                share: self.number(corrupt.share.as_ref()?, found, share)?,
            },
            Typed::FailFirst(fail) => FaultKind::FailFirst {
                connections: u64::from(fail.connections.as_ref()?.value),
            },
            Typed::Switch(_, kind) => kind(),
        })
    }

    fn latency(&mut self, latency: &Latency, found: &mut Findings) -> Option<FaultKind> {
        let jitter = self.duration_or(latency.jitter.as_ref(), Duration::ZERO, found);
        let delay = self.duration(latency.delay.as_ref(), found)?;
        let jitter = jitter?;
        if jitter > delay {
            let text = latency.jitter.as_ref().or(latency.delay.as_ref())?;
            found.error_with(
                self.doc.at(text),
                "`jitter` is larger than `delay`",
                "a draw below zero can't be waited for",
            );
            return None;
        }
        Some(FaultKind::Latency { delay, jitter })
    }

    fn slice(&mut self, slice: &Slice, found: &mut Findings) -> Option<FaultKind> {
        let size = self.number(slice.size.as_ref()?, found, bytes);
        let variation = match &slice.variation {
            Some(text) => self.number(text, found, whole_bytes),
            None => Some(0),
        };
        let delay = self.duration_or(slice.delay.as_ref(), Duration::ZERO, found);
        let (size, variation, delay) = (size?, variation?, delay?);
        if variation >= size {
            let text = slice.variation.as_ref().or(slice.size.as_ref())?;
            let message = "`variation` is not smaller than `size`";
            let hint = "a slice holds at least one byte";
            found.error_with(self.doc.at(text), message, hint);
            return None;
        }
        Some(FaultKind::Slice {
            size,
            variation,
            delay,
        })
    }
}

/// How long a lost chunk waits first: what TCP waits at least before it sends again.
const STALL: Duration = Duration::from_millis(200);

/// A share, 0 to 1.
fn share(typed: &str) -> Result<f64, String> {
    let share = typed.parse::<Share>().map_err(|error| error.to_string());
    share.map(Share::get)
}

/// Whether a text is an IP address, or a network as `10.0.0.0/8` writes it.
fn is_network(text: &str) -> bool {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let Ok(address) = address.parse::<IpAddr>() else {
        return false;
    };
    let most = if address.is_ipv4() { 32 } else { 128 };
    bits.is_none_or(|bits| {
        let digits = bits.bytes().all(|b| b.is_ascii_digit());
        digits && bits.parse::<u8>().is_ok_and(|bits| bits <= most)
    })
}

/// A number and a unit of bytes: `64kB` is 64000, with `/s` after it if `per` says so.
fn amount(typed: &str, per: &str) -> Option<f64> {
    let digits = typed
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(typed.len());
    let (number, unit) = typed.split_at(digits);
    let unit = match unit.trim().strip_suffix(per)? {
        "B" => 1.0,
        "kB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * unit)
}

/// Reads `64kB/s`, `1.5MB/s`, `500000B/s`; at least 1000 bytes per second.
fn bytes_per_second(typed: &str) -> Result<u64, String> {
    match amount(typed, "/s") {
        Some(bytes) if (1000.0..=1e12).contains(&bytes) => Ok(bytes.round() as u64),
        Some(_) => Err(format!("`{typed}` is out of range: from 1kB/s to 1000GB/s")),
        None => Err(format!(
            "`{typed}` is not a bandwidth: write bytes per second, such as `64kB/s` or `1MB/s`"
        )),
    }
}

/// Reads `100B`, `64kB`, `1.5MB`; at least one byte.
fn bytes(typed: &str) -> Result<u64, String> {
    match whole_bytes(typed)? {
        0 => Err("this must be at least one byte".to_owned()),
        bytes => Ok(bytes),
    }
}

/// The same, or none.
fn whole_bytes(typed: &str) -> Result<u64, String> {
    match amount(typed, "") {
        Some(bytes) if bytes <= 1e12 => Ok(bytes.round() as u64),
        Some(_) => Err(format!("`{typed}` is out of range: at most 1000GB")),
        None => Err(format!(
            "`{typed}` is not a size: write bytes, such as `100B`, `64kB` or `1MB`"
        )),
    }
}
