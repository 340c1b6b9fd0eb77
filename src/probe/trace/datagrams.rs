//! Datagrams with a limited TTL, by ordinary sockets.
//!
//! A flow is one connected socket: its two ports are the same for all TTLs, so that routers send its probes the same way. The error queue
//! of such a socket does not say which datagram an error is about, and many routers quote no payload: so a flow has one probe under way,
//! each carries its number, and an error without a number counts only where no other can be meant. No privilege.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;

use super::Spec;
use super::quoted::Sent;
use super::transport::{Ended, Heard, Underway, label, refused};
use crate::model::topology::TraceProtocol;
use crate::model::{Endpoint, Observation, Options, Outcome};
use crate::net::errno::Errno;
use crate::net::udp::{Fragmentation, Received, Udp};
use crate::probe::control::unlikely_port;
use crate::probe::datagram;
use crate::probe::flow::{flow, socket_address};
use crate::proto::trace::{FlowId, Probe, ProbeId};

/// What every datagram begins with, its number behind it.
pub(super) const MARK: &[u8; 7] = b"nwcheck";
/// So long after its probe an answer without a number may still be its own: about as long as the engine waits.
const LATEST: Duration = Duration::from_secs(1);
/// So long one wait of the reader lasts.
const TURN: Duration = Duration::from_secs(60);
/// So many probes of one flow are remembered.
const REMEMBERED: usize = 8;

/// The flows' sockets.
pub(super) struct Datagrams {
    options: Rc<Options>,
    to: Endpoint,
    /// Without one each datagram carries its number.
    payload: Option<Vec<u8>>,
    seed: u64,
    flows: HashMap<FlowId, FlowSocket>,
    ended: UnboundedSender<Ended>,
}

struct FlowSocket {
    socket: Rc<Udp>,
    asked: Rc<RefCell<Vec<Asked>>>,
    reader: JoinHandle<()>,
}

/// A probe that was sent.
struct Asked {
    id: ProbeId,
    began: Instant,
    observation: Observation,
    answered: bool,
}

impl Drop for FlowSocket {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Datagrams {
    pub(super) fn new(
        options: &Rc<Options>,
        spec: &Spec,
        seed: u64,
        ended: UnboundedSender<Ended>,
    ) -> Self {
        let (to, payload) = carries(options, spec);
        Self {
            options: options.clone(),
            to,
            payload,
            seed,
            flows: HashMap::new(),
            ended,
        }
    }

    pub(super) fn send(
        &mut self,
        probe: Probe,
        mut observation: Observation,
    ) -> Result<Underway, Box<Observation>> {
        let flow = match self.flow(probe.flow) {
            Ok(flow) => flow,
            Err(errno) => return Err(refused(observation, errno)),
        };
        observation.source_port = Some(flow.socket.source().port());
        let (socket, asked) = (flow.socket.clone(), flow.asked.clone());
        let bytes = match &self.payload {
            Some(payload) => payload.clone(),
            None => [&MARK[..], &probe.id.0.to_be_bytes()].concat(),
        };
        let began = match socket.send(&bytes, Some(probe.ttl)) {
            Ok(began) => began,
            Err(errno) => return Err(refused(observation, errno)),
        };
        let mut asked = asked.borrow_mut();
        asked.retain(|earlier| !earlier.answered && earlier.began.elapsed() < LATEST);
        if asked.len() >= REMEMBERED {
            asked.remove(0);
        }
        asked.push(Asked {
            id: probe.id,
            began,
            observation: observation.clone(),
            answered: false,
        });
        Ok(Underway {
            began,
            observation,
            task: None,
        })
    }

