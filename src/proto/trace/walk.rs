//! The walk of the main flow to the end of its path, and the scouts that see beyond its silent hops.

use super::probe::Micros;
use super::state::{Destination, MAIN};
use super::trunk;
use super::wants::{Granted, Wants};

/// Silent hops after the last that answered which the main flow asks itself; scouts ask the rest.
const TAIL: u8 = 2;
/// Silent hops in a row before one probe goes to the last TTL to see whether anything answers there.
const FAR_GAP: u8 = 3;
/// Flows that scouts may use where only one path is asked for.
const SCOUTS: u16 = 32;

/// Wishes for what the walk needs next; true once the main flow has been asked everywhere it has to be.
pub(super) fn plan(wants: &mut Wants<'_>) -> bool {
    let (state, layout, now) = (wants.state, wants.layout, wants.now);
    let config = &state.config;
    let end = layout.end_of(MAIN).unwrap_or(config.max_ttl);
    let tail = layout.highest_answer.saturating_add(TAIL);
    // Another flow arrived, and this one is silent: that one will see the rest.
    let overtaken = state.destination == Destination::Answers
        && layout.end_of(MAIN).is_none()
        && state
            .cell(MAIN, layout.highest_answer.saturating_add(1))
            .is_some_and(|cell| cell.is_overdue(now));
    let reach = if trunk::is_asked(state) {
        // A near target lies before it: no more than one probe goes there for nothing.
        layout.first
    } else if config.in_flight_per_flow.is_some() || overtaken {
        tail
    } else {
        config.max_ttl
    };
    let reach = reach.min(end);

    look_far(wants);
    // Where nothing tells that the destination answers, before anything goes farther: a hop that says one thing a second says where the
    // path ends, rather than what lies beyond.
    let first = state.destination != Destination::Answers;
    if first {
        reask(wants, end);
    }
    let mut walked = true;
    for ttl in layout.first..=reach {
        match state.cell(MAIN, ttl).filter(|cell| cell.asks > 0) {
            None => {
                // Granted or not, what lies beyond has to wait behind it, or would be riskier still.
                match wants.ask(MAIN, ttl, Micros(0)) {
                    Granted::Now => walked = false,
                    Granted::Later => {
                        walked = false;
                        break;
                    }
                    Granted::No => break,
                }
            }
            Some(cell) => walked &= !cell.replies.is_empty() || cell.misses > 0 || cell.flying == 0,
        }
    }
    if !first {
        reask(wants, end);
    }
    confirm_refusals(wants);

    let next = layout.highest_answer.saturating_add(1);
    let gap = (layout.first..=next.min(config.max_ttl)).any(|ttl| {
        state
            .cell(MAIN, ttl)
            .is_some_and(|cell| cell.is_overdue(now))
    });
    if gap
        && layout.end_of(MAIN).is_none()
        && layout.distance.is_none_or(|distance| distance > next)
    {
        walked &= scout(wants, next);
    }
    if config.flows_max == 1 {
        reask_inner_silence(wants);
    }
    walked
}

/// Asks the main flow's silent hops again, as far as anything answers and one hop farther.
fn reask(wants: &mut Wants<'_>, end: u8) {
    let (state, layout) = (wants.state, wants.layout);
    for ttl in layout.first..=end.min(layout.highest_answer.saturating_add(1)) {
        if let Some(at) = state.reask_at(MAIN, ttl) {
            wants.ask(MAIN, ttl, at);
        }
    }
}

/// Asks the TTLs from `next` on by other flows; true once each has been asked.
fn scout(wants: &mut Wants<'_>, next: u8) -> bool {
    let (state, layout) = (wants.state, wants.layout);
    let config = &state.config;
    let last = layout
        .distance
        .map_or(config.max_ttl, |distance| distance - 1);
    let mut asked = true;
    for ttl in next..=last {
        let Some(hop) = state.hop(ttl) else { break };
        if hop.asked >= 2 {
            continue;
        }
        asked &= hop.asked > 0;
        let at = if hop.asked == 0 {
            Micros(0)
        } else {
            hop.last_asked.plus(config.reask_spacing)
        };
        let Some(lane) = lane(wants, ttl) else { break };
        if wants.ask(lane, ttl, at) == Granted::Later && at <= wants.now {
            break;
        }
    }
    asked
}

