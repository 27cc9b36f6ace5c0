//! Ticks added up beside the record, by several and in any order, come to what they come to one after another.

use super::super::testing::{Stream, plan, tick_of};
use super::super::{FoldError, Record, fold};
use super::*;
use crate::event::{Envelope, Event};
use crate::hist::Hist;
use proptest::prelude::*;

fn arbitrary_tick() -> impl Strategy<Value = LoadTick> {
    let name = prop::sample::select(vec!["browse", "checkout", "checkout/pay", "ghost"]);
    let second = prop_oneof![8 => 0u32..40, 1 => 600u32..3000];
    let count = prop_oneof![8 => 0u64..9, 1 => Just(u64::MAX / 2)];
    let times = prop::collection::vec((0u64..50_000, count.clone()), 0..9);
    (name, second, 0u32..5, count, times.clone(), times).prop_map(
        |(name, second, epoch, ok, response, queue)| {
            let mut tick = LoadTick {
                name: name.to_owned(),
                response: Hist::from_counts(response),
                affected: Hist::from_counts(queue.iter().copied().take(2)),
                users: ok,
                ..tick_of(second, epoch, ok, second.into(), 70)
            };
            tick.phases.queue = Hist::from_counts(queue);
            tick
        },
    )
}

fn stream(ticks: &[LoadTick]) -> Vec<Envelope> {
    let stream = Stream::new(plan(10, Vec::new())).peak();
    let stream = ticks.iter().cloned().fold(stream, Stream::tick);
    stream.events()
}

/// Folded by several: who takes an event, and whether it adds up what it has then, is told for each by turns.
fn shared(events: &[Envelope], takers: &[(usize, bool)]) -> Result<Record, FoldError> {
    let plan = plan(10, Vec::new());
    let mut sums: Vec<Ticks<'_>> = (0..3).map(|_| Ticks::of(&plan)).collect();
    let mut record = Record::default();
    for (envelope, (taker, settles)) in events.iter().cloned().zip(takers.iter().cycle()) {
        let sum = &mut sums[*taker];
        let Event::LoadTick(tick) = envelope.event else {
            record.apply(&envelope)?;
            continue;
        };
        match sum.take(envelope.seq, envelope.at_us, tick) {
            Ok(tick) => record.hear(&tick)?,
            Err(tick) => record.take_in(Envelope {
                event: Event::LoadTick(tick),
                ..envelope
            })?,
        }
        if *settles {
            record.absorb(sum.sums());
        }
    }
    sums.iter_mut().for_each(|sum| record.absorb(sum.sums()));
    Ok(record)
}

proptest! {
    #[test]
    fn several_that_add_up_come_to_what_one_does(
        ticks in prop::collection::vec(arbitrary_tick(), 0..60),
        takers in prop::collection::vec((0usize..3, prop::bool::weighted(0.2)), 1..20),
    ) {
        let events = stream(&ticks);
        let one = fold(events.clone()).unwrap();
        prop_assert_eq!(shared(&events, &takers).unwrap(), one);
    }

    #[test]
    fn journeys_put_together_are_what_they_are_one_by_one(ticks in prop::collection::vec(arbitrary_tick(), 0..60)) {
        use crate::plan::gate::During;
        let each = fold(stream(&ticks)).unwrap();
        let mut all = each.clone();
        all.put_together();
        let (a, b) = (&each.scenarios[0], &all.scenarios[0]);
        prop_assert_eq!(a.select(None, &During::All), b.select(None, &During::All));
        prop_assert_eq!(a.series(None), b.series(None));
        prop_assert_eq!(a.series_where(None, |e| e % 2 == 0), b.series_where(None, |e| e % 2 == 0));
        // What comes afterwards counts.
        let more = stream(&[ticks, vec![tick_of(1, 0, 3, 0, 90)]].concat());
        let last = more.last().unwrap();
        let (mut each, mut all) = (each, all);
        each.apply(last).unwrap();
        all.apply(last).unwrap();
        prop_assert_eq!(each.scenarios[0].series(None), all.scenarios[0].series(None));
    }
}

#[test]
fn a_tick_of_what_has_not_begun_or_lies_beyond_is_refused_as_ever() {
    let unbegun = Stream::new(plan(10, Vec::new()));
    let unbegun = unbegun.tick(tick_of(0, 0, 1, 0, 5)).events();
    let endless = stream(&[tick_of(0, u32::MAX, 1, 0, 5)]);
    let headless = stream(&[tick_of(0, 0, 1, 0, 5)]).split_off(1);
    for events in [unbegun, endless, headless] {
        let refused = fold(events.clone()).unwrap_err();
        assert_eq!(shared(&events, &[(1, false)]), Err(refused));
    }
}
