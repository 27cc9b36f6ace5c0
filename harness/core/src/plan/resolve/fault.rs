//! Faults: exactly one kind each, on a link or a service that is there, inside the load, never two of a kind at once.

use super::findings::Findings;
use super::target::World;
use crate::diagnostic::Place;
use crate::plan::fault::{FaultKind, FaultPlan, Site};
use crate::plan::gate::During;
use crate::suite::at::{At, Str};
use crate::suite::document::Document;
use crate::suite::raw::{After, Bandwidth, Break, Fault, Latency, ScenarioFile};
use std::ops::Range;
use std::time::Duration;

/// What breaks and how, as typed.
pub(super) struct Kinds<'f> {
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
    fn of_fault(fault: &'f Fault) -> Self {
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

    pub(super) fn of_break(fault: &'f Break) -> Self {
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
    pub(super) fn site<T>(
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
    pub(super) fn resolve<T>(
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

/// A fault with the place it was typed at, for what is checked between faults.
struct Placed {
    fault: FaultPlan,
    place: Place,
}

/// The faults of a scenario whose load lasts `length`, both unscaled; `scale` is then applied to their times.
pub(super) fn resolve(
    doc: &Document<ScenarioFile>,
    length: Option<Duration>,
    scale: f64,
    world: &World,
    found: &mut Findings,
) -> Vec<FaultPlan> {
    let mut placed: Vec<Placed> = Vec::new();
    for raw in &doc.raw.fault {
        if let Some(fault) = one(doc, raw, length, world, found) {
            check_against(&fault, &placed, found);
            placed.push(fault);
        }
    }
    let mut faults: Vec<FaultPlan> = placed.into_iter().map(|placed| placed.fault).collect();
    for fault in &mut faults {
        fault.at = fault.at.mul_f64(scale);
        fault.lasts = fault.lasts.mul_f64(scale);
    }
    faults.sort_by(|a, b| a.at.cmp(&b.at).then_with(|| a.name.cmp(&b.name)));
    faults
}

fn one(
    doc: &Document<ScenarioFile>,
    raw: &At<Fault>,
    length: Option<Duration>,
    world: &World,
    found: &mut Findings,
) -> Option<Placed> {
    let kinds = Kinds::of_fault(&raw.value);
    let kind = kinds.resolve(doc, &raw.span, found);
    let on = kinds
        .site(doc, &raw.span, kind.as_ref(), found)
        .filter(|(site, text)| world.has(doc.at(text), site, found));
    let at = raw
        .value
        .at
        .as_ref()
        .and_then(|text| found.duration(doc, text));
    let lasts = raw
        .value
        .lasts
        .as_ref()
        .and_then(|text| found.positive(doc, text));
    let name = raw.value.name.as_ref()?;
    fault_name(doc, name, found);
    let (at, lasts) = (at?, lasts?);
    if let Some(length) = length.filter(|length| at + lasts > *length) {
        let text = raw.value.lasts.as_ref().or(raw.value.at.as_ref())?;
        let (end, length) = (
            crate::units::format_duration(at + lasts),
            crate::units::format_duration(length),
        );
        let message = format!("this fault ends at {end}, after the load, which ends at {length}");
        found.error_with(
            doc.at(text),
            message,
            "a fault is measured by the load around it: start it sooner, or load longer",
        );
    }
    let fault = FaultPlan {
        name: name.value.clone(),
        on: on?.0,
        at,
        lasts,
        kind: kind?,
    };
    Some(Placed {
        fault,
        place: doc.at(name),
    })
}

fn fault_name(doc: &Document<ScenarioFile>, name: &Str, found: &mut Findings) {
    let text = name.value.as_str();
    let wrong = match text {
        _ if text.trim().is_empty() => "a fault's name must not be empty",
        "all" => "`all` is taken: in a gate it means the whole load",
        _ if During::parse(text) != During::Fault(text.to_owned()) => {
            "a fault's name can't begin with `before `, `recovering ` or `after `: in a gate these are its phases"
        }
        _ if text.contains(['(', ')']) => {
            "a fault's name can't hold parentheses: gates put it into some"
        }
        _ => return,
    };
    found.error(doc.at(name), wrong);
}

fn check_against(new: &Placed, before: &[Placed], found: &mut Findings) {
    for old in before {
        if old.fault.name == new.fault.name {
            let message = format!("two faults are called {:?}", new.fault.name);
            found.error_with(
                new.place.clone(),
                message,
                "gates name a fault: each needs a name of its own",
            );
        }
        let same = old.fault.on == new.fault.on
            && (new.fault.kind.of_service() || old.fault.kind.word() == new.fault.kind.word());
        let overlap = old.fault.at < new.fault.at + new.fault.lasts
            && new.fault.at < old.fault.at + old.fault.lasts;
        if same && overlap {
            let (kind, older) = (new.fault.kind.word(), old.fault.kind.word());
            let message = format!(
                "this {kind} fault overlaps {:?}, a {older} fault on the same {}",
                old.fault.name, new.fault.on
            );
            found.error_with(
                new.place.clone(),
                message,
                "lifting one would lift the other: move them apart, or join them",
            );
        }
    }
}
