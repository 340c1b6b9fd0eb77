//! `dns-nxdomain`: the name does not exist.

use crate::diagnose::{Explain, Judge, Judgement, Rule};
use crate::model::standing::Standing;
use crate::model::text::list;
use crate::model::{Evidence, Finding, Id, Severity};

use super::digest::{Fault, Server, judge};
use super::wording::{
    dig, getent, host, labels, record, verb, with_names, with_servers, with_sources,
};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::DnsNxdomain,
    explain: Explain {
        meaning: "The name that was asked for does not exist in DNS. The name server was reached and answered that there is no such name \
                  (NXDOMAIN), so that an application gets no address and never tries to connect.",
        proof: "The first name server that answers says NXDOMAIN for every name that the search list makes of the one asked for, and the \
                system's resolver gives no address. The finding names the servers, the names that were tried, and near misses in the \
                hosts file and the search list. An answer from a cache may be as old as the zone's negative time to live.",
        remedy: "Correct the name, or use it in full. If it should exist, have the owner of its zone add it, and wait until caches have \
                 forgotten that it did not. If only the servers of another network know it, connect to that network (VPN) or name such \
                 a server with --server.",
        lookalikes: "A name that exists without an address of the family asked for is dns-no-address. A server that fails or refuses \
                     proves nothing about the name: dns-servfail and dns-refused. When one server has the name and the one that is \
                     asked first does not, an application gets NXDOMAIN all the same, and the evidence says which server has it.",
    },
    judge: Judge::Check(judgement),
};

fn judgement(evidence: &Evidence) -> Judgement {
    judge(evidence, Fault::Nxdomain, |resolution, servers| {
        let name = host(evidence);
        let saying = |standing| {
            servers
                .iter()
                .filter(move |server: &&Server| server.standing == standing)
        };
        let denying: Vec<&Server> = saying(Standing::Nxdomain).collect();
        let having: Vec<&Server> = saying(Standing::Addresses).collect();
        let who = labels(denying.iter().copied());
        let answer = verb(denying.len(), "answers", "answer");
        let mut explanation = vec![format!(
            "The name server was reached and says that there is no such name, so that an application gets no address for {name}."
        )];
        if !having.is_empty() {
            let others = labels(having.iter().copied());
            explanation.push(format!(
                "{others} {} it, but is not asked: the first server that answers decides, and “no such name” is an answer.",
                verb(having.len(), "has", "have")
            ));
        }
        explanation.extend(multicast(evidence, name));
        let mut finding = Finding::new(
            Id::DnsNxdomain,
            Severity::Error,
            format!("{name} does not exist: {who} {answer} NXDOMAIN"),
        )
        .explained(explanation.join(" "));
        finding = with_servers(finding, evidence, resolution, servers);
        finding = with_sources(with_names(finding, resolution), resolution);
        if !resolution.near_misses.is_empty() {
            finding = finding.fact(
                format!(
                    "Nearly the same, from the hosts file and the search list: {}.",
                    list(&resolution.near_misses)
                ),
                [],
            );
        }
        finding = match resolution.near_misses.first() {
            Some(near) => finding.command(
                format!("Check the spelling: did you mean {near}?"),
                getent(near),
            ),
            None => finding.action(format!("Check the spelling of {name}.")),
        };
        if let Some(first) = denying.first() {
            let kind = record(evidence.options.family);
            // As it was typed: what the search list makes of it may well be in no zone.
            let typed = resolution.names.iter().find(|tried| **tried == name);
            let asked = typed
                .or(resolution.names.first())
                .map_or(name, String::as_str);
            finding = finding
                .command(
                    "Ask the server again; the SOA record in its answer names the zone that lacks the name.",
                    dig(&first.endpoint, asked, kind),
                )
                .action(format!(
                    "If {name} should exist, have it added to its zone; if another network's servers know it, connect to that network \
                     or name one of them with --server."
                ));
        }
        if having.is_empty() {
            finding
        } else {
            finding.action(format!(
                "Make the servers agree, or put one that has the name first in the resolver's configuration: {}.",
                labels(having)
            ))
        }
    })
}

/// That a name under `.local` is not for name servers, and who answers for it here.
fn multicast(evidence: &Evidence, name: &str) -> Option<String> {
    let bare = name.strip_suffix('.').unwrap_or(name);
    if !bare.to_ascii_lowercase().ends_with(".local") {
        return None;
    }
    let words = evidence.source.resolver.as_ref().map(|r| &r.nsswitch);
    let asks = words.is_some_and(|words| {
        let mut words = words.iter();
        words.any(|word| word.starts_with("mdns") || word == "resolve")
    });
    let here = if asks {
        "what answers it (nss-mdns, systemd-resolved) stands in nsswitch.conf, and gave no address either: the host is off, on another link, \
         or its multicast is not let through."
    } else {
        "nothing that asks so (mdns, resolve) stands in the `hosts` line of nsswitch.conf."
    };
    Some(format!(
        "Names under .local are those of multicast DNS, asked of all hosts on the link and of no name server (RFC 6762 section 3); on this \
         machine {here}"
    ))
}
