//! The URL at which others reach the server.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

/// Scheme, host and port at which others reach the server: `https://sts.example.com`. Without TLS
/// only this machine is one: what is read there decides whom relying parties believe.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PublicUrl(String);

/// Why a text is no public URL.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NoPublicUrl {
    /// It is not `https://HOST[:PORT]`, or has a path, a query, a user or a fragment.
    Form,
    /// It is `http:`, and names another machine.
    Insecure,
}

impl fmt::Display for NoPublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "it must be https://HOST or https://HOST:PORT, and nothing more",
            Self::Insecure => "without TLS only a loopback address is allowed: it must be https",
        })
    }
}

impl std::error::Error for NoPublicUrl {}

impl PublicUrl {
    /// The URL in a setting. A slash at its end is left out.
    ///
    /// # Errors
    /// [`NoPublicUrl`]
    pub fn parse(text: &str) -> Result<Self, NoPublicUrl> {
        let text = text.to_ascii_lowercase();
        let (scheme, rest) = text.split_once("://").ok_or(NoPublicUrl::Form)?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let is_loopback = is_loopback(authority).ok_or(NoPublicUrl::Form)?;
        match scheme {
            "https" => {}
            "http" if is_loopback => {}
            "http" => return Err(NoPublicUrl::Insecure),
            _ => return Err(NoPublicUrl::Form),
        }
        Ok(Self(format!("{scheme}://{authority}")))
    }

    /// The URL of a server that listens on this address, if that is on loopback: at others nobody
    /// can know by what name they are reached.
    pub fn of_listener(bound: SocketAddr, tls: bool) -> Option<Self> {
        let scheme = if tls { "https" } else { "http" };
        bound
            .ip()
            .is_loopback()
            .then(|| Self(format!("{scheme}://{bound}")))
    }

    /// The text, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether `HOST[:PORT]` is this machine; `None` if it is no such thing.
fn is_loopback(authority: &str) -> Option<bool> {
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (address, behind) = rest.split_once(']')?;
        let address: Ipv6Addr = address.parse().ok()?;
        let port = match behind {
            "" => None,
            behind => Some(behind.strip_prefix(':')?),
        };
        (Ok(address.is_loopback()), port)
    } else {
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        };
        (Err(host), port)
    };
    if let Some(port) = port {
        let number: u16 = port.parse().ok()?;
        (number > 0 && port.bytes().all(|b| b.is_ascii_digit())).then_some(())?;
    }
    match host {
        Ok(is_loopback) => Some(is_loopback),
        Err(host) => match host.parse::<Ipv4Addr>() {
            Ok(address) => Some(address.is_loopback()),
            Err(_) => is_name(host).then_some(host == "localhost"),
        },
    }
}

/// Whether a text can be a host's name. One whose last label is a number would be an address.
fn is_name(host: &str) -> bool {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(legal)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    host.len() <= 253 && host.split('.').all(label) && !last.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, NoPublicUrl>) {
        let found = PublicUrl::parse(text);
        assert_eq!(
            found.as_ref().map(PublicUrl::as_str),
            expected.as_ref().map(|text| *text),
            "{text}"
        );
    }

    #[test]
    fn a_public_url_is_an_origin_with_tls() {
        check("https://sts.example.com", Ok("https://sts.example.com"));
        check("https://STS.example.com/", Ok("https://sts.example.com"));
        check(
            "https://sts.example.com:8443",
            Ok("https://sts.example.com:8443"),
        );
        check("https://192.0.2.1", Ok("https://192.0.2.1"));
        check("https://[2001:db8::1]:443", Ok("https://[2001:db8::1]:443"));
        check("http://sts.example.com", Err(NoPublicUrl::Insecure));
        check("http://192.0.2.1:80", Err(NoPublicUrl::Insecure));
        check("http://localhost.example.com", Err(NoPublicUrl::Insecure));
        check("http://127.0.0.1.example.com", Err(NoPublicUrl::Insecure));
        check("http://[2001:db8::1]", Err(NoPublicUrl::Insecure));
        for text in [
            "",
            "sts.example.com",
            "https://",
            "https:///",
            "ftp://sts.example.com",
            "https://sts.example.com/path",
            "https://sts.example.com//",
            "https://sts.example.com?x",
            "https://sts.example.com#x",
            "https://user@sts.example.com",
            "https://a b",
            "https://a:0",
            "https://a:x",
            "https://a:",
            "https://a:+1",
            "https://a:65536",
            "https://a..b",
            "https://-a",
            "https://[::1",
            "https://[::1]x",
            "https://[a]",
            "https://é.example.com",
            "https://127.0.0.999",
            "https://2130706433",
            "https://a\r\nb",
        ] {
            check(text, Err(NoPublicUrl::Form));
        }
    }

    #[test]
    fn without_tls_only_this_machine() {
        for text in [
            "http://localhost:7390",
            "http://127.0.0.1:7390",
            "http://[::1]:1",
            "http://127.9.9.9",
        ] {
            check(text, Ok(text));
        }
        let of = |address: &str, tls| PublicUrl::of_listener(address.parse().unwrap(), tls);
        assert_eq!(
            of("127.0.0.1:80", false),
            PublicUrl::parse("http://127.0.0.1:80").ok()
        );
        assert_eq!(
            of("[::1]:443", true),
            PublicUrl::parse("https://[::1]:443").ok()
        );
        assert_eq!(of("0.0.0.0:443", true), None);
        assert_eq!(of("192.0.2.1:443", true), None);
    }
}
