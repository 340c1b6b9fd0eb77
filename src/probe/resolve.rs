//! The name becomes addresses: what an application on this machine gets, and beside it what each name server says.
//!
//! What it is for: fills `evidence.source.resolver` and `evidence.resolution`, step by step, so that the check goes on as soon as the
//! addresses are known; questions to slow servers end in the background. What it may use: the system's resolver on a thread of its own,
//! the name servers, the resolver's files. What it must not do: judge, or wait for the system's resolver beyond a grace.
//!
//! Everything runs on one thread within a [`tokio::task::LocalSet`].

mod asking;
mod config;
mod delay;
mod environment;
mod exchange;
mod hosts;
mod message;
mod names;
mod order;

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

pub use asking::Patience;
pub use environment::{Environment, SystemAnswer};

use self::asking::{Asked, Asking};
use self::message::Kind;
use crate::model::options::Family;
use crate::model::resolution::{Resolution, SourceAnswer, SourceKind, Transport};
use crate::model::source::ResolverConfig;
use crate::model::standing::Standing;
use crate::model::{Address, Endpoint, Ms, Observation, ObservationId, Operation, Outcome};
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
    /// The system's resolver answered.
    System(SystemAnswer),
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

/// The same, in another environment.
///
/// # Panics
/// As [`resolve`].
pub async fn resolve_in(recorder: Recorder, environment: Environment) {
    let (target, options) =
        recorder.read(|evidence| (evidence.target.clone(), evidence.options.clone()));
    if let Some(address) = target.address() {
        let source = source(SourceKind::Literal, vec![address]);
        return settle_without_asking(&recorder, source);
    }
    let host = bare(&target.host);
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

    let config = environment.config();
    let named: Vec<Endpoint> = options.servers.iter().map(with_port).collect();
    let system_wanted = named.is_empty();
    let mut servers: Vec<Endpoint> = Vec::new();
    // Without any, the system's resolver asks this machine itself (resolv.conf(5)).
    let local = [Endpoint::new(
        std::net::IpAddr::from(std::net::Ipv4Addr::LOCALHOST),
        config::PORT,
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
    if names::is_localhost(&target.host) {
        servers.clear();
    }

    let tried = names::tried(&target.host, &config);
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
            ..Resolution::default()
        });
    });

    let began = Instant::now();
    let end = recorder.instant(options.deadline_ms).max(began);
    let (events, inbox) = unbounded_channel();
    if system_wanted {
        ask_system(&environment, &target.host, options.family, &events);
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
        tcp_only: config.options.iter().any(|option| option == "use-vc"),
        family: options.family,
        end,
    });
    for (index, server) in servers.iter().enumerate() {
        ask_server(
            &recorder,
            index,
            server,
            &asked,
            environment.patience,
            &events,
        );
    }

    let (settled, known) = oneshot::channel();
    let conductor = Conductor {
        recorder,
        host: target.host,
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
    };
    tokio::task::spawn_local(conductor.run(inbox));
    // An error would mean that the task is gone, and with it all that could be waited for.
    let _ = known.await;
}

/// Where the question to the system's resolver stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum System {
    NotAsked,
    Waiting,
    Answered,
    GivenUp,
}

/// Hears what the tasks report, and decides when the addresses are known.
struct Conductor {
    recorder: Recorder,
    host: String,
    /// As configured, a server that stands twice twice.
    configured: Vec<Endpoint>,
    /// Each once, as asked.
    servers: Vec<Endpoint>,
    done: Vec<bool>,
    config: ResolverConfig,
    hosts: std::io::Result<String>,
    family: Family,
    most: usize,
    grace: Duration,
    began: Instant,
    end: Instant,
    system: System,
    first_addresses: Option<Instant>,
    servers_done: Option<Instant>,
    settled: Option<oneshot::Sender<()>>,
}

impl Conductor {
    async fn run(mut self, mut inbox: UnboundedReceiver<Event>) {
        let mut complete = false;
        loop {
            self.look();
            if !complete && self.servers_done.is_some() && self.system != System::Waiting {
                complete = true;
                self.complete();
            }
            if complete && self.system != System::GivenUp {
                return;
            }
            let event = match self.next_look() {
                Some(at) => match tokio::time::timeout_at(at.into(), inbox.recv()).await {
                    Ok(event) => event,
                    Err(_) => continue,
                },
                None => inbox.recv().await,
            };
            match event {
                Some(Event::Heard) => self.heard(),
                Some(Event::ServerDone(index)) => {
                    if let Some(done) = self.done.get_mut(index) {
                        *done = true;
                    }
                }
                Some(Event::System(answer)) => self.system_answered(answer),
                None => return,
            }
        }
    }

    fn heard(&mut self) {
        let found = || {
            self.recorder.read(|evidence| {
                evidence.resolution.as_ref().is_some_and(|resolution| {
                    self.servers
                        .iter()
                        .any(|server| !resolution.addresses_from(server, self.family).is_empty())
                })
            })
        };
        if self.first_addresses.is_none() && found() {
            self.first_addresses = Some(Instant::now());
        }
    }

