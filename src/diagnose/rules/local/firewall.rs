//! `local-firewall`: this machine's own rules reject or drop the probe, or its answer.

mod quote;

use crate::diagnose::scene::{Denial, Filter, Scene, Sender, Shape, ids};
use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::firewall::Direction;
use crate::model::local::RouteKind;
use crate::model::topology::TraceProtocol;
use crate::model::{
    Endpoint, Evidence, Finding, Icmp, Id, Ms, Observation, Operation, Outcome, Severity,
};

pub(crate) use quote::{because_of, let_pass, look};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::LocalFirewall,
    explain: Explain {
        meaning: "The firewall, or another packet filter, of this very machine rejects or drops the connection on its way out, or the \
                  answers on their way in.",
        proof: "One of these: the call fails with EPERM; an ICMP error comes back at once from one of this machine's own addresses; a reset \
                answers by the loopback while the interface's count of sent packets stands still; every retransmission of an unanswered SYN fails \
                (TCPRetransFail), or every unanswered IPv6 echo request is discarded (OutDiscards); or, three times of three in a quiet moment, an answer comes in and is not delivered (InReceives \
                rises, InDelivers does not). The counters are the namespace's: on a busy machine they may prove nothing, and then the \
                finding of the destination stands and says that this machine is not ruled out. Run as root, nwcheck reads the packet rules \
                themselves (nftables, iptables) and follows this very flow and its answer through them: a rule that stops it, where what \
                was seen agrees, is proof and is quoted; rules that let it pass rule this machine's packet filter out, and the finding of \
                the destination says so; where one decides by what can't be known (a rate limit, a program of its own), it is said which.",
        remedy: "Run the check with `sudo` to have the rule quoted, with the command that lets the flow pass; or find it \
                 (`sudo nft list ruleset`, `sudo iptables-save`), and allow the flow. \
                 On macOS and the BSDs: `sudo pfctl -sr`; on Windows: `Get-NetFirewallRule -Enabled True`.",
        lookalikes: "An ICMP error from another device is `path-prohibited`. Host unreachable from this machine itself, about three seconds \
                     after the attempt, is address resolution that failed: `local-neighbour-unresolved`.",
    },
    judge: Judge::Endpoint(judge),
};

/// What it means that no packet left.
const TURNED_AWAY: &str = "The packet was turned away on this machine. Neither the network nor the destination has seen it.";

fn judge(scene: &Scene<'_>) -> Judgement {
    let judged = match (scene.filter(), scene.shape()) {
        (Filter::Denies(denial), Shape::Silent) => in_silence(scene, &denial),
        (Filter::Denies(denial), Shape::Refused) => reset(scene, &denial),
        (filter, _) => with(by_what_was_seen(scene), |finding| match filter {
            Filter::Denies(denial) => quote::cite(finding, &denial),
            Filter::Allows(firewall) => quote::unexplained(finding, firewall),
            Filter::CantTell(firewall, ruling) => quote::perhaps(finding, firewall, ruling),
            _ => steps(finding),
        }),
    };
    let Some(need) = scene.packet_rules() else {
        return judged;
    };
    match judged {
        Judgement::Fires(finding) => Judgement::Refinable(finding, vec![need]),
        Judgement::Refinable(finding, needs) => {
            Judgement::Refinable(finding, [needs, vec![need]].concat())
        }
        Judgement::Unknown(needs) => Judgement::Unknown([needs, vec![need]].concat()),
        // An error of this machine's routing or of address resolution, which no rule makes.
        Judgement::Clear
            if !matches!(scene.shape(), Shape::Silent | Shape::Refused | Shape::Mixed) =>
        {
            Judgement::Clear
        }
        Judgement::Clear => Judgement::Unknown(vec![need]),
    }
}

/// The same judgement, with more in its finding.
fn with(judged: Judgement, add: impl FnOnce(Finding) -> Finding) -> Judgement {
    match judged {
        Judgement::Fires(finding) => Judgement::fires(add(*finding)),
        Judgement::Refinable(finding, needs) => Judgement::refinable(add(*finding), needs),
        other => other,
    }
}

/// Nothing answers, and the rules say why.
fn in_silence(scene: &Scene<'_>, denial: &Denial<'_>) -> Judgement {
    let silent = scene.with(Outcome::Timeout);
    let finding = match denial.direction {
        Direction::Out => finding(scene, dropped_title(scene)),
        Direction::In => finding(scene, answers_title(scene))
            .explained("What comes back from there is turned away on this machine, before any program sees it."),
    };
    let mut finding = finding.fact(
        format!(
            "{} of {} attempts got no answer.",
            silent.len(),
            scene.burst.len()
        ),
        ids(&silent),
    );
    let left: Vec<_> = match denial.direction {
        Direction::Out => with_outcome(&scene.counters, Outcome::Denied),
        Direction::In => with_outcome(&scene.ingress, Outcome::AnswerDropped),
    };
    if let Some(number) = std::num::NonZeroUsize::new(left.len()) {
        let counted = match denial.direction {
            Direction::Out => never_left(scene).to_owned(),
            Direction::In => not_delivered(number.get()),
        };
        finding = finding.fact(counted, ids(&left));
    }
    Judgement::fires(quote::cite(finding, denial))
}

