//! Charts as values: what a template needs to draw them as SVG. Horizontal places are percentages and vertical ones
//! pixels, so that a chart fills any width while its words keep their size. Draws no markup itself.

mod change;
pub mod errors;
pub mod forest;
pub mod heat;
pub mod incident;
pub mod latency;
pub mod overlay;
pub mod phases;
pub mod probes;
pub mod rates;
pub mod scale;
pub mod scorecard;
pub mod spark;
pub mod spectrum;
pub mod timeline;
pub mod trials;
pub mod waterfall;
pub mod whiskers;

use scale::Scale;
use serde::Serialize;

/// The width of the stretched coordinate system that paths are drawn in.
pub const WIDTH: f64 = 1000.0;
/// The most points drawn of a series.
pub const POINTS: usize = 600;
/// The most rows of a chart's table.
const TABLE_ROWS: usize = 60;

/// A chart, ready for its template.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Chart {
    /// Unique on the page.
    pub id: String,
    /// For people, and the SVG's `title`.
    pub title: String,
    /// What it shows, in a sentence or two: the SVG's `desc`.
    pub desc: String,
    /// What the vertical axis counts.
    pub unit: String,
    /// Height of the plot, pixels.
    pub height: f64,
    /// Height of the lane above the plot that names bands, pixels.
    pub lane: f64,
    /// Marks along the bottom.
    pub x_ticks: Vec<Tick>,
    /// What the horizontal axis is.
    pub x_label: String,
    /// Of an axis of time: seconds from the run's begin to its left end, and its length in seconds.
    pub time: Option<(f64, f64)>,
    /// Marks along the left.
    pub y_ticks: Vec<Tick>,
    /// Shaded stretches.
    pub bands: Vec<Band>,
    /// The kinds of bands there are, each once.
    pub kinds: Vec<&'static str>,
    /// Vertical lines.
    pub edges: Vec<Edge>,
    /// Lines and areas, the first drawn lowest.
    pub series: Vec<Series>,
    /// The data as a table.
    pub table: Table,
    /// The chart that draws the same bands at the same height, by its id; empty where this one draws its own.
    pub bands_of: String,
    /// The data for pointing at: see [`pointed`].
    pub points: String,
}

/// A mark on an axis.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tick {
    /// Percent from the left, or pixels from the top.
    pub at: f64,
    /// Its words.
    pub label: String,
    /// `start`, `middle` or `end`: where the words lie to the place.
    pub anchor: &'static str,
}

/// A shaded stretch.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Band {
    /// Percent from the left.
    pub x: f64,
    /// Percent.
    pub width: f64,
    /// `fault`, `recovery` or `warm-up`.
    pub kind: &'static str,
    /// Its name; empty for none.
    pub label: String,
    /// Percent from the left of the words.
    pub label_x: f64,
    /// Pixels from the top of the lane to the words' base line.
    pub label_y: f64,
    /// `start` or `end`.
    pub anchor: &'static str,
}

/// A vertical line with words.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Edge {
    /// Percent from the left.
    pub x: f64,
    /// Its words, shown in its tool tip.
    pub label: String,
}

/// A line or an area.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Series {
    /// For people.
    pub name: String,
    /// Its look, a class of the style sheet: `p50`, `sent` …
    pub look: &'static str,
    /// SVG path data in [`WIDTH`] × the chart's height.
    pub path: String,
    /// Whether it is filled.
    pub filled: bool,
    /// Lone points between gaps, which a line would not show: (percent, pixels).
    pub dots: Vec<(f64, f64)>,
}

/// Data as a table.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Table {
    /// Columns.
    pub head: Vec<String>,
    /// Rows, at most sixty.
    pub rows: Vec<Vec<String>>,
    /// Said where rows were left out.
    pub note: String,
}

/// A series before it is drawn: one value a place, `None` for a gap.
pub struct Line<'a> {
    /// For people.
    pub name: &'a str,
    /// Its look.
    pub look: &'static str,
    /// The values.
    pub values: Vec<Option<f64>>,
    /// Whether it is filled down to the axis.
    pub filled: bool,
}

/// How values are written.
pub type Words = fn(f64) -> String;

impl Chart {
    /// Draws lines over common places `xs` (in data units); every figure written by `words`, every place by
    /// `places`.
    pub fn draw(
        &mut self,
        x: &Scale,
        y: &Scale,
        xs: &[f64],
        lines: &[Line<'_>],
        places: Words,
        words: Words,
    ) {
        self.series = lines
            .iter()
            .map(|line| line.draw(x, y, xs, self.height))
            .collect();
        self.y_ticks = y
            .ticks()
            .into_iter()
            .map(|v| Tick {
                at: tidy(self.height * (1.0 - y.at(v))),
                label: words(v),
                anchor: "end",
            })
            .collect();
        let cell = |v: &Option<f64>| v.map_or_else(|| crate::text::NONE.to_owned(), words);
        let rows = xs.iter().enumerate().map(|(i, at)| {
            std::iter::once(places(*at))
                .chain(
                    lines
                        .iter()
                        .map(|l| l.values.get(i).map_or_else(String::new, cell)),
                )
                .collect()
        });
        let head =
            std::iter::once(self.x_label.clone()).chain(lines.iter().map(|l| l.name.to_owned()));
        self.table = Table::thinned(head.collect(), rows.collect());
        self.points = points(x, xs, lines, places, words);
    }
}

impl Line<'_> {
    fn draw(&self, x: &Scale, y: &Scale, xs: &[f64], height: f64) -> Series {
        let places: Vec<Option<(f64, f64)>> = xs
            .iter()
            .zip(&self.values)
            .map(|(at, value)| value.map(|v| (x.at(*at) * WIDTH, height * (1.0 - y.at(v)))))
            .collect();
        let runs: Vec<&[Option<(f64, f64)>]> = places
            .split(Option::is_none)
            .filter(|run| !run.is_empty())
            .collect();
        let (mut path, mut dots) = (String::new(), Vec::new());
        for run in runs {
            let run: Vec<(f64, f64)> = run.iter().flatten().copied().collect();
            match run.as_slice() {
                [(x, y)] => dots.push((tidy(x / WIDTH * 100.0), tidy(*y))),
                run => push_line(&mut path, run, self.filled.then_some(height)),
            }
        }
        Series {
            name: self.name.to_owned(),
            look: self.look,
            path,
            filled: self.filled,
            dots,
        }
    }
}

