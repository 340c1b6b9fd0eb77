//! The rules: one file each. To add one: its file, and a line in its family's list.

pub mod destination;
pub mod local;
pub mod name;
pub mod path;
pub mod policy;
pub mod service;

use super::Rule;
use super::scene::{Filter, Scene};
use crate::model::source::Privilege;
use crate::model::{Finding, Id};

/// The families, in the order of the chain.
pub static FAMILIES: &[&[&Rule]] = &[
    name::NAME,
    local::LOCAL,
    path::PATH,
    destination::DESTINATION,
    service::SERVICE,
    policy::POLICY,
];

/// Every rule, in the order of the chain.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    FAMILIES.iter().flat_map(|family| family.iter().copied())
}

/// The rule that makes a finding.
pub fn of(id: Id) -> Option<&'static Rule> {
    all().find(|rule| rule.id == id)
}

/// Says that answers need a way back to a source address that the user chose: others may know none.
pub(crate) fn route_back(scene: &Scene<'_>, finding: Finding) -> Finding {
    match &scene.evidence.options.source {
        Some(source) => finding.action(format!(
            "Ask the owner of {}, and of the routers before it, whether they have a route back to the source address asked for, {source}: \
             answers without one are lost.",
            scene.address()
        )),
        None => finding,
    }
}

/// Says whether this machine's own firewall could drop the packets in silence, as far as its rules, or routers that answer, do not tell.
pub(crate) fn local_not_ruled_out(scene: &Scene<'_>, finding: Finding) -> Finding {
    let leaves = scene.walk.last_expired().is_some();
    match scene.filter() {
        Filter::Allows(firewall) => finding.fact(local::let_pass(scene, firewall), []),
        Filter::CantTell(..) => local_undecided(scene, finding),
        _ if leaves => finding,
        _ => {
            let root = scene.evidence.source.privileges.contains(&Privilege::Root);
            let how = if root { "" } else { "sudo " };
            finding.command(
                "This machine's own firewall is not ruled out; see whether it drops the packets or their answers:",
                format!("{how}nft list ruleset"),
            )
        }
    }
}

/// Says because of which packet rule of this machine it can't be told whether it is that which drops the packets, where there is one.
pub(crate) fn local_undecided(scene: &Scene<'_>, finding: Finding) -> Finding {
    let Filter::CantTell(firewall, ruling) = scene.filter() else {
        return finding;
    };
    finding.command(
        format!(
            "Whether this machine's own firewall drops {} or the answers can't be told {}. See what it does:",
            scene.service(),
            local::because_of(ruling)
        ),
        local::look(firewall, ruling),
    )
}
