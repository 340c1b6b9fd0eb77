//! `local-interface-errors`: the interface itself loses packets.

use crate::diagnose::scene::{Scene, ids};
use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::text::{count, list};
use crate::model::{Finding, Id, Observation, Outcome, Severity};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::LocalInterfaceErrors,
    explain: Explain {
        meaning: "The interface that the packets leave by loses some: a bad cable or transceiver, a duplex mismatch, a driver, a queue that \
                  overflows, or a link that goes up and down.",
        proof: "During the check the counters of the route's interface rose in step with the loss: receive and transmit errors and packets \
                dropped on the way out, together at least as many as probes that lost a packet; or its carrier changed while probes were \
                lost. Packets dropped on receipt alone prove nothing: unknown frames raise that counter.",
        remedy: "`ip -s link show dev NAME` and `ethtool -S NAME` show which counter rises; change cable, transceiver or port, and compare \
                 speed and duplex with the switch's.",
        lookalikes: "Loss on the way without such counters is `path-loss`. An interface that is down is `local-interface-down`.",
    },
    judge: Judge::Endpoint(judge),
};

fn judge(scene: &Scene<'_>) -> Judgement {
    if scene.burst.is_empty() {
        return Judgement::Unknown(vec![Need::Burst(scene.endpoint().clone())]);
    }
    let lost = |o: &&Observation| o.outcome == Outcome::Timeout || o.first_syn_lost();
    let lost: Vec<&Observation> = scene.burst.iter().copied().filter(lost).collect();
    let interface = scene
        .route()
        .and_then(|route| route.interface.as_deref())
        .and_then(|name| scene.evidence.local.interface_named(name));
    let Some((interface, errors)) =
        interface.and_then(|interface| Some((interface, interface.errors?)))
    else {
        return Judgement::Clear;
    };
    if lost.is_empty() {
        return Judgement::Clear;
    }
    let kinds = [
        (errors.rx_errors, "receive error"),
        (errors.tx_errors, "transmit error"),
        (errors.tx_dropped, "packet dropped on the way out"),
        (errors.carrier_changes, "change of the carrier"),
    ];
    let packets = errors
        .rx_errors
        .saturating_add(errors.tx_errors)
        .saturating_add(errors.tx_dropped);
    if packets < lost.len() as u64 && errors.carrier_changes == 0 {
        return Judgement::Clear;
    }
    let rose = kinds.into_iter().filter(|(number, _)| *number > 0);
    let rose: Vec<String> = rose
        .map(|(number, what)| match what {
            "packet dropped on the way out" => {
                format!("{} dropped on the way out", count(number, "packet"))
            }
            "change of the carrier" => format!("{} of the carrier", count(number, "change")),
            what => count(number, what),
        })
        .collect();
    let name = &interface.name;
    Judgement::fires(
        Finding::new(
            Id::LocalInterfaceErrors,
            Severity::Warning,
            format!("Interface {name} of this machine loses packets: {}", list(&rose)),
        )
        .explained("They were counted during this check, while probes that leave by this interface were lost.")
        .fact(
            format!("{} of {} probes lost a packet.", lost.len(), scene.burst.len()),
            ids(&lost),
        )
        .fact(format!("Counters of {name} that rose during the check: {}.", list(&rose)), [])
        .command("See which counters rise:", format!("ip -s -s link show dev {name}"))
        .command("See what the hardware says:", format!("ethtool -S {name}"))
        .about(scene.endpoint()),
    )
}
