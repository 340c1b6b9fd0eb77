//! The operating system itself: one socket type, and the few calls that need `unsafe`.
//!
//! What it is for: the seam between what is asked (this file) and how one system does it. What it may use:
//! libc, socket2 and tokio's reactor. What it must not do: decide; policy belongs to the modules above.
//!
//! A system is one file or folder with the same items; where there is none, `fallback` answers `ENOSYS`.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as imp;

#[cfg(not(target_os = "linux"))]
mod fallback;
#[cfg(not(target_os = "linux"))]
use fallback as imp;

pub(super) use imp::{
    Netlink, Socket, drop_privileges, is_root, lend, started_elevated, still_runs, with_right,
};

use std::net::SocketAddr;
use std::time::{Instant, SystemTime};

/// What may be kept when privileges are dropped, to be had for a moment at a time.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Right {
    /// Seeing what other users' processes have open.
    OtherProcesses,
    /// Source ports that are kept from ordinary users.
    LowPorts,
    /// Raw sockets, and interfaces to bind to before Linux 5.7.
    RawSockets,
    /// Writing where the file system keeps others out.
    Files,
}

/// Kinds of socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Stream.
    Tcp,
    /// Datagram.
    Udp,
    /// ICMP echo for ordinary users (`net/ipv4/ping.c`).
    Ping,
    /// Raw ICMP, echo replies only.
    RawIcmp,
    /// Raw ICMP, to receive alone: echo replies, and the errors that quote a packet.
    RawMessages,
    /// Raw TCP, to receive alone.
    RawSegments,
    /// Whole IP packets, to send alone (`IPPROTO_RAW`).
    RawPackets,
}

/// An option of a socket.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
#[derive(Clone, Copy, Debug)]
pub(super) enum Setting<'a> {
    Tos(u8),
    Ttl(u8),
    /// The TTL that the system sends by default.
    SystemTtl,
    MinTtl(u8),
    OwnFlowLabel,
    Interface(&'a str),
    PortAtConnect,
    ReuseAddress,
    MaxSegment(u16),
    ResetOnClose,
    FinOnClose,
    /// Never fragment, and obey the path MTU that the kernel knows: larger is `EMSGSIZE`.
    ForbidFragments,
    /// Never fragment, and ignore the path MTU that the kernel knows.
    ProbeMtu,
    /// Receives only what this program takes (classic BPF); a new one takes the place of the one before at once.
    Filter(&'a [Instruction]),
}

/// One instruction of classic BPF (`struct sock_filter`, `include/uapi/linux/filter.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Instruction {
    /// What to do.
    pub(super) code: u16,
    /// So many instructions are skipped where a comparison holds.
    pub(super) then: u8,
    /// So many where it does not.
    pub(super) otherwise: u8,
    /// The number that it works with.
    pub(super) value: u32,
}

/// What to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readiness {
    /// Data or an error.
    Input,
    /// Connected or an error.
    Output,
}

/// One message from a socket.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) bytes: Vec<u8>,
    /// Whether the message was longer than `bytes`.
    pub(super) truncated: bool,
    pub(super) from: Option<SocketAddr>,
    pub(super) ttl: Option<u8>,
    pub(super) received: Option<SystemTime>,
    /// `received` on the monotonic clock, else the time of reading.
    pub(super) at: Instant,
}
