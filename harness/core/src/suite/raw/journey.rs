//! `scenarios/journeys/*.toml` as typed.

mod data;

pub(crate) use data::Data;

use super::super::at::{At, Named, Node, Scalar, Str};
use super::contained::{Deploy, OnVolume, Packets, Partition};
use super::scenario::{
    After, Bandwidth, Corrupt, Cpu, CrashLoop, FailFirst, HttpBreak, Latency, Limit, Loss, Memory,
    Slice, SlowClose,
};
use super::think::Think;
use schemars::JsonSchema;
use serde::Deserialize;

/// scenarios/journeys/NAME.toml: what a user does, step by step.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, title = "scenarios/journeys/*.toml")]
pub(crate) struct Journey {
    /// What the user does, one sentence.
    #[schemars(required)]
    pub(crate) title: Option<Str>,
    /// Words that profiles and `--tags` choose by.
    #[serde(default)]
    pub(crate) tags: Vec<Str>,
    /// A data file (.csv, .json or .jsonl) whose rows are `{{ row.COLUMN }}`; or a table of `file`, and how load takes
    /// its rows.
    pub(crate) data: Option<At<Data>>,
    /// The rows, written here.
    #[serde(default)]
    pub(crate) rows: Vec<At<Named<Node>>>,
    /// Values set before the first step, by name.
    #[serde(default)]
    pub(crate) variables: Named<Scalar>,
    /// The steps, in order.
    #[serde(default)]
    #[schemars(required, length(min = 1))]
    pub(crate) step: Vec<At<Step>>,
}

/// A step; with exactly one of a method (`get`, `post`, …), `run`, `pause`, `fault`, `lift`; or with `expect` alone, which
/// checks what was collected.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Step {
    /// Its name, unique in the journey.
    #[schemars(required)]
    pub(crate) name: Option<Str>,
    /// Sends GET to this path.
    pub(crate) get: Option<Str>,
    /// Sends POST to this path.
    pub(crate) post: Option<Str>,
    /// Sends PUT to this path.
    pub(crate) put: Option<Str>,
    /// Sends PATCH to this path.
    pub(crate) patch: Option<Str>,
    /// Sends DELETE to this path.
    pub(crate) delete: Option<Str>,
    /// Sends HEAD to this path.
    pub(crate) head: Option<Str>,
    /// Sends OPTIONS to this path.
    pub(crate) options: Option<Str>,
    /// Runs the steps of another journey here.
    pub(crate) run: Option<Str>,
    /// Waits this long.
    pub(crate) pause: Option<Str>,
    /// Breaks a link or a service until it is lifted or the journey ends; not under load.
    pub(crate) fault: Option<At<Break>>,
    /// Lifts a fault armed earlier, by its name.
    pub(crate) lift: Option<Str>,
    /// The service asked, instead of the way in.
    pub(crate) service: Option<Str>,
    /// Query parameters.
    #[serde(default)]
    pub(crate) query: Named<Scalar>,
    /// Request headers.
    #[serde(default)]
    pub(crate) headers: Named<Scalar>,
    /// A JSON body.
    pub(crate) json: Option<At<Node>>,
    /// A text body.
    pub(crate) text: Option<Str>,
    /// A form body.
    pub(crate) form: Option<At<Named<Scalar>>>,
    /// What the answer must be: `status == 201`, `$.id exists`, `duration < 300ms`.
    #[serde(default)]
    pub(crate) expect: Vec<Str>,
    /// Values kept from the answer, by name: `order = "$.id"`.
    #[serde(default)]
    pub(crate) capture: Named<String>,
    /// Values appended to a list, by name: `seen = "$.items[*].id"`; `count(seen)` and `distinct(seen)` look at it.
    #[serde(default)]
    pub(crate) collect: Named<String>,
    /// Goes back to a step once this one has passed.
    pub(crate) repeat: Option<At<Repeat>>,
    /// Sends the request so many times at once; not under load.
    #[schemars(range(min = 2, max = 64))]
    pub(crate) copies: Option<At<u8>>,
    /// With `copies`: what must be equal in all answers.
    #[serde(default)]
    pub(crate) same: Vec<Str>,
    /// With `copies`: what must hold of exactly so many answers: `{ "status == 201" = 1 }`.
    #[serde(default)]
    pub(crate) exactly: Named<u8>,
    /// Ask again until the expectations hold, at most this long.
    pub(crate) eventually: Option<Str>,
    /// Pause between two of those; default 200ms.
    pub(crate) every: Option<Str>,
    /// Limit for one exchange.
    pub(crate) timeout: Option<Str>,
    /// Redirects followed at most.
    #[schemars(range(min = 0, max = 20))]
    pub(crate) redirects: Option<u8>,
    /// Think time after the step: `500ms`, `1s..3s`, or `{ exponential = "2s", at_most = "20s" }`.
    pub(crate) think: Option<At<Think>>,
}

/// Goes back while something holds of the answer.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Repeat {
    /// The step it goes back to; default: its own.
    pub(crate) from: Option<Str>,
    /// It goes back while this holds: `$.next exists`.
    #[serde(rename = "while")]
    #[schemars(required)]
    pub(crate) condition: Option<Str>,
    /// Values kept from the answer before it goes back.
    #[serde(default)]
    pub(crate) capture: Named<String>,
    /// Times it goes back; needing one more fails the step.
    #[schemars(required, range(min = 1, max = 10_000))]
    pub(crate) at_most: Option<At<u32>>,
}

/// A fault armed by a step: a `link` with exactly one of `latency`, `timeout`, `reset`, `bandwidth`, `down`,
/// `slow_close`, `limit`, `slice`, `loss`, `corrupt`, `fail_first`, `http`, or a `service` with exactly one of `kill`,
/// `pause`, `restart`, `crash_loop`, `cpu`, `memory`, `stop`, `disconnect`, `partition`, `packets`, `disk_full`, `read_only`, `dns`,
/// `deploy`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Break {
    /// Names it for `lift`; default: the step's name.
    pub(crate) name: Option<Str>,
    /// The link that breaks.
    pub(crate) link: Option<Str>,
    /// The service that breaks.
    pub(crate) service: Option<Str>,
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
    /// The service is killed, and started again when the fault is lifted.
    pub(crate) kill: Option<At<bool>>,
    /// The service is stopped where it stands, and goes on when the fault is lifted.
    pub(crate) pause: Option<At<bool>>,
    /// The service is killed and started again at once.
    pub(crate) restart: Option<At<bool>>,
    /// The service is killed and started, again and again.
    pub(crate) crash_loop: Option<At<CrashLoop>>,
    /// The service is held to a share of its time.
    pub(crate) cpu: Option<At<Cpu>>,
    /// The service's processes may have no more memory.
    pub(crate) memory: Option<At<Memory>>,
    /// The service is asked to end (TERM), and started again when the fault is lifted.
    pub(crate) stop: Option<At<bool>>,
    /// The service's container is cut off from the others, and connected again when the fault is lifted.
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
    /// The service is replaced by a new version, and rolled back when the fault is lifted.
    pub(crate) deploy: Option<At<Deploy>>,
}
