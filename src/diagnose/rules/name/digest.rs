//! What the resolution comes to: one decision, from what an application gets, then from what the servers that answer say.
//!
//! Pure. Each rule of this family asks for its own fault, so that two of them can't fire for the same evidence.

use crate::diagnose::{Judgement, Need};
use crate::model::options::Family;
use crate::model::resolution::{Resolution, ServerAnswer, SourceKind};
use crate::model::standing::Standing;
use crate::model::{Endpoint, Evidence, Finding, Outcome};

use super::wording::{label, said_by};

/// The port of name servers.
const PORT: u16 = 53;

/// Why an application gets no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The name does not exist.
    Nxdomain,
    /// The name has no address of the families asked for.
    NoAddress,
    /// The name is an alias of itself.
    AliasLoop,
    /// Every server that answers fails, also with checking disabled.
    Servfail,
    /// Every server that answers fails, and one of them does not with checking disabled: its proof does not verify.
    Bogus,
    /// Every server that answers refuses.
    Refused,
    /// No server answers.
    Timeout,
    /// No server is configured.
    NoServers,
}

/// What the resolution comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// There was nothing to ask: an address, or `--resolve`.
    NotAsked,
    /// Not all has been heard yet.
    Open,
    /// There are addresses.
    Resolved,
    /// There are none, and this is proven to be why.
    Fault(Fault),
    /// There are none, and what the sources say does not explain it: see [`account`].
    Unexplained,
}

/// A name server, and what it says of the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its address and port.
    pub endpoint: Endpoint,
    /// What it says.
    pub standing: Standing,
}

/// The families that an application asks for.
pub fn family(evidence: &Evidence) -> Family {
    let options = &evidence.options;
    let resolver = evidence.source.resolver.as_ref();
    resolver.map_or(options.family, |resolver| resolver.family(options))
}

/// The servers that were asked, in the order in which they are configured or were named, and what each says.
pub fn servers(evidence: &Evidence) -> Vec<Server> {
    let Some(resolution) = &evidence.resolution else {
        return Vec::new();
    };
    let configured = evidence
        .source
        .resolver
        .as_ref()
        .map_or(&[][..], |resolver| &resolver.servers);
    let named = &evidence.options.servers;
    let mut order: Vec<Endpoint> = Vec::new();
    let first = if named.is_empty() { configured } else { named };
    let asked = resolution.servers.iter().map(|answer| &answer.address);
    for server in first.iter().chain(asked) {
        let server = Endpoint {
            address: server.address.clone(),
            port: server.port.or(Some(PORT)),
        };
        if !order.contains(&server) {
            order.push(server);
        }
    }
    order
        .into_iter()
        .filter_map(|endpoint| {
            let standing = resolution.standing(&endpoint, family(evidence))?;
            Some(Server { endpoint, standing })
        })
        .collect()
}

/// What an application gets: the system's resolver, or the servers named with `--server`. `Timeout` is "still waiting".
fn application(resolution: &Resolution) -> Option<Outcome> {
    resolution
        .source(SourceKind::System)
        .map(|source| source.outcome)
}

/// Whether applications ask name servers at all (nsswitch.conf); without the file they do.
pub fn uses_dns(evidence: &Evidence) -> bool {
    evidence.source.resolver.as_ref().is_none_or(|resolver| {
        resolver.nsswitch.is_empty()
            || resolver
                .nsswitch
                .iter()
                .any(|word| word == "dns" || word == "resolve")
    })
}

/// Whether the hosts file has the name, with an address of any family.
fn in_hosts(evidence: &Evidence) -> bool {
    evidence
        .resolution
        .as_ref()
        .and_then(|resolution| resolution.source(SourceKind::Hosts))
        .is_some_and(|hosts| matches!(hosts.outcome, Outcome::Ok | Outcome::NoData))
}

/// Whether no server is configured and none was named.
pub fn none_configured(evidence: &Evidence) -> bool {
    evidence.options.servers.is_empty()
        && evidence
            .source
            .resolver
            .as_ref()
            .is_some_and(|resolver| resolver.servers.is_empty())
}

/// What the resolution comes to.
pub fn decide(evidence: &Evidence) -> Decision {
    let Some(resolution) = &evidence.resolution else {
        return Decision::Open;
    };
    let given = [
        SourceKind::Literal,
        SourceKind::Option,
        SourceKind::Provider,
    ];
    if given
        .into_iter()
        .any(|kind| resolution.source(kind).is_some())
    {
        return Decision::NotAsked;
    }
    if !resolution.addresses.is_empty() {
        return Decision::Resolved;
    }
    if !resolution.complete {
        return Decision::Open;
    }
    let servers = servers(evidence);
    let by_servers = decide_by_servers(evidence, &servers);
    let fault = match (application(resolution), by_servers) {
        // The first that answers has the name, and an application gets nothing: another thing is wrong.
        (_, None) => None,
        // A firm no comes from a source that firmly says no: from the servers, if one that an application may ask first does.
        (Some(Outcome::Nxdomain | Outcome::NoData), Some(fault)) => match fault {
            Fault::Nxdomain | Fault::NoAddress | Fault::AliasLoop => Some(fault),
            _ => None,
        },
        // A failure without a reason, or none yet: the servers say why. A no of one of them explains it only if none that answers has it.
        (_, Some(fault)) => {
            let firm = matches!(fault, Fault::Nxdomain | Fault::NoAddress);
            let failed = !matches!(application(resolution), None | Some(Outcome::Timeout));
            let contradicted = servers
                .iter()
                .any(|server| server.standing == Standing::Addresses);
            (!(firm && failed && contradicted)).then_some(fault)
        }
    };
    fault.map_or(Decision::Unexplained, Decision::Fault)
}

