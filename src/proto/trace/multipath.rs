//! The search for all paths: how many flows each node still has to be passed by, and which ones.
//!
//! The Multipath Detection Algorithm with node control (Augustin et al. 2006, Veitch et al. 2009), hop by
//! hop on shared flows as MDA-Lite does (Vermeulen et al. 2018): a flow that was asked at a hop for one node's
//! sake serves all others, and only as many TTLs of a flow are asked as some node needs.

use super::config::Confidence;
use super::examine::{Behind, is_examined, may_arrive, parents, required, start};
use super::gate;
use super::layout::{self, Group, Layout, Place};
use super::pacing::HopPace;
use super::probe::Micros;
use super::state::{MAIN, State};
use super::stopping;
use super::wants::{Granted, Wants};

/// Repetitions of a flow behind a branching node before it is believed to balance per flow: a balancer per
/// packet over two next hops goes unnoticed once in 256.
const REPEATS: u32 = 8;
/// The same where the hop after it was seen to balance per packet, to find the first that does.
const REPEATS_BEFORE_MIXED: u32 = 12;
/// Wishes for what the examination of all nodes needs next; `order` decides between equally good flows.
pub(super) fn plan(wants: &mut Wants<'_>, order: u64) {
    let (state, layout) = (wants.state, wants.layout);
    let start = start(state);
    let last = state
        .config
        .max_ttl
        .min(layout.highest_answer.saturating_add(1));
    let mut search = Search {
        new_flows: 0,
        order,
    };
    for ttl in layout.first..=last {
        // The first flows come first: what they will see is not looked for by others.
        if plan_base(wants, &start, ttl) {
            search.hop(wants, &start, ttl);
        }
        connect(wants, ttl);
        if layout.seems_to_meet(ttl) || layout.seems_to_part(ttl) {
            see_again(wants, ttl);
        }
    }
    reask_silent(wants);
    if !wants.open && !state.awaits_news(layout) {
        visit(wants);
    }
}

/// Spends arrivals that are left, when nothing else is open, on the nodes before the destination: one of them may have a longer arm too.
fn visit(wants: &mut Wants<'_>) {
    let (state, layout) = (wants.state, wants.layout);
    for ttl in layout.first + 1..=state.config.max_ttl {
        let groups = layout.level(ttl - 1).map_or(&[][..], |level| &level.groups);
        for group in groups.iter().filter(|group| group.arrives) {
            if !is_examined(state, layout, group, ttl) {
                continue;
            }
            let behind = Behind::of(state, layout, ttl, group);
            for &flow in behind.candidates.iter().take(behind.missing() as usize) {
                wants.ask(flow, ttl, Micros(0));
            }
        }
    }
}

struct Search {
    /// Flows that are used for the first time in this round.
    new_flows: usize,
    order: u64,
}

impl Search {
    fn hop(&mut self, wants: &mut Wants<'_>, start: &Group, ttl: u8) {
        let (state, layout) = (wants.state, wants.layout);
        let mut lacking = Vec::new();
        for group in parents(layout, start, ttl) {
            if !is_examined(state, layout, group, ttl) {
                continue;
            }
            let mut behind = Behind::of(state, layout, ttl, group);
            if behind.per_packet || group.arrives {
                continue;
            }
            // Where the flow is fixed so far, it is first seen whether flows keep to their way at all.
            repeat(wants, &behind, ttl);
            let mut missing = behind.missing();
            if may_arrive(layout, group, ttl) {
                missing = missing.min(1_u32.saturating_sub(behind.asked));
            }
            if state.config.confidence == Confidence::P99 && behind.found > 1 {
                // Flows that are there anyway make it surer still.
                missing = missing.max(u32::try_from(behind.candidates.len()).unwrap_or(0));
            }
            shuffle(&mut behind.candidates, self.order ^ u64::from(ttl));
            for &flow in &behind.candidates {
                if missing == 0 {
                    break;
                }
                if flow < usize::from(state.config.flows_max) {
                    wants.ask(flow, ttl, Micros(0));
                    missing -= 1;
                }
            }
            if missing > 0 && !is_too_dear(layout, &behind, ttl) {
                lacking.push((group, missing));
            }
        }
        if !lacking.is_empty() {
            self.control(wants, &lacking, ttl);
        }
    }

