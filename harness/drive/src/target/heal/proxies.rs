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
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            let text = format!("failed to ask the Toxiproxy servers of the run: {error}");
            return healed.failed.push(text);
        }
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

async fn undo_there(
    api: &str,
    wanted: &There<'_>,
    healed: &mut Healed,
) -> Result<(), ToxiproxyError> {
    let server = Toxiproxy::meet(api, Clock::start()).await?;
    let there = server.proxies().await?;
    for (proxy, toxic) in &wanted.toxics {
        let on = there.get(*proxy);
        if on.is_some_and(|on| on.toxic(toxic).is_some()) && server.remove(proxy, toxic).await? {
            let text = format!("removed the toxic {toxic} from {proxy} at {api}");
            healed.proxies.push(text);
        }
    }
    for proxy in &wanted.enable {
        if there.get(*proxy).is_some_and(|proxy| !proxy.enabled) {
            server.enable(proxy, true).await?;
            healed.proxies.push(format!("enabled {proxy} at {api}"));
        }
    }
    for proxy in &wanted.delete {
        if there.contains_key(*proxy) && server.delete(proxy).await? {
            let text = format!("deleted the proxy {proxy} at {api}");
            healed.proxies.push(text);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
