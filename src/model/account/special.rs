//! Addresses that are no host of the public network (RFC 6890 and the IANA special-purpose registries), and what that means.

use std::net::IpAddr;

use super::{local, some};
use crate::model::Address;
use crate::model::resolution::Resolution;

impl Resolution {
    /// What is special of the addresses that are asked about, those that are it for the same reason in one sentence; a name that never leaves
    /// the machine is to have a loopback address.
    pub fn special_addresses(&self, wanted: impl Fn(IpAddr) -> bool) -> Vec<String> {
        let mut reasons: Vec<(&'static str, &'static str, Vec<Address>)> = Vec::new();
        let own = self.names.iter().any(|name| local(name));
        for address in self.addresses.iter().filter(|address| wanted(address.ip())) {
            let Some((one, many)) = special(address.ip()) else {
                continue;
            };
            if address.ip().is_loopback() && own {
                continue;
            }
            match reasons.iter_mut().find(|(known, ..)| *known == one) {
                Some((.., all)) => all.push(address.clone()),
                None => reasons.push((one, many, vec![address.clone()])),
            }
        }
        let sentence = |(one, many, all): (&str, &str, Vec<Address>)| match all.as_slice() {
            [address] => format!("{address} is {one}"),
            several => format!("{} are {many}", some(several)),
        };
        reasons.into_iter().map(sentence).collect()
    }
}

/// What an address is that no host on the public network has; none of an ordinary one.
fn special(ip: IpAddr) -> Option<(&'static str, &'static str)> {
    let alike = |why| Some((why, why));
    let ip = ip.to_canonical();
    if ip.is_unspecified() {
        return Some((
            "no host's address: filters and block lists answer so for names that they block",
            "no hosts' addresses: filters and block lists answer so for names that they block",
        ));
    }
    if ip.is_loopback() {
        return alike("this machine itself");
    }
    if Address::new(ip).is_private() {
        return Some((
            "private: only hosts within its own network reach it",
            "private: only hosts within their own network reach them",
        ));
    }
    match ip {
        IpAddr::V4(v4) => match v4.octets() {
            [198, 18 | 19, ..] => alike(
                "of the range for benchmarks (RFC 2544): proxies that take all traffic hand out such addresses, and a connection to one says \
                 nothing of the host",
            ),
            [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => {
                alike("of a range for documentation (RFC 5737), which no host has")
            }
            [240..=255, ..] => alike("of the reserved range 240.0.0.0/4, which no host has"),
            [0, ..] => alike("of 0.0.0.0/8, which no host has"),
            _ => None,
        },
        IpAddr::V6(v6) => match v6.segments() {
            [0x2001, 0x0db8, ..] => {
                alike("of the range for documentation (RFC 3849), which no host has")
            }
            [0x0100, 0, 0, 0, ..] => {
                alike("of the discard-only range (RFC 6666), which no host has")
            }
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::special;

    #[test]
    fn addresses_that_no_host_has_are_remarked() {
        for (address, word) in [
            ("0.0.0.0", "block"),
            ("::", "block"),
            ("127.0.0.1", "this machine"),
            ("198.18.0.9", "benchmarks"),
            ("203.0.113.9", "documentation"),
            ("10.1.2.3", "private"),
            ("fd00::1", "private"),
            ("255.255.255.255", "reserved"),
        ] {
            let said = special(address.parse().unwrap()).unwrap_or_default();
            assert!(
                said.0.contains(word) && said.1.contains(word),
                "{address}: {said:?}"
            );
        }
        for address in ["8.8.8.8", "2606:4700::1", "198.20.0.1", "203.0.114.1"] {
            assert_eq!(special(address.parse().unwrap()), None, "{address}");
        }
    }
}
