//! curl command lines as steps. Flags that change what is sent are taken; those that only change what curl prints are left
//! out; what can't be sent by a journey is told with its place.

use super::shell::{self, Word};
use super::{Body, Draft, ImportError, Imported, Step};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harness_core::http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Flags without a value that say nothing about the request.
const IDLE: [&str; 30] = [
    "-s",
    "--silent",
    "-S",
    "--show-error",
    "-v",
    "--verbose",
    "-i",
    "--include",
    "-f",
    "--fail",
    "--fail-with-body",
    "-#",
    "--progress-bar",
    "--no-progress-meter",
    "--compressed",
    "-N",
    "--no-buffer",
    "-O",
    "--remote-name",
    "-J",
    "--globoff",
    "-g",
    "--http1.1",
    "--http2",
    "--http2-prior-knowledge",
    "--path-as-is",
    "--no-keepalive",
    "-4",
    "-6",
    "-q",
];
/// Flags with a value that say nothing about the request, or nothing a journey says.
const IDLE_WITH_VALUE: [&str; 24] = [
    "-o",
    "--output",
    "-w",
    "--write-out",
    "-m",
    "--max-time",
    "--connect-timeout",
    "--retry",
    "--retry-delay",
    "-x",
    "--proxy",
    "--cacert",
    "--cert",
    "-E",
    "--key",
    "--resolve",
    "--connect-to",
    "-c",
    "--cookie-jar",
    "--limit-rate",
    "-D",
    "--dump-header",
    "--stderr",
    "--trace",
];

/// Reads the file that `-d @FILE` names.
pub(crate) type Read<'r> = &'r dyn Fn(&str) -> Result<String, String>;

/// Makes one journey of all commands of an input.
pub(crate) fn import(input: &str, name: &str, read: Read<'_>) -> Result<Imported, ImportError> {
    let mut imported = Imported::default();
    let mut steps = Vec::new();
    for words in shell::commands(input)? {
        let program = words[0].text.rsplit('/').next().unwrap_or_default();
        if !["curl", "curl.exe"].contains(&program) {
            return Err(ImportError {
                place: shell::place(input, words[0].at),
                message: format!("`{}` is not curl", words[0].text),
                hint: "give the command lines alone, each beginning with `curl`".into(),
            });
        }
        let reader = Reader {
            input,
            words: &words[1..],
            next: 0,
            read,
        };
        let command = reader.read()?;
        imported.insecure |= command.insecure;
        imported.notes.extend(command.notes.iter().cloned());
        steps.extend(command.steps(input, words[0].at)?);
    }
    if steps.is_empty() {
        return Err(ImportError {
            place: "line 1".into(),
            message: "there is no curl command".into(),
            hint: "harness import curl 'curl http://…', or several lines on stdin".into(),
        });
    }
    let mut steps = super::spread(&mut imported, steps);
    super::name_steps(&mut steps);
    imported.journeys.push(Draft {
        name: name.to_owned(),
        title: format!("Imported from curl: {}", steps[0].name),
        steps,
        ..Draft::default()
    });
    Ok(imported)
}

/// One command, flag by flag.
#[derive(Default)]
struct Command {
    urls: Vec<(String, usize)>,
    method: Option<(String, usize)>,
    headers: Vec<(String, String)>,
    data: Vec<String>,
    json: bool,
    get: bool,
    head: bool,
    follow: bool,
    insecure: bool,
    notes: Vec<String>,
}

struct Reader<'r> {
    input: &'r str,
    words: &'r [Word],
    next: usize,
    read: Read<'r>,
}

