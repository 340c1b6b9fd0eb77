//! `dns-server-down`: one configured server is of no use while another answers.

use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::standing::Standing;
use crate::model::{Evidence, Finding, Id, Severity};

use super::digest::{Decision, Server, decide, servers};
use super::wording::{
    dig, host, label, labels, record, verb, with_account, with_servers, with_sources,
};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::DnsServerDown,
    explain: Explain {
        meaning: "One of the configured name servers does not answer, refuses or fails, while another one answers. Names resolve, but \
                  each first question to the broken server costs time, and there is one server less to fall back on.",
        proof: "Every configured server was asked the same questions directly. The broken one was silent to all of them, each sent twice, \
                or answered with an ICMP error, REFUSED or SERVFAIL; another gave an answer. What an application waits is computed from \
                the resolver's time-out, attempts and order of servers (glibc's res_send.c), and from what each server did.",
        remedy: "Repair the server, or take it out of the resolver's configuration. Until then, put a server that answers first, or \
                 shorten the wait with `options timeout:1 attempts:2` in resolv.conf.",
        lookalikes: "If no server answers it is dns-timeout. A server that this machine has no route to is not called down. A server \
                     that fails only because a signature does not verify is not down either.",
    },
    judge: Judge::Check(judgement),
};

/// Whether a server is of no use to this machine's applications, by its own fault or that of the way to it.
fn is_down(server: &Server) -> bool {
    match server.standing {
        Standing::Silent | Standing::Refused | Standing::Servfail | Standing::Broken => true,
        Standing::Unreachable(outcome) => !outcome.is_local(),
        _ => false,
    }
}

fn judgement(evidence: &Evidence) -> Judgement {
    let Some(resolution) = evidence
        .resolution
        .as_ref()
        .filter(|resolution| resolution.complete)
    else {
        return Judgement::Unknown(vec![Need::Resolution]);
    };
    if decide(evidence) == Decision::NotAsked {
        return Judgement::Clear;
    }
    let servers = servers(evidence);
    let down: Vec<&Server> = servers.iter().filter(|server| is_down(server)).collect();
    let (Some(first), Some(working)) = (
        down.first(),
        servers.iter().find(|server| server.standing.is_answer()),
    ) else {
        return Judgement::Clear;
    };

    let who = labels(down.iter().copied());
    let what = match first.standing {
        Standing::Refused => verb(down.len(), "refuses", "refuse"),
        Standing::Servfail => verb(down.len(), "fails (SERVFAIL)", "fail (SERVFAIL)"),
        Standing::Broken => verb(
            down.len(),
            "gives no usable answer",
            "give no usable answer",
        ),
        _ => verb(down.len(), "does not answer", "do not answer"),
    };
    let same = down.iter().all(|server| server.standing == first.standing);
    let what = if same { what } else { "are of no use" };
    let rotated = evidence
        .source
        .resolver
        .as_ref()
        .is_some_and(|resolver| resolver.rotate);
    let before = servers
        .iter()
        .take_while(|server| rotated || *server != working)
        .any(|server| server.standing == Standing::Silent);
    let cost = match resolution.application_delay_ms {
        Some(delay) if before => format!("an application waits {delay} for it"),
        _ => String::new(),
    };
    let title = format!(
        "Name server {who} {what}, while {} answers{}",
        label(&working.endpoint),
        if cost.is_empty() {
            String::new()
        } else {
            format!(": {cost}")
        }
    );
    let explanation = if !cost.is_empty() {
        "The resolver asks it before the one that answers, and waits for it at each question."
    } else if before && !evidence.options.servers.is_empty() {
        "An application that asks these servers in this order asks it before the one that answers, and waits for it at each question."
    } else if before {
        "The resolver may ask it before the one that answers. The system's resolver answered without that wait now, from a cache or another \
         source, or because it began with another server."
    } else {
        "It costs an application nothing as long as the servers before it answer, or as it fails at once; but there is one server less to \
         fall back on."
    };
    let mut finding =
        Finding::new(Id::DnsServerDown, Severity::Warning, title).explained(explanation);
    finding = with_account(finding, evidence, resolution);
    finding = with_servers(finding, evidence, resolution, &servers);
    finding = with_sources(finding, resolution)
        .at(None, Some(first.endpoint.address.clone()))
        .command(
            format!("Ask {} again.", label(&first.endpoint)),
            dig(
                &first.endpoint,
                resolution
                    .names
                    .first()
                    .map_or_else(|| host(evidence), String::as_str),
                record(evidence.options.family),
            ),
        );
    Judgement::fires(finding.action(
        "Repair it or take it out of the resolver's configuration; until then put a server that answers first.",
    ))
}
