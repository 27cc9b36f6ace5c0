//! What happened on a link around a fault, second by second: what crossed it, beside what was offered to the target and
//! what clients got. Cut into before, during and after; judges nothing.

use crate::hist::Hist;
use crate::plan::gate::During;
use crate::plan::target::LinkPlan;
use crate::record::{FaultRecord, Record, ScenarioRecord, Tally, WindowPoint};
use crate::verdict::limits::{BAND_SECONDS, BAND_WINDOWS};
use crate::verdict::measure::{failed, finished};
use crate::verdict::recovery::{bounds, watched_until};

/// Microseconds between two ticks of a link, unless they were put together.
const TICK_US: u64 = 1_000_000;

/// One tick of the link.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Second {
    /// Begin, microseconds since the run began.
    pub(super) from_us: u64,
    /// End.
    pub(super) to_us: u64,
    /// Requests seen, and calls that found nobody to connect to.
    pub(super) calls: u64,
    /// Answers below 500.
    pub(super) answers: u64,
    /// Journeys that began in it: windows cut by its edges count by their share.
    pub(super) offered: f64,
    /// How long clients waited that gave up in it, microseconds.
    pub(super) abandoned: Hist,
}

impl Second {
    fn seconds(&self) -> f64 {
        self.to_us.saturating_sub(self.from_us) as f64 / 1e6
    }
}

/// Some seconds together.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sum {
    pub(super) ticks: usize,
    pub(super) seconds: f64,
    pub(super) calls: u64,
    pub(super) answers: u64,
    pub(super) offered: f64,
}

impl Sum {
    pub(super) fn of(seconds: &[Second]) -> Self {
        seconds.iter().fold(Self::default(), |sum, s| Self {
            ticks: sum.ticks + 1,
            seconds: sum.seconds + s.seconds(),
            calls: sum.calls.saturating_add(s.calls),
            answers: sum.answers.saturating_add(s.answers),
            offered: sum.offered + s.offered,
        })
    }

    /// Calls for each journey that began; `None` where none did.
    pub(super) fn ratio(&self) -> Option<f64> {
        (self.offered > 0.0).then(|| self.calls as f64 / self.offered)
    }

    /// Calls per second.
    pub(super) fn rate(&self) -> f64 {
        self.calls as f64 / self.seconds.max(1e-9)
    }

    /// Journeys per second.
    pub(super) fn load(&self) -> f64 {
        self.offered / self.seconds.max(1e-9)
    }
}

/// What clients got: journeys that ended, and of them those that surely ended well in time. Of the others some may have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) ended: u64,
    pub(super) well: u64,
    pub(super) unsure: u64,
}

impl Ended {
    pub(super) fn share(self) -> f64 {
        self.well as f64 / self.ended.max(1) as f64
    }
}

/// A link around a fault.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Scene {
    pub(super) link: String,
    /// Who uses the link.
    pub(super) client: String,
    pub(super) fault: String,
    /// Ticks of undisturbed load before the arming.
    pub(super) before: Vec<Second>,
    /// Ticks that lie more inside than outside the time from the first effect to the lifting.
    pub(super) during: Vec<Second>,
    /// The same from the lifting until the load ends or the next fault is armed.
    pub(super) after: Vec<Second>,
    /// The first effect and the lifting, microseconds.
    pub(super) effective_us: u64,
    pub(super) lifted_us: u64,
    /// What clients got before it, and during it up to the lifting.
    pub(super) clients: [Ended; 2],
}

