//! What a baseline file holds, which runs a candidate is held against, and what is not fit to be one.

use super::*;
use crate::record::testing::{Stream, plan};

fn record(seconds: u32) -> Record {
    Stream::new(plan(seconds.into(), Vec::new()))
        .peak()
        .load(0..seconds, 0, 2_000)
        .done(seconds)
}

fn sample(record: &Record) -> Sample {
    Sample::of(record, "peak", &During::Undisturbed).unwrap()
}

fn accepted(run: &str, change: impl FnOnce(&mut Accepted)) -> Accepted {
    let mut one = Accepted {
        release: None,
        pinned: None,
        sample: sample(&record(60)),
    };
    one.sample.run = run.parse().unwrap();
    change(&mut one);
    one
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

#[test]
fn a_file_reads_back_and_a_damaged_or_newer_one_is_refused_by_reason() {
    let one = accepted("a", |one| one.release = Some(name("1.4.0")));
    let bytes = one.to_bytes();
    assert_eq!(Accepted::from_bytes(&bytes).as_ref(), Ok(&one));
    assert_eq!(bytes, one.to_bytes());
    let refused = |bytes: &[u8]| Accepted::from_bytes(bytes).unwrap_err().to_string();
    let text = |from: &str, to: &str| {
        let end = bytes.iter().position(|b| *b == b'\n').unwrap();
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        assert!(head.contains(from), "{head}");
        [head.replacen(from, to, 1).as_bytes(), &bytes[end..]].concat()
    };
    assert_eq!(
        refused(&text("\"format\":1", "\"format\":2")),
        "it has baseline format 2, this harness reads 1"
    );
    assert!(refused(&text("\"seed\"", "\"sede\"")).starts_with("its head can't be read"));
    assert_eq!(refused(b"hello"), "it is no baseline");
    assert_eq!(refused(b"{}\n"), "it is no baseline");
    let cut = refused(&bytes[..bytes.len() - 1]);
    assert!(cut.contains("they end in the middle of a number"), "{cut}");
    let more = refused(&[&bytes[..], &[0]].concat());
    assert_eq!(more, "there is something behind its windows");
}

#[test]
fn those_of_the_same_workload_and_machine_fit_and_of_others_it_is_told_why() {
    let own = accepted("20260101", |_| {});
    let here = own.sample.conditions();
    let candidate: RunId = "20260103".parse().unwrap();
    let elsewhere = accepted("20260102", |one| {
        one.sample.machine.insert("cpu".into(), "other".into());
    });
    let changed = accepted("20260102", |one| one.sample.workload = "other".into());
    let itself = accepted("20260103", |_| {});
    let another = accepted("20260101", |one| one.sample.scenario = name("soak"));
    let newer = accepted("20260102", |_| {});
    let all = [&newer, &own, &elsewhere, &changed, &itself, &another];
    let settings = Settings::default();
    let against = Against::choose(&here, &[&candidate], &all, &settings);
    let runs = |against: &Against| -> Vec<String> {
        let runs = against.runs.iter();
        runs.map(|one| one.sample.run.to_string()).collect()
    };
    assert_eq!(runs(&against), ["20260101", "20260102"]);
    assert_eq!(against.unfit.len(), 2);
    let told = against.unfit.join("\n");
    assert!(told.contains("another machine (cpu: other"), "{told}");
    assert!(told.contains("its workload is another one"), "{told}");
    assert!(told.contains(", 1 run up to 20260102: "), "{told}");

    // Across machines only where there are none of its own, and never across workloads.
    let free = Settings {
        other_machines: true,
        ..Settings::default()
    };
    let with = Against::choose(&here, &[], &[&own, &elsewhere], &free);
    assert_eq!(runs(&with), ["20260101"]);
    assert!(
        with.unfit[0].contains("another machine"),
        "{:?}",
        with.unfit
    );
    let without = Against::choose(&here, &[], &[&elsewhere, &changed], &free);
    assert_eq!((runs(&without).len(), without.unfit.len()), (1, 1));
}

#[test]
fn the_newest_and_the_pinned_are_kept() {
    let many: Vec<Accepted> = (0..MOST_ACCEPTED + 5)
        .map(|n| {
            accepted(&format!("run-{n:03}"), |one| {
                one.pinned = (n == 1).then(|| name("1.4.0"));
            })
        })
        .collect();
    let all: Vec<&Accepted> = many.iter().collect();
    let here = many[0].sample.conditions();
    let against = Against::choose(&here, &[], &all, &Settings::default());
    assert_eq!(against.runs.len(), MOST_ACCEPTED + 1);
    assert_eq!(against.runs[0].sample.run.as_str(), "run-001");
    assert_eq!(against.runs[1].sample.run.as_str(), "run-005");
    let (release, pinned) = against.pinned().unwrap();
    assert_eq!((release.as_str(), pinned.len()), ("1.4.0", 1));
    let names = BTreeSet::from(["*".to_owned()]);
    let only = against.only(&names);
    assert!(only.runs.iter().all(|one| one.sample.names.len() == 1));
}

#[test]
fn what_is_contaminated_is_told_by_reason() {
    let settings = Settings::default();
    let of = |record: &Record| contaminated(record, &sample(record), &settings);
    let fine = record(120);
    assert_eq!(of(&fine), Vec::<String>::new());
    let mut cut = fine.clone();
    cut.end = Some(RunEnd::Cancelled);
    assert_eq!(of(&cut), ["the run was interrupted"]);
    cut.end = None;
    assert_eq!(of(&cut), ["the run's events end in the middle"]);
    let short = of(&record(24));
    assert!(short[0].contains("of load are left"), "{short:?}");
    let mut starved = sample(&fine);
    starved.started = starved.planned / 2;
    let told = contaminated(&fine, &starved, &settings);
    assert_eq!(told, ["50.0 % of the intended arrivals never began"]);
    starved = sample(&fine);
    starved.completed = false;
    let told = contaminated(&fine, &starved, &settings);
    assert_eq!(told, ["its schedule was not played to the end"]);
}

#[test]
fn memory_counts_in_whole_gibibytes() {
    let of = |memory: &str| {
        let all = BTreeMap::from([("memory".to_owned(), memory.to_owned())]);
        crate::verdict::regression::sample::machine(&all)["memory"].clone()
    };
    assert_eq!(of("16384256 kB"), "16 GiB");
    assert_eq!(of("16001234 kB"), "16 GiB");
    assert_eq!(of("16 GB"), "16 GB");
}
