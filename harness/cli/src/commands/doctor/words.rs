//! What the doctor's facts mean and cost, in words. Pure: the same facts, the same words.

use crate::args::Need;
use harness_drive::doctor::{
    Cgroups, Compose, Engine, Facts, Files, Packets, Ports, Space, Time, Tried, Worker,
};
use harness_report::text::{bytes, plural};
use serde::Serialize;

/// Below this much room a run's folders, an image or a build may not find place.
const ROOM: u64 = 2 << 30;
/// Connections that a heavy load opens.
const MANY: u64 = 5000;
/// Descriptors of a connection that goes through the fault proxy, and what is open beside.
const EACH: u64 = 3;
const BESIDE: u64 = 100;
/// Microseconds: a timer later than this in the middle is felt in a schedule.
const LATE: u64 = 2000;

/// How it stands with something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    /// All of it can be done.
    Ok,
    /// It can be done in another way, or less of it.
    Degraded,
    /// It can't be done here.
    Missing,
    /// Nobody knows.
    Unknown,
}

impl State {
    pub(super) const fn sign(self) -> &'static str {
        match self {
            Self::Ok => "ok      ",
            Self::Degraded => "degraded",
            Self::Missing => "missing ",
            Self::Unknown => "unknown ",
        }
    }
}

/// A line of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Line {
    /// Of what.
    pub(crate) topic: &'static str,
    /// How it stands.
    pub(crate) state: State,
    /// What was found.
    pub(crate) finding: String,
    /// What can't be done for it, or not so well; empty if nothing.
    pub(crate) cost: String,
    /// What to do; empty if nothing.
    pub(crate) remedy: String,
}

impl Line {
    fn ok(topic: &'static str, finding: impl Into<String>) -> Self {
        Self::of(topic, State::Ok, finding, "", "")
    }

    fn of(
        topic: &'static str,
        state: State,
        finding: impl Into<String>,
        cost: &str,
        remedy: &str,
    ) -> Self {
        Self {
            topic,
            state,
            finding: finding.into(),
            cost: cost.to_owned(),
            remedy: remedy.to_owned(),
        }
    }
}

/// What may be demanded, in words.
pub(super) const fn of(need: Need) -> &'static str {
    match need {
        Need::Container => "a container engine",
        Need::Compose => "what reads Compose files, with a container engine,",
        Need::Packets => "losing packets of containers",
        Need::Goose => "the goose worker",
    }
}

/// A line for each thing, what most depends on first.
pub(crate) fn lines(facts: &Facts) -> Vec<Line> {
    let mut lines = vec![
        engine(&facts.engine),
        compose(&facts.compose),
        packets(&facts.packets, &facts.engine),
    ];
    lines.extend(limits(&facts.engine));
    lines.push(cgroups(&facts.cgroups));
    lines.push(files(facts.files));
    let elsewhere = "make room, or name another folder with --reports";
    let runs = facts.runs.as_ref();
    lines.extend(runs.map(|space| disk("disk of runs", space, elsewhere)));
    lines.extend(
        facts
            .images
            .as_ref()
            .map(|space| disk("disk of images", space, "make room: `docker system df` says what takes it, `docker image prune` removes what has no name")),
    );
    lines.push(worker(&facts.worker));
    lines.push(time(facts.time));
    lines.extend(facts.ports.map(ports));
    lines
}

fn engine(found: &Engine) -> Line {
    const TOPIC: &str = "container engine";
    match found {
        Engine::Answers(machine) => {
            let reach = match machine.beside {
                true => "containers are reached directly",
                false => "containers are reached through published ports",
            };
            let finding = format!(
                "{}, API {}, at {}; {}, {}, {}; {reach}",
                machine.version,
                machine.api,
                machine.at,
                machine.system,
                plural(machine.processors, "processor"),
                bytes(machine.memory as f64),
            );
            Line::ok(TOPIC, finding)
        }
        Engine::Silent { reason } => {
            // Its words end with what to do.
            let (finding, remedy) = reason.rsplit_once("; ").unwrap_or((reason, ""));
            Line::of(
                TOPIC,
                State::Missing,
                finding,
                "the modes container and compose and every fault on containers; the modes process and external work",
                remedy,
            )
        }
    }
}

fn compose(found: &Compose) -> Line {
    const TOPIC: &str = "compose";
    match &found.tool {
        Some((tool, version)) => Line::ok(TOPIC, format!("`{}` {version}", tool.name())),
        None => Line::of(
            TOPIC,
            State::Missing,
            found.wrong.as_deref().unwrap_or("no tool can be used"),
            "the mode compose",
            "install Docker's plugin (package docker-compose-plugin or docker-compose-v2), or docker-compose",
        ),
    }
}

fn packets(found: &Packets, engine: &Engine) -> Line {
    const TOPIC: &str = "packets";
    const REMEDY: &str =
        "load the module sch_netem (package linux-modules-extra), or take a kernel built with it";
    let elsewhere = matches!(engine, Engine::Answers(machine) if !machine.here);
    match (&found.netem, &found.nftables) {
        _ if elsewhere => Line::of(
            TOPIC,
            State::Unknown,
            "the engine has a kernel of its own; a run tries there before it begins",
            "",
            "",
        ),
        (Tried::Works, _) => Line::ok(TOPIC, "netem loses and delays them"),
        (Tried::Missing(why), Tried::Works) => Line::of(
            TOPIC,
            State::Degraded,
            format!("nftables loses them; no {why}"),
            "packets of a whole container are lost, and delayed only on links, by the fault proxy",
            REMEDY,
        ),
        (Tried::Missing(why), Tried::Missing(neither)) => Line::of(
            TOPIC,
            State::Missing,
            format!("no {why}; no {neither}"),
            "packets of a whole container can't be lost, and are delayed only on links, by the fault proxy",
            REMEDY,
        ),
        (Tried::Unknown(why), _) | (_, Tried::Unknown(why)) => Line::of(
            TOPIC,
            State::Unknown,
            format!("not tried: {why}; a run tries before it begins"),
            "",
            "",
        ),
    }
}

