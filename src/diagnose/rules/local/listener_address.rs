//! `local-listener-address`: the service listens, but on another address of this machine.

use crate::diagnose::rules::destination::closes;
use crate::diagnose::scene::{Scene, Shape, ids};
use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::local::Listener;
use crate::model::text::escape;
use crate::model::{Finding, Id, Operation, Outcome, Severity};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::LocalListenerAddress,
    explain: Explain {
        meaning: "The target is this machine. Its port is closed on the address asked for, and a process listens on the same port on another address.",
        proof: "A reset answered the connection, or port unreachable the datagram; the address is this machine's own, and the kernel's list of sockets has a listener on that \
                port with another address.",
        remedy: "Let the service listen on the address asked for (often `0.0.0.0` or `::` instead of `127.0.0.1`), or connect to the \
                 address it listens on.",
        lookalikes: "When nothing listens on the port at all, it is `port-closed`, or `udp-closed`.",
    },
    judge: Judge::Endpoint(judge),
};

/// A socket that listens on the port at the very address asked for, or at all addresses of its family.
pub(crate) fn listens_at<'a>(scene: &Scene<'a>) -> Option<&'a Listener> {
    let (asked, port) = (scene.address(), scene.endpoint().port);
    scene.evidence.local.listeners.iter().find(|listener| {
        let address = &listener.endpoint.address;
        let all = address.ip().is_unspecified() && address.is_ipv6() == asked.is_ipv6();
        listener.endpoint.port == port && (all || address.ip() == asked.ip())
    })
}

/// A socket that listens on the port at other addresses alone.
pub(crate) fn listens_elsewhere<'a>(scene: &Scene<'a>) -> Option<&'a Listener> {
    let port = scene.endpoint().port?;
    let mut listeners = scene.evidence.local.listeners.iter();
    listeners
        .find(|l| l.endpoint.port == Some(port))
        .filter(|_| listens_at(scene).is_none())
}

fn judge(scene: &Scene<'_>) -> Judgement {
    match scene.shape() {
        Shape::Refused if scene.is_own() => {}
        Shape::Rejected(r) if scene.is_own() && closes(scene, &r) => {}
        Shape::NotTried => return Judgement::Unknown(vec![Need::Burst(scene.endpoint().clone())]),
        _ => return Judgement::Clear,
    }
    let port = scene.endpoint().port.unwrap_or_default();
    let Some(listener) = listens_elsewhere(scene) else {
        return Judgement::Clear;
    };
    let who = listener.process.as_ref().map_or_else(
        || "a process".to_owned(),
        |p| format!("{} (process {})", escape(&p.comm), p.pid),
    );
    let refused: Vec<_> = [Outcome::Refused, Outcome::PortUnreachable]
        .into_iter()
        .flat_map(|outcome| scene.with(outcome))
        .collect();
    let sockets = if scene.probe() == Operation::Datagram {
        "u"
    } else {
        "t"
    };
    Judgement::fires(
        Finding::new(
            Id::LocalListenerAddress,
            Severity::Error,
            format!("Port {port} is closed on {}, but {who} listens on {}", scene.address(), listener.endpoint),
        )
        .explained("The service runs on this machine, on another of its addresses than the one asked for.")
        .fact(format!("{} of {} attempts were refused by this machine itself.", refused.len(), scene.burst.len()), ids(&refused))
        .fact(format!("The kernel lists a listener on {}: {who}.", listener.endpoint), [])
        .about(scene.endpoint())
        .at(None, Some(scene.address().clone()))
        .action(format!("Let the service listen on {} too (or on all addresses), if it is meant to be reached there.", scene.address()))
        .command("See what listens where:", format!("ss -{sockets}lnp 'sport = :{port}'")),
    )
}
