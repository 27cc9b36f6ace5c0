//! Takes secrets out of everything that is said, in every form a value takes. Events pass through here before anybody
//! hears them, so no reporter can leak what it never had.

use harness_core::event::{Event, RunStarted};
use harness_core::name::Name;
use harness_core::secret::{self, SHORTEST};
use harness_core::verdict::regression::Against;
use serde_json::Value;
use std::collections::BTreeMap;

/// The secrets of a run, resolved.
#[derive(Clone, Default)]
pub struct Secrets(BTreeMap<Name, String>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Why a secret can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Neither in the environment nor given a default.
    #[error(
        "failed to find secret `{name}`: set the environment variable {env}, or give it a default in `[secret]`"
    )]
    Missing {
        /// The secret.
        name: Name,
        /// The variable that should hold it.
        env: String,
    },
    /// Too short to be taken out of reports.
    #[error(
        "failed to use secret `{name}`: its value has fewer than {SHORTEST} characters, too few to be kept out of reports"
    )]
    Short {
        /// The secret.
        name: Name,
    },
}

impl Secrets {
    /// Adds one.
    pub fn insert(&mut self, name: Name, value: String) -> Result<(), SecretError> {
        if value.chars().count() < SHORTEST {
            return Err(SecretError::Short { name });
        }
        self.0.insert(name, value);
        Ok(())
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, &str)> {
        self.0.iter().map(|(name, value)| (name, value.as_str()))
    }
}

/// Fields that hold one of the format's own words in every event but the first, and never what anybody else said. A
/// secret that is such a word must not take the event with it.
const WORDS: [&str; 7] = [
    "phase", "end", "outcome", "check", "seen_in", "method", "kind",
];
/// Fields whose maps have keys from elsewhere: a document's operations, a service's metrics.
const FREE_KEYS: [&str; 3] = ["operations", "values", "unread"];

/// Characters of a secret's beginning that tell something of it; fewer end many a text by chance.
const TELLING: usize = 3;
/// Stands where a text was cut.
const CUT: char = '…';

/// Takes out the accepted runs that a run is held against: their words come from events that were redacted, and their
/// windows are figures, in which a secret's letters stand by chance alone.
fn aside(event: &mut Event) -> Vec<Against> {
    match event {
        Event::RunStarted(started) => std::mem::take(&mut started.baselines),
        _ => Vec::new(),
    }
}

/// Replaces every form of every secret by `[secret NAME]`.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    /// (form, replacement), longest form first so that a form inside another can't leave half of it behind.
    forms: Vec<(String, String)>,
}

