//! The few bytes of IP and ICMP that a simulated router reads and writes (RFC 791, 792, 8200, 4443).

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash as _, Hasher as _},
    net::IpAddr,
};

use crate::net::Family;

const ICMP: u8 = 1;
const ICMPV6: u8 = 58;
/// As much of a packet as its error quotes, with the error's own headers: RFC 1812 section 4.3.2.3, RFC 4443 section 2.4.
const LONGEST_ERROR_V4: usize = 576;
const LONGEST_ERROR_V6: usize = 1280;
const HEADER_V4: usize = 20;
const HEADER_V6: usize = 40;
const HEADER_ICMP: usize = 8;
/// The quote of an error that says more.
const EXTENDED_QUOTE: usize = 128;

/// The family of a packet to one host; none for what a router does not pass on.
pub(super) fn family(packet: &[u8]) -> Option<Family> {
    match packet.first()? >> 4 {
        4 if packet.len() >= HEADER_V4 && packet[16] < 224 => Some(Family::V4),
        6 if packet.len() >= HEADER_V6 && packet[24] != 0xff => Some(Family::V6),
        _ => None,
    }
}

/// A number for its flow: addresses, protocol and ports; for echo what routers take for them, type, code and checksum. Alike in both
/// directions of a connection.
pub(super) fn flow(packet: &[u8]) -> Option<u64> {
    let family = family(packet)?;
    let (protocol, addresses, payload) = match family {
        Family::V4 => (
            packet[9],
            [&packet[12..16], &packet[16..20]],
            usize::from(packet[0] & 0xf) * 4,
        ),
        Family::V6 => (packet[6], [&packet[8..24], &packet[24..40]], HEADER_V6),
    };
    let words = packet.get(payload..payload + 4)?;
    let mut hasher = DefaultHasher::new();
    let mut ends = [(addresses[0], &words[..2]), (addresses[1], &words[2..])];
    if !matches!(protocol, ICMP | ICMPV6) {
        ends.sort_unstable();
    }
    (protocol, ends).hash(&mut hasher);
    Some(hasher.finish())
}

/// Its time to live, or hop limit.
pub(super) fn ttl(packet: &[u8]) -> Option<u8> {
    packet.get(ttl_at(family(packet)?)).copied()
}

/// Gives it another one. The packet has a family.
pub(super) fn set_ttl(packet: &mut [u8], ttl: u8) {
    let Some(family) = family(packet) else { return };
    packet[ttl_at(family)] = ttl;
    if family == Family::V4 {
        let length = usize::from(packet[0] & 0xf) * 4;
        packet[10..12].fill(0);
        let sum = checksum(&[packet.get(..length).unwrap_or_default()]);
        packet[10..12].copy_from_slice(&sum);
    }
}

fn ttl_at(family: Family) -> usize {
    match family {
        Family::V4 => 8,
        Family::V6 => 7,
    }
}

/// Which end of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Source,
    Destination,
}

/// The address of one end.
pub(super) fn address(packet: &[u8], field: Field) -> Option<IpAddr> {
    let bytes = packet.get(address_at(family(packet)?, field))?;
    match bytes.len() {
        4 => Some(IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?)),
        _ => Some(IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?)),
    }
}

fn address_at(family: Family, field: Field) -> std::ops::Range<usize> {
    match (family, field) {
        (Family::V4, Field::Source) => 12..16,
        (Family::V4, Field::Destination) => 16..20,
        (Family::V6, Field::Source) => 8..24,
        (Family::V6, Field::Destination) => 24..40,
    }
}

/// The number of the protocol that it carries.
pub(super) fn protocol(packet: &[u8]) -> Option<u8> {
    packet
        .get(match family(packet)? {
            Family::V4 => 9,
            Family::V6 => 6,
        })
        .copied()
}

/// Where its payload begins.
pub(super) fn payload(packet: &[u8]) -> Option<usize> {
    Some(match family(packet)? {
        Family::V4 => usize::from(packet[0] & 0xf) * 4,
        Family::V6 => HEADER_V6,
    })
}

/// Gives one end another address, and turns these bits of its TCP or UDP port over; checksums are kept right.
pub(super) fn rewrite(packet: &mut [u8], field: Field, to: IpAddr, bits: u16) {
    let (Some(family), Some(payload), Some(protocol)) =
        (family(packet), payload(packet), protocol(packet))
    else {
        return;
    };
    let new = match to {
        IpAddr::V4(to) => to.octets().to_vec(),
        IpAddr::V6(to) => to.octets().to_vec(),
    };
    let Some(slot) = packet.get_mut(address_at(family, field)) else {
        return;
    };
    let old = slot.to_vec();
    slot.copy_from_slice(&new);
    if family == Family::V4 {
        adjust(packet, 10, &old, &new);
    }
    let sum = payload
        + match protocol {
            6 => 16,
            17 => 6,
            ICMPV6 => 2,
            _ => return,
        };
    adjust(packet, sum, &old, &new);
    if protocol == ICMPV6 {
        return;
    }
    let port = payload + if field == Field::Source { 0 } else { 2 };
    if let Some(slot) = packet.get_mut(port..port + 2) {
        let old = [slot[0], slot[1]];
        let new = (u16::from_be_bytes(old) ^ bits).to_be_bytes();
        slot.copy_from_slice(&new);
        adjust(packet, sum, &old, &new);
    }
}

