//! Probes as whole IP packets, and the TCP segments and echo replies that answer them.
//!
//! Packets are built with pnet's builders; what comes from the network is never given to them, since they panic on short input. A SYN
//! carries the options of a Linux client (`net/ipv4/tcp_output.c` `tcp_syn_options`), so that devices take it for one.
#![deny(clippy::indexing_slicing)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use pnet::packet::ip::{IpNextHeaderProtocol, IpNextHeaderProtocols};
use pnet::packet::ipv4::{Ipv4Flags, MutableIpv4Packet};
use pnet::packet::ipv6::MutableIpv6Packet;
use pnet::packet::tcp::{MutableTcpPacket, TcpFlags, TcpOption};
use pnet::packet::udp::MutableUdpPacket;
use pnet::packet::util;

const V4_HEADER: usize = 20;
const V6_HEADER: usize = 40;
const TCP_HEADER: usize = 20;
const TCP_OPTIONS: usize = 20;
const UDP_HEADER: usize = 8;
/// Data of a segment that fits into an Ethernet frame, behind the headers of each family.
const SEGMENT: (u16, u16) = (1460, 1440);
/// The receive window that a Linux client begins with.
const WINDOW: u16 = 64_240;

/// The IP header of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Source and destination, both IPv4 or both IPv6.
    pub source: IpAddr,
    /// See `source`.
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// Type of service or traffic class.
    pub tos: u8,
    /// The IPv4 identification; 0 would be replaced by the kernel.
    pub identification: u16,
    /// The IPv6 flow label, 20 bits.
    pub flow_label: u32,
}

/// What a probe carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// A SYN.
    Syn {
        /// Source port.
        source: u16,
        /// Destination port.
        destination: u16,
        /// Sequence number.
        sequence: u32,
        /// The timestamp option's own value.
        timestamp: u32,
    },
    /// A datagram.
    Datagram {
        /// Source port.
        source: u16,
        /// Destination port.
        destination: u16,
        /// What it carries.
        bytes: &'a [u8],
    },
    /// An echo request.
    Echo {
        /// Identifier.
        id: u16,
        /// Sequence number.
        sequence: u16,
        /// What it carries.
        bytes: &'a [u8],
    },
}

/// A packet that can be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// From the IP header on.
    pub bytes: Vec<u8>,
    /// The checksum of its transport header.
    pub checksum: u16,
}

/// Builds a packet; none for addresses of two families, or for more bytes than a packet holds.
#[must_use]
pub fn build(header: &Header, payload: Payload<'_>) -> Option<Built> {
    let (mut transport, at) = match payload {
        Payload::Syn {
            source,
            destination,
            sequence,
            timestamp,
        } => {
            let segment = match header.destination {
                IpAddr::V4(_) => SEGMENT.0,
                IpAddr::V6(_) => SEGMENT.1,
            };
            let mut bytes = vec![0; TCP_HEADER + TCP_OPTIONS];
            let mut tcp = MutableTcpPacket::new(&mut bytes)?;
            tcp.set_source(source);
            tcp.set_destination(destination);
            tcp.set_sequence(sequence);
            tcp.set_data_offset(u8::try_from((TCP_HEADER + TCP_OPTIONS) / 4).ok()?);
            tcp.set_flags(TcpFlags::SYN);
            tcp.set_window(WINDOW);
            tcp.set_options(&[
                TcpOption::mss(segment),
                TcpOption::sack_perm(),
                TcpOption::timestamp(timestamp, 0),
                TcpOption::nop(),
                TcpOption::wscale(7),
            ]);
            (bytes, 16)
        }
        Payload::Datagram {
            source,
            destination,
            bytes: data,
        } => {
            let mut bytes = vec![0; UDP_HEADER];
            let mut udp = MutableUdpPacket::new(&mut bytes)?;
            udp.set_source(source);
            udp.set_destination(destination);
            udp.set_length(u16::try_from(UDP_HEADER + data.len()).ok()?);
            bytes.extend(data);
            (bytes, 6)
        }
        Payload::Echo {
            id,
            sequence,
            bytes: data,
        } => {
            let kind = match header.destination {
                IpAddr::V4(_) => 8,
                IpAddr::V6(_) => 128,
            };
            let mut bytes = vec![kind, 0, 0, 0];
            bytes.extend(id.to_be_bytes());
            bytes.extend(sequence.to_be_bytes());
            bytes.extend(data);
            (bytes, 2)
        }
    };
    let (protocol, checksum) = checksum(header, payload, &transport, at)?;
    for (to, from) in transport.iter_mut().skip(at).zip(checksum.to_be_bytes()) {
        *to = from;
    }
    let mut bytes = match (header.source, header.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            v4(header, source, destination, protocol, transport.len())?
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            v6(header, source, destination, protocol, transport.len())?
        }
        _ => return None,
    };
    bytes.extend(transport);
    Some(Built { bytes, checksum })
}

