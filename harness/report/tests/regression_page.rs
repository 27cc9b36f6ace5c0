//! What people see of runs held against runs: the page and its charts, and the Markdown for a merge request.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "in a test a panic is the report"
)]

mod builds;
mod streams;

use builds::{Compared, HOSTILE};
use harness_core::record::Record;
use harness_core::verdict::Grade;
use harness_core::verdict::regression::{
    Beside, Class, HistoryFigure, Pinned, Runs, Settings, across,
};
use harness_report::html::Theme;
use harness_report::regression::{markdown, render};
use harness_report::terminal::Style;

fn page(compared: &Compared) -> String {
    let theme = Theme::builtin().unwrap();
    theme
        .regression(&compared.runs, &compared.curves, "shop")
        .unwrap()
}

fn all() -> [(&'static str, &'static Compared); 5] {
    [
        ("regressed", builds::regressed()),
        ("history", builds::with_history()),
        ("hostile", builds::hostile()),
        ("invalid", builds::invalid()),
        ("brief", builds::brief()),
    ]
}

#[test]
fn a_comparison_in_markdown() {
    for (name, compared) in all() {
        let told = markdown::render(&compared.runs, "shop");
        insta::assert_snapshot!(format!("regression-markdown-{name}"), told);
    }
}

#[test]
fn the_answer_and_what_decided_it_come_first() {
    let grades = [
        ("regressed", Grade::Fail, "REGRESSED"),
        ("invalid", Grade::Invalid, "INVALID"),
        ("brief", Grade::Inconclusive, "INCONCLUSIVE"),
    ];
    for (name, compared) in all() {
        let page = page(compared);
        if let Some((_, grade, word)) = grades.iter().find(|(of, ..)| *of == name) {
            assert_eq!(compared.runs.grade, *grade, "{name}");
            assert!(page.contains(&format!("<h1>{word}</h1>")), "{name}");
            assert!(
                markdown::render(&compared.runs, "shop")
                    .lines()
                    .next()
                    .unwrap()
                    .ends_with(word)
            );
        }
        let first = page.find("v-decided").unwrap();
        assert!(first < page.find("id=\"changes\"").unwrap());
        if let Ok(folder) = std::env::var("WRITE_PAGES") {
            std::fs::write(format!("{folder}/{name}.html"), &page).unwrap();
        }
    }
}

#[test]
fn every_chart_has_a_title_words_and_its_data_as_a_table() {
    for (name, compared) in all() {
        let page = page(compared);
        for svg in page
            .split("<svg")
            .skip(1)
            .filter(|svg| !svg.contains("class=\"inner\""))
        {
            let head = svg.split_once('>').unwrap().0;
            if head.contains("role=\"img\"") {
                assert!(
                    svg.contains("<title") && svg.contains("<desc"),
                    "{name}: {head}"
                );
            }
        }
        let plots = page.matches("class=\"plot\"").count();
        let tables = page.matches("<details class=\"data\">").count();
        assert_eq!(plots, tables, "{name}");
        let drawn = compared.runs.scenarios[0].invalid.is_empty();
        assert_eq!(plots > 1, drawn, "{name}: {plots}");
    }
    let page = page(builds::regressed());
    for part in [
        "Every verdict",
        "Change at each quantile of checkout",
        "Percentile spectrum of checkout",
        "Self-test",
        "Errors",
        "Typical second or stalls",
        "Would find",
    ] {
        assert!(page.contains(part), "{part}");
    }
    // A class is a word and a shape, not only a colour.
    assert!(page.contains("✗ regressed") && page.contains("href=\"#f-fail\""));
}

#[test]
fn why_runs_cant_be_compared_is_said_once() {
    let compared = builds::invalid();
    let why = "another machine (cpu";
    let markdown = markdown::render(&compared.runs, "shop");
    assert_eq!(markdown.matches(why).count(), 1, "{markdown}");
    assert!(
        markdown.contains("**invalid**: as said above"),
        "{markdown}"
    );
    let page = page(compared);
    assert_eq!(page.matches(why).count(), 1);
    assert!(page.contains("as said above"));
    let mut out = Vec::new();
    render(&mut out, Style::PLAIN, &compared.runs, false).unwrap();
    let told = String::from_utf8(out).unwrap();
    assert_eq!(told.matches(why).count(), 1, "{told}");
}

#[test]
fn an_interval_that_goes_on_beyond_the_axis_ends_in_an_arrow() {
    let compared = builds::regressed();
    let arrows = |page: &str| {
        let drawn = page.split("class=\"forest\"").nth(1).unwrap();
        let drawn = drawn.split("</figure>").next().unwrap().to_owned();
        ["#f-on-left", "#f-on-right", "beyond the axis</span>"]
            .map(|part| drawn.matches(part).count())
    };
    assert_eq!(arrows(&page(compared)), [0, 0, 0]);
    let mut runs = compared.runs.clone();
    let figures = &mut runs.scenarios[0].figures;
    let effect = figures[0].held.effect.as_mut().unwrap();
    effect.interval = (-5.0, 5.0);
    let page = Theme::builtin().unwrap();
    let page = page.regression(&runs, &compared.curves, "shop").unwrap();
    // One at either end, and one in the legend.
    assert_eq!(arrows(&page), [1, 2, 1]);
}

