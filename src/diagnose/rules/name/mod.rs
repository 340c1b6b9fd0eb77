//! The name: DNS and hosts.

use crate::diagnose::Rule;
use crate::model::Evidence;
use crate::model::resolution::ServerAnswer;

/// The rules of this family.
pub static NAME: &[&Rule] = &[];

/// placeholder until merge
pub fn unreachable_servers(_: &Evidence) -> Vec<&ServerAnswer> {
    Vec::new()
}