impl Reader<'_> {
    fn fail(&self, at: usize, message: String, hint: &str) -> ImportError {
        ImportError {
            place: shell::place(self.input, at),
            message,
            hint: hint.to_owned(),
        }
    }

    fn read(mut self) -> Result<Command, ImportError> {
        let mut command = Command::default();
        let mut only_urls = false;
        while let Some(word) = self.words.get(self.next) {
            self.next += 1;
            let (text, at) = (word.text.as_str(), word.at);
            if only_urls || text == "-" || !text.starts_with('-') {
                command.urls.push((text.to_owned(), at));
            } else if text == "--" {
                only_urls = true;
            } else if let Some(long) = text.strip_prefix("--") {
                // curl takes a long flag's value from the next word only.
                self.flag(&format!("--{long}"), None, at, &mut command)?;
            } else {
                self.cluster(&text[1..], at, &mut command)?;
            }
        }
        Ok(command)
    }

    /// Short flags in one word: `-sSXPOST`.
    fn cluster(&mut self, all: &str, at: usize, command: &mut Command) -> Result<(), ImportError> {
        for (i, c) in all.char_indices() {
            let rest = &all[i + c.len_utf8()..];
            let attached = Some(rest).filter(|rest| !rest.is_empty());
            if self.flag(&format!("-{c}"), attached, at, command)? {
                break;
            }
        }
        Ok(())
    }

    /// Takes a flag; whether it had a value.
    fn flag(
        &mut self,
        flag: &str,
        attached: Option<&str>,
        at: usize,
        command: &mut Command,
    ) -> Result<bool, ImportError> {
        match flag {
            "-G" | "--get" => command.get = true,
            "-I" | "--head" => command.head = true,
            "-L" | "--location" => command.follow = true,
            "-k" | "--insecure" => command.insecure = true,
            flag if IDLE.contains(&flag) => {}
            _ => {
                let known = self.valued(flag, attached, at, command)?;
                return known.then_some(true).ok_or_else(|| {
                    let hint = "leave it out if it does not change what is sent; forms with files (-F), uploads (-T) and other protocols can't be imported";
                    self.fail(at, format!("`{flag}` can't be imported"), hint)
                });
            }
        }
        Ok(false)
    }

    fn value(
        &mut self,
        flag: &str,
        attached: Option<&str>,
        at: usize,
    ) -> Result<String, ImportError> {
        if let Some(attached) = attached {
            return Ok(attached.to_owned());
        }
        let word = self.words.get(self.next);
        self.next += 1;
        word.map(|word| word.text.clone())
            .ok_or_else(|| self.fail(at, format!("`{flag}` has no value"), ""))
    }

    /// A flag with a value; whether it is one.
    fn valued(
        &mut self,
        flag: &str,
        attached: Option<&str>,
        at: usize,
        command: &mut Command,
    ) -> Result<bool, ImportError> {
        let known = [
            "-X",
            "--request",
            "-H",
            "--header",
            "-d",
            "--data",
            "--data-ascii",
            "--data-raw",
            "--data-binary",
            "--data-urlencode",
            "--json",
            "-u",
            "--user",
            "-b",
            "--cookie",
            "-A",
            "--user-agent",
            "-e",
            "--referer",
            "--url",
            "--oauth2-bearer",
        ];
        let idle = IDLE_WITH_VALUE.contains(&flag);
        if !idle && !known.contains(&flag) {
            return Ok(false);
        }
        let value = self.value(flag, attached, at)?;
        let mut header = |name: &str, value: String| command.headers.push((name.to_owned(), value));
        match flag {
            "-x" | "--proxy" | "--cacert" | "--cert" | "-E" | "--key" | "--resolve"
            | "--connect-to" => {
                command.notes.push(format!("`{flag}` is left out: how the target is reached is said in harness.toml ([target])"));
            }
            _ if idle => {}
            "-X" | "--request" => command.method = Some((value, at)),
            "-H" | "--header" => self.header(&value, at, command)?,
            "-d" | "--data" | "--data-ascii" => {
                let data = self.data(&value, at)?.replace(['\r', '\n'], "");
                // Of a text that was typed, line ends stay: only files lose theirs.
                command
                    .data
                    .push(if value.starts_with('@') { data } else { value });
            }
            "--data-raw" => command.data.push(value),
            "--data-binary" => command.data.push(self.data(&value, at)?),
            "--data-urlencode" => command.data.push(urlencoded(&value)),
            "--json" => {
                command.json = true;
                command.data.push(self.data(&value, at)?);
            }
            "-u" | "--user" => {
                let colon = if value.contains(':') { "" } else { ":" };
                header(
                    "authorization",
                    match value.contains("${env.") {
                        // What is filled in can't be encoded here.
                        true => {
                            return Err(self.fail(
                                at,
                                format!("`{flag}` with a variable can't be imported"),
                                "send the header instead: -H \"authorization: Basic $CREDENTIALS\"",
                            ));
                        }
                        false => format!("Basic {}", STANDARD.encode(format!("{value}{colon}"))),
                    },
                );
            }
            "--oauth2-bearer" => header("authorization", format!("Bearer {value}")),
            "-b" | "--cookie" if value.contains('=') => header("cookie", value),
            "-b" | "--cookie" => command
                .notes
                .push("a file of cookies is left out: a journey keeps those it is given".into()),
            "-A" | "--user-agent" => header("user-agent", value),
            "-e" | "--referer" => header("referer", value),
            _ => command.urls.push((value, at)),
        }
        Ok(true)
    }

    fn header(&self, text: &str, at: usize, command: &mut Command) -> Result<(), ImportError> {
        if text.starts_with('@') {
            return Err(self.fail(
                at,
                "headers of a file can't be imported".into(),
                "write them as -H 'name: value'",
            ));
        }
        let Some((name, value)) = text.split_once(':') else {
            // `-H 'name;'` is a header without a value, `-H 'name'` none at all.
            return match text.strip_suffix(';') {
                Some(name) => {
                    command
                        .headers
                        .push((name.trim().to_ascii_lowercase(), String::new()));
                    Ok(())
                }
                None => Err(self.fail(
                    at,
                    "a header has no `:`".into(),
                    "write it as `name: value`",
                )),
            };
        };
        let name = name.trim().to_ascii_lowercase();
        // `-H 'name:'` takes a header of curl's own out.
        if !value.trim().is_empty() && !super::har::is_framing(&name) {
            command.headers.push((name, value.trim().to_owned()));
        }
        Ok(())
    }

    /// What is sent: a text, or what `@FILE` holds.
    fn data(&self, value: &str, at: usize) -> Result<String, ImportError> {
        match value.strip_prefix('@') {
            None => Ok(value.to_owned()),
            Some(file) => (self.read)(file)
                .map(|text| super::literal(&text))
                .map_err(|reason| self.fail(at, format!("failed to read {file}: {reason}"), "")),
        }
    }
}

