//! ICMP echo, over a ping socket where the user may, else raw where the process may.
//!
//! What it is for: echo requests with a TTL, and the replies and ICMP errors that they draw. One socket per
//! family serves all destinations, so that a raw one can be opened before privileges are dropped. What it
//! may use: `platform`, [`super::flow`], [`super::queue`]. What it must not do: pace, retry, or judge.
//!
//! Privilege: the group must be in `net.ipv4.ping_group_range` (it holds for IPv6 too; the kernel's default
//! "1 0" is nobody, root included), or `CAP_NET_RAW`. Source: `net/ipv4/ping.c`, `net/ipv4/raw.c`, RFC 792,
//! RFC 4443 section 4. ICMP errors are queued with the quoted echo header, so that the sequence is known.

#![deny(clippy::indexing_slicing)]

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::time::{Instant, SystemTime};

use super::errno::Errno;
use super::flow::{Family, Flow, OpenFailure, SourcePort, Stage};
use super::platform::{Incoming, Kind, Readiness, Right, Setting, Socket, with_right};
use super::queue::QueuedError;

/// Length of an echo header.
const HEADER: usize = 8;
/// Largest reply that is kept.
const MAX_REPLY: usize = 16_384;
/// So many packets that are not ours are skipped in one go before others get a turn.
const MAX_FOREIGN: usize = 256;

/// Where echo requests leave from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// IPv4 or IPv6.
    pub family: Family,
    /// Source address; the kernel's choice if none.
    pub source: Option<IpAddr>,
    /// Interface, as in [`Flow::interface`].
    pub interface: Option<String>,
    /// Type of service, or traffic class.
    pub tos: Option<u8>,
    /// Forbid fragments and ignore the known path MTU.
    pub probe_mtu: bool,
}

impl Open {
    /// Echo in this family with all else left to the kernel.
    pub fn family(family: Family) -> Self {
        Self {
            family,
            source: None,
            interface: None,
            tos: None,
            probe_mtu: false,
        }
    }
}

/// Why there is no echo socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EchoFailure {
    /// Neither kind of socket is permitted.
    #[error("ping socket: {ping}; raw socket: {raw}")]
    Denied {
        /// What the ping socket said, `EACCES` as a rule.
        ping: Errno,
        /// What the raw socket said, `EPERM` as a rule.
        raw: Errno,
    },
    /// It is permitted, but failed otherwise: the source address, the interface.
    #[error(transparent)]
    Open(OpenFailure),
}

/// The kind of socket in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Ping socket: the kernel gives the identifier and sorts replies.
    Ping,
    /// Raw socket: a random identifier of our own.
    Raw,
}

/// A socket for echo requests to any destination of its family.
#[derive(Debug)]
pub struct Echo {
    socket: Socket,
    family: Family,
    method: Method,
    identifier: u16,
}

/// An echo reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Who sent it.
    pub from: IpAddr,
    /// The sequence number of the request.
    pub sequence: u16,
    /// TTL or hop limit with which it arrived.
    pub ttl: Option<u8>,
    /// When the kernel received it.
    pub received: Option<SystemTime>,
    /// The same on the monotonic clock; the time of reading where there is no kernel timestamp.
    pub at: Instant,
    /// What follows the echo header. Untrusted.
    pub payload: Vec<u8>,
}

/// What a wait brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A reply.
    Reply(Reply),
    /// An ICMP error, or a local one.
    Error {
        /// The sequence number that it quotes; `None` if it quotes too little.
        sequence: Option<u16>,
        /// The error; `destination` is where the request was going.
        error: QueuedError,
    },
    /// An error of the socket itself, without a queue entry.
    Failed(Errno),
    /// Nothing until the deadline.
    Silent,
}

impl Echo {
    /// Opens a ping socket, or a raw one where ping sockets are denied.
    ///
    /// # Errors
    /// [`EchoFailure::Denied`] where the process may have neither.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O and time enabled.
    pub fn open(spec: &Open) -> Result<Self, EchoFailure> {
        let ping = match Self::open_as(spec, Method::Ping) {
            Err(failure) if failure.stage == Stage::Socket => failure.errno,
            other => return other.map_err(EchoFailure::Open),
        };
        match with_right(Right::RawSockets, || Self::open_as(spec, Method::Raw)) {
            Err(failure) if failure.stage == Stage::Socket => {
                let raw = failure.errno;
                Err(EchoFailure::Denied { ping, raw })
            }
            other => other.map_err(EchoFailure::Open),
        }
    }

