//! `udp-closed`: the host itself says that nothing listens on the UDP port.

use super::port_filtered::closes;
use crate::diagnose::rules::local::listens_elsewhere;
use crate::diagnose::scene::{Rejection, Scene, Shape};
use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::{Finding, Id, Severity};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::UdpClosed,
    explain: Explain {
        meaning: "The host is up and says that nothing listens on the UDP port, at this address.",
        proof: "ICMP port unreachable (type 3 code 3; ICMPv6 type 1 code 4) came from the destination itself, in answer to two different \
                datagrams or more. Hosts limit how many such errors they send, so that some datagrams may stay without one. A firewall of \
                the host that rejects with the same error looks the same.",
        remedy: "On the host, see whether the service runs and on which address and port it listens (`ss -ulnp 'sport = :PORT'`; on macOS \
                 and the BSDs `lsof -nP -iUDP:PORT`; on Windows `Get-NetUDPEndpoint -LocalPort PORT`).",
        lookalikes: "The same error from another device is `path-prohibited`. Another ICMP error from the host is `port-filtered`. Silence is \
                     `udp-no-answer`. On this machine, with a socket on another address: `local-listener-address`.",
    },
    judge: Judge::Endpoint(judge),
};

fn judge(scene: &Scene<'_>) -> Judgement {
    match scene.shape() {
        Shape::NotTried => Judgement::Unknown(vec![Need::Burst(scene.endpoint().clone())]),
        Shape::RejectedOnce(r) if closes(scene, &r) => Judgement::Unknown(scene.heard_once()),
        Shape::Rejected(r) if closes(scene, &r) => {
            // A socket on another address of this machine has a finding of its own.
            if scene.is_own() && listens_elsewhere(scene).is_some() {
                return Judgement::Clear;
            }
            Judgement::fires(finding(scene, &r))
        }
        _ => Judgement::Clear,
    }
}

fn finding<'a>(scene: &Scene<'a>, rejection: &Rejection<'a>) -> Finding {
    let port = scene.endpoint().port.unwrap_or_default();
    let finding = Finding::new(
        Id::UdpClosed,
        Severity::Error,
        format!("UDP port {port} of {} is closed: the host turns datagrams away", scene.host()),
    )
    .explained(
        "The datagrams get there, and the host answers at once that nothing listens on this port. A firewall of the host that rejects with \
         the same error would look the same.",
    )
    .about(scene.endpoint())
    .at(scene.walk.arrival(), Some(scene.address().clone()));
    let whose = if scene.is_own() {
        "this machine".to_owned()
    } else {
        scene.address().to_string()
    };
    scene
        .answered(finding, rejection)
        .command(
            format!("On {whose}, see whether the service runs, and on which address and port it listens:"),
            format!("ss -ulnp 'sport = :{port}'"),
        )
        .action(format!(
            "If it listens there, a firewall of that host rejects datagrams from {}.",
            scene.source()
        ))
        .action("If it does not, start it, or correct the port in the client's configuration.")
}