fn with_outcome<'a>(all: &[&'a Observation], outcome: Outcome) -> Vec<&'a Observation> {
    let all = all.iter().copied();
    all.filter(|o| o.outcome == outcome).collect()
}

/// What the kernel counted while packets did not leave.
fn never_left(scene: &Scene<'_>) -> &'static str {
    if scene.probe() == Operation::Connect {
        "Meanwhile every retransmission of them failed on this machine (TCPRetransFail rose by one for each): the packets never left."
    } else {
        "Meanwhile this machine discarded as many packets on their way out (OutDiscards rose by one for each): they never left."
    }
}

/// What it says that answers came in and were not delivered.
fn not_delivered(dropped: usize) -> String {
    format!(
        "In {dropped} further attempts, each in a quiet moment, a packet came in and was not delivered (InReceives rose, InDelivers did \
         not): the answer arrived, and this machine dropped it."
    )
}

/// A reset answers, and the rules say that it is made here.
fn reset(scene: &Scene<'_>, denial: &Denial<'_>) -> Judgement {
    let refused = scene.with(Outcome::Refused);
    let finding = finding(scene, reset_title(scene)).fact(
        format!(
            "{} of {} attempts were answered with a TCP reset.",
            refused.len(),
            scene.burst.len()
        ),
        ids(&refused),
    );
    Judgement::fires(quote::cite(finding, denial))
}

/// What proves it without the rules.
fn by_what_was_seen(scene: &Scene<'_>) -> Judgement {
    match scene.shape() {
        Shape::LocalError(Outcome::Denied) => denied(scene),
        Shape::Rejected(r) if r.sender == Sender::ThisMachine => {
            // A rule rejects at once, each time. What the kernel says when nobody answers address resolution comes late, but for probes
            // that were sent while it was already being given up.
            let resolution = r.outcome == Outcome::HostUnreachable
                && (scene.next_hop().is_some_and(|hop| hop.state.unresolved())
                    || r.answers.iter().any(|o| {
                        o.elapsed_ms
                            .is_some_and(|elapsed| elapsed > Ms::from_millis(500))
                    }));
            if resolution || super::interface_down::downed_interface(scene).is_some() {
                return Judgement::Clear;
            }
            let what = r
                .answers
                .first()
                .and_then(|o| o.icmp.as_ref())
                .map_or_else(String::new, Icmp::describe);
            Judgement::fires(
                finding(scene, format!("This machine's own firewall rejects {} to {}", scene.service(), scene.host()))
                    .fact(
                        format!(
                            "{} of {} attempts were answered at once by {}, which is this machine: {what}.",
                            r.answers.iter().filter(|o| o.ttl.is_none()).count(),
                            scene.burst.len(),
                            r.by,
                        ),
                        ids(&r.answers),
                    )
                    .at(None, Some(r.by.clone())),
            )
        }
        Shape::RejectedOnce(r) if r.sender == Sender::ThisMachine => {
            Judgement::Unknown(vec![Need::SecondBurst(scene.endpoint().clone())])
        }
        Shape::NotTried => Judgement::Unknown(vec![Need::Burst(scene.endpoint().clone())]),
        Shape::Silent => swallowed(scene),
        Shape::Refused => reset_here(scene),
        _ => Judgement::Clear,
    }
}

/// Nothing answered, and the kernel's counters tell that this machine itself is why.
fn swallowed(scene: &Scene<'_>) -> Judgement {
    // The host answered a probe of the trace to this very port, and the answer was taken: neither it nor the probe is dropped here.
    if scene.walk.arrival().is_some() {
        return Judgement::Clear;
    }
    // A router that answers SYNs to this very port has seen them: they leave this machine.
    let leaves = scene.walk.last_expired().is_some();
    let out: Vec<_> = scene
        .counters
        .iter()
        .copied()
        .filter(|o| !leaves && o.outcome == Outcome::Denied)
        .collect();
    let silent = scene.with(Outcome::Timeout);
    let (title, explanation, text, seen) = if out.is_empty() {
        let suspected = scene
            .counters
            .iter()
            .any(|o| o.outcome == Outcome::AnswerDropped);
        if suspected && scene.ingress.is_empty() {
            return Judgement::Unknown(vec![Need::Ingress(scene.endpoint().clone())]);
        }
        let dropped = scene
            .ingress
            .iter()
            .filter(|o| o.outcome == Outcome::AnswerDropped)
            .count();
        if dropped < 3 || dropped < scene.ingress.len() {
            return Judgement::Clear;
        }
        (
            answers_title(scene),
            "The destination answers, or a device in its name, and this machine turns its answers away.",
            not_delivered(dropped),
            scene.ingress.clone(),
        )
    } else {
        (
            dropped_title(scene),
            TURNED_AWAY,
            never_left(scene).to_owned(),
            out,
        )
    };
    Judgement::fires(
        finding(scene, title)
            .explained(explanation)
            .fact(
                format!(
                    "{} of {} attempts got no answer.",
                    silent.len(),
                    scene.burst.len()
                ),
                ids(&silent),
            )
            .fact(text, ids(&seen)),
    )
}

/// A reset answered, also to a packet that could go no farther than the first router: it may have been made here.
fn reset_here(scene: &Scene<'_>) -> Judgement {
    let behind_gateway = scene.route().is_some_and(|route| route.gateway.is_some());
    if scene.is_own() || !behind_gateway || scene.walk.arrival() != Some(1) {
        return Judgement::Clear;
    }
    if scene.egress.is_empty() {
        return Judgement::Unknown(vec![
            Need::Egress(scene.endpoint().clone()),
            Need::ReturnTtl(scene.endpoint().clone()),
        ]);
    }
    let Some(made_here) = scene.resets_made_here() else {
        return Judgement::Clear;
    };
    let refused = scene.with(Outcome::Refused);
    let mut finding =
        finding(scene, reset_title(scene))
            .fact(format!("{} of {} attempts were answered with a TCP reset.", refused.len(), scene.burst.len()), ids(&refused))
            .fact(
                format!(
                    "In {} of {} further attempts no packet left by the route's interface, and the reset came by the loopback: it was made on \
                     this machine.",
                    made_here.len(),
                    scene.egress.len()
                ),
                ids(&made_here),
            );
    // What systems start from: no router has lowered it.
    let fresh = |o: &&&Observation| !o.control && matches!(o.reply_ttl, Some(64 | 128 | 255));
    if let Some((o, ttl)) = scene
        .return_ttl
        .iter()
        .find(fresh)
        .and_then(|o| o.reply_ttl.map(|ttl| (o, ttl)))
    {
        finding = finding.fact(
            format!("The reset came in with TTL {ttl}, which no router on the way has lowered."),
            ids([o]),
        );
    }
    Judgement::fires(finding)
}

fn denied(scene: &Scene<'_>) -> Judgement {
    let errno = scene
        .burst
        .first()
        .and_then(|o| o.errno.clone())
        .unwrap_or_default();
    let by_route = scene.route().is_some_and(|route| {
        matches!(
            route.kind,
            RouteKind::Prohibit | RouteKind::Unreachable | RouteKind::Blackhole | RouteKind::None
        )
    });
    // EACCES on a low source port, and on a prohibit route, have findings of their own.
    if by_route || errno != "EPERM" {
        return if by_route || scene.evidence.options.source_port.is_some() {
            Judgement::Clear
        } else {
            Judgement::Unknown(Vec::new())
        };
    }
    Judgement::fires(
        finding(scene, format!("This machine itself forbids {} to {}", scene.service(), scene.host()))
            .fact("The kernel refused to send with EPERM: a packet filter, a control group or a security module of this machine forbids it.", ids(&scene.burst)),
    )
}

fn finding(scene: &Scene<'_>, title: String) -> Finding {
    Finding::new(Id::LocalFirewall, Severity::Error, title)
        .explained(TURNED_AWAY)
        .about(scene.endpoint())
}

fn dropped_title(scene: &Scene<'_>) -> String {
    let (service, host) = (scene.service(), scene.host());
    format!("This machine's own firewall drops {service} to {host}")
}

fn answers_title(scene: &Scene<'_>) -> String {
    let host = scene.host();
    format!("This machine's own firewall drops the answers of {host}")
}

fn reset_title(scene: &Scene<'_>) -> String {
    let (service, host) = (scene.service(), scene.host());
    format!("This machine's own firewall resets {service} to {host}")
}

fn steps(finding: Finding) -> Finding {
    finding
        .command(
            "Find the rule that rejects it, and allow the flow if it is meant to pass:",
            "sudo nft list ruleset",
        )
        .command(
            "Where iptables is in use:",
            "sudo iptables-save; sudo ip6tables-save",
        )
}

/// That this machine forbids questions to its name server, with the rule that does where it is known.
pub(crate) fn forbidden(evidence: &Evidence, server: &Endpoint) -> Finding {
    let finding = Finding::new(
        Id::LocalFirewall,
        Severity::Error,
        format!("This machine itself forbids questions to its name server {server}"),
    )
    .fact(
        "The kernel refused to send them: a packet filter, a control group or a security module of this machine forbids it.",
        [],
    );
    match Denial::of(evidence, server, TraceProtocol::Udp) {
        Some(denial) if denial.direction == Direction::Out => quote::cite(finding, &denial),
        _ => finding
            .command(
                "Find the rule that rejects them, and allow DNS (UDP and TCP port 53) to that server:",
                "sudo nft list ruleset",
            )
            .command("Where iptables is in use:", "sudo iptables-save; sudo ip6tables-save"),
    }
}
