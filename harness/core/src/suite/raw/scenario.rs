//! `scenarios/*.toml` as typed.

use super::super::at::{At, Named, Str};
use super::contained::{Deploy, OnVolume, Packets, Partition};
use super::load::Load;
use super::target::TargetMode;
use schemars::JsonSchema;
use serde::Deserialize;

/// scenarios/NAME.toml: load, faults and gates on one timeline.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, title = "scenarios/*.toml")]
pub(crate) struct Scenario {
    /// What it shows, one sentence.
    #[schemars(required)]
    pub(crate) title: Option<Str>,
    /// Words that profiles and `--tags` choose by.
    #[serde(default)]
    pub(crate) tags: Vec<Str>,
    /// The target's modes it is for; in others it is left out, and the run says so. Default: all.
    pub(crate) only_in: Option<At<Vec<At<TargetMode>>>>,
    /// Restart the target first; default false.
    pub(crate) fresh: Option<bool>,
    /// Play the same load first without the faults, so that their effect is known; default false.
    pub(crate) control: Option<At<bool>>,
    /// How long after a fault its recovery window lasts; default 10s.
    pub(crate) settle: Option<Str>,
    /// The load: how often journeys start and for how long, such as `rate = "10/s"` and `for = "60s"`, and which: `mix`.
    #[schemars(required)]
    pub(crate) load: Option<At<Load>>,
    /// What breaks while the load runs.
    #[serde(default)]
    pub(crate) fault: Vec<At<Fault>>,
    /// Conditions that lift every fault as soon as one holds over the last 5 s of load; none is applied any more, and
    /// the scenario fails: `error_rate > 50%`.
    #[serde(default)]
    pub(crate) stop: Vec<Str>,
    /// What holds while nothing is broken.
    pub(crate) steady: Option<At<Steady>>,
    /// Conditions that judge this scenario.
    #[serde(default)]
    pub(crate) gate: Vec<At<Gate>>,
}

/// What holds while nothing is broken: looked at before the first fault, without which none is applied, told during them,
/// and judged once the last has settled.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Steady {
    /// `p95 < 200ms`, `error_rate < 1%`.
    #[serde(default)]
    #[schemars(required, length(min = 1))]
    pub(crate) expect: Vec<Str>,
}

