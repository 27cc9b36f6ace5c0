//! The API of a Toxiproxy server, the real one or `harness proxy`: one request at a time, each with a time limit, its
//! status checked, and every change read back. Knows neither links nor faults.

mod error;

pub use error::ToxiproxyError;

use crate::http_client::Client;
use bytes::Bytes;
use harness_core::http::{Failure, FailureKind, Method, Request, Response};
use harness_core::units::format_duration;
use harness_load::{Clock, Route};
use harness_proxy::Toxic;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// One call takes this long at most: the server does nothing that takes long, and a fault waits for the answer.
const LIMIT: Duration = Duration::from_secs(5);
/// What of an answer that is none is shown.
const SHOWN: usize = 120;

/// A proxy as the server shows it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Shown {
    /// Its name.
    pub name: String,
    /// Where it listens, once it does.
    pub listen: String,
    /// Where it leads.
    pub upstream: String,
    /// Whether it listens.
    pub enabled: bool,
    /// What works on its links; kinds that are not known here are kept as they stand.
    #[serde(default)]
    pub toxics: Vec<Value>,
}

impl Shown {
    /// A toxic by its name.
    pub fn toxic(&self, name: &str) -> Option<&Value> {
        self.toxics.iter().find(|toxic| toxic["name"] == name)
    }
}

/// A connection that a proxy of ours lists, as far as it is read here.
#[derive(Debug, Clone, Deserialize)]
pub struct Connection {
    /// Its number on the proxy.
    pub id: u64,
    /// When it ended; `None` while it is open.
    pub closed: Option<u64>,
    /// The toxics it met.
    pub toxics: Vec<Met>,
}

/// What a connection had with a toxic.
#[derive(Debug, Clone, Deserialize)]
pub struct Met {
    /// The toxic.
    pub name: String,
    /// Whether it did something to the connection.
    pub touched: bool,
}

/// A proxy to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// Where it is to listen; port 0 for any.
    pub listen: String,
    /// Where it is to lead.
    pub upstream: String,
}

/// A server that answered.
#[derive(Debug, Clone)]
pub struct Toxiproxy {
    client: Client,
    url: Url,
    /// Whether changes are sent as PATCH, which it knows from 2.6.0 on.
    patch: bool,
    /// Its version, as it tells it.
    pub version: String,
    /// Whether it is the proxy of a harness, which knows more kinds of toxics.
    pub ours: bool,
}

impl Toxiproxy {
    /// Asks who is there.
    pub async fn meet(url: &str, clock: Clock) -> Result<Self, ToxiproxyError> {
        let parsed = Url::parse(url).ok().filter(|url| url.has_host());
        let url = parsed.ok_or_else(|| ToxiproxyError::Address(url.to_owned()))?;
        let mut server = Self {
            client: Client::unpooled(clock, &Route::default())?,
            url,
            patch: false,
            version: String::new(),
            ours: false,
        };
        let doing = "tell its version";
        let answer = server.ask(Method::Get, &["version"], None, doing).await?;
        // Before 2.0 it was plain text: such a one knows no enabling, and is no server to rely on.
        let told: Value = server.read(&answer, doing)?;
        let version = told["version"].as_str().map(str::to_owned);
        server.version = version.ok_or_else(|| server.strange(&answer, doing))?;
        server.patch = knows_patch(&server.version);
        server.ours = told["server"] == "harness";
        Ok(server)
    }

