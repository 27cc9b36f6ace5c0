//! What a sound suite becomes: the bundled one, digests, modes, profiles and variants.

use super::super::Choice;
use super::{CONFIG, Files, JOURNEY, SCENARIO, findings, sources, told};
use crate::plan::Plan;
use crate::plan::describe::describe;
use crate::plan::target::Mode;
use crate::suite::{self, Sources};

#[test]
fn the_small_suite_is_sound() {
    let (plan, findings) = findings(&sources(&[]), &Choice::default());
    assert_eq!(told(&findings), "nothing is wrong\n");
    let plan = plan.unwrap();
    assert_eq!(
        plan.target
            .services
            .iter()
            .map(|s| s.name.as_str())
            .collect::<Vec<_>>(),
        ["back", "front"]
    );
    assert_eq!(plan.seed, 1);
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
}

fn bundled() -> Sources {
    let root = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let mut sources = Sources::new();
    let mut add = |name: &str| sources.add(name, std::fs::read(root.join(name)).unwrap());
    add("harness.toml");
    for folder in ["scenarios", "scenarios/journeys", "features"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let entry = entry.unwrap();
            if entry.path().is_file() {
                add(&format!("{folder}/{}", entry.file_name().to_str().unwrap()));
            }
        }
    }
    for name in suite::references(&sources).into_keys() {
        sources.add(name.clone(), std::fs::read(root.join(&name)).unwrap());
    }
    sources
}

#[test]
fn the_bundled_suite_is_sound() {
    let (plan, found) = findings(&bundled(), &Choice::default());
    assert_eq!(told(&found), "nothing is wrong\n");
    let plan = plan.unwrap();
    let length: std::time::Duration = plan.scenarios.iter().map(|s| s.load.duration()).sum();
    assert!(
        length.as_secs() <= 95,
        "the default run's load takes {length:?}"
    );
    let mut settings = insta::Settings::clone_current();
    settings.add_filter("plan [0-9a-f]{12}", "plan DIGEST");
    settings.bind(|| insta::assert_snapshot!("the bundled plan", describe(&plan)));
    let full = findings(
        &bundled(),
        &Choice {
            profile: Some("full".into()),
            ..Choice::default()
        },
    )
    .0
    .unwrap();
    assert_eq!(
        full.scenarios.last().map(|s| s.name.as_str()),
        Some("sustained")
    );
}

#[test]
fn digests_tell_measurements_apart() {
    let digests = |files: &Files<'_>, choice: &Choice| {
        let (plan, found) = findings(&sources(files), choice);
        let plan = plan.unwrap_or_else(|| panic!("{}", told(&found)));
        (plan.plan_digest, plan.workload_digest)
    };
    let base = digests(&[], &Choice::default());
    assert_eq!(base, digests(&[], &Choice::default()));
    let seeded = digests(
        &[],
        &Choice {
            seed: Some(9),
            ..Choice::default()
        },
    );
    assert!(
        seeded.0 != base.0 && seeded.1 == base.1,
        "a seed is no other workload"
    );
    let titled = SCENARIO.replace("\"steady\"", "\"steadier\"");
    let titled = digests(&[("scenarios/steady.toml", &titled)], &Choice::default());
    assert!(
        titled.0 != base.0 && titled.1 == base.1,
        "a title is no other workload"
    );
    for (name, text) in [
        ("scenarios/steady.toml", SCENARIO.replace("10/s", "11/s")),
        (
            "scenarios/steady.toml",
            SCENARIO.replace("delay = \"1s\"", "delay = \"2s\""),
        ),
        (
            "scenarios/journeys/visit.toml",
            JOURNEY.replace("\"/\"", "\"/x\""),
        ),
    ] {
        let other = digests(&[(name, &text)], &Choice::default());
        assert!(
            other.0 != base.0 && other.1 != base.1,
            "{name} changed, and the workload did not"
        );
    }
}

#[test]
fn an_external_target_keeps_only_its_url() {
    let config = CONFIG.replacen(
        "[target.service.front]",
        "[target]\nurl = \"http://localhost:1/\"\n[target.service.front]",
        1,
    );
    let scenario = SCENARIO.split("[[fault]]").next().unwrap().to_owned();
    let external = Choice {
        target: Some(Mode::External),
        ..Choice::default()
    };
    let plain = findings(
        &sources(&[
            ("harness.toml", &config),
            ("scenarios/steady.toml", &scenario),
        ]),
        &external,
    );
    let plan = plain.0.unwrap_or_else(|| panic!("{}", told(&plain.1)));
    assert!(plan.target.services.is_empty() && plan.target.links.is_empty());
    assert_eq!(plan.target.entry.as_literal(), Some("http://localhost:1"));
    let (_, faulty) = findings(&sources(&[("harness.toml", &config)]), &external);
    assert!(
        told(&faulty).contains("link `back` does not run through the fault proxy"),
        "{}",
        told(&faulty)
    );
}

