//! What a plan needs that this machine lacks: the doctor's lines that matter for it.

use super::{Line, State};
use harness_core::plan::Plan;
use harness_core::plan::fault::FaultKind;
use harness_core::plan::load::{Engine, Model};
use harness_core::plan::target::{Mode, Vessel};
use std::fmt::Write as _;

/// The topics of the lines that a plan's run depends on; empty for one that needs nothing but processes.
pub(crate) fn needs(plan: &Plan) -> Vec<&'static str> {
    let mode = plan.target.mode;
    let mut needs = Vec::new();
    if mode.in_containers() {
        needs.push("container engine");
        let packets = |kind: &FaultKind| matches!(kind, FaultKind::Packets { .. });
        if plan.faults().any(|(_, strike)| packets(strike.kind)) {
            needs.push("packets");
        }
        let pressed =
            |kind: &FaultKind| matches!(kind, FaultKind::Cpu { .. } | FaultKind::Memory { .. });
        let limited = plan.target.services.iter().any(|service| {
            matches!(&service.vessel, Some(Vessel::Container(c)) if c.memory.is_some() || c.cpus.is_some())
        });
        if limited || plan.faults().any(|(_, strike)| pressed(strike.kind)) {
            needs.push("container limits");
        }
    }
    if mode == Mode::Compose {
        needs.push("compose");
    }
    let goose =
        |model: &Model| matches!(model, Model::Closed(closed) if closed.engine == Engine::Goose);
    if plan.scenarios.iter().any(|s| goose(&s.load.model)) {
        needs.push("goose worker");
    }
    needs
}

/// What of it is missing here or goes another way, in words; empty if nothing is.
pub(crate) fn told(needs: &[&str], lines: &[Line]) -> String {
    let mut text = String::new();
    let lacking = lines.iter().filter(|line| needs.contains(&line.topic));
    for line in lacking.filter(|line| matches!(line.state, State::Missing | State::Degraded)) {
        if text.is_empty() {
            text.push_str("\nThis machine\n");
        }
        let sign = line.state.sign().trim_end();
        let _ = writeln!(text, "  {sign}: {}: {}", line.topic, line.finding);
        let below = [("costs", &line.cost), ("do", &line.remedy)];
        for (word, words) in below.iter().filter(|(_, words)| !words.is_empty()) {
            let _ = writeln!(text, "    {word}: {words}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::words::{lines, testing};
    use super::*;
    use serde_json::json;

    fn plan(mode: &str) -> Plan {
        let plan = json!({
            "project": "shop", "seed": 1, "target": { "mode": mode, "entry": "http://shop" },
            "journeys": [], "walks": [], "plan_digest": "", "workload_digest": "",
        });
        serde_json::from_value(plan).unwrap()
    }

    #[test]
    fn only_what_a_plan_needs_is_told() {
        let bare = lines(&testing::bare());
        assert_eq!(told(&needs(&plan("process")), &bare), "");
        insta::assert_snapshot!(told(&needs(&plan("compose")), &bare));
        let able = lines(&testing::able());
        assert_eq!(told(&needs(&plan("compose")), &able), "");
    }
}
