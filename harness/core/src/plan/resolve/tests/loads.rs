//! Loads of every form, and every error one can have: each case is the `[load]` of the small suite's scenario.

use super::super::Choice;
use super::{CONFIG, JOURNEY, findings, sources, told};
use crate::journey::think::Think;
use crate::plan::describe::describe;
use crate::plan::load::{HttpPlan, Iterations, LoadPlan, Model, Reuse};
use crate::plan::{Plan, ScenarioPlan};
use crate::suite::Sources;
use proptest::prelude::*;
use std::fmt::Write as _;
use std::time::Duration;

/// The small suite with a second journey, `look`, and one scenario whose `[load]` holds these lines.
fn suite(load: &str) -> Sources {
    let gate = "[[gate]]\nexpect = \"error_rate < 1%\"";
    let scenario = format!("title = \"steady\"\n[load]\n{load}\n{gate}\n");
    let look = JOURNEY.replace("visits", "looks");
    sources(&[
        ("scenarios/steady.toml", &scenario),
        ("scenarios/journeys/look.toml", &look),
    ])
}

fn planned(sources: &Sources, choice: &Choice) -> Plan {
    let (plan, found) = findings(sources, choice);
    plan.unwrap_or_else(|| panic!("{}", told(&found)))
}

fn load(text: &str) -> LoadPlan {
    let plan = planned(&suite(text), &Choice::default());
    plan.scenarios.into_iter().next().unwrap().load
}

/// What `harness plan` says of a scenario.
fn described(scenario: &ScenarioPlan, plan: &Plan) -> String {
    let all = describe(plan);
    let begin = all.find(&format!("Scenario {}:", scenario.name)).unwrap();
    all[begin..].to_owned()
}

#[test]
fn loads_of_every_form() {
    let forms = [
        "rate = \"50/s..500/s\"\nfor = \"20s\"\nmix = { visit = 3, look = 1 }",
        "stages = [{ rate = \"10/s\", for = \"1m\" }, { rate = \"10/s..30/s\", for = \"30s\" }]\narrivals = \"poisson\"\nmix = { visit = 1 }\nwarm_up = \"30s\"",
        "stages = [{ rates = { visit = \"80/s\" }, for = \"60s\" }, { rates = { visit = \"80/s\", look = \"5/s..20/s\" }, for = \"60s\" }]",
        "rates = { visit = \"8/s\", look = \"2/s\" }\nfor = \"60s\"",
        "steps = { from = \"100/s\", to = \"1000/s\", by = \"100/s\", every = \"30s\" }\nmix = { visit = 1 }",
        "steps = { from = \"30/min\", to = \"10/min\", by = \"15/min\", every = \"1m\" }\nmix = { visit = 1 }",
        "preset = \"smoke\"\nrate = \"100/s\"\nmix = { visit = 1 }",
        "preset = \"load\"\nrate = \"100/s\"\nmix = { visit = 1 }",
        "preset = \"stress\"\nrate = \"100/s\"\nmix = { visit = 1 }",
        "preset = \"spike\"\nrate = \"100/s\"\nfor = \"100s\"\nmix = { visit = 1 }",
        "preset = \"soak\"\nrate = \"100/s\"\nmix = { visit = 1 }",
        "preset = \"breakpoint\"\nrate = \"100/s\"\nmix = { visit = 1 }",
        "model = \"closed\"\nusers = 50\nfor = \"2m\"\nmix = { visit = 1 }\nthink = \"1s..3s\"\n[load.http]\nreuse = \"user\"",
        "model = \"closed\"\nstages = [{ users = \"1..50\", for = \"30s\" }, { users = 50, for = \"2m\" }]\nmix = { visit = 1 }\nthink = { exponential = \"2s\" }\npacing = \"5s\"\ncookies = \"journey\"\nwarm_up = \"30s\"",
        "model = \"closed\"\nusers = 300\niterations = 1000\nmix = { visit = 1 }",
        "model = \"closed\"\nusers = 1\niterations_per_user = 20\nfor = \"30s\"\nmix = { visit = 1 }\nengine = \"goose\"",
        "model = \"closed\"\nsteps = { from = 10, to = 25, by = 10, every = \"30s\" }\nmix = { visit = 1 }",
        "model = \"closed\"\npreset = \"spike\"\nusers = 5\nmix = { visit = 1 }",
        "rate = \"5/s\"\nfor = \"10s\"\nmix = { visit = 1 }\nabort = \"rate missed by 2.5% for 5s\"",
        "rate = \"5/s\"\nfor = \"10s\"\nmix = { visit = 1 }\nthink = \"500ms\"\n[load.http]\nconnections = 8\nversion = \"2\"\nstreams = 10\nlookup = \"connection\"\nresumption = false",
    ];
    let mut all = String::new();
    for form in forms {
        let plan = planned(&suite(form), &Choice::default());
        let scenario = plan.scenarios.first().unwrap();
        assert!(scenario.load.duration() > Duration::ZERO);
        let text = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
        _ = writeln!(all, "# {form}\n{}", described(scenario, &plan));
    }
    insta::assert_snapshot!("loads of every form", all);
}

