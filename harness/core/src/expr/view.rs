//! An answer, and the values a walk has gathered, ready to be looked at. The body is parsed at most once an answer, and no
//! further than what is asked of it is known to need. Judges nothing.

use super::glimpse::Glimpse;
use super::step::{Many, Path, StepSubject};
use super::step_check::shown;
use crate::http::Response;
use crate::units;
use serde_json::Value as Json;
use serde_json_path::JsonPath;
use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

/// An answer, ready to be looked at.
#[derive(Debug)]
pub struct View<'r> {
    /// None where nothing was asked: then only variables can be looked at.
    response: Option<&'r Response>,
    took: Duration,
    /// What is at the paths it is known to be asked for, if that can be told without the whole value.
    glimpse: Option<Glimpse<'r>>,
    json: OnceCell<Result<Json, String>>,
}

type Variables = BTreeMap<String, Json>;

const NO_ANSWER: &str = "nothing was asked, so there is no answer";

const NOTHING_THERE: &str = "nothing there";

/// Repeated values named where not all are distinct.
const REPEATED: usize = 3;

/// What an expression's subject is in an answer.
pub(super) enum Found<'v> {
    Absent(&'static str),
    Value(Cow<'v, Json>),
    Took(Duration),
    /// It can't be looked at, and why.
    Unreadable(String),
}

impl<'r> View<'r> {
    /// A view of a response that took so long to arrive. It may be asked for anything; what it will be asked for, as
    /// far as that is known, costs less.
    pub fn new(
        response: &'r Response,
        took: Duration,
        asked: impl Iterator<Item = &'r StepSubject>,
    ) -> Self {
        let text = || readable(response);
        Self {
            response: Some(response),
            took,
            glimpse: Glimpse::of(asked, text, |error| no_json(response, &error)),
            json: OnceCell::new(),
        }
    }

    /// A view where there is no response.
    pub fn nothing() -> Self {
        Self {
            response: None,
            took: Duration::ZERO,
            glimpse: None,
            json: OnceCell::new(),
        }
    }

    /// The value a capture takes; the error says why there is none.
    pub fn capture(&self, subject: &StepSubject, variables: &Variables) -> Result<Json, String> {
        match self.find(subject, variables) {
            Found::Value(value) => Ok(value.into_owned()),
            Found::Took(took) => Ok(Json::from(units::format_duration(took))),
            Found::Absent(what) => Err(format!("{subject}: {what}")),
            Found::Unreadable(why) => Err(why),
        }
    }

    /// The values a collection takes: each node of a path, the members of a lone list, nothing where nothing is there.
    pub fn collect(
        &self,
        subject: &StepSubject,
        variables: &Variables,
    ) -> Result<Vec<Json>, String> {
        match self.find(subject, variables) {
            Found::Value(Cow::Owned(Json::Array(items))) => Ok(items),
            Found::Value(value) => Ok(members(&value).to_vec()),
            Found::Took(took) => Ok(vec![Json::from(units::format_duration(took))]),
            Found::Absent(_) => Ok(Vec::new()),
            Found::Unreadable(why) => Err(why),
        }
    }

    fn json(&self) -> Result<&Json, &str> {
        let parsed = self.json.get_or_init(|| {
            let response = self.response.ok_or(NO_ANSWER)?;
            serde_json::from_slice(readable(response)?).map_err(|error| no_json(response, &error))
        });
        parsed.as_ref().map_err(String::as_str)
    }

    /// What is at a path, if that was looked for beforehand.
    fn glimpsed(&self, path: &Path) -> Option<Result<Option<&Json>, &str>> {
        self.glimpse.as_ref()?.at(path)
    }

    /// What a subject is.
    pub(super) fn find<'v>(&'v self, subject: &StepSubject, variables: &Variables) -> Found<'v> {
        let counted = |count: Result<usize, String>| match count {
            Ok(count) => Found::Value(Cow::Owned(count.into())),
            Err(why) => Found::Unreadable(why),
        };
        match (subject, self.response) {
            (StepSubject::Count(many), _) => {
                counted(self.many(many, variables).map(|items| items.len()))
            }
            (StepSubject::Distinct(many), _) => {
                let different = |items: Vec<&Json>| items.into_iter().collect::<HashSet<_>>().len();
                counted(self.many(many, variables).map(different))
            }
            (_, None) => Found::Unreadable(NO_ANSWER.to_owned()),
            (StepSubject::Status, Some(response)) => {
                Found::Value(Cow::Owned(response.status.into()))
            }
            (StepSubject::Duration, _) => Found::Took(self.took),
            (StepSubject::Header(name), Some(response)) => match response.header(name) {
                Some(value) => Found::Value(Cow::Owned(value.into())),
                None => Found::Absent("no such header"),
            },
            (StepSubject::Body, Some(response)) => {
                let text = String::from_utf8_lossy(&response.body).into_owned();
                Found::Value(Cow::Owned(text.into()))
            }
            (StepSubject::Json(path), _) => match self.glimpsed(path) {
                Some(Ok(Some(value))) => Found::Value(Cow::Borrowed(value)),
                Some(Ok(None)) => Found::Absent(NOTHING_THERE),
                Some(Err(why)) => Found::Unreadable(why.to_owned()),
                None => match self.json() {
                    Ok(json) => match path.filled(variables) {
                        Ok(path) => nodes(&path, json),
                        Err(why) => Found::Unreadable(why),
                    },
                    Err(why) => Found::Unreadable(why.to_owned()),
                },
            },
        }
    }

    /// What is counted.
    fn many<'v>(&'v self, many: &Many, variables: &'v Variables) -> Result<Vec<&'v Json>, String> {
        match many {
            Many::Path(path) => {
                let nodes = match self.glimpsed(path) {
                    Some(found) => found?.into_iter().collect(),
                    None => path.filled(variables)?.query(self.json()?).all(),
                };
                Ok(match nodes.as_slice() {
                    [node] => members(node).iter().collect(),
                    _ => nodes,
                })
            }
            Many::Variable(name) => variables
                .get(name)
                .map(|value| members(value).iter().collect())
                .ok_or_else(|| format!("`{name}` has no value here")),
        }
    }

    /// Which values come more than once, for a count of distinct or of collected ones that does not hold.
    pub(super) fn repeated(&self, subject: &StepSubject, variables: &Variables) -> Option<String> {
        let many = match subject {
            StepSubject::Distinct(many) | StepSubject::Count(many @ Many::Variable(_)) => many,
            _ => return None,
        };
        let items = self.many(many, variables).ok()?;
        let (mut seen, mut again) = (HashSet::new(), Vec::new());
        for item in &items {
            if !seen.insert(*item) && !again.contains(item) && again.len() <= REPEATED {
                again.push(*item);
            }
        }
        let named = again.iter().take(REPEATED);
        let names: Vec<String> = named.map(|item| shown(item)).collect();
        let more = if again.len() > REPEATED { ", …" } else { "" };
        (!names.is_empty()).then(|| {
            let count = match subject {
                StepSubject::Distinct(_) => format!("{} of {}", seen.len(), items.len()),
                _ => items.len().to_string(),
            };
            format!("{count}; more than once: {}{more}", names.join(", "))
        })
    }
}

/// A body that can be read, for it is there in full.
fn readable(response: &Response) -> Result<&[u8], String> {
    if response.truncated() {
        return Err(format!(
            "the body has {} bytes, more than are kept",
            response.body_len
        ));
    }
    Ok(&response.body)
}

fn no_json(response: &Response, error: &serde_json::Error) -> String {
    if response.body.is_empty() {
        return "the body is empty".to_owned();
    }
    format!("the body is not JSON: {error}")
}

/// The members of a list; anything else is its own only member.
fn members(value: &Json) -> &[Json] {
    match value {
        Json::Array(items) => items,
        other => std::slice::from_ref(other),
    }
}

fn nodes<'v>(path: &JsonPath, json: &'v Json) -> Found<'v> {
    let mut nodes = path.query(json).all();
    match nodes.len() {
        0 => Found::Absent(NOTHING_THERE),
        1 => Found::Value(Cow::Borrowed(nodes.swap_remove(0))),
        _ => Found::Value(Cow::Owned(nodes.into_iter().cloned().collect())),
    }
}
