//! A worker process that plays a closed load on Goose: orders on stdin, reports on stdout, a JSON value a line. It decides
//! nothing of what is sent, checked or counted: that is `harness-load`'s guest, and core's interpreter. It ends when told,
//! on SIGTERM, and when whoever started it is gone.

mod client;
mod users;

use goose::goose::Transaction;
use goose::prelude::{GooseCoordinatedOmissionMitigation, GooseMetrics, Scenario};
use goose::{GooseAttack, GooseError, config::GooseConfiguration};
use harness_load::{Attack, Clock, Guest, Orders, Report, Word};
use rustix::time::{ClockId, clock_gettime};
use std::fs::File;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader, Stdin};
use tokio::sync::mpsc;
use users::Stage;

/// Reports that may wait for whoever reads them; figures never wait for room.
const ROOM: usize = 8192;
/// How often the process looks at how late it wakes.
const BEAT: Duration = Duration::from_millis(20);
/// As in the native engine: most of what began in a second has ended by then.
const GRACE: Duration = Duration::from_millis(50);
/// After the word to stop, Goose has this long to notice: it looks every half second.
const PATIENCE: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    let out = match own_stdout() {
        Ok(out) => out,
        Err(error) => return failed(&format!("failed to take its standard output: {error}")),
    };
    // Goose sets up a logger of its own unless there is one.
    let _ = log::set_logger(&Silent);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let done = match runtime {
        Ok(runtime) => {
            let done = runtime.block_on(play(out));
            runtime.shutdown_background();
            done
        }
        Err(error) => Err(error.to_string()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => failed(&reason),
    }
}

fn failed(reason: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "harness-goose: {reason}");
    ExitCode::FAILURE
}

/// Standard output for the reports alone: what Goose prints goes nowhere.
fn own_stdout() -> std::io::Result<File> {
    let own = rustix::io::dup(rustix::stdio::stdout())?;
    let nowhere = File::options().write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdout(&nowhere)?;
    Ok(own.into())
}

struct Silent;

impl log::Log for Silent {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        false
    }
    fn log(&self, _: &log::Record<'_>) {}
    fn flush(&self) {}
}

async fn play(mut out: File) -> Result<(), String> {
    let mut orders = BufReader::new(tokio::io::stdin());
    let mut line = String::new();
    let read = orders.read_line(&mut line).await;
    read.map_err(|error| format!("failed to read its orders: {error}"))?;
    let orders_read: Orders = serde_json::from_str(&line)
        .map_err(|error| format!("failed to understand its orders: {error}"))?;
    let attack = orders_read.attack();
    let (epoch, clock, t0) = (Arc::clone(&attack.epoch), attack.clock, attack.t0);
    let (reports, mut evidence) = mpsc::channel(ROOM);
    let stage = stage(attack, reports)?;

    let goose = tokio::spawn(attack_with(Arc::clone(&stage)));
    tokio::spawn(listen(orders, epoch, Arc::clone(&stage)));
    tokio::spawn(obey_signals(Arc::clone(&stage)));
    let mut lag = harness_core::hist::Hist::default();
    let mut cpu = 0.0;
    let mut second = 1;
    let mut beat = clock.now().max(t0);
    let ended = loop {
        let end_of_second = t0 + Duration::from_secs(u64::from(second)) + GRACE;
        tokio::select! {
            biased;
            () = stage.over() => break Ok(()),
            Some(report) = evidence.recv() => write(&mut out, &report)?,
            () = until(clock, beat + BEAT) => {
                beat += BEAT;
                let late = clock.now().saturating_sub(beat);
                lag.add(&harness_core::hist::Hist::from_counts([(harness_core::units::micros(late), 1)]));
                beat = beat.max(clock.now().saturating_sub(BEAT));
            }
        }
        if stage.goose_is_gone() {
            break Err("Goose ended before its users did".to_owned());
        }
        if clock.now() >= end_of_second {
            for report in stage.guest.before(second) {
                write(&mut out, &report)?;
            }
            write(&mut out, &health(&stage, second - 1, &mut lag, &mut cpu))?;
            second += 1;
        }
    };
    stage.stop();
    // What is under way has been let go; Goose ends within half a second of its own.
    let goose = tokio::time::timeout(PATIENCE, goose).await;
    stage.forgo_what_is_left();
    for report in stage.guest.finish() {
        write(&mut out, &report)?;
    }
    while let Ok(report) = evidence.try_recv() {
        write(&mut out, &report)?;
    }
    write(&mut out, &health(&stage, second - 1, &mut lag, &mut cpu))?;
    let reason = match (ended, goose) {
        (Err(reason), _) => Some(reason),
        (Ok(()), Ok(Ok(Err(error)))) => Some(format!("Goose failed: {error}")),
        (Ok(()), Ok(Err(error))) => Some(format!("Goose panicked: {error}")),
        // One that does not end in time ends with this process.
        (Ok(()), Ok(Ok(Ok(_))) | Err(_)) => None,
    };
    if let Some(reason) = reason {
        write(&mut out, &Report::WorkerFailed(reason))?;
    }
    write(&mut out, &Report::Ended)
}

