//! Sockets, kernel look-ups, privileges and the clock: where the program meets the operating system.
//!
//! What it is for: one honest primitive per question ("open this connection", "which route would this
//! flow take", "who holds this port"), each handing back everything that the kernel said.
//!
//! What it may use: the standard library, tokio's reactor, and the system. It is the only module with
//! `unsafe` and with `cfg(target_os)`; both live under `platform`.
//!
//! What it must not do: judge. A failed connection, a denied option or a missing file is data here and
//! becomes a finding elsewhere. It depends on no other module of the crate, starts no other program
//! but those that [`command`] is told to ask and those that list what root alone may see ([`program`]), and changes nothing on the
//! machine.
//!
//! | module | what it is |
//! |---|---|
//! | [`errno`] | the kernel's error numbers, with stable names |
//! | [`clock`] | one monotonic start; kernel timestamps → [`std::time::Instant`] |
//! | [`flow`] | what the sockets have in common: addresses, ports, TTL, interface, label |
//! | [`getaddrinfo`] | the system's resolver, as an application asks it |
//! | [`queue`] | what `MSG_ERRQUEUE` holds: ICMP errors with their sender |
//! | [`tcp`] | connection attempts that keep the reason of their failure |
//! | [`tcp_info`] | `TCP_INFO`, read by length |
//! | [`udp`] | one connected datagram socket per flow |
//! | [`echo`] | ICMP echo over ping sockets, or raw where permitted |
//! | [`raw`] | whole IP packets out, ICMP messages and TCP segments in |
//! | [`route`] | rtnetlink: look-ups, rules, routes, links, addresses, neighbours |
//! | [`command`] | programs of the user's, asked for what they know |
//! | [`system`] | procfs and sysfs: load, counters, limits, who holds a port, where we run |
//! | [`program`] | programs that list what only they can tell, run as carefully as root must |
//! | `trusted` | which programs nobody but root may change |
//! | [`privilege`] | what this process may do, and giving it up |

pub mod clock;
pub mod command;
pub mod echo;
pub mod errno;
pub mod flow;
pub mod getaddrinfo;
pub mod getent;
pub mod privilege;
pub mod program;
pub mod queue;
pub mod raw;
pub mod route;
pub mod system;
pub mod tcp;
pub mod tcp_info;
mod trusted;
pub mod udp;

mod platform;
