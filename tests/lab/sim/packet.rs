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

/// The ICMP error "time exceeded in transit" from this router to the packet's source; none about another error.
pub(super) fn time_exceeded(router: IpAddr, packet: &[u8], ttl: u8) -> Option<Vec<u8>> {
    match router {
        IpAddr::V4(router) => {
            let header = usize::from(packet[0] & 0xf) * 4;
            if packet[9] == ICMP && is_error_v4(*packet.get(header)?) {
                return None;
            }
            let room = LONGEST_ERROR_V4 - HEADER_V4 - HEADER_ICMP;
            let mut message = vec![11, 0, 0, 0, 0, 0, 0, 0];
            message.extend(packet.iter().take(room));
            let sum = checksum(&[&message]);
            message[2..4].copy_from_slice(&sum);

            let length = u16::try_from(HEADER_V4 + message.len()).ok()?;
            let mut answer = vec![0; HEADER_V4];
            answer[0] = 0x45;
            answer[2..4].copy_from_slice(&length.to_be_bytes());
            answer[8] = ttl;
            answer[9] = ICMP;
            answer[12..16].copy_from_slice(&router.octets());
            answer[16..20].copy_from_slice(&packet[12..16]);
            let sum = checksum(&[&answer]);
            answer[10..12].copy_from_slice(&sum);
            answer.extend(message);
            Some(answer)
        }
        IpAddr::V6(router) => {
            if packet[6] == ICMPV6 && *packet.get(HEADER_V6)? < 128 {
                return None;
            }
            let room = LONGEST_ERROR_V6 - HEADER_V6 - HEADER_ICMP;
            let mut message = vec![3, 0, 0, 0, 0, 0, 0, 0];
            message.extend(packet.iter().take(room));
            let length = u16::try_from(message.len()).ok()?;
            let mut answer = vec![0; HEADER_V6];
            answer[0] = 0x60;
            answer[4..6].copy_from_slice(&length.to_be_bytes());
            answer[6] = ICMPV6;
            answer[7] = ttl;
            answer[8..24].copy_from_slice(&router.octets());
            answer[24..40].copy_from_slice(&packet[8..24]);
            let pseudo = [0, 0, length.to_be_bytes()[0], length.to_be_bytes()[1]];
            let sum = checksum(&[&answer[8..40], &pseudo, &[0, 0, 0, ICMPV6], &message]);
            message[2..4].copy_from_slice(&sum);
            answer.extend(message);
            Some(answer)
        }
    }
}

/// Errors are not answered with errors (RFC 1122 section 3.2.2).
fn is_error_v4(kind: u8) -> bool {
    matches!(kind, 3 | 4 | 5 | 11 | 12)
}

/// The internet checksum (RFC 1071) of these parts; each but the last has an even length.
fn checksum(parts: &[&[u8]]) -> [u8; 2] {
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
