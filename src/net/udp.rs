//! One connected datagram socket per flow.
//!
//! What it is for: probes whose answer or ICMP error belongs to one 4-tuple: traces, port checks, path MTU.
//! What it may use: `platform`, [`super::flow`], [`super::queue`]. What it must not do: choose payloads,
//! retry, or judge.
//!
//! No privilege is needed. Error-queue data begins *after* the UDP header (`net/ipv4/udp.c` `udp_err`), and
//! many routers quote the IP header and 8 bytes alone: so keep one probe in flight per flow, or one TTL per
//! flow. A local firewall's drop shows as `EPERM` from [`Udp::send`].

use std::net::SocketAddr;
use std::time::{Instant, SystemTime};

use super::errno::Errno;
use super::flow::{Flow, OpenFailure, Stage};
use super::platform::{Kind, Readiness, Setting, Socket};
use super::queue::QueuedError;

/// Largest answer that is kept; the rest of a longer one is dropped and said so.
const MAX_DATAGRAM: usize = 16_384;

/// So many datagrams of others are skipped in one go before other sockets get a turn.
const MAX_FOREIGN: usize = 256;

/// What to do with datagrams larger than the path takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fragmentation {
    /// What the system does by default.
    #[default]
    System,
    /// Forbidden; larger than the path MTU that the kernel knows is `EMSGSIZE`, and never sent.
    Forbidden,
    /// Forbidden, and the known path MTU is ignored (`IP_PMTUDISC_PROBE`): only the interface's counts.
    Probe,
}

/// A socket connected to one destination.
#[derive(Debug)]
pub struct Udp {
    socket: Socket,
    source: SocketAddr,
    /// Where an unconnected socket sends to.
    unconnected: Option<SocketAddr>,
}

/// A datagram that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Its payload. Untrusted.
    pub bytes: Vec<u8>,
    /// When the kernel received it.
    pub received: Option<SystemTime>,
    /// The same on the monotonic clock; the time of reading where there is no kernel timestamp.
    pub at: Instant,
    /// TTL or hop limit with which it arrived.
    pub ttl: Option<u8>,
    /// It was longer than what is kept of it.
    pub truncated: bool,
}

/// What a wait brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A datagram.
    Datagram(Datagram),
    /// An ICMP error, or a local one.
    Error(QueuedError),
    /// An error of the socket itself, without a queue entry.
    Failed(Errno),
    /// Nothing until the deadline.
    Silent,
}

impl Udp {
    /// Makes and connects the socket; nothing is sent. `min_ttl` of the flow is not for datagrams.
    ///
    /// # Errors
    /// The step and what the kernel said; a missing route fails the connect.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O and time enabled.
    pub fn open(flow: &Flow, fragmentation: Fragmentation) -> Result<Self, OpenFailure> {
        let extra: &[Setting<'_>] = match fragmentation {
            Fragmentation::System => &[],
            Fragmentation::Forbidden => &[Setting::ForbidFragments],
            Fragmentation::Probe => &[Setting::ProbeMtu],
        };
        let socket = flow.open(Kind::Udp, extra)?;
        let at_connect = |errno| OpenFailure {
            stage: Stage::Connect,
            errno,
        };
        socket.connect(flow.remote()).map_err(at_connect)?;
        let source = socket.local().map_err(at_connect)?;
        Ok(Self {
            socket,
            source,
            unconnected: None,
        })
    }

    /// Makes a socket that is not connected, for protocols whose answer comes from another port than the one asked (TFTP): it takes
    /// what any port of the destination's address sends.
    ///
    /// # Errors
    /// The step and what the kernel said.
    ///
    /// # Panics
    /// As [`Udp::open`].
    pub fn open_unconnected(flow: &Flow) -> Result<Self, OpenFailure> {
        let socket = flow.open(Kind::Udp, &[])?;
        let source = socket.local().map_err(|errno| OpenFailure {
            stage: Stage::Bind,
            errno,
        })?;
        Ok(Self {
            socket,
            source,
            unconnected: Some(flow.remote()),
        })
    }

    /// The source address and port in use.
    pub fn source(&self) -> SocketAddr {
        self.source
    }

    /// The path MTU that the kernel assumes, bytes with IP header.
    pub fn path_mtu(&self) -> Option<u32> {
        self.socket.path_mtu()
    }

    /// Sends one datagram, with this TTL or hop limit from now on if one is given; the time just before it
    /// was handed to the kernel.
    ///
    /// # Errors
    /// `EPERM`: a firewall or control group on this machine; `EMSGSIZE`: larger than permitted; and others.
    /// The error of an earlier datagram is never reported here; it waits in the queue.
    pub fn send(&self, bytes: &[u8], ttl: Option<u8>) -> Result<Instant, Errno> {
        if let Some(ttl) = ttl {
            self.socket.set(&Setting::Ttl(ttl))?;
        }
        // An ICMP error for an earlier datagram is also pending on the socket, and would be taken for this
        // one's; it can come between the two calls, hence twice.
        let mut tries = 0;
        loop {
            self.socket.take_error();
            let at = Instant::now();
            tries += 1;
            match self.socket.send(bytes, self.unconnected) {
                Ok(_) => return Ok(at),
                Err(Errno::ECONNREFUSED | Errno::EHOSTUNREACH) if tries < 3 => {}
                Err(errno) => return Err(errno),
            }
        }
    }

    /// Waits for the next datagram or error; errors first.
    pub async fn recv(&self, deadline: Instant) -> Received {
        let look = || self.next();
        let found = self.socket.until(Readiness::Input, deadline, look).await;
        found.unwrap_or(Received::Silent)
    }

    fn next(&self) -> Option<Received> {
        for _ in 0..MAX_FOREIGN {
            if let Some(entry) = self.socket.receive_error() {
                return Some(Received::Error(entry));
            }
            match self.socket.receive(MAX_DATAGRAM) {
                Ok(incoming) => {
                    let from = incoming.from.map(|from| from.ip().to_canonical());
                    let asked = self.unconnected.map(|to| to.ip().to_canonical());
                    if asked.is_some() && from != asked {
                        continue;
                    }
                    return Some(Received::Datagram(Datagram {
                        bytes: incoming.bytes,
                        received: incoming.received,
                        at: incoming.at,
                        ttl: incoming.ttl,
                        truncated: incoming.truncated,
                    }));
                }
                Err(errno) if errno.is_transient() => return None,
                // The pending error of an entry that was queued meanwhile, or was taken before.
                Err(errno) => {
                    return Some(match self.socket.receive_error() {
                        Some(entry) => Received::Error(entry),
                        None => Received::Failed(errno),
                    });
                }
            }
        }
        // More foreign packets than one turn is worth: nothing of ours for now.
        None
    }
}

#[cfg(test)]
mod tests;
