//! Requests whose server shows the certificate of another name than its URL's: `server_name` in `[target.tls]`. The
//! client library takes the name from the URL, so the URL gets the name and the lookup the host: one client for each
//! host, so that no connection serves two.

use crate::http_client::ClientError;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Hosts with a client at most; a suite's target has a few.
const HOSTS: usize = 64;

/// Makes a client that looks every name up with a resolver.
type Make = dyn Fn(Arc<Lookup>) -> Result<reqwest::Client, ClientError> + Send + Sync;

/// Clients that expect one name, by the host they ask.
pub(crate) struct Renamed {
    name: String,
    make: Box<Make>,
    clients: Mutex<HashMap<String, reqwest::Client>>,
}

/// Looks up one host whatever name it is asked for.
pub(crate) struct Lookup {
    host: String,
}

impl Resolve for Lookup {
    fn resolve(&self, _: Name) -> Resolving {
        let host = self.host.clone();
        Box::pin(async move {
            let found: Vec<_> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

impl std::fmt::Debug for Renamed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Renamed").field("name", &self.name).finish()
    }
}

impl Renamed {
    pub(crate) fn new(
        name: String,
        make: impl Fn(Arc<Lookup>) -> Result<reqwest::Client, ClientError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            make: Box::new(make),
            clients: Mutex::default(),
        }
    }

    /// The client and the URL that a request to `url` goes by, and the value of its `host` header; `None` for a URL
    /// that has no certificate.
    pub(crate) fn of(
        &self,
        url: &str,
    ) -> Option<Result<(reqwest::Client, Url, String), ClientError>> {
        let mut url = Url::parse(url).ok().filter(|url| url.scheme() == "https")?;
        let host = url.host_str()?.to_owned();
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.clone(),
        };
        url.set_host(Some(&self.name)).ok()?;
        Some(self.client(&host).map(|client| (client, url, authority)))
    }

    fn client(&self, host: &str) -> Result<reqwest::Client, ClientError> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(host) {
            return Ok(client.clone());
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let lookup = Lookup {
            host: bare.to_owned(),
        };
        let client = (self.make)(Arc::new(lookup))?;
        if clients.len() < HOSTS {
            clients.insert(host.to_owned(), client.clone());
        }
        Ok(client)
    }
}
