//! A moment on an open connection: does the other side end it before a byte?
//!
//! Nothing is sent and nothing is taken: what the other side says is only counted. The first connection of a burst that opens is looked
//! at; where it is ended at once, two more are opened, alone and one after the other, so that no limit of clients is met by us.

use std::rc::Rc;
use std::time::{Duration, Instant};

use super::Recorder;
use super::flow::flow;
use crate::model::observation::LOOKS;
use crate::model::{Endpoint, Observation, Operation, Options, Outcome};
use crate::net::flow::SourcePort;
use crate::net::tcp::{self, Close, Connect, Peer, Stream};

/// What accepts has so long to end a connection, and three round trips more: a proxy tries its own backend first.
const MOMENT: Duration = Duration::from_millis(100);
/// It is never looked at for longer.
const LONGEST: Duration = Duration::from_secs(1);
/// Between two connections that are looked at.
const BETWEEN: Duration = Duration::from_millis(250);
/// So long one that is looked at may take to open.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether a connection to this endpoint was looked at.
pub(super) fn is_done(recorder: &Recorder, endpoint: &Endpoint) -> bool {
    recorder.read(|evidence| evidence.of(Operation::Read, endpoint).next().is_some())
}

/// Looks at a connection that has just opened, and records what its other side did.
pub(super) async fn at(
    recorder: &Recorder,
    endpoint: &Endpoint,
    stream: &Stream,
    handshake: Duration,
) {
    let began = Instant::now();
    let moment = (MOMENT + handshake * 3).min(LONGEST);
    let left = recorder.deadline().saturating_duration_since(began);
    let peer = stream.peer_closed_soon(moment.min(left)).await;
    let outcome = match peer {
        Peer::Closed => Outcome::Closed,
        Peer::Reset => Outcome::Reset,
        Peer::Data(_) => Outcome::Ok,
        Peer::Quiet if left < moment => Outcome::Cancelled,
        Peer::Quiet => Outcome::Timeout,
        Peer::Failed(_) => Outcome::OtherError,
    };
    recorder.record(Observation {
        endpoint: Some(endpoint.clone()),
        source_port: stream.source().ok().map(|source| source.port()),
        elapsed_ms: Some(began.elapsed().into()),
        errno: match peer {
            Peer::Failed(errno) => Some(errno.name().into_owned()),
            _ => None,
        },
        ..Observation::new(Operation::Read, recorder.at(began), outcome)
    });
}

/// Opens as many more as there are to be, alone and one after the other, while each is ended at once.
pub async fn again(recorder: Recorder, options: Rc<Options>, endpoint: Endpoint) {
    let done = recorder.read(|evidence| evidence.of(Operation::Read, &endpoint).count());
    for _ in done..LOOKS {
        tokio::time::sleep(BETWEEN).await;
        let mut connect = Connect::on(flow(&options, &endpoint));
        if let Some(port) = options.source_port {
            connect.flow.source_port = SourcePort::Fixed(port);
            connect.reuse_address = true;
        }
        let Ok(pending) = tcp::start(&connect) else {
            return;
        };
        let end = (pending.began() + PATIENCE).min(recorder.deadline());
        let attempt = pending.wait(end).await;
        let elapsed = attempt.ended.saturating_duration_since(attempt.began);
        let tcp::Outcome::Opened(stream) = attempt.result else {
            return;
        };
        at(&recorder, &endpoint, &stream, elapsed).await;
        stream.close(match options.source_port {
            Some(_) => Close::Reset,
            None => Close::Fin,
        });
        let ended = recorder.read(|evidence| {
            let last = evidence.of(Operation::Read, &endpoint).last();
            last.is_some_and(|o| matches!(o.outcome, Outcome::Closed | Outcome::Reset))
        });
        if !ended {
            return;
        }
    }
}
