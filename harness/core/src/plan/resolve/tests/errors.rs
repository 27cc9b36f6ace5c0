//! Every error, as it is told: each case breaks the small suite in one way.

use super::super::Choice;
use super::{CONFIG, JOURNEY, SCENARIO, findings, sources, told};
use crate::plan::target::Mode;
use crate::suite::{self, Sources};
use std::fmt::Write as _;

/// The small suite with one file changed: `from` replaced by `to`.
fn with(file: &str, from: &str, to: &str) -> String {
    let (name, text) = match file {
        "config" => ("harness.toml", CONFIG),
        "journey" => ("scenarios/journeys/visit.toml", JOURNEY),
        _ => ("scenarios/steady.toml", SCENARIO),
    };
    assert!(text.contains(from), "{from:?} is not in {name}");
    told(
        &findings(
            &sources(&[(name, &text.replacen(from, to, 1))]),
            &Choice::default(),
        )
        .1,
    )
}

fn snapshot(name: &str, cases: &[(&str, &str, &str)]) {
    let mut all = String::new();
    for (file, from, to) in cases {
        let told = with(file, from, to);
        assert!(
            told != "nothing is wrong\n",
            "{from:?} → {to:?} was accepted"
        );
        _ = writeln!(all, "# {file}: {from:?} → {to:?}\n{told}");
    }
    insta::assert_snapshot!(name, all);
}

#[test]
fn errors_of_form() {
    snapshot(
        "errors of form",
        &[
            ("config", "[project]", "[projekt]"),
            ("config", "name = \"demo\"", "name = 5"),
            ("config", "to = \"back\"", "too = \"back\""),
            ("config", "key = { env = \"KEY\" }", "key = { }"),
            ("config", "[project]", "[project"),
            ("config", "[target.link.edge]", "[target.link.back]"),
            (
                "config",
                "name = \"demo\"",
                "name = \"demo\"\nname = \"again\"",
            ),
            (
                "config",
                "[target.service.front]",
                "[target]\nmode = \"docker\"\n[target.service.front]",
            ),
            ("scenario", "rate = \"10/s\"", "rate = [\"10/s\"]"),
            (
                "scenario",
                "rate = \"10/s\"",
                "connections = 0\nsample = 2\nrate = \"10/s\"",
            ),
            ("scenario", "title = \"steady\"", "titel = \"steady\""),
            (
                "scenario",
                "expect = \"p99(visit/open) < 1s\"",
                "class = \"crucial\"",
            ),
            (
                "journey",
                "expect = [\"status == 200\"]",
                "expect = [\"status == 200\", 5]\nredirects = 99",
            ),
            ("journey", "[[step]]\nname = \"open\"", "[[step]]"),
            ("journey", "get = \"/\"", "get = \"/\"\nzzz = 1"),
        ],
    );
}

#[test]
fn errors_of_the_target() {
    snapshot(
        "errors of the target",
        &[
            ("config", "from = \"front\"", "from = \"frnt\""),
            ("config", "${link.back.url}", "a ${link.bakc.url}"),
            ("config", "${link.back.url}", "${secret.kye}"),
            ("config", "${link.back.url}", "http://back"),
            ("config", "${link.back.url}", "{{ uuid() }}"),
            ("config", "${link.back.url}", "${oops"),
            (
                "config",
                "[\"back\", \"--port\", \"${port}\"] }",
                "[\"back\", \"${service.front.url}\"] }",
            ),
            (
                "config",
                "process = { command = [\"back\", \"--port\", \"${port}\"] }",
                "dir = \"../x\"",
            ),
            ("config", "[target.link.edge]", "[target.link.\"a b\"]"),
            ("config", "from = \"front\"", ""),
            (
                "config",
                "[secret]",
                "[contract.bakc]\nopenapi = \"missing.json\"\n[secret]",
            ),
            (
                "config",
                "[secret]",
                "[contract.back]\nopenapi = \"../missing.json\"\n[secret]",
            ),
            (
                "config",
                "[secret]",
                "[variant.x]\nservice.bak.env = { A = 1 }\n[variant.default]\n[secret]",
            ),
            (
                "config",
                "[secret]",
                "[profile.x]\ntags = \"a and (b\"\nscenarios = [\"stedy\"]\nscale = { rate = 0 }\n[secret]",
            ),
            (
                "config",
                "[secret]",
                "[http]\ntimeout = \"0s\"\nheaders = { \"a b\" = \"x\", Host = \"${port}\" }\n[secret]",
            ),
            (
                "config",
                "[secret]",
                "[[gate]]\nexpect = \"recovery < 5s\"\n[[gate]]\nexpect = \"p95(visti) < 1s\"\nduring = \"slow\"\nweight = 0\n[secret]",
            ),
        ],
    );
}

