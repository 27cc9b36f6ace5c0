//! Gates read as written and print what reads back; mistakes are told with their place, and no text panics.

use super::*;
use proptest::prelude::*;

#[test]
fn gates_read_as_written() {
    for text in [
        "p99(checkout) < 2s",
        "p99.9(checkout/place the order) <= 300ms",
        "error_rate < 0.1%",
        "recovery < 5s",
        "recovery(provider is slow) < 5s",
        "rate >= 950/s",
        "lost < 1",
        "lost(checkout/pay it) <= 3",
        "rate_missed < 5%",
        "service_p50 < 10ms",
        "mean > 1us",
        "availability(browse) >= 99.9%",
        "max < 1m30s",
        "probe.cache_hit_rate > 80%",
        "probe.a-b.c <= -2.5",
        "probe.orders >= 5/s",
        "probe.wait < 250ms",
        "probe.memory < 64MiB",
        "probe.backlog < 100 orders",
        "effect(p95(checkout)) < 2 x",
        "effect(rate) >= 0.9 x",
        "headroom(provider is slow) >= 180ms",
        "headroom(thin) <= 64000 B/s",
        "headroom(lossy) > 2%",
        "effect(error_rate(checkout/pay it)) < 5%",
        "regression(p95(checkout)) < 10%",
        "regression(p99.9(checkout/pay it)) <= 2.5%",
        "regression(p50) < 5%",
    ] {
        assert_eq!(text.parse::<GateExpr>().unwrap().to_string(), text);
    }
    let gate: GateExpr = "p99 < 2s".parse().unwrap();
    assert!(gate.holds(1_999_999.0) && !gate.holds(2_000_000.0));
}

#[test]
fn mistakes_are_told_with_their_place() {
    let mistake = |text: &str| {
        let error = text.parse::<GateExpr>().unwrap_err();
        (text[error.span].to_owned(), error.hint.unwrap_or_default())
    };
    assert_eq!(
        mistake("eror_rate < 1%"),
        ("eror_rate".into(), "did you mean `error_rate`?".into())
    );
    assert_eq!(mistake("p99(checkout) < 5%").0, "5%");
    assert!(mistake("p99 < 5").1.contains("a duration"));
    assert_eq!(mistake("p101 < 5s").0, "p101");
    assert_eq!(mistake("p99 = 5s").0, "= 5s");
    assert_eq!(mistake("rate_missed(browse) < 5%").0, "browse");
    assert_eq!(mistake("lost < 1%").0, "1%");
    assert_eq!(mistake("p99(checkout < 5s").0, "(checkout < 5s");
    assert_eq!(mistake("p99 < 5s or so").0, "or so");
    assert_eq!(mistake("p99(../x) < 5s").0, "../x");
    assert_eq!(mistake("prob < 5s").1, "did you mean `probe`?");
    assert_eq!(mistake("probe < 5s").0, "probe");
    assert_eq!(mistake("effect < 2x").0, "effect");
    assert_eq!(mistake("effect(p95 < 2x").0, "(p95 < 2x");
    assert_eq!(mistake("effect(recovery) < 2x").0, "recovery");
    assert_eq!(mistake("effect( effect(p95)) < 2x").0, "effect");
    assert_eq!(mistake(&"effect(".repeat(200_000)).0, "effect");
    assert_eq!(mistake("regression < 10%").0, "regression");
    assert_eq!(mistake("regression(mean) < 10%").0, "mean");
    assert_eq!(mistake("regression(p100) < 10%").0, "p100");
    assert_eq!(mistake("regression(error_rate) < 10%").0, "error_rate");
    assert_eq!(mistake("regression(p95) > 10%").0, ">");
    assert_eq!(mistake("regression(p95) < 0%").0, "0%");
    assert_eq!(mistake("regression(p95) < 10ms").0, "10ms");
    assert_eq!(mistake("regression(effect(p95)) < 10%").0, "effect");
    assert_eq!(mistake("effect(regression(p95)) < 2x").0, "regression");
    assert_eq!(mistake(&"regression(effect(".repeat(99_999)).0, "effect");
    assert_eq!(mistake("effect(p95) < 20ms").0, "20ms");
    assert_eq!(mistake("effect(error_rate) < 2x").0, "2x");
    assert_eq!(mistake("probe. < 5s").0, "probe.");
    assert_eq!(mistake("probe.x < five").0, "five");
    assert_eq!(mistake("probe.x < 5 / 2").0, "5 / 2");
    assert!("".parse::<GateExpr>().is_err() && "p99 <".parse::<GateExpr>().is_err());
}

