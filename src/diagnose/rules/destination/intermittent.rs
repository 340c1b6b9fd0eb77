//! `destination-intermittent`: some probes to one address work and others fail.

use std::collections::BTreeMap;

use super::flow_decides::{Decides, decides};
use super::order::{Order, order};
use super::unsteady::{Unsteady, all_by_chance, asked_twice, controls, controls_known, unsteady};
use crate::diagnose::rules::local_undecided;
use crate::diagnose::scene::{Scene, Sender, ids};
use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::{Address, Finding, Id, Observation, Operation, Outcome, Severity};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::DestinationIntermittent,
    explain: Explain {
        meaning: "Of several attempts to the same address and port some succeed and others are refused, time out, or open only after the \
                  SYN was sent again: an overloaded service (its accept queue is full), a balancer with a dead backend, a connection limit, \
                  or a fault that comes and goes.",
        proof: "Two bursts of probes from different source ports to one address, with different outcomes; other probes to the same host \
                that are not lost tell it from loss on the way. Half or more failing is an error, fewer a warning; a single failure that \
                does not come again is only noted. Source ports that failed are tried again beside new ones: where all of them fail again \
                and new ones open (by chance at most once in 20 times), the flow decides, as with a dead backend behind a balancer; where \
                they open, it does not, as with a full accept queue. Where all that open come first, or last, or first in each burst (by chance \
                at most once in 20 times), something has changed meanwhile, or counts the attempts.",
        remedy: "On the host look at the service's load and accept queue (`ss -tln`: Recv-Q near Send-Q; `nstat -az TcpExtListenOverflows`); \
                 on a balancer at the health of its backends; on firewalls at connection limits.",
        lookalikes: "When other probes to the same host are lost at the same rate it is `path-loss`.",
    },
    judge: Judge::Endpoint(judge),
};

fn judge(scene: &Scene<'_>) -> Judgement {
    match unsteady(scene) {
        Unsteady::Unknown(needs) => Judgement::Unknown(needs),
        Unsteady::No | Unsteady::Lossy(_) => Judgement::Clear,
        Unsteady::Once => Judgement::fires(once(scene)),
        Unsteady::Destination(_) => {
            let decides = decides(scene);
            let mut needs = match &decides {
                Decides::Ask(needs) => needs.clone(),
                _ => Vec::new(),
            };
            if wants_controls(scene) {
                needs.push(Need::ControlSeries(scene.endpoint().clone()));
            }
            Judgement::refinable(finding(scene, &decides), needs)
        }
    }
}

