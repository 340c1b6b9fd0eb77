//! Where a path breaks, as the findings say it.

use crate::model::finding::{Finding, Id};
use crate::model::report::EndpointReport;
use crate::model::target::Protocol;
use crate::model::topology::{Hop, Path, TraceProtocol};
use crate::model::{Address, Report};

/// Where the path breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Break {
    /// Behind this distance.
    pub after: u8,
    /// What is said there.
    pub text: String,
    /// Whether nothing gets on from there; else it gets worse.
    pub ends: bool,
    /// Whose it is, where the finding names one.
    pub address: Option<Address>,
}

/// Where the path to an endpoint breaks; none where it does not, or where that is not known.
pub(crate) fn break_of(report: &Report, endpoint: &EndpointReport, path: &Path) -> Option<Break> {
    let protocol = match (report.target.protocol, path.protocol) {
        (Protocol::Trace, TraceProtocol::Tcp) => "TCP",
        (Protocol::Trace, TraceProtocol::Udp) => "UDP",
        (Protocol::Trace, TraceProtocol::Icmp) => "ICMP",
        (other, _) => other.name(),
    };
    let what = match endpoint.port {
        Some(port) => format!("{protocol}/{port}"),
        None => protocol.to_owned(),
    };
    let about = |finding: &&Finding| {
        finding
            .endpoint
            .as_ref()
            .is_none_or(|place| *place == endpoint.endpoint())
    };
    let cause = report.cause_finding().filter(about);
    let located = cause
        .into_iter()
        .chain(report.findings.iter().filter(about))
        .find_map(|finding| finding.hop.map(|hop| (finding, hop)));
    if let Some((finding, after)) = located {
        let (text, ends) = match finding.id {
            Id::PathLoop => (format!("{what} goes round in a loop from here"), true),
            Id::PathLoss => ("loss begins here".to_owned(), false),
            Id::PathLatency => ("the delay begins here".to_owned(), false),
            Id::PathNoRoute => (format!("{what} ends here: no route"), true),
            Id::PathHostUnreachable => (format!("{what} ends here: host unreachable"), true),
            Id::PathProhibited => (format!("{what} is rejected here"), true),
            Id::PathReset => (format!("{what} is reset here, or right behind"), true),
            _ if path.reached => return None,
            _ => (format!("{what} ends here"), true),
        };
        return Some(Break {
            after,
            text,
            ends,
            address: finding.address.clone(),
        });
    }
    if path.reached {
        return None;
    }
    let answered = |hop: &&Hop| hop.nodes.iter().any(|node| node.address.is_some());
    let after = path.hops.iter().rfind(answered)?.ttl;
    Some(Break {
        after,
        text: format!("nothing answers {what} beyond here"),
        ends: true,
        address: None,
    })
}
