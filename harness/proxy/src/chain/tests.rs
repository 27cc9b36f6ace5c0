//! Chains of any toxics: what must hold whatever they are and whenever they change.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::dice::test_key;
use crate::queue::Chunk;
use crate::toxic::{FailHow, Stream, Toxic, ToxicKind};
use crate::toxics::rig::{Rig, armed, ms, test_entry};

/// What works on exchanges leaves chains alone.
fn http(delay: u64) -> ToxicKind {
    let attributes = json!({"delay": delay}).as_object().cloned().unwrap();
    ToxicKind::from_parts("http", attributes).unwrap()
}

fn passing() -> impl Strategy<Value = ToxicKind> {
    prop_oneof![
        (0..50_u64, 0..50_u64).prop_map(|(latency, jitter)| ToxicKind::Latency { latency, jitter }),
        (1..2_000_u64).prop_map(|rate| ToxicKind::Bandwidth { rate }),
        (0..100_u64).prop_map(|delay| ToxicKind::SlowClose { delay }),
        (1..500_u64, 0..3_000_u64).prop_map(|(average_size, delay)| ToxicKind::Slicer {
            average_size,
            size_variation: average_size / 2,
            delay
        }),
        Just(ToxicKind::LimitData { bytes: u64::MAX }),
        Just(ToxicKind::Noop {}),
        (0.0..0.5, 0..50_u64).prop_map(|(share, stall)| ToxicKind::Loss { share, stall }),
        (0..50_u64).prop_map(http),
    ]
}

proptest! {
    #[test]
    fn any_chain_of_passing_toxics_delivers_all_in_order(
        before in prop::collection::vec(passing(), 0..4),
        after in prop::collection::vec(passing(), 0..4),
        chunks in prop::collection::vec((prop::collection::vec(any::<u8>(), 1..600), 0..30_u64), 1..20),
        change_at in 0..20_usize,
    ) {
        let mut rig = Rig::chain(&before);
        let mut got = Vec::new();
        for (index, (bytes, pause)) in chunks.iter().enumerate() {
            if index == change_at {
                rig.replace(&after);
            }
            rig.feed(bytes);
            got.extend(rig.run(ms(*pause)));
        }
        rig.end();
        got.extend(rig.run(Duration::from_secs(600)));
        let got: Vec<u8> = got.into_iter().flat_map(|(_, bytes)| bytes).collect();
        let sent: Vec<u8> = chunks.into_iter().flat_map(|(bytes, _)| bytes).collect();
        prop_assert_eq!(got, sent);
        prop_assert_eq!(rig.ended(), Some(End::Eof));
    }
}

fn every_kind() -> Vec<ToxicKind> {
    vec![
        ToxicKind::Latency {
            latency: 1_000,
            jitter: 0,
        },
        ToxicKind::Bandwidth { rate: 0 },
        ToxicKind::SlowClose { delay: 1_000 },
        ToxicKind::Timeout { timeout: 1 },
        ToxicKind::ResetPeer { timeout: 0 },
        ToxicKind::Slicer {
            average_size: 1,
            size_variation: 0,
            delay: 1_000,
        },
        ToxicKind::LimitData { bytes: 0 },
        ToxicKind::Noop {},
        ToxicKind::Loss {
            share: 1.0,
            stall: 10,
        },
        ToxicKind::Corrupt { share: 1.0 },
        ToxicKind::FailFirst {
            connections: 1,
            how: FailHow::Reset,
        },
    ]
}

#[test]
fn toxicity_zero_has_no_effect_whatever_the_kind() {
    for kind in every_kind().into_iter().chain([http(1_000)]) {
        let mut rig = Rig::armed(vec![armed(1, kind.clone(), 0.0)]);
        assert!(rig.bypassed(), "{kind:?}");
        rig.run(ms(50));
        rig.feed(b"whole");
        rig.end();
        let out = rig.run(ms(0));
        assert_eq!(
            (out.len(), out[0].1.as_slice()),
            (1, b"whole".as_slice()),
            "{kind:?}"
        );
        assert!(rig.ended() == Some(End::Eof) && !rig.is_reset(), "{kind:?}");
        rig.remove();
        assert!(
            rig.ended() == Some(End::Eof) && !rig.is_reset(),
            "{kind:?} removed"
        );
        assert_eq!(rig.hits(), (0, 0), "{kind:?}");
    }
}

