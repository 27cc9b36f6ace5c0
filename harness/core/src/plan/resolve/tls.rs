//! How the target is reached beyond its URL: `[target.tls]` and `[target] socket`. Looks at what the files are said to
//! be, not into certificates: who makes connections does that.

use super::findings::Findings;
use crate::plan::target::Mode;
use crate::suite::at::{At, Str};
use crate::suite::document::Document;
use crate::suite::raw::{ConfigFile, Target, Tls};
use crate::suite::{Suite, relative};
use crate::tls::{TlsKey, TlsPlan};

/// Bytes a Unix socket's path may have: what the system's address holds, less its end.
const SOCKET_PATH: usize = 107;

/// What `[target.tls]` says; `None` where it is not there.
pub(super) fn resolve(suite: &Suite, found: &mut Findings) -> Option<TlsPlan> {
    let doc = &suite.config;
    let raw = doc.raw.target.as_ref()?.value.tls.as_ref()?;
    let tls = &raw.value;
    let mut file = |key: TlsKey, path: &Option<Str>| {
        let path = path.as_ref()?;
        self::file(suite, key, path, found)
    };
    let plan = TlsPlan {
        ca: file(TlsKey::Ca, &tls.ca),
        cert: file(TlsKey::Cert, &tls.cert),
        key: file(TlsKey::Key, &tls.key),
        server_name: tls.server_name.as_ref().map(|name| name.value.clone()),
        insecure: tls.insecure.as_ref().is_some_and(|flag| flag.value),
    };
    pairs(doc, raw, found);
    if let Some(name) = &tls.server_name
        && (name.value.is_empty() || name.value.contains([' ', '/', ':', '*']))
    {
        found.error_with(
            doc.at(name),
            format!("{:?} is not the name of a server", name.value),
            "write the host's name as its certificate has it, without scheme and port",
        );
    }
    Some(plan)
}

fn pairs(doc: &Document<ConfigFile>, raw: &At<Tls>, found: &mut Findings) {
    let tls = &raw.value;
    let alone = match (&tls.cert, &tls.key) {
        (Some(cert), None) => Some((cert, "cert", "key")),
        (None, Some(key)) => Some((key, "key", "cert")),
        _ => None,
    };
    if let Some((there, this, other)) = alone {
        found.error_with(
            doc.at(there),
            format!("`{this}` needs `{other}` beside it"),
            "a client shows a certificate and proves with its private key that it owns it",
        );
    }
    if let Some(insecure) = tls.insecure.as_ref().filter(|flag| flag.value) {
        let (message, hint) = if tls.ca.is_some() {
            (
                "`insecure` accepts every certificate, so `ca` decides nothing",
                "take `insecure` out, now that the authority is known",
            )
        } else {
            (
                "any certificate is accepted: nothing is known of who answers",
                "give [target.tls] the authority's certificate as `ca` instead; every report of this run says it too",
            )
        };
        found.warning(doc.at(insecure), message, hint);
    }
}

/// The file's path, if there is such a text and it is what the key needs.
fn file(suite: &Suite, key: TlsKey, path: &Str, found: &mut Findings) -> Option<String> {
    let doc = &suite.config;
    let name = match relative(&path.value) {
        Ok(name) => name,
        Err(reason) => {
            found.error(doc.at(path), reason);
            return None;
        }
    };
    let text = match suite.sources.referenced(&name, doc.at(path)) {
        Ok(source) => &source.text,
        Err(finding) => {
            // What is no text may be the same in its binary form; its bytes are shown to nobody.
            let binary = finding.message.contains("UTF-8");
            if binary {
                let message = format!("`{name}` is not a PEM file: it is not even text");
                found.error_with(doc.at(path), message, converts(key));
            } else {
                found.out.push(finding);
            }
            return None;
        }
    };
    let wanted = match key {
        TlsKey::Key => "PRIVATE KEY-----",
        _ => "-----BEGIN CERTIFICATE-----",
    };
    if key == TlsKey::Key && text.contains("ENCRYPTED") {
        found.error_with(
            doc.at(path),
            format!("the key in `{name}` is locked with a passphrase"),
            format!("unlock it into a file of its own: `openssl pkey -in {name} -out …`"),
        );
        return None;
    }
    if !text.contains(wanted) {
        let what = if key == TlsKey::Key {
            "private key"
        } else {
            "certificate"
        };
        found.error_with(
            doc.at(path),
            format!("there is no {what} in `{name}`"),
            format!(
                "it must be a PEM file with a part that begins `-----BEGIN {}-----`",
                what.to_uppercase()
            ),
        );
        return None;
    }
    Some(name)
}

const fn converts(key: TlsKey) -> &'static str {
    match key {
        TlsKey::Key => "convert it with `openssl pkey -inform der -in … -out key.pem`",
        _ => "convert it with `openssl x509 -inform der -in … -out cert.pem`",
    }
}

/// The Unix socket that every request goes through, as typed.
pub(super) fn socket(
    doc: &Document<ConfigFile>,
    raw: &Target,
    mode: Mode,
    found: &mut Findings,
) -> Option<String> {
    let path = raw.socket.as_ref()?;
    if path.value.is_empty() || path.value.len() > SOCKET_PATH || path.value.contains('\0') {
        found.error(
            doc.at(path),
            format!(
                "the path of a Unix socket has 1 to {SOCKET_PATH} bytes, this has {}",
                path.value.len()
            ),
        );
        return None;
    }
    if mode != Mode::External {
        found.error_with(
            doc.at(path),
            "only an external target is reached through a Unix socket",
            "set `mode = \"external\"` and `url`, whose host goes into the requests",
        );
        return None;
    }
    Some(path.value.clone())
}
