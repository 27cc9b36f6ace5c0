//! Asks services whether they are ready, about twice a second while a scenario with faults runs, and says when the
//! answer changes. It goes past the links of the load and is counted as none; what a service asks others to answer it is
//! that service's own.

use super::Endpoint;
use crate::dispatcher::Mouth;
use crate::http_client::Client;
use harness_core::event::Event;
use harness_core::http::{Method, Request};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Between two questions to a service.
const EVERY: Duration = Duration::from_millis(500);
/// A service that takes longer to say that it is well is not.
const LIMIT: Duration = Duration::from_secs(1);

/// Asks every endpoint until it is told to stop: what each says first is told, and then each change.
pub async fn watch(
    endpoints: Vec<Endpoint>,
    client: Client,
    mouth: Mouth,
    stop: &CancellationToken,
) {
    let each = endpoints.iter().map(|one| watch_one(one, &client, &mouth));
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        _ = futures::future::join_all(each) => {}
    }
}

async fn watch_one(one: &Endpoint, client: &Client, mouth: &Mouth) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut said = None;
    loop {
        ticks.tick().await;
        let healthy = ask(client, &one.url).await;
        if said.replace(healthy) != Some(healthy) {
            let service = one.service.clone();
            mouth.say(Event::HealthChanged { service, healthy }).await;
        }
    }
}

async fn ask(client: &Client, url: &str) -> bool {
    let request = Request {
        method: Method::Get,
        url: url.to_owned(),
        headers: Vec::new(),
        body: bytes::Bytes::new(),
    };
    let answer = client.send(&request, LIMIT).await.result;
    answer.is_ok_and(|response| (200..300).contains(&response.status))
}
