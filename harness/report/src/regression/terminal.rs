//! The answer on a terminal: what decides first, then what changed, and a count of the rest.

use super::{
    against_history, against_others, change, decides, difference, from_to, kind, margin, reasons,
    rows, spread, word,
};
use crate::terminal::{Paint, Style};
use crate::text::{one_line, percent, plural};
use harness_core::verdict::Grade;
use harness_core::verdict::regression::{
    ByCalibration, Class, Comparison, Decide, ErrorFigure, Figure, Held, Runs, Side, spoken,
};
use std::io::{self, Write};

/// Columns of a class's word, and of the word for what decides.
const WORD: usize = 15;
const KEY: usize = 4;
/// Characters of a name, and of a sentence, at most.
const NAME: usize = 120;
const SENTENCE: usize = 400;

/// Writes it; with `all`, figures that neither decide nor changed too.
pub fn render(out: &mut dyn Write, style: Style, runs: &Runs, all: bool) -> io::Result<()> {
    for held in &runs.scenarios {
        scenario(out, style, held, all)?;
        writeln!(out)?;
    }
    for text in rows::without(runs) {
        let text = one_line(&text, SENTENCE);
        writeln!(out, "{} {text}", style.paint(Paint::Doubt, "!"))?;
    }
    let paint = match runs.grade {
        Grade::Pass => Paint::Good,
        Grade::Inconclusive | Grade::Invalid => Paint::Doubt,
        Grade::Fail => Paint::Bad,
    };
    writeln!(out, "{}", style.paint(paint, rows::answer(runs.grade)))?;
    for why in &runs.decided_by {
        writeln!(out, "  {}", one_line(why, SENTENCE))?;
    }
    let open = runs
        .decide
        .as_ref()
        .filter(|_| runs.grade == Grade::Inconclusive);
    for text in open.map(costs).unwrap_or_default() {
        writeln!(out, "  {}", style.paint(Paint::Dim, &text))?;
    }
    Ok(())
}

/// What it would cost to decide all that is open.
fn costs(decide: &Decide) -> Vec<String> {
    let mut told = Vec::from_iter(decides(decide));
    told.extend(decide.repeats.map(|runs| {
        format!(
            "more runs: `harness compare CANDIDATE BASELINE… --and RUN`; of two variants in turn: `harness run --variant OLD --variant NEW --repeats {runs}`"
        )
    }));
    told
}

fn scenario(out: &mut dyn Write, style: Style, held: &Comparison, all: bool) -> io::Result<()> {
    let name = held.scenario.as_ref().map_or("?", |name| name.as_str());
    writeln!(out, "{}", style.paint(Paint::Bold, &one_line(name, NAME)))?;
    writeln!(out, "  candidate {}", sides(&held.candidate))?;
    writeln!(out, "  baseline  {}", sides(&held.baseline))?;
    if let Some(text) = rows::level(held) {
        writeln!(out, "            {}", style.paint(Paint::Dim, &text))?;
    }
    if let Some(pinned) = &held.pinned {
        let (release, runs) = (&pinned.release, sides(&pinned.runs));
        writeln!(out, "  pinned    {release}: {runs}")?;
    }
    if !held.invalid.is_empty() {
        let mark = style.paint(Paint::Doubt, "invalid");
        writeln!(out, "  {mark}  for what is said below")?;
    }
    if held.invalid.is_empty() {
        figures(out, style, held, all)?;
    }
    for note in &held.notes {
        writeln!(
            out,
            "  {}",
            style.paint(Paint::Dim, &one_line(note, SENTENCE))
        )?;
    }
    Ok(())
}

fn figures(out: &mut dyn Write, style: Style, held: &Comparison, all: bool) -> io::Result<()> {
    let changed = |class: &Class| matches!(class, Class::Regressed | Class::Improved);
    let mut shown: Vec<&Figure> = held.figures.iter().collect();
    shown.sort_by_key(|figure| (!figure.key, figure.held.class.severity()));
    let (shown, rest): (Vec<&Figure>, Vec<&Figure>) = shown
        .into_iter()
        .partition(|figure| all || figure.key || changed(&figure.held.class));
    let widths = Widths::of(&shown);
    for one in shown {
        figure(out, style, one, held.calibration.as_ref(), &widths)?;
    }
    let told = |errors: &&ErrorFigure| all || changed(&errors.class);
    for errors in held.errors.iter().filter(told) {
        let share = format!(
            "{} → {}",
            percent(errors.baseline),
            percent(errors.candidate)
        );
        let name = format!("errors of {}", one_line(spoken(&errors.name), NAME));
        line(
            out,
            style,
            &errors.class,
            "",
            &format!("{name:<0$}  {share}", widths.name),
        )?;
    }
    if !rest.is_empty() {
        writeln!(out, "  {}", style.paint(Paint::Dim, &summed(&rest)))?;
    }
    Ok(())
}

