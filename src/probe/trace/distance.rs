//! One distance asked again, by SYNs from ports of their own: what a flow's trace alone can't tell.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::transport::{Ended, Transport, Underway};
use super::{Shared, Spec, silent};
use crate::model::Options;
use crate::probe::Recorder;
use crate::proto::trace::{FlowId, Probe, ProbeId};

/// So many SYNs are sent with one TTL: a forged answer would have to come each time.
const AT_DISTANCE: u16 = 6;
/// At most so many distances are asked again.
const REASKED_HOPS: usize = 2;

/// Asks the port again at distances where so far only the control was answered: from several ports, so that equal-cost paths which the
/// control took and this flow did not are asked, too.
pub async fn reask(
    recorder: Recorder,
    options: Rc<Options>,
    spec: Spec,
    ttls: Vec<u8>,
    shared: Shared,
) {
    for ttl in ttls.into_iter().take(REASKED_HOPS) {
        at_distance(
            recorder.clone(),
            options.clone(),
            spec.clone(),
            ttl,
            shared.clone(),
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
    shared: Shared,
) {
    let seed = RandomState::new().hash_one(&spec.endpoint);
    let (ended, mut answers) = mpsc::unbounded_channel::<Ended>();
    let mut transport = match Transport::new(&recorder, &options, &spec, &shared.raw, seed, ended) {
        Ok(transport) => transport,
        Err(observation) => {
            recorder.record(*observation);
            return;
        }
    };
    let mut running: HashMap<ProbeId, Underway> = HashMap::new();
    for number in 0..AT_DISTANCE {
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
                return;
            }
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let end = Instant::now() + Duration::from_millis(400);
    while !running.is_empty() {
        tokio::select! {
            Some(end) = answers.recv() => {
                if running.remove(&end.id).is_some() {
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
}