fn finding(scene: &Scene<'_>, decides: &Decides) -> Finding {
    let sent = scene.burst.len();
    let troubled = scene.troubled();
    let failed = troubled.iter().filter(|o| o.outcome != Outcome::Ok).count();
    let severity = if failed * 2 >= sent {
        Severity::Error
    } else {
        Severity::Warning
    };
    let again = troubled.len() - failed;
    let rest = match scene.probe() {
        Operation::Connect => "the others open",
        _ => "the others are answered",
    };
    let title = match (failed, again) {
        (0, _) => format!(
            "{again} of {sent} connections to {} open only at a second try",
            scene.endpoint()
        ),
        (_, 0) => format!(
            "{failed} of {sent} {} to {} fail, {rest}",
            scene.probes(),
            scene.endpoint()
        ),
        _ => format!(
            "{failed} of {sent} connections to {} fail and {again} open only at a second try, {rest}",
            scene.endpoint()
        ),
    };
    let mut finding = Finding::new(Id::DestinationIntermittent, severity, title)
        .explained(why(scene, decides))
        .about(scene.endpoint())
        .at(None, Some(scene.address().clone()));
    finding = kinds(finding, &troubled);
    if scene.probe() == Operation::Datagram {
        finding = finding.fact(format!("Each datagram carried {}.", scene.payload()), []);
    }
    let controls = controls(scene);
    if controls.sent > 0 {
        finding = finding.fact(
            format!(
                "Of {} other probes to the same host {}.",
                controls.sent,
                if controls.lost == 0 {
                    "none was lost".to_owned()
                } else {
                    format!("{} were lost", controls.lost)
                }
            ),
            controls.observations,
        );
    }
    let silent: Vec<&Observation> = scene.control.iter().chain(&scene.echo).copied().collect();
    if controls.sent == 0 && controls_known(scene) {
        finding = finding.fact(
            format!(
                "The {} other probes to the same host got no answer, either.",
                silent.len()
            ),
            ids(&silent),
        );
    }
    if let Decides::Flow(tried) | Decides::Chance(tried) = decides {
        finding = finding.fact(
            format!(
                "Of {} source ports that had failed {} failed again at another try; of {} new ones, tried at the same time, {} failed.",
                tried.ports, tried.failed, tried.new, tried.new_failed
            ),
            tried.observations.iter().copied(),
        );
    }
    finding = local_undecided(scene, finding);
    for by in rejecters(scene) {
        finding = finding.action(format!(
            "Ask the owner of {} why it turns {} from {} to {} away.",
            scene.device(by),
            scene.service(),
            scene.source(),
            scene.address()
        ));
    }
    finding = by_its_count(scene, finding);
    let port = scene.endpoint().port.unwrap_or_default();
    if scene.probe() != Operation::Connect {
        let who = match scene.probe() {
            Operation::Datagram => "Look at the service's load and at its limits of answers",
            _ => "Look for a limit of echo requests",
        };
        return finding
            .action(format!("{who} on {}, and on the firewalls before it.", scene.address()))
            .action("If the address is a balancer's, look at the health of its backends: one that is dead takes its share.");
    }
    let balancer = "If the address is a balancer's, look at the health of its backends: one that is dead takes its share of the connections.";
    if matches!(decides, Decides::Flow(_)) {
        return finding.action(balancer).command(
            "See whether only some of the paths carry the flows:",
            format!(
                "nwcheck trace --all-paths {}",
                crate::model::text::escape(&scene.evidence.target.label())
            ),
        );
    }
    if lost_as_well(scene) && !told_apart(scene) {
        return finding
            .command("See whether this machine's own link loses packets:", "ip -s link")
            .action("Compare with another destination behind the same routers, and with the check from the other side.");
    }
    if troubled.iter().all(|o| o.outcome == Outcome::Refused) {
        return finding.action(balancer).action(format!(
            "See in the service's log on {} whether it restarts, or limits its connections.",
            scene.address()
        ));
    }
    finding
        .command(
            format!(
                "On {}, see whether the accept queue is full (Recv-Q near Send-Q):",
                scene.address()
            ),
            format!("ss -tln 'sport = :{port}'; nstat -az TcpExtListenOverflows TcpExtListenDrops"),
        )
        .action(balancer)
}

/// What to do where something may count the attempts of this check.
fn by_its_count(scene: &Scene<'_>, finding: Finding) -> Finding {
    let target = &scene.evidence.target;
    let again = format!(
        "nwcheck {} {}",
        target.protocol.command(),
        crate::model::text::escape(&target.label())
    );
    let finding = match order(scene) {
        Order::Mixed | Order::Began(_) => return finding,
        Order::Ended(_) => finding.command(
            "Wait a few minutes, and try once; if that works, something had counted the attempts of this check:",
            format!("{again} -c 1 --no-path"),
        ),
        Order::Spent(_) => finding.command(
            "Try again more slowly; if all is well then, only who connects often meets the limit:",
            format!("{again} -i 1s"),
        ),
    };
    finding.action(format!(
        "On {}, and on the firewalls before it, look for limits of {}, and for a ban of {} (fail2ban, sets that fill themselves).",
        scene.address(),
        scene.probes(),
        scene.source()
    ))
}

