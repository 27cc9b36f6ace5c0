//! Faults that the hands do within containers, with what of them goes on links: a partition's black holes, and the delays of
//! a kernel without netem. One word of the plan is one fault, whoever does which part of it.

use super::{Doing, Struck};
use crate::target::Target;
use crate::target::hands::Hands;
use harness_core::event::Event;
use harness_core::name::Name;
use harness_core::plan::fault::FaultKind;
use std::time::Duration;

/// What is to be let go.
#[derive(Debug, Clone)]
pub(super) struct Held {
    /// The fault's id: that of the hands' part.
    id: String,
    /// The ids of what is on links.
    links: Vec<String>,
}

impl Target {
    /// Whether a fault is the hands'.
    pub(super) fn by_hand(&self, kind: &FaultKind) -> bool {
        self.hands().is_some() && Hands::does(kind)
    }

    fn hands(&self) -> Option<&Hands> {
        self.containers.as_ref()?.hands()
    }

    fn container(&self, service: &Name) -> Option<crate::target::engine::ContainerId> {
        let version = self.versions.serving(service);
        self.containers.as_ref()?.container(service, version)
    }

    /// Strikes a service by hand.
    pub(super) async fn strike_by_hand(
        &self,
        id: &str,
        service: &Name,
        kind: &FaultKind,
        lease: Duration,
    ) -> Result<(), String> {
        let Some(hands) = self.hands() else {
            return Err(format!("nothing here can do {}", kind.word()));
        };
        let (_, running) = self.find(service).await?;
        self.is_whole(service, &running)?;
        let on_links = hands.on_links(service, kind);
        let name = |link: &Name| format!("{id} {link}");
        let held = Held {
            id: id.to_owned(),
            links: on_links.iter().map(|on| name(&on.link)).collect(),
        };
        let struck = Struck {
            service: service.clone(),
            kind: kind.clone(),
            at: self.around.clock.now(),
            doing: Doing::Hands(held.clone()),
            by: None,
        };
        // Known before it is done: whatever ends the run heals it.
        self.struck().insert(id.to_owned(), struck);
        let done = async {
            let lookup = |of: &Name| self.container(of);
            let struck = hands.strike(id, service, kind, &lookup).await;
            let by = struck.map_err(|error| error.to_string())?;
            for on in on_links {
                let id = name(&on.link);
                self.links.put(&id, &on.link, on.toxics, lease).await?;
            }
            Ok(by)
        };
        match done.await {
            Ok(by) => {
                if let Some(struck) = self.struck().get_mut(id) {
                    struck.at = self.around.clock.now();
                    struck.by = Some(by);
                }
                Ok(())
            }
            Err(reason) => {
                // Half of it is no fault that anybody planned. What can't be let go now stays known.
                if self.let_go(&held).await.is_ok() {
                    self.struck().remove(id);
                }
                Err(reason)
            }
        }
    }

    /// Undoes it: all that can be, whatever else can't.
    pub(super) async fn let_go(&self, held: &Held) -> Result<(), String> {
        let mut left = Vec::new();
        for link in &held.links {
            left.extend(self.links.remove(link).await.err());
        }
        if let Some(hands) = self.hands() {
            let lifted = hands.lift(&held.id).await;
            left.extend(lifted.err().map(|error| error.to_string()));
        }
        match left.is_empty() {
            true => Ok(()),
            false => Err(left.join("; ")),
        }
    }

    /// Does again what lasts on a service that was started again, in new namespaces, or is back in its network.
    pub(super) async fn hold_again(&self, service: &Name) {
        let Some(hands) = self.hands() else {
            return;
        };
        let lookup = |of: &Name| self.container(of);
        if let Err(error) = hands.risen(service, &lookup).await {
            let text = format!("{service} is back, and a fault on it is not whole again: {error}");
            self.around.mouth.say(Event::Notice { text }).await;
        }
    }
}
