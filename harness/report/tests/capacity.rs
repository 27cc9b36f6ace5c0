//! A capacity search in the reports that people read: its trials drawn and told, none of them by colour alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "in a test a panic is the report"
)]

mod streams;

use harness_core::capacity::{Fate, Limit, SearchPlan, Tried};
use harness_core::event::{CapacityTrial, Event};
use harness_core::hist::Hist;
use harness_core::plan::load::{Model, Spacing};
use harness_core::readiness::readiness;
use harness_core::record::{Record, Tally, fold};
use harness_core::units::Rate;
use harness_core::verdict::evaluate;
use harness_report::{html, markdown};
use std::time::Duration;

fn rate(per_second: f64) -> Rate {
    Rate::per_second(per_second).unwrap()
}

fn broke(why: &str, limit: Limit) -> Fate {
    Fate::Broke {
        why: why.to_owned(),
        limit,
    }
}

/// The healthy run, had it been a search: trials of (rate, p99 in µs, what became of it).
fn searched(find: &str, trials: &[(f64, u64, Fate)]) -> Record {
    let mut events = streams::healthy();
    for event in events.iter_mut().map(|e| &mut e.event) {
        if let Event::RunStarted(run) = event {
            run.plan.scenarios[0].load.model = Model::Search(SearchPlan {
                goal: find.parse().unwrap(),
                spacing: Spacing::Even,
                from: rate(50.0),
                up_to: rate(10_000.0),
                within: Duration::from_secs(300),
                trial: Duration::from_secs(10),
                settle: Duration::from_secs(2),
                precision: 0.05,
            });
        }
    }
    let mut record = fold(events).unwrap();
    let scenario = &mut record.scenarios[0];
    let epoch = scenario.epochs[0].clone();
    scenario.epochs.clear();
    for name in scenario.names.values_mut() {
        name.epochs.clear();
        name.windows.clear();
    }
    for ((per_second, p99, fate), n) in trials.iter().zip(1..) {
        let mut epoch = epoch.clone();
        epoch.epoch = n;
        epoch.from_us = scenario.t0_us + u64::from(n) * 1_000_000;
        epoch.faults.clear();
        epoch.settling.clear();
        epoch.trial = Some(n);
        scenario.epochs.push(epoch);
        let count = (per_second * 10.0) as u64;
        let spread = Hist::from_counts([(p99 / 4, count * 95 / 100), (*p99, count * 5 / 100)]);
        let tally = Tally {
            planned: count,
            started: count,
            ok: count,
            response: spread.clone(),
            service: spread,
            ..Tally::default()
        };
        let browse = scenario.names.get_mut("browse").unwrap();
        browse.epochs.insert(n, tally.into());
        scenario.trials.push(CapacityTrial {
            scenario: scenario.name.clone(),
            trial: n,
            tried: Tried {
                rate: rate(*per_second),
                fate: fate.clone(),
            },
            seen: vec![format!("`p99 < 200ms`: saw {} ms", p99 / 1000)],
        });
    }
    record
}

/// Doubled until one broke, then halved; the generator had one bad moment.
fn found() -> Record {
    let slow = || broke("`p99 < 200ms`: saw 1.31 s", Limit::Target);
    let late = || {
        broke(
            "the generator began 4.0 % of the arrivals late",
            Limit::Generator,
        )
    };
    searched(
        "max rate where error_rate < 1% and p99 < 200ms",
        &[
            (50.0, 9_000, Fate::Held),
            (100.0, 9_500, Fate::Held),
            (200.0, 11_000, Fate::Held),
            (400.0, 16_000, Fate::Held),
            (800.0, 1_310_000, slow()),
            (800.0, 1_450_000, slow()),
            (600.0, 42_000, Fate::Held),
            (700.0, 95_000, late()),
            (700.0, 96_000, Fate::Held),
            (725.0, 260_000, slow()),
            (725.0, 410_000, slow()),
            (700.0, 110_000, Fate::Held),
        ],
    )
}

fn page(record: &Record) -> String {
    let verdict = evaluate(record);
    html::render(record, &verdict, &readiness(record, &verdict)).unwrap()
}

/// The part of a text between two words.
fn between<'t>(text: &'t str, from: &str, to: &str) -> &'t str {
    let begin = text.find(from).unwrap_or_else(|| panic!("no `{from}`"));
    let part = &text[begin..];
    part.find(to).map_or(part, |end| &part[..end])
}

#[test]
fn trials_are_drawn_by_shape_with_the_limit_and_the_answer() {
    let page = page(&found());
    let chart = between(&page, "<figure class=\"trials\"", "</figure>");
    insta::assert_snapshot!("capacity-chart", chart);
    for (shape, times) in [("held", 7), ("broke", 4), ("unmade", 1)] {
        let marks = chart.matches(&format!("href=\"#m-{shape}\"")).count();
        assert_eq!(marks, times, "{shape}");
        assert!(page.contains(&format!(" id=\"m-{shape}\"")), "{shape}");
    }
    // What broke lies above the limit, what held below it; places grow downwards.
    let limit = between(chart, "class=\"m-limit\"", "/>");
    let limit: f64 = between(limit, "y1=\"", "\" ")[4..].parse().unwrap();
    for mark in chart.split("<use ").skip(1) {
        let y: f64 = between(mark, " y=\"", "\">")[4..].parse().unwrap();
        assert_eq!(y < limit, mark.starts_with("class=\"m-broke\""), "{mark}");
    }
}

#[test]
fn trials_have_a_table_in_markdown() {
    let record = found();
    let verdict = evaluate(&record);
    let text = markdown::render(&record, &verdict, &readiness(&record, &verdict));
    let part = between(
        &text,
        "\n### payments-slow: capacity",
        "\n### payments-slow\n",
    );
    insta::assert_snapshot!("capacity-markdown", part);
}

#[test]
fn without_a_latency_the_first_condition_is_drawn_and_without_trials_nothing() {
    let share = searched(
        "max rate where error_rate < 1%",
        &[(50.0, 9_000, Fate::Held)],
    );
    let page = self::page(&share);
    let chart = between(&page, "<figure class=\"trials\"", "</figure>");
    assert!(chart.contains("error_rate at each rate tried"), "{chart}");
    assert!(chart.contains("at least 50/s"), "{chart}");
    let none = searched("max rate where p99 < 200ms", &[]);
    assert!(!self::page(&none).contains("<figure class=\"trials\""));
}
