//! ICMP errors that answered probes: whose they are, from what distance they come, and what came beside them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Scene, Sender, ids};
use crate::diagnose::Need;
use crate::model::target::Protocol;
use crate::model::text::count;
use crate::model::topology::Seen;
use crate::model::{Address, Finding, Icmp, Ms, Observation, ObservationId, Operation, Outcome};

/// An ICMP error that answered probes.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejection<'a> {
    /// What it says.
    pub outcome: Outcome,
    /// Who sent it.
    pub by: &'a Address,
    /// Who that is.
    pub sender: Sender,
    /// The probes that it answered: those of the burst, and TTL-limited ones.
    pub answers: Vec<&'a Observation>,
}

impl<'a> Rejection<'a> {
    /// What is the greater the sooner it first came: of two devices that reject as often, the first is named, whatever their addresses.
    pub(super) fn first(&self) -> std::cmp::Reverse<Option<ObservationId>> {
        std::cmp::Reverse(self.answers.iter().map(|o| o.id).min())
    }

    /// Whether the target's own address says that something cannot be reached: it forwards what is sent to it, and reports of what is
    /// behind it (an address translator gives the errors of hosts behind it its own address, RFC 5508 section 4.2.2).
    pub fn of_behind_the_target(&self) -> bool {
        self.sender == Sender::Destination
            && matches!(
                self.outcome,
                Outcome::HostUnreachable | Outcome::NetworkUnreachable
            )
    }

    /// `ICMP host unreachable (type 3 code 1)`.
    pub fn describe(&self) -> String {
        let icmp = self.answers.first().and_then(|o| o.icmp.as_ref());
        icmp.map_or_else(String::new, Icmp::describe)
    }

    /// Its answers to probes of the burst.
    pub fn in_burst(&self) -> Vec<&'a Observation> {
        let answers = self.answers.iter().copied();
        answers.filter(|o| o.ttl.is_none()).collect()
    }

    /// How long after the attempt the first of them came, of those that answered its first packet.
    fn earliest(&self) -> Option<Ms> {
        let answers = self.in_burst().into_iter();
        let first = answers.filter(|o| self.late() || !o.first_syn_lost());
        first.filter_map(|o| o.elapsed_ms).min()
    }

    /// Whether they came as late as those of a router that has asked in vain for the host's link address: it asks three times, a second
    /// apart (Linux `net/core/neighbour.c`, RFC 4861 section 7.2.2), and then reports of all that waited.
    pub fn late(&self) -> bool {
        let burst = self.in_burst();
        let waited = |o: &&Observation| o.elapsed_ms > Some(Ms::from_millis(2500));
        self.outcome == Outcome::HostUnreachable && burst.len() >= 2 && burst.iter().all(waited)
    }
}

impl<'a> Scene<'a> {
    /// Who a sender of an ICMP error is, given what it says: port unreachable that answers a datagram is what a closed port of this machine
    /// says itself, unless a process listens there.
    fn rejecter(&self, outcome: Outcome, by: &Address) -> Sender {
        let own_port = outcome == Outcome::PortUnreachable
            && self.evidence.probe() == Operation::Datagram
            && by.ip() == self.address().ip();
        if own_port && !self.listens_here() {
            Sender::Destination
        } else {
            self.sender(by)
        }
    }

    /// The ICMP errors that answered probes to the port asked for, by meaning and sender.
    pub(super) fn rejections(&self) -> Vec<Rejection<'a>> {
        let limited = self
            .walk
            .hops
            .values()
            .flat_map(|seen| seen.rejected.iter().chain(&seen.arrived))
            .map(|answer| answer.observation);
        let mut groups: BTreeMap<(Outcome, &'a Address), Vec<&'a Observation>> = BTreeMap::new();
        for observation in self.burst.iter().copied().chain(limited) {
            let turned_away =
                observation.outcome.is_icmp() && observation.outcome != Outcome::TtlExceeded;
            if let Some(from) = observation.icmp_from().filter(|_| turned_away) {
                groups
                    .entry((observation.outcome, from))
                    .or_default()
                    .push(observation);
            }
        }
        groups
            .into_iter()
            .map(|((outcome, by), answers)| Rejection {
                outcome,
                by,
                sender: self.rejecter(outcome, by),
                answers,
            })
            .collect()
    }

