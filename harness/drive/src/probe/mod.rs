//! Scrapes the target's own metrics once a second, on the run's clock. A scrape that fails is an event like any other.

pub mod prometheus;

use crate::dispatcher::Mouth;
use crate::http_client::Client;
use harness_core::event::{Event, ProbeSample};
use harness_core::http::{Method, Request};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Between two scrapes.
const EVERY: Duration = Duration::from_secs(1);
/// A scrape takes at most this long.
const LIMIT: Duration = Duration::from_millis(900);

/// An endpoint to be scraped.
#[derive(Debug, Clone)]
pub struct Probe {
    /// The service it speaks for.
    pub service: String,
    /// Its URL.
    pub url: String,
}

/// Scrapes until it is told to stop.
pub async fn watch(probe: Probe, client: Client, mouth: Mouth, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let sample = scrape(&probe, &client).await;
        mouth.say(Event::ProbeSample(sample)).await;
    }
}

async fn scrape(probe: &Probe, client: &Client) -> ProbeSample {
    let request = Request {
        method: Method::Get,
        url: probe.url.clone(),
        headers: vec![("accept".into(), "text/plain;version=0.0.4".into())],
        body: bytes::Bytes::new(),
    };
    let (values, error) = match client.send(&request, LIMIT).await.result {
        Ok(response) if response.status == 200 => {
            let scrape = prometheus::parse(&String::from_utf8_lossy(&response.body));
            let error = scrape
                .values
                .is_empty()
                .then(|| "no series in the Prometheus text format".to_owned());
            (scrape.values, error)
        }
        Ok(response) => (BTreeMap::new(), Some(format!("status {}", response.status))),
        Err(failure) => (BTreeMap::new(), Some(failure.to_string())),
    };
    ProbeSample {
        service: probe.service.clone(),
        values,
        error,
    }
}