#[test]
fn errors_of_a_proxy_server() {
    let urls = [
        "127.0.0.1:8474",
        "https://127.0.0.1:8474",
        "http://127.0.0.1:8474/proxies",
        "http://127.0.0.1:8474?x",
        "http://me@127.0.0.1:8474",
        "http://127.0.0.1:99999",
    ];
    let served = |more: &str| format!("[target.proxy]\n{more}\n[secret]");
    let mut cases: Vec<(&str, &str, String)> = urls
        .iter()
        .map(|url| {
            (
                "config",
                "[secret]",
                served(&format!("external = \"{url}\"")),
            )
        })
        .collect();
    let good = "external = \"http://127.0.0.1:8474/\"";
    cases.push(("config", "[secret]", served("")));
    cases.push(("config", "[secret]", served("url = \"http://a\"")));
    let routed = "to = \"back\"\nproxy = \"db\"".to_owned();
    cases.push(("config", "to = \"back\"", routed));
    let nameless = format!("proxy = \"a/b\"\n{}", served(good));
    cases.push(("config", "[secret]", nameless));
    let twice = format!(
        "proxy = \"db\"\n[target.link.third]\nto = \"back\"\nproxy = \"db\"\n{}",
        served(good)
    );
    cases.push(("config", "[secret]", twice));
    let cases: Vec<_> = cases
        .iter()
        .map(|(file, from, to)| (*file, *from, to.as_str()))
        .collect();
    snapshot("errors of a proxy server", &cases);
}

#[test]
fn errors_of_journeys() {
    snapshot(
        "errors of journeys",
        &[
            ("journey", "{{ id }}", "{{ di }}"),
            ("journey", "{{ id }}", "{{ row.sku }}"),
            ("journey", "{{ id }}", "{{ id"),
            ("journey", "{{ id }}", "${link.bck.url}"),
            ("journey", "status == 200", "statsu == 200"),
            ("journey", "status == 200", "$.items[ == 200"),
            ("journey", "status == 200", "body matches /(/"),
            ("journey", "status == 200", "duration < 5 parsecs"),
            ("journey", "status == 200", "$.id == '{{ gone }}'"),
            ("journey", "\"$.id\"", "\"$.[\""),
            ("journey", "id = \"$.id\"", "\"a b\" = \"$.id\""),
            ("journey", "name = \"again\"", "name = \"open\""),
            ("journey", "get = \"/\"", "get = \"things\""),
            ("journey", "get = \"/\"", "get = \"/\"\npost = \"/\""),
            (
                "journey",
                "get = \"/\"",
                "service = \"bcak\"\nget = \"/\"\ntext = \"a\"\nform = { a = 1 }\nevery = \"1 s ec\"",
            ),
            ("journey", "name = \"open\"\nget = \"/\"", "name = \"open\""),
            (
                "journey",
                "title = \"visits\"",
                "title = \"visits\"\n[[step]]\nname = \"a\"\nrun = \"visit\"",
            ),
            (
                "journey",
                "title = \"visits\"",
                "title = \"visits\"\n[[step]]\nname = \"a\"\nrun = \"vist\"",
            ),
            (
                "journey",
                "title = \"visits\"",
                "title = \"visits\"\ndata = \"d.csv\"",
            ),
            (
                "journey",
                "title = \"visits\"",
                "title = \"visits\"\n[[step]]\nname = \"a\"\nlift = \"slow\"",
            ),
            (
                "journey",
                "title = \"visits\"",
                "title = \"visits\"\n[[step]]\nname = \"a\"\npause = \"1x\"\nexpect = [\"status == 1\"]",
            ),
            (
                "journey",
                "title = \"visits\"",
                "title = \"visits\"\n[[step]]\nname = \"a\"\nfault = { link = \"bakc\", down = true }",
            ),
            (
                "journey",
                "title = \"visits\"",
                "title = \"visits\"\n[[step]]\nname = \"a\"\nfault = { link = \"back\", down = true }",
            ),
            (
                "journey",
                "capture = { id",
                "json = { a = [\"{{ nope }}\"] }\nheaders = { content-length = 5 }\ncapture = { id",
            ),
        ],
    );
}

