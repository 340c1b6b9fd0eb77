//! `dns-refused`: every server that answers refuses.

use crate::diagnose::{Explain, Judge, Judgement, Rule};
use crate::model::standing::Standing;
use crate::model::{Evidence, Finding, Id, Severity};

use super::digest::{Fault, Server, judge};
use super::wording::{dig, host, labels, record, verb, with_names, with_servers, with_sources};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::DnsRefused,
    explain: Explain {
        meaning: "The name servers were reached and do not want to answer this machine (REFUSED). Mostly the server serves other clients, \
                  or only its own zones, and is the wrong one for this machine to ask.",
        proof: "Every configured server that answers says REFUSED, and the system's resolver gives no address.",
        remedy: "Configure a name server that is meant for this machine, or have this machine's address allowed on the server (an access \
                 list, recursion for its network). After a change of network or VPN, see that the resolver's configuration followed.",
        lookalikes: "A server that tries and fails is dns-servfail. A server that does not listen is dns-timeout with port unreachable. \
                     Some servers refuse only names outside of their own zones.",
    },
    judge: Judge::Check(judgement),
};

fn judgement(evidence: &Evidence) -> Judgement {
    judge(evidence, Fault::Refused, |resolution, servers| {
        let name = host(evidence);
        let refusing: Vec<&Server> = servers
            .iter()
            .filter(|server| server.standing == Standing::Refused)
            .collect();
        let who = labels(refusing.iter().copied());
        let mut finding = Finding::new(
            Id::DnsRefused,
            Severity::Error,
            format!(
                "{who} {} to answer for {name} (REFUSED)",
                verb(refusing.len(), "refuses", "refuse")
            ),
        )
        .explained(
            "The name server was reached and does not want to answer this machine: it serves other clients or only its own zones. \
             Nothing is said about the name itself.",
        );
        finding = with_servers(finding, evidence, resolution, servers);
        finding = with_sources(with_names(finding, resolution), resolution);
        let asked = resolution.names.first().map_or(name, String::as_str);
        if let Some(first) = refusing.first() {
            finding = finding.command(
                "Ask the server again.",
                dig(&first.endpoint, asked, record(evidence.options.family)),
            );
        }
        let from = evidence
            .source
            .resolver
            .as_ref()
            .and_then(|resolver| resolver.file.as_deref())
            .filter(|_| evidence.options.servers.is_empty());
        finding = match from {
            Some(file) => finding.command(
                "See whether these are the servers of the network that this machine is in now.",
                format!("cat {file}"),
            ),
            None => finding.action("Name a server that is meant for this machine with --server."),
        };
        finding.action(format!(
            "Have the owner of {who} allow this machine's address, or use another server."
        ))
    })
}
