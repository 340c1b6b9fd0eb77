//! A simulated network in virtual time: routers with delay, loss, silence, rate limits and balancing.
//!
//! It knows the truth (nodes and links by TTL), so that what a tracer reports can be held against it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use nwcheck::proto::trace::{Answer, AnswerKind, Micros};

/// How a router chooses between its next hops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spread {
    PerFlow,
    PerPacket,
}

/// What becomes of a probe that expires here, or arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    Answers,
    Silent,
    /// So many in a burst, then one each so many microseconds.
    Limited {
        burst: u32,
        every: u64,
    },
    /// Answers nothing and forwards nothing.
    Drops,
    /// Forwards nothing and says so.
    Refuses(u16),
}

#[derive(Clone, Debug)]
pub(crate) struct Router {
    pub(crate) address: IpAddr,
    pub(crate) next: Vec<usize>,
    pub(crate) spread: Spread,
    pub(crate) manner: Manner,
    /// One way, from the router before.
    pub(crate) delay: u64,
    pub(crate) loss_percent: u64,
    tokens: Option<(u64, u64)>,
}

/// A network: router 0 is the first hop; the one without a next hop is the destination.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    pub(crate) routers: Vec<Router>,
    pub(crate) salt: u64,
    /// Up to so many microseconds come on top of each round trip: answers overtake each other.
    pub(crate) jitter: u64,
    /// Packets that come to this hop or beyond, from 0, before this instant are held there until then.
    pub(crate) held: Option<(u64, Micros)>,
    /// Probes that have come to the destination, answered or not.
    pub(crate) arrivals: u16,
    packets: u64,
}

pub(crate) fn address(index: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(0x0a00_0001 + u32::try_from(index).unwrap()))
}

impl Network {
    /// Layers of routers; each router of a layer is linked to those of the next that `linked` says.
    pub(crate) fn layers(widths: &[usize], linked: impl Fn(usize, usize, usize) -> bool) -> Self {
        let mut routers = Vec::new();
        let mut starts = Vec::new();
        for &width in widths {
            starts.push(routers.len());
            for _ in 0..width {
                let address = address(routers.len());
                routers.push(Router {
                    address,
                    next: Vec::new(),
                    spread: Spread::PerFlow,
                    manner: Manner::Answers,
                    delay: 2000,
                    loss_percent: 0,
                    tokens: None,
                });
            }
        }
        for layer in 0..widths.len() - 1 {
            for from in 0..widths[layer] {
                for to in 0..widths[layer + 1] {
                    if linked(layer, from, to) {
                        routers[starts[layer] + from]
                            .next
                            .push(starts[layer + 1] + to);
                    }
                }
            }
        }
        Self {
            routers,
            salt: 0,
            jitter: 0,
            held: None,
            arrivals: 0,
            packets: 0,
        }
    }

    /// Every router of a layer linked to every one of the next.
    pub(crate) fn full(widths: &[usize]) -> Self {
        Self::layers(widths, |_, _, _| true)
    }

    pub(crate) fn straight(hops: usize) -> Self {
        Self::full(&vec![1; hops])
    }

    pub(crate) fn salted(mut self, salt: u64) -> Self {
        self.salt = salt;
        self
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Vec<Router>)) -> Self {
        change(&mut self.routers);
        self
    }

    /// Sends a probe; the answer and when it is there, if there is one.
    pub(crate) fn send(&mut self, flow: u16, ttl: u8, now: Micros) -> Option<(Micros, Answer)> {
        self.packets += 1;
        let mut at = 0;
        let mut way = self.routers[0].delay;
        let mut left = ttl;
        for step in 0..=u64::from(ttl) {
            let dice = mix(self.salt ^ mix(self.packets) ^ mix(step + 77));
            let router = &self.routers[at];
            if router.manner == Manner::Drops || dice % 100 < router.loss_percent {
                return None;
            }
            let kind = if router.next.is_empty() {
                Some(AnswerKind::Arrived)
            } else if let Manner::Refuses(code) = router.manner {
                Some(AnswerKind::Unreachable { code })
            } else if left == 1 {
                Some(AnswerKind::TimeExceeded)
            } else {
                None
            };
            if let Some(kind) = kind {
                self.arrivals += u16::from(kind == AnswerKind::Arrived);
                let held = self.held.filter(|(from, _)| step >= *from);
                let wait = held.map_or(Micros(0), |(_, until)| until.minus(now));
                return self.answer(at, kind, way, (now, wait));
            }
            let hash = match router.spread {
                Spread::PerFlow => mix(self.salt ^ mix(u64::from(flow) << 16) ^ mix(at as u64 + 1)),
                Spread::PerPacket => dice / 100,
            };
            at = router.next[usize::try_from(hash % router.next.len() as u64).unwrap()];
            way += self.routers[at].delay;
            left -= 1;
        }
        None
    }

    fn answer(
        &mut self,
        at: usize,
        kind: AnswerKind,
        way: u64,
        (now, wait): (Micros, Micros),
    ) -> Option<(Micros, Answer)> {
        let router = &mut self.routers[at];
        match router.manner {
            Manner::Silent | Manner::Drops => return None,
            Manner::Limited { burst, every } => {
                let (tokens, since) = router.tokens.unwrap_or((u64::from(burst) * every, 0));
                let tokens = (tokens + now.0.saturating_sub(since)).min(u64::from(burst) * every);
                router.tokens = Some((tokens, now.0));
                if tokens < every {
                    return None;
                }
                router.tokens = Some((tokens - every, now.0));
            }
            Manner::Answers | Manner::Refuses(_) => {}
        }
        let jitter = mix(self.salt ^ mix(self.packets ^ 0x0711_7e12)) % (self.jitter + 1);
        let rtt = Micros(way * 2 + jitter + wait.0);
        Some((
            now.plus(rtt),
            Answer {
                from: router.address,
                kind,
                rtt,
            },
        ))
    }

    /// The routers that answer at each TTL, as `(ttl, address)`; the destination is not among them.
    pub(crate) fn nodes(&self) -> BTreeSet<(u8, IpAddr)> {
        let mut nodes = BTreeSet::new();
        for (ttl, layer) in self.reach() {
            for at in layer {
                let mute = matches!(self.routers[at].manner, Manner::Silent | Manner::Drops);
                if !self.routers[at].next.is_empty() && !mute {
                    nodes.insert((ttl, self.routers[at].address));
                }
            }
        }
        nodes
    }

    /// The links, as `(ttl of the farther end, from, to)`.
    pub(crate) fn links(&self) -> BTreeSet<(u8, IpAddr, IpAddr)> {
        let mut links = BTreeSet::new();
        for (ttl, layer) in self.reach() {
            for at in layer {
                let router = &self.routers[at];
                for &next in &router.next {
                    links.insert((ttl + 1, router.address, self.routers[next].address));
                }
            }
        }
        links
    }

    fn reach(&self) -> BTreeMap<u8, BTreeSet<usize>> {
        let mut reach = BTreeMap::from([(1, BTreeSet::from([0]))]);
        for ttl in 1..=60_u8 {
            let next: BTreeSet<usize> = reach
                .get(&ttl)
                .into_iter()
                .flatten()
                .filter(|&&at| {
                    !matches!(self.routers[at].manner, Manner::Drops | Manner::Refuses(_))
                })
                .flat_map(|&at| self.routers[at].next.clone())
                .collect();
            if next.is_empty() {
                break;
            }
            reach.insert(ttl + 1, next);
        }
        reach
    }
}

/// splitmix64's finish: well spread, and the same everywhere.
pub(crate) fn mix(value: u64) -> u64 {
    let mut mixed = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
