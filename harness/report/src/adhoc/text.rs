//! The summary of a load for people, in the order in which other tools' users look for things: how much, how fast, how it
//! is spread, what failed; and whether to believe it.

use super::{LoadSummary, PhasesSummary, Times};
use crate::terminal::{Paint, Style};
use crate::text::{self, one_line};
use harness_core::units::human_us;
use std::fmt::Write as _;

/// Kinds of error told.
const MOST: usize = 20;

/// Writes the summary.
pub fn render(summary: &LoadSummary, style: Style) -> String {
    let mut out = String::new();
    // Writing to memory can't fail.
    let _ = written(&mut out, summary, style);
    out
}

fn written(out: &mut String, s: &LoadSummary, style: Style) -> std::fmt::Result {
    let bold = |words: &str| style.paint(Paint::Bold, words);
    let dim = |words: &str| style.paint(Paint::Dim, words);
    writeln!(
        out,
        "{}  {}",
        bold(&one_line(&s.title, 200)),
        dim(&s.load.shape)
    )?;
    let ended = s.end.as_deref().filter(|end| *end != "completed");
    let ended = ended.map_or_else(String::new, |end| format!(" ({end})"));
    let (r, done) = (&s.requests, s.requests.ok + s.requests.failed);
    writeln!(out, "\n{}", bold("Requests"))?;
    writeln!(
        out,
        "  ended       {} in {:.2} s{ended}",
        text::count(done),
        s.seconds
    )?;
    writeln!(out, "  rate        {}", text::rate(s.rate))?;
    let per_second = s.bytes_in as f64 / s.seconds.max(0.001);
    let (all, each) = (text::bytes(s.bytes_in as f64), text::bytes(per_second));
    writeln!(out, "  received    {all}, {each}/s")?;
    writeln!(
        out,
        "  failed      {} ({})",
        text::count(r.failed),
        text::percent(s.error_rate)
    )?;
    for (n, words) in [
        (r.cancelled, "under way at the end, not judged"),
        (r.dropped, "never begun"),
        (
            r.late_target,
            "begun late: the target held every connection",
        ),
        (r.late_generator, "begun late: the generator was late"),
    ] {
        if n > 0 {
            writeln!(out, "  {:<11} {words}", text::count(n))?;
        }
    }
    cut_short(out, s)?;
    if let (Some(response), Some(service)) = (&s.response, &s.service) {
        latencies(out, style, s, response, service)?;
    }
    if let Some(spent) = &s.phases {
        phases(out, style, spent)?;
    }
    if !s.errors.is_empty() {
        errors(out, style, s)?;
    }
    judged(out, style, s)
}

/// A number of requests that its time limit did not let come.
fn cut_short(out: &mut String, s: &LoadSummary) -> std::fmt::Result {
    let begun = s.requests.started;
    match s.load.requests {
        Some(wanted) if begun < wanted && s.end.as_deref() == Some("completed") => writeln!(
            out,
            "  {} of {} requests were made in the time there was; -z gives more",
            text::count(begun),
            text::count(wanted)
        ),
        _ => Ok(()),
    }
}

