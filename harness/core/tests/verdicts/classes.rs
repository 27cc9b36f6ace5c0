//! Each class, each reason, and what is told beside them.

use super::model::{Model, SAME, Shift};
use super::{runs, settings};
use harness_core::verdict::Trust;
use harness_core::verdict::regression::{
    Class, Comparison, Figure, Inputs, Key, Sample, Settings, Why, Window, compare,
};

/// Runs that hardly differ.
const CALM: Model = Model {
    stalls: 0.0,
    wander: 0.02,
    step: 0.03,
    ..Model::usual(300, 0.005)
};

fn some(model: &Model, shift: Shift, numbers: std::ops::Range<u64>) -> Vec<Sample> {
    runs(model, shift, 1, 3, numbers)
}

fn held(candidate: &[Sample], baseline: &[Sample]) -> Comparison {
    let inputs = Inputs {
        candidate,
        baseline,
        ..Inputs::default()
    };
    compare(&inputs, &settings())
}

fn classes(found: &Comparison) -> Vec<&Class> {
    found.figures.iter().map(|f| &f.held.class).collect()
}

fn why(figure: &Figure) -> &Why {
    match &figure.held.class {
        Class::Inconclusive { why, .. } => why,
        class => panic!("{class:?}"),
    }
}

#[test]
fn slower_faster_and_the_same() {
    let baseline = some(&CALM, SAME, 0..1);
    let slower = held(&some(&CALM, Shift::All(0.3), 1..2), &baseline);
    assert_eq!(classes(&slower), [&Class::Regressed; 3]);
    let effect = slower.figures[0].held.effect.as_ref().unwrap();
    let (low, high) = effect.relative_interval();
    assert!(low < 0.3 && 0.3 < high, "{effect:?}");
    assert_eq!(effect.tau.learned_from, None);
    assert!(
        slower
            .notes
            .iter()
            .any(|n| n.contains("assumed to be 2.0 %")),
        "{:?}",
        slower.notes
    );
    let faster = held(&baseline, &some(&CALM, Shift::All(0.3), 1..2));
    assert_eq!(classes(&faster), [&Class::Improved; 3]);
    let same = held(&some(&CALM, SAME, 1..2), &baseline);
    assert_eq!(classes(&same)[..2], [&Class::NoRegression; 2]);
    assert!(
        same.figures
            .iter()
            .all(|f| f.self_test.as_ref().unwrap().caught),
        "{same:?}"
    );
    assert_eq!(held(&some(&CALM, SAME, 1..2), &baseline), same);
}

#[test]
fn what_cannot_be_compared_is_invalid() {
    let (baseline, candidate) = (some(&CALM, SAME, 0..1), some(&CALM, Shift::All(0.3), 1..2));
    let with = |change: fn(&mut Sample)| {
        let mut candidate = candidate.clone();
        change(&mut candidate[0]);
        held(&candidate, &baseline)
    };
    let reason = |found: &Comparison| match classes(found)[0] {
        Class::Invalid { why } => why.join(" "),
        class => panic!("{class:?}"),
    };
    let lagged = with(|s| {
        s.trust = Trust::Invalid;
        s.reasons = vec!["it lagged".to_owned()];
    });
    assert!(
        reason(&lagged).contains("can't be trusted (it lagged)"),
        "{}",
        reason(&lagged)
    );
    assert!(reason(&with(|s| s.workload.push('x'))).contains("workload is another"));
    assert!(reason(&with(|s| s.completed = false)).contains("not played to the end"));
    let machine = |s: &mut Sample| drop(s.machine.insert("cpu".to_owned(), "other".to_owned()));
    assert!(reason(&with(machine)).contains("another machine (cpu"));
    assert_eq!(held(&[], &baseline).invalid, ["there is no candidate"]);
    assert!(reason(&held(&candidate, &[])).contains("no baseline"));
}

