//! Undoes what a journal names on Toxiproxy servers: toxics and a disabled proxy where the user made it, and the run's own
//! proxies altogether. A server that is gone took them with it.

use super::Healed;
use crate::target::journal::Entry;
use crate::target::toxiproxy::{Toxiproxy, ToxiproxyError};
use harness_load::Clock;
use std::collections::{BTreeMap, BTreeSet};

/// What is to be undone on one server.
#[derive(Debug, Default, PartialEq, Eq)]
struct There<'e> {
    delete: BTreeSet<&'e str>,
    toxics: BTreeSet<(&'e str, &'e str)>,
    enable: BTreeSet<&'e str>,
}

/// Undoes it all; what can't be is noted, and the rest done.
pub(super) fn undo(entries: &[Entry], healed: &mut Healed) {
    let servers = by_server(entries);
    if servers.is_empty() {
        return;
    }
    let Some(runtime) = super::runtime("the Toxiproxy servers", healed) else {
        return;
    };
    for (api, there) in servers {
        match runtime.block_on(undo_there(api, &there, healed)) {
            Ok(()) => {}
            Err(error) if error.is_absent() => {}
            Err(error) => healed.failed.push(error.to_string()),
        }
    }
}

fn by_server(entries: &[Entry]) -> BTreeMap<&str, There<'_>> {
    let mut servers: BTreeMap<&str, There<'_>> = BTreeMap::new();
    for entry in entries {
        match entry {
            Entry::Proxies { api, proxies } => {
                let delete = &mut servers.entry(api).or_default().delete;
                delete.extend(proxies.iter().map(String::as_str));
            }
            Entry::Toxics { api, proxy, toxics } => {
                let of = toxics.iter().map(|toxic| (proxy.as_str(), toxic.as_str()));
                servers.entry(api).or_default().toxics.extend(of);
            }
            Entry::Down { api, proxy } => {
                servers.entry(api).or_default().enable.insert(proxy);
            }
            Entry::Up { api, proxy } => {
                let enable = &mut servers.entry(api).or_default().enable;
                enable.remove(proxy.as_str());
            }
            _ => {}
        }
    }
    servers
}

/// Undoes what can be; the error says that the server is not heard of, and ends the work there.
async fn undo_there(
    api: &str,
    wanted: &There<'_>,
    healed: &mut Healed,
) -> Result<(), ToxiproxyError> {
    let server = Toxiproxy::meet(api, Clock::start()).await?;
    let there = server.proxies().await?;
    for (proxy, toxic) in &wanted.toxics {
        let on = there.get(*proxy);
        if on.is_some_and(|on| on.toxic(toxic).is_some()) {
            let text = format!("removed the toxic {toxic} from {proxy} at {api}");
            note(server.remove(proxy, toxic).await, text, healed)?;
        }
    }
    for proxy in &wanted.enable {
        if there.get(*proxy).is_some_and(|proxy| !proxy.enabled) {
            let done = server.enable(proxy, true).await;
            let text = format!("enabled {proxy} at {api}");
            note(done.map(|()| true), text, healed)?;
        }
    }
    for proxy in &wanted.delete {
        if there.contains_key(*proxy) {
            let text = format!("deleted the proxy {proxy} at {api}");
            note(server.delete(proxy).await, text, healed)?;
        }
    }
    Ok(())
}

/// Notes what became of one thing: that it was done, or that it could not be, which leaves the others to be tried.
fn note(
    done: Result<bool, ToxiproxyError>,
    text: String,
    healed: &mut Healed,
) -> Result<(), ToxiproxyError> {
    match done {
        Ok(true) => healed.proxies.push(text),
        Ok(false) => {}
        Err(error) if error.is_silent() => return Err(error),
        Err(error) => healed.failed.push(error.to_string()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::fake::{Fake, nobody};

    #[test]
    fn a_proxy_that_was_enabled_again_is_the_users_own_affair() {
        let (api, proxy) = ("http://a/".to_owned(), "db".to_owned());
        let down = Entry::Down {
            api: api.clone(),
            proxy: proxy.clone(),
        };
        let up = Entry::Up { api, proxy };
        let enabled = |entries: &[Entry]| by_server(entries)["http://a/"].enable.len();
        assert_eq!(enabled(std::slice::from_ref(&down)), 1);
        assert_eq!(enabled(&[down.clone(), up.clone()]), 0);
        assert_eq!(enabled(&[down.clone(), up, down]), 1);
    }

    #[test]
    fn a_server_that_is_not_reached_is_not_taken_for_gone() {
        let left = |api: String| {
            let proxies = vec!["harness-r-db".to_owned()];
            let mut healed = Healed::default();
            undo(&[Entry::Proxies { api, proxies }], &mut healed);
            healed.failed
        };
        assert_eq!(left("http://255.255.255.255:9/".to_owned()).len(), 1);
        let (_bound, closed) = nobody();
        assert_eq!(left(closed), Vec::<String>::new());
    }

    #[test]
    fn what_is_refused_leaves_the_rest_to_be_undone() {
        let server = Fake::start(&["db", "mq", "own"]);
        for proxy in ["db", "mq"] {
            server.toxic(proxy, "harness-r-0");
        }
        server.disable("mq");
        server.refuse("DELETE /proxies/db/");
        let api = server.url.clone();
        let toxics = |proxy: &str| Entry::Toxics {
            api: api.clone(),
            proxy: proxy.into(),
            toxics: vec!["harness-r-0".into()],
        };
        let entries = [
            toxics("db"),
            toxics("mq"),
            Entry::Down {
                api: api.clone(),
                proxy: "mq".into(),
            },
            Entry::Proxies {
                api: api.clone(),
                proxies: vec!["own".into()],
            },
        ];
        let mut healed = Healed::default();
        undo(&entries, &mut healed);
        assert_eq!(healed.proxies.len(), 3, "{healed:?}");
        assert_eq!(healed.failed.len(), 1, "{healed:?}");
        assert!(server.proxy("own").is_null());
        assert_eq!(server.proxy("mq")["enabled"], true);
        assert_eq!(server.proxy("mq")["toxics"], serde_json::json!([]));
    }
}
