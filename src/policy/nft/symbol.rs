//! The words that nft writes for numbers.

use crate::policy::form::Field;

/// What a word means for a field.
pub(super) fn number(field: Field, word: &str) -> Option<u128> {
    let table: &[(&str, u128)] = match field {
        Field::Family => &[("ipv4", 2), ("ipv6", 10)],
        Field::EtherType => &[
            ("ip", 0x0800),
            ("arp", 0x0806),
            ("8021q", 0x8100),
            ("vlan", 0x8100),
            ("ip6", 0x86dd),
            ("8021ad", 0x88a8),
        ],
        Field::Protocol | Field::Protocol4 | Field::Protocol6 => &PROTOCOLS,
        Field::State => &[
            ("invalid", Field::INVALID),
            ("established", Field::ESTABLISHED),
            ("related", Field::RELATED),
            ("new", Field::NEW),
            ("untracked", Field::UNTRACKED),
        ],
        // enum ip_conntrack_status
        Field::Status => &[
            ("expected", 1),
            ("seen-reply", 2),
            ("assured", 4),
            ("confirmed", 8),
            ("snat", 16),
            ("dnat", 32),
            ("dying", 512),
        ],
        Field::Direction => &[("original", 0), ("reply", 1)],
        Field::TcpFlags => &[
            ("fin", 1),
            ("syn", 2),
            ("rst", 4),
            ("psh", 8),
            ("ack", 16),
            ("urg", 32),
            ("ecn", 64),
            ("cwr", 128),
        ],
        Field::IcmpType4 => &[
            ("echo-reply", 0),
            ("destination-unreachable", 3),
            ("source-quench", 4),
            ("redirect", 5),
            ("echo-request", 8),
            ("router-advertisement", 9),
            ("router-solicitation", 10),
            ("time-exceeded", 11),
            ("parameter-problem", 12),
            ("timestamp-request", 13),
            ("timestamp-reply", 14),
            ("info-request", 15),
            ("info-reply", 16),
            ("address-mask-request", 17),
            ("address-mask-reply", 18),
        ],
        Field::IcmpType6 => &[
            ("destination-unreachable", 1),
            ("packet-too-big", 2),
            ("time-exceeded", 3),
            ("parameter-problem", 4),
            ("echo-request", 128),
            ("echo-reply", 129),
            ("mld-listener-query", 130),
            ("mld-listener-report", 131),
            ("mld-listener-done", 132),
            ("mld-listener-reduction", 132),
            ("nd-router-solicit", 133),
            ("nd-router-advert", 134),
            ("nd-neighbor-solicit", 135),
            ("nd-neighbor-advert", 136),
            ("nd-redirect", 137),
            ("router-renumbering", 138),
            ("ind-neighbor-solicit", 141),
            ("ind-neighbor-advert", 142),
            ("mld2-listener-report", 143),
        ],
        Field::IcmpCode4 => &[
            ("net-unreachable", 0),
            ("host-unreachable", 1),
            ("prot-unreachable", 2),
            ("port-unreachable", 3),
            ("frag-needed", 4),
            ("net-prohibited", 9),
            ("host-prohibited", 10),
            ("admin-prohibited", 13),
        ],
        Field::IcmpCode6 => &[
            ("no-route", 0),
            ("admin-prohibited", 1),
            ("addr-unreachable", 3),
            ("port-unreachable", 4),
            ("policy-fail", 5),
            ("reject-route", 6),
        ],
        // RTN_*, linux/rtnetlink.h
        Field::SourceKind | Field::DestinationKind => &[
            ("unspec", 0),
            ("unicast", 1),
            ("local", 2),
            ("broadcast", 3),
            ("anycast", 4),
            ("multicast", 5),
            ("blackhole", 6),
            ("unreachable", 7),
            ("prohibit", 8),
        ],
        // PACKET_*, linux/if_packet.h
        Field::FrameKind => &[
            ("host", 0),
            ("unicast", 0),
            ("broadcast", 1),
            ("multicast", 2),
            ("other", 3),
        ],
        _ => &[],
    };
    table
        .iter()
        .find(|(name, _)| *name == word)
        .map(|(_, number)| *number)
}

/// The names that the file of protocols has for those that firewalls name (IANA Protocol Numbers).
pub(in crate::policy) const PROTOCOLS: [(&str, u128); 16] = [
    ("icmp", 1),
    ("igmp", 2),
    ("ipencap", 4),
    ("tcp", 6),
    ("udp", 17),
    ("dccp", 33),
    ("ipv6", 41),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("icmpv6", 58),
    ("ipv6-icmp", 58),
    ("ospf", 89),
    ("vrrp", 112),
    ("sctp", 132),
    ("udplite", 136),
];