/// A target that was too slow to take every arrival hides its slowest answers: a regression is one all the same.
#[test]
fn what_a_slow_target_left_undone_hides_no_regression() {
    let baseline = some(&CALM, SAME, 0..1);
    let mut slower = some(&CALM, Shift::All(0.3), 1..2);
    slower[0].started = slower[0].planned * 9 / 10;
    assert_eq!(classes(&held(&slower, &baseline)), [&Class::Regressed; 3]);
    let mut same = some(&CALM, SAME, 1..2);
    same[0].started = same[0].planned * 9 / 10;
    let found = held(&same, &baseline);
    assert!(
        matches!(classes(&found)[0], Class::Invalid { why } if why[0].contains("10.0 % of the intended"))
    );
    // A baseline that hides its slowest answers is none.
    assert!(matches!(
        classes(&held(&slower, &same))[0],
        Class::Invalid { .. }
    ));
}

#[test]
fn too_little_is_inconclusive_and_says_what_would_do() {
    let short = Model {
        window_s: 1,
        seconds: 25,
        ..CALM
    };
    let found = held(
        &some(&short, Shift::All(0.3), 1..2),
        &some(&short, SAME, 0..1),
    );
    assert!(matches!(why(&found.figures[0]), Why::TooShort { seconds, .. } if *seconds < 30.0));
    let rare = Model { rate: 20.0, ..CALM };
    let found = held(
        &some(&rare, Shift::All(0.3), 1..2),
        &some(&rare, SAME, 0..1),
    );
    assert_eq!(found.figures[0].held.class, Class::Regressed);
    assert!(matches!(
        why(&found.figures[2]),
        Why::TooFewSamples { need: 10_000, .. }
    ));
    let Class::Inconclusive { decide, .. } = &found.figures[2].held.class else {
        panic!()
    };
    assert!(
        decide
            .unwrap()
            .minutes
            .is_some_and(|m| (5.0..15.0).contains(&m)),
        "{decide:?}"
    );
    let mut renamed = some(&CALM, SAME, 1..2);
    let series = renamed[0].names.remove("name-0").unwrap();
    renamed[0].names.insert("other".to_owned(), series);
    let found = held(&renamed, &some(&CALM, SAME, 0..1));
    assert_eq!(
        why(&found.figures[0]),
        &Why::Absent {
            side: "candidate".to_owned()
        }
    );
    assert_eq!(
        why(&found.figures[3]),
        &Why::Absent {
            side: "baseline".to_owned()
        }
    );
}

/// Six per cent slower: neither proven to be below ten nor above.
#[test]
fn what_is_near_the_limit_is_undecided_and_more_runs_would_tell() {
    let found = held(
        &some(&CALM, Shift::All(0.06), 1..2),
        &some(&CALM, SAME, 0..1),
    );
    let Class::Inconclusive {
        why,
        detectable,
        decide,
    } = &found.figures[0].held.class
    else {
        panic!("{found:?}")
    };
    assert_eq!(why, &Why::Undecided);
    assert!(
        detectable.is_some_and(|x| (0.10..0.20).contains(&x)),
        "{detectable:?}"
    );
    assert!(
        decide.is_some_and(|d| d.repeats.is_some_and(|n| n > 1)),
        "{decide:?}"
    );
}

#[test]
fn a_millisecond_is_the_least_that_matters() {
    let quick = Model {
        median_us: 2_000.0,
        ..CALM
    };
    let found = held(
        &some(&quick, Shift::All(0.3), 1..2),
        &some(&quick, SAME, 0..1),
    );
    assert_eq!(found.figures[0].held.class, Class::NoRegression);
    assert!(found.figures[0].held.effect.as_ref().unwrap().floor);
}

#[test]
fn slower_seconds_and_more_stalls_are_told_apart() {
    let usual = Model {
        stalls: 1.0,
        stall_s: 0.8,
        ..CALM
    };
    let baseline = some(&usual, SAME, 0..1);
    let shape = |shift, at: usize| {
        let found = held(&some(&usual, shift, 1..2), &baseline);
        found.figures[at].shape.unwrap()
    };
    let slower = shape(Shift::All(0.4), 0);
    assert!(slower.typical_slower && !slower.more_stalls, "{slower:?}");
    assert!((slower.typical - 1.4f64.ln()).abs() < 0.1, "{slower:?}");
    let stalled = shape(Shift::Stalls(8.0), 2);
    assert!(
        stalled.more_stalls && !stalled.typical_slower,
        "{stalled:?}"
    );
    assert!(stalled.stalls.1 > 2.0 * stalled.stalls.0, "{stalled:?}");
}

