//! The state machine itself: what is handed in and out, and when it ends.

use std::collections::VecDeque;
use std::num::NonZeroU16;

use super::config::Config;
use super::draw;
use super::graph::Graph;
use super::layout::Layout;
use super::multipath;
use super::outcomes;
use super::pacing::Bucket;
use super::probe::{Answer, Micros, Probe, ProbeId};
use super::state::{Destination, State};
use super::walk;
use super::wants::{Want, Wants};

/// Why a trace ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// All that was to be asked has been asked.
    Complete,
    /// A bound was reached before every node was examined; what is known stands.
    StoppedAtBound(Bound),
    /// The deadline came first.
    Deadline,
}

/// The bound that ended a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// [`Config::probes_max`].
    Probes,
    /// [`Config::flows_max`].
    Flows,
}

/// Traces the paths to one destination. See the module's text for how it is driven: after each `handle_*`,
/// take [`Self::poll_transmit`] until it gives nothing, then sleep until [`Self::poll_timeout`].
pub struct Tracer {
    state: State,
    bucket: Bucket,
    seed: u64,
    queue: VecDeque<Want>,
    wake: Option<Micros>,
    stale: bool,
    short_of_flows: bool,
    end: Option<End>,
}

impl Tracer {
    /// A trace that starts `now`. The seed decides in which order equally good probes go, nothing else.
    #[must_use]
    pub fn new(config: Config, seed: u64, now: Micros) -> Self {
        let config = config.bounded();
        Self {
            bucket: Bucket::new(config.rate, config.burst, now),
            state: State::new(config),
            seed,
            queue: VecDeque::new(),
            wake: Some(now),
            stale: true,
            short_of_flows: false,
            end: None,
        }
    }

    /// The probe to send now, if one is due. It counts as on its way from here on; say with
    /// [`Self::handle_sent`] or [`Self::handle_unsendable`] what became of it.
    pub fn poll_transmit(&mut self, now: Micros) -> Option<Probe> {
        self.end_at_deadline(now);
        if self.end.is_some() {
            return None;
        }
        if self.stale {
            self.decide(now);
        }
        if self.end.is_some() || self.queue.is_empty() {
            return None;
        }
        if self.state.in_flight() >= usize::from(self.state.config.in_flight_max) {
            return None;
        }
        if let Err(ready) = self.bucket.take(now) {
            self.wake = Some(self.wake.map_or(ready, |wake| wake.min(ready)));
            return None;
        }
        let want = self.queue.pop_front()?;
        if self.queue.is_empty() {
            self.stale = true;
        }
        Some(
            self.state
                .propose(want.flow, want.ttl, want.risk, want.far, now),
        )
    }

    /// The probe left at `now`: its time-out counts from here.
    pub fn handle_sent(&mut self, id: ProbeId, now: Micros) {
        self.state.on_sent(id, now);
    }

    /// The probe could not be sent: nothing is concluded from its silence. It may be proposed again.
    pub fn handle_unsendable(&mut self, id: ProbeId, now: Micros) {
        if self.state.on_unsendable(id) {
            self.bucket.put_back();
            self.renew(now);
        }
    }

    /// An answer came. Duplicates and answers to probes that were never sent are counted and change nothing;
    /// late ones count as answers.
    pub fn handle_answer(&mut self, id: ProbeId, now: Micros, answer: Answer) {
        if self.state.on_answer(id, answer) {
            self.renew(now);
        }
    }

    /// The destination was found, elsewhere, to answer nothing at all: probes that may reach it visit nobody.
    pub fn handle_destination_silent(&mut self, now: Micros) {
        if self.state.arrivals == 0 {
            self.state.destination = Destination::Silent;
            self.renew(now);
        }
    }

    /// The destination was found, elsewhere, to answer.
    pub fn handle_destination_answers(&mut self, now: Micros) {
        self.state.destination = Destination::Answers;
        self.renew(now);
    }

    /// The destination is believed to be `ttl` hops away: hops before it are asked at once, the last few of them only as far as they may
    /// arrive. Learnt from the way back it is an estimate; where the way there is shorter by more than three hops, probes arrive that need
    /// not have.
    pub fn handle_distance(&mut self, ttl: u8, now: Micros) {
        self.state.estimate = Some(ttl);
        self.renew(now);
    }

    /// From now on the probes of one flow wait for each other ([`Config::in_flight_per_flow`]).
    pub fn handle_one_at_a_time(&mut self) {
        self.state.config.in_flight_per_flow = Some(NonZeroU16::MIN);
    }

    /// The round trip to the destination was learnt elsewhere, so that it answers: probes that may go so far are waited for longer, within the greatest
    /// time-out.
    pub fn handle_round_trip(&mut self, rtt: Micros, now: Micros) {
        self.state.destination_rtt = Some(rtt);
        self.state.destination = Destination::Answers;
        let timeouts = &mut self.state.config.timeouts;
        let wanted = Micros(rtt.0 + rtt.0 / 4).plus(Micros::from_millis(50));
        timeouts.min = timeouts.min.max(wanted).min(timeouts.max);
        timeouts.initial = timeouts.initial.max(timeouts.min);
        self.renew(now);
    }

