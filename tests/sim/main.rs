//! The tracing state machine on simulated networks, in virtual time.

mod drive;
mod network;
mod one_path;
mod all_paths;
