//! A self-test's answer, for people and for programs.

use super::Answer;
use super::judge::{GeneratorFrozen, TargetFrozen, percent};
use harness_core::verdict::Trust;
use serde_json::json;
use std::fmt::Write as _;

const fn word(trust: Trust) -> &'static str {
    match trust {
        Trust::Valid => "VALID",
        Trust::Degraded => "DEGRADED",
        Trust::Invalid => "INVALID",
    }
}

/// For people.
pub(super) fn text(answer: &Answer) -> String {
    let mut out = target(&answer.target, answer.limit);
    out.push('\n');
    out.push_str(&generator(&answer.generator, answer.code));
    let verdict = if answer.passed() {
        "\n✓ passed: what this instrument measures on this machine can be trusted\n"
    } else {
        "\n✗ not passed: don't trust what this instrument measures on this machine, for the reasons above\n  A machine that is busy with something else is the usual one: give it a rest and ask again.\n"
    };
    out.push_str(verdict);
    out
}

/// Writing to a text can't fail.
macro_rules! line {
    ($out:expr, $($words:tt)*) => { let _ = writeln!($out, $($words)*); };
}

fn target(t: &TargetFrozen, limit: f64) -> String {
    let mut out = String::new();
    line!(
        out,
        "1. A frozen target: {}/s for {} s, the server stopped for {:.3} s",
        t.rate,
        t.length,
        t.stopped
    );
    line!(
        out,
        "   target and generator manage {:.0}/s or more, so {:.1} % of their time is taken (ρ)",
        t.capacity,
        t.busy() * 100.0
    );
    line!(
        out,
        "   a percentile q must read  stopped − (1 − q) · length · (1 − ρ)\n"
    );
    line!(out, "            must read       reads      error");
    for c in t.compared() {
        line!(
            out,
            "   {:<6}{:>10.3} s{:>10.3} s{:>+9.2} %",
            format!("p{}", percent(c.quantile)),
            c.expected,
            c.read,
            c.error() * 100.0
        );
    }
    out.push('\n');
    let fine = format!(
        "within {} %, and the load is {}: that the target stood still is not held against the generator",
        limit * 100.0,
        word(t.generator.trust)
    );
    out.push_str(&judged(&t.faults(limit), &fine));
    out
}

fn generator(g: &GeneratorFrozen, code: Option<i32>) -> String {
    let mut out = String::new();
    let figures = &g.generator.figures;
    line!(
        out,
        "2. A frozen generator: {}/s for {} s, `harness load` itself stopped for {:.3} s\n",
        g.rate,
        g.length,
        g.stopped
    );
    let lag = figures.lag_max_us.map_or(0.0, |us| us as f64 / 1e6);
    line!(out, "   lag it reports               {lag:.3} s at most");
    line!(
        out,
        "   late by its own doing        {} of {} requests",
        figures.late_generator,
        figures.planned
    );
    line!(
        out,
        "   longest response time        {:.3} s: who waited for it is not left out",
        g.longest_us as f64 / 1e6
    );
    line!(
        out,
        "   its verdict on itself        {}",
        word(g.generator.trust)
    );
    for reason in &g.generator.reasons {
        line!(out, "     {reason}");
    }
    if let Some(code) = code {
        line!(out, "   exit code                    {code}");
    }
    out.push('\n');
    out.push_str(&judged(
        &g.faults(),
        "it was seen, told, and held against the generator",
    ));
    out
}

fn judged(faults: &[String], fine: &str) -> String {
    if faults.is_empty() {
        return format!("   ✓ {fine}\n");
    }
    faults
        .iter()
        .map(|fault| format!("   ✗ {fault}\n"))
        .collect()
}

/// For programs.
pub(super) fn json(answer: &Answer) -> String {
    let value = json!({
        "format": 1,
        "passed": answer.passed(),
        "quick": answer.quick,
        "target_frozen": answer.target.json(answer.limit),
        "generator_frozen": answer.generator.json(),
    });
    format!("{value:#}\n")
}
