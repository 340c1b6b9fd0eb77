//! Near hops that another trace of the process has learnt: verified at the last of them, then taken over.
//!
//! A router limits its answers per asker (Linux: `net/ipv4/icmp.c`, `icmpv4_xrlim_allow`), and all traces of a process are one asker to
//! it: asked anew by each, a hop that answered the first would look silent to the second. Only the main flow asks here, and only as much
//! as it takes to see that this path begins in the same way.

use std::net::IpAddr;

use super::graph::{Balancing, Graph, Role};
use super::probe::{AnswerKind, Micros};
use super::state::{MAIN, State};

/// Round trips of one hop that are handed on.
const RTTS_MAX: usize = 64;

/// The hops that all flows pass one after the other before the paths part, as [`Graph::trunk`] gives them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trunk {
    /// The TTL of the first hop. A trace that begins at another TTL takes nothing over.
    pub first_ttl: u8,
    /// One hop a TTL, without gaps; the last one has an address.
    pub hops: Vec<TrunkHop>,
}

/// One hop of a [`Trunk`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrunkHop {
    /// Who answered; `None` for a silent one.
    pub address: Option<IpAddr>,
    /// Probes to it.
    pub sent: u32,
    /// Answers from it.
    pub answered: u32,
    /// Round trips, 64 at most.
    pub rtts: Vec<Micros>,
    /// It was seen to answer only so many probes a second.
    pub limited: bool,
}

impl Trunk {
    /// The part that a trace over these TTLs can use: nothing, or hops that end with an address.
    pub(super) fn bounded(mut self, first_ttl: u8, max_ttl: u8) -> Self {
        if self.first_ttl != first_ttl {
            return Self::default();
        }
        self.hops.truncate(usize::from(max_ttl - first_ttl));
        while self.hops.last().is_some_and(|hop| hop.address.is_none()) {
            self.hops.pop();
        }
        for hop in &mut self.hops {
            hop.rtts.truncate(RTTS_MAX);
        }
        self
    }

    pub(super) fn hop(&self, ttl: u8) -> Option<&TrunkHop> {
        self.hops.get(usize::from(ttl.checked_sub(self.first_ttl)?))
    }

    /// The TTL of its last hop.
    pub(super) fn last_ttl(&self) -> Option<u8> {
        let hops = u8::try_from(self.hops.len()).ok()?;
        Some(self.first_ttl.saturating_add(hops.checked_sub(1)?))
    }
}

/// The TTL up to which the trunk is this path's too: the last at which the main flow was answered as the trunk says, with no other
/// answer before it.
pub(super) fn verified_to(state: &State) -> Option<u8> {
    let trunk = &state.config.trunk;
    let mut verified = None;
    for ttl in trunk.first_ttl..=trunk.last_ttl()? {
        let known = trunk.hop(ttl)?.address;
        let Some(reply) = state.cell(MAIN, ttl).and_then(|cell| cell.outcome()) else {
            continue;
        };
        let is_router = reply.kind == AnswerKind::TimeExceeded;
        match known {
            Some(address) if is_router && reply.from == address => verified = Some(ttl),
            None if is_router => {}
            Some(_) | None => break,
        }
    }
    verified
}

/// The first TTL at which this trace has to look itself. While the last hop of the trunk is being asked, that one; where it does not
/// answer as expected, the nearer hops are asked too.
pub(super) fn first_asked(state: &State) -> u8 {
    let first = state.config.first_ttl;
    let Some(last) = state.config.trunk.last_ttl() else {
        return first;
    };
    if is_asked(state) {
        return last;
    }
    verified_to(state).map_or(first, |ttl| ttl.saturating_add(1))
}

/// Whether it is still to be seen if the path passes the last hop of the trunk.
pub(super) fn is_asked(state: &State) -> bool {
    let last = state.config.trunk.last_ttl();
    last.is_some_and(|last| {
        let answered = state.cell(MAIN, last).and_then(|cell| cell.outcome());
        answered.is_none() && !state.trunk_doubted
    })
}

impl Graph {
    /// The near hops that another trace from here, to whatever destination, may take over: from the first TTL on, as long as there is one
    /// node a TTL and the stopping rule was satisfied there. Where one path was asked for there is no such rule, and each hop of it counts.
    #[must_use]
    pub fn trunk(&self) -> Trunk {
        let mut trunk = Trunk {
            first_ttl: self.hops.first().map_or(0, |hop| hop.ttl),
            hops: Vec::new(),
        };
        for (ttl, hop) in (trunk.first_ttl..).zip(&self.hops) {
            let [node] = hop.nodes.as_slice() else { break };
            let searched = !self.examinations.is_empty() && !node.from_trunk;
            let examined = !searched
                || self
                    .examinations
                    .iter()
                    .any(|one| one.ttl == ttl && one.found == 1 && one.flows >= one.required);
            let usable = matches!(node.role, Role::Router | Role::Silent)
                && node.balancing != Balancing::PerPacket;
            if hop.ttl != ttl || !usable || !examined {
                break;
            }
            trunk.hops.push(TrunkHop {
                address: node.address,
                sent: node.sent,
                answered: node.answered,
                rtts: node.rtts.iter().copied().take(RTTS_MAX).collect(),
                limited: node.limited,
            });
        }
        let first_ttl = trunk.first_ttl;
        trunk.bounded(first_ttl, u8::MAX)
    }
}
