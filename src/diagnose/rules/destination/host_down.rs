//! `host-down`: nothing answers, and the last hop that does is known to be the host's own router.

use crate::diagnose::rules::path::nothing_answers;
use crate::diagnose::scene::{Scene, ids};
use crate::diagnose::{Explain, Judge, Judgement, Rule};
use crate::model::local::NeighbourState;
use crate::model::{Address, Id, Observation, Operation, Outcome};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::HostDown,
    explain: Explain {
        meaning: "The path up to the host's own network works, and the host answers nothing at all: it is off, or it drops everything.",
        proof: "As `path-blackhole`, and the last hop that answers is known to be the host's last router: the host is on a link of this \
                machine, or an earlier report of the same host (--baseline) shows that router directly before it.",
        remedy: "Start the host, or look at it from its console: is it running, has its interface this address, does its firewall drop everything?",
        lookalikes: "Without proof that the last hop is the host's own router it is `path-blackhole`. A host that does not even answer address \
                     resolution is `local-neighbour-unresolved` or, seen from a router, `path-host-unreachable`.",
    },
    judge: Judge::Endpoint(judge),
};

fn judge(scene: &Scene<'_>) -> Judgement {
    let Some(last) = last_router_proven(scene) else {
        return match nothing_answers(scene) {
            Judgement::Unknown(needs) => Judgement::Unknown(needs),
            _ => Judgement::Clear,
        };
    };
    let (mut finding, needs) = match nothing_answers(scene) {
        Judgement::Fires(finding) => (*finding, Vec::new()),
        // No router is there that could have used up its errors.
        Judgement::Refinable(finding, _) if matches!(last, LastRouter::ThisMachine) => {
            (*finding, Vec::new())
        }
        Judgement::Refinable(finding, needs) => (*finding, needs),
        other => return other,
    };
    let host = scene.host();
    finding.id = Id::HostDown;
    finding.origin = Id::HostDown.origin();
    match last {
        LastRouter::ThisMachine => {
            finding.title = format!("{host} answers nothing: it is off or drops everything");
            finding.explanation = format!(
                "{}; nothing that was sent to the host got any answer. Whether the link carries anything else was not seen: a link or a \
                 switch that loses everything looks the same.",
                scene.nothing_between()
            );
            finding = finding.fact(
                format!(
                    "The route says that {} is directly on the link.",
                    scene.address()
                ),
                [],
            );
            finding.hop = None;
            finding.address = Some(scene.address().clone());
        }
        LastRouter::Known {
            hop,
            router,
            observation,
        } => {
            finding.title = format!(
                "{host} answers nothing behind its own router {}: it is off or drops everything",
                scene.device(router)
            );
            finding.explanation = format!(
                "Packets get as far as hop {hop}, which is the last before the host, and nothing that was sent to it got any answer."
            );
            finding = finding.fact(
                format!("When it was reached in the earlier report, {router} at hop {hop} was directly before it."),
                ids(&[observation]),
            );
            finding.hop = Some(hop);
            finding.address = Some(router.clone());
        }
    }
    // The steps of the general form name the hop as the one to ask; here the host is.
    finding.actions.clear();
    let finding = finding
        .action(format!(
            "See from its console, hypervisor or cloud whether {} is running and has this address.",
            scene.address()
        ))
        .action("If it is, look at its firewall: it drops everything from here.");
    Judgement::refinable(finding, needs)
}

/// How it is known that the last hop is the host's own router.
pub(crate) enum LastRouter<'a> {
    /// The host is on a link of this machine.
    ThisMachine,
    /// An earlier report shows it.
    Known {
        /// The distance of the router.
        hop: u8,
        /// The router.
        router: &'a Address,
        /// The observation that records the earlier report.
        observation: &'a Observation,
    },
}

/// Whether the last hop that answers is known to be the host's own router.
pub(crate) fn last_router_proven<'a>(scene: &Scene<'a>) -> Option<LastRouter<'a>> {
    let resolves = scene
        .route()
        .and_then(|route| route.interface.as_deref())
        .and_then(|name| scene.evidence.local.interface_named(name))
        .is_some_and(|interface| interface.resolves_neighbours);
    let proxied = scene
        .next_hop()
        .is_some_and(|hop| scene.answered_by_proxy(hop));
    if scene.on_link() && resolves && !proxied {
        // With an entry that is being resolved, or failed, there is a finding of its own.
        let state = scene.next_hop().map(|hop| hop.state);
        return (!state.is_some_and(NeighbourState::unresolved)).then_some(LastRouter::ThisMachine);
    }
    let (hop, router) = scene.farthest()?;
    let earlier = scene
        .evidence
        .of(Operation::Baseline, scene.endpoint())
        .find(|o| o.outcome == Outcome::Ok)?;
    let known = earlier.icmp_from()?;
    (earlier.ttl == Some(hop) && known.ip() == router.ip()).then_some(LastRouter::Known {
        hop,
        router,
        observation: earlier,
    })
}
