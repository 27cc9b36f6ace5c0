//! Planted behaviour is found with its figures, its absence is told as such, and no series makes it panic.

mod recorded;

use super::scene::{Ended, Second};
use super::*;
use crate::hist::Hist;
use proptest::prelude::*;

const SECOND: u64 = 1_000_000;
/// When the planted fault took effect, and when it was lifted.
const EFFECTIVE: u64 = 10 * SECOND;
const LIFTED: u64 = 18 * SECOND;

fn second(at: u64, calls: u64, answers: u64, offered: f64) -> Second {
    Second {
        from_us: at * SECOND,
        to_us: (at + 1) * SECOND,
        calls,
        answers,
        offered,
        abandoned: Hist::default(),
    }
}

/// Ten seconds of `usual` calls and answers at 50 journeys a second, then eight of a fault and ten after it.
fn scene(
    usual: u64,
    during: impl Fn(u64) -> Second,
    after: impl Fn(u64) -> Second,
    clients: [Ended; 2],
) -> Scene {
    Scene {
        link: "orders".into(),
        client: "gateway".into(),
        fault: "slow".into(),
        before: (0..10).map(|at| second(at, usual, usual, 50.0)).collect(),
        during: (10..18).map(during).collect(),
        after: (18..28).map(after).collect(),
        effective_us: EFFECTIVE,
        lifted_us: LIFTED,
        clients,
    }
}

fn quiet(at: u64) -> Second {
    second(at, 50, 50, 50.0)
}

fn shares(before: u64, during: u64) -> [Ended; 2] {
    [(500, before), (400, during)].map(|(ended, well)| Ended {
        ended,
        well,
        unsure: 0,
    })
}

fn figure(conclusion: &Conclusion, figure: Figure) -> Value {
    conclusion.figures[&figure]
}

const AMPLIFICATION: Figure = Figure::OfLink(LinkFigure::Amplification);
const OPENS: Figure = Figure::OfFault(FaultFigure::BreakerOpens);
const CLOSES: Figure = Figure::OfFault(FaultFigure::BreakerCloses);

#[test]
fn planted_retries_are_told_and_none_are_told_as_none() {
    let retried = scene(50, |at| second(at, 150, 0, 50.0), quiet, shares(500, 0));
    let told = amplification::infer(&retried).unwrap();
    assert_eq!(figure(&told, AMPLIFICATION), Value::Is(3.0));
    assert_eq!(told.confidence, Confidence::High);
    assert_eq!(
        told.says,
        "retries: 3.00 times the usual requests on `orders`"
    );
    assert_eq!(
        told.evidence,
        "for each journey that began, `gateway` sent 3.00 requests during it and 1.00 before (150.0/s and 50.0/s at 50.0 and 50.0 journeys/s)"
    );
    let none = scene(50, |at| second(at, 50, 0, 50.0), quiet, shares(500, 0));
    let told = amplification::infer(&none).unwrap();
    assert_eq!(
        told.says,
        "no retries seen on `orders`: 1.00 times the usual requests"
    );
    // Twice the load is no retry.
    let busier = scene(50, |at| second(at, 100, 0, 100.0), quiet, shares(500, 0));
    assert_eq!(
        figure(&amplification::infer(&busier).unwrap(), AMPLIFICATION),
        Value::Is(1.0)
    );
}

#[test]
fn a_storm_is_what_outlives_the_fault_for_three_seconds() {
    let told = |seconds: u64, offered: f64| {
        let after = move |at| {
            if at < 18 + seconds {
                second(at, 100, 20, offered)
            } else {
                quiet(at)
            }
        };
        let scene = scene(50, |at| second(at, 150, 0, 50.0), after, shares(500, 0));
        amplification::infer(&scene).unwrap().says
    };
    assert!(
        told(4, 50.0).ends_with("; a storm went on for 4 s after the lifting"),
        "{}",
        told(4, 50.0)
    );
    assert!(!told(2, 50.0).contains("storm"));
    assert!(!told(4, 20.0).contains("storm"), "the load is not back");
}

