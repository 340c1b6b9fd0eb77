//! The path, hop by hop: drives the tracing engine over sockets, and lets what comes back stand in the evidence.
//!
//! | module | what it is |
//! |---|---|
//! | `transport` | one way to send a probe and hear of it, whatever it is made of |
//! | `connects`, `datagrams`, `echoes` | SYNs, datagrams and echo requests by ordinary sockets |
//! | `raw` | any of them by raw sockets, where the process may open these |
//! | `distance` | SYNs with one TTL, from ports of their own |
//! | `flight` | which probe an answer to a raw one is about |
//! | `quoted` | what an ICMP error tells of the probe |
//! | `near` | near hops, learnt once in a process |
//! | `kept` | the traces of a check: one that runs or has run goes on where more is asked of it |
//! | `quiet` | a hop asked again after a pause |
//! | `picture` | from the engine's graph to the path of the report |

mod connects;
mod datagrams;
mod distance;
mod echoes;
mod flight;
pub mod kept;
pub mod near;
mod outcomes;
mod picture;
pub mod quiet;
mod quoted;
pub mod raw;
mod transport;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU16;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::Recorder;
use super::pace::Pace;
use crate::model::systems::Systems;
use crate::model::topology::{ConfidenceScope, TraceProtocol};
use crate::model::{Endpoint, Evidence, Icmp, Ms, Observation, Options, Outcome};
use crate::proto::trace::{
    Answer, AnswerKind, Confidence, Config, FlowId, Micros, Probe, ProbeId, Scope, Tracer,
};
pub use distance::{AT_DISTANCE, at_distance, reask};
use kept::{Kept, Wish};
use near::{NearHops, Way};
pub use outcomes::{OUTCOMES, outcomes};
use picture::{Surroundings, picture};
use raw::Raws;
use transport::{Ended, Transport, Underway};

/// No answer is waited for longer than this; the kernel sends a SYN again after a second.
const PATIENCE: Duration = Duration::from_millis(980);
/// After so many probes that could not be sent the trace ends.
const UNSENDABLE_MAX: u32 = 3;
/// A trace tells others of its near hops after this.
const NEAR_HOPS: Duration = Duration::from_millis(60);
/// So long, and for so many round trips, the path is still looked at when all of a burst is known to work. Routers that answer once a second
/// would keep a healthy check waiting for half a minute when it is run again.
const WELL: Duration = Duration::from_secs(3);
const WELL_ROUND_TRIPS: u32 = 20;
/// What the search behind a wide balancer may use where the user did not say (16 next hops take 96 by the stopping points).
const FLOWS_SEARCHED: u16 = 256;
/// Visits to the service that a path may cost.
const VISITS: u16 = 6;

/// What to trace.
#[derive(Debug, Clone)]
pub struct Spec {
    /// The destination; its path is shown under this endpoint.
    pub endpoint: Endpoint,
    /// With which probes.
    pub protocol: TraceProtocol,
    /// Whether it is a control.
    pub control: bool,
    /// So many flows are followed to the destination.
    pub outcomes: u16,
    /// Whether the paths alone are asked for: no burst tells whether the destination answers.
    pub alone: bool,
}

/// What all traces of a process share.
#[derive(Clone)]
pub struct Shared {
    /// The bucket of path probes.
    pub pace: Pace,
    /// The near hops.
    pub near: NearHops,
    /// The raw sockets, where the process may have them.
    pub raw: Raws,
    /// The autonomous systems of addresses; empty where no table was given.
    pub systems: Rc<Systems>,
}

/// Traces the path, records every probe, and draws the path into the evidence unless it is a control. The trace is kept, so that the
/// outcomes of its flows can still be asked for.
pub async fn trace(
    recorder: Recorder,
    options: Rc<Options>,
    spec: Spec,
    shared: Shared,
    kept: Kept,
) {
    let endpoint = spec.endpoint.clone();
    let wish = if spec.control {
        Wish::default()
    } else {
        kept.begins(&endpoint, spec.outcomes)
    };
    let (control, alone) = (spec.control, spec.alone);
    let evidence = recorder.clone();
    let started = Trace::start(recorder, options, spec, shared, wish).await;
    if let Some(mut trace) = started {
        trace.run().await;
        trace.draw();
        if control {
            return;
        }
        // Its sockets are closed where nobody will ask.
        if alone || evidence.read(|evidence| is_well(evidence, &endpoint)) {
            kept.forget(&endpoint);
        } else {
            kept.keep(&endpoint, trace);
        }
    } else if !control {
        kept.forget(&endpoint);
    }
}

/// Whether every probe of the burst was answered as asked.
fn is_well(evidence: &Evidence, endpoint: &Endpoint) -> bool {
    let well = evidence
        .burst(endpoint)
        .filter(|o| o.outcome == Outcome::Ok)
        .count();
    u32::try_from(well).is_ok_and(|well| well >= evidence.options.count)
}