    /// Node control: sends flows to the hop before `ttl` until enough of them pass the nodes that lack some.
    fn control(&mut self, wants: &mut Wants<'_>, lacking: &[(&Group, u32)], ttl: u8) {
        let (state, layout) = (wants.state, wants.layout);
        // A sole place is passed by every flow: it can be asked beyond without looking at it again.
        let sole = lacking.len() == 1
            && (ttl == layout.first || layout.only(ttl - 1).is_some())
            && (ttl == layout.first || seen_enough(layout, ttl - 1));
        let at = if sole { ttl } else { ttl - 1 };
        if at < layout.first {
            return;
        }
        let Some(level) = layout.level(at) else {
            return;
        };
        // A new flow that falls silent beyond a fork can't be told to be at this silent node or at another.
        let steered = !sole && at > layout.first && layout.only(at - 1).is_none();
        let lacking: Vec<_> = lacking
            .iter()
            .filter(|(group, _)| !steered || !matches!(group.place, Place::Silent { .. }))
            .collect();
        if lacking.is_empty() {
            return;
        }
        let missing = lacking
            .iter()
            .map(|(_, missing)| *missing as usize)
            .sum::<usize>();
        let mut count = if sole {
            missing
        } else {
            // One flow in `groups` meets a certain node: a few more at a time save round trips.
            let pending = level.pending.saturating_sub(stray(wants, &lacking, at));
            (missing + level.groups.len() / 4).saturating_sub(pending)
        };
        count = count.saturating_sub(usize::from(wants.planned_at(at)));
        let leads = lacking.iter().flat_map(|(group, _)| &group.flows);
        let before = at.saturating_sub(1);
        let leads: Vec<Place> = leads
            .filter_map(|&flow| layout.place_at(flow, before))
            .collect();
        let entry = entry(layout, at);
        for flow in self.likely_flows(wants, &leads, at) {
            if count == 0 {
                return;
            }
            if entry < at && layout.place_at(flow, before).is_none() {
                continue;
            }
            wants.ask(flow, at, Micros(0));
            count -= 1;
        }
        let most = usize::from(state.config.flows_max);
        for ttl in (entry..at.saturating_sub(1)).rev() {
            count = step(wants, ttl, at, count);
        }
        while count > 0 {
            let flow = state.flows.len() + self.new_flows;
            if flow >= most {
                wants.short_of_flows = true;
                return;
            }
            wants.ask(flow, entry, Micros(0));
            self.new_flows += 1;
            count -= 1;
        }
    }

    /// Flows in use that were not asked at `at`, those first that pass a node before one that lacks flows.
    fn likely_flows(&self, wants: &Wants<'_>, leads: &[Place], at: u8) -> Vec<usize> {
        let (state, layout) = (wants.state, wants.layout);
        let before = at.saturating_sub(1);
        let most = state.flows.len().min(usize::from(state.config.flows_max));
        let mut flows: Vec<usize> = (0..most)
            .filter(|&flow| {
                !state.is_asked(flow, at) && layout.end_of(flow).is_none_or(|end| end > at)
            })
            .filter(|&flow| {
                layout
                    .place_at(flow, before)
                    .is_none_or(|place| leads.contains(&place))
            })
            .collect();
        shuffle(&mut flows, self.order ^ u64::from(at) << 8);
        flows.sort_by_key(|&flow| layout.place_at(flow, before).is_none());
        flows
    }
}

