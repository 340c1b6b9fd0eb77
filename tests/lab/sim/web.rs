//! A net of simulated routers between two real hosts: forks, meshes and arms of unequal length, by flow or by packet.
//!
//! Where the packet goes is a function of its flow (addresses, protocol, ports; for echo the checksum) and the router, so that each flow
//! keeps its way and different flows are spread evenly.

use std::{
    collections::{BTreeSet, hash_map::DefaultHasher},
    hash::{Hash as _, Hasher as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::{Duration, Instant},
};

use super::{
    packet,
    path::{Limit, Packet, Side},
};
use crate::net::Family;

/// At most so many routers are passed, whatever the links are.
const LONGEST: usize = 255;

/// Where a link leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    /// To this router
    Router(usize),
    /// To the server
    Server,
}

#[derive(Clone, Debug)]
struct Router {
    delay: Duration,
    next: Vec<End>,
    by_packet: bool,
    silent: bool,
    dead: bool,
    limit: Option<Limit>,
}

/// A net of routers; the first is the client's gateway.
#[derive(Clone, Debug, Default)]
pub(crate) struct Web {
    routers: Vec<Router>,
    random: u64,
    sent: u64,
}

/// What a trace should find, silent routers left out: who answers at which distance, and which of them follow one another.
#[derive(Debug, PartialEq, Eq, Default)]
pub(crate) struct Truth {
    /// Distance and address.
    pub(crate) nodes: BTreeSet<(u8, IpAddr)>,
    /// The distance of the farther one, and both addresses.
    pub(crate) links: BTreeSet<(u8, IpAddr, IpAddr)>,
}

impl Web {
    /// Layers of so many routers, each router linked with every one of the next layer, the last layer with the server.
    pub(crate) fn layers(widths: &[usize], delay: Duration) -> Self {
        let mut web = Self::default();
        let mut before: Vec<usize> = Vec::new();
        for width in widths {
            let layer: Vec<usize> = (0..*width).map(|_| web.router(delay)).collect();
            for near in &before {
                for far in &layer {
                    web.link(*near, End::Router(*far));
                }
            }
            before = layer;
        }
        for last in before {
            web.link(last, End::Server);
        }
        web
    }

    /// One more router, whose link towards the client takes this long, one way.
    pub(crate) fn router(&mut self, delay: Duration) -> usize {
        self.routers.push(Router {
            delay,
            next: Vec::new(),
            by_packet: false,
            silent: false,
            dead: false,
            limit: None,
        });
        self.routers.len() - 1
    }

    /// Links a router with what lies behind it.
    pub(crate) fn link(&mut self, from: usize, to: End) {
        self.routers[from].next.push(to);
    }

    /// Spreads packets, not flows.
    pub(crate) fn by_packet(mut self, router: usize) -> Self {
        self.routers[router].by_packet = true;
        self
    }

    /// Never says that a packet's time ran out.
    pub(crate) fn silent(mut self, router: usize) -> Self {
        self.routers[router].silent = true;
        self
    }

    /// Passes nothing on, though it answers itself.
    pub(crate) fn dead(mut self, router: usize) -> Self {
        self.routers[router].dead = true;
        self
    }

    /// Answers `burst` times at once, then again each time that `every` has passed.
    pub(crate) fn limited(mut self, router: usize, burst: u32, every: Duration) -> Self {
        self.routers[router].limit = Some(Limit::new(burst, every));
        self
    }

    /// The address from which a router answers.
    pub(crate) fn address(family: Family, router: usize) -> IpAddr {
        let number = u16::try_from(router + 1).expect("not so many routers");
        let [high, low] = number.to_be_bytes();
        match family {
            Family::V4 => Ipv4Addr::new(10, 100, high, low).into(),
            Family::V6 => Ipv6Addr::new(0xfd00, 0x100, 0, 0, 0, 0, 0, number).into(),
        }
    }

    /// What a trace should find.
    pub(crate) fn truth(&self, family: Family, server: IpAddr) -> Truth {
        let mut truth = Truth::default();
        let mut here: BTreeSet<usize> = BTreeSet::from([0]);
        for ttl in 1..=u8::MAX {
            let mut beyond = BTreeSet::new();
            for &router in &here {
                let from = Self::address(family, router);
                let Router {
                    silent,
                    dead,
                    ref next,
                    ..
                } = self.routers[router];
                if !silent {
                    truth.nodes.insert((ttl, from));
                }
                for end in next.iter().filter(|_| !dead) {
                    let (to, answers) = match *end {
                        End::Server => {
                            truth.nodes.insert((ttl + 1, server));
                            (server, true)
                        }
                        End::Router(next) => {
                            beyond.insert(next);
                            (Self::address(family, next), !self.routers[next].silent)
                        }
                    };
                    if answers && !silent {
                        truth.links.insert((ttl + 1, from, to));
                    }
                }
            }
            if beyond.is_empty() {
                break;
            }
            here = beyond;
        }
        truth
    }

    /// What becomes of a packet that one end sent.
    pub(super) fn take(&mut self, from: Side, bytes: &[u8], now: Instant) -> Option<Packet> {
        let family = packet::family(bytes)?;
        let flow = packet::flow(bytes)?;
        let mut ttl = packet::ttl(bytes)?;
        let mut travelled = Duration::ZERO;
        let mut at = End::Router(0);
        for passed in 0..LONGEST {
            let End::Router(here) = at else { break };
            travelled += self.routers[here].delay;
            if from == Side::Client && ttl <= 1 {
                return self.expire(family, here, passed, bytes, now + travelled * 2);
            }
            // The way back is as long, and nothing dies on it.
            ttl = ttl.saturating_sub(1);
            if from == Side::Client && self.routers[here].dead {
                return None;
            }
            at = self.next(here, flow)?;
        }
        let to = match from {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        };
        let mut bytes = bytes.to_vec();
        packet::set_ttl(&mut bytes, ttl.max(1));
        self.sent += 1;
        Some(Packet::new(now + travelled, to, bytes, self.sent))
    }

    fn next(&mut self, here: usize, flow: u64) -> Option<End> {
        let width = self.routers[here].next.len() as u64;
        let choice = if self.routers[here].by_packet {
            self.random = self
                .random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            self.random >> 33
        } else {
            let mut hasher = DefaultHasher::new();
            (flow, here).hash(&mut hasher);
            hasher.finish() >> 7
        };
        let chosen = usize::try_from(choice.checked_rem(width)?).ok()?;
        self.routers[here].next.get(chosen).copied()
    }

    fn expire(
        &mut self,
        family: Family,
        here: usize,
        passed: usize,
        bytes: &[u8],
        due: Instant,
    ) -> Option<Packet> {
        let router = &mut self.routers[here];
        if router.silent
            || router
                .limit
                .as_mut()
                .is_some_and(|limit| !limit.admits(due))
        {
            return None;
        }
        let mut expired = bytes.to_vec();
        packet::set_ttl(&mut expired, 1);
        let ttl = 64_u8.saturating_sub(u8::try_from(passed).unwrap_or(u8::MAX));
        let answer = packet::time_exceeded(Self::address(family, here), &expired, ttl)?;
        self.sent += 1;
        Some(Packet::new(due, Side::Client, answer, self.sent))
    }
}
