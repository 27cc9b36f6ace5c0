//! One line of a recording to its event. The events that make up nearly all of a recording are read in one pass,
//! straight into their types: through the envelope, which is flattened and tagged, serde would first buffer every
//! number of their distributions. Knows nothing of files.

use super::tick;
use harness_core::event::{Envelope, Event};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// A line's event, or what is wrong with it in words.
pub(super) fn parse(line: &[u8]) -> Result<Envelope, String> {
    if let Some(envelope) = tick::read(line) {
        return Ok(envelope);
    }
    if let Ok(Frequent(envelope)) = serde_json::from_slice(line) {
        return Ok(envelope);
    }
    // Any other event, fields in another order, or a mistake: the envelope's own reading says which.
    serde_json::from_slice::<Envelope>(line).map_err(|error| {
        let kind = serde_json::from_slice::<Kind>(line);
        kind.map_or_else(
            |_| format!("not an event: {error}"),
            |kind| format!("not a `{}` event: {error}", kind.event),
        )
    })
}

/// Whether a line says of which kind of event it is, read or not.
pub(super) fn looks_like_one(line: &[u8]) -> bool {
    serde_json::from_slice::<Kind>(line).is_ok()
}

#[derive(Deserialize)]
struct Kind {
    event: String,
}

/// An envelope whose fields stand in the order they are written in, around one of the frequent events.
struct Frequent(Envelope);

impl<'de> Deserialize<'de> for Frequent {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(InOrder).map(Self)
    }
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Envelope;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Envelope, M::Error> {
        let seq = field(&mut map, "seq")?;
        let at_us = field(&mut map, "at_us")?;
        let wall_ms = field(&mut map, "wall_ms")?;
        let kind: &str = field(&mut map, "event")?;
        let rest = MapAccessDeserializer::new(map);
        let event = match kind {
            "load_tick" => Event::LoadTick(Deserialize::deserialize(rest)?),
            "self_health" => Event::SelfHealth(Deserialize::deserialize(rest)?),
            "probe_sample" => Event::ProbeSample(Deserialize::deserialize(rest)?),
            "link_tick" => Event::LinkTick(Deserialize::deserialize(rest)?),
            _ => return Err(M::Error::custom("not a frequent event")),
        };
        Ok(Envelope {
            seq,
            at_us,
            wall_ms,
            event,
        })
    }
}

/// The value of the next field, which must be the one named.
fn field<'de, M: MapAccess<'de>, T: Deserialize<'de>>(
    map: &mut M,
    name: &str,
) -> Result<T, M::Error> {
    match map.next_key::<&str>()? {
        Some(key) if key == name => map.next_value(),
        _ => Err(M::Error::custom("another order")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frequent_event_is_read_in_one_pass_and_the_same_as_through_its_envelope() {
        let text = r#"{"seq":7,"at_us":8,"wall_ms":9,"event":"load_tick","scenario":"s","second":1,"epoch":0,"name":"a","ok":2,"response":[10,2]}"#;
        let Frequent(quick) = serde_json::from_str(text).unwrap();
        assert_eq!(quick, serde_json::from_str::<Envelope>(text).unwrap());
    }

    #[test]
    fn another_order_and_another_event_are_read_too() {
        let turned = br#"{"event":"load_tick","name":"a","epoch":0,"second":1,"scenario":"s","wall_ms":9,"at_us":8,"seq":7}"#;
        assert_eq!(parse(turned).unwrap().seq, 7);
        let rare = br#"{"seq":7,"at_us":8,"wall_ms":9,"event":"target_stopped"}"#;
        assert_eq!(parse(rare).unwrap().event, Event::TargetStopped);
    }

    #[test]
    fn a_mistake_is_told_with_the_event_it_is_in() {
        let wrong = br#"{"seq":7,"at_us":8,"wall_ms":9,"event":"load_tick","second":-1}"#;
        assert!(
            parse(wrong)
                .unwrap_err()
                .starts_with("not a `load_tick` event: ")
        );
        assert!(parse(b"{}").unwrap_err().starts_with("not an event: "));
    }
}
