//! What was asked and what was answered: flows by TTLs, the log of probes, and what is waited for.
//!
//! Facts only: what to ask next is decided in `walk` and `multipath`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::arrivals::{HELD, Risk, patience_for};
use super::cell::{Cell, Flow, Reply};
use super::config::Config;
use super::pacing::HopPace;
use super::probe::{Answer, AnswerKind, FlowId, Micros, Probe, ProbeId};

/// The flow that walks the whole path first.
pub(super) const MAIN: usize = 0;
/// Answers kept for one flow at one TTL; more are counted and dropped.
const REPLIES_MAX: usize = 16;
/// Questions of one flow to a hop that is known to limit its answers.
const LIMITED_ASKS: u8 = 8;
/// So many flows that stay silent behind a router show that one of its next hops is.
const SILENT_FLOWS: u32 = 2;
/// Out of answers, a router at one a second (Linux `icmpv4_xrlim_allow`) answers a probe so soon after the one left out once in 20 times.
const NEXT: Micros = Micros::from_millis(50);

/// What happened to probes and answers, for the report and for tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Probes that were sent.
    pub sent: u32,
    /// Probes that were answered, in time or late.
    pub answered: u32,
    /// Of these, answered after their time-out.
    pub late: u32,
    /// Probes that timed out and were not answered later.
    pub lost: u32,
    /// Second and further answers to one probe.
    pub duplicates: u32,
    /// Answers to probes that were never sent.
    pub unknown: u32,
    /// Probes that could not be sent.
    pub unsendable: u32,
}

/// How far a probe has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Proposed,
    Sent,
    Expired,
    Answered,
    Unsent,
}

/// A probe, and what has become of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) flow: usize,
    pub(super) ttl: u8,
    pub(super) standing: Standing,
    pub(super) sent_at: Micros,
    pub(super) overdue_at: Micros,
    pub(super) expires_at: Micros,
    pub(super) noticed: bool,
    pub(super) risk: Risk,
    pub(super) far: bool,
}

/// Whether the destination answers anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Destination {
    Unknown,
    Answers,
    Silent,
}

pub(super) struct State {
    pub(super) config: Config,
    pub(super) flows: Vec<Flow>,
    pub(super) hops: Vec<HopPace>,
    pub(super) limited: BTreeSet<IpAddr>,
    /// What flows met one TTL after a router: how many silence for good, how many an answer.
    after: BTreeMap<(u8, IpAddr), (u32, u32)>,
    /// The routers that answered, by TTL.
    routers: Vec<BTreeSet<IpAddr>>,
    pub(super) counters: Counters,
    pub(super) arrivals: u16,
    /// Of these, the ones that count against the trace's own bound.
    pub(super) charged: u16,
    /// The least TTL at which a probe arrived.
    pub(super) distance: Option<u8>,
    /// So many flows, the first ones, are followed to their end.
    pub(super) followed: u16,
    /// The last hop of the trunk took longer than an answer takes.
    pub(super) trunk_doubted: bool,
    pub(super) destination: Destination,
    /// A distance learnt elsewhere: TTLs below it are taken not to arrive.
    pub(super) estimate: Option<u8>,
    /// The far probe was sent: one to the last TTL, to see whether anything answers there at all.
    pub(super) far_asked: bool,
    pub(super) far_rtt: Option<Micros>,
    /// The round trip to the destination, where another probe's is known.
    pub(super) destination_rtt: Option<Micros>,
    pub(super) log: Vec<Record>,
    waiting: Vec<usize>,
    /// Probes without an answer that may yet arrive on the trace's account.
    pub(super) risky: Vec<usize>,
    /// The greatest TTL at which a router answered any flow.
    pub(super) highest_router: u8,
    greatest_rtt: Option<Micros>,
}

impl State {
    pub(super) fn new(config: Config) -> Self {
        let destination = match config.destination_answers {
            None => Destination::Unknown,
            Some(true) => Destination::Answers,
            Some(false) => Destination::Silent,
        };
        let hops = vec![HopPace::default(); usize::from(config.max_ttl) + 2];
        let routers = vec![BTreeSet::new(); hops.len()];
        Self {
            config,
            flows: Vec::new(),
            hops,
            limited: BTreeSet::new(),
            after: BTreeMap::new(),
            routers,
            counters: Counters::default(),
            arrivals: 0,
            charged: 0,
            distance: None,
            followed: 0,
            trunk_doubted: false,
            destination,
            estimate: None,
            far_asked: false,
            far_rtt: None,
            destination_rtt: None,
            log: Vec::new(),
            waiting: Vec::new(),
            risky: Vec::new(),
            highest_router: 0,
            greatest_rtt: None,
        }
    }

