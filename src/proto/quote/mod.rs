//! Lax reading of what an ICMP error quotes: the packet that caused it, and what the router adds.
//!
//! A router may quote as little as the IP header and 8 bytes (RFC 792), cut anywhere, and rewrite what it
//! likes. So nothing is required but an IP header: what is not there is `None`. No input, of any length,
//! panics or makes the work grow beyond the input.
#![deny(clippy::indexing_slicing)]

mod extension;
mod reader;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use extension::{Extensions, Interface, InterfaceRole, Label};
use reader::Reader;

/// IPv6 extension headers that are skipped before the transport header.
const HEADERS_MAX: usize = 8;

/// The IP version of an ICMP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// ICMP, RFC 792.
    V4,
    /// `ICMPv6`, RFC 4443.
    V6,
}

/// A quoted packet: the probe as the router saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Where it came from; behind a NAT not what was sent.
    pub source: IpAddr,
    /// Where it was to go.
    pub destination: IpAddr,
    /// TTL or hop limit left when it was quoted: usually 1, or 0.
    pub ttl: u8,
    /// Type of service or traffic class: 6 bits of DSCP, 2 of ECN.
    pub tos: u8,
    /// The IPv4 identification.
    pub identification: Option<u16>,
    /// The IPv6 flow label.
    pub flow_label: Option<u32>,
    /// The length that the IP header gives: of the packet for IPv4, of the payload for IPv6, in bytes.
    pub length: u16,
    /// The protocol number of `transport`.
    pub protocol: u8,
    /// What is left of the transport header.
    pub transport: Transport,
}

/// The start of a quoted transport header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP.
    Tcp {
        /// Source port.
        source: u16,
        /// Destination port.
        destination: u16,
        /// Sequence number, where it was quoted.
        sequence: Option<u32>,
    },
    /// UDP.
    Udp {
        /// Source port.
        source: u16,
        /// Destination port.
        destination: u16,
        /// Length with the header, in bytes, where it was quoted.
        length: Option<u16>,
        /// Checksum as it arrived there, where it was quoted.
        checksum: Option<u16>,
    },
    /// ICMP or `ICMPv6`.
    Icmp {
        /// Type.
        kind: u8,
        /// Code.
        code: u8,
        /// Checksum as it arrived there, where it was quoted.
        checksum: Option<u16>,
        /// Identifier of an echo, where it was quoted.
        id: Option<u16>,
        /// Sequence number of an echo, where it was quoted.
        sequence: Option<u16>,
    },
    /// Another protocol, a later fragment, or too little quoted.
    Unknown,
}

/// Reads an ICMP error from its type byte on: the quoted packet and the extensions behind it.
///
/// `None` where the message is too short or quotes no IP header; that it is an error is not checked.
#[must_use]
pub fn read_error(family: Family, message: &[u8]) -> Option<(Quote, Extensions)> {
    let (payload, extensions) = extension::split(family, message)?;
    Some((read_packet(payload)?, extension::read(extensions)))
}

/// Reads an extension structure (RFC 4884 section 7) from its header on; anything odd ends the reading, with what was read before.
#[must_use]
pub fn read_extensions(structure: &[u8]) -> Extensions {
    extension::read(structure)
}

/// Reads a quoted packet from its IP header on. `None` where that header is not whole.
#[must_use]
pub fn read_packet(packet: &[u8]) -> Option<Quote> {
    match packet.first()? >> 4 {
        4 => read_v4(packet),
        6 => read_v6(packet),
        _ => None,
    }
}

fn read_v4(packet: &[u8]) -> Option<Quote> {
    let mut reader = Reader::new(packet);
    let header = usize::from(reader.u8()? & 0x0f) * 4;
    let tos = reader.u8()?;
    let length = reader.u16()?;
    let identification = reader.u16()?;
    let fragment = reader.u16()? & 0x1fff;
    let ttl = reader.u8()?;
    let protocol = reader.u8()?;
    let _checksum = reader.u16()?;
    let source = Ipv4Addr::from(reader.u32()?);
    let destination = Ipv4Addr::from(reader.u32()?);
    let transport = match packet.get(header.max(20)..) {
        Some(rest) if fragment == 0 => read_transport(protocol, rest),
        _ => Transport::Unknown,
    };
    Some(Quote {
        source: source.into(),
        destination: destination.into(),
        ttl,
        tos,
        identification: Some(identification),
        flow_label: None,
        length,
        protocol,
        transport,
    })
}

fn read_v6(packet: &[u8]) -> Option<Quote> {
    let mut reader = Reader::new(packet);
    let first = reader.u32()?;
    let length = reader.u16()?;
    let next = reader.u8()?;
    let ttl = reader.u8()?;
    let source = Ipv6Addr::from(reader.u128()?);
    let destination = Ipv6Addr::from(reader.u128()?);
    let (protocol, rest) = skip_headers(next, reader.rest());
    let transport = rest.map_or(Transport::Unknown, |rest| read_transport(protocol, rest));
    Some(Quote {
        source: source.into(),
        destination: destination.into(),
        ttl,
        tos: u8::try_from(first >> 20 & 0xff).unwrap_or(0),
        identification: None,
        flow_label: Some(first & 0x000f_ffff),
        length,
        protocol,
        transport,
    })
}

/// Goes behind IPv6 extension headers (RFC 8200, section 4): the protocol found, and its bytes unless they
/// belong to a later fragment or were cut off.
fn skip_headers(mut next: u8, mut rest: &[u8]) -> (u8, Option<&[u8]>) {
    for _ in 0..HEADERS_MAX {
        let mut reader = Reader::new(rest);
        let (Some(following), Some(units)) = (reader.u8(), reader.u8()) else {
            return (next, Some(rest));
        };
        let size = match next {
            // Hop-by-hop options, routing, destination options.
            0 | 43 | 60 => (usize::from(units) + 1) * 8,
            // Fragment: a fixed size, and the offset in the upper 13 bits.
            44 => match reader.u16() {
                Some(offset) if offset & 0xfff8 == 0 => 8,
                _ => return (following, None),
            },
            _ => return (next, Some(rest)),
        };
        next = following;
        match rest.get(size..) {
            Some(behind) => rest = behind,
            None => return (next, None),
        }
    }
    (next, None)
}

fn read_transport(protocol: u8, bytes: &[u8]) -> Transport {
    let mut reader = Reader::new(bytes);
    let read = match protocol {
        6 => reader
            .u16()
            .zip(reader.u16())
            .map(|(source, destination)| Transport::Tcp {
                source,
                destination,
                sequence: reader.u32(),
            }),
        17 => reader
            .u16()
            .zip(reader.u16())
            .map(|(source, destination)| Transport::Udp {
                source,
                destination,
                length: reader.u16(),
                checksum: reader.u16(),
            }),
        1 | 58 => reader
            .u8()
            .zip(reader.u8())
            .map(|(kind, code)| Transport::Icmp {
                kind,
                code,
                checksum: reader.u16(),
                id: reader.u16(),
                sequence: reader.u16(),
            }),
        _ => None,
    };
    read.unwrap_or(Transport::Unknown)
}

#[cfg(test)]
mod tests;
