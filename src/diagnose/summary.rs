//! The verdict in one sentence.

use super::compose::{Judged, decapitalise};
use super::rules::name;
use crate::model::evidence::{ECHO_REQUESTS, Ended, Evidence};
use crate::model::finding::{Finding, Origin, Severity};
use crate::model::options::Expect;
use crate::model::report::{Status, Verdict};
use crate::model::target::{Kind, Protocol};
use crate::model::text::{count, escape, list};
use crate::model::topology::{Hop, Path, TraceProtocol};
use crate::model::{Address, Operation, Outcome};

/// The verdict in one sentence, with the target's own name.
pub(super) fn summary(
    evidence: &Evidence,
    judged: &[Judged<'_>],
    findings: &[Finding],
    status: Status,
    verdict: Verdict,
) -> String {
    let label = escape(&evidence.target.label());
    let first = findings.first().map(|finding| decapitalise(&finding.title));
    let because = |lead: &str| {
        first
            .as_ref()
            .map_or_else(|| lead.to_owned(), |title| format!("{lead}: {title}"))
    };
    if let Some(expect) = evidence
        .options
        .expect
        .filter(|expect| *expect != Expect::Open)
    {
        return match verdict {
            Verdict::Pass | Verdict::Warn => {
                let info = findings
                    .iter()
                    .find(|finding| finding.severity == Severity::Info);
                let how = info.map_or_else(String::new, |finding| {
                    format!(": {}", decapitalise(&finding.title))
                });
                format!("{label} is {}, as expected{how}", expect.as_str())
            }
            Verdict::Fail => because(&format!("{label} is not as expected")),
            Verdict::Indeterminate => {
                because(&format!("Can't prove that {label} is {}", expect.as_str()))
            }
        };
    }
    if evidence.target.protocol == Protocol::Dns {
        return resolved(&label, evidence, first);
    }
    if let Some(why) = not_permitted(evidence, judged).filter(|_| verdict != Verdict::Fail) {
        return format!("Can't tell whether {label} answers echo requests: {why}");
    }
    if evidence.target.protocol == Protocol::Trace && verdict != Verdict::Fail {
        return traced(&label, evidence, judged);
    }
    match (verdict, status) {
        (Verdict::Indeterminate, _) => match evidence.ended {
            Ended::Interrupted => {
                format!("Interrupted before it could be told whether {label} works")
            }
            Ended::Deadline => {
                format!("The deadline came before it could be told whether {label} works")
            }
            Ended::Complete => {
                let nameless = name::account(evidence).filter(|_| first.is_none());
                match nameless {
                    Some(said) if evidence.target.kind == Kind::Vm => {
                        format!("Can't tell whether {label} works: {said}")
                    }
                    Some(said) => format!(
                        "Can't tell whether {label} works: it got no address, and why is not proven ({said})"
                    ),
                    None => match judged.iter().flat_map(|j| &j.unseen).next() {
                        // An info explains nothing.
                        Some(unseen) if findings.iter().all(|f| f.severity == Severity::Info) => {
                            format!("Can't tell {}: {}", unseen.what, unseen.why)
                        }
                        _ => match expired(evidence).filter(|_| first.is_none()) {
                            Some(at) => format!(
                                "Can't tell whether {label} works: the TTL of its packets runs out at {at}; they circle, or this machine \
                                 starts it too low (net.ipv4.ip_default_ttl, net.ipv6.conf.all.hop_limit)"
                            ),
                            None => because(&format!("Can't tell whether {label} works")),
                        },
                    },
                }
            }
        },
        (_, Status::Unreachable) => because(&format!("{label} is unreachable")),
        (Verdict::Fail, Status::Degraded)
            if findings
                .first()
                .is_some_and(|f| f.origin == Origin::Service) =>
        {
            because(&format!("{label} opens, and does not serve"))
        }
        (_, Status::Degraded) => because(&format!("{label} works in part")),
        (Verdict::Fail, _) => because(&format!("{label} is reachable, but not as demanded")),
        (Verdict::Warn, _) => format!(
            "{}, but {}",
            works(&label, judged, evidence.probe()),
            first.unwrap_or_default()
        ),
        (Verdict::Pass, _) => works(&label, judged, evidence.probe()),
    }
}

/// At which router the TTL of the probes runs out, where it does for all of them.
fn expired(evidence: &Evidence) -> Option<&Address> {
    let mut burst = evidence
        .endpoints
        .iter()
        .flat_map(|subject| evidence.burst(&subject.endpoint))
        .peekable();
    let at = burst.peek().and_then(|o| o.icmp_from())?;
    burst
        .all(|o| o.outcome == Outcome::TtlExceeded)
        .then_some(at)
}

/// `db.example resolves to 192.0.2.7 (2.1 ms)`, or that it does not, and why.
fn resolved(label: &str, evidence: &Evidence, first: Option<String>) -> String {
    let resolution = evidence.resolution.as_ref();
    let addresses = resolution.map_or(&[][..], |resolution| resolution.addresses.as_slice());
    if addresses.is_empty() {
        let why = first.or_else(|| name::account(evidence));
        return match why {
            Some(why) => format!("{label} does not resolve: {why}"),
            None => format!("{label} does not resolve"),
        };
    }
    let named: Vec<String> = addresses.iter().take(3).map(ToString::to_string).collect();
    let more = addresses.len() - named.len();
    let named = if more > 0 {
        format!("{} and {more} more", named.join(", "))
    } else {
        list(&named)
    };
    let took = resolution
        .and_then(|resolution| resolution.sources.iter().find(|s| !s.addresses.is_empty()))
        .and_then(|source| source.ms)
        .map_or_else(String::new, |ms| format!(" ({ms})"));
    let but = first.map_or_else(String::new, |title| format!(", but {title}"));
    format!("{label} resolves to {named}{took}{but}")
}

/// Why no echo request could be sent, where they are what was asked for.
fn not_permitted<'a>(evidence: &'a Evidence, judged: &[Judged<'_>]) -> Option<&'a str> {
    let none_sent = judged
        .iter()
        .all(|j| j.probes.sent == 0 && j.subject.path.is_none());
    let missing = evidence
        .not_measured
        .iter()
        .find(|missing| missing.what == ECHO_REQUESTS)?;
    (none_sent && evidence.path_protocol() == TraceProtocol::Icmp).then_some(missing.why.as_str())
}

/// `web.example:443 is reached: 10 hops, 40.2 ms, up to 4 routers side by side`, of the first address; where there are several, how many
/// were reached.
fn traced(label: &str, evidence: &Evidence, judged: &[Judged<'_>]) -> String {
    let paths: Vec<&Path> = judged
        .iter()
        .filter_map(|j| j.subject.path.as_ref())
        .collect();
    let reached: Vec<&&Path> = paths.iter().filter(|path| path.reached).collect();
    let cut = match evidence.ended {
        Ended::Interrupted => "; it was interrupted",
        Ended::Deadline => "; the deadline came first",
        Ended::Complete => "",
    };
    let among = if judged.len() > 1 {
        format!(" at {} of {} addresses", reached.len(), judged.len())
    } else {
        String::new()
    };
    if let Some(path) = reached.first() {
        let far = path.hops.len();
        let rtt = path
            .hops
            .last()
            .and_then(|hop| hop.nodes.iter().filter_map(|node| node.min_ms).min());
        let rtt = rtt.map_or_else(String::new, |ms| format!(", {ms}"));
        let known = |hop: &Hop| {
            hop.nodes
                .iter()
                .filter(|node| node.address.is_some())
                .count()
        };
        let widest = path.hops.iter().map(known).max().unwrap_or(0);
        let wide = if widest > 1 {
            format!(", up to {widest} routers side by side")
        } else {
            String::new()
        };
        return format!(
            "{label} is reached{among}: {}{rtt}{wide}{cut}",
            count(far as u64, "hop")
        );
    }
    let last = paths.iter().find_map(|path| {
        path.hops.iter().rev().find_map(|hop| {
            let node = hop.nodes.iter().find(|node| node.address.is_some())?;
            Some((hop.ttl, node.address.as_ref()?))
        })
    });
    match last {
        Some((ttl, address)) => format!(
            "{label} does not answer: the last router that does is {address}, hop {ttl}{cut}"
        ),
        None => format!("{label} does not answer, and no router on the way does{cut}"),
    }
}

/// `db.example:5432 is reachable: 10 of 10 connections opened, 4.1 ms on average`.
fn works(label: &str, judged: &[Judged<'_>], probe: Operation) -> String {
    let ok: u32 = judged.iter().map(|j| j.probes.ok).sum();
    let sent: u32 = judged.iter().map(|j| j.probes.sent).sum();
    let addresses = if judged.len() > 1 {
        format!(" at {} addresses", judged.len())
    } else {
        String::new()
    };
    let slowest = judged.iter().filter_map(|j| j.probes.avg_ms).max();
    let among = if judged.len() > 1 {
        " at the slowest"
    } else {
        ""
    };
    let average = slowest.map_or_else(String::new, |ms| format!(", {ms} on average{among}"));
    let answered = match probe {
        Operation::Echo => "echo requests answered",
        Operation::Datagram => "datagrams answered",
        _ => "connections opened",
    };
    format!("{label} is reachable: {ok} of {sent} {answered}{addresses}{average}")
}
