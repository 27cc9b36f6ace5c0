//! What a fault takes: which of its back ends can be used here, and what of it is done on links instead. Pure.

use super::order::{Can, Shaper};
use harness_core::name::Name;
use harness_core::plan::fault::{Direction, FaultKind, Site};
use harness_core::plan::target::{LinkPlan, TargetPlan};
use harness_proxy::{Stream, Toxic, ToxicKind};
use std::time::Duration;

/// Whether a fault is done by the helper container.
pub(super) const fn by_hand(kind: &FaultKind) -> bool {
    matches!(
        kind,
        FaultKind::Partition { .. }
            | FaultKind::Packets { .. }
            | FaultKind::DiskFull { .. }
            | FaultKind::ReadOnly { .. }
            | FaultKind::Dns
    )
}

/// What is done to packets, by whom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shaping {
    /// Within the container's network.
    pub(super) within: Option<Within>,
    /// How late its links are made instead: the mean, and half the width of the draw.
    pub(super) links: Option<(Duration, Duration)>,
}

/// What is done to packets within a container's network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Within {
    pub(super) loss: f64,
    pub(super) delay: Duration,
    pub(super) jitter: Duration,
    pub(super) with: Shaper,
}

/// Netem does all; without it nftables loses packets, and links are late. What is missing, if neither can.
pub(super) fn shaping(
    (loss, delay, jitter): (f64, Duration, Duration),
    can: &Can,
    has_links: bool,
) -> Result<Shaping, String> {
    let Some(no_netem) = &can.netem else {
        let with = Shaper::Netem;
        return Ok(Shaping {
            within: Some(Within {
                loss,
                delay,
                jitter,
                with,
            }),
            links: None,
        });
    };
    let late = !delay.is_zero() || !jitter.is_zero();
    if late && !has_links {
        return Err(format!(
            "delaying its packets takes {no_netem}, or else a link from or to it, and there is none"
        ));
    }
    if let Some(no_rules) = can.nftables.as_ref().filter(|_| loss > 0.0) {
        return Err(format!(
            "losing its packets takes {no_netem}, or else {no_rules}"
        ));
    }
    let within = (loss > 0.0).then_some(Within {
        loss,
        delay: Duration::ZERO,
        jitter: Duration::ZERO,
        with: Shaper::Nftables,
    });
    Ok(Shaping {
        within,
        links: late.then_some((delay, jitter)),
    })
}

/// What goes on a link while a fault of the hands lasts.
#[derive(Debug, Clone, PartialEq)]
pub struct OnLink {
    /// The link.
    pub link: Name,
    /// Not named yet.
    pub toxics: Vec<Toxic>,
}

/// The links that carry what a partition drops, each with the streams that it swallows: they run through the proxy, which is
/// cut off from nobody.
pub(super) fn swallowed(
    links: &[LinkPlan],
    service: &Name,
    from: &[Name],
    direction: Direction,
) -> Vec<OnLink> {
    let black_hole = |stream| Toxic::new(ToxicKind::Timeout { timeout: 0 }, stream);
    let cut = links.iter().filter_map(|link| {
        let user = link.from.as_ref()?;
        // What `service` sends on it.
        let sent = match () {
            () if user == service && from.contains(&link.to) => Stream::Upstream,
            () if link.to == *service && from.contains(user) => Stream::Downstream,
            () => return None,
        };
        let streams = match direction {
            Direction::Both => vec![Stream::Upstream, Stream::Downstream],
            Direction::Out => vec![sent],
            Direction::In => vec![opposite(sent)],
        };
        Some(OnLink {
            link: link.name.clone(),
            toxics: streams.into_iter().map(black_hole).collect(),
        })
    });
    cut.collect()
}

const fn opposite(stream: Stream) -> Stream {
    match stream {
        Stream::Upstream => Stream::Downstream,
        Stream::Downstream => Stream::Upstream,
    }
}

/// Every link from or to a service: what it sends there comes late.
pub(super) fn late(
    links: &[LinkPlan],
    service: &Name,
    (delay, jitter): (Duration, Duration),
) -> Vec<OnLink> {
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let (latency, jitter) = (ms(delay), ms(jitter));
    let touching = links.iter().filter_map(|link| {
        let stream = match () {
            () if link.from.as_ref() == Some(service) => Stream::Upstream,
            () if link.to == *service => Stream::Downstream,
            () => return None,
        };
        let kind = ToxicKind::Latency { latency, jitter };
        Some(OnLink {
            link: link.name.clone(),
            toxics: vec![Toxic::new(kind, stream)],
        })
    });
    touching.collect()
}