    /// The distance of the device that sent ICMP errors: where it answered TTL-limited probes itself; else what is left to
    /// conclude from the probe that first drew its error.
    ///
    /// A router looks at the TTL before it looks at its rules (Linux `ip_forward`): the device at distance k answers time exceeded to
    /// TTL k, and its rejection is drawn by TTL k + 1. It looks at its routes before either (Linux `ip_rcv_finish`): one without a route
    /// rejects TTL k. Both errors leave from one address (`icmp_route_lookup`): where another address answered the same flow just before,
    /// the rejecting device is the next one; where nothing did, its distance is not proven. Another flow may go another way, and tells
    /// nothing of this one.
    pub fn distance(&self, by: &Address) -> Option<u8> {
        if let Some(ttl) = self.walk.distance_of(by) {
            return Some(ttl);
        }
        let mut first: BTreeMap<_, u8> = BTreeMap::new();
        for (ttl, seen) in &self.walk.hops {
            let by_it = seen.rejected.iter().filter(|a| a.from.ip() == by.ip());
            for answer in by_it {
                first.entry(flow(answer.observation)).or_insert(*ttl);
            }
        }
        let drawn: BTreeSet<u8> = first
            .iter()
            .filter(|(flow_of, ttl)| {
                **ttl <= 1
                    || self.walk.hops.get(&(**ttl - 1)).is_some_and(|seen| {
                        let mut before = seen.expired.iter();
                        before.any(|answer| flow(answer.observation) == **flow_of)
                    })
            })
            .map(|(_, ttl)| *ttl)
            .collect();
        let only = drawn.len() == 1;
        drawn.into_iter().next().filter(|_| only)
    }

    /// Adds how many probes were answered with this error, when, and what became of the others.
    pub fn answered(&self, finding: Finding, rejection: &Rejection<'a>) -> Finding {
        let (what, by) = (rejection.describe(), rejection.by);
        let burst = rejection.in_burst();
        let limited = rejection.answers.len() - burst.len();
        let attempts = match self.probe() {
            Operation::Connect => "attempts",
            _ => self.probes(),
        };
        let all = self.burst.len();
        let traced = count(limited as u64, "probe");
        let when = match rejection.earliest() {
            Some(ms) if rejection.late() => {
                format!(" after {ms} (address resolution giving up)")
            }
            Some(ms) => format!(" after {ms}"),
            None => String::new(),
        };
        let text = match (burst.len(), limited) {
            (0, _) => format!("{traced} of the trace got the answer {what} from {by}."),
            (some, 0) => {
                format!("{some} of {all} {attempts} were answered by {by} with {what}{when}.")
            }
            (some, _) => format!(
                "{some} of {all} {attempts}, and {traced} of the trace, were answered by {by} with {what}{when}."
            ),
        };
        let finding = finding.fact(text, ids(&rejection.answers));
        self.beside(finding, &burst, true)
    }

    /// Adds what became of the probes of the burst that are not among these, one line for each kind of end. `limits` says that silence may
    /// be a limit of the errors that were counted.
    pub fn beside(&self, mut finding: Finding, these: &[&Observation], limits: bool) -> Finding {
        let known: BTreeSet<_> = these.iter().map(|o| o.id).collect();
        let mut kinds: BTreeMap<_, Vec<&Observation>> = BTreeMap::new();
        for o in self
            .burst
            .iter()
            .copied()
            .filter(|o| !known.contains(&o.id))
        {
            let kind = (o.outcome, o.icmp_from());
            kinds.entry(kind).or_default().push(o);
        }
        let alone = kinds.len() == 1;
        for ((outcome, from), seen) in kinds {
            let number = seen.len();
            let were = if number == 1 { "was" } else { "were" };
            let number = match (these.is_empty(), alone) {
                (true, true) if number == 1 => "The one attempt".to_owned(),
                (true, true) => format!("All {number} attempts"),
                (true, false) => count(number as u64, "attempt"),
                (false, true) => format!("The other {number}"),
                (false, false) => format!("{number} of the others"),
            };
            let what = seen
                .first()
                .and_then(|o| o.icmp.as_ref())
                .map(Icmp::describe);
            let text = match (outcome, from.zip(what)) {
                (Outcome::Timeout, _) if limits => format!(
                    "{number} got no answer: devices limit how many ICMP errors they send (RFC 1812 section 4.3.2.8, RFC 4443 \
                     section 2.4)."
                ),
                (Outcome::Timeout, _) => format!("{number} got no answer."),
                (_, Some((from, what))) => {
                    format!(
                        "{number} {were} answered by {} with {what}.",
                        self.device(from)
                    )
                }
                (Outcome::Refused, _) => format!("{number} {were} refused with a TCP reset."),
                (outcome, _) => format!("{number} {were} {}.", outcome.phrase()),
            };
            finding = finding.fact(text, ids(&seen));
        }
        finding
    }