#[test]
fn the_runs_before_are_drawn_by_date_with_the_place_where_their_level_changed() {
    let compared = builds::with_history();
    let level = &compared.curves[0][0].levels[0];
    let runs: Vec<(&str, bool)> = level
        .runs
        .iter()
        .map(|run| (&run.run.as_str()[..8], run.changed))
        .collect();
    let days = ["01", "02", "03", "04", "05", "06", "07", "08", "09"];
    let expected: Vec<String> = days.iter().map(|day| format!("202601{day}")).collect();
    assert_eq!(
        runs.iter().map(|(day, _)| *day).collect::<Vec<_>>(),
        expected
    );
    let changed: Vec<&str> = runs
        .iter()
        .filter(|(_, changed)| *changed)
        .map(|(day, _)| *day)
        .collect();
    assert_eq!(changed, ["20260105"]);
    assert!(level.runs.last().unwrap().candidate);
    let page = page(compared);
    assert!(page.contains("run by run") && page.contains("class=\"cut\""));
    assert!(
        page.contains("since the last change, 5 are needed"),
        "four runs of the new level are too few"
    );
    // One run has no history.
    assert!(builds::regressed().curves[0][0].levels.is_empty());
}

#[test]
fn curves_say_what_the_verdicts_say() {
    for (name, compared) in all() {
        for (held, curves) in compared.runs.scenarios.iter().zip(&compared.curves) {
            for figure in held.figures.iter().filter(|figure| figure.key) {
                let Some(effect) = &figure.held.effect else {
                    continue;
                };
                let curve = curves.iter().find(|curve| curve.name == figure.name);
                let point = curve.and_then(|curve| {
                    curve
                        .points
                        .iter()
                        .find(|p| (p.quantile - figure.quantile).abs() < 1e-9)
                });
                let Some(point) = point else { continue };
                assert_eq!(point.change.d, effect.d, "{name}: {}", figure.name);
                assert_eq!(
                    point.change.interval, effect.interval,
                    "{name}: {}",
                    figure.name
                );
                assert!(
                    point.baseline.low_us <= point.baseline.us
                        && point.baseline.us <= point.baseline.high_us
                );
            }
        }
    }
    let held = &builds::regressed().runs.scenarios[0];
    let regressed = held
        .figures
        .iter()
        .filter(|f| f.held.class == Class::Regressed);
    assert!(regressed.count() > 3);
}

#[test]
fn hostile_names_are_text_and_the_same_runs_give_the_same_bytes() {
    let compared = builds::hostile();
    let page = page(compared);
    assert!(page.contains("&lt;script&gt;alert(1)") && !page.contains("<script>alert"));
    assert!(!page.contains('\u{202e}') && !page.contains(HOSTILE));
    assert_eq!(page.matches("<script>").count(), 1, "only ours");
    assert_eq!(page, self::page(compared));
    let told = markdown::render(&compared.runs, "<b>shop</b> | @all");
    assert!(
        !told.contains("<script")
            && !told.contains("<b>")
            && !told.contains("@everyone")
            && !told.contains("@all")
    );
    assert!(!told.contains("http://evil") && !told.contains('\u{202e}'));
    let bars = |line: &str| line.replace("\\|", "").matches('|').count();
    for row in told
        .lines()
        .filter(|line| line.contains("alert") && line.starts_with('|'))
    {
        assert!(
            [9, 8, 6, 5].contains(&bars(row)),
            "a bar breaks the table: {row}"
        );
    }
    assert_eq!(told, markdown::render(&compared.runs, "<b>shop</b> | @all"));
}

#[test]
fn a_comment_is_never_too_long_and_says_what_it_left_out() {
    let mut runs = builds::regressed().runs.clone();
    let held = runs.scenarios[0].clone();
    for n in 0..200 {
        let mut more = held.clone();
        more.scenario = Some(format!("scenario-{n}").parse().unwrap());
        for figure in &mut more.figures {
            figure.name = format!("{}/{}", figure.name, "W".repeat(10_000));
        }
        runs.scenarios.push(more);
    }
    let told = markdown::render(&runs, "shop");
    let length = told.chars().count();
    assert!((30_000..65_000).contains(&length), "{length}");
    let last = told.lines().last().unwrap();
    assert!(
        last.starts_with("*Left out for want of room: ") && last.contains(" changes"),
        "{last}"
    );
    let rows = told
        .lines()
        .filter(|line| line.contains("W…") || line.contains("WW"))
        .count();
    assert!(rows >= 60, "{rows}");
    let page = Theme::builtin()
        .unwrap()
        .regression(&runs, &[], "shop")
        .unwrap();
    let changes = page
        .split("id=\"changes\"")
        .nth(1)
        .unwrap()
        .split("</table>")
        .next()
        .unwrap();
    assert_eq!(changes.matches("<tr class=\"row-").count(), 60);
    assert!(page.contains("more are in the JSON."));
    // A short one leaves nothing out.
    assert!(!markdown::render(&builds::regressed().runs, "shop").contains("Left out"));
}

