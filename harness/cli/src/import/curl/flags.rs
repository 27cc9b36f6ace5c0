//! What the flags of one curl command say. Flags that change what is sent are taken; those that only change what curl prints
//! or how it gets there are left out; any other is refused with its place. Knows no step.

use super::{Command, Read};
use crate::import::shell::{self, Word};
use crate::import::{ImportError, har, literal};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
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
const IDLE_WITH_VALUE: [&str; 16] = [
    "-o",
    "--output",
    "-w",
    "--write-out",
    "-m",
    "--max-time",
    "--connect-timeout",
    "--retry",
    "--retry-delay",
    "-c",
    "--cookie-jar",
    "--limit-rate",
    "-D",
    "--dump-header",
    "--stderr",
    "--trace",
];
/// Flags with a value about how a target is reached, which the suite says elsewhere.
const REACH: [&str; 8] = [
    "-x",
    "--proxy",
    "--cacert",
    "--cert",
    "-E",
    "--key",
    "--resolve",
    "--connect-to",
];
/// Flags with a value that change what is sent, or whereto.
const TAKEN: [&str; 21] = [
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

/// Reads the words behind `curl`.
pub(super) fn read(input: &str, words: &[Word], read: Read<'_>) -> Result<Command, ImportError> {
    let reader = Reader {
        input,
        words,
        next: 0,
        read,
    };
    reader.read()
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
        let (idle, reach) = (IDLE_WITH_VALUE.contains(&flag), REACH.contains(&flag));
        if !idle && !reach && !TAKEN.contains(&flag) {
            return Ok(false);
        }
        let value = self.value(flag, attached, at)?;
        let mut header = |name: &str, value: String| command.headers.push((name.to_owned(), value));
        match flag {
            _ if reach => {
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
            "-u" | "--user" => header("authorization", self.basic(flag, &value, at)?),
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

    /// The header that curl makes of a user and a password.
    fn basic(&self, flag: &str, user: &str, at: usize) -> Result<String, ImportError> {
        if user.contains("${env.") {
            // What is filled in can't be encoded here.
            return Err(self.fail(
                at,
                format!("`{flag}` with a variable can't be imported"),
                "send the header instead: -H \"authorization: Basic $CREDENTIALS\"",
            ));
        }
        let colon = if user.contains(':') { "" } else { ":" };
        Ok(format!(
            "Basic {}",
            STANDARD.encode(format!("{user}{colon}"))
        ))
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
        if !value.trim().is_empty() && !har::is_framing(&name) {
            command.headers.push((name, value.trim().to_owned()));
        }
        Ok(())
    }

    /// What is sent: a text, or what `@FILE` holds.
    fn data(&self, value: &str, at: usize) -> Result<String, ImportError> {
        match value.strip_prefix('@') {
            None => Ok(value.to_owned()),
            Some(file) => (self.read)(file)
                .map(|text| literal(&text))
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
