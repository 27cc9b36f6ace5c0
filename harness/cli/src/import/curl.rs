//! curl command lines as steps of one journey: what each command's flags come to (`flags`) is made a step for each of its
//! URLs; what can't be sent by a journey is told with its place.

mod flags;

use super::shell;
use super::{Body, Draft, ImportError, Imported, Step};
use harness_core::http::Method;

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
        let command = flags::read(input, &words[1..], read)?;
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

/// What one command says.
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
