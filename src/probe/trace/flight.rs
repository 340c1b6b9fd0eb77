//! Which probe an answer is about, for probes that all are under way at once.
//!
//! Pure. Ports, identifiers and sequence numbers decide, and the quoted source never does: a translator that does not translate what an
//! ICMP error quotes loses no answer. What fits nothing that was sent is not taken: it answers another program, or nobody.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::quoted::told;
use super::transport::{Ended, Heard};
use crate::model::observation::Quoted;
use crate::model::{Address, Endpoint, Icmp, Observation, Outcome};
use crate::proto::packet::{SegmentKind, is_sound, read_segment};
use crate::proto::quote::{self, Extensions, Quote, Transport};
use crate::proto::trace::ProbeId;

/// So long after its probe an answer that does not say which it is about may still be its own: about as long as the engine waits.
const LATEST: Duration = Duration::from_secs(1);

/// What tells a probe from all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// A SYN.
    Tcp { port: u16, sequence: u32 },
    /// A datagram.
    Udp {
        port: u16,
        identification: u16,
        checksum: u16,
    },
    /// An echo request.
    Icmp {
        id: u16,
        sequence: u16,
        checksum: u16,
    },
}

/// A probe that was sent.
pub(super) struct Asked {
    pub(super) id: ProbeId,
    pub(super) began: Instant,
    pub(super) observation: Observation,
    pub(super) mark: Mark,
    pub(super) answered: bool,
}

/// A message that came in.
#[derive(Clone, Copy)]
pub(super) struct Arrived<'a> {
    pub(super) from: IpAddr,
    pub(super) bytes: &'a [u8],
    pub(super) ttl: Option<u8>,
    pub(super) at: Instant,
}

/// The probes of a trace.
pub(super) struct Flight {
    source: IpAddr,
    destination: SocketAddr,
    tos: u8,
    asked: Vec<Asked>,
}

impl Flight {
    pub(super) const fn new(source: IpAddr, destination: SocketAddr, tos: u8) -> Self {
        Self {
            source,
            destination,
            tos,
            asked: Vec::new(),
        }
    }

    pub(super) fn sent(&mut self, asked: Asked) {
        self.asked.push(asked);
    }

    /// An ICMP message.
    pub(super) fn message(&mut self, arrived: Arrived<'_>) -> Option<Ended> {
        let v6 = self.destination.is_ipv6();
        let [kind, code, _, _, i0, i1, s0, s1] = *arrived.bytes.first_chunk::<8>()?;
        // The kernel has checked what came by IPv6.
        if !v6 && !is_sound(arrived.bytes) {
            return None;
        }
        if kind == if v6 { 129 } else { 0 } {
            let reply = (u16::from_be_bytes([i0, i1]), u16::from_be_bytes([s0, s1]));
            if arrived.from != self.destination.ip() {
                return None;
            }
            let asked = self.open(
                |mark| matches!(mark, Mark::Icmp { id, sequence, .. } if (*id, *sequence) == reply),
            )?;
            return Some(asked.ends(arrived, Outcome::Ok, None));
        }
        let (family, outcome) = if v6 {
            (quote::Family::V6, Outcome::from_icmp_v6(kind, code))
        } else {
            (quote::Family::V4, Outcome::from_icmp_v4(kind, code))
        };
        let (quote, extensions) = quote::read_error(family, arrived.bytes)?;
        let (to, source, tos) = (self.destination, self.source, self.tos);
        let asked = self.quoted(&quote, arrived.at)?;
        let too_big = outcome == Outcome::PacketTooBig;
        if too_big && matches!(asked.mark, Mark::Tcp { .. }) {
            // A SYN is never too long, and a kernel's own connect goes on, too.
            return None;
        }
        let mtu = match (too_big, v6) {
            (false, _) => None,
            (true, false) => Some(u32::from(u16::from_be_bytes([s0, s1]))),
            (true, true) => Some(u32::from_be_bytes([i0, i1, s0, s1])),
        };
        asked.answered = true;
        let icmp = Icmp {
            kind,
            code,
            from: Some(Address::new(arrived.from)),
            mtu,
            quote: tells(&quote, extensions, asked.mark, source, to, tos),
        };
        Some(asked.ends(arrived, outcome, Some(icmp)))
    }

    /// A TCP segment.
    pub(super) fn segment(&mut self, arrived: Arrived<'_>) -> Option<Ended> {
        let segment = read_segment(arrived.bytes)?;
        let acknowledged = segment.acknowledged?;
        let outcome = match segment.kind {
            SegmentKind::SynAck => Outcome::Ok,
            SegmentKind::Reset => Outcome::Refused,
            SegmentKind::Other => return None,
        };
        if SocketAddr::new(arrived.from, segment.source) != plain(self.destination) {
            return None;
        }
        let ours = |mark: &Mark| {
            matches!(mark, Mark::Tcp { port, sequence }
                if *port == segment.destination && sequence.wrapping_add(1) == acknowledged)
        };
        let asked = self.open(ours)?;
        asked.observation.retransmits = Some(0);
        Some(asked.ends(arrived, outcome, None))
    }