#[test]
fn an_external_target_keeps_the_links_that_it_is_routed_through() {
    let served = |link: &str| {
        let more =
            "proxy = \"the db\"\n[target.proxy]\nexternal = \"http://127.0.0.1:8474/\"\n[secret]";
        let config = CONFIG.replace(
            "[target.service.front]",
            "[target]\nurl = \"http://x\"\n[target.service.front]",
        );
        let config = config.replace("[secret]", more);
        let scenario = SCENARIO.replace("link = \"back\"", &format!("link = \"{link}\""));
        sources(&[
            ("harness.toml", &config),
            ("scenarios/steady.toml", &scenario),
        ])
    };
    let choice = Choice {
        target: Some(Mode::External),
        ..Choice::default()
    };
    let (plan, told) = findings(&served("edge"), &choice);
    let target = plan.unwrap_or_else(|| panic!("{told:?}")).target;
    let links: Vec<_> = target
        .links
        .iter()
        .map(|link| (link.name.as_str(), link.proxy.as_deref()))
        .collect();
    assert_eq!(links, [("edge", Some("the db"))]);
    assert_eq!(target.proxy.unwrap().to_string(), "http://127.0.0.1:8474");
    let (plan, told) = findings(&served("back"), &choice);
    assert!(plan.is_none());
    assert!(
        format!("{told:?}").contains("link `back` does not run through"),
        "{told:?}"
    );
    // Where the services are started here, every link is the run's own.
    let (plan, _) = findings(&served("back"), &Choice::default());
    assert!(
        plan.unwrap()
            .target
            .links
            .iter()
            .all(|link| link.proxy.is_none())
    );
}

#[test]
fn a_profile_scales_and_a_variant_changes() {
    let config = format!(
        "{CONFIG}\n[profile.short]\nscale = {{ duration = 0.5, rate = 2 }}\nseed = 7\n[variant.v]\nservice.front.env = {{ BACK = \"${{link.back.url}}/v\" }}\n"
    );
    let choice = Choice {
        profile: Some("short".into()),
        variant: Some("v".into()),
        ..Choice::default()
    };
    let (plan, found) = findings(&sources(&[("harness.toml", &config)]), &choice);
    let plan = plan.unwrap_or_else(|| panic!("{}", told(&found)));
    let scenario = &plan.scenarios[0];
    assert_eq!(
        (
            scenario.load.duration().as_secs(),
            scenario.load.peak().unwrap().get()
        ),
        (5, 20.0)
    );
    assert_eq!(
        (
            scenario.faults[0].at.as_secs(),
            scenario.faults[0].lasts.as_secs()
        ),
        (1, 1)
    );
    assert_eq!(plan.seed, 7);
    let front = plan
        .target
        .services
        .iter()
        .find(|s| s.name.as_str() == "front")
        .unwrap();
    assert_eq!(front.env["BACK"].to_string(), "${link.back.url}/v");
}

#[test]
fn the_suite_as_it_stands_can_be_named_beside_a_variant() {
    let choice = |variant: Option<&str>| Choice {
        variant: variant.map(str::to_owned),
        ..Choice::default()
    };
    let config = format!("{CONFIG}\n[variant.v]\nservice.front.env = {{ A = \"1\" }}\n");
    let sources = sources(&[("harness.toml", &config)]);
    let (plain, _) = findings(&sources, &choice(None));
    let (named, _) = findings(&sources, &choice(Some("default")));
    assert!(plain.is_some());
    assert_eq!(plain, named);
}