#[test]
fn errors_of_loads() {
    const MIX: &str = "mix = { visit = 1 }";
    let open = [
        "rate = \"5/s\"\nfor = \"10s\"",
        "rate = \"5/s\"\nfor = \"10s\"\nmix = {}",
        "for = \"10s\"\nMIX",
        "rate = \"5/s\"\nMIX",
        "MIX",
        "rate = \"5/s\"\nfor = \"10s\"\nstages = [{ rate = \"5/s\", for = \"1s\" }]\nMIX",
        "for = \"10s\"\nsteps = { from = \"1/s\", to = \"2/s\", by = \"1/s\", every = \"1s\" }\nMIX",
        "preset = \"spike\"\nstages = [{ rate = \"5/s\", for = \"1s\" }]\nMIX",
        "preset = \"spik\"\nrate = \"5/s\"\nMIX",
        "preset = \"spike\"\nMIX",
        "preset = \"spike\"\nfor = \"1m\"\nMIX",
        "preset = \"spike\"\nrate = \"5/s..6/s\"\nMIX",
        "preset = \"spike\"\nrate = \"5/s\"\nfor = \"0s\"\nMIX",
        "preset = \"spike\"\nrates = { visit = \"5/s\" }",
        "preset = \"spike\"\nrate = \"150000/s\"\nMIX",
        "rates = { visit = \"5/s\" }\nfor = \"10s\"\nMIX",
        "rates = { visit = \"5/s\", lok = \"1/s\" }\nfor = \"10s\"",
        "rates = { visit = \"5/s\", look = \"0/s\" }\nfor = \"10s\"",
        "rates = { visit = \"5 a second\" }\nfor = \"10s\"",
        "rates = { }\nfor = \"10s\"",
        "rates = { visit = \"150000/s\", look = \"150000/s\" }\nfor = \"10s\"",
        "rate = \"1/s\"\nrates = { visit = \"5/s\" }\nfor = \"10s\"",
        "stages = [{ rate = \"1/s\", for = \"1s\" }, { rates = { visit = \"5/s\" }, for = \"1s\" }]",
        "stages = [{ for = \"1s\" }]\nMIX",
        "stages = [{ rate = \"1/s\" }]\nMIX",
        "stages = [{ rate = \"1/s\", for = \"0s\" }]\nMIX",
        "rate = \"0/s\"\nfor = \"10s\"\nMIX",
        "rate = \"5/s\"\nfor = \"0s\"\nMIX",
        "steps = { from = \"1/s\", to = \"9/s\", by = \"0/s\", every = \"1s\" }\nMIX",
        "steps = { from = \"1/s\", to = \"9000/s\", by = \"1/s\", every = \"1s\" }\nMIX",
        "steps = { from = 1, to = \"9/s\", by = \"1/s\", every = \"1s\" }\nMIX",
        "steps = { from = \"1/s\", to = \"9/s\", every = \"1s\" }\nMIX",
        "rate = \"5/s\"\nfor = \"10s\"\narrivals = \"random\"\nMIX",
        "rate = \"5/s\"\nfor = \"10s\"\nwarm_up = \"10s\"\nMIX",
        "rate = \"5/s\"\nfor = \"10s\"\nwarm_up = \"soon\"\nMIX",
        "rate = \"5/s\"\nfor = \"10s\"\nabort = \"soon\"\nMIX",
        "rate = \"5/s\"\nfor = \"10s\"\nabort = \"rate missed by 0% for 10s\"\nMIX",
        "rate = \"5/s\"\nfor = \"10s\"\nabort = \"rate missed by 5% for 3s\"\nMIX",
        "rate = \"5/s\"\nfor = \"10s\"\nabort = \"rate missed by 5% for 7500ms\"\nMIX",
        "rate = \"5/s\"\nfor = \"10s\"\nwarm_up = \"4s\"\nabort = \"rate missed by 5% for 7s\"\nMIX",
        "rate = \"2/s\"\nfor = \"10s\"\nabort = \"rate missed by 5% for 9s\"\nMIX",
        "find = \"max rate where p99 < 1s\"\nabort = \"rate missed by 5% for 10s\"\nMIX",
    ];
    let users = [
        "users = 50\nfor = \"10s\"\nMIX",
        "stages = [{ users = 5, for = \"1s\" }]\nMIX",
        "rate = \"5/s\"\nfor = \"10s\"\nengine = \"goose\"\nMIX",
        "rate = \"5/s\"\nfor = \"10s\"\npacing = \"1s\"\ncookies = \"user\"\niterations = 5\nMIX",
        "model = \"closed\"\nrate = \"5/s\"\nfor = \"10s\"\nMIX",
        "model = \"closed\"\nstages = [{ rate = \"5/s\", for = \"10s\" }]\nMIX",
        "model = \"closed\"\nusers = 5\nfor = \"10s\"\narrivals = \"poisson\"\nMIX",
        "model = \"closed\"\nrates = { visit = \"5/s\" }\nfor = \"10s\"",
        "model = \"clsed\"\nusers = 5\nfor = \"10s\"\nMIX",
        "model = \"closed\"\nusers = 5\nfor = \"10s\"\nabort = \"rate missed by 5% for 10s\"\nMIX",
        "model = \"closed\"\nusers = 5\nMIX",
        "model = \"closed\"\nfor = \"10s\"\nMIX",
        "model = \"closed\"\nMIX",
        "model = \"closed\"\nusers = 5\nfor = \"10s\"",
        "model = \"closed\"\nusers = 0\nfor = \"10s\"\nMIX",
        "model = \"closed\"\nusers = -3\nfor = \"10s\"\nMIX",
        "model = \"closed\"\nusers = 2.5\nfor = \"10s\"\nMIX",
        "model = \"closed\"\nusers = \"5..many\"\nfor = \"10s\"\nMIX",
        "model = \"closed\"\nusers = 5000000\nfor = \"10s\"\nMIX",
        "model = \"closed\"\nusers = 5\nfor = \"0s\"\nMIX",
        "model = \"closed\"\nstages = [{ users = 0, for = \"10s\" }, { users = \"0..0\", for = \"10s\" }]\nMIX",
        "model = \"closed\"\nstages = [{ for = \"10s\" }]\nMIX",
        "model = \"closed\"\niterations = 10\nMIX",
        "model = \"closed\"\nusers = 5\niterations = 0\nMIX",
        "model = \"closed\"\nusers = 5\niterations = 4\nMIX",
        "model = \"closed\"\nusers = 5\niterations = 10\niterations_per_user = 2\nMIX",
        "model = \"closed\"\nusers = \"1..5\"\niterations = 10\nMIX",
        "model = \"closed\"\niterations = 10\nstages = [{ users = 5, for = \"10s\" }]\nMIX",
        "model = \"closed\"\nusers = 5\niterations = 10\npreset = \"spike\"\nMIX",
        "model = \"closed\"\nusers = 5\nfor = \"10s\"\npacing = \"0s\"\nMIX",
        "model = \"closed\"\npreset = \"spike\"\nrate = \"5/s\"\nMIX",
        "model = \"closed\"\npreset = \"spike\"\nMIX",
        "model = \"closed\"\npreset = \"spike\"\nusers = \"1..5\"\nMIX",
        "model = \"closed\"\npreset = \"breakpoint\"\nusers = 50000\nMIX",
        "model = \"closed\"\nsteps = { from = \"1/s\", to = 5, by = 1, every = \"1s\" }\nMIX",
        "model = \"closed\"\nsteps = { from = \"1..2\", to = 5, by = 1, every = \"1s\" }\nMIX",
        "model = \"closed\"\nusers = 5\nfor = \"10s\"\nmix = { visti = 1, look = 0 }",
    ];
    let rest = [
        "THINK = \"soon\"",
        "THINK = \"3s..1s\"",
        "THINK = \"1s..\"",
        "THINK = 5",
        "THINK = { exponential = \"0s\" }",
        "THINK = { exponential = \"2s\", at_most = \"1s\" }",
        "THINK = { at_most = \"1s\" }",
        "THINK = { exponential = \"2s\", atmost = \"1s\" }",
        "THINK = { exponential = 2 }",
        "connections = 5\n[load.http]\nconnections = 6",
        "[load.http]\nconnections = 0",
        "[load.http]\nreuse = \"always\"",
        "[load.http]\nversion = 2",
        "[load.http]\nversion = \"3\"",
        "[load.http]\nversion = \"1.1\"\nstreams = 5",
        "[load.http]\nreuse = \"never\"\nstreams = 5",
        "[load.http]\nconections = 5",
        "model = \"closed\"\n[load.http]\nreuse = \"user\"\nconnections = 4",
        "model = \"closed\"\nconnections = 4\n[load.http]\nreuse = \"user\"",
    ];
    let rest = rest.map(|text| match text.strip_prefix("model = \"closed\"\n") {
        Some(text) => format!("model = \"closed\"\nusers = 5\nfor = \"10s\"\n{MIX}\n{text}"),
        None => {
            let text = text.replace("THINK", "think");
            format!("rate = \"5/s\"\nfor = \"10s\"\n{MIX}\n{text}")
        }
    });
    let all = open
        .iter()
        .chain(&users)
        .map(|text| text.replace("MIX", MIX));
    let mut told_all = String::new();
    for text in all.chain(rest) {
        let (_, found) = findings(&suite(&text), &Choice::default());
        let told = told(&found);
        assert!(told != "nothing is wrong\n", "{text} was accepted");
        _ = writeln!(told_all, "# {}\n{told}", text.replace('\n', "; "));
    }
    insta::assert_snapshot!("errors of loads", told_all);
}

