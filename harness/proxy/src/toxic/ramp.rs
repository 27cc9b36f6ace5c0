//! Ramps: a toxic's numbers go from what they are to others, in a straight line over a time. Knows what is on that line
//! at each moment, and nothing of who follows it.

use std::time::Duration;

use serde::Deserialize;
use serde::ser::{Serialize, SerializeStruct, Serializer};
use serde_json::{Map, Number, Value};
use tokio::time::Instant;

use super::{ToxicError, ToxicKind};

/// The longest ramp: beyond it a sum of times could overflow, and no run is that long.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// Where a toxic's numbers go, and in which time. They stay there afterwards.
#[derive(Clone, Debug, PartialEq)]
pub struct Ramp {
    /// The attributes at its end: of the same type, and different in numbers only.
    pub to: ToxicKind,
    /// From the toxic's addition or update to its end; 1 ms to a year.
    pub over: Duration,
}

/// As a body has it: the attributes that change, and ms.
#[derive(Deserialize)]
struct RawRamp {
    #[serde(default)]
    to: Map<String, Value>,
    #[serde(default)]
    over: u64,
}

impl Ramp {
    /// Reads `{"to": {…}, "over": ms}`; attributes that it does not name stay as they are in `from`.
    pub(crate) fn read(from: &ToxicKind, json: Value) -> Result<Self, ToxicError> {
        let raw: RawRamp =
            serde_json::from_value(json).map_err(|error| ToxicError::Ramp(error.to_string()))?;
        let ramp = Self {
            to: from.merged(raw.to)?,
            over: Duration::from_millis(raw.over),
        };
        ramp.validate(from)?;
        Ok(ramp)
    }

    /// Whether it leads by `at` when it begins at `from`: each number is between its two ends, or one of them, and nothing
    /// else differs. A toxic that is asked for while it ramps shows where it is just then.
    pub fn leads_by(&self, from: &ToxicKind, at: &ToxicKind) -> bool {
        let [from, at, to] = [from, at, &self.to].map(|kind| {
            let name = Value::String(kind.type_name().to_owned());
            [name, Value::Object(kind.attributes())]
        });
        (0..2).all(|part| is_between(&from[part], &at[part], &to[part]))
    }

    pub(super) fn validate(&self, from: &ToxicKind) -> Result<(), ToxicError> {
        self.to.validate()?;
        if !(Duration::from_millis(1)..=LONGEST).contains(&self.over) {
            let wrong = "`over` is how long it takes, in ms: give it at least 1 and at most a year";
            return Err(ToxicError::Ramp(wrong.to_owned()));
        }
        match between(from, &self.to, 1, 2) {
            Some(_) => Ok(()),
            None => Err(ToxicError::Ramp(
                "only an attribute that is a number can ramp; the others are the same at both ends"
                    .to_owned(),
            )),
        }
    }
}

impl Serialize for Ramp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut ramp = serializer.serialize_struct("Ramp", 2)?;
        ramp.serialize_field("to", &self.to.attributes())?;
        let over = u64::try_from(self.over.as_millis()).unwrap_or(u64::MAX);
        ramp.serialize_field("over", &over)?;
        ramp.end()
    }
}

/// A ramp under way.
#[derive(Debug)]
pub(crate) struct Course {
    from: ToxicKind,
    to: ToxicKind,
    start: Instant,
    over: Duration,
}

impl Course {
    pub(crate) fn new(from: ToxicKind, ramp: &Ramp, start: Instant) -> Self {
        Self {
            from,
            to: ramp.to.clone(),
            start,
            over: ramp.over,
        }
    }

    /// What the toxic is at `time`.
    pub(crate) fn at(&self, time: Instant) -> ToxicKind {
        if self.is_over(time) {
            return self.to.clone();
        }
        let elapsed = time.saturating_duration_since(self.start).as_nanos();
        // A ramp is checked before it is taken, so there is something between.
        between(&self.from, &self.to, elapsed, self.over.as_nanos())
            .unwrap_or_else(|| self.from.clone())
    }

    pub(crate) fn is_over(&self, time: Instant) -> bool {
        time.saturating_duration_since(self.start) >= self.over
    }
}

fn is_between(from: &Value, at: &Value, to: &Value) -> bool {
    match (from, at, to) {
        (Value::Number(from), Value::Number(at), Value::Number(to)) => {
            let [from, at, to] = [from, at, to].map(Number::as_f64);
            at.is_some() && ((from <= at && at <= to) || (to <= at && at <= from))
        }
        (Value::Object(from), Value::Object(at), Value::Object(to)) => {
            let ends = |name: &String| from.get(name).zip(to.get(name));
            at.len() == from.len()
                && at
                    .iter()
                    .all(|(name, at)| ends(name).is_some_and(|(from, to)| is_between(from, at, to)))
        }
        _ => from == at && at == to,
    }
}

/// What lies `part`/`whole` of the way between two kinds; none if they differ in more than numbers.
fn between(from: &ToxicKind, to: &ToxicKind, part: u128, whole: u128) -> Option<ToxicKind> {
    if from.type_name() != to.type_name() {
        return None;
    }
    let ends = [from, to].map(|kind| Value::Object(kind.attributes()));
    match on_the_way(&ends[0], &ends[1], part, whole)? {
        Value::Object(attributes) => ToxicKind::from_parts(from.type_name(), attributes).ok(),
        _ => None,
    }
}

fn on_the_way(from: &Value, to: &Value, part: u128, whole: u128) -> Option<Value> {
    match (from, to) {
        (Value::Number(from), Value::Number(to)) => number(from, to, part, whole),
        (Value::Object(from), Value::Object(to)) if from.len() == to.len() => from
            .iter()
            .map(|(name, from)| {
                let value = on_the_way(from, to.get(name)?, part, whole)?;
                Some((name.clone(), value))
            })
            .collect::<Option<Map<_, _>>>()
            .map(Value::Object),
        (from, to) if from == to => Some(from.clone()),
        _ => None,
    }
}