#[test]
fn links_are_watched_that_a_fault_strikes_or_the_suite_names() {
    let watched = |config: &str, journey: &str| {
        let files = [
            ("harness.toml", config),
            ("scenarios/journeys/odd.toml", journey),
        ];
        let (plan, found) = findings(&sources(&files), &Choice::default());
        let plan = plan.unwrap_or_else(|| panic!("{}", told(&found)));
        let links = plan.target.links.into_iter().filter(|link| link.watch);
        links.map(|link| link.name.to_string()).collect::<Vec<_>>()
    };
    let breaking = |fault: &str| {
        format!(
            "title = \"odd\"\n[[step]]\nname = \"break\"\nfault = {{ {fault} }}\n[[step]]\nname = \"open\"\nget = \"/\""
        )
    };
    let calm = "title = \"odd\"\n[[step]]\nname = \"open\"\nget = \"/\"";
    // The scenario's fault strikes `back`.
    assert_eq!(watched(CONFIG, calm), ["back"]);
    let service = breaking("service = \"front\", kill = true");
    assert_eq!(watched(CONFIG, &service), ["back", "edge"]);
    let link = breaking("link = \"edge\", down = true");
    assert_eq!(watched(CONFIG, &link), ["back", "edge"]);
    let typed = |watch: &str| {
        CONFIG.replace(
            "[target.link.back]",
            &format!("[target.link.back]\n{watch}"),
        )
    };
    assert!(watched(&typed("watch = false"), calm).is_empty());
    assert!(watched(&typed("scheme = \"tcp\""), calm).is_empty());
    let edge = CONFIG.replace("[target.link.edge]", "[target.link.edge]\nwatch = true");
    assert_eq!(watched(&edge, calm), ["back", "edge"]);
    let tls = typed("scheme = \"https\"\nwatch = true");
    let (plan, found) = findings(&sources(&[("harness.toml", &tls)]), &Choice::default());
    assert!(plan.is_none());
    assert!(
        told(&found).contains("scheme `https` can't be read"),
        "{}",
        told(&found)
    );
}

/// The fault of the small suite with another time, under a load with two stages: (turn, at, for) in milliseconds.
fn timed(time: &str, choice: &Choice) -> Vec<(u32, u128, u128)> {
    let load =
        "stages = [{ rate = \"1/s..9/s\", for = \"10s\" }, { rate = \"9/s\", for = \"1m50s\" }]";
    let text = SCENARIO
        .replace("rate = \"10/s\"\nfor = \"10s\"", load)
        .replace("at = \"2s\"\nfor = \"2s\"", time);
    let (plan, found) = findings(&sources(&[("scenarios/steady.toml", &text)]), choice);
    let plan = plan.unwrap_or_else(|| panic!("{time}: {}", told(&found)));
    let faults = plan.scenarios[0].faults.iter();
    let time = |fault: &crate::plan::fault::FaultPlan| {
        (fault.turn, fault.at.as_millis(), fault.lasts.as_millis())
    };
    faults.map(time).collect()
}

#[test]
fn events_of_a_load_are_times_of_its_faults() {
    let at = |when: &str| timed(when, &Choice::default());
    assert_eq!(
        at("when = \"ramp ends\"\nfor = \"2s\""),
        [(1, 10_000, 2000)]
    );
    let later = "when = \"stage 2 begins\"\nat = \"3s\"\nfor = \"2s\"";
    assert_eq!(at(later), [(1, 13_000, 2000)]);
    assert_eq!(
        at("when = \"stage 1 ends\"\nfor = \"2s\""),
        [(1, 10_000, 2000)]
    );
    assert_eq!(
        at("when = \"stage 1 begins\"\nfor = \"2s\""),
        [(1, 0, 2000)]
    );
}

#[test]
fn a_repeated_fault_is_several_of_one_name() {
    let time = "at = \"2s\"\nfor = \"5s\"\nevery = \"30s\"\ntimes = 3";
    let whole = [(1, 2000, 5000), (2, 32_000, 5000), (3, 62_000, 5000)];
    assert_eq!(timed(time, &Choice::default()), whole);
}

#[test]
fn draws_of_a_fault_are_the_seeds_and_stay_between() {
    let time = "at = \"2s..20s\"\nfor = \"1s..4s\"\nevery = \"6s..20s\"\ntimes = 4";
    let of = |seed| {
        let seed = Some(seed);
        timed(
            time,
            &Choice {
                seed,
                ..Choice::default()
            },
        )
    };
    let mut firsts = Vec::new();
    for seed in 0..20 {
        let turns = of(seed);
        assert_eq!(turns, of(seed));
        assert_eq!(turns.len(), 4);
        assert!((2000..=20_000).contains(&turns[0].1), "{turns:?}");
        for (turn, pair) in (1..).zip(turns.windows(2)) {
            assert_eq!((pair[0].0, pair[1].0), (turn, turn + 1));
            assert!(
                (6000..=20_000).contains(&(pair[1].1 - pair[0].1)),
                "{turns:?}"
            );
        }
        assert!(turns.iter().all(|turn| (1000..=4000).contains(&turn.2)));
        firsts.push(turns[0].1);
    }
    firsts.sort_unstable();
    firsts.dedup();
    assert!(firsts.len() > 15, "{firsts:?}");
}

