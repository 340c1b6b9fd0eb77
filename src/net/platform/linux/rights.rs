//! Capabilities of this thread: given up, and for a moment taken back from what is still permitted (capabilities(7)).
//!
//! What a program gets that is started later: of user id 0 it gets, effective, all that is in both this thread's permitted set and its
//! bounding set, whatever `PR_SET_NO_NEW_PRIVS` says (`cap_bprm_creds_from_file` in `security/commoncap.c` cuts it to what was permitted
//! before, not to nothing); so the bounding set is emptied, too. Of another user id it gets none: it would take the ambient set, which is
//! never filled. A right by which such a program works as root is one that is kept permitted and left in the bounding set.

use caps::{CapSet, Capability, CapsHashSet};

use super::super::Right;
use crate::net::errno::Errno;

/// What a right takes.
const fn capabilities(right: Right) -> &'static [Capability] {
    match right {
        Right::OtherProcesses => &[Capability::CAP_SYS_PTRACE, Capability::CAP_DAC_READ_SEARCH],
        Right::LowPorts => &[Capability::CAP_NET_BIND_SERVICE],
        Right::RawSockets => &[Capability::CAP_NET_RAW],
        Right::Files => &[Capability::CAP_DAC_OVERRIDE],
    }
}

/// Leaves no capability effective, inheritable or ambient, and permitted only those of these rights that were permitted before; and
/// forbids to gain any by exec. Root without `CAP_SETPCAP`, as in some containers, can't empty its bounding set: a program that it starts
/// has what is kept here.
pub(in crate::net) fn drop_privileges(kept: &[Right]) -> Result<(), Errno> {
    let denied = |_| Errno::EPERM;
    nix::sys::prctl::set_no_new_privs().map_err(|error| Errno::from_code(error as i32))?;
    if caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP).map_err(denied)? {
        caps::clear(None, CapSet::Bounding).map_err(denied)?;
    }
    // Ambient before the others, as it must stay within them; a kernel before 4.3 has none.
    let _ = caps::clear(None, CapSet::Ambient);
    let permitted = caps::read(None, CapSet::Permitted).map_err(denied)?;
    let kept: CapsHashSet = kept
        .iter()
        .flat_map(|right| capabilities(*right))
        .filter(|one| permitted.contains(one))
        .copied()
        .collect();
    for set in [CapSet::Effective, CapSet::Inheritable] {
        caps::clear(None, set).map_err(denied)?;
    }
    caps::set(None, CapSet::Permitted, &kept).map_err(denied)
}

/// Does something with a right where this thread still has it, and without it where not.
pub(in crate::net) fn with_right<T>(right: Right, work: impl FnOnce() -> T) -> T {
    let raised = capabilities(right)
        .iter()
        .filter(|one| !caps::has_cap(None, CapSet::Effective, **one).unwrap_or(true))
        .filter(|one| caps::raise(None, CapSet::Effective, **one).is_ok());
    // Lowered again also when `work` panics.
    let _raised = Raised(raised.copied().collect());
    work()
}

struct Raised(Vec<Capability>);

impl Drop for Raised {
    fn drop(&mut self) {
        for one in &self.0 {
            // It can only fail for a thread that has lost even this: then there is nothing to lower.
            let _ = caps::drop(None, CapSet::Effective, *one);
        }
    }
}
