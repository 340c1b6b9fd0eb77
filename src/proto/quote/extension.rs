//! Extensions behind the quoted packet: RFC 4884, with MPLS labels (RFC 4950) and interfaces (RFC 5837).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Family;
use super::reader::Reader;

/// Type, code, checksum, and four bytes that depend on them.
const ICMP_HEADER: usize = 8;
/// Where extensions begin behind the header if a router that predates RFC 4884 gives no length (section 5.5).
const FIXED_QUOTE: usize = 128;
/// Objects that are read; more are ignored.
const OBJECTS_MAX: usize = 16;
/// Labels that are read from one stack.
const LABELS_MAX: usize = 32;

/// What a router said besides quoting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// The MPLS label stack that the packet arrived with, outermost first.
    pub mpls: Vec<Label>,
    /// Interfaces that the packet came by or was to leave by.
    pub interfaces: Vec<Interface>,
}

/// One entry of an MPLS label stack (RFC 3032).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// 20 bits.
    pub label: u32,
    /// Traffic class, 3 bits.
    pub class: u8,
    /// The last entry of its stack.
    pub bottom: bool,
    /// Time to live.
    pub ttl: u8,
}

/// What an interface has to do with the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterfaceRole {
    /// The packet came in here.
    Incoming,
    /// The part below IP of the interface it came in by.
    SubIp,
    /// It would have gone out here.
    Outgoing,
    /// The next hop it would have gone to.
    NextHop,
}

/// Interface information; each part only where it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// What it has to do with the packet.
    pub role: InterfaceRole,
    /// The index of the interface on its router.
    pub index: Option<u32>,
    /// Its address.
    pub address: Option<IpAddr>,
    /// Its name, 63 bytes at most, with wrong UTF-8 replaced; untrusted.
    pub name: Option<String>,
    /// Its MTU in bytes.
    pub mtu: Option<u32>,
}

/// Splits an ICMP error into the quoted packet and the bytes of its extensions, which may be none.
pub(super) fn split(family: Family, message: &[u8]) -> Option<(&[u8], &[u8])> {
    let kind = *message.first()?;
    let body = message.get(ICMP_HEADER..)?;
    let (extensible, words) = match family {
        Family::V4 => (
            matches!(kind, 3 | 11 | 12),
            usize::from(*message.get(5)?) * 4,
        ),
        Family::V6 => (matches!(kind, 1 | 3), usize::from(*message.get(4)?) * 8),
    };
    if !extensible {
        return Some((body, &[]));
    }
    if words > 0 {
        return Some(body.split_at_checked(words).unwrap_or((body, &[])));
    }
    // Without a length the bytes there may as well be the packet's own: they have to prove themselves.
    match body.split_at_checked(FIXED_QUOTE) {
        Some((quote, rest)) if has_checksum(rest) => Some((quote, rest)),
        _ => Some((body, &[])),
    }
}

/// Reads the extension structure; anything odd ends the reading, with what was read before.
pub(super) fn read(bytes: &[u8]) -> Extensions {
    let mut extensions = Extensions::default();
    let mut reader = Reader::new(bytes);
    let (Some(version), Some(_), Some(checksum)) = (reader.u8(), reader.u8(), reader.u16()) else {
        return extensions;
    };
    if version >> 4 != 2 || (checksum != 0 && !has_checksum(bytes)) {
        return extensions;
    }
    for _ in 0..OBJECTS_MAX {
        let (Some(length), Some(class), Some(kind)) = (reader.u16(), reader.u8(), reader.u8())
        else {
            break;
        };
        let Some(payload) = usize::from(length)
            .checked_sub(4)
            .and_then(|size| reader.take(size))
        else {
            break;
        };
        match (class, kind) {
            (1, 1) => read_labels(payload, &mut extensions.mpls),
            (2, _) => extensions.interfaces.extend(read_interface(kind, payload)),
            _ => {}
        }
    }
    extensions
}

/// A version and a checksum that is there and right (RFC 1071, over the whole structure).
fn has_checksum(bytes: &[u8]) -> bool {
    let mut header = Reader::new(bytes);
    let (Some(version), Some(_), Some(checksum)) = (header.u8(), header.u8(), header.u16()) else {
        return false;
    };
    let mut sum = 0_u32;
    for pair in bytes.chunks(2) {
        let high = pair.first().copied().unwrap_or(0);
        let low = pair.get(1).copied().unwrap_or(0);
        sum += u32::from(u16::from_be_bytes([high, low]));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    version >> 4 == 2 && checksum != 0 && sum == 0xffff
}

fn read_labels(payload: &[u8], labels: &mut Vec<Label>) {
    let mut reader = Reader::new(payload);
    while let Some(entry) = reader.u32() {
        if labels.len() >= LABELS_MAX {
            break;
        }
        let [.., bits, ttl] = entry.to_be_bytes();
        labels.push(Label {
            label: entry >> 12,
            class: bits >> 1 & 0x07,
            bottom: bits & 1 == 1,
            ttl,
        });
    }
}

/// RFC 5837, section 4: the type's bits say which parts follow, in this order.
fn read_interface(kind: u8, payload: &[u8]) -> Option<Interface> {
    let mut reader = Reader::new(payload);
    let role = match kind >> 6 {
        0 => InterfaceRole::Incoming,
        1 => InterfaceRole::SubIp,
        2 => InterfaceRole::Outgoing,
        _ => InterfaceRole::NextHop,
    };
    let mut interface = Interface {
        role,
        index: None,
        address: None,
        name: None,
        mtu: None,
    };
    if kind & 0x08 != 0 {
        interface.index = Some(reader.u32()?);
    }
    if kind & 0x04 != 0 {
        let family = reader.u16()?;
        let _reserved = reader.u16()?;
        interface.address = Some(match family {
            1 => IpAddr::V4(Ipv4Addr::from(reader.u32()?)),
            2 => IpAddr::V6(Ipv6Addr::from(reader.u128()?)),
            _ => return None,
        });
    }
    if kind & 0x02 != 0 {
        let length = usize::from(reader.u8()?);
        let name = reader.take(length.checked_sub(1).filter(|&size| size <= 63)?)?;
        let end = name
            .iter()
            .position(|&byte| byte == 0)
            .unwrap_or(name.len());
        interface.name = name
            .get(..end)
            .map(|name| String::from_utf8_lossy(name).into_owned());
    }
    if kind & 0x01 != 0 {
        interface.mtu = Some(reader.u32()?);
    }
    Some(interface)
}
