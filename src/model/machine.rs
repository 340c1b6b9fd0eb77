//! Virtual machines, containers and hosts that go by a name which is no DNS name: who knows them, in which state they are, and where.

mod choice;
mod wanted;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::{escape, list};
use super::{Address, Ms, ObservationId};

pub use choice::{Choice, choose};
pub use wanted::{Cloud, Wanted};

/// Who knows machines by name, in the order in which they are told.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Provider {
    /// The files that `--inventory` names.
    Inventory,
    /// The host aliases of `ssh`, with `--inventory ssh`.
    Ssh,
    /// libvirt, by `virsh`.
    Libvirt,
    /// Incus.
    Incus,
    /// LXD, by `lxc`.
    Lxd,
    /// Docker.
    Docker,
    /// Podman.
    Podman,
    /// systemd-machined, by `machinectl`.
    Machined,
    /// Multipass.
    Multipass,
    /// Vagrant.
    Vagrant,
    /// Azure, by `az`.
    Az,
    /// Amazon EC2, by `aws`.
    Aws,
    /// Google Compute Engine, by `gcloud`.
    Gcloud,
}

impl Provider {
    /// All of them, in the order in which they are told.
    pub const ALL: &'static [Self] = &[
        Self::Inventory,
        Self::Ssh,
        Self::Libvirt,
        Self::Incus,
        Self::Lxd,
        Self::Docker,
        Self::Podman,
        Self::Machined,
        Self::Multipass,
        Self::Vagrant,
        Self::Az,
        Self::Aws,
        Self::Gcloud,
    ];

    /// As it is written before a name: `docker/web`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Inventory => "inventory",
            Self::Ssh => "ssh",
            Self::Libvirt => "libvirt",
            Self::Incus => "incus",
            Self::Lxd => "lxd",
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Machined => "machined",
            Self::Multipass => "multipass",
            Self::Vagrant => "vagrant",
            Self::Az => "az",
            Self::Aws => "aws",
            Self::Gcloud => "gcloud",
        }
    }

    /// As it is called in a sentence.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inventory => "the inventory",
            Self::Ssh => "ssh's configuration",
            Self::Libvirt => "libvirt",
            Self::Incus => "Incus",
            Self::Lxd => "LXD",
            Self::Docker => "Docker",
            Self::Podman => "Podman",
            Self::Machined => "systemd-machined",
            Self::Multipass => "Multipass",
            Self::Vagrant => "Vagrant",
            Self::Az => "Azure",
            Self::Aws => "AWS",
            Self::Gcloud => "Google Cloud",
        }
    }

    /// The one of this word, or of the word of its program: `virsh` is libvirt.
    pub fn named(word: &str) -> Option<Self> {
        let word = match word {
            "virsh" => "libvirt",
            "lxc" => "lxd",
            "machinectl" => "machined",
            "azure" => "az",
            "gcp" | "gce" => "gcloud",
            word => word,
        };
        Self::ALL.iter().copied().find(|known| known.word() == word)
    }
}

/// In which state a machine is, in the words that all providers share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MachineState {
    /// It runs.
    Running,
    /// It is being made or started.
    Starting,
    /// It is being shut down.
    Stopping,
    /// It is off.
    Stopped,
    /// It is paused, suspended or saved.
    Suspended,
    /// It is off, and gave its hardware back.
    Deallocated,
    /// It crashed or is broken, by its provider's word.
    Failed,
    /// The provider does not tell.
    Unknown,
}

impl MachineState {
    /// Whether it is known that it does not run.
    pub const fn is_off(self) -> bool {
        !matches!(self, Self::Running | Self::Unknown)
    }

    /// As it stands after "is".
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Starting => "still starting",
            Self::Stopping => "being shut down",
            Self::Stopped => "stopped",
            Self::Suspended => "suspended",
            Self::Deallocated => "deallocated",
            Self::Failed => "broken",
            Self::Unknown => "in no state that is told",
        }
    }
}

