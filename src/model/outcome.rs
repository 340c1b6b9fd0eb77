//! What became of one attempt: a closed vocabulary, and what an errno or an ICMP error means in it.
//!
//! Sources: RFC 792, RFC 1122 section 3.2.2, RFC 1812 section 5.2.7, RFC 4443; Linux `net/ipv4/icmp.c` (`icmp_err_convert`)
//! and `net/ipv6/icmp.c` (`icmpv6_err_convert`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What became of one attempt.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// It did what was asked: the socket opened, the echo came back, the server answered with records.
    Ok,
    /// A TCP reset answered the SYN: no ICMP error was queued with it.
    Refused,
    /// Nothing came back in time.
    Timeout,
    /// ICMP time exceeded: the TTL ran out at a router.
    TtlExceeded,
    /// ICMP network unreachable (3/0, 3/6, 3/11; ICMPv6 1/0).
    NetworkUnreachable,
    /// ICMP host unreachable (3/1, 3/7, 3/12; ICMPv6 1/3).
    HostUnreachable,
    /// ICMP administratively prohibited (3/9, 3/10, 3/13; ICMPv6 1/1, 1/5, 1/6).
    Prohibited,
    /// ICMP port unreachable (3/3; ICMPv6 1/4).
    PortUnreachable,
    /// ICMP protocol unreachable (3/2; ICMPv6 4/1).
    ProtocolUnreachable,
    /// ICMP fragmentation needed (3/4) or packet too big (ICMPv6 2/0).
    PacketTooBig,
    /// Any other ICMP error.
    OtherIcmp,
    /// The kernel has no route, or one that forbids: an immediate error and nothing in the error queue.
    NoRoute,
    /// The kernel of this machine refused the packet or the call (EPERM, EACCES).
    Denied,
    /// The address asked for is not on this machine, or no port is left (EADDRNOTAVAIL).
    AddressUnavailable,
    /// The port asked for is taken (EADDRINUSE).
    AddressInUse,
    /// No socket could be had (EMFILE, ENFILE, ENOBUFS, ENOMEM).
    SocketsExhausted,
    /// This machine does not have the address family (EAFNOSUPPORT).
    FamilyUnsupported,
    /// The route's interface is down (ENETDOWN), or there is none of that name (ENODEV).
    InterfaceDown,
    /// The packet is larger than the way out allows (EMSGSIZE).
    TooLong,
    /// The other side reset the connection after it was open.
    Reset,
    /// The other side closed the connection after it was open.
    Closed,
    /// An answer reached this machine, and its own packet filter dropped it.
    AnswerDropped,
    /// An answer reached this machine, and its reverse-path filter dropped it (RFC 3704; `rp_filter`).
    ReversePathFiltered,
    /// DNS: the name does not exist (RFC 8020).
    Nxdomain,
    /// DNS: the name exists, and has no record of this type (RFC 2308 section 2.2).
    NoData,
    /// DNS: the server failed (RCODE 2).
    Servfail,
    /// DNS: the server refuses to answer (RCODE 5).
    DnsRefused,
    /// DNS: any other response code.
    DnsOther,
    /// DNS: a chain of aliases that returns to itself or is too long to follow.
    AliasLoop,
    /// An answer came that is no well-formed message of the protocol.
    Malformed,
    /// It was under way when the check ended.
    Cancelled,
    /// Another error of the operating system; its errno says which.
    OtherError,
}

/// The four classes in which a burst counts its probes: `sent = ok + refused + lost + error`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SampleOutcome {
    /// It was answered as hoped.
    Ok,
    /// A reset.
    Refused,
    /// Silence.
    Lost,
    /// An ICMP error, or an error of this machine.
    Error,
}

