//! What comes before anything is started: secrets found, an id chosen, the folder made. The same for a run and for a
//! target that is held.

use super::Prepared;
use crate::commands::baseline;
use crate::environment;
use crate::error::CliError;
use crate::logs;
use crate::printer::Printer;
use crate::sources;
use harness_core::event::{FORMAT, RunStarted};
use harness_core::name::RunId;
use harness_core::plan::Plan;
use harness_drive::executor::Job;
use harness_drive::redact::{Redactor, Secrets};
use harness_drive::{Clock, Route};
use harness_report::store::{RunFolder, RunStore};
use std::path::{Path, PathBuf};
use tracing::{Span, field};

/// Something about to be run: its folder is there, nothing is started.
pub(crate) struct Begun {
    /// What the executor takes.
    pub(crate) job: Job,
    /// Its folder.
    pub(crate) folder: RunFolder,
    /// The folder of runs it lies in, an absolute path.
    pub(crate) runs: PathBuf,
    /// What no report may show.
    pub(crate) secrets: Secrets,
}

/// Finds the secrets, chooses an id and makes the folder.
pub(crate) fn begin(
    prepared: Prepared,
    reports: Option<&Path>,
    printer: Printer,
) -> Result<Begun, CliError> {
    let secrets = secrets(&prepared)?;
    logs::hide(Redactor::new(&secrets));
    let now = environment::now();
    let run = environment::run_id(&now);
    Span::current().record("run", field::display(&run));
    let Prepared {
        plan,
        root,
        features,
        tls,
        threads,
        replays,
        release,
        ..
    } = prepared;
    let socket = plan.target.socket.as_ref().map(|path| root.join(path));
    let route = Route::new(tls, socket);
    let mut started = RunStarted {
        replays,
        release,
        ..started(plan, &root, run.clone(), &now)
    };
    started.baselines = baseline::for_run(&started, &root, printer)?;
    fit(&started, &secrets)?;
    let runs = runs_of(reports, &root);
    let folder = RunStore::open(&runs)
        .create(&run)
        .map_err(|error| CliError::Machine(error.to_string()))?;
    let job = job(started, &secrets, root, features, route, threads, &folder)?;
    Ok(Begun {
        job,
        folder,
        runs,
        secrets,
    })
}

/// The folder of runs: the one that was named, else the suite's own.
pub(crate) fn runs_of(named: Option<&Path>, root: &Path) -> PathBuf {
    let runs = named.map_or_else(|| root.join("reports").join("runs"), Path::to_owned);
    std::path::absolute(&runs).unwrap_or(runs)
}

/// The same for a command that has no run of its own: of the folder named, else of the suite's root.
pub(crate) fn runs_under(suite: Option<&Path>, named: Option<&Path>) -> Result<PathBuf, CliError> {
    Ok(match named {
        Some(folder) => runs_of(Some(folder), Path::new("")),
        None => runs_of(None, &sources::root(suite)?),
    })
}

/// What the run begins with.
fn started(plan: Plan, root: &Path, run: RunId, now: &jiff::Zoned) -> RunStarted {
    RunStarted {
        format: FORMAT,
        run,
        date: now.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        environment: environment::describe(root),
        plan,
        replays: None,
        release: None,
        baselines: Vec::new(),
    }
}

/// Refuses secrets that can't be taken out of a run without taking its meaning: before anything is started.
fn fit(started: &RunStarted, secrets: &Secrets) -> Result<(), CliError> {
    if Redactor::new(secrets).fits(started) {
        return Ok(());
    }
    let names: Vec<_> = secrets.iter().map(|(name, _)| name.as_str()).collect();
    Err(CliError::Usage {
        message: format!(
            "failed to keep the secrets ({}) out of the reports: the value of a secret is a word that names something in the plan",
            names.join(", ")
        ),
        hint: "choose another value".into(),
    })
}

fn job(
    started: RunStarted,
    secrets: &Secrets,
    root: PathBuf,
    features: Vec<(String, String)>,
    route: Route,
    threads: Option<u16>,
    folder: &RunFolder,
) -> Result<Job, CliError> {
    let program = std::env::current_exe().map_err(|error| {
        CliError::Machine(format!("failed to find this program's own file: {error}"))
    })?;
    Ok(Job {
        started,
        secrets: secrets.clone(),
        root,
        folder: folder.path().to_owned(),
        clock: Clock::start(),
        guardian: (program, vec!["guardian".to_owned()]),
        features,
        route,
        threads: threads.map(usize::from),
    })
}

/// Values of the plan's secrets: the environment first, then the suite's default.
fn secrets(prepared: &Prepared) -> Result<Secrets, CliError> {
    let mut secrets = Secrets::default();
    for plan in &prepared.plan.secrets {
        let value = std::env::var(&plan.env)
            .ok()
            .or_else(|| prepared.defaults.get(&plan.name).cloned());
        let value = value.ok_or_else(|| CliError::Usage {
            message: format!("failed to find secret `{}`", plan.name),
            hint: format!(
                "set the environment variable {}, or give it a default in [secret]",
                plan.env
            ),
        })?;
        let added = secrets.insert(plan.name.clone(), value);
        added.map_err(|error| CliError::Usage {
            message: error.to_string(),
            hint: String::new(),
        })?;
    }
    // A private key is a secret that nobody had to declare.
    for (n, line) in prepared.pems.secret_lines().enumerate() {
        if let Ok(name) = format!("tls-key-{}", n + 1).parse() {
            let _ = secrets.insert(name, line.to_owned());
        }
    }
    Ok(secrets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_secret_that_names_something_in_the_plan_is_refused_without_its_value() {
        let plan = json!({
            "project": "shop", "seed": 1, "target": { "mode": "external", "entry": "http://shop" },
            "journeys": [], "walks": ["checkout"], "plan_digest": "", "workload_digest": "",
        });
        let plan: Plan = serde_json::from_value(plan).unwrap();
        let run = "20260101-000000-abcd".parse().unwrap();
        let started = started(plan, Path::new("."), run, &environment::now());
        let secrets = |value: &str| {
            let mut secrets = Secrets::default();
            let name = "key".parse().unwrap();
            secrets.insert(name, value.to_owned()).unwrap();
            secrets
        };
        assert!(fit(&started, &secrets("hunter2!")).is_ok());
        let refused = fit(&started, &secrets("checkout")).unwrap_err();
        assert_eq!(refused.code(), 2);
        assert!(!refused.to_string().contains("checkout"), "{refused}");
    }
}