/// `name=value` with the value percent-encoded.
fn urlencoded(text: &str) -> String {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    match text.split_once('=') {
        Some(("", value)) => encode(value),
        Some((name, value)) => format!("{name}={}", encode(value)),
        None => encode(text),
    }
}

impl Command {
    /// A step for each URL, with the address it goes to.
    fn steps(self, input: &str, at: usize) -> Result<Vec<(String, Step)>, ImportError> {
        let fail = |at: usize, message: String, hint: &str| ImportError {
            place: shell::place(input, at),
            message,
            hint: hint.to_owned(),
        };
        if self.urls.is_empty() {
            return Err(fail(at, "the command names no URL".into(), ""));
        }
        let method = self.method(&fail)?;
        let separator = if self.json { "" } else { "&" };
        let data = self.data.join(separator);
        let mut steps = Vec::new();
        for (url, at) in &self.urls {
            // curl takes http for granted.
            let whole = if url.contains("://") {
                url.clone()
            } else {
                format!("http://{url}")
            };
            let (base, mut path) = super::split(&whole)
                .map(|(base, path)| (base.to_owned(), path))
                .ok_or_else(|| fail(*at, format!("`{url}` is not an http URL"), ""))?;
            if base.contains('@') {
                return Err(fail(
                    *at,
                    "the URL holds a user or a password".into(),
                    "say it with -u USER:PASSWORD, which is kept out of what is written",
                ));
            }
            if self.get && !data.is_empty() {
                let joint = if path.contains('?') { '&' } else { '?' };
                path = format!("{path}{joint}{data}");
            }
            let mut step = Step::new(method, path.replace(' ', "%20"));
            step.headers = self.headers.iter().cloned().collect();
            step.redirects = if self.follow { 10 } else { 0 };
            if self.json {
                for (name, value) in [
                    ("content-type", "application/json"),
                    ("accept", "application/json"),
                ] {
                    step.headers
                        .entry(name.into())
                        .or_insert_with(|| value.into());
                }
            }
            if !data.is_empty() && !self.get {
                let kind = step.headers.entry("content-type".into());
                let kind = kind
                    .or_insert_with(|| "application/x-www-form-urlencoded".into())
                    .clone();
                step.body = body(&data, &kind);
            }
            steps.push((base, step));
        }
        Ok(steps)
    }

    fn method(
        &self,
        fail: &dyn Fn(usize, String, &str) -> ImportError,
    ) -> Result<Method, ImportError> {
        match &self.method {
            Some((text, at)) => Method::parse(text)
                .filter(|m| *m != Method::Trace)
                .ok_or_else(|| {
                    fail(
                        *at,
                        format!("`{text}` is not a method a journey can send"),
                        "",
                    )
                }),
            None if self.head => Ok(Method::Head),
            None if self.data.is_empty() || self.get => Ok(Method::Get),
            None => Ok(Method::Post),
        }
    }
}