/// What the servers make of it, taken as an application's resolver takes them: the first that answers decides.
fn decide_by_servers(evidence: &Evidence, servers: &[Server]) -> Option<Fault> {
    let rotated = evidence
        .source
        .resolver
        .as_ref()
        .is_some_and(|resolver| resolver.rotate);
    let answers = || {
        servers
            .iter()
            .map(|server| server.standing)
            .filter(|standing| standing.is_answer())
    };
    let no = |standing| match standing {
        Standing::Nxdomain => Some(Fault::Nxdomain),
        Standing::NoData => Some(Fault::NoAddress),
        Standing::AliasLoop => Some(Fault::AliasLoop),
        _ => None,
    };
    if let Some(first) = answers().next() {
        // With `rotate` any of them may have been the first.
        return no(first).or_else(|| rotated.then(|| answers().find_map(no)).flatten());
    }
    let heard: Vec<Standing> = servers
        .iter()
        .map(|server| server.standing)
        .filter(|standing| standing.is_heard())
        .collect();
    let all = |of: &[Standing]| heard.iter().all(|standing| of.contains(standing));
    let unfinished = servers
        .iter()
        .any(|server| server.standing == Standing::Unfinished);
    if heard.is_empty() && unfinished {
        return None;
    }
    if heard.is_empty() {
        return match (none_configured(evidence), servers.is_empty()) {
            (true, _) => (uses_dns(evidence) && !in_hosts(evidence)).then_some(Fault::NoServers),
            (false, true) => None,
            (false, false) => Some(Fault::Timeout),
        };
    }
    if all(&[Standing::Servfail]) {
        Some(Fault::Servfail)
    } else if all(&[Standing::Servfail, Standing::Bogus]) {
        Some(Fault::Bogus)
    } else if all(&[Standing::Refused]) {
        Some(Fault::Refused)
    } else {
        None
    }
}

/// Judges for the rule of one fault.
pub(super) fn judge(
    evidence: &Evidence,
    fault: Fault,
    find: impl FnOnce(&Resolution, &[Server]) -> Finding,
) -> Judgement {
    let Some(resolution) = &evidence.resolution else {
        return Judgement::Unknown(vec![Need::Resolution]);
    };
    match decide(evidence) {
        Decision::Fault(found) if found == fault => {
            Judgement::fires(find(resolution, &servers(evidence)))
        }
        Decision::Open => Judgement::Unknown(vec![Need::Resolution]),
        // Nothing that could still be asked would tell which it is.
        Decision::Unexplained => Judgement::Unknown(Vec::new()),
        Decision::NotAsked | Decision::Resolved | Decision::Fault(_) => Judgement::Clear,
    }
}

/// The questions to name servers that never left this machine, because it has no route, no interface, no permission: then that is the
/// cause of what the servers do not say.
pub fn unreachable_servers(evidence: &Evidence) -> Vec<&ServerAnswer> {
    evidence
        .resolution
        .iter()
        .flat_map(|resolution| &resolution.servers)
        .filter(|answer| answer.outcome.is_local())
        .collect()
}

/// What the sources say, in a sentence, when an application gets no address and no rule of this family explains it; none otherwise.
pub fn account(evidence: &Evidence) -> Option<String> {
    let resolution = evidence.resolution.as_ref();
    if let Some(provider) = resolution.and_then(|r| r.source(SourceKind::Provider)) {
        return provider.error.clone();
    }
    let unexplained = decide(evidence) == Decision::Unexplained;
    let resolution = evidence.resolution.as_ref().filter(|_| unexplained)?;
    let mut said = Vec::new();
    if let Some(system) = resolution.source(SourceKind::System) {
        said.push(match (system.outcome, system.error.as_deref()) {
            (Outcome::Timeout, _) => "the system's resolver is still waiting".to_owned(),
            (_, words) => format!(
                "the system's resolver says {}",
                words.unwrap_or("that there is no address")
            ),
        });
    }
    for server in servers(evidence) {
        let words = said_by(resolution, &server, family(evidence));
        said.push(format!("{} {words}", label(&server.endpoint)));
    }
    if !uses_dns(evidence) {
        let line = evidence
            .source
            .resolver
            .as_ref()
            .map_or_else(String::new, |resolver| resolver.nsswitch.join(" "));
        said.push(format!(
            "nsswitch.conf says `hosts: {line}`, so that applications do not ask name servers"
        ));
    }
    (!said.is_empty()).then(|| said.join("; "))
}
