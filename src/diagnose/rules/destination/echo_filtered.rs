//! `echo-filtered`: the host is up, and answers no echo request.

use crate::diagnose::rules::{local_not_ruled_out, route_back};
use crate::diagnose::scene::{HostUp, Rejection, Scene, Sender, Shape, ids};
use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::{Finding, Id, Operation, Outcome, Severity};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::EchoFiltered,
    explain: Explain {
        meaning: "The host is up, and answers no echo request (ping): its own firewall, or a device before it, drops or rejects them. Many \
                  hosts do so on purpose, and their services work all the same.",
        proof: "No echo request of two or more was answered, while the host answers something else: a TCP port opens or refuses, a datagram \
                is turned away by the host itself, address resolution on this link answers. Or the host itself rejects echo requests with \
                an ICMP error.",
        remedy: "If echo requests are meant to be answered, allow ICMP type 8 (ICMPv6 type 128) in the host's firewall or security group, \
                 and see `sysctl net.ipv4.icmp_echo_ignore_all`. On Windows enable the rules \"Echo Request\" of File and Printer Sharing. \
                 If not, check a port instead: `nwcheck tcp HOST:PORT`.",
        lookalikes: "A host that answers nothing at all is `path-blackhole` or `host-down`. A router that rejects echo requests is \
                     `path-prohibited`. Some answered and some not: `path-loss` or `destination-intermittent`.",
    },
    judge: Judge::Endpoint(judge),
};

fn judge(scene: &Scene<'_>) -> Judgement {
    if scene.probe() != Operation::Echo {
        return Judgement::Clear;
    }
    match scene.shape() {
        Shape::NotTried => Judgement::Unknown(vec![Need::Burst(scene.endpoint().clone())]),
        Shape::Rejected(r) | Shape::RejectedOnce(r) if r.of_behind_the_target() => Judgement::Clear,
        Shape::Rejected(r) if r.sender == Sender::Destination => {
            Judgement::fires(rejected(scene, &r))
        }
        Shape::RejectedOnce(r) if r.sender == Sender::Destination => {
            Judgement::Unknown(scene.heard_once())
        }
        Shape::Silent => silent(scene),
        _ => Judgement::Clear,
    }
}

fn silent(scene: &Scene<'_>) -> Judgement {
    let Some(up) = scene.host_up() else {
        return if scene.asked_otherwise() {
            Judgement::Clear
        } else {
            Judgement::Unknown(scene.untried_controls())
        };
    };
    // The trace's own echo requests were answered: then not all are dropped.
    if scene.answered_in_the_trace() {
        return Judgement::Unknown(scene.second_burst());
    }
    Judgement::fires(dropped(scene, up))
}

fn dropped(scene: &Scene<'_>, up: HostUp) -> Finding {
    let silent = scene.with(Outcome::Timeout);
    let explanation = if scene.is_own() {
        "The address is this machine's own: its firewall or its settings drop echo requests, or their answers.".to_owned()
    } else if scene.on_link() {
        format!(
            "{}: the host's own firewall or settings drop echo requests.",
            scene.nothing_between()
        )
    } else {
        "The host's own firewall or settings drop echo requests, or a device on the way drops them or their answers: from here these look \
         the same. What the host serves may work all the same."
            .to_owned()
    };
    let mut finding = Finding::new(
        Id::EchoFiltered,
        Severity::Error,
        format!("{} is up, but answers no echo request", scene.host()),
    )
    .explained(explanation)
    .fact(
        format!(
            "{} of {} echo requests got no answer.",
            silent.len(),
            scene.burst.len()
        ),
        ids(&silent),
    )
    .fact(up.text, up.observations)
    .about(scene.endpoint())
    .at(None, Some(scene.address().clone()));
    if let Some((ttl, router)) = scene.last_router() {
        finding = finding.fact(
            format!(
                "Echo requests with a limited TTL are answered up to hop {ttl} ({}).",
                scene.device(router)
            ),
            scene.walk.observations_at(ttl),
        );
    }
    let finding = if scene.is_own() {
        finding
    } else {
        local_not_ruled_out(scene, finding)
    };
    route_back(scene, steps(scene, finding))
}

fn rejected<'a>(scene: &Scene<'a>, rejection: &Rejection<'a>) -> Finding {
    let finding = Finding::new(
        Id::EchoFiltered,
        Severity::Error,
        format!("{} itself rejects echo requests", scene.host()),
    )
    .explained(
        "The host answers echo requests with an ICMP error: a firewall on the host, or an address translation that answers in its name, \
         rejects them. The path up to it works.",
    )
    .about(scene.endpoint())
    .at(
        scene.walk.first_rejected().map(|(ttl, _)| ttl),
        Some(rejection.by.clone()),
    );
    steps(scene, scene.answered(finding, rejection))
}

fn steps(scene: &Scene<'_>, finding: Finding) -> Finding {
    let whose = if scene.is_own() {
        "this machine".to_owned()
    } else {
        scene.address().to_string()
    };
    let setting = if scene.address().is_ipv6() {
        "net.ipv6.icmp.echo_ignore_all"
    } else {
        "net.ipv4.icmp_echo_ignore_all"
    };
    finding
        .command(
            format!("On {whose}, see whether its firewall drops echo requests from {}:", scene.source()),
            "sudo nft list ruleset",
        )
        .command("And whether its settings do (1):", format!("sysctl {setting}"))
        .action("If they are dropped on purpose, check a port of the host instead: nwcheck tcp HOST:PORT.")
}
