//! Who a program runs as: root, or somebody with no privilege at all, or with a few.

use std::{io, os::unix::process::CommandExt as _, process::Command};

use caps::Capability;

/// The number of the ordinary user and group: "nobody" nearly everywhere.
pub(crate) const NOBODY: u32 = 65534;

/// `_LINUX_CAPABILITY_VERSION_3` (linux/capability.h): two words of 32 capabilities each.
const CAPABILITY_VERSION: u32 = 0x2008_0522;
/// `SECBIT_NOROOT` (linux/securebits.h): user 0 gets no capabilities from running a program.
const SECBIT_NOROOT: libc::c_ulong = 1;

/// Who a program runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// Root, with every capability
    Root,
    /// Somebody with none, who can't get any either
    User,
    /// Somebody with these
    Capable(Vec<Capability>),
}

impl Identity {
    /// Makes the command run so. The calling thread must be root of its user namespace.
    pub(crate) fn assume(&self, command: &mut Command) {
        let kept = match self {
            Self::Root => return,
            Self::User => &[],
            Self::Capable(capabilities) => capabilities.as_slice(),
        };
        let kept: u64 = kept.iter().map(|one| 1 << one.index()).sum();
        // Where only one user is mapped there is nobody else to become: then its capabilities go, and it keeps the number 0.
        let others = std::fs::read_to_string("/proc/self/uid_map").is_ok_and(|map| {
            map.split_whitespace()
                .nth(2)
                .and_then(|count| count.parse::<u32>().ok())
                .is_some_and(|count| count > NOBODY)
        });
        // SAFETY: between fork and exec `give_up` makes system calls alone and allocates nothing.
        unsafe { command.pre_exec(move || give_up(kept, others)) };
    }
}

/// Gives up everything but the capabilities in `kept`, for good.
fn give_up(kept: u64, others: bool) -> io::Result<()> {
    let words = [low(kept), low(kept >> 32)];
    let data = words.map(|word| [word; 3]);
    let header = [CAPABILITY_VERSION, 0];
    // SAFETY: signal, prctl, set*id and capset take integers, and pointers to memory of this frame in the kernel's own layout.
    unsafe {
        // A shell's background jobs start with it ignored, and what is ignored stays so.
        libc::signal(libc::SIGINT, libc::SIG_DFL);
        for capability in 0..64 {
            if kept & (1 << capability) == 0 {
                // Fails beyond the last capability the kernel knows.
                libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0);
            }
        }
        if others {
            check(libc::setgroups(0, std::ptr::null()))?;
            check(libc::setresgid(NOBODY, NOBODY, NOBODY))?;
            check(libc::prctl(libc::PR_SET_KEEPCAPS, 1, 0, 0, 0))?;
            check(libc::setresuid(NOBODY, NOBODY, NOBODY))?;
        } else {
            check(libc::prctl(libc::PR_SET_SECUREBITS, SECBIT_NOROOT, 0, 0, 0))?;
        }
        // Each word is effective, permitted, inheritable.
        let set = libc::syscall(libc::SYS_capset, header.as_ptr(), data.as_ptr());
        check(i32::from(set != 0).wrapping_neg())?;
        for capability in 0..64_u64 {
            if kept & (1 << capability) != 0 {
                let raise = libc::PR_CAP_AMBIENT_RAISE;
                check(libc::prctl(libc::PR_CAP_AMBIENT, raise, capability, 0, 0))?;
            }
        }
        check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    }
}

fn low(word: u64) -> u32 {
    u32::try_from(word & u64::from(u32::MAX)).unwrap_or(0)
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
