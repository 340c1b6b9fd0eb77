//! I/O: one file per kind of probe. A spec goes in, observations come out through the [`Recorder`].

mod recorder;

pub use recorder::Recorder;
