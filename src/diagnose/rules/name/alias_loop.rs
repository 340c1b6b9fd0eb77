//! `dns-alias-loop`: the name is an alias that leads back to itself.

use crate::diagnose::{Explain, Judge, Judgement, Rule};
use crate::model::resolution::ServerAnswer;
use crate::model::{Evidence, Finding, Id, Outcome, Severity};

use super::digest::{Fault, judge};
use super::wording::{dig, host, label, record, with_names, with_servers, with_sources};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::DnsAliasLoop,
    explain: Explain {
        meaning: "The name is an alias (CNAME) whose chain returns to a name that it already passed, or is longer than a resolver follows. \
                  It never comes to an address.",
        proof: "The answer of the first name server that answers holds the chain, and following it from the name asked for comes back to \
                an earlier name or passes more than sixteen aliases. The chain is shown as it was answered.",
        remedy: "The owner of the zone must point one of the aliases to a name with an address. Chains mostly come to this after a \
                 migration between two providers, each of which points to the other.",
        lookalikes: "Many resolvers answer SERVFAIL for such a chain, without showing it: then it is dns-servfail. A chain that ends at a \
                     name without an address is dns-no-address.",
    },
    judge: Judge::Check(judgement),
};

fn judgement(evidence: &Evidence) -> Judgement {
    judge(evidence, Fault::AliasLoop, |resolution, servers| {
        let name = host(evidence);
        let looping: Option<&ServerAnswer> = resolution
            .servers
            .iter()
            .find(|answer| answer.outcome == Outcome::AliasLoop);
        let links: Vec<&str> = looping
            .into_iter()
            .flat_map(|answer| &answer.answers)
            .filter_map(|text| text.strip_prefix("CNAME "))
            .map(|target| target.strip_suffix('.').unwrap_or(target))
            .collect();
        let start = looping.map_or(name, |answer| answer.name.as_str());
        let long = links.len() > 16;
        let title = if long {
            format!("{name} is a chain of more than 16 aliases, which no resolver follows")
        } else {
            format!("{name} is an alias that leads back to itself")
        };
        let mut finding = Finding::new(Id::DnsAliasLoop, Severity::Error, title).explained(
            "The aliases never come to a name with an address, so that an application gets none. Only the owner of the zone can mend it.",
        );
        if let Some(answer) = looping {
            let mut chain = vec![start];
            chain.extend(links.iter().take(6));
            if links.len() > 6 {
                chain.push("…");
            }
            finding = finding.fact(
                format!("{} answers: {}.", label(&answer.address), chain.join(" → ")),
                answer.observation,
            );
        }
        finding = with_servers(finding, evidence, resolution, servers);
        finding = with_sources(with_names(finding, resolution), resolution);
        if let Some(answer) = looping {
            finding = finding.command(
                "See the chain.",
                dig(&answer.address, start, record(evidence.options.family)),
            );
        }
        finding.action(
            "Have the owner of the zone point one of these aliases to a name that has an address.",
        )
    })
}
