//! The parts of the screen, one function each: figures as words and bars into a rectangle, cut to what it holds. Colour is
//! never the only carrier of a meaning.

use super::view::{Figures, QUANTILES, View};
use crate::figures::trust_word;
use crate::text;
use harness_core::hist::Hist;
use harness_core::verdict::Trust;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Sparkline};

/// Rows the generator's panel fills.
pub(super) const GENERATOR_ROWS: usize = 4;

/// Styles, all plain without colour.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ink {
    strong: Style,
    faint: Style,
    bar: Style,
    good: Style,
    doubt: Style,
    bad: Style,
}

impl Ink {
    pub(super) fn new(colour: bool) -> Self {
        let of = |color| match colour {
            true => Style::new().fg(color),
            false => Style::new(),
        };
        Self {
            strong: Style::new().add_modifier(Modifier::BOLD),
            faint: match colour {
                true => Style::new().add_modifier(Modifier::DIM),
                false => Style::new(),
            },
            bar: of(Color::Cyan),
            good: of(Color::Green),
            doubt: of(Color::Yellow),
            bad: of(Color::Red),
        }
    }
}

/// All that fits a line.
pub(super) fn one_line(frame: &mut Frame<'_>, area: Rect, view: &View, ink: Ink) {
    let words = format!(
        "{} p50 {} p99 {} {} failed",
        text::rate(view.now.rate),
        text::micros(view.now.response[0]),
        text::micros(view.now.response[3]),
        text::count(view.all.failed)
    );
    frame.render_widget(Line::styled(words, ink.strong), area);
}

/// What runs, with what, and how far it is.
pub(super) fn head(frame: &mut Frame<'_>, area: Rect, view: &View, ink: Ink) {
    let [title, progress] =
        Layout::vertical([Constraint::Length(1), Constraint::Length(1)]).areas(area);
    let shape = format!(" {}", view.shape);
    let room = usize::from(title.width).saturating_sub(shape.chars().count());
    let line = Line::from(vec![
        Span::styled(text::clip(&view.title, room.max(10)), ink.strong),
        Span::styled(shape, ink.faint),
    ]);
    frame.render_widget(line, title);
    let (part, words) = done(view);
    let words = format!(" {words} · {}", view.stage);
    let room = usize::from(progress.width).saturating_sub(words.chars().count());
    let full = (part * room as f64).round() as usize;
    let line = Line::from(vec![
        Span::styled("█".repeat(full), ink.bar),
        Span::styled("░".repeat(room - full), ink.faint),
        Span::raw(words),
    ]);
    frame.render_widget(line, progress);
}

/// How much of the load is done, from 0 to 1 and in words.
fn done(view: &View) -> (f64, String) {
    match view.counted {
        Some((done, wanted)) => {
            let part = done as f64 / wanted.max(1) as f64;
            let words = format!("{}/{}", text::count(done), text::count(wanted));
            (part.clamp(0.0, 1.0), words)
        }
        None => {
            let part = view.elapsed_s / view.planned_s.max(0.001);
            let words = text::progress(view.elapsed_s, view.planned_s);
            (part.clamp(0.0, 1.0), words)
        }
    }
}

pub(super) fn foot(frame: &mut Frame<'_>, area: Rect, ink: Ink) {
    let words = "q stops and writes the report · twice: at once";
    frame.render_widget(Line::styled(words, ink.faint), area);
}

/// A panel's heading, and what is left for the panel.
fn under(frame: &mut Frame<'_>, area: Rect, heading: Line<'_>) -> Rect {
    let [top, rest] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    frame.render_widget(heading, top);
    rest
}

fn heading<'w>(words: &'w str, more: String, ink: Ink) -> Line<'w> {
    Line::from(vec![
        Span::styled(words, ink.strong),
        Span::styled(format!("  {more}"), ink.faint),
    ])
}

/// Percentiles now and over all, of both times.
pub(super) fn times(frame: &mut Frame<'_>, area: Rect, view: &View, ink: Ink) {
    let row = |name: &str, values: [String; 4]| {
        let [a, b, c, d] = values;
        format!("{name:<6}{a:>9}{b:>9}{c:>9}{d:>9}")
    };
    let mut lines = vec![Line::styled(
        row(
            "",
            [
                "response".into(),
                "of all".into(),
                "service".into(),
                "of all".into(),
            ],
        ),
        ink.faint,
    )];
    let names = QUANTILES.iter().map(|(_, name)| *name).chain(["max"]);
    for (at, name) in names.enumerate() {
        let of = |figures: &Figures, service: bool| match service {
            true => text::micros(figures.service[at]),
            false => text::micros(figures.response[at]),
        };
        let values = [
            of(&view.now, false),
            of(&view.all, false),
            of(&view.now, true),
            of(&view.all, true),
        ];
        lines.push(Line::raw(row(name, values)));
    }
    let rest = under(
        frame,
        area,
        heading("Latency", "last 5 s, and all".into(), ink),
    );
    frame.render_widget(Paragraph::new(lines), rest);
}