#[test]
fn every_kind_but_noop_counts_its_hits() {
    for kind in every_kind() {
        let mut rig = Rig::new(kind.clone());
        rig.feed(b"ab");
        rig.end();
        rig.run(ms(5_000));
        let (connections, chunks) = rig.hits();
        let expected = kind != ToxicKind::Noop {};
        assert_eq!(
            (connections == 1, chunks > 0),
            (expected, expected),
            "{kind:?}"
        );
    }
}

#[test]
fn an_update_does_not_count_the_chunk_that_waits_again() {
    let latency = ToxicKind::Latency {
        latency: 1_000,
        jitter: 0,
    };
    let loss = ToxicKind::Loss {
        share: 1.0,
        stall: 1_000,
    };
    for kind in [latency, loss, ToxicKind::Bandwidth { rate: 0 }] {
        let mut rig = Rig::new(kind.clone());
        rig.feed(b"x");
        rig.run(ms(10));
        rig.update(kind.clone());
        rig.run(ms(10));
        assert_eq!(rig.hits(), (1, 1), "{kind:?}");
    }
}

#[test]
fn a_toxic_that_comes_back_to_a_connection_knows_nothing_of_what_has_gone() {
    let latency = ToxicKind::Latency {
        latency: 1_000,
        jitter: 0,
    };
    let loss = ToxicKind::Loss {
        share: 1.0,
        stall: 1_000,
    };
    for kind in [latency, loss, ToxicKind::Bandwidth { rate: 0 }] {
        let mut rig = Rig::armed(vec![armed(1, kind.clone(), 0.5)]);
        let until = |rig: &mut Rig, bypassed| {
            while rig.bypassed() != bypassed {
                rig.reroll();
                rig.advance(ms(0));
            }
        };
        until(&mut rig, false);
        rig.feed(b"gone");
        assert!(rig.run(ms(900)).is_empty(), "{kind:?}");
        until(&mut rig, true);
        assert_eq!(rig.run(ms(0))[0].1, b"gone", "{kind:?}");
        until(&mut rig, false);
        rig.feed(b"next");
        assert!(rig.run(ms(999)).is_empty(), "{kind:?}");
        assert_eq!(rig.hits(), (1, 2), "{kind:?}");
    }
}

#[test]
fn a_roll_sticks_to_the_connection_and_an_update_rolls_again() {
    let roll = |connection, roll| {
        let mut toxic = armed(
            1,
            ToxicKind::Latency {
                latency: 1,
                jitter: 0,
            },
            0.5,
        );
        toxic.roll = roll;
        Rig::for_connection(connection, vec![toxic]).bypassed()
    };
    let first: Vec<bool> = (0..100).map(|connection| roll(connection, 0)).collect();
    assert_eq!(
        first,
        (0..100)
            .map(|connection| roll(connection, 0))
            .collect::<Vec<_>>()
    );
    assert_ne!(
        first,
        (0..100)
            .map(|connection| roll(connection, 1))
            .collect::<Vec<_>>()
    );
    assert!((30..70).contains(&first.iter().filter(|passed| **passed).count()));
}

#[test]
fn removing_the_first_of_two_keeps_the_order() {
    let mut rig = Rig::chain(&[
        ToxicKind::Bandwidth { rate: 0 },
        ToxicKind::Latency {
            latency: 20,
            jitter: 0,
        },
    ]);
    rig.feed(b"one");
    rig.run(ms(5));
    rig.feed(b"two");
    rig.remove();
    let out = rig.run(ms(100));
    assert_eq!(
        out.into_iter()
            .flat_map(|(_, bytes)| bytes)
            .collect::<Vec<_>>(),
        b"onetwo"
    );
}

#[test]
fn input_stops_when_full_and_when_it_could_not_come_out() {
    let mut rig = Rig::new(ToxicKind::Bandwidth { rate: 0 });
    let mut fed = 0;
    while rig.wants_input() {
        rig.feed(&[0; 10_000]);
        fed += 10_000;
        assert!(fed <= 300_000, "{fed} bytes taken in");
    }
    let mut rig = Rig::new(ToxicKind::LimitData { bytes: 1 });
    rig.feed(b"xyz");
    rig.run(ms(0));
    assert!(!rig.wants_input());
}

