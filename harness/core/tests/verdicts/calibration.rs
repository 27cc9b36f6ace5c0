//! A calibration against brute force: each number once more from the samples, by another way; what fits it and what does not;
//! and what its τ does to a verdict.

use super::model::{Model, SAME, Shift};
use super::{runs, settings};
use harness_core::stats::{normal, student};
use harness_core::verdict::regression::{
    Calibration, Class, Comparison, Estimate, Inputs, Sample, Settings, Uncalibrated, compare,
    fitting,
};

/// Runs that differ by 4 %, with few stalls.
const NOISY: Model = Model {
    stalls: 0.0,
    wander: 0.02,
    step: 0.03,
    window_s: 5,
    ..Model::usual(300, 0.04)
};

fn some(numbers: std::ops::Range<u64>) -> Vec<Sample> {
    runs(&NOISY, SAME, 2, 9, numbers)
}

fn calibrated(samples: &[Sample]) -> Calibration {
    Calibration::of(samples, &settings()).unwrap()
}

fn near(got: f64, want: f64) {
    assert!((got - want).abs() < 2e-6, "{got} is not {want}");
}

#[test]
fn every_number_is_what_brute_force_says() {
    let samples = some(0..5);
    let calibration = calibrated(&samples);
    let estimates: Vec<Estimate> = samples
        .iter()
        .map(|s| Estimate::of(s, &settings()))
        .collect();
    assert_eq!(calibration.runs.len(), 5);
    assert_eq!(calibration.names.len(), estimates[0].names.len());
    let t = student::quantile(0.975, 4.0);
    for (name, figures) in &calibration.names {
        assert_eq!(figures.len(), 3, "{name}");
        for (at, figure) in figures.iter().enumerate() {
            let lns = estimates.iter().map(|e| e.names[name].quantiles[at].ln);
            let lns: Vec<f64> = lns.collect();
            let mean = lns.iter().sum::<f64>() / 5.0;
            let squares: f64 = lns.iter().map(|ln| (ln - mean) * (ln - mean)).sum();
            let tau = (squares / 4.0).sqrt();
            near(figure.spread.deviation, tau);
            // √(4 / 11.1433) and √(4 / 0.484419): table 26.8 of Abramowitz and Stegun.
            assert!(
                (figure.interval.0 / tau - 0.599_1).abs() < 1e-3,
                "{figure:?}"
            );
            assert!(
                (figure.interval.1 / tau - 2.873_6).abs() < 1e-3,
                "{figure:?}"
            );
            assert!((figure.us / mean.exp() - 1.0).abs() < 1e-3, "{figure:?}");
            let within = estimates.iter().map(|e| {
                let one = e.names[name].quantiles[at];
                f64::midpoint(one.se_low.powi(2), one.se_high.powi(2))
            });
            let within = (within.sum::<f64>() / 5.0).sqrt();
            near(figure.spread.within, within);
            // What is visible is found four times in five.
            for (visible, n) in figure.visible.iter().zip([1.0, 3.0]) {
                assert_eq!(f64::from(visible.runs), n);
                let se = (2.0 * tau.max(within).max(0.005).powi(2) / n).sqrt();
                let found = normal::above(t - visible.share.ln_1p() / se);
                assert!((found - 0.8).abs() < 1e-3, "{found}: {figure:?}");
            }
        }
    }
}