    /// Settles the addresses, or that there are none, as soon as that is known.
    fn look(&mut self) {
        if self.servers_done.is_none() && self.done.iter().all(|done| *done) {
            self.servers_done = Some(Instant::now());
        }
        let now = Instant::now();
        let over = |since: Option<Instant>| since.is_some_and(|at| now >= at + self.grace);
        match self.system {
            System::Waiting => {
                let give_up = over(self.first_addresses)
                    || self.nothing_more_at().is_some_and(|at| now >= at)
                    || now >= self.end;
                if give_up {
                    self.give_up();
                    self.settle_with_servers(true);
                }
            }
            System::NotAsked if self.settled.is_some() => {
                self.settle_with_servers(over(self.first_addresses) || now >= self.end);
            }
            System::Answered | System::GivenUp if self.servers_done.is_some() => self.settled(),
            _ => {}
        }
    }

    /// When to look again though nothing happened.
    fn next_look(&self) -> Option<Instant> {
        let undecided = match self.system {
            System::Waiting => true,
            System::NotAsked => self.settled.is_some(),
            System::Answered | System::GivenUp => false,
        };
        let moments = [
            self.first_addresses.map(|at| at + self.grace),
            self.nothing_more_at(),
        ];
        undecided.then(|| {
            moments
                .into_iter()
                .flatten()
                .filter(|at| *at > Instant::now())
                .fold(self.end, Instant::min)
                .max(Instant::now() + Duration::from_millis(1))
        })
    }

    /// When the system's resolver is given up because the servers that it asks have nothing more to say.
    fn nothing_more_at(&self) -> Option<Instant> {
        let done = self.servers_done.filter(|_| !self.servers.is_empty())?;
        Some((done + self.grace / 4).max(self.began + 2 * self.grace))
    }

    /// Records what the system's resolver said, in time or late.
    fn system_answered(&mut self, answer: SystemAnswer) {
        let took = Ms::from(self.began.elapsed());
        let id = self.observe(answer.outcome, took, answer.errno);
        let addresses = self.wanted(answer.addresses);
        let source = SourceAnswer {
            source: SourceKind::System,
            outcome: match answer.outcome {
                Outcome::Ok if addresses.is_empty() => Outcome::NoData,
                outcome => outcome,
            },
            error: answer.error,
            ms: Some(took),
            addresses: addresses.clone(),
            observation: Some(id),
        };
        self.put_source(source);
        let late = self.system == System::GivenUp;
        self.system = System::Answered;
        let none_yet = self.recorder.read(|evidence| {
            evidence
                .resolution
                .as_ref()
                .is_none_or(|r| r.addresses.is_empty())
        });
        if !addresses.is_empty() && (!late || none_yet) {
            self.publish(addresses);
        }
    }

    fn give_up(&mut self) {
        let took = Ms::from(self.began.elapsed());
        let id = self.observe(Outcome::Timeout, took, None);
        self.put_source(SourceAnswer {
            source: SourceKind::System,
            outcome: Outcome::Timeout,
            error: Some("still waiting".to_owned()),
            ms: Some(took),
            addresses: Vec::new(),
            observation: Some(id),
        });
        self.system = System::GivenUp;
    }

    /// Takes what the servers say as an application's resolver would: the first that answers decides. `now` is not to wait for a silent one.
    fn settle_with_servers(&mut self, now: bool) {
        let decided = self.recorder.read(|evidence| {
            let resolution = evidence.resolution.as_ref()?;
            let mut last = None;
            for (server, done) in self.servers.iter().zip(&self.done) {
                if !done && !now {
                    return None;
                }
                let Some(standing) = resolution.standing(server, self.family) else {
                    continue;
                };
                // The rest of the search list may still have it.
                if !done && standing != Standing::Addresses {
                    continue;
                }
                if standing.is_answer() {
                    return Some((standing, resolution.addresses_from(server, self.family)));
                }
                if last.is_none_or(|last: Standing| !last.is_heard()) {
                    last = Some(standing);
                }
            }
            let all = self.done.iter().all(|done| *done);
            (all || now).then(|| (last.unwrap_or(Standing::Silent), Vec::new()))
        });
        let Some((standing, found)) = decided else {
            return;
        };
        let addresses = self.wanted(order::as_tried(found));
        self.put_source(SourceAnswer {
            source: SourceKind::Dns,
            outcome: outcome(standing),
            error: None,
            ms: Some(self.began.elapsed().into()),
            addresses: addresses.clone(),
            observation: None,
        });
        if !addresses.is_empty() {
            self.publish(addresses);
        } else if self.done.iter().all(|done| *done) {
            self.settled();
        }
    }

