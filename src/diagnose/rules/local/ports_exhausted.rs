//! `local-ports-exhausted`: no ephemeral port is left.

use crate::diagnose::scene::{Scene, Shape, ids};
use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::{Finding, Id, Operation, Outcome, Severity};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::LocalPortsExhausted,
    explain: Explain {
        meaning: "Every ephemeral source port towards this destination is taken, so this machine can't open another connection to it.",
        proof: "Without a source port or address being asked for, connecting fails at once with EADDRNOTAVAIL, or binding to port 0 with \
                EADDRINUSE. The range and the number of TCP sockets are quoted.",
        remedy: "Close or re-use connections (keep-alive, pooling), widen `net.ipv4.ip_local_port_range`, or spread over more source or \
                 destination addresses. `ss -s` counts the sockets; many in TIME-WAIT point to connections that are opened and closed quickly.",
        lookalikes: "With --source, EADDRNOTAVAIL means that the address is not here: `local-source-unavailable`.",
    },
    judge: Judge::Endpoint(judge),
};

fn judge(scene: &Scene<'_>) -> Judgement {
    let options = &scene.evidence.options;
    if scene.shape() == Shape::NotTried {
        return Judgement::Unknown(vec![Need::Burst(scene.endpoint().clone())]);
    }
    let matches = matches!(
        scene.shape(),
        Shape::LocalError(Outcome::AddressUnavailable | Outcome::AddressInUse)
    );
    let source_is_ours = scene.source_is_ours();
    if !matches || options.source_port.is_some() || !source_is_ours {
        return Judgement::Clear;
    }
    let ports = scene.evidence.local.source_port.as_ref();
    let Some((first, last)) = ports.and_then(|ports| ports.range) else {
        return Judgement::Unknown(Vec::new());
    };
    let errno = scene
        .burst
        .first()
        .and_then(|o| o.errno.clone())
        .unwrap_or_else(|| "EADDRNOTAVAIL".to_owned());
    let mut finding = Finding::new(
        Id::LocalPortsExhausted,
        Severity::Error,
        format!("No source port is left for {} to {}", scene.probes(), scene.host()),
    )
    .explained("This machine has used up the ephemeral ports that it may use towards this destination. No packet left.")
    .fact(format!("Having a source port fails at once with {errno}."), ids(&scene.burst))
    .fact(
        format!("The ephemeral range is {first} to {last}: {} ports.", u32::from(last).saturating_sub(u32::from(first)) + 1),
        [],
    )
    .about(scene.endpoint());
    let datagrams = scene.probe() == Operation::Datagram;
    if let Some(sockets) = ports.and_then(|ports| ports.sockets).filter(|_| !datagrams) {
        finding = finding.fact(
            format!("This machine has {sockets} TCP sockets, those in TIME-WAIT included."),
            [],
        );
    }
    Judgement::fires(
        finding
            .command(
                "See what holds them:",
                format!(
                    "ss -{}an dst {} | awk '{{print $1}}' | sort | uniq -c",
                    if datagrams { "u" } else { "t" },
                    scene.address().ip()
                ),
            )
            .command(
                "See the range, and widen it if it is narrow:",
                "sysctl net.ipv4.ip_local_port_range",
            ),
    )
}
