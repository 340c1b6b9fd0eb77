//! The name of a virtual machine or container becomes addresses: whoever on this machine runs or knows such is asked, all at the same time
//! and each for a bounded time, and the one that knows it says in which state it is.
//!
//! What it is for: fills `evidence.resolution` for a target that is a machine by its name. What it may use: the programs that the user has
//! (through `net::command`), inventories that were read before, this machine's routes. What it must not do: judge; start, stop or change
//! anything; send a packet to the machine.
//!
//! | file | who |
//! |---|---|
//! | `containers` | Docker, Podman |
//! | `incus` | Incus, LXD |
//! | `libvirt`, `machined`, `multipass`, `vagrant` | machines of this computer |
//! | `azure`, `aws`, `gcloud` | clouds |
//! | `ssh` | host aliases |

mod aws;
mod azure;
mod caller;
mod containers;
mod gcloud;
mod incus;
mod libvirt;
mod machined;
mod multipass;
mod ssh;
mod vagrant;

use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::model::inventory::Inventory;
use crate::model::machine::{self, Instance, Machine, Provider, ProviderAnswer, Told, Wanted};
use crate::model::options::Family;
use crate::model::resolution::{Resolution, SourceAnswer, SourceKind};
use crate::model::text::escape;
use crate::model::{Address, Ms, Observation, Operation, Outcome};
use crate::probe::{Recorder, local, resolve};

use caller::{Answer, Caller, Trouble};

/// So long each may take where all are asked.
const PATIENCE: Duration = Duration::from_secs(3);
/// So long the one may take that the user named: the tools of clouds take seconds to start.
const NAMED_PATIENCE: Duration = Duration::from_secs(15);
/// So much of the time for the check is left to the check, or a quarter of it.
const LEFT: Duration = Duration::from_millis(500);
/// At most so many are asked at the same time, over all targets.
const AT_ONCE: usize = 16;
/// At most so many characters of a word of a provider's are kept.
const LONGEST_WORD: usize = 128;
/// At most so many machines of one provider are kept.
const MOST_INSTANCES: usize = 16;
/// At most so many addresses of a machine are kept.
const MOST_ADDRESSES: usize = 64;

/// What is asked beside the programs that are there.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The inventories that the user named.
    pub inventories: Vec<Inventory>,
    /// Whether the host aliases of ssh are asked.
    pub ssh: bool,
}

/// What a check knows of machines by name.
#[derive(Debug, Clone, Default)]
pub struct Machines {
    /// What is asked beside the programs that are there.
    pub sources: Rc<Sources>,
    /// What was heard before the check began; none where it has to ask for itself.
    pub asked: Option<Rc<Asked>>,
}

/// What the providers said of one target, before the check of it began.
#[derive(Debug, Clone)]
pub struct Asked {
    /// When they were asked: the check counts from here.
    pub began: Instant,
    heard: Vec<(Instant, ProviderAnswer)>,
}

impl Asked {
    /// All answers, as they stand in a report.
    pub fn machine(&self) -> Machine {
        Machine {
            providers: self
                .heard
                .iter()
                .map(|(_, answer)| answer.clone())
                .collect(),
            choice: None,
        }
    }
}

/// Asks those that may know the machine, for as long as each has, and not beyond `end`.
///
/// No privilege is needed. With root's only programs are run that root alone may change.
///
/// # Panics
/// Outside a [`tokio::task::LocalSet`], or of a runtime with I/O and time.
pub async fn ask(wanted: &Wanted, sources: &Rc<Sources>, gate: Gate, end: Instant) -> Asked {
    let began = Instant::now();
    let patience = match wanted.provider {
        Some(_) => NAMED_PATIENCE,
        None => PATIENCE,
    };
    let mut asking: JoinSet<(Instant, ProviderAnswer)> = JoinSet::new();
    let about = |provider: &&Provider| match wanted.provider {
        Some(only) => **provider == only,
        None => match provider {
            Provider::Inventory => !sources.inventories.is_empty(),
            Provider::Ssh => sources.ssh,
            _ => true,
        },
    };
    for provider in Provider::ALL.iter().copied().filter(|p| about(&p)) {
        let (wanted, sources, gate) = (wanted.clone(), Rc::clone(sources), gate.clone());
        asking.spawn_local(async move {
            let _permit = gate.0.acquire().await;
            let began = Instant::now();
            let caller = Caller::new((began + patience).min(end));
            let answer = look(provider, &caller, &wanted, &sources).await;
            (
                began,
                recorded(provider, answer, began.elapsed(), caller.commands()),
            )
        });
    }
    let mut heard = Vec::new();
    while let Some(answer) = asking.join_next().await {
        heard.extend(answer.ok());
    }
    heard.sort_by_key(|(_, answer)| answer.provider);
    Asked { began, heard }
}

