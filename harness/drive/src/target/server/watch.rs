//! Looks at the server once a second: whether it is there, whether what was applied still is, and what it counts.

use super::{Applied, Served, Server};
use crate::dispatcher::Mouth;
use crate::prometheus;
use crate::target::toxiproxy::Shown;
use harness_core::event::{Event, LinkTick};
use harness_core::expr::probe::Selector;
use harness_core::name::Name;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often a server that tells what its toxics touched is asked: the first effect is known as exactly as this.
const EFFECT_POLL: Duration = Duration::from_millis(50);

/// What was told already, so that it is told once.
#[derive(Default)]
struct Told {
    broken: BTreeSet<String>,
    /// Whether it answered the last look.
    there: bool,
    counted: BTreeMap<Name, [f64; 2]>,
    uncounted: bool,
}

impl Server {
    /// Says once what is not as it should be, and each link's bytes every second until it is told to stop, and then those
    /// since the last time, where the server tells them.
    pub(in crate::target) async fn watch(&self, mouth: Mouth, stop: CancellationToken) {
        let mut told = Told::default();
        let looks = async {
            let mut ticks = tokio::time::interval(Duration::from_secs(1));
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            while stop.run_until_cancelled(ticks.tick()).await.is_some() {
                self.look(&mouth, &mut told).await;
            }
            if told.there {
                self.count(&mouth, &mut told).await;
            }
        };
        let effects = async {
            let mut ticks = tokio::time::interval(EFFECT_POLL);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            while stop.run_until_cancelled(ticks.tick()).await.is_some() {
                self.see_effects().await;
            }
        };
        tokio::join!(looks, effects);
    }

    /// Notes when a fault is first seen to have touched a connection, where the server tells.
    async fn see_effects(&self) {
        let unseen = |(id, applied): (&String, &Applied)| {
            let waits = applied.confirmed.is_some() && applied.touched.is_none() && !applied.down;
            waits.then(|| (id.clone(), applied.clone()))
        };
        let waiting: Vec<_> = match self.api.ours {
            true => self.applied().iter().filter_map(unseen).collect(),
            false => return,
        };
        for (id, applied) in waiting {
            let Some(served) = self.links.get(&applied.link) else {
                continue;
            };
            // A server that is gone is told by the next look.
            let Ok(connections) = self.api.connections(&served.proxy).await else {
                continue;
            };
            let mut met = connections.iter().flat_map(|connection| &connection.toxics);
            if met.any(|met| met.touched && applied.toxics.contains(&met.name)) {
                let now = self.clock.now();
                if let Some(applied) = self.applied().get_mut(&id) {
                    applied.touched.get_or_insert(now);
                }
            }
        }
    }

    async fn look(&self, mouth: &Mouth, told: &mut Told) {
        let asked = self.clock.now();
        let mut news = Vec::new();
        let listed = self.api.proxies().await;
        told.there = listed.is_ok();
        match listed {
            Ok(there) => {
                for (link, served) in &self.links {
                    news.extend(self.compare(link, served, there.get(&served.proxy), asked));
                }
                self.count(mouth, told).await;
            }
            Err(error) => {
                for applied in self.applied().values_mut() {
                    applied.undone.get_or_insert_with(|| error.to_string());
                }
                news.push(error.to_string());
            }
        }
        for text in news {
            if told.broken.insert(text.clone()) {
                mouth.say(Event::Notice { text }).await;
            }
        }
    }

