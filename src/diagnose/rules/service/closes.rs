//! `service-closes`: the connection is accepted, and closed before a byte.

use crate::diagnose::scene::{Scene, ids};
use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::observation::LOOKS;
use crate::model::{Finding, Id, Observation, Outcome, Severity};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::ServiceCloses,
    explain: Explain {
        meaning: "The port is open, and whatever accepts the connection ends it at once, before either side has sent a byte. No client can \
                  use the service. What accepts is often not the service itself: a load balancer without a healthy backend, a proxy or port \
                  forward whose target does not answer, or an access list that turns this client's address away after the handshake.",
        proof: "Three connections, of which two were opened alone, one after the other, were each ended by the other side with a FIN or a \
                reset within a moment of the handshake, without a byte, while nothing was sent to it. Where one of them stays open or is \
                greeted, it is no finding.",
        remedy: "Look into the log of what listens on the port for a connection from this machine's address. Behind a load balancer or proxy \
                 look at the health of its backends (HAProxy `show stat`, the target group's health in a cloud); behind a port forward \
                 (`docker ps`, `ssh -L`, `kubectl port-forward`) whether its target listens. Look for access lists (tcp_wrappers' \
                 `/etc/hosts.deny`, the allowed networks of the service), and whether the service has reached its limit of clients.",
        lookalikes: "A service that waits for the client to speak keeps the connection open, and one that greets sends bytes: neither is this. \
                     A transparent proxy on the way accepts connections for any address and closes those that it can't complete: then the \
                     path's last hop is nearer than the host. A reset that answers the SYN is `port-closed`. A port that is there only to be \
                     connected to, for a health check, may close at once by design.",
    },
    judge: Judge::Endpoint(judge),
};

fn judge(scene: &Scene<'_>) -> Judgement {
    let opened = scene.burst.iter().any(|o| o.outcome == Outcome::Ok);
    if !opened || scene.evidence.probe() != crate::model::Operation::Connect {
        return Judgement::Clear;
    }
    let ended = |o: &&&Observation| matches!(o.outcome, Outcome::Closed | Outcome::Reset);
    let seen: Vec<&Observation> = scene
        .looks
        .iter()
        .copied()
        .filter(|o| o.outcome != Outcome::Cancelled)
        .collect();
    if seen.iter().any(|o| !ended(&o)) {
        return Judgement::Clear;
    }
    match seen.len() {
        // The burst looks at its first connection by itself: where it did not, nothing more is asked for.
        0 => Judgement::Unknown(Vec::new()),
        n if n < LOOKS => Judgement::Unknown(vec![Need::Look(scene.endpoint().clone())]),
        _ => Judgement::fires(finding(scene, &seen)),
    }
}

fn finding(scene: &Scene<'_>, seen: &[&Observation]) -> Finding {
    let service = scene.service();
    let resets = seen.iter().filter(|o| o.outcome == Outcome::Reset).count();
    let how = match resets {
        0 => "closed",
        n if n == seen.len() => "reset",
        _ => "closed or reset",
    };
    let times = seen.iter().filter_map(|o| o.elapsed_ms);
    let within = times
        .max()
        .map_or_else(String::new, |ms| format!(", within {ms} of the handshake"));
    let port = scene.endpoint().port.unwrap_or_default();
    let whose = if scene.is_own() {
        "this machine".to_owned()
    } else {
        scene.address().to_string()
    };
    let mut finding = Finding::new(
        Id::ServiceCloses,
        Severity::Error,
        format!("{service} of {} accepts connections and ends them at once, before a byte", scene.host()),
    )
    .explained(
        "The port is open, and what accepts there does not serve: a load balancer or port forward without a working backend, or an access \
         list that turns this client away. Behind the handshake the network is not the fault.",
    )
    .fact(
        format!(
            "{} of {} connections were {how} by the other side{within}, though nothing was sent.",
            seen.len(),
            seen.len()
        ),
        ids(seen),
    )
    .about(scene.endpoint())
    .at(None, Some(scene.address().clone()))
    .command(
        format!("On {whose}, see what accepts the connections, and look into its log for those from {}:", scene.source()),
        format!("ss -tlnp 'sport = :{port}'"),
    );
    finding = finding.action(
        "If it is a load balancer, a proxy or a port forward, see whether its backends are healthy and listen.",
    );
    finding.action(format!(
        "See whether an access list or a limit of clients of the service turns {} away.",
        scene.source()
    ))
}