/// A line of the table: its name, and its figure.
type Row = (&'static str, fn(&Times) -> f64);

fn latencies(
    out: &mut String,
    style: Style,
    s: &LoadSummary,
    response: &Times,
    service: &Times,
) -> std::fmt::Result {
    let shown = |seconds: f64| human_us((seconds * 1e6).round() as u64);
    let heading = style.paint(Paint::Bold, "Latency");
    let columns = style.paint(Paint::Dim, &format!("{:>12}{:>12}", "response", "service"));
    writeln!(out, "\n{heading}  {columns}")?;
    let rows: [Row; 9] = [
        ("mean", |t| t.mean),
        ("p50", |t| t.p50),
        ("p75", |t| t.p75),
        ("p90", |t| t.p90),
        ("p95", |t| t.p95),
        ("p99", |t| t.p99),
        ("p99.9", |t| t.p99_9),
        ("p99.99", |t| t.p99_99),
        ("max", |t| t.max),
    ];
    for (name, of) in rows {
        let (response, service) = (shown(of(response)), shown(of(service)));
        writeln!(out, "  {name:<7}{response:>12}{service:>12}")?;
    }
    writeln!(out, "\n{}", style.paint(Paint::Bold, "Response times"))?;
    let most = s.histogram.iter().map(|bin| bin.count).max().unwrap_or(1);
    let room = style.width.min(80).saturating_sub(28);
    for bin in &s.histogram {
        let bar = (bin.count as f64 / most.max(1) as f64 * room as f64).ceil() as usize;
        let (up_to, count) = (shown(bin.up_to), text::count(bin.count));
        let line = format!("  ≤{up_to:>9} {count:>9}  {}", "█".repeat(bar));
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Where the time went. How many requests is told only where it differs: of kept connections one in many is opened.
fn phases(out: &mut String, style: Style, spent: &PhasesSummary) -> std::fmt::Result {
    let shown = |seconds: f64| human_us((seconds * 1e6).round() as u64);
    let all = spent.happened().map(|(_, t)| t.requests).max().unwrap_or(0);
    let heading = style.paint(Paint::Bold, "Phases");
    let columns = format!("{:>13}{:>12}{:>12}", "share", "p50", "p99");
    writeln!(out, "\n{heading} {}", style.paint(Paint::Dim, &columns))?;
    for (phase, times) in spent.happened() {
        let (name, share) = (phase.as_str(), text::percent(times.share));
        let (p50, p99) = (shown(times.p50), shown(times.p99));
        let few = match times.requests < all {
            true => format!("  in {}", text::plural(times.requests, "request")),
            false => String::new(),
        };
        writeln!(out, "  {name:<10}{share:>8}{p50:>12}{p99:>12}{few}")?;
    }
    Ok(())
}

fn errors(out: &mut String, style: Style, s: &LoadSummary) -> std::fmt::Result {
    writeln!(out, "\n{}", style.paint(Paint::Bold, "Errors"))?;
    let mut kinds: Vec<_> = s.errors.iter().collect();
    kinds.sort_by_key(|(class, n)| (std::cmp::Reverse(**n), class.as_str()));
    for (class, n) in kinds.iter().take(MOST) {
        let class = style.paint(Paint::Bad, &one_line(class, 60));
        writeln!(out, "  {:>9}  {class}", text::count(**n))?;
    }
    match kinds.len().checked_sub(MOST) {
        Some(more @ 1..) => writeln!(out, "  and {more} kinds more in the report"),
        _ => Ok(()),
    }
}

fn judged(out: &mut String, style: Style, s: &LoadSummary) -> std::fmt::Result {
    let paint = |word: &str| match word {
        "pass" | "valid" => Paint::Good,
        "fail" => Paint::Bad,
        _ => Paint::Doubt,
    };
    writeln!(out, "\n{}", style.paint(Paint::Bold, "Result"))?;
    let trust = style.paint(paint(&s.generator.trust), &s.generator.trust.to_uppercase());
    let lag = s.generator.lag_p99.map_or_else(String::new, |lag| {
        format!(" (lag p99 {})", human_us((lag * 1e6).round() as u64))
    });
    writeln!(out, "  generator   {trust}{lag}")?;
    for reason in &s.generator.reasons {
        writeln!(out, "              {}", one_line(reason, 300))?;
    }
    for gate in &s.gates {
        let grade = style.paint(paint(&gate.grade), &format!("{:<11} ", gate.grade));
        let seen = gate
            .seen
            .as_ref()
            .map_or_else(String::new, |seen| format!(", seen {seen}"));
        writeln!(out, "  {grade}{}{seen}", one_line(&gate.expect, 200))?;
    }
    // Of a gate that failed, what was seen is told already.
    let told = |reason: &&String| {
        let failed = s.gates.iter().filter(|gate| gate.grade == "fail");
        !failed
            .into_iter()
            .any(|gate| reason.contains(gate.expect.as_str()))
    };
    for reason in s.reasons.iter().filter(told) {
        writeln!(out, "  ✗ {}", one_line(reason, 300))?;
    }
    for notice in &s.notices {
        writeln!(out, "  note: {}", one_line(notice, 300))?;
    }
    if let Some(report) = &s.report {
        writeln!(out, "\n{} {report}", style.paint(Paint::Dim, "report"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::PhaseTimes;
    use super::*;

    #[test]
    fn phases_say_how_many_requests_only_where_it_were_few() {
        let times = |requests, share, p50| PhaseTimes {
            requests,
            share,
            mean: p50,
            p50,
            p95: p50,
            p99: p50 * 2.0,
            max: p50 * 3.0,
        };
        let spent = PhasesSummary {
            queue: Some(times(12_000, 0.000_04, 0.0)),
            connect: Some(times(50, 0.02, 0.012)),
            tls: Some(times(1, 0.08, 1.5)),
            first_byte: Some(times(12_000, 0.9, 0.004_2)),
            ..PhasesSummary::default()
        };
        let mut out = String::new();
        phases(&mut out, Style::PLAIN, &spent).unwrap();
        insta::assert_snapshot!(out);
    }
}
