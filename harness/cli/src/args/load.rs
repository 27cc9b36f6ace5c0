//! The flags of `harness load`: those that users of oha, wrk, hey and ab have in their fingers, where they agree. What
//! they mean is decided by `commands::load`; what other tools call otherwise is told by `commands::load::habits`.

use super::Output;
use clap::Args as ClapArgs;
use clap::builder::RangedU64ValueParser;
use std::path::PathBuf;

/// Arguments of `load`.
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub(crate) struct LoadArgs {
    /// The URL to be requested; `{{ uuid() }}` and the like in it are filled in for each request.
    pub(crate) url: String,
    #[command(flatten)]
    pub(crate) shape: Shape,
    #[command(flatten)]
    pub(crate) request: RequestArgs,
    #[command(flatten)]
    pub(crate) wire: Wire,
    #[command(flatten)]
    pub(crate) judged: Judged,
    #[command(flatten)]
    pub(crate) shown: Shown,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// How much load, and when.
#[derive(Debug, Clone, Default, ClapArgs)]
#[command(next_help_heading = "Load")]
pub(crate) struct Shape {
    /// Connections: so many users, each with one request at a time [default: 50]. With --rate: connections at most
    /// [default: 256].
    #[arg(long, short, value_name = "N", value_parser = RangedU64ValueParser::<u32>::new().range(1..=60_000))]
    pub(crate) connections: Option<u32>,
    /// For how long [default: 10s]; with --requests a limit.
    #[arg(
        long = "duration",
        short = 'z',
        visible_alias = "for",
        value_name = "TIME"
    )]
    pub(crate) lasts: Option<String>,
    /// So many requests, exactly.
    #[arg(long, short = 'n', value_name = "N", value_parser = RangedU64ValueParser::<u64>::new().range(1..=1_000_000_000_000))]
    pub(crate) requests: Option<u64>,
    /// Requests per second over all connections, whatever the target does (open model): `200`, `200/s`, `30/min`, or a
    /// ramp `10/s..500/s`. Without it each user sends as soon as it has its answer (closed model).
    #[arg(long, short = 'q', value_name = "RATE")]
    pub(crate) rate: Option<String>,
    /// How arrivals of a rate lie between each other.
    #[arg(long, value_name = "HOW", value_parser = ["even", "poisson"], requires = "rate")]
    pub(crate) arrivals: Option<String>,
    /// Pause of a user after each answer: `500ms`, `1s..3s` for any time between, or `exponential:2s` for pauses of
    /// that mean, mostly short, ten times as long at most.
    #[arg(long, value_name = "TIME", conflicts_with = "rate")]
    pub(crate) think: Option<String>,
    /// The first part of the load, shown and not judged.
    #[arg(long, value_name = "TIME")]
    pub(crate) warm_up: Option<String>,
    /// Threads of the generator; by default as many as the load needs, at most one a core.
    #[arg(long, short, value_name = "N", value_parser = threads)]
    pub(crate) threads: Option<u16>,
    /// Decides arrivals and generated data.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
}

/// What is sent.
#[derive(Debug, Clone, Default, ClapArgs)]
#[command(next_help_heading = "Request")]
pub(crate) struct RequestArgs {
    /// The method [default: GET; POST with a body].
    #[arg(long, short, visible_short_alias = 'X')]
    pub(crate) method: Option<String>,
    /// A header, `name: value`; may be given several times. What lets somebody in is kept out of reports.
    #[arg(long = "header", short = 'H', value_name = "HEADER")]
    pub(crate) headers: Vec<String>,
    /// The body; `{{ uuid() }}` and the like in it are filled in for each request.
    #[arg(long, short, visible_alias = "body", allow_hyphen_values = true)]
    pub(crate) data: Option<String>,
    /// The body is this file's text.
    #[arg(long, short = 'D', value_name = "FILE", conflicts_with = "data")]
    pub(crate) data_file: Option<PathBuf>,
    /// The body's content type.
    #[arg(long, short = 'T', value_name = "TYPE")]
    pub(crate) content_type: Option<String>,
    /// Sends basic authentication, kept out of reports.
    #[arg(long, short = 'a', value_name = "USER:PASSWORD")]
    pub(crate) basic_auth: Option<String>,
    /// Sends this Host header instead of the URL's.
    #[arg(long, value_name = "HOST")]
    pub(crate) host: Option<String>,
    /// Redirects followed at most, each an own request [default: 0].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=20))]
    pub(crate) redirects: Option<u8>,
    /// Time limit of one request [default: 10s].
    #[arg(long, value_name = "TIME")]
    pub(crate) timeout: Option<String>,
    /// Sends a W3C `traceparent` with every request; other tools send none, so it is off by default here.
    #[arg(long)]
    pub(crate) traceparent: bool,
}

