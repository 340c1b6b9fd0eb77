//! Pure: evidence → findings, and the choice of the one cause.

mod rule;
pub mod rules;

pub use rule::{Explain, Judge, Judgement, Need, Rule};

use crate::model::Evidence;
use crate::model::evidence::UnderTest;

/// One address under test, with all that was learnt.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// All evidence.
    pub evidence: &'a Evidence,
    /// The address that is judged.
    pub subject: &'a UnderTest,
}
