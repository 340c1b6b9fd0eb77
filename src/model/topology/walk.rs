//! What one kind of probe saw, distance by distance: what rules read.

use std::collections::BTreeMap;

use crate::model::{Address, Endpoint, Observation, ObservationId, Operation, Outcome};

/// What one TTL-limited probe was answered with, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<'a> {
    /// Which observation it is.
    pub observation: &'a Observation,
    /// Who answered: the sender of the ICMP error, or the destination.
    pub from: Address,
}

/// What probes of one kind saw at one distance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen<'a> {
    /// Routers that answered with time exceeded.
    pub expired: Vec<Answer<'a>>,
    /// The destination's own answers: SYN-ACK, reset, echo reply.
    pub arrived: Vec<Answer<'a>>,
    /// Other ICMP errors.
    pub rejected: Vec<Answer<'a>>,
    /// Probes that nothing answered.
    pub silent: Vec<&'a Observation>,
}

/// What probes of one kind to one endpoint saw, distance by distance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Walk<'a> {
    /// By TTL.
    pub hops: BTreeMap<u8, Seen<'a>>,
}

impl<'a> Walk<'a> {
    /// Gathers the TTL-limited probes of one protocol to one endpoint, on every flow.
    pub fn gather(
        observations: &'a [Observation],
        operation: Operation,
        endpoint: &Endpoint,
    ) -> Self {
        Self::of(
            observations
                .iter()
                .filter(|o| o.operation == operation && o.endpoint.as_ref() == Some(endpoint)),
            endpoint,
        )
    }

    /// Gathers the given TTL-limited probes to an endpoint.
    pub fn of(observations: impl Iterator<Item = &'a Observation>, endpoint: &Endpoint) -> Self {
        let mut hops: BTreeMap<u8, Seen<'a>> = BTreeMap::new();
        for observation in observations {
            let Some(ttl) = observation.ttl else { continue };
            let seen = hops.entry(ttl).or_default();
            let from = observation.icmp_from().cloned();
            match (observation.outcome, from) {
                (Outcome::TtlExceeded, Some(from)) => {
                    seen.expired.push(Answer { observation, from });
                }
                (Outcome::Ok | Outcome::Refused, _) => {
                    seen.arrived.push(Answer {
                        observation,
                        from: endpoint.address.clone(),
                    });
                }
                // A datagram or an echo that the destination's own kernel turns away has arrived there.
                (Outcome::PortUnreachable | Outcome::ProtocolUnreachable, Some(from))
                    if observation.operation != Operation::TraceTcp
                        && from.ip() == endpoint.address.ip() =>
                {
                    seen.arrived.push(Answer { observation, from });
                }
                (outcome, Some(from)) if outcome.is_icmp() => {
                    seen.rejected.push(Answer { observation, from });
                }
                (Outcome::Timeout, _) => seen.silent.push(observation),
                // Not sent, or cut short: it says nothing of the path.
                _ => {}
            }
        }
        Self { hops }
    }

    /// Whether any probe was sent.
    pub fn is_empty(&self) -> bool {
        self.hops.is_empty()
    }

    /// The smallest TTL with which the destination itself answered: its distance.
    pub fn arrival(&self) -> Option<u8> {
        self.hops
            .iter()
            .find(|(_, seen)| !seen.arrived.is_empty())
            .map(|(ttl, _)| *ttl)
    }

    /// The farthest distance at which a router answered with time exceeded, and the answers there.
    pub fn last_expired(&self) -> Option<(u8, &[Answer<'a>])> {
        let beyond = self.arrival().unwrap_or(u8::MAX);
        self.hops
            .range(..beyond)
            .rev()
            .find(|(_, seen)| !seen.expired.is_empty())
            .map(|(ttl, seen)| (*ttl, seen.expired.as_slice()))
    }

    /// The smallest TTL whose probe drew another ICMP error than time exceeded.
    pub fn first_rejected(&self) -> Option<(u8, &[Answer<'a>])> {
        self.hops
            .iter()
            .find(|(_, seen)| !seen.rejected.is_empty())
            .map(|(ttl, seen)| (*ttl, seen.rejected.as_slice()))
    }

    /// The distance at which an address answered with time exceeded; the smallest, where there are several.
    pub fn distance_of(&self, address: &Address) -> Option<u8> {
        self.hops
            .iter()
            .find(|(_, seen)| {
                seen.expired
                    .iter()
                    .any(|answer| answer.from.ip() == address.ip())
            })
            .map(|(ttl, _)| *ttl)
    }

    /// The greatest TTL that was tried.
    pub fn last_tried(&self) -> Option<u8> {
        self.hops.keys().next_back().copied()
    }

    /// The numbers of the observations at one distance.
    pub fn observations_at(&self, ttl: u8) -> Vec<ObservationId> {
        self.hops
            .get(&ttl)
            .map(Seen::observations)
            .unwrap_or_default()
    }
}

impl Seen<'_> {
    /// The numbers of all observations at this distance.
    pub fn observations(&self) -> Vec<ObservationId> {
        let answers = self
            .expired
            .iter()
            .chain(&self.arrived)
            .chain(&self.rejected);
        let mut ids: Vec<_> = answers
            .map(|a| a.observation.id)
            .chain(self.silent.iter().map(|o| o.id))
            .collect();
        ids.sort_unstable();
        ids
    }

    /// Whether anything answered here.
    pub fn answered(&self) -> bool {
        !(self.expired.is_empty() && self.arrived.is_empty() && self.rejected.is_empty())
    }
}
