//! What a trace is asked to do, and its bounds.

use std::num::NonZeroU16;

use super::probe::Micros;
use super::trunk::Trunk;

/// The settings of one trace. All durations are microseconds.
#[derive(Clone, Debug)]
pub struct Config {
    /// The first TTL that is asked; 0 is read as 1.
    pub first_ttl: u8,
    /// The last TTL that is asked.
    pub max_ttl: u8,
    /// At most so many flows are used to examine nodes; 1 traces one path. Scouts beyond a silent hop may use
    /// other flows even then, but what they see is not in the graph.
    pub flows_max: u16,
    /// At most so many of them, the first ones, are followed and listed in [`super::Graph::flows`]. What the others see is in the graph's
    /// nodes and links. Behind a wide balancer the stopping rule wants more flows than anybody reads.
    pub flows_shown: u16,
    /// How many probes of one flow may be unanswered at once; `None` is any number. One where a flow is a
    /// 4-tuple that only one socket can hold at a time.
    pub in_flight_per_flow: Option<NonZeroU16>,
    /// How many probes may be unanswered at once in all.
    pub in_flight_max: u16,
    /// Probes a second.
    pub rate: u32,
    /// Probes that may go at once after a pause.
    pub burst: u32,
    /// How long an answer is waited for.
    pub timeouts: Timeouts,
    /// How often a hop that did not answer is asked again before it is called silent.
    pub reasks: u8,
    /// The least time between two questions of one flow to one hop; the second pause is three times as long.
    pub reask_spacing: Micros,
    /// How sure the search for all paths has to be.
    pub confidence: Confidence,
    /// What the confidence is about.
    pub scope: Scope,
    /// At most so many probes are proposed.
    pub probes_max: u32,
    /// How many probes may reach the destination (each TCP one is a visit to the service), besides one of each flow whose outcome is
    /// wanted ([`super::Tracer::handle_outcomes_wanted`]). No probe is proposed that, as far as is known then, could exceed it;
    /// where more than one is allowed, one is kept for arms that turn out to be shorter.
    pub arrivals_max: u16,
    /// Whether the destination may limit how often it answers, as hosts do with ICMP errors; a TCP handshake is no such thing.
    pub arrivals_limited: bool,
    /// Whether the destination answers at all, where that is known from elsewhere.
    pub destination_answers: Option<bool>,
    /// Near hops that another trace of this process has learnt; none by default.
    pub trunk: Trunk,
    /// When the trace ends whatever is open, as an instant from the start.
    pub deadline: Option<Micros>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            first_ttl: 1,
            max_ttl: 30,
            flows_max: 256,
            flows_shown: 64,
            in_flight_per_flow: None,
            in_flight_max: 64,
            rate: 250,
            burst: 32,
            timeouts: Timeouts::default(),
            reasks: 2,
            reask_spacing: Micros::from_millis(250),
            confidence: Confidence::P95,
            scope: Scope::Node,
            probes_max: 2000,
            arrivals_max: 6,
            arrivals_limited: true,
            destination_answers: None,
            trunk: Trunk::default(),
            deadline: None,
        }
    }
}

impl Config {
    /// The same with every number inside the range that the tracer works with.
    pub(super) fn bounded(mut self) -> Self {
        self.first_ttl = self.first_ttl.clamp(1, 254);
        self.max_ttl = self.max_ttl.clamp(self.first_ttl, 254);
        self.flows_max = self.flows_max.clamp(1, 4096);
        self.flows_shown = self.flows_shown.clamp(1, self.flows_max);
        self.trunk = self.trunk.bounded(self.first_ttl, self.max_ttl);
        self.in_flight_max = self.in_flight_max.max(1);
        self.rate = self.rate.clamp(1, 1_000_000);
        self.burst = self.burst.max(1);
        self.reasks = self.reasks.min(16);
        self.timeouts.max = self.timeouts.max.max(self.timeouts.min);
        self
    }
}

/// How long an answer is waited for: three times the greatest round trip of the hops known so far plus
/// 50 ms, inside `min` and `max`; longer with each repetition. An answer that comes later still counts.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Before any round trip is known.
    pub initial: Micros,
    /// Never shorter.
    pub min: Micros,
    /// Never longer.
    pub max: Micros,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            initial: Micros::from_millis(500),
            min: Micros::from_millis(200),
            max: Micros::from_millis(1000),
        }
    }
}

/// How sure it has to be that no next hop was missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confidence {
    /// 95 of 100.
    P95,
    /// 99 of 100.
    P99,
}

impl Confidence {
    /// The probability of a miss that is accepted.
    #[must_use]
    pub const fn epsilon(self) -> f64 {
        match self {
            Self::P95 => 0.05,
            Self::P99 => 0.01,
        }
    }
}

/// What the confidence is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every examined node by itself, as the papers and other tools define it.
    Node,
    /// The whole path: the accepted miss is divided by the number of nodes examined.
    Path,
}
