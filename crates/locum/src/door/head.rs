//! What the head of a request says of where it belongs and where it comes from.

use http::header::{ACCEPT, AUTHORIZATION, HOST};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Uri};
use locum_sigv4::claimed_credential;
use percent_encoding::percent_decode_str;
use std::net::{IpAddr, SocketAddr};

/// Makes the `Host` header the one place that names the request's host, for the signature and for
/// everything that routes by it alike. `None` if the request names no host, or two.
pub(super) fn one_host(head: &mut Parts) -> Option<()> {
    let mut named = head.headers.get_all(HOST).iter();
    let (host, more) = (named.next(), named.next());
    if more.is_some() || host.is_some_and(HeaderValue::is_empty) {
        return None;
    }
    let Some(authority) = head.uri.authority() else {
        return host.map(|_| ());
    };
    let authority = HeaderValue::from_str(authority.as_str()).ok()?;
    match host {
        Some(host) if !host.as_bytes().eq_ignore_ascii_case(authority.as_bytes()) => return None,
        Some(_) => {}
        None => {
            head.headers.insert(HOST, authority);
        }
    }
    let mut target = std::mem::take(&mut head.uri).into_parts();
    target.scheme = None;
    target.authority = None;
    head.uri = Uri::from_parts(target).ok()?;
    Some(())
}

#[derive(Clone, Copy)]
pub(super) struct ScopeParts<'a> {
    pub(super) access_key_id: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
}

impl<'a> ScopeParts<'a> {
    /// The parts of a credential, from the last on.
    fn of(mut parts: impl Iterator<Item = &'a str>) -> Option<Self> {
        let (_, service, region) = (parts.next()?, parts.next()?, parts.next()?);
        let access_key_id = parts.nth(1).unwrap_or_default();
        Some(Self {
            access_key_id,
            region,
            service,
        })
    }
}

/// The credential scope as the request claims it, only to tell where the request belongs and whose
/// failures count. It is found where authenticating finds it.
pub(super) fn scope(head: &Parts) -> Option<ScopeParts<'_>> {
    let in_header = || {
        let credential = claimed_credential(head.headers.get(AUTHORIZATION)?)?;
        ScopeParts::of(credential.rsplit('/'))
    };
    let in_query = || {
        let query = head.uri.query()?;
        let credential = query.split('&').find_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            let is_it = name == "X-Amz-Credential"
                || name.contains('%') && percent_decode_str(name).eq("X-Amz-Credential".bytes());
            is_it.then_some(value)
        })?;
        // The slashes may be escaped or not; nothing else in a scope is.
        let parts = credential.rsplit('/');
        ScopeParts::of(
            parts
                .flat_map(|part| part.rsplit("%2F"))
                .flat_map(|part| part.rsplit("%2f")),
        )
    };
    in_header().or_else(in_query)
}

/// Some clients of STS want JSON, and say so.
pub(super) fn accepts_only_json(headers: &HeaderMap) -> bool {
    headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.trim().eq_ignore_ascii_case("application/json"))
}

/// An address as proxies write it: with or without a port.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let ip: IpAddr = text.parse().ok().or_else(with_port).or_else(bracketed)?;
    Some(ip.to_canonical())
}

/// Whether a scope's region can be one: what is recorded and compared is bounded.
pub(super) fn is_region(text: &str) -> bool {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=64).contains(&text.len()) && text.bytes().all(legal)
}

/// The last of the comma-separated values of a header.
pub(super) fn last<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(name)
        .iter()
        .next_back()?
        .to_str()
        .ok()?
        .rsplit(',')
        .next()
        .map(str::trim)
}