/// What the engine is asked to do.
fn config(options: &Options, spec: &Spec, one_at_a_time: bool) -> Config {
    // A destination that is silent so far may be limiting its answers: one flow is enough until it is known to answer.
    let wide = !spec.control && (spec.alone || spec.outcomes > 0);
    let (searched, shown) = if wide { flows(options) } else { (1, 1) };
    Config {
        max_ttl: options.max_hops,
        flows_max: searched,
        flows_shown: shown,
        in_flight_per_flow: one_at_a_time.then_some(NonZeroU16::MIN),
        rate: options.rate,
        confidence: match options.confidence_percent {
            99 => Confidence::P99,
            _ => Confidence::P95,
        },
        scope: match options.confidence_scope {
            ConfidenceScope::Node => Scope::Node,
            ConfidenceScope::Path => Scope::Path,
        },
        arrivals_max: VISITS,
        arrivals_limited: spec.protocol != TraceProtocol::Tcp,
        ..Config::default()
    }
}

/// How many flows may be used, and how many of them are shown.
fn flows(options: &Options) -> (u16, u16) {
    let shown = options.flows;
    let searched = if shown == Options::default().flows {
        FLOWS_SEARCHED
    } else {
        shown
    };
    (searched, shown)
}

fn micros(duration: Duration) -> Micros {
    Micros(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}

/// A trace under way. However it ends, what it knows is drawn.
struct Trace {
    recorder: Recorder,
    options: Rc<Options>,
    spec: Spec,
    shared: Shared,
    way: Option<Way>,
    start: Instant,
    /// Where in the evidence its probes begin.
    first: usize,
    tracer: Tracer,
    transport: Transport,
    answers: mpsc::UnboundedReceiver<Ended>,
    running: HashMap<ProbeId, (FlowId, Underway)>,
    /// A probe of this trace has arrived.
    arrived: bool,
    /// How many flows' outcomes are asked for meanwhile.
    wish: Wish,
    /// What is known of it stands in the evidence.
    drawn: bool,
    /// Its end was brought forward, since all that was asked for works.
    hurried: bool,
}

impl Drop for Trace {
    fn drop(&mut self) {
        self.draw();
    }
}

impl Trace {
    /// Prepares everything; none where this machine itself can't trace, which is recorded.
    async fn start(
        recorder: Recorder,
        options: Rc<Options>,
        spec: Spec,
        shared: Shared,
        wish: Wish,
    ) -> Option<Self> {
        let way = recorder
            .read(|evidence| Way::to(evidence, &spec.endpoint))
            .filter(|_| !spec.control);
        let trunk = match &way {
            Some(way) => shared.near.ask(way).await,
            None => crate::proto::trace::Trunk::default(),
        };
        let seed = RandomState::new().hash_one(&spec.endpoint);
        let (ended, answers) = mpsc::unbounded_channel::<Ended>();
        let transport = match Transport::new(&recorder, &options, &spec, &shared.raw, seed, ended) {
            Ok(transport) => transport,
            Err(observation) => {
                recorder.record(*observation);
                if let Some(way) = &way {
                    shared.near.tell(way, crate::proto::trace::Trunk::default());
                }
                return None;
            }
        };
        let start = Instant::now();
        let left = recorder.deadline().saturating_duration_since(start);
        let mut config = config(&options, &spec, transport.one_at_a_time());
        config.deadline = Some(micros(left));
        config.trunk = trunk;
        let mut tracer = Tracer::new(config, seed, Micros(0));
        if spec.outcomes > 0 {
            tracer.handle_outcomes_wanted(spec.outcomes, Micros(0));
        }
        let first = recorder.read(|evidence| evidence.observations.len());
        Some(Self {
            recorder,
            options,
            spec,
            shared,
            way,
            start,
            first,
            tracer,
            transport,
            answers,
            running: HashMap::new(),
            arrived: false,
            wish,
            drawn: false,
            hurried: false,
        })
    }

    /// Lets what is known stand in the evidence.
    fn draw(&mut self) {
        if std::mem::replace(&mut self.drawn, true) {
            return;
        }
        self.tell();
        if self.spec.control {
            return;
        }
        let graph = self.tracer.graph();
        let (spec, options, first) = (&self.spec, &self.options, self.first);
        let (method, systems) = (self.transport.method(), self.shared.systems.as_ref());
        let hurried = self.hurried && Instant::now() < self.recorder.deadline();
        self.recorder.update(|evidence| {
            let probes: Vec<&Observation> = evidence
                .observations
                .iter()
                .skip(first)
                .filter(|o| {
                    o.operation == spec.protocol.operation()
                        && !o.control
                        && o.endpoint.as_ref() == Some(&spec.endpoint)
                })
                .collect();
            let path = picture(
                &graph,
                &Surroundings {
                    protocol: spec.protocol,
                    endpoint: &spec.endpoint,
                    method,
                    options,
                    followed: spec.outcomes,
                    hurried,
                    probes: &probes,
                    names: &evidence.names,
                    systems,
                },
            );
            let asked = path
                .hops
                .iter()
                .any(|hop| hop.nodes.iter().any(|node| node.sent > 0));
            let subject = evidence
                .endpoints
                .iter_mut()
                .find(|subject| subject.endpoint == spec.endpoint);
            if let Some(subject) = subject.filter(|_| asked) {
                let mtu = subject.path.take().and_then(|old| old.mtu);
                subject.path = Some(crate::model::topology::Path { mtu, ..path });
            }
        });
    }

    fn now(&self) -> Micros {
        micros(self.start.elapsed())
    }

    async fn run(&mut self) {
        let mut unsendable = 0;
        let mut round_trip = None;
        let mut widened = self.spec.control;
        self.drawn = false;
        self.follow();
        while self.tracer.is_done().is_none() && unsendable < UNSENDABLE_MAX {
            // What the burst learns meanwhile of the destination helps the trace.
            let known = self.recorder.read(|e| {
                let burst = e.burst(&self.spec.endpoint);
                let ok = burst.filter(|o| o.outcome == Outcome::Ok);
                ok.filter_map(|o| o.rtt_ms).min()
            });
            if known != round_trip {
                round_trip = known;
                if let Some(rtt) = known {
                    let now = self.now();
                    self.tracer.handle_round_trip(Micros(rtt.micros()), now);
                }
            }
            if !widened
                && (self.arrived
                    || self
                        .recorder
                        .read(|e| answers_burst(e, &self.spec.endpoint)))
            {
                widened = true;
                let (searched, shown) = flows(&self.options);
                let now = self.now();
                self.tracer.handle_more_flows(searched, shown, now);
            }
            self.hurry(round_trip);
            let mut wait_until = None;
            while unsendable < UNSENDABLE_MAX {
                if let Err(later) = self.shared.pace.take() {
                    wait_until = Some(later);
                    break;
                }
                let now = self.now();
                let Some(probe) = self.tracer.poll_transmit(now) else {
                    self.shared.pace.give_back();
                    break;
                };
                if !self.send(probe).await {
                    unsendable += 1;
                }
            }
            if self.tracer.is_done().is_some() {
                break;
            }
            let timeout = self.tracer.poll_timeout();
            let timeout = timeout.map(|at| self.start + Duration::from_micros(at.0));
            let wake = [timeout, wait_until].into_iter().flatten().min();
            let wake = wake.unwrap_or_else(|| Instant::now() + PATIENCE);
            tokio::select! {
                Some(end) = self.answers.recv() => {
                    self.ended(end);
                    // One decision for all that has come.
                    self.drain();
                }
                () = self.wish.changed() => self.follow(),
                () = tokio::time::sleep_until(wake.into()) => {
                    let now = self.now();
                    self.tracer.handle_timeout(now);
                }
            }
            self.tell_who_waits();
        }
        self.drain();
        let mut all: Vec<ProbeId> = self.running.keys().copied().collect();
        all.sort_unstable();
        for id in all {
            self.silent(id).await;
        }
    }

    /// Takes the answers that are there.
    fn drain(&mut self) {
        while let Ok(end) = self.answers.try_recv() {
            self.ended(end);
        }
    }

    /// Brings the end forward once all of the burst works, unless the paths are what was asked for.
    fn hurry(&mut self, round_trip: Option<Ms>) {
        let about_paths = self.spec.alone || self.spec.control || self.spec.outcomes > 0;
        let Some(rtt) = round_trip.filter(|_| !self.hurried && !about_paths) else {
            return;
        };
        if self.recorder.read(|e| is_well(e, &self.spec.endpoint)) {
            self.hurried = true;
            let left = WELL + Duration::from_micros(rtt.micros()) * WELL_ROUND_TRIPS;
            let end = Micros(self.now().0 + micros(left).0);
            self.tracer.handle_deadline(end);
        }
    }

    /// Follows as many flows to the destination as are asked for.
    fn follow(&mut self) {
        let wanted = self.wish.flows();
        if wanted > self.spec.outcomes {
            self.spec.outcomes = wanted;
            let now = self.now();
            let (searched, shown) = flows(&self.options);
            self.tracer.handle_more_flows(searched, shown, now);
            self.tracer.handle_outcomes_wanted(wanted, now);
        }
    }

    /// Sends a probe; false where it could not be sent.
    async fn send(&mut self, probe: Probe) -> bool {
        if self.transport.one_at_a_time() {
            self.give_up(probe.flow).await;
        }
        match self.transport.send(&self.recorder, &self.spec, probe) {
            Ok(mut underway) => {
                underway.observation.at_ms = self.recorder.at(underway.began);
                self.running.insert(probe.id, (probe.flow, underway));
                let now = self.now();
                self.tracer.handle_sent(probe.id, now);
                if self.transport.one_at_a_time() {
                    // Raw sockets turned out not to send, and ordinary ones took over.
                    self.tracer.handle_one_at_a_time();
                }
                true
            }
            Err(observation) => {
                let now = self.now();
                self.tracer.handle_unsendable(probe.id, now);
                self.recorder.record(*observation);
                false
            }
        }
    }

    /// A probe's end: it is recorded, and the engine is told. One that was given up before counts for the engine alone.
    fn ended(&mut self, end: Ended) {
        let waited = self.running.remove(&end.id).is_some();
        let mut observation = end.observation;
        observation.at_ms = self.recorder.at(end.began);
        let target = self.spec.endpoint.address.ip();
        let from = observation
            .icmp_from()
            .map_or(target, crate::model::Address::ip);
        let kind = match (observation.outcome, &observation.icmp) {
            (Outcome::TtlExceeded, _) => AnswerKind::TimeExceeded,
            // A datagram or an echo that the destination's own kernel turns away has arrived there.
            (Outcome::PortUnreachable | Outcome::ProtocolUnreachable, Some(_))
                if from == target && self.spec.protocol != TraceProtocol::Tcp =>
            {
                AnswerKind::Arrived
            }
            (_, Some(icmp)) => AnswerKind::Unreachable { code: code(icmp) },
            (_, None) => AnswerKind::Arrived,
        };
        self.arrived |= kind == AnswerKind::Arrived && observation.icmp.is_none();
        let answer = Answer {
            from,
            kind,
            rtt: micros(end.at.saturating_duration_since(end.began)),
        };
        let now = self.now();
        self.tracer.handle_answer(end.id, now, answer);
        if waited {
            self.recorder.record(observation);
        }
    }

    /// Ends the probes of a flow that are still under way, so that the next may have its ports: they were not answered.
    async fn give_up(&mut self, flow: FlowId) {
        let late: Vec<ProbeId> = self
            .running
            .iter()
            .filter(|(_, (of, _))| *of == flow)
            .map(|(id, _)| *id)
            .collect();
        for id in late {
            self.silent(id).await;
        }
    }

    async fn silent(&mut self, id: ProbeId) {
        if let Some((_, mut underway)) = self.running.remove(&id) {
            if self.tracer.is_done().is_some() && self.tracer.is_under_way(id) {
                underway.observation.outcome = Outcome::Cancelled;
            }
            silent(&self.recorder, underway).await;
        }
    }

    /// Tells what is known of the near hops as soon as another trace waits for it.
    fn tell_who_waits(&mut self) {
        let awaited = self
            .way
            .as_ref()
            .is_some_and(|way| self.shared.near.is_awaited(way));
        if awaited && self.start.elapsed() >= NEAR_HOPS {
            let trunk = self.tracer.graph().trunk();
            if let (Some(way), false) = (&self.way, trunk.hops.is_empty()) {
                self.shared.near.tell(way, trunk);
            }
        }
    }

    fn tell(&self) {
        if let Some(way) = &self.way {
            self.shared.near.tell(way, self.tracer.graph().trunk());
        }
    }
}

/// Whether the destination itself answered the burst, otherwise than by ICMP errors, of which a host sends only a few.
fn answers_burst(evidence: &Evidence, endpoint: &Endpoint) -> bool {
    evidence
        .burst(endpoint)
        .any(|o| matches!(o.outcome, Outcome::Ok | Outcome::Refused))
}

/// A probe that nothing answered, or that was not waited for.
async fn silent(recorder: &Recorder, underway: Underway) {
    if let Some(task) = underway.task {
        task.abort();
        // Only when the task is gone is its socket closed, and the pair of endpoints free for the next probe.
        let _ = task.await;
    }
    let mut observation = underway.observation;
    observation.elapsed_ms = Some(underway.began.elapsed().into());
    recorder.record(observation);
}

/// Gives the nodes of all paths the names that were found meanwhile.
pub fn name(evidence: &mut Evidence) {
    let names = &evidence.names;
    let paths = evidence
        .endpoints
        .iter_mut()
        .filter_map(|subject| subject.path.as_mut());
    for node in paths
        .flat_map(|path| &mut path.hops)
        .flat_map(|hop| &mut hop.nodes)
    {
        if let Some(name) = node.address.as_ref().and_then(|address| names.get(address)) {
            node.name = Some(name.clone());
        }
    }
}

/// Type and code in one number, for the engine, which only compares them.
fn code(icmp: &Icmp) -> u16 {
    u16::from(icmp.kind) << 8 | u16::from(icmp.code)
}