const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/load.md");

/// The TOML blocks of the guide.
fn examples(guide: &str) -> Vec<&str> {
    let blocks = guide.split("```toml\n").skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap())
        .collect()
}

/// The suite of an example: a `[load]` or a gate of a scenario, or a step of a journey.
fn example_suite(example: &str) -> Sources {
    let mut sources = sources(&[]);
    for journey in ["browse", "checkout"] {
        sources.add(format!("scenarios/journeys/{journey}.toml"), JOURNEY);
    }
    if example.starts_with("[load]") {
        let gate = "[[gate]]\nexpect = \"error_rate < 1%\"";
        let scenario = format!("title = \"an example\"\n{example}\n{gate}\n");
        sources.add("scenarios/steady.toml", scenario);
    } else if example.starts_with("[[gate]]") {
        let load = "[load]\nrate = \"5/s\"\nfor = \"60s\"\nmix = { browse = 1 }";
        let scenario = format!("title = \"an example\"\n{load}\n{example}\n");
        sources.add("scenarios/steady.toml", scenario);
    } else {
        let journey = format!("title = \"an example\"\n{example}");
        sources.add("scenarios/journeys/browse.toml", journey);
    }
    sources
}

#[test]
fn the_guides_examples_are_loads() {
    let guide = std::fs::read_to_string(GUIDE).unwrap();
    let examples = examples(&guide);
    assert!(examples.len() > 10);
    for example in examples {
        let (_, found) = findings(&example_suite(example), &Choice::default());
        assert_eq!(told(&found), "nothing is wrong\n", "{example}");
    }
}

