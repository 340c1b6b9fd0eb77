//! The flows laid over each other: at each TTL, which places there are and which flows pass them.
//!
//! A picture of the state at one moment, made anew for each decision.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::loops::{self, Cycle};
use super::pacing::HopPace;
use super::probe::AnswerKind;
use super::state::{MAIN, State};
use super::stopping;
use super::trunk;

/// Answers of one router alone that prove, near a balancer per packet, that all packets pass it: of two routers
/// one stays hidden once in 2048.
const PROOF: usize = 12;

/// Where a flow is at a TTL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// Before the first TTL that is asked.
    Start,
    /// A router that said so.
    Router(IpAddr),
    /// The destination.
    Destination(IpAddr),
    /// A device that says it goes no further.
    Refuser(IpAddr),
    /// The `gap`th hop without an answer after `after`, which is `None` where none answered before.
    Silent { after: Option<IpAddr>, gap: u8 },
    /// Silent, and the hop before was not asked: it can't be told from others.
    Lost,
}

impl Place {
    pub(super) fn goes_on(self) -> bool {
        matches!(self, Self::Start | Self::Router(_) | Self::Silent { .. })
    }

    pub(super) fn address(self) -> Option<IpAddr> {
        match self {
            Self::Router(address) | Self::Destination(address) | Self::Refuser(address) => {
                Some(address)
            }
            Self::Start | Self::Silent { .. } | Self::Lost => None,
        }
    }
}

/// The flows at one place.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) place: Place,
    pub(super) flows: Vec<usize>,
    /// Flows through here that were answered by a router at the next TTL.
    pub(super) passed: u32,
    /// A flow through here, at this TTL or another, was answered by a router at the next one.
    pub(super) goes_on: bool,
    /// A flow through here arrived at the next TTL.
    pub(super) arrives: bool,
}

/// What is known at one TTL.
#[derive(Clone, Debug, Default)]
pub(super) struct Level {
    pub(super) groups: Vec<Group>,
    /// Flows that are asked here and not yet placed.
    pub(super) pending: usize,
    /// Flows that are placed or asked here and were not asked one TTL before.
    pub(super) orphans: Vec<usize>,
    /// Flows that are silent here and whose place before is not known.
    lost: Vec<usize>,
    /// Answers of routers here.
    answers: usize,
    /// One flow was answered by different routers here.
    pub(super) moved: bool,
    /// Between a balancer per packet and where its ways meet again: flows say nothing here.
    pub(super) mixed: bool,
}

/// Where one flow is, from its lowest TTL on: its part of [`Layout::places`].
#[derive(Clone, Copy, Default)]
struct Row {
    low: u8,
    start: usize,
    width: usize,
}

impl Row {
    fn index(self, ttl: u8) -> Option<usize> {
        let offset = usize::from(ttl.checked_sub(self.low)?);
        (offset < self.width).then_some(self.start + offset)
    }
}

pub(super) struct Layout {
    pub(super) first: u8,
    levels: Vec<Level>,
    /// By flow.
    rows: Vec<Row>,
    /// The flows' places one after the other: one allocation, as a layout is made for each decision.
    places: Vec<Option<Place>>,
    /// The TTL at which each flow ends, where it does.
    pub(super) ends: Vec<Option<u8>>,
    pub(super) cycles: Vec<Option<Cycle>>,
    /// The greatest TTL at which a router answered any flow; one below the first where none did.
    pub(super) highest_router: u8,
    /// The greatest TTL at which anything but the destination answered.
    pub(super) highest_answer: u8,
    /// The least TTL at which a probe arrived.
    pub(super) distance: Option<u8>,
}

impl Layout {
    pub(super) fn of(state: &State) -> Self {
        let first = trunk::first_asked(state);
        let levels = vec![Level::default(); usize::from(state.config.max_ttl) + 2];
        let mut layout = Self {
            first,
            levels,
            rows: Vec::with_capacity(state.flows.len()),
            places: Vec::with_capacity(state.flows.len() * 4),
            ends: Vec::with_capacity(state.flows.len()),
            cycles: Vec::with_capacity(state.flows.len()),
            highest_router: first - 1,
            highest_answer: first - 1,
            distance: None,
        };
        for flow in 0..state.flows.len() {
            layout.place(state, flow);
        }
        layout.adopt_lost();
        layout.look_ahead();
        layout.find_mixed(state);
        layout
    }

    pub(super) fn level(&self, ttl: u8) -> Option<&Level> {
        self.levels.get(usize::from(ttl))
    }