    /// The socket of a flow, opened where there is none yet.
    fn flow(&mut self, id: FlowId) -> Result<&FlowSocket, Errno> {
        if !self.flows.contains_key(&id) {
            let mut on = flow(&self.options, &self.to);
            on.flow_label = on.destination.is_ipv6().then(|| label(self.seed, id));
            let socket = match Udp::open(&on, Fragmentation::System) {
                Err(failure) if failure.errno == Errno::EINVAL && on.flow_label.is_some() => {
                    // Another process holds flow labels in exclusive mode: then the kernel chooses.
                    on.flow_label = None;
                    Udp::open(&on, Fragmentation::System)
                }
                other => other,
            };
            let socket = Rc::new(socket.map_err(|failure| failure.errno)?);
            let asked = Rc::new(RefCell::new(Vec::new()));
            let sent = Sent {
                protocol: TraceProtocol::Udp,
                source_port: Some(socket.source().port()),
                destination: socket_address(&self.to),
            };
            let reader = tokio::task::spawn_local(read(
                socket.clone(),
                asked.clone(),
                sent,
                self.ended.clone(),
            ));
            let flow = FlowSocket {
                socket,
                asked,
                reader,
            };
            self.flows.insert(id, flow);
        }
        self.flows.get(&id).ok_or(Errno::EADDRNOTAVAIL)
    }
}

/// Where the datagrams of a trace go, and what they carry unless each carries its number.
pub(super) fn carries(options: &Options, spec: &Spec) -> (Endpoint, Option<Vec<u8>>) {
    // What has a port is traced with datagrams that it may answer, to that port; what has none, and a control, goes to a
    // port where hardly anything listens.
    let asked = spec.endpoint.port.filter(|_| !spec.control);
    let port = asked.unwrap_or_else(|| unlikely_port(spec.endpoint.port));
    let to = Endpoint {
        port: Some(port),
        ..spec.endpoint.clone()
    };
    (to, asked.map(|port| datagram::bytes(options, port)))
}

/// Hears what comes back on one flow's socket.
async fn read(
    socket: Rc<Udp>,
    asked: Rc<RefCell<Vec<Asked>>>,
    sent: Sent,
    ended: UnboundedSender<Ended>,
) {
    loop {
        let (heard, number) = match socket.recv(Instant::now() + TURN).await {
            Received::Datagram(datagram) => {
                let heard = Heard {
                    outcome: Outcome::Ok,
                    icmp: None,
                    ttl: datagram.ttl,
                    at: datagram.at,
                };
                (heard, None)
            }
            Received::Error(error) => {
                let Some(heard) = Heard::error(&error, sent) else {
                    continue;
                };
                (heard, number(&error.payload))
            }
            Received::Failed(_) => {
                // An error of the socket that belongs to no probe; it is not worth a busy loop.
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            }
            Received::Silent => continue,
        };
        let found = whose(&mut asked.borrow_mut(), number, heard.at)
            .map(|asked| (asked.id, asked.began, asked.observation.clone()));
        let Some((id, began, observation)) = found else {
            continue;
        };
        if ended.send(heard.ends(id, began, observation)).is_err() {
            return;
        }
    }
}

/// The number in a quoted datagram of ours.
fn number(payload: &[u8]) -> Option<u64> {
    let rest = payload.strip_prefix(&MARK[..])?;
    Some(u64::from_be_bytes(*rest.first_chunk()?))
}

/// The probe that an answer is about: the one with its number; without a number the only one that it can be.
fn whose(asked: &mut [Asked], number: Option<u64>, at: Instant) -> Option<&Asked> {
    let open =
        |probe: &&mut Asked| !probe.answered && at.saturating_duration_since(probe.began) < LATEST;
    let found = if let Some(number) = number {
        asked
            .iter_mut()
            .find(|probe| probe.id.0 == number && !probe.answered)
    } else {
        let mut open = asked.iter_mut().filter(open);
        let only = open.next();
        only.filter(|_| open.next().is_none())
    }?;
    found.answered = true;
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Ms, Operation};

    fn asked(number: u64, began: Instant) -> Asked {
        Asked {
            id: ProbeId(number),
            began,
            observation: Observation::new(Operation::TraceUdp, Ms::ZERO, Outcome::Timeout),
            answered: false,
        }
    }

    #[test]
    fn an_answer_with_a_number_is_that_probes_however_late() {
        let now = Instant::now();
        let mut probes = [asked(1, now), asked(2, now)];
        assert_eq!(
            whose(&mut probes, Some(1), now).map(|p| p.id),
            Some(ProbeId(1))
        );
        assert!(
            whose(&mut probes, Some(1), now).is_none(),
            "a second answer"
        );
        assert!(whose(&mut probes, Some(9), now).is_none(), "never sent");
    }

    #[test]
    fn an_answer_without_a_number_counts_only_where_no_other_can_be_meant() {
        let now = Instant::now();
        assert!(whose(&mut [asked(1, now), asked(2, now)], None, now).is_none());
        let mut one = [asked(1, now)];
        assert_eq!(whose(&mut one, None, now).map(|p| p.id), Some(ProbeId(1)));
    }

    #[test]
    fn only_a_whole_mark_has_a_number() {
        let bytes = [&MARK[..], &7_u64.to_be_bytes()].concat();
        assert_eq!(number(&bytes), Some(7));
        for short in 0..bytes.len() {
            assert_eq!(number(&bytes[..short]), None);
        }
    }
}
