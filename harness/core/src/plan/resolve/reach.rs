//! What faults can strike: links and services that are there, in a mode in which they can be struck so.

use super::findings::Findings;
use super::section::LEAST_MEMORY;
use super::texts::{self, Own, Where};
use super::world::{Reason, World};
use crate::diagnostic::{Place, nearest};
use crate::name::Name;
use crate::plan::fault::{Deployment, FaultKind, Site};
use crate::plan::target::Mode;
use crate::template::Text;

impl World {
    /// Whether there is such a link or service; notes it where there is none.
    pub(super) fn has(&self, place: Place, site: &Site, found: &mut Findings) -> bool {
        let (what, name, known) = match site {
            Site::Link(name) => ("link", name, &self.links),
            Site::Service(name) => ("service", name, &self.services),
        };
        let there = known.iter().any(|known| known == name.as_str());
        if !there {
            found.unknown(place, what, name.as_str(), known.iter().map(String::as_str));
        }
        there
    }

    /// Whether a fault of this kind works there: one on requests only where they can be read, one on a volume where there
    /// is one. Notes it where it does not.
    pub(super) fn takes(
        &self,
        place: Place,
        site: &Site,
        kind: &FaultKind,
        found: &mut Findings,
    ) -> bool {
        let link = match (kind, site) {
            (FaultKind::Http(_), Site::Link(link)) => link,
            (kind, Site::Service(service)) => {
                let errors = found.out.len();
                self.fits(&place, service, kind, found);
                return found.out.len() == errors;
            }
            _ => return true,
        };
        let plain = self.plain.iter().any(|plain| plain == link.as_str());
        if !plain {
            let message =
                format!("the requests on link `{link}` can't be read: its scheme is not `http`");
            let hint = "break its bytes instead, with `latency`, `reset`, `loss` …";
            found.error_with(place, message, hint);
        }
        plain
    }

    /// Why a fault can't strike there in this mode, and what to do about it; `None` where it can.
    pub(super) fn out_of_reach(&self, site: &Site, kind: Option<&FaultKind>) -> Option<Reason> {
        const ELSEWHERE: &str = "run this with `--target process`, or leave it out of this run";
        if self.mode != Mode::External {
            return match site {
                Site::Link(link) => self.cut(link.as_str()),
                Site::Service(service) => self
                    .missing(service.as_str())
                    .or_else(|| self.unfit(service, kind?)),
            };
        }
        let message = match site {
            Site::Link(link) if self.routed.iter().any(|routed| routed == link.as_str()) => {
                return None;
            }
            Site::Link(link) => {
                format!(
                    "the target is external: link `{link}` does not run through the fault proxy"
                )
            }
            Site::Service(service) => {
                format!("the target is external: service `{service}` was not started here")
            }
        };
        Some((message, ELSEWHERE.to_owned()))
    }

    /// Notes what a fault names that a service does not have, whatever the mode.
    fn fits(&self, place: &Place, service: &Name, kind: &FaultKind, found: &mut Findings) {
        match kind {
            FaultKind::Partition { from, .. } => {
                for other in from {
                    if other == service {
                        let message = format!("`{service}` can't be parted from itself");
                        let hint = "name the services on the partition's other side";
                        found.error_with(place.clone(), message, hint);
                    } else {
                        self.has(place.clone(), &Site::Service(other.clone()), found);
                    }
                }
            }
            FaultKind::Deploy(deployment) => {
                let own = Own {
                    contained: false,
                    port: true,
                    live: false,
                };
                for text in parts(deployment) {
                    let typed = text.to_string();
                    let here = |_: &_| place.clone();
                    texts::symbols(&typed, text, Where::Service(own), self, &here, found);
                }
            }
            _ => {}
        }
    }

    /// Notes that a service's container has no volume that a fault is on: for what is played in containers of the harness's
    /// own making. What a Compose file mounts is not known here.
    pub(super) fn holds(&self, place: &Place, site: &Site, kind: &FaultKind, found: &mut Findings) {
        let (path, sized) = match kind {
            FaultKind::DiskFull { path } => (path.as_str(), true),
            FaultKind::ReadOnly { path } => (path.as_str(), false),
            _ => return,
        };
        let Site::Service(service) = site else {
            return;
        };
        let Some(volumes) = self.volumes.get(service.as_str()) else {
            return;
        };
        if self.mode == Mode::Compose {
            return;
        }
        match volumes.iter().find(|(volume, _)| volume == path) {
            Some((_, true)) => {}
            Some((_, false)) if !sized => {}
            Some(_) => {
                let message =
                    format!("the volume `{path}` of `{service}` has no size to be full at");
                let hint =
                    format!("give it one: `volumes = {{ \"{path}\" = {{ size = \"64MB\" }} }}`");
                found.error_with(place.clone(), message, hint);
            }
            None => {
                let known: Vec<&str> = volumes.iter().map(|(path, _)| path.as_str()).collect();
                let hint = match nearest(path, known.iter().copied()) {
                    Some(close) => format!("did you mean `{close}`?"),
                    None if known.is_empty() => {
                        let size = if sized { " size = \"64MB\" " } else { "" };
                        format!("give its container one: `volumes = {{ \"{path}\" = {{{size}}} }}`")
                    }
                    None => format!("it has: {}", known.join(", ")),
                };
                let message = format!("service `{service}` has no volume `{path}`");
                found.error_with(place.clone(), message, hint);
            }
        }
    }

    /// Why a service that runs here can't be broken so in this mode.
    fn unfit(&self, service: &Name, kind: &FaultKind) -> Option<Reason> {
        let contained = self.mode.in_containers();
        let wrong = |message: String, hint: &str| Some((message, hint.to_owned()));
        match kind {
            kind if kind.of_container() && !contained => wrong(
                format!(
                    "`{}` needs service `{service}` in a container, and here it is a process",
                    kind.word()
                ),
                "run this with `--target container`; a scenario that is for containers says `only_in = [\"container\", \"compose\"]`",
            ),
            FaultKind::Partition { from, .. } => {
                from.iter().find_map(|other| self.missing(other.as_str()))
            }
            FaultKind::Deploy(deployment) => self.undeployable(service, deployment),
            FaultKind::Memory { bytes } if contained && *bytes < LEAST_MEMORY => wrong(
                format!("`{bytes} B` of memory are too little for a container"),
                "give it at least 6.3MB",
            ),
            _ => None,
        }
    }

    /// Why a new version of a service can't be started in this mode.
    fn undeployable(&self, service: &Name, deployment: &Deployment) -> Option<Reason> {
        let contained = self.mode.in_containers();
        if deployment.image.is_some() && !contained {
            let message = format!("service `{service}` is a process here and has no `image`");
            let hint = "deploy another `command` or `env`, or say `only_in = [\"container\", \"compose\"]` in the scenario";
            return Some((message, hint.to_owned()));
        }
        let own = Own {
            contained,
            port: self.unconnected(service.as_str()).is_none(),
            live: true,
        };
        let symbols = parts(deployment).flat_map(Text::symbols);
        let mut reasons = symbols.filter_map(|symbol| {
            let misplaced = texts::misplaced(symbol, Where::Service(own));
            let misplaced = misplaced.map(|(message, hint)| (message.to_owned(), hint.to_owned()));
            misplaced.or_else(|| self.unknown_address(symbol))
        });
        reasons.next()
    }
}

/// A deployment's texts.
fn parts(deployment: &Deployment) -> impl Iterator<Item = &Text> {
    deployment.command.iter().chain(deployment.env.values())
}
