//! Whether the host is up, and what shows it.

use super::{HostUp, Impostor, Scene};
use crate::model::local::NeighbourRole;
use crate::model::topology::Walk;
use crate::model::{Observation, Outcome};

impl Scene<'_> {
    /// Whether the host answered anything at all, and what.
    pub fn host_up(&self) -> Option<HostUp> {
        self.answers_this_way()
            .or_else(|| self.answers_another_way())
    }

    /// Whether connections from another source of this machine's opened, two or more and all of them, and none of the usual ones made in
    /// turn with them did.
    pub fn opens_from_another_source(&self) -> bool {
        let (usual, other): (Vec<&Observation>, Vec<&Observation>) =
            self.other_source.iter().partition(|o| o.control);
        let opened = |o: &&&Observation| o.outcome == Outcome::Ok;
        let all = other.len() >= 2 && other.iter().all(|o| opened(&o));
        all && !usual.is_empty() && !usual.iter().any(|o| opened(&o))
    }

    /// Whether the host answered a connection from another source of this machine's.
    fn answers_another_way(&self) -> Option<HostUp> {
        let mut tried = self.other_source.iter().filter(|o| !o.control);
        let answered = tried.find(|o| matches!(o.outcome, Outcome::Ok | Outcome::Refused))?;
        Some(HostUp {
            text: "The host is up: it answers a connection from another source address of this machine.".to_owned(),
            observations: vec![answered.id],
        })
    }

    /// Whether the host answered anything by the way that the kernel takes, and what.
    pub fn answers_this_way(&self) -> Option<HostUp> {
        // What a device before the host answers says nothing of the host.
        let impostor = matches!(self.impostor(), Impostor::Proven(_));
        let proof = |text: String, observation: &Observation| HostUp {
            text,
            observations: vec![observation.id],
        };
        let within = |o: &Observation| {
            o.rtt_ms
                .or(o.elapsed_ms)
                .map_or_else(String::new, |ms| format!(" in {ms}"))
        };
        let from_host = |o: &&&Observation| {
            o.icmp_from()
                .is_some_and(|from| from.ip() == self.address().ip())
        };
        if let Some(o) = self
            .control
            .iter()
            .find(|o| matches!(o.outcome, Outcome::Refused | Outcome::Ok))
            .filter(|_| !impostor)
        {
            let port = o.endpoint.as_ref().and_then(|e| e.port).unwrap_or_default();
            let does = if o.outcome == Outcome::Ok {
                "accepts"
            } else {
                "refuses"
            };
            return Some(proof(
                format!("The host is up: it {does} TCP port {port}{}.", within(o)),
                o,
            ));
        }
        if let Some(o) = self.echo.iter().find(|o| o.outcome == Outcome::Ok) {
            return Some(proof(
                format!("The host is up: it answers an echo request{}.", within(o)),
                o,
            ));
        }
        if let Some(o) = self.datagram.iter().find(|o| o.outcome == Outcome::Ok) {
            return Some(proof(
                format!("The host is up: it answers a datagram{}.", within(o)),
                o,
            ));
        }
        let turned_away = self
            .datagram
            .iter()
            .chain(&self.control)
            .filter(|o| o.outcome.is_icmp())
            .find(from_host);
        if let Some(o) = turned_away.filter(|o| o.outcome == Outcome::PortUnreachable) {
            return Some(proof(
                format!(
                    "The host is up: it turns a datagram away itself{}.",
                    within(o)
                ),
                o,
            ));
        }
        let walks = [&self.walk, &self.control_walk, &self.datagram_walk];
        let counted =
            |walk: &&&Walk<'_>| !(impostor && std::ptr::eq(**walk, &raw const self.control_walk));
        for walk in walks.iter().filter(counted) {
            if let Some(answer) = walk.hops.values().find_map(|seen| seen.arrived.first()) {
                return Some(proof(
                    format!(
                        "The host is up: it answered a probe of the trace{}.",
                        within(answer.observation)
                    ),
                    answer.observation,
                ));
            }
        }
        // A port forward answers so: its own device is up, whatever it forwards to.
        for walk in [&self.walk, &self.control_walk, &self.datagram_walk] {
            let mut expired = walk.hops.values().flat_map(|seen| seen.expired.iter());
            if let Some(answer) = expired.find(|answer| answer.from.ip() == self.address().ip()) {
                return Some(proof(
                    format!(
                        "A device with this address is up: it answers a TTL-limited probe with time exceeded{}.",
                        within(answer.observation)
                    ),
                    answer.observation,
                ));
            }
        }
        let neighbour = self
            .next_hop()
            .filter(|n| n.role == NeighbourRole::Destination && n.proves_up() && self.on_link())
            .filter(|n| !self.answered_by_proxy(n))?;
        Some(HostUp {
            text: format!(
                "The host is up: it answered address resolution on {} during the check{}.",
                neighbour.interface,
                neighbour
                    .link_address
                    .as_ref()
                    .map_or_else(String::new, |mac| format!(" (as {mac})")),
            ),
            observations: Vec::new(),
        })
    }
}
