//! Pure: evidence → findings, and the choice of the one cause.

mod chain;
mod compose;
mod criteria;
mod disputed;
mod environment;
mod fallback;
mod rule;
pub mod rules;
pub mod scene;
mod summary;
mod unreachable;

pub use compose::{diagnose, needs};
pub use rule::{Explain, Judge, Judgement, Need, Rule};
pub use scene::Scene;
