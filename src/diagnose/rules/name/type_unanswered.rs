//! `dns-type-unanswered`: a server answers for one record type and is silent to the other.

use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::options::Family;
use crate::model::resolution::Resolution;
use crate::model::{Endpoint, Evidence, Finding, Id, ObservationId, Outcome, Severity};

use super::digest::{Decision, Server, decide, family, servers};
use super::wording::{answers_of, dig, host, label, with_sources};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::DnsTypeUnanswered,
    explain: Explain {
        meaning: "The name server answers questions for one record type (A, say) and drops those for the other (AAAA). Applications ask \
                  for both at once and wait for the second answer until the resolver gives up.",
        proof: "The same server was asked for both types at the same moment; one was answered, the other not, though it was sent twice, and \
                nothing came over TCP in its place.",
        remedy: "Repair or replace the server or the middlebox that drops the question. Until then `options single-request` in \
                 resolv.conf helps where the two questions disturb each other, and `options no-aaaa` (glibc 2.36) where IPv6 is not used.",
        lookalikes: "A server that answers neither is `dns-server-down` or `dns-timeout`. An answer without records of a type is no \
                     fault, nor silence to AAAA where `options no-aaaa` keeps applications from asking for it.",
    },
    judge: Judge::Check(judgement),
};

/// What one server leaves unanswered.
struct Unanswered<'a> {
    server: &'a Server,
    answered: &'a str,
    dropped: &'a str,
    name: &'a str,
    observations: Vec<ObservationId>,
}

fn judgement(evidence: &Evidence) -> Judgement {
    let Some(resolution) = evidence.resolution.as_ref().filter(|r| r.complete) else {
        return Judgement::Unknown(vec![Need::Resolution]);
    };
    if decide(evidence) == Decision::NotAsked || family(evidence) != Family::Any {
        return Judgement::Clear;
    }
    let servers = servers(evidence);
    let Some(first) = servers
        .iter()
        .find_map(|server| unanswered(resolution, server))
    else {
        return Judgement::Clear;
    };
    let server = label(&first.server.endpoint);
    let cost = resolution
        .application_delay_ms
        .map_or_else(String::new, |delay| {
            format!(": an application waits {delay} for it")
        });
    let finding = Finding::new(
        Id::DnsTypeUnanswered,
        Severity::Warning,
        format!("{server} answers for {} of {}, and never for {}{cost}", first.answered, host(evidence), first.dropped),
    )
    .explained(format!(
        "Applications ask for both record types at once, and the system's resolver waits for both answers. Something drops the question \
         for {} or its answer: the server itself, or a middlebox before it.",
        first.dropped
    ))
    .fact(
        format!("Asked for {} and {} at the same time, {server} answered the first at once and the second not, though it was sent twice.", first.answered, first.dropped),
        first.observations.clone(),
    )
    .at(None, Some(first.server.endpoint.address.clone()));
    Judgement::fires(
        with_sources(finding, resolution)
            .command(format!("Ask {server} again:"), dig(&first.server.endpoint, first.name, first.dropped))
            .action(format!("Ask the owner of {server} why questions for {} stay unanswered; an empty answer would be right where there is no such record.", first.dropped)),
    )
}

fn unanswered<'a>(resolution: &'a Resolution, server: &'a Server) -> Option<Unanswered<'a>> {
    resolution.names.iter().find_map(|name| {
        let answers = |record: &str| of(resolution, &server.endpoint, name, record);
        let (a, aaaa) = (answers("A"), answers("AAAA"));
        let (answered, dropped) = match (a, aaaa) {
            (Fate::Answered, Fate::Dropped) => ("A", "AAAA"),
            (Fate::Dropped, Fate::Answered) => ("AAAA", "A"),
            _ => return None,
        };
        let observations = answers_of(resolution, &server.endpoint)
            .filter(|answer| answer.name == *name)
            .filter_map(|answer| answer.observation)
            .collect();
        Some(Unanswered {
            server,
            answered,
            dropped,
            name,
            observations,
        })
    })
}

/// What became of one name and type at a server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Answered,
    Dropped,
    /// Another transport had to take its place, or it was not asked, or not for long enough.
    Unclear,
}

fn of(resolution: &Resolution, server: &Endpoint, name: &str, record: &str) -> Fate {
    let asked: Vec<_> = answers_of(resolution, server)
        .filter(|a| a.name == name && a.record == record && !a.checking_disabled)
        .collect();
    // Over TCP it is asked in place of UDP, or beside it once that is silent.
    let transport = asked.iter().map(|answer| answer.transport).min();
    let mut first = asked.iter().filter(|a| Some(a.transport) == transport);
    if first.any(|answer| answer.is_heard()) {
        Fate::Answered
    } else if !asked.is_empty() && asked.iter().all(|a| a.outcome == Outcome::Timeout) {
        Fate::Dropped
    } else {
        Fate::Unclear
    }
}
