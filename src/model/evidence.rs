//! Everything that one check learnt, before anybody judges it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::local::Local;
use super::machine::Machine;
use super::observation::{Observation, ObservationId, Operation};
use super::options::Options;
use super::resolution::Resolution;
use super::source::Source;
use super::target::{Protocol, Target};
use super::topology::{Path, TraceProtocol};
use super::{Address, Endpoint, Ms};

/// How the measuring came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Ended {
    /// All that was to be measured was.
    #[default]
    Complete,
    /// The deadline came first.
    Deadline,
    /// A signal came first.
    Interrupted,
}

/// How a report calls echo requests that this user may not send.
pub const ECHO_REQUESTS: &str = "whether the host answers echo requests";

/// Something that was not measured, and how it could be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotMeasured {
    /// What.
    pub what: String,
    /// Why not.
    pub why: String,
    /// The one command that gets it.
    pub command: Option<String>,
}

/// One address under test.
#[derive(Debug, Clone, PartialEq)]
pub struct UnderTest {
    /// The address, with the port where there is one.
    pub endpoint: Endpoint,
    /// The path to it, once traced.
    pub path: Option<Path>,
}

/// Everything that one check learnt. Rules read this and nothing else; a saved report holds all of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took.
    pub duration_ms: Ms,
    /// The effective options.
    pub options: Options,
    /// What was checked.
    pub target: Target,
    /// From where.
    pub source: Source,
    /// How the name became addresses; null before it was asked.
    pub resolution: Option<Resolution>,
    /// The addresses under test, in the order in which an application tries them.
    pub endpoints: Vec<UnderTest>,
    /// What this machine's kernel says.
    pub local: Local,
    /// Every attempt, in the order in which they were recorded.
    pub observations: Vec<Observation>,
    /// Reverse names of addresses on the paths.
    pub names: BTreeMap<Address, String>,
    /// What was not measured, and why.
    pub not_measured: Vec<NotMeasured>,
    /// How the measuring ended.
    pub ended: Ended,
}

impl Evidence {
    /// Nothing learnt yet.
    pub fn new(started_at: Timestamp, options: Options, target: Target, source: Source) -> Self {
        Self {
            started_at,
            duration_ms: Ms::ZERO,
            options,
            target,
            source,
            resolution: None,
            endpoints: Vec::new(),
            local: Local::default(),
            observations: Vec::new(),
            names: BTreeMap::new(),
            not_measured: Vec::new(),
            ended: Ended::Complete,
        }
    }

    /// Records an observation under the next number, and says which.
    pub fn record(&mut self, mut observation: Observation) -> ObservationId {
        let id = ObservationId::try_from(self.observations.len())
            .unwrap_or(ObservationId::MAX)
            .saturating_add(1);
        observation.id = id;
        self.observations.push(observation);
        id
    }

    /// The observations of one operation on one endpoint.
    pub fn of<'a>(
        &'a self,
        operation: Operation,
        endpoint: &'a Endpoint,
    ) -> impl Iterator<Item = &'a Observation> + Clone {
        self.observations
            .iter()
            .filter(move |o| o.operation == operation && o.endpoint.as_ref() == Some(endpoint))
    }

    /// The burst to an endpoint: the probes that were asked for, without controls.
    pub fn burst<'a>(
        &'a self,
        endpoint: &'a Endpoint,
    ) -> impl Iterator<Item = &'a Observation> + Clone {
        self.of(self.probe(), endpoint).filter(|o| !o.control)
    }

    /// With what the target is probed: connections, echo requests or datagrams.
    pub const fn probe(&self) -> Operation {
        self.target.protocol.probe()
    }

    /// With which probes its paths are traced: those of the check itself; where the paths alone are asked for, those that were named,
    /// else SYNs where there is a port and datagrams where there is none.
    pub fn path_protocol(&self) -> TraceProtocol {
        match self.target.protocol {
            Protocol::Icmp => TraceProtocol::Icmp,
            Protocol::Udp => TraceProtocol::Udp,
            Protocol::Trace => self
                .options
                .protocol
                .unwrap_or(if self.target.port.is_some() {
                    TraceProtocol::Tcp
                } else {
                    TraceProtocol::Udp
                }),
            _ => TraceProtocol::Tcp,
        }
    }

    /// The name that DNS is asked for: that of the target, or the one under which an inventory has it.
    pub fn name(&self) -> &str {
        let machine = self.resolution.as_ref().and_then(|r| r.machine.as_ref());
        let other = machine
            .and_then(Machine::only)
            .and_then(|(_, instance)| instance.host_name.as_deref());
        other.unwrap_or(&self.target.host)
    }

    /// The port of the same host that is asked for proof, with TCP, that the host is up.
    pub fn control_of(&self, endpoint: &Endpoint) -> Endpoint {
        // For a check with datagrams it is another protocol's port, whatever its number.
        let asked = match self.target.protocol {
            Protocol::Udp => 0,
            _ => endpoint.port.unwrap_or(0),
        };
        Endpoint {
            address: endpoint.address.clone(),
            port: Some(self.options.control_port(asked)),
        }
    }

    /// Notes that something was not measured, once.
    pub fn note(&mut self, missing: NotMeasured) {
        if !self
            .not_measured
            .iter()
            .any(|known| known.what == missing.what)
        {
            self.not_measured.push(missing);
        }
    }
}