impl Outcome {
    /// What an ICMP (v4) error of this type and code means.
    pub const fn from_icmp_v4(kind: u8, code: u8) -> Self {
        match (kind, code) {
            (3, 0 | 6 | 11) => Self::NetworkUnreachable,
            (3, 1 | 7 | 8 | 12) => Self::HostUnreachable,
            (3, 2) => Self::ProtocolUnreachable,
            (3, 3) => Self::PortUnreachable,
            (3, 4) => Self::PacketTooBig,
            (3, 9 | 10 | 13) => Self::Prohibited,
            (11, 0) => Self::TtlExceeded,
            _ => Self::OtherIcmp,
        }
    }

    /// What an `ICMPv6` error of this type and code means.
    pub const fn from_icmp_v6(kind: u8, code: u8) -> Self {
        match (kind, code) {
            (1, 0) => Self::NetworkUnreachable,
            (1, 1 | 5 | 6) => Self::Prohibited,
            (1, 2 | 3) => Self::HostUnreachable,
            (1, 4) => Self::PortUnreachable,
            (2, 0) => Self::PacketTooBig,
            (3, 0) => Self::TtlExceeded,
            (4, 1) => Self::ProtocolUnreachable,
            _ => Self::OtherIcmp,
        }
    }

    /// The class in which a burst counts it.
    pub const fn sample(self) -> SampleOutcome {
        match self {
            Self::Ok => SampleOutcome::Ok,
            Self::Refused => SampleOutcome::Refused,
            Self::Timeout => SampleOutcome::Lost,
            _ => SampleOutcome::Error,
        }
    }

    /// Whether it is an ICMP error, whoever sent it.
    pub const fn is_icmp(self) -> bool {
        matches!(
            self,
            Self::TtlExceeded
                | Self::NetworkUnreachable
                | Self::HostUnreachable
                | Self::Prohibited
                | Self::PortUnreachable
                | Self::ProtocolUnreachable
                | Self::PacketTooBig
                | Self::OtherIcmp
        )
    }

    /// Whether this machine itself made it impossible, before a packet left.
    pub const fn is_local(self) -> bool {
        matches!(
            self,
            Self::NoRoute
                | Self::Denied
                | Self::AddressUnavailable
                | Self::AddressInUse
                | Self::SocketsExhausted
                | Self::FamilyUnsupported
                | Self::InterfaceDown
                | Self::TooLong
        )
    }

    /// The word for it in a sentence: "3 of 10 probes were …".
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::Ok => "answered",
            Self::Refused => "refused (TCP reset)",
            Self::Timeout => "not answered",
            Self::TtlExceeded => "answered with ICMP time exceeded",
            Self::NetworkUnreachable => "answered with ICMP network unreachable",
            Self::HostUnreachable => "answered with ICMP host unreachable",
            Self::Prohibited => "answered with ICMP administratively prohibited",
            Self::PortUnreachable => "answered with ICMP port unreachable",
            Self::ProtocolUnreachable => "answered with ICMP protocol unreachable",
            Self::PacketTooBig => "answered with ICMP packet too big",
            Self::OtherIcmp => "answered with another ICMP error",
            Self::NoRoute => "not sent: no route",
            Self::Denied => "not permitted by this machine",
            Self::AddressUnavailable => "not possible: address not available",
            Self::AddressInUse => "not possible: address in use",
            Self::SocketsExhausted => "not possible: no socket left",
            Self::FamilyUnsupported => "not possible: address family not supported",
            Self::InterfaceDown => "not sent: interface down",
            Self::TooLong => "not sent: message too long",
            Self::Reset => "reset",
            Self::Closed => "closed",
            Self::AnswerDropped => "answered, and the answer dropped by this machine",
            Self::ReversePathFiltered => {
                "answered, and the answer dropped by this machine's reverse-path filter"
            }
            Self::Nxdomain => "answered NXDOMAIN",
            Self::NoData => "answered without a record of the type",
            Self::Servfail => "answered SERVFAIL",
            Self::DnsRefused => "answered REFUSED",
            Self::DnsOther => "answered with another response code",
            Self::AliasLoop => "answered with a loop of aliases",
            Self::Malformed => "answered with a malformed message",
            Self::Cancelled => "cut short",
            Self::OtherError => "ended by another error",
        }
    }
}
