//! What the error queue of a socket holds: ICMP errors with their sender.
//!
//! What it is for: the one type that every socket hands out for an ICMP error or a local one. What it may
//! use: the standard library. What it must not do: interpret; what a type and code mean is said elsewhere.
//!
//! Source: `net/ipv4/ip_sockglue.c` (`ip_icmp_error`, `ip_recv_error`), `net/ipv6/datagram.c`,
//! `include/uapi/linux/errqueue.h`. No privilege is needed.

use std::net::{IpAddr, SocketAddr};
use std::time::{Instant, SystemTime};

use super::errno::Errno;

/// At most so many bytes of a quoted packet are kept.
pub const MAX_PAYLOAD: usize = 1280;
/// At most so many entries are taken from a queue in one go.
pub const MAX_ENTRIES: usize = 64;

/// Who put the entry into the queue (`ee_origin`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// This machine: a datagram larger than the MTU, for instance.
    Local,
    /// An ICMP error.
    Icmp,
    /// An `ICMPv6` error.
    Icmp6,
    /// Another origin, such as transmit timestamps.
    Other(u8),
}

impl Origin {
    /// From `ee_origin`.
    pub fn from_code(code: u8) -> Self {
        match code {
            1 => Self::Local,
            2 => Self::Icmp,
            3 => Self::Icmp6,
            other => Self::Other(other),
        }
    }
}

/// One entry of the error queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedError {
    /// The error that the kernel made of it.
    pub errno: Errno,
    /// Who queued it.
    pub origin: Origin,
    /// ICMP type; 0 for a local entry.
    pub icmp_type: u8,
    /// ICMP code; 0 for a local entry.
    pub icmp_code: u8,
    /// `ee_info`: the next hop's MTU for "fragmentation needed" and "packet too big" (0 if the router did
    /// not say), the pointer of a parameter problem.
    pub info: u32,
    /// Who sent the ICMP error. Our own address where our own kernel did: no neighbour, local reject.
    pub offender: Option<IpAddr>,
    /// Where the quoted packet was going.
    pub destination: Option<SocketAddr>,
    /// TTL or hop limit with which the ICMP error arrived here.
    pub ttl: Option<u8>,
    /// When the kernel received it.
    pub received: Option<SystemTime>,
    /// The same on the monotonic clock; the time of reading where there is no kernel timestamp.
    pub at: Instant,
    /// The quoted packet, as much as was quoted and at most [`MAX_PAYLOAD`] bytes. It begins with the TCP
    /// header for TCP, with the ICMP header for echo, and *after* the UDP header for UDP. Untrusted.
    pub payload: Vec<u8>,
    /// Where in `payload` an RFC 4884 extension structure begins (MPLS labels, interface information);
    /// its checksum was right. Linux 5.9 and later (`IP_RECVERR_RFC4884`).
    pub extension_offset: Option<usize>,
}

impl QueuedError {
    /// The RFC 4884 extension structure, header included.
    pub fn extension(&self) -> Option<&[u8]> {
        self.payload.get(self.extension_offset?..)
    }
}
