//! Which attacks a lane can play, and what it has at its begin. Asks nothing yet.

use super::Lane;
use super::answer::Heads;
use super::patience::Patience;
use super::script::Script;
use super::sockets::Sockets;
use crate::engine::Attack;
use crate::net::dial::Origin;
use crate::net::turns::Turns;
use crate::worker::Worker;
use harness_core::plan::load::{Cookies, Engine, HttpVersion, Model, Reuse};
use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::rc::Rc;

/// Bytes read at once.
const BUFFER: usize = 64 << 10;

impl Lane {
    /// A lane for an attack, if it can be played on one. Looks the host up, and is not to be had if that fails: the
    /// walker tells it, request by request.
    pub(crate) async fn of(worker: &Rc<Worker>, attack: &Attack) -> Option<Self> {
        let plan = &attack.plan;
        let keeps_nothing = match &plan.model {
            Model::Open(_) => plan.http.reuse == Reuse::Pool,
            Model::Closed(closed) => {
                plan.http.reuse == Reuse::Pool
                    && closed.cookies == Cookies::Journey
                    && closed.pacing.is_zero()
                    && closed.engine == Engine::Native
            }
            Model::Search(_) => false,
        };
        let http1 = plan.http.version != HttpVersion::Http2;
        if !keeps_nothing || !http1 || !attack.watched.is_empty() {
            return None;
        }
        let context = worker.context(0, None);
        let scripts: Option<Vec<Script>> = worker
            .journeys
            .iter()
            .map(|journey| Script::of(journey, &context))
            .collect();
        let scripts = scripts?;
        let origin = scripts.first()?.origin.clone();
        if scripts.iter().any(|script| script.origin != origin) {
            return None;
        }
        let shortest = scripts.iter().map(|script| script.plain.timeout()).min()?;
        let addresses = worker.pool.tcp(&origin).await?;
        let host = Origin::of(&origin)?.host.to_owned();
        let patience = matches!(plan.model, Model::Open(_)).then(|| Patience::new(worker.clock));
        let sockets = Sockets::new(patience.is_some()).ok()?;
        // The kernel may else be 50 µs late, to save wake-ups. It is asked of this thread only, which ends with the load.
        rustix::thread::set_current_timer_slack(NonZeroU64::new(1)).ok()?;
        let places = worker.seat.part(plan.http.connections as usize);
        Some(Self {
            worker: Rc::clone(worker),
            scripts,
            host,
            addresses,
            turns: Turns::from(worker.seat.index),
            sockets,
            connections: Vec::new(),
            idle: Vec::new(),
            vacant: (0..places).rev().collect(),
            waiting: VecDeque::new(),
            heads: Heads::default(),
            buffer: vec![0; BUFFER].into_boxed_slice(),
            patience,
            look: worker.clock.now(),
            shortest,
            freed: Vec::new(),
        })
    }
}