/// What the engine can limit, if there is one.
fn limits(found: &Engine) -> Option<Line> {
    const TOPIC: &str = "container limits";
    let Engine::Answers(machine) = found else {
        return None;
    };
    let groups = format!("control groups version {}", machine.cgroups);
    let lacks: Vec<_> = [
        (machine.limits_cpu, "processor time"),
        (machine.limits_memory, "memory"),
    ]
    .into_iter()
    .filter_map(|(can, what)| (!can).then_some(what))
    .collect();
    Some(match lacks.as_slice() {
        [] => Line::ok(TOPIC, format!("processor time and memory, by {groups}")),
        lacks => {
            let lacks = lacks.join(" and ");
            Line::of(
                TOPIC,
                State::Missing,
                format!("the engine can't limit {lacks}, by {groups}"),
                "`memory` and `cpus` of a container, and the faults of the same names on it",
                "give the engine the controllers cpu and memory (as root, or delegated to its user)",
            )
        }
    })
}

fn cgroups(found: &Cgroups) -> Line {
    const TOPIC: &str = "control groups";
    const COST: &str = "a process's time is limited by stopping and continuing it, and its memory by its address space, \
                        which is coarser";
    let writable: Vec<_> = found
        .controllers
        .iter()
        .filter(|controller| controller.writable)
        .map(|controller| controller.name.as_str())
        .collect();
    let both = ["cpu", "memory"].iter().all(|name| writable.contains(name));
    match found.version {
        None => Line::of(TOPIC, State::Degraded, "none", COST, ""),
        Some(version) if both => Line::ok(
            TOPIC,
            format!("version {version}, writable: {}", writable.join(", ")),
        ),
        Some(version) => {
            let writable = if writable.is_empty() {
                "none".to_owned()
            } else {
                writable.join(", ")
            };
            Line::of(
                TOPIC,
                State::Degraded,
                format!("version {version}, writable: {writable}"),
                COST,
                "run as root, or have the controllers cpu and memory delegated to this user",
            )
        }
    }
}

fn files(found: Files) -> Line {
    const TOPIC: &str = "open files";
    let Some(most) = found.at_most else {
        return Line::ok(TOPIC, "no limit");
    };
    let connections = most.saturating_sub(BESIDE) / EACH;
    let now = found
        .now
        .map_or_else(|| "no limit".to_owned(), |now| now.to_string());
    let finding = format!(
        "{now}, raised to {most} when a load needs it: some {connections} connections through the fault proxy"
    );
    if connections >= MANY {
        return Line::ok(TOPIC, finding);
    }
    Line::of(
        TOPIC,
        State::Degraded,
        finding,
        "a load with more connections fails as `local` where it finds no room",
        "raise the limit: `ulimit -Hn 65536`, `LimitNOFILE=` of a service, `--ulimit nofile=` of a container",
    )
}

fn disk(topic: &'static str, found: &Space, remedy: &'static str) -> Line {
    let finding = format!(
        "{} of {} free at {}",
        bytes(found.free as f64),
        bytes(found.total as f64),
        found.folder.display()
    );
    if found.free >= ROOM {
        return Line::ok(topic, finding);
    }
    Line::of(
        topic,
        State::Degraded,
        finding,
        "a long run's events, a build or an image may find no room; a run whose disk is full says so",
        remedy,
    )
}

fn worker(found: &Worker) -> Line {
    const TOPIC: &str = "goose worker";
    match found.there {
        true => Line::ok(TOPIC, found.path.display().to_string()),
        false => Line::of(
            TOPIC,
            State::Missing,
            format!("nothing that runs is at {}", found.path.display()),
            "loads with `engine = \"goose\"`; the others need nothing",
            "build or install harness-goose beside this program",
        ),
    }
}

fn time(found: Time) -> Line {
    const TOPIC: &str = "time";
    let finding = format!(
        "{}; the clock tells {} ns apart; a short sleep ends {:.1} ms late, {:.1} ms at worst",
        plural(found.processors, "processor"),
        found.resolution_ns,
        found.late_us as f64 / 1000.0,
        found.latest_us as f64 / 1000.0,
    );
    if found.processors >= 2 && found.late_us <= LATE {
        return Line::ok(TOPIC, finding);
    }
    Line::of(
        TOPIC,
        State::Degraded,
        finding,
        "schedules of a high rate are kept with less precision, and a run may say that its load was invalid",
        "give the machine more processors or less else to do; `harness selftest` says what its figures are worth",
    )
}

fn ports(found: Ports) -> Line {
    const TOPIC: &str = "ports";
    let finding = format!(
        "{} of {} ephemeral ports in use",
        found.used, found.available
    );
    if found.used < found.available / 2 {
        return Line::ok(TOPIC, finding);
    }
    Line::of(
        TOPIC,
        State::Degraded,
        finding,
        "a load without kept connections runs out of them, and fails as `local`",
        "wait until connections in TIME_WAIT have gone, or widen net.ipv4.ip_local_port_range",
    )
}

#[cfg(test)]
pub(super) mod testing;