/// The same where there is little room: three columns.
pub(super) fn short_times(frame: &mut Frame<'_>, area: Rect, view: &View, ink: Ink) {
    let row = |name: &str, values: [String; 3]| {
        let [a, b, c] = values;
        format!("{name:<8}{a:>10}{b:>10}{c:>10}")
    };
    let pick = |figures: &Figures| [0, 3, 5].map(|at| text::micros(figures.response[at]));
    let lines = vec![
        Line::styled(row("", ["p50", "p99", "max"].map(str::to_owned)), ink.faint),
        Line::raw(row("now", pick(&view.now))),
        Line::raw(row("all", pick(&view.all))),
    ];
    frame.render_widget(Paragraph::new(lines), area);
}

/// Response times of all, in bars of equal width on a logarithmic scale.
pub(super) fn histogram(frame: &mut Frame<'_>, area: Rect, view: &View, ink: Ink) {
    let words = format!("{} ended", text::count(view.all.finished));
    let rest = under(frame, area, heading("Response times", words, ink));
    let bins = bins(&view.response, usize::from(rest.height));
    let most = bins.iter().map(|bin| bin.1).max().unwrap_or(0).max(1);
    let room = usize::from(rest.width).saturating_sub(12 + 9);
    let lines: Vec<_> = bins
        .into_iter()
        .map(|(up_to, n)| {
            let bar = "█".repeat((n as f64 / most as f64 * room as f64).ceil() as usize);
            Line::from(vec![
                Span::styled(format!("≤{:>9} ", text::micros(Some(up_to))), ink.faint),
                Span::styled(bar, ink.bar),
                Span::raw(format!(" {}", text::short(n as f64))),
            ])
        })
        .collect();
    frame.render_widget(Paragraph::new(lines), rest);
}

/// (upper end in µs, count) of at most `rows` bins of equal width on a logarithmic scale, from the smallest to the largest.
pub(crate) fn bins(hist: &Hist, rows: usize) -> Vec<(u64, u64)> {
    let (Some(min), Some(max)) = (hist.min(), hist.max()) else {
        return Vec::new();
    };
    let rows = rows.max(1);
    let (from, to) = ((min.max(1) as f64).ln(), (max.max(1) as f64).ln());
    let end = |row: usize| match row + 1 {
        last if last == rows => max,
        row => (from + (to - from) * row as f64 / rows as f64)
            .exp()
            .round() as u64,
    };
    let mut bins: Vec<(u64, u64)> = (0..rows).map(|row| (end(row), 0)).collect();
    bins.dedup_by_key(|bin| bin.0);
    for (value, n) in hist.buckets() {
        let at = bins.partition_point(|(up_to, _)| up_to < value);
        let at = at.min(bins.len() - 1);
        bins[at].1 += n;
    }
    bins
}

/// How many points over time share a column of a chart, so that a long load is seen whole.
fn shared(points: usize, width: usize) -> usize {
    points.div_ceil(width.max(1)).max(1)
}

/// How much time a column stands for; nothing while that is a second, as anybody would think.
fn column(view: &View, width: u16) -> String {
    let seconds = shared(view.points.len(), usize::from(width)) as u64 * u64::from(view.point_s);
    match seconds {
        0 | 1 => String::new(),
        seconds => format!(" · {} a column", text::span(seconds as f64)),
    }
}

/// Values over time put together to as many as fit; `largest` keeps the worst of those put together, else their mean.
fn fitted(values: &[f64], width: usize, largest: bool) -> Vec<u64> {
    let each = shared(values.len(), width);
    let one = |part: &[f64]| match largest {
        true => part.iter().copied().fold(0.0, f64::max),
        false => part.iter().sum::<f64>() / part.len() as f64,
    };
    // Sparklines count in whole numbers: what is above zero must not vanish.
    values
        .chunks(each)
        .map(|part| (one(part) * 1000.0).ceil() as u64)
        .collect()
}

fn chart(frame: &mut Frame<'_>, area: Rect, line: Line<'_>, values: &[u64], style: Style) {
    let rest = under(frame, area, line);
    let chart = Sparkline::default()
        .data(values.iter().copied())
        .style(style);
    frame.render_widget(chart, rest);
}

/// Requests ended, over time.
pub(super) fn rates(frame: &mut Frame<'_>, area: Rect, view: &View, ink: Ink) {
    let values: Vec<f64> = view.points.iter().map(|point| point.rate).collect();
    let words = format!(
        "{} now · {} of all · {}/s in",
        text::rate(view.now.rate),
        text::rate(view.all.rate),
        text::bytes(view.now.bytes)
    );
    let line = heading("Rate", words, ink);
    let fitted = fitted(&values, usize::from(area.width), false);
    chart(frame, area, line, &fitted, ink.bar);
}

/// The tail of response times, over time.
pub(super) fn tails(frame: &mut Frame<'_>, area: Rect, view: &View, ink: Ink) {
    let values: Vec<f64> = view.points.iter().map(|p| p.p99_us as f64).collect();
    let most = values.iter().copied().fold(0.0, f64::max);
    let most = text::micros(Some(most as u64));
    let words = format!("at most {most}{}", column(view, area.width));
    let line = heading("p99 of response times", words, ink);
    let fitted = fitted(&values, usize::from(area.width), true);
    chart(frame, area, line, &fitted, ink.doubt);
}

