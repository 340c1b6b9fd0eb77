//! One distance asked again, by probes from ports of their own: what a flow's trace alone can't tell.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::transport::{Ended, Transport, Underway};
use super::{Shared, Spec, silent};
use crate::model::{Options, Outcome};
use crate::probe::Recorder;
use crate::proto::trace::{FlowId, Probe, ProbeId};

/// So many SYNs are sent with one TTL: a forged answer would have to come each time.
pub const AT_DISTANCE: u16 = 6;
/// At most so many distances are asked again.
const REASKED_HOPS: usize = 2;
/// So often a distance is asked again at which both the port and the control are silent.
const REASKED_ROUNDS: u32 = 3;
/// Routers that limit their ICMP errors send one a second at least (Linux `icmp_ratelimit`), and a little.
const ERROR_EVERY: Duration = Duration::from_millis(1100);

/// Asks the port again at distances where so far only the control was answered: from several ports, so that equal-cost paths which the
/// control took and this flow did not are asked, too; and the control once more after that. Where both are silent, the router may have
/// none of its errors left: after a second each is asked once more, the port first.
pub async fn reask(
    recorder: Recorder,
    options: Rc<Options>,
    spec: Spec,
    control: Spec,
    ttls: Vec<u8>,
    shared: Shared,
) {
    let ask = |spec: &Spec, ttl, count| {
        let (recorder, options, shared) = (recorder.clone(), options.clone(), shared.clone());
        at_distance(recorder, options, spec.clone(), ttl, count, shared)
    };
    for ttl in ttls.into_iter().take(REASKED_HOPS) {
        let mut count = AT_DISTANCE;
        for round in 0..REASKED_ROUNDS {
            if round > 0 {
                tokio::time::sleep(ERROR_EVERY).await;
                count = 1;
            }
            if ask(&spec, ttl, count).await || ask(&control, ttl, 1).await {
                break;
            }
        }
    }
}

/// Sends probes with one TTL, each from a port of its own, and records what answers; whether anything did.
pub async fn at_distance(
    recorder: Recorder,
    options: Rc<Options>,
    spec: Spec,
    ttl: u8,
    count: u16,
    shared: Shared,
) -> bool {
    let seed = RandomState::new().hash_one(&spec.endpoint);
    let (ended, mut answers) = mpsc::unbounded_channel::<Ended>();
    let mut transport = match Transport::new(&recorder, &options, &spec, &shared.raw, seed, ended) {
        Ok(transport) => transport,
        Err(observation) => {
            recorder.record(*observation);
            return true;
        }
    };
    let mut running: HashMap<ProbeId, Underway> = HashMap::new();
    let mut answered = false;
    for number in 0..count {
        while let Err(later) = shared.pace.take() {
            tokio::time::sleep_until(later.into()).await;
        }
        let probe = Probe {
            id: ProbeId(u64::from(number)),
            // Other flows than those of the trace itself, which count from 0.
            flow: FlowId(u16::MAX - number),
            ttl,
            attempt: 0,
        };
        match transport.send(&recorder, &spec, probe) {
            Ok(mut underway) => {
                underway.observation.at_ms = recorder.at(underway.began);
                running.insert(probe.id, underway);
            }
            Err(observation) => {
                recorder.record(*observation);
                return true;
            }
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let end = Instant::now() + Duration::from_millis(400);
    while !running.is_empty() {
        tokio::select! {
            Some(end) = answers.recv() => {
                if running.remove(&end.id).is_some() {
                    answered |= end.observation.outcome != Outcome::Timeout;
                    let mut observation = end.observation;
                    observation.at_ms = recorder.at(end.began);
                    recorder.record(observation);
                }
            }
            () = tokio::time::sleep_until(end.into()) => break,
        }
    }
    for (_, underway) in running {
        silent(&recorder, underway).await;
    }
    answered
}
