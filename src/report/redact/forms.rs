//! The textual forms that an original may have.

// The bytes of an address have no other names than their places.
#![allow(clippy::many_single_char_names)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::text::hex;

/// Forms of an address beside those that a parser of addresses reads; those of two addresses of one family stand in the same order.
pub(super) fn of_address(ip: IpAddr) -> Vec<String> {
    match ip {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            let mut all = Vec::new();
            for sign in [".", "-", "_"] {
                all.push(format!("{a}{sign}{b}{sign}{c}{sign}{d}"));
                all.push(format!("{d}{sign}{c}{sign}{b}{sign}{a}"));
                all.push(format!("{a:03}{sign}{b:03}{sign}{c:03}{sign}{d:03}"));
                all.push(format!("{a:02x}{sign}{b:02x}{sign}{c:02x}{sign}{d:02x}"));
            }
            all.push(hex(&v4.octets()));
            all.push(u32::from(v4).to_string());
            all
        }
        IpAddr::V6(v6) => {
            let short = v6.to_string();
            let groups = v6.segments().map(|group| format!("{group:04x}"));
            let plain = v6.segments().map(|group| format!("{group:x}"));
            let digits = hex(&v6.octets());
            let turned: Vec<String> = digits.chars().rev().map(String::from).collect();
            let mut all = vec![short.clone(), groups.join(":"), plain.join(":")];
            for sign in ["-", "_"] {
                all.push(short.replace(':', sign));
                all.push(groups.join(sign));
                all.push(plain.join(sign));
            }
            all.push(digits);
            all.push(turned.join("."));
            all
        }
    }
}

/// The name that an address is looked up by (RFC 1035 section 3.5, RFC 3596 section 2.5).
pub(super) fn reversed(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(v6) => {
            let digits: Vec<String> = hex(&v6.octets()).chars().rev().map(String::from).collect();
            format!("{}.ip6.arpa", digits.join("."))
        }
    }
}

/// The address that such a name is of.
pub(super) fn of_reversed(name: &str) -> Option<IpAddr> {
    let lower = name.to_ascii_lowercase();
    if let Some(v4) = lower.strip_suffix(".in-addr.arpa") {
        let parts: Vec<&str> = v4.split('.').rev().collect();
        return parts.join(".").parse::<Ipv4Addr>().ok().map(IpAddr::V4);
    }
    let digits: String = lower.strip_suffix(".ip6.arpa")?.split('.').rev().collect();
    let whole = digits.len() == 32 && digits.bytes().all(|c| c.is_ascii_hexdigit());
    let bits = u128::from_str_radix(&digits, 16).ok().filter(|_| whole)?;
    Some(IpAddr::V6(Ipv6Addr::from(bits)))
}

/// The bytes of a link-layer address of six.
pub(super) fn link(text: &str) -> Option<[u8; 6]> {
    let digits: String = text
        .chars()
        .filter(|c| !matches!(c, ':' | '-' | '.'))
        .collect();
    let bytes = crate::model::text::unhex(&digits)?;
    bytes.try_into().ok()
}

/// A link-layer address with a sign between its bytes.
pub(super) fn link_text(bytes: [u8; 6], sign: &str) -> String {
    bytes.map(|byte| format!("{byte:02x}")).join(sign)
}

/// Forms of a link-layer address, its EUI-64 among them.
pub(super) fn of_link(text: &str) -> Vec<String> {
    let Some(bytes) = link(text) else {
        return vec![text.to_owned()];
    };
    let [a, b, c, d, e, f] = bytes;
    let mut all: Vec<String> = [":", "-", ""].map(|sign| link_text(bytes, sign)).to_vec();
    all.push(format!("{a:02x}{b:02x}.{c:02x}{d:02x}.{e:02x}{f:02x}"));
    for first in [a, a ^ 2] {
        all.push(hex(&[first, b, c, 0xff, 0xfe, d, e, f]));
        all.push(format!(
            "{first:02x}{b:02x}:{c:02x}ff:fe{d:02x}:{e:02x}{f:02x}"
        ));
        all.push(format!(
            "{first:02x}-{b:02x}-{c:02x}-ff-fe-{d:02x}-{e:02x}-{f:02x}"
        ));
    }
    all
}

/// The link-local address that a link-layer address makes (RFC 4291 appendix A).
pub(super) fn address_of_link(text: &str) -> Option<IpAddr> {
    let [a, b, c, d, e, f] = link(text)?;
    let word = |high: u8, low: u8| u16::from_be_bytes([high, low]);
    Some(IpAddr::V6(Ipv6Addr::new(
        0xfe80,
        0,
        0,
        0,
        word(a ^ 2, b),
        word(c, 0xff),
        word(0xfe, d),
        word(e, f),
    )))
}

/// The link-layer address that an IPv6 address was made of.
pub(super) fn link_of_address(ip: IpAddr) -> Option<String> {
    let IpAddr::V6(v6) = ip else { return None };
    match v6.octets() {
        [.., a, b, c, 0xff, 0xfe, d, e, f] => Some(link_text([a ^ 2, b, c, d, e, f], ":")),
        _ => None,
    }
}

/// Forms of a name beside itself: with other signs between its labels, turned round, in Unicode, in punycode.
pub(super) fn of_name(name: &str) -> Vec<String> {
    let (unicode, _) = idna::domain_to_unicode(name);
    let mut spelt = vec![name.to_owned(), unicode];
    spelt.extend(idna::domain_to_ascii(name));
    spelt.dedup();
    let mut all = Vec::new();
    for name in spelt {
        if name.contains('.') {
            all.extend(["-", "_"].map(|sign| name.replace('.', sign)));
            let turned: Vec<&str> = name.split('.').rev().collect();
            all.push(turned.join("."));
        }
        all.push(name);
    }
    all
}

/// What bytes look like within a base64 text: at each of the three places that they may begin at, without the characters that hold bits
/// of their neighbours (RFC 4648 sections 4 and 5). Shorter ones than can be told from chance are left out.
pub(super) fn base64(bytes: &[u8]) -> Vec<String> {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut all = Vec::new();
    for before in 0..3 {
        let padded: Vec<u8> = std::iter::repeat_n(0, before)
            .chain(bytes.iter().copied())
            .collect();
        let bit = |at: usize| {
            let byte = padded.get(at / 8).copied().unwrap_or(0);
            usize::from(byte >> (7 - at % 8) & 1)
        };
        let first = (before * 8).div_ceil(6);
        let last = padded.len() * 8 / 6;
        let text: String = (first..last)
            .filter_map(|at| {
                let index = (0..6).fold(0, |sum, n| sum << 1 | bit(at * 6 + n));
                SIGNS.get(index).map(|sign| char::from(*sign))
            })
            .collect();
        if text.len() >= 5 {
            all.push(text.replace('+', "-").replace('/', "_"));
            all.push(text);
        }
    }
    all
}
