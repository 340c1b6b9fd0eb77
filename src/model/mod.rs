//! Pure data, and total functions on it: what all the rest of nwcheck speaks.
//!
//! Nothing here opens a socket, asks a clock, reads the environment or prints. Everything that stands in the report is
//! defined here, with serde and the JSON Schema derived from the same types, so that code, report and schema agree.

pub mod account;
pub mod address;
pub mod criteria;
pub mod diff;
pub mod duration;
pub mod evidence;
pub mod exit;
pub mod finding;
pub mod firewall;
pub mod inventory;
pub mod local;
pub mod machine;
pub mod observation;
pub mod options;
pub mod outcome;
pub mod proxy;
pub mod report;
pub mod resolution;
pub mod routing;
pub mod saved;
pub mod source;
pub mod speech;
pub mod split;
pub mod standing;
pub mod statistics;
pub mod systems;
pub mod target;
pub mod text;
pub mod topology;

pub use address::{Address, Endpoint};
pub use duration::Ms;
pub use evidence::Evidence;
pub use exit::ExitStatus;
pub use finding::{Finding, Id, Origin, Severity};
pub use observation::{Icmp, Observation, ObservationId, Operation};
pub use options::Options;
pub use outcome::Outcome;
pub use report::Report;
pub use target::Target;