/// `and 12 more figures: 9 no regression, 3 inconclusive; --all shows them`.
fn summed(rest: &[&Figure]) -> String {
    let mut classes: Vec<&Class> = rest.iter().map(|figure| &figure.held.class).collect();
    classes.sort_by_key(|class| class.severity());
    let groups = classes.chunk_by(|a, b| a.severity() == b.severity());
    let groups =
        groups.filter_map(|group| Some(format!("{} {}", group.len(), word(group.first()?))));
    let groups: Vec<String> = groups.collect();
    format!(
        "and {}: {}; --all shows them",
        plural(rest.len() as u64, "more figure"),
        groups.join(", ")
    )
}

/// Columns of a figure's parts.
#[derive(Default)]
struct Widths {
    name: usize,
    times: usize,
}

impl Widths {
    fn of(figures: &[&Figure]) -> Self {
        figures.iter().fold(Self::default(), |widest, figure| {
            let times = figure
                .held
                .effect
                .as_ref()
                .map_or(0, |effect| from_to(effect).chars().count());
            Self {
                name: widest.name.max(name(figure).chars().count()),
                times: widest.times.max(times),
            }
        })
    }
}

/// `p95 of checkout`.
fn name(figure: &Figure) -> String {
    rows::named(&figure.name, figure.quantile)
}

fn figure(
    out: &mut dyn Write,
    style: Style,
    figure: &Figure,
    calibration: Option<&ByCalibration>,
    widths: &Widths,
) -> io::Result<()> {
    let held = &figure.held;
    let numbers = held.effect.as_ref().map_or_else(String::new, |effect| {
        format!(
            "{:<2$}  {}",
            from_to(effect),
            difference(effect),
            widths.times
        )
    });
    let key = if figure.key { "key" } else { "" };
    let words = format!("{:<1$}  {numbers}", name(figure), widths.name);
    line(out, style, &held.class, key, &words)?;
    let beside = match figure.key {
        true => beside(figure, held, calibration),
        // Of what only changed it matters how.
        false => figure
            .shape
            .iter()
            .filter(|shape| shape.more_stalls)
            .filter_map(|shape| kind(shape, &figure.held.class))
            .collect(),
    };
    for text in beside {
        let indent = " ".repeat(2 + WORD + KEY);
        writeln!(
            out,
            "{indent}{}",
            style.paint(Paint::Dim, &one_line(&text, SENTENCE))
        )?;
    }
    Ok(())
}

/// What stands below a figure that decides: why, what kind, and whether such a gate finds anything.
fn beside(figure: &Figure, held: &Held, calibration: Option<&ByCalibration>) -> Vec<String> {
    let mut told = reasons(held);
    if let Some(effect) = &held.effect {
        let samples = plural(effect.samples, "sample");
        told.push(format!(
            "{}; {}; {samples} on the side with fewer",
            margin(effect),
            spread(effect, calibration)
        ));
    }
    if figure.held.class == Class::Regressed {
        let shape = figure.shape.as_ref();
        told.extend(shape.and_then(|shape| kind(shape, &figure.held.class)));
    }
    told.extend(figure.history.as_ref().map(against_history));
    told.extend(
        figure
            .pinned
            .as_ref()
            .map(|pinned| against_others("the pinned release", pinned)),
    );
    told.extend(figure.self_test.as_ref().map(|test| {
        let caught = if test.caught {
            "would have been caught"
        } else {
            "would not have been caught"
        };
        let slower = change(test.slower);
        format!("self-test: {slower} planted into the candidate {caught} here")
    }));
    told
}

fn line(
    out: &mut dyn Write,
    style: Style,
    class: &Class,
    key: &str,
    words: &str,
) -> io::Result<()> {
    let paint = match class {
        Class::Regressed => Paint::Bad,
        Class::Improved | Class::NoRegression => Paint::Good,
        Class::Inconclusive { .. } | Class::Invalid { .. } => Paint::Doubt,
    };
    let word = style.paint(paint, &format!("{:WORD$}", word(class)));
    writeln!(out, "  {}", format!("{word}{key:KEY$}{words}").trim_end())
}

fn sides(sides: &[Side]) -> String {
    let side = |side: &Side| {
        let commit = side.commit.as_deref();
        let commit = commit.map_or_else(String::new, |commit| {
            let short = one_line(commit, 200).chars().take(9).collect::<String>();
            format!(" of commit {short}")
        });
        format!("{}{commit}", side.run)
    };
    match sides {
        [] => "none that can be used".to_owned(),
        sides => sides.iter().map(side).collect::<Vec<_>>().join(", "),
    }
}
