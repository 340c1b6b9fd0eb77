//! The order in which an application tries addresses that did not come through the system's resolver (RFC 6724 section 6, in short).
//!
//! Addresses that this machine has a way to come first, then those of the higher precedence; else the order of the answer stays. Asks the
//! kernel by connecting a datagram socket, which sends nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use crate::model::Address;

/// Sorts the addresses as an application tries them.
pub(super) fn as_tried(mut addresses: Vec<Address>) -> Vec<Address> {
    // A stable sort: what is equal stays in the order of the answer.
    addresses.sort_by_cached_key(|address| {
        let ip = address.ip();
        (!has_way(ip), std::cmp::Reverse(precedence(ip)))
    });
    addresses
}

fn has_way(ip: IpAddr) -> bool {
    let any: IpAddr = match ip {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    UdpSocket::bind(SocketAddr::new(any, 0))
        .and_then(|socket| socket.connect(SocketAddr::new(ip, 9)))
        .is_ok()
}

/// The default policy table (RFC 6724 section 2.1).
fn precedence(ip: IpAddr) -> u8 {
    let IpAddr::V6(ip) = ip else { return 35 };
    let segments = ip.segments();
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 1] => 50,
        [0x2002, ..] => 30,
        [0x2001, 0, ..] => 5,
        [first, ..] if first & 0xfe00 == 0xfc00 => 3,
        [first, ..] if first & 0xffc0 == 0xfec0 || first == 0x3ffe => 1,
        _ => 40,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precedence_is_that_of_the_default_table() {
        for (text, expected) in [
            ("::1", 50),
            ("2001:db8::1", 40),
            ("192.0.2.1", 35),
            ("2002::1", 30),
            ("2001::1", 5),
            ("fd00::1", 3),
        ] {
            assert_eq!(precedence(text.parse().unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn an_address_that_can_be_reached_comes_before_one_that_can_not() {
        // Multicast to no interface has no way; loopback always has.
        let list: Vec<Address> = ["255.255.255.255", "127.0.0.1"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        assert_eq!(as_tried(list)[0].to_string(), "127.0.0.1");
    }
}