/// A comparison with a figure that did not regress against the baseline, and did against the pinned release.
fn drifted() -> Runs {
    let mut runs = builds::regressed().runs.clone();
    let held = &mut runs.scenarios[0];
    held.since = Some("20260101-000000-aaaa".parse().unwrap());
    held.pinned = Some(Pinned {
        release: "1.4.0".parse().unwrap(),
        runs: held.baseline.clone(),
    });
    for figure in held.figures.iter_mut().filter(|figure| figure.key) {
        figure.pinned = Some(figure.held.clone());
        figure.history = Some(HistoryFigure {
            held: figure.held.clone(),
            runs: 7,
            since: None,
        });
        figure.held.class = Class::NoRegression;
    }
    runs
}

#[test]
fn what_regressed_against_the_pinned_release_is_told_and_counted() {
    let runs = drifted();
    let keys = runs.scenarios[0].figures.iter().filter(|f| f.key);
    let regressed = keys
        .clone()
        .filter(|f| f.pinned.as_ref().unwrap().class == Class::Regressed)
        .count();
    let (of, all) = (regressed, keys.count());
    assert!(of > 0);
    let page = Theme::builtin()
        .unwrap()
        .regression(&runs, &builds::regressed().curves, "shop")
        .unwrap();
    let markdown = markdown::render(&runs, "shop");
    let pinned = runs.scenarios[0].baseline[0].run.as_str();
    for (kind, text) in [("page", &page), ("markdown", &markdown)] {
        let row = "of checkout, against the pinned release 1.4.0";
        assert!(text.contains(row), "{kind}: {text}");
        assert!(
            text.contains("against the 7 runs before: regressed, +"),
            "{kind}"
        );
        let level = "the level changed: accepted runs before 20260101-000000-aaaa are history only";
        assert!(text.contains(level), "{kind}");
    }
    assert!(
        markdown.contains(
            "| ✗ regressed | **p99 of checkout, against the pinned release 1.4.0** (key)"
        ),
        "{markdown}"
    );
    assert!(
        markdown.contains(&format!("- pinned release 1.4.0, `{pinned}`")),
        "{markdown}"
    );
    assert!(page.contains("<td>pinned release 1.4.0</td>"));
    assert!(page.contains(&format!("{of} of {all}")));
}

#[test]
fn a_scenario_that_is_held_against_nothing_is_told() {
    let mut runs = builds::regressed().runs.clone();
    runs.never_accepted = vec!["soak".parse().unwrap()];
    let page = Theme::builtin()
        .unwrap()
        .regression(&runs, &builds::regressed().curves, "shop")
        .unwrap();
    let told = "soak is held against nothing: no run of it was ever accepted";
    assert!(page.contains(told));
    assert!(markdown::render(&runs, "shop").contains(told));
}

#[test]
fn searches_are_not_held_against_each_other_and_it_is_told() {
    let [here, there] = ["20260108-090000-here", "20260107-090000-else"].map(builds::search);
    let settings = Settings::default();
    let held = |candidate: &[Record], baseline: &[Record]| {
        across(candidate, baseline, &Beside::default(), &settings)
    };
    for (candidate, baseline) in [
        (vec![here.clone()], vec![there.clone()]),
        (vec![here], vec![]),
        (vec![], vec![there]),
    ] {
        let runs = held(&candidate, &baseline);
        assert_eq!(runs.grade, Grade::Invalid);
        assert!(runs.scenarios.is_empty() && runs.missing.is_empty());
        assert_eq!(
            runs.decided_by,
            ["no scenario was played whose load could be held against another"]
        );
        let told = "payments-slow is held against nothing: a search tries rates that are too high on purpose";
        let text = markdown::render(&runs, "shop");
        assert!(text.contains(told), "{text}");
    }
}

#[test]
fn a_terminal_s_rows_hold_together_whatever_a_name_is() {
    let mut runs = builds::regressed().runs.clone();
    let long = format!("pay\nnow\x1b[31m {}", "x".repeat(500));
    for figure in &mut runs.scenarios[0].figures {
        figure.name = long.clone();
    }
    let mut out = Vec::new();
    let style = harness_report::terminal::Style::of(false, None, None);
    harness_report::regression::render(&mut out, style, &runs, true).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("of pay now\\x1b[31m xxx"), "{text}");
    assert!(!text.contains('\u{1b}') && !text.contains(&"x".repeat(121)));
    assert!(!text.lines().any(|line| line.starts_with("now")), "{text}");
}
