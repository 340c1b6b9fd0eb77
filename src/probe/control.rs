//! Controls: is the host up at all? Echo requests, and datagrams to a port where hardly anything listens.

use std::rc::Rc;
use std::time::{Duration, Instant};

use super::Recorder;
use super::flow::{flow, icmp, local_outcome, scope};
use crate::model::{Address, Endpoint, Observation, Operation, Options, Outcome};
use crate::net::echo::{Echo, EchoFailure, Event, Open};
use crate::net::errno::Errno;
use crate::net::flow::Family;
use crate::net::udp::{Fragmentation, Received, Udp};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_millis(1500);
/// The port that traceroute has always begun at: hardly anything listens there.
pub const UNLIKELY_PORT: u16 = 33434;

/// Sends echo requests to the host, so far from one another, and records each.
pub async fn echo(
    recorder: Recorder,
    options: Rc<Options>,
    endpoint: Endpoint,
    count: u16,
    interval: Duration,
) {
    let address = endpoint.address;
    let spec = Open {
        source: options.source.as_ref().map(Address::ip),
        interface: options.interface.clone(),
        tos: options.tos,
        ..Open::family(Family::of(address.ip()))
    };
    let socket = match Echo::open(&spec) {
        Ok(socket) => socket,
        Err(EchoFailure::Denied { ping, .. }) => {
            let denied = Observation {
                endpoint: Some(Endpoint::portless(address)),
                control: true,
                ..Observation::new(Operation::Echo, recorder.now(), Outcome::Denied)
            };
            refuse(&recorder, denied, ping);
            recorder.note(
                "whether the host answers echo requests",
                "this user may open neither ping sockets (net.ipv4.ping_group_range) nor raw ones",
                Some(super::as_root(&recorder)),
            );
            return;
        }
        Err(EchoFailure::Open(failure)) => {
            let failed = Observation {
                endpoint: Some(Endpoint::portless(address)),
                control: true,
                ..Observation::new(Operation::Echo, recorder.now(), Outcome::OtherError)
            };
            refuse(&recorder, failed, failure.errno);
            recorder.note(
                "whether the host answers echo requests",
                format!("the socket can't be had: {failure}"),
                None,
            );
            return;
        }
    };
    let host = Endpoint::portless(address.clone());
    let mut sent: Vec<Option<(Instant, Observation)>> = Vec::new();
    let began = Instant::now();
    let mut left = usize::from(count);
    loop {
        let number = u16::try_from(sent.len()).unwrap_or(count);
        let next = began + interval * u32::from(number);
        let more = number < count;
        if more && Instant::now() >= next {
            let mut observation = Observation {
                endpoint: Some(host.clone()),
                control: true,
                ..Observation::new(Operation::Echo, recorder.now(), Outcome::Timeout)
            };
            match socket.send(address.ip(), scope(&address), number, b"nwcheck", None) {
                Ok(at) => {
                    observation.at_ms = recorder.at(at);
                    sent.push(Some((at, observation)));
                }
                Err(errno) => {
                    refuse(&recorder, observation, errno);
                    sent.push(None);
                    left -= 1;
                }
            }
            continue;
        }
        let last = sent
            .iter()
            .flatten()
            .map(|(at, _)| *at)
            .max()
            .unwrap_or(began);
        let end = (last + PATIENCE).min(recorder.deadline());
        if left == 0 || (!more && Instant::now() >= end) {
            break;
        }
        let event = socket.recv(if more { next } else { end }).await;
        let (sequence, at, answer) = match event {
            Event::Reply(reply) if reply.from.to_canonical() == address.ip() => {
                (reply.sequence, reply.at, None)
            }
            Event::Error {
                sequence: Some(sequence),
                error,
            } => (sequence, error.at, icmp(&error)),
            _ => continue,
        };
        let Some((began, mut observation)) =
            sent.get_mut(usize::from(sequence)).and_then(Option::take)
        else {
            continue;
        };
        let rtt = at.saturating_duration_since(began).into();
        observation.rtt_ms = Some(rtt);
        observation.elapsed_ms = Some(rtt);
        match answer {
            None => observation.outcome = Outcome::Ok,
            Some((outcome, icmp)) => {
                observation.outcome = outcome;
                observation.icmp = Some(icmp);
            }
        }
        recorder.record(observation);
        left -= 1;
    }
    silence(&recorder, sent);
}

/// Sends datagrams to an unlikely port of the host: a host that is up turns them away with an ICMP error of its own.
pub async fn datagrams(
    recorder: Recorder,
    options: Rc<Options>,
    endpoint: Endpoint,
    count: u16,
    interval: Duration,
) {
    let to = Endpoint::new(endpoint.address, UNLIKELY_PORT);
    let blank = |recorder: &Recorder| Observation {
        endpoint: Some(to.clone()),
        control: true,
        ..Observation::new(Operation::Datagram, recorder.now(), Outcome::Timeout)
    };
    for number in 0..count {
        // A socket each: the error queue tells nothing of which datagram it was.
        let socket = match Udp::open(&flow(&options, &to), Fragmentation::System) {
            Ok(socket) => socket,
            Err(failure) => {
                refuse(&recorder, blank(&recorder), failure.errno);
                return;
            }
        };
        let mut observation = blank(&recorder);
        observation.source_port = Some(socket.source().port());
        let sent = match socket.send(b"nwcheck", None) {
            Ok(sent) => sent,
            Err(errno) => {
                refuse(&recorder, observation, errno);
                return;
            }
        };
        observation.at_ms = recorder.at(sent);
        let last = number + 1 == count;
        let end = (sent + if last { PATIENCE } else { interval }).min(recorder.deadline());
        let (at, answer) = match socket.recv(end).await {
            Received::Datagram(datagram) => (Some(datagram.at), Some((Outcome::Ok, None))),
            Received::Error(error) => (
                Some(error.at),
                icmp(&error).map(|(outcome, icmp)| (outcome, Some(icmp))),
            ),
            Received::Failed(errno) => {
                observation.errno = Some(errno.name().into_owned());
                (None, Some((local_outcome(errno), None)))
            }
            Received::Silent => (None, None),
        };
        if let Some((outcome, icmp)) = answer {
            observation.outcome = outcome;
            observation.icmp = icmp;
        }
        let rtt = at.map(|at| at.saturating_duration_since(sent).into());
        observation.rtt_ms = rtt;
        observation.elapsed_ms = rtt.or_else(|| Some(sent.elapsed().into()));
        let answered = rtt.is_some();
        recorder.record(observation);
        if answered && count <= 3 {
            return;
        }
        if !last {
            tokio::time::sleep_until((sent + interval).into()).await;
        }
    }
}

fn refuse(recorder: &Recorder, mut observation: Observation, errno: Errno) {
    observation.outcome = local_outcome(errno);
    observation.errno = Some(errno.name().into_owned());
    recorder.record(observation);
}

fn silence(recorder: &Recorder, sent: Vec<Option<(Instant, Observation)>>) {
    for (at, mut observation) in sent.into_iter().flatten() {
        observation.elapsed_ms = Some(at.elapsed().into());
        recorder.record(observation);
    }
}
