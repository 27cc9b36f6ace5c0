//! Waterfalls: the steps of one walk after each other, and single exchanges from their intended starts, divided into
//! where the time went. A step of which no exchange was kept is one stretch.

use super::phases::{BARS, Bar, Bars, NAMED, ROW, Stretch, look};
use super::scale::Scale;
use super::timeline::anchor;
use super::{Table, Tick, tidy};
use crate::text::{self, one_line};
use harness_core::event::{Exemplar, StepFinished};
use harness_core::http::Timing;
use harness_core::phases::RequestPhase;
use harness_core::record::JourneyRecord;
use harness_core::units::human_us;

/// The longest name over a bar, characters.
const NAME: usize = 34;

/// A stretch of a bar: its look, words and length.
type Part = (&'static str, &'static str, u64);

/// A bar before it is drawn: name, begin and parts, microseconds.
struct Row {
    name: String,
    from_us: u64,
    parts: Vec<Part>,
}

impl Row {
    fn length(&self) -> u64 {
        self.parts.iter().map(|(.., us)| us).sum()
    }
}

/// The steps of a walk, each from the end of the one before it; pauses between them are not recorded. `None` where
/// nothing took time.
pub fn walk(id: String, walk: &JourneyRecord) -> Option<Bars> {
    let mut at = 0;
    let row = |step: &StepFinished| {
        let row = Row {
            name: step.step.clone(),
            from_us: at,
            parts: parts_of(step),
        };
        at += row.length();
        row
    };
    let played = walk.steps.iter().filter(|step| step.passed.is_some());
    let rows = played.map(row).collect();
    let desc = "The steps of the walk one after the other, pauses between them left out; where an exchange was kept, by where its time went.";
    draw(id, "Steps of the walk", desc, rows)
}

/// Single exchanges, each from its intended start.
pub fn exchanges(id: String, exemplars: &[&Exemplar]) -> Option<Bars> {
    let row = |e: &&Exemplar| Row {
        name: format!("{} {}", text::clock(f64::from(e.second)), e.name.as_str()),
        from_us: 0,
        parts: parts(&e.exchange.timing),
    };
    let desc = "Failed and slow exchanges, each from its intended start, by where the time went.";
    let rows = exemplars.iter().map(row).collect();
    draw(id, "Where failed and slow requests waited", desc, rows)
}

/// A step: what went before its last exchange, and the exchange.
fn parts_of(step: &StepFinished) -> Vec<Part> {
    let exchange = step.exchange.as_ref().map(|x| parts(&x.timing));
    let known: u64 = exchange.iter().flatten().map(|(.., us)| us).sum();
    let before = match exchange {
        None => ("step", "step", step.took_us),
        Some(_) => ("step", "before", step.took_us.saturating_sub(known)),
    };
    let all = std::iter::once(before).chain(exchange.into_iter().flatten());
    all.filter(|(.., us)| *us > 0).collect()
}

fn parts(t: &Timing) -> Vec<Part> {
    let opening = t.dns_us + t.connect_us + t.tls_us;
    let of = |phase: RequestPhase, us| (look(phase), phase.as_str(), us);
    let all = [
        of(RequestPhase::Queue, t.queue_us),
        of(RequestPhase::Dns, t.dns_us),
        of(RequestPhase::Connect, t.connect_us),
        of(RequestPhase::Tls, t.tls_us),
        of(
            RequestPhase::FirstByte,
            t.first_byte_us.saturating_sub(opening),
        ),
        of(RequestPhase::Body, t.body_us),
    ];
    let known: u64 = all[1..].iter().map(|(.., us)| us).sum();
    // A request that got no answer has a length and no parts.
    let rest = ("wait", "no answer", t.total_us.saturating_sub(known));
    let rest = (t.first_byte_us == 0).then_some(rest);
    let all = all.into_iter().chain(rest);
    all.filter(|(.., us)| *us > 0).collect()
}

