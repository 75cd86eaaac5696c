//! The URLs of OpenID Connect providers.

use std::net::Ipv4Addr;

/// The URL of an OpenID Connect provider without its scheme: `HOST` or `HOST/PATH`.
///
/// It is what an issuer's tokens have as `iss`, letter by letter, and what the provider's ARN ends
/// with: so letter case and a slash at its end are kept. Only `https:` without user, port, query or
/// fragment is a provider's URL, and nothing that could be read in two ways, nor what condition keys of
/// services begin with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProviderUrl(String);

impl ProviderUrl {
    /// The scheme that every URL begins with.
    pub const SCHEME: &str = "https://";

    /// The scheme of a provider on loopback that is asked without TLS, which always has a port; no other
    /// has one.
    pub const PLAIN_SCHEME: &str = "http://";

    /// The provider of `http://HOST:PORT` or `http://HOST:PORT/PATH` on loopback, for tests and
    /// development; `None` if it may have none.
    pub fn parse_plain(url: &str) -> Option<Self> {
        let rest = url.strip_prefix(Self::PLAIN_SCHEME)?;
        let (authority, path) = match rest.split_once('/') {
            Some((authority, path)) => (authority, Some(path)),
            None => (rest, None),
        };
        let (host, port) = authority.split_once(':')?;
        let on_loopback = matches!(host, "localhost" | "127.0.0.1");
        let number = port.parse::<u16>().ok().filter(|number| *number > 0)?;
        let legal = on_loopback && number.to_string() == port && path.is_none_or(is_path);
        legal.then(|| Self(rest.to_owned()))
    }

    /// Whether the provider of a URL without its scheme is one that is asked without TLS.
    pub fn is_plain(url: &str) -> bool {
        host_of(url).contains(':')
    }

    /// The provider of a URL; `None` if it may have none.
    pub fn parse(url: &str) -> Option<Self> {
        let rest = url.strip_prefix(Self::SCHEME)?;
        let (host, path) = match rest.split_once('/') {
            Some((host, path)) => (host, Some(path)),
            None => (rest, None),
        };
        // `https://sts` would give its claims the names of a service's condition keys: `sts:externalid`.
        let is_prefix = path.is_none() && !host.contains('.') && host != "localhost";
        let legal = is_host(host) && path.is_none_or(is_path) && !is_prefix;
        legal.then(|| Self(rest.to_owned()))
    }

    /// The URL without its scheme.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host: a name, or an IPv4 address.
    pub fn host(&self) -> &str {
        host_of(&self.0)
    }

    /// Whether a provider of that URL (without scheme) is this one: the letter case of a host's name
    /// tells no hosts apart.
    pub fn is_same(&self, other: &str) -> bool {
        let (one, two) = (self.host(), host_of(other));
        one.eq_ignore_ascii_case(two) && self.0.get(one.len()..) == other.get(two.len()..)
    }
}

fn host_of(url: &str) -> &str {
    url.split('/').next().unwrap_or_default()
}

/// A name of letters, digits and hyphens (an international one in its `xn--` form), or an IPv4
/// address in its one usual spelling.
fn is_host(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // A name that ends with a number is read as an address by some, and not by others: 10.1, 0x7f.1.
    let last = host.rsplit('.').next().unwrap_or_default();
    let is_number = last.starts_with(|c: char| c.is_ascii_digit());
    host.parse::<Ipv4Addr>().is_ok()
        || (host.len() <= 253 && host.split('.').all(label) && !is_number)
}

