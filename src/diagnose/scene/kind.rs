//! What differs from one kind of check to another: what its probes are called, and which others can serve as controls.

use super::Scene;
use crate::diagnose::Need;
use crate::model::target::Protocol;
use crate::model::text::{count, escape};
use crate::model::topology::{TraceProtocol, Walk};
use crate::model::{Observation, Operation, Outcome};

/// A control of the same protocol: probes to another port of the host, and where they go.
#[derive(Debug, Clone, Copy)]
pub struct Comparison<'s, 'a> {
    /// Probes with a full TTL.
    pub probes: &'s [&'a Observation],
    /// TTL-limited ones.
    pub walk: &'s Walk<'a>,
    /// The port that they go to.
    pub port: u16,
}

impl<'a> Scene<'a> {
    /// With what it is probed.
    pub fn probe(&self) -> Operation {
        self.evidence.probe()
    }

    /// `TCP/443`: what was asked for, in a sentence.
    pub fn service(&self) -> String {
        let port = self.endpoint().port;
        if self.evidence.target.protocol == Protocol::Trace {
            return match (self.evidence.path_protocol(), port) {
                (TraceProtocol::Icmp, _) => "ICMP echo".to_owned(),
                (TraceProtocol::Udp, Some(port)) => format!("UDP/{port}"),
                (TraceProtocol::Udp, None) => "UDP".to_owned(),
                (TraceProtocol::Tcp, Some(port)) => format!("TCP/{port}"),
                (TraceProtocol::Tcp, None) => "TCP".to_owned(),
            };
        }
        match (self.probe(), port) {
            (Operation::Datagram, Some(port)) => format!("UDP/{port}"),
            (Operation::Connect, Some(port)) => format!("TCP/{port}"),
            _ => "ICMP echo".to_owned(),
        }
    }

    /// What the probes of the burst are called, where there are several.
    pub fn probes(&self) -> &'static str {
        match self.probe() {
            Operation::Echo => "echo requests",
            Operation::Datagram => "datagrams",
            _ => "connections",
        }
    }

    /// `SYNs to port 443`: the probes of the trace, as they stand at the start of a sentence.
    pub fn limited_probes(&self) -> String {
        match (self.probe(), self.endpoint().port) {
            (Operation::Datagram, Some(port)) => format!("Datagrams to port {port}"),
            (Operation::Connect, Some(port)) => format!("SYNs to port {port}"),
            _ => "Echo requests".to_owned(),
        }
    }

    /// What a datagram carried, as it stands after "each carried".
    pub fn payload(&self) -> String {
        self.evidence.options.payload.as_ref().map_or_else(
            || "a payload that is not known".to_owned(),
            |payload| {
                let name = escape(&payload.name);
                format!("{name} ({})", count(payload.length, "byte"))
            },
        )
    }

    /// Why what listens on the port may stay silent to a stranger; none where it answers.
    pub fn silent_by_design(&self) -> Option<&'a str> {
        let payload = self.evidence.options.payload.as_ref()?;
        payload
            .silent
            .as_deref()
            .filter(|_| self.probe() == Operation::Datagram)
    }

    /// The controls that could prove the host up and were not tried yet: other protocols, and another port.
    pub fn untried_controls(&self) -> Vec<Need> {
        let endpoint = || self.endpoint().clone();
        let mut needs = Vec::new();
        if self.control.is_empty() {
            needs.push(Need::Control(endpoint()));
        }
        if self.echo.is_empty() && self.probe() != Operation::Echo {
            needs.push(Need::Echo(endpoint()));
        }
        if self.datagram.is_empty() {
            needs.push(Need::Datagram(endpoint()));
        }
        needs
    }

    /// Whether anything but what was asked for was tried on the host.
    pub fn asked_otherwise(&self) -> bool {
        !(self.control.is_empty() && self.echo.is_empty() && self.datagram.is_empty())
    }

    /// Whether the host answered one of the trace's own probes as it is asked to, though it left the burst unanswered.
    pub fn answered_in_the_trace(&self) -> bool {
        let mut arrived = self.walk.hops.values().flat_map(|seen| &seen.arrived);
        arrived.any(|answer| answer.observation.outcome == Outcome::Ok)
    }

    /// The same burst once more, where that was not done yet.
    pub fn second_burst(&self) -> Vec<Need> {
        let count = usize::try_from(self.evidence.options.count).unwrap_or(usize::MAX);
        if self.burst.len() > count {
            Vec::new()
        } else {
            vec![Need::SecondBurst(self.endpoint().clone())]
        }
    }

    /// TTL-limited probes of the same protocol to another port of the host, whether or not the host answers there: they show how far that
    /// protocol gets.
    pub fn other_walk(&self) -> Option<&Walk<'a>> {
        let walk = match self.probe() {
            Operation::Connect => &self.control_walk,
            Operation::Datagram => &self.datagram_walk,
            _ => return None,
        };
        Some(walk).filter(|walk| !walk.is_empty() && !self.walk.is_empty())
    }

    /// Probes of the same protocol to another port of the host; an error says which are needed, none that there can be none.
    ///
    /// # Errors
    /// What has to be measured first: nothing more where the other port does not answer, or the protocol has no ports.
    pub fn comparison(&self) -> Result<Comparison<'_, 'a>, Vec<Need>> {
        let endpoint = || self.endpoint().clone();
        let (probes, walk, control, trace) = match self.probe() {
            Operation::Connect => (
                &self.control,
                &self.control_walk,
                Need::Control(endpoint()),
                Need::ControlTrace(endpoint()),
            ),
            Operation::Datagram => (
                &self.datagram,
                &self.datagram_walk,
                Need::Datagram(endpoint()),
                Need::DatagramTrace(endpoint()),
            ),
            _ => return Err(Vec::new()),
        };
        let Some(first) = probes.first() else {
            return Err(vec![control]);
        };
        let answers = |o: &&&Observation| {
            matches!(o.outcome, Outcome::Ok | Outcome::Refused)
                || (self.probe() == Operation::Datagram
                    && o.outcome == Outcome::PortUnreachable
                    && o.icmp_from()
                        .is_some_and(|from| from.ip() == self.address().ip()))
        };
        let impostor = self.probe() == Operation::Connect
            && matches!(self.impostor(), super::Impostor::Proven(_));
        if impostor || probes.iter().find(answers).is_none() {
            return Err(Vec::new());
        }
        if self.walk.is_empty() {
            return Err(vec![Need::Trace(endpoint())]);
        }
        if walk.is_empty() {
            return Err(vec![trace]);
        }
        Ok(Comparison {
            probes,
            walk,
            port: first.endpoint.as_ref().and_then(|e| e.port).unwrap_or(0),
        })
    }
}
