//! Sockets, kernel look-ups, clock, privileges: the only `unsafe` and the only `cfg(target_os)`.
