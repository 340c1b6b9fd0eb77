//! The account of arrivals: which probes may still come to the destination, and how many more may.

use super::layout::{Layout, Place};
use super::probe::{Micros, ProbeId};
use super::state::{Record, State};

/// So long a probe that nothing answered may still arrive while no round trip to the destination is known: packets are held for a second
/// where a neighbour is looked for anew (Linux `retrans_time_ms`) or a link wakes up, and the rest is a round trip.
pub(super) const HELD: Micros = Micros::from_millis(1200);

/// Whether a probe may arrive at the destination, as far as is known when it is proposed, and on whose account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Risk {
    /// It stops before.
    None,
    /// One of the arrivals that the trace may have in all.
    Shared,
    /// The one arrival of a flow whose outcome is wanted.
    Own,
}

impl State {
    /// Whether the answer to any probe under way can still say something: not where its flow has arrived with fewer hops.
    pub(super) fn awaits_news(&self, layout: &Layout) -> bool {
        self.flying().any(|record| {
            let arrived = layout.end_of(record.flow).filter(|&end| {
                let place = layout.place_at(record.flow, end);
                matches!(place, Some(Place::Destination(_)))
            });
            arrived.is_none_or(|end| record.ttl <= end)
        })
    }

    /// Probes without an answer that may still arrive on the trace's account.
    pub(super) fn risky_in_flight(&self, now: Micros) -> u16 {
        let open = self.risky.iter().filter_map(|&index| self.log.get(index));
        let count = open
            .filter(|record| !self.is_passed(record) && now < self.arrives_until(record))
            .count();
        u16::try_from(count).unwrap_or(u16::MAX)
    }

    /// When one of these is taken not to arrive any more.
    pub(super) fn next_relief(&self, now: Micros) -> Option<Micros> {
        let open = self.risky.iter().filter_map(|&index| self.log.get(index));
        let ends = open.map(|record| self.arrives_until(record));
        ends.filter(|&end| end > now).min()
    }

    /// Routers beyond were seen to answer, so that the probe was lost before, or its answer was.
    fn is_passed(&self, record: &Record) -> bool {
        self.goes_on_beyond(record.flow, record.ttl)
            || (self.distance.is_none() && record.ttl <= self.highest_router)
    }

    /// Until when silence does not say that the probe did not arrive: longer than an answer takes, where that is known, or than packets
    /// are held on their way.
    fn arrives_until(&self, record: &Record) -> Micros {
        match self.far_rtt.or(self.destination_rtt) {
            Some(rtt) => record
                .sent_at
                .plus(patience_for(rtt))
                .max(record.overdue_at),
            None => record.sent_at.plus(HELD),
        }
    }

    /// The least TTL at which this flow may arrive, if its way is no shorter than the shortest known.
    pub(super) fn arrives_from(&self, flow: usize) -> Option<u8> {
        let farthest = self.flows.get(flow).map_or(0, |row| row.farthest);
        let ttl = self.distance?.max(farthest.saturating_add(1));
        Some(ttl.min(self.config.max_ttl))
    }

    /// Arrivals that the trace may still have on its own account: all but one, which is kept for surprises.
    pub(super) fn arrivals_left(&self) -> u16 {
        let kept = u16::from(self.config.arrivals_max > 1);
        self.surprises_left().saturating_sub(kept)
    }

    /// The same with the last.
    pub(super) fn surprises_left(&self) -> u16 {
        self.config.arrivals_max.saturating_sub(self.charged)
    }

    /// Whether this flow's outcome is wanted, and it has not arrived yet.
    pub(super) fn may_arrive_itself(&self, flow: usize) -> bool {
        flow < usize::from(self.followed) && self.flows.get(flow).is_none_or(|flow| !flow.arrived)
    }

    /// The probe has arrived, or never will.
    pub(super) fn is_safe(&mut self, id: ProbeId) {
        self.risky
            .retain(|&index| usize::try_from(id.0) != Ok(index));
    }

    /// Strikes out those for whose arrival it is too late.
    pub(super) fn forget_what_never_arrives(&mut self, now: Micros) {
        let mut risky = std::mem::take(&mut self.risky);
        risky.retain(|&index| {
            let record = self.log.get(index);
            record.is_some_and(|record| now < self.arrives_until(record))
        });
        self.risky = risky;
    }
}

/// How long an answer is expected to take at most.
pub(super) fn patience_for(rtt: Micros) -> Micros {
    rtt.times(2).plus(Micros::from_millis(30))
}
