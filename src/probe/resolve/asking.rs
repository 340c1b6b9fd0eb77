//! One name server asked for all names that are tried, in their order, as an application's resolver would ask it.
//!
//! I/O, through [`exchange`](super::exchange). Every exchange is recorded; the number of questions and the time are bounded.

use std::cell::Cell;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

use super::Event;
use super::exchange::{Heard, over_tcp, over_udp};
use super::message::{Kind, Question};
use crate::model::resolution::{ServerAnswer, Transport};
use crate::model::standing::Standing;
use crate::model::{Endpoint, Ms, Observation, Operation, Outcome};
use crate::probe::Recorder;

/// How long servers are waited for.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// A question without an answer is sent again after this, and TCP is tried beside it.
    pub again: Duration,
    /// A server that has not answered a question after this is silent.
    pub window: Duration,
    /// The same for a question that only completes another: over TCP after a cut-short answer, without EDNS, with checking disabled.
    pub follow_up: Duration,
    /// All questions to one server together.
    pub server: Duration,
    /// The system's resolver is waited for so long after the servers gave addresses, or had nothing more to say.
    pub grace: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            again: Duration::from_secs(1),
            window: Duration::from_millis(2500),
            follow_up: Duration::from_millis(1500),
            server: Duration::from_secs(6),
            grace: Duration::from_millis(1200),
        }
    }
}

/// What every server is asked.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// The names, in order.
    pub(super) names: Vec<String>,
    /// The record types that count.
    pub(super) kinds: Vec<Kind>,
    /// The type of the family that is not wanted, asked for only to say that it is there.
    pub(super) other: Option<Kind>,
    /// Types that were asked for beside the addresses.
    pub(super) beside: Vec<Kind>,
    /// The label of a random name, where what lies beside the name is asked for too: `nwcheck dns`.
    pub(super) random: Option<String>,
    /// Whether TCP alone is used (`options use-vc`).
    pub(super) tcp_only: bool,
    /// Which addresses are wanted.
    pub(super) family: crate::model::options::Family,
    /// When everything must have ended.
    pub(super) end: Instant,
}

/// One server, being asked.
pub(super) struct Asking<'a> {
    pub(super) recorder: Recorder,
    pub(super) server: Endpoint,
    pub(super) asked: &'a Asked,
    pub(super) patience: Patience,
    pub(super) events: UnboundedSender<Event>,
    pub(super) heard: Cell<bool>,
    pub(super) knocked: Cell<bool>,
    pub(super) unchecked: Cell<bool>,
    pub(super) place: Place,
}

/// What a server is to this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The configured one of this number, or a named one.
    Configured(usize),
    /// Behind the stub.
    Upstream,
}

/// Where an answer is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shelf {
    /// With those of its server.
    Place,
    /// With those for random names.
    Random,
}

