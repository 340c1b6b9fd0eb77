//! Can a lab be made here, and if not, why.
//!
//! As root, or else in a user namespace of this process's own. The answer comes from trying.

use std::{
    env, fs, io,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    process::{Command, Stdio},
    sync::Arc,
};

use caps::{CapSet, Capability};
use nix::{
    sched::{CloneFlags, unshare},
    unistd::{getegid, geteuid},
};

use crate::{firewall, net, net::Namespace};

/// What a case needs beside namespaces and cables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// `nft`, and a kernel that takes its rules
    Nft,
    /// `/dev/net/tun`
    Tun,
    /// Bridges
    Bridge,
    /// A user other than root (not to be had in a user namespace that maps one)
    Users,
    /// Podman, where it runs: no lab is required to have it
    Podman,
}

/// What can be had here. Each field is the reason why not.
#[derive(Clone, Default)]
pub(crate) struct Ability(Arc<Reasons>);

#[derive(Default)]
struct Reasons {
    required: bool,
    lab: Option<String>,
    nft: Option<String>,
    tun: Option<String>,
    bridge: Option<String>,
    users: Option<String>,
    podman: Option<String>,
}

impl Ability {
    /// Tries everything. Enters a user namespace where that is the only way, so no thread may have been started.
    pub(crate) fn find() -> Self {
        let mut reasons = Reasons {
            required: env::var_os("NWCHECK_LAB").is_some_and(|value| value == "required"),
            ..Reasons::default()
        };
        reasons.podman = try_podman().err();
        let privileged = [Capability::CAP_SYS_ADMIN, Capability::CAP_NET_ADMIN]
            .into_iter()
            .all(|one| caps::has_cap(None, CapSet::Effective, one).unwrap_or(false));
        reasons.podman = if privileged {
            try_podman().err()
        } else {
            Some("podman is tried as root alone".to_owned())
        };
        if !privileged {
            reasons.users = Some("needs root: a user namespace has one user".to_owned());
            if let Err(error) = enter_user_namespace() {
                reasons.lab = Some(format!("needs root or user namespaces: {error}"));
                return Self(Arc::new(reasons));
            }
        }
        match Namespace::try_new("trial") {
            Ok(trial) => {
                reasons.lab = try_cable(&trial);
                reasons.nft = firewall::try_nft(&trial).err();
                reasons.tun = try_tun(&trial).err().map(|e| format!("/dev/net/tun: {e}"));
                reasons.bridge = trial.try_bridge("br").err().map(|e| format!("bridge: {e}"));
            }
            Err(error) => reasons.lab = Some(format!("network namespaces: {error}")),
        }
        Self(Arc::new(reasons))
    }

    /// The reason why a case with these needs can't run.
    pub(crate) fn lacks(&self, needs: &[Need]) -> Option<String> {
        let needed = needs.iter().map(|need| match need {
            Need::Nft => &self.0.nft,
            Need::Tun => &self.0.tun,
            Need::Bridge => &self.0.bridge,
            Need::Users => &self.0.users,
            Need::Podman => &self.0.podman,
        });
        std::iter::once(&self.0.lab)
            .chain(needed)
            .find_map(Clone::clone)
    }

    /// Whether a case with these needs that can't run is a failure.
    pub(crate) fn requires(&self, needs: &[Need]) -> bool {
        self.0.required && !needs.contains(&Need::Podman)
    }
}

/// Becomes root of a user namespace in which only this process's own user exists.
fn enter_user_namespace() -> io::Result<()> {
    let (user, group) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("0 {user} 1"))?;
    fs::write("/proc/self/gid_map", format!("0 {group} 1"))
}

fn try_cable(trial: &Namespace) -> Option<String> {
    let other = Namespace::try_new("other").ok()?;
    let error = net::try_veth((trial, "a"), (&other, "b")).err()?;
    Some(format!("veth: {error}"))
}

/// Makes a container that is never started, and removes it.
fn try_podman() -> Result<(), String> {
    let path = program("podman")?;
    let root = tempfile::tempdir().map_err(|error| format!("a folder: {error}"))?;
    let root = root.path().display().to_string();
    let name = format!("nwcheck-lab-trial-{}", std::process::id());
    let run = |words: &[&str]| {
        let mut command = bare(&path);
        for name in ["HOME", "PATH"] {
            command.envs(env::var_os(name).map(|value| (name, value)));
        }
        let output = command.args(words).output();
        let output = output.map_err(|error| format!("podman: {error}"))?;
        let words = String::from_utf8_lossy(&output.stderr);
        let last = words.trim().lines().last().unwrap_or_default();
        let failed = || format!("podman does not run here: {last}");
        output.status.success().then_some(()).ok_or_else(failed)
    };
    run(&[
        "create",
        "--name",
        &name,
        "--network",
        "none",
        "--rootfs",
        &root,
        "/none",
    ])?;
    run(&["rm", "--force", &name])
}

fn try_tun(trial: &Namespace) -> io::Result<()> {
    trial.run(|| {
        fs::OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_CLOEXEC)
            .open("/dev/net/tun")
            .map(drop)
    })
}

/// The absolute path of a program, or why there is none.
pub(crate) fn program(name: &str) -> Result<String, String> {
    ["/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin"]
        .iter()
        .map(|folder| format!("{folder}/{name}"))
        .find(|path| fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o111 != 0))
        .ok_or_else(|| format!("{name} is not installed"))
}

/// A command without input and environment.
pub(crate) fn bare(path: &str) -> Command {
    let mut command = Command::new(path);
    command
        .env_clear()
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null());
    command
}
