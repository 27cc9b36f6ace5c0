//! A profile's scale applied to a load: `rate` to how much there is of it, `duration` to how long it lasts. What one user
//! does (think time, pacing) and how a connection is used stay as they are.

use super::closed::times;
use super::{MAX_RATE, MAX_USERS};
use crate::plan::load::{ClosedPlan, Iterations, LoadPlan, Model};
use crate::plan::resolve::Scale;
use crate::units::Rate;
use std::num::NonZeroU64;

/// Scales a load. A rate or a number of users stays within what a load can be, and of some users one is left.
pub(super) fn apply(load: &mut LoadPlan, scale: Scale) {
    load.warm_up = load.warm_up.mul_f64(scale.duration);
    match &mut load.model {
        Model::Open(open) => {
            let rate = |rate: Rate| {
                Rate::per_second((rate.get() * scale.rate).min(MAX_RATE)).unwrap_or(rate)
            };
            for stage in open.streams.iter_mut().flat_map(|s| &mut s.stages) {
                (stage.from, stage.to) = (rate(stage.from), rate(stage.to));
                stage.lasts = stage.lasts.mul_f64(scale.duration);
            }
        }
        Model::Closed(closed) => of_users(closed, scale),
        // What a target carries is no matter of scale; the time there is to find it is.
        Model::Search(search) => {
            search.within = search.within.mul_f64(scale.duration);
            let fits = search.within.as_secs_f64() / search.one().as_secs_f64();
            if fits < 1.0 {
                search.trial = search.trial.mul_f64(fits);
                search.settle = search.settle.mul_f64(fits);
            }
        }
    }
}

/// A number of journeys is work: twice the users for half the time do as many. With a number for each user, only the
/// time counts.
fn of_users(closed: &mut ClosedPlan, scale: Scale) {
    for stage in &mut closed.users {
        let users = |users| times(users, scale.rate).min(MAX_USERS);
        (stage.from, stage.to) = (users(stage.from), users(stage.to));
        stage.lasts = stage.lasts.mul_f64(scale.duration);
    }
    let users = closed.users.iter().map(|s| s.to.max(1)).max().unwrap_or(1);
    let scaled = |count: NonZeroU64, by: f64, least: u64| {
        let scaled = (count.get() as f64 * by).round() as u64;
        NonZeroU64::new(scaled.max(least)).unwrap_or(count)
    };
    closed.iterations = closed.iterations.map(|iterations| match iterations {
        Iterations::Shared(all) => {
            Iterations::Shared(scaled(all, scale.rate * scale.duration, users.into()))
        }
        Iterations::PerUser(each) => Iterations::PerUser(scaled(each, scale.duration, 1)),
    });
}
