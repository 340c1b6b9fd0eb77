//! No name server can be reached, and why: what explains a name's failure comes before it.

use super::rules::local::forwards;
use super::rules::name::unreachable_servers;
use crate::model::local::Route;
use crate::model::{Evidence, Finding, Id, Severity};

/// The local fault behind a name that can't be resolved: every server that was asked is one to which this machine has no route.
pub(super) fn behind(evidence: &Evidence, symptom: &Finding) -> Option<Finding> {
    if symptom.id != Id::DnsTimeout {
        return None;
    }
    let asked = &evidence.resolution.as_ref()?.servers;
    let unreachable = unreachable_servers(evidence);
    if unreachable.is_empty() || unreachable.len() < asked.len() {
        return None;
    }
    let first = unreachable.first()?;
    let server = &first.address;
    let route: Option<&Route> = evidence
        .local
        .route_to(&server.address)
        .filter(|route| !forwards(route.kind));
    let mut finding = Finding::new(
        Id::LocalNoRoute,
        Severity::Error,
        format!("This machine has no route to its name server {server}"),
    )
    .explained(
        "The name can't be resolved because no packet can leave for any of the configured name servers. Whether the name exists and the \
         service works was not seen.",
    )
    .fact(
        format!("{}.", symptom.title),
        symptom.evidence.iter().flat_map(|fact| fact.observations.iter().copied()).collect::<Vec<_>>(),
    )
    .at(None, Some(server.address.clone()));
    if let Some(text) = route.and_then(|route| route.text.as_ref()) {
        finding = finding.fact(
            format!("The kernel's route look-up for it ends at `{text}`."),
            [],
        );
    }
    let flag = if server.address.is_ipv6() { "-6 " } else { "" };
    Some(
        finding
            .command(
                "See which routes there are; a default route is missing:",
                format!("ip {flag}route show table all"),
            )
            .command(
                "Ask the kernel again after the change:",
                format!("ip {flag}route get {}", server.address.ip()),
            ),
    )
}
