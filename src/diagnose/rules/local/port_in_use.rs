//! `local-port-in-use`: the source port that was asked for is taken.

use crate::diagnose::scene::{Scene, Shape, ids};
use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::text::escape;
use crate::model::{Finding, Id, Operation, Outcome, Severity};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::LocalPortInUse,
    explain: Explain {
        meaning: "The source port given with --source-port is held by another socket of this machine.",
        proof: "Binding a socket to the port fails with EADDRINUSE, or connecting from it fails with EADDRNOTAVAIL because the same pair \
                of endpoints is already connected. The process that holds it is named where it may be seen.",
        remedy: "Choose another source port, leave the choice to the kernel, or stop the process that holds it \
                 (`sudo ss -tanp 'sport = :PORT'`; on macOS and the BSDs `lsof -nP -iTCP:PORT`; on Windows `Get-NetTCPConnection -LocalPort PORT`).",
        lookalikes: "A port below ip_unprivileged_port_start gives EACCES: `local-port-denied`.",
    },
    judge: Judge::Endpoint(judge),
};

fn judge(scene: &Scene<'_>) -> Judgement {
    let Some(port) = scene.evidence.options.source_port else {
        return Judgement::Clear;
    };
    let source_is_ours = scene.source_is_ours();
    match scene.shape() {
        Shape::LocalError(Outcome::AddressInUse) => {}
        Shape::LocalError(Outcome::AddressUnavailable) if source_is_ours => {}
        Shape::NotTried => return Judgement::Unknown(vec![Need::Burst(scene.endpoint().clone())]),
        _ => return Judgement::Clear,
    }
    let errno = scene
        .burst
        .first()
        .and_then(|o| o.errno.clone())
        .unwrap_or_else(|| "EADDRINUSE".to_owned());
    let mut finding = Finding::new(
        Id::LocalPortInUse,
        Severity::Error,
        format!("Source port {port} is already in use on this machine"),
    )
    .explained("Another socket of this machine holds the port, so nothing can be sent from it. No packet left.")
    .fact(format!("A socket can't be had on port {port}: {errno}."), ids(&scene.burst))
    .about(scene.endpoint());
    finding = match scene
        .evidence
        .local
        .source_port
        .as_ref()
        .and_then(|s| s.held_by.as_ref())
    {
        Some(process) => finding.fact(
            format!(
                "Process {} ({}) holds it.",
                process.pid,
                escape(&process.comm)
            ),
            [],
        ),
        None => finding.fact("Which process holds it may not be seen as this user.", []),
    };
    Judgement::fires(
        finding
            .action("Choose another --source-port, or leave it out and let the kernel choose.")
            .command(
                "See which process holds it:",
                format!(
                    "sudo ss -{}anp 'sport = :{port}'",
                    if scene.probe() == Operation::Datagram {
                        "u"
                    } else {
                        "t"
                    }
                ),
            ),
    )
}
