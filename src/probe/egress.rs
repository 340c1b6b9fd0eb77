//! Does it leave this machine, and does the answer get in? Told without privilege by the kernel's own counters.
//!
//! A packet filter that drops in silence tells a socket nothing. But a SYN that the OUTPUT hook drops makes every retransmission fail
//! (`TcpExtTCPRetransFail`, Linux `tcp_retransmit_skb`), and an answer that the INPUT hook drops is received and not delivered
//! (`IpInReceives` without `IpInDelivers`, Linux `ip_local_deliver`). Both are counted for the whole network namespace, so only a rise in
//! step with our own packets is taken for proof.

use std::rc::Rc;
use std::time::{Duration, Instant};

use super::flow::{flow, scope};
use super::{Recorder, datagram, echo};
use crate::model::{Endpoint, Evidence, Ms, Observation, Operation, Options, Outcome};
use crate::net::echo::Event;
use crate::net::flow::SourcePort;
use crate::net::route::Link;
use crate::net::system::{Counters, counters};
use crate::net::tcp::{self, Close, Connect};
use crate::net::udp::Received;
use crate::net::{route, tcp_info};

/// So many packets have to be missed before the counters are taken for proof.
const LEAST: u64 = 3;
/// How often it is tried whether packets leave.
const ATTEMPTS: u32 = 3;
/// How long one attempt may take: it is refused at once, or it is not what is looked for.
const PATIENCE: Duration = Duration::from_millis(200);

/// The counters before a burst.
pub struct Before(Counters);

impl Before {
    /// Reads them.
    pub fn read() -> Self {
        Self(counters())
    }

    /// Compares them with what they are now, and records what that says of a burst of which nothing was answered.
    pub fn compare(&self, recorder: &Recorder, endpoint: &Endpoint, since: Ms) {
        let (sent, again, answered) = recorder.read(|evidence| {
            let burst = evidence.burst(endpoint).filter(|o| o.at_ms >= since);
            burst.fold((0_u64, 0_u64, false), |(sent, again, answered), o| {
                let more = u64::from(o.retransmits.unwrap_or(0));
                (
                    sent + 1,
                    again + more,
                    answered || o.outcome != Outcome::Timeout,
                )
            })
        });
        if sent == 0 || answered {
            return;
        }
        let echo = recorder.read(|evidence| evidence.probe() == Operation::Echo);
        let now = counters();
        let rise = |name: &str| now.rise_since(&self.0, name).unwrap_or(0);
        let v6 = endpoint.address.is_ipv6();
        let undelivered = undelivered(&self.0, &now, v6);
        let filtered = rise("TcpExtIPReversePathFilter");
        // Answers to other probes may be dropped, too: this only raises the suspicion that is settled in a quiet moment.
        let suspicious = |count: u64| count >= LEAST.min(sent);
        // A ping socket is not told that a filter drops its IPv6 requests (Linux `icmpv6_push_pending_frames`), but each is counted.
        let discarded = v6 && echo && sent >= LEAST && rise("Ip6OutDiscards") >= sent;
        let outcome = if (again >= LEAST && rise("TcpExtTCPRetransFail") >= again) || discarded {
            Outcome::Denied
        } else if !v6 && suspicious(filtered) {
            Outcome::ReversePathFiltered
        } else if suspicious(undelivered) {
            Outcome::AnswerDropped
        } else {
            Outcome::Timeout
        };
        recorder.record(Observation {
            endpoint: Some(endpoint.clone()),
            elapsed_ms: Some(recorder.now() - since),
            control: true,
            ..Observation::new(Operation::Counters, since, outcome)
        });
    }
}

/// Probes a few times more, each in a quiet moment, and looks whether an answer comes in and is dropped: the counters have to stand
/// still without the attempt, and to move with it.
pub async fn arrivals(recorder: Recorder, options: Rc<Options>, endpoint: Endpoint) {
    let rtt = recorder.read(|evidence| {
        let host = evidence.observations.iter().filter(|o| {
            o.endpoint
                .as_ref()
                .is_some_and(|e| e.address == endpoint.address)
        });
        host.filter(|o| {
            o.control && o.outcome.sample() != crate::model::outcome::SampleOutcome::Lost
        })
        .filter_map(|o| o.rtt_ms)
        .max()
    });
    let window = rtt
        .map_or(Duration::from_millis(150), |rtt| {
            Ms::to_duration(rtt) * 2 + Duration::from_millis(20)
        })
        .clamp(Duration::from_millis(40), Duration::from_millis(400));
    let v6 = endpoint.address.is_ipv6();
    let mut told = 0;
    for _ in 0..2 * ATTEMPTS {
        if told == ATTEMPTS || Instant::now() + window * 2 > recorder.deadline() {
            return;
        }
        let before = counters();
        tokio::time::sleep(window).await;
        let idle = counters();
        let began = Instant::now();
        let Some(attempt) = one_more(&recorder, &options, &endpoint, began + window).await else {
            return;
        };
        let Attempt {
            port,
            silent,
            after,
        } = attempt;
        if undelivered(&before, &idle, v6) > 0 || !silent {
            // Something else comes in meanwhile, or the port answers after all: it can't be told.
            continue;
        }
        told += 1;
        let outcome = if after
            .rise_since(&idle, "TcpExtIPReversePathFilter")
            .unwrap_or(0)
            > 0
        {
            Outcome::ReversePathFiltered
        } else if undelivered(&idle, &after, v6) > 0 {
            Outcome::AnswerDropped
        } else {
            Outcome::Timeout
        };
        recorder.record(Observation {
            endpoint: Some(endpoint.clone()),
            source_port: port,
            elapsed_ms: Some(began.elapsed().into()),
            control: true,
            ..Observation::new(Operation::Ingress, recorder.at(began), outcome)
        });
    }
}