/// Before more and more probes go into silence one after the other, a single one goes to the last TTL: if
/// nothing answers that either, nothing can be visited, and all TTLs can be asked at once.
fn look_far(wants: &mut Wants<'_>) {
    let (state, layout) = (wants.state, wants.layout);
    let next = layout.highest_answer.saturating_add(1);
    let last = state.config.max_ttl;
    let known =
        state.far_asked || state.destination == Destination::Silent || layout.distance.is_some();
    if known || next.saturating_add(FAR_GAP) > last {
        return;
    }
    let silent = (next..next.saturating_add(FAR_GAP)).all(|ttl| is_overdue_at(wants, ttl));
    if let (true, Some(lane)) = (silent, lane(wants, last)) {
        wants.ask_far(lane, last);
    }
}

/// Every flow that asked this TTL waits for longer than an answer takes.
fn is_overdue_at(wants: &Wants<'_>, ttl: u8) -> bool {
    let mut cells = (0..wants.state.flows.len())
        .filter_map(|flow| wants.state.cell(flow, ttl))
        .filter(|cell| cell.asks > 0)
        .peekable();
    cells.peek().is_some() && cells.all(|cell| cell.is_overdue(wants.now))
}

/// The lowest flow besides the main one that has not asked this TTL and may.
fn lane(wants: &Wants<'_>, ttl: u8) -> Option<usize> {
    let lanes = usize::from((wants.state.config.flows_max - 1).max(SCOUTS));
    (1..=lanes).find(|&flow| {
        wants.has_room(flow)
            && !wants.state.is_asked(flow, ttl)
            && !wants.is_planned(flow, ttl)
            && wants.layout.end_of(flow).is_none_or(|end| end > ttl)
    })
}

/// Where there are no other flows to do it by the way, scouts repeat the question inside a silent run.
fn reask_inner_silence(wants: &mut Wants<'_>) {
    let (state, layout) = (wants.state, wants.layout);
    let end = layout.end_of(MAIN).unwrap_or(u8::MAX);
    for ttl in layout.first..layout.highest_answer.min(end) {
        let Some(hop) = state.hop(ttl) else { break };
        let silent = state
            .cell(MAIN, ttl)
            .is_some_and(|cell| cell.misses > 0 && cell.replies.is_empty());
        let asks = u32::from(state.config.reasks) + 1;
        if silent
            && hop.answered == 0
            && hop.asked < asks
            && !state.opens_silence(MAIN, ttl)
            && let Some(lane) = lane(wants, ttl)
        {
            wants.ask(lane, ttl, hop.last_asked.plus(state.config.reask_spacing));
        }
    }
}

/// A single "unreachable" can be forged or passing: it is asked for once more, by whichever flow met it.
fn confirm_refusals(wants: &mut Wants<'_>) {
    let (state, layout) = (wants.state, wants.layout);
    for ttl in layout.first..=layout.highest_answer {
        let Some(level) = layout.level(ttl) else {
            break;
        };
        for group in &level.groups {
            let super::layout::Place::Refuser(address) = group.place else {
                continue;
            };
            let cells = || group.flows.iter().filter_map(|&flow| state.cell(flow, ttl));
            let answers = cells()
                .flat_map(|cell| &cell.replies)
                .filter(|reply| reply.from == address)
                .count();
            let asked: u32 = cells().map(|cell| u32::from(cell.asks)).sum();
            let limit = u32::from(state.config.reasks) + 1;
            if answers < 2
                && asked < limit
                && let Some(&flow) = group.flows.first()
                && let Some(cell) = state.cell(flow, ttl)
            {
                let pause = if cell.asks > 1 {
                    state.config.reask_spacing
                } else {
                    Micros(0)
                };
                wants.ask(flow, ttl, cell.last_asked.plus(pause));
            }
        }
    }
}