/// The first few flows are asked everywhere: every node needs that many anyway, and their whole paths tell
/// which links belong together. True where they have been asked at this TTL.
fn plan_base(wants: &mut Wants<'_>, start: &Group, ttl: u8) -> bool {
    let (state, layout) = (wants.state, wants.layout);
    let flows = base_flows(state, layout);
    let last = match layout.distance {
        Some(distance) => (distance - 1).min(layout.highest_router.saturating_add(1)),
        None => layout
            .highest_answer
            .max(layout.highest_router.saturating_add(1)),
    };
    let open = parents(layout, start, ttl)
        .iter()
        .any(|group| is_examined(state, layout, group, ttl));
    if ttl > last || layout::circles_at(layout, ttl) || (!open && !layout.is_mixed(ttl)) {
        return true;
    }
    let near = layout
        .distance
        .is_some_and(|distance| gate::is_near(ttl, distance));
    let mut asked = true;
    for flow in 1..flows {
        // Near the destination a flow goes step by step: on a shorter arm it would arrive at each of the hops that are left.
        let blind = near && ttl > layout.first && layout.place_at(flow, ttl - 1).is_none();
        if blind && !state.is_asked(flow, ttl) && layout.end_of(flow).is_none() {
            asked = false;
        } else if !state.is_asked(flow, ttl) && layout.end_of(flow).is_none_or(|end| end > ttl) {
            asked &= wants.ask(flow, ttl, Micros(0)) == Granted::No;
        }
    }
    asked
}

/// How many flows are asked everywhere.
fn base_flows(state: &State, layout: &Layout) -> usize {
    required(state, layout, 1).min(u32::from(state.config.flows_max)) as usize
}

/// Asks flows again that were answered behind a branching node: if one moves, it balances per packet.
fn repeat(wants: &mut Wants<'_>, behind: &Behind, ttl: u8) {
    if behind.found < 2 {
        return;
    }
    let (state, layout) = (wants.state, wants.layout);
    let wanted = if layout.is_mixed(ttl.saturating_add(1)) {
        REPEATS_BEFORE_MIXED
    } else {
        REPEATS
    };
    let mut rest = wanted.saturating_sub(behind.repeats);
    for round in 1..=3 {
        for &flow in &behind.answered {
            if rest == 0 {
                return;
            }
            let Some(cell) = state.cell(flow, ttl) else {
                continue;
            };
            let is_router = matches!(layout.place_at(flow, ttl), Some(Place::Router(_)));
            if is_router && cell.asks == round && cell.flying == 0 {
                wants.ask(flow, ttl, Micros(0));
                rest -= 1;
            }
        }
    }
}

/// No flow is on its way here, or enough were here that one more is no news.
fn seen_enough(layout: &Layout, ttl: u8) -> bool {
    layout.level(ttl).is_some_and(|level| {
        let flows: usize = level.groups.iter().map(|group| group.flows.len()).sum();
        level.pending == 0 || flows >= stopping::stopping_point(Confidence::P95, 2) as usize
    })
}

/// Where new flows begin that shall come to `at`: there, or where some branches are silent, at the fork before
/// them, as a flow that falls silent halfway can't be told from one that goes another way.
fn entry(layout: &Layout, at: u8) -> u8 {
    let mut entry = at;
    let mut silent = false;
    while entry > layout.first && layout.only(entry - 1).is_none() {
        silent |= has_silence(layout, entry);
        entry -= 1;
    }
    if silent || has_silence(layout, entry) {
        entry
    } else {
        at
    }
}

fn has_silence(layout: &Layout, ttl: u8) -> bool {
    layout.level(ttl).is_some_and(|level| {
        level
            .groups
            .iter()
            .any(|group| matches!(group.place, Place::Silent { .. }))
    })
}

/// Flows that are asked at `at` and have been silent for so long that they hardly come to the routers that lack some.
fn stray(wants: &Wants<'_>, lacking: &[&(&Group, u32)], at: u8) -> usize {
    let (state, layout) = (wants.state, wants.layout);
    let routers = lacking
        .iter()
        .all(|(group, _)| matches!(group.place, Place::Router(_)));
    if !routers || state.hop(at).is_none_or(HopPace::is_limited) {
        return 0;
    }
    let silent = |flow: &usize| {
        let cell = state.cell(*flow, at);
        layout.place_at(*flow, at).is_none() && cell.is_some_and(|cell| cell.is_overdue(wants.now))
    };
    (0..state.flows.len()).filter(silent).count()
}