/// What breaks, from when and for how long: a `link` with exactly one of `latency`, `timeout`, `reset`, `bandwidth`,
/// `down`, `slow_close`, `limit`, `slice`, `loss`, `corrupt`, `fail_first`, `http`, or a `service` with exactly one of `kill`,
/// `pause`, `restart`, `crash_loop`, `cpu`, `memory`, `stop`, `disconnect`, `partition`, `packets`, `disk_full`, `read_only`, `dns`,
/// `deploy`. Numbers of a link's may be ranges, `0ms..500ms`: they ramp while the fault lasts.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Fault {
    /// Names it in gates and in the report.
    #[schemars(required)]
    pub(crate) name: Option<Str>,
    /// The link that breaks.
    pub(crate) link: Option<Str>,
    /// The service that breaks.
    pub(crate) service: Option<Str>,
    /// Start, from the start of the load or from `when`; `30s..50s` draws one by the seed. Default with `when`: at once.
    pub(crate) at: Option<Str>,
    /// What `at` counts from: `ramp ends`, `stage 2 begins`, `stage 2 ends`, or the moment when a condition first holds
    /// over the last 5 s of load, such as `p95(checkout) > 300ms`.
    pub(crate) when: Option<Str>,
    /// How long it lasts; `5s..20s` draws one by the seed.
    #[serde(rename = "for")]
    #[schemars(required)]
    pub(crate) lasts: Option<Str>,
    /// From start to start of a fault that is repeated; `20s..40s` draws each by the seed.
    pub(crate) every: Option<Str>,
    /// How often it strikes; required with `every`.
    #[schemars(range(min = 2, max = 100))]
    pub(crate) times: Option<At<u32>>,
    /// What tells that the target noticed it, beside its services' own health: `probe.breaker >= 1`.
    pub(crate) detected: Option<Str>,
    /// What must hold while one number of it goes from one end to the other, such as `p95(checkout) < 1s`: how much of it
    /// is tolerated is then told.
    #[serde(default)]
    pub(crate) tolerates: Vec<Str>,
    /// Answers come later.
    pub(crate) latency: Option<At<Latency>>,
    /// Data is swallowed, then the connection closes.
    pub(crate) timeout: Option<At<After>>,
    /// Connections are reset.
    pub(crate) reset: Option<At<After>>,
    /// Answers pass slowly.
    pub(crate) bandwidth: Option<At<Bandwidth>>,
    /// Connections are refused, open ones end.
    pub(crate) down: Option<At<bool>>,
    /// The end of an answer comes late.
    pub(crate) slow_close: Option<At<SlowClose>>,
    /// Connections close once so much of answers has passed.
    pub(crate) limit: Option<At<Limit>>,
    /// Answers come in slices.
    pub(crate) slice: Option<At<Slice>>,
    /// Chunks of answers are lost, and come late.
    pub(crate) loss: Option<At<Loss>>,
    /// Bytes of answers are others.
    pub(crate) corrupt: Option<At<Corrupt>>,
    /// Something becomes of requests; on a link of scheme `http`.
    pub(crate) http: Option<At<HttpBreak>>,
    /// The first connections are reset.
    pub(crate) fail_first: Option<At<FailFirst>>,
    /// Share of connections it works on, of `http` of requests, drawn for each: `30%`; default all.
    pub(crate) share: Option<Str>,
    /// Works on connections from these addresses and networks only: `127.0.0.2`, `10.0.0.0/8`.
    #[serde(default)]
    pub(crate) clients: Vec<Str>,
    /// The service is killed, and started again at the end.
    pub(crate) kill: Option<At<bool>>,
    /// The service is stopped where it stands, and goes on at the end.
    pub(crate) pause: Option<At<bool>>,
    /// The service is killed and started again at once.
    pub(crate) restart: Option<At<bool>>,
    /// The service is killed and started, again and again.
    pub(crate) crash_loop: Option<At<CrashLoop>>,
    /// The service is held to a share of its time.
    pub(crate) cpu: Option<At<Cpu>>,
    /// The service's processes may have no more memory.
    pub(crate) memory: Option<At<Memory>>,
    /// The service is asked to end (TERM), and started again at the end.
    pub(crate) stop: Option<At<bool>>,
    /// The service's container is cut off from the others, and connected again at the end.
    pub(crate) disconnect: Option<At<bool>>,
    /// Packets between the service and others are dropped without a word; in containers.
    pub(crate) partition: Option<At<Partition>>,
    /// Packets that the service sends are lost or late; in containers.
    pub(crate) packets: Option<At<Packets>>,
    /// A volume of the service is full; in containers.
    pub(crate) disk_full: Option<At<OnVolume>>,
    /// A volume of the service takes no writes; in containers.
    pub(crate) read_only: Option<At<OnVolume>>,
    /// The service can resolve no names; in containers.
    pub(crate) dns: Option<At<bool>>,
    /// The service is replaced by a new version, and rolled back at the end.
    pub(crate) deploy: Option<At<Deploy>>,
}

/// Answers come later by a uniform draw from `delay ± jitter`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Latency {
    /// The mean delay.
    #[schemars(required)]
    pub(crate) delay: Option<Str>,
    /// Half the width of the draw; default 0.
    pub(crate) jitter: Option<Str>,
}

/// Something happens to a connection after a time.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct After {
    /// The time; `0` for at once (`reset`) or never (`timeout`).
    #[schemars(required)]
    pub(crate) after: Option<Str>,
}

/// Answers pass at a rate.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Bandwidth {
    /// Bytes per second: `64kB/s`, `1MB/s`.
    #[schemars(required)]
    pub(crate) rate: Option<Str>,
}

/// The end of an answer, and the close after it, come late.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct SlowClose {
    /// How much later.
    #[schemars(required)]
    pub(crate) delay: Option<Str>,
}

/// Connections close once so much of answers has passed.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Limit {
    /// Bytes of answers on one connection: `64kB`.
    #[schemars(required)]
    pub(crate) bytes: Option<Str>,
}

/// Answers come in slices.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Slice {
    /// Bytes of a slice on average: `100B`.
    #[schemars(required)]
    pub(crate) size: Option<Str>,
    /// By how much it varies; default 0.
    pub(crate) variation: Option<Str>,
    /// Time between two; default 0.
    pub(crate) delay: Option<Str>,
}

/// Chunks of answers are lost as TCP feels it: one that is, and all behind it, wait; twice as long if it is lost again.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Loss {
    /// Share of chunks: `2%`.
    #[schemars(required)]
    pub(crate) share: Option<Str>,
    /// How long the first wait is; default 200ms.
    pub(crate) stall: Option<Str>,
}