fn gates() -> impl Strategy<Value = GateExpr> {
    let name = prop::option::of(
        "[a-z][a-z0-9-]{0,8}(/[a-z ]{1,10}[a-z])?".prop_map(|n| RequestName::parse(&n).unwrap()),
    );
    let stat = prop_oneof![
        (0u32..=10_000)
            .prop_map(|q| Stat::Quantile(Quantile::of_one(f64::from(q) / 10_000.0).unwrap())),
        Just(Stat::Mean),
        Just(Stat::Max)
    ];
    let unit = prop_oneof![
        Just(Unit::Share),
        Just(Unit::PerSecond),
        Just(Unit::Seconds),
        Just(Unit::Bytes),
        Just(Unit::Plain),
        Just(Unit::Named("orders".into())),
    ];
    let subject = (0usize..18, name, stat, unit).prop_map(|(kind, name, stat, unit)| match kind {
        0 => GateSubject::Latency { stat, name },
        1 => GateSubject::Service { stat, name },
        2 => GateSubject::Rate(name),
        3 => GateSubject::ErrorRate(name),
        4 => GateSubject::Availability(name),
        5 => GateSubject::Dropped(name),
        6 => GateSubject::RateMissed,
        7 => GateSubject::Probe {
            name: "cache.hit_rate-2".parse().unwrap(),
            unit,
        },
        8 => GateSubject::OfLink {
            figure: LinkFigure::Amplification,
            link: name.map(|n| n.as_str().to_owned()),
        },
        9 => GateSubject::Lost(name),
        17 => GateSubject::Regression {
            quantile: Quantile::of_one(0.95).unwrap(),
            name,
        },
        kind => GateSubject::OfFault {
            figure: FaultFigure::ALL[kind - 10],
            fault: name.map(|n| n.as_str().to_owned()),
        },
    });
    let op = prop::sample::select(vec![
        Comparison::Less,
        Comparison::AtMost,
        Comparison::Greater,
        Comparison::AtLeast,
    ]);
    (subject, op, 1u32..1_000_000).prop_map(|(subject, op, n)| {
        let op = match (&subject, op) {
            (GateSubject::Regression { .. }, Comparison::Greater) => Comparison::Less,
            (GateSubject::Regression { .. }, Comparison::AtLeast) => Comparison::AtMost,
            (_, op) => op,
        };
        let limit = match subject.unit() {
            Unit::Micros => f64::from(n),
            Unit::Share => f64::from(n) / 1_000_000.0,
            Unit::Seconds => f64::from(n) / 1000.0,
            _ => f64::from(n) / 8.0,
        };
        GateExpr { subject, op, limit }
    })
}

proptest! {
    #[test]
    fn what_is_printed_reads_back(gate in gates()) {
        let text = gate.to_string();
        let back: GateExpr = text.parse().unwrap();
        prop_assert_eq!(&back.subject, &gate.subject);
        prop_assert!((back.limit - gate.limit).abs() <= gate.limit * 1e-9, "{} for {}", back.limit, gate.limit);
        prop_assert_eq!(back.to_string(), text);
    }

    #[test]
    fn no_text_panics(text in "(p99|error_rate|rate|recovery)?[ -~é]{0,30}") {
        if let Err(error) = text.parse::<GateExpr>() {
            prop_assert!(text.get(error.span.clone()).is_some(), "{:?} lies outside {text:?}", error.span);
        }
    }
}