    /// The outcomes of up to `flows` flows are wanted ([`Config::flows_shown`] and [`Config::flows_max`] at most): from now on they are
    /// followed where paths part and sent to the destination, once each, or again where they were not answered. What they met and whether
    /// they arrived is in [`Graph::flows`]. A trace that had ended by itself goes on. Of the greatest number asked for, none is taken back.
    pub fn handle_outcomes_wanted(&mut self, flows: u16, now: Micros) {
        let config = &self.state.config;
        let flows = flows.min(config.flows_shown).min(config.flows_max);
        if flows <= self.state.followed {
            return;
        }
        self.state.followed = flows;
        if matches!(
            self.end,
            Some(End::Complete | End::StoppedAtBound(Bound::Flows))
        ) {
            self.end = None;
        }
        self.renew(now);
    }

    /// More flows may be used from now on ([`Config::flows_max`]) and shown ([`Config::flows_shown`]); fewer are no news. A trace that had
    /// ended by itself goes on.
    pub fn handle_more_flows(&mut self, most: u16, shown: u16, now: Micros) {
        let config = &mut self.state.config;
        if most <= config.flows_max {
            return;
        }
        config.flows_max = most;
        config.flows_shown = config.flows_shown.max(shown);
        *config = config.clone().bounded();
        if matches!(
            self.end,
            Some(End::Complete | End::StoppedAtBound(Bound::Flows))
        ) {
            self.end = None;
        }
        self.renew(now);
    }

    /// The trace has to end by then, if its deadline is not sooner.
    pub fn handle_deadline(&mut self, at: Micros) {
        let deadline = &mut self.state.config.deadline;
        *deadline = Some(deadline.map_or(at, |known| known.min(at)));
    }

    /// Time has passed: call it when [`Self::poll_timeout`] said so; at other times it does no harm.
    pub fn handle_timeout(&mut self, now: Micros) {
        self.end_at_deadline(now);
        let due = self.wake.is_some_and(|wake| wake <= now);
        if self.state.on_time(now) || due {
            self.renew(now);
        }
    }

    /// When [`Self::handle_timeout`] should be called next; `None` once the trace has ended.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Micros> {
        if self.end.is_some() {
            return None;
        }
        [
            self.wake,
            self.state.next_time(),
            self.state.config.deadline,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Why the trace ended; `None` while it goes on.
    #[must_use]
    pub fn is_done(&self) -> Option<End> {
        self.end
    }

    /// How many probes wait for their answer.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.state.in_flight()
    }

    /// Whether this probe waits for its answer. One that still does when the trace ends was cut short: it was under way beyond an arrival of
    /// its own flow, from where nothing new can come, or the deadline came first.
    #[must_use]
    pub fn is_under_way(&self, id: ProbeId) -> bool {
        self.state.is_under_way(id)
    }

    /// What is known so far; final once [`Self::is_done`] says so, though late answers still count.
    #[must_use]
    pub fn graph(&self) -> Graph {
        draw::draw(&self.state, self.end)
    }

    fn renew(&mut self, now: Micros) {
        self.stale = true;
        self.wake = Some(now);
    }

    fn end_at_deadline(&mut self, now: Micros) {
        if self.end.is_none()
            && self
                .state
                .config
                .deadline
                .is_some_and(|deadline| now >= deadline)
        {
            self.end = Some(End::Deadline);
        }
    }

    /// Decides anew what is wanted; ends the trace where nothing is, nor will be.
    fn decide(&mut self, now: Micros) {
        self.stale = false;
        self.queue.clear();
        self.wake = None;
        if self.state.proposed() >= self.state.config.probes_max as usize {
            if self.state.in_flight() == 0 {
                self.end = Some(End::StoppedAtBound(Bound::Probes));
            }
            return;
        }
        let layout = Layout::of(&self.state);
        let mut wants = Wants::new(&self.state, &layout, now);
        let walked = walk::plan(&mut wants);
        if walked {
            outcomes::plan(&mut wants);
        }
        if walked && self.state.config.flows_max > 1 {
            let order = self.seed ^ self.state.proposed() as u64;
            multipath::plan(&mut wants, order);
        }
        wants.compare();
        self.short_of_flows = wants.short_of_flows;
        self.wake = wants.wake;
        self.queue.extend(wants.ready.iter().copied());
        let room = self.state.config.probes_max as usize - self.state.proposed();
        self.queue.truncate(room);
        let over = self.queue.is_empty() && self.wake.is_none();
        if over && !self.state.awaits_news(&layout) {
            self.end = Some(if self.short_of_flows {
                End::StoppedAtBound(Bound::Flows)
            } else {
                End::Complete
            });
        }
    }
}
