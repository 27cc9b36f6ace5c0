//! A load's shape in a few words, for the screen and the summary.

use crate::text;
use harness_core::plan::load::{Iterations, LoadPlan, Model};
use harness_core::units::format_duration;
use std::time::Duration;

/// How many journeys end the load, if their number does.
pub(crate) fn iterations(load: &LoadPlan) -> Option<u64> {
    let Model::Closed(closed) = &load.model else {
        return None;
    };
    match closed.iterations? {
        Iterations::Shared(n) => Some(n.get()),
        Iterations::PerUser(n) => Some(n.get().saturating_mul(u64::from(load.users()?))),
    }
}

/// A load in a few words.
pub(crate) fn shape(load: &LoadPlan) -> String {
    let lasts = format_duration(Duration::from_millis(load.duration().as_millis() as u64));
    match &load.model {
        Model::Search(search) => format!("{}, within {lasts}", search.goal),
        Model::Closed(closed) => {
            let most = u64::from(load.users().unwrap_or(0));
            let first = closed
                .users
                .first()
                .map_or(0, |stage| u64::from(stage.from));
            let users = if first < most {
                format!("{first}..{}", text::plural(most, "user"))
            } else {
                text::plural(most, "user")
            };
            match iterations(load) {
                Some(n) => format!("{} by {users}", text::plural(n, "request")),
                None => format!("{users} for {lasts}"),
            }
        }
        Model::Open(open) => {
            let first = open.rate_at(Duration::ZERO);
            let end = load.duration().saturating_sub(Duration::from_nanos(1));
            let last = open.rate_at(end);
            let rate = if (first - last).abs() < 0.005 {
                text::rate(first)
            } else {
                format!("{}..{}", text::rate(first), text::rate(last))
            };
            format!("{rate} for {lasts}")
        }
    }
}
