//! TCP connections: the burst to the port asked for, and the controls to another port of the same host.
//!
//! A connection that opens is closed at once, without a byte sent; the first of a burst is looked at for a moment. The round trip is the kernel's own (`TCP_INFO`), so that neither
//! scheduling nor a lost SYN counts as latency.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::flow::{flow, icmp, local_outcome};
use super::series::{ERRORS_EXPLAIN, LATE_REPORT, PATIENT, Series};
use super::{Recorder, egress, look};
use crate::model::evidence::OtherSource;
use crate::model::{Endpoint, Ms, Observation, Operation, Options, Outcome};
use crate::net::flow::SourcePort;
use crate::net::tcp::{self, Close, Connect};
use crate::net::tcp_info;

/// What is known of a series while it runs.
#[derive(Debug, Default)]
struct Seen {
    opened: u32,
    errors: u32,
    /// One of its connections is looked at.
    looked: bool,
}

impl Seen {
    fn answered(&self) -> bool {
        self.opened + self.errors > 0
    }

    /// Errors came for several probes, and nothing opened: they explain the silence of the rest.
    fn explained(&self) -> bool {
        self.opened == 0 && self.errors >= 2
    }
}

/// Opens a series of connections and records each as it ends. Returns when all have ended. Around a burst that stays silent the
/// kernel's counters are compared.
pub async fn series(recorder: Recorder, options: Rc<Options>, series: Series) {
    let before = (!series.control && options.local).then(egress::Before::read);
    let began = recorder.now();
    all(recorder.clone(), options, series.clone()).await;
    if let Some(before) = before {
        before.compare(&recorder, &series.endpoint, began);
    }
}

/// At most so many attempts are made from source ports that failed, and so many from new ones at least.
const AGAIN_MAX: usize = 12;
/// How long each is waited for: over the first time that the kernel sends the SYN again.
const AGAIN_PATIENCE: Duration = Duration::from_millis(1500);

/// Connects once more from source ports from which it failed, and from as many new ones or more, and records each. Over IPv6 Linux gives the socket another flow label than
/// the first attempt had.
pub async fn again(recorder: Recorder, options: Rc<Options>, endpoint: Endpoint, ports: Vec<u16>) {
    let began = Instant::now();
    let mut running = JoinSet::new();
    let interval = options.interval_ms.to_duration();
    let again = ports.into_iter().take(AGAIN_MAX).map(Some);
    // In turn, as far as there are ports: what changes meanwhile changes for both.
    let in_turn = again
        .chain(std::iter::repeat(None))
        .take(AGAIN_MAX)
        .flat_map(|port| [port, None]);
    let tries: Vec<Option<u16>> = in_turn.collect();
    for (port, number) in tries.into_iter().zip(0_u32..) {
        tokio::time::sleep_until((began + interval.saturating_mul(number)).into()).await;
        let mut connect = Connect::on(flow(&options, &endpoint));
        if let Some(port) = port {
            connect.flow.source_port = SourcePort::Fixed(port);
            connect.reuse_address = true;
        }
        let observation = Observation {
            endpoint: Some(endpoint.clone()),
            source_port: port,
            control: port.is_none(),
            ..Observation::new(Operation::SamePort, recorder.now(), Outcome::Timeout)
        };
        running.spawn_local(once(recorder.clone(), connect, observation));
    }
    while running.join_next().await.is_some() {}
}

/// So many connections are made from another source, and as many usual ones.
const FROM_ANOTHER: u32 = 3;

