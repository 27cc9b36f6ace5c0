//! The screen of a load at several sizes and moments, drawn into memory.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod streams;

use harness_core::event::{Envelope, Event};
use harness_report::screen::{Point, Screen, View, draw};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use streams::{HOSTILE, Shape, make};

fn events(broken: bool) -> Vec<Envelope> {
    let journeys = vec![("browse", vec!["list"]), ("checkout", vec!["pay"])];
    make(&Shape {
        journeys,
        broken,
        ..Shape::of("20260101-000000-abcd", 30, 100.0)
    })
}

/// What is to be seen once all events up to a time were heard.
fn view(events: &[Envelope], at_us: u64) -> View {
    let mut screen = Screen::default();
    events
        .iter()
        .filter(|envelope| envelope.at_us <= at_us)
        .for_each(|envelope| screen.hear(envelope));
    screen.look(at_us)
}

fn drawn(view: &View, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, view, false)).unwrap();
    let buffer = terminal.backend().buffer();
    let rows = buffer.content.chunks(usize::from(width));
    let row = |cells: &[ratatui::buffer::Cell]| {
        let row: String = cells.iter().map(ratatui::buffer::Cell::symbol).collect();
        format!("{}\n", row.trim_end())
    };
    rows.map(row).collect()
}

/// Microseconds of a moment in the middle of the load.
fn middle(events: &[Envelope]) -> u64 {
    let begin = events.iter().find_map(|e| match &e.event {
        Event::ScenarioStarted { t0_us, .. } => Some(*t0_us),
        _ => None,
    });
    begin.unwrap() + 21_300_000
}

#[test]
fn a_load_is_seen_at_every_size() {
    let events = events(true);
    let view = view(&events, middle(&events));
    for (width, height) in [(80, 24), (120, 40), (40, 12)] {
        insta::assert_snapshot!(
            format!("screen-{width}x{height}"),
            drawn(&view, width, height)
        );
    }
}

#[test]
fn no_size_is_too_small_or_too_large() {
    let events = events(true);
    let views = [
        View::default(),
        view(&events, 0),
        view(&events, middle(&events)),
        view(&events, u64::MAX),
    ];
    for view in &views {
        for width in [1, 2, 10, 19, 20, 33, 71, 72, 73, 100, 500] {
            for height in [1, 2, 3, 4, 5, 9, 17, 18, 19, 30, 200] {
                drawn(view, width, height);
            }
        }
    }
}

#[test]
fn every_moment_has_its_words() {
    let events = events(false);
    let begin = drawn(&view(&events, 0), 80, 24);
    assert!(begin.contains("reaching the target"), "{begin}");
    let amid = view(&events, middle(&events));
    assert_eq!(amid.stage, "running");
    assert!((amid.elapsed_s - 21.3).abs() < 0.01, "{}", amid.elapsed_s);
    let mut screen = Screen::default();
    events
        .iter()
        .take_while(|e| e.at_us <= middle(&events))
        .for_each(|e| screen.hear(e));
    assert!(screen.is_fresh());
    screen.look(middle(&events));
    assert!(!screen.is_fresh(), "nothing is new after a look");
    screen.stops();
    assert_eq!(screen.look(middle(&events)).stage, "stopping");
    assert_eq!(view(&events, u64::MAX).stage, "writing the report");
}

#[test]
fn figures_are_those_of_the_record() {
    let events = events(true);
    let view = view(&events, u64::MAX);
    let record = harness_core::record::fold(events).unwrap();
    let all = record.scenarios[0].select(None, &harness_core::plan::gate::During::All);
    assert_eq!(view.all.finished, all.finished());
    assert_eq!(view.all.failed, all.failed());
    assert_eq!(view.all.response[3], all.response.quantile(0.99));
    assert_eq!(
        view.errors.iter().map(|line| line.times).sum::<u64>(),
        all.failed()
    );
    let over_time: u64 = view.errors.iter().flat_map(|line| &line.over_time).sum();
    assert_eq!(over_time, all.failed());
}

#[test]
fn nothing_the_target_says_reaches_the_terminal_as_it_is() {
    let mut view = view(&events(true), u64::MAX);
    view.title = harness_report::text::one_line(HOSTILE, 200);
    let drawn = drawn(&view, 80, 24);
    assert!(
        !drawn.contains('\u{1b}') && !drawn.contains('\u{202e}'),
        "{drawn}"
    );
}

#[test]
fn a_long_load_is_seen_whole_and_says_how_long_a_column_is() {
    let point = |second: usize| Point {
        rate: if second == 0 { 900.0 } else { 100.0 },
        failed: 0.0,
        p99_us: if second == 7_199 { 5_000_000 } else { 40_000 },
    };
    let long = |seconds: usize| View {
        points: (0..seconds).map(point).collect(),
        point_s: 1,
        ..View::default()
    };
    for width in [72u16, 100, 160] {
        let shown = drawn(&long(7_200), width, 40);
        let mut lines = shown.lines();
        let heading = lines.find(|line| line.contains("p99 of response times"));
        let heading = heading.unwrap();
        assert!(
            heading.contains("5.00 s") && heading.contains(" a column"),
            "{heading}"
        );
        // Its begin and its end are there: the one slow second is the last column of its chart.
        let peaks = |line: &str| line.trim_end().ends_with('█');
        assert!(lines.any(peaks), "{width}: {shown}");
    }
    assert!(!drawn(&long(20), 120, 40).contains("a column"));
}
