//! `dns-slow`: the name resolves, and takes long.

use crate::diagnose::{Explain, Judge, Judgement, Need, Rule};
use crate::model::resolution::SourceKind;
use crate::model::{Evidence, Finding, Id, Ms, Severity};

use super::digest::{Decision, decide, servers};
use super::wording::{getent, host, with_servers, with_sources};

/// The rule.
pub const RULE: Rule = Rule {
    id: Id::DnsSlow,
    explain: Explain {
        meaning: "The name resolves, but only after more than a second: every application that is started, or whose cache has run out, \
                  waits so long before its first packet.",
        proof: "The system's resolver, asked as an application asks it, took longer than 1 s for its answer (or had none by then, and the \
                servers asked directly did). How long each server took is listed beside it.",
        remedy: "See which step is slow: a server that answers slowly, a search list that tries other names first, or another source of \
                 names before DNS (mDNS, LDAP, a cache daemon; nsswitch.conf).",
        lookalikes: "A wait that a silent server makes is `dns-server-down`, one that a dropped record type makes `dns-type-unanswered`: \
                     then those stand alone.",
    },
    judge: Judge::Check(judgement),
};

/// A resolution that takes longer is slow.
const SLOW: Ms = Ms::from_millis(1000);

fn judgement(evidence: &Evidence) -> Judgement {
    let Some(resolution) = evidence.resolution.as_ref().filter(|r| r.complete) else {
        return Judgement::Unknown(vec![Need::Resolution]);
    };
    if decide(evidence) != Decision::Resolved {
        return Judgement::Clear;
    }
    // What makes it wait has a finding of its own.
    let explained = [super::server_down::RULE, super::type_unanswered::RULE]
        .iter()
        .any(|rule| match rule.judge {
            Judge::Check(judge) => matches!(judge(evidence), Judgement::Fires(_)),
            _ => false,
        });
    let source = resolution
        .source(SourceKind::System)
        .or_else(|| resolution.source(SourceKind::Dns));
    let Some((source, took)) = source
        .and_then(|source| Some((source, source.ms?)))
        .filter(|(_, took)| *took > SLOW && !explained)
    else {
        return Judgement::Clear;
    };
    let name = host(evidence);
    let still = source.outcome == crate::model::Outcome::Timeout;
    let title = if still {
        format!(
            "The system's resolver still has no answer for {name} after {took}, while name servers have one"
        )
    } else {
        format!("{name} took {took} to resolve")
    };
    let servers = servers(evidence);
    let quick = resolution
        .servers
        .iter()
        .filter_map(|answer| answer.ms)
        .max()
        .is_some_and(|slowest| slowest < SLOW);
    let mut finding = Finding::new(Id::DnsSlow, Severity::Warning, title).explained(if quick {
        "The name servers themselves answered in time: what takes long is another source that is asked before them, or this machine's \
         own resolver service."
    } else {
        "Every new connection of an application waits so long for its name, unless something caches it."
    });
    finding = with_sources(
        with_servers(finding, evidence, resolution, &servers),
        resolution,
    );
    Judgement::fires(
        finding
            .command(
                "Ask again as an application does, and take the time:",
                format!("time {}", getent(name)),
            )
            .command(
                "See which sources are asked, and in which order:",
                "grep hosts: /etc/nsswitch.conf; cat /etc/resolv.conf",
            ),
    )
}
