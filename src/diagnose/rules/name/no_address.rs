//! `dns-no-address`: the name exists, without an address of the families asked for.

use crate::diagnose::{Explain, Judge, Judgement, Rule};
use crate::model::options::Family;
use crate::model::resolution::ServerAnswer;
use crate::model::standing::Standing;
use crate::model::text::list;
use crate::model::{Evidence, Finding, Id, Outcome, Severity};

use super::digest::{Fault, family, judge};
use super::wording::{
    dig, host, labels, record, records, verb, with_names, with_servers, with_sources,
};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::DnsNoAddress,
    explain: Explain {
        meaning: "The name exists in DNS and has no address of the family asked for: no A record for IPv4, no AAAA record for IPv6. An \
                  application gets no address and never tries to connect.",
        proof: "The first name server that answers says NOERROR without a record of the types asked for (NODATA), and the system's \
                resolver gives no address. With -4 or -6 the other family is asked for too, and the finding says whether the name has \
                addresses there. An alias (CNAME) that leads to a name without addresses is named.",
        remedy: "Ask for the family that the name has (without -4 or -6), correct the name, or have the owner of the zone add the \
                 record. An alias whose target is gone must be pointed to one that is there.",
        lookalikes: "A name that does not exist at all is dns-nxdomain. Some name servers and firewalls wrongly answer NODATA for AAAA, \
                     or NXDOMAIN for a name that has only other records.",
    },
    judge: Judge::Check(judgement),
};

fn judgement(evidence: &Evidence) -> Judgement {
    judge(evidence, Fault::NoAddress, |resolution, servers| {
        let name = host(evidence);
        let family = family(evidence);
        // Nobody asked for one family alone: the resolver is configured so.
        let configured = family != evidence.options.family;
        let what = match family {
            Family::Any => "no address",
            Family::Ipv4 => "no IPv4 address",
            Family::Ipv6 => "no IPv6 address",
        };
        let saying: Vec<_> = servers
            .iter()
            .filter(|server| server.standing == Standing::NoData)
            .collect();
        let who = labels(saying.iter().copied());
        let other_records: Vec<&ServerAnswer> = resolution
            .servers
            .iter()
            .filter(|answer| {
                answer.outcome == Outcome::Ok
                    && answer.addresses().any(|address| !family.admits(&address))
            })
            .collect();
        let alias = resolution.servers.iter().find_map(|answer| {
            let last = answer
                .answers
                .iter()
                .rfind(|text| text.starts_with("CNAME "))?;
            Some((last.strip_prefix("CNAME ")?, answer.observation))
        });
        let mut explanation = format!(
            "The name exists, and the name server says that it has no {} record, so that an application gets no address for it.",
            records(family)
        );
        if !other_records.is_empty() {
            explanation.push_str(match family {
                _ if configured => " It has IPv6 addresses, which `options no-aaaa` in resolv.conf keeps applications from asking for.",
                Family::Ipv4 => " It has IPv6 addresses, which -4 leaves out.",
                _ => " It has IPv4 addresses, which -6 leaves out.",
            });
        }
        let mut finding = Finding::new(
            Id::DnsNoAddress,
            Severity::Error,
            format!(
                "{name} has {what}: {who} {} without a record of that type",
                verb(saying.len(), "answers", "answer")
            ),
        )
        .explained(explanation);
        finding = with_servers(finding, evidence, resolution, servers);
        for answer in other_records.iter().take(2) {
            let found: Vec<String> = answer.addresses().take(4).map(|a| a.to_string()).collect();
            finding = finding.fact(
                format!("It has {} {}.", answer.record, list(&found)),
                answer.observation,
            );
        }
        if let Some((target, observation)) = alias {
            finding = finding.fact(
                format!("{name} is an alias, which leads to {target}"),
                observation,
            );
        }
        finding = with_sources(with_names(finding, resolution), resolution);
        if !other_records.is_empty() {
            finding = finding.action(match family {
                _ if configured => {
                    "If IPv6 is used here, take `no-aaaa` out of the options of resolv.conf."
                }
                Family::Ipv4 => "Check it without -4: it has IPv6 addresses.",
                _ => "Check it without -6: it has IPv4 addresses.",
            });
        }
        if let Some(first) = saying.first() {
            let asked = resolution.names.first().map_or(name, String::as_str);
            finding = finding.command(
                "Ask the server again.",
                dig(&first.endpoint, asked, record(family)),
            );
        }
        finding.action(format!(
            "Correct the name, or have {} added to its zone.",
            match family {
                Family::Any => "an address",
                Family::Ipv4 => "an A record",
                Family::Ipv6 => "an AAAA record",
            }
        ))
    })
}