/// Whether an address is reached from the machine's own network alone, or from everywhere.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// From its own network.
    Private,
    /// From everywhere.
    Public,
}

/// An address of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MachineAddress {
    /// The address.
    pub address: Address,
    /// From where it is reached.
    pub scope: Scope,
    /// The interface or network that has it, as the provider calls it.
    pub interface: Option<String>,
}

impl MachineAddress {
    /// An address, whose scope is that of its class (RFC 6890).
    pub fn new(address: Address, interface: Option<String>) -> Self {
        let scope = if address.is_private() {
            Scope::Private
        } else {
            Scope::Public
        };
        Self {
            address,
            scope,
            interface,
        }
    }
}

/// A machine, as its provider tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Instance {
    /// Its name.
    pub name: String,
    /// Its id, by which it can be asked for where several have the name.
    pub id: Option<String>,
    /// Where it is: a region, a zone, a resource group, a file and its line.
    pub place: Option<String>,
    /// Its state.
    pub state: MachineState,
    /// Its state in the provider's own word.
    pub said: Option<String>,
    /// Its addresses.
    pub addresses: Vec<MachineAddress>,
    /// The DNS name under which it is reached, where the provider has that and no address.
    pub host_name: Option<String>,
    /// What else has to be known of how it is reached, as a sentence.
    pub note: Option<String>,
}

impl Instance {
    /// A machine of which nothing but the name is known.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            id: None,
            place: None,
            state: MachineState::Unknown,
            said: None,
            addresses: Vec::new(),
            host_name: None,
            note: None,
        }
    }

    /// What tells it from another of the same name: its id, else its name.
    pub fn key(&self) -> &str {
        self.id.as_deref().unwrap_or(&self.name)
    }
}

/// What became of asking a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Told {
    /// It knows the machine.
    Known,
    /// It does not.
    Unknown,
    /// It is not on this machine.
    Absent,
    /// It could not tell.
    Failed,
    /// It did not answer in time.
    Timeout,
    /// What it wrote can't be understood.
    Unreadable,
}

impl Told {
    /// Whether it may know the machine without having said so.
    pub const fn is_open(self) -> bool {
        !matches!(self, Self::Known | Self::Unknown | Self::Absent)
    }
}

/// What one provider says of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProviderAnswer {
    /// Who was asked.
    pub provider: Provider,
    /// What became of it.
    pub outcome: Told,
    /// The provider's own words for a failure, escaped and bounded.
    pub error: Option<String>,
    /// What was run, as it would be typed.
    pub commands: Vec<String>,
    /// How long it took.
    pub ms: Option<Ms>,
    /// The machines of that name.
    pub instances: Vec<Instance>,
    /// The observation that records it.
    pub observation: Option<ObservationId>,
}

/// How the name of a machine became addresses.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Machine {
    /// What each provider says, in the order of [`Provider::ALL`].
    pub providers: Vec<ProviderAnswer>,
    /// Which of a machine's addresses are checked, and why those, as a sentence; null where there is nothing to choose.
    pub choice: Option<String>,
}

impl Machine {
    /// Each machine that is known, with who knows it; one that two know by the same id once.
    pub fn known(&self) -> Vec<(&ProviderAnswer, &Instance)> {
        let mut known: Vec<(&ProviderAnswer, &Instance)> = Vec::new();
        for answer in &self.providers {
            for instance in &answer.instances {
                let same = |(_, other): &(&ProviderAnswer, &Instance)| {
                    instance.id.is_some() && other.id == instance.id
                };
                if !known.iter().any(same) {
                    known.push((answer, instance));
                }
            }
        }
        known
    }

    /// The machine, where exactly one is known.
    pub fn only(&self) -> Option<(&ProviderAnswer, &Instance)> {
        match self.known().as_slice() {
            [one] => Some(*one),
            _ => None,
        }
    }

