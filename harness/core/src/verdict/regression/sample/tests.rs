//! What a sample takes from a record, and what of a written one is refused.

use super::*;
use crate::record::testing::{Stream, plan};

/// 60 s of which second 10 to 15 has a fault.
fn record() -> Record {
    Stream::new(plan(60, Vec::new()))
        .peak()
        .load(0..10, 0, 2_000)
        .epoch(1, 10, &["slow link"], &[])
        .load(10..15, 1, 90_000)
        .epoch(2, 15, &[], &[])
        .load(15..60, 2, 3_000)
        .done(60)
}

#[test]
fn a_phase_of_a_scenario_is_kept_with_what_it_depends_on() {
    let record = record();
    let sample = Sample::of(&record, "peak", &During::Undisturbed).unwrap();
    assert_eq!((sample.window_s, sample.schedule_s), (1, 60.0));
    assert!(sample.completed && sample.planned > 0);
    assert!((sample.seconds - 55.0).abs() < 1.5, "{}", sample.seconds);
    let all = &sample.names[ALL].0;
    assert_eq!(all.len(), 55);
    assert!(all.iter().all(|w| !(10..15).contains(&w.second)), "{all:?}");
    let fault = Sample::of(&record, "peak", &During::Fault("slow link".into())).unwrap();
    assert_eq!(fault.names[ALL].0.len(), 5);
    assert_eq!(fault.workload, sample.workload);
    assert_eq!(Sample::of(&record, "other", &During::Undisturbed), None);
    assert_eq!(
        Sample::of(&Record::default(), "peak", &During::Undisturbed),
        None
    );
}

#[test]
fn a_written_sample_reads_back_and_a_damaged_one_does_not() {
    let sample = Sample::of(&record(), "peak", &During::Undisturbed).unwrap();
    let text = serde_json::to_string(&sample).unwrap();
    assert_eq!(serde_json::from_str::<Sample>(&text).unwrap(), sample);
    let refused = |text: &str| {
        serde_json::from_str::<Sample>(text)
            .unwrap_err()
            .to_string()
    };
    let newer = text.replace("\"format\":1", "\"format\":2");
    assert!(
        refused(&newer).contains("format 2 can't be read"),
        "{}",
        refused(&newer)
    );
    let series = serde_json::to_string(&sample.names[ALL]).unwrap();
    let short = format!("{}\"", &series[..9]);
    let error = serde_json::from_str::<Series>(&short)
        .unwrap_err()
        .to_string();
    assert!(error.contains("in the middle of a number"), "{error}");
    let error = serde_json::from_str::<Series>("\"**\"")
        .unwrap_err()
        .to_string();
    assert!(error.contains("not base64"), "{error}");
    let many = Series(vec![Window::default(); 2 * MAX_WINDOWS as usize + 1]);
    let many = serde_json::to_string(&many).unwrap();
    let error = serde_json::from_str::<Series>(&many)
        .unwrap_err()
        .to_string();
    assert!(error.contains("241 of them"), "{error}");
}

/// What a machine with another scenario beside it plays is the same measurement; a journey changed is not.
#[test]
fn the_digest_is_of_one_scenario() {
    let one = plan(60, Vec::new());
    let mut two = one.clone();
    let mut other = two.scenarios[0].clone();
    other.name = "other".parse().unwrap();
    two.scenarios.push(other);
    let peak = &one.scenarios[0].name;
    assert_eq!(one.scenario_digest(peak), two.scenario_digest(peak));
    let digests = [&one, &two].map(|plan| plan.clone().digested().workload_digest);
    assert_ne!(digests[0], digests[1]);
    assert_ne!(
        one.scenario_digest(peak),
        two.scenario_digest(&two.scenarios[1].name)
    );
    assert_ne!(
        one.scenario_digest(peak),
        plan(61, Vec::new()).scenario_digest(peak)
    );
}

#[test]
fn windows_are_as_long_as_the_schedule_asks() {
    let of = |seconds| {
        let record = Stream::new(plan(seconds, Vec::new())).peak().done(1);
        window_s(&record.scenarios[0])
    };
    assert_eq!([60, 120, 121, 300, 600, 3600].map(of), [1, 1, 2, 3, 5, 30]);
}
