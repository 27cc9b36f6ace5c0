//! A run's events as tests read them: line by line, as far as they are written. Judges none.

use super::{Suite, until};
use serde_json::Value;
use std::fs::File;

/// Every whole event of a text.
pub(crate) fn each(events: &str) -> impl Iterator<Item = Value> + '_ {
    let lines = events.lines();
    lines.filter_map(|line| serde_json::from_str(line).ok())
}

/// Those with this word in their `event` member.
pub(crate) fn of<'e>(events: &'e str, word: &'e str) -> impl Iterator<Item = Value> + 'e {
    each(events).filter(move |event| event["event"] == word)
}

impl Suite {
    /// A run's events so far, as text.
    pub(crate) fn events(&self, id: &str) -> String {
        let path = format!("reports/runs/{id}/events.ndjson.zst");
        let Ok(file) = File::open(self.path().join(path)) else {
            return String::new();
        };
        let mut text = Vec::new();
        // A stream that is still written ends in the middle; what is there is what is asked for.
        let _ = zstd::stream::read::Decoder::new(file)
            .and_then(|mut reader| std::io::copy(&mut reader, &mut text));
        String::from_utf8_lossy(&text).into_owned()
    }

    /// A run's events so far, each whole one.
    pub(crate) fn parsed_events(&self, id: &str) -> Vec<Value> {
        each(&self.events(id)).collect()
    }

    /// A run's events with this word in their `event` member.
    pub(crate) fn events_of(&self, id: &str, word: &str) -> Vec<Value> {
        of(&self.events(id), word).collect()
    }

    /// Waits until an event is on the disk; `event` is the word in its `event` member.
    #[track_caller]
    pub(crate) fn until_event(&self, id: &str, event: &str) {
        let wanted = format!("\"event\":\"{event}\"");
        until(event, || self.events(id).contains(&wanted).then_some(()));
    }
}