    /// Opens this kind of socket and no other.
    ///
    /// # Errors
    /// The step and what the kernel said.
    ///
    /// # Panics
    /// As [`Echo::open`].
    pub fn open_as(spec: &Open, method: Method) -> Result<Self, OpenFailure> {
        let mut flow = Flow::to(SocketAddr::new(spec.family.unspecified(), 0));
        flow.source = spec.source;
        flow.interface.clone_from(&spec.interface);
        flow.tos = spec.tos;
        flow.source_port = match method {
            // Binding a ping socket is what gives it its identifier.
            Method::Ping => SourcePort::AtBind,
            Method::Raw => SourcePort::AtConnect,
        };
        let extra: &[Setting<'_>] = if spec.probe_mtu {
            &[Setting::ProbeMtu]
        } else {
            &[]
        };
        let kind = match method {
            Method::Ping => Kind::Ping,
            Method::Raw => Kind::RawIcmp,
        };
        let socket = flow.open(kind, extra)?;
        let identifier = match method {
            Method::Ping => socket
                .local()
                .map_err(|errno| OpenFailure {
                    stage: Stage::Bind,
                    errno,
                })?
                .port(),
            Method::Raw => random_identifier(),
        };
        Ok(Self {
            socket,
            family: spec.family,
            method,
            identifier,
        })
    }

    /// The kind of socket in use.
    pub fn method(&self) -> Method {
        self.method
    }

    /// The identifier that requests carry.
    pub fn identifier(&self) -> u16 {
        self.identifier
    }

    /// Sends one echo request; the time just before it was handed to the kernel.
    ///
    /// `scope` is the interface index for a link-local destination, 0 otherwise. Without `ttl` the system's
    /// default is used, not that of the request before.
    ///
    /// # Errors
    /// `EPERM`: a firewall or control group on this machine; `ENETUNREACH`, `EINVAL`, `EACCES`: routing;
    /// `EMSGSIZE`; `EAFNOSUPPORT` for a destination of the other family.
    pub fn send(
        &self,
        destination: IpAddr,
        scope: u32,
        sequence: u16,
        payload: &[u8],
        ttl: Option<u8>,
    ) -> Result<Instant, Errno> {
        if Family::of(destination) != self.family {
            return Err(Errno::EAFNOSUPPORT);
        }
        match ttl {
            Some(ttl) => self.socket.set(&Setting::Ttl(ttl))?,
            None => self.socket.set(&Setting::SystemTtl)?,
        }
        let to = match destination {
            IpAddr::V4(_) => SocketAddr::new(destination, 0),
            IpAddr::V6(ip) => SocketAddr::V6(SocketAddrV6::new(ip, 0, 0, scope)),
        };
        let packet = request(self.family, self.identifier, sequence, payload);
        let mut tries = 0;
        loop {
            // The error of an earlier request may be pending; it waits in the queue.
            self.socket.take_error();
            let at = Instant::now();
            tries += 1;
            match self.socket.send(&packet, Some(to)) {
                Ok(_) => return Ok(at),
                Err(Errno::ECONNREFUSED | Errno::EHOSTUNREACH) if tries < 3 => {}
                Err(errno) => return Err(errno),
            }
        }
    }

    /// Waits for the next reply or error of any request sent here; errors first.
    pub async fn recv(&self, deadline: Instant) -> Event {
        let look = || self.next();
        let found = self.socket.until(Readiness::Input, deadline, look).await;
        found.unwrap_or(Event::Silent)
    }

