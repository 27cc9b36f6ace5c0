//! Cookies of one walk: what RFC 6265 asks of a client that lives for seconds. Host and domain, path, Secure, Max-Age;
//! `Expires` only as far as removal needs it. No public-suffix list: a journey talks to its own system.

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
}

/// The cookies of one walk.
#[derive(Debug, Clone, Default)]
pub(super) struct Jar(Vec<Cookie>);

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
    /// Takes the `Set-Cookie` headers of an answer.
    pub(super) fn keep(&mut self, url: &str, headers: &[(String, String)]) {
        for (_, value) in headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"))
        {
            self.set(Parts::of(url), value);
        }
    }

    /// The `Cookie` header for a URL, longest path first.
    pub(super) fn header(&self, url: &str) -> Option<String> {
        let parts = Parts::of(url);
        let mut sent: Vec<_> = self
            .0
            .iter()
            .filter(|cookie| cookie.goes_to(&parts))
            .collect();
        sent.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<_> = sent
            .iter()
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    fn set(&mut self, from: Parts<'_>, text: &str) {
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
        };
        let mut removed = false;
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
                    removed |= value
                        .trim()
                        .parse::<i64>()
                        .is_ok_and(|seconds| seconds <= 0);
                }
                // Servers remove a cookie by a date at the epoch; other dates lie beyond a walk.
                "expires" => removed |= value.contains("1970"),
                _ => {}
            }
        }
        self.0.retain(|held| {
            (&held.name, &held.domain, &held.path) != (&cookie.name, &cookie.domain, &cookie.path)
        });
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

    fn jar(url: &str, cookies: &[&str]) -> Jar {
        let mut jar = Jar::default();
        jar.keep(
            url,
            &cookies
                .iter()
                .map(|c| ("set-cookie".into(), (*c).to_owned()))
                .collect::<Vec<_>>(),
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
            held.header("http://a.shop.test:80/x/z").as_deref(),
            Some("s=1; t=2; u=3")
        );
        assert_eq!(
            held.header("http://a.shop.test/xy").as_deref(),
            Some("t=2; u=3")
        );
        assert_eq!(held.header("https://b.shop.test/").as_deref(), Some("u=3"));
        assert_eq!(held.header("http://evilshop.test/"), None);
        assert_eq!(
            held.header("https://a.shop.test/").as_deref(),
            Some("t=2; u=3; v=4")
        );
    }

    #[test]
    fn cookies_are_replaced_removed_and_refused() {
        assert_eq!(
            jar("http://a/", &["s=1", "s=2"])
                .header("http://a/")
                .as_deref(),
            Some("s=2")
        );
        assert_eq!(
            jar("http://a/", &["s=1", "s=; Max-Age=0"]).header("http://a/"),
            None
        );
        assert_eq!(
            jar(
                "http://a/",
                &["s=1", "s=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"]
            )
            .header("http://a/"),
            None
        );
        assert_eq!(
            jar("http://a.test/", &["s=1; Domain=b.test"]).header("http://b.test/"),
            None
        );
        assert_eq!(jar("http://a/", &["nonsense"]).header("http://a/"), None);
    }
}