    /// The ICMP errors with which devices on the way answered other probes than those asked for, to the control port or datagrams: of devices
    /// of which the trace saw nothing.
    pub fn other_rejections(&self) -> Vec<&'a Observation> {
        let traced = [&self.control_walk, &self.datagram_walk]
            .into_iter()
            .flat_map(|walk| walk.hops.values())
            .flat_map(|seen| seen.rejected.iter().map(|answer| answer.observation));
        let tried = self.control.iter().chain(&self.datagram).copied();
        let rejected = |o: &&Observation| {
            let device =
                |from| self.sender(from) == Sender::Device && self.walk.distance_of(from).is_none();
            o.outcome.is_icmp()
                && o.outcome != Outcome::TtlExceeded
                && o.icmp_from().is_some_and(device)
        };
        tried.chain(traced).filter(rejected).collect()
    }

    /// Whether the first silent hop can be asked again after a pause, and this may tell more: over IPv4 a router that rejects by its routes
    /// may have used up its errors for as long as it is asked. Over IPv6 each error costs but one token, and more probes draw more of them;
    /// but other probes may have drawn them all.
    pub fn wants_a_pause(&self) -> bool {
        let traced = self.evidence.options.path && !self.walk.is_empty();
        let used_up = !self.address().is_ipv6() || !self.other_rejections().is_empty();
        traced && used_up && self.paused().is_none()
    }

    /// Whether its silence says nothing before that: an error came, or some router was seen to limit its errors.
    pub fn needs_a_pause(&self) -> bool {
        let limits = |seen: &Seen<'_>| !seen.expired.is_empty() && !seen.silent.is_empty();
        self.wants_a_pause()
            && (!self.rejections().is_empty()
                || !self.other_rejections().is_empty()
                || [&self.walk, &self.control_walk, &self.datagram_walk]
                    .iter()
                    .any(|walk| walk.hops.values().any(limits)))
    }

    /// Whether an error was drawn by probes of the trace alone: then it may be about packets that would soon expire, which some devices
    /// turn away, and not about what was asked for.
    pub fn drawn_by_the_trace_alone(&self, rejection: &Rejection<'_>) -> bool {
        let far = self.evidence.options.max_hops;
        let limited = |o: &&Observation| o.ttl.is_some_and(|ttl| ttl < far);
        rejection.answers.iter().all(limited)
    }

    /// Whether that is so: probes with a full TTL stayed silent, though their sender had had the time to report of them.
    pub(super) fn meets_only_what_expires(&self, rejection: &Rejection<'_>) -> bool {
        if !self.drawn_by_the_trace_alone(rejection) {
            return false;
        }
        let far = self.evidence.options.max_hops;
        let count = usize::try_from(self.evidence.options.count).unwrap_or(usize::MAX);
        // Over IPv6 each error costs but one token: of a second burst some would have been reported.
        let again = self.address().is_ipv6() && self.burst.len() > count;
        let rested = self.paused().is_some_and(|pause| {
            let mut silent = self.walk.hops.range(far..).flat_map(|(_, s)| &s.silent);
            silent.any(|o| o.at_ms > pause.at_ms)
        });
        again || rested
    }

    /// What shows whether an error that came once comes again. More probes at once would only use up what its sender may say.
    pub fn heard_once(&self) -> Vec<Need> {
        let endpoint = self.endpoint().clone();
        // A trace has no burst.
        let trace = self.evidence.target.protocol == Protocol::Trace;
        if trace || self.wants_a_pause() {
            vec![Need::QuietLook(endpoint)]
        } else {
            vec![Need::SecondBurst(endpoint)]
        }
    }

    /// The pause after which the first silent hop was asked again.
    pub fn paused(&self) -> Option<&'a Observation> {
        self.evidence.of(Operation::Pause, self.endpoint()).next()
    }

    /// Whether some probes of the burst were answered by somebody else, or otherwise: flows may go different ways.
    pub fn fares_differently(&self, rejection: &Rejection<'_>) -> bool {
        self.burst.iter().any(|o| match o.icmp_from() {
            Some(from) => from != rejection.by || o.outcome != rejection.outcome,
            None => !matches!(o.outcome, Outcome::Timeout | Outcome::Cancelled),
        })
    }
}

/// What tells one flow from another.
fn flow(o: &Observation) -> (Option<u16>, Option<u32>) {
    (o.source_port, o.flow)
}
