//! The tracing state machine: which path probe to send next, and what the answers say about the paths.
//!
//! Sans-IO: a [`Tracer`] is told of sends ([`Tracer::handle_sent`]), answers ([`Tracer::handle_answer`]) and
//! time ([`Tracer::handle_timeout`]); it says what to send ([`Tracer::poll_transmit`]), when to wake it
//! ([`Tracer::poll_timeout`]) and what is known so far ([`Tracer::graph`]). The same machine runs over raw
//! sockets, over error queues and in simulation.
//!
//! How it traces:
//! - Flow 0 walks the whole path first. Where it waits for a silent hop, other flows (scouts) ask the hops
//!   beyond, so that silence costs a time-out or two and not one a hop.
//! - Then other flows search for all paths: every node is examined with the published number of flows that
//!   pass through it (`stopping`), as in the Multipath Detection Algorithm.
//! - Links are only ever drawn between answers of one flow at consecutive TTLs; a silent hop is a node of its
//!   own without an address.
//!
//! Sources: Augustin et al., "Avoiding traceroute anomalies with Paris traceroute" (IMC 2006); Veitch,
//! Augustin, Teixeira, Friedman, "Failure control in multipath route tracing" (INFOCOM 2009); Vermeulen et
//! al., "Multilevel MDA-Lite Paris traceroute" (IMC 2018).
//!
//! ```
//! use nwcheck::proto::trace::{Answer, AnswerKind, Config, Micros, Tracer};
//!
//! let mut tracer = Tracer::new(Config { flows_max: 1, ..Config::default() }, 7, Micros(0));
//! let probe = tracer.poll_transmit(Micros(0)).unwrap();
//! assert_eq!((probe.flow.0, probe.ttl), (0, 1));
//! tracer.handle_sent(probe.id, Micros(10));
//! let answer = Answer { from: [192, 0, 2, 1].into(), kind: AnswerKind::Arrived, rtt: Micros(900) };
//! tracer.handle_answer(probe.id, Micros(910), answer);
//! assert_eq!(tracer.graph().distance, Some(1));
//! ```

mod arrivals;
mod cell;
mod config;
mod draw;
mod examine;
mod gate;
mod graph;
mod layout;
mod loops;
mod multipath;
mod outcomes;
mod pacing;
mod probe;
mod state;
mod stopping;
mod tracer;
mod trunk;
mod walk;
mod wants;

pub use config::{Confidence, Config, Scope, Timeouts};
pub use graph::{
    Balancing, Completeness, Ending, Examination, FlowPath, Graph, Hop, Link, Node, NodeId, Role,
};
pub use loops::Cycle;
pub use probe::{Answer, AnswerKind, FlowId, Micros, Probe, ProbeId};
pub use state::Counters;
pub use stopping::{miss_bound, stopping_point};
pub use tracer::{Bound, End, Tracer};
pub use trunk::{Trunk, TrunkHop};
