//! ICMP echo requests: the burst of an ICMP check, and the control of the others.
//!
//! Over a ping socket, else a raw one. Round trips are taken from the kernel's receive timestamps; answers are matched by the random
//! identifier and the sequence number, and only those of the host asked count.

use std::rc::Rc;
use std::time::Instant;

use super::flow::{icmp, local_outcome, scope};
use super::series::{Series, Waiting};
use super::{Recorder, egress};
use crate::model::evidence::ECHO_REQUESTS;
use crate::model::{Address, Endpoint, Observation, Operation, Options, Outcome};
use crate::net::echo::{Echo, EchoFailure, Event, Open};
use crate::net::errno::Errno;
use crate::net::flow::Family;

/// What an echo request carries.
pub(super) const PAYLOAD: &[u8] = b"nwcheck";

/// The command that lets every user send echo requests, until the next start of the machine.
const PING_GROUP_RANGE: &str = "sudo sysctl -w net.ipv4.ping_group_range='0 2147483647'";

/// A socket for echo requests to an address.
pub(super) fn open(options: &Options, address: &Address) -> Result<Echo, EchoFailure> {
    Echo::open(&Open {
        source: options.source.as_ref().map(Address::ip),
        interface: options.interface.clone(),
        tos: options.tos,
        ..Open::family(Family::of(address.ip()))
    })
}

/// The same; where this user may not have one, that is noted.
pub(super) fn open_noted(
    recorder: &Recorder,
    options: &Options,
    address: &Address,
) -> Result<Echo, Errno> {
    open(options, address).map_err(|failure| match failure {
        EchoFailure::Denied { ping, .. } => {
            not_permitted(recorder, ping);
            ping
        }
        EchoFailure::Open(failure) => failure.errno,
    })
}

/// Notes that this user may not send echo requests, and the one command that changes it.
fn not_permitted(recorder: &Recorder, ping: Errno) {
    // Where the range lacks the group the kernel says EACCES (Linux `ping_init_sock`); any other error is not the range's.
    let (why, command) = if ping == Errno::EACCES {
        (
            "this user may open neither ping sockets (net.ipv4.ping_group_range) nor raw ones (CAP_NET_RAW)",
            PING_GROUP_RANGE.to_owned(),
        )
    } else {
        (
            "this system has no ping sockets, and this user may not open raw ones (CAP_NET_RAW)",
            super::as_root(recorder),
        )
    };
    recorder.note(ECHO_REQUESTS, why, Some(command));
}

/// Sends a series of echo requests and records each as it ends. Around a burst that stays silent the kernel's counters are compared.
pub async fn series(recorder: Recorder, options: Rc<Options>, series: Series) {
    let before = (!series.control && options.local).then(egress::Before::read);
    let began = recorder.now();
    let endpoint = series.endpoint.clone();
    all(&recorder, &options, series).await;
    if let Some(before) = before {
        before.compare(&recorder, &endpoint, began);
    }
}

async fn all(recorder: &Recorder, options: &Options, series: Series) {
    let address = series.endpoint.address.clone();
    let blank = Observation {
        endpoint: Some(Endpoint::portless(address.clone())),
        control: series.control,
        ..Observation::new(Operation::Echo, recorder.now(), Outcome::Timeout)
    };
    let refused = |errno: Errno| Observation {
        at_ms: recorder.now(),
        outcome: local_outcome(errno),
        errno: Some(errno.name().into_owned()),
        ..blank.clone()
    };
    let socket = match open(options, &address) {
        Ok(socket) => socket,
        Err(EchoFailure::Denied { ping, .. }) => {
            // Of the host it says nothing: only as a control it stands in the report, so that it is not tried again.
            if series.control {
                recorder.record(refused(ping));
            }
            not_permitted(recorder, ping);
            return;
        }
        Err(EchoFailure::Open(failure)) => {
            recorder.record(refused(failure.errno));
            if series.control {
                let why = format!("the socket can't be had: {failure}");
                recorder.note(ECHO_REQUESTS, why, None);
            }
            return;
        }
    };
    let began = Instant::now();
    let (count, interval) = (series.count, series.interval);
    let mut waiting = Waiting::new(recorder.clone(), series);
    let mut number = 0;
    loop {
        let next = began + interval * number;
        if number < count && Instant::now() >= next {
            // A burst has at most 10000 requests.
            let sequence = u16::try_from(number).unwrap_or(u16::MAX);
            match socket.send(address.ip(), scope(&address), sequence, PAYLOAD, None) {
                Ok(at) => waiting.sent(number, at, blank.clone()),
                Err(errno) => {
                    recorder.record(refused(errno));
                }
            }
            number += 1;
            continue;
        }
        let until = if number < count { next } else { waiting.end() };
        if number == count && (waiting.is_empty() || Instant::now() >= until) {
            break;
        }
        match socket.recv(until).await {
            Event::Reply(reply) if reply.from.to_canonical() == address.ip() => {
                waiting.answered(reply.sequence.into(), reply.at, reply.ttl, None);
            }
            Event::Error {
                sequence: Some(sequence),
                error,
            } => match icmp(&error) {
                Some(answer) => {
                    waiting.answered(sequence.into(), error.at, None, Some(answer));
                }
                None => waiting.failed(
                    sequence.into(),
                    error.errno.name().into_owned(),
                    local_outcome(error.errno),
                ),
            },
            _ => {}
        }
    }
    waiting.silent();
}