impl Scene {
    /// The scene of a fault on a link; the error says why nothing can be told of it.
    pub(super) fn of(
        record: &Record,
        scenario: &ScenarioRecord,
        fault: &FaultRecord,
        link: &LinkPlan,
    ) -> Result<Self, String> {
        let name = &link.name;
        let Some(effective_us) = fault.effective_us else {
            return Err(format!("`{}` touched nothing", fault.name));
        };
        let Some(lifted_us) = fault.lifted_us else {
            return Err(format!(
                "`{}` was not lifted while the load ran",
                fault.name
            ));
        };
        let windows = scenario.counts();
        let seconds = seconds(record, scenario, link, &windows);
        if !seconds.watched {
            return Err(format!("the proxy did not read `{name}` as HTTP/1.1"));
        }
        if seconds.unread > 0 {
            return Err(format!(
                "{} connections of `{name}` spoke something else than HTTP/1.1: their requests are not known",
                seconds.unread
            ));
        }
        let until = watched_until(record, scenario, fault, lifted_us);
        let middle = |s: &Second| s.from_us.midpoint(s.to_us);
        let calm = calm(scenario, fault);
        let pick = |keep: &dyn Fn(&Second) -> bool| -> Vec<Second> {
            seconds.all.iter().filter(|s| keep(s)).cloned().collect()
        };
        let scene = Self {
            link: name.to_string(),
            client: link
                .from
                .as_ref()
                .map_or_else(String::new, ToString::to_string),
            fault: fault.name.clone(),
            before: pick(&|s| {
                calm.iter()
                    .any(|(from, to)| s.from_us >= *from && s.to_us <= *to)
            }),
            during: pick(&|s| (effective_us..lifted_us).contains(&middle(s))),
            after: pick(&|s| (lifted_us..until).contains(&middle(s))),
            effective_us,
            lifted_us,
            clients: [
                before(scenario, &windows, &calm),
                while_it_lasted(scenario, &calm, (effective_us, lifted_us)),
            ],
        };
        if scene.before.len() < BAND_WINDOWS {
            return Err(format!(
                "too little undisturbed load lies before `{}`",
                fault.name
            ));
        }
        if scene.during.is_empty() {
            return Err(format!("`{}` was over within a second", fault.name));
        }
        Ok(scene)
    }
}

/// The undisturbed stretches of the 30 s before the arming; where turns follow too closely, those before the first.
fn calm(scenario: &ScenarioRecord, fault: &FaultRecord) -> Vec<(u64, u64)> {
    let since = fault.armed_us.saturating_sub(BAND_SECONDS * 1_000_000);
    let cut = |during: &During| -> Vec<(u64, u64)> {
        let all = scenario.intervals(during).into_iter();
        let cut = all.map(|(from, to)| (from.max(since), to.min(fault.armed_us)));
        cut.filter(|(from, to)| from < to).collect()
    };
    let near = cut(&During::Undisturbed);
    let long: u64 = near.iter().map(|(from, to)| to - from).sum();
    if long > (BAND_WINDOWS as u64 + 1) * TICK_US {
        return near;
    }
    scenario.intervals(&During::Before(fault.name.clone()))
}

struct Seconds {
    all: Vec<Second>,
    watched: bool,
    unread: u64,
}

fn seconds(
    record: &Record,
    scenario: &ScenarioRecord,
    link: &LinkPlan,
    windows: &[WindowPoint],
) -> Seconds {
    let ticks = record.links.get(&link.name).map_or(&[][..], Vec::as_slice);
    let began: fn(&Tally) -> u64 = match windows.iter().any(|p| p.tally.begun > 0) {
        true => |tally| tally.begun,
        false => |tally| tally.started,
    };
    let mut found = Seconds {
        all: Vec::new(),
        watched: false,
        unread: 0,
    };
    // Those that were put together stand at the time of the first of them.
    let behind = record.step_us.saturating_sub(TICK_US);
    let mut last = 0;
    for (place, (at, tick)) in ticks.iter().enumerate() {
        // A tick tells of the time since the one before it.
        let from_us = at.saturating_sub(TICK_US).max(last);
        let next = ticks
            .get(place + 1)
            .map_or(record.last_us, |(next, _)| next.saturating_sub(TICK_US));
        let to_us = at.saturating_add(behind).min(next).max(*at);
        last = to_us;
        if to_us <= scenario.t0_us || from_us >= to_us {
            continue;
        }
        found.watched |= tick.watched;
        found.unread += tick.unread;
        let answers = tick.answers.iter().filter(|(class, _)| *class != "5xx");
        found.all.push(Second {
            from_us,
            to_us,
            calls: tick.requests + tick.failed,
            answers: answers.map(|(_, n)| n).sum(),
            offered: offered(scenario, windows, began, from_us, to_us),
            abandoned: tick.abandoned.clone(),
        });
    }
    found
}

