//! What the runs were set up with: the variables of the services' environments and their commands that differ, and
//! whatever else does, which is a doubt: then figures may differ for that reason.

use super::Judged;
use super::Setting;
use crate::plan::Plan;
use crate::plan::target::ServicePlan;
use crate::record::Record;
use crate::verdict::{Grade, Trust};
use std::collections::BTreeSet;

/// Facts about the machine and the software that may explain a difference.
const FACTS: [&str; 8] = [
    "git commit",
    "git branch",
    "git state",
    "kernel",
    "system",
    "cpu",
    "cores",
    "memory",
];

/// Everything that is not the same in all runs.
pub(super) fn differences(runs: &[Judged<'_>]) -> Vec<Setting> {
    let mut settings = Vec::new();
    let mut add = |of: &str, name: &str, values: Vec<Option<String>>| {
        if values.windows(2).any(|two| two[0] != two[1]) {
            settings.push(Setting {
                of: of.to_owned(),
                name: name.to_owned(),
                values,
            });
        }
    };
    let variables: BTreeSet<(&str, &str)> = runs
        .iter()
        .filter_map(Judged::plan)
        .flat_map(|plan| &plan.target.services)
        .flat_map(|s| s.env.keys().map(|key| (s.name.as_str(), key.as_str())))
        .collect();
    for (service, variable) in &variables {
        let value = |run| Some(planned(run, service)?.env.get(*variable)?.to_string());
        add(service, variable, runs.iter().map(value).collect());
    }
    let services = runs.iter().filter_map(Judged::plan);
    let services = services.flat_map(|plan| &plan.target.services);
    for name in services.map(|s| s.name.as_str()).collect::<BTreeSet<_>>() {
        let command = |run| {
            let words = planned(run, name)?.command.iter().map(ToString::to_string);
            Some(words.collect::<Vec<_>>().join(" "))
        };
        add(name, "command", runs.iter().map(command).collect());
    }
    let of_plan = |take: &dyn Fn(&Plan) -> String| -> Vec<Option<String>> {
        runs.iter().map(|run| run.plan().map(take)).collect()
    };
    add("run", "seed", of_plan(&|plan| plan.seed.to_string()));
    let profile = |plan: &Plan| {
        plan.profile
            .as_ref()
            .map_or("none", |p| p.as_str())
            .to_owned()
    };
    add("run", "profile", of_plan(&profile));
    add(
        "run",
        "target",
        of_plan(&|plan| plan.target.mode.as_str().to_owned()),
    );
    add(
        "run",
        "entry",
        of_plan(&|plan| plan.target.entry.to_string()),
    );
    for fact in FACTS {
        let value = |run: &Judged<'_>| run.record.run.as_ref()?.environment.get(fact).cloned();
        add("run", fact, runs.iter().map(value).collect());
    }
    settings
}

fn planned<'r>(run: &Judged<'r>, service: &str) -> Option<&'r ServicePlan> {
    let mut services = run.plan()?.target.services.iter();
    services.find(|planned| planned.name.as_str() == service)
}

/// Why figures may differ for another reason than the one under test.
pub(super) fn doubts(labels: &[(String, &Record)], runs: &[Judged<'_>]) -> Vec<String> {
    let mut doubts = Vec::new();
    let plans: Vec<&Plan> = runs.iter().filter_map(Judged::plan).collect();
    let mut differ = |what: &str, same: &dyn Fn(&Plan, &Plan) -> bool| {
        if plans.windows(2).any(|two| !same(two[0], two[1])) {
            doubts.push(format!("the runs differ in {what}"));
        }
    };
    differ("their seed", &|a, b| a.seed == b.seed);
    differ("their scenarios", &|a, b| {
        let of = |plan: &Plan| -> Vec<_> {
            let scenarios = plan.scenarios.iter();
            scenarios
                .map(|s| (s.name.clone(), s.load.clone(), s.faults.clone()))
                .collect()
        };
        of(a) == of(b)
    });
    differ("their journeys", &|a, b| a.journeys == b.journeys);
    for ((label, _), run) in labels.iter().zip(runs) {
        if run.verdict.run.grade != Grade::Pass {
            let reason = &run.verdict.run.reason;
            doubts.push(format!("{label} is incomplete: {reason}"));
        }
        let untrusted = run.verdict.generator.iter();
        for result in untrusted.filter(|result| result.trust == Trust::Invalid) {
            let scenario = &result.scenario;
            doubts.push(format!("{label}: the load of {scenario} can't be trusted"));
        }
    }
    doubts
}
