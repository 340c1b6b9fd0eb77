//! The lab's tests of itself: before a case blames the tool, the lab must have made the fault that it says.

mod names;
mod paths;
mod programs;
mod simulated;

use crate::case::Case;

/// All of them.
pub(crate) fn cases() -> Vec<Case> {
    [
        paths::cases(),
        names::cases(),
        programs::cases(),
        simulated::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