/// Whole numbers stay whole, rounded to the nearest; both steps are monotone, and meet the ends.
fn number(from: &Number, to: &Number, part: u128, whole: u128) -> Option<Value> {
    let part = part.min(whole);
    if let (Some(from), Some(to)) = (from.as_u64(), to.as_u64()) {
        // proof: a year is less than 2⁵⁵ ns, so the product is below 2¹²⁰; the way is at most |to − from|.
        let way = ((u128::from(from.abs_diff(to)) * part + whole / 2) / whole) as u64;
        return Some(if to >= from { from + way } else { from - way }.into());
    }
    let (from, to) = (from.as_f64()?, to.as_f64()?);
    let at = from + (to - from) * (part as f64 / whole as f64);
    Number::from_f64(at.clamp(from.min(to), from.max(to))).map(Value::Number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::toxic::FailHow;

    fn course(from: ToxicKind, to: ToxicKind, over: Duration) -> (Course, Instant) {
        let start = Instant::now();
        let ramp = Ramp { to, over };
        ramp.validate(&from).unwrap();
        (Course::new(from, &ramp, start), start)
    }

    proptest! {
        #[test]
        fn a_ramp_is_monotone_and_meets_both_ends(
            from in any::<u64>(), to in any::<u64>(), over in 1..u64::from(u32::MAX),
            times in prop::collection::vec(0.0..1.2_f64, 1..20), shares in (0.0..=1.0_f64, 0.0..=1.0_f64),
        ) {
            let loss = |share, stall| ToxicKind::Loss { share, stall };
            let over = Duration::from_millis(over);
            let (course, start) = course(loss(shares.0, from), loss(shares.1, to), over);
            prop_assert_eq!(course.at(start), loss(shares.0, from));
            prop_assert_eq!(course.at(start + over), loss(shares.1, to));
            let ramp = Ramp { to: course.to.clone(), over };
            for share in &times {
                let at = course.at(start + over.mul_f64(*share));
                prop_assert!(ramp.leads_by(&course.from, &at), "{:?}", at);
            }
            let (low, high) = (from.min(to), from.max(to));
            for beyond in [low.checked_sub(1 << 12), high.checked_add(1 << 12)].into_iter().flatten() {
                prop_assert!(!ramp.leads_by(&course.from, &loss(shares.0, beyond)));
            }
            let mut times = times;
            times.sort_by(f64::total_cmp);
            let values: Vec<_> = times.iter().map(|share| match course.at(start + over.mul_f64(*share)) {
                ToxicKind::Loss { share, stall } => (share, stall),
                other => panic!("{other:?}"),
            }).collect();
            for pair in values.windows(2) {
                let up = |a: f64, b: f64, rises: bool| if rises { a <= b } else { a >= b };
                let rises = from <= to;
                prop_assert!((pair[0].1 == pair[1].1) || (pair[0].1 < pair[1].1) == rises);
                prop_assert!(up(pair[0].0, pair[1].0, shares.0 <= shares.1));
            }
            for (share, stall) in values {
                prop_assert!((from.min(to)..=from.max(to)).contains(&stall));
                prop_assert!((shares.0.min(shares.1)..=shares.0.max(shares.1)).contains(&share));
            }
        }

        #[test]
        fn what_is_between_two_possible_slicers_is_possible(
            sizes in (1..1_000_u64, 0..1_000_u64, 1..1_000_u64, 0..1_000_u64), part in 0..=100_u128,
        ) {
            let slicer = |size: u64, variation: u64| ToxicKind::Slicer {
                average_size: size,
                size_variation: variation.min(size),
                delay: 0,
            };
            let (from, to) = (slicer(sizes.0, sizes.1), slicer(sizes.2, sizes.3));
            prop_assert!(between(&from, &to, part, 100).is_some());
        }
    }

    #[test]
    fn it_is_a_straight_line() {
        let latency = |latency| ToxicKind::Latency { latency, jitter: 7 };
        let (course, start) = course(latency(100), latency(500), Duration::from_secs(20));
        for (ms, expected) in [
            (0, 100),
            (5_000, 200),
            (10_000, 300),
            (19_999, 500),
            (90_000, 500),
        ] {
            assert_eq!(
                course.at(start + Duration::from_millis(ms)),
                latency(expected)
            );
        }
    }

    #[test]
    fn what_can_not_ramp_is_told() {
        let latency = ToxicKind::Latency {
            latency: 5,
            jitter: 0,
        };
        let read = |kind: &ToxicKind, json| Ramp::read(kind, json).map_err(|e| e.to_string());
        let ramp = read(&latency, json!({"to": {"latency": 9}, "over": 20})).unwrap();
        assert_eq!(
            serde_json::to_value(&ramp).unwrap(),
            json!({"to": {"latency": 9, "jitter": 0}, "over": 20})
        );
        let fail = ToxicKind::FailFirst {
            connections: 1,
            how: FailHow::Reset,
        };
        for (kind, json, expected) in [
            (
                &latency,
                json!({"to": {"latency": 9}}),
                "`over` is how long",
            ),
            (&latency, json!({"to": 9, "over": 1}), "invalid type"),
            (
                &latency,
                json!({"to": {"latency": -1}, "over": 1}),
                "not negative",
            ),
            (
                &fail,
                json!({"to": {"how": "close"}, "over": 1}),
                "only an attribute that is a number",
            ),
        ] {
            let error = read(kind, json).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
