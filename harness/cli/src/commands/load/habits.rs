//! What users of other tools write out of habit and what it is called here: looked at when a command line of `load` is not
//! understood, or would be understood as something else. Pure.

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// A flag of other tools.
struct Habit {
    /// As it is written there.
    flags: &'static [&'static str],
    /// What to write here.
    here: &'static str,
}

const fn habit(flags: &'static [&'static str], here: &'static str) -> Habit {
    Habit { flags, here }
}

/// Flags that are not ours.
const HABITS: &[Habit] = &[
    habit(&["-R"], "wrk2's rate is `-q RATE`, over all connections"),
    habit(
        &[
            "--latency",
            "-L",
            "-U",
            "--u_latency",
            "--latency-correction",
            "-B",
            "--batch_latency",
        ],
        "leave it out: percentiles are always shown, and always count from when a request was meant to be sent",
    ),
    habit(
        &["-s", "--script"],
        "wrk's scripts are journeys here (`harness init URL`, docs/journeys.md); ab's time limit is `--timeout`",
    ),
    habit(
        &["-i", "--iterations"],
        "ab's HEAD is `-m HEAD`; k6's iterations are `-n`",
    ),
    habit(&["-u"], "ab's PUT is `-m PUT -D FILE`; k6's users are `-c`"),
    habit(&["--vus", "--users"], "users are `-c`"),
    habit(
        &["--stage"],
        "k6's stages are `stages` of a scenario (docs/load.md); a single ramp is `-q 10/s..500/s`",
    ),
    habit(
        &["-p"],
        "ab's body is `-D FILE`; oha's requests at once on an HTTP/2 connection are `--http2 --streams N`",
    ),
    habit(
        &["-A"],
        "oha's and hey's is `-H 'accept: …'`; ab's password is `-a USER:PASSWORD`",
    ),
    habit(
        &["-P", "-x", "--proxy", "--proxy-header"],
        "there is no proxy here: a load through one would measure it too; leave it out",
    ),
    habit(
        &["-r", "--redirect"],
        "oha's limit of redirects is `--redirects N`; ab's `-r` can be left out: a load goes on after errors",
    ),
    habit(
        &["--disable-redirect", "--disable-redirects"],
        "leave it out: redirects are not followed unless `--redirects N` says so",
    ),
    habit(
        &["--disable-compression", "--compressed"],
        "leave it out: nothing compressed is asked for unless `-H 'accept-encoding: gzip'` says so",
    ),
    habit(
        &["--keepalive", "--keep-alive"],
        "leave it out: connections are kept alive; `--disable-keepalive` opens one for each request",
    ),
    habit(
        &["-o", "--output", "--output-format", "-j"],
        "figures for programs are `--format json`, on stdout; a page is `--html FILE`",
    ),
    habit(
        &["-g", "-e", "-w"],
        "figures for programs are `--format json`; a page with charts is `--html FILE`; oha's `-w` can be left out: what is under way at the end is counted as cancelled",
    ),
    habit(&["--cpus"], "threads are `-t N`"),
    habit(
        &["--http-version"],
        "HTTP/2 is `--http2`, HTTP/1.1 is `--http1.1`",
    ),
    habit(
        &["--connect-to", "--resolve"],
        "write the address into the URL and the name into `--host`",
    ),
    habit(
        &["-4", "-6", "--ipv4", "--ipv6"],
        "write the address into the URL, `http://127.0.0.1/` or `http://[::1]/`, and the name into `--host`",
    ),
    habit(
        &["--burst-delay", "--burst-rate"],
        "bursts are `stages` of a scenario, or its `preset = \"spike\"` (docs/load.md)",
    ),
    habit(
        &["--rand-regex-url", "--max-repeat", "--dump-urls"],
        "write what changes into the URL: `/items/{{ int(1, 1000) }}`, `/{{ alnum(8) }}`",
    ),
    habit(
        &["--urls-from-file", "--url-file"],
        "several URLs are a journey with `data` (docs/journeys.md); `harness import` makes one",
    ),
    habit(
        &["--fps"],
        "leave it out: the screen is drawn a few times a second; `--no-tui` leaves it out",
    ),
    habit(&["--no-color", "--disable-color"], "set NO_COLOR=1"),
    habit(
        &[
            "-l",
            "--stats-success-breakdown",
            "-v",
            "--debug",
            "--db-url",
        ],
        "leave it out; the report holds every figure there is, and `--log debug` is harness's own log",
    ),
    habit(
        &["--body-path", "--data-binary", "--data-raw", "-b"],
        "a body is `-d TEXT` or `-D FILE`; curl's cookie is `-H 'cookie: …'`",
    ),
    habit(&["--user"], "basic authentication is `-a USER:PASSWORD`"),
    habit(&["--cacerts", "--ca"], "it is `--cacert FILE`"),
];

/// Long flags with one dash, as hey writes them: read as short ones they would mean something else.
const ONE_DASH: &[(&str, &str)] = &[
    ("-h2", "--http2"),
    ("-host", "--host"),
    ("-cpus", "-t"),
    ("-disable-keepalive", "--disable-keepalive"),
    ("-disable-compression", "nothing: leave it out"),
    (
        "-disable-redirects",
        "nothing: leave it out, redirects are not followed",
    ),
];

/// What is not meant as it stands, and how it is written here. To be asked before the line is read.
pub(crate) fn misleading(line: &[String]) -> Option<(String, String)> {
    let arguments = arguments(line)?;
    let found = arguments.iter().find_map(|argument| {
        let dashed = ONE_DASH.iter().find(|(flag, _)| argument == flag)?;
        Some(*dashed)
    });
    if let Some((flag, here)) = found {
        let hint = format!("here it is {here}");
        return Some((format!("`{flag}` is not a flag of harness load"), hint));
    }
    let cookie = arguments
        .windows(2)
        .find(|pair| pair[0] == "-C" && pair[1].contains('='));
    cookie.map(|_| {
        let hint = "a cookie is `-H 'cookie: NAME=VALUE'`, and kept out of reports".to_owned();
        ("`-C` names a suite's folder".to_owned(), hint)
    })
}

/// What a flag that is not known is called here.
pub(crate) fn unknown(line: &[String], error: &clap::Error) -> Option<(String, String)> {
    arguments(line)?;
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let flag = flag.split(['=', ' ']).next().unwrap_or_default();
    let habit = HABITS.iter().find(|habit| habit.flags.contains(&flag))?;
    let message = format!("`{flag}` is not a flag of harness load");
    Some((message, habit.here.to_owned()))
}

/// What stands behind `load`, if that is the command.
fn arguments(line: &[String]) -> Option<&[String]> {
    // Flags of every command may stand before it; none of their values is a command's name.
    let at = line.iter().skip(1).position(|word| word == "load")? + 1;
    let first = line
        .iter()
        .skip(1)
        .position(|word| !word.starts_with('-'))?
        + 1;
    (at <= first + 1).then(|| &line[at + 1..])
}

/// Every flag of the table.
#[cfg(test)]
pub(crate) fn flags() -> impl Iterator<Item = &'static str> {
    HABITS.iter().flat_map(|habit| habit.flags.iter().copied())
}
