//! What breaks and how: exactly one place, and exactly one kind that fits it.

use super::numbers::{End, Numbers, Typed, share};
use crate::plan::fault::{FaultKind, Reach, Site};
use crate::plan::resolve::findings::Findings;
use crate::suite::at::Str;
use crate::suite::document::Document;
use crate::suite::raw::{Break, Fault};
use std::net::IpAddr;
use std::ops::Range;

/// What breaks and how, as typed.
pub(in crate::plan::resolve) struct Kinds<'f> {
    link: Option<&'f Str>,
    service: Option<&'f Str>,
    share: Option<&'f Str>,
    clients: &'f [Str],
    /// Each kind that is given, and where.
    given: Vec<(Typed<'f>, &'f Range<usize>)>,
}

const HINT: &str = "give a `link` and exactly one of `latency`, `timeout`, `reset`, `bandwidth`, `down`, `slow_close`, `limit`, `slice`, `loss`, `corrupt`, `fail_first`, `http`, or a `service` and one of `kill`, `stop`, `pause`, `restart`, `crash_loop`, `cpu`, `memory`, `disconnect`, `partition`, `packets`, `disk_full`, `read_only`, `dns`, `deploy`";

/// A key of a kind, if it is given, and where.
macro_rules! given {
    ($fault:ident.$key:ident, $typed:expr) => {
        $fault.$key.as_ref().map(|a| ($typed(&a.value), &a.span))
    };
    ($fault:ident.$key:ident, on $kind:ident) => {
        $fault
            .$key
            .as_ref()
            .map(|a| (Typed::Switch(a.value, || FaultKind::$kind), &a.span))
    };
}

/// The same keys of a fault and of a step.
macro_rules! kinds {
    ($fault:expr) => {{
        let fault = $fault;
        let http = fault.http.as_ref();
        let given = [
            given!(fault.latency, Typed::Latency),
            given!(fault.timeout, Typed::Timeout),
            given!(fault.reset, Typed::Reset),
            given!(fault.bandwidth, Typed::Bandwidth),
            given!(fault.slow_close, Typed::SlowClose),
            given!(fault.limit, Typed::Limit),
            given!(fault.slice, Typed::Slice),
            given!(fault.loss, Typed::Loss),
            given!(fault.corrupt, Typed::Corrupt),
            http.map(|a| (Typed::Http(&a.value, &a.span), &a.span)),
            given!(fault.fail_first, Typed::FailFirst),
            given!(fault.down, on Down),
            given!(fault.kill, on Kill),
            given!(fault.pause, on Pause),
            given!(fault.restart, on Restart),
            given!(fault.stop, on Stop),
            given!(fault.disconnect, on Disconnect),
            given!(fault.dns, on Dns),
            given!(fault.crash_loop, Typed::CrashLoop),
            given!(fault.cpu, Typed::Cpu),
            given!(fault.memory, Typed::Memory),
            given!(fault.partition, Typed::Partition),
            given!(fault.packets, Typed::Packets),
            given!(fault.disk_full, Typed::DiskFull),
            given!(fault.read_only, Typed::ReadOnly),
            given!(fault.deploy, Typed::Deploy),
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

    /// Where the first kind that is given stands.
    pub(super) fn span(&self) -> Option<&'f Range<usize>> {
        self.given.first().map(|(_, span)| *span)
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
        let first = numbers.kind(typed, found)?;
        let to = match numbers.ramps {
            true => Some(Numbers::at(doc, End::Last).kind(typed, found)?),
            false => None,
        };
        if to.is_some() && first.of_service() {
            let hint = "write one number; what ramps is a link's";
            found.error_with(doc.place(span), "a service's fault does not ramp", hint);
            return None;
        }
        if let FaultKind::Deploy(deployment) = &first
            && deployment.changes_nothing()
        {
            let message = "this deployment changes nothing";
            let hint = "give it another `image`, `command` or `env`";
            found.error_with(doc.place(span), message, hint);
            return None;
        }
        let breaks = |kind: &FaultKind| match kind {
            FaultKind::Latency { delay, .. } => !delay.is_zero(),
            FaultKind::Loss { share, .. } | FaultKind::Corrupt { share } => *share > 0.0,
            FaultKind::Packets { loss, delay, .. } => *loss > 0.0 || !delay.is_zero(),
            _ => true,
        };
        if !breaks(&first) && !to.as_ref().is_some_and(breaks) {
            let message = match first {
                FaultKind::Packets { .. } => {
                    "packets neither lost nor late break nothing".to_owned()
                }
                _ => format!("a {} of zero breaks nothing", first.word()),
            };
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
