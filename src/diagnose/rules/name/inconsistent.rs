//! `dns-inconsistent`: the sources of a name contradict each other.

use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::resolution::{Resolution, SourceKind};
use crate::model::standing::Standing;
use crate::model::text::list;
use crate::model::{Address, Evidence, Finding, Id, Outcome, Severity};

use super::digest::{Decision, Server, decide, family, servers};
use super::wording::{dig, host, label, labels, record, with_account, with_servers, with_sources};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::DnsInconsistent,
    explain: Explain {
        meaning: "Two sources of this machine say different things of the name: one name server has it and another says that there is no \
                  such name; one gives private addresses and another public ones; or the hosts file overrides what DNS says. Which one an \
                  application gets depends on which is asked first.",
        proof: "Every configured server was asked the same questions directly, and the hosts file was read. Differing public addresses \
                are no contradiction: content networks give each asker its own.",
        remedy: "Configure only servers that know the same names. For split DNS use a resolver that sends each zone to its own servers \
                 (systemd-resolved's routing domains, dnsmasq's `server=/zone/`, unbound's forward zones). Remove an entry of the hosts \
                 file that is no longer meant.",
        lookalikes: "A server that does not answer at all is `dns-server-down`. When the first server says that there is no such name, \
                     `dns-nxdomain` stands beside this: an application's resolver asks no further.",
    },
    judge: Judge::Check(judgement),
};

/// How the sources contradict each other.
enum Contradiction<'a> {
    /// These have the name, those say no.
    Existence(Vec<&'a Server>, Vec<&'a Server>),
    /// These give private addresses, those public ones.
    Scope(&'a Server, &'a Server),
    /// The hosts file has other addresses than this server.
    Hosts(Vec<Address>, &'a Server),
}

fn judgement(evidence: &Evidence) -> Judgement {
    let Some(resolution) = evidence.resolution.as_ref().filter(|r| r.complete) else {
        return Judgement::Unknown(vec![Need::Resolution]);
    };
    if decide(evidence) == Decision::NotAsked {
        return Judgement::Clear;
    }
    let servers = servers(evidence);
    let Some(contradiction) = contradiction(evidence, resolution, &servers) else {
        return Judgement::Clear;
    };
    let name = host(evidence);
    let (title, explanation, asked) = match &contradiction {
        Contradiction::Existence(having, denying) => (
            format!(
                "{} {} {name}, and by {} there is no such name",
                labels(having.iter().copied()),
                super::wording::verb(having.len(), "has", "have"),
                labels(denying.iter().copied())
            ),
            "The first server that answers decides, and “no such name” is an answer: whoever asks the one that says no first gets no address.",
            denying.first().copied(),
        ),
        Contradiction::Scope(private, public) => (
            format!(
                "{} gives private addresses for {name}, and {} public ones",
                label(&private.endpoint),
                label(&public.endpoint)
            ),
            "Which network an application talks to depends on which server answers it: inside and outside views of the zone are mixed.",
            Some(*public),
        ),
        Contradiction::Hosts(addresses, server) => (
            format!(
                "The hosts file has {} for {name}, and {} has other addresses",
                list(addresses),
                label(&server.endpoint)
            ),
            "The hosts file comes first: applications here go to that address, and to another than everybody else. If it is a leftover, \
             they go to the wrong host.",
            Some(*server),
        ),
    };
    let mut finding =
        Finding::new(Id::DnsInconsistent, Severity::Warning, title).explained(explanation);
    finding = with_account(finding, evidence, resolution);
    finding = with_servers(finding, evidence, resolution, &servers);
    if let Contradiction::Hosts(addresses, _) = &contradiction {
        finding = finding.fact(format!("The hosts file has {}.", list(addresses)), []);
    }
    finding = with_sources(finding, resolution);
    if let Some(server) = asked {
        let name = resolution.names.first().map_or(name, String::as_str);
        finding = finding
            .command(
                format!("Ask {} again:", label(&server.endpoint)),
                dig(&server.endpoint, name, record(evidence.options.family)),
            )
            .at(None, Some(server.endpoint.address.clone()));
    }
    Judgement::fires(match contradiction {
        Contradiction::Hosts(..) => finding.command("See the entry, and remove it if it is no longer meant:", format!("grep -n -i -w '{name}' /etc/hosts")),
        _ => finding.action("Configure only servers that know the same names, or a resolver that sends each zone to its own servers."),
    })
}

fn contradiction<'a>(
    evidence: &Evidence,
    resolution: &Resolution,
    servers: &'a [Server],
) -> Option<Contradiction<'a>> {
    let with = |standings: &[Standing]| -> Vec<&'a Server> {
        servers
            .iter()
            .filter(|server| standings.contains(&server.standing))
            .collect()
    };
    let having = with(&[Standing::Addresses]);
    let denying = with(&[Standing::Nxdomain, Standing::NoData]);
    if !having.is_empty() && !denying.is_empty() {
        return Some(Contradiction::Existence(having, denying));
    }
    let family = family(evidence);
    let of = |server: &Server| resolution.addresses_from(&server.endpoint, family);
    let scope = |private: bool| {
        having.iter().copied().find(|server| {
            let addresses = of(server);
            !addresses.is_empty()
                && addresses
                    .iter()
                    .all(|address| address.is_private() == private)
        })
    };
    if let (Some(private), Some(public)) = (scope(true), scope(false)) {
        return Some(Contradiction::Scope(private, public));
    }
    // What applications get is the hosts file's, where that is asked before DNS.
    let hosts = resolution
        .source(SourceKind::Hosts)
        .filter(|hosts| hosts.outcome == Outcome::Ok)?;
    let first = having.first().copied()?;
    let by_dns = of(first);
    let differs = |v6: bool| {
        let ours: Vec<&Address> = hosts
            .addresses
            .iter()
            .filter(|a| a.is_ipv6() == v6)
            .collect();
        let theirs: Vec<&Address> = by_dns.iter().filter(|a| a.is_ipv6() == v6).collect();
        !ours.is_empty()
            && !theirs.is_empty()
            && !ours.iter().any(|address| theirs.contains(address))
    };
    // A machine's own name commonly stands there with a loopback address (Debian's 127.0.1.1).
    let own_name = hosts
        .addresses
        .iter()
        .all(|address| address.ip().is_loopback());
    (hosts_come_first(evidence) && !own_name && (differs(false) || differs(true)))
        .then(|| Contradiction::Hosts(hosts.addresses.clone(), first))
}

/// Whether the hosts file is asked before name servers (nsswitch.conf); without the file it is.
fn hosts_come_first(evidence: &Evidence) -> bool {
    evidence.source.resolver.as_ref().is_none_or(|resolver| {
        let place = |names: &[&str]| {
            resolver
                .nsswitch
                .iter()
                .position(|word| names.contains(&word.as_str()))
        };
        match (place(&["files"]), place(&["dns", "resolve"])) {
            (Some(files), Some(dns)) => files < dns,
            (None, _) => resolver.nsswitch.is_empty(),
            (Some(_), None) => true,
        }
    })
}
