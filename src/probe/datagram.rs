//! UDP datagrams to the port asked for: the burst of a UDP check.
//!
//! A socket each, because an error queue does not tell which datagram an error is about, and so that each is a flow of its own. That an
//! answer came is what counts; it is bounded, and not read.

use std::cell::RefCell;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::flow::{flow, icmp, local_outcome};
use super::series::{Series, Waiting};
use super::{Recorder, egress};
use crate::model::options::Payload;
use crate::model::target::Protocol;
use crate::model::{Endpoint, Observation, Operation, Options, Outcome, Target};
use crate::net::errno::Errno;
use crate::net::flow::SourcePort;
use crate::net::udp::{Fragmentation, Received, Udp};
use crate::proto::payload::{self, Nonce};

/// So often a datagram that waits looks at what became of the others.
const GLANCE: Duration = Duration::from_millis(100);

/// Settles what the datagrams of a check carry: what the user gave, else what the port's protocol answers.
pub fn settle(options: &mut Options, target: &Target) {
    match (target.protocol, target.port) {
        (Protocol::Udp, Some(port)) if options.payload.is_none() => {
            let known = payload::for_port(port);
            options.payload = Some(Payload {
                name: known.name.to_owned(),
                length: u16::try_from(known.bytes(&nonce()).len()).unwrap_or(u16::MAX),
                hex: None,
                silent: known.silent.map(ToOwned::to_owned),
            });
        }
        (Protocol::Udp, _) => {}
        _ => options.payload = None,
    }
}

/// The bytes of one datagram to a port.
pub(super) fn bytes(options: &Options, port: u16) -> Vec<u8> {
    let given = options.payload.as_ref().and_then(Payload::bytes);
    given.unwrap_or_else(|| payload::for_port(port).bytes(&nonce()))
}

/// A socket for datagrams to an endpoint.
pub(super) fn open(options: &Options, endpoint: &Endpoint) -> Result<Udp, Errno> {
    let mut flow = flow(options, endpoint);
    if let Some(port) = options.source_port {
        flow.source_port = SourcePort::Fixed(port);
    }
    let elsewhere = payload::for_port(endpoint.port.unwrap_or(0)).answers_elsewhere;
    let opened = if elsewhere {
        if options.source_port.is_none() {
            flow.source_port = SourcePort::AtBind;
        }
        Udp::open_unconnected(&flow)
    } else {
        Udp::open(&flow, Fragmentation::System)
    };
    opened.map_err(|failure| failure.errno)
}

/// Sends a series of datagrams and records each as it ends. Around a burst that stays silent the kernel's counters are compared.
pub async fn series(recorder: Recorder, options: Rc<Options>, series: Series) {
    let before = options.local.then(egress::Before::read);
    let began = recorder.now();
    let endpoint = series.endpoint.clone();
    all(&recorder, &options, series).await;
    if let Some(before) = before {
        before.compare(&recorder, &endpoint, began);
    }
}

async fn all(recorder: &Recorder, options: &Rc<Options>, series: Series) {
    let began = Instant::now();
    let (count, interval) = (series.count, series.interval);
    let waiting = Rc::new(RefCell::new(Waiting::new(recorder.clone(), series.clone())));
    let mut running = JoinSet::new();
    for number in 0..count {
        tokio::time::sleep_until((began + interval * number).into()).await;
        let work = attempt(
            recorder.clone(),
            options.clone(),
            series.clone(),
            number,
            waiting.clone(),
        );
        if options.source_port.is_some() {
            // From one source port nothing tells which of two datagrams an error is about: they follow one another.
            work.await;
        } else {
            running.spawn_local(work);
        }
        while running.try_join_next().is_some() {}
    }
    while running.join_next().await.is_some() {}
}

async fn attempt(
    recorder: Recorder,
    options: Rc<Options>,
    series: Series,
    number: u32,
    waiting: Rc<RefCell<Waiting>>,
) {
    let mut observation = Observation {
        endpoint: Some(series.endpoint.clone()),
        control: series.control,
        ..Observation::new(Operation::Datagram, recorder.now(), Outcome::Timeout)
    };
    let refused = |mut observation: Observation, errno: Errno| {
        observation.outcome = local_outcome(errno);
        observation.errno = Some(errno.name().into_owned());
        recorder.record(observation);
    };
    let socket = match open(&options, &series.endpoint) {
        Ok(socket) => socket,
        Err(errno) => return refused(observation, errno),
    };
    observation.source_port = Some(socket.source().port());
    let payload = bytes(&options, series.endpoint.port.unwrap_or(0));
    match socket.send(&payload, None) {
        Ok(at) => waiting.borrow_mut().sent(number, at, observation),
        Err(errno) => return refused(observation, errno),
    }
    loop {
        let Some(end) = waiting.borrow().end_of(number) else {
            return;
        };
        let now = Instant::now();
        if now >= end {
            return waiting.borrow_mut().lost(number);
        }
        let received = socket.recv(end.min(now + GLANCE)).await;
        let mut waiting = waiting.borrow_mut();
        match received {
            Received::Datagram(datagram) => {
                waiting.answered(number, datagram.at, datagram.ttl, None);
            }
            Received::Error(error) => match icmp(&error) {
                Some(answer) => waiting.answered(number, error.at, None, Some(answer)),
                None => waiting.failed(
                    number,
                    error.errno.name().into_owned(),
                    local_outcome(error.errno),
                ),
            },
            Received::Failed(errno) => {
                let outcome = match errno {
                    // Port unreachable, and nobody knows from whom.
                    Errno::ECONNREFUSED => Outcome::PortUnreachable,
                    other => local_outcome(other),
                };
                waiting.failed(number, errno.name().into_owned(), outcome);
            }
            Received::Silent => {}
        }
    }
}

/// Random bytes: the standard library seeds its hashers from the system's random source.
pub(super) fn nonce() -> Nonce {
    let half = || RandomState::new().build_hasher().finish().to_be_bytes();
    let mut nonce = [0; 16];
    let random = half().into_iter().chain(half());
    for (to, from) in nonce.iter_mut().zip(random) {
        *to = from;
    }
    nonce
}
