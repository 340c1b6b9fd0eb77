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
//! | `machine PROVIDER STATE SAID [ADDRESS…]` | who knows the machine, in which state it is, and its addresses, which are put to the test where it runs |
//! | `machine PROVIDER not-known OUTCOME` | who does not know it, or could not tell |
//! | `delay MS` | what an application waits |
//! | `incomplete` | not all has been heard |

use nwcheck::model::machine::{Instance, MachineAddress, Provider, ProviderAnswer, Told};
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
        ("machine", [provider, "not-known", outcome]) => {
            machine(evidence, from_word(provider)?, from_word(outcome)?, None);
            return Ok(true);
        }
        ("machine", [provider, state, said, addresses @ ..]) => {
            let addresses = addresses.iter().map(|word| address(word));
            let addresses: Vec<_> = addresses.collect::<Result<_, _>>()?;
            let instance = Instance {
                state: from_word(state)?,
                said: (*said != "-").then(|| said.replace('_', " ")),
                addresses: addresses
                    .iter()
                    .map(|address| MachineAddress::new(address.clone(), None))
                    .collect(),
                ..Instance::named(evidence.target.machine().ok_or("of which machine?")?.name)
            };
            let runs = !instance.state.is_off();
            machine(evidence, from_word(provider)?, Told::Known, Some(instance));
            for address in addresses.into_iter().filter(|_| runs) {
                super::local::default_route(evidence, &address);
                if let Some(resolution) = &mut evidence.resolution {
                    resolution.addresses.push(address);
                }
            }
            nwcheck::plan::admit(evidence);
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

/// What one provider says of the machine.
fn machine(evidence: &mut Evidence, provider: Provider, outcome: Told, instance: Option<Instance>) {
    let observed = match outcome {
        Told::Known => Outcome::Ok,
        Told::Unknown => Outcome::NoData,
        _ => Outcome::OtherError,
    };
    let observation = Observation::new(Operation::Resolve, Ms::ZERO, observed);
    let id = (outcome != Told::Absent).then(|| evidence.record(observation));
    begin(evidence);
    let Some(resolution) = &mut evidence.resolution else {
        return;
    };
    resolution.names.clear();
    let machine = resolution.machine.get_or_insert_default();
    machine.providers.push(ProviderAnswer {
        provider,
        outcome,
        error: outcome
            .is_open()
            .then(|| "it could not be asked".to_owned()),
        commands: Vec::new(),
        ms: Some(Ms::from_millis(7)),
        instances: instance.into_iter().collect(),
        observation: id,
    });
    let error = machine.account();
    resolution.sources = vec![SourceAnswer {
        source: SourceKind::Provider,
        outcome: observed,
        error,
        ms: Some(Ms::from_millis(7)),
        addresses: Vec::new(),
        observation: id,
    }];
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
