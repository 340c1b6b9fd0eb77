//! `local-port-denied`: the source port that was asked for may not be bound by this user.

use crate::diagnose::scene::{Scene, Shape, ids};
use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::{Finding, Id, Outcome, Severity};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::LocalPortDenied,
    explain: Explain {
        meaning: "The source port given with --source-port is one that only a privileged process may use.",
        proof: "Binding a socket to the port fails with EACCES, and the port is below the kernel's ip_unprivileged_port_start.",
        remedy: "Choose a source port at or above the limit, or run the check with CAP_NET_BIND_SERVICE (as root). \
                 The limit is `sysctl net.ipv4.ip_unprivileged_port_start`.",
        lookalikes: "A port that another socket holds gives EADDRINUSE: `local-port-in-use`.",
    },
    judge: Judge::Endpoint(judge),
};

fn judge(scene: &Scene<'_>) -> Judgement {
    let Some(port) = scene.evidence.options.source_port else {
        return Judgement::Clear;
    };
    let limit = scene
        .evidence
        .local
        .source_port
        .as_ref()
        .and_then(|s| s.unprivileged_from)
        .unwrap_or(1024);
    if port >= limit {
        return Judgement::Clear;
    }
    match scene.shape() {
        // EPERM is a packet filter's: the port could be bound.
        Shape::LocalError(Outcome::Denied) if !denied_with(scene, "EPERM") => {}
        Shape::NotTried => return Judgement::Unknown(vec![Need::Burst(scene.endpoint().clone())]),
        _ => return Judgement::Clear,
    }
    Judgement::fires(
        Finding::new(
            Id::LocalPortDenied,
            Severity::Error,
            format!("Source port {port} may only be used by a privileged process"),
        )
        .explained("The kernel keeps low ports for privileged processes, and this check runs without that privilege. No packet left.")
        .fact(format!("Binding a socket to port {port} fails with EACCES."), ids(&scene.burst))
        .fact(format!("On this machine ports below {limit} are kept (net.ipv4.ip_unprivileged_port_start)."), [])
        .about(scene.endpoint())
        .action(format!("Choose a --source-port from {limit} on, or leave it out."))
        .action("If it has to be this port, run the check as root."),
    )
}

/// Whether the attempts ended with this error.
fn denied_with(scene: &Scene<'_>, errno: &str) -> bool {
    scene
        .burst
        .iter()
        .any(|o| o.errno.as_deref() == Some(errno))
}