#[test]
fn the_guides_drawing_is_current() {
    let guide = std::fs::read_to_string(GUIDE).unwrap();
    let all = examples(&guide);
    let spike = all.iter().find(|text| text.contains("\"spike\"")).unwrap();
    let plan = planned(&example_suite(spike), &Choice::default());
    let said = described(&plan.scenarios[0], &plan);
    let (_, drawn) = said.split_once('\n').unwrap();
    let (drawn, _) = drawn.split_once("  gate").unwrap();
    let (before, rest) = guide.split_once("<!-- plan -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- /plan -->").unwrap();
    let current = format!("{before}<!-- plan -->\n```text\n{drawn}```\n<!-- /plan -->{after}");
    let update = std::env::var_os("UPDATE_DOCS").is_some();
    if update {
        std::fs::write(GUIDE, &current).unwrap();
    }
    assert!(
        guide == current || update,
        "docs/load.md is not current: run this test with UPDATE_DOCS=1"
    );
}

#[test]
fn gates_over_nothing_but_warm_up_are_refused() {
    let with = |warm_up: &str, gate: &str| {
        let text = super::SCENARIO.replace(
            "for = \"10s\"\n",
            &format!("for = \"10s\"\nwarm_up = \"{warm_up}\"\n"),
        );
        let text = text.replace("title = \"steady\"", "title = \"steady\"\nsettle = \"1s\"");
        let (before, _) = text.split_once("[[gate]]").unwrap();
        let text = format!("{before}[[gate]]\n{gate}\n");
        told(
            &findings(
                &sources(&[("scenarios/steady.toml", &text)]),
                &Choice::default(),
            )
            .1,
        )
    };
    let cases = [
        ("4s", "expect = \"p99 < 1s\"\nduring = \"slow\""),
        ("2s", "expect = \"p99 < 1s\"\nduring = \"before slow\""),
        ("5s", "expect = \"p99 < 1s\"\nduring = \"recovering slow\""),
        ("2s", "expect = \"recovery < 1s\""),
        ("2s", "expect = \"recovery(slow) < 1s\""),
        ("4s", "expect = \"p99 < 1s\"\nover = \"7s\""),
    ];
    let mut all = String::new();
    for (warm_up, gate) in cases {
        let told = with(warm_up, gate);
        assert!(told != "nothing is wrong\n", "{gate} was accepted");
        _ = writeln!(
            all,
            "# warm_up = {warm_up}; {}\n{told}",
            gate.replace('\n', "; ")
        );
    }
    insta::assert_snapshot!("gates over nothing but warm-up", all);
    for (warm_up, gate) in [
        ("3s", "expect = \"p99 < 1s\"\nduring = \"slow\""),
        ("1s", "expect = \"p99 < 1s\"\nduring = \"before slow\""),
        ("4s", "expect = \"p99 < 1s\"\nduring = \"recovering slow\""),
        ("4s", "expect = \"p99 < 1s\"\nduring = \"after slow\""),
        ("1s", "expect = \"recovery < 1s\""),
        ("4s", "expect = \"p99 < 1s\"\nover = \"6s\""),
    ] {
        assert_eq!(with(warm_up, gate), "nothing is wrong\n", "{gate}");
    }
}