/// One more probe of the kind that is checked with.
struct Attempt {
    port: Option<u16>,
    silent: bool,
    /// The counters before its socket was closed: a connection's end would count as a packet.
    after: Counters,
}

/// Sends one probe and waits for its answer; none where it can't be sent.
async fn one_more(
    recorder: &Recorder,
    options: &Options,
    endpoint: &Endpoint,
    until: Instant,
) -> Option<Attempt> {
    match recorder.read(Evidence::probe) {
        Operation::Echo => {
            let socket = echo::open(options, &endpoint.address).ok()?;
            let ip = endpoint.address.ip();
            let zone = scope(&endpoint.address);
            socket.send(ip, zone, 0, echo::PAYLOAD, None).ok()?;
            let event = socket.recv(until).await;
            Some(Attempt {
                port: None,
                silent: matches!(event, Event::Silent),
                after: counters(),
            })
        }
        Operation::Datagram => {
            let mut options = options.clone();
            options.source_port = None;
            let port = endpoint.port.unwrap_or(0);
            let socket = datagram::open(&options, endpoint).ok()?;
            socket.send(&datagram::bytes(&options, port), None).ok()?;
            let received = socket.recv(until).await;
            Some(Attempt {
                port: Some(socket.source().port()),
                silent: matches!(received, Received::Silent),
                after: counters(),
            })
        }
        _ => {
            let mut connect = Connect::on(flow(options, endpoint));
            connect.flow.source_port = SourcePort::AtBind;
            let pending = tcp::start(&connect).ok()?;
            let port = Some(pending.source_port());
            let outcome = pending.wait(until).await.result;
            Some(Attempt {
                port,
                silent: matches!(outcome, tcp::Outcome::Silent(_)),
                after: counters(),
            })
        }
    }
}

/// How many packets came in and were neither delivered nor sent on.
fn undelivered(before: &Counters, after: &Counters, v6: bool) -> u64 {
    let rise = |name: &str| after.rise_since(before, name).unwrap_or(0);
    let (received, delivered, forwarded) = if v6 {
        ("Ip6InReceives", "Ip6InDelivers", "Ip6OutForwDatagrams")
    } else {
        ("IpInReceives", "IpInDelivers", "IpForwDatagrams")
    };
    rise(received)
        .saturating_sub(rise(delivered))
        .saturating_sub(rise(forwarded))
}

/// Connects a few times more and looks whether packets leave by the route's interface meanwhile.
///
/// A reset that was made on this machine comes by the loopback interface, and nothing leaves by the other one. Both are asked for: the
/// counters of some network cards lag behind, and a machine may send something else just then.
pub async fn attempts(recorder: Recorder, options: Rc<Options>, endpoint: Endpoint) {
    let Some(name) = recorder.read(|e| {
        e.local
            .route_to(&endpoint.address)
            .and_then(|r| r.interface.clone())
    }) else {
        return;
    };
    let (mut here, mut elsewhere) = (0, 0);
    while here < ATTEMPTS && elsewhere < ATTEMPTS {
        let Some(before) = packets_sent(&name) else {
            return;
        };
        let mut connect = Connect::on(flow(&options, &endpoint));
        connect.flow.source_port = SourcePort::AtBind;
        let began = Instant::now();
        let mut observation = Observation {
            endpoint: Some(endpoint.clone()),
            control: true,
            ..Observation::new(Operation::Egress, recorder.at(began), Outcome::Timeout)
        };
        let refused = match tcp::start(&connect) {
            Err(_) => true,
            Ok(pending) => {
                observation.source_port = Some(pending.source_port());
                match pending.wait(began + PATIENCE).await.result {
                    tcp::Outcome::Opened(stream) => {
                        observation.rtt_ms = stream
                            .tcp_info()
                            .ok()
                            .as_ref()
                            .and_then(tcp_info::TcpInfo::handshake_rtt)
                            .map(Ms::from);
                        stream.close(Close::Fin);
                        false
                    }
                    tcp::Outcome::Failed(_) => true,
                    tcp::Outcome::Silent(_) => false,
                }
            }
        };
        let Some(after) = packets_sent(&name) else {
            return;
        };
        let made_here = refused && after.route == before.route && after.loopback > before.loopback;
        observation.outcome = match (refused, made_here) {
            (true, true) => Outcome::Denied,
            (true, false) => Outcome::Refused,
            (false, _) => Outcome::Ok,
        };
        if made_here {
            here += 1;
        } else {
            elsewhere += 1;
        }
        observation.elapsed_ms = Some(began.elapsed().into());
        recorder.record(observation);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How many packets have left so far.
struct Sent {
    /// By the route's interface.
    route: u64,
    /// By the loopback interfaces.
    loopback: u64,
}

fn packets_sent(name: &str) -> Option<Sent> {
    let links = route::links().ok()?.items;
    let sent = |link: &Link| link.statistics.map(|statistics| statistics.tx_packets);
    Some(Sent {
        route: links.iter().find(|link| link.name == name).and_then(sent)?,
        loopback: links
            .iter()
            .filter(|link| link.flags.is_loopback())
            .filter_map(sent)
            .sum(),
    })
}
