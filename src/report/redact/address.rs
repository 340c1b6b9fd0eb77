//! Addresses: each bit of a replacement hangs on the original's bits before it and on the key, so that addresses with a common prefix have
//! replacements with one of the same length, and no more (Xu et al., "Prefix-preserving IP address anonymization", ICNP 2002).

use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::names::Names;
use crate::model::{Address, Endpoint};

/// Ranges that an address stays in, with the bits that are kept.
const RANGES_V4: &[(Ipv4Addr, u8)] = &[
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::UNSPECIFIED, 8),
];
/// The range of what is public.
const PUBLIC_V4: (Ipv4Addr, u8) = (Ipv4Addr::new(240, 0, 0, 0), 4);
/// Range, its length, and the bits that are kept.
const RANGES_V6: &[(Ipv6Addr, u8, u8)] = &[
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, 64),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, 8),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, 16),
    (DOCUMENTATION_V6, 32, 32),
];
const DOCUMENTATION_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0);
/// The newer range for documentation (RFC 9637), which stands for what is public here.
const PUBLIC_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20);
/// The well-known prefix that IPv4 addresses are translated into (RFC 6052).
const NAT64: Ipv6Addr = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0);

/// From addresses to their replacements.
pub(super) struct Addresses {
    key: RandomState,
    attempt: u32,
}

/// Whether an address is the same on every machine, and stays what it is.
pub(super) fn stays(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_unspecified() || v4.is_broadcast(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unspecified(),
    }
}

impl Addresses {
    pub(super) const fn new(key: RandomState, attempt: u32) -> Self {
        Self { key, attempt }
    }

    /// The replacement of an address.
    pub(super) fn mapped(&self, ip: IpAddr) -> IpAddr {
        if stays(ip) {
            return ip;
        }
        match ip {
            IpAddr::V4(v4) => IpAddr::V4(self.v4(v4)),
            IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
                Some(v4) => IpAddr::V6(self.v4(v4).to_ipv6_mapped()),
                None => IpAddr::V6(self.v6(v6)),
            },
        }
    }

    /// The replacement of a prefix; that of everything is itself. Bits beyond its length stay zero where they are.
    pub(super) fn prefix(&self, prefix: IpNet) -> IpNet {
        if prefix.prefix_len() == 0 {
            return prefix;
        }
        let whole = prefix.addr() == prefix.network();
        let length = prefix.prefix_len();
        let mapped = match prefix.addr() {
            IpAddr::V4(v4) if whole => IpNet::from(trimmed_v4(self.v4(v4), length)),
            IpAddr::V6(v6) if whole => IpNet::from(trimmed_v6(self.v6(v6), length)),
            ip => IpNet::new_assert(self.mapped(ip), length),
        };
        if stays(prefix.addr()) { prefix } else { mapped }
    }

    /// The replacement of an endpoint: its port stays.
    pub(super) fn endpoint(&self, endpoint: &Endpoint, names: &Names) -> Endpoint {
        let ip = self.mapped(endpoint.address.ip());
        Endpoint {
            address: match endpoint.address.zone() {
                Some(zone) => Address::scoped(ip, names.interface(zone)),
                None => Address::new(ip),
            },
            port: endpoint.port,
        }
    }

    fn v4(&self, ip: Ipv4Addr) -> Ipv4Addr {
        let bits = u32::from(ip);
        let within = |(range, length): &&(Ipv4Addr, u8)| {
            (bits ^ u32::from(*range)).leading_zeros() >= u32::from(*length)
        };
        let (range, keep) = *RANGES_V4.iter().find(within).unwrap_or(&PUBLIC_V4);
        let mixed = self.mixed(u128::from(bits) << 96, 32, keep) >> 96;
        let mask = u32::MAX >> keep;
        // What was shifted up by 96 bits has no more than 32 left.
        let mixed = u32::try_from(mixed).unwrap_or_default();
        Ipv4Addr::from(u32::from(range) & !mask | mixed & mask)
    }

    fn v6(&self, ip: Ipv6Addr) -> Ipv6Addr {
        let bits = u128::from(ip);
        let in_range = |range: Ipv6Addr, length: u8| {
            (bits ^ u128::from(range)).leading_zeros() >= u32::from(length)
        };
        if in_range(NAT64, 96) {
            let [.., a, b, c, d] = ip.octets();
            let v4 = self.v4(Ipv4Addr::new(a, b, c, d));
            return Ipv6Addr::from(u128::from(NAT64) | u128::from(u32::from(v4)));
        }
        let known = RANGES_V6
            .iter()
            .find(|(range, length, _)| in_range(*range, *length));
        let (range, keep) = match known {
            Some((_, _, keep)) => (ip, *keep),
            None if in_range(PUBLIC_V6.0, PUBLIC_V6.1) => (DOCUMENTATION_V6, 32),
            None => PUBLIC_V6,
        };
        let mask = u128::MAX >> keep;
        let mixed = self.mixed(bits, 128, keep);
        Ipv6Addr::from(u128::from(range) & !mask | mixed & mask)
    }

    /// The bits from `keep` to `width`, each turned or not by all bits before it.
    fn mixed(&self, bits: u128, width: u8, keep: u8) -> u128 {
        let mut mixed = bits;
        for at in u32::from(keep)..u32::from(width) {
            let before = bits.checked_shr(128 - at).unwrap_or(0);
            let turn = self.key.hash_one((self.attempt, width, at, before)) & 1;
            mixed ^= u128::from(turn) << (127 - at);
        }
        mixed
    }
}

/// The prefix of a length that an address is in. No address has more bits than its length says.
fn trimmed_v4(ip: Ipv4Addr, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(ip, length.min(32)).trunc()
}

fn trimmed_v6(ip: Ipv6Addr, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(ip, length.min(128)).trunc()
}