#[test]
fn a_step_thinks_in_the_same_forms() {
    let with = |think: &str| {
        let journey = JOURNEY.replacen("get = \"/\"", &format!("get = \"/\"\nthink = {think}"), 1);
        findings(
            &sources(&[("scenarios/journeys/visit.toml", &journey)]),
            &Choice::default(),
        )
    };
    let thinks = |think: &str| {
        let plan = with(think).0.unwrap();
        let step = &plan.journey("visit").unwrap().steps[0];
        match &step.action {
            crate::journey::Action::Request(request) => request.think.unwrap(),
            other => panic!("{other:?}"),
        }
    };
    let seconds = Duration::from_secs;
    assert_eq!(thinks("\"2s\""), Think::Fixed(seconds(2)));
    let (from, to) = (seconds(1), seconds(3));
    assert_eq!(thinks("\"1s..3s\""), Think::Uniform { from, to });
    let (mean, at_most) = (seconds(2), seconds(20));
    let exponential = Think::Exponential { mean, at_most };
    assert_eq!(thinks("{ exponential = \"2s\" }"), exponential);
    assert!(told(&with("\"3s..1s\"").1).contains("the range ends before it begins"));
}

#[test]
fn connections_are_enough_for_the_users() {
    let of = |users: u32, more: &str| {
        let text = format!(
            "model = \"closed\"\nusers = {users}\nfor = \"10s\"\nmix = {{ visit = 1 }}\n{more}"
        );
        load(&text).http
    };
    assert_eq!(of(5, ""), HttpPlan::default());
    assert_eq!(of(3000, "").connections, 3000);
    assert_eq!(of(3000, "connections = 10").connections, 10);
    let own = of(3000, "[load.http]\nreuse = \"user\"");
    assert_eq!((own.connections, own.reuse), (3000, Reuse::User));
}