#[test]
fn errors_of_what_is_done_more_than_once() {
    let page = "get = \"/\"\nrepeat = { while = \"$.next exists\", at_most = 9 }";
    let repeat = |with: &str| page.replace("at_most", &format!("{with}, at_most"));
    let check = |expect: &str| {
        format!("capture = {{ id = \"$.id\" }}\n[[step]]\nname = \"a check\"\nexpect = [{expect}]")
    };
    let get = "get = \"/\"";
    let kept = "capture = { id = \"$.id\" }";
    snapshot(
        "errors of what is done more than once",
        &[
            ("journey", get, &repeat("from = \"agian\"")),
            ("journey", get, &repeat("from = \"again\"")),
            ("journey", get, &page.replace("9", "0")),
            ("journey", get, &page.replace("9", "10001")),
            ("journey", get, "get = \"/\"\nrepeat = { from = \"open\" }"),
            (
                "journey",
                get,
                &page.replace("$.next exists", "$.next exist"),
            ),
            (
                "journey",
                get,
                &page.replace("$.next exists", "count(sene) < 3"),
            ),
            ("journey", get, &repeat("capture = { next = \"$.[\" }")),
            ("journey", get, "get = \"{{ next }}\""),
            ("journey", get, "get = \"/\"\ncopies = 0"),
            ("journey", get, "get = \"/\"\ncopies = 1"),
            ("journey", get, "get = \"/\"\ncopies = 65"),
            ("journey", get, "get = \"/\"\nsame = [\"$.id\"]"),
            (
                "journey",
                get,
                "get = \"/\"\nexactly = { \"status == 201\" = 1 }",
            ),
            (
                "journey",
                get,
                "get = \"/\"\ncopies = 2\nsame = [\"$.id ==\", \"idd\"]\nexactly = { \"status = 201\" = 1, \"status == 1\" = 3 }",
            ),
            (
                "journey",
                get,
                "get = \"/\"\ncopies = 2\neventually = \"1s\"\nredirects = 3",
            ),
            ("journey", get, "get = \"/\"\ncopies = 2"),
            (
                "journey",
                kept,
                "capture = { id = \"$.id\" }\ncollect = { id = \"$.id\" }",
            ),
            (
                "journey",
                "get = \"/things/{{ id }}\"",
                "get = \"/things/{{ id }}\"\ncollect = { seen = \"$.a\" }\n[[step]]\nname = \"c\"\nget = \"/\"\ncapture = { seen = \"$.a\" }",
            ),
            (
                "journey",
                "title = \"visits\"",
                "title = \"visits\"\nvariables = { id = 1, seen = 2 }\n[[step]]\nname = \"0\"\nget = \"/\"\ncollect = { seen = \"$.a\" }",
            ),
            ("journey", kept, &check("\"count(sene) == 1\"")),
            (
                "journey",
                kept,
                &check("\"count(id) == 1\", \"status == 200\""),
            ),
            (
                "journey",
                "title = \"visits\"",
                "title = \"visits\"\n[[step]]\nname = \"a\"\npause = \"1s\"\ncopies = 2\nrepeat = { while = \"status == 200\", at_most = 1 }",
            ),
        ],
    );
}

