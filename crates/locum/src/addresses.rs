//! Where the servers of identity providers may be: who may create providers chooses the host, so this must
//! not be a way to look around in the network that the server stands in.
//!
//! A name is resolved once, addresses that are not public are dropped (unless the operator allows them),
//! and what is connected to is an address that was looked at, not the name again.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::net::TcpStream;

/// How many addresses of one name are tried.
const MOST_ADDRESSES: usize = 4;

/// Which addresses may be connected to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Allowed {
    /// Those of the Internet.
    Public,
    /// All: the operator said so.
    Any,
    /// Those of this machine.
    Loopback,
}

impl Allowed {
    fn admits(self, address: IpAddr) -> bool {
        match self {
            Self::Public => is_public(address),
            Self::Any => true,
            Self::Loopback => address.to_canonical().is_loopback(),
        }
    }
}

/// Why there is no address to connect to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NoAddress {
    /// The name leads nowhere.
    Unknown,
    /// It leads to addresses, none of which may be connected to: one of them.
    Forbidden(IpAddr),
}

/// The addresses of a host that may be connected to, at most four.
pub(crate) async fn resolve(
    host: &str,
    port: u16,
    allowed: Allowed,
) -> Result<Vec<SocketAddr>, NoAddress> {
    let resolved = tokio::net::lookup_host((host, port)).await;
    let all: Vec<SocketAddr> = resolved.map_err(|_| NoAddress::Unknown)?.collect();
    let first = all.first().ok_or(NoAddress::Unknown)?.ip();
    let admitted = all.into_iter().filter(|at| allowed.admits(at.ip()));
    let admitted: Vec<_> = admitted.take(MOST_ADDRESSES).collect();
    if admitted.is_empty() {
        return Err(NoAddress::Forbidden(first));
    }
    Ok(admitted)
}

/// Connects to an address that was looked at.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the network that is handed in"
)]
pub(crate) async fn connect(address: SocketAddr) -> std::io::Result<TcpStream> {
    TcpStream::connect(address).await
}

/// Whether an address is one of the Internet's, by IANA's special-purpose registries (RFC 6890): what
/// is not known to be is not.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !matches!(
        address.octets(),
        // This network, private networks, loopback.
        [0 | 10 | 127, ..]
            | [172, 16..=31, ..]
            | [192, 168, ..]
            // Shared by carriers, link-local, protocol assignments, relays of 6to4.
            | [100, 64..=127, ..]
            | [169, 254, ..]
            | [192, 0, 0, _]
            | [192, 88, 99, _]
            // Benchmarks and documentation.
            | [198, 18 | 19, ..]
            | [192, 0, 2, _]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
            // Multicast, reserved, broadcast.
            | [224..=255, ..]
    )
}

/// Global unicast is 2000::/3. What carries an IPv4 address in it could carry a private one.
fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // Protocol assignments with Teredo and ORCHID, documentation, 6to4.
        [0x2001, 0..=0x01ff, ..] | [0x2001, 0x0db8, ..] | [0x2002, ..] => false,
        [0x3fff, 0..=0x0fff, ..] => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(addresses: &[&str], public: bool) {
        for address in addresses {
            assert_eq!(is_public(address.parse().unwrap()), public, "{address}");
        }
    }

    #[test]
    fn special_addresses_are_not_public() {
        check(
            &[
                "0.0.0.0",
                "0.1.2.3",
                "10.0.0.1",
                "100.64.0.1",
                "100.127.255.255",
                "127.0.0.1",
                "127.255.0.1",
                "169.254.169.254",
                "172.16.0.1",
                "172.31.255.255",
                "192.0.0.8",
                "192.0.2.1",
                "192.88.99.1",
                "192.168.1.1",
                "198.18.0.1",
                "198.19.255.255",
                "198.51.100.1",
                "203.0.113.1",
                "224.0.0.1",
                "239.1.1.1",
                "240.0.0.1",
                "255.255.255.255",
                "::",
                "::1",
                "::ffff:10.0.0.1",
                "::ffff:169.254.169.254",
                "::10.0.0.1",
                "64:ff9b::a00:1",
                "64:ff9b:1::1",
                "100::1",
                "2001::1",
                "2001:db8::1",
                "2002:a00:1::1",
                "3fff::1",
                "fc00::1",
                "fd00:ec2::254",
                "fe80::1",
                "fec0::1",
                "ff02::1",
                "5f00::1",
            ],
            false,
        );
        check(
            &[
                "1.1.1.1",
                "9.255.255.255",
                "11.0.0.0",
                "100.63.255.255",
                "100.128.0.0",
                "172.15.255.255",
                "172.32.0.0",
                "192.0.1.0",
                "198.17.255.255",
                "198.20.0.0",
                "223.255.255.255",
                "::ffff:1.1.1.1",
                "2001:200::1",
                "2600::1",
                "2a00:1450:4001::1",
                "3fff:1000::1",
            ],
            true,
        );
    }
}
