//! `harness proxy`: the fault proxy alone, steered through Toxiproxy's HTTP API until somebody interrupts it. Links run on
//! a thread of their own, so that the API answers however much passes through them.

use super::session;
use crate::args::ProxyArgs;
use crate::bounded;
use crate::error::CliError;
use crate::printer::Printer;
use harness_proxy::{Api, ApiConfig};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::path::Path;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The largest list of proxies read, bytes.
const LARGEST: u64 = 16 << 20;
/// How long a request that is under way is waited for at the end.
const PATIENCE: Duration = Duration::from_secs(1);

/// Serves until interrupted.
pub(crate) fn proxy(args: &ProxyArgs, printer: Printer) -> Result<u8, CliError> {
    let config = args.config.as_deref().map(read).transpose()?;
    let own = Builder::new_current_thread().enable_all().build();
    let own = own.map_err(|error| session::no_runtime(&error))?;
    let links = links()?;
    own.block_on(serve(args, config.as_deref(), links, printer))
}

/// A thread for the links; connections that are open end with the process, and nobody waits for them. A runtime of one
/// thread and without signals costs a few per cent less per request than one that could have more.
fn links() -> Result<Handle, CliError> {
    let runtime = Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(|error| session::no_runtime(&error))?;
    let handle = runtime.handle().clone();
    std::thread::Builder::new()
        .name("links".into())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))
        .map_err(|error| session::no_runtime(&error))?;
    Ok(handle)
}

async fn serve(
    args: &ProxyArgs,
    config: Option<&[u8]>,
    links: Handle,
    printer: Printer,
) -> Result<u8, CliError> {
    let stop = interrupted()?;
    let seed = args
        .seed
        .unwrap_or_else(|| RandomState::new().build_hasher().finish() >> 32);
    let api = Api::new(
        ApiConfig {
            seed,
            strict: args.strict,
            metrics: args.proxy_metrics,
        },
        links,
    );
    if let (Some(path), Some(json)) = (&args.config, config) {
        let names = api.populate(json).await.map_err(|why| CliError::Usage {
            message: format!("failed to take in the proxies of {}: {why}", path.display()),
            hint:
                "it is a JSON list of {\"name\", \"listen\", \"upstream\", \"enabled\", \"toxics\"}"
                    .into(),
        })?;
        let listed: Vec<&str> = names.iter().map(harness_proxy::ProxyName::as_str).collect();
        let many = match names.len() {
            1 => "1 proxy".to_owned(),
            many => format!("{many} proxies"),
        };
        printer.say(&format!(
            "{many} from {}: {}",
            path.display(),
            listed.join(", ")
        ));
    }
    let at = (args.host.as_str(), args.port);
    let listener = TcpListener::bind(at).await.map_err(|error| {
        let (host, port) = at;
        let hint = "--port 0 takes a free one";
        CliError::Machine(format!(
            "failed to listen on {host}:{port} for the API: {error}; {hint}"
        ))
    })?;
    let broken = |error| CliError::Machine(format!("the API broke: {error}"));
    let address = listener.local_addr().map_err(broken)?;
    printer.data(&format!("http://{address}\n"));
    printer.say(&format!(
        "Toxiproxy's API answers on {address}, seed {seed}; Ctrl-C ends it"
    ));
    if !address.ip().is_loopback() {
        printer
            .say("others on the network can steer these proxies: --host 127.0.0.1 keeps them out");
    }
    let late = async {
        stop.cancelled().await;
        tokio::time::sleep(PATIENCE).await;
    };
    tokio::select! {
        served = api.serve(listener, stop.clone()) => served.map_err(broken)?,
        // Somebody is half-way through a request and does not go on.
        () = late => {}
    }
    printer.say("the proxies are gone");
    Ok(0)
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    bounded::read(path, LARGEST).map_err(|source| CliError::Usage {
        message: format!("failed to read {}: {source}", path.display()),
        hint: "--config takes a JSON list of proxies".into(),
    })
}

/// The command line with `-port 80` as `--port 80`, if it calls `proxy`: its users write it so.
pub(super) fn long_flags(line: &[String]) -> Option<Vec<String>> {
    if line.get(1)? != "proxy" {
        return None;
    }
    let long = |word: &String| {
        let flag = word.strip_prefix('-').is_some_and(|rest| {
            rest.len() > 1 && rest.starts_with(|c: char| c.is_ascii_lowercase())
        });
        if flag {
            format!("-{word}")
        } else {
            word.clone()
        }
    };
    Some(line.iter().map(long).collect())
}

/// Cancelled by the first INT, TERM or HUP.
fn interrupted() -> Result<CancellationToken, CliError> {
    let stop = CancellationToken::new();
    for kind in [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ] {
        let mut signals = signal(kind)
            .map_err(|error| CliError::Machine(format!("failed to listen for signals: {error}")))?;
        let stop = stop.clone();
        tokio::spawn(async move {
            signals.recv().await;
            stop.cancel();
        });
    }
    Ok(stop)
}
