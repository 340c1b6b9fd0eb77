//! The vocabulary of the tracer: time, identities, a probe to send and an answer received.

use std::net::IpAddr;

/// Microseconds: an instant counted from the start of the trace, or a duration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(pub u64);

impl Micros {
    /// So many milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1000))
    }

    /// The sum, stopping at the greatest value instead of overflowing.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, zero where `other` is later.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// So many times this duration, stopping at the greatest value.
    #[must_use]
    pub const fn times(self, factor: u64) -> Self {
        Self(self.0.saturating_mul(factor))
    }
}

/// A flow: all of its probes carry the same 5-tuple (and IPv6 flow label), so that routers which balance
/// per flow send them the same way. Flow 0 is the one that walks the whole path first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowId(pub u16);

/// One probe of one trace; unique in a [`super::Tracer`], counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProbeId(pub u64);

/// A probe that should be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// What to name it by when it is sent or answered.
    pub id: ProbeId,
    /// Whose 5-tuple it carries.
    pub flow: FlowId,
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// How often this flow asked this TTL before: 0 is the first time.
    pub attempt: u8,
}

/// What an answer means for the trace. It is told by the type of the answer, never by its sender: a time
/// exceeded from the target's own address is a router like any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AnswerKind {
    /// The TTL ran out at this router.
    TimeExceeded,
    /// The probe reached the destination: SYN-ACK, RST, echo reply, a UDP answer or the target's own port
    /// unreachable; which of them counts is the caller's to decide.
    Arrived,
    /// A device says that the probe goes no further.
    Unreachable {
        /// The caller's own coding of ICMP type and code; compared, never interpreted.
        code: u16,
    },
}

/// An answer to a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Who sent it.
    pub from: IpAddr,
    /// What it says.
    pub kind: AnswerKind,
    /// From the probe's sending to the answer.
    pub rtt: Micros,
}