#[test]
fn errors_of_a_faults_times() {
    let at = "at = \"2s\"";
    let begin = SCENARIO.find("rate = ").unwrap();
    let load = &SCENARIO[begin..SCENARIO.find("\nfor = \"2s\"").unwrap()];
    let stages =
        "stages = [{ rate = \"1/s..9/s\", for = \"4s\" }, { rate = \"9/s\", for = \"6s\" }]";
    let staged = load.replace("rate = \"10/s\"\nfor = \"10s\"", stages);
    let staged = |time: &str| staged.replace(at, time);
    let staged = [
        "when = \"stage 3 begins\"",
        "when = \"stage 2 ends\"",
        "when = \"stage two begins\"",
        "when = \"the ramp ends\"",
        "when = \"ramp ends\"\nat = \"5s\"",
    ]
    .map(staged);
    let staged = staged.iter().map(|text| ("scenario", load, text.as_str()));
    let repeated = [
        "at = \"2s\"\nevery = \"4s\"",
        "at = \"2s\"\ntimes = 3",
        "at = \"2s\"\ntimes = 1\nevery = \"4s\"",
        "at = \"2s\"\ntimes = 2\nevery = \"2500ms\"",
        "at = \"2s\"\ntimes = 2\nevery = \"2s..5s\"",
        "at = \"2s\"\ntimes = 3\nevery = \"3s..4s\"",
        "at = \"5s..2s\"",
        "at = \"2..5s\"",
        "at = \"2s..9s\"",
        "",
        "when = \"ramp ends\"",
        "when = \"stage 2 begins\"",
    ];
    let repeated = repeated.map(|time| ("scenario", at, time));
    let zero = ("scenario", "for = \"2s\"", "for = \"0s..2s\"");
    let meets = "[[fault]]\nname = \"slower\"\nlink = \"back\"\nat = \"0s..6s\"\nfor = \"1s\"\nlatency = { delay = \"2s\" }\n[[gate]]";
    let named = ("scenario", "name = \"slow\"", "name = \"before slow\"");
    let all = repeated.into_iter().chain(staged);
    let all = all.chain([zero, ("scenario", "[[gate]]", meets), named]);
    snapshot("errors of a faults times", &all.collect::<Vec<_>>());
}

#[test]
fn errors_of_how_a_fault_breaks() {
    let latency = "latency = { delay = \"1s\" }";
    let kinds = [
        "latency = { delay = \"0s\" }",
        "latency = { delay = \"0s..0s\" }",
        "latency = { delay = \"1s..x\" }",
        "latency = { delay = \"1s..0s\", jitter = \"1s\" }",
        "bandwidth = { rate = \"1MB/s..10B/s\" }",
        "slow_close = { delay = \"soon\" }",
        "limit = { bytes = \"64\" }",
        "limit = { bytes = \"0B\" }",
        "limit = { bytes = \"64kB\" }\nslice = { size = \"1B\" }",
        "slice = { size = \"100B\", variation = \"100B\" }",
        "slice = { delay = \"1ms\" }",
        "loss = { share = \"0%\" }",
        "loss = { share = \"2\" }",
        "corrupt = { share = \"101%\" }",
        "corrupt = { share = \"0%..x%\" }",
        "fail_first = { connections = 0 }",
        "fail_first = { requests = 3 }",
        "down = true\nshare = \"30%\"",
        "loss = { share = \"2%\" }\nshare = \"0%\"",
        "loss = { share = \"2%\" }\nclients = [\"10.0.0.0/33\", \"::1\", \"here\"]",
    ];
    let requests = [
        "http = { path = \"/a\" }",
        "http = { delay = \"1s\", drop = true }",
        "http = { drop = false }",
        "http = { drop = true, retry_after = \"1s\" }",
        "http = { status = 99 }",
        "http = { status = 503, retry_after = \"1500ms\" }",
        "http = { status = 204, body = \"x\" }",
        "http = { method = \"GET /\", drop = true }",
        "http = { path = \"payments\", drop = true }",
        "http = { headers = { \"a b\" = \"c\" }, drop = true }",
        "http = { rate = \"0.5/s\" }",
        "http = { delay = \"0s..soon\" }",
    ];
    let kinds = kinds.into_iter().chain(requests);
    let mut all: Vec<_> = kinds.map(|kind| ("scenario", latency, kind)).collect();
    let service = "link = \"back\"\nat = \"2s\"\nfor = \"2s\"\nlatency = { delay = \"1s\" }";
    let paused = "service = \"back\"\nat = \"2s\"\nfor = \"2s\"\npause = true\nclients = [\"::1\"]";
    all.push(("scenario", service, paused));
    let ramp = "fault = { link = \"back\", latency = { delay = \"0s..1s\" } }";
    all.push((
        "journey",
        "get = \"/\"\nexpect = [\"status == 200\"]\ncapture = { id = \"$.id\" }",
        ramp,
    ));
    let link = "link = \"back\"\nat = \"2s\"\nfor = \"2s\"\nlatency = { delay = \"1s\" }";
    let struck = [
        "restart = false",
        "crash_loop = { every = \"1ms\" }",
        "cpu = { share = \"99%\" }",
        "cpu = { share = \"10%..50%\" }",
        "memory = { bytes = \"1kB\" }",
        "memory = { bytes = \"200MB\" }\nkill = true",
    ]
    .map(|kind| format!("service = \"back\"\nat = \"2s\"\nfor = \"2s\"\n{kind}"));
    all.extend(struck.iter().map(|kind| ("scenario", link, kind.as_str())));
    snapshot("errors of how a fault breaks", &all);
    let tcp = CONFIG.replace("[target.link.back]", "[target.link.back]\nscheme = \"tcp\"");
    let http = SCENARIO.replace(latency, "http = { drop = true }");
    let files = [
        ("harness.toml", tcp.as_str()),
        ("scenarios/steady.toml", http.as_str()),
    ];
    let found = told(&findings(&sources(&files), &Choice::default()).1);
    assert!(
        found.contains("requests on link `back` can't be read"),
        "{found}"
    );
}

