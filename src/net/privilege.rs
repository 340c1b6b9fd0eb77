//! What this process may do, and giving it up.
//!
//! What it is for: to say beforehand what can't be measured and why; and to hold privileges no longer than
//! the opening of sockets takes. What it may use: `platform`, [`super::echo`], `/proc/self`. What it must not
//! do: gain anything, raise a capability to ambient, or hand one to a child.

use std::fs;

use super::echo::{Echo, Method, Open};
use super::errno::Errno;
use super::flow::Family;
use super::platform::{self, Right};

#[cfg(test)]
const CAP_DAC_OVERRIDE: u32 = 1;
#[cfg(test)]
const CAP_SETPCAP: u32 = 8;
const CAP_DAC_READ_SEARCH: u32 = 2;
const CAP_NET_BIND_SERVICE: u32 = 10;
const CAP_NET_ADMIN: u32 = 12;
const CAP_NET_RAW: u32 = 13;
const CAP_SYS_PTRACE: u32 = 19;

/// Effective capabilities, as a set of bits (capabilities(7)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Capabilities(u64);

impl Capabilities {
    /// Those of this thread, from `/proc/self/status`; none where that can't be read.
    pub fn effective() -> Self {
        let status = fs::read_to_string("/proc/thread-self/status");
        Self(status.ok().and_then(|text| mask(&text)).unwrap_or(0))
    }

    fn has(self, number: u32) -> bool {
        self.0 & (1 << number) != 0
    }

    /// Raw sockets.
    pub fn net_raw(self) -> bool {
        self.has(CAP_NET_RAW)
    }

    /// Reading firewalls, counters of others, the drop monitor.
    pub fn net_admin(self) -> bool {
        self.has(CAP_NET_ADMIN)
    }

    /// Source ports below `ip_unprivileged_port_start`.
    pub fn net_bind_service(self) -> bool {
        self.has(CAP_NET_BIND_SERVICE)
    }

    /// Seeing which process of another user holds a port: it takes both.
    pub fn sees_other_processes(self) -> bool {
        self.has(CAP_SYS_PTRACE) && self.has(CAP_DAC_READ_SEARCH)
    }

    /// Taking capabilities out of the bounding set.
    #[cfg(test)]
    pub(super) fn unbounds(self) -> bool {
        self.has(CAP_SETPCAP)
    }

    /// Whether there is none at all.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

fn mask(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

/// What this process may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Privileges {
    /// Effective user id is 0 (which says little: a container's root may have no capability).
    pub is_root: bool,
    /// Effective capabilities.
    pub capabilities: Capabilities,
    /// Whether IPv4 ping sockets can be had, by trying.
    pub ping_v4: Result<(), Errno>,
    /// Whether IPv6 ping sockets can be had, by trying.
    pub ping_v6: Result<(), Errno>,
    /// The program has more than its caller: set-user-id, set-group-id or file capabilities (`AT_SECURE`).
    pub elevated: bool,
}

/// Finds out what this process may do. Opens two sockets and closes them; sends nothing.
///
/// # Panics
/// Outside a tokio runtime with I/O and time enabled.
pub fn inspect() -> Privileges {
    let try_ping = |family| match Echo::open_as(&Open::family(family), Method::Ping) {
        Ok(_) => Ok(()),
        Err(failure) => Err(failure.errno),
    };
    Privileges {
        is_root: platform::is_root(),
        capabilities: Capabilities::effective(),
        ping_v4: try_ping(Family::V4),
        ping_v6: try_ping(Family::V6),
        elevated: platform::started_elevated(),
    }
}

/// What is still to be done by capabilities when they are given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needed {
    /// A source port below `ip_unprivileged_port_start` is to be bound.
    pub low_ports: bool,
    /// Raw sockets are to be opened, or an interface to be bound to before Linux 5.7.
    pub raw_sockets: bool,
    /// Files are to be written.
    pub files: bool,
}

/// Gives up the capabilities of this thread, and sets `PR_SET_NO_NEW_PRIVS`. None is left effective, inheritable or ambient, nor, where
/// there is `CAP_SETPCAP`, in the bounding set: a program that is started later has none, root's neither. Permitted, where they were, stay
/// those by which other users' processes are seen and those of what is needed; they are effective only for the moment in which they are
/// used ([`seeing_other_processes`], [`writing_files`], the opening of a socket). It can't be taken back.
///
/// Call it when the privileged sockets are open and before the first other thread is: capabilities belong to threads, and only those
/// started later inherit the loss. User id 0 remains, without its powers.
///
/// # Errors
/// The kernel's error; then treat the process as still privileged.
pub fn drop_after_opening(needed: Needed) -> Result<(), Errno> {
    let kept = [
        (true, Right::OtherProcesses),
        (needed.low_ports, Right::LowPorts),
        (needed.raw_sockets, Right::RawSockets),
        (needed.files, Right::Files),
    ];
    let kept: Vec<Right> = kept
        .into_iter()
        .filter_map(|(is_kept, right)| is_kept.then_some(right))
        .collect();
    platform::drop_privileges(&kept)
}

