//! `dns-servfail`: every server that answers fails.

use crate::diagnose::{Explain, Judge, Judgement, Rule};
use crate::model::standing::Standing;
use crate::model::{Evidence, Finding, Id, Outcome, Severity};

use super::digest::{Fault, Server, judge};
use super::wording::{
    answers_of, dig, host, labels, record, verb, with_names, with_servers, with_sources,
};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::DnsServfail,
    explain: Explain {
        meaning: "The name servers were reached and could not find out about the name (SERVFAIL). The fault lies behind them: the servers \
                  of the zone do not answer, the delegation is broken, or the server itself can't reach the internet.",
        proof: "Every configured server that answers says SERVFAIL, and says it again with checking disabled (the CD bit), so that a \
                signature that does not verify is not the reason. Extended DNS errors (RFC 8914) that came with it are quoted. A \
                server that does not answer the question with checking disabled leaves that open, and the evidence says so.",
        remedy: "Look into the name server's own log, and whether it reaches the servers of the zone. Ask another resolver to tell a \
                 fault of this one from a fault of the zone. If all names fail, restart the resolver or restore its way out.",
        lookalikes: "SERVFAIL that turns into an answer with checking disabled is a fault of the zone's signatures. REFUSED is a server \
                     that does not want to (dns-refused), silence one that can't be reached (dns-timeout).",
    },
    judge: Judge::Check(judgement),
};

fn judgement(evidence: &Evidence) -> Judgement {
    judge(evidence, Fault::Servfail, |resolution, servers| {
        let name = host(evidence);
        let failing: Vec<&Server> = servers
            .iter()
            .filter(|server| server.standing == Standing::Servfail)
            .collect();
        let who = labels(failing.iter().copied());
        let unchecked = failing.iter().any(|server| {
            answers_of(resolution, &server.endpoint)
                .any(|answer| answer.checking_disabled && answer.outcome == Outcome::Servfail)
        });
        let signatures = if unchecked {
            "It fails with checking disabled too, so that a signature that does not verify is not the reason."
        } else {
            "Whether a signature that does not verify is the reason could not be told: the question with checking disabled got no answer."
        };
        let mut finding = Finding::new(
            Id::DnsServfail,
            Severity::Error,
            format!(
                "{who} {} to resolve {name} (SERVFAIL)",
                verb(failing.len(), "fails", "fail")
            ),
        )
        .explained(format!(
            "The name server was reached and could not find out about the name: the fault is behind it, at the servers of the zone or \
             on its own way to them. {signatures}"
        ));
        finding = with_servers(finding, evidence, resolution, servers);
        finding = with_sources(with_names(finding, resolution), resolution);
        let asked = resolution
            .servers
            .iter()
            .find(|answer| answer.outcome == Outcome::Servfail)
            .map_or(name, |answer| answer.name.as_str());
        let kind = record(evidence.options.family);
        if let Some(first) = failing.first() {
            finding = finding
                .command(
                    "Ask again, and read the extended error that comes with it.",
                    dig(&first.endpoint, asked, kind),
                )
                .command(
                    "Does the server resolve any name? If not, it is the server or its way out, not this zone.",
                    dig(&first.endpoint, ".", "NS"),
                );
        }
        finding.action(format!(
            "Look into the log of {who}: which server of the zone does not answer it? Another resolver (--server) tells whose fault it is."
        ))
    })
}