/// Takes flows that were last seen at a router at `ttl` one hop further on their way to `at`; the rest of
/// `count`.
fn step(wants: &mut Wants<'_>, ttl: u8, at: u8, mut count: usize) -> usize {
    let (state, layout) = (wants.state, wants.layout);
    let Some(level) = layout.level(ttl) else {
        return count;
    };
    let routers = level
        .groups
        .iter()
        .filter(|group| matches!(group.place, Place::Router(_)));
    let leads = routers.filter(|group| {
        let behind = Behind::of(state, layout, ttl + 1, group);
        behind.answered.len() + behind.pending() > 0 || behind.settled < behind.required
    });
    for &flow in leads.flat_map(|group| &group.flows) {
        if count == 0 {
            break;
        }
        let fresh = (ttl + 1..=at).all(|ttl| !state.is_asked(flow, ttl));
        if fresh && flow < usize::from(state.config.flows_max) {
            wants.ask(flow, ttl + 1, Micros(0));
            count -= 1;
        }
    }
    count
}

/// Around a balancer per packet: asks each flow once more where the ways seem to part or to meet again.
fn see_again(wants: &mut Wants<'_>, ttl: u8) {
    let (state, layout) = (wants.state, wants.layout);
    for flow in layout
        .level(ttl)
        .iter()
        .flat_map(|level| &level.groups)
        .flat_map(|group| &group.flows)
    {
        if state.cell(*flow, ttl).is_some_and(|cell| cell.asks < 3) {
            wants.ask(*flow, ttl, Micros(0));
        }
    }
}

/// Sees to it that every node was met by a flow that was asked one hop before too: else no link leads to it.
fn connect(wants: &mut Wants<'_>, ttl: u8) {
    let (state, layout) = (wants.state, wants.layout);
    if ttl <= layout.first {
        return;
    }
    let Some(level) = layout.level(ttl) else {
        return;
    };
    for group in &level.groups {
        let linked = group
            .flows
            .iter()
            .any(|&flow| state.is_asked(flow, ttl - 1));
        let shown = group
            .flows
            .iter()
            .find(|&&flow| flow < usize::from(state.config.flows_max));
        if let (false, Some(&flow), Place::Router(_)) = (linked, shown, group.place) {
            wants.ask(flow, ttl - 1, Micros(0));
        }
    }
}

/// Repeats, slowly, what was not answered at hops that answer others.
fn reask_silent(wants: &mut Wants<'_>) {
    let (state, layout) = (wants.state, wants.layout);
    for flow in (0..state.flows.len()).filter(|&flow| flow != MAIN) {
        let Some(row) = state.flows.get(flow) else {
            continue;
        };
        let last = row.high.min(layout.highest_answer.saturating_add(1));
        for ttl in row.low..=last.min(layout.end_of(flow).unwrap_or(u8::MAX)) {
            if let Some(at) = state.reask_at(flow, ttl) {
                wants.ask(flow, ttl, at);
            }
        }
    }
}

/// Where a wide hop meets again in one node, the last flow through the last of its nodes is the dearest of all: a new flow comes there
/// by chance. It is left out once the hop has had 7/4 of the flows of its own stopping point. The node's bound in the result says
/// so. MDA-Lite drops node control altogether in this case (Vermeulen et al. 2018, section 3).
fn is_too_dear(layout: &Layout, behind: &Behind, ttl: u8) -> bool {
    if behind.found != 1 || behind.missing() > 1 || layout.only(ttl).is_none() {
        return false;
    }
    let Some(level) = ttl.checked_sub(1).and_then(|before| layout.level(before)) else {
        return false;
    };
    let seen: usize = level.groups.iter().map(|group| group.flows.len()).sum();
    let width = u32::try_from(level.groups.len()).unwrap_or(u32::MAX);
    let stop = stopping::stopping_point(Confidence::P95, width.saturating_add(1)) as usize;
    width > 1 && (level.pending + seen) * 4 >= stop * 7
}

/// Fisher and Yates' shuffle on the generator splitmix64.
fn shuffle(flows: &mut [usize], seed: u64) {
    let mut state = seed;
    for last in (1..flows.len()).rev() {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let other = usize::try_from(mixed % (last as u64 + 1)).unwrap_or(0);
        flows.swap(last, other);
    }
}