/// Does something while files can be written that other users own, where this thread is permitted to; else it does it without.
pub fn writing_files<T>(write: impl FnOnce() -> T) -> T {
    platform::with_right(Right::Files, write)
}

/// Does something while other users' processes can be seen, where this thread is permitted to; else it does it without.
pub fn seeing_other_processes<T>(look: impl FnOnce() -> T) -> T {
    platform::with_right(Right::OtherProcesses, look)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_effective_set_is_read_from_its_line() {
        let status = "Name:\tx\nCapPrm:\t00000000ffffffff\nCapEff:\t0000000000003000\n";
        let capabilities = Capabilities(mask(status).unwrap());
        assert!(capabilities.net_raw() && capabilities.net_admin());
        assert!(!capabilities.net_bind_service() && !capabilities.is_empty());
    }

    /// All sets of this thread, in the words of `/proc`.
    fn sets() -> Vec<(String, u64)> {
        let status = fs::read_to_string("/proc/thread-self/status").unwrap();
        let sets = status.lines().filter_map(|line| line.split_once(":\t"));
        sets.filter(|(name, _)| name.starts_with("Cap"))
            .map(|(name, bits)| (name.to_owned(), u64::from_str_radix(bits, 16).unwrap()))
            .collect()
    }

    #[test]
    fn dropping_leaves_nothing_but_what_is_needed_and_that_only_for_its_moment() {
        const SEEING: u64 = 1 << CAP_SYS_PTRACE | 1 << CAP_DAC_READ_SEARCH;
        let none = Needed::default();
        let cases = [
            (none, 0),
            (
                Needed {
                    low_ports: true,
                    ..none
                },
                1 << CAP_NET_BIND_SERVICE,
            ),
            (
                Needed {
                    raw_sockets: true,
                    ..none
                },
                1 << CAP_NET_RAW,
            ),
            (
                Needed {
                    files: true,
                    ..none
                },
                1 << CAP_DAC_OVERRIDE,
            ),
        ];
        for (needed, most) in cases {
            let dropping = move || {
                let before = Capabilities::effective();
                let unbounds = before.unbounds();
                let before = before.0;
                drop_after_opening(needed).unwrap();
                for (name, bits) in sets() {
                    let wanted = match name.as_str() {
                        "CapPrm" => before & (SEEING | most),
                        "CapBnd" if !unbounds => continue,
                        _ => 0,
                    };
                    assert_eq!(bits, wanted, "{name} {needed:?}");
                }
                let meanwhile = seeing_other_processes(Capabilities::effective).0;
                assert_eq!(meanwhile, before & SEEING);
                assert!(Capabilities::effective().is_empty());
                // A thread that starts later has no more.
                let later = std::thread::spawn(Capabilities::effective);
                assert!(later.join().unwrap().is_empty());
            };
            std::thread::spawn(dropping).join().unwrap();
        }
    }

    #[test]
    fn a_program_that_is_started_later_has_none() {
        let starting = || {
            let unbounds = Capabilities::effective().unbounds();
            let needed = Needed {
                low_ports: true,
                raw_sockets: true,
                files: true,
            };
            drop_after_opening(needed).unwrap();
            let shown = std::process::Command::new("/bin/cat")
                .arg("/proc/self/status")
                .output()
                .unwrap();
            let shown = String::from_utf8(shown.stdout).unwrap();
            assert!(shown.contains("NoNewPrivs:\t1"), "{shown}");
            if unbounds || !platform::is_root() {
                assert_eq!(mask(&shown), Some(0), "{shown}");
            }
        };
        std::thread::spawn(starting).join().unwrap();
    }

    #[test]
    fn a_right_ends_with_its_moment_though_that_ends_in_a_panic() {
        let panicking = || {
            drop_after_opening(Needed::default()).unwrap();
            let ended = std::panic::catch_unwind(|| seeing_other_processes(|| panic!("as asked")));
            assert!(ended.is_err());
            assert!(Capabilities::effective().is_empty());
        };
        std::thread::spawn(panicking).join().unwrap();
    }

    #[tokio::test]
    async fn ping_sockets_are_tried_and_never_guessed() {
        let found = inspect();
        for ping in [found.ping_v4, found.ping_v6] {
            assert!(matches!(
                ping,
                Ok(()) | Err(Errno::EACCES | Errno::EPERM | Errno::EAFNOSUPPORT)
            ));
        }
    }

    proptest! {
        #[test]
        fn no_status_text_panics(text in "\\PC{0,80}") {
            let _ = mask(&text);
            let _ = mask(&format!("CapEff:{text}"));
        }
    }
}
