//! `local-multihomed`: this machine has two ways to where the packets go, and the one that the kernel takes fails.
//!
//! Two interfaces on one network, a source address of another interface, a router's address on its loopback interface: all are usual,
//! and all may be well. So nothing is said of them while probes are answered, and where they are not, connections from the other
//! source are tried in turn with usual ones: only what they show is told. Where they can't be tried (echo requests, datagrams) it is an
//! info beside the failure.

use crate::diagnose::scene::{Scene, Sender, ids};
use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::evidence::OtherSource;
use crate::model::{Finding, Id, Observation, Operation, Outcome, Severity};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::LocalMultihomed,
    explain: Explain {
        meaning: "This machine has two ways to the same network, or sends from an address that is not of the interface that the packets \
                  leave by: they may leave where nobody takes them, or the answers come back where nobody waits for them.",
        proof: "No probe was answered, and another interface that is up has the next hop in its own prefix, too, or the source address \
                is another interface's. For TCP, connections from the other source were tried then, in turn with usual ones: they opened, \
                and the usual ones did not. That is a warning, beside the fault itself. When they failed, too, this explains nothing, and \
                is not told. Echo requests and datagrams are not tried so: there it is an info.",
        remedy: "Decide which interface is to be used: take the other off that network, or give its route a higher metric (`ip route \
                 get ADDRESS` says which wins). Two networks with the same prefix need another prefix for one of them.",
        lookalikes: "A source address that the far side has no route for, or that a router's filter refuses, looks the same: it is this \
                     machine's choice all the same. Answers that arrive on another interface than expected and are dropped here are \
                     `local-route-asymmetric-filter`.",
    },
    judge: Judge::Endpoint(judge),
};

fn judge(scene: &Scene<'_>) -> Judgement {
    if scene.burst.is_empty() {
        return Judgement::Unknown(vec![Need::Burst(scene.endpoint().clone())]);
    }
    let Some(other) = scene.evidence.other_source(scene.address()) else {
        return Judgement::Clear;
    };
    let unheard = |o: &&&Observation| {
        let here = |from| scene.sender(from) == Sender::ThisMachine;
        let unresolved = o.outcome == Outcome::HostUnreachable && o.icmp_from().is_some_and(here);
        o.outcome == Outcome::Timeout || unresolved
    };
    let all_unheard = scene.burst.iter().filter(unheard).count() == scene.burst.len();
    if !all_unheard {
        return Judgement::Clear;
    }
    if scene.probe() != Operation::Connect {
        return Judgement::fires(found(scene, &other, Severity::Info).explained(
            "Answers may come back elsewhere than they are waited for. Whether it works from the other source was not tried.",
        ));
    }
    let (usual, from_other): (Vec<&Observation>, Vec<&Observation>) =
        scene.other_source.iter().partition(|o| o.control);
    if usual.is_empty() || from_other.is_empty() {
        return Judgement::Unknown(vec![Need::OtherSource(scene.endpoint().clone())]);
    }
    if !scene.opens_from_another_source() {
        return Judgement::Clear;
    }
    Judgement::fires(
        found(scene, &other, Severity::Warning)
            .explained("The service is there: it is reached by the way that this machine does not take by itself.")
            .fact(
                format!(
                    "{} of {} connections from {} opened; of {} from {} that were made in turn with them none did.",
                    from_other.len(),
                    from_other.len(),
                    written(&other),
                    usual.len(),
                    own(scene),
                ),
                ids(&[from_other, usual].concat()),
            ),
    )
}

fn found(scene: &Scene<'_>, other: &OtherSource, severity: Severity) -> Finding {
    let (source, way) = (own(scene), other.egress.as_str());
    let does = match severity {
        Severity::Warning => "works",
        _ => "was not tried",
    };
    let title = match &other.interface {
        Some(name) => format!(
            "Two interfaces of this machine lead to {}: {way} is taken and fails, {name} {does}",
            other.shared
        ),
        None => format!(
            "The source address {source} is not one of {way}, by which the packets leave; from {} it {does}",
            other.address
        ),
    };
    let fact = match &other.interface {
        Some(name) => format!(
            "{way} and {name} are both up and both have {} on their link; packets to {} leave by {way}, from {source}.",
            other.shared,
            scene.address()
        ),
        None => format!(
            "Packets to {} leave by {way} from {source}, which is not among its addresses; {} is.",
            scene.address(),
            other.address
        ),
    };
    Finding::new(Id::LocalMultihomed, severity, title)
        .fact(fact, [])
        .command(
            "See which route wins:",
            format!("ip route get {}", scene.address().ip()),
        )
        .action(match &other.interface {
            Some(_) => {
                "Take one interface off that network, or give the one that works the lower metric."
            }
            None => "Correct the route's source (`src`), or the rule or option that sets it.",
        })
        .about(scene.endpoint())
}

/// The address that packets leave with now.
fn own(scene: &Scene<'_>) -> String {
    scene
        .source_address()
        .map_or_else(|| "this machine".to_owned(), ToString::to_string)
}

fn written(other: &OtherSource) -> String {
    match &other.interface {
        Some(name) => format!("{} on {name}", other.address),
        None => other.address.to_string(),
    }
}
