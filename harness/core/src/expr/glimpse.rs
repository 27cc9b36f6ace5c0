//! The values at plain paths (`$.a.b`) of a JSON text, found while it is read: nothing else is built. Finds exactly what
//! would be found in the whole value, and fails exactly where, and as, reading that would. Knows no expectation.

use super::step::{Path, StepSubject};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;
use std::fmt;

/// The names of a plain path from the root down; `None` for any other path.
pub(super) fn names(source: &str) -> Option<Box<[Box<str>]>> {
    let plain = |name: &str| {
        let odd = |byte: u8| !byte.is_ascii_alphanumeric() && byte != b'_';
        !name.is_empty() && !name.as_bytes()[0].is_ascii_digit() && !name.bytes().any(odd)
    };
    let names = source.strip_prefix("$.")?.split('.');
    names.map(|name| plain(name).then(|| name.into())).collect()
}

/// What is at the plain paths of one text.
#[derive(Debug)]
pub(super) struct Glimpse<'p> {
    sought: Vec<Sought<'p>>,
    error: Option<String>,
}

/// A path, and what has been found there so far.
#[derive(Debug)]
struct Sought<'p> {
    names: &'p [Box<str>],
    /// How many of its names lead to where the reader is.
    along: usize,
    found: Option<Json>,
}

impl<'p> Glimpse<'p> {
    /// Looks in a text for all that some subjects want of it; `None` if that is nothing, or takes the whole value.
    pub(super) fn of(
        subjects: impl Iterator<Item = &'p StepSubject>,
        text: impl FnOnce() -> Result<&'p [u8], String>,
        unreadable: impl FnOnce(serde_json::Error) -> String,
    ) -> Option<Self> {
        let mut sought = Vec::new();
        for subject in subjects.filter_map(StepSubject::path) {
            let names = subject.names()?;
            sought.push(Sought {
                names,
                along: 0,
                found: None,
            });
        }
        if sought.is_empty() {
            return None;
        }
        let read = text().and_then(|text| look(text, &mut sought).map_err(unreadable));
        let error = read.err();
        Some(Self { sought, error })
    }

    /// What is at a path, or why nothing can be; `None` if this path was not looked for.
    pub(super) fn at(&self, path: &Path) -> Option<Result<Option<&Json>, &str>> {
        let names = path.names()?;
        let sought = self.sought.iter().find(|sought| sought.names == names)?;
        Some(match &self.error {
            Some(error) => Err(error),
            None => Ok(sought.found.as_ref()),
        })
    }
}

fn look(text: &[u8], sought: &mut [Sought<'_>]) -> Result<(), serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    Inside { sought, depth: 0 }.deserialize(&mut reader)?;
    reader.end()
}

/// Reads a value to which so many names have led; checks it as if it were kept.
struct Inside<'s, 'p> {
    sought: &'s mut [Sought<'p>],
    depth: usize,
}

/// What a member is to those who seek.
enum Member {
    Ignored,
    /// It leads on.
    Inner,
    /// It is what somebody seeks.
    Wanted,
}

impl Inside<'_, '_> {
    /// For a value in which nobody seeks anything.
    const fn ignored() -> Self {
        Self {
            sought: &mut [],
            depth: 0,
        }
    }

    /// Follows a member's name. Of members of one name the last counts, so what an earlier one had is forgotten.
    fn enter(&mut self, name: &str) -> Member {
        let mut member = Member::Ignored;
        for sought in &mut *self.sought {
            let next = sought.names.get(self.depth);
            if sought.along != self.depth || next.is_none_or(|next| **next != *name) {
                continue;
            }
            sought.along += 1;
            sought.found = None;
            if sought.along == sought.names.len() {
                member = Member::Wanted;
            } else if matches!(member, Member::Ignored) {
                member = Member::Inner;
            }
        }
        member
    }

    /// Comes back out of a member, whose value is known if somebody sought it.
    fn leave(&mut self, value: Option<Json>) {
        let mut first = None;
        for sought in &mut *self.sought {
            if sought.along <= self.depth {
                continue;
            }
            sought.along = self.depth;
            let mut rest = sought.names[self.depth + 1..].iter();
            match &value {
                Some(_) if rest.len() == 0 && first.is_none() => first = Some(sought),
                Some(value) => {
                    sought.found = rest.try_fold(value, |at, name| at.get(&**name)).cloned();
                }
                None => {}
            }
        }
        if let Some(first) = first {
            first.found = value;
        }
    }
}

impl<'de> DeserializeSeed<'de> for Inside<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Inside<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any valid JSON value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Inside::ignored())?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        while let Some(member) = members.next_key_seed(Name(&mut self))? {
            match member {
                Member::Ignored => members.next_value_seed(Inside::ignored())?,
                Member::Inner => {
                    let depth = self.depth + 1;
                    let sought = &mut *self.sought;
                    members.next_value_seed(Inside { sought, depth })?;
                    self.leave(None);
                }
                Member::Wanted => {
                    let value: Json = members.next_value()?;
                    self.leave(Some(value));
                }
            }
        }
        Ok(())
    }
}

/// Reads a member's name.
struct Name<'i, 's, 'p>(&'i mut Inside<'s, 'p>);