/// One byte of a chunk of an answer is another.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Corrupt {
    /// Share of chunks: `1%`.
    #[schemars(required)]
    pub(crate) share: Option<Str>,
}

/// The first connections opened under the fault are reset; all after them pass.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct FailFirst {
    /// How many.
    #[schemars(required, range(min = 1, max = 1000000))]
    pub(crate) connections: Option<At<u32>>,
}

/// Something becomes of requests, of their method, path and headers where given; with exactly one of `delay`, `status`,
/// `replace`, `truncate`, `corrupt`, `drop`, `rate`, `fail_first`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct HttpBreak {
    /// Only requests of this method.
    pub(crate) method: Option<Str>,
    /// Only requests for this path; `{id}` stands for one segment.
    pub(crate) path: Option<Str>,
    /// Only requests with these headers.
    #[serde(default)]
    pub(crate) headers: Named<String>,
    /// They are held this long.
    pub(crate) delay: Option<Str>,
    /// They are answered by this status, and reach nobody; with `rate` and `fail_first`, those they concern.
    #[schemars(range(min = 200, max = 599))]
    pub(crate) status: Option<At<u16>>,
    /// The body of that answer.
    pub(crate) body: Option<Str>,
    /// Its `Retry-After`: whole seconds.
    pub(crate) retry_after: Option<Str>,
    /// Their answers have this body.
    pub(crate) replace: Option<Str>,
    /// Their answers end after so much of the body.
    pub(crate) truncate: Option<Str>,
    /// One byte of their answers' bodies is another.
    pub(crate) corrupt: Option<At<bool>>,
    /// Their connection is reset.
    pub(crate) drop: Option<At<bool>>,
    /// Those above this rate are answered by `status`, default 429: `10/s`.
    pub(crate) rate: Option<Str>,
    /// The first so many are answered by `status`, default 503.
    #[schemars(range(min = 1, max = 1000000))]
    pub(crate) fail_first: Option<At<u32>>,
}

/// The service is killed and started, again and again, until the fault is lifted.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct CrashLoop {
    /// From each start to the next kill: `2s`.
    #[schemars(required)]
    pub(crate) every: Option<Str>,
}

/// The service is held to a share of its time: stopped and continued many times a second.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Cpu {
    /// The share it is left with, 5% to 95%.
    #[schemars(required)]
    pub(crate) share: Option<Str>,
}

/// The service's processes may have no more memory than this.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Memory {
    /// Address space of each process, from 1MB: `200MB`.
    #[schemars(required)]
    pub(crate) bytes: Option<Str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Class {
    Key,
    Scored,
    Info,
}

/// A condition the run is judged by; with exactly one of `expect`, `invariant`, `each`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Gate {
    /// Names it in the report; default: its number.
    pub(crate) name: Option<Str>,
    /// What must hold of the load: `p99(checkout) < 2s`, `error_rate < 0.1%`, `recovery < 5s`.
    pub(crate) expect: Option<Str>,
    /// What must hold once the load has ended: `orders.$.placed == distinct(checkout.order)`.
    pub(crate) invariant: Option<Str>,
    /// Walks a journey with each value that a journey captured under load: `checkout.order`.
    pub(crate) each: Option<Str>,
    /// The journey that `each` walks, with the capture's variable set.
    pub(crate) walk: Option<Str>,
    /// How long an invariant may take to hold; default 10s.
    pub(crate) within: Option<Str>,
    /// Values that `each` walks at most, a sample of more; default 2000.
    #[schemars(range(min = 1, max = 1000000))]
    pub(crate) at_most: Option<At<u32>>,
    /// `key` decides (default), `scored` weighs, `info` is only told.
    pub(crate) class: Option<Class>,
    /// Weight in the readiness score; default 1.
    pub(crate) weight: Option<At<f64>>,
    /// Who sees to it when it does not hold.
    pub(crate) owner: Option<Str>,
    /// The load it looks at: a fault's name, `before NAME`, `recovering NAME` (until settled), `after NAME`, or `all`;
    /// default: load outside faults and recovery.
    pub(crate) during: Option<Str>,
    /// Must hold in every sliding window of this length.
    pub(crate) over: Option<Str>,
    /// Stop the scenario as soon as it fails; default false.
    pub(crate) abort: Option<bool>,
}
