//! Waivers, laid over items. A waiver covers a failure and nothing else: evidence that is missing, stale, invalid or too
//! little is no failure that somebody could answer for.

use super::{Item, Standing, Waived};
use crate::date::Date;
use crate::event::RunStarted;
use crate::plan::readiness::{Scope, Waiver};
use crate::verdict::Grade;
use serde::{Deserialize, Serialize};

/// Days before its end from which a waiver's end is told.
pub const SOON_DAYS: i64 = 14;

/// A waiver, and what it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaiverState {
    /// As written.
    pub waiver: Waiver,
    /// What it does.
    pub state: Waiving,
}

/// What a waiver does, from what counts least to what counts most: of several runs the last tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Waiving {
    /// Its gate was not judged where it counts.
    Idle,
    /// Its gate passed: it can be taken out.
    Unneeded,
    /// Its gate did not fail, but did not pass either, and it covers failures only.
    Uncovered,
    /// It would count from a later day on.
    NotYet,
    /// It counts no more.
    Expired,
    /// It counts, for so many days after this one.
    Counts {
        /// Days left; 0 on the last day.
        days_left: i64,
    },
}

impl WaiverState {
    /// Whether its end is near enough to be told.
    pub const fn ends_soon(&self) -> bool {
        matches!(self.state, Waiving::Counts { days_left } if days_left <= SOON_DAYS)
    }
}

/// Where and when items were made.
pub(super) struct Context<'r> {
    pub run: Option<&'r RunStarted>,
    /// Without a day no waiver counts.
    pub on: Option<Date>,
}

impl Context<'_> {
    fn is_in(&self, scope: &Scope) -> bool {
        let Some(run) = self.run else {
            return *scope == Scope::default();
        };
        let variant = run.plan.variant.as_ref();
        let variant = variant.map_or("default", |name| name.as_str());
        let profile = run.plan.profile.as_ref();
        scope.variant.as_ref().is_none_or(|v| v.as_str() == variant)
            && scope.profile.as_ref().is_none_or(|p| profile == Some(p))
            && scope
                .release
                .as_ref()
                .is_none_or(|r| run.release.as_ref() == Some(r))
    }
}

/// Waives what is waived among the items, and says what each waiver does.
pub(super) fn lay(
    items: &mut [Item],
    waivers: &[Waiver],
    context: &Context<'_>,
) -> Vec<WaiverState> {
    let state = |waiver: &Waiver| WaiverState {
        state: one(items, waiver, context),
        waiver: waiver.clone(),
    };
    waivers.iter().map(state).collect()
}

fn one(items: &mut [Item], waiver: &Waiver, context: &Context<'_>) -> Waiving {
    // What its dates say is so wherever it counts.
    let dated = match context.on {
        None => Waiving::NotYet,
        Some(on) if on < waiver.created => Waiving::NotYet,
        Some(on) if on > waiver.expires => Waiving::Expired,
        Some(on) => Waiving::Counts {
            days_left: waiver.expires.since(on),
        },
    };
    let Waiving::Counts { .. } = dated else {
        return dated;
    };
    let item = items.iter_mut().find(|item| item.id == waiver.gate);
    let Some(item) = item.filter(|_| context.is_in(&waiver.scope)) else {
        return Waiving::Idle;
    };
    match item.grade {
        Grade::Pass => Waiving::Unneeded,
        Grade::Fail if item.standing == Standing::Current => {
            item.waived.get_or_insert_with(|| Waived {
                expires: waiver.expires,
                owner: waiver.owner.clone(),
                reason: waiver.reason.clone(),
                ticket: waiver.ticket.clone(),
            });
            dated
        }
        _ => Waiving::Uncovered,
    }
}
