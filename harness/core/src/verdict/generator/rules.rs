//! The generator's verdict in words: its rules as people read them, made of the limits that it judges by. The guide's table is
//! this one.

use crate::verdict::limits::{
    BAD_SECONDS, CPU, LAG_DEGRADED_US, LAG_INVALID_US, LATE_DEGRADED, LATE_INVALID, LOCAL_FAILURES,
    NEARLY_OUT, SHORTFALL, UNMEASURED_INVALID, UNMEASURED_SECONDS,
};

/// A rule of this verdict, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What is looked at.
    pub what: &'static str,
    /// When figures carry a warning; empty when never.
    pub degraded: String,
    /// When nothing may pass on them; empty when never.
    pub invalid: String,
    /// Why there.
    pub why: &'static str,
}

/// Every rule, in the order in which they are asked.
pub fn rules() -> Vec<Rule> {
    let lag = |us: u64| format!("{} ms", us as f64 / 1000.0);
    let percent = |share: f64| format!("{} %", share * 100.0);
    let seconds = format!("in more than {} of the seconds", percent(BAD_SECONDS));
    let rule = |what, degraded: String, invalid: String, why| Rule {
        what,
        degraded,
        invalid,
        why,
    };
    vec![
        rule(
            "the load as a whole",
            String::new(),
            format!(
                "it could not be made, or more than {} of the arrivals that the plan intends are in no record",
                percent(SHORTFALL)
            ),
            "figures that are missing may be the worst ones",
        ),
        rule(
            "lag: how late the generator wakes, p99 of each second",
            format!(
                "above {} {seconds}, or above {} in any",
                lag(LAG_DEGRADED_US),
                lag(LAG_INVALID_US)
            ),
            format!("above {} {seconds}", lag(LAG_INVALID_US)),
            "lag adds to response times: a tenth, and half, of an objective of half a second",
        ),
        rule(
            "begun late by the generator, more than 5 ms",
            format!("more than {} of the arrivals", percent(LATE_DEGRADED)),
            format!("more than {} of the arrivals", percent(LATE_INVALID)),
            "more than 5 % reach the p95, more than half make the median",
        ),
        rule(
            "dropped by the generator: given up because it came to them late and too many were under way",
            "any".to_owned(),
            format!("more than {} of the arrivals", percent(SHORTFALL)),
            "a load that was not made asks the target for less than was meant",
        ),
        rule(
            "never begun, whatever the reason",
            String::new(),
            format!(
                "more than {} of the arrivals, while another rule here speaks, as many were late by the generator, or it did not measure itself",
                percent(SHORTFALL)
            ),
            "by themselves they are the target's doing: it held every connection",
        ),
        rule(
            "failed on this machine for want of ports, descriptors or memory",
            "any".to_owned(),
            format!("more than {} of the started", percent(LOCAL_FAILURES)),
            "an objective of 99.9 % must not be spent by the instrument",
        ),
        rule(
            "processor time of the load workers",
            format!("above {} of their cores {seconds}", percent(CPU)),
            String::new(),
            "they have no reserve for a burst; what it does to the figures, lag says",
        ),
        rule(
            "open file descriptors",
            format!("above {} of the limit, once", percent(NEARLY_OUT)),
            String::new(),
            "the next burst may find none left; what then fails is counted above",
        ),
        rule(
            "ephemeral ports towards one address",
            format!("above {} of what there is, once", percent(NEARLY_OUT)),
            String::new(),
            "as for descriptors",
        ),
        rule(
            "seconds in which the generator did not measure itself",
            format!(
                "more than {}, and {UNMEASURED_SECONDS} at least",
                percent(BAD_SECONDS)
            ),
            format!(
                "more than {}, and {UNMEASURED_SECONDS} at least",
                percent(UNMEASURED_INVALID)
            ),
            "what was not measured can't be vouched for",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/honesty.md");

    fn table() -> String {
        let mut table = "| what | DEGRADED | INVALID | why there |\n|---|---|---|---|\n".to_owned();
        for rule in rules() {
            let cells = [rule.what, &rule.degraded, &rule.invalid, rule.why];
            _ = writeln!(table, "| {} |", cells.join(" | "));
        }
        table
    }

    #[test]
    fn the_guides_table_is_current() {
        let guide = std::fs::read_to_string(GUIDE).unwrap();
        let (before, rest) = guide.split_once("<!-- rules -->\n").unwrap();
        let (_, after) = rest.split_once("<!-- /rules -->").unwrap();
        let table = table();
        let current = format!("{before}<!-- rules -->\n{table}<!-- /rules -->{after}");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(GUIDE, &current).unwrap();
            return;
        }
        assert!(
            current == guide,
            "docs/honesty.md tells other rules than the verdict's; `UPDATE_DOCS=1 cargo test` writes these:\n{table}"
        );
    }

    #[test]
    fn each_rule_says_when_and_why() {
        for rule in rules() {
            assert!(!rule.degraded.is_empty() || !rule.invalid.is_empty());
            assert!(!rule.why.is_empty() && !rule.what.contains('|'), "{rule:?}");
        }
    }
}
