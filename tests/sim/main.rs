//! The tracing state machine on simulated networks, in virtual time.

mod all_paths;
mod drive;
mod network;
mod one_path;
