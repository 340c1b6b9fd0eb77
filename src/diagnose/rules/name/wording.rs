//! What the rules on the name have in common to say: servers, what they said, and commands that ask them again.
//!
//! Pure.

use crate::model::options::Family;
use crate::model::resolution::{Resolution, ServerAnswer, SourceKind, Transport};
use crate::model::standing::Standing;
use crate::model::text::list;
use crate::model::{Endpoint, Evidence, Finding, ObservationId, Outcome};

use super::digest::{Server, family};

/// A server as a person writes it: without the port that all of them have.
pub(super) fn label(server: &Endpoint) -> String {
    match server.port {
        None | Some(53) => server.address.to_string(),
        Some(_) => server.to_string(),
    }
}

/// The servers, as they stand in a sentence.
pub(super) fn labels<'a>(servers: impl IntoIterator<Item = &'a Server>) -> String {
    let names: Vec<String> = servers
        .into_iter()
        .map(|server| label(&server.endpoint))
        .collect();
    list(&names)
}

/// The name that was asked for, without its final dot.
pub(super) fn host(evidence: &Evidence) -> &str {
    let host = evidence.name();
    host.strip_suffix('.').unwrap_or(host)
}

/// A command that asks a server a question again.
pub(super) fn dig(server: &Endpoint, name: &str, rest: &str) -> String {
    let port = match server.port {
        None | Some(53) => String::new(),
        Some(port) => format!(" -p {port}"),
    };
    format!("dig{port} @{} {} {rest}", server.address, quoted(name))
}

/// A command that asks the system's resolver.
pub(super) fn getent(name: &str) -> String {
    format!("getent ahosts {}", quoted(name))
}

/// A name as a shell takes it.
fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if name.chars().all(plain) {
        name.to_owned()
    } else {
        format!("'{}'", name.replace('\'', "'\\''"))
    }
}

/// The record types that are asked for, as they stand in a sentence.
pub(super) const fn records(family: Family) -> &'static str {
    match family {
        Family::Any => "A or AAAA",
        Family::Ipv4 => "A",
        Family::Ipv6 => "AAAA",
    }
}

/// The type to ask for again by hand.
pub(super) const fn record(family: Family) -> &'static str {
    match family {
        Family::Any | Family::Ipv4 => "A",
        Family::Ipv6 => "AAAA",
    }
}

/// All answers of one server.
pub(super) fn answers_of<'a>(
    resolution: &'a Resolution,
    server: &'a Endpoint,
) -> impl Iterator<Item = &'a ServerAnswer> {
    resolution
        .servers
        .iter()
        .filter(move |answer| answer.address == *server)
}

/// The numbers of the observations of one server.
pub(super) fn observations(resolution: &Resolution, server: &Endpoint) -> Vec<ObservationId> {
    answers_of(resolution, server)
        .filter_map(|answer| answer.observation)
        .collect()
}

/// What became of TCP, where all that a server says over UDP is that its answers do not fit, and none came over TCP.
fn cut_short(resolution: &Resolution, server: &Server) -> Option<&'static str> {
    let of = |transport| {
        answers_of(resolution, &server.endpoint)
            .filter(move |answer| answer.transport == transport && !answer.checking_disabled)
    };
    let mut heard = of(Transport::Udp)
        .filter(|answer| answer.is_heard())
        .peekable();
    heard.peek()?;
    if !heard.all(|answer| answer.truncated) || of(Transport::Tcp).any(ServerAnswer::is_heard) {
        return None;
    }
    let tcp = of(Transport::Tcp).map(|answer| answer.outcome).next()?;
    Some(match tcp {
        Outcome::Timeout => "it does not answer",
        Outcome::Refused => "it refuses the connection",
        Outcome::Cancelled => return None,
        other => other.phrase(),
    })
}

/// What a server said, as the rest of a sentence that begins with its address.
pub(super) fn said_by(resolution: &Resolution, server: &Server, family: Family) -> String {
    let answers = || answers_of(resolution, &server.endpoint);
    let slowest = answers()
        .filter(|answer| answer.is_heard() && !answer.checking_disabled)
        .filter_map(|answer| answer.ms)
        .max()
        .map_or_else(String::new, |ms| format!(" ({ms})"));
    let said = match server.standing {
        Standing::Addresses => {
            let found: Vec<String> = resolution
                .addresses_from(&server.endpoint, family)
                .iter()
                .take(4)
                .map(ToString::to_string)
                .collect();
            format!("answers with {}{slowest}", list(&found))
        }
        Standing::Nxdomain => format!("answers NXDOMAIN{slowest}"),
        Standing::NoData => format!(
            "answers that there is no {} record{slowest}",
            records(family)
        ),
        Standing::AliasLoop => {
            format!("answers with aliases that lead back to themselves{slowest}")
        }
        Standing::Servfail => {
            let unchecked = answers()
                .any(|answer| answer.checking_disabled && answer.outcome == Outcome::Servfail);
            let also = if unchecked {
                ", also with checking disabled"
            } else {
                ""
            };
            format!("answers SERVFAIL{also}{slowest}")
        }
        Standing::Bogus => {
            format!("answers SERVFAIL, but gives an answer with checking disabled{slowest}")
        }
        Standing::Refused => format!("answers REFUSED{slowest}"),
        Standing::Broken => match cut_short(resolution, server) {
            Some(tcp) => format!(
                "answers that its answer is too large for a datagram{slowest}, and over TCP, by which it is to be fetched, {tcp}"
            ),
            None => format!("answers, but with nothing that can be used{slowest}"),
        },
        Standing::Partial => format!("answers only a part of the questions{slowest}"),
        Standing::Unfinished => "was not given the time to answer".to_owned(),
        Standing::Silent => {
            let waited = answers()
                .filter(|answer| answer.outcome == Outcome::Timeout)
                .filter_map(|answer| answer.ms)
                .max()
                .map_or_else(String::new, |ms| format!(" in {ms}"));
            format!("does not answer{waited}")
        }
        Standing::Unreachable(outcome) => unreachable(resolution, server, outcome),
    };
    let mut errors: Vec<&str> = Vec::new();
    for error in answers().flat_map(|answer| &answer.extended_errors) {
        if !errors.contains(&error.as_str()) && errors.len() < 2 {
            errors.push(error);
        }
    }
    if errors.is_empty() {
        said
    } else {
        format!("{said}, with {}", errors.join(" and "))
    }
}

