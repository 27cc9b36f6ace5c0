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
        let down = self.down();
        let mut news = Vec::new();
        let listed = self.api.proxies().await;
        told.there = listed.is_ok();
        match listed {
            Ok(there) => {
                for (link, served) in &self.links {
                    let shown = there.get(&served.proxy);
                    news.extend(self.compare(link, served, shown, asked, &down));
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

    /// Links that this run holds down.
    fn down(&self) -> BTreeSet<Name> {
        let all = self.applied();
        let down = all.values().filter(|applied| applied.down);
        down.map(|applied| applied.link.clone()).collect()
    }

    /// What of a link is not as this run left it before the server was asked; `down` are those it held down then.
    fn compare(
        &self,
        link: &Name,
        served: &Served,
        shown: Option<&Shown>,
        asked: Duration,
        down: &BTreeSet<Name>,
    ) -> Option<String> {
        // What was lifted meanwhile may be shown as it was, and so may what was not down yet.
        let down = down.contains(link) || self.down().contains(link);
        let mut all = self.applied();
        let here = |applied: &&mut Applied| applied.link == *link && !applied.lifting;
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
    use super::super::tests::{held, served, strike};
    use super::*;
    use crate::target::fake::Fake;
    use harness_core::plan::fault::FaultKind;

    /// The server's answer to a look may be older than the lifting, and the lifting may take a while.
    #[tokio::test]
    async fn a_link_that_is_being_lifted_is_not_told_as_cut_by_others() {
        let folder = tempfile::tempdir().unwrap();
        let fake = Fake::start(&["db"]);
        let server = served(&fake, folder.path()).await;
        strike(&server, "f", &FaultKind::Down).await.unwrap();
        fake.hold("PATCH ");
        let patched = fake.asked("PATCH ");
        let (mouth, mut said) = Mouth::pair();
        let mut told = Told {
            uncounted: true,
            ..Told::default()
        };
        let lifting = server.remove("f");
        held(&fake, "PATCH ", patched, lifting, async {
            server.look(&mouth, &mut told).await;
        })
        .await;
        assert!(told.there && told.broken.is_empty(), "{:?}", told.broken);
        assert!(said.try_recv().is_err());
        // What was listed before it was lifted.
        let (link, served) = server.links.iter().next().unwrap();
        let shown = server.api.proxies().await.unwrap();
        let down = server.down();
        fake.behave();
        assert_eq!(server.remove("f").await, Ok(()));
        let asked = server.clock.now();
        assert_eq!(
            server.compare(link, served, shown.get("db"), asked, &down),
            None
        );
        fake.disable("db");
        server.look(&mouth, &mut told).await;
        assert_eq!(told.broken.len(), 1, "{:?}", told.broken);
    }

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
