//! What the user demanded of the connection, and whether it is so.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A limit or a measured value: a number in the unit that the name says, or a word.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Quantity {
    /// A number.
    Number(f64),
    /// A word.
    Word(String),
}

/// One criterion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Criterion {
    /// Which: `expect`, `max_loss_percent`, `max_avg_ms`, `max_p95_ms`, `max_connect_ms`.
    pub name: String,
    /// What was demanded.
    pub limit: Quantity,
    /// What was measured; null when nothing could be.
    pub measured: Option<Quantity>,
    /// Whether it is so; null when it could not be told.
    pub met: Option<bool>,
}