impl Redactor {
    /// A redactor for these secrets.
    pub fn new(secrets: &Secrets) -> Self {
        let mut forms: Vec<_> = secrets
            .iter()
            .flat_map(|(name, value)| {
                secret::forms(value)
                    .into_iter()
                    .map(move |form| (form, format!("[secret {name}]")))
            })
            .collect();
        forms.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.cmp(b)));
        forms.dedup();
        Self { forms }
    }

    /// The text without secrets, nor the beginning of one where `…` says that the rest was cut off; `None` when it holds
    /// none.
    pub fn text(&self, text: &str) -> Option<String> {
        let whole = self.whole(text);
        self.begun(whole.as_deref().unwrap_or(text)).or(whole)
    }

    fn whole(&self, text: &str) -> Option<String> {
        let held = self
            .forms
            .iter()
            .filter(|(form, _)| text.contains(form.as_str()));
        held.fold(None, |out: Option<String>, (form, name)| {
            Some(out.as_deref().unwrap_or(text).replace(form.as_str(), name))
        })
    }

    fn begun(&self, text: &str) -> Option<String> {
        let mut out = String::new();
        let mut rest = text;
        while let Some((kept, after)) = rest.split_once(CUT) {
            match self.beginning(kept) {
                Some((length, name)) => out.extend([&kept[..kept.len() - length], name]),
                None => out.push_str(kept),
            }
            out.push(CUT);
            rest = after;
        }
        out.push_str(rest);
        (out != text).then_some(out)
    }

    /// The longest beginning of a secret that a text ends with: its length, and what stands for it.
    fn beginning(&self, text: &str) -> Option<(usize, &str)> {
        let of = |form: &str| {
            let ends = form.char_indices().map(|(at, _)| at).skip(TELLING);
            ends.filter(|end| text.ends_with(&form[..*end])).last()
        };
        let forms = self.forms.iter();
        forms
            .filter_map(|(form, name)| Some((of(form)?, name.as_str())))
            .max()
    }

    /// The event without secrets. Figures pass untouched; anything with words in it is searched.
    pub fn event(&self, mut event: Event) -> Event {
        let baselines = aside(&mut event);
        let mut event = self.searched(event);
        if let Event::RunStarted(started) = &mut event {
            started.baselines = baselines;
        }
        event
    }

    fn searched(&self, event: Event) -> Event {
        if self.forms.is_empty()
            || matches!(
                event,
                Event::LoadTick(_) | Event::LinkTick(_) | Event::SelfHealth(_)
            )
        {
            return event;
        }
        let Ok(mut value) = serde_json::to_value(&event) else {
            return event;
        };
        let tag = value.get("event").cloned();
        let words = if matches!(event, Event::RunStarted(_)) {
            &[][..]
        } else {
            &WORDS
        };
        if !self.value(&mut value, words) {
            return event;
        }
        if let (Some(tag), Some(slot)) = (tag, value.get_mut("event")) {
            *slot = tag;
        }
        // Only free texts were replaced, so the shape still fits; a failure here must not let the secret out.
        serde_json::from_value(value).unwrap_or(Event::Notice {
            text: "an event was withheld: it held a secret where none can be redacted".into(),
        })
    }

    /// Whether a run that begins like this can do without its secrets: none of them is a word of the plan's own, such
    /// as the name of a step or of a field, that reports can't be made without.
    pub fn fits(&self, started: &RunStarted) -> bool {
        if self.forms.is_empty() {
            return true;
        }
        let started = RunStarted {
            baselines: Vec::new(),
            ..started.clone()
        };
        let Ok(mut value) = serde_json::to_value(started) else {
            return false;
        };
        if self.named(&value) {
            return false;
        }
        !self.value(&mut value, &[]) || serde_json::from_value::<RunStarted>(value).is_ok()
    }

    /// Whether a key, or the name of a thing, holds a secret.
    fn named(&self, value: &Value) -> bool {
        let held = |text: &str| self.text(text).is_some();
        match value {
            Value::Array(items) => items.iter().any(|item| self.named(item)),
            Value::Object(map) => map.iter().any(|(key, item)| {
                let names = matches!(key.as_str(), "name" | "id");
                held(key) || (names && item.as_str().is_some_and(held)) || self.named(item)
            }),
            _ => false,
        }
    }

    /// Redacts every text in a value but those of the fields `words`; says whether it changed anything. Keys are the
    /// format's own words and stay, except those of maps from free texts.
    fn value(&self, value: &mut Value, words: &[&str]) -> bool {
        match value {
            Value::String(text) => self.text(text).map(|clean| *text = clean).is_some(),
            Value::Array(items) => items
                .iter_mut()
                .fold(false, |any, item| self.value(item, words) | any),
            Value::Object(map) => {
                let cut = self.cut_off(map);
                map.iter_mut().fold(cut, |any, (key, item)| {
                    if words.contains(&key.as_str()) && item.is_string() {
                        return any;
                    }
                    let keys = FREE_KEYS.contains(&key.as_str()) && self.keys(item);
                    self.value(item, words) | keys | any
                })
            }
            _ => false,
        }
    }

    /// Takes the beginning of a secret off the end of an excerpt that was cut there; whether there was one.
    fn cut_off(&self, excerpt: &mut serde_json::Map<String, Value>) -> bool {
        let whole = excerpt.get("bytes").and_then(Value::as_u64);
        let (Some(Value::String(text)), Some(whole)) = (excerpt.get_mut("text"), whole) else {
            return false;
        };
        // A character cut in half was replaced by a longer one: it hides nothing of a secret's before it.
        let kept = text.trim_end_matches(char::REPLACEMENT_CHARACTER);
        if text.len() as u64 >= whole && kept.len() == text.len() {
            return false;
        }
        let Some((length, name)) = self.beginning(kept) else {
            return false;
        };
        *text = format!("{}{name}", &kept[..kept.len() - length]);
        true
    }

    /// Redacts the keys of a map; says whether it changed any.
    fn keys(&self, value: &mut Value) -> bool {
        let Value::Object(map) = value else {
            return false;
        };
        let keys: Vec<_> = map
            .keys()
            .filter_map(|k| self.text(k).map(|clean| (k.clone(), clean)))
            .collect();
        for (key, clean) in &keys {
            if let Some(item) = map.shift_remove(key) {
                map.insert(clean.clone(), item);
            }
        }
        !keys.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use harness_core::event::{ProbeSample, RunEnd};
    use serde_json::json;

    fn redactor(value: &str) -> Redactor {
        let mut secrets = Secrets::default();
        secrets
            .insert("api_key".parse().unwrap(), value.into())
            .unwrap();
        Redactor::new(&secrets)
    }

    #[test]
    fn every_encoding_is_found() {
        let secret = "p@ss-word /42";
        let redactor = redactor(secret);
        let engine = &base64::engine::general_purpose::STANDARD;
        for text in [
            format!("x-api-key: {secret}"),
            "q=p%40ss-word%20%2F42".to_owned(),
            "q=p%40ss%2Dword%20%2F42".to_owned(),
            "q=p%40ss-word+%2F42".to_owned(),
            format!("Basic {}", engine.encode(format!("user:{secret}"))),
            format!("Basic {}", engine.encode(format!("u:{secret}:x"))),
            format!("Basic {}", engine.encode(format!("us{secret}"))),
        ] {
            let clean = redactor
                .text(&text)
                .unwrap_or_else(|| panic!("{text} kept its secret"));
            assert!(clean.contains("[secret api_key]"), "{clean}");
        }
        assert_eq!(redactor.text("nothing here"), None);
    }

    #[test]
    fn an_event_loses_its_secret_and_keeps_its_shape() {
        let event = Event::TargetFailed {
            service: Some("orders".into()),
            reason: "refused key hunter2!".into(),
            output: vec!["key=hunter2!".into()],
        };
        let Event::TargetFailed { reason, output, .. } = redactor("hunter2!").event(event) else {
            panic!("shape lost")
        };
        assert_eq!(
            (reason.as_str(), output[0].as_str()),
            ("refused key [secret api_key]", "key=[secret api_key]")
        );
    }

    #[test]
    fn a_secret_that_is_a_word_of_the_format_leaves_events_whole() {
        for (secret, event) in [
            ("reason", failed("a reason")),
            ("target", failed("no target")),
            (
                "completed",
                Event::RunFinished {
                    end: RunEnd::Completed,
                },
            ),
        ] {
            let before = serde_json::to_value(&event).unwrap();
            let after = serde_json::to_value(redactor(secret).event(event)).unwrap();
            let keys = |v: &Value| v.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
            assert_eq!(after["event"], before["event"], "{secret}");
            assert_eq!(keys(&after), keys(&before), "{secret}");
        }
    }

    #[test]
    fn a_secret_goes_from_the_keys_of_free_texts() {
        let event = Event::ProbeSample(ProbeSample {
            service: "orders".into(),
            values: [("calls{key=hunter2!}".to_owned(), 1.0)].into(),
            unread: std::collections::BTreeMap::new(),
            error: None,
            taken_us: None,
        });
        let Event::ProbeSample(sample) = redactor("hunter2!").event(event) else {
            panic!("shape lost")
        };
        let keys: Vec<_> = sample.values.keys().map(String::as_str).collect();
        assert_eq!(keys, ["calls{key=[secret api_key]}"]);
    }

    #[test]
    fn an_excerpt_cut_through_a_secret_keeps_no_part_of_it() {
        let redactor = redactor("hunter2!");
        let cut = |text: &str, bytes: u64| {
            let mut value = json!({ "text": text, "bytes": bytes });
            redactor.value(&mut value, &[]);
            value["text"].as_str().unwrap().to_owned()
        };
        assert_eq!(cut("key=hunter2", 9000), "key=[secret api_key]");
        assert_eq!(cut("key=hunt\u{fffd}", 9000), "key=[secret api_key]");
        assert_eq!(cut("key=hu", 9000), "key=hu");
        assert_eq!(cut("key=hunt", 8), "key=hunt", "it was not cut");
        assert_eq!(
            cut("a=hunter2! b=hunter", 9000),
            "a=[secret api_key] b=[secret api_key]"
        );
    }

    #[test]
    fn a_text_cut_through_a_secret_keeps_no_part_of_it() {
        let redactor = redactor("hunter2!");
        let text = |text: &str| redactor.text(text).unwrap_or_else(|| text.to_owned());
        assert_eq!(
            text("got \"key=hunte… (90 bytes in all), hunter2! and hunt… more"),
            "got \"key=[secret api_key]… (90 bytes in all), [secret api_key] and [secret api_key]… more"
        );
        assert_eq!(text("hu… and hunt"), "hu… and hunt");
    }

    fn failed(reason: &str) -> Event {
        Event::TargetFailed {
            service: None,
            reason: reason.into(),
            output: vec![],
        }
    }

    #[test]
    fn a_secret_that_names_something_in_the_plan_does_not_fit() {
        let plan = json!({
            "project": "demo shop", "seed": 1, "target": { "mode": "external", "entry": "http://shop" },
            "journeys": [], "walks": ["checkout"], "plan_digest": "", "workload_digest": "",
        });
        let started = json!({
            "format": 1, "run": "20260101-000000-abcd", "date": "today", "version": "1",
            "environment": { "os": "Linux" }, "plan": plan,
        });
        let started: RunStarted = serde_json::from_value(started).unwrap();
        for word in ["seed", "project", "external", "checkout", "2026"] {
            assert!(!redactor(word).fits(&started), "{word}");
        }
        for word in ["hunter2!", "demo shop"] {
            assert!(redactor(word).fits(&started), "{word}");
        }
        assert!(Redactor::default().fits(&started));
    }

    /// In the figures of accepted runs a few letters stand together by chance.
    #[test]
    fn what_a_run_is_held_against_passes_whole() {
        let plan = json!({
            "project": "shop", "seed": 1, "target": { "mode": "external", "entry": "http://shop" },
            "journeys": [], "walks": [], "plan_digest": "", "workload_digest": "",
        });
        let against =
            json!({ "scenario": "peak", "runs": [], "unfit": ["peak/hunter2!: another machine"] });
        let started = json!({
            "format": 1, "run": "20260101-000000-abcd", "date": "today", "version": "1",
            "environment": { "os": "hunter2!" }, "plan": plan, "baselines": [against],
        });
        let started: RunStarted = serde_json::from_value(started).unwrap();
        let redactor = redactor("hunter2!");
        assert!(redactor.fits(&started));
        let event = Event::RunStarted(Box::new(started.clone()));
        let Event::RunStarted(redacted) = redactor.event(event) else {
            panic!("a run that fits begins");
        };
        assert_eq!(redacted.baselines, started.baselines);
        assert_eq!(redacted.environment["os"], "[secret api_key]");
    }

    #[test]
    fn a_secret_too_short_to_redact_is_refused() {
        let mut secrets = Secrets::default();
        assert!(matches!(
            secrets.insert("k".parse().unwrap(), "abc".into()),
            Err(SecretError::Short { .. })
        ));
    }
}
