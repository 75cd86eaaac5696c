//! Where a server is.

use http::Uri;
use std::net::IpAddr;

/// The address of a server: scheme, host and port, and nothing else.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Endpoint {
    pub(super) tls: bool,
    /// A name or an address, without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// What the `Host` header says.
    pub(super) authority: String,
}

impl Endpoint {
    /// The endpoint that a URL names. Without TLS the answer, a secret, could be read on its way: off
    /// loopback that needs `plain`.
    ///
    /// # Errors
    /// What is wrong with the URL, for a sentence that begins with it.
    pub(super) fn parse(url: &str, plain: bool) -> Result<Self, String> {
        let uri: Uri = url
            .parse()
            .map_err(|_| "is no URL of a server".to_owned())?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err("must begin with https:// or http://".to_owned()),
        };
        let authority = uri.authority().ok_or("names no host")?;
        if authority.as_str().contains('@') {
            return Err("must not hold a user name".to_owned());
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() || url.contains('#') {
            return Err("must be a host and a port only".to_owned());
        }
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']');
        let after = authority.as_str().strip_prefix(authority.host());
        let port = match after.ok_or("names no host")? {
            "" if tls => 443,
            "" => 80,
            port => port
                .strip_prefix(':')
                .and_then(|port| port.parse().ok())
                .filter(|port| *port > 0)
                .ok_or("has no legal port")?,
        };
        if host.is_empty() {
            return Err("names no host".to_owned());
        }
        if !tls && !plain && !is_loopback(host) {
            return Err(
                "has no TLS and is not on this machine; --endpoint-url takes it nevertheless"
                    .to_owned(),
            );
        }
        Ok(Self {
            tls,
            host: host.to_owned(),
            port,
            authority: authority.as_str().to_owned(),
        })
    }
}

fn is_loopback(host: &str) -> bool {
    host.parse::<IpAddr>().map_or_else(
        |_| host.eq_ignore_ascii_case("localhost"),
        |address| address.is_loopback(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn accepts(url: &str, plain: bool, tls: bool, host: &str, port: u16, authority: &str) {
        let wanted = Endpoint {
            tls,
            host: host.to_owned(),
            port,
            authority: authority.to_owned(),
        };
        assert_eq!(Endpoint::parse(url, plain), Ok(wanted), "{url}");
    }

    #[track_caller]
    fn refuses(url: &str, why: &str) {
        let error = Endpoint::parse(url, false).unwrap_err();
        assert!(error.contains(why), "{url}: {error}");
    }

    #[test]
    fn a_scheme_a_host_and_a_port() {
        accepts(
            "https://sts.eu-west-1.amazonaws.com",
            false,
            true,
            "sts.eu-west-1.amazonaws.com",
            443,
            "sts.eu-west-1.amazonaws.com",
        );
        accepts(
            "http://127.0.0.1:7390/",
            false,
            false,
            "127.0.0.1",
            7390,
            "127.0.0.1:7390",
        );
        accepts("http://[::1]:7390", false, false, "::1", 7390, "[::1]:7390");
        accepts(
            "http://LocalHost",
            false,
            false,
            "LocalHost",
            80,
            "LocalHost",
        );
        accepts(
            "http://sts.example:81",
            true,
            false,
            "sts.example",
            81,
            "sts.example:81",
        );
    }

    #[test]
    fn nothing_else() {
        refuses("", "no URL");
        refuses("sts.example", "must begin with");
        refuses("ftp://sts.example", "must begin with");
        refuses("https://me:pw@sts.example", "user name");
        refuses("https://sts.example/path", "host and a port only");
        refuses("https://sts.example/?a=b", "host and a port only");
        refuses("https://sts.example#a", "host and a port only");
        refuses("https://:443", "names no host");
        refuses("https://sts.example:0", "no legal port");
        refuses("https://sts.example:", "no legal port");
        refuses("https://sts.example:70000", "no legal port");
    }

    #[test]
    fn without_tls_on_this_machine_only() {
        for url in [
            "http://sts.example",
            "http://10.0.0.1",
            "http://127.0.0.1.example",
            "http://localhost.example",
            "http://[2001:db8::1]",
        ] {
            refuses(url, "no TLS");
        }
    }
}