#[test]
fn what_sways_by_itself_is_no_retry() {
    let mut swaying = scene(50, |at| second(at, 58, 0, 50.0), quiet, shares(500, 0));
    for (at, s) in swaying.before.iter_mut().enumerate() {
        s.calls = if at % 2 == 0 { 30 } else { 70 };
    }
    let told = amplification::infer(&swaying).unwrap();
    assert!(told.says.starts_with("no retries seen"), "{}", told.says);
}

#[test]
fn a_fault_of_few_seconds_sways_as_those_before() {
    let swaying = |calls: u64, by: u64| {
        let mut scene = scene(50, |at| second(at, calls, 0, 50.0), quiet, shares(500, 0));
        for (at, s) in scene.before.iter_mut().enumerate() {
            s.calls = if at % 2 == 0 { 50 - by } else { 50 + by };
        }
        amplification::infer(&scene).unwrap()
    };
    // Seconds differ by 42 %: three standard errors of the ten before are 40 %, with the eight during 60 %.
    let told = swaying(75, 20);
    assert!(told.says.starts_with("no retries seen"), "{}", told.says);
    assert_eq!(told.confidence, Confidence::Low, "as many may hide in it");
    assert!(told.reasons[3].contains("less than 60 % more"), "{told:?}");
    let told = swaying(50, 10);
    assert_eq!(told.confidence, Confidence::Medium, "{told:?}");
    let told = swaying(50, 2);
    assert_eq!(told.confidence, Confidence::High, "{told:?}");
    let told = swaying(150, 20);
    assert!(told.says.starts_with("retries: 3.00"), "{}", told.says);
    assert_eq!(told.confidence, Confidence::High, "{told:?}");
}

#[test]
fn a_planted_breaker_is_told_with_its_times() {
    // Open from the third second on, tried every second one, closed two seconds after the lifting.
    let during = |at: u64| match at {
        10 | 11 => second(at, 50, 0, 50.0),
        at if at % 2 == 0 => second(at, 1, 0, 50.0),
        at => second(at, 0, 0, 50.0),
    };
    let after = |at| {
        if at < 20 {
            second(at, 1, 1, 50.0)
        } else {
            quiet(at)
        }
    };
    let told = breaker::infer(&scene(50, during, after, shares(500, 0))).unwrap();
    assert_eq!(figure(&told, OPENS), Value::Is(2e6));
    assert_eq!(figure(&told, CLOSES), Value::Is(2e6));
    assert_eq!(
        told.says,
        "a circuit breaker on `orders`: opened 2.00 s after the first effect, tried again about every 2 s, closed 2.00 s after the lifting"
    );
    assert_eq!(told.confidence, Confidence::High);
    let never = |at| second(at, 0, 0, 50.0);
    let stuck = breaker::infer(&scene(50, during, never, shares(500, 0))).unwrap();
    assert_eq!(figure(&stuck, CLOSES), Value::AtLeast(10e6));
}

#[test]
fn calls_that_go_on_are_no_breaker() {
    let told = breaker::infer(&scene(
        50,
        |at| second(at, 40, 0, 50.0),
        quiet,
        shares(500, 0),
    ));
    let told = told.unwrap();
    assert_eq!(told.says, "no circuit breaker seen on `orders`");
    assert_eq!(figure(&told, OPENS), Value::AtLeast(8e6));
    assert!(!told.figures.contains_key(&CLOSES));
    // Of a fault that is over before a breaker had its turn, and of calls that fell by half, nothing can be said.
    let mut short = scene(
        50,
        |at| second(at, if at == 10 { 30 } else { 2 }, 0, 50.0),
        quiet,
        shares(500, 0),
    );
    short.during.truncate(2);
    assert!(breaker::infer(&short).is_err());
    let fewer = scene(50, |at| second(at, 20, 0, 50.0), quiet, shares(500, 0));
    assert!(breaker::infer(&fewer).is_err());
    // A link that is down shows nothing, and neither does a breaker that is open all along.
    let down = breaker::infer(&scene(
        50,
        |at| second(at, 0, 0, 50.0),
        quiet,
        shares(500, 0),
    ));
    assert!(down.is_err());
}