/// When those that are asked have to be at their end, so that something is left of a check that ends then.
pub fn before(end: Instant) -> Instant {
    let left = end.saturating_duration_since(Instant::now());
    end.checked_sub(LEFT.min(left / 4)).unwrap_or(end)
}

/// Lets so many programs run at the same time, however many targets there are.
#[derive(Debug, Clone)]
pub struct Gate(Rc<Semaphore>);

impl Default for Gate {
    fn default() -> Self {
        Self(Rc::new(Semaphore::new(AT_ONCE)))
    }
}

async fn look(provider: Provider, caller: &Caller, wanted: &Wanted, sources: &Sources) -> Answer {
    match provider {
        Provider::Inventory if sources.inventories.is_empty() => Err(Trouble::new(
            Told::Absent,
            "no inventory was named (--inventory FILE)",
        )),
        Provider::Inventory => Ok(in_files(&sources.inventories, &wanted.name)),
        Provider::Ssh if !sources.ssh => Err(Trouble::new(
            Told::Absent,
            "`ssh -G` may run commands of your own configuration, and is asked only with --inventory ssh",
        )),
        Provider::Ssh => ssh::look(caller, wanted).await,
        Provider::Libvirt => libvirt::look(caller, wanted).await,
        Provider::Incus => incus::look(caller, "incus", wanted).await,
        Provider::Lxd => incus::look_lxd(caller, wanted).await,
        Provider::Docker => containers::look(caller, "docker", wanted).await,
        Provider::Podman => containers::look(caller, "podman", wanted).await,
        Provider::Machined => machined::look(caller, wanted).await,
        Provider::Multipass => multipass::look(caller, wanted).await,
        Provider::Vagrant => vagrant::look(caller, wanted).await,
        Provider::Az => azure::look(caller, wanted).await,
        Provider::Aws => aws::look(caller, wanted).await,
        Provider::Gcloud => gcloud::look(caller, wanted).await,
    }
}

/// The host in each inventory that has it; inventories that say the same of it are one.
fn in_files(inventories: &[Inventory], name: &str) -> Vec<Instance> {
    let mut found: Vec<Instance> = Vec::new();
    for instance in inventories
        .iter()
        .filter_map(|inventory| inventory.host(name))
    {
        let same = |known: &Instance| {
            (&known.addresses, &known.host_name) == (&instance.addresses, &instance.host_name)
        };
        if !found.iter().any(same) {
            found.push(instance);
        }
    }
    found
}

fn recorded(
    provider: Provider,
    answer: Answer,
    took: Duration,
    commands: Vec<String>,
) -> ProviderAnswer {
    let (outcome, error, instances) = match answer {
        Ok(all) if all.is_empty() => (Told::Unknown, None, all),
        Ok(mut all) => {
            all.truncate(MOST_INSTANCES);
            for instance in &mut all {
                instance.addresses.truncate(MOST_ADDRESSES);
            }
            (Told::Known, None, all)
        }
        Err(trouble) => (trouble.told, Some(trouble.words), Vec::new()),
    };
    ProviderAnswer {
        provider,
        outcome,
        error,
        commands,
        ms: (outcome != Told::Absent).then(|| took.into()),
        instances,
        observation: None,
    }
}

/// Resolves the target of the check, a machine by its name, with what was heard before the check began, else by asking now. Returns when
/// the addresses are known, or when it is known that there are none. A machine that does not run has none: nothing is sent to it.
///
/// # Panics
/// As [`ask`].
pub async fn resolve(recorder: Recorder, machines: Machines) {
    let Some(wanted) = recorder.read(|evidence| evidence.target.machine()) else {
        return;
    };
    let asked = if let Some(asked) = machines.asked {
        asked
    } else {
        let end = before(recorder.deadline());
        Rc::new(ask(&wanted, &machines.sources, Gate::default(), end).await)
    };
    let mut machine = asked.machine();
    for (answer, (began, _)) in machine.providers.iter_mut().zip(&asked.heard) {
        answer.observation = observe(&recorder, answer, *began);
    }
    note_open(&recorder, &machine, &wanted);
    let took = Ms::from(asked.began.elapsed());
    let Some((answer, instance)) = machine.only() else {
        let open = machine.providers.iter().any(|a| a.outcome.is_open());
        let outcome = if open {
            Outcome::OtherError
        } else {
            Outcome::NoData
        };
        let error = machine.account();
        return settle(
            &recorder,
            machine,
            Settled {
                outcome,
                error,
                took,
                ..Settled::default()
            },
        );
    };
    let (ms, observation) = (answer.ms, answer.observation);
    let settled = Settled {
        took: ms.unwrap_or(took),
        observation,
        ..Settled::default()
    };
    if instance.state.is_off() {
        return settle(&recorder, machine, settled);
    }
    if let Some(note) = instance.note.as_ref().filter(|_| has_way(instance)) {
        let what = format!(
            "the way to {} as it is used otherwise",
            escape(&wanted.name)
        );
        recorder.note(what, note.clone(), None);
    }
    if let Some(name) = instance
        .host_name
        .clone()
        .filter(|_| instance.addresses.is_empty())
    {
        recorder.update(|evidence| {
            evidence.resolution = Some(Resolution {
                machine: Some(machine),
                ..Resolution::default()
            });
        });
        return resolve::resolve_name(recorder, name).await;
    }
    let (options, port) = recorder.read(|e| (e.options.clone(), e.target.port));
    let all: Vec<Address> = instance
        .addresses
        .iter()
        .map(|a| a.address.clone())
        .collect();
    let routes = if options.local {
        local::routes_to(&options, port, &all)
    } else {
        Vec::new()
    };
    let mut choice = machine::choose(&instance.addresses, options.family, &routes);
    let most = usize::from(options.all_addresses).max(1);
    resolve::note_cut(&recorder, choice.addresses.len(), most);
    choice.addresses.truncate(most);
    let error = choice.addresses.is_empty().then(|| match options.family {
        _ if all.is_empty() => machine.account().unwrap_or_default(),
        Family::Ipv6 => "it has no IPv6 address".to_owned(),
        _ => "it has no IPv4 address".to_owned(),
    });
    machine.choice = choice.why;
    let outcome = if choice.addresses.is_empty() {
        Outcome::NoData
    } else {
        Outcome::Ok
    };
    settle(
        &recorder,
        machine,
        Settled {
            outcome,
            error,
            addresses: choice.addresses,
            ..settled
        },
    );
}

