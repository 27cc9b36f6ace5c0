//! Evidence of an exchange: what was sent and what came, cut to size, with the shell line that sends it again.

use crate::event::{Excerpt, Exchange};
use crate::http::{Failure, Method, Request, Response, Timing};
use std::fmt::Write as _;

/// An exchange as it goes into an event; without a result for a request that was never answered.
pub fn exchange(
    request: &Request,
    result: Option<&Result<Response, Failure>>,
    timing: Timing,
) -> Exchange {
    let response = result.and_then(|result| result.as_ref().ok());
    Exchange {
        method: request.method,
        url: request.url.clone(),
        request_headers: request.headers.clone(),
        request_body: Excerpt::of(&request.body, request.body.len() as u64),
        status: response.map(|r| r.status),
        failure: result.and_then(|result| result.as_ref().err().cloned()),
        response_headers: response.map(|r| r.headers.clone()).unwrap_or_default(),
        response_body: response
            .map(|r| Excerpt::of(&r.body, r.body_len))
            .unwrap_or_default(),
        timing,
        curl: curl(request),
    }
}

/// A shell line that sends a request again. A body that is too long or not text is left to the reader, and said.
pub fn curl(request: &Request) -> String {
    let mut line = "curl -sS -i".to_owned();
    if request.url.contains(['[', ']', '{', '}']) {
        line.push_str(" -g");
    }
    // Writing to a String can't fail.
    match request.method {
        Method::Get => {}
        Method::Head => line.push_str(" --head"),
        method => _ = write!(line, " -X {method}"),
    }
    let _ = write!(line, " {}", quoted(&request.url));
    for (name, value) in &request.headers {
        // With nothing after the colon the header would be dropped instead of sent empty.
        let header = match value.as_str() {
            "" => format!("{name};"),
            value => format!("{name}: {value}"),
        };
        let _ = write!(line, " -H {}", quoted(&header));
    }
    if !request.body.is_empty() && request.header("content-type").is_none() {
        line.push_str(" -H 'content-type:'");
    }
    match std::str::from_utf8(&request.body) {
        Ok("") => {}
        Ok(body) if body.len() <= Excerpt::LIMIT && !body.contains('\0') => {
            // A leading @ would name a file to be sent.
            let option = if body.starts_with('@') {
                "--data-raw"
            } else {
                "--data-binary"
            };
            _ = write!(line, " {option} {}", quoted(body));
        }
        _ => {
            _ = write!(
                line,
                " --data-binary @body # {} bytes, to be put into the file `body`",
                request.body.len()
            );
        }
    }
    line
}

/// A word for a shell.
fn quoted(text: &str) -> String {
    if !text
        .chars()
        .any(|c| c.is_control() && c != '\n' && c != '\t')
    {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    // A terminal could act on control characters: they are spelled out.
    let mut out = "$'".to_owned();
    for c in text.chars() {
        match c {
            '\'' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => c
                .encode_utf8(&mut [0; 4])
                .bytes()
                .for_each(|byte| _ = write!(out, "\\x{byte:02x}")),
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn the_line_is_safe_in_a_shell() {
        let request = Request {
            method: Method::Post,
            url: "http://a/x?q='; rm -rf /'".into(),
            headers: vec![("x-api-key".into(), "k".into())],
            body: Bytes::from_static(b"{\"it\":\"isn't\"}"),
        };
        let line = curl(&request);
        // The shell itself says what it reads.
        let echoed = std::process::Command::new("sh")
            .args(["-c", &line.replacen("curl", "printf '%s\\n'", 1)])
            .output()
            .unwrap();
        let words: Vec<_> = std::str::from_utf8(&echoed.stdout)
            .unwrap()
            .lines()
            .collect();
        assert_eq!(
            words,
            [
                "-sS",
                "-i",
                "-X",
                "POST",
                "http://a/x?q='; rm -rf /'",
                "-H",
                "x-api-key: k",
                "-H",
                "content-type:",
                "--data-binary",
                "{\"it\":\"isn't\"}"
            ]
        );
    }

    #[test]
    fn long_and_binary_bodies_are_named() {
        let request = |body: Vec<u8>| Request {
            method: Method::Put,
            url: "http://a".into(),
            headers: vec![],
            body: body.into(),
        };
        assert!(curl(&request(vec![0xff, 0xfe])).contains("2 bytes"));
        assert!(curl(&request(vec![b'x'; 5000])).contains("5000 bytes"));
    }

    #[test]
    fn what_the_target_sent_neither_names_a_file_nor_steers_a_terminal() {
        let request = |body: &str| Request {
            method: Method::Post,
            url: "http://a/[1]".into(),
            headers: vec![("x-empty".into(), String::new())],
            body: Bytes::from(body.to_owned()),
        };
        let head = "curl -sS -i -g -X POST 'http://a/[1]' -H 'x-empty;' -H 'content-type:'";
        assert_eq!(
            curl(&request("@/etc/passwd")),
            format!("{head} --data-raw '@/etc/passwd'")
        );
        assert_eq!(
            curl(&request("a\x1b]\u{9b}'\\")),
            format!(r"{head} --data-binary $'a\x1b]\xc2\x9b\'\\'")
        );
        assert!(curl(&request("a\0b")).contains("3 bytes"));
    }
}
