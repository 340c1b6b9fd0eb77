//! What is known about the next hops of each place, and which places are looked behind.

use super::config::Scope;
use super::layout::{self, Group, Layout, Level, Place};
use super::state::State;
use super::stopping;

/// Silent hops in a row after which a branch that nothing answers on is left alone.
const DEAD: u8 = 3;
/// So many flows that were asked in vain as far as anything answers show the same.
const ENOUGH: usize = 3;

/// What is known about the next hops of one place.
pub(super) struct Behind {
    pub(super) place: Place,
    /// Next hops found; a silent one counts.
    pub(super) found: u32,
    /// Flows through the place whose next hop was asked for.
    pub(super) asked: u32,
    /// Of these, the ones with a result.
    pub(super) settled: u32,
    /// Flows that the stopping rule asks for.
    pub(super) required: u32,
    /// The ways meet again at the next hop, as far as all others show: one more next hop goes unseen only if every flow takes the way that
    /// is known, and not if every flow takes one and the same of two. That is half as likely.
    meets: bool,
    /// Repetitions of flows that had a result.
    pub(super) repeats: u32,
    pub(super) per_packet: bool,
    /// Flows that can be asked next: known to pass here, not yet asked.
    pub(super) candidates: Vec<usize>,
    /// Flows that have one answer at the next hop.
    pub(super) answered: Vec<usize>,
}

impl Behind {
    /// Looks from the place of `group`, at `ttl - 1`, to `ttl`.
    pub(super) fn of(state: &State, layout: &Layout, ttl: u8, group: &Group) -> Self {
        let alone = group.place == Place::Start || layout.only(ttl - 1).is_some();
        let strays = layout
            .level(ttl)
            .filter(|_| alone)
            .map_or(&[][..], |level| level.orphans.as_slice());
        let mut next: Vec<Place> = Vec::new();
        let mut behind = Self {
            place: group.place,
            found: 0,
            asked: 0,
            settled: 0,
            required: 0,
            meets: false,
            repeats: 0,
            per_packet: false,
            candidates: Vec::new(),
            answered: Vec::new(),
        };
        for &flow in group.flows.iter().chain(strays) {
            let Some(cell) = state.cell(flow, ttl).filter(|cell| cell.asks > 0) else {
                if layout.end_of(flow).is_none_or(|end| end >= ttl) {
                    behind.candidates.push(flow);
                }
                continue;
            };
            behind.asked += 1;
            if cell.moved() && !layout.is_mixed(ttl - 1) {
                behind.per_packet = true;
            }
            if !cell.replies.is_empty() {
                behind.repeats += u32::from(cell.asks.saturating_sub(1 + cell.misses));
                behind.answered.push(flow);
            }
            let Some(place) = layout.place_at(flow, ttl) else {
                continue;
            };
            behind.settled += 1;
            if place != Place::Lost && !next.contains(&place) {
                next.push(place);
            }
        }
        behind.found = u32::try_from(next.len()).unwrap_or(u32::MAX);
        behind.required = required(state, layout, behind.found);
        behind.meets = behind.found == 1 && !alone && layout.only(ttl).is_some();
        behind.required -= u32::from(behind.meets);
        behind
    }

    pub(super) fn pending(&self) -> usize {
        self.asked.saturating_sub(self.settled) as usize
    }

    /// The greatest probability that one more next hop was missed.
    pub(super) fn miss_bound(&self) -> f64 {
        let bound = stopping::miss_bound(self.found, self.settled);
        if self.meets { bound / 2.0 } else { bound }
    }

    pub(super) fn missing(&self) -> u32 {
        self.required.saturating_sub(self.asked)
    }
}

/// Flows that must pass a node with `found` next hops.
pub(super) fn required(state: &State, layout: &Layout, found: u32) -> u32 {
    let hypothesis = found.max(1) + 1;
    match state.config.scope {
        Scope::Node => stopping::stopping_point(state.config.confidence, hypothesis),
        Scope::Path => {
            let nodes: usize = (layout.first..=layout.highest_router)
                .filter_map(|ttl| layout.level(ttl))
                .map(|level| {
                    level
                        .groups
                        .iter()
                        .filter(|group| group.place.goes_on())
                        .count()
                })
                .sum();
            let nodes = f64::from(u32::try_from(nodes).unwrap_or(u32::MAX)) + 1.0;
            stopping::closed_form(state.config.confidence.epsilon() / nodes, hypothesis)
        }
    }
}

/// Every place that is examined, with the TTL of its next hops.
pub(super) fn examined(state: &State, layout: &Layout) -> Vec<(u8, Behind)> {
    let start = start(state);
    let mut all = Vec::new();
    for ttl in layout.first..=state.config.max_ttl {
        for group in parents(layout, &start, ttl) {
            if is_examined(state, layout, group, ttl) {
                all.push((ttl, Behind::of(state, layout, ttl, group)));
            }
        }
    }
    all
}

pub(super) fn start(state: &State) -> Group {
    Group {
        place: Place::Start,
        flows: (0..state.flows.len()).collect(),
        passed: 0,
        goes_on: true,
        arrives: false,
    }
}

pub(super) fn parents<'a>(layout: &'a Layout, start: &'a Group, ttl: u8) -> &'a [Group] {
    if ttl == layout.first {
        std::slice::from_ref(start)
    } else {
        layout
            .level(ttl - 1)
            .map_or(&[], |level: &Level| level.groups.as_slice())
    }
}

/// Whether the search looks behind this place, from `ttl - 1` to `ttl`.
pub(super) fn is_examined(state: &State, layout: &Layout, group: &Group, ttl: u8) -> bool {
    if ttl == layout.first {
        return true;
    }
    let spent = (may_arrive(layout, group, ttl) || group.arrives) && state.arrivals_left() == 0;
    if !group.place.goes_on() || spent || layout.is_mixed(ttl - 1) || circles(layout, ttl) {
        return false;
    }
    match group.place {
        // A dead branch: silent for long, and nothing that passes it was ever answered again.
        Place::Silent { gap, .. }
            if gap >= DEAD || is_asked_to_the_end(state, layout, group, ttl) =>
        {
            group.flows.iter().any(|&flow| {
                (ttl..=layout.highest_answer.saturating_add(1)).any(|ttl| {
                    matches!(
                        layout.place_at(flow, ttl),
                        Some(Place::Router(_) | Place::Destination(_))
                    )
                })
            })
        }
        Place::Silent { .. } => ttl <= layout.highest_answer,
        _ => true,
    }
}

/// Enough flows through this place were asked in vain at every hop at which any router answers.
fn is_asked_to_the_end(state: &State, layout: &Layout, group: &Group, ttl: u8) -> bool {
    let in_vain = |flow: &&usize| {
        let mut rest = ttl..=layout.highest_router;
        rest.all(|ttl| {
            state
                .cell(**flow, ttl)
                .is_some_and(|cell| cell.misses > 0 && cell.replies.is_empty())
        })
    };
    ttl <= layout.highest_router && group.flows.iter().filter(in_vain).count() >= ENOUGH
}

/// The next hop may be the destination: a longer arm is followed by one flow at a time until it goes on.
pub(super) fn may_arrive(layout: &Layout, group: &Group, ttl: u8) -> bool {
    layout.distance.is_some_and(|distance| ttl >= distance) && !group.goes_on
}

fn circles(layout: &Layout, ttl: u8) -> bool {
    ttl > layout.first && layout::circles_at(layout, ttl - 1)
}