#[test]
fn errors_of_conditions_beside_faults() {
    let at = "at = \"2s\"";
    let whens = [
        "when = \"p95 > 300\"",
        "when = \"p95(vist) > 300ms\"",
        "when = \"recovery(slow) > 3s\"",
        "when = \"probe.queue > 3\"",
        "when = \"p95 > 300ms\"\nat = \"9s\"",
    ];
    let whens = whens.map(|when| ("scenario", at, when));
    let title = "title = \"steady\"";
    let tops = [
        "stop = [\"error_rate > 50\"]",
        "stop = [\"p95(visit/opne) > 1s\", \"capacity > 3/s\"]",
        "stop = \"error_rate > 50%\"",
        "steady = { expect = [] }",
        "steady = { expect = [\"p95 < 1s\"] }",
        "steady = { expects = [\"p95 < 1s\"] }",
    ];
    let tops = tops.map(|top| format!("{title}\n{top}"));
    let tops = tops.iter().map(|top| ("scenario", title, top.as_str()));
    let calm = SCENARIO[..SCENARIO.find("[[fault]]").unwrap()].replace(
        title,
        &format!("{title}\nstop = [\"error_rate > 50%\"]\nsteady = {{ expect = [\"p95 < 1s\"] }}"),
    );
    let shared = "[[fault]]\nname = \"slower\"\nlink = \"back\"\nwhen = \"p95 > 2s\"\nfor = \"1s\"\nlatency = { delay = \"2s\" }\n[[gate]]";
    let all = whens.into_iter().chain(tops);
    let all = all.chain([
        ("scenario", SCENARIO, calm.as_str()),
        ("scenario", "[[gate]]", shared),
    ]);
    snapshot("errors of conditions", &all.collect::<Vec<_>>());
}

