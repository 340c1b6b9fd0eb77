//! The name becomes addresses: what an application on this machine gets, and beside it what each name server says.
//!
//! What it is for: fills `evidence.source.resolver` and `evidence.resolution`, step by step, so that the check goes on as soon as the
//! addresses are known; questions to slow servers end in the background. What it may use: the system's resolver on a thread of its own,
//! the name servers, the resolver's files. What it must not do: judge, or wait for the system's resolver beyond a grace.
//!
//! Everything runs on one thread within a [`tokio::task::LocalSet`].

mod asking;
mod conductor;
mod config;
mod delay;
mod environment;
mod exchange;
mod hosts;
mod links;
mod message;
mod names;
mod order;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Instant;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

pub use asking::Patience;
pub(super) use conductor::note_cut;
pub use environment::{Environment, SystemAnswer};

use self::asking::{Asked, Asking, Place};
use self::conductor::{Conductor, System};
use self::message::Kind;
use crate::model::options::Family;
use crate::model::resolution::{Resolution, SourceAnswer, SourceKind};
use crate::model::target::Protocol;
use crate::model::text::escape;
use crate::model::{Address, Endpoint, Outcome};
use crate::probe::Recorder;

/// At most so many servers are asked.
const MOST_SERVERS: usize = 8;

/// What happened in one of the tasks.
#[derive(Debug)]
enum Event {
    /// A server's answer was recorded.
    Heard,
    /// All questions to the server of this number have ended.
    ServerDone(usize),
    /// A task that asks a server has ended.
    Ended,
    /// The system's resolver answered, or why it can't be asked.
    System(Result<SystemAnswer, String>),
}

/// Resolves the target of the check with this machine's files and resolver. Returns when the addresses are known, or when it is known
/// that there are none; what is slower goes on in local tasks and is recorded when it ends.
///
/// No privilege is needed.
///
/// # Panics
/// Outside a [`tokio::task::LocalSet`], or of a runtime with I/O and time.
pub async fn resolve(recorder: Recorder) {
    resolve_in(recorder, Environment::of_this_machine()).await;
}

/// Resolves another name than the target's own, by which somebody else has it.
///
/// # Panics
/// As [`resolve`].
pub async fn resolve_name(recorder: Recorder, name: String) {
    resolve_as(recorder, Environment::of_this_machine(), name).await;
}

/// The same as [`resolve`], in another environment.
///
/// # Panics
/// As [`resolve`].
pub async fn resolve_in(recorder: Recorder, environment: Environment) {
    let target = recorder.read(|evidence| evidence.target.clone());
    if let Some(address) = target.address() {
        let source = source(SourceKind::Literal, vec![address]);
        return settle_without_asking(&recorder, source);
    }
    resolve_as(recorder, environment, target.host).await;
}

async fn resolve_as(recorder: Recorder, environment: Environment, name: String) {
    let (target, options) =
        recorder.read(|evidence| (evidence.target.clone(), evidence.options.clone()));
    let host = bare(&name);
    let given: Vec<Address> = options
        .resolve
        .iter()
        .filter(|given| bare(&given.host).eq_ignore_ascii_case(host))
        .filter(|given| target.port.is_none_or(|port| port == given.port))
        .map(|given| given.address.clone())
        .collect();
    if !given.is_empty() {
        let wanted = given.into_iter().filter(|a| options.family.admits(a));
        return settle_without_asking(&recorder, source(SourceKind::Option, wanted.collect()));
    }

    let mut config = environment.config();
    let named: Vec<Endpoint> = options.servers.iter().map(with_port).collect();
    let system_wanted = named.is_empty();
    let stub = !config.servers.is_empty() && config.servers.iter().all(Endpoint::is_resolved_stub);
    if stub && environment.links && system_wanted && target.protocol == Protocol::Dns {
        match links::read().await {
            Ok(links) => config.links = links,
            Err(why) => recorder.note(
                "of which link's servers systemd-resolved asks the name",
                escape(&why),
                None,
            ),
        }
    }
    let mut servers: Vec<Endpoint> = Vec::new();
    // Without any, the system's resolver asks this machine itself (resolv.conf(5)).
    let local = [Endpoint::new(
        std::net::IpAddr::from(std::net::Ipv4Addr::LOCALHOST),
        environment.port,
    )];
    let configured = match (&named[..], &config.servers[..]) {
        ([], []) => &local[..],
        ([], servers) => servers,
        (named, _) => named,
    };
    for server in configured {
        if !servers.contains(server) && servers.len() < MOST_SERVERS {
            servers.push(server.clone());
        }
    }
    if names::is_localhost(&name) {
        servers.clear();
    }

    let tried = names::tried(&name, &config);
    let hosts = environment.hosts();
    let mut sources = Vec::new();
    if system_wanted {
        sources.push(hosts_source(&hosts, &tried, options.family));
    }
    recorder.update(|evidence| {
        evidence.source.resolver = Some(config.clone());
        evidence.resolution = Some(Resolution {
            names: tried.clone(),
            sources,
            machine: evidence.resolution.take().and_then(|before| before.machine),
            ..Resolution::default()
        });
    });

    let began = Instant::now();
    let end = recorder.instant(options.deadline_ms).max(began);
    let (events, inbox) = unbounded_channel();
    if system_wanted {
        ask_system(&environment, &name, options.family, &events);
    }
    let (kinds, other) = match options.family {
        Family::Any => (vec![Kind::A, Kind::Aaaa], None),
        Family::Ipv4 => (vec![Kind::A], Some(Kind::Aaaa)),
        Family::Ipv6 => (vec![Kind::Aaaa], Some(Kind::A)),
    };
    let asked = Rc::new(Asked {
        names: tried,
        kinds,
        other,
        beside: options
            .record_types
            .iter()
            .filter_map(|name| Kind::named(name))
            .collect(),
        random: (target.protocol == Protocol::Dns).then(message::random_label),
        tcp_only: config.options.iter().any(|option| option == "use-vc"),
        family: options.family,
        end,
    });
    let behind = if system_wanted && !servers.is_empty() && target.protocol == Protocol::Dns {
        config.upstream.as_slice()
    } else {
        &[]
    };
    let places = servers
        .iter()
        .enumerate()
        .map(|(index, server)| (Place::Configured(index), server))
        .chain(behind.iter().map(|server| (Place::Upstream, server)));
    let mut running = 0;
    for (place, server) in places {
        running += 1;
        ask_server(
            &recorder,
            place,
            server,
            &asked,
            environment.patience,
            &events,
        );
    }

    let (settled, known) = oneshot::channel();
    let conductor = Conductor {
        recorder,
        host: name,
        configured: configured.to_vec(),
        done: vec![false; servers.len()],
        servers,
        config,
        hosts,
        family: options.family,
        most: usize::from(options.all_addresses).max(1),
        grace: environment.patience.grace,
        began,
        end,
        system: if system_wanted {
            System::Waiting
        } else {
            System::NotAsked
        },
        first_addresses: None,
        servers_done: None,
        settled: Some(settled),
        running,
    };
    tokio::task::spawn_local(conductor.run(inbox));
    // An error would mean that the task is gone, and with it all that could be waited for.
    let _ = known.await;
}