/// Segments of characters that stand for themselves in URLs, ARNs and policies. Only the last may be
/// empty: that is the slash at the end.
fn is_path(path: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"-._~+,;=:@!".contains(&b);
    let segments = path.strip_suffix('/').unwrap_or(path);
    path.is_empty()
        || segments
            .split('/')
            .all(|segment| !matches!(segment, "" | "." | "..") && segment.bytes().all(legal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_kept_as_they_are() {
        for rest in [
            "server.example.com",
            "Server.Example.com",
            "example.com/",
            "example.com/a/B~c_d.e-f/",
            "oidc.eks.eu-west-1.amazonaws.com/id/ABC123",
            "login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0",
            "idp.example/realms/a=b;c@d:e",
            "xn--bcher-kva.example",
            "localhost",
            "sts/",
            "keycloak/realms/a",
            "192.0.2.7/issuer",
        ] {
            let url = ProviderUrl::parse(&format!("https://{rest}"));
            assert_eq!(url.unwrap().as_str(), rest);
        }
    }

    #[test]
    fn what_is_no_url_of_a_provider_or_could_be_another_is_refused() {
        for url in [
            "",
            "example.com",
            "http://example.com",
            "HTTPS://example.com",
            "https:/example.com",
            "https:example.com",
            "https://",
            "https:///path",
            "https:////example.com",
            " https://example.com",
            "https://example.com ",
            "https://example .com",
            "https://example.com\n",
            "https://example.com/a\r\nb",
            "https://example.com:443",
            "https://example.com:",
            "https://example.com:8443/a",
            "https://a@example.com",
            "https://a:b@example.com",
            "https://@example.com",
            "https://example.com@",
            "https://example.com?a=b",
            "https://example.com/?",
            "https://example.com/a?b",
            "https://example.com#a",
            "https://example.com/a#",
            "https://example.com//",
            "https://example.com//a",
            "https://example.com/a//b",
            "https://example.com/a//",
            "https://example.com/../b",
            "https://example.com/a/.",
            "https://example.com/%2e%2e/b",
            "https://example.com/a*",
            "https://example.com/a?",
            "https://example.com/${aws:username}",
            "https://example.com/<a>",
            "https://example.com/\"a\"",
            "https://example.com/a\\b",
            "https://example.com\\@evil.example",
            "https://aws",
            "https://sts",
            "https://SAML",
            "https://.example.com",
            "https://example.com.",
            "https://example..com",
            "https://-example.com",
            "https://exa_mple.com",
            "https://bücher.example",
            "https://exаmple.com",
            "https://example。com",
            "https://[::1]",
            "https://[fe80::1%25eth0]/",
            "https://127.1",
            "https://0x7f.0.0.0x1",
            "https://0177.0.0.1",
            "https://2130706433",
            "https://1.2.3.4.5",
            "https://127.0.0.1.",
        ] {
            assert_eq!(ProviderUrl::parse(url), None, "{url:?}");
        }
        let label = "a".repeat(64);
        assert_eq!(ProviderUrl::parse(&format!("https://{label}.com")), None);
    }

    #[test]
    fn plain_http_is_for_loopback_with_a_port() {
        for rest in ["localhost:8080", "127.0.0.1:1/a/b", "localhost:65535/"] {
            let url = ProviderUrl::parse_plain(&format!("http://{rest}")).unwrap();
            assert_eq!(url.as_str(), rest);
            assert!(ProviderUrl::is_plain(rest));
        }
        for url in [
            "https://localhost:8080",
            "http://localhost",
            "http://127.0.0.1/a:1",
            "http://localhost:",
            "http://localhost:0",
            "http://localhost:080",
            "http://localhost:+80",
            "http://localhost:65536",
            "http://localhost:80:80",
            "http://127.0.0.2:80",
            "http://localhost.evil.example:80",
            "http://a@localhost:80",
            "http://localhost:80//a",
            "http://localhost:80/a?b",
            "http://10.0.0.1:80",
            "http://idp.example:80",
        ] {
            assert_eq!(ProviderUrl::parse_plain(url), None, "{url}");
        }
        assert!(!ProviderUrl::is_plain("idp.example/a:b"));
    }

    #[test]
    fn letter_case_of_the_host_alone_makes_no_other_provider() {
        let url = ProviderUrl::parse("https://Example.com/A").unwrap();
        assert!(url.is_same("eXAMPLE.COM/A"));
        for other in [
            "example.com/a",
            "example.com",
            "example.com/A/",
            "example.comX/A",
        ] {
            assert!(!url.is_same(other), "{other}");
        }
    }
}
