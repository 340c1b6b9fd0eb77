//! `dns-timeout`: no configured server answers.

use crate::diagnose::{Explain, Judge, Judgement, Rule};
use crate::model::resolution::Transport;
use crate::model::standing::Standing;
use crate::model::{Evidence, Finding, Id, Outcome, Severity};

use super::digest::{Fault, Server, judge, unreachable_servers};
use super::wording::{
    answers_of, dig, host, label, labels, with_names, with_servers, with_sources,
};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::DnsTimeout,
    explain: Explain {
        meaning: "None of the name servers answers, so that no name can be resolved by them. The servers are down, something on the way \
                  drops the questions, or this machine has no way to them.",
        proof: "Every configured server was asked directly over UDP, the question sent twice, and nothing came back, or an ICMP error or \
                an error of this machine did. Each server's line says whether its host answers at all (port unreachable proves that it \
                is up) and whether TCP/53 works where UDP/53 does not.",
        remedy: "Check the way to the servers first (route, VPN, firewall), then the servers themselves. Where TCP works and UDP does \
                 not, a firewall or a full connection table drops UDP: allow UDP port 53 both ways. Where nothing listens, start the \
                 service or correct the resolver's configuration.",
        lookalikes: "A machine without a route can't reach any server: then the route is the cause. A server that answers with a failure \
                     is dns-servfail or dns-refused. One dead server beside one that answers is the warning dns-server-down.",
    },
    judge: Judge::Check(judgement),
};

fn judgement(evidence: &Evidence) -> Judgement {
    judge(evidence, Fault::Timeout, |resolution, servers| {
        let name = host(evidence);
        let all = labels(servers);
        let local = unreachable_servers(evidence);
        let of = |wanted: &[Standing]| servers.iter().all(|s| wanted.contains(&s.standing));
        let none_left = servers.iter().all(|server| {
            matches!(server.standing, Standing::Unreachable(outcome) if outcome.is_local())
        });
        let not_listening = of(&[
            Standing::Unreachable(Outcome::PortUnreachable),
            Standing::Unreachable(Outcome::Refused),
        ]);
        let tcp_works: Vec<&Server> = servers
            .iter()
            .filter(|server| {
                answers_of(resolution, &server.endpoint).any(|answer| {
                    answer.transport == Transport::Tcp
                        && answer.is_heard()
                        && answer.outcome != Outcome::Malformed
                })
            })
            .collect();
        let several = servers.len() > 1;
        let title = match (none_left, not_listening, several) {
            (true, _, true) => {
                format!("None of the name servers can be asked from this machine: {all}")
            }
            (true, _, false) => format!("The name server {all} can't be asked from this machine"),
            (_, true, true) => format!("None of the name servers listens: {all}"),
            (_, true, false) => {
                format!("The name server {all} does not listen: its host is up, its port is closed")
            }
            (_, _, true) => format!("None of the name servers answers: {all}"),
            (_, _, false) => format!("The name server {all} does not answer"),
        };
        let first = if none_left {
            format!(
                "The questions for {name} did not leave this machine, so that nothing is known about the name or the servers."
            )
        } else if not_listening {
            format!(
                "The hosts are up and nothing there takes the questions for {name}: the service does not run, or it is the wrong host."
            )
        } else {
            format!(
                "Without an answer from one of them an application gets no address for {name}; nothing is known about the name itself."
            )
        };
        let mut explanation = vec![first];
        if !tcp_works.is_empty() {
            explanation.push(format!(
                "{} works over TCP: something on the way or at the server drops UDP, which resolvers use first.",
                labels(tcp_works.iter().copied())
            ));
        }
        if let Some(delay) = resolution.application_delay_ms {
            explanation.push(format!(
                "An application waits {delay} before it is told, by the time-outs of the resolver's configuration."
            ));
        }
        let mut finding =
            Finding::new(Id::DnsTimeout, Severity::Error, title).explained(explanation.join(" "));
        finding = with_servers(finding, evidence, resolution, servers);
        if !none_left && !local.is_empty() {
            finding = finding.fact(
                "Some questions did not even leave this machine.",
                local.iter().filter_map(|answer| answer.observation),
            );
        }
        finding = with_sources(with_names(finding, resolution), resolution);
        let Some(first) = tcp_works.first().copied().or(servers.first()) else {
            return finding;
        };
        finding = finding.at(None, Some(first.endpoint.address.clone()));
        let server = &first.endpoint;
        if local.is_empty() && !not_listening {
            let address = &server.address;
            finding = finding.command(
                format!("Where do the questions to {} end?", label(server)),
                format!("nwcheck trace {address}"),
            );
        } else if local.iter().any(|answer| answer.outcome == Outcome::Denied) {
            finding = finding.command(
                "Find the rule of this machine's firewall that drops the questions.",
                "sudo nft list ruleset",
            );
        } else if !local.is_empty() {
            finding = finding.command(
                "Restore this machine's way to the server: a route, the VPN, the interface.",
                format!("ip route get {}", server.address.ip()),
            );
        }
        if none_left {
            return finding;
        }
        finding = finding.command(
            format!("Ask {} again, over UDP; with +tcp over TCP.", label(server)),
            dig(server, ".", "NS"),
        );
        if not_listening
            && servers
                .iter()
                .any(|server| server.endpoint.is_resolved_stub())
        {
            return finding.command(
                "This address is the stub of systemd-resolved, on this machine: start that, or have /etc/resolv.conf name other servers.",
                "systemctl status systemd-resolved",
            );
        }
        finding.action(if not_listening {
            "Start the name service there, or correct the server's address in the resolver's configuration."
        } else if tcp_works.is_empty() {
            "If the way is open, see that the servers run, and that they are the ones of the network that this machine is in now."
        } else {
            "Have UDP port 53 to the server, and its answers, allowed by the firewalls on the way."
        })
    })
}