/// Asks the system's resolver on a thread that nobody waits for.
fn ask_system(
    environment: &Environment,
    host: &str,
    family: Family,
    events: &UnboundedSender<Event>,
) {
    let system = environment.system.clone();
    let (host, reply) = (host.to_owned(), events.clone());
    let thread = std::thread::Builder::new()
        .name("getaddrinfo".to_owned())
        .spawn(move || {
            // The check may have ended meanwhile.
            let _ = reply.send(Event::System(system(&host, family)));
        });
    if let Err(error) = thread {
        let _ = events.send(Event::System(Ok(SystemAnswer {
            outcome: Outcome::OtherError,
            addresses: Vec::new(),
            error: Some(format!("no thread for the system's resolver: {error}")),
            errno: error.raw_os_error().map(exchange::errno_name),
        })));
    }
}

fn ask_server(
    recorder: &Recorder,
    place: Place,
    server: &Endpoint,
    asked: &Rc<Asked>,
    patience: Patience,
    events: &UnboundedSender<Event>,
) {
    let (recorder, server) = (recorder.clone(), server.clone());
    let (asked, events) = (Rc::clone(asked), events.clone());
    tokio::task::spawn_local(async move {
        let asking = Asking {
            recorder,
            server,
            asked: &asked,
            patience,
            events: events.clone(),
            heard: Cell::new(false),
            knocked: Cell::new(false),
            unchecked: Cell::new(false),
            place,
        };
        let came = asking.run().await;
        if let Place::Configured(index) = place {
            let _ = events.send(Event::ServerDone(index));
        }
        if let Some((name, standing)) = came {
            asking.beside(name, standing).await;
        }
        let _ = events.send(Event::Ended);
    });
}

/// Nothing is asked: the addresses are given.
fn settle_without_asking(recorder: &Recorder, source: SourceAnswer) {
    recorder.update(|evidence| {
        let most = usize::from(evidence.options.all_addresses).max(1);
        let mut addresses = Vec::new();
        for address in &source.addresses {
            if addresses.len() < most && !addresses.contains(address) {
                addresses.push(address.clone());
            }
        }
        evidence.resolution = Some(Resolution {
            addresses,
            sources: vec![source],
            machine: evidence.resolution.take().and_then(|before| before.machine),
            complete: true,
            ..Resolution::default()
        });
    });
}

fn source(kind: SourceKind, addresses: Vec<Address>) -> SourceAnswer {
    SourceAnswer {
        source: kind,
        outcome: if addresses.is_empty() {
            Outcome::NoData
        } else {
            Outcome::Ok
        },
        error: None,
        ms: None,
        addresses,
        observation: None,
    }
}

fn hosts_source(text: &std::io::Result<String>, tried: &[String], family: Family) -> SourceAnswer {
    let none = |outcome, error: String| SourceAnswer {
        outcome,
        error: Some(error),
        ..source(SourceKind::Hosts, Vec::new())
    };
    match text {
        Err(error) => none(Outcome::OtherError, format!("can't be read: {error}")),
        Ok(text) => {
            let all = hosts::addresses(text, tried);
            if all.is_empty() {
                return none(Outcome::Nxdomain, "not in the hosts file".to_owned());
            }
            let wanted = all.into_iter().filter(|address| family.admits(address));
            source(SourceKind::Hosts, wanted.collect())
        }
    }
}

fn with_port(server: &Endpoint) -> Endpoint {
    Endpoint {
        address: server.address.clone(),
        port: server.port.or(Some(config::PORT)),
    }
}

fn bare(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

#[cfg(test)]
mod tests;
