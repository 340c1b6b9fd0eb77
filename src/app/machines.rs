//! Targets that are machines by name: who knows them is asked before the checks begin, so that a name that means two machines is wrong
//! usage, and nothing is sent.

use std::rc::Rc;
use std::time::Instant;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::interrupted;
use crate::cli::{self, Config, inventory};
use crate::model::machine::{Machine, Provider};
use crate::model::text::{escape, list};
use crate::model::{Ms, Target};
use crate::probe::provider::{self, Asked, Gate, Sources};
use crate::progress::{Event, Progress};

/// Reads the inventories that the user named.
///
/// # Errors
/// One can't be read, or is none: wrong usage.
pub(super) fn sources(config: &Config) -> Result<Rc<Sources>, cli::Usage> {
    let mut sources = Sources::default();
    for path in &config.inventories {
        match inventory::read(path)? {
            Some(inventory) => sources.inventories.push(inventory),
            None => sources.ssh = true,
        }
    }
    Ok(Rc::new(sources))
}

/// Asks for all targets at the same time. What is not heard to its end before a signal is none: the check is then interrupted, too.
///
/// # Errors
/// A name that means several machines: wrong usage that lists them.
pub(super) async fn ask(
    config: &Config,
    sources: &Rc<Sources>,
    progress: &Progress,
    stopped: &watch::Receiver<bool>,
) -> Result<Vec<Option<Rc<Asked>>>, cli::Usage> {
    let mut all: Vec<Option<Rc<Asked>>> = vec![None; config.targets.len()];
    let mut asking: JoinSet<(usize, Asked)> = JoinSet::new();
    let gate = Gate::default();
    let end = Instant::now() + Ms::to_duration(config.options.deadline_ms);
    for (target, typed) in config.targets.iter().enumerate() {
        let Some(wanted) = typed.machine() else {
            continue;
        };
        progress.handle(Event::Stage {
            target,
            stage: "asking who knows the machine",
        });
        let (sources, gate) = (Rc::clone(sources), gate.clone());
        asking.spawn_local(async move {
            let asked = provider::ask(&wanted, &sources, gate, provider::before(end)).await;
            (target, asked)
        });
    }
    loop {
        tokio::select! {
            ended = asking.join_next() => match ended {
                Some(Ok((target, asked))) => {
                    if let (Some(place), Some(typed)) = (all.get_mut(target), config.targets.get(target)) {
                        only_one(typed, &asked.machine())?;
                        *place = Some(Rc::new(asked));
                    }
                }
                Some(Err(_)) => {}
                None => return Ok(all),
            },
            () = interrupted(stopped.clone()) => return Ok(vec![None; config.targets.len()]),
        }
    }
}

/// A name that means several machines is a mistake, and what was meant is for the user to say.
fn only_one(target: &Target, machine: &Machine) -> Result<(), cli::Usage> {
    let known = machine.known();
    if known.len() < 2 {
        return Ok(());
    }
    let port = target
        .port
        .map_or_else(String::new, |port| format!(":{port}"));
    let mut providers: Vec<Provider> = known.iter().map(|(answer, _)| answer.provider).collect();
    providers.dedup();
    let name = target
        .machine()
        .map(|wanted| wanted.name)
        .unwrap_or_default();
    let words: Vec<String> = known
        .iter()
        .map(|(answer, instance)| {
            let said = instance
                .said
                .as_deref()
                .map(|said| format!(", {}", escape(said)));
            let place = instance
                .place
                .as_deref()
                .map(|place| format!(", {}", escape(place)));
            format!(
                "{} ({}{}{})",
                answer.provider.name(),
                escape(instance.key()),
                place.unwrap_or_default(),
                said.unwrap_or_default()
            )
        })
        .collect();
    let several = if providers.len() > 1 {
        format!("several know a machine called `{name}`")
    } else {
        format!("several machines are called `{name}`")
    };
    // A provider alone says which where each has one of the name; else only an id does.
    let ways: Vec<String> = known
        .iter()
        .map(|(answer, instance)| {
            let alone = known
                .iter()
                .filter(|(other, _)| other.provider == answer.provider)
                .count()
                == 1;
            match (alone, &instance.id) {
                (false, Some(id)) if id.starts_with('/') || id.starts_with("projects/") => {
                    format!("vm:{id}{port}")
                }
                (false, Some(id)) => format!("vm:{}/{id}{port}", answer.provider.word()),
                _ => format!("vm:{}/{name}{port}", answer.provider.word()),
            }
        })
        .collect();
    let is_by_provider = providers.len() == known.len();
    let expected = match (is_by_provider, providers.as_slice()) {
        (true, _) => "the one that is meant, by its provider",
        (false, [Provider::Inventory]) => "inventories that agree, or one of them",
        (false, _) => "the one that is meant, by its id",
    };
    Err(cli::Usage::new(
        format!("target `{}`", target.input),
        format!("{several}: {}", list(&words)),
        expected,
        ways.join(" or "),
    ))
}