#[test]
fn errors_of_scenarios() {
    let overlap = "[[fault]]\nname = \"slow\"\nlink = \"back\"\nat = \"3s\"\nfor = \"1s\"\nlatency = { delay = \"1s\", jitter = \"2s\" }\n\
        [[fault]]\nname = \"slower\"\nlink = \"back\"\nat = \"3s\"\nfor = \"1s\"\nlatency = { delay = \"2s\" }\n[[gate]]";
    snapshot(
        "errors of scenarios",
        &[
            ("scenario", "10/s", "10"),
            ("scenario", "10/s", "10/s..20/year"),
            ("scenario", "10/s", "300000/s"),
            ("scenario", "10/s", "0/s"),
            ("scenario", "for = \"10s\"", "for = \"0s\""),
            ("scenario", "for = \"10s\"", "for = \"3s\""),
            ("scenario", "for = \"10s\"", ""),
            ("scenario", "for = \"10s\"", "for = \"ten\""),
            (
                "scenario",
                "rate = \"10/s\"",
                "stages = [{ rate = \"1/s\", for = \"1s\" }]",
            ),
            ("scenario", "{ visit = 1 }", "{ }"),
            ("scenario", "{ visit = 1 }", "{ visit = -1 }"),
            ("scenario", "{ visit = 1 }", "{ vist = 1 }"),
            ("scenario", "link = \"back\"", "link = \"bakc\""),
            ("scenario", "latency = { delay = \"1s\" }", ""),
            (
                "scenario",
                "latency = { delay = \"1s\" }",
                "latency = { delay = \"1s\" }\ndown = true",
            ),
            (
                "scenario",
                "latency = { delay = \"1s\" }",
                "bandwidth = { rate = \"64 potatoes\" }",
            ),
            ("scenario", "latency = { delay = \"1s\" }", "down = false"),
            ("scenario", "latency = { delay = \"1s\" }", "kill = true"),
            ("scenario", "link = \"back\"", ""),
            ("scenario", "link = \"back\"", "service = \"back\""),
            (
                "scenario",
                "link = \"back\"",
                "link = \"back\"\nservice = \"back\"",
            ),
            (
                "scenario",
                "link = \"back\"\nat = \"2s\"\nfor = \"2s\"\nlatency = { delay = \"1s\" }",
                "service = \"bakc\"\nat = \"2s\"\nfor = \"2s\"\nkill = true",
            ),
            ("scenario", "name = \"slow\"", "name = \"all\""),
            ("scenario", "[[gate]]", overlap),
            (
                "scenario",
                "during = \"slow\"",
                "during = \"recovering slwo\"\nover = \"1h\"",
            ),
            ("scenario", "during = \"slow\"", "during = \"before slwo\""),
            ("scenario", "during = \"slow\"", "during = \"after slow\""),
            ("scenario", "name = \"slow\"", "name = \"before lunch\""),
            ("scenario", "p99(visit/open) < 1s", "p99(vist) < 1s"),
            ("scenario", "p99(visit/open) < 1s", "p99(visit/opne) < 1s"),
            ("scenario", "p99(visit/open) < 1s", "p199(visit) < 1s"),
            ("scenario", "p99(visit/open) < 1s", "p99(visit) < 5%"),
            ("scenario", "p99(visit/open) < 1s", "p99(visit) << 5s"),
            ("scenario", "p99(visit/open) < 1s", "recovery(slwo) < 5s"),
            ("scenario", "p99(visit/open) < 1s", "impact(slwo) < 5s"),
            (
                "scenario",
                "p99(visit/open) < 1s",
                "amplification(bcak) < 2",
            ),
            (
                "scenario",
                "p99(visit/open) < 1s",
                "amplification(back) < 2s",
            ),
            ("scenario", "p99(visit/open) < 1s", "breaker_open < 2s"),
            (
                "scenario",
                "link = \"back\"",
                "link = \"back\"\ndetected = \"p99 < 1s\"",
            ),
            (
                "scenario",
                "link = \"back\"",
                "link = \"back\"\ndetected = \"probe.nope >= 1\"",
            ),
            (
                "scenario",
                "title = \"steady\"",
                "title = \"steady\"\nsettle = \"soon\"",
            ),
        ],
    );
}

