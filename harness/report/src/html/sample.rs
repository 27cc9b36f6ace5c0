//! A recorded run with failures and a fault, of which pages are made once before templates of somebody's own are used: what is
//! wrong with them is seen then, and not when a load is over.

use super::{RenderError, Theme};
use crate::index::{Card, Comparison, Entry, List, PAGE, State};
use harness_core::compare::compare;
use harness_core::event::Envelope;
use harness_core::readiness::{Asked, Run, Source, gather, readiness};
use harness_core::record::{Record, fold};
use harness_core::verdict::evaluate;
use harness_core::verdict::regression::{Beside, Settings, across, drawn};

const EVENTS: &str = include_str!("../../../../fixtures/runs/no-go.ndjson");

/// The run; a test sees that it can be read.
pub(super) fn record() -> Option<Record> {
    let events = EVENTS.lines().map(serde_json::from_str::<Envelope>);
    fold(events.collect::<Result<Vec<_>, _>>().ok()?).ok()
}

/// A list with a run of each kind, on more than one page.
fn list(record: &Record, card: &Card) -> List {
    let begun = record.run.clone();
    let state = |n: usize| match n {
        0 => State::GoingOn(begun.clone()),
        1 => State::Unjudged(begun.clone(), "why".to_owned()),
        2 => State::Broken("why".to_owned()),
        _ => State::Judged(Box::new(card.clone())),
    };
    let entry = |n: usize| Entry {
        run: card.run.clone(),
        state: state(n),
        page: n.is_multiple_of(2),
    };
    List {
        entries: (0..=PAGE).map(entry).collect(),
        comparisons: vec![Comparison {
            folder: "compare-sample".to_owned(),
            labels: vec!["one".to_owned(), "other".to_owned()],
            runs: vec![card.run.to_string()],
        }],
        to_runs: "runs/",
    }
}

/// Makes every page once.
pub(super) fn try_out(theme: &Theme) -> Result<(), RenderError> {
    let Some(record) = record() else {
        return Ok(());
    };
    let verdict = evaluate(&record);
    let readiness = readiness(&record, &verdict);
    theme.render(&record, &verdict, &readiness)?;
    if let Some(card) = Card::of(&record, &verdict, &readiness) {
        theme.index(&list(&record, &card))?;
    }
    let labelled = ["one", "other"].map(|label| (label.to_owned(), &record));
    theme.compare(&compare(&labelled, &[]), &[&record, &record])?;
    let mut earlier = record.clone();
    if let Some(run) = &mut earlier.run {
        run.environment.clone_from(&Default::default());
    }
    let settings = Settings {
        // Quick: of these figures only their words are wanted.
        resamples: 100,
        other_machines: true,
        ..Settings::default()
    };
    let (here, there) = ([record.clone()], [earlier]);
    let runs = across(&here, &there, &Beside::default(), &settings);
    theme.regression(
        &runs,
        &drawn(&here, &there, &Beside::default(), &runs),
        "sample",
    )?;
    let run = Run {
        record,
        source: Source {
            path: "reports/runs/sample/events.ndjson.zst".to_owned(),
            digest: "0".repeat(64),
        },
    };
    let on = run.record.run.as_ref();
    let on = on.and_then(|run| harness_core::date::Date::of_time(&run.date).ok());
    if let Some(on) = on {
        let asked = Asked {
            settings: Default::default(),
            on,
            wanted: Vec::new(),
            notices: Vec::new(),
        };
        theme.release(&gather(&[run], &asked))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_can_be_read_and_every_built_in_page_made_of_it() {
        let record = record().unwrap();
        assert!(
            !record.faults.is_empty()
                && !record.journeys.is_empty()
                && !record.contracts.is_empty()
        );
        try_out(&Theme::builtin().unwrap()).unwrap();
    }
}
