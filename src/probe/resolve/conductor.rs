//! Hears what the tasks report, and decides when the addresses are known: the system's resolver first, as an application has it, and the
//! servers where it keeps waiting.
//!
//! Writes into the evidence; asks nobody itself, but for the order of addresses.

use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;

use super::environment::SystemAnswer;
use super::{Event, delay, hosts, order};
use crate::model::options::Family;
use crate::model::resolution::{SourceAnswer, SourceKind, Transport};
use crate::model::source::ResolverConfig;
use crate::model::standing::Standing;
use crate::model::{Address, Endpoint, Ms, Observation, ObservationId, Operation, Outcome};
use crate::probe::Recorder;

/// Where the question to the system's resolver stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum System {
    NotAsked,
    Waiting,
    Answered,
    GivenUp,
}

/// Hears what the tasks report, and decides when the addresses are known.
pub(super) struct Conductor {
    pub(super) recorder: Recorder,
    pub(super) host: String,
    /// As configured, a server that stands twice twice.
    pub(super) configured: Vec<Endpoint>,
    /// Each once, as asked.
    pub(super) servers: Vec<Endpoint>,
    pub(super) done: Vec<bool>,
    pub(super) config: ResolverConfig,
    pub(super) hosts: std::io::Result<String>,
    pub(super) family: Family,
    pub(super) most: usize,
    pub(super) grace: Duration,
    pub(super) began: Instant,
    pub(super) end: Instant,
    pub(super) system: System,
    pub(super) first_addresses: Option<Instant>,
    pub(super) servers_done: Option<Instant>,
    pub(super) settled: Option<oneshot::Sender<()>>,
    /// How many tasks still ask.
    pub(super) running: usize,
}

impl Conductor {
    pub(super) async fn run(mut self, mut inbox: UnboundedReceiver<Event>) {
        let mut complete = false;
        loop {
            self.look();
            let heard = self.servers_done.is_some() && self.running == 0;
            if !complete && heard && self.system != System::Waiting {
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
                Some(Event::Ended) => self.running = self.running.saturating_sub(1),
                Some(Event::System(Ok(answer))) => self.system_answered(answer),
                Some(Event::System(Err(why))) => self.system_not_asked(why),
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

    /// The system's resolver can't be asked as applications ask it, which is said: the hosts file, and then the servers, stand for it.
    fn system_not_asked(&mut self, why: String) {
        self.recorder
            .note("what an application gets for the name", why, None);
        // Given up, the servers have decided already.
        let late = self.system == System::GivenUp;
        self.system = System::NotAsked;
        let order = &self.config.nsswitch;
        let files = order.is_empty() || order.iter().any(|word| word == "files");
        if late || !files {
            return;
        }
        let found = self.recorder.read(|evidence| {
            let resolution = evidence.resolution.as_ref();
            let hosts = resolution.and_then(|r| r.source(SourceKind::Hosts));
            hosts.map_or(Vec::new(), |hosts| hosts.addresses.clone())
        });
        let addresses = self.wanted(order::as_tried(found, &self.config.precedence));
        if !addresses.is_empty() {
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
        if self.servers.is_empty() {
            return self.settled();
        }
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
        let addresses = self.wanted(order::as_tried(found, &self.config.precedence));
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
            // It waits for whole seconds, by a clock of milliseconds that may end a little early.
            let at_once = resolution.source(SourceKind::System).is_some_and(|system| {
                let quick = system.ms.is_some_and(|ms| ms < Ms::from_millis(900));
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

/// Says how many addresses are not checked.
pub(in crate::probe) fn note_cut(recorder: &Recorder, found: usize, most: usize) {
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
        Standing::Unfinished => Outcome::Cancelled,
        Standing::Unreachable(outcome) => outcome,
    }
}
