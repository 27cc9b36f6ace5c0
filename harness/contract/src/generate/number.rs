//! Numbers within bounds: small and plain ones by preference, since servers give numbers meaning.

use super::Trouble;
use harness_core::random::Draws;
use serde_json::{Map, Value, json};

/// Integers a double holds exactly, and most servers take.
const LARGEST: f64 = 9_007_199_254_740_991.0;
/// How far above the smallest a drawn number goes.
const SPREAD: f64 = 50.0;

pub(super) fn integer(
    schema: &Map<String, Value>,
    wide: bool,
    draws: &mut Draws,
) -> Result<Value, Trouble> {
    let step = number_of(schema, "multipleOf")
        .unwrap_or(1.0)
        .max(1.0)
        .ceil();
    let low = bound(schema, "minimum", f64::ceil).into_iter().chain(bound(
        schema,
        "exclusiveMinimum",
        |b| b.floor() + 1.0,
    ));
    let high = bound(schema, "maximum", f64::floor)
        .into_iter()
        .chain(bound(schema, "exclusiveMaximum", |b| b.ceil() - 1.0));
    let value = pick(
        low.reduce(f64::max),
        high.reduce(f64::min),
        step,
        wide,
        draws,
    )?;
    Ok(json!(value as i64))
}

pub(super) fn number(
    schema: &Map<String, Value>,
    wide: bool,
    draws: &mut Draws,
) -> Result<Value, Trouble> {
    let inclusive = |key| number_of(schema, key);
    let low = inclusive("minimum")
        .into_iter()
        .chain(inclusive("exclusiveMinimum"))
        .reduce(f64::max);
    let high = inclusive("maximum")
        .into_iter()
        .chain(inclusive("exclusiveMaximum"))
        .reduce(f64::min);
    if let Some(step) = inclusive("multipleOf") {
        let value = pick(
            low.map(|l| (l / step).ceil()),
            high.map(|h| (h / step).floor()),
            1.0,
            wide,
            draws,
        )? * step;
        // 0.1 × 3 is 0.30000000000000004; the shorter text is what is meant.
        let rounded = (value * 1e6).round() / 1e6;
        return Ok(if rounded.fract() == 0.0 {
            json!(rounded as i64)
        } else {
            json!(rounded)
        });
    }
    // Between the bounds, so that exclusive ones hold too.
    match (low, high) {
        (Some(low), Some(high)) if low < high && high - low <= 2.0 => {
            Ok(json!(low + (high - low) / 2.0))
        }
        (Some(low), Some(high)) if low == high => Ok(json!(low)),
        _ => {
            let low = low.map(|low| low.floor() + 1.0);
            let high = high.map(|high| high.ceil() - 1.0);
            Ok(json!(pick(low, high, 1.0, wide, draws)? as i64))
        }
    }
}

/// A multiple of `step` within the bounds: the smallest positive one, or with `wide` one near it.
fn pick(
    low: Option<f64>,
    high: Option<f64>,
    step: f64,
    wide: bool,
    draws: &mut Draws,
) -> Result<f64, Trouble> {
    let (least, most) = (low.unwrap_or(-LARGEST), high.unwrap_or(LARGEST));
    let start = if least <= 1.0 && most >= 1.0 {
        1.0
    } else {
        low.unwrap_or(most)
    };
    let mut value = (start / step).ceil() * step;
    if value > most {
        value = (most / step).floor() * step;
    }
    if value < least || value > most {
        return Err(Trouble("no number lies within its bounds".to_owned()));
    }
    if wide {
        let room = ((most - value).min(SPREAD * step) / step).floor().max(0.0);
        value += draws.below(room as u64 + 1) as f64 * step;
    }
    Ok(value)
}

fn number_of(schema: &Map<String, Value>, keyword: &str) -> Option<f64> {
    schema
        .get(keyword)
        .and_then(Value::as_f64)
        .filter(|n| n.is_finite())
}

fn bound(schema: &Map<String, Value>, keyword: &str, round: fn(f64) -> f64) -> Option<f64> {
    number_of(schema, keyword).map(|b| round(b).clamp(-LARGEST, LARGEST))
}
