//! The host asked for and its port.

mod composed;
mod echo_filtered;
mod flow_decides;
mod host_down;
mod intermittent;
mod order;
mod port_closed;
mod port_filtered;
mod return_ttl;
mod udp_closed;
mod udp_no_answer;
mod unsteady;
mod vm_not_running;

use crate::diagnose::Rule;

pub(super) use host_down::last_router_proven;
pub(super) use order::{Order, order};
pub(crate) use port_filtered::closes;
pub(super) use unsteady::{Unsteady, unsteady};

/// The rules of this family, in the order of the chain.
pub static DESTINATION: &[&Rule] = &[
    &vm_not_running::RULE,
    &host_down::RULE,
    &port_filtered::RULE,
    &port_closed::RULE,
    &echo_filtered::RULE,
    &udp_closed::RULE,
    &udp_no_answer::RULE,
    &intermittent::RULE,
    &composed::ADDRESS_PARTIAL,
    &composed::IPV6_BROKEN,
    &composed::IPV4_BROKEN,
];
