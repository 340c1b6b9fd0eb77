//! Whole IP packets out; ICMP messages and TCP segments in, as they came.
//!
//! What it is for: probes whose every field is ours, and answers with the whole packet that they quote and the kernel's time of their
//! receipt. One set of sockets per family serves all destinations, so that it can be opened before privileges are dropped. What it may
//! use: `platform`, [`super::flow`]. What it must not do: build or read packets, pace, retry, or judge.
//!
//! Privilege: `CAP_NET_RAW`, to open it. Source: raw(7), `net/ipv4/raw.c` (`raw_send_hdrinc`), `net/ipv6/raw.c` (`rawv6_send_hdrinc`),
//! `Documentation/networking/filter.rst`.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::echo::after_ip_header;
use super::errno::Errno;
use super::flow::{Family, Flow, OpenFailure, SourcePort, Stage};
use super::platform::{Instruction, Kind, Readiness, Setting, Socket};

/// Longest packet that is kept; what quotes a probe of ours is shorter.
const MAX_PACKET: usize = 4096;
/// So long one wait lasts; then the next begins.
const TURN: Duration = Duration::from_secs(60);
/// More peers than this, and the filter lets every segment through: the kernel takes 4096 instructions.
const MAX_PEERS: usize = 256;

/// Where packets leave from and answers are heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// IPv4 or IPv6.
    pub family: Family,
    /// Source address; the kernel's choice if none.
    pub source: Option<IpAddr>,
    /// Interface, as in [`Flow::interface`].
    pub interface: Option<String>,
}

/// A socket that sends and two that receive, for all destinations of a family.
#[derive(Debug)]
pub struct Raw {
    family: Family,
    packets: Socket,
    messages: Socket,
    segments: Socket,
}

/// What came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Who sent it.
    pub from: IpAddr,
    /// The ICMP message or TCP segment from its first byte on. Untrusted.
    pub bytes: Vec<u8>,
    /// TTL or hop limit with which it arrived.
    pub ttl: Option<u8>,
    /// When the kernel received it; the time of reading where there is no kernel timestamp.
    pub at: Instant,
}

impl Raw {
    /// Opens the sockets; they hear nothing until [`Raw::listen`].
    ///
    /// # Errors
    /// The step and what the kernel said: `EPERM` without `CAP_NET_RAW`.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O and time enabled.
    pub fn open(spec: &Open) -> Result<Self, OpenFailure> {
        let mut flow = Flow::to(SocketAddr::new(spec.family.unspecified(), 0));
        flow.source = spec.source;
        flow.interface.clone_from(&spec.interface);
        // Routing looks at the socket's source and interface, not at the header's.
        let packets = flow.open(Kind::RawPackets, &[])?;
        let deaf = Setting::Filter(&[NOTHING]);
        let heard = |kind| flow.open(kind, &[deaf]);
        Ok(Self {
            family: spec.family,
            packets,
            messages: heard(Kind::RawMessages)?,
            segments: heard(Kind::RawSegments)?,
        })
    }

    /// The family of its packets.
    pub fn family(&self) -> Family {
        self.family
    }

    /// Lets through ICMP messages of the kinds that answer, and TCP segments of these peers alone; without peers nothing at all.
    ///
    /// # Errors
    /// What the kernel said to the filter; then the one before is still there.
    pub fn listen(&self, wanted: &Wanted<'_>) -> Result<(), Errno> {
        let (messages, segments) = match wanted {
            Wanted::Nothing => (vec![NOTHING], vec![NOTHING]),
            Wanted::From(peers) => (vec![WHOLE], from_peers(self.family, peers)),
        };
        self.messages.set(&Setting::Filter(&messages))?;
        self.segments.set(&Setting::Filter(&segments))
    }

    /// Sends one packet, IP header included; the time just before it was handed to the kernel. The kernel fills in an IPv4 header's
    /// checksum and length.
    ///
    /// # Errors
    /// `EPERM`: a firewall or control group on this machine; `ENETUNREACH`, `EINVAL`, `EACCES`: routing; `EMSGSIZE`: larger than the
    /// interface takes.
    pub fn send(&self, packet: &[u8], to: IpAddr) -> Result<Instant, Errno> {
        let at = Instant::now();
        // The port is a protocol to a raw socket, and none is wanted beside the header's.
        self.packets.send(packet, Some(SocketAddr::new(to, 0)))?;
        Ok(at)
    }

    /// Waits for the next ICMP message.
    pub async fn message(&self) -> Arrival {
        self.next(&self.messages).await
    }

    /// Waits for the next TCP segment.
    pub async fn segment(&self) -> Arrival {
        self.next(&self.segments).await
    }

