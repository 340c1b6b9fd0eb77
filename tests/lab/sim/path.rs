//! What the routers of a simulated path do with a packet: a function of the packet, the time and the routers' state.

use std::{
    cmp::{Ordering, Reverse},
    net::IpAddr,
    time::{Duration, Instant},
};

use super::packet;
use crate::{net::Family, topology::host};

/// A router, and the link on the client's side of it.
#[derive(Clone, Debug)]
pub(crate) struct Router {
    delay: Duration,
    jitter: Duration,
    loss_percent: u8,
    silent: bool,
    limit: Option<Limit>,
    hold: Duration,
    first_seen: Option<Instant>,
}

impl Router {
    /// A router whose link towards the client takes this long, one way.
    pub(crate) fn after(delay: Duration) -> Self {
        Self {
            delay,
            jitter: Duration::ZERO,
            loss_percent: 0,
            silent: false,
            limit: None,
            hold: Duration::ZERO,
            first_seen: None,
        }
    }

    /// Loses this share of what it should pass on, in both directions.
    pub(crate) fn loses(mut self, percent: u8) -> Self {
        self.loss_percent = percent;
        self
    }

    /// Holds each packet for up to this long, each for a time of its own: packets overtake one another.
    pub(crate) fn jitters(mut self, most: Duration) -> Self {
        self.jitter = most;
        self
    }

    /// Holds its first packets until so long after the very first, as while it looks for a neighbour.
    pub(crate) fn holds(mut self, most: Duration) -> Self {
        self.hold = most;
        self
    }

    /// Never says that a packet's time ran out.
    pub(crate) fn silent(mut self) -> Self {
        self.silent = true;
        self
    }

    /// Says so `burst` times at once, then again each time that `every` has passed.
    pub(crate) fn limited(mut self, burst: u32, every: Duration) -> Self {
        self.limit = Some(Limit::new(burst, every));
        self
    }
}

/// A token bucket.
#[derive(Clone, Debug)]
pub(super) struct Limit {
    burst: u32,
    every: Duration,
    tokens: u32,
    filled: Option<Instant>,
}

impl Limit {
    pub(super) fn new(burst: u32, every: Duration) -> Self {
        Self {
            burst,
            every,
            tokens: burst,
            filled: None,
        }
    }

    pub(super) fn admits(&mut self, now: Instant) -> bool {
        let filled = *self.filled.get_or_insert(now);
        let due = now.saturating_duration_since(filled).as_nanos() / self.every.as_nanos().max(1);
        if let Ok(due @ 1..) = u32::try_from(due) {
            self.tokens = self.tokens.saturating_add(due).min(self.burst);
            self.filled = Some(filled + self.every * due);
        }
        let admitted = self.tokens > 0;
        self.tokens = self.tokens.saturating_sub(1);
        admitted
    }
}

/// An end of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The client's
    Client,
    /// The server's
    Server,
}

/// A packet on its way; the greatest is the one that is due first.
pub(super) struct Packet {
    pub(super) due: Instant,
    pub(super) to: Side,
    pub(super) bytes: Vec<u8>,
    number: u64,
}

impl Packet {
    pub(super) const fn new(due: Instant, to: Side, bytes: Vec<u8>, number: u64) -> Self {
        Self {
            due,
            to,
            bytes,
            number,
        }
    }
}

/// The routers between the ends.
pub(super) struct Path {
    routers: Vec<Router>,
    last: Duration,
    random: u64,
    sent: u64,
}

impl Path {
    pub(super) fn new(routers: Vec<Router>, last: Duration) -> Self {
        Self {
            routers,
            last,
            random: 0x9e37_79b9_7f4a_7c15,
            sent: 0,
        }
    }

    /// What becomes of a packet that one end sent: it arrives at the other, or an answer comes back, or nothing.
    pub(super) fn take(&mut self, from: Side, bytes: &[u8], now: Instant) -> Option<Packet> {
        let family = packet::family(bytes)?;
        let count = self.routers.len();
        let mut ttl = packet::ttl(bytes)?;
        let mut travelled = Duration::ZERO;
        let mut held = Duration::ZERO;
        for step in 0..count {
            // Routers are counted from the client; the server's packets pass them the other way round.
            let k = match from {
                Side::Client => step,
                Side::Server => count - 1 - step,
            };
            travelled += match from {
                Side::Client => self.routers[k].delay,
                Side::Server => self.routers.get(k + 1).map_or(self.last, |next| next.delay),
            };
            travelled += self.routers[k].jitter * u32::from(self.chance()) / 100;
            let router = &mut self.routers[k];
            let passes = *router.first_seen.get_or_insert(now) + router.hold;
            held += passes.saturating_duration_since(now + travelled + held);
            if ttl <= 1 {
                return self.expire(from, family, k, bytes, now + travelled * 2 + held);
            }
            ttl -= 1;
            if self.chance() < self.routers[k].loss_percent {
                return None;
            }
        }
        travelled += match from {
            Side::Client => self.last,
            Side::Server => self.routers.first().map_or(self.last, |first| first.delay),
        };
        let mut bytes = bytes.to_vec();
        packet::set_ttl(&mut bytes, ttl);
        let to = match from {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        };
        Some(self.packet(now + travelled + held, to, bytes))
    }

    /// Router `k`, from 0, says that the packet's time ran out, or does not.
    fn expire(
        &mut self,
        from: Side,
        family: Family,
        k: usize,
        bytes: &[u8],
        due: Instant,
    ) -> Option<Packet> {
        let router = &mut self.routers[k];
        if router.silent {
            return None;
        }
        if let Some(limit) = &mut router.limit
            && !limit.admits(due)
        {
            return None;
        }
        let address: IpAddr = host(family, k, 2);
        let mut expired = bytes.to_vec();
        packet::set_ttl(&mut expired, 1);
        let back = match from {
            Side::Client => k,
            Side::Server => self.routers.len() - 1 - k,
        };
        let ttl = 64_u8.saturating_sub(u8::try_from(back).unwrap_or(u8::MAX));
        let to = packet::address(bytes, packet::Field::Source)?;
        let answer = packet::time_exceeded(address, to, &expired, ttl, &[])?;
        Some(self.packet(due, from, answer))
    }

    fn packet(&mut self, due: Instant, to: Side, bytes: Vec<u8>) -> Packet {
        self.sent += 1;
        Packet::new(due, to, bytes, self.sent)
    }

    /// 0 to 99, the same numbers in every run (xorshift64).
    fn chance(&mut self) -> u8 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        u8::try_from(self.random % 100).unwrap_or(0)
    }
}

impl Ord for Packet {
    fn cmp(&self, other: &Self) -> Ordering {
        Reverse((self.due, self.number)).cmp(&Reverse((other.due, other.number)))
    }
}

impl PartialOrd for Packet {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Packet {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Packet {}
