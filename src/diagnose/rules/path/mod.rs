//! Routers, firewalls and whatever else stands between here and the destination.

mod blackhole;
mod filtered;
mod host_unreachable;
mod latency;
mod r#loop;
mod loss;
mod mtu_reduced;
mod no_route;
mod partial;
mod prohibited;
mod reset;

use crate::diagnose::Rule;

pub(super) use blackhole::nothing_answers;
pub(super) use filtered::stops_before;
pub(in crate::diagnose) use r#loop::circles;
pub(super) use partial::{Partial, partial};
pub(super) use reset::{Reset, reset_before_the_host};

/// The rules of this family, in the order of the chain.
pub static PATH: &[&Rule] = &[
    &no_route::RULE,
    &host_unreachable::RULE,
    &prohibited::RULE,
    &reset::RULE,
    &r#loop::RULE,
    &blackhole::RULE,
    &partial::RULE,
    &filtered::RULE,
    &mtu_reduced::RULE,
    &loss::RULE,
    &latency::RULE,
];