    pub(super) fn place_at(&self, flow: usize, ttl: u8) -> Option<Place> {
        at(&self.rows, &self.places, flow, ttl)
    }

    pub(super) fn end_of(&self, flow: usize) -> Option<u8> {
        *self.ends.get(flow)?
    }

    pub(super) fn group(&self, ttl: u8, place: Place) -> Option<&Group> {
        self.level(ttl)?
            .groups
            .iter()
            .find(|group| group.place == place)
    }

    pub(super) fn is_mixed(&self, ttl: u8) -> bool {
        self.level(ttl).is_some_and(|level| level.mixed)
    }

    /// The one place at this TTL, if there is only one.
    pub(super) fn only(&self, ttl: u8) -> Option<&Group> {
        match self.level(ttl)?.groups.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    fn place(&mut self, state: &State, flow: usize) {
        let Some(row) = state.flows.get(flow) else {
            return;
        };
        let low = row.low.max(self.first);
        let own = Row {
            low,
            start: self.places.len(),
            width: (usize::from(row.high) + 1).saturating_sub(usize::from(low)),
        };
        self.places.resize(own.start + own.width, None);
        let cycle = row
            .repeats
            .then(|| cycle_of(state, flow, self.first, row.high));
        let cycle = cycle.flatten();
        let mut end = cycle.as_ref().map(|cycle| cycle.last_ttl);
        for ttl in low..=row.high {
            if end.is_some_and(|end| ttl > end) {
                break;
            }
            let Some(cell) = state.cell(flow, ttl) else {
                break;
            };
            if cell.asks == 0 {
                continue;
            }
            let place = match cell.outcome() {
                Some(reply) => Some(match reply.kind {
                    AnswerKind::TimeExceeded => {
                        self.highest_router = self.highest_router.max(ttl);
                        Place::Router(reply.from)
                    }
                    AnswerKind::Arrived => Place::Destination(reply.from),
                    AnswerKind::Unreachable { .. } => Place::Refuser(reply.from),
                }),
                None if cell.flying == 0 && state.reask_at(flow, ttl).is_none() => {
                    let before = if ttl == self.first {
                        Some(Place::Start)
                    } else {
                        let before = ttl.checked_sub(1).and_then(|ttl| own.index(ttl));
                        before.and_then(|index| *self.places.get(index)?)
                    };
                    // Of a hop that limits its answers, a silent one is not another node.
                    let limited = state.hop(ttl).is_some_and(HopPace::is_limited);
                    Some(if limited {
                        Place::Lost
                    } else {
                        silence_after(before)
                    })
                }
                None => None,
            };
            match place {
                Some(Place::Destination(_)) => {
                    self.distance = Some(self.distance.map_or(ttl, |least| least.min(ttl)));
                    end = Some(ttl);
                }
                Some(Place::Refuser(_)) => {
                    self.highest_answer = self.highest_answer.max(ttl);
                    end = Some(ttl);
                }
                _ => {}
            }
            if let Some(slot) = own.index(ttl).and_then(|index| self.places.get_mut(index)) {
                *slot = place;
            }
            let orphan = ttl > self.first && !state.is_asked(flow, ttl - 1);
            let Some(level) = self.levels.get_mut(usize::from(ttl)) else {
                break;
            };
            level.moved |= cell.moved();
            level.answers += cell.replies.len();
            if orphan {
                level.orphans.push(flow);
            }
            match place {
                None => level.pending += 1,
                Some(Place::Lost) => level.lost.push(flow),
                Some(place) => match level.groups.iter_mut().find(|group| group.place == place) {
                    Some(group) => group.flows.push(flow),
                    None => level.groups.push(Group {
                        place,
                        flows: vec![flow],
                        passed: 0,
                        goes_on: false,
                        arrives: false,
                    }),
                },
            }
        }
        self.highest_answer = self.highest_answer.max(self.highest_router);
        self.rows.push(own);
        self.ends.push(end);
        self.cycles.push(cycle);
    }

    /// Whether the ways seem to meet again here, and more answers would prove it.
    pub(super) fn seems_to_meet(&self, ttl: u8) -> bool {
        let Some(level) = self.level(ttl) else {
            return false;
        };
        let router =
            matches!(level.groups.as_slice(), [only] if matches!(only.place, Place::Router(_)));
        router && level.mixed && !level.moved
    }

    /// Whether flows part per packet right after this hop, and more answers would prove that not before it.
    pub(super) fn seems_to_part(&self, ttl: u8) -> bool {
        let here = self.level(ttl).filter(|level| !level.mixed);
        here.is_some_and(|level| level.answers < PROOF) && self.is_mixed(ttl.saturating_add(1))
    }

    /// Where all flows are at one place, a flow that was not asked there is silent after that place too.
    fn adopt_lost(&mut self) {
        for ttl in 1..self.levels.len() {
            let Some([before]) = self
                .levels
                .get(ttl - 1)
                .map(|level| level.groups.as_slice())
            else {
                continue;
            };
            let place = silence_after(Some(before.place));
            let Some(level) = self.levels.get_mut(ttl).filter(|_| place != Place::Lost) else {
                continue;
            };
            let Some(group) = level.groups.iter_mut().find(|group| group.place == place) else {
                continue;
            };
            for flow in std::mem::take(&mut level.lost) {
                group.flows.push(flow);
                let row = self.rows.get(flow).zip(u8::try_from(ttl).ok());
                let index = row.and_then(|(row, ttl)| row.index(ttl));
                if let Some(slot) = index.and_then(|index| self.places.get_mut(index)) {
                    *slot = Some(place);
                }
            }
        }
    }

    /// Notes at each place what flows through it met one TTL further.
    fn look_ahead(&mut self) {
        let (rows, places) = (&self.rows, &self.places);
        let mut pooled: BTreeMap<IpAddr, (bool, bool)> = BTreeMap::new();
        for ttl in 0..self.levels.len() {
            let (near, far) = self.levels.split_at_mut(ttl + 1);
            let (Some(level), Ok(next)) = (near.last_mut(), u8::try_from(ttl + 1)) else {
                break;
            };
            let single = level.groups.len() == 1;
            let strays = far.first().filter(|_| single);
            let strays = strays.map_or(&[][..], |level| &level.orphans);
            for group in &mut level.groups {
                for &flow in group.flows.iter().chain(strays) {
                    match at(rows, places, flow, next) {
                        Some(Place::Router(_)) => {
                            group.passed += 1;
                            group.goes_on = true;
                        }
                        Some(Place::Destination(_)) => group.arrives = true,
                        _ => {}
                    }
                }
                if let Place::Router(address) = group.place {
                    let known = pooled.entry(address).or_default();
                    known.0 |= group.goes_on;
                    known.1 |= group.arrives;
                }
            }
        }
        // A router that goes on at one TTL does so at another: an arm of another length passes it there.
        for group in self.levels.iter_mut().flat_map(|level| &mut level.groups) {
            if let Place::Router(address) = group.place {
                group.goes_on |= pooled.get(&address) == Some(&(true, false));
            }
        }
    }

    /// From the first TTL at which a flow moved to the next at which all flows are at one router again, seen
    /// twice as often as elsewhere: six packets that all take one of two ways happen once in 32.
    fn find_mixed(&mut self, state: &State) {
        let enough = stopping::stopping_point(state.config.confidence, 2) as usize;
        let mut mixed = false;
        for level in &mut self.levels {
            if level.moved {
                mixed = true;
            } else if let [only] = level.groups.as_slice()
                && (!mixed || level.answers >= PROOF.max(enough))
                && matches!(only.place, Place::Router(_))
            {
                mixed = false;
            }
            level.mixed = mixed;
        }
    }
}

fn at(rows: &[Row], places: &[Option<Place>], flow: usize, ttl: u8) -> Option<Place> {
    *places.get(rows.get(flow)?.index(ttl)?)?
}

fn silence_after(before: Option<Place>) -> Place {
    match before {
        Some(Place::Start) => Place::Silent {
            after: None,
            gap: 1,
        },
        Some(Place::Router(address)) => Place::Silent {
            after: Some(address),
            gap: 1,
        },
        Some(Place::Silent { after, gap }) => Place::Silent {
            after,
            gap: gap.saturating_add(1),
        },
        Some(Place::Destination(_) | Place::Refuser(_) | Place::Lost) | None => Place::Lost,
    }
}

fn cycle_of(state: &State, flow: usize, first: u8, high: u8) -> Option<Cycle> {
    let routers: Vec<_> = (first..=high)
        .map(|ttl| {
            let reply = state.cell(flow, ttl)?.outcome()?;
            (reply.kind == AnswerKind::TimeExceeded).then_some(reply.from)
        })
        .collect();
    loops::find(first, &routers)
}

/// Whether the main flow's walk is known to go in a circle at this TTL.
pub(super) fn circles_at(layout: &Layout, ttl: u8) -> bool {
    let cycle = layout.cycles.get(MAIN).and_then(Option::as_ref);
    cycle.is_some_and(|cycle| usize::from(ttl) >= usize::from(cycle.first_ttl) + cycle.nodes.len())
}
