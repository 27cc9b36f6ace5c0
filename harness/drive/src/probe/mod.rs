//! Scrapes the target's own metrics once a second on the run's clock, and at the end of each scenario. A scrape that
//! fails is an event like any other; none takes longer than a second, and the run waits for the last of a scenario
//! alone.

pub mod pulse;

use crate::dispatcher::Mouth;
use crate::http_client::Client;
use crate::prometheus::{self, Scrape};
use harness_core::event::{Event, ProbeSample};
use harness_core::expr::probe::Selector;
use harness_core::http::{Method, Request};
use harness_core::plan::Plan;
use harness_core::record::SCRAPE_EVERY_US;
use harness_load::Clock;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Between two scrapes.
const EVERY: Duration = Duration::from_micros(SCRAPE_EVERY_US);
/// A scrape takes at most this long.
const LIMIT: Duration = Duration::from_millis(900);

/// An endpoint to be scraped.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The service it speaks for.
    pub service: String,
    /// Its URL.
    pub url: String,
}

/// Scrapes all endpoints of a target.
#[derive(Clone)]
pub struct Scraper(Arc<Inner>);

struct Inner {
    endpoints: Vec<Watched>,
    client: Client,
    clock: Clock,
    mouth: Mouth,
    /// The time that scrapes are whole seconds away from.
    anchor: watch::Sender<Duration>,
}

struct Watched {
    endpoint: Endpoint,
    /// What the plan's probes read of it.
    wanted: Vec<Selector>,
    /// Whether it was said that not all of its answers can be read.
    said: AtomicBool,
}

impl Scraper {
    /// A scraper of these endpoints for the probes of a plan.
    pub fn new(
        endpoints: Vec<Endpoint>,
        plan: &Plan,
        client: Client,
        clock: Clock,
        mouth: Mouth,
    ) -> Self {
        let wanted = |endpoint: &Endpoint| {
            let terms = plan.probes.iter().flat_map(|probe| probe.value.terms());
            let own = |s: &&Selector| {
                s.service
                    .as_ref()
                    .is_some_and(|name| name.as_str() == endpoint.service)
            };
            terms
                .map(|(_, selector)| selector)
                .filter(own)
                .cloned()
                .collect()
        };
        let watched = |endpoint: Endpoint| Watched {
            wanted: wanted(&endpoint),
            endpoint,
            said: AtomicBool::new(false),
        };
        Self(Arc::new(Inner {
            endpoints: endpoints.into_iter().map(watched).collect(),
            client,
            clock,
            mouth,
            anchor: watch::Sender::new(Duration::ZERO),
        }))
    }

    /// Scrapes fall on whole seconds from this time on the run's clock, the first on the time itself.
    pub fn align(&self, t0: Duration) {
        self.0.anchor.send_replace(t0);
    }

    /// Scrapes every endpoint once a second until it is told to stop.
    pub async fn watch(self, stop: CancellationToken) {
        let all = self
            .0
            .endpoints
            .iter()
            .map(|one| self.watch_one(one, &stop));
        futures::future::join_all(all).await;
    }

    /// Scrapes what probes read, now: a load that ends between two scrapes has its end all the same.
    pub async fn once(&self) {
        let read = self.0.endpoints.iter().filter(|one| !one.wanted.is_empty());
        futures::future::join_all(read.map(|one| self.scrape_and_say(one))).await;
    }