/// The small suite's scenario as a profile scales it.
fn scaled(load: &str, rate: f64, duration: f64) -> LoadPlan {
    let config =
        format!("{CONFIG}\n[profile.p]\nscale = {{ rate = {rate:?}, duration = {duration:?} }}\n");
    let mut sources = suite(load);
    sources.add("harness.toml", config);
    let profile = Choice {
        profile: Some("p".into()),
        ..Choice::default()
    };
    let plan = planned(&sources, &profile);
    plan.scenarios.into_iter().next().unwrap().load
}

#[test]
fn a_profile_scales_users_journeys_and_times() {
    let closed = |load: LoadPlan| match load.model {
        Model::Closed(closed) => closed,
        Model::Open(_) | Model::Search(_) => panic!("open"),
    };
    let timed = "model = \"closed\"\nusers = \"1..50\"\nfor = \"100s\"\nwarm_up = \"10s\"\npacing = \"2s\"\nthink = \"1s\"\nmix = { visit = 1 }";
    let half = scaled(timed, 0.5, 0.1);
    assert_eq!(half.warm_up, Duration::from_secs(1));
    assert_eq!(half.think, Some(Think::Fixed(Duration::from_secs(1))));
    let half = closed(half);
    assert_eq!(half.pacing, Duration::from_secs(2));
    assert_eq!(
        (half.users[0].from, half.users[0].to, half.users[0].lasts),
        (1, 25, Duration::from_secs(10))
    );
    let iterations = |more: &str, rate, duration| {
        let text = format!("model = \"closed\"\nusers = 10\n{more}\nmix = {{ visit = 1 }}");
        let closed = closed(scaled(&text, rate, duration));
        (closed.users[0].to, closed.iterations.unwrap())
    };
    let count = |n| std::num::NonZeroU64::new(n).unwrap();
    assert_eq!(
        iterations("iterations = 1000", 2.0, 0.5),
        (20, Iterations::Shared(count(1000)))
    );
    assert_eq!(
        iterations("iterations = 1000", 0.5, 0.001),
        (5, Iterations::Shared(count(5)))
    );
    assert_eq!(
        iterations("iterations_per_user = 20", 2.0, 0.5),
        (20, Iterations::PerUser(count(10)))
    );
    let each = scaled(
        "rates = { visit = \"8/s\", look = \"2/s\" }\nfor = \"60s\"",
        0.5,
        0.5,
    );
    assert_eq!(
        (each.peak().unwrap().get(), each.planned()),
        (5.0, Some(150.0))
    );
    assert_eq!(each.duration(), Duration::from_secs(30));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn presets_are_loads_whatever_the_rate_and_the_length(
        preset in prop::sample::select(vec!["smoke", "load", "stress", "spike", "soak", "breakpoint"]),
        rate in 1u32..20_000, per in prop::sample::select(vec!["s", "min", "h"]),
        users in 1u32..10_000, millis in 1u64..100_000_000,
    ) {
        let open = load(&format!("preset = \"{preset}\"\nrate = \"{rate}/{per}\"\nfor = \"{millis}ms\"\nmix = {{ visit = 1 }}"));
        prop_assert_eq!(open.duration(), Duration::from_millis(millis));
        prop_assert!(open.planned().unwrap() > 0.0 && open.peak().unwrap().get() > 0.0);
        let closed = load(&format!("model = \"closed\"\npreset = \"{preset}\"\nusers = {users}\nfor = \"{millis}ms\"\nmix = {{ visit = 1 }}"));
        prop_assert_eq!(closed.duration(), Duration::from_millis(millis));
        prop_assert!(closed.users().unwrap() > 0);
    }

    /// Rates of each journey are the load that one rate with the same total is.
    #[test]
    fn schedules_of_each_journey_make_the_total(
        stages in prop::collection::vec((0u32..100, 0u32..100, 0u32..100, 0u32..100, 1u64..100), 1..5),
    ) {
        prop_assume!(stages.iter().any(|s| s.0 + s.1 > 0) && stages.iter().any(|s| s.2 + s.3 > 0));
        let (mut each, mut all) = (String::new(), String::new());
        for (a, b, c, d, seconds) in &stages {
            _ = write!(each, "{{ rates = {{ visit = \"{a}/s..{b}/s\", look = \"{c}/s..{d}/s\" }}, for = \"{seconds}s\" }},");
            _ = write!(all, "{{ rate = \"{}/s..{}/s\", for = \"{seconds}s\" }},", a + c, b + d);
        }
        let each = load(&format!("stages = [{each}]"));
        let all = load(&format!("stages = [{all}]\nmix = {{ visit = 1 }}"));
        prop_assert_eq!(each.stage_edges(), all.stage_edges());
        prop_assert!((each.planned().unwrap() - all.planned().unwrap()).abs() < 1e-6);
        prop_assert!((each.peak().unwrap().get() - all.peak().unwrap().get()).abs() < 1e-6);
        let shares: f64 = each.mix.iter().map(|entry| entry.weight).sum();
        prop_assert!((shares - each.planned().unwrap()).abs() < 1e-6);
    }
}