fn draw(id: String, title: &'static str, desc: &str, mut rows: Vec<Row>) -> Option<Bars> {
    rows.retain(|row| row.length() > 0);
    let count = rows.len();
    rows.truncate(BARS);
    let longest = rows.iter().map(|row| row.from_us + row.length()).max()?;
    let x = Scale::linear(0.0, longest as f64);
    let mut keys: Vec<(&'static str, &'static str)> = Vec::new();
    for (look, words, _) in rows.iter().flat_map(|row| &row.parts) {
        if !keys.iter().any(|(known, _)| known == look) {
            keys.push((look, words));
        }
    }
    let tick = |at: f64| Tick {
        at: tidy(x.at(at) * 100.0),
        label: text::micros(Some(at.round() as u64)),
        anchor: anchor(x.at(at)),
    };
    let cells = |row: &Row| {
        let parts = row.parts.iter();
        let parts: Vec<_> = parts
            .map(|(_, words, us)| format!("{words} {}", human_us(*us)))
            .collect();
        vec![
            one_line(&row.name, 160),
            human_us(row.from_us),
            human_us(row.length()),
            parts.join(", "),
        ]
    };
    let head = ["what", "from", "took", "of which"].map(str::to_owned);
    Some(Bars {
        id,
        title,
        desc: desc.to_owned(),
        height: ROW * rows.len() as f64,
        keys,
        table: Table::thinned(head.to_vec(), rows.iter().map(cells).collect()),
        bars: rows
            .iter()
            .enumerate()
            .map(|(i, row)| bar(i, row, &x))
            .collect(),
        x_ticks: x.ticks().into_iter().map(tick).collect(),
        note: match count > BARS {
            true => format!("The first {BARS} of {count}."),
            false => String::new(),
        },
    })
}

fn bar(i: usize, row: &Row, x: &Scale) -> Bar {
    let top = i as f64 * ROW;
    let mut at = row.from_us;
    let stretch = |(look, words, us): &Part| {
        let (from, to) = (x.at(at as f64), x.at((at + us) as f64));
        at += us;
        Stretch {
            look,
            x: tidy(from * 100.0),
            width: tidy(((to - from) * 100.0).max(0.2)),
            name: "",
            tip: format!("{words}: {}", human_us(*us)),
        }
    };
    Bar {
        name: one_line(&row.name, NAME),
        mean: human_us(row.length()),
        label_y: top + 16.0,
        y: top + NAMED,
        stretches: row.parts.iter().map(stretch).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_got_no_answer_is_as_long_as_it_lasted() {
        let timing = Timing {
            queue_us: 100,
            connect_us: 300,
            total_us: 5_000,
            ..Timing::default()
        };
        let drawn: Vec<_> = parts(&timing)
            .into_iter()
            .map(|(l, _, us)| (l, us))
            .collect();
        assert_eq!(drawn, [("queue", 100), ("connect", 300), ("wait", 4_700)]);
    }

    #[test]
    fn the_opening_of_a_connection_is_part_of_the_first_byte() {
        let timing = Timing {
            connect_us: 300,
            tls_us: 200,
            first_byte_us: 1_500,
            body_us: 100,
            total_us: 1_600,
            ..Timing::default()
        };
        let all: u64 = parts(&timing).iter().map(|(.., us)| us).sum();
        assert_eq!(all, 1_600);
    }

    #[test]
    fn rows_follow_one_another_on_one_scale() {
        let row = |from_us, us| Row {
            name: "a".into(),
            from_us,
            parts: vec![("wait", "first byte", us)],
        };
        let bars = draw(String::new(), "x", "", vec![row(0, 25), row(25, 75)]).unwrap();
        let places = bars
            .bars
            .iter()
            .map(|b| (b.stretches[0].x, b.stretches[0].width));
        assert_eq!(places.collect::<Vec<_>>(), [(0.0, 25.0), (25.0, 75.0)]);
        assert!(draw(String::new(), "x", "", vec![row(0, 0)]).is_none());
    }
}