impl<'de> DeserializeSeed<'de> for Name<'_, '_, '_> {
    type Value = Member;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Member, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name<'_, '_, '_> {
    type Value = Member;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string key")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Member, E> {
        Ok(self.0.enter(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a glimpse and the whole value say of paths.
    fn both(text: &[u8], paths: &[&str]) -> [Vec<Result<Option<Json>, String>>; 2] {
        let subjects: Vec<StepSubject> = paths.iter().map(|path| path.parse().unwrap()).collect();
        let glimpse = Glimpse::of(subjects.iter(), || Ok(text), |error| error.to_string()).unwrap();
        let whole = serde_json::from_slice::<Json>(text).map_err(|error| error.to_string());
        let paths = || subjects.iter().filter_map(StepSubject::path);
        let glimpsed = paths().map(|path| {
            let at = glimpse.at(path).unwrap();
            at.map(|found| found.cloned()).map_err(str::to_owned)
        });
        let queried = paths().map(|path| {
            let whole = whole.as_ref().map_err(Clone::clone)?;
            Ok(path.compiled.query(whole).first().cloned())
        });
        [glimpsed.collect(), queried.collect()]
    }

    #[test]
    fn plain_paths_are_told_from_others() {
        let parts = |source| names(source).map(|names| names.join("/"));
        assert_eq!(parts("$.a._b.c9"), Some("a/_b/c9".into()));
        for other in [
            "$", "$.", "$..a", "$.a[0]", "$['a']", "$.*", "$.9a", "$.a ", "$.é", "$.a.", "$.a-b",
            "$[?@.a]",
        ] {
            assert_eq!(names(other), None, "{other}");
        }
    }

    #[test]
    fn nothing_is_looked_for_where_the_whole_value_is_needed() {
        let glimpse = |texts: &[&str]| {
            let subjects: Vec<StepSubject> =
                texts.iter().map(|text| text.parse().unwrap()).collect();
            Glimpse::of(subjects.iter(), || Ok(b"{}"), |error| error.to_string()).is_some()
        };
        assert!(glimpse(&["status", "$.a", "header.etag", "count(list)"]));
        assert!(glimpse(&["count($.a)", "distinct($.a)"]));
        for texts in [
            &["$.a", "$.b[*]"][..],
            &["$.a", "count($..b)"],
            &["status", "body"],
            &[],
        ] {
            assert!(!glimpse(texts), "{texts:?}");
        }
    }

    #[test]
    fn what_is_odd_is_found_and_refused_as_in_the_whole() {
        let deep = |depth: usize| format!("{{\"b\": {}1{}}}", "[".repeat(depth), "]".repeat(depth));
        for text in [
            r#"{"a": 1, "a": {"b": 2}}"#,
            r#"{"a": {"b": 2}, "a": {}}"#,
            r#"{"a": {"b": 2}, "a": 3}"#,
            r#"{"\u0061": {"b\u0000": 1, "b": "\ud83d\ude00"}}"#,
            r#"{"a": {"b": {"c": [1, {"a": 2}]}}, "c": -0.0}"#,
            r#"{"a": {"c": 1, "b": 2}, "b": {"c": 3}}"#,
            r#"{"b": {"b": 1, "c": 2}, "a": {"c": 3}}"#,
            r#"[{"a": 1}]"#,
            r#"{"a": 1} x"#,
            r#"{"x": 1e999}"#,
            r#"{"x": 123456789012345678901234567890, "a": 18446744073709551615}"#,
            r#"{"x": "\ud800"}"#,
            r#"{"a": 1,}"#,
            r#"{"a" 1}"#,
            r#"{1: 1}"#,
            "",
            "7",
            &deep(126),
            &deep(127),
        ] {
            let (all, inner) = (
                ["$.a", "$.a.b", "$.b", "$.a.b.c", "$.c", "$.a.b"],
                ["$.a.b", "$.b.c"],
            );
            for paths in [&all[..], &inner] {
                let [glimpsed, queried] = both(text.as_bytes(), paths);
                assert_eq!(glimpsed, queried, "{text}");
            }
        }
        let [glimpsed, queried] = both(b"{\"x\": \"\xff\"}", &["$.a"]);
        assert_eq!(glimpsed, queried);
    }

    /// A JSON text of few names, so that they meet and repeat.
    fn text() -> impl Strategy<Value = String> {
        let leaf = prop::sample::select(vec![
            "1",
            "-0.5e3",
            "true",
            "null",
            "\"t\"",
            "\"\\u00e9\\n\"",
            "[]",
            "{}",
        ]);
        leaf.prop_map(str::to_owned).prop_recursive(4, 24, 4, |inside| {
            let name = prop::sample::select(vec!["a", "b", "c", "\\u0061", "é"]);
            let member = (name, inside.clone()).prop_map(|(name, value)| format!("\"{name}\" : {value}"));
            prop_oneof![
                1 => prop::collection::vec(inside, 0..4).prop_map(|items| format!("[{}]", items.join(","))),
                4 => prop::collection::vec(member, 0..5).prop_map(|members| format!("{{{}}}", members.join(", "))),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_glimpse_sees_what_the_whole_has(
            text in text(),
            paths in prop::collection::vec(prop::sample::select(vec!["$.a", "$.b", "$.a.b", "$.a.a", "$.b.c", "$.a.b.c", "$.c.a.b"]), 1..5),
            cut in prop::option::of(0usize..200),
            broken in prop::option::of((0usize..200, any::<u8>())),
        ) {
            let mut text = text.into_bytes();
            if let Some(cut) = cut {
                text.truncate(cut);
            }
            if let Some((at, byte)) = broken && let Some(old) = text.get_mut(at) {
                *old = byte;
            }
            let [glimpsed, queried] = both(&text, &paths);
            prop_assert_eq!(glimpsed, queried);
        }
    }
}
