//! Who may reach the destination: each arrival can be a visit to a service, so they are bounded.
//!
//! A probe is safe where its flow, or enough flows through the same place, were seen to go on; else it is risky, and no more
//! risky ones are under way than arrivals are left. Silence for longer than an answer takes is taken as
//! "did not arrive". A destination that answers nothing is not visited by anything.
//!
//! What this can't know: an arm that is shorter than the shortest one known by more than [`SHORTER`] hops. There one probe at a time may
//! go even when no arrival is left, so that such arms are found; each surprise lowers the known distance by as much.

use super::config::Confidence;
use super::layout::{Group, Layout, Place};
use super::probe::Micros;
use super::state::{Destination, Risk, State};
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
    let left = state.arrivals_left();
    if left == 0 && chance == Chance::Some {
        return Gate::Never;
    }
    // While one flow looks for the distance, half of the arrivals are kept back for arms of another length.
    let searches = layout.distance.is_none() && state.config.flows_max > 1;
    let allowed = if searches { left / 2 } else { left }.max(1);
    if state.risky_in_flight(now).saturating_add(risks.shared) < allowed {
        Gate::Goes(Risk::Shared)
    } else {
        Gate::Later
    }
}

/// Whether a probe can arrive.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chance {
    /// As far as is known it stops before.
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
    let near = ttl.saturating_add(SHORTER) >= distance;
    let Some(before) = ttl.checked_sub(1).filter(|&before| before >= layout.first) else {
        return if ttl >= distance {
            Chance::Some
        } else if layout.highest_router >= ttl {
            Chance::None
        } else {
            Chance::Slight
        };
    };
    let known = layout
        .place_at(flow, before)
        .filter(|place| *place != Place::Lost);
    let goes_on = |group: &Group| group.goes_on && !group.arrives;
    let stops = match known {
        Some(place) => layout.group(before, place).is_some_and(|group| {
            let proven = group.passed >= stopping::stopping_point(Confidence::P95, 2);
            goes_on(group) && (!near || proven)
        }),
        None => {
            !near
                && layout.level(before).is_some_and(|level| {
                    let mut open = level
                        .groups
                        .iter()
                        .filter(|group| group.place.goes_on())
                        .peekable();
                    open.peek().is_some() && open.all(goes_on)
                })
        }
    };
    match (stops, near) {
        (true, _) => Chance::None,
        (false, false) => Chance::Slight,
        (false, true) => Chance::Some,
    }
}