    /// A datagram on the socket of a flow: it does not say which of ours it answers, so that it counts only where no other can be meant.
    pub(super) fn datagram(
        &mut self,
        to: u16,
        ttl: Option<u8>,
        at: Instant,
        from: IpAddr,
    ) -> Option<Ended> {
        let asked = self.only(
            |mark| matches!(mark, Mark::Udp { port, .. } if *port == to),
            at,
        )?;
        let bytes = &[];
        Some(asked.ends(
            Arrived {
                from,
                bytes,
                ttl,
                at,
            },
            Outcome::Ok,
            None,
        ))
    }

    /// The probe that an ICMP error quotes.
    fn quoted(&mut self, quote: &Quote, at: Instant) -> Option<&mut Asked> {
        let to = self.destination;
        let here = quote.destination == to.ip();
        match quote.transport {
            Transport::Tcp {
                source,
                destination,
                sequence: Some(quoted),
            } => self.open(|mark| {
                // One of the two ends may have been translated; 32 random bits are the probe's own.
                matches!(mark, Mark::Tcp { port, sequence } if *sequence == quoted
                    && (*port == source || (here && destination == to.port())))
            }),
            Transport::Tcp {
                source,
                destination,
                sequence: None,
            } if destination == to.port() => self.only(
                |mark| matches!(mark, Mark::Tcp { port, .. } if *port == source),
                at,
            ),
            Transport::Udp {
                source,
                destination,
                checksum: quoted,
                ..
            } if destination == to.port() => {
                let of_flow =
                    |mark: &Mark| matches!(mark, Mark::Udp { port, .. } if *port == source);
                let by_number = |mark: &Mark| {
                    of_flow(mark)
                        && matches!(mark, Mark::Udp { identification, .. }
                            if Some(*identification) == quote.identification)
                };
                let by_sum = |mark: &Mark| {
                    of_flow(mark)
                        && matches!(mark, Mark::Udp { checksum, .. } if Some(*checksum) == quoted)
                };
                let is_open = |asked: &Asked, fits: &dyn Fn(&Mark) -> bool| {
                    !asked.answered && fits(&asked.mark)
                };
                if self.asked.iter().any(|asked| is_open(asked, &by_number)) {
                    self.open(by_number)
                } else if self
                    .asked
                    .iter()
                    .filter(|asked| is_open(asked, &by_sum))
                    .count()
                    == 1
                {
                    self.open(by_sum)
                } else {
                    self.only(of_flow, at)
                }
            }
            Transport::Icmp {
                kind: 8 | 128,
                id: Some(quoted),
                sequence: Some(number),
                checksum: sum,
                ..
            } => self.open(|mark| {
                matches!(mark, Mark::Icmp { id, sequence, checksum }
                    if (*id, *sequence) == (quoted, number) && (here || Some(*checksum) == sum))
            }),
            _ => None,
        }
    }

    /// The probe that waits for an answer and has this mark.
    fn open(&mut self, fits: impl Fn(&Mark) -> bool) -> Option<&mut Asked> {
        self.asked
            .iter_mut()
            .find(|asked| !asked.answered && fits(&asked.mark))
    }

    /// The only one of late that can be meant.
    fn only(&mut self, fits: impl Fn(&Mark) -> bool, at: Instant) -> Option<&mut Asked> {
        let mut open = self.asked.iter_mut().filter(|asked| {
            !asked.answered
                && fits(&asked.mark)
                && at.saturating_duration_since(asked.began) < LATEST
        });
        let only = open.next();
        only.filter(|_| open.next().is_none())
    }
}

impl Asked {
    fn ends(&mut self, arrived: Arrived<'_>, outcome: Outcome, icmp: Option<Icmp>) -> Ended {
        self.answered = true;
        let heard = Heard {
            outcome,
            icmp,
            ttl: arrived.ttl,
            at: arrived.at,
        };
        heard.ends(self.id, self.began, self.observation.clone())
    }
}

/// The address and port without scope and label.
fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip(), address.port())
}

/// What the quote tells beyond what was sent; none where it tells nothing.
fn tells(
    quote: &Quote,
    extensions: Extensions,
    mark: Mark,
    source: IpAddr,
    destination: SocketAddr,
    tos: u8,
) -> Option<Quoted> {
    let (sent, ports) = match (mark, quote.transport) {
        (
            Mark::Tcp { port, .. } | Mark::Udp { port, .. },
            Transport::Tcp {
                source,
                destination: to,
                ..
            }
            | Transport::Udp {
                source,
                destination: to,
                ..
            },
        ) => (
            (Some(port), Some(destination.port())),
            (Some(source), Some(to)),
        ),
        _ => ((None, None), (None, None)),
    };
    let changed = |was: (IpAddr, Option<u16>), is: (IpAddr, Option<u16>)| {
        (was != is).then(|| Endpoint {
            address: Address::new(is.0),
            port: is.1,
        })
    };
    let mut from = changed((source, sent.0), (quote.source, ports.0));
    if let Some(from) = from.as_mut().filter(|_| sent.0 == ports.0) {
        // The address alone was changed.
        from.port = None;
    }
    let quoted = Quoted {
        ttl: (quote.ttl > 1).then_some(quote.ttl),
        tos: (quote.tos != tos).then_some(quote.tos),
        source: from,
        destination: changed((destination.ip(), sent.1), (quote.destination, ports.1)),
        ..told(extensions)
    };
    (quoted != Quoted::default()).then_some(quoted)
}

#[cfg(test)]
mod tests;