#[test]
fn a_ramp_delays_as_it_says_at_each_moment() {
    let latency = |latency| ToxicKind::Latency { latency, jitter: 0 };
    let toxic = Toxic::new(latency(0), Stream::Downstream).ramping(latency(500), ms(10_000));
    let mut rig = Rig::with(toxic);
    let start = rig.now();
    // One chunk each 100 ms: several lie in the chain at once, each with the delay of when it came.
    let mut out = Vec::new();
    for _ in 0..150 {
        rig.feed(b"x");
        out.extend(rig.run(ms(100)));
    }
    out.extend(rig.run(ms(1_000)));
    for (n, (at, _)) in (0..).zip(&out) {
        let came = 100 * n;
        let took = (*at - start).as_millis() as u64 - came;
        let expected = 500 * came.min(10_000) / 10_000;
        assert!(
            took.abs_diff(expected) <= 2,
            "{took} ms at {came}, not {expected}"
        );
    }
    assert_eq!(out.len(), 150);
}

#[test]
fn a_ramp_reaches_what_waits_for_it() {
    // A line that lets nothing through at first: nothing but the ramp can wake it.
    let line = |rate| ToxicKind::Bandwidth { rate };
    let toxic = Toxic::new(line(0), Stream::Downstream).ramping(line(100), ms(10_000));
    let mut rig = Rig::with(toxic);
    let start = rig.now();
    let mut passed = [0_usize; 12];
    while rig.now() - start < ms(12_000) {
        let second = (rig.now() - start).as_secs() as usize;
        rig.keep_full(100_000);
        passed[second] += rig.run(ms(20)).iter().map(|(_, b)| b.len()).sum::<usize>();
    }
    // In second n the mean rate is 10 n + 5 KB/s, and 100 from the tenth on; the ramp's steps may be late by a little.
    for (second, passed) in passed.into_iter().enumerate() {
        let expected = (10_000 * second + 5_000).min(100_000);
        assert!(
            passed.abs_diff(expected) <= expected / 10 + 500,
            "{passed} B in second {second}"
        );
    }
}

#[test]
fn only_the_clients_that_it_names_are_affected() {
    let reset = ToxicKind::ResetPeer { timeout: 0 };
    for (client, affected) in [("127.0.0.1", true), ("10.1.2.3", false)] {
        let toxic = Toxic::new(reset.clone(), Stream::Downstream);
        let toxic = toxic.only_for(vec![client.parse().unwrap()]);
        let mut rig = Rig::armed(vec![Armed::new(1, toxic, 0, Instant::now())]);
        assert_eq!(rig.bypassed(), !affected);
        rig.feed(b"x");
        rig.run(ms(0));
        assert_eq!(rig.is_reset(), affected, "{client}");
    }
}

/// Any toxic at all, and whether it may keep bytes from coming out.
fn any_kind() -> impl Strategy<Value = ToxicKind> {
    let how = prop_oneof![Just(FailHow::Reset), Just(FailHow::Close)];
    prop_oneof![
        6 => passing(),
        1 => Just(ToxicKind::Bandwidth { rate: 0 }),
        1 => (0..200_u64).prop_map(|timeout| ToxicKind::Timeout { timeout }),
        1 => (0..200_u64).prop_map(|timeout| ToxicKind::ResetPeer { timeout }),
        1 => (0..2_000_u64).prop_map(|bytes| ToxicKind::LimitData { bytes }),
        1 => (0.0..=1.0).prop_map(|share| ToxicKind::Corrupt { share }),
        1 => (0..2_u64, how).prop_map(|(connections, how)| ToxicKind::FailFirst { connections, how }),
    ]
}

#[derive(Clone, Debug)]
enum Step {
    Feed(Vec<u8>),
    Wait(u64),
    Add(ToxicKind, f64, Option<(ToxicKind, u64)>),
    Update(prop::sample::Index, ToxicKind, f64),
    Remove(prop::sample::Index),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let toxicity = || prop_oneof![Just(0.0), Just(0.5), Just(1.0)];
    let ramp = prop::option::of((any_kind(), 1..300_u64));
    let step = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 1..600).prop_map(Step::Feed),
        3 => (0..60_u64).prop_map(Step::Wait),
        2 => (any_kind(), toxicity(), ramp).prop_map(|(kind, share, ramp)| Step::Add(kind, share, ramp)),
        1 => (any::<prop::sample::Index>(), any_kind(), toxicity())
            .prop_map(|(at, kind, share)| Step::Update(at, kind, share)),
        1 => any::<prop::sample::Index>().prop_map(Step::Remove),
    ];
    prop::collection::vec(step, 1..60)
}

