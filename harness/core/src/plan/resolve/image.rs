//! Names of images: `shop:dev`, `registry.example/team/shop:1.2`, `postgres@sha256:…`.

use super::findings::Findings;
use crate::suite::at::Str;
use crate::suite::document::Document;

/// An image's name with its tag, `latest` where none is typed: an engine asked to pull without one pulls them all.
pub(super) fn resolve<T>(doc: &Document<T>, typed: &Str, found: &mut Findings) -> Option<String> {
    match named(&typed.value) {
        Ok(image) => Some(image),
        Err(wrong) => {
            let message = format!("`{}` names no image: {wrong}", typed.value);
            let hint = "write it as `shop:dev` or `registry.example/team/shop:1.2`";
            let place = doc.inside(typed, &(0..typed.value.len()));
            found.error_with(place, message, hint);
            None
        }
    }
}

/// The grammar of the distribution project's references, short of its rarest corners.
fn named(text: &str) -> Result<String, &'static str> {
    let (name, digest) = match text.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (text, None),
    };
    let folder = name.rfind('/').map_or(0, |slash| slash + 1);
    let last = name.get(folder..).unwrap_or("");
    let (last, tag) = match last.split_once(':') {
        Some((last, tag)) => (last, Some(tag)),
        None => (last, None),
    };
    let mut parts: Vec<&str> = match folder.checked_sub(1) {
        Some(slash) => name.get(..slash).unwrap_or("").split('/').collect(),
        None => Vec::new(),
    };
    parts.push(last);
    for (index, part) in parts.iter().enumerate() {
        let host = index == 0 && parts.len() > 1;
        sound(part, host)?;
    }
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if let Some(tag) = tag {
        let begins = tag.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        if !begins || tag.len() > 128 || !tag.chars().all(word) {
            return Err("after its `:` a tag of letters, digits, `_`, `.` and `-` must follow");
        }
    }
    match (tag, digest) {
        (_, Some(digest)) => {
            let hex = digest.strip_prefix("sha256:").unwrap_or("");
            let hex = hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit());
            hex.then(|| text.to_owned())
                .ok_or("after its `@` a digest must follow, `sha256:` and 64 hexadecimal digits")
        }
        (Some(_), None) => Ok(text.to_owned()),
        (None, None) => Ok(format!("{text}:latest")),
    }
}

/// One part of a name; the first of several may be a registry's host, with a port and in any case.
fn sound(part: &str, host: bool) -> Result<(), &'static str> {
    let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let inner = |c: char| lower(c) || matches!(c, '.' | '_' | '-');
    if part.is_empty() {
        return Err("a part of its name is empty");
    }
    if host && part.contains(|c: char| matches!(c, '.' | ':') || c.is_ascii_uppercase()) {
        let (name, port) = part.split_once(':').unwrap_or((part, "1"));
        let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        let is_host = !name.is_empty() && name.chars().all(letters);
        return match is_host && port.parse::<u16>().is_ok() {
            true => Ok(()),
            false => Err("before its first `/` a registry's host must stand, with a port or none"),
        };
    }
    if part.contains(|c: char| c.is_ascii_uppercase()) {
        return Err("its name must be in lower case");
    }
    let ends = part.starts_with(lower) && part.ends_with(lower);
    match ends && part.chars().all(inner) {
        true => Ok(()),
        false => Err("its name has lower-case letters, digits, and `.`, `_`, `-` between them"),
    }
}

#[cfg(test)]
mod tests {
    use super::named;
    use proptest::prelude::*;

    #[test]
    fn names_of_images() {
        for (typed, meant) in [
            ("shop", "shop:latest"),
            ("shop:dev", "shop:dev"),
            ("team/shop", "team/shop:latest"),
            ("localhost:5000/shop", "localhost:5000/shop:latest"),
            (
                "Registry.Example/a/b_c:1.2-x",
                "Registry.Example/a/b_c:1.2-x",
            ),
        ] {
            assert_eq!(named(typed).as_deref(), Ok(meant));
        }
        let digest = format!("shop@sha256:{}", "a1".repeat(32));
        assert_eq!(named(&digest), Ok(digest.clone()));
        for (typed, words) in [
            ("", "is empty"),
            ("a//b", "is empty"),
            ("/shop", "is empty"),
            ("Shop", "lower case"),
            ("sh op", "lower-case letters"),
            ("-shop", "lower-case letters"),
            ("shop:", "a tag"),
            ("shop:a b", "a tag"),
            ("shop:-a", "a tag"),
            ("shop@sha256:12", "a digest"),
            ("host:x/shop", "a registry's host"),
        ] {
            let said = named(typed).unwrap_err();
            assert!(said.contains(words), "{typed}: {said}");
        }
    }

    proptest! {
        /// What is meant by a name means itself: it has a tag or a digest, so nothing is added again.
        #[test]
        fn a_name_with_its_tag_stays(text in "[a-zA-Z0-9._/:@ -]{0,24}") {
            if let Ok(meant) = named(&text) {
                prop_assert_eq!(named(&meant), Ok(meant.clone()));
                prop_assert!(meant.starts_with(&text));
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let _ = named(&text);
        }
    }
}