fn stage(attack: Attack, reports: mpsc::Sender<Report>) -> Result<Arc<Stage>, String> {
    let clock = attack.clock;
    let guest = Guest::new(attack, reports).map_err(|error| error.to_string())?;
    Ok(Arc::new(Stage::new(guest, clock)))
}

async fn until(clock: Clock, at: Duration) {
    tokio::time::sleep_until(clock.instant(at).into()).await;
}

fn write(out: &mut File, report: &Report) -> Result<(), String> {
    let mut line = serde_json::to_vec(report).map_err(|error| error.to_string())?;
    line.push(b'\n');
    out.write_all(&line)
        .map_err(|error| format!("nobody reads its reports: {error}"))
}

fn health(stage: &Stage, second: u32, lag: &mut harness_core::hist::Hist, cpu: &mut f64) -> Report {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let now = time.tv_sec as f64 + time.tv_nsec as f64 / 1e9;
    let before = std::mem::replace(cpu, now);
    Report::Health {
        second,
        worker: 0,
        lag: std::mem::take(lag),
        cpu_seconds: now - before,
        drops: stage.guest.drops(),
        local: stage.guest.local(),
    }
}

/// Goose itself, with all it has beside the users switched off.
async fn attack_with(stage: Arc<Stage>) -> Result<GooseMetrics, GooseError> {
    let users = stage.guest.users() as usize;
    let mut configuration = GooseConfiguration::default();
    // Requests carry whole URLs; it only insists on having one.
    configuration.host = Some("http://127.0.0.1/".to_owned());
    configuration.users = Some(users);
    configuration.increase_rate = Some(format!("{}", users.max(1) * 1000));
    configuration.quiet = 3;
    configuration.no_telnet = true;
    configuration.no_websocket = true;
    configuration.no_print_metrics = true;
    configuration.no_error_summary = true;
    configuration.no_metrics = true;
    configuration.no_transaction_metrics = true;
    configuration.no_scenario_metrics = true;
    configuration.co_mitigation = Some(GooseCoordinatedOmissionMitigation::Disabled);
    let gone = Arc::clone(&stage);
    let walk = Transaction::new(Arc::new(move |user| {
        let stage = Arc::clone(&stage);
        Box::pin(async move {
            users::turn(&stage, user).await;
            Ok(())
        })
    }));
    let scenario = Scenario::new("journeys").register_transaction(walk);
    let ended = GooseAttack::initialize_with_config(configuration)?
        .register_scenario(scenario)
        .execute()
        .await;
    gone.goose_has_gone();
    ended
}

/// Does as it is told; without anybody to tell, it stops.
async fn listen(mut words: BufReader<Stdin>, epoch: Arc<AtomicU32>, stage: Arc<Stage>) {
    let mut line = String::new();
    loop {
        line.clear();
        let read = words.read_line(&mut line).await;
        match serde_json::from_str(&line) {
            Ok(Word::Epoch(now)) if read.is_ok() => epoch.store(now, Ordering::Release),
            _ => return stage.stop(),
        }
    }
}

async fn obey_signals(stage: Arc<Stage>) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut interrupt)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        return;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = interrupt.recv() => {}
    }
    stage.stop();
}