    /// The host of its API, as it stands in the URL.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or("127.0.0.1")
    }

    /// Its API.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Every proxy, by name.
    pub async fn proxies(&self) -> Result<BTreeMap<String, Shown>, ToxiproxyError> {
        let doing = "list its proxies";
        let answer = self.ask(Method::Get, &["proxies"], None, doing).await?;
        self.read(&answer, doing)
    }

    /// Makes a proxy; as it then is.
    pub async fn create(&self, wanted: &Wanted) -> Result<Shown, ToxiproxyError> {
        let doing = format!("create the proxy {}", wanted.name);
        let body = json!(wanted);
        self.ask(Method::Post, &["proxies"], Some(body), &doing)
            .await?;
        let shown = self.shown(&wanted.name, &doing).await?;
        let listens = shown
            .listen
            .rsplit_once(':')
            .is_some_and(|(_, port)| port.parse::<u16>().is_ok_and(|port| port != 0));
        if !shown.enabled || !listens || shown.upstream != wanted.upstream {
            let is = format!(
                "it listens on `{}`, leads to `{}` and is {}",
                shown.listen,
                shown.upstream,
                enabled(shown.enabled)
            );
            return Err(self.not_done(&doing, is));
        }
        Ok(shown)
    }

    /// Deletes a proxy; `false` when there was none.
    pub async fn delete(&self, proxy: &str) -> Result<bool, ToxiproxyError> {
        let doing = format!("delete the proxy {proxy}");
        let there = self.gone(&["proxies", proxy], &doing).await?;
        if self.proxies().await?.contains_key(proxy) {
            return Err(self.not_done(&doing, "it is still there".to_owned()));
        }
        Ok(there)
    }

    /// Has a proxy listen, or refuse.
    pub async fn enable(&self, proxy: &str, wanted: bool) -> Result<(), ToxiproxyError> {
        let doing = format!("have the proxy {proxy} {}", enabled(wanted));
        let method = if self.patch {
            Method::Patch
        } else {
            Method::Post
        };
        let body = Some(json!({ "enabled": wanted }));
        self.ask(method, &["proxies", proxy], body, &doing).await?;
        let shown = self.shown(proxy, &doing).await?;
        if shown.enabled != wanted {
            let is = format!("it is {}", enabled(shown.enabled));
            return Err(self.not_done(&doing, is));
        }
        Ok(())
    }

    /// Has a proxy of ours lead elsewhere; connections that are open stay as they are.
    pub async fn lead(&self, proxy: &str, upstream: &str) -> Result<(), ToxiproxyError> {
        let doing = format!("have the proxy {proxy} lead to {upstream}");
        let body = Some(json!({ "upstream": upstream, "keep": true }));
        self.ask(Method::Post, &["proxies", proxy], body, &doing)
            .await?;
        let shown = self.shown(proxy, &doing).await?;
        if shown.upstream != upstream {
            let is = format!("it leads to {}", shown.upstream);
            return Err(self.not_done(&doing, is));
        }
        Ok(())
    }

    /// Adds a toxic to a proxy.
    pub async fn add(&self, proxy: &str, toxic: &Toxic) -> Result<(), ToxiproxyError> {
        let doing = format!("add the toxic {} to {proxy}", toxic.name);
        let path = ["proxies", proxy, "toxics"];
        self.ask(Method::Post, &path, Some(json!(toxic)), &doing)
            .await?;
        let shown = self.shown(proxy, &doing).await?;
        let is = shown.toxic(toxic.name.as_str());
        // Read as a toxic: a server may write a toxicity of 1 as `1` or `1.0`.
        match is.map(|is| serde_json::from_value::<Toxic>(is.clone())) {
            Some(Ok(is)) if same(&is, toxic) => Ok(()),
            Some(_) => Err(self.not_done(&doing, format!("it is {}", json!(is)))),
            None => Err(self.not_done(&doing, "it is not there".to_owned())),
        }
    }

    /// Removes a toxic from a proxy; `false` when there was none, nor perhaps the proxy.
    pub async fn remove(&self, proxy: &str, toxic: &str) -> Result<bool, ToxiproxyError> {
        let doing = format!("remove the toxic {toxic} from {proxy}");
        let path = ["proxies", proxy, "toxics", toxic];
        let there = self.gone(&path, &doing).await?;
        let still = self.proxies().await?;
        if still
            .get(proxy)
            .is_some_and(|proxy| proxy.toxic(toxic).is_some())
        {
            return Err(self.not_done(&doing, "it is still there".to_owned()));
        }
        Ok(there)
    }

    /// What it counts, in Prometheus's format; `None` where it does not.
    pub async fn metrics(&self) -> Result<Option<String>, ToxiproxyError> {
        let told = self
            .ask(Method::Get, &["metrics"], None, "tell its metrics")
            .await;
        match told {
            Ok(answer) => Ok(Some(String::from_utf8_lossy(&answer.body).into_owned())),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The connections of a proxy, where the server is ours.
    pub async fn connections(&self, proxy: &str) -> Result<Vec<Connection>, ToxiproxyError> {
        let doing = "list its connections";
        let path = ["proxies", proxy, "connections"];
        let answer = self.ask(Method::Get, &path, None, doing).await?;
        self.read(&answer, doing)
    }

    async fn shown(&self, proxy: &str, doing: &str) -> Result<Shown, ToxiproxyError> {
        let answer = self
            .ask(Method::Get, &["proxies", proxy], None, doing)
            .await?;
        self.read(&answer, doing)
    }

    /// Deletes what a path names; `false` when it was not there.
    async fn gone(&self, path: &[&str], doing: &str) -> Result<bool, ToxiproxyError> {
        match self.ask(Method::Delete, path, None, doing).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// One exchange; an answer that is no success is an error.
    async fn ask(
        &self,
        method: Method,
        path: &[&str],
        body: Option<Value>,
        doing: &str,
    ) -> Result<Response, ToxiproxyError> {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().extend(path);
        }
        let json = ("content-type".to_owned(), "application/json".to_owned());
        let request = Request {
            method,
            url: url.to_string(),
            headers: body.iter().map(|_| json.clone()).collect(),
            body: body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string())),
        };
        let answer = Box::pin(self.client.send(&request, LIMIT)).await.result;
        let answer = answer.map_err(|failure| match failure.kind {
            _ if is_refused(&failure) => ToxiproxyError::Absent(self.url.to_string()),
            FailureKind::Protocol => ToxiproxyError::Strange {
                doing: doing.to_owned(),
                url: self.url.to_string(),
                said: format!("what is not HTTP ({})", failure.detail),
            },
            FailureKind::Timeout | FailureKind::BodyTimeout | FailureKind::ConnectTimeout => self
                .broken(
                    doing,
                    format!("no answer within {}", format_duration(LIMIT)),
                ),
            _ => self.broken(doing, failure.to_string()),
        })?;
        if (200..300).contains(&answer.status) {
            return Ok(answer);
        }
        let told: Option<Value> = serde_json::from_slice(&answer.body).ok();
        let why = told.and_then(|told| told["error"].as_str().map(str::to_owned));
        Err(ToxiproxyError::Refused {
            doing: doing.to_owned(),
            url: self.url.to_string(),
            status: answer.status,
            why: why.unwrap_or_else(|| beginning(&answer)),
        })
    }

    fn read<T: for<'d> Deserialize<'d>>(
        &self,
        answer: &Response,
        doing: &str,
    ) -> Result<T, ToxiproxyError> {
        serde_json::from_slice(&answer.body).map_err(|_| self.strange(answer, doing))
    }

    fn strange(&self, answer: &Response, doing: &str) -> ToxiproxyError {
        ToxiproxyError::Strange {
            doing: doing.to_owned(),
            url: self.url.to_string(),
            said: beginning(answer),
        }
    }

    fn broken(&self, doing: &str, why: String) -> ToxiproxyError {
        ToxiproxyError::Broken {
            doing: doing.to_owned(),
            url: self.url.to_string(),
            why,
        }
    }

    fn not_done(&self, doing: &str, is: String) -> ToxiproxyError {
        ToxiproxyError::NotDone {
            doing: doing.to_owned(),
            url: self.url.to_string(),
            is,
        }
    }
}

