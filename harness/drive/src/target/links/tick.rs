//! A link's second: what its proxy has counted since it was last read.

use harness_core::event::LinkTick;
use harness_core::hist::Hist;
use harness_core::name::Name;
use harness_proxy::{HttpStats, LinkStats};

/// What happened on a link between two readings.
pub(super) fn tick(link: &Name, before: &LinkStats, now: &LinkStats) -> LinkTick {
    let hits = now.toxics.iter().map(|toxic| {
        let earlier = before
            .toxics
            .iter()
            .find(|t| t.name == toxic.name)
            .map_or(0, |t| t.chunks);
        (toxic.name.to_string(), toxic.chunks.saturating_sub(earlier))
    });
    LinkTick {
        opened: now.opened.saturating_sub(before.opened),
        open: now.open,
        failed: now.dial_failures.saturating_sub(before.dial_failures),
        bytes_up: now.up.received.saturating_sub(before.up.received),
        bytes_down: now.down.sent.saturating_sub(before.down.sent),
        hits: hits.filter(|(_, n)| *n > 0).collect(),
        ..exchanges(link, before.http.as_ref(), now.http.as_ref())
    }
}

/// What has been seen of requests and answers between two readings; nothing where a link is not watched.
fn exchanges(link: &Name, before: Option<&HttpStats>, now: Option<&HttpStats>) -> LinkTick {
    let quiet = LinkTick::quiet(link.clone());
    let Some(now) = now else { return quiet };
    let nothing = HttpStats::default();
    let before = before.unwrap_or(&nothing);
    let answers = (1..).zip(now.answers.iter().zip(&before.answers));
    LinkTick {
        watched: true,
        requests: now.requests.saturating_sub(before.requests),
        answers: answers
            .map(|(class, (now, before))| (format!("{class}xx"), now.saturating_sub(*before)))
            .filter(|(_, n)| *n > 0)
            .collect(),
        response: since(&before.response, &now.response),
        abandoned: since(&before.abandoned, &now.abandoned),
        unread: now.unread.saturating_sub(before.unread),
        ..quiet
    }
}

/// The distribution that turned one growing distribution into the other.
fn since(before: &[(u64, u64)], now: &[(u64, u64)]) -> Hist {
    let mut before = before.iter().peekable();
    Hist::from_counts(now.iter().map(|(us, n)| {
        // Both ascend, and what was counted once is there for ever.
        let known = before.next_if(|(earlier, _)| earlier == us);
        (*us, n.saturating_sub(known.map_or(0, |(_, n)| *n)))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_what_came_in_it() {
        let link: Name = "payments".parse().unwrap();
        let read =
            |requests, answers, response: &[(u64, u64)], abandoned: &[(u64, u64)]| LinkStats {
                http: Some(HttpStats {
                    requests,
                    answers,
                    response: response.to_vec(),
                    abandoned: abandoned.to_vec(),
                    unread: requests / 5,
                }),
                ..LinkStats::default()
            };
        let first = read(5, [0, 3, 0, 0, 1], &[(100, 1), (300, 3)], &[]);
        let second = read(
            9,
            [0, 5, 0, 0, 1],
            &[(100, 2), (200, 1), (300, 3)],
            &[(2_000, 1)],
        );
        let tick = super::tick(&link, &first, &second);
        assert_eq!((tick.watched, tick.requests, tick.unread), (true, 4, 0));
        assert_eq!(tick.answers, [("2xx".to_owned(), 2)].into());
        assert_eq!(tick.response, Hist::from_counts([(100, 1), (200, 1)]));
        assert_eq!(tick.abandoned, Hist::from_counts([(2_000, 1)]));
        let tick = super::tick(&link, &LinkStats::default(), &first);
        assert_eq!(
            (tick.requests, tick.response.count(), tick.unread),
            (5, 4, 1)
        );
        let bare = super::tick(&link, &LinkStats::default(), &LinkStats::default());
        assert_eq!(bare, LinkTick::quiet(link));
    }
}
