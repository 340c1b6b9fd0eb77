//! A net of simulated routers between two real hosts: forks, meshes and arms of unequal length, by flow or by packet.
//!
//! Where the packet goes is a function of its flow (addresses, protocol, ports; for echo the checksum) and the router, so that each flow
//! keeps its way and different flows are spread evenly.

use std::{
    collections::{BTreeMap, BTreeSet, hash_map::DefaultHasher},
    hash::{Hash as _, Hasher as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::{Duration, Instant},
};

use super::{
    odd::{self, Oddity, Translates, Translator},
    packet::{self, Field},
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
    odd: Oddity,
}

/// A net of routers; the first is the client's gateway.
#[derive(Clone, Debug, Default)]
pub(crate) struct Web {
    routers: Vec<Router>,
    last: Duration,
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

impl Truth {
    /// What a report of nwcheck tells of the path to its first address; nodes that did not answer are left out.
    pub(crate) fn told(report: &serde_json::Value) -> Self {
        let path = &report["endpoints"][0]["path"];
        let list = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
        let ttl = |value: &serde_json::Value| value.as_u64().and_then(|ttl| u8::try_from(ttl).ok());
        let mut truth = Self::default();
        let mut names = BTreeMap::new();
        for hop in list(&path["hops"]) {
            for node in list(&hop["nodes"]) {
                let address = node["address"].as_str().and_then(|text| text.parse().ok());
                if let (Some(address), Some(ttl)) = (address, ttl(&hop["ttl"])) {
                    names.insert(node["id"].as_str().unwrap_or_default().to_owned(), address);
                    truth.nodes.insert((ttl, address));
                }
            }
        }
        for link in list(&path["links"]) {
            let end = |key: &str| link[key].as_str().and_then(|id| names.get(id));
            if let (Some(from), Some(to), Some(ttl)) = (end("from"), end("to"), ttl(&link["ttl"])) {
                truth.links.insert((ttl, *from, *to));
            }
        }
        truth
    }
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
            odd: Oddity::default(),
        });
        self.routers.len() - 1
    }

    /// Links a router with what lies behind it.
    pub(crate) fn link(&mut self, from: usize, to: End) {
        self.routers[from].next.push(to);
    }

    /// The server's link takes this long, one way.
    pub(crate) fn server_after(mut self, delay: Duration) -> Self {
        self.last = delay;
        self
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

    /// Its errors carry a label stack: label, class and TTL of each entry, the outermost first.
    pub(crate) fn labelled(mut self, router: usize, stack: &[(u32, u8, u8)]) -> Self {
        self.routers[router].odd.labels(stack);
        self
    }

    /// Its errors tell the interface that a packet came in by: index, name and MTU.
    pub(crate) fn interface(mut self, router: usize, index: u32, name: &str, mtu: u32) -> Self {
        self.routers[router].odd.interface(index, name, mtu);
        self
    }

    /// Its errors quote this TTL.
    pub(crate) fn quotes_ttl(mut self, router: usize, ttl: u8) -> Self {
        self.routers[router].odd.quoted_ttl = Some(ttl);
        self
    }

    /// Gives what it passes on this type of service.
    pub(crate) fn marks(mut self, router: usize, tos: u8) -> Self {
        self.routers[router].odd.tos = Some(tos);
        self
    }

    /// Translates the source of what it passes on.
    pub(crate) fn translates(mut self, router: usize, what: Translates) -> Self {
        self.routers[router].odd.translator = Some(Translator::new(what));
        self
    }

    /// Sends forged answers before its own.
    pub(crate) fn forges(mut self, router: usize) -> Self {
        self.routers[router].odd.forges = true;
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

    /// What becomes of a packet that one end sent: what is delivered for it, first to last.
    pub(super) fn take(&mut self, from: Side, bytes: &[u8], now: Instant) -> Vec<Packet> {
        self.pass(from, bytes, now).unwrap_or_default()
    }

    fn pass(&mut self, from: Side, bytes: &[u8], now: Instant) -> Option<Vec<Packet>> {
        let family = packet::family(bytes)?;
        let flow = packet::flow(bytes)?;
        let mut ttl = packet::ttl(bytes)?;
        let mut bytes = bytes.to_vec();
        let mut travelled = Duration::ZERO;
        let mut at = End::Router(0);
        let mut passed = Vec::new();
        while passed.len() < LONGEST {
            let End::Router(here) = at else { break };
            travelled += self.routers[here].delay;
            if from == Side::Client && ttl <= 1 {
                return self.expire(family, here, &passed, &bytes, now + travelled * 2);
            }
            // The way back is as long, and nothing dies on it.
            ttl = ttl.saturating_sub(1);
            if from == Side::Client && self.routers[here].dead {
                return None;
            }
            at = self.next(here, flow)?;
            let odd = &mut self.routers[here].odd;
            if from == Side::Client {
                if let Some(tos) = odd.tos {
                    packet::set_tos(&mut bytes, tos);
                }
                if let Some(translator) = &mut odd.translator {
                    translator.out(family, &mut bytes);
                }
            } else if let Some(translator) = &odd.translator {
                translator.inwards(family, &mut bytes);
            }
            passed.push(here);
        }
        let to = match from {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        };
        travelled += self.last;
        packet::set_ttl(&mut bytes, ttl.max(1));
        self.sent += 1;
        Some(vec![Packet::new(now + travelled, to, bytes, self.sent)])
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
        passed: &[usize],
        bytes: &[u8],
        due: Instant,
    ) -> Option<Vec<Packet>> {
        let router = &mut self.routers[here];
        if router.silent
            || router
                .limit
                .as_mut()
                .is_some_and(|limit| !limit.admits(due))
        {
            return None;
        }
        let odd = router.odd.clone();
        let mut expired = bytes.to_vec();
        packet::set_ttl(&mut expired, odd.quoted_ttl.unwrap_or(1));
        // Whoever translates brings the answer back; what is quoted only where it translates that as well.
        let mut inside = bytes.to_vec();
        for &translator in passed.iter().rev() {
            if let Some(translator) = &self.routers[translator].odd.translator {
                translator.back(family, &mut inside, Field::Source);
                if translator.quotes() {
                    translator.back(family, &mut expired, Field::Source);
                }
            }
        }
        let to = packet::address(&inside, Field::Source)?;
        let ttl = 64_u8.saturating_sub(u8::try_from(passed.len()).unwrap_or(u8::MAX));
        let mut answers = if odd.forges {
            odd::forged(family, &inside, ttl)
        } else {
            Vec::new()
        };
        let router = Self::address(family, here);
        answers.push(packet::time_exceeded(
            router,
            to,
            &expired,
            ttl,
            &odd.extension(),
        )?);
        let answers = answers.into_iter().map(|answer| {
            self.sent += 1;
            Packet::new(due, Side::Client, answer, self.sent)
        });
        Some(answers.collect())
    }
}