/// Whether the machine can be checked, by an address or a name.
fn has_way(instance: &Instance) -> bool {
    !instance.addresses.is_empty() || instance.host_name.is_some()
}

/// What the asking came to.
struct Settled {
    outcome: Outcome,
    error: Option<String>,
    took: Ms,
    addresses: Vec<Address>,
    observation: Option<crate::model::ObservationId>,
}

impl Default for Settled {
    fn default() -> Self {
        Self {
            outcome: Outcome::NoData,
            error: None,
            took: Ms::ZERO,
            addresses: Vec::new(),
            observation: None,
        }
    }
}

fn settle(recorder: &Recorder, machine: Machine, settled: Settled) {
    recorder.update(|evidence| {
        evidence.resolution = Some(Resolution {
            addresses: settled.addresses.clone(),
            sources: vec![SourceAnswer {
                source: SourceKind::Provider,
                outcome: settled.outcome,
                error: settled.error,
                ms: Some(settled.took),
                addresses: settled.addresses,
                observation: settled.observation,
            }],
            machine: Some(machine),
            complete: true,
            ..Resolution::default()
        });
    });
}

/// Records that a provider was asked; one that is not there was not.
fn observe(
    recorder: &Recorder,
    answer: &ProviderAnswer,
    began: Instant,
) -> Option<crate::model::ObservationId> {
    let outcome = match answer.outcome {
        Told::Absent => return None,
        Told::Known => Outcome::Ok,
        Told::Unknown => Outcome::NoData,
        Told::Timeout => Outcome::Timeout,
        Told::Unreadable => Outcome::Malformed,
        Told::Failed => Outcome::OtherError,
    };
    let mut observation = Observation::new(Operation::Resolve, recorder.at(began), outcome);
    observation.elapsed_ms = answer.ms;
    Some(recorder.record(observation))
}

/// Where somebody knows the machine, those that could not be asked may know another of the name.
fn note_open(recorder: &Recorder, machine: &Machine, wanted: &Wanted) {
    if machine.known().is_empty() {
        return;
    }
    for answer in machine.providers.iter().filter(|a| a.outcome.is_open()) {
        recorder.note(
            format!(
                "whether {} knows {}, too",
                answer.provider.name(),
                escape(&wanted.name)
            ),
            answer.error.clone().unwrap_or_default(),
            None,
        );
    }
}

/// A word of a provider's: safe to show, and bounded.
fn word(text: &str) -> String {
    let bounded: String = text.chars().take(LONGEST_WORD).collect();
    escape(&bounded)
}

/// An address that can be used from here: none for what is empty, means nobody, or says nothing without its interface.
fn parsed(text: &str) -> Option<Address> {
    let address: Address = text.parse().ok()?;
    let ip = address.ip();
    let is_link = matches!(ip, std::net::IpAddr::V6(v6) if v6.is_unicast_link_local());
    (!ip.is_unspecified() && !ip.is_multicast() && !is_link && address.zone().is_none())
        .then_some(address)
}

/// The same of a guest's own list, which has its loopback, too.
fn of_guest(text: &str) -> Option<Address> {
    parsed(text).filter(|address| !address.ip().is_loopback())
}

#[cfg(test)]
mod tests;
