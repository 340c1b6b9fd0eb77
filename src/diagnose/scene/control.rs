//! Whether it is the host that answers on the control port: a firewall that resets or proxies what it does not let pass answers in its name.

use std::collections::BTreeSet;

use super::Scene;
use crate::diagnose::Need;
use crate::model::evidence::Ended;
use crate::model::{Address, Observation, Outcome};

/// From so many source ports both have to be asked at one distance: on equal paths of unequal length one flow may be there already
/// and another not.
const FLOWS: usize = 3;

/// Who answers on the control port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Impostor<'a> {
    /// The host, as far as is known.
    No,
    /// These would tell.
    Unknown(Vec<Need>),
    /// A device before the host.
    Proven(Proof<'a>),
}

/// What proves that a device before the host answers on the control port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof<'a> {
    /// The distance at which it answers: at this distance packets to the port asked for still meet a router.
    pub ttl: u8,
    /// That router.
    pub router: &'a Address,
    /// What shows it.
    pub observations: Vec<&'a Observation>,
}

impl<'a> Scene<'a> {
    /// Whether what answers on the control port stands before the host: it answers SYNs with a TTL with which those to the port asked for expire
    /// at a router, on every flow.
    pub fn impostor(&self) -> Impostor<'a> {
        let beyond = |ttl: u8| {
            let mut hops = self.walk.hops.range(ttl..);
            hops.find_map(|(_, seen)| {
                let mut from = seen
                    .expired
                    .iter()
                    .filter_map(|a| a.observation.icmp_from());
                from.find(|from| from.ip() != self.address().ip())
            })
        };
        let Some((ttl, router)) = self
            .control_walk
            .arrival()
            .filter(|_| self.walk.arrival().is_none())
            .and_then(|ttl| Some((ttl, beyond(ttl)?)))
        else {
            return Impostor::No;
        };
        let at = |walk: &super::Walk<'a>| walk.hops.get(&ttl).cloned().unwrap_or_default();
        let (port, control) = (at(&self.walk), at(&self.control_walk));
        let expired: Vec<_> = port.expired.iter().map(|a| a.observation).collect();
        let arrived: Vec<_> = control.arrived.iter().map(|a| a.observation).collect();
        let flows = |seen: &[&Observation]| {
            let ports = seen.iter().map(|o| o.source_port);
            ports.collect::<BTreeSet<_>>().len()
        };
        // One flow that gets farther shows that paths differ in length.
        if !control.expired.is_empty() {
            return Impostor::No;
        }
        if flows(&expired) >= FLOWS && flows(&arrived) > FLOWS {
            return Impostor::Proven(Proof {
                ttl,
                router,
                observations: expired.into_iter().chain(arrived).collect(),
            });
        }
        let asked =
            arrived.len() + control.silent.len() > FLOWS || self.evidence.ended != Ended::Complete;
        let tells = self
            .control
            .iter()
            .any(|o| matches!(o.outcome, Outcome::Ok | Outcome::Refused));
        if asked || !tells {
            Impostor::No
        } else {
            Impostor::Unknown(vec![Need::ControlLimit(self.endpoint().clone())])
        }
    }
}