    async fn next(&self, socket: &Socket) -> Arrival {
        loop {
            let look = || match socket.receive(MAX_PACKET) {
                Err(errno) if errno.is_transient() => None,
                other => Some(other),
            };
            let found = socket
                .until(Readiness::Input, Instant::now() + TURN, look)
                .await;
            match found {
                Some(Ok(incoming)) => {
                    let Some(from) = incoming.from else { continue };
                    let bytes = match self.family {
                        Family::V4 => after_ip_header(&incoming.bytes).map(<[u8]>::to_vec),
                        Family::V6 => Some(incoming.bytes),
                    };
                    let Some(bytes) = bytes else { continue };
                    return Arrival {
                        from: from.ip(),
                        bytes,
                        ttl: incoming.ttl,
                        at: incoming.at,
                    };
                }
                // An interface that went down, for instance; it is not worth a busy loop.
                Some(Err(_)) => tokio::time::sleep(Duration::from_millis(10)).await,
                None => {}
            }
        }
    }
}

/// What is to be let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted<'a> {
    /// Nothing at all.
    Nothing,
    /// All ICMP messages that may answer, and the segments of these peers.
    From(&'a [SocketAddr]),
}

/// A TCP source port that is held, so that nobody else gets it: bound, never listening and never connecting. What comes to it the kernel
/// answers with a reset.
#[derive(Debug)]
pub struct HeldPort {
    _socket: Socket,
    number: u16,
}

impl HeldPort {
    /// Holds a port of the flow's source address. No privilege.
    ///
    /// # Errors
    /// The step and what the kernel said.
    ///
    /// # Panics
    /// As [`Raw::open`].
    pub fn hold(flow: &Flow) -> Result<Self, OpenFailure> {
        let mut flow = flow.clone();
        if flow.source_port == SourcePort::AtConnect {
            flow.source_port = SourcePort::AtBind;
        }
        let socket = flow.open(Kind::Tcp, &[])?;
        let local = socket.local().map_err(|errno| OpenFailure {
            stage: Stage::Bind,
            errno,
        })?;
        Ok(Self {
            _socket: socket,
            number: local.port(),
        })
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }
}

/// `BPF_RET`: takes nothing.
const NOTHING: Instruction = instruction(0x06, 0, 0, 0);
/// `BPF_RET`: takes it whole.
const WHOLE: Instruction = instruction(0x06, 0, 0, u32::MAX);
/// Where the IP header is, whatever the socket's data begins with (`SKF_NET_OFF`).
const NETWORK: u32 = (-0x10_0000_i32).cast_unsigned();

const fn instruction(code: u16, then: u8, otherwise: u8, value: u32) -> Instruction {
    Instruction {
        code,
        then,
        otherwise,
        value,
    }
}

/// Takes segments of these addresses and source ports. A raw IPv4 socket's data begins with the IP header, a raw IPv6 socket's behind it.
fn from_peers(family: Family, peers: &[SocketAddr]) -> Vec<Instruction> {
    const LOAD_WORD: u16 = 0x20;
    const LOAD_HALF: u16 = 0x28;
    const LOAD_HALF_INDEXED: u16 = 0x48;
    const LOAD_HEADER_LENGTH: u16 = 0xb1;
    const JUMP_IF_EQUAL: u16 = 0x15;
    if peers.len() > MAX_PEERS {
        return vec![WHOLE];
    }
    let mut program = Vec::new();
    for peer in peers {
        let words: Vec<(u32, u32)> = match (family, peer.ip()) {
            (Family::V4, IpAddr::V4(ip)) => vec![(12, ip.to_bits())],
            (Family::V6, IpAddr::V6(ip)) => {
                // The source address is in four words of the IPv6 header.
                let address = ip.to_bits();
                [(96, 8), (64, 12), (32, 16), (0, 20)]
                    .map(|(shift, at)| {
                        let word = address >> shift & u128::from(u32::MAX);
                        (at, u32::try_from(word).unwrap_or(0))
                    })
                    .to_vec()
            }
            _ => continue,
        };
        let port = match family {
            Family::V4 => vec![
                instruction(LOAD_HEADER_LENGTH, 0, 0, 0),
                instruction(LOAD_HALF_INDEXED, 0, 0, 0),
            ],
            Family::V6 => vec![instruction(LOAD_HALF, 0, 0, 0)],
        };
        // Each comparison that fails skips the rest of this peer's instructions.
        let mut block = Vec::new();
        for (at, word) in words {
            block.push(instruction(LOAD_WORD, 0, 0, NETWORK.wrapping_add(at)));
            block.push(instruction(JUMP_IF_EQUAL, 0, 0, word));
        }
        block.extend(port);
        block.push(instruction(JUMP_IF_EQUAL, 0, 0, peer.port().into()));
        block.push(WHOLE);
        let length = block.len();
        for (at, instruction) in block.iter_mut().enumerate() {
            if instruction.code == JUMP_IF_EQUAL {
                instruction.otherwise = u8::try_from(length - at - 1).unwrap_or(u8::MAX);
            }
        }
        program.extend(block);
    }
    program.push(NOTHING);
    program
}

#[cfg(test)]
mod tests;