#[test]
fn of_many_key_gates_a_weak_one_is_not_kept() {
    // With a τ of 3 % assumed, 11.5 % is just significant: not among ten.
    let names = 10;
    let table = super::model::Table::new();
    let mut shifts = vec![SAME; names];
    shifts[0] = Shift::All(0.115);
    let candidate = [super::model::sample(&CALM, &shifts, &table, 5, 1)];
    let baseline = runs(&CALM, SAME, names, 5, 0..1);
    let settings = Settings {
        tau: 0.03,
        ..settings()
    };
    let of = |keys: &[Key]| {
        let inputs = Inputs {
            candidate: &candidate,
            baseline: &baseline,
            keys,
            ..Inputs::default()
        };
        compare(&inputs, &settings).figures[0].clone()
    };
    let key = |name: usize| Key {
        name: format!("name-{name}"),
        quantile: 0.5,
    };
    let alone = of(&[key(0)]);
    assert_eq!(
        (&alone.held.class, alone.kept),
        (&Class::Regressed, Some(true)),
        "{alone:?}"
    );
    let many = of(&(0..names).map(key).collect::<Vec<_>>());
    assert_eq!(many.kept, Some(false), "{many:?}");
    assert_eq!(why(&many), &Why::OneOfMany { gates: 10 });
}

#[test]
fn a_spread_is_learned_from_five_runs() {
    let noisy = Model {
        spread: 0.06,
        ..CALM
    };
    let found = held(&some(&noisy, SAME, 9..10), &some(&noisy, SAME, 0..5));
    let effect = found.figures[0].held.effect.as_ref().unwrap();
    assert_eq!(effect.tau.learned_from, Some(5));
    assert!((0.02..0.12).contains(&effect.tau.value), "{effect:?}");
    assert_eq!(found.baseline.len(), 5);
}

#[test]
fn history_is_cut_where_its_level_changed() {
    let mut history = some(&CALM, SAME, 0..8);
    history.extend(some(&CALM, Shift::All(0.5), 8..16));
    let of = |shift| {
        let candidate = some(&CALM, shift, 20..21);
        let inputs = Inputs {
            candidate: &candidate,
            baseline: &history[15..],
            history: &history,
            pinned: &history[..1],
            ..Inputs::default()
        };
        compare(&inputs, &settings()).figures[0].clone()
    };
    let same = of(Shift::All(0.5));
    let told = same.history.unwrap();
    assert_eq!((told.runs, told.since.unwrap().as_str()), (8, "run-8"));
    assert_eq!(told.held.class, Class::NoRegression);
    // The release of long ago was faster: a slow drift does not hide.
    assert_eq!(same.pinned.unwrap().class, Class::Regressed);
    let slower = of(Shift::All(0.8));
    assert_eq!(slower.history.unwrap().held.class, Class::Regressed);
}

/// Bursts of errors: a few tell nothing, many do, and none among many requests is proof.
#[test]
fn errors_are_held_against_each_other_by_their_bursts() {
    let with = |number: u64, every: u32| {
        let mut sample = some(&CALM, SAME, number..number + 1).remove(0);
        let burst = |w: &mut Window| {
            let bad = every > 0 && (w.second / 3).is_multiple_of(every);
            w.failed = if bad { w.ended / 10 } else { 0 };
        };
        sample
            .names
            .get_mut("name-0")
            .unwrap()
            .0
            .iter_mut()
            .for_each(burst);
        sample
    };
    let of =
        |candidate: Sample, baseline: Sample| held(&[candidate], &[baseline]).errors[0].clone();
    assert_eq!(of(with(1, 0), with(0, 0)).class, Class::NoRegression);
    let few = of(with(1, 30), with(0, 0));
    assert!(
        matches!(
            few.class,
            Class::Inconclusive {
                why: Why::TooFewEpisodes { .. },
                ..
            }
        ),
        "{few:?}"
    );
    let more = of(with(1, 4), with(0, 0));
    assert_eq!(more.class, Class::Regressed, "{more:?}");
    assert_eq!(of(with(0, 0), with(1, 4)).class, Class::NoRegression);
    let always = of(with(1, 1), with(0, 0));
    assert_eq!(always.class, Class::Regressed, "{always:?}");
}