fn push_line(path: &mut String, run: &[(f64, f64)], floor: Option<f64>) {
    for (i, (x, y)) in run.iter().enumerate() {
        path.push(if i == 0 { 'M' } else { 'L' });
        path.push_str(&format!("{} {}", tidy(*x), tidy(*y)));
    }
    if let (Some(floor), Some((first, _)), Some((last, _))) = (floor, run.first(), run.last()) {
        path.push_str(&format!(
            "L{} {floor}L{} {floor}Z",
            tidy(*last),
            tidy(*first)
        ));
    }
}

/// One decimal: a tenth of a pixel is finer than any screen, and keeps the page small.
pub(crate) fn tidy(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn points(x: &Scale, xs: &[f64], lines: &[Line<'_>], places: Words, words: Words) -> String {
    let at = xs.iter().map(|v| x.at(*v));
    let series = lines.iter().map(|line| {
        let words = |v: &Option<f64>| v.map_or_else(String::new, words);
        line.values.iter().map(words).collect()
    });
    pointed(at, xs.iter().map(|v| places(*v)), series)
}

/// The data for pointing at, as the page's script reads it: a line of places (percent from the left), a line of their
/// words, and a line for each series; cells are set apart by tabs. As JSON it would be twice as long within an attribute.
pub(crate) fn pointed(
    at: impl Iterator<Item = f64>,
    places: impl Iterator<Item = String>,
    series: impl Iterator<Item = Vec<String>>,
) -> String {
    let at = at.map(|share| tidy(share * 100.0).to_string()).collect();
    let lines = [at, places.collect::<Vec<_>>()].into_iter().chain(series);
    // A cell is one line of words; what it quotes is made so.
    let cell = |cell: String| match cell.contains(['\t', '\n']) {
        true => cell.replace(['\t', '\n'], " "),
        false => cell,
    };
    let line = |cells: Vec<String>| cells.into_iter().map(cell).collect::<Vec<_>>().join("\t");
    lines.map(line).collect::<Vec<_>>().join("\n")
}

impl Table {
    /// A table of at most sixty rows, evenly picked; says so where rows were left out.
    pub fn thinned(head: Vec<String>, rows: Vec<Vec<String>>) -> Self {
        let all = rows.len();
        if all <= TABLE_ROWS {
            return Self {
                head,
                rows,
                note: String::new(),
            };
        }
        let step = all.div_ceil(TABLE_ROWS);
        let rows = rows.into_iter().step_by(step).collect();
        Self {
            head,
            rows,
            note: format!("Every {step}th of {all} rows."),
        }
    }
}

/// Whether a chart has anything to show.
pub fn has_data(lines: &[Line<'_>]) -> bool {
    lines
        .iter()
        .any(|line| line.values.iter().any(Option::is_some))
}

/// What is known of all lines.
fn values<'l>(lines: &'l [Line<'_>]) -> impl Iterator<Item = f64> + 'l {
    let all = lines.iter().flat_map(|line| &line.values);
    all.flatten().copied()
}

/// The largest value of all lines; 0 where there is none.
fn largest(lines: &[Line<'_>]) -> f64 {
    values(lines).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(values: Vec<Option<f64>>) -> Line<'static> {
        Line {
            name: "a",
            look: "p50",
            values,
            filled: false,
        }
    }

    #[test]
    fn gaps_break_the_line_and_lone_points_are_dots() {
        let (x, y) = (Scale::linear(0.0, 4.0), Scale::linear(0.0, 10.0));
        let drawn = line(vec![Some(0.0), Some(10.0), None, Some(5.0), None]).draw(
            &x,
            &y,
            &[0.0, 1.0, 2.0, 3.0, 4.0],
            100.0,
        );
        assert_eq!(drawn.path, "M0 100L250 0");
        assert_eq!(drawn.dots, [(75.0, 50.0)]);
    }

    #[test]
    fn an_area_is_closed_at_the_floor() {
        let (x, y) = (Scale::linear(0.0, 1.0), Scale::linear(0.0, 10.0));
        let area = Line {
            filled: true,
            ..line(vec![Some(10.0), Some(5.0)])
        };
        assert_eq!(
            area.draw(&x, &y, &[0.0, 1.0], 100.0).path,
            "M0 0L1000 50L1000 100L0 100Z"
        );
    }

    #[test]
    fn long_tables_are_thinned_and_say_so() {
        let rows = |n: usize| (0..n).map(|i| vec![i.to_string()]).collect();
        let table = Table::thinned(vec!["x".into()], rows(601));
        assert!(
            table.rows.len() <= 60 && table.note == "Every 11th of 601 rows.",
            "{} {}",
            table.rows.len(),
            table.note
        );
        assert_eq!(Table::thinned(Vec::new(), rows(60)).note, "");
    }
}