/// Texts of words are templates already.
fn body(data: &str, kind: &str) -> Body {
    match serde_json::from_str(data) {
        Ok(value) if kind.contains("json") && super::toml::holds(&value) => Body::Json(value),
        _ => Body::Text(data.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &str) -> Result<Imported, ImportError> {
        import(input, "mine", &|file| match file {
            "body.json" => Ok("{\"a\":\n1}".to_owned()),
            _ => Err("there is no such file".to_owned()),
        })
    }

    fn step(input: &str) -> Step {
        read(input).unwrap().journeys[0].steps[0].clone()
    }

    #[test]
    fn flags_mean_what_they_mean_to_curl() {
        assert_eq!(step("curl http://a/b?c=d#e").path, "/b?c=d");
        assert_eq!(step("curl a:81").method, Method::Get);
        assert_eq!(
            step("curl -d x=1 -d y=2 a").body,
            Body::Text("x=1&y=2".into())
        );
        assert_eq!(step("curl -d x a").method, Method::Post);
        assert_eq!(
            step("curl -G -d x=1 --data-urlencode 'q=a b' a/p").path,
            "/p?x=1&q=a%20b"
        );
        assert_eq!(step("curl -sSLXPUT a").method, Method::Put);
        assert_eq!(step("curl -sSLXPUT a").redirects, 10);
        assert_eq!(step("curl -I a").method, Method::Head);
        assert_eq!(
            step("curl --json '{\"a\":1}' a").body,
            Body::Json(serde_json::json!({ "a": 1 }))
        );
        assert_eq!(
            step("curl --data-binary @body.json -H 'Content-Type: application/json' a").body,
            Body::Json(serde_json::json!({ "a": 1 }))
        );
        assert_eq!(
            step("curl -d @body.json a").body,
            Body::Text("{\"a\":1}".into())
        );
        assert_eq!(
            step("curl -u ada:pw a").headers["authorization"],
            "Basic YWRhOnB3"
        );
        assert_eq!(step("curl -b a=b a").headers["cookie"], "a=b");
        assert_eq!(
            step("curl --url a/x -A me -e you").headers["referer"],
            "you"
        );
        assert!(
            step("curl -H 'Content-Length: 5' -H 'Accept:' a")
                .headers
                .is_empty()
        );
        assert!(read("curl -k a").unwrap().insecure);
        assert_eq!(read("curl a b").unwrap().journeys[0].steps.len(), 2);
    }

    #[test]
    fn several_commands_and_hosts_are_one_journey() {
        let imported = read("curl http://a/1\ncurl http://b:81/2 && curl http://a/1").unwrap();
        assert_eq!(imported.base, "http://a");
        let steps = &imported.journeys[0].steps;
        let names: Vec<_> = steps.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(names, ["GET /1", "GET /2", "GET /1 (2)"]);
        assert_eq!(steps[1].service.as_deref(), Some("b-81"));
        assert_eq!(imported.services["b-81"], "http://b:81");
    }

    #[test]
    fn what_lets_somebody_in_is_taken_out_and_reads_from_the_environment() {
        let mut imported = read(
            "curl -u ada:hunter2 -b 'session=hunter2' -H 'X-Api-Key: hunter2' -H \"x-token: $MY_TOKEN\" 'http://a/?token=hunter%32&q=1' \
             -H 'content-type: application/json' -d '{\"user\":\"ada\",\"password\":\"hunter2\"}'",
        ).unwrap();
        super::super::hide(&mut imported);
        let written = super::super::journey(&imported.journeys[0], "curl")
            + &super::super::config(&imported, "a", true);
        for plain in ["hunter", "aHVudGVy", "YWRh"] {
            assert!(!written.contains(plain), "{written}");
        }
        insta::assert_snapshot!("curl-with-secrets", written);
    }

    #[test]
    fn what_can_not_be_imported_is_told_with_its_place() {
        for (input, wanted) in [
            ("", "there is no curl command"),
            ("wget http://a", "line 1, column 1: `wget` is not curl"),
            ("curl", "line 1, column 1: the command names no URL"),
            (
                "curl http://a\ncurl -F file=@x http://a",
                "line 2, column 6: `-F` can't be imported",
            ),
            (
                "curl ftp://a/x",
                "line 1, column 6: `ftp://a/x` is not an http URL",
            ),
            ("curl -H", "line 1, column 6: `-H` has no value"),
            (
                "curl -H nonsense a",
                "line 1, column 6: a header has no `:`",
            ),
            ("curl -d @none a", "line 1, column 6: failed to read none"),
            (
                "curl -X FETCH a",
                "line 1, column 6: `FETCH` is not a method",
            ),
            (
                "curl http://u:hunter2@a/",
                "line 1, column 6: the URL holds a user",
            ),
            (
                "curl --frobnicate a",
                "line 1, column 6: `--frobnicate` can't be imported",
            ),
        ] {
            let told = read(input).unwrap_err();
            assert!(told.to_string().contains(wanted), "{input}: {told}");
            assert!(!format!("{told:?}").contains("hunter2"));
        }
    }
}