/// Brings the checksum at `at` up to date with a change of some of what it covers (RFC 1624 section 3).
fn adjust(packet: &mut [u8], at: usize, old: &[u8], new: &[u8]) {
    let Some(slot) = packet.get_mut(at..at + 2) else {
        return;
    };
    let before = [slot[0], slot[1]].map(|byte| !byte);
    let removed: Vec<u8> = old.iter().map(|byte| !byte).collect();
    slot.copy_from_slice(&checksum(&[&before, &removed, new]));
}

/// Gives it another type of service, or traffic class.
pub(super) fn set_tos(packet: &mut [u8], tos: u8) {
    match family(packet) {
        Some(Family::V4) => {
            packet[1] = tos;
            // The header's checksum.
            set_ttl(packet, packet[8]);
        }
        Some(Family::V6) => {
            packet[0] = packet[0] & 0xf0 | tos >> 4;
            packet[1] = packet[1] & 0x0f | tos << 4;
        }
        None => {}
    }
}

/// The ICMP error "time exceeded in transit" from a router, quoting a packet; none about another error. What stands behind the quote
/// makes this one 128 bytes long and has its length told (RFC 4884 section 3).
pub(super) fn time_exceeded(
    router: IpAddr,
    to: IpAddr,
    packet: &[u8],
    ttl: u8,
    extension: &[u8],
) -> Option<Vec<u8>> {
    let v6 = router.is_ipv6();
    let offset = payload(packet)?;
    let kind = packet.get(offset).copied()?;
    let about_error = match protocol(packet)? {
        ICMP => is_error_v4(kind),
        ICMPV6 => kind < 128,
        _ => false,
    };
    if about_error {
        return None;
    }
    let room = if v6 {
        LONGEST_ERROR_V6 - HEADER_V6 - HEADER_ICMP
    } else {
        LONGEST_ERROR_V4 - HEADER_V4 - HEADER_ICMP
    };
    let mut quote: Vec<u8> = packet.iter().copied().take(room).collect();
    let mut message = vec![if v6 { 3 } else { 11 }, 0, 0, 0, 0, 0, 0, 0];
    if !extension.is_empty() {
        quote.resize(EXTENDED_QUOTE, 0);
        let (at, unit) = if v6 { (4, 8) } else { (5, 4) };
        message[at] = u8::try_from(EXTENDED_QUOTE / unit).ok()?;
    }
    message.extend(quote);
    message.extend(extension);
    let mut answer;
    match (router, to) {
        (IpAddr::V4(router), IpAddr::V4(to)) => {
            let sum = checksum(&[&message]);
            message[2..4].copy_from_slice(&sum);
            let length = u16::try_from(HEADER_V4 + message.len()).ok()?;
            answer = vec![0; HEADER_V4];
            answer[0] = 0x45;
            answer[2..4].copy_from_slice(&length.to_be_bytes());
            answer[8] = ttl;
            answer[9] = ICMP;
            answer[12..16].copy_from_slice(&router.octets());
            answer[16..20].copy_from_slice(&to.octets());
            let sum = checksum(&[&answer]);
            answer[10..12].copy_from_slice(&sum);
        }
        (IpAddr::V6(router), IpAddr::V6(to)) => {
            let length = u16::try_from(message.len()).ok()?;
            answer = vec![0; HEADER_V6];
            answer[0] = 0x60;
            answer[4..6].copy_from_slice(&length.to_be_bytes());
            answer[6] = ICMPV6;
            answer[7] = ttl;
            answer[8..24].copy_from_slice(&router.octets());
            answer[24..40].copy_from_slice(&to.octets());
            let pseudo = [0, 0, length.to_be_bytes()[0], length.to_be_bytes()[1]];
            let sum = checksum(&[&answer[8..40], &pseudo, &[0, 0, 0, ICMPV6], &message]);
            message[2..4].copy_from_slice(&sum);
        }
        _ => return None,
    }
    answer.extend(message);
    Some(answer)
}

/// What an ICMP error quotes.
pub(super) fn quote(packet: &mut [u8]) -> Option<&mut [u8]> {
    let offset = payload(packet)?;
    let kind = *packet.get(offset)?;
    let error = match protocol(packet)? {
        ICMP => is_error_v4(kind),
        ICMPV6 => kind < 128,
        _ => false,
    };
    packet.get_mut(offset + HEADER_ICMP..).filter(|_| error)
}

/// Makes the checksum of an ICMP message right again.
pub(super) fn seal(packet: &mut [u8]) {
    let Some(offset) = payload(packet) else {
        return;
    };
    let v6 = family(packet) == Some(Family::V6);
    let Some(slot) = packet.get_mut(offset + 2..offset + 4) else {
        return;
    };
    slot.fill(0);
    let message = &packet[offset..];
    let sum = if v6 {
        let length = u32::try_from(message.len()).unwrap_or(0).to_be_bytes();
        checksum(&[&packet[8..40], &length, &[0, 0, 0, ICMPV6], message])
    } else {
        checksum(&[message])
    };
    packet[offset + 2..offset + 4].copy_from_slice(&sum);
}

/// Errors are not answered with errors (RFC 1122 section 3.2.2).
fn is_error_v4(kind: u8) -> bool {
    matches!(kind, 3 | 4 | 5 | 11 | 12)
}

/// The internet checksum (RFC 1071) of these parts; each but the last has an even length.
pub(super) fn checksum(parts: &[&[u8]]) -> [u8; 2] {
    let mut sum: u32 = 0;
    for part in parts {
        for pair in part.chunks(2) {
            let low = pair.get(1).copied().unwrap_or(0);
            sum += u32::from(u16::from_be_bytes([pair[0], low]));
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    let folded = u16::try_from(sum).unwrap_or(0);
    (!folded).to_be_bytes()
}
