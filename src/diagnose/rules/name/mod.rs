//! The name: DNS and hosts.
