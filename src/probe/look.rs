//! A moment on an open connection: does the other side end it before a byte, or say what it is?
//!
//! Nothing is sent and nothing is taken: what the other side says of itself is looked at where it lies. The first connection of a burst
//! that opens is looked at for a moment; where it is ended at once, two more are opened, alone and one after the other, so that no limit
//! of clients is met by us. Only where a URI asks for a protocol whose server greets, and it did not, or as another one, one more is
//! opened, and a second where that is ended in silence, and the greeting is awaited.

use std::rc::Rc;
use std::time::{Duration, Instant};

use super::Recorder;
use super::flow::flow;
use crate::model::observation::LOOKS;
use crate::model::speech::{Greeting, banner};
use crate::model::{Endpoint, Ms, Observation, Operation, Options, Outcome};
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
/// After its first byte a greeting has so long to become whole.
const REST: Duration = Duration::from_millis(100);
/// So long before the deadline the wait for a greeting ends, so that it is told that it was cut short.
const MARGIN: Duration = Duration::from_millis(500);
/// So often a greeting is awaited at most.
const GREETINGS: usize = 2;

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
    let moment = (MOMENT + handshake * 3).min(LONGEST);
    let left = recorder
        .deadline()
        .saturating_duration_since(Instant::now());
    look(recorder, endpoint, stream, moment, left).await;
}

/// Looks for so long as is left, at most for `patience`, and records what came; says what it was.
async fn look(
    recorder: &Recorder,
    endpoint: &Endpoint,
    stream: &Stream,
    patience: Duration,
    left: Duration,
) -> Outcome {
    let began = Instant::now();
    let peer = stream.peer_closed_soon(patience.min(left)).await;
    let elapsed = began.elapsed();
    let outcome = match peer {
        Peer::Closed => Outcome::Closed,
        Peer::Reset => Outcome::Reset,
        Peer::Data(_) => Outcome::Ok,
        Peer::Quiet if left < patience => Outcome::Cancelled,
        Peer::Quiet => Outcome::Timeout,
        Peer::Failed(_) => Outcome::OtherError,
    };
    let said = match outcome {
        Outcome::Ok => {
            let rest = REST.min(left.saturating_sub(elapsed));
            let said = stream.said(banner::LONGEST, rest, banner::is_whole).await;
            Some(banner::read(&said))
        }
        _ => None,
    };
    recorder.record(Observation {
        endpoint: Some(endpoint.clone()),
        source_port: stream.source().ok().map(|source| source.port()),
        elapsed_ms: Some(elapsed.into()),
        errno: match peer {
            Peer::Failed(errno) => Some(errno.name().into_owned()),
            _ => None,
        },
        banner: said,
        ..Observation::new(Operation::Read, recorder.at(began), outcome)
    });
    outcome
}

/// Opens as many more as there are to be, alone and one after the other, while each is ended at once.
pub async fn again(recorder: Recorder, options: Rc<Options>, endpoint: Endpoint) {
    let done = recorder.read(|evidence| evidence.of(Operation::Read, &endpoint).count());
    for _ in done..LOOKS {
        let Some((stream, handshake)) = open(&recorder, &options, &endpoint).await else {
            return;
        };
        at(&recorder, &endpoint, &stream, handshake).await;
        close(stream, &options);
        let ended = recorder.read(|evidence| {
            let last = evidence.of(Operation::Read, &endpoint).last();
            last.is_some_and(|o| matches!(o.outcome, Outcome::Closed | Outcome::Reset))
        });
        if !ended {
            return;
        }
    }
}

/// Opens one more, alone, and waits for its greeting; a second where that is ended before it, or is the only one that greets otherwise
/// than was asked for.
pub async fn greeting(
    recorder: Recorder,
    options: Rc<Options>,
    endpoint: Endpoint,
    wanted: Greeting,
) {
    let patience = wanted.patience.to_duration();
    for _ in 0..GREETINGS {
        let Some((stream, _)) = open(&recorder, &options, &endpoint).await else {
            return;
        };
        let left = recorder
            .deadline()
            .saturating_duration_since(Instant::now())
            .saturating_sub(MARGIN);
        let outcome = look(&recorder, &endpoint, &stream, patience, left).await;
        close(stream, &options);
        match outcome {
            Outcome::Closed | Outcome::Reset => {}
            Outcome::Cancelled => {
                let seconds = |time: Duration| Ms::from_millis(time.as_secs() * 1000);
                recorder.note(
                    format!("which protocol speaks on {endpoint}"),
                    format!(
                        "no byte came in {}, and some servers that work take up to {} for their greeting",
                        seconds(left),
                        seconds(patience)
                    ),
                    None,
                );
                return;
            }
            Outcome::Ok => {
                let (foreign, greeted) = recorder.read(|evidence| {
                    let greeted = evidence
                        .of(Operation::Read, &endpoint)
                        .filter_map(|o| o.banner.as_ref());
                    let last = greeted.clone().last().and_then(|banner| banner.protocol);
                    let contradicted = last.and_then(|seen| wanted.contradicted_by(seen));
                    (contradicted == Some(true), greeted.count())
                });
                if !foreign || greeted >= 2 {
                    return;
                }
            }
            _ => return,
        }
    }
}

/// One more connection, a while after the last, with the time its handshake took; none where it does not open.
async fn open(
    recorder: &Recorder,
    options: &Options,
    endpoint: &Endpoint,
) -> Option<(Stream, Duration)> {
    tokio::time::sleep(BETWEEN).await;
    let mut connect = Connect::on(flow(options, endpoint));
    if let Some(port) = options.source_port {
        connect.flow.source_port = SourcePort::Fixed(port);
        connect.reuse_address = true;
    }
    let pending = tcp::start(&connect).ok()?;
    let end = (pending.began() + PATIENCE).min(recorder.deadline());
    let attempt = pending.wait(end).await;
    let elapsed = attempt.ended.saturating_duration_since(attempt.began);
    match attempt.result {
        tcp::Outcome::Opened(stream) => Some((stream, elapsed)),
        _ => None,
    }
}

fn close(stream: Stream, options: &Options) {
    stream.close(match options.source_port {
        Some(_) => Close::Reset,
        None => Close::Fin,
    });
}
