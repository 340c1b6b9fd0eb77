//! I/O: one file per kind of probe. A spec goes in, observations come out through the [`Recorder`].

pub mod connect;
pub mod control;
pub mod datagram;
pub mod echo;
pub mod egress;
pub mod flow;
pub mod local;
pub mod look;
pub mod mtu;
pub mod names;
pub mod pace;
pub mod provider;
mod recorder;
pub mod resolve;
pub mod return_ttl;
mod series;
pub mod trace;

pub use recorder::{Observer, Recorder};
pub use series::Series;

/// The command that makes the same check with more privilege.
pub fn as_root(recorder: &Recorder) -> String {
    recorder.read(|evidence| {
        let target = &evidence.target;
        format!(
            "sudo nwcheck {} {}",
            target.protocol.command(),
            crate::model::text::escape(&target.label())
        )
    })
}
