//! `local-source-unavailable`: the source address that was asked for is not on this machine.

use crate::diagnose::scene::{Scene, Shape, ids};
use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::text::list;
use crate::model::{Finding, Id, Outcome, Severity};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::LocalSourceUnavailable,
    explain: Explain {
        meaning: "The source address given with --source is not one of this machine's addresses, so no socket can use it.",
        proof: "Binding a socket to the address fails with EADDRNOTAVAIL, and the kernel's list of addresses does not have it.",
        remedy: "Give an address that this machine has (`ip -brief address`), or add it: `sudo ip address add ADDRESS/LENGTH dev NAME`. \
                 An IPv6 address that is still tentative or failed duplicate detection can't be used either.",
        lookalikes: "EADDRNOTAVAIL without --source means that no ephemeral port is left: `local-ports-exhausted`.",
    },
    judge: Judge::Endpoint(judge),
};

fn judge(scene: &Scene<'_>) -> Judgement {
    let Some(source) = &scene.evidence.options.source else {
        return Judgement::Clear;
    };
    match scene.shape() {
        Shape::LocalError(Outcome::AddressUnavailable) => {}
        Shape::NotTried => return Judgement::Unknown(vec![Need::Burst(scene.endpoint().clone())]),
        _ => return Judgement::Clear,
    }
    let own = &scene.evidence.local.addresses;
    if own.iter().any(|address| address.ip() == source.ip()) {
        return Judgement::Clear;
    }
    let same: Vec<_> = own
        .iter()
        .filter(|a| a.is_ipv6() == source.is_ipv6() && !a.ip().is_loopback())
        .take(8)
        .map(ToString::to_string)
        .collect();
    let mut finding = Finding::new(
        Id::LocalSourceUnavailable,
        Severity::Error,
        format!("The source address {source} is not on this machine"),
    )
    .explained("A socket can only send from an address that the machine has. No packet left.")
    .fact(
        format!("Binding a socket to {source} fails with EADDRNOTAVAIL."),
        ids(&scene.burst),
    )
    .about(scene.endpoint())
    .at(None, Some(source.clone()));
    if !same.is_empty() {
        finding = finding.fact(format!("This machine has {}.", list(&same)), []);
    }
    Judgement::fires(finding.command(
        "Choose one of the addresses that this machine has:",
        "ip -brief address",
    ))
}
