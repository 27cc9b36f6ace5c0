//! Closed models and warm-up in every report: users instead of an intended rate, and the warm-up in no figure but its
//! own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "in a test a panic is the report"
)]

mod streams;

use harness_core::event::Event;
use harness_core::plan::load::{ClosedPlan, Model, UserStage};
use harness_core::readiness::readiness;
use harness_core::record::{Record, fold};
use harness_core::verdict::evaluate;
use harness_report::terminal::{self, Style};
use harness_report::{html, json as summary, markdown};
use serde_json::Value;
use std::time::Duration;

/// Seconds of the healthy run, and of its first epoch.
const SECONDS: u64 = 24;
const WARM_UP: u64 = 4;

/// The healthy run, had users made it and its first epoch been warm-up.
fn record(change: impl Fn(&mut ClosedPlan)) -> Record {
    let mut events = streams::healthy();
    for event in events.iter_mut().map(|e| &mut e.event) {
        match event {
            Event::RunStarted(run) => {
                let stage = |from, to, seconds| UserStage {
                    from,
                    to,
                    lasts: Duration::from_secs(seconds),
                };
                let mut closed = ClosedPlan {
                    users: vec![stage(1, 10, 4), stage(10, 10, SECONDS - 4)],
                    iterations: None,
                    pacing: Duration::ZERO,
                    cookies: Default::default(),
                    engine: Default::default(),
                };
                change(&mut closed);
                let load = &mut run.plan.scenarios[0].load;
                load.model = Model::Closed(closed);
                load.warm_up = Duration::from_secs(WARM_UP);
            }
            Event::EpochStarted(epoch) => epoch.warm_up = epoch.epoch == 0,
            Event::LoadTick(tick) if !tick.name.contains('/') => tick.users = 5,
            _ => {}
        }
    }
    fold(events).unwrap()
}

fn page(record: &Record) -> String {
    let verdict = evaluate(record);
    html::render(record, &verdict, &readiness(record, &verdict)).unwrap()
}

#[test]
fn a_closed_load_is_told_by_its_users() {
    let page = page(&record(|_| {}));
    for words in [
        "1 user to 10 users over 4 s, then 10 users for 20 s",
        "Users who walk one journey after another",
        "begun by users as they became free",
        "stage 2: 10 users",
        "band-warm-up",
    ] {
        assert!(page.contains(words), "no `{words}`");
    }
    assert!(!page.contains("</i>intended</span>"), "nothing is intended");
    let shared = record(|closed| {
        closed.users.truncate(1);
        closed.users[0].from = 10;
        closed.iterations = Some(harness_core::plan::load::Iterations::Shared(
            std::num::NonZeroU64::new(1500).unwrap(),
        ));
        closed.pacing = Duration::from_millis(200);
    });
    let words = "1,500 journeys by 10 users, within 4 s, at most one journey every 200ms each";
    let told = self::page(&shared);
    assert!(told.contains(words), "no `{words}`");
}

#[test]
fn a_warm_up_is_told_apart_and_in_no_other_figure() {
    let record = record(|_| {});
    let scenario = &record.scenarios[0];
    let warm = scenario.warm_up(None);
    let verdict = evaluate(&record);
    let readiness = readiness(&record, &verdict);
    let json = summary::Summary::of(&record, &verdict, &readiness);
    let json: Value = serde_json::from_str(&json.to_json().unwrap()).unwrap();
    let told = &json["scenarios"][0];
    let started = |figures: &Value| figures["started"].as_u64().unwrap();
    let names = told["names"].as_object().unwrap().iter();
    let journeys = names.filter(|(name, _)| !name.contains('/'));
    let judged: u64 = journeys.map(|(_, figures)| started(figures)).sum();
    assert!(warm.started > 0 && started(&told["warm_up"]) == warm.started);
    assert_eq!(judged + warm.started, scenario.whole(None).started);

    let sentence = format!("Warm-up of 4 s: {} journeys begun", warm.started);
    let mut out = Vec::new();
    terminal::render(&mut out, Style::PLAIN, &record, &verdict, &readiness, None).unwrap();
    let texts = [
        page(&record),
        markdown::render(&record, &verdict, &readiness),
        String::from_utf8(out).unwrap(),
    ];
    for text in texts {
        assert!(text.contains(&sentence), "no `{sentence}` in {text}");
    }
}
