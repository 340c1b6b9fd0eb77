//! What DNS and the hosts file say.
//!
//! | line | meaning |
//! |---|---|
//! | `resolves ADDRESS… [after MS]` | all is well, and the addresses are put to the test |
//! | `resolver SERVER…`, `resolver none` | resolv.conf, which also makes the name one that is asked for; `rotate` may follow |
//! | `nsswitch WORD…` | its `hosts` line |
//! | `names NAME…` | what the search list makes of the name |
//! | `system OUTCOME [WORDS]` | the system's resolver |
//! | `hosts OUTCOME [ADDRESS…]` | the hosts file |
//! | `dns SERVER TYPE OUTCOME [tcp] [cd] [tc] [record RECORD]` | one answer; `RECORD` is `A_192.0.2.7`, and there may be several |
//! | `delay MS` | what an application waits |
//! | `incomplete` | not all has been heard |

use nwcheck::model::resolution::{Resolution, ServerAnswer, SourceAnswer, SourceKind, Transport};
use nwcheck::model::source::ResolverConfig;
use nwcheck::model::{Endpoint, Evidence, Ms, Observation, Operation, Outcome};

use super::{address, from_word, number};

/// Takes a line, if it is one of these.
pub fn take(evidence: &mut Evidence, word: &str, words: &[&str]) -> Result<bool, String> {
    match (word, words) {
        ("resolves", all) => {
            resolves(evidence, all)?;
            return Ok(true);
        }
        ("resolver", all) => {
            begin(evidence);
            let rotate = all.contains(&"rotate");
            let servers = all
                .iter()
                .filter(|word| !matches!(**word, "none" | "rotate"));
            evidence.source.resolver = Some(ResolverConfig {
                file: Some("/etc/resolv.conf".to_owned()),
                servers: servers.map(|word| server(word)).collect::<Result<_, _>>()?,
                nsswitch: vec!["files".to_owned(), "dns".to_owned()],
                rotate,
                ..ResolverConfig::default()
            });
            return Ok(true);
        }
        ("nsswitch", all) => {
            if let Some(resolver) = &mut evidence.source.resolver {
                resolver.nsswitch = all.iter().map(|word| (*word).to_owned()).collect();
            }
            return Ok(true);
        }
        ("dns", [to, record, outcome, rest @ ..]) => {
            dns(evidence, server(to)?, record, from_word(outcome)?, rest)?;
            return Ok(true);
        }
        ("system", [outcome, said @ ..]) => {
            let outcome = from_word(outcome)?;
            let observation = Observation::new(Operation::Resolve, Ms::ZERO, outcome);
            let id = evidence.record(observation);
            let error = (outcome != Outcome::Ok).then(|| said.join(" "));
            source(evidence, SourceKind::System, outcome, error, Some(id));
            return Ok(true);
        }
        ("hosts", [outcome, addresses @ ..]) => {
            let outcome = from_word(outcome)?;
            source(evidence, SourceKind::Hosts, outcome, None, None);
            let addresses = addresses.iter().map(|word| address(word));
            let addresses = addresses.collect::<Result<_, _>>()?;
            let resolution = evidence.resolution.as_mut();
            if let Some(hosts) = resolution.and_then(|r| r.sources.last_mut()) {
                hosts.addresses = addresses;
            }
            return Ok(true);
        }
        _ => {}
    }
    let Some(resolution) = &mut evidence.resolution else {
        return Ok(false);
    };
    match (word, words) {
        ("names", all) => resolution.names = all.iter().map(|word| (*word).to_owned()).collect(),
        ("delay", [ms]) => resolution.application_delay_ms = Some(Ms::from_millis(number(ms)?)),
        ("incomplete", []) => resolution.complete = false,
        _ => return Ok(false),
    }
    Ok(true)
}

fn begin(evidence: &mut Evidence) {
    let host = evidence.target.host.clone();
    evidence.resolution.get_or_insert_with(|| Resolution {
        names: vec![host],
        complete: true,
        ..Resolution::default()
    });
}

fn source(
    evidence: &mut Evidence,
    source: SourceKind,
    outcome: Outcome,
    error: Option<String>,
    observation: Option<u32>,
) {
    begin(evidence);
    if let Some(resolution) = &mut evidence.resolution {
        resolution.sources.push(SourceAnswer {
            source,
            outcome,
            error,
            ms: Some(Ms::from_millis(7)),
            addresses: Vec::new(),
            observation,
        });
    }
}

fn resolves(evidence: &mut Evidence, all: &[&str]) -> Result<(), String> {
    begin(evidence);
    let (all, took) = match all {
        [addresses @ .., "after", ms] => (addresses, number(ms)?),
        all => (all, 7),
    };
    let addresses = all
        .iter()
        .map(|word| address(word))
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(resolution) = &mut evidence.resolution {
        resolution.addresses.clone_from(&addresses);
        resolution.sources.push(SourceAnswer {
            source: SourceKind::System,
            outcome: Outcome::Ok,
            error: None,
            ms: Some(Ms::from_millis(took)),
            addresses: addresses.clone(),
            observation: None,
        });
    }
    for address in &addresses {
        super::local::default_route(evidence, address);
    }
    nwcheck::plan::admit(evidence);
    Ok(())
}

fn server(word: &str) -> Result<Endpoint, String> {
    Ok(Endpoint {
        port: Some(53),
        address: address(word)?,
    })
}

fn dns(
    evidence: &mut Evidence,
    to: Endpoint,
    record: &str,
    outcome: Outcome,
    rest: &[&str],
) -> Result<(), String> {
    begin(evidence);
    super::local::default_route(evidence, &to.address);
    let id = evidence.record(Observation {
        endpoint: Some(to.clone()),
        ..Observation::new(Operation::Query, Ms::ZERO, outcome)
    });
    let mut answer = ServerAnswer {
        address: to,
        transport: Transport::Udp,
        name: evidence
            .resolution
            .as_ref()
            .and_then(|r| r.names.first().cloned())
            .unwrap_or_default(),
        record: record.to_owned(),
        outcome,
        ms: Some(Ms::from_millis(12)),
        answers: Vec::new(),
        extended_errors: Vec::new(),
        truncated: false,
        checking_disabled: false,
        observation: Some(id),
    };
    for word in rest {
        match *word {
            "tcp" => answer.transport = Transport::Tcp,
            "cd" => answer.checking_disabled = true,
            "tc" => answer.truncated = true,
            text => match text.split_once('_') {
                Some((kind, value)) => answer.answers.push(format!("{kind} {value}")),
                None => return Err(format!("`{text}` of an answer?")),
            },
        }
    }
    if let Some(resolution) = &mut evidence.resolution {
        resolution.servers.push(answer);
    }
    Ok(())
}