    fn next(&self) -> Option<Event> {
        for _ in 0..MAX_FOREIGN {
            if let Some(error) = self.socket.receive_error() {
                if let Some(event) = self.error(error) {
                    return Some(event);
                }
                continue;
            }
            match self.socket.receive(MAX_REPLY) {
                Ok(incoming) => {
                    if let Some(reply) = self.reply(&incoming) {
                        return Some(Event::Reply(reply));
                    }
                }
                Err(errno) if errno.is_transient() => return None,
                Err(errno) => match self.socket.receive_error() {
                    Some(error) => {
                        if let Some(event) = self.error(error) {
                            return Some(event);
                        }
                    }
                    None => return Some(Event::Failed(errno)),
                },
            }
        }
        // More foreign packets than one turn is worth: nothing of ours for now.
        None
    }

    /// A queue entry, if it quotes a request of ours.
    fn error(&self, error: QueuedError) -> Option<Event> {
        let quoted = header(&error.payload);
        // A raw socket hears of every program's pings; the kernel sorts for ping sockets.
        let ours = match (self.method, quoted) {
            (Method::Ping, _) => true,
            (Method::Raw, Some(quoted)) => quoted.identifier == self.identifier,
            (Method::Raw, None) => false,
        };
        ours.then(|| Event::Error {
            sequence: quoted.map(|quoted| quoted.sequence),
            error,
        })
    }

    fn reply(&self, incoming: &Incoming) -> Option<Reply> {
        let from = incoming.from?.ip();
        let bytes = match (self.method, self.family) {
            (Method::Raw, Family::V4) => after_ip_header(&incoming.bytes)?,
            _ => &incoming.bytes,
        };
        let found = header(bytes)?;
        let expected = match self.family {
            Family::V4 => 0,
            Family::V6 => 129,
        };
        let ours = found.kind == expected && found.identifier == self.identifier;
        ours.then(|| Reply {
            from,
            sequence: found.sequence,
            ttl: incoming.ttl,
            received: incoming.received,
            at: incoming.at,
            payload: bytes.get(HEADER..).unwrap_or_default().to_vec(),
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct EchoHeader {
    kind: u8,
    identifier: u16,
    sequence: u16,
}

fn header(bytes: &[u8]) -> Option<EchoHeader> {
    let [kind, _code, _, _, i0, i1, s0, s1] = *bytes.first_chunk::<HEADER>()?;
    Some(EchoHeader {
        kind,
        identifier: u16::from_be_bytes([i0, i1]),
        sequence: u16::from_be_bytes([s0, s1]),
    })
}

/// What follows the IPv4 header, options included (RFC 791 section 3.1).
pub(super) fn after_ip_header(bytes: &[u8]) -> Option<&[u8]> {
    let length = usize::from(bytes.first()? & 0x0f) * 4;
    if length < 20 {
        return None;
    }
    bytes.get(length..)
}

/// An echo request. The checksum is ours for raw IPv4 only; the kernel writes the others.
fn request(family: Family, identifier: u16, sequence: u16, payload: &[u8]) -> Vec<u8> {
    let kind = match family {
        Family::V4 => 8,
        Family::V6 => 128,
    };
    let mut packet = Vec::with_capacity(HEADER + payload.len());
    packet.extend([kind, 0, 0, 0]);
    packet.extend(identifier.to_be_bytes());
    packet.extend(sequence.to_be_bytes());
    packet.extend(payload);
    if family == Family::V4 {
        let sum = checksum(&packet).to_be_bytes();
        for (to, from) in packet.iter_mut().skip(2).zip(sum) {
            *to = from;
        }
    }
    packet
}

/// The Internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum = 0u16;
    for pair in bytes.chunks(2) {
        let word = match *pair {
            [high, low] => u16::from_be_bytes([high, low]),
            [high] => u16::from_be_bytes([high, 0]),
            _ => 0,
        };
        let (added, carry) = sum.overflowing_add(word);
        sum = added + u16::from(carry);
    }
    !sum
}

/// An identifier that two processes behind one address are unlikely to share. The standard library seeds
/// its hashers from the system's random source.
fn random_identifier() -> u16 {
    let bits = RandomState::new().build_hasher().finish().to_ne_bytes();
    let [_, _, _, high, low, ..] = bits;
    u16::from_be_bytes([high, low]) | 1
}

#[cfg(test)]
mod tests;
