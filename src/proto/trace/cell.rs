//! One flow at one TTL: how often it was asked, and what was answered.

use std::net::IpAddr;

use super::probe::{AnswerKind, Micros};

#[derive(Clone, Copy, Debug)]
pub(super) struct Reply {
    pub(super) from: IpAddr,
    pub(super) kind: AnswerKind,
    pub(super) rtt: Micros,
}

/// One flow at one TTL.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    pub(super) asks: u8,
    pub(super) unsent: u8,
    pub(super) flying: u8,
    pub(super) misses: u8,
    pub(super) first_asked: Micros,
    pub(super) last_asked: Micros,
    pub(super) overdue_at: Micros,
    pub(super) replies: Vec<Reply>,
}

impl Cell {
    /// What this flow meets at this TTL. An arrival outweighs a router's answer, and that a refusal: what
    /// went through once is not closed.
    pub(super) fn outcome(&self) -> Option<&Reply> {
        let weight = |reply: &&Reply| match reply.kind {
            AnswerKind::Arrived => 0,
            AnswerKind::TimeExceeded => 1,
            AnswerKind::Unreachable { .. } => 2,
        };
        match self.replies.as_slice() {
            [only] => Some(only),
            several => several.iter().min_by_key(weight),
        }
    }

    /// Whether probes of the one flow were answered by different routers.
    pub(super) fn moved(&self) -> bool {
        if self.replies.len() < 2 {
            return false;
        }
        let mut routers = self
            .replies
            .iter()
            .filter(|reply| reply.kind == AnswerKind::TimeExceeded);
        let first = routers.next();
        first.is_some_and(|first| routers.any(|reply| reply.from != first.from))
    }

    /// Asked, and without an answer for longer than one is expected to take.
    pub(super) fn is_overdue(&self, now: Micros) -> bool {
        self.asks > 0 && self.replies.is_empty() && (self.misses > 0 || now >= self.overdue_at)
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Flow {
    pub(super) cells: Vec<Cell>,
    /// The TTLs that were asked are inside `low..=high`.
    pub(super) low: u8,
    pub(super) high: u8,
    pub(super) flying: u16,
    pub(super) arrived: bool,
    /// A probe of it was not answered in time.
    pub(super) missed: bool,
    /// A router answered it at two TTLs: it may go in a circle.
    pub(super) repeats: bool,
    /// The greatest TTL at which a router answered; 0 where none did.
    pub(super) farthest: u8,
}