    pub(super) fn cell(&self, flow: usize, ttl: u8) -> Option<&Cell> {
        self.flows.get(flow)?.cells.get(usize::from(ttl))
    }

    pub(super) fn is_asked(&self, flow: usize, ttl: u8) -> bool {
        self.cell(flow, ttl).is_some_and(|cell| cell.asks > 0)
    }

    pub(super) fn hop(&self, ttl: u8) -> Option<&HopPace> {
        self.hops.get(usize::from(ttl))
    }

    pub(super) fn in_flight(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn proposed(&self) -> usize {
        self.log.len()
    }

    /// A probe of this flow is on its way that may be its arrival.
    pub(super) fn is_arriving(&self, flow: usize) -> bool {
        self.flying()
            .any(|record| record.flow == flow && record.risk == Risk::Own)
    }

    /// Whether this probe waits for its answer.
    pub(super) fn is_under_way(&self, id: ProbeId) -> bool {
        usize::try_from(id.0).is_ok_and(|index| self.waiting.contains(&index))
    }

    pub(super) fn flying(&self) -> impl Iterator<Item = &Record> {
        self.waiting.iter().filter_map(|&index| self.log.get(index))
    }

    /// A router at this TTL or beyond answered the flow: it does not arrive before.
    pub(super) fn goes_on_beyond(&self, flow: usize, ttl: u8) -> bool {
        self.flows.get(flow).is_some_and(|row| row.farthest >= ttl)
    }

    /// When this flow should ask this TTL again; `None` where there is nothing to repeat.
    pub(super) fn reask_at(&self, flow: usize, ttl: u8) -> Option<Micros> {
        let cell = self.cell(flow, ttl)?;
        if cell.asks == 0 || cell.flying > 0 || !cell.replies.is_empty() {
            return None;
        }
        let hop = self.hop(ttl)?;
        let full = self.config.reasks.saturating_add(1);
        let opens_silence = self.opens_silence(flow, ttl);
        let arrives_from = self.arrives_from(flow);
        let asks = if flow < usize::from(self.followed) && arrives_from == Some(ttl) {
            full
        } else if arrives_from.is_some_and(|from| ttl > from) {
            1
        } else if hop.is_helped() {
            full.max(LIMITED_ASKS)
        } else if flow != MAIN && self.is_known_silence(flow, ttl) {
            1
        } else if flow != MAIN && !hop.is_limited() && self.silent_after(flow, ttl) {
            // A next hop is known to be silent: one lost probe is no second one.
            full.min(2)
        } else if opens_silence && (flow == MAIN || hop.answered > 0) {
            full
        } else {
            1
        };
        let asks = asks.saturating_add(cell.unsent.min(2));
        (cell.asks < asks).then(|| {
            let spacing = self.config.reask_spacing;
            let soonest = cell.last_asked.plus(spacing);
            // The pauses grow, unless the questions before had to wait already.
            match cell.asks {
                1 => soonest,
                2 => soonest.max(cell.first_asked.plus(spacing.times(4))),
                _ => cell.last_asked.plus(spacing.times(3)),
            }
        })
    }

    /// Flows that came from the same router were asked for long, and none was ever answered.
    fn is_known_silence(&self, flow: usize, ttl: u8) -> bool {
        let before = self
            .router_before(flow, ttl)
            .and_then(|router| self.after.get(&(ttl, router)));
        before.is_some_and(|&(silent, answered)| silent >= SILENT_FLOWS && answered == 0)
    }

    /// Of the flows that came from the same router some were asked for long and never answered.
    fn silent_after(&self, flow: usize, ttl: u8) -> bool {
        let before = self
            .likely_before(flow, ttl)
            .and_then(|router| self.after.get(&(ttl, router)));
        before.is_some_and(|&(silent, _)| silent >= SILENT_FLOWS)
    }

    /// Whether a probe's silence is the flow's own, not that of a hop that answered enough: the next probe there was answered, or the flow is
    /// silent before it, or behind the router before nothing ever answered, or a destination that does not limit its answers is asked.
    fn is_own_silence(&self, index: usize, record: &Record) -> bool {
        let later = self.log.iter().skip(index + 1);
        let answered = later
            .take_while(|other| other.sent_at.minus(record.sent_at) <= NEXT)
            .any(|other| other.ttl == record.ttl && other.standing == Standing::Answered);
        let farthest = self.flows.get(record.flow).map_or(0, |row| row.farthest);
        let silent_before = (farthest.saturating_add(1)..record.ttl)
            .filter_map(|ttl| self.cell(record.flow, ttl))
            .any(|cell| cell.misses > 0);
        let dead_end = self
            .router_before(record.flow, record.ttl)
            .is_some_and(|router| {
                let known = self.after.get(&(record.ttl, router));
                known.is_none_or(|&(_, answered)| answered == 0)
            });
        let arrives = self.distance.is_some_and(|ttl| record.ttl >= ttl);
        answered || silent_before || dead_end || (arrives && !self.config.arrivals_limited)
    }

    /// The router from which it came, or the one from which all others came where it was not asked there.
    fn likely_before(&self, flow: usize, ttl: u8) -> Option<IpAddr> {
        let before = ttl.checked_sub(1)?;
        if self.is_asked(flow, before) {
            return self.router_before(flow, ttl);
        }
        let routers = self.routers.get(usize::from(before))?;
        routers.first().copied().filter(|_| routers.len() == 1)
    }

    fn router_before(&self, flow: usize, ttl: u8) -> Option<IpAddr> {
        let reply = self.cell(flow, ttl.checked_sub(1)?)?.outcome()?;
        (reply.kind == AnswerKind::TimeExceeded).then_some(reply.from)
    }

    /// The first silent hop of a run: the one whose silence says where the flow ends.
    pub(super) fn opens_silence(&self, flow: usize, ttl: u8) -> bool {
        let before = ttl.checked_sub(1).and_then(|ttl| self.cell(flow, ttl));
        before.is_none_or(|cell| cell.asks == 0 || !cell.replies.is_empty())
    }

    /// Notes that a probe is about to be sent.
    pub(super) fn propose(
        &mut self,
        flow: usize,
        ttl: u8,
        risk: Risk,
        far: bool,
        now: Micros,
    ) -> Probe {
        let width = usize::from(self.config.max_ttl) + 2;
        while self.flows.len() <= flow {
            self.flows.push(Flow {
                low: u8::MAX,
                ..Flow::default()
            });
        }
        let timeout = self.timeout(flow, ttl, now);
        let expires_at = now.plus(if far { timeout.max(HELD) } else { timeout });
        let overdue_at = now.plus(self.patience(far)).min(expires_at);
        let mut attempt = 0;
        if let Some(row) = self.flows.get_mut(flow) {
            if row.cells.is_empty() {
                row.cells.resize(width, Cell::default());
            }
            row.low = row.low.min(ttl);
            row.high = row.high.max(ttl);
            row.flying = row.flying.saturating_add(1);
            if let Some(cell) = row.cells.get_mut(usize::from(ttl)) {
                attempt = cell.asks;
                if attempt == 0 {
                    cell.first_asked = now;
                }
                cell.asks = cell.asks.saturating_add(1);
                cell.flying = cell.flying.saturating_add(1);
                cell.last_asked = now;
                cell.overdue_at = overdue_at;
            }
        }
        if let Some(hop) = self.hops.get_mut(usize::from(ttl)) {
            hop.on_asked(now);
        }
        self.far_asked |= far;
        let index = self.log.len();
        self.log.push(Record {
            flow,
            ttl,
            standing: Standing::Proposed,
            sent_at: now,
            overdue_at,
            expires_at,
            noticed: false,
            risk,
            far,
        });
        self.waiting.push(index);
        if risk == Risk::Shared {
            self.risky.push(index);
        }
        let flow = FlowId(u16::try_from(flow).unwrap_or(u16::MAX));
        Probe {
            id: ProbeId(index as u64),
            flow,
            ttl,
            attempt,
        }
    }

    pub(super) fn on_sent(&mut self, id: ProbeId, now: Micros) {
        let Some(record) = record_mut(&mut self.log, id) else {
            return;
        };
        if record.standing != Standing::Proposed {
            return;
        }
        let delay = now.minus(record.sent_at);
        record.standing = Standing::Sent;
        record.sent_at = now;
        record.overdue_at = record.overdue_at.plus(delay);
        record.expires_at = record.expires_at.plus(delay);
        self.counters.sent = self.counters.sent.saturating_add(1);
    }

    /// True where the probe had been proposed and nothing had become of it.
    pub(super) fn on_unsendable(&mut self, id: ProbeId) -> bool {
        let Some(record) = record_mut(&mut self.log, id) else {
            return false;
        };
        if record.standing != Standing::Proposed {
            return false;
        }
        record.standing = Standing::Unsent;
        let record = *record;
        self.counters.unsendable = self.counters.unsendable.saturating_add(1);
        self.is_safe(id);
        self.land(id);
        if let Some(cell) = self.cell_mut(record.flow, record.ttl) {
            cell.unsent = cell.unsent.saturating_add(1);
        }
        true
    }

    /// True where the answer says something new.
    pub(super) fn on_answer(&mut self, id: ProbeId, answer: Answer) -> bool {
        let Some(record) = record_mut(&mut self.log, id) else {
            self.counters.unknown = self.counters.unknown.saturating_add(1);
            return false;
        };
        let before = record.standing;
        match before {
            Standing::Proposed | Standing::Unsent => {
                self.counters.unknown = self.counters.unknown.saturating_add(1);
                return false;
            }
            Standing::Answered => {
                self.counters.duplicates = self.counters.duplicates.saturating_add(1);
                return false;
            }
            Standing::Sent | Standing::Expired => record.standing = Standing::Answered,
        }
        let record = *record;
        self.counters.answered = self.counters.answered.saturating_add(1);
        self.is_safe(id);
        if before == Standing::Sent {
            self.land(id);
        } else {
            self.counters.late = self.counters.late.saturating_add(1);
            self.counters.lost = self.counters.lost.saturating_sub(1);
        }
        let rtt = answer.rtt;
        self.greatest_rtt = Some(self.greatest_rtt.map_or(rtt, |greatest| greatest.max(rtt)));
        if answer.kind == AnswerKind::Arrived {
            self.arrivals = self.arrivals.saturating_add(1);
            self.charged = self
                .charged
                .saturating_add(u16::from(!self.may_arrive_itself(record.flow)));
            if let Some(flow) = self.flows.get_mut(record.flow) {
                flow.arrived = true;
            }
            self.distance = Some(self.distance.map_or(record.ttl, |ttl| ttl.min(record.ttl)));
            self.destination = Destination::Answers;
            self.far_rtt = Some(rtt);
        }
        if let (AnswerKind::TimeExceeded, Some(flow)) =
            (answer.kind, self.flows.get_mut(record.flow))
        {
            flow.farthest = flow.farthest.max(record.ttl);
            self.highest_router = self.highest_router.max(record.ttl);
            if let Some(routers) = self.routers.get_mut(usize::from(record.ttl)) {
                routers.insert(answer.from);
            }
            let (low, high, own) = (flow.low, flow.high, usize::from(record.ttl));
            let others = (usize::from(low)..=usize::from(high)).filter(|&ttl| ttl != own);
            flow.repeats |= others
                .filter_map(|ttl| flow.cells.get(ttl))
                .flat_map(|cell| &cell.replies)
                .any(|reply| reply.from == answer.from);
        }
        let mut limited = false;
        let recovers = self
            .cell(record.flow, record.ttl)
            .is_some_and(|cell| cell.misses > 0);
        if let Some(hop) = self.hops.get_mut(usize::from(record.ttl)) {
            hop.on_answer(record.sent_at, recovers);
            limited = hop.is_limited();
        }
        if let Some(router) = self.router_before(record.flow, record.ttl) {
            self.after.entry((record.ttl, router)).or_default().1 += 1;
        }
        if let Some(cell) = self.cell_mut(record.flow, record.ttl) {
            let recovered = cell.misses > 0;
            if before == Standing::Expired {
                cell.misses = cell.misses.saturating_sub(1);
            }
            if cell.replies.len() < REPLIES_MAX {
                cell.replies.push(Reply {
                    from: answer.from,
                    kind: answer.kind,
                    rtt,
                });
            }
            if limited && recovered && answer.kind == AnswerKind::TimeExceeded {
                self.limited.insert(answer.from);
            }
        }
        true
    }

    /// Gives up what has been waited for long enough; true where anything changed.
    pub(super) fn on_time(&mut self, now: Micros) -> bool {
        let mut changed = false;
        let mut gone = Vec::new();
        self.forget_what_never_arrives(now);
        for &index in &self.waiting {
            let Some(record) = self.log.get_mut(index) else {
                continue;
            };
            if now >= record.overdue_at && !record.noticed {
                record.noticed = true;
                self.trunk_doubted |=
                    record.flow == MAIN && self.config.trunk.last_ttl() == Some(record.ttl);
                changed = true;
            }
            if now >= record.expires_at {
                gone.push((index, *record));
                record.standing = Standing::Expired;
                changed = true;
            }
        }
        for (index, record) in gone {
            self.land(ProbeId(index as u64));
            if record.standing == Standing::Sent {
                self.counters.lost = self.counters.lost.saturating_add(1);
            }
            if let Some(flow) = self.flows.get_mut(record.flow) {
                flow.missed = true;
            }
            let full = self.config.reasks.saturating_add(1);
            let mut silent = false;
            if let Some(cell) = self.cell_mut(record.flow, record.ttl) {
                cell.misses = cell.misses.saturating_add(1);
                silent = cell.replies.is_empty() && cell.misses == full;
            }
            if let (true, Some(router)) = (silent, self.likely_before(record.flow, record.ttl)) {
                self.after.entry((record.ttl, router)).or_default().0 += 1;
            }
            let again = self
                .cell(record.flow, record.ttl)
                .is_some_and(|cell| cell.misses > 1);
            if !self.is_own_silence(index, &record)
                && let Some(hop) = self.hops.get_mut(usize::from(record.ttl))
            {
                hop.on_miss(record.sent_at, now, again);
            }
            if record.far && self.destination == Destination::Unknown {
                self.destination = Destination::Silent;
            }
        }
        changed
    }

    /// When [`Self::on_time`] has something to do next.
    pub(super) fn next_time(&self) -> Option<Micros> {
        self.waiting
            .iter()
            .filter_map(|&index| self.log.get(index))
            .map(|record| {
                if record.noticed {
                    record.expires_at
                } else {
                    record.overdue_at
                }
            })
            .min()
    }

    /// How long an answer is waited for, growing with each repetition; not where the first question has been waited for as long as any
    /// answer takes.
    fn timeout(&self, flow: usize, ttl: u8, now: Micros) -> Micros {
        let timeouts = self.config.timeouts;
        let fresh = |cell: &&Cell| now.minus(cell.first_asked) < HELD;
        let cell = self.cell(flow, ttl).filter(fresh);
        let asks = cell.map_or(0, |cell| cell.asks);
        let base = match self.greatest_rtt {
            None => timeouts.initial,
            Some(rtt) => rtt.times(3).plus(Micros::from_millis(50)),
        };
        base.max(timeouts.min)
            .times(u64::from(asks.min(2)) + 1)
            .min(timeouts.max)
    }

    /// How long before others go on without this one: an answer usually takes less.
    fn patience(&self, far: bool) -> Micros {
        let rtt = match self.far_rtt {
            Some(rtt) => rtt,
            None if far => return HELD,
            None => match self.greatest_rtt {
                Some(rtt) => rtt,
                None => return Micros::from_millis(150),
            },
        };
        patience_for(rtt)
    }

    fn land(&mut self, id: ProbeId) {
        let Ok(index) = usize::try_from(id.0) else {
            return;
        };
        self.waiting.retain(|&waiting| waiting != index);
        let Some(record) = self.log.get(index).copied() else {
            return;
        };
        if let Some(flow) = self.flows.get_mut(record.flow) {
            flow.flying = flow.flying.saturating_sub(1);
        }
        if let Some(cell) = self.cell_mut(record.flow, record.ttl) {
            cell.flying = cell.flying.saturating_sub(1);
        }
    }

    fn cell_mut(&mut self, flow: usize, ttl: u8) -> Option<&mut Cell> {
        self.flows.get_mut(flow)?.cells.get_mut(usize::from(ttl))
    }
}

fn record_mut(log: &mut [Record], id: ProbeId) -> Option<&mut Record> {
    log.get_mut(usize::try_from(id.0).ok()?)
}
