//! An attempt and what came of it, on one line: what stands behind a fact, and what is told while it happens.

use crate::model::observation::{Observation, Operation};

/// `#12 +312.4 ms  connect 10.0.0.1:443 from port 40112: refused (TCP reset), 0.44 ms`. What is in it comes from the network in part,
/// and is not yet escaped for whoever reads it.
pub fn line(observation: &Observation) -> String {
    let mut text = format!(
        "#{} +{:.1} ms  {}",
        observation.id,
        observation.at_ms.as_f64(),
        attempted(observation.operation)
    );
    if let Some(endpoint) = &observation.endpoint {
        text.push_str(&format!(" {endpoint}"));
    }
    if let Some(ttl) = observation.ttl {
        text.push_str(&format!(" ttl {ttl}"));
    }
    if let Some(port) = observation.source_port {
        text.push_str(&format!(" from port {port}"));
    }
    if observation.control {
        text.push_str(" (control)");
    }
    text.push_str(": ");
    text.push_str(observation.outcome.phrase());
    if let Some(time) = observation.rtt_ms.or(observation.elapsed_ms) {
        text.push_str(&format!(", {time}"));
    }
    if let Some(again) = observation.retransmits.filter(|again| *again > 0) {
        text.push_str(&format!(", sent {} times", again.saturating_add(1)));
    }
    if let Some(icmp) = &observation.icmp {
        text.push_str(&format!(", {}", icmp.describe()));
        if let Some(from) = &icmp.from {
            text.push_str(&format!(" from {from}"));
        }
        if let Some(mtu) = icmp.mtu.filter(|mtu| *mtu > 0) {
            text.push_str(&format!(", MTU {mtu}"));
        }
    }
    if let Some(ttl) = observation.reply_ttl {
        text.push_str(&format!(", answer's ttl {ttl}"));
    }
    if let Some(banner) = &observation.banner {
        if let Some(protocol) = banner.protocol {
            text.push_str(&format!(", {}", protocol.name()));
        }
        if let Some(said) = &banner.text {
            text.push_str(&format!(", “{said}”"));
        }
    }
    if let Some(errno) = &observation.errno {
        text.push_str(&format!(", {errno}"));
    }
    text
}

/// The word for what was attempted.
const fn attempted(operation: Operation) -> &'static str {
    match operation {
        Operation::Mtu => "mtu",
        Operation::SamePort => "same port",
        Operation::OtherSource => "other source",
        Operation::Pause => "pause",
        Operation::ReturnTtl => "return TTL",
        Operation::Resolve => "resolve",
        Operation::Query => "query",
        Operation::Connect => "connect",
        Operation::Read => "read",
        Operation::Echo => "echo",
        Operation::Datagram => "datagram",
        Operation::TraceTcp => "trace by TCP",
        Operation::TraceUdp => "trace by UDP",
        Operation::TraceIcmp => "trace by echo",
        Operation::Counters => "counters",
        Operation::Ingress => "counters of arrivals",
        Operation::Egress => "counters of departures",
        Operation::Baseline => "earlier report",
    }
}

#[cfg(test)]
mod tests {
    use super::line;
    use crate::model::{Icmp, Ms, Observation, Operation, Outcome};

    #[test]
    fn a_line_has_what_is_known_and_nothing_else() {
        let known = Observation {
            id: 7,
            endpoint: Some("10.0.0.1:443".parse().unwrap()),
            ttl: Some(3),
            source_port: Some(40_000),
            rtt_ms: Some(Ms::from_micros(440)),
            icmp: Some(Icmp {
                kind: 11,
                code: 0,
                from: Some("10.0.9.1".parse().unwrap()),
                mtu: None,
                quote: None,
            }),
            ..Observation::new(
                Operation::TraceTcp,
                Ms::from_micros(312_440),
                Outcome::TtlExceeded,
            )
        };
        assert_eq!(
            line(&known),
            "#7 +312.4 ms  trace by TCP 10.0.0.1:443 ttl 3 from port 40000: answered with ICMP time exceeded, 0.44 ms, \
             ICMP time exceeded (type 11 code 0) from 10.0.9.1"
        );
        let bare = Observation::new(Operation::Resolve, Ms::ZERO, Outcome::Timeout);
        assert_eq!(line(&bare), "#0 +0.0 ms  resolve: not answered");
    }
}
