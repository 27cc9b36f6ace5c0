//! The checklist: each entry closed by evidence that counts, or by a signature that is still fresh and of this release.

use super::{Item, Standing};
use crate::date::Date;
use crate::name::Name;
use crate::plan::readiness::{Closes, Due, Entry, ReadinessPlan, Signed};
use crate::verdict::Grade;
use serde::{Deserialize, Serialize};

/// An entry, open or closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryState {
    /// As written.
    pub entry: Entry,
    /// Whether it is done, and how that is known.
    pub state: State,
}

/// Whether an entry is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is, by this.
    Closed(String),
    /// It is not, for this reason.
    Open(String),
}

/// The state of every entry.
pub(super) fn states(
    settings: &ReadinessPlan,
    items: &[Item],
    release: Option<&Name>,
    on: Option<Date>,
) -> Vec<EntryState> {
    let state = |entry: &Entry| EntryState {
        state: match &entry.closes {
            Closes::With(id) => by_evidence(id, items),
            Closes::Signature(None) => State::Open("not signed".to_owned()),
            Closes::Signature(Some(signed)) => {
                by_signature(signed, settings.fresh_days, release, on)
            }
        },
        entry: entry.clone(),
    };
    settings.checklist.iter().map(state).collect()
}

fn by_evidence(id: &str, items: &[Item]) -> State {
    match items.iter().find(|item| item.id == id) {
        None => State::Open(format!("there is no evidence of {id}")),
        Some(item) if item.grade == Grade::Pass && item.standing == Standing::Current => {
            State::Closed(format!("{id} passed"))
        }
        Some(item) => State::Open(format!("{id} {}", item.became())),
    }
}

fn by_signature(
    signed: &Signed,
    fresh_days: u32,
    release: Option<&Name>,
    on: Option<Date>,
) -> State {
    if let Some(of) = &signed.release
        && release != Some(of)
    {
        return State::Open(format!("signed for release {of}"));
    }
    let Some(age) = on.map(|on| on.since(signed.on)) else {
        return State::Open("the day of the run is not known".to_owned());
    };
    match age {
        ..0 => State::Open(format!("its signature is of a later day, {}", signed.on)),
        _ if age > i64::from(fresh_days) => {
            State::Open(format!("signed {age} days ago, and {fresh_days} count"))
        }
        _ => {
            let note = signed.note.as_ref();
            let note = note.map_or_else(String::new, |note| format!(": {note}"));
            State::Closed(format!("signed by {} on {}{note}", signed.by, signed.on))
        }
    }
}

/// What must be done before the deployment and is not: it stands against a plain GO, and weighs nothing.
pub(super) fn items(states: &[EntryState]) -> Vec<Item> {
    let open = states.iter().filter_map(|state| match &state.state {
        State::Open(why) if state.entry.due == Due::Before => Some((&state.entry, why)),
        _ => None,
    });
    let item = |(entry, why): (&Entry, &String)| Item {
        id: format!("checklist: {}", entry.title),
        title: entry.title.clone(),
        key: true,
        weight: 0.0,
        grade: Grade::Inconclusive,
        reason: why.clone(),
        standing: Standing::Current,
        owner: entry.owner.clone(),
        waived: None,
        closes_with: match &entry.closes {
            Closes::With(id) => format!("{id} passing"),
            Closes::Signature(_) => "a signature in harness.toml, `signed = { by, on }`".to_owned(),
        },
        figure: None,
        scenario: None,
        evidence: Vec::new(),
    };
    open.map(item).collect()
}
