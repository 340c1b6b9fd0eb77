//! One way to send path probes and hear of them, whatever they are made of.

use std::rc::Rc;
use std::time::Instant;

use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;

use super::Spec;
use super::connects::Connects;
use super::datagrams::Datagrams;
use super::echoes::Echoes;
use super::quoted::{Sent, quoted};
use super::raw::{Raw, Raws};
use crate::model::topology::{Method, TraceProtocol};
use crate::model::{Icmp, Observation, Options, Outcome};
use crate::net::errno::Errno;
use crate::net::queue::QueuedError;
use crate::probe::Recorder;
use crate::probe::flow::{icmp, local_outcome};
use crate::proto::trace::{FlowId, Probe, ProbeId};

/// How a probe ended: what it was answered with, and when.
pub(super) struct Ended {
    pub(super) id: ProbeId,
    pub(super) observation: Observation,
    pub(super) began: Instant,
    pub(super) at: Instant,
}

/// A probe under way: what it is if nothing answers.
pub(super) struct Underway {
    pub(super) began: Instant,
    pub(super) observation: Observation,
    /// Who waits for the answer, where it is one of its own.
    pub(super) task: Option<JoinHandle<()>>,
}

/// What came back for a probe.
pub(super) struct Heard {
    pub(super) outcome: Outcome,
    pub(super) icmp: Option<Icmp>,
    /// TTL or hop limit with which it arrived.
    pub(super) ttl: Option<u8>,
    pub(super) at: Instant,
}

impl Heard {
    /// An ICMP error in the queue; none for an entry that is no such.
    pub(super) fn error(entry: &QueuedError, sent: Sent) -> Option<Self> {
        let (outcome, mut icmp) = icmp(entry)?;
        icmp.quote = quoted(entry, sent);
        Some(Self {
            outcome,
            icmp: Some(icmp),
            ttl: entry.ttl,
            at: entry.at,
        })
    }

    /// The end of the probe that it answers.
    pub(super) fn ends(self, id: ProbeId, began: Instant, mut observation: Observation) -> Ended {
        observation.outcome = self.outcome;
        observation.icmp = self.icmp;
        observation.reply_ttl = self.ttl;
        observation.rtt_ms = Some(self.at.saturating_duration_since(began).into());
        observation.elapsed_ms = Some(began.elapsed().into());
        Ended {
            id,
            observation,
            began,
            at: self.at,
        }
    }
}

/// Sends the probes of one trace.
pub(super) enum Transport {
    Connects(Connects),
    Datagrams(Datagrams),
    Echoes(Echoes),
    Raw(Raw, Beside),
}

/// What ordinary sockets need, where raw ones turn out not to send.
pub(super) struct Beside {
    options: Rc<Options>,
    seed: u64,
    ended: UnboundedSender<Ended>,
}

impl Transport {
    /// What the kind of probe needs, raw where the process may. `seed` tells the flows of this trace from those of others.
    pub(super) fn new(
        recorder: &Recorder,
        options: &Rc<Options>,
        spec: &Spec,
        raws: &Raws,
        seed: u64,
        ended: UnboundedSender<Ended>,
    ) -> Result<Self, Box<Observation>> {
        let beside = Beside {
            options: options.clone(),
            seed,
            ended: ended.clone(),
        };
        match Raw::new(raws, options, spec, seed, ended) {
            Some(raw) => Ok(Self::Raw(raw, beside)),
            None => Self::ordinary(recorder, spec, &beside),
        }
    }

    /// The same without privilege.
    fn ordinary(
        recorder: &Recorder,
        spec: &Spec,
        beside: &Beside,
    ) -> Result<Self, Box<Observation>> {
        let (options, seed, ended) = (&beside.options, beside.seed, beside.ended.clone());
        Ok(match spec.protocol {
            TraceProtocol::Tcp => Self::Connects(Connects::new(options, spec, seed, ended)),
            TraceProtocol::Udp => Self::Datagrams(Datagrams::new(options, spec, seed, ended)),
            TraceProtocol::Icmp => match Echoes::new(recorder, options, spec, seed, ended) {
                Ok(echoes) => Self::Echoes(echoes),
                Err(errno) => return Err(refused(blank(recorder, spec, None), errno)),
            },
        })
    }

    /// How the probes are sent.
    pub(super) const fn method(&self) -> Method {
        match self {
            Self::Raw(..) => Method::Raw,
            _ => Method::Socket,
        }
    }

    /// Whether the probes of one flow must wait for each other.
    pub(super) const fn one_at_a_time(&self) -> bool {
        match self {
            Self::Raw(raw, _) => raw.one_at_a_time(),
            Self::Echoes(_) => false,
            Self::Connects(_) | Self::Datagrams(_) => true,
        }
    }

    /// Sends a probe; its answer comes through the channel. An error is what could not be sent. Where the first raw one can't be sent,
    /// ordinary sockets take over, and say best what this machine has against it.
    pub(super) fn send(
        &mut self,
        recorder: &Recorder,
        spec: &Spec,
        probe: Probe,
    ) -> Result<Underway, Box<Observation>> {
        let blank = blank(recorder, spec, Some(probe));
        match self {
            Self::Connects(connects) => connects.send(probe, blank),
            Self::Datagrams(datagrams) => datagrams.send(probe, blank),
            Self::Echoes(echoes) => echoes.send(probe, blank),
            Self::Raw(raw, beside) => match raw.send(probe, blank) {
                Err(_) if !raw.is_used() => {
                    *self = Self::ordinary(recorder, spec, beside)?;
                    self.send(recorder, spec, probe)
                }
                other => other,
            },
        }
    }
}

/// A probe of which nothing is known yet but what it is.
fn blank(recorder: &Recorder, spec: &Spec, probe: Option<Probe>) -> Observation {
    Observation {
        endpoint: Some(spec.endpoint.clone()),
        ttl: probe.map(|probe| probe.ttl),
        flow: probe.map(|probe| u32::from(probe.flow.0)),
        control: spec.control,
        ..Observation::new(spec.protocol.operation(), recorder.now(), Outcome::Timeout)
    }
}

/// What this machine itself did not send.
pub(super) fn refused(mut observation: Observation, errno: Errno) -> Box<Observation> {
    observation.outcome = local_outcome(errno);
    observation.errno = Some(errno.name().into_owned());
    Box::new(observation)
}

/// The IPv6 flow label of a flow: 20 bits of its own, the same for all its probes.
pub(super) fn label(seed: u64, id: FlowId) -> u32 {
    let mixed = (seed ^ u64::from(id.0).wrapping_mul(0x9e37_79b9_7f4a_7c15)).rotate_left(23);
    u32::try_from(mixed & 0x000f_ffff).unwrap_or(1).max(1)
}
