//! The outcomes of flows: which of them arrive, and which links each took.
//!
//! A dead branch of a balancer takes its share of the connections with it, and no other flow can see it. So the first flows are followed
//! where they may part, and each is sent to the destination once. One lost probe is no dead flow: silence is asked again, and once with
//! the last TTL of all, as this flow's way may be longer. A flow that does not arrive is asked everywhere, to see how far it comes.

use super::config::Confidence;
use super::layout::{Layout, Place};
use super::probe::Micros;
use super::state::Destination;
use super::stopping;
use super::wants::{Granted, Wants};

/// Questions without an answer where the flow should arrive, after which it is asked elsewhere too.
const MISSES: u8 = 2;

/// Wishes for what the outcomes of the followed flows need next.
pub(super) fn plan(wants: &mut Wants<'_>) {
    for flow in 0..usize::from(wants.state.followed) {
        let late = arrive(wants, flow);
        follow(wants, flow, late);
    }
}

/// Sends the flow to the destination; true where it should have arrived and has not.
fn arrive(wants: &mut Wants<'_>, flow: usize) -> bool {
    let (state, layout) = (wants.state, wants.layout);
    let Some(at) = state.arrives_from(flow) else {
        return false;
    };
    if layout.end_of(flow).is_some() || state.destination == Destination::Silent {
        return false;
    }
    let last = state.config.max_ttl;
    let Some(cell) = state.cell(flow, at).filter(|cell| cell.asks > 0) else {
        wants.ask(flow, at, Micros(0));
        return false;
    };
    if let Some(again) = state.reask_at(flow, at) {
        wants.ask(flow, at, again);
    }
    if cell.misses >= MISSES && at < last && !state.is_asked(flow, last) {
        wants.ask(flow, last, Micros(0));
    }
    cell.misses > 0 && cell.replies.is_empty()
}

/// Asks the flow hop by hop: where paths part, or everywhere where it has not arrived.
fn follow(wants: &mut Wants<'_>, flow: usize, everywhere: bool) {
    let (state, layout) = (wants.state, wants.layout);
    let end = layout.end_of(flow).unwrap_or(u8::MAX);
    let last = match layout.distance {
        Some(distance) => distance.saturating_sub(1),
        None => layout.highest_answer.saturating_add(1),
    };
    for ttl in layout.first..=last.min(end).min(state.config.max_ttl) {
        if state.is_asked(flow, ttl) {
            if let Some(again) = state.reask_at(flow, ttl) {
                wants.ask(flow, ttl, again);
            }
        } else if (everywhere || !is_passed_by_all(layout, ttl))
            && wants.ask(flow, ttl, Micros(0)) == Granted::Later
        {
            break;
        }
    }
}

/// Enough flows were seen here at one node that no other is expected.
fn is_passed_by_all(layout: &Layout, ttl: u8) -> bool {
    layout.only(ttl).is_some_and(|group| {
        matches!(group.place, Place::Router(_))
            && group.flows.len() >= stopping::stopping_point(Confidence::P95, 2) as usize
    })
}
