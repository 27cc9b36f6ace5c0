//! The flags of `harness proxy`: those of toxiproxy-server, and what it never had.

use clap::Args as ClapArgs;
use std::path::PathBuf;

/// Arguments of `proxy`.
#[derive(Debug, ClapArgs)]
#[command(after_help = AFTER)]
pub(crate) struct ProxyArgs {
    /// The interface the API listens on; an address other than loopback lets others steer the proxies.
    #[arg(long, default_value = "127.0.0.1")]
    pub(crate) host: String,
    /// The API's port; 0 takes a free one.
    #[arg(long, default_value_t = 8474)]
    pub(crate) port: u16,
    /// Proxies to begin with: a JSON list as for `POST /populate`, their toxics included.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Makes every roll of toxicity and every draw of jitter reproducible; one is chosen and printed if none is given.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Answer `GET /metrics` with the bytes that passed each proxy, for Prometheus.
    #[arg(long)]
    pub(crate) proxy_metrics: bool,
    /// Behave as toxiproxy-server does even where that helps nobody (docs/proxy.md).
    #[arg(long)]
    pub(crate) strict: bool,
}

const AFTER: &str = "\
The first line on stdout is the API's URL. Flags may be written with one dash, as toxiproxy-server's are.

Exit codes:
  0  it was interrupted (INT, TERM or HUP)
  2  the file or the command line is wrong
  3  the API can't listen there";
