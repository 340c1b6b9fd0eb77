//! Who may reach the destination: each arrival can be a visit to a service, so they are bounded.
//!
//! A probe is safe where flows through the same place were seen to go on; else it is risky, and no more
//! risky ones are under way than arrivals are left. Silence for longer than an answer takes is taken as
//! "did not arrive". A destination that answers nothing is not visited by anything.

use super::layout::{Layout, Place};
use super::probe::Micros;
use super::state::{Destination, State};

/// By how many hops an arm may be shorter without flows arriving by surprise.
const SHORTER: u8 = 2;

/// Whether a probe may go, as far as arrivals are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    /// It is known to stop before the destination, or nothing answers there.
    Safe,
    /// It may arrive, and that is allowed.
    Risky,
    /// Not while others are under way.
    Later,
    /// It would arrive, and enough have.
    Never,
}

/// Judges flow `flow` at `ttl` when `planned` risky probes are about to go besides those in flight.
pub(super) fn judge(
    state: &State,
    layout: &Layout,
    (flow, ttl): (usize, u8),
    planned: u16,
    now: Micros,
) -> Gate {
    if state.destination == Destination::Silent || is_safe(state, layout, flow, ttl) {
        return Gate::Safe;
    }
    let left = state.config.arrivals_max.saturating_sub(state.arrivals);
    let beyond = layout.distance.is_some_and(|distance| ttl >= distance);
    if beyond && left == 0 {
        return Gate::Never;
    }
    // Below the known distance one at a time may always go: an arm that turns out shorter is news.
    // While one flow looks for the distance, an arrival is kept back for arms of another length.
    let searches = layout.distance.is_none() && state.config.flows_max > 1;
    let allowed = left.saturating_sub(u16::from(searches)).max(1);
    if state.risky_in_flight(now).saturating_add(planned) < allowed {
        Gate::Risky
    } else {
        Gate::Later
    }
}

fn is_safe(state: &State, layout: &Layout, flow: usize, ttl: u8) -> bool {
    let Some(distance) = layout.distance else {
        return ttl <= layout.highest_router
            || state.estimate.is_some_and(|estimate| ttl < estimate);
    };
    let Some(before) = ttl.checked_sub(1).filter(|&before| before >= layout.first) else {
        return distance > ttl;
    };
    let known = layout
        .place_at(flow, before)
        .filter(|place| *place != Place::Lost);
    if let Some(place) = known {
        return layout
            .group(before, place)
            .is_some_and(|group| group.goes_on && !group.arrives);
    }
    // Shorter arms are mostly shorter by a hop or two: there a flow goes step by step.
    ttl.saturating_add(SHORTER) < distance
        && layout.level(before).is_some_and(|level| {
            let mut open = level
                .groups
                .iter()
                .filter(|group| group.place.goes_on())
                .peekable();
            open.peek().is_some() && open.all(|group| group.goes_on && !group.arrives)
        })
}