#[test]
fn users_who_are_stuck_are_no_breaker() {
    // A closed model: all users wait for what they asked for in the first second.
    let stuck = |at| match at {
        10 => second(at, 50, 0, 50.0),
        at => second(at, 0, 0, 0.0),
    };
    let told = breaker::infer(&scene(50, stuck, quiet, shares(500, 0)));
    assert_eq!(
        told.unwrap_err(),
        "at least half of the usual load was offered in 1 of 8 seconds of `slow`: too few"
    );
    // Seconds without load say nothing: neither of one that opens, nor of one that closes.
    let pausing = |at| match at {
        10 | 12 => second(at, 50, 0, 50.0),
        11 | 13..15 => second(at, 0, 0, 0.0),
        at => second(at, 0, 0, 50.0),
    };
    let none = |at| second(at, 1, 1, 1.0);
    let told = breaker::infer(&scene(50, pausing, none, shares(500, 0))).unwrap();
    assert_eq!(figure(&told, OPENS), Value::Is(5e6));
    assert!(!told.figures.contains_key(&CLOSES), "{told:?}");
    assert!(
        told.says.ends_with("to tell when it closed"),
        "{}",
        told.says
    );
    // What was not looked at to the end did not fail to open to the end.
    let early = |at| match at {
        10..14 => second(at, 50, 0, 50.0),
        at => second(at, 0, 0, 0.0),
    };
    let told = breaker::infer(&scene(50, early, quiet, shares(500, 0))).unwrap();
    assert_eq!(figure(&told, OPENS), Value::AtLeast(4e6));
}

#[test]
fn a_fallback_shows_in_what_clients_got_without_answers() {
    let silent = |clients| scene(50, |at| second(at, 50, 0, 50.0), quiet, clients);
    let share = |value: f64| (Figure::OfFault(FaultFigure::Fallback), Value::Is(value));
    let served = fallback::infer(&silent(shares(500, 400))).unwrap();
    assert_eq!(served.figures, [share(1.0)].into());
    assert_eq!(
        served.says,
        "served without `orders`: a cache, a fallback, or work done later"
    );
    assert_eq!(served.confidence, Confidence::High);
    let mut open = shares(500, 370);
    open[1].unsure = 30;
    let why = fallback::infer(&silent(open)).unwrap_err();
    assert!(
        why.starts_with("of 30 of 400 journeys it is not known"),
        "{why}"
    );
    let failed = fallback::infer(&silent(shares(500, 20))).unwrap();
    assert_eq!(failed.figures, [share(0.05)].into());
    assert_eq!(failed.says, "no cache or fallback for `orders`");
    // Of a link that still answers nothing can be told.
    let answering = scene(50, |at| second(at, 50, 45, 50.0), quiet, shares(500, 400));
    let why = fallback::infer(&answering).unwrap_err();
    assert_eq!(
        why,
        "`orders` still gave 90 % of its usual answers: nothing had to be done without it"
    );
}

