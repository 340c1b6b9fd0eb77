//! Wire formats and protocol state machines without I/O.
//!
//! Nothing in here opens a socket, reads a clock, prints or draws a random number: time and seeds are
//! arguments, what comes from the network is handed in, and what should be sent is handed out.
//! Everything is bounded whatever the network answers. It uses `std`, hickory's DNS wire format, and pnet's packet
//! builders.

pub mod mtu;
pub mod packet;
pub mod payload;
pub mod quote;
pub mod trace;
