//! A hop asked again after a pause in which nothing was sent.
//!
//! Routers limit how many ICMP errors they send to one asker. A Linux router that rejects by its routes takes twice from the same
//! allowance, once in `ip_error` and once in `icmp_send` (`net/ipv4/route.c`, `net/ipv4/icmp.c`; one token a second each): asked more
//! often than every two seconds it uses up each token without an answer, and looks like a black hole for as long as it is asked.

use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::silent;
use super::transport::{Ended, Transport};
use super::{Shared, Spec};
use crate::model::{Ms, Observation, Operation, Options, Outcome};
use crate::probe::Recorder;
use crate::proto::trace::{FlowId, Probe, ProbeId};

/// The pause: two tokens, and a little.
const PAUSE: Duration = Duration::from_millis(2150);
/// How long an answer is waited for, at least and at most: less than the second after which the kernel sends a SYN again.
const PATIENCE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_millis(800));
/// At most so many hops further on are asked, where one answers after all.
const HOPS: u8 = 3;
/// A flow of its own, which no trace has: they count from 0, and those at one distance down from the greatest.
const FLOW: FlowId = FlowId(u16::MAX - 1000);

/// Waits, then asks the hop after `last` (0: no router answered), and `last` itself on the same flow, so that a rejection can be placed; where
/// one was heard before, also with the greatest TTL. Where a probe is rejected, one with the greatest TTL is sent after another pause: some devices
/// turn away what would soon expire, and nothing else. Where a router answers, the next is asked.
pub async fn ask(recorder: Recorder, options: Rc<Options>, spec: Spec, last: u8, shared: Shared) {
    let seed = RandomState::new().hash_one(&spec.endpoint);
    let (ended, answers) = mpsc::unbounded_channel::<Ended>();
    let far = options.max_hops;
    let (patience, heard) = recorder.read(|evidence| {
        let of_this = evidence.of(spec.protocol.operation(), &spec.endpoint);
        let slowest = of_this.filter_map(|o| o.rtt_ms).max();
        let patience = slowest.map_or(PATIENCE.1, |rtt| Ms::to_duration(rtt) * 3);
        let mut errors = evidence
            .burst(&spec.endpoint)
            .chain(evidence.of(spec.protocol.operation(), &spec.endpoint));
        let heard = errors.any(|o| o.outcome.is_icmp() && o.outcome != Outcome::TtlExceeded);
        (patience.clamp(PATIENCE.0, PATIENCE.1), heard)
    });
    let transport = match Transport::new(&recorder, &options, &spec, &shared.raw, seed, ended) {
        Ok(transport) => transport,
        Err(observation) => {
            recorder.record(*observation);
            return;
        }
    };
    let mut asking = Asking {
        recorder,
        spec,
        shared,
        transport,
        answers,
        patience,
        next: 0,
    };
    if !asking.pause().await {
        return;
    }
    if last > 0 && asking.probe(last).await.is_none() {
        return;
    }
    let near = (last.saturating_add(1)..).take(HOPS.into());
    let mut answered = true;
    // An error that was heard before may come from beyond a hop that is silent.
    for ttl in near.chain(heard.then_some(far)) {
        if !answered && ttl != far {
            continue;
        }
        match asking.probe(ttl).await {
            Some(Outcome::TtlExceeded) => {}
            Some(Outcome::Timeout) => answered = false,
            Some(outcome) if outcome.is_icmp() => {
                if asking.pause().await {
                    asking.probe(far).await;
                }
                return;
            }
            _ => return,
        }
    }
}

struct Asking {
    recorder: Recorder,
    spec: Spec,
    shared: Shared,
    transport: Transport,
    answers: mpsc::UnboundedReceiver<Ended>,
    patience: Duration,
    next: u64,
}

impl Asking {
    /// Waits, and records that; false where no time is left for it.
    async fn pause(&mut self) -> bool {
        let began = self.recorder.now();
        let time = Instant::now() + PAUSE + self.patience <= self.recorder.deadline();
        if time {
            tokio::time::sleep(PAUSE).await;
        }
        let outcome = if time {
            Outcome::Ok
        } else {
            Outcome::Cancelled
        };
        self.recorder.record(Observation {
            endpoint: Some(self.spec.endpoint.clone()),
            elapsed_ms: Some(self.recorder.now() - began),
            control: true,
            ..Observation::new(Operation::Pause, began, outcome)
        });
        time
    }

    /// Sends one probe and records what comes of it; none where it can't be sent.
    async fn probe(&mut self, ttl: u8) -> Option<Outcome> {
        while let Err(later) = self.shared.pace.take() {
            tokio::time::sleep_until(later.into()).await;
        }
        let id = ProbeId(self.next);
        self.next += 1;
        let probe = Probe {
            id,
            flow: FLOW,
            ttl,
            attempt: 0,
        };
        let mut underway = match self.transport.send(&self.recorder, &self.spec, probe) {
            Ok(underway) => underway,
            Err(observation) => {
                self.recorder.record(*observation);
                return None;
            }
        };
        underway.observation.at_ms = self.recorder.at(underway.began);
        let end = underway.began + self.patience;
        loop {
            tokio::select! {
                Some(ended) = self.answers.recv() => {
                    if ended.id == id {
                        let mut observation = ended.observation;
                        observation.at_ms = self.recorder.at(ended.began);
                        let outcome = observation.outcome;
                        self.recorder.record(observation);
                        return Some(outcome);
                    }
                }
                () = tokio::time::sleep_until(end.into()) => {
                    silent(&self.recorder, underway).await;
                    return Some(Outcome::Timeout);
                }
            }
        }
    }
}