    /// The addresses of the wanted family, each once.
    fn wanted(&self, addresses: Vec<Address>) -> Vec<Address> {
        let mut wanted: Vec<Address> = Vec::new();
        for address in addresses {
            if self.family.admits(&address) && !wanted.contains(&address) {
                wanted.push(address);
            }
        }
        wanted
    }

    fn publish(&mut self, mut addresses: Vec<Address>) {
        note_cut(&self.recorder, addresses.len(), self.most);
        addresses.truncate(self.most);
        self.recorder.update(|evidence| {
            if let Some(resolution) = &mut evidence.resolution {
                resolution.addresses = addresses;
            }
        });
        self.settled();
    }

    fn settled(&mut self) {
        if let Some(settled) = self.settled.take() {
            // The caller may have gone on.
            let _ = settled.send(());
        }
    }

    fn observe(&self, outcome: Outcome, took: Ms, errno: Option<String>) -> ObservationId {
        let mut observation =
            Observation::new(Operation::Resolve, self.recorder.at(self.began), outcome);
        observation.elapsed_ms = Some(took);
        observation.errno = errno;
        self.recorder.record(observation)
    }

    /// Puts a source's answer in the place of its earlier one; the sources stand in the order of their kinds.
    fn put_source(&self, source: SourceAnswer) {
        self.recorder.update(|evidence| {
            if let Some(resolution) = &mut evidence.resolution {
                resolution
                    .sources
                    .retain(|known| known.source != source.source);
                let place = match source.source {
                    SourceKind::System => 0,
                    _ => resolution.sources.len(),
                };
                resolution.sources.insert(place, source);
            }
        });
    }

    /// Everything has been heard or given up.
    fn complete(&mut self) {
        let nothing_yet = self.recorder.read(|evidence| {
            evidence
                .resolution
                .as_ref()
                .is_none_or(|r| r.addresses.is_empty())
        });
        if nothing_yet && self.system != System::Answered {
            self.settle_with_servers(true);
        }
        let dns_used = self.config.nsswitch.is_empty()
            || self
                .config
                .nsswitch
                .iter()
                .any(|word| word == "dns" || word == "resolve");
        self.recorder.update(|evidence| {
            let Some(resolution) = &mut evidence.resolution else {
                return;
            };
            let rank = |server: &Endpoint| self.servers.iter().position(|known| known == server);
            let names = std::mem::take(&mut resolution.names);
            resolution.servers.sort_by_key(|answer| {
                (
                    rank(&answer.address),
                    names.iter().position(|name| *name == answer.name),
                    answer.checking_disabled,
                    answer.record.len(),
                    answer.transport == Transport::Tcp,
                )
            });
            resolution.names = names;
            let at_once = resolution.source(SourceKind::System).is_some_and(|system| {
                let quick = system.ms.is_some_and(|ms| ms < Ms::from_millis(1000));
                quick && system.outcome != Outcome::Timeout
            });
            if dns_used && !at_once && self.system != System::NotAsked {
                resolution.application_delay_ms =
                    delay::application(resolution, &self.configured, &self.config, self.family);
            }
            if let (true, Ok(hosts)) = (resolution.addresses.is_empty(), &self.hosts) {
                resolution.near_misses =
                    hosts::near_misses(&self.host, &resolution.names, hosts, &self.config.search);
            }
            resolution.complete = true;
        });
        self.settled();
    }
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
        let _ = events.send(Event::System(SystemAnswer {
            outcome: Outcome::OtherError,
            addresses: Vec::new(),
            error: Some(format!("no thread for the system's resolver: {error}")),
            errno: error.raw_os_error().map(exchange::errno_name),
        }));
    }
}

fn ask_server(
    recorder: &Recorder,
    index: usize,
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
        };
        asking.run().await;
        let _ = events.send(Event::ServerDone(index));
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
            complete: true,
            ..Resolution::default()
        });
    });
}

fn note_cut(recorder: &Recorder, found: usize, most: usize) {
    if let Some(further @ 1..) = found.checked_sub(most) {
        let what = match further {
            1 => "1 further address".to_owned(),
            _ => format!("{further} further addresses"),
        };
        recorder.note(
            what,
            format!("the name has {found} addresses and at most {most} are checked"),
            Some(format!("--all-addresses {found}")),
        );
    }
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

/// What the standing of the deciding server is for an application.
const fn outcome(standing: Standing) -> Outcome {
    match standing {
        Standing::Addresses => Outcome::Ok,
        Standing::Nxdomain => Outcome::Nxdomain,
        Standing::NoData => Outcome::NoData,
        Standing::AliasLoop => Outcome::AliasLoop,
        Standing::Servfail | Standing::Bogus => Outcome::Servfail,
        Standing::Refused => Outcome::DnsRefused,
        Standing::Broken => Outcome::Malformed,
        Standing::Partial | Standing::Silent => Outcome::Timeout,
        Standing::Unreachable(outcome) => outcome,
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
