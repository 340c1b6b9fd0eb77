//! `path-loss`: packets to the destination are lost beyond chance.

use crate::diagnose::rules::destination::{Order, Unsteady, order, unsteady};
use crate::diagnose::rules::local_undecided;
use crate::diagnose::scene::{Scene, ids};
use crate::diagnose::{Explain, Judge, Judgement, Rule};
use crate::model::statistics::Probes;
use crate::model::text::list;
use crate::model::{Finding, Id, Operation, Outcome, Severity};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::PathLoss,
    explain: Explain {
        meaning: "Some packets to the destination, or their answers, are lost on the way. Connections open, but some only after a second or more; \
                  echo requests or datagrams stay without an answer.",
        proof: "In two bursts at least two probes lost their first packet (a SYN that the kernel had to send again, or no answer at all), \
                and other probes to the same host are lost, too, or could not be told apart from these. The interval given holds the true \
                loss with 95 % confidence. Loss that only a router in the middle shows never counts.",
        remedy: "See whether the loss follows a link: compare with other destinations behind the same routers, at other times; look at \
                 interface errors and drops on this machine (`ip -s link`) and on the routers of both sides.",
        lookalikes: "When only this port is unsteady and the host otherwise answers everything, it is `destination-intermittent`. A router \
                     that answers only some TTL-limited probes limits its ICMP errors; that is no loss.",
    },
    judge: Judge::Endpoint(judge),
};

fn judge(scene: &Scene<'_>) -> Judgement {
    let controls = match unsteady(scene) {
        Unsteady::Lossy(controls) => controls,
        Unsteady::Unknown(needs) => return Judgement::Unknown(needs),
        _ => return Judgement::Clear,
    };
    let probes = Probes::count(scene.burst.iter().copied());
    let troubled = scene.troubled();
    let again = troubled.iter().filter(|o| o.outcome == Outcome::Ok).count();
    let cost = if scene.probe() == Operation::Connect {
        "A lost SYN costs a client a second or more before the connection opens."
    } else {
        "What is lost has to be sent again, or is missed."
    };
    let (low, high) = probes.loss_interval.unwrap_or((0.0, 100.0));
    let mut parts = Vec::new();
    if again > 0 {
        parts.push(format!("{again} opened only after the SYN was sent again"));
    }
    if probes.lost > 0 {
        parts.push(format!("{} got no answer at all", probes.lost));
    }
    // A share tells of what goes on, not of what ended or began meanwhile.
    let (change, share) = match order(scene) {
        Order::Began(split) => (
            format!(
                " All {} that were lost were the first, and none of the {} after them was: it has passed while this check was made. A way \
                 that is set up on demand, a failover or a device that was asleep behaves so.",
                split.troubled, split.well
            ),
            String::new(),
        ),
        Order::Ended(split) => (
            format!(
                " The first {} were not lost, and all {} after them were: it has begun while this check was made.",
                split.well, split.troubled
            ),
            String::new(),
        ),
        Order::Mixed | Order::Spent(_) => (
            String::new(),
            format!(
                ": {:.0} % loss, with 95 % confidence {low:.0} to {high:.0} %",
                probes.loss_percent.unwrap_or_default()
            ),
        ),
    };
    let mut finding = Finding::new(
        Id::PathLoss,
        Severity::Warning,
        format!("{} of {} probes to {} lost a packet on the way", troubled.len(), probes.sent, scene.host()),
    )
    .explained(format!(
        "The destination answers, but packets to it or back are lost. {cost} At which hop it starts is not proven.{change}"
    ))
    .fact(
        format!("{}{share}.", list(&parts)),
        ids(&troubled),
    )
    .about(scene.endpoint())
    .at(None, None);
    if controls.sent > 0 {
        finding = finding.fact(
            format!(
                "Of {} other probes to the same host {} got no answer at their first packet.",
                controls.sent, controls.lost
            ),
            controls.observations,
        );
    }
    Judgement::fires(
        local_undecided(scene, finding)
            .command("See whether this machine's own link loses packets:", "ip -s link")
            .action("Repeat with more probes for a closer figure: -c 100.")
            .action("Compare with another destination behind the same routers, and with the check from the other side."),
    )
}
