//! A round of decisions: which probes are wanted, which of them may go at once, and when to look again.

use super::arrivals::Risk;
use super::gate::{self, Gate, Risks};
use super::layout::{Layout, Place};
use super::pacing::HopPace;
use super::probe::Micros;
use super::state::State;

/// A probe that may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Want {
    pub(super) flow: usize,
    pub(super) ttl: u8,
    pub(super) risk: Risk,
    pub(super) far: bool,
}

/// What became of a wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Granted {
    /// It may go now.
    Now,
    /// It has to wait for time, an answer or room.
    Later,
    /// It must not be sent, or is on its way already.
    No,
}

pub(super) struct Wants<'a> {
    pub(super) state: &'a State,
    pub(super) layout: &'a Layout,
    pub(super) now: Micros,
    pub(super) ready: Vec<Want>,
    /// The earliest instant at which time alone lets more go.
    pub(super) wake: Option<Micros>,
    /// Something is wanted, now or later.
    pub(super) open: bool,
    /// A node could not be examined in full for want of further flows.
    pub(super) short_of_flows: bool,
    risky: u16,
    per_flow: Vec<u16>,
    per_hop: Vec<u16>,
}

impl<'a> Wants<'a> {
    pub(super) fn new(state: &'a State, layout: &'a Layout, now: Micros) -> Self {
        Self {
            state,
            layout,
            now,
            ready: Vec::new(),
            wake: None,
            open: false,
            short_of_flows: false,
            risky: 0,
            per_flow: state.flows.iter().map(|flow| flow.flying).collect(),
            per_hop: vec![0; state.hops.len()],
        }
    }

    /// Wishes that `flow` asks `ttl`, not before `at`.
    pub(super) fn ask(&mut self, flow: usize, ttl: u8, at: Micros) -> Granted {
        self.ask_for(flow, ttl, at, false)
    }

    /// The same for the far probe.
    pub(super) fn ask_far(&mut self, flow: usize, ttl: u8) -> Granted {
        self.ask_for(flow, ttl, Micros(0), true)
    }

    fn ask_for(&mut self, flow: usize, ttl: u8, at: Micros, far: bool) -> Granted {
        if self.is_planned(flow, ttl)
            || self
                .state
                .cell(flow, ttl)
                .is_some_and(|cell| cell.flying > 0)
        {
            return Granted::No;
        }
        let risks = Risks {
            shared: self.risky,
            own: self.is_arriving(flow),
            far,
        };
        let verdict = gate::judge(self.state, self.layout, (flow, ttl), risks, self.now);
        if verdict == Gate::Never {
            return Granted::No;
        }
        self.open = true;
        let Some(hop) = self.state.hop(ttl) else {
            return Granted::No;
        };
        let at = at.max(hop.next());
        if at > self.now {
            self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
            return Granted::Later;
        }
        let Gate::Goes(risk) = verdict else {
            let relief = self.state.next_relief(self.now);
            self.wake = self.wake.into_iter().chain(relief).min();
            return Granted::Later;
        };
        if !self.has_room(flow) || (hop.is_limited() && self.planned_at(ttl) > 0) {
            return Granted::Later;
        }
        self.risky = self.risky.saturating_add(u16::from(risk == Risk::Shared));
        if self.per_flow.len() <= flow {
            self.per_flow.resize(flow + 1, 0);
        }
        if let Some(count) = self.per_flow.get_mut(flow) {
            *count = count.saturating_add(1);
        }
        if let Some(count) = self.per_hop.get_mut(usize::from(ttl)) {
            *count = count.saturating_add(1);
        }
        self.ready.push(Want {
            flow,
            ttl,
            risk,
            far,
        });
        Granted::Now
    }

    /// Right after the probes of flows that have asked in vain goes one whose answer is known: where that comes, the silence of the others
    /// is their own, and the hop has not answered enough for a while.
    pub(super) fn compare(&mut self) {
        let in_vain = |want: &&Want| {
            let flow = self.state.flows.get(want.flow);
            flow.is_some_and(|flow| flow.missed && flow.farthest < want.ttl)
        };
        let mut ttls: Vec<u8> = self.ready.iter().filter(in_vain).map(|w| w.ttl).collect();
        ttls.sort_unstable();
        ttls.dedup();
        for ttl in ttls {
            if self.state.hop(ttl).is_none_or(HopPace::is_limited) {
                continue;
            }
            let level = self.layout.level(ttl);
            let groups = level.map_or(&[][..], |level| &level.groups);
            let routers = groups
                .iter()
                .filter(|group| matches!(group.place, Place::Router(_)));
            let known = routers
                .flat_map(|group| &group.flows)
                .filter(|&&flow| self.has_room(flow) && !self.is_planned(flow, ttl));
            let least = known.min_by_key(|&&flow| self.state.cell(flow, ttl).map(|c| c.asks));
            if let Some(&flow) = least {
                self.ask(flow, ttl, Micros(0));
            }
        }
    }

    /// Whether one more probe of this flow may be under way.
    pub(super) fn has_room(&self, flow: usize) -> bool {
        let flying = self.per_flow.get(flow).copied().unwrap_or(0);
        self.state
            .config
            .in_flight_per_flow
            .is_none_or(|most| flying < most.get())
    }

    /// A probe of this flow that may be its arrival is about to go, or on its way.
    fn is_arriving(&self, flow: usize) -> bool {
        self.state.is_arriving(flow)
            || self
                .ready
                .iter()
                .any(|want| want.flow == flow && want.risk == Risk::Own)
    }

    pub(super) fn planned_at(&self, ttl: u8) -> u16 {
        self.per_hop.get(usize::from(ttl)).copied().unwrap_or(0)
    }

    pub(super) fn is_planned(&self, flow: usize, ttl: u8) -> bool {
        self.planned_at(ttl) > 0
            && self
                .ready
                .iter()
                .any(|want| want.flow == flow && want.ttl == ttl)
    }
}