/// Each pair by the whole comparison: without a calibration, and with one of the three runs that are in neither side.
#[test]
fn false_alarms_are_those_of_whole_comparisons() {
    // A δ and a τ at which there are some.
    let settings = Settings {
        delta: 0.01,
        tau: 0.002,
        ..settings()
    };
    let samples = some(20..25);
    let calibration = Calibration::of(&samples, &settings).unwrap();
    let lenient = Settings {
        tau_runs: 3,
        ..settings.clone()
    };
    let (mut assumed, mut learned) = (0, 0);
    for i in 0..5 {
        for j in (0..5).filter(|j| *j != i) {
            let rest = (0..5).filter(|k| *k != i && *k != j);
            let rest: Vec<Sample> = rest.map(|k| samples[k].clone()).collect();
            let three = Calibration::of(&rest, &lenient).unwrap();
            let held = |calibration, settings| {
                let inputs = Inputs {
                    candidate: &samples[i..=i],
                    baseline: &samples[j..=j],
                    calibration,
                    ..Inputs::default()
                };
                let figures = compare(&inputs, settings).figures;
                let alarms = figures.iter().filter(|f| f.held.class == Class::Regressed);
                alarms.count() as u32
            };
            assumed += held(None, &settings);
            learned += held(Some(&three), &lenient);
        }
    }
    let all = calibration.names.values().flatten();
    let (by_learned, by_assumed) = Calibration::alarms(all);
    assert_eq!(by_assumed.alarms, assumed);
    assert_eq!(by_learned.unwrap().alarms, learned);
    assert!(assumed > 0 && learned < assumed, "{assumed} {learned}");
    let figures = calibration.names.values().map(Vec::len).sum::<usize>();
    assert_eq!(by_assumed.pairs as usize, 20 * figures);
    let (low, high) = by_assumed.interval;
    let share = f64::from(assumed) / f64::from(by_assumed.pairs);
    assert!(low < share && share < high, "{by_assumed:?}");
}

/// A deviation that is drawn from calibration after calibration lies in their intervals as often as they say.
#[test]
fn its_interval_holds_the_true_spread() {
    let held = (0..12u64)
        .filter(|n| {
            let samples = runs(&NOISY, SAME, 1, 30 + n, 0..5);
            let figure = &calibrated(&samples).names["name-0"][0];
            // What differs within is small beside it.
            figure.interval.0 < 0.041 && 0.04 < figure.interval.1
        })
        .count();
    assert!(held >= 10, "{held} of 12");
}

#[test]
fn what_cannot_be_used_is_left_out_by_name_and_two_are_too_few() {
    let mut samples = some(0..5);
    samples[1].completed = false;
    samples[2].commit = Some("other".to_owned());
    let calibration = calibrated(&samples);
    assert_eq!(calibration.runs.len(), 3);
    let [cut, built] = calibration.left_out.as_slice() else {
        panic!("{:?}", calibration.left_out)
    };
    assert!(
        cut.contains(samples[1].run.as_str()) && cut.contains("not played to the end"),
        "{cut}"
    );
    assert!(built.contains("another commit"), "{built}");
    // Of three no pair leaves three others.
    let figure = &calibration.names["name-0"][0];
    assert_eq!((figure.learned, figure.assumed.pairs), (None, 6));
    samples[3].workload.push('x');
    let too_few = Calibration::of(&samples, &settings()).unwrap_err();
    assert!(
        matches!(&too_few, Uncalibrated::TooFew { good: 2, of: 5, left_out } if left_out.len() == 3),
        "{too_few:?}"
    );
    assert!(
        too_few
            .to_string()
            .contains("2 can be used of 5, at least 3 are needed"),
        "{too_few}"
    );
    assert!(Calibration::of(&[], &settings()).is_err());
}

/// Half a minute has too few responses for a p99: what was not compared is no rate of 0.
#[test]
fn of_too_little_no_false_alarms_are_told() {
    let short = Model {
        seconds: 40,
        rate: 100.0,
        window_s: 1,
        ..NOISY
    };
    let calibration = calibrated(&runs(&short, SAME, 1, 9, 0..3));
    let tail = &calibration.names["name-0"][2];
    assert_eq!((tail.assumed.pairs, tail.assumed.interval), (0, (0.0, 1.0)));
}

#[test]
fn it_is_written_and_read_alike_and_other_formats_are_refused() {
    let calibration = calibrated(&some(0..5));
    let text = serde_json::to_string(&calibration).unwrap();
    let read: Calibration = serde_json::from_str(&text).unwrap();
    assert_eq!(read, calibration);
    assert_eq!(calibrated(&some(0..5)), calibration);
    let newer = text.replacen("\"format\":1", "\"format\":2", 1);
    let refused = serde_json::from_str::<Calibration>(&newer).unwrap_err();
    assert!(
        refused.to_string().contains("a newer harness wrote it"),
        "{refused}"
    );
}