/// What it comes from, as far as it is told.
fn why(scene: &Scene<'_>, decides: &Decides) -> String {
    if let Some(by) = rejecters(scene).first() {
        return format!(
            "Some attempts get through to {}, and others are turned away by {} with an ICMP error. Flows may go different ways, and only \
             some of them by a device that forbids; or that device limits how many it lets pass.",
            scene.host(),
            scene.device(by)
        );
    }
    if asked_twice(scene) {
        return "Every connection opens with its second SYN, and none with its first: this is no loss. A device on the way, or the host, lets in \
                only who asks twice (protection against floods of SYNs, greylisting). Each connection waits a second for it."
            .to_owned();
    }
    if let Some(by_order) = by_order(scene) {
        return by_order;
    }
    let refused = !scene.with(Outcome::Refused).is_empty();
    match (decides, scene.probe()) {
        (Decides::Flow(_), _) => {
            "The same source ports fail each time and others open: the flow decides. A balancer that spreads connections by their addresses \
             and ports, and has a dead backend, does so; or a device or path that only some flows take. A service that is too busy does not."
        }
        (Decides::Chance(_), _) if told_apart(scene) && refused => {
            "The same address and port answers now this way, now that, and not by the flow. A balancer that deals connections out in turn, \
             and has a backend that refuses, does so; or a service that restarts, or a limit on connections. A full accept queue does not \
             refuse, unless the host is set to (Linux tcp_abort_on_overflow)."
        }
        (Decides::Chance(_), _) if told_apart(scene) => {
            "The same address and port answers now, and now not, and not by the flow; the rest of the host answers. A service whose accept \
             queue is full does so, a limit on connections, or a balancer that deals connections out in turn and has a dead backend."
        }
        (_, Operation::Echo) if told_apart(scene) => {
            "The host answers some echo requests and not others, and answers other protocols: it, or a device before it, limits how many it \
             answers."
        }
        (_, Operation::Datagram) if told_apart(scene) => {
            "The same address and port answers now this way, now that. A service that is too busy, one that limits how often it answers, or \
             a balancer with a dead backend behaves so."
        }
        _ if told_apart(scene) && refused => {
            "The same address and port answers now this way, now that. A balancer with a backend that refuses, a service that restarts, or a \
             limit on connections behaves so."
        }
        _ if told_apart(scene) => {
            "The same address and port answers now this way, now that. A service whose accept queue is full, a balancer with a dead backend, \
             or a limit on connections behaves so."
        }
        _ if lost_as_well(scene) => {
            "The same address and port answers now, and now not, and other probes to the same host are lost, too: packets are lost on the \
             way there or back, and not at this port alone."
        }
        _ => {
            "The same address and port answers now this way, now that. Whether packets are lost on the way or the port itself is unsteady \
             can't be told: too few of the other probes to the host were answered, or too few of these failed."
        }
    }
    .to_owned()
}

/// What the order of the attempts tells.
fn by_order(scene: &Scene<'_>) -> Option<String> {
    let connections = scene.probe() == Operation::Connect;
    let things = scene.probes();
    let (opened, open, not) = if connections {
        ("opened at once", "open at once", "do not")
    } else {
        ("were answered", "are answered", "are not")
    };
    let first = |number: usize| match number {
        1 => "first one".to_owned(),
        _ => format!("first {number} {things}"),
    };
    let chance = "chance hardly orders them so";
    let away = if told_apart(scene) {
        "the service"
    } else {
        "the service, the host or the way there"
    };
    Some(match order(scene) {
        Order::Mixed => return None,
        Order::Ended(split) => format!(
            "The {} {opened}, and none of the {} after: {chance}. Either {away} went away at that moment; or \
             something keeps count and turns this client away since, and the {} {things} of this check within {} were too many for it: a \
             limit, a ban of who comes too often, a queue that nobody empties. Which of these it is can't be told from here.",
            first(split.well),
            split.troubled,
            split.well + split.troubled,
            split.lasted,
        ),
        Order::Began(split) => format!(
            "Of the {} none {opened}, and of the {} after them all: {chance}. What was in the way passed while this check was made: a service \
             that has just started, a failover, a line or tunnel that is set up on demand, a device that was asleep. Who comes first after a \
             pause may meet it again.",
            first(split.troubled),
            split.well,
        ),
        Order::Spent(_) => format!(
            "In each burst the first {things} {open}, and those after them {not}: {chance}. Something lets in only so many in a time: a \
             limit, for each client or in all, or a queue that is emptied slowly. It may be this check's own pace, one each {}, that meets \
             it: who comes seldom may notice nothing.",
            scene.evidence.options.interval_ms,
        ),
    })
}