/// Journeys that began between two times: by when their first request went out, or by when they were meant to where that
/// was not recorded.
fn offered(
    scenario: &ScenarioRecord,
    windows: &[WindowPoint],
    began: fn(&Tally) -> u64,
    from: u64,
    to: u64,
) -> f64 {
    let near = windows.partition_point(|p| bounds(scenario, p).1 <= from);
    let inside = windows.iter().skip(near).map(|p| (bounds(scenario, p), p));
    let inside = inside.take_while(|((begin, _), _)| *begin < to);
    inside
        .map(|((begin, end), p)| {
            let shared = end.min(to).saturating_sub(begin.max(from));
            began(&p.tally) as f64 * shared as f64 / (end - begin).max(1) as f64
        })
        .sum()
}

/// What clients got of journeys meant to begin in windows that lie in some stretches by their middle.
fn before(scenario: &ScenarioRecord, windows: &[WindowPoint], stretches: &[(u64, u64)]) -> Ended {
    let mut sum = Ended::default();
    for point in windows.iter().filter(|p| inside(scenario, p, stretches)) {
        let ended = finished(&point.tally);
        sum.ended += ended;
        sum.well += ended - failed(&point.tally).min(ended);
    }
    sum
}

fn inside(scenario: &ScenarioRecord, point: &WindowPoint, stretches: &[(u64, u64)]) -> bool {
    let (begin, end) = bounds(scenario, point);
    let middle = begin.midpoint(end);
    let mut stretches = stretches.iter();
    stretches.any(|(from, to)| (*from..*to).contains(&middle))
}

/// What clients got while a fault lasted, of journeys meant to begin then: what was held and answered after the lifting was
/// not got without what the fault took away. Windows so close to the lifting that an answer as fast as usual, or as fast
/// as others were meanwhile, may have come after it are left out.
fn while_it_lasted(
    scenario: &ScenarioRecord,
    calm: &[(u64, u64)],
    (from, lifted): (u64, u64),
) -> Ended {
    let since = calm.first().map_or(from, |(begin, _)| *begin);
    let windows = scenario.series_where(None, |epoch| scenario.touches(epoch, since, lifted));
    let mut usual = Hist::default();
    let usually = windows.iter().filter(|p| inside(scenario, p, calm));
    usually.for_each(|p| usual.add(&p.tally.response));
    // Beside each window: what it has until the lifting.
    let during = windows
        .iter()
        .filter(|p| inside(scenario, p, &[(from, lifted)]));
    let during: Vec<(u64, &Tally)> = during
        .map(|p| (lifted.saturating_sub(bounds(scenario, p).1), &p.tally))
        .collect();
    let mut meanwhile = Hist::default();
    for (left, tally) in during.iter().take(during.len().div_ceil(2)) {
        let buckets = tally.response.buckets().iter().copied();
        meanwhile.add(&Hist::from_counts(
            buckets.filter(|(us, _)| surely(*us) <= *left),
        ));
    }
    let takes = [&usual, &meanwhile].map(|hist| surely(hist.quantile(0.95).unwrap_or(0)));
    let takes = takes.into_iter().fold(0, u64::max);
    let mut sum = Ended::default();
    for (left, tally) in during.into_iter().filter(|(left, _)| *left >= takes) {
        let ended = finished(tally);
        let well = ended - failed(tally).min(ended);
        let late = tally.response.buckets().iter();
        let late: u64 = late
            .filter(|(us, _)| surely(*us) > left)
            .map(|(_, n)| n)
            .sum();
        // Which of those that ended late ended well is not recorded.
        let most = well.min(ended.saturating_sub(late));
        let least = well.saturating_sub(late);
        sum.ended += ended;
        sum.well += least;
        sum.unsure += most - least.min(most);
    }
    sum
}

/// What a response time of a window is at most: windows keep two digits.
fn surely(us: u64) -> u64 {
    us.saturating_add(us / 50)
}