/// Whether the host itself said that nobody listens there. A name or a way that is not found leads to a server that may
/// still be there, with all that was done on it.
fn is_refused(failure: &Failure) -> bool {
    let refused = std::io::Error::from(rustix::io::Errno::CONNREFUSED);
    failure.kind == FailureKind::Refused && failure.detail == refused.to_string()
}

fn enabled(enabled: bool) -> &'static str {
    if enabled { "enabled" } else { "disabled" }
}

/// The begin of an answer's body, on one line.
fn beginning(answer: &Response) -> String {
    let text = String::from_utf8_lossy(&answer.body);
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.join(" ") {
        text if text.is_empty() => "nothing".to_owned(),
        text => format!("`{}`", text.chars().take(SHOWN).collect::<String>()),
    }
}

/// Whether a toxic is as it was asked for. A server may keep the toxicity with the precision of 32 bits, and one that ramps
/// has set out by the time it is shown.
fn same(is: &Toxic, asked: &Toxic) -> bool {
    let close = (is.toxicity - asked.toxicity).abs() < 1e-6;
    let mut is = is.clone().with_toxicity(asked.toxicity);
    if let Some(ramp) = &asked.ramp
        && ramp.leads_by(&asked.kind, &is.kind)
    {
        is.kind = asked.kind.clone();
    }
    close && is == *asked
}

