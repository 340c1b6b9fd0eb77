//! nwcheck: does this connection work, and if not, where does it break, whose is it, what is to be done?
//!
//! A check goes one way, and each arrow is one module:
//!
//! ```text
//! target → resolution → endpoints → observations → evidence → findings → report → bytes and exit status
//! ```
//!
//! | module | what it is |
//! |---|---|
//! | [`app`] | the pipeline on one screen: config → collect → diagnose → report |
//! | [`cli`] | what was typed: clap types, arguments → config, explain, completions, man pages |
//! | [`progress`] | events → stderr; the only user of indicatif |
//! | [`collect`] | the one loop plan → probe → evidence; owns the clock, the token bucket, the deadline |
//! | [`plan`] | pure: which probes next, folded over the evidence and what the rules could not tell |
//! | [`probe`] | I/O: one file per kind of probe; a spec goes in, observations come out |
//! | [`net`] | sockets, kernel look-ups, privileges: the only `unsafe` and the only `cfg(target_os)` |
//! | [`proto`] | pure, sans-IO: the tracing engine, what datagrams carry |
//! | [`policy`] | pure: the one evaluator of packet rules, three-valued, and its readers |
//! | [`diagnose`] | pure: evidence → findings, one file a rule, and the choice of the one cause |
//! | [`report`] | pure: report → bytes, one file an output form |
//! | [`demo`] | faults made on loopback, each checked and explained |
//! | [`model`] | pure data and total functions on it; what everything above speaks |
//!
//! The pure modules never see a socket, a clock, the environment or a printer; `tests/tidy.rs` holds that.

pub mod app;
pub mod cli;
pub mod collect;
pub mod demo;
pub mod diagnose;
pub mod model;
pub mod net;
pub mod plan;
pub mod policy;
pub mod probe;
pub mod progress;
pub mod proto;
pub mod report;
