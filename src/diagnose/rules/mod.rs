//! The rules: one file each, one line here to register it.

pub mod name;

use super::Rule;

/// Every rule, in the order of the chain.
pub static RULES: &[&Rule] = &[];