/// Why a fault that is planned can't be done here, whatever it is; `None` if all can.
pub(super) fn missing(
    target: &TargetPlan,
    planned: &[(&Site, &FaultKind)],
    can: &Can,
) -> Option<(String, String)> {
    for (site, kind) in planned.iter().filter(|(_, kind)| by_hand(kind)) {
        let Site::Service(service) = site else {
            continue;
        };
        let shaped = match kind {
            FaultKind::Packets {
                loss,
                delay,
                jitter,
            } => {
                let links = late(&target.links, service, (*delay, *jitter));
                shaping((*loss, *delay, *jitter), can, !links.is_empty()).map(drop)
            }
            _ => Ok(()),
        };
        let lacks = can.enter.clone().or_else(|| shaped.err());
        if let Some(lacks) = lacks {
            return Some((format!("{service} {kind}"), lacks));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn name(name: &str) -> Name {
        name.parse().expect("a name")
    }

    fn link(of: &str, from: Option<&str>, to: &str) -> LinkPlan {
        LinkPlan {
            name: name(of),
            from: from.map(name),
            to: name(to),
            scheme: "http".into(),
            watch: false,
            proxy: None,
        }
    }

    fn links() -> Vec<LinkPlan> {
        vec![
            link("edge", None, "gateway"),
            link("orders", Some("gateway"), "orders"),
            link("payments", Some("orders"), "payments"),
            link("back", Some("payments"), "orders"),
        ]
    }

    fn streams(on: &[OnLink]) -> Vec<(&str, Vec<Stream>)> {
        let streams = |on: &OnLink| on.toxics.iter().map(|toxic| toxic.stream).collect();
        on.iter()
            .map(|on| (on.link.as_str(), streams(on)))
            .collect()
    }

    #[test]
    fn a_partition_swallows_the_same_direction_on_every_link_between_the_two() {
        use Stream::{Downstream, Upstream};
        let cut = |direction| swallowed(&links(), &name("orders"), &[name("payments")], direction);
        let both = cut(Direction::Both);
        let all = vec![Upstream, Downstream];
        assert_eq!(streams(&both), [("payments", all.clone()), ("back", all)]);
        let out = cut(Direction::Out);
        assert_eq!(
            streams(&out),
            [("payments", vec![Upstream]), ("back", vec![Downstream])]
        );
        let inward = cut(Direction::In);
        assert_eq!(
            streams(&inward),
            [("payments", vec![Downstream]), ("back", vec![Upstream])]
        );
    }

    #[test]
    fn without_netem_loss_is_nftables_and_delay_is_the_links() {
        let none = Can::default();
        let asked = (0.1, MS(50), MS(5));
        let all = shaping(asked, &none, false).expect("netem");
        assert_eq!(all.within.map(|within| within.with), Some(Shaper::Netem));
        assert_eq!(all.links, None);
        let no_netem = Can {
            netem: Some("netem".into()),
            ..none
        };
        let split = shaping(asked, &no_netem, true).expect("both");
        assert_eq!(split.links, Some((MS(50), MS(5))));
        let within = split.within.expect("loss");
        assert_eq!((within.with, within.delay), (Shaper::Nftables, MS(0)));
        assert!(shaping(asked, &no_netem, false).is_err());
        let neither = Can {
            nftables: Some("rules".into()),
            ..no_netem
        };
        let lacks = shaping(asked, &neither, true).expect_err("no loss");
        assert!(
            lacks.contains("netem") && lacks.contains("rules"),
            "{lacks}"
        );
        assert!(shaping((0.0, MS(50), MS(5)), &neither, true).is_ok());
    }

    #[test]
    fn what_a_service_sends_is_late_on_each_of_its_links() {
        let late = late(&links(), &name("orders"), (MS(50), MS(0)));
        assert_eq!(
            streams(&late),
            [
                ("orders", vec![Stream::Downstream]),
                ("payments", vec![Stream::Upstream]),
                ("back", vec![Stream::Downstream])
            ]
        );
    }
}
