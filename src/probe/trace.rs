//! The path, hop by hop: drives the tracing engine over sockets that an ordinary user may open.
//!
//! TCP: one socket a probe with its own TTL, connecting to the real port from the flow's source port; a router's ICMP error arrives in
//! the socket's error queue, and the final TTL connects or is refused. A flow has one probe under way, because its probes share one
//! pair of endpoints. Datagrams: one socket a probe, too, because the error queue does not tell which datagram an error is about.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU16;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::control::unlikely_port;
use super::flow::{flow, icmp, local_outcome, scope};
use super::pace::Pace;
use super::{Recorder, datagram, echo};
use crate::model::topology::{Path, TraceProtocol};
use crate::model::{Address, Endpoint, Evidence, Icmp, Ms, Observation, Options, Outcome};
use crate::net::echo::{Echo, Event};
use crate::net::errno::Errno;
use crate::net::flow::{Flow, SourcePort};
use crate::net::tcp::{self, Close, Connect};
use crate::net::udp::{Fragmentation, Received, Udp};
use crate::proto::trace::{
    Answer, AnswerKind, Bound, Config, End, FlowId, Micros, Probe, ProbeId, Tracer,
};

/// No answer is waited for longer than this; the kernel sends a SYN again after a second.
const PATIENCE: Duration = Duration::from_millis(980);
/// After so many probes that could not be sent the trace ends.
const UNSENDABLE_MAX: u32 = 3;
/// So many SYNs are sent with one TTL: a forged answer would have to come each time.
const AT_DISTANCE: u16 = 6;
/// At most so many distances are asked again.
const REASKED_HOPS: usize = 2;

/// What to trace.
#[derive(Debug, Clone)]
pub struct Spec {
    /// The destination; its path is shown under this endpoint.
    pub endpoint: Endpoint,
    /// With which probes.
    pub protocol: TraceProtocol,
    /// Whether it is a control.
    pub control: bool,
}

/// How a probe ended.
struct Ended {
    id: ProbeId,
    observation: Observation,
    began: Instant,
    at: Instant,
}

/// Traces the path, records every probe, and draws the path into the evidence unless it is a control.
pub async fn trace(recorder: Recorder, options: Rc<Options>, spec: Spec, pace: Pace) {
    let start = Instant::now();
    let now = || Micros(u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX));
    let config = Config {
        max_ttl: options.max_hops,
        flows_max: 1,
        in_flight_per_flow: NonZeroU16::new(1),
        in_flight_max: 16,
        rate: options.rate,
        deadline: Some(Micros::from_millis(
            u64::try_from(
                recorder
                    .deadline()
                    .saturating_duration_since(start)
                    .as_millis(),
            )
            .unwrap_or(u64::MAX),
        )),
        ..Config::default()
    };
    let seed = RandomState::new().hash_one(&spec.endpoint);
    let mut tracer = Tracer::new(config, seed, now());
    let mut lanes = Lanes {
        seed,
        ports: HashMap::new(),
        running: HashMap::new(),
    };
    let (ended, mut answers) = mpsc::unbounded_channel::<Ended>();
    let mut unsendable = 0;
    let mut round_trip = None;
    while tracer.is_done().is_none() && unsendable < UNSENDABLE_MAX {
        // What the burst learns meanwhile of the destination helps the trace.
        let known = recorder.read(|e| {
            e.burst(&spec.endpoint)
                .filter(|o| o.outcome == Outcome::Ok)
                .filter_map(|o| o.rtt_ms)
                .min()
        });
        if known != round_trip {
            round_trip = known;
            if let Some(rtt) = known {
                tracer.handle_round_trip(Micros(rtt.micros()), now());
            }
        }
        let mut wait_until = None;
        loop {
            if let Err(later) = pace.take() {
                wait_until = Some(later);
                break;
            }
            let Some(probe) = tracer.poll_transmit(now()) else {
                pace.give_back();
                break;
            };
            lanes.give_up(&recorder, probe.flow).await;
            match lanes.send(&recorder, &options, &spec, probe, ended.clone()) {
                Ok(()) => tracer.handle_sent(probe.id, now()),
                Err(observation) => {
                    tracer.handle_unsendable(probe.id, now());
                    recorder.record(*observation);
                    unsendable += 1;
                    if unsendable >= UNSENDABLE_MAX {
                        break;
                    }
                }
            }
        }
        if tracer.is_done().is_some() {
            break;
        }
        let timeout = tracer
            .poll_timeout()
            .map(|at| start + Duration::from_micros(at.0));
        let wake = [timeout, wait_until]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or_else(|| Instant::now() + PATIENCE);
        tokio::select! {
            Some(end) = answers.recv() => lanes.ended(&recorder, &mut tracer, end, now()),
            () = tokio::time::sleep_until(wake.into()) => tracer.handle_timeout(now()),
        }
    }
    while let Ok(end) = answers.try_recv() {
        lanes.ended(&recorder, &mut tracer, end, now());
    }
    lanes.give_up_all(&recorder).await;
    if !spec.control {
        // One flow was asked for, and one was followed to its end.
        let complete = matches!(
            tracer.is_done(),
            Some(End::Complete | End::StoppedAtBound(Bound::Flows))
        );
        recorder.update(|evidence| draw(evidence, &spec.endpoint, spec.protocol, complete));
    }
}