    async fn watch_one(&self, one: &Watched, stop: &CancellationToken) {
        let mut anchor = self.0.anchor.subscribe();
        let mut wait = Duration::ZERO;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                // The sender lives as long as this future: it never fails.
                _ = anchor.changed() => {}
                () = tokio::time::sleep(wait) => self.scrape_and_say(one).await,
            }
            wait = until_next(self.0.clock.now(), *anchor.borrow_and_update());
        }
    }

    async fn scrape_and_say(&self, one: &Watched) {
        let (sample, unread) = self.scrape(one).await;
        self.0.mouth.say(Event::ProbeSample(sample)).await;
        // What no probe reads is only drawn: of that a part is as good.
        if let Some(unread) = unread
            && !one.wanted.is_empty()
            && !one.said.swap(true, Ordering::Relaxed)
        {
            let service = &one.endpoint.service;
            let text = format!(
                "not all of the metrics of {service} can be read, and a probe that needs the rest has no value: {unread}"
            );
            self.0.mouth.say(Event::Notice { text }).await;
        }
    }

    /// A scrape, and what of it could not be read.
    async fn scrape(&self, one: &Watched) -> (ProbeSample, Option<String>) {
        let request = Request {
            method: Method::Get,
            url: one.endpoint.url.clone(),
            headers: vec![("accept".into(), "text/plain;version=0.0.4".into())],
            body: bytes::Bytes::new(),
        };
        let exchanged = self.0.client.send(&request, LIMIT).await;
        let (mut unread, mut told) = (BTreeMap::new(), None);
        let (values, error) = match exchanged.result {
            Ok(response) if response.status == 200 => {
                let text = String::from_utf8_lossy(&response.body);
                let cut = response.body_len > response.body.len() as u64;
                let mut scrape = prometheus::parse(whole_lines(&text, cut), &one.wanted);
                if cut {
                    let lost = |s: &Selector| (s.to_string(), "its end is cut off".to_owned());
                    scrape.unread = one.wanted.iter().map(lost).collect();
                }
                told = not_read(&scrape, cut);
                let nothing = scrape.values.is_empty() && scrape.unread.is_empty();
                let error = nothing.then(|| "no series in the Prometheus text format".to_owned());
                unread = scrape.unread;
                (scrape.values, error)
            }
            Ok(response) => (BTreeMap::new(), Some(format!("status {}", response.status))),
            Err(failure) => (BTreeMap::new(), Some(failure.to_string())),
        };
        let sample = ProbeSample {
            service: one.endpoint.service.clone(),
            values,
            error,
            unread,
            taken_us: u64::try_from(exchanged.sent.as_micros()).ok(),
        };
        (sample, told)
    }
}

/// How long until the next whole second from an anchor; until the anchor itself where that lies ahead.
fn until_next(now: Duration, anchor: Duration) -> Duration {
    match now.checked_sub(anchor) {
        None => anchor - now,
        Some(since) => {
            let into = since.as_micros() % EVERY.as_micros();
            EVERY - Duration::from_micros(u64::try_from(into).unwrap_or(0))
        }
    }
}

/// A text that was cut without its last line, whose figure may have lost digits.
fn whole_lines(text: &str, cut: bool) -> &str {
    if cut {
        text.rsplit_once('\n').map_or("", |(whole, _)| whole)
    } else {
        text
    }
}

fn not_read(scrape: &Scrape, cut: bool) -> Option<String> {
    let malformed = (scrape.malformed > 0).then(|| {
        format!(
            "{} lines are not in the Prometheus text format",
            scrape.malformed
        )
    });
    let unread = scrape.unread.iter().filter(|_| !cut);
    let unread = unread.map(|(selector, why)| format!("`{selector}`: {why}"));
    let cut = cut.then(|| "its end is cut off".to_owned());
    let parts: Vec<String> = unread.chain(malformed).chain(cut).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scrapes_fall_on_whole_seconds_from_the_anchor() {
        let ms = Duration::from_millis;
        assert_eq!(until_next(ms(2_000), ms(2_300)), ms(300));
        assert_eq!(until_next(ms(2_300), ms(2_300)), ms(1_000));
        assert_eq!(until_next(ms(2_302), ms(2_300)), ms(998));
        assert_eq!(until_next(ms(9_299), ms(2_300)), ms(1));
    }

    #[test]
    fn a_cut_answer_loses_its_last_line_and_says_so() {
        assert_eq!(whole_lines("a 1\nb 12", true), "a 1");
        assert_eq!(whole_lines("a 1\nb 12", false), "a 1\nb 12");
        let scrape = Scrape {
            malformed: 2,
            ..Scrape::default()
        };
        assert_eq!(
            not_read(&scrape, true).as_deref(),
            Some("2 lines are not in the Prometheus text format, its end is cut off")
        );
        assert_eq!(not_read(&Scrape::default(), false), None);
    }
}
