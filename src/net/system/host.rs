//! What we run on: name, system, kernel, container.

use std::env;
use std::path::Path;

use super::read;

/// The name of this machine; `None` if unknown or empty.
pub fn host_name() -> Option<String> {
    line("/proc/sys/kernel/hostname")
}

/// The kernel's release, such as `6.18.44`.
pub fn kernel_release() -> Option<String> {
    line("/proc/sys/kernel/osrelease")
}

/// The system's own name for itself, such as `Debian GNU/Linux 13 (trixie)`: os-release(5).
pub fn os_name() -> Option<String> {
    ["/etc/os-release", "/usr/lib/os-release"]
        .iter()
        .find_map(|path| pretty_name(&read(path)?))
}

fn line(path: &str) -> Option<String> {
    let text = read(path)?;
    let first = text.lines().next()?.trim();
    (!first.is_empty()).then(|| first.to_owned())
}

fn pretty_name(text: &str) -> Option<String> {
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    let value = value.trim();
    let quoted = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    let bare = quoted('"').or_else(|| quoted('\'')).unwrap_or(value);
    // Within quotes a backslash stands before what the shell would else interpret.
    let mut name = String::new();
    let mut characters = bare.chars();
    while let Some(character) = characters.next() {
        name.extend(match character {
            '\\' => characters.next(),
            other => Some(other),
        });
    }
    (!name.is_empty()).then_some(name)
}

/// Kinds of container, by what they leave to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Container {
    /// A pod of Kubernetes, whatever runs it.
    Kubernetes,
    /// Docker.
    Docker,
    /// Podman.
    Podman,
    /// LXC or LXD.
    Lxc,
    /// systemd-nspawn.
    SystemdNspawn,
    /// The Windows subsystem for Linux.
    Wsl,
    /// A container of another kind.
    Other,
}

impl Container {
    /// Its usual name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Lxc => "lxc",
            Self::SystemdNspawn => "systemd-nspawn",
            Self::Wsl => "wsl",
            Self::Other => "container",
        }
    }
}

/// What can be seen of a container.
#[derive(Clone, Debug, Default)]
struct Signs {
    in_pod: bool,
    docker_file: bool,
    podman_file: bool,
    /// `container=` as systemd and the runtimes say it.
    declared: String,
    cgroup: String,
    kernel: String,
}

/// The container that we run in; `None` if there is no sign of one. Privilege: none, but the environment of
/// process 1 tells more where it may be read.
pub fn container() -> Option<Container> {
    let of_init = read("/proc/1/environ").and_then(|text| {
        let found = text.split('\0').find_map(|v| v.strip_prefix("container="));
        found.map(str::to_owned)
    });
    let declared = line("/run/systemd/container")
        .or(of_init)
        .or_else(|| env::var("container").ok());
    judge(&Signs {
        in_pod: env::var_os("KUBERNETES_SERVICE_HOST").is_some()
            || Path::new("/var/run/secrets/kubernetes.io").exists(),
        docker_file: Path::new("/.dockerenv").exists(),
        podman_file: Path::new("/run/.containerenv").exists(),
        declared: declared.unwrap_or_default(),
        cgroup: read("/proc/self/cgroup").unwrap_or_default(),
        kernel: kernel_release().unwrap_or_default(),
    })
}

fn judge(signs: &Signs) -> Option<Container> {
    let in_cgroup = |name: &str| signs.cgroup.contains(name);
    let declared = match signs.declared.as_str() {
        "" => None,
        "docker" => Some(Container::Docker),
        "podman" | "oci" => Some(Container::Podman),
        "lxc" | "lxc-libvirt" => Some(Container::Lxc),
        "systemd-nspawn" => Some(Container::SystemdNspawn),
        "wsl" => Some(Container::Wsl),
        _ => Some(Container::Other),
    };
    if signs.in_pod || in_cgroup("kubepods") {
        Some(Container::Kubernetes)
    } else if signs.docker_file || in_cgroup("/docker") {
        Some(Container::Docker)
    } else if signs.podman_file || in_cgroup("libpod") {
        Some(Container::Podman)
    } else if in_cgroup("/lxc") {
        Some(Container::Lxc)
    } else if declared.is_some() {
        declared
    } else if signs.kernel.to_ascii_lowercase().contains("microsoft") {
        Some(Container::Wsl)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_pod_is_a_pod_whatever_runs_it() {
        let mut signs = Signs {
            docker_file: true,
            ..Signs::default()
        };
        assert_eq!(judge(&signs), Some(Container::Docker));
        signs.cgroup = "0::/kubepods.slice/x\n".to_owned();
        assert_eq!(judge(&signs), Some(Container::Kubernetes));
    }

    #[test]
    fn a_container_within_wsl_is_named_before_it() {
        let mut signs = Signs {
            kernel: "5.15.90.1-microsoft-standard-WSL2".to_owned(),
            ..Signs::default()
        };
        assert_eq!(judge(&signs), Some(Container::Wsl));
        signs.declared = "lxc".to_owned();
        assert_eq!(judge(&signs), Some(Container::Lxc));
        assert_eq!(judge(&Signs::default()), None);
    }

    #[test]
    fn the_systems_name_loses_its_quotes() {
        let text = "ID=x\nPRETTY_NAME=\"A \\\"B\\\" 1\"\n";
        assert_eq!(pretty_name(text).as_deref(), Some("A \"B\" 1"));
        assert_eq!(pretty_name("PRETTY_NAME=Plain\n").as_deref(), Some("Plain"));
        assert_eq!(pretty_name("PRETTY_NAME=\n"), None);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,80}") {
            let _ = pretty_name(&format!("PRETTY_NAME={text}"));
        }
    }
}
