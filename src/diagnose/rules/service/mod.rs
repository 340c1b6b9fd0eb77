//! What speaks on the port.

mod closes;

use crate::diagnose::Rule;

/// The rules of this family, in the order of the chain.
pub static SERVICE: &[&Rule] = &[&closes::RULE];
