//! SYNs with a limited TTL to the real port, by ordinary sockets.
//!
//! One socket a probe, connecting from the flow's source port; a router's ICMP error arrives in the socket's error queue, and the last
//! TTL connects or is refused. A flow has one probe under way, because its probes share one pair of endpoints. No privilege.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

use super::quoted::{Sent, quoted};
use super::transport::{Ended, Underway, label, refused};
use super::{PATIENCE, Spec};
use crate::model::topology::TraceProtocol;
use crate::model::{Endpoint, Ms, Observation, Options, Outcome};
use crate::net::errno::Errno;
use crate::net::flow::SourcePort;
use crate::net::tcp::{self, Close, Connect};
use crate::probe::flow::{flow, icmp, local_outcome, socket_address};
use crate::proto::trace::{FlowId, Probe};

/// The flows' source ports.
pub(super) struct Connects {
    options: Rc<Options>,
    endpoint: Endpoint,
    seed: u64,
    ports: HashMap<FlowId, u16>,
    ended: UnboundedSender<Ended>,
}

impl Connects {
    pub(super) fn new(
        options: &Rc<Options>,
        spec: &Spec,
        seed: u64,
        ended: UnboundedSender<Ended>,
    ) -> Self {
        Self {
            options: options.clone(),
            endpoint: spec.endpoint.clone(),
            seed,
            ports: HashMap::new(),
            ended,
        }
    }

    pub(super) fn send(
        &mut self,
        probe: Probe,
        mut observation: Observation,
    ) -> Result<Underway, Box<Observation>> {
        let mut on = flow(&self.options, &self.endpoint);
        on.ttl = Some(probe.ttl);
        on.flow_label = on
            .destination
            .is_ipv6()
            .then(|| label(self.seed, probe.flow));
        on.source_port = self
            .ports
            .get(&probe.flow)
            .map_or(SourcePort::AtBind, |port| SourcePort::Fixed(*port));
        let mut connect = Connect {
            reuse_address: true,
            ..Connect::on(on)
        };
        let pending = match tcp::start(&connect) {
            Err(failure) if failure.errno == Errno::EINVAL && connect.flow.flow_label.is_some() => {
                // Another process holds flow labels in exclusive mode: then the kernel chooses.
                connect.flow.flow_label = None;
                tcp::start(&connect)
            }
            other => other,
        };
        let pending = match pending {
            Ok(pending) => pending,
            Err(failure) => {
                if matches!(failure.errno, Errno::EADDRINUSE | Errno::EADDRNOTAVAIL) {
                    // Somebody else took the port meanwhile: the flow goes on from another.
                    self.ports.remove(&probe.flow);
                }
                return Err(refused(observation, failure.errno));
            }
        };
        self.ports.insert(probe.flow, pending.source_port());
        observation.source_port = Some(pending.source_port());
        let sent = Sent {
            protocol: TraceProtocol::Tcp,
            source_port: observation.source_port,
            destination: socket_address(&self.endpoint),
        };
        let began = pending.began();
        let (blank, ended) = (observation.clone(), self.ended.clone());
        let task = tokio::task::spawn_local(async move {
            if let Some((observation, at)) = wait(blank, sent, pending, began).await {
                // The trace may have ended meanwhile.
                let _ = ended.send(Ended {
                    id: probe.id,
                    observation,
                    began,
                    at,
                });
            }
        });
        Ok(Underway {
            began,
            observation,
            task: Some(task),
        })
    }
}

/// Waits for what a SYN is answered with; nothing where nothing came.
async fn wait(
    mut observation: Observation,
    sent: Sent,
    pending: tcp::Pending,
    began: Instant,
) -> Option<(Observation, Instant)> {
    let attempt = pending.wait(began + PATIENCE).await;
    let mut at = attempt.ended;
    let elapsed = attempt.ended.saturating_duration_since(began);
    match attempt.result {
        tcp::Outcome::Opened(stream) => {
            observation.outcome = Outcome::Ok;
            observation.rtt_ms = stream
                .tcp_info()
                .ok()
                .and_then(|info| info.handshake_rtt())
                .or(Some(elapsed))
                .map(Ms::from);
            observation.retransmits = Some(0);
            // The tuple has to be free for the next probe of the flow.
            stream.close(Close::Reset);
        }
        tcp::Outcome::Failed(failure) => {
            observation.errno = Some(failure.errno.name().into_owned());
            observation.retransmits = Some(failure.retransmits);
            let entry = failure
                .queue
                .iter()
                .rev()
                .find(|entry| icmp(entry).is_some());
            let rtt: Duration = failure.kernel_rtt.unwrap_or(elapsed);
            at = began + rtt;
            observation.rtt_ms = Some(rtt.into());
            match entry.and_then(|entry| Some((entry, icmp(entry)?))) {
                Some((entry, (outcome, mut icmp))) => {
                    icmp.quote = quoted(entry, sent);
                    observation.outcome = outcome;
                    observation.icmp = Some(icmp);
                    observation.reply_ttl = entry.ttl;
                }
                None => observation.outcome = local_outcome(failure.errno),
            }
        }
        tcp::Outcome::Silent(pending) => {
            drop(pending);
            return None;
        }
    }
    observation.elapsed_ms = Some(elapsed.into());
    Some((observation, at))
}