/// Draws the path to an endpoint from what was observed.
pub fn draw(evidence: &mut Evidence, endpoint: &Endpoint, protocol: TraceProtocol, complete: bool) {
    let path = Path::draw(
        protocol,
        endpoint,
        &evidence.observations,
        &evidence.names,
        complete,
    );
    if let Some(subject) = evidence
        .endpoints
        .iter_mut()
        .find(|subject| subject.endpoint == *endpoint)
    {
        subject.path = (!path.hops.is_empty()).then_some(path);
    }
}

/// Asks the port again at distances where so far only the control was answered: from several ports, so that equal-cost paths which the
/// control took and this flow did not are asked, too.
pub async fn reask(
    recorder: Recorder,
    options: Rc<Options>,
    spec: Spec,
    ttls: Vec<u8>,
    pace: Pace,
) {
    for ttl in ttls.into_iter().take(REASKED_HOPS) {
        at_distance(
            recorder.clone(),
            options.clone(),
            spec.clone(),
            ttl,
            pace.clone(),
        )
        .await;
    }
}

/// Sends SYNs with one TTL, each from a port of its own, and records what answers.
pub async fn at_distance(
    recorder: Recorder,
    options: Rc<Options>,
    spec: Spec,
    ttl: u8,
    pace: Pace,
) {
    let seed = RandomState::new().hash_one(&spec.endpoint);
    let mut lanes = Lanes {
        seed,
        ports: HashMap::new(),
        running: HashMap::new(),
    };
    let (ended, mut answers) = mpsc::unbounded_channel::<Ended>();
    for number in 0..AT_DISTANCE {
        while let Err(later) = pace.take() {
            tokio::time::sleep_until(later.into()).await;
        }
        let id = ProbeId(u64::from(number));
        let probe = Probe {
            id,
            // Other flows than those of the trace itself, which count from 0.
            flow: FlowId(u16::MAX - number),
            ttl,
            attempt: 0,
        };
        if let Err(observation) = lanes.send(&recorder, &options, &spec, probe, ended.clone()) {
            recorder.record(*observation);
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let end = Instant::now() + Duration::from_millis(400);
    while !lanes.running.is_empty() {
        tokio::select! {
            Some(end) = answers.recv() => {
                if lanes.running.remove(&end.id).is_some() {
                    let mut observation = end.observation;
                    observation.at_ms = recorder.at(end.began);
                    recorder.record(observation);
                }
            }
            () = tokio::time::sleep_until(end.into()) => break,
        }
    }
    lanes.give_up_all(&recorder).await;
}

/// The flows' source ports, and the probes under way.
struct Lanes {
    seed: u64,
    ports: HashMap<FlowId, u16>,
    running: HashMap<ProbeId, Running>,
}

struct Running {
    flow: FlowId,
    task: JoinHandle<()>,
    began: Instant,
    observation: Observation,
}

impl Lanes {
    /// Sends a probe; its end comes through the channel. An error is what could not be sent.
    fn send(
        &mut self,
        recorder: &Recorder,
        options: &Options,
        spec: &Spec,
        probe: Probe,
        ended: mpsc::UnboundedSender<Ended>,
    ) -> Result<(), Box<Observation>> {
        let mut observation = Observation {
            endpoint: Some(spec.endpoint.clone()),
            flow: Some(probe.flow.0.into()),
            ttl: Some(probe.ttl),
            control: spec.control,
            ..Observation::new(spec.protocol.operation(), recorder.now(), Outcome::Timeout)
        };
        let refused = |mut observation: Observation, errno: Errno| {
            observation.outcome = local_outcome(errno);
            observation.errno = Some(errno.name().into_owned());
            Box::new(observation)
        };
        let (began, task) = match spec.protocol {
            TraceProtocol::Tcp => {
                let mut on = flow(options, &spec.endpoint);
                on.ttl = Some(probe.ttl);
                on.flow_label = self.label(&on, probe.flow);
                on.source_port = self
                    .ports
                    .get(&probe.flow)
                    .map_or(SourcePort::AtBind, |port| SourcePort::Fixed(*port));
                let mut connect = Connect {
                    reuse_address: true,
                    ..Connect::on(on)
                };
                let pending = match tcp::start(&connect) {
                    Err(failure)
                        if failure.errno == Errno::EINVAL && connect.flow.flow_label.is_some() =>
                    {
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
                let began = pending.began();
                let blank = observation.clone();
                let task = async move {
                    if let Some((observation, at)) = syn(blank, pending, began).await {
                        let _ = ended.send(Ended {
                            id: probe.id,
                            observation,
                            began,
                            at,
                        });
                    }
                };
                (began, tokio::task::spawn_local(task))
            }
            TraceProtocol::Icmp => {
                let address = spec.endpoint.address.clone();
                let socket = match echo::open_noted(recorder, options, &address) {
                    Ok(socket) => socket,
                    Err(errno) => return Err(refused(observation, errno)),
                };
                let number = u16::try_from(probe.id.0 & 0xffff).unwrap_or(0);
                let (zone, ttl) = (scope(&address), Some(probe.ttl));
                let began = match socket.send(address.ip(), zone, number, echo::PAYLOAD, ttl) {
                    Ok(began) => began,
                    Err(errno) => return Err(refused(observation, errno)),
                };
                let blank = observation.clone();
                let task = async move {
                    if let Some((observation, at)) =
                        echoed(blank, &socket, &address, number, began).await
                    {
                        let _ = ended.send(Ended {
                            id: probe.id,
                            observation,
                            began,
                            at,
                        });
                    }
                };
                (began, tokio::task::spawn_local(task))
            }
            TraceProtocol::Udp => {
                // A check with datagrams is traced with those that it sends, to the port that it asks; what has no port, and a control,
                // goes to a port where hardly anything listens.
                let asked = spec
                    .endpoint
                    .port
                    .filter(|_| !spec.control && options.payload.is_some());
                let port = asked.unwrap_or_else(|| unlikely_port(spec.endpoint.port));
                let payload = asked.map_or(b"nwcheck".to_vec(), |p| datagram::bytes(options, p));
                let to = Endpoint {
                    port: Some(port),
                    ..spec.endpoint.clone()
                };
                let mut on = flow(options, &to);
                on.flow_label = self.label(&on, probe.flow);
                let socket = match Udp::open(&on, Fragmentation::System) {
                    Ok(socket) => socket,
                    Err(failure) => return Err(refused(observation, failure.errno)),
                };
                observation.source_port = Some(socket.source().port());
                let began = match socket.send(&payload, Some(probe.ttl)) {
                    Ok(began) => began,
                    Err(errno) => return Err(refused(observation, errno)),
                };
                let blank = observation.clone();
                let task = async move {
                    if let Some((observation, at)) = answer(blank, &socket, began).await {
                        let _ = ended.send(Ended {
                            id: probe.id,
                            observation,
                            began,
                            at,
                        });
                    }
                };
                (began, tokio::task::spawn_local(task))
            }
        };
        observation.at_ms = recorder.at(began);
        self.running.insert(
            probe.id,
            Running {
                flow: probe.flow,
                task,
                began,
                observation,
            },
        );
        Ok(())
    }

    /// The IPv6 flow label of a flow: 20 bits of its own, the same for all its probes.
    fn label(&self, flow: &Flow, id: FlowId) -> Option<u32> {
        flow.destination.is_ipv6().then(|| {
            let mixed =
                (self.seed ^ u64::from(id.0).wrapping_mul(0x9e37_79b9_7f4a_7c15)).rotate_left(23);
            u32::try_from(mixed & 0x000f_ffff).unwrap_or(1).max(1)
        })
    }

    /// A probe's end: it is recorded, and the engine is told.
    fn ended(&mut self, recorder: &Recorder, tracer: &mut Tracer, end: Ended, now: Micros) {
        if self.running.remove(&end.id).is_none() {
            return;
        }
        let mut observation = end.observation;
        observation.at_ms = recorder.at(end.began);
        let rtt = end.at.saturating_duration_since(end.began);
        let answer = |kind, from| Answer {
            from,
            kind,
            rtt: Micros(u64::try_from(rtt.as_micros()).unwrap_or(u64::MAX)),
        };
        let target = observation
            .endpoint
            .as_ref()
            .map(|endpoint| endpoint.address.ip());
        let from = observation
            .icmp_from()
            .map(crate::model::Address::ip)
            .or(target);
        if let Some(from) = from {
            let kind = match (observation.outcome, &observation.icmp) {
                (Outcome::TtlExceeded, _) => AnswerKind::TimeExceeded,
                (Outcome::PortUnreachable, Some(_))
                    if Some(from) == target
                        && observation.operation != TraceProtocol::Tcp.operation() =>
                {
                    AnswerKind::Arrived
                }
                (_, Some(icmp)) => AnswerKind::Unreachable { code: code(icmp) },
                (_, None) => AnswerKind::Arrived,
            };
            tracer.handle_answer(end.id, now, answer(kind, from));
        }
        recorder.record(observation);
    }

    /// Ends the probes of a flow that are still under way, so that the next may have its ports: they were not answered.
    async fn give_up(&mut self, recorder: &Recorder, flow: FlowId) {
        let late: Vec<ProbeId> = self
            .running
            .iter()
            .filter(|(_, r)| r.flow == flow)
            .map(|(id, _)| *id)
            .collect();
        for id in late {
            self.silent(recorder, id).await;
        }
    }

    async fn give_up_all(&mut self, recorder: &Recorder) {
        let mut all: Vec<ProbeId> = self.running.keys().copied().collect();
        all.sort_unstable();
        for id in all {
            self.silent(recorder, id).await;
        }
    }

    async fn silent(&mut self, recorder: &Recorder, id: ProbeId) {
        if let Some(running) = self.running.remove(&id) {
            running.task.abort();
            // Only when the task is gone is its socket closed, and the pair of endpoints free for the next probe.
            let _ = running.task.await;
            let mut observation = running.observation;
            observation.elapsed_ms = Some(running.began.elapsed().into());
            recorder.record(observation);
        }
    }
}

/// Waits for what a SYN with a limited TTL is answered with; nothing where nothing came.
async fn syn(
    mut observation: Observation,
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
            let queued = failure.queue.iter().rev().find_map(icmp);
            let rtt = failure.kernel_rtt.unwrap_or(elapsed);
            at = began + rtt;
            observation.rtt_ms = Some(rtt.into());
            match queued {
                Some((outcome, icmp)) => answered(&mut observation, outcome, icmp),
                None => observation.outcome = local_outcome(failure.errno),
            }
        }
        tcp::Outcome::Silent(pending) => {
            // It stays until the engine gives it up or the flow goes on.
            drop(pending);
            return None;
        }
    }
    observation.elapsed_ms = Some(elapsed.into());
    Some((observation, at))
}

/// Waits for what a datagram with a limited TTL is answered with; nothing where nothing came.
async fn answer(
    mut observation: Observation,
    socket: &Udp,
    began: Instant,
) -> Option<(Observation, Instant)> {
    let at = match socket.recv(began + PATIENCE).await {
        Received::Datagram(datagram) => {
            observation.outcome = Outcome::Ok;
            datagram.at
        }
        Received::Error(error) => {
            let (outcome, icmp) = icmp(&error)?;
            answered(&mut observation, outcome, icmp);
            error.at
        }
        Received::Failed(_) | Received::Silent => return None,
    };
    let rtt = at.saturating_duration_since(began);
    observation.rtt_ms = Some(rtt.into());
    observation.elapsed_ms = Some(began.elapsed().into());
    Some((observation, at))
}

/// Waits for what an echo request with a limited TTL is answered with; nothing where nothing came.
async fn echoed(
    mut observation: Observation,
    socket: &Echo,
    address: &Address,
    number: u16,
    began: Instant,
) -> Option<(Observation, Instant)> {
    let at = loop {
        match socket.recv(began + PATIENCE).await {
            Event::Reply(reply)
                if reply.sequence == number && reply.from.to_canonical() == address.ip() =>
            {
                observation.outcome = Outcome::Ok;
                observation.reply_ttl = reply.ttl;
                break reply.at;
            }
            Event::Error {
                sequence: Some(sequence),
                error,
            } if sequence == number => {
                let (outcome, icmp) = icmp(&error)?;
                answered(&mut observation, outcome, icmp);
                break error.at;
            }
            Event::Failed(_) | Event::Silent => return None,
            _ => {}
        }
    };
    let rtt = at.saturating_duration_since(began);
    observation.rtt_ms = Some(rtt.into());
    observation.elapsed_ms = Some(began.elapsed().into());
    Some((observation, at))
}

fn answered(observation: &mut Observation, outcome: Outcome, icmp: Icmp) {
    observation.outcome = outcome;
    observation.icmp = Some(icmp);
}

/// Type and code in one number, for the engine, which only compares them.
fn code(icmp: &Icmp) -> u16 {
    u16::from(icmp.kind) << 8 | u16::from(icmp.code)
}
