//! The name: DNS and hosts.
//!
//! What decides is what an application on this machine gets; what the servers say explains it. All of these rules rest on one
//! [`digest`] of the resolution, which names at most one fault, so that never two of them fire as errors.

use crate::diagnose::Rule;

pub mod alias_loop;
pub mod digest;
pub mod dnssec_bogus;
pub mod inconsistent;
pub mod no_address;
pub mod no_servers;
pub mod nxdomain;
pub mod refused;
pub mod server_down;
pub mod servfail;
pub mod slow;
pub mod timeout;
pub mod type_unanswered;
mod wording;

pub use digest::{account, unreachable_servers};

/// The rules on the name, in the order of the catalogue.
pub static NAME: &[&Rule] = &[
    &nxdomain::RULE,
    &no_address::RULE,
    &servfail::RULE,
    &dnssec_bogus::RULE,
    &refused::RULE,
    &alias_loop::RULE,
    &timeout::RULE,
    &no_servers::RULE,
    &server_down::RULE,
    &inconsistent::RULE,
    &type_unanswered::RULE,
    &slow::RULE,
];

#[cfg(test)]
mod tests;
