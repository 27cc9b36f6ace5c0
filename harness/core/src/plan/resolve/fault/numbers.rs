//! The numbers of a kind of fault, each at one end of its ramp. Knows no names and no times.

use super::{contained, requests};
use crate::plan::fault::FaultKind;
use crate::plan::resolve::findings::Findings;
use crate::suite::at::Str;
use crate::suite::document::Document;
use crate::suite::raw::{
    After, Bandwidth, Corrupt, Cpu, CrashLoop, Deploy, FailFirst, HttpBreak, Latency, Limit, Loss,
    Memory, OnVolume, Packets, Partition, Slice, SlowClose,
};
use crate::units::{Share, parse_duration};
use std::ops::Range;
use std::time::Duration;

/// A kind as typed.
#[derive(Clone, Copy)]
pub(super) enum Typed<'f> {
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
    Http(&'f HttpBreak, &'f Range<usize>),
    CrashLoop(&'f CrashLoop),
    Cpu(&'f Cpu),
    Memory(&'f Memory),
    Partition(&'f Partition),
    Packets(&'f Packets),
    DiskFull(&'f OnVolume),
    ReadOnly(&'f OnVolume),
    Deploy(&'f Deploy),
    /// One that is only switched on, and whether it is.
    Switch(bool, fn() -> FaultKind),
}

/// Which end of a ramp is read; a number that does not ramp is the same at both.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    First,
    Last,
}

/// Reads a kind's numbers at one end of its ramp.
pub(super) struct Numbers<'d, T> {
    pub(super) doc: &'d Document<T>,
    end: End,
    /// Whether one of them ramps.
    pub(super) ramps: bool,
}

impl<'d, T> Numbers<'d, T> {
    pub(super) const fn at(doc: &'d Document<T>, end: End) -> Self {
        Self {
            doc,
            end,
            ramps: false,
        }
    }

    /// A number, or the end of `A..B` that is read.
    pub(super) fn number<N>(
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

    pub(super) fn duration(
        &mut self,
        text: Option<&Str>,
        found: &mut Findings,
    ) -> Option<Duration> {
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

    /// The kind with its numbers; `None` after noting what is wrong with them.
    pub(super) fn kind(&mut self, typed: Typed<'_>, found: &mut Findings) -> Option<FaultKind> {
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
            Typed::Http(http, whole) => {
                let http = requests::resolve(self, http, whole, found)?;
                FaultKind::Http(Box::new(http))
            }
            Typed::CrashLoop(crash) => FaultKind::CrashLoop {
                every: self.number(crash.every.as_ref()?, found, some_time)?,
            },
            Typed::Cpu(cpu) => FaultKind::Cpu {
                share: self.number(cpu.share.as_ref()?, found, part)?,
            },
            Typed::Memory(memory) => FaultKind::Memory {
                bytes: self.number(memory.bytes.as_ref()?, found, memory_bytes)?,
            },
            Typed::Partition(partition) => {
                return contained::partition(self.doc, partition, found);
            }
            Typed::Packets(packets) => return self.packets(packets, found),
            Typed::DiskFull(on) => FaultKind::DiskFull {
                path: contained::volume(self.doc, on, found)?,
            },
            Typed::ReadOnly(on) => FaultKind::ReadOnly {
                path: contained::volume(self.doc, on, found)?,
            },
            Typed::Deploy(deploy) => {
                let deployment = contained::deployment(self.doc, deploy, found)?;
                FaultKind::Deploy(Box::new(deployment))
            }
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

    fn packets(&mut self, packets: &Packets, found: &mut Findings) -> Option<FaultKind> {
        let loss = match &packets.loss {
            Some(text) => self.number(text, found, share),
            None => Some(0.0),
        };
        let typed = Latency {
            delay: packets.delay.clone(),
            jitter: packets.jitter.clone(),
        };
        let (delay, jitter) = match (&packets.delay, &packets.jitter) {
            (None, None) => (Duration::ZERO, Duration::ZERO),
            (None, Some(jitter)) => {
                let message = "`jitter` is how `delay` varies, and there is none";
                found.error_with(self.doc.at(jitter), message, "give it a `delay`");
                return None;
            }
            (Some(_), _) => match self.latency(&typed, found)? {
                FaultKind::Latency { delay, jitter } => (delay, jitter),
                _ => return None,
            },
        };
        Some(FaultKind::Packets {
            loss: loss?,
            delay,
            jitter,
        })
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
pub(super) fn share(typed: &str) -> Result<f64, String> {
    let share = typed.parse::<Share>().map_err(|error| error.to_string());
    share.map(Share::get)
}

/// A share that a service can be held to: it runs, and it stands.
fn part(typed: &str) -> Result<f64, String> {
    match share(typed)? {
        share if (0.05..=0.95).contains(&share) => Ok(share),
        _ => Err(format!(
            "`{typed}` is out of range: a service can be held to 5% to 95% of its time"
        )),
    }
}

/// The time between two kills.
fn some_time(typed: &str) -> Result<Duration, String> {
    match parse_duration(typed).map_err(|error| error.to_string())? {
        every if every >= Duration::from_millis(100) => Ok(every),
        _ => Err(format!("`{typed}` is too short: at least 100ms")),
    }
}

/// At least a megabyte.
fn memory_bytes(typed: &str) -> Result<u64, String> {
    match whole_bytes(typed)? {
        bytes if bytes >= 1_000_000 => Ok(bytes),
        _ => Err(format!("`{typed}` is out of range: at least 1MB")),
    }
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
pub(in crate::plan::resolve) fn whole_bytes(typed: &str) -> Result<u64, String> {
    match amount(typed, "") {
        Some(bytes) if bytes <= 1e12 => Ok(bytes.round() as u64),
        Some(_) => Err(format!("`{typed}` is out of range: at most 1000GB")),
        None => Err(format!(
            "`{typed}` is not a size: write bytes, such as `100B`, `64kB` or `1MB`"
        )),
    }
}