/// The protocol number, and the checksum of a transport header whose own checksum lies at a byte.
fn checksum(
    header: &Header,
    payload: Payload<'_>,
    transport: &[u8],
    at: usize,
) -> Option<(IpNextHeaderProtocol, u16)> {
    let protocol = match (payload, header.destination) {
        (Payload::Syn { .. }, _) => IpNextHeaderProtocols::Tcp,
        (Payload::Datagram { .. }, _) => IpNextHeaderProtocols::Udp,
        (Payload::Echo { .. }, IpAddr::V4(_)) => IpNextHeaderProtocols::Icmp,
        (Payload::Echo { .. }, IpAddr::V6(_)) => IpNextHeaderProtocols::Icmpv6,
    };
    let sum = match (header.source, header.destination, payload) {
        (IpAddr::V4(_), IpAddr::V4(_), Payload::Echo { .. }) => util::checksum(transport, at / 2),
        (IpAddr::V4(from), IpAddr::V4(to), _) => {
            util::ipv4_checksum(transport, at / 2, &[], &from, &to, protocol)
        }
        (IpAddr::V6(from), IpAddr::V6(to), _) => {
            util::ipv6_checksum(transport, at / 2, &[], &from, &to, protocol)
        }
        _ => return None,
    };
    // 0 says "no checksum" in UDP, and its other form is sent (RFC 768).
    let none = sum == 0 && matches!(payload, Payload::Datagram { .. });
    Some((protocol, if none { u16::MAX } else { sum }))
}

fn v4(
    header: &Header,
    source: Ipv4Addr,
    destination: Ipv4Addr,
    protocol: IpNextHeaderProtocol,
    length: usize,
) -> Option<Vec<u8>> {
    let mut bytes = vec![0; V4_HEADER];
    let mut ip = MutableIpv4Packet::new(&mut bytes)?;
    ip.set_version(4);
    ip.set_header_length(5);
    ip.set_dscp(header.tos >> 2);
    ip.set_ecn(header.tos & 0b11);
    ip.set_total_length(u16::try_from(V4_HEADER + length).ok()?);
    ip.set_identification(header.identification);
    // As Linux sends them: what is too long is said, not cut.
    ip.set_flags(Ipv4Flags::DontFragment);
    ip.set_ttl(header.ttl);
    ip.set_next_level_protocol(protocol);
    ip.set_source(source);
    ip.set_destination(destination);
    let sum = util::checksum(&bytes, 5).to_be_bytes();
    for (to, from) in bytes.iter_mut().skip(10).zip(sum) {
        *to = from;
    }
    Some(bytes)
}

fn v6(
    header: &Header,
    source: Ipv6Addr,
    destination: Ipv6Addr,
    protocol: IpNextHeaderProtocol,
    length: usize,
) -> Option<Vec<u8>> {
    let mut bytes = vec![0; V6_HEADER];
    let mut ip = MutableIpv6Packet::new(&mut bytes)?;
    ip.set_version(6);
    ip.set_traffic_class(header.tos);
    ip.set_flow_label(header.flow_label & 0x000f_ffff);
    ip.set_payload_length(u16::try_from(length).ok()?);
    ip.set_next_header(protocol);
    ip.set_hop_limit(header.ttl);
    ip.set_source(source);
    ip.set_destination(destination);
    Some(bytes)
}

/// The start of a TCP header that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Source port.
    pub source: u16,
    /// Destination port.
    pub destination: u16,
    /// What it acknowledges, where it acknowledges anything.
    pub acknowledged: Option<u32>,
    /// What kind of answer it is.
    pub kind: SegmentKind,
}

/// What a segment says to a SYN (RFC 9293 section 3.10.7.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentKind {
    /// SYN and ACK: the port is open.
    SynAck,
    /// RST: refused.
    Reset,
    /// Neither.
    Other,
}