fn unreachable(resolution: &Resolution, server: &Server, outcome: Outcome) -> String {
    let port = server.endpoint.port.unwrap_or(53);
    match outcome {
        Outcome::PortUnreachable | Outcome::Refused => format!(
            "does not listen: port unreachable came back for {}/{port}, so that its host is up",
            if udp_asked(resolution, server) {
                "UDP"
            } else {
                "TCP"
            }
        ),
        Outcome::NoRoute => "can't be asked: this machine has no route to it".to_owned(),
        Outcome::Denied => {
            "can't be asked: this machine's own firewall or policy forbids it".to_owned()
        }
        Outcome::InterfaceDown => {
            "can't be asked: the interface on the way to it is down".to_owned()
        }
        outcome if outcome.is_local() => format!("can't be asked ({})", outcome.phrase()),
        outcome => format!("is not reached: the question was {}", outcome.phrase()),
    }
}

fn udp_asked(resolution: &Resolution, server: &Server) -> bool {
    answers_of(resolution, &server.endpoint).any(|answer| answer.transport == Transport::Udp)
}

/// What became of TCP where UDP has no answer, with its observation.
pub(super) fn over_tcp(
    resolution: &Resolution,
    server: &Server,
) -> Option<(String, Option<ObservationId>)> {
    if server.standing.is_heard() {
        return None;
    }
    let answer = answers_of(resolution, &server.endpoint)
        .find(|answer| answer.transport == Transport::Tcp && !answer.checking_disabled)
        .filter(|_| udp_asked(resolution, server))?;
    let (server, port) = (label(&server.endpoint), server.endpoint.port.unwrap_or(53));
    let text = match answer.outcome {
        outcome if answer.is_heard() && outcome != Outcome::Malformed => {
            let took = answer.ms.map_or_else(String::new, |ms| format!(" in {ms}"));
            format!(
                "{server} answers over TCP/{port}{took}: it works, and UDP/{port} is dropped on the way or at the server"
            )
        }
        Outcome::Malformed | Outcome::Closed | Outcome::Reset => {
            format!("{server} opens TCP/{port} and gives no usable answer there: its host is up")
        }
        Outcome::Refused => format!("{server} refuses TCP/{port}: its host is up"),
        Outcome::Timeout => format!("{server} does not answer over TCP/{port} either"),
        outcome => format!(
            "Over TCP/{port} to {server} the attempt was {}",
            outcome.phrase()
        ),
    };
    Some((text, answer.observation))
}

/// Adds what each server said, one fact a server, and what became of TCP.
pub(super) fn with_servers<'a>(
    mut finding: Finding,
    evidence: &Evidence,
    resolution: &Resolution,
    servers: impl IntoIterator<Item = &'a Server>,
) -> Finding {
    for server in servers {
        let words = said_by(resolution, server, family(evidence));
        finding = finding.fact(
            format!("{} {words}.", label(&server.endpoint)),
            observations(resolution, &server.endpoint),
        );
        if let Some((text, observation)) = over_tcp(resolution, server) {
            finding = finding.fact(format!("{text}."), observation);
        }
    }
    finding
}

/// Adds the sentence on what an application gets and how the sources differ.
pub(super) fn with_account(
    finding: Finding,
    evidence: &Evidence,
    resolution: &Resolution,
) -> Finding {
    let account = resolution.account(evidence.source.resolver.as_ref(), &evidence.options);
    match account.map(|text| (text.chars().next(), text)) {
        Some((Some(first), text)) => {
            let rest: String = text.chars().skip(1).collect();
            finding.fact(format!("{}{rest}.", first.to_uppercase()), [])
        }
        _ => finding,
    }
}

/// Adds what the system's resolver and the hosts file said.
pub(super) fn with_sources(mut finding: Finding, resolution: &Resolution) -> Finding {
    if let Some(system) = resolution.source(SourceKind::System) {
        let took = system.ms.map_or_else(String::new, |ms| format!(" ({ms})"));
        let text = match (system.outcome, &system.error) {
            (Outcome::Timeout, _) => {
                let ms = system
                    .ms
                    .map_or_else(String::new, |ms| format!(" after {ms}"));
                format!("The system's resolver, as an application uses it, is still waiting{ms}.")
            }
            (_, Some(error)) => {
                format!("The system's resolver, as an application uses it, says {error}{took}.")
            }
            (outcome, None) => format!("The system's resolver {}{took}.", outcome.phrase()),
        };
        finding = finding.fact(text, system.observation);
    }
    finding
}

/// Adds which names were tried, where the search list made more than one.
pub(super) fn with_names(finding: Finding, resolution: &Resolution) -> Finding {
    match resolution.names.as_slice() {
        [] | [_] => finding,
        names => finding.fact(
            format!(
                "Tried, as the search list and ndots make it: {}.",
                list(names)
            ),
            [],
        ),
    }
}

/// `answers`, `answer`: the verb after a list of servers.
pub(super) const fn verb<'a>(count: usize, one: &'a str, more: &'a str) -> &'a str {
    if count == 1 { one } else { more }
}