    /// What of a link is not as this run left it before the server was asked.
    fn compare(
        &self,
        link: &Name,
        served: &Served,
        shown: Option<&Shown>,
        asked: Duration,
    ) -> Option<String> {
        let mut all = self.applied();
        let here = |applied: &&mut Applied| applied.link == *link;
        let down = all
            .values()
            .any(|applied| applied.link == *link && applied.down);
        let (proxy, url) = (&served.proxy, self.api.url());
        let Some(shown) = shown else {
            for applied in all.values_mut().filter(here) {
                let lost = || self.lost(served, "was deleted");
                applied.undone.get_or_insert_with(lost);
            }
            return Some(format!(
                "link `{link}` is cut: its proxy {proxy} at {url} was deleted, and not by this run"
            ));
        };
        for applied in all.values_mut().filter(here) {
            // What is still being done may not be shown yet.
            if applied.confirmed.is_none_or(|confirmed| confirmed >= asked) {
                continue;
            }
            let gone = applied.toxics.iter().find(|t| shown.toxic(t).is_none());
            let lost = match gone {
                Some(toxic) => format!("lost the toxic {toxic}"),
                None if applied.down && shown.enabled => "was enabled".to_owned(),
                None => continue,
            };
            let lost = || self.lost(served, &lost);
            applied.undone.get_or_insert_with(lost);
        }
        (!shown.enabled && !down).then(|| {
            format!(
                "link `{link}` is cut: its proxy {proxy} at {url} is disabled, and not by this run"
            )
        })
    }

    /// Says what passed each link since the last look.
    async fn count(&self, mouth: &Mouth, told: &mut Told) {
        if told.uncounted {
            return;
        }
        // A look that fails is told by the next.
        let Ok(metrics) = self.api.metrics().await else {
            return;
        };
        let Some(text) = metrics else {
            told.uncounted = true;
            let url = self.api.url();
            let text = format!(
                "the Toxiproxy at {url} counts no bytes (start it with -proxy-metrics): there are no figures of links"
            );
            mouth.say(Event::Notice { text }).await;
            return;
        };
        for (link, served) in &self.links {
            let now = bytes(&text, &served.proxy);
            let before = told.counted.insert(link.clone(), now);
            // What a proxy that the user made had counted before is no second of this run.
            let Some(before) = before.or_else(|| served.own.then_some([0.0; 2])) else {
                continue;
            };
            let [up, down] = [0, 1].map(|of| (now[of] - before[of]).max(0.0) as u64);
            let tick = LinkTick {
                bytes_up: up,
                bytes_down: down,
                ..LinkTick::quiet(link.clone())
            };
            mouth.say(Event::LinkTick(tick)).await;
        }
    }
}

/// Bytes that a proxy has got from its clients, and sent them.
fn bytes(text: &str, proxy: &str) -> [f64; 2] {
    let wanted =
        [("received", "upstream"), ("sent", "downstream")].map(|(what, direction)| Selector {
            service: None,
            metric: format!("toxiproxy_proxy_{what}_bytes_total"),
            labels: vec![
                ("direction".to_owned(), direction.to_owned()),
                ("proxy".to_owned(), proxy.to_owned()),
            ],
        });
    let scrape = prometheus::parse(text, &wanted);
    wanted.map(|selector| {
        let series = scrape.values.iter();
        let ours = series.filter(|(series, _)| selector.matches(series));
        ours.map(|(_, value)| value).sum()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_those_of_the_proxy_in_both_directions() {
        let text = "# TYPE toxiproxy_proxy_received_bytes_total counter\n\
            toxiproxy_proxy_received_bytes_total{direction=\"upstream\",listener=\"l\",proxy=\"a\",upstream=\"u\"} 5\n\
            toxiproxy_proxy_received_bytes_total{direction=\"downstream\",listener=\"l\",proxy=\"a\",upstream=\"u\"} 70\n\
            toxiproxy_proxy_received_bytes_total{direction=\"upstream\",listener=\"m\",proxy=\"a\",upstream=\"u\"} 2\n\
            toxiproxy_proxy_sent_bytes_total{direction=\"downstream\",listener=\"l\",proxy=\"a\",upstream=\"u\"} 60\n\
            toxiproxy_proxy_sent_bytes_total{direction=\"downstream\",listener=\"l\",proxy=\"b\",upstream=\"u\"} 900\n";
        assert_eq!(bytes(text, "a"), [7.0, 60.0]);
        assert_eq!(bytes("", "a"), [0.0, 0.0]);
    }
}