/// Reads a TCP header; none where it is cut short.
#[must_use]
pub fn read_segment(bytes: &[u8]) -> Option<Segment> {
    let header: &[u8; TCP_HEADER] = bytes.first_chunk()?;
    let [s0, s1, d0, d1, _, _, _, _, a0, a1, a2, a3, _, flags, ..] = *header;
    let has = |flag: u8| flags & flag != 0;
    Some(Segment {
        source: u16::from_be_bytes([s0, s1]),
        destination: u16::from_be_bytes([d0, d1]),
        acknowledged: has(TcpFlags::ACK).then(|| u32::from_be_bytes([a0, a1, a2, a3])),
        kind: if has(TcpFlags::RST) {
            SegmentKind::Reset
        } else if has(TcpFlags::SYN) && has(TcpFlags::ACK) {
            SegmentKind::SynAck
        } else {
            SegmentKind::Other
        },
    })
}

/// Whether the checksum of an ICMP message, whole from its type on, is right (RFC 792). A raw IPv4 socket gets messages that the kernel
/// has not checked.
#[must_use]
pub fn is_sound(message: &[u8]) -> bool {
    message.len() >= 8 && util::checksum(message, usize::MAX) == 0
}

#[cfg(test)]
#[allow(
    clippy::indexing_slicing,
    clippy::many_single_char_names,
    reason = "a test that goes beyond its packet is to fail"
)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::proto::quote::{Transport, read_packet};

    fn header(v6: bool) -> Header {
        let (source, destination) = if v6 {
            ("2001:db8::1", "2001:db8:1::2")
        } else {
            ("192.0.2.1", "198.51.100.2")
        };
        Header {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            ttl: 7,
            tos: 0xb8,
            identification: 513,
            flow_label: 0x0a_bcde,
        }
    }

    /// The sum over a transport header and the pseudo-header is 0 where the checksum is right.
    fn sums_up(header: &Header, protocol: IpNextHeaderProtocol, transport: &[u8]) -> bool {
        let none = transport.len();
        let sum = match (header.source, header.destination) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                util::ipv4_checksum(transport, none, &[], &from, &to, protocol)
            }
            (IpAddr::V6(from), IpAddr::V6(to)) => {
                util::ipv6_checksum(transport, none, &[], &from, &to, protocol)
            }
            _ => return false,
        };
        sum == 0
    }

    #[test]
    fn what_is_built_is_what_a_router_would_quote() {
        for v6 in [false, true] {
            let header = header(v6);
            let length = if v6 { V6_HEADER } else { V4_HEADER };
            let syn = Payload::Syn {
                source: 40_000,
                destination: 443,
                sequence: 0x0102_0304,
                timestamp: 5,
            };
            let built = build(&header, syn).unwrap();
            let quote = read_packet(&built.bytes).unwrap();
            assert_eq!(
                (quote.source, quote.destination, quote.ttl, quote.tos),
                (header.source, header.destination, 7, 0xb8)
            );
            assert_eq!(quote.flow_label, v6.then_some(0x0a_bcde));
            assert_eq!(quote.identification, (!v6).then_some(513));
            assert_eq!(
                quote.transport,
                Transport::Tcp {
                    source: 40_000,
                    destination: 443,
                    sequence: Some(0x0102_0304)
                }
            );
            let transport = &built.bytes[length..];
            assert!(sums_up(&header, IpNextHeaderProtocols::Tcp, transport));
            let read = read_segment(transport).unwrap();
            assert_eq!((read.kind, read.acknowledged), (SegmentKind::Other, None));
        }
    }

    #[test]
    fn addresses_of_two_families_are_no_packet() {
        let mixed = Header {
            destination: header(true).destination,
            ..header(false)
        };
        let echo = Payload::Echo {
            id: 1,
            sequence: 1,
            bytes: b"",
        };
        assert_eq!(build(&mixed, echo), None);
    }

    proptest! {
        #[test]
        fn datagrams_and_echo_requests_are_sound(
            v6: bool, id: u16, sequence: u16,
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let header = header(v6);
            let length = if v6 { V6_HEADER } else { V4_HEADER };
            let udp = Payload::Datagram { source: id, destination: sequence, bytes: &bytes };
            let built = build(&header, udp).unwrap();
            prop_assert!(sums_up(&header, IpNextHeaderProtocols::Udp, &built.bytes[length..]));
            let echo = Payload::Echo { id, sequence, bytes: &bytes };
            let built = build(&header, echo).unwrap();
            let transport = &built.bytes[length..];
            if v6 {
                prop_assert!(sums_up(&header, IpNextHeaderProtocols::Icmpv6, transport));
            } else {
                prop_assert!(is_sound(transport));
            }
        }

        #[test]
        fn no_segment_and_no_message_panics(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = read_segment(&bytes);
            let _ = is_sound(&bytes);
        }
    }
}