/// Errors, over time.
pub(super) fn failures(frame: &mut Frame<'_>, area: Rect, view: &View, ink: Ink) {
    let values: Vec<f64> = view.points.iter().map(|point| point.failed).collect();
    let most = values.iter().copied().fold(0.0, f64::max);
    let words = format!("at most {}{}", text::rate(most), column(view, area.width));
    let line = heading("Failed", words, ink);
    let fitted = fitted(&values, usize::from(area.width), true);
    chart(frame, area, line, &fitted, ink.bad);
}

/// Errors by kind, each over time.
pub(super) fn errors(frame: &mut Frame<'_>, area: Rect, view: &View, ink: Ink) {
    let share = view.all.failed as f64 / view.all.finished.max(1) as f64;
    let words = format!(
        "{} ({})",
        text::count(view.all.failed),
        text::percent(share)
    );
    let rest = under(frame, area, heading("Errors", words, ink));
    error_rows(frame, rest, view, ink);
}

pub(super) fn error_rows(frame: &mut Frame<'_>, area: Rect, view: &View, ink: Ink) {
    let room = usize::from(area.width).saturating_sub(20 + 8 + 2);
    for (line, y) in view.errors.iter().zip(0..area.height) {
        let row = Rect {
            y: area.y + y,
            height: 1,
            ..area
        };
        let [words, chart, _] = Layout::horizontal([
            Constraint::Length(28),
            Constraint::Length(u16::try_from(room).unwrap_or(0)),
            Constraint::Min(0),
        ])
        .areas(row);
        let told = format!(
            "{:<20}{:>7} ",
            text::clip(&line.class, 19),
            text::short(line.times as f64)
        );
        frame.render_widget(Line::styled(told, ink.bad), words);
        let values: Vec<f64> = line.over_time.iter().map(|n| *n as f64).collect();
        let values = fitted(&values, room, true);
        frame.render_widget(Sparkline::default().data(values).style(ink.bad), chart);
    }
}

/// Counts in a line.
pub(super) fn counts(frame: &mut Frame<'_>, area: Rect, view: &View, ink: Ink) {
    let words = format!(
        "{} · {} ended · {} failed",
        text::rate(view.now.rate),
        text::short(view.all.finished as f64),
        text::short(view.all.failed as f64)
    );
    frame.render_widget(Line::styled(words, ink.strong), area);
}

fn trust(view: &View, ink: Ink) -> Span<'static> {
    let (sign, style) = match view.generator.trust {
        Trust::Valid => ("✓", ink.good),
        Trust::Degraded => ("!", ink.doubt),
        Trust::Invalid => ("✗", ink.bad),
    };
    let word = trust_word(view.generator.trust).to_uppercase();
    Span::styled(format!("{sign} {word}"), style)
}

/// The instrument and what can be said of its figures.
pub(super) fn generator(frame: &mut Frame<'_>, area: Rect, view: &View, ink: Ink) {
    let g = &view.generator;
    let line = Line::from(vec![
        Span::styled("Generator  ", ink.strong),
        trust(view, ink),
    ]);
    let rest = under(frame, area, line);
    let mut lines = vec![
        Line::raw(format!(
            "lag p99 {} · {:.2} cores",
            text::micros(g.lag_us),
            g.cpu
        )),
        Line::raw(format!(
            "{} · {} files · {} behind",
            text::bytes(g.memory as f64),
            text::count(g.descriptors),
            text::short(view.all.behind as f64)
        )),
    ];
    let width = usize::from(rest.width).max(10);
    let reasons = g.reasons.iter();
    lines.extend(reasons.map(|reason| Line::styled(text::clip(reason, width), ink.doubt)));
    frame.render_widget(Paragraph::new(lines), rest);
}

/// The same in a line.
pub(super) fn generator_line(frame: &mut Frame<'_>, area: Rect, view: &View, ink: Ink) {
    let lag = format!(" lag p99 {}", text::micros(view.generator.lag_us));
    let line = Line::from(vec![
        Span::raw("generator "),
        trust(view, ink),
        Span::raw(lag),
    ]);
    frame.render_widget(line, area);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bins_hold_every_time(times in prop::collection::vec(1u64..100_000_000, 0..200), rows in 1usize..20) {
            let mut hist = Hist::new();
            times.iter().for_each(|us| hist.record(*us));
            let bins = bins(&hist, rows);
            prop_assert!(bins.len() <= rows);
            prop_assert_eq!(bins.iter().map(|bin| bin.1).sum::<u64>(), times.len() as u64);
            prop_assert!(bins.is_sorted_by(|a, b| a.0 < b.0));
            prop_assert_eq!(bins.last().map(|bin| bin.0), hist.max());
        }

        #[test]
        fn a_chart_is_never_wider_than_its_place(n in 0usize..2000, width in 1usize..300) {
            let values = fitted(&vec![0.001; n], width, true);
            prop_assert!(values.len() <= width);
            prop_assert!(values.iter().all(|v| *v > 0), "what is above zero stays there");
        }
    }
}
