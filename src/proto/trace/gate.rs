//! Who may reach the destination: each arrival can be a visit to a service, so they are bounded.
//!
//! A probe is safe where its flow, or enough flows through the same place, were seen to go on; else it is risky, and no more
//! risky ones are under way than arrivals are left. Silence for longer than an answer takes is taken as
//! "did not arrive"; while it is not known how long one takes, for longer than packets are held on their way. A destination that answers
//! nothing is not visited by anything. One arrival is kept for surprises: the far probe, and probes below the shortest way known, which
//! would arrive only on an arm that is shorter still.
//!
//! What this can't know: that a node from which one flow goes on sends another to the destination, several hops before the end of the
//! shortest way known. The few probes that are on their way when the first of them arrives can exceed the bound.

use super::arrivals::Risk;
use super::config::Confidence;
use super::layout::{Group, Layout, Place};
use super::probe::Micros;
use super::state::{Destination, State};
use super::stopping;

/// By how many hops an arm may be shorter without flows arriving by surprise.
const SHORTER: u8 = 2;
/// By how many hops the way there may be shorter than the way back, from which its length was estimated.
const ASYMMETRY: u8 = 3;

/// Whether a probe may go, as far as arrivals are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    /// It may go: at no risk of arriving, or at one that is allowed.
    Goes(Risk),
    /// Not while others are under way.
    Later,
    /// It would arrive, and enough have.
    Never,
}

/// Risks that are being taken besides the one that is judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Risks {
    /// Probes on the trace's account that are about to go, besides those in flight.
    pub(super) shared: u16,
    /// The flow is about to arrive already.
    pub(super) own: bool,
    /// It is the far probe: what it finds out is worth the arrival that is kept for surprises.
    pub(super) far: bool,
}

/// Judges flow `flow` at `ttl` beside the risks that are being taken.
pub(super) fn judge(
    state: &State,
    layout: &Layout,
    (flow, ttl): (usize, u8),
    risks: Risks,
    now: Micros,
) -> Gate {
    if state.destination == Destination::Silent {
        return Gate::Goes(Risk::None);
    }
    let chance = chance(state, layout, flow, ttl);
    if chance == Chance::None {
        return Gate::Goes(Risk::None);
    }
    if state.may_arrive_itself(flow) {
        return if risks.own {
            Gate::Later
        } else {
            Gate::Goes(Risk::Own)
        };
    }
    let left = match chance {
        _ if risks.far => state.surprises_left(),
        Chance::Slight => state.surprises_left().min(1),
        Chance::None | Chance::Some => state.arrivals_left(),
    };
    if left == 0 {
        return Gate::Never;
    }
    // While one flow looks for the distance, half of the arrivals are kept back for arms of another length.
    let searches = layout.distance.is_none() && state.config.flows_max > 1;
    let allowed = if searches && !risks.far {
        left.div_ceil(2)
    } else {
        left
    }
    .max(1);
    if state.risky_in_flight(now).saturating_add(risks.shared) < allowed {
        Gate::Goes(Risk::Shared)
    } else {
        Gate::Later
    }
}

/// Whether a probe can arrive, as far as is known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chance {
    /// It stops before.
    None,
    /// Only if its arm is shorter than all that are known, and by far.
    Slight,
    /// It may well.
    Some,
}

fn chance(state: &State, layout: &Layout, flow: usize, ttl: u8) -> Chance {
    if state.goes_on_beyond(flow, ttl) {
        return Chance::None;
    }
    let Some(distance) = layout.distance else {
        let believed = state
            .estimate
            .is_some_and(|estimate| ttl.saturating_add(ASYMMETRY) < estimate);
        return if ttl <= layout.highest_router || believed {
            Chance::None
        } else {
            Chance::Some
        };
    };
    let enough = stopping::stopping_point(Confidence::P95, 2);
    let near = is_near(ttl, distance);
    let Some(before) = ttl.checked_sub(1).filter(|&before| before >= layout.first) else {
        return if ttl >= distance {
            Chance::Some
        } else if ttl <= layout.highest_router {
            Chance::None
        } else {
            Chance::Slight
        };
    };
    let known = layout
        .place_at(flow, before)
        .filter(|place| *place != Place::Lost);
    let groups = layout.level(before).map_or(&[][..], |level| &level.groups);
    let goes_on = |group: &Group| group.goes_on && !group.arrives;
    let known = known.and_then(|place| layout.group(before, place));
    let sole = layout.only(before);
    let (stops, passed) = match (known, sole) {
        (Some(group), _) if !near => (goes_on(group), enough),
        (Some(group), _) | (None, Some(group)) => (goes_on(group), group.passed),
        (None, None) => {
            let mut open = groups
                .iter()
                .filter(|group| group.place.goes_on())
                .peekable();
            let all = open.peek().is_some() && open.all(goes_on);
            (all && !near, passed_by(groups))
        }
    };
    if stops && passed >= enough {
        Chance::None
    } else if near {
        Chance::Some
    } else {
        Chance::Slight
    }
}

/// So close to the destination that a slightly shorter arm ends here.
pub(super) fn is_near(ttl: u8, distance: u8) -> bool {
    ttl.saturating_add(SHORTER) >= distance
}

/// Flows that were seen to go on from one of these.
fn passed_by(groups: &[Group]) -> u32 {
    groups.iter().map(|group| group.passed).sum()
}
