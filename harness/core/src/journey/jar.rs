//! Cookies of a user: what RFC 6265 asks of a client that lives for minutes. Host and domain, path, Secure, Max-Age
//! and Expires. No clock: the time is handed in. No public-suffix list: a journey talks to its own system.

mod date;

/// A cookie held.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cookie {
    name: String,
    value: String,
    /// The host it came from, or the domain it named.
    domain: String,
    /// Whether only that very host gets it.
    host_only: bool,
    path: String,
    secure: bool,
    /// When it is forgotten, in milliseconds since the Unix epoch; `None`: with the jar.
    expires_ms: Option<i64>,
}

/// The cookies of one user: of one walk, unless they are handed on to the next.
#[derive(Debug, Clone, Default)]
pub struct Jar(Vec<Cookie>);

/// Cookies kept at most; older ones go first.
const MANY: usize = 64;

/// The parts of a URL that cookies and redirects look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parts<'u> {
    /// `http` or `https`.
    pub(super) scheme: &'u str,
    /// Host and port.
    pub(super) authority: &'u str,
    /// From the first `/`, query included; may be empty.
    pub(super) rest: &'u str,
}

impl<'u> Parts<'u> {
    pub(super) fn of(url: &'u str) -> Self {
        let (scheme, after) = url.split_once("://").unwrap_or(("http", url));
        let end = after.find(['/', '?', '#']).unwrap_or(after.len());
        Self {
            scheme,
            authority: &after[..end],
            rest: &after[end..],
        }
    }

    fn host(&self) -> &'u str {
        let host = self
            .authority
            .rsplit_once('@')
            .map_or(self.authority, |(_, host)| host);
        match host.strip_prefix('[').and_then(|v6| v6.split_once(']')) {
            Some((v6, _)) => v6,
            None => host.split(':').next().unwrap_or(host),
        }
    }

    fn path(&self) -> &'u str {
        let path = self.rest.split(['?', '#']).next().unwrap_or("");
        if path.is_empty() { "/" } else { path }
    }

    /// The whole origin: scheme and authority, a scheme's own port said or not.
    pub(super) fn same_origin(&self, other: &Self) -> bool {
        self.scheme.eq_ignore_ascii_case(other.scheme)
            && self
                .without_default_port()
                .eq_ignore_ascii_case(other.without_default_port())
    }

    fn without_default_port(&self) -> &'u str {
        let port = if self.scheme.eq_ignore_ascii_case("https") {
            ":443"
        } else {
            ":80"
        };
        self.authority.strip_suffix(port).unwrap_or(self.authority)
    }
}

impl Jar {
    /// Forgets every cookie.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Takes the `Set-Cookie` headers of an answer that came at a time, in milliseconds since the Unix epoch.
    pub(super) fn keep(&mut self, url: &str, headers: &[(String, String)], wall_ms: i64) {
        for (_, value) in headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"))
        {
            self.set(Parts::of(url), value, wall_ms);
        }
    }

    /// The `Cookie` header for a URL at a time, longest path first.
    pub(super) fn header(&self, url: &str, wall_ms: i64) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let parts = Parts::of(url);
        let mut sent: Vec<_> = self
            .0
            .iter()
            .filter(|cookie| cookie.expires_ms.is_none_or(|at| wall_ms < at))
            .filter(|cookie| cookie.goes_to(&parts))
            .collect();
        sent.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<_> = sent
            .iter()
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    fn set(&mut self, from: Parts<'_>, text: &str, wall_ms: i64) {
        let mut fields = text.split(';').map(str::trim);
        let Some((name, value)) = fields.next().and_then(|pair| pair.split_once('=')) else {
            return;
        };
        let default_path = from
            .path()
            .rsplit_once('/')
            .map_or("/", |(path, _)| if path.is_empty() { "/" } else { path });
        let mut cookie = Cookie {
            name: name.trim().to_owned(),
            value: value.trim().to_owned(),
            domain: from.host().to_ascii_lowercase(),
            host_only: true,
            path: default_path.to_owned(),
            secure: false,
            expires_ms: None,
        };
        // Max-Age goes before Expires, whichever comes first (RFC 6265, 5.3).
        let mut aged = false;
        for field in fields {
            let (key, value) = field.split_once('=').unwrap_or((field, ""));
            match key.trim().to_ascii_lowercase().as_str() {
                "domain" => {
                    let domain = value.trim().trim_start_matches('.').to_ascii_lowercase();
                    if !within(&cookie.domain, &domain) {
                        return;
                    }
                    (cookie.domain, cookie.host_only) = (domain, false);
                }
                "path" if value.starts_with('/') => cookie.path = value.trim().to_owned(),
                "secure" => cookie.secure = true,
                "max-age" => {
                    if let Ok(seconds) = value.trim().parse::<i64>() {
                        let lives = seconds.max(0).saturating_mul(1000);
                        cookie.expires_ms = Some(wall_ms.saturating_add(lives));
                        aged = true;
                    }
                }
                "expires" if !aged => {
                    cookie.expires_ms = date::parse(value).or(cookie.expires_ms);
                }
                _ => {}
            }
        }
        self.0.retain(|held| {
            (&held.name, &held.domain, &held.path) != (&cookie.name, &cookie.domain, &cookie.path)
        });
        let removed = cookie.expires_ms.is_some_and(|at| at <= wall_ms);
        if !removed && !cookie.name.is_empty() {
            self.0.push(cookie);
            self.0.drain(..self.0.len().saturating_sub(MANY));
        }
    }
}

