//! The tracing state machine on simulated networks, in virtual time.
// Helpers of tests fail as tests do, and what is measured is printed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod all_paths;
mod drive;
mod measure;
mod network;
mod one_path;
mod outcomes;
mod robustness;
mod trunk;
