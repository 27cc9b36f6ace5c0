//! Where there is no fast lane: its waiting is Linux's own, and the walker plays every load.

use crate::engine::Attack;
use crate::worker::Worker;
use std::rc::Rc;

/// None is ever made.
pub(crate) enum Lane {}

impl Lane {
    pub(crate) async fn of(_: &Rc<Worker>, _: &Attack) -> Option<Self> {
        None
    }
}

pub(crate) mod open {
    use super::Lane;
    use harness_core::plan::load::OpenPlan;

    pub(crate) async fn play(lane: Lane, _: &OpenPlan) {
        match lane {}
    }
}

pub(crate) mod closed {
    use super::Lane;
    use crate::executor::ration::Ration;
    use harness_core::plan::load::ClosedPlan;

    pub(crate) async fn play(lane: Lane, _: &ClosedPlan, _: Ration) {
        match lane {}
    }
}
