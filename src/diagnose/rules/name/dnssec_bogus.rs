//! `dns-dnssec-bogus`: the servers refuse an answer whose signatures do not verify.

use crate::diagnose::{Explain, Judge, Judgement, Rule};
use crate::model::standing::Standing;
use crate::model::{Evidence, Finding, Id, Severity};

use super::digest::{Fault, Server, judge};
use super::wording::{dig, host, labels, record, verb, with_names, with_servers, with_sources};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::DnsDnssecBogus,
    explain: Explain {
        meaning: "The name has an answer, and the name servers withhold it because its DNSSEC signatures do not verify: they have expired, \
                  the keys at the parent and in the zone do not match, or somebody on the way changes answers.",
        proof: "Every server that answers says SERVFAIL, and the same server gives an answer when it is asked with checking disabled (the \
                CD bit, RFC 4035 section 3.2.2). Extended DNS errors that came with it (RFC 8914, codes 5 to 12 and 25) are quoted.",
        remedy: "It is for the owner of the zone to sign it anew, or to set the DS record at the parent right. Compare the clock of the \
                 resolver: a wrong one makes every signature expired. A resolver that has cached a bad key may need a restart.",
        lookalikes: "SERVFAIL also with checking disabled is `dns-servfail`: the servers of the zone themselves can't be reached.",
    },
    judge: Judge::Check(judgement),
};

fn judgement(evidence: &Evidence) -> Judgement {
    judge(evidence, Fault::Bogus, |resolution, servers| {
        let name = host(evidence);
        let bogus: Vec<&Server> = servers
            .iter()
            .filter(|server| server.standing == Standing::Bogus)
            .collect();
        let who = labels(bogus.iter().copied());
        let mut finding = Finding::new(
            Id::DnsDnssecBogus,
            Severity::Error,
            format!(
                "{who} {} {name}: its DNSSEC signatures do not verify",
                verb(bogus.len(), "withholds", "withhold")
            ),
        )
        .explained(
            "The name has an answer: it comes when the server is asked not to check. Checked, it fails, and the server answers SERVFAIL \
             instead, so that an application gets no address. The fault is with the zone's signatures or keys, or with the resolver's \
             clock or its copy of the keys.",
        );
        finding = with_servers(finding, evidence, resolution, servers);
        finding = with_sources(with_names(finding, resolution), resolution);
        let kind = record(evidence.options.family);
        let asked = resolution.names.first().map_or(name, String::as_str);
        if let Some(first) = bogus.first() {
            finding = finding
                .command(
                    "Read the extended error, and see the answer that is withheld:",
                    dig(&first.endpoint, asked, &format!("{kind} +dnssec +cd")),
                )
                .at(None, Some(first.endpoint.address.clone()));
        }
        finding
            .action(format!(
                "Tell the owner of the zone of {name} that its signatures do not verify."
            ))
            .command(
                "See whether this machine's clock is right; look at the resolver's, too:",
                "timedatectl",
            )
    })
}
