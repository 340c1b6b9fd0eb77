//! x
use super::Odd;
pub(super) const TABLE: &[Odd] = &[];