/// Connects from another source, in turn with usual attempts, and records each.
pub async fn from_other_source(
    recorder: Recorder,
    options: Rc<Options>,
    endpoint: Endpoint,
    other: OtherSource,
) {
    let began = Instant::now();
    let mut running = JoinSet::new();
    for number in 0..FROM_ANOTHER * 2 {
        let due = began + options.interval_ms.to_duration().saturating_mul(number);
        tokio::time::sleep_until(due.into()).await;
        let usual = number % 2 == 1;
        let mut connect = Connect::on(flow(&options, &endpoint));
        if !usual {
            connect.flow.source = Some(other.address.ip());
            if other.interface.is_some() {
                connect.flow.interface.clone_from(&other.interface);
            }
        }
        let observation = Observation {
            endpoint: Some(endpoint.clone()),
            control: usual,
            ..Observation::new(Operation::OtherSource, recorder.now(), Outcome::Timeout)
        };
        running.spawn_local(once(recorder.clone(), connect, observation));
    }
    while running.join_next().await.is_some() {}
}

/// Makes one attempt, waits for it a moment, closes what opened, and records what came of it.
async fn once(recorder: Recorder, connect: Connect, mut observation: Observation) {
    let began = Instant::now();
    observation.at_ms = recorder.at(began);
    match tcp::start(&connect) {
        Err(failure) => failed(&mut observation, &failure),
        Ok(pending) => {
            observation.source_port = Some(pending.source_port());
            let end = (began + AGAIN_PATIENCE).min(recorder.deadline());
            let attempt = pending.wait(end).await;
            let elapsed = attempt.ended.saturating_duration_since(attempt.began);
            observation.elapsed_ms = Some(elapsed.into());
            match attempt.result {
                tcp::Outcome::Opened(stream) => {
                    opened(&mut observation, &stream, elapsed);
                    stream.close(Close::Fin);
                }
                tcp::Outcome::Failed(failure) => failed(&mut observation, &failure),
                tcp::Outcome::Silent(pending) => {
                    observation.retransmits = Some(pending.retransmits());
                }
            }
        }
    }
    recorder.record(observation);
}

async fn all(recorder: Recorder, options: Rc<Options>, series: Series) {
    // From one source port the connections can only follow one another, each reset so that the next may have the tuple.
    if options.source_port.is_some() && !series.control {
        for number in 0..series.count {
            let next = Instant::now() + series.interval;
            let seen = Rc::default();
            attempt(
                recorder.clone(),
                options.clone(),
                series.clone(),
                number,
                seen,
            )
            .await;
            tokio::time::sleep_until(next.into()).await;
        }
        return;
    }
    let seen = Rc::default();
    let began = Instant::now();
    let mut running = JoinSet::new();
    for number in 0..series.count {
        tokio::time::sleep_until((began + series.interval * number).into()).await;
        let (recorder, options) = (recorder.clone(), options.clone());
        running.spawn_local(attempt(
            recorder,
            options,
            series.clone(),
            number,
            Rc::clone(&seen),
        ));
        while running.try_join_next().is_some() {}
    }
    while running.join_next().await.is_some() {}
}

