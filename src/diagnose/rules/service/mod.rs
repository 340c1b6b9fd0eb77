//! What speaks on the port.

mod closes;
mod greeting;
mod protocol;
mod silent;

use crate::diagnose::Rule;

/// The rules of this family, in the order of the chain.
pub static SERVICE: &[&Rule] = &[&closes::RULE, &silent::RULE, &protocol::RULE];
