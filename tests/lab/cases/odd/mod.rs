//! Healthy networks that are odd, each with faulty twins: the same oddity, and a fault that has to be named all the same.
//!
//! A table: each row is a network, and what is said of it when it is sound and when it is broken. It is asked by an ordinary user and by
//! root, over each family that the network has.

mod fault;
mod hosts;
mod net;
mod paths;
mod routers;

use std::{net::SocketAddr, thread};

use self::{
    fault::{Fault, Place},
    net::Net,
};
use super::PORT;
use crate::{
    ability::Need,
    case::{self, Case},
    net::Family,
    outcome::Outcome,
    run::Run,
};

/// A network that is odd, and what is wrong with its twins.
pub(super) struct Odd {
    /// What is odd, as the name of the test
    name: &'static str,
    needs: &'static [Need],
    build: fn() -> Net,
    twins: &'static [Twin],
}

/// A fault on the same network, and what has to be said of it.
pub(super) struct Twin {
    fault: Fault,
    id: &'static str,
    place: Place,
}

/// A twin, in one line of the table.
const fn twin(fault: Fault, id: &'static str, place: Place) -> Twin {
    Twin { fault, id, place }
}

/// Who asks, over which family. Two at a time, so that no router is asked for the same address by both.
const SEATS: [[(Family, bool); 2]; 2] = [
    [(Family::V4, false), (Family::V6, true)],
    [(Family::V4, true), (Family::V6, false)],
];

pub(super) fn cases() -> Vec<Case> {
    [routers::TABLE, paths::TABLE, hosts::TABLE]
        .into_iter()
        .flatten()
        .map(|odd| Case::new(module_path!(), odd.name, odd.needs, || odd.judge()))
        .chain(case::cases![
            a_trace_arrives_where_what_would_soon_expire_is_prohibited: [Nft],
            a_first_syn_that_is_dropped_each_time_is_told_as_that: [Nft],
        ])
        .collect()
}

/// The errors come for the trace's own probes alone: they say nothing of the paths.
fn a_trace_arrives_where_what_would_soon_expire_is_prohibited() {
    let net = routers::prohibits_low_ttl();
    for family in Family::BOTH {
        let target = net.target(family);
        for target in [
            target.to_string(),
            SocketAddr::new(target, PORT).to_string(),
        ] {
            let traced = Run::nwcheck(&net.client, ["trace".to_owned(), target]).run();
            sound(&traced).unwrap_or_else(|why| panic!("{why}\n{traced}"));
        }
    }
}

/// What protects mail servers and SYN proxies do: who means it, asks twice. It works, and each connection waits a second.
fn a_first_syn_that_is_dropped_each_time_is_told_as_that() {
    let net = routers::wants_two_syns();
    for family in Family::BOTH {
        let slow = net.check(family, PORT).run();
        slow.warns_by("destination-intermittent");
        slow.mentions("destination-intermittent", "only who asks twice");
    }
}

impl Odd {
    /// The network passes in all seats, and each twin fails by its own fault: asked over each family, once by a user and once by root. All at once,
    /// each on a network of its own: they mostly wait.
    fn judge(&self) {
        let sound = SEATS.map(|pair| (None, pair.to_vec()));
        let broken = self
            .twins
            .iter()
            .zip(SEATS.iter().cycle())
            .flat_map(|(twin, pair)| {
                // What is read from this machine's counters is asked alone.
                let together = if matches!(twin.fault, Fault::LocalDrops) {
                    1
                } else {
                    2
                };
                pair.chunks(together)
                    .map(move |seats| (Some(twin), seats.to_vec()))
            });
        let jobs = sound.into_iter().chain(broken);
        let name = &case::current();
        let wrong: Vec<(String, String)> = thread::scope(|scope| {
            let asked: Vec<_> = jobs
                .map(|(twin, pair)| {
                    scope.spawn(move || {
                        case::name_thread(name);
                        self.ask(twin, pair)
                    })
                })
                .collect();
            let ended = asked.into_iter().map(thread::ScopedJoinHandle::join);
            ended
                .flat_map(|one| one.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        });
        let heads: Vec<&str> = wrong.iter().map(|(head, _)| head.as_str()).collect();
        let rest: Vec<&str> = wrong.iter().map(|(_, found)| found.as_str()).collect();
        assert!(
            wrong.is_empty(),
            "{}\n{}\n{}",
            self.name,
            heads.join("\n"),
            rest.join("\n")
        );
    }

    /// What is wrong in which seat, in a line, and the outcome that shows it.
    fn ask(&self, twin: Option<&Twin>, pair: Vec<(Family, bool)>) -> Vec<(String, String)> {
        let net = (self.build)();
        if let Some(twin) = twin {
            twin.fault.apply(&net);
        }
        let runs = pair
            .into_iter()
            .filter(|(family, _)| net.has(*family))
            .map(|(family, root)| {
                let run = match twin {
                    Some(twin) => twin.fault.check(&net, family),
                    None => net.check(family, PORT).arguments(net.arguments()),
                };
                (family, root, if root { run.root() } else { run })
            });
        let runs: Vec<_> = runs.collect();
        let name = &case::current();
        let found: Vec<(Family, bool, Outcome)> = thread::scope(|scope| {
            let asked = runs.into_iter().map(|(family, root, run)| {
                scope.spawn(move || {
                    case::name_thread(name);
                    (family, root, run.run())
                })
            });
            let asked: Vec<_> = asked.collect();
            let ended = asked.into_iter().map(thread::ScopedJoinHandle::join);
            ended
                .map(|one| one.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        });
        let mut wrong = Vec::new();
        for (family, root, found) in found {
            let (what, judged) = match twin {
                Some(twin) => (
                    format!("{:?}", twin.fault),
                    twin.named(&net, &found, family),
                ),
                None => ("sound".to_owned(), sound(&found)),
            };
            if let Err(why) = judged {
                let who = if root { "root" } else { "user" };
                wrong.push((
                    format!("{what}, {family:?}, {who}: {why}"),
                    found.to_string(),
                ));
            }
        }
        wrong
    }
}

/// It passed, and nothing is said against it.
fn sound(found: &Outcome) -> Result<(), String> {
    let against = [found.findings("error"), found.findings("warning")].concat();
    if !against.is_empty() || found.code != Some(0) || found.at("/verdict") != "pass" {
        return Err(format!("{against:?}, exit status {:?}", found.code));
    }
    Ok(())
}

impl Twin {
    /// The one error is the right one, and at the right place.
    fn named(&self, net: &Net, found: &Outcome, family: Family) -> Result<(), String> {
        let (errors, cause) = (found.findings("error"), found.cause());
        if errors != [self.id] || cause.as_deref() != Some(self.id) || found.code != Some(1) {
            let warnings = found.findings("warning");
            return Err(format!(
                "{} wanted, errors {errors:?}, warnings {warnings:?}, cause {cause:?}, exit status {:?}",
                self.id, found.code
            ));
        }
        let finding = found.finding(self.id);
        self.place
            .holds(net, family, &finding["hop"], &finding["address"])
    }
}