#[test]
fn errors_of_whole_files() {
    let many = |name: &str, bytes: &[u8]| {
        let mut sources = sources(&[]);
        sources.add(name, bytes);
        format!(
            "# {name}: {:?}…\n{}\n",
            String::from_utf8_lossy(&bytes[..bytes.len().min(20)]),
            told(&findings(&sources, &Choice::default()).1)
        )
    };
    let mut all = many("harness.toml", b"");
    all += &many("scenarios/steady.toml", b" \n");
    all += &many("harness.toml", b"[project]\nname = \"d\xffmo\"\n");
    all += &many("harness.toml", b"a = 1\0");
    all += &many("scenarios/steady.toml", &vec![b'#'; 10_000_000]);
    all += &many("scenarios/no name.toml", SCENARIO.as_bytes());
    all += &many("scenarios/journeys/visit.toml", b"= 1\ntitle = \nx y\n");
    all += &told(&suite::load(&Sources::new()).1);
    let mut twice = sources(&[(
        "scenarios/journeys/other.toml",
        "title = \"o\"\n[[step]]\nname = \"a\"\nrun = \"visit\"\n",
    )]);
    twice.add(
        "scenarios/journeys/visit.toml",
        JOURNEY.replacen(
            "[[step]]",
            "[[step]]\nname = \"b\"\nrun = \"other\"\n[[step]]",
            1,
        ),
    );
    all += &format!(
        "\n# journeys that run each other\n{}",
        told(&findings(&twice, &Choice::default()).1)
    );
    let mut unreadable = sources(&[]);
    unreadable.unreadable("scenarios/locked.toml", "permission denied");
    all += &format!(
        "\n# a file that can't be read\n{}",
        told(&findings(&unreadable, &Choice::default()).1)
    );
    insta::assert_snapshot!("errors of whole files", all);
}

#[test]
fn errors_of_the_choice() {
    let choices = [
        Choice {
            scenarios: vec!["stedy".into()],
            ..Choice::default()
        },
        Choice {
            profile: Some("ci".into()),
            ..Choice::default()
        },
        Choice {
            variant: Some("fast".into()),
            ..Choice::default()
        },
        Choice {
            tags: Some("a or or".into()),
            ..Choice::default()
        },
        Choice {
            target: Some(Mode::External),
            ..Choice::default()
        },
    ];
    let told: Vec<String> = choices
        .iter()
        .map(|c| told(&findings(&sources(&[]), c).1))
        .collect();
    insta::assert_snapshot!("errors of the choice", told.join("\n"));
}

#[test]
fn one_run_tells_every_error() {
    let mut sources = sources(&[]);
    sources.add(
        "harness.toml",
        CONFIG.replacen("to = \"back\"", "too = 1\nto = \"bakc\"", 1),
    );
    sources.add(
        "scenarios/steady.toml",
        SCENARIO
            .replace("10/s", "10")
            .replace("visit/open", "visit/opne"),
    );
    sources.add(
        "scenarios/journeys/visit.toml",
        JOURNEY.replace("{{ id }}", "{{ di }}"),
    );
    let (_, found) = findings(&sources, &Choice::default());
    let files: Vec<&str> = found
        .iter()
        .filter_map(|d| Some(d.place.as_ref()?.source.name.as_str()))
        .collect();
    for file in [
        "harness.toml",
        "scenarios/steady.toml",
        "scenarios/journeys/visit.toml",
    ] {
        assert!(
            files.contains(&file),
            "{file} is missing in\n{}",
            told(&found)
        );
    }
    assert!(found.len() >= 4, "{}", told(&found));
}

#[test]
fn a_load_that_nothing_judges_is_warned_of() {
    let gate = "[[gate]]\nexpect = \"p99(visit/open) < 1s\"\nduring = \"slow\"\n";
    let without = with("scenario", gate, "");
    assert!(
        without.contains("scenarios/steady.toml:3:1 warning: nothing judges this load"),
        "{without}"
    );
    let suite_wide = format!("{CONFIG}\n[[gate]]\nexpect = \"error_rate < 1%\"\n");
    let bare = SCENARIO.replace(gate, "");
    let files = [
        ("harness.toml", suite_wide.as_str()),
        ("scenarios/steady.toml", bare.as_str()),
    ];
    assert_eq!(
        told(&findings(&sources(&files), &Choice::default()).1),
        "nothing is wrong\n"
    );
}
