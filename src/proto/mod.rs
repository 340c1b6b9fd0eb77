//! Pure, sans-IO: wire formats and the tracing engine.