#[test]
fn the_wait_that_most_gave_up_after_is_the_time_out() {
    let waits = |counts: &[(u64, u64)]| {
        let mut scene = scene(50, |at| second(at, 12, 0, 50.0), quiet, shares(500, 0));
        scene.during[3].abandoned = Hist::from_counts(counts.iter().copied());
        time_out::infer(&scene)
    };
    let told = waits(&[
        (20_000, 3),
        (998_000, 30),
        (1_002_000, 40),
        (1_010_000, 10),
        (3_000_000, 5),
    ])
    .unwrap();
    let Value::Is(us) = figure(&told, Figure::OfLink(LinkFigure::GivesUp)) else {
        panic!("{told:?}")
    };
    assert!((us - 1e6).abs() < 20_000.0, "{us}");
    assert_eq!(told.confidence, Confidence::High);
    assert!(
        told.says
            .starts_with("`gateway` gives up on `orders` after 1.0"),
        "{}",
        told.says
    );
    let spread = waits(&(1..40).map(|n| (n * 50_000, 1)).collect::<Vec<_>>()).unwrap();
    assert_eq!(spread.confidence, Confidence::Low);
    assert!(waits(&[(1_000_000, 4)]).is_err());
    let few = waits(&[(1_000_000, 12)]);
    assert!(few.is_err(), "twelve of 96 say nothing of the rest");
}

fn any_second() -> impl Strategy<Value = Second> {
    let number = prop_oneof![Just(0u64), 0u64..2000, Just(u64::MAX / 1_000_000)];
    let offered = prop_oneof![Just(0.0), 0.0..2000.0, Just(u64::MAX as f64)];
    let waits = prop::collection::vec((0u64..u64::MAX / 2, 0u64..100), 0..4);
    let (from, length) = (0u64..u64::MAX / 4, 0u64..u64::MAX / 4);
    (from, length, number.clone(), number, offered, waits).prop_map(
        |(from_us, length, calls, answers, offered, waits)| Second {
            from_us,
            to_us: from_us + length,
            calls,
            answers,
            offered,
            abandoned: Hist::from_counts(waits),
        },
    )
}

proptest! {
    #[test]
    fn no_series_makes_it_panic_or_say_what_is_no_number(
        before in prop::collection::vec(any_second(), 0..8),
        during in prop::collection::vec(any_second(), 0..8),
        after in prop::collection::vec(any_second(), 0..8),
        effective_us in any::<u64>(),
        lifted_us in any::<u64>(),
        (ended, well) in (0u64..1000, 0u64..1000),
    ) {
        let ended = Ended { ended, well: well.min(ended), unsure: 0 };
        let scene = Scene { link: "l".into(), client: String::new(), fault: "f".into(), before, during, after, effective_us, lifted_us, clients: [ended; 2] };
        for infer in [amplification::infer, breaker::infer, fallback::infer, time_out::infer] {
            if let Ok(told) = infer(&scene) {
                for value in told.figures.values() {
                    let (Value::Is(value) | Value::AtLeast(value)) = value;
                    prop_assert!(value.is_finite() && *value >= 0.0, "{told:?}");
                }
            }
        }
    }

    #[test]
    fn a_planted_factor_is_found(factor in 1u64..12, usual in 20u64..200) {
        let planted = scene(usual, |at| second(at, usual * factor, 0, 50.0), quiet, shares(500, 0));
        let told = amplification::infer(&planted).unwrap();
        let Value::Is(found) = told.figures[&AMPLIFICATION] else { panic!("{told:?}") };
        prop_assert!((found - factor as f64).abs() < 1e-9);
        prop_assert_eq!(told.says.starts_with("retries"), factor > 1, "{}", told.says);
    }

    #[test]
    fn a_planted_opening_is_found(opens in 0u64..6, closes in 0u64..9) {
        prop_assume!(opens > 0);
        let during = |at| second(at, if at < 10 + opens { 50 } else { 0 }, 0, 50.0);
        let after = |at| second(at, if at < 18 + closes { 0 } else { 50 }, 0, 50.0);
        let told = breaker::infer(&scene(50, during, after, shares(500, 0))).unwrap();
        prop_assert_eq!(told.figures[&OPENS], Value::Is((opens * SECOND) as f64));
        prop_assert_eq!(told.figures[&CLOSES], Value::Is((closes * SECOND) as f64));
    }
}
