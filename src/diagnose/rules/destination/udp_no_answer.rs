//! `udp-no-answer`: nothing came back, which UDP permits.

use crate::diagnose::rules::path::{circles, nothing_answers, stops_before};
use crate::diagnose::scene::{HostUp, Scene, Shape, ids};
use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::{Finding, Id, Observation, Operation, Outcome, Severity};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::UdpNoAnswer,
    explain: Explain {
        meaning: "No datagram was answered, which UDP permits: the service may have nothing to say to what was sent, or the datagrams or \
                  their answers are dropped. Open and filtered can't be told apart, and the exit status is 3.",
        proof: "All datagrams stayed without an answer and without an ICMP error, and no device is proven to drop them. What they \
                carried is said. Where the host turns datagrams to another port away, the burst was repeated: hosts limit such errors. The host is up by another answer; or the protocol is one that is silent to strangers by design.",
        remedy: "Ask the service what it understands: with a client of its own, or with --payload. On the host see whether it listens \
                 (`ss -ulnp 'sport = :PORT'`), whether the datagrams arrive (`sudo tcpdump -ni any udp port PORT`), and what its firewall does.",
        lookalikes: "Port unreachable from the host is `udp-closed`. When nothing on the host answers at all, and the protocol is not silent by \
                     design, it is `path-blackhole` or `host-down`. When datagrams to another port of the host pass hops that these do not, \
                     it is `path-filtered`.",
    },
    judge: Judge::Endpoint(judge),
};

fn judge(scene: &Scene<'_>) -> Judgement {
    if scene.probe() != Operation::Datagram {
        return Judgement::Clear;
    }
    match scene.shape() {
        Shape::NotTried => return Judgement::Unknown(vec![Need::Burst(scene.endpoint().clone())]),
        Shape::Silent => {}
        _ => return Judgement::Clear,
    }
    // The port spoke, but to a probe of the trace alone: that is no silence, and may be chance. Asked again it speaks again.
    let mut arrived = scene.walk.hops.values().flat_map(|seen| &seen.arrived);
    if scene.answered_in_the_trace() || arrived.any(|answer| turned_away(scene, answer.observation))
    {
        return Judgement::Unknown(scene.second_burst());
    }
    let up = scene.host_up();
    if up.is_none() {
        match nothing_answers(scene) {
            Judgement::Unknown(needs) => return Judgement::Unknown(needs),
            Judgement::Fires(_) | Judgement::Refinable(..) => return Judgement::Clear,
            Judgement::Clear => {}
        }
        let explained =
            circles(scene) || scene.next_hop().is_some_and(|hop| hop.state.unresolved());
        if explained || scene.silent_by_design().is_none() {
            return Judgement::Clear;
        }
    }
    // What would place a drop on the way is asked for by the rule of that.
    if let Ok(Some(_)) = stops_before(scene) {
        return Judgement::Clear;
    }
    // One error from the host itself is too little for `udp-closed`, and no silence either.
    if scene.burst.iter().any(|o| turned_away(scene, o)) {
        return Judgement::Unknown(Vec::new());
    }
    // A host that turns other datagrams away may have used up the errors that it sends, on an earlier check or on the trace: asked once
    // more, a closed port says so.
    let second = scene.second_burst();
    if scene.datagram.iter().any(|o| turned_away(scene, o)) && !second.is_empty() {
        return Judgement::Unknown(second);
    }
    Judgement::fires(finding(scene, up))
}

/// Whether the host itself says of a datagram that nothing listens on its port.
fn turned_away(scene: &Scene<'_>, observation: &Observation) -> bool {
    observation.outcome == Outcome::PortUnreachable
        && observation
            .icmp_from()
            .is_some_and(|from| from.ip() == scene.address().ip())
}

fn finding(scene: &Scene<'_>, up: Option<HostUp>) -> Finding {
    let port = scene.endpoint().port.unwrap_or_default();
    let silent = scene.with(Outcome::Timeout);
    let by_design = scene.silent_by_design();
    let mut finding = Finding::new(
        Id::UdpNoAnswer,
        Severity::Warning,
        format!(
            "UDP port {port} of {} does not answer: open or filtered can't be told",
            scene.host()
        ),
    )
    .explained(match by_design {
        Some(why) => format!("{why} Its silence is no sign of a fault, and no proof that it works."),
        None => "UDP permits silence: a service may have nothing to say to what was sent, and a firewall that drops the datagrams or \
                 their answers looks the same."
            .to_owned(),
    })
    .fact(
        format!(
            "{} of {} datagrams got no answer. Each carried {}.",
            silent.len(),
            scene.burst.len(),
            scene.payload()
        ),
        ids(&silent),
    )
    .about(scene.endpoint())
    .at(None, Some(scene.address().clone()));
    finding = match up {
        Some(up) => finding.fact(up.text, up.observations),
        None => finding.fact(
            "The host answers nothing else, either: whether it is up is not proven.",
            [],
        ),
    };
    finding = another_port(scene, finding);
    if let Some((ttl, router)) = scene.last_router() {
        finding = finding.fact(
            format!(
                "{} with a limited TTL are answered up to hop {ttl} ({}).",
                scene.limited_probes(),
                scene.device(router)
            ),
            scene.walk.observations_at(ttl),
        );
    }
    let whose = if scene.is_own() {
        "this machine".to_owned()
    } else {
        scene.address().to_string()
    };
    finding = match by_design {
        Some(_) => finding.action("Try the service with a client of its own, and the key or the settings that it wants."),
        None => finding.action(
            "Send what the service understands, if that is another protocol than the port's usual one: --payload hex:… or @FILE.",
        ),
    };
    finding
        .command(
            format!("On {whose}, see whether the service runs, and on which address and port it listens:"),
            format!("ss -ulnp 'sport = :{port}'"),
        )
        .command(
            format!("There, see whether datagrams from {} arrive:", scene.source()),
            format!("sudo tcpdump -ni any udp port {port}"),
        )
}

/// What datagrams to another port of the host met: whether UDP gets there at all, and ICMP errors back.
fn another_port(scene: &Scene<'_>, finding: Finding) -> Finding {
    let Some(port) = scene
        .datagram
        .first()
        .and_then(|o| o.endpoint.as_ref())
        .and_then(|e| e.port)
    else {
        return finding;
    };
    let elsewhere: Vec<_> = scene
        .datagram
        .iter()
        .copied()
        .filter(|o| turned_away(scene, o))
        .collect();
    if elsewhere.is_empty() {
        return finding;
    }
    finding.fact(
        format!(
            "A datagram to port {port} is turned away by the host itself: UDP gets there, and its errors come back. Of port {} it says \
             nothing of the kind, though asked in two bursts.",
            scene.endpoint().port.unwrap_or_default()
        ),
        ids(&elsewhere),
    )
}