/// The small suite with journeys `j0`, `j1` … that send so many requests each, and the load of this mix.
fn asking(requests: &[usize], load: &str) -> Sources {
    let mut sources = suite(load);
    for (index, requests) in requests.iter().enumerate() {
        let mut journey = "title = \"asks\"\n".to_owned();
        for step in 0..*requests {
            _ = write!(journey, "[[step]]\nname = \"s{step}\"\nget = \"/\"\n");
        }
        sources.add(format!("scenarios/journeys/j{index}.toml"), journey);
    }
    sources
}

#[test]
fn a_load_with_too_many_names_is_told_and_then_refused() {
    let of = |requests: &[usize], load: &str| {
        let load = format!("{load}\nfor = \"10s\"");
        findings(&asking(requests, &load), &Choice::default())
    };
    let one = "rate = \"5/s\"\nmix = { j0 = 1 }";
    let entries: Vec<String> = (0..10).map(|index| format!("j{index} = 1")).collect();
    let ten = format!("rate = \"5/s\"\nmix = {{ {} }}", entries.join(", "));
    // The journey itself is a name.
    let (plan, quiet) = of(&[999], one);
    assert!(plan.is_some() && quiet.is_empty(), "{}", told(&quiet));
    let (plan, warned) = of(&[1000], one);
    assert!(plan.is_some(), "{}", told(&warned));
    let (plan, most) = of(&[999; 10], &ten);
    assert!(plan.is_some() && most.len() == 1, "{}", told(&most));
    let mut over = [999; 10];
    over[3] = 1000;
    let (plan, refused) = of(&over, &ten);
    assert!(plan.is_none());
    // Journeys of one load are counted together; those it does not have are not counted.
    let (plan, together) = of(&[998], "rates = { j0 = \"5/s\", look = \"1/s\" }");
    assert!(plan.is_some(), "{}", told(&together));
    let (_, other) = of(&[1000], "rate = \"5/s\"\nmix = { look = 1 }");
    assert!(other.is_empty(), "{}", told(&other));
    let all = [warned, refused, together].map(|found| told(&found));
    insta::assert_snapshot!("too many names", all.join("\n"));
}