    /// Why there is no machine to check, or no address of it, in a sentence without its full stop; none where there is one.
    pub fn account(&self) -> Option<String> {
        match self.known().as_slice() {
            [] => Some(self.nobody()),
            [(answer, instance)] if instance.addresses.is_empty() => {
                let why = instance
                    .note
                    .as_deref()
                    .map_or_else(String::new, |note| format!(": {note}"));
                Some(format!(
                    "{} tells no address of it{why}",
                    answer.provider.name()
                ))
            }
            [_] => None,
            several => {
                let words: Vec<String> = several
                    .iter()
                    .map(|(answer, instance)| {
                        format!("{}/{}", answer.provider.word(), escape(instance.key()))
                    })
                    .collect();
                Some(format!("several machines have the name: {}", list(&words)))
            }
        }
    }

    fn nobody(&self) -> String {
        let of = |wanted: fn(Told) -> bool| -> Vec<&'static str> {
            let asked = self.providers.iter().filter(|a| wanted(a.outcome));
            asked.map(|answer| answer.provider.name()).collect()
        };
        let unknown = of(|told| told == Told::Unknown);
        let mut said = Vec::new();
        if !unknown.is_empty() {
            let verb = if unknown.len() == 1 { "does" } else { "do" };
            said.push(format!("{} {verb} not know it", list(&unknown)));
        }
        for answer in self.providers.iter().filter(|a| a.outcome.is_open()) {
            let words = answer.error.as_deref().unwrap_or("it could not be asked");
            said.push(format!("{}: {words}", answer.provider.name()));
        }
        if let ([only], true) = (self.providers.as_slice(), said.is_empty()) {
            let words = only.error.as_deref().unwrap_or("it is not on this machine");
            said.push(format!("{}: {words}", only.provider.name()));
        }
        if said.is_empty() {
            "nothing on this machine knows virtual machines or containers, and no inventory was named".to_owned()
        } else {
            said.join("; ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_provider_reads_back_and_is_serialised_as_it_is_written() {
        for provider in Provider::ALL {
            assert_eq!(Provider::named(provider.word()), Some(*provider));
            let word = serde_json::to_string(provider).unwrap();
            assert_eq!(word, format!("\"{}\"", provider.word()));
        }
        assert!(Provider::ALL.is_sorted());
        assert_eq!(Provider::named("virsh"), Some(Provider::Libvirt));
        assert_eq!(Provider::named("qemu"), None);
    }

    fn answer(provider: Provider, outcome: Told, instances: Vec<Instance>) -> ProviderAnswer {
        ProviderAnswer {
            provider,
            outcome,
            error: None,
            commands: Vec::new(),
            ms: None,
            instances,
            observation: None,
        }
    }

    #[test]
    fn one_machine_that_two_providers_know_by_its_id_is_one() {
        let web = Instance {
            id: Some("4f5e".to_owned()),
            ..Instance::named("web")
        };
        let mut machine = Machine {
            providers: vec![
                answer(Provider::Docker, Told::Known, vec![web.clone()]),
                answer(Provider::Podman, Told::Known, vec![web]),
            ],
            choice: None,
        };
        assert!(machine.only().is_some());
        let other = Instance::named("web");
        machine
            .providers
            .push(answer(Provider::Incus, Told::Known, vec![other]));
        assert!(machine.only().is_none());
        assert_eq!(
            machine.account().as_deref(),
            Some("several machines have the name: docker/4f5e and incus/web")
        );
    }

    #[test]
    fn who_does_not_know_it_and_who_could_not_tell_are_told_apart() {
        let mut failed = answer(Provider::Az, Told::Failed, Vec::new());
        failed.error = Some("az failed (exit status 1): Please run 'az login'".to_owned());
        let machine = Machine {
            providers: vec![
                answer(Provider::Docker, Told::Unknown, Vec::new()),
                answer(Provider::Incus, Told::Absent, Vec::new()),
                failed,
            ],
            choice: None,
        };
        assert_eq!(
            machine.account().as_deref(),
            Some(
                "Docker does not know it; Azure: az failed (exit status 1): Please run 'az login'"
            )
        );
        assert!(
            Machine::default()
                .account()
                .unwrap()
                .starts_with("nothing on this machine")
        );
    }
}
