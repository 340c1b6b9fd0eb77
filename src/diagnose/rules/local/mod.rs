//! This machine: routes, interfaces, neighbours, ports, its own firewall.

mod asymmetric_filter;
mod conntrack_full;
mod cpu_high;
mod firewall;
mod interface_down;
mod interface_errors;
mod listener_address;
mod memory_high;
mod multihomed;
mod neighbour_unresolved;
mod no_route;
mod port_denied;
mod port_in_use;
mod ports_exhausted;
mod proxy_configured;
mod sockets_exhausted;
mod source_unavailable;

use crate::diagnose::Rule;

pub(crate) use neighbour_unresolved::for_some;

pub(crate) use conntrack_full::passes_through;
pub(crate) use firewall::{because_of, forbidden, let_pass, look};
pub(crate) use listener_address::{listens_at, listens_elsewhere};
pub(crate) use no_route::forwards;

/// The rules of this family, in the order of the chain.
pub static LOCAL: &[&Rule] = &[
    &source_unavailable::RULE,
    &port_denied::RULE,
    &port_in_use::RULE,
    &ports_exhausted::RULE,
    &sockets_exhausted::RULE,
    &interface_down::RULE,
    &no_route::RULE,
    &conntrack_full::RULE,
    &firewall::RULE,
    &asymmetric_filter::RULE,
    &multihomed::RULE,
    &neighbour_unresolved::RULE,
    &listener_address::RULE,
    &interface_errors::RULE,
    &proxy_configured::RULE,
    &cpu_high::RULE,
    &memory_high::RULE,
];
