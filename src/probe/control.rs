//! A control: is the host up at all? Datagrams to a port where hardly anything listens.

use std::rc::Rc;
use std::time::Duration;

use super::Recorder;
use super::flow::{flow, icmp, local_outcome};
use crate::model::{Endpoint, Observation, Operation, Options, Outcome};
use crate::net::errno::Errno;
use crate::net::udp::{Fragmentation, Received, Udp};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_millis(1500);
/// The port that traceroute has always begun at: hardly anything listens there.
const UNLIKELY_PORT: u16 = 33434;

/// The unlikely port, or its neighbour where that is the port asked for.
pub fn unlikely_port(asked: Option<u16>) -> u16 {
    if asked == Some(UNLIKELY_PORT) {
        UNLIKELY_PORT + 1
    } else {
        UNLIKELY_PORT
    }
}

/// Sends datagrams to an unlikely port of the host: a host that is up turns them away with an ICMP error of its own.
pub async fn datagrams(
    recorder: Recorder,
    options: Rc<Options>,
    endpoint: Endpoint,
    count: u16,
    interval: Duration,
) {
    let to = Endpoint::new(endpoint.address, unlikely_port(endpoint.port));
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