impl Cookie {
    fn goes_to(&self, parts: &Parts<'_>) -> bool {
        let host = parts.host().to_ascii_lowercase();
        let domain = if self.host_only {
            host == self.domain
        } else {
            within(&host, &self.domain)
        };
        let path = parts.path();
        let below = path.strip_prefix(self.path.as_str());
        let path = below.is_some_and(|rest| {
            rest.is_empty() || self.path.ends_with('/') || rest.starts_with('/')
        });
        domain && path && (!self.secure || parts.scheme == "https")
    }
}

fn within(host: &str, domain: &str) -> bool {
    host == domain
        || (!domain.is_empty()
            && host
                .strip_suffix(domain)
                .is_some_and(|sub| sub.ends_with('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Some time in 2026.
    const NOW: i64 = 1_770_000_000_000;

    fn jar(url: &str, cookies: &[&str]) -> Jar {
        let mut jar = Jar::default();
        jar.keep(
            url,
            &cookies
                .iter()
                .map(|c| ("set-cookie".into(), (*c).to_owned()))
                .collect::<Vec<_>>(),
            NOW,
        );
        jar
    }

    #[test]
    fn cookies_go_where_they_belong() {
        let held = jar(
            "http://a.shop.test:80/x/y",
            &[
                "s=1",
                "t=2; Path=/",
                "u=3; Domain=shop.test; Path=/",
                "v=4; Secure; Path=/",
            ],
        );
        assert_eq!(
            held.header("http://a.shop.test:80/x/z", NOW).as_deref(),
            Some("s=1; t=2; u=3")
        );
        assert_eq!(
            held.header("http://a.shop.test/xy", NOW).as_deref(),
            Some("t=2; u=3")
        );
        assert_eq!(
            held.header("https://b.shop.test/", NOW).as_deref(),
            Some("u=3")
        );
        assert_eq!(held.header("http://evilshop.test/", NOW), None);
        assert_eq!(
            held.header("https://a.shop.test/", NOW).as_deref(),
            Some("t=2; u=3; v=4")
        );
    }

    #[test]
    fn cookies_are_replaced_removed_and_refused() {
        assert_eq!(
            jar("http://a/", &["s=1", "s=2"])
                .header("http://a/", NOW)
                .as_deref(),
            Some("s=2")
        );
        assert_eq!(
            jar("http://a/", &["s=1", "s=; Max-Age=0"]).header("http://a/", NOW),
            None
        );
        assert_eq!(
            jar(
                "http://a/",
                &["s=1", "s=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"]
            )
            .header("http://a/", NOW),
            None
        );
        assert_eq!(
            jar("http://a.test/", &["s=1; Domain=b.test"]).header("http://b.test/", NOW),
            None
        );
        assert_eq!(
            jar("http://a/", &["nonsense"]).header("http://a/", NOW),
            None
        );
    }

    #[test]
    fn cookies_live_as_long_as_they_were_given() {
        let held = jar(
            "http://a/",
            &[
                "s=1; Max-Age=60",
                "t=2; Expires=Fri, 01 Jan 2100 00:00:00 GMT; Max-Age=120",
                "u=3; Max-Age=180; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
                "v=4; Expires=whenever",
            ],
        );
        let after = |seconds: i64| held.header("http://a/", NOW + seconds * 1000);
        assert_eq!(after(59).as_deref(), Some("s=1; t=2; u=3; v=4"));
        assert_eq!(after(60).as_deref(), Some("t=2; u=3; v=4"));
        assert_eq!(after(120).as_deref(), Some("u=3; v=4"));
        assert_eq!(after(100_000).as_deref(), Some("v=4"));
    }
}
