//! The order in which an application tries addresses that did not come through the system's resolver (RFC 6724 section 6, in short), with
//! the precedences of gai.conf(5) where the machine has any: one such line replaces the whole default table (glibc `getaddrinfo.c`).
//!
//! Addresses that this machine has a way to come first, then those of the higher precedence; else the order of the answer stays. Asks the
//! kernel by connecting a datagram socket, which sends nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use ipnet::Ipv6Net;

use crate::model::Address;

/// Sorts the addresses as an application tries them. `configured`: the precedences of gai.conf, as `::ffff:0:0/96 100`.
pub(super) fn as_tried(mut addresses: Vec<Address>, configured: &[String]) -> Vec<Address> {
    let table: Vec<(Ipv6Net, u32)> = configured
        .iter()
        .filter_map(|line| precedence_of(line))
        .collect();
    // A stable sort: what is equal stays in the order of the answer.
    addresses.sort_by_cached_key(|address| {
        let ip = address.ip();
        let value = if table.is_empty() {
            u32::from(precedence(ip))
        } else {
            configured_precedence(&table, ip)
        };
        (!has_way(ip), std::cmp::Reverse(value))
    });
    addresses
}

/// A prefix and its precedence; an IPv4 prefix is that of its mapped addresses.
pub(super) fn precedence_of(line: &str) -> Option<(Ipv6Net, u32)> {
    let (prefix, value) = line.split_once(' ')?;
    let value = value.parse().ok()?;
    let (address, length) = match prefix.split_once('/') {
        Some((address, length)) => (address, Some(length.parse::<u8>().ok()?)),
        None => (prefix, None),
    };
    let (address, length) = match address.parse().ok()? {
        IpAddr::V4(v4) => (v4.to_ipv6_mapped(), length.unwrap_or(32).checked_add(96)?),
        IpAddr::V6(v6) => (v6, length.unwrap_or(128)),
    };
    Some((Ipv6Net::new(address, length).ok()?, value))
}

/// The precedence of the longest prefix that holds the address; what none holds comes last.
fn configured_precedence(table: &[(Ipv6Net, u32)], ip: IpAddr) -> u32 {
    let ip = match ip {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    };
    table
        .iter()
        .filter(|(prefix, _)| prefix.contains(&ip))
        .max_by_key(|(prefix, _)| prefix.prefix_len())
        .map_or(0, |(_, value)| *value)
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
    fn a_precedence_of_the_machine_replaces_the_whole_table() {
        let list: Vec<Address> = ["::1", "127.0.0.1"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        let first = |lines: &[&str]| {
            let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
            as_tried(list.clone(), &lines)[0].to_string()
        };
        // The line of Debian's gai.conf that many take the comment from, to have IPv4 first.
        assert_eq!(first(&["::ffff:0:0/96 100"]), "127.0.0.1");
        assert_eq!(first(&["::ffff:0:0/96 100", "::1/128 200"]), "::1");
        assert_eq!(first(&["127.0.0.0/8 100"]), "127.0.0.1");
        for junk in ["", "::/129 1", "::/0 x", "10.0.0.0/33 1"] {
            assert_eq!(precedence_of(junk), None, "{junk}");
        }
    }

    #[test]
    fn an_address_that_can_be_reached_comes_before_one_that_can_not() {
        // Multicast to no interface has no way; loopback always has.
        let list: Vec<Address> = ["255.255.255.255", "127.0.0.1"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        assert_eq!(as_tried(list, &[])[0].to_string(), "127.0.0.1");
    }
}