#[test]
fn conditions_beside_faults_are_gates() {
    let text = SCENARIO
        .replace("title = \"steady\"", "title = \"steady\"\nsettle = \"1s\"\nstop = [\"error_rate > 50%\"]\nsteady = { expect = [\"p95 < 1s\"] }")
        .replace("at = \"2s\"", "at = \"3s\"");
    let fired = text.clone()
        + "[[fault]]\nname = \"more\"\nlink = \"edge\"\nwhen = \"p95(visit) > 300ms\"\nfor = \"2s\"\ndown = true";
    let of = |text: &str| {
        let choice = Choice::default();
        let (plan, found) = findings(&sources(&[("scenarios/steady.toml", text)]), &choice);
        plan.unwrap_or_else(|| panic!("{}", told(&found)))
    };
    let plan = of(&text);
    let gates = plan.scenarios[0].gates.iter().skip(1);
    let gates: Vec<_> = gates
        .map(|g| format!("{} {:?} {}{}", g.id, g.class, g.expect, g.during.aside()))
        .collect();
    assert_eq!(
        gates,
        [
            "steady#stop 1 Key error_rate <= 50%, faults included",
            "steady#steady 1 before Key p95 < 1s, before `slow`",
            "steady#steady 1 during slow Info p95 < 1s, during `slow`",
            "steady#steady 1 after Key p95 < 1s, after `slow`",
        ]
    );
    let plan = of(&fired);
    let more = &plan.scenarios[0].faults[0];
    assert_eq!((more.name.as_str(), more.at.as_secs()), ("more", 0));
    assert_eq!(
        more.when.as_ref().unwrap().to_string(),
        "p95(visit) > 300ms"
    );
    let told = crate::plan::describe::describe(&plan);
    assert!(
        told.contains(
            "fault \"more\": link down on edge, once p95(visit) > 300ms, 0s later for 2s"
        ),
        "{told}"
    );
}

#[test]
fn what_a_fault_does_is_told_and_reads_back() {
    let of = |text: String, kind: &str| {
        let files = sources(&[("scenarios/steady.toml", &text)]);
        let (plan, found) = findings(&files, &Choice::default());
        let plan = plan.unwrap_or_else(|| panic!("{kind}: {}", told(&found)));
        let fault = plan.scenarios[0].faults[0].clone();
        let json = serde_json::to_string(&fault).unwrap();
        let back: crate::plan::fault::FaultPlan = serde_json::from_str(&json).unwrap();
        assert_eq!(back, fault, "{json}");
        fault.what()
    };
    let link = |kind: &str| SCENARIO.replace("latency = { delay = \"1s\" }", kind);
    let what = |kind: &str| of(link(kind), kind);
    let service = |kind: &str| {
        let text = link(kind).replace("link = \"back\"", "service = \"back\"");
        of(text, kind)
    };
    for (kind, told) in [
        (
            "latency = { delay = \"0ms..500ms\" }",
            "latency 0s to 500ms on back",
        ),
        (
            "bandwidth = { rate = \"1MB/s..64kB/s\" }",
            "bandwidth 1000 kB/s to 64 kB/s on back",
        ),
        ("slow_close = { delay = \"1s\" }", "close after 1s on back"),
        ("limit = { bytes = \"64kB\" }", "limit 64 kB on back"),
        (
            "slice = { size = \"100B\", variation = \"50B\", delay = \"1ms\" }",
            "slices of 100 B ± 50 B every 1ms on back",
        ),
        (
            "loss = { share = \"2%\" }",
            "loss 2%, stalls of 200ms on back",
        ),
        (
            "corrupt = { share = \"0.5%..1%\" }",
            "corrupt 0.5% to 1% on back",
        ),
        (
            "fail_first = { connections = 5 }",
            "first 5 connections reset on back",
        ),
        (
            "loss = { share = \"2%\" }\nshare = \"30%\"\nclients = [\"127.0.0.2\", \"10.0.0.0/8\"]",
            "loss 2%, stalls of 200ms on back, 30% of connections, from 127.0.0.2 and 10.0.0.0/8",
        ),
    ] {
        assert_eq!(what(kind), told);
    }
    for (kind, told) in [
        ("restart = true", "back restarted"),
        (
            "crash_loop = { every = \"2s\" }",
            "back killed 2s after each start",
        ),
        ("cpu = { share = \"20%\" }", "back held to 20% of its time"),
        (
            "memory = { bytes = \"200MB\" }",
            "back held to 200 MB of memory",
        ),
    ] {
        assert_eq!(service(kind), told);
    }
}