/// Whether a version is 2.6.0 or later; one that is not told in numbers (`git`, a commit) is of today.
fn knows_patch(version: &str) -> bool {
    let digits = |part: &str| {
        part.chars()
            .take_while(char::is_ascii_digit)
            .collect::<String>()
    };
    let mut parts = version.trim_start_matches('v').split('.').map(digits);
    let mut next = || parts.next().and_then(|part| part.parse::<u32>().ok());
    match (next(), next()) {
        (Some(major), minor) => (major, minor.unwrap_or(0)) >= (2, 6),
        (None, _) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake::nobody;
    use super::*;
    use harness_proxy::ToxicKind;

    #[test]
    fn a_toxic_is_the_same_to_the_precision_of_32_bits_and_no_further() {
        let toxic = |latency: u64, toxicity: f64| {
            let json = json!({"type": "latency", "attributes": {"latency": latency}, "toxicity": toxicity});
            serde_json::from_value::<Toxic>(json).unwrap()
        };
        let asked = toxic(5, 1.0 / 3.0);
        assert!(same(&toxic(5, f64::from(1.0_f32 / 3.0)), &asked));
        assert!(!same(&toxic(5, 0.334), &asked));
        assert!(!same(&toxic(6, 1.0 / 3.0), &asked));
    }

    #[test]
    fn a_toxic_that_ramps_may_have_set_out_and_is_nowhere_else() {
        let toxic = |latency: u64, jitter: u64, to: u64| {
            let json = json!({
                "type": "latency", "attributes": {"latency": latency, "jitter": jitter},
                "ramp": {"to": {"latency": to, "jitter": 0}, "over": 2000},
            });
            serde_json::from_value::<Toxic>(json).unwrap()
        };
        let asked = toxic(3, 0, 500);
        for at in [3, 4, 500] {
            assert!(same(&toxic(at, 0, 500), &asked), "{at}");
        }
        assert!(!same(&toxic(2, 0, 500), &asked));
        assert!(!same(&toxic(501, 0, 500), &asked));
        assert!(!same(&toxic(4, 1, 500), &asked));
        assert!(!same(&toxic(4, 0, 400), &asked));
        let [mut still, mut other] = [toxic(4, 0, 500), toxic(4, 0, 500)];
        still.ramp = None;
        assert!(!same(&still, &asked));
        other.kind = ToxicKind::Noop {};
        assert!(!same(&other, &asked));
    }

    /// The second address is of no host, and the third no name: nothing is sent to either.
    #[tokio::test]
    async fn gone_is_only_who_refuses_and_not_who_is_not_reached() {
        let (_bound, closed) = nobody();
        for (url, absent) in [
            (closed.as_str(), true),
            ("http://255.255.255.255:9", false),
            ("http://nobody.invalid:9", false),
        ] {
            let error = Toxiproxy::meet(url, Clock::start()).await.unwrap_err();
            assert_eq!(error.is_absent(), absent, "{url}: {error}");
            assert!(error.is_silent(), "{url}: {error}");
        }
    }

    #[test]
    fn patch_is_for_those_who_know_it() {
        for old in ["2.5.0", "1.9.9", "v2.1.4", "2"] {
            assert!(!knows_patch(old), "{old}");
        }
        for new in ["2.6.0", "2.12.0", "2.6", "3.0.0-rc1", "v2.9.0", "git-1a2b"] {
            assert!(knows_patch(new), "{new}");
        }
    }
}