#[test]
fn the_newest_that_fits_is_taken_and_others_say_why_not() {
    let samples = some(0..5);
    let conditions = samples[0].conditions();
    let old = calibrated(&samples);
    let newer = Calibration {
        day: "2099-01-01".parse().unwrap(),
        ..old.clone()
    };
    let mut machine = newer.clone();
    machine
        .conditions
        .machine
        .insert("cores".to_owned(), "96".to_owned());
    let mut workload = newer.clone();
    workload.conditions.workload.push('x');
    let few = calibrated(&samples[..4]);
    let mut elsewhere = newer.clone();
    elsewhere.conditions.scenario = "elsewhere".parse().unwrap();
    let all = [machine, workload, few, elsewhere];
    let (none, why) = fitting(&all, &conditions, &settings());
    assert_eq!(none, None);
    let [machine, workload, few] = why.as_slice() else {
        panic!("{why:?}")
    };
    assert!(machine.contains("cores: 96, here unknown"), "{machine}");
    assert!(workload.contains("workload is another one"), "{workload}");
    assert!(
        few.contains("4 runs are too few to go by, 5 are needed"),
        "{few}"
    );
    let all = [old, newer.clone(), all[0].clone()];
    let (fits, why) = fitting(&all, &conditions, &settings());
    assert_eq!((fits, why), (Some(&newer), Vec::new()));
    assert_ne!(all[2].file_name(), newer.file_name());
}

fn held(
    candidate: &[Sample],
    baseline: &[Sample],
    calibration: Option<&Calibration>,
) -> Comparison {
    let inputs = Inputs {
        candidate,
        baseline,
        calibration,
        ..Inputs::default()
    };
    compare(&inputs, &settings())
}

/// 11 % are more than a τ of 2 % allows, and not more than that of the environment.
#[test]
fn its_spread_changes_a_verdict_and_is_said() {
    let wide = Model {
        spread: 0.06,
        ..NOISY
    };
    let calibration = calibrated(&runs(&wide, SAME, 2, 9, 0..5));
    let baseline = &some(5..6);
    let candidate = &runs(&NOISY, Shift::All(0.13), 2, 9, 6..7);
    let alone = held(candidate, baseline, None);
    let by_it = held(candidate, baseline, Some(&calibration));
    let (one, two) = (&alone.figures[0].held, &by_it.figures[0].held);
    assert_eq!(one.class, Class::Regressed, "{one:?}");
    assert!(matches!(two.class, Class::Inconclusive { .. }), "{two:?}");
    let tau = two.effect.as_ref().unwrap().tau;
    let spread = calibration.names["name-0"][0].spread;
    assert_eq!((tau.value, tau.learned_from), (spread.deviation, Some(5)));
    assert!(tau.calibrated && !one.effect.as_ref().unwrap().tau.calibrated);
    assert_eq!(alone.calibration, None);
    assert_eq!(by_it.calibration.as_ref().unwrap().runs.len(), 5);
    let said = |found: &Comparison, words: &str| found.notes.iter().any(|n| n.contains(words));
    assert!(said(&alone, "assumed to be 2.0 %"), "{:?}", alone.notes);
    assert!(!said(&by_it, "assumed"), "{:?}", by_it.notes);
    let words = format!("is from {}", calibration.spoken());
    assert!(said(&by_it, &words), "{:?}", by_it.notes);
    // δ is below what one run against one can tell here: the noise floor.
    let effect = two.effect.as_ref().unwrap();
    let visible = calibration.names["name-0"][0].visible[0].share;
    assert!(
        (effect.noise_floor.exp_m1() - visible).abs() < 0.02,
        "{effect:?}"
    );
    assert!(effect.noise_floor > effect.margin, "{effect:?}");
    // Five runs of its own tell more of this baseline than any calibration.
    let own = held(candidate, &some(10..15), Some(&calibration));
    let tau = own.figures[0].held.effect.as_ref().unwrap().tau;
    assert!(!tau.calibrated && tau.learned_from == Some(5), "{tau:?}");
    assert_eq!(own.calibration, None);
}