/// Whether other probes to the host would tell more, and were not sent.
fn wants_controls(scene: &Scene<'_>) -> bool {
    let all_silent = scene
        .troubled()
        .iter()
        .all(|o| matches!(o.outcome, Outcome::Timeout | Outcome::Ok));
    all_silent && !asked_twice(scene) && !controls_known(scene)
}

/// Whether other probes to the same host are lost, too, as often as chance explains.
fn lost_as_well(scene: &Scene<'_>) -> bool {
    let controls = controls(scene);
    controls_known(scene) && controls.lost * 5 >= controls.sent
}

/// The devices on the way that turn probes away, where two or more were.
fn rejecters<'a>(scene: &Scene<'a>) -> Vec<&'a Address> {
    let mut by: BTreeMap<&Address, u32> = BTreeMap::new();
    let turned_away = scene
        .burst
        .iter()
        .filter(|o| o.outcome.is_icmp() && o.outcome != Outcome::TtlExceeded);
    for from in turned_away.filter_map(|o| o.icmp_from()) {
        if scene.sender(from) == Sender::Device {
            *by.entry(from).or_default() += 1;
        }
    }
    by.into_iter()
        .filter(|(_, count)| *count >= 2)
        .map(|(from, _)| from)
        .collect()
}

/// Whether it is the port and not the way: its answers differ in kind, or chance can hardly have spared all other probes to the host.
fn told_apart(scene: &Scene<'_>) -> bool {
    let troubled = scene.troubled();
    let controls = controls(scene);
    let differ = troubled
        .iter()
        .any(|o| !matches!(o.outcome, Outcome::Timeout | Outcome::Ok));
    differ
        || (controls.sent > 0
            && controls.lost == 0
            && all_by_chance(troubled.len(), scene.burst.len(), controls.sent) < 0.05)
}

/// Refused, timed out, rejected and slow are told apart, and who rejects.
fn kinds(mut finding: Finding, troubled: &[&Observation]) -> Finding {
    let mut kinds: BTreeMap<String, Vec<&Observation>> = BTreeMap::new();
    for o in troubled {
        let kind = match (o.outcome, o.icmp.as_ref().zip(o.icmp_from())) {
            (Outcome::Ok, _) => "opened only after the SYN was sent again".to_owned(),
            (Outcome::Timeout, _) => "got no answer".to_owned(),
            (Outcome::Refused, _) => "were refused with a TCP reset".to_owned(),
            (_, Some((icmp, from))) => format!("were answered by {from} with {}", icmp.describe()),
            (other, None) => format!("were {}", other.phrase()),
        };
        kinds.entry(kind).or_default().push(o);
    }
    for (kind, observations) in kinds {
        finding = finding.fact(
            format!("{} {kind}.", observations.len()),
            ids(&observations),
        );
    }
    finding
}

fn once(scene: &Scene<'_>) -> Finding {
    let troubled = scene.troubled();
    let what = troubled
        .first()
        .map_or("was not answered", |o| match o.outcome {
            Outcome::Ok => "needed its SYN sent again",
            other => other.phrase(),
        });
    kinds(
        Finding::new(
            Id::DestinationIntermittent,
            Severity::Info,
            format!("One of {} probes to {} {what}; it did not happen again", scene.burst.len(), scene.endpoint()),
        )
        .explained("A single lost packet proves nothing: a second burst was all well. Repeat with -c 100 for a closer look.")
        .about(scene.endpoint())
        .at(None, Some(scene.address().clone())),
        &troubled,
    )
}