fn loses_nothing(kind: &ToxicKind) -> bool {
    match kind {
        ToxicKind::Timeout { .. } | ToxicKind::ResetPeer { .. } | ToxicKind::FailFirst { .. } => {
            false
        }
        ToxicKind::LimitData { bytes } => *bytes == u64::MAX,
        _ => true,
    }
}

proptest! {
    #[test]
    fn whatever_comes_and_goes_what_comes_out_is_what_went_in(steps in steps()) {
        let mut rig = Rig::armed(Vec::new());
        let (mut sent, mut got) = (Vec::new(), Vec::new());
        let (mut whole, mut corrupt) = (true, false);
        for step in steps {
            match step {
                Step::Feed(bytes) if rig.wants_input() => {
                    rig.feed(&bytes);
                    sent.extend(bytes);
                }
                Step::Feed(_) => {}
                Step::Wait(time) => got.extend(rig.run(ms(time))),
                Step::Add(kind, toxicity, ramp) => {
                    let mut toxic = Toxic::new(kind, Stream::Downstream).with_toxicity(toxicity);
                    if let Some((to, over)) = ramp {
                        let ramping = toxic.clone().ramping(to, ms(over));
                        if ramping.validate().is_ok() {
                            toxic = ramping;
                        }
                    }
                    let to = toxic.ramp.as_ref().map_or(&toxic.kind, |ramp| &ramp.to);
                    whole &= loses_nothing(&toxic.kind) && loses_nothing(to);
                    corrupt |= matches!(toxic.kind, ToxicKind::Corrupt { .. });
                    rig.add(toxic);
                }
                Step::Update(at, kind, toxicity) => {
                    if let Some(now) = rig.toxic(at)
                        && now.kind.type_name() == kind.type_name()
                    {
                            whole &= loses_nothing(&kind);
                            rig.set(at, Toxic { kind, toxicity, ramp: None, ..now });
                    }
                }
                Step::Remove(at) => rig.remove_at(at),
            }
        }
        // Nothing stands still for ever once those are gone that may.
        rig.end();
        got.extend(rig.run(ms(0)));
        rig.remove_all();
        got.extend(rig.run(Duration::from_secs(1)));
        let got: Vec<u8> = got.into_iter().flat_map(|(_, bytes)| bytes).collect();
        prop_assert!(got.len() <= sent.len());
        prop_assert!(corrupt || sent.starts_with(&got), "what came out is no beginning of what went in");
        prop_assert!(rig.is_reset() || rig.ended().is_some(), "no end");
        if whole {
            prop_assert_eq!((got.len(), rig.ended()), (sent.len(), Some(End::Eof)));
        }
    }
}

#[test]
fn a_receiver_that_takes_nothing_bounds_what_toxics_leave_behind_as_they_come_and_go() {
    let latency = ToxicKind::Latency {
        latency: 60_000,
        jitter: 0,
    };
    let mut chain = Chain::new(test_key(0), test_entry());
    let (now, mut taken) = (Instant::now(), 0);
    for id in 0..20 {
        chain.apply(&[armed(id, latency.clone(), 1.0)], now);
        while chain.wants_input() {
            chain.inlet().push(Chunk {
                bytes: vec![0; 64 << 10].into(),
                arrived: now,
            });
            taken += 64 << 10;
            chain.pump(now);
        }
        chain.apply(&[], now);
    }
    // What one of them has room for, and little more.
    let room = crate::toxics::inlet_limit(&latency) + (1 << 20);
    assert!(taken < room, "{taken} bytes are held");
}

#[test]
fn a_ramp_wakes_what_nothing_else_would() {
    // At first the line lets nothing through, so the stage itself asks for no time.
    let line = |rate| ToxicKind::Bandwidth { rate };
    let toxic = Toxic::new(line(0), Stream::Downstream).ramping(line(100), ms(1_000));
    let mut rig = Rig::with(toxic);
    let start = rig.now();
    rig.feed(&[1; 1_000]);
    let out = rig.run(ms(60_000));
    let last = out.last().map(|(at, _)| *at - start).unwrap();
    // The 1000 bytes that a line of 100 KB/s × t/s has carried after √0.02 s, by the area under the ramp.
    assert!((ms(130)..=ms(190)).contains(&last), "{last:?}");
}