impl Asking<'_> {
    /// Asks for one name after the other until one has addresses, or the server is found silent. Gives the last name of which it said
    /// anything, and what.
    pub(super) async fn run(&self) -> Option<(&str, Standing)> {
        let mut last = None;
        let end = (Instant::now() + self.patience.server).min(self.asked.end);
        for name in &self.asked.names {
            if left(self.patience.window, end).is_zero() {
                return last;
            }
            match self.asked.kinds.as_slice() {
                [first, second] => {
                    tokio::join!(self.ask(name, *first, end), self.ask(name, *second, end));
                }
                kinds => {
                    for kind in kinds {
                        self.ask(name, *kind, end).await;
                    }
                }
            }
            let standing = self.recorder.read(|evidence| {
                let resolution = evidence.resolution.as_ref()?;
                let family = self.asked.family;
                match self.place {
                    Place::Configured(_) => resolution.standing_of_name(&self.server, name, family),
                    Place::Upstream => {
                        resolution
                            .behind()
                            .standing_of_name(&self.server, name, family)
                    }
                }
            });
            if let Some(heard) = standing.filter(|standing| standing.is_heard()) {
                last = Some((name.as_str(), heard));
            }
            if let (Some(Standing::NoData), Some(other)) = (standing, self.asked.other) {
                self.ask(name, other, end).await;
            }
            if standing.is_some_and(Standing::is_heard) {
                for kind in &self.asked.beside {
                    self.ask(name, *kind, end).await;
                }
            }
            let goes_on = matches!(
                standing,
                Some(
                    Standing::Nxdomain
                        | Standing::NoData
                        | Standing::AliasLoop
                        | Standing::Servfail
                        | Standing::Bogus
                        | Standing::Refused
                ) | None
            );
            if !goes_on {
                return last;
            }
        }
        last
    }

    /// What lies beside a name that the server said anything of: the same question over TCP, and a random name in the same zone where it
    /// has addresses. One question each, and nothing waits for them but the end of the check.
    pub(super) async fn beside(&self, name: &str, standing: Standing) {
        let Some(random) = &self.asked.random else {
            return;
        };
        let Some(kind) = self.asked.kinds.first().copied() else {
            return;
        };
        let over_tcp = |answer: &ServerAnswer| {
            answer.address == self.server && answer.transport == Transport::Tcp
        };
        let known = self.recorder.read(|evidence| {
            evidence.resolution.as_ref().is_some_and(|resolution| {
                let answers = match self.place {
                    Place::Configured(_) => &resolution.servers,
                    Place::Upstream => &resolution.upstream,
                };
                answers.iter().any(over_tcp)
            })
        });
        if let Some(question) = Question::new(name, kind).filter(|_| !known) {
            let window = left(self.patience.follow_up, self.asked.end);
            self.tcp(name, kind, &question, false, window).await;
        }
        let Some((_, zone)) = name.split_once('.') else {
            return;
        };
        let beside = format!("{random}.{zone}");
        if standing != Standing::Addresses || self.asked.tcp_only {
            return;
        }
        if let Some(question) = Question::new(&beside, kind) {
            let window = left(self.patience.follow_up, self.asked.end);
            let mut heard =
                over_udp(&self.server, &question, true, self.patience.again, window).await;
            self.cut_short(&mut heard, window);
            self.put(&beside, kind, Transport::Udp, false, &heard, Shelf::Random);
        }
    }

    /// One question, and what follows from its answer.
    async fn ask(&self, name: &str, kind: Kind, end: Instant) {
        let Some(question) = Question::new(name, kind) else {
            return;
        };
        let heard = if self.asked.tcp_only {
            self.tcp(
                name,
                kind,
                &question,
                false,
                left(self.patience.window, end),
            )
            .await
        } else {
            self.udp_and_knock(name, kind, &question, end).await
        };
        if heard.outcome == Outcome::Servfail && !self.unchecked.get() {
            let unchecked = question.unchecked();
            let window = left(self.patience.follow_up, end);
            if self.asked.tcp_only {
                self.tcp(name, kind, &unchecked, true, window).await;
            } else {
                self.udp(name, kind, &unchecked, true, window, end).await;
            }
            // The types of one name are asked for at the same time, so that each has its answer; further names are not.
            if Some(&kind) == self.asked.kinds.last() {
                self.unchecked.set(true);
            }
        }
    }

    /// Over UDP; when nothing comes back, TCP is tried beside it, once for a server.
    async fn udp_and_knock(
        &self,
        name: &str,
        kind: Kind,
        question: &Question,
        end: Instant,
    ) -> Heard {
        let udp = self.udp(
            name,
            kind,
            question,
            false,
            left(self.patience.window, end),
            end,
        );
        tokio::pin!(udp);
        let mut over: Option<Heard> = None;
        tokio::select! {
            heard = &mut udp => over = Some(heard),
            () = tokio::time::sleep(self.patience.again + Duration::from_millis(50)) => {}
        }
        let silent = over.as_ref().is_none_or(|heard| {
            heard.outcome == Outcome::Timeout || heard.outcome == Outcome::PortUnreachable
        });
        let first = Some(&kind) == self.asked.kinds.first();
        let window = self.patience.window.saturating_sub(self.patience.again);
        let window = left(window, end);
        // At the end of the check there is no time left for a fair try.
        let wanted = silent && first && window > self.patience.again / 4;
        if !wanted || self.heard.get() || self.knocked.replace(true) {
            return match over {
                Some(heard) => heard,
                None => udp.await,
            };
        }
        let knock = over_tcp(&self.server, question, true, window);
        tokio::pin!(knock);
        let mut knocked = None;
        let heard = match over {
            Some(heard) => heard,
            None => loop {
                tokio::select! {
                    heard = &mut udp => break heard,
                    heard = &mut knock, if knocked.is_none() => knocked = Some(heard),
                }
            },
        };
        // It works over UDP after all, and nothing is to be learnt from TCP.
        if heard.reply.is_some() {
            return heard;
        }
        let mut over_tcp = match knocked {
            Some(heard) => heard,
            None => knock.await,
        };
        self.cut_short(&mut over_tcp, window);
        self.keep(name, kind, Transport::Tcp, false, &over_tcp);
        heard
    }

    /// Over UDP, recorded; without EDNS if the server does not know it, over TCP if the answer is cut short.
    async fn udp(
        &self,
        name: &str,
        kind: Kind,
        question: &Question,
        checking_disabled: bool,
        window: Duration,
        end: Instant,
    ) -> Heard {
        let again = self.patience.again;
        let mut heard = over_udp(&self.server, question, true, again, window).await;
        if heard.reply.as_ref().is_some_and(|reply| reply.edns_unknown) {
            self.observe(&heard, true);
            let window = left(self.patience.follow_up, end);
            let plain = over_udp(&self.server, question, false, again, window).await;
            // What was said before holds where silence follows.
            if plain.reply.is_some() {
                heard = plain;
            }
        }
        self.cut_short(&mut heard, window);
        self.keep(name, kind, Transport::Udp, checking_disabled, &heard);
        if heard.reply.as_ref().is_some_and(|reply| reply.truncated) {
            let window = left(self.patience.follow_up, end);
            return self
                .tcp(name, kind, question, checking_disabled, window)
                .await;
        }
        heard
    }

    /// Over TCP, recorded.
    async fn tcp(
        &self,
        name: &str,
        kind: Kind,
        question: &Question,
        checking_disabled: bool,
        window: Duration,
    ) -> Heard {
        let began = Instant::now();
        let mut heard = over_tcp(&self.server, question, true, window).await;
        if heard.reply.as_ref().is_some_and(|reply| reply.edns_unknown) {
            self.observe(&heard, true);
            let window = window.saturating_sub(began.elapsed());
            let plain = over_tcp(&self.server, question, false, window).await;
            if plain.reply.is_some() {
                heard = plain;
            }
        }
        self.cut_short(&mut heard, window);
        self.keep(name, kind, Transport::Tcp, checking_disabled, &heard);
        heard
    }

    /// Silence for less time than a fair wait proves nothing: the end of the check came first.
    fn cut_short(&self, heard: &mut Heard, window: Duration) {
        if heard.outcome == Outcome::Timeout && window < self.patience.again {
            heard.outcome = Outcome::Cancelled;
        }
    }

    /// Records an exchange.
    fn observe(&self, heard: &Heard, control: bool) -> u32 {
        let mut observation = Observation::new(
            Operation::Query,
            self.recorder.at(heard.sent),
            heard.outcome,
        );
        let took = Ms::from(heard.took);
        observation.endpoint = Some(self.server.clone());
        observation.elapsed_ms = Some(took);
        observation.rtt_ms = (heard.reply.is_some() && heard.again == 0).then_some(took);
        observation.source_port = heard.source_port;
        observation.retransmits = Some(heard.again);
        observation.errno.clone_from(&heard.errno);
        observation.control = control;
        self.recorder.record(observation)
    }

    /// Records an exchange, and its answer as what the server says.
    fn keep(
        &self,
        name: &str,
        kind: Kind,
        transport: Transport,
        checking_disabled: bool,
        heard: &Heard,
    ) {
        if heard.reply.is_some() && transport == Transport::Udp {
            self.heard.set(true);
        }
        self.put(
            name,
            kind,
            transport,
            checking_disabled,
            heard,
            Shelf::Place,
        );
    }

    fn put(
        &self,
        name: &str,
        kind: Kind,
        transport: Transport,
        checking_disabled: bool,
        heard: &Heard,
        kept: Shelf,
    ) {
        let control = checking_disabled || Some(kind) == self.asked.other || kept == Shelf::Random;
        let observation = self.observe(heard, control);
        let reply = heard.reply.clone();
        let answer = ServerAnswer {
            address: self.server.clone(),
            transport,
            name: name.to_owned(),
            record: kind.as_str().to_owned(),
            outcome: heard.outcome,
            ms: Some(heard.took.into()),
            answers: reply.as_ref().map_or_else(Vec::new, |r| r.answers.clone()),
            extended_errors: reply
                .as_ref()
                .map_or_else(Vec::new, |r| r.extended_errors.clone()),
            truncated: reply.is_some_and(|r| r.truncated),
            checking_disabled,
            observation: Some(observation),
        };
        self.recorder.update(|evidence| {
            if let Some(resolution) = &mut evidence.resolution {
                match (kept, self.place) {
                    (Shelf::Random, _) => resolution.random_names.push(answer),
                    (Shelf::Place, Place::Configured(_)) => resolution.servers.push(answer),
                    (Shelf::Place, Place::Upstream) => resolution.upstream.push(answer),
                }
            }
        });
        // The one who listens may be gone: then the check has what it needs.
        let _ = self.events.send(Event::Heard);
    }
}

/// What is left of a time before the end.
fn left(at_most: Duration, end: Instant) -> Duration {
    at_most.min(end.saturating_duration_since(Instant::now()))
}
