//! Datagrams with a limited TTL, by ordinary sockets.
//!
//! A flow is one connected socket: its two ports are the same for all TTLs, so that routers send its probes the same way. The error queue
//! of such a socket does not say which datagram an error is about, and many routers quote no payload: so a flow has one probe under way,
//! no two carry the same bytes where their protocol lets them differ, and an error counts only where no other can be meant by what it
//! quotes of them. No privilege.

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
    /// The port whose protocol the datagrams speak; without one each carries its number.
    speaks: Option<u16>,
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
    bytes: Vec<u8>,
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
            speaks: to.port.filter(|_| payload.is_some()),
            to,
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
        let bytes = match self.speaks {
            Some(port) => datagram::bytes(&self.options, port),
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
            bytes,
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
        let (heard, quoted) = match socket.recv(Instant::now() + TURN).await {
            Received::Datagram(datagram) => {
                let heard = Heard {
                    outcome: Outcome::Ok,
                    icmp: None,
                    ttl: datagram.ttl,
                    at: datagram.at,
                };
                (heard, Vec::new())
            }
            Received::Error(error) => {
                let Some(heard) = Heard::error(&error, sent) else {
                    continue;
                };
                (heard, error.payload)
            }
            Received::Failed(_) => {
                // An error of the socket that belongs to no probe; it is not worth a busy loop.
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            }
            Received::Silent => continue,
        };
        let found = whose(&mut asked.borrow_mut(), &quoted, heard.at)
            .map(|asked| (asked.id, asked.began, asked.observation.clone()));
        let Some((id, began, observation)) = found else {
            continue;
        };
        if ended.send(heard.ends(id, began, observation)).is_err() {
            return;
        }
    }
}

/// The probe that an answer is about: the only one that it can be by what it quotes, which may be nothing. One that carries its number may
/// be answered however late.
fn whose<'a>(asked: &'a mut [Asked], quoted: &[u8], at: Instant) -> Option<&'a Asked> {
    let meant = |probe: &Asked| {
        let numbered = probe.bytes.starts_with(MARK) && quoted.starts_with(&probe.bytes);
        let alike = probe.bytes.starts_with(quoted) || quoted.starts_with(&probe.bytes);
        let soon = at.saturating_duration_since(probe.began) < LATEST;
        !probe.answered && (numbered || alike && soon)
    };
    let mut open = asked.iter_mut().filter(|probe| meant(probe));
    let found = open.next()?;
    if open.next().is_some() {
        return None;
    }
    found.answered = true;
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Ms, Operation};

    fn asked(number: u64, began: Instant, bytes: &[u8]) -> Asked {
        Asked {
            id: ProbeId(number),
            began,
            observation: Observation::new(Operation::TraceUdp, Ms::ZERO, Outcome::Timeout),
            answered: false,
            bytes: bytes.to_vec(),
        }
    }

    fn numbered(number: u64, began: Instant) -> Asked {
        let bytes = [&MARK[..], &number.to_be_bytes()].concat();
        asked(number, began, &bytes)
    }

    fn found(probes: &mut [Asked], quoted: &[u8], at: Instant) -> Option<u64> {
        whose(probes, quoted, at).map(|probe| probe.id.0)
    }

    #[test]
    fn an_answer_with_a_number_is_that_probes_however_late() {
        let now = Instant::now();
        let late = now + LATEST * 2;
        let mut probes = [numbered(1, now), numbered(2, now)];
        let first = probes[0].bytes.clone();
        assert_eq!(found(&mut probes, &first, late), Some(1));
        assert_eq!(found(&mut probes, &first, late), None, "a second answer");
        let never = numbered(9, now).bytes;
        assert_eq!(found(&mut probes, &never, now), None, "never sent");
    }

    #[test]
    fn an_answer_that_quotes_no_payload_counts_only_where_no_other_can_be_meant() {
        let now = Instant::now();
        assert_eq!(
            found(&mut [numbered(1, now), numbered(2, now)], b"", now),
            None
        );
        assert_eq!(found(&mut [numbered(1, now)], b"", now), Some(1));
        assert_eq!(found(&mut [numbered(1, now)], b"", now + LATEST), None);
    }

    #[test]
    fn what_is_quoted_tells_probes_apart_as_far_as_they_differ() {
        let now = Instant::now();
        let two = || [asked(1, now, b"\x01query"), asked(2, now, b"\x02query")];
        assert_eq!(found(&mut two(), b"\x02query", now), Some(2));
        assert_eq!(found(&mut two(), b"\x02", now), Some(2), "cut short");
        assert_eq!(found(&mut two(), b"\x02query\0\0", now), Some(2), "padded");
        assert_eq!(found(&mut two(), b"\x03query", now), None, "not ours");
        let mut alike = [asked(1, now, b"same"), asked(2, now, b"same")];
        assert_eq!(found(&mut alike, b"same", now), None);
    }
}