async fn attempt(
    recorder: Recorder,
    options: Rc<Options>,
    series: Series,
    number: u32,
    seen: Rc<RefCell<Seen>>,
) {
    let mut connect = Connect::on(flow(&options, &series.endpoint));
    if let Some(port) = options.source_port.filter(|_| !series.control) {
        connect.flow.source_port = SourcePort::Fixed(port);
        connect.reuse_address = true;
    }
    let began = Instant::now();
    let mut guard = Guard {
        recorder: recorder.clone(),
        observation: None,
    };
    let mut observation = Observation {
        endpoint: Some(series.endpoint.clone()),
        control: series.control,
        ..Observation::new(Operation::Connect, recorder.at(began), Outcome::Timeout)
    };
    let mut stream = None;
    match tcp::start(&connect) {
        Err(failure) => failed(&mut observation, &failure),
        Ok(pending) => {
            observation.source_port = Some(pending.source_port());
            let began = pending.began();
            observation.at_ms = recorder.at(began);
            guard.observation = Some(observation.clone());
            let end = (began + series.timeout).min(recorder.deadline());
            let early = (began + ERRORS_EXPLAIN).min(end);
            let mut attempt = pending.wait(early).await;
            if let tcp::Outcome::Silent(pending) = attempt.result {
                let until = if seen.borrow().explained() {
                    early
                } else {
                    end
                };
                attempt = pending.wait(until).await;
            }
            if let tcp::Outcome::Silent(pending) = attempt.result {
                // Nothing explains the silence yet: a router may still report that it can't resolve the host.
                let late = (began + LATE_REPORT).min(recorder.deadline());
                let now = Instant::now();
                attempt = if number < PATIENT
                    && !series.control
                    && !seen.borrow().answered()
                    && late > end
                {
                    pending.wait(late).await
                } else {
                    pending.wait(now).await
                };
            }
            let elapsed = attempt.ended.saturating_duration_since(attempt.began);
            observation.elapsed_ms = Some(elapsed.into());
            match attempt.result {
                tcp::Outcome::Opened(open) => {
                    seen.borrow_mut().opened += 1;
                    opened(&mut observation, &open, elapsed);
                    let handshake = observation.rtt_ms.map_or(elapsed, Ms::to_duration);
                    stream = Some((open, handshake));
                }
                tcp::Outcome::Failed(failure) => {
                    seen.borrow_mut().errors += 1;
                    failed(&mut observation, &failure);
                }
                tcp::Outcome::Silent(pending) => {
                    observation.retransmits = Some(pending.retransmits());
                }
            }
        }
    }
    guard.observation = None;
    recorder.record(observation);
    let Some((stream, handshake)) = stream else {
        return;
    };
    let first =
        !series.control && !seen.borrow().looked && !look::is_done(&recorder, &series.endpoint);
    if first {
        seen.borrow_mut().looked = true;
        look::at(&recorder, &series.endpoint, &stream, handshake).await;
    }
    let reuse = options.source_port.is_some() && !series.control;
    stream.close(if reuse { Close::Reset } else { Close::Fin });
}

/// A connection that is under way when the check ends is recorded as cut short.
struct Guard {
    recorder: Recorder,
    observation: Option<Observation>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(mut observation) = self.observation.take() {
            observation.outcome = Outcome::Cancelled;
            observation.elapsed_ms = Some(self.recorder.now() - observation.at_ms);
            self.recorder.record(observation);
        }
    }
}

/// Writes down how a connection opened: how often its SYN was sent, and its round trip by the kernel.
fn opened(observation: &mut Observation, stream: &tcp::Stream, elapsed: Duration) {
    observation.outcome = Outcome::Ok;
    let info = stream.tcp_info().ok();
    let again = info
        .as_ref()
        .and_then(|info| info.total_retrans)
        .unwrap_or(0);
    observation.retransmits = Some(again);
    let kernel = info
        .as_ref()
        .and_then(tcp_info::TcpInfo::handshake_rtt)
        .map(Ms::from);
    observation.rtt_ms = kernel.or_else(|| (again == 0).then_some(elapsed.into()));
}

/// Writes down how a connection failed: errno, time, what the error queue held, and what that combination means.
fn failed(observation: &mut Observation, failure: &tcp::Failure) {
    observation.errno = Some(failure.errno.name().into_owned());
    observation.elapsed_ms = Some(failure.elapsed.into());
    observation.retransmits = Some(failure.retransmits);
    // The last entry is the one that ended it.
    if let Some((outcome, icmp)) = failure.queue.iter().rev().find_map(icmp) {
        observation.outcome = outcome;
        observation.icmp = Some(icmp);
        observation.rtt_ms = failure
            .kernel_rtt
            .or((failure.retransmits == 0).then_some(failure.elapsed))
            .map(Ms::from);
        return;
    }
    observation.outcome = local_outcome(failure.errno);
    if observation.outcome == Outcome::Refused && failure.retransmits == 0 {
        observation.rtt_ms = Some(failure.elapsed.into());
    }
}
