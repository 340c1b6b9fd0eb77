//! `local-route-asymmetric-filter`: answers come in where they are not expected, and this machine drops them.

use crate::diagnose::scene::{Scene, Shape, ids};
use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::{Finding, Id, Outcome, Severity};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::LocalRouteAsymmetricFilter,
    explain: Explain {
        meaning: "Answers come back by another interface than this machine would use for their sender, and its strict reverse-path \
                  filter drops them.",
        proof: "The kernel's count of packets dropped by the reverse-path filter (IPReversePathFilter) rose in step with the unanswered \
                probes.",
        remedy: "Make the routes symmetric: a route, or a policy rule by source address, so that the way out is the way in. Or loosen the \
                 filter on the interface where the answers arrive: `sysctl net.ipv4.conf.NAME.rp_filter=2` (RFC 3704).",
        lookalikes: "Answers that a firewall rule of this machine drops are `local-firewall`. When no answer arrives at all it is \
                     `port-filtered`, `path-filtered` or `path-blackhole`.",
    },
    judge: Judge::Endpoint(judge),
};

fn judge(scene: &Scene<'_>) -> Judgement {
    match scene.shape() {
        Shape::Silent => {}
        Shape::NotTried => return Judgement::Unknown(vec![Need::Burst(scene.endpoint().clone())]),
        _ => return Judgement::Clear,
    }
    // An answer of the host to a probe of the trace was taken: the filter lets them in.
    if scene.walk.arrival().is_some() {
        return Judgement::Clear;
    }
    let suspected = scene
        .counters
        .iter()
        .any(|o| o.outcome == Outcome::ReversePathFiltered);
    if suspected && scene.ingress.is_empty() {
        return Judgement::Unknown(vec![Need::Ingress(scene.endpoint().clone())]);
    }
    let counted: Vec<_> = scene
        .ingress
        .iter()
        .copied()
        .filter(|o| o.outcome == Outcome::ReversePathFiltered)
        .collect();
    if counted.len() < 3 || counted.len() < scene.ingress.len() {
        return Judgement::Clear;
    }
    let silent = scene.with(Outcome::Timeout);
    let out = scene.route().and_then(|route| route.interface.clone());
    let mut finding = Finding::new(
        Id::LocalRouteAsymmetricFilter,
        Severity::Error,
        format!("This machine's reverse-path filter drops the answers of {}", scene.host()),
    )
    .explained(
        "The destination answers, and its answers arrive on another interface than the one by which this machine would reach it. Strict \
         reverse-path filtering takes them for forged and drops them.",
    )
    .fact(format!("{} of {} attempts got no answer.", silent.len(), scene.burst.len()), ids(&silent))
    .fact(
        format!(
            "In {} further attempts, each in a quiet moment, the kernel's count of packets that its reverse-path filter dropped rose.",
            counted.len()
        ),
        ids(&counted),
    )
    .about(scene.endpoint())
    .at(None, None);
    if let Some(name) = out {
        finding = finding.fact(
            format!(
                "By the routing table packets to {} leave by {name}.",
                scene.address()
            ),
            [],
        );
    }
    Judgement::fires(
        finding
            .command("See which interfaces filter strictly (1):", "sysctl -a --pattern 'net.ipv4.conf.*.rp_filter'")
            .action("Make the way out the way in: a route, or a policy rule by source address; or set rp_filter to 2 (loose) there."),
    )
}
