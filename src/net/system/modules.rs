//! Which parts of the kernel are there, told without causing one to be loaded.

use std::io::ErrorKind;
use std::path::Path;

use super::{host, read};

/// Whether a part of the kernel is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is, or the kernel loads no modules, so that asking for it changes nothing.
    Present,
    /// It is not.
    Absent,
    /// It can't be told.
    Unknown,
}

/// Whether a module is loaded, or part of the kernel itself (`/sys/module`, `modules.builtin`: Documentation/kbuild/kbuild.rst).
/// The name with underscores: `nf_tables`.
pub fn module(name: &str) -> Presence {
    presence(
        name,
        Path::new("/sys/module").join(name).exists(),
        read("/proc/modules").as_deref(),
        read("/proc/sys/kernel/modules_disabled").as_deref(),
        || {
            let release = host::kernel_release()?;
            let folders = ["/lib/modules", "/usr/lib/modules"];
            folders
                .iter()
                .find_map(|folder| read(Path::new(folder).join(&release).join("modules.builtin")))
        },
    )
}

fn presence(
    name: &str,
    known: bool,
    loaded: Option<&str>,
    disabled: Option<&str>,
    builtin: impl FnOnce() -> Option<String>,
) -> Presence {
    // A kernel without modules has no list of them.
    let Some(loaded) = loaded else {
        return Presence::Present;
    };
    let first = |line: &str| line.split(' ').next() == Some(name);
    if known || loaded.lines().any(first) || disabled.is_some_and(|value| value.trim() == "1") {
        return Presence::Present;
    }
    let is_it = |line: &str| {
        let file = line.rsplit('/').next().unwrap_or_default();
        let stem = file.split('.').next().unwrap_or_default();
        stem.replace('-', "_") == name
    };
    match builtin() {
        Some(list) if list.lines().any(is_it) => Presence::Present,
        Some(_) => Presence::Absent,
        None => Presence::Unknown,
    }
}

/// Whether there are tables of iptables' own kernel modules, of one family, in this network namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Legacy {
    /// None.
    None,
    /// Some.
    Some,
    /// The list may not be read.
    Unreadable,
}

/// Looks whether iptables' own tables are there (`ip_tables_names`, `ip6_tables_names`); it takes root, and loads nothing.
pub fn legacy_tables(v6: bool) -> Legacy {
    let name = if v6 {
        "ip6_tables_names"
    } else {
        "ip_tables_names"
    };
    match std::fs::read_to_string(Path::new("/proc/thread-self/net").join(name)) {
        Ok(text) if text.trim().is_empty() => Legacy::None,
        Ok(_) => Legacy::Some,
        Err(error) if error.kind() == ErrorKind::NotFound => Legacy::None,
        Err(_) => Legacy::Unreadable,
    }
}

#[cfg(test)]
mod tests {
    use super::Presence::{Absent, Present, Unknown};
    use super::*;

    #[test]
    fn a_module_is_present_when_it_is_loaded_or_built_in_or_none_can_be_loaded() {
        let loaded = "nf_tables 1 2 - Live 0x0\nnf_tables_set 1 2\n";
        let builtin = "kernel/net/netfilter/nft-compat.ko\n";
        let told = |name, known, loaded, disabled, builtin: Option<&str>| {
            presence(name, known, loaded, disabled, || builtin.map(str::to_owned))
        };
        assert_eq!(told("nf_tables", false, Some(loaded), None, None), Present);
        assert_eq!(told("nf", false, Some(loaded), None, Some("")), Absent);
        assert_eq!(told("nf", false, Some(loaded), None, None), Unknown);
        assert_eq!(told("nf", false, Some(loaded), Some("1\n"), None), Present);
        assert_eq!(told("nf", true, Some(""), None, None), Present);
        assert_eq!(told("nf", false, None, None, None), Present);
        let compat = told("nft_compat", false, Some(loaded), None, Some(builtin));
        assert_eq!(compat, Present);
    }
}
