//! `dns-no-servers`: no name server is configured, and the hosts file does not have the name.

use crate::diagnose::{Explain, Judge, Judgement, Rule};
use crate::model::{Evidence, Finding, Id, Severity};

use super::digest::{Fault, judge};
use super::wording::{host, label, observations, with_names, with_sources};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::DnsNoServers,
    explain: Explain {
        meaning: "This machine has no name server configured, and the hosts file does not have the name. No name but those of the hosts \
                  file can be resolved here.",
        proof: "The resolver's configuration names no server, or there is no such file. The system's resolver then asks this machine \
                itself (127.0.0.1), where nothing answered, and the hosts file was read and does not have the name.",
        remedy: "Configure a name server: through DHCP or the network manager, or in resolv.conf. In a container, see what its engine \
                 writes there. For a single name, a line in the hosts file is enough.",
        lookalikes: "Servers that are configured and do not answer are dns-timeout. A machine whose nsswitch.conf does not let \
                     applications ask DNS at all is another thing, and is said as such.",
    },
    judge: Judge::Check(judgement),
};

fn judgement(evidence: &Evidence) -> Judgement {
    judge(evidence, Fault::NoServers, |resolution, servers| {
        let name = host(evidence);
        let file = evidence
            .source
            .resolver
            .as_ref()
            .and_then(|resolver| resolver.file.as_deref());
        let mut finding = Finding::new(
            Id::DnsNoServers,
            Severity::Error,
            format!("No name server is configured, and {name} is not in the hosts file"),
        )
        .explained(
            "The system's resolver has nobody to ask but this machine itself, where no name server answers: no name can be resolved here \
             but those of the hosts file.",
        );
        finding = match file {
            Some(file) => finding.fact(format!("{file} names no server that can be used."), []),
            None => finding.fact(
                "There is no resolver configuration (resolv.conf) that can be read.",
                [],
            ),
        };
        for server in servers {
            let asked = label(&server.endpoint);
            finding = finding.fact(
                format!("{asked}, which the system's resolver asks instead, does not answer."),
                observations(resolution, &server.endpoint),
            );
        }
        finding = with_sources(with_names(finding, resolution), resolution);
        finding
            .command(
                "See what is configured.",
                format!("cat {}", file.unwrap_or("/etc/resolv.conf")),
            )
            .action("Configure a name server, through DHCP or the network manager or by a `nameserver` line there.")
            .action(format!(
                "For this name alone: a line with its address and {name} in the hosts file, or --resolve."
            ))
    })
}