/// What it is sent over.
#[derive(Debug, Clone, Default, ClapArgs)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Wire {
    /// HTTP/2; over http:// with prior knowledge.
    #[arg(long)]
    pub(crate) http2: bool,
    /// HTTP/1.1, also where an https server would choose HTTP/2.
    #[arg(long = "http1.1", visible_alias = "http1", conflicts_with = "http2")]
    pub(crate) http1: bool,
    /// Requests at once on one HTTP/2 connection.
    #[arg(long, value_name = "N", requires = "http2", conflicts_with = "disable_keepalive", value_parser = RangedU64ValueParser::<u32>::new().range(1..=10_000))]
    pub(crate) streams: Option<u32>,
    /// A new connection for each request.
    #[arg(long)]
    pub(crate) disable_keepalive: bool,
    /// Does not check the server's certificate; every report says so.
    #[arg(long, short = 'k')]
    pub(crate) insecure: bool,
    /// Certificates (PEM) that the server's must lead to, instead of the usual authorities.
    #[arg(long, value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,
    /// A client certificate (PEM).
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// Its key (PEM).
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// Connects to this Unix socket instead of the URL's address.
    #[arg(long, value_name = "PATH")]
    pub(crate) unix_socket: Option<PathBuf>,
}

/// What it is judged by.
#[derive(Debug, Clone, Default, ClapArgs)]
#[command(next_help_heading = "Judgement")]
pub(crate) struct Judged {
    /// What every answer must satisfy, for example `status == 200`; may be given several times. Without a word on the
    /// status it must be below 400.
    #[arg(long, value_name = "EXPRESSION")]
    pub(crate) expect: Vec<String>,
    /// What the load is judged by, for example `p99 < 200ms`; may be given several times. Without any: `error_rate < 1%`.
    #[arg(long, value_name = "EXPRESSION")]
    pub(crate) gate: Vec<String>,
}

/// How it is shown.
#[derive(Debug, Clone, Default, ClapArgs)]
#[command(next_help_heading = "Shown")]
pub(crate) struct Shown {
    /// The same as --format json.
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,
    /// Writes the report's page to this file too.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Plain lines instead of the screen, on a terminal too.
    #[arg(long)]
    pub(crate) no_tui: bool,
}

/// Threads; oha's and hey's `-t 5s` is a time limit.
fn threads(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(n @ 1..=1024) => Ok(n),
        Ok(_) => Err("from 1 to 1024".to_owned()),
        Err(_) => Err(format!(
            "the generator's threads are a number; a request's time limit is `--timeout {text}`"
        )),
    }
}

const EXAMPLES: &str = "\
Examples:
  harness load http://localhost:8080/                          50 users for 10 s, as fast as they get answers
  harness load -n 10000 -c 100 http://localhost:8080/          exactly 10000 requests by 100 users
  harness load -q 500 -z 1m http://localhost:8080/             500 requests a second for a minute (open model)
  harness load -q 10/s..500/s -z 30s --gate 'p99 < 200ms' http://localhost:8080/
  harness load -m POST -T application/json -D order.json http://localhost:8080/orders

Other tools' flags and ours, side by side: docs/load-url.md";
